//! The embedded store with somebody who watches, and fills the disk at will.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anteroom::channel::{Channel, Portal};
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, SetClock, Settings};
use anteroom::store::{
    About, BackupLock, EachPiece, EmbeddedStore, Frame, Health, Manifest, Options, Receipt, Report, Row, Space, Store,
    StoreError, Table, Unit, UnitId, Versioned,
};
use chrono::{DateTime, Utc};

use crate::service_kit::{master, options};

/// The practice's own store, with room for only so many units more; counts how often entries are read through.
pub struct Watched {
    store: EmbeddedStore,
    left: Arc<AtomicU64>,
    scans: Arc<AtomicU64>,
    compared: Arc<AtomicBool>,
    free: Arc<AtomicU64>,
    /// Whether what was derived seems to be kept by another program, which knew nothing of what came after it.
    stale: Arc<AtomicBool>,
}

impl Store for Watched {
    fn commit(&self, unit: Unit) -> Result<Receipt, StoreError> {
        let take = |left: u64| left.checked_sub(1);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => {
                let takes = |free: u64| (free != u64::MAX).then(|| free.saturating_sub(1 << 20));
                let _ = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes);
                self.store.commit(unit)
            }
            Err(_) => Err(StoreError::Full("a test".to_owned())),
        }
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        self.store.get(table, key)
    }

    fn scan(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.scans.fetch_add(u64::from(table == Table::Entry), Ordering::Relaxed);
        self.store.scan(table, prefix, after, limit)
    }

    fn log(&self, from: u64, max: usize) -> Result<Vec<Frame>, StoreError> {
        if self.stale.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.store.log(from, max)
    }

    fn outcome(&self, id: UnitId) -> Result<Option<Receipt>, StoreError> {
        self.store.outcome(id)
    }

    fn head(&self) -> u64 {
        self.store.head()
    }

    fn space(&self) -> Result<Space, StoreError> {
        let space = self.store.space()?;
        let free = self.free.load(Ordering::Relaxed);
        Ok(Space { free: if free == u64::MAX { space.free } else { free }, ..space })
    }

    fn is_checked(&self) -> Result<bool, StoreError> {
        Ok(self.store.is_checked()? && self.compared.load(Ordering::Relaxed))
    }

    fn health(&self) -> Result<Health, StoreError> {
        self.store.health()
    }

    fn keep_derived(
        &self,
        seq: u64,
        form: &[u8],
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), StoreError> {
        self.store.keep_derived(seq, form, pieces)
    }

    fn derived(
        &self,
        form: &[u8],
        wanted: &dyn Fn(u64) -> bool,
        each: &EachPiece<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let other = |piece: &[u8]| match piece {
            // The piece that tells which program it was.
            [0, length, program @ .., last] if self.stale.load(Ordering::Relaxed) => {
                each(&[&[0, *length], program, &[last ^ 1]].concat())
            }
            piece => each(piece),
        };
        self.store.derived(form, wanted, &other)
    }

    fn back_up(&self, about: &About, file: &Path, lock: &BackupLock) -> Result<Manifest, StoreError> {
        self.store.back_up(about, file, lock)
    }

    fn verify(&self) -> Result<Report, StoreError> {
        self.store.verify()
    }
}

/// A service over such a store.
pub struct Served {
    pub service: Arc<Service>,
    /// Units for which there is room.
    pub left: Arc<AtomicU64>,
    /// How often entries were read through.
    pub scans: Arc<AtomicU64>,
    /// Whether the store says that it was compared with its log.
    pub compared: Arc<AtomicBool>,
    /// What it says is free on its disk, in bytes, of which each unit takes a MiB; at first what is.
    pub free: Arc<AtomicU64>,
}

pub fn serve(dir: &Path, at: DateTime<Utc>) -> Served {
    serve_by(dir, at, Box::new(Portal::new(dir.join("feed"))))
}

/// The same, with what is visible going through `channel`.
pub fn serve_by(dir: &Path, at: DateTime<Utc>, channel: Box<dyn Channel>) -> Served {
    serve_compared(dir, at, channel, true)
}

/// The same, over a store that was compared with its log already, or was not yet.
pub fn serve_compared(dir: &Path, at: DateTime<Utc>, channel: Box<dyn Channel>, compared: bool) -> Served {
    serve_found(dir, at, channel, &options(), compared, false)
}

/// The same over a store that was opened with other options.
pub fn serve_with(dir: &Path, at: DateTime<Utc>, options: &Options) -> Served {
    serve_found(dir, at, Box::new(Portal::new(dir.join("feed"))), options, true, false)
}

/// The same, with a board that another program kept, of what was there when it was kept.
pub fn serve_stale(dir: &Path, at: DateTime<Utc>) -> Served {
    serve_found(dir, at, Box::new(Portal::new(dir.join("feed"))), &options(), true, true)
}

fn serve_found(
    dir: &Path,
    at: DateTime<Utc>,
    channel: Box<dyn Channel>,
    options: &Options,
    compared: bool,
    stale: bool,
) -> Served {
    let stale = Arc::new(AtomicBool::new(stale));
    let compared = Arc::new(AtomicBool::new(compared));
    let (store, _) = EmbeddedStore::open(&dir.join("store"), options, &master()).unwrap();
    let (left, scans) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::new(AtomicU64::new(0)));
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let service = Service::start(Parts {
        keys: Keys::from_secret(store.secret()),
        store: Box::new(Watched {
            store,
            left: Arc::clone(&left),
            scans: Arc::clone(&scans),
            compared: Arc::clone(&compared),
            free: Arc::clone(&free),
            stale: Arc::clone(&stale),
        }),
        clock: Arc::new(SetClock::at(at)),
        rules: Rules::built_in(),
        settings: Settings::read(dir).unwrap(),
        channel,
        feed: Box::new(|| None),
        demo: false,
    })
    .unwrap();
    stale.store(false, Ordering::Relaxed);
    Served { service: Arc::new(service), left, scans, compared, free }
}
