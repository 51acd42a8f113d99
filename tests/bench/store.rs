//! A practice of many entries: how fast they come in, how fast the daemon starts over them and how much memory
//! it takes, how fast a page of the queue is, and how fast the log is verified and the view made anew.
//!
//! `cargo bench --bench store [-- ENTRIES]`; a tenth of the ENTRIES (default 100,000) waits for people. At most a hundred
//! thousand are pulled; the rest are copies of these, laid straight into the store. With `-- queue ENTRIES` all of them
//! wait. All stands in a temporary folder: set TMPDIR to measure another disk. With `-- peers` how fast decisions are,
//! beside SQLite, redb and the disk itself: `tests/bench/peers`, which has dependencies of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod laid;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anteroom::audit::{Actor, Event, Outcome, Record, Role};
use anteroom::channel::Portal;
use anteroom::client::Client;
use anteroom::protocol::{Reply, Request};
use anteroom::record::{Author, EntryKind, Part, SourceKey, Style};
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, Settings, SystemClock};
use anteroom::source::{Belongs, Change, Manifest, PartFacts, PatientFacts, Source, SourceError};
use anteroom::store::{EmbeddedStore, Master, Options, Store, Table, Unit, UnitId, make_key, verify_offline};
use chrono::{NaiveDate, Utc};
use tokio::net::UnixStream;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if std::env::args().any(|argument| argument == "peers") {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peers/Cargo.toml");
        let ran = Command::new(env!("CARGO")).args(["run", "--release", "--manifest-path", manifest]).status();
        assert!(ran.unwrap().success());
        return;
    }
    let entries = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let every = if std::env::args().any(|argument| argument == "queue") { 1 } else { 10 };
    println!("load before: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let folder = tempfile::tempdir().unwrap();
    practice(&folder.path().join("practice"), entries, every);
    if every > 1 {
        journal(&folder.path().join("journal"), entries.min(MOST_PULLED));
    }
}

/// Most entries that are pulled, and decisions that are made.
const MOST_PULLED: u64 = 100_000;

/// One in `every` entries waits for people.
fn practice(folder: &Path, entries: u64, every: u64) {
    fs::create_dir(folder).unwrap();
    // A practice that measures what screening misses reads everything at first: all of it waits.
    let clearing = if every == 1 { "" } else { "clearing = \"unmeasured\"\n" };
    let settings = format!("[practice]\nods = \"Z99901\"\nname = \"Bench\"\nshown_by = \"portal\"\n{clearing}");
    fs::write(folder.join("practice.toml"), settings).unwrap();
    make_key(&folder.join("secret")).unwrap();
    let pulled = entries.min(MOST_PULLED);
    let start = Instant::now();
    pull(folder, pulled, every);
    rate("pull: entries of one part, screened and stored", pulled, start.elapsed());
    if entries > pulled {
        let start = Instant::now();
        laid::lay(&open(&folder.join("store"), &key(folder)), entries / pulled - 1);
        rate("laid down as they came", entries / pulled * pulled - pulled, start.elapsed());
    }
    println!("{:<48} {:>8} MiB", "journal", size(&folder.join("store/journal")) >> 20);
    println!("{:<48} {:>8} MiB", "view", size(&folder.join("store/view")) >> 20);

    for which in ["first start: another program's, all is read", "start after a stop", "start after kill -9"] {
        let daemon = Daemon::start(folder);
        println!("{which:<48} {:>8.2?}   {} MiB resident", daemon.took, daemon.resident());
        pages(folder);
        // The rest of the journal and of the view is read while the daemon serves.
        thread::sleep(Duration::from_secs(3 + entries / 50_000));
        println!("{:<48} {:>8} MiB, {} MiB at most", "resident after that", daemon.resident(), daemon.most());
        match which {
            "start after a stop" => daemon.kill(),
            _ => drop(daemon),
        }
    }
}

fn key(folder: &Path) -> Master {
    Master::from_file(&folder.join("secret")).unwrap()
}

fn open(directory: &Path, master: &Master) -> EmbeddedStore {
    EmbeddedStore::open(directory, &Options { floor_bytes: 0, ..Options::default() }, master).unwrap().0
}

fn pull(folder: &Path, entries: u64, every: u64) {
    const TOGETHER: u64 = 20_000;
    let store = open(&folder.join("store"), &key(folder));
    let keys = Keys::from_secret(store.secret());
    let service = Service::start(Parts {
        store: Box::new(store),
        clock: Arc::new(SystemClock),
        rules: Rules::built_in(),
        keys,
        settings: Settings::read(folder).unwrap(),
        channel: Box::new(Portal::new(folder.join("feed"))),
        feed: Box::new(|| None),
        demo: false,
    })
    .unwrap();
    let lead = Actor { login: "bench".to_owned(), role: Role::Lead };
    for first in (0..entries).step_by(TOGETHER as usize) {
        service.pull(&lead, &mut Feed { first, end: entries.min(first + TOGETHER), every }).unwrap();
    }
}

/// Entries of one line each; one in `every` discloses something.
struct Feed {
    first: u64,
    end: u64,
    every: u64,
}

impl Source for Feed {
    fn name(&self) -> &str {
        "bench"
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        Ok(Manifest { stream: "bench".to_owned(), ..Manifest::default() })
    }

