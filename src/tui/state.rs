//! All that the screen knows. `update` changes it, `view` draws it, nothing else touches it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::action::{Action, Place};
use super::document::{Document, Laid};
use super::keymap::{Key, Keymap};
use super::layout;
use super::redaction::{Removals, Selection};
use super::skim::SkimState;
use crate::audit::Actor;
use crate::protocol::{AuditLine, Opened, Queue, QueueRow, Request, Status, Verified, Welcome};
use crate::record::{Act, EntryId, Style, Version};
use crate::review::RedactionError;

/// The page on which the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// What waits.
    Queue,
    /// Lines with weak evidence.
    Skim,
    /// One entry.
    Entry,
    /// Taking words out of it.
    Redact,
    /// The audit log.
    Log,
    /// How things stand.
    Status,
}

/// What lies over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help {
        /// First line shown.
        top: usize,
    },
    /// Every action by its words.
    Palette {
        /// What has been typed.
        typed: String,
        /// Which of the fitting actions.
        selected: usize,
    },
    /// Typing what to look for in the queue.
    Find,
    /// Why to hide.
    Hide {
        /// The entry it is about.
        target: Target,
        /// Which reason; none at first, so that no key pressed twice chooses one.
        selected: Option<usize>,
    },
    /// The patient's context.
    Patient,
    /// Something to read once; any key closes it.
    Told {
        /// Its heading.
        title: String,
        /// What it says.
        lines: Vec<String>,
    },
}

/// Whether the daemon is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not yet.
    Connecting,
    /// Yes.
    Up,
    /// No, and why. It is being tried again.
    Lost(String),
}

/// A sentence for the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The sentence.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How a sentence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Worth knowing.
    Plain,
    /// It did not happen, or care is needed.
    Warning,
}

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
    /// Pulled an entry into the queue. That is decided on there, and not taken back.
    Picked(EntryId),
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
}

/// The list of what waits.
#[derive(Debug, Clone, Default)]
pub struct QueueState {
    /// As the daemon last sent it.
    pub queue: Option<Queue>,
    /// Which rows fit the filter, by index.
    pub shown: Vec<usize>,
    /// Which of the shown ones is selected.
    pub selected: usize,
    /// The first one on the screen.
    pub top: usize,
    /// What the rows must fit; empty for all.
    pub filter: String,
    /// Whether it is on its way.
    pub asked: bool,
    /// Whether it has changed again since it was asked for.
    pub stale: bool,
}

impl QueueState {
    /// All rows.
    pub fn rows(&self) -> &[QueueRow] {
        self.queue.as_ref().map(|queue| queue.rows.as_slice()).unwrap_or_default()
    }

    /// Lines that wait on the skim page.
    pub fn to_skim(&self) -> u64 {
        self.queue.as_ref().map_or(0, |queue| queue.totals.to_skim)
    }

    /// The row at a place of the shown list.
    pub fn row(&self, place: usize) -> Option<&QueueRow> {
        self.shown.get(place).and_then(|index| self.rows().get(*index))
    }

    /// The selected row.
    pub fn current(&self) -> Option<&QueueRow> {
        self.row(self.selected)
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
    /// Whether the person was told that some have not.
    pub warned: bool,
    /// The lines of the comparison with the decided version, while it is shown: mark and text.
    pub compared: Option<Vec<(char, String)>>,
}

/// What taking out would leave.
#[derive(Debug, Clone)]
pub enum Preview {
    /// What the patient will see.
    Shows(Box<Laid>),
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
    /// First row of the preview on the screen.
    pub preview_top: usize,
    /// What to think about before deciding.
    pub warnings: Vec<String>,
    /// Whether the person was told that some matches are not settled.
    pub warned: bool,
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

/// Why nothing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// The person asked for it.
    Asked,
    /// Nobody has pressed a key for [`IDLE_MINUTES`].
    Idle,
}

/// After so many minutes without a key the screen blanks.
pub const IDLE_MINUTES: u32 = 5;

/// All that the screen knows.
#[derive(Debug, Clone)]
pub struct State {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// Which keys do what.
    pub keymap: Keymap,
    /// The beginning of a key sequence.
    pub typed: Vec<Key>,
    /// Whether the program can be put aside.
    pub can_suspend: bool,
    /// Whether the daemon is there.
    pub link: Link,
    /// Whether a request has been on its way for long enough to say so.
    pub waiting: bool,
    /// Who we are to the daemon.
    pub welcome: Option<Welcome>,
    /// The practice's time.
    pub now: Option<DateTime<Utc>>,
    /// The page.
    pub screen: Screen,
    /// Where [`Action::Back`] goes from the log and the status page.
    pub under: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// The list of what waits.
    pub queue: QueueState,
    /// The lines to skim.
    pub skim: SkimState,
    /// The entry that is open.
    pub entry: Option<EntryState>,
    /// The redaction in the making.
    pub redact: Option<RedactState>,
    /// The audit log.
    pub log: LogState,
    /// How things stand.
    pub status: Option<Status>,
    /// What the status line says until the next key.
    pub message: Option<Message>,
    /// Acts of this session, the last one last.
    pub done: Vec<Done>,
    /// The decision on its way.
    pub sending: Option<Sending>,
    /// The entry on its way.
    pub opening: Option<Opening>,
    /// The entry to select when the queue comes.
    pub reselect: Option<EntryId>,
    /// Minutes without a key.
    pub idle_minutes: u32,
    /// Whether nothing is shown.
    pub blank: Option<Blank>,
}

/// What the world tells the screen.
#[derive(Debug, Clone)]
pub enum Input {
    /// A key.
    Key(Key),
    /// A pasted text, which is never taken for keys.
    Pasted(String),
    /// The terminal has another size.
    Resized(u16, u16),
    /// The daemon knows us.
    Connected(Welcome),
    /// The daemon is gone; one sentence.
    Lost(String),
    /// The answer to a request.
    Answered(Box<(Request, crate::protocol::Reply)>),
    /// The daemon tells something unasked.
    Noticed(crate::protocol::Notice),
    /// A minute has passed.
    Minute,
    /// A request has been on its way for a while, or no longer is.
    Waiting(bool),
    /// The program is back after having been put aside.
    Resumed,
    /// A moment has passed since the last change of a redaction.
    Paused,
    /// What was drawn last has been on the screen for so long.
    OnScreen(std::time::Duration),
}

/// What the screen wants from the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the daemon.
    Ask(Request),
    /// Connect anew, as that person.
    ConnectAs(Actor),
    /// Draw everything again.
    Redraw,
    /// Put the program aside.
    Suspend,
    /// Leave.
    Quit,
}

