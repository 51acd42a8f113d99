//! The ledger of batches: what came, when it was made, its files with their sums and counts; and what the
//! batches before it say about the one at hand. A feed that falls silent must never look like an empty queue.
//!
//! The judging is pure: it looks at a [`StreamState`] and a [`Batch`] and nothing else.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, Utc, Weekday};
use chrono_tz::Europe::London;
use serde::{Deserialize, Serialize};

use super::super::rows::get;
use super::super::{Service, ServiceError};
use crate::protocol::Pulled;
use crate::record::SourceKey;
use crate::source::{Behind, Covers, FileSum, Manifest, PracticeFacts, Shares};
use crate::store::Table;

/// How many days back batches are remembered by their sums and volumes.
const REMEMBERED: u64 = 400;
/// How many days a gap is spoken of.
const SPOKEN_OF: i64 = 60;
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
    /// What reaches less far than the rest.
    #[serde(default)]
    behind: Behind,
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

fn written(moment: DateTime<Utc>) -> String {
    moment.with_timezone(&London).format("%a %-d %b %Y %H:%M").to_string()
}

impl StreamState {
    /// Why a batch is not to be read, if it was read before. Where batches do not say when they were made each
    /// is what is so now, and only the last counts: what came back is news.
    pub fn pulled_before(&self, manifest: &Manifest) -> Option<String> {
        let digest = manifest.digest()?;
        let known = match manifest.made {
            Some(_) => self.batches.iter().rev().find(|known| known.digest == Some(digest)),
            None => self.batches.last().filter(|known| known.digest == Some(digest)),
        }?;
        Some(format!(
            "{}: these files were pulled before, on {}, and were not read again",
            self.stream,
            written(known.at)
        ))
    }

    /// Whether a batch made after this one was pulled before it.
    pub fn is_late(&self, manifest: &Manifest) -> bool {
        manifest.made.is_some() && manifest.made < self.made
    }

    /// Until when the batches reach.
    pub fn reached(&self) -> Option<DateTime<Utc>> {
        self.to
    }

