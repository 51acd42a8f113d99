//! How units get into sled: the last state of each row only, in key order, in batches that each leave a
//! row of progress that is true.

use std::thread;

use super::{
    APPLIED, Applied, Batch, Checksum, Db, IVec, Moment, Sealer, State, Step, UNITS, broken, damaged_row, peek,
    piece_key, row_key,
};

/// Longest value that sled is given, bytes.
pub(super) const PIECE: usize = 16 * 1024;
/// Most changes and bytes in one sled batch. Each begins a new buffer of sled's, which is written by itself.
const BATCH_WRITES: usize = 2_000;
const BATCH_BYTES: usize = 1 << 20;
/// From this many rows on, a second thread helps to seal them.
const WORTH_A_THREAD: usize = 256;

/// A row on its way into sled.
pub(super) struct Write<'a> {
    pub(super) name: Vec<u8>,
    seq: u64,
    value: Option<&'a [u8]>,
    sealed: Option<(Vec<u8>, Checksum)>,
}

impl<'a> Write<'a> {
    pub(super) fn new(name: Vec<u8>, seq: u64, value: Option<&'a [u8]>) -> Self {
        Self { name, seq, value, sealed: None }
    }

    /// The row's value as it stands in sled, `None` if the row goes.
    pub(super) fn sealed(&self, sealer: &Sealer) -> Result<Option<(Vec<u8>, Checksum)>, String> {
        let Some(value) = self.value else { return Ok(None) };
        let (table, key) = self.name.split_first().ok_or_else(damaged_row)?;
        sealer.seal(*table, key, self.seq, value).map(Some)
    }

    pub(super) fn seal(&mut self, sealer: &Sealer) -> Result<(), String> {
        self.sealed = self.sealed(sealer)?;
        Ok(())
    }
}

/// The last state of each row that units change, in key order.
pub(super) fn newest(steps: &[Step]) -> Vec<Write<'_>> {
    let mut writes: Vec<Write<'_>> = Vec::new();
    for step in steps {
        for (table, key, value) in &step.unit.writes {
            writes.push(Write::new(row_key(*table as u8, key), step.seq, value.as_deref()));
        }
        writes.push(Write::new(row_key(UNITS, &step.unit.id.0), step.seq, Some(&step.digest)));
    }
    // The last state of a row comes first, and stays.
    writes.reverse();
    writes.sort_by(|one, other| one.name.cmp(&other.name));
    writes.dedup_by(|later, first| later.name == first.name);
    writes
}

/// Puts units into sled and answers what the view has come to. `new_units` says that none of them was ever applied,
/// not even in part: they are then not looked for. Where that is wrong a unit's row is counted twice in the totals, the
/// next count finds the view damaged, and it is made anew.
pub(super) fn apply(
    rows: &Db,
    sealer: &Sealer,
    state: State,
    moment: Option<&mut Moment>,
    steps: &[Step],
    new_units: bool,
) -> Result<State, String> {
    let mut writes = newest(steps);
    seal_all(&mut writes, sealer)?;

    let mut pending = Pending::new(rows, sealer, state, moment, new_units);
    for write in writes {
        pending.write(write)?;
    }
    if let Some(step) = steps.last() {
        pending.state.applied.seq = step.seq;
        pending.state.applied.digest = step.digest;
    }
    pending.flush()?;
    Ok(pending.state)
}

