//! The same words elsewhere: what is taken out of one entry protects nobody while another shows it.
//!
//! Words are compared folded, and in runs: five in a row are no chance in one family's records. A shorter
//! stretch must be found whole, and a single word only where it is a name, a number or an abbreviation.
//! E-discovery calls this propagation; the point is not to do it unseen: a twin is dealt with, or a person
//! names it as considered.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Rendition;
use crate::record::{Act, EntryId, EntryVersion, Finding, Place, Removal, RemovalTarget, Span, Version};

/// Words in a row that are no chance.
const RUN: usize = 5;
/// A single word shorter than this, in letters, is never looked for.
const SHORTEST_NAME: usize = 4;
/// Between two fields, so that no run goes over their edge. No word has this number.
const EDGE: u32 = 0;

/// A twin that a person named as considered, in the version they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiver {
    /// The other entry.
    pub entry: EntryId,
    /// The version of it.
    pub version: Version,
}

/// A word with where it stands.
struct Word {
    number: u32,
    span: Span,
}

/// Words that must not stand elsewhere unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    runs: HashSet<u64>,
    /// The lengths of these runs, each once.
    lengths: Vec<usize>,
    /// Which numbers a run can begin with, as a filter: most words of a record begin none.
    first: Box<[u64; FILTER]>,
}

const FILTER: usize = 256;

impl Sought {
    /// The words that `act` withholds from who reads the entry. A hide withholds what was found, and where
    /// nothing was found, every sentence of it.
    pub fn withheld(version: &EntryVersion, act: &Act, findings: &[Finding]) -> Self {
        match act {
            Act::Approve => Self::none(),
            Act::Hide { .. } => {
                let found = Self::found(version, findings);
                if found.is_empty() { Self::of(version.parts.iter().map(|part| part.text.as_str())) } else { found }
            }
            Act::Redact { removals, .. } => {
                let stretches = removals.iter().filter_map(|removal| {
                    let part = version.part(&removal.part)?;
                    match removal.target {
                        RemovalTarget::Line => Some(part.text.as_str()),
                        RemovalTarget::Text(span) => span.of(&part.text),
                    }
                });
                // The words of a code are looked for only where screening found something in them: every
                // record repeats the names of its measurements.
                let lines = removals.iter().filter(|removal| removal.target == RemovalTarget::Line);
                let coded = lines.filter_map(|removal| {
                    let stands = |place: &Place| place.part == removal.part && place.span.is_none();
                    let found = findings.iter().any(|finding| finding.place.as_ref().is_some_and(stands));
                    version.part(&removal.part).filter(|_| found).map(|part| part.display.as_str())
                });
                Self::of(stretches.chain(coded))
            }
        }
    }

    /// The words that screening found, with what it suggests to take out.
    pub fn found(version: &EntryVersion, findings: &[Finding]) -> Self {
        let places = findings.iter().flat_map(|finding| match finding.suggested.is_empty() {
            true => finding.place.as_slice(),
            false => finding.suggested.as_slice(),
        });
        Self::of(places.filter_map(|place| {
            let part = version.part(&place.part)?;
            match place.span {
                Some(span) => span.of(&part.text),
                None => Some(part.display.as_str()),
            }
        }))
    }

    fn none() -> Self {
        Self { runs: HashSet::new(), lengths: Vec::new(), first: Box::new([0; FILTER]) }
    }

