//! The view: what is queried, in sled, the only file that names it. Everything here can be made again
//! from the journal, so a view that gives any cause for doubt is set aside and made anew.
//!
//! One tree holds all tables; a key in it is the table's number and the row's key, so that one sled batch
//! changes rows of several tables together. Beside the tables stand the journal's units by id, the further
//! pieces of long values, and one row that says up to which frame the view has come, how many rows it
//! must have and what their checksums add up to.
//!
//! What sled 0.34.7 must never be asked: `flush_async` (hangs), to make anything durable (`flush` does not
//! sync), a value over 128 KiB (goes to a file of its own that leaks), a panic-free `open` (a flipped bit
//! panics). All its rules: `store/mod.rs`.

mod apply;
mod count;
mod damaged;
mod fresh;
mod making;
mod moment;
mod read;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, Error, IVec};

use self::apply::Head;
use self::count::{Counted, Totals};
use self::damaged::{caught, remove_unfinished_snapshots};
pub use self::damaged::{guarded, set_snapshots_aside};
use self::fresh::Fresh;
pub use self::making::{UNFINISHED, Unfinished};
use self::moment::Moment;
use super::seal::{Checksum, Sealer, peek};
use super::{Row, Table, Unit, UnitId, Versioned};
use crate::audit::frame::{Digest, NO_FRAME};

/// The row that says how far the view has come. Below every table's number.
const APPLIED: u8 = 0;
/// Units by id. Above every table's number.
const UNITS: u8 = 0xfd;
/// Further pieces of long values.
const PIECES: u8 = 0xfe;
/// sled keeps the lock on its file for a moment after it is dropped.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// Units that are put into sled together, bytes: the more, the more rows of one of sled's pages change at a time.
const TOGETHER: usize = 8 << 20;
/// Between two times that sled syncs its file, for less to be made anew after a power cut. Whoever waits for a sync of
/// the journal waits for this too.
const SYNC_MILLISECONDS: u64 = 2_000;
/// Units that may wait to be put into sled, bytes; beyond it whoever shows one more puts some in first.
const WAITING: usize = 16 << 20;
/// A file in the view that says that it was found damaged while it was in use.
const DAMAGED: &str = "damaged";

/// The view, open.
#[derive(Debug)]
pub struct View {
    /// Where the rows are; elsewhere when the view was made anew. Taken after `fresh` and `state`.
    files: RwLock<Files>,
    sealer: Arc<Sealer>,
    /// Held for reading by every reader, so that it sees whole units only: nothing that a reader may look up
    /// in sled is changed there, because what is being changed stands here.
    fresh: RwLock<Fresh>,
    /// Who is to be woken when something is shown.
    sleeper: Mutex<Option<thread::Thread>>,
    /// Held by whoever changes sled, or counts its rows.
    state: Mutex<State>,
    /// Rows as they were, for whoever reads the state after one unit while others change it. Taken after `state`.
    moment: Mutex<Option<Moment>>,
    /// Held by whoever reads all rows, and by whoever exchanges them.
    reading_all: Mutex<()>,
    /// Why nothing here can be trusted any more.
    damaged: OnceLock<String>,
    /// Whether every row was compared with what must be there since the view was opened, or made.
    checked: AtomicBool,
    /// Whether it was made by this program, so that no unit in it was ever applied in part.
    made_now: bool,
}

/// sled on its folder, which keeps its name for as long as it is open: sled makes new files in it by that name.
#[derive(Debug)]
struct Files {
    rows: Db,
    directory: PathBuf,
}

#[derive(Debug, Clone)]
struct State {
    applied: Applied,
    /// What [`count::Counting`] has found so far.
    counted: Option<Counted>,
}

impl State {
    /// One row goes and another comes.
    fn change(&mut self, name: &[u8], old: Option<Head>, new: Option<Head>) {
        let table = name.first().copied().unwrap_or_default();
        self.applied.totals.replace(table, old, new);
        if let Some(counted) = self.counted.as_mut().filter(|counted| name <= counted.upto.as_slice()) {
            counted.totals.replace(table, old, new);
        }
    }
}

