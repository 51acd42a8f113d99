//! Many callers at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anteroom::store::{Expect, Store, StoreError, Table, Unit};

use crate::kit::{id, open, record, unit};

const COUNTERS: [&[u8]; 3] = [b"x", b"y", b"z"];

#[test]
fn no_update_is_lost_among_64_callers() {
    const CALLERS: usize = 64;
    const ROUNDS: u64 = 12;
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let ids = AtomicU64::new(1);
    let conflicts = AtomicU64::new(0);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (store, ids, conflicts) = (&store, &ids, &conflicts);
            scope.spawn(move || {
                let key = COUNTERS[caller % COUNTERS.len()];
                for _ in 0..ROUNDS {
                    loop {
                        let row = store.get(Table::Meta, key).unwrap();
                        let (count, expect) = row.map_or((0, Expect::Absent), |row| {
                            (u64::from_be_bytes(row.value.try_into().unwrap()), Expect::At(row.seq))
                        });
                        let unit = Unit {
                            id: id(ids.fetch_add(1, Ordering::Relaxed)),
                            pre: vec![(Table::Meta, key.to_vec(), expect)],
                            writes: vec![(Table::Meta, key.to_vec(), Some((count + 1).to_be_bytes().to_vec()))],
                            audit: vec![record()],
                        };
                        match store.commit(unit) {
                            Ok(receipt) => {
                                // What was acknowledged is visible at once.
                                assert!(store.get(Table::Meta, key).unwrap().unwrap().seq >= receipt.seq);
                                break;
                            }
                            Err(StoreError::Conflict(..)) => conflicts.fetch_add(1, Ordering::Relaxed),
                            Err(other) => panic!("{other}"),
                        };
                    }
                }
            });
        }
    });
    drop(store);
    let (store, opened) = open(directory.path());
    assert_eq!(opened.frames, CALLERS as u64 * ROUNDS);
    assert!(conflicts.into_inner() > 0, "the callers never met, so the test shows nothing");
    let total: u64 = store
        .scan(Table::Meta, &[], None, 10)
        .unwrap()
        .into_iter()
        .map(|(_, row)| u64::from_be_bytes(row.value.try_into().unwrap()))
        .sum();
    assert_eq!(total, CALLERS as u64 * ROUNDS);
    assert_eq!(store.verify().unwrap().damage, Vec::<String>::new());
}

#[test]
fn a_reader_sees_whole_units_only() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let done = AtomicBool::new(false);
    // Big enough for several sled batches, so that a half could be seen if it could be seen at all.
    let write = |number: u64| {
        let rows = (0..40u8).map(|row| (Table::Entry, vec![row], Some(vec![number as u8; 30_000])));
        unit(number, rows.collect())
    };
    store.commit(write(1)).unwrap();
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let rows = store.scan(Table::Entry, &[], None, 100).unwrap();
                assert_eq!(rows.len(), 40);
                let seq = rows[0].1.seq;
                assert!(rows.iter().all(|(_, row)| row.seq == seq && row.value == [seq as u8; 30_000]));
                assert!(seq >= last);
                seen += u32::from(seq != last);
                last = seq;
            }
            seen
        });
        for number in 2..40 {
            store.commit(write(number)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen > 2, "the reader saw {seen} states, so the test shows nothing");
}

#[test]
fn work_that_was_accepted_before_the_store_closed_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    thread::scope(|scope| {
        for caller in 1..=8 {
            let store = &store;
            scope.spawn(move || store.commit(unit(caller, Vec::new())).unwrap());
        }
    });
    drop(store);
    assert_eq!(open(directory.path()).1.frames, 8);
}
