//! What keys do, tried on the whole screen against a daemon in memory.

use std::time::Duration;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Start, on_screen, practice, sized};
use crate::{decisions, on_the_day};
use anteroom::audit::{Actor, Role};
use anteroom::protocol::{Notice, Request};
use anteroom::record::{Act, HideReason};
use anteroom::tui::Exit;
use crossterm::event::Event;

#[test]
fn all_suggestions_are_taken_with_three_keys_and_the_next_entry_opens() {
    on_the_day(async |screen| {
        screen.press("r A enter").await;
        screen.until("OBI Daniel").await;
        // Two in one sentence and two in neighbouring ones: three removals for five findings.
        assert!(matches!(decisions(&screen).as_slice(), [Act::Redact { removals, .. }] if removals.len() == 3));
        screen.until("redacted  HOLT M · Consultation · visible Monday 07:00").await;
        screen.press("u").await;
        screen.until("Taken back: HOLT M · Consultation waits again").await;
        assert!(matches!(
            screen.asked().iter().rev().find(|asked| !matches!(asked, Request::Rows(_))),
            Some(Request::Undo { .. })
        ));
    });
}

#[test]
fn hiding_takes_two_keys_and_undo_one() {
    on_the_day(async |screen| {
        screen.press("x 3").await;
        screen.until("hidden  HOLT M · Consultation · until review 18 Feb").await;
        assert_eq!(decisions(&screen), [Act::Hide { reason: HideReason::Coercion }]);
        screen.until("7 to review").await;
        screen.press("u").await;
        screen.until("8 to review").await;
    });
}

