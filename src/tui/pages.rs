//! What each page knows.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::action::Action;
use super::compare::Changed;
use super::document::Laid;
use super::redaction::{Removals, Selection};
use super::state::{Screen, Target};
use crate::protocol::{
    AuditLine, Earlier, Only, Opened, PatientRecord, PolicyFile, Queue, QueueRow, Verified, Wanted, Work, WorkItem,
};
use crate::record::{EntryId, PatientId, Style};
use crate::review::RedactionError;

/// Rows of the queue asked for at once: some pages around the one that is shown.
pub const WINDOW: usize = 256;

/// A row so near to the end of what has come makes the next ones come.
const MARGIN: usize = 64;

/// The most entries that are hidden at once.
pub const MOST_MARKED: usize = 50;

/// The list of what waits. Only a window of it is here; the daemon has the whole.
#[derive(Debug, Clone, Default)]
pub struct QueueState {
    /// As the daemon last sent it.
    pub queue: Option<Queue>,
    /// What was asked for when it did.
    pub came: Option<Wanted>,
    /// Which place of the list is selected, from 0.
    pub selected: usize,
    /// The first place on the screen.
    pub top: usize,
    /// Which rows are wanted.
    pub only: Only,
    /// Entries marked for one act on all of them, by place in the order of marking.
    pub marked: Vec<Target>,
    /// Whether it is on its way.
    pub asked: bool,
    /// Whether it has changed again since it was asked for.
    pub stale: bool,
}

impl QueueState {
    /// The rows that are here.
    pub fn rows(&self) -> &[QueueRow] {
        self.queue.as_ref().map(|queue| queue.rows.as_slice()).unwrap_or_default()
    }

    /// The place of the first row that is here.
    fn from(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.from)
    }

    /// How many rows the list has, here and at the daemon.
    pub fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.fits)
    }

    /// Whether the list has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that wait on the skim page.
    pub fn to_skim(&self) -> u64 {
        self.queue.as_ref().map_or(0, |queue| queue.totals.to_skim)
    }

    /// The row at a place of the list, if it is here.
    pub fn row(&self, place: usize) -> Option<&QueueRow> {
        self.rows().get(place.checked_sub(self.from())?)
    }

    /// Whether the rows that are here are of another list than the one that is wanted: nobody has chosen from that
    /// one yet.
    pub fn is_of_another_list(&self) -> bool {
        self.came.as_ref().is_some_and(|came| came.only != self.only)
    }

    /// The row at the selected place.
    pub fn shown(&self) -> Option<&QueueRow> {
        self.row(self.selected)
    }

    /// The selected row, for what is done to it.
    pub fn current(&self) -> Option<&QueueRow> {
        self.shown().filter(|_| !self.is_of_another_list())
    }

    /// The place of an entry, if its row is here.
    pub fn place_of(&self, entry: EntryId) -> Option<usize> {
        self.rows().iter().position(|row| row.entry == entry).map(|place| place + self.from())
    }

    /// Whether the row at a place is of the same patient as the one above it.
    pub fn goes_on(&self, place: usize) -> bool {
        let above = place.checked_sub(1).and_then(|above| self.row(above));
        above.zip(self.row(place)).is_some_and(|(above, row)| above.patient == row.patient)
    }

    /// Whether an entry is marked.
    pub fn is_marked(&self, entry: EntryId) -> bool {
        self.marked.iter().any(|target| target.entry == entry)
    }

    /// What to ask the daemon for: the rows around the selected one.
    pub fn wanted(&self) -> Wanted {
        Wanted { from: self.selected.saturating_sub(WINDOW / 2), limit: WINDOW, only: self.only.clone() }
    }

    /// Whether more rows must come for a page of so many, or will be wanted soon.
    pub fn lacks(&self, page: usize) -> bool {
        let (from, end) = (self.from(), self.from() + self.rows().len());
        let above = from > 0 && self.top.min(self.selected) < from + MARGIN;
        let below = end < self.len() && (self.top + page).max(self.selected) + MARGIN > end;
        (above || below) && self.came.as_ref() != Some(&self.wanted())
    }
}

/// The entry that is open.
#[derive(Debug, Clone)]
pub struct EntryState {
    /// The page from which it was opened.
    pub from: Screen,
    /// As the daemon sent it.
    pub opened: Opened,
    /// Its text, wrapped.
    pub laid: Laid,
    /// First row on the screen.
    pub top: usize,
    /// The match that is current, by index.
    pub current: Option<usize>,
    /// The matches that have been on the screen.
    pub seen: BTreeSet<usize>,
    /// The entries with the same words that the person named as considered, this one too where its own other
    /// lines repeat them.
    pub considered: BTreeSet<EntryId>,
    /// Its earlier versions, as far as they have come, newest first.
    pub earlier: Vec<Earlier>,
    /// The comparison with one of them, while it is shown.
    pub compared: Option<Compared>,
    /// Whether the daemon knows that its reader, who has it in hand, is here.
    pub told: Told,
}

