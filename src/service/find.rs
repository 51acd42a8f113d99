//! Which rows of the queue somebody wants: filters, words looked for, and one patient's entries together.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use chrono::{DateTime, Utc};
use unicode_normalization::UnicodeNormalization;

use super::Service;
use super::board::{Board, Waiting};
use super::decide::same_guid;
use super::rows::EntryRow;
use crate::audit::Actor;
use crate::protocol::{Only, Wanted};
use crate::record::{EntryId, PatientId, Tier};

/// What can be asked of a waiting entry without reading the store.
#[derive(Debug)]
pub struct Listed {
    patient: PatientId,
    /// Name, title, author and reasons, a line each, folded; after [`END`] the identifiers of its authors.
    said: Box<str>,
    letters: Letters,
    changed: bool,
}

/// Which letters a text has. Most rows lack one of a word that is looked for, and this tells without fetching the text.
#[derive(Debug, Clone, Copy)]
struct Letters(u64);

impl Letters {
    fn of(text: &str) -> Self {
        let bit = |byte: u8| match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'0'..=b'9' => 1 << (26 + byte - b'0'),
            _ => 1 << 63,
        };
        Self(text.bytes().fold(0, |letters, byte| letters | bit(byte)))
    }

    fn has_all(self, of: Self) -> bool {
        of.0 & !self.0 == 0
    }
}

/// A word that is looked for.
struct Word {
    folded: String,
    letters: Letters,
}

/// Hashes identifiers that are keyed digests already: nobody outside can choose two that collide.
#[derive(Default)]
struct Digest(u64);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        let (first, _) = bytes.split_at(bytes.len().min(8));
        self.0 ^= first.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Ends what is looked through.
const END: char = '\0';

impl Listed {
    /// What a row says, in the record of the patient with that name.
    pub fn new(row: &EntryRow, name: &str) -> Self {
        let mut lines = vec![line(name), line(&row.title), line(&row.author)];
        lines.extend(row.why.iter().map(|why| line(why)));
        let said = format!("{}{END}{}", lines.join("\n"), row.authors.join("\n"));
        Self::kept(row.entry.patient, said, row.decided_before.is_some())
    }

    /// What [`Listed::kept`] makes the same of again.
    pub fn to_keep(&self) -> (String, bool) {
        (self.said.to_string(), self.changed)
    }

    /// As it was kept.
    pub fn kept(patient: PatientId, said: String, changed: bool) -> Self {
        Self { patient, letters: Letters::of(&said), said: said.into(), changed }
    }

    /// Takes another name in.
    pub fn rename(&mut self, name: &str) {
        let rest = self.said.split_once('\n').map(|(_, rest)| rest).unwrap_or_default();
        *self = Self::kept(self.patient, format!("{}\n{rest}", line(name)), self.changed);
    }

    fn lines(&self) -> std::str::Split<'_, char> {
        self.said.split(END).next().unwrap_or_default().split('\n')
    }

    fn is_by(&self, staff: &str) -> bool {
        self.said.split(END).nth(1).is_some_and(|authors| authors.split('\n').any(|author| same_guid(author, staff)))
    }

    fn says(&self, word: &Word) -> bool {
        if !self.letters.has_all(word.letters) {
            return false;
        }
        let end = self.said.find(END).unwrap_or(self.said.len());
        holds(self.said.get(..end).unwrap_or_default(), &word.folded)
    }
}

/// Folded, and on one line.
fn line(text: &str) -> String {
    fold(text).replace(['\n', END], " ")
}

/// In small letters without accents, so that `o’neill` finds `O'Neill` and `sian` finds `Siân`.
fn fold(text: &str) -> String {
    let bare = text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c));
    bare.flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }).collect()
}

