//! What a batch is beside those before it: short, a flood, all of it again, or without a practice, a table or the free text
//! that usually come.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};

use super::{Batch, Known, REMEMBERED, StreamState, day, tables, thousands};

/// How many of the same weekday make a median, and how many there must be.
const SAME_WEEKDAYS: usize = 8;
const ENOUGH_DAYS: usize = 3;
/// Below this share of the median, in per cent, a batch is short; above this many times it, more than a day's.
const SHORT: u64 = 40;
const FLOOD: u64 = 20;
/// Below this many lines a day says nothing about volume.
const FEW: u64 = 100;
/// A practice or a table that usually brings this many and brings none has vanished.
const VANISHES: u64 = 20;

impl StreamState {
    /// The batches that can be measured by, the oldest first.
    fn days(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.batches.iter().filter(|known| !known.is_part)
    }

    /// What a day like this one usually brings, of what `of` says of a batch: by the same weekday, or while too few of
    /// those are known by all days of its sort, a weekend's being another than a week's. In words and lines.
    fn usual(&self, today: NaiveDate, of: impl Fn(&Known) -> Option<u64>) -> Option<(String, u64)> {
        let is_free = |day: NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let median = |fits: &dyn Fn(NaiveDate) -> bool, most: usize| {
            let known = self.days().rev().filter(|known| fits(known.day()));
            let mut lines: Vec<u64> = known.filter_map(&of).take(most).collect();
            lines.sort_unstable();
            lines.get(lines.len() / 2).copied().filter(|_| lines.len() >= ENOUGH_DAYS)
        };
        let same = median(&|day| day.weekday() == today.weekday(), SAME_WEEKDAYS);
        if let Some(median) = same {
            return Some((today.format("a %A").to_string(), median));
        }
        let all = median(&|day| is_free(day) == is_free(today), REMEMBERED as usize)?;
        // A weekday on which little comes may have shown it once.
        let once = self.days().filter(|known| known.day().weekday() == today.weekday()).filter_map(&of).min();
        Some(("a day".to_owned(), once.map_or(all, |once| once.min(all))))
    }

    /// A day that is short, a flood, or brings nothing at all.
    pub(super) fn volume(&self, batch: &Batch<'_>) -> Option<String> {
        let today = day(batch.manifest.made.unwrap_or(batch.at));
        if let Some(said) = self.all_again(batch) {
            return Some(said);
        }
        match self.usual(today, |known| Some(known.lines)) {
            Some((a_day, median)) if median >= FEW && batch.lines * 100 < median * SHORT => Some(format!(
                "{}: only {} lines came, where {a_day} usually brings {}: something may be missing; ask the supplier \
                 whether the extract is whole",
                self.stream,
                thousands(batch.lines),
                thousands(median)
            )),
            Some((a_day, median)) if median >= FEW && batch.lines > median * FLOOD => Some(format!(
                "{}: {} lines came, where {a_day} usually brings {}: it looks like a whole extract that nobody asked for; \
                 what was decided stays decided",
                self.stream,
                thousands(batch.lines),
                thousands(median)
            )),
            None if batch.lines == 0 && self.days().any(|known| known.lines >= FEW) => Some(format!(
                "{}: no line of any record came: ask the supplier whether the extract is whole",
                self.stream
            )),
            _ => None,
        }
    }

    /// That a batch of far more lines than those after the first holds mostly what was here.
    fn all_again(&self, batch: &Batch<'_>) -> Option<String> {
        const FAR_MORE: u64 = 3;
        let mut later: Vec<u64> = self.days().skip(1).map(|known| known.lines).collect();
        later.sort_unstable();
        let median = later.get(later.len() / 2)?;
        let is_again = batch.here_already >= FEW && batch.here_already * 2 >= batch.lines;
        (is_again && batch.lines > median * FAR_MORE).then(|| {
            format!(
                "{}: {} lines came that were here already: it looks like a whole extract; nothing decided was queued again",
                self.stream,
                thousands(batch.here_already)
            )
        })
    }

