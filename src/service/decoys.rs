//! Decoys: invented entries that stand among those that are read as a sample, to measure what readers miss.
//!
//! One becomes visible never: the formula refuses it, the channel refuses its number, and the first reading ends it.
//! No figure counts one but that of the readers. Who reads cannot tell one before they have read it, and is told
//! then, so that nobody acts on what does not exist.

use std::collections::BTreeMap;

use chrono::{Datelike, Days};

use super::rows::{EntryRow, Read, encode, version_key};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Record};
use crate::protocol::{ReaderLine, hex};
use crate::record::{
    AccessLevel, Entry, EntryId, EntryKind, EntryVersion, Lane, NhsNumber, Part, Patient, Safeguards, Screening,
    SourceKey, Tier, Version,
};
use crate::review::decoys::{self, Decoy, chance, wanted};
use crate::review::quality::Share;
use crate::review::sampling::{Planted, Window};
use crate::review::{self, Caller, Facts, Review, State};
use crate::store::{Expect, StoreError, Table};

/// At most so many are put in at one look, so that no look takes long.
const AT_ONCE: u64 = 20;

/// How the source of an invented patient is called in the store. It is sent to nobody.
const SYSTEM: &str = "decoy";

impl Service {
    /// Puts in what decoys are missing among the sample. Asked before every list, so that none can be counted to.
    pub(super) fn sow(&self) -> Result<(), ServiceError> {
        let percent = self.policy().decoy_percent;
        if percent == 0 || !self.board().tallies().any(|(_, tally)| tally.drawn > 0) {
            return Ok(());
        }
        let Some(window) = self.open_window()? else { return Ok(()) };
        let seed = window.seed(&self.keys.sampling);
        let (drawn, sown) = {
            let board = self.board();
            let drawn: u64 = board.tallies().filter(|((of, _), _)| *of == window).map(|(_, tally)| tally.drawn).sum();
            (drawn, board.decoys().filter(|planted| planted.window == window).count() as u64)
        };
        for n in sown..wanted(&seed, drawn, percent).min(sown + AT_ONCE) {
            match self.sow_one(window, &seed, n) {
                // Somebody else looked at the same moment, and put the same one in.
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// The `n`th of a window, beside an entry of the sample that nobody has read yet; none where there is none, or
    /// screening finds something in each.
    fn sow_one(&self, window: Window, seed: &[u8; 32], n: u64) -> Result<(), ServiceError> {
        let from = EntryId(chance(seed, n, b"beside").first_chunk().copied().unwrap_or_default());
        let Some(beside) = self.board().unread_sample(window, from) else { return Ok(()) };
        let Some(Read { row: beside, .. }) = self.row(beside)? else { return Ok(()) };
        let model = self.version(beside.entry.id, beside.review.version)?;
        let all = decoys::built_in();
        let first = usize::from(u16::from_be_bytes([chance(seed, n, b"text")[0], chance(seed, n, b"text")[1]]));
        for at in 0..all.len() {
            let Some(decoy) = all.get((first + at) % all.len()) else { continue };
            let patient = self.invented_patient(decoy, seed, n);
            let version = self.invented_version(decoy, &beside, &model, seed, n);
            let screening = self.screened(&version, &patient, &Safeguards::default());
            if screening.lane == Lane::Clear && screening.tier == Tier::Nothing {
                return self.put_in(window, &beside, patient, &version, &screening);
            }
        }
        Ok(())
    }

    fn invented_patient(&self, decoy: &Decoy, seed: &[u8; 32], n: u64) -> Patient {
        let id = hex(&chance(seed, n, b"patient")[..16]);
        let key = SourceKey { system: SYSTEM.into(), organisation: String::new(), id };
        let digest = chance(seed, n, b"born");
        let today = self.policy().day(self.now());
        let born = today
            .with_year(today.year() - i32::try_from(decoy.age).unwrap_or_default())
            .and_then(|day| day.checked_sub_days(Days::new(u64::from(digest[0]) + 1)));
        Patient {
            id: self.keys.identity.patient(&key),
            key,
            nhs_number: NhsNumber::of_decoy(u32::from(u16::from_be_bytes([digest[1], digest[2]]))),
            family_name: decoy.family.clone(),
            given_name: decoy.given.clone(),
            born,
            sex: decoy.sex,
            access: AccessLevel::Full,
            access_from: None,
            proxies: Vec::new(),
            household: None,
            related: Vec::new(),
            relatives: Vec::new(),
            flags: Vec::new(),
            registered: None,
            enhanced_as_of: None,
            as_of: None,
        }
    }

    /// As the entry beside it in everything but what it says.
    fn invented_version(
        &self,
        decoy: &Decoy,
        beside: &EntryRow,
        model: &EntryVersion,
        seed: &[u8; 32],
        n: u64,
    ) -> EntryVersion {
        let name = |what: &[u8]| SourceKey { id: hex(&chance(seed, n, what)[..16]), ..beside.entry.key.clone() };
        let (key, line) = (name(b"entry"), name(b"line"));
        EntryVersion {
            entry: self.keys.identity.entry(&key),
            version: Version::FIRST,
            kind: EntryKind::Consultation,
            title: if model.kind == EntryKind::Consultation { model.title.clone() } else { "Consultation".into() },
            happened: model.happened,
            recorded: model.recorded,
            author: model.author.clone(),
            parts: vec![Part {
                key: line,
                heading: String::new(),
                display: decoy.display.clone(),
                codes: Vec::new(),
                value: String::new(),
                text: decoy.text.clone(),
                happened: model.happened,
                author: model.author.clone(),
                order: 0,
                unreadable: None,
            }],
        }
    }

    fn put_in(
        &self,
        window: Window,
        beside: &EntryRow,
        patient: Patient,
        version: &EntryVersion,
        screening: &Screening,
    ) -> Result<(), ServiceError> {
        let (policy, now, id) = (self.policy(), self.now(), version.entry);
        let fingerprint = version.fingerprint(&self.keys.fingerprint);
        let begun = Review::begin(Version::FIRST, fingerprint, beside.review.first_pulled, now);
        let facts =
            Facts { caller: Caller::System, open_online: true, held: false, drawn: false, policy: &policy, now };
        let step = |review: &Review, event| {
            review::step(review, &event, &facts).map_err(|refusal| ServiceError::Refused(refusal.to_string()))
        };
        let held = step(&Review { decoy: true, ..begun }, review::Event::Screened(screening))?;
        let mut row = EntryRow {
            entry: Entry { id, key: SourceKey { id: id.to_string(), ..patient.key.clone() }, patient: patient.id },
            review: step(&held, review::Event::Sampled)?,
            kind: version.kind,
            title: if version.title.is_empty() { version.kind.title().to_owned() } else { version.title.clone() },
            author: version.author.name.clone(),
            authors: Vec::new(),
            recorded: version.recorded,
            at_source: true,
            has_header: beside.has_header,
            why: Self::reasons(version, screening),
            decided_before: None,
            waived: Vec::new(),
            as_of: beside.as_of,
            samples: Vec::new(),
            planted: Some(Planted { window, reading: None }),
        };
        // As many moves as what stands beside it has made.
        row.review.revision = beside.review.revision;
        let mut record = self.record_on(&Actor::system("quality"), Event::DecoySown { window: window.0 }, &row);
        record.states = Some((State::Screening.name().to_owned(), State::Queued.name().to_owned()));
        let key = version_key(id, Version::FIRST);
        let writes = vec![
            (Table::Patient, patient.id.0.to_vec(), Some(encode(&patient)?)),
            (Table::Version, key.clone(), Some(encode(version)?)),
            (Table::Screening, key, Some(encode(screening)?)),
            (Table::Entry, id.0.to_vec(), Some(encode(&row)?)),
        ];
        let receipt = self.commit(vec![(Table::Entry, id.0.to_vec(), Expect::Absent)], writes, vec![record])?;
        let mut board = self.board();
        board.settle(&patient);
        board.put(id, receipt.seq, &row);
        Ok(())
    }

    /// A decoy that somebody decided on, or asked the lead about, has done its work: what they said is noted, and it
    /// is gone. Gives the record of it; `None` for every other entry.
    pub(super) fn note_decoy(&self, actor: &Actor, row: &mut EntryRow) -> Result<Option<Record>, ServiceError> {
        let Some(planted) = &mut row.planted else { return Ok(None) };
        let withheld = match row.review.decisions.first() {
            Some(decision) => Some(!matches!(decision.act, crate::record::Act::Approve)),
            None => (row.review.state == State::Escalated).then_some(true),
        };
        let Some(seen) = withheld.filter(|_| planted.reading.is_none()) else { return Ok(None) };
        // Where newer rules highlight it, noticing it says nothing.
        let counts = row.review.tier == Tier::Nothing;
        planted.reading = counts.then(|| (actor.login.clone(), seen));
        let window = planted.window.0;
        let before = row.review.state;
        let policy = self.policy();
        let facts = self.facts(&policy, Caller::System, row)?;
        row.review = review::step(&row.review, &review::Event::SourceDeleted, &facts)
            .map_err(|refusal| ServiceError::Refused(refusal.to_string()))?;
        row.at_source = false;
        let mut record = self.record_on(&Actor::system("quality"), Event::DecoyRead { window, seen, counts }, row);
        record.states = Some((before.name().to_owned(), row.review.state.name().to_owned()));
        Ok(Some(record))
    }

    /// Decoys noticed and decoys read, of the windows that count.
    pub(super) fn decoys_seen(&self, of: impl Fn(Window) -> bool) -> Option<(u64, u64)> {
        let board = self.board();
        let readings =
            board.decoys().filter(|planted| of(planted.window)).filter_map(|planted| planted.reading.as_ref());
        let (mut seen, mut shown) = (0, 0);
        for (_, noticed) in readings {
            shown += 1;
            seen += u64::from(*noticed);
        }
        (shown > 0).then_some((seen, shown))
    }

    /// What each reader noticed of the decoys they read, with the exact limits.
    pub(super) fn readers(&self, shown: impl Fn(&str) -> bool) -> Vec<ReaderLine> {
        let mut each: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for planted in self.board().decoys() {
            if let Some((login, noticed)) = planted.reading.as_ref().filter(|(login, _)| shown(login)) {
                let count = each.entry(login.clone()).or_default();
                count.0 += u64::from(*noticed);
                count.1 += 1;
            }
        }
        each.into_iter().map(|(login, (seen, read))| ReaderLine { login, noticed: Share::of(seen, read) }).collect()
    }
}
