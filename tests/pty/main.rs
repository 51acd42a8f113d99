//! The real program in a real pseudo-terminal, driven by keys and read from the screen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bytes;
#[path = "../kit/cut.rs"]
mod cut;
mod day;
#[path = "../kit/extract.rs"]
#[allow(dead_code)]
mod extract;
mod faults;
mod leaving;
mod looks;
mod pictures;
mod repeats;
mod served;
mod ssh;
mod terminal;

use std::collections::BTreeSet;
use std::path::Path;

use terminal::Terminal;

const ESCAPE: &str = "\x1b";
const ENTER: &str = "\r";
const CTRL_Z: &str = "\x1a";

/// What the queue says at the end of every start.
const QUEUE: &str = "to review";

/// The bar of an open entry, and of no other page.
const ENTRY: &str = "next match";

/// The folder that the demonstration works in, while it runs.
fn demo_folder(home: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("anteroom-demo-"))
}

/// The family names of the demonstration, in capitals, as the screen writes them.
fn surnames() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for day in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/demo-data/emis")).unwrap() {
        for file in std::fs::read_dir(day.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().contains("_Admin_Patient_") {
                let mut reader = csv::Reader::from_path(path).unwrap();
                let column = reader.headers().unwrap().iter().position(|name| name == "Surname").unwrap();
                names.extend(reader.records().map(|row| row.unwrap()[column].to_uppercase()));
            }
        }
    }
    names.remove("");
    assert!(names.len() > 50, "the demonstration has patients");
    names
}

/// The family names that can be read in a text.
fn named(text: &str) -> Vec<String> {
    let text = text.to_uppercase();
    surnames().into_iter().filter(|name| text.contains(name)).collect()
}

/// Does something in an open entry and waits until another one has opened.
fn next_opens(terminal: &mut Terminal, act: impl FnOnce(&mut Terminal)) {
    let first_row = |screen: &vt100::Screen| screen.rows(0, u16::MAX).next().unwrap().trim_end().to_owned();
    let here = first_row(terminal.emulator());
    act(terminal);
    terminal.wait_until("the next entry", |screen| first_row(screen) != here && screen.contents().contains(ENTRY));
}

/// Presses a key that decides on the open entry, and waits until the next one has opened by itself.
fn decides(terminal: &mut Terminal, key: &str, done: &str) {
    next_opens(terminal, |terminal| terminal.press_for(key, done));
}
