//! How a view is made anew, quickly: its rows go into sled one by one, by as many threads as nobody else needs, and only
//! when all are there a row says how far it has come. What is there before that is worth nothing: it is never opened.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::apply::{Head, PIECE, Write, newest};
use super::count::Totals;
use super::damaged::caught;
use super::{Applied, Db, NO_FRAME, Sealer, Step, View, broken, damaged_row, piece_key};

/// A file in a view that is not whole yet.
pub const UNFINISHED: &str = "unfinished";
/// From this many rows on, another thread is worth its start.
const WORTH_A_THREAD: usize = 256;

/// A view that is being made.
#[derive(Debug)]
pub struct Unfinished {
    view: View,
    made: Applied,
    threads: usize,
}

impl Unfinished {
    /// Begins in a new folder. `threads` put rows into it at a time.
    ///
    /// # Errors
    /// Why there can be no view.
    pub fn begin(directory: &Path, sealer: &Arc<Sealer>, cache_bytes: u64, threads: usize) -> Result<Self, String> {
        let cannot = |why| format!("{} cannot be written ({why})", directory.display());
        fs::create_dir(directory).and_then(|()| fs::write(directory.join(UNFINISHED), [])).map_err(cannot)?;
        let applied = Applied { seq: 0, digest: NO_FRAME, totals: Totals::default() };
        let view = View::of(super::open_rows(directory, cache_bytes)?, directory, sealer, applied.clone(), true);
        Ok(Self { view, made: applied, threads })
    }

    /// Puts in units that follow those that were put in before.
    ///
    /// # Errors
    /// Why it cannot become a view any more.
    pub fn fill(&mut self, steps: &[Step]) -> Result<(), String> {
        let Some(last) = steps.last() else { return Ok(()) };
        let writes = newest(steps);
        let share = writes.len().div_ceil(self.threads.max(1)).max(WORTH_A_THREAD);
        let rows = self.view.rows();
        let put = |share: &[Write<'_>]| caught(|| put_all(&rows, &self.view.sealer, share));
        let changed: Vec<Totals> = thread::scope(|scope| {
            let mut shares = writes.chunks(share);
            let ours = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || put(share))).collect();
            let others =
                others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err("a thread failed".to_owned())));
            std::iter::once(put(ours)).chain(others).collect::<Result<_, String>>()
        })?;
        changed.iter().for_each(|changed| self.made.totals.add(changed));
        (self.made.seq, self.made.digest) = (last.seq, last.digest);
        Ok(())
    }

    /// Says that all is there.
    ///
    /// # Errors
    /// Why it cannot be a view.
    pub fn finish(self) -> Result<View, String> {
        let Self { view, made, .. } = self;
        view.changing().applied = made;
        view.apply(&[])?;
        let directory = view.directory();
        let cannot = |why| format!("{} cannot be written ({why})", directory.display());
        fs::remove_file(directory.join(UNFINISHED)).map_err(cannot)?;
        Ok(view)
    }
}

/// Puts rows into sled and answers what that changes. Each comes once, and nobody else puts the same.
fn put_all(rows: &Db, sealer: &Sealer, writes: &[Write<'_>]) -> Result<Totals, String> {
    let mut changed = Totals::default();
    for write in writes {
        let (table, key) = write.name.split_first().ok_or_else(damaged_row)?;
        let sealed = write.sealed(sealer)?;
        let (head, rest) = match &sealed {
            Some((sealed, checksum)) => {
                let (first, rest) = sealed.split_at(sealed.len().min(PIECE));
                let pieces = rest.chunks(PIECE).len() as u16;
                let head = [&pieces.to_le_bytes(), first].concat();
                (Some((Head::of(pieces, *checksum, first.len()), head)), rest)
            }
            None => (None, [].as_slice()),
        };
        let new = head.as_ref().map(|(head, _)| *head);
        let old = match head {
            Some((_, head)) => rows.insert(&write.name, head),
            None => rows.remove(&write.name),
        };
        let old = old.map_err(|why| broken(&why))?.map(|head| Head::parse(&head)).transpose()?;
        let mut pieces = rest.chunks(PIECE);
        for piece in 0..old.map_or(0, |old| old.pieces).max(new.map_or(0, |new| new.pieces)) {
            let name = piece_key(*table, key, piece);
            match pieces.next() {
                Some(bytes) => rows.insert(name, bytes),
                None => rows.remove(name),
            }
            .map_err(|why| broken(&why))?;
        }
        changed.replace(*table, old, new);
    }
    Ok(changed)
}
