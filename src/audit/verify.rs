//! Reads a journal directory from end to end and says what is wrong with it, without opening anything.
//!
//! Found: an edited, damaged, reordered, inserted, repeated or missing frame; a missing, empty, swapped or
//! renamed segment file. Not found, because nothing on the same disk can show it: a journal whose last
//! frames, or all, were taken away, or that was rewritten whole. That needs a head kept elsewhere.

mod window;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::frame::{
    Digest, HeaderError, NO_FRAME, RawFrame, SEGMENT_HEADER, SegmentHeader, segment_name, segment_number,
};
use window::Window;

/// Where something stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The segment's number.
    pub segment: u32,
    /// Bytes from the start of the segment's file.
    pub offset: u64,
}

/// What reading a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Whole frames read.
    pub frames: u64,
    /// Sequence number of the last whole frame, 0 if there is none. An empty last segment still says it.
    pub seq: u64,
    /// Its digest, [`NO_FRAME`] if there is none.
    pub head: Digest,
    /// The last sequence number that is known to have reached the disk; the frames behind it may so far
    /// stand in the page cache alone.
    pub synced: u64,
    /// Every segment file with the sequence number of its first frame, in order.
    pub segments: Vec<SegmentHeader>,
    /// Where the next frame goes. `None` if there is no segment.
    pub end: Option<Place>,
    /// Bytes behind the last whole frame that are neither frames nor zeros: an append that a kill or a
    /// power cut interrupted.
    pub loose: u64,
    /// What is wrong, a sentence each.
    pub damage: Vec<String>,
}

/// Reads the journal in `directory`, several segments at a time, and calls `each` with every whole frame, those
/// of one segment in order; a sentence that it returns is damage. A few MB of each segment are in memory. `until` bounds
/// the reading for a journal that is being written: nothing from there on is read, and one segment after the other,
/// since others are at work.
///
/// # Errors
/// When the directory or a file in it cannot be read, or is of another version's form.
pub fn read_chain(directory: &Path, until: Option<Place>, each: &Each<'_>) -> io::Result<Chain> {
    read_through(directory, until, WINDOW, each)
}

/// Bytes of a segment that are in memory at a time, unless a frame is longer: many times what one unit of a pull takes.
const WINDOW: usize = 4 << 20;

fn read_through(directory: &Path, until: Option<Place>, window: usize, each: &Each<'_>) -> io::Result<Chain> {
    let numbers = numbers(directory, until)?;
    let next = AtomicUsize::new(0);
    let read = Mutex::new(BTreeMap::new());
    let work = || -> io::Result<()> {
        while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut file = open(directory, *number, until, window)?;
            // What does not say where it belongs is read when it is known what comes before it.
            if let Ok(header) = header_of(*number, &mut file)? {
                let found = Segment::read(*number, &mut file, (header.first, header.previous), each)?;
                read.lock().unwrap_or_else(PoisonError::into_inner).insert(*number, (header, found));
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let most = if until.is_some() { 1 } else { MOST_THREADS };
        let more = thread::available_parallelism().map_or(1, NonZero::get).min(numbers.len()).min(most);
        let helpers: Vec<_> = (1..more).map(|_| scope.spawn(work)).collect();
        let ours = work();
        helpers.into_iter().fold(ours, |result, helper| {
            result.and(helper.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed"))))
        })
    })?;

    let mut read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut chain = Chain::empty();
    let mut next = 1;
    let last = numbers.last().copied();
    let mut expected = 1;
    for number in numbers {
        let name = segment_name(number);
        while expected < number {
            chain.damage.push(format!("{} is missing", segment_name(expected)));
            expected += 1;
        }
        expected = number + 1;
        let found = match read.remove(&number) {
            Some((header, found)) => {
                chain.damage.extend(misplaced(&name, number, &header, next, &chain.head));
                chain.segments.push(header);
                chain.seq = header.first.saturating_sub(1);
                chain.synced = chain.seq;
                chain.head = header.previous;
                found
            }
            None => {
                chain.damage.push(format!("{name} {}", HeaderError::Damaged));
                let mut file = open(directory, number, until, window)?;
                Segment::read(number, &mut file, (next, chain.head), each)?
            }
        };
        next = found.next;
        chain.add(&name, found, last == Some(number));
    }
    Ok(chain)
}

/// Reads the last segment alone and, of those before it, what they say of themselves: enough to go on writing,
/// and to find a segment that is missing, empty, swapped or renamed. `None` where that shows anything wrong:
/// then [`read_chain`] says what.
///
/// # Errors
/// As [`read_chain`].
pub fn read_end(directory: &Path, each: &Each<'_>) -> io::Result<Option<Chain>> {
    let numbers = numbers(directory, None)?;
    let mut chain = Chain::empty();
    for (expected, number) in (1..).zip(&numbers) {
        let Ok(header) = header_of(*number, &mut open(directory, *number, None, SEGMENT_HEADER)?)? else {
            return Ok(None);
        };
        let follows = chain.segments.last().is_none_or(|before| before.first <= header.first);
        if header.number != expected || *number != expected || !follows {
            return Ok(None);
        }
        chain.segments.push(header);
    }
    let (Some(number), Some(header)) = (numbers.last(), chain.segments.last()) else { return Ok(None) };
    let mut file = open(directory, *number, None, WINDOW)?;
    let found = Segment::read(*number, &mut file, (header.first, header.previous), each)?;
    (chain.seq, chain.synced, chain.head) =
        (header.first.saturating_sub(1), header.first.saturating_sub(1), header.previous);
    // Those before it are taken at its word.
    chain.frames = chain.seq;
    chain.add(&segment_name(*number), found, true);
    Ok(chain.damage.is_empty().then_some(chain))
}

/// What is done with each frame, by several threads at once.
pub type Each<'a> = dyn Fn(Place, &RawFrame<'_>) -> Result<(), String> + Sync + 'a;

