//! What plain files say by their map of columns, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use anteroom::record::{CodeSystem, EntryKind, SourceKey, Unreadable};
use anteroom::source::lines::PlainLines;
use anteroom::source::{Belongs, Change, GroupFacts, PartFacts, Source};
use chrono::NaiveDate;

/// Stands in every text; no sentence to people may hold it.
const CONFIDENTIAL: &str = "afraid of going home";

const MAP: &str = r#"
organisation = "Z99904"
date = "%d/%m/%Y"
moment = "%d/%m/%Y %H:%M"
code_system = "snomed"
[columns]
line = "id"
patient = "patient id"
entry = "visit"
title = "visit type"
kind = "kind"
nhs_number = "NHS no"
family_name = "surname"
born = "dob"
display = "term"
code = "code"
text = "note"
happened = "date"
recorded = "saved"
author_name = "clinician"
deleted = "gone"
unsent = "file"
"#;
const HEADER: &str =
    "id,patient id,visit,visit type,kind,NHS no,surname,dob,term,code,note,date,saved,clinician,gone,file";
const GOOD: &str = "7,1,v1,Telephone,consultation,9434765919,Example,06/05/1990,Anxiety,48694002,afraid of going home,28/02/2026,28/02/2026 09:30,Dr Sample,,";

fn read_folder(folder: &Path) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    PlainLines::new(folder, NaiveDate::from_ymd_opt(2026, 3, 1).unwrap())
        .read(&mut |change| {
            if !matches!(change, Change::FileRead { .. }) {
                changes.push(change);
            }
            Ok(())
        })
        .map_err(|error| error.to_string())?;
    assert!(said(&changes).iter().all(|said| !said.contains(CONFIDENTIAL) && !said.contains("Example")));
    Ok(changes)
}

fn read(map: &str, name: &str, content: impl AsRef<[u8]>) -> Result<Vec<Change>, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("columns.toml"), map).unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    read_folder(folder.path())
}

fn rows(rows: &[&str]) -> Vec<Change> {
    read(MAP, "drop.csv", format!("{HEADER}\r\n{}\r\n", rows.join("\r\n"))).unwrap()
}

fn said(changes: &[Change]) -> Vec<String> {
    let said = changes.iter().filter_map(|change| match change {
        Change::SetAside(set_aside) => Some(set_aside.to_string()),
        _ => None,
    });
    said.collect()
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "lines".into(), organisation: "Z99904".into(), id: id.into() }
}

fn facts<'a>(changes: &'a [Change], id: &str) -> &'a PartFacts {
    let mut parts =
        changes.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None });
    parts.find(|facts| facts.part.key == key(id)).unwrap_or_else(|| panic!("no {id} in {changes:?}"))
}

fn groups(changes: &[Change]) -> Vec<&GroupFacts> {
    changes.iter().filter_map(|change| if let Change::Group(facts) = change { Some(facts) } else { None }).collect()
}

#[test]
fn a_row_is_a_line_by_the_map_of_its_columns() {
    let second = "8,1,v1,Telephone,consultation,,,,,,\"again,\r\n\"\"no\"\"\",,,,,";
    let letter = "9,1,,,document,,,,Letter,,,,,,,scan.tif";
    let gone = "10,,,,,,,,,,,,,,yes,";
    let changes = rows(&[GOOD, second, letter, gone]);
    assert_eq!(said(&changes), Vec::<String>::new());
    let [Change::Patient(patient)] = &changes[..1] else { panic!("{changes:?}") };
    assert_eq!((patient.family_name.as_str(), patient.nhs_number.is_some()), ("Example", true));
    assert_eq!(patient.born, NaiveDate::from_ymd_opt(1990, 5, 6));
    let [visit] = groups(&changes)[..] else { panic!("one entry for both rows: {changes:?}") };
    assert_eq!((visit.title.as_str(), visit.kind), ("Telephone", EntryKind::Consultation));
    assert_eq!(visit.recorded, Some("2026-02-28T09:30:00Z".parse().unwrap()));
    assert_eq!(visit.author.name, "Dr Sample");
    let line = facts(&changes, "line:7");
    assert_eq!((&line.belongs, &line.patient), (&Belongs::To(key("entry:v1")), &key("patient:1")));
    assert_eq!((line.part.display.as_str(), line.part.text.as_str()), ("Anxiety", CONFIDENTIAL));
    assert_eq!((line.part.codes[0].system, line.part.codes[0].code.as_str()), (CodeSystem::Snomed, "48694002"));
    assert_eq!(facts(&changes, "line:8").part.text, "again,\n\"no\"");
    let letter = facts(&changes, "line:9");
    assert_eq!((&letter.belongs, letter.kind), (&Belongs::Alone, EntryKind::Document));
    assert_eq!(letter.part.unreadable, Some(Unreadable::NotSent));
    assert!(changes.contains(&Change::PartGone(key("line:10"))));
}

