//! Stretches of text: byte ranges that people select, on the edges that people see.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// A half-open byte range of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// A span of `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Whether it holds no byte.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether a byte is in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether every byte of `other` is in this one.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The bytes of `text`, or `None` when the span does not lie on its character edges.
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }
}

/// The words of `text` with the punctuation that is attached to them: a word is a run without white space.
pub fn words(text: &str) -> Vec<Span> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        let space = grapheme.chars().all(char::is_whitespace);
        match (space, start) {
            (true, Some(from)) => {
                words.push(Span::new(from, at));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push(Span::new(from, text.len()));
    }
    words
}

/// The sentences of `text`, without the white space around them.
///
/// Clinical shorthand is full of stops that end nothing (`r/v 1/52. Pt. seen`, `5.5 mg`), so a stop
/// ends a sentence only before white space and a capital, digit or quote; a line break always does.
pub fn sentences(text: &str) -> Vec<Span> {
    const ABBREVIATIONS: [&str; 16] =
        ["dr", "mr", "mrs", "ms", "miss", "pt", "st", "prof", "approx", "e.g", "i.e", "eg", "ie", "vs", "no", "tel"];
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut push = |start: usize, end: usize| {
        let piece = &text[start..end];
        let from = start + (piece.len() - piece.trim_start().len());
        let to = end - (piece.len() - piece.trim_end().len());
        if from < to {
            sentences.push(Span::new(from, to));
        }
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let ends = match bytes[at] {
            b'\n' => true,
            b'!' | b'?' | b'.' => {
                let mut next = at + 1;
                while next < bytes.len() && matches!(bytes[next], b'.' | b'!' | b'?' | b'"' | b'\'' | b')') {
                    next += 1;
                }
                // Only ASCII was stepped over, so this is a character edge.
                let rest = text.get(next..).unwrap_or_default();
                let spaced = rest.starts_with([' ', '\t', '\n', '\r']);
                let capital = rest.trim_start().chars().next().is_none_or(|c| !c.is_lowercase());
                let word = text[start..at].rsplit([' ', '\n', '(']).next().unwrap_or_default();
                let abbreviation = bytes[at] == b'.' && ABBREVIATIONS.contains(&word.to_lowercase().as_str());
                if rest.is_empty() || (spaced && capital && !abbreviation) {
                    at = next - 1;
                    true
                } else {
                    false
                }
            }
            _ => false,
        };
        at += 1;
        if ends {
            push(start, at);
            start = at;
        }
    }
    push(start, text.len());
    sentences
}

/// The smallest span of whole words that covers `span`, or `None` when it covers no word of `text`.
pub fn snap_to_words(text: &str, span: Span) -> Option<Span> {
    let covered: Vec<Span> = words(text).into_iter().filter(|word| word.overlaps(span)).collect();
    Some(Span::new(covered.first()?.start, covered.last()?.end))
}
