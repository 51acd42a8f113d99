//! The queue: groups, filters, marks, and more rows than fit anywhere.

use std::time::Duration;

use anteroom::protocol::Request;
use anteroom::record::{Act, EntryId, HideReason};
use anteroom::tui::state::WINDOW;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Start, on_screen, practice};
use crate::{decisions, on_the_day};

#[test]
fn what_waits_for_one_patient_hangs_together() {
    let mut day = practice::day();
    day[1].row.patient = day[0].row.patient;
    day[1].row.patient_name = day[0].row.patient_name.clone();
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("└ HOLT M").await;
        assert_eq!(screen.text().matches("└").count(), 1);
    });
}

#[test]
fn an_entry_that_the_gp_system_shows_says_for_how_long() {
    let mut day = practice::day();
    day[0].row.readable_since = Some(practice::now() - chrono::Duration::minutes(192));
    on_screen(Start::default(), Daemon::with(day), async |screen| screen.until("for 3h12").await);
}

#[test]
fn a_digit_shows_only_some_rows_and_back_shows_all() {
    on_the_day(async |screen| {
        screen.press("f").await;
        screen.until("2    what is late").await;
        screen.press("2").await;
        screen.until("only late").await;
        screen.until("2 of 8 fit late").await;
        // Both at once, and the box says what is in force.
        screen.press("f 1").await;
        screen.until("2 of 8 fit disclosures and worse, late").await;
        screen.press("f").await;
        screen.until("2  ✓ what is late").await;
        screen.press("2").await;
        screen.until("3 of 8 fit disclosures and worse").await;
        screen.press("f 0 G f 6").await;
        screen.until("1 of 8 fit comment names a person").await;
        screen.press("esc").await;
        screen.until("HOLT M").await;
    });
}

#[test]
fn looking_again_begins_anew_unless_the_words_before_are_edited() {
    on_the_day(async |screen| {
        screen.press("/ b r i g g s enter").await;
        screen.until("1 of 8 fit “briggs”").await;
        screen.press("/").await;
        screen.until("a letter begins anew, backspace edits").await;
        screen.press("o b i enter").await;
        screen.until("2 of 8 fit “obi”").await;
        screen.press("/ backspace enter").await;
        screen.until("fit “ob”").await;
        screen.press("/ backspace r i g g s enter").await;
        screen.until("fit “origgs”").await;
        screen.press("/ esc").await;
        screen.until("HOLT M").await;
    });
}

/// On a slow line the rows of the list before stand there until the new ones come.
#[test]
fn nothing_is_done_to_a_row_of_another_list_than_the_one_that_was_asked_for() {
    on_the_day(async |screen| {
        screen.daemon.inside.borrow_mut().slow_rows = true;
        screen.press("/ b r i g g s enter").await;
        screen.until("looking for “briggs”").await;
        assert!(screen.text().contains("▶ 3h12!  ▲▲▲▲  HOLT M"), "{}", screen.text());
        for key in ["enter", "a", "r", "x", "space", "*", "e", "D", "i", "o", "F"] {
            let asked = screen.asked().len();
            screen.press(key).await;
            screen.until("These rows have not come yet").await;
            assert_eq!(screen.asked().len(), asked, "{key}: {:?}", screen.asked().last());
        }
        screen.daemon.inside.borrow_mut().slow_rows = false;
        screen.daemon.go_on.notify_waiters();
        screen.until("1 of 8 fit “briggs”").await;
        screen.press("x 1").await;
        screen.until("✓ hidden  BRIGGS S").await;
    });
}

#[test]
fn all_rows_again_are_shown_from_the_one_that_was_selected() {
    on_the_day(async |screen| {
        screen.press("/ b r i g g s enter").await;
        screen.until("1 of 8 fit “briggs”").await;
        screen.press("esc").await;
        screen.until("HOLT M").await;
        assert!(screen.text().lines().any(|line| line.contains('▶') && line.contains("BRIGGS S")), "{}", screen.text());
    });
}

#[test]
fn marks_hide_together_after_their_number_was_typed_and_one_key_takes_them_back() {
    on_the_day(async |screen| {
        screen.press("space space j space").await;
        screen.until("3 entries marked: x hides them all").await;
        screen.press("a").await;
        screen.until("Marked entries are only hidden together").await;
        screen.press("x 3").await;
        screen.until("Type 3 and press enter").await;
        // Neither the key that led here nor a wrong number hides anything.
        screen.press("x enter").await;
        screen.until("These are 3: type that number to hide them").await;
        screen.press("2 enter").await;
        assert_eq!(decisions(&screen), []);
        screen.press("3 enter").await;
        screen.until("hidden  3 entries").await;
        assert_eq!(decisions(&screen), vec![Act::Hide { reason: HideReason::Coercion }; 3], "an act for each");
        screen.until("5 to review").await;
        screen.press("u").await;
        screen.until("Taken back: 3 entries wait again").await;
        screen.until("8 to review").await;
    });
}

