//! What GP Connect bundles say, seen through `Source` and in a practice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anteroom::record::{EntryKind, Part, SourceKey, Unreadable};
use anteroom::source::fhir::gpconnect::GpConnect;
use anteroom::source::{Belongs, Change, GroupFacts, PartFacts, Source};
use chrono::NaiveDate;
use serde_json::{Value, json};

use kit::Practice;

/// Stands in every text; no sentence to people may hold it.
const CONFIDENTIAL: &str = "afraid of going home";

/// Types that make an entry or a line.
const CLINICAL: [&str; 12] = [
    "AllergyIntolerance",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "ProcedureRequest",
    "QuestionnaireResponse",
    "ReferralRequest",
];

fn read_path(path: &Path) -> Vec<Change> {
    let mut changes = Vec::new();
    GpConnect::new(path, NaiveDate::from_ymd_opt(2026, 11, 21).unwrap())
        .read(&mut |change| {
            if !matches!(change, Change::FileRead { .. } | Change::WholeRecord { .. }) {
                changes.push(change);
            }
            Ok(())
        })
        .unwrap();
    for said in said(&changes).into_iter().chain(notices(&changes)) {
        assert!(!said.contains(CONFIDENTIAL), "{said}");
    }
    changes
}

fn read_text(text: impl AsRef<[u8]>) -> Vec<Change> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("record.json"), text).unwrap();
    read_path(folder.path())
}

fn read(resources: &[Value]) -> Vec<Change> {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    read_text(json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string())
}

fn said(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::SetAside(set_aside) => Some(set_aside.to_string()),
        _ => None,
    });
    said.collect()
}

fn notices(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::Notice(notice) => Some(notice.clone()),
        _ => None,
    });
    said.collect()
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "gpconnect".into(), organisation: "Z99903".into(), id: id.into() }
}

fn facts<'a>(changes: &'a [Change], id: &str) -> &'a PartFacts {
    let mut parts =
        changes.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None });
    parts.find(|facts| facts.part.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

fn part<'a>(changes: &'a [Change], id: &str) -> &'a Part {
    &facts(changes, id).part
}

fn group<'a>(changes: &'a [Change], id: &str) -> &'a GroupFacts {
    let mut groups =
        changes.iter().filter_map(|change| if let Change::Group(facts) = change { Some(facts) } else { None });
    groups.find(|facts| facts.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

/// What every record has.
fn people() -> Vec<Value> {
    vec![
        json!({"resourceType": "Organization", "id": "o",
               "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z99903"}]}),
        json!({"resourceType": "Practitioner", "id": "p",
               "name": [{"prefix": ["Dr"], "given": ["Grace"], "family": "Sample"}]}),
        json!({"resourceType": "Patient", "id": "1", "name": [{"use": "official", "family": "Example", "given": ["Ada"]}],
               "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}],
               "managingOrganization": {"reference": "Organization/o"}}),
    ]
}

fn record(resources: &[Value]) -> Vec<Value> {
    [people(), resources.to_vec()].concat()
}

fn resource(kind: &str, id: &str, besides: Value) -> Value {
    let mut resource = json!({"resourceType": kind, "id": id, "subject": {"reference": "Patient/1"}});
    resource.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    resource
}

fn concept(code: &str, display: &str) -> Value {
    json!({"coding": [{"system": "http://snomed.info/sct", "code": code, "display": display}]})
}

fn anxiety() -> Value {
    concept("48694002", "Anxiety")
}

fn observation(id: &str) -> Value {
    resource("Observation", id, json!({"status": "final", "code": anxiety(), "comment": CONFIDENTIAL}))
}

fn encounter(besides: Value) -> Value {
    let mut encounter = resource(
        "Encounter",
        "e",
        json!({"status": "finished", "type": [{"text": "GP Surgery"}], "period": {"start": "2026-02-28T09:00:00Z"},
               "participant": [{"individual": {"reference": "Practitioner/p"}}]}),
    );
    encounter.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    encounter
}

fn list(id: &str, code: &str, title: Option<&str>, items: &[&str]) -> Value {
    let entries: Vec<Value> = items.iter().map(|item| json!({"item": {"reference": item}})).collect();
    let mut list = resource(
        "List",
        id,
        json!({"code": concept(code, ""), "encounter": {"reference": "Encounter/e"}, "entry": entries}),
    );
    if let Some(title) = title {
        list["title"] = json!(title);
    }
    list
}

