//! Who may name whom. The rooms of the house know only those before them, so that a reader can trust
//! that, say, screening has no way to reach a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms it may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("screen", &["record"]),
    ("review", &["record"]),
    ("audit", &["record"]),
    ("source", &["record", "screen", "review", "audit"]),
    ("store", &["record", "screen", "review", "audit"]),
    ("channel", &["record", "screen", "review", "audit"]),
    // Invented feeds.
    ("synth", &["record"]),
    // What is said, in the words of the pure rooms.
    ("protocol", &["record", "review", "audit"]),
    ("client", &["record", "protocol"]),
    ("service", &["record", "source", "screen", "review", "audit", "store", "channel", "protocol"]),
    ("daemon", &["record", "audit", "service", "protocol", "client"]),
    ("tui", &["record", "screen", "review", "audit", "protocol", "client"]),
    (
        "cli",
        &[
            "record", "source", "screen", "review", "audit", "store", "channel", "service", "daemon", "protocol",
            "client", "tui", "plain", "synth",
        ],
    ),
    // The same list of actions as the screen, the same words and the same pure text.
    ("plain", &["record", "screen", "review", "audit", "protocol", "client", "tui"]),
];

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

fn room_of(file: &Path, src: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that `text` names: after `crate::`, also within braces.
fn named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(inner) => inner.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        for item in list {
            let room: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !room.is_empty() {
                rooms.insert(room);
            }
        }
    }
    rooms
}

/// Without comments: links in them may name anything.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&src, &mut found);
    assert!(found.len() > 40, "the walk found the sources");
    found
        .into_iter()
        .map(|file| {
            let text = code(&fs::read_to_string(&file).unwrap());
            (room_of(&file, &src), file, text)
        })
        .collect()
}

#[test]
fn rooms_name_only_those_before_them() {
    let rooms: BTreeSet<&str> = MAY_NAME.iter().map(|(room, _)| *room).collect();
    for (room, file, text) in sources() {
        if room == "lib" || room == "main" {
            continue;
        }
        let (_, may) = MAY_NAME
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{}: the house has no room {room}; add it to MAY_NAME", file.display()));
        for other in named(&text) {
            let allowed = other == room || may.contains(&other.as_str()) || !rooms.contains(other.as_str());
            assert!(allowed, "{}: {room} names {other}", file.display());
        }
    }
}

#[test]
fn only_one_file_says_sled_and_pure_rooms_do_no_io() {
    for (room, file, text) in sources() {
        let name = file.to_str().unwrap();
        if !name.ends_with("store/sled.rs") {
            for word in ["use sled", "::sled::{", "sled::Db", "sled::Tree", "sled::Config", "sled::open"] {
                assert!(
                    !text.contains(word) || word == "::sled::{" && text.contains("super::sled::{"),
                    "{name} says {word}"
                );
            }
        }
        if !["record", "screen", "review", "audit"].contains(&room.as_str()) {
            continue;
        }
        // `audit` reads the journal it verifies, and nothing else.
        let file_io = room == "audit" && name.ends_with("audit/verify.rs");
        for forbidden in [
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "Utc::now",
            "Local::now",
            "getrandom",
            "Instant::now",
            "SystemTime",
        ] {
            assert!(!text.contains(forbidden) || (file_io && forbidden == "std::fs"), "{name} uses {forbidden}");
        }
    }
}
