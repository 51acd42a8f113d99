//! The ledger of batches: what came, when it was made, its files with their sums and counts; and what the
//! batches before it say about the one at hand. A feed that falls silent must never look like an empty queue.
//!
//! The judging is pure: it looks at a [`StreamState`] and a [`Batch`] and nothing else.

mod volume;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, Utc, Weekday};
use chrono_tz::Europe::London;
use serde::{Deserialize, Serialize};

use super::super::rows::get;
use super::super::{Service, ServiceError};
use crate::protocol::Pulled;
use crate::record::SourceKey;
use crate::source::{Covers, FileSum, Manifest, PracticeFacts, Reached, Shares};
use crate::store::Table;

/// How many days back batches are remembered by their sums and volumes.
const REMEMBERED: u64 = 400;
/// How many days a gap is spoken of.
const SPOKEN_OF: i64 = 60;
/// Of how many batches the lines of each practice and table are kept.
const KEPT_APART: usize = 60;

/// A batch that was read.
pub struct Batch<'a> {
    /// When it was pulled.
    pub at: DateTime<Utc>,
    /// When its pull first began.
    pub began: DateTime<Utc>,
    /// What lay ready.
    pub manifest: &'a Manifest,
    /// What time it covers, where it says.
    pub covers: Option<&'a Covers>,
    /// Rows of each file that was read to its end.
    pub rows: &'a HashMap<String, u64>,
    /// Lines of the record in it.
    pub lines: u64,
    /// Of these, with narrative.
    pub texts: u64,
    /// Of these, what an earlier batch had sent.
    pub here_already: u64,
    /// Lines of each practice.
    pub of_practices: &'a BTreeMap<String, u64>,
    /// What it says of the practices themselves.
    pub said_of_practices: &'a [PracticeFacts],
    /// What became of it. What the ledger has to say is added to its notices.
    pub pulled: &'a mut Pulled,
}

/// A batch as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// When it was pulled.
    pub at: DateTime<Utc>,
    /// Which row of batches it belongs to.
    pub stream: String,
    /// When it was made.
    pub made: Option<DateTime<Utc>>,
    /// Since when it holds changes, and until when, where it says.
    pub covers: Option<(Option<DateTime<Utc>>, DateTime<Utc>)>,
    /// Its files.
    pub files: Vec<FileSum>,
    /// How many rows each file has; one that is missing here was not read to its end.
    pub rows: BTreeMap<String, u64>,
    /// What became of it.
    pub pulled: Pulled,
}

impl LedgerRow {
    /// Its key: by the time it was pulled, then by its files.
    pub fn key(&self) -> Vec<u8> {
        let digest = Manifest { files: self.files.clone(), ..Manifest::default() }.digest().unwrap_or_default();
        let at = self.at.timestamp_millis().to_be_bytes();
        [at.as_slice(), digest.get(..8).unwrap_or_default()].concat()
    }
}

/// What is remembered of the batches of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    /// Its name.
    pub stream: String,
    /// When the last batch was pulled.
    pub at: Option<DateTime<Utc>>,
    /// When the newest batch was made.
    made: Option<DateTime<Utc>>,
    /// Until when the batches reach.
    to: Option<DateTime<Utc>>,
    /// Batches pulled, the oldest first.
    batches: Vec<Known>,
    /// What never came.
    gaps: Vec<Gap>,
    /// What people must know about the last batch.
    pub notices: Vec<String>,
    /// That the last one came again.
    #[serde(default)]
    pub repeated: Option<String>,
    /// Of the last batch, the pull in which rows were set aside, and how many.
    #[serde(default)]
    pub set_aside: Option<(DateTime<Utc>, u64)>,
    /// Until when each kind reaches, where they come apart.
    #[serde(default)]
    by_kind: Reached,
    /// Kinds of which the last batch brought only a part.
    #[serde(default)]
    incomplete: Vec<String>,
    /// The practices that it is about.
    #[serde(default)]
    practices: BTreeMap<String, Practice>,
}

