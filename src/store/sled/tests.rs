//! Damage that the engine below does not notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::super::keyring::Keyring;
use super::super::{EmbeddedStore, Master, Options, Store, StoreError, Unit};
use super::apply::{Pending, Write};
use super::*;
use crate::audit::{Actor, Event, Outcome, Record};

const ROWS: u64 = 600;

fn unit(number: u64, key: u64, value: Option<Vec<u8>>) -> Unit {
    let audit = Record {
        at: chrono::DateTime::UNIX_EPOCH,
        actor: Actor::system("test"),
        event: Event::EntryOpened,
        outcome: Outcome::Done,
        patient: None,
        entry: None,
        version: None,
        states: None,
    };
    let writes = vec![(Table::Entry, key.to_be_bytes().to_vec(), value)];
    Unit { id: UnitId(u128::from(number).to_be_bytes()), pre: Vec::new(), writes, audit: vec![audit] }
}

fn apply(view: &View, number: u64, key: u64, value: Option<Vec<u8>>) {
    view.apply(&[step(number, unit(number, key, value))]).unwrap();
}

fn step(number: u64, unit: Unit) -> Step {
    Step { seq: number, digest: [number as u8; 32], unit: Arc::new(unit) }
}

fn name(key: u64) -> Vec<u8> {
    row_key(Table::Entry as u8, &key.to_be_bytes())
}

static SEALER: LazyLock<Arc<Sealer>> = LazyLock::new(|| Arc::new(Sealer::new([(1, &[1; 32])].into_iter())));

fn open(directory: &tempfile::TempDir) -> Result<View, String> {
    View::open(&directory.path().join("view"), &SEALER, 1 << 20)
}

type Damage = Box<dyn Fn(&View)>;

/// What a disk, or a hand, might do to a row behind our back.
fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("lost", Box::new(|view| drop(view.rows.remove(name(7)).unwrap()))),
        (
            "copied to another key",
            Box::new(|view| drop(view.rows.insert(name(8), view.rows.get(name(7)).unwrap().unwrap()))),
        ),
        (
            "copied to another table",
            Box::new(|view| {
                let row = view.rows.get(name(7)).unwrap().unwrap();
                view.rows.insert(row_key(Table::Draft as u8, &7u64.to_be_bytes()), row).unwrap();
            }),
        ),
        (
            "given another sequence number",
            Box::new(|view| {
                let mut row = view.rows.get(name(7)).unwrap().unwrap();
                row[3] ^= 1;
                view.rows.insert(name(7), row).unwrap();
            }),
        ),
        ("cut", Box::new(|view| drop(view.rows.insert(name(7), vec![0; 3])))),
        (
            "a changed bit",
            Box::new(|view| {
                let mut row = view.rows.get(name(7)).unwrap().unwrap();
                let last = row.len() - 1;
                row[last] ^= 1;
                view.rows.insert(name(7), row).unwrap();
            }),
        ),
        (
            "added",
            Box::new(|view| {
                let (sealed, _) = view.sealer.seal(Table::Entry as u8, b"new", 3, b"value").unwrap();
                view.rows.insert(row_key(Table::Entry as u8, b"new"), [&[0, 0], sealed.as_slice()].concat()).unwrap();
            }),
        ),
        (
            "put back to an earlier state",
            Box::new(|view| {
                let (sealed, _) = view.sealer.seal(Table::Entry as u8, &7u64.to_be_bytes(), 1, b"earlier").unwrap();
                view.rows.insert(name(7), [&[0, 0], sealed.as_slice()].concat()).unwrap();
            }),
        ),
        (
            "without a piece",
            Box::new(|view| {
                view.rows.remove(piece_key(Table::Entry as u8, &9u64.to_be_bytes(), 1)).unwrap();
            }),
        ),
    ]
}

fn value(key: u64) -> Vec<u8> {
    vec![key as u8; if key == 9 { 50_000 } else { 20 }]
}

#[test]
fn rows_that_were_lost_changed_moved_added_or_put_back_are_noticed() {
    for (how, damage) in damages() {
        let directory = tempfile::tempdir().unwrap();
        let view = open(&directory).unwrap();
        for key in 0..20 {
            apply(&view, key + 1, key, Some(value(key)));
        }
        view.check().unwrap();
        damage(&view);
        let why = view.check().expect_err(how);
        // From then on nothing is read from it, and it does not open again.
        assert_eq!(view.get(Table::Entry, &1u64.to_be_bytes()), Err(why.clone()));
        drop(view);
        assert_eq!(open(&directory).unwrap_err(), why);
    }
}

