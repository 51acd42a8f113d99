//! The same actions as on the screen, line by line: for screen readers, for terminals that cannot move their
//! cursor, and for scripts. An action is called by its name, or by its key.
//!
//! Nothing is drawn and nothing is repainted: a line is asked for, and what it brings is printed below it.

mod beside;
mod decide;
mod entry;
mod line;
mod practice;
mod queue;
mod skim;
mod voice;

use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::audit::{Actor, Role};
use crate::client::{Client, ClientError};
use crate::protocol::{Only, PatientRecord, QueueRow, Reply, Request, SkimLine, Welcome, WorkItem};
use crate::record::{EntryId, HideReason};
use crate::tui::action::{ACTIONS, Action, Place};
use crate::tui::keymap::Keymap;
use crate::tui::state::Target;
use crate::tui::words;

use entry::Open;
use line::{Connected, Line};
use voice::Voice;

/// Rows of the queue and lines of the log told at once.
const PAGE: usize = 20;

/// How it is to be.
pub struct Options {
    /// Which keys stand for which actions.
    pub keymap: Keymap,
    /// Write nothing outside ASCII.
    pub ascii: bool,
    /// Whether somebody types: then a line is asked for.
    pub prompts: bool,
    /// After so long without a line the session ends, for the person has gone; never in the demo, and never for a
    /// script, which takes its time.
    pub idle: Option<Duration>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All was done.
    Done,
    /// Something was refused or not understood.
    Refused,
    /// Nobody said anything for too long.
    Idle,
}

/// Why it could not go on. One sentence.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// The daemon is away, or will not have the caller.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer to an act was lost and did not come again.
    #[error("it is not known whether this was done, look when the daemon is back: {0}")]
    Unknown(ClientError),
    /// The output cannot be written to.
    #[error("the output cannot be written to ({0})")]
    Output(#[from] std::io::Error),
}

/// What can be called here, with what stands behind the name.
const HERE: &[(Action, &str)] = &[
    (Action::Open, "[number]"),
    (Action::NextEntry, ""),
    (Action::PreviousEntry, ""),
    (Action::Approve, ""),
    (Action::Hide, "reason"),
    (Action::Mark, "[numbers]"),
    (Action::MarkPatient, "[number]"),
    (Action::Escalate, "words"),
    (Action::Note, "words"),
    (Action::Defer, "[days] words"),
    (Action::Resume, ""),
    (Action::ReadBack, "[words]"),
    (Action::GiveBack, "words"),
    (Action::Reopen, "words"),
    (Action::Confirm, "words"),
    (Action::PatientAsks, "words"),
    (Action::Waive, "number"),
    (Action::Propose, ""),
    (Action::TakeOver, ""),
    (Action::Redact, ""),
    (Action::TakeAll, ""),
    (Action::Remove, "match or words"),
    (Action::Keep, "match or words"),
    (Action::Style, ""),
    (Action::Reader, ""),
    (Action::Decide, "[number]"),
    (Action::Patient, ""),
    (Action::Versions, ""),
    (Action::Record, ""),
    (Action::Flags, "[number why]"),
    (Action::Worklist, "[number]"),
    (Action::Alarms, ""),
    (Action::Skim, ""),
    (Action::Pick, "number"),
    (Action::Pass, ""),
    (Action::Find, "[words]"),
    (Action::Filter, "late, changed, mine or urgent"),
    (Action::PageDown, ""),
    (Action::Log, ""),
    (Action::Verify, ""),
    (Action::Status, ""),
    (Action::Policy, ""),
    (Action::Pull, ""),
    (Action::Publish, ""),
    (Action::SwitchPerson, ""),
    (Action::Undo, ""),
    (Action::Back, ""),
    (Action::Leave, ""),
    (Action::Help, ""),
    (Action::Quit, ""),
];

