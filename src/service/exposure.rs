//! The exposure clock: when each entry was entered at the source, pulled, and decided. Derived from the entries' rows at
//! every start.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};

use super::rows::EntryRow;
use crate::protocol::Exposure;
use crate::record::EntryId;

/// The clocks of all entries of which it is known when they were entered.
#[derive(Debug, Default)]
pub struct Clocks(HashMap<EntryId, Clock>);

/// One entry's.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// When it was entered at the source.
    pub entered: DateTime<Utc>,
    /// When it was pulled.
    pub pulled: DateTime<Utc>,
    /// When somebody last decided on it.
    pub decided: Option<DateTime<Utc>>,
}

impl Clocks {
    /// Takes in an entry's row.
    pub fn put(&mut self, row: &EntryRow) {
        let Some(entered) = row.recorded else { return };
        // What nobody has to look at is no exposure that anybody could have ended.
        let decided = row.review.decisions.last().map(|decision| decision.at);
        if decided.is_none() && !row.review.state.waits_for_person() {
            self.0.remove(&row.entry.id);
            return;
        }
        self.0.insert(row.entry.id, Clock { entered, pulled: row.review.first_pulled, decided });
    }

    /// An entry's clock, if it has one.
    pub fn of(&self, id: EntryId) -> Option<Clock> {
        self.0.get(&id).copied()
    }

    /// Gives an entry the clock that it had.
    pub fn set(&mut self, id: EntryId, clock: Clock) {
        self.0.insert(id, clock);
    }

    /// How long entries could be read before anybody decided.
    pub fn exposure(&self, now: DateTime<Utc>) -> Exposure {
        let minutes = |from: DateTime<Utc>, to: DateTime<Utc>| u64::try_from((to - from).num_minutes()).unwrap_or(0);
        let waiting = self.0.values().filter(|clock| clock.decided.is_none());
        let longest_waiting = waiting.map(|clock| clock.entered).min().map(|entered| minutes(entered, now));
        let (mut to_pull, mut to_decision) = (Vec::new(), Vec::new());
        for Clock { entered, pulled, decided } in self.0.values() {
            if let Some(decided) = decided.filter(|decided| *decided + Duration::days(7) > now) {
                to_pull.push(minutes(*entered, *pulled));
                to_decision.push(minutes(*entered, decided));
            }
        }
        let median = |mut all: Vec<u64>| {
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        };
        Exposure {
            longest_waiting,
            decided: to_decision.len() as u64,
            median_to_pull: median(to_pull),
            median_to_decision: median(to_decision),
        }
    }
}