    fn of<'a>(stretches: impl Iterator<Item = &'a str>) -> Self {
        let mut sought = Self::none();
        for stretch in stretches {
            let words = words(stretch);
            let numbers: Vec<u32> = words.iter().map(|word| word.number).collect();
            match numbers.len() {
                0 => {}
                1 if !words.first().and_then(|word| word.span.of(stretch)).is_some_and(is_name) => {}
                1..=RUN => sought.add(&numbers),
                _ => numbers.windows(RUN).for_each(|run| sought.add(run)),
            }
        }
        sought
    }

    fn add(&mut self, run: &[u32]) {
        let Some(first) = run.first() else { return };
        let (cell, bit) = filter(*first);
        self.first[cell] |= bit;
        self.runs.insert(hash(run));
        if !self.lengths.contains(&run.len()) {
            self.lengths.push(run.len());
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Where runs of these words stand in `numbers`, in order; stretches that touch are one.
    fn stretches(&self, numbers: &[u32]) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let (cell, bit) = filter(*number);
            if self.first[cell] & bit == 0 {
                continue;
            }
            let longest = self
                .lengths
                .iter()
                .filter(|length| numbers.get(at..at + **length).is_some_and(|run| self.runs.contains(&hash(run))));
            let Some(end) = longest.max().map(|length| at + length) else { continue };
            match found.last_mut() {
                Some(last) if at <= last.1 => last.1 = last.1.max(end),
                _ => found.push((at, end)),
            }
        }
        found
    }

    /// Whether any of these words stands in a folded text.
    pub fn stands_in(&self, folded: &Folded) -> bool {
        !self.is_empty() && !self.stretches(&folded.0).is_empty()
    }

    /// What of `version` repeats these words, as removals to suggest.
    pub fn places(&self, version: &EntryVersion) -> Vec<Removal> {
        let mut removals = Vec::new();
        for part in &version.parts {
            if self.stands_in(&Folded::of([part.display.as_str(), part.value.as_str()])) {
                removals.push(Removal { part: part.key.clone(), target: RemovalTarget::Line });
                continue;
            }
            let words = words(&part.text);
            let numbers: Vec<u32> = words.iter().map(|word| word.number).collect();
            for (from, to) in self.stretches(&numbers) {
                let ends = (words.get(from), to.checked_sub(1).and_then(|last| words.get(last)));
                if let (Some(first), Some(last)) = ends {
                    let target = RemovalTarget::Text(Span::new(first.span.start, last.span.end));
                    removals.push(Removal { part: part.key.clone(), target });
                }
            }
        }
        removals
    }
}

/// The words of an entry as numbers: some four bytes a word, so that a family's whole records fit in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded(Box<[u32]>);

impl Folded {
    /// The words of `fields`; no run goes over the edge of one.
    pub fn of<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        let mut numbers = Vec::new();
        for field in fields {
            numbers.extend(words(field).into_iter().map(|word| word.number));
            numbers.push(EDGE);
        }
        Self(numbers.into())
    }

    /// Everything of a version that a reader could see.
    pub fn version(version: &EntryVersion) -> Self {
        let parts = version.parts.iter().flat_map(|part| [&part.display, &part.value, &part.text]);
        Self::of(std::iter::once(&version.title).chain(parts).map(String::as_str))
    }

    /// Everything that a rendition shows.
    pub fn rendition(rendition: &Rendition) -> Self {
        let lines = rendition.lines().iter().flat_map(|line| [&line.display, &line.value, &line.text]);
        Self::of(std::iter::once(rendition.title()).chain(lines).map(|shown| shown.as_str()))
    }

    /// How many words it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The words of `text`, letters and digits alone, without case, marks and invisible characters: `Hus\u{ad}band’s`
/// is `husbands`.
fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut span = Span::new(0, 0);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c.is_alphanumeric() {
            if word.is_empty() {
                span.start = at;
            }
            span.end = end;
            match c.is_ascii() {
                true => word.push(c.to_ascii_lowercase()),
                false => word.extend(c.nfkc().flat_map(char::to_lowercase).nfd().filter(|c| !is_combining_mark(*c))),
            }
        } else if !word.is_empty() && !is_silent(c) {
            found.push(Word { number: number(&word), span });
            word.clear();
        }
    }
    if !word.is_empty() {
        found.push(Word { number: number(&word), span });
    }
    found
}

/// Stands within a word without parting it.
fn is_silent(c: char) -> bool {
    matches!(c, '\'' | '’' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') || is_combining_mark(c)
}

/// Whether a single word says enough to be looked for: `Derek`, `MARAC`, a telephone number.
fn is_name(word: &str) -> bool {
    word.chars().count() >= SHORTEST_NAME && word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
}

/// FNV-1a (Fowler, Noll and Vo): short words, and no secret in memory to keep.
fn number(word: &str) -> u32 {
    let hash = word
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    ((hash ^ (hash >> 32)) as u32).max(EDGE + 1)
}

fn hash(run: &[u32]) -> u64 {
    run.iter().fold(run.len() as u64, |hash, number| {
        (hash.rotate_left(23) ^ u64::from(*number)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// Cell and bit of the filter.
fn filter(number: u32) -> (usize, u64) {
    (number as usize / 64 % FILTER, 1 << (number % 64))
}
