//! kill -9 and power cuts during mixed work and migrations: whatever was acknowledged must be there afterwards.
//! The long form: `cargo test --release --test crash -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
#[allow(dead_code, reason = "shared with tests/store")]
#[path = "../store/kit.rs"]
mod kit;
mod power;
mod shim;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::store::{EmbeddedStore, Options, Store, Table, Unit, migrate, verify_offline};
use chrono::Datelike;

use crate::kit::{assert_holds, bloat, decision, id, master, options, unit};

const DIRECTORY: &str = "ANTEROOM_CRASH_TEST_DIRECTORY";
const FIRST: &str = "ANTEROOM_CRASH_TEST_FIRST";
const WORK: &str = "ANTEROOM_CRASH_TEST_WORK";
const IN_PART: &str = "ANTEROOM_CRASH_TEST_IN_PART";
const WRITERS: u64 = 4;

/// What the process that gets killed does beside its callers' work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Nothing.
    Alone,
    /// It migrates again and again first.
    Migrating,
    /// Its view is made anew again and again.
    Shrinking,
}

/// A unit of work of any sort: mostly decisions, now and then many rows or a long value. A new year comes, and with it
/// a new key, every twenty units.
fn mixed(number: u64) -> Unit {
    let mut unit = sort_of(number);
    let year = options().year + (number / 20).min(200) as i32;
    unit.audit[0].at = unit.audit[0].at.with_year(year).unwrap();
    unit
}

fn sort_of(number: u64) -> Unit {
    match number % 16 {
        0 => {
            let row = |row: u16| (Table::Version, row.to_be_bytes().to_vec(), Some(vec![number as u8; 100]));
            unit(number, (0..300).map(row).collect())
        }
        8 => unit(number, vec![(Table::Draft, b"long".to_vec(), Some(vec![number as u8; 100_000]))]),
        _ => decision(number),
    }
}

