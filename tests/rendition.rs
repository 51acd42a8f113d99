//! Redaction through its public door: what is removed is gone, and nothing that is left depends on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anteroom::record::{
    AccessLevel, Act, Author, Code, CodeSystem, EntryId, EntryKind, EntryVersion, HideReason, Part, Removal,
    RemovalTarget, Sex, Shown, SourceKey, Span, Style, Version, sentences,
};
use anteroom::review::{Caution, MARK, RedactionError, Rendition, cautions, fragments, pointers, render};
use proptest::prelude::*;

fn key(id: &str) -> SourceKey {
    SourceKey { system: "test".into(), organisation: "A00001".into(), id: id.into() }
}

fn part(id: &str, display: &str, text: &str) -> Part {
    Part {
        key: key(id),
        heading: "History".into(),
        display: display.into(),
        codes: Vec::new(),
        value: String::new(),
        text: text.into(),
        happened: None,
        author: Author::default(),
        order: 0,
        unreadable: None,
    }
}

fn entry(parts: Vec<Part>) -> EntryVersion {
    EntryVersion {
        entry: EntryId([7; 16]),
        version: Version::FIRST,
        kind: EntryKind::Consultation,
        title: "Surgery consultation".into(),
        happened: None,
        recorded: None,
        author: Author { id: "a".into(), name: "Dr Example".into() },
        parts,
    }
}

fn span(id: &str, start: usize, end: usize) -> Removal {
    Removal { part: key(id), target: RemovalTarget::Text(Span::new(start, end)) }
}

fn line(id: &str) -> Removal {
    Removal { part: key(id), target: RemovalTarget::Line }
}

fn redact(removals: Vec<Removal>, style: Style) -> Act {
    Act::Redact { removals, style }
}

/// A text and the spans that `⟦` and `⟧` mark in it.
fn marked(text: &str) -> (String, Vec<Removal>) {
    let mut plain = String::new();
    let mut removals = Vec::new();
    let mut start = 0;
    for c in text.chars() {
        match c {
            '⟦' => start = plain.len(),
            '⟧' => removals.push(span("t", start, plain.len())),
            c => plain.push(c),
        }
    }
    (plain, removals)
}

/// What is left of a text marked so, beside a line that always stays.
fn left(text: &str, style: Style) -> Result<Option<String>, RedactionError> {
    let (text, removals) = marked(text);
    let rendition = render(&entry(vec![part("a", "Kept", ""), part("t", "", &text)]), &redact(removals, style))?;
    Ok(rendition.lines().get(1).map(|line| line.text.as_str().to_owned()))
}

