//! What the lists of a record, and references in it, say of its resources: in which consultation each stands, and what it
//! adds to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::resources::is_hidden;
use super::super::{Home, Record, json};
use super::{Said, kind_of, name_of, of_kinds};

/// SNOMED CT codes of the lists that make a consultation (GP Connect, "Consultation structure").
const CONSULTATION: &str = "325851000000107";
const TOPIC: &str = "25851000000105";
const HEADING: &str = "24781000000107";

/// Titles that systems give topics without one.
const NO_TITLE: [&str; 4] = ["unspecifiedcondtions", "unspecifiedconditions", "unspecified condition", "untitled"];

/// What the record as a whole says of its resources.
pub(super) fn record(resources: &[(u64, &Value)], said: &mut Said) -> Record {
    let mut record = Record::default();
    let mut there = BTreeSet::new();
    let mut patients = BTreeSet::new();
    for (_, resource) in resources {
        let Some(name) = name_of(resource) else { continue };
        let reference = |path: &str, kind: &str| {
            json::all(resource, path)
                .into_iter()
                .filter_map(Value::as_str)
                .map(|text| json::local_reference(text, kind))
                .collect::<Vec<_>>()
        };
        let mut parents = |child: String, parent: String| {
            if child != parent {
                record.parents.entry(child).or_insert(parent);
            }
        };
        match kind_of(resource) {
            "Patient" => {
                patients.insert(name.clone());
            }
            "Medication" => {
                record.medications.insert(name.clone(), (*resource).clone());
            }
            "Encounter" | "DiagnosticReport" if is_hidden(resource) => {
                record.hidden.insert(name.clone());
            }
            "MedicationStatement" => {
                if let Some(request) = reference("basedOn.reference", "MedicationRequest").into_iter().next() {
                    parents(name.clone(), request);
                }
            }
            "Condition" => {
                let extensions = json::all(resource, "extension");
                let actual = extensions
                    .into_iter()
                    .find(|extension| json::text(extension, "url").is_some_and(|url| url.contains("-ActualProblem-")));
                if let Some(finding) = actual.and_then(|actual| json::text(actual, "valueReference.reference")) {
                    parents(name.clone(), json::local_reference(finding, "Observation"));
                }
            }
            "Observation" => {
                for related in json::all(resource, "related") {
                    let Some(target) = json::text(related, "target.reference") else { continue };
                    let target = json::local_reference(target, "Observation");
                    match json::text(related, "type") {
                        Some("has-member") => parents(target, name.clone()),
                        Some("derived-from") => parents(name.clone(), target),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        there.insert(name);
    }
    record.patient = patients.pop_first().filter(|_| patients.is_empty());
    // An observation may be derived from one that is not sent: then it stands by itself.
    record.parents.retain(|_, parent| there.contains(parent));
    consultations(resources, &there, &mut record, said);
    record
}

/// Where the lists of consultations put each resource.
fn consultations(resources: &[(u64, &Value)], there: &BTreeSet<String>, record: &mut Record, said: &mut Said) {
    let lists: Vec<&Value> = of_kinds(resources, |kind| kind == "List").map(|(_, list)| list).collect();
    let is = |list: &Value, code: &str| {
        json::all(list, "code.coding.code").into_iter().any(|there| there.as_str() == Some(code))
    };
    let mut topic_of: BTreeMap<String, String> = BTreeMap::new();
    for topic in lists.iter().filter(|list| is(list, TOPIC)) {
        let title = json::text(topic, "title").filter(|title| !NO_TITLE.contains(&title.to_lowercase().as_str()));
        if let Some(title) = title {
            for item in json::all(topic, "entry.item.reference").into_iter().filter_map(Value::as_str) {
                topic_of.insert(json::local_reference(item, "List"), title.to_owned());
            }
        }
    }
    let mut order = 0;
    for list in lists {
        for warning in json::all(list, "extension.valueCode") {
            match warning.as_str() {
                Some("confidential-items") => said.confidential += 1,
                Some("data-in-transit") => said.in_transit += 1,
                _ => {}
            }
        }
        let encounter = json::text(list, "encounter.reference").map(|text| json::local_reference(text, "Encounter"));
        if let (Some(encounter), true) = (&encounter, is_hidden(list) && is(list, CONSULTATION)) {
            record.hidden.insert(encounter.clone());
        }
        let (Some(group), true) = (encounter, is(list, TOPIC) || is(list, HEADING)) else { continue };
        let own = name_of(list).unwrap_or_default();
        let title = if is(list, HEADING) { json::text(list, "title") } else { None };
        for item in json::all(list, "entry.item") {
            order += 1;
            let name = json::text(item, "reference").map(|reference| json::local_reference(reference, ""));
            let Some(name) = name.filter(|name| there.contains(name)) else {
                said.missing += 1;
                continue;
            };
            if name.starts_with("List/") {
                continue;
            }
            let topic = topic_of.get(&own).or_else(|| topic_of.get(&name)).map(String::as_str);
            let heading: Vec<&str> = [topic, title].into_iter().flatten().collect();
            let home = Home { group: group.clone(), heading: heading.join(" – "), order };
            record.homes.entry(name).or_insert(home);
        }
    }
}

/// Allergies that have ended stand inside their list, under names that only the list knows.
pub(super) fn ended_allergies(resources: &[(u64, &Value)], patient: Option<&str>) -> Vec<(u64, Value)> {
    let mut ended = Vec::new();
    for (number, list) in of_kinds(resources, |kind| kind == "List") {
        let subject =
            json::text(list, "subject.reference").map(|reference| json::local_reference(reference, "Patient"));
        let whose = subject.as_deref().or(patient).and_then(|patient| patient.strip_prefix("Patient/"));
        for allergy in json::all(list, "contained") {
            let mut allergy = allergy.clone();
            if let (Some(whose), Some(fields)) = (whose, allergy.as_object_mut()) {
                let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
                fields.insert("id".to_owned(), Value::String(format!("{whose}#{id}")));
                let of = serde_json::json!({ "reference": format!("Patient/{whose}") });
                fields.entry("patient").or_insert(of);
            }
            ended.push((number, allergy));
        }
    }
    ended
}
