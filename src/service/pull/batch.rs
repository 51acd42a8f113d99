//! What a feed said, sorted by what it is about.

use std::collections::{HashMap, HashSet};

use crate::record::{NhsNumber, Patient, PatientId, SourceKey};
use crate::source::{
    Belongs, Change, Covers, GroupFacts, OnlineAccess, PartFacts, PatientAlso, PatientFacts, SetAside,
};

/// A feed, read to its end.
#[derive(Default)]
pub struct Batch {
    /// Lines read, deletions among them.
    pub parts_read: u64,
    /// Patients, in the feed's order.
    pub patients: Vec<PatientFacts>,
    /// What else was said of patients, in the feed's order.
    pub patients_also: Vec<PatientAlso>,
    /// Who reads whose record, where nothing else of the patient was sent.
    pub online: Vec<(NhsNumber, OnlineAccess)>,
    /// Patients who left the practice.
    pub patients_gone: Vec<SourceKey>,
    /// Patients as stored or as this feed makes them.
    pub known: HashMap<PatientId, Patient>,
    /// Names of staff.
    pub staff: HashMap<SourceKey, String>,
    /// What was said of each entry.
    pub groups: Vec<Group>,
    /// Which group a line of this feed is in.
    pub group_of: HashMap<SourceKey, SourceKey>,
    /// Lines that belong with another line.
    pub unplaced: Vec<(SourceKey, PartFacts)>,
    /// Deleted lines.
    pub lines_gone: Vec<SourceKey>,
    /// Lines that go with deleted ones, where there are any.
    pub companions_gone: Vec<SourceKey>,
    /// Rows that could not be used.
    pub set_aside: Vec<SetAside>,
    /// What people must know.
    pub notices: Vec<String>,
    /// What time the feed covers.
    pub covers: Vec<Covers>,
    /// Deletions of what was never sent.
    pub unknown_deletions: u64,
    index: HashMap<SourceKey, usize>,
}

/// What a feed said of one entry.
pub struct Group {
    /// The source's name for it.
    pub key: SourceKey,
    /// Its header.
    pub header: Option<GroupFacts>,
    /// Its lines that are new or changed.
    pub lines: Vec<PartFacts>,
    /// Its lines that are gone.
    pub gone: HashSet<SourceKey>,
    /// Whether it is gone as a whole.
    pub all_gone: bool,
}

impl Batch {
    /// Files a change under what it is about.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Patient(facts) => self.patients.push(facts),
            Change::PatientAlso(also) => self.patients_also.push(also),
            Change::PatientGone(key) => self.patients_gone.push(key),
            Change::Online { nhs_number, access } => self.online.push((nhs_number, access)),
            Change::Staff { key, name } => {
                self.staff.insert(key, name);
            }
            Change::Group(facts) => {
                let group = self.group(facts.key.clone());
                group.all_gone = false;
                group.header = Some(facts);
            }
            Change::GroupGone(key) => self.group(key).all_gone = true,
            Change::Part(facts) => {
                self.parts_read += 1;
                match facts.belongs.clone() {
                    Belongs::To(group) => self.place(group, facts),
                    Belongs::Alone => self.place(facts.part.key.clone(), facts),
                    Belongs::With(line) => self.unplaced.push((line, facts)),
                }
            }
            Change::PartGone(key) => self.lines_gone.push(key),
            Change::CompanionGone(key) => self.companions_gone.push(key),
            Change::SetAside(row) => self.set_aside.push(row),
            Change::Notice(sentence) => self.notices.push(sentence),
            Change::Covers(covers) => self.covers.push(covers),
        }
    }

    /// Puts a line into a group.
    pub fn place(&mut self, group: SourceKey, facts: PartFacts) {
        self.group_of.insert(facts.part.key.clone(), group.clone());
        self.group(group).lines.push(facts);
    }

    /// The group with this key.
    pub fn group(&mut self, key: SourceKey) -> &mut Group {
        let at = *self.index.entry(key.clone()).or_insert(self.groups.len());
        if at == self.groups.len() {
            self.groups.push(Group { key, header: None, lines: Vec::new(), gone: HashSet::new(), all_gone: false });
        }
        &mut self.groups[at]
    }

    /// Whether the feed speaks of a group with this key.
    pub fn has_group(&self, key: &SourceKey) -> bool {
        self.index.contains_key(key)
    }

    /// Hands over the groups.
    pub fn take_groups(&mut self) -> Vec<Group> {
        self.index.clear();
        std::mem::take(&mut self.groups)
    }
}
