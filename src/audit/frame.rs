//! The bytes of the journal: what a segment file begins with, and one frame after the other.
//!
//! A frame is `magic | length | seq | synced | previous | payload | digest`. Its digest covers all that
//! stands before it, so it is at once the frame's checksum, the next frame's `previous` and the audit
//! log's leaf. What the payload says is not this file's business.

use std::cmp::Ordering;

use blake3::Hash;

/// A BLAKE3 digest.
pub type Digest = [u8; 32];

/// What the first frame names as its predecessor.
pub const NO_FRAME: Digest = [0; 32];

/// What a frame begins with.
pub const FRAME_MAGIC: [u8; 4] = *b"Afr1";
/// Bytes of a frame before its payload.
pub const FRAME_HEADER: usize = 4 + 4 + 8 + 8 + 32;

/// Bytes that a frame takes beside its payload.
pub const FRAME_OVERHEAD: usize = FRAME_HEADER + 32;

/// A frame as it stands in the journal, payload unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// Its place in the log, from 1.
    pub seq: u64,
    /// The last sequence number that was on the disk when this frame was written. Frames after it were
    /// written together with this one, so a power cut may keep any of them and lose any other; a hole at
    /// or before it is damage.
    pub synced: u64,
    /// The digest of the frame before, [`NO_FRAME`] for the first.
    pub previous: Digest,
    /// The digest of this frame.
    pub digest: Digest,
    /// The unit of work.
    pub payload: &'a [u8],
}

/// Appends a frame to `out` and returns its digest. A payload has at most `u32::MAX` bytes.
pub fn write_frame(out: &mut Vec<u8>, seq: u64, synced: u64, previous: &Digest, payload: &[u8]) -> Digest {
    let start = out.len();
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(previous);
    out.extend_from_slice(payload);
    let digest = blake3::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(digest.as_bytes());
    digest.into()
}

/// How long the frame is that `bytes` begins with, as it says itself; `None` if no frame begins there.
pub fn frame_length(mut bytes: &[u8]) -> Option<usize> {
    if take::<4>(&mut bytes)? != FRAME_MAGIC {
        return None;
    }
    Some(FRAME_OVERHEAD + u32::from_le_bytes(take(&mut bytes)?) as usize)
}

/// The whole frame that `bytes` begins with and its length, or `None` if there is none whose digest is
/// right.
pub fn parse_frame(bytes: &[u8]) -> Option<(RawFrame<'_>, usize)> {
    let mut rest = bytes;
    if take::<4>(&mut rest)? != FRAME_MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(take(&mut rest)?) as usize;
    let seq = u64::from_le_bytes(take(&mut rest)?);
    let synced = u64::from_le_bytes(take(&mut rest)?);
    let previous = take(&mut rest)?;
    let payload = rest.get(..length)?;
    let digest: Digest = take(&mut rest.get(length..)?)?;
    let covered = bytes.get(..FRAME_HEADER + length)?;
    (blake3::hash(covered) == Hash::from_bytes(digest))
        .then_some((RawFrame { seq, synced, previous, digest, payload }, FRAME_OVERHEAD + length))
}

const SEGMENT_MAGIC: [u8; 16] = *b"anteroom journal";
/// 1 held units as they were; since 2 they are sealed.
const SEGMENT_VERSION: u32 = 2;

/// Bytes that a segment file's header takes.
pub const SEGMENT_HEADER: usize = 16 + 4 + 4 + 8 + 32 + 32;

/// What a segment file says of itself, so that a swapped or renamed file is known for what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its place among the segments, from 1.
    pub number: u32,
    /// The sequence number of its first frame.
    pub first: u64,
    /// The digest of the frame before that, [`NO_FRAME`] in the first segment.
    pub previous: Digest,
}

/// Why a segment's header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No header, or one whose digest is wrong.
    #[error("does not begin as a journal segment does: it is empty, cut or damaged")]
    Damaged,
    /// Written by a later version of the program.
    #[error("was written by a newer version of this program: use that version")]
    Newer,
    /// Written by an earlier version, in a form that is not read any more.
    #[error(
        "was written by an older version of this program, which did not seal what it kept: use that version, or \
             begin with a new folder"
    )]
    Older,
}

impl SegmentHeader {
    /// The header's bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.extend_from_slice(&SEGMENT_MAGIC);
        out.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.previous);
        let digest = blake3::hash(&out);
        out.extend_from_slice(digest.as_bytes());
        out
    }

    /// The header that `bytes` begins with.
    ///
    /// # Errors
    /// [`HeaderError`] when it is not one that this version reads.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let covered = bytes.get(..SEGMENT_HEADER - 32).ok_or(HeaderError::Damaged)?;
        let (header, version) = Self::fields(bytes).ok_or(HeaderError::Damaged)?;
        let digest: Digest =
            bytes.get(SEGMENT_HEADER - 32..).and_then(|mut rest| take(&mut rest)).ok_or(HeaderError::Damaged)?;
        if blake3::hash(covered) != Hash::from_bytes(digest) {
            return Err(HeaderError::Damaged);
        }
        match version.cmp(&SEGMENT_VERSION) {
            Ordering::Equal => Ok(header),
            Ordering::Greater => Err(HeaderError::Newer),
            Ordering::Less => Err(HeaderError::Older),
        }
    }

    fn fields(mut bytes: &[u8]) -> Option<(Self, u32)> {
        if take::<16>(&mut bytes)? != SEGMENT_MAGIC {
            return None;
        }
        let version = u32::from_le_bytes(take(&mut bytes)?);
        let number = u32::from_le_bytes(take(&mut bytes)?);
        let first = u64::from_le_bytes(take(&mut bytes)?);
        Some((Self { number, first, previous: take(&mut bytes)? }, version))
    }
}

/// The name of a segment's file.
pub fn segment_name(number: u32) -> String {
    format!("{number:08}.journal")
}

/// The number of the segment that a file's name promises.
pub fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".journal")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}
