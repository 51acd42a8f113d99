//! What keys do, tried on the whole screen against a daemon in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tui_support;

use anteroom::protocol::Request;
use anteroom::record::{Act, HideReason};
use tui_support::daemon::Daemon;
use tui_support::{Screen, Start, on_screen, practice};

fn decisions(screen: &Screen) -> Vec<Act> {
    let act = |request| match request {
        Request::Decide { act, .. } => Some(act),
        _ => None,
    };
    screen.asked().into_iter().filter_map(act).collect()
}

#[test]
fn all_suggestions_are_taken_with_three_keys_and_the_next_entry_opens() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("r A enter").await;
        screen.until("OBI Daniel").await;
        // Two in one sentence and two in neighbouring ones: three removals for five findings.
        assert!(matches!(decisions(&screen).as_slice(), [Act::Redact { removals, .. }] if removals.len() == 3));
        screen.until("redacted  HOLT M · Consultation · visible Monday 07:00").await;
        screen.press("u").await;
        screen.until("Taken back: HOLT M · Consultation waits again").await;
    });
}

#[test]
fn hiding_takes_two_keys() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("x 3").await;
        screen.until("hidden  HOLT M · Consultation · until review 18 Feb").await;
        assert_eq!(decisions(&screen), [Act::Hide { reason: HideReason::Coercion }]);
    });
}

#[test]
fn only_rows_with_at_most_a_weak_cue_are_approved_unread() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("a").await;
        screen.until("Something was found in this entry: read it here, then decide").await;
        assert_eq!(decisions(&screen), []);
        screen.press("esc G a").await;
        screen.until("approved  BRIGGS S · Result").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}
