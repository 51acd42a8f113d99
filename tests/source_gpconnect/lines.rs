//! What becomes a line of which entry, with which words.

use anteroom::record::{EntryKind, Unreadable};
use anteroom::source::{Belongs, Change};
use serde_json::{Value, json};

use crate::bundle::*;
use crate::kit::{Person, Practice};

#[test]
fn lists_put_lines_into_their_consultation_in_order_and_under_headings() {
    let changes = read(&record(&[
        observation("second"),
        observation("first"),
        observation("outside"),
        encounter(json!({})),
        list("c", CONSULTATION, Some("GP Surgery"), &["List/t", "List/u"]),
        list("t", TOPIC, Some("Low mood"), &["List/h", "List/f"]),
        list("u", TOPIC, Some("Untitled"), &["Observation/second"]),
        list("h", HEADING, Some("History"), &["Observation/first", "Observation/absent"]),
    ]));
    let consultation = group(&changes, "Encounter/e");
    assert_eq!((consultation.kind, consultation.title.as_str()), (EntryKind::Consultation, "GP Surgery"));
    assert_eq!(consultation.author.name, "Dr Grace Sample");
    assert!(changes.contains(&Change::Staff { key: key("Practitioner/p"), name: "Dr Grace Sample".into() }));
    let (first, second) = (facts(&changes, "Observation/first"), facts(&changes, "Observation/second"));
    for line in [first, second] {
        assert_eq!((&line.belongs, &line.patient), (&Belongs::To(key("Encounter/e")), &key("Patient/1")));
    }
    assert_eq!((first.part.heading.as_str(), second.part.heading.as_str()), ("Low mood – History", ""));
    assert_eq!((first.part.display.as_str(), first.part.text.as_str()), ("Anxiety", CONFIDENTIAL));
    assert_eq!(facts(&changes, "Observation/outside").belongs, Belongs::Alone);
    assert_eq!(
        notices(&changes),
        [
            "Consultations name 2 things that their bundles do not hold: they were not screened; look at them in the practice’s system."
        ]
    );
    assert!(said(&changes).is_empty());
}

#[test]
fn what_adds_to_another_joins_its_entry() {
    let actual = json!({"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-ActualProblem-1",
                        "valueReference": {"reference": "Observation/finding"}});
    let significance = json!({"url": "x", "valueCode": "major"});
    let member = |id: &str| json!({"type": "has-member", "target": {"reference": format!("Observation/{id}")}});
    let medicine = json!({"reference": "Medication/m"});
    let changes = read(&record(&[
        resource(
            "Condition",
            "problem",
            json!({"code": anxiety(), "extension": [actual, significance], "clinicalStatus": "active",
                                                "note": [{"text": CONFIDENTIAL}]}),
        ),
        observation("finding"),
        resource("Observation", "panel", json!({"code": anxiety(), "related": [member("group")]})),
        resource("Observation", "group", json!({"code": anxiety(), "related": [member("test"), member("group")]})),
        resource("Observation", "test", json!({"code": anxiety(), "valueQuantity": {"value": 7, "unit": "mmol/L"}})),
        resource(
            "DiagnosticReport",
            "report",
            json!({"code": anxiety(), "result": [{"reference": "Observation/panel"}]}),
        ),
        resource(
            "Observation",
            "systolic",
            json!({"code": anxiety(), "related": [{"type": "derived-from", "target": {"reference": "Observation/pair"}}]}),
        ),
        observation("pair"),
        resource(
            "MedicationRequest",
            "plan",
            json!({"medicationReference": medicine, "status": "active", "authoredOn": "2026-02-28",
            "dosageInstruction": [{"text": "One daily", "patientInstruction": CONFIDENTIAL}],
            "dispenseRequest": {"quantity": {"value": 28, "unit": "tablet"}}}),
        ),
        resource(
            "MedicationStatement",
            "statement",
            json!({"medicationReference": medicine, "basedOn": [{"reference": "MedicationRequest/plan"}]}),
        ),
        json!({"resourceType": "Medication", "id": "m", "code": concept("1", "Sertraline 50mg tablets")}),
        resource("MedicationRequest", "nameless", json!({"medicationReference": {"reference": "Medication/absent"}})),
    ]));
    let belongs = |id: &str| facts(&changes, id).belongs.clone();
    assert_eq!(belongs("Condition/problem"), Belongs::With(key("Observation/finding")));
    assert_eq!(belongs("Observation/test"), Belongs::To(key("DiagnosticReport/report")), "through its panels");
    assert_eq!(belongs("Observation/group"), Belongs::To(key("DiagnosticReport/report")));
    assert_eq!(belongs("Observation/systolic"), Belongs::With(key("Observation/pair")));
    assert_eq!(belongs("MedicationStatement/statement"), Belongs::With(key("MedicationRequest/plan")));
    assert_eq!(facts(&changes, "Observation/test").kind, EntryKind::Result);
    let problem = part(&changes, "Condition/problem");
    assert_eq!((problem.value.as_str(), problem.text.as_str()), ("active, major", CONFIDENTIAL));
    let plan = part(&changes, "MedicationRequest/plan");
    assert_eq!(plan.display, "Sertraline 50mg tablets");
    assert_eq!(
        (plan.value.as_str(), plan.text.as_str()),
        ("active, 28 tablet", format!("One daily\n{CONFIDENTIAL}").as_str())
    );
    assert_eq!(part(&changes, "MedicationRequest/nameless").unreadable, Some(Unreadable::NotSent));
}

