//! Where everything is kept, and the promise that an acknowledged decision is never lost.
//!
//! The journal is the truth and sled is a view of it: a unit is written to the journal and synced, then shown to
//! readers, from memory, then acknowledged; sled gets it later.
//!
//! To be read in this order. What a caller sees: this file. How a unit becomes durable: `payload` its bytes, `journal`
//! where they stand, `writer` who puts them there, `sled` how they are found again, `opening` and `doubt` how a start
//! brings the two together, `embedded` all of it behind [`Store`], `upkeep`, `shrink` and `verify` who look after it. What it is
//! sealed with: `seal`, `keyring`, `master`, `newyear`. How it leaves the machine and comes back: `backup`, `envelope`,
//! `restore`. The rest stands by itself: `migrate`, `format`, `lock`, `ballast`, `aside`, `health`.
//!
//! The rules of sled 0.34.7, each learnt from a failure:
//! - It is pinned. The 1.0 alpha has no transactions and no batch over several trees, and once opened empty.
//! - `flush()` does not reach the disk, and after some power cuts it does not open again: nothing is acknowledged for
//!   what it says, and what it holds can be made anew from the journal.
//! - `flush_async` hangs. One thread writes; anybody reads.
//! - It panics, hangs or refuses on damaged files, so it is opened in a thread of its own, with a limit, its panics
//!   caught; and when it is closed on a disk that is gone, it panics too. An unfinished snapshot (`snap.*.generating`)
//!   keeps it closed for good, so it is taken away first.
//! - It does not notice every flipped bit, and after some damage opens empty: every value has its own tag, and every
//!   table a count and a sum.
//! - A value over 128 KiB goes to a file of its own that is never given back: values are kept in pieces of 16 KiB.
//! - It never gives back what space it took: a view that has grown too big is made anew.
//! - It makes new files under the name with which it opened its folder: an open view's folder is never moved.

mod aside;
mod backup;
mod ballast;
mod doubt;
mod embedded;
mod envelope;
mod format;
mod health;
mod journal;
mod keyring;
mod lock;
mod master;
mod migrate;
mod newyear;
mod opening;
mod payload;
mod restore;
mod seal;
mod shrink;
mod sled;
mod upkeep;
mod verify;
mod writer;

use std::path::Path;

use crate::audit::Record;

pub use backup::{About, Manifest, TableSum};
pub use embedded::EmbeddedStore;
pub use envelope::{BackupKey, BackupLock, lines_of_keys, wants_passphrase as backup_wants_passphrase};
pub use health::{Health, STEPS, Spread, Times};
pub use journal::make_directory;
pub use keyring::{Rekey, has_keys, rekey, wants_passphrase};
pub use master::{Master, Places, SecretKey, make_key};
pub use migrate::{Migrated, migrate};
pub use opening::{Opened, Options};
pub use restore::{Restored, restore};
pub use verify::verify_offline;

/// A place that keeps units of work. No interactive transactions: a unit carries its preconditions,
/// its writes and its audit records, and takes effect whole or not at all.
pub trait Store: Send + Sync {
    /// Makes a unit durable and visible. Blocks until it is both. The same unit id a second time
    /// gives the first receipt again and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a precondition does not hold. After [`StoreError::OutcomeUnknown`] only the
    /// next start tells, through [`Store::outcome`] or the same unit again; after any other error the unit never
    /// takes effect.
    fn commit(&self, unit: Unit) -> Result<Receipt, StoreError>;

    /// The value under a key, with the sequence number of the unit that wrote it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the value fails its checksum.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, StoreError>;

    /// At most `limit` rows whose key begins with `prefix` and lies behind `after`, in key order.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// At most `max` frames from sequence number `from` on, in journal order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a frame fails its digest.
    fn log(&self, from: u64, max: usize) -> Result<Vec<Frame>, StoreError>;

    /// The receipt of a unit, if it took effect: for a caller that lost the answer.
    ///
    /// # Errors
    /// As [`Store::get`]; [`StoreError::OutcomeUnknown`] when the store takes no more writes and does not know.
    fn outcome(&self, id: UnitId) -> Result<Option<Receipt>, StoreError>;

    /// Sequence number of the last unit that readers see; 0 for an empty store.
    fn head(&self) -> u64;

    /// Space on the disk that holds the store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be asked.
    fn space(&self) -> Result<Space, StoreError>;

    /// Whether all that is queried was compared, since the store was opened, with what must be there. A big store is
    /// served before that; what leaves for patients waits for it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it was not what must be there.
    fn is_checked(&self) -> Result<bool, StoreError>;

    /// How the store is, in numbers.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn health(&self) -> Result<Health, StoreError>;

