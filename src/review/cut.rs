//! Taking words out of one text, so that what is left depends on the words that stay alone.

use unicode_segmentation::UnicodeSegmentation;

use super::rendition::RedactionError;
use crate::record::{Span, Style, snap_to_words};

/// The one mark of a [`Style::Marked`] removal: it says nothing of what it stands for, not even its length.
pub const MARK: &str = "[removed]";

const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
const STOPS: [char; 6] = ['.', ',', ';', ':', '!', '?'];
/// What stands before the thing it belongs to, and means nothing without it.
const BULLETS: [char; 9] = ['(', '[', '{', '-', '–', '—', '•', '*', '·'];

/// `span` snapped outwards to whole words, so that no affix, possessive or half character stays behind.
pub(super) fn whole_words(text: &str, span: Span) -> Result<Span, RedactionError> {
    let on_edge = |at: usize| at == text.len() || text.grapheme_indices(true).any(|(edge, _)| edge == at);
    if span.is_empty() || span.end > text.len() || !on_edge(span.start) || !on_edge(span.end) {
        return Err(RedactionError::OffText);
    }
    snap_to_words(text, span).ok_or(RedactionError::OffText)
}

/// The text with what reads like our mark rewritten, so that a reader never takes one for the other.
pub(super) fn unmarked(text: &str) -> String {
    let word = MARK.trim_matches(['[', ']']);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        match from.split_once(']') {
            Some((inside, after)) if inside.trim_start_matches('[').trim().eq_ignore_ascii_case(word) => {
                out.push('(');
                out.push_str(word);
                out.push(')');
                rest = after;
            }
            _ => {
                out.push('[');
                rest = from.strip_prefix('[').unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

/// The text outside `spans`, closed up. Every cut takes the white space around it along, and the
/// punctuation that would dangle; a line break or a blank line beside it stays.
pub(super) fn kept(text: &str, spans: Vec<Span>, style: Style) -> String {
    if spans.is_empty() {
        return unmarked(text);
    }
    let mut cuts = merged(text, spans);
    if style == Style::Silent {
        cuts = without_dangling(text, cuts);
    }
    let orphans = orphaned_brackets(text, &cuts);
    let pieces = pieces(text, &cuts).map(|piece| {
        let of = piece.of(text).unwrap_or_default();
        let kept = of.char_indices().filter(|(at, _)| !orphans.contains(&(piece.start + at)));
        kept.map(|(_, c)| c).collect::<String>()
    });
    match style {
        // Only now: the ends of two pieces may come to read like a mark.
        Style::Silent => unmarked(&joined(pieces, None)),
        Style::Marked => joined(pieces.map(|piece| unmarked(&piece)), Some(MARK)),
    }
}

/// `spans` in order, as one where only white space stands between.
fn merged(text: &str, mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if text.get(last.end..span.start).is_none_or(|gap| gap.trim().is_empty()) => {
                last.end = last.end.max(span.end);
            }
            _ => merged.push(span),
        }
    }
    merged
}

/// What is left around `cuts`, one more than those.
fn pieces<'a>(text: &'a str, cuts: &'a [Span]) -> impl Iterator<Item = Span> + 'a {
    let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut.end));
    let ends = cuts.iter().map(|cut| cut.start).chain(std::iter::once(text.len()));
    starts.zip(ends).map(|(start, end)| Span::new(start, end))
}

/// `cuts` widened over bullets before them, and stops and brackets after them, that stand for nothing now.
fn without_dangling(text: &str, mut cuts: Vec<Span>) -> Vec<Span> {
    loop {
        let mut wider = cuts.clone();
        for (at, cut) in wider.iter_mut().enumerate() {
            let from = at.checked_sub(1).and_then(|before| cuts.get(before)).map_or(0, |before| before.end);
            let to = cuts.get(at + 1).map_or(text.len(), |after| after.start);
            let before = text.get(from..cut.start).unwrap_or_default();
            let after = text.get(cut.end..to).unwrap_or_default();
            let pair = before.chars().next_back().zip(after.chars().next());
            if pair.is_some_and(|pair| BRACKETS.contains(&pair)) {
                // Brackets are one byte long.
                *cut = Span::new(cut.start - 1, cut.end + 1);
                continue;
            }
            let word = before.trim_end_matches(is_blank);
            let bullet = word.len() - word.trim_end_matches(BULLETS).len();
            let alone = word.len() - bullet == 0 || word.trim_end_matches(BULLETS).ends_with(char::is_whitespace);
            if bullet > 0 && alone && word.len() < before.len() {
                cut.start -= before.len() - word.len() + bullet;
            } else if let Some((blank, run)) = closing_run(after) {
                let stop = after.get(blank..).unwrap_or_default().chars().next();
                let carries = match stop {
                    Some(')' | ']' | '}') => !word.is_empty() && !word.ends_with(is_break),
                    _ => word.ends_with(|c: char| !c.is_whitespace() && !STOPS.contains(&c) && !BULLETS.contains(&c)),
                };
                if run > 0 && !carries {
                    cut.end += blank + 1;
                }
            }
        }
        let wider = merged(text, wider);
        if wider == cuts {
            return cuts;
        }
        cuts = wider;
    }
}