#[test]
fn every_type_keeps_its_words() {
    let words = |kind: &str, besides: Value| {
        let changes = read(&record(&[resource(kind, "1", besides)]));
        assert!(said(&changes).is_empty(), "{:?}", said(&changes));
        part(&changes, &format!("{kind}/1")).clone()
    };
    let note = json!([{"text": CONFIDENTIAL}]);
    let allergy =
        words("AllergyIntolerance", json!({"code": anxiety(), "verificationStatus": "unconfirmed", "note": note}));
    assert_eq!(
        (allergy.display.as_str(), allergy.value.as_str(), allergy.text.as_str()),
        ("Anxiety", "unconfirmed", CONFIDENTIAL)
    );
    let given = words(
        "Immunization",
        json!({"extension": [{"url": "x", "valueCodeableConcept": concept("1", "Second dose given")}, {"url": "y", "valueDateTime": "2026-02-28T09:00:00Z"}],
               "vaccineCode": concept("2", "MMR"), "note": note}),
    );
    assert_eq!(
        (given.display.as_str(), given.text.as_str()),
        ("Second dose given", format!("MMR\n{CONFIDENTIAL}").as_str())
    );
    let planned = words(
        "ProcedureRequest",
        json!({"code": anxiety(), "occurrenceDateTime": "2036-01-01", "status": "active", "note": note}),
    );
    assert_eq!((planned.value.as_str(), planned.text.as_str()), ("active, 2036-01-01", CONFIDENTIAL));
    let referral = words(
        "ReferralRequest",
        json!({"reasonCode": [anxiety()], "description": CONFIDENTIAL, "priority": "urgent", "note": [{"text": "Mode:Written"}]}),
    );
    assert_eq!((referral.display.as_str(), referral.value.as_str()), ("Anxiety", "urgent"));
    assert_eq!(referral.text, format!("{CONFIDENTIAL}\nMode:Written"));
    let letter = words(
        "DocumentReference",
        json!({"type": {"text": "Letter"}, "description": CONFIDENTIAL, "indexed": "2026-02-28T09:00:00Z", "content": [{"attachment": {"contentType": "text/rtf"}}]}),
    );
    assert_eq!((letter.text.as_str(), letter.unreadable), (CONFIDENTIAL, Some(Unreadable::NotSent)));
    let answers = words(
        "QuestionnaireResponse",
        json!({"item": [{"text": "At home?", "answer": [{"valueString": CONFIDENTIAL}]}]}),
    );
    assert_eq!(answers.text, format!("At home? {CONFIDENTIAL}"));
}

