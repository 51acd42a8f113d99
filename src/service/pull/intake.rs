//! A feed as it comes: patients are kept at once, lines are sorted by the entry they belong to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::ServiceError;
use super::super::read::has_readers;
use super::super::rows::{self, encode, get};
use super::Pull;
use super::index::{Before, LineId};
use super::pending::{Hand, Pending};
use super::setaside::of_pull;
use super::spool::{Spool, share_of};
use crate::audit::Event;
use crate::record::{EntryKind, NhsNumber, Patient, PatientId, SourceKey};
use crate::source::{
    Belongs, Change, Covers, GroupFacts, OnlineAccess, PartFacts, PatientAlso, PatientFacts, PracticeFacts, SetAside,
    Whole,
};
use crate::store::Table;

/// How many sentences about rows set aside a pull reports; all are stored.
const EXAMPLES: usize = 5;

/// Something about an entry, filed under the entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Item {
    /// Its header.
    Header(GroupFacts),
    /// It is gone.
    AllGone(SourceKey),
    /// A line of it.
    Line(SourceKey, Box<PartFacts>),
    /// A line of it is gone.
    LineGone(SourceKey, SourceKey),
}

/// The same, with the moment at which it was so by the feed’s own account, where it says, its place in the order in
/// which the feed applies, and the entry’s identifier.
pub type Filed = (Option<Moment>, Sequence, [u8; 16], Item);

/// A place in the order in which a feed applies: by the feed’s own count where it keeps one, then as it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sequence {
    given: u64,
    came: u64,
}

/// A moment in microseconds: as text it would take three times the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(i64);

impl From<DateTime<Utc>> for Moment {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp_micros())
    }
}

impl From<Moment> for DateTime<Utc> {
    fn from(Moment(micros): Moment) -> Self {
        Self::from_timestamp_micros(micros).unwrap_or_default()
    }
}

/// Where a line of this feed is, filed under the line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// In the entry with this identifier and this key.
    In([u8; 16], SourceKey),
    /// With another line, which has still to be found.
    With,
    /// It is no line: an entry of this feed has the key. Its identifier.
    Header([u8; 16]),
}

/// What names a line and no entry, with its moment and its place.
pub type FiledLoose = (Option<Moment>, Sequence, Loose);

/// What names a line and no entry, filed under that line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Loose {
    /// A line that belongs with it.
    Line(SourceKey, Box<PartFacts>),
    /// It is gone.
    Gone(SourceKey),
    /// It is gone if it was there at all.
    CompanionGone(SourceKey),
}

/// That a feed holds all of a patient's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeRecord {
    /// What the identifiers of the entries meant begin with.
    pub kinds: Vec<String>,
    /// As of when, where it says.
    pub as_of: Option<DateTime<Utc>>,
}

/// A feed, sorted as it is read.
pub struct Intake<'p, 'a> {
    /// The pull.
    pub pull: &'p Pull<'a>,
    hand: Hand,
    /// What has still to be committed.
    pub pending: Pending,
    /// The patients in it.
    known: HashMap<PatientId, Patient>,
    /// What was said of entries.
    pub items: Spool<Filed>,
    /// Where the lines are.
    pub places: Spool<(LineId, Place)>,
    /// Lines of the feed that were sent before, filed under their entries.
    pub sent_before: Spool<LineId>,
    /// What has no entry yet.
    pub loose: Spool<FiledLoose>,
    /// Names of staff.
    pub staff: HashMap<SourceKey, String>,
    /// Entries of which a line was deleted.
    spoken_of: HashSet<SourceKey>,
    /// Who reads whose record, where nothing else of the patient was sent.
    online: HashMap<NhsNumber, OnlineAccess>,
    /// Patients who left the practice.
    pub patients_gone: BTreeSet<SourceKey>,
    /// Where each patient was spoken of last, in a feed that keeps count itself.
    patients_at: HashMap<PatientId, u64>,
    /// Where what is read now stands in the order in which the feed applies.
    at: Sequence,
    /// Patients whose whole record this is.
    pub whole: Vec<(SourceKey, WholeRecord)>,
    /// Of which lines the feed may hold all.
    pub everything: Option<Whole>,
    /// The practices of which there are lines in it.
    pub practices: HashSet<String>,
    /// How many patients were sent.
    pub patients_sent: u64,
    /// Whether it deletes anything.
    pub deletes: bool,
    /// The entry spoken of last, with its identifier.
    last: Option<(SourceKey, [u8; 16])>,
    /// At which moment what is read now was so, where the feed says.
    as_of: Option<DateTime<Utc>>,
    /// The latest of these.
    pub newest: Option<DateTime<Utc>>,
    /// What time the feed covers.
    pub covers: Option<Covers>,
    /// Rows of each file that was read to its end.
    pub rows: HashMap<String, u64>,
    /// Lines read, deletions among them.
    pub parts: u64,
    /// Lines with narrative among them: what a medicine's row says of its dosage is none.
    pub texts: u64,
    /// Lines that an earlier feed had sent.
    pub here_already: u64,
    /// Lines of each practice.
    pub of_practices: BTreeMap<String, u64>,
    /// What is said of the practices themselves.
    pub said_of_practices: Vec<PracticeFacts>,
    /// Rows that could not be used.
    pub set_aside: u64,
    /// The first of these.
    pub examples: Vec<String>,
    /// What people must know.
    pub notices: Vec<String>,
    /// Patients whose online record begins on another day than before.
    pub opened: Vec<PatientId>,
}

