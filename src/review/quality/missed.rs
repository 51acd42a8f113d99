//! What a random sample of the entries that nobody was to read says of those that nobody read: the elusion
//! test of e-discovery, by strata, with an exact bound.

use serde::{Deserialize, Serialize};

use super::share::{Share, lower, upper};

/// How sure a bound is: it lies above the truth at least this often.
const CONFIDENCE: f64 = 0.95;

/// One stratum: what there was, what of it was drawn and read, and what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sampled {
    /// Entries in it that cleared, or would: drawn ones included.
    pub entries: u64,
    /// Of these, drawn at random and read.
    pub read: u64,
    /// Of the read, those that should not have cleared.
    pub missed: u64,
}

/// What was missed, as far as the sample tells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// All strata together.
    pub sampled: Sampled,
    /// The share missed, each stratum by its size: Σ (N_h/N)(k_h/n_h). `None` where a stratum with entries
    /// has none that was read.
    pub share: Option<f64>,
    /// Exact one-sided 95 % upper bound of that share, 0 to 1.
    pub bound: f64,
    /// Of what should be held, the share that was: found / (found + share · N). `None` as for `share`, or
    /// where there is nothing to hold.
    pub recall: Option<f64>,
    /// Exact one-sided 95 % lower bound of it.
    pub recall_bound: f64,
    /// Decoys seen of decoys shown; `None` where none was, and the figures take readers to miss nothing.
    pub sensitivity: Option<Share>,
}

impl Missed {
    /// Whether the bound lies above `limit`, a share between 0 and 1.
    pub fn is_above(&self, limit: f64) -> bool {
        self.bound > limit
    }
}

/// The share missed over `strata`, `found` entries having been held rightly. `decoys` are those seen of those
/// shown: where readers see fewer than all, what they found in the sample is divided by what they see, and of
/// that by its lower limit, so that both limits together hold 95 times in 100 (2.5 % each, Bonferroni).
///
/// The bound: the number of misses in a sample from strata of different shares is a sum of unequal trials.
/// By Hoeffding ("On the distribution of the number of successes in independent trials", Ann. Math. Statist.
/// 27 (1956) 713–721) few successes are never likelier there than with the mean share throughout, so the
/// Clopper–Pearson bound of all misses over all read bounds the mean share of the *sample*. A stratum read
/// less than its size weighs more among the entries than in the sample; the bound takes every miss to come
/// from the one that weighs most. Where every stratum was read in proportion this is Clopper–Pearson itself.
/// What was not read at all counts as missed.
pub fn missed(strata: &[Sampled], found: u64, decoys: Option<(u64, u64)>) -> Missed {
    let sum = |of: fn(&Sampled) -> u64| strata.iter().map(of).sum::<u64>();
    let sampled = Sampled {
        entries: sum(|stratum| stratum.entries),
        read: sum(|stratum| stratum.read),
        missed: sum(|stratum| stratum.missed),
    };
    let entries = sampled.entries as f64;
    let weight = |stratum: &Sampled| stratum.entries as f64 / entries;
    let unread: f64 = strata.iter().filter(|stratum| stratum.read == 0 && stratum.entries > 0).map(weight).sum();
    let sensitivity = decoys.filter(|(_, shown)| *shown > 0).map(|(seen, shown)| Share::of(seen, shown));

    let share = (unread == 0.0).then(|| {
        let share: f64 = strata
            .iter()
            .filter(|stratum| stratum.read > 0)
            .map(|stratum| weight(stratum) * stratum.missed as f64 / stratum.read as f64)
            .sum();
        match sensitivity {
            Some(seen) if seen.share > 0.0 => (share / seen.share).min(1.0),
            _ => share,
        }
    });
    let share = share.filter(|_| sampled.entries > 0);

    let heaviest = strata
        .iter()
        .filter(|stratum| stratum.read > 0)
        .map(|stratum| weight(stratum) / stratum.read as f64)
        .fold(0.0, f64::max);
    let pooled = |confidence| unread + heaviest * sampled.read as f64 * upper(sampled.missed, sampled.read, confidence);
    let bound = match sensitivity {
        _ if sampled.entries == 0 => 1.0,
        None => pooled(CONFIDENCE),
        Some(seen) => {
            let half = 1.0 - (1.0 - CONFIDENCE) / 2.0;
            let least = lower(seen.hits, seen.of, half);
            if least > 0.0 { pooled(half) / least } else { 1.0 }
        }
    }
    .min(1.0);

    let found = found as f64;
    let recall = |missed: f64| (found + missed * entries > 0.0).then(|| found / (found + missed * entries));
    Missed {
        sampled,
        share,
        bound,
        recall: share.and_then(recall),
        recall_bound: recall(bound).unwrap_or(0.0),
        sensitivity,
    }
}
