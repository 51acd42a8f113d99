//! The store of one machine: journal and view in one directory, opened with care.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::Datelike;

use super::backup::{self, About, Export, Manifest, Plain};
use super::envelope::BackupLock;
use super::journal::{Index, Journal, make_directory};
use super::keyring::{self, Keyring, StoreKey};
use super::lock::Lock;
use super::master::{Master, SecretKey};
use super::seal::Sealer;
use super::sled::{Step, View, guarded, set_snapshots_aside};
use super::writer::{Desk, Writer, behind};
use super::{Frame, Receipt, Report, Row, Store, StoreError, Table, Unit, UnitId, Versioned, payload};
use crate::audit::frame::{Digest, RawFrame};
use crate::audit::{Chain, read_chain};

/// Frames that are applied to the view at a time when it is made again.
const REPLAY: usize = 1000;
/// How long units gather before they are put into sled. Each time makes sled write to the disk, and whoever
/// waits for a sync meanwhile waits for that too: applied one by one, decisions took thirty times as long.
const GATHER: Duration = Duration::from_millis(200);
/// Views that were found damaged and are kept.
const BAD_VIEWS: usize = 2;

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a journal segment, which are written when it is made; 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Free space, in bytes, below which work is refused with [`StoreError::Full`]. Meant for decisions;
    /// for a pull ask [`Store::space`] and keep more.
    pub floor_bytes: u64,
    /// A view of at most this many rows is read whole before it is used. A bigger one is read while it is
    /// in use (about 300,000 rows a second); if it proves damaged, every read fails from then on, and
    /// opening the store again makes the view anew.
    pub check_rows: u64,
    /// The year whose key seals what is written from now on.
    pub year: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, floor_bytes: 512 << 20, check_rows: 200_000, year: chrono::Utc::now().year() }
    }
}

/// What opening a store found and did, for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// There was no store.
    pub created: bool,
    /// Bytes of an interrupted append, never acknowledged, that were cut from the journal's end.
    pub tail_cut: Option<u64>,
    /// Why the view was made again from the journal.
    pub view_rebuilt: Option<String>,
    /// Frames in the journal.
    pub frames: u64,
}

/// The store of one machine. Closes when it is dropped, after all work that was accepted.
///
/// A single `get` or `scan` sees the state after some whole number of units, never half of one, and never
/// one that is not durable. It waits while units are shown, in memory, and never for a sync or for sled.
/// Two calls may see different states; a unit's preconditions catch what changed in between.
#[derive(Debug)]
pub struct EmbeddedStore {
    writer: Writer,
    /// The threads that put what is shown into sled, and that read a big view while it is in use.
    threads: Vec<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    view: Arc<View>,
    journal: Arc<Index>,
    journal_directory: PathBuf,
    keys: Keyring,
    secret: SecretKey,
    sealer: Arc<Sealer>,
    stopped: Arc<OnceLock<String>>,
    directory: PathBuf,
    /// Let go last.
    _lock: Lock,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, whose keys are wrapped with `master`, or makes one. The view is made
    /// again whenever it is missing, behind, damaged or in doubt.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the master is the wrong one, another process has the store open or
    /// the files cannot be used; [`StoreError::Corrupt`] when acknowledged work, or a key to it, is missing
    /// or damaged. Nothing was changed then.
    pub fn open(directory: &Path, options: &Options, master: &Master) -> Result<(Self, Opened), StoreError> {
        let Files { journal, view, keys, secret, sealer, opened, lock } = open_files(directory, options, master)?;
        let view = Arc::new(view);
        let closing = Arc::new(AtomicBool::new(false));
        let stopped = Arc::new(OnceLock::new());
        let keeper = start("store-view", keep_up(Arc::clone(&view), Arc::clone(&closing), Arc::clone(&stopped)))?;
        let index = journal.index();
        let desk = Desk {
            journal,
            view: Arc::clone(&view),
            stopped: Arc::clone(&stopped),
            directory: directory.to_owned(),
            floor: options.floor_bytes,
        };
        let mut threads = vec![keeper];
        if opened.view_rebuilt.is_none() && view.applied().rows() > options.check_rows {
            threads.push(start("store-check", check_in_use(Arc::clone(&view), Arc::clone(&closing)))?);
        }
        let store = Self {
            writer: Writer::new(desk),
            threads,
            closing,
            view,
            journal: index,
            journal_directory: directory.join("journal"),
            keys,
            secret,
            sealer,
            stopped,
            directory: directory.to_owned(),
            _lock: lock,
        };
        Ok((store, opened))
    }

