//! What a power cut, a bad disk or a careless hand does to the files, and what the store says to it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anteroom::audit::frame::{SEGMENT_HEADER, parse_frame};
use anteroom::store::{EmbeddedStore, Opened, Options, Store, StoreError, Unit, verify_offline};
use tempfile::TempDir;

use crate::kit::{assert_holds, copy, decision, filled, master, open, options, put, segments, temporary};

/// A closed store, to be copied for each damage.
struct Original {
    directory: TempDir,
    units: Vec<Unit>,
}

impl Original {
    fn new(count: u64) -> Self {
        let directory = temporary();
        let units = filled(directory.path(), count);
        Self { directory, units }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn copy(&self) -> TempDir {
        copied(self.path())
    }
}

fn copied(from: &Path) -> TempDir {
    let directory = temporary();
    copy(from, directory.path());
    directory
}

/// Where the last segment's frames begin and end.
fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut next = SEGMENT_HEADER;
    while let Some((_, length)) = parse_frame(&bytes[next..]) {
        places.push((next, next + length));
        next += length;
    }
    places
}

fn flip(file: &Path, at: usize) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (at / 64 % 8)], at as u64).unwrap();
}

fn refused(directory: &Path) -> String {
    match EmbeddedStore::open(directory, &options(), &master()) {
        Err(StoreError::Corrupt(sentence)) => {
            assert!(sentence.contains("Restore") && sentence.contains("Nothing was changed"), "{sentence}");
            sentence
        }
        other => panic!("it should have been refused as damaged, but: {other:?}"),
    }
}

/// Halves of `range`, each in a thread of its own.
fn in_two(range: std::ops::Range<usize>, work: impl Fn(std::ops::Range<usize>) + Sync) {
    let middle = range.start.midpoint(range.end);
    thread::scope(|scope| {
        scope.spawn(|| work(range.start..middle));
        work(middle..range.end);
    });
}

#[test]
fn an_append_torn_at_any_byte_is_cut_and_everything_before_it_is_there() {
    // The view is as it was before the last unit, as when the power failed before that was acknowledged.
    let original = Original::new(5);
    let last = decision(6);
    let after = original.copy();
    open(after.path()).0.commit(last.clone()).unwrap();
    let segment = segments(after.path()).pop().unwrap();
    let whole = fs::read(&segment).unwrap();
    let (start, end) = *frames(&whole).last().unwrap();

    in_two(start..end, |range| {
        for at in range {
            let directory = original.copy();
            let mut torn = whole.clone();
            torn[at..end].fill(0);
            // Every other time the file ends there, as on a file system that loses its length too.
            torn.truncate(if at % 2 == 0 { at } else { whole.len() });
            fs::write(directory.path().join("journal").join(segment.file_name().unwrap()), torn).unwrap();
            let (store, opened) = open(directory.path());
            assert_eq!((opened.tail_cut.is_some(), opened.frames), (at > start, 5), "torn at {at}");
            assert_eq!(opened.view_rebuilt, None);
            assert!(verify_offline(directory.path(), Some(&master())).unwrap().damage.is_empty());
            store.commit(last.clone()).unwrap();
            if at % 16 == 0 {
                drop(store);
                let mut units = original.units.clone();
                units.push(last.clone());
                assert_holds(&open(directory.path()).0, &units);
            } else {
                assert_eq!(store.log(6, 9).unwrap()[0].unit, last);
            }
        }
    });
}

#[test]
fn a_whole_frame_that_the_view_lacks_is_applied() {
    let original = Original::new(5);
    let after = original.copy();
    let last = decision(6);
    open(after.path()).0.commit(last.clone()).unwrap();
    fs::remove_dir_all(after.path().join("view")).unwrap();
    copy(&original.path().join("view"), &after.path().join("view"));
    let (store, opened) = open(after.path());
    assert_eq!(opened, Opened { frames: 6, ..Opened::default() });
    let mut units = original.units.clone();
    units.push(last);
    assert_holds(&store, &units);
}

