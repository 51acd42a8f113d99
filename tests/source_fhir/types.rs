//! Each type of which single lines are made, and what is said of the others.

use anteroom::record::{EntryKind, Unreadable};

use super::*;

/// A concept with words of its own, so that it can be told where they came from.
fn words(of: &str) -> Value {
    json!({ "text": format!("words of {of}"), "coding": [{ "system": "http://snomed.info/sct", "code": of }] })
}

fn note(of: &str) -> Value {
    json!([{ "text": format!("note of {of}") }])
}

/// What is in a line, all together.
fn whole(part: &Part) -> String {
    [part.display.as_str(), &part.value, &part.text].join("\n")
}

/// A resource of each type by R4's own definitions, and what must be in the line that is made of it.
#[test]
fn every_type_keeps_its_words_and_codes() {
    let display = |text: &str| json!({ "display": text });
    let samples: [(&str, Value, &[&str], EntryKind); 20] = [
        (
            "MedicationStatement",
            json!({ "medicationCodeableConcept": words("1"), "dosage": [{ "text": "one at night", "patientInstruction": "with food" }],
                "reasonCode": [words("2")], "note": note("it"), "effectivePeriod": { "start": "2026-11-01" } }),
            &["words of 1", "one at night", "with food", "words of 2", "note of it"],
            EntryKind::Medication,
        ),
        (
            "MedicationDispense",
            json!({ "medicationCodeableConcept": words("1"), "dosageInstruction": [{ "text": "one at night" }], "note": note("it") }),
            &["words of 1", "one at night", "note of it"],
            EntryKind::Medication,
        ),
        (
            "FamilyMemberHistory",
            json!({ "relationship": words("1"), "name": "Derek", "condition": [{ "code": words("2"), "note": note("it") }] }),
            &["words of 1", "Derek", "words of 2", "note of it"],
            EntryKind::Other,
        ),
        (
            "Flag",
            json!({ "code": words("1"), "category": [words("2")], "period": { "start": "2026-11-01" } }),
            &["words of 1", "words of 2"],
            EntryKind::Other,
        ),
        (
            "CarePlan",
            json!({ "category": [words("1")], "title": "Safety plan", "description": "where to go", "note": note("it"),
                "activity": [{ "progress": note("progress"), "detail": { "code": words("2"), "description": "stay with mother" } }] }),
            &[
                "words of 1",
                "Safety plan",
                "where to go",
                "note of it",
                "note of progress",
                "words of 2",
                "stay with mother",
            ],
            EntryKind::Other,
        ),
        (
            "Goal",
            json!({ "description": words("1"), "target": [{ "detailString": "sleeps" }], "note": note("it") }),
            &["words of 1", "sleeps", "note of it"],
            EntryKind::Other,
        ),
        (
            "ServiceRequest",
            json!({ "code": words("1"), "reasonCode": [words("2")], "patientInstruction": "come alone", "note": note("it"),
                "authoredOn": "2026-11-01" }),
            &["words of 1", "words of 2", "come alone", "note of it"],
            EntryKind::Other,
        ),
        (
            "Communication",
            json!({ "topic": words("1"), "reasonCode": [words("2")], "note": note("it"),
                "payload": [{ "contentString": "please ring" }, { "contentReference": display("the letter") }] }),
            &["words of 1", "words of 2", "please ring", "the letter", "note of it"],
            EntryKind::Other,
        ),
        (
            "List",
            json!({ "code": words("1"), "title": "Problems", "entry": [{ "item": display("an item"), "flag": words("2") }],
                "note": note("it") }),
            &["words of 1", "Problems", "an item", "words of 2", "note of it"],
            EntryKind::Other,
        ),
        (
            "ClinicalImpression",
            json!({ "code": words("1"), "description": "bruises", "summary": "not by a fall",
                "finding": [{ "itemCodeableConcept": words("2"), "basis": "seen" }], "note": note("it") }),
            &["words of 1", "bruises", "not by a fall", "words of 2", "seen", "note of it"],
            EntryKind::Other,
        ),
        (
            "RiskAssessment",
            json!({ "code": words("1"), "prediction": [{ "outcome": words("2"), "rationale": "threats" }], "mitigation": "moved out" }),
            &["words of 1", "words of 2", "threats", "moved out"],
            EntryKind::Other,
        ),
        (
            "DetectedIssue",
            json!({ "code": words("1"), "detail": "interaction", "mitigation": [{ "action": words("2") }] }),
            &["words of 1", "interaction", "words of 2"],
            EntryKind::Other,
        ),
        (
            "AdverseEvent",
            json!({ "event": words("1"), "category": [words("2")] }),
            &["words of 1", "words of 2"],
            EntryKind::Other,
        ),
        (
            "CareTeam",
            json!({ "name": "MARAC", "participant": [{ "role": [words("2")], "member": display("the officer") }], "note": note("it") }),
            &["MARAC", "words of 2", "the officer", "note of it"],
            EntryKind::Other,
        ),
        (
            "ImagingStudy",
            json!({ "procedureCode": [words("1")], "description": "old fractures", "note": note("it") }),
            &["words of 1", "old fractures", "note of it"],
            EntryKind::Result,
        ),
        (
            "Task",
            json!({ "code": words("1"), "description": "ring her at work", "note": note("it"), "input": [{ "valueString": "before five" }] }),
            &["words of 1", "ring her at work", "before five", "note of it"],
            EntryKind::Other,
        ),
        (
            "NutritionOrder",
            json!({ "foodPreferenceModifier": [words("1")], "oralDiet": { "instruction": "soft" }, "note": note("it") }),
            &["words of 1", "soft", "note of it"],
            EntryKind::Other,
        ),
        (
            "ImmunizationRecommendation",
            json!({ "recommendation": [{ "vaccineCode": [words("1")], "description": "due" }] }),
            &["words of 1", "due"],
            EntryKind::Other,
        ),
        (
            "DeviceUseStatement",
            json!({ "device": display("coil"), "reasonCode": [words("2")], "note": note("it") }),
            &["coil", "words of 2", "note of it"],
            EntryKind::Other,
        ),
        (
            "Specimen",
            json!({ "type": words("1"), "note": note("it") }),
            &["words of 1", "note of it"],
            EntryKind::Result,
        ),
    ];
    let resources: Vec<Value> =
        samples.iter().map(|(kind, besides, ..)| resource(kind, "1", besides.clone())).collect();
    let changes = read_resources(&resources);
    assert_eq!(said(&changes), [""; 0]);
    for (kind, _, wanted, of_kind) in &samples {
        let found = facts(&changes, &format!("{kind}/1"));
        for words in *wanted {
            assert!(whole(&found.part).contains(words), "{kind}: no {words:?} in {found:?}");
            let coded = words.strip_prefix("words of ");
            assert!(coded.is_none_or(|code| found.part.codes.iter().any(|it| it.code == code)), "{kind}: {found:?}");
        }
        assert_eq!((found.kind, found.part.unreadable), (*of_kind, None), "{kind}");
    }
}

