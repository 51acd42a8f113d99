//! Choosing what to take out: one ladder of sizes, select first, then act. Pure arithmetic on text.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

use super::document::{Document, Line, Match, Stretch};
use crate::record::{EntryVersion, Removal, RemovalTarget, Span, sentences, snap_to_words, words};

/// How much one key press selects, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// What a reader takes for one character.
    Grapheme,
    /// A run without white space.
    Word,
    /// A match with the removal suggested for it.
    Match,
    /// A sentence.
    Sentence,
    /// A line of the text.
    Line,
    /// A paragraph; where a line of the record is one paragraph, with its code.
    Paragraph,
    /// The whole entry.
    All,
}

impl Size {
    /// Smallest first.
    pub const ALL: [Self; 7] =
        [Self::Grapheme, Self::Word, Self::Match, Self::Sentence, Self::Line, Self::Paragraph, Self::All];

    /// The word the header shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grapheme => "letter",
            Self::Word => "word",
            Self::Match => "match",
            Self::Sentence => "sentence",
            Self::Line => "line",
            Self::Paragraph => "paragraph",
            Self::All => "all",
        }
    }
}

/// What is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// By what it moves.
    pub size: Size,
    /// The end that moves.
    pub head: Stretch,
    /// The end that stays, while extending.
    pub anchor: Option<Stretch>,
    /// At [`Size::Match`]: the index of the match.
    pub matched: Option<usize>,
}

impl Selection {
    /// The first match, or the first word of an entry without one. `None` where there is nothing to select.
    pub fn first(document: &Document) -> Option<Self> {
        let mut matches = 0..document.matches.len();
        matches.find_map(|index| Self::on_match(document, index)).or_else(|| {
            let head = pieces_from(document, 0, Size::Word)?;
            Some(Self { size: Size::Word, head, anchor: None, matched: None })
        })
    }

    /// A match with its suggested removal; `None` when it is about the whole entry.
    pub fn on_match(document: &Document, index: usize) -> Option<Self> {
        let found = document.matches.get(index)?;
        let head = *extent(found).first()?;
        Some(Self { size: Size::Match, head, anchor: None, matched: Some(index) })
    }

    /// What is selected, in order, whole words where removal would take whole words.
    pub fn stretches(&self, document: &Document) -> Vec<Stretch> {
        if self.size == Size::All {
            return all(document);
        }
        if let (Size::Match, None, Some(index)) = (self.size, self.anchor, self.matched) {
            return document.matches.get(index).map(extent).unwrap_or_default();
        }
        let anchor = self.anchor.unwrap_or(self.head);
        let (from, to) = if key(anchor) <= key(self.head) { (anchor, self.head) } else { (self.head, anchor) };
        if from.line == to.line {
            let span = match (from.span, to.span) {
                (Some(from), Some(to)) => Some(Span::new(from.start, to.end.max(from.end))),
                _ => None,
            };
            return vec![Stretch { line: from.line, span }];
        }
        let mut stretches = Vec::new();
        for line in from.line..=to.line {
            let text = document.lines.get(line).map(|line| line.text.as_str()).unwrap_or_default();
            let span = match line {
                _ if line == from.line => from.span.map(|span| Span::new(span.start, text.len())),
                _ if line == to.line => to.span.map(|span| Span::new(0, span.end)),
                _ => None,
            };
            stretches.push(Stretch { line, span });
        }
        stretches
    }