#[test]
fn only_rows_with_at_most_a_weak_cue_are_approved_unread() {
    on_the_day(async |screen| {
        screen.press("a").await;
        screen.until("Something was found in this entry: read it here, then decide").await;
        assert_eq!(decisions(&screen), []);
        screen.press("esc G a").await;
        screen.until("approved  BRIGGS S · Result").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}

#[test]
fn in_the_entry_one_key_approves_and_the_last_one_leads_back_to_the_queue() {
    on_screen(Start::default(), Daemon::with(practice::day().split_off(7)), async |screen| {
        screen.until("BRIGGS S").await;
        screen.press("enter a").await;
        screen.until("Nothing waits for you.").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}

#[test]
fn approving_over_a_match_that_was_not_on_the_screen_takes_another_key() {
    let mut day = practice::day();
    let long = format!("{}\n{}", "Nothing of note.\n".repeat(60), practice::EXAM);
    day[0].version.parts[2].text = long.clone();
    day[0].screening.findings[3] = practice::finding(
        "p3",
        &long,
        "Petechiae L eyelid",
        anteroom::record::Category::DomesticAbuse,
        anteroom::record::Tier::Cue,
        "injury",
    );
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter a").await;
        // The plan below it has two more.
        screen.until("3 matches have not been on the screen").await;
        screen.press("a").await;
        screen.until("⇥ goes there, y approves all the").await;
        assert_eq!(decisions(&screen), []);
        // Only right after the warning.
        screen.press("c esc y").await;
        screen.until("That key answers a warning, and there is none").await;
        assert_eq!(decisions(&screen), []);
        screen.press("a y").await;
        screen.until("approved  HOLT M").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}

#[test]
fn what_has_all_been_on_the_screen_is_approved_with_one_key() {
    let mut day = practice::day();
    day[0].version.parts[2].text = format!("{}\n{}", "Nothing of note.\n".repeat(60), practice::EXAM);
    day[0].screening.findings.remove(3);
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter G a").await;
        screen.until("approved  HOLT M").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}

#[test]
fn a_burst_of_keys_decides_once() {
    on_the_day(async |screen| {
        screen.press("G k").await;
        screen.burst("a a a x 1 a");
        screen.rest().await;
        screen.until("approved  ADEYEMI T").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
    });
}

#[test]
fn what_is_pasted_is_never_taken_for_keys() {
    on_the_day(async |screen| {
        screen.send(Event::Paste("x1aaa\rx1".to_owned()));
        screen.until("Something was pasted; it is not taken for keys").await;
        // A terminal that does not mark a paste sends it as keys, all at once.
        screen.burst("x 1 a a enter a x 2 a x 3 a x 4 j a x 5");
        screen.rest().await;
        assert_eq!(decisions(&screen), []);
        // A key held down over a slow line is not a paste.
        screen.burst(&["j"; 40].join(" "));
        screen.rest().await;
        screen.press("a").await;
        screen.until("approved  BRIGGS S").await;
    });
}

#[test]
fn the_selection_stays_on_its_row_when_the_queue_changes() {
    on_the_day(async |screen| {
        screen.press("j j j").await;
        screen.until("▶ 0h58").await;
        screen.daemon.inside.borrow_mut().entries.remove(1);
        screen.daemon.notify(&Notice::QueueChanged);
        screen.until("7 to review").await;
        assert!(screen.text().contains("▶ 0h58"), "{}", screen.text());
    });
}

#[test]
fn who_reads_no_records_gets_the_page_of_their_role_and_why() {
    for (role, page, why) in [
        (Role::Auditor, "Audit log", "An auditor reads the log and no records"),
        (Role::Admin, "Status", "This role runs the machine and reads no records"),
    ] {
        let daemon = Daemon::with(practice::day()).change(|inside| inside.role = role);
        on_screen(Start::default(), daemon, async |screen| {
            screen.until(page).await;
            screen.until(why).await;
            screen.press("esc").await;
            screen.until("There is no page behind this one; q leaves the program").await;
            screen.press("q").await;
            assert_eq!(
                screen
                    .daemon
                    .asked()
                    .iter()
                    .filter(|asked| matches!(asked, Request::Open { .. } | Request::Rows(_)))
                    .count(),
                0
            );
            assert_eq!(screen.ended().await, Exit::Left);
        });
    }
}

#[test]
fn the_demo_goes_on_as_the_next_person() {
    let lead = Actor { login: "s.mensah".to_owned(), role: Role::Lead };
    let people = vec![Actor { login: "dr.rahman".to_owned(), role: Role::Clinician }, lead];
    let daemon = Daemon::with(practice::day()).change(|inside| inside.people = people);
    on_screen(Start::default(), daemon, async |screen| {
        screen.until("dr.rahman  clinician").await;
        screen.press("=").await;
        screen.until("s.mensah  lead").await;
        screen.until("HOLT M").await;
    });
    on_the_day(async |screen| {
        screen.press("=").await;
        screen.until("You are who your login says").await;
    });
}

#[test]
fn pulling_and_publishing_say_what_came_of_it() {
    on_the_day(async |screen| {
        screen.press("P").await;
        screen.until("Pulled Saturday: 7 entries to review (61 new, 3 changed, 0 deleted)").await;
        screen.press("B").await;
        screen.until("12 entries became visible; 340 in the feed; next Saturday 07:00").await;
    });
}

#[test]
fn finding_narrows_the_queue_by_name_reason_or_author() {
    on_the_day(async |screen| {
        screen.press("/ n e i g h").await;
        screen.until("1 fits").await;
        screen.press("enter").await;
        screen.until("1 of 8 fit “neigh”").await;
        assert!(!screen.text().contains("HOLT M"));
        screen.press("esc").await;
        screen.until("HOLT M").await;
    });
}

#[test]
fn a_key_that_cannot_act_says_why() {
    on_the_day(async |screen| {
        for (keys, sentence) in [
            ("z", "“z” does nothing in the queue; ? shows the keys"),
            ("d", "“d” (remove) works while redacting, not in the queue"),
            ("u", "There is no decision of yours from this session to take back"),
            ("ctrl-z", "There is no shell to return to here"),
        ] {
            screen.press(keys).await;
            screen.until(sentence).await;
        }
        screen.press("enter v").await;
        screen.until("This is the first version that came here").await;
        screen.press("9").await;
        screen.until("There is no match 9 in this entry").await;
        screen.press("[").await;
        screen.until("This is the first entry of the queue").await;
    });
}

#[test]
fn the_palette_does_what_it_finds_and_says_where_the_rest_works() {
    on_the_day(async |screen| {
        screen.press(": a u d i t enter").await;
        screen.until("Audit log").await;
        screen.press("esc : t a k e - a l l enter").await;
        screen.until("Take-all works while redacting, not in the queue").await;
    });
}

#[test]
fn the_log_is_verified_and_damage_is_told() {
    on_the_day(async |screen| {
        screen.press("l V").await;
        screen.until("intact at 12:26: 88,214 records").await;
        screen.daemon.inside.borrow_mut().damage = vec!["frame 17 does not follow from frame 16".to_owned()];
        screen.press("V").await;
        screen.until("! damaged: frame 17 does not follow from frame 16").await;
    });
}

#[test]
fn the_privacy_key_blanks_everything_and_the_key_that_wakes_it_does_nothing_else() {
    on_the_day(async |screen| {
        screen.press("enter L").await;
        screen.until("Blank: any key brings the screen back").await;
        assert!(!screen.text().contains("HOLT") && !screen.text().contains("strangled"), "{}", screen.text());
        screen.press("a").await;
        screen.until("strangled").await;
        assert_eq!(decisions(&screen), []);
    });
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    on_the_day(async |screen| {
        let frames = screen.frames();
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(screen.frames(), frames);
        screen.burst("j j j j");
        screen.rest().await;
        assert_eq!(screen.frames(), frames + 1, "a burst of keys costs one frame");
    });
}

#[test]
fn rows_that_a_pull_could_not_use_are_told_once() {
    on_the_day(async |screen| {
        screen.daemon.inside.borrow_mut().pulled.set_aside = 2;
        screen.daemon.inside.borrow_mut().pulled.set_aside_examples =
            vec!["Observation.csv, row 17: no such patient".to_owned()];
        screen.press("P").await;
        screen.until("2 rows could not be used.").await;
        screen.until("Observation.csv, row 17: no such patient").await;
        screen.press("x").await;
        screen.until("HOLT M").await;
        assert!(!screen.text().contains("Why? The patient"), "the key that closes the box does nothing else");
    });
}

#[test]
fn invisible_characters_in_names_and_texts_are_visible() {
    let mut day = practice::day();
    day[0].row.patient_name = "HO\u{202e}LT Marie".to_owned();
    day[0].patient.name = day[0].row.patient_name.clone();
    day[0].version.parts[3].text.insert_str(0, "a\u{200b}b\u{1b}[31m ");
    day[0].screening.findings.clear();
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HO⟨RLO⟩LT M").await;
        screen.press("enter").await;
        screen.until("a⟨·⟩b^[[31m Sertraline").await;
        screen.until("HO⟨RLO⟩LT Marie").await;
    });
}

#[test]
fn every_page_is_drawn_at_every_size() {
    on_screen(sized(80, 24), crate::tui_support::skim::day(40, 500), async |screen| {
        screen.until("HOLT M").await;
        for keys in [
            "?",
            "esc :",
            "esc enter",
            "tab",
            "c",
            "esc x",
            "esc r",
            "A",
            "x",
            "esc ?",
            "esc esc esc l",
            "esc s",
            "esc S",
            "enter",
            "esc esc",
        ] {
            screen.press(keys).await;
            for (width, height) in
                [(40, 12), (1, 1), (60, 16), (61, 17), (75, 20), (99, 24), (100, 16), (160, 50), (300, 100)]
            {
                screen.resize(width, height);
                screen.rest().await;
                assert!(!screen.text().trim().is_empty(), "nothing at {width}x{height} after {keys}");
            }
        }
        screen.resize(59, 24);
        screen.until("Anteroom needs 60x16; this is 59x24.").await;
        screen.until("Make the window larger; ctrl-c leaves.").await;
    });
}

#[test]
fn nothing_is_decided_on_a_terminal_too_small_to_read_it() {
    on_the_day(async |screen| {
        let asked = screen.asked().len();
        for keys in ["a y", "x 1", "j j enter a y", "r A enter y", ": h i d e enter 1", "u"] {
            screen.resize(59, 24);
            screen.until("Make the window larger").await;
            screen.press(keys).await;
        }
        screen.resize(80, 24);
        screen.until("▶ 3h12!").await;
        assert_eq!(screen.asked().len(), asked);
        screen.resize(40, 12);
        screen.until("Make the window larger").await;
        screen.press("ctrl-c").await;
        assert_eq!(screen.ended().await, Exit::Left);
    });
}

#[test]
fn who_reads_no_records_is_offered_no_worklist_and_no_way_back_from_the_first_page() {
    for (role, page) in [(Role::Auditor, "Audit log"), (Role::Admin, "Status")] {
        on_screen(
            Start::default(),
            Daemon::with(practice::day()).change(|inside| inside.role = role),
            async |screen| {
                screen.until(page).await;
                let bar = screen.text().lines().last().unwrap_or_default().to_owned();
                assert!(bar.contains("? help") && !bar.contains("worklist") && !bar.contains("back"), "{bar}");
            },
        );
    }
}

#[test]
fn the_other_maps_do_the_same_with_their_own_keys() {
    for (map, keys) in [("vim", "G g g r A enter"), ("emacs", "ctrl-n ctrl-p ctrl-c ctrl-r A ctrl-c ctrl-c")] {
        let start = Start { map, ..Start::default() };
        on_screen(start, Daemon::with(practice::day()), async |screen| {
            screen.until("HOLT M").await;
            screen.press(keys).await;
            screen.until("redacted  HOLT M").await;
        });
    }
}

#[test]
fn a_key_that_is_still_down_does_not_approve_what_comes_next() {
    on_the_day(async |screen| {
        screen.press("G enter a").await;
        screen.until("approved  BRIGGS S").await;
        // The next one is here, and the key has not been let go.
        screen.press("a").await;
        screen.until("That key was still down when this came").await;
        assert_eq!(decisions(&screen), [Act::Approve]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        screen.press("a").await;
        screen.until("approved  HOLT M").await;
        assert_eq!(decisions(&screen).len(), 2);
    });
}

#[test]
fn the_colours_change_with_a_key() {
    on_the_day(async |screen| {
        assert!(screen.picture().contains("cyan bold"));
        screen.press("C").await;
        screen.until("Colours: light").await;
        assert!(!screen.picture().contains("cyan") && screen.picture().contains("blue bold"), "{}", screen.picture());
        screen.press("C").await;
        screen.until("Colours: contrast").await;
        assert!(!screen.picture().contains(" dim"), "nothing is dimmed");
        screen.press("C").await;
        screen.until("Colours: none").await;
        assert!(!screen.picture().contains("light"), "{}", screen.picture());
    });
}

#[test]
fn the_last_act_and_its_undo_stay_in_sight_whatever_is_said() {
    on_the_day(async |screen| {
        screen.press("x 3").await;
        screen.until("hidden  HOLT M · Consultation · until review 18 Feb").await;
        screen.press("z").await;
        screen.until("“z” does nothing in the queue").await;
        screen.until("hidden  HOLT M · Consultation · until review 18 Feb").await;
        screen.until("u undo").await;
        // While redacting, an undo would be taken for one of the removals.
        screen.press("r u").await;
        screen.until("“u” (undo) works in the queue, in an entry and elsewhere, not while redacting").await;
        screen.until("hidden  HOLT M · Consultation · until review 18 Feb").await;
        screen.until("esc u undo").await;
        screen.press("esc u").await;
        screen.until("Taken back: HOLT M · Consultation waits again").await;
    });
}

#[test]
fn hiding_says_before_the_key_when_it_is_looked_at_again() {
    on_the_day(async |screen| {
        screen.press("x").await;
        screen.until("Hidden whole, from every reader; looked at again on 18 Feb 2027.").await;
    });
}

#[test]
fn the_palette_begins_with_what_can_be_done_here_and_the_bar_offers_nothing_without_a_row() {
    on_the_day(async |screen| {
        // The best hit of all is an action of the entry’s.
        screen.press(": p a t i e n t").await;
        screen.until("Show who can read this record").await;
        let text = screen.text();
        let of = |words: &str| text.lines().position(|line| line.contains(words));
        assert!(of("Mark all that waits for this patient") < of("Show who can read this record"), "{text}");
        let best = text.lines().find(|line| line.contains("Show who can read this record")).unwrap();
        assert!(best.contains("in an entry"), "{text}");
        let first = text.lines().find(|line| line.contains("│ ▶")).unwrap();
        assert!(!first.contains("in an entry"), "{text}");
    });
    on_screen(Start::default(), Daemon::with(Vec::new()), async |screen| {
        screen.until("Nothing waits for you.").await;
        let bar = screen.text().lines().last().unwrap_or_default().to_owned();
        assert!(bar.contains("P pull") && !bar.contains("open") && !bar.contains("approve"), "{bar}");
    });
}

#[test]
fn a_record_that_is_read_says_by_whom_and_for_how_long_at_every_width() {
    for size in [(60, 16), (80, 24), (120, 40)] {
        let mut day = practice::day();
        day[1].row.readable_since = Some(practice::now() - chrono::Duration::minutes(192));
        on_screen(Start { size, ..Start::default() }, Daemon::with(day), async |screen| {
            screen.until("HOLT M").await;
            // Not the selected one, of which the pane beside the list tells all.
            screen.until("for 3h12").await;
            if size.1 > 16 {
                screen.until("mum app").await;
            }
        });
    }
}