/// Letters between those of a word that is looked for may be left out: about one in three, from the beginning
/// of a word on. More, and every long text holds everything.
fn holds(text: &str, word: &str) -> bool {
    const SHORTEST: usize = 4;
    if text.contains(word) {
        return true;
    }
    let Some(first) = word.chars().next().filter(|_| word.len() >= SHORTEST) else { return false };
    let (bytes, others) = (text.as_bytes(), &word.as_bytes()[first.len_utf8()..]);
    let begins = |at: usize| at == 0 || bytes.get(at - 1).is_some_and(|before| !before.is_ascii_alphanumeric());
    text.match_indices(first).filter(|(at, _)| begins(*at)).any(|(at, _)| {
        let window = &bytes[at + first.len_utf8()..(at + word.len() + word.len() / 3 + 1).min(bytes.len())];
        // `Pryce-Rowe` and `O'Neill` are one word each.
        let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte > 127 || matches!(**byte, b'-' | b'\'');
        let mut letters = window.iter().take_while(inside);
        others.iter().all(|other| letters.any(|letter| letter == other))
    })
}

/// Of those that wait, the ones that are wanted: by their place among all, and how many.
struct Chosen {
    at: Vec<bool>,
    count: usize,
}

impl Service {
    /// The rows that are wanted, in order, and how many fit in all. What waits for one patient stands together,
    /// where the most urgent of it belongs; what the person has agreed to comes last.
    pub(super) fn fitting(&self, actor: &Actor, wanted: &Wanted, agreed: &HashSet<EntryId>) -> (Vec<EntryId>, usize) {
        let board = self.board();
        let chosen = (!wanted.only.is_all()).then(|| self.chosen(&board, actor, &wanted.only));
        let fits = |at: usize| chosen.as_ref().is_none_or(|chosen| chosen.at.get(at) == Some(&true));
        let count = chosen.as_ref().map_or_else(|| board.count_waiting(), |chosen| chosen.count);
        let from = wanted.from.min(count);
        (page(&board, from..from.saturating_add(wanted.limit).min(count), &fits, agreed), count)
    }

    fn chosen(&self, board: &Board, actor: &Actor, only: &Only) -> Chosen {
        let (now, policy) = (self.now(), self.policy());
        let word = |word: &str| Word { folded: word.to_owned(), letters: Letters::of(word) };
        let words: Vec<Word> = fold(&only.words).split_whitespace().map(word).collect();
        let (reason, author) = (only.reason.as_deref().map(line), only.author.as_deref().map(line));
        let staff = self.staff().user(&actor.login).and_then(|user| user.staff_guid.clone());
        let held = if only.mine { self.patients_of(actor) } else { HashSet::new() };
        let late: HashSet<(Tier, DateTime<Utc>)> = match only.late {
            true => {
                board.waits().map(|(tier, since, _)| (tier, since)).filter(|of| policy.due(of.0, of.1) < now).collect()
            }
            false => HashSet::new(),
        };
        let fits = |(_, waiting): &(usize, &Waiting)| {
            let Waiting { tier, since, listed, .. } = waiting;
            only.tier.is_none_or(|least| *tier >= least)
                && (!only.late || late.contains(&(*tier, *since)))
                && (!only.changed || listed.changed)
                && only.patient.is_none_or(|patient| listed.patient == patient)
                && (!only.mine
                    || held.contains(&listed.patient)
                    || staff.as_deref().is_some_and(|staff| listed.is_by(staff)))
                && author.as_deref().is_none_or(|author| listed.lines().nth(2) == Some(author))
                && reason.as_deref().is_none_or(|reason| listed.lines().skip(3).any(|why| why == reason))
                && words.iter().all(|word| listed.says(word))
        };
        // In the order in which they lie in memory: there is most to fetch.
        let waiting: Vec<(usize, &Waiting)> = board.all_waiting().iter().collect();
        let mut at = vec![false; waiting.last().map_or(0, |(last, _)| last + 1)];
        let fitting = in_shares(&waiting, &fits);
        for (place, _) in &fitting {
            if let Some(chosen) = at.get_mut(*place) {
                *chosen = true;
            }
        }
        Chosen { at, count: fitting.len() }
    }
}

type ByPatient<T> = HashMap<PatientId, T, BuildHasherDefault<Digest>>;

