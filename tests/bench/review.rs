//! How long one decision takes under the rules.
//!
//!     cargo bench --bench review

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::time::Instant;

use anteroom::record::{Act, Decision, Fingerprint, Tier, Version};
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
}

fn say(what: &str, begun: Instant) {
    println!("{what}: {:.3} µs", begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}