#[test]
fn cuts_close_up_and_leave_nothing_dangling() {
    // What is removed, what is left in silence, what is left with the mark.
    let table = [
        // At the start, at the end, in the middle, twice, adjoining.
        ("⟦He hits her.⟧ Knee pain.", "Knee pain.", "[removed] Knee pain."),
        ("Knee pain. ⟦He hits her.⟧", "Knee pain.", "Knee pain. [removed]"),
        ("Knee pain. ⟦He hits her.⟧ Ibuprofen.", "Knee pain. Ibuprofen.", "Knee pain. [removed] Ibuprofen."),
        ("⟦A b.⟧ C d. ⟦E f.⟧ G.", "C d. G.", "[removed] C d. [removed] G."),
        ("C d. ⟦He hits.⟧ ⟦She hides.⟧ G.", "C d. G.", "C d. [removed] G."),
        ("C ⟦he hits⟧⟦ she hides⟧ g", "C g", "C [removed] g"),
        // Lines, lists, paragraphs.
        ("Knee\n⟦He hits her.⟧\nPlan", "Knee\nPlan", "Knee\n[removed]\nPlan"),
        ("Knee\r\n⟦He hits her.⟧\r\nPlan", "Knee\nPlan", "Knee\n[removed]\nPlan"),
        ("Knee\r⟦He hits her.⟧\u{2028}Plan", "Knee\nPlan", "Knee\n[removed]\nPlan"),
        ("Knee\n\n⟦He hits her.⟧\n\n\n\nPlan", "Knee\n\nPlan", "Knee\n\n[removed]\n\nPlan"),
        ("- knee\n⟦- hit by him⟧\n- sleeps", "- knee\n- sleeps", "- knee\n[removed]\n- sleeps"),
        ("- knee\n- ⟦hit by him⟧\n- sleeps", "- knee\n- sleeps", "- knee\n- [removed]\n- sleeps"),
        ("• knee\n• ⟦hit by him⟧", "• knee", "• knee\n• [removed]"),
        ("Knee\t⟦hit by him⟧\tPlan", "Knee Plan", "Knee [removed] Plan"),
        ("Knee \u{a0} ⟦hit⟧   Plan", "Knee Plan", "Knee [removed] Plan"),
        ("⟦hit⟧\n\nPlan", "Plan", "[removed]\n\nPlan"),
        // Punctuation that stood with what is gone.
        ("Denies ⟦being hit⟧. Plan.", "Denies. Plan.", "Denies [removed]. Plan."),
        ("Denies ⟦being hit⟧ . Plan.", "Denies. Plan.", "Denies [removed]. Plan."),
        ("⟦He hits her⟧. Plan.", "Plan.", "[removed]. Plan."),
        ("Knee. ⟦He hits her⟧. Plan.", "Knee. Plan.", "Knee. [removed]. Plan."),
        ("Knee\n⟦He hits her⟧ .\nPlan.", "Knee\nPlan.", "Knee\n[removed].\nPlan."),
        ("Seen with ⟦husband⟧, son.", "Seen with, son.", "Seen with [removed], son."),
        ("Seen, ⟦hit⟧, well.", "Seen, well.", "Seen, [removed], well."),
        ("Knee pain (⟦husband kicked her⟧) today", "Knee pain today", "Knee pain ([removed]) today"),
        ("Knee pain (⟦kicked⟧ twice) today", "Knee pain (twice) today", "Knee pain ([removed] twice) today"),
        ("Knee pain (since ⟦kicked⟧) today", "Knee pain (since) today", "Knee pain (since [removed]) today"),
        ("Knee (since ⟦kicked by him)⟧ today", "Knee since today", "Knee since [removed] today"),
        ("Knee ⟦(kicked by him⟧ twice) today", "Knee twice today", "Knee [removed] twice today"),
        ("a) knee ⟦hit⟧ fine", "a) knee fine", "a) knee [removed] fine"),
        // A query mark belongs to what it queries.
        ("⟦Hit by him.⟧ ? DVT", "? DVT", "[removed] ? DVT"),
        // What is attached to a removed word goes with it.
        ("the ⟦husband⟧'s temper", "the temper", "the [removed] temper"),
        ("the ⟦husband⟧’s temper", "the temper", "the [removed] temper"),
        ("the ⟦husband⟧ 's temper", "the temper", "the [removed] temper"),
        ("her ex-⟦husband⟧ came", "her came", "her [removed] came"),
        ("her ⟦hus⟧-\nband came", "her came", "her [removed] came"),
        ("her hus-\n⟦band⟧ came", "her came", "her [removed] came"),
        ("her ⟦wife⟧/carer came", "her came", "her [removed] came"),
        ("her wife/⟦carer⟧/friend came", "her came", "her [removed] came"),
        ("her ⟦wife⟧ /carer came", "her came", "her [removed] came"),
        ("he ⟦hit⟧s her", "he her", "he [removed] her"),
        ("he h⟦i⟧ts her", "he her", "he [removed] her"),
        ("M⟦12345⟧6, seen", "seen", "[removed], seen"),
        ("\"⟦hits me⟧\" she said", "she said", "[removed] she said"),
        ("hit\u{200b}⟦ting⟧ her today", "her today", "[removed] her today"),
        // The source's own mark is not ours.
        ("He was [removed] ⟦hit⟧ twice", "He was (removed) twice", "He was (removed) [removed] twice"),
        ("He was [ Removed ] ⟦hit⟧ x", "He was (removed) x", "He was (removed) [removed] x"),
        ("x [(removed] ⟦hit⟧ y", "x (removed) y", "x (removed) [removed] y"),
        ("x [⟦hit⟧ removed] y", "x (removed) y", "x [[removed] removed] y"),
    ];
    for (text, silent, with_mark) in table {
        assert_eq!(left(text, Style::Silent), Ok(Some(silent.to_owned())), "{text:?} in silence");
        assert_eq!(left(text, Style::Marked), Ok(Some(with_mark.to_owned())), "{text:?} with the mark");
    }
}

