//! Encounters, reports and the observations in them.

use anteroom::record::{CodeSystem, EntryKind, Unreadable};
use anteroom::source::Belongs;

use super::*;

#[test]
fn an_encounter_gathers_its_lines() {
    let changes = read_resources(&[
        // The line comes before what it names.
        resource(
            "Condition",
            "c",
            json!({
                "code": anxiety(),
                "clinicalStatus": concept("x", "active", "Active"),
                "note": [{"text": CONFIDENTIAL}],
                "encounter": {"reference": "https://example.org/fhir/Encounter/e/_history/3"},
                "recorder": {"reference": "Practitioner?identifier=gmc|7"},
                "onsetDateTime": "2026-02",
                "recordedDate": "2026-02-28T09:30:00+01:00",
            }),
        ),
        resource(
            "Encounter",
            "e",
            json!({
                "type": [concept("http://snomed.info/sct", "185317003", "Telephone encounter")],
                "reasonCode": [{"text": "follow-up"}],
                "period": {"start": "2026-02-28T09:00:00Z", "end": "2026-02-28T09:20:00Z"},
                "participant": [{"individual": {"reference": "Practitioner/p", "display": "somebody else"}}],
            }),
        ),
        json!({"resourceType": "Practitioner", "id": "p", "identifier": [{"system": "gmc", "value": "7"}],
               "name": [{"prefix": ["Dr"], "given": ["Grace"], "family": "Sample"}]}),
    ]);
    let consultation = group(&changes, "Encounter/e");
    assert_eq!((consultation.kind, consultation.title.as_str()), (EntryKind::Consultation, "Telephone encounter"));
    assert_eq!(consultation.recorded, Some("2026-02-28T09:20:00Z".parse().unwrap()));
    assert_eq!(
        (consultation.author.id.as_str(), consultation.author.name.as_str()),
        ("Practitioner/p", "Dr Grace Sample")
    );
    assert_eq!(part(&changes, "Encounter/e").display, "follow-up");
    let line = facts(&changes, "Condition/c");
    assert_eq!(line.belongs, Belongs::To(key("Encounter/e")));
    assert_eq!(
        (line.kind, line.part.heading.as_str(), line.part.value.as_str()),
        (EntryKind::Problem, "Problem", "Active")
    );
    assert_eq!((line.part.display.as_str(), line.part.text.as_str()), ("Anxiety", CONFIDENTIAL));
    assert_eq!(line.part.codes[0].system, CodeSystem::Snomed);
    assert_eq!(line.part.author, consultation.author);
    assert_eq!(line.part.happened, NaiveDate::from_ymd_opt(2026, 2, 1));
    assert_eq!(line.recorded, Some("2026-02-28T08:30:00Z".parse().unwrap()));
    assert!(changes.contains(&Change::Staff { key: key("Practitioner/p"), name: "Dr Grace Sample".into() }));
}

#[test]
fn a_report_gathers_its_results_whatever_encounter_they_name() {
    let encounter = json!({"reference": "Encounter/e"});
    let sodium = concept("http://loinc.org", "2951-2", "Sodium");
    let changes = read_resources(&[
        resource(
            "Observation",
            "in",
            json!({
                "code": sodium, "encounter": encounter, "valueQuantity": {"value": 128, "unit": "mmol/L"},
                "referenceRange": [{"low": {"value": 133}, "high": {"value": 146}}],
                "interpretation": [{"text": "Low"}],
            }),
        ),
        resource("Observation", "out", json!({"code": sodium, "encounter": encounter, "valueString": CONFIDENTIAL})),
        resource("Observation", "alone", json!({"code": sodium, "valueCodeableConcept": anxiety()})),
        resource(
            "DiagnosticReport",
            "r",
            json!({
                "code": {"text": "Renal profile"}, "encounter": encounter, "conclusion": CONFIDENTIAL,
                "result": [{"reference": "Observation/in"}],
            }),
        ),
    ]);
    assert_eq!(group(&changes, "DiagnosticReport/r").kind, EntryKind::Result);
    assert_eq!(part(&changes, "DiagnosticReport/r").text, CONFIDENTIAL);
    let belongs = |id| &facts(&changes, id).belongs;
    assert_eq!(*belongs("Observation/in"), Belongs::To(key("DiagnosticReport/r")));
    assert_eq!(*belongs("Observation/out"), Belongs::To(key("Encounter/e")));
    assert_eq!(*belongs("Observation/alone"), Belongs::Alone);
    assert_eq!(part(&changes, "Observation/in").value, "128 mmol/L (133–146) Low");
    assert_eq!(part(&changes, "Observation/out").text, CONFIDENTIAL);
    let alone = part(&changes, "Observation/alone");
    assert_eq!(alone.value, "Anxiety");
    assert!(alone.codes.iter().any(|code| code.code == "48694002"), "the answer's code is screened too");
}

#[test]
fn components_keep_their_names_values_and_codes() {
    let component = |code: &str, value: Value| {
        let mut component = json!({"code": concept("http://loinc.org", code, code)});
        component.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        component
    };
    let changes = read_resources(&[resource(
        "Observation",
        "o",
        json!({
            "code": {"text": "Screening"},
            "component": [
                component("systolic", json!({"valueQuantity": {"value": 120, "unit": "mmHg"}})),
                component("safe", json!({"valueCodeableConcept": anxiety()})),
                component("words", json!({"valueString": CONFIDENTIAL})),
            ],
        }),
    )]);
    let part = part(&changes, "Observation/o");
    assert_eq!(part.value, "systolic 120 mmHg; safe Anxiety");
    assert_eq!(part.text, format!("words: {CONFIDENTIAL}"));
    let codes: Vec<&str> = part.codes.iter().map(|code| code.code.as_str()).collect();
    assert_eq!(codes, ["systolic", "safe", "48694002", "words"]);
}

#[test]
fn a_value_of_a_form_nobody_can_read_is_held() {
    let changes = read_resources(&[resource(
        "Observation",
        "o",
        json!({"code": anxiety(), "valueSampledData": {"data": "1 2"}}),
    )]);
    assert_eq!(part(&changes, "Observation/o").unreadable, Some(Unreadable::Format));
}
