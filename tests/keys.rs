//! The keys: every map loads, reaches everything, and mistakes in a file are told with their line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anteroom::tui::action::{ACTIONS, Action, Place};
use anteroom::tui::keymap::{Found, Key, Keymap};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn maps() -> Vec<(&'static str, Keymap)> {
    Keymap::NAMES.into_iter().map(|name| (name, Keymap::named(name).unwrap())).collect()
}

fn typed(characters: &str) -> Vec<Key> {
    characters.chars().map(|c| Key::new(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))).collect()
}

#[test]
fn every_file_in_keymaps_is_a_map_without_a_mistake() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("keymaps");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(Keymap::NAMES.contains(&name.as_str()), "{name} is in the folder and not in the program");
        let mut map = Keymap::named("default").unwrap();
        assert_eq!(map.merge(&name, &std::fs::read_to_string(&file).unwrap()), []);
        assert_eq!(Some(map), Keymap::named(&name));
        files += 1;
    }
    assert_eq!(files, Keymap::NAMES.len());
}

#[test]
fn every_map_reaches_every_action_wherever_it_applies() {
    for (name, map) in maps() {
        for about in ACTIONS {
            for place in about.at {
                assert!(
                    !map.keys(*place, about.action, true).is_empty(),
                    "{name}: no key for {} {}",
                    about.name,
                    place.words()
                );
            }
        }
    }
}

#[test]
fn no_key_hides_a_longer_sequence() {
    for (name, map) in maps() {
        for place in Place::ALL {
            let keys: Vec<String> = ACTIONS.iter().flat_map(|about| map.keys(place, about.action, true)).collect();
            for long in &keys {
                let mut shorter = long.as_str();
                while let Some((prefix, _)) = shorter.rsplit_once(' ') {
                    assert!(!keys.iter().any(|key| key == prefix), "{name}, {}: {prefix} hides {long}", place.words());
                    shorter = prefix;
                }
            }
        }
    }
}

#[test]
fn every_action_is_described_once_and_briefly_enough_for_the_help() {
    for about in ACTIONS {
        assert_eq!(ACTIONS.iter().filter(|other| other.action == about.action || other.name == about.name).count(), 1);
        assert_eq!(Action::from_name(about.name), Some(about.action));
        assert!(about.sentence.chars().count() <= 58, "{} is cut at 80 columns", about.sentence);
        assert!(!about.at.is_empty());
    }
}

#[test]
fn the_users_file_is_laid_over_key_by_key() {
    let mut map = Keymap::named("default").unwrap();
    let mistakes = map.merge("keymap.toml", "[queue]\n\"z z\" = \"approve\"\n\"a\" = \"none\"\n");
    assert_eq!(mistakes, []);
    assert_eq!(map.resolve(Place::Queue, &typed("a")), Found::Nothing);
    assert_eq!(map.resolve(Place::Queue, &typed("z")), Found::Begun);
    assert_eq!(map.resolve(Place::Queue, &typed("zz")), Found::Action(Action::Approve));
    assert_eq!(map.resolve(Place::Queue, &typed("x")), Found::Action(Action::Hide));
    assert_eq!(map.resolve(Place::Entry, &typed("a")), Found::Action(Action::Approve));
}

#[test]
fn mistakes_are_told_with_line_and_nearest_name_and_the_rest_counts() {
    let file = "[queue]\n\"m\" = \"aprove\"\n\"ctlr-x\" = \"hide\"\n\"A\" = \"take-all\"\n\"a b\" = \"hide\"\n\"y\" = 3\n\"w\" = \
                \"hide\"\n\n[queu]\n\"x\" = \"hide\"\n";
    let mut map = Keymap::named("default").unwrap();
    let told: Vec<String> = map.merge("keymap.toml", file).iter().map(ToString::to_string).collect();
    let begins = [
        "keymap.toml, line 2: there is no action “aprove”; did you mean “approve”?",
        "keymap.toml, line 3: “ctlr-x” is not a key",
        "keymap.toml, line 4: “take-all” does nothing in the queue",
        "keymap.toml, line 5: “a” already acts by itself; set it to \"none\" first",
        "keymap.toml, line 6: an action is a name in quotes",
        "keymap.toml, line 9: there is no place “queu”; did you mean “queue”?",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begin) in told.iter().zip(begins) {
        assert!(told.starts_with(begin), "{told}");
    }
    assert_eq!(map.resolve(Place::Queue, &typed("w")), Found::Action(Action::Hide));
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line() {
    let mut map = Keymap::named("default").unwrap();
    let mistakes = map.merge("keymap.toml", "[queue]\n\"w\" = \"hide\"\n\"b\" = = \"hide\"\n");
    assert_eq!(mistakes.first().map(|mistake| mistake.line), Some(3), "{mistakes:?}");
}

#[test]
fn the_listing_holds_every_action_with_its_keys() {
    for (name, map) in maps() {
        let listing = map.listing(false);
        for about in ACTIONS {
            assert!(listing.contains(about.sentence), "{name}: {} is not listed", about.name);
        }
    }
}

#[test]
fn a_file_says_over_which_map_it_is_laid() {
    let file = "map = \"vim\"\n[queue]\n\"z z\" = \"approve\"\n";
    assert_eq!(Keymap::laid_over(file).as_deref(), Some("vim"));
    let mut map = Keymap::named("vim").unwrap();
    assert_eq!(map.merge("keymap.toml", file), []);
    assert_eq!(map.resolve(Place::Queue, &typed("zz")), Found::Action(Action::Approve));
    assert_eq!(Keymap::laid_over("[queue]\n"), None);
    let mistakes = map.merge("keymap.toml", "map = \"vi\"\n");
    assert_eq!(
        mistakes.first().map(ToString::to_string).as_deref(),
        Some("keymap.toml, line 1: there is no map “vi”; did you mean “vim”?")
    );
}
