//! Lines of a file, none longer in memory than a limit.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line in bytes.
pub(super) const LINE_LIMIT: usize = 16 << 20;

/// One line.
pub(super) enum Line<'a> {
    /// Without its line end.
    Whole(&'a [u8]),
    /// Longer than [`LINE_LIMIT`]; it was passed over.
    TooLong,
}

/// The lines of one file that are not blank.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), line: Vec::new(), number: 0 }
    }

    /// The number of the line last read; the first has number 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank, with its number.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            self.line.clear();
            let limit = LINE_LIMIT as u64 + 1;
            if self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.line.len() > LINE_LIMIT && !self.line.ends_with(b"\n") {
                self.pass_over()?;
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.line.trim_ascii();
        let line = if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        Ok(Some((self.number, Line::Whole(line))))
    }

    /// Reads to the end of a line without keeping it.
    fn pass_over(&mut self) -> io::Result<()> {
        loop {
            let waiting = self.input.fill_buf()?;
            if waiting.is_empty() {
                return Ok(());
            }
            let end = waiting.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(waiting.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
