//! Who has a patient in hand: through the real service, with a clock that the test sets.

use std::time::Duration;

use anteroom::audit::{Event, Outcome};
use anteroom::protocol::{Claimed, Decided, Draft, Notice, QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason, Token};
use anteroom::review::State;
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::kit::extract::{self, Row, row};
use crate::kit::{Person, Practice};

const MINUTE: Duration = Duration::from_secs(60);
const DISCLOSURE: &str = "Domestic abuse disclosed, partner hits her.";

/// A practice with as many entries that wait, taken in turn by two patients.
fn practice(entries: usize) -> Practice {
    let practice = Practice::new();
    pull(&practice, "day-0", &(1..=entries).map(|n| row(n, n, n % 2, DISCLOSURE)).collect::<Vec<_>>());
    practice
}

fn pull(practice: &Practice, name: &str, rows: &[Row]) {
    let feed = extract::write(&practice.path().join(name), rows);
    practice.user("lea").pull(&feed);
}

fn claim(person: &mut Person, row: &QueueRow) -> Result<Claimed, String> {
    claimed(person.ask(Request::Claim { entry: row.entry }))
}

fn take_over(person: &mut Person, row: &QueueRow) -> Result<Claimed, String> {
    claimed(person.ask(Request::TakeOver { entry: row.entry }))
}

