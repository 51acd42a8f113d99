//! A big practice in minutes: the units of a pull laid down again and again under other identifiers, straight into the
//! store. Nothing is parsed or screened; what stands in the store afterwards differs from a pull of that size only in
//! that words repeat.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anteroom::record::{EntryId, PatientId};
use anteroom::store::{EmbeddedStore, Frame, Store, Table, Unit, UnitId, Write};

/// What of a unit belongs to entries and patients, and not to the pull.
const COPIED: [Table; 4] = [Table::Patient, Table::Entry, Table::Version, Table::Screening];
/// Who lays down at the same time, as the workers of a pull do.
const CALLERS: usize = 3;

/// Lays everything that the store holds down `copies` times more.
pub fn lay(store: &EmbeddedStore, copies: u64) {
    let template: Vec<Frame> =
        store.log(1, usize::MAX).unwrap().into_iter().filter(|frame| !copied(frame).is_empty()).collect();
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (copy, frame) = (number / template.len() as u64 + 1, number as usize % template.len());
                    if copy > copies {
                        return;
                    }
                    store.commit(again(&template[frame], copy, number)).unwrap();
                }
            });
        }
    });
}

fn copied(frame: &Frame) -> Vec<&Write> {
    frame.unit.writes.iter().filter(|(table, ..)| COPIED.contains(table)).collect()
}

fn again(frame: &Frame, copy: u64, number: u64) -> Unit {
    let mask = Mask::of(copy);
    let writes = copied(frame)
        .into_iter()
        .map(|(table, key, value)| (*table, mask.key(key), value.as_ref().map(|value| mask.value(value).into_owned())))
        .collect();
    let mut audit = frame.unit.audit.clone();
    for record in &mut audit {
        record.entry = record.entry.map(|EntryId(id)| EntryId(mask.id(id)));
        record.patient = record.patient.map(|PatientId(id)| PatientId(mask.id(id)));
    }
    // Away from the identifiers of real units, which are digests.
    Unit { id: UnitId((u128::from(number) << 64 | u128::from(copy)).to_be_bytes()), pre: Vec::new(), writes, audit }
}

/// What makes other identifiers of one copy's.
struct Mask([u8; 16]);

impl Mask {
    fn of(copy: u64) -> Self {
        let digest = blake3::hash(&copy.to_le_bytes());
        Self(digest.as_bytes()[..16].try_into().unwrap())
    }

    fn id(&self, id: [u8; 16]) -> [u8; 16] {
        std::array::from_fn(|at| id[at] ^ self.0[at])
    }

    /// A key begins with an identifier, or with a digest as long.
    fn key(&self, key: &[u8]) -> Vec<u8> {
        let (id, rest) = key.split_first_chunk().unwrap();
        [&self.id(*id), rest].concat()
    }

    /// Rows are JSON, in which identifiers are strings of 32 hexadecimal digits.
    fn value<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        let mut value = Cow::Borrowed(value);
        let mut at = 0;
        while let Some(quote) = value[at..].iter().position(|byte| *byte == b'"') {
            at += quote + 1;
            if value.get(at + 32) != Some(&b'"') {
                continue;
            }
            let id = std::str::from_utf8(&value[at..at + 32]).ok().and_then(|digits| digits.parse::<EntryId>().ok());
            if let Some(EntryId(id)) = id {
                let other = EntryId(self.id(id)).to_string();
                value.to_mut()[at..at + 32].copy_from_slice(other.as_bytes());
                at += 33;
            }
        }
        value
    }
}
