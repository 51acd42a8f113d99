//! People, acts, policies and events that the tests share.

use anteroom::record::{
    Act, Decision, Fingerprint, Handling, HideReason, Lane, Removal, RemovalTarget, Screening, SourceKey, Style, Tier,
    Version,
};
use anteroom::review::{Already, Caller, Event, EventName, Passed, Policy, Review};
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
    Caller::Reviewer { login: PEOPLE[who], lead: who == LEAD, wrote_it: who == AUTHOR, locked_out: false }
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

/// Policies a site might have: the default, stricter, one below every floor, two people for all, a lead for
/// tier 2 and above.
pub fn policies() -> [Policy; 5] {
    let strict = Policy { people: [1, 1, 2, 2, 3], hold: Duration::hours(120), ..Policy::default() };
    let below = Policy {
        people: [0; 5],
        hold: Duration::zero(),
        grace: Duration::zero(),
        hide_days: 100_000,
        ..Policy::default()
    };
    let led = Policy { lead: [false, false, true, true, true], read_back: false, ..Policy::default() };
    [Policy::default(), strict, below, Policy { people: [2; 5], ..Policy::default() }, led]
}

pub fn event_of(name: EventName, found: &Screening, who: usize) -> Event<'_> {
    match name {
        EventName::Screened => Event::Screened(found),
        EventName::Rescreened => Event::Rescreened(found),
        EventName::Release => decide(who, 0, start()),
        EventName::Hide => decide(who, 3, start()),
        EventName::Resolve => resolve(who, 0, start()),
        EventName::ReadBack => Event::ReadBack { named_it: false },
        EventName::Escalate => handle(0),
        EventName::Defer => handle(1),
        EventName::Resume => handle(2),
        EventName::Return => handle(3),
        EventName::Reopen => handle(4),
        EventName::PatientAsks => handle(5),
        EventName::Confirm => handle(6),
        EventName::Note => handle(7),
        EventName::Pass => pass(who, 500, start()),
        EventName::Pick => Event::Pick,
        EventName::Sampled => Event::Sampled,
        EventName::Undo => Event::Undo,
        EventName::DeferralOver => Event::DeferralOver,
        EventName::HoldElapsed => Event::HoldElapsed,
        EventName::Publish => Event::Publish,
        EventName::KeptBack => Event::KeptBack,
        EventName::Purged => Event::Purged,
        EventName::Flagged => Event::Flagged(Already::Withdrawn),
        EventName::SourceChanged => Event::SourceChanged,
        EventName::SourceDeleted => Event::SourceDeleted,
    }
}

pub fn resolve(who: usize, kind: usize, at: DateTime<Utc>) -> Event<'static> {
    Event::Resolve(Decision { by: PEOPLE[who].into(), act: act(kind), at }, "because".into())
}

/// The eight things a person can do beside deciding. Putting off is until twelve days after the start.
pub fn handle(which: usize) -> Event<'static> {
    let why = String::from("because");
    Event::Handle(match which {
        0 => Handling::Escalate { note: why },
        1 => Handling::Defer { until: (start() + Duration::days(12)).date_naive(), why },
        2 => Handling::Resume,
        3 => Handling::Return { advice: why },
        4 => Handling::Reopen { why },
        5 => Handling::PatientAsks { note: why },
        6 => Handling::Confirm { why },
        _ => Handling::Note { text: why },
    })
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
