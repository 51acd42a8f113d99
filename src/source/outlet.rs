//! Handing on what one file says, and where in it.

use std::io;
use std::path::Path;

use super::packed::GrowsTooFar;
use super::{Change, SetAside, SourceError, TEXT_LIMIT};
use crate::record::{Code, CodeSystem, Part, Unreadable};

/// What a [`Source`](super::Source) hands its changes to.
pub(super) type Sink<'a> = dyn FnMut(Change) -> Result<(), SourceError> + 'a;

/// The sink, together with the file whose rows are being handed on.
pub(super) struct Outlet<'a> {
    file: String,
    sink: &'a mut Sink<'a>,
    /// The record at hand, where it is no row of a table.
    record: u64,
    /// The row of a table at hand.
    row: Option<Handed>,
}

/// What became of the lines of one row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Handed {
    /// Whether it is in doubt what the row says.
    in_doubt: bool,
    /// Whether a line is held for that.
    pub(super) held: bool,
    /// Whether a text was too long and left out.
    pub(super) dropped: bool,
}

impl<'a> Outlet<'a> {
    /// For the rows of `file`, named without its folder.
    pub(super) fn new(file: &str, sink: &'a mut Sink<'_>) -> Self {
        Self { file: file.to_owned(), sink, record: 0, row: None }
    }

    /// The file whose rows are being handed on.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// A record begins that is no row of a table: what is wrong with its texts is said by this number.
    pub(super) fn begin_record(&mut self, number: u64) {
        self.record = number;
    }

    /// A row of a table begins.
    pub(super) fn begin_row(&mut self, in_doubt: bool) {
        self.row = Some(Handed { in_doubt, ..Handed::default() });
    }

    /// A row of a table ends: what is wrong with its texts is for the table to say.
    pub(super) fn end_row(&mut self) -> Handed {
        self.row.take().unwrap_or_default()
    }

    pub(super) fn send(&mut self, change: Change) -> Result<(), SourceError> {
        (self.sink)(change)
    }

    /// Hands on a line, without those of its texts that are too long to be screened. One that could not be read for
    /// certain is held.
    pub(super) fn send_part(&mut self, mut facts: super::PartFacts) -> Result<(), SourceError> {
        let dropped = drop_what_is_too_long(&mut facts.part);
        name_enhanced_review(&mut facts.part);
        match &mut self.row {
            Some(row) => {
                row.dropped |= dropped;
                if row.in_doubt {
                    row.held = true;
                    facts.part.unreadable.get_or_insert(Unreadable::Damaged);
                }
            }
            None if dropped => self.set_aside(
                self.record,
                "a text is longer than 1 MiB: the line is held without it; read it in the practice’s system",
            )?,
            None => {}
        }
        self.send(Change::Part(facts))
    }

    /// Hands on an entry's facts; a heading too long to be screened is left out and said.
    pub(super) fn send_group(&mut self, row: u64, mut facts: super::GroupFacts) -> Result<(), SourceError> {
        if facts.title.len() > TEXT_LIMIT {
            facts.title.clear();
            self.set_aside(
                row,
                "the entry’s heading is longer than 1 MiB: the entry is kept without it; correct it at the source",
            )?;
        }
        self.send(Change::Group(facts))
    }

    /// The file was read to its end.
    pub(super) fn end(&mut self, rows: u64) -> Result<(), SourceError> {
        let file = self.file.clone();
        self.send(Change::FileRead { file, rows })
    }

    pub(super) fn set_aside(&mut self, row: u64, why: impl Into<String>) -> Result<(), SourceError> {
        let file = self.file.clone();
        self.send(Change::SetAside(SetAside { file, row, why: why.into() }))
    }
}

/// The two terms of SNOMED CT that ask for enhanced review before access is given, or say that it is not indicated, in lower
/// case (digital.nhs.uk, "Using enhanced review SNOMED codes when giving a patient access to their health record").
const ENHANCED_REVIEW: [(&str, &str); 2] = [
    ("enhanced review indicated before granting access to own health record", "1364731000000104"),
    ("enhanced review not indicated before granting access to own health record", "1364751000000106"),
];

/// Gives the code for enhanced review its identifier in SNOMED CT where a system sends only its term, beside a code of
/// another terminology or of its own.
fn name_enhanced_review(part: &mut Part) {
    const BEGINS: &str = "enhanced review";
    let begins = part.display.get(..BEGINS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEGINS));
    if !begins || part.codes.iter().any(|code| code.system == CodeSystem::Snomed) {
        return;
    }
    let term = part.display.split(" (").next().unwrap_or_default().trim().to_lowercase();
    if let Some((_, code)) = ENHANCED_REVIEW.iter().find(|(known, _)| *known == term) {
        let display = part.display.clone();
        part.codes.push(Code { system: CodeSystem::Snomed, code: (*code).to_owned(), display });
    }
}

/// Whether something was.
fn drop_what_is_too_long(part: &mut Part) -> bool {
    let mut dropped = false;
    for text in [&mut part.heading, &mut part.display, &mut part.value, &mut part.text] {
        if text.len() > TEXT_LIMIT {
            text.clear();
            part.unreadable = Some(Unreadable::TooLarge);
            dropped = true;
        }
    }
    part.codes.retain(|code| code.code.len() + code.display.len() <= TEXT_LIMIT);
    dropped
}

/// The sentence for a file that cannot be read to its end. The system's own words may hold a path.
pub(super) fn unreadable(error: &io::Error) -> String {
    if error.get_ref().is_some_and(|inner| inner.is::<GrowsTooFar>()) {
        return GrowsTooFar.to_string();
    }
    match error.kind() {
        // What comes packed says so when it ends too early or does not match its checksum.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            "the packed file is damaged or cut off: what came before was read; ask for it again".to_owned()
        }
        io::ErrorKind::Unsupported => {
            "the packed file is encrypted or packed in a way that is not read here: unpack it first, then pull again"
                .to_owned()
        }
        kind => format!(
            "the file could not be read to its end ({kind}): check the disk and its permissions, then pull again"
        ),
    }
}

/// A file's name without its folder.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A sentence about a whole file.
pub(super) fn whole_file(path: &Path, why: &str) -> SetAside {
    SetAside { file: file_name(path), row: 0, why: why.to_owned() }
}
