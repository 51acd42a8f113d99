//! The practice as a whole: its log, its numbers, its policy, what comes in and what goes out.

use std::io::Write;

use super::voice::ended;
use super::{Line, Next, PAGE, PlainError, Session};
use crate::protocol::{Reply, Request};
use crate::tui::words;

impl<W: Write, L: Line> Session<W, L> {
    pub(super) async fn log(&mut self) -> Result<(), PlainError> {
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

    pub(super) async fn verify(&mut self) -> Result<(), PlainError> {
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

    pub(super) async fn status(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Status(status)) = self.ask(Request::Status).await? {
            let totals = status.totals;
            for alarm in status.alarms {
                self.voice.say(&ended(&format!("Warning: {alarm}")))?;
            }
            let line = format!(
                "{} to review, {} late, {} to skim, {} on hold, {} decided and undoable, {} visible, {} hidden, {} set aside.",
                totals.to_review,
                totals.late,
                totals.to_skim,
                totals.on_hold,
                totals.settling,
                totals.released,
                totals.hidden,
                words::count(totals.set_aside, "row", "rows")
            );
            self.voice.say(&line)?;
        }
        Ok(())
    }

    /// The policy in force, as its file stands.
    pub(super) async fn policy(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Policy(policy)) = self.ask(Request::Policy).await? {
            policy.text.lines().try_for_each(|line| self.voice.say(line))?;
            self.voice.say(&format!("In force: {}.", policy.digest))?;
        }
        Ok(())
    }

    pub(super) async fn pull(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Pulled(pulled)) = self.ask(Request::Pull { from: None }).await? {
            let set_aside = match pulled.set_aside {
                0 => String::new(),
                n => format!("; {} could not be used", words::count(n, "row", "rows")),
            };
            let said = format!(
                "Pulled {}: {} to review, {} to skim; {} new, {} changed, {} deleted{set_aside}.",
                pulled.source, pulled.queued, pulled.to_skim, pulled.new, pulled.changed, pulled.deleted,
            );
            self.voice.say(&said)?;
            for notice in pulled.notices.iter().chain(&pulled.set_aside_examples) {
                self.voice.say(&format!("  {notice}"))?;
            }
        }
        Ok(())
    }

    pub(super) async fn publish(&mut self) -> Result<(), PlainError> {
        if let Some(Reply::Published(published)) = self.ask(Request::Publish).await? {
            let released = words::count(published.released, "entry", "entries");
            self.voice.say(&format!(
                "{released} became visible, {} kept back, {} in the feed.",
                published.kept_back, published.in_feed
            ))?;
        }
        Ok(())
    }

    pub(super) fn switch_person(&mut self) -> Result<Next, PlainError> {
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