#[test]
fn what_is_not_cut_stays_as_it_is() {
    for text in ["a (b", "Denies . x", "- \n\n\n c", "  two  spaces ", "? DVT", "🙂", ""] {
        let version = entry(vec![part("a", "Kept", ""), part("t", "", text)]);
        let rendition = render(&version, &Act::Approve).unwrap();
        assert_eq!(rendition.lines()[1].text.as_str(), text);
    }
}

#[test]
fn the_sources_own_mark_is_rewritten_in_every_field() {
    let mut version = entry(vec![part("a", MARK, MARK)]);
    version.title = MARK.into();
    version.author.name = MARK.into();
    version.parts[0].heading = MARK.into();
    version.parts[0].value = MARK.into();
    version.parts[0].codes = vec![Code { system: CodeSystem::Local, code: "1".into(), display: MARK.into() }];
    let json = serde_json::to_string(&render(&version, &Act::Approve).unwrap()).unwrap();
    assert!(!json.contains(MARK), "{json}");
    assert_eq!(json.matches("(removed)").count(), 7);
}

#[test]
fn a_removal_that_does_not_lie_on_the_text_is_refused() {
    let text = "cafe\u{301} 👩\u{200d}👧 end";
    let version = entry(vec![part("a", "Kept", ""), part("t", "", text)]);
    let flag = text.find('👩').unwrap();
    let off = [
        (0, text.len() + 1),
        (4, 6),           // the letter and its accent are one
        (5, 6),           // inside the accent
        (flag, flag + 4), // half a family
        (flag + 1, flag + 4),
        (2, 2),
        (3, 1),
        (usize::MAX - 1, usize::MAX),
        (6, 7), // white space only
    ];
    for (start, end) in off {
        for style in [Style::Silent, Style::Marked] {
            let act = redact(vec![span("t", start, end)], style);
            assert_eq!(render(&version, &act), Err(RedactionError::OffText), "{start}..{end}");
        }
    }
    let act = redact(vec![span("no such part", 0, 1)], Style::Silent);
    assert_eq!(render(&version, &act), Err(RedactionError::NoSuchPart));
}

#[test]
fn nothing_left_is_a_hide() {
    let version = entry(vec![part("t", "", "He hits her. ...")]);
    for style in [Style::Silent, Style::Marked] {
        for removals in [vec![line("t")], vec![span("t", 0, 12)]] {
            assert_eq!(render(&version, &redact(removals, style)), Err(RedactionError::NothingLeft));
        }
    }
    let hide = Act::Hide { reason: HideReason::Coercion };
    assert_eq!(render(&version, &hide), Err(RedactionError::NothingLeft));
}

#[test]
fn codes_and_values_go_with_their_line_or_stay_whole() {
    let mut weighed = part("w", "Body weight", "Told him ⟦she is⟧ afraid");
    let (text, removals) = marked(&weighed.text);
    weighed.text = text;
    weighed.value = "71 kg".into();
    weighed.codes = vec![Code { system: CodeSystem::Snomed, code: "27113001".into(), display: "Body weight".into() }];
    let removals: Vec<_> = removals.into_iter().map(|removal| Removal { part: key("w"), ..removal }).collect();
    let version = entry(vec![part("a", "Kept", ""), weighed.clone()]);
    let rendition = render(&version, &redact(removals, Style::Silent)).unwrap();
    let kept = &rendition.lines()[1];
    assert_eq!((kept.display.as_str(), kept.value.as_str()), ("Body weight", "71 kg"));
    assert_eq!((&kept.codes, kept.text.as_str()), (&weighed.codes, "Told him afraid"));
    let rendition = render(&version, &redact(vec![line("w")], Style::Silent)).unwrap();
    assert_eq!(rendition.lines().len(), 1);
}

