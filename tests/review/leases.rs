//! The rules of leases by themselves, against a list of every grant that was ever made.

use std::time::Duration;

use anteroom::record::{PatientId, Stage, Token};
use anteroom::review::lease::{GRACE, Holder, IDLE, LONGEST, Leases, Scope};
use proptest::prelude::*;

const PEOPLE: [&str; 3] = ["ann", "ben", "lea"];

#[derive(Debug, Clone)]
enum Op {
    Claim(usize, Scope),
    TakeOver(usize, Scope),
    Use(usize, usize),
    Release(usize),
    Lose(usize),
    Pass(u64),
}

fn scope() -> impl Strategy<Value = Scope> {
    let stage = prop_oneof![3 => Just(Stage::First), 1 => Just(Stage::Second), 1 => Just(Stage::Quality)];
    (0u8..2, stage).prop_map(|(patient, stage)| Scope { patient: PatientId([patient; 16]), stage })
}

fn op() -> impl Strategy<Value = Op> {
    // Two screens each: screen `n` is of person `n / 2`.
    let screen = 0usize..6;
    prop_oneof![
        4 => (screen.clone(), scope()).prop_map(|(who, scope)| Op::Claim(who, scope)),
        2 => (screen.clone(), scope()).prop_map(|(who, scope)| Op::TakeOver(who, scope)),
        4 => (screen.clone(), 0usize..64).prop_map(|(who, grant)| Op::Use(who, grant)),
        1 => screen.clone().prop_map(Op::Release),
        1 => screen.prop_map(Op::Lose),
        3 => (1u64..900).prop_map(Op::Pass),
    ]
}

fn holder(screen: usize) -> Holder {
    Holder { login: PEOPLE[screen / 2].to_owned(), session: screen as u64 }
}

/// What the test knows of a grant.
#[derive(Debug, Clone)]
struct Grant {
    scope: Scope,
    token: Token,
    screen: usize,
    granted: u64,
    active: u64,
    lost: Option<u64>,
    over: bool,
}

impl Grant {
    fn binds(&self, now: u64) -> bool {
        !self.over
            && now < self.active + IDLE.as_secs()
            && now < self.granted + LONGEST.as_secs()
            && self.lost.is_none_or(|lost| now < lost + GRACE.as_secs())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn p11_of_all_tokens_ever_given_one_at_most_is_good_for_a_scope_and_it_is_the_last(
        ops in proptest::collection::vec(op(), 1..80),
    ) {
        let mut leases = Leases::new(7);
        let mut grants: Vec<Grant> = Vec::new();
        let mut now = 0u64;
        for op in ops {
            let at = Duration::from_secs(now);
            match op {
                Op::Claim(screen, scope) | Op::TakeOver(screen, scope) => {
                    let taking = matches!(op, Op::TakeOver(..));
                    let who = holder(screen);
                    let is_lead = who.login == "lea";
                    let result = match taking {
                        true => leases.take_over(scope, &who, is_lead, at),
                        false => leases.claim(scope, &who, at),
                    };
                    let bound = grants.iter().position(|grant| grant.scope == scope && grant.binds(now));
                    let allowed = bound.is_none_or(|i| {
                        let same = grants[i].screen / 2 == screen / 2;
                        let back = same && (grants[i].screen == screen || grants[i].lost.is_some());
                        back || (taking && (same || is_lead))
                    });
                    prop_assert_eq!(result.is_ok(), allowed);
                    let Ok(change) = result else { continue };
                    let keeps = bound.filter(|i| {
                        grants[*i].screen == screen
                            || !taking && grants[*i].screen / 2 == screen / 2 && grants[*i].lost.is_some()
                    });
                    prop_assert_eq!(change.is_new, keeps.is_none());
                    if let Some(i) = keeps {
                        prop_assert_eq!(change.lease.token, grants[i].token);
                        (grants[i].screen, grants[i].active, grants[i].lost) = (screen, now, None);
                    } else {
                        prop_assert!(grants.iter().all(|grant| grant.token < change.lease.token), "tokens rise");
                        for grant in &mut grants {
                            let quality = |scope: Scope| scope.stage == Stage::Quality;
                            let own = grant.screen / 2 == screen / 2 && quality(grant.scope) == quality(scope);
                            grant.over |= grant.scope == scope || own;
                        }
                        let token = change.lease.token;
                        grants.push(Grant { scope, token, screen, granted: now, active: now, lost: None, over: false });
                    }
                    leases.apply(change);
                }
                Op::Use(screen, n) => {
                    let Some(i) = n.checked_rem(grants.len()) else { continue };
                    let Grant { scope, token, .. } = grants[i];
                    let good = grants[i].binds(now) && grants[i].screen / 2 == screen / 2;
                    let admitted = leases.admit(scope, &holder(screen), token, at);
                    prop_assert_eq!(admitted.is_ok(), good, "{:?} at {}", grants[i], now);
                    if let Ok(change) = admitted {
                        prop_assert!(!change.is_new && change.ended.is_empty());
                        (grants[i].screen, grants[i].active, grants[i].lost) = (screen, now, None);
                        leases.apply(change);
                    }
                }
                Op::Release(screen) => {
                    for ended in leases.of(&holder(screen), at) {
                        leases.end(&ended.lease);
                    }
                    grants.iter_mut().filter(|grant| grant.screen == screen).for_each(|grant| grant.over = true);
                }
                Op::Lose(screen) => {
                    leases.lose(screen as u64, at);
                    for grant in grants.iter_mut().filter(|grant| grant.screen == screen) {
                        grant.lost.get_or_insert(now);
                    }
                }
                Op::Pass(seconds) => now += seconds,
            }
            let at = Duration::from_secs(now);
            for i in 0..grants.len() {
                let Grant { scope, token, screen, .. } = grants[i];
                let good = leases.admit(scope, &holder(screen), token, at).is_ok();
                prop_assert_eq!(good, grants[i].binds(now), "{:?} at {}", grants[i], now);
                let others = grants.iter().filter(|other| other.scope == scope && other.binds(now)).count();
                prop_assert!(others <= 1);
            }
            let held: Vec<_> = leases.valid(at).collect();
            for person in PEOPLE {
                for quality in [true, false] {
                    let of = |stage: Stage| (stage == Stage::Quality) == quality;
                    let count = held.iter().filter(|lease| lease.holder.login == person && of(lease.scope.stage)).count();
                    prop_assert!(count <= 1, "one lease a person");
                }
            }
        }
    }
}

#[test]
fn a_later_run_of_the_daemon_gives_higher_tokens() {
    let who = holder(0);
    let scope = Scope { patient: PatientId([1; 16]), stage: Stage::First };
    let mut earlier = Leases::new(12);
    let mut last = earlier.claim(scope, &who, Duration::ZERO).unwrap().lease.token;
    for _ in 0..1_000 {
        last = earlier.take_over(scope, &who, true, Duration::ZERO).unwrap().lease.token;
    }
    let mut later = Leases::new(13);
    assert!(later.claim(scope, &who, Duration::ZERO).unwrap().lease.token > last);
}

/// The property by name.
pub const P11: (&str, fn()) = (
    "p11_of_all_tokens_ever_given_one_at_most_is_good_for_a_scope_and_it_is_the_last",
    p11_of_all_tokens_ever_given_one_at_most_is_good_for_a_scope_and_it_is_the_last,
);
