#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::journal::fail_directory_syncs;
use super::super::keyring::Keyring;
use super::super::master::Master;
use super::super::{EmbeddedStore, Options, Store, UnitId};
use super::*;
use crate::audit::{Actor, Event, Outcome, Record};
use std::sync::atomic::Ordering::SeqCst;

fn master() -> Master {
    Master::from_key([7; 32], "a test")
}

/// What the next start finds.
fn opened(directory: &std::path::Path) -> EmbeddedStore {
    EmbeddedStore::open(directory, &Options { floor_bytes: 0, ..Options::default() }, &master()).unwrap().0
}

fn desk(directory: &std::path::Path) -> Desk {
    let ring = Keyring::new(2026).unwrap();
    let sealer = Arc::new(ring.sealer());
    let master = master();
    ring.write(directory, &master).unwrap();
    Desk {
        keys: Arc::new(Keys::new(ring, &sealer, &master, directory, 2026)),
        journal: Journal::create(&directory.join("journal"), 1 << 16, &sealer).unwrap(),
        view: Arc::new(View::open(&directory.join("view"), &sealer, 1 << 20).unwrap()),
        stopped: Arc::default(),
        directory: directory.to_owned(),
        floor: 0,
        ballast: Ballast::set_aside(directory, 0, 0),
    }
}

fn request(id: u8, pre: Option<Expect>) -> Request {
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
    let unit = Unit {
        id: UnitId([id; 16]),
        pre: pre.into_iter().map(|expect| (Table::Entry, b"key".to_vec(), expect)).collect(),
        writes: vec![(Table::Entry, b"key".to_vec(), Some(vec![id; 300]))],
        audit: vec![audit],
    };
    Request { payload: payload::encode(&unit).unwrap(), unit: Arc::new(unit), turn: sync_channel(1).0 }
}

#[test]
fn nothing_is_acknowledged_or_shown_after_a_failed_sync_and_the_next_start_tells_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut desk = desk(directory.path());
    let faults = desk.journal.faults();
    assert!(desk.serve(&[request(1, None)])[0].is_ok());

    faults.sync.store(true, SeqCst);
    let answers = desk.serve(&[request(2, None), request(2, None), request(3, Some(Expect::Absent)), request(1, None)]);
    let [Err(handed @ StoreError::OutcomeUnknown(_)), Err(StoreError::OutcomeUnknown(_)), Err(judged), Ok(before)] =
        answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert!(handed.to_string().contains("may or may not have been done"), "{handed}");
    assert!(matches!(judged, StoreError::ReadOnly(_)), "what has no frame was not done: {judged}");
    assert!(before.replayed);
    faults.sync.store(false, SeqCst);
    for id in [2, 4] {
        assert!(matches!(desk.serve(&[request(id, None)])[0], Err(StoreError::ReadOnly(_))));
    }
    assert_eq!(desk.view.get(Table::Entry, b"key").unwrap().unwrap().value, [1; 300]);
    assert_eq!(desk.journal.index().end().0, 1);
    drop(desk);

    // Here the frame was in the file, so it takes effect, whole and once.
    let store = opened(directory.path());
    assert_eq!(store.outcome(UnitId([2; 16])).unwrap().map(|receipt| receipt.seq), Some(2));
    assert_eq!(store.get(Table::Entry, b"key").unwrap().unwrap().value, [2; 300]);
    let again = store.commit(Arc::unwrap_or_clone(request(2, None).unit)).unwrap();
    assert_eq!((again.seq, again.replayed), (2, true));
    assert_eq!(store.outcome(UnitId([3; 16])).unwrap(), None);
    assert_eq!(store.commit(Arc::unwrap_or_clone(request(4, None).unit)).unwrap().seq, 3);
}

#[test]
fn a_batch_that_is_taken_back_was_not_done_and_one_that_cannot_be_may_have_been() {
    for cut_fails in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let mut desk = desk(directory.path());
        let faults = desk.journal.faults();
        faults.write.store(true, SeqCst);
        faults.sync.store(cut_fails, SeqCst);
        let answer = desk.serve(&[request(1, None)]).remove(0);
        match cut_fails {
            false => assert!(matches!(answer, Err(StoreError::Full(_))), "{answer:?}"),
            true => assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}"),
        }
        assert_eq!(desk.stopped.get().is_some(), cut_fails);
        drop(desk);
        // Half of a frame is none.
        let store = opened(directory.path());
        assert_eq!((store.head(), store.outcome(UnitId([1; 16])).unwrap()), (0, None));
        assert_eq!(store.commit(Arc::unwrap_or_clone(request(2, None).unit)).unwrap().seq, 1);
    }
}

