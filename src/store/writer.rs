//! How units become durable: whoever comes while nobody writes takes what waits, judges it, makes it durable
//! with one sync, shows it and answers. So a lone caller never waits for another thread to wake up, and
//! many callers share a sync.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use chrono::Datelike;

use super::ballast::Ballast;
use super::journal::{AppendError, Journal};
use super::newyear::Keys;
use super::sled::{Step, View};
use super::{Expect, Receipt, StoreError, Table, Unit, UnitId, payload};

/// Most units, and about how many bytes of them, that share a sync.
const BATCH_UNITS: usize = 1024;
const BATCH_BYTES: usize = 8 << 20;

/// A unit that waits for its receipt.
#[derive(Debug)]
struct Request {
    unit: Arc<Unit>,
    payload: Vec<u8>,
    /// Who waits. Takes one turn without blocking.
    turn: SyncSender<Turn>,
}

/// What somebody who waits is told.
#[derive(Debug)]
enum Turn {
    /// To write: for themselves and for all who wait behind them.
    Write,
    /// The outcome.
    Done(Result<Receipt, StoreError>),
}

/// Those who wait, in order.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Request>,
    /// Whether somebody writes or has been told to.
    served: bool,
}

/// Where units come in.
#[derive(Debug)]
pub struct Writer {
    line: Mutex<Line>,
    desk: Mutex<Desk>,
    /// Why the store takes no more writes. Set once.
    stopped: Arc<OnceLock<String>>,
}

/// What only one caller at a time has in hand.
#[derive(Debug)]
pub struct Desk {
    /// The journal, which nobody else appends to.
    pub journal: Journal,
    /// The view, which shows what is durable.
    pub view: Arc<View>,
    /// The keys, of which a new year gets a new one.
    pub keys: Arc<Keys>,
    /// Why the store takes no more writes. Set once.
    pub stopped: Arc<OnceLock<String>>,
    /// The store's directory.
    pub directory: PathBuf,
    /// Least free space for new work, bytes.
    pub floor: u64,
    /// What is let go before work is refused.
    pub ballast: Ballast,
}

/// What the units of the batch at hand have changed so far.
#[derive(Default)]
struct Staged {
    units: HashMap<UnitId, Receipt>,
    rows: HashMap<(Table, Vec<u8>), Option<u64>>,
}

impl Writer {
    /// A writer that begins with nobody waiting.
    pub fn new(desk: Desk) -> Self {
        Self { line: Mutex::default(), stopped: Arc::clone(&desk.stopped), desk: Mutex::new(desk) }
    }

    /// Makes a unit durable and shows it; see [`super::Store::commit`].
    ///
    /// # Errors
    /// As there.
    pub fn commit(&self, unit: Unit) -> Result<Receipt, StoreError> {
        let payload = payload::encode(&unit)?;
        let (turn, turns) = sync_channel(1);
        let first = {
            let mut line = lock(&self.line);
            line.waiting.push_back(Request { unit: Arc::new(unit), payload, turn });
            !std::mem::replace(&mut line.served, true)
        };
        if first {
            self.write();
        }
        loop {
            match turns.recv() {
                Ok(Turn::Done(outcome)) => return outcome,
                Ok(Turn::Write) => self.write(),
                // Whoever wrote for us panicked, and nobody knows how far they came.
                Err(_) => return Err(StoreError::OutcomeUnknown(self.why_stopped())),
            }
        }
    }

    /// Why no more work is taken.
    pub fn why_stopped(&self) -> String {
        self.stopped.get().cloned().unwrap_or_else(|| "the writer has failed: start the program again".to_owned())
    }

    /// Serves the first of those who wait, the caller among them, and hands on the turn.
    fn write(&self) {
        let handing_on = HandOn(self);
        let waiting = self.next_batch();
        let answers = lock(&self.desk).serve(&waiting);
        drop(handing_on);
        for (request, answer) in waiting.into_iter().zip(answers) {
            // Whoever asked may have gone.
            let _ = request.turn.send(Turn::Done(answer));
        }
    }

    fn next_batch(&self) -> Vec<Request> {
        let mut line = lock(&self.line);
        let mut bytes = 0;
        let fits = |request: &&Request| {
            let before = bytes;
            bytes += request.payload.len();
            before < BATCH_BYTES
        };
        let count = line.waiting.iter().take(BATCH_UNITS).take_while(fits).count();
        line.waiting.drain(..count).collect()
    }
}

/// Gives the turn to the next in line when it is dropped, however that comes.
struct HandOn<'a>(&'a Writer);

impl Drop for HandOn<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.stopped.set("it failed while it was writing: start the program again".to_owned());
        }
        let mut line = lock(&self.0.line);
        // Whoever has gone cannot write; their unit is written by the next.
        line.served = line.waiting.iter().any(|request| request.turn.send(Turn::Write).is_ok());
    }
}

