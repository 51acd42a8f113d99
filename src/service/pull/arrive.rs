//! An entry arrives, changes or goes: the new version is screened and its review begins, in one unit.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};

use super::super::rows::{EntryRow, Read, decode, encode, get, version_key};
use super::super::{Service, ServiceError, lock};
use super::Pull;
use super::assemble::{Assembled, assemble};
use super::group::{Group, Said};
use super::index::LineId;
use super::intake::{Filed, Item, WholeRecord};
use super::pending::{Hand, Pending};
use super::weigh::{authors, enhanced_review, is_from_elsewhere};
use crate::audit::{Actor, Event};
use crate::record::{Entry, EntryId, EntryVersion, Lane, Patient, PatientId, SourceKey, Version};
use crate::review::{self, Caller, Facts, Review, State};
use crate::source::PatientFacts;
use crate::store::{Expect, StoreError, Table};

/// What workers share.
pub struct Common<'p, 'a> {
    /// The pull.
    pub pull: &'p Pull<'a>,
    /// Names of staff that this feed gave.
    pub staff: &'p HashMap<SourceKey, String>,
    /// Patients whom the feeds have never sent, made during this pull.
    pub strangers: Mutex<HashSet<PatientId>>,
    /// The entries that were spoken of, where somebody wants to know.
    pub touched: Option<Mutex<HashSet<EntryId>>>,
    /// What codes for enhanced review say of patients, the latest of each.
    pub enhanced: Mutex<HashMap<PatientId, (NaiveDate, bool)>>,
    /// Patients whose whole record this is.
    pub whole: HashMap<PatientId, WholeRecord>,
}

impl Common<'_, '_> {
    /// Whether the feed holds the patient's whole record as of a later moment, so that this is of an older one.
    fn is_of_an_older_record(&self, patient: &SourceKey, as_of: Option<DateTime<Utc>>) -> bool {
        !self.whole.is_empty()
            && self
                .whole
                .get(&self.pull.service.keys.identity.patient(patient))
                .is_some_and(|record| as_of.is_some() && record.as_of > as_of)
    }
}

/// Makes entries of what was said of them, and commits them. Several work at the same time on different shares.
pub struct Worker<'p, 'a> {
    common: &'p Common<'p, 'a>,
    pull: &'p Pull<'a>,
    hand: Hand,
    /// Entries that were never there: nobody else can have touched them.
    fresh: Pending,
    /// Entries that were there, on which somebody may decide at this moment.
    changed: Pending,
    /// What was said of these, to be done again where somebody did.
    kept: Vec<Group>,
    patients: HashMap<PatientId, Arc<Patient>>,
}

impl<'p, 'a> Worker<'p, 'a> {
    /// A worker whose number is its own.
    pub fn new(common: &'p Common<'p, 'a>, number: u32) -> Self {
        Self {
            common,
            pull: common.pull,
            hand: common.pull.hand(number),
            fresh: Pending::default(),
            changed: Pending::default(),
            kept: Vec::new(),
            patients: HashMap::new(),
        }
    }

    /// Every entry of one share; `sent_before` are the lines and entries in it that were sent before.
    pub fn share(&mut self, items: Vec<Filed>, sent_before: Vec<LineId>) -> Result<(), ServiceError> {
        let mut groups: Vec<Said> = Vec::new();
        let mut index: HashMap<[u8; 16], usize> = HashMap::new();
        for (moment, place, entry, item) in items {
            let as_of = moment.map(DateTime::from);
            let (key, patient) = match &item {
                Item::Header(facts) => (&facts.key, Some(&facts.patient)),
                Item::Line(key, facts) => (key, Some(&facts.patient)),
                Item::AllGone(key) | Item::LineGone(key, _) | Item::LineLeft(key, _) => (key, None),
            };
            if patient.is_some_and(|patient| self.common.is_of_an_older_record(patient, as_of)) {
                continue;
            }
            let at = *index.entry(entry).or_insert_with(|| {
                groups.push(Said::of(key.clone(), as_of));
                groups.len() - 1
            });
            let Some(said) = groups.get_mut(at) else { continue };
            said.group.as_of = said.group.as_of.and_then(|known| Some(known.max(as_of?)));
            said.take(place, item);
        }
        let identity = &self.pull.service.keys.identity;
        let mut groups: Vec<Group> = groups.into_iter().map(|said| said.settled(identity)).collect();
        self.tell_sent_before(&mut groups, sent_before);
        groups.into_iter().try_for_each(|group| self.entry(group))
    }