#[test]
fn questions_stand_with_their_answers_however_deep() {
    let file = json!({ "contentType": "text/plain", "data": "YWZyYWlkIG9mIGdvaW5nIGhvbWU=" });
    let changes = read_resources(&[resource(
        "QuestionnaireResponse",
        "1",
        json!({ "item": [
            { "linkId": "1", "text": "At home", "item": [
                { "linkId": "1.1", "text": "Feels safe", "answer": [{ "valueBoolean": false, "item": [
                    { "linkId": "1.1.1", "text": "Since when", "answer": [{ "valueString": "two years" }] },
                ] }] },
                { "linkId": "1.2", "answer": [{ "valueCoding": { "system": "http://snomed.info/sct", "code": "7", "display": "Hit" } }] },
            ] },
            { "linkId": "2", "text": "More", "answer": [{ "valueAttachment": file }] },
        ] }),
    )]);
    let part = part(&changes, "QuestionnaireResponse/1");
    let expected = format!("At home\nFeels safe: no\nSince when: two years\n1.2: Hit\nMore\n{CONFIDENTIAL}");
    assert_eq!((part.text.as_str(), part.unreadable), (expected.as_str(), None));
    assert_eq!(part.codes[0].code, "7");
}

#[test]
fn narrative_and_attached_files_of_any_type_are_read_or_hold_the_line() {
    let composition = |text: &str| json!({ "type": words("1"), "section": [{ "title": "Plan", "section": [{ "section": [{ "text": { "div": text } }] }] }] });
    let changes = read_resources(&[
        resource("Composition", "words", composition("<div><p>afraid of</p> going <b>home</b></div>")),
        resource("Composition", "picture", composition("<div><img src='data:image/png;base64,AAAA'/></div>")),
        resource(
            "Communication",
            "file",
            json!({ "payload": [{ "contentAttachment": { "contentType": "image/jpeg", "data": "AAAA" } }] }),
        ),
        resource(
            "Media",
            "url",
            json!({ "content": { "contentType": "text/plain", "url": "Binary/1", "title": "Photo of her arm" } }),
        ),
    ]);
    let read = part(&changes, "Composition/words");
    assert!(read.text.starts_with("Plan\n") && read.text.contains("going home"), "{read:?}");
    assert_eq!(read.unreadable, None);
    let unreadable = |id: &str| part(&changes, id).unreadable;
    assert!(unreadable("Composition/picture").is_some());
    assert_eq!(unreadable("Communication/file"), Some(Unreadable::Format));
    assert_eq!(unreadable("Media/url"), Some(Unreadable::NotSent));
    assert!(part(&changes, "Media/url").text.contains("Photo of her arm"));
}

