//! What the lead alone does: deciding where two differ or one asked.

use anteroom::audit::Event;
use anteroom::protocol::{Claimed, Decided, Reply, Request};
use anteroom::record::{Act, EntryId, Handling, HideReason, Token};
use anteroom::review::{State, Waiver};

use super::practice::{ABUSE, handle, log, practice};
use crate::service_kit::extract::row;
use crate::service_kit::{Person, Practice};

const AGAIN: &str = "Domestic abuse disclosed, partner hits her. MARAC referral made. Knee pain.";

/// A practice in which Ann and Ben want different things with one of two entries that hold the same words.
fn disputed() -> (Practice, EntryId, EntryId) {
    let practice = practice(&[row(1, 1, 0, ABUSE), row(2, 2, 0, AGAIN)]);
    let (mut ann, mut ben) = (practice.user("ann"), practice.user("ben"));
    let rows = ben.queue().rows;
    let (entry, twin) = (rows[0].entry, rows[1].entry);
    ben.decide(entry, Act::Approve).unwrap();
    assert_eq!(ann.hide(entry).unwrap().state, State::Disputed);
    drop((ann, ben));
    (practice, entry, twin)
}

fn resolve(
    lead: &mut Person,
    entry: EntryId,
    act: Act,
    token: Option<Token>,
    waivers: Vec<Waiver>,
) -> Result<Decided, String> {
    let row = lead.open(entry).row;
    let why = "both have read it with me".to_owned();
    let (version, revision) = (row.version, row.revision);
    match lead.ask(Request::Resolve { entry, version, revision, act, why, token, waivers }) {
        Reply::Decided(decided) => Ok(decided),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn claim(lead: &mut Person, entry: EntryId) -> Claimed {
    match lead.ask(Request::Claim { entry }) {
        Reply::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

#[test]
pub fn the_lead_s_decision_needs_the_patient_in_hand_and_a_hide_needs_nothing() {
    let (practice, entry, _) = disputed();
    let (mut lea, mut elsewhere) = (practice.user("lea"), practice.user("lea"));
    let token = claim(&mut elsewhere, entry).token;
    let why = resolve(&mut lea, entry, Act::Approve, None, Vec::new()).unwrap_err();
    assert!(why.contains("on another screen"), "{why}");
    let Reply::Claimed(mine) = lea.ask(Request::TakeOver { entry }) else { panic!("it is hers to take") };
    let why = resolve(&mut elsewhere, entry, Act::Approve, Some(token), Vec::new()).unwrap_err();
    assert!(why.contains("taken over"), "{why}");
    assert_eq!(lea.open(entry).row.state, State::Disputed, "a stale token changes nothing");
    let refused = log(&mut lea).into_iter().filter(|line| matches!(line.record.event, Event::Resolved { .. }));
    assert_eq!(refused.count(), 2, "both attempts are in the log");
    assert_eq!(resolve(&mut lea, entry, Act::Approve, Some(mine.token), Vec::new()).unwrap().state, State::Settling);
    let events: Vec<Event> = log(&mut lea).into_iter().map(|line| line.record.event).collect();
    assert!(events.iter().any(|event| matches!(event, Event::LeaseReleased { token, .. } if *token == mine.token)));

    let (practice, entry, _) = disputed();
    let (mut lea, mut elsewhere) = (practice.user("lea"), practice.user("lea"));
    claim(&mut elsewhere, entry);
    let hide = Act::Hide { reason: HideReason::Coercion };
    assert_eq!(resolve(&mut lea, entry, hide, None, Vec::new()).unwrap().state, State::Hidden);
}

#[test]
pub fn the_lead_names_the_twins_too() {
    let (practice, entry, twin) = disputed();
    practice.user("ann").hide(twin).unwrap();
    let mut lea = practice.user("lea");
    let opened = lea.open(entry);
    let why = resolve(&mut lea, entry, Act::Approve, None, Vec::new()).unwrap_err();
    assert!(why.contains("the same sensitive words"), "{why}");
    let waiver = opened.twins.iter().find(|other| other.row.entry == twin).unwrap();
    let waiver = Waiver { entry: twin, version: waiver.row.version };
    assert_eq!(resolve(&mut lea, entry, Act::Approve, None, vec![waiver]).unwrap().state, State::Settling);
    let named = Event::TwinsWaived { entries: vec![twin] };
    assert!(log(&mut lea).iter().any(|line| line.record.event == named && line.record.actor.login == "lea"));
}

/// P12: what was read is what is decided on.
#[test]
pub fn p12_a_decision_on_an_older_version_or_revision_changes_nothing() {
    let practice = practice(&[row(1, 1, 0, ABUSE)]);
    let (mut ben, mut ann) = (practice.user("ben"), practice.user("ann"));
    let read = ben.queue().rows.remove(0);
    handle(&mut ann, read.entry, Handling::Escalate { note: "is he still on the account?".into() }).unwrap();
    handle(&mut practice.user("lea"), read.entry, Handling::Return { advice: "no".into() }).unwrap();
    let why = ben.decide_on(&read, Act::Approve).unwrap_err();
    assert!(why.contains("moved on in the meantime"), "{why}");
    let now = ben.open(read.entry).row;
    assert_eq!((now.state, now.revision), (State::Queued, read.revision + 2));
    super::practice::pull(&practice, "changed", &[row(1, 1, 0, AGAIN)]);
    let why = ben.decide_on(&now, Act::Approve).unwrap_err();
    assert!(why.contains("has changed at the source"), "{why}");
    let now = ben.open(read.entry).row;
    assert_eq!((now.state, now.version), (State::Queued, read.version.next()));
}
