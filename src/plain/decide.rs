//! Deciding on the open entry, or on all that are marked, and taking the last decision back.

use std::io::Write;

use super::entry::Open;
use super::voice::ended;
use super::{Done, Line, PlainError, Session};
use crate::protocol::{Reply, Request};
use crate::record::{Act, HideReason};
use crate::tui::state::Target;
use crate::tui::words;

impl<W: Write, L: Line> Session<W, L> {
    pub(super) async fn approve(&mut self, why: &str) -> Result<(), PlainError> {
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

    pub(super) async fn hide(&mut self, reason: &str) -> Result<(), PlainError> {
        if self.open.is_none() && self.marked.is_empty() {
            return Ok(self.voice.refuse("no entry is open: say open and its number, or mark several")?);
        }
        let (reason, why) = reason.split_once(' ').unwrap_or((reason, ""));
        let numbered =
            reason.parse::<usize>().ok().and_then(|number| HideReason::ALL.get(number.checked_sub(1)?).copied());
        match numbered.or_else(|| HideReason::from_name(reason)) {
            Some(reason) if self.open.is_none() => self.ask_how_many(reason),
            Some(reason) => self.decide(Act::Hide { reason }, why.trim()).await,
            None => Ok(self.voice.refuse("say hide and a reason, 1 to 8: help lists them")?),
        }
    }

    /// Says what would be hidden: their number must be said, to be sure that all are meant.
    fn ask_how_many(&mut self, reason: HideReason) -> Result<(), PlainError> {
        let many = words::count(self.marked.len() as u64, "entry", "entries");
        self.voice.say(&format!("{many} to be hidden: {}.", reason.words()))?;
        for target in &self.marked {
            self.voice.say(&format!("  {}", target.label))?;
        }
        self.voice.say("How many are these? Say decide and their number to hide them; anything else hides nothing.")?;
        self.hiding = Some(reason);
        Ok(())
    }

    /// Hides all that are marked, each an act of its own, if their number was said.
    pub(super) async fn hide_marked(&mut self, reason: HideReason, number: &str) -> Result<(), PlainError> {
        if number != self.marked.len().to_string() {
            let sentence = format!("these are {}: nothing is hidden; say hide and the reason again", self.marked.len());
            return Ok(self.voice.refuse(&sentence)?);
        }
        let mut entries = Vec::new();
        for Target { entry, version, revision, label } in std::mem::take(&mut self.marked) {
            let (act, token, waivers) = (Act::Hide { reason }, None, Vec::new());
            let request = Request::Decide { entry, version, revision, act, token, waivers };
            match self.ask(request).await? {
                Some(_) => entries.push(entry),
                None => self.voice.refuse(&format!("not hidden: {label}"))?,
            }
        }
        let what = format!("hidden {}", words::count(entries.len() as u64, "entry", "entries"));
        self.voice.say(&format!("{}. Say undo to take it back.", words::capital(&what)))?;
        if !entries.is_empty() {
            self.done.push(Done { entries, what });
        }
        self.list(0).await
    }

    pub(super) async fn decide_redaction(&mut self, why: &str) -> Result<(), PlainError> {
        let Some(open) = self.open.as_mut().filter(|open| open.redacting) else {
            return Ok(self.voice.refuse("nothing is being redacted: say redact in an open entry")?);
        };
        match open.planned(&mut self.voice)? {
            Some(act) => self.decide(act, why).await,
            None => Ok(()),
        }
    }

    /// Decides on the open entry; the next one opens by itself. The lead says why where others could not decide.
    pub(super) async fn decide(&mut self, act: Act, why: &str) -> Result<(), PlainError> {
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
            self.voice.say(&ended(&words::capital(unfinished)))?;
        }
        if self.open.as_ref().is_some_and(|open| open.opened.draft.is_some()) {
            self.ask(Request::KeepDraft { entry: row.entry, draft: None }).await?;
        }
        self.done.push(Done { entries: vec![row.entry], what });
        let next = self.rows.iter().position(|listed| listed.entry == row.entry);
        let next = next.and_then(|place| self.rows.get(place + 1)).filter(|row| !row.agreed).map(|row| row.entry);
        self.rows.retain(|listed| listed.entry != row.entry);
        self.open = None;
        match next {
            Some(entry) => self.open(entry).await,
            None => self.list(0).await,
        }
    }

    /// Has the daemon keep the redaction in the making: a line that is lost takes nothing with it.
    pub(super) async fn keep_draft(&mut self) -> Result<(), PlainError> {
        let Some((entry, draft)) = self.open.as_mut().and_then(Open::unsaved) else { return Ok(()) };
        self.ask(Request::KeepDraft { entry, draft }).await?;
        Ok(())
    }

    /// Takes the last act back, as a whole.
    pub(super) async fn undo(&mut self) -> Result<(), PlainError> {
        let Some(Done { entries, what }) = self.done.pop() else {
            return Ok(self.voice.refuse("there is no decision of yours from this session to take back")?);
        };
        let (mut back, all) = (0, entries.len());
        for entry in entries {
            back += usize::from(self.ask(Request::Undo { entry }).await?.is_some());
        }
        match back {
            0 => Ok(()),
            1 => Ok(self.voice.say(&format!("Taken back: {what}. It waits again."))?),
            _ => Ok(self.voice.say(&format!("Taken back: {what}. {back} of {all} wait again."))?),
        }
    }
}
