//! Whether each row of a table has a key of its own. Where the names of two columns were exchanged the key holds
//! something that many rows share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many keys are remembered of one table; of a larger one a share is, by the key's own digest.
const MOST: usize = 1 << 16;

/// What a row says of itself that matters here.
pub(super) struct RowName<'a> {
    /// Whose identifiers they are, and the row's own.
    pub(super) key: (&'a str, &'a str),
    /// Whose record it is in.
    pub(super) patient: &'a str,
    /// Its place in the feed's own order, empty where there is none.
    pub(super) place: &'a str,
    /// All of it.
    pub(super) text: &'a str,
}

/// The rows of one table so far.
#[derive(Default)]
pub(super) struct Repeats {
    seen: HashMap<u64, Seen>,
    /// Only keys whose digest has none of these bits are looked at.
    mask: u64,
}

struct Seen {
    patient: u64,
    place: u64,
    text: u64,
    rows: u64,
    /// Rows of another patient under this key, or with the same place in the feed's order and another content.
    contradict: u64,
    /// Rows that a later one of the same table replaces.
    replaced: u64,
}

fn digest(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Repeats {
    /// Looks at a row.
    pub(super) fn look(&mut self, row: &RowName<'_>) {
        let key = digest(row.key);
        if key & self.mask != 0 {
            return;
        }
        let (patient, place, text) = (digest(row.patient), digest(row.place), digest(row.text));
        let seen = self.seen.entry(key).or_insert(Seen { patient, place, text, rows: 0, contradict: 0, replaced: 0 });
        seen.rows += 1;
        if seen.text != text {
            let contradicts = seen.patient != patient || seen.place == place;
            *(if contradicts { &mut seen.contradict } else { &mut seen.replaced }) += 1;
            (seen.patient, seen.place, seen.text) = (patient, place, text);
        }
        if self.seen.len() > MOST {
            self.mask = self.mask << 1 | 1;
            let mask = self.mask;
            self.seen.retain(|key, _| key & mask == 0);
        }
    }

    /// What people must know of the table, whose key stands in the column `name`.
    pub(super) fn said(&self, name: &str) -> Option<String> {
        /// A supplier's own slip or two are told apart from a table whose keys are none, in per cent of its rows.
        const MANY: u64 = 10;
        const FEW: u64 = 3;
        let sum = |count: fn(&Seen) -> u64| self.seen.values().map(count).sum::<u64>();
        let (rows, contradict) = (sum(|seen| seen.rows), sum(|seen| seen.contradict));
        let repeat = contradict + sum(|seen| seen.replaced);
        let article = if name.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" };
        let about = if self.mask == 0 { "" } else { "of those looked at, " };
        if repeat >= FEW && repeat * 100 >= rows * MANY {
            return Some(format!(
                "{about}{repeat} of {rows} rows repeat {article} {name} with other content, so its columns may be \
                 swapped: rows of different patients are kept side by side and held; ask the supplier for it again"
            ));
        }
        (contradict > 0).then(|| {
            let verb = if contradict == 1 { "repeats" } else { "repeat" };
            format!(
                "{about}{contradict} of {rows} rows {verb} {article} {name} with other content: of one patient the last \
                 counts, of different patients all are kept and held; ask the supplier which is right"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn row<'a>(key: &'a str, patient: &'a str, place: &'a str, text: &'a str) -> RowName<'a> {
        RowName { key: ("o", key), patient, place, text }
    }

    #[test]
    fn rows_that_a_later_one_replaces_are_no_contradiction() {
        let mut repeats = Repeats::default();
        for n in 0..20 {
            repeats.look(&row(&n.to_string(), "p", &n.to_string(), &format!("{n}")));
        }
        repeats.look(&row("3", "p", "40", "changed"));
        repeats.look(&row("4", "p", "4", "4"));
        assert_eq!(repeats.said("ObservationGuid"), None);
        repeats.look(&row("5", "p", "5", "changed"));
        assert!(repeats.said("RowIdentifier").unwrap().starts_with("1 of 23 rows repeats a RowIdentifier with"));
    }

    #[test]
    fn of_a_large_table_a_share_is_remembered() {
        let mut repeats = Repeats::default();
        for n in 0..4 * MOST {
            repeats.look(&row(&(n / 5).to_string(), &n.to_string(), "", &n.to_string()));
        }
        assert!(repeats.seen.len() <= MOST);
        for n in 4 * MOST..12 * MOST {
            repeats.look(&row(&n.to_string(), "p", "", "x"));
        }
        assert!(repeats.seen.len() <= MOST && repeats.mask > 0);
        assert!(repeats.said("ObservationGuid").unwrap().contains("so its columns may be swapped"));
    }
}