/// What is known of a practice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Practice {
    name: String,
    /// Why nothing of it comes any more, until a batch says that it does.
    stopped: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    at: DateTime<Utc>,
    made: Option<DateTime<Utc>>,
    digest: Option<[u8; 32]>,
    lines: u64,
    texts: u64,
    /// Whether it did not come whole, or brought what one before it had left out: no measure of what a day brings.
    #[serde(default)]
    is_part: bool,
    /// Lines of each practice, and rows of each table, of the last batches.
    #[serde(default)]
    practices: BTreeMap<String, u64>,
    #[serde(default)]
    tables: BTreeMap<String, u64>,
}

impl Known {
    fn day(&self) -> NaiveDate {
        day(self.made.unwrap_or(self.at))
    }
}

/// A time of which no changes came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Gap {
    /// No batch was made on this day.
    Day(NaiveDate),
    /// The batches do not join.
    Between(DateTime<Utc>, DateTime<Utc>),
}

fn day(moment: DateTime<Utc>) -> NaiveDate {
    moment.with_timezone(&London).date_naive()
}

/// `9,058`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// The table that a file holds, by what of its name stays the same from day to day.
fn table_of(file: &str) -> String {
    let stem = file.strip_suffix(".gz").unwrap_or(file);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let stays = |piece: &&str| !piece.is_empty() && !piece.bytes().any(|byte| byte.is_ascii_digit());
    let pieces: Vec<&str> = stem.split(['_', '.']).filter(stays).collect();
    if pieces.is_empty() { file.to_owned() } else { pieces.join("_") }
}

pub fn written(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&London).format("%a %-d %b %Y %H:%M").to_string()
}

impl StreamState {
    /// When a batch was pulled that is not to be read again. Where batches do not say when they were made each
    /// is what is so now, and only the last counts: what came back is news.
    pub fn pulled_before(&self, manifest: &Manifest) -> Option<DateTime<Utc>> {
        let digest = manifest.digest()?;
        let last = self.batches.last().filter(|known| known.digest == Some(digest));
        let at = || self.pulled_at(&digest);
        if manifest.made.is_some() { at() } else { last.map(|known| known.at) }
    }

    /// When files with this digest were last pulled.
    pub fn pulled_at(&self, digest: &[u8; 32]) -> Option<DateTime<Utc>> {
        self.batches.iter().rev().find(|known| known.digest.as_ref() == Some(digest)).map(|known| known.at)
    }

    /// What a pull brings of files that were pulled then.
    pub fn nothing_new(&self, source: &str, at: DateTime<Utc>) -> Pulled {
        let (stream, on) = (&self.stream, written(at));
        let said = format!(
            "{stream}: these files were pulled before, on {on}, and were not read again: nothing in them is new"
        );
        Pulled { source: source.to_owned(), notices: vec![said], pulled_before: Some(at), ..Pulled::default() }
    }

    /// Whether a batch made after this one was pulled before it.
    pub fn is_late(&self, manifest: &Manifest) -> bool {
        manifest.made.is_some() && manifest.made < self.made
    }

    /// Until when the batches reach.
    pub fn reached(&self) -> Option<DateTime<Utc>> {
        self.to
    }

    /// The same of each kind, where they come apart.
    pub fn reached_by_kind(&self) -> &Reached {
        &self.by_kind
    }

