//! Bad input through the whole program: each fault gives one clear sentence with file and row, the good
//! rows beside it go on, what could not be screened is not shown, and the count is on the screen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::fs;
use std::path::Path;

use anteroom::protocol::{Pulled, Queue, Reply, Request};
use chrono::Duration;

use kit::extract::{self, file, row};
use kit::{Practice, start};

const OBSERVATION: &str = "CareRecord_Observation";
const PATIENT: &str = "Admin_Patient";
/// Stands in the text of the row that a test spoils.
const SPOILED: &str = "spoiledrow";
/// Stands in the text of a good row.
const GOOD: &str = "goodrow";

/// Pulls an extract of a good row, a row to spoil and another good row, after `spoil` was at the files.
fn pulled_after(spoil: impl FnOnce(&Path)) -> (Practice, Pulled) {
    let practice = Practice::new();
    let folder = practice.path().join("extract");
    let feed = extract::write(
        &folder,
        &[
            row(1, 1, 0, &format!("Flu jab given, {GOOD}one.")),
            row(2, 2, 0, &format!("Ear syringed, {SPOILED}.")),
            row(3, 3, 1, &format!("Knee better, {GOOD}two.")),
        ],
    );
    spoil(&folder);
    let pulled = practice.user("lea").pull(&feed);
    (practice, pulled)
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the test spoils something");
    fs::write(path, changed).unwrap();
}

/// The row with [`SPOILED`] in it, changed.
fn edit_row(folder: &Path, change: impl Fn(&str) -> String) {
    edit(&file(folder, OBSERVATION), |text| {
        text.split("\r\n")
            .map(|line| if line.contains(SPOILED) { change(line) } else { line.to_owned() })
            .collect::<Vec<_>>()
            .join("\r\n")
    });
}

/// What patients see once every hold has run out.
fn visible_at_last(practice: &Practice) -> String {
    practice.clock.set(start() + Duration::days(10));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
    fs::read_to_string(practice.feed()).unwrap()
}

fn queue(practice: &Practice) -> Queue {
    practice.user("ben").queue()
}

/// One sentence that names the table's file and, where it is one, the row.
fn one_sentence(pulled: &Pulled, table: &str, row: Option<u64>) {
    assert_eq!(pulled.set_aside, 1, "{pulled:?}");
    let sentence = &pulled.set_aside_examples[0];
    assert!(sentence.contains(table), "{sentence}");
    if let Some(row) = row {
        assert!(sentence.contains(&format!("row {row}")), "{sentence}");
    }
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    assert!(!sentence.contains(SPOILED), "no content in messages: {sentence}");
}

fn good_rows_went_on(practice: &Practice, spoiled_is_shown: bool) {
    let shown = visible_at_last(practice);
    assert!(shown.contains(&format!("{GOOD}one")) && shown.contains(&format!("{GOOD}two")), "the good rows go on");
    assert_eq!(shown.contains(SPOILED), spoiled_is_shown);
}

#[test]
fn a_row_with_too_few_fields() {
    let (practice, pulled) =
        pulled_after(|folder| edit_row(folder, |line| line.rsplit_once(",false,").unwrap().0.to_owned()));
    one_sentence(&pulled, OBSERVATION, Some(3));
    assert_eq!(queue(&practice).totals.set_aside, 1, "the count is on the screen");
    good_rows_went_on(&practice, false);
}

#[test]
fn a_bad_date() {
    let (practice, pulled) = pulled_after(|folder| edit_row(folder, |line| line.replace("2026-11-15", "2026-13-45")));
    assert!(pulled.set_aside >= 1, "{pulled:?}");
    assert!(pulled.set_aside_examples[0].contains("row 3"), "{pulled:?}");
    let shown = visible_at_last(&practice);
    assert!(shown.contains(&format!("{GOOD}one")) && shown.contains(&format!("{GOOD}two")));
}

#[test]
fn an_unknown_code_is_kept_and_held() {
    let (practice, pulled) = pulled_after(|folder| edit_row(folder, |line| line.replacen(",1,,\"", ",987654,,\"", 1)));
    one_sentence(&pulled, OBSERVATION, Some(3));
    assert_eq!(queue(&practice).rows.len(), 1, "what its code says could not be screened");
    good_rows_went_on(&practice, false);
}

#[test]
fn a_patient_who_does_not_exist() {
    let (practice, _) = pulled_after(|folder| {
        let stranger = extract::guid(0xee, 99);
        let known = extract::guid(0xaa, 0);
        edit_row(folder, |line| line.replace(&known, &stranger));
        edit(&file(folder, "CareRecord_Consultation"), |text| {
            let second = extract::guid(0xc0, 2);
            text.split("\r\n")
                .map(|line| if line.contains(&second) { line.replace(&known, &stranger) } else { line.to_owned() })
                .collect::<Vec<_>>()
                .join("\r\n")
        });
    });
    let rows = queue(&practice).rows;
    assert_eq!(rows.len(), 1, "kept, and held until somebody knows whose it is");
    assert!(rows[0].patient_name.contains("not sent"), "{}", rows[0].patient_name);
    good_rows_went_on(&practice, false);
}

