//! Backups of the store, and stores from backups.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use age::x25519::Identity;
use anteroom::store::{
    About, BackupKey, BackupLock, EmbeddedStore, Manifest, Options, Rekey, Restored, Store, StoreError, Table, Unit,
    Write, rekey, restore, verify_offline,
};
use chrono::DateTime;

use crate::kit::{assert_holds, copy, decision, filled, master, open, options, put, temporary, unit, writes_golden};

/// The custodian of the golden backup, and of all others here.
fn custodian() -> Identity {
    include_str!("../data/store-format/custodian").lines().last().unwrap().parse().unwrap()
}

fn key() -> BackupKey {
    BackupKey::Identities(vec![custodian()])
}

fn about() -> About {
    About::new("Z99901", DateTime::UNIX_EPOCH, vec![("practice.toml".to_owned(), "# a test\n".to_owned())])
}

fn back_up(store: &EmbeddedStore, file: &Path) -> Result<Manifest, StoreError> {
    store.back_up(&about(), file, &BackupLock::to(&[custodian().to_public().to_string()]).unwrap())
}

fn restored(file: &Path, to: &Path) -> Result<Manifest, StoreError> {
    restored_with(file, to, &key())
}

fn restored_with(file: &Path, to: &Path, key: &BackupKey) -> Result<Manifest, StoreError> {
    restore(file, key, to, None, &options(), &|_| Ok(master())).map(|Restored { about: found, manifest, .. }| {
        assert_eq!((&found.practice, &found.settings), (&about().practice, &about().settings));
        manifest
    })
}

/// What stands in a folder, names only.
fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_backup_makes_the_same_store_with_the_same_log() {
    let folder = temporary();
    let (directory, file, to) = (folder.path().join("store"), folder.path().join("backup"), folder.path().join("new"));
    let mut units: Vec<Unit> = (1..=40).map(decision).collect();
    // Keys of two years and one renewed, long values, and notes that change nothing.
    units.push(put(41, "long", &vec![7; 300_000]));
    units.push(unit(42, Vec::new()));
    for (range, year) in [(0..20, 2026), (20..30, 2027), (30..42, 2027)] {
        let (store, _) = EmbeddedStore::open(&directory, &Options { year, ..options() }, &master()).unwrap();
        for unit in &units[range] {
            store.commit(unit.clone()).unwrap();
        }
        drop(store);
        rekey(&directory, &master(), year, Rekey::NewKey).unwrap();
    }
    let (store, _) = open(&directory);
    let secret = *store.secret();
    // And a year that came since the store was opened.
    let mut late = decision(43);
    late.audit[0].at = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
    store.commit(late.clone()).unwrap();
    units.push(late);
    let manifest = back_up(&store, &file).unwrap();
    assert_eq!(manifest.frames, 43);
    let head = store.verify().unwrap().head;
    drop(store);

    assert_eq!(restored(&file, &to).unwrap(), manifest);
    assert_eq!(verify_offline(&to.join("store"), Some(&master())).unwrap().head, head);
    assert_eq!(fs::read_to_string(to.join("practice.toml")).unwrap(), "# a test\n");
    let (store, opened) = open(&to.join("store"));
    assert_eq!((opened.created, opened.tail_cut, opened.view_rebuilt), (false, None, None));
    assert_eq!(*store.secret(), secret);
    assert_holds(&store, &units);
    store.commit(decision(44)).unwrap();
    // Nothing else is left behind.
    drop(store);
    assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
}

#[test]
fn an_empty_store_can_be_backed_up_too() {
    let folder = temporary();
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    back_up(&open(&folder.path().join("store")).0, &file).unwrap();
    assert_eq!(restored(&file, &to).unwrap().frames, 0);
    assert_holds(&open(&to.join("store")).0, &[]);
}

