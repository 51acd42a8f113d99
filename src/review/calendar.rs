//! When the practice works. Targets run in working time: what comes on Friday evening is not late on Saturday.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Europe::London;

/// The practice's working hours, London time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// When work begins on each working day.
    pub opens: NaiveTime,
    /// When it ends; later than `opens`.
    pub closes: NaiveTime,
    /// Which days are working days, from Monday; at least one.
    pub days: [bool; 7],
    /// Days on which nobody works.
    pub holidays: BTreeSet<NaiveDate>,
}

impl Default for Calendar {
    /// The core hours of the GMS contract: Monday to Friday, 08:00 to 18:30.
    fn default() -> Self {
        Self {
            opens: NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default(),
            closes: NaiveTime::from_hms_opt(18, 30, 0).unwrap_or_default(),
            days: [true, true, true, true, true, false, false],
            holidays: BTreeSet::new(),
        }
    }
}

/// No target reaches further than this many days; a calendar without a working day ends there too.
const HORIZON: usize = 1_000;

impl Calendar {
    /// How long a working day is.
    pub fn day_length(&self) -> Duration {
        self.closes - self.opens
    }

    /// The moment when `work` of working time has run since `from`.
    pub fn after(&self, from: DateTime<Utc>, work: Duration) -> DateTime<Utc> {
        let mut left = work;
        for (opens, closes) in self.shifts(from).take(HORIZON) {
            let begins = opens.max(from);
            if begins + left <= closes {
                return begins + left;
            }
            left -= (closes - begins).max(Duration::zero());
        }
        DateTime::<Utc>::MAX_UTC
    }

    /// How much working time lies between `from` and `to`; none when `to` is earlier.
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
        let shifts = self.shifts(from).take(HORIZON).take_while(|(opens, _)| *opens < to);
        shifts.fold(Duration::zero(), |sum, (opens, closes)| {
            sum + (closes.min(to) - opens.max(from)).max(Duration::zero())
        })
    }

    /// The shifts of the working days from `from` on, the first of them the one in which it lies.
    fn shifts(&self, from: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let first = from.with_timezone(&London).date_naive();
        let days = (0..2 * HORIZON as u64).map_while(move |n| first.checked_add_days(Days::new(n)));
        days.filter(|day| self.is_working_day(*day))
            .map(|day| (moment(day, self.opens), moment(day, self.closes)))
            .filter(move |(_, closes)| *closes > from)
    }

    fn is_working_day(&self, day: NaiveDate) -> bool {
        let weekday = day.weekday().num_days_from_monday() as usize;
        self.days.get(weekday).copied().unwrap_or(false) && !self.holidays.contains(&day)
    }
}

/// A time of day in London. Where the clocks skip it, the hour after.
pub(super) fn moment(day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let at = |time| London.from_local_datetime(&time).earliest();
    at(day.and_time(time))
        .or_else(|| at(day.and_time(time) + Duration::hours(1)))
        .map_or(DateTime::<Utc>::MAX_UTC, |time| time.with_timezone(&Utc))
}
