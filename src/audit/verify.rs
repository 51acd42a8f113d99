//! Reads a journal directory from end to end and says what is wrong with it, without opening anything.
//!
//! Found: an edited, damaged, reordered, inserted, repeated or missing frame; a missing, empty, swapped or
//! renamed segment file. Not found, because nothing on the same disk can show it: a journal whose last
//! frames, or all, were taken away, or that was rewritten whole. That needs a head kept elsewhere.

use std::fs;
use std::io;
use std::path::Path;

use super::frame::{
    Digest, NO_FRAME, RawFrame, SEGMENT_HEADER, SegmentHeader, find_frame, parse_frame, segment_name, segment_number,
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

/// Reads the journal in `directory`, calling `each` with every whole frame; a sentence that it returns is
/// damage. `until` bounds the reading for a journal that is being written: nothing from there on is read.
///
/// # Errors
/// When the directory or a file in it cannot be read.
pub fn read_chain(
    directory: &Path,
    until: Option<Place>,
    each: &mut dyn FnMut(Place, &RawFrame<'_>) -> Result<(), String>,
) -> io::Result<Chain> {
    let mut numbers = Vec::new();
    for file in fs::read_dir(directory)? {
        numbers.extend(file?.file_name().to_str().and_then(segment_number));
    }
    numbers.retain(|number| until.is_none_or(|until| *number <= until.segment));
    numbers.sort_unstable();

    let mut reader = Reader { each, chain: Chain::empty(), next: 1 };
    let last = numbers.last().copied();
    let mut expected = 1;
    for number in numbers {
        while expected < number {
            reader.damage(format!("{} is missing", segment_name(expected)));
            expected += 1;
        }
        expected = number + 1;
        let mut bytes = fs::read(directory.join(segment_name(number)))?;
        if let Some(until) = until.filter(|until| until.segment == number) {
            bytes.truncate(usize::try_from(until.offset).unwrap_or(usize::MAX));
        }
        reader.segment(number, &bytes, last == Some(number));
    }
    Ok(reader.chain)
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
}

struct Reader<'a> {
    each: &'a mut dyn FnMut(Place, &RawFrame<'_>) -> Result<(), String>,
    chain: Chain,
    /// The sequence number that the next frame must have.
    next: u64,
}

impl Reader<'_> {
    fn damage(&mut self, sentence: String) {
        self.chain.damage.push(sentence);
    }

    fn segment(&mut self, number: u32, bytes: &[u8], last: bool) {
        let name = segment_name(number);
        match SegmentHeader::parse(bytes) {
            Ok(header) => self.header(&name, number, header),
            Err(why) => self.damage(format!("{name} {why}")),
        }
        let used = length_without_zeros_at_end(bytes);
        let mut at = SEGMENT_HEADER;
        while at < used {
            if let Some((frame, length)) = bytes.get(at..).and_then(parse_frame) {
                self.frame(Place { segment: number, offset: at as u64 }, &frame);
                at += length;
                continue;
            }
            // Frames of the append that was interrupted may stand behind a hole; they were never
            // acknowledged. One that was written when the hole's frame was already on the disk shows damage.
            let mut sound = find_frame(bytes, at, used);
            while let Some((place, frame)) = sound
                && frame.synced < self.next
            {
                sound = find_frame(bytes, place + 1, used);
            }
            let Some((place, frame)) = sound else { break };
            self.damage(format!(
                "{name} is damaged between byte {at} and byte {place}, where frame {} should be; frame {} follows it",
                self.next, frame.seq
            ));
            self.next = frame.seq;
            self.chain.head = frame.previous;
            at = place;
        }
        let loose = used.saturating_sub(at) as u64;
        if last {
            self.chain.end = Some(Place { segment: number, offset: at as u64 });
            self.chain.loose = loose;
        } else if loose > 0 {
            self.damage(format!("{name} is damaged from byte {at} on, where frame {} should be", self.next));
        }
    }

    fn header(&mut self, name: &str, number: u32, header: SegmentHeader) {
        self.chain.segments.push(header);
        if header.number != number {
            self.damage(format!(
                "{name} holds what belongs in {}: files have been swapped or renamed",
                segment_name(header.number)
            ));
        } else if header.first != self.next {
            self.damage(format!("{name} begins with frame {}, but frame {} is next", header.first, self.next));
        } else if header.previous != self.chain.head {
            self.damage(format!("{name} does not follow the segment before it: one of the two was replaced"));
        }
        self.next = header.first;
        self.chain.seq = header.first.saturating_sub(1);
        self.chain.synced = self.chain.seq;
        self.chain.head = header.previous;
    }

    fn frame(&mut self, place: Place, frame: &RawFrame<'_>) {
        let name = segment_name(place.segment);
        if frame.seq != self.next {
            self.damage(format!(
                "frame {} stands at byte {} of {name}, where frame {} belongs",
                frame.seq, place.offset, self.next
            ));
        } else if frame.previous != self.chain.head {
            self.damage(format!(
                "frame {} in {name} does not follow the frame before it: one of the two was replaced",
                frame.seq
            ));
        }
        if let Err(why) = (self.each)(place, frame) {
            self.damage(format!("frame {} in {name} cannot be read: {why}", frame.seq));
        }
        self.next = frame.seq.saturating_add(1);
        self.chain.frames += 1;
        self.chain.seq = frame.seq;
        self.chain.synced = frame.synced;
        self.chain.head = frame.digest;
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
