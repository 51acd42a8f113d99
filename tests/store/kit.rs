//! What the store's tests share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anteroom::audit::{Actor, Event, Outcome, Record};
use anteroom::store::{EmbeddedStore, Master, Opened, Options, Store, Table, Unit, UnitId};
use chrono::DateTime;
use tempfile::TempDir;

/// Small segments, so that a test has several.
pub const SEGMENT: u64 = 8 << 10;

/// A folder in memory where there is one: for tests that open stores by the thousand and cut no power.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Whether golden files are to be written anew: whoever runs all that is ignored must not do it unawares.
pub fn writes_golden() -> bool {
    let writes = std::env::var_os("ANTEROOM_WRITE_GOLDEN").is_some();
    if !writes {
        println!("skipped: golden files are written with ANTEROOM_WRITE_GOLDEN=1 alone");
    }
    writes
}

/// Says that a test that needs root could not do anything, or fails where `ANTEROOM_ROOT` says that it must.
pub fn skipped(why: &str) {
    let must = std::env::var_os("ANTEROOM_ROOT").is_some_and(|value| !value.is_empty());
    assert!(!must, "{why}, and ANTEROOM_ROOT is set: it must be tried");
    println!("skipped: {why}");
}

pub fn options() -> Options {
    Options { segment_bytes: SEGMENT, floor_bytes: 0, ..Options::default() }
}

pub fn master() -> Master {
    Master::from_key([0x5e; 32], "a test")
}

pub fn open(directory: &Path) -> (EmbeddedStore, Opened) {
    EmbeddedStore::open(directory, &options(), &master()).unwrap()
}

pub fn record() -> Record {
    Record {
        at: DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap(),
        actor: Actor::system("test"),
        event: Event::EntryOpened,
        outcome: Outcome::Done,
        patient: None,
        entry: None,
        version: None,
        states: None,
    }
}

pub fn id(number: u64) -> UnitId {
    UnitId(u128::from(number).to_be_bytes())
}

pub fn unit(number: u64, writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>) -> Unit {
    Unit { id: id(number), pre: Vec::new(), writes, audit: vec![record()] }
}

pub fn put(number: u64, key: &str, value: &[u8]) -> Unit {
    unit(number, vec![(Table::Entry, key.as_bytes().to_vec(), Some(value.to_vec()))])
}

/// A unit like a decision: an entry changes, a queue row goes, another comes. Its number says what is in it.
pub fn decision(number: u64) -> Unit {
    let entry = (number * 7 % 40).to_be_bytes().to_vec();
    unit(
        number,
        vec![
            (Table::Entry, entry, Some(vec![number as u8 | 1; 200 + (number as usize * 31) % 300])),
            (Table::Staff, (number - 1).to_be_bytes().to_vec(), None),
            (Table::Staff, number.to_be_bytes().to_vec(), Some(number.to_be_bytes().to_vec())),
        ],
    )
}

pub type Contents = BTreeMap<(Table, Vec<u8>), (u64, Vec<u8>)>;

/// What a store that applied `units` in this order must hold.
pub fn expected(units: &[Unit]) -> Contents {
    let mut rows = Contents::new();
    for (seq, unit) in (1..).zip(units) {
        for (table, key, value) in &unit.writes {
            match value {
                Some(value) => rows.insert((*table, key.clone()), (seq, value.clone())),
                None => rows.remove(&(*table, key.clone())),
            };
        }
    }
    rows
}

/// Everything a store holds.
pub fn contents(store: &EmbeddedStore) -> Contents {
    let mut rows = Contents::new();
    for table in Table::ALL {
        for (key, row) in store.scan(table, &[], None, usize::MAX).unwrap() {
            rows.insert((table, key), (row.seq, row.value));
        }
    }
    rows
}

/// That a store has taken `units`, these and no others, and can prove it.
pub fn assert_holds(store: &EmbeddedStore, units: &[Unit]) {
    assert!(contents(store) == expected(units), "the rows differ");
    let log = store.log(1, usize::MAX).unwrap();
    assert!(log.iter().map(|frame| &frame.unit).eq(units), "the log differs");
    for frame in &log {
        let receipt = store.outcome(frame.unit.id).unwrap().unwrap();
        assert_eq!((receipt.seq, receipt.leaf), (frame.seq, frame.digest));
    }
    let report = store.verify().unwrap();
    assert_eq!(report.damage, Vec::<String>::new());
    assert_eq!(report.frames, units.len() as u64);
}

/// Makes a store of decisions, closes it and answers what it took.
pub fn filled(directory: &Path, count: u64) -> Vec<Unit> {
    let (store, _) = open(directory);
    let units: Vec<_> = (1..=count).map(decision).collect();
    for unit in &units {
        store.commit(unit.clone()).unwrap();
    }
    units
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// The whole views that a store has, open or not.
pub fn views(directory: &Path) -> Vec<PathBuf> {
    let whole = |folder: &PathBuf| folder.join("db").exists() && !folder.join("unfinished").exists();
    ["view", "view.beside"].map(|name| directory.join(name)).into_iter().filter(whole).collect()
}

/// Makes a view as big as if sled had never given anything back, if there is a whole one. Answers which.
pub fn bloat(directory: &Path) -> Option<PathBuf> {
    let view = views(directory).into_iter().find(|view| !view.join("blob").exists())?;
    fs::File::create(view.join("blob")).and_then(|blob| blob.set_len(70 << 20)).ok().map(|()| view)
}

/// A store's journal files in order.
pub fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory.join("journal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}
