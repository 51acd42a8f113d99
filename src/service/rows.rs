//! The rows that the service keeps in the store, and their keys.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ServiceError;
use crate::record::{Entry, EntryId, EntryKind, IdentityKey, Version};
use crate::review::sampling::{Planted, Sample};
use crate::review::{Review, Waiver};
use crate::store::{Store, Table, Versioned};

/// An entry with the review of its current version, and what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    /// Which entry.
    pub entry: Entry,
    /// Where its current version stands.
    pub review: Review,
    /// Its kind.
    pub kind: EntryKind,
    /// Its heading.
    pub title: String,
    /// Who recorded it, as shown.
    pub author: String,
    /// Everybody who recorded a line of it, by the source's identifier.
    pub authors: Vec<String>,
    /// When the entry, or the newest line of it, was saved at the source.
    pub recorded: Option<DateTime<Utc>>,
    /// Whether the source has it.
    pub at_source: bool,
    /// Whether the source sent a header of its own, which stays when the last line goes.
    pub has_header: bool,
    /// The strongest reasons, in plain words.
    pub why: Vec<String>,
    /// The last version that somebody decided on, if it is not this one.
    pub decided_before: Option<Version>,
    /// Other entries with the same sensitive words that those who decided named as considered.
    #[serde(default)]
    pub waived: Vec<Waiver>,
    /// When the extract was made that made it what it is, where the source says: an older one that comes
    /// later does not change it.
    #[serde(default)]
    pub as_of: Option<DateTime<Utc>>,
    /// Versions of it that were open to the sample of what clears, with what came of it.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// Set where it is a decoy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted: Option<Planted>,
}

/// A row as read, with the sequence number that a later write can insist on.
pub struct Read<T> {
    /// The unit that wrote it.
    pub seq: u64,
    /// The row.
    pub row: T,
}

/// The key of a version's rows.
pub fn version_key(entry: EntryId, version: Version) -> Vec<u8> {
    [entry.0.as_slice(), &version.0.to_be_bytes()].concat()
}

/// The key of somebody's draft. Keys of rows are not sealed, so the login does not stand in it.
pub fn draft_key(keys: &IdentityKey, entry: EntryId, login: &str) -> Vec<u8> {
    [entry.0, keys.login(login)].concat()
}

/// A row as bytes.
///
/// # Errors
/// Never for the types of this file; the encoder cannot promise it.
pub fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, ServiceError> {
    const MOST_KEPT: usize = 1 << 16;
    thread_local! {
        // A pull encodes millions, and each would grow its own bytes step by step.
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        serde_json::to_writer(&mut *bytes, row).map_err(|_| ServiceError::Internal("a row could not be encoded"))?;
        let row = bytes.to_vec();
        bytes.shrink_to(MOST_KEPT);
        Ok(row)
    })
}

/// A row from bytes.
///
/// # Errors
/// When the bytes are of a format that this version does not know.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(bytes)
        .map_err(|_| ServiceError::Internal("a row is not of the form this version reads: run anteroom audit verify"))
}

/// The row under a key.
///
/// # Errors
/// When the store cannot read it or it is not of the form it should be.
pub fn get<T: DeserializeOwned>(store: &dyn Store, table: Table, key: &[u8]) -> Result<Option<Read<T>>, ServiceError> {
    match store.get(table, key)? {
        Some(versioned) => Ok(Some(Read { seq: versioned.seq, row: decode(&versioned.value)? })),
        None => Ok(None),
    }
}

/// Calls `each` for every row of a table, in key order.
///
/// # Errors
/// As [`get`], and what `each` returns.
pub fn for_each<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    prefix: &[u8],
    mut each: impl FnMut(&[u8], Read<T>) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    for_each_value(store, table, prefix, |key, versioned| {
        each(key, Read { seq: versioned.seq, row: decode(&versioned.value)? })
    })
}

/// The same of rows that are not encoded.
///
/// # Errors
/// When the store cannot read one, and what `each` returns.
pub fn for_each_value(
    store: &dyn Store,
    table: Table,
    prefix: &[u8],
    mut each: impl FnMut(&[u8], Versioned) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    const PAGE: usize = 1_000;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(table, prefix, after.as_deref(), PAGE)?;
        let full = page.len() == PAGE;
        for (key, versioned) in page {
            each(&key, versioned)?;
            after = Some(key);
        }
        if !full {
            return Ok(());
        }
    }
}
