//! A decision that stands is answered as one, whatever fails of what follows it; and that is done later.

use std::fs;
use std::sync::atomic::Ordering;

use anteroom::audit::Actor;
use anteroom::protocol::{Reply, Request};
use anteroom::record::{Act, EntryId, HideReason};
use anteroom::review::State;
use chrono::Duration;

use crate::service_kit::extract::{self, row};
use crate::service_kit::{Practice, person, start};
use crate::watched::{Served, serve};

/// A practice in which two patients can see an entry each, the same words in both, and where it lives.
pub fn shown() -> (Practice, Vec<EntryId>) {
    let practice = Practice::new();
    let rows = [row(1, 1, 0, "Flu jab given."), row(2, 2, 0, "Cough for a week.")];
    let feed = extract::write(&practice.path().join("extract"), &rows);
    practice.user("lea").pull(&feed);
    practice.clock.set(start() + Duration::days(6));
    practice.service.publish(&Actor::system("publish")).unwrap();
    let lines = practice.composition_lines();
    assert_eq!(lines.len(), 2);
    let ids = lines.iter().map(|line| line["id"].as_str().unwrap().parse().unwrap()).collect();
    (practice, ids)
}

pub const HIDE: Act = Act::Hide { reason: HideReason::HarmToPatient };

#[test]
fn a_hide_that_the_channel_does_not_take_stands_says_so_and_is_delivered_later() {
    let (practice, ids) = shown();
    let (feed, away) = (practice.path().join("feed"), practice.path().join("away"));
    fs::rename(&feed, &away).unwrap();
    fs::write(&feed, "in the way").unwrap();
    assert!(!practice.service.is_due());

    let decided = practice.user("ben").decide(ids[0], HIDE).unwrap();
    assert_eq!(decided.state, State::Retracting);
    let unfinished = decided.unfinished.unwrap();
    assert!(unfinished.contains("may still show") && unfinished.contains("tried again"), "{unfinished}");
    let publish = || practice.service.publish(&Actor::system("publish"));
    assert!(practice.service.is_due() && publish().is_err());
    assert!(practice.service.is_due(), "a publication that failed forgot it");

    fs::remove_file(&feed).unwrap();
    fs::rename(&away, &feed).unwrap();
    publish().unwrap();
    assert!(!practice.service.is_due());
    assert_eq!(practice.user("ben").open(ids[0]).row.state, State::Retracted);
    let lines = practice.composition_lines();
    assert!(lines.iter().all(|line| line["id"].as_str() != Some(ids[0].to_string().as_str())), "{lines:?}");
}

#[test]
fn a_hide_after_which_the_disk_is_full_is_no_failed_hide() {
    let (practice, ids) = shown();
    let dir = practice.close();
    let Served { service, left, .. } = serve(dir.path(), start() + Duration::days(6));
    let mut ben = person(&service, "ben");
    // One unit for the reading of the entry, one for the hide; there is no room for what follows.
    let row = ben.open(ids[0]).row;
    left.store(1, Ordering::Relaxed);
    let decided = ben.decide_on(&row, HIDE).unwrap();
    assert!(decided.unfinished.unwrap().contains("too full"));
    left.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(ben.open(ids[0]).row.state, State::Retracting);
    assert!(service.is_due());
    service.publish(&Actor::system("publish")).unwrap();
    assert_eq!(ben.open(ids[0]).row.state, State::Retracted);

    // And a hide for which there is no room is none.
    let row = ben.open(ids[1]).row;
    left.store(0, Ordering::Relaxed);
    let refused = ben.ask(Request::Decide {
        entry: row.entry,
        version: row.version,
        revision: row.revision,
        act: HIDE,
        token: None,
        waivers: Vec::new(),
    });
    assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
    left.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(ben.open(ids[1]).row.state, State::Released);
}
