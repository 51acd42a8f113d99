//! Redaction: what each reader sees, what to think about, and vim's hands.

use anteroom::protocol::{Request, Twin, TwinWhy};
use anteroom::record::{Act, HideReason, Removal, RemovalTarget, Span, Style};

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Screen, Start, on_screen, practice};
use crate::{decisions, on_the_day};

#[test]
fn each_readers_view_is_shown_in_turn_and_what_is_released_stays_the_same() {
    on_the_day(async |screen| {
        screen.press("r A").await;
        screen.until("What Marie’s app will show   1 of 2, p the next").await;
        screen.until("Poor sleep").await;
        screen.press("p").await;
        screen.until("What the mother’s app will show   2 of 2").await;
        // This login shows codes without free text.
        let preview = screen.text().split("will show").nth(1).unwrap().to_owned();
        assert!(preview.contains("Anxiety states") && !preview.contains("Poor sleep"), "{preview}");
        screen.press("enter").await;
        screen.until("OBI Daniel").await;
        assert!(matches!(decisions(&screen).as_slice(), [Act::Redact { removals, .. }] if removals.len() == 3));
    });
}

#[test]
fn what_still_points_at_the_removed_words_is_said() {
    on_the_day(async |screen| {
        // Only the sentence about Sunday goes: nobody is named any more, and he still checks her phone.
        screen.press("r d").await;
        screen.until("“He checks her phone every night.” still points at what was taken out").await;
    });
}

#[test]
fn a_remainder_that_makes_no_sense_is_said() {
    on_the_day(async |screen| {
        // “Brought by | sister, seen alone.”
        screen.press("r w").await;
        for _ in 0..40 {
            screen.press("left").await;
        }
        screen.press("right right right right right right d").await;
        screen.until("makes no sense by itself").await;
    });
}

#[test]
fn vims_hands_select_with_motions_and_take_out_text_objects() {
    let start = Start { map: "vim", ..Start::default() };
    on_screen(start, Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        screen.press("r d i s").await;
        screen.press(") ) ( w b 0 $ { } d w").await;
        screen.press("Z Z").await;
        screen.press("Z Z").await;
        screen.until("or Y decides all the").await;
        assert_eq!(decisions(&screen), []);
        screen.press("Y").await;
        screen.until("redacted  HOLT M").await;
        let [Act::Redact { removals, .. }] = &decisions(&screen)[..] else { panic!("{:?}", decisions(&screen)) };
        assert!(removals.len() >= 2, "a sentence and a word: {removals:?}");
        assert!(removals.iter().any(|removal| matches!(removal.target, RemovalTarget::Text(_))));
    });
}

#[test]
fn entries_with_the_same_words_are_named_opened_drafted_and_considered() {
    let mut day = practice::day();
    day[1].twins = vec![twin_of(&day[2])];
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("j enter").await;
        screen.until("The same words can be read in OBI R · Consultation").await;
        screen.press("W").await;
        screen.until("Drafted in 1 other entry").await;
        screen.press("w").await;
        // Which, by whom, where it stands, and the words.
        screen.until("▶  OBI R · Consultation").await;
        screen.until("waiting in the queue: “dad hits him”").await;
        screen.press("enter").await;
        screen.until("OBI Ruth").await;
        screen.press("[").await;
        screen.until("OBI Daniel").await;
        screen.press("w w").await;
        screen.until("1 entry named as considered: your decision will say so").await;
        screen.press("esc").await;
        screen.until("here: OBI D (considered)").await;
        screen.press("a").await;
        screen.until("approved  OBI D").await;
        let waived = screen
            .asked()
            .into_iter()
            .any(|asked| matches!(asked, Request::Decide { waivers, .. } if waivers.len() == 1));
        assert!(waived);
    });
}

fn twin_of(other: &anteroom::protocol::Opened) -> Twin {
    let words = vec!["dad hits him".to_owned()];
    Twin { row: other.row.clone(), why: TwinWhy::ShowsTheSame, suggested: Vec::new(), waived: false, words }
}

