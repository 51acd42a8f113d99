//! Single lines, people, and what is withdrawn or hidden at the source.

use anteroom::record::Unreadable;

use super::*;

#[test]
fn medicines_keep_directions_and_reasons() {
    let medication = |about: Value| {
        let mut resource = resource(
            "MedicationRequest",
            "m",
            json!({
                "dosageInstruction": [{"text": "one at night"}],
                "reasonCode": [anxiety()],
                "contained": [{"resourceType": "Medication", "id": "1", "code": {"text": "Sertraline"}}],
            }),
        );
        resource.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        let changes = read_resources(&[resource]);
        part(&changes, "MedicationRequest/m").clone()
    };
    for (about, display, unreadable) in [
        (json!({"medicationCodeableConcept": {"text": "Sertraline"}}), "Sertraline", None),
        (json!({"medicationReference": {"reference": "#1"}}), "Sertraline", None),
        (json!({"medicationReference": {"reference": "Medication/9", "display": "Sertraline"}}), "Sertraline", None),
        (json!({"medicationReference": {"reference": "Medication/9"}}), "", Some(Unreadable::NotSent)),
    ] {
        let part = medication(about);
        assert_eq!((part.display.as_str(), part.unreadable), (display, unreadable));
        assert_eq!(part.text, "one at night\nAnxiety");
        assert_eq!(part.codes.last().unwrap().code, "48694002");
    }
}

#[test]
fn what_was_wrong_or_deleted_at_the_source_goes() {
    let wrong = |kind, field: &str, value| resource(kind, "1", json!({field: value}));
    let changes = read_resources(&[
        wrong("Encounter", "status", json!("entered-in-error")),
        wrong("Observation", "status", json!("entered-in-error")),
        wrong("Condition", "verificationStatus", concept("x", "entered-in-error", "")),
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"request": {"method": "DELETE", "url": "Patient/2"}},
            {"request": {"method": "DELETE", "url": "DocumentReference/2"}},
            {"request": {"method": "DELETE", "url": "Procedure/2"}},
            {"request": {"method": "DELETE", "url": "Location/2"}},
        ]}),
    ]);
    assert_eq!(
        changes,
        [
            Change::GroupGone(key("Encounter/1")),
            Change::PartGone(key("Observation/1")),
            Change::PartGone(key("Condition/1")),
            Change::PatientGone(key("Patient/2")),
            Change::GroupGone(key("DocumentReference/2")),
            Change::PartGone(key("Procedure/2")),
        ]
    );
}

#[test]
fn what_the_source_hides_carries_its_label() {
    let meta = json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOPAT"}]});
    for kind in ["Encounter", "Condition", "Observation", "DocumentReference", "DiagnosticReport"] {
        let changes = read_resources(&[resource(kind, "1", json!({"meta": meta}))]);
        let codes = &part(&changes, &format!("{kind}/1")).codes;
        assert!(codes.iter().any(|code| code.code == "NOPAT"), "{kind}");
    }
}

#[test]
fn patients_keep_only_a_right_nhs_number() {
    let patient = |identifiers: Value| {
        let changes = read_resources(&[json!({
            "resourceType": "Patient", "id": "1", "identifier": identifiers, "gender": "female", "birthDate": "1990-05-06",
            "name": [{"use": "maiden", "family": "Former", "given": ["Ada"]}, {"use": "official", "family": "Example", "given": ["Ada", "May"]}],
            "address": [{"use": "home", "line": ["1 Low Road"], "postalCode": "ZZ99 1AA"}],
        })]);
        let Some(Change::Patient(facts)) = changes.first().or(None).filter(|_| changes.len() == 1).or(changes.get(1))
        else {
            panic!("{changes:?}")
        };
        assert_eq!((facts.family_name.as_str(), facts.given_name.as_str()), ("Example", "Ada May"));
        assert_eq!(facts.address, "1 Low Road, ZZ99 1AA");
        (facts.nhs_number.is_some(), said(&changes))
    };
    let nhs = "https://fhir.nhs.uk/Id/nhs-number";
    assert_eq!(patient(json!([{"system": nhs, "value": "9434765919"}])), (true, vec![]));
    assert_eq!(patient(json!([{"system": "urn:other", "value": "9434765919"}])), (false, vec![]));
    let why = "export.ndjson, row 1: the check digit of the NHS number is wrong: the patient was kept without it; correct Patient.identifier at the source";
    assert_eq!(patient(json!([{"system": nhs, "value": "9434765918"}])), (false, vec![why.to_owned()]));
}
