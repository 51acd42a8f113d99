//! An entry arrives, changes or goes: the new version is screened and its review begins, in one unit.

use super::super::rows::{EntryRow, Read, decode, encode, get, version_key};
use super::super::{Service, ServiceError};
use super::assemble::{Assembled, assemble};
use super::batch::Group;
use super::{Pull, UNIT_BYTES};
use crate::audit::{Actor, Event};
use crate::record::{
    Category, Context, Entry, EntryVersion, Finding, Flag, Lane, Patient, Screening, SourceKey, Span, Tier, Version,
    sentences, words,
};
use crate::review::{self, Caller, Facts, Review, State};
use crate::source::PatientFacts;
use crate::store::Table;

/// How many reasons a list shows of an entry.
const MOST_REASONS: usize = 4;

impl Pull<'_> {
    /// Every entry the feed speaks of.
    pub(super) fn entries(&mut self) -> Result<(), ServiceError> {
        for group in self.batch.take_groups() {
            self.entry(group)?;
            self.flush(UNIT_BYTES)?;
        }
        Ok(())
    }

    fn entry(&mut self, group: Group) -> Result<(), ServiceError> {
        let store = self.service.store.as_ref();
        let key = group.key.clone();
        let id = self.service.keys.identity.entry(&key);
        let lines: Vec<SourceKey> = group.lines.iter().map(|facts| facts.part.key.clone()).collect();
        let stored = get::<EntryRow>(store, Table::Entry, &id.0)?;
        let at_source = stored.as_ref().filter(|read| read.row.at_source);
        let current = match at_source {
            Some(read) => get::<EntryVersion>(store, Table::Version, &version_key(id, read.row.review.version))?
                .map(|read| read.row),
            None => None,
        };
        let staff = &self.batch.staff;
        let identity = &self.service.keys.identity;
        let name = |key: &SourceKey| match staff.get(key) {
            Some(name) => Some(name.clone()),
            None => decode(&store.get(Table::Staff, &identity.staff(key)).ok()??.value).ok(),
        };
        let had_header = at_source.is_some_and(|read| read.row.has_header);
        match assemble(id, group, current.as_ref(), had_header, &name) {
            Some(assembled) => self.arrive(key, assembled, stored, &lines),
            None => match stored {
                Some(read) if read.row.at_source => self.depart(read.row),
                Some(_) => Ok(()),
                None => {
                    self.batch.unknown_deletions += 1;
                    Ok(())
                }
            },
        }
    }

    fn arrive(
        &mut self,
        key: SourceKey,
        assembled: Assembled,
        stored: Option<Read<EntryRow>>,
        lines: &[SourceKey],
    ) -> Result<(), ServiceError> {
        let Assembled { version, patient, has_header } = assembled;
        let fingerprint = version.fingerprint(&self.service.keys.fingerprint);
        let stored = stored.map(|read| read.row);
        if let Some(row) = &stored
            && row.at_source
            && row.review.fingerprint == fingerprint
        {
            return Ok(());
        }
        let patient = self.patient_of(patient, stored.as_ref())?;
        let number = stored.as_ref().map_or(Version::FIRST, |row| row.review.version.next());
        let version = EntryVersion { version: number, ..version };
        let screening = self.service.screened(&version, &patient);
        let now = self.service.now();
        let mut row = EntryRow {
            entry: Entry { id: version.entry, key, patient: patient.id },
            // Any change starts the hold anew.
            review: Review::begin(number, fingerprint, now, now),
            kind: version.kind,
            title: if version.title.is_empty() { version.kind.title().to_owned() } else { version.title.clone() },
            author: version.author.name.clone(),
            authors: authors(&version),
            recorded: version.recorded,
            at_source: true,
            has_header,
            why: Service::reasons(&version, &screening),
            decided_before: stored.as_ref().and_then(|row| match row.review.decisions.is_empty() {
                true => row.decided_before,
                false => Some(row.review.version),
            }),
            waived: Vec::new(),
        };
        let facts = Facts {
            caller: Caller::System,
            open_online: self.service.open_online(&row, &patient),
            policy: &self.service.policy,
            now,
        };
        let step = |review: &Review, event| {
            review::step(review, &event, &facts).map_err(|refusal| ServiceError::Refused(refusal.to_string()))
        };
        if let Some(old) = &stored {
            self.withdrawn |= old.review.state == State::Released;
            // A deleted entry that comes back is a new version; the deletion stays as it was.
            let past = match old.at_source {
                true => step(&old.review, review::Event::SourceChanged)?,
                false => old.review.clone(),
            };
            self.pending.put(Table::Review, version_key(row.entry.id, past.version), encode(&past)?);
            let mut changed = self.service.record_on(self.actor, Event::Changed, &row);
            changed.states = Some((old.review.state.name().to_owned(), State::Screening.name().to_owned()));
            self.pending.audit.push(changed);
            self.pulled.changed += 1;
        } else {
            self.pending.audit.push(self.service.record_on(self.actor, Event::Ingested, &row));
            self.pulled.new += 1;
        }
        row.review = step(&row.review, review::Event::Screened(&screening))?;
        match row.review.state {
            State::Queued => self.pulled.queued += 1,
            State::Skim => self.pulled.to_skim += 1,
            State::AutoHold => self.pulled.on_hold += 1,
            State::NotOpen => self.pulled.not_open += 1,
            _ => {}
        }
        let rules = screening.findings.iter().map(|finding| finding.rule.clone()).collect();
        let event = Event::Screened { tier: screening.tier.into(), rules };
        let mut screened = self.service.record_on(&Actor::system("screen"), event, &row);
        screened.states = Some((State::Screening.name().to_owned(), row.review.state.name().to_owned()));
        self.pending.audit.push(screened);

        for line in lines {
            let part = self.service.keys.identity.part(line).to_vec();
            self.pending.put(Table::Part, part, encode(&row.entry.id)?);
        }
        let key = version_key(row.entry.id, number);
        self.pending.put(Table::Version, key.clone(), encode(&version)?);
        self.pending.put(Table::Screening, key, encode(&screening)?);
        self.pending.put_entry(row)
    }

    /// An entry is gone at the source: withdrawn at once.
    fn depart(&mut self, mut row: EntryRow) -> Result<(), ServiceError> {
        let facts =
            Facts { caller: Caller::System, open_online: true, policy: &self.service.policy, now: self.service.now() };
        let before = row.review.state;
        self.withdrawn |= before == State::Released;
        row.review = review::step(&row.review, &review::Event::SourceDeleted, &facts)
            .map_err(|refusal| ServiceError::Refused(refusal.to_string()))?;
        row.at_source = false;
        let mut deleted = self.service.record_on(self.actor, Event::Deleted, &row);
        deleted.states = Some((before.name().to_owned(), row.review.state.name().to_owned()));
        self.pending.audit.push(deleted);
        self.pulled.deleted += 1;
        self.pending.put_entry(row)
    }

    /// Patients who left the practice take their entries with them.
    pub(super) fn departed_patients(&mut self) -> Result<(), ServiceError> {
        self.flush(0)?;
        for key in std::mem::take(&mut self.batch.patients_gone) {
            let patient = self.service.keys.identity.patient(&key);
            let entries: Vec<_> = self.service.board().of_patient(patient).collect();
            for id in entries {
                if let Some(read) = get::<EntryRow>(self.service.store.as_ref(), Table::Entry, &id.0)?
                    && read.row.at_source
                {
                    self.depart(read.row)?;
                    self.flush(UNIT_BYTES)?;
                }
            }
        }
        Ok(())
    }

    /// The patient an entry belongs to. One the feeds have never sent gets a place of their own, so that
    /// the entry is kept, withheld, and finds its patient when they arrive.
    fn patient_of(&mut self, key: Option<SourceKey>, stored: Option<&EntryRow>) -> Result<Patient, ServiceError> {
        let id = match (&key, stored) {
            (Some(key), _) => self.service.keys.identity.patient(key),
            (None, Some(row)) => row.entry.patient,
            (None, None) => return Err(ServiceError::Internal("a line came without a patient")),
        };
        if let Some(patient) = self.known_patient(id)? {
            return Ok(patient);
        }
        let Some(key) = key else { return Err(ServiceError::Internal("the patient of a stored entry is missing")) };
        let patient = self.service.merged(PatientFacts::unknown(key), None);
        self.keep_patient(patient.clone())?;
        Ok(patient)
    }
}