/// How far a view has come and what it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The last frame that was applied whole, 0 for none.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
    /// What the rows that are there must come to.
    totals: Totals,
}

/// One frame to be applied.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place in the journal.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
    /// Its unit.
    pub unit: Arc<Unit>,
}

impl Step {
    /// About how much memory it takes, bytes.
    pub fn bytes(&self) -> usize {
        let row = |(_, key, value): &super::Write| 200 + 2 * key.len() + value.as_ref().map_or(0, Vec::len);
        500 + self.unit.writes.iter().map(row).sum::<usize>()
    }
}

impl View {
    /// Opens the view in `directory`, or makes an empty one; sled keeps about `cache_bytes` of it in memory. May panic or
    /// hang on damaged files: see [`guarded`].
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(directory: &Path, sealer: &Arc<Sealer>, cache_bytes: u64) -> Result<Self, String> {
        let new = !directory.exists();
        if let Ok(why) = fs::read_to_string(directory.join(DAMAGED)) {
            return Err(why);
        }
        remove_unfinished_snapshots(directory)?;
        let rows = open_rows(directory, cache_bytes)?;
        let applied = match rows.get([APPLIED]).map_err(|why| broken(&why))? {
            Some(row) => Applied::read(&row, sealer).ok_or("its record of progress is damaged")?,
            None if new => Applied { seq: 0, digest: NO_FRAME, totals: Totals::default() },
            None => return Err("it is empty".to_owned()),
        };
        let view = Self::of(rows, directory, sealer, applied, new);
        if new {
            view.apply(&[])?;
        }
        Ok(view)
    }

    fn of(rows: Db, directory: &Path, sealer: &Arc<Sealer>, applied: Applied, made_now: bool) -> Self {
        Self {
            files: RwLock::new(Files { rows, directory: directory.to_owned() }),
            sealer: Arc::clone(sealer),
            fresh: RwLock::default(),
            sleeper: Mutex::default(),
            state: Mutex::new(State { applied, counted: None }),
            moment: Mutex::default(),
            reading_all: Mutex::new(()),
            damaged: OnceLock::new(),
            checked: AtomicBool::new(made_now),
            made_now,
        }
    }

    /// How far what is in sled has come.
    pub fn applied(&self) -> Applied {
        self.changing().applied.clone()
    }

    /// Puts frames that follow [`Applied::seq`], which may have been applied before in part, into sled. For a
    /// view that nobody reads yet.
    ///
    /// # Errors
    /// Why the view cannot be used any more.
    pub fn apply(&self, steps: &[Step]) -> Result<(), String> {
        let mut state = self.changing();
        *state = self.put(&state, steps, self.made_now)?;
        Ok(())
    }

