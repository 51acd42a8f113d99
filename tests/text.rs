//! Spans, sentences and shown text through their public doors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anteroom::audit::Event;
use anteroom::record::{Shown, Span, sentences, snap_to_words, words};
use anteroom::tui::words;
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

fn split(text: &str) -> Vec<&str> {
    sentences(text).into_iter().map(|span| span.of(text).unwrap()).collect()
}

#[test]
fn clinical_shorthand_is_cut_where_a_clinician_would_cut_it() {
    // `|` stands where a sentence ends and the next begins.
    let table = [
        "Seen alone.| He hits her.| Plan: r/v 1/52.",
        "r/v 1/52.| Pt. seen w mum.| Safety plan made.",
        "Pt. says he hits her.| Pt. is afraid.",
        "Discussed with pt.| He hits her.",
        // Small letters begin sentences.
        "seen w mum.| says dad hits him.| no marks",
        "tired all time.| bloods ok.| r/v 2/52.| husband controls money!| wants help?| yes",
        "temp 36.8, chest clear.| mum \"forgot\".| concerned re neglect",
        "on 5.5 mg. daily.| says he hits her",
        "amoxicillin 500 mg. tds.| well",
        "seen by dr. shah.| says ok",
        "Seen by Dr. Shah.| Prof. Jones and Mrs. Ali agree.",
        "St. Mary's called.| No. 5 is empty.| Any thoughts of harm?| no.| Plan made.",
        "e.g. cooks, i.e. eats, approx. five, vs. none.| Well.",
        "fatigue, weight loss etc. since May.| well",
        "b.d. dosing.| seen at 5 p.m. today.| well",
        "takes 2. then rests.| well",
        "wait... then left.| well",
        "\"Go away.\" she said.| Left.",
        "“Go away.”| She left.",
        "He said (loudly.) she left",
        // A query mark stands before what it queries.
        "?DVT.| Plan: scan.",
        "Swollen leg ? DVT.| Plan.",
        "?? fracture.| Plan.",
        "? abuse by father.| Plan.",
        "Does he hit you?| No.",
        "does he hit you?| says no",
        "really?!| yes",
        // Lists, with their labels.
        "1. He hits her.| 2. Afraid.|\n3. Plan.",
        "a. He hits her.|\nb. Afraid.",
        "- He hits her|\n- sleeps badly|\n• eats",
        "1) hit.| 2) afraid.",
        "Hx: knee|\nSocial: he hits her.| Smokes.|\r\nPlan: none|\rEnd|\u{85}a|\u{2028}b|\u{2029}c",
        "Temp 38.5.| BP 120/80.| 5.5mmol/l.",
        "First.|\n\n\nSecond",
        "He hits her .| She hides .",
        // A margin is not the end.
        "The patient told us in confidence that her husband has for months\ncontrolled her money.| She is afraid.",
        "The patient told us in confidence that her husband has for months|\nControlled: no",
        "told us about him|\nhe hits her",
        "www.example.org and file.txt are names.| Ok",
        "",
        "...",
        "?",
    ];
    for marked in table {
        let text = marked.replace('|', "");
        let expected: Vec<String> =
            marked.split('|').map(|sentence| sentence.trim().to_owned()).filter(|s| !s.is_empty()).collect();
        assert_eq!(split(&text), expected, "{text:?}");
    }
}

#[test]
fn a_selection_grows_to_whole_words() {
    let table = [
        ("he ⟦hit⟧s her", "hits"),
        ("he h⟦i⟧ts her", "hits"),
        ("he ⟦hits h⟧er.", "hits her"),
        ("he hits ⟦her.⟧", "her."),
        ("(⟦husband⟧)", "husband"),
        ("⟦(husband⟧)", "(husband"),
        ("\"⟦husband⟧\",", "\"husband\""),
        ("ex-⟦husband⟧'s car", "ex-husband's"),
        ("wife/⟦carer⟧.", "wife/carer"),
        ("hus-\n⟦band⟧ left", "hus-\nband"),
        ("⟦hus-⟧\nband left", "hus-\nband"),
        ("husband⟦⟧ x", ""),
        ("- ⟦husband⟧ left", "husband"),
        ("5 - ⟦6⟧", "6"),
        ("⟦husband⟧ 's car", "husband 's"),
        ("say ⟦'x'⟧ 'y'", "'x'"),
        ("⟦he⟧ 'd.", "he 'd"),
        ("a.\u{301}⟦b⟧.\u{301}", "a.\u{301}b.\u{301}"),
        (" ⟦ ⟧ ", ""),
    ];
    for (marked, expected) in table {
        let start = marked.find('⟦').unwrap();
        let end = marked.find('⟧').unwrap() - '⟦'.len_utf8();
        let text = marked.replace(['⟦', '⟧'], "");
        let snapped = snap_to_words(&text, Span::new(start, end));
        assert_eq!(snapped.map_or("", |span| span.of(&text).unwrap()), expected, "{marked:?}");
    }
}

