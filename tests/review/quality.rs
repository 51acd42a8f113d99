//! The figures of measurement: published worked examples reproduced, and their coverage simulated.

use std::collections::BTreeSet;

use anteroom::record::{Act, HideReason};
use anteroom::review::quality::{
    Agreement, Greyed, Kind, Overlap, Reading, Sampled, Share, Verdict, Weights, ac1, cohen, funnel, missed, overlap,
    upper,
};
use proptest::prelude::*;

/// SplitMix64 (Steele, Lea and Flood 2014): seeded, so that a run can be repeated.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn binomial(&mut self, n: u64, p: f64) -> u64 {
        (0..n).filter(|_| self.unit() < p).count() as u64
    }
}

fn close(a: f64, b: f64, within: f64) {
    assert!((a - b).abs() <= within, "{a} is not {b} ± {within}");
}

#[test]
pub fn exact_limits_are_those_of_the_published_examples() {
    // Newcombe, Stat. Med. 17 (1998) 857–872, table I, method 5 (Clopper–Pearson), to the digits printed there.
    for (hits, of, low, high) in
        [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)]
    {
        let share = Share::of(hits, of);
        close(share.low, low, 5e-5);
        close(share.high, high, 5e-5);
    }
    // The documentation of scipy.stats.binomtest, `proportion_ci`, 7 of 50.
    let share = Share::of(7, 50);
    close(share.low, 0.05819170033997342, 1e-12);
    close(share.high, 0.26739600249700846, 1e-12);
    // Nothing of n: 1 − α^(1/n), and the numbers of workflow.md §5.3.
    for (n, percent) in [(300, 0.99), (600, 0.50), (1_500, 0.20), (3_000, 0.10)] {
        let bound = upper(0, n, 0.95);
        close(bound, 1.0 - 0.05_f64.powf(1.0 / n as f64), 1e-12);
        close((bound * 10_000.0).round() / 100.0, percent, 1e-9);
    }
}