    /// Shows durable units to readers, all at once. Waits for those who are reading, and for sled only when
    /// it has fallen far behind.
    ///
    /// # Errors
    /// As [`View::apply_shown`]; the units were not shown then.
    pub fn show(&self, steps: Vec<Step>) -> Result<(), String> {
        while self.fresh().bytes() > WAITING {
            self.apply_shown()?;
        }
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        steps.into_iter().for_each(|step| fresh.add(step));
        drop(fresh);
        // Only who sleeps is woken: that takes longer than all the rest here.
        if let Some(sleeper) = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            sleeper.unpark();
        }
        Ok(())
    }

    /// Whether as much was shown and is not in sled yet as is put there together.
    pub fn has_enough(&self) -> bool {
        self.fresh().bytes() >= TOGETHER
    }

    /// Sleeps until something was shown that is not in sled, or the thread is unparked.
    pub fn wait_for_more(&self) {
        *self.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        if self.fresh().bytes() == 0 {
            thread::park();
        }
    }

    /// Puts some of the units that were shown into sled. Answers whether there were any. Readers do not
    /// wait for it.
    ///
    /// # Errors
    /// Why sled takes no more. What was shown is still read as it was shown.
    pub fn apply_shown(&self) -> Result<bool, String> {
        let mut state = self.changing();
        let steps = self.fresh().first(TOGETHER);
        if steps.is_empty() {
            return Ok(false);
        }
        // Who shows a unit has looked whether it was there before.
        *state = self.put(&state, &steps, true)?;
        self.fresh.write().unwrap_or_else(PoisonError::into_inner).forget(steps.len());
        Ok(true)
    }

    fn put(&self, state: &State, steps: &[Step], new_units: bool) -> Result<State, String> {
        let mut moment = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        caught(|| apply::apply(&self.rows(), &self.sealer, state.clone(), moment.as_mut(), steps, new_units))
    }

    /// Goes on with the rows of `new`, a whole view of the same journal, and answers the folder of those that were. `bring`
    /// brings it at least as far as the unit it is told. Who reads or shows units meanwhile waits for no file.
    ///
    /// # Errors
    /// Why it could not be brought so far; then nothing has changed.
    pub fn go_on_with(&self, new: Self, bring: &dyn Fn(&Self, u64) -> Result<(), String>) -> Result<PathBuf, String> {
        let _nobody_reads_all = self.reading_all.lock().unwrap_or_else(PoisonError::into_inner);
        // From here on nothing more is put into sled; what is shown gathers in memory.
        let mut state = self.changing();
        let upto = state.applied.seq;
        bring(&new, upto)?;
        let Self { files: new_files, state: new_state, .. } = new;
        let new_state = new_state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        // What was shown and stands in the new rows by now. Units are shown one after the other, without a gap.
        fresh.forget(new_state.applied.seq.saturating_sub(upto) as usize);
        *state = new_state;
        let Files { rows, directory } =
            std::mem::replace(&mut *files, new_files.into_inner().unwrap_or_else(PoisonError::into_inner));
        drop((files, fresh, state));
        self.checked.store(true, Ordering::Release);
        // sled panics when it is closed on a disk that is gone.
        let _ = caught(|| {
            drop(rows);
            Ok(())
        });
        Ok(directory)
    }

    /// Where it stands.
    pub fn directory(&self) -> PathBuf {
        self.files().directory.clone()
    }

    /// Whether every row was compared with what must be there.
    ///
    /// # Errors
    /// What is damaged.
    pub fn is_checked(&self) -> Result<bool, String> {
        self.damage().map_or_else(|| Ok(self.checked.load(Ordering::Acquire)), Err)
    }

    /// Why nothing here can be trusted any more, if so.
    pub fn damage(&self) -> Option<String> {
        self.damaged.get().cloned()
    }

    fn fresh(&self) -> RwLockReadGuard<'_, Fresh> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> Db {
        self.files().rows.clone()
    }

    fn changing(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what sled still holds in memory to the operating system. Makes nothing durable.
    pub fn hand_over(&self) {
        let _ = caught(|| self.rows().flush().map_err(|why| broken(&why)));
    }
}

impl Applied {
    /// How many rows the view holds.
    pub fn rows(&self) -> u64 {
        self.totals.rows()
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> u64 {
        self.totals.bytes()
    }

    fn read(row: &[u8], sealer: &Sealer) -> Option<Self> {
        let (seq, value) = sealer.unseal(APPLIED, &[], row)?;
        let (digest, rest) = value.split_first_chunk()?;
        Some(Self { seq, digest: *digest, totals: Totals::read(rest)? })
    }
}

/// Opens sled in `directory`, or makes it there.
fn open_rows(directory: &Path, cache_bytes: u64) -> Result<Db, String> {
    let config = Config::new().path(directory).cache_capacity(cache_bytes).flush_every_ms(Some(SYNC_MILLISECONDS));
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match config.open() {
            Ok(rows) => return Ok(rows),
            Err(why) if why.to_string().contains("could not acquire lock") && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(why) => return Err(format!("sled could not open it ({why})")),
        }
    }
}

fn broken(why: &Error) -> String {
    format!("sled could not read or write it ({why})")
}

fn damaged_row() -> String {
    "a row in it is damaged".to_owned()
}

fn row_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[table], key].concat()
}

/// The first key behind `name`.
fn behind(name: &[u8]) -> Vec<u8> {
    [name, &[0]].concat()
}

fn piece_key(table: u8, key: &[u8], piece: u16) -> Vec<u8> {
    [&[PIECES, table], (key.len() as u16).to_be_bytes().as_slice(), key, &piece.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