fn claimed(reply: Reply) -> Result<Claimed, String> {
    match reply {
        Reply::Claimed(claimed) => Ok(claimed),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn decide(person: &mut Person, row: &QueueRow, token: Option<Token>, act: Act) -> Result<Decided, String> {
    let (entry, version, revision) = (row.entry, row.version, row.revision);
    match person.ask(Request::Decide { entry, version, revision, act, token, waivers: Vec::new() }) {
        Reply::Decided(decided) => Ok(decided),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn hide() -> Act {
    Act::Hide { reason: HideReason::Coercion }
}

fn keep_draft(person: &mut Person, row: &QueueRow) {
    let draft = Draft { version: Some(row.version), ..Draft::default() };
    let reply = person.ask(Request::KeepDraft { entry: row.entry, draft: Some(draft) });
    assert!(matches!(reply, Reply::DraftKept), "{reply:?}");
}

/// Two entries of one patient, and one of another.
fn rows(person: &mut Person) -> (QueueRow, QueueRow, QueueRow) {
    let rows = person.queue().rows;
    let first = rows[0].clone();
    let same = rows.iter().find(|row| row.entry != first.entry && row.patient == first.patient).unwrap().clone();
    let other = rows.iter().find(|row| row.patient != first.patient).unwrap().clone();
    (first, same, other)
}

fn lease_events(person: &mut Person) -> Vec<(String, Event)> {
    match person.ask(Request::Audit { before: None, limit: 2_000, everything: true }) {
        Reply::Audit(lines) => {
            let is_lease = |event: &Event| {
                matches!(
                    event,
                    Event::LeaseAcquired { .. }
                        | Event::LeaseReleased { .. }
                        | Event::LeaseExpired { .. }
                        | Event::LeaseTakenOver { .. }
                        | Event::LeaseDenied { .. }
                )
            };
            let lines = lines.into_iter().rev().map(|line| (line.record.actor.login, line.record.event));
            lines.filter(|(_, event)| is_lease(event)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn browsing_claims_nothing_and_the_first_edit_claims_the_patient() {
    let practice = practice(4);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let (first, same, other) = rows(&mut ann);
    ann.open(first.entry);
    let seen = ben.open(first.entry).row;
    assert_eq!((seen.lease, seen.viewed_by), (None, vec!["ann".to_owned()]));

    keep_draft(&mut ann, &first);
    for of_patient in [&first, &same] {
        let holding = ben.open(of_patient.entry).row.lease.expect("the patient is in ann's hands");
        assert_eq!((holding.name.as_str(), holding.yours, holding.minutes_left), ("Dr Ann Author", false, 10));
    }
    assert!(ann.open(first.entry).row.lease.unwrap().yours);
    assert_eq!(ben.open(other.entry).row.lease, None);
    let refused = decide(&mut ben, &same, None, Act::Approve).unwrap_err();
    assert!(refused.contains("Dr Ann Author"), "{refused}");
    assert_eq!(ben.open(same.entry).row.state, State::Queued);
    // The draft of one who comes second is kept all the same.
    keep_draft(&mut ben, &same);
    assert!(ben.open(same.entry).draft.is_some());
    // And a decision without a claim, where nobody else is, claims by itself.
    assert!(decide(&mut ben, &other, None, Act::Approve).is_ok());
}

#[test]
fn p12_a_stale_token_version_or_revision_is_refused_and_changes_nothing() {
    let practice = practice(6);
    let (mut ann, mut ben, mut lea) = (practice.user("ann"), practice.user("ben"), practice.user("lea"));
    let (first, same, _) = rows(&mut ann);
    let old = claim(&mut ann, &first).unwrap().token;
    let stale = |person: &mut Person, row: &QueueRow, token: Option<Token>, says: &str| {
        let before = person.open(row.entry);
        let why = decide(person, row, token, Act::Approve).unwrap_err();
        assert!(why.contains(says), "{why}");
        let after = person.open(row.entry);
        assert_eq!((before.row.state, before.row.revision), (after.row.state, after.row.revision));
        assert_eq!(before.decisions, after.decisions);
    };
    // The token, after the lead has taken the patient over: on every entry of the patient.
    let new = take_over(&mut lea, &first).unwrap().token;
    assert!(new > old);
    stale(&mut ann, &first, Some(old), "taken over by Dr Lea Lead");
    stale(&mut ann, &same, Some(old), "taken over by Dr Lea Lead");
    stale(&mut ann, &first, None, "Dr Lea Lead");
    // Another's token is of no use either.
    stale(&mut ben, &first, Some(new), "Dr Lea Lead");
    // The revision, though the token is right.
    decide(&mut lea, &first, Some(new), Act::Approve).unwrap();
    stale(&mut lea, &first, Some(new), "lea has decided");
    // The version, though the token is right.
    let first_of = |n: usize| row(n, n, n % 2, "Domestic abuse disclosed, partner hits her often.");
    pull(&practice, "day-1", &(1..=6).map(first_of).collect::<Vec<_>>());
    stale(&mut lea, &same, Some(new), "changed at the source");
    // After the lead has given it back the token is worth nothing, even where nobody holds it now.
    assert!(matches!(lea.ask(Request::Release), Reply::GivenBack));
    let same = lea.open(same.entry).row;
    stale(&mut lea, &same, Some(new), "run out");
    assert!(decide(&mut lea, &same, None, Act::Approve).is_ok());
}

#[test]
fn a_take_over_is_for_the_lead_or_oneself_and_the_holder_is_told_and_keeps_the_draft() {
    let practice = practice(4);
    let (mut ann, mut ben, mut lea) = (practice.user("ann"), practice.user("ben"), practice.user("lea"));
    let mut told = ann.notices();
    let (first, ..) = rows(&mut ann);
    keep_draft(&mut ann, &first);
    let refused = take_over(&mut ben, &first).unwrap_err();
    assert!(refused.contains("Dr Ann Author"), "{refused}");
    // From another screen of her own.
    let mut ann_elsewhere = practice.user("ann");
    let refused = claim(&mut ann_elsewhere, &first).unwrap_err();
    assert!(refused.contains("another screen"), "{refused}");
    take_over(&mut ann_elsewhere, &first).unwrap();
    let notice = told.try_recv().expect("told at once");
    assert!(
        matches!(&notice, Notice::TakenOver { patient, by, .. } if *patient == first.patient && by == "Dr Ann Author")
    );
    let mut told = ann_elsewhere.notices();
    take_over(&mut lea, &first).unwrap();
    assert!(matches!(told.try_recv(), Ok(Notice::TakenOver { by, .. }) if by == "Dr Lea Lead"));
    assert!(ann.open(first.entry).draft.is_some(), "the draft waits for its author");
    assert!(ben.open(first.entry).draft.is_none(), "and for nobody else");
}

#[test]
fn a_lease_blocks_neither_hide_nor_undo_nor_what_the_source_does() {
    let practice = practice(4);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let (first, same, _) = rows(&mut ann);
    let token = claim(&mut ann, &first).unwrap().token;
    assert_eq!(decide(&mut ben, &first, None, hide()).unwrap().state, State::Hidden);
    assert_eq!(ben.undo(first.entry).unwrap().state, State::Queued);
    let changed = |n: usize| row(n, n, n % 2, "Domestic abuse disclosed, he hits her often.");
    pull(&practice, "day-1", &(1..=4).map(changed).collect::<Vec<_>>());
    assert_eq!(ben.open(same.entry).row.version.0, 2);
    // The lease itself goes on, on what the patient's entries are now.
    let now = ann.open(same.entry).row;
    assert!(decide(&mut ann, &now, Some(token), Act::Approve).is_ok());
}

#[test]
fn one_person_has_one_patient_in_hand_and_what_is_finished_is_given_back() {
    let practice = practice(4);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let (first, same, other) = rows(&mut ann);
    let token = claim(&mut ann, &first).unwrap().token;
    assert_eq!(claim(&mut ann, &same).unwrap().token, token, "the same patient is more time, not another grant");
    assert!(claim(&mut ann, &other).unwrap().token > token);
    assert!(claim(&mut ben, &first).is_ok(), "claiming another patient gave the first one back");
    // Both entries decided: nothing is left to hold.
    for row in [&first, &same] {
        decide(&mut ben, row, None, Act::Approve).unwrap();
    }
    let events = lease_events(&mut ann);
    let released = events.iter().filter(|(who, event)| who == "ben" && matches!(event, Event::LeaseReleased { .. }));
    assert_eq!(released.count(), 1, "{events:?}");
}

#[test]
fn a_client_that_vanishes_frees_its_lease_after_the_grace_and_finds_it_before() {
    let practice = practice(4);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let (first, ..) = rows(&mut ann);
    keep_draft(&mut ann, &first);
    let token = claim(&mut ann, &first).unwrap().token;
    drop(ann);
    practice.clock.pass(Duration::from_secs(89));
    assert!(claim(&mut ben, &first).is_err());
    let mut ann = practice.user("ann");
    assert_eq!(claim(&mut ann, &first).unwrap().token, token, "hers again, under the same token");
    practice.clock.pass(5 * MINUTE);
    assert!(claim(&mut ben, &first).is_err(), "she is back: the grace no longer runs");
    drop(ann);
    practice.clock.pass(Duration::from_secs(90));
    assert!(claim(&mut ben, &first).unwrap().token > token);
    let mut ann = practice.user("ann");
    assert!(ann.open(first.entry).draft.is_some(), "the draft waits");
}

#[test]
fn a_lease_ends_ten_minutes_after_the_last_activity_and_an_hour_after_it_began() {
    let practice = practice(4);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let (first, ..) = rows(&mut ann);
    let token = claim(&mut ann, &first).unwrap().token;
    // To be connected, and to look at the queue, is not to be active.
    practice.clock.pass(9 * MINUTE);
    ann.queue();
    practice.clock.pass(MINUTE);
    let refused = decide(&mut ann, &first, Some(token), Act::Approve).unwrap_err();
    assert!(refused.contains("run out") && refused.contains("kept"), "{refused}");
    let token = claim(&mut ann, &first).unwrap().token;
    for work in 1..=6 {
        practice.clock.pass(9 * MINUTE);
        match work % 3 {
            0 => drop(ann.open(first.entry)),
            1 => keep_draft(&mut ann, &first),
            _ => assert_eq!(claim(&mut ann, &first).unwrap().token, token),
        }
        assert!(claim(&mut ben, &first).is_err(), "active for {} minutes", work * 9);
    }
    practice.clock.pass(6 * MINUTE);
    assert!(claim(&mut ben, &first).unwrap().token > token, "after an hour it is anybody's");
    let events = lease_events(&mut ann);
    let count = |is: fn(&Event) -> bool| events.iter().filter(|(_, event)| is(event)).count();
    assert_eq!(count(|event| matches!(event, Event::LeaseAcquired { .. })), 3, "renewals are not logged: {events:?}");
    let expired = events.iter().filter(|(who, event)| {
        who == "lease" && matches!(event, Event::LeaseExpired { holder, .. } if holder == "ann")
    });
    assert_eq!(expired.count(), 2, "{events:?}");
}

#[test]
fn a_lease_that_ran_out_is_in_the_log_without_a_claim_with_the_time_at_which_it_did() {
    let practice = practice(4);
    let (mut ann, mut ben, mut lea) = (practice.user("ann"), practice.user("ben"), practice.user("lea"));
    let (first, _, other) = rows(&mut ann);
    let begun = ann.queue().now;
    let token = claim(&mut ann, &first).unwrap().token;
    claim(&mut ben, &other).unwrap();
    practice.clock.pass(9 * MINUTE);
    ben.open(other.entry);
    practice.service.end_leases().unwrap();
    let expired = |lea: &mut Person| -> Vec<(chrono::DateTime<chrono::Utc>, String, Token)> {
        let Reply::Audit(lines) = lea.ask(Request::Audit { before: None, limit: 100, everything: true }) else {
            panic!()
        };
        let of = |record: anteroom::audit::Record| match record.event {
            Event::LeaseExpired { holder, token, .. } => Some((record.at, holder, token)),
            _ => None,
        };
        lines.into_iter().filter_map(|line| of(line.record)).collect()
    };
    assert_eq!(expired(&mut lea), [], "nine minutes are not ten");
    practice.clock.pass(8 * MINUTE);
    for _ in 0..2 {
        practice.service.end_leases().unwrap();
        let ended = expired(&mut lea);
        let [(at, holder, of)] = ended.as_slice() else { panic!("{ended:?}") };
        assert_eq!((holder.as_str(), *of), ("ann", token));
        let after = *at - begun;
        assert!((600..605).contains(&after.num_seconds()), "{after}");
    }
    // Whoever had it comes back to a patient that is free, and it ran out once only.
    claim(&mut lea, &first).unwrap();
    assert!(decide(&mut ann, &first, Some(token), Act::Approve).is_err());
    assert_eq!(expired(&mut lea).len(), 1);
    // What somebody else's claim finds run out says when it did, too.
    practice.clock.pass(30 * MINUTE);
    let now = ann.queue().now;
    claim(&mut ann, &other).unwrap();
    let (at, holder, _) = expired(&mut ann).remove(0);
    let ago = now - at;
    assert!(holder == "ben" && (ago.num_minutes() - 28).abs() <= 1, "{holder} {ago}");
}

#[test]
fn a_restarted_daemon_knows_no_lease_and_refuses_the_tokens_of_before() {
    let practice = practice(4);
    let mut ann = practice.user("ann");
    let (first, ..) = rows(&mut ann);
    keep_draft(&mut ann, &first);
    let old = claim(&mut ann, &first).unwrap().token;
    drop(ann);
    let practice = practice.restart();
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let new = claim(&mut ben, &first).unwrap().token;
    assert!(new > old, "{new:?} after {old:?}");
    assert!(decide(&mut ann, &first, Some(old), Act::Approve).unwrap_err().contains("Dr Ben Reader"));
    assert!(matches!(ben.ask(Request::Release), Reply::GivenBack));
    assert!(decide(&mut ann, &first, Some(old), Act::Approve).unwrap_err().contains("run out"));
    assert!(ann.open(first.entry).draft.is_some());
}

#[test]
fn the_log_has_who_took_whose_patient_and_who_was_refused() {
    let practice = practice(4);
    let (mut ann, mut ben, mut lea) = (practice.user("ann"), practice.user("ben"), practice.user("lea"));
    let (first, ..) = rows(&mut ann);
    let ours = claim(&mut ann, &first).unwrap().token;
    claim(&mut ben, &first).unwrap_err();
    take_over(&mut lea, &first).unwrap();
    decide(&mut ann, &first, Some(ours), Act::Approve).unwrap_err();
    let Reply::Audit(lines) = lea.ask(Request::Audit { before: None, limit: 50, everything: false }) else { panic!() };
    let find = |who: &str, is: &dyn Fn(&Event) -> bool| {
        lines.iter().find(|line| line.record.actor.login == who && is(&line.record.event)).map(|line| &line.record)
    };
    let acquired = find("ann", &|event| matches!(event, Event::LeaseAcquired { token, .. } if *token == ours)).unwrap();
    assert_eq!((acquired.patient, &acquired.outcome), (Some(first.patient), &Outcome::Done));
    let denied = find("ben", &|event| matches!(event, Event::LeaseDenied { .. })).unwrap();
    assert!(matches!(&denied.outcome, Outcome::Refused(why) if why.contains("ann") && !why.contains("Author")));
    assert!(find("lea", &|event| matches!(event, Event::LeaseTakenOver { holder, .. } if holder == "ann")).is_some());
    let refused = find("ann", &|event| *event == Event::Approved).unwrap();
    assert!(matches!(&refused.outcome, Outcome::Refused(why) if why.contains("taken over by lea")));
}

#[test]
fn who_reads_no_records_takes_none_in_hand() {
    let practice = practice(2);
    let row = practice.user("lea").queue().rows.remove(0);
    for login in ["aud", "adm"] {
        assert!(claim(&mut practice.user(login), &row).is_err());
        assert!(take_over(&mut practice.user(login), &row).is_err());
    }
}

/// What may happen between two looks at a lease.
#[derive(Debug, Clone)]
enum Step {
    /// The wall clock is set, by so many minutes.
    Set(i64),
    /// Time passes, seconds.
    Pass(u64),
    /// The holder does something.
    Work,
    /// Somebody takes the patient over.
    TakeOver,
    /// The holder's connection is lost and comes back.
    Reconnect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (-3_000_000i64..3_000_000).prop_map(Step::Set),
        3 => (1u64..700).prop_map(Step::Pass),
        3 => Just(Step::Work),
        1 => Just(Step::TakeOver),
        1 => Just(Step::Reconnect),
    ];
    proptest::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// P13 and P16: whatever the clocks and the others do, the draft is there, and a lease lasts exactly as long
    /// as its holder's own time says.
    #[test]
    fn p13_p16_no_draft_is_lost_and_setting_the_clock_neither_extends_nor_shortens_a_lease(steps in steps()) {
        let practice = practice(2);
        let (mut ann, mut ben, mut lea) = (practice.user("ann"), practice.user("ben"), practice.user("lea"));
        let row = ann.queue().rows.remove(0);
        keep_draft(&mut ann, &row);
        let mut token = claim(&mut ann, &row).unwrap().token;
        // Seconds since the grant and since the last activity, as they really passed.
        let (mut held, mut idle, mut ours) = (0, 0, true);
        for step in steps {
            match step {
                Step::Set(minutes) => practice.clock.set(crate::kit::start() + TimeDelta::minutes(minutes)),
                Step::Pass(seconds) => {
                    practice.clock.pass(Duration::from_secs(seconds));
                    held += seconds;
                    idle += seconds;
                }
                Step::Work => if let Ok(claimed) = claim(&mut ann, &row) {
                    if claimed.token != token {
                        (token, held) = (claimed.token, 0);
                    }
                    (idle, ours) = (0, true);
                },
                Step::TakeOver => {
                    take_over(&mut lea, &row).unwrap();
                    prop_assert!(matches!(lea.ask(Request::Release), Reply::GivenBack));
                    ours = false;
                }
                Step::Reconnect => ann = {
                    drop(ann);
                    practice.user("ann")
                },
            }
            // A lost connection's lease stays hers to claim; until she does, the grace runs. So she looks at once.
            let valid = ours && held < 3_600 && idle < 600;
            // What the test itself takes is not counted in seconds: stay clear of the edges.
            if (held + 2 < 3_600 || held > 3_600) && (idle + 2 < 600 || idle > 600) {
                let lease = ben.open(row.entry).row.lease;
                prop_assert_eq!(lease.is_some_and(|lease| lease.login == "ann"), valid, "held {} idle {}", held, idle);
            }
            if valid && ann.open(row.entry).row.lease.is_some() {
                claim(&mut ann, &row).unwrap();
                idle = 0;
            }
            prop_assert!(ann.open(row.entry).draft.is_some());
        }
    }
}

/// Every lease event names the patient and never the entry's words; kept here so that a new event is looked at.
#[test]
fn a_decision_in_one_step_logs_its_claim_and_its_end_in_the_same_frame() {
    let practice = practice(2);
    let mut ann = practice.user("ben");
    let row = ann.queue().rows.remove(0);
    let decided = decide(&mut ann, &row, None, Act::Approve).unwrap();
    let Reply::Audit(lines) = ann.ask(Request::Audit { before: None, limit: 20, everything: false }) else { panic!() };
    let of_frame: Vec<_> =
        lines.iter().rev().filter(|line| line.seq == decided.seq).map(|line| &line.record.event).collect();
    assert!(
        matches!(of_frame[..], [Event::Approved, Event::LeaseAcquired { .. }, Event::LeaseReleased { .. }]),
        "{of_frame:?}"
    );
    let entry: EntryId = row.entry;
    assert_eq!(ann.open(entry).row.lease, None);
}
