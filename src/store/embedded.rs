//! The store of one machine: journal and view in one directory, opened with care.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::aside::{self, Origin};
use super::backup::{self, About, Export, Manifest, Plain, Sums, TableSum};
use super::ballast::Ballast;
use super::doubt;
use super::envelope::BackupLock;
use super::health::{Health, size_of};
use super::journal::Index;
use super::keyring::StoreKey;
use super::lock::Lock;
use super::master::{Master, SecretKey};
use super::newyear::Keys;
use super::opening::{Files, Opened, Options, open_files};
use super::seal::Sealer;
use super::shrink::Shrinking;
use super::sled::View;
use super::upkeep::{Care, Upkeep};
use super::verify::report;
use super::writer::{Desk, Writer};
use super::{EachPiece, Frame, Receipt, Report, Row, Store, StoreError, Table, Unit, UnitId, Versioned};
use crate::audit::frame::{Digest, NO_FRAME, RawFrame};

/// The store of one machine. Closes when it is dropped, after all work that was accepted.
///
/// A single `get` or `scan` sees the state after some whole number of units, never half of one, and never
/// one that is not durable. It waits while units are shown, in memory, and never for a sync or for sled.
/// Two calls may see different states; a unit's preconditions catch what changed in between.
#[derive(Debug)]
pub struct EmbeddedStore {
    /// Ended first: it puts what was shown into sled.
    _upkeep: Upkeep,
    writer: Writer,
    view: Arc<View>,
    journal: Arc<Index>,
    journal_directory: PathBuf,
    keys: Arc<Keys>,
    secret: SecretKey,
    sealer: Arc<Sealer>,
    stopped: Arc<OnceLock<String>>,
    /// Why a view that has grown too big is still there.
    trouble: Arc<Mutex<Option<String>>>,
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
        let stopped = Arc::new(OnceLock::new());
        let index = journal.index();
        let keys = Arc::new(Keys::new(keys, &sealer, master, directory, options.year));
        let desk = Desk {
            journal,
            view: Arc::clone(&view),
            keys: Arc::clone(&keys),
            stopped: Arc::clone(&stopped),
            directory: directory.to_owned(),
            floor: options.floor_bytes,
            ballast: Ballast::set_aside(directory, options.floor_bytes / 2, options.floor_bytes),
        };
        let care = Care {
            view: Arc::clone(&view),
            journal: Arc::clone(&index),
            directory: directory.to_owned(),
            stopped: Arc::clone(&stopped),
        };
        let trouble = Arc::default();
        let shrinking = Shrinking {
            view: Arc::clone(&view),
            journal: Arc::clone(&index),
            directory: directory.to_owned(),
            sealer: Arc::clone(&sealer),
            cache_bytes: options.cache_bytes,
            floor_bytes: options.floor_bytes,
            trouble: Arc::clone(&trouble),
        };
        let read_whole = checked && view.is_checked() == Ok(true);
        let store = Self {
            _upkeep: Upkeep::begin(care, shrinking, read_whole, options)?,
            writer: Writer::new(desk),
            view,
            journal: index,
            journal_directory: directory.join("journal"),
            keys,
            secret,
            sealer,
            stopped,
            trouble,
            directory: directory.to_owned(),
            floor_bytes: options.floor_bytes,
            lock: Arc::new(lock),
        };
        Ok((store, opened))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    fn is_checked(&self) -> Result<bool, StoreError> {
        self.view.is_checked().map_err(|why| damaged_view(&why))
    }

    fn health(&self) -> Result<Health, StoreError> {
        Ok(Health {
            journal_bytes: size_of(&self.journal_directory),
            view_bytes: size_of(&self.view.directory()),
            head: self.journal.end().0,
            applied: self.view.applied().seq,
            syncs: self.journal.syncs.spread(),
            floor_bytes: self.floor_bytes,
            alarms: self.keys.alarm().into_iter().chain(self.trouble()).collect(),
            // A view that is damaged answers nothing: only a new start helps.
            stopped: self.stopped.get().cloned().or_else(|| Some(damaged_view(&self.view.damage()?).to_string())),
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
        backup::write(self, about, file, lock)
    }

    fn verify(&self) -> Result<Report, StoreError> {
        let (seq, end) = self.journal.end();
        let mut report = report(&self.journal_directory, end, Some(&self.sealer))?;
        if report.head.map_or(0, |(seq, _)| seq) != seq {
            report.damage.push(format!("the journal should end with frame {seq} and does not"));
        }
        if let Some(why) = report.damage.first() {
            // If it cannot be written down, whoever asked was told.
            let _ = doubt::raise(&self.directory, why);
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

    fn sums(&self) -> Result<(u64, Vec<TableSum>), StoreError> {
        let damaged = |why: String| damaged_view(&why);
        let mut reading = self.view.moment(self.head()).map_err(damaged)?;
        let mut sums = Sums::default();
        while let Some(rows) = reading.page().map_err(damaged)? {
            rows.iter().for_each(|(table, key, versioned)| sums.add(*table, key, versioned));
        }
        // Frames are shown a moment after the rows that they change.
        self.journal.wait_for(reading.seq())?;
        Ok((reading.seq(), sums.finish()))
    }
}

pub(super) fn damaged_view(why: &str) -> StoreError {
    StoreError::Corrupt(format!("the view is damaged, {why}: start the program again, it makes it anew"))
}
