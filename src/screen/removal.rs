//! The smallest stretch whose removal leaves the rest safe: the sentences that tell of it.

use super::reading::Reading;
use crate::record::Span;

/// The sentences of `reading` that `span` touches, as one stretch.
pub(super) fn suggested(reading: &Reading, span: Span) -> Option<Span> {
    let mut touched = reading.sentences.iter().filter(|sentence| sentence.overlaps(span));
    let first = *touched.next()?;
    let last = touched.next_back().copied().unwrap_or(first);
    Some(Span::new(first.start, last.end))
}

/// Joins stretches that overlap or have only white space between them.
pub(super) fn joined(text: &str, mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if text.get(last.end..span.start).is_none_or(|between| between.trim().is_empty()) => {
                last.end = last.end.max(span.end);
            }
            _ => joined.push(span),
        }
    }
    joined
}
