//! The compaction that sled lacks: a view that takes many times the space of what it holds is made anew from the
//! journal, beside the one that serves, and then serves in its place. Whoever reads or decides meanwhile goes on.
//!
//! sled goes on writing under the name with which it opened its folder, so an open view's folder keeps its name: the
//! new one stands in `view.beside`, and the next start, before anything is open, calls it `view`. A kill at any time
//! leaves a whole view, whose record of progress says what is still to be put into it from the journal, or none, and
//! folders that the next start takes away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::journal::{Index, sync_directory};
use super::migrate::{remove, size};
use super::opening::{Pace, make, replay};
use super::seal::Sealer;
use super::sled::{UNFINISHED, View};
use super::{StoreError, space_of};

/// Where the view stands, and where one that was made while that one was open.
pub const VIEW: &str = "view";
const BESIDE: &str = "view.beside";
/// One that no longer serves, on its way to nothing.
const GONE: &str = "view.gone";
/// How many times what it holds a view may take, and the bytes below which nobody asks.
const BLOATED: u64 = 5;
const BLOATED_FROM: u64 = 64 << 20;
/// How often what came meanwhile is put into a new view before it serves.
const CATCHING_UP: usize = 5;

/// What is made smaller.
#[derive(Debug, Clone)]
pub struct Shrinking {
    /// The view that serves.
    pub view: Arc<View>,
    /// What it is made from.
    pub journal: Arc<Index>,
    /// The store's directory.
    pub directory: PathBuf,
    /// What it is sealed with.
    pub sealer: Arc<Sealer>,
    /// What sled may keep in memory, bytes.
    pub cache_bytes: u64,
    /// Free space that must stay, bytes.
    pub floor_bytes: u64,
    /// Why a view that has grown too big is still there.
    pub trouble: Arc<Mutex<Option<String>>>,
}

impl Shrinking {
    /// Makes the view anew if it has grown too big. Breaks off when `go_on`, asked now and then, says so; asking may
    /// take its time.
    pub fn look(&self, go_on: &dyn Fn() -> bool) {
        let held = self.view.applied().bytes();
        let takes = size(&self.view.directory());
        let trouble = match takes > BLOATED_FROM && takes / BLOATED > held && self.view.damage().is_none() {
            true => self.make_anew(takes, go_on).err().map(|why| {
                format!("the view takes {} MB for {} MB of rows: {why}", takes >> 20, held.div_ceil(1 << 20))
            }),
            false => None,
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn make_anew(&self, takes: u64, go_on: &dyn Fn() -> bool) -> Result<(), String> {
        let free = space_of(&self.directory)?.free;
        if free < takes + self.floor_bytes {
            return Err(format!(
                "{} MB are free, and {} are needed to make it anew: free some space",
                free >> 20,
                (takes + self.floor_bytes) >> 20
            ));
        }
        let [one, other] = [VIEW, BESIDE].map(|name| self.directory.join(name));
        let folder = if self.view.directory() == one { other } else { one };
        let made = self.make(&folder, go_on).and_then(|new| match new {
            Some(new) => self.view.go_on_with(new, &|new, least| self.bring(new, least)),
            None => Ok(folder.clone()),
        });
        let failed = |why: String| format!("it could not be made anew ({why}), and is tried again in a while");
        match made {
            Ok(old) => self.forget(&old).map_err(|why| failed(why.to_string())),
            Err(why) => {
                // If it stays, the next one or the next start takes it away.
                let _ = self.forget(&folder);
                Err(failed(why))
            }
        }
    }

    /// Makes a view of all of the journal, up to where it ends by now; `None` if it was broken off.
    fn make(&self, folder: &Path, go_on: &dyn Fn() -> bool) -> Result<Option<View>, String> {
        remove(folder).map_err(|why| why.to_string())?;
        let text = |why: StoreError| why.to_string();
        let made =
            make(folder, &self.journal, &self.sealer, self.cache_bytes, Pace::BesideWork, go_on).map_err(text)?;
        let Some(view) = made else { return Ok(None) };
        let mut counting = view.count();
        while go_on() && !counting.go_on()? {}
        drop(counting);
        // What comes meanwhile: the less is left, the less gathers in memory while the rest is put in.
        let fill = || replay(&view, &self.journal, self.journal.end().0, Pace::BesideWork, go_on).map_err(text);
        (0..CATCHING_UP).try_for_each(|_| fill())?;
        Ok(go_on().then_some(view))
    }

    fn bring(&self, view: &View, least: u64) -> Result<(), String> {
        let bring = || {
            self.journal.wait_for(least).and_then(|()| replay(view, &self.journal, least, Pace::BesideWork, &|| true))
        };
        bring().map_err(|why| why.to_string())
    }

    /// Takes a view away that nobody has open.
    fn forget(&self, folder: &Path) -> io::Result<()> {
        let gone = self.directory.join(GONE);
        remove(&gone)?;
        match fs::rename(folder, &gone) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
        remove(&gone)
    }
}

/// Leaves one view, in its place, of those that a kill may have left. Nothing may be open.
///
/// # Errors
/// When a folder cannot be moved or taken away.
pub fn settle(directory: &Path) -> io::Result<()> {
    let [view, beside, gone] = [VIEW, BESIDE, GONE].map(|name| directory.join(name));
    remove(&gone)?;
    for folder in [&view, &beside] {
        if folder.join(UNFINISHED).exists() {
            remove(folder)?;
        }
    }
    if !beside.exists() {
        return Ok(());
    }
    if view.exists() {
        return remove(&beside);
    }
    fs::rename(&beside, &view)?;
    sync_directory(directory)
}