#[test]
pub fn exact_limits_at_the_edges_say_what_is_known_and_no_more() {
    assert_eq!((Share::of(0, 0).low, Share::of(0, 0).high), (0.0, 1.0));
    assert_eq!((Share::of(5, 5).high, Share::of(0, 5).low), (1.0, 0.0));
    assert_eq!(Share::of(9, 5), Share::of(5, 5), "more hits than trials cannot be");
    // Far too large for factorials, and far from either end.
    let share = Share::of(500_000, 1_000_000);
    close(share.low, 0.499_02, 1e-5);
    close(share.high, 0.500_98, 1e-5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_limits_hold_the_share_and_mirror(hits in 0_u64..200, more in 0_u64..200) {
        let (share, other) = (Share::of(hits, hits + more), Share::of(more, hits + more));
        prop_assert!(share.low <= share.share && share.share <= share.high);
        prop_assert!((share.low - (1.0 - other.high)).abs() < 1e-9, "{share:?} {other:?}");
        prop_assert!(upper(hits, hits + more, 0.95) <= share.high + 1e-12);
        prop_assert!(upper(hits, hits + more, 0.95) <= upper(hits + 1, hits + more + 1, 0.95) + 1e-12);
    }
}

#[test]
pub fn the_interval_holds_the_truth_at_least_95_times_in_100() {
    const RUNS: u64 = 4_000;
    // Three standard errors of a simulated share of .05.
    let margin = 3.0 * (0.05 * 0.95 / RUNS as f64).sqrt();
    let mut random = Random(20_261_121);
    for (n, p) in [(30, 0.1), (120, 0.03), (300, 0.01), (600, 0.008)] {
        let (mut two_sided, mut one_sided) = (0, 0);
        for _ in 0..RUNS {
            let hits = random.binomial(n, p);
            let share = Share::of(hits, n);
            two_sided += u64::from(share.low <= p && p <= share.high);
            one_sided += u64::from(p <= upper(hits, n, 0.95));
        }
        for (name, held) in [("two-sided", two_sided), ("one-sided", one_sided)] {
            let held = held as f64 / RUNS as f64;
            assert!(held >= 0.95 - margin, "{name}, {n} at {p}: holds only {held}");
        }
    }
}

/// Entries, sample and true share missed of each stratum.
const STRATA: [(u64, u64, f64); 3] = [(9_000, 450, 0.004), (900, 60, 0.03), (100, 60, 0.10)];

#[test]
pub fn the_share_missed_is_estimated_without_bias_and_its_bound_holds() {
    const RUNS: u64 = 3_000;
    let total: u64 = STRATA.iter().map(|(entries, ..)| entries).sum();
    let truth: f64 = STRATA.iter().map(|(entries, _, p)| *entries as f64 / total as f64 * p).sum();
    let mut random = Random(42);
    let (mut sum, mut squares, mut held, mut recall_held) = (0.0, 0.0, 0, 0);
    let found = 120;
    let recall = found as f64 / (found as f64 + truth * total as f64);
    for _ in 0..RUNS {
        let strata = STRATA.map(|(entries, read, p)| Sampled { entries, read, missed: random.binomial(read, p) });
        let missed = missed(&strata, found, None);
        let share = missed.share.unwrap();
        sum += share;
        squares += share * share;
        held += u64::from(truth <= missed.bound);
        recall_held += u64::from(recall >= missed.recall_bound);
    }
    let runs = RUNS as f64;
    let mean = sum / runs;
    let error = ((squares / runs - mean * mean) / runs).sqrt();
    assert!((mean - truth).abs() < 4.0 * error, "{mean} for {truth} ± {error}");
    let margin = 3.0 * (0.05 * 0.95 / runs).sqrt();
    assert!(held as f64 / runs >= 0.95 - margin, "holds only {held} of {RUNS}");
    assert_eq!(held, recall_held, "recall is bounded as often as the share missed");
}

#[test]
pub fn the_bound_holds_where_strata_were_read_in_proportion_and_is_not_idle() {
    const RUNS: u64 = 3_000;
    let mut random = Random(7);
    let mut held = 0;
    for _ in 0..RUNS {
        let strata = [(6_000, 180, 0.02), (3_000, 90, 0.005), (1_000, 30, 0.0)];
        let strata = strata.map(|(entries, read, p)| Sampled { entries, read, missed: random.binomial(read, p) });
        held += u64::from(0.0135 <= missed(&strata, 10, None).bound);
    }
    let held = held as f64 / RUNS as f64;
    let margin = 3.0 * (0.05 * 0.95 / RUNS as f64).sqrt();
    assert!(held >= 0.95 - margin, "holds only {held}");
    assert!(held < 0.995, "holds {held}: it says less than it could");
    let one = [Sampled { entries: 4_000, read: 600, missed: 2 }];
    close(missed(&one, 0, None).bound, upper(2, 600, 0.95), 1e-12);
}

#[test]
pub fn with_readers_who_miss_too_the_bound_still_holds() {
    const RUNS: u64 = 2_000;
    let (truth, sight) = (0.01, 0.8);
    let mut random = Random(99);
    let (mut held, mut naive) = (0, 0);
    for _ in 0..RUNS {
        let strata = [Sampled { entries: 50_000, read: 900, missed: random.binomial(900, truth * sight) }];
        let decoys = random.binomial(60, sight);
        held += u64::from(truth <= missed(&strata, 0, Some((decoys, 60))).bound);
        naive += u64::from(truth <= missed(&strata, 0, None).bound);
    }
    let margin = 3.0 * (0.05 * 0.95 / RUNS as f64).sqrt();
    assert!(held as f64 / RUNS as f64 >= 0.95 - margin, "holds only {held} of {RUNS}");
    assert!((naive as f64 / RUNS as f64) < 0.95 - margin, "the test would not notice: {naive} of {RUNS}");
}

#[test]
pub fn none_missed_of_600_is_recall_of_71_at_least_and_what_nobody_read_counts_as_missed() {
    let of = |missed| [Sampled { entries: 10_000, read: 600, missed }];
    let none = missed(&of(0), 120, None);
    assert_eq!((none.share, none.recall), (Some(0.0), Some(1.0)));
    close(none.recall_bound, 0.71, 0.005);
    let one = missed(&of(1), 120, None);
    close(one.recall.unwrap(), 0.88, 0.005);
    close(one.recall_bound, 0.60, 0.005);

    let unread = [Sampled { entries: 900, read: 300, missed: 0 }, Sampled { entries: 100, read: 0, missed: 0 }];
    let unread = missed(&unread, 5, None);
    assert_eq!(unread.share, None, "there is no estimate of what nobody read");
    close(unread.bound, 0.1 + 0.9 * upper(0, 300, 0.95), 1e-12);
    let nothing = missed(&[], 0, None);
    assert_eq!((nothing.share, nothing.bound, nothing.recall_bound), (None, 1.0, 0.0));
    let blind = missed(&of(0), 120, Some((0, 40)));
    assert_eq!(blind.bound, 1.0, "readers who saw no decoy prove nothing");
}

/// Gwet, Handbook of Inter-Rater Reliability (4th ed.), data set cont3x3abstractors of the package irrCAC.
const ABSTRACTORS: [[u64; 3]; 3] = [[13, 0, 0], [0, 20, 7], [0, 4, 56]];

#[test]
pub fn kappa_and_ac1_are_those_of_the_published_examples() {
    let kappa = cohen(&ABSTRACTORS, Weights::Nominal).unwrap();
    close(kappa.value, 0.7964094, 5e-8);
    close(kappa.error, 0.05891072, 5e-9);
    let agreement = ac1(&ABSTRACTORS).unwrap();
    close(agreement.value, 0.8493305, 5e-8);
    close(agreement.error, 0.04321747, 5e-9);

    // Cohen 1968, table 1: 200 cases, three diagnoses; κ = .492.
    let diagnoses = [[88, 14, 18], [10, 40, 10], [2, 6, 12]];
    close(cohen(&diagnoses, Weights::Nominal).unwrap().value, 0.492, 5e-4);
    // Gwet 2008: two readers, 125 subjects, nearly all positive: κ is negative, AC1 is .94.
    let paradox = [[118, 5], [2, 0]];
    close(cohen(&paradox, Weights::Nominal).unwrap().value, -0.0234, 5e-5);
    close(ac1(&paradox).unwrap().value, 0.9408, 5e-5);
    // Boyd's xeromammograms in the Stata manual, `kap`: 85 cases, four categories.
    let radiologists = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]];
    close(cohen(&radiologists, Weights::Nominal).unwrap().value, 0.4728, 5e-5);
    close(cohen(&radiologists, Weights::Ordinal).unwrap().value, 0.5684, 5e-5);
}