fn seal_all(writes: &mut [Write<'_>], sealer: &Sealer) -> Result<(), String> {
    let seal = |writes: &mut [Write<'_>]| writes.iter_mut().try_for_each(|write| write.seal(sealer));
    if writes.len() < WORTH_A_THREAD {
        return seal(writes);
    }
    let (ours, theirs) = writes.split_at_mut(writes.len() / 2);
    thread::scope(|scope| {
        let helper = scope.spawn(|| seal(theirs));
        seal(ours).and(helper.join().unwrap_or_else(|_| Err("a thread failed".to_owned())))
    })
}

/// What the first piece of a row says without its value.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    pub pieces: u16,
    pub sum: u128,
    /// About how long the row is.
    pub bytes: u64,
}

impl Head {
    pub(super) fn of(pieces: u16, checksum: Checksum, first: usize) -> Self {
        let bytes = first as u64 + u64::from(pieces) * PIECE as u64;
        Self { pieces, sum: u128::from_le_bytes(checksum), bytes }
    }

    pub fn parse(head: &[u8]) -> Result<Self, String> {
        let (pieces, sealed) = head.split_first_chunk().ok_or_else(damaged_row)?;
        let (_, sum) = peek(sealed).ok_or_else(damaged_row)?;
        Ok(Self::of(u16::from_le_bytes(*pieces), sum, sealed.len()))
    }
}

/// Changes on their way into sled.
pub(super) struct Pending<'a> {
    rows: &'a Db,
    sealer: &'a Sealer,
    batch: Batch,
    writes: usize,
    bytes: usize,
    state: State,
    moment: Option<&'a mut Moment>,
    new_units: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(
        rows: &'a Db,
        sealer: &'a Sealer,
        state: State,
        moment: Option<&'a mut Moment>,
        new_units: bool,
    ) -> Self {
        Self { rows, sealer, batch: Batch::default(), writes: 0, bytes: 0, state, moment, new_units }
    }

    /// Each row comes once, sealed.
    pub(super) fn write(&mut self, Write { name, sealed, .. }: Write<'_>) -> Result<(), String> {
        let (table, key) = name.split_first().ok_or_else(damaged_row)?;
        let old = match self.new_units && *table == UNITS {
            true => None,
            false => self.rows.get(&name).map_err(|why| broken(&why))?,
        };
        if let Some(moment) = &mut self.moment {
            moment.keep(self.rows, &name, old.as_deref())?;
        }
        let old = old.map(|head| Head::parse(&head)).transpose()?;
        if old.is_none() && sealed.is_none() {
            return Ok(());
        }
        // Pieces first: if the program is killed between two batches, the old head still says which
        // pieces there are to take away, and the frame is applied again.
        for piece in 0..old.map_or(0, |old| old.pieces) {
            self.push(piece_key(*table, key, piece), None)?;
        }
        let Some((sealed, checksum)) = sealed else {
            return self.push_head(name, old, None);
        };
        let (first, rest) = sealed.split_at(sealed.len().min(PIECE));
        let mut pieces = 0u16;
        for bytes in rest.chunks(PIECE) {
            self.push(piece_key(*table, key, pieces), Some(bytes.to_vec()))?;
            pieces += 1;
        }
        self.push_head(name, old, Some((pieces, checksum, first)))
    }

    fn push_head(
        &mut self,
        name: Vec<u8>,
        old: Option<Head>,
        new: Option<(u16, Checksum, &[u8])>,
    ) -> Result<(), String> {
        let bytes = new.map(|(pieces, _, first)| [&pieces.to_le_bytes(), first].concat());
        self.room_for(name.len() + bytes.as_ref().map_or(0, Vec::len))?;
        let head = new.map(|(pieces, checksum, first)| Head::of(pieces, checksum, first.len()));
        self.state.change(&name, old, head);
        self.push(name, bytes)
    }

    fn push(&mut self, name: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), String> {
        let bytes = name.len() + value.as_ref().map_or(0, Vec::len);
        self.room_for(bytes)?;
        self.writes += 1;
        self.bytes += bytes;
        match value {
            Some(value) => self.batch.insert(name, value),
            None => self.batch.remove(name),
        }
        Ok(())
    }

    fn room_for(&mut self, bytes: usize) -> Result<(), String> {
        let fits = self.writes + 1 < BATCH_WRITES && self.bytes + bytes <= BATCH_BYTES;
        if fits || self.writes == 0 { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), String> {
        self.batch.insert(IVec::from(&[APPLIED]), self.state.applied.row(self.sealer)?);
        self.rows.apply_batch(std::mem::take(&mut self.batch)).map_err(|why| broken(&why))?;
        (self.writes, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Applied {
    fn row(&self, sealer: &Sealer) -> Result<Vec<u8>, String> {
        let mut value = self.digest.to_vec();
        self.totals.write(&mut value);
        Ok(sealer.seal(APPLIED, &[], self.seq, &value)?.0)
    }
}
