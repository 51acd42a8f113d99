//! Many callers at once against a map in memory: the journal's order explains every answer that was given.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anteroom::store::{EmbeddedStore, Expect, Receipt, Store, StoreError, Table, Unit};

use crate::kit::{assert_holds, id, open, record, temporary};

const CALLERS: u64 = 8;
const KEYS: u64 = 5;

/// What somebody saw: the head before they asked, the key, and the row's sequence number and value.
type Seen = (u64, u64, Option<(u64, Vec<u8>)>);

/// What a unit made of a row: its sequence number and the value, `None` if it deleted it.
type State = (u64, Option<Vec<u8>>);

/// Numbers that look random and come again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end
    }
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Reads and commits as the dice fall, some of it on conditions that others may break.
fn caller(store: &EmbeddedStore, seed: u64, rounds: u64, ids: &AtomicU64) -> (Vec<Seen>, Vec<(Unit, Receipt)>) {
    let (mut dice, mut seen, mut done) = (Dice(seed), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (before, which) = (store.head(), dice.below(KEYS));
        let row = store.get(Table::Entry, &key(which)).unwrap();
        seen.push((before, which, row.clone().map(|row| (row.seq, row.value))));
        let number = ids.fetch_add(1, Ordering::Relaxed);
        let expect = row.map_or(Expect::Absent, |row| Expect::At(row.seq));
        let other = dice.below(KEYS);
        let value = (dice.below(4) > 0).then(|| number.to_be_bytes().repeat(1 + dice.below(60) as usize));
        let unit = Unit {
            id: id(number),
            pre: if dice.below(3) > 0 { vec![(Table::Entry, key(which), expect)] } else { Vec::new() },
            writes: vec![(Table::Entry, key(which), value.clone()), (Table::Entry, key(other), value)],
            audit: vec![record()],
        };
        match store.commit(unit.clone()) {
            Ok(receipt) => {
                // What was acknowledged is seen at once.
                assert!(store.head() >= receipt.seq);
                done.push((unit, receipt));
            }
            Err(StoreError::Conflict(Table::Entry, conflict)) => assert_eq!(conflict, key(which)),
            Err(other) => panic!("{other}"),
        }
    }
    (seen, done)
}

/// Whether anybody met anybody: whether a condition failed because another was there first.
fn run(rounds: u64) -> bool {
    let directory = temporary();
    let (store, _) = open(directory.path());
    let ids = AtomicU64::new(1);
    let told: Vec<_> = thread::scope(|scope| {
        let (store, ids) = (&store, &ids);
        let callers: Vec<_> = (0..CALLERS).map(|seed| scope.spawn(move || caller(store, seed, rounds, ids))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });

    let log = store.log(1, usize::MAX).unwrap();
    let acknowledged: usize = told.iter().map(|(_, done)| done.len()).sum();
    assert_eq!(log.len(), acknowledged, "every unit that took effect was acknowledged, and no other");
    // Every write of a key in the journal's order, and that every condition held where it stands.
    let mut writes: HashMap<Vec<u8>, Vec<State>> = HashMap::new();
    for frame in &log {
        for (_, key, expect) in &frame.unit.pre {
            let row = writes.get(key).and_then(|writes| writes.last()).filter(|(_, value)| value.is_some());
            match expect {
                Expect::Absent => assert!(row.is_none(), "unit {} took effect against its condition", frame.seq),
                Expect::Exists => assert!(row.is_some()),
                Expect::At(seq) => assert_eq!(row.map(|(seq, _)| *seq), Some(*seq), "unit {}", frame.seq),
            }
        }
        for (_, key, value) in &frame.unit.writes {
            writes.entry(key.clone()).or_default().push((frame.seq, value.clone()));
        }
    }
    for (seen, done) in told {
        for (unit, receipt) in done {
            let frame = &log[receipt.seq as usize - 1];
            assert_eq!((&frame.unit, frame.digest), (&unit, receipt.leaf));
        }
        for (before, which, row) in seen {
            let of_key = writes.get(&key(which)).map_or(&[][..], Vec::as_slice);
            // The states of the row from the one that stood at `before` on.
            let first = of_key.partition_point(|(seq, _)| *seq <= before).saturating_sub(1);
            let mut states = of_key[first..].iter().map(|(seq, value)| value.clone().map(|value| (*seq, value)));
            let never_written = of_key.first().is_none_or(|(seq, _)| *seq > before);
            assert!(
                states.any(|state| state == row) || row.is_none() && never_written,
                "somebody saw {row:?} after unit {before}, which nothing explains"
            );
        }
    }
    let units: Vec<_> = log.into_iter().map(|frame| frame.unit).collect();
    assert_holds(&store, &units);
    drop(store);
    assert_holds(&open(directory.path()).0, &units);
    (acknowledged as u64) < CALLERS * rounds
}

#[test]
fn the_journal_s_order_explains_all_that_was_seen_and_acknowledged() {
    assert!((1..=8).any(|times| run(60 * times)), "nobody met anybody, so the test shows nothing");
}

#[test]
#[ignore = "the same for a minute or so"]
fn the_journal_s_order_explains_all_that_was_seen_and_acknowledged_for_long() {
    assert_eq!((0..20).filter(|_| run(600)).count(), 20);
}
