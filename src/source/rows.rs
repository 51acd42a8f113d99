//! Splitting comma-separated text into rows in such a way that damage stays where it is.
//!
//! RFC 4180, with either line end. A reader that only follows the format loses everything between a
//! quote that is never closed and the next one; this one goes back to the line after the damage and
//! looks for the next row. One row at a time is held in memory, and none above [`ROW_LIMIT`].

use std::io::{self, Read};

/// The longest row in bytes. Beyond it a quote was opened and never closed.
pub(super) const ROW_LIMIT: usize = 16 << 20;

/// How much is asked of the file at a time.
const CHUNK: usize = 1 << 16;

/// One row's fields, without their quotes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// All fields, end to end.
    pub(super) bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    pub(super) ends: Vec<usize>,
}

impl Fields {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The bytes of one field.
    pub(super) fn get(&self, field: usize) -> Option<&[u8]> {
        let start = field.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(start..*self.ends.get(field)?)
    }

    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.bytes.is_empty()
    }
}

/// What is wrong with a row as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// It has another number of fields than the header.
    Count { found: usize, expected: usize },
    /// Something follows a closing quote.
    Quote,
    /// The file ends inside quotes.
    OpenQuote,
    /// The file ends in the middle of the row.
    CutOff,
    /// It is longer than [`ROW_LIMIT`].
    TooLong,
}

/// A row that could not be split, and how many lines after it belong to the same damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged {
    pub(super) damage: Damage,
    pub(super) lines: u64,
}