    /// Moves by one piece of the current size. Stays where there is no further piece.
    pub fn step(&mut self, document: &Document, forward: bool) {
        if let (Size::Match, Some(index), None) = (self.size, self.matched, self.anchor) {
            let mut next = index;
            loop {
                next = match (forward, next) {
                    (true, next) if next + 1 < document.matches.len() => next + 1,
                    (false, next) if next > 0 => next - 1,
                    _ => return,
                };
                if let Some(selection) = Self::on_match(document, next) {
                    *self = selection;
                    return;
                }
            }
        }
        let size = if self.size == Size::Match { Size::Word } else { self.size };
        let here = pieces(document, self.head.line, size);
        let index = here.iter().rposition(|piece| key(*piece) <= key(self.head)).unwrap_or_default();
        let next = if forward { here.get(index + 1) } else { index.checked_sub(1).and_then(|index| here.get(index)) };
        let found = next.copied().or_else(|| {
            if forward {
                pieces_from(document, self.head.line + 1, size)
            } else {
                (0..self.head.line).rev().find_map(|line| pieces(document, line, size).pop())
            }
        });
        if let Some(head) = found {
            self.head = head;
        }
    }

    /// Puts the moving end on the piece that holds this byte of a line's text, or on its code.
    pub fn go_to(&mut self, document: &Document, line: usize, byte: Option<usize>) {
        let size = if self.size == Size::Match { Size::Word } else { self.size };
        if self.size == Size::Match {
            self.size = Size::Word;
            self.matched = None;
        }
        let target = (line, byte.map(|byte| byte + 1));
        let here = pieces(document, line, size);
        let found = here.iter().rposition(|piece| key(*piece) <= target).and_then(|index| here.get(index));
        if let Some(head) = found.or(here.first()) {
            self.head = *head;
        }
    }

    /// Selects by `size` around the moving end. Says no where that size does not exist here.
    pub fn resize(&mut self, document: &Document, size: Size) -> bool {
        match size {
            Size::All => {
                self.size = size;
                self.anchor = None;
                true
            }
            Size::Match => {
                let holding = |found: &Match| {
                    let touches = |stretch: &Stretch| {
                        stretch.line == self.head.line
                            && match (stretch.span, self.head.span) {
                                (Some(a), Some(b)) => a.overlaps(b),
                                _ => true,
                            }
                    };
                    extent(found).iter().chain(found.place.iter()).any(touches)
                };
                let index = document.matches.iter().position(holding);
                match index.and_then(|index| Self::on_match(document, index)) {
                    Some(selection) => {
                        *self = selection;
                        true
                    }
                    None => false,
                }
            }
            _ => {
                // From a match, start where its own words are, not where the suggested removal begins.
                let place = self.matched.filter(|_| self.size == Size::Match);
                let place = place.and_then(|index| document.matches.get(index)).and_then(|found| found.place);
                let head = place.unwrap_or(self.head);
                self.size = size;
                self.matched = None;
                self.anchor = None;
                self.head = head;
                self.go_to(document, head.line, head.span.map(|span| span.start));
                true
            }
        }
    }

    /// The next size on the ladder that selects something else, or none at its end.
    pub fn climb(&mut self, document: &Document, up: bool) -> bool {
        let now = self.stretches(document);
        let position = Size::ALL.iter().position(|size| *size == self.size).unwrap_or_default();
        let mut sizes: Vec<Size> = match up {
            true => Size::ALL[position + 1..].to_vec(),
            false => Size::ALL[..position].to_vec(),
        };
        if !up {
            sizes.reverse();
        }
        for size in sizes {
            let mut tried = self.clone();
            if tried.resize(document, size) && tried.stretches(document) != now {
                *self = tried;
                return true;
            }
        }
        false
    }

    /// Holds this end, or lets it go.
    pub fn toggle_anchor(&mut self) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => Some(self.head),
        };
    }
}

/// What acting on a match means: the removal suggested for it, or else its own words.
fn extent(found: &Match) -> Vec<Stretch> {
    if found.suggested.is_empty() { found.place.into_iter().collect() } else { found.suggested.clone() }
}

fn all(document: &Document) -> Vec<Stretch> {
    let holds = |line: &Line| !(line.code.is_empty() && line.text.trim().is_empty());
    let lines = document.lines.iter().enumerate().filter(|(_, line)| holds(line));
    lines.map(|(line, _)| Stretch { line, span: None }).collect()
}

