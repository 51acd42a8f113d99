//! A sentence cut to a width, so that the words that were marked in it are always in sight.

use unicode_width::UnicodeWidthStr;

use crate::record::{Shown, Span};

const ELLIPSIS: &str = "…";

/// What is shown of a sentence, safe to draw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// What stands before the marked words, with an ellipsis where something is missing.
    pub before: String,
    /// The marked words; empty where nothing is marked.
    pub marked: String,
    /// What stands after them, with an ellipsis where something is missing.
    pub after: String,
    /// Whether something is missing.
    pub cut: bool,
}

impl Excerpt {
    /// Cuts `sentence` to at most `room` columns around `marked`, in bytes of it. A mark on the whole
    /// sentence marks nothing: nothing would stand out.
    pub fn new(sentence: &str, marked: Span, room: usize) -> Self {
        let pieces: Vec<(usize, String)> =
            Shown::with_map(sentence).into_iter().map(|(at, piece)| (at, piece.replace('\n', " "))).collect();
        let whole = sentence.trim();
        let marked =
            if marked.of(sentence).is_some_and(|words| words.trim() == whole) { Span::new(0, 0) } else { marked };
        let ends = pieces.iter().skip(1).map(|(at, _)| *at).chain([sentence.len()]);
        let (from, to) = match marked.is_empty() {
            true => (0, 0),
            false => {
                let from = ends.take_while(|end| *end <= marked.start).count();
                (from, pieces.iter().take_while(|(at, _)| *at < marked.end).count().max(from))
            }
        };
        let pieces: Vec<&str> = pieces.iter().map(|(_, piece)| piece.as_str()).collect();
        let (before, rest) = pieces.split_at(from.min(pieces.len()));
        let (mark, after) = rest.split_at((to - from).min(rest.len()));
        let [left, middle, right] = [before, mark, after].map(width);
        if left + middle + right <= room {
            return Self { before: before.concat(), marked: mark.concat(), after: after.concat(), cut: false };
        }
        let signs = usize::from(left > 0) + usize::from(right > 0);
        if middle + signs > room {
            // Not even the mark fits: its beginning says most.
            let before = if left > 0 && room > 1 { ELLIPSIS } else { "" };
            let marked = head(mark, room.saturating_sub(before.width() + 1));
            let after = if room > 0 { ELLIPSIS } else { "" };
            return Self { before: before.to_owned(), marked, after: after.to_owned(), cut: true };
        }
        let spare = room - middle;
        let budget = (spare / 2).max(spare.saturating_sub(right));
        let before = if left <= budget { before.concat() } else { format!("{ELLIPSIS}{}", tail(before, budget - 1)) };
        let budget = spare - before.width();
        let after = match right <= budget {
            true => after.concat(),
            false => format!("{}{ELLIPSIS}", head(after, budget - 1).trim_end()),
        };
        Self { before, marked: mark.concat(), after, cut: true }
    }
}

fn width(pieces: &[&str]) -> usize {
    pieces.iter().map(|piece| piece.width()).sum()
}

/// As many of the first pieces as fit.
fn head(pieces: &[&str], room: usize) -> String {
    let mut used = 0;
    let fits = pieces.iter().take_while(|piece| {
        used += piece.width();
        used <= room
    });
    fits.copied().collect()
}

/// As many of the last pieces as fit, from the beginning of a word where there is one.
fn tail(pieces: &[&str], room: usize) -> String {
    let mut used = 0;
    let fit = pieces.iter().rev().take_while(|piece| {
        used += piece.width();
        used <= room
    });
    let from = pieces.len() - fit.count();
    let kept = pieces.get(from..).unwrap_or_default();
    let cuts_a_word = pieces.get(from.wrapping_sub(1)).is_some_and(|piece| !piece.trim().is_empty());
    let gap = kept.iter().position(|piece| piece.trim().is_empty()).filter(|gap| cuts_a_word && gap + 1 < kept.len());
    let kept = kept.get(gap.map_or(0, |gap| gap + 1)..).unwrap_or_default().concat();
    if gap.is_some() || !cuts_a_word { kept.trim_start().to_owned() } else { kept }
}
