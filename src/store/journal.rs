//! The journal: numbered segment files of frames, one frame a unit of work. It is the truth.
//!
//! Only the writer thread appends. A batch of frames is one write and one sync within one segment; when
//! it does not fit, a new segment is made first. Readers go through the shared [`Index`].

mod segment;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

pub use self::segment::make_directory;
use self::segment::{Segment, remove_unfinished, sync_directory};
use super::seal::{Opened, Sealer};
use super::{Frame, StoreError, payload};
use crate::audit::frame::{
    Digest, FRAME_OVERHEAD, RawFrame, SEGMENT_HEADER, SegmentHeader, parse_frame, segment_name, write_frame,
};
use crate::audit::{Chain, read_chain};

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

/// Why a batch was not appended. In both cases no frame of it took effect.
#[derive(Debug)]
pub enum AppendError {
    /// No space. The journal is as it was before.
    Full,
    /// What reached the disk is unknown. The journal takes no more.
    Stop(String),
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
    /// Reads what is in `directory` from end to end and changes nothing. `None` if there is no journal.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when something in it is damaged, [`StoreError::Unavailable`] when it
    /// cannot be read.
    pub fn read(directory: &Path, sealer: &Arc<Sealer>) -> Result<Option<(Chain, Arc<Index>)>, StoreError> {
        if !directory.is_dir() {
            return Ok(None);
        }
        let mut segments: Vec<SegmentIndex> = Vec::new();
        let chain = read_chain(directory, None, &mut |place, frame| {
            if segments.last().is_none_or(|segment| segment.number != place.segment) {
                segments.push(SegmentIndex::new(place.segment, frame.seq));
            }
            if let Some(segment) = segments.last_mut() {
                segment.starts.push(place.offset as u32);
                segment.end = place.offset as u32 + (FRAME_OVERHEAD + frame.payload.len()) as u32;
            }
            Ok(())
        })
        .map_err(|why| unreadable(directory, &why))?;
        if let Some(first) = chain.damage.first() {
            let more = match chain.damage.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            return Err(StoreError::Corrupt(format!(
                "the journal in {} is damaged: {first}{more}. Nothing was changed. Restore the whole store \
                 from the last backup; keep this directory, what is sound in it can still be read",
                directory.display()
            )));
        }
        if let (Some(end), Some(header)) = (chain.end, chain.segments.last())
            && segments.last().is_none_or(|segment| segment.number != end.segment)
        {
            segments.push(SegmentIndex::new(header.number, header.first));
        }
        let index =
            Index { directory: directory.to_owned(), segments: RwLock::new(segments), sealer: Arc::clone(sealer) };
        Ok(chain.end.is_some().then(|| (chain, Arc::new(index))))
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
        let segments = RwLock::new(vec![SegmentIndex::new(1, 1)]);
        Ok(Self {
            directory: directory.to_owned(),
            segment_bytes,
            segment,
            seq: 0,
            head: header.previous,
            index: Arc::new(Index { directory: directory.to_owned(), segments, sealer: Arc::clone(sealer) }),
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
            sealer: Arc::clone(&self.index.sealer),
        }
    }

    /// Makes a batch durable: one write, one sync.
    ///
    /// # Errors
    /// [`AppendError`]; no frame of the batch took effect.
    pub fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        if self.segment.end + batch.bytes.len() as u64 > self.segment.size {
            self.next_segment(batch.bytes.len() as u64)?;
        }
        if let Err(why) = self.segment.append(&batch.bytes) {
            self.segment.cut().map_err(|cut| stop(&cut))?;
            return if is_full(&why) { Err(AppendError::Full) } else { Err(stop(&why)) };
        }
        self.segment.sync().map_err(|why| stop(&why))?;
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
            Err(why) if is_full(&why) => Err(AppendError::Full),
            Err(why) => Err(stop(&why)),
        }
    }

    /// Where tests make writes fail.
    #[cfg(test)]
    pub fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.segment.faults)
    }
}

/// Where every frame that readers may see stands: four bytes a frame.
#[derive(Debug)]
pub struct Index {
    directory: PathBuf,
    segments: RwLock<Vec<SegmentIndex>>,
    sealer: Arc<Sealer>,
}

#[derive(Debug)]
struct SegmentIndex {
    number: u32,
    first: u64,
    starts: Vec<u32>,
    end: u32,
}