#[test]
fn a_flipped_bit_anywhere_in_the_journal_is_reported_and_nothing_is_served() {
    let original = Original::new(30);
    let files = segments(original.path());
    assert!(files.len() > 2);
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let end = frames(&bytes).last().unwrap().1;
        for at in (0..bytes.len()).step_by(64) {
            flip(file, at);
            let report = verify_offline(original.path(), Some(&master())).unwrap();
            assert!(!report.damage.is_empty(), "a flip at {at} of {} went unseen", file.display());
            if file == files.last().unwrap() && at >= end {
                // Behind the last frame nothing was ever acknowledged: it is cut.
                let copied = original.copy();
                let (store, opened) = open(copied.path());
                assert!(opened.tail_cut.is_some());
                assert_holds(&store, &original.units);
            } else {
                refused(original.path());
            }
            flip(file, at);
        }
    }
    assert_holds(&open(original.path()).0, &original.units);
}

#[test]
fn a_journal_too_big_to_be_read_beforehand_is_read_while_the_store_is_in_use() {
    let original = Original::new(30);
    let in_part = Options { check_bytes: 0, ..options() };
    let (store, opened) = EmbeddedStore::open(original.path(), &in_part, &master()).unwrap();
    assert_eq!(opened, Opened { frames: 30, ..Opened::default() });
    assert_holds(&store, &original.units);
    drop(store);

    let first = segments(original.path()).remove(0);
    flip(&first, 640);
    let (store, _) = EmbeddedStore::open(original.path(), &in_part, &master()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let refusal = (100..)
        .find_map(|number| match store.commit(decision(number)) {
            Ok(_) if Instant::now() < deadline => None,
            answer => Some(answer.expect_err("the damage was not found").to_string()),
        })
        .unwrap();
    assert!(refusal.contains("00000001.journal") && refusal.contains("Restore the whole store"), "{refusal}");
    assert!(matches!(store.log(1, 1000), Err(StoreError::Corrupt(_))));
    drop(store);

    // The next start would serve again until it is found again: it reads all of it, and serves nothing.
    for _ in 0..2 {
        let refused = EmbeddedStore::open(original.path(), &in_part, &master());
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{:?}", refused.map(|(_, opened)| opened));
    }
    flip(&first, 640);
    drop(EmbeddedStore::open(original.path(), &in_part, &master()).unwrap());
    // Once all of it was read and is sound, the end is enough again.
    flip(&first, 640);
    drop(EmbeddedStore::open(original.path(), &in_part, &master()).unwrap());

    // What is missing, or elsewhere than it should be, is found beforehand.
    flip(&first, 640);
    fs::rename(&first, first.with_extension("away")).unwrap();
    assert!(matches!(EmbeddedStore::open(original.path(), &in_part, &master()), Err(StoreError::Corrupt(_))));
    fs::rename(first.with_extension("away"), &first).unwrap();
    // A view that must be made anew takes the whole journal.
    fs::remove_dir_all(original.path().join("view")).unwrap();
    let (store, opened) = EmbeddedStore::open(original.path(), &in_part, &master()).unwrap();
    assert!(opened.view_rebuilt.is_some() && store.head() == opened.frames);
}

/// What a store that is written to says in the end.
fn refusal(store: &EmbeddedStore) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    (1000..)
        .find_map(|number| match store.commit(decision(number)) {
            Ok(_) if Instant::now() < deadline => None,
            answer => Some(answer.expect_err("the damage was not found").to_string()),
        })
        .unwrap()
}

#[test]
fn a_journal_that_cannot_be_read_while_in_use_stops_the_store_and_the_next_start() {
    let original = Original::new(30);
    let in_part = Options { check_bytes: 0, ..options() };
    let (store, _) = EmbeddedStore::open(original.path(), &in_part, &master()).unwrap();
    let first = segments(original.path()).remove(0);
    let away = original.path().join("away");
    fs::rename(&first, &away).unwrap();
    // What opens and cannot be read, as on a disk with a bad sector.
    fs::create_dir(&first).unwrap();
    let why = refusal(&store);
    assert!(why.contains("cannot be read any more") && why.contains("check the disk"), "{why}");
    assert!(store.health().unwrap().stopped.is_some());
    drop(store);
    assert!(EmbeddedStore::open(original.path(), &in_part, &master()).is_err());
    fs::remove_dir(&first).unwrap();
    fs::rename(&away, &first).unwrap();
    let (store, opened) = EmbeddedStore::open(original.path(), &in_part, &master()).unwrap();
    assert!(opened.frames >= 30 && store.verify().unwrap().damage.is_empty());
}

