//! Published sets pulled into a store: what stands in it is what a look at the raw files says, by name and by number.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anteroom::protocol::Pulled;
use anteroom::store::{EmbeddedStore, Store, Table};
use serde_json::{Value, json};

use crate::kit::{self, Practice};

/// Types of which nothing is kept by itself: people, places and things, forms, and what is read for others.
const NOT_LINES: [&str; 10] = [
    "Device",
    "HealthcareService",
    "Location",
    "Medication",
    "OperationOutcome",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "Specimen",
];

fn shared(set: &str) -> Option<PathBuf> {
    let named = std::env::var_os("ANTEROOM_SHARED").map(PathBuf::from);
    let shared = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let folder = shared.join("data").join(set);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// What stands in a store: how many patients, and every name of an entry or a line, as the source gives it.
#[derive(Debug, PartialEq)]
struct Stored {
    patients: usize,
    names: BTreeSet<String>,
}

/// What is told apart only within its list has the patient's name in its own.
fn name(key: &Value) -> String {
    let id = key["id"].as_str().unwrap();
    match (id.split_once('/'), id.split_once('#')) {
        (Some((kind, _)), Some((_, within))) => format!("{kind}/{within}"),
        _ => id.to_owned(),
    }
}

fn stored(practice: Practice) -> Stored {
    let folder = practice.close();
    let (store, _) = EmbeddedStore::open(&folder.path().join("store"), &kit::options(), &kit::master()).unwrap();
    let patients = store.scan(Table::Patient, &[], None, usize::MAX).unwrap().len();
    let mut found = Stored { patients, names: BTreeSet::new() };
    for (key, row) in store.scan(Table::Entry, &[], None, usize::MAX).unwrap() {
        let row: Value = serde_json::from_slice(&row.value).unwrap();
        assert_eq!(row["at_source"], true, "nothing was deleted");
        let number = u32::try_from(row["review"]["version"].as_u64().unwrap()).unwrap();
        let version = store.get(Table::Version, &[key, number.to_be_bytes().to_vec()].concat()).unwrap().unwrap();
        let version: Value = serde_json::from_slice(&version.value).unwrap();
        let parts = version["parts"].as_array().unwrap().iter().map(|part| &part["key"]);
        found.names.extend(parts.chain([&row["entry"]["key"]]).map(name));
    }
    found
}

/// What a look at raw files finds.
#[derive(Debug, Default)]
struct Raw {
    /// In STU3 a list only gathers others.
    lists_gather: bool,
    /// Everybody who is there, or whose record something says that it is of.
    patients: BTreeSet<String>,
    /// What is of somebody's record.
    lines: BTreeSet<String>,
    /// Those without an identifier.
    nameless: usize,
    /// What does not say whose record it is of.
    of_nobody: BTreeSet<String>,
    /// Encounters that something names.
    encounters: BTreeSet<String>,
}

impl Raw {
    fn add(&mut self, resource: &Value) {
        let Some(kind) = resource["resourceType"].as_str() else { return };
        let id = resource["id"].as_str().unwrap_or_default();
        let named = |of: &[&str]| of.iter().find_map(|of| resource[*of]["reference"].as_str());
        // Some write the type twice, some a URN.
        let last = |reference: &'_ str| reference.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        self.encounters.extend(named(&["context", "encounter"]).map(|it| format!("Encounter/{}", last(it))));
        let patient = named(&["subject", "patient", "for"]).map(last);
        match (kind, patient) {
            ("Patient", _) => drop(self.patients.insert(id.to_owned())),
            ("Bundle", _) => {}
            ("List", _) if self.lists_gather => {}
            (kind, _) if NOT_LINES.contains(&kind) => {}
            (kind, Some(patient)) => {
                self.patients.insert(patient);
                match id {
                    "" => self.nameless += 1,
                    id => drop(self.lines.insert(format!("{kind}/{id}"))),
                }
            }
            (kind, None) => drop(self.of_nobody.insert(format!("{kind}/{id}"))),
        }
        resource["entry"].as_array().into_iter().flatten().for_each(|entry| self.add(&entry["resource"]));
        if kind == "List" {
            resource["contained"].as_array().into_iter().flatten().for_each(|inner| self.add(inner));
        }
    }

    /// Holds a store against it: every line is there, and nothing else but what lines name; what is not there was said.
    fn agrees(&self, stored: &Stored, pulled: &Pulled, what: &str) {
        let missing: Vec<&String> = self.lines.difference(&stored.names).collect();
        assert!(missing.is_empty(), "{what}: {missing:?}");
        let explained = |name: &String| {
            self.lines.contains(name) || self.encounters.contains(name) || self.of_nobody.contains(name)
        };
        let more: Vec<&String> = stored.names.iter().filter(|name| !explained(name)).collect();
        assert!(more.is_empty(), "{what}: {more:?}");
        let not_there = self.of_nobody.difference(&stored.names).count() + self.nameless;
        assert!(pulled.set_aside >= not_there as u64, "{what}: {not_there} are not there: {pulled:?}");
    }
}

fn pull(practice: &Practice, kind: &str, path: &Path) -> Pulled {
    practice.user("lea").pull(&format!("{kind}:{}", path.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn bulk_sets_stand_in_the_store_line_by_line() {
    for set in ["fhir-r4-bulk-small", "fhir-r4-bulk-larger", "fhir-r4-obs-reports"] {
        let Some(folder) = shared(set) else { continue };
        let mut raw = Raw::default();
        for path in files(&folder).iter().filter(|path| path.extension().is_some_and(|end| end == "ndjson")) {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().for_each(|line| raw.add(&serde_json::from_str(line).unwrap()));
        }
        assert!(raw.lines.len() > 1000 && raw.of_nobody.is_empty(), "{set}: {:?}", raw.of_nobody);
        let practice = Practice::new();
        let pulled = pull(&practice, "fhir", &folder);
        assert_eq!((pulled.set_aside, pulled.patients), (0, raw.patients.len() as u64), "{set}");
        let stored = stored(practice);
        assert_eq!(stored, Stored { patients: raw.patients.len(), names: raw.lines }, "{set}");
    }
}

/// Whole records, and examples of every kind, some of them broken.
#[test]
fn gp_connect_bundles_stand_in_the_store_line_by_line() {
    let Some(folder) = shared("gpconnect-stu3") else { return };
    let of_files = |files: &[PathBuf]| {
        let mut raw = Raw { lists_gather: true, ..Raw::default() };
        for path in files {
            raw.add(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
        }
        raw
    };
    let mut sets: Vec<PathBuf> = ["uat/TC4", "uat/TC7", "small"].map(|set| folder.join(set)).into();
    for set in ["from-gp2gp", "spec-examples", "structured"] {
        // One by one, because the same patient's record stands in several of them.
        sets.extend(files(&folder.join(set)));
    }
    let mut lines = 0;
    for set in sets {
        let raw = of_files(&if set.is_dir() { files(&set) } else { vec![set.clone()] });
        if raw.patients.is_empty() {
            continue;
        }
        let practice = Practice::new();
        let pulled = pull(&practice, "gpconnect", &set);
        let stored = stored(practice);
        raw.agrees(&stored, &pulled, &set.display().to_string());
        // The small examples give the same name to records of several patients.
        if !set.ends_with("small") {
            assert_eq!(stored.patients, raw.patients.len(), "{}", set.display());
        }
        lines += raw.lines.len();
    }
    assert!(lines > 4000, "{lines}");
}

#[test]
fn the_british_core_examples_stand_in_the_store_line_by_line() {
    let Some(folder) = shared("ukcore-r4") else { return };
    let mut raw = Raw::default();
    for path in files(&folder) {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split_once("?>").map_or(&*text, |(_, rest)| rest);
        let is_bundle = text.contains("<Bundle");
        let pieces = if is_bundle { text.split("<resource>").skip(1).collect() } else { vec![text] };
        for piece in pieces {
            let kind = piece.split('<').find(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())).unwrap();
            let kind: String = kind.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
            let value_in = |begin: &str| piece.split_once(begin).and_then(|(_, rest)| rest.split('"').nth(1));
            let mut resource = json!({ "resourceType": kind, "id": value_in("<id value").unwrap_or_default() });
            for of in ["subject", "patient", "for", "encounter"] {
                if let Some(reference) = value_in(&format!("<{of}>")) {
                    resource[of] = json!({ "reference": reference });
                }
            }
            raw.add(&resource);
        }
    }
    let practice = Practice::new();
    let pulled = pull(&practice, "fhir", &folder);
    let stored = stored(practice);
    raw.agrees(&stored, &pulled, "ukcore-r4");
    assert_eq!(stored.patients, raw.patients.len(), "{:?}", raw.patients);
    assert!(raw.lines.len() > 30, "{raw:?}");
}