#[test]
pub fn ninety_per_cent_agreement_can_be_anything() {
    // Workflow.md §5.1: κ = .80 where half is hidden, .11 where 6 % are, with AC1 .89 and .17 on hides.
    let balanced = Agreement::from_table([[45, 0, 5], [0, 0, 0], [5, 0, 45]], Overlap::default());
    close(cohen(&[[45, 5], [5, 45]], Weights::Nominal).unwrap().value, 0.80, 1e-9);
    assert_eq!(balanced.kappa, Err(Greyed::TooRare { n: 0 }), "nobody redacted");
    let rare = Agreement::from_table([[89, 0, 5], [0, 0, 0], [5, 0, 1]], Overlap::default());
    let two = [[89, 5], [5, 1]];
    close(cohen(&two, Weights::Nominal).unwrap().value, 0.11, 5e-3);
    close(ac1(&two).unwrap().value, 0.89, 5e-3);
    close(rare.on_hides.value, 0.17, 5e-3);
    assert!(rare.on_hides.low < 0.01 && rare.on_hides.high > 0.5, "{:?}", rare.on_hides);
    assert_eq!(rare.unsafe_disagreement, Share::of(10, 100));
    close(rare.on_approves.value, 2.0 * 89.0 / (2.0 * 89.0 + 10.0), 1e-12);
}

