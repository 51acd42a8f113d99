//! Patients, where they live, who reads their record.

use anteroom::record::{AccessLevel, Proxy, Sex};
use anteroom::source::{Change, PatientAlso, RelatedTo, RelationFacts};

use crate::kit::*;

const ONLINE: &str = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,ViewRecord,SummaryCareRecord,DateDeleted,DetailedCodedRecord,RemovedData";
const RELATION: &str = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,RelationshipType,PersonalGuardianOrProxy,NextOfKin,HasParentalResponsibility,RelationshipWithName,IDPatientRelationshipWith,DateEnded,RemovedData";
const ADDRESS: &str = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,NumberOfBuilding,NameOfRoad,FullPostCode,DateTo,AddressType,RemovedData";

fn of(columns: &str, id: &str, patient: &str, besides: &[(&str, &str)]) -> String {
    let common = [("RowIdentifier", id), ("IDOrganisationVisibleTo", ORGANISATION), ("IDPatient", patient)];
    row(columns, &[&common, besides].concat())
}

fn also(read: &Read) -> Vec<&PatientAlso> {
    read.0.iter().filter_map(|change| if let Change::PatientAlso(also) = change { Some(also) } else { None }).collect()
}

#[test]
fn a_patient_has_a_name_a_number_and_a_birthday() {
    let rows = [patient("1", &[]), patient("2", &[("NHSNumber", "9434765918"), ("DateBirth", "14 Oct 1700 00:00")])];
    let read = Batch::quiet().with("SRPatient", table(SRPATIENT, &rows)).read();
    let patients: Vec<_> = read
        .0
        .iter()
        .filter_map(|change| if let Change::Patient(facts) = change { Some(facts) } else { None })
        .collect();
    let [ada, other] = patients[..] else { panic!("{read:?}") };
    assert_eq!((ada.family_name.as_str(), ada.given_name.as_str(), ada.sex), ("Example", "Ada", Sex::Female));
    assert_eq!((ada.nhs_number.is_some(), ada.born), (true, Some("1990-05-06".parse().unwrap())));
    assert_eq!((other.nhs_number.is_some(), other.born), (false, None));
    assert_eq!(
        read.set_aside(),
        [
            "SRPatient.csv, row 3: the check digit of the NHS number is wrong: the patient was kept without it; correct NHSNumber in SystmOne",
            "SRPatient.csv, row 3: DateBirth lies before 1850: the row was kept without that date; correct it in SystmOne",
        ]
    );
}

#[test]
fn the_widest_login_counts() {
    let rows = [
        of(ONLINE, "1", "1", &[("DetailedCodedRecord", "TRUE")]),
        of(ONLINE, "2", "1", &[("ViewRecord", "TRUE"), ("DateDeleted", "01 Feb 2026")]),
        of(ONLINE, "3", "2", &[("ViewRecord", "TRUE")]),
        of(ONLINE, "4", "3", &[("ViewRecord", "TRUE"), ("DateDeleted", "01 Feb 2026")]),
    ];
    let level =
        |read: &Read, id: &str| also(read).into_iter().find(|also| also.key == key(id)).and_then(|also| also.level);
    let day = Batch::quiet().with("SROnlineServices", table(ONLINE, &rows)).read();
    assert_eq!(level(&day, "patient:1"), Some(AccessLevel::Coded));
    assert_eq!(level(&day, "patient:2"), Some(AccessLevel::Full));
    assert_eq!(level(&day, "patient:3"), None, "there may be other logins that did not change");
    assert_eq!(day.notices().len(), 1, "{:?}", day.notices());
    assert!(day.notices()[0].starts_with("Online access ended for a login of 1 patient,"));
    let whole = Batch::quiet().listed_as("SROnlineServices", table(ONLINE, &rows), WHOLE).read();
    assert_eq!(level(&whole, "patient:3"), Some(AccessLevel::None));
}

#[test]
fn who_acts_for_a_patient_may_read_and_where_they_live_makes_a_household() {
    let mother =
        [("RelationshipType", "Mother"), ("HasParentalResponsibility", "TRUE"), ("RelationshipWithName", "Kim Sample")];
    let ended = [&mother[..], &[("DateEnded", "01 Feb 2026")]].concat();
    let rows = [
        of(RELATION, "1", "1", &mother),
        of(RELATION, "2", "2", &ended),
        of(RELATION, "3", "1", &[("RelationshipType", "Brother"), ("NextOfKin", "TRUE")]),
        of(RELATION, "4", "1", &[("RelationshipType", "Husband"), ("IDPatientRelationshipWith", "2")]),
    ];
    let homes = [
        of(ADDRESS, "1", "1", &[("NumberOfBuilding", "1"), ("NameOfRoad", "Low Road"), ("AddressType", "Home")]),
        of(ADDRESS, "2", "1", &[("NameOfRoad", "Old Road"), ("DateTo", "01 Feb 2020")]),
    ];
    let read = Batch::quiet()
        .with("SRPatientRelationship", table(RELATION, &rows))
        .with("SRPatientAddressHistory", table(ADDRESS, &homes))
        .read();
    let kim = Proxy { name: "Kim Sample".into(), relation: "Mother".into(), access: AccessLevel::Full };
    let plain = |id: &str| PatientAlso::of(key(id));
    let expected = [
        PatientAlso { address: "1, Low Road".into(), ..plain("patient:1") },
        PatientAlso { proxies: vec![kim.clone()], ..plain("patient:1") },
        PatientAlso { proxies_gone: vec![kim], ..plain("patient:2") },
    ];
    assert_eq!(also(&read), expected.iter().collect::<Vec<_>>());
    let relations = read.0.iter().filter(|change| matches!(change, Change::Relation(_) | Change::RelationGone { .. }));
    let husband = RelatedTo::Patient(key("patient:2"));
    let expected = [
        Change::RelationGone { key: key("relationship:2"), patient: Some(key("patient:2")) },
        Change::Relation(RelationFacts { key: key("relationship:4"), patient: key("patient:1"), to: husband }),
    ];
    assert_eq!(relations.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}
