//! All that the screen knows. `update` changes it, `view` draws it, nothing else touches it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::action::{Action, Place};
use super::document::{Document, Laid};
use super::keymap::{Key, Keymap};
use super::layout;
pub use super::pages::{
    Compared, EntryState, Fetching, LogState, MOST_MARKED, Preview, QueueState, RecordState, RedactState, WINDOW,
    WorklistState,
};
use super::skim::SkimState;
use super::view::Theme;
use crate::audit::{Actor, Role};
use crate::protocol::{Opened, QueueRow, Request, Status, Welcome};
use crate::record::{Act, EntryId, Flag, HideReason, PatientId, Version};

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
    /// What needs somebody beside the queue.
    Worklist,
    /// All that is here of one patient.
    Record,
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
    /// Which rows of the queue to show.
    Filter,
    /// Why to hide.
    Hide {
        /// What it is about: one entry, or all that are marked.
        targets: Vec<Target>,
        /// Which reason; none at first, so that no key pressed twice chooses one.
        selected: Option<usize>,
    },
    /// Writing something about an entry or a patient.
    Write {
        /// What it is.
        what: Writing,
        /// What has been typed.
        typed: String,
    },
    /// Typing how many entries are to be hidden, to be sure that it is meant.
    Count {
        /// They.
        targets: Vec<Target>,
        /// Why.
        reason: HideReason,
        /// What has been typed.
        typed: String,
    },
    /// The patient's context.
    Patient {
        /// Which of the other entries that wait here.
        selected: usize,
    },
    /// What stands over the patient, and what could.
    Flags,
    /// The entries with the same words.
    Twins {
        /// Which of them.
        selected: usize,
        /// Those that stood in the way of a decision.
        named: Vec<EntryId>,
    },
    /// Something to read once; any key closes it.
    Told {
        /// Its heading.
        title: String,
        /// What it says.
        lines: Vec<String>,
    },
}

/// What a person writes, and about whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writing {
    /// About an entry.
    Entry(Target, Matter),
    /// About a patient, and their name.
    Patient(PatientId, String, PatientMatter),
}

/// What a person writes about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// A question to the lead.
    Escalate,
    /// Why it is put off.
    Defer {
        /// For how many days.
        days: u32,
    },
    /// What seems to be missing from a redaction.
    ReadBack,
    /// Why the lead takes a hide back.
    Reopen,
    /// Why it stays as it is.
    Confirm,
    /// What the reviewers should consider.
    GiveBack,
    /// What the patient said.
    PatientAsks,
    /// Why the lead decides so where two differ, or where somebody asked.
    Resolve(Act),
}

/// What a person does about a patient, and says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatientMatter {
    /// Sets a flag.
    Set {
        /// Which.
        flag: Flag,
        /// Whether what is visible is withdrawn too.
        withdraw: bool,
    },
    /// Asks to clear a flag, or agrees to that.
    Clear {
        /// Which.
        flag: Flag,
        /// Who asked before.
        asked_by: Option<String>,
    },
    /// Who may open the record: the logins are being typed.
    Readers,
    /// The same: why is being typed.
    NameReaders(Vec<String>),
    /// Declares a conflict of interest.
    LockOut(String),
    /// Lets somebody in again.
    LetIn(String),
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
    /// Hid several entries at once.
    Hidden(Vec<EntryId>),
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

/// After so many minutes without a key the program ends: what was in hand is free again, and who comes back logs
/// in anew. Never in the demo, where nothing is real.
pub const IDLE_END_MINUTES: u32 = 15;

/// All that the screen knows.
#[derive(Debug, Clone)]
pub struct State {
    /// Columns and rows of the terminal.
    pub terminal: (u16, u16),
    /// Columns and rows of the page: those of the terminal, less what the tour takes.
    pub size: (u16, u16),
    /// The step of the tour, while there is one.
    pub tour: Option<usize>,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// Which keys do what.
    pub keymap: Keymap,
    /// The beginning of a key sequence.
    pub typed: Vec<Key>,
    /// Whether the program can be put aside.
    pub can_suspend: bool,
    /// How things look.
    pub theme: Theme,
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
    /// What needs somebody beside the queue.
    pub worklist: WorklistState,
    /// All that is here of one patient.
    pub record: Option<RecordState>,
    /// The patient whose record is on its way, what for, and from where.
    pub fetching: Option<Fetching>,
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
    /// Something written, on its way to the daemon.
    pub handling: Option<Writing>,
    /// Several decisions on their way.
    pub bulk: Option<Bulk>,
    /// The entry on its way.
    pub opening: Option<Opening>,
    /// The last key, and whether the next row or entry came by itself since then: a key that is still down
    /// must not decide on that as well.
    pub last_key: Option<Key>,
    /// See `last_key`.
    pub came_by_itself: bool,
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
    /// No key was down for a moment.
    Released,
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
    /// Leave: nobody seems to be there.
    EndIdle,
}

