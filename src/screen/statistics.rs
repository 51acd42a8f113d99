//! A small model of sentences: it holds or skims what resembles a disclosure that no rule names, and clears nothing.
//!
//! Each word that carries content weighs what it weighed in labelled sentences, and so does what the word stands
//! for (`lexicon.toml`: `who_partner`, `thing_money`, `ok_food`), so that a word the model never saw in training
//! still counts for its meaning; a rule that matched weighs too. The sum over a sentence, for its length, is its
//! score: nothing is hidden, and the strongest words are the reason. Function words, digits, punctuation and
//! capitals weigh nothing: in labelled texts they tell who wrote, not what happened.
//!
//! Logistic regression by stochastic gradient; sentences are shuffled by a fixed generator, so the same files give
//! the same model to the byte.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::sync::OnceLock;

use super::pattern::Hit;
use super::reading::{Reading, Token};
use super::vocabulary::Vocabulary;
use crate::record::{Category, Finding, Span, Tier};

/// The rule under which a sentence is found that resembles disclosures.
pub(super) const RESEMBLES: &str = "statistics.resembles";
/// The rule under which one is found that resembles them but faintly.
pub(super) const FAINT: &str = "statistics.faint";

/// Whether the model found it, and no rule that a person wrote.
pub fn is_learned(rule: &str) -> bool {
    rule == RESEMBLES || rule == FAINT
}

/// Whether only the model found it, and no more than a line to skim.
pub fn is_faint(finding: &Finding) -> bool {
    is_learned(&finding.rule) && finding.tier <= Tier::Weak
}

/// What `model.tsv` says, before its words have numbers.
#[derive(Debug, Default)]
pub(super) struct Learned {
    bias: f32,
    features: Vec<(String, f32, Option<Category>)>,
}

/// Weights by the number of a word and of a rule.
#[derive(Debug, Default)]
pub(super) struct Model {
    bias: f32,
    words: Vec<Weight>,
    rules: Vec<f32>,
}

/// What one word adds to its sentence: its own weight and those of all it stands for.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    sum: f32,
    /// How many features that are.
    count: u8,
    /// What the heaviest of them is about.
    category: Option<Category>,
}

/// What the model says of one sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    /// Log odds that it should be held, on the scale of the training text.
    pub value: f32,
    /// Which sentence.
    pub sentence: u32,
}

/// A labelled text to learn from.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// The text, without marks.
    pub text: String,
    /// The stretches that disclose something.
    pub marked: Vec<Span>,
    /// What they disclose.
    pub category: Category,
}

/// A labelled sentence.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Names of its features, as often as they occur.
    pub features: Vec<String>,
    /// What it discloses; `None` for nothing.
    pub discloses: Option<Category>,
}

/// Features that fewer sentences have are noise.
const RAREST: usize = 2;
/// Lighter features change nothing and are not kept.
const LIGHTEST: f64 = 0.2;
const ROUNDS: usize = 30;
const RATE: f64 = 1.0;
/// The strength of the pull towards zero, against one sentence.
const SHRINK: f64 = 0.05;
/// Sentences that disclose are fewer and matter more.
const DISCLOSING: f64 = 1.5;

/// Words that carry grammar, not content.
const FUNCTION_WORDS: &str = "a an and any are as at be been but by did do does for from get gets got go had has have he her \
    him his i if in is it its me my no not now of off on or out says said she so that the their them then there they this to \
    up us was we were when where which who will with you your am being can could would should may might must shall than too \
    very just also all each every some such only own same into over under again once here how what why both few more most \
    other about after before between through during above below down these those it's he's she's they're don't doesn't didn't \
    can't won't i'm im sed sez say tell told well since while until till because dont wont doesnt dosnt";

/// Which features a model may use. The second kind exists to test the training text: a model of function words
/// must not do well on contrast pairs, or the text teaches style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// Content words, what they stand for, and rules that matched.
    Content,
    /// Function words, digits and nothing else.
    FunctionWords,
}

