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
//! panics). See `store/mod.rs`.

mod apply;
mod count;
mod fresh;

use std::cmp::Ordering;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, IVec};

use self::apply::Head;
use self::count::{Counted, Totals};
use self::fresh::Fresh;
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
const CACHE_BYTES: u64 = 128 << 20;
/// Units that are put into sled together, bytes.
const TOGETHER: usize = 4 << 20;
/// Units that may wait to be put into sled, bytes; beyond it whoever shows one more puts some in first.
const WAITING: usize = 32 << 20;
/// A file in the view that says that it was found damaged while it was in use.
const DAMAGED: &str = "damaged";

/// The view, open.
#[derive(Debug)]
pub struct View {
    rows: Db,
    sealer: Arc<Sealer>,
    /// Held for reading by every reader, so that it sees whole units only: nothing that a reader may look up
    /// in sled is changed there, because what is being changed stands here.
    fresh: RwLock<Fresh>,
    /// Who is to be woken when something is shown.
    sleeper: Mutex<Option<thread::Thread>>,
    /// Held by whoever changes sled, or counts its rows.
    state: Mutex<State>,
    /// Held by whoever counts.
    counting: Mutex<()>,
    /// Why nothing here can be trusted any more.
    damaged: OnceLock<String>,
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
    fn bytes(&self) -> usize {
        let row = |(_, key, value): &super::Write| 200 + 2 * key.len() + value.as_ref().map_or(0, Vec::len);
        500 + self.unit.writes.iter().map(row).sum::<usize>()
    }
}

impl View {
    /// Opens the view in `directory`, or makes an empty one. May panic or hang on damaged files: see
    /// [`guarded`].
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn open(directory: &Path, sealer: &Arc<Sealer>) -> Result<Self, String> {
        let new = !directory.exists();
        if let Ok(why) = fs::read_to_string(directory.join(DAMAGED)) {
            return Err(why);
        }
        remove_unfinished_snapshots(directory)?;
        let config = Config::new().path(directory).cache_capacity(CACHE_BYTES);
        let deadline = Instant::now() + LOCK_WAIT;
        let rows = loop {
            match config.open() {
                Ok(rows) => break rows,
                Err(why) if why.to_string().contains("could not acquire lock") && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(why) => return Err(format!("sled could not open it ({why})")),
            }
        };
        let applied = match rows.get([APPLIED]).map_err(|why| broken(&why))? {
            Some(row) => Applied::read(&row, sealer).ok_or("its record of progress is damaged")?,
            None if new => Applied { seq: 0, digest: NO_FRAME, totals: Totals::default() },
            None => return Err("it is empty".to_owned()),
        };
        let view = Self {
            rows,
            sealer: Arc::clone(sealer),
            fresh: RwLock::default(),
            sleeper: Mutex::default(),
            state: Mutex::new(State { applied, counted: None }),
            counting: Mutex::new(()),
            damaged: OnceLock::new(),
            directory: directory.to_owned(),
        };
        if new {
            view.apply(&[])?;
        }
        Ok(view)
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
        *state = caught(|| apply::apply(&self.rows, &self.sealer, state.clone(), steps))?;
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
        *state = caught(|| apply::apply(&self.rows, &self.sealer, state.clone(), &steps))?;
        self.fresh.write().unwrap_or_else(PoisonError::into_inner).forget(steps.len());
        Ok(true)
    }

