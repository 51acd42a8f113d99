//! P34: invented entries among the sample. Nobody can tell one before it is read, no channel ever shows one, and no
//! figure counts one but that of the readers.

use std::collections::BTreeSet;

use anteroom::audit::{Event, Record};
use anteroom::channel::{Channel, Portal, Released};
use anteroom::protocol::{Opened, QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, EntryVersion, Handling, HideReason, Lane, NhsNumber, PatientId};
use anteroom::review::decoys::built_in;
use anteroom::review::{Policy, State, render};
use anteroom::screen::Rules;
use chrono::Duration;

use super::practice::handle;
use super::sampling::{log, plain, publish, pull, report};
use crate::service_kit::{Person, Practice, start};

const REAL: usize = 60;

/// A practice in shadow, where ten in a hundred are invented, with sixty entries to be read as a sample.
fn practice() -> Practice {
    let practice = Practice::measured_with(&Policy { decoy_percent: 10, ..Practice::policy() });
    pull(&practice, "extract", &(1..=REAL).map(plain).collect::<Vec<_>>());
    practice
}

fn is_real(opened: &Opened) -> bool {
    opened.version.parts[0].text.contains("tolb")
}

/// What waits: what is real, and what is not.
fn told_apart(person: &mut Person) -> (Vec<Opened>, Vec<Opened>) {
    let rows = person.queue().rows;
    rows.iter().map(|row| person.open(row.entry)).partition(is_real)
}

fn hide() -> Act {
    Act::Hide { reason: HideReason::Coercion }
}

/// The fields of everything that is sent of an entry.
fn fields(value: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields_) => {
            for (name, value) in fields_ {
                let path = format!("{path}.{name}");
                found.insert(path.clone());
                fields(value, &path, found);
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|value| fields(value, path, found)),
        _ => {}
    }
}

#[test]
pub fn p34_nobody_can_tell_a_decoy_before_it_is_read() {
    let practice = practice();
    let mut ben = practice.user("ben");
    let rows: Vec<QueueRow> = ben.queue().rows;
    let (real, invented) = told_apart(&mut ben);
    assert!(real.len() == REAL && (6..=7).contains(&invented.len()), "{} and {}", real.len(), invented.len());
    assert_eq!(ben.queue().rows.len(), rows.len(), "no list puts in more");
    let shape = |opened: &Opened| {
        let mut found = BTreeSet::new();
        // Others of the patient, or the household, that wait are not there for everybody.
        let alone = Opened { also_here: Vec::new(), ..opened.clone() };
        fields(&serde_json::to_value(alone).unwrap(), "", &mut found);
        found
    };
    for opened in &invented {
        let sent = serde_json::to_string(opened).unwrap();
        let row = serde_json::to_string(&opened.row).unwrap();
        for tell in ["decoy", "planted", "invented", "999999", "999 999"] {
            assert!(!sent.contains(tell) && !row.contains(tell), "{tell} is in {sent}");
        }
        assert_eq!(shape(opened), shape(&real[0]));
        let beside = |other: &Opened| {
            let QueueRow { recorded, author, state, tier, lane, title, .. } = other.row.clone();
            (recorded, author, state, tier, lane, title)
        };
        assert!(real.iter().any(|other| beside(other) == beside(opened)), "{:?}", opened.row);
        let number = opened.patient.nhs_number.as_deref().unwrap();
        assert!(number.parse::<NhsNumber>().is_err() && number.len() == 12, "it is nobody's: {number}");
    }
    // Nor does the log tell those who read, not even by what is missing of how it came.
    for login in ["ben", "lea"] {
        let told = log(&mut practice.user(login));
        let waits: BTreeSet<EntryId> = rows.iter().map(|row| row.entry).collect();
        let arrival = |record: &&Record| {
            let how = matches!(
                record.event,
                Event::Ingested | Event::Screened { .. } | Event::Drawn { .. } | Event::DecoySown { .. }
            );
            how && record.entry.is_some_and(|entry| waits.contains(&entry))
        };
        assert_eq!(told.iter().filter(arrival).count(), 0, "{login}");
    }
    let all = log(&mut practice.user("aud"));
    let sown = all.iter().filter(|record| matches!(record.event, Event::DecoySown { .. })).count();
    assert_eq!(sown, invented.len(), "an auditor, who reads no records, sees all of it");
}

