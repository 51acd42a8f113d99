//! Each guard by itself: what it refuses, and that the same is allowed where it has nothing to say.

use anteroom::record::{Act, Decision, Handling, Occasion, Tier};
use anteroom::review::{Already, Caller, Cause, Event, Facts, Policy, Refusal, Review, State, Withheld, step};
use chrono::{DateTime, Duration, Utc};

use super::kit::*;

const SECOND_LEAD: &str = "lena";

fn now() -> DateTime<Utc> {
    start() + Duration::days(4)
}

fn facts<'a>(caller: Caller<'a>, policy: &'a Policy) -> Facts<'a> {
    Facts { caller, open_online: true, held: false, drawn: false, policy, now: now() }
}

fn by(who: usize, kind: usize) -> Decision {
    Decision { by: PEOPLE[who].into(), act: act(kind), at: start() }
}

fn standing(state: State, tier: Tier, decisions: Vec<Decision>) -> Review {
    Review { state, tier, decisions, ..fresh() }
}

fn go(review: &Review, event: &Event<'_>, caller: Caller<'_>) -> Result<Review, Refusal> {
    let policy = Policy::default();
    step(review, event, &facts(caller, &policy))
}

#[test]
pub fn the_lead_who_decides_is_neither_reader() {
    let dispute = standing(State::Disputed, Tier::Cue, vec![by(1, 0), by(LEAD, 1)]);
    assert_eq!(go(&dispute, &resolve(LEAD, 0, start()), person(LEAD)), Err(Refusal::Party));
    assert_eq!(go(&dispute, &handle(3), person(LEAD)), Err(Refusal::Party));
    let another = Caller::Reviewer { login: SECOND_LEAD, lead: true, wrote_it: false, locked_out: false };
    let decision = Decision { by: SECOND_LEAD.into(), act: act(0), at: start() };
    let resolved = go(&dispute, &Event::Resolve(decision, "because".into()), another).unwrap();
    assert_eq!((resolved.state, resolved.decisions.len()), (State::Settling, 2), "who agrees with the lead counts");
}

#[test]
pub fn nothing_is_overruled_or_handed_over_without_a_word() {
    let hidden = standing(State::Hidden, Tier::Cue, vec![by(1, 3)]);
    for words in ["", "  \n"] {
        let reopen = Event::Handle(Handling::Reopen { why: words.into() });
        assert_eq!(go(&hidden, &reopen, person(LEAD)), Err(Refusal::SayWhy));
        let note = Event::Handle(Handling::Note { text: words.into() });
        assert_eq!(go(&hidden, &note, person(1)), Err(Refusal::SayWhy));
    }
    let long = Event::Handle(Handling::Reopen { why: "x".repeat(5_000) });
    assert_eq!(go(&hidden, &long, person(LEAD)), Err(Refusal::TooLong));
    assert!(go(&hidden, &handle(4), person(LEAD)).is_ok());
}

/// Whoever reads may tell the next reader, wherever the entry stands, and that is all a note does.
#[test]
pub fn a_note_moves_nothing_and_is_read_before_a_decision() {
    for state in State::ALL {
        let due = Some(start() + Duration::days(9));
        let before = Review { due, ..standing(state, Tier::Cue, vec![by(1, 0)]) };
        let after = go(&before, &handle(7), person(2));
        let nobody_reads = [State::Screening, State::NotOpen, State::Superseded, State::SourceDeleted];
        if nobody_reads.contains(&state) {
            assert!(matches!(after, Err(Refusal::NoSuchMove { .. })), "{state:?}");
            continue;
        }
        let after = after.unwrap();
        let [note] = after.notes.as_slice() else { panic!("{state:?}: {:?}", after.notes) };
        assert_eq!((note.by.as_str(), note.on, note.text.as_str()), (PEOPLE[2], Occasion::Noted, "because"));
        assert_eq!(after.revision, before.revision + 1, "who read it without the note is told so");
        assert_eq!(Review { notes: Vec::new(), revision: before.revision, ..after }, before, "{state:?}");
        for caller in [Caller::Other, Caller::System] {
            assert!(matches!(go(&before, &handle(7), caller), Err(Refusal::Role(_))), "{state:?}");
        }
    }
}

