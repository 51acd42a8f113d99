//! Reads a journal directory from end to end and says what is wrong with it, without opening anything.
//!
//! Found: an edited, damaged, reordered, inserted, repeated or missing frame; a missing, empty, swapped or
//! renamed segment file. Not found, because nothing on the same disk can show it: a journal whose last
//! frames, or all, were taken away, or that was rewritten whole. That needs a head kept elsewhere.

use std::fs;
use std::io;
use std::path::Path;

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

/// Reads the journal in `directory`, calling `each` with every whole frame; a sentence that it returns is
/// damage. `until` bounds the reading for a journal that is being written: nothing from there on is read.
///
/// # Errors
/// When the directory or a file in it cannot be read, or is of another version's form.
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
        reader.segment(number, &bytes, last == Some(number))?;
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

    fn segment(&mut self, number: u32, bytes: &[u8], last: bool) -> io::Result<()> {
        let name = segment_name(number);
        match SegmentHeader::parse(bytes) {
            Ok(header) => self.header(&name, number, header),
            Err(why @ HeaderError::Damaged) => self.damage(format!("{name} {why}")),
            Err(why) => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} {why}"))),
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
        Ok(())
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
        read_chain(directory.path(), None, &mut |_, frame| {
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
        let chain = read_chain(directory.path(), Some(until), &mut |_, _| Ok(())).unwrap();
        assert_eq!((chain.frames, chain.loose, chain.damage.as_slice()), (4, 0, [].as_slice()));
    }
}