impl<'p, 'a> Intake<'p, 'a> {
    /// One that has taken nothing.
    pub fn new(pull: &'p Pull<'a>) -> Self {
        Self {
            pull,
            hand: pull.hand(0),
            pending: Pending::default(),
            known: HashMap::new(),
            items: Spool::new(),
            places: Spool::new(),
            sent_before: Spool::new(),
            loose: Spool::new(),
            staff: HashMap::new(),
            spoken_of: HashSet::new(),
            online: HashMap::new(),
            patients_gone: BTreeSet::new(),
            patients_at: HashMap::new(),
            at: Sequence::default(),
            whole: Vec::new(),
            everything: None,
            practices: HashSet::new(),
            patients_sent: 0,
            deletes: false,
            last: None,
            as_of: pull.made,
            newest: pull.made,
            covers: None,
            rows: HashMap::new(),
            parts: 0,
            texts: 0,
            here_already: 0,
            of_practices: BTreeMap::new(),
            said_of_practices: Vec::new(),
            set_aside: 0,
            examples: Vec::new(),
            notices: Vec::new(),
            opened: Vec::new(),
        }
    }

    /// Files a change under what it is about.
    ///
    /// # Errors
    /// When the store or the temporary file takes no more.
    pub fn take(&mut self, change: Change) -> Result<(), ServiceError> {
        self.at.came += 1;
        match change {
            Change::Patient(facts) => {
                self.patients_sent += 1;
                if !self.is_behind(&facts.key) {
                    self.patients_gone.remove(&facts.key);
                    self.patient(facts)?;
                }
            }
            Change::PatientAlso(also) => self.patient_also(also)?,
            Change::PatientGone(key) => {
                self.deletes = true;
                if !self.is_behind(&key) {
                    self.patients_gone.insert(key);
                }
            }
            Change::Online { nhs_number, access } => {
                self.online.insert(nhs_number, access);
            }
            Change::Staff { key, name } => self.staff(key, name)?,
            Change::Group(facts) => {
                self.of_practice(&facts.key);
                let entry = self.place_header(&facts.key)?;
                self.file(entry, Item::Header(facts))?;
            }
            Change::GroupGone(key) => {
                self.deletes = true;
                let entry = self.place_header(&key)?;
                self.file(entry, Item::AllGone(key))?;
            }
            Change::Part(mut facts) => {
                self.parts += 1;
                self.of_practice(&facts.part.key);
                let is_narrative = facts.kind != EntryKind::Medication && !facts.part.text.trim().is_empty();
                self.texts += u64::from(is_narrative);
                match self.of_practices.get_mut(&facts.part.key.organisation) {
                    Some(lines) => *lines += 1,
                    None => drop(self.of_practices.insert(facts.part.key.organisation.clone(), 1)),
                }
                self.pull.progress.lines.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let place = (self.moment(), self.at);
                // From here on it is filed under its entry.
                match std::mem::replace(&mut facts.belongs, Belongs::Alone) {
                    Belongs::To(group) => self.place(group, Box::new(facts), place)?,
                    Belongs::Alone => self.place(facts.part.key.clone(), Box::new(facts), place)?,
                    Belongs::With(line) => {
                        let own = self.line_id(&facts.part.key);
                        self.places.push(share_of(&own), &(own, Place::With))?;
                        let loose = Loose::Line(line, Box::new(facts));
                        self.file_loose(loose)?;
                    }
                }
            }
            Change::PartGone(key) => {
                self.parts += 1;
                self.deletes = true;
                self.file_loose(Loose::Gone(key))?;
            }
            Change::CompanionGone(key) => self.file_loose(Loose::CompanionGone(key))?,
            Change::SetAside(row) => self.set_aside(&row)?,
            Change::Notice(sentence) => self.notices.push(sentence),
            Change::Whole(whole) => self.everything = Some(whole),
            Change::FileRead { file, rows } => {
                self.rows.insert(file, rows);
            }
            Change::Covers(covers) => self.covers = Some(covers),
            Change::WholeRecord { patient, kinds } => {
                self.whole.push((patient, WholeRecord { kinds, as_of: self.as_of }));
            }
            Change::Practice(facts) => self.said_of_practices.push(facts),
            Change::Sequence(given) => self.at.given = given,
            Change::AsOf(moment) => {
                self.as_of = moment;
                self.newest = self.newest.max(moment);
            }
        }
        self.commit_when_full()
    }

