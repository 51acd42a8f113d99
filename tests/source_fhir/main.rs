//! What a FHIR bulk export says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod documents;
mod files;
mod lines;
mod published;
mod results;
mod types;

use std::path::{Path, PathBuf};

use anteroom::record::{Part, SourceKey};
use anteroom::source::fhir::Fhir;
use anteroom::source::{Change, GroupFacts, PartFacts, Source};
use chrono::NaiveDate;
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
