//! How fast the store is on this disk: a pull, opening again and making the view anew. How fast decisions are,
//! beside SQLite, redb and the disk itself: `tests/bench/peers`.
//!
//! `cargo bench --bench store [-- ENTRIES]`; ENTRIES (default 20,000) is the size of the pull. The store
//! stands in a temporary folder: set TMPDIR to measure another disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::audit::{Actor, Event, Outcome, Record};
use anteroom::store::{EmbeddedStore, Master, Options, Store, Table, Unit, UnitId, verify_offline};

fn main() {
    // `cargo test --all-targets` starts benchmarks too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let entries = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let directory = tempfile::tempdir().unwrap();
    pull(&directory.path().join("pull"), entries);
}

/// Units of 50 entries, each with its version, its screening and its rows in queue and index.
fn pull(directory: &Path, entries: u64) {
    const TOGETHER: u64 = 50;
    let store = open(directory);
    let start = Instant::now();
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(TOGETHER, Ordering::Relaxed);
                    if first >= entries {
                        break;
                    }
                    store.commit(arrivals(first, TOGETHER)).unwrap();
                }
            });
        }
    });
    rate("pull, entries of 5 rows", entries, start.elapsed());
    drop(store);

    let start = Instant::now();
    let store = open(directory);
    rate("open, rows in the view", entries * 5, start.elapsed());
    let start = Instant::now();
    let rows = store.scan(Table::Version, &[], None, usize::MAX).unwrap().len();
    rate("scan, rows", rows as u64, start.elapsed());
    drop(store);

    let start = Instant::now();
    assert!(verify_offline(directory, Some(&master())).unwrap().damage.is_empty());
    rate("verify, entries", entries, start.elapsed());

    println!("{:<40} {:>12} MiB", "journal", size(&directory.join("journal")) >> 20);
    println!("{:<40} {:>12} MiB", "view", size(&directory.join("view")) >> 20);
    fs::remove_dir_all(directory.join("view")).unwrap();
    let start = Instant::now();
    drop(open(directory));
    rate("view made anew, rows", entries * 5, start.elapsed());
    let memory = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = memory.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{peak}");
    }
}

fn arrivals(first: u64, count: u64) -> Unit {
    let mut writes = Vec::new();
    let mut audit = Vec::new();
    for number in first..first + count {
        // Entries' keys are digests: they arrive in no order.
        let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
        writes.push((Table::Entry, key.clone(), Some(vec![1; 150])));
        writes.push((Table::Version, key.clone(), Some(vec![2; 600])));
        writes.push((Table::Screening, key.clone(), Some(vec![3; 100])));
        writes.push((Table::Staff, key.clone(), Some(vec![4; 8])));
        writes.push((Table::Part, key, Some(vec![])));
        audit.push(record(Event::Ingested));
    }
    Unit { id: UnitId((u128::from(first) + (1 << 64)).to_be_bytes()), pre: Vec::new(), writes, audit }
}

fn record(event: Event) -> Record {
    Record {
        at: chrono::DateTime::UNIX_EPOCH,
        actor: Actor::system("bench"),
        event,
        outcome: Outcome::Done,
        patient: None,
        entry: None,
        version: None,
        states: None,
    }
}

fn master() -> Master {
    Master::from_key([0x5e; 32], "a bench")
}

fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, &Options { floor_bytes: 0, ..Options::default() }, &master()).unwrap().0
}

fn size(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn rate(what: &str, count: u64, length: Duration) {
    println!("{what:<40} {:>12.0} /s   {count} in {length:.2?}", count as f64 / length.as_secs_f64());
}
