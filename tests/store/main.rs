//! The embedded store, through its public door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backup;
mod concurrent;
mod damage;
mod full;
mod history;
mod kit;
mod migrate;
mod model;
mod sealed;
mod shrink;

use anteroom::store::{EmbeddedStore, Expect, Opened, Store, StoreError, Table, verify_offline};

use crate::kit::{id, master, open, options, put};

#[test]
fn commits_reads_scans_logs_and_opens_again() {
    let directory = tempfile::tempdir().unwrap();
    let (store, opened) = open(directory.path());
    assert!(opened.created);
    let first = store.commit(put(1, "a1", b"one")).unwrap();
    assert_eq!((first.seq, first.replayed), (1, false));
    let mut second = put(2, "a2", b"two");
    second.writes.push((Table::Staff, b"q".to_vec(), Some(vec![7; 100_000])));
    second.pre.push((Table::Entry, b"a1".to_vec(), Expect::At(1)));
    store.commit(second.clone()).unwrap();
    let mut late = put(3, "a1", b"late");
    late.pre.push((Table::Entry, b"a1".to_vec(), Expect::Absent));
    assert!(matches!(store.commit(late), Err(StoreError::Conflict(Table::Entry, key)) if key == b"a1"));
    drop(store);

    let (store, opened) = open(directory.path());
    assert_eq!(opened, Opened { frames: 2, ..Opened::default() });
    assert_eq!(store.get(Table::Entry, b"a1").unwrap().unwrap().value, b"one");
    assert_eq!(store.get(Table::Staff, b"q").unwrap().unwrap().value, vec![7; 100_000]);
    assert_eq!(store.get(Table::Staff, b"a1").unwrap(), None);
    let rows = store.scan(Table::Entry, b"a", Some(b"a1"), 10).unwrap();
    assert_eq!(rows.iter().map(|(key, row)| (key.as_slice(), row.seq)).collect::<Vec<_>>(), [(b"a2".as_slice(), 2)]);
    let log = store.log(1, 10).unwrap();
    assert_eq!(log.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(log[1].unit, second);
    assert_eq!(log[1].previous, log[0].digest);
    assert_eq!(log[0].digest, first.leaf);
    let again = store.commit(put(1, "a1", b"other")).unwrap();
    assert_eq!((again.seq, again.leaf, again.replayed), (1, first.leaf, true));
    assert_eq!(store.outcome(id(1)).unwrap(), Some(again));
    assert_eq!(store.outcome(id(3)).unwrap(), None);
    let report = store.verify().unwrap();
    assert_eq!((report.frames, report.damage.as_slice()), (2, [].as_slice()));
    assert_eq!(verify_offline(directory.path(), Some(&master())).unwrap(), report);
}

#[test]
fn a_second_opener_is_told_who_has_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let _store = open(directory.path());
    let refused = EmbeddedStore::open(directory.path(), &options(), &master()).unwrap_err().to_string();
    assert!(refused.contains(&format!("already open by process {}", std::process::id())), "{refused}");
}
