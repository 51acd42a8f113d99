//! The connection breaks between an act and its answer: it is asked for again by itself, and was done once.

use std::path::Path;
use std::process::{Command, Stdio};

use anteroom::protocol::Request;
use tempfile::TempDir;

use super::cut::cut_once;
use super::extract::{self, row};
use super::served::Daemon;
use super::terminal::{BINARY, Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE};

/// A practice with so many entries to review and as many lines to skim.
fn practice(entries: usize) -> (TempDir, Daemon) {
    let dir = TempDir::new().unwrap();
    let held = (1..=entries).map(|n| row(n, n, n % 2, "Domestic abuse disclosed, partner hits her."));
    let faint = (1..=entries).map(|n| row(100 + n, 100 + n, n % 2, "Cries evenings, eating at daughters."));
    let feed = extract::write(&dir.path().join("extract"), &held.chain(faint).collect::<Vec<_>>());
    let daemon = Daemon::start(dir.path());
    let pulled = anteroom(dir.path(), &["pull", &feed]);
    assert!(pulled.contains("new"), "{pulled}");
    (dir, daemon)
}

fn anteroom(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(BINARY).arg("--dir").arg(dir).args(arguments).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// How often the log has that something was done.
fn logged(dir: &Path, event: &str) -> usize {
    let log = anteroom(dir, &["audit", "list", "--json"]);
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let is_it = |event_of: &serde_json::Value| event_of == event || event_of.get(event).is_some();
    lines.filter(|line| is_it(&line["record"]["event"])).count()
}

fn review(dir: &Path) -> Terminal {
    Start::program(BINARY, &["--dir", dir.to_str().unwrap(), "review"]).open()
}

#[test]
fn the_screen_asks_again_for_a_decision_that_was_done_and_goes_on() {
    let (dir, _daemon) = practice(3);
    let cut = cut_once(dir.path(), |request| matches!(request, Request::Decide { .. }));
    let mut terminal = review(dir.path());
    terminal.wait_for("3 to review");
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("x", "Why?");
    terminal.press_for("1", "not known whether that counted");
    cut.try_recv().expect("the answer was lost");
    terminal.wait_for("what you asked for last is done");
    assert_eq!(logged(dir.path(), "hidden"), 1);
    // The next one has opened, and what was done can be taken back as ever.
    terminal.wait_for("of 2   waits");
    terminal.press_for("u", "waits again");
    terminal.press_for(ESCAPE, "3 to review");
    assert_eq!((logged(dir.path(), "hidden"), logged(dir.path(), "undone")), (1, 1));
}

#[test]
fn the_screen_asks_again_for_a_line_that_was_pulled_into_the_queue() {
    let (dir, _daemon) = practice(2);
    let cut = cut_once(dir.path(), |request| matches!(request, Request::Pick { .. }));
    let mut terminal = review(dir.path());
    terminal.wait_for("2 to review");
    terminal.press_for("S", "passes it");
    terminal.press_for("t", "not known whether that counted");
    cut.try_recv().expect("the answer was lost");
    terminal.wait_for("what you asked for last is done");
    terminal.wait_for("✓ pulled into the queue  ");
    terminal.wait_for("1 to skim   page");
    terminal.press_for(ESCAPE, "3 to review");
    assert_eq!(logged(dir.path(), "picked"), 1);
}

#[test]
fn line_by_line_it_is_asked_again_and_goes_on_where_it_was() {
    let (dir, _daemon) = practice(3);
    let cut = cut_once(dir.path(), |request| matches!(request, Request::Decide { .. }));
    let mut plain = Command::new(BINARY)
        .arg("--dir")
        .arg(dir.path())
        .arg("plain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write as _;
    plain.stdin.take().unwrap().write_all(b"open 1\nhide 3\nundo\nquit\n").unwrap();
    let said = String::from_utf8(plain.wait_with_output().unwrap().stdout).unwrap();
    cut.try_recv().expect("the answer was lost");
    let order = ["The connection to the daemon was lost; this is asked again", "Hidden ", "What now?", "Taken back: "];
    let places: Vec<_> = order.iter().map(|words| said.rfind(words)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{said}");
    assert_eq!((logged(dir.path(), "hidden"), logged(dir.path(), "undone")), (1, 1));
}

#[test]
fn line_by_line_a_list_is_told_by_a_daemon_that_has_come_back() {
    let (dir, daemon) = practice(2);
    let mut plain = Start::program(BINARY, &["--dir", dir.path().to_str().unwrap(), "plain"]).size(100, 40).open();
    plain.wait_for("Say help");
    daemon.kill();
    plain.press_for("list\r", "The connection to the daemon was lost; this is asked again");
    let _daemon = Daemon::start(dir.path());
    plain.wait_until("the list again", |screen| screen.contents().matches("2 to review").count() == 2);
    plain.press("quit\r");
    assert_eq!(plain.wait_for_end().0, 0, "{}", plain.screen());
}
