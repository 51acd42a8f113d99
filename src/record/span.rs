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

/// Written with a stop that ends nothing, whatever follows.
const SHORT: [&str; 14] =
    ["dr", "drs", "mr", "mrs", "ms", "prof", "st", "approx", "e.g", "i.e", "eg", "ie", "vs", "tel"];

/// Written with a stop that ends nothing when a small letter follows.
const SHORT_BEFORE_SMALL: [&str; 34] = [
    "abdo", "appt", "cap", "caps", "cf", "cont", "dept", "diff", "esp", "etc", "ext", "fh", "g", "hosp", "hr", "hrs",
    "inc", "incl", "max", "mcg", "mg", "min", "mins", "ml", "mth", "mths", "poss", "prev", "ref", "resp", "tab",
    "tabs", "wk", "yr",
];

/// A line this long, in bytes, was broken by a margin and not by the writer.
const WRAPPED: usize = 60;

/// The sentences of `text`, in order, without the white space around them. Every byte that is not white
/// space is in exactly one.
///
/// Clinical shorthand is full of stops that end nothing (`r/v 1/52. Pt. seen`, `5.5 mg`, `e.g.`), of query
/// marks that stand before what they query (`? DVT`), and of sentences that begin with a small letter
/// (`seen w mum. says dad hits him.`). Too short a sentence leaves half of a disclosure behind when it is
/// removed, too long a one takes a line of care with it: where it is in doubt, it goes on.
///
/// A line break ends a sentence, except where a line as long as a margin is followed by a small letter. The
/// label of a list (`1.`, `b)`, `-`) belongs to what follows it.
pub fn sentences(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    sentences_into(text, &mut found);
    found
}

/// The same, added to a list.
pub fn sentences_into(text: &str, sentences: &mut Vec<Span>) {
    let mut start = 0;
    let mut line = 0;
    let mut push = |start: usize, end: usize| {
        let piece = text.get(start..end).unwrap_or_default();
        let from = start + (piece.len() - piece.trim_start().len());
        let to = start + piece.trim_end().len();
        if from < to {
            sentences.push(Span::new(from, to));
        }
    };
    let bytes = text.as_bytes();
    let may_end = |byte: &u8| MAY_END.get(usize::from(*byte)).is_some_and(|may| *may);
    let mut at = 0;
    while let Some(plain) = bytes.get(at..).map(|rest| rest.iter().position(may_end)) {
        let Some(plain) = plain else { break };
        at += plain;
        let Some(&byte) = bytes.get(at) else { break };
        let (end, ends) = match byte {
            b'.' | b'!' | b'?' => stop(text, start, at),
            b'\n' | b'\r' | 0xc2 | 0xe2 => match break_end(text, at) {
                Some(end) => {
                    let wrapped = at - line >= WRAPPED && goes_on(text.get(end..).unwrap_or_default());
                    line = end;
                    (end, !wrapped)
                }
                None => (at + 1, false),
            },
            _ => (at + 1, false),
        };
        if ends {
            push(start, end);
            start = end;
        }
        at = end;
    }
    push(start, text.len());
}

/// The bytes at which a sentence may end: stops, line breaks, and the first bytes of the wider line breaks.
const MAY_END: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = [b'.', b'!', b'?', b'\n', b'\r', 0xc2, 0xe2];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Where the line break that begins at `at` ends.
fn break_end(text: &str, at: usize) -> Option<usize> {
    let breaks = ["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"];
    let rest = text.as_bytes().get(at..)?;
    breaks.into_iter().find(|end| rest.starts_with(end.as_bytes())).map(|end| at + end.len())
}

/// Whether a line goes on with the sentence of the line before.
fn goes_on(line: &str) -> bool {
    line.starts_with(char::is_lowercase)
}

/// Where the run of marks that begins at `at` ends, and whether it ends the sentence from `start`. Only ASCII
/// and the closing curly quotes are stepped over, so every index is a character edge.
fn stop(text: &str, start: usize, at: usize) -> (usize, bool) {
    let after = text.get(at..).unwrap_or_default();
    let rest = after.trim_start_matches(['.', '!', '?', '…', '"', '\'', ')', ']', '’', '”']);
    let end = text.len() - rest.len();
    let marks = text.get(at..end).unwrap_or_default();
    let before = text.get(start..at).unwrap_or_default();
    (end, ends_sentence(before, marks, rest))
}

