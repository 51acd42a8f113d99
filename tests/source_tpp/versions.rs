//! The published columns of every table are read by their names.

use std::path::{Path, PathBuf};

use crate::kit::*;

fn full_row(columns: &[&str]) -> String {
    let value = |column: &str| match column {
        "IDOrganisationVisibleTo" => ORGANISATION,
        "RemovedData" | "DateDeleted" | "DateRemoved" | "DateEnded" | "DateTo" => "",
        "NHSNumber" => "9434765919",
        "DateBirth" => "06 May 1990 00:00",
        "Note" | "ReasonForPlan" | "RemovalReason" | "MedicationDosage" | "FollowUpDetails" | "Reason" | "FileName" => {
            CONFIDENTIAL
        }
        "CTV3Text" | "SNOMEDText" | "NameOfMedication" | "StaffName" | "Mapping" | "Ctv3Text" => "words",
        column if column.starts_with("Date") => "28 Feb 2026 09:30:00",
        _ => "1",
    };
    columns.iter().map(|column| format!("\"{}\"", value(column))).collect::<Vec<_>>().join(",")
}

#[test]
fn all_published_tables_are_read() {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = root.join("data/gp-extract-formats/tpp-headers");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is absent", folder.display());
        return;
    };
    let mut batch = Batch::quiet();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "SRManifest" {
            continue;
        }
        let header = std::fs::read_to_string(&path).unwrap();
        let columns: Vec<&str> = header.trim().split(',').map(|column| column.trim_matches('"')).collect();
        batch = batch.with(&name, table(&columns.join(","), &[full_row(&columns)]));
    }
    let read = batch.read();
    assert_eq!(read.set_aside(), Vec::<String>::new());
    let mut seen: Vec<&str> =
        read.parts().into_iter().map(|facts| facts.part.key.id.split(':').next().unwrap()).collect();
    seen.sort_unstable();
    let expected = [
        "child-at-risk",
        "code",
        "immunisation",
        "letter",
        "media",
        "medication",
        "note",
        "person-at-risk",
        "problem",
        "questionnaire",
        "recall",
        "referral",
        "referral-in",
        "repeat",
        "sensitivity",
        "visit",
    ];
    assert_eq!(seen, expected);
    let with_words = read.parts().into_iter().filter(|facts| facts.part.text.contains(CONFIDENTIAL));
    assert_eq!(with_words.count(), 8, "every column in which people write");
    assert_eq!(read.group("event:1").author.name, "words");
}