impl Learned {
    /// Reads the text that [`learn`] writes: `#` comments, then the bias, then one feature a line.
    ///
    /// # Errors
    /// One sentence that names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut learned = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty()) {
            let mut fields = line.split('\t');
            let (name, weight) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            let weight: f32 = weight.parse().map_err(|_| format!("line {}: “{weight}” is not a weight", number + 1))?;
            let category = match fields.next() {
                None | Some("") => None,
                Some(word) => Some(
                    serde_json::from_value(serde_json::Value::from(word))
                        .map_err(|_| format!("line {}: “{word}” is not a category", number + 1))?,
                ),
            };
            if name.is_empty() {
                learned.bias = weight;
            } else {
                learned.features.push((name.to_owned(), weight, category));
            }
        }
        Ok(learned)
    }

    /// Adds its words to `vocabulary`, each in the forms that share its stem.
    pub fn add_words(&self, vocabulary: &mut Vocabulary) {
        for (name, ..) in &self.features {
            if !name.starts_with(['@', '!']) {
                for ending in ["", "s", "es", "ed", "ing"] {
                    let form = format!("{name}{ending}");
                    if stem(&form) == name {
                        vocabulary.add(&form);
                    }
                }
            }
        }
    }

    /// The model over the words of `vocabulary`, each with the `kinds` it stands for, and over rules by their names.
    pub fn model<'r>(
        &self,
        vocabulary: &Vocabulary,
        kinds: &[Vec<String>],
        rules: impl Iterator<Item = &'r str>,
        features: Features,
    ) -> Model {
        if self.features.is_empty() {
            return Model::default();
        }
        let known: HashMap<&str, (f32, Option<Category>)> =
            self.features.iter().map(|(name, weight, category)| (name.as_str(), (*weight, *category))).collect();
        let mut words = vec![Weight::default(); vocabulary.len()];
        let no_kinds = Vec::new();
        for (word, number) in vocabulary.words() {
            let Some(slot) = words.get_mut(number as usize) else { continue };
            let mut heaviest = 0.0;
            for name in names(word, kinds.get(number as usize).unwrap_or(&no_kinds), features) {
                slot.count = slot.count.saturating_add(1);
                if let Some((weight, category)) = known.get(name) {
                    slot.sum += weight;
                    if category.is_some() && *weight > heaviest {
                        (heaviest, slot.category) = (*weight, *category);
                    }
                }
            }
        }
        let rules = rules.map(|id| known.get(format!("!{id}").as_str()).map_or(0.0, |(weight, _)| *weight)).collect();
        Model { bias: self.bias, words, rules }
    }
}

impl Model {
    /// Whether it has learned anything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn weight(&self, reading: &Reading, token: &Token) -> Weight {
        if token.word == Vocabulary::UNKNOWN {
            let count = u8::from(token.span.of(reading.text).is_some_and(is_content));
            return Weight { count, ..Weight::default() };
        }
        self.words.get(token.word as usize).copied().unwrap_or_default()
    }

    /// Scores every sentence. `matched` names the rules that matched, each with its sentence; words that are `cleared`
    /// weigh nothing.
    pub fn scores(&self, reading: &Reading, matched: &[(u32, u16)], cleared: &[Hit]) -> Vec<Score> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![(0.0f32, 0u32); reading.sentences.len()];
        for (at, token) in reading.tokens.iter().enumerate() {
            if cleared.iter().any(|hit| hit.0 <= at && at <= hit.1) {
                continue;
            }
            if let Some((sum, count)) = sums.get_mut(token.sentence as usize) {
                let weight = self.weight(reading, token);
                *sum += weight.sum;
                *count += u32::from(weight.count);
            }
        }
        for (sentence, rule) in matched {
            if let (Some((sum, count)), Some(weight)) =
                (sums.get_mut(*sentence as usize), self.rules.get(usize::from(*rule)))
            {
                *sum += weight;
                *count += 1;
            }
        }
        let score = |(sentence, (sum, count)): (usize, (f32, u32))| Score {
            value: self.bias + sum / (count as f32 + 1.0).sqrt(),
            sentence: sentence as u32,
        };
        sums.into_iter().enumerate().map(score).collect()
    }

    /// The words of a sentence that weigh most, heaviest first, and what they are about.
    pub fn strongest(&self, reading: &Reading, sentence: u32) -> (Vec<Span>, Category) {
        let tokens = reading.tokens.get(reading.sentence_tokens(sentence)).unwrap_or_default();
        let mut heavy: Vec<(Weight, Span)> = tokens
            .iter()
            .map(|token| (self.weight(reading, token), token.span))
            .filter(|(weight, span)| weight.sum > 0.0 && span.of(reading.text).is_some_and(says_something))
            .collect();
        heavy.sort_by(|(a, at), (b, bt)| b.sum.total_cmp(&a.sum).then(at.cmp(bt)));
        let category = heavy.iter().find_map(|(weight, _)| weight.category).unwrap_or(Category::DomesticAbuse);
        (heavy.into_iter().take(STRONGEST).map(|(_, span)| span).collect(), category)
    }
}

/// So many words are shown as the reason.
const STRONGEST: usize = 3;

fn is_function(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| FUNCTION_WORDS.split_whitespace().collect()).contains(word)
}

/// Whether a word can stand as a reason; “the” cannot, whatever it weighs.
fn says_something(word: &str) -> bool {
    is_content(word) && !is_function(&word.to_lowercase())
}

