//! A table in a file: columns found by their names in the header, rows as text.

use std::borrow::Cow;
use std::io::{self, Read};

use super::encoding::Encoding;
use super::outlet::{Outlet, Sink, unreadable};
use super::repeats::{Repeats, RowName};
use super::rows::{Damage, Damaged, Fields, ROW_LIMIT, Rows};
use super::{Change, SourceError, TEXT_LIMIT};

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
    /// Columns that are there twice and decide what a row is or says, and others.
    twice: Vec<String>,
    doubled: Vec<String>,
}

/// Whether a column says which row or whose it is, by the ways in which feeds name such columns.
fn is_key(name: &str) -> bool {
    let ends = ["Guid", "Id", "Identifier", "Number", "Deleted", "RemovedData"];
    name.starts_with("ID") || ends.iter().any(|end| name.ends_with(end))
}

impl Header {
    /// A column without which the table cannot be used.
    pub(super) fn required(&mut self, name: &str) -> Column {
        self.must_be_there(name, is_key(name))
    }

    /// A column without which the table cannot be used, and which must not be there twice.
    pub(super) fn only(&mut self, name: &str) -> Column {
        self.must_be_there(name, true)
    }

    fn must_be_there(&mut self, name: &str, only_once: bool) -> Column {
        let column = self.first(&[name], only_once);
        if !column.is_there() && !self.missing.iter().any(|missing| missing == name) {
            self.missing.push(name.to_owned());
        }
        column
    }

    /// A column under the first of these names that is there.
    pub(super) fn optional(&mut self, names: &[&str]) -> Column {
        self.first(names, names.iter().any(|name| is_key(name)))
    }

    /// The same of a column that holds free text: of two of them neither may be passed over.
    pub(super) fn text(&mut self, names: &[&str]) -> Column {
        self.first(names, true)
    }

    /// Where a column stands that somebody else asks for.
    fn place_of(&self, name: &str) -> Column {
        Column(self.names.iter().position(|there| there.eq_ignore_ascii_case(name)))
    }

