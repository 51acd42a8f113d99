//! The store of one machine: journal and view in one directory, opened with care.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::aside::{self, Origin};
use super::backup::{self, About, Export, Manifest, Plain};
use super::ballast::Ballast;
use super::envelope::BackupLock;
use super::health::{Health, size_of};
use super::journal::{Index, RESTORE, damage_of};
use super::keyring::{Keyring, StoreKey};
use super::lock::Lock;
use super::master::{Master, SecretKey};
use super::newyear::Keys;
use super::opening::{Files, Opened, Options, open_files};
use super::seal::Sealer;
use super::sled::View;
use super::writer::{Desk, Writer, behind};
use super::{EachPiece, Frame, Receipt, Report, Row, Store, StoreError, Table, Unit, UnitId, Versioned, payload};
use crate::audit::frame::{Digest, NO_FRAME, RawFrame};
use crate::audit::{Place, read_chain};

/// How long units gather before they are put into sled, unless there are many. Each time makes sled write to the disk,
/// and whoever waits for a sync meanwhile waits for that too: applied one by one, decisions took thirty times as long.
const GATHER: Duration = Duration::from_secs(1);
/// How often it is looked whether there are many.
const LOOK: Duration = Duration::from_millis(20);

/// How long after the start the rest of a big store is read: who waits for the start does not wait for that.
const LATER: Duration = Duration::from_secs(2);

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
    keys: Arc<Keys>,
    secret: SecretKey,
    sealer: Arc<Sealer>,
    stopped: Arc<OnceLock<String>>,
    directory: PathBuf,
    floor_bytes: u64,
    /// Let go last.
    lock: Arc<Lock>,
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
        let Files { journal, checked, view, keys, secret, sealer, opened, lock } =
            open_files(directory, options, master)?;
        let view = Arc::new(view);
        let closing = Arc::new(AtomicBool::new(false));
        let stopped = Arc::new(OnceLock::new());
        let keeper = start("store-view", keep_up(Arc::clone(&view), Arc::clone(&closing), Arc::clone(&stopped)))?;
        let index = journal.index();
        let keys = Arc::new(Keys::new(keys, &sealer, master, directory));
        let desk = Desk {
            journal,
            view: Arc::clone(&view),
            keys: Arc::clone(&keys),
            stopped: Arc::clone(&stopped),
            directory: directory.to_owned(),
            floor: options.floor_bytes,
            ballast: Ballast::set_aside(directory, options.floor_bytes / 2, options.floor_bytes),
        };
        let mut threads = vec![keeper];
        if opened.view_rebuilt.is_none() && view.applied().rows() > options.check_rows {
            threads.push(start("store-check", check_in_use(Arc::clone(&view), Arc::clone(&closing)))?);
        }
        if !checked {
            let (journal, until, stopped) = (directory.join("journal"), index.end().1, Arc::clone(&stopped));
            threads.push(start("journal-check", check_journal(journal, until, stopped, Arc::clone(&closing)))?);
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
            floor_bytes: options.floor_bytes,
            lock: Arc::new(lock),
        };
        Ok((store, opened))
    }

    /// Where the journal's frames stand.
    pub(super) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.journal)
    }

    /// The keys, ready for use.
    pub(super) fn sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer)
    }

    /// What keeps others out, also when the store is closed.
    pub(super) fn lock(&self) -> Arc<Lock> {
        Arc::clone(&self.lock)
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
            return Err(StoreError::OutcomeUnknown(self.writer.why_stopped()));
        }
        Ok(found.map(|(seq, leaf)| Receipt { seq, leaf, replayed: true }))
    }

    fn head(&self) -> u64 {
        self.journal.end().0
    }

    fn space(&self) -> Result<super::Space, StoreError> {
        super::space_of(&self.directory).map_err(StoreError::Unavailable)
    }

    fn health(&self) -> Result<Health, StoreError> {
        Ok(Health {
            journal_bytes: size_of(&self.journal_directory),
            view_bytes: size_of(&self.directory.join("view")),
            head: self.journal.end().0,
            applied: self.view.applied().seq,
            syncs: self.journal.syncs.spread(),
            floor_bytes: self.floor_bytes,
            stopped: self.stopped.get().cloned(),
        })
    }

    fn keep_derived(
        &self,
        seq: u64,
        form: &[u8],
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), StoreError> {
        let head = if seq == 0 { NO_FRAME } else { self.digest(seq)? };
        aside::write(&self.directory, &self.sealer, Origin { seq, head: &head, form }, pieces).map_err(|why| {
            StoreError::Unavailable(format!("nothing can be put aside in {}: {why}", self.directory.display()))
        })
    }

    fn derived(
        &self,
        form: &[u8],
        wanted: &dyn Fn(u64) -> bool,
        each: &EachPiece<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(seq) = aside::seq_of(&self.directory).filter(|seq| *seq <= self.head() && wanted(*seq)) else {
            return Ok(None);
        };
        let head = if seq == 0 { NO_FRAME } else { self.digest(seq)? };
        Ok(aside::read(&self.directory, &self.sealer, Origin { seq, head: &head, form }, each).then_some(seq))
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
    fn keys(&self) -> Vec<StoreKey> {
        self.keys.all()
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
                    while begun.elapsed() < GATHER && !view.has_enough() && !closing.load(Ordering::Acquire) {
                        thread::park_timeout(LOOK);
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

/// Waits so long, or until the store closes.
fn wait(time: Duration, closing: &AtomicBool) {
    let begun = Instant::now();
    while let Some(rest) = time.checked_sub(begun.elapsed())
        && !closing.load(Ordering::Acquire)
    {
        thread::park_timeout(rest);
    }
}

/// Reads the whole view a little at a time, so that others get their turn.
fn check_in_use(view: Arc<View>, closing: Arc<AtomicBool>) -> impl FnOnce() {
    move || {
        wait(LATER, &closing);
        let mut counting = view.count();
        while !closing.load(Ordering::Relaxed) && matches!(counting.go_on(), Ok(false)) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Reads the whole journal up to where it ended when the store was opened.
fn check_journal(
    journal: PathBuf,
    until: Option<Place>,
    stopped: Arc<OnceLock<String>>,
    closing: Arc<AtomicBool>,
) -> impl FnOnce() {
    move || {
        let each = |_, _: &RawFrame<'_>| match closing.load(Ordering::Relaxed) {
            true => Err("the store closes".to_owned()),
            false => Ok(()),
        };
        wait(LATER, &closing);
        // What cannot be read now may be read again; what is damaged stays damaged.
        let Ok(chain) = read_chain(&journal, until, &each) else { return };
        if !chain.damage.is_empty() && !closing.load(Ordering::Relaxed) {
            stopped.get_or_init(|| format!("{}. {RESTORE}", damage_of(&journal, &chain)));
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

fn report(journal: &Path, until: Option<Place>, sealer: Option<&Sealer>) -> Result<Report, StoreError> {
    let each = |_, frame: &RawFrame<'_>| match sealer {
        Some(sealer) => {
            let opened = sealer.open_frame(frame.seq, &frame.previous, frame.payload)?;
            payload::decode(&opened.contents).map(drop)
        }
        None => Ok(()),
    };
    let chain = read_chain(journal, until, &each)
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
