//! kill -9 while the master key is changed and while a backup is restored.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anteroom::store::{About, BackupKey, BackupLock, EmbeddedStore, Master, Rekey, Store, StoreError, rekey, restore};
use chrono::DateTime;

use crate::kit::{self, assert_holds, contents, filled, master, open, options};
use crate::{pause, process};

const REKEYS: &str = "ANTEROOM_CRASH_TEST_REKEYS";
const RESTORES: &str = "ANTEROOM_CRASH_TEST_RESTORES";

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
        let mut child = process("files::rekeying").env(REKEYS, directory.path()).spawn().unwrap();
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

const CUSTODIAN: &str = include_str!("../data/store-format/custodian");

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
        let mut child = process("files::restoring").env(RESTORES, directory.path()).spawn().unwrap();
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
