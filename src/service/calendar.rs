//! When a feed is due: a time of day on some weekdays, in a time zone. Pure.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// A time of day on some weekdays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The time on the clocks of the zone.
    pub at: NaiveTime,
    /// The weekdays; all of them where it is empty.
    pub days: Vec<Weekday>,
    /// The zone.
    pub zone: Tz,
}

impl Calendar {
    /// The moment at which a day's feed is due; `None` on a day without one.
    ///
    /// A time that a clock passes twice is the first of the two; one that it leaps over is the moment
    /// after the leap, if that is still on the day.
    pub fn due_on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        if !self.days.is_empty() && !self.days.contains(&day.weekday()) {
            return None;
        }
        let wanted = day.and_time(self.at);
        let moments = (0..24 * 60).map(|minutes| wanted + Duration::minutes(minutes));
        let mut there = moments.take_while(|moment| moment.date() == day).filter_map(|moment| {
            let found = self.zone.from_local_datetime(&moment).earliest()?;
            Some(found.with_timezone(&Utc))
        });
        there.next()
    }

    /// The days whose feed fell due after `after` and not after `until`, in order; at most `most` of them, the
    /// latest.
    pub fn days_due(&self, after: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> Vec<NaiveDate> {
        let last = until.with_timezone(&self.zone).date_naive();
        let first = after.with_timezone(&self.zone).date_naive();
        let back = std::iter::successors(Some(last), NaiveDate::pred_opt).take_while(|day| *day >= first);
        let due = |day: &NaiveDate| self.due_on(*day).is_some_and(|due| due > after && due <= until);
        let mut days: Vec<NaiveDate> = back.filter(due).take(most).collect();
        days.reverse();
        days
    }

    /// The first moment after `after` at which a feed is due.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let first = after.with_timezone(&self.zone).date_naive();
        first.iter_days().take(15).filter_map(|day| self.due_on(day)).find(|due| *due > after)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    const ZONES: [Tz; 5] = [
        Tz::Europe__London,
        Tz::UTC,
        Tz::America__New_York,
        // Half an hour of daylight saving, and a zone that once skipped a day.
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Apia,
    ];

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn london(hour: u32, minute: u32) -> Calendar {
        let at = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        Calendar { at, days: Vec::new(), zone: Tz::Europe__London }
    }

    fn utc(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(year, month, day, hour, minute, 0).unwrap()
    }

    #[test]
    fn clocks_go_forward_and_back() {
        // 29 March 2026, 01:00 UTC: 01:00 becomes 02:00. 25 October 2026, 01:00 UTC: 02:00 becomes 01:00.
        assert_eq!(london(1, 30).due_on(date(2026, 3, 28)), Some(utc(2026, 3, 28, 1, 30)));
        assert_eq!(london(1, 30).due_on(date(2026, 3, 29)), Some(utc(2026, 3, 29, 1, 0)), "leapt over");
        assert_eq!(london(1, 30).due_on(date(2026, 3, 30)), Some(utc(2026, 3, 30, 0, 30)));
        assert_eq!(london(1, 30).due_on(date(2026, 10, 25)), Some(utc(2026, 10, 25, 0, 30)), "the first of two");
        assert_eq!(london(7, 15).due_on(date(2026, 10, 25)), Some(utc(2026, 10, 25, 7, 15)));
        assert_eq!(london(7, 15).due_on(date(2026, 10, 24)), Some(utc(2026, 10, 24, 6, 15)));
    }

    #[test]
    fn only_on_its_weekdays() {
        let calendar = Calendar { days: vec![Weekday::Mon, Weekday::Fri], ..london(7, 0) };
        let days = calendar.days_due(utc(2026, 11, 1, 0, 0), utc(2026, 11, 14, 0, 0), 10);
        assert_eq!(days, [date(2026, 11, 2), date(2026, 11, 6), date(2026, 11, 9), date(2026, 11, 13)]);
        assert_eq!(calendar.days_due(utc(2026, 11, 1, 0, 0), utc(2026, 11, 14, 0, 0), 1), [date(2026, 11, 13)]);
        assert_eq!(calendar.next(utc(2026, 11, 2, 7, 0)), Some(utc(2026, 11, 6, 7, 0)));
    }

    fn calendars() -> impl Strategy<Value = Calendar> {
        let days = proptest::sample::subsequence(
            vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun],
            1..=7,
        );
        (0_u32..24 * 60, days, 0..ZONES.len()).prop_map(|(minute, days, zone)| Calendar {
            at: NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap(),
            days,
            zone: ZONES[zone],
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_day_is_due_once_in_order_and_on_its_day(calendar in calendars(), from in 0_i64..12_000) {
            let first = date(2008, 1, 1) + Duration::days(from);
            let mut before = None;
            for day in first.iter_days().take(40) {
                let due = calendar.due_on(day);
                if !calendar.days.contains(&day.weekday()) {
                    prop_assert_eq!(due, None);
                    continue;
                }
                // Only a leap to the end of the day, or over it, leaves a day without its time.
                let Some(due) = due else { continue };
                let local = due.with_timezone(&calendar.zone).naive_local();
                prop_assert_eq!(local.date(), day);
                prop_assert!(local.time() >= calendar.at);
                prop_assert!(local.time() - calendar.at <= Duration::minutes(60));
                prop_assert!(before.is_none_or(|before| before < due));
                before = Some(due);
                prop_assert_eq!(calendar.next(due - Duration::seconds(1)), Some(due));
            }
        }

        #[test]
        fn looking_often_or_seldom_finds_the_same_days(
            calendar in calendars(),
            from in 0_i64..12_000,
            looks in proptest::collection::vec(1_i64..100, 1..30),
        ) {
            let start = utc(2008, 1, 1, 0, 0) + Duration::days(from);
            let mut often = Vec::new();
            let mut last = start;
            for hours in looks {
                let now = last + Duration::hours(hours);
                often.extend(calendar.days_due(last, now, 1_000));
                last = now;
            }
            prop_assert_eq!(often, calendar.days_due(start, last, 1_000));
        }
    }
}
