//! The tour of the demo: it asks for what a day needs, and takes no key away.

use anteroom::audit::{Actor, Role};

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Start, on_screen, practice, skim};

fn demo() -> Daemon {
    let people = vec![Actor { login: "dr.rahman".to_owned(), role: Role::Clinician }];
    skim::day(3, 500).change(|inside| inside.people = people)
}

fn start() -> Start {
    Start { tour: true, ..Start::default() }
}

#[test]
fn the_tour_goes_on_as_things_are_done_and_ends_with_a_key() {
    on_screen(start(), demo(), async |screen| {
        for (number, keys) in ["", "enter", "tab", "r", "A", "enter", "u", "esc x 1", "S"].into_iter().enumerate() {
            if !keys.is_empty() {
                screen.press(keys).await;
            }
            screen.until(&format!("Tour {}/9", number + 1)).await;
            screen.rest().await;
        }
        screen.until("? shows every key.").await;
        screen.press(".").await;
        assert!(!screen.text().contains("Tour"), "{}", screen.text());
        screen.press(".").await;
        screen.until("Tour 1/9").await;
    });
}

#[test]
fn whoever_knows_does_as_they_like_below_it() {
    on_screen(start(), demo(), async |screen| {
        screen.until("Tour 1/9").await;
        // The page has two rows less and all of its own.
        assert!(screen.text().lines().nth(21).unwrap().contains("? help"), "{}", screen.text());
        screen.press("l").await;
        screen.until("Audit log").await;
        screen.until("Tour 1/9").await;
        screen.resize(79, 24);
        screen.rest().await;
        assert!(!screen.text().contains("Tour"), "no room for it: {}", screen.text());
        screen.resize(120, 40);
        screen.until("Tour 1/9").await;
        screen.press("L").await;
        screen.until("any key brings the screen back").await;
        assert!(!screen.text().contains("Tour"));
    });
}

#[test]
fn outside_the_demo_there_is_none() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press(".").await;
        screen.until("Only the demo has a tour").await;
    });
}