/// The stops and closing brackets with which `piece` begins: how much blank stands before them and how long
/// they are. A query mark that stands alone belongs to what follows it (`? DVT`).
fn closing_run(piece: &str) -> Option<(usize, usize)> {
    let run = piece.trim_start_matches(is_blank);
    let blank = piece.len() - run.len();
    let closes = |c: char| STOPS.contains(&c) || BRACKETS.iter().any(|(_, close)| *close == c);
    let after = run.trim_start_matches(closes);
    let length = run.len() - after.len();
    let ends = after.is_empty() || after.starts_with(char::is_whitespace);
    let queries = blank > 0 && run.starts_with('?');
    (length > 0 && ends && !queries).then_some((blank, length))
}

/// Where brackets stand whose partner is gone: on a line with a cut between them and its end.
fn orphaned_brackets(text: &str, cuts: &[Span]) -> Vec<usize> {
    let mut orphans = Vec::new();
    let mut open: Vec<(usize, char, usize)> = Vec::new();
    let mut cuts_on_line = 0;
    for (number, piece) in pieces(text, cuts).enumerate() {
        cuts_on_line += usize::from(number > 0);
        for (at, c) in piece.of(text).unwrap_or_default().char_indices() {
            let at = piece.start + at;
            if is_break(c) {
                orphans.extend(open.drain(..).filter(|(_, _, cuts)| *cuts < cuts_on_line).map(|(at, ..)| at));
                cuts_on_line = 0;
            } else if let Some((_, close)) = BRACKETS.iter().find(|(open, _)| *open == c) {
                open.push((at, *close, cuts_on_line));
            } else if BRACKETS.iter().any(|(_, close)| *close == c) {
                match open.iter().rposition(|(_, close, _)| *close == c) {
                    Some(partner) => drop(open.remove(partner)),
                    None if cuts_on_line > 0 => orphans.push(at),
                    None => {}
                }
            }
        }
    }
    orphans.extend(open.into_iter().filter(|(_, _, cuts)| *cuts < cuts_on_line).map(|(at, ..)| at));
    orphans
}

/// `pieces` with the gaps that a reader expects, and `mark` in each.
fn joined(pieces: impl Iterator<Item = String>, mark: Option<&str>) -> String {
    let mut out = String::new();
    let mut gap = Gap::default();
    let mut cut = false;
    for (number, piece) in pieces.enumerate() {
        cut |= number > 0;
        let words = piece.trim();
        if words.is_empty() {
            gap.widen(&piece);
            continue;
        }
        let lead = piece.get(..piece.len() - piece.trim_start().len()).unwrap_or_default();
        if let Some(mark) = mark.filter(|_| cut) {
            gap.put(&mut out);
            out.push_str(mark);
            gap = Gap::default();
        }
        gap.widen(lead);
        gap.glued |= cut && closing_run(&piece).is_some();
        gap.put(&mut out);
        out.push_str(words);
        cut = false;
        let trail = piece.get(lead.len() + words.len()..).unwrap_or_default();
        gap = Gap { glued: trail.is_empty() && words.ends_with(['(', '[', '{']), breaks: 0 };
        gap.widen(trail);
    }
    if let Some(mark) = mark.filter(|_| cut) {
        gap.put(&mut out);
        out.push_str(mark);
    }
    out
}

/// The white space between two kept words with a cut between them.
#[derive(Default)]
struct Gap {
    breaks: usize,
    /// What stands on both sides has no space between: a bracket, a stop.
    glued: bool,
}

impl Gap {
    fn widen(&mut self, space: &str) {
        let breaks = space.replace("\r\n", "\n").chars().filter(|c| is_break(*c)).count();
        // A blank line is the widest gap that a reader may see.
        self.breaks = self.breaks.max(breaks.min(2));
    }

    fn put(&self, out: &mut String) {
        if !out.is_empty() && (self.breaks > 0 || !self.glued) {
            out.push_str(["\u{20}", "\n", "\n\n"].get(self.breaks).copied().unwrap_or(" "));
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space within a line.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !is_break(c)
}
