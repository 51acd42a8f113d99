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

mod count;

use std::collections::HashMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, IVec};

use self::count::{Counted, Total};
use super::seal::{Checksum, Sealer, peek};
use super::{Row, Table, Unit, UnitId, Versioned};
use crate::audit::frame::{Digest, NO_FRAME};

/// The row that says how far the view has come. Below every table's number.
const APPLIED: u8 = 0;
/// Units by id. Above every table's number.
const UNITS: u8 = 0xfd;
/// Further pieces of long values.
const PIECES: u8 = 0xfe;
/// Longest value that sled is given, bytes.
const PIECE: usize = 16 * 1024;
/// Most changes and bytes in one sled batch: it is held in memory and in one of sled's segments.
const BATCH_WRITES: usize = 500;
const BATCH_BYTES: usize = 256 * 1024;
/// sled keeps the lock on its file for a moment after it is dropped.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const CACHE_BYTES: u64 = 128 << 20;
/// A file in the view that says that it was found damaged while it was in use.
const DAMAGED: &str = "damaged";

/// The view, open.
#[derive(Debug)]
pub struct View {
    rows: Db,
    sealer: Arc<Sealer>,
    /// Written while a batch is applied, so that a reader sees whole units only.
    state: RwLock<State>,
    /// Held by whoever counts.
    counting: Mutex<()>,
    /// Why nothing here can be trusted any more.
    damaged: OnceLock<String>,
    directory: PathBuf,
}

#[derive(Debug, Clone)]
struct State {
    applied: Applied,
    /// What [`Counting`] has found so far.
    counted: Option<Counted>,
}

/// How far a view has come and what it must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The last frame that was applied whole, 0 for none.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
    /// What the rows that are there must come to.
    total: Total,
}