#[test]
pub fn showing_what_was_hidden_takes_two() {
    let hidden = standing(State::Hidden, Tier::Nothing, vec![by(1, 3)]);
    let reopened = go(&hidden, &handle(4), person(LEAD)).unwrap();
    assert_eq!(reopened.state, State::Screening);
    let found = screening(Tier::Nothing);
    let screened = go(&reopened, &Event::Screened(&found), Caller::System).unwrap();
    assert_eq!(screened.state, State::Queued, "people read it, though nothing is found in it");
    let one = go(&screened, &decide(2, 0, start()), person(2)).unwrap();
    assert_eq!(one.state, State::AwaitingSecond);
    assert_eq!(go(&one, &decide(1, 0, start()), person(1)).unwrap().state, State::Settling);
    // And a hide that the lead gave back was overruled as much.
    let dispute = standing(State::Disputed, Tier::Cue, vec![by(0, 0), by(1, 3)]);
    let returned = go(&dispute, &handle(3), person(LEAD)).unwrap();
    assert_eq!(go(&returned, &decide(2, 0, start()), person(2)).unwrap().state, State::AwaitingSecond);
}

#[test]
pub fn who_is_locked_out_only_hides() {
    let locked = |who| Caller::Reviewer { login: PEOPLE[who], lead: who == LEAD, wrote_it: false, locked_out: true };
    let queued = standing(State::Queued, Tier::Cue, Vec::new());
    let skim = standing(State::Skim, Tier::Weak, Vec::new());
    let hidden = standing(State::Hidden, Tier::Cue, vec![by(1, 3)]);
    let disputed = standing(State::Disputed, Tier::Cue, vec![by(1, 0), by(2, 1)]);
    let second = standing(State::AwaitingSecond, Tier::Cue, vec![by(2, 1)]);
    let towards_visible = [
        (&queued, decide(1, 0, start()), 1),
        (&skim, pass(1, 500, start()), 1),
        (&hidden, Event::Undo, 1),
        (&hidden, handle(4), LEAD),
        (&hidden, handle(6), LEAD),
        (&disputed, resolve(LEAD, 0, start()), LEAD),
        (&second, Event::ReadBack { named_it: false }, 1),
        (&queued, handle(7), 1),
    ];
    for (review, event, who) in towards_visible {
        assert_eq!(go(review, &event, locked(who)), Err(Refusal::LockedOut), "{event:?}");
        assert!(go(review, &event, person(who)).is_ok(), "{event:?}");
    }
    for (review, event, who) in
        [(&queued, decide(1, 3, start()), 1), (&queued, handle(0), 1), (&disputed, resolve(LEAD, 3, start()), LEAD)]
    {
        assert!(go(review, &event, locked(who)).is_ok(), "{event:?}");
    }
}

#[test]
pub fn a_redaction_is_read_back_before_it_is_agreed_to() {
    let redacted = standing(State::AwaitingSecond, Tier::Critical, vec![by(1, 1)]);
    assert_eq!(go(&redacted, &decide(2, 1, start()), person(2)), Err(Refusal::ReadBackFirst));
    assert!(go(&redacted, &decide(2, 3, start()), person(2)).is_ok(), "a hide waits for nothing");
    let read = go(&redacted, &Event::ReadBack { named_it: false }, person(2)).unwrap();
    assert_eq!(go(&read, &decide(LEAD, 1, start()), person(LEAD)), Err(Refusal::ReadBackFirst), "by whoever agrees");
    assert_eq!(go(&read, &decide(2, 1, start()), person(2)).unwrap().state, State::Settling);
}

#[test]
pub fn who_can_name_what_is_gone_makes_a_dispute() {
    let redacted = standing(State::AwaitingSecond, Tier::Critical, vec![by(1, 1)]);
    let named = go(&redacted, &Event::ReadBack { named_it: true }, person(2)).unwrap();
    assert_eq!(named.state, State::Disputed);
}

#[test]
pub fn a_deferral_ends_within_its_limit() {
    let queued = standing(State::Queued, Tier::Cue, Vec::new());
    let until = |days| {
        let until = (now() + Duration::days(days)).date_naive();
        go(&queued, &Event::Handle(Handling::Defer { until, why: "because".into() }), person(1))
    };
    for days in [-1, 0, 15, 400] {
        assert!(matches!(until(days), Err(Refusal::Deferral(_))), "{days}");
    }
    for days in [1, 14] {
        assert_eq!(until(days).unwrap().state, State::Deferred);
    }
    let deferred = until(14).unwrap();
    assert!(matches!(go(&deferred, &Event::DeferralOver, Caller::System), Err(Refusal::NotYet(_))));
    // No policy makes it longer.
    let lax = Policy { deferral_days: 100, ..Policy::default() };
    let far = (now() + Duration::days(15)).date_naive();
    let far = Event::Handle(Handling::Defer { until: far, why: "because".into() });
    assert!(step(&queued, &far, &facts(person(1), &lax)).is_err());
}