#[test]
fn what_stands_in_the_way_of_a_redaction_is_shown_and_can_be_named() {
    let mut day = practice::day();
    day[0].twins = vec![twin_of(&day[2])];
    let (other, own) = (day[2].row.entry.to_string(), day[0].row.entry.to_string());
    let daemon = Daemon::with(day);
    on_screen(Start::default(), daemon, async |screen| {
        screen.until("HOLT M").await;
        let why = format!(
            "the same sensitive words stand in 2 other place(s) ({}, {}): hide or redact them there first",
            &other[..8],
            &own[..8]
        );
        screen.daemon.inside.borrow_mut().refuses = Some(why);
        screen.press("r A enter").await;
        screen.until("The same words in 2 entries").await;
        screen.until("▶! OBI R · Consultation").await;
        screen.until("! this entry, in other lines of it").await;
        assert_eq!(decisions(&screen).len(), 1);
        screen.press("w w esc").await;
        // The redaction is still there, and goes with both named.
        screen.until("REDACT").await;
        screen.press("enter").await;
        screen.until("redacted  HOLT M").await;
        let named = screen.asked().into_iter().rev().find_map(|asked| match asked {
            Request::Decide { waivers, .. } => Some(waivers.len()),
            _ => None,
        });
        assert_eq!(named, Some(2));
    });
}

/// A family name of many letters, and an age of three: what is cut on a decision page is neither the given name nor
/// the age.
fn long_names() -> Daemon {
    let mut day = practice::day();
    for (entry, given) in day.iter_mut().zip(["Marcia", "Tom"]) {
        let name = format!("BARTHOLOMY-FEATHERSTONEHAUGH {given}");
        entry.row.patient_name = name.clone();
        entry.row.sex_age = "F 104".to_owned();
        entry.patient.name = name;
        entry.patient.sex_age = "F 104".to_owned();
    }
    Daemon::with(day)
}

#[test]
fn whose_record_it_is_stands_whole_on_every_decision_page() {
    for size in [(60, 16), (80, 24), (100, 30), (120, 40)] {
        on_screen(Start { size, ..Start::default() }, long_names(), async |screen| {
            screen.until("… M ").await;
            // Two of one family are told apart in the queue.
            screen.until("… T ").await;
            screen.press("enter").await;
            let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
            screen.until("Marcia   F 104   NHS 999 012 3456").await;
            screen.press("r").await;
            screen.until("REDACT").await;
            let header = first(screen.text());
            assert!(header.starts_with(" REDACT  BARTHOLOMY"), "{size:?}: {header}");
            assert!(header.contains("Marcia   F 104 "), "{size:?}: {header}");
            assert!(header.contains("by "), "{size:?}: {header}");
        });
    }
    on_the_day(async |screen| {
        screen.press("r").await;
        screen.until("REDACT  HOLT Marie   F 34   NHS 999 012 3456").await;
    });
}

#[test]
fn selected_words_that_are_taken_out_are_told_apart_without_strike_through() {
    on_the_day(async |screen| {
        screen.press("r").await;
        screen.until("strangled her on Sunday").await;
        assert!(!screen.text().contains("taken out  by match"));
        screen.press("d N").await;
        screen.until("taken out  by match").await;
        // They can still be read.
        screen.until("Partner").await;
        screen.until("strangled░her░on░Sunday").await;
    });
}

#[test]
fn that_all_found_is_settled_is_no_all_clear() {
    on_the_day(async |screen| {
        screen.press("r A").await;
        screen.until("all 5 found are settled; the rest is yours to read").await;
    });
}

#[test]
fn a_medicine_a_dose_an_allergy_a_result_and_a_no_are_pointed_out_before_they_go() {
    for (text, caution) in [
        ("Started sertraline. Sleeps well.", "a medicine goes with it"),
        ("Takes 50 mg. Sleeps well.", "a dose or a value goes with it"),
        ("Allergic to nuts. Sleeps well.", "an allergy goes with it"),
        ("Chlamydia positive. Sleeps well.", "a result goes with it"),
    ] {
        let mut day = practice::day();
        day[0].version.parts = vec![practice::part("p2", "", "", text)];
        day[0].screening.findings.clear();
        on_screen(Start::default(), Daemon::with(day), async |screen| {
            screen.until("HOLT M").await;
            screen.press("r s d").await;
            screen.until(caution).await;
        });
    }
    let mut day = practice::day();
    day[0].version.parts = vec![practice::part("p2", "", "", "No bruising on the arms. Sleeps well.")];
    day[0].screening.findings.clear();
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        // The “no” goes and the rest of its sentence stays.
        screen.press("r w d").await;
        screen.until("it is cut from a sentence with a “no”").await;
    });
}

