//! What is missing or broken, and the sentence that says so.

use std::path::Path;

use anteroom::source::Source;
use anteroom::source::fhir::gpconnect::GpConnect;
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::bundle::*;

#[test]
fn what_the_source_leaves_out_is_said() {
    let warned = |code: &str| {
        json!({"resourceType": "List", "subject": {"reference": "Patient/1"}, "code": concept("1", ""), "extension": [
            {"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-ListWarningCode-1", "valueCode": code}]})
    };
    let changes =
        read(&record(&[warned("confidential-items"), warned("data-in-transit"), resource("Flag", "1", json!({}))]));
    assert_eq!(
        notices(&changes),
        [
            "The practice’s system left items out of 1 lists as confidential: they did not arrive and were not screened; look at them there.",
            "1 lists wait for a record to be transferred from another practice: what is on its way was not screened.",
            "Not screened, because nothing here reads them: 1 Flag; look at them in the practice’s system.",
        ]
    );
}

#[test]
fn a_line_without_a_patient_is_the_records_patients_if_there_is_one() {
    let orphan = json!({"resourceType": "Observation", "id": "1", "code": anxiety()});
    assert_eq!(facts(&read(&record(std::slice::from_ref(&orphan))), "Observation/1").patient, key("Patient/1"));
    let two = [people(), vec![json!({"resourceType": "Patient", "id": "2"}), orphan.clone()]].concat();
    let why = "Observation.subject is missing: the line was left out; have the resource corrected at the source";
    assert_eq!(said(&read(&two)), [format!("bundle 1 of 1 in the order of names, row 5: {why}")]);
    assert_eq!(said(&read(&[orphan])), [format!("bundle 1 of 1 in the order of names, row 1: {why}")]);
}

#[test]
fn each_bad_entry_has_its_sentence_and_stops_no_other() {
    for (bad, why) in [
        (
            json!({"resourceType": "Observation", "code": anxiety(), "subject": {"reference": "Patient/1"}}),
            "Observation.id is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            resource("Observation", "9", json!({"code": anxiety(), "effectiveDateTime": "28/02/2026"})),
            "effectiveDateTime is not a date like 2026-03-01: the line was kept without that date; correct it at the source",
        ),
        (
            resource("Observation", "9", json!({"code": anxiety(), "effectiveDateTime": "1700-01-01"})),
            "effectiveDateTime lies before 1850: the line was kept without that date; correct it at the source",
        ),
        (
            resource("Observation", "9", json!({"code": anxiety(), "issued": "2999-01-01T00:00:00Z"})),
            "issued lies more than a year after the extract: the line was kept without that date; correct it at the source",
        ),
        (json!({"id": "9"}), "resourceType is missing: the entry was left out; ask for the record again"),
        (json!(null), "resourceType is missing: the entry was left out; ask for the record again"),
    ] {
        let changes = read(&record(&[observation("1"), bad, observation("2")]));
        assert_eq!(said(&changes), [format!("bundle 1 of 1 in the order of names, row 5: {why}")]);
        for id in ["Observation/1", "Observation/2"] {
            assert_eq!(part(&changes, id).text, CONFIDENTIAL);
        }
    }
}

#[test]
fn files_that_are_no_bundle_are_said_and_stop_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| GpConnect::new(path, NaiveDate::MIN).read(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(error(folder.path()).contains("holds no .json file"));
    assert!(error(&folder.path().join("absent")).contains("cannot be read"));
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let entries: Vec<Value> =
        record(&[observation("1")]).into_iter().map(|resource| json!({"resource": resource})).collect();
    let whole = json!({"resourceType": "Bundle", "entry": entries}).to_string();
    std::fs::write(inner.join("good.json"), format!("\u{feff}{whole}")).unwrap();
    std::fs::write(folder.path().join("a.json"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.path().join("b.json"), b"{\"resourceType\": \"Bundle\", \"x\": \"caf\xe9\"}").unwrap();
    std::fs::write(folder.path().join("c.json"), "{}").unwrap();
    std::fs::write(folder.path().join("d.json"), "[".repeat(100_000)).unwrap();
    std::fs::write(folder.path().join("e.json"), "{\"resourceType\": \"Bundle\", \"entry\": [{\"fullUrl\": \"x\"}]}")
        .unwrap();
    let changes = read_path(folder.path());
    let not_one = "the file is not one bundle in JSON: it was left out; ask for the record again";
    assert_eq!(
        said(&changes),
        [
            format!("bundle 1 of 6 in the order of names: {not_one}"),
            format!("bundle 2 of 6 in the order of names: {not_one}"),
            "bundle 3 of 6 in the order of names: resourceType is missing: the file was left out; ask for the record again".to_owned(),
            format!("bundle 4 of 6 in the order of names: {not_one}"),
            "bundle 5 of 6 in the order of names, row 1: the entry holds no resource: it was left out; ask for the record again".to_owned(),
        ]
    );
    assert_eq!(part(&changes, "Observation/1").text, CONFIDENTIAL);
    let Some(malformed) = shared("malformed") else { return };
    let template =
        std::fs::read(malformed.join("EMISPatientStructurede2eResponsePWTP3.json.wiremock-template")).unwrap();
    assert_eq!(said(&read_text(template)), [format!("bundle 1 of 1 in the order of names: {not_one}")]);
}