    /// The ledger's row for a batch, and what is remembered from now on.
    pub fn with(mut self, batch: &mut Batch<'_>) -> (LedgerRow, Self) {
        for PracticeFacts { id, name, shares } in batch.said_of_practices {
            let practice = self.practices.entry(id.clone()).or_default();
            if !name.is_empty() {
                practice.name.clone_from(name);
            }
            match shares {
                Some(Shares::Yes) => practice.stopped = None,
                Some(Shares::No(why)) => practice.stopped = Some(why.clone()),
                None => {}
            }
        }
        let said = self.judge(batch);
        batch.pulled.notices.extend(said);
        let made = batch.manifest.made;
        let is_part = self.is_part(batch);
        self.close_gaps(batch);
        self.at = Some(batch.at);
        self.made = self.made.max(made);
        let to = batch.covers.map(|covers| covers.to);
        self.to = match made {
            Some(_) => self.to.max(to),
            // A server's clock may go back; what it changes from then on must not be passed over.
            None => to.or(self.to),
        };
        if let Some(covers) = batch.covers {
            self.by_kind.clone_from(&covers.reached);
            self.incomplete.clone_from(&covers.incomplete);
        }
        self.batches.push(Known {
            at: batch.at,
            made,
            digest: batch.manifest.digest(),
            lines: batch.lines,
            texts: batch.texts,
            is_part,
            practices: batch.of_practices.clone(),
            tables: tables(batch),
        });
        let apart = self.batches.len().saturating_sub(KEPT_APART);
        for known in self.batches.iter_mut().take(apart) {
            known.practices.clear();
            known.tables.clear();
        }
        let first = day(batch.at).checked_sub_days(Days::new(REMEMBERED)).unwrap_or(NaiveDate::MIN);
        self.batches.retain(|known| known.day() >= first);
        self.notices = batch.pulled.notices.clone();
        self.repeated = None;
        self.set_aside = (batch.pulled.set_aside > 0).then_some((batch.began, batch.pulled.set_aside));
        let row = LedgerRow {
            at: batch.at,
            stream: self.stream.clone(),
            made,
            covers: batch.covers.map(|covers| (covers.from, covers.to)),
            files: batch.manifest.files.clone(),
            rows: batch.rows.iter().map(|(file, rows)| (file.clone(), *rows)).collect(),
            pulled: batch.pulled.clone(),
        };
        (row, self)
    }