#[test]
fn work_goes_on_during_a_backup_and_what_comes_out_is_one_moment_of_it() {
    let folder = temporary();
    let (store, _) = open(&folder.path().join("store"));
    let units: Vec<Unit> = (1..=300).map(decision).collect();
    for unit in &units {
        store.commit(unit.clone()).unwrap();
    }
    let done = AtomicBool::new(false);
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    let manifest = thread::scope(|scope| {
        // Reads are noted all the time, and change no row.
        scope.spawn(|| {
            for number in 1000.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                store.commit(unit(number, Vec::new())).unwrap();
            }
        });
        let manifest = back_up(&store, &file);
        done.store(true, Ordering::Relaxed);
        manifest.unwrap()
    });
    assert!(manifest.frames >= 300 && store.head() > manifest.frames);
    assert_eq!(restored(&file, &to).unwrap(), manifest);
    let units: Vec<Unit> =
        store.log(1, usize::MAX).unwrap().into_iter().take(manifest.frames as usize).map(|frame| frame.unit).collect();
    assert_holds(&open(&to.join("store")).0, &units);
}

fn row(number: u16) -> Write {
    (Table::Entry, number.to_be_bytes().to_vec(), Some(vec![1; 100]))
}

#[test]
fn a_backup_ends_while_rows_change_all_the_time_and_holds_all_that_was_done_before_it_began() {
    let folder = temporary();
    let (store, _) = open(&folder.path().join("store"));
    // Enough rows that changes come while they are read.
    let rows = |from: u16| unit(from.into(), (from..from + 500).map(row).collect());
    for from in [0, 500, 1_000, 1_500] {
        store.commit(rows(from)).unwrap();
    }
    let (done, next) = (AtomicBool::new(false), AtomicU64::new(10_000));
    let made: Vec<(PathBuf, Manifest)> = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (table, key, value) = row((number * 37 % 2_100) as u16);
                    let value = value.filter(|_| number % 5 > 0).map(|_| number.to_be_bytes().to_vec());
                    store.commit(unit(number, vec![(table, key, value)])).unwrap();
                    thread::sleep(Duration::from_micros(500));
                }
            });
        }
        let made = (0..2).map(|number| {
            let (file, before) = (folder.path().join(format!("backup-{number}")), store.head());
            let manifest = back_up(&store, &file).unwrap();
            assert!(manifest.frames >= before, "{} and {before}", manifest.frames);
            assert!(store.head() > manifest.frames, "nothing was done meanwhile");
            (file, manifest)
        });
        let made = made.collect();
        done.store(true, Ordering::Relaxed);
        made
    });
    for (number, (file, manifest)) in made.iter().enumerate() {
        // Which compares every table with what the manifest says.
        let to = folder.path().join(format!("new-{number}"));
        assert_eq!(&restored(file, &to).unwrap(), manifest);
    }
}

#[test]
fn a_damaged_or_cut_backup_is_refused_by_name_and_leaves_nothing() {
    let folder = temporary();
    filled(&folder.path().join("store"), 30);
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    back_up(&open(&folder.path().join("store")).0, &file).unwrap();
    let sound = fs::read(&file).unwrap();
    let left = names(folder.path()).len();
    let refused = |bytes: &[u8], how: &str| {
        fs::write(&file, bytes).unwrap();
        let refusal = restored(&file, &to).expect_err(how).to_string();
        assert!(refusal.contains(file.to_str().unwrap()), "{how}: {refusal}");
        assert_eq!(names(folder.path()).len(), left, "{how}");
    };
    for at in (0..sound.len()).step_by(61) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        refused(&flipped, &format!("flipped at {at}"));
    }
    for at in (0..sound.len()).step_by(97).chain(sound.len() - 20..sound.len()) {
        refused(&sound[..at], &format!("cut at {at}"));
    }
    refused(&[sound.as_slice(), b"more"].concat(), "longer");
    refused(b"", "empty");
    fs::write(&file, &sound).unwrap();
    for key in
        [BackupKey::Identities(vec![Identity::generate()]), BackupKey::Passphrase("some words".to_owned().into())]
    {
        let refusal = restored_with(&file, &to, &key).unwrap_err().to_string();
        assert!(refusal.contains("open"), "{refusal}");
    }
    restored(&file, &to).unwrap();
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let folder = temporary();
    filled(&folder.path().join("store"), 3);
    let (store, _) = open(&folder.path().join("store"));
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    fs::write(&file, b"something").unwrap();
    assert!(back_up(&store, &file).unwrap_err().to_string().contains("is there already"));
    assert_eq!(fs::read(&file).unwrap(), b"something");
    fs::remove_file(&file).unwrap();
    back_up(&store, &file).unwrap();
    fs::create_dir(&to).unwrap();
    fs::write(to.join("something"), b"else").unwrap();
    assert!(restored(&file, &to).unwrap_err().to_string().contains("is not empty"));
    assert_eq!(names(&to), [to.join("something")]);
    fs::remove_file(to.join("something")).unwrap();
    restored(&file, &to).unwrap();
}