    /// Practices of which far less came than usual, where others came.
    pub(super) fn silent_practices(&self, batch: &Batch<'_>) -> Option<String> {
        let today = day(batch.manifest.made.unwrap_or(batch.at));
        let mut all: Vec<&String> = self.days().flat_map(|known| known.practices.keys()).collect();
        all.sort_unstable();
        all.dedup();
        if all.len() < 2 {
            // It is the feed as a whole.
            return None;
        }
        let mut silent = Vec::new();
        for id in all {
            let known = self.practices.get(id);
            let lines = batch.of_practices.get(id).copied().unwrap_or(0);
            let usual = self.usual(today, |known| apart(known.lines, &known.practices, id));
            if let Some((_, median)) = usual.filter(|(_, median)| is_silent(lines, *median))
                && known.is_none_or(|known| known.stopped.is_none())
            {
                let name = known.map(|known| known.name.as_str()).filter(|name| !name.is_empty());
                silent.push(of_usual(name.unwrap_or(id), lines, median));
            }
        }
        (!silent.is_empty()).then(|| {
            format!(
                "{}: far fewer lines came than usual of {}: an empty queue says nothing of it; ask the supplier whether it \
                 still shares its record",
                self.stream,
                silent.join(", ")
            )
        })
    }

    /// Tables of which far fewer rows came than usual.
    pub(super) fn tables(&self, batch: &Batch<'_>) -> Option<String> {
        let today = day(batch.manifest.made.unwrap_or(batch.at));
        let now = tables(batch);
        let mut all: Vec<&String> = self.days().flat_map(|known| known.tables.keys()).collect();
        all.sort_unstable();
        all.dedup();
        let silent = all.into_iter().filter_map(|table| {
            let rows = now.get(table).copied().unwrap_or(0);
            let (_, median) = self.usual(today, |known| apart(known.lines, &known.tables, table))?;
            is_silent(rows, median).then(|| of_usual(table, rows, median))
        });
        let silent: Vec<String> = silent.collect();
        (!silent.is_empty()).then(|| {
            format!(
                "{}: far fewer rows came than usual in {}: something may be missing; ask the supplier whether the extract \
                 is whole",
                self.stream,
                silent.join(", ")
            )
        })
    }

    /// A day of which hardly a line has narrative, where a tenth as many as usual would be hardly any.
    pub(super) fn free_text(&self, batch: &Batch<'_>) -> Option<String> {
        /// Lines with text that must be missing before their absence says anything.
        const MISSING: u64 = 10;
        let (lines, texts) = self.days().fold((0, 0), |sum, known| (sum.0 + known.lines, sum.1 + known.texts));
        let is_missing = match lines {
            0 => batch.lines >= FEW / 2 && batch.texts == 0,
            _ => {
                let usual = batch.lines * texts / lines;
                usual >= MISSING && batch.texts * 10 < usual
            }
        };
        is_missing.then(|| {
            let how_many = match batch.texts {
                0 => format!("none of {} lines has", thousands(batch.lines)),
                some => format!("only {} of {} lines have", thousands(some), thousands(batch.lines)),
            };
            format!(
                "{}: {how_many} free text, which holds most disclosures: only codes were screened; ask the supplier for an \
                 extract with free text",
                self.stream
            )
        })
    }
}

/// What a batch brought of one of the things that are counted apart; `None` where they were not.
fn apart(lines: u64, counts: &BTreeMap<String, u64>, of: &str) -> Option<u64> {
    (lines == 0 || !counts.is_empty()).then(|| counts.get(of).copied().unwrap_or(0))
}

/// Whether so few are what a loss would leave of what usually comes.
fn is_silent(now: u64, usual: u64) -> bool {
    (now == 0 && usual >= VANISHES) || (usual >= FEW && now * 100 < usual * SHORT)
}

fn of_usual(name: &str, now: u64, usual: u64) -> String {
    format!("{name} ({} where {} are usual)", thousands(now), thousands(usual))
}
