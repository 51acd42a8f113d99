//! What happens at the source after people have decided: changes, deletions, reappearance, and access that opens.

use anteroom::record::{Act, Style};
use anteroom::review::State;
use chrono::Duration;

use super::practice::{ABUSE, HARMLESS, ask, practice, publish, pull, waiting};
use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Practice, all_suggestions};
use anteroom::protocol::{Reply, Request};

#[test]
pub fn what_comes_back_after_a_deletion_is_read_anew() {
    let practice = practice(&[row(1, 0, 0, "Her ex follows her.")]);
    let mut ben = practice.user("ben");
    let entry = waiting(&mut ben);
    assert_eq!(ben.decide(entry, Act::Approve).unwrap().state, State::Settling);
    publish(&practice, Duration::days(4));
    assert_eq!(practice.composition_lines().len(), 1);
    pull(&practice, "gone", &[Row { deleted: true, ..row(1, 0, 0, "") }]);
    assert!(practice.composition_lines().is_empty(), "withdrawn with the deletion");
    assert!(ben.queue().rows.is_empty());
    publish(&practice, Duration::days(9));
    assert!(practice.composition_lines().is_empty());
    // The same bytes again are another version: no approval revives.
    pull(&practice, "back", &[row(1, 0, 0, "Her ex follows her."), row(2, 2, 1, HARMLESS)]);
    let again = waiting(&mut ben);
    let opened = ben.open(again);
    assert_eq!((opened.row.entry, opened.row.state), (entry, State::Queued));
    assert!(opened.decisions.is_empty() && opened.row.version.0 >= 2, "{:?}", opened.row);
    publish(&practice, Duration::days(20));
    let feed = std::fs::read_to_string(practice.feed()).unwrap();
    assert!(!feed.contains("follows"), "and the hold of the first version releases nothing: {feed}");
}

#[test]
pub fn removals_of_an_earlier_version_come_back_as_suggestions_only() {
    let practice = practice(&[row(1, 1, 0, ABUSE)]);
    let (mut ben, mut lea) = (practice.user("ben"), practice.user("lea"));
    let entry = waiting(&mut ben);
    let act = all_suggestions(&ben.open(entry), Style::Silent);
    ben.decide(entry, act).unwrap();
    let read = lea.read(entry);
    assert_eq!(lea.decide(entry, read.proposed.unwrap()).unwrap().state, State::Settling);
    // Words come in before those that were taken out.
    pull(&practice, "changed", &[row(1, 1, 0, &format!("Seen with her sister. {ABUSE}"))]);
    let opened = ben.open(entry);
    assert_eq!((opened.row.state, opened.decisions.len()), (State::Queued, 0));
    assert!(opened.row.changed && opened.before.as_ref().is_some_and(|(_, decisions)| decisions.len() == 2));
    let text = &opened.version.parts[0].text;
    let words: Vec<&str> = opened
        .earlier_removals
        .iter()
        .filter_map(|removal| match removal.target {
            anteroom::record::RemovalTarget::Text(span) => span.of(text),
            anteroom::record::RemovalTarget::Line => None,
        })
        .collect();
    assert!(
        words.iter().any(|words| words.contains("partner hits her")),
        "found again where they stand now: {words:?}"
    );
    publish(&practice, Duration::days(30));
    assert!(practice.composition_lines().is_empty(), "a suggestion decides nothing");
    assert!(opened.draft.is_none(), "nor is it anybody's draft");
    let undo = ask(&mut ben, Request::Undo { entry });
    assert!(undo.is_err(), "there is nothing left of the earlier decision: {undo:?}");
}

fn with_access(practice: &Practice, folder: &str, rows: &[Row], from: &str) {
    let path = practice.path().join(folder);
    let feed = extract::write(&path, rows);
    let online = format!("NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation\r\n9990000018,full,{from},,\r\n");
    std::fs::write(path.join("online-access.csv"), online).unwrap();
    let reply = practice.user("adm").ask(Request::Pull { from: Some(feed) });
    assert!(matches!(reply, Reply::Pulled(_)), "{reply:?}");
}

#[test]
pub fn access_that_is_newly_opened_is_screened_and_held_from_then_on() {
    let practice = Practice::new();
    with_access(&practice, "first", &[row(1, 1, 0, ABUSE), row(2, 2, 0, HARMLESS)], "2026-12-01");
    let mut ben = practice.user("ben");
    assert!(ben.queue().rows.is_empty(), "nobody sees online what is older than the access");
    publish(&practice, Duration::days(5));
    assert!(practice.composition_lines().is_empty());
    with_access(&practice, "second", &[row(3, 3, 1, HARMLESS)], "2026-01-01");
    let opened = waiting(&mut ben);
    assert_eq!(ben.open(opened).row.state, State::Queued, "now they do, and it is held");
    publish(&practice, Duration::days(6));
    let shown = |practice: &Practice| practice.composition_lines().len();
    assert_eq!(shown(&practice), 0, "what is harmless waits out its hold from the day on which it could be read");
    publish(&practice, Duration::days(9));
    publish(&practice, Duration::days(10));
    assert_eq!(shown(&practice), 2, "the two harmless ones");
}
