//! The floors below which no policy is obeyed, and the formula on reviews that no rule could have made.

use anteroom::record::{Act, Decision, Fingerprint, Tier, Version};
use anteroom::review::policy_file::{parse, print};
use anteroom::review::{Ageing, Calendar, Conflict, Policy, Present, Review, State, Withheld, releasable, visible};
use chrono::{DateTime, Duration, NaiveTime, TimeZone, Utc};

use super::kit::*;

fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, day, hour, minute, 0).unwrap()
}

#[test]
pub fn a_policy_below_the_floors_counts_as_the_floors() {
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
pub fn the_batch_is_at_the_agreed_hour_in_london_all_year() {
    let policy = Policy::default();
    // The clocks go forward on 29 March 2026, at 01:00 UTC.
    assert_eq!(policy.batch_from(at(28, 8, 0)), at(29, 6, 0));
    assert_eq!(policy.batch_from(at(28, 7, 0)), at(28, 7, 0));
    // 01:30 does not exist on that day: the batch is an hour later, not a day.
    let night = Policy { batch_at: NaiveTime::from_hms_opt(1, 30, 0).unwrap(), ..Policy::default() };
    assert_eq!(night.batch_from(at(29, 0, 0)), at(29, 1, 30));
}

#[test]
pub fn the_formula_withholds_what_no_rule_could_have_released() {
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

#[test]
pub fn a_printed_policy_reads_back_as_itself() {
    let mut strict = Policy {
        hold: Duration::hours(120),
        people: [1, 2, 2, 2, 3],
        redact: [2, 2, 2, 2, 3],
        lead: [false, false, false, true, true],
        blind_share: [0, 20, 50, 0, 100],
        conflict: Conflict::MayNotOpen,
        author_barred_from: Tier::Nothing,
        read_back: false,
        manager: "Jo \"Manager\" Bloggs".into(),
        deferral_days: 5,
        hide_days: 30,
        reading_time: 900,
        ..Policy::default()
    };
    strict.calendar.holidays.insert(at(29, 0, 0).date_naive());
    strict.targets[2] = Duration::hours(6);
    for policy in [Policy::default(), strict] {
        assert_eq!(parse(&print(&policy)), Ok(policy));
    }
}

#[test]
pub fn a_policy_that_may_not_be_is_refused_with_its_line_and_why() {
    let file = print(&Policy::default());
    let cases = [
        ("hold-hours = 72", "hold-hours = 23", "outside the floor"),
        ("grace-minutes = 15", "grace-minutes = 5", "outside the floor"),
        ("batch-at = \"07:00\"", "batch-at = \"25:00\"", "no time of day"),
        ("author-barred-from-tier = 2", "author-barred-from-tier = 3", "outside the floor"),
        ("conflict-of-interest = \"may-only-hide\"", "conflict-of-interest = \"may-release\"", "may-not-open"),
        ("clinician = \"lead\"", "clinician = \"porter\"", "no role “porter”"),
        ("lead = \"manager\"", "lead = \"clinician\"", "circle"),
        ("days = 14", "days = 15", "outside the floor"),
        ("days = 90", "days = 366", "outside the floor"),
        ("reading-milliseconds = 500", "reading-milliseconds = 10", "outside the floor"),
        ("closes = \"18:30\"", "closes = \"07:30\"", "close after it opens"),
        ("days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]", "days = [\"moonday\"]", "no day"),
        ("days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]", "days = []", "never late"),
        ("late-after = \"4 hours\"", "late-after = \"2 days\"", "outside the floor"),
        ("late-after = \"4 hours\"", "late-after = \"soon\"", "no time"),
        ("read-back = true", "read-back = \"perhaps\"", "boolean"),
        ("read-back = true", "read-bock = true", "read-bock"),
    ];
    for (line, instead, why) in cases {
        assert_eq!(file.matches(line).count(), 1, "{line}");
        let number = file.lines().position(|found| found == line).unwrap() + 1;
        let fault = parse(&file.replace(line, instead)).unwrap_err();
        assert_eq!((fault.line, fault.why.contains(why)), (number, true), "{instead}: {fault}");
    }
    // Two people at tier 4, whatever the file wants; a tier that is missing; one that there is not.
    let critical = file.find("[tier.4]").unwrap();
    let (before, after) = file.split_at(critical);
    let one = format!("{before}{}", after.replacen("approve = 2", "approve = 1", 1));
    assert!(parse(&one).unwrap_err().why.contains("take 2 to 5"));
    let fewer = format!("{before}{}", after.replacen("redact = 2", "redact = 1", 1));
    assert!(parse(&fewer).unwrap_err().why.contains("take 2 to 5"));
    let porter = format!("{before}{}", after.replacen("\"clinician\"", "\"receptionist\"", 1));
    assert!(parse(&porter).unwrap_err().why.contains("no role “receptionist”"));
    let missing = format!("{before}{}", &after[after.find("[people]").unwrap()..]);
    assert!(parse(&missing).unwrap_err().why.contains("tier 4 is missing"));
    assert!(parse(&file.replace("[tier.4]", "[tier.5]")).unwrap_err().why.contains("tier 4 is missing"));
    assert!(parse("hold = [").is_err() && parse("").is_err());
}

#[test]
pub fn targets_run_in_working_time() {
    let policy = Policy::default();
    // Friday 6 March 2026, 18:00: half an hour is left of the day, then a weekend.
    let friday = at(6, 18, 0);
    assert_eq!(policy.due(Tier::Critical, friday), at(9, 11, 30));
    assert_eq!(policy.ageing(Tier::Critical, friday, at(8, 23, 0)), Ageing::Fresh, "nobody is late on a Sunday");
    for (hour, minute, ageing) in
        [(10, 0, Ageing::Fresh), (10, 30, Ageing::Amber), (11, 31, Ageing::Red), (15, 30, Ageing::Twice)]
    {
        assert_eq!(policy.ageing(Tier::Critical, friday, at(9, hour, minute)), ageing, "{hour}:{minute}");
    }
    let closed = Calendar { holidays: [at(9, 0, 0).date_naive()].into(), ..Calendar::default() };
    assert_eq!(Policy { calendar: closed, ..policy.clone() }.due(Tier::Critical, friday), at(10, 11, 30));
    let never = Calendar { days: [false; 7], ..Calendar::default() };
    assert_eq!(never.between(friday, at(29, 0, 0)), Duration::zero());
    assert_eq!(never.after(friday, Duration::hours(1)), DateTime::<Utc>::MAX_UTC);
    // The clocks go forward in the night to 29 March; the practice opens at 08:00 all the same.
    assert_eq!(policy.due(Tier::Critical, at(27, 18, 30)), at(30, 11, 0));
}
