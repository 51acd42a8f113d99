//! Feeds pulled into a practice: once, and again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod exports;
mod generated;
mod helios;
mod killed;
mod kin;
#[path = "../kit/mod.rs"]
mod kit;
mod letters;
mod moved;
mod order;
mod partial;
mod patients;
mod published;
mod scheduled;
mod server;
mod stub;
#[path = "../source_tpp/kit.rs"]
#[allow(dead_code)]
mod tpp;
mod twodates;
mod wire;

use std::path::Path;

use anteroom::protocol::{Pulled, Reply, Request};

use kit::Practice;

fn tpp_feed(batch: &tpp::Batch, folder: &Path) -> String {
    std::fs::create_dir_all(folder).unwrap();
    batch.write(folder);
    format!("tpp:{}", folder.display())
}

fn counts(pulled: &Pulled) -> [u64; 4] {
    [pulled.patients, pulled.new, pulled.changed, pulled.deleted]
}

#[test]
fn a_batch_pulled_again_changes_nothing_and_a_row_that_comes_twice_is_one_line() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let first = tpp::Batch::quiet()
        .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
        .with("SREvent", table(SREVENT, &[event("7", &[])]))
        .with(
            "SRCode",
            table(SRCODE, &[code("2", &[]), code("2", &[("SNOMEDText", "Domestic abuse")]), code("3", &[])]),
        );
    let feed = tpp_feed(&first, &practice.path().join("first"));
    assert_eq!(counts(&lea.pull(&feed)), [1, 1, 0, 0]);
    assert_eq!(counts(&lea.pull(&feed)), [0, 0, 0, 0]);
    let row = lea.waiting("EXAMPLE");
    let opened = lea.open(row.entry);
    let displays: Vec<&str> = opened.version.parts.iter().map(|part| part.display.as_str()).collect();
    assert_eq!(displays, ["Domestic abuse", "Anxiety"]);

    // The same rows in another order are no news.
    let turned = tpp::Batch::quiet()
        .with("SREvent", table(SREVENT, &[event("7", &[])]))
        .with("SRCode", table(SRCODE, &[code("3", &[]), code("2", &[("SNOMEDText", "Domestic abuse")])]));
    assert_eq!(counts(&lea.pull(&tpp_feed(&turned, &practice.path().join("turned")))), [0, 0, 0, 0]);

    // One of them is removed.
    let second = tpp::Batch::quiet().with("SREvent", table(SREVENT, &[event("7", &[])])).with(
        "SRCode",
        table(SRCODE, &[code("3", &[("RemovedData", "1")]), code("2", &[("SNOMEDText", "Domestic abuse")])]),
    );
    let feed = tpp_feed(&second, &practice.path().join("second"));
    assert_eq!(counts(&lea.pull(&feed)), [0, 0, 1, 0]);
    assert_eq!(lea.open(row.entry).version.parts.len(), 1);
}

/// SystmOne keeps logins, relations and addresses in tables of their own, which change without the patient.
#[test]
fn who_reads_and_who_lives_there_may_come_a_day_later() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, row, table};
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let two = [patient("1", &[]), patient("2", &[("FirstName", "Bo"), ("NHSNumber", "")])];
    let first = tpp::Batch::quiet()
        .with("SRPatient", table(SRPATIENT, &two))
        .with("SREvent", table(SREVENT, &[event("7", &[])]))
        .with("SRCode", table(SRCODE, &[code("2", &[("SNOMEDText", "Domestic abuse")])]));
    lea.pull(&tpp_feed(&first, &practice.path().join("first")));
    let row_of = |columns: &str, id: &str, patient: &str, besides: &[(&str, &str)]| {
        let common = [("RowIdentifier", id), ("IDOrganisationVisibleTo", tpp::ORGANISATION), ("IDPatient", patient)];
        row(columns, &[&common, besides].concat())
    };
    let online =
        "RowIdentifier,IDOrganisationVisibleTo,IDPatient,ViewRecord,DetailedCodedRecord,DateDeleted,RemovedData";
    let relations = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,RelationshipType,PersonalGuardianOrProxy,RelationshipWithName,IDPatientRelationshipWith,DateEnded,RemovedData";
    let addresses = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,NameOfRoad,DateTo,RemovedData";
    let home = [("NameOfRoad", "1 Low Road")];
    let sam = [("RelationshipType", "carer"), ("PersonalGuardianOrProxy", "TRUE"), ("RelationshipWithName", "Sam")];
    let second = tpp::Batch::quiet()
        .with("SROnlineServices", table(online, &[row_of(online, "1", "1", &[("DetailedCodedRecord", "TRUE")])]))
        .with("SRPatientRelationship", table(relations, &[row_of(relations, "1", "1", &sam)]))
        .with("SRPatientAddressHistory", table(addresses, &["1", "2"].map(|id| row_of(addresses, id, id, &home))));
    let feed = tpp_feed(&second, &practice.path().join("second"));
    assert_eq!(counts(&lea.pull(&feed))[1..], [0, 0, 0]);
    let entry = lea.waiting("EXAMPLE").entry;
    let card = lea.open(entry).patient;
    assert_eq!(card.name, "EXAMPLE Ada", "what came before stays");
    assert_eq!(card.readers, ["patient’s app, codes without text", "Sam, carer, full record"]);
    assert_eq!(card.household.len(), 1, "{:?}", card.household);
    assert_eq!(lea.pull(&feed).patients, 0);

    let third = tpp::Batch::quiet().with(
        "SRPatientRelationship",
        table(relations, &[row_of(relations, "1", "1", &[&sam[..], &[("DateEnded", "01 Mar 2026")]].concat())]),
    );
    lea.pull(&tpp_feed(&third, &practice.path().join("third")));
    assert_eq!(lea.open(entry).patient.readers, ["patient’s app, codes without text"]);

    // A relation who is a patient too belongs to the household wherever they live, until it ends.
    let moved = [("NameOfRoad", "9 High Road")];
    let husband = [("RelationshipType", "husband"), ("IDPatientRelationshipWith", "2")];
    let fourth = tpp::Batch::quiet()
        .with("SRPatientAddressHistory", table(addresses, &[row_of(addresses, "2", "2", &moved)]))
        .with("SRPatientRelationship", table(relations, &[row_of(relations, "2", "1", &husband)]));
    lea.pull(&tpp_feed(&fourth, &practice.path().join("fourth")));
    assert_eq!(lea.open(entry).patient.household.len(), 1);
    let ended = [&husband[..], &[("DateEnded", "01 Mar 2026")]].concat();
    let fifth =
        tpp::Batch::quiet().with("SRPatientRelationship", table(relations, &[row_of(relations, "2", "1", &ended)]));
    lea.pull(&tpp_feed(&fifth, &practice.path().join("fifth")));
    assert_eq!(lea.open(entry).patient.household.len(), 0);
}

