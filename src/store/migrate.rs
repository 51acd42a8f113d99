//! A new view from the journal in place of the one that is there, compared with it, while nobody uses the store: the
//! way to a new form of the view. The journal is never rewritten.
//!
//! Whatever a kill leaves behind is a view that is there whole, or none, which the next start makes anew, and
//! perhaps a folder that the next start takes away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::backup::sums_of;
use super::embedded::EmbeddedStore;
use super::journal::{Index, sync_directory};
use super::master::Master;
use super::opening::{Options, Pace, make as make_view};
use super::seal::Sealer;
use super::sled::View;
use super::{Store, StoreError};

const NEW: &str = "view.new";
const OLD: &str = "view.old";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Frames of the journal.
    pub frames: u64,
    /// Rows of the view.
    pub rows: u64,
    /// Tables in which the view that was there differed from the journal, by name.
    pub differed: Vec<String>,
    /// Bytes of the view that was there, and of the new one.
    pub bytes: (u64, u64),
}

/// Makes the view of the store in `directory` anew, compares it with the one that is there, table by table, and
/// puts it in its place. The old one is kept as `view.old`.
///
/// # Errors
/// As [`EmbeddedStore::open`]; the view that was there is in its place then.
pub fn migrate(directory: &Path, options: &Options, master: &Master) -> Result<Migrated, StoreError> {
    let alone = Options { shrink_every: Duration::MAX, ..options.clone() };
    let (store, _) = EmbeddedStore::open(directory, &alone, master)?;
    let new = make(directory, &store.index(), &store.sealer(), options.cache_bytes)?;
    let before = sums_of(&|table, after, limit| store.scan(table, &[], after, limit))?;
    let after = sums_of(&|table, after, limit| {
        new.scan(table, &[], after, limit).map_err(|why| super::embedded::damaged_view(&why))
    })?;
    let differ = before.iter().zip(&after).filter(|(before, after)| before != after);
    let frames = store.head();
    let rows = after.iter().map(|sum| sum.rows).sum();
    let differed = differ.map(|(sum, _)| sum.name()).collect();
    // Nobody else gets in between.
    let _lock = store.lock();
    drop((store, new));
    let before = size(&directory.join("view"));
    swap(directory).map_err(|why| cannot(directory, &why))?;
    Ok(Migrated { frames, rows, differed, bytes: (before, size(&directory.join("view"))) })
}

/// Makes a view of the whole journal beside the one that is there, and reads it again.
fn make(directory: &Path, journal: &Index, sealer: &Arc<Sealer>, cache_bytes: u64) -> Result<View, StoreError> {
    clear(directory).map_err(|why| cannot(directory, &why))?;
    let broken =
        |why: String| StoreError::Unavailable(format!("cannot make a new view in {}: {why}", directory.display()));
    let made = make_view(&directory.join(NEW), journal, sealer, cache_bytes, Pace::AtFirst, &|| true)?;
    let view = made.ok_or_else(|| broken("it was broken off".to_owned()))?;
    view.check().map_err(broken)?;
    Ok(view)
}

/// Puts the new view in the place of the old one, which is kept.
fn swap(directory: &Path) -> io::Result<()> {
    let (view, new, old) = (directory.join("view"), directory.join(NEW), directory.join(OLD));
    remove(&old)?;
    match renameat_with(CWD, &view, CWD, &new, RenameFlags::EXCHANGE) {
        Ok(()) => fs::rename(&new, &old)?,
        // A file system that cannot exchange: between the two steps there is no view, and that is no harm.
        Err(_) => {
            fs::rename(&view, &old)?;
            fs::rename(&new, &view)?;
        }
    }
    sync_directory(directory)
}

/// Takes away what an interrupted migration left behind.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    remove(&directory.join(NEW))
}

pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

/// The bytes of all files in a folder.
pub(super) fn size(folder: &Path) -> u64 {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut sum = 0;
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).into_iter().flatten().flatten() {
            match file.metadata() {
                Ok(found) if found.is_dir() => folders.push(file.path()),
                Ok(found) => sum += found.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

fn cannot(directory: &Path, why: &io::Error) -> StoreError {
    match why.kind() {
        io::ErrorKind::StorageFull => StoreError::Full(directory.display().to_string()),
        _ => StoreError::Unavailable(format!("cannot put a new view in its place in {}: {why}", directory.display())),
    }
}