impl State {
    /// Before anything is known.
    pub fn new(size: (u16, u16), ascii: bool, keymap: Keymap, can_suspend: bool) -> Self {
        Self {
            size,
            ascii,
            keymap,
            typed: Vec::new(),
            can_suspend,
            link: Link::Connecting,
            waiting: false,
            welcome: None,
            now: None,
            screen: Screen::Queue,
            under: Screen::Queue,
            overlay: None,
            queue: QueueState::default(),
            skim: SkimState::default(),
            entry: None,
            redact: None,
            log: LogState::default(),
            status: None,
            message: None,
            done: Vec::new(),
            sending: None,
            opening: None,
            reselect: None,
            idle_minutes: 0,
            blank: None,
        }
    }

    /// Where keys go; `None` while they are text.
    pub fn place(&self) -> Option<Place> {
        match &self.overlay {
            Some(Overlay::Palette { .. } | Overlay::Find | Overlay::Told { .. }) => None,
            Some(Overlay::Help { .. }) => Some(Place::Help),
            Some(Overlay::Hide { .. }) => Some(Place::Hide),
            Some(Overlay::Patient) | None => Some(self.page()),
        }
    }

    /// The place of the page, whatever lies over it.
    pub fn page(&self) -> Place {
        match self.screen {
            Screen::Queue => Place::Queue,
            Screen::Skim => Place::Skim,
            Screen::Entry => Place::Entry,
            Screen::Redact => Place::Redact,
            Screen::Log => Place::Log,
            Screen::Status => Place::Status,
        }
    }

    /// What a decision would be about now.
    pub fn target(&self) -> Option<Target> {
        match self.screen {
            Screen::Queue => self.queue.current().map(Target::of),
            Screen::Skim => self.skim.current().map(|line| Target::of(&line.row)),
            Screen::Entry | Screen::Redact => self.entry.as_ref().map(|entry| Target::of(&entry.opened.row)),
            Screen::Log | Screen::Status => None,
        }
    }

    /// The list from which one comes here, and to which leaving an entry leads.
    pub fn came_from(&self) -> Screen {
        match (self.screen, &self.entry) {
            (Screen::Skim, _) => Screen::Skim,
            (Screen::Entry | Screen::Redact, Some(entry)) => entry.from,
            _ => Screen::Queue,
        }
    }

    /// Whether the open entry is a line of the skim page, which is neither approved nor redacted.
    pub fn is_to_skim(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.opened.row.state == crate::review::State::Skim)
    }

    /// Whether the person has the whole skim page before them: only then its lines are being read.
    pub fn reads_skim(&self) -> bool {
        let covered = self.overlay.is_some() || self.blank.is_some() || layout::too_small(self.size);
        self.screen == Screen::Skim && !covered && !self.skim.page().is_empty()
    }

    /// Whether an act is on its way to the daemon.
    pub fn is_sending(&self) -> bool {
        self.sending.is_some() || self.skim.underway.is_some()
    }

    /// Forgets what was done to an entry before: only the last act on it can be taken back.
    pub fn forget(&mut self, entry: EntryId) {
        self.done.retain_mut(|done| match &mut done.deed {
            Deed::Decided(decided) | Deed::Picked(decided) => *decided != entry,
            Deed::Passed(passed) => {
                passed.retain(|passed| *passed != entry);
                !passed.is_empty()
            }
        });
    }

    /// Whether a redaction has changed since the daemon last kept it.
    pub fn has_unsaved_draft(&self) -> bool {
        self.redact.as_ref().is_some_and(|redacting| redacting.unsaved)
    }

    /// The key that does `action` on this page.
    pub fn key(&self, action: Action) -> Option<String> {
        self.keymap.keys(self.page(), action, self.ascii).into_iter().next()
    }

    /// Says something in the status line.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), tone });
    }

    /// Shows an entry that has come.
    pub fn show_entry(&mut self, opened: Opened) {
        let from = self.came_from();
        let document = Document::of_version(&opened.version, &opened.screening);
        let laid = Laid::new(document, layout::text_width(self.size), self.ascii);
        self.entry = Some(EntryState {
            from,
            laid,
            top: 0,
            current: None,
            seen: BTreeSet::new(),
            warned: false,
            compared: None,
            opened,
        });
        self.redact = None;
        self.screen = Screen::Entry;
    }
}
