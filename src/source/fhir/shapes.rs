//! Where the types that make a single line keep their words: a table instead of a function each.

pub(super) mod r4;
pub(super) mod stu3;

use crate::record::EntryKind;

/// Where one type keeps what. Each list is tried in turn, or gathered, as its name says.
pub(super) struct Shape {
    pub(super) kind: EntryKind,
    pub(super) heading: &'static str,
    /// The concept that the line is about; the first that is there.
    pub(super) about: &'static [&'static str],
    /// Concepts that say how it stands; all.
    pub(super) states: &'static [&'static str],
    /// Concepts and texts that are read as free text; all, each in a line of its own.
    pub(super) further: &'static [&'static str],
    /// When it happened; the first.
    pub(super) happened: &'static [&'static str],
    /// When it was saved; the first.
    pub(super) recorded: &'static [&'static str],
    /// Who recorded it; the first.
    pub(super) author: &'static [&'static str],
    /// Attachments, which are read as letters are; all.
    pub(super) attached: &'static [&'static str],
    /// Narrative in XHTML, where the words stand nowhere else; all.
    pub(super) narrative: &'static [&'static str],
    /// Questions with their answers and further questions.
    pub(super) items: &'static [&'static str],
}

/// A type that keeps nothing.
const PLAIN: Shape = Shape {
    kind: EntryKind::Other,
    heading: "",
    about: &[],
    states: &[],
    further: &[],
    happened: &[],
    recorded: &[],
    author: &[],
    attached: &[],
    narrative: &[],
    items: &[],
};
