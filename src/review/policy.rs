//! How many people, how long, by when. The defaults are for a practice with few staff; a site may
//! tighten them and never loosen them below the floors.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Europe::London;

use super::calendar::{Calendar, moment};
use super::guard::Guard;
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
    /// People needed to show an entry as it is, by tier 0 to 4. At least 1, at tier 4 at least 2.
    pub people: [u8; 5],
    /// People needed to show it redacted, by tier 0 to 4. Never fewer than to show it as it is.
    pub redact: [u8; 5],
    /// Whether one of them must be a safeguarding lead, by tier 0 to 4.
    pub lead: [bool; 5],
    /// The lowest tier at which an author's approval of their own entry does not count. At most 2.
    pub author_barred_from: Tier,
    /// Of entries that one person may show, the share that a second must read blind, percent, by tier 0 to 4.
    pub blind_share: [u8; 5],
    /// What somebody with a conflict of interest in a patient may still do there.
    pub conflict: Conflict,
    /// Whether the second reader of a redaction first reads what is left of it.
    pub read_back: bool,
    /// How long an entry may wait for a person before it is late, in working time, by tier 0 to 4.
    pub targets: [Duration; 5],
    /// When the practice works.
    pub calendar: Calendar,
    /// Who is told of what is twice over its target.
    pub manager: String,
    /// An entry can be put off by so many days. At most 14.
    pub deferral_days: u64,
    /// The share of a skim page's time on the screen that each of its lines must have had to count as
    /// read, milliseconds. At least 200.
    pub reading_time: u64,
    /// A hide is looked at again after this many days. At most 365.
    pub hide_days: u64,
    /// So many invented entries stand among a hundred that are read as a sample, to measure what readers miss. At
    /// most 10.
    pub decoy_percent: u8,
}

/// Who must agree before something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// How many people.
    pub people: u8,
    /// Whether one of them must be a safeguarding lead.
    pub lead: bool,
}

/// What somebody with a conflict of interest in a patient, or locked out of the record, may still do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Read it, and move it away from the patient.
    MayOnlyHide,
    /// Not even read it.
    MayNotOpen,
}

/// How far an entry's waiting has used up its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ageing {
    /// In time.
    Fresh,
    /// Three quarters are gone.
    Amber,
    /// Late: on the lead's list.
    Red,
    /// Twice over: the manager is told.
    Twice,
}

impl Default for Policy {
    fn default() -> Self {
        let calendar = Calendar::default();
        let day = calendar.day_length();
        Self {
            hold: Duration::hours(72),
            grace: Duration::minutes(15),
            batch_at: NaiveTime::from_hms_opt(7, 0, 0).unwrap_or_default(),
            people: [1, 1, 1, 1, 2],
            redact: [1, 1, 1, 1, 2],
            lead: [false; 5],
            author_barred_from: Tier::Cue,
            blind_share: [0, 20, 50, 50, 0],
            conflict: Conflict::MayOnlyHide,
            read_back: true,
            targets: [day * 5, day * 3, day * 2, day, Duration::hours(4)],
            calendar,
            manager: "the practice manager".to_owned(),
            deferral_days: 14,
            reading_time: 500,
            hide_days: 90,
            decoy_percent: 2,
        }
    }
}

/// The floors: no policy is looser, whatever its file says.
pub mod floor {
    use super::{Duration, Tier};

    /// Shorter, and being late would say that somebody looked.
    pub const HOLD: Duration = Duration::hours(24);
    /// Shorter, and a slip could not be taken back.
    pub const GRACE: Duration = Duration::minutes(15);
    /// From this tier on authors do not count.
    pub const AUTHOR: Tier = Tier::Cue;
    /// Longer, and a deferral would be a hide without a reason.
    pub const DEFERRAL_DAYS: u64 = 14;
    /// Longer, and a hide would be for ever.
    pub const HIDE_DAYS: u64 = 365;
    /// Faster than anybody reads a line, milliseconds.
    pub const READING_TIME: u64 = 200;

