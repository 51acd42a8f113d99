//! The pictures in the README are taken from the real program: `ANTEROOM_PICTURES=write cargo test --test pty
//! pictures` puts new ones there, and without the variable the test says where they differ.

use super::terminal::{Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE, QUEUE};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// Whose entry the pictures are of.
const PATIENT: &str = "pallister m";

fn picture(terminal: &Terminal) -> String {
    format!("{}\n", terminal.screen().trim_end())
}

/// Every picture with its name, in the order in which a person comes to these pages.
fn taken() -> Vec<(&'static str, String)> {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let mut out = vec![("queue", picture(&terminal))];
    terminal.press_for("/", "find ");
    terminal.press(PATIENT);
    terminal.wait_for("1 fits");
    terminal.press_for(ENTER, "fit “");
    terminal.press_for(ENTER, ENTRY);
    terminal.wait_without("fit “");
    out.push(("entry", picture(&terminal)));
    terminal.press_for("r", "REDACT");
    terminal.press_for("A", "all ");
    terminal.wait_without("0 of ");
    out.push(("redact", picture(&terminal)));
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for("c", "Who can read this record");
    out.push(("patient", picture(&terminal)));
    terminal.press(ESCAPE);
    terminal.wait_without("Who can read this record");
    terminal.press_for("x", "Why?");
    out.push(("hide", picture(&terminal)));
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for(ESCAPE, "fit “");
    terminal.press(ESCAPE);
    terminal.wait_without("fit “");
    terminal.press_for("S", "passes it");
    out.push(("skim", picture(&terminal)));
    terminal.press_for(ESCAPE, "0 late");
    terminal.press_for(":", "enter does it");
    terminal.press("hide");
    terminal.wait_for(": hide");
    out.push(("palette", picture(&terminal)));
    terminal.press(ESCAPE);
    terminal.wait_without("enter does it");
    terminal.press_for("?", "Every action is also on");
    out.push(("help", picture(&terminal)));
    out
}

#[test]
fn the_pictures_in_the_readme_are_the_programs() {
    let mut readme = std::fs::read_to_string(README).unwrap();
    let mut wrong = Vec::new();
    for (name, picture) in taken() {
        let begin = format!("<!-- picture: {name} -->\n```text\n");
        let Some(start) = readme.find(&begin).map(|at| at + begin.len()) else {
            panic!("README.md has no place for {name}")
        };
        let end = start + readme[start..].find("```\n").unwrap();
        if readme[start..end] != picture {
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
