//! The language of the rules: who × does what × to whom, in words, classes and gaps.
//!
//! ```text
//! takes her phone          these words one after the other
//! take|grab+ her|his? phone   alternatives; `+` adds the regular forms; a last `?` makes it optional
//! @partner .. @hit         a class from words.toml; `..` up to 4 words between, `...` up to 12
//! CIN plan                 capitals match only capitals
//! #                        a number
//! @hit & @partner          both in one sentence, in any order
//! @fear && @home           both in one sentence or in two that follow one another
//! ```

use std::collections::HashMap;

use super::reading::Reading;
use super::vocabulary::{Vocabulary, inflect};

/// The words that stand behind a class name.
pub(super) type Classes = HashMap<String, Vec<String>>;

/// One compiled pattern: runs of words that must stand near each other.
#[derive(Debug)]
pub(super) struct Pattern {
    runs: Vec<Run>,
    /// Whether the runs may stand in neighbouring sentences.
    neighbours: bool,
    /// The run and step that is looked up first: the rarest.
    anchor: (usize, usize),
    /// What must stand somewhere around the anchor, each as a signature: most sentences lack one of them, and this
    /// says so without looking at their words again.
    required: Vec<Signature>,
}

/// Some of a thousand bits, one or more for each word of a set. Two sets without a common bit have no common word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature([u64; 16]);

impl Signature {
    /// Of no word.
    pub const NONE: Self = Self([0; 16]);

    /// Adds a word.
    pub fn add(&mut self, word: u32) {
        // Neighbouring numbers are words of one rule: spread them.
        let spread = word.wrapping_mul(0x9e37_79b1) >> 22;
        if let Some(bits) = self.0.get_mut((spread >> 6) as usize) {
            *bits |= 1 << (spread & 63);
        }
    }

    /// Adds all of another one.
    pub fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(bits, more)| *bits |= more);
    }

    fn meets(&self, other: &Self) -> bool {
        // Without an early end the compiler takes many bits at a time.
        self.0.iter().zip(other.0).fold(0, |common, (a, b)| common | (a & b)) != 0
    }
}

/// The words around a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Those of its sentence.
    pub sentence: Signature,
    /// Those of its sentence and of the one on either side.
    pub neighbours: Signature,
}

#[derive(Debug)]
struct Run {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    words: WordSet,
    optional: bool,
    /// How many other words may stand before it.
    gap: usize,
    cost: u32,
}

/// A set of word numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct WordSet(Vec<u64>);

impl WordSet {
    /// Adds a word.
    pub fn insert(&mut self, word: u32) {
        let (slot, bit) = (word as usize / 64, word % 64);
        if self.0.len() <= slot {
            self.0.resize(slot + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(slot) {
            *bits |= 1 << bit;
        }
    }

    /// Whether it holds a word.
    pub fn contains(&self, word: u32) -> bool {
        self.0.get(word as usize / 64).is_some_and(|bits| bits & (1 << (word % 64)) != 0)
    }

    /// Its words.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(slot, bits)| {
            (0..64u32).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| slot as u32 * 64 + bit)
        })
    }
}

/// Words so common that a pattern is never looked up by them while it has another.
const COMMON: &str = "a an and any are as at be been but by did do does for from get gets given go had has have he her him his \
    i if in is it me my no not now of off on or out says said she so that the them they this to told up was were when who \
    will with you old new day back all one pt patient seen asked home mum dad son partner husband wife daughter";

