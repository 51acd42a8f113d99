//! P36: the order of the queue.

use std::cmp::Reverse;
use std::collections::HashSet;

use anteroom::record::{EntryId, Tier};
use anteroom::review::Policy;
use anteroom::review::order::{Order, TURNS, Turn, Waits};
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;

use super::in_force::with_rules;
use super::practice::practice;
use crate::service_kit::extract::row;
use crate::service_kit::{person, start};

fn waits(n: u64, tier: u8, since: DateTime<Utc>) -> Waits {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    Waits { tier: Reverse(Tier::try_from(tier).unwrap()), since, recorded: since, entry: EntryId(id) }
}

fn at(hours: i64) -> DateTime<Utc> {
    start() + Duration::hours(hours)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, max_shrink_iters: 10, ..ProptestConfig::default() })]

    /// Everything has one place, told by its own facts; and whatever else comes, an entry is handed out after at most
    /// five times as many as those whose targets end before its own.
    #[test]
    fn p36_the_order_is_total_and_nothing_starves(
        first in prop::collection::vec((0_u8..5, -200_i64..0), 1..30),
        stream in prop::collection::vec(0_u8..3, 60..200),
        handed in 0_u64..7,
    ) {
        let policy = Policy::default();
        let mut order: Order<()> = Order::default();
        let all: Vec<Waits> = (0..).zip(&first).map(|(n, (tier, since))| waits(n, *tier, at(*since))).collect();
        all.iter().for_each(|one| order.insert(*one, ()));
        (0..handed).for_each(|_| order.hand_out());
        let listed: Vec<Waits> = order.in_turn().map(|(_, waits, ())| *waits).collect();
        prop_assert_eq!(listed.iter().collect::<HashSet<_>>().len(), all.len());
        prop_assert_eq!(listed.len(), all.len());
        // Each place says why it is there.
        let mut left: Vec<Waits> = all.clone();
        for (turn, next, ()) in order.in_turn() {
            let due = |one: &Waits| (policy.due(one.tier.0, one.since), *one);
            let expected = match turn {
                Turn::Tier => left.iter().min().copied(),
                Turn::Target => left.iter().min_by_key(|one| due(one)).copied(),
            };
            prop_assert_eq!(Some(*next), expected);
            left.retain(|one| one != next);
        }

        // The least urgent of them, while others come for ever: the gravest there are, as many as are handed out, or more.
        let last = *all.iter().max().unwrap();
        let target = policy.due(last.tier.0, last.since);
        let comes_before = |one: &Waits| policy.due(one.tier.0, one.since) <= target;
        let mut before = all.iter().filter(|one| comes_before(one)).count() as u64;
        let (mut handed_out, mut came) = (0, 0);
        for (hour, more) in stream.iter().cycle().enumerate() {
            for _ in 0..=*more {
                came += 1;
                let grave = waits(1_000 + came, 4, at(hour as i64 / 4));
                order.insert(grave, ());
                before += u64::from(comes_before(&grave));
            }
            let next = order.in_turn().next().map(|(_, waits, ())| *waits).unwrap();
            order.remove(&next);
            order.hand_out();
            handed_out += 1;
            if next == last {
                break;
            }
            prop_assert!(handed_out <= TURNS * (before + 1), "it starves: {} handed out, {} before it", handed_out, before);
        }
    }

    /// Another policy puts in another order what waits, and neither adds nor loses any.
    #[test]
    fn p36_another_policy_orders_anew(entries in prop::collection::vec((0_u8..5, -400_i64..0), 1..40)) {
        let short = Policy { targets: [Duration::hours(1); 5], ..Policy::default() };
        let (mut changed, mut fresh): (Order<()>, Order<()>) = (Order::default(), Order::default());
        fresh.agree(&short);
        for (n, (tier, since)) in (0..).zip(&entries) {
            changed.insert(waits(n, *tier, at(*since)), ());
            fresh.insert(waits(n, *tier, at(*since)), ());
        }
        changed.agree(&short);
        prop_assert!(changed.in_turn().map(|(_, waits, ())| waits).eq(fresh.in_turn().map(|(_, waits, ())| waits)));
        for (n, (tier, since)) in (0..).zip(&entries) {
            prop_assert!(changed.remove(&waits(n, *tier, at(*since))).is_some());
        }
        prop_assert!(changed.is_empty() && changed.in_turn().next().is_none());
    }
}

/// The property by name.
pub const P36: (&str, fn()) =
    ("p36_the_order_is_total_and_nothing_starves", p36_the_order_is_total_and_nothing_starves);

#[test]
pub fn p36_newer_rules_order_anew_and_release_nothing() {
    let practice = practice(&[
        row(1, 1, 0, "Her husband hit her on Sunday."),
        row(2, 2, 1, "Asked re DA - denies. Given a zanzibar leaflet."),
    ]);
    let mut ben = practice.user("ben");
    let before: Vec<_> = ben.queue().rows;
    let zanzibar = |row: &anteroom::protocol::QueueRow| row.patient_name.starts_with("OAKE");
    assert!(before.len() == 2 && before[0].tier > before[1].tier && zanzibar(&before[1]), "{before:?}");
    drop(ben);
    let more = r#"
category = "domestic_abuse"
source = "a test"
reviewed = "2026-11-21"

[[rule]]
id = "test.zanzibar"
tier = 4
why = "the name of a refuge"
match = ["zanzibar"]
fires = ["Given a zanzibar leaflet."]
spares = ["Given a leaflet."]
"#;
    let (dir, _clock, service) = with_rules(practice, more);
    let after = person(&service, "ben").queue().rows;
    assert!(after.len() == 2 && zanzibar(&after[0]) && after[0].tier == Tier::Critical, "{after:?}");
    assert!(
        !std::fs::read_to_string(dir.path().join("feed/Composition.ndjson")).unwrap_or_default().contains("husband")
    );
}