#[test]
fn a_medicine_that_stands_apart_keeps_its_name() {
    let request =
        |id: &str, of: &str| resource("MedicationRequest", id, json!({ "medicationReference": { "reference": of } }));
    let changes = read_resources(&[
        request("1", "Medication/m"),
        request("2", "Medication/not-sent"),
        json!({ "resourceType": "Medication", "id": "m", "code": words("9") }),
    ]);
    assert_eq!(part(&changes, "MedicationRequest/1").display, "words of 9");
    assert_eq!(part(&changes, "MedicationRequest/1").codes[0].code, "9");
    assert_eq!(part(&changes, "MedicationRequest/2").unreadable, Some(Unreadable::NotSent));
}

#[test]
fn types_that_nothing_reads_are_named_with_their_count() {
    let changes = read_resources(&[
        resource("Coverage", "1", json!({})),
        resource("Coverage", "2", json!({})),
        resource("Binary", "3", json!({})),
        resource("Location", "4", json!({})),
        resource("ofaninvention of somebody’s", "5", json!({})),
    ]);
    let notices: Vec<&String> = changes
        .iter()
        .filter_map(|change| if let Change::Notice(notice) = change { Some(notice) } else { None })
        .collect();
    let expected = "Not screened, because nothing here reads them: 1 Binary, 2 Coverage, 1 of unknown type; look at them in \
                    the practice’s system.";
    assert_eq!(notices, [expected]);
}

#[test]
fn whose_record_it_is_may_be_said_in_the_type_s_own_way() {
    let with = |kind: &str, field: &str, value: Value| json!({ "resourceType": kind, "id": "1", field: value, "description": "x" });
    let patient = json!({ "reference": "Patient/7" });
    let changes = read_resources(&[
        with("Task", "for", patient.clone()),
        with(
            "Appointment",
            "participant",
            json!([{ "actor": { "reference": "Practitioner/1" } }, { "actor": patient }]),
        ),
        with("Communication", "recipient", json!([patient])),
        with("NutritionOrder", "patient", patient.clone()),
        with("Consent", "subject", json!({ "display": "nobody" })),
    ]);
    for kind in ["Task", "Appointment", "Communication", "NutritionOrder"] {
        assert_eq!(facts(&changes, &format!("{kind}/1")).patient, key("Patient/7"), "{kind}");
    }
    let said = said(&changes);
    assert!(said.len() == 1 && said[0].contains("Consent.patient is missing"), "{said:?}");
}
