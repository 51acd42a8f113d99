//! The smallest stretch whose removal leaves the rest safe: the sentences that tell of it.

use super::lanes;
use super::reading::Reading;
use crate::record::Span;

/// The sentences of `reading` that `span` touches, and those beside them that go on about it, as one stretch.
///
/// `scores` is what the model says of each sentence. A neighbour goes too when it resembles a disclosure itself,
/// or when it only makes sense after what goes: it starts with “he”, “says”, “asked” and names nothing clinical.
pub(super) fn suggested(reading: &Reading, span: Span, scores: &[f32]) -> Option<Span> {
    let mut first = reading.sentences.partition_point(|sentence| sentence.end <= span.start);
    let mut last = reading.sentences.partition_point(|sentence| sentence.start < span.end).checked_sub(1)?;
    let farthest = (first.saturating_sub(STORY), last + STORY);
    let goes_too = |at: usize| {
        let score = scores.get(at).copied().unwrap_or(f32::MIN);
        score >= lanes::SCORE_THAT_GOES_TOO || (score >= lanes::SCORE_THAT_FOLLOWS && continues(reading, at))
    };
    while first > farthest.0 && goes_too(first - 1) && same_paragraph(reading, first - 1) {
        first -= 1;
    }
    while last < farthest.1 && goes_too(last + 1) && same_paragraph(reading, last) {
        last += 1;
    }
    Some(Span::new(reading.sentences.get(first)?.start, reading.sentences.get(last)?.end))
}

/// A story goes on for at most so many sentences on either side.
const STORY: usize = 6;

/// Whether no line break stands between sentence `at` and the next.
fn same_paragraph(reading: &Reading, at: usize) -> bool {
    match (reading.sentences.get(at), reading.sentences.get(at + 1)) {
        (Some(a), Some(b)) => !reading.text.get(a.end..b.start).unwrap_or_default().contains('\n'),
        _ => false,
    }
}

/// Words with which a sentence goes on from the one before.
const CONTINUING: [&str; 22] = [
    "he", "she", "they", "her", "his", "says", "said", "asked", "told", "has", "had", "this", "it", "when", "and",
    "mum", "dad", "wants", "does", "police", "sw", "also",
];

fn continues(reading: &Reading, at: usize) -> bool {
    let start = reading.sentence_tokens(at as u32).start;
    let word = reading.tokens.get(start).and_then(|token| token.span.of(reading.text)).unwrap_or_default();
    CONTINUING.iter().any(|known| known.eq_ignore_ascii_case(word))
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
