//! How alike two redactions are: by words, and by what one left standing that the other took out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Share;

/// Two readers' removals from the same text, counted in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Overlap {
    /// Words both took out.
    pub both: u64,
    /// Words only the first took out: the second would have shown them.
    pub first_only: u64,
    /// Words only the second took out.
    pub second_only: u64,
}

impl Overlap {
    /// Dice's coefficient, 2·both / (all that either took out, counted for each): 0 to 1. `None` where neither
    /// took anything out. Dice, "Measures of the amount of ecologic association between species", Ecology 26
    /// (1945) 297–302.
    pub fn dice(&self) -> Option<f64> {
        let taken = 2 * self.both + self.first_only + self.second_only;
        (taken > 0).then(|| 2.0 * self.both as f64 / taken as f64)
    }

    /// Words that one of the two would have shown and the other took out, of all that either took out. Counted
    /// apart from [`Overlap::dice`]: a word too many costs the patient a word, a word too few may cost more.
    pub fn under_redacted(&self) -> Share {
        let alone = self.first_only + self.second_only;
        Share::of(alone, self.both + alone)
    }

    /// Both counts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            both: self.both + other.both,
            first_only: self.first_only + other.first_only,
            second_only: self.second_only + other.second_only,
        }
    }
}

/// The overlap of two sets of removed words, each named by its place in the entry.
pub fn overlap<T: Ord>(first: &BTreeSet<T>, second: &BTreeSet<T>) -> Overlap {
    Overlap {
        both: first.intersection(second).count() as u64,
        first_only: first.difference(second).count() as u64,
        second_only: second.difference(first).count() as u64,
    }
}