/// What the screen is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Which keys do what.
    pub keymap: Keymap,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// How things look.
    pub theme: Theme,
    /// Whether the program can be put aside.
    pub can_suspend: bool,
    /// The step of the tour to begin with.
    pub tour: Option<usize>,
}

impl State {
    /// Before anything is known.
    pub fn new(terminal: (u16, u16), setup: Setup) -> Self {
        Self {
            terminal,
            size: super::tour::page_size(terminal, setup.tour),
            tour: setup.tour,
            ascii: setup.ascii,
            keymap: setup.keymap,
            typed: Vec::new(),
            can_suspend: setup.can_suspend,
            theme: setup.theme,
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
            worklist: WorklistState::default(),
            record: None,
            fetching: None,
            log: LogState::default(),
            status: None,
            message: None,
            done: Vec::new(),
            sending: None,
            handling: None,
            bulk: None,
            opening: None,
            last_key: None,
            came_by_itself: false,
            reselect: None,
            idle_minutes: 0,
            blank: None,
        }
    }

    /// Where keys go; `None` while they are text.
    pub fn place(&self) -> Option<Place> {
        match &self.overlay {
            Some(
                Overlay::Palette { .. }
                | Overlay::Find
                | Overlay::Filter
                | Overlay::Flags
                | Overlay::Write { .. }
                | Overlay::Count { .. }
                | Overlay::Told { .. },
            ) => None,
            Some(Overlay::Help { .. }) => Some(Place::Help),
            Some(Overlay::Hide { .. }) => Some(Place::Hide),
            Some(Overlay::Patient { .. } | Overlay::Twins { .. }) => Some(Place::Entry),
            None => Some(self.page()),
        }
    }

    /// The place of the page, whatever lies over it.
    pub fn page(&self) -> Place {
        match self.screen {
            Screen::Queue => Place::Queue,
            Screen::Skim => Place::Skim,
            Screen::Entry => Place::Entry,
            Screen::Redact => Place::Redact,
            Screen::Worklist => Place::Worklist,
            Screen::Record => Place::Record,
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
            Screen::Worklist | Screen::Record | Screen::Log | Screen::Status => None,
        }
    }

    /// The list from which one comes here, and to which leaving an entry leads.
    pub fn came_from(&self) -> Screen {
        match (self.screen, &self.entry) {
            (Screen::Skim | Screen::Worklist | Screen::Record, _) => self.screen,
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

    /// Whether the person is a safeguarding lead.
    pub fn is_lead(&self) -> bool {
        self.welcome.as_ref().is_some_and(|welcome| welcome.actor.role == Role::Lead)
    }

    /// Whether the open entry is the person's to decide as the lead, who says why.
    pub fn resolves(&self) -> bool {
        let mine = |by: &str| self.welcome.as_ref().is_some_and(|welcome| welcome.actor.login == by);
        self.is_lead()
            && self.entry.as_ref().is_some_and(|entry| {
                let decisions = &entry.opened.decisions;
                entry.opened.row.state.waits_for_lead() && !decisions.iter().any(|decision| mine(&decision.by))
            })
    }

    /// Whether an act is on its way to the daemon.
    pub fn is_sending(&self) -> bool {
        self.sending.is_some() || self.handling.is_some() || self.bulk.is_some() || self.skim.underway.is_some()
    }

    /// Forgets what was done to an entry before: only the last act on it can be taken back.
    pub fn forget(&mut self, entry: EntryId) {
        self.done.retain_mut(|done| match &mut done.deed {
            Deed::Decided(decided) | Deed::Picked(decided) => *decided != entry,
            Deed::Passed(several) | Deed::Hidden(several) => {
                several.retain(|one| *one != entry);
                !several.is_empty()
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
    pub fn show_entry(&mut self, opened: Opened, from: Option<Screen>) {
        let from = from.unwrap_or_else(|| self.came_from());
        let document = Document::of_version(&opened.version, &opened.screening);
        let laid = Laid::new(document, layout::text_width(self.size), self.ascii);
        self.entry = Some(EntryState {
            from,
            laid,
            top: 0,
            current: None,
            seen: BTreeSet::new(),
            warned: false,
            considered: BTreeSet::new(),
            earlier: Vec::new(),
            compared: None,
            opened,
        });
        self.redact = None;
        self.screen = Screen::Entry;
    }
}
