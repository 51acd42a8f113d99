//! A unit of work as it grows, and what a pull has counted.

use serde::{Deserialize, Serialize};

use super::super::ServiceError;
use super::super::rows::{EntryRow, encode};
use super::Pull;
use crate::audit::{Event, Record};
use crate::protocol::Pulled;
use crate::record::Patient;
use crate::store::{Expect, Table};

/// A unit of work is committed when it has grown to this many bytes: small ones where tests look at what a pull leaves
/// that is killed between two of them.
const UNIT_BYTES: usize = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 20 };

/// The store takes no more writes than 20,000 in a unit; a line's row is a small one.
const UNIT_WRITES: usize = 10_000;

/// What a pull has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// In the numbers that people see.
    pub pulled: Pulled,
    /// Whether something that was visible no longer is.
    pub withdrawn: bool,
    /// Deletions of what was never sent.
    pub unknown_deletions: u64,
    /// Entries that a later extract had changed already, and that were left as it made them.
    pub left: u64,
    /// Entries of history that came with a patient from another practice.
    pub transferred: u64,
    /// Of these, with a finding that would hold them.
    pub transferred_held: u64,
    /// New entries of patients whom no feed has sent.
    #[serde(default)]
    pub of_strangers: u64,
}

impl Tally {
    /// Adds what changed in the store.
    pub fn add(&mut self, other: &Self) {
        let (ours, theirs) = (&mut self.pulled, &other.pulled);
        ours.new += theirs.new;
        ours.changed += theirs.changed;
        ours.deleted += theirs.deleted;
        ours.queued += theirs.queued;
        ours.to_skim += theirs.to_skim;
        ours.on_hold += theirs.on_hold;
        ours.not_open += theirs.not_open;
        ours.patients += theirs.patients;
        self.withdrawn |= other.withdrawn;
        self.unknown_deletions += other.unknown_deletions;
        self.left += other.left;
        self.transferred += other.transferred;
        self.transferred_held += other.transferred_held;
        self.of_strangers += other.of_strangers;
    }

    /// Says what is not in the numbers. Returns what is worth knowing and nothing to worry about.
    pub fn say(&mut self) -> Option<String> {
        /// So few new entries say nothing of the feed as a whole.
        const FEW: u64 = 10;
        let column = match self.pulled.source.as_str() {
            "emis" => Some("PatientGuid"),
            "tpp" => Some("IDPatient"),
            _ => None,
        };
        let notices = &mut self.pulled.notices;
        if let Some(column) = column.filter(|_| self.pulled.new >= FEW && self.of_strangers * 2 >= self.pulled.new) {
            notices.push(format!(
                "{} of {} new entries are of patients whom no extract has sent: either the patients did not come, or \
                 {column} holds something else because columns are swapped; all are kept and withheld: ask the supplier \
                 for the extract again",
                self.of_strangers, self.pulled.new
            ));
        }
        let information = (self.unknown_deletions > 0).then(|| {
            let deletions = match self.unknown_deletions {
                1 => "1 deletion names a line".to_owned(),
                many => format!("{many} deletions name lines"),
            };
            format!(
                "{}: {deletions} that never came; nothing need be done, unless an extract is missing",
                self.pulled.source
            )
        });
        let notices = &mut self.pulled.notices;
        if self.left > 0 {
            notices.push(format!(
                "{} entries of this extract had changed since in a later one, and were left as that one made them",
                self.left
            ));
        }
        if self.transferred > 0 {
            notices.push(format!(
                "{} entries of history came with new patients and stay withheld: they do not clear by \
                 themselves; {} of them hold something that a clinician should know of",
                self.transferred, self.transferred_held
            ));
        }
        information
    }
}

/// What a unit of work grows from: writes that go together, with their records.
#[derive(Default)]
pub struct Pending {
    /// What must still be so: nobody has decided on an entry since it was read.
    pub pre: Vec<(Table, Vec<u8>, Expect)>,
    /// What changes.
    pub writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
    /// What happened.
    pub audit: Vec<Record>,
    /// Entries whose place on the board changes.
    pub rows: Vec<EntryRow>,
    /// Patients who are new or changed.
    pub patients: Vec<Patient>,
    /// What it adds to the numbers.
    pub tally: Tally,
    bytes: usize,
}

impl Pending {
    /// Adds a row to be written.
    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.writes.push((table, key, Some(value)));
    }

    /// Adds an entry's row.
    pub fn put_entry(&mut self, row: EntryRow) -> Result<(), ServiceError> {
        self.put(Table::Entry, row.entry.id.0.to_vec(), encode(&row)?);
        self.rows.push(row);
        Ok(())
    }

    /// Adds a patient.
    pub fn put_patient(&mut self, patient: Patient) -> Result<(), ServiceError> {
        self.put(Table::Patient, patient.id.0.to_vec(), encode(&patient)?);
        self.patients.push(patient);
        Ok(())
    }

    /// Whether it has grown enough to be committed.
    pub fn is_full(&self) -> bool {
        self.bytes >= UNIT_BYTES || self.writes.len() >= UNIT_WRITES
    }
}

/// Somebody who commits units one after the other, and keeps count in the store: a pull that is killed and
/// run again still says what both runs did.
pub struct Hand {
    key: Vec<u8>,
    total: Tally,
}

impl Hand {
    /// The hand that keeps its count under `key`.
    pub fn new(key: Vec<u8>) -> Self {
        Self { key, total: Tally::default() }
    }
}

impl Pull<'_> {
    /// Commits a unit, and puts what it brought where people look.
    ///
    /// # Errors
    /// What the store says; nothing of the unit took effect.
    pub fn commit(&self, hand: &mut Hand, pending: Pending) -> Result<(), ServiceError> {
        let Pending { pre, mut writes, mut audit, rows, patients, tally, .. } = pending;
        let mut total = hand.total.clone();
        total.add(&tally);
        if total != hand.total {
            writes.push((Table::Meta, hand.key.clone(), Some(encode(&total)?)));
        }
        if writes.is_empty() && audit.is_empty() {
            return Ok(());
        }
        if !patients.is_empty() || audit.is_empty() {
            audit.push(self.service.record(self.actor, Event::PatientsUpdated { patients: patients.len() }));
        }
        self.service.room_for_more()?;
        self.service.commit_rows(pre, writes, audit, &rows)?;
        hand.total = total;
        let mut board = self.service.board();
        for patient in &patients {
            board.settle(patient);
        }
        Ok(())
    }
}