/// First and last token of what matched.
pub(super) type Hit = (usize, usize);

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// One sentence that names what is wrong with it.
    pub fn compile(source: &str, classes: &Classes, vocabulary: &mut Vocabulary) -> Result<Self, String> {
        let neighbours = source.contains("&&");
        let mut runs = Vec::new();
        for run in source.split('&').map(str::trim).filter(|run| !run.is_empty()) {
            runs.push(Run::compile(run, classes, vocabulary).map_err(|why| format!("pattern “{source}”: {why}"))?);
        }
        let mut anchor = None;
        for (r, run) in runs.iter().enumerate() {
            for (s, step) in run.steps.iter().enumerate().filter(|(_, step)| !step.optional) {
                if anchor.is_none_or(|(_, _, cost)| step.cost < cost) {
                    anchor = Some((r, s, step.cost));
                }
            }
        }
        let Some((run, step, _)) = anchor else { return Err(format!("pattern “{source}” holds no word")) };
        let required = runs
            .iter()
            .enumerate()
            .flat_map(|(r, run)| run.steps.iter().enumerate().map(move |(s, step)| ((r, s), step)))
            .filter(|(place, one)| !one.optional && *place != (run, step))
            .map(|(_, step)| {
                let mut signature = Signature::NONE;
                step.words.iter().for_each(|word| signature.add(word));
                signature
            })
            .collect();
        Ok(Self { runs, neighbours, anchor: (run, step), required })
    }

    /// The words by which it is looked up.
    pub fn anchors(&self) -> impl Iterator<Item = u32> + '_ {
        let (run, step) = self.anchor;
        self.runs.get(run).and_then(|run| run.steps.get(step)).into_iter().flat_map(|step| step.words.iter())
    }

    /// Whether it can match at all around a token, going by the words of its sentence and of those beside it.
    pub fn may_match(&self, around: &Around) -> bool {
        let around = if self.neighbours { &around.neighbours } else { &around.sentence };
        self.required.iter().all(|step| step.meets(around))
    }

    /// What it matches around token `at`, which holds one of its anchors.
    pub fn matches_at(&self, reading: &Reading, at: usize) -> Option<Hit> {
        let (anchor_run, anchor_step) = self.anchor;
        let mut hit = self.runs.get(anchor_run)?.around(reading, anchor_step, at)?;
        if self.runs.len() > 1 {
            let window = reading.window(at, u32::from(self.neighbours));
            for (_, run) in self.runs.iter().enumerate().filter(|(r, _)| *r != anchor_run) {
                let nearest = window
                    .clone()
                    .filter_map(|from| run.from(reading, 0, from))
                    .filter(|other| other.1 < hit.0 || other.0 > hit.1)
                    .min_by_key(|other| other.0.abs_diff(hit.0))?;
                hit = (hit.0.min(nearest.0), hit.1.max(nearest.1));
            }
        }
        Some(hit)
    }

    /// Whether it matches anywhere in `window`.
    pub fn occurs_in(&self, reading: &Reading, window: std::ops::Range<usize>) -> bool {
        let (run, step) = self.anchor;
        let Some(step) = self.runs.get(run).and_then(|run| run.steps.get(step)) else { return false };
        let here = |at| step.takes(reading, at) && self.may_match(&reading.around(at));
        window.into_iter().any(|at| here(at) && self.matches_at(reading, at).is_some())
    }
}

impl Run {
    fn compile(source: &str, classes: &Classes, vocabulary: &mut Vocabulary) -> Result<Self, String> {
        let mut steps: Vec<Step> = Vec::new();
        let mut gap = 0;
        for piece in source.split_whitespace() {
            match piece {
                ".." => gap = 4,
                "..." => gap = 12,
                piece => {
                    let (piece, optional) = match piece.strip_suffix('?') {
                        Some(piece) => (piece, true),
                        None => (piece, false),
                    };
                    let mut step = Step { words: WordSet::default(), optional, gap, cost: 0 };
                    for word in piece.split('|') {
                        step.add(word, classes, vocabulary)?;
                    }
                    steps.push(step);
                    gap = 0;
                }
            }
        }
        if steps.iter().all(|step| step.optional) { Err("a run holds no word".to_owned()) } else { Ok(Self { steps }) }
    }

    /// Matches with `step` standing at token `at`.
    fn around(&self, reading: &Reading, step: usize, at: usize) -> Option<Hit> {
        let first = self.backward(reading, step, at)?;
        let last = self.forward(reading, step, at)?;
        Some((first, last))
    }

    /// Matches from `step` standing at `at` to the end.
    fn from(&self, reading: &Reading, step: usize, at: usize) -> Option<Hit> {
        if let Some(last) =
            self.steps.get(step).filter(|s| s.takes(reading, at)).and_then(|_| self.forward(reading, step, at))
        {
            return Some((at, last));
        }
        None
    }

