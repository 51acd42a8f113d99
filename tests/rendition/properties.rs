//! Whatever is removed from whatever text: nothing of it is left, and what is left does not depend on it.

use anteroom::record::{Code, CodeSystem, Removal, Shown, Style};
use anteroom::review::{MARK, RedactionError, render};
use proptest::prelude::*;

use super::{entry, json, line, part, redact, span};

/// Words of many scripts. None ends in a joiner, which would take the next word along.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]{1,9}[.,;!?]?",
        2 => "[A-Z][a-z]{0,6}('s|/[a-z]{2})?",
        1 => "[\u{5d0}-\u{5ea}\u{627}-\u{64a}]{1,5}",
        1 => "\u{202e}?[\u{4e00}-\u{4e20}]{1,4}",
        1 => "[a-z](\u{301}|\u{308}|\u{200b}){1,6}[a-z]",
        1 => Just("👩\u{200d}👩\u{200d}👧".to_owned()),
        1 => "[\\[(]?(removed|Removed)[\\])]?",
        1 => "[(\\[][a-z]{1,3}[)\\]]?",
        1 => "[0-9]{1,3}(\\.[0-9])?(mg|%)?",
        1 => "[-•?.,:()]",
    ]
}

fn gap() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(" ".to_owned()), 1 => "[ \t\u{a0}]{1,3}", 1 => "(\n|\r\n|\n\n\n|\u{2028}| \n )"]
}

/// Words and the white space after each.
fn words_and_gaps(most: usize) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((word(), gap()), 1..most)
}

fn spell(words: &[(String, String)]) -> String {
    words.iter().flat_map(|(word, gap)| [word.as_str(), gap.as_str()]).collect()
}

/// A text in stretches, each kept or removed; the gap after a stretch is kept.
#[derive(Debug, Clone)]
struct Cut {
    text: String,
    removals: Vec<Removal>,
}

fn cut(stretches: &[(bool, String, String)]) -> Cut {
    let mut text = String::new();
    let mut removals = Vec::new();
    for (removed, words, gap) in stretches {
        if *removed {
            removals.push(span("t", text.len(), text.len() + words.len()));
        }
        text.push_str(words);
        text.push_str(gap);
    }
    Cut { text, removals }
}

fn show(cut: &Cut, style: Style) -> Result<String, RedactionError> {
    let version = entry(vec![part("a", "Kept", ""), part("t", "", &cut.text)]);
    render(&version, &redact(cut.removals.clone(), style)).map(|rendition| json(&rendition))
}

fn stretch() -> impl Strategy<Value = (bool, String, String)> {
    (any::<bool>(), words_and_gaps(4), gap())
        .prop_map(|(removed, words, gap)| (removed, spell(&words).trim().to_owned(), gap))
}

const STYLES: [Style; 2] = [Style::Silent, Style::Marked];