#[test]
fn what_was_taken_out_of_the_version_before_is_suggested_again() {
    let mut day = practice::day();
    let start = practice::HISTORY.find("Poor sleep 6/52, palps.").unwrap();
    day[0].earlier_removals = vec![Removal {
        part: practice::key("p2"),
        target: RemovalTarget::Text(Span::new(start, start + "Poor sleep 6/52, palps.".len())),
    }];
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("r").await;
        screen.until("What was taken out of the version before is among the suggestions").await;
        screen.press("A").await;
        let preview = screen.text().split("app will show").nth(1).unwrap().to_owned();
        assert!(!preview.contains("Poor sleep") && !preview.contains("strangled"), "{preview}");
    });
}

#[test]
fn words_that_stand_twice_are_pointed_out_only_where_they_say_who_or_what() {
    let text = "Wants help with notes. Her ex Derek rang twice. Derek wants notes and help.";
    let mut day = practice::day();
    day[0].version.parts = vec![practice::part("p2", "", "", text)];
    day[0].screening.findings.clear();
    on_screen(Start::default(), Daemon::with(day), async |screen| {
        screen.until("HOLT M").await;
        screen.press("r s d ) d").await;
        screen.until("still standing elsewhere: “Derek”").await;
        assert!(!screen.text().contains("“notes”") && !screen.text().contains("“Wants”"), "{}", screen.text());
    });
}

#[test]
fn a_redaction_is_made_of_the_pieces_that_were_selected() {
    on_the_day(async |screen| {
        screen.press("r").await;
        // The first match is settled as kept, then the sentence after it goes, then the word "Sertraline".
        screen.press("backspace").await;
        screen.until("1 of 5 settled").await;
        screen.press("d").await;
        screen.until("2 of 5 settled").await;
        assert!(!preview(&screen).contains("checks her phone"), "{}", screen.text());
        assert!(preview(&screen).contains("strangled her"), "{}", screen.text());
        screen.press("t A enter").await;
        screen.until("OBI Daniel").await;
        let [Act::Redact { removals, style: Style::Marked }] = &decisions(&screen)[..] else {
            panic!("{:?}", decisions(&screen));
        };
        assert!(removals.iter().all(|removal| matches!(removal.target, RemovalTarget::Text(_))));
    });
}

/// What stands below the preview's rule.
fn preview(screen: &Screen) -> String {
    screen.text().split("app will show").nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_coded_line_goes_as_a_whole() {
    on_the_day(async |screen| {
        screen.press("r g d").await;
        assert!(!preview(&screen).contains("Anxiety states"), "{}", screen.text());
        screen.press("enter").await;
        // Pressed twice, the key that warned does nothing but warn again.
        screen.press("enter").await;
        screen.until("neither taken out nor kept: look at it, or y decides all the").await;
        assert_eq!(decisions(&screen), []);
        screen.press("y").await;
        screen.until("OBI Daniel").await;
        let [Act::Redact { removals, .. }] = &decisions(&screen)[..] else { panic!("{:?}", decisions(&screen)) };
        assert_eq!(removals.len(), 1);
        assert_eq!((removals[0].part.id.as_str(), &removals[0].target), ("p1", &RemovalTarget::Line));
    });
}

#[test]
fn when_nothing_is_left_hiding_is_offered() {
    on_the_day(async |screen| {
        screen.press("r + + + + + + d enter").await;
        screen.until("Nothing worth reading is left, so the entry is hidden: choose why").await;
        // The key that led here does not choose a reason when pressed twice.
        screen.press("enter").await;
        screen.until("Choose a reason: press its number").await;
        assert_eq!(decisions(&screen), []);
        screen.press("1").await;
        screen.until("hidden  HOLT M").await;
        assert_eq!(decisions(&screen), [Act::Hide { reason: HideReason::HarmToPatient }]);
    });
}

#[test]
fn nothing_is_sent_when_nothing_is_taken_out() {
    on_the_day(async |screen| {
        screen.press("r enter").await;
        screen.until("Nothing is taken out").await;
        assert_eq!(decisions(&screen), []);
    });
}

#[test]
fn a_half_made_redaction_is_kept_and_offered_again() {
    on_the_day(async |screen| {
        screen.press("r d esc").await;
        screen.until("Your redaction is kept as a draft").await;
        screen.press("esc").await;
        screen.until("Why").await;
        screen.press("enter").await;
        screen.until("A redaction of yours is half made").await;
        screen.press("r").await;
        screen.until("Your redaction from before is here again").await;
        screen.until("1 of 5 settled").await;
        assert_eq!(decisions(&screen), []);
    });
}

#[test]
fn removed_words_that_stand_elsewhere_are_pointed_out() {
    on_the_day(async |screen| {
        screen.press("r A").await;
        screen.until("still standing elsewhere: “sister”").await;
    });
}
