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

#[test]
fn the_tour_is_gone_to_its_end_by_whoever_does_more_than_it_asks_for() {
    on_screen(Start { size: (120, 40), ..start() }, demo(), async |screen| {
        screen.press("enter tab r").await;
        screen.until("Tour 4/9").await;
        // The record and what is shown stand side by side here.
        screen.until("On the left the record").await;
        screen.press("A enter").await;
        screen.until("Tour 6/9").await;
        screen.until("OBI Daniel").await;
        // Another decision before the first is taken back; it hides, which the step after next would ask for.
        screen.press("x 1").await;
        screen.until("OBI Ruth").await;
        screen.until("Tour 6/9").await;
        screen.press("u").await;
        screen.until("Tour 8/9").await;
        screen.press("esc S").await;
        screen.until("Tour 9/9").await;
    });
}

#[test]
fn where_nothing_is_left_the_tour_says_to_hide() {
    let mut day = practice::day();
    day.remove(0);
    let people = vec![Actor { login: "dr.rahman".to_owned(), role: Role::Clinician }];
    let daemon = Daemon::with(day).change(|inside| inside.people = people);
    on_screen(start(), daemon, async |screen| {
        screen.press("enter tab r A").await;
        screen.until("Tour 5/9").await;
        screen.until("Nothing worth reading is left, so this one is better hidden").await;
        screen.press("enter 1").await;
        screen.until("Tour 6/9").await;
    });
}