/// The letters and digits of a text in words, by which two texts are compared whatever their punctuation.
fn bare(text: &str) -> Vec<String> {
    let words = Shown::new(&text.replace(MARK, " ")).as_str().to_lowercase();
    words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn text_of(cut: &Cut, style: Style) -> String {
    let version = entry(vec![part("a", "Kept", ""), part("t", "", &cut.text)]);
    let rendition = render(&version, &redact(cut.removals.clone(), style)).unwrap();
    rendition.lines().get(1).map(|line| line.text.to_string()).unwrap_or_default()
}

fn is_part_of(few: &[String], many: &[String]) -> bool {
    let mut many = many.iter();
    few.iter().all(|word| many.any(|other| other == word))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// P17, P22: other words in place of the removed ones, however many and in whatever script, change no byte.
    #[test]
    fn p17_what_is_left_does_not_depend_on_what_is_removed(
        stretches in prop::collection::vec((stretch(), words_and_gaps(7)), 1..8),
    ) {
        let one: Vec<_> = stretches.iter().map(|(stretch, _)| stretch.clone()).collect();
        let other: Vec<_> = stretches.iter().map(|((removed, words, gap), others)| {
            let words = if *removed { spell(others).trim().to_owned() } else { words.clone() };
            (*removed, words, gap.clone())
        }).collect();
        for style in STYLES {
            prop_assert_eq!(show(&cut(&one), style), show(&cut(&other), style));
        }
    }

    /// P17 for whole lines: whatever they said, under whatever name, heading, code and date.
    #[test]
    fn p17_what_is_left_does_not_depend_on_a_removed_line(
        words in prop::array::uniform6(word()), more in prop::array::uniform6(word()), at in 0_usize..3, day in 0_i32..9,
    ) {
        let version = |words: &[String; 6], day| {
            let mut gone = part(&words[0], &words[1], &words[2]);
            gone.heading = words[3].clone();
            gone.value = words[4].clone();
            gone.codes = vec![Code { system: CodeSystem::Local, code: words[5].clone(), display: words[5].clone() }];
            gone.happened = chrono::NaiveDate::from_num_days_from_ce_opt(730_000 + day);
            gone.order = 5;
            let mut parts = vec![part("~a", "Kept", "one"), part("~b", "Kept", "two")];
            parts.insert(at, gone);
            (entry(parts), line(&words[0]))
        };
        for style in STYLES {
            let [one, other] = [(&words, 0), (&more, day)].map(|(words, day)| {
                let (version, removal) = version(words, day);
                json(&render(&version, &redact(vec![removal], style)).unwrap())
            });
            prop_assert_eq!(one, other);
        }
    }

    /// P20: every word that is left was there and was not removed; nothing is inserted but the mark.
    #[test]
    fn p20_words_left_are_words_kept(stretches in prop::collection::vec(stretch(), 1..8)) {
        let kept: Vec<_> = stretches.iter().filter(|(removed, ..)| !removed).map(|(_, words, _)| format!("{words} "))
            .collect();
        for style in STYLES {
            let left = bare(&text_of(&cut(&stretches), style));
            prop_assert!(is_part_of(&left, &bare(&kept.concat().replace(MARK, "(removed)"))), "{:?} of {:?}", left, kept);
        }
    }

    /// P21: one more removal never shows a word more.
    #[test]
    fn p21_removing_more_shows_less(
        stretches in prop::collection::vec(stretch(), 1..8), start in 0_usize..100, length in 1_usize..30,
    ) {
        let few = cut(&stretches);
        let edges: Vec<usize> = few.text.char_indices().map(|(at, _)| at).chain([few.text.len()]).collect();
        let (from, to) = (edges[start % edges.len()], edges[(start + length).min(edges.len() - 1)]);
        let mut many = few.clone();
        many.removals.push(span("t", from.min(to), to));
        let version = entry(vec![part("a", "Kept", ""), part("t", "", &many.text)]);
        if render(&version, &redact(many.removals.clone(), Style::Silent)).is_err() {
            return Ok(()); // Inside a character, or white space only.
        }
        for style in STYLES {
            let (more, less) = (bare(&text_of(&few, style)), bare(&text_of(&many, style)));
            prop_assert!(is_part_of(&less, &more), "{:?} of {:?}", less, more);
        }
    }

    /// The same removals in any order and twice over, and a rendition rendered again, give the same.
    #[test]
    fn a_rendition_is_the_same_every_time(stretches in prop::collection::vec(stretch(), 1..8)) {
        let once = cut(&stretches);
        let mut twice = once.clone();
        twice.removals.extend(once.removals.iter().rev().cloned());
        twice.removals.reverse();
        for style in STYLES {
            prop_assert_eq!(show(&once, style), show(&twice, style));
            let text = text_of(&once, style);
            let again = Cut { text: text.clone(), removals: Vec::new() };
            prop_assert_eq!(text_of(&again, style), text.replace(MARK, "(removed)"));
        }
    }

    /// Every cut has its mark and none is counted: at most one more than there are kept stretches, each whole.
    #[test]
    fn marks_are_constant_and_merge(stretches in prop::collection::vec(stretch(), 1..8)) {
        let cut = cut(&stretches);
        let text = text_of(&cut, Style::Marked);
        let marks = text.matches(MARK).count();
        let says = |words: &str| !bare(words).is_empty();
        let kept = stretches.iter().filter(|(removed, words, _)| !removed && says(words)).count();
        prop_assert_eq!(marks == 0, cut.removals.is_empty(), "{}", text);
        prop_assert!(!text.split_whitespace().collect::<Vec<_>>().windows(2).any(|two| two == [MARK, MARK]), "{}", text);
        if kept == 0 {
            prop_assert!(marks <= stretches.len());
        }
        prop_assert!(!text_of(&cut, Style::Silent).contains(MARK));
    }
}
