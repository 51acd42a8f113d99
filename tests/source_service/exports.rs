//! Bulk exports one after the other: what a whole one no longer holds is gone, and an old one says nothing of now.

use std::fs;
use std::path::Path;

use anteroom::protocol::Pulled;
use serde_json::{Value, json};

use crate::kit::Practice;

/// A patient’s condition, with the moment at which the server last changed it.
fn condition(n: usize, text: &str, changed: Option<&str>) -> Value {
    let meta = changed.map_or(json!({}), |changed| json!({ "lastUpdated": changed }));
    json!({
        "resourceType": "Condition", "id": format!("c{n}"), "meta": meta,
        "subject": { "reference": format!("Patient/p{}", n % 10) },
        "code": { "text": "Note" }, "recordedDate": "2026-11-02", "note": [{ "text": text }],
    })
}

fn conditions(numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    numbers.into_iter().map(|n| condition(n, &format!("Flu jab given, line {n}."), None)).collect()
}

fn manifest(made: &str, query: &str, count: usize) -> Value {
    json!({
        "transactionTime": made, "request": format!("https://fhir.example/$export{query}"), "requiresAccessToken": true,
        "output": [
            { "type": "Patient", "url": "https://fhir.example/files/1", "count": 10 },
            { "type": "Condition", "url": "https://fhir.example/files/2", "count": count },
        ],
        "error": [],
    })
}

fn pull(practice: &Practice, name: &str, resources: &[Value], manifest: Option<Value>) -> Pulled {
    let folder = practice.path().join(name);
    fs::create_dir(&folder).unwrap();
    let people =
        (0..10).map(|n| json!({ "resourceType": "Patient", "id": format!("p{n}"), "name": [{ "family": "Example" }] }));
    let lines = |all: &mut dyn Iterator<Item = Value>| all.map(|it| format!("{it}\n")).collect::<String>();
    fs::write(folder.join("Patient.ndjson"), lines(&mut people.into_iter())).unwrap();
    fs::write(folder.join("Condition.ndjson"), lines(&mut resources.iter().cloned())).unwrap();
    if let Some(manifest) = manifest {
        fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    }
    pull_folder(practice, &folder)
}

fn pull_folder(practice: &Practice, folder: &Path) -> Pulled {
    practice.user("lea").pull(&format!("fhir:{}", folder.display()))
}

fn counts(pulled: &Pulled) -> [u64; 3] {
    [pulled.new, pulled.changed, pulled.deleted]
}

fn alarms(practice: &Practice) -> String {
    practice.user("lea").queue().alarms.join("\n")
}

#[test]
fn what_an_export_that_is_whole_by_its_manifest_no_longer_holds_is_gone() {
    let practice = Practice::new();
    let first = pull(&practice, "first", &conditions(1..=30), Some(manifest("2026-11-10T02:00:00Z", "", 30)));
    assert_eq!(counts(&first), [30, 0, 0]);
    // Changes since a day say nothing of what they do not hold, however much they hold.
    let since = "?_since=2026-11-10T02:00:00Z";
    let some = conditions((1..=25).chain([31]));
    let changes = pull(&practice, "changes", &some, Some(manifest("2026-11-11T02:00:00Z", since, 26)));
    assert_eq!((counts(&changes), changes.notices.len()), ([1, 0, 0], 0), "{changes:?}");
    // Asked for patients only, it says nothing of the rest.
    let other = pull(&practice, "other", &[], Some(manifest("2026-11-12T02:00:00Z", "?_type=Patient", 0)));
    assert_eq!(counts(&other), [0, 0, 0]);
    let whole = pull(&practice, "whole", &conditions(4..=31), Some(manifest("2026-11-13T02:00:00Z", "", 28)));
    assert_eq!(counts(&whole), [0, 0, 3], "{whole:?}");
    assert_eq!(alarms(&practice), "");
}

#[test]
fn an_export_that_lacks_what_its_manifest_names_takes_nothing_away_and_is_said() {
    let practice = Practice::new();
    pull(&practice, "first", &conditions(1..=30), Some(manifest("2026-11-10T02:00:00Z", "", 30)));
    let cut = pull(&practice, "cut", &conditions(1..=28), Some(manifest("2026-11-11T02:00:00Z", "", 30)));
    assert_eq!(counts(&cut), [0, 0, 0]);
    assert!(
        alarms(&practice).contains("The export’s manifest names more of Condition (")
            && alarms(&practice).contains(") than is here: what came was taken"),
        "{}",
        alarms(&practice)
    );
    // By its own account it is whole, and yet that is too much to believe.
    let short = pull(&practice, "short", &conditions(1..=5), Some(manifest("2026-11-12T02:00:00Z", "", 5)));
    assert_eq!(counts(&short), [0, 0, 0]);
    assert!(alarms(&practice).contains("none was taken as deleted"), "{}", alarms(&practice));
}

