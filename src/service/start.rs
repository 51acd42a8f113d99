//! How the board comes to be at a start: from what the last run kept of it, brought up to the log's end; else from
//! every entry's row. If another program kept it, or much has come since, people are served from it, and all that goes
//! through many entries and all that leaves waits until the entries that it may not know were read.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::board::{Board, LAYOUT, Piece};
use super::rows::{self, EntryRow};
use super::{Service, ServiceError, lock};
use crate::record::EntryId;
use crate::store::{Store, Table};

/// Units, or entries in them, that a start takes from the log, about as many as change before the daemon keeps the board
/// anew: some tenths of a second. If more came since it was kept, as in a big pull, the rest is read while people are
/// served.
const FROM_LOG: u64 = 20_000;
/// Entries that are kept together.
const TOGETHER: usize = 8_192;

/// A board at a start.
pub(super) struct Found {
    pub board: Board,
    /// What of it is kept already.
    pub kept: Kept,
    /// As in [`Service`].
    pub known: u64,
}

/// The board knows every entry as this program derives it.
const ALL: u64 = u64::MAX;

/// What is kept of the board for the next start.
pub(super) struct Kept {
    /// The last unit in it; 0 if nothing is kept.
    seq: u64,
    /// How many entries are on it.
    entries: u64,
    /// Since when.
    at: Instant,
}

/// Where every entry stands.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn board(store: &dyn Store) -> Result<Found, ServiceError> {
    match kept_board(store)? {
        Some(found) => Ok(found),
        None => Ok(Found { board: read_board(store)?, kept: Kept::now(0, 0), known: ALL }),
    }
}

impl Kept {
    fn now(seq: u64, entries: usize) -> Self {
        Self { seq, entries: entries as u64, at: Instant::now() }
    }
}

/// The board that was kept, with what has happened since, or the first of it.
fn kept_board(store: &dyn Store) -> Result<Option<Found>, ServiceError> {
    // A unit of a pull holds hundreds of entries.
    const PAGE: usize = 8;
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
    let Some(seq) = store.derived(&form(), &|_| true, &take_in)? else { return Ok(None) };
    let mut board = taking.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (kept, mut last, mut taken) = (Kept::now(seq, board.entries()), seq, 0);
    while taken < FROM_LOG {
        let frames = store.log(last + 1, PAGE)?;
        let Some(end) = frames.last() else {
            let known = if ours.into_inner() { ALL } else { 0 };
            return Ok(Some(Found { board, kept, known }));
        };
        last = end.seq;
        taken = taken.max(last - seq);
        for frame in &frames {
            for (table, _, value) in &frame.unit.writes {
                if let (Table::Entry, Some(value)) = (table, value) {
                    let row: EntryRow = rows::decode(value)?;
                    board.put(row.entry.id, frame.seq, &row);
                    taken += 1;
                }
            }
        }
    }
    let known = if ours.into_inner() { last } else { 0 };
    Ok(Some(Found { board, kept, known }))
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
    /// Whether the board knows every entry as this program derives it.
    pub(super) fn is_our_board(&self) -> bool {
        self.known.load(Ordering::Acquire) == ALL
    }

    /// Reads every entry again where another program derived the board, and of a board that was kept long ago those that
    /// it does not know. People read and decide meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read_board_again(&self) -> Result<(), ServiceError> {
        self.alone().map(drop)
    }

    /// Keeps pulls, publications and all else that goes through many entries from each other, and from a board that
    /// another program derived or that lacks what came last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn alone(&self) -> Result<MutexGuard<'_, ()>, ServiceError> {
        let one_at_a_time = lock(&self.batch);
        let known = self.known.load(Ordering::Acquire);
        if known != ALL {
            for first in 0..=u8::MAX {
                let mut some = Vec::new();
                rows::for_each_value(self.store.as_ref(), Table::Entry, &[first], |_, read| {
                    if read.seq > known {
                        some.push((read.seq, rows::decode::<EntryRow>(&read.value)?));
                    }
                    Ok(())
                })?;
                for (seq, row) in &some {
                    // Whatever a later unit made of it is on the board already, and stays.
                    self.board().put(row.entry.id, *seq, row);
                }
            }
            self.known.store(ALL, Ordering::Release);
            self.announce();
        }
        Ok(one_at_a_time)
    }

    /// Keeps the board for the next start. What cannot be kept is read anew then.
    pub fn keep_board(&self) {
        self.keep(&mut lock(&self.kept));
    }

    /// The same, when nothing is kept yet or much has happened since it was: `least` units or entries (a unit of a pull
    /// holds hundreds), and after less than `rest` at least as many as are on it, so that all keeping of a practice that
    /// comes in takes no longer than twice the last of it.
    pub fn keep_board_if_stale(&self, least: u64, rest: Duration) {
        let mut kept = lock(&self.kept);
        let units = self.store.head().saturating_sub(kept.seq);
        let entries = (self.board().entries() as u64).saturating_sub(kept.entries);
        let since = units.max(entries);
        if kept.seq == 0 || since >= least && (since >= kept.entries || kept.at.elapsed() >= rest) {
            self.keep(&mut kept);
        }
    }

    fn keep(&self, kept: &mut Kept) {
        let Some(program) = program().filter(|_| self.is_our_board()) else { return };
        // Every unit up to here is on the board.
        let seq = {
            let _none = self.on_their_way.write().unwrap_or_else(PoisonError::into_inner);
            self.store.head()
        };
        if seq == kept.seq {
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
            *kept = Kept::now(seq, ids.len());
        }
    }
}
