//! The same actions as on the screen, line by line: for screen readers, for terminals that cannot move their
//! cursor, and for scripts. An action is called by its name, or by its key.
//!
//! Nothing is drawn and nothing is repainted: a line is asked for, and what it brings is printed below it.

mod beside;
mod entry;
mod voice;

use std::io::Write;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::audit::{Actor, Role};
use crate::client::{Client, ClientError};
use crate::protocol::{Only, PassedLine, Queue, QueueRow, Reply, Request, SkimLine, Wanted, Welcome, WorkItem};
use crate::record::{Act, EntryId, HideReason, PatientId, Safeguards, Tier};
use crate::tui::action::{ACTIONS, Action, Place};
use crate::tui::keymap::Keymap;
use crate::tui::update::queue::listed;
use crate::tui::words;

use entry::Open;
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
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All was done.
    Done,
    /// Something was refused or not understood.
    Refused,
}

/// Why it could not go on. One sentence.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// The daemon is away, or will not have the caller.
    #[error(transparent)]
    Client(#[from] ClientError),
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
    (Action::Escalate, "words"),
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
    (Action::Decide, ""),
    (Action::Patient, ""),
    (Action::Versions, ""),
    (Action::Record, ""),
    (Action::Flags, "[number why]"),
    (Action::Worklist, "[number]"),
    (Action::Skim, ""),
    (Action::Pick, "number"),
    (Action::Pass, ""),
    (Action::Find, "[words]"),
    (Action::Filter, "late, changed, mine or urgent"),
    (Action::PageDown, ""),
    (Action::Log, ""),
    (Action::Verify, ""),
    (Action::Status, ""),
    (Action::Pull, ""),
    (Action::Publish, ""),
    (Action::SwitchPerson, ""),
    (Action::Undo, ""),
    (Action::Back, ""),
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
    let (client, welcome) = connect(None).await?;
    let mut session = Session {
        voice: Voice::new(out, options.ascii),
        client,
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
        done: Vec::new(),
        now: None,
        work: Vec::new(),
        standing: None,
    };
    session.greet().await?;
    loop {
        if options.prompts {
            session.voice.ask("anteroom> ")?;
        }
        let Some(Ok(line)) = lines.next().await else { break };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match session.obey(line).await? {
            Next::Go => {}
            Next::Become(person) => {
                let (client, welcome) = connect(Some(person)).await?;
                (session.client, session.welcome) = (client, welcome);
                session.open = None;
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

struct Session<W: Write, T> {
    voice: Voice<W>,
    client: Client<T>,
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
    done: Vec<(EntryId, String)>,
    /// The practice's time, as it last said.
    now: Option<DateTime<Utc>>,
    /// The worklist as it was told last.
    work: Vec<WorkItem>,
    /// What stands over the patient that was told last.
    standing: Option<(PatientId, Safeguards)>,
}

impl<W: Write, T: AsyncRead + AsyncWrite + Unpin> Session<W, T> {
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
        match action {
            Action::Open => self.open_row(rest).await?,
            Action::NextEntry => self.neighbour(true).await?,
            Action::PreviousEntry => self.neighbour(false).await?,
            Action::Approve => self.approve(rest).await?,
            Action::Escalate
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
            Action::Redact | Action::TakeAll | Action::Remove | Action::Keep | Action::Style | Action::Patient => {
                match &mut self.open {
                    Some(open) => open.act(action, rest, &mut self.voice)?,
                    None => self.voice.refuse("no entry is open: say open and its number")?,
                }
            }
            Action::Decide => self.decide_redaction(rest).await?,
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
            Action::Pull => self.pull().await?,
            Action::Publish => self.publish().await?,
            Action::SwitchPerson => return self.switch_person(),
            Action::Undo => self.undo().await?,
            Action::Back if self.open.is_none() && self.skim_told.is_none() => return Ok(Next::Leave),
            Action::Back => match &mut self.open {
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
        match self.client.request(request).await? {
            Reply::Refused { why } | Reply::Failed { why } => {
                self.voice.refuse(&format!("{}.", words::capital(&why)))?;
                Ok(None)
            }
            reply => Ok(Some(reply)),
        }
    }

    async fn list(&mut self, from: usize) -> Result<(), PlainError> {
        let wanted = Wanted { from, limit: PAGE, only: self.only.clone() };
        let Some(Reply::Queue(Queue { now, rows, fits, totals, alarms, .. })) = self.ask(Request::Rows(wanted)).await?
        else {
            return Ok(());
        };
        for alarm in alarms {
            self.voice.say(&format!("Warning: {alarm}."))?;
        }
        if totals.set_aside > 0 {
            let rows = words::count(totals.set_aside, "row", "rows");
            self.voice.say(&format!("Warning: {rows} of the feeds could not be used."))?;
        }
        let mut said = format!("{} to review, {} late, {} to skim.", totals.to_review, totals.late, totals.to_skim);
        if !self.only.is_all() {
            said.push_str(&format!(" {fits} fit {}.", listed(&self.only).unwrap_or_default()));
        }
        self.voice.say(&said)?;
        for (number, row) in (from + 1..).zip(&rows) {
            let late = if now > row.due { ", late" } else { "" };
            let held = row.held_by.as_ref().map(|who| format!(", {who} has it")).unwrap_or_default();
            let changed = if row.changed { ", changed since it was decided" } else { "" };
            let line = format!(
                "{number}. {}. {}, {}. {}, {}. Waits {}{late}{held}{changed}. Read by: {}. {}.",
                words::tier(row.tier),
                row.patient_name,
                row.sex_age,
                row.title,
                row.author,
                words::span(row.waiting_since, now),
                row.readers,
                row.why.join("; "),
            );
            self.voice.say(&line)?;
        }
        if rows.is_empty() {
            self.voice.say(if self.only.is_all() {
                "Nothing waits for you."
            } else {
                "Nothing fits: say find to list all."
            })?;
        } else if from + rows.len() < fits {
            self.voice.say(&format!("{} more: say page-down.", fits - from - rows.len()))?;
        }
        (self.rows, self.from, self.fits, self.now) = (rows, from, fits, Some(now));
        Ok(())
    }

    /// The row with a number as it was told.
    fn row(&mut self, number: &str) -> Result<Option<QueueRow>, PlainError> {
        let place = match number {
            "" => Some(0),
            number => number.parse::<usize>().ok().and_then(|number| number.checked_sub(self.from + 1)),
        };
        let row = place.and_then(|place| self.rows.get(place)).cloned();
        if row.is_none() {
            self.voice.refuse("there is no row of that number here: say list")?;
        }
        Ok(row)
    }

    async fn open_row(&mut self, number: &str) -> Result<(), PlainError> {
        if self.skim_told.is_some() {
            let line = number.parse::<usize>().ok().and_then(|number| self.skim.get(number.checked_sub(1)?));
            return match line.map(|line| line.row.entry) {
                Some(entry) => self.open(entry).await,
                None => Ok(self.voice.refuse("there is no line of that number: say skim")?),
            };
        }
        match self.row(number)? {
            Some(row) => self.open(row.entry).await,
            None => Ok(()),
        }
    }

    async fn open(&mut self, entry: EntryId) -> Result<(), PlainError> {
        if let Some(Reply::Entry(opened)) = self.ask(Request::Open { entry }).await? {
            let open = Open::new(*opened);
            open.tell(&mut self.voice)?;
            self.open = Some(open);
        }
        Ok(())
    }

    async fn neighbour(&mut self, next: bool) -> Result<(), PlainError> {
        let here = self.open.as_ref().map(|open| open.opened.row.entry);
        let place = self.rows.iter().position(|row| Some(row.entry) == here);
        let beside = match (place, next) {
            (Some(place), true) => Some(place + 1),
            (Some(place), false) => place.checked_sub(1),
            (None, _) => Some(0),
        };
        match beside.and_then(|place| self.rows.get(place)).map(|row| row.entry) {
            Some(entry) => self.open(entry).await,
            None => Ok(self.voice.refuse("there is no further entry on this page: say list")?),
        }
    }

    async fn filter(&mut self, which: &str) -> Result<(), PlainError> {
        self.only = match which {
            "late" => Only { late: true, ..Only::default() },
            "changed" => Only { changed: true, ..Only::default() },
            "mine" => Only { mine: true, ..Only::default() },
            "urgent" => Only { tier: Some(Tier::Disclosure), ..Only::default() },
            "" => Only::default(),
            _ => {
                return Ok(self
                    .voice
                    .refuse("say filter and late, changed, mine or urgent; filter alone lists all")?);
            }
        };
        self.list(0).await
    }

    async fn approve(&mut self, why: &str) -> Result<(), PlainError> {
        let Some(open) = &self.open else {
            return Ok(self.voice.refuse("no entry is open: read it first, with open and its number")?);
        };
        match open.opened.may_not_release.clone() {
            Some(why) => Ok(self.voice.refuse(&why)?),
            // A second reader agrees to exactly what the first one proposed.
            None => {
                let act = open.opened.proposed.clone().unwrap_or(Act::Approve);
                self.decide(act, why).await
            }
        }
    }

    async fn hide(&mut self, reason: &str) -> Result<(), PlainError> {
        if self.open.is_none() {
            return Ok(self.voice.refuse("no entry is open: say open and its number")?);
        }
        let (reason, why) = reason.split_once(' ').unwrap_or((reason, ""));
        let numbered =
            reason.parse::<usize>().ok().and_then(|number| HideReason::ALL.get(number.checked_sub(1)?).copied());
        match numbered.or_else(|| HideReason::from_name(reason)) {
            Some(reason) => self.decide(Act::Hide { reason }, why.trim()).await,
            None => Ok(self.voice.refuse("say hide and a reason, 1 to 8: help lists them")?),
        }
    }

    async fn decide_redaction(&mut self, why: &str) -> Result<(), PlainError> {
        let Some(open) = self.open.as_mut().filter(|open| open.redacting) else {
            return Ok(self.voice.refuse("nothing is being redacted: say redact in an open entry")?);
        };
        match open.planned(&mut self.voice)? {
            Some(act) => self.decide(act, why).await,
            None => Ok(()),
        }
    }

    /// Decides on the open entry; the next one opens by itself. The lead says why where others could not decide.
    async fn decide(&mut self, act: Act, why: &str) -> Result<(), PlainError> {
        let Some(open) = &self.open else { return Ok(()) };
        let row = open.opened.row.clone();
        let what = format!("{} {}, {}", words::done(&act), row.patient_name, row.title);
        let waivers = open.considered.clone();
        let request = match self.resolves() {
            true => match self.resolution(act, why)? {
                Some(request) => request,
                None => return Ok(()),
            },
            false => {
                let (entry, version, revision) = (row.entry, row.version, row.revision);
                Request::Decide { entry, version, revision, act, token: None, waivers }
            }
        };
        let Some(Reply::Decided(decided)) = self.ask(request).await? else { return Ok(()) };
        let until = match (decided.visible_at, decided.review_by) {
            (_, Some(day)) => format!(", until review {}", words::day(day)),
            (Some(at), None) => format!(", visible {}", words::day_and_time(at)),
            (None, None) => format!(", {}", decided.state.name()),
        };
        self.voice.say(&format!("{}{until}. Say undo to take it back.", words::capital(&what)))?;
        if let Some(unfinished) = &decided.unfinished {
            self.voice.say(&format!("{}.", words::capital(unfinished)))?;
        }
        self.done.push((row.entry, what));
        let next = self.rows.iter().position(|listed| listed.entry == row.entry);
        let next = next.and_then(|place| self.rows.get(place + 1)).map(|row| row.entry);
        self.rows.retain(|listed| listed.entry != row.entry);
        self.open = None;
        match next {
            Some(entry) => self.open(entry).await,
            None => self.list(0).await,
        }
    }

    async fn undo(&mut self) -> Result<(), PlainError> {
        let Some((entry, what)) = self.done.pop() else {
            return Ok(self.voice.refuse("there is no decision of yours from this session to take back")?);
        };
        if let Some(Reply::Decided(_)) = self.ask(Request::Undo { entry }).await? {
            self.voice.say(&format!("Taken back: {what}. It waits again."))?;
        }
        Ok(())
    }

    async fn skim(&mut self) -> Result<(), PlainError> {
        self.open = None;
        let Some(Reply::Skim(skim)) = self.ask(Request::Skim { limit: PAGE }).await? else { return Ok(()) };
        self.reading_time = skim.reading_time;
        self.voice.say(&format!("{} to skim. These are the first {}.", skim.totals.to_skim, skim.lines.len()))?;
        for (number, line) in (1..).zip(&skim.lines) {
            let marked = line.marked.of(&line.sentence).filter(|words| *words != line.sentence && !words.is_empty());
            let marked = marked.map(|words| format!(" The words: {words}.")).unwrap_or_default();
            let row = &line.row;
            let said = format!(
                "{number}. {}, {}. Read by: {}. {}{marked}",
                row.patient_name, row.sex_age, row.readers, line.sentence
            );
            self.voice.say(&said)?;
        }
        if !skim.lines.is_empty() {
            self.voice
                .say("Say pass once you have read them all; pick and a number pulls one into the queue first.")?;
        }
        self.skim = skim.lines;
        self.skim_told = Some(Instant::now());
        Ok(())
    }

    async fn pick(&mut self, number: &str) -> Result<(), PlainError> {
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(line) = place.and_then(|place| self.skim.get(place)) else {
            return Ok(self.voice.refuse("say pick and the number of a line that skim told")?);
        };
        let (entry, name) = (line.row.entry, line.row.patient_name.clone());
        if let Some(Reply::Decided(_)) = self.ask(Request::Pick { entry }).await? {
            self.skim.retain(|line| line.row.entry != entry);
            self.voice.say(&format!("Pulled into the queue: {name}."))?;
        }
        Ok(())
    }

    async fn pass(&mut self) -> Result<(), PlainError> {
        let Some(told) = self.skim_told.filter(|_| !self.skim.is_empty()) else {
            return Ok(self.voice.refuse("no lines were told: say skim")?);
        };
        // The time since they were told, shared by all of them.
        let share = told.elapsed().as_millis() as u64 / self.skim.len() as u64;
        if share < self.reading_time {
            let left = (self.reading_time - share) * self.skim.len() as u64;
            let left = left.div_ceil(1000);
            return Ok(self.voice.refuse(&format!("too early: these lines count as read in {left} s"))?);
        }
        let lines = self.skim.iter().map(|line| PassedLine {
            entry: line.row.entry,
            version: line.row.version,
            revision: line.row.revision,
            on_screen: share,
        });
        let request = Request::Pass { lines: lines.collect() };
        if let Some(Reply::Passed(passed)) = self.ask(request).await? {
            self.voice.say(&format!(
                "{} passed, on to the hold.",
                words::count(passed.passed.len() as u64, "line", "lines")
            ))?;
            for why in passed.refused {
                self.voice.refuse(&why)?;
            }
            self.done.extend(passed.passed.into_iter().map(|entry| (entry, "a passed line".to_owned())));
            self.skim.clear();
        }
        Ok(())
    }

    async fn log(&mut self) -> Result<(), PlainError> {
        let request = Request::Audit { before: None, limit: PAGE, everything: false };
        if let Some(Reply::Audit(lines)) = self.ask(request).await? {
            for line in lines {
                let record = &line.record;
                let subject = line.subject.map(|subject| format!(", {subject}")).unwrap_or_default();
                let at = words::day_and_time(record.at);
                self.voice.say(&format!(
                    "{}. {at}. {} {}{subject}.",
                    line.seq,
                    record.actor.login,
                    record.event.words()
                ))?;
            }
        }
        Ok(())
    }

    async fn verify(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Verified(verified)) = self.ask(Request::Verify).await? {
            let frames = words::count(verified.frames, "record", "records");
            match verified.damage.as_slice() {
                [] => self.voice.say(&format!("The log is intact: {frames}, each follows from the one before."))?,
                damage => {
                    damage.iter().try_for_each(|what| self.voice.refuse(&format!("the log is damaged: {what}")))?
                }
            }
        }
        Ok(())
    }

    async fn status(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Status(status)) = self.ask(Request::Status).await? {
            let totals = status.totals;
            for alarm in status.alarms {
                self.voice.say(&format!("Warning: {alarm}."))?;
            }
            let line = format!(
                "{} to review, {} late, {} to skim, {} on hold, {} decided and undoable, {} visible, {} hidden, {} rows set aside.",
                totals.to_review,
                totals.late,
                totals.to_skim,
                totals.on_hold,
                totals.settling,
                totals.released,
                totals.hidden,
                totals.set_aside
            );
            self.voice.say(&line)?;
        }
        Ok(())
    }

    async fn pull(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Pulled(pulled)) = self.ask(Request::Pull { from: None }).await? {
            let said = format!(
                "Pulled {}: {} to review, {} to skim; {} new, {} changed, {} deleted; {} rows could not be used.",
                pulled.source,
                pulled.queued,
                pulled.to_skim,
                pulled.new,
                pulled.changed,
                pulled.deleted,
                pulled.set_aside
            );
            self.voice.say(&said)?;
            for notice in pulled.notices.iter().chain(&pulled.set_aside_examples) {
                self.voice.say(&format!("  {notice}"))?;
            }
        }
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Published(published)) = self.ask(Request::Publish).await? {
            let released = words::count(published.released, "entry", "entries");
            self.voice.say(&format!(
                "{released} became visible, {} kept back, {} in the feed.",
                published.kept_back, published.in_feed
            ))?;
        }
        Ok(())
    }

    fn switch_person(&mut self) -> Result<Next, PlainError> {
        let people = &self.welcome.demo_people;
        let here = people.iter().position(|actor| *actor == self.welcome.actor);
        let next = here.map_or(0, |here| (here + 1) % people.len().max(1));
        match people.get(next).cloned() {
            Some(actor) => Ok(Next::Become(actor)),
            None => {
                self.voice.refuse("you are who your login says; only the demo lets you change places")?;
                Ok(Next::Go)
            }
        }
    }
}