    fn tell_sent_before(&self, groups: &mut [Group], sent_before: Vec<LineId>) {
        let sent_before: HashSet<LineId> = sent_before.into_iter().collect();
        if sent_before.is_empty() {
            return;
        }
        let identity = &self.pull.service.keys.identity;
        for group in groups {
            let keys = group.lines.iter().map(|facts| &facts.part.key).chain([&group.key]);
            group.sent_before = keys.map(|key| identity.part(key)).filter(|line| sent_before.contains(line)).collect();
        }
    }

    /// One entry that a feed speaks of.
    pub fn entry(&mut self, group: Group) -> Result<(), ServiceError> {
        let id = self.pull.service.keys.identity.entry(&group.key);
        let stored = self.stored(id)?;
        if let Some(touched) = self.common.touched.as_ref().filter(|_| group.is_spoken_of()) {
            lock(touched).insert(id);
        }
        if stored.is_none() {
            let mut unit = std::mem::take(&mut self.fresh);
            let put = self.put(group, None, &mut unit);
            self.fresh = unit;
            put?;
            if self.fresh.is_full() {
                self.pull.commit(&mut self.hand, std::mem::take(&mut self.fresh))?;
            }
        } else {
            let mut unit = std::mem::take(&mut self.changed);
            let before = unit.writes.len();
            let put = self.put(group.clone(), stored, &mut unit);
            if unit.writes.len() > before {
                self.kept.push(group);
            }
            self.changed = unit;
            put?;
            if self.changed.is_full() {
                self.commit_changed()?;
            }
        }
        Ok(())
    }

    /// Commits what is pending.
    pub fn finish(mut self) -> Result<(), ServiceError> {
        self.pull.commit(&mut self.hand, std::mem::take(&mut self.fresh))?;
        self.commit_changed()
    }

    fn commit_changed(&mut self) -> Result<(), ServiceError> {
        let (unit, kept) = (std::mem::take(&mut self.changed), std::mem::take(&mut self.kept));
        match self.pull.commit(&mut self.hand, unit) {
            // Somebody decided on one of them in the meantime: what they decided comes first.
            Err(ServiceError::Store(StoreError::Conflict(..))) => {
                kept.into_iter().try_for_each(|group| self.again(&group))
            }
            done => done,
        }
    }

    fn again(&mut self, group: &Group) -> Result<(), ServiceError> {
        const PATIENCE: u32 = 100;
        for _ in 0..PATIENCE {
            let mut unit = Pending::default();
            let stored = self.stored(self.pull.service.keys.identity.entry(&group.key))?;
            self.put(group.clone(), stored, &mut unit)?;
            match self.pull.commit(&mut self.hand, unit) {
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                done => return done,
            }
        }
        Err(ServiceError::Internal("an entry was decided on again and again while it was pulled: pull again"))
    }

    fn stored(&self, id: EntryId) -> Result<Option<Read<EntryRow>>, ServiceError> {
        // Every entry is on the board, and only a pull makes new ones.
        if self.pull.service.board().state(id).is_none() {
            return Ok(None);
        }
        get::<EntryRow>(self.pull.service.store.as_ref(), Table::Entry, &id.0)
    }