/// One frame to be applied.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Its place in the journal.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
    /// Its unit.
    pub unit: &'a Unit,
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
            None if new => Applied { seq: 0, digest: NO_FRAME, total: Total::default() },
            None => return Err("it is empty".to_owned()),
        };
        let view = Self {
            rows,
            sealer: Arc::clone(sealer),
            state: RwLock::new(State { applied, counted: None }),
            counting: Mutex::new(()),
            damaged: OnceLock::new(),
            directory: directory.to_owned(),
        };
        if new {
            view.apply_together(&[])?;
        }
        Ok(view)
    }

    /// How far the view has come.
    pub fn applied(&self) -> Applied {
        self.shown().applied
    }

    /// Applies frames that follow [`Applied::seq`], which may have been applied before in part. Readers see
    /// whole units, and get their turn after every few hundred rows.
    ///
    /// # Errors
    /// Why the view cannot be used any more.
    pub fn apply(&self, mut steps: &[Step<'_>]) -> Result<(), String> {
        while !steps.is_empty() {
            let mut rows = 0;
            let fit = steps.iter().take_while(|step| {
                rows += step.unit.writes.len() + 1;
                rows < BATCH_WRITES
            });
            let (together, rest) = steps.split_at(fit.count().max(1));
            self.apply_together(together)?;
            steps = rest;
            thread::yield_now();
        }
        Ok(())
    }

    fn apply_together(&self, steps: &[Step<'_>]) -> Result<(), String> {
        let mut state = self.changing();
        *state = caught(|| {
            let mut pending = Pending::new(&self.rows, &self.sealer, state.clone());
            for step in steps {
                for (table, key, value) in &step.unit.writes {
                    pending.write(*table as u8, key, step.seq, value.as_deref())?;
                }
                pending.write(UNITS, &step.unit.id.0, step.seq, Some(&step.digest))?;
                pending.state.applied.seq = step.seq;
                pending.state.applied.digest = step.digest;
            }
            pending.flush()?;
            Ok(pending.state)
        })?;
        Ok(())
    }

    /// The value under a key.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, String> {
        let _shown = self.shown();
        self.trusted(|| self.value(table as u8, key))
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
        let _shown = self.shown();
        self.trusted(|| {
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
        let _shown = self.shown();
        self.trusted(|| {
            let prefix = row_key(table as u8, prefix);
            let from = after.map_or_else(Vec::new, |after| behind(&row_key(table as u8, after)));
            let mut rows = Vec::new();
            for row in self.rows.range(from.max(prefix.clone())..).take(limit) {
                let (key, head) = row.map_err(|why| broken(&why))?;
                if !key.starts_with(&prefix) {
                    break;
                }
                let key = key.get(1..).unwrap_or_default();
                rows.push((key.to_vec(), self.open_row(table as u8, key, &head)?));
            }
            Ok(rows)
        })
    }

    fn shown(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
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
        self.total.rows
    }

    fn row(&self, sealer: &Sealer) -> Result<Vec<u8>, String> {
        let mut value = self.digest.to_vec();
        value.extend_from_slice(&self.total.rows.to_le_bytes());
        value.extend_from_slice(&self.total.sum.to_le_bytes());
        Ok(sealer.seal(APPLIED, &[], self.seq, &value)?.0)
    }

    fn read(row: &[u8], sealer: &Sealer) -> Option<Self> {
        let (seq, value) = sealer.unseal(APPLIED, &[], row)?;
        let (digest, rest) = value.split_first_chunk()?;
        let (rows, rest) = rest.split_first_chunk()?;
        let sum = rest.try_into().ok()?;
        let total = Total { rows: u64::from_le_bytes(*rows), sum: u128::from_le_bytes(sum) };
        Some(Self { seq, digest: *digest, total })
    }
}

/// What the first piece of a row says without its value.
#[derive(Debug, Clone, Copy)]
struct Head {
    pieces: u16,
    sum: u128,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self, String> {
        let (pieces, sealed) = head.split_first_chunk().ok_or_else(damaged_row)?;
        let (_, sum) = peek(sealed).ok_or_else(damaged_row)?;
        Ok(Self { pieces: u16::from_le_bytes(*pieces), sum: u128::from_le_bytes(sum) })
    }
}

/// Changes on their way into sled, in batches that each leave a row of progress that is true.
struct Pending<'a> {
    rows: &'a Db,
    sealer: &'a Sealer,
    batch: Batch,
    writes: usize,
    bytes: usize,
    /// Heads of rows as this batch will leave them.
    heads: HashMap<Vec<u8>, Option<Head>>,
    state: State,
}

impl<'a> Pending<'a> {
    fn new(rows: &'a Db, sealer: &'a Sealer, state: State) -> Self {
        Self { rows, sealer, batch: Batch::default(), writes: 0, bytes: 0, heads: HashMap::new(), state }
    }

    fn write(&mut self, table: u8, key: &[u8], seq: u64, value: Option<&[u8]>) -> Result<(), String> {
        let name = row_key(table, key);
        let old = match self.heads.get(&name) {
            Some(head) => *head,
            None => {
                let head = self.rows.get(&name).map_err(|why| broken(&why))?;
                head.map(|head| Head::parse(&head)).transpose()?
            }
        };
        // Pieces first: if the program is killed between two batches, the old head still says which
        // pieces there are to take away, and the frame is applied again.
        for piece in 0..old.map_or(0, |old| old.pieces) {
            self.push(piece_key(table, key, piece), None)?;
        }
        let Some(value) = value else {
            return self.push_head(name, old, None);
        };
        let (sealed, checksum) = self.sealer.seal(table, key, seq, value)?;
        let (first, rest) = sealed.split_at(sealed.len().min(PIECE));
        let mut pieces = 0u16;
        for bytes in rest.chunks(PIECE) {
            self.push(piece_key(table, key, pieces), Some(bytes.to_vec()))?;
            pieces += 1;
        }
        self.push_head(name, old, Some((pieces, checksum, first)))
    }

    fn push_head(
        &mut self,
        name: Vec<u8>,
        old: Option<Head>,
        new: Option<(u16, Checksum, &[u8])>,
    ) -> Result<(), String> {
        let bytes = new.map(|(pieces, _, first)| [&pieces.to_le_bytes(), first].concat());
        self.room_for(name.len() + bytes.as_ref().map_or(0, Vec::len))?;
        let head = new.map(|(pieces, checksum, _)| Head { pieces, sum: u128::from_le_bytes(checksum) });
        self.state.applied.total.replace(old, head);
        if let Some(counted) = self.state.counted.as_mut().filter(|counted| name <= counted.upto) {
            counted.total.replace(old, head);
        }
        self.heads.insert(name.clone(), head);
        self.push(name, bytes)
    }

    fn push(&mut self, name: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), String> {
        let bytes = name.len() + value.as_ref().map_or(0, Vec::len);
        self.room_for(bytes)?;
        self.writes += 1;
        self.bytes += bytes;
        match value {
            Some(value) => self.batch.insert(name, value),
            None => self.batch.remove(name),
        }
        Ok(())
    }

    fn room_for(&mut self, bytes: usize) -> Result<(), String> {
        let fits = self.writes + 1 < BATCH_WRITES && self.bytes + bytes <= BATCH_BYTES;
        if fits || self.writes == 0 { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), String> {
        self.batch.insert(IVec::from(&[APPLIED]), self.state.applied.row(self.sealer)?);
        self.rows.apply_batch(std::mem::take(&mut self.batch)).map_err(|why| broken(&why))?;
        (self.writes, self.bytes) = (0, 0);
        self.heads.clear();
        Ok(())
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

/// The first key behind `name`.
fn behind(name: &[u8]) -> Vec<u8> {
    [name, &[0]].concat()
}

fn piece_key(table: u8, key: &[u8], piece: u16) -> Vec<u8> {
    [&[PIECES, table], (key.len() as u16).to_be_bytes().as_slice(), key, &piece.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
