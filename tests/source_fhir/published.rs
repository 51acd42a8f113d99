//! Published sets, counted.

use std::collections::BTreeMap;
use std::path::Path;

use anteroom::source::Change;

use crate::{read, shared};

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
        for kind in
            ["HealthcareService", "Location", "Organization", "PractitionerRole", "Questionnaire", "Schedule", "Slot"]
        {
            counted.remove(kind);
        }
        assert_eq!(seen, counted, "{set}");
    }
}
