//! A FHIR server that the settings name and that stops in the middle: it is asked again soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anteroom::daemon::Scheduler;
use anteroom::protocol::{Reply, Request, Status};
use anteroom::store::{EmbeddedStore, Store, Table};
use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{self, Practice};
use crate::server::pages;
use crate::stub::{Answer, Server};

fn at(hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 16, hour, minute, 0).unwrap()
}

/// A practice whose server falls due at 07:15.
fn practice(base: &str) -> Practice {
    let dir = TempDir::new().unwrap();
    let settings = format!(
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\n\n[[source]]\nname = \"gp\"\nwhat = \
         \"fhir:{base}\"\nat = \"07:15\"\n"
    );
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    std::fs::write(dir.path().join("users.toml"), kit::USERS).unwrap();
    Practice::open_at(dir, at(7, 16))
}

fn status(practice: &Practice) -> Status {
    match practice.user("lea").ask(Request::Status) {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// What the ledger says did not come whole, a batch after the other.
fn ledger(folder: &std::path::Path) -> Vec<Value> {
    let (store, _) = EmbeddedStore::open(&folder.join("store"), &kit::options(), &kit::master()).unwrap();
    let rows = store.scan(Table::Batch, &[], None, 100).unwrap();
    let rows = rows.into_iter().map(|(_, row)| serde_json::from_slice::<Value>(&row.value).unwrap());
    rows.map(|row| row["pulled"]["incomplete"].clone()).collect()
}

#[test]
fn what_a_server_did_not_give_is_asked_for_again_soon_and_said_until_it_came() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let server = Server::start(move |path, base| {
        let does_not_come = path.starts_with("Observation?page=3") || path.starts_with("Procedure?");
        if does_not_come && is_broken.load(Ordering::Relaxed) { Answer::status(403) } else { pages(path, base) }
    });
    let practice = practice(&server.base);
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    let mut look = || scheduler.look().into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let first = look();
    assert_eq!((first.len(), first[0].new), (1, 2));
    assert_eq!(first[0].incomplete, ["Observation", "Procedure"]);

    let said = "gp: the pull at 07:16 on Mon 16 Nov brought only a part of Observation, Procedure";
    assert!(practice.user("lea").queue().alarms[0].starts_with(said), "{:?}", practice.user("lea").queue().alarms);
    let told = status(&practice);
    assert!(told.alarms[0].starts_with(said), "{:?}", told.alarms);
    assert_eq!(told.feeds[0].incomplete, ["Observation", "Procedure"]);
    assert!(!told.alarms.iter().any(|alarm| alarm.contains("has not come")), "{:?}", told.alarms);

    // Not at once; then after pauses that double, up to an hour.
    assert_eq!(look().len(), 0);
    let mut tries = vec![0];
    for minute in 1..=200 {
        practice.clock.set(at(7, 16) + Duration::minutes(minute));
        tries.extend(look().iter().map(|_| minute));
    }
    // The clock of a slow machine runs on between two looks.
    let pauses: Vec<i64> = tries.windows(2).map(|pair| pair[1] - pair[0]).take(5).collect();
    let is_about = |(pause, wanted): (&i64, i64)| (wanted..wanted + 5).contains(pause);
    assert!(pauses.iter().zip([5, 10, 20, 40, 60]).all(is_about) && pauses.len() == 5, "{tries:?}");
    assert!(status(&practice).alarms[0].contains("brought only a part of"), "{:?}", status(&practice).alarms);

    broken.store(false, Ordering::Relaxed);
    practice.clock.set(at(7, 16) + Duration::minutes(300));
    let whole = look();
    assert_eq!((whole.len(), whole[0].new, whole[0].incomplete.len()), (1, 1, 0), "{whole:?}");
    let told = status(&practice);
    assert_eq!((told.alarms.as_slice(), told.feeds[0].incomplete.len()), ([].as_slice(), 0));
    practice.clock.set(at(7, 16) + Duration::minutes(500));
    assert_eq!(look().len(), 0, "until tomorrow");

    drop(scheduler);
    let Practice { dir, service, .. } = practice;
    drop(service);
    let part = serde_json::json!(["Observation", "Procedure"]);
    let ledger = ledger(dir.path());
    assert_eq!(ledger, [vec![part; tries.len()], vec![Value::Null]].concat());
}
