//! How long one decision takes under the rules, and how long another policy takes to order what waits.
//!
//!     cargo bench --bench review

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Reverse;
use std::hint::black_box;
use std::time::Instant;

use anteroom::record::{Act, Decision, EntryId, Fingerprint, Tier, Version};
use anteroom::review::order::{Order, Waits};
use anteroom::review::policy_file::{parse, print};
use anteroom::review::{Caller, Event, Facts, Policy, Present, Review, State, releasable, step};
use chrono::{DateTime, Duration};

const TIMES: u32 = 1_000_000;

fn main() {
    let policy = Policy::default();
    let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
    let caller = Caller::Reviewer { login: "dr.shah", lead: false, wrote_it: false, locked_out: false };
    let facts = Facts { caller, open_online: true, held: false, drawn: false, policy: &policy, now };
    let fingerprint = Fingerprint([1; 32]);
    let fresh = Review::begin(Version::FIRST, fingerprint, now - Duration::days(4), now);
    let queued = Review { state: State::Queued, tier: Tier::Cue, ..fresh };
    let decision = Decision { by: "dr.shah".into(), act: Act::Approve, at: now };
    let event = Event::Decide(decision);

    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(step(black_box(&queued), black_box(&event), &facts)).unwrap();
    }
    say("a decision, judged and made", begun);

    let settled = step(&queued, &event, &facts).unwrap();
    let present = Present {
        version: Version::FIRST,
        fingerprint,
        at_source: true,
        open_online: true,
        review: &settled,
        policy: &policy,
        now,
    };
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(releasable(black_box(&present))).unwrap();
    }
    say("whether an entry may be shown", begun);

    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(policy.ageing(Tier::Cue, black_box(now - Duration::days(9)), now));
    }
    say("how late an entry of nine days is", begun);

    let text = print(&policy);
    let begun = Instant::now();
    for _ in 0..1_000 {
        black_box(parse(black_box(&text))).unwrap();
    }
    println!("a policy file, read and checked: {:.1} µs", begun.elapsed().as_secs_f64() * 1e6 / 1_000.0);
    order(now);
}

/// 100,000 entries of a month, no two pulled at the same moment, so that nothing is computed once for many.
fn order(now: DateTime<chrono::Utc>) {
    const ENTRIES: u64 = 100_000;
    let mut order: Order<()> = Order::default();
    let begun = Instant::now();
    for n in 0..ENTRIES {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let since = now - Duration::seconds((n * 26) as i64);
        let tier = Reverse(Tier::try_from((n % 5) as u8).unwrap());
        order.insert(Waits { tier, since, recorded: since, entry: EntryId(id) }, ());
    }
    println!("{ENTRIES} entries put into the queue's order: {:?}", begun.elapsed());
    let tighter = Policy { targets: [Duration::hours(2); 5], ..Policy::default() };
    for policy in [&tighter, &Policy::default()] {
        let begun = Instant::now();
        order.agree(black_box(policy));
        println!("{ENTRIES} entries ordered anew under another policy: {:?}", begun.elapsed());
    }
    // What newer rules find more in moves up, one by one.
    let all: Vec<Waits> = order.all().copied().collect();
    let begun = Instant::now();
    for waits in &all {
        order.remove(waits);
        order.insert(Waits { tier: Reverse(Tier::Critical), ..*waits }, ());
    }
    println!("{ENTRIES} entries ordered anew by newer rules: {:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(black_box(order.in_turn().count()) as u64, ENTRIES);
    println!("{ENTRIES} entries listed in turn: {:?}", begun.elapsed());
}

fn say(what: &str, begun: Instant) {
    println!("{what}: {:.3} µs", begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}
