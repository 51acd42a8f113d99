//! What a FHIR bulk export says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anteroom::record::{CodeSystem, EntryKind, Part, SourceKey, Unreadable};
use anteroom::source::fhir::Fhir;
use anteroom::source::{Belongs, Change, GroupFacts, PartFacts, Source, TEXT_LIMIT};
use base64::Engine;
use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Stands in every text; no sentence to people may hold it.
const CONFIDENTIAL: &str = "afraid of going home";

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

fn read(path: &Path) -> Vec<Change> {
    let mut changes = Vec::new();
    Fhir::new(path, today())
        .read(&mut |change| {
            // Who asks for these looks at the store.
            if !matches!(change, Change::FileRead { .. } | Change::AsOf(_) | Change::Whole(_) | Change::Covers(_)) {
                changes.push(change);
            }
            Ok(())
        })
        .unwrap();
    for change in &changes {
        let said = match change {
            Change::SetAside(set_aside) => set_aside.to_string(),
            Change::Notice(notice) => notice.clone(),
            _ => continue,
        };
        assert!(!said.contains(CONFIDENTIAL), "{said}");
    }
    changes
}

/// Reads these lines as one file.
fn read_lines(lines: &[impl AsRef<[u8]>]) -> Vec<Change> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.ndjson");
    std::fs::write(&path, lines.iter().flat_map(|line| [line.as_ref(), b"\n"]).collect::<Vec<_>>().concat()).unwrap();
    read(&path)
}

fn read_resources(resources: &[Value]) -> Vec<Change> {
    read_lines(&resources.iter().map(Value::to_string).collect::<Vec<_>>())
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "fhir".into(), organisation: String::new(), id: id.into() }
}

fn facts<'a>(changes: &'a [Change], id: &str) -> &'a PartFacts {
    let parts = changes.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None });
    parts.into_iter().find(|facts| facts.part.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

fn part<'a>(changes: &'a [Change], id: &str) -> &'a Part {
    &facts(changes, id).part
}

fn group<'a>(changes: &'a [Change], id: &str) -> &'a GroupFacts {
    let groups = changes.iter().filter_map(|change| if let Change::Group(facts) = change { Some(facts) } else { None });
    groups.into_iter().find(|facts| facts.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

fn said(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::SetAside(set_aside) => Some(set_aside.to_string()),
        _ => None,
    });
    said.collect()
}

/// A resource with what every clinical resource has, and what is given besides.
fn resource(kind: &str, id: &str, besides: Value) -> Value {
    let mut resource =
        json!({"resourceType": kind, "id": id, "status": "final", "subject": {"reference": "Patient/1"}});
    resource.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    resource
}

fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}]})
}

fn anxiety() -> Value {
    concept("http://snomed.info/sct", "48694002", "Anxiety")
}