    /// A floor as people read it.
    #[derive(Debug, Clone, Copy)]
    pub struct Floor {
        /// The line of the file it is about.
        pub key: &'static str,
        /// The floor.
        pub floor: &'static str,
        /// Why, and where that comes from.
        pub source: &'static str,
    }

    /// Every floor with its source. The numbers are those above and below.
    pub const ALL: &[Floor] = &[
        Floor {
            key: "hold-hours",
            floor: "24",
            source: "if only what was looked at came late, being late would tell. NHS England: it should not be \
                     obvious that information is hidden (supporting victims and survivors of domestic abuse)",
        },
        Floor { key: "grace-minutes", floor: "15", source: "a slip of the hand must be taken back before it is seen" },
        Floor {
            key: "people",
            floor: "1 person, at tier 4 two; a redaction never fewer than showing it as it is; a hide takes one",
            source: "a miss can hurt somebody and nobody is infallible; four eyes where the harm is gravest. RCGP \
                     and NHS England ask for a documented decision by a clinician",
        },
        Floor {
            key: "late-after",
            floor: "5, 3, 2 and 1 days by tier, 4 hours at tier 4",
            source: "the contract promises patients their record (GMS Regulations 2015, 71ZA): withholding by \
                     waiting is withholding",
        },
        Floor {
            key: "author-barred-from-tier",
            floor: "2",
            source: "who wrote a sentence reads past what it gives away",
        },
        Floor {
            key: "conflict-of-interest",
            floor: "may-only-hide",
            source: "nobody decides on a colleague, a relative or themselves (GMC, Good medical practice)",
        },
        Floor { key: "deferral", floor: "at most 14", source: "longer, it would be a hide without a reason" },
        Floor {
            key: "hide",
            floor: "at most 365",
            source: "the test of serious harm is about the harm now; over-hiding breaches article 15 of the UK GDPR \
                     and regulation 71ZA",
        },
        Floor {
            key: "reading-milliseconds",
            floor: "200",
            source: "nobody reads a line faster; a page scrolled past was not read",
        },
    ];

    /// The fewest people who show anything of a tier.
    pub const fn people(tier: Tier) -> u8 {
        match tier {
            Tier::Critical => 2,
            Tier::Nothing | Tier::Weak | Tier::Cue | Tier::Disclosure => 1,
        }
    }
}

impl Policy {
    /// Who must agree before `act` on an entry of `tier` shows anything; `overrules` says that somebody's hide
    /// was set aside.
    pub fn required(&self, tier: Tier, act: &Act, overrules: bool) -> Required {
        let at = usize::from(u8::from(tier));
        let people = match act {
            Act::Hide { .. } => return Required { people: 1, lead: false },
            Act::Approve => self.people[at],
            Act::Redact { .. } => self.redact[at].max(self.people[at]),
        };
        let two = if Guard::Overruling.stops(overrules) { 2 } else { 1 };
        Required { people: people.max(floor::people(tier)).max(two), lead: self.lead[at] }
    }

