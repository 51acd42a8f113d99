//! What the README prints from the program's own lists stands there as the program prints it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use anteroom::cli::keys;
use anteroom::tui::keymap::Keymap;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

#[test]
fn the_key_table_is_the_one_anteroom_keys_prints() {
    let table = keys::table(&Keymap::named("default").unwrap());
    assert!(readme().contains(&table), "put the output of `anteroom keys` into README.md");
}

#[test]
fn the_two_commands_are_there() {
    let readme = readme();
    assert!(readme.contains("    cargo run --release -- demo\n") && readme.contains("    cargo test\n"));
}

#[test]
fn every_dependency_has_its_line() {
    let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml")).unwrap();
    let readme = readme();
    let list = &readme[readme.find("### Dependencies").unwrap()..];
    for table in ["dependencies", "dev-dependencies"] {
        for name in manifest[table].as_table().unwrap().keys() {
            assert!(list.contains(name.as_str()), "{name} has no line in README.md");
        }
    }
}

#[test]
fn the_moves_of_an_entry_are_the_table_s() {
    let readme = readme();
    assert!(readme.contains(&anteroom::review::permissions()), "put this in:\n{}", anteroom::review::permissions());
    assert!(readme.contains(&anteroom::review::diagram()), "put this in:\n{}", anteroom::review::diagram());
}

#[test]
fn the_policy_is_the_default() {
    let policy = anteroom::review::policy_file::print(&anteroom::review::Policy::default());
    assert!(readme().contains(&format!("```toml\n{policy}```")), "put this in:\n{policy}---");
}

/// The names of the tests in a binary that run only when they are asked for.
fn ignored(binary: &str) -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let (file, folder) = (tests.join(format!("{binary}.rs")), tests.join(binary));
    let inside = std::fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let texts = inside.chain([file]).filter_map(|file| std::fs::read_to_string(file).ok());
    let names = |text: String| {
        let after = text.split("#[ignore").skip(1).map(|rest| rest.split_once("fn ").unwrap().1.to_owned());
        after.map(|rest| rest[..rest.find('(').unwrap()].to_owned()).collect::<Vec<_>>()
    };
    texts.flat_map(names).collect()
}

#[test]
fn every_long_proof_is_one_command_that_finds_its_test() {
    let readme = readme();
    let mut found = 0;
    for (at, _) in readme.match_indices("cargo test ") {
        let rest = readme[at..].split("\n\n").next().unwrap();
        let command = rest.split(['`', '|', '(']).next().unwrap();
        let words: Vec<&str> = command.split_whitespace().collect();
        if !words.contains(&"--ignored") {
            continue;
        }
        let binary = words[words.iter().position(|word| *word == "--test").unwrap() + 1];
        let values: Vec<&str> = words.iter().copied().skip(2).filter(|word| !word.starts_with('-')).collect();
        let filter = values.into_iter().rfind(|word| *word != binary && *word != "mutation").unwrap();
        let tests = ignored(binary);
        assert!(tests.iter().any(|name| name.contains(filter)), "no long test of {binary} has {filter} in {tests:?}");
        found += 1;
    }
    assert!(found >= 9, "{found} commands");
}
