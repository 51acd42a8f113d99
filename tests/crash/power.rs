//! Power cuts and failing disks: an ext4 file system in a file, whose power can be cut, as root.

use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anteroom::store::{EmbeddedStore, Options, Store, StoreError, Unit};
use tempfile::TempDir;

use crate::kit::{self, assert_holds, decision, id, master, open, options, put, skipped};
use crate::{Acknowledged, ENOUGH, Work, assert_nothing_lost, listen, start, wait};

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
            let work = if round % 3 == 1 { Work::Shrinking } else { Work::Alone };
            let mut child = start(&directory, last + 1, work, in_part);
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
