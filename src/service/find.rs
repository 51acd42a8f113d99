//! Which rows of the queue somebody wants: filters, words looked for, and one patient's entries together.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use unicode_normalization::UnicodeNormalization;

use super::Service;
use super::decide::same_guid;
use super::rows::EntryRow;
use crate::audit::Actor;
use crate::protocol::Wanted;
use crate::record::{EntryId, PatientId, Tier};

/// What can be asked of a waiting entry without reading the store.
#[derive(Debug)]
pub struct Listed {
    patient: PatientId,
    /// Name, title, author and reasons, a line each, folded; after [`END`] the identifiers of its authors.
    said: Box<str>,
    changed: bool,
}

/// Ends what is looked through.
const END: char = '\0';

impl Listed {
    /// What a row says, in the record of the patient with that name.
    pub fn new(row: &EntryRow, name: &str) -> Self {
        let mut lines = vec![line(name), line(&row.title), line(&row.author)];
        lines.extend(row.why.iter().map(|why| line(why)));
        let said = format!("{}{END}{}", lines.join("\n"), row.authors.join("\n"));
        Self { patient: row.entry.patient, said: said.into(), changed: row.decided_before.is_some() }
    }

    /// What [`Listed::kept`] makes the same of again.
    pub fn to_keep(&self) -> (String, bool) {
        (self.said.to_string(), self.changed)
    }

    /// As it was kept.
    pub fn kept(patient: PatientId, said: String, changed: bool) -> Self {
        Self { patient, said: said.into(), changed }
    }

    /// Takes another name in.
    pub fn rename(&mut self, name: &str) {
        let rest = self.said.split_once('\n').map(|(_, rest)| rest).unwrap_or_default();
        self.said = format!("{}\n{rest}", line(name)).into();
    }

    fn lines(&self) -> std::str::Split<'_, char> {
        self.said.split(END).next().unwrap_or_default().split('\n')
    }

    fn is_by(&self, staff: &str) -> bool {
        self.said.split(END).nth(1).is_some_and(|authors| authors.split('\n').any(|author| same_guid(author, staff)))
    }

    fn says(&self, word: &str) -> bool {
        let end = self.said.find(END).unwrap_or(self.said.len());
        holds(self.said.get(..end).unwrap_or_default(), word)
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
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some((first, others)) = word.split_first().filter(|_| word.len() >= SHORTEST) else { return false };
    let begins = |at: usize| at == 0 || text.get(at - 1).is_some_and(|before| !before.is_ascii_alphanumeric());
    (0..text.len()).filter(|at| text.get(*at) == Some(first) && begins(*at)).any(|at| {
        let window = &text[at + 1..(at + word.len() + word.len() / 3 + 1).min(text.len())];
        // `Pryce-Rowe` and `O'Neill` are one word each.
        let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte > 127 || matches!(**byte, b'-' | b'\'');
        let mut letters = window.iter().take_while(inside);
        others.iter().all(|other| letters.any(|letter| letter == other))
    })
}

impl Service {
    /// The rows that are wanted, in order, and how many fit in all. What waits for one patient stands together,
    /// where the most urgent of it belongs.
    pub(super) fn fitting(&self, actor: &Actor, wanted: &Wanted) -> (Vec<EntryId>, usize) {
        let only = &wanted.only;
        let board = self.board();
        if only.is_all() && wanted.from == 0 {
            // The ordinary case reads no further than it must.
            let mut seen = HashSet::new();
            let mut ids: Vec<EntryId> = Vec::new();
            for (_, _, _, listed) in board.waiting() {
                if ids.len() >= wanted.limit {
                    break;
                }
                if seen.insert(listed.patient) {
                    ids.extend(board.waiting_of(listed.patient));
                }
            }
            ids.truncate(wanted.limit);
            return (ids, board.count_waiting());
        }
        let (now, policy) = (self.now(), self.policy());
        let words: Vec<String> = fold(&only.words).split_whitespace().map(str::to_owned).collect();
        let (reason, author) = (only.reason.as_deref().map(line), only.author.as_deref().map(line));
        let staff = self.staff().user(&actor.login).and_then(|user| user.staff_guid.clone());
        let held = if only.mine { self.patients_of(actor) } else { HashSet::new() };
        let late: HashSet<(Tier, DateTime<Utc>)> = match only.late {
            true => {
                board.waits().map(|(tier, since, _)| (tier, since)).filter(|of| policy.due(of.0, of.1) < now).collect()
            }
            false => HashSet::new(),
        };
        let fits = |tier, since, listed: &Listed| {
            only.tier.is_none_or(|least| tier >= least)
                && (!only.late || late.contains(&(tier, since)))
                && (!only.changed || listed.changed)
                && only.patient.is_none_or(|patient| listed.patient == patient)
                && (!only.mine
                    || held.contains(&listed.patient)
                    || staff.as_deref().is_some_and(|staff| listed.is_by(staff)))
                && author.as_deref().is_none_or(|author| listed.lines().nth(2) == Some(author))
                && reason.as_deref().is_none_or(|reason| listed.lines().skip(3).any(|why| why == reason))
                && words.iter().all(|word| listed.says(word))
        };
        let mut groups: Vec<Vec<EntryId>> = Vec::new();
        let mut places: HashMap<PatientId, usize> = HashMap::new();
        let mut count = 0;
        for (id, tier, since, listed) in board.waiting() {
            if !fits(tier, since, listed) {
                continue;
            }
            count += 1;
            let place = *places.entry(listed.patient).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(place) {
                group.push(id);
            }
        }
        (groups.into_iter().flatten().skip(wanted.from).take(wanted.limit).collect(), count)
    }
}

#[cfg(test)]
mod tests {
    use super::{fold, holds};

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
}
