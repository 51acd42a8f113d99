//! The lines to skim: which of them are on the page, and how long each has been on the screen.
//!
//! A page stays as it is while somebody reads it: a line that leaves makes no room for another, and what
//! comes new stands behind what is there.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use super::state::Target;
use crate::protocol::{PassedLine, Skim, SkimLine};
use crate::record::{EntryId, Version};

/// The most lines on a page: more, and nobody reads to its end.
pub const LONGEST_PAGE: usize = 40;

/// Lines asked for at once.
pub const LIMIT: usize = 400;

/// A line with its share of its page's time on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// As the daemon sent it.
    pub sent: SkimLine,
    /// The page's time on the screen, divided by the lines that were on it.
    pub on_screen: Duration,
}

/// What a line is of: read once, it is not read again as long as these are the same.
type Identity = (EntryId, Version, u64);

fn identity(line: &SkimLine) -> Identity {
    (line.row.entry, line.row.version, line.row.revision)
}

/// What an act on several entries was on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    /// Lines of a skim page, which were passed.
    Lines,
    /// Marked entries of the queue, which were hidden.
    Entries,
}

impl Several {
    /// So many of them.
    pub fn count(self, n: usize) -> String {
        match self {
            Self::Lines => super::words::count(n as u64, "line", "lines"),
            Self::Entries => super::words::count(n as u64, "entry", "entries"),
        }
    }

    /// What they do once they are back.
    pub fn wait_again(self, n: usize) -> &'static str {
        match (self, n) {
            (Self::Lines, 1) => "waits to be skimmed again",
            (Self::Lines, _) => "wait to be skimmed again",
            (Self::Entries, 1) => "waits again",
            (Self::Entries, _) => "wait again",
        }
    }
}

/// An act on lines that is on its way to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Underway {
    /// The page is passed.
    Passing,
    /// A line is pulled into the queue.
    Picking(Target),
    /// An act on several entries is taken back, one by one.
    TakingBack {
        /// What they are.
        of: Several,
        /// Those that the daemon has not answered yet.
        awaited: Vec<EntryId>,
        /// Those that are back.
        back: Vec<EntryId>,
        /// Those that may be tried again, since the daemon failed.
        failed: Vec<EntryId>,
        /// Why others are not back, a sentence each.
        refused: Vec<String>,
    },
}

/// The lines to skim.
#[derive(Debug, Clone, Default)]
pub struct SkimState {
    lines: Vec<Line>,
    page: Range<usize>,
    selected: usize,
    /// Lines that a page holds at this size of the terminal.
    rows: usize,
    reading_time: Duration,
    to_skim: usize,
    /// Whether they have come.
    pub come: bool,
    /// Whether they are on their way.
    pub asked: bool,
    /// Whether they have changed again since they were asked for.
    pub stale: bool,
    /// The act on its way.
    pub underway: Option<Underway>,
    /// The line that was being pulled into the queue when the daemon was lost.
    pub unanswered: Option<Target>,
    /// The entry whose page is to be opened when the lines come.
    pub reopen: Option<EntryId>,
}

impl SkimState {
    /// The lines on the page.
    pub fn page(&self) -> &[Line] {
        self.lines.get(self.page.clone()).unwrap_or_default()
    }

    /// Which line of the page is selected.
    pub fn selected(&self) -> usize {
        self.selected.saturating_sub(self.page.start)
    }

    /// The selected line.
    pub fn current(&self) -> Option<&SkimLine> {
        self.page().get(self.selected()).map(|line| &line.sent)
    }

    /// Lines that wait to be skimmed, here and at the daemon.
    pub fn count(&self) -> usize {
        self.to_skim.max(self.lines.len())
    }

    /// The number of this page, and of how many, from 1.
    pub fn number(&self) -> (usize, usize) {
        let rows = self.rows.max(1);
        let here = self.page.start.div_ceil(rows) + 1;
        (here, here + self.count().saturating_sub(self.page.end).div_ceil(rows))
    }

    /// Takes the daemon's lines in. The page stays unless it has emptied, or another is to be opened.
    pub fn come(&mut self, skim: Skim) {
        self.come = true;
        self.reading_time = Duration::from_millis(skim.reading_time);
        self.to_skim = usize::try_from(skim.totals.to_skim).unwrap_or(usize::MAX);
        let fresh = self.lines.is_empty();
        let mut sent: Vec<Option<SkimLine>> = skim.lines.into_iter().map(Some).collect();
        let places: HashMap<Identity, usize> =
            sent.iter().enumerate().filter_map(|(i, line)| Some((identity(line.as_ref()?), i))).collect();
        if let Some(entry) = self.reopen.take() {
            let read: HashMap<Identity, Duration> =
                self.lines.drain(..).map(|line| (identity(&line.sent), line.on_screen)).collect();
            let lines = sent.into_iter().flatten();
            self.lines = lines
                .map(|sent| Line { on_screen: read.get(&identity(&sent)).copied().unwrap_or_default(), sent })
                .collect();
            let place = self.lines.iter().position(|line| line.sent.row.entry == entry).unwrap_or_default();
            self.open_at(place - place % self.rows.max(1));
            self.select(entry);
            return;
        }
        self.retain(|line| places.contains_key(&identity(&line.sent)));
        for line in &mut self.lines {
            let place = places.get(&identity(&line.sent)).and_then(|place| sent.get_mut(*place));
            if let Some(sent) = place.and_then(Option::take) {
                line.sent = sent;
            }
        }
        let new = sent.into_iter().flatten();
        self.lines.extend(new.map(|sent| Line { sent, on_screen: Duration::ZERO }));
        if fresh || self.page.is_empty() {
            self.open_at(self.page.start);
        }
    }