const CONSULTATION: &str = "325851000000107";
const TOPIC: &str = "25851000000105";
const HEADING: &str = "24781000000107";

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data/gpconnect-stu3").join(name);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Every resource in the files of a folder, by looking for what bundles and lists hold.
fn count(folder: &Path, counts: &mut BTreeMap<String, usize>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            count(&path, counts);
        } else if path.extension().is_some_and(|end| end == "json") {
            let value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let mut add = |resource: &Value| {
                *counts.entry(resource["resourceType"].as_str().unwrap().to_owned()).or_default() += 1;
            };
            if value["resourceType"] != "Bundle" {
                add(&value);
            }
            for entry in value["entry"].as_array().into_iter().flatten() {
                add(&entry["resource"]);
                for inner in entry["resource"]["contained"].as_array().into_iter().flatten() {
                    add(inner);
                }
            }
        }
    }
}

#[test]
fn published_bundles_arrive_whole() {
    let Some(folder) = shared("") else { return };
    let mut expected = BTreeMap::new();
    count(&folder, &mut expected);
    let changes = read_path(&folder);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for change in &changes {
        let id = match change {
            Change::Patient(facts) => &facts.key.id,
            Change::Group(facts) => &facts.key.id,
            Change::Part(facts) => &facts.part.key.id,
            Change::SetAside(aside) if aside.why.contains("left out") => {
                let (kind, why) = aside.why.split_once('.').unwrap();
                assert!(why.starts_with("subject is missing") || why.starts_with("patient is missing"), "{aside}");
                *left_out.entry(kind.to_owned()).or_default() += 1;
                continue;
            }
            _ => continue,
        };
        // A group's own line has the group's name.
        let kind = id.split('/').next().unwrap();
        let is_line_of_group = matches!(kind, "Encounter" | "DiagnosticReport" | "DocumentReference");
        if !(is_line_of_group && matches!(change, Change::Part(_))) {
            *seen.entry(kind).or_default() += 1;
        }
    }
    for kind in CLINICAL.into_iter().chain(["Patient"]) {
        let all = seen.get(kind).copied().unwrap_or_default() + left_out.get(kind).copied().unwrap_or_default();
        assert_eq!(all, expected[kind], "{kind}");
    }
    let unread = notices(&changes).into_iter().find(|notice| notice.starts_with("Not screened")).unwrap();
    for kind in ["Parameters", "Flag"] {
        assert!(unread.contains(&format!("{} {kind}", expected[kind])), "{kind}: {unread}");
    }
    // Of whole records nothing is left out; the small examples name no patient.
    for set in ["uat", "from-gp2gp"] {
        let lost = said(&read_path(&folder.join(set))).into_iter().filter(|why| why.contains("left out"));
        assert_eq!(lost.collect::<Vec<_>>(), Vec::<String>::new(), "{set}");
    }
}

#[test]
fn labels_of_published_bundles_are_kept() {
    let Some(folder) = shared("") else { return };
    let hidden = |file: &str| {
        let changes = read_path(&folder.join(file));
        let parts = changes.into_iter().filter_map(|change| match change {
            Change::Part(facts) if facts.part.is_hidden_at_source() => Some(facts.part.key.id),
            _ => None,
        });
        parts.collect::<BTreeSet<_>>()
    };
    assert_eq!(hidden("structured/EMISPatientStructurede2eResponsePWTP3.json").len(), 8);
    assert_eq!(hidden("structured/TPPPatientStructuredRecordE2EPWTP3.json").len(), 0);
    assert_eq!(hidden("small/diagnosticreport/fhir_bundle_with_filing_comments.json").len(), 4);
}

