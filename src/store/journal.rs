//! The journal: numbered segment files of frames, one frame a unit of work. It is the truth.
//!
//! Only the writer thread appends. A batch of frames is one write and one sync within one segment; when
//! it does not fit, a new segment is made first. Readers go through the shared [`Index`].

mod index;
mod segment;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use self::index::Index;
use self::index::Starts;
#[cfg(test)]
pub use self::segment::fail_directory_syncs;
use self::segment::{Segment, remove_unfinished};
pub use self::segment::{make_directory, sync_directory};
use super::StoreError;
use super::seal::Sealer;
use crate::audit::frame::{Digest, RawFrame, SEGMENT_HEADER, SegmentHeader, write_frame};
use crate::audit::{Chain, Place, read_chain, read_end};

/// Makes writes and syncs fail, for tests.
#[cfg(test)]
#[derive(Debug, Default)]
pub struct Faults {
    pub write: std::sync::atomic::AtomicBool,
    pub sync: std::sync::atomic::AtomicBool,
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    segment_bytes: u64,
    segment: Segment,
    seq: u64,
    head: Digest,
    index: Arc<Index>,
    /// Frames that are durable and not yet shown to readers.
    unshown: Vec<u32>,
}

/// Frames to be appended together.
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each frame begins in `bytes`.
    starts: Vec<u32>,
    seq: u64,
    head: Digest,
    synced: u64,
    sealer: Arc<Sealer>,
}

/// Why a batch was not appended.
#[derive(Debug)]
pub enum AppendError {
    /// No space. The journal is as it was before.
    Full,
    /// The journal takes no more. No frame of the batch is in it.
    Stop(String),
    /// The journal takes no more. Any of the frames may be in it, and take effect at the next start.
    Unknown(String),
}

impl Batch {
    /// Seals a unit into a frame, adds it and returns its place and its digest.
    ///
    /// # Errors
    /// Why it cannot be sealed; the batch is as it was.
    pub fn push(&mut self, payload: &[u8]) -> Result<(u64, Digest), String> {
        let sealed = self.sealer.seal_frame(self.seq + 1, &self.head, payload)?;
        self.starts.push(self.bytes.len() as u32);
        self.seq += 1;
        self.head = write_frame(&mut self.bytes, self.seq, self.synced, &self.head, &sealed);
        Ok((self.seq, self.head))
    }

    /// Adds a frame whose contents were sealed for this place before.
    pub fn push_sealed(&mut self, synced: u64, sealed: &[u8]) {
        self.starts.push(self.bytes.len() as u32);
        self.seq += 1;
        self.head = write_frame(&mut self.bytes, self.seq, synced, &self.head, sealed);
    }

    /// Bytes that it will take.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no frame.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

impl Journal {
    /// Reads what is in `directory`, up to `whole` bytes from end to end, of a bigger journal the last segment
    /// alone, and changes nothing. `None` if there is no journal.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when something in it is damaged, [`StoreError::Unavailable`] when it
    /// cannot be read.
    pub fn read(directory: &Path, sealer: &Arc<Sealer>, whole: u64) -> Result<Option<Found>, StoreError> {
        if !directory.is_dir() {
            return Ok(None);
        }
        let unreadable = |why: io::Error| unreadable(directory, &why);
        let starts = Starts::default();
        let each = |place: Place, frame: &RawFrame<'_>| {
            starts.add(place, frame);
            Ok(())
        };
        let end = match size(directory).map_err(unreadable)? > whole {
            true => read_end(directory, &each).map_err(unreadable)?,
            false => None,
        };
        let in_part = end.is_some();
        let chain = match end {
            Some(chain) => chain,
            None => read_chain(directory, None, &each).map_err(unreadable)?,
        };
        if !chain.damage.is_empty() {
            return Err(StoreError::Corrupt(format!(
                "{}. Nothing was changed. {RESTORE}",
                damage_of(directory, &chain)
            )));
        }
        let index = Arc::new(Index::new(directory, starts.of(&chain), sealer));
        Ok(chain.end.is_some().then_some(Found { chain, index, in_part }))
    }

    /// Makes a journal without frames.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be made.
    pub fn create(directory: &Path, segment_bytes: u64, sealer: &Arc<Sealer>) -> Result<Self, StoreError> {
        let header = SegmentHeader { number: 1, first: 1, previous: crate::audit::frame::NO_FRAME };
        let segment = make_directory(directory)
            .and_then(|()| remove_unfinished(directory))
            .and_then(|()| Segment::create(directory, &header, segment_bytes))
            .map_err(|why| unwritable(directory, &why))?;
        Ok(Self {
            directory: directory.to_owned(),
            segment_bytes,
            segment,
            seq: 0,
            head: header.previous,
            index: Arc::new(Index::new(directory, Starts::of_new(&header), sealer)),
            unshown: Vec::new(),
        })
    }