#[test]
fn a_segment_whose_name_may_not_stay_takes_no_frame() {
    let directory = tempfile::tempdir().unwrap();
    let mut desk = desk(directory.path());
    assert!(desk.serve(&[request(1, None)])[0].is_ok());
    // Too long for what is left of the segment.
    let long = |id| {
        let mut unit = Arc::unwrap_or_clone(request(id, None).unit);
        unit.writes[0].2 = Some(vec![id; 1 << 16]);
        Request { payload: payload::encode(&unit).unwrap(), unit: Arc::new(unit), turn: sync_channel(1).0 }
    };
    fail_directory_syncs(true);
    let answer = desk.serve(&[long(2)]).remove(0);
    fail_directory_syncs(false);
    assert!(matches!(&answer, Err(StoreError::ReadOnly(why)) if why.contains("check the disk")), "{answer:?}");
    assert!(matches!(desk.serve(&[request(3, None)])[0], Err(StoreError::ReadOnly(_))));
    drop(desk);

    // With the name or, after a power cut, without.
    let second = directory.path().join("journal").join(crate::audit::frame::segment_name(2));
    assert!(second.exists());
    for gone in [false, true] {
        if gone {
            std::fs::remove_file(&second).unwrap();
        }
        let store = opened(directory.path());
        assert_eq!((store.head(), store.outcome(UnitId([2; 16])).unwrap()), (1, None));
        assert!(store.verify().unwrap().damage.is_empty());
    }
    let store = opened(directory.path());
    assert_eq!(store.commit(Arc::unwrap_or_clone(long(2).unit)).unwrap().seq, 2);
    assert!(store.verify().unwrap().damage.is_empty());
}

#[test]
fn a_short_write_leaves_no_trace_and_work_goes_on_when_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let mut desk = desk(directory.path());
    let faults = desk.journal.faults();
    assert!(desk.serve(&[request(1, None)])[0].is_ok());

    faults.write.store(true, SeqCst);
    let answers = desk.serve(&[request(2, None), request(1, None)]);
    assert!(matches!(answers[0], Err(StoreError::Full(_))), "{answers:?}");
    assert!(matches!(answers[1], Ok(Receipt { seq: 1, replayed: true, .. })), "{answers:?}");
    faults.write.store(false, SeqCst);
    let verify = || super::super::verify_offline(directory.path(), None).unwrap();
    assert_eq!((verify().frames, verify().damage), (1, Vec::new()));
    let answers = desk.serve(&[request(3, Some(Expect::At(1)))]);
    assert!(matches!(answers[0], Ok(Receipt { seq: 2, replayed: false, .. })), "{answers:?}");
    assert_eq!((verify().frames, verify().damage), (2, Vec::new()));
}

#[test]
fn below_the_floor_work_is_refused_and_what_was_done_is_still_answered() {
    let directory = tempfile::tempdir().unwrap();
    let mut desk = desk(directory.path());
    assert!(desk.serve(&[request(1, None)])[0].is_ok());
    desk.floor = u64::MAX;
    let answers = desk.serve(&[request(1, None), request(2, None)]);
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(StoreError::Full(_))));
    desk.floor = 0;
    assert!(desk.serve(&[request(2, None)])[0].is_ok());
}

#[test]
fn ballast_is_let_go_before_work_is_refused_and_set_aside_again_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let ballast = directory.path().join("ballast");
    let mut desk = desk(directory.path());
    desk.ballast = Ballast::set_aside(directory.path(), 1 << 20, 0);
    assert_eq!(std::fs::metadata(&ballast).unwrap().len(), 1 << 20);
    let faults = desk.journal.faults();
    faults.write.store(true, SeqCst);
    // This disk stays full, ballast or not.
    assert!(matches!(desk.serve(&[request(1, None)])[0], Err(StoreError::Full(_))));
    assert!(!ballast.exists());
    faults.write.store(false, SeqCst);
    assert!(desk.serve(&[request(1, None)])[0].is_ok());
    Ballast::set_aside(directory.path(), 1 << 20, u64::MAX / 4);
    assert!(!ballast.exists(), "there is no room for it");
}

#[test]
fn a_unit_twice_in_one_batch_takes_effect_once_and_units_of_a_batch_see_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut desk = desk(directory.path());
    let answers = desk.serve(&[
        request(1, Some(Expect::Absent)),
        request(1, Some(Expect::Absent)),
        request(2, Some(Expect::Absent)),
        request(3, Some(Expect::At(1))),
    ]);
    assert!(matches!(answers[0], Ok(Receipt { seq: 1, replayed: false, .. })));
    assert!(matches!(answers[1], Ok(Receipt { seq: 1, replayed: true, .. })));
    assert!(matches!(answers[2], Err(StoreError::Conflict(Table::Entry, _))));
    assert!(matches!(answers[3], Ok(Receipt { seq: 2, replayed: false, .. })));
    assert_eq!(desk.view.get(Table::Entry, b"key").unwrap().unwrap().value, [3; 300]);
}
