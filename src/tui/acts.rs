//! What a person does to entries: on its way to the daemon, done, and to be taken back.

use super::action::Action;
use super::state::Screen;
use crate::protocol::QueueRow;
use crate::record::{Act, EntryId, Version};

/// Exactly what a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which entry.
    pub entry: EntryId,
    /// The version that was seen.
    pub version: Version,
    /// The review's revision then.
    pub revision: u64,
    /// `HOLT M · Consultation`.
    pub label: String,
}

impl Target {
    /// What a row is about.
    pub fn of(row: &QueueRow) -> Self {
        Self {
            entry: row.entry,
            version: row.version,
            revision: row.revision,
            label: format!("{} · {}", super::words::short_name(&row.patient_name), row.title),
        }
    }
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Decided on an entry.
    Decided(EntryId),
    /// Let the lines of a skim page pass.
    Passed(Vec<EntryId>),
    /// Hid several entries at once.
    Hidden(Vec<EntryId>),
    /// Did something that is not taken back; the sentence after the entry's label says what is done instead.
    Stays(EntryId, &'static str),
}

/// An act of this session, to be taken back or to be decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What was done.
    pub deed: Deed,
    /// What to: `HOLT M · Consultation`, `28 lines`.
    pub label: String,
    /// The line that stays in sight.
    pub text: String,
}

/// A decision on its way to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What it is about.
    pub target: Target,
    /// What was decided; `None` when a decision is taken back.
    pub act: Option<Act>,
}

/// What is to happen once an entry has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Which.
    pub entry: EntryId,
    /// What the person asked for: to open, to redact.
    pub then: Action,
    /// A sentence to show with it.
    pub note: Option<String>,
    /// The page to which leaving it leads; that from which it is opened where none is named.
    pub from: Option<Screen>,
    /// Entries with the same words that stood in the way, to be shown over it.
    pub twins: Vec<EntryId>,
}

impl Opening {
    /// To be read.
    pub fn read(entry: EntryId) -> Self {
        Self { entry, then: Action::Open, note: None, from: None, twins: Vec::new() }
    }
}

/// Several entries being hidden at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bulk {
    /// Those that the daemon has not answered yet.
    pub awaited: Vec<EntryId>,
    /// Those that are hidden.
    pub hidden: Vec<EntryId>,
    /// Why others are not, a sentence each.
    pub refused: Vec<String>,
}
