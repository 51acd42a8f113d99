//! A reviewer's day, key by key.

use std::time::Duration;

use super::terminal::{BINARY, Start, Terminal};
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
    // High enough for the log of all of it, however often the queue was read meanwhile.
    let mut terminal = Start::demo().size(80, 48).open();
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

/// The keys of somebody who goes by what the screen says: those that were pressed.
struct Keys(usize);

impl Keys {
    fn press_for(&mut self, terminal: &mut Terminal, key: &str, text: &str) {
        self.0 += 1;
        terminal.press_for(key, text);
    }
}

/// Decides on the selected entry and comes back to the queue.
fn decide_on_the_first(terminal: &mut Terminal, keys: &mut Keys) {
    let left = format!("{} {QUEUE}", waiting(terminal) - 1);
    keys.press_for(terminal, ENTER, ENTRY);
    let said = terminal.screen();
    let found = |weight: &str| said.lines().any(|line| line.ends_with(weight));
    let grave = found(" disclosure");
    if said.contains("you can hide it") || found(" critical") {
        // What one recorded oneself another person lets through; what is gravest takes two.
        keys.press_for(terminal, "x", "Why?");
        keys.press_for(terminal, "3", "✓ hidden  ");
    } else if !grave {
        // Down to the end, so that every match has been on the screen.
        keys.press_for(terminal, "G", ENTRY);
        keys.press_for(terminal, "a", "approved  ");
    } else {
        keys.press_for(terminal, "r", "0 of ");
        keys.press_for(terminal, "A", "all ");
        terminal.wait_without("0 of ");
        keys.0 += 1;
        terminal.press(ENTER);
        let better_hidden = ["choose why", "or hide the entry"];
        let hidden = |text: &str| better_hidden.iter().any(|said| text.contains(said));
        terminal.wait_until("a decision, or why not", |screen| {
            screen.contents().contains("✓ redacted  ") || hidden(&screen.contents())
        });
        if terminal.screen().contains("or hide the entry") {
            // The entry is read anew for it, as whoever else decided may have left it.
            terminal.watch(Duration::from_secs(1));
            keys.press_for(terminal, "x", "Why?");
        }
        if terminal.screen().contains("Why?") {
            keys.press_for(terminal, "3", "✓ hidden  ");
        }
    }
    // The next entry has opened by itself, unless this was the last.
    terminal.wait_until("what comes next", |screen| {
        let text = screen.contents();
        text.contains(ENTRY) && !text.contains("REDACT") || text.contains(QUEUE)
    });
    if !terminal.screen().contains(QUEUE) {
        keys.press_for(terminal, ESCAPE, QUEUE);
    }
    terminal.wait_for(&left);
}

#[test]
fn the_whole_day_is_done_by_keys_alone() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let (entries, mut keys) = (waiting(&terminal), Keys(0));
    while waiting(&terminal) > 0 {
        decide_on_the_first(&mut terminal, &mut keys);
    }
    terminal.wait_for("Nothing waits for you.");
    assert!(keys.0 <= 6 * entries, "{} keys for {entries} entries", keys.0);

    // The weak cues are read down, each page in the time that its lines need.
    terminal.press_for("S", "to skim   page 1 of");
    let mut pages = 0;
    while !terminal.screen().contains("Nothing is left to skim") {
        terminal.wait_for("passes it");
        let said = |screen: &vt100::Screen| screen.rows(0, u16::MAX).next().unwrap_or_default();
        let before = said(terminal.emulator());
        terminal.press("p");
        terminal.wait_until("the rest", |screen| said(screen) != before);
        pages += 1;
        assert!(pages < 10, "a page is never done:\n{}", terminal.screen());
    }
    terminal.press_for(ESCAPE, "0 to review");
    terminal.wait_for("Nothing waits for you.");
    terminal.wait_without("to skim S");
}

/// The number before “s” at the end of when the page counts as read.
fn seconds_left(terminal: &Terminal) -> u64 {
    let screen = terminal.screen();
    let (before, _) = screen.lines().next().unwrap().split_once(" s ").unwrap_or_else(|| panic!("{screen}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_page_of_lines_passes_only_after_each_was_in_sight_long_enough() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    terminal.press_for("S", "counts as read in");
    let lines = terminal.screen().split(" to skim").next().unwrap().trim().parse::<usize>().unwrap();
    let at_first = seconds_left(&terminal);
    assert!(at_first >= 4 && at_first as usize >= lines / 3, "{at_first} s for {lines} lines");
    terminal.press_for("p", "Too early: this page of");
    terminal.wait_for(&format!("{lines} to skim"));

    // What lies over the lines keeps them from being read.
    let before = seconds_left(&terminal);
    terminal.press_for("?", "Every action is also on");
    terminal.watch(Duration::from_secs(2));
    terminal.press_for(ESCAPE, "to skim   page");
    assert!(seconds_left(&terminal) + 1 >= before, "{before} s before, {} now", seconds_left(&terminal));
    terminal.press_for("p", "Too early: this page of");

    terminal.wait_for("p passes it");
    terminal.press_for("p", &format!("✓ passed  {lines} lines"));
    terminal.wait_for("Nothing is left to skim");
    terminal.press_for("u", &format!("Taken back: {lines} lines"));
    terminal.wait_for(&format!("{lines} to skim"));
}

/// Hands that know vim press what means something there. None of it decides, takes out or loses anything.
#[test]
fn in_the_vim_map_what_is_no_key_here_changes_nothing_and_leaving_keeps_the_draft() {
    let mut terminal = Start::program(BINARY, &["demo", "--no-tour", "--map", "vim"]).open();
    terminal.wait_for(QUEUE);
    terminal.press_for("/", "find ");
    terminal.press("pallister m");
    terminal.wait_for("1 fits");
    terminal.press_for(ENTER, "fit “");
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("r", "REDACT");
    let untouched = preview(&terminal);
    terminal.press("2");
    terminal.press_for("dim", "all 2 found are settled");
    let taken_out = preview(&terminal);
    assert_ne!(taken_out, untouched);

    terminal.press("e");
    terminal.press("V");
    terminal.press_for("\x12", "“ctrl-r” does nothing while redacting");
    assert_eq!(preview(&terminal), taken_out, "nothing was taken out or put back");
    terminal.press_for(":", "enter does it");
    terminal.press_for("q", ": q");
    terminal.press_for(ENTER, ENTRY);
    terminal.wait_for("A redaction of yours is half made");

    // Also whoever comes back to it later finds it.
    terminal.press_for(ESCAPE, "fit “");
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("r", "Your redaction from before is here again");
    assert_eq!(preview(&terminal), taken_out);
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for("l", "Audit log");
    for done in ["redacted", "approved", "hid "] {
        assert!(!terminal.screen().contains(&format!("dr.shah    {done}")), "{}", terminal.screen());
    }
}
