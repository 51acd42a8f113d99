//! What holds for every text and every row of keys.

use std::cell::RefCell;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{on_screen, practice, sized};
use anteroom::protocol::{Opened, Request};
use anteroom::record::{Act, Category, EntryId, Span, Style, Tier};
use anteroom::review::render;
use anteroom::tui::document::{Document, Field, Laid, Stretch};
use anteroom::tui::redaction::{Removals, Selection, Size};
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// Text as records hold it, and text as attackers write it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z]{1,12}",
        2 => prop::sample::select(vec![
            "Siân", "日本語", "e\u{301}", "👩‍👩‍👧", "🇬🇧", "r/v 1/52.", "5.5 mg.", "£20", "\u{200b}", "\u{202e}", "\u{1b}[31m", "\t", "\r",
            "\u{7}", "\u{9b}2J", "\u{ad}", "[removed]", "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let gap = prop::sample::select(vec![" ", " ", " ", ". ", ".\n", "\n\n", "\r\n", ", "]);
    prop::collection::vec((piece, gap), 0..30).prop_map(|pieces| pieces.into_iter().map(|(a, b)| a + b).collect())
}

/// An entry of up to four lines, some with a code, and with a finding on each text.
fn opened() -> impl Strategy<Value = Opened> {
    prop::collection::vec((text(), any::<bool>(), 0usize..3), 1..5).prop_map(|lines| {
        let mut parts = Vec::new();
        let mut findings = Vec::new();
        for (i, (text, coded, heading)) in lines.into_iter().enumerate() {
            let id = format!("p{i}");
            if let Some(word) = anteroom::record::words(&text).get(1).and_then(|span| span.of(&text)) {
                findings.push(practice::finding(&id, &text, word, Category::DomesticAbuse, Tier::Disclosure, "why"));
            }
            let display = if coded { "History of abuse" } else { "" };
            parts.push(practice::part(&id, ["History", "Plan", ""][heading], display, &text));
        }
        practice::entry(
            1,
            30,
            Tier::Disclosure,
            "HOLT Marie",
            "F 34",
            "app",
            "Consultation",
            "Dr Shah",
            &["why"],
            parts,
            findings,
        )
    })
}

fn on_edges(document: &Document, stretch: Stretch) -> bool {
    let Some(line) = document.lines.get(stretch.line) else { return false };
    let edge = |at: usize| at == line.text.len() || line.text.grapheme_indices(true).any(|(edge, _)| edge == at);
    stretch.span.is_none_or(|span: Span| !span.is_empty() && edge(span.start) && edge(span.end))
}

/// One step on the redaction page.
fn walk(selection: &mut Selection, document: &Document, step: u8) {
    match step % 8 {
        0 => selection.step(document, true),
        1 => selection.step(document, false),
        2 => drop(selection.climb(document, true)),
        3 => drop(selection.climb(document, false)),
        4 => selection.toggle_anchor(),
        5 => drop(selection.resize(document, Size::ALL[usize::from(step / 8) % Size::ALL.len()])),
        6 => {
            selection.go_to(document, usize::from(step / 8) % document.lines.len().max(1), Some(usize::from(step) * 3))
        }
        _ => {
            if let Some(found) = Selection::on_match(document, usize::from(step / 8)) {
                *selection = found;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_selected_lies_on_the_edges_of_characters(opened in opened(), steps in prop::collection::vec(any::<u8>(), 0..40)) {
        let document = Document::of_version(&opened.version, &opened.screening);
        if let Some(mut selection) = Selection::first(&document) {
            for step in steps {
                walk(&mut selection, &document, step);
                for stretch in selection.stretches(&document) {
                    prop_assert!(on_edges(&document, stretch), "{stretch:?} by {:?}", selection.size);
                }
            }
        }
    }

    #[test]
    fn what_is_taken_out_always_renders_and_keeping_it_again_changes_nothing(opened in opened(), steps in prop::collection::vec(any::<u8>(), 0..40)) {
        let document = Document::of_version(&opened.version, &opened.screening);
        let Some(mut selection) = Selection::first(&document) else { return Ok(()) };
        let mut removals = Removals::default();
        for step in steps {
            walk(&mut selection, &document, step);
            let stretches = selection.stretches(&document);
            if removals.is_empty() {
                let mut again = removals.clone();
                for stretch in &stretches {
                    again.remove(&document, *stretch);
                }
                for stretch in &stretches {
                    again.keep(&document, *stretch);
                }
                prop_assert_eq!(&again, &removals);
            }
            if step % 3 == 0 {
                for stretch in &stretches {
                    removals.remove(&document, *stretch);
                    prop_assert!(removals.contains(&document, *stretch));
                }
            }
            let record = removals.to_record(&opened.version);
            prop_assert_eq!(&Removals::from_record(&document, &opened.version, &record), &removals);
            let act = Act::Redact { removals: record, style: Style::Silent };
            prop_assert!(!matches!(render(&opened.version, &act), Err(error) if error != anteroom::review::RedactionError::NothingLeft));
        }
    }

    #[test]
    fn every_byte_of_a_text_is_on_exactly_one_row(text in text(), width in 20usize..90) {
        let part = practice::part("p", "History", "", &text);
        let opened = practice::entry(1, 1, Tier::Weak, "A B", "F 1", "app", "T", "Dr", &[], vec![part], vec![]);
        let laid = Laid::new(Document::of_version(&opened.version, &opened.screening), width, false);
        let mut at = 0;
        for row in &laid.rows {
            for (field, span) in &row.shows {
                prop_assert_eq!(*field, Field::Text);
                // Between rows only a line break is left out.
                let skipped = Span::new(at, span.start).of(&text).unwrap();
                prop_assert!(skipped.chars().all(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')), "{skipped:?}");
                at = span.end;
            }
        }
        let rest = &text[at..];
        prop_assert!(rest.chars().all(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')), "{rest:?} is not shown");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_preview_is_what_is_sent(opened in opened(), keys in prop::collection::vec(prop::sample::select(vec![
        "d", "backspace", "A", "t", "+", "-", "right", "left", "down", "up", "v", "tab", "w", "s", "l",
    ]), 1..25)) {
        let compared = RefCell::new(false);
        on_screen(sized(200, 90), Daemon::with(vec![opened.clone()]), async |screen| {
            screen.until("HOLT M").await;
            screen.press("r").await;
            for key in &keys {
                screen.press(key).await;
            }
            let before: String = screen.text().lines().skip(3).take_while(|line| !line.starts_with('─')).map(|line| {
                line.split_once('│').map_or("", |(_, right)| right).to_owned() + "\n"
            }).collect();
            screen.press("enter enter").await;
            let sent = screen.asked().into_iter().find_map(|asked| match asked {
                Request::Decide { act, .. } => Some(act),
                _ => None,
            });
            if let Some(act) = sent {
                let rendition = render(&opened.version, &act).unwrap();
                let document = Document::of_rendition(&rendition);
                let laid = Laid::new(document, 99, false);
                let after: String = laid.rows.iter().map(|row| {
                    let text: String = laid.glyphs(row).into_iter().map(|glyph| glyph.text).collect();
                    let heading = laid.heading(row);
                    let lead = format!(" {:<width$}", heading.as_str(), width = laid.indent - 1);
                    format!("{}\n", format!("{lead}{text}").trim_end())
                }).collect();
                let trim = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned();
                let (before, after) = (trim(&before), trim(&after));
                for (before, after) in before.lines().zip(after.lines()) {
                    assert_eq!(before, after);
                }
                assert_eq!(before.lines().count(), after.lines().count());
                *compared.borrow_mut() = true;
            }
        });
    }

    #[test]
    fn no_text_puts_a_control_character_on_the_screen(soup in any::<Vec<u8>>(), text in text()) {
        let soup = format!("{}{text}\u{1b}]0;title\u{7}\u{9b}31m\u{202e}", String::from_utf8_lossy(&soup));
        let part = practice::part(&soup, &soup, &soup, &soup);
        let mut opened = practice::entry(1, 30, Tier::Weak, &soup, &soup, &soup, &soup, &soup, &[&soup, &soup], vec![part], vec![]);
        opened.patient.flags = vec![soup.clone()];
        opened.patient.household = vec![soup.clone()];
        opened.patient.readers = vec![soup.clone()];
        opened.row.held_by = Some(soup.clone());
        let mut to_skim = opened.clone();
        to_skim.row.entry.0 = [2; 16];
        to_skim.row.state = anteroom::review::State::Skim;
        let daemon = Daemon::with(vec![opened, to_skim]).change(|inside| {
            inside.alarms = vec![soup.clone()];
            inside.sentences.insert(EntryId([2; 16]), (soup.clone(), Span::new(soup.len() / 3, soup.len() / 2)));
        });
        on_screen(sized(110, 30), daemon, async |screen| {
            screen.until("Waits").await;
            for keys in ["j", "enter", "c", "esc r", "A d", "x", "esc esc x", "1", "l", "esc", "S", "enter", "t"] {
                screen.press(keys).await;
                for cell in &screen.buffer().content {
                    let unsafe_character = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}');
                    assert!(!cell.symbol().chars().any(unsafe_character), "{:?} after {keys}", cell.symbol());
                }
            }
        });
    }
}
