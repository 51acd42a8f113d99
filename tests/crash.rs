//! kill -9 and power cuts during mixed work and migrations: whatever was acknowledged must be there afterwards.
//! The long form: `cargo test --release --test crash -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "shared with tests/store")]
#[path = "store/kit.rs"]
mod kit;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::store::{
    About, BackupKey, BackupLock, EmbeddedStore, Master, Options, Rekey, Store, StoreError, Table, Unit, migrate,
    rekey, restore, verify_offline,
};
use chrono::{DateTime, Datelike};
use tempfile::TempDir;

use crate::kit::{assert_holds, contents, decision, filled, id, master, open, options, put, skipped, unit};

const DIRECTORY: &str = "ANTEROOM_CRASH_TEST_DIRECTORY";
const FIRST: &str = "ANTEROOM_CRASH_TEST_FIRST";
const MIGRATES: &str = "ANTEROOM_CRASH_TEST_MIGRATES";
const IN_PART: &str = "ANTEROOM_CRASH_TEST_IN_PART";
const REKEYS: &str = "ANTEROOM_CRASH_TEST_REKEYS";
const RESTORES: &str = "ANTEROOM_CRASH_TEST_RESTORES";
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
    let in_part = std::env::var(IN_PART).unwrap() == "true";
    let (store, _) = EmbeddedStore::open(Path::new(&directory), &sized(in_part), &master()).unwrap();
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

/// As a store is opened that is too big to be read whole beforehand, or not.
fn sized(in_part: bool) -> Options {
    if in_part { Options { check_rows: 0, check_bytes: 0, ..options() } } else { options() }
}

fn start(directory: &Path, first: u64, migrates: u64, in_part: bool) -> Child {
    process("child")
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .env(MIGRATES, migrates.to_string())
        .env(IN_PART, in_part.to_string())
        .spawn()
        .unwrap()
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
        let in_part = round % 4 >= 2;
        let mut child = start(directory.path(), last + 1, if round % 2 == 0 { 0 } else { migrates }, in_part);
        let output = child.stdout.take().unwrap();
        migrating += u32::from(thread::scope(|scope| {
            let listener = scope.spawn(|| listen(output, &heard));
            wait(&heard, round % 2 == 0, most);
            child.kill().unwrap();
            child.wait().unwrap();
            listener.join().unwrap()
        }));
        acknowledged = heard.into_inner().unwrap();
        last = assert_nothing_lost(directory.path(), &acknowledged, in_part);
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
    image: PathBuf,
}