/// Whether the daemon was told that keys are pressed on an entry that the person has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Not in the last minute.
    NotYet,
    /// In the last minute.
    Lately,
    /// It is in hand elsewhere.
    InVain,
}

impl EntryState {
    /// Whether this is the same text of the same entry with the same findings.
    pub fn shows_the_same_as(&self, other: &Self) -> bool {
        self.opened.version == other.opened.version && self.opened.screening == other.opened.screening
    }
}

/// An earlier version beside the present one.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Which of those that have come.
    pub index: usize,
    /// What changed since, wrapped.
    pub rows: Vec<Changed>,
}

/// A patient whose record is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetching {
    /// Whom.
    pub patient: PatientId,
    /// To list it, or to set or clear flags.
    pub then: Action,
    /// The list to which leaving it leads.
    pub from: Screen,
    /// The entry to which leaving it leads.
    pub entry: Option<EntryId>,
}

/// What needs somebody beside the queue.
#[derive(Debug, Clone, Default)]
pub struct WorklistState {
    /// Most pressing first.
    pub items: Vec<WorkItem>,
    /// Whether they have come.
    pub come: bool,
    /// Which is selected.
    pub selected: usize,
    /// The first line on the screen, headings counted.
    pub top: usize,
}

/// A line of the worklist's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkLine {
    /// What sort of work follows, and how much of it.
    Heading(Work, usize),
    /// One item, by index.
    Item(usize),
}

impl WorklistState {
    /// The items under their headings.
    pub fn lines(&self) -> Vec<WorkLine> {
        let mut lines = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            if index == 0 || self.items.get(index - 1).is_some_and(|above| above.kind != item.kind) {
                let many = self.items.iter().filter(|other| other.kind == item.kind).count();
                lines.push(WorkLine::Heading(item.kind, many));
            }
            lines.push(WorkLine::Item(index));
        }
        lines
    }

    /// The selected item.
    pub fn current(&self) -> Option<&WorkItem> {
        self.items.get(self.selected)
    }
}

/// All that is here of one patient.
#[derive(Debug, Clone)]
pub struct RecordState {
    /// As the daemon sent it.
    pub record: PatientRecord,
    /// The list to which leaving it leads.
    pub from: Screen,
    /// The entry to which leaving it leads.
    pub entry: Option<EntryId>,
    /// Which entry is selected.
    pub selected: usize,
    /// The first on the screen.
    pub top: usize,
}

/// What taking out would leave.
#[derive(Debug, Clone)]
pub enum Preview {
    /// What the patient will see.
    Shows(Box<Laid>),
    /// This reader's login shows nothing of it.
    Unseen,
    /// Nothing can be shown, and why.
    Nothing(RedactionError),
}

/// A redaction in the making, over the entry that is open.
#[derive(Debug, Clone)]
pub struct RedactState {
    /// What is selected.
    pub selection: Selection,
    /// What is taken out.
    pub removals: Removals,
    /// How that looks.
    pub style: Style,
    /// The matches that the person chose to leave in, by index.
    pub kept: BTreeSet<usize>,
    /// The matches that the person has had before them while redacting.
    pub visited: BTreeSet<usize>,
    /// The entry's text at this page's width.
    pub laid: Laid,
    /// First row on the screen.
    pub top: usize,
    /// What the act would show.
    pub preview: Preview,
    /// Whose view the preview shows, by index of the patient's views.
    pub reader: usize,
    /// Why it cannot be decided so, if it cannot.
    pub refused: Option<RedactionError>,
    /// First row of the preview on the screen.
    pub preview_top: usize,
    /// What to think about before deciding.
    pub warnings: Vec<String>,
    /// Whether anything was changed since the page was opened.
    pub changed: bool,
    /// Whether the daemon does not have the latest of it yet.
    pub unsaved: bool,
}

/// The audit log.
#[derive(Debug, Clone, Default)]
pub struct LogState {
    /// Newest first.
    pub lines: Vec<AuditLine>,
    /// Whether the oldest has come.
    pub complete: bool,
    /// Which is selected.
    pub selected: usize,
    /// The first on the screen.
    pub top: usize,
    /// What verification found, and when.
    pub verified: Option<(Verified, Option<DateTime<Utc>>)>,
}

/// The rules of review that are in force.
#[derive(Debug, Clone, Default)]
pub struct PolicyState {
    /// As the daemon sent them.
    pub file: Option<PolicyFile>,
    /// First row on the screen.
    pub top: usize,
}
