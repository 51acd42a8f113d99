//! The pictures in the README are taken from the real program: `ANTEROOM_PICTURES=write cargo test --test pty
//! pictures` puts new ones there, and without the variable the test says where they differ.

use anteroom::tui::action::Place;

use super::terminal::{BINARY, Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE, QUEUE};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// Whose entry the pictures are of.
const PATIENT: &str = "pallister m";

/// The screen as it stays, once nothing more that was asked is to come.
fn picture(terminal: &mut Terminal) -> String {
    terminal.wait_without("waiting for the daemon");
    format!("{}\n", terminal.screen().trim_end())
}

/// Pictures with their names, in the order in which a person comes to these pages.
type Pictures = Vec<(&'static str, String)>;

/// Finds the patient's entry in the queue and opens it.
fn open_the_entry(terminal: &mut Terminal) {
    terminal.press_for("/", "find ");
    terminal.press(PATIENT);
    terminal.wait_for("1 fits");
    terminal.press_for(ENTER, "fit “");
    terminal.press_for(ENTER, ENTRY);
    terminal.wait_without("fit “");
}

/// Leaves what lies over a page.
fn leave(terminal: &mut Terminal, over_it: &str) {
    terminal.press(ESCAPE);
    terminal.wait_without(over_it);
}

/// From the queue to a decision.
fn deciding() -> Pictures {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let mut out = vec![("queue", picture(&mut terminal))];
    open_the_entry(&mut terminal);
    out.push(("entry", picture(&mut terminal)));
    terminal.press_for("r", "REDACT");
    terminal.press_for("A", "all ");
    terminal.wait_without("0 of ");
    out.push(("redact", picture(&mut terminal)));
    // The other way of taking out, for the other reader.
    terminal.press_for("t", "[removed]");
    terminal.press_for("p", "2 of 2");
    out.push(("preview", picture(&mut terminal)));
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for("c", "Who can read this record");
    out.push(("patient", picture(&mut terminal)));
    leave(&mut terminal, "Who can read this record");
    terminal.press_for("e", "Ask the lead about");
    out.push(("ask", picture(&mut terminal)));
    leave(&mut terminal, "Ask the lead about");
    terminal.press_for("F", "what stands over this patient");
    out.push(("flags", picture(&mut terminal)));
    leave(&mut terminal, "what stands over this patient");
    terminal.press_for("x", "Why?");
    out.push(("hide", picture(&mut terminal)));
    out
}

/// The first row of the queue, read and hidden, and what the log has of it.
fn decided() -> Pictures {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for(ESCAPE, QUEUE);
    terminal.press_for("x", "Why?");
    terminal.press_for("3", "✓ hidden  ");
    terminal.wait_for("8 to review");
    let mut out = vec![("decided", picture(&mut terminal))];
    terminal.press_for("l", "Audit log");
    terminal.wait_for("hid ");
    while !terminal.screen().contains("dr.shah hid · ") {
        terminal.press("j");
        terminal.watch(std::time::Duration::from_millis(100));
    }
    out.push(("log", picture(&mut terminal)));
    out
}

/// The pages beside the queue, and what lies over any.
fn beside() -> Pictures {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let mut out = Vec::new();
    terminal.press_for("S", "passes it");
    out.push(("skim", picture(&mut terminal)));
    terminal.press_for(ESCAPE, "0 late");
    terminal.press_for(":", "enter does it");
    terminal.press("hide");
    terminal.wait_for(": hide");
    out.push(("palette", picture(&mut terminal)));
    leave(&mut terminal, "enter does it");
    terminal.press_for("?", "Every action is also on");
    out.push(("help", picture(&mut terminal)));
    leave(&mut terminal, "Every action is also on");
    terminal.press_for("w", "To see to it");
    out.push(("worklist", picture(&mut terminal)));
    terminal.press_for("o", "Stands");
    out.push(("record", picture(&mut terminal)));
    terminal.press_for(ESCAPE, "To see to it");
    terminal.press_for(ESCAPE, QUEUE);
    terminal.press_for("s", "rows set aside");
    out.push(("status", picture(&mut terminal)));
    terminal.press_for("p", "[visibility]");
    out.push(("policy", picture(&mut terminal)));
    out
}

/// An entry that was edited after it came, beside what it was.
fn edited() -> Pictures {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    for _ in 0..2 {
        terminal.press_for("P", "Pulled emis");
        leave(&mut terminal, "Pulled emis");
    }
    terminal.press_for("/", "find ");
    terminal.press("kowalczyk");
    terminal.press_for(ENTER, "fit “");
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("v", "since version 1 of 2");
    vec![("versions", picture(&mut terminal))]
}

/// The first screen of the demonstration, and a wide one.
fn first_and_wide() -> Pictures {
    let mut terminal = Start::program(BINARY, &["demo"]).open();
    terminal.wait_for("Tour 1/9");
    terminal.wait_for(QUEUE);
    let mut out = vec![("tour", picture(&mut terminal))];
    let mut terminal = Start::demo().size(120, 40).open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    out.push(("wide", picture(&mut terminal)));
    out
}

/// A picture without what differs from one run to the next: seconds of the clock, the room on this machine's disk, how
/// often the screen asked for the queue, and how many patients came with one unit of a pull.
fn steady(picture: &str) -> String {
    let is_time = |word: &str| word.len() == 8 && word.bytes().filter(|byte| *byte == b':').count() == 2;
    let is_log = picture.contains("Audit log");
    let differs = |line: &&str| {
        let by_chance = ["viewed queue", "patients arrived", "pull went on"].iter().any(|what| line.contains(what));
        let of_the_log = line.trim().is_empty() || by_chance || line.starts_with('─');
        line.contains("room on the disk") || line.starts_with(" log   ") || is_log && of_the_log
    };
    let line = |line: &str| {
        let line = if is_log { line.replace('▶', " ") } else { line.to_owned() };
        line.split(' ').map(|word| if is_time(word) { "00:00:00" } else { word }).collect::<Vec<_>>().join(" ")
    };
    picture.lines().filter(|line| !differs(line)).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pictures_in_the_readme_are_the_programs() {
    let mut readme = std::fs::read_to_string(README).unwrap();
    let mut wrong = Vec::new();
    for (name, picture) in [deciding(), decided(), beside(), edited(), first_and_wide()].concat() {
        let begin = format!("<!-- picture: {name} -->\n```text\n");
        let Some(start) = readme.find(&begin).map(|at| at + begin.len()) else {
            panic!("README.md has no place for {name}")
        };
        let end = start + readme[start..].find("```\n").unwrap();
        if steady(&readme[start..end]) != steady(&picture) {
            wrong.push(format!("{name} is now\n{picture}"));
            readme.replace_range(start..end, &picture);
        }
    }
    if std::env::var("ANTEROOM_PICTURES").is_ok_and(|how| how == "write") {
        std::fs::write(README, readme).unwrap();
        return;
    }
    assert!(
        wrong.is_empty(),
        "ANTEROOM_PICTURES=write cargo test --test pty pictures takes new ones:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_page_has_a_picture() {
    let readme = std::fs::read_to_string(README).unwrap();
    for place in Place::ALL {
        assert!(readme.contains(&format!("<!-- picture: {} -->", place.name())), "no picture {}", place.words());
    }
}
