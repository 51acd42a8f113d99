//! One reader against what their cases let expect: never a league table.
//!
//! Somebody who reads the hard entries hides more of them. So a reader's count is held against the sum of what
//! all readers together did with entries of the same tier, and it is only said whether chance explains the
//! difference. Spiegelhalter, "Funnel plots for comparing institutional performance", Stat. Med. 24 (2005)
//! 1185–1202.

use serde::{Deserialize, Serialize};

/// A reader's cases of one kind, with what everybody did with that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// How many of these the reader read.
    pub read: u64,
    /// How many of these the reader hid or redacted.
    pub withheld: u64,
    /// How many everybody read, the reader included.
    pub all_read: u64,
    /// How many everybody hid or redacted.
    pub all_withheld: u64,
}

/// Where a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries read.
    pub read: u64,
    /// Entries withheld, whole or in part.
    pub withheld: u64,
    /// How many of the same entries all readers together would have withheld.
    pub expected: f64,
    /// The fewest that chance explains, 95 times in 100.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Standing {
    /// Whether chance does not explain the difference: a reason to talk, not a verdict.
    pub fn is_outside(&self) -> bool {
        let withheld = self.withheld as f64;
        withheld < self.low || withheld > self.high
    }
}

/// A reader's standing over the kinds of case they had: two standard errors of a sum of independent readings.
pub fn funnel(kinds: &[Kind]) -> Standing {
    let share = |kind: &Kind| match kind.all_read {
        0 => 0.0,
        all => kind.all_withheld as f64 / all as f64,
    };
    let expected: f64 = kinds.iter().map(|kind| kind.read as f64 * share(kind)).sum();
    let variance: f64 = kinds.iter().map(|kind| kind.read as f64 * share(kind) * (1.0 - share(kind))).sum();
    let read: u64 = kinds.iter().map(|kind| kind.read).sum();
    let width = 1.96 * variance.sqrt();
    Standing {
        read,
        withheld: kinds.iter().map(|kind| kind.withheld).sum(),
        expected,
        low: (expected - width).max(0.0),
        high: (expected + width).min(read as f64),
    }
}