/// GP Connect sends a document and the letter itself in two answers.
#[test]
fn a_letter_is_read_from_the_file_beside_its_document() {
    let letter = |url: &str| {
        resource("DocumentReference", "d", json!({"content": [{"attachment": {"contentType": "x", "url": url}}]}))
    };
    let read_with = |url: &str, content_type: &str, content: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let entries: Vec<Value> = record(&[letter(url)]).into_iter().map(|it| json!({"resource": it})).collect();
        std::fs::write(folder.path().join("a.json"), json!({"resourceType": "Bundle", "entry": entries}).to_string())
            .unwrap();
        let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, content);
        let binary = json!({"resourceType": "Binary", "id": "b-1", "contentType": content_type, "content": data});
        std::fs::write(folder.path().join("b.json"), binary.to_string()).unwrap();
        let changes = read_path(folder.path());
        let part = part(&changes, "DocumentReference/d").clone();
        (part.text, part.unreadable, notices(&changes))
    };
    let here = "https://example.org/fhir/Binary/b-1";
    let rtf = format!("{{\\rtf1 {CONFIDENTIAL}}}");
    assert_eq!(read_with(here, "text/richtext", rtf.as_bytes()), (CONFIDENTIAL.to_owned(), None, vec![]));
    assert_eq!(read_with(here, "image/png", b"x"), (String::new(), Some(Unreadable::Format), vec![]));
    let elsewhere = read_with("https://example.org/fhir/Binary/other", "text/plain", b"x");
    let unread =
        "Not screened, because nothing here reads them: 1 Binary; look at them in the practice’s system.".to_owned();
    assert_eq!(elsewhere, (String::new(), Some(Unreadable::NotSent), vec![unread]));
}

/// What the published letters say, as other programs read them.
#[test]
fn an_allergy_that_ended_is_read_out_of_its_list() {
    let ended = json!({"resourceType": "List", "subject": {"reference": "Patient/1"}, "code": concept("1103671000000101", ""),
        "contained": [{"resourceType": "AllergyIntolerance", "id": "3", "code": anxiety(), "note": [{"text": CONFIDENTIAL}]}]});
    let changes = read(&record(&[ended]));
    let line = facts(&changes, "AllergyIntolerance/1#3");
    assert_eq!((&line.patient, line.part.text.as_str()), (&key("Patient/1"), CONFIDENTIAL));
}

#[test]
fn what_is_hidden_at_the_source_is_so_with_all_that_is_in_it() {
    let label = json!({"security": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "NOPAT"}]});
    let restricted = json!({"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "R"}]});
    let hidden = |resources: &[Value], id: &str| part(&read(&record(resources)), id).is_hidden_at_source();
    let heading = list("h", HEADING, Some("History"), &["Observation/1"]);
    let consultation = list("c", CONSULTATION, None, &["List/h"]);
    let mut labelled_list = consultation.clone();
    labelled_list["meta"] = label.clone();
    let report = |besides: Value| {
        let mut report =
            resource("DiagnosticReport", "r", json!({"code": anxiety(), "result": [{"reference": "Observation/1"}]}));
        report.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        report
    };
    let one = observation("1");
    let in_consultation = |encounter: Value, list: &Value| [one.clone(), encounter, list.clone(), heading.clone()];
    assert!(hidden(&[resource("Observation", "1", json!({"code": anxiety(), "meta": label}))], "Observation/1"));
    assert!(!hidden(&[resource("Observation", "1", json!({"code": anxiety(), "meta": restricted}))], "Observation/1"));
    assert!(hidden(&in_consultation(encounter(json!({"meta": label})), &consultation), "Observation/1"));
    assert!(hidden(&in_consultation(encounter(json!({"meta": label})), &consultation), "Encounter/e"));
    assert!(hidden(&in_consultation(encounter(json!({})), &labelled_list), "Observation/1"));
    assert!(!hidden(&in_consultation(encounter(json!({})), &consultation), "Observation/1"));
    assert!(hidden(&[one.clone(), report(json!({"meta": label}))], "Observation/1"));
    assert!(!hidden(&[one.clone(), report(json!({}))], "Observation/1"));
}

/// However harmless the words: who hid them knew more.
#[test]
fn nothing_that_is_hidden_at_the_source_is_cleared_without_people() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let pull = |lea: &mut Person, label: &str| {
        let mut jab = resource(
            "Observation",
            "jab",
            json!({"code": concept("1", "Flu jab given"), "issued": "2026-11-15T09:00:00Z"}),
        );
        jab["meta"] = json!({"security": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": label}]});
        let entries: Vec<Value> = record(&[jab]).into_iter().map(|resource| json!({"resource": resource})).collect();
        let path = practice.path().join("record.json");
        std::fs::write(&path, json!({"resourceType": "Bundle", "entry": entries}).to_string()).unwrap();
        lea.pull(&format!("gpconnect:{}", path.display()))
    };
    let plain = pull(&mut lea, "R");
    assert_eq!((plain.new, plain.queued), (1, 0));
    let hidden = pull(&mut lea, "NOPAT");
    assert_eq!((hidden.changed, hidden.queued), (1, 1), "hidden since: another version, and it waits for people");
    assert_eq!(lea.waiting("EXAMPLE").why, ["the practice’s system hides this from the patient"]);
}
