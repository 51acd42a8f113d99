//! Screening through its public doors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anteroom::record::{
    Author, Category, Code, CodeSystem, EntryId, EntryKind, EntryVersion, Lane, Part, Place, SourceKey, Span, Subject,
    Tier, Unreadable, Version,
};
use anteroom::screen::{Rules, Standing, TextItem, TextScreening, raised};

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
    let there = |place: &Place| place.part == key("2");
    let hits = || screening.findings.iter().filter(|found| found.place.as_ref().is_some_and(there));
    let hit = hits().find(|found| found.rule == "da.hit").unwrap();
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
fn what_is_known_of_the_patient_raises_weak_cues_and_nothing_else() {
    let weak = rules().screen_entry(&entry(vec![part("1", "", "He is furious and jealous, she says.")]));
    assert_eq!(weak.lane, Lane::Skim, "{:?}", weak.findings);
    let reasons = [
        Standing { enhanced_review: true, ..Standing::default() },
        Standing { household_concern: true, ..Standing::default() },
        Standing { proxy_reads_text: true, ..Standing::default() },
    ];
    for standing in reasons {
        let now = raised(weak.clone(), standing);
        assert_eq!((now.lane, now.tier), (Lane::Hold, Tier::Cue));
        assert!(now.findings.iter().any(|finding| finding.why.contains("raised, because")));
    }
    assert_eq!(raised(weak.clone(), Standing::default()), weak);
    // What but faintly resembles a disclosure is skimmed, or every patient with a carer fills the queue.
    let faint = rules().screen_entry(&entry(vec![part("1", "", "Came with her partner.")]));
    assert_eq!(faint.lane, Lane::Skim, "{:?}", faint.findings);
    assert_eq!(raised(faint.clone(), reasons[1]), faint);
    assert_eq!(raised(faint.clone(), reasons[2]), faint);
    assert_eq!(raised(faint, reasons[0]).lane, Lane::Hold);
    let nothing = rules().screen_entry(&entry(vec![part("1", "", "Chest clear.")]));
    assert_eq!(raised(nothing.clone(), reasons[0]), nothing);
}

#[test]
fn a_silenced_rule_is_silent_and_the_rules_have_another_version() {
    let text = "He calls her useless and stupid.";
    assert!(screen(text).matches.iter().any(|found| found.rule == "da.demeaned"));
    let silence = |rule: &str, reason: &str, by: &str| {
        let file = format!("[[silence]]\nrule = \"{rule}\"\nreason = \"{reason}\"\nby = \"{by}\"\n");
        Rules::built_in().silencing(&file)
    };
    let silenced = silence("da.demeaned", "too many here", "dr.lead").unwrap();
    let item = TextItem { kind: "consultation".to_owned(), text: text.to_owned(), codes: Vec::new() };
    assert!(silenced.screen(&item).matches.iter().all(|found| found.rule != "da.demeaned"));
    assert_ne!(silenced.version(), rules().version());
    assert_eq!(silenced.silences()[0].by, "dr.lead");
    for (rule, reason, by) in
        [("da.none", "r", "b"), ("da.demeaned", " ", "b"), ("da.demeaned", "r", ""), ("child.plan", "r", "b")]
    {
        assert!(silence(rule, reason, by).is_err(), "{rule} {reason} {by}");
    }
}

#[test]
fn a_reference_set_holds_its_concepts_and_leaves_known_ones_alone() {
    let heading = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n";
    let row = |active: u8, concept: &str| format!("x\t20260101\t{active}\tm\tr\t{concept}\n");
    let file = format!("{heading}{}{}{}", row(1, "73211009"), row(0, "38341003"), row(1, "371772001"));
    let about = |rules: &Rules, code: &str| {
        let code = Code { system: CodeSystem::Snomed, code: code.to_owned(), display: String::new() };
        let item = TextItem { kind: "problem".to_owned(), text: String::new(), codes: vec![code] };
        rules.screen(&item).matches.first().map(|found| found.rule.clone())
    };
    let loaded = Rules::built_in().with_refset("ours", Category::ChildSafeguarding, &file).unwrap();
    assert_eq!(about(&loaded, "73211009").as_deref(), Some("refset.ours"));
    assert_eq!(about(&loaded, "38341003"), None, "inactive");
    assert_eq!(about(&loaded, "371772001"), about(rules(), "371772001"));
    let list = Rules::built_in().with_refset("list", Category::DomesticAbuse, "# ours\n73211009\n").unwrap();
    assert_eq!(about(&list, "73211009").as_deref(), Some("refset.list"));
    let slip = Rules::built_in().with_refset("ours", Category::DomesticAbuse, "73211009\nabc\n").unwrap_err();
    assert!(slip.to_string().contains("line 2"), "{slip}");
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

#[test]
fn what_is_left_after_the_suggestions_is_not_held_for_resembling() {
    let mut seen = 0;
    for file in ["dev", "dev-pairs", "hard"] {
        let path = format!("{}/tests/data/screening/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let mut text = line["text"].as_str().unwrap().replace(['«', '»'], "");
            let screening = rules().screen_entry(&entry(vec![part("1", "", &text)]));
            let mut gone: Vec<_> =
                screening.findings.iter().flat_map(|found| &found.suggested).filter_map(|place| place.span).collect();
            if screening.lane != Lane::Hold || gone.is_empty() {
                continue;
            }
            gone.sort_unstable();
            let ends: Vec<bool> = (0..text.len()).map(|at| !gone.iter().any(|s| s.start <= at && at < s.end)).collect();
            text = text.char_indices().filter(|(at, _)| ends[*at]).map(|(_, c)| c).collect();
            let left = rules().screen_entry(&entry(vec![part("1", "", &text)]));
            let again =
                left.findings.iter().find(|found| found.rule == "statistics.resembles" && found.tier >= Tier::Cue);
            assert!(again.is_none(), "{}: {again:?}", line["id"]);
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen}");
}