impl Service {
    /// What screening says of a version, with what is known of its patient.
    pub(in super::super) fn screened(&self, version: &EntryVersion, patient: &Patient) -> Screening {
        let mut screening = self.rules.screen_entry(version);
        let mut raise = |rule: &str, category, why: &str| {
            screening.lane = Lane::Hold;
            screening.tier = Tier::Critical;
            screening.findings.insert(
                0,
                Finding {
                    rule: rule.to_owned(),
                    category,
                    tier: Tier::Critical,
                    place: None,
                    why: why.to_owned(),
                    context: Context::default(),
                    suggested: Vec::new(),
                },
            );
        };
        if patient.family_name.is_empty() && patient.given_name.is_empty() {
            raise("patient-unknown", Category::Unscreened, "the feeds have not sent this patient");
        }
        if version.parts.iter().any(crate::record::Part::is_hidden_at_source) {
            raise("hidden-at-source", Category::Unscreened, "the practice’s system hides this from the patient");
        }
        if patient.flags.contains(&Flag::HoldAll) {
            raise("patient-hold-all", Category::DomesticAbuse, "everything of this patient is held");
        }
        screening
    }

    /// The strongest reasons for a list, each once: the words that stand there, so that half of triage
    /// needs no opening; where a reason has no words of its own, why.
    pub(in super::super) fn reasons(version: &EntryVersion, screening: &Screening) -> Vec<String> {
        let mut why: Vec<String> = Vec::new();
        for finding in &screening.findings {
            let words = finding.place.as_ref().and_then(|place| {
                let part = version.part(&place.part)?;
                match place.span {
                    Some(span) => Some(in_short(&part.text, span)),
                    None => Some(part.display.clone()).filter(|display| !display.is_empty()),
                }
            });
            let words = words.unwrap_or_else(|| finding.why.clone());
            if !why.iter().any(|said| said.contains(&words)) {
                why.push(words);
            }
        }
        why.truncate(MOST_REASONS);
        why
    }