fn ends_sentence(before: &str, marks: &str, rest: &str) -> bool {
    let Some(next) = rest.trim_start().chars().next() else { return true };
    if !rest.starts_with(char::is_whitespace) {
        return false;
    }
    if before.is_empty() || before.ends_with(char::is_whitespace) {
        // `? DVT`; but a lone full stop is a stop with a space too many.
        return marks.starts_with('.') && !before.trim().is_empty() && !next.is_lowercase();
    }
    if !marks.starts_with('.') {
        return !next.is_lowercase() || !marks.ends_with(['"', '\'', ')', ']', '’', '”']);
    }
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let alone = before.trim_start() == word;
    let figure = word.bytes().all(|c| c.is_ascii_digit());
    let is_one = |shorts: &[&str]| shorts.iter().any(|short| word.eq_ignore_ascii_case(short));
    let label = alone && ((figure && word.len() < 3) || word.len() == 1);
    let number = is_one(&["no"]) && next.is_ascii_digit();
    let patient = is_one(&["pt"]) && alone;
    if label || number || patient || is_one(&SHORT) {
        return false;
    }
    // `"Go away." she said`, `waited... then left`, `p.m. today`.
    let goes_on = marks.len() > 1 || figure || word.len() == 1 || word.contains('.') || is_one(&SHORT_BEFORE_SMALL);
    !(next.is_lowercase() && goes_on)
}

/// What may stand before a word, and after it, without being part of it.
const OPENERS: [char; 3] = ['(', '[', '{'];
const CLOSERS: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', ']', '}'];

/// The smallest span of whole words that covers `span`, or `None` when it covers no word of `text`.
///
/// A word is a run without white space, so an affix, a possessive, or the other half of `wife/carer` goes
/// along. So does what a break or a stray space has parted from it: `hus-` before `band`, `'s` after
/// `husband`. Stops and brackets at either end stay where `span` does not hold them: they are part of what
/// stands around.
pub fn snap_to_words(text: &str, span: Span) -> Option<Span> {
    let words = words(text);
    let first = words.iter().position(|word| word.overlaps(span))?;
    let last = words.iter().rposition(|word| word.overlaps(span))?;
    let of = |index: usize| words.get(index).and_then(|word| word.of(text)).unwrap_or_default();
    let mut from = first;
    while from > 0 && leads_on(of(from - 1)) {
        from -= 1;
    }
    let mut to = last;
    while to + 1 < words.len() && (leads_on(of(to)) || follows_on(of(to + 1))) {
        to += 1;
    }
    // What is left of the span keeps its openers, what is right of it its closers.
    let (left, right) = (words.get(from)?, words.get(to)?);
    let lead = text.get(left.start..span.start.min(left.end)).unwrap_or_default();
    let start = left.start + lead.len() - lead.trim_start_matches(OPENERS).len();
    let tail = text.get(span.end.max(right.start)..right.end).unwrap_or_default();
    // A mark that something combines with is no longer only a mark.
    let closers: usize = tail.graphemes(true).rev().take_while(|c| is_one_of(c, &CLOSERS)).map(str::len).sum();
    Some(Span::new(start, right.end - closers))
}

fn is_one_of(grapheme: &str, chars: &[char]) -> bool {
    let mut rest = grapheme.chars();
    rest.next().is_some_and(|c| chars.contains(&c)) && rest.next().is_none()
}

const HYPHENS: [char; 5] = ['-', '\u{2010}', '\u{2011}', '\u{ad}', '/'];

/// Whether a word was cut off and goes on in the next: `hus-`, `wife/`.
fn leads_on(word: &str) -> bool {
    word.strip_suffix(HYPHENS).is_some_and(|stem| stem.ends_with(char::is_alphanumeric))
}

/// Whether a word belongs to the one before: `'s`, `/carer`.
fn follows_on(word: &str) -> bool {
    let possessive = word.strip_prefix(['\'', '’']).map(|stem| stem.trim_end_matches(CLOSERS));
    possessive.is_some_and(|stem| ["s", "d", "ll", "re", "ve", "m", "t"].contains(&stem))
        || word.strip_prefix('/').is_some_and(|stem| stem.starts_with(char::is_alphabetic))
}