    /// Whether the feed has said something of a patient that applies after what it says now.
    fn is_behind(&mut self, key: &SourceKey) -> bool {
        let given = self.at.given;
        if given == 0 {
            return false;
        }
        let last = self.patients_at.entry(self.pull.service.keys.identity.patient(key)).or_insert(given);
        *last = given.max(*last);
        *last > given
    }

    fn of_practice(&mut self, key: &SourceKey) {
        if !self.practices.contains(&key.organisation) {
            self.practices.insert(key.organisation.clone());
        }
    }

    fn line_id(&self, key: &SourceKey) -> LineId {
        self.pull.service.keys.identity.part(key)
    }

    fn moment(&self) -> Option<Moment> {
        self.as_of.map(Moment::from)
    }

    /// The identifier of an entry. The lines of one mostly come one after the other.
    fn entry_id(&mut self, group: &SourceKey) -> [u8; 16] {
        if let Some((known, id)) = &self.last
            && known == group
        {
            return *id;
        }
        let id = self.pull.service.keys.identity.entry(group).0;
        self.last = Some((group.clone(), id));
        id
    }

    fn file(&mut self, entry: [u8; 16], item: Item) -> Result<(), ServiceError> {
        self.items.push(share_of(&entry), &(self.moment(), self.at, entry, item))
    }

    fn file_loose(&mut self, loose: Loose) -> Result<(), ServiceError> {
        let (Loose::Line(with, _) | Loose::Gone(with) | Loose::CompanionGone(with)) = &loose;
        self.loose.push(share_of(&self.line_id(with)), &(self.moment(), self.at, loose))
    }

    /// Puts a line into an entry.
    fn place(
        &mut self,
        group: SourceKey,
        facts: Box<PartFacts>,
        (moment, at): (Option<Moment>, Sequence),
    ) -> Result<(), ServiceError> {
        let (line, entry) = (self.line_id(&facts.part.key), self.entry_id(&group));
        let filed = (moment, at, entry, Item::Line(group, facts));
        self.items.push(share_of(&entry), &filed)?;
        match filed.3 {
            Item::Line(group, _) => self.places.push(share_of(&line), &(line, Place::In(entry, group))),
            _ => Ok(()),
        }
    }

    /// Notes that an entry has a key. Its identifier.
    fn place_header(&mut self, key: &SourceKey) -> Result<[u8; 16], ServiceError> {
        let (line, entry) = (self.line_id(key), self.entry_id(key));
        self.places.push(share_of(&line), &(line, Place::Header(entry)))?;
        Ok(entry)
    }

    pub(super) fn commit_when_full(&mut self) -> Result<(), ServiceError> {
        if self.pending.is_full() { self.commit() } else { Ok(()) }
    }

    /// Commits what is pending. What was found out about patients is in the store then.
    pub fn commit(&mut self) -> Result<(), ServiceError> {
        self.known.clear();
        self.pull.commit(&mut self.hand, std::mem::take(&mut self.pending))
    }

