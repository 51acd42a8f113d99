//! A segment's file, read frame by frame through a stretch of it that is held in memory.

use std::io::{self, Read, Seek, SeekFrom};

use crate::audit::frame::{Digest, FRAME_HEADER, FRAME_MAGIC, RawFrame, frame_length, parse_frame};

/// A file of which no more than a window is in memory, unless one frame is longer.
pub struct Window<F> {
    file: F,
    /// Bytes of the file that count: there is nothing behind them.
    length: u64,
    size: usize,
    /// Where the bytes in memory begin.
    start: u64,
    bytes: Vec<u8>,
}

impl<F: Read + Seek> Window<F> {
    /// Over the first `length` bytes of a file, `size` at a time.
    pub fn new(file: F, length: u64, size: usize) -> Self {
        Self { file, length, size: size.max(FRAME_MAGIC.len()), start: 0, bytes: Vec::new() }
    }

    /// What is in memory from `at` on: at least so many bytes, if the file has them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn from(&mut self, at: u64, least: usize) -> io::Result<&[u8]> {
        let rest = self.length.saturating_sub(at);
        let end = at.saturating_add(rest.min(least as u64));
        if at < self.start || end > self.start + self.bytes.len() as u64 {
            let count = rest.min(self.size.max(least) as u64);
            self.start = at;
            self.bytes.clear();
            // Grown as it is read it would take twice the memory; and one long frame is no reason to keep so much.
            self.bytes.shrink_to(self.size);
            self.bytes.reserve_exact(count as usize);
            self.file.seek(SeekFrom::Start(at))?;
            self.file.by_ref().take(count).read_to_end(&mut self.bytes)?;
        }
        Ok(self.bytes.get((at - self.start) as usize..).unwrap_or_default())
    }

    /// The whole frame that begins at `at` and its length, or `None` if there is none whose digest is right.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn frame(&mut self, at: u64) -> io::Result<Option<(RawFrame<'_>, usize)>> {
        let rest = self.length.saturating_sub(at);
        // What damage says of a length may be anything: nothing is read for what ends behind the file.
        match frame_length(self.from(at, FRAME_HEADER)?).filter(|length| *length as u64 <= rest) {
            Some(length) => Ok(parse_frame(self.from(at, length)?)),
            None => Ok(None),
        }
    }

    /// The first whole frame that begins in `at..to` and was written when frame `synced` was on the disk: where it begins,
    /// its number, and the digest of the frame before it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&mut self, mut at: u64, to: u64, synced: u64) -> io::Result<Option<(u64, u64, Digest)>> {
        const MAGIC: usize = FRAME_MAGIC.len();
        while at + MAGIC as u64 <= to {
            let ahead = self.from(at, MAGIC)?;
            match ahead.windows(MAGIC).position(|window| window == FRAME_MAGIC) {
                Some(passed) => {
                    at += passed as u64;
                    if let Some((frame, _)) = self.frame(at)?.filter(|(frame, _)| frame.synced >= synced) {
                        return Ok(Some((at, frame.seq, frame.previous)));
                    }
                    at += 1;
                }
                // A mark may straddle the window's end. The file was cut meanwhile if there is less.
                None if ahead.len() >= MAGIC => at += (ahead.len() - MAGIC + 1) as u64,
                None => break,
            }
        }
        Ok(None)
    }

    /// Where the zeros at the file's end begin, if that is behind `at`; else `at`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn used(&mut self, at: u64) -> io::Result<u64> {
        let mut end = self.length;
        while end > at {
            let from = end.saturating_sub(self.size as u64).max(at);
            let length = (end - from) as usize;
            let stretch = self.from(from, length)?;
            if let used @ 1.. = length_without_zeros_at_end(stretch.get(..length).unwrap_or(stretch)) {
                return Ok(from + used as u64);
            }
            end = from;
        }
        Ok(at)
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
