//! Bundles made for a test, and what is read from them.

use std::path::{Path, PathBuf};

use anteroom::record::{Part, SourceKey};
use anteroom::source::fhir::gpconnect::GpConnect;
use anteroom::source::{Change, GroupFacts, PartFacts, Source};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// Stands in every text; no sentence to people may hold it.
pub const CONFIDENTIAL: &str = "afraid of going home";

/// Types that make an entry or a line.
pub const CLINICAL: [&str; 12] = [
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

pub fn read_path(path: &Path) -> Vec<Change> {
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

pub fn read_text(text: impl AsRef<[u8]>) -> Vec<Change> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("record.json"), text).unwrap();
    read_path(folder.path())
}

pub fn read(resources: &[Value]) -> Vec<Change> {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    read_text(json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string())
}

pub fn said(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::SetAside(set_aside) => Some(set_aside.to_string()),
        _ => None,
    });
    said.collect()
}

pub fn notices(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::Notice(notice) => Some(notice.clone()),
        _ => None,
    });
    said.collect()
}

pub fn key(id: &str) -> SourceKey {
    SourceKey { system: "gpconnect".into(), organisation: "Z99903".into(), id: id.into() }
}

pub fn facts<'a>(changes: &'a [Change], id: &str) -> &'a PartFacts {
    let mut parts =
        changes.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None });
    parts.find(|facts| facts.part.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

pub fn part<'a>(changes: &'a [Change], id: &str) -> &'a Part {
    &facts(changes, id).part
}

pub fn group<'a>(changes: &'a [Change], id: &str) -> &'a GroupFacts {
    let mut groups =
        changes.iter().filter_map(|change| if let Change::Group(facts) = change { Some(facts) } else { None });
    groups.find(|facts| facts.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

/// What every record has.
pub fn people() -> Vec<Value> {
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

pub fn record(resources: &[Value]) -> Vec<Value> {
    [people(), resources.to_vec()].concat()
}

pub fn resource(kind: &str, id: &str, besides: Value) -> Value {
    let mut resource = json!({"resourceType": kind, "id": id, "subject": {"reference": "Patient/1"}});
    resource.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    resource
}

pub fn concept(code: &str, display: &str) -> Value {
    json!({"coding": [{"system": "http://snomed.info/sct", "code": code, "display": display}]})
}

pub fn anxiety() -> Value {
    concept("48694002", "Anxiety")
}

pub fn observation(id: &str) -> Value {
    resource("Observation", id, json!({"status": "final", "code": anxiety(), "comment": CONFIDENTIAL}))
}

pub fn encounter(besides: Value) -> Value {
    let mut encounter = resource(
        "Encounter",
        "e",
        json!({"status": "finished", "type": [{"text": "GP Surgery"}], "period": {"start": "2026-02-28T09:00:00Z"},
               "participant": [{"individual": {"reference": "Practitioner/p"}}]}),
    );
    encounter.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    encounter
}

pub fn list(id: &str, code: &str, title: Option<&str>, items: &[&str]) -> Value {
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

pub const CONSULTATION: &str = "325851000000107";
pub const TOPIC: &str = "25851000000105";
pub const HEADING: &str = "24781000000107";

pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data/gpconnect-stu3").join(name);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}
