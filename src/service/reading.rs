//! How long somebody can have read the lines of the skim page: judged here, because a client may say anything.

use std::collections::HashMap;
use std::time::Duration;

use super::{Seat, Service, lock};
use crate::protocol::{PassedLine, SkimLine};
use crate::record::{EntryId, Version};

/// Reading longer ago than this passes nothing: somebody who went away with the page open has not read it.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// What was served to whom and when, and how much of the time since has been accounted for.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// By session: when each line was first served, as it is.
    served: HashMap<u64, HashMap<EntryId, (Version, u64, Duration)>>,
    /// By login, so that two screens do not read twice as fast: up to when their time has passed lines.
    spent: HashMap<String, Duration>,
}

impl Service {
    /// Notes which lines go out to somebody's screen now. A line that was there before keeps its time.
    pub(super) fn served(&self, seat: &Seat, lines: &[SkimLine]) {
        let now = self.clock.elapsed();
        let mut reading = lock(&self.reading);
        let before = reading.served.remove(&seat.session()).unwrap_or_default();
        let since = |line: &SkimLine| {
            let (version, revision) = (line.row.version, line.row.revision);
            let first = before.get(&line.row.entry).filter(|seen| (seen.0, seen.1) == (version, revision));
            (line.row.entry, (version, revision, first.map_or(now, |seen| seen.2)))
        };
        reading.served.insert(seat.session(), lines.iter().map(since).collect());
    }

    /// Forgets a screen that is gone.
    pub(super) fn not_reading(&self, seat: &Seat) {
        lock(&self.reading).served.remove(&seat.session());
    }

    /// The lines with no more reading time than there can have been: none for a line that this session was not
    /// served; for each at most the time since it was; for all together at most the time since the person's
    /// last lines. With the time that each line needs, nobody passes more lines a minute than they can read.
    /// The time is spent then; what did not pass is to be given back.
    pub(super) fn read_at_most(&self, seat: &Seat, lines: &[PassedLine]) -> Vec<PassedLine> {
        let now = self.clock.elapsed();
        let mut reading = lock(&self.reading);
        let served = reading.served.get(&seat.session());
        let since = |line: &PassedLine| {
            let (version, revision, at) = *served?.get(&line.entry)?;
            ((version, revision) == (line.version, line.revision)).then_some(at)
        };
        let first = lines.iter().filter_map(since).min().unwrap_or(now);
        let spent = reading.spent.get(&seat.actor.login).copied().unwrap_or_default();
        let from = first.max(spent).max(now.saturating_sub(MEMORY));
        let available = millis(now.saturating_sub(from));
        let possible = |line: &PassedLine| since(line).map_or(0, |at| line.on_screen.min(millis(now - at.min(now))));
        let claimed = lines.iter().map(possible).fold(0, u64::saturating_add);
        let share = |time: u64| match claimed > available {
            true => u64::try_from(u128::from(time) * u128::from(available) / u128::from(claimed)).unwrap_or_default(),
            false => time,
        };
        let lines: Vec<PassedLine> =
            lines.iter().map(|line| PassedLine { on_screen: share(possible(line)), ..line.clone() }).collect();
        let time: u64 = lines.iter().map(|line| line.on_screen).sum();
        // The oldest of the time that counts is spent first; what is left may pass the next page.
        reading.spent.insert(seat.actor.login.clone(), from + Duration::from_millis(time));
        lines
    }

    /// Gives back the time, in milliseconds, of lines that did not pass.
    pub(super) fn has_not_read(&self, seat: &Seat, time: u64) {
        if let Some(spent) = lock(&self.reading).spent.get_mut(&seat.actor.login) {
            *spent = spent.saturating_sub(Duration::from_millis(time));
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