impl SegmentIndex {
    fn new(number: u32, first: u64) -> Self {
        Self { number, first, starts: Vec::new(), end: SEGMENT_HEADER as u32 }
    }
}

impl Index {
    fn begin(&self, header: &SegmentHeader) {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(SegmentIndex::new(header.number, header.first));
    }

    fn show(&self, starts: &mut Vec<u32>, end: u32) {
        if let Some(last) = self.segments.write().unwrap_or_else(PoisonError::into_inner).last_mut() {
            last.starts.append(starts);
            last.end = end;
        }
    }

    /// Sequence number of the last frame shown, and where the journal ends for readers.
    pub fn end(&self) -> (u64, Option<crate::audit::Place>) {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last().map_or((0, None), |last| {
            let place = crate::audit::Place { segment: last.number, offset: u64::from(last.end) };
            (last.first + last.starts.len() as u64 - 1, Some(place))
        })
    }

    fn start_of(&self, seq: u64) -> Option<(u32, u64)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let segment = segments.get(segments.partition_point(|segment| segment.first <= seq).checked_sub(1)?)?;
        let start = segment.starts.get(usize::try_from(seq - segment.first).ok()?)?;
        Some((segment.number, u64::from(*start)))
    }

    /// At most `max` frames from `from` on.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a frame is not what was written, [`StoreError::Unavailable`] when a
    /// file cannot be read.
    pub fn read(&self, from: u64, max: usize) -> Result<Vec<Frame>, StoreError> {
        let frame = |raw: &RawFrame<'_>, opened: Opened| {
            let unit = payload::decode(&opened.contents)?;
            Ok(Frame { seq: raw.seq, previous: raw.previous, digest: raw.digest, unit })
        };
        self.opened(from, max, &frame)
    }

    /// At most `max` frames from `from` on, made of each frame and its contents by `make`.
    ///
    /// # Errors
    /// As [`Index::read`].
    pub fn opened<T>(
        &self,
        from: u64,
        max: usize,
        make: &dyn Fn(&RawFrame<'_>, Opened) -> Result<T, String>,
    ) -> Result<Vec<T>, StoreError> {
        let mut frames = Vec::new();
        let mut next = from.max(1);
        while frames.len() < max {
            let Some((number, start, end)) = self.run(next, max - frames.len()) else { break };
            let mut bytes = vec![0; (end - start) as usize];
            File::open(self.directory.join(segment_name(number)))
                .and_then(|file| file.read_exact_at(&mut bytes, u64::from(start)))
                .map_err(|why| unreadable(&self.directory, &why))?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (raw, length) =
                    parse_frame(rest).filter(|(raw, _)| raw.seq == next).ok_or_else(|| self.damaged(number, next))?;
                let opened = self.sealer.open_frame(raw.seq, &raw.previous, raw.payload);
                frames.push(opened.and_then(|opened| make(&raw, opened)).map_err(|why| {
                    StoreError::Corrupt(format!("frame {next} in {} cannot be read: {why}", segment_name(number)))
                })?);
                rest = rest.get(length..).unwrap_or_default();
                next += 1;
            }
        }
        Ok(frames)
    }

    /// The bytes of at most `max` frames from `seq` on that stand in one segment: its number, start, end.
    fn run(&self, seq: u64, max: usize) -> Option<(u32, u32, u32)> {
        // One read stays small whatever `max` is.
        let max = max.min(1024);
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let segment = segments.get(segments.partition_point(|segment| segment.first <= seq).checked_sub(1)?)?;
        let skip = usize::try_from(seq - segment.first).ok()?;
        let start = *segment.starts.get(skip)?;
        let end = segment.starts.get(skip + max).copied().unwrap_or(segment.end);
        Some((segment.number, start, end))
    }

    fn damaged(&self, number: u32, seq: u64) -> StoreError {
        StoreError::Corrupt(format!(
            "frame {seq} in {} is damaged: stop the program and restore the store from the last backup",
            self.directory.join(segment_name(number)).display()
        ))
    }
}

fn is_full(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn stop(why: &io::Error) -> AppendError {
    AppendError::Stop(format!(
        "the journal could not be written to the disk ({why}): check the disk, then start the program again"
    ))
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
