//! What stands behind a row, through the real service: earlier versions, the whole of one patient, and what a
//! dispute tells to whom.

use anteroom::protocol::{Earlier, Only, PatientRecord, Reply, Request, Wanted};
use anteroom::record::{Act, EntryId, Flag, Handling, HideReason, PatientAct, PatientId, Style, Version};
use anteroom::review::State;

use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Person, Practice, all_suggestions};

const ABUSE: &str = "Domestic abuse disclosed, partner hits her. MARAC referral made. Cough.";

fn pull(practice: &Practice, folder: &str, rows: &[Row]) {
    let feed = extract::write(&practice.path().join(folder), rows);
    practice.user("adm").pull(&feed);
}

fn earlier(person: &mut Person, entry: EntryId, before: Version) -> Result<Earlier, String> {
    match person.ask(Request::Earlier { entry, before }) {
        Reply::Earlier(earlier) => Ok(*earlier),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn record(person: &mut Person, patient: PatientId) -> PatientRecord {
    match person.ask(Request::Record { patient }) {
        Reply::Record(record) => *record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_earlier_version_can_be_read_back_to_the_first() {
    let practice = Practice::new();
    let texts = ["her partner shouts", "her partner hits her", "her partner hits her on Sundays"];
    for (day, said) in texts.iter().enumerate() {
        pull(&practice, &format!("day-{day}"), &[row(1, 1, 0, &format!("Domestic abuse disclosed, {said}. Cough."))]);
        if day == 0 {
            let mut ben = practice.user("ben");
            let entry = ben.queue().rows[0].entry;
            ben.hide(entry).unwrap();
        }
    }
    let mut ben = practice.user("ben");
    let entry = ben.queue().rows[0].entry;
    let text = |earlier: &Earlier| earlier.content.parts.iter().map(|part| part.text.clone()).collect::<String>();
    let second = earlier(&mut ben, entry, Version(3)).unwrap();
    assert!(text(&second).contains(texts[1]) && second.decisions.is_empty(), "{second:?}");
    let first = earlier(&mut ben, entry, second.content.version).unwrap();
    assert!(text(&first).contains(texts[0]), "{first:?}");
    assert!(matches!(first.decisions.as_slice(), [hide] if hide.by == "ben"), "{first:?}");
    assert_eq!(earlier(&mut ben, entry, Version::FIRST).unwrap_err(), "no earlier version came here");
    assert!(matches!(practice.user("adm").ask(Request::Earlier { entry, before: Version(3) }), Reply::Refused { .. }));
}

#[test]
fn who_is_to_read_back_compares_afterwards() {
    let practice = Practice::new();
    pull(&practice, "first", &[row(1, 1, 0, "Cough.")]);
    pull(&practice, "second", &[row(1, 1, 0, ABUSE)]);
    let mut ben = practice.user("ben");
    let entry = ben.queue().rows[0].entry;
    let redaction = all_suggestions(&ben.open(entry), Style::Silent);
    assert_eq!(ben.decide(entry, redaction).unwrap().state, State::AwaitingSecond);
    let mut lea = practice.user("lea");
    let row = lea.open(entry).row;
    let why = earlier(&mut lea, entry, row.version).unwrap_err();
    assert!(why.contains("say what seems to be missing"), "{why}");
    let (version, revision, guess) = (row.version, row.revision, String::new());
    assert!(matches!(lea.ask(Request::ReadBack { entry, version, revision, guess }), Reply::Decided(_)));
    assert!(earlier(&mut lea, entry, row.version).is_ok());
}

#[test]
fn a_patient_s_record_lists_what_is_hidden_too_and_is_closed_to_who_may_not_read_it() {
    let practice = Practice::new();
    pull(&practice, "first", &[row(1, 1, 0, ABUSE), row(2, 2, 0, "Flu jab given."), row(3, 3, 1, "Cough.")]);
    let mut ben = practice.user("ben");
    let waiting = ben.queue().rows[0].clone();
    ben.hide(waiting.entry).unwrap();
    let here = record(&mut ben, waiting.patient);
    let states: Vec<State> = here.entries.iter().map(|row| row.state).collect();
    assert_eq!(states.len(), 2, "only this patient's: {:?}", here.entries);
    assert!(states.contains(&State::Hidden), "{states:?}");
    assert!(here.entries.iter().all(|row| row.patient == waiting.patient));
    // What a lead sets aside is read anew.
    let mut lea = practice.user("lea");
    let hidden = lea.open(waiting.entry).row;
    let reopen = Request::Handle {
        entry: hidden.entry,
        version: hidden.version,
        revision: hidden.revision,
        handling: Handling::Reopen { why: "she asked for it".to_owned() },
    };
    assert!(matches!(lea.ask(reopen), Reply::Decided(decided) if decided.state == State::Queued));
    let act = PatientAct::SetFlag { flag: Flag::RestrictedReaders, why: "staff".to_owned(), withdraw: false };
    assert!(matches!(lea.ask(Request::Patient { patient: waiting.patient, act }), Reply::PatientDone(_)));
    let closed = record(&mut ben, waiting.patient);
    assert!(closed.closed.is_some() && closed.entries.is_empty(), "{closed:?}");
    assert!(closed.card.nhs_number.is_none() && closed.safeguards.flags[0].why.is_empty());
}

#[test]
fn in_a_dispute_only_the_lead_learns_who_wanted_what() {
    let practice = Practice::new();
    pull(&practice, "first", &[row(1, 1, 0, ABUSE), row(2, 2, 0, "Domestic abuse disclosed, he hits her often.")]);
    let mut ben = practice.user("ben");
    let entries: Vec<EntryId> = ben.queue().rows.iter().map(|row| row.entry).collect();
    assert_eq!(entries.len(), 2);
    let redaction = all_suggestions(&ben.open(entries[0]), Style::Silent);
    ben.decide(entries[0], redaction).unwrap();
    let mut ann = practice.user("ann");
    assert_eq!(ann.decide(entries[0], Act::Hide { reason: HideReason::Coercion }).unwrap().state, State::Disputed);
    let by = |person: &mut Person| -> Vec<String> {
        person.open(entries[0]).decisions.into_iter().map(|decision| decision.by).collect()
    };
    assert_eq!(by(&mut ben), ["ben"]);
    assert_eq!(by(&mut ann), ["ann"]);
    let mut lea = practice.user("lea");
    assert_eq!(by(&mut lea), ["ben", "ann"]);
    assert_eq!(lea.open(entries[0]).may_not_release, None, "it is the lead's to decide");
    assert!(ann.open(entries[0]).may_not_release.is_some());
    // The lead's list: the dispute above, and below it what waits for everybody, wherever one begins to read.
    let mut rows = |from: usize| match lea.ask(Request::Rows(Wanted { from, limit: 1, only: Only::default() })) {
        Reply::Queue(queue) => (queue.rows[0].entry, queue.fits),
        other => panic!("{other:?}"),
    };
    assert_eq!([rows(0), rows(1)], [(entries[0], 2), (entries[1], 2)]);
}