#[test]
pub fn p34_a_decoy_is_never_shown_and_counts_for_nothing_but_its_reader() {
    let practice = practice();
    let mut ben = practice.user("ben");
    let (real, invented) = told_apart(&mut ben);
    let texts: Vec<String> = invented.iter().map(|opened| opened.version.parts[0].text.clone()).collect();
    for opened in &real {
        let decided = ben.decide(opened.row.entry, Act::Approve).unwrap();
        assert!(!decided.decoy && decided.state == State::Settling);
    }
    // One is approved, one asked about, the others hidden.
    for (n, opened) in invented.iter().enumerate() {
        let entry = opened.row.entry;
        let decided = match n {
            0 => ben.decide(entry, Act::Approve).unwrap(),
            1 => handle(&mut ben, entry, Handling::Escalate { note: "who reads along?".into() }).unwrap(),
            _ => ben.decide(entry, hide()).unwrap(),
        };
        assert!(decided.decoy && decided.visible_at.is_none() && decided.review_by.is_none(), "{decided:?}");
        assert_eq!(decided.state, State::SourceDeleted);
        for act in [Request::Undo { entry }, Request::Pick { entry }] {
            assert!(matches!(ben.ask(act), Reply::Refused { .. }), "the first reading counts, and it is gone");
        }
        assert!(handle(&mut practice.user("lea"), entry, Handling::Reopen { why: "please".into() }).is_err());
    }
    let shown = invented.len() as u64;
    let check = |practice: &Practice| {
        let mut lea = practice.user("lea");
        let found = report(&mut lea);
        assert_eq!(found.readers.len(), 1);
        let sight = &found.readers[0];
        assert_eq!((sight.login.as_str(), sight.noticed.hits, sight.noticed.of), ("ben", shown - 1, shown));
        assert!(sight.noticed.low < 0.9 && sight.noticed.high > 0.99, "never without its exact limits: {sight:?}");
        let clear = &found.windows[0].clear;
        assert_eq!((clear.sampled.entries, clear.sampled.read, clear.sampled.missed), (60, 60, 0));
        assert_eq!(clear.sensitivity.map(|seen| (seen.hits, seen.of)), Some((shown - 1, shown)));
        assert!(clear.bound > 0.0488, "readers who miss some bound less: {}", clear.bound);
        assert!(report(&mut practice.user("ann")).readers.is_empty(), "nobody sees another's");
        assert_eq!(report(&mut practice.user("ben")).readers.len(), 1);
        let totals = lea.queue().totals;
        assert_eq!((totals.to_review, totals.hidden, totals.withdrawn, totals.for_lead), (0, 0, 0, 0));
        let Reply::Agreement(agreement) = lea.ask(Request::Agreement) else { panic!("it is the lead") };
        assert_eq!((agreement.reviewers[0].standing.read, agreement.reviewers[0].standing.withheld), (60, 0));
        assert!(matches!(lea.ask(Request::Worklist), Reply::Worklist(list) if list.items.is_empty()));
    };
    check(&practice);
    publish(&practice, 6);
    let feed = std::fs::read_to_string(practice.feed()).unwrap();
    assert_eq!(feed.lines().count(), REAL);
    assert!(texts.iter().all(|text| !feed.contains(text.as_str())));
    drop(ben);
    let practice = practice.restart();
    check(&practice);
    publish(&practice, 7);
    assert_eq!(practice.composition_lines().len(), REAL);
    let read = log(&mut practice.user("aud"));
    let read = read.iter().filter(|record| matches!(record.event, Event::DecoyRead { counts: true, .. })).count();
    assert_eq!(read as u64, shown);
}

#[test]
pub fn p34_no_channel_takes_a_number_of_a_decoy() {
    let dir = tempfile::TempDir::new().unwrap();
    let portal = Portal::new(dir.path().join("feed"));
    let released = |n: u8, number: NhsNumber| Released {
        entry: EntryId([n; 16]),
        patient: PatientId([n; 16]),
        nhs_number: Some(number),
        rendition: render(&version("Flu jab given."), &Act::Approve).unwrap(),
    };
    let number = NhsNumber::of_decoy(7).unwrap();
    let both = [released(1, "999 000 0018".parse().unwrap()), released(2, number)];
    let delivery = portal.deliver("Test", &both).unwrap();
    assert_eq!(delivery.entries, 1);
    let feed = std::fs::read_to_string(dir.path().join("feed/Composition.ndjson")).unwrap();
    assert!(feed.lines().count() == 1 && feed.contains(&EntryId([1; 16]).to_string()));
    assert!(portal.compare("Test", &both).unwrap().is_empty());
    for n in 0..2_000 {
        let number = NhsNumber::of_decoy(n).unwrap();
        assert!(number.is_decoy() && number.to_string().starts_with("999 999 "));
        let shown = number.shown();
        assert!(!shown.starts_with('9') && shown.parse::<NhsNumber>().is_err(), "{shown} could be somebody's");
    }
    assert!(!"999 000 0018".parse::<NhsNumber>().unwrap().is_decoy());
}

fn version(text: &str) -> EntryVersion {
    serde_json::from_value(serde_json::json!({
        "entry": "00000000000000000000000000000001", "version": 1, "kind": "consultation", "title": "GP Surgery",
        "happened": null, "recorded": null, "author": {"id": "", "name": ""},
        "parts": [{"key": {"system": "t", "organisation": "o", "id": "1"}, "heading": "", "display": "", "codes": [],
            "value": "", "text": text, "happened": null, "author": {"id": "", "name": ""}, "order": 0,
            "unreadable": null}],
    }))
    .unwrap()
}

#[test]
pub fn screening_finds_nothing_in_most_decoys() {
    let all = built_in();
    let texts: BTreeSet<&str> = all.iter().map(|decoy| decoy.text.as_str()).collect();
    assert!(all.len() >= 20 && texts.len() == all.len());
    let rules = Rules::built_in();
    let clear = |text: &&&str| rules.screen_entry(&version(text)).lane == Lane::Clear;
    let clear: Vec<_> = texts.iter().filter(clear).collect();
    assert!(clear.len() >= 6, "screening finds something in all but {clear:?}: write others");
}

#[test]
pub fn without_a_share_nothing_is_invented() {
    let practice = Practice::measured();
    pull(&practice, "extract", &(1..=REAL).map(plain).collect::<Vec<_>>());
    practice.clock.set(start() + Duration::hours(1));
    assert_eq!(practice.user("ben").queue().rows.len(), REAL);
    assert!(report(&mut practice.user("lea")).windows[0].clear.sensitivity.is_none());
}
