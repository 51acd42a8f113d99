//! A feed as it comes: patients are kept at once, lines are sorted by the entry they belong to.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::super::ServiceError;
use super::super::read::has_readers;
use super::super::rows::{self, encode, get};
use super::Pull;
use super::pending::{Hand, Pending};
use super::spool::{Spool, share_of};
use crate::audit::Event;
use crate::record::{NhsNumber, Patient, PatientId, SourceKey};
use crate::source::{
    Belongs, Change, Covers, GroupFacts, OnlineAccess, PartFacts, PatientAlso, PatientFacts, SetAside, Whole,
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

/// Where a line of this feed is, filed under the line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// In the entry with this key.
    In(SourceKey),
    /// With another line, which has still to be found.
    With,
    /// It is no line: an entry of this feed has the key.
    Header,
}

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
    pub items: Spool<Item>,
    /// Where the lines are.
    pub places: Spool<(SourceKey, Place)>,
    /// What has no entry yet.
    pub loose: Spool<Loose>,
    /// Names of staff.
    pub staff: HashMap<SourceKey, String>,
    /// Who reads whose record, where nothing else of the patient was sent.
    online: HashMap<NhsNumber, OnlineAccess>,
    /// Patients who left the practice.
    pub patients_gone: Vec<SourceKey>,
    /// Patients whose whole record this is, with what kinds of lines it holds.
    pub whole: Vec<(SourceKey, Vec<String>)>,
    /// Of which lines the feed may hold all.
    pub everything: Option<Whole>,
    /// The practices of which there are lines in it.
    pub practices: HashSet<String>,
    /// How many patients were sent.
    pub patients_sent: u64,
    /// Whether it deletes anything.
    pub deletes: bool,
    /// What time the feed covers.
    pub covers: Option<Covers>,
    /// Rows of each file that was read to its end.
    pub rows: HashMap<String, u64>,
    /// Lines read, deletions among them.
    pub parts: u64,
    /// Lines with free text among them.
    pub texts: u64,
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
            loose: Spool::new(),
            staff: HashMap::new(),
            online: HashMap::new(),
            patients_gone: Vec::new(),
            whole: Vec::new(),
            everything: None,
            practices: HashSet::new(),
            patients_sent: 0,
            deletes: false,
            covers: None,
            rows: HashMap::new(),
            parts: 0,
            texts: 0,
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
        match change {
            Change::Patient(facts) => {
                self.patients_sent += 1;
                self.patient(facts)?;
            }
            Change::PatientAlso(also) => self.patient_also(also)?,
            Change::PatientGone(key) => {
                self.deletes = true;
                self.patients_gone.push(key);
            }
            Change::Online { nhs_number, access } => {
                self.online.insert(nhs_number, access);
            }
            Change::Staff { key, name } => self.staff(key, name)?,
            Change::Group(facts) => {
                self.of_practice(&facts.key);
                self.places.push(share_of(&facts.key), &(facts.key.clone(), Place::Header))?;
                self.items.push(share_of(&facts.key), &Item::Header(facts))?;
            }
            Change::GroupGone(key) => {
                self.deletes = true;
                self.places.push(share_of(&key), &(key.clone(), Place::Header))?;
                self.items.push(share_of(&key), &Item::AllGone(key))?;
            }
            Change::Part(facts) => {
                self.parts += 1;
                self.of_practice(&facts.part.key);
                self.texts += u64::from(!facts.part.text.trim().is_empty());
                self.pull.progress.lines.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                match facts.belongs.clone() {
                    Belongs::To(group) => self.place(group, Box::new(facts))?,
                    Belongs::Alone => self.place(facts.part.key.clone(), Box::new(facts))?,
                    Belongs::With(line) => {
                        self.places.push(share_of(&facts.part.key), &(facts.part.key.clone(), Place::With))?;
                        self.loose.push(share_of(&line), &Loose::Line(line, Box::new(facts)))?;
                    }
                }
            }
            Change::PartGone(key) => {
                self.parts += 1;
                self.deletes = true;
                self.loose.push(share_of(&key), &Loose::Gone(key))?;
            }
            Change::CompanionGone(key) => self.loose.push(share_of(&key), &Loose::CompanionGone(key))?,
            Change::SetAside(row) => self.set_aside(&row)?,
            Change::Notice(sentence) => self.notices.push(sentence),
            Change::Whole(whole) => self.everything = Some(whole),
            Change::FileRead { file, rows } => {
                self.rows.insert(file, rows);
            }
            Change::Covers(covers) => self.covers = Some(covers),
            Change::WholeRecord { patient, kinds } => self.whole.push((patient, kinds)),
        }
        self.commit_when_full()
    }

    fn of_practice(&mut self, key: &SourceKey) {
        if !self.practices.contains(&key.organisation) {
            self.practices.insert(key.organisation.clone());
        }
    }

    /// Puts a line into an entry.
    fn place(&mut self, group: SourceKey, facts: Box<PartFacts>) -> Result<(), ServiceError> {
        let line = facts.part.key.clone();
        self.places.push(share_of(&line), &(line, Place::In(group.clone())))?;
        self.items.push(share_of(&group), &Item::Line(group, facts))
    }

    fn commit_when_full(&mut self) -> Result<(), ServiceError> {
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
        let patient = self.pull.service.merged(facts, known.as_ref());
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
        patient.access = also.level.unwrap_or(patient.access);
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

    fn keep(&mut self, patient: Patient, known: Option<&Patient>) -> Result<(), ServiceError> {
        if known == Some(&patient) {
            return Ok(());
        }
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
        let key = [self.pull.began.timestamp_millis().to_be_bytes(), self.set_aside.to_be_bytes()].concat();
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
        let mut gone: Spool<Loose> = Spool::new();
        let mut must_place = false;
        loop {
            let waiting = std::mem::replace(&mut self.loose, Spool::new());
            let (mut placed, mut left) = (0_u64, 0_u64);
            for share in 0..super::spool::SHARES {
                let loose = waiting.read(share)?;
                if loose.is_empty() {
                    continue;
                }
                let places = self.places_in(share)?;
                for what in loose {
                    let Loose::Line(with, facts) = what else {
                        gone.push(share, &what)?;
                        continue;
                    };
                    let group = match places.get(&with) {
                        Some(Place::In(group)) => group.clone(),
                        // It waits for another itself. Lines that name each other in a ring end as entries of
                        // their own.
                        Some(Place::With) if !must_place => {
                            left += 1;
                            self.loose.push(share, &Loose::Line(with, facts))?;
                            continue;
                        }
                        _ => self.stored_group(&with)?.unwrap_or(with),
                    };
                    placed += 1;
                    self.place(group, facts)?;
                }
            }
            if left == 0 {
                break;
            }
            must_place = placed == 0;
        }
        self.lines_gone(&gone)
    }

    fn lines_gone(&mut self, gone: &Spool<Loose>) -> Result<(), ServiceError> {
        let mut heads: HashSet<SourceKey> = HashSet::new();
        for share in 0..super::spool::SHARES {
            let loose = gone.read(share)?;
            if loose.is_empty() {
                continue;
            }
            let places = self.places_in(share)?;
            for what in loose {
                let (key, must_be_known) = match what {
                    Loose::Gone(key) => (key, true),
                    Loose::CompanionGone(key) => (key, false),
                    Loose::Line(..) => continue,
                };
                let group = match places.get(&key) {
                    Some(Place::In(group)) => Some(group.clone()),
                    _ => self.stored_group(&key)?,
                };
                match group {
                    Some(group) => {
                        heads.insert(group.clone());
                        self.items.push(share_of(&group), &Item::LineGone(group, key))?;
                    }
                    // An entry sent anew that has no line of its own any more: it may never have had one.
                    None if !must_be_known || places.contains_key(&key) || heads.contains(&key) => {}
                    None => {
                        self.pending.tally.unknown_deletions += 1;
                        self.pull.remember_gone(&key, &mut self.pending)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn places_in(&self, share: usize) -> Result<HashMap<SourceKey, Place>, ServiceError> {
        let mut places = HashMap::new();
        for (key, place) in self.places.read(share)? {
            match place {
                Place::In(_) => {
                    places.insert(key, place);
                }
                _ => {
                    places.entry(key).or_insert(place);
                }
            }
        }
        Ok(places)
    }

    fn stored_group(&self, line: &SourceKey) -> Result<Option<SourceKey>, ServiceError> {
        self.pull.service.group_in_store(line)
    }
}