fn key(stretch: Stretch) -> (usize, Option<usize>) {
    (stretch.line, stretch.span.map(|span| span.start + 1))
}

fn pieces_from(document: &Document, line: usize, size: Size) -> Option<Stretch> {
    (line..document.lines.len()).find_map(|line| pieces(document, line, size).first().copied())
}

/// The pieces of one line: its code, which goes only as a whole, then its text by `size`.
fn pieces(document: &Document, index: usize, size: Size) -> Vec<Stretch> {
    let Some(line) = document.lines.get(index) else { return Vec::new() };
    let text = line.text.as_str();
    let whole = Stretch { line: index, span: None };
    let mut found = Vec::new();
    if !line.code.is_empty() {
        found.push(whole);
    }
    let spans = match size {
        Size::Grapheme => text
            .grapheme_indices(true)
            .filter(|(_, grapheme)| !grapheme.trim().is_empty())
            .map(|(at, grapheme)| Span::new(at, at + grapheme.len()))
            .collect(),
        Size::Word | Size::Match => words(text),
        Size::Sentence => in_whole_words(text, sentences(text)),
        Size::Line => in_whole_words(text, blocks(text, "\n")),
        Size::Paragraph => in_whole_words(text, blocks(text, "\n\n")),
        Size::All => Vec::new(),
    };
    if size == Size::Paragraph && spans.len() == 1 {
        return vec![whole];
    }
    found.extend(spans.into_iter().map(|span| Stretch { line: index, span: Some(span) }));
    found
}

/// Each span as the words it touches, which is what a removal of it takes.
fn in_whole_words(text: &str, spans: Vec<Span>) -> Vec<Span> {
    let words = words(text);
    let covering = |span: &Span| {
        let first = words.partition_point(|word| word.end <= span.start);
        let last = words.partition_point(|word| word.start < span.end).checked_sub(1)?;
        let (first, last) = (words.get(first)?, words.get(last)?);
        (first.start <= last.start).then(|| Span::new(first.start, last.end))
    };
    let mut found: Vec<Span> = spans.iter().filter_map(covering).collect();
    found.dedup();
    found
}

/// What stands between separators, without the white space around it.
fn blocks(text: &str, separator: &str) -> Vec<Span> {
    let mut at = 0;
    let mut found = Vec::new();
    for block in text.split(separator) {
        let start = at + (block.len() - block.trim_start().len());
        let end = at + block.trim_end().len();
        if start < end {
            found.push(Span::new(start, end));
        }
        at += block.len() + separator.len();
    }
    found
}

/// What goes from one line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cut {
    Line,
    Text(Vec<Span>),
}

/// Everything taken out so far, in whole words, sorted and disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removals(BTreeMap<usize, Cut>);

impl Removals {
    /// From the form the protocol uses. Leaves out what does not fit the version.
    pub fn from_record(document: &Document, version: &EntryVersion, removals: &[Removal]) -> Self {
        let mut out = Self::default();
        for stretch in stretches_of(version, removals) {
            out.remove(document, stretch);
        }
        out
    }

    /// In the form the protocol uses.
    pub fn to_record(&self, version: &EntryVersion) -> Vec<Removal> {
        let mut out = Vec::new();
        for (line, cut) in &self.0 {
            let Some(part) = version.parts.get(*line) else { continue };
            let removal = |target| Removal { part: part.key.clone(), target };
            match cut {
                Cut::Line => out.push(removal(RemovalTarget::Line)),
                Cut::Text(spans) => out.extend(spans.iter().map(|span| removal(RemovalTarget::Text(*span)))),
            }
        }
        out
    }

