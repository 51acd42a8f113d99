//! How many people, how long, by when. The defaults are for a practice with few staff; a site may
//! tighten them and never loosen them below the floors.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Europe::London;

use crate::record::{Act, Tier};

/// What a practice has agreed. What is looser than its floor counts as the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Every entry stays withheld at least this long after it was first pulled, whatever was decided, so
    /// that being late says nothing. At least 24 hours.
    pub hold: Duration,
    /// A decision can be taken back at least this long. At least 15 minutes.
    pub grace: Duration,
    /// When the day's batch becomes visible, local time. Nothing becomes visible at another time.
    pub batch_at: NaiveTime,
    /// People needed to release an entry, by tier 0 to 4. At least 1, at tier 4 at least 2.
    pub people: [u8; 5],
    /// How long an entry may wait for a person before it is late, by tier 0 to 4.
    pub targets: [Duration; 5],
    /// The share of a skim page's time on the screen that each of its lines must have had to count as
    /// read, milliseconds.
    pub reading_time: u64,
    /// A hide is looked at again after this many days. At most 365.
    pub hide_days: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hold: Duration::hours(72),
            grace: Duration::minutes(15),
            batch_at: NaiveTime::from_hms_opt(7, 0, 0).unwrap_or_default(),
            people: [1, 1, 1, 1, 2],
            targets: [5 * 24, 3 * 24, 2 * 24, 24, 4].map(Duration::hours),
            reading_time: 500,
            hide_days: 90,
        }
    }
}

impl Policy {
    /// How many people must agree before `act` on an entry of `tier` shows anything.
    pub fn people_for(&self, tier: Tier, act: &Act) -> u8 {
        let floor = if tier == Tier::Critical { 2 } else { 1 };
        match act {
            Act::Hide { .. } => 1,
            Act::Approve | Act::Redact { .. } => self.people[usize::from(u8::from(tier))].max(floor),
        }
    }

    /// Until when an entry first pulled at `pulled` is withheld, whatever is decided.
    pub fn held_until(&self, pulled: DateTime<Utc>) -> DateTime<Utc> {
        pulled + self.hold.max(Duration::hours(24))
    }

    /// When a hide of `now` is looked at again.
    pub fn review_by(&self, now: DateTime<Utc>) -> NaiveDate {
        let day = now.date_naive();
        day.checked_add_days(Days::new(self.hide_days.min(365))).unwrap_or(day)
    }

    /// Whether somebody's own entry needs another pair of eyes: at tier 2 and above, and for any redaction.
    pub fn bars_author(&self, tier: Tier, act: &Act) -> bool {
        match act {
            Act::Hide { .. } => false,
            Act::Approve => tier >= Tier::Cue,
            Act::Redact { .. } => true,
        }
    }

    /// When an entry first pulled at `pulled` and decided at `decided` becomes visible: the first daily
    /// batch after both the uniform hold and the grace have run.
    pub fn visible_at(&self, pulled: DateTime<Utc>, decided: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let held = self.held_until(pulled);
        let grace = self.grace.max(Duration::minutes(15));
        let ready = decided.map_or(held, |decided| held.max(decided + grace));
        self.batch_from(ready)
    }

    /// The first daily batch at or after `time`.
    pub fn batch_from(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let mut day = time.with_timezone(&London).date_naive();
        loop {
            // 07:00 exists on every day; a site that picks an hour the clocks skip gets the hour after.
            let batch = London
                .from_local_datetime(&day.and_time(self.batch_at))
                .earliest()
                .or_else(|| London.from_local_datetime(&(day.and_time(self.batch_at) + Duration::hours(1))).earliest());
            if let Some(batch) = batch
                && batch >= time
            {
                return batch.with_timezone(&Utc);
            }
            match day.checked_add_days(Days::new(1)) {
                Some(next) => day = next,
                None => return DateTime::<Utc>::MAX_UTC,
            }
        }
    }

    /// When an entry that waits since `since` is late.
    pub fn due(&self, tier: Tier, since: DateTime<Utc>) -> DateTime<Utc> {
        since + self.targets[usize::from(u8::from(tier))]
    }
}