/// The rows of one page. The order is gone through no further than the page reaches, and of patients before it no more
/// is asked than how many rows they have.
fn page(board: &Board, page: Range<usize>, fits: &impl Fn(usize) -> bool, agreed: &HashSet<EntryId>) -> Vec<EntryId> {
    let is_first = |id: &EntryId, at: usize| fits(at) && !agreed.contains(id);
    let mut counts: ByPatient<usize> = HashMap::default();
    if page.start > 0 {
        for (_, waiting) in board.all_waiting().iter().filter(|(at, waiting)| is_first(&waiting.entry, *at)) {
            *counts.entry(waiting.listed.patient).or_default() += 1;
        }
    }
    let (mut passed, mut ids) = (0, Vec::new());
    let mut seen: ByPatient<()> = HashMap::default();
    for (id, at) in board.in_turn() {
        if passed + ids.len() >= page.end {
            break;
        }
        if !is_first(&id, at) {
            continue;
        }
        let Some(patient) = board.all_waiting().get(at).map(|waiting| waiting.listed.patient) else { continue };
        if seen.insert(patient, ()).is_some() {
            continue;
        }
        match counts.get(&patient) {
            Some(count) if ids.is_empty() && passed + count <= page.start => passed += count,
            _ => {
                ids.extend(board.waiting_of(patient).into_iter().filter(|(id, at)| is_first(id, *at)).map(|(id, _)| id))
            }
        }
    }
    if passed + ids.len() < page.end && !agreed.is_empty() {
        ids.extend(board.in_turn().filter(|(id, at)| fits(*at) && agreed.contains(id)).map(|(id, _)| id));
    }
    ids.truncate(page.end.saturating_sub(passed));
    ids.split_off(page.start.saturating_sub(passed).min(ids.len()))
}

/// So many rows are looked through in less time than it takes to begin a thread.
const SHARE: usize = 8192;

/// Those of `rows` that fit, in their order, looked through on every core where there are many.
fn in_shares<'r, R: Sync>(rows: &'r [R], fits: &(impl Fn(&R) -> bool + Sync)) -> Vec<&'r R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = rows.len().div_ceil(cores).max(SHARE);
    let fitting = |rows: &'r [R]| rows.iter().filter(|row| fits(row)).collect::<Vec<&R>>();
    if rows.len() <= share {
        return fitting(rows);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = rows.chunks(share).map(|rows| (rows, scope.spawn(move || fitting(rows)))).collect();
        threads.into_iter().flat_map(|(rows, thread)| thread.join().unwrap_or_else(|_| fitting(rows))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::{Letters, SHARE, fold, holds, in_shares};

    #[test]
    fn words_are_found_whole_in_part_and_with_letters_left_out() {
        let text = fold("O’Neill Siân\nNeighbour rang, asked not to be named");
        for found in ["o'nei", "sian", "neighbour", "ghbo", "neigbour", "nghbour", "rang"] {
            assert!(holds(&text, &fold(found)), "{found}");
        }
        for not in ["holt", "nbr", "ngnm", "named not", "nrang", "askednot"] {
            assert!(!holds(&text, &fold(not)), "{not}");
        }
    }

    #[test]
    fn a_text_that_holds_a_word_has_its_letters() {
        let text = fold("O’Neill Siân\nNeighbour rang, asked not to be named 24/7");
        for word in ["o'nei", "siân", "neigbour", "nghbour", "24/7", "holt", "zebra"] {
            let word = fold(word);
            assert!(!holds(&text, &word) || Letters::of(&text).has_all(Letters::of(&word)), "{word}");
        }
        assert!(!Letters::of(&text).has_all(Letters::of("zebra")));
    }

    #[test]
    fn many_rows_come_in_their_order_whoever_looked_through_them() {
        let rows: Vec<usize> = (0..3 * SHARE + 1).collect();
        let odd = |row: &usize| row % 2 == 1;
        assert!(in_shares(&rows, &odd).into_iter().copied().eq((1..3 * SHARE + 1).step_by(2)));
    }
}
