//! The queue, told: what of it, which row, and several rows marked to be hidden at once.

use std::io::Write;

use super::entry::Open;
use super::voice::{ended, listed as items};
use super::{Line, PAGE, PlainError, Session};
use crate::protocol::{Only, Queue, QueueRow, Reply, Request, Wanted};
use crate::record::{EntryId, Tier};
use crate::tui::state::{MOST_MARKED, Target};
use crate::tui::update::queue::listed;
use crate::tui::words;

impl<W: Write, L: Line> Session<W, L> {
    pub(super) async fn list(&mut self, from: usize) -> Result<(), PlainError> {
        let wanted = Wanted { from, limit: PAGE, only: self.only.clone() };
        let Some(Reply::Queue(Queue { now, rows, fits, totals, alarms, .. })) = self.ask(Request::Rows(wanted)).await?
        else {
            return Ok(());
        };
        // Said once; the action alarms says them again.
        if told_alarms(totals.set_aside, &alarms) != self.alarms {
            self.alarms = told_alarms(totals.set_aside, &alarms);
            self.say_alarms()?;
        }
        let mut said = format!("{} to review, {} late, {} to skim.", totals.to_review, totals.late, totals.to_skim);
        if totals.for_second > 0 {
            let waits = if totals.for_second == 1 { "waits" } else { "wait" };
            said.push_str(&format!(" {} {waits} for a second reader.", totals.for_second));
        }
        if !self.only.is_all() {
            said.push_str(&format!(" {fits} fit {}.", listed(&self.only).unwrap_or_default()));
        }
        self.voice.say(&said)?;
        for (number, row) in (from + 1..).zip(&rows) {
            let late = if now > row.due { ", late" } else { "" };
            let held = row.held_by.as_ref().map(|who| format!(", {who} has it")).unwrap_or_default();
            let changed = if row.changed { ", changed since it was decided" } else { "" };
            let agreed = if row.agreed { ", for a second reader" } else { "" };
            let line = format!(
                "{number}. {}. {}, {}. {} Waits {}{late}{held}{changed}{agreed}. Read by: {}. {}",
                words::tier(row.tier),
                row.patient_name,
                row.sex_age,
                ended(&items([row.title.as_str(), row.author.as_str()], ", ")),
                words::span(row.waiting_since, now),
                row.readers,
                ended(&items(row.why.iter().map(String::as_str), "; ")),
            );
            self.voice.say(&line)?;
        }
        if rows.iter().all(|row| row.agreed) && fits == rows.len() && from == 0 {
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

    /// What must be known about the feeds.
    pub(super) fn say_alarms(&mut self) -> Result<(), PlainError> {
        for alarm in &self.alarms {
            self.voice.say(&ended(&format!("Warning: {alarm}")))?;
        }
        Ok(())
    }

    /// The row with a number as it was told.
    pub(super) fn row(&mut self, number: &str) -> Result<Option<QueueRow>, PlainError> {
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

    pub(super) async fn open_row(&mut self, number: &str) -> Result<(), PlainError> {
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

    pub(super) async fn open(&mut self, entry: EntryId) -> Result<(), PlainError> {
        if let Some(Reply::Entry(opened)) = self.ask(Request::Open { entry }).await? {
            let open = Open::new(*opened);
            open.tell(&mut self.voice)?;
            self.open = Some(open);
        }
        Ok(())
    }

    pub(super) async fn neighbour(&mut self, next: bool) -> Result<(), PlainError> {
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

    pub(super) async fn filter(&mut self, which: &str) -> Result<(), PlainError> {
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

    /// Marks the rows with these numbers, or unmarks them; without a number tells which are.
    pub(super) async fn mark(&mut self, numbers: &str) -> Result<(), PlainError> {
        for number in numbers.split_whitespace() {
            let Some(row) = self.row(number)? else { return Ok(()) };
            let before = self.marked.len();
            self.marked.retain(|target| target.entry != row.entry);
            if self.marked.len() < before {
                self.voice.say(&format!("No longer marked: {}, {}.", row.patient_name, row.title))?;
            } else {
                self.mark_row(&row)?;
            }
        }
        self.tell_marked()
    }

    /// Marks all that waits for the patient of a row.
    pub(super) async fn mark_patient(&mut self, number: &str) -> Result<(), PlainError> {
        let Some(row) = self.row(number)? else { return Ok(()) };
        let only = Only { patient: Some(row.patient), ..Only::default() };
        let wanted = Wanted { from: 0, limit: MOST_MARKED + 1, only };
        let Some(Reply::Queue(queue)) = self.ask(Request::Rows(wanted)).await? else { return Ok(()) };
        for row in &queue.rows {
            if !self.marked.iter().any(|target| target.entry == row.entry) {
                self.mark_row(row)?;
            }
        }
        self.tell_marked()
    }

    fn mark_row(&mut self, row: &QueueRow) -> Result<(), PlainError> {
        if !(row.state.waits_for_person() || row.state.waits_for_lead()) {
            self.voice
                .refuse(&format!("only what waits in the queue is marked: {}, {}", row.patient_name, row.title))?;
        } else if self.marked.len() == MOST_MARKED {
            self.voice.refuse(&format!("at most {MOST_MARKED} are marked at once"))?;
        } else {
            self.marked.push(Target::of(row));
            self.voice.say(&format!("Marked: {}, {}.", row.patient_name, row.title))?;
        }
        Ok(())
    }

    fn tell_marked(&mut self) -> Result<(), PlainError> {
        let said = match self.marked.len() as u64 {
            0 => "Nothing is marked: say mark and the numbers of rows.".to_owned(),
            n => {
                let labels: Vec<&str> = self.marked.iter().map(|target| target.label.as_str()).collect();
                let many = words::count(n, "entry is", "entries are");
                format!("{many} marked: {}. Say hide and a reason to hide them all, back to unmark.", labels.join("; "))
            }
        };
        Ok(self.voice.say(&said)?)
    }
}

fn told_alarms(set_aside: u64, alarms: &[String]) -> Vec<String> {
    let rows =
        (set_aside > 0).then(|| format!("{} of the feeds could not be used", words::count(set_aside, "row", "rows")));
    alarms.iter().cloned().chain(rows).collect()
}
