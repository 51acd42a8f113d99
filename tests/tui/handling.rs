//! Asking the lead, putting off, and the second reader who reads back what is left.

use anteroom::protocol::Request;
use anteroom::record::{Act, Handling, Style};
use anteroom::review::State;
use chrono::NaiveDate;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Screen, Start, on_screen, practice};
use crate::{decisions, on_the_day};

fn handlings(screen: &Screen) -> Vec<Handling> {
    let handling = |asked| if let Request::Handle { handling, .. } = asked { Some(handling) } else { None };
    screen.asked().into_iter().filter_map(handling).collect()
}

#[test]
fn the_lead_is_asked_in_words_and_the_next_entry_opens() {
    on_the_day(async |screen| {
        screen.press("enter e").await;
        screen.until("What should the safeguarding lead know?").await;
        screen.press("enter").await;
        screen.until("Write a few words").await;
        screen.press("s a f e ? enter").await;
        screen.until("OBI Daniel").await;
        screen.until("The lead is asked: HOLT M").await;
        assert_eq!(handlings(&screen), [Handling::Escalate { note: "safe?".to_owned() }]);
    });
}

#[test]
fn a_note_stays_with_the_entry_that_stays_open_and_is_not_taken_back() {
    on_the_day(async |screen| {
        screen.press("enter G i").await;
        screen.until("Note on HOLT M").await;
        screen.until("patient ever sees it").await;
        screen.press("enter").await;
        screen.until("Write a few words").await;
        screen.press("r a n g enter").await;
        screen.until("Noted for the next reader: HOLT M").await;
        screen.until("dr.rahman: rang").await;
        assert_eq!(handlings(&screen), [Handling::Note { text: "rang".to_owned() }]);
        let reads = screen.asked().iter().filter(|asked| matches!(asked, Request::Open { .. })).count();
        assert_eq!(reads, 2, "it is decided on as it is now");
        assert!(!screen.text().contains("u undo"), "{}", screen.text());
        screen.press("u").await;
        screen.until("keeps its note, which others may have read").await;
        // What had been read before has been read.
        screen.press("a").await;
        screen.until("approved  HOLT M").await;
    });
    on_the_day(async |screen| {
        screen.press("j i o k enter").await;
        screen.until("Noted for the next reader: OBI D").await;
        screen.until("8 to review").await;
    });
}

#[test]
fn something_is_put_off_for_as_many_days_as_chosen() {
    on_the_day(async |screen| {
        screen.press("D up up w a i t").await;
        screen.until("For 9 days").await;
        screen.press("enter").await;
        screen.until("Put off for 9 days: HOLT M").await;
        let until = NaiveDate::from_ymd_opt(2026, 11, 29).unwrap();
        assert_eq!(handlings(&screen), [Handling::Defer { until, why: "wait".to_owned() }]);
        screen.press("D esc").await;
        assert_eq!(handlings(&screen).len(), 1, "escape leaves it as it is");
    });
}

#[test]
fn a_second_reader_reads_back_before_agreeing_to_exactly_what_was_proposed() {
    let mut day = practice::day();
    let proposed = Act::Redact { removals: Vec::new(), style: Style::Marked };
    day[0].row.state = State::AwaitingSecond;
    day[0].to_read_back = true;
    day[0].proposed = Some(proposed.clone());
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter").await;
        screen.until("You are the second reader").await;
        screen.press("a").await;
        screen.until("Something was taken out of what you read.").await;
        assert_eq!(decisions(&screen), [], "nobody agrees before they have read back");
        screen.press("h i m enter").await;
        screen.until("Read back; here is the whole entry").await;
        assert!(screen.asked().iter().any(|asked| matches!(asked, Request::ReadBack { guess, .. } if guess == "him")));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        screen.press("G a").await;
        screen.until("redacted  HOLT M").await;
        assert_eq!(decisions(&screen), [proposed]);
    });
}
