//! Power cuts without root: a shim before the C library remembers what was synced (`shim.c`, which says how), the process is
//! killed, and its files are put back to what a disk would hold that lost the rest, or any part of the rest.
//!
//! What it takes for granted: that a sync does what it says, and that nothing is synced but by `fsync` and `fdatasync` of
//! the C library. What a file system, a disk and its cache do about that only the power cuts of `power.rs` show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use crate::kit::skipped;
use crate::{Acknowledged, ENOUGH, Work, assert_nothing_lost, command_to_start, listen, process, wait};

const ROOT: &str = "ANTEROOM_SHIM_ROOT";
const MIRROR: &str = "ANTEROOM_SHIM_MIRROR";
/// As much of a file reaches a disk at a time.
const BLOCK: usize = 4096;

/// A folder of which it is known what was synced.
struct Watched {
    folder: TempDir,
}

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsynced {
    /// Nothing of it is left.
    Lost,
    /// Any of its blocks and names are left: a disk writes what it was not told to in any order.
    Torn,
}

impl Watched {
    /// `None` where there is no C compiler.
    fn make() -> Option<Self> {
        let watched = Self { folder: tempfile::tempdir().unwrap() };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&watched.path("shim.so"), &source])
            .arg("-ldl")
            .output();
        match built {
            Ok(built) => assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr)),
            Err(why) => {
                skipped(&format!("there is no C compiler cc ({why})"));
                return None;
            }
        }
        fs::create_dir(watched.root()).unwrap();
        watched.settle();
        Some(watched)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.path("disk")
    }

    /// Runs a command so that what it syncs in the folder is remembered.
    fn watch<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let (root, mirror) = (self.root(), self.path("mirror"));
        command.env("LD_PRELOAD", self.path("shim.so")).env(ROOT, root).env(MIRROR, mirror)
    }

    /// All that is there by now counts as synced.
    fn settle(&self) {
        let _ = fs::remove_dir_all(self.path("mirror"));
        fs::create_dir(self.path("mirror")).unwrap();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            let mut names = String::new();
            for (name, found) in children(&folder) {
                let path = folder.join(&name);
                match found.directory {
                    true => folders.push(path),
                    false => drop(fs::copy(&path, self.path("mirror").join(&found.key)).unwrap()),
                }
                names += &format!("{} {} {name}\n", if found.directory { 'd' } else { 'f' }, found.key);
            }
            fs::write(self.path("mirror").join(key(&folder)), names).unwrap();
        }
    }

    /// Puts the folder back to what a disk would hold if the power had been cut.
    fn cut_power(&self, unsynced: Unsynced) {
        let after = self.path("after");
        self.put_back(&key(&self.root()), Some(&self.root()), &after, unsynced);
        fs::remove_dir_all(self.root()).unwrap();
        fs::rename(after, self.root()).unwrap();
        self.settle();
    }

    /// Makes the folder `to` of what the one with this key, which stands at `now` if it is still there, would hold.
    fn put_back(&self, key: &str, now: Option<&Path>, to: &Path, unsynced: Unsynced) {
        fs::create_dir(to).unwrap();
        let mut synced = BTreeMap::new();
        for line in fs::read_to_string(self.path("mirror").join(key)).unwrap_or_default().lines() {
            let mut words = line.splitn(3, ' ');
            let [kind, key, name] = [(); 3].map(|()| words.next().unwrap().to_owned());
            synced.insert(name, Child { directory: kind == "d", key });
        }
        let written = now.map(children).unwrap_or_default();
        let names: BTreeSet<&String> = synced.keys().chain(written.keys()).collect();
        for name in names {
            let (synced, now_there) = (synced.get(name), written.get(name));
            let torn = unsynced == Unsynced::Torn && coin();
            let Some(found) = (if torn { now_there } else { synced }) else { continue };
            // It may stand under another name by now, or be gone.
            let at = now.and_then(|now| find(now, &written, name, found)).or_else(|| self.look_for(&found.key));
            match found.directory {
                true => self.put_back(&found.key, at.as_deref(), &to.join(name), unsynced),
                false => {
                    let kept = fs::read(self.path("mirror").join(&found.key)).unwrap_or_default();
                    let bytes = match (unsynced, at.map(|at| fs::read(at).unwrap())) {
                        (Unsynced::Torn, Some(written)) => mixed(&kept, &written),
                        _ => kept,
                    };
                    fs::write(to.join(name), bytes).unwrap();
                }
            }
        }
    }

    /// Where the file or directory with this key stands, if it is still there.
    fn look_for(&self, wanted: &str) -> Option<PathBuf> {
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for (name, found) in children(&folder) {
                if found.key == wanted {
                    return Some(folder.join(name));
                }
                if found.directory {
                    folders.push(folder.join(name));
                }
            }
        }
        None
    }
}

/// What stands under a name.
struct Child {
    directory: bool,
    key: String,
}

