//! The floors below which no policy is obeyed, and the formula on reviews that no rule could have made.

use anteroom::record::{Act, Decision, Fingerprint, Tier, Version};
use anteroom::review::{Policy, Present, Review, State, Withheld, releasable, visible};
use chrono::{DateTime, Duration, NaiveTime, TimeZone, Utc};

use super::kit::*;

fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, hour, minute, 0).unwrap()
}

#[test]
fn a_policy_below_the_floors_counts_as_the_floors() {
    let [default, _, below, ..] = policies();
    for (tier, people) in [(Tier::Nothing, 1), (Tier::Cue, 1), (Tier::Disclosure, 1), (Tier::Critical, 2)] {
        assert_eq!(below.required(tier, &act(0), false).people, people);
        assert_eq!(below.required(tier, &act(1), false).people, people);
        assert_eq!(below.required(tier, &act(1), true).people, 2);
        assert_eq!(below.required(tier, &act(3), false).people, 1);
    }
    // Pulled on the 2nd at 09:00: not in the batch of the 3rd, 22 hours later.
    assert_eq!(below.visible_at(start(), None), at(4, 7, 0));
    assert_eq!(default.visible_at(start(), None), at(6, 7, 0));
    // Decided at 06:50 or 06:45: five minutes too late for that day's batch, or just in time.
    assert_eq!(below.visible_at(start(), Some(at(9, 6, 50))), at(10, 7, 0));
    assert_eq!(below.visible_at(start(), Some(at(9, 6, 45))), at(9, 7, 0));
    assert_eq!(below.review_by(start()), (start() + Duration::days(365)).date_naive());
    assert_eq!(default.review_by(start()), (start() + Duration::days(90)).date_naive());
}

#[test]
fn the_batch_is_at_the_agreed_hour_in_london_all_year() {
    let policy = Policy::default();
    // The clocks go forward on 29 March 2026, at 01:00 UTC.
    assert_eq!(policy.batch_from(at(28, 8, 0)), at(29, 6, 0));
    assert_eq!(policy.batch_from(at(28, 7, 0)), at(28, 7, 0));
    // 01:30 does not exist on that day: the batch is an hour later, not a day.
    let night = Policy { batch_at: NaiveTime::from_hms_opt(1, 30, 0).unwrap(), ..Policy::default() };
    assert_eq!(night.batch_from(at(29, 0, 0)), at(29, 1, 30));
}

#[test]
fn the_formula_withholds_what_no_rule_could_have_released() {
    let policy = Policy::default();
    let by = |by: &str, act: Act| Decision { by: by.into(), act, at: start() };
    let hide = act(3);
    let table = [
        (Tier::Nothing, vec![], Ok(())),
        (Tier::Weak, vec![], Err(Withheld::TooFew)),
        (Tier::Critical, vec![], Err(Withheld::TooFew)),
        (Tier::Cue, vec![by("bea", act(0))], Ok(())),
        (Tier::Critical, vec![by("bea", act(0))], Err(Withheld::TooFew)),
        (Tier::Critical, vec![by("bea", act(0)), by("bea", act(0))], Err(Withheld::TooFew)),
        (Tier::Critical, vec![by("bea", act(1)), by("cai", act(2))], Err(Withheld::TooFew)),
        (Tier::Critical, vec![by("bea", act(1)), by("cai", act(1))], Ok(())),
        (Tier::Cue, vec![by("bea", act(0)), by("cai", hide.clone())], Err(Withheld::Hidden)),
        (Tier::Cue, vec![by("cai", hide), by("bea", act(0))], Err(Withheld::Hidden)),
    ];
    for (tier, decisions, expected) in table {
        let review = Review { state: State::Released, tier, decisions, ..fresh() };
        let present = Present {
            version: Version::FIRST,
            fingerprint: Fingerprint([1; 32]),
            at_source: true,
            open_online: true,
            review: &review,
            policy: &policy,
            now: start() + Duration::hours(72),
        };
        assert_eq!(releasable(&present), expected, "{review:?}");
        assert_eq!(visible(&present), expected);
        assert_eq!(visible(&Present { at_source: false, ..present }), Err(Withheld::Gone));
        assert!(visible(&Present { open_online: false, ..present }).is_err());
        assert!(visible(&Present { now: start() + Duration::hours(71), ..present }).is_err());
        for state in State::ALL.into_iter().filter(|state| *state != State::Released) {
            let review = Review { state, ..review.clone() };
            assert_eq!(visible(&Present { review: &review, ..present }), Err(Withheld::NotReleased));
        }
    }
}
