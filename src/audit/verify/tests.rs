//! Damage of every kind, read through windows of every size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

use proptest::prelude::*;

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

/// All that reading finds, and all that it hands on.
fn told(directory: &Path, until: Option<Place>, window: usize) -> String {
    let told = Mutex::new(String::new());
    let chain = read_through(directory, until, window, &|place, frame| {
        writeln!(told.lock().unwrap(), "{place:?} {frame:?}").map_err(|why| why.to_string())
    });
    let mut told = told.into_inner().unwrap();
    write!(told, "{chain:?}").unwrap();
    told
}

/// What becomes of a segment's bytes: something is overwritten, cut off, put in, or made zeros.
fn damage() -> impl Strategy<Value = (usize, usize, u8)> {
    (0..3_000_usize, 0..300_usize, 0..6_u8)
}

fn damaged(mut bytes: Vec<u8>, (at, length, how): (usize, usize, u8)) -> Vec<u8> {
    let at = at.min(bytes.len());
    let end = (at + length).min(bytes.len());
    match how {
        0 => bytes.truncate(at),
        1 => bytes[at..end].fill(0),
        2 => drop(bytes.drain(at..end)),
        // What looks as a frame does where it begins, and says that it is as long as it likes.
        3 => drop(bytes.splice(at..end, [&b"Afr1"[..], &(length as u32 * 7).to_le_bytes()].concat())),
        4 => bytes[at..end].iter_mut().for_each(|byte| *byte ^= 1),
        _ => {}
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn through_a_window_everything_is_found_that_is_found_in_the_whole(
        payloads in proptest::collection::vec((0..200_usize, 0..3_u64), 2..20),
        long in 0..2_000_usize,
        zeros in 0..9_000_usize,
        damages in proptest::collection::vec(damage(), 0..3),
        until in proptest::option::of(0..4_000_u64),
        windows in proptest::collection::vec(1..400_usize, 3),
    ) {
        // One is longer than any of the windows.
        let middle = payloads.len() / 2;
        let length = |at: usize| if at == middle { 400 + long } else { payloads[at].0 };
        let contents: Vec<Vec<u8>> = (0..payloads.len()).map(|at| vec![at as u8 + 1; length(at)]).collect();
        let lines: Vec<Line<'_>> = (0..payloads.len())
            .map(|at| (at as u64 + 1, (at as u64).saturating_sub(payloads[at].1), contents[at].as_slice()))
            .collect();
        let frames = frames(&lines);
        let previous = frames[middle - 1].last_chunk().copied().unwrap();
        let first = SegmentHeader { number: 1, first: 1, previous: NO_FRAME };
        let second = SegmentHeader { number: 2, first: middle as u64 + 1, previous };
        let directory = tempfile::tempdir().unwrap();
        for (header, frames) in [(first, &frames[..middle]), (second, &frames[middle..])] {
            let bytes = [header.write(), frames.concat(), vec![0; zeros]].concat();
            let bytes = damages.iter().fold(bytes, |bytes, damage| damaged(bytes, *damage));
            fs::write(directory.path().join(segment_name(header.number)), bytes).unwrap();
        }
        // Bounded as it is beside a writer, so that the frames come in one order.
        let until = Some(Place { segment: 2, offset: until.unwrap_or(u64::MAX) });
        let whole = told(directory.path(), until, usize::MAX >> 1);
        for window in windows {
            prop_assert_eq!(&told(directory.path(), until, window), &whole);
        }
    }
}

#[test]
fn wherever_the_window_ends_a_hole_and_the_frame_behind_it_are_found() {
    let mut frames = five();
    frames[2] = vec![0; 300];
    let directory = tempfile::tempdir().unwrap();
    let bytes = segment(&frames);
    fs::write(directory.path().join(segment_name(1)), &bytes).unwrap();
    let whole = told(directory.path(), None, bytes.len());
    assert!(whole.contains("frame 4 follows it"), "{whole}");
    for window in 0..600 {
        assert_eq!(told(directory.path(), None, window), whole, "through {window} bytes");
    }
}

#[test]
fn frames_that_straddle_the_end_of_the_window_and_longer_ones_are_read_as_others_are() {
    let payloads = [1, 3, WINDOW - 500, WINDOW / 2, WINDOW + 7, 2].map(|length| vec![7; length]);
    let lines: Vec<Line<'_>> = (1..).zip(&payloads).map(|(seq, payload)| (seq, seq - 1, &payload[..])).collect();
    let mut frames = frames(&lines);
    let sound = read(&segment(&frames));
    assert_eq!((sound.frames, sound.loose, sound.damage.as_slice()), (6, 0, [].as_slice()));
    assert_eq!(sound.end.unwrap().offset as usize, SEGMENT_HEADER + frames.concat().len());
    // A hole that is longer than the window, before a frame that says that all before it was on the disk.
    let at = SEGMENT_HEADER + frames[..4].concat().len();
    frames[4].fill(0);
    let hole = read(&segment(&frames));
    let place = at + frames[4].len();
    let named = format!("is damaged between byte {at} and byte {place}, where frame 5 should be; frame 6 follows");
    assert!(hole.damage.len() == 1 && hole.damage[0].contains(&named), "{:?}", hole.damage);
}