fn is_content(word: &str) -> bool {
    word.len() > 1 && !word.starts_with(|c: char| c.is_ascii_digit())
}

/// The names of the features of one folded word that stands for `kinds`.
fn names<'w>(word: &'w str, kinds: &'w [String], features: Features) -> impl Iterator<Item = &'w str> {
    let function = is_function(word);
    let own = match features {
        Features::Content => (!function && is_content(word)).then(|| stem(word)),
        Features::FunctionWords => (function || !is_content(word)).then_some(word),
    };
    let kinds = if features == Features::Content { kinds } else { &[] };
    own.into_iter().chain(kinds.iter().map(String::as_str))
}

/// The names of the features of a sentence: of its words, and of the rules that matched in it.
pub(super) fn features(
    words: &[String],
    kinds: &impl Fn(&str) -> Vec<String>,
    rules: &[&str],
    features: Features,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        found.extend(names(word, &kinds(word), features).map(str::to_owned));
    }
    if features == Features::Content {
        found.extend(rules.iter().map(|rule| format!("!{rule}")));
    }
    found
}

/// Learns a model; its text starts with `record`, one comment a line.
pub(super) fn learn(sentences: &[Sentence], record: &str) -> String {
    let mut spread: BTreeMap<&str, usize> = BTreeMap::new();
    for sentence in sentences {
        let mut once: Vec<&str> = sentence.features.iter().map(String::as_str).collect();
        once.sort_unstable();
        once.dedup();
        once.into_iter().for_each(|feature| *spread.entry(feature).or_default() += 1);
    }
    let kept: Vec<&str> = spread.iter().filter(|(_, count)| **count >= RAREST).map(|(name, _)| *name).collect();
    let (bias, weights) = fit(sentences, &kept);
    let mut about: BTreeMap<&str, BTreeMap<Category, usize>> = BTreeMap::new();
    for (sentence, category) in sentences.iter().filter_map(|sentence| Some((sentence, sentence.discloses?))) {
        for feature in &sentence.features {
            *about.entry(feature).or_default().entry(category).or_default() += 1;
        }
    }
    let mut text = String::new();
    for line in record.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "\t{bias:.4}");
    for (name, weight) in kept.iter().zip(&weights).filter(|(_, weight)| weight.abs() >= LIGHTEST) {
        let category =
            about.get(name).and_then(|counts| counts.iter().max_by_key(|(_, count)| **count)).map(|(c, _)| c);
        let category = category.filter(|_| *weight > 0.0).and_then(|c| serde_json::to_value(c).ok());
        let category = category.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let _ = writeln!(text, "{name}\t{weight:.2}\t{category}");
    }
    text
}

/// Logistic regression with a pull towards zero (Bottou 2010: the step shrinks with the pull).
fn fit(sentences: &[Sentence], names: &[&str]) -> (f64, Vec<f64>) {
    let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let mut samples: Vec<(Vec<usize>, f64, bool, f64)> = sentences
        .iter()
        .map(|sentence| {
            let features: Vec<usize> =
                sentence.features.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect();
            let share = 1.0 / ((sentence.features.len() + 1) as f64).sqrt();
            let weight = if sentence.discloses.is_some() { DISCLOSING } else { 1.0 };
            (features, share, sentence.discloses.is_some(), weight)
        })
        .collect();
    let pull = SHRINK / samples.len().max(1) as f64;
    let (mut weights, mut scale) = (vec![0.0f64; names.len()], 1.0f64);
    let mut bias = 0.0f64;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut seen = 0.0;
    for _ in 0..ROUNDS {
        for at in (1..samples.len()).rev() {
            // Knuth's multiplicative generator: any fixed shuffle will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            samples.swap(at, (state >> 33) as usize % (at + 1));
        }
        for (features, share, discloses, weight) in &samples {
            let rate = RATE / (1.0 + RATE * pull * seen);
            seen += 1.0;
            let sum: f64 = features.iter().filter_map(|at| weights.get(*at)).sum();
            let odds = (bias + sum * scale * share).clamp(-30.0, 30.0);
            let error = (1.0 / (1.0 + (-odds).exp()) - f64::from(u8::from(*discloses))) * weight;
            scale *= 1.0 - rate * pull;
            for at in features {
                if let Some(weight) = weights.get_mut(*at) {
                    *weight -= rate * error * share / scale;
                }
            }
            bias -= rate * error * 0.1;
        }
    }
    weights.iter_mut().for_each(|weight| *weight *= scale);
    (bias, weights)
}

/// A word without its commonest endings.
pub(super) fn stem(word: &str) -> &str {
    ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= 4))
        .unwrap_or(word)
}