    /// What reaches less far, and how far.
    pub fn behind(&self) -> &Behind {
        &self.behind
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
            self.behind.clone_from(&covers.behind);
        }
        self.batches.push(Known {
            at: batch.at,
            made,
            digest: batch.manifest.digest(),
            lines: batch.lines,
            texts: batch.texts,
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
        let of_all = self.volume(batch);
        // What is missing altogether need not be said table by table.
        let of_tables = if of_all.is_none() { self.tables(batch) } else { None };
        said.extend(of_all);
        said.extend(self.silent_practices(batch));
        said.extend(of_tables);
        said.extend(self.free_text(batch));
        said
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

    /// What a day like this one usually brings, of what `of` says of a batch: by the same weekday, or while too few of
    /// those are known by all days of its sort, a weekend's being another than a week's. In words and lines.
    fn usual(&self, today: NaiveDate, of: impl Fn(&Known) -> Option<u64>) -> Option<(String, u64)> {
        let is_free = |day: NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let median = |fits: &dyn Fn(NaiveDate) -> bool, most: usize| {
            let known = self.batches.iter().rev().filter(|known| fits(known.day()));
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
        let once = self.batches.iter().filter(|known| known.day().weekday() == today.weekday()).filter_map(&of).min();
        Some(("a day".to_owned(), once.map_or(all, |once| once.min(all))))
    }

    fn volume(&self, batch: &Batch<'_>) -> Option<String> {
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
            None if batch.lines == 0 && self.batches.iter().any(|known| known.lines >= FEW) => Some(format!(
                "{}: no line of any record came: ask the supplier whether the extract is whole",
                self.stream
            )),
            _ => None,
        }
    }

    /// That a batch of far more lines than those after the first holds mostly what was here.
    fn all_again(&self, batch: &Batch<'_>) -> Option<String> {
        const FAR_MORE: u64 = 3;
        let mut later: Vec<u64> = self.batches.iter().skip(1).map(|known| known.lines).collect();
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
    fn silent_practices(&self, batch: &Batch<'_>) -> Option<String> {
        let today = day(batch.manifest.made.unwrap_or(batch.at));
        let mut all: Vec<&String> = self.batches.iter().flat_map(|known| known.practices.keys()).collect();
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
    fn tables(&self, batch: &Batch<'_>) -> Option<String> {
        let today = day(batch.manifest.made.unwrap_or(batch.at));
        let now = tables(batch);
        let mut all: Vec<&String> = self.batches.iter().flat_map(|known| known.tables.keys()).collect();
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
    fn free_text(&self, batch: &Batch<'_>) -> Option<String> {
        /// Lines with text that must be missing before their absence says anything.
        const MISSING: u64 = 10;
        let (lines, texts) = self.batches.iter().fold((0, 0), |sum, known| (sum.0 + known.lines, sum.1 + known.texts));
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use chrono::TimeZone;

    use super::*;

    fn at(day: u32) -> DateTime<Utc> {
        // A Monday and the days after it.
        Utc.with_ymd_and_hms(2026, 11, 2, 2, 0, 0).unwrap() + Duration::days(i64::from(day))
    }

    fn manifest(made: u32, content: u8) -> Manifest {
        let file = FileSum { name: "a.csv".into(), bytes: 1, digest: [content; 32] };
        Manifest { stream: "emis".into(), made: Some(at(made)), files: vec![file] }
    }

    struct Feed {
        state: StreamState,
        content: u8,
        /// The last day on which something was pulled.
        today: u32,
        here_already: u64,
        practices: BTreeMap<String, u64>,
        said: Vec<PracticeFacts>,
        rows: HashMap<String, u64>,
    }

    impl Feed {
        fn new() -> Self {
            Self {
                state: StreamState { stream: "emis".into(), ..StreamState::default() },
                content: 0,
                today: 0,
                here_already: 0,
                practices: BTreeMap::new(),
                said: Vec::new(),
                rows: HashMap::new(),
            }
        }

        /// Pulls a batch made on a day; what is said of it.
        fn batch(&mut self, made: u32, covers: Option<(Option<u32>, u32)>, lines: u64, texts: u64) -> Vec<String> {
            self.content += 1;
            self.today = self.today.max(made);
            let covers = covers.map(|(from, to)| Covers {
                from: from.map(at),
                to: at(to),
                whole: Vec::new(),
                behind: Behind::new(),
            });
            let mut pulled = Pulled::default();
            let (_, state) = std::mem::take(&mut self.state).with(&mut Batch {
                at: at(self.today) + Duration::hours(6),
                began: at(self.today),
                manifest: &manifest(made, self.content),
                covers: covers.as_ref(),
                rows: &self.rows,
                lines,
                texts,
                here_already: self.here_already,
                of_practices: &self.practices,
                said_of_practices: &self.said,
                pulled: &mut pulled,
            });
            self.state = state;
            pulled.notices
        }

        fn day(&mut self, made: u32) -> Vec<String> {
            self.batch(made, None, 1_000, 500)
        }
    }

    #[test]
    fn days_on_which_nothing_was_made_are_said_until_they_come() {
        let mut feed = Feed::new();
        for day in [0, 1] {
            assert_eq!(feed.day(day), [""; 0]);
        }
        // Wednesday did not come.
        assert_eq!(feed.day(3), [""; 0]);
        assert_eq!(feed.state.alarms().len(), 1);
        assert!(feed.state.alarms()[0].contains("no extract of Wed 4 Nov 2026 came"), "{:?}", feed.state.alarms());
        // It comes late.
        let said = feed.day(2);
        assert!(said[0].contains("came after one made on"), "{said:?}");
        assert!(!feed.state.alarms().iter().any(|alarm| alarm.contains("no extract of")));
        // A weekend without an extract is none.
        feed.day(4);
        assert_eq!(feed.day(7), [""; 0]);
        assert_eq!(feed.state.alarms(), [""; 0]);
    }

    #[test]
    fn batches_that_do_not_join_are_a_lost_batch_until_a_whole_one_comes() {
        let mut feed = Feed::new();
        let said = feed.batch(0, Some((Some(0), 0)), 10, 1);
        assert!(said[0].contains("the first batch holds only changes since"), "{said:?}");
        feed.batch(1, Some((Some(0), 1)), 10, 1);
        assert_eq!(feed.state.alarms(), [""; 0]);
        feed.batch(3, Some((Some(2), 3)), 10, 1);
        assert!(feed.state.alarms()[0].contains("a batch was lost"), "{:?}", feed.state.alarms());
        // One that begins earlier than it need is no harm, and does not close the gap.
        feed.batch(4, Some((Some(2), 4)), 10, 1);
        assert!(feed.state.alarms()[0].contains("a batch was lost"));
        feed.batch(5, Some((None, 5)), 10, 1);
        assert_eq!(feed.state.alarms(), [""; 0]);
    }

    #[test]
    fn a_short_day_and_a_flood_are_told_by_the_same_weekday() {
        let mut feed = Feed::new();
        for week in 0..3 {
            for day in 0..5 {
                let lines = if day == 2 { 300 } else { 6_000 };
                assert_eq!(feed.batch(week * 7 + day, None, lines, lines / 2), [""; 0]);
            }
        }
        let said = feed.batch(21, None, 2_000, 900);
        assert!(said[0].contains("only 2,000 lines came, where a Monday usually brings 6,000"), "{said:?}");
        assert_eq!(feed.batch(22, None, 5_000, 2_000), [""; 0]);
        // A short Wednesday is what Wednesdays are.
        assert_eq!(feed.batch(23, None, 280, 100), [""; 0]);
        let said = feed.batch(24, None, 700_000, 100_000);
        assert!(said[0].contains("a whole extract that nobody asked for"), "{said:?}");
    }

    #[test]
    fn a_day_whose_texts_are_all_empty_is_said() {
        let mut feed = Feed::new();
        feed.day(0);
        let said = feed.batch(1, None, 900, 0);
        assert!(said[0].contains("none of 900 lines has free text"), "{said:?}");
    }

    #[test]
    fn a_day_that_has_lost_nearly_all_its_narrative_is_said() {
        let mut feed = Feed::new();
        for day in 0..3 {
            assert_eq!(feed.day(day), [""; 0]);
        }
        let said = feed.batch(3, None, 1_000, 40);
        assert!(said[0].contains("only 40 of 1,000 lines have free text"), "{said:?}");
        assert_eq!(feed.batch(4, None, 1_000, 60), [""; 0], "more than a tenth of what is usual");
    }

    #[test]
    fn a_drop_in_the_first_weeks_and_a_whole_extract_that_comes_again_are_said() {
        let mut feed = Feed::new();
        feed.batch(0, None, 9_058, 4_000);
        for day in 1..4 {
            assert_eq!(feed.batch(day, None, 180, 90), [""; 0]);
        }
        let said = feed.batch(4, None, 12, 6);
        assert!(said[0].contains("only 12 lines came, where a day usually brings 180"), "{said:?}");
        feed.here_already = 9_058;
        let said = feed.batch(7, None, 9_060, 4_000);
        assert_eq!(
            said,
            [
                "emis: 9,058 lines came that were here already: it looks like a whole extract; nothing decided was queued again"
            ]
        );
    }

    #[test]
    fn a_practice_and_a_table_that_fall_silent_are_named() {
        let mut feed = Feed::new();
        let share = |first, second| BTreeMap::from([("A".to_owned(), first), ("B".to_owned(), second)]);
        let tables = |problems| {
            HashMap::from([
                ("1-9_CareRecord_Observation_20261116020000_0A.csv".to_owned(), 980),
                (format!("{problems}-9_CareRecord_Problem_20261116020000_0A.csv.gz"), problems),
            ])
        };
        feed.said = vec![PracticeFacts { id: "B".into(), name: "Low Road Surgery".into(), shares: None }];
        (feed.practices, feed.rows) = (share(960, 40), tables(20));
        for day in 0..3 {
            assert_eq!(feed.day(day), [""; 0]);
        }
        feed.practices = share(1_000, 0);
        let said = feed.day(3);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("than usual of Low Road Surgery (0 where 40 are usual)"), "{said:?}");
        (feed.practices, feed.rows) = (share(960, 40), tables(0));
        let said = feed.day(4);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("than usual in CareRecord_Problem (0 where 20 are usual)"), "{said:?}");
    }

    #[test]
    fn a_practice_that_stopped_sharing_is_said_until_it_shares_again() {
        let mut feed = Feed::new();
        let said = |shares| vec![PracticeFacts { id: "B".into(), name: String::new(), shares }];
        feed.said = said(Some(Shares::No("B is disabled.".into())));
        feed.day(0);
        feed.said = Vec::new();
        feed.day(1);
        assert_eq!(feed.state.alarms(), ["B is disabled."]);
        feed.said = said(None);
        feed.day(2);
        assert_eq!(feed.state.alarms(), ["B is disabled."]);
        feed.said = said(Some(Shares::Yes));
        feed.day(3);
        assert_eq!(feed.state.alarms(), [""; 0]);
    }

    #[test]
    fn the_same_files_are_known_whatever_came_between() {
        let mut feed = Feed::new();
        feed.day(0);
        feed.day(1);
        assert!(feed.state.pulled_before(&manifest(0, 1)).is_some());
        assert!(feed.state.pulled_before(&manifest(0, 9)).is_none());
        // What holds the state of now may come back to what it was.
        let now = |content| Manifest { made: None, ..manifest(0, content) };
        assert!(feed.state.pulled_before(&now(1)).is_none());
        assert!(feed.state.pulled_before(&now(2)).is_some());
    }
}