#[test]
pub fn a_flag_makes_approvals_fall_and_lets_a_hide_stand() {
    for state in [State::AwaitingSecond, State::Settling, State::Released] {
        let agreed = standing(state, Tier::Cue, vec![by(1, 0)]);
        let flagged = go(&agreed, &Event::Flagged(Already::Withdrawn), Caller::System).unwrap();
        assert_eq!((flagged.state, flagged.tier), (State::Queued, Tier::Critical));
        assert!(flagged.decisions.is_empty(), "{state:?}: agreed without knowing of the flag");
    }
    let dispute = standing(State::Disputed, Tier::Cue, vec![by(1, 0), by(2, 3)]);
    let flagged = go(&dispute, &Event::Flagged(Already::Stays), Caller::System).unwrap();
    assert_eq!((flagged.state, flagged.decisions), (State::Disputed, vec![by(2, 3)]));
    let released = standing(State::Released, Tier::Cue, vec![by(1, 0)]);
    let stays = go(&released, &Event::Flagged(Already::Stays), Caller::System).unwrap();
    assert_eq!(
        (stays.state, stays.look_again.map(|again| again.cause)),
        (State::Released, Some(Cause::PatientFlagged))
    );
}

#[test]
pub fn nothing_of_a_held_patient_clears_without_people() {
    let policy = Policy::default();
    let held = Facts { held: true, ..facts(Caller::System, &policy) };
    for tier in [Tier::Nothing, Tier::Weak, Tier::Cue] {
        let found = screening(tier);
        let screened = step(&fresh(), &Event::Screened(&found), &held).unwrap();
        assert_eq!((screened.state, screened.tier), (State::Queued, Tier::Critical));
    }
    let due = Some(start());
    let waits = Review { due, ..standing(State::AutoHold, Tier::Nothing, Vec::new()) };
    assert_eq!(step(&waits, &Event::HoldElapsed, &held), Err(Refusal::Withheld(Withheld::Held)));
    let settling = Review { due, ..standing(State::Settling, Tier::Cue, vec![by(1, 0)]) };
    assert_eq!(step(&settling, &Event::Publish, &held), Err(Refusal::Withheld(Withheld::Held)));
    assert!(go(&settling, &Event::Publish, Caller::System).is_ok());
}

#[test]
pub fn who_is_drawn_is_read_twice_and_a_lead_is_among_them_where_it_says_so() {
    let queued = standing(State::Queued, Tier::Cue, Vec::new());
    let policy = Policy::default();
    let drawn = Facts { drawn: true, ..facts(person(1), &policy) };
    assert_eq!(step(&queued, &decide(1, 0, start()), &drawn).unwrap().state, State::AwaitingSecond);
    let [.., led] = policies();
    let one = step(&queued, &decide(1, 0, start()), &facts(person(1), &led)).unwrap();
    assert_eq!(one.state, State::AwaitingSecond, "one is enough, but not without the lead");
    let two = step(&one, &decide(2, 0, start()), &facts(person(2), &led)).unwrap();
    assert_eq!(two.state, State::AwaitingSecond);
    assert_eq!(step(&two, &decide(LEAD, 0, start()), &facts(person(LEAD), &led)).unwrap().state, State::Settling);
}