/// Reads lines until they end or somebody leaves.
///
/// # Errors
/// When the daemon cannot be reached or is lost, or the output fails.
pub async fn run<L, C, T, W>(mut lines: L, out: W, connect: C, options: Options) -> Result<End, PlainError>
where
    L: Stream<Item = std::io::Result<String>> + Unpin,
    C: AsyncFn(Option<Actor>) -> Result<(Client<T>, Welcome), ClientError>,
    T: AsyncRead + AsyncWrite + Unpin,
    W: Write,
{
    let (line, welcome) = Connected::new(connect).await?;
    let mut session = Session {
        voice: Voice::new(out, options.ascii),
        line,
        welcome,
        keymap: options.keymap,
        rows: Vec::new(),
        from: 0,
        fits: 0,
        only: Only::default(),
        open: None,
        skim: Vec::new(),
        skim_told: None,
        reading_time: 0,
        marked: Vec::new(),
        hiding: None,
        done: Vec::new(),
        now: None,
        alarms: Vec::new(),
        work: Vec::new(),
        record: None,
    };
    session.greet().await?;
    loop {
        if options.prompts {
            session.voice.ask("anteroom> ")?;
        }
        let patience = options.idle.filter(|_| session.welcome.demo_people.is_empty()).unwrap_or(Duration::MAX);
        let line = match tokio::time::timeout(patience, lines.next()).await {
            Ok(line) => line,
            Err(_) => return Ok(End::Idle),
        };
        let Some(Ok(line)) = line else { break };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match session.obey(line).await? {
            Next::Go => {}
            Next::Become(person) => {
                session.welcome = session.line.go_on_as(person).await?;
                session.open = None;
                session.marked.clear();
                session.greet().await?;
            }
            Next::Leave => break,
        }
    }
    Ok(if session.voice.refused { End::Refused } else { End::Done })
}

enum Next {
    Go,
    Become(Actor),
    Leave,
}

struct Session<W: Write, L> {
    voice: Voice<W>,
    line: L,
    welcome: Welcome,
    keymap: Keymap,
    rows: Vec<QueueRow>,
    from: usize,
    fits: usize,
    only: Only,
    open: Option<Open>,
    skim: Vec<SkimLine>,
    skim_told: Option<Instant>,
    reading_time: u64,
    /// Entries of the queue that are marked, to be hidden together.
    marked: Vec<Target>,
    /// Why they are to be hidden, until their number is said.
    hiding: Option<HideReason>,
    done: Vec<Done>,
    /// The practice's time, as it last said.
    now: Option<DateTime<Utc>>,
    /// What must be known about the feeds, as it was told last.
    alarms: Vec<String>,
    /// The worklist as it was told last.
    work: Vec<WorkItem>,
    /// The patient's record that was told last, or over which flags were.
    record: Option<PatientRecord>,
}

/// An act of this session that can be taken back.
struct Done {
    /// On which entries.
    entries: Vec<EntryId>,
    /// What was done to what.
    what: String,
}

impl<W: Write, L: Line> Session<W, L> {
    async fn greet(&mut self) -> Result<(), PlainError> {
        let Welcome { practice, name, actor, .. } = &self.welcome;
        let who = format!("Anteroom, {practice}. You are {name}, {}.", actor.role.name());
        self.voice.say(&who)?;
        match self.welcome.actor.role {
            Role::Clinician | Role::Lead => self.list(0).await?,
            Role::Auditor => self.voice.say("An auditor reads the log and no records: say log, or verify.")?,
            Role::Admin | Role::System => {
                self.voice.say("This role runs the machine and reads no records: say status.")?
            }
        }
        Ok(self.voice.say("Say help for what you can do, quit to leave.")?)
    }

    fn place(&self) -> Place {
        match (&self.open, self.skim_told) {
            (Some(open), _) if open.redacting => Place::Redact,
            (Some(_), _) => Place::Entry,
            (None, Some(_)) => Place::Skim,
            (None, None) => Place::Queue,
        }
    }

    /// The action that a word names, or whose key it is here.
    fn action(&self, word: &str) -> Option<Action> {
        let place = self.place();
        let named = |action: Action| {
            action.about().name == word || self.keymap.keys(place, action, true).iter().any(|key| key == word)
        };
        HERE.iter().map(|(action, _)| *action).find(|action| named(*action))
    }

