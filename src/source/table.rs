//! A table in a file: columns found by their names in the header, rows as text.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::SourceError;
use super::encoding::Encoding;
use super::outlet::{Outlet, Sink, file_name, unreadable};
use super::rows::{Damage, Damaged, Fields, ROW_LIMIT, Rows};

/// Where a column stands; a column that the file lacks gives empty fields.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Column(Option<usize>);

impl Column {
    /// Whether the file has it.
    pub(super) fn is_there(self) -> bool {
        self.0.is_some()
    }
}

/// The names in the first row. Case does not count, nor does white space around a name.
pub(super) struct Header {
    names: Vec<String>,
    missing: Vec<String>,
    twice: Vec<String>,
}

impl Header {
    /// A column without which the table cannot be used.
    pub(super) fn required(&mut self, name: &str) -> Column {
        let column = self.optional(&[name]);
        if !column.is_there() && !self.missing.iter().any(|missing| missing == name) {
            self.missing.push(name.to_owned());
        }
        column
    }

    /// A column under the first of these names that is there.
    pub(super) fn optional(&mut self, names: &[&str]) -> Column {
        for name in names {
            let mut places = self.names.iter().enumerate().filter(|(_, there)| there.eq_ignore_ascii_case(name));
            if let Some((place, _)) = places.next() {
                if places.next().is_some() && !self.twice.iter().any(|twice| twice == name) {
                    self.twice.push((*name).to_owned());
                }
                return Column(Some(place));
            }
        }
        Column(None)
    }

    fn refusal(&self) -> Option<String> {
        let list = |names: &[String]| names.join(", ");
        if !self.missing.is_empty() {
            return Some(format!(
                "the header lacks {}: nothing in this table was read; ask the supplier for the table with these columns",
                list(&self.missing)
            ));
        }
        if !self.twice.is_empty() {
            return Some(format!(
                "the header names {} twice, so it cannot be told which is right: nothing in this table was read; \
                 ask the supplier for it again",
                list(&self.twice)
            ));
        }
        None
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    text: &'a str,
    ends: &'a [usize],
    /// Its number in the file, the header being 1.
    pub(super) number: u64,
}

impl<'a> Row<'a> {
    /// The field without white space around it.
    pub(super) fn get(&self, column: Column) -> &'a str {
        self.raw(column).trim()
    }

