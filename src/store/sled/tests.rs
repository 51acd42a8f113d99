//! Damage that the engine below does not notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::super::keyring::Keyring;
use super::super::{EmbeddedStore, Master, Options, Store, StoreError, Unit};
use super::apply::{PIECE, Pending, Write};
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
        ("lost", Box::new(|view| drop(view.rows().remove(name(7)).unwrap()))),
        (
            "copied to another key",
            Box::new(|view| drop(view.rows().insert(name(8), view.rows().get(name(7)).unwrap().unwrap()))),
        ),
        (
            "copied to another table",
            Box::new(|view| {
                let row = view.rows().get(name(7)).unwrap().unwrap();
                view.rows().insert(row_key(Table::Draft as u8, &7u64.to_be_bytes()), row).unwrap();
            }),
        ),
        (
            "given another sequence number",
            Box::new(|view| {
                let mut row = view.rows().get(name(7)).unwrap().unwrap();
                row[3] ^= 1;
                view.rows().insert(name(7), row).unwrap();
            }),
        ),
        ("cut", Box::new(|view| drop(view.rows().insert(name(7), vec![0; 3])))),
        (
            "a changed bit",
            Box::new(|view| {
                let mut row = view.rows().get(name(7)).unwrap().unwrap();
                let last = row.len() - 1;
                row[last] ^= 1;
                view.rows().insert(name(7), row).unwrap();
            }),
        ),
        (
            "added",
            Box::new(|view| {
                let (sealed, _) = view.sealer.seal(Table::Entry as u8, b"new", 3, b"value").unwrap();
                view.rows().insert(row_key(Table::Entry as u8, b"new"), [&[0, 0], sealed.as_slice()].concat()).unwrap();
            }),
        ),
        (
            "put back to an earlier state",
            Box::new(|view| {
                let (sealed, _) = view.sealer.seal(Table::Entry as u8, &7u64.to_be_bytes(), 1, b"earlier").unwrap();
                view.rows().insert(name(7), [&[0, 0], sealed.as_slice()].concat()).unwrap();
            }),
        ),
        (
            "without a piece",
            Box::new(|view| {
                view.rows().remove(piece_key(Table::Entry as u8, &9u64.to_be_bytes(), 1)).unwrap();
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
fn all_rows_are_read_as_they_were_whatever_is_changed_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let view = open(&directory).unwrap();
    let mut number = 0;
    let mut change = |key: u64, value: Option<Vec<u8>>| {
        number += 1;
        apply(&view, number, key, value);
        number
    };
    let mut were = Vec::new();
    for key in 0..ROWS {
        // Some of several pieces.
        let value = vec![key as u8; if key % 100 == 0 { 50_000 } else { 20 }];
        let seq = change(key * 2, Some(value.clone()));
        were.push((Table::Entry as u8, (key * 2).to_be_bytes().to_vec(), Versioned { seq, value }));
    }
    let mut reading = view.moment(0).unwrap();
    assert_eq!(reading.seq(), ROWS);
    let (mut found, mut pages) = (Vec::new(), 0);
    while let Some(page) = reading.page().unwrap() {
        found.extend(page);
        pages += 1;
        // Before and behind the place that has been read: new, changed twice, gone, longer, shorter, and back again.
        for key in [1, 601, 1199, 5_000] {
            change(key, Some(vec![1; 20_000]));
        }
        for key in [0, 600, 800, 1000, 1198] {
            change(key, Some(vec![2; 40]));
            change(key, Some(vec![3; 40_000]));
        }
        for key in [2, 602, 1196] {
            change(key, None);
        }
        change(604, if pages % 2 == 0 { Some(vec![4]) } else { None });
    }
    assert!(pages >= 3, "{pages}");
    assert!(found == were, "the rows differ from what they were");
    drop(reading);
    view.check().unwrap();
    // The next reading is of what is there now.
    let mut reading = view.moment(0).unwrap();
    let now: Vec<_> = std::iter::from_fn(|| reading.page().unwrap()).flatten().collect();
    assert!(
        reading.seq() > ROWS
            && now.iter().all(|(_, key, row)| { view.get(Table::Entry, key).unwrap().as_ref() == Some(row) })
    );
    assert_eq!(now.len() as u64, view.applied().rows() - reading.seq(), "each unit has a row of its own");
}

#[test]
fn a_view_goes_on_with_the_rows_of_another_whichever_of_them_is_ahead() {
    let units: Vec<Step> = (1..=9).map(|number| step(number, unit(number, number % 4, Some(value(number))))).collect();
    let read = |view: &View| [0, 1, 2, 3].map(|key: u64| view.get(Table::Entry, &key.to_be_bytes()).unwrap());
    for kept in 0..=6 {
        for made in 0..=9 {
            let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let (view, new) = (open(&directory).unwrap(), open(&other).unwrap());
            view.apply(&units[..kept]).unwrap();
            view.show(units[kept..].to_vec()).unwrap();
            new.apply(&units[..made]).unwrap();
            let were = read(&view);
            let bring = |new: &View, least: u64| {
                assert_eq!(least, kept as u64);
                let from = new.applied().seq as usize;
                new.apply(&units[from..kept.max(from)])
            };
            let old = view.go_on_with(new, &bring).unwrap();
            assert_eq!((old, view.directory()), (directory.path().join("view"), other.path().join("view")));
            assert_eq!(read(&view), were, "{kept} kept, {made} made");
            assert_eq!(view.applied().seq, made.max(kept) as u64);
            for unit in &units {
                assert_eq!(view.unit(unit.unit.id).unwrap(), Some((unit.seq, unit.digest)));
            }
            while view.apply_shown().unwrap() {}
            assert_eq!((view.applied().seq, read(&view)), (9, were));
            view.check().unwrap();
            drop(view);
            // Nothing of the former one is needed.
            drop(directory);
            assert_eq!(open(&other).unwrap().applied().seq, 9);
        }
    }
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (view, new) = (open(&directory).unwrap(), open(&other).unwrap());
    view.apply(&units[..3]).unwrap();
    view.show(units[3..].to_vec()).unwrap();
    let were = read(&view);
    assert_eq!(view.go_on_with(new, &|_, _| Err("no".to_owned())), Err("no".to_owned()));
    assert_eq!((read(&view), view.directory()), (were, directory.path().join("view")));
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
        view.rows().remove(name(7)).unwrap();
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
    let rows = view.rows();
    let mut pending = Pending::new(&rows, &view.sealer, state, None, false);
    for (name, value) in [(of_unit.clone(), Some([9; 32].as_slice())), (name(7), next.writes[0].2.as_deref())] {
        let mut write = Write::new(name, 2, value);
        write.seal(&view.sealer).unwrap();
        pending.write(write).unwrap();
    }
    drop(pending);
    drop(rows);
    assert!(view.rows().contains_key(of_unit).unwrap());
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
    let pieces = || view.rows().scan_prefix([PIECES]).count();
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

/// Rows that come, grow over several pieces, shrink, go, and come again.
fn changing(count: u64) -> Vec<Step> {
    let length = |number: u64| [0, 40, PIECE, 3 * PIECE, 20][(number % 5) as usize];
    let value = |number: u64| (number % 7 != 3).then(|| vec![number as u8; length(number)]);
    (1..=count).map(|number| step(number, unit(number, number * number % 97, value(number)))).collect()
}

#[test]
fn a_view_made_by_several_threads_holds_what_one_unit_after_the_other_would_leave() {
    let steps = changing(1_500);
    let one_by_one = tempfile::tempdir().unwrap();
    let wanted = open(&one_by_one).unwrap();
    steps.iter().for_each(|step| wanted.apply(std::slice::from_ref(step)).unwrap());
    for (threads, together) in [(1, 1_500), (2, 1_500), (3, 400), (2, 7)] {
        let directory = tempfile::tempdir().unwrap();
        let mut made = Unfinished::begin(&directory.path().join("view"), &SEALER, 1 << 20, threads).unwrap();
        steps.chunks(together).for_each(|some| made.fill(some).unwrap());
        drop(made.finish().unwrap());
        let view = open(&directory).unwrap();
        view.check().unwrap();
        assert_eq!((view.applied().seq, view.applied().digest), (1_500, [1_500_u64 as u8; 32]));
        assert_eq!(view.applied().rows(), wanted.applied().rows());
        let all = |view: &View| view.scan(Table::Entry, &[], None, usize::MAX).unwrap();
        assert_eq!(all(&view), all(&wanted), "{threads} threads, {together} together");
        assert_eq!(view.rows().len(), wanted.rows().len(), "pieces that nobody needs");
        steps.iter().for_each(|step| assert_eq!(view.unit(step.unit.id).unwrap(), Some((step.seq, step.digest))));
        view.apply(&[step(1_501, unit(1_501, 5, None))]).unwrap();
        view.check().unwrap();
    }
}

#[test]
fn a_view_that_is_not_finished_is_never_opened() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("view");
    let mut made = Unfinished::begin(&folder, &SEALER, 1 << 20, 2).unwrap();
    made.fill(&changing(600)).unwrap();
    drop(made);
    assert!(folder.join(UNFINISHED).exists());
    assert!(open(&directory).is_err());
    crate::store::shrink::settle(directory.path()).unwrap();
    assert!(!folder.exists());
}
