//! Units that are durable and shown to readers, and not in sled yet: so that nobody who waits for an
//! acknowledgement waits for sled.
//!
//! What stands here hides what sled holds under the same key. A row leaves only when sled has it, so while
//! sled is being changed every row concerned is read from here.

use std::collections::btree_map::Range;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::{Digest, Step, Unit, UnitId, Versioned, row_key};

/// Units that wait to be put into sled, with an index of what they changed.
#[derive(Debug, Default)]
pub struct Fresh {
    rows: BTreeMap<Vec<u8>, Newest>,
    units: HashMap<UnitId, (u64, Digest)>,
    steps: VecDeque<Step>,
    bytes: usize,
}

/// The newest state of a row: one write of a unit.
#[derive(Debug)]
pub struct Newest {
    seq: u64,
    unit: Arc<Unit>,
    write: usize,
}

impl Newest {
    /// The row, `None` if the unit deleted it.
    pub fn versioned(&self) -> Option<Versioned> {
        let value = self.unit.writes.get(self.write)?.2.clone()?;
        Some(Versioned { seq: self.seq, value })
    }
}

impl Fresh {
    /// Adds a unit behind all others.
    pub fn add(&mut self, step: Step) {
        for (write, (table, key, _)) in step.unit.writes.iter().enumerate() {
            let newest = Newest { seq: step.seq, unit: Arc::clone(&step.unit), write };
            self.rows.insert(row_key(*table as u8, key), newest);
        }
        self.units.insert(step.unit.id, (step.seq, step.digest));
        self.bytes += step.bytes();
        self.steps.push_back(step);
    }

    /// The first units, at least one if there is any and up to about `bytes` of them.
    pub fn first(&self, bytes: usize) -> Vec<Step> {
        let mut sum = 0;
        let fits = |step: &&Step| {
            let before = sum;
            sum += step.bytes();
            before < bytes
        };
        self.steps.iter().take_while(fits).cloned().collect()
    }

    /// Forgets the first `count` units, which sled has.
    pub fn forget(&mut self, count: usize) {
        for step in self.steps.drain(..count.min(self.steps.len())) {
            self.bytes -= step.bytes();
            self.units.remove(&step.unit.id);
            for (table, key, _) in &step.unit.writes {
                let name = row_key(*table as u8, key);
                if self.rows.get(&name).is_some_and(|newest| newest.seq <= step.seq) {
                    self.rows.remove(&name);
                }
            }
        }
    }

    /// The newest state of a row, if it is here.
    pub fn row(&self, name: &[u8]) -> Option<&Newest> {
        self.rows.get(name)
    }

    /// The rows from `from` on.
    pub fn rows_from(&self, from: Vec<u8>) -> Range<'_, Vec<u8>, Newest> {
        self.rows.range(from..)
    }

    /// A unit's place and the digest of its frame.
    pub fn unit(&self, id: UnitId) -> Option<(u64, Digest)> {
        self.units.get(&id).copied()
    }

    /// About how much memory its units take, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
