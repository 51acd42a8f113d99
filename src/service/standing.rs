//! How things stand: the numbers around the queue, what people must know about the feeds, and all of it as `status`.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

use super::pull::StreamState;
use super::rows::{self, get};
use super::settings::ShownBy;
use super::{Service, ServiceError};
use crate::protocol::{Pulled, Status, Totals};
use crate::review::State;
use crate::store::Table;

/// Why nothing comes by itself.
pub(super) const NO_FEED: &str = "practice.toml names no feed, so nothing is fetched: write [[source]] there, and start \
     the daemon anew";

impl Service {
    /// The numbers above and below the queue.
    ///
    /// # Errors
    /// When the store fails.
    pub fn totals(&self) -> Result<Totals, ServiceError> {
        Ok(self.totals_with(self.last_pull()?, self.count_left_out()?))
    }

    /// The same, with what was read from the store: the last pull, and how many rows it set aside.
    pub(super) fn totals_with(&self, last: Option<(DateTime<Utc>, Pulled)>, set_aside: u64) -> Totals {
        let (now, policy) = (self.now(), self.policy());
        let board = self.board();
        let late =
            board.waits().filter(|(tier, since, _)| policy.due(*tier, *since) < now).map(|(.., count)| count).sum();
        let to_review = board.count_waiting() as u64;
        let next_visible = board.next_due().map(|due| policy.batch_from(due));
        Totals {
            to_review,
            for_second: 0,
            late,
            readable: match self.settings.practice.shown_by {
                ShownBy::System => to_review,
                ShownBy::Portal => 0,
            },
            to_skim: board.count(State::Skim),
            on_hold: board.count(State::AutoHold),
            settling: board.count(State::Settling),
            next_visible,
            released: board.count(State::Released),
            hidden: board.count(State::Hidden),
            withdrawn: board.count(State::Retracting) + board.count(State::Retracted),
            for_lead: board.count(State::Disputed) + board.count(State::Escalated),
            deferred: board.count(State::Deferred),
            set_aside,
            pulled_at: last.as_ref().map(|(at, _)| *at),
            pulled_entries: last.map_or(0, |(_, pulled)| pulled.new + pulled.changed),
        }
    }

    fn last_pull(&self) -> Result<Option<(DateTime<Utc>, Pulled)>, ServiceError> {
        Ok(get(self.store.as_ref(), Table::Meta, b"last-pull")?.map(|read| read.row))
    }

    /// What people must know about the feeds, most pressing first.
    pub(super) fn alarms(&self) -> Result<Vec<String>, ServiceError> {
        let mut alarms = self.late_feeds()?;
        let Some((at, pulled)) = self.last_pull()? else {
            alarms.push("nothing has been pulled yet: an empty queue says nothing".into());
            if !self.demo && self.settings.sources.is_empty() {
                alarms.push(NO_FEED.into());
            }
            if !self.demo && self.settings.users.is_empty() && self.settings.groups.is_empty() {
                alarms.push("users.toml names nobody, so whoever owns the folder acts as lead: write [[user]]".into());
            }
            return Ok(alarms);
        };
        let hours = (self.now() - at).num_hours();
        if hours >= 26 {
            alarms.push(format!("the last pull was {hours} hours ago: what came since is not in this queue"));
        }
        if let Err(why) = self.room_for_more() {
            alarms.push(why.to_string());
        }
        let shown = self.board().count(State::Retracting);
        if shown > 0 {
            let entries = if shown == 1 { "one withdrawn entry is" } else { "withdrawn entries are" };
            alarms
                .insert(0, format!("{entries} still in the feed: see why it cannot be written, then anteroom publish"));
        }
        if shown == 0 && self.unfinished.load(Ordering::Relaxed) {
            let why =
                "what was withdrawn may still show: see why the feed cannot be written; it is tried again every minute";
            alarms.insert(0, why.into());
        }
        if self.is_barred() {
            alarms.insert(0, "the clock was put forward: nothing becomes visible until its holds have run".into());
        }
        alarms.extend(self.policy_alarm()?);
        alarms.extend(self.staff_alarm());
        rows::for_each::<StreamState>(self.store.as_ref(), Table::Meta, b"stream/", |_, read| {
            alarms.extend(read.row.alarms());
            Ok(())
        })?;
        let board = self.board();
        let today = self.now().with_timezone(&London).date_naive();
        let coming = board.people().coming_of_age(today).filter(|patient| board.has_something(*patient)).count();
        if coming > 0 {
            let (turn, have) = if coming == 1 { ("patient turns", "has") } else { ("patients turn", "have") };
            alarms.push(format!(
                "{coming} {turn} 11 or 16 within 90 days and {have} something held or hidden in their record: who may \
                 read it changes by itself then; settle it before"
            ));
        }
        if board.people().enhanced_review_is_common() {
            alarms.push(
                "more than one patient in twenty is coded for enhanced review (104), so the code says little here and holds \
                 nothing by itself"
                    .into(),
            );
        }
        drop(board);
        // Stores from before there was a ledger know only the last pull.
        alarms.extend(pulled.notices.into_iter().filter(|notice| !alarms.contains(notice)).collect::<Vec<_>>());
        Ok(alarms)
    }

    /// How things stand.
    ///
    /// # Errors
    /// When the store fails.
    pub fn status(&self) -> Result<Status, ServiceError> {
        let figures = self.figures()?;
        // A store that answers nothing more still says why.
        let stopped = figures.store.stopped.is_some();
        let mut alarms = self.alarms().or_else(|why| if stopped { Ok(Vec::new()) } else { Err(why) })?;
        let feeds = self.feeds_status().or_else(|why| if stopped { Ok(Vec::new()) } else { Err(why) })?;
        if !self.is_compared() {
            alarms
                .insert(0, "the store is still being compared with its log: nothing leaves for patients before".into());
        }
        alarms.splice(0..0, figures.store.alarms.iter().cloned());
        if let Some(why) = &figures.store.stopped {
            alarms.insert(0, format!("the store takes no more writes: {why}"));
        }
        Ok(Status {
            health: Box::new(self.health(&figures)),
            totals: figures.totals,
            alarms,
            seq: figures.store.head,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            rules: self.rules.version().to_owned(),
            free_bytes: figures.space.free,
            leases: figures.leases,
            feeds,
            exposure: Box::new(self.board().clocks().exposure(self.now())),
            pulling: self.progress.now().map(Box::new),
        })
    }
}
