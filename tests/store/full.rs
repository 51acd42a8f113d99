//! A disk that runs full, and units that are too big or say nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anteroom::store::{EmbeddedStore, Options, Store, StoreError, Table};

use crate::kit::{assert_holds, decision, filled, master, open, options, put, skipped, unit};

/// A small file system in memory, unmounted when dropped. `None` where we may not mount one.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skipped("a small file system can only be mounted as root");
        }
        mounted.then_some(Self { directory })
    }

    fn grow(&self, size: &str) {
        let grown = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(self.path()).status();
        assert!(grown.unwrap().success());
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_work_loses_nothing_and_goes_on_when_there_is_space() {
    // What is freed has room for another view beside the one that met the full disk.
    let Some(disk) = SmallDisk::mount("24m") else { return };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 16 << 20]).unwrap();
    let directory = disk.path().join("store");
    let (store, _) = open(&directory);
    let mut units = Vec::new();
    let refusal = (1..)
        .find_map(|number| {
            let unit = put(number, "key", &vec![number as u8; 6000]);
            match store.commit(unit.clone()) {
                Ok(_) => {
                    units.push(unit);
                    None
                }
                Err(refusal) => Some(refusal),
            }
        })
        .unwrap();
    assert!(matches!(refusal, StoreError::Full(_) | StoreError::ReadOnly(_)), "{refusal}");
    assert_eq!(store.get(Table::Entry, b"key").unwrap().unwrap().value.len(), 6000);
    drop(store);

    // Here the view may have met the full disk first, and then one unit was neither acknowledged nor lost.
    fs::remove_file(&ballast).unwrap();
    let (store, opened) = open(&directory);
    let unsure = opened.frames - units.len() as u64;
    assert!(unsure <= 1);
    if unsure == 1 {
        units.push(store.log(opened.frames, 1).unwrap().remove(0).unit);
    }
    let next = put(1_000_000, "key", b"goes on");
    store.commit(next.clone()).unwrap();
    units.push(next);
    assert_holds(&store, &units);
}

#[test]
fn the_floor_keeps_space_free() {
    let Some(disk) = SmallDisk::mount("12m") else { return };
    let directory = disk.path().join("store");
    let with_floor = Options { floor_bytes: 4 << 20, ..options() };
    let (store, _) = EmbeddedStore::open(&directory, &with_floor, &master()).unwrap();
    let refusal = (1..).find_map(|number| store.commit(put(number, "key", &vec![number as u8; 6000])).err()).unwrap();
    assert!(matches!(refusal, StoreError::Full(_)), "{refusal}");
    assert!(refusal.to_string().contains("free some space"), "{refusal}");
    assert!(store.space().unwrap().free > 3 << 20);
    drop(store);
    let (store, _) = EmbeddedStore::open(&directory, &Options { floor_bytes: 0, ..options() }, &master()).unwrap();
    store.commit(put(1_000_000, "key", b"there is room below the floor")).unwrap();
}

#[test]
fn a_view_is_not_thrown_away_while_there_is_no_space_for_another() {
    let Some(disk) = SmallDisk::mount("12m") else { return };
    let directory = disk.path().join("store");
    let units = filled(&directory, 10);
    fs::write(directory.join("view/db"), b"damaged").unwrap();
    let with_floor = Options { floor_bytes: 64 << 20, ..options() };
    for _ in 0..3 {
        assert!(matches!(EmbeddedStore::open(&directory, &with_floor, &master()), Err(StoreError::Full(_))));
    }
    assert!(!directory.join("view.bad.1").exists());
    let (store, opened) = open(&directory);
    assert!(opened.view_rebuilt.is_some());
    assert_holds(&store, &units);
}

#[test]
fn a_store_on_a_disk_without_any_space_can_still_be_read() {
    let Some(disk) = SmallDisk::mount("12m") else { return };
    let directory = disk.path().join("store");
    let units = filled(&directory, 10);
    let ballast = disk.path().join("ballast");
    let _ = fs::write(&ballast, vec![1; 12 << 20]);
    match EmbeddedStore::open(&directory, &Options { floor_bytes: 1 << 20, ..options() }, &master()) {
        Ok((store, _)) => {
            assert_holds(&store, &units);
            assert!(matches!(store.commit(put(99, "key", b"value")), Err(StoreError::Full(_))));
        }
        // sled may refuse to open when it cannot write; nothing may be lost by that.
        Err(refusal) => assert!(matches!(refusal, StoreError::Full(_)), "{refusal}"),
    }
    fs::remove_file(&ballast).unwrap();
    let (store, opened) = open(&directory);
    assert_eq!((opened.created, opened.tail_cut), (false, None));
    assert_holds(&store, &units);
}

#[test]
fn a_disk_that_is_full_at_any_step_loses_nothing_and_goes_on_when_it_grows() {
    let mut reached = 0;
    for kib in (8..1400).step_by(48) {
        let Some(disk) = SmallDisk::mount(&format!("{kib}k")) else { return };
        let directory = disk.path().join("store");
        let mut units = Vec::new();
        if let Ok((store, _)) = EmbeddedStore::open(&directory, &options(), &master()) {
            units.extend((1..1000).map(decision).take_while(|unit| store.commit(unit.clone()).is_ok()));
        }
        reached = reached.max(units.len());
        disk.grow("32m");
        let (store, opened) = open(&directory);
        // One more may be in the journal that was never acknowledged.
        let unsure = opened.frames - units.len() as u64;
        assert!(unsure <= 1, "{kib} KiB");
        units.extend(store.log(units.len() as u64 + 1, 1).unwrap().into_iter().map(|frame| frame.unit));
        let next = put(1_000_000, "key", b"goes on");
        store.commit(next.clone()).unwrap();
        units.push(next);
        assert_holds(&store, &units);
    }
    assert!(reached > 20, "the disks were too small for {reached} units to show anything");
}

#[test]
fn a_unit_that_is_too_big_or_says_nothing_is_refused_before_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let mut silent = put(1, "key", b"value");
    silent.audit.clear();
    let many = unit(2, (0..20_001u16).map(|row| (Table::Entry, row.to_be_bytes().to_vec(), None)).collect());
    let long_key = put(3, &"k".repeat(1025), b"value");
    let big = put(4, "key", &vec![0; 9 << 20]);
    for refused in [silent, many, long_key, big] {
        assert!(matches!(store.commit(refused), Err(StoreError::Unacceptable(_))));
    }
    // The biggest that is taken is bigger than a segment, and than a sled batch.
    let biggest = put(5, &"k".repeat(1024), &vec![7; (8 << 20) - 2000]);
    store.commit(biggest.clone()).unwrap();
    drop(store);
    assert_holds(&open(directory.path()).0, &[biggest]);
}