    /// Whether nothing is taken out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is taken out, in order.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut out = Vec::new();
        for (line, cut) in &self.0 {
            match cut {
                Cut::Line => out.push(Stretch { line: *line, span: None }),
                Cut::Text(spans) => out.extend(spans.iter().map(|span| Stretch { line: *line, span: Some(*span) })),
            }
        }
        out
    }

    /// Whether all words of a stretch are taken out.
    pub fn contains(&self, document: &Document, stretch: Stretch) -> bool {
        let text = document.lines.get(stretch.line).map(|line| line.text.as_str()).unwrap_or_default();
        match (self.0.get(&stretch.line), stretch.span.map(|span| whole_words(text, span).unwrap_or(span))) {
            (Some(Cut::Line), _) => true,
            (Some(Cut::Text(spans)), Some(span)) => spans.iter().any(|cut| cut.contains(span)),
            _ => false,
        }
    }

    /// Takes a stretch out, snapped outwards to whole words as the rendition does.
    pub fn remove(&mut self, document: &Document, stretch: Stretch) {
        let Some(line) = document.lines.get(stretch.line) else { return };
        let Some(span) = stretch.span else {
            self.0.insert(stretch.line, Cut::Line);
            return;
        };
        let Some(span) = whole_words(&line.text, span) else { return };
        match self.0.entry(stretch.line).or_insert_with(|| Cut::Text(Vec::new())) {
            Cut::Line => {}
            Cut::Text(spans) => {
                let (touching, mut rest): (Vec<Span>, Vec<Span>) =
                    spans.iter().partition(|old| joins(&line.text, **old, span));
                let start = touching.iter().map(|old| old.start).min().unwrap_or(span.start).min(span.start);
                let end = touching.iter().map(|old| old.end).max().unwrap_or(span.end).max(span.end);
                rest.push(Span::new(start, end));
                rest.sort_unstable();
                *spans = rest;
            }
        }
    }

    /// Puts a stretch back. A code and its text come back together.
    pub fn keep(&mut self, document: &Document, stretch: Stretch) {
        let Some(line) = document.lines.get(stretch.line) else { return };
        let Some(cut) = self.0.get_mut(&stretch.line) else { return };
        if *cut == Cut::Line && line.code.is_empty() {
            *cut = Cut::Text(blocks(&line.text, "\u{0}"));
        }
        let rest = match (cut, stretch.span.and_then(|span| whole_words(&line.text, span))) {
            (Cut::Text(spans), Some(kept)) => {
                let mut rest = Vec::new();
                for old in spans.iter() {
                    for piece in [
                        Span::new(old.start, kept.start.clamp(old.start, old.end)),
                        Span::new(kept.end.clamp(old.start, old.end), old.end),
                    ] {
                        let text = piece.of(&line.text).unwrap_or_default();
                        let start = piece.start + (text.len() - text.trim_start().len());
                        let end = piece.start + text.trim_end().len();
                        if start < end {
                            rest.push(Span::new(start, end));
                        }
                    }
                }
                rest
            }
            _ => Vec::new(),
        };
        if rest.is_empty() {
            self.0.remove(&stretch.line);
        } else {
            self.0.insert(stretch.line, Cut::Text(rest));
        }
    }
}

/// Whether two cuts leave nothing but white space between them.
fn joins(text: &str, a: Span, b: Span) -> bool {
    let between = Span::new(a.end.min(b.end), a.start.max(b.start));
    a.overlaps(b) || between.is_empty() || between.of(text).is_some_and(|gap| gap.chars().all(|c| c == ' '))
}

fn whole_words(text: &str, span: Span) -> Option<Span> {
    span.of(text)?;
    (!span.is_empty()).then(|| snap_to_words(text, span).unwrap_or(span))
}

/// The removals of the protocol on the lines of a version. Leaves out those that name no line of it.
pub fn stretches_of(version: &EntryVersion, removals: &[Removal]) -> Vec<Stretch> {
    let stretch = |removal: &Removal| {
        let line = version.parts.iter().position(|part| part.key == removal.part)?;
        let span = match removal.target {
            RemovalTarget::Line => None,
            RemovalTarget::Text(span) => Some(span),
        };
        Some(Stretch { line, span })
    };
    removals.iter().filter_map(stretch).collect()
}