#[test]
pub fn newer_rules_raise_and_withdraw_and_never_lower() {
    let again = |review: &Review, tier| {
        let found = screening(tier);
        go(review, &Event::Rescreened(&found), Caller::System).unwrap()
    };
    let cleared = standing(State::Released, Tier::Nothing, Vec::new());
    assert_eq!(again(&cleared, Tier::Nothing).state, State::Released);
    assert_eq!(again(&cleared, Tier::Weak).state, State::Skim);
    assert_eq!(again(&cleared, Tier::Disclosure).state, State::Queued);
    let approved = standing(State::Released, Tier::Cue, vec![by(1, 0)]);
    let more = again(&approved, Tier::Disclosure);
    assert_eq!((more.state, more.look_again.map(|again| again.cause)), (State::Released, Some(Cause::RulesFindMore)));
    let worst = again(&approved, Tier::Critical);
    assert_eq!((worst.state, worst.decisions.len()), (State::Queued, 0));
    for state in [State::Queued, State::Escalated, State::Disputed, State::Deferred] {
        let waits = standing(state, Tier::Disclosure, Vec::new());
        assert_eq!(again(&waits, Tier::Nothing).tier, Tier::Disclosure, "{state:?}");
        assert_eq!(again(&waits, Tier::Critical).tier, Tier::Critical, "{state:?}");
    }
    let settling = standing(State::Settling, Tier::Cue, vec![by(1, 0)]);
    assert_eq!(again(&settling, Tier::Disclosure).state, State::Queued);
    assert_eq!(again(&settling, Tier::Cue), Review { revision: 2, ..settling });
}

#[test]
pub fn what_comes_back_is_screened_first() {
    let hidden = standing(State::Hidden, Tier::Critical, vec![by(1, 3)]);
    assert_eq!(go(&hidden, &Event::Undo, person(1)).unwrap().state, State::Screening);
    for state in [State::Hidden, State::Retracted] {
        let hidden = Review { state, ..hidden.clone() };
        assert_eq!(go(&hidden, &handle(4), person(LEAD)).unwrap().state, State::Screening);
    }
}

#[test]
pub fn publication_asks_everything_anew() {
    let due = Some(start());
    let policy = Policy { people: [2; 5], ..Policy::default() };
    let settling = Review { due, ..standing(State::Settling, Tier::Cue, vec![by(1, 0)]) };
    let asked = step(&settling, &Event::Publish, &facts(Caller::System, &policy));
    assert_eq!(asked, Err(Refusal::Withheld(Withheld::TooFew)), "the policy was tightened since");
    let early = Facts { now: start() + Duration::hours(30), ..facts(Caller::System, &policy) };
    let cleared = Review { due, ..standing(State::Settling, Tier::Nothing, Vec::new()) };
    assert_eq!(step(&cleared, &Event::Publish, &early), Err(Refusal::Withheld(Withheld::NotYet)));
}

#[test]
pub fn an_invented_entry_is_shown_to_nobody() {
    let settling = Review { due: Some(start()), ..standing(State::Settling, Tier::Nothing, vec![by(1, 0)]) };
    assert!(go(&settling, &Event::Publish, Caller::System).is_ok());
    let decoy = Review { decoy: true, ..settling };
    assert_eq!(go(&decoy, &Event::Publish, Caller::System), Err(Refusal::Withheld(Withheld::Decoy)));
}

#[test]
pub fn roles_and_names_are_one_s_own() {
    let queued = standing(State::Queued, Tier::Cue, Vec::new());
    let hidden = standing(State::Hidden, Tier::Cue, vec![by(1, 3)]);
    for caller in [Caller::Other, Caller::System] {
        assert!(matches!(go(&queued, &decide(1, 0, start()), caller), Err(Refusal::Role(_))));
    }
    assert!(matches!(go(&hidden, &handle(4), person(2)), Err(Refusal::Role(_))), "only a lead reopens");
    assert_eq!(go(&queued, &decide(1, 0, start()), person(2)), Err(Refusal::NotYou));
    let dispute = standing(State::Disputed, Tier::Cue, vec![by(1, 0), by(2, 1)]);
    assert_eq!(go(&dispute, &resolve(1, 0, start()), person(LEAD)), Err(Refusal::NotYou));
    let redaction = Act::Redact { removals: Vec::new(), style: anteroom::record::Style::Silent };
    let author = Decision { by: PEOPLE[AUTHOR].into(), act: redaction, at: start() };
    assert_eq!(go(&queued, &Event::Decide(author), person(AUTHOR)), Err(Refusal::Author));
}

#[test]
pub fn a_line_counts_as_read_after_its_time_on_the_screen() {
    let skim = standing(State::Skim, Tier::Weak, Vec::new());
    assert_eq!(go(&skim, &pass(1, 499, start()), person(1)), Err(Refusal::TooFast));
    assert_eq!(go(&skim, &pass(1, 500, start()), person(1)).unwrap().state, State::AutoHold);
    let slow = Policy { reading_time: 2_000, ..Policy::default() };
    assert_eq!(step(&skim, &pass(1, 1_999, start()), &facts(person(1), &slow)), Err(Refusal::TooFast));
}