/// What a person can see of each resource: all but what only machines read.
fn visible(path: &Path) -> BTreeMap<String, String> {
    // The recorder is shown, so who else requested is not; the medicine is named by another resource each day.
    const FOR_MACHINES: [&str; 7] =
        ["identifier", "meta", "groupIdentifier", "medicationReference", "requester", "recipient", "supportingInfo"];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                // A code's extension says which description of it was chosen.
                let is_code = fields.contains_key("system");
                fields.retain(|name, _| !(FOR_MACHINES.contains(&name.as_str()) || is_code && name == "extension"));
                for (name, value) in fields.iter_mut() {
                    match value {
                        Value::String(text) if name == "abatementDateTime" => text.truncate(10),
                        value => strip(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let bundle: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = BTreeMap::new();
    let entries = bundle["entry"].as_array().unwrap();
    let medicine = |resource: &Value| {
        let id = resource["medicationReference"]["reference"].as_str()?.strip_prefix("Medication/")?.to_owned();
        let mut found = entries.iter().map(|entry| &entry["resource"]);
        found.find(|it| it["resourceType"] == "Medication" && it["id"] == id).map(|it| it["code"].clone())
    };
    for entry in entries {
        let mut resource = entry["resource"].clone();
        resource["medicine"] = medicine(&resource).unwrap_or_default();
        let kind = resource["resourceType"].as_str().unwrap().to_owned();
        if CLINICAL.contains(&kind.as_str()) {
            strip(&mut resource);
            seen.insert(format!("{kind}/{}", resource["id"].as_str().unwrap()), resource.to_string());
        }
    }
    seen
}

fn patient_file(folder: &Path, number: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|path| path.to_str().unwrap().contains(number)).unwrap()
}

/// Of each line what makes a new version of its entry.
fn lines(path: &Path) -> BTreeMap<String, Part> {
    let lines = read_path(path).into_iter().filter_map(|change| match change {
        Change::Part(PartFacts { part, .. }) => Some((part.key.id.clone(), Part { order: 0, ..part })),
        _ => None,
    });
    lines.collect()
}

#[test]
fn the_record_of_another_day_is_a_delta() {
    let Some(folder) = shared("uat") else { return };
    let (early, late) = (folder.join("TC4"), folder.join("TC7"));
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let first = lea.pull(&format!("gpconnect:{}", early.display()));
    assert!(first.new > 0 && first.changed == 0 && first.deleted == 0, "{first:?}");
    let again = lea.pull(&format!("gpconnect:{}", early.display()));
    assert_eq!([again.patients, again.new, again.changed, again.deleted], [0, 0, 0, 0]);

    let mut unchanged = 0;
    for number in ["9465698490", "9465698679", "9465700193", "9465701262", "9465701459"] {
        let (before, after) = (patient_file(&early, number), patient_file(&late, number));
        let (old, new) = (visible(&before), visible(&after));
        let appeared: Vec<&String> = new.keys().filter(|id| !old.contains_key(*id)).collect();
        let changed: Vec<&String> =
            new.iter().filter(|(id, text)| old.get(*id).is_some_and(|old| old != *text)).map(|(id, _)| id).collect();
        let (old_lines, new_lines) = (lines(&before), lines(&after));
        for (id, line) in &new_lines {
            if old.get(id).is_some_and(|old| Some(old) == new.get(id)) {
                let (was, is) = (&old_lines[id], line);
                assert_eq!((&was.text, &was.display, &was.value), (&is.text, &is.display, &is.value), "{id}");
                assert_eq!(
                    (was.happened, was.unreadable, &was.author.name),
                    (is.happened, is.unreadable, &is.author.name)
                );
                assert_eq!(was.codes, is.codes, "{id}");
                unchanged += 1;
            }
        }
        let pulled = lea.pull(&format!("gpconnect:{}", after.display()));
        // Every new consultation and every new document is an entry; a new line makes at most one.
        let groups = |kind: &str| appeared.iter().filter(|id| id.starts_with(kind)).count() as u64;
        let at_least = groups("Encounter/") + groups("DocumentReference/");
        assert!(pulled.new >= at_least && pulled.new <= appeared.len() as u64, "{number}: {pulled:?}");
        let gone = old.keys().filter(|id| !new.contains_key(*id)).count();
        let most = (changed.len() + appeared.len() + gone) as u64;
        assert!(pulled.changed + pulled.deleted <= most, "{number}: {pulled:?} {changed:?}");
        assert_eq!(
            pulled.changed + pulled.deleted > 0,
            !changed.is_empty() || gone > 0,
            "{number}: {pulled:?} {changed:?}"
        );
        if number == "9465700193" {
            assert_eq!((pulled.new, pulled.changed, changed.len()), (0, 1, 1), "one term was worded anew");
        }
    }
    assert!(unchanged > 500, "{unchanged}");
    let again = lea.pull(&format!("gpconnect:{}", late.display()));
    assert_eq!([again.patients, again.new, again.changed, again.deleted], [0, 0, 0, 0]);
}

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
fn published_letters_are_read_or_held() {
    let Some(folder) = shared("documents") else { return };
    let mut read = BTreeMap::new();
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let binary: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let changes = self::read(&record(&[resource(
            "DocumentReference",
            "d",
            json!({"content": [{"attachment": {"contentType": binary["contentType"], "data": binary["content"]}}]}),
        )]));
        let part = part(&changes, "DocumentReference/d").clone();
        read.insert(
            binary["contentType"].as_str().unwrap().rsplit(['/', '.']).next().unwrap().to_owned(),
            (part.text, part.unreadable),
        );
    }
    println!("{read:?}");
    for held in ["pdf", "gif", "png", "xml"] {
        assert_eq!(read[held], (String::new(), Some(Unreadable::Format)), "{held}");
    }
    for kind in ["plain", "richtext", "rtf", "document"] {
        assert!(!read[kind].0.is_empty() && !read[kind].0.contains("\\"), "{kind}: {:?}", read[kind]);
    }
}

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
    let pull = |lea: &mut kit::Person, label: &str| {
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
