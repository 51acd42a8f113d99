//! What a FHIR bulk export says, seen through `Source`, on published sets counted independently.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anteroom::source::fhir::Fhir;
use anteroom::source::{Change, Source};
use chrono::NaiveDate;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

fn read(path: &Path) -> Vec<Change> {
    let mut changes = Vec::new();
    Fhir::new(path, today())
        .read(&mut |change| {
            changes.push(change);
            Ok(())
        })
        .unwrap();
    changes
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

#[test]
fn published_sets_arrive_whole() {
    for set in ["fhir-r4-bulk-small", "fhir-r4-bulk-larger", "fhir-r4-obs-reports"] {
        let Some(folder) = shared(set) else { continue };
        let changes = read(&folder);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for change in &changes {
            let kind = match change {
                Change::Patient(facts) => &facts.key.id,
                Change::Staff { key, .. } => &key.id,
                Change::Group(facts) if facts.key.id.starts_with("Encounter/") => &facts.key.id,
                Change::Part(facts) if !facts.part.key.id.starts_with("Encounter/") => &facts.part.key.id,
                Change::Notice(notice) => {
                    for piece in notice.trim_end_matches('.').split(": ").nth(1).unwrap().split(", ") {
                        let (count, kind) = piece.split_once(' ').unwrap();
                        seen.insert(kind.to_owned(), count.parse().unwrap());
                    }
                    continue;
                }
                Change::SetAside(set_aside) => panic!("{set}: {set_aside}"),
                _ => continue,
            };
            *seen.entry(kind.split('/').next().unwrap().to_owned()).or_default() += 1;
        }
        seen.remove("line of the export’s log");
        assert_eq!(seen, lines_by_type(&folder), "{set}");
    }
}