impl Disk {
    /// `None` where we may not make one.
    fn make() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("image");
        Self::of(directory, image, 256 << 20)
    }

    fn of(directory: TempDir, image: PathBuf, bytes: u64) -> Option<Self> {
        let disk = Self { directory, image };
        fs::create_dir(disk.path()).unwrap();
        let made = File::create(&disk.image).and_then(|file| file.set_len(bytes)).is_ok()
            && run(Command::new("mkfs.ext4").args(["-q", "-b", "4096"]).arg(&disk.image))
            && disk.mount();
        if !made {
            skipped("an ext4 file system in a file can only be mounted as root");
        }
        made.then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn mount(&self) -> bool {
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(&self.image).arg(self.path()))
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

    /// Where the first piece of a file stands in the image, bytes.
    fn place_of(&self, file: &Path) -> std::ops::Range<u64> {
        let told = Command::new("filefrag").args(["-v", "-b4096"]).arg(file).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let first = told.lines().find(|line| line.trim_start().starts_with("0:")).unwrap();
        let blocks: Vec<u64> = first.split([':', '.']).filter_map(|word| word.trim().parse().ok()).collect();
        blocks[3] * 4096..(blocks[4] + 1) * 4096
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
            let in_part = round % 4 >= 2;
            let mut child = start(&directory, last + 1, 0, in_part);
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
            last = assert_nothing_lost(&directory, &acknowledged, in_part);
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

#[test]
fn what_a_failing_disk_was_handed_is_said_to_be_unknown_and_the_next_start_tells() {
    let Some(disk) = Disk::make() else { return };
    let directory = disk.path().join("store");
    let (store, _) = open(&directory);
    let units = [decision(1), decision(2)];
    for unit in &units {
        store.commit(unit.clone()).unwrap();
    }
    assert!(disk.cut_power());
    let told = store.commit(decision(3)).unwrap_err();
    assert!(matches!(told, StoreError::OutcomeUnknown(_)), "{told}");
    assert!(told.to_string().contains("may or may not have been done"), "{told}");
    assert!(matches!(store.commit(decision(4)), Err(StoreError::ReadOnly(_))));
    assert!(matches!(store.outcome(id(3)), Err(StoreError::OutcomeUnknown(_))));
    assert!(store.outcome(id(2)).unwrap().is_some());
    drop(store);
    assert!(disk.unmount() && disk.mount());
    let (store, _) = open(&directory);
    assert_eq!(store.outcome(id(3)).unwrap(), None);
    assert_holds(&store, &units);
}

/// What a failed sync leaves behind is in the page cache, where the kernel takes it for written, and nowhere else.
#[test]
fn what_is_taken_up_after_a_failed_sync_is_written_again_before_it_counts() {
    // The disk is a file on another, which will have no room for a part of it.
    let Some(under) = Memory::mount(72 << 20) else { return };
    let Some(disk) = Disk::of(tempfile::tempdir().unwrap(), under.0.path().join("image"), 64 << 20) else { return };
    assert!(disk.unmount());
    let image = fs::read(&disk.image).unwrap();
    fs::write(&disk.image, image).unwrap();
    assert!(disk.mount());
    let directory = disk.path().join("store");
    let (store, _) =
        EmbeddedStore::open(&directory, &Options { segment_bytes: 1 << 20, ..options() }, &master()).unwrap();
    let mut done: Vec<Unit> = (1..=3).map(decision).collect();
    for unit in &done {
        store.commit(unit.clone()).unwrap();
    }
    // All of the segment: of a write that begins on what is there and ends in a hole, the loop device says that it was done.
    let hole = disk.place_of(&kit::segments(&directory)[0]);
    assert!(hole.end - hole.start > 64 << 10, "{hole:?}");
    let punched = Command::new("fallocate")
        .args(["--punch-hole", "--offset", &hole.start.to_string()])
        .args(["--length", &(hole.end - hole.start).to_string()])
        .arg(&disk.image)
        .status();
    assert!(punched.unwrap().success());
    let filler = under.0.path().join("filler");
    let mut filling = File::create(&filler).unwrap();
    while filling.write_all(&[1; 4096]).is_ok() {}
    drop(filling);

    // Whole pages of it are lost, which nothing else would write again.
    let long = put(4, "long", &[7; 40_000]);
    let told = store.commit(long.clone()).unwrap_err();
    assert!(matches!(told, StoreError::OutcomeUnknown(_)), "{told}");
    drop(store);
    // The same kernel with its cache takes it up; then the power is cut, and only the disk is left.
    fs::remove_file(&filler).unwrap();
    done.push(long);
    let (store, opened) = open(&directory);
    assert_eq!(opened.frames, done.len() as u64, "it should still be in the page cache");
    assert!(disk.cut_power());
    // Closing the view panics inside sled where something has still to be written and the disk is gone.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(store)));
    assert!(disk.unmount() && disk.mount());
    assert_holds(&open(&directory).0, &done);
}

/// A file system in memory of so many bytes.
struct Memory(TempDir);

impl Memory {
    /// `None` where we may not make one.
    fn mount(bytes: u64) -> Option<Self> {
        let memory = Self(tempfile::tempdir().unwrap());
        let size = format!("size={bytes}");
        let mounted = run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(memory.0.path()));
        if !mounted {
            skipped("a file system in memory can only be mounted as root");
        }
        mounted.then_some(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(self.0.path()));
    }
}

/// The two masters between which the child changes.
fn masters() -> [Master; 2] {
    [master(), Master::from_key([0x77; 32], "another")]
}

/// Not a test: gives a store one master after the other, for ever.
#[test]
#[ignore = "runs as a child of the other tests"]
fn rekeying() {
    let Ok(directory) = std::env::var(REKEYS) else { return };
    let [one, other] = masters();
    for (from, to) in [(&one, &other), (&other, &one)].into_iter().cycle() {
        // Whichever it was left with.
        if rekey(Path::new(&directory), from, 2026, Rekey::NewMaster(to)).is_ok() {
            println!("\nrekeyed");
        }
    }
}

#[test]
fn a_store_that_is_killed_while_it_gets_another_master_opens_with_one_of_the_two() {
    let directory = tempfile::tempdir().unwrap();
    let units = filled(directory.path(), 5);
    let mut rekeyed = 0;
    for _ in 0..10 {
        let mut child = process("rekeying").env(REKEYS, directory.path()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        rekeyed += thread::scope(|scope| {
            let listener = scope.spawn(|| {
                BufReader::new(output).lines().map_while(Result::ok).filter(|line| line == "rekeyed").count()
            });
            thread::sleep(Duration::from_millis(150) + pause(Duration::from_millis(100)));
            child.kill().unwrap();
            child.wait().unwrap();
            listener.join().unwrap()
        });
        let opened = masters().map(|master| EmbeddedStore::open(directory.path(), &options(), &master).ok());
        assert_eq!(opened.iter().flatten().count(), 1);
        assert_holds(&opened.into_iter().flatten().next().unwrap().0, &units);
    }
    assert!(rekeyed > 20, "{rekeyed} times is too few to be met by a kill");
}

const CUSTODIAN: &str = include_str!("data/store-format/custodian");

fn custodian() -> age::x25519::Identity {
    CUSTODIAN.lines().last().unwrap().parse().unwrap()
}

/// Not a test: restores a backup into one folder after the other, for ever.
#[test]
#[ignore = "runs as a child of the other tests"]
fn restoring() {
    let Ok(directory) = std::env::var(RESTORES) else { return };
    let directory = Path::new(&directory);
    for number in 0.. {
        if let Err(why) = restored(directory, &format!("new{number}")) {
            assert!(why.to_string().contains("is not empty"), "{why}");
        } else {
            println!("\nrestored");
        }
    }
}

fn restored(directory: &Path, name: &str) -> Result<(), StoreError> {
    let key = BackupKey::Identities(vec![custodian()]);
    restore(&directory.join("backup"), &key, &directory.join(name), None, &options(), &|_| Ok(master())).map(drop)
}

#[test]
fn a_restore_that_is_killed_leaves_no_half_of_a_store_under_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let units = filled(&path("store"), 300);
    let lock = BackupLock::to(&[custodian().to_public().to_string()]).unwrap();
    let settings = vec![("practice.toml".to_owned(), "# a test\n".to_owned())];
    let about = About::new("Z99901", DateTime::UNIX_EPOCH, settings);
    open(&path("store")).0.back_up(&about, &path("backup"), &lock).unwrap();
    let mut interrupted = 0;
    for _ in 0..8 {
        let mut child = process("restoring").env(RESTORES, directory.path()).spawn().unwrap();
        thread::sleep(Duration::from_millis(100) + pause(Duration::from_millis(300)));
        child.kill().unwrap();
        child.wait().unwrap();
        for name in fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name()) {
            let name = name.to_str().unwrap();
            if let Some(meant) = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".restoring")) {
                interrupted += 1;
                assert!(!path(meant).exists());
                restored(directory.path(), meant).unwrap();
                assert!(!path(name).exists(), "what was left behind is still there");
                assert_holds(&open(&path(meant).join("store")).0, &units);
            } else if name.starts_with("new") {
                assert_eq!(contents(&open(&path(name).join("store")).0).len(), kit::expected(&units).len(), "{name}");
            }
        }
    }
    assert!(interrupted > 0, "no kill met a restore");
}
