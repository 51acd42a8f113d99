//! kill -9 and power cuts during mixed work and migrations: whatever was acknowledged must be there afterwards.
//! The long form: `cargo test --release --test crash -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "shared with tests/store")]
#[path = "store/kit.rs"]
mod kit;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::store::{Store, Table, Unit, migrate, verify_offline};
use chrono::Datelike;
use tempfile::TempDir;

use crate::kit::{assert_holds, decision, id, master, open, options, unit};

const DIRECTORY: &str = "ANTEROOM_CRASH_TEST_DIRECTORY";
const FIRST: &str = "ANTEROOM_CRASH_TEST_FIRST";
const MIGRATES: &str = "ANTEROOM_CRASH_TEST_MIGRATES";
const WRITERS: u64 = 4;

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

/// Not a test: the process that gets killed. Migrates, then commits for ever, while others read, and prints the
/// id of each acknowledged unit.
#[test]
#[ignore = "runs as a child of the other tests"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let next = AtomicU64::new(std::env::var(FIRST).unwrap().parse().unwrap());
    for _ in 0..std::env::var(MIGRATES).unwrap().parse().unwrap() {
        println!("\nmigrates");
        migrate(Path::new(&directory), &options(), &master()).unwrap();
    }
    let (store, _) = open(Path::new(&directory));
    thread::scope(|scope| {
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

fn start(directory: &Path, first: u64, migrates: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .env(MIGRATES, migrates.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
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
fn assert_nothing_lost(directory: &Path, acknowledged: &Acknowledged) -> u64 {
    let (store, _) = open(directory);
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

/// Kills a process in the middle of mixed work, again and again, and looks each time what is left.
fn kill(rounds: u32, most: Duration, migrates: u64) {
    let mut directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    let (mut total, mut last, mut migrating) = (0, 0, 0);
    for round in 0..rounds {
        // A fresh store now and then, so that its making is killed too and the checks stay short.
        if round % 10 == 0 {
            total += acknowledged.len();
            directory = tempfile::tempdir().unwrap();
            (acknowledged, last) = (Acknowledged::new(), 0);
        }
        let heard = Mutex::new(std::mem::take(&mut acknowledged));
        let mut child = start(directory.path(), last + 1, if round % 2 == 0 { 0 } else { migrates });
        let output = child.stdout.take().unwrap();
        migrating += u32::from(thread::scope(|scope| {
            let listener = scope.spawn(|| listen(output, &heard));
            wait(&heard, round % 2 == 0, most);
            child.kill().unwrap();
            child.wait().unwrap();
            listener.join().unwrap()
        }));
        acknowledged = heard.into_inner().unwrap();
        last = assert_nothing_lost(directory.path(), &acknowledged);
    }
    total += acknowledged.len();
    println!("{rounds} kills, {migrating} of them in a migration, {total} acknowledged units");
    assert!(migrates == 0 || migrating >= rounds / 4, "only {migrating} kills met a migration");
    assert!(total >= rounds as usize / 2 * ENOUGH, "{total} acknowledgements show too little");
}

#[test]
fn kill_9_at_any_time_loses_nothing_that_was_acknowledged() {
    kill(20, Duration::from_millis(400), 0);
}

#[test]
fn kill_9_during_a_migration_loses_nothing() {
    kill(12, Duration::from_millis(500), 1_000);
}

#[test]
#[ignore = "two hundred rounds"]
fn kill_9_two_hundred_times_loses_nothing_that_was_acknowledged() {
    kill(200, Duration::from_millis(300), 0);
}

#[test]
#[ignore = "a hundred kills of a migration, and as many of work between them"]
fn kill_9_a_hundred_times_during_a_migration_loses_nothing() {
    kill(200, Duration::from_millis(300), 1_000);
}

/// An ext4 file system in a file, whose power can be cut: what was not synced by then is gone.
struct Disk {
    directory: TempDir,
}

impl Disk {
    /// `None` where we may not make one.
    fn make() -> Option<Self> {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(disk.path()).unwrap();
        let made = File::create(disk.image()).and_then(|file| file.set_len(256 << 20)).is_ok()
            && run(Command::new("mkfs.ext4").arg("-q").arg(disk.image()))
            && disk.mount();
        if !made {
            println!("skipped: an ext4 file system in a file can only be mounted as root");
        }
        made.then_some(disk)
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn mount(&self) -> bool {
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(self.image()).arg(self.path()))
    }

    fn unmount(&self) -> bool {
        run(Command::new("umount").arg(self.path()))
    }

    /// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h): nothing more is written,
    /// not even the file system's own log.
    fn cut_power(&self) -> bool {
        const CUT: &str = "import fcntl,os,struct,sys\n\
            fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        run(Command::new("python3").args(["-c", CUT]).arg(self.path()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Cuts the power in the middle of mixed work. Does nothing where we may not.
fn cut(disks: u32, cuts: u32) {
    let mut total = 0;
    for _ in 0..disks {
        let Some(disk) = Disk::make() else { return };
        let directory = disk.path().join("store");
        let (mut acknowledged, mut last) = (Acknowledged::new(), 0);
        for round in 0..cuts {
            let heard = Mutex::new(acknowledged);
            let mut child = start(&directory, last + 1, 0);
            let output = child.stdout.take().unwrap();
            acknowledged = thread::scope(|scope| {
                scope.spawn(|| listen(output, &heard));
                wait(&heard, round % 2 == 0, Duration::from_millis(600));
                // Only what was heard before the cut must survive it.
                let before = heard.lock().unwrap().clone();
                assert!(disk.cut_power());
                child.kill().unwrap();
                child.wait().unwrap();
                before
            });
            assert!(disk.unmount() && disk.mount());
            last = assert_nothing_lost(&directory, &acknowledged);
        }
        total += acknowledged.len();
    }
    println!("{} power cuts, {total} acknowledged units", disks * cuts);
    assert!(total >= (disks * cuts) as usize / 2 * ENOUGH, "{total} acknowledgements show too little");
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    cut(1, 4);
}

#[test]
#[ignore = "forty cuts; needs root, loop devices, ext4 and python3"]
fn power_cuts_at_any_time_lose_nothing_that_was_acknowledged() {
    cut(4, 10);
}
