//! What holds for every text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use anteroom::record::{Category, Lane, Span, Tier};
use anteroom::screen::{Features, Lesson, Rules, TextItem, TextScreening};
use proptest::prelude::*;

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(Rules::built_in)
}

fn screen(text: &str) -> TextScreening {
    rules().screen(&TextItem { kind: "consultation".to_owned(), text: text.to_owned(), codes: Vec::new() })
}

/// The labelled entries of our own folder, without marks, and whether each is to be held.
fn labelled(file: &str) -> Vec<(String, bool)> {
    let path = format!("{}/tests/data/screening/{file}", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(path).unwrap();
    let entry = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = value["text"].as_str().unwrap().replace(['«', '»'], "");
        (text, value["label"] == "hold")
    };
    lines.lines().map(entry).collect()
}

/// Texts that are held as they stand.
fn held() -> &'static [String] {
    static HELD: OnceLock<Vec<String>> = OnceLock::new();
    HELD.get_or_init(|| {
        let texts = labelled("dev.jsonl").into_iter().chain(labelled("dev-pairs.jsonl"));
        texts.map(|(text, _)| text).filter(|text| screen(text).verdict == Lane::Hold).collect()
    })
}

fn spans_are_sound(text: &str, screening: &TextScreening) {
    for span in screening.matches.iter().map(|found| found.span).chain(screening.remove.iter().copied()) {
        assert!(span.start <= span.end && span.of(text).is_some(), "{span:?} in {text:?}");
    }
    for pair in screening.remove.windows(2) {
        assert!(pair[0].end <= pair[1].start, "removals overlap in {text:?}");
    }
    assert_eq!(screening.tier, screening.matches.iter().map(|found| found.tier).max().unwrap_or(Tier::Nothing));
    assert!(screening.matches.is_sorted_by(|a, b| a.tier >= b.tier));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn spans_lie_on_character_edges_inside_any_text(text in "\\PC{0,200}|(\\p{any}|[ .,'?\n\0\u{200b}\u{202e}é—]){0,120}") {
        spans_are_sound(&text, &screen(&text));
    }

    #[test]
    fn spans_are_sound_when_a_real_text_is_cut_and_stirred(
        which in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), stir in "\\PC{0,6}",
    ) {
        let text = which.get(held());
        let at = text.floor_char_boundary(cut.index(text.len().max(1)));
        let text = format!("{}{stir}{}", &text[..at], &text[at..]);
        spans_are_sound(&text, &screen(&text));
    }

    #[test]
    fn harmless_text_around_never_clears_what_was_held(
        which in any::<prop::sample::Index>(),
        before in prop::collection::vec(0..HARMLESS.len(), 0..40), after in prop::collection::vec(0..HARMLESS.len(), 0..40),
    ) {
        let harmless = |lines: &[usize]| lines.iter().map(|line| HARMLESS[*line]).collect::<Vec<_>>().join("\n");
        let text = format!("{}\n{}\n{}", harmless(&before), which.get(held()), harmless(&after));
        prop_assert_ne!(screen(&text).verdict, Lane::Clear);
    }

    #[test]
    fn case_and_disguise_never_clear_what_was_held(which in any::<prop::sample::Index>(), how in 0..3usize) {
        let text = which.get(held());
        let text = match how {
            0 => text.to_uppercase(),
            1 => text.replace('e', "\u{435}"),
            _ => text.replace('a', "a\u{200d}"),
        };
        prop_assert_ne!(screen(&text).verdict, Lane::Clear);
    }
}

const HARMLESS: [&str; 8] = [
    "Chest clear, sats 98%.",
    "BP 128/76, pulse 72 regular.",
    "No safeguarding concerns.",
    "Ibuprofen 400mg tds, review in two weeks.",
    "Denies chest pain.",
    "PMH: asthma, hypertension.",
    "Urine dip negative.",
    "FBC, U&E and TFT requested.",
];

/// Every pair of our own folder: the text that discloses and the one in the same words that does not.
fn pairs() -> Vec<(String, String)> {
    let files = ["dev-pairs.jsonl", "own-pairs.jsonl", "own-contrast.jsonl", "hard-pairs.jsonl"];
    let mut pairs = Vec::new();
    for file in files {
        let entries = labelled(file);
        for (twin, other) in entries.iter().step_by(2).zip(entries.iter().skip(1).step_by(2)) {
            assert!(twin.1 && !other.1, "{file}: twins stand side by side, the one to hold first");
            pairs.push((twin.0.clone(), other.0.clone()));
        }
    }
    pairs
}

#[test]
fn a_model_of_function_words_does_badly_on_pairs_so_the_text_teaches_content() {
    let pairs = pairs();
    let unseen = |number: &usize| number.is_multiple_of(4);
    let lesson = |text: &String, holds: bool| Lesson {
        text: text.clone(),
        marked: if holds { vec![Span::new(0, text.len())] } else { Vec::new() },
        category: Category::DomesticAbuse,
    };
    let lessons: Vec<Lesson> = pairs
        .iter()
        .enumerate()
        .filter(|(number, _)| !unseen(number))
        .flat_map(|(_, (holds, clear))| [lesson(holds, true), lesson(clear, false)])
        .collect();
    let share_right = |kind: Features| {
        let untrained = || Rules::untrained().unwrap();
        let trained = untrained().with_model(&untrained().train(&lessons, kind, ""), kind).unwrap();
        let asked: Vec<_> = pairs.iter().enumerate().filter(|(number, _)| unseen(number)).collect();
        let right = asked.iter().filter(|(_, (holds, clear))| trained.score(holds) > trained.score(clear)).count();
        right as f32 / asked.len() as f32
    };
    let style = share_right(Features::FunctionWords);
    let content = share_right(Features::Content);
    assert!(style < 0.65, "function words alone order {style} of unseen pairs rightly: the text teaches style");
    assert!(content > style + 0.1, "content orders {content} of unseen pairs rightly, style {style}");
}