    /// What was said of an entry becomes a part of a unit of work.
    fn put(
        &mut self,
        mut group: Group,
        stored: Option<Read<EntryRow>>,
        unit: &mut Pending,
    ) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let store = service.store.as_ref();
        let as_of = group.as_of;
        let overtaken = as_of.is_some() && stored.as_ref().is_some_and(|read| read.row.as_of > as_of);
        if overtaken || (self.pull.late && stored.is_none()) {
            let has_header = stored.as_ref().is_some_and(|read| read.row.has_header || !read.row.at_source);
            self.only_what_is_unknown(&mut group, has_header);
            group.left.clear();
            if group.lines.is_empty() && group.header.is_none() {
                unit.tally.left += 1;
                return Ok(());
            }
        }
        if stored.is_none() && !group.is_spoken_of() {
            // Another entry of the same feed has all of it.
            return Ok(());
        }
        let key = group.key.clone();
        let id = service.keys.identity.entry(&key);
        let at_source = stored.as_ref().filter(|read| read.row.at_source);
        let current = match at_source {
            Some(read) => get::<EntryVersion>(store, Table::Version, &version_key(id, read.row.review.version))?
                .map(|read| read.row),
            None => None,
        };
        if let Some(current) = current.as_ref().filter(|_| !overtaken) {
            self.lines_no_longer_there(&mut group, current);
        }
        let (staff, identity) = (self.common.staff, &service.keys.identity);
        if !group.left.is_empty() {
            let parts = current.iter().flat_map(|current| &current.parts);
            let left = parts.map(|part| &part.key).filter(|key| group.left.contains(&identity.part(key)));
            group.gone.extend(left.cloned());
        }
        let name = |key: &SourceKey| match staff.get(key) {
            Some(name) => Some(name.clone()),
            None => decode(&store.get(Table::Staff, &identity.staff(key)).ok()??.value).ok(),
        };
        let had_header = at_source.is_some_and(|read| read.row.has_header);
        match assemble(id, group, current.as_ref(), had_header, &name) {
            Some(assembled) => self.arrive(key.clone(), as_of, assembled, stored, unit),
            None => match stored {
                Some(read) if read.row.at_source => self.depart(read, as_of, unit),
                Some(_) => Ok(()),
                None => {
                    unit.tally.unknown_deletions += 1;
                    self.pull.remember_gone(&key, unit);
                    Ok(())
                }
            },
        }
    }

    /// Where the feed holds the whole record, lines of an entry that it does not repeat are gone.
    fn lines_no_longer_there(&self, group: &mut Group, current: &EntryVersion) {
        if self.common.whole.is_empty() || group.all_gone {
            return;
        }
        let patient = group.header.as_ref().map(|header| &header.patient);
        let patient = patient.or_else(|| group.lines.first().map(|facts| &facts.patient));
        let Some(patient) = patient.map(|key| self.pull.service.keys.identity.patient(key)) else { return };
        let Some(WholeRecord { kinds, .. }) = self.common.whole.get(&patient) else { return };
        let sent: HashSet<&SourceKey> = group.lines.iter().map(|facts| &facts.part.key).collect();
        let stored = current.parts.iter().map(|part| &part.key);
        let meant = stored.filter(|key| kinds.iter().any(|kind| key.id.starts_with(kind.as_str())));
        group.gone.extend(meant.filter(|key| !sent.contains(key)).cloned().collect::<Vec<_>>());
    }

    /// Of an extract that is older than what made the entry what it is, only lines that nobody has ever sent
    /// count: all else it says was overtaken.
    fn only_what_is_unknown(&self, group: &mut Group, has_header: bool) {
        let identity = &self.pull.service.keys.identity;
        if has_header || group.sent_before.contains(&identity.part(&group.key)) {
            group.header = None;
        }
        group.gone.clear();
        group.all_gone = false;
        let sent_before = &group.sent_before;
        group.lines.retain(|facts| !sent_before.contains(&identity.part(&facts.part.key)));
    }

    fn arrive(
        &mut self,
        key: SourceKey,
        as_of: Option<DateTime<Utc>>,
        assembled: Assembled,
        stored: Option<Read<EntryRow>>,
        unit: &mut Pending,
    ) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let Assembled { version, patient, has_header } = assembled;
        let fingerprint = version.fingerprint(&service.keys.fingerprint);
        if let Some(read) = &stored
            && read.row.at_source
            && read.row.review.fingerprint == fingerprint
        {
            return Ok(());
        }
        if let Some(read) = &stored {
            unit.pre.push((Table::Entry, read.row.entry.id.0.to_vec(), Expect::At(read.seq)));
        }
        let stored = stored.map(|read| read.row);
        let patient = self.patient_of(patient, stored.as_ref(), unit)?;
        let number = stored.as_ref().map_or(Version::FIRST, |row| row.review.version.next());
        let version = EntryVersion { version: number, ..version };
        if let Some(said) = enhanced_review(&version) {
            let mut all = lock(&self.common.enhanced);
            let last = all.entry(patient.id).or_insert(said);
            *last = (*last).max(said);
        }
        let safeguards = service.safeguards(patient.id)?;
        let screening = service.screened(&version, &patient, &safeguards);
        let now = self.pull.at;
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
            as_of: as_of.max(stored.as_ref().and_then(|row| row.as_of)),
            samples: stored.as_ref().map(|row| row.samples.clone()).unwrap_or_default(),
            planted: None,
        };
        let policy = service.policy();
        let facts = Facts {
            caller: Caller::System,
            open_online: service.open_online(&row, &patient) && !is_from_elsewhere(&version, &patient),
            held: safeguards.holds(),
            drawn: false,
            policy: &policy,
            now,
        };
        let step = |review: &Review, event| {
            review::step(review, &event, &facts).map_err(|refusal| ServiceError::Refused(refusal.to_string()))
        };
        if let Some(old) = &stored {
            unit.tally.withdrawn |= old.review.state == State::Released;
            // A deleted entry that comes back is a new version; the deletion stays as it was.
            let past = match old.at_source {
                true => step(&old.review, review::Event::SourceChanged)?,
                false => old.review.clone(),
            };
            unit.put(Table::Review, version_key(row.entry.id, past.version), encode(&past)?);
            let mut changed = service.record_on(self.pull.actor, Event::Changed, &row);
            changed.states = Some((old.review.state.name().to_owned(), State::Screening.name().to_owned()));
            unit.audit.push(changed);
            unit.tally.pulled.changed += 1;
        } else {
            unit.audit.push(service.record_on(self.pull.actor, Event::Ingested, &row));
            unit.tally.pulled.new += 1;
            unit.tally.of_strangers += u64::from(patient.was_never_sent());
        }
        row.review = step(&row.review, review::Event::Screened(&screening))?;
        let screened_to = row.review.state;
        let drawn = service.draw(&mut row, &version, &patient, &screening)?;
        match row.review.state {
            State::Queued => unit.tally.pulled.queued += 1,
            State::Skim => unit.tally.pulled.to_skim += 1,
            State::AutoHold => unit.tally.pulled.on_hold += 1,
            State::NotOpen => unit.tally.pulled.not_open += 1,
            _ => {}
        }
        if is_from_elsewhere(&version, &patient) {
            unit.tally.transferred += 1;
            unit.tally.transferred_held += u64::from(screening.lane == Lane::Hold);
        }
        let rules = screening.findings.iter().map(|finding| finding.rule.clone()).collect();
        let event = Event::Screened { tier: screening.tier.into(), rules };
        let mut screened = service.record_on(&Actor::system("screen"), event, &row);
        screened.states = Some((State::Screening.name().to_owned(), screened_to.name().to_owned()));
        unit.audit.push(screened);
        unit.audit.extend(drawn);

        let key = version_key(row.entry.id, number);
        unit.put(Table::Version, key.clone(), encode(&version)?);
        unit.put(Table::Screening, key, encode(&screening)?);
        self.pull.progress.entries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        unit.put_entry(row)
    }

    /// An entry is gone at the source: withdrawn at once.
    fn depart(
        &mut self,
        Read { seq, mut row }: Read<EntryRow>,
        as_of: Option<DateTime<Utc>>,
        unit: &mut Pending,
    ) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let (policy, now) = (service.policy(), self.pull.at);
        let facts =
            Facts { caller: Caller::System, open_online: true, held: false, drawn: false, policy: &policy, now };
        let before = row.review.state;
        unit.pre.push((Table::Entry, row.entry.id.0.to_vec(), Expect::At(seq)));
        unit.tally.withdrawn |= before == State::Released;
        row.review = review::step(&row.review, &review::Event::SourceDeleted, &facts)
            .map_err(|refusal| ServiceError::Refused(refusal.to_string()))?;
        row.at_source = false;
        row.as_of = as_of.max(row.as_of);
        let mut deleted = service.record_on(self.pull.actor, Event::Deleted, &row);
        deleted.states = Some((before.name().to_owned(), row.review.state.name().to_owned()));
        unit.audit.push(deleted);
        unit.tally.pulled.deleted += 1;
        unit.put_entry(row)
    }

    /// The patient an entry belongs to. One the feeds have never sent gets a place of their own, so that
    /// the entry is kept, withheld, and finds its patient when they arrive.
    fn patient_of(
        &mut self,
        key: Option<SourceKey>,
        stored: Option<&EntryRow>,
        unit: &mut Pending,
    ) -> Result<Arc<Patient>, ServiceError> {
        const MOST_KNOWN: usize = 10_000;
        let service = self.pull.service;
        let id = match (&key, stored) {
            (Some(key), _) => service.keys.identity.patient(key),
            (None, Some(row)) => row.entry.patient,
            (None, None) => return Err(ServiceError::Internal("a line came without a patient")),
        };
        if let Some(patient) = self.patients.get(&id) {
            return Ok(Arc::clone(patient));
        }
        let patient = match get::<Patient>(service.store.as_ref(), Table::Patient, &id.0)? {
            Some(read) => Arc::new(read.row),
            None => {
                let missing = ServiceError::Internal("the patient of a stored entry is missing");
                let patient = service.merged(PatientFacts::unknown(key.ok_or(missing)?), None);
                // Whoever commits first needs the row, so that no entry is ever without its patient.
                if lock(&self.common.strangers).insert(id) {
                    unit.tally.pulled.patients += 1;
                }
                unit.put_patient(patient.clone())?;
                return Ok(Arc::new(patient));
            }
        };
        if self.patients.len() >= MOST_KNOWN {
            self.patients.clear();
        }
        self.patients.insert(id, Arc::clone(&patient));
        Ok(patient)
    }
}
