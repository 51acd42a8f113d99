//! Dates and times as feeds write them.

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Europe::London;

/// Nobody alive was born before it, so an earlier date is a slip.
const FIRST_YEAR: i32 = 1850;

/// Why a date was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DateError {
    #[error("is not a date like 2026-03-01")]
    Form,
    #[error("is not a date like 01 Mar 2026 or 01 Mar 2026 09:05:00")]
    WrittenForm,
    #[error("is not of the form that columns.toml gives")]
    MappedForm,
    #[error("is not a time like 09:05:00")]
    Time,
    #[error("lies before 1850")]
    TooEarly,
    #[error("lies more than a year after the extract")]
    TooLate,
}

/// A day of the form `yyyy-MM-dd`; `None` where the field is empty. `latest` is the last day that can be.
pub(super) fn day(text: &str, latest: NaiveDate) -> Result<Option<NaiveDate>, DateError> {
    if text.is_empty() {
        return Ok(None);
    }
    within(NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| DateError::Form)?, latest).map(Some)
}

/// A moment on the clocks of the practice of the form `dd MMM yyyy`, `dd MMM yyyy HH:mm` or
/// `dd MMM yyyy HH:mm:ss`; midnight where there is no time, `None` where the field is empty.
pub(super) fn written(text: &str, latest: NaiveDate) -> Result<Option<NaiveDateTime>, DateError> {
    if text.is_empty() {
        return Ok(None);
    }
    let moment = NaiveDateTime::parse_from_str(text, "%d %b %Y %H:%M:%S")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%d %b %Y %H:%M"))
        .or_else(|_| NaiveDate::parse_from_str(text, "%d %b %Y").map(|day| day.and_time(NaiveTime::MIN)))
        .map_err(|_| DateError::WrittenForm)?;
    within(moment.date(), latest)?;
    Ok(Some(moment))
}

/// The day, if it is one that can be.
pub(super) fn within(day: NaiveDate, latest: NaiveDate) -> Result<NaiveDate, DateError> {
    if day.year() < FIRST_YEAR {
        Err(DateError::TooEarly)
    } else if day > latest {
        Err(DateError::TooLate)
    } else {
        Ok(day)
    }
}

/// A year after `day`: appointments and reviews are booked ahead, records are not.
pub(super) fn a_year_after(day: NaiveDate) -> NaiveDate {
    day.checked_add_months(chrono::Months::new(12)).unwrap_or(NaiveDate::MAX)
}

/// A time of day of the form `HH:mm:ss` or `HH:mm`; midnight, the earliest it can be, where the field is empty.
pub(super) fn time(text: &str) -> Result<NaiveTime, DateError> {
    if text.is_empty() {
        return Ok(NaiveTime::MIN);
    }
    NaiveTime::parse_from_str(text, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"))
        .map_err(|_| DateError::Time)
}

/// The moment at which clocks in the practice showed `local`.
///
/// In the hour that comes twice in autumn the first is taken: the patient could have seen the entry
/// from then on. The hour that spring leaves out can only come from a clock that was not yet put
/// forward, so it is read as winter time.
pub(super) fn from_london(local: NaiveDateTime) -> DateTime<Utc> {
    match London.from_local_datetime(&local) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment.to_utc(),
        MappedLocalTime::None => local.and_utc(),
    }
}

/// A place among siblings: by when a line was saved, then by its number in the feed.
pub(super) fn place(recorded: Option<DateTime<Utc>>, number: u64) -> u64 {
    const NUMBER_BITS: u32 = 28;
    let since = recorded.map_or(0, |moment| (moment.timestamp() - EPOCH_1850).clamp(0, (1 << 35) - 1).unsigned_abs());
    (since << NUMBER_BITS) | (number & ((1 << NUMBER_BITS) - 1))
}

/// 1850-01-01 as seconds before 1970.
const EPOCH_1850: i64 = -3_786_825_600;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn london(text: &str) -> DateTime<Utc> {
        from_london(text.parse().unwrap())
    }

    #[test]
    fn london_time_follows_summer_time() {
        assert_eq!(london("2026-01-15T09:00:00"), utc("2026-01-15T09:00:00Z"));
        assert_eq!(london("2026-07-15T09:00:00"), utc("2026-07-15T08:00:00Z"));
        assert_eq!(london("2026-10-25T01:30:00"), utc("2026-10-25T00:30:00Z"), "the first of the two");
        assert_eq!(london("2026-03-29T01:30:00"), utc("2026-03-29T01:30:00Z"), "an hour that never was");
    }

    #[test]
    fn a_place_follows_the_time_saved_and_then_the_number() {
        let (early, late) = (Some(utc("2026-01-15T09:00:00Z")), Some(utc("2026-01-15T09:00:01Z")));
        assert!(place(early, 900_000) < place(late, 1));
        assert!(place(early, 1) < place(early, 2));
        assert!(place(Some(utc("1850-01-01T00:00:01Z")), 0) > place(None, 1));
    }

    #[test]
    fn days_outside_a_lifetime_are_refused() {
        let latest = NaiveDate::from_ymd_opt(2027, 3, 1).unwrap();
        assert_eq!(day("", latest), Ok(None));
        assert_eq!(day("1850-01-01", latest).unwrap().unwrap().year(), 1850);
        assert_eq!(day("1849-12-31", latest), Err(DateError::TooEarly));
        assert_eq!(day("2027-03-02", latest), Err(DateError::TooLate));
        assert_eq!(day("01/03/2026", latest), Err(DateError::Form));
        assert_eq!(day("2026-02-30", latest), Err(DateError::Form));
    }
}
