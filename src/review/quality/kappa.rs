//! Agreement beyond chance of two readers over the same entries: Cohen's kappa and Gwet's AC1.
//!
//! Each alone misleads. Where hides are rare, kappa falls towards 0 though the readers agree on nearly
//! everything (Feinstein and Cicchetti's paradox), and AC1 stays high though they agree on no hide. They are
//! shown together, below the figures of [`super::Agreement`], with their intervals.

use serde::{Deserialize, Serialize};

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Fewer readings than this say nothing in a kappa.
pub const FEWEST: u64 = 50;
/// A reader who used a category fewer times than this makes kappa meaningless.
pub const RAREST: u64 = 5;

/// A coefficient of agreement: 1 is perfect, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Its value, −1 to 1.
    pub value: f64,
    /// Its standard error, for large samples.
    pub error: f64,
    /// Lower limit of the 95 % interval (normal approximation, not exact), at least −1.
    pub low: f64,
    /// Upper limit of it, at most 1.
    pub high: f64,
}

impl Coefficient {
    fn new(value: f64, variance: f64) -> Self {
        let error = variance.max(0.0).sqrt();
        Self { value, error, low: (value - Z * error).max(-1.0), high: (value + Z * error).min(1.0) }
    }
}

/// Why a coefficient is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Greyed {
    /// Too few readings.
    #[error("{n} readings are too few for it: at least 50")]
    TooFew {
        /// How many there were.
        n: u64,
    },
    /// A reader used a category too rarely.
    #[error("one reader used a verdict only {n} times: at least 5")]
    TooRare {
        /// How often.
        n: u64,
    },
    /// Both readers used one category throughout, and chance explains everything.
    #[error("both readers gave one verdict throughout")]
    Undefined,
}

/// How much a disagreement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Any disagreement is a whole one (Cohen 1960).
    Nominal,
    /// By the distance of the categories, which are in order (Cohen 1968, equal spacing).
    Ordinal,
}

impl Weights {
    fn of(self, a: usize, b: usize, categories: usize) -> f64 {
        match self {
            _ if a == b => 1.0,
            Self::Nominal => 0.0,
            Self::Ordinal => 1.0 - a.abs_diff(b) as f64 / (categories - 1).max(1) as f64,
        }
    }
}

/// `counts` as shares, with the shares of each reader.
struct Shares<const K: usize> {
    n: f64,
    cell: [[f64; K]; K],
    first: [f64; K],
    second: [f64; K],
}

impl<const K: usize> Shares<K> {
    fn of(counts: &[[u64; K]; K]) -> Option<Self> {
        let n: u64 = counts.iter().flatten().sum();
        if n == 0 {
            return None;
        }
        let n = n as f64;
        let mut shares = Self { n, cell: [[0.0; K]; K], first: [0.0; K], second: [0.0; K] };
        for (a, row) in counts.iter().enumerate() {
            for (b, count) in row.iter().enumerate() {
                let share = *count as f64 / n;
                shares.cell[a][b] = share;
                shares.first[a] += share;
                shares.second[b] += share;
            }
        }
        Some(shares)
    }

    /// The sum over all cells.
    fn sum(&self, of: impl Fn(usize, usize) -> f64) -> f64 {
        (0..K).flat_map(|a| (0..K).map(move |b| (a, b))).map(|(a, b)| of(a, b)).sum()
    }
}

/// Cohen's kappa of a table whose rows are the first reader's categories and whose columns the second's.
/// `None` where it is not defined. "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20
/// (1960) 37–46; weighted, Psychol. Bull. 70 (1968) 213–220; the error of both, Fleiss, Cohen and Everitt,
/// Psychol. Bull. 72 (1969) 323–327.
pub fn cohen<const K: usize>(counts: &[[u64; K]; K], weights: Weights) -> Option<Coefficient> {
    let shares = Shares::of(counts)?;
    let weight = |a, b| weights.of(a, b, K);
    let observed = shares.sum(|a, b| weight(a, b) * shares.cell[a][b]);
    let chance = shares.sum(|a, b| weight(a, b) * shares.first[a] * shares.second[b]);
    let beyond = 1.0 - chance;
    if beyond <= f64::EPSILON {
        return None;
    }
    // The mean weight of a row is over the second reader's shares, that of a column over the first's.
    let row = |a: usize| (0..K).map(|b| weight(a, b) * shares.second[b]).sum::<f64>();
    let column = |b: usize| (0..K).map(|a| weight(a, b) * shares.first[a]).sum::<f64>();
    let spread = shares
        .sum(|a, b| shares.cell[a][b] * (weight(a, b) * beyond - (row(a) + column(b)) * (1.0 - observed)).powi(2));
    let centre = observed * chance - 2.0 * chance + observed;
    let variance = (spread - centre.powi(2)) / (shares.n * beyond.powi(4));
    Some(Coefficient::new((observed - chance) / beyond, variance))
}

/// Gwet's AC1 of such a table, and its error, which does not take the readers to be independent. `None` where
/// there is nothing. "Computing inter-rater reliability and its variance in the presence of high agreement",
/// Br. J. Math. Stat. Psychol. 61 (2008) 29–48.
pub fn ac1<const K: usize>(counts: &[[u64; K]; K]) -> Option<Coefficient> {
    if K < 2 {
        return None;
    }
    let shares = Shares::of(counts)?;
    let others = (K - 1) as f64;
    let mean = |a: usize| (shares.first[a] + shares.second[a]) / 2.0;
    let observed: f64 = (0..K).map(|a| shares.cell[a][a]).sum();
    let chance: f64 = (0..K).map(|a| mean(a) * (1.0 - mean(a))).sum::<f64>() / others;
    // Never 0: the chance is at most 1 / K.
    let beyond = 1.0 - chance;
    let value = (observed - chance) / beyond;
    let diagonal: f64 = (0..K).map(|a| shares.cell[a][a] * (1.0 - mean(a))).sum::<f64>() / others;
    let all = shares.sum(|a, b| shares.cell[a][b] * (1.0 - (mean(a) + mean(b)) / 2.0).powi(2)) / others.powi(2);
    let spread = observed * (1.0 - observed) - 4.0 * (1.0 - value) * (diagonal - observed * chance)
        + 4.0 * (1.0 - value).powi(2) * (all - chance.powi(2));
    Some(Coefficient::new(value, spread / (shares.n * beyond.powi(2))))
}

/// A coefficient of `counts`, or why it says nothing there.
///
/// # Errors
/// [`Greyed`], to be said in its place.
pub fn shown<const K: usize>(counts: &[[u64; K]; K], coefficient: Option<Coefficient>) -> Result<Coefficient, Greyed> {
    let n: u64 = counts.iter().flatten().sum();
    if n < FEWEST {
        return Err(Greyed::TooFew { n });
    }
    let rows = counts.iter().map(|row| row.iter().sum::<u64>());
    let columns = (0..K).map(|b| counts.iter().filter_map(|row| row.get(b)).sum::<u64>());
    match rows.chain(columns).min() {
        Some(n) if n < RAREST => Err(Greyed::TooRare { n }),
        _ => coefficient.ok_or(Greyed::Undefined),
    }
}