/// Text as systems really send it: words, shorthand, breaks, marks, other scripts, and worse.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z]{1,8}[.?!,]?",
        4 => "[ \t\n\r]{1,2}",
        2 => "(Dr|pt|e\\.g|1/52|5\\.5|No|1)\\.",
        1 => "[.?!\"')…’”]{1,3}",
        1 => "[\u{300}-\u{30a}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{feff}\u{85}\u{a0}\u{2028}]{1,6}",
        1 => "[\u{5d0}-\u{5ea}👩👧🇬🇧\u{1f3fd}\u{fe0f}\u{200d}]{1,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// In order, apart, on character edges, not empty, and over everything that is not white space.
fn is_a_division(text: &str, spans: &[Span]) -> Result<(), TestCaseError> {
    let mut at = 0;
    for span in spans {
        prop_assert!(span.start >= at && !span.is_empty(), "{:?} after {}", span, at);
        prop_assert_eq!(text.get(at..span.start).map(str::trim), Some(""));
        prop_assert!(span.of(text).is_some());
        at = span.end;
    }
    prop_assert_eq!(text.get(at..).map(str::trim), Some(""));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_and_sentences_divide_every_text(text in text()) {
        is_a_division(&text, &words(&text))?;
        is_a_division(&text, &sentences(&text))?;
        for span in sentences(&text) {
            let sentence = span.of(&text).unwrap();
            prop_assert_eq!(sentence, sentence.trim());
        }
    }

    #[test]
    fn a_snapped_span_covers_what_was_selected_and_snaps_to_itself(text in text(), a in 0_usize..99, b in 0_usize..99) {
        let edges: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        let (a, b) = (edges[a % edges.len()], edges[b % edges.len()]);
        let span = Span::new(a.min(b), a.max(b));
        let selected = span.of(&text).unwrap();
        match snap_to_words(&text, span) {
            None => prop_assert!(selected.trim().is_empty() || span.is_empty()),
            Some(snapped) => {
                let from = span.start + (selected.len() - selected.trim_start().len());
                let to = span.start + selected.trim_end().len();
                prop_assert!(snapped.contains(Span::new(from, to)), "{:?} of {:?}", snapped, span);
                prop_assert_eq!(snap_to_words(&text, snapped), Some(snapped));
                // No letter or digit stands against it.
                let before = text[..snapped.start].chars().next_back();
                let after = text[snapped.end..].chars().next();
                prop_assert!(!before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric));
            }
        }
    }

    #[test]
    fn shown_text_is_safe_and_loses_nothing(text in text()) {
        let shown = Shown::new(&text);
        prop_assert!(shown.as_str().chars().all(is_plain), "{:?}", shown);
        // Every letter and digit is still there, in order.
        let letters = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>();
        let kept = letters(&text);
        let mut all = shown.as_str().chars();
        prop_assert!(kept.chars().all(|c| all.any(|other| other == c)));
        // What is shown can be shown again.
        prop_assert_eq!(&Shown::new(shown.as_str()), &shown);
    }

    #[test]
    fn the_way_back_from_shown_text_is_monotone(text in text()) {
        let map = Shown::with_map(&text);
        prop_assert!(map.windows(2).all(|two| two[0].0 < two[1].0));
        prop_assert!(map.iter().all(|(at, piece)| text.is_char_boundary(*at) && !piece.is_empty()));
        prop_assert_eq!(map.first().map_or(0, |(at, _)| *at), 0);
        let whole: String = map.iter().map(|(_, piece)| piece.as_str()).collect();
        prop_assert_eq!(whole, Shown::new(&text).to_string());
    }
}

/// Neither control nor direction nor invisible, as another crate's tables see it.
fn is_plain(c: char) -> bool {
    let mark = unicode_normalization::char::is_combining_mark(c);
    c == '\n' || (!c.is_control() && (mark || c.width().unwrap_or(0) > 0) && !matches!(c, '\u{202a}'..='\u{202e}'))
}

#[test]
fn no_character_at_all_gets_through_unseen() {
    let all = (0..=0x1_ffff_u32).chain(0xe_0000..=0xe_0fff).chain([0xf_0000, 0x10_ffff]).filter_map(char::from_u32);
    let unseen: Vec<String> = all
        .filter(|c| {
            let shown = Shown::new(&format!("a{c}b\n{c}"));
            shown.as_str().chars().any(|c| !is_plain(c))
                || shown.as_str().chars().count() < 5
                || shown.as_str().lines().any(|line| line.starts_with(unicode_normalization::char::is_combining_mark))
        })
        .map(|c| format!("{:04x}", c as u32))
        .collect();
    assert!(unseen.is_empty(), "{} characters: {unseen:?}", unseen.len());
}

#[test]
fn counts_are_worded_as_people_say_them() {
    let patients = |n| words::count(n, "patient", "patients");
    assert_eq!([0, 1, 2, 1_204].map(patients), ["no patients", "1 patient", "2 patients", "1,204 patients"]);
    let said = |patients| Event::PatientsUpdated { patients }.words();
    assert_eq!([said(0), said(1)], ["pull went on", "patients arrived"], "no patients arrived with that unit");
}