    /// The practice's secret: random bytes that stay the same for as long as the store lives.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl Store for EmbeddedStore {
    fn commit(&self, unit: Unit) -> Result<Receipt, StoreError> {
        self.writer.commit(unit)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        self.view.get(table, key).map_err(|why| damaged_view(&why))
    }

    fn scan(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.view.scan(table, prefix, after, limit).map_err(|why| damaged_view(&why))
    }

    fn log(&self, from: u64, max: usize) -> Result<Vec<Frame>, StoreError> {
        self.journal.read(from, max)
    }

    fn outcome(&self, id: UnitId) -> Result<Option<Receipt>, StoreError> {
        let found = self.view.unit(id).map_err(|why| damaged_view(&why))?;
        // After a failed sync a unit that is not in the view may still be in the journal.
        if found.is_none() && self.stopped.get().is_some() {
            return Err(self.writer.read_only());
        }
        Ok(found.map(|(seq, leaf)| Receipt { seq, leaf, replayed: true }))
    }

    fn head(&self) -> u64 {
        self.journal.end().0
    }

    fn space(&self) -> Result<super::Space, StoreError> {
        super::space_of(&self.directory).map_err(StoreError::Unavailable)
    }

    fn back_up(&self, about: &About, file: &Path, lock: &BackupLock) -> Result<Manifest, StoreError> {
        backup::write(self, self, about, file, lock)
    }

    fn verify(&self) -> Result<Report, StoreError> {
        let (seq, end) = self.journal.end();
        let mut report = report(&self.journal_directory, end, Some(&self.sealer))?;
        if report.head.map_or(0, |(seq, _)| seq) != seq {
            report.damage.push(format!("the journal should end with frame {seq} and does not"));
        }
        if let Err(why) = self.view.check() {
            report.damage.push(format!("the view is damaged, {why}: start the program again, it makes it anew"));
        }
        Ok(report)
    }
}

impl Export for EmbeddedStore {
    fn keys(&self) -> &[StoreKey] {
        self.keys.keys()
    }

    fn plain(&self, from: u64, max: usize) -> Result<Vec<Plain>, StoreError> {
        let plain = |raw: &RawFrame<'_>, opened| Ok(Plain { seq: raw.seq, synced: raw.synced, opened });
        self.journal.opened(from, max, &plain)
    }

    fn digest(&self, seq: u64) -> Result<Digest, StoreError> {
        let gone = || StoreError::Corrupt(format!("frame {seq} is missing from the journal"));
        self.journal.opened(seq, 1, &|raw, _| Ok(raw.digest))?.pop().ok_or_else(gone)
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|why| StoreError::Unavailable(format!("cannot start the thread {name}: {why}")))
}

/// Puts what is shown into sled, some of it at a time, until the store closes and nothing is left.
fn keep_up(view: Arc<View>, closing: Arc<AtomicBool>, stopped: Arc<OnceLock<String>>) -> impl FnOnce() {
    move || {
        loop {
            let last = closing.load(Ordering::Acquire);
            match view.apply_shown() {
                Ok(true) => {}
                Ok(false) if last => break,
                Ok(false) => {
                    view.wait_for_more();
                    let begun = Instant::now();
                    while let Some(rest) = GATHER.checked_sub(begun.elapsed())
                        && !closing.load(Ordering::Acquire)
                    {
                        thread::park_timeout(rest);
                    }
                }
                Err(why) => {
                    stopped.get_or_init(|| behind(&why));
                    break;
                }
            }
        }
        view.hand_over();
    }
}

