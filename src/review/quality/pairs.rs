//! Whether the same two people decide too much of what takes two: they come to read alike, and then are one reader.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One pair decides no more than this share, or the lead is told. A rule of ours: no guidance gives a figure.
const MOST: f64 = 0.40;

/// Of fewer entries a share says nothing.
const FEWEST: u64 = 10;

/// The two people who decided together most often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Who, by login, in the order of the alphabet.
    pub logins: [String; 2],
    /// Entries that these two decided.
    pub together: u64,
    /// Entries that any two people decided; never 0.
    pub of: u64,
}

impl Pair {
    /// How much of what took two people these two decided, 0 to 1.
    pub fn share(&self) -> f64 {
        self.together as f64 / self.of as f64
    }

    /// Whether the lead is told: it is more than two of five, of enough entries to say so.
    pub fn is_too_often(&self) -> bool {
        self.of >= FEWEST && self.share() > MOST
    }
}

/// The most frequent of these pairs, whoever of the two came first; of several as frequent the first by name.
pub fn most_frequent<'a>(pairs: impl Iterator<Item = [&'a str; 2]>) -> Option<Pair> {
    let mut counts: BTreeMap<[&str; 2], u64> = BTreeMap::new();
    for mut pair in pairs {
        pair.sort_unstable();
        *counts.entry(pair).or_default() += 1;
    }
    let of = counts.values().sum();
    let most = counts.into_iter().rev().max_by_key(|(_, together)| *together);
    most.map(|(logins, together)| Pair { logins: logins.map(str::to_owned), together, of })
}
