//! Published records: whole, and at two dates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anteroom::record::{Part, Unreadable};
use anteroom::source::{Change, PartFacts};
use serde_json::{Value, json};

use crate::bundle::*;
use crate::kit::Practice;

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