    /// The value under a key.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, String> {
        let fresh = self.fresh();
        self.trusted(|| match fresh.row(&row_key(table as u8, key)) {
            Some(newest) => Ok(newest.versioned()),
            None => self.value(table as u8, key),
        })
    }

    /// The sequence number of the unit that wrote a row.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn seq_of(&self, table: Table, key: &[u8]) -> Result<Option<u64>, String> {
        Ok(self.get(table, key)?.map(|versioned| versioned.seq))
    }

    /// The place and the digest of a unit's frame.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn unit(&self, id: UnitId) -> Result<Option<(u64, Digest)>, String> {
        let fresh = self.fresh();
        self.trusted(|| {
            if let Some(found) = fresh.unit(id) {
                return Ok(Some(found));
            }
            let Some(row) = self.value(UNITS, &id.0)? else { return Ok(None) };
            let digest = row.value.try_into().map_err(|_| damaged_row())?;
            Ok(Some((row.seq, digest)))
        })
    }

    /// Rows in key order; see [`super::Store::scan`].
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn scan(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, String> {
        let fresh = self.fresh();
        self.trusted(|| {
            let prefix = row_key(table as u8, prefix);
            let from = after.map_or_else(Vec::new, |after| behind(&row_key(table as u8, after))).max(prefix.clone());
            let mut older = self.rows.range(from.clone()..).take_while(within(&prefix)).peekable();
            let mut newer = fresh.rows_from(from).take_while(|(name, _)| name.starts_with(&prefix)).peekable();
            let mut rows = Vec::new();
            while rows.len() < limit {
                let order = match (older.peek(), newer.peek()) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(Ok((old, _))), Some((new, _))) => old.as_ref().cmp(new.as_slice()),
                    (Some(Err(why)), _) => return Err(broken(why)),
                };
                let older = if order.is_le() { older.next() } else { None };
                let newer = if order.is_ge() { newer.next() } else { None };
                let row = match (older, newer) {
                    (_, Some((name, newest))) => {
                        newest.versioned().map(|row| (name.get(1..).unwrap_or_default().to_vec(), row))
                    }
                    (Some(older), None) => {
                        let (name, head) = older.map_err(|why| broken(&why))?;
                        let key = name.get(1..).unwrap_or_default();
                        Some((key.to_vec(), self.open_row(table as u8, key, &head)?))
                    }
                    (None, None) => None,
                };
                rows.extend(row);
            }
            Ok(rows)
        })
    }

    fn fresh(&self) -> RwLockReadGuard<'_, Fresh> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, unless something was found damaged before. What fails once is not asked again: a missing or
    /// an old row could show what should not be shown.
    fn trusted<T>(&self, read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        if let Some(why) = self.damaged.get() {
            return Err(why.clone());
        }
        caught(read).inspect_err(|why| {
            let _ = self.damaged.set(why.clone());
            // If it cannot be written, the next check finds the damage again.
            let _ = fs::write(self.directory.join(DAMAGED), why);
        })
    }

    /// Hands what sled still holds in memory to the operating system. Makes nothing durable.
    pub fn hand_over(&self) {
        let _ = caught(|| self.rows.flush().map_err(|why| broken(&why)));
    }

    fn value(&self, table: u8, key: &[u8]) -> Result<Option<Versioned>, String> {
        let Some(head) = self.rows.get(row_key(table, key)).map_err(|why| broken(&why))? else { return Ok(None) };
        self.open_row(table, key, &head).map(Some)
    }

    fn open_row(&self, table: u8, key: &[u8], head: &[u8]) -> Result<Versioned, String> {
        let (pieces, first) = head.split_first_chunk().ok_or_else(damaged_row)?;
        let whole;
        let sealed = match u16::from_le_bytes(*pieces) {
            0 => first,
            pieces => {
                let mut joined = first.to_vec();
                for piece in 0..pieces {
                    let found = self.rows.get(piece_key(table, key, piece)).map_err(|why| broken(&why))?;
                    joined.extend_from_slice(&found.ok_or_else(damaged_row)?);
                }
                whole = joined;
                &whole
            }
        };
        let (seq, value) = self.sealer.unseal(table, key, sealed).ok_or_else(damaged_row)?;
        Ok(Versioned { seq, value })
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

/// Runs `work` in a thread of its own, because sled panics or hangs on files that are damaged. A thread
/// that hangs is left to itself.
///
/// # Errors
/// What `work` answers, or that it panicked or took longer than `limit`.
pub fn guarded<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("store-view".to_owned())
        .spawn(move || answer.send(caught(work)))
        .map_err(|why| format!("no thread could be started for it ({why})"))?;
    answered
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(format!("sled did not answer within {} seconds", limit.as_secs())))
}

/// Moves sled's snapshots aside: it then reads its log from the start. Answers whether there were any.
pub fn set_snapshots_aside(directory: &Path) -> bool {
    let Ok(files) = fs::read_dir(directory) else { return false };
    let mut any = false;
    for file in files.flatten() {
        let name = file.file_name();
        if let Some(name) = name.to_str().filter(|name| name.starts_with("snap.")) {
            any |= fs::rename(file.path(), directory.join(format!("unused.{name}"))).is_ok();
        }
    }
    any
}

/// An unfinished snapshot, left behind by a full disk, makes sled refuse to open for good.
fn remove_unfinished_snapshots(directory: &Path) -> Result<(), String> {
    let Ok(files) = fs::read_dir(directory) else { return Ok(()) };
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(|why| format!("{} cannot be removed ({why})", path.display()))?;
        }
    }
    Ok(())
}

fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("sled failed on its files".to_owned()))
}

fn broken(why: &::sled::Error) -> String {
    format!("sled could not read or write it ({why})")
}

fn damaged_row() -> String {
    "a row in it is damaged".to_owned()
}

fn row_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[table], key].concat()
}

/// Whether a row's name begins with `prefix`; what cannot be read is handed on.
fn within(prefix: &[u8]) -> impl Fn(&::sled::Result<(IVec, IVec)>) -> bool {
    move |row| row.as_ref().map_or(true, |(name, _)| name.starts_with(prefix))
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
