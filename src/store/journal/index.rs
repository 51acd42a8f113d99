//! Where every frame stands, for those who read while others write.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use super::super::health::Times;
use super::super::seal::{Opened, Sealer};
use super::super::{Frame, StoreError, payload};
use super::unreadable;
use crate::audit::frame::{FRAME_OVERHEAD, RawFrame, SEGMENT_HEADER, SegmentHeader, parse_frame, segment_name};
use crate::audit::{Chain, Place};

/// About how many bytes of frames are read at a time.
const READ_BYTES: u32 = 8 << 20;

/// Collects where frames stand, of several segments at once.
#[derive(Default)]
pub(super) struct Starts(Mutex<HashMap<u32, (Vec<u32>, u32)>>);

impl Starts {
    pub fn add(&self, place: Place, frame: &RawFrame<'_>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (starts, end) = all.entry(place.segment).or_default();
        starts.push(place.offset as u32);
        *end = place.offset as u32 + (FRAME_OVERHEAD + frame.payload.len()) as u32;
    }

    /// The frames of a journal that was just made.
    pub fn of_new(header: &SegmentHeader) -> Vec<SegmentIndex> {
        vec![SegmentIndex::new(header.number, header.first)]
    }

    pub fn of(self, chain: &Chain) -> Vec<SegmentIndex> {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let last = chain.segments.last().map(|header| header.number);
        let index = |header: &SegmentHeader| {
            let mut index = SegmentIndex::new(header.number, header.first);
            match all.remove(&header.number) {
                Some((starts, end)) => (index.starts, index.end) = (Some(starts), end),
                None if Some(header.number) == last => {}
                None => index.starts = None,
            }
            index
        };
        chain.segments.iter().map(index).collect()
    }
}

/// Where every frame that readers may see stands: four bytes a frame.
#[derive(Debug)]
pub struct Index {
    directory: PathBuf,
    segments: RwLock<Vec<SegmentIndex>>,
    sealer: Arc<Sealer>,
    /// How long syncs took.
    pub syncs: Times,
}

#[derive(Debug)]
pub(super) struct SegmentIndex {
    number: u32,
    first: u64,
    /// `None` until somebody asks for a frame of a segment that was not read at the start.
    starts: Option<Vec<u32>>,
    end: u32,
}

impl SegmentIndex {
    fn new(number: u32, first: u64) -> Self {
        Self { number, first, starts: Some(Vec::new()), end: SEGMENT_HEADER as u32 }
    }
}

impl Index {
    pub(super) fn new(directory: &Path, segments: Vec<SegmentIndex>, sealer: &Arc<Sealer>) -> Self {
        Self {
            directory: directory.to_owned(),
            segments: RwLock::new(segments),
            sealer: Arc::clone(sealer),
            syncs: Times::default(),
        }
    }

