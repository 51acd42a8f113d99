//! A view that has grown too big, made anew while the store is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anteroom::store::{EmbeddedStore, Options, Store, Table, Unit};

use crate::kit::{assert_holds, bloat, copy, decision, filled, master, open, options, put, temporary, unit, views};

fn soon() -> Options {
    Options { shrink_every: Duration::from_millis(10), ..options() }
}

/// Waits until the view that was bloated is no more.
fn assert_made_anew(bloated: &Path) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while bloated.join("blob").exists() || bloated.join("unfinished").exists() {
        assert!(Instant::now() < give_up, "the view is not made anew");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What is said of the view.
fn alarms(store: &EmbeddedStore) -> Vec<String> {
    let alarms = store.health().unwrap().alarms;
    alarms.into_iter().filter(|alarm| alarm.starts_with("the view")).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("view"))
        .collect();
    names.sort();
    names
}

/// Lets the other threads end, also when an assertion fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_bloated_view_is_made_anew_while_people_read_and_decide_and_nothing_is_lost() {
    let directory = temporary();
    filled(directory.path(), 400);
    let (store, opened) = EmbeddedStore::open(directory.path(), &soon(), &master()).unwrap();
    assert_eq!(opened.view_rebuilt, None);
    let (done, next, reads) = (AtomicBool::new(false), AtomicU64::new(1_000), AtomicU64::new(0));
    thread::scope(|scope| {
        let _end = Ending(&done);
        for writer in 0..3 {
            let (store, done, next) = (&store, &done, &next);
            scope.spawn(move || {
                let names = [format!("one {writer}").into_bytes(), format!("two {writer}").into_bytes()];
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(8));
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let value = number.to_be_bytes().repeat(if number % 50 == 0 { 2_500 } else { 5 });
                    let row = |name: &Vec<u8>| (Table::Draft, name.clone(), Some(value.clone()));
                    let receipt = store.commit(unit(number, names.iter().map(row).collect())).unwrap();
                    for name in &names {
                        let found = store.get(Table::Draft, name).unwrap().unwrap();
                        assert_eq!((found.seq, &found.value), (receipt.seq, &value), "what was acknowledged is read");
                    }
                }
            });
        }
        let (store, done, reads) = (&store, &done, &reads);
        scope.spawn(move || {
            let mut newest = 0;
            while !done.load(Ordering::Relaxed) {
                let rows = store.scan(Table::Draft, &[], None, 100).unwrap();
                let (ones, twos) = rows.split_at(rows.len() / 2);
                for ((_, one), (_, two)) in ones.iter().zip(twos) {
                    assert_eq!((one.seq, &one.value), (two.seq, &two.value), "half of a unit was seen");
                }
                let last = rows.iter().map(|(_, row)| row.seq).max().unwrap_or(0);
                assert!(last >= newest, "an older state was read after a newer one");
                newest = last;
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..4 {
            let read = reads.load(Ordering::Relaxed);
            let bloated = bloat(directory.path()).unwrap();
            assert_eq!(bloated, directory.path().join(["view", "view.beside"][round % 2]), "round {round}");
            assert_made_anew(&bloated);
            assert!(reads.load(Ordering::Relaxed) > read);
            assert_eq!((store.health().unwrap().stopped, alarms(store)), (None, Vec::new()));
        }
        // And with what stays in the view after the last.
        let _ = bloat(directory.path()).map(|bloated| assert_made_anew(&bloated));
    });
    let units: Vec<Unit> = store.log(1, usize::MAX).unwrap().into_iter().map(|frame| frame.unit).collect();
    assert_holds(&store, &units);
    assert!(store.health().unwrap().view_bytes < 70 << 20);
    drop(store);
    assert_eq!(names(directory.path()), ["view.beside"]);
    let (store, opened) = open(directory.path());
    assert_eq!((opened.view_rebuilt, names(directory.path())), (None, vec!["view".to_owned()]));
    assert_holds(&store, &units);
}

#[test]
fn a_view_for_which_there_is_no_room_serves_on_and_is_said() {
    let directory = temporary();
    let units = filled(directory.path(), 20);
    bloat(directory.path()).unwrap();
    let (store, _) =
        EmbeddedStore::open(directory.path(), &Options { floor_bytes: u64::MAX / 4, ..soon() }, &master()).unwrap();
    let give_up = Instant::now() + Duration::from_secs(20);
    while alarms(&store).is_empty() {
        assert!(Instant::now() < give_up, "nobody says that there is no room");
        thread::sleep(Duration::from_millis(5));
    }
    let said = alarms(&store);
    assert!(said.len() == 1 && said[0].contains("the view takes 7") && said[0].contains("free some space"));
    assert_holds(&store, &units);
    assert!(directory.path().join("view/blob").exists());
    // It is not said any more when it is so no more.
    fs::remove_file(directory.path().join("view/blob")).unwrap();
    while !alarms(&store).is_empty() {
        assert!(Instant::now() < give_up, "it is still said");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_store_closes_in_the_middle_of_it() {
    let directory = temporary();
    let units = filled(directory.path(), 60);
    for _ in 0..10 {
        bloat(directory.path());
        let (store, _) = EmbeddedStore::open(directory.path(), &soon(), &master()).unwrap();
        thread::sleep(Duration::from_millis(12));
        drop(store);
    }
    let (store, opened) = open(directory.path());
    assert_eq!(opened.view_rebuilt, None);
    assert_holds(&store, &units);
}

#[test]
fn whatever_views_a_kill_leaves_a_whole_one_is_found_at_the_start() {
    // Each folder: none, half made, whole with fewer units, whole.
    for (view, beside, found) in [
        ("", "whole", Some("view.beside")),
        ("whole", "", Some("view")),
        ("whole", "half", Some("view")),
        ("half", "whole", Some("view.beside")),
        ("whole", "older", Some("view")),
        ("older", "whole", Some("view")),
        ("half", "half", None),
        ("", "half", None),
        ("", "", None),
    ] {
        let directory = temporary();
        let first = filled(directory.path(), 10);
        let sound = temporary();
        copy(&directory.path().join("view"), &sound.path().join("older"));
        let (store, _) = open(directory.path());
        let units: Vec<Unit> = first.into_iter().chain([decision(11), put(12, "late", b"late")]).collect();
        for unit in &units[10..] {
            store.commit(unit.clone()).unwrap();
        }
        drop(store);
        fs::rename(directory.path().join("view"), sound.path().join("whole")).unwrap();
        copy(&sound.path().join("older"), &sound.path().join("half"));
        File::create(sound.path().join("half/unfinished")).unwrap();
        fs::create_dir(directory.path().join("view.gone")).unwrap();
        fs::write(directory.path().join("view.gone/db"), b"rest").unwrap();
        for (name, state) in [("view", view), ("view.beside", beside)] {
            if !state.is_empty() {
                copy(&sound.path().join(state), &directory.path().join(name));
                fs::write(directory.path().join(name).join("was"), name).unwrap();
            }
        }
        let (store, opened) = open(directory.path());
        assert_eq!(opened.view_rebuilt.is_none(), found.is_some(), "{view:?}, {beside:?}: {opened:?}");
        let was = fs::read_to_string(directory.path().join("view/was")).ok();
        assert_eq!(was.as_deref(), found, "{view:?}, {beside:?}");
        assert_eq!(names(directory.path()), ["view"], "{view:?}, {beside:?}");
        assert_holds(&store, &units);
        assert_eq!(views(directory.path()), [directory.path().join("view")] as [PathBuf; 1]);
    }
}