    /// Opens for appending what [`Journal::read`] found: cuts what an interrupted append left behind the
    /// last whole frame, and makes sure that every whole frame is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the files cannot be written.
    pub fn repair(directory: &Path, segment_bytes: u64, chain: &Chain, index: Arc<Index>) -> Result<Self, StoreError> {
        let end = chain.end.ok_or_else(|| StoreError::Unavailable("the journal has no segment".to_owned()))?;
        let unsure = index.start_of(chain.synced + 1).filter(|place| place.0 == end.segment);
        let segment = remove_unfinished(directory)
            .and_then(|()| Segment::open(directory, end.segment, end.offset, segment_bytes))
            .and_then(|segment| {
                segment.repair(unsure.map_or(end.offset, |place| place.1))?;
                sync_directory(directory)?;
                Ok(segment)
            })
            .map_err(|why| unwritable(directory, &why))?;
        Ok(Self {
            directory: directory.to_owned(),
            segment_bytes,
            segment,
            seq: chain.seq,
            head: chain.head,
            index,
            unshown: Vec::new(),
        })
    }

    /// The sequence number of the last durable frame, 0 if there is none.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What readers read frames through.
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
    }

    /// The batch that would come next.
    pub fn batch(&self) -> Batch {
        Batch {
            bytes: Vec::new(),
            starts: Vec::new(),
            seq: self.seq,
            head: self.head,
            synced: self.seq,
            sealer: self.index.sealer(),
        }
    }

    /// Makes a batch durable: one write, one sync.
    ///
    /// # Errors
    /// [`AppendError`]; no frame of the batch takes effect before the next start.
    pub fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        if self.segment.end + batch.bytes.len() as u64 > self.segment.size {
            self.next_segment(batch.bytes.len() as u64)?;
        }
        if let Err(why) = self.segment.append(&batch.bytes) {
            self.segment.cut().map_err(|cut| AppendError::Unknown(failed(&cut)))?;
            return Err(full_or_stop(&why));
        }
        let begun = Instant::now();
        self.segment.sync().map_err(|why| AppendError::Unknown(failed(&why)))?;
        self.index.syncs.count(begun.elapsed());
        self.unshown.extend(batch.starts.iter().map(|start| self.segment.end as u32 + start));
        self.segment.end += batch.bytes.len() as u64;
        self.seq = batch.seq;
        self.head = batch.head;
        Ok(())
    }

    /// Lets readers see the frames that were appended.
    pub fn show(&mut self) {
        self.index.show(&mut self.unshown, self.segment.end as u32);
    }

    fn next_segment(&mut self, at_least: u64) -> Result<(), AppendError> {
        let header = SegmentHeader { number: self.segment.number + 1, first: self.seq + 1, previous: self.head };
        let size = self.segment_bytes.max(SEGMENT_HEADER as u64 + at_least);
        match Segment::create(&self.directory, &header, size) {
            Ok(segment) => {
                #[cfg(test)]
                let segment = segment.with(self.faults());
                self.segment = segment;
                self.index.begin(&header);
                Ok(())
            }
            Err(why) => Err(full_or_stop(&why)),
        }
    }

    /// Where tests make writes fail.
    #[cfg(test)]
    pub fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.segment.faults)
    }
}

/// What reading a journal found.
#[derive(Debug)]
pub struct Found {
    /// What it says of itself.
    pub chain: Chain,
    /// Where its frames stand.
    pub index: Arc<Index>,
    /// Whether only its end was read.
    pub in_part: bool,
}

/// What to do about a damaged journal.
pub const RESTORE: &str = "Restore the whole store from the last backup; keep this directory, what is sound in it can \
                           still be read";

/// What is wrong with a journal, in one clause.
pub fn damage_of(directory: &Path, chain: &Chain) -> String {
    let more = match chain.damage.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = chain.damage.first().map_or("it differs from what was written", String::as_str);
    format!("the journal in {} is damaged: {first}{more}", directory.display())
}

fn size(directory: &Path) -> io::Result<u64> {
    std::fs::read_dir(directory)?.try_fold(0, |sum, file| Ok(sum + file?.metadata()?.len()))
}

fn is_full(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn full_or_stop(why: &io::Error) -> AppendError {
    if is_full(why) { AppendError::Full } else { AppendError::Stop(failed(why)) }
}

fn failed(why: &io::Error) -> String {
    format!("the journal could not be written to the disk ({why}): check the disk, then start the program again")
}

fn unreadable(directory: &Path, why: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot read the journal in {}: {why}", directory.display()))
}

fn unwritable(directory: &Path, why: &io::Error) -> StoreError {
    if is_full(why) {
        StoreError::Full(directory.display().to_string())
    } else {
        StoreError::Unavailable(format!("cannot write the journal in {}: {why}", directory.display()))
    }
}