    /// Keeps what was derived from the units up to `seq`, in pieces, in place of what was kept before. It is sealed,
    /// and may be lost at any time. `form` tells apart what [`Store::derived`] must not mix up.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep_derived(
        &self,
        seq: u64,
        form: &[u8],
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), StoreError>;

    /// Hands out what was kept in this form, piece by piece, to several threads and in any order, if the caller wants
    /// it who is told up to which unit it was derived: answers that unit. `None` if there is nothing, or it is not
    /// whole, or `each` finds that it is not what it should be: what was handed out is worth nothing then.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn derived(
        &self,
        form: &[u8],
        wanted: &dyn Fn(u64) -> bool,
        each: &EachPiece<'_>,
    ) -> Result<Option<u64>, StoreError>;

    /// Writes a backup to `file`, which must not be there, and reads it again to see that it is whole. Work
    /// goes on meanwhile; what comes after the backup was begun may not be in it.
    ///
    /// # Errors
    /// Why there is no backup; nothing of it is left then.
    fn back_up(&self, about: &About, file: &Path, lock: &BackupLock) -> Result<Manifest, StoreError>;

    /// Reads every frame and every value and reports what is wrong.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the files cannot be read at all.
    fn verify(&self) -> Result<Report, StoreError>;
}

/// Takes in a piece of what was derived, and says whether it is what it should be.
pub type EachPiece<'a> = dyn Fn(&[u8]) -> bool + Sync + 'a;

/// A unit's idempotency key: random, chosen by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(pub [u8; 16]);

/// What is kept in one ordered table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// Format and practice: few small rows.
    Meta = 1,
    /// Patients by id.
    Patient = 2,
    /// Entries with the review of their current version, by id.
    Entry = 3,
    /// Versions by entry id and version number.
    Version = 4,
    /// Screenings by entry id and version number.
    Screening = 5,
    /// Reviews of superseded versions, by entry id and version number.
    Review = 6,
    /// Which entry a source's part belongs to.
    Part = 7,
    /// Names of staff, by the source's key.
    Staff = 8,
    /// Pulls, by number.
    Batch = 9,
    /// Rows set aside, by pull and number.
    SetAside = 10,
    /// Half-made redactions, by entry and login.
    Draft = 11,
    /// What people have set over patients, by patient id.
    Safeguard = 12,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Patient,
        Self::Entry,
        Self::Version,
        Self::Screening,
        Self::Review,
        Self::Part,
        Self::Staff,
        Self::Batch,
        Self::SetAside,
        Self::Draft,
        Self::Safeguard,
    ];
}

/// What people call the table with a number.
fn name_of(table: u8) -> String {
    let known = Table::ALL.into_iter().find(|known| *known as u8 == table);
    known.map_or_else(|| "Unit".to_owned(), |table| format!("{table:?}"))
}

/// What must be so for a unit to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// No row under the key.
    Absent,
    /// Some row under the key.
    Exists,
    /// The row was last written by the unit with this sequence number.
    At(u64),
}

/// One change of a row.
pub type Write = (Table, Vec<u8>, Option<Vec<u8>>);

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Idempotency key.
    pub id: UnitId,
    /// What must be so.
    pub pre: Vec<(Table, Vec<u8>, Expect)>,
    /// What changes: `Some` puts, `None` deletes. At most 8 MiB in all.
    pub writes: Vec<Write>,
    /// What happened. At least one.
    pub audit: Vec<Record>,
}

/// Proof that a unit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// The digest of its frame.
    pub leaf: [u8; 32],
    /// Whether it had taken effect before this call.
    pub replayed: bool,
}

/// A value and the sequence number of the unit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The unit's sequence number.
    pub seq: u64,
    /// The bytes.
    pub value: Vec<u8>,
}

/// A key with its value.
pub type Row = (Vec<u8>, Versioned);

/// A unit as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its place, from 1.
    pub seq: u64,
    /// The digest of the frame before.
    pub previous: [u8; 32],
    /// The digest of this frame, which covers everything else in it.
    pub digest: [u8; 32],
    /// The unit.
    pub unit: Unit,
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Frames read.
    pub frames: u64,
    /// Sequence number and digest of the last frame.
    pub head: Option<(u64, [u8; 32])>,
    /// Whether the frames were opened and their contents read: the chain can be verified without a key.
    pub contents_read: bool,
    /// What is wrong, a sentence each. Empty when all is well.
    pub damage: Vec<String>,
}

/// Why the store did not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold: somebody else was first.
    #[error("the {0:?} row has changed since it was read")]
    Conflict(Table, Vec<u8>),
    /// No space; nothing acknowledged is at risk.
    #[error("the disk that holds {0} is too full to accept work: free some space, then try again")]
    Full(String),
    /// The store takes no writes any more, and has not taken this one.
    #[error("the store takes no more writes: {0}")]
    ReadOnly(String),
    /// The unit was handed to the disk, and it is not known whether it is there: it may take effect at the next start.
    #[error("this may or may not have been done, so look after the restart: {0}")]
    OutcomeUnknown(String),
    /// Damage that needs a restore.
    #[error("{0}")]
    Corrupt(String),
    /// Files cannot be read, written or locked.
    #[error("{0}")]
    Unavailable(String),
    /// The unit is not of the form the store takes.
    #[error("the unit of work is not acceptable: {0}")]
    Unacceptable(&'static str),
}

/// Space on a file system, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this process may still use.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

fn space_of(directory: &Path) -> Result<Space, String> {
    let found = rustix::fs::statvfs(directory)
        .map_err(|why| format!("cannot ask how much space is left in {}: {why}", directory.display()))?;
    Ok(Space { free: found.f_bavail * found.f_frsize, total: found.f_blocks * found.f_frsize })
}