    /// Whether an entry was recorded on or after the day from which the patient's online record shows.
    /// Where a date is missing it counts as open, which asks for review.
    pub(in super::super) fn open_online(&self, row: &EntryRow, patient: &Patient) -> bool {
        let from = patient.access_from.or_else(|| self.settings.practice.go_live());
        match (from, row.recorded) {
            (Some(from), Some(recorded)) => recorded.with_timezone(&chrono_tz::Europe::London).date_naive() >= from,
            _ => true,
        }
    }
}

/// The words of a finding with some of the sentence around them: on its own a match can be as short as `DA`.
fn in_short(text: &str, span: Span) -> String {
    const ENOUGH: usize = 36;
    let sentence = sentences(text).into_iter().find(|sentence| sentence.overlaps(span)).unwrap_or(span);
    let words: Vec<Span> = words(text).into_iter().filter(|word| sentence.contains(*word)).collect();
    let mut range = (
        words.iter().position(|word| word.overlaps(span)).unwrap_or(0),
        words.iter().rposition(|word| word.overlaps(span)).map_or(0, |last| last + 1),
    );
    let joined = |(from, to): (usize, usize)| -> String {
        let words = words.get(from..to).unwrap_or_default();
        words.iter().filter_map(|word| word.of(text)).collect::<Vec<_>>().join(" ")
    };
    // What follows says more than what came before.
    while range.1 < words.len() && joined((range.0, range.1 + 1)).len() <= ENOUGH {
        range.1 += 1;
    }
    while range.0 > 0 && joined((range.0 - 1, range.1)).len() <= ENOUGH {
        range.0 -= 1;
    }
    joined(range)
}

/// Everybody who recorded a line, once.
fn authors(version: &EntryVersion) -> Vec<String> {
    let mut authors: Vec<String> = std::iter::once(&version.author)
        .chain(version.parts.iter().map(|part| &part.author))
        .map(|author| author.id.clone())
        .filter(|id| !id.is_empty())
        .collect();
    authors.sort_unstable();
    authors.dedup();
    authors
}