#[test]
fn an_object_a_line_says_the_same() {
    let object: serde_json::Map<String, serde_json::Value> =
        HEADER.split(',').zip(GOOD.split(',')).map(|(name, value)| (name.to_owned(), value.into())).collect();
    let object = serde_json::Value::Object(object).to_string();
    assert_eq!(read(MAP, "drop.jsonl", format!("\u{feff}{object}\n")).unwrap(), rows(&[GOOD]));
    let bad = read(
        MAP,
        "drop.jsonl",
        [object.as_bytes(), b"\n[1]\n{\"id\": 9, \"patient id\": 1, \"note\": \"caf\xe9\"}\n{\"id\": 8, \"patient id\": 1, \"note\": null}\n"].concat(),
    )
    .unwrap();
    assert_eq!(
        said(&bad),
        [
            "drop.jsonl, row 2: the line is not one object in JSON: it was left out; export it again",
            "drop.jsonl, row 3: it is not UTF-8: it was read as Windows-1252 and is held; export it again in UTF-8",
        ]
    );
    let doubtful = &facts(&bad, "line:9").part;
    assert_eq!((doubtful.text.as_str(), doubtful.unreadable), ("café", Some(Unreadable::Damaged)));
    assert_eq!(facts(&bad, "line:8").patient, key("patient:1"), "numbers name things too");
}

#[test]
fn letters_are_read_in_the_encoding_that_the_map_names() {
    let bytes = [HEADER.as_bytes(), b"\r\n7,1,,,,,,,,,caf\xe9,,,,,\r\n"].concat();
    let windows = format!("encoding = \"windows-1252\"\n{MAP}");
    assert_eq!(facts(&read(&windows, "drop.csv", &bytes).unwrap(), "line:7").part.text, "café");
    assert_eq!(
        said(&read(MAP, "drop.csv", &bytes).unwrap()),
        ["drop.csv, row 2: it is not UTF-8: it was read as Windows-1252 and is held; export the table again in UTF-8"]
    );
}

#[test]
fn each_bad_row_has_its_sentence_and_stops_no_other() {
    let swap = |from: &str, to: &str| GOOD.replacen("7,1,", "9,1,", 1).replacen(from, to, 1);
    for (bad, why) in [
        (
            swap("9,1,", ",1,"),
            "the column for line is empty or no identifier: the row was left out; correct it and pull again",
        ),
        (
            swap("9,1,", "9,,"),
            "the column for patient is empty or no identifier: the row was left out; correct it and pull again",
        ),
        (
            swap(",28/02/2026,", ",2026-02-28,"),
            "happened is not of the form that columns.toml gives: the row was kept without that date; correct it at the source",
        ),
        (
            swap(",28/02/2026,", ",28/02/1700,"),
            "happened lies before 1850: the row was kept without that date; correct it at the source",
        ),
        (
            swap("28/02/2026 09:30", "01/01/2999 09:30"),
            "recorded lies more than a year after the extract: the row was kept without that date; correct it at the source",
        ),
        (
            swap("consultation", "chat"),
            "kind is none of consultation, document, result, problem, medication and other: other was taken; correct it at the source",
        ),
        (
            format!("{},one too many", swap("x", "x")),
            "the row has 17 fields where the header has 16: it was left out; ask for the table again",
        ),
    ] {
        let last = GOOD.replacen("7,1,", "8,1,", 1);
        let changes = rows(&[GOOD, &bad, &last]);
        assert_eq!(said(&changes), [format!("drop.csv, row 3: {why}")]);
        for id in ["line:7", "line:8"] {
            assert_eq!(facts(&changes, id).part.text, CONFIDENTIAL);
        }
    }
    let wrong = rows(&[&GOOD.replace("9434765919", "9434765918")]);
    assert_eq!(
        said(&wrong),
        [
            "drop.csv, row 2: the check digit of the NHS number is wrong: the patient was kept without it; correct the column for nhs_number"
        ]
    );
}

#[test]
fn a_map_that_does_not_fit_is_said() {
    let lacks = read(MAP, "drop.csv", HEADER.replace("note", "notes")).unwrap();
    assert_eq!(
        said(&lacks),
        [
            "drop.csv: the header lacks note: nothing in this table was read; ask the supplier for the table with these columns"
        ]
    );
    let error = |map: &str| read(map, "drop.csv", HEADER).unwrap_err();
    assert!(
        error("organisation = \"x\"\n[columns]\nline = \"id\"\ntext = \"note\"")
            .contains("maps no column for line or for patient")
    );
    assert!(
        error("organisation = \"x\"\n[columns]\nline = \"id\"\npatient = \"p\"")
            .contains("so there is nothing to screen")
    );
    assert!(
        error(&MAP.replace("text =", "words =")).contains("columns.toml, line 1"),
        "{}",
        error(&MAP.replace("text =", "words ="))
    );
    assert!(error(&MAP.replace("%d/%m/%Y\"", "%Q\"")).contains("date is not a form of dates"));
    let folder = tempfile::tempdir().unwrap();
    assert!(read_folder(folder.path()).unwrap_err().contains("holds no .csv or .jsonl file"));
    std::fs::write(folder.path().join("drop.csv"), HEADER).unwrap();
    assert!(read_folder(folder.path()).unwrap_err().contains("columns.toml cannot be read"));
    assert!(read_folder(&folder.path().join("absent")).unwrap_err().contains("cannot be read"));
}
