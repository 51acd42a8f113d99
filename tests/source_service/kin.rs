//! Relations that a source declares, changes and takes back.

use serde_json::{Value, json};

use crate::kit::Practice;
use crate::patients::{condition, export, hold, proposed};
use crate::server::pull;
use crate::stub::{Answer, Server, bundle};
use crate::tpp;

fn patient(id: &str, family: &str, besides: Value) -> Value {
    let mut patient = json!({ "resourceType": "Patient", "id": id, "name": [{ "family": family, "given": ["A"] }] });
    patient.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    patient
}

fn person(id: &str, besides: Value) -> Value {
    let mut person = json!({ "resourceType": "RelatedPerson", "id": id, "patient": { "reference": "Patient/ada" } });
    person.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    person
}

fn named(family: &str) -> Value {
    json!({ "name": [{ "family": family, "given": ["A"] }] })
}

fn contact(family: &str) -> Value {
    json!({ "contact": [{ "name": { "family": family, "given": ["A"] } }] })
}

/// The names of those in Ada's household.
fn household(practice: &Practice) -> Vec<String> {
    let mut lea = practice.user("lea");
    let entry = lea.waiting("ADA").entry;
    let household = lea.open(entry).patient.household.into_iter();
    let mut names: Vec<String> = household.map(|line| line.split("  ").next().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Whether Ada is kin of somebody over whom there is a flag.
fn ada_is_kin(practice: &Practice) -> bool {
    proposed(practice).iter().any(|name| name.starts_with("ADA"))
}

/// By the record's own link, by the NHS number, and by a name that one patient alone bears.
#[test]
fn a_related_person_who_is_a_patient_makes_a_household_until_it_ends() {
    let nhs = json!({ "identifier": [{ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919" }] });
    let linked = json!({ "link": [{ "other": { "reference": "RelatedPerson/r1" }, "type": "seealso" }] });
    let contact = json!({ "contact": [{ "name": { "family": "Named", "given": ["A"] } }] });
    let all = [
        person("r1", json!({})),
        person("r2", nhs.clone()),
        person("r3", json!({ "name": [{ "family": "Nobody" }] })),
        patient("ada", "Ada", contact),
        patient("link", "Linked", linked.clone()),
        patient("number", "Numbered", nhs.clone()),
        patient("named", "Named", json!({})),
        condition("c1", "ada"),
        condition("c2", "named"),
    ];
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    lea.pull(&export(&practice, "first", &all));
    assert_eq!(household(&practice), ["LINKED A", "NUMBERED A"]);
    hold(&practice, "NAMED");
    assert!(proposed(&practice).iter().any(|name| name.starts_with("ADA")), "{:?}", proposed(&practice));
    // It is over.
    let ended = json!({ "period": { "end": "2026-01-31" } });
    lea.pull(&export(&practice, "second", &[patient("link", "Linked", linked), person("r1", ended)]));
    assert_eq!(household(&practice), ["NUMBERED A"]);
}

/// Ada with two patients whom only names tie to her, each over one record of hers; there is a flag over one of them.
fn with_two_names(practice: &Practice, flagged: &str) {
    let all = [
        patient("ada", "Ada", contact("Contact")),
        person("r1", named("Related")),
        patient("contact", "Contact", json!({})),
        patient("related", "Related", json!({})),
        condition("c1", "ada"),
        condition("c2", "contact"),
        condition("c3", "related"),
    ];
    practice.user("lea").pull(&export(practice, "first", &all));
    hold(practice, flagged);
    assert!(ada_is_kin(practice));
}

/// The newest version of a patient names all of their contacts; of what other records declare it says nothing.
#[test]
fn a_contact_whom_a_new_version_of_the_patient_leaves_out_is_kin_no_longer() {
    for (flagged, stays) in [("CONTACT", false), ("RELATED", true)] {
        let practice = Practice::new();
        with_two_names(&practice, flagged);
        practice.user("lea").pull(&export(&practice, "other", &[condition("c4", "ada")]));
        assert!(ada_is_kin(&practice), "nothing was said of {flagged}");
        practice.user("lea").pull(&export(&practice, "second", &[patient("ada", "Ada", json!({}))]));
        assert_eq!(ada_is_kin(&practice), stays, "{flagged}");
    }
}

fn at(day: u32, mut resource: Value) -> Value {
    resource["meta"] = json!({ "lastUpdated": format!("2026-11-{day:02}T10:00:00Z") });
    resource
}

fn deleted(id: &str) -> Value {
    let gone = json!({ "request": { "method": "DELETE", "url": format!("RelatedPerson/{id}") } });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [gone] })
}

#[test]
fn a_related_person_who_is_deleted_or_no_longer_active_is_kin_no_longer() {
    let inactive = |id: &str| person(id, json!({ "active": false }));
    for (news, stays) in [
        (deleted("r1"), false),
        (inactive("r1"), false),
        (person("r1", named("Other")), false),
        (deleted("r2"), true),
        (inactive("r2"), true),
        (person("r2", named("Other")), true),
    ] {
        let practice = Practice::new();
        with_two_names(&practice, "RELATED");
        practice.user("lea").pull(&export(&practice, "second", std::slice::from_ref(&news)));
        assert_eq!(ada_is_kin(&practice), stays, "{news}");
    }
}

/// Whichever way the relation was declared, and whatever else of the patient changed since.
#[test]
fn a_relation_to_a_patient_is_taken_back_by_its_newest_word_alone() {
    let nhs = json!({ "identifier": [{ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919" }] });
    let linked = json!({ "link": [{ "other": { "reference": "RelatedPerson/r1" }, "type": "seealso" }] });
    let other = |id: &str, besides: &Value| at(1, patient(id, "Other", besides.clone()));
    for (known, declared) in [(other("o", &linked), json!({})), (other("o", &nhs), nhs.clone())] {
        for (news, remain) in [
            (vec![at(3, deleted("r1"))], 0),
            (vec![at(3, person("r1", json!({ "active": false })))], 0),
            (vec![at(4, patient("ada", "Ada", json!({}))), at(3, person("r1", json!({ "active": false })))], 0),
            // An export that was made earlier.
            (vec![at(1, person("r1", json!({ "active": false })))], 1),
            // Which patient it is is said by another record, which did not change.
            (vec![at(3, person("r1", named("Other")))], 1),
        ] {
            let practice = Practice::new();
            let all = [
                at(1, patient("ada", "Ada", json!({}))),
                known.clone(),
                at(2, person("r1", declared.clone())),
                condition("c1", "ada"),
            ];
            practice.user("lea").pull(&export(&practice, "first", &all));
            assert_eq!(household(&practice), ["OTHER A"]);
            practice.user("lea").pull(&export(&practice, "second", &news));
            assert_eq!(household(&practice).len(), remain, "{known}: {news:?}");
        }
    }
}

#[test]
fn a_related_person_whom_a_server_deleted_is_kin_no_longer() {
    let practice = Practice::new();
    let linked = json!({ "link": [{ "other": { "reference": "RelatedPerson/r1" }, "type": "seealso" }] });
    let people = [patient("ada", "Ada", json!({})), patient("other", "Other", linked)];
    let server = Server::declaring(&["Patient", "RelatedPerson", "Condition"], move |path, _| {
        let gone = json!({ "request": { "method": "DELETE", "url": "RelatedPerson/r1" } });
        Answer::page(&match path {
            path if path.starts_with("RelatedPerson/_history") => json!({ "resourceType": "Bundle", "entry": [gone] }),
            path if path.contains("_lastUpdated=ge") || path.contains("_history") => bundle(&[], None),
            path if path.starts_with("Patient?") => bundle(&people, None),
            path if path.starts_with("RelatedPerson?") => bundle(&[person("r1", json!({}))], None),
            path if path.starts_with("Condition?") => bundle(&[condition("c1", "ada")], None),
            _ => bundle(&[], None),
        })
    });
    pull(&practice, &server.base).0.unwrap();
    assert_eq!(household(&practice), ["OTHER A"]);
    pull(&practice, &server.base).0.unwrap();
    assert!(household(&practice).is_empty());
}

#[test]
fn a_relationship_that_systmone_removed_is_kin_no_longer() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, row, table};
    const COLUMNS: &str = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,RelationshipType,IDPatientRelationshipWith,DateEnded,RemovedData";
    let related = |id: &str, besides: &[(&str, &str)]| {
        let common = [("RowIdentifier", id), ("IDOrganisationVisibleTo", tpp::ORGANISATION)];
        tpp::Batch::quiet().with("SRPatientRelationship", table(COLUMNS, &[row(COLUMNS, &[&common, besides].concat())]))
    };
    let whole = [("IDPatient", "1"), ("RelationshipType", "Husband"), ("IDPatientRelationshipWith", "2")];
    let ended = [&whole[..], &[("DateEnded", "01 Mar 2026")]].concat();
    for (news, remain) in [
        (related("5", &[("RemovedData", "1")]), 0),
        (related("5", &ended), 0),
        (related("6", &[("RemovedData", "1")]), 1),
        (related("6", &ended), 1),
    ] {
        let practice = Practice::new();
        let mut lea = practice.user("lea");
        let two = [patient("1", &[("Surname", "Ada")]), patient("2", &[("NHSNumber", "")])];
        let first = related("5", &whole)
            .with("SRPatient", table(SRPATIENT, &two))
            .with("SREvent", table(SREVENT, &[event("7", &[])]))
            .with("SRCode", table(SRCODE, &[code("2", &[("SNOMEDText", "Domestic abuse")])]));
        lea.pull(&crate::tpp_feed(&first, &practice.path().join("first")));
        assert_eq!(household(&practice).len(), 1);
        lea.pull(&crate::tpp_feed(&news, &practice.path().join("second")));
        assert_eq!(household(&practice).len(), remain);
    }
}