    /// The lines in which this policy is looser than `before`, as its file names them. When the practice works, when
    /// the batch is made and who is told of what is late is neither looser nor tighter.
    pub fn looser_than(&self, before: &Self) -> Vec<&'static str> {
        let by_tier = |looser: fn(&Self, &Self, usize) -> bool| (0..5).any(|at| looser(self, before, at));
        let lines = [
            ("hold-hours", self.hold < before.hold),
            ("grace-minutes", self.grace < before.grace),
            ("approve", by_tier(|new, old, at| new.people[at] < old.people[at])),
            ("redact", by_tier(|new, old, at| new.redact[at].max(new.people[at]) < old.redact[at].max(old.people[at]))),
            ("one-must-be", by_tier(|new, old, at| !new.lead[at] && old.lead[at])),
            ("blind-second-percent", by_tier(|new, old, at| new.blind_share[at] < old.blind_share[at])),
            ("late-after", by_tier(|new, old, at| new.targets[at] > old.targets[at])),
            ("author-barred-from-tier", self.author_barred_from > before.author_barred_from),
            ("conflict-of-interest", self.conflict == Conflict::MayOnlyHide && before.conflict == Conflict::MayNotOpen),
            ("read-back", !self.read_back && before.read_back),
            ("deferral", self.deferral_days > before.deferral_days),
            ("hide", self.hide_days > before.hide_days),
            ("reading-milliseconds", self.reading_time < before.reading_time),
            ("decoys-percent", self.decoy_percent < before.decoy_percent),
        ];
        lines.into_iter().filter(|(_, looser)| *looser).map(|(line, _)| line).collect()
    }

    /// Until when an entry first pulled at `pulled` is withheld, whatever is decided.
    pub fn held_until(&self, pulled: DateTime<Utc>) -> DateTime<Utc> {
        pulled + self.hold.max(floor::HOLD)
    }

    /// How long a decision can be taken back at least.
    pub fn grace(&self) -> Duration {
        self.grace.max(floor::GRACE)
    }

    /// When a hide of `now` is looked at again.
    pub fn review_by(&self, now: DateTime<Utc>) -> NaiveDate {
        later(now.date_naive(), self.hide_days.min(floor::HIDE_DAYS))
    }

    /// The last day until which an entry can be put off.
    pub fn defer_until(&self, now: DateTime<Utc>) -> NaiveDate {
        later(self.day(now), self.deferral_days.min(floor::DEFERRAL_DAYS))
    }

    /// The day in London.
    pub fn day(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&London).date_naive()
    }

    /// When the practice opens on `day`, or would.
    pub fn morning_of(&self, day: NaiveDate) -> DateTime<Utc> {
        moment(day, self.calendar.opens)
    }

    /// Whether somebody's own entry needs another pair of eyes: at tier 2 and above, and for any redaction.
    pub fn bars_author(&self, tier: Tier, act: &Act) -> bool {
        match act {
            Act::Hide { .. } => false,
            Act::Approve => tier >= self.author_barred_from.min(floor::AUTHOR),
            Act::Redact { .. } => true,
        }
    }

    /// When an entry first pulled at `pulled` and decided at `decided` becomes visible: the first daily
    /// batch after both the uniform hold and the grace have run.
    pub fn visible_at(&self, pulled: DateTime<Utc>, decided: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let held = self.held_until(pulled);
        let ready = decided.map_or(held, |decided| held.max(decided + self.grace()));
        self.batch_from(ready)
    }

    /// The first daily batch at or after `time`.
    pub fn batch_from(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let mut day = self.day(time);
        loop {
            let batch = moment(day, self.batch_at);
            if batch >= time {
                return batch;
            }
            match day.checked_add_days(Days::new(1)) {
                Some(next) => day = next,
                None => return DateTime::<Utc>::MAX_UTC,
            }
        }
    }

    /// When an entry that waits since `since` is late.
    pub fn due(&self, tier: Tier, since: DateTime<Utc>) -> DateTime<Utc> {
        self.calendar.after(since, self.target(tier))
    }

    /// How late an entry is that waits since `since`. Ageing moves an entry on lists, never towards the patient.
    pub fn ageing(&self, tier: Tier, since: DateTime<Utc>, now: DateTime<Utc>) -> Ageing {
        let (waited, target) = (self.calendar.between(since, now), self.target(tier));
        if waited >= target * 2 {
            Ageing::Twice
        } else if waited > target {
            Ageing::Red
        } else if waited * 4 >= target * 3 {
            Ageing::Amber
        } else {
            Ageing::Fresh
        }
    }

    fn target(&self, tier: Tier) -> Duration {
        self.targets[usize::from(u8::from(tier))]
    }
}

fn later(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}