    fn first(&mut self, names: &[&str], only_once: bool) -> Column {
        for name in names {
            let mut places = self.names.iter().enumerate().filter(|(_, there)| there.eq_ignore_ascii_case(name));
            if let Some((place, _)) = places.next() {
                if places.next().is_some() {
                    let twice = if only_once { &mut self.twice } else { &mut self.doubled };
                    if !twice.iter().any(|twice| twice == name) {
                        twice.push((*name).to_owned());
                    }
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

/// How the rows of a table are told apart.
#[derive(Clone, Copy)]
pub(super) struct Naming<'a> {
    /// The column that identifies a row.
    pub(super) key: &'a str,
    /// The column that says whose record it is in. Without one it is not looked at whether keys repeat.
    pub(super) patient: &'a str,
}

/// Columns that say whose identifiers a row's are, where it stands in the feed's own order, and that it is gone.
const ORGANISATION: [&str; 2] = ["OrganisationGuid", "IDOrganisationVisibleTo"];
const PLACE: &str = "ProcessingId";
const GONE: [&str; 2] = ["Deleted", "RemovedData"];

/// Reads one table from beginning to end. `columns` finds its columns, `naming` says by which a row is told from the
/// others, `each` is called with every row that is whole; the others are set aside.
///
/// # Errors
/// What `sink` or `each` returned. A table that cannot be read is set aside as a whole.
pub(super) fn read_from<C>(
    file: &str,
    input: io::Result<impl Read>,
    encoding: Encoding,
    naming: Naming<'_>,
    columns: impl FnOnce(&mut Header) -> C,
    sink: &mut Sink<'_>,
    mut each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut outlet = Outlet::new(file, sink);
    let mut rows = match input {
        Ok(input) => Rows::new(input),
        Err(error) => return outlet.set_aside(0, unreadable(&error)),
    };
    let (mut header, is_in_doubt) = match read_header(&mut rows, encoding) {
        Ok(header) => header,
        Err(why) => return outlet.set_aside(0, why),
    };
    let key = header.required(naming.key);
    let columns = columns(&mut header);
    match header.refusal() {
        Some(_) if is_in_doubt => {
            let why = "the header is not UTF-8: nothing in this table was read; export it again in UTF-8";
            return outlet.set_aside(0, why);
        }
        Some(why) => return outlet.set_aside(0, why),
        None => {}
    }
    if !header.doubled.is_empty() {
        let names = header.doubled.join(", ");
        outlet.set_aside(
            0,
            format!("the header names {names} twice: the first was taken; ask the supplier which is right"),
        )?;
    }
    let names = Names::find(naming, &header);
    let mut repeats = Repeats::default();
    rows.expect(header.names.len(), key.0.unwrap_or_default());
    loop {
        // The number is read first because the row borrows its reader.
        let number = rows.number() + 1;
        match rows.next() {
            Ok(None) => break,
            Ok(Some(Ok(fields))) => {
                let (text, ends, is_in_doubt) = decoded(fields, encoding);
                if holds_another_row(&text) {
                    outlet.set_aside(
                        number,
                        "a field holds what looks like another row: the row was kept as it is; look in the file for a \
                         quote that is never closed",
                    )?;
                }
                let row = Row { text: &text, ends: &ends, number };
                names.look(row, &mut repeats);
                outlet.begin_row(is_in_doubt);
                each(&columns, row, &mut outlet)?;
                let handed = outlet.end_row();
                if is_in_doubt {
                    let held = if handed.held { " and is held" } else { "" };
                    outlet.set_aside(
                        number,
                        format!("it is not UTF-8: it was read as Windows-1252{held}; export the table again in UTF-8"),
                    )?;
                }
                if handed.dropped {
                    outlet.set_aside(number, too_long(&header, row))?;
                }
            }
            Ok(Some(Err(damaged))) => outlet.set_aside(number, what_is_damaged(damaged))?,
            Err(error) => {
                outlet.set_aside(0, unreadable(&error))?;
                return names.say(&repeats, &mut outlet);
            }
        }
    }
    names.say(&repeats, &mut outlet)?;
    outlet.end(rows.number().saturating_sub(1))
}

/// How many rows a table has, of which nothing else is asked; `None` where it lacks a column of this name.
///
/// # Errors
/// When it cannot be read to its end, or has no header.
pub(super) fn rows_with(input: impl Read, column: &str, encoding: Encoding) -> io::Result<Option<u64>> {
    let mut rows = Rows::new(input);
    let (header, _) = read_header(&mut rows, encoding).map_err(io::Error::other)?;
    let Some(key) = header.place_of(column).0 else { return Ok(None) };
    rows.expect(header.names.len(), key);
    while rows.next()?.is_some() {}
    Ok(Some(rows.number().saturating_sub(1)))
}

/// A table that nothing reads: its name, its file, and how many rows it has of patients, as [`rows_with`] counts them.
pub(super) type Unread<'a> = (&'a str, &'a str, io::Result<Option<u64>>);

/// Names the tables about patients that nothing reads, with the number of their rows; `system` is where to look at them.
///
/// # Errors
/// What `sink` returned.
pub(super) fn say_unread<'a>(
    tables: impl Iterator<Item = Unread<'a>>,
    system: &str,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    let mut unread = Vec::new();
    for (table, file, rows) in tables {
        match rows {
            // It is not about patients, or there is none.
            Ok(None | Some(0)) => {}
            Ok(Some(rows)) => {
                unread.push(format!("{table} ({rows} {})", if rows == 1 { "row" } else { "rows" }));
                sink(Change::FileRead { file: file.to_owned(), rows })?;
            }
            Err(_) => unread.push(format!("{table} (it cannot be read)")),
        }
    }
    if unread.is_empty() {
        return Ok(());
    }
    let unread = unread.join(", ");
    sink(Change::Notice(format!("Not screened, because nothing here reads them: {unread}; look at them in {system}.")))
}

/// The columns by which rows are told apart.
struct Names<'a> {
    naming: Naming<'a>,
    key: Column,
    organisation: Column,
    patient: Column,
    place: Column,
    gone: Column,
}

impl<'a> Names<'a> {
    fn find(naming: Naming<'a>, header: &Header) -> Self {
        let first = |names: &[&str]| {
            let mut found = names.iter().map(|name| header.place_of(name));
            found.find(|column| column.is_there()).unwrap_or_default()
        };
        Self {
            naming,
            key: header.place_of(naming.key),
            organisation: first(&ORGANISATION),
            patient: header.place_of(naming.patient),
            place: header.place_of(PLACE),
            gone: first(&GONE),
        }
    }

    fn look(&self, row: Row<'_>, repeats: &mut Repeats) {
        let is_gone = ["true", "1", "y"].iter().any(|yes| row.get(self.gone).eq_ignore_ascii_case(yes));
        if self.patient.is_there() && !is_gone {
            repeats.look(&RowName {
                key: (row.get(self.organisation), row.get(self.key)),
                patient: row.get(self.patient),
                place: row.get(self.place),
                text: row.text,
            });
        }
    }

    fn say(&self, repeats: &Repeats, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        match repeats.said(self.naming.key) {
            Some(why) => outlet.send(Change::Notice(format!("{}: {why}.", outlet.file()))),
            None => Ok(()),
        }
    }
}

/// The sentence for a line of which a text was left out.
fn too_long(header: &Header, row: Row<'_>) -> String {
    let places = header.names.iter().enumerate();
    let long = places.filter(|(place, _)| row.raw(Column(Some(*place))).len() > TEXT_LIMIT);
    let names: Vec<&str> = long.map(|(_, name)| name.as_str()).collect();
    let what = if names.is_empty() { "its text".to_owned() } else { names.join(", ") };
    format!("{what} is longer than 1 MiB: the line is held without it; read it in the practice’s system")
}

/// A row as text, with the places at which its fields end in it, and whether it is in doubt what it says: where it is
/// not in the encoding that it should be in, each field that is not is read as Windows-1252.
fn decoded(fields: &Fields, encoding: Encoding) -> (Cow<'_, str>, Cow<'_, [usize]>, bool) {
    if let Ok(text) = std::str::from_utf8(&fields.bytes) {
        return (Cow::Borrowed(text), Cow::Borrowed(&fields.ends), false);
    }
    let (mut text, mut ends) = (String::with_capacity(fields.bytes.len() + 16), Vec::new());
    for field in 0..fields.ends.len() {
        let bytes = fields.get(field).unwrap_or_default();
        text.push_str(&Encoding::Windows1252.decode(bytes).unwrap_or_default());
        ends.push(text.len());
    }
    (Cow::Owned(text), Cow::Owned(ends), encoding == Encoding::Utf8)
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

/// The header, and whether it is in doubt what it says.
fn read_header(rows: &mut Rows<impl Read>, encoding: Encoding) -> Result<(Header, bool), String> {
    rows.skip_byte_order_mark().map_err(|error| unreadable(&error))?;
    let (names, is_in_doubt) = match rows.next() {
        Err(error) => return Err(unreadable(&error)),
        Ok(None) => {
            return Err(
                "the file is empty, though a table without rows still has its header: ask for it again".to_owned()
            );
        }
        Ok(Some(Err(_))) => {
            return Err("the header is damaged: nothing in this table was read; ask for it again".to_owned());
        }
        Ok(Some(Ok(fields))) => {
            // Names that are read here are plain letters in either encoding.
            let (text, ends, is_in_doubt) = decoded(fields, encoding);
            let row = Row { text: &text, ends: &ends, number: 1 };
            ((0..ends.len()).map(|place| row.get(Column(Some(place))).to_owned()).collect(), is_in_doubt)
        }
    };
    Ok((Header { names, missing: Vec::new(), twice: Vec::new(), doubled: Vec::new() }, is_in_doubt))
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