    /// The field as it stands.
    pub(super) fn raw(&self, column: Column) -> &'a str {
        let Some(place) = column.0 else { return "" };
        let start = match place.checked_sub(1) {
            None => 0,
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
        };
        let end = self.ends.get(place).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Reads one table in UTF-8 from a file; see [`read_from`].
///
/// # Errors
/// As [`read_from`].
pub(super) fn read<C>(
    path: &Path,
    key: &str,
    columns: impl FnOnce(&mut Header) -> C,
    sink: &mut Sink<'_>,
    each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    read_from(&file_name(path), File::open(path), Encoding::Utf8, key, columns, sink, each)
}

/// Reads one table from beginning to end. `columns` finds its columns, `key` names the one that
/// identifies a row, `each` is called with every row that is whole; the others are set aside.
///
/// # Errors
/// What `sink` or `each` returned. A table that cannot be read is set aside as a whole.
pub(super) fn read_from<C>(
    file: &str,
    input: io::Result<impl Read>,
    encoding: Encoding,
    key: &str,
    columns: impl FnOnce(&mut Header) -> C,
    sink: &mut Sink<'_>,
    mut each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut outlet = Outlet::new(file, sink);
    let mut rows = match input {
        Ok(input) => Rows::new(input),
        Err(error) => return outlet.set_aside(0, unreadable(&error)),
    };
    let mut header = match read_header(&mut rows, encoding) {
        Ok(header) => header,
        Err(why) => return outlet.set_aside(0, why),
    };
    let key = header.required(key);
    let columns = columns(&mut header);
    if let Some(why) = header.refusal() {
        return outlet.set_aside(0, why);
    }
    rows.expect(header.names.len(), key.0.unwrap_or_default());
    loop {
        // The number is read first because the row borrows its reader.
        let number = rows.number() + 1;
        match rows.next() {
            Ok(None) => return outlet.end(rows.number().saturating_sub(1)),
            Ok(Some(Ok(fields))) => match decoded(fields, encoding) {
                Some((text, ends)) => {
                    if holds_another_row(&text) {
                        outlet.set_aside(
                            number,
                            "a field holds what looks like another row: the row was kept as it is; look in the file \
                             for a quote that is never closed",
                        )?;
                    }
                    each(&columns, Row { text: &text, ends: &ends, number }, &mut outlet)?;
                }
                None => {
                    outlet.set_aside(number, "the row is not valid UTF-8: it was left out; export it again in UTF-8")?
                }
            },
            Ok(Some(Err(damaged))) => outlet.set_aside(number, what_is_damaged(damaged))?,
            Err(error) => return outlet.set_aside(0, unreadable(&error)),
        }
    }
}

/// A row as text, with the places at which its fields end in it; `None` where it is not in the encoding.
fn decoded(fields: &Fields, encoding: Encoding) -> Option<(Cow<'_, str>, Cow<'_, [usize]>)> {
    if let Ok(text) = std::str::from_utf8(&fields.bytes) {
        return Some((Cow::Borrowed(text), Cow::Borrowed(&fields.ends)));
    }
    if encoding == Encoding::Utf8 {
        return None;
    }
    let (mut text, mut ends) = (String::with_capacity(fields.bytes.len() + 16), Vec::new());
    for field in 0..fields.ends.len() {
        text.push_str(&encoding.decode(fields.get(field).unwrap_or_default())?);
        ends.push(text.len());
    }
    Some((Cow::Owned(text), Cow::Owned(ends)))
}

/// Whether a line inside the row begins with a GUID and a comma. By the format it is text, and it is left
/// so: taking it for a row would let whoever writes a text write rows.
fn holds_another_row(text: &str) -> bool {
    text.lines().skip(1).any(|line| {
        let line = line.trim_start_matches(['"', '{']).as_bytes();
        let (Some(id), Some(rest)) = (line.get(..36), line.get(36..)) else { return false };
        let is_guid = id.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        is_guid && rest.iter().find(|byte| !b"\"}".contains(byte)) == Some(&b',')
    })
}

fn read_header(rows: &mut Rows<impl Read>, encoding: Encoding) -> Result<Header, String> {
    rows.skip_byte_order_mark().map_err(|error| unreadable(&error))?;
    let names = match rows.next() {
        Err(error) => return Err(unreadable(&error)),
        Ok(None) => {
            return Err(
                "the file is empty, though a table without rows still has its header: ask for it again".to_owned()
            );
        }
        Ok(Some(Err(_))) => {
            return Err("the header is damaged: nothing in this table was read; ask for it again".to_owned());
        }
        Ok(Some(Ok(fields))) => match decoded(fields, encoding) {
            Some((text, ends)) => {
                let row = Row { text: &text, ends: &ends, number: 1 };
                (0..ends.len()).map(|place| row.get(Column(Some(place))).to_owned()).collect()
            }
            None => {
                return Err(
                    "the header is not UTF-8: nothing in this table was read; export it again in UTF-8".to_owned()
                );
            }
        },
    };
    Ok(Header { names, missing: Vec::new(), twice: Vec::new() })
}

fn what_is_damaged(Damaged { damage, lines }: Damaged) -> String {
    let what = match damage {
        Damage::Count { found, expected } => format!("the row has {found} fields where the header has {expected}"),
        Damage::Quote => "a quoted field goes on behind its closing quote".to_owned(),
        Damage::OpenQuote => "the file ends inside quotes".to_owned(),
        Damage::CutOff => "the file ends in the middle of the row".to_owned(),
        Damage::TooLong => format!("the row is longer than {} MiB", ROW_LIMIT >> 20),
    };
    let lost = match lines {
        0 => "it was left out".to_owned(),
        1 => "it was left out with the line after it".to_owned(),
        lines => format!("it was left out with the {lines} lines after it"),
    };
    format!("{what}: {lost}; ask for the table again")
}
