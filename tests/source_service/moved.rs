//! Lines that the source moves from one entry to another without deleting them.

use std::fs;
use std::path::Path;

use anteroom::protocol::Pulled;
use serde_json::{Value, json};

use crate::kit::extract::{Row, row};
use crate::kit::{Practice, extract};
use crate::tpp;
use crate::tpp_feed;

const TEXT: &str = "Says her partner hits her";

/// What waits, entry by entry: the number at the end of each line's text.
fn entries(practice: &Practice) -> Vec<String> {
    let mut lea = practice.user("lea");
    let rows = lea.queue().rows;
    let mut all: Vec<String> = rows
        .into_iter()
        .map(|row| {
            let parts = lea.open(row.entry).version.parts;
            let words = parts.iter().map(|part| format!("{} {}", part.display, part.text));
            let mut numbers: Vec<String> = words
                .filter_map(|words| Some(words.split("line ").nth(1)?.trim_matches(['.', ' ']).to_owned()))
                .collect();
            numbers.sort();
            numbers.join(" ")
        })
        .collect();
    // A consultation stays when its last line goes.
    all.retain(|numbers| !numbers.is_empty());
    all.sort();
    all
}

/// The line `n` of a consultation, 0 standing alone.
fn line(n: usize, consultation: usize) -> Row {
    row(n, consultation, 0, &format!("{TEXT}, line {n}."))
}

fn pull(practice: &Practice, name: &str, stamp: &str, rows: &[Row]) -> Pulled {
    let folder = practice.path().join(name);
    let feed = extract::write(&folder, rows);
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        fs::rename(&path, path.to_str().unwrap().replace("20261116020000", stamp)).unwrap();
    }
    practice.user("lea").pull(&feed)
}

fn counts(pulled: &Pulled) -> [u64; 3] {
    [pulled.new, pulled.changed, pulled.deleted]
}

#[test]
fn a_line_that_moved_leaves_its_old_entry_and_may_come_back() {
    let practice = Practice::new();
    let day = |n: u32, rows: &[Row]| counts(&pull(&practice, &format!("day-{n}"), &format!("202611{n}020000"), rows));
    assert_eq!(day(16, &[line(1, 1), line(2, 1), line(3, 2)]), [2, 0, 0]);
    assert_eq!(entries(&practice), ["1 2", "3"]);
    assert_eq!(day(17, &[line(2, 2)]), [0, 2, 0]);
    assert_eq!(entries(&practice), ["1", "2 3"]);
    assert_eq!(day(18, &[line(2, 2), line(3, 2)]), [0, 0, 0], "it is there");
    // Out of its consultation, into an entry of its own; and from there into another.
    assert_eq!(day(19, &[line(2, 0)]), [1, 1, 0]);
    assert_eq!(entries(&practice), ["1", "2", "3"]);
    assert_eq!(day(20, &[line(2, 1)]), [0, 1, 1]);
    assert_eq!(entries(&practice), ["1 2", "3"]);
    // Whatever deletes it finds it where it is.
    assert_eq!(day(21, &[Row { deleted: true, ..line(2, 0) }]), [0, 1, 0]);
    assert_eq!(entries(&practice), ["1", "3"]);
}

/// What was decided on an entry does not hold for what is left of it.
#[test]
fn what_is_left_of_an_entry_is_a_version_of_its_own() {
    let practice = Practice::new();
    pull(&practice, "first", "20261116020000", &[line(1, 1), line(2, 1)]);
    let mut lea = practice.user("lea");
    let entry = lea.queue().rows[0].entry;
    let before = lea.open(entry).row.version;
    pull(&practice, "second", "20261117020000", &[line(2, 2)]);
    let after = lea.open(entry);
    assert!(after.row.version > before);
    assert_eq!(after.version.parts.len(), 1);
}

#[test]
fn an_extract_that_comes_late_moves_nothing_back() {
    let practice = Practice::new();
    pull(&practice, "first", "20261116020000", &[line(1, 1), line(3, 2)]);
    pull(&practice, "third", "20261118020000", &[line(1, 2)]);
    assert_eq!(entries(&practice), ["1 3"]);
    // What Tuesday’s says of the line was overtaken by Wednesday’s.
    let late = pull(&practice, "second", "20261117020000", &[line(1, 3), line(4, 3)]);
    assert_eq!(counts(&late), [1, 0, 0], "{late:?}");
    assert_eq!(entries(&practice), ["1 3", "4"]);
    pull(&practice, "fourth", "20261119020000", &[Row { deleted: true, ..line(1, 0) }]);
    assert_eq!(entries(&practice), ["3", "4"]);
    // Sent again where it is, the line has changed nothing there; that it is there is newer all the same.
    pull(&practice, "fifth", "20261122020000", &[line(3, 2)]);
    pull(&practice, "sixth", "20261121020000", &[line(3, 5)]);
    assert_eq!(entries(&practice), ["3", "4"]);
    assert_eq!(counts(&pull(&practice, "seventh", "20261123020000", &[line(3, 2)])), [0, 0, 0]);
}

