//! All that the screen knows. `update` changes it, `view` draws it, nothing else touches it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::action::{Action, Place};
pub use super::acts::{Bulk, Deed, Done, Opening, Sending, Target};
use super::document::{Document, Laid};
use super::keymap::{Key, Keymap};
use super::layout;
pub use super::overlay::{Matter, Overlay, PatientMatter, Writing};
pub use super::pages::{
    Compared, EntryState, Fetching, LogState, MOST_MARKED, PolicyState, Preview, QueueState, RecordState, RedactState,
    WINDOW, WorklistState,
};
use super::skim::SkimState;
pub use super::tour::Tour;
use super::view::Theme;
use crate::audit::{Actor, Role};
use crate::protocol::{Opened, Request, Status, Welcome};
use crate::record::{Act, EntryId};

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
    /// The rules of review that are in force.
    Policy,
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

/// Why nothing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// The person asked for it.
    Asked,
    /// Nobody has pressed a key for [`IDLE_MINUTES`]. Outside the demo the next key ends the session: whoever
    /// presses it need not be who left, and shows who they are by connecting again.
    Idle,
}

/// After so many minutes without a key the screen blanks.
pub const IDLE_MINUTES: u32 = 5;

/// After so many minutes without a key the program ends by itself: what was in hand is free again. Never in the
/// demo, where nothing is real.
pub const IDLE_END_MINUTES: u32 = 15;

/// All that the screen knows.
#[derive(Debug, Clone)]
pub struct State {
    /// Columns and rows of the terminal.
    pub terminal: (u16, u16),
    /// Columns and rows of the page: those of the terminal, less what the tour takes.
    pub size: (u16, u16),
    /// How far the tour is, while there is one.
    pub tour: Option<Tour>,
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
    /// Its first row on the screen.
    pub status_top: usize,
    /// The rules of review that are in force.
    pub policy: PolicyState,
    /// What the status line says until the next key.
    pub message: Option<Message>,
    /// Acts of this session, the last one last.
    pub done: Vec<Done>,
    /// A decision that was warned of: the next key sends it, if it is the one for that.
    pub warned: Option<(Target, Act)>,
    /// The decision on its way.
    pub sending: Option<Sending>,
    /// The decision that was on its way when the daemon was lost: it is asked for once more when it is back.
    pub unanswered: Option<Sending>,
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
    /// What the last key asked for, if it was no text and no part of a sequence.
    pub acted: Option<Action>,
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
    /// The answer to an act whose first answer was lost.
    AnsweredLate(Box<crate::protocol::Reply>),
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
    /// The tour, where one begins.
    pub tour: Option<Tour>,
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
            status_top: 0,
            policy: PolicyState::default(),
            message: None,
            done: Vec::new(),
            warned: None,
            sending: None,
            unanswered: None,
            handling: None,
            bulk: None,
            opening: None,
            last_key: None,
            came_by_itself: false,
            acted: None,
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
                | Overlay::Find { .. }
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
            Screen::Policy => Place::Policy,
        }
    }

    /// What a decision would be about now.
    pub fn target(&self) -> Option<Target> {
        match self.screen {
            Screen::Queue => self.queue.current().map(Target::of),
            Screen::Skim => self.skim.current().map(|line| Target::of(&line.row)),
            Screen::Entry | Screen::Redact => self.entry.as_ref().map(|entry| Target::of(&entry.opened.row)),
            Screen::Worklist | Screen::Record | Screen::Log | Screen::Status | Screen::Policy => None,
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

    /// Whether this is the demonstration, where one can go on as somebody else and nobody is real.
    pub fn is_demo(&self) -> bool {
        self.welcome.as_ref().is_some_and(|welcome| !welcome.demo_people.is_empty())
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
            Deed::Decided(decided) | Deed::Stays(decided, _) => *decided != entry,
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
        let fresh = EntryState {
            from,
            laid,
            top: 0,
            current: None,
            seen: BTreeSet::new(),
            considered: BTreeSet::new(),
            earlier: Vec::new(),
            compared: None,
            opened,
            told: super::pages::Told::NotYet,
        };
        self.entry = Some(match self.entry.take() {
            // What was read of the same text is read, whatever has come to stand beside it.
            Some(before) if before.shows_the_same_as(&fresh) => {
                EntryState { from: fresh.from, laid: fresh.laid, opened: fresh.opened, ..before }
            }
            _ => fresh,
        });
        self.redact = None;
        self.warned = None;
        self.screen = Screen::Entry;
    }
}
