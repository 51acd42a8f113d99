//! Invented feeds of any size with known answers, for tests and for load. Everything follows from the seed:
//! the same plan gives the same bytes on every machine.
//!
//! A practice's consultation is a pure function of the seed and its number, so that nothing is held in memory and a
//! later day can change or delete what an earlier one sent. Everybody in it is invented; the texts are our own.

mod emis;
mod fhir;
mod record;
mod texts;
mod tpp;

use std::io;
use std::path::Path;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

pub use record::{Consultation, Line, Person};

/// In which form a feed is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An EMIS Web bulk extract, one folder a day.
    Emis,
    /// A SystmOne strategic extract, one folder a batch.
    Tpp,
    /// FHIR R4 in NDJSON, one folder a day.
    Fhir,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many practices share the feed.
    pub practices: u32,
    /// Patients of each.
    pub patients: u32,
    /// Consultations of each patient before the first day.
    pub history: u32,
    /// Days of changes after the first, which holds the whole record.
    pub days: u32,
    /// Everything follows from it.
    pub seed: u64,
    /// The day before whose night the first extract was made.
    pub first: NaiveDate,
}

/// What a day's folder holds, and what a store must hold of it after the days before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The folder.
    pub folder: String,
    /// When the extract was made.
    pub made: NaiveDate,
    /// Patients sent.
    pub patients: u64,
    /// Lines sent, deletions among them.
    pub lines: u64,
    /// Consultations that are new.
    pub new: u64,
    /// Consultations that changed: a line came anew or went.
    pub changed: u64,
    /// Consultations deleted with everything in them.
    pub deleted: u64,
    /// New consultations that hold a planted disclosure.
    pub planted: u64,
}

/// The share of the patients, in thousandths, who are seen on a day.
const SEEN: u32 = 25;

impl Plan {
    /// How many consultations of a practice are new on a day.
    pub fn seen(&self) -> u64 {
        u64::from(self.patients * SEEN / 1000).max(4)
    }

    /// The numbers of the consultations that are new on a day, the first day's being the whole record.
    pub fn numbers(&self, day: u32) -> std::ops::Range<u64> {
        let whole = u64::from(self.patients) * u64::from(self.history);
        match u64::from(day).checked_sub(1) {
            None => 0..whole,
            Some(before) => whole + before * self.seen()..whole + (before + 1) * self.seen(),
        }
    }

    /// What happens on a day to consultations of the day before: none on the first.
    fn later(&self, day: u32) -> Later {
        let Some(before) = day.checked_sub(1) else { return Later::default() };
        let numbers = self.numbers(before);
        let each = (self.seen() / 50).max(1).min((numbers.end - numbers.start) / 4);
        let first = numbers.end - 3 * each;
        Later {
            edited: first..first + each,
            shortened: first + each..first + 2 * each,
            deleted: first + 2 * each..first + 3 * each,
        }
    }

    fn made(&self, day: u32) -> NaiveDate {
        self.first.checked_add_days(Days::new(u64::from(day))).unwrap_or(self.first)
    }

    fn answer(&self, day: u32, folder: &str) -> Answer {
        let mut answer = Answer { folder: folder.to_owned(), made: self.made(day), ..Answer::default() };
        for practice in 0..self.practices {
            if day == 0 {
                answer.patients += u64::from(self.patients);
            }
            for number in self.numbers(day) {
                let consultation = self.consultation(practice, number);
                answer.new += 1;
                answer.lines += consultation.lines.len() as u64;
                answer.planted += u64::from(consultation.lines.iter().any(|line| line.planted.is_some()));
            }
            let later = self.later(day);
            answer.changed += later.edited.clone().count() as u64 + later.shortened.clone().count() as u64;
            answer.deleted += later.deleted.clone().count() as u64;
            answer.lines += later.edited.count() as u64 + later.shortened.count() as u64;
            answer.lines +=
                later.deleted.map(|number| self.consultation(practice, number).lines.len() as u64).sum::<u64>();
        }
        answer
    }
}

/// Consultations of an earlier day to which something happens.
#[derive(Debug, Clone, Default)]
struct Later {
    /// The first line comes again with an addendum.
    edited: std::ops::Range<u64>,
    /// The last line is deleted.
    shortened: std::ops::Range<u64>,
    /// All of it is deleted.
    deleted: std::ops::Range<u64>,
}

/// Writes a feed into `out`, one folder a day, with the answers in `answers.json` and the planted disclosures
/// in `planted.jsonl`.
///
/// # Errors
/// When something cannot be written.
pub fn write(plan: &Plan, format: Format, out: &Path) -> io::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    std::fs::create_dir_all(out)?;
    for day in 0..=plan.days {
        let made = plan.made(day);
        let folder = match format {
            Format::Emis | Format::Fhir => made.format("%Y-%m-%d").to_string(),
            Format::Tpp => made.format("%Y%m%d_0200").to_string(),
        };
        let path = out.join(&folder);
        std::fs::create_dir_all(&path)?;
        match format {
            Format::Emis => emis::day(plan, day, &path)?,
            Format::Tpp => tpp::day(plan, day, &path)?,
            Format::Fhir => fhir::day(plan, day, &path)?,
        }
        answers.push(plan.answer(day, &folder));
    }
    std::fs::write(out.join("answers.json"), serde_json::to_vec_pretty(&answers)?)?;
    record::planted(plan, &out.join("planted.jsonl"))?;
    Ok(answers)
}