fn find(folder: &Path, children: &BTreeMap<String, Child>, name: &str, wanted: &Child) -> Option<PathBuf> {
    children.get(name).filter(|found| found.key == wanted.key).map(|_| folder.join(name))
}

fn children(folder: &Path) -> BTreeMap<String, Child> {
    let child = |entry: fs::DirEntry| {
        let directory = entry.file_type().unwrap().is_dir();
        (entry.file_name().into_string().unwrap(), Child { directory, key: key(&entry.path()) })
    };
    fs::read_dir(folder).unwrap().map(|entry| child(entry.unwrap())).collect()
}

/// As the shim names it.
fn key(path: &Path) -> String {
    let found = fs::symlink_metadata(path).unwrap();
    let born = found.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{}.{}", found.ino(), born.as_secs(), born.subsec_nanos())
}

fn coin() -> bool {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    byte[0] & 1 == 1
}

/// What was synced of a file, with any of the blocks that were written since, and as long as one of the two.
fn mixed(synced: &[u8], written: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; if coin() { synced.len() } else { written.len() }];
    for (number, block) in bytes.chunks_mut(BLOCK).enumerate() {
        let from = if coin() { synced } else { written }.get(number * BLOCK..).unwrap_or_default();
        let there = from.len().min(block.len());
        block[..there].copy_from_slice(&from[..there]);
    }
    bytes
}

/// Not a test: writes two files and gives both a name, and syncs one and its name.
#[test]
#[ignore = "runs as a child of the other tests"]
fn writing() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let root = Path::new(&root);
    for (name, synced) in [("synced", true), ("unsynced", false)] {
        let mut file = File::create(root.join(format!("{name}.new"))).unwrap();
        file.write_all(&[1; 10_000]).unwrap();
        if synced {
            file.sync_data().unwrap();
            fs::rename(root.join("synced.new"), root.join("synced")).unwrap();
            File::open(root).unwrap().sync_all().unwrap();
        }
        file.write_all(&[2; 10_000]).unwrap();
    }
    // Another round may have left it.
    let _ = fs::create_dir(root.join("folder"));
}

#[test]
fn the_shim_loses_what_was_not_synced_and_nothing_else() {
    let Some(watched) = Watched::make() else { return };
    let run = || assert!(watched.watch(&mut process("shim::writing")).status().unwrap().success());
    run();
    assert_eq!(children(&watched.root()).len(), 3);
    watched.cut_power(Unsynced::Lost);
    let left: Vec<String> = children(&watched.root()).into_keys().collect();
    assert_eq!(left, ["synced"]);
    assert_eq!(fs::read(watched.root().join("synced")).unwrap(), [1; 10_000]);
    // Torn, it is now one and now another of what it may be.
    let mut seen = BTreeSet::new();
    for _ in 0..30 {
        run();
        watched.cut_power(Unsynced::Torn);
        let bytes = fs::read(watched.root().join("synced")).unwrap();
        assert!(bytes.len() >= 10_000 && bytes[..8192] == [1; 8192], "what was synced is there");
        seen.insert((bytes.len(), bytes[bytes.len() - 1]));
    }
    // As long as it was or as it was to become, and then with its last block or without.
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(10_000, 1), (20_000, 0), (20_000, 2)]);
}

/// Kills a process in the middle of mixed work, and takes away what it had not synced.
fn cut(stores: u32, cuts: u32) {
    let mut total = 0;
    for _ in 0..stores {
        let Some(watched) = Watched::make() else { return };
        let directory = watched.root().join("store");
        let (mut acknowledged, mut last) = (Acknowledged::new(), 0);
        for round in 0..cuts {
            let heard = Mutex::new(acknowledged);
            let in_part = round % 4 >= 2;
            let work = if round % 3 == 1 { Work::Shrinking } else { Work::Alone };
            let mut child = watched.watch(&mut command_to_start(&directory, last + 1, work, in_part)).spawn().unwrap();
            let output = child.stdout.take().unwrap();
            thread::scope(|scope| {
                let listener = scope.spawn(|| listen(output, &heard));
                wait(&heard, round % 2 == 0, Duration::from_millis(600));
                child.kill().unwrap();
                child.wait().unwrap();
                listener.join().unwrap()
            });
            acknowledged = heard.into_inner().unwrap();
            watched.cut_power(if round % 2 == 0 { Unsynced::Lost } else { Unsynced::Torn });
            last = assert_nothing_lost(&directory, &acknowledged, in_part);
            // What the look at it has written was synced by nobody who was watched.
            watched.settle();
        }
        total += acknowledged.len();
    }
    println!("{} power cuts, {total} acknowledged units", stores * cuts);
    assert!(total >= (stores * cuts) as usize / 2 * ENOUGH, "{total} acknowledgements show too little");
}

#[test]
fn a_power_cut_without_root_loses_nothing_that_was_acknowledged() {
    cut(1, 8);
}

#[test]
#[ignore = "sixty cuts"]
fn shimmed_power_cuts_at_any_time_lose_nothing_that_was_acknowledged() {
    cut(4, 15);
}