#[test]
fn of_a_removed_line_nothing_is_left_but_the_mark() {
    let secret = |id: &str| {
        let mut part = part(id, "Domestic abuse", "He hits her");
        part.heading = "Safeguarding".into();
        part.value = "high".into();
        part.happened = chrono::NaiveDate::from_ymd_opt(2026, 1, 2);
        part.codes = vec![Code { system: CodeSystem::Snomed, code: "1".into(), display: "Abuse".into() }];
        part
    };
    let mut only_text = part("s2", "", "He hits her");
    only_text.heading = "Safeguarding".into();
    only_text.codes = secret("x").codes;
    let version = entry(vec![part("a", "Kept", ""), secret("s1"), only_text, part("b", "Kept", "")]);
    // A text-only line of which every word goes is a removed line.
    let removals = vec![line("s1"), span("s2", 0, 11)];
    let without = entry(vec![part("a", "Kept", ""), part("b", "Kept", "")]);
    let silent = render(&version, &redact(removals.clone(), Style::Silent)).unwrap();
    assert_eq!(silent, render(&without, &Act::Approve).unwrap());
    let with_mark = render(&version, &redact(removals, Style::Marked)).unwrap();
    // Two lines that follow one another are one mark.
    assert_eq!(with_mark.lines().len(), 3);
    let mark = &with_mark.lines()[1];
    assert_eq!((mark.text.as_str(), mark.heading.as_str(), mark.key.id.as_str()), (MARK, "", ""));
    let other = entry(vec![part("a", "Kept", ""), part("zzz", "Smoker", "no"), part("b", "Kept", "")]);
    let other = render(&other, &redact(vec![line("zzz")], Style::Marked)).unwrap();
    assert_eq!(json(&with_mark), json(&other));
}

fn json(rendition: &Rendition) -> String {
    serde_json::to_string(rendition).unwrap()
}

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

#[test]
fn a_removal_that_takes_care_along_asks_first() {
    use Caution::{Allergy, Dose, Negation};
    let table: &[(&str, &[Caution])] = &[
        ("Seen alone. ⟦He hits her.⟧ Plan.", &[]),
        ("⟦Takes 5 mg daily from him.⟧ Plan.", &[Dose]),
        ("⟦Takes 5mg.⟧ Plan.", &[Dose]),
        ("⟦Takes 2.5ml⟧ daily", &[Dose]),
        ("⟦BP 150/90 after he shouted.⟧ Plan.", &[Dose]),
        ("⟦sats 96%⟧ and well", &[Dose]),
        ("⟦Seen 3 times in 2026 by him.⟧ Plan.", &[]),
        ("⟦r/v 1/52.⟧ Plan.", &[]),
        ("⟦Allergic to penicillin.⟧ Plan.", &[Allergy]),
        ("⟦NKDA, says he.⟧ Plan.", &[Allergy]),
        ("She ⟦denies being⟧ hit", &[Negation]),
        ("She ⟦doesn't feel⟧ safe", &[Negation]),
        ("She ⟦doesn’t feel⟧ safe", &[Negation]),
        ("⟦She denies being hit.⟧ Plan.", &[]),
        ("⟦She denies being hit. He hits her.⟧ Plan.", &[]),
        ("⟦She denies being hit. He⟧ hits her. Plan.", &[]),
        ("She ⟦denies being hit. He⟧ hits her. Plan.", &[Negation]),
        ("She deni⟦es being⟧ hit", &[Negation]),
        ("Denies ⟦being hit, chest⟧ pain", &[Negation]),
        ("No fever. Denies ⟦being hit.⟧ Chest pain.", &[Negation]),
    ];
    for (text, expected) in table {
        let (plain, removals) = marked(text);
        let RemovalTarget::Text(span) = removals[0].target else { panic!() };
        assert_eq!(&cautions(&plain, span), expected, "{text:?}");
    }
    use Caution::{Drug, Result};
    for (text, expected) in [
        ("⟦Started sertraline after he left.⟧ Plan.", &[Drug][..]),
        ("⟦Takes amlodipine 5 mg.⟧ Plan.", &[Drug, Dose]),
        ("⟦Allergic to amoxicillin.⟧ Plan.", &[Allergy]),
        ("⟦Swab positive, says partner.⟧ Plan.", &[Result]),
        ("⟦Pam came along in April.⟧ Plan.", &[]),
    ] {
        let (plain, removals) = marked(text);
        let RemovalTarget::Text(span) = removals[0].target else { panic!() };
        assert_eq!(cautions(&plain, span), expected, "{text:?}");
    }
    assert_eq!(cautions("short", Span::new(2, 99)), []);
    assert_eq!(sentences("She denies it. He").len(), 2);
}