const MOST_THREADS: usize = 8;

fn numbers(directory: &Path, until: Option<Place>) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for file in fs::read_dir(directory)? {
        numbers.extend(file?.file_name().to_str().and_then(segment_number));
    }
    numbers.retain(|number| until.is_none_or(|until| *number <= until.segment));
    numbers.sort_unstable();
    Ok(numbers)
}

fn open(directory: &Path, number: u32, until: Option<Place>, window: usize) -> io::Result<Window<File>> {
    let most = until.filter(|until| until.segment == number).map_or(u64::MAX, |until| until.offset);
    let file = File::open(directory.join(segment_name(number)))?;
    let length = file.metadata()?.len().min(most);
    Ok(Window::new(file, length, window))
}

/// The segment's header, or that it is damaged.
fn header_of(number: u32, file: &mut Window<File>) -> io::Result<Result<SegmentHeader, ()>> {
    match SegmentHeader::parse(file.from(0, SEGMENT_HEADER)?) {
        Ok(header) => Ok(Ok(header)),
        Err(HeaderError::Damaged) => Ok(Err(())),
        Err(why) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} {why}", segment_name(number)))),
    }
}

fn misplaced(name: &str, number: u32, header: &SegmentHeader, next: u64, head: &Digest) -> Option<String> {
    if header.number != number {
        let right = segment_name(header.number);
        Some(format!("{name} holds what belongs in {right}: files have been swapped or renamed"))
    } else if header.first != next {
        Some(format!("{name} begins with frame {}, but frame {next} is next", header.first))
    } else if header.previous != *head {
        Some(format!("{name} does not follow the segment before it: one of the two was replaced"))
    } else {
        None
    }
}

impl Chain {
    fn empty() -> Self {
        Self {
            frames: 0,
            seq: 0,
            head: NO_FRAME,
            synced: 0,
            segments: Vec::new(),
            end: None,
            loose: 0,
            damage: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, found: Segment, last: bool) {
        self.damage.extend(found.damage);
        self.frames += found.frames;
        self.head = found.head;
        if let Some((seq, synced)) = found.last {
            (self.seq, self.synced) = (seq, synced);
        }
        if last {
            self.end = Some(found.end);
            self.loose = found.loose;
        } else if found.loose > 0 {
            self.damage.push(format!(
                "{name} is damaged from byte {} on, where frame {} should be",
                found.end.offset, found.next
            ));
        }
    }
}

/// What reading one segment found.
struct Segment {
    frames: u64,
    /// The sequence number that the next frame must have, and the digest that it must name.
    next: u64,
    head: Digest,
    /// The last frame's sequence number, and what was synced when it was written.
    last: Option<(u64, u64)>,
    end: Place,
    loose: u64,
    damage: Vec<String>,
}

impl Segment {
    /// Reads the frames of a segment, of which the first must be number `next` and follow `head`.
    fn read(number: u32, file: &mut Window<File>, (next, head): (u64, Digest), each: &Each<'_>) -> io::Result<Self> {
        let end = Place { segment: number, offset: SEGMENT_HEADER as u64 };
        let mut found = Self { frames: 0, next, head, last: None, end, loose: 0, damage: Vec::new() };
        let mut at = end.offset;
        let mut zeros_from = None;
        loop {
            while let Some((frame, length)) = file.frame(at)? {
                found.frame(Place { segment: number, offset: at }, &frame, each);
                at += length as u64;
            }
            let used = match zeros_from {
                Some(used) => used,
                None => *zeros_from.insert(file.used(at)?),
            };
            // Frames of the append that was interrupted may stand behind a hole; they were never
            // acknowledged. One that was written when the hole's frame was already on the disk shows damage.
            let Some((place, seq, previous)) = file.find(at, used, found.next)? else {
                found.end.offset = at;
                found.loose = used.saturating_sub(at);
                return Ok(found);
            };
            found.damage.push(format!(
                "{} is damaged between byte {at} and byte {place}, where frame {} should be; frame {seq} follows it",
                segment_name(number),
                found.next
            ));
            found.next = seq;
            found.head = previous;
            at = place;
        }
    }

    fn frame(&mut self, place: Place, frame: &RawFrame<'_>, each: &Each<'_>) {
        let name = || segment_name(place.segment);
        if frame.seq != self.next {
            self.damage.push(format!(
                "frame {} stands at byte {} of {}, where frame {} belongs",
                frame.seq,
                place.offset,
                name(),
                self.next
            ));
        } else if frame.previous != self.head {
            self.damage.push(format!(
                "frame {} in {} does not follow the frame before it: one of the two was replaced",
                frame.seq,
                name()
            ));
        }
        if let Err(why) = each(place, frame) {
            self.damage.push(format!("frame {} in {} cannot be read: {why}", frame.seq, name()));
        }
        self.next = frame.seq.saturating_add(1);
        self.frames += 1;
        self.last = Some((frame.seq, frame.synced));
        self.head = frame.digest;
    }
}

#[cfg(test)]
mod tests;
