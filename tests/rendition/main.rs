//! Redaction through its public door: what is removed is gone, and nothing that is left depends on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cautions;
mod properties;

use anteroom::record::{
    Act, Author, Code, CodeSystem, EntryId, EntryKind, EntryVersion, HideReason, Part, Removal, RemovalTarget,
    SourceKey, Span, Style, Version,
};
use anteroom::review::{MARK, RedactionError, Rendition, render};

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

fn json(rendition: &Rendition) -> String {
    serde_json::to_string(rendition).unwrap()
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
