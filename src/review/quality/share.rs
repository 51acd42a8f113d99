//! A share of something counted, with the exact limits of Clopper and Pearson.

use serde::{Deserialize, Serialize};

/// A share of something, with the exact interval that holds the true share at least 95 times in 100.
///
/// Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
/// Biometrika 26 (1934) 404–413. Two-sided: 2.5 % beyond either limit. All between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many had it; never more than `of`.
    pub hits: u64,
    /// How many were looked at.
    pub of: u64,
    /// `hits / of`; 0 where nothing was looked at, of which the limits 0 and 1 say what it is worth.
    pub share: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

impl Share {
    /// `hits` of `of`.
    pub fn of(hits: u64, of: u64) -> Self {
        let hits = hits.min(of);
        let share = if of == 0 { 0.0 } else { hits as f64 / of as f64 };
        Self { hits, of, share, low: lower(hits, of, 0.975), high: upper(hits, of, 0.975) }
    }

    /// The same seen from the other side: how many did not have it.
    #[must_use]
    pub fn rest(self) -> Self {
        Self::of(self.of - self.hits, self.of)
    }
}

/// The exact one-sided upper limit of a share: `confidence` (0 to 1) is the chance that it lies above the true
/// share, or more. 1 where nothing was looked at.
pub fn upper(hits: u64, of: u64, confidence: f64) -> f64 {
    if hits >= of { 1.0 } else { root(|p| 1.0 - confidence - at_most(hits, of, p)) }
}

/// The exact one-sided lower limit of a share. 0 where nothing was looked at.
pub fn lower(hits: u64, of: u64, confidence: f64) -> f64 {
    match hits.min(of) {
        0 => 0.0,
        // What had it and what had it not change places.
        hits => 1.0 - upper(of - hits, of, confidence),
    }
}

/// Where a function that grows with p crosses zero, between 0 and 1.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    // The upper end: a bound that is rounded is rounded outwards.
    high
}

/// The chance of at most `hits` successes in `of` trials: the terms of the binomial, each from its neighbour,
/// from the largest that counts, so that neither large factorials nor a library is needed.
fn at_most(hits: u64, of: u64, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return if hits >= of { 1.0 } else { 0.0 };
    }
    let largest = hits.min(((of + 1) as f64 * p) as u64);
    let choose: f64 = (1..=largest).map(|i| ((of - largest + i) as f64 / i as f64).ln()).sum();
    let first = (choose + largest as f64 * p.ln() + (of - largest) as f64 * (-p).ln_1p()).exp();
    let odds = p / (1.0 - p);
    let mut sum = first;
    let mut term = first;
    for k in (1..=largest).rev() {
        term *= k as f64 / (of - k + 1) as f64 / odds;
        sum += term;
    }
    term = first;
    for k in largest + 1..=hits {
        term *= (of - k + 1) as f64 / k as f64 * odds;
        sum += term;
    }
    sum.min(1.0)
}
