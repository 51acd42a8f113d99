//! Screening through its public doors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anteroom::record::{
    Author, Category, EntryId, EntryKind, EntryVersion, Lane, Part, SourceKey, Span, Subject, Tier, Unreadable, Version,
};
use anteroom::screen::{Rules, TextItem, TextScreening};

fn rules() -> &'static Rules {
    static RULES: std::sync::OnceLock<Rules> = std::sync::OnceLock::new();
    RULES.get_or_init(Rules::built_in)
}

fn screen(text: &str) -> TextScreening {
    let item = TextItem { kind: "consultation".to_owned(), text: text.to_owned(), codes: Vec::new() };
    rules().screen(&item)
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "test".to_owned(), organisation: "A00001".to_owned(), id: id.to_owned() }
}

fn part(id: &str, display: &str, text: &str) -> Part {
    Part {
        key: key(id),
        heading: String::new(),
        display: display.to_owned(),
        codes: Vec::new(),
        value: String::new(),
        text: text.to_owned(),
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
        title: "Telephone consultation".to_owned(),
        happened: None,
        recorded: None,
        author: Author::default(),
        parts,
    }
}

#[test]
fn every_rule_fires_on_its_examples_and_spares_the_others() {
    assert_eq!(rules().check(), Vec::<String>::new());
    assert!(rules().list().count() > 10, "the built-in packs did not compile");
}

#[test]
fn a_disclosure_is_held_with_its_place_and_its_sentence() {
    let text = "Knee pain 3/7. Her husband hit her on Sunday. Ibuprofen.";
    let screening = screen(text);
    assert_eq!(screening.verdict, Lane::Hold);
    assert_eq!(screening.tier, Tier::Disclosure);
    assert!(screening.categories.contains(&Category::DomesticAbuse));
    assert_eq!(
        screening.remove.iter().map(|span| span.of(text).unwrap()).collect::<Vec<_>>(),
        ["Her husband hit her on Sunday."]
    );
}

#[test]
fn a_denial_is_held_and_boilerplate_is_not() {
    assert_eq!(screen("Low mood. Asked re DA - denies.").verdict, Lane::Hold);
    assert_eq!(screen("Otitis media. No safeguarding concerns.").verdict, Lane::Clear);
}

#[test]
fn abbreviations_that_mean_something_else_never_match_alone() {
    for text in [
        "On DA (cabergoline 0.5mg).",
        "CIN 2 on biopsy, LLETZ booked.",
        "D&V 2/7.",
        "HBV immune.",
        "MASH, fibroscan 9kPa.",
    ] {
        assert_ne!(screen(text).verdict, Lane::Hold, "{text}");
    }
}

#[test]
fn text_that_cannot_be_read_is_never_clear() {
    for text in ["dom\u{200b}estic", "a\0b", "аbuse", "он её бьёт", "\u{202e}esuba", "los\u{fffd}t"] {
        let screening = screen(text);
        assert_eq!((screening.verdict, screening.tier), (Lane::Hold, Tier::Critical), "{text:?}");
        assert!(screening.categories.contains(&Category::Unscreened), "{text:?}");
    }
}

#[test]
fn disguised_words_are_read_as_what_they_look_like() {
    for text in
        ["d\u{43e}mestic abuse", "do\u{ad}mestic ab\u{ad}use", "ＤＯＭＥＳＴＩＣ ＡＢＵＳＥ", "dom\u{200d}estic abuse"]
    {
        assert!(screen(text).categories.contains(&Category::DomesticAbuse), "{text:?}");
    }
}

#[test]
fn an_unknown_kind_is_not_screened_and_so_held() {
    let item = TextItem { kind: "hologram".to_owned(), text: "Fine.".to_owned(), codes: Vec::new() };
    assert_eq!(rules().screen(&item).verdict, Lane::Hold);
}