/// A whole table says by its manifest that it is one.
#[test]
fn what_a_whole_batch_no_longer_holds_is_gone() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let of_event = |id: &str, event: &str| code(id, &[("IDEvent", event), ("SNOMEDText", "Domestic abuse")]);
    let batch = |events: &[String], codes: &[String], listed: fn() -> tpp::Listed| {
        tpp::Batch::quiet()
            .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
            .listed_as("SREvent", table(SREVENT, events), listed())
            .listed_as("SRCode", table(SRCODE, codes), listed())
    };
    let events = ["7", "8", "9"].map(|id| event(id, &[]));
    let codes = [of_event("1", "7"), of_event("2", "7"), of_event("3", "8"), of_event("4", "9")];
    lea.pull(&tpp_feed(&batch(&events, &codes, || tpp::DELTA), &practice.path().join("first")));
    // Changes: what they do not speak of stays.
    let day = tpp_feed(&batch(&events[..1], &codes[..1], || tpp::DELTA), &practice.path().join("day"));
    assert_eq!(counts(&lea.pull(&day)), [0, 0, 0, 0]);
    // Whole: the second code of event 7 and all of event 9 are gone.
    let gone = [codes[0].clone(), codes[2].clone()];
    let whole = tpp_feed(&batch(&events[..2], &gone, || tpp::WHOLE), &practice.path().join("whole"));
    assert_eq!(counts(&lea.pull(&whole)), [0, 0, 1, 1]);
    assert_eq!(lea.queue().rows.len(), 2);
}

/// The table of referrals has no deletions.
#[test]
fn a_referral_goes_with_its_observation() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let folder = practice.path().join("day");
    let mut line = kit::extract::row(1, 0, 0, "Domestic abuse disclosed, partner hits her.");
    let feed = kit::extract::write(&folder, std::slice::from_ref(&line));
    let referrals = format!(
        "ObservationGuid,PatientGuid,OrganisationGuid,ReferralUrgency\r\n{},{},{{0A000000-0000-4000-8000-000000000001}},Urgent\r\n",
        line.guid,
        kit::extract::guid(0xaa, 0)
    );
    std::fs::write(kit::extract::file(&folder, "CareRecord_ObservationReferral"), referrals).unwrap();
    assert_eq!(lea.pull(&feed).new, 1);
    let row = lea.waiting("NASH");
    assert_eq!(lea.open(row.entry).version.parts.len(), 2);

    line.deleted = true;
    let feed = kit::extract::write(&practice.path().join("next"), &[line]);
    let pulled = lea.pull(&feed);
    assert_eq!((pulled.changed, pulled.deleted), (0, 1), "nothing of the entry is left");
    assert!(pulled.notices.iter().all(|notice| !notice.contains("never came")), "{:?}", pulled.notices);
    assert!(matches!(lea.ask(Request::Queue { limit: 10 }), Reply::Queue(queue) if queue.rows.is_empty()));
}
