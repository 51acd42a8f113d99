//! What the README prints from the program's own lists stands there as the program prints it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