/// The rows of one file.
pub(super) struct Rows<R> {
    input: R,
    /// What has been read and not yet been used starts at `at`.
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    number: u64,
    /// How many fields a row has, and which of them names it: known once the header is read.
    shape: Option<(usize, usize)>,
    fields: Fields,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), at: 0, ended: false, number: 0, shape: None, fields: Fields::default() }
    }

    /// The number of the row last returned; the first has number 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// From here on every row has `count` fields, and field `key` holds an identifier.
    pub(super) fn expect(&mut self, count: usize, key: usize) {
        self.shape = Some((count, key));
    }

    /// Leaves a byte order mark out; to be called before the first row.
    pub(super) fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        self.fill()?;
        if self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        Ok(())
    }

    /// The next row that is not blank, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<&Fields, Damaged>>> {
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() && self.ended {
                return Ok(None);
            }
            let damage = match split(rest, self.ended, &mut self.fields) {
                Split::More if rest.len() >= ROW_LIMIT => Damage::TooLong,
                Split::More => {
                    self.fill()?;
                    continue;
                }
                Split::Quote => Damage::Quote,
                Split::OpenQuote => Damage::OpenQuote,
                Split::Row(length) => {
                    let row = rest.get(..length).unwrap_or_default();
                    if self.fields.is_blank() {
                        self.at += length;
                        continue;
                    }
                    let found = self.fields.ends.len();
                    match self.shape {
                        Some((expected, _)) if found != expected => {
                            let cut = self.ended && length == rest.len() && !row.ends_with(b"\n") && found < expected;
                            if cut { Damage::CutOff } else { Damage::Count { found, expected } }
                        }
                        _ => {
                            self.at += length;
                            self.number += 1;
                            return Ok(Some(Ok(&self.fields)));
                        }
                    }
                }
            };
            self.number += 1;
            let lines = self.recover()?;
            return Ok(Some(Err(Damaged { damage, lines })));
        }
    }

    /// Leaves out the line at hand and those after it that are no row and do not begin like one; how many
    /// those were. What begins like a row is left to be judged by itself.
    fn recover(&mut self) -> io::Result<u64> {
        self.skip_line()?;
        let mut lines = 0;
        loop {
            while !self.ended && self.line_end().is_none() && self.buffer.len() - self.at < CHUNK {
                self.fill()?;
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() || self.begins_like_a_row(rest) {
                return Ok(lines);
            }
            self.skip_line()?;
            lines += 1;
        }
    }

    fn begins_like_a_row(&self, rest: &[u8]) -> bool {
        let Some((count, key)) = self.shape else { return false };
        let mut fields = Fields::default();
        if matches!(split(rest, self.ended, &mut fields), Split::Row(_)) && fields.ends.len() == count {
            return fields.get(key).is_some_and(|id| !id.is_empty() && id.len() <= 64);
        }
        let line = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let field = line.split(|byte| *byte == b',').nth(key).unwrap_or_default();
        field.len() <= 40
            && field.iter().any(u8::is_ascii_digit)
            && field.iter().all(|byte| byte.is_ascii_hexdigit() || b"-{}\" ".contains(byte))
    }

    /// Where the line at hand ends in the buffer, behind its line end.
    fn line_end(&self) -> Option<usize> {
        let rest = self.buffer.get(self.at..)?;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        match (rest.get(end), rest.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => Some(self.at + end + 2),
            (Some(b'\r'), None) if !self.ended => None,
            _ => Some(self.at + end + 1),
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = self.line_end() {
                self.at = end;
                return Ok(());
            }
            // Of a line that is not yet whole only a last carriage return may still matter.
            let keep = usize::from(!self.ended && self.buffer.ends_with(b"\r") && self.at < self.buffer.len());
            self.at = self.buffer.len() - keep;
            if self.ended {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Reads on. Asks for as much as is waiting, so that a long row is looked through few times.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let had = self.buffer.len();
        let want = had.clamp(CHUNK, ROW_LIMIT);
        self.input.by_ref().take(want as u64).read_to_end(&mut self.buffer)?;
        self.ended = self.buffer.len() == had;
        Ok(())
    }
}

enum Split {
    /// A row of this many bytes.
    Row(usize),
    /// The row goes on behind what was read.
    More,
    Quote,
    OpenQuote,
}

/// Splits the first row off `input`; `last`: nothing follows it in the file.
fn split(input: &[u8], last: bool, fields: &mut Fields) -> Split {
    fields.clear();
    let mut rest = input;
    loop {
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            rest = quoted;
            loop {
                let Some(length) = rest.iter().position(|byte| *byte == b'"') else {
                    return if last { Split::OpenQuote } else { Split::More };
                };
                let (text, behind) = rest.split_at(length);
                fields.bytes.extend_from_slice(text);
                rest = behind.get(1..).unwrap_or_default();
                match rest.first() {
                    Some(b'"') => {
                        fields.bytes.push(b'"');
                        rest = rest.get(1..).unwrap_or_default();
                    }
                    Some(b',' | b'\r' | b'\n') => break,
                    Some(_) => return Split::Quote,
                    None if last => break,
                    None => return Split::More,
                }
            }
        } else {
            let length = match rest.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n')) {
                Some(length) => length,
                None if last => rest.len(),
                None => return Split::More,
            };
            let (text, behind) = rest.split_at(length);
            fields.bytes.extend_from_slice(text);
            rest = behind;
        }
        fields.ends.push(fields.bytes.len());
        let used = input.len() - rest.len();
        match (rest.first(), rest.get(1)) {
            (Some(b','), _) => rest = rest.get(1..).unwrap_or_default(),
            (Some(b'\r'), Some(b'\n')) => return Split::Row(used + 2),
            (Some(b'\r'), None) if !last => return Split::More,
            (Some(_), _) => return Split::Row(used + 1),
            (None, _) => return Split::Row(used),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    /// Hands out at most so many bytes at a time, as a slow disk or a pipe may.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            let (now, later) = self.0.split_at(length);
            into[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    fn all(input: impl Read) -> Vec<Vec<Vec<u8>>> {
        let mut rows = Rows::new(input);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let fields = row.unwrap_or_else(|damaged| panic!("{damaged:?}"));
            found.push((0..fields.ends.len()).map(|field| fields.get(field).unwrap().to_vec()).collect());
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whole_tables_read_as_another_reader_reads_them(
            rows in prop::collection::vec(prop::collection::vec("[a ,\"\\r\\n\u{e9}]{0,6}", 2..5), 0..6),
            crlf in any::<bool>(),
            at_once in 1usize..9,
        ) {
            let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new().flexible(true).terminator(end).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.as_slice());
            let theirs: Vec<Vec<Vec<u8>>> =
                reader.byte_records().map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
            prop_assert_eq!(&all(bytes.as_slice()), &theirs);
            prop_assert_eq!(&all(Slow(&bytes, at_once)), &theirs);
        }
    }

    #[test]
    fn the_end_of_a_file_may_lack_its_line_end() {
        for text in ["a,b\r\nc,d", "a,b\nc,\"d\"", "a,b\rc,d\r", "\r\n\na,b\n\nc,d\n\n"] {
            assert_eq!(all(text.as_bytes()), [[b"a", b"b"], [b"c", b"d"]], "{text:?}");
        }
    }

    #[test]
    fn a_row_beyond_the_limit_is_passed_over_in_little_memory() {
        let long = [b"\"".as_slice(), &vec![b'x'; 3 * ROW_LIMIT], b"\r\n2,b\r\n"].concat();
        let mut rows = Rows::new(long.as_slice());
        rows.expect(2, 0);
        assert_eq!(rows.next().unwrap().unwrap().err(), Some(Damaged { damage: Damage::TooLong, lines: 0 }));
        assert_eq!(rows.next().unwrap().unwrap().unwrap().bytes, b"2b");
        assert!(rows.next().unwrap().is_none());
        assert!(rows.buffer.capacity() <= 4 * ROW_LIMIT);
    }
}
