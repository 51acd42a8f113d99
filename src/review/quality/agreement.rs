//! What two people said who read the same entry without knowing of each other.

use serde::{Deserialize, Serialize};

use super::kappa::{self, Coefficient, Greyed, Weights};
use super::{Overlap, Share};
use crate::record::Act;

/// What a reader wants, in the order from shown to withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Show it whole.
    Approve,
    /// Show it without some words.
    Redact,
    /// Show nothing of it.
    Hide,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Redact, Self::Hide];
}

impl From<&Act> for Verdict {
    fn from(act: &Act) -> Self {
        match act {
            Act::Approve => Self::Approve,
            Act::Redact { .. } => Self::Redact,
            Act::Hide { .. } => Self::Hide,
        }
    }
}

/// Two blind readings of one version of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The first reader's verdict.
    pub first: Verdict,
    /// The second's.
    pub second: Verdict,
    /// Their removals, where both redacted.
    pub removals: Option<Overlap>,
}

/// How far readers agree. The unsafe disagreements come first: they are what a patient may suffer from, and no
/// coefficient shows them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Pairs of readings.
    pub readings: u64,
    /// Entries of which one reader would have shown something and the other hid all.
    pub unsafe_disagreement: Share,
    /// Agreement on what is hidden, 2a / (2a + b + c): of those that either hid, counted for each. Its limits
    /// are exact: they are those of a / (a + b + c), which grows with it. Cicchetti and Feinstein, "High
    /// agreement but low kappa: II", J. Clin. Epidemiol. 43 (1990) 551–558.
    pub on_hides: Proportion,
    /// The same of what is approved.
    pub on_approves: Proportion,
    /// Cohen's kappa over the three verdicts, or why it says nothing.
    pub kappa: Result<Coefficient, Greyed>,
    /// The same, an approval against a hide counting twice an approval against a redaction.
    pub kappa_ordinal: Result<Coefficient, Greyed>,
    /// Gwet's AC1, or that there is nothing.
    pub ac1: Option<Coefficient>,
    /// Words that both, and only one, took out, where both redacted.
    pub removals: Overlap,
    /// Rows: the first reader's verdict; columns: the second's; in the order of [`Verdict::ALL`].
    pub table: [[u64; 3]; 3],
}

/// A proportion of agreement with its exact 95 % interval; all 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Proportion {
    /// Entries that either reader gave this verdict.
    pub of: u64,
    /// 2a / (2a + b + c); 0 where neither gave it, which the limits 0 and 1 say the worth of.
    pub value: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

impl Agreement {
    /// The agreement of all `readings`.
    pub fn of<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> Self {
        let mut table = [[0; 3]; 3];
        let mut removals = Overlap::default();
        for reading in readings {
            table[reading.first as usize][reading.second as usize] += 1;
            removals = removals.and(reading.removals.unwrap_or_default());
        }
        Self::from_table(table, removals)
    }

    /// The agreement of a table of verdicts.
    pub fn from_table(table: [[u64; 3]; 3], removals: Overlap) -> Self {
        let readings = table.iter().flatten().sum();
        let hide = Verdict::Hide as usize;
        let (both, either) = both_and_either(&table, hide);
        Self {
            readings,
            unsafe_disagreement: Share::of(either - both, readings),
            on_hides: Proportion::of(&table, hide),
            on_approves: Proportion::of(&table, Verdict::Approve as usize),
            kappa: kappa::shown(&table, kappa::cohen(&table, Weights::Nominal)),
            kappa_ordinal: kappa::shown(&table, kappa::cohen(&table, Weights::Ordinal)),
            ac1: kappa::ac1(&table),
            removals,
            table,
        }
    }
}

/// How many entries both readers gave a verdict, and how many either did.
fn both_and_either(table: &[[u64; 3]; 3], verdict: usize) -> (u64, u64) {
    let both = table[verdict][verdict];
    let first: u64 = table[verdict].iter().sum();
    let second: u64 = table.iter().map(|row| row[verdict]).sum();
    (both, first + second - both)
}

impl Proportion {
    fn of(table: &[[u64; 3]; 3], verdict: usize) -> Self {
        let (both, either) = both_and_either(table, verdict);
        let share = Share::of(both, either);
        let positive = |jaccard: f64| 2.0 * jaccard / (1.0 + jaccard);
        Self { of: either, value: positive(share.share), low: positive(share.low), high: positive(share.high) }
    }
}
