//! Handing on what one file says, and where in it.

use std::path::Path;

use super::{Change, SetAside, SourceError, TEXT_LIMIT};
use crate::record::{Part, Unreadable};

/// What a [`Source`](super::Source) hands its changes to.
pub(super) type Sink<'a> = dyn FnMut(Change) -> Result<(), SourceError> + 'a;

/// The sink, together with the file whose rows are being handed on.
pub(super) struct Outlet<'a> {
    file: String,
    sink: &'a mut Sink<'a>,
}

impl<'a> Outlet<'a> {
    /// For the rows of `file`, named without its folder.
    pub(super) fn new(file: &str, sink: &'a mut Sink<'_>) -> Self {
        Self { file: file.to_owned(), sink }
    }

    pub(super) fn send(&mut self, change: Change) -> Result<(), SourceError> {
        (self.sink)(change)
    }

    /// Hands on a line, without those of its texts that are too long to be screened.
    pub(super) fn send_part(&mut self, mut facts: super::PartFacts) -> Result<(), SourceError> {
        drop_what_is_too_long(&mut facts.part);
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

    pub(super) fn set_aside(&mut self, row: u64, why: impl Into<String>) -> Result<(), SourceError> {
        let file = self.file.clone();
        self.send(Change::SetAside(SetAside { file, row, why: why.into() }))
    }
}

fn drop_what_is_too_long(part: &mut Part) {
    for text in [&mut part.heading, &mut part.display, &mut part.value, &mut part.text] {
        if text.len() > TEXT_LIMIT {
            text.clear();
            part.unreadable = Some(Unreadable::TooLarge);
        }
    }
    part.codes.retain(|code| code.code.len() + code.display.len() <= TEXT_LIMIT);
}

/// The sentence for a file that the system does not let us read. The system's own words may hold a path.
pub(super) fn unreadable(error: &std::io::Error) -> String {
    format!(
        "the file could not be read to its end ({}): check the disk and its permissions, then pull again",
        error.kind()
    )
}

/// A file's name without its folder.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A sentence about a whole file.
pub(super) fn whole_file(path: &Path, why: &str) -> SetAside {
    SetAside { file: file_name(path), row: 0, why: why.to_owned() }
}
