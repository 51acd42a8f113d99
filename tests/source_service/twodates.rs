//! The same patients' whole records at two dates: what comes out is what a count apart from the program says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anteroom::protocol::Pulled;
use anteroom::store::{EmbeddedStore, Store, Table};
use serde_json::Value;

use crate::kit::{self, Practice};

fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("ANTEROOM_SHARED").map(PathBuf::from);
    let shared = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let uat = shared.join("data/gpconnect-stu3/uat");
    if !uat.is_dir() {
        println!("skipped: {} is not there", uat.display());
        return None;
    }
    Some(uat)
}

/// Entries at the source, by the source's name, with the texts and words of their lines.
fn entries(practice: Practice) -> BTreeMap<String, Vec<String>> {
    let folder = practice.close();
    let (store, _) = EmbeddedStore::open(&folder.path().join("store"), &kit::options(), &kit::master()).unwrap();
    let mut entries = BTreeMap::new();
    for (key, row) in store.scan(Table::Entry, &[], None, usize::MAX).unwrap() {
        let row: Value = serde_json::from_slice(&row.value).unwrap();
        if row["at_source"] == false {
            continue;
        }
        let number = u32::try_from(row["review"]["version"].as_u64().unwrap()).unwrap();
        let key = [key, number.to_be_bytes().to_vec()].concat();
        let version = store.get(Table::Version, &key).unwrap().unwrap();
        let version: Value = serde_json::from_slice(&version.value).unwrap();
        let lines = version["parts"].as_array().unwrap().iter();
        let lines =
            lines.map(|part| format!("{} {} {} {}", part["key"]["id"], part["display"], part["value"], part["text"]));
        entries.insert(row["entry"]["key"]["id"].as_str().unwrap().to_owned(), lines.collect());
    }
    entries
}

fn pull(practice: &Practice, folder: &Path) -> Pulled {
    practice.user("lea").pull(&format!("gpconnect:{}", folder.display()))
}

/// Resources of the types that are lines or entries, in a folder's bundles.
fn resources(folder: &Path) -> BTreeSet<String> {
    const DOCUMENTS_APART: [&str; 9] = [
        "AllergyIntolerance",
        "Condition",
        "Encounter",
        "Immunization",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "ProcedureRequest",
        "ReferralRequest",
    ];
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let bundle: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for entry in bundle["entry"].as_array().unwrap() {
            let (kind, id) = (&entry["resource"]["resourceType"], &entry["resource"]["id"]);
            if DOCUMENTS_APART.contains(&kind.as_str().unwrap()) {
                found.insert(format!("{}/{}", kind.as_str().unwrap(), id.as_str().unwrap()));
            }
        }
    }
    found
}

#[test]
fn a_record_read_again_half_a_year_later_is_a_delta() {
    let Some(uat) = shared() else { return };
    let (before, after) = (uat.join("TC4"), uat.join("TC7"));
    let practice = Practice::new();
    let first = pull(&practice, &before);
    let second = pull(&practice, &after);
    let other = Practice::with_keys_of(&practice);
    let clean = pull(&other, &after);
    println!("first {first:?}\nsecond {second:?}\nclean {clean:?}");
    assert!(second.new > 0 && second.deleted > 0, "{second:?}");
    assert!(second.new + second.changed < clean.new, "what has not changed is no news: {second:?}");
    // The older record comes once more: it says nothing of now.
    let again = pull(&practice, &before);
    assert_eq!((again.new, again.changed, again.deleted), (0, 0, 0), "{again:?}");
    let again = pull(&practice, &after);
    assert_eq!((again.new, again.changed, again.deleted), (0, 0, 0), "{again:?}");

    let now = entries(practice);
    let wanted = entries(other);
    // Documents may come apart, so one that a record no longer names stays.
    let apart = |entries: &BTreeMap<String, Vec<String>>| -> BTreeMap<String, Vec<String>> {
        entries
            .iter()
            .filter(|(id, _)| !id.starts_with("DocumentReference/"))
            .map(|(id, it)| (id.clone(), it.clone()))
            .collect()
    };
    assert_eq!(apart(&now), apart(&wanted));

    // What is gone by a count of the resources is in no entry.
    let gone: BTreeSet<String> = resources(&before).difference(&resources(&after)).cloned().collect();
    assert_eq!(gone.len(), 12, "{gone:?}");
    let lines: Vec<&String> = now.values().flatten().collect();
    for id in &gone {
        assert!(!lines.iter().any(|line| line.starts_with(&format!("\"{id}\""))), "{id} is still there");
    }
}

#[test]
fn a_part_of_a_record_takes_nothing_away() {
    let Some(uat) = shared() else { return };
    let practice = Practice::new();
    pull(&practice, &uat.join("TC7"));
    // The same record without its list of problems: it may be that nobody asked for them.
    let folder = practice.path().join("part");
    std::fs::create_dir(&folder).unwrap();
    for file in std::fs::read_dir(uat.join("TC7")).unwrap() {
        let file = file.unwrap();
        let mut bundle: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.retain(|entry| {
            entry["resource"]["resourceType"] != "Condition"
                && entry["resource"]["code"]["coding"][0]["code"] != "717711000000103"
        });
        std::fs::write(folder.join(file.file_name()), bundle.to_string()).unwrap();
    }
    let pulled = pull(&practice, &folder);
    assert_eq!(pulled.deleted, 0, "{pulled:?}");
}