    fn forward(&self, reading: &Reading, step: usize, at: usize) -> Option<usize> {
        let Some(next) = self.steps.get(step + 1) else { return Some(at) };
        for place in at + 1..=at + 1 + next.gap {
            if !reading.same_sentence(at, place) {
                break;
            }
            if next.takes(reading, place)
                && let Some(last) = self.forward(reading, step + 1, place)
            {
                return Some(last);
            }
        }
        if next.optional { self.skip_forward(reading, step + 1, at, next.gap) } else { None }
    }

    /// Goes on as if the optional `step` were not there; its gap passes to the next one.
    fn skip_forward(&self, reading: &Reading, step: usize, at: usize, gap: usize) -> Option<usize> {
        let Some(next) = self.steps.get(step + 1) else { return Some(at) };
        for place in at + 1..=at + 1 + next.gap.max(gap) {
            if !reading.same_sentence(at, place) {
                break;
            }
            if next.takes(reading, place)
                && let Some(last) = self.forward(reading, step + 1, place)
            {
                return Some(last);
            }
        }
        if next.optional { self.skip_forward(reading, step + 1, at, next.gap.max(gap)) } else { None }
    }

    fn backward(&self, reading: &Reading, step: usize, at: usize) -> Option<usize> {
        let mut gap = self.steps.get(step)?.gap;
        let mut target = step;
        loop {
            let Some(previous) = target.checked_sub(1) else { return Some(at) };
            let before = self.steps.get(previous)?;
            for place in (at.saturating_sub(1 + gap)..at).rev() {
                if !reading.same_sentence(place, at) {
                    break;
                }
                if before.takes(reading, place)
                    && let Some(first) = self.backward(reading, previous, place)
                {
                    return Some(first);
                }
            }
            if !before.optional {
                return None;
            }
            gap = gap.max(before.gap);
            target = previous;
        }
    }
}

impl Step {
    fn takes(&self, reading: &Reading, at: usize) -> bool {
        reading
            .tokens
            .get(at)
            .is_some_and(|token| self.words.contains(token.word) || self.words.contains(token.capitals))
    }

    fn add(&mut self, piece: &str, classes: &Classes, vocabulary: &mut Vocabulary) -> Result<(), String> {
        if vocabulary.set(piece).is_none() {
            let mut alone = Self { words: WordSet::default(), optional: false, gap: 0, cost: 0 };
            alone.expand(piece, classes, vocabulary)?;
            vocabulary.keep_set(piece, alone.words.iter().collect(), alone.cost);
        }
        if let Some((words, cost)) = vocabulary.set(piece) {
            words.iter().for_each(|word| self.words.insert(*word));
            self.cost += cost;
        }
        Ok(())
    }

    fn expand(&mut self, word: &str, classes: &Classes, vocabulary: &mut Vocabulary) -> Result<(), String> {
        if let Some(name) = word.strip_prefix('@') {
            let members = classes.get(name).ok_or_else(|| format!("there is no class @{name}"))?;
            for member in members {
                self.add(member, classes, vocabulary)?;
            }
        } else if word == "#" {
            self.words.insert(Vocabulary::NUMBER);
            self.cost += 1000;
        } else if let Some(base) = word.strip_suffix('+') {
            for form in inflect(base) {
                self.add(&form, classes, vocabulary)?;
            }
        } else if word.is_empty() || !word.chars().all(|c| c.is_alphanumeric() || c == '\'') {
            return Err(format!("“{word}” is not one word"));
        } else {
            self.words.insert(vocabulary.add(word));
            self.cost += if COMMON.split_whitespace().any(|common| common == word) { 1000 } else { 1 };
        }
        Ok(())
    }
}

impl Reading<'_> {
    fn same_sentence(&self, a: usize, b: usize) -> bool {
        match (self.tokens.get(a), self.tokens.get(b)) {
            (Some(a), Some(b)) => a.sentence == b.sentence,
            _ => false,
        }
    }
}