#[test]
fn what_an_export_that_is_whole_by_its_content_no_longer_holds_is_gone() {
    let practice = Practice::new();
    assert_eq!(counts(&pull(&practice, "first", &conditions(1..=200), None)), [200, 0, 0]);
    let again = pull(&practice, "again", &conditions(4..=200), None);
    assert_eq!(counts(&again), [0, 0, 3], "{again:?}");
    let short = pull(&practice, "short", &conditions(4..=100), None);
    assert_eq!(counts(&short), [0, 0, 0]);
    assert!(alarms(&practice).contains("none was taken as deleted"), "{}", alarms(&practice));
    // One that was cut off in the middle of a file.
    let folder = practice.path().join("torn");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(practice.path().join("first")).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let kept = if file.file_name() == "Condition.ndjson" { text.len() - 2_000 } else { text.len() };
        fs::write(folder.join(file.file_name()), &text[..kept]).unwrap();
    }
    let torn = pull_folder(&practice, &folder);
    assert_eq!(torn.deleted, 0);
    assert!(alarms(&practice).contains("1 of its rows could not be used"), "{}", alarms(&practice));
}

#[test]
fn an_export_made_earlier_that_comes_later_overtakes_nothing() {
    let by_manifest = |made: &str| Some(manifest(made, "", 1));
    for (first, second) in [
        ((None, by_manifest("2026-11-12T02:00:00Z")), (None, by_manifest("2026-11-10T02:00:00Z"))),
        ((Some("2026-11-12T01:00:00Z"), None), (Some("2026-11-09T01:00:00Z"), None)),
    ] {
        let practice = Practice::new();
        let now = [condition(1, "Says her partner hits her.", first.0)];
        assert_eq!(counts(&pull(&practice, "now", &now, first.1)), [1, 0, 0]);
        let then = [condition(1, "Knee better.", second.0)];
        let late = pull(&practice, "then", &then, second.1);
        assert_eq!(counts(&late), [0, 0, 0], "{late:?}");
        let mut lea = practice.user("lea");
        let entry = lea.queue().rows[0].entry;
        assert_eq!(lea.open(entry).version.parts[0].text, "Says her partner hits her.");
        // What is newer than both counts.
        let next = [condition(1, "Says her partner hits her and her son.", Some("2026-11-13T01:00:00Z"))];
        let made = second.0.is_none().then(|| manifest("2026-11-13T02:00:00Z", "", 1));
        assert_eq!(counts(&pull(&practice, "next", &next, made)), [0, 1, 0]);
    }
}

#[test]
fn entries_newer_than_anything_in_an_export_are_not_taken_as_deleted_by_it() {
    let practice = Practice::new();
    let dated = |numbers: std::ops::RangeInclusive<usize>, day: &str| -> Vec<Value> {
        numbers.map(|n| condition(n, &format!("Flu jab given, line {n}."), Some(day))).collect()
    };
    let mut all = dated(1..=150, "2026-11-02T01:00:00Z");
    all.extend(dated(151..=155, "2026-11-12T01:00:00Z"));
    pull(&practice, "now", &all, None);
    let then = pull(&practice, "then", &dated(1..=149, "2026-11-02T01:00:00Z"), None);
    assert_eq!(counts(&then), [0, 0, 1], "{then:?}");
    assert!(
        then.notices
            .iter()
            .any(|notice| notice.starts_with("5 entries that came before are not in this extract and are newer")),
        "{:?}",
        then.notices
    );
}

#[test]
fn a_patient_s_name_in_an_export_made_earlier_overtakes_nothing() {
    let manifest = |made: &str| json!({ "transactionTime": made, "request": "https://fhir.example/$export" });
    for by_manifest in [true, false] {
        let practice = Practice::new();
        for (name, day) in [("Newer", "2026-11-12T01:00:00Z"), ("Older", "2026-11-09T01:00:00Z")] {
            let folder = practice.path().join(name);
            fs::create_dir(&folder).unwrap();
            let meta = if by_manifest { json!({}) } else { json!({ "lastUpdated": day }) };
            let patient = json!({ "resourceType": "Patient", "id": "p1", "meta": meta, "name": [{ "family": name }] });
            let note = condition(1, "Says her partner hits her.", (!by_manifest).then_some(day));
            fs::write(folder.join("all.ndjson"), format!("{patient}\n{note}\n")).unwrap();
            if by_manifest {
                fs::write(folder.join("manifest.json"), manifest(day).to_string()).unwrap();
            }
            pull_folder(&practice, &folder);
        }
        let row = practice.user("lea").queue().rows.remove(0);
        assert!(row.patient_name.contains("NEWER"), "{}", row.patient_name);
    }
}