#[test]
fn a_passphrase_closes_a_backup_and_no_word_of_it_shows() {
    let folder = temporary();
    let (store, _) = open(&folder.path().join("store"));
    store.commit(put(1, "key", "quokkaville ".repeat(50).as_bytes())).unwrap();
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    store.back_up(&about(), &file, &BackupLock::passphrase("four words of mine")).unwrap();
    let bytes = fs::read(&file).unwrap();
    for word in [b"quokkaville".as_slice(), b"Z99901", b"practice.toml", store.secret(), &[0x5e; 32]] {
        assert!(!bytes.windows(word.len()).any(|window| window == word));
    }
    let words = |words: &str| BackupKey::Passphrase(words.to_owned().into());
    assert!(restored_with(&file, &to, &words("four words of yours")).is_err());
    restored_with(&file, &to, &words("four words of mine")).unwrap();
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-format/v2")
}

#[test]
fn the_backups_of_every_form_are_read_for_ever() {
    let former = || BackupKey::Former([0xb0; 32].into());
    // Before there was age, and since.
    for (name, key) in [("backup", former()), ("backup.age", key())] {
        let folder = temporary();
        let (file, to) = (golden().join(name), folder.path().join("new"));
        assert_eq!(restored_with(&file, &to, &key).unwrap().frames, 5, "{name}");
        // The very bytes of the golden journal, and so the same log.
        let units: Vec<Unit> = (1..=5).map(decision).collect();
        assert_holds(&open(&to.join("store")).0, &units);
        let journal = |folder: &Path| verify_offline(folder, None).unwrap().head;
        assert_eq!(journal(&to.join("store")), journal(&golden().join("store")), "{name}");
    }
}

#[test]
fn a_former_backup_opens_with_its_own_key_and_whole_alone() {
    let folder = temporary();
    let (file, to) = (folder.path().join("backup"), folder.path().join("new"));
    let sound = fs::read(golden().join("backup")).unwrap();
    let refused = |bytes: &[u8], key: &BackupKey, how: &str| {
        fs::write(&file, bytes).unwrap();
        assert!(restored_with(&file, &to, key).is_err(), "{how}");
        assert!(!to.exists(), "{how}");
    };
    let former = BackupKey::Former([0xb0; 32].into());
    for wrong in [BackupKey::Former([0xb1; 32].into()), BackupKey::Passphrase("four words".to_owned().into()), key()] {
        refused(&sound, &wrong, "a wrong key");
    }
    for at in (0..sound.len()).step_by(41) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        refused(&flipped, &former, &format!("flipped at {at}"));
        refused(&sound[..at], &former, &format!("cut at {at}"));
    }
    refused(&[sound.as_slice(), b"more"].concat(), &former, "longer");
}

/// Not a test: writes the golden backup, which is otherwise never written again.
/// `ANTEROOM_WRITE_GOLDEN=1 cargo test --test store golden -- --ignored`
#[test]
#[ignore = "writes tests/data/store-format anew"]
fn write_golden_backup() {
    if !writes_golden() {
        return;
    }
    let folder = temporary();
    copy(&golden().join("store"), folder.path());
    let _ = fs::remove_file(golden().join("backup.age"));
    let (store, _) = EmbeddedStore::open(folder.path(), &Options { year: 2026, ..options() }, &master()).unwrap();
    back_up(&store, &golden().join("backup.age")).unwrap();
}
