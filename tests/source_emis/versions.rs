//! Every published version of the tables is read by the names of its columns.

use std::path::{Path, PathBuf};

use anteroom::source::Change;

use crate::extract::*;

/// The headers of one version, by table.
fn headers(version: &str) -> Option<Vec<(String, Vec<String>)>> {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = root.join("data/gp-extract-formats").join(version);
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is absent", folder.display());
        return None;
    };
    let tables = files.map(|file| {
        let path = file.unwrap().path();
        let header = std::fs::read_to_string(&path).unwrap();
        let columns = header.trim().split(',').map(str::to_owned).collect();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), columns)
    });
    Some(tables.collect())
}

/// A row with something in every column: an identifier where the name asks for one, marked text where
/// people write.
fn full_row(columns: &[&str], confidential: &str) -> String {
    let one = guid(1);
    let value = |column: &str| -> String {
        let name = column.to_ascii_lowercase();
        match name.as_str() {
            "patientguid" => PATIENT.to_owned(),
            "organisationguid" => PRACTICE.to_owned(),
            "consultationguid" => CONSULTATION.to_owned(),
            "codeid" | "referralreasoncodeid" => "300".to_owned(),
            "term" => "Anxiety".to_owned(),
            "nhsnumber" => "9434765919".to_owned(),
            "deleted" | "disabled" => "false".to_owned(),
            "isactivated" => "true".to_owned(),
            "isconfidential" | "spinesensitive" => confidential.to_owned(),
            "documentguid" => String::new(),
            "effectivedateprecision" => "YMD".to_owned(),
            "associatedtext" | "comment" | "qualifiers" | "dosage" | "patientmessage" | "pharmacymessage"
            | "pharmacytext" | "abnormalreason" => format!("{CONFIDENTIAL} {column}"),
            name if name.ends_with("guid") => one.clone(),
            name if name.ends_with("date") || name.starts_with("dateof") => "2026-02-28".to_owned(),
            name if name.ends_with("time") => "09:30:00".to_owned(),
            "processingid" => "7".to_owned(),
            _ => "1".to_owned(),
        }
    };
    columns.iter().map(|column| quoted(&value(column))).collect::<Vec<_>>().join(",")
}

fn read_version(tables: &[(String, Vec<String>)], confidential: &str) -> Read {
    let mut extract = Extract::quiet();
    for (name, columns) in tables {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let row = full_row(&columns, confidential);
        extract = extract.with(name, table(&columns, &[row]));
    }
    extract.read()
}

#[test]
fn all_columns_with_words_are_read_in_each_version() {
    for (version, tables_without_text, texts) in [
        ("emis-v5.4-headers", &[][..], &["AssociatedText", "Comment", "AssociatedText", "Dosage", "Dosage"][..]),
        (
            "emis-v8.2-headers",
            &["CareRecord_Observation", "CareRecord_Problem", "CareRecord_Diary"][..],
            &["Qualifiers", "AbnormalReason", "Dosage", "Dosage", "PatientMessage", "PharmacyMessage", "PharmacyText"]
                [..],
        ),
    ] {
        let Some(tables) = headers(version) else { return };
        let read = read_version(&tables, "false");
        let said: Vec<String> = read.set_aside().into_iter().map(ToString::to_string).collect();
        assert_eq!(said, Vec::<String>::new(), "{version}");
        assert_eq!(read.parts().len(), 6, "{version}: observation, problem, referral, diary, drug, issue");
        let mut seen: Vec<String> = read
            .parts()
            .into_iter()
            .flat_map(|facts| facts.part.text.lines())
            .map(|line| line.strip_prefix(CONFIDENTIAL).unwrap().trim().to_owned())
            .collect();
        let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        seen.sort();
        texts.sort();
        assert_eq!(seen, texts, "{version}");
        let without: Vec<&str> = read.notices();
        assert_eq!(without.len(), tables_without_text.len(), "{version}: {without:?}");
        for (notice, table) in without.iter().zip(tables_without_text) {
            assert!(notice.starts_with("Free text is missing from") && notice.contains(table), "{notice}");
        }
    }
}

/// Since EMIS Web 9.18.8 the mark hides nothing from the patient, so it must change nothing here.
#[test]
fn a_confidential_mark_changes_nothing() {
    for version in ["emis-v5.4-headers", "emis-v8.2-headers"] {
        let Some(tables) = headers(version) else { return };
        let (plain, marked) = (read_version(&tables, "false").0, read_version(&tables, "true").0);
        assert!(plain.iter().any(|change| matches!(change, Change::Part(_))));
        assert_eq!(plain, marked, "{version}");
    }
}