/// What is behind these locks is whole between any two steps; a panic sets `stopped`.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    fn serve(&mut self, waiting: &[Request]) -> Vec<Result<Receipt, StoreError>> {
        if let Some(why) = self.stopped.get() {
            return waiting.iter().map(|_| Err(StoreError::ReadOnly(why.clone()))).collect();
        }
        let records = waiting.iter().flat_map(|request| &request.unit.audit);
        if let Some(year) = records.map(|record| record.at.year()).max() {
            self.keys.turn_to(year);
        }
        let before = self.journal.seq();
        let mut staged = Staged::default();
        let mut batch = self.journal.batch();
        let mut steps = Vec::with_capacity(waiting.len());
        let mut answers = Vec::with_capacity(waiting.len());
        for Request { unit, payload, .. } in waiting {
            answers.push(self.judge(unit, &staged).and_then(|known| {
                if let Some(receipt) = known {
                    return Ok(receipt);
                }
                let (seq, leaf) = batch.push(payload).map_err(|why| {
                    StoreError::Unavailable(format!("the unit of work cannot be sealed, {why}: try again"))
                })?;
                steps.push(Step { seq, digest: leaf, unit: Arc::clone(unit) });
                let receipt = Receipt { seq, leaf, replayed: false };
                if waiting.len() > 1 {
                    staged.add(unit, receipt);
                }
                Ok(receipt)
            }));
        }
        if batch.is_empty() {
            return answers;
        }
        let failed = match self.append(&batch) {
            Ok(()) => self.show(steps).err(),
            Err(failed) => Some(failed),
        };
        if let Some(failed) = failed {
            for answer in &mut answers {
                match answer {
                    Ok(receipt) if receipt.seq > before => *answer = Err(failed.of_a_frame()),
                    Ok(_) => {}
                    // A conflict may be with a unit of this very batch, so nobody gets the answer meant for success.
                    Err(_) => *answer = Err(failed.of_no_frame()),
                }
            }
        }
        answers
    }

    /// The receipt of a unit that took effect before, or `None` if this one may.
    fn judge(&self, unit: &Unit, staged: &Staged) -> Result<Option<Receipt>, StoreError> {
        if let Some(receipt) = staged.units.get(&unit.id) {
            return Ok(Some(Receipt { replayed: true, ..*receipt }));
        }
        if let Some((seq, leaf)) = self.view.unit(unit.id).map_err(|why| super::embedded::damaged_view(&why))? {
            return Ok(Some(Receipt { seq, leaf, replayed: true }));
        }
        for (table, key, expect) in &unit.pre {
            let row = (*table, key.clone());
            let seq = match staged.rows.get(&row) {
                Some(seq) => *seq,
                None => self.view.seq_of(*table, key).map_err(|why| super::embedded::damaged_view(&why))?,
            };
            let holds = match expect {
                Expect::Absent => seq.is_none(),
                Expect::Exists => seq.is_some(),
                Expect::At(wanted) => seq == Some(*wanted),
            };
            if !holds {
                return Err(StoreError::Conflict(row.0, row.1));
            }
        }
        Ok(None)
    }

    fn append(&mut self, batch: &super::journal::Batch) -> Result<(), Failed> {
        let full = || Failed::Full(self.directory.display().to_string());
        let space = || super::space_of(&self.directory).map_err(|why| self.stop(why));
        if space()?.free < self.floor && !(self.ballast.let_go() && space()?.free >= self.floor) {
            return Err(full());
        }
        let done = match self.journal.append(batch) {
            // Somebody else took the rest: there may be room for this much yet.
            Err(AppendError::Full) if self.ballast.let_go() => self.journal.append(batch),
            done => done,
        };
        done.map_err(|why| match why {
            AppendError::Full => full(),
            AppendError::Stop(why) => self.stop(why),
            AppendError::Unknown(why) => Failed::Unknown(self.stop_for(why)),
        })
    }

    fn show(&mut self, steps: Vec<Step>) -> Result<(), Failed> {
        self.view.show(steps).map_err(|why| Failed::Unknown(self.stop_for(behind(&why))))?;
        self.journal.show();
        Ok(())
    }

    fn stop(&self, why: String) -> Failed {
        Failed::Stopped(self.stop_for(why))
    }

    /// Answers why the store stopped, which may have been for something else before.
    fn stop_for(&self, why: String) -> String {
        self.stopped.get_or_init(|| why).clone()
    }
}

/// Why a store stops whose view does not follow the journal.
pub fn behind(why: &str) -> String {
    format!("the journal has the work, but the view of it failed, {why}: start the program again")
}

impl Staged {
    fn add(&mut self, unit: &Unit, receipt: Receipt) {
        self.units.insert(unit.id, receipt);
        for (table, key, value) in &unit.writes {
            self.rows.insert((*table, key.clone()), value.as_ref().map(|_| receipt.seq));
        }
    }
}

/// Why a whole batch failed.
enum Failed {
    Full(String),
    Stopped(String),
    /// Its frames were handed to the file, and may be there at the next start.
    Unknown(String),
}

impl Failed {
    /// What is told to whoever has a frame in the batch.
    fn of_a_frame(&self) -> StoreError {
        match self {
            Self::Unknown(why) => StoreError::OutcomeUnknown(why.clone()),
            _ => self.of_no_frame(),
        }
    }

    /// What is told to whoever stood in line with it, and has none.
    fn of_no_frame(&self) -> StoreError {
        match self {
            Self::Full(place) => StoreError::Full(place.clone()),
            Self::Stopped(why) | Self::Unknown(why) => StoreError::ReadOnly(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