/// Not a test: the process that gets killed. Commits for ever, while others read, and prints the id of each
/// acknowledged unit.
#[test]
#[ignore = "runs as a child of the other tests"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let next = AtomicU64::new(std::env::var(FIRST).unwrap().parse().unwrap());
    let work = std::env::var(WORK).unwrap();
    let is = |other: Work| work == format!("{other:?}");
    while is(Work::Migrating) {
        println!("\nmigrates");
        migrate(Path::new(&directory), &options(), &master()).unwrap();
    }
    let shrink_every = if is(Work::Shrinking) { Duration::from_millis(1) } else { Duration::MAX };
    let options = Options { shrink_every, ..sized(std::env::var(IN_PART).unwrap() == "true") };
    let (store, _) = EmbeddedStore::open(Path::new(&directory), &options, &master()).unwrap();
    thread::scope(|scope| {
        if is(Work::Shrinking) {
            scope.spawn(|| {
                loop {
                    bloat(Path::new(&directory));
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        scope.spawn(|| {
            loop {
                let rows = store.scan(Table::Version, &[], None, 1_000).unwrap();
                assert!(rows.iter().all(|(_, row)| row.seq == rows[0].1.seq), "half of a unit was seen");
            }
        });
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let receipt = store.commit(mixed(number)).unwrap();
                    // One write a line, so that a kill cannot mix two.
                    let line = format!("\nack {number} {}\n", receipt.seq);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// As a store is opened that is too big to be read whole beforehand, or not.
fn sized(in_part: bool) -> Options {
    if in_part { Options { check_rows: 0, check_bytes: 0, ..options() } } else { options() }
}

fn start(directory: &Path, first: u64, work: Work, in_part: bool) -> Child {
    command_to_start(directory, first, work, in_part).spawn().unwrap()
}

fn command_to_start(directory: &Path, first: u64, work: Work, in_part: bool) -> Command {
    let mut command = process("child");
    command
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .env(WORK, format!("{work:?}"))
        .env(IN_PART, in_part.to_string());
    command
}

/// This program as the process that gets killed: one of the tests that are none.
fn process(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Where each acknowledged unit is in the journal, by number.
type Acknowledged = BTreeMap<u64, u64>;

/// Collects acknowledgements until the child is gone. Answers whether it was migrating.
fn listen(output: ChildStdout, acknowledged: &Mutex<Acknowledged>) -> bool {
    let mut migrates = false;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        migrates |= line == "migrates";
        if let Some((number, seq)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' '))
            && let (Ok(number), Ok(seq)) = (number.parse(), seq.parse())
        {
            acknowledged.lock().unwrap().insert(number, seq);
        }
    }
    migrates
}

/// That the store holds every acknowledged unit at its place and that journal and view agree. Answers the
/// highest number that it has.
fn assert_nothing_lost(directory: &Path, acknowledged: &Acknowledged, in_part: bool) -> u64 {
    let (store, _) = EmbeddedStore::open(directory, &sized(in_part), &master()).unwrap();
    for (number, seq) in acknowledged {
        let receipt = store.outcome(id(*number)).unwrap();
        assert_eq!(receipt.map(|receipt| receipt.seq), Some(*seq), "unit {number} was acknowledged");
    }
    let units: Vec<_> = store.log(1, usize::MAX).unwrap().into_iter().map(|frame| frame.unit).collect();
    assert_holds(&store, &units);
    drop(store);
    assert_eq!(verify_offline(directory, Some(&master())).unwrap().damage, Vec::<String>::new());
    units.iter().map(|unit| u128::from_be_bytes(unit.id.0) as u64).max().unwrap_or(0)
}

/// How many acknowledgements every other round hears before it ends, however slow the machine is.
const ENOUGH: usize = 8;

/// Waits for the end of a round: at any time, so that opening and making a store are interrupted too, or `busy`, when
/// enough was acknowledged and a little time has passed.
fn wait(heard: &Mutex<Acknowledged>, busy: bool, most: Duration) {
    let count = || heard.lock().unwrap().len();
    let (before, patience) = (count(), Instant::now() + Duration::from_secs(120));
    while busy && count() < before + ENOUGH {
        assert!(Instant::now() < patience, "the child acknowledges nothing");
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(pause(most));
}

/// A pause that differs from round to round and from run to run.
fn pause(most: Duration) -> Duration {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).unwrap();
    most * u32::from(u16::from_le_bytes(bytes)) / u32::from(u16::MAX)
}

/// Whether a view is being made, or has just taken the place of another.
fn is_shrinking(directory: &Path) -> bool {
    let unfinished = |name: &&str| directory.join(name).join("unfinished").exists();
    let both = ["view", "view.beside"].iter().all(|name| directory.join(name).exists());
    both || ["view", "view.beside"].iter().any(unfinished) || directory.join("view.gone").exists()
}

/// Kills a process in the middle of mixed work, again and again, every other time also of `other` work, and looks each
/// time what is left.
fn kill(rounds: u32, most: Duration, other: Work) {
    let mut directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    let (mut total, mut last, mut met) = (0, 0, 0);
    for round in 0..rounds {
        // A fresh store now and then, so that its making is killed too and the checks stay short.
        if round % 10 == 0 {
            total += acknowledged.len();
            directory = tempfile::tempdir().unwrap();
            (acknowledged, last) = (Acknowledged::new(), 0);
        }
        let heard = Mutex::new(std::mem::take(&mut acknowledged));
        let in_part = round % 4 >= 2;
        let work = if round % 2 == 0 && other == Work::Migrating { Work::Alone } else { other };
        let mut child = start(directory.path(), last + 1, work, in_part);
        let output = child.stdout.take().unwrap();
        let migrating = thread::scope(|scope| {
            let listener = scope.spawn(|| listen(output, &heard));
            wait(&heard, round % 2 == 0, most);
            child.kill().unwrap();
            child.wait().unwrap();
            listener.join().unwrap()
        });
        met += u32::from(migrating || is_shrinking(directory.path()));
        acknowledged = heard.into_inner().unwrap();
        last = assert_nothing_lost(directory.path(), &acknowledged, in_part);
    }
    total += acknowledged.len();
    println!("{rounds} kills, {met} of them in other work ({other:?}), {total} acknowledged units");
    assert!(other == Work::Alone || met >= rounds / 4, "only {met} kills met {other:?}");
    assert!(total >= rounds as usize / 2 * ENOUGH, "{total} acknowledgements show too little");
}

#[test]
fn kill_9_at_any_time_loses_nothing_that_was_acknowledged() {
    kill(20, Duration::from_millis(400), Work::Alone);
}

#[test]
fn kill_9_during_a_migration_loses_nothing() {
    kill(12, Duration::from_millis(500), Work::Migrating);
}

#[test]
fn kill_9_while_the_view_is_made_anew_loses_nothing() {
    kill(12, Duration::from_millis(500), Work::Shrinking);
}

#[test]
#[ignore = "two hundred rounds"]
fn kill_9_two_hundred_times_loses_nothing_that_was_acknowledged() {
    kill(200, Duration::from_millis(300), Work::Alone);
}

#[test]
#[ignore = "a hundred kills of a migration, and as many of work between them"]
fn kill_9_a_hundred_times_during_a_migration_loses_nothing() {
    kill(200, Duration::from_millis(300), Work::Migrating);
}

#[test]
#[ignore = "two hundred kills while the view is made anew"]
fn kill_9_for_long_while_the_view_is_made_anew_loses_nothing() {
    kill(200, Duration::from_millis(300), Work::Shrinking);
}
