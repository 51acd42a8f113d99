//! How the board comes to be at a start: from what the last run kept of it, brought up to the log's end; else from
//! every entry's row. If another program kept it, people are served from it, and all that goes through many entries and
//! all that leaves waits until every entry was read again.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::board::{Board, LAYOUT, Piece};
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

/// A board at a start.
pub(super) struct Found {
    pub board: Board,
    /// The last unit in it that is kept already; 0 if nothing is kept.
    pub kept: u64,
    /// Whether this program derived it, or one like it to the byte: else all entries are to be read again before
    /// anything rests on it.
    pub ours: bool,
}

/// Where every entry stands.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn board(store: &dyn Store) -> Result<Found, ServiceError> {
    match kept_board(store)? {
        Some(found) => Ok(found),
        None => Ok(Found { board: read_board(store)?, kept: 0, ours: true }),
    }
}

/// The board that was kept, with everything on it that has happened since.
fn kept_board(store: &dyn Store) -> Result<Option<Found>, ServiceError> {
    const PAGE: usize = 1_000;
    let Some(program) = program() else { return Ok(None) };
    let (taking, ours) = (Mutex::new(Board::default()), AtomicBool::new(false));
    let take_in = |bytes: &[u8]| match postcard::from_bytes::<Piece>(bytes) {
        Ok(piece) => {
            if matches!(&piece, Piece::Program(kept) if *kept == program) {
                ours.store(true, Ordering::Relaxed);
            }
            lock(&taking).take_in(piece);
            true
        }
        Err(_) => false,
    };
    let worth_it = |seq: u64| store.head().saturating_sub(seq) <= WORTHLESS;
    let Some(kept) = store.derived(&form(), &worth_it, &take_in)? else { return Ok(None) };
    let mut board = taking.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ours = ours.into_inner();
    let mut next = kept + 1;
    loop {
        let frames = store.log(next, PAGE)?;
        let Some(last) = frames.last() else { return Ok(Some(Found { board, kept, ours })) };
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

/// What tells layouts of a kept board apart.
fn form() -> Vec<u8> {
    [b"board".as_slice(), &LAYOUT.to_le_bytes()].concat()
}

/// What tells this very program from any other.
fn program() -> Option<Vec<u8>> {
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
    /// Whether the board is one that this program derived.
    pub(super) fn is_our_board(&self) -> bool {
        self.our_board.load(Ordering::Acquire)
    }

    /// Reads every entry again where another program derived the board. People read and decide meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read_board_again(&self) -> Result<(), ServiceError> {
        self.alone().map(drop)
    }

    /// Keeps pulls, publications and all else that goes through many entries from each other, and from a board that
    /// another program derived.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn alone(&self) -> Result<MutexGuard<'_, ()>, ServiceError> {
        let one_at_a_time = lock(&self.batch);
        if !self.is_our_board() {
            for first in 0..=u8::MAX {
                let mut some = Vec::new();
                rows::for_each::<EntryRow>(self.store.as_ref(), Table::Entry, &[first], |_, read| {
                    some.push(read);
                    Ok(())
                })?;
                for read in &some {
                    // Whatever a later unit made of it is on the board already, and stays.
                    self.board().put(read.row.entry.id, read.seq, &read.row);
                }
            }
            self.our_board.store(true, Ordering::Release);
            self.announce();
        }
        Ok(one_at_a_time)
    }

    /// Keeps the board for the next start. What cannot be kept is read anew then.
    pub fn keep_board(&self) {
        let Some(program) = program().filter(|_| self.is_our_board()) else { return };
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
        let mut pieces = [Piece::Program(program), names]
            .into_iter()
            .chain(entries)
            .map(|piece| postcard::to_allocvec(&piece).map_err(|why| why.to_string()));
        if self.store.keep_derived(seq, &form(), &mut pieces).is_ok() {
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