#[test]
fn of_two_places_in_one_feed_the_later_counts_unless_they_are_of_different_patients() {
    let practice = Practice::new();
    pull(&practice, "first", "20261116020000", &[line(1, 1), line(2, 1), line(2, 2), line(3, 2)]);
    assert_eq!(entries(&practice), ["1", "2 3"]);
    // Twice, and back to where it was first.
    pull(&practice, "second", "20261117020000", &[line(2, 1), line(2, 2), line(2, 1)]);
    assert_eq!(entries(&practice), ["1 2", "3"]);

    // Two patients' lines of one name: columns may have been exchanged, and both are kept.
    let other = Row { patient: 1, ..line(3, 4) };
    pull(&practice, "third", "20261118020000", &[line(3, 2), other]);
    assert_eq!(entries(&practice), ["1 2", "3", "3"]);
    // The one that was wrong is sent no more.
    pull(&practice, "fourth", "20261119020000", &[line(3, 2)]);
    assert_eq!(entries(&practice), ["1 2", "3"]);
}

#[test]
fn systmone_plain_lines_and_fhir_move_lines_as_well() {
    let systmone = |practice: &Practice, name: &str, events: [&str; 2]| {
        use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
        let codes: Vec<String> = (1..)
            .zip(events)
            .map(|(n, event)| {
                let text = format!("{TEXT}, line {n}.");
                code(&n.to_string(), &[("IDEvent", event), ("SNOMEDText", &text)])
            })
            .collect();
        let batch = tpp::Batch::quiet()
            .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
            .with("SREvent", table(SREVENT, &[event("7", &[]), event("8", &[])]))
            .with("SRCode", table(SRCODE, &codes));
        tpp_feed(&batch, &practice.path().join(name))
    };
    let plain = |practice: &Practice, name: &str, entries: [&str; 2]| {
        let folder = practice.path().join(name);
        fs::create_dir(&folder).unwrap();
        let map = "organisation = \"Z99904\"\ndate = \"%d/%m/%Y\"\nmoment = \"%d/%m/%Y %H:%M\"\n[columns]\nline = \"id\"\npatient = \"who\"\nentry = \"visit\"\ntext = \"note\"\n";
        fs::write(folder.join("columns.toml"), map).unwrap();
        let rows: String =
            (1..).zip(entries).map(|(n, entry)| format!("{n},1,{entry},\"{TEXT}, line {n}.\"\n")).collect();
        fs::write(folder.join("a.csv"), format!("id,who,visit,note\n{rows}")).unwrap();
        format!("lines:{}", folder.display())
    };
    let fhir = |practice: &Practice, name: &str, encounters: [&str; 2]| {
        let conditions = (1..).zip(encounters).map(|(n, encounter)| {
            json!({
                "resourceType": "Condition", "id": format!("c{n}"), "subject": { "reference": "Patient/p" },
                "encounter": { "reference": format!("Encounter/{encounter}") }, "code": { "text": "Note" },
                "note": [{ "text": format!("{TEXT}, line {n}.") }],
            })
        });
        export(practice, name, conditions.collect(), None)
    };
    type Feed<'a> = &'a dyn Fn(&Practice, &str, [&str; 2]) -> String;
    for (feed, name) in [(&systmone as Feed<'_>, "SystmOne"), (&plain, "plain lines"), (&fhir, "FHIR")] {
        let practice = Practice::new();
        let mut lea = practice.user("lea");
        lea.pull(&feed(&practice, "first", ["7", "7"]));
        assert_eq!(entries(&practice), ["1 2"], "{name}");
        lea.pull(&feed(&practice, "second", ["7", "8"]));
        assert_eq!(entries(&practice), ["1", "2"], "{name}");
        lea.pull(&feed(&practice, "third", ["8", "7"]));
        assert_eq!(entries(&practice), ["1", "2"], "{name}");
        lea.pull(&feed(&practice, "fourth", ["8", "8"]));
        assert_eq!(entries(&practice), ["1 2"], "{name}");
    }
}

/// A bulk export, of changes since a moment where one is given.
fn export(practice: &Practice, name: &str, mut resources: Vec<Value>, since: Option<&str>) -> String {
    let folder = practice.path().join(name);
    fs::create_dir(&folder).unwrap();
    resources.push(json!({ "resourceType": "Patient", "id": "p", "name": [{ "family": "Example" }] }));
    let lines: String = resources.iter().map(|it| format!("{it}\n")).collect();
    fs::write(folder.join("all.ndjson"), lines).unwrap();
    if let Some(since) = since {
        write_manifest(&folder, since);
    }
    format!("fhir:{}", folder.display())
}

fn write_manifest(folder: &Path, since: &str) {
    let manifest = json!({
        "transactionTime": "2026-11-17T02:00:00Z", "output": [],
        "request": format!("https://fhir.example/$export?_since={since}"),
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

/// A result names its encounter and not its report: of changes, the report may not be among them.
#[test]
fn a_result_that_changes_without_its_report_stays_in_it() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let result = |encounter: &str, text: &str| {
        json!({
            "resourceType": "Observation", "id": "o1", "status": "final", "subject": { "reference": "Patient/p" },
            "encounter": { "reference": format!("Encounter/{encounter}") }, "code": { "text": "Note" },
            "note": [{ "text": format!("{TEXT}{text}, line 1.") }],
        })
    };
    let report = json!({
        "resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": { "reference": "Patient/p" },
        "code": { "text": "Report" }, "conclusion": format!("{TEXT}, line 2."), "result": [{ "reference": "Observation/o1" }],
    });
    lea.pull(&export(&practice, "first", vec![report, result("7", "")], None));
    assert_eq!(entries(&practice), ["1 2"]);
    let since = Some("2026-11-16T02:00:00Z");
    lea.pull(&export(&practice, "second", vec![result("8", " again")], since));
    assert_eq!(entries(&practice), ["1 2"]);
    let row = lea.queue().rows.remove(0);
    assert!(lea.open(row.entry).version.parts.iter().any(|part| part.text.contains("hits her again")));
}
