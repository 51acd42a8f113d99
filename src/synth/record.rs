//! The invented record: who is in it, and what was written about them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::{Days, NaiveDate, NaiveTime};

use super::Plan;
use super::texts::{CODES, DISCLOSURES, FAMILY, GIVEN, NOTES, STAFF, TITLES, VALUES};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
pub struct Random(u64);

impl Random {
    /// One whose numbers follow from all of `from`.
    pub fn of(from: &[u64]) -> Self {
        let mut random = Self(0);
        for part in from {
            random.0 ^= part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            random.0 = random.next();
        }
        random
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// One of a list that is not empty.
    pub fn one<T: Copy + Default>(&mut self, list: &[T]) -> T {
        list.get(self.below(list.len() as u64) as usize).copied().unwrap_or_default()
    }
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Among all of the feed, from 0.
    pub number: u64,
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
    /// Whether female.
    pub female: bool,
    /// Day of birth.
    pub born: NaiveDate,
    /// From the range that the NHS keeps for tests, 999 000 0000 and up; empty where it ran out.
    pub nhs_number: String,
    /// The house; patients of one household share it.
    pub house: u64,
}

/// What was written at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// Among all of its practice, from 0.
    pub number: u64,
    /// The patient, within the practice.
    pub patient: u32,
    /// The day.
    pub day: NaiveDate,
    /// The time of day.
    pub time: NaiveTime,
    /// Its heading.
    pub title: &'static str,
    /// Who wrote it: a place in [`STAFF`].
    pub staff: u64,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One line of a consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place in [`CODES`].
    pub code: usize,
    /// Its text.
    pub text: String,
    /// A measured value; empty where it has none.
    pub value: String,
    /// What kind of disclosure was planted in it.
    pub planted: Option<&'static str>,
}

/// Consultations with a disclosure, in thousandths.
const PLANTED: u64 = 8;
/// Lines of a consultation: this many and up to four more, five in the mean.
const LEAST_LINES: u64 = 3;

impl Plan {
    /// A patient of a practice.
    pub fn person(&self, practice: u32, patient: u32) -> Person {
        let mut random = Random::of(&[self.seed, 1, u64::from(practice), u64::from(patient)]);
        let number = u64::from(practice) * u64::from(self.patients) + u64::from(patient);
        let age = random.below(95 * 365);
        Person {
            number,
            female: random.below(2) == 0,
            given: random.one(GIVEN),
            // A household has one name more often than not.
            family: Random::of(&[self.seed, 2, u64::from(practice), u64::from(patient / 3)]).one(FAMILY),
            born: self.first.checked_sub_days(Days::new(age)).unwrap_or(self.first),
            nhs_number: nhs_number(number),
            house: number / 3,
        }
    }

    /// A consultation of a practice: a pure function of the seed.
    pub fn consultation(&self, practice: u32, number: u64) -> Consultation {
        let mut random = Random::of(&[self.seed, 3, u64::from(practice), number]);
        let whole = u64::from(self.patients) * u64::from(self.history);
        let (patient, back) = match number.checked_sub(whole) {
            // The record before the first day reaches ten years back.
            None => (number % u64::from(self.patients.max(1)), 1 + random.below(3_650)),
            Some(_) => (random.below(u64::from(self.patients)), 0),
        };
        let day = match number.checked_sub(whole) {
            None => self.first.checked_sub_days(Days::new(back)),
            Some(later) => self.first.checked_add_days(Days::new(later / self.seen())),
        };
        let minutes = 8 * 60 + random.below(600);
        let time = NaiveTime::from_num_seconds_from_midnight_opt((minutes * 60) as u32, 0).unwrap_or_default();
        let (title, staff) = (random.one(TITLES), random.below(STAFF.len() as u64));
        let count = LEAST_LINES + random.below(5);
        let mut lines: Vec<Line> = (0..count).map(|_| ordinary(&mut random)).collect();
        if random.below(1000) < PLANTED {
            let (kind, text) = random.one(DISCLOSURES);
            let at = random.below(count) as usize;
            if let Some(line) = lines.get_mut(at) {
                line.text = format!("{} {text}", line.text);
                line.planted = Some(kind);
            }
        }
        Consultation { number, patient: patient as u32, day: day.unwrap_or(self.first), time, title, staff, lines }
    }
}

fn ordinary(random: &mut Random) -> Line {
    let code = random.below(CODES.len() as u64) as usize;
    let sentences = 1 + random.below(3);
    let text: Vec<&str> = (0..sentences).map(|_| random.one(NOTES)).collect();
    let value = match random.below(4) {
        0 => random.one(VALUES).to_owned(),
        _ => String::new(),
    };
    Line { code, text: text.join(" "), value, planted: None }
}

/// A number of the range for tests whose check digit is right (NHS Data Dictionary, "NHS NUMBER").
fn nhs_number(n: u64) -> String {
    // Those whose check digit would be 10 do not exist. Of an even number and the next, whose sums differ by the
    // weight of the last digit, at most one is such.
    let even = 999_000_000 + 2 * n;
    for nine in [even, even + 1].into_iter().filter(|nine| *nine <= 999_999_999) {
        let digits = nine.to_string();
        let sum: u64 = digits.bytes().zip((2..=10).rev()).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
        match 11 - sum % 11 {
            10 => {}
            11 => return format!("{digits}0"),
            check => return format!("{digits}{check}"),
        }
    }
    String::new()
}

/// Writes where disclosures were planted, a line each.
pub fn planted(plan: &Plan, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for practice in 0..plan.practices {
        for number in 0..plan.numbers(plan.days).end {
            let consultation = plan.consultation(practice, number);
            for (line, kind) in consultation.lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.planted?)))
            {
                let day = plan.days.min((0..=plan.days).find(|day| plan.numbers(*day).contains(&number)).unwrap_or(0));
                serde_json::to_writer(
                    &mut out,
                    &serde_json::json!({
                        "practice": practice, "day": day, "consultation": number, "line": line, "kind": kind,
                    }),
                )?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::record::NhsNumber;

    #[test]
    fn numbers_are_right_and_differ() {
        let numbers: std::collections::BTreeSet<String> = (0..20_000).map(nhs_number).collect();
        assert!(numbers.iter().all(|number| number.parse::<NhsNumber>().is_ok()));
        assert_eq!(numbers.len(), 20_000);
    }
}