fn condition(id: &str) -> Value {
    resource("Condition", id, json!({"code": anxiety(), "note": [{"text": CONFIDENTIAL}]}))
}

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data").join(name);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Lines by type, by looking at their text alone.
fn lines_by_type(folder: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "ndjson") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some((_, rest)) = line.split_once("\"resourceType\":") else { continue };
            let kind = rest.trim_start().trim_start_matches('"').split('"').next().unwrap();
            *counts.entry(kind.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Resources in XML by type: the root element, and in bundles what stands in `resource`, by looking at their text.
fn elements_by_type(folder: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut pieces: Vec<&str> =
            vec![&text[text.find("<?xml").map_or(0, |at| at + text[at..].find("?>").unwrap() + 2)..]];
        if text.contains("<Bundle") {
            pieces = text.split("<resource>").skip(1).collect();
        }
        for piece in pieces {
            let name = piece.split('<').find(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())).unwrap();
            let name: String = name.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
            // Of a practitioner there is only the name to remember.
            if name == "Practitioner" && !piece.contains("<name>") {
                continue;
            }
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

#[test]
fn published_sets_arrive_whole() {
    for set in ["fhir-r4-bulk-small", "fhir-r4-bulk-larger", "fhir-r4-obs-reports", "ukcore-r4"] {
        let Some(folder) = shared(set) else { continue };
        let changes = read(&folder);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for change in &changes {
            let kind = match change {
                Change::Patient(facts) => facts.key.id.as_str(),
                Change::Staff { key, .. } => key.id.as_str(),
                Change::Group(facts) if facts.key.id.starts_with("Encounter/") => facts.key.id.as_str(),
                Change::Part(facts) if !facts.part.key.id.starts_with("Encounter/") => facts.part.key.id.as_str(),
                Change::Notice(notice) => {
                    let listed = notice.split(": ").nth(1).unwrap().split("; look at them").next().unwrap();
                    for piece in listed.split(", ") {
                        let (count, kind) = piece.split_once(' ').unwrap();
                        seen.insert(kind.to_owned(), count.parse().unwrap());
                    }
                    continue;
                }
                // Some examples are meant to be sent, and have no identifier yet, or no patient.
                Change::SetAside(set_aside) if set == "ukcore-r4" && set_aside.why.starts_with("Observation.") => {
                    "Observation"
                }
                Change::SetAside(set_aside) if set == "ukcore-r4" && set_aside.why.contains("was kept without it") => {
                    continue;
                }
                Change::SetAside(set_aside) => panic!("{set}: {set_aside}"),
                _ => continue,
            };
            *seen.entry(kind.split('/').next().unwrap().to_owned()).or_default() += 1;
        }
        let mut counted = if set == "ukcore-r4" { elements_by_type(&folder) } else { lines_by_type(&folder) };
        // Nothing of patients stands in these, so they are not spoken of.
        for kind in ["HealthcareService", "Location", "Organization", "PractitionerRole", "Schedule", "Slot"] {
            counted.remove(kind);
        }
        assert_eq!(seen, counted, "{set}");
    }
}

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

#[test]
fn of_documents_text_is_read_and_the_rest_held() {
    let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let plain = text(CONFIDENTIAL.as_bytes());
    for (attachment, expected, unreadable) in [
        (json!({"contentType": "text/plain", "data": plain}), CONFIDENTIAL, None),
        (
            json!({"contentType": "text/plain; charset=UTF-8", "data": format!("{}\n{}", &plain[..8], &plain[8..])}),
            CONFIDENTIAL,
            None,
        ),
        (json!({"contentType": "text/plain;charset=iso-8859-1", "data": text(b"caf\xe9")}), "café", None),
        (json!({"contentType": "text/plain", "data": text(b"caf\xe9")}), "", Some(Unreadable::Damaged)),
        (json!({"contentType": "text/plain", "data": "not base64!"}), "", Some(Unreadable::Damaged)),
        (json!({"contentType": "text/plain;charset=utf-16", "data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "application/pdf", "data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "text/html", "data": text(b"<p>afraid of <b>going</b> home</p>")}), CONFIDENTIAL, None),
        (
            json!({"contentType": "text/html", "data": text(b"<p>afraid of going home</p><img src='x'>")}),
            CONFIDENTIAL,
            Some(Unreadable::Format),
        ),
        (json!({"data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "text/plain", "url": "https://example.org/Binary/1"}), "", Some(Unreadable::NotSent)),
        (
            json!({"contentType": "text/plain", "data": text(&vec![b'x'; TEXT_LIMIT + 1])}),
            "",
            Some(Unreadable::TooLarge),
        ),
    ] {
        let changes = read_resources(&[resource(
            "DocumentReference",
            "d",
            json!({
                "type": {"text": "Letter from cardiology"},
                "content": [{"attachment": attachment}],
                "context": {"encounter": [{"reference": "Encounter/e"}]},
            }),
        )]);
        let letter = facts(&changes, "DocumentReference/d");
        assert_eq!(letter.belongs, Belongs::To(key("DocumentReference/d")), "a document is its own entry");
        assert_eq!((letter.part.text.as_str(), letter.part.unreadable), (expected, unreadable), "{attachment}");
        assert_eq!(group(&changes, "DocumentReference/d").title, "Letter from cardiology");
        let damaged = [
            "export.ndjson, row 1: content.attachment.data cannot be decoded: the line was kept and is held unread; export it again",
        ];
        let too_large = [
            "export.ndjson, row 1: a text is longer than 1 MiB: the line is held without it; read it in the practice’s system",
        ];
        let expected = match unreadable {
            Some(Unreadable::Damaged) => damaged.as_slice(),
            Some(Unreadable::TooLarge) => too_large.as_slice(),
            _ => &[],
        };
        assert_eq!(said(&changes), expected);
    }
}

#[test]
fn one_unread_attachment_holds_the_document_and_keeps_the_others_words() {
    let data = base64::engine::general_purpose::STANDARD.encode("second");
    let changes = read_resources(&[resource(
        "DocumentReference",
        "d",
        json!({
            "description": "first",
            "content": [{"attachment": {"url": "https://example.org"}}, {"attachment": {"contentType": "text/plain", "data": data}}],
        }),
    )]);
    let letter = part(&changes, "DocumentReference/d");
    assert_eq!((letter.text.as_str(), letter.unreadable), ("first\n\nsecond", Some(Unreadable::NotSent)));
    let empty = read_resources(&[resource("DocumentReference", "d", json!({}))]);
    assert_eq!(part(&empty, "DocumentReference/d").unreadable, Some(Unreadable::NotSent));
}

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

#[test]
fn each_bad_line_has_its_sentence_and_stops_no_other() {
    let without = |kind: &str, field: &str| {
        let mut resource = resource(kind, "9", json!({}));
        resource.as_object_mut().unwrap().remove(field);
        resource.to_string().into_bytes()
    };
    let with = |besides: Value| resource("Condition", "9", besides).to_string().into_bytes();
    let mut not_utf8 = condition("9").to_string().into_bytes();
    let at = not_utf8.windows(6).position(|window| window == b"afraid").unwrap();
    not_utf8[at] = 0xe9;
    let deep = format!("{{\"resourceType\":\"Condition\",\"id\":\"9\",\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            b"{\"resourceType\": \"Condition\", \"id\"".to_vec(),
            "the line is not one resource in JSON: it was left out; export it again",
        ),
        (b"not json".to_vec(), "the line is not one resource in JSON: it was left out; export it again"),
        (b"{}".to_vec(), "resourceType is missing: the line was left out; export it again"),
        (not_utf8, "the line is not valid UTF-8: it was left out; export it again"),
        (deep.into_bytes(), "the line is not one resource in JSON: it was left out; export it again"),
        (
            without("Condition", "id"),
            "Condition.id is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Condition", "subject"),
            "Condition.subject is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Immunization", "subject"),
            "Immunization.patient is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Encounter", "id"),
            "Encounter.id is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            with(json!({"subject": {"reference": "Patient?identifier=a|b"}})),
            "Condition does not name a patient by identifier: the line was left out; export it with plain references",
        ),
        (
            with(json!({"onsetDateTime": "last May"})),
            "onsetDateTime is not a date like 2026-03-01: the line was kept without that date; correct it at the source",
        ),
        (
            with(json!({"onsetDateTime": "1066-10-14"})),
            "onsetDateTime lies before 1850: the line was kept without that date; correct it at the source",
        ),
        (
            with(json!({"recordedDate": "2099-01-01"})),
            "recordedDate lies more than a year after the extract: the line was kept without that date; correct it at the source",
        ),
        (
            b"{\"resourceType\": \"Bundle\", \"entry\": []}".to_vec(),
            "a Bundle that deletes nothing is not read here: it was left out; export its resources a line each",
        ),
        (
            vec![b'x'; 17 << 20],
            "the line is longer than 16 MiB: it was left out; have it exported with its attachments apart",
        ),
    ];
    for (bad, why) in cases {
        let changes =
            read_lines(&[condition("1").to_string().into_bytes(), bad, condition("2").to_string().into_bytes()]);
        assert_eq!(said(&changes), [format!("export.ndjson, row 2: {why}")]);
        for id in ["Condition/1", "Condition/2"] {
            assert_eq!(part(&changes, id).text, CONFIDENTIAL);
        }
    }
}

#[test]
fn folders_and_files_that_hold_nothing_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Fhir::new(path, today()).read(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(error(folder.path()).contains("holds no .ndjson, .ndjson.gz or .xml file"));
    assert!(error(&folder.path().join("absent")).contains("cannot be read"));
    std::fs::write(folder.path().join("Patient.ndjson.zip"), "x").unwrap();
    std::fs::write(folder.path().join("Patient.ndjson"), "").unwrap();
    std::fs::write(folder.path().join("Device.ndjson"), "{\"resourceType\":\"Device\"}\n").unwrap();
    let changes = read(folder.path());
    assert_eq!(
        said(&changes),
        [
            "Patient.ndjson.zip: the file is packed or encrypted and was not read: unpack it first, then pull again",
            "Patient.ndjson: the file is empty: ask for it again if it should not be",
        ]
    );
    assert_eq!(
        changes.last(),
        Some(&Change::Notice(
            "Not screened, because nothing here reads them: 1 Device; look at them in the practice’s system.".into()
        ))
    );
}

fn gzip(lines: &[String]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for line in lines {
        std::io::Write::write_all(&mut packer, format!("{line}\n").as_bytes()).unwrap();
    }
    packer.finish().unwrap()
}

#[test]
fn packed_files_are_read_as_far_as_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Condition.ndjson.gz");
    let pages: Vec<String> = (0..20_000).map(|n| condition(&n.to_string()).to_string()).collect();
    let whole = gzip(&pages[..4]);
    // Two packed files one behind the other are one, as servers write them.
    std::fs::write(&path, [whole.as_slice(), &gzip(&pages[4..8])].concat()).unwrap();
    let changes = read(folder.path());
    assert_eq!(said(&changes), Vec::<String>::new());
    assert_eq!(part(&changes, "Condition/7").text, CONFIDENTIAL);
    let damaged =
        "Condition.ndjson.gz: the packed file is damaged or cut off: what came before was read; ask for it again";
    let many = gzip(&pages);
    std::fs::write(&path, &many[..many.len() / 2]).unwrap();
    let changes = read(folder.path());
    assert_eq!(said(&changes), [damaged]);
    assert_eq!(part(&changes, "Condition/1").text, CONFIDENTIAL);
    std::fs::write(&path, "no gzip at all").unwrap();
    assert_eq!(said(&read(folder.path())), [damaged]);
    let bomb: Vec<String> =
        [condition("1").to_string()].into_iter().chain((0..40).map(|_| " ".repeat(1 << 20))).collect();
    std::fs::write(&path, gzip(&bomb)).unwrap();
    let changes = read(folder.path());
    assert_eq!(
        said(&changes),
        [
            "Condition.ndjson.gz: the packed file grows to more than 200 times its size: what came before was read; ask the supplier for it again"
        ]
    );
    assert_eq!(part(&changes, "Condition/1").text, CONFIDENTIAL);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn good_lines_arrive_in_whatever_order_and_files_they_come(
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in prop::collection::vec(0..12usize, 0..3),
    ) {
        let lines: Vec<String> = (0..12).map(|n| match n {
            0 => json!({"resourceType": "Practitioner", "id": "p", "name": [{"text": "Dr Sample"}]}).to_string(),
            1 => json!({"resourceType": "Patient", "id": "1"}).to_string(),
            2 => resource("Encounter", "e", json!({"participant": [{"individual": {"reference": "Practitioner/p"}}]})).to_string(),
            3 => resource("DiagnosticReport", "r", json!({"result": [{"reference": "Observation/o"}]})).to_string(),
            4 => resource("Observation", "o", json!({"code": anxiety()})).to_string(),
            5..8 => condition(&n.to_string()).to_string(),
            _ => format!("{{\"resourceType\": \"Condition\", \"id\": {}", "[".repeat(n)),
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut files = vec![String::new(); 12];
        for (place, line) in order.iter().map(|n| &lines[*n]).enumerate() {
            let file = cuts.iter().filter(|cut| **cut <= place).count();
            files[file].push_str(line);
            files[file].push('\n');
        }
        for (number, file) in files.iter().filter(|file| !file.is_empty()).enumerate() {
            std::fs::write(folder.path().join(format!("{number}.ndjson")), file).unwrap();
        }
        let changes = read(folder.path());
        prop_assert_eq!(said(&changes).len(), 4);
        let place = |wanted: &dyn Fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
        let patient = place(&|change| matches!(change, Change::Patient(_)));
        let last_group = changes.iter().rposition(|change| matches!(change, Change::Group(_))).unwrap();
        let first_line = place(&|change| matches!(change, Change::Part(facts) if facts.part.key.id.starts_with("Condition")));
        prop_assert!(patient < last_group && last_group < first_line);
        prop_assert_eq!(&group(&changes, "Encounter/e").author.name, "Dr Sample");
        prop_assert_eq!(&facts(&changes, "Observation/o").belongs, &Belongs::To(key("DiagnosticReport/r")));
        for id in ["Condition/5", "Condition/6", "Condition/7"] {
            prop_assert_eq!(part(&changes, id).text.as_str(), CONFIDENTIAL);
        }
    }
}
