//! Durable decisions beside SQLite and redb doing the same, and beside what the disk itself can sync.
//!
//!     cargo run --release --manifest-path tests/bench/peers/Cargo.toml [-- SECONDS]
//!
//! SECONDS (default 1) is how long each engine runs at a time. All stand in one temporary folder and take
//! turns, three rounds for each number of clients, because a shared disk is fast in one second and slow in
//! the next; the figure is the middle one. Set TMPDIR to measure another disk.
//!
//! A decision updates an entry of 600 bytes, deletes a key of the queue and adds a record of about 300
//! bytes, as one unit that is on the disk before the client goes on. SQLite (WAL, synchronous=FULL) and redb
//! are asked in two ways: each client its own transaction, and one writer that puts all that wait into one
//! transaction, which is what Anteroom does within. Anteroom also seals, chains and checks every unit.

mod peer;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::audit::{Actor, Event, Outcome, Record};
use anteroom::record::{EntryId, PatientId, Version};
use anteroom::store::{EmbeddedStore, Master, Options, Store, Table, Unit, UnitId};

use crate::peer::{Batched, Redb, Sqlite};

/// Entries that there are, and that decisions are spread over.
const ENTRIES: u64 = 100_000;
const ENTRY: usize = 600;
const AUDIT: usize = 300;

/// Somebody who makes decisions durable.
trait Engine: Sync {
    /// Returns when decision `number` is on the disk.
    fn decide(&self, number: u64);
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0);
    let length = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (bare, ours) = (Bare::create(&at("bare")), Ours::create(&at("anteroom")));
    let (sqlite, redb) = (Sqlite::create(&at("sqlite")), Redb::create(&at("redb")));
    let (sqlite_batched, redb_batched) =
        (Batched::new(Sqlite::create(&at("sqlite-batched"))), Batched::new(Redb::create(&at("redb-batched"))));
    let engines: [(&str, &dyn Engine); 6] = [
        ("append + fdatasync", &bare),
        ("Anteroom", &ours),
        ("SQLite", &sqlite),
        ("SQLite, one writer", &sqlite_batched),
        ("redb", &redb),
        ("redb, one writer", &redb_batched),
    ];

    println!("{:<20} {:>8} {:>12} {:>12} {:>12}", "", "clients", "decisions/s", "p50", "p99");
    let next = AtomicU64::new(0);
    for clients in [1, 8, 64, 512] {
        let mut rounds: Vec<Vec<Figures>> = engines.iter().map(|_| Vec::new()).collect();
        for _ in 0..3 {
            for ((_, engine), figures) in engines.iter().zip(&mut rounds) {
                figures.push(run(*engine, clients, length, &next));
            }
        }
        let middles: Vec<Figures> = rounds.into_iter().map(middle).collect();
        for ((name, _), figures) in engines.iter().zip(&middles) {
            println!(
                "{name:<20} {clients:>8} {:>12.0} {:>12.2?} {:>12.2?}",
                figures.rate, figures.p50, figures.p99
            );
        }
        let [bare, ours, others @ ..] = middles.as_slice() else { unreachable!() };
        let sqlite = others[..2].iter().map(|figures| figures.rate).fold(0.0, f64::max);
        println!(
            "{:<20} {clients:>8} {:>12.2} of the disk's rate, {:.2} of SQLite's better one\n",
            "Anteroom is",
            ours.rate / bare.rate,
            ours.rate / sqlite
        );
    }
}

#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

fn middle(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    rounds[rounds.len() / 2]
}

fn run(engine: &dyn Engine, clients: usize, length: Duration, next: &AtomicU64) -> Figures {
    let start = Instant::now();
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let mut times = Vec::new();
                    while start.elapsed() < length {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let begun = Instant::now();
                        engine.decide(number);
                        times.push(begun.elapsed());
                    }
                    times
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let took = start.elapsed();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Figures { rate: times.len() as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// Spreads decisions over the entries in no order.
fn entry_of(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % ENTRIES
}

/// What the disk can do: an append into space that is already there, and a sync. One client at a time, as
/// no file can do otherwise.
struct Bare(Mutex<(File, u64)>);

impl Bare {
    const SPACE: u64 = 64 << 20;

    fn create(path: &Path) -> Self {
        let file = File::create(path).unwrap();
        file.write_all_at(&vec![0; Self::SPACE as usize], 0).unwrap();
        file.sync_all().unwrap();
        Self(Mutex::new((file, 0)))
    }
}

impl Engine for Bare {
    fn decide(&self, _: u64) {
        let bytes = [0x5a; ENTRY + AUDIT + 200];
        let mut bare = self.0.lock().unwrap();
        let (file, end) = &mut *bare;
        file.write_all_at(&bytes, *end).unwrap();
        file.sync_data().unwrap();
        *end = (*end + bytes.len() as u64) % (Self::SPACE - 4096);
    }
}

struct Ours(EmbeddedStore);

impl Ours {
    fn create(path: &Path) -> Self {
        let options = Options { floor_bytes: 0, ..Options::default() };
        let (store, _) = EmbeddedStore::open(path, &options, &Master::from_key([0x5e; 32], "a bench")).unwrap();
        for first in (0..ENTRIES).step_by(1000) {
            let rows = (first..first + 1000).flat_map(|entry| {
                let key = entry.to_be_bytes().to_vec();
                [(Table::Entry, key.clone(), Some(vec![0; ENTRY])), (Table::Batch, key, Some(Vec::new()))]
            });
            store.commit(Self::unit(u128::from(first) + (1 << 64), rows.collect())).unwrap();
        }
        Self(store)
    }

    fn unit(id: u128, writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>) -> Unit {
        // As long as a decision's record is.
        let audit = Record {
            at: chrono::DateTime::UNIX_EPOCH,
            actor: Actor::system("bench"),
            event: Event::Approved,
            outcome: Outcome::Done,
            patient: Some(PatientId([7; 16])),
            entry: Some(EntryId([8; 16])),
            version: Some(Version(3)),
            states: Some(("awaiting-second".to_owned(), "settling".to_owned())),
        };
        Unit { id: UnitId(id.to_be_bytes()), pre: Vec::new(), writes, audit: vec![audit] }
    }
}

impl Engine for Ours {
    fn decide(&self, number: u64) {
        let key = entry_of(number).to_be_bytes().to_vec();
        let writes = vec![(Table::Entry, key.clone(), Some(vec![number as u8; ENTRY])), (Table::Batch, key, None)];
        self.0.commit(Self::unit(number.into(), writes)).unwrap();
    }
}