#[test]
fn invalid_utf_8() {
    let (practice, pulled) = pulled_after(|folder| {
        let path = file(folder, OBSERVATION);
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(SPOILED.len()).position(|window| window == SPOILED.as_bytes()).unwrap();
        bytes[at] = 0xff;
        fs::write(path, bytes).unwrap();
    });
    one_sentence(&pulled, OBSERVATION, Some(3));
    good_rows_went_on(&practice, false);
}

#[test]
fn a_file_cut_short() {
    let (practice, pulled) = pulled_after(|folder| {
        edit(&file(folder, OBSERVATION), |text| text[..text.find(&format!("{GOOD}two")).unwrap()].to_owned());
    });
    assert_eq!(pulled.set_aside, 1, "{pulled:?}");
    let shown = visible_at_last(&practice);
    assert!(shown.contains(&format!("{GOOD}one")) && shown.contains(SPOILED), "the rows before the cut go on");
    assert!(!shown.contains(&format!("{GOOD}two")));
}

#[test]
fn a_text_of_five_megabytes_is_held_as_not_screened() {
    let (practice, _) = pulled_after(|folder| {
        edit_row(folder, |line| line.replace(SPOILED, &format!("{SPOILED} {}", "word ".repeat(1 << 20))));
    });
    let rows = queue(&practice).rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(u8::from(rows[0].tier), 4);
    good_rows_went_on(&practice, false);
}

#[test]
fn a_wrong_check_digit() {
    let (practice, pulled) =
        pulled_after(|folder| edit(&file(folder, PATIENT), |text| text.replace("9990000018", "9990000017")));
    one_sentence(&pulled, PATIENT, Some(2));
    assert!(!pulled.set_aside_examples[0].contains("999000"), "no number in messages");
    good_rows_went_on(&practice, true);
}

#[test]
fn control_characters_and_escapes_become_visible() {
    let (practice, _) = pulled_after(|folder| {
        edit_row(folder, |line| line.replace(SPOILED, &format!("{SPOILED} \u{1b}[31m\u{202e}\u{7}\u{9b}x\u{200b}y")));
    });
    for row in queue(&practice).rows {
        practice.user("ben").decide(row.entry, anteroom::record::Act::Approve).unwrap();
        practice.user("lea").decide(row.entry, anteroom::record::Act::Approve).unwrap();
    }
    let shown = visible_at_last(&practice);
    assert!(shown.contains(SPOILED));
    for raw in ['\u{1b}', '\u{202e}', '\u{7}', '\u{9b}', '\u{200b}'] {
        assert!(!shown.contains(raw) && !shown.contains(&format!("\\u{:04x}", raw as u32)), "{raw:?} left raw");
    }
}

#[test]
fn a_missing_column_refuses_its_table_once() {
    let (_, pulled) =
        pulled_after(|folder| edit(&file(folder, OBSERVATION), |text| text.replacen("CodeId", "Kode", 1)));
    one_sentence(&pulled, OBSERVATION, None);
    assert!(pulled.set_aside_examples[0].contains("CodeId"), "{pulled:?}");
}

#[test]
fn a_day_without_free_text_says_so() {
    let (practice, pulled) =
        pulled_after(|folder| edit(&file(folder, OBSERVATION), |text| text.replacen("AssociatedText", "Other", 1)));
    assert!(pulled.notices.iter().any(|notice| notice.contains("free text")), "{pulled:?}");
    assert!(queue(&practice).alarms.iter().any(|alarm| alarm.contains("free text")));
}

#[test]
fn the_same_extract_twice_changes_nothing() {
    let (practice, first) = pulled_after(|_| {});
    let again = practice.user("lea").pull(&format!("emis:{}", practice.path().join("extract").display()));
    assert_eq!(first.new, 3);
    assert_eq!((again.new, again.changed, again.deleted, again.patients), (0, 0, 0, 0), "{again:?}");
}

#[test]
fn a_folder_that_is_not_there_is_one_sentence() {
    let practice = Practice::new();
    let reply = practice.user("lea").ask(Request::Pull { from: Some("emis:/nowhere/at/all".into()) });
    assert!(
        matches!(&reply, Reply::Failed { why } if why.contains("/nowhere/at/all") && why.lines().count() == 1),
        "{reply:?}"
    );
}

#[test]
fn roles_that_read_no_records_are_refused_and_a_refusal_is_logged() {
    let (practice, _) = pulled_after(|folder| {
        edit_row(folder, |line| line.replace("Ear syringed", "Domestic abuse disclosed, partner hits her"))
    });
    let row = queue(&practice).rows.remove(0);
    for login in ["aud", "adm"] {
        let mut person = practice.user(login);
        assert!(matches!(person.ask(Request::Queue { limit: 10 }), Reply::Refused { .. }));
        assert!(matches!(person.ask(Request::Open { entry: row.entry }), Reply::Refused { .. }));
        assert!(person.decide_on(&row, anteroom::record::Act::Approve).is_err());
    }
    let Reply::Audit(lines) = practice.user("aud").ask(Request::Audit { before: None, limit: 50, everything: false })
    else {
        panic!()
    };
    let refused =
        lines.iter().filter(|line| matches!(line.record.outcome, anteroom::audit::Outcome::Refused(_))).count();
    assert_eq!(refused, 6, "denied attempts are in the log");
}