#[test]
pub fn kappa_is_grey_where_it_says_nothing() {
    let of = |table| Agreement::from_table(table, Overlap::default());
    assert_eq!(of([[20, 1, 1], [1, 8, 1], [1, 1, 15]]).kappa, Err(Greyed::TooFew { n: 49 }));
    assert_eq!(of([[40, 1, 1], [1, 8, 0], [0, 0, 4]]).kappa, Err(Greyed::TooRare { n: 4 }));
    let enough = of([[40, 1, 1], [1, 8, 0], [0, 0, 5]]);
    assert!(enough.kappa.is_ok() && enough.kappa_ordinal.is_ok(), "{enough:?}");
    assert!(cohen(&[[60, 0], [0, 0]], Weights::Nominal).is_none(), "one verdict throughout");
    assert!(ac1(&[[0_u64; 3]; 3]).is_none() && of([[0; 3]; 3]).ac1.is_none());
}

#[test]
pub fn the_intervals_of_kappa_and_ac1_hold_what_they_estimate() {
    // Two readers who see the same, but for a share of slips.
    const RUNS: u64 = 2_000;
    let truth = [[0.55, 0.04, 0.03], [0.05, 0.10, 0.02], [0.02, 0.02, 0.17]];
    let exact = truth.map(|row| row.map(|share: f64| (share * 1e9) as u64));
    let (kappa, agreement) = (cohen(&exact, Weights::Nominal).unwrap().value, ac1(&exact).unwrap().value);
    let mut random = Random(1_968);
    let mut held = [0_u64; 2];
    for _ in 0..RUNS {
        let mut table = [[0; 3]; 3];
        for _ in 0..300 {
            let mut at = random.unit();
            let cells = (0..9).map(|cell| (cell / 3, cell % 3));
            let (a, b) = cells
                .into_iter()
                .find(|(a, b)| {
                    at -= truth[*a][*b];
                    at < 0.0
                })
                .unwrap_or((2, 2));
            table[a][b] += 1;
        }
        let within = |found: anteroom::review::quality::Coefficient, value| found.low <= value && value <= found.high;
        held[0] += u64::from(within(cohen(&table, Weights::Nominal).unwrap(), kappa));
        held[1] += u64::from(within(ac1(&table).unwrap(), agreement));
    }
    for held in held {
        // A normal approximation: it may hold a little less than it says, and does not hold everything.
        let held = held as f64 / RUNS as f64;
        assert!((0.935..0.975).contains(&held), "holds {held}");
    }
}

#[test]
pub fn redactions_are_alike_by_words_and_what_was_left_standing_counts_apart() {
    let words = |numbers: &[u32]| numbers.iter().copied().collect::<BTreeSet<u32>>();
    let alike = overlap(&words(&[1, 2, 3, 4]), &words(&[3, 4, 5]));
    assert_eq!(alike, Overlap { both: 2, first_only: 2, second_only: 1 });
    close(alike.dice().unwrap(), 4.0 / 7.0, 1e-12);
    assert_eq!(alike.under_redacted(), Share::of(3, 5));
    assert_eq!(Overlap::default().dice(), None);
    let reading = |first, second, removals| Reading { first, second, removals };
    let readings = [
        reading(Verdict::Redact, Verdict::Redact, Some(alike)),
        reading(Verdict::Hide, Verdict::Approve, None),
        reading(Verdict::from(&Act::Approve), Verdict::from(&Act::Hide { reason: HideReason::Coercion }), None),
        reading(Verdict::Approve, Verdict::Redact, None),
    ];
    let agreement = Agreement::of(&readings);
    assert_eq!(agreement.unsafe_disagreement, Share::of(2, 4));
    assert_eq!((agreement.removals, agreement.readings), (alike, 4));
    assert_eq!(agreement.table, [[0, 1, 1], [0, 1, 0], [1, 0, 0]]);
}

#[test]
pub fn a_reader_is_held_against_their_cases_alone() {
    // Who reads the hard half withholds more, and stands where chance puts them.
    let easy = Kind { read: 100, withheld: 2, all_read: 1_000, all_withheld: 20 };
    let hard = Kind { read: 100, withheld: 60, all_read: 500, all_withheld: 300 };
    let standing = funnel(&[easy, hard]);
    close(standing.expected, 62.0, 1e-9);
    assert!(!standing.is_outside(), "{standing:?}");
    let lax = funnel(&[Kind { withheld: 40, ..hard }]);
    assert!(lax.is_outside() && (lax.withheld as f64) < lax.low, "{lax:?}");
    let nothing = funnel(&[]);
    assert!(!nothing.is_outside() && nothing.read == 0);
}
