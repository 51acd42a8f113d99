//! How the board comes to be at a start: from what the last run kept of it, brought up to the log's end; else from
//! every entry's row.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::board::{Board, Piece};
use super::rows::{self, EntryRow};
use super::{Service, ServiceError, lock};
use crate::record::EntryId;
use crate::store::{Store, Table};

/// Units after which a kept board is worth no more than reading all entries; a hundred thousand are read in about a
/// second.
const WORTHLESS: u64 = 100_000;
/// Units after which the board is kept anew while the daemon runs, and entries that came: a unit of a pull holds
/// hundreds.
const STALE: u64 = 20_000;
/// Entries that are kept together.
const TOGETHER: usize = 8_192;

/// Where every entry stands, and the last unit in it that is kept already; 0 if nothing is kept.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn board(store: &dyn Store) -> Result<(Board, u64), ServiceError> {
    match kept_board(store)? {
        Some(found) => Ok(found),
        None => Ok((read_board(store)?, 0)),
    }
}

/// The board that was kept, with everything on it that has happened since.
fn kept_board(store: &dyn Store) -> Result<Option<(Board, u64)>, ServiceError> {
    const PAGE: usize = 1_000;
    let Some(form) = form() else { return Ok(None) };
    let board = Mutex::new(Board::default());
    let take_in = |bytes: &[u8]| match postcard::from_bytes::<Piece>(bytes) {
        Ok(piece) => {
            lock(&board).take_in(piece);
            true
        }
        Err(_) => false,
    };
    let worth_it = |seq: u64| store.head().saturating_sub(seq) <= WORTHLESS;
    let Some(kept) = store.derived(&form, &worth_it, &take_in)? else { return Ok(None) };
    let mut board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut next = kept + 1;
    loop {
        let frames = store.log(next, PAGE)?;
        let Some(last) = frames.last() else { return Ok(Some((board, kept))) };
        next = last.seq + 1;
        for frame in &frames {
            for (table, _, value) in &frame.unit.writes {
                if let (Table::Entry, Some(value)) = (table, value) {
                    let row: EntryRow = rows::decode(value)?;
                    board.put(row.entry.id, frame.seq, &row);
                }
            }
        }
    }
}

/// What tells boards of this very program from those of any other: their form is nobody else's business.
fn form() -> Option<Vec<u8>> {
    let program = std::fs::metadata("/proc/self/exe").ok()?;
    let numbers = [program.dev(), program.ino(), program.size(), program.mtime() as u64, program.mtime_nsec() as u64];
    Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

/// Where every entry stands. Two threads read, because most of it is unsealing and decoding rows.
fn read_board(store: &dyn Store) -> Result<Board, ServiceError> {
    let (board, next) = (Mutex::new(Board::default()), AtomicUsize::new(0));
    // The first byte of an entry's identifier, which is a digest, divides them evenly.
    let read = || -> Result<(), ServiceError> {
        while let Ok(first) = u8::try_from(next.fetch_add(1, Ordering::Relaxed)) {
            let mut some = Vec::new();
            rows::for_each::<EntryRow>(store, Table::Entry, &[first], |_, read| {
                some.push(read);
                Ok(())
            })?;
            let mut board = lock(&board);
            some.iter().for_each(|read| board.put(read.row.entry.id, read.seq, &read.row));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let helper = scope.spawn(read);
        read().and(helper.join().unwrap_or(Err(ServiceError::Internal("a thread that reads entries failed"))))
    })?;
    Ok(board.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Service {
    /// Keeps the board for the next start. What cannot be kept is read anew then.
    pub fn keep_board(&self) {
        let Some(form) = form() else { return };
        // Every unit up to here is on the board.
        let seq = {
            let _none = self.on_their_way.write().unwrap_or_else(PoisonError::into_inner);
            self.store.head()
        };
        if seq == self.kept.load(Ordering::Relaxed) {
            return;
        }
        let ids = self.board().ids();
        let names = self.board().names_to_keep();
        // Later units may be in it too: they are put on the board again, and change nothing.
        let entries = ids.chunks(TOGETHER).map(|ids: &[EntryId]| self.board().entries_to_keep(ids));
        let mut pieces = std::iter::once(names)
            .chain(entries)
            .map(|piece| postcard::to_allocvec(&piece).map_err(|why| why.to_string()));
        if self.store.keep_derived(seq, &form, &mut pieces).is_ok() {
            self.kept.store(seq, Ordering::Relaxed);
            self.kept_entries.store(ids.len() as u64, Ordering::Relaxed);
        }
    }

    /// The same, when nothing is kept yet, or much has happened since it was.
    pub fn keep_board_if_stale(&self) {
        let kept = self.kept.load(Ordering::Relaxed);
        let units = self.store.head().saturating_sub(kept);
        let entries = (self.board().entries() as u64).saturating_sub(self.kept_entries.load(Ordering::Relaxed));
        if kept == 0 || units >= STALE || entries >= STALE {
            self.keep_board();
        }
    }
}