/// Reads the whole view a little at a time, so that others get their turn.
fn check_in_use(view: Arc<View>, closing: Arc<AtomicBool>) -> impl FnOnce() {
    move || {
        let mut counting = view.count();
        while !closing.load(Ordering::Relaxed) && matches!(counting.go_on(), Ok(false)) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Verifies the journal of the store in `directory` without opening the store: every digest and the chain;
/// with the master also that every unit can be read. An interrupted append at its end counts as damage
/// here; opening the store cuts it.
///
/// # Errors
/// [`StoreError::Unavailable`] when the files cannot be read or the master is the wrong one.
pub fn verify_offline(directory: &Path, master: Option<&Master>) -> Result<Report, StoreError> {
    let keys = master.map(|master| Keyring::open(directory, master)).transpose()?.flatten();
    report(&directory.join("journal"), None, keys.map(|keys| keys.sealer()).as_ref())
}

fn report(journal: &Path, until: Option<crate::audit::Place>, sealer: Option<&Sealer>) -> Result<Report, StoreError> {
    let mut each = |_, frame: &RawFrame<'_>| match sealer {
        Some(sealer) => {
            let opened = sealer.open_frame(frame.seq, &frame.previous, frame.payload)?;
            payload::decode(&opened.contents).map(drop)
        }
        None => Ok(()),
    };
    let chain = read_chain(journal, until, &mut each)
        .map_err(|why| StoreError::Unavailable(format!("cannot read the journal in {}: {why}", journal.display())))?;
    let head = (chain.seq > 0).then_some((chain.seq, chain.head));
    let mut damage = chain.damage;
    if chain.loose > 0 {
        damage.push(format!(
            "{} bytes behind frame {} are no whole frame: an append that was interrupted, or damage to what followed",
            chain.loose, chain.seq
        ));
    }
    if chain.end.is_none() {
        damage.push(format!("there is no journal in {}", journal.display()));
    }
    Ok(Report { frames: chain.frames, head, contents_read: sealer.is_some(), damage })
}

pub(super) fn damaged_view(why: &str) -> StoreError {
    StoreError::Corrupt(format!("the view is damaged, {why}: start the program again, it makes it anew"))
}

struct Files {
    journal: Journal,
    view: View,
    keys: Keyring,
    secret: SecretKey,
    sealer: Arc<Sealer>,
    opened: Opened,
    lock: Lock,
}

fn open_files(directory: &Path, options: &Options, master: &Master) -> Result<Files, StoreError> {
    make_directory(directory).map_err(|why| {
        StoreError::Unavailable(format!("cannot make the directory {} for the store: {why}", directory.display()))
    })?;
    let lock = Lock::take(directory)?;
    let segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
    let journal_directory = directory.join("journal");
    let (keys, new_keys) = match Keyring::open(directory, master)? {
        Some(mut keys) => {
            let new = keys.turn_to(options.year)?;
            (keys, new)
        }
        None if journal_directory.exists() => {
            // A journal from before there were keys says so itself.
            Journal::read(&journal_directory, &Arc::new(Sealer::new(std::iter::empty())))?;
            return Err(keyring::lost(directory));
        }
        None => (Keyring::new(options.year)?, true),
    };
    let secret = keys.secret().cloned().ok_or_else(|| keyring::lost(directory))?;
    let sealer = Arc::new(keys.sealer());
    let found = Journal::read(&journal_directory, &sealer)?;
    let (chain, index) = match &found {
        Some((chain, index)) => (Some(chain), Some(index)),
        None => (None, None),
    };
    let opening = open_view(directory, chain, index, &sealer)?;

    // Only now is anything written: what the view knows may have shown that the journal lost its end.
    if new_keys {
        keys.write(directory, master)?;
    }
    let mut opened = Opened { created: found.is_none(), ..Opened::default() };
    let journal = match (chain, index) {
        (Some(chain), Some(index)) => {
            opened.tail_cut = (chain.loose > 0).then_some(chain.loose);
            opened.frames = chain.frames;
            Journal::repair(&journal_directory, segment_bytes, chain, Arc::clone(index))?
        }
        _ => Journal::create(&journal_directory, segment_bytes, &sealer)?,
    };
    let (view, rebuilt) = catch_up(directory, opening, &journal, &sealer, options)?;
    opened.view_rebuilt = rebuilt;
    Ok(Files { journal, view, keys, secret, sealer, opened, lock })
}

/// The view that is there, or why there is none.
type Opening = Result<View, String>;

fn open_view(
    directory: &Path,
    chain: Option<&Chain>,
    index: Option<&Arc<Index>>,
    sealer: &Arc<Sealer>,
) -> Result<Opening, StoreError> {
    let path = directory.join("view");
    if !path.exists() {
        return Ok(Err("it was missing".to_owned()));
    }
    let limit = patience(&path, 0);
    let open = |path: PathBuf| {
        let sealer = Arc::clone(sealer);
        guarded(limit, move || View::open(&path, &sealer))
    };
    let view = open(path.clone()).or_else(|why| if set_snapshots_aside(&path) { open(path.clone()) } else { Err(why) });
    let Ok(view) = view else { return Ok(view) };
    let applied = view.applied();
    let end = chain.map_or(0, |chain| chain.seq);
    if applied.seq > end {
        return Err(StoreError::Corrupt(format!(
            "the journal in {} ends with unit {end}, but unit {} was acknowledged: the end of the journal is lost or \
             damaged. Nothing was changed. Restore the store from the last backup; to go on without the lost units, \
             move {} away first",
            directory.join("journal").display(),
            applied.seq,
            path.display()
        )));
    }
    if applied.seq > 0 {
        let frames = index.map_or_else(|| Ok(Vec::new()), |index| index.read(applied.seq, 1))?;
        if frames.first().is_none_or(|frame| frame.digest != applied.digest) {
            return Ok(Err("it belongs to another journal".to_owned()));
        }
    }
    Ok(Ok(view))
}

/// Brings the view to the journal's end, making it again if need be. Answers why it had to.
fn catch_up(
    directory: &Path,
    opening: Opening,
    journal: &Journal,
    sealer: &Arc<Sealer>,
    options: &Options,
) -> Result<(View, Option<String>), StoreError> {
    let path = directory.join("view");
    let index = journal.index();
    let check_rows = options.check_rows;
    let whole = opening.and_then(|view| {
        let index = Arc::clone(&index);
        guarded(patience(&path, journal.seq() - view.applied().seq), move || {
            replay(&view, &index).map_err(|why| why.to_string())?;
            if view.applied().rows() <= check_rows {
                view.check()?;
            }
            Ok(view)
        })
    });
    let why = match whole {
        Ok(view) => return Ok((view, None)),
        Err(why) => why,
    };
    // sled fails on a full disk as it does on damage, and a new view would need space.
    if super::space_of(directory).map_err(StoreError::Unavailable)?.free < options.floor_bytes {
        return Err(StoreError::Full(directory.display().to_string()));
    }
    set_aside(directory).map_err(|error| {
        StoreError::Unavailable(format!("cannot move the damaged {} out of the way: {error}", path.display()))
    })?;
    let view = View::open(&path, sealer)
        .map_err(|why| StoreError::Unavailable(format!("cannot make the view in {}: {why}", path.display())))?;
    replay(&view, &index)?;
    Ok((view, (journal.seq() > 0).then_some(why)))
}

fn replay(view: &View, journal: &Index) -> Result<(), StoreError> {
    loop {
        let frames = journal.read(view.applied().seq + 1, REPLAY)?;
        if frames.is_empty() {
            return Ok(());
        }
        let steps: Vec<_> = frames
            .into_iter()
            .map(|frame| Step { seq: frame.seq, digest: frame.digest, unit: Arc::new(frame.unit) })
            .collect();
        view.apply(&steps)
            .map_err(|why| StoreError::Unavailable(format!("cannot make the view from the journal, {why}")))?;
    }
}

/// How long sled may take over files of this size before it is taken to hang.
fn patience(view: &Path, frames: u64) -> Duration {
    let bytes: u64 = fs::read_dir(view)
        .map(|files| files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum())
        .unwrap_or_default();
    Duration::from_secs(60 + (bytes >> 22) + frames / 1000)
}

/// Moves the view to `view.bad.N`. The newest few are kept, in case somebody wants to know what happened.
fn set_aside(directory: &Path) -> std::io::Result<()> {
    let view = directory.join("view");
    if !view.exists() {
        return Ok(());
    }
    let mut bad: Vec<u32> = Vec::new();
    for file in fs::read_dir(directory)? {
        bad.extend(
            file?
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix("view.bad."))
                .and_then(|number| number.parse::<u32>().ok()),
        );
    }
    bad.sort_unstable();
    let next = bad.last().map_or(1, |last| last + 1);
    fs::rename(view, directory.join(format!("view.bad.{next}")))?;
    bad.push(next);
    for old in bad.iter().rev().skip(BAD_VIEWS) {
        // One too many does no harm; not opening would.
        let _ = fs::remove_dir_all(directory.join(format!("view.bad.{old}")));
    }
    Ok(())
}