    /// Lines have left the page. The next page opens when it has emptied.
    pub fn gone(&mut self, entries: &[EntryId]) {
        let before = self.lines.len();
        self.retain(|line| !entries.contains(&line.sent.row.entry));
        self.to_skim = self.to_skim.saturating_sub(before - self.lines.len());
        if self.page.is_empty() {
            self.open_at(self.page.start);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Line) -> bool) {
        let kept =
            |range: Range<usize>| self.lines.get(range).unwrap_or_default().iter().filter(|line| keep(line)).count();
        let start = kept(0..self.page.start);
        let end = start + kept(self.page.clone());
        let selected = kept(0..self.selected.min(self.lines.len()));
        self.lines.retain(keep);
        self.page = start..end;
        self.selected = selected.clamp(start, end.saturating_sub(1).max(start));
    }

    /// Opens the page that begins with that line; with none there, the last page.
    fn open_at(&mut self, start: usize) {
        let rows = self.rows.max(1);
        let last = self.lines.len().saturating_sub(1) / rows * rows;
        let start = if start < self.lines.len() { start } else { last };
        self.page = start..(start + rows).min(self.lines.len());
        self.selected = start;
    }

    /// Makes pages of `rows` lines, at most [`LONGEST_PAGE`]; the selected line stays on the page.
    pub fn fit(&mut self, rows: usize) {
        let rows = rows.clamp(1, LONGEST_PAGE);
        if rows == self.rows {
            return;
        }
        self.rows = rows;
        let selected = self.selected;
        let start = if selected < self.page.start + rows { self.page.start } else { selected + 1 - rows };
        self.open_at(start);
        self.selected = selected.clamp(self.page.start, self.page.end.saturating_sub(1).max(self.page.start));
    }

    /// Selects the line below or above, on this page.
    pub fn step(&mut self, down: bool) {
        let selected = if down { self.selected + 1 } else { self.selected.saturating_sub(1) };
        self.selected = selected.clamp(self.page.start, self.page.end.saturating_sub(1).max(self.page.start));
    }

    /// Selects the line of that entry, if it is on this page.
    pub fn select(&mut self, entry: EntryId) {
        if let Some(place) = self.page().iter().position(|line| line.sent.row.entry == entry) {
            self.selected = self.page.start + place;
        }
    }

    /// Turns to the next page or the one before; whether there is one.
    pub fn turn(&mut self, forward: bool) -> bool {
        let start = match forward {
            true if self.page.end < self.lines.len() => self.page.end,
            false if self.page.start > 0 => self.page.start.saturating_sub(self.rows.max(1)),
            _ => return false,
        };
        self.open_at(start);
        true
    }

    /// Goes to the first line of the first page, or to the last line of the last one.
    pub fn end(&mut self, last: bool) {
        self.open_at(if last { usize::MAX } else { 0 });
        if last {
            self.selected = self.page.end.saturating_sub(1).max(self.page.start);
        }
    }

    /// The page was on the screen for so long; its lines share the time.
    pub fn was_on_screen(&mut self, time: Duration) {
        let lines = self.lines.get_mut(self.page.clone()).unwrap_or_default();
        // Rounded up by less than a nanosecond, so that a countdown reaches its next second.
        let share = time.as_nanos().div_ceil(lines.len().max(1) as u128);
        let share = Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX));
        for line in lines {
            line.on_screen = line.on_screen.saturating_add(share);
        }
    }

    /// How much longer the page must be on the screen until every line of it counts as read.
    pub fn left(&self) -> Duration {
        let page = self.page();
        let longest = page.iter().map(|line| self.reading_time.saturating_sub(line.on_screen)).max();
        longest.unwrap_or_default().saturating_mul(u32::try_from(page.len()).unwrap_or(u32::MAX))
    }

    /// The same in seconds as people count down: the last second is a whole one.
    pub fn seconds_left(&self) -> u64 {
        u64::try_from(self.left().as_nanos().div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }

    /// After how much time on the screen [`Self::seconds_left`] will have changed; never again at zero.
    pub fn next_second(&self) -> Option<Duration> {
        let whole = Duration::from_secs(self.seconds_left().checked_sub(1)?);
        Some(self.left().saturating_sub(whole))
    }

    /// Lines at those places of the page have yet to be read whole.
    pub fn begin_anew(&mut self, unread: impl Fn(usize) -> bool) {
        let page = self.lines.get_mut(self.page.clone()).unwrap_or_default();
        page.iter_mut().enumerate().filter(|(place, _)| unread(*place)).for_each(|(_, line)| {
            line.on_screen = Duration::ZERO;
        });
    }

    /// The lines of the page as somebody passes them: those at places that were `whole` in sight.
    pub fn passed(&self, whole: impl Fn(usize) -> bool) -> Vec<PassedLine> {
        let passed = |line: &Line| PassedLine {
            entry: line.sent.row.entry,
            version: line.sent.row.version,
            revision: line.sent.row.revision,
            on_screen: u64::try_from(line.on_screen.as_millis()).unwrap_or(u64::MAX),
        };
        self.page().iter().enumerate().filter(|(place, _)| whole(*place)).map(|(_, line)| passed(line)).collect()
    }
}