    fn staff(&mut self, key: SourceKey, name: String) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let place = service.keys.identity.staff(&key);
        let value = encode(&name)?;
        if service.store.get(Table::Staff, &place)?.is_none_or(|stored| stored.value != value) {
            self.pending.put(Table::Staff, place.to_vec(), value);
        }
        self.staff.insert(key, name);
        Ok(())
    }

    fn patient(&mut self, facts: PatientFacts) -> Result<(), ServiceError> {
        let known = self.known_patient(self.pull.service.keys.identity.patient(&facts.key))?;
        if known.as_ref().is_some_and(|known| self.is_overtaken(known)) {
            return Ok(());
        }
        let patient = Patient { as_of: self.as_of, ..self.pull.service.merged(facts, known.as_ref()) };
        self.keep(patient, known.as_ref())
    }

    /// What other tables say of patients. Of one who was never sent it makes a patient without a name, as an
    /// entry does.
    fn patient_also(&mut self, also: PatientAlso) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let known = self.known_patient(service.keys.identity.patient(&also.key))?;
        let mut patient = match &known {
            Some(patient) => patient.clone(),
            None => service.merged(PatientFacts::unknown(also.key), None),
        };
        patient.household = service.address_digest(&also.address).or(patient.household);
        if !self.is_overtaken(&patient) {
            patient.access = also.level.unwrap_or(patient.access);
        }
        patient.proxies.retain(|proxy| !also.proxies_gone.contains(proxy));
        for proxy in also.proxies {
            if !patient.proxies.contains(&proxy) {
                patient.proxies.push(proxy);
            }
        }
        let ids = |keys: &[SourceKey]| -> Vec<PatientId> {
            keys.iter().map(|key| service.keys.identity.patient(key)).collect()
        };
        let ended = ids(&also.related_gone);
        patient.related.retain(|other| !ended.contains(other));
        for other in ids(&also.related) {
            if !patient.related.contains(&other) {
                patient.related.push(other);
            }
        }
        self.keep(patient, known.as_ref())
    }

    /// Whether what is known of a patient is newer than what is read now.
    fn is_overtaken(&self, known: &Patient) -> bool {
        self.pull.late || self.as_of.is_some() && known.as_of > self.as_of
    }

    fn keep(&mut self, mut patient: Patient, known: Option<&Patient>) -> Result<(), ServiceError> {
        let as_of = patient.as_of.max(known.and_then(|known| known.as_of));
        // That nothing changed is no news.
        patient.as_of = known.and_then(|known| known.as_of);
        if known == Some(&patient) {
            return Ok(());
        }
        patient.as_of = as_of;
        if known.is_some_and(|known| known.access_from != patient.access_from) {
            self.opened.push(patient.id);
        }
        // Who opts out sees nothing any more from now on, and who comes back what was released.
        self.pending.tally.withdrawn |= known.is_some_and(|known| has_readers(known) != has_readers(&patient));
        self.pending.tally.pulled.patients += 1;
        self.known.insert(patient.id, patient.clone());
        self.pending.put_patient(patient)
    }

    fn known_patient(&self, id: PatientId) -> Result<Option<Patient>, ServiceError> {
        match self.known.get(&id) {
            Some(patient) => Ok(Some(patient.clone())),
            None => Ok(get::<Patient>(self.pull.service.store.as_ref(), Table::Patient, &id.0)?.map(|read| read.row)),
        }
    }

    /// Online access that came without the rest of the patient, found by NHS number.
    pub fn online_access(&mut self) -> Result<(), ServiceError> {
        let online = std::mem::take(&mut self.online);
        self.commit()?;
        if online.is_empty() {
            return Ok(());
        }
        let store = self.pull.service.store.as_ref();
        rows::for_each::<Patient>(store, Table::Patient, &[], |_, read| {
            let patient = read.row;
            let Some(access) = patient.nhs_number.as_ref().and_then(|number| online.get(number)) else { return Ok(()) };
            if self.is_overtaken(&patient) {
                return Ok(());
            }
            let updated = Patient {
                access: access.level,
                access_from: access.from,
                proxies: access.proxies.clone(),
                ..patient.clone()
            };
            self.keep(updated, Some(&patient))?;
            self.commit_when_full()
        })?;
        self.commit()
    }

    fn set_aside(&mut self, SetAside { file, row, why }: &SetAside) -> Result<(), ServiceError> {
        let sentence = if *row == 0 { format!("{file}: {why}") } else { format!("{file} row {row}: {why}") };
        let key = [of_pull(self.pull.began), self.set_aside.to_be_bytes()].concat();
        self.pending.put(Table::SetAside, key, encode(&sentence)?);
        let place = format!("{file} row {row}");
        self.pending.audit.push(self.pull.service.record(self.pull.actor, Event::SetAside { place }));
        self.set_aside += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(sentence);
        }
        Ok(())
    }

    /// Finds the entry of every line that came without one: beside the line it belongs with, in this feed or in
    /// the store, else alone. Then the entries of deleted lines.
    ///
    /// # Errors
    /// When the store or the temporary file fails.
    pub fn place_loose(&mut self) -> Result<(), ServiceError> {
        let mut gone: Spool<FiledLoose> = Spool::new();
        let mut must_place = false;
        loop {
            let waiting = std::mem::replace(&mut self.loose, Spool::new());
            let (mut placed, mut left) = (0_u64, 0_u64);
            for share in 0..super::spool::SHARES {
                let loose = waiting.read(share)?;
                if loose.is_empty() {
                    continue;
                }
                let (places, before) = (self.places_in(share)?, self.pull.before(share)?);
                for (moment, at, what) in loose {
                    let Loose::Line(with, facts) = what else {
                        gone.push(share, &(moment, at, what))?;
                        continue;
                    };
                    let line = self.line_id(&with);
                    let group = match places.get(&line) {
                        Some(Place::In(_, group)) => group.clone(),
                        // It waits for another itself. Lines that name each other in a ring end as entries of
                        // their own.
                        Some(Place::With) if !must_place => {
                            left += 1;
                            self.loose.push(share, &(moment, at, Loose::Line(with, facts)))?;
                            continue;
                        }
                        _ => self.pull.service.group_before(&before, &line)?.unwrap_or(with),
                    };
                    placed += 1;
                    self.place(group, facts, (moment, at))?;
                }
            }
            if left == 0 {
                break;
            }
            must_place = placed == 0;
        }
        self.index(&gone)
    }

    /// Says of deleted lines in which entries they are.
    pub(super) fn lines_gone(
        &mut self,
        gone: Vec<FiledLoose>,
        places: &HashMap<LineId, Place>,
        before: &Before,
    ) -> Result<(), ServiceError> {
        for (moment, at, what) in gone {
            let (key, must_be_known) = match what {
                Loose::Gone(key) => (key, true),
                Loose::CompanionGone(key) => (key, false),
                Loose::Line(..) => continue,
            };
            let line = self.line_id(&key);
            let stored = self.pull.service.group_before(before, &line)?;
            let group = match places.get(&line) {
                Some(Place::In(_, group)) => Some(group.clone()),
                _ => stored.clone(),
            };
            // Sent anew into another entry, it is gone from the one that it was in.
            if let Some(old) = stored.filter(|old| group.as_ref() != Some(old)) {
                let entry = self.entry_id(&old);
                self.items.push(share_of(&entry), &(moment, at, entry, Item::LineGone(old, key.clone())))?;
            }
            match group {
                Some(group) => {
                    self.spoken_of.insert(group.clone());
                    let entry = self.entry_id(&group);
                    self.items.push(share_of(&entry), &(moment, at, entry, Item::LineGone(group, key)))?;
                }
                // An entry sent anew that has no line of its own any more: it may never have had one.
                None if !must_be_known || places.contains_key(&line) || self.spoken_of.contains(&key) => {}
                None => {
                    self.pending.tally.unknown_deletions += 1;
                    self.pull.remember_gone(&key, &mut self.pending);
                }
            }
        }
        Ok(())
    }

    pub(super) fn places_in(&self, share: usize) -> Result<HashMap<LineId, Place>, ServiceError> {
        let mut places = HashMap::new();
        for (key, place) in self.places.read(share)? {
            match place {
                Place::In(..) => {
                    places.insert(key, place);
                }
                _ => {
                    places.entry(key).or_insert(place);
                }
            }
        }
        Ok(places)
    }
}