#[test]
fn a_journal_is_read_again_every_so_often() {
    let original = Original::new(30);
    let (store, _) = open(original.path());
    let often = Options { check_every: Duration::from_millis(50), ..options() };
    drop(store);
    let (store, _) = EmbeddedStore::open(original.path(), &often, &master()).unwrap();
    thread::sleep(Duration::from_millis(200));
    store.commit(decision(31)).unwrap();
    flip(&segments(original.path())[0], 640);
    assert!(refusal(&store).contains("00000001.journal"));
}

#[test]
fn a_view_is_checked_before_it_is_used_or_says_that_it_is_not_yet() {
    let original = Original::new(30);
    assert!(open(original.path()).0.is_checked().unwrap());
    let big = Options { check_rows: 0, ..options() };
    let (store, _) = EmbeddedStore::open(original.path(), &big, &master()).unwrap();
    assert!(!store.is_checked().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !store.is_checked().unwrap() {
        assert!(Instant::now() < deadline, "nobody counts");
        thread::sleep(Duration::from_millis(20));
    }
    // One that was just made from the journal needs no second look.
    drop(store);
    fs::remove_dir_all(original.path().join("view")).unwrap();
    assert!(EmbeddedStore::open(original.path(), &big, &master()).unwrap().0.is_checked().unwrap());
}

#[test]
fn a_flipped_bit_anywhere_in_the_view_loses_nothing() {
    let original = Original::new(30);
    for file in fs::read_dir(original.path().join("view")).unwrap() {
        let file = file.unwrap();
        if !file.file_type().unwrap().is_file() {
            continue;
        }
        let bytes = fs::read(file.path()).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        in_two(0..used.div_ceil(64), |range| {
            for at in range.map(|step| step * 64) {
                let directory = original.copy();
                flip(&directory.path().join("view").join(file.file_name()), at);
                let (store, opened) = open(directory.path());
                assert_eq!((opened.frames, opened.tail_cut), (30, None));
                assert_holds(&store, &original.units);
            }
        });
    }
}

#[test]
fn a_view_that_is_missing_cut_empty_or_of_another_store_is_made_anew() {
    let original = Original::new(30);
    let stranger = Original::new(12);
    let database = fs::read(original.path().join("view/db")).unwrap();
    let damages: &[&dyn Fn(&Path)] = &[
        &|view| fs::remove_dir_all(view).unwrap(),
        &|view| fs::remove_file(view.join("db")).unwrap(),
        &|view| fs::write(view.join("db"), b"").unwrap(),
        &|view| fs::write(view.join("db"), &database[..1000]).unwrap(),
        &|view| fs::write(view.join("db"), &database[..database.len() / 4]).unwrap(),
        &|view| fs::write(view.join("db"), [&database[..4096], &[0; 4096], &database[8192..]].concat()).unwrap(),
        &|view| fs::write(view.join("db"), vec![0xa5; database.len()]).unwrap(),
        &|view| fs::remove_file(view.join("conf")).unwrap(),
        &|view| fs::write(view.join("conf"), b"segment_size: 0\n").unwrap(),
        &|view| fs::write(view.join("snap.0000000000000000"), b"").unwrap(),
        &|view| fs::write(view.join("snap.0000000000000000.generating"), b"").unwrap(),
        &|view| {
            fs::remove_dir_all(view).unwrap();
            fs::create_dir(view).unwrap();
        },
        &|view| {
            fs::remove_dir_all(view).unwrap();
            fs::write(view, b"not a directory").unwrap();
        },
    ];
    for (number, damage) in damages.iter().enumerate() {
        let directory = original.copy();
        damage(&directory.path().join("view"));
        let (store, opened) = open(directory.path());
        assert_eq!((opened.created, opened.frames), (false, 30), "damage {number}");
        assert_holds(&store, &original.units);
    }

    // Two copies of one store, so the same keys, that went different ways.
    let (directory, other) = (original.copy(), original.copy());
    open(directory.path()).0.commit(decision(31)).unwrap();
    open(other.path()).0.commit(put(99, "other", b"other")).unwrap();
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    copy(&other.path().join("view"), &directory.path().join("view"));
    let (store, opened) = open(directory.path());
    assert_eq!(opened.view_rebuilt.as_deref(), Some("it belongs to another journal"));
    let mut units = original.units.clone();
    units.push(decision(31));
    assert_holds(&store, &units);

    // A stranger's does not even open.
    let directory = original.copy();
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    copy(&stranger.path().join("view"), &directory.path().join("view"));
    let (store, opened) = open(directory.path());
    assert!(opened.view_rebuilt.is_some());
    assert_holds(&store, &original.units);
}

#[test]
fn the_two_newest_damaged_views_are_kept() {
    let original = Original::new(3);
    for _ in 0..4 {
        fs::write(original.path().join("view/db"), b"").unwrap();
        assert!(open(original.path()).1.view_rebuilt.is_some());
    }
    let mut kept: Vec<_> = fs::read_dir(original.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("view"))
        .collect();
    kept.sort();
    assert_eq!(kept, ["view", "view.bad.3", "view.bad.4"]);
}

#[test]
fn a_segment_that_is_missing_empty_cut_swapped_or_repeated_is_named() {
    let original = Original::new(40);
    let names: Vec<_> =
        segments(original.path()).iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() > 3);
    for (number, name) in names.iter().enumerate() {
        let next = &names[(number + 1) % names.len()];
        let bytes = fs::read(original.path().join("journal").join(name)).unwrap();
        let half = frames(&bytes)[1].0;
        let damages: &[&dyn Fn(&Path)] = &[
            &|journal| fs::remove_file(journal.join(name)).unwrap(),
            &|journal| fs::write(journal.join(name), b"").unwrap(),
            &|journal| fs::write(journal.join(name), &bytes[..half]).unwrap(),
            &|journal| fs::write(journal.join(name), vec![0; bytes.len()]).unwrap(),
            &|journal| {
                fs::rename(journal.join(name), journal.join("aside")).unwrap();
                fs::rename(journal.join(next), journal.join(name)).unwrap();
                fs::rename(journal.join("aside"), journal.join(next)).unwrap();
            },
            &|journal| fs::write(journal.join(next), &bytes).unwrap(),
        ];
        for (kind, damage) in damages.iter().enumerate() {
            let directory = original.copy();
            damage(&directory.path().join("journal"));
            let sentence = refused(directory.path());
            let tail = number + 1 == names.len() && matches!(kind, 0 | 2);
            assert!(tail || sentence.contains(name) || sentence.contains(next), "damage {kind} to {name}: {sentence}");
            assert!(tail || !verify_offline(directory.path(), Some(&master())).unwrap().damage.is_empty());
        }
    }
}

#[test]
fn a_journal_older_than_its_view_is_refused_and_the_way_out_works() {
    let original = Original::new(5);
    let ahead = original.copy();
    open(ahead.path()).0.commit(decision(6)).unwrap();
    for part in ["journal", "nothing"] {
        let directory = copied(ahead.path());
        fs::remove_dir_all(directory.path().join("journal")).unwrap();
        if part == "journal" {
            copy(&original.path().join("journal"), &directory.path().join("journal"));
        }
        let sentence = refused(directory.path());
        assert!(sentence.contains("unit 6 was acknowledged"), "{sentence}");
        fs::rename(directory.path().join("view"), directory.path().join("view.away")).unwrap();
        let (store, _) = open(directory.path());
        assert_holds(&store, if part == "journal" { &original.units } else { &[] });
    }
}
