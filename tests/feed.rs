//! What leaves: a feed that parses as FHIR and holds no hidden or undecided entry and no removed word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::fs;
use std::path::Path;

use anteroom::protocol::{Reply, Request};
use anteroom::record::{Act, HideReason, Removal, RemovalTarget, Span, Style};
use chrono::Duration;

use kit::extract::{self, row};
use kit::{Practice, start};

/// Words that stand nowhere else.
const KEPT: &str = "quillwort";
const REMOVED: &str = "zanthorex";
const HIDDEN: &str = "vimbleton";
const UNDECIDED: &str = "orpishade";
const CLEAR: &str = "plumbago";
const LATER: &str = "fescuelike";

fn every_byte(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.push_str(path.to_str().unwrap());
        all.push_str(&String::from_utf8(fs::read(path).unwrap()).unwrap());
    }
    all
}

fn practice() -> Practice {
    let practice = Practice::new();
    let feed = extract::write(
        &practice.path().join("extract"),
        &[
            row(
                1,
                1,
                0,
                &format!("Sore throat, {KEPT}. Says her partner {REMOVED} strangled her on Sunday. Rest and fluids."),
            ),
            row(2, 2, 0, &format!("Domestic abuse disclosed, {HIDDEN}, partner hits her.")),
            row(3, 3, 1, &format!("Partner threatens to kill her, {UNDECIDED}, domestic violence.")),
            row(4, 4, 1, &format!("Flu jab given L deltoid, {CLEAR}.")),
        ],
    );
    practice.user("lea").pull(&feed);
    practice
}

fn waiting_with(practice: &Practice, word: &str) -> anteroom::protocol::Opened {
    let mut ben = practice.user("ben");
    let rows = ben.queue().rows;
    rows.into_iter()
        .map(|row| ben.open(row.entry))
        .find(|opened| opened.version.parts.iter().any(|part| part.text.contains(word)))
        .unwrap_or_else(|| panic!("nothing with {word} waits"))
}

/// Decides as the words say and lets the hold run out.
fn decided() -> Practice {
    let practice = practice();
    let (mut ben, mut lea) = (practice.user("ben"), practice.user("lea"));
    let opened = waiting_with(&practice, REMOVED);
    let part = &opened.version.parts[0];
    let at = part.text.find("Says").unwrap();
    let end = part.text.find(" Rest").unwrap();
    let removal = Removal { part: part.key.clone(), target: RemovalTarget::Text(Span::new(at, end)) };
    let act = Act::Redact { removals: vec![removal], style: Style::Silent };
    ben.decide(opened.row.entry, act.clone()).unwrap();
    let row = lea.read(opened.row.entry).row;
    let _ = lea.decide_on(&row, act);
    let opened = waiting_with(&practice, HIDDEN);
    ben.decide(opened.row.entry, Act::Hide { reason: HideReason::HarmToPatient }).unwrap();
    practice.clock.set(start() + Duration::days(5));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
    practice
}

#[test]
fn the_feed_holds_what_was_released_and_no_other_word() {
    let practice = decided();
    let feed = every_byte(practice.feed().parent().unwrap());
    assert!(feed.contains(KEPT) && feed.contains(CLEAR), "what is released is there");
    for word in [REMOVED, HIDDEN, UNDECIDED, "strangled", "Sunday"] {
        assert!(!feed.contains(word), "{word} left");
    }
}

#[test]
fn each_line_is_a_fhir_composition() {
    let practice = decided();
    let lines = practice.composition_lines();
    assert_eq!(lines.len(), 2);
    for line in lines {
        // Cardinalities of http://hl7.org/fhir/R4/composition.html.
        assert_eq!(line["resourceType"], "Composition");
        assert_eq!(line["status"], "final");
        assert!(line["type"]["text"].is_string() && line["title"].is_string());
        assert!(line["date"].is_string() || line["_date"]["extension"].is_array());
        assert!(!line["author"].as_array().unwrap().is_empty());
        let nhs = line["subject"]["identifier"]["value"].as_str().unwrap();
        assert!(nhs.parse::<anteroom::record::NhsNumber>().is_ok());
        for section in line["section"].as_array().unwrap() {
            let div = section["text"]["div"].as_str().unwrap();
            assert!(div.starts_with("<div xmlns=\"http://www.w3.org/1999/xhtml\">") && div.ends_with("</div>"));
            assert_eq!(section["text"]["status"], "generated");
        }
    }
}

#[test]
fn a_hidden_entry_looks_like_one_that_never_was() {
    let with = decided();
    let without = {
        let practice = Practice::with_keys_of(&with);
        let folder = practice.path().join("extract");
        let feed = extract::write(&folder, &[row(4, 4, 1, &format!("Flu jab given L deltoid, {CLEAR}."))]);
        practice.user("lea").pull(&feed);
        practice.clock.set(start() + Duration::days(5));
        practice.user("lea").ask(Request::Publish);
        practice
    };
    let mut lea = with.user("lea");
    let released = with.composition_lines();
    let redacted = released.iter().find(|line| line.to_string().contains(KEPT)).unwrap();
    let id = redacted["id"].as_str().unwrap().parse().unwrap();
    lea.decide(id, Act::Hide { reason: HideReason::Coercion }).unwrap();
    assert_eq!(fs::read(with.feed()).unwrap(), fs::read(without.feed()).unwrap());
}

#[test]
fn a_change_or_deletion_at_the_source_is_withdrawn_with_the_pull() {
    let practice = decided();
    let mut changed = row(4, 4, 1, &format!("Flu jab given R deltoid, {LATER}."));
    changed.consultation = extract::guid(0xc0, 4);
    let gone = extract::Row { deleted: true, ..row(1, 1, 0, "") };
    let feed = extract::write(&practice.path().join("second"), &[changed, gone]);
    practice.user("lea").pull(&feed);
    let feed = every_byte(practice.feed().parent().unwrap());
    assert!(!feed.contains(CLEAR), "the version that was released is gone");
    assert!(!feed.contains(LATER), "the new one waits");
    assert!(!feed.contains(KEPT), "the deleted line is gone");
}

#[test]
fn the_feed_is_put_right_at_the_start_if_the_daemon_died_before_writing_it() {
    let practice = decided();
    let mut lea = practice.user("lea");
    let released = practice.composition_lines();
    let old = fs::read(practice.feed()).unwrap();
    let id = released[0]["id"].as_str().unwrap().parse().unwrap();
    lea.decide(id, Act::Hide { reason: HideReason::Coercion }).unwrap();
    drop(lea);
    // As if the process had been killed between the decision and the feed.
    fs::write(practice.feed(), old).unwrap();
    let practice = practice.restart();
    assert_eq!(practice.composition_lines().len(), released.len() - 1);
}
