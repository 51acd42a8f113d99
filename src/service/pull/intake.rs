//! A feed as it comes: patients are kept at once ([`People`]), lines are sorted by the entry they belong to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::ServiceError;
use super::super::rows::encode;
use super::Pull;
use super::index::LineId;
use super::pending::{Hand, Pending};
use super::people::{People, When};
use super::setaside::of_pull;
use super::spool::{Spool, share_of};
use crate::audit::Event;
use crate::record::{EntryKind, SourceKey};
use crate::source::{Belongs, Change, Covers, GroupFacts, PartFacts, PracticeFacts, SetAside, Whole};
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
    /// A line of it is in another entry now.
    LineLeft(SourceKey, LineId),
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
    /// In an entry.
    In(Put),
    /// With another line, which has still to be found.
    With,
    /// It is no line: an entry of this feed has the key. Its identifier.
    Header([u8; 16]),
}

/// A line that was put into an entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Put {
    /// The entry's identifier.
    pub entry: [u8; 16],
    /// Its key.
    pub group: SourceKey,
    /// Where that was said in the order in which the feed applies.
    pub at: Sequence,
    /// When it was so, where that is not when the feed was made.
    pub moment: Option<Moment>,
    /// What the patient's identifier comes to: enough to tell whether two lines of one name are of one patient.
    pub patient: u32,
}

/// What names a line and no entry, with its moment and its place.
pub type FiledLoose = (Option<Moment>, Sequence, Loose);

/// What names a line and no entry, filed under that line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Loose {
    /// A line that belongs with it.
    Line(SourceKey, Box<PartFacts>),
    /// A line by its own name, which stays in an entry whose identifier begins so, and else goes into this one.
    Stays(SourceKey, String, SourceKey, Box<PartFacts>),
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
    pub people: People<'p, 'a>,
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
    pub(super) spoken_of: HashSet<SourceKey>,
    /// Where what is read now stands in the order in which the feed applies.
    at: Sequence,
    /// Patients whose whole record this is.
    pub whole: Vec<(SourceKey, WholeRecord)>,
    /// Of which lines the feed may hold all.
    pub everything: Option<Whole>,
    /// The practices of which there are lines in it.
    pub practices: HashSet<String>,
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
}

impl<'p, 'a> Intake<'p, 'a> {
    /// One that has taken nothing.
    pub fn new(pull: &'p Pull<'a>) -> Self {
        Self {
            pull,
            hand: pull.hand(0),
            pending: Pending::default(),
            people: People::new(pull),
            items: Spool::new(),
            places: Spool::new(),
            sent_before: Spool::new(),
            loose: Spool::new(),
            staff: HashMap::new(),
            spoken_of: HashSet::new(),
            at: Sequence::default(),
            whole: Vec::new(),
            everything: None,
            practices: HashSet::new(),
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
        }
    }

    /// Files a change under what it is about.
    ///
    /// # Errors
    /// When the store or the temporary file takes no more.
    pub fn take(&mut self, change: Change) -> Result<(), ServiceError> {
        self.at.came += 1;
        match change {
            Change::Patient(facts) => self.people.patient(facts, self.when(), &mut self.pending)?,
            Change::PatientAlso(also) => self.people.also(also, self.when(), &mut self.pending)?,
            Change::Relation(facts) => self.people.relation(facts, self.when(), &mut self.pending)?,
            Change::RelationGone { key, patient: Some(patient) } => {
                self.people.relation_gone(&key, &patient, self.when(), &mut self.pending)?;
            }
            Change::RelationGone { key, patient: None } => {
                self.people.relations_gone.insert(key, self.when());
            }
            Change::PatientGone(key) => {
                self.deletes = true;
                self.people.leave(key, self.when());
            }
            Change::Online { nhs_number, access } => {
                self.people.online.insert(nhs_number, access);
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
                    Belongs::ToUnlessIn { group, kind } => {
                        let name = facts.part.key.clone();
                        let own = self.line_id(&name);
                        self.places.push(share_of(&own), &(own, Place::With))?;
                        self.file_loose(Loose::Stays(name, kind, group, Box::new(facts)))?;
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

    fn of_practice(&mut self, key: &SourceKey) {
        if !self.practices.contains(&key.organisation) {
            self.practices.insert(key.organisation.clone());
        }
    }

    pub(super) fn line_id(&self, key: &SourceKey) -> LineId {
        self.pull.service.keys.identity.part(key)
    }

    /// When what is read now is said.
    pub(super) fn when(&self) -> When {
        When { given: self.at.given, as_of: self.as_of }
    }

    fn moment(&self) -> Option<Moment> {
        self.as_of.map(Moment::from)
    }

    /// The identifier of an entry. The lines of one mostly come one after the other.
    pub(super) fn entry_id(&mut self, group: &SourceKey) -> [u8; 16] {
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
        let (Loose::Line(with, _) | Loose::Stays(with, ..) | Loose::Gone(with) | Loose::CompanionGone(with)) = &loose;
        self.loose.push(share_of(&self.line_id(with)), &(self.moment(), self.at, loose))
    }

    /// Puts a line into an entry.
    pub(super) fn place(
        &mut self,
        group: SourceKey,
        facts: Box<PartFacts>,
        (moment, at): (Option<Moment>, Sequence),
    ) -> Result<(), ServiceError> {
        let (line, entry) = (self.line_id(&facts.part.key), self.entry_id(&group));
        let mut patient = DefaultHasher::new();
        facts.patient.id.hash(&mut patient);
        let patient = patient.finish() as u32;
        let filed = (moment, at, entry, Item::Line(group, facts));
        self.items.push(share_of(&entry), &filed)?;
        match filed.3 {
            Item::Line(group, _) => {
                let moment = moment.filter(|moment| self.pull.made.map(Moment::from) != Some(*moment));
                self.places.push(share_of(&line), &(line, Place::In(Put { entry, group, at, moment, patient })))
            }
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
        self.people.committed();
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
}
