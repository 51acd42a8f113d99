//! The skim page on the whole screen.

use std::time::Duration;

use anteroom::protocol::Request;
use anteroom::record::{Act, HideReason, Span};
use anteroom::review::State as ReviewState;
use anteroom::tui::excerpt::Excerpt;
use anteroom::tui::keymap::Keymap;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use crate::tui_support::{Screen, Start, on_screen, skim};

#[test]
fn the_whole_screen_reads_passes_and_takes_back() {
    on_screen(wide(), skim::day(22, 10), async |screen| {
        screen.until("22 to skim S").await;
        screen.press("S").await;
        beside(&screen, "22 to skim page 1 of 2").await;
        screen.until("p passes it").await;
        let frames = screen.frames();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(screen.frames(), frames, "nothing is drawn once the page counts as read");
        screen.press("p").await;
        beside(&screen, "passed 19 lines").await;
        beside(&screen, "3 to skim page 1 of 1").await;
        screen.until("p passes it").await;
        screen.press("p").await;
        screen.until("Nothing is left to skim.").await;
        screen.press("u").await;
        beside(&screen, "Taken back: 3 lines wait to be skimmed again").await;
        beside(&screen, "3 to skim page 1 of 1").await;
        screen.press("u").await;
        beside(&screen, "22 to skim page 1 of 2").await;
    });
}

#[test]
fn what_the_daemon_refuses_is_said() {
    on_screen(wide(), skim::day(3, 10), async |screen| {
        screen.until("3 to skim S").await;
        screen.press("S").await;
        screen.until("p passes it").await;
        // Meanwhile the practice asks for more time.
        screen.daemon.inside.borrow_mut().reading_time = 60_000;
        screen.press("p").await;
        screen.until("0 passed, 3 not").await;
        screen.until("The page was not on the screen long enough to be read.").await;
        screen.press("p").await;
        beside(&screen, "read in 18").await;
    });
}

#[test]
fn an_entry_is_opened_from_its_line_and_pulled_or_hidden_there() {
    on_screen(wide(), skim::day(3, 60_000), async |screen| {
        screen.until("3 to skim S").await;
        screen.press("S j enter").await;
        screen.until("OBI Daniel").await;
        screen.press("a").await;
        screen.until("A line to skim: t pulls it into the queue, to be decided on there").await;
        screen.press("]").await;
        screen.until("TAN Wei").await;
        screen.press("[ t").await;
        beside(&screen, "pulled into the queue OBI D · Consultation").await;
        beside(&screen, "2 to skim page 1 of 1").await;
        screen.press("enter x 3").await;
        beside(&screen, "hidden TAN W · Consultation").await;
        beside(&screen, "1 to skim page 1 of 1").await;
        screen.press("u").await;
        screen.until("2 to skim").await;
        screen.press("enter esc").await;
        beside(&screen, "2 to skim page 1 of 1").await;
        screen.press("esc").await;
        screen.until("9 to review").await;
        let hides = screen
            .asked()
            .into_iter()
            .filter(|asked| matches!(asked, Request::Decide { act: Act::Hide { reason: HideReason::Coercion }, .. }));
        assert_eq!(hides.count(), 1);
    });
}

#[test]
fn an_empty_queue_says_that_lines_wait_to_be_skimmed() {
    on_screen(
        wide(),
        skim::day(2, 10).change(|inside| {
            inside.entries.retain(|entry| entry.row.state == ReviewState::Skim);
        }),
        async |screen| {
            screen.until("2 lines with a weak cue wait to be skimmed: S opens them.").await;
            screen.press("a").await;
            screen.until("Nothing waits in the queue; S reads down what is to skim").await;
            screen.press(": s k i m enter").await;
            beside(&screen, "2 to skim page 1 of 1").await;
        },
    );
}

#[test]
fn every_map_has_its_keys_on_the_skim_page() {
    for map in Keymap::NAMES {
        on_screen(Start { map, ..wide() }, skim::day(3, 10), async |screen| {
            screen.until("3 to skim S").await;
            screen.press("S j t").await;
            beside(&screen, "pulled into the queue OBI D").await;
            screen.until("p passes it").await;
            screen.press("p").await;
            beside(&screen, "passed 2 lines").await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_sentence_fits_and_shows_its_mark(
        words in prop::collection::vec("[a-z]{1,9}|日本語|Siân|\u{202e}|👩‍👩‍👧|\n", 1..40),
        from in 0usize..40,
        length in 1usize..5,
        room in 1usize..120,
    ) {
        let sentence = words.join(" ");
        let from = from % words.len();
        let to = (from + length).min(words.len());
        let start = words[..from].iter().map(|word| word.len() + 1).sum::<usize>();
        let marked = words[from..to].join(" ");
        let excerpt = Excerpt::new(&sentence, Span::new(start, start + marked.len()), room);
        let shown = format!("{}{}{}", excerpt.before, excerpt.marked, excerpt.after);
        prop_assert!(shown.width() <= room, "{shown:?} is wider than {room}");
        prop_assert!(!shown.contains('\n'));
        let whole = marked.trim() == sentence.trim();
        if whole || marked.trim().is_empty() {
            return Ok(());
        }
        let safe = |text: &str| anteroom::record::Shown::new(text).as_str().replace('\n', " ");
        // Two signs of omission and the mark: then all of it is there.
        if room >= safe(&marked).width() + 2 {
            prop_assert_eq!(&excerpt.marked, &safe(&marked));
        } else if room >= 20 {
            prop_assert!(!excerpt.marked.is_empty());
        }
        prop_assert!(safe(&marked).starts_with(&excerpt.marked));
        if !excerpt.before.starts_with('…') && !excerpt.after.ends_with('…') {
            prop_assert_eq!(shown, safe(&sentence));
        }
    }

    #[test]
    fn any_mark_may_be_asked_for(sentence in any::<String>(), start in 0usize..60, end in 0usize..60, room in 0usize..50) {
        let excerpt = Excerpt::new(&sentence, Span::new(start, end), room);
        let shown = [excerpt.before, excerpt.marked, excerpt.after].concat();
        prop_assert!(shown.width() <= room, "{shown:?} is wider than {room}");
    }
}

/// Waits until the margin beside the lines says so, whatever its rows.
async fn beside(screen: &Screen, text: &str) {
    let margin = |screen: &Screen| {
        let rows = screen.text();
        let margin =
            rows.lines().filter_map(|row| row.rsplit_once('│')).flat_map(|(_, beside)| beside.split_whitespace());
        margin.collect::<Vec<_>>().join(" ")
    };
    for _ in 0..2000 {
        if margin(screen).contains(text) {
            return screen.rest().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("“{text}” did not come; the screen shows\n{}", screen.text());
}

/// A screen on which no line is cut.
fn wide() -> Start {
    Start { size: (200, 19), ..Start::default() }
}

/// What a line could not show in one row stands whole in the rows that the others have left, to be read and passed.
#[test]
fn forty_lines_stand_on_a_page_of_forty_rows() {
    on_screen(Start { size: (120, 40), ..Start::default() }, skim::day(60, 500), async |screen| {
        screen.until("60 to skim").await;
        screen.press("S").await;
        screen.until("page 1 of 2").await;
        // Each row begins with a name and ends before the margin.
        let rows = screen.text().lines().filter(|row| row.chars().nth(2).is_some_and(char::is_uppercase)).count();
        assert_eq!(rows, 40, "{}", screen.text());
    });
}