/// The pieces between ⟦ and ⟧ are removed; gives what is said of the rest.
fn after_removal(text: &str) -> (String, Vec<Span>) {
    let (plain, removals) = marked(text);
    let spans = removals.iter().filter_map(|removal| match removal.target {
        RemovalTarget::Text(span) => Some(span),
        RemovalTarget::Line => None,
    });
    (plain.clone(), spans.collect())
}

#[test]
fn a_remainder_that_makes_no_sense_is_pointed_out() {
    for (text, expected) in [
        ("Seen alone. ⟦He hits her.⟧ Plan.", &[][..]),
        ("Seen alone because ⟦he hits her.⟧ Plan.", &["Seen alone because"]),
        ("⟦He hits her⟧ and the children saw it. Plan.", &["and the children saw it."]),
        ("Came with ⟦her partner, who shouted,⟧ the baby. Plan.", &["Came with", "the baby."]),
        ("Slept badly for weeks ⟦since he left⟧. Plan.", &[]),
        ("Knee pain since the fall, ⟦pushed by him⟧, swollen and warm today. Plan.", &[]),
    ] {
        let (plain, removed) = after_removal(text);
        let found: Vec<&str> = fragments(&plain, &removed).iter().map(|span| span.of(&plain).unwrap()).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn sentences_that_still_point_at_the_removed_person_are_pointed_out() {
    for (sex, text, expected) in [
        (Sex::Female, "⟦Her partner hit her.⟧ He waits outside. She is well.", &["He waits outside."][..]),
        (Sex::Female, "Brother drove her. ⟦Her partner hit her.⟧ He waits outside.", &[]),
        (Sex::Female, "⟦Her partner hit her.⟧ Her son came too. He has a cough.", &[]),
        (Sex::Male, "⟦His wife hit him.⟧ He is well. She waits outside.", &["She waits outside."]),
        (Sex::Female, "He waits outside. ⟦Her partner hit her.⟧", &[]),
        (Sex::Unknown, "⟦Somebody rang.⟧ They asked not to be named.", &["They asked not to be named."]),
    ] {
        let (plain, removed) = after_removal(text);
        let found: Vec<&str> = pointers(&plain, &removed, sex).iter().map(|span| span.of(&plain).unwrap()).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_reader_sees_what_their_login_shows_and_never_more() {
    let whole =
        render(&entry(vec![part("a", "Cough", "quillwort"), part("b", "", "zanthorex")]), &Act::Approve).unwrap();
    assert_eq!(whole.at(AccessLevel::Full).as_ref(), Some(&whole));
    let coded = whole.at(AccessLevel::Coded).unwrap();
    assert_eq!(coded.lines().len(), 1);
    assert_eq!((coded.lines()[0].display.as_str(), coded.lines()[0].text.as_str()), ("Cough", ""));
    assert_eq!(whole.at(AccessLevel::Summary), None);
    assert_eq!(whole.at(AccessLevel::None), None);
}

#[test]
fn what_the_source_hides_from_the_patient_is_not_shown_here_either() {
    let mut secret = part("b", "Seen by IDVA", "zanthorex");
    secret.codes.push(Code::not_for_patient());
    let both = entry(vec![part("a", "Cough", "quillwort"), secret.clone()]);
    let without = entry(vec![part("a", "Cough", "quillwort")]);
    assert_eq!(render(&both, &Act::Approve), render(&without, &Act::Approve));
    let redacted = redact(vec![line("a")], Style::Marked);
    assert_eq!(render(&both, &redacted), render(&without, &redacted));
    assert_eq!(render(&entry(vec![secret]), &Act::Approve), Err(RedactionError::NothingLeft));
}