    fn read(&mut self, sink: &mut dyn FnMut(Change) -> Result<(), SourceError>) -> Result<(), SourceError> {
        let key = |kind: &str, number: u64| SourceKey {
            system: "bench".to_owned(),
            organisation: "Z99901".to_owned(),
            id: format!("{kind}-{number}"),
        };
        let happened = NaiveDate::from_ymd_opt(2026, 11, 16);
        for number in self.first..self.end {
            let patient = key("patient", number / 100);
            if number % 100 == 0 {
                sink(Change::Patient(PatientFacts {
                    family_name: format!("Family{number}"),
                    given_name: "Given".to_owned(),
                    ..PatientFacts::unknown(patient.clone())
                }))?;
            }
            let text = match number % self.every {
                0 => "Came alone. Says her partner strangled her on Sunday and took her phone.",
                _ => "Sore throat for three days, no fever, tonsils red. Fluids and rest, back if it gets worse.",
            };
            let part = Part {
                key: key("line", number),
                heading: "History".to_owned(),
                display: "Seen in surgery".to_owned(),
                codes: Vec::new(),
                value: String::new(),
                text: text.to_owned(),
                happened,
                author: Author { id: "doctor".to_owned(), name: "Dr Bench".to_owned() },
                order: 0,
                unreadable: None,
            };
            sink(Change::Part(PartFacts {
                belongs: Belongs::Alone,
                patient,
                kind: EntryKind::Consultation,
                recorded: Some(Utc::now()),
                part,
            }))?;
        }
        Ok(())
    }
}

/// The product itself, serving a folder.
struct Daemon {
    process: Child,
    took: Duration,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let begun = Instant::now();
        let process = Command::new(env!("CARGO_BIN_EXE_anteroom"))
            .args(["serve", "--dir"])
            .arg(folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // It is there when it answers.
        while !runtime.block_on(answers(folder)) {
            thread::sleep(Duration::from_millis(2));
        }
        Self { process, took: begun.elapsed() }
    }

    /// MiB now.
    fn resident(&self) -> u64 {
        self.mebibytes("VmRSS:")
    }

    /// MiB at the worst moment.
    fn most(&self) -> u64 {
        self.mebibytes("VmHWM:")
    }

    fn mebibytes(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() >> 10
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let stopped = Command::new("kill").arg(self.process.id().to_string()).status();
            assert!(stopped.unwrap().success());
            self.process.wait().unwrap();
        }
    }
}

async fn answers(folder: &Path) -> bool {
    let Ok(stream) = UnixStream::connect(folder.join("anteroom.sock")).await else { return false };
    let Ok((mut client, _)) = Client::connect(stream).await else { return false };
    matches!(client.request(Request::Status).await, Ok(Reply::Status(_)))
}

/// A screenful of the queue, asked for again and again.
fn pages(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut times = runtime.block_on(async {
        let stream = UnixStream::connect(folder.join("anteroom.sock")).await.unwrap();
        let (mut client, _) = Client::connect(stream).await.unwrap();
        let mut times = Vec::new();
        for _ in 0..500 {
            let begun = Instant::now();
            let Reply::Queue(queue) = client.request(Request::Queue { limit: 24 }).await.unwrap() else { panic!() };
            times.push(begun.elapsed());
            assert!(!queue.rows.is_empty());
        }
        times
    });
    times.sort_unstable();
    println!(
        "{:<48} {:>8.2?}   p99 {:.2?}, with its record on the disk",
        "page of the queue, p50",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}

/// Decisions one by one: the log of them verified, and the view of them made anew.
fn journal(folder: &Path, units: u64) {
    let master = Master::from_key([0x5e; 32], "a bench");
    let store = open(folder, &master);
    let start = Instant::now();
    thread::scope(|scope| {
        for client in 0..64 {
            let store = &store;
            scope.spawn(move || {
                for number in (client..units).step_by(64) {
                    store.commit(decision(number)).unwrap();
                }
            });
        }
    });
    rate("decisions of 64 clients", units, start.elapsed());
    drop(store);
    for (what, master) in [("verify: the chain, without a key", None), ("verify: and every record", Some(&master))] {
        let start = Instant::now();
        let report = verify_offline(folder, master).unwrap();
        assert!(report.damage.is_empty() && report.frames == units);
        rate(what, units, start.elapsed());
    }
    fs::remove_dir_all(folder.join("view")).unwrap();
    let start = Instant::now();
    let store = open(folder, &master);
    rate("view made anew: units", units, start.elapsed());
    drop(store);
}

/// An entry changes, and its row in the queue goes.
fn decision(number: u64) -> Unit {
    let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
    let audit = Record {
        at: chrono::DateTime::UNIX_EPOCH,
        actor: Actor::system("bench"),
        event: Event::Redacted { style: Style::Silent, removals: 2 },
        outcome: Outcome::Done,
        patient: None,
        entry: None,
        version: None,
        states: None,
    };
    Unit {
        id: UnitId(u128::from(number).to_be_bytes()),
        pre: Vec::new(),
        writes: vec![(Table::Entry, key.clone(), Some(vec![number as u8; 600])), (Table::Batch, key, None)],
        audit: vec![audit],
    }
}

fn size(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn rate(what: &str, count: u64, length: Duration) {
    println!("{what:<48} {:>8.0} /s   {count} in {length:.2?}", count as f64 / length.as_secs_f64());
}