#[test]
fn marks_stay_while_rows_are_narrowed_and_escape_takes_them_away_first() {
    on_the_day(async |screen| {
        screen.press("space f 2").await;
        screen.until("1 entry marked").await;
        screen.press("esc").await;
        screen.until("Nothing is marked any more").await;
        screen.until("only late").await;
        screen.press("esc").await;
        screen.until("BRIGGS S").await;
    });
}

#[test]
fn hiding_several_needs_their_number_and_leaving_the_box_hides_nothing() {
    on_the_day(async |screen| {
        screen.press("space space x 1 2 esc").await;
        screen.until("Nothing is hidden; the marks are still there").await;
        assert_eq!(decisions(&screen), []);
    });
}

/// A practice that has fallen behind.
fn many(count: u32) -> Daemon {
    let day = practice::day();
    let rows = day.iter().cycle().take(count as usize).enumerate().map(|(i, entry)| {
        let mut entry = entry.clone();
        entry.row.entry = EntryId([0; 16]);
        entry.row.entry.0[..8].copy_from_slice(&(i as u64 + 1).to_be_bytes());
        entry.row.patient.0[..8].copy_from_slice(&(i as u64 + 1).to_be_bytes());
        entry.row.patient_name = format!("P{i:05} Ann");
        entry.version.entry = entry.row.entry;
        entry
    });
    Daemon::with(rows.collect())
}

#[test]
fn a_long_queue_comes_in_windows_as_one_goes_through_it() {
    on_screen(Start::default(), many(3_000), async |screen| {
        screen.until("1 of 3,000").await;
        screen.press("G").await;
        screen.until("P02999").await;
        screen.until("3,000 of 3,000").await;
        for _ in 0..30 {
            screen.press("page-up").await;
        }
        screen.until("P025").await;
        screen.press("g").await;
        screen.until("P00000").await;
        let asked = screen.asked();
        let rows: Vec<_> = asked
            .iter()
            .filter_map(|asked| if let Request::Rows(wanted) = asked { Some(wanted) } else { None })
            .collect();
        assert!(rows.iter().all(|wanted| wanted.limit == WINDOW), "{rows:?}");
        assert!(rows.len() < 20, "{} requests", rows.len());
    });
}

#[test]
fn a_queue_that_is_shorter_than_it_says_is_not_asked_for_over_and_over() {
    // A row that the daemon could not read is missing from the window.
    let daemon = many(WINDOW as u32 + 10);
    on_screen(Start::default(), daemon, async |screen| {
        screen.until("1 of 266").await;
        screen.press("G").await;
        screen.until("266 of 266").await;
        let before = screen.asked().len();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(screen.asked().len(), before);
    });
}

#[test]
fn what_is_looked_for_is_asked_of_the_daemon_key_by_key() {
    on_screen(Start::default(), many(3_000), async |screen| {
        screen.until("1 of 3,000").await;
        screen.press("/").await;
        screen.burst("p 0 2 9 9 8");
        screen.until("1 fits").await;
        screen.press("enter").await;
        screen.until("▶").await;
        screen.until("P02998").await;
        let words = screen
            .asked()
            .into_iter()
            .filter(|asked| matches!(asked, Request::Rows(wanted) if !wanted.only.words.is_empty()));
        assert!(words.count() <= 3, "keys that come together are one question");
    });
}

#[test]
fn what_only_a_second_reader_can_decide_is_counted_apart_and_opens_by_itself_no_more() {
    let mut day = practice::day().split_off(6);
    day[1].row.agreed = true;
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("1 to review").await;
        screen.until("1 waits for a second reader").await;
        screen.until("for a second reader ·").await;
        screen.press("enter a").await;
        screen.until("approved  ADEYEMI T").await;
        screen.until("0 to review").await;
        screen.until("What is listed takes a second reader").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
        let opened = screen.asked().into_iter().filter(|asked| matches!(asked, Request::Open { .. })).count();
        assert_eq!(opened, 1, "the one that is agreed to does not open by itself");
    });
}

#[test]
fn escape_never_leaves_the_queue() {
    on_the_day(async |screen| {
        screen.press("esc").await;
        screen.until("There is no page behind this one; q leaves the program").await;
        screen.press("/ n e i g h enter q").await;
        screen.until("HOLT M").await;
        screen.press("q").await;
        assert_eq!(screen.ended().await, anteroom::tui::Exit::Left);
    });
}