#[test]
fn a_count_comes_out_right_whatever_is_changed_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let view = open(&directory).unwrap();
    let mut number = 0;
    let mut change = |key: u64, value: Option<Vec<u8>>| {
        number += 1;
        apply(&view, number, key, value);
    };
    for key in 0..ROWS {
        change(key * 2, Some(value(key)));
    }
    let mut counting = view.count();
    let mut pages = 0;
    while !counting.go_on().unwrap() {
        pages += 1;
        // Before and behind the place that the count has come to: new, changed, gone, and back again.
        for key in [1, 600, 1199] {
            change(key, Some(vec![1; 20_000]));
            change(key + 20 + pages, Some(vec![2]));
            change(key + 21, None);
        }
        change(2, if pages % 2 == 0 { Some(vec![3]) } else { None });
    }
    assert!(pages >= 2);
    drop(counting);
    view.check().unwrap();
}

#[test]
fn a_store_makes_a_damaged_view_anew_at_once_or_at_the_next_start() {
    for check_rows in [u64::MAX, 0] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 1 << 20, floor_bytes: 0, check_rows, year: 2026, ..Options::default() };
        let master = Master::from_key([1; 32], "a test");
        let (store, _) = EmbeddedStore::open(directory.path(), &options, &master).unwrap();
        for key in 0..20 {
            store.commit(unit(key + 1, key, Some(value(key)))).unwrap();
        }
        drop(store);
        let keys = Keyring::open(directory.path(), &master).unwrap().unwrap();
        let view = View::open(&directory.path().join("view"), &Arc::new(keys.sealer()), 1 << 20).unwrap();
        view.rows.remove(name(7)).unwrap();
        drop(view);

        let (mut store, mut opened) = EmbeddedStore::open(directory.path(), &options, &master).unwrap();
        if check_rows == 0 {
            // Too big to be read beforehand: found while in use, and then nothing is served.
            assert_eq!(opened.view_rebuilt, None);
            assert!(!store.is_checked().unwrap());
            let deadline = Instant::now() + Duration::from_secs(10);
            while store.get(Table::Entry, &1u64.to_be_bytes()).is_ok() {
                assert!(Instant::now() < deadline, "the damage was not found");
            }
            let refused = store.commit(unit(99, 99, Some(Vec::new())));
            assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
            assert!(matches!(store.is_checked(), Err(StoreError::Corrupt(_))));
            assert!(store.health().unwrap().stopped.unwrap().contains("start the program again"));
            drop(store);
            (store, opened) = EmbeddedStore::open(directory.path(), &options, &master).unwrap();
        }
        assert_eq!(
            opened.view_rebuilt.as_deref(),
            Some("its table Entry should hold 20 rows, and what it holds differs")
        );
        assert_eq!(store.get(Table::Entry, &7u64.to_be_bytes()).unwrap().unwrap().value, value(7));
        assert!(store.verify().unwrap().damage.is_empty());
    }
}

#[test]
fn a_frame_applied_in_part_is_applied_again() {
    let directory = tempfile::tempdir().unwrap();
    let view = open(&directory).unwrap();
    apply(&view, 1, 7, Some(vec![1; 600_000]));
    // As if the program had been killed after the first of several batches of the second frame.
    let next = unit(2, 7, Some(vec![2; 2_500_000]));
    let state = view.changing().clone();
    let of_unit = row_key(UNITS, &next.id.0);
    let mut pending = Pending::new(&view.rows, &view.sealer, state, false);
    for (name, value) in [(of_unit.clone(), Some([9; 32].as_slice())), (name(7), next.writes[0].2.as_deref())] {
        let mut write = Write::new(name, 2, value);
        write.seal(&view.sealer).unwrap();
        pending.write(write).unwrap();
    }
    drop(pending);
    assert!(view.rows.contains_key(of_unit).unwrap());
    drop(view);

    let view = open(&directory).unwrap();
    assert_eq!(view.applied().seq, 1);
    view.apply(&[step(2, next)]).unwrap();
    view.check().unwrap();
    assert_eq!(view.get(Table::Entry, &7u64.to_be_bytes()).unwrap().unwrap().value, [2; 2_500_000]);
}

#[test]
fn a_long_value_leaves_no_piece_behind() {
    let directory = tempfile::tempdir().unwrap();
    let view = open(&directory).unwrap();
    let pieces = || view.rows.scan_prefix([PIECES]).count();
    apply(&view, 1, 7, Some(vec![1; 100_000]));
    assert_eq!(pieces(), 6);
    apply(&view, 2, 7, Some(vec![2; 40_000]));
    assert_eq!(pieces(), 2);
    apply(&view, 3, 7, None);
    assert_eq!(pieces(), 0);
}

#[test]
fn work_that_panics_or_hangs_is_answered() {
    let panicked: Result<(), String> = guarded(Duration::from_secs(5), || panic!("as sled does"));
    assert_eq!(panicked.unwrap_err(), "sled failed on its files");
    let hung: Result<(), String> = guarded(Duration::from_millis(20), || {
        thread::sleep(Duration::from_secs(2));
        Ok(())
    });
    assert!(hung.unwrap_err().contains("did not answer"));
}
