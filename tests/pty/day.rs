//! A reviewer's day, key by key.

use super::terminal::{Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE, QUEUE, decides, next_opens};

/// The number before “to review” in the queue.
fn waiting(terminal: &Terminal) -> usize {
    let screen = terminal.screen();
    let line = screen.lines().find(|line| line.contains(QUEUE)).unwrap();
    line.split(QUEUE).next().unwrap().trim().parse().unwrap()
}

/// Goes on from the entry that is open until the suggestions, once taken, leave something to read. Two keys were
/// pressed in that one then. Gives what the patient would read before and after the second.
fn take_all_suggestions(terminal: &mut Terminal) -> (String, String) {
    for _ in 0..20 {
        terminal.press_for("r", "0 of ");
        let before = preview(terminal);
        terminal.press_for("A", "all ");
        terminal.wait_without("0 of ");
        let after = preview(terminal);
        if !after.contains("Nothing worth reading") {
            return (before, after);
        }
        terminal.press_for(ESCAPE, ENTRY);
        next_opens(terminal, |terminal| terminal.press("]"));
    }
    panic!("every entry is better hidden:\n{}", terminal.screen());
}

/// What the patient would read, on a terminal of 80 columns.
fn preview(terminal: &Terminal) -> String {
    let screen = terminal.screen();
    let below = screen.split("app will show").nth(1).unwrap();
    below.lines().skip(1).take_while(|line| !line.starts_with('─')).collect::<Vec<_>>().join("\n")
}

#[test]
fn hide_undo_approve_redact_and_read_the_log() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let at_first = waiting(&terminal);
    assert!(at_first >= 6, "{}", terminal.screen());

    // Hide: two keys, and the next entry opens by itself.
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("x", "Why? The patient can ask for this reason.");
    decides(&mut terminal, "1", "✓ hidden  ");
    assert!(terminal.screen().contains("until review"), "{}", terminal.screen());

    // Undo: one key.
    terminal.press_for("u", "waits again");
    terminal.press_for(ESCAPE, QUEUE);
    terminal.wait_for(&format!("{at_first} {QUEUE}"));

    // Approve: one key, on an entry that somebody else wrote; the queue is one shorter.
    terminal.press("G");
    terminal.press("k");
    terminal.press("k");
    terminal.press_for(ENTER, ENTRY);
    decides(&mut terminal, "a", "✓ approved  ");
    terminal.press_for(ESCAPE, QUEUE);
    terminal.wait_for(&format!("{} {QUEUE}", at_first - 1));

    // Redact: three keys, after a preview of what is released.
    for key in ["g", "j", "j", "j"] {
        terminal.press(key);
    }
    terminal.press_for(ENTER, ENTRY);
    let (before, after) = take_all_suggestions(&mut terminal);
    assert!(after.split_whitespace().count() < before.split_whitespace().count(), "{before}\n→\n{after}");
    decides(&mut terminal, ENTER, "✓ redacted  ");

    // The log has each of these.
    terminal.press_for("l", "Audit log");
    for done in ["approved", "redacted", "opened", "viewed queue"] {
        terminal.wait_for(done);
    }
    let log = terminal.screen();
    let line = |done: &str| log.lines().position(|line| line.contains(&format!("dr.shah    {done}"))).unwrap();
    assert!(line("redacted") < line("approved"));
    terminal.press_for("V", "The log is intact");

    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for(ESCAPE, QUEUE);
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().0, 0);
    terminal.assert_restored();
}

#[test]
fn a_wide_terminal_shows_the_queue_beside_the_entry() {
    let mut terminal = Start::demo().size(120, 40).open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    let at_first = waiting(&terminal);
    terminal.press_for("x", "Why?");
    decides(&mut terminal, "1", "✓ hidden  ");
    terminal.wait_for(&format!("{} {QUEUE}", at_first - 1));
    terminal.press_for("u", "waits again");
    terminal.wait_for(&format!("{at_first} {QUEUE}"));
}

/// The week has one entry that comes on its second day and is edited on its third (see `expected.toml`).
const EDITED: &str = "kowalczyk";

#[test]
fn an_entry_that_changed_after_a_decision_comes_back_marked() {
    let mut terminal = Start::demo().size(120, 40).open();
    terminal.wait_for(QUEUE);
    terminal.press_for("P", "Pulled emis");
    terminal.press_for("/", "find ");
    terminal.press(EDITED);
    terminal.press_for(ENTER, "▶");
    terminal.wait_for("KOWALCZYK");
    assert!(!terminal.screen().contains("changed ·"), "{}", terminal.screen());
    while !terminal.screen().contains("Nothing fits") {
        let left = waiting(&terminal) - 1;
        terminal.press_for("x", "Why?");
        terminal.press_for("1", "✓ hidden  KOWALCZYK");
        terminal.wait_for(&format!("{left} {QUEUE}"));
    }
    terminal.press_for("P", "changed ·");
    while !terminal.screen().contains("an earlier version of this entry was decided") {
        let row = terminal.emulator().cursor_position().0;
        terminal.press("j");
        terminal.wait_until("the row below", |screen| screen.cursor_position().0 > row);
    }
    terminal.press_for(ENTER, ENTRY);
    // What is new since then can be told from what was decided on.
    terminal.press_for("v", "since version 1 of 2");
    assert!(terminal.screen().contains("│ + ") && terminal.screen().contains("│ - "), "{}", terminal.screen());
}
