//! The daemon is slow, away or ahead of the screen, or the terminal is: what was begun is kept, and nothing is done twice.

use std::time::Duration;

use anteroom::protocol::{Notice, Request};
use anteroom::tui::Exit;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Screen, Start, on_screen, practice};
use crate::{decisions, on_the_day};

#[test]
fn a_slow_daemon_is_said_and_does_not_freeze_the_keys() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.daemon.inside.borrow_mut().slow = true;
        screen.press("x 1").await;
        screen.until("waiting for the daemon…").await;
        screen.press("j j").await;
        screen.until("▶ 1h05").await;
        screen.press("x 2").await;
        screen.until("One moment: the last decision is on its way").await;
        screen.daemon.inside.borrow_mut().slow = false;
        screen.daemon.go_on.notify_waiters();
        screen.until("hidden  HOLT M").await;
        assert_eq!(decisions(&screen).len(), 1);
    });
}

#[test]
fn a_lost_daemon_is_said_and_what_was_open_is_still_there_when_it_is_back() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("r d").await;
        screen.daemon.inside.borrow_mut().away = true;
        screen.daemon.lose();
        screen.until("it is tried again by itself").await;
        screen.press("A enter").await;
        screen.until("The daemon is away, so nothing can be decided").await;
        screen.daemon.inside.borrow_mut().away = false;
        screen.until("The daemon is back; what you had open is still here").await;
        screen.press("enter").await;
        screen.until("redacted  HOLT M").await;
    });
}

#[test]
fn a_decision_on_a_stale_version_shows_the_entry_anew() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter").await;
        screen.until("NHS").await;
        {
            let mut inside = screen.daemon.inside.borrow_mut();
            let entry = &mut inside.entries[0];
            entry.row.version = entry.row.version.next();
            entry.version.version = entry.row.version;
            entry.version.parts[0].display = "Depressive episode".to_owned();
        }
        screen.press("a").await;
        screen.until("The entry has changed since it was read").await;
        screen.until("Depressive episode").await;
        screen.press("a").await;
        screen.until("approved  HOLT M").await;
    });
}

#[test]
fn a_changed_queue_is_fetched_once() {
    on_the_day(async |screen| {
        let before = screen.asked().len();
        for _ in 0..20 {
            screen.daemon.notify(&Notice::QueueChanged);
        }
        screen.rest().await;
        let asked = screen.asked().len() - before;
        assert!((1..=3).contains(&asked), "{asked} requests for twenty notices");
    });
}

#[test]
fn the_end_of_the_input_ends_the_screen_at_once() {
    on_the_day(async |screen| assert_eq!(screen.hang_up().await, Exit::Ended));
    on_the_day(async |screen| {
        screen.press("q").await;
        assert_eq!(screen.ended().await, Exit::Left);
    });
}

#[test]
fn leaving_in_the_middle_of_a_redaction_keeps_it() {
    on_the_day(async |screen| {
        screen.press("r d ctrl-c").await;
        let daemon = screen.daemon.clone();
        assert_eq!(screen.ended().await, Exit::Left);
        assert!(matches!(daemon.asked().last(), Some(Request::KeepDraft { draft: Some(_), .. })));
    });
}

#[test]
fn a_redaction_in_the_making_survives_a_lost_terminal() {
    on_the_day(async |screen| {
        screen.press("r d").await;
        let daemon = screen.daemon.clone();
        assert_eq!(screen.hang_up().await, Exit::Ended);
        assert!(
            matches!(daemon.asked().last(), Some(Request::KeepDraft { draft: Some(_), .. })),
            "{:?}",
            daemon.asked().last()
        );
    });
}

#[test]
fn a_redaction_in_the_making_is_kept_after_a_moment_of_rest() {
    on_the_day(async |screen| {
        screen.press("r d").await;
        let drafts =
            |screen: &Screen| screen.asked().iter().filter(|asked| matches!(asked, Request::KeepDraft { .. })).count();
        assert_eq!(drafts(&screen), 0, "not at every key");
        tokio::time::sleep(Duration::from_millis(2300)).await;
        assert_eq!(drafts(&screen), 1);
    });
}

#[test]
fn an_entry_that_comes_late_does_not_take_the_person_back_to_it() {
    on_the_day(async |screen| {
        screen.press("enter").await;
        screen.until("NHS").await;
        screen.burst("a l");
        screen.until("approved  HOLT M").await;
        assert!(screen.text().contains("Audit log"), "{}", screen.text());
        screen.press("esc").await;
        screen.burst("esc");
        screen.until("7 to review").await;
    });
}

#[test]
fn what_only_the_daemon_can_do_is_refused_while_it_is_away() {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.daemon.inside.borrow_mut().away = true;
        screen.daemon.lose();
        screen.until("it is tried again by itself").await;
        let before = screen.asked().len();
        for key in ["P", "B", "T", "w", "o", "S", "l", "="] {
            screen.press(key).await;
            screen.until("The daemon is away, so nothing can be asked of it").await;
            screen.press("j").await;
        }
        screen.press("enter").await;
        screen.until("The daemon is away, so nothing can be opened").await;
        assert_eq!(screen.asked().len(), before);
        assert!(screen.text().contains("HOLT M"), "{}", screen.text());
    });
}