    /// What the batches before say about this one, a sentence each.
    fn judge(&mut self, batch: &Batch<'_>) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(last) = self.at.filter(|last| batch.at + Duration::minutes(1) < *last) {
            said.push(format!(
                "{}: the clock of this machine is behind the last pull ({}): set it right (timedatectl), because holds are \
                 counted by it",
                self.stream,
                written(last)
            ));
        }
        said.extend(self.order(batch));
        if self.is_part(batch) {
            return said;
        }
        let of_all = self.volume(batch);
        // What is missing altogether need not be said table by table.
        let of_tables = if of_all.is_none() { self.tables(batch) } else { None };
        said.extend(of_all);
        said.extend(self.silent_practices(batch));
        said.extend(of_tables);
        said.extend(self.free_text(batch));
        said
    }

    /// Whether a batch, or the one before it that it goes on from, did not come whole.
    fn is_part(&self, batch: &Batch<'_>) -> bool {
        !self.incomplete.is_empty() || batch.covers.is_some_and(|covers| !covers.incomplete.is_empty())
    }

    fn order(&mut self, batch: &Batch<'_>) -> Option<String> {
        let made = batch.manifest.made?;
        let Some(newest) = self.made else {
            let from = batch.covers.and_then(|covers| covers.from)?;
            return Some(format!(
                "{}: the first batch holds only changes since {}: what was recorded before is not here; ask the \
                 supplier for a whole extract",
                self.stream,
                written(from)
            ));
        };
        if made < newest {
            return Some(format!(
                "{}: this extract, made on {}, came after one made on {}: only what the later one did not speak of was \
                 taken from it; if today’s extract should be there, ask the supplier for it",
                self.stream,
                written(made),
                written(newest)
            ));
        }
        match batch.covers {
            Some(Covers { from: Some(from), .. }) => {
                if let Some(to) = self.to.filter(|to| to < from) {
                    self.gaps.push(Gap::Between(to, *from));
                }
            }
            // It holds everything.
            Some(_) => {}
            None => {
                let missing = self.missing_days(newest, made);
                self.gaps.extend(missing.into_iter().map(Gap::Day));
            }
        }
        None
    }

    /// The days between two batches on which one was to be expected, by the weekdays of the four weeks before;
    /// with less than a week of experience, from Monday to Friday.
    fn missing_days(&self, newest: DateTime<Utc>, made: DateTime<Utc>) -> Vec<NaiveDate> {
        let (last, this) = (day(newest), day(made));
        let recent: Vec<NaiveDate> =
            self.batches.iter().map(Known::day).filter(|day| *day + Days::new(28) > last).collect();
        let experienced = recent.iter().min().is_some_and(|first| *first + Days::new(7) <= last);
        let expected = |weekday: Weekday| match experienced {
            true => recent.iter().any(|day| day.weekday() == weekday),
            false => !matches!(weekday, Weekday::Sat | Weekday::Sun),
        };
        let between = last.iter_days().skip(1).take_while(|day| *day < this).take(SPOKEN_OF as usize);
        between.filter(|day| expected(day.weekday())).collect()
    }

    fn close_gaps(&mut self, batch: &Batch<'_>) {
        let made = batch.manifest.made.map(day);
        let oldest = batch.at - Duration::days(SPOKEN_OF);
        self.gaps.retain(|gap| match gap {
            Gap::Day(missing) => Some(*missing) != made && *missing >= day(oldest),
            Gap::Between(from, to) => {
                let closed = batch
                    .covers
                    .is_some_and(|covers| covers.from.is_none_or(|begin| begin <= *from) && covers.to >= *to);
                !closed && *to >= oldest
            }
        });
    }

    /// What people must know, most pressing first.
    pub fn alarms(&self) -> Vec<String> {
        let gaps = self.gaps.iter().map(|gap| match gap {
            Gap::Day(day) => format!(
                "{}: no extract of {} came: what changed then is not in this queue; get it from the supplier and pull it",
                self.stream,
                day.format("%a %-d %b %Y")
            ),
            Gap::Between(from, to) => format!(
                "{}: a batch was lost: nothing came of {} to {}; ask the supplier for it, or for a whole extract",
                self.stream,
                written(*from),
                written(*to)
            ),
        });
        let set_aside = self.set_aside.map(|(at, rows)| {
            let day = day(at).format("%a %-d %b");
            let were = if rows == 1 { "row was" } else { "rows were" };
            format!(
                "{} of {day}: {} {were} left out or read with a gap: anteroom pull --set-aside lists them",
                self.stream,
                thousands(rows)
            )
        });
        let stopped: Vec<String> = self.practices.values().filter_map(|practice| practice.stopped.clone()).collect();
        let notices = self.notices.iter().filter(|notice| !stopped.contains(notice)).cloned();
        gaps.chain(stopped.iter().cloned()).chain(notices).chain(set_aside).chain(self.repeated.clone()).collect()
    }
}

/// How many rows each table of a batch has.
fn tables(batch: &Batch<'_>) -> BTreeMap<String, u64> {
    let mut tables: BTreeMap<String, u64> = BTreeMap::new();
    for (file, rows) in batch.rows {
        *tables.entry(table_of(file)).or_default() += rows;
    }
    tables
}

impl Service {
    pub(super) fn stream_key(&self, stream: &str) -> Vec<u8> {
        let name = SourceKey { system: "stream".to_owned(), organisation: String::new(), id: stream.to_owned() };
        [b"stream/".as_slice(), &self.keys.identity.part(&name)].concat()
    }

    pub(super) fn stream(&self, stream: &str) -> Result<StreamState, ServiceError> {
        let known = get::<StreamState>(self.store.as_ref(), Table::Meta, &self.stream_key(stream))?;
        Ok(known.map_or_else(|| StreamState { stream: stream.to_owned(), ..StreamState::default() }, |read| read.row))
    }
}

#[cfg(test)]
mod tests;
