//! What a million entries are found by without taking tens of megabytes for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::record::{EntryId, PatientId};

/// The entries of each patient, sorted and with little room for more: sets take half as much again.
#[derive(Debug, Default)]
pub struct OfPatient(HashMap<PatientId, Vec<EntryId>>);

impl OfPatient {
    /// All of a patient's.
    pub fn of(&self, patient: PatientId) -> &[EntryId] {
        self.0.get(&patient).map_or(&[], Vec::as_slice)
    }

    /// Takes an entry in, once.
    pub fn put(&mut self, patient: PatientId, id: EntryId) {
        let entries = self.0.entry(patient).or_default();
        if let Err(at) = entries.binary_search(&id) {
            if entries.len() == entries.capacity() {
                entries.reserve_exact(4.max(entries.len() / 8));
            }
            entries.insert(at, id);
        }
    }

    /// Lets an entry go.
    pub fn take(&mut self, patient: PatientId, id: EntryId) {
        if let Some(entries) = self.0.get_mut(&patient)
            && let Ok(at) = entries.binary_search(&id)
        {
            entries.remove(at);
        }
    }
}

/// How many entries become visible at each moment. Which ones is asked when the first has come, which is once a day, and
/// found by going through all; most of what a pull brings has one moment. A set of moments and identifiers takes 28 bytes
/// an entry, and with what a `BTreeSet` leaves free fifty.
#[derive(Debug, Default)]
pub struct Moments(BTreeMap<DateTime<Utc>, u64>);

impl Moments {
    /// One more.
    pub fn put(&mut self, at: DateTime<Utc>) {
        *self.0.entry(at).or_default() += 1;
    }

    /// One less.
    pub fn take(&mut self, at: DateTime<Utc>) {
        if let Entry::Occupied(mut moment) = self.0.entry(at) {
            match moment.get().checked_sub(1) {
                Some(rest @ 1..) => *moment.get_mut() = rest,
                _ => drop(moment.remove()),
            }
        }
    }

    /// The first.
    pub fn first(&self) -> Option<DateTime<Utc>> {
        self.0.first_key_value().map(|(at, _)| *at)
    }
}
