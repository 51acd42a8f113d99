//! What to think about before a redaction is decided. Hints, never a decision.

use std::collections::BTreeSet;

use super::document::{Document, Stretch};
use super::redaction::Removals;
use crate::record::{Sex, Span};
use crate::review::{cautions, fragments, pointers};

/// The warnings, a sentence each, most important first. `kept` are the matches that the person chose to leave in,
/// by index; `shown` is what would be shown, where anything is.
pub fn warnings(
    document: &Document,
    removals: &Removals,
    kept: &BTreeSet<usize>,
    shown: Option<&Document>,
    patient: Sex,
) -> Vec<String> {
    let mut out = Vec::new();
    for stretch in removals.stretches() {
        let Some(line) = document.lines.get(stretch.line) else { continue };
        let found = match stretch.span {
            Some(span) => cautions(&line.text, span),
            None => {
                let mut found = cautions(&line.text, Span::new(0, line.text.len()));
                found.extend(cautions(&line.code, Span::new(0, line.code.len())));
                found
            }
        };
        for caution in found {
            let sentence = format!("“{}”: {}", excerpt(document, stretch), caution.words());
            if !out.contains(&sentence) {
                out.push(sentence);
            }
        }
    }
    for (index, line) in document.lines.iter().enumerate() {
        let cut: Vec<Span> =
            removals.stretches().iter().filter(|cut| cut.line == index).filter_map(|cut| cut.span).collect();
        let named = |span: Span| excerpt(document, Stretch { line: index, span: Some(span) });
        for piece in fragments(&line.text, &cut) {
            out.push(format!("“{}” makes no sense by itself: take it out too, or less", named(piece)));
        }
        for sentence in pointers(&line.text, &cut, patient) {
            out.push(format!("“{}” still points at what was taken out", named(sentence)));
        }
    }
    if let Some(shown) = shown {
        let standing = still_standing(&removed_words(document, removals), shown);
        if !standing.is_empty() {
            let words: Vec<String> = standing.iter().take(4).map(|word| format!("“{word}”")).collect();
            let more = if standing.len() > 4 { " and others" } else { "" };
            out.push(format!("taken out here, still standing elsewhere: {}{more}", words.join(", ")));
        }
    }
    let readable = document.matches.iter().enumerate().filter_map(|(index, found)| {
        let place = found.place.filter(|place| !removals.contains(document, *place))?;
        (!kept.contains(&index)).then(|| format!("{} “{}”", found.number, excerpt(document, place)))
    });
    let readable: Vec<String> = readable.collect();
    if !readable.is_empty() && !removals.is_empty() {
        out.push(format!("still to be read: {}", readable.join(", ")));
    }
    out
}

/// The first words of a stretch.
pub fn excerpt(document: &Document, stretch: Stretch) -> String {
    let Some(line) = document.lines.get(stretch.line) else { return String::new() };
    let text = match stretch.span {
        Some(span) => span.of(&line.text).unwrap_or_default(),
        None if line.code.is_empty() => &line.text,
        None => &line.code,
    };
    let words: Vec<&str> = text.split_whitespace().take(6).collect();
    let more = if text.split_whitespace().count() > 6 { " …" } else { "" };
    format!("{}{more}", words.join(" "))
}

/// The words taken out that say who, or what was found: names, people by what they are to somebody, and the words of
/// a match. What else stands in a text stands there a second time without giving anything away.
fn removed_words(document: &Document, removals: &Removals) -> Vec<String> {
    let mut out = Vec::new();
    for stretch in removals.stretches() {
        let Some(line) = document.lines.get(stretch.line) else { continue };
        match stretch.span {
            Some(span) => out.extend(telling(document, stretch.line, span.of(&line.text).unwrap_or_default())),
            None => {
                out.extend(long_words(&line.code));
                out.extend(telling(document, stretch.line, &line.text));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

fn telling(document: &Document, line: usize, text: &str) -> Vec<String> {
    let whole = document.lines.get(line).map(|line| line.text.as_str()).unwrap_or_default();
    let places = document.matches.iter().filter_map(|found| found.place.filter(|place| place.line == line)?.span);
    let found: BTreeSet<String> =
        places.filter_map(|span| span.of(whole)).flat_map(long_words).map(|word| word.to_lowercase()).collect();
    let named = |word: &str| {
        let begins = |at: usize| {
            text.get(..at)
                .is_none_or(|before| before.trim_end().ends_with(['.', '!', '?', ':']) || before.trim().is_empty())
        };
        word.starts_with(char::is_uppercase) && text.match_indices(word).any(|(at, _)| !begins(at))
    };
    let tells = |word: &String| {
        let low = word.to_lowercase();
        named(word) || found.contains(&low) || PEOPLE.contains(&low.as_str())
    };
    long_words(text).into_iter().filter(tells).collect()
}

fn still_standing(removed: &[String], shown: &Document) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for line in &shown.lines {
        kept.extend(long_words(&line.code));
        kept.extend(long_words(&line.text));
    }
    let kept: BTreeSet<String> = kept.into_iter().map(|word| word.to_lowercase()).collect();
    let mut found: Vec<String> = removed.iter().filter(|word| kept.contains(&word.to_lowercase())).cloned().collect();
    // Names first: they identify.
    found.sort_by_key(|word| !word.starts_with(char::is_uppercase));
    found
}

/// What people are to somebody.
const PEOPLE: [&str; 24] = [
    "aunt",
    "boyfriend",
    "brother",
    "carer",
    "cousin",
    "daughter",
    "father",
    "fiancé",
    "girlfriend",
    "grandad",
    "grandfather",
    "grandmother",
    "husband",
    "landlord",
    "mother",
    "nephew",
    "neighbour",
    "niece",
    "partner",
    "sister",
    "stepfather",
    "stepmother",
    "uncle",
    "wife",
];

/// Words that say nothing about who or what.
const COMMON: [&str; 40] = [
    "about", "after", "again", "also", "always", "because", "before", "being", "could", "during", "every", "first",
    "given", "having", "however", "later", "might", "months", "never", "night", "other", "patient", "really", "review",
    "should", "since", "still", "their", "there", "these", "thing", "things", "those", "today", "under", "until",
    "weeks", "where", "which", "would",
];

fn long_words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 5)
        .filter(|word| !COMMON.contains(&word.to_lowercase().as_str()))
        .map(str::to_owned)
        .collect()
}

/// The sex that `F 34` names.
pub fn sex_of(sex_age: &str) -> Sex {
    match sex_age.chars().next() {
        Some('F') => Sex::Female,
        Some('M') => Sex::Male,
        _ => Sex::Unknown,
    }
}
