//! People, acts, policies and events that the tests share.

use anteroom::record::{
    Act, Decision, Fingerprint, HideReason, Lane, Removal, RemovalTarget, Screening, SourceKey, Style, Tier, Version,
};
use anteroom::review::{Caller, Event, EventName, Passed, Policy, Review};
use chrono::{DateTime, Duration, TimeZone, Utc};

/// The first of them recorded the entry.
pub const PEOPLE: [&str; 4] = ["author", "bea", "cai", "lead"];
pub const AUTHOR: usize = 0;
pub const LEAD: usize = 3;

pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()
}

pub fn screening(tier: Tier) -> Screening {
    let lane = match tier {
        Tier::Nothing => Lane::Clear,
        Tier::Weak => Lane::Skim,
        _ => Lane::Hold,
    };
    Screening { lane, tier, findings: Vec::new(), rules: "r1".into() }
}

pub fn person(who: usize) -> Caller<'static> {
    Caller::Reviewer { login: PEOPLE[who], wrote_it: who == AUTHOR }
}

/// What a person can want: 0 approve, 1 and 2 two redactions, 3 hide.
pub fn act(kind: usize) -> Act {
    let removal = |id: &str| Removal {
        part: SourceKey { system: "test".into(), organisation: "A00001".into(), id: id.into() },
        target: RemovalTarget::Line,
    };
    match kind {
        0 => Act::Approve,
        1 => Act::Redact { removals: vec![removal("1")], style: Style::Silent },
        2 => Act::Redact { removals: vec![removal("2")], style: Style::Silent },
        _ => Act::Hide { reason: HideReason::Coercion },
    }
}

pub fn decide(who: usize, kind: usize, at: DateTime<Utc>) -> Event<'static> {
    Event::Decide(Decision { by: PEOPLE[who].into(), act: act(kind), at })
}

/// Policies a site might have: the default, stricter, and one below every floor.
pub fn policies() -> [Policy; 4] {
    let strict = Policy { people: [1, 1, 2, 2, 3], hold: Duration::hours(120), ..Policy::default() };
    let below = Policy {
        people: [0; 5],
        hold: Duration::zero(),
        grace: Duration::zero(),
        hide_days: 100_000,
        ..Policy::default()
    };
    [Policy::default(), strict, below, Policy { people: [2; 5], ..Policy::default() }]
}

pub const EVENTS: [EventName; 12] = [
    EventName::Screened,
    EventName::Release,
    EventName::Hide,
    EventName::Pass,
    EventName::Pick,
    EventName::Sampled,
    EventName::Undo,
    EventName::HoldElapsed,
    EventName::Publish,
    EventName::KeptBack,
    EventName::SourceChanged,
    EventName::SourceDeleted,
];

pub fn event_of(name: EventName, found: &Screening, who: usize) -> Event<'_> {
    match name {
        EventName::Screened => Event::Screened(found),
        EventName::Release => decide(who, 0, start()),
        EventName::Hide => decide(who, 3, start()),
        EventName::Pass => pass(who, 500, start()),
        EventName::Pick => Event::Pick,
        EventName::Sampled => Event::Sampled,
        EventName::Undo => Event::Undo,
        EventName::HoldElapsed => Event::HoldElapsed,
        EventName::Publish => Event::Publish,
        EventName::KeptBack => Event::KeptBack,
        EventName::SourceChanged => Event::SourceChanged,
        EventName::SourceDeleted => Event::SourceDeleted,
    }
}

/// Lets a line of the skim page pass that was on the screen so many milliseconds.
pub fn pass(who: usize, on_screen: u64, at: DateTime<Utc>) -> Event<'static> {
    Event::Pass(Passed { by: PEOPLE[who].to_owned(), at, on_screen })
}

pub fn fresh() -> Review {
    Review::begin(Version::FIRST, Fingerprint([1; 32]), start(), start())
}

pub fn person_of(caller: Caller<'static>) -> Option<&'static str> {
    match caller {
        Caller::Reviewer { login, .. } => Some(login),
        _ => None,
    }
}
