//! Reads a journal directory from end to end and says what is wrong with it, without opening anything.
//!
//! Found: an edited, damaged, reordered, inserted, repeated or missing frame; a missing, empty, swapped or
//! renamed segment file. Not found, because nothing on the same disk can show it: a journal whose last
//! frames, or all, were taken away, or that was rewritten whole. That needs a head kept elsewhere.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::frame::{
    Digest, HeaderError, NO_FRAME, RawFrame, SEGMENT_HEADER, SegmentHeader, find_frame, parse_frame, segment_name,
    segment_number,
};

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
/// of one segment in order; a sentence that it returns is damage. `until` bounds the reading for a journal
/// that is being written: nothing from there on is read, and one segment after the other, since each is held in memory
/// whole and others are at work.
///
/// # Errors
/// When the directory or a file in it cannot be read, or is of another version's form.
pub fn read_chain(directory: &Path, until: Option<Place>, each: &Each<'_>) -> io::Result<Chain> {
    let numbers = numbers(directory, until)?;
    let next = AtomicUsize::new(0);
    let read = Mutex::new(BTreeMap::new());
    let work = || -> io::Result<()> {
        let mut bytes = Vec::new();
        while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            load(directory, *number, until, &mut bytes)?;
            // What does not say where it belongs is read when it is known what comes before it.
            if let Ok(header) = header_of(*number, &bytes)? {
                let found = Segment::read(*number, &bytes, (header.first, header.previous), each);
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
                let mut bytes = Vec::new();
                load(directory, number, until, &mut bytes)?;
                chain.damage.push(format!("{name} {}", HeaderError::Damaged));
                Segment::read(number, &bytes, (next, chain.head), each)
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
    let mut bytes = Vec::new();
    for (expected, number) in (1..).zip(&numbers) {
        bytes.clear();
        File::open(directory.join(segment_name(*number)))?.take(SEGMENT_HEADER as u64).read_to_end(&mut bytes)?;
        let Ok(header) = header_of(*number, &bytes)? else { return Ok(None) };
        let follows = chain.segments.last().is_none_or(|before| before.first <= header.first);
        if header.number != expected || *number != expected || !follows {
            return Ok(None);
        }
        chain.segments.push(header);
    }
    let (Some(number), Some(header)) = (numbers.last(), chain.segments.last()) else { return Ok(None) };
    load(directory, *number, None, &mut bytes)?;
    let found = Segment::read(*number, &bytes, (header.first, header.previous), each);
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

fn load(directory: &Path, number: u32, until: Option<Place>, bytes: &mut Vec<u8>) -> io::Result<()> {
    let most = until.filter(|until| until.segment == number).map_or(u64::MAX, |until| until.offset);
    let file = File::open(directory.join(segment_name(number)))?;
    bytes.clear();
    // Grown as it is read it would take twice the memory.
    bytes.reserve_exact(usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default());
    file.take(most).read_to_end(bytes).map(drop)
}

/// The segment's header, or that it is damaged.
fn header_of(number: u32, bytes: &[u8]) -> io::Result<Result<SegmentHeader, ()>> {
    match SegmentHeader::parse(bytes) {
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
    fn read(number: u32, bytes: &[u8], (next, head): (u64, Digest), each: &Each<'_>) -> Self {
        let end = Place { segment: number, offset: SEGMENT_HEADER as u64 };
        let mut found = Self { frames: 0, next, head, last: None, end, loose: 0, damage: Vec::new() };
        let used = length_without_zeros_at_end(bytes);
        let mut at = SEGMENT_HEADER;
        while at < used {
            if let Some((frame, length)) = bytes.get(at..).and_then(parse_frame) {
                found.frame(Place { segment: number, offset: at as u64 }, &frame, each);
                at += length;
                continue;
            }
            // Frames of the append that was interrupted may stand behind a hole; they were never
            // acknowledged. One that was written when the hole's frame was already on the disk shows damage.
            let mut sound = find_frame(bytes, at, used);
            while let Some((place, frame)) = sound
                && frame.synced < found.next
            {
                sound = find_frame(bytes, place + 1, used);
            }
            let Some((place, frame)) = sound else { break };
            found.damage.push(format!(
                "{} is damaged between byte {at} and byte {place}, where frame {} should be; frame {} follows it",
                segment_name(number),
                found.next,
                frame.seq
            ));
            found.next = frame.seq;
            found.head = frame.previous;
            at = place;
        }
        found.end.offset = at as u64;
        found.loose = used.saturating_sub(at) as u64;
        found
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

fn length_without_zeros_at_end(mut bytes: &[u8]) -> usize {
    // Whole blocks first: a fresh segment is 64 MiB of zeros.
    const BLOCK: [u8; 4096] = [0; 4096];
    while let Some(rest) = bytes.strip_suffix(&BLOCK) {
        bytes = rest;
    }
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::frame::write_frame;
    use super::*;

    /// A frame's number, what it says was synced before it, and its payload.
    type Line<'a> = (u64, u64, &'a [u8]);

    /// Frames that each follow the one before.
    fn frames(lines: &[Line<'_>]) -> Vec<Vec<u8>> {
        let mut previous = NO_FRAME;
        let mut frames = Vec::new();
        for (seq, synced, payload) in lines {
            let mut frame = Vec::new();
            previous = write_frame(&mut frame, *seq, *synced, &previous, payload);
            frames.push(frame);
        }
        frames
    }

    fn five() -> Vec<Vec<u8>> {
        frames(&[(1, 0, b"one"), (2, 1, b"two"), (3, 2, b"three"), (4, 3, b"four"), (5, 4, b"five")])
    }

    fn segment(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = SegmentHeader { number: 1, first: 1, previous: NO_FRAME }.write();
        bytes.extend(frames.concat());
        bytes.extend([0; 5000]);
        bytes
    }

    fn read(bytes: &[u8]) -> Chain {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(segment_name(1)), bytes).unwrap();
        read_chain(directory.path(), None, &|_, frame| {
            if frame.payload == b"nonsense" { Err("it is nonsense".to_owned()) } else { Ok(()) }
        })
        .unwrap()
    }

    #[test]
    fn a_sound_journal_is_read_to_its_end() {
        let frames = five();
        let chain = read(&segment(&frames));
        assert_eq!((chain.frames, chain.seq, chain.loose, chain.damage.as_slice()), (5, 5, 0, [].as_slice()));
        assert_eq!(chain.head.as_slice(), &frames[4][frames[4].len() - 32..]);
        assert_eq!(chain.end.unwrap().offset as usize, SEGMENT_HEADER + frames.concat().len());
    }

    #[test]
    fn every_byte_counts() {
        let sound = segment(&five());
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            let chain = read(&bytes);
            assert!(!chain.damage.is_empty() || chain.loose > 0, "byte {at} was changed unseen");
        }
    }

    #[test]
    fn frames_dropped_repeated_swapped_inserted_or_rewritten_show() {
        let sound = five();
        let mut tampered = Vec::new();
        for at in 0..5 {
            if at < 4 {
                let mut dropped = sound.clone();
                dropped.remove(at);
                tampered.push(("dropped", dropped));
            }
            let mut repeated = sound.clone();
            repeated.insert(at, sound[at].clone());
            tampered.push(("repeated", repeated));
            for other in at + 1..5 {
                let mut swapped = sound.clone();
                swapped.swap(at, other);
                tampered.push(("swapped", swapped));
            }
        }
        // An edit whose own digest was made right, and an insertion that renumbers what follows.
        let mut edited = sound.clone();
        edited[2] = frames(&[(1, 0, b"one"), (2, 1, b"two"), (3, 2, b"THREE")]).remove(2);
        tampered.push(("rewritten", edited));
        let mut inserted = sound.clone();
        inserted.insert(2, frames(&[(1, 0, b"one"), (2, 1, b"two"), (3, 2, b"false")]).remove(2));
        tampered.push(("inserted", inserted));
        for (how, frames) in tampered {
            assert!(!read(&segment(&frames)).damage.is_empty(), "frames were {how} unseen");
        }
    }

    #[test]
    fn a_payload_that_cannot_be_read_is_damage() {
        let chain = read(&segment(&frames(&[(1, 0, b"one"), (2, 1, b"nonsense")])));
        assert_eq!(chain.damage, ["frame 2 in 00000001.journal cannot be read: it is nonsense"]);
    }

    #[test]
    fn a_hole_in_one_append_is_a_power_cut_and_a_hole_before_a_later_append_is_damage() {
        // 3, 4 and 5 were written at once; a power cut kept any of them.
        let together = frames(&[(1, 0, b"one"), (2, 1, b"two"), (3, 2, b"three"), (4, 2, b"four"), (5, 2, b"five")]);
        let mut cut = together;
        cut[2].fill(0);
        let chain = read(&segment(&cut));
        assert_eq!((chain.frames, chain.damage.as_slice()), (2, [].as_slice()));
        assert!(chain.loose > 0);

        // 5 was written when 4 had been acknowledged.
        let mut hole = five();
        hole[2].fill(0);
        let chain = read(&segment(&hole));
        assert_eq!(chain.damage.len(), 1, "{:?}", chain.damage);
        assert!(chain.damage[0].contains("where frame 3 should be; frame 4 follows it"), "{:?}", chain.damage);
    }

    #[test]
    fn reading_stops_where_it_is_told_to() {
        let directory = tempfile::tempdir().unwrap();
        let frames = five();
        let mut bytes = segment(&frames[..4]);
        let offset = SEGMENT_HEADER + frames[..4].concat().len();
        bytes.splice(offset.., *b"half of the frame that is being written");
        fs::write(directory.path().join(segment_name(1)), bytes).unwrap();
        fs::write(directory.path().join(segment_name(2)), b"being made").unwrap();
        let until = Place { segment: 1, offset: offset as u64 };
        let chain = read_chain(directory.path(), Some(until), &|_, _| Ok(())).unwrap();
        assert_eq!((chain.frames, chain.loose, chain.damage.as_slice()), (4, 0, [].as_slice()));
    }
}