    pub(super) fn sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer)
    }

    pub(super) fn begin(&self, header: &SegmentHeader) {
        self.changing().push(SegmentIndex::new(header.number, header.first));
    }

    pub(super) fn show(&self, starts: &mut Vec<u32>, end: u32) {
        if let Some(last) = self.changing().last_mut() {
            last.starts.get_or_insert_default().append(starts);
            last.end = end;
        }
    }

    fn segments(&self) -> RwLockReadGuard<'_, Vec<SegmentIndex>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> RwLockWriteGuard<'_, Vec<SegmentIndex>> {
        self.segments.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sequence number of the last frame shown, and where the journal ends for readers.
    pub fn end(&self) -> (u64, Option<Place>) {
        self.segments().last().map_or((0, None), |last| {
            let place = Place { segment: last.number, offset: u64::from(last.end) };
            (last.first + last.starts.as_ref().map_or(0, Vec::len) as u64 - 1, Some(place))
        })
    }

    /// Waits until readers see the frame `seq`, which is durable and about to be shown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it is not: whoever was to show it has failed.
    pub fn wait_for(&self, seq: u64) -> Result<(), StoreError> {
        for _ in 0..1_000 {
            if self.end().0 >= seq {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err(StoreError::Unavailable(format!("frame {seq} of the journal is not to be seen: start the program again")))
    }

    /// Where a frame stands, if it was read at the start.
    pub(super) fn start_of(&self, seq: u64) -> Option<(u32, u64)> {
        let segments = self.segments();
        let segment = segments.get(segments.partition_point(|segment| segment.first <= seq).checked_sub(1)?)?;
        let start = segment.starts.as_ref()?.get(usize::try_from(seq - segment.first).ok()?)?;
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
        while frames.len() < max {
            let some = self.some(from.max(1) + frames.len() as u64, max - frames.len(), make)?;
            if some.is_empty() {
                break;
            }
            frames.extend(some);
        }
        Ok(frames)
    }

    /// The same, but of a few megabytes at most, and of at least one frame if there is any.
    ///
    /// # Errors
    /// As [`Index::read`].
    pub fn some<T>(
        &self,
        from: u64,
        max: usize,
        make: &dyn Fn(&RawFrame<'_>, Opened) -> Result<T, String>,
    ) -> Result<Vec<T>, StoreError> {
        let Some((number, start, end)) = self.run(from, max)? else { return Ok(Vec::new()) };
        let mut bytes = vec![0; (end - start) as usize];
        File::open(self.directory.join(segment_name(number)))
            .and_then(|file| file.read_exact_at(&mut bytes, u64::from(start)))
            .map_err(|why| unreadable(&self.directory, &why))?;
        let (mut rest, mut next) = (bytes.as_slice(), from);
        let mut frames = Vec::new();
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
        Ok(frames)
    }

    /// The bytes of at most `max` frames from `seq` on that stand in one segment: its number, start, end.
    fn run(&self, seq: u64, max: usize) -> Result<Option<(u32, u32, u32)>, StoreError> {
        let segments = self.segments();
        let Some(at) = segments.partition_point(|segment| segment.first <= seq).checked_sub(1) else {
            return Ok(None);
        };
        let Some(segment) = segments.get(at) else { return Ok(None) };
        let Some(starts) = &segment.starts else {
            let (number, first, next) = (segment.number, segment.first, segments.get(at + 1).map(|next| next.first));
            drop(segments);
            self.read_starts(at, number, first, next)?;
            return self.run(seq, max);
        };
        let Some(from) = usize::try_from(seq - segment.first).ok().and_then(|skip| starts.get(skip..)) else {
            return Ok(None);
        };
        let Some(start) = from.first() else { return Ok(None) };
        let count = from.partition_point(|other| other - start < READ_BYTES).min(max);
        let end = from.get(count).copied().unwrap_or(segment.end);
        Ok((max > 0).then_some((segment.number, *start, end)))
    }

    fn read_starts(&self, at: usize, number: u32, first: u64, next: Option<u64>) -> Result<(), StoreError> {
        let bytes = std::fs::read(self.directory.join(segment_name(number)))
            .map_err(|why| unreadable(&self.directory, &why))?;
        let (mut starts, mut end) = (Vec::new(), SEGMENT_HEADER);
        while let Some((_, length)) = bytes.get(end..).and_then(parse_frame) {
            starts.push(end as u32);
            end += length;
        }
        let count = starts.len() as u64;
        if next.is_some_and(|next| next != first + count) {
            return Err(self.damaged(number, first + count));
        }
        if let Some(segment) = self.changing().get_mut(at) {
            (segment.starts, segment.end) = (Some(starts), end as u32);
        }
        Ok(())
    }

    fn damaged(&self, number: u32, seq: u64) -> StoreError {
        StoreError::Corrupt(format!(
            "frame {seq} in {} is damaged: stop the program and restore the store from the last backup",
            self.directory.join(segment_name(number)).display()
        ))
    }
}