#[test]
fn an_entry_gives_places_inside_its_parts() {
    let version = entry(vec![
        part("1", "Backache", "Three weeks."),
        part("2", "", "Says her partner punched her. Rest fine."),
        part("3", "Victim of domestic abuse", ""),
    ]);
    let screening = rules().screen_entry(&version);
    assert_eq!(screening.lane, Lane::Hold);
    assert_eq!(screening.rules, rules().version());
    let hit = screening.findings.iter().find(|f| f.place.as_ref().is_some_and(|place| place.part == key("2"))).unwrap();
    let span = hit.place.as_ref().unwrap().span.unwrap();
    assert_eq!(span.of(&version.parts[1].text), Some("partner punched her"));
    assert_eq!(hit.suggested.len(), 1);
    assert_eq!(hit.suggested[0].span.unwrap().of(&version.parts[1].text), Some("Says her partner punched her."));
    let display =
        screening.findings.iter().find(|f| f.place.as_ref().is_some_and(|place| place.part == key("3"))).unwrap();
    assert_eq!(display.place.as_ref().unwrap().span, None);
    assert!(screening.findings.is_sorted_by(|a, b| a.tier >= b.tier));
}

#[test]
fn a_part_that_could_not_be_read_is_held() {
    let mut unread = part("1", "", "");
    unread.unreadable = Some(Unreadable::NotSent);
    let screening = rules().screen_entry(&entry(vec![unread]));
    assert_eq!((screening.lane, screening.tier), (Lane::Hold, Tier::Critical));
    assert_eq!(screening.findings[0].category, Category::Unscreened);
    assert_eq!(rules().screen_entry(&entry(Vec::new())).lane, Lane::Clear);
}

#[test]
fn context_of_a_span() {
    let context = |text: &str, words: &str| {
        let start = text.find(words).unwrap();
        rules().context(text, Span::new(start, start + words.len()))
    };
    assert!(context("Denies domestic abuse.", "domestic abuse").negated);
    assert!(!context("Discloses domestic abuse.", "domestic abuse").negated);
    assert!(context("H/O domestic abuse.", "domestic abuse").historical);
    assert!(context("?NAI, paeds called.", "NAI").hypothetical);
    assert_eq!(context("Her sister was raped.", "raped").subject, Subject::Other);
}

#[test]
fn packs_with_slips_are_refused_with_the_file() {
    let pack = "[[rule]]\nid = \"a\"\ncategory = \"domestic_abuse\"\ntier = 3\nwhy = \"w\"\nmatch = [\"@nobody hits\"]\nfires = []\nspares = []\n";
    let error = Rules::parse(&[("mine.toml", pack)]).unwrap_err();
    assert!(error.to_string().starts_with("mine.toml: rule a:"), "{error}");
    assert!(Rules::parse(&[("mine.toml", "rule = 7")]).is_err());
}

#[test]
fn text_made_to_be_slow_ends() {
    // Quadratic work on any of these would take minutes.
    for text in ["Her husband hit her and ", "Her husband hit her. ", "no no denies ", "police he her ", "abuzive "] {
        let text = text.repeat((1 << 18) / text.len());
        let screening = screen(&text);
        assert!(screening.matches.iter().all(|found| found.span.of(&text).is_some()));
    }
}

#[test]
fn findings_are_sorted_most_urgent_first_then_as_read() {
    let version = entry(vec![
        part("1", "", "He checks her phone. Her husband hit her."),
        part("2", "", "Discussed at MARAC. Her husband hit her."),
    ]);
    let screening = rules().screen_entry(&version);
    let order: Vec<_> = screening
        .findings
        .iter()
        .filter_map(|finding| finding.place.as_ref())
        .map(|place| (version.parts.iter().position(|part| part.key == place.part), place.span))
        .collect();
    assert_eq!(screening.findings[0].place.as_ref().unwrap().part, key("2"), "MARAC is tier 4");
    let keys: Vec<_> = screening.findings.iter().map(|finding| std::cmp::Reverse(finding.tier)).zip(order).collect();
    assert!(keys.len() == screening.findings.len() && keys.is_sorted(), "{keys:?}");
}