    async fn obey(&mut self, line: &str) -> Result<Next, PlainError> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if matches!(word, "queue" | "list") {
            self.open = None;
            self.skim_told = None;
            self.list(0).await?;
            return Ok(Next::Go);
        }
        let Some(action) = self.action(word) else {
            self.voice.refuse(&format!("“{word}” is no action here: say help for those there are"))?;
            return Ok(Next::Go);
        };
        let hiding = self.hiding.take();
        match action {
            Action::Open => self.open_row(rest).await?,
            Action::NextEntry => self.neighbour(true).await?,
            Action::PreviousEntry => self.neighbour(false).await?,
            Action::Approve => self.approve(rest).await?,
            Action::Escalate
            | Action::Note
            | Action::Defer
            | Action::Resume
            | Action::ReadBack
            | Action::GiveBack
            | Action::Reopen
            | Action::Confirm
            | Action::PatientAsks => self.handle(action, rest).await?,
            Action::Waive => self.consider(rest)?,
            Action::Propose => self.propose().await?,
            Action::TakeOver => self.take_over().await?,
            Action::Versions => self.earlier().await?,
            Action::Record => self.record_here().await?,
            Action::Flags => self.flags(rest).await?,
            Action::Worklist => self.worklist(rest).await?,
            Action::Filter => self.filter(rest).await?,
            Action::Hide => self.hide(rest).await?,
            Action::Redact
            | Action::TakeAll
            | Action::Remove
            | Action::Keep
            | Action::Style
            | Action::Reader
            | Action::Patient => {
                match &mut self.open {
                    Some(open) => open.act(action, rest, &mut self.voice)?,
                    None => self.voice.refuse("no entry is open: say open and its number")?,
                }
                self.keep_draft().await?;
            }
            Action::Alarms if self.alarms.is_empty() => {
                self.voice.say("There is nothing that must be known about the feeds.")?;
            }
            Action::Alarms => self.say_alarms()?,
            Action::Mark => self.mark(rest).await?,
            Action::MarkPatient => self.mark_patient(rest).await?,
            Action::Decide => match hiding {
                Some(reason) => self.hide_marked(reason, rest).await?,
                None => self.decide_redaction(rest).await?,
            },
            Action::Skim => self.skim().await?,
            Action::Pick => self.pick(rest).await?,
            Action::Pass => self.pass().await?,
            Action::Find => {
                self.only = Only { words: rest.to_owned(), ..Only::default() };
                self.list(0).await?;
            }
            Action::PageDown => self.list(self.from + PAGE).await?,
            Action::Log => self.log().await?,
            Action::Verify => self.verify().await?,
            Action::Status => self.status().await?,
            Action::Policy => self.policy().await?,
            Action::Pull => self.pull().await?,
            Action::Publish => self.publish().await?,
            Action::SwitchPerson => return self.switch_person(),
            Action::Undo => self.undo().await?,
            Action::Back | Action::Leave if hiding.is_some() => {
                self.voice.say("Nothing is hidden; the marks are still there.")?
            }
            Action::Back | Action::Leave if self.open.is_none() && self.skim_told.is_none() => {
                if self.marked.is_empty() {
                    return Ok(Next::Leave);
                }
                self.marked.clear();
                self.voice.say("Nothing is marked any more.")?;
            }
            Action::Back | Action::Leave => match &mut self.open {
                Some(open) if open.redacting => {
                    open.redacting = false;
                    self.voice.say("Nothing is decided; what you chose so far is still there.")?;
                }
                _ => {
                    self.open = None;
                    self.skim_told = None;
                    self.list(0).await?;
                }
            },
            Action::Quit => return Ok(Next::Leave),
            _ => self.help()?,
        }
        Ok(Next::Go)
    }

    fn help(&mut self) -> Result<(), PlainError> {
        self.voice.say("list: List what waits from the top")?;
        let place = self.place();
        for (action, with) in HERE {
            let about = ACTIONS.iter().find(|about| about.action == *action);
            let Some(about) = about else { continue };
            let key = self.keymap.keys(place, *action, true).into_iter().next();
            let key = key.map(|key| format!(", or {key}")).unwrap_or_default();
            let gap = if with.is_empty() { "" } else { " " };
            self.voice.say(&format!("{}{gap}{with}{key}: {}", about.name, about.sentence))?;
        }
        self.voice.say("Reasons to hide:")?;
        for (number, reason) in (1..).zip(HideReason::ALL) {
            self.voice.say(&format!("  {number} or {}: {}", reason.name(), reason.words()))?;
        }
        Ok(())
    }

    /// Asks; a refusal is told, and gives nothing.
    async fn ask(&mut self, request: Request) -> Result<Option<Reply>, PlainError> {
        let is_act = request.acts_on().is_some();
        let lost = "the connection to the daemon was lost; this is asked again when it is back";
        let voice = &mut self.voice;
        let mut unsaid = Ok(());
        let answered = self.line.ask(request, || unsaid = voice.say(&words::capital(lost))).await;
        unsaid?;
        let reply = answered.map_err(|error| match error {
            error if is_act && error.is_lost() => PlainError::Unknown(error),
            error => PlainError::Client(error),
        })?;
        match reply {
            Reply::Refused { why } | Reply::Failed { why } => {
                self.voice.refuse(&format!("{}.", words::capital(&why)))?;
                Ok(None)
            }
            reply => Ok(Some(reply)),
        }
    }
}
