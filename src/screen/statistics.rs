//! A small model of sentences: it holds or skims what resembles a disclosure that no rule names, and clears nothing.
//!
//! Features are content words, the classes of words.toml, and neighbouring words of which at least one is a
//! content word. Function words, digits, punctuation and capitals alone are no features: in labelled texts they
//! tell who wrote, not what happened. Logistic regression with AdaGrad; the order of the sentences is shuffled
//! by a fixed generator, so the same files give the same model to the byte.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::reading::Reading;
use super::vocabulary::{WordHash, hash};
use crate::record::{Category, Span};

/// Weights of features, by the hash of their names.
#[derive(Debug, Default)]
pub(super) struct Model {
    bias: f32,
    weights: HashMap<u64, (f32, Option<Category>), WordHash>,
    /// One bit for the upper half of each feature's hash: most features of a text are in no model, and this says so
    /// without leaving the cache.
    present: Vec<u64>,
}

/// What the model says of one sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    /// Log odds that it should be held, on the scale of the training text.
    pub value: f32,
    /// Which sentence.
    pub sentence: u32,
    /// What the strongest words are about.
    pub category: Category,
    /// The word that weighed most.
    pub strongest: Span,
}

/// A sentence to learn from.
#[derive(Debug)]
pub(super) struct Lesson {
    /// Names of its features.
    pub features: Vec<String>,
    /// What it discloses; `None` for nothing.
    pub discloses: Option<Category>,
}

/// Features that fewer sentences have are noise.
const RAREST: usize = 2;
/// The shipped model keeps this many features, the heaviest.
const KEPT: usize = 5000;
const ROUNDS: usize = 20;
const RATE: f64 = 0.3;
const SHRINK: f64 = 5e-2;

/// Words that carry grammar, not content.
const FUNCTION_WORDS: &str = "a an and any are as at be been but by did do does for from get gets got go had has have he her \
    him his i if in is it its me my no not now of off on or out says said she so that the their them then there they this to \
    up us was we were when where which who will with you your am being can could would should may might must shall than too \
    very just also all each every some such only own same into over under again once here how what why both few more most \
    other about after before between through during above below down these those it's he's she's they're don't doesn't didn't \
    can't won't i'm im sed sez say tell told well since while until till because";

/// Which features a model may use. The second kind exists to test the training text: a model of function words
/// must not do well on contrast pairs, or the text teaches style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// Content words, classes and neighbours.
    Content,
    /// Function words and nothing else.
    FunctionWords,
}

impl Model {
    /// Reads the text that [`learn`] writes: `#` comments, then the bias, then one feature a line.
    ///
    /// # Errors
    /// One sentence that names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut model = Self { present: vec![0; 1024], ..Self::default() };
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
                model.bias = weight;
            } else {
                let hash = name_hash(name);
                if let Some(bits) = model.present.get_mut((hash >> 54) as usize) {
                    *bits |= 1 << ((hash >> 48) & 63);
                }
                model.weights.insert(hash, (weight, category));
            }
        }
        Ok(model)
    }

    /// Whether it has learned anything.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    fn may_hold(&self, feature: u64) -> bool {
        self.present.get((feature >> 54) as usize).is_some_and(|bits| bits & (1 << ((feature >> 48) & 63)) != 0)
    }

    /// Scores every sentence that has a feature of the model. `classes` gives the hashes of a word's classes.
    pub fn scores(&self, reading: &Reading, classes: &[Vec<u64>]) -> Vec<Score> {
        let mut scores = Vec::new();
        if self.is_empty() {
            return scores;
        }
        let mut seen: Vec<u64> = Vec::with_capacity(64);
        let mut start = 0;
        while let Some(first) = reading.tokens.get(start) {
            let sentence = first.sentence;
            let (mut sum, mut count) = (0.0f32, 0u32);
            let mut strongest = (f32::MIN, first.span, None);
            seen.clear();
            let mut at = start;
            while let Some(token) = reading.tokens.get(at).filter(|token| token.sentence == sentence) {
                let next = reading.tokens.get(at + 1).filter(|next| next.sentence == sentence);
                let mut weigh = |feature: u64| {
                    if self.may_hold(feature)
                        && let Some((weight, category)) = self.weights.get(&feature)
                        && !seen.contains(&feature)
                    {
                        seen.push(feature);
                        sum += weight;
                        count += 1;
                        if *weight > strongest.0 && category.is_some() {
                            strongest = (*weight, token.span, *category);
                        }
                    }
                };
                weigh(token.stem);
                if let Some(next) = next {
                    weigh(pair(token.stem, next.stem));
                }
                classes.get(token.word as usize).into_iter().flatten().for_each(|class| weigh(*class));
                at += 1;
            }
            if count > 0 {
                let value = self.bias + sum / (count as f32 + 1.0).sqrt();
                let category = strongest.2.unwrap_or(Category::DomesticAbuse);
                scores.push(Score { value, sentence, category, strongest: strongest.1 });
            }
            start = at;
        }
        scores
    }
}

/// Names of the features of the words of one sentence, folded; `classes` gives the names of a word's classes.
pub(super) fn features(words: &[&str], kind: Features, classes: &impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let function = |word: &str| FUNCTION_WORDS.split_whitespace().any(|known| known == word);
    let content = |word: &str| !function(word) && !word.bytes().all(|b| b.is_ascii_digit());
    let mut names = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if kind == Features::FunctionWords {
            names.extend(function(word).then(|| (*word).to_owned()));
            continue;
        }
        if content(word) {
            names.push(stem(word).to_owned());
        }
        names.extend(classes(word));
        if let Some(next) = words.get(at + 1)
            && (content(word) || content(next))
        {
            names.push(format!("{} {}", stem(word), stem(next)));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Trains on `lessons` and writes the model as text: the same lessons give the same bytes.
pub(super) fn learn(lessons: &[Lesson], record: &str) -> String {
    let mut spread: BTreeMap<&str, usize> = BTreeMap::new();
    for lesson in lessons {
        lesson.features.iter().for_each(|feature| *spread.entry(feature).or_default() += 1);
    }
    let mut kept: Vec<&str> = spread.iter().filter(|(_, count)| **count >= RAREST).map(|(name, _)| *name).collect();
    let (mut bias, mut weights) = fit(lessons, &kept);
    if kept.len() > KEPT {
        let mut order: Vec<usize> = (0..kept.len()).collect();
        let weight = |at: &usize| weights.get(*at).copied().unwrap_or_default().abs();
        order.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
        order.truncate(KEPT);
        order.sort_unstable();
        kept = order.into_iter().filter_map(|at| kept.get(at).copied()).collect();
        (bias, weights) = fit(lessons, &kept);
    }
    let mut about: BTreeMap<&str, BTreeMap<Category, usize>> = BTreeMap::new();
    for (lesson, category) in lessons.iter().filter_map(|lesson| Some((lesson, lesson.discloses?))) {
        for feature in &lesson.features {
            *about.entry(feature).or_default().entry(category).or_default() += 1;
        }
    }
    let mut text = String::new();
    for line in record.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "\t{bias:.4}");
    for (name, weight) in kept.iter().zip(&weights) {
        let category =
            about.get(name).and_then(|counts| counts.iter().max_by_key(|(_, count)| **count)).map(|(c, _)| c);
        let category = category.filter(|_| *weight > 0.0).and_then(|c| serde_json::to_value(c).ok());
        let category = category.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        let _ = writeln!(text, "{name}\t{weight:.4}\t{category}");
    }
    text
}

/// Logistic regression; positives weigh half of what would balance them.
fn fit(lessons: &[Lesson], names: &[&str]) -> (f64, Vec<f64>) {
    let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let mut samples: Vec<(Vec<usize>, bool)> = lessons
        .iter()
        .map(|lesson| {
            let features = lesson.features.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect();
            (features, lesson.discloses.is_some())
        })
        .collect();
    let positives = samples.iter().filter(|(_, positive)| *positive).count().max(1);
    let boost = (samples.len() - positives) as f64 / positives as f64 / 2.0;
    let (mut weights, mut grown) = (vec![0.0f64; names.len()], vec![1e-2f64; names.len()]);
    let (mut bias, mut bias_grown) = (0.0f64, 1e-2f64);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..ROUNDS {
        for at in (1..samples.len()).rev() {
            // Knuth's multiplicative generator: any fixed shuffle will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            samples.swap(at, (state >> 33) as usize % (at + 1));
        }
        for (features, positive) in &samples {
            let share = 1.0 / ((features.len() + 1) as f64).sqrt();
            let sum: f64 = features.iter().filter_map(|at| weights.get(*at)).sum();
            let odds = (bias + sum * share).clamp(-30.0, 30.0);
            let error = 1.0 / (1.0 + (-odds).exp()) - f64::from(u8::from(*positive));
            let error = if *positive { error * boost } else { error };
            for at in features {
                if let (Some(weight), Some(grown)) = (weights.get_mut(*at), grown.get_mut(*at)) {
                    let slope = error * share + SHRINK * *weight;
                    *grown += slope * slope;
                    *weight -= RATE * slope / grown.sqrt();
                }
            }
            bias_grown += error * error;
            bias -= RATE * error / bias_grown.sqrt();
        }
    }
    (bias, weights)
}

/// A word without its commonest endings.
pub(super) fn stem(word: &str) -> &str {
    ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.len() >= 4))
        .unwrap_or(word)
}

/// The hash of a feature's name.
pub(super) fn name_hash(name: &str) -> u64 {
    match name.split_once(' ') {
        Some((a, b)) => pair(hash(a.as_bytes()), hash(b.as_bytes())),
        None => hash(name.as_bytes()),
    }
}

fn pair(a: u64, b: u64) -> u64 {
    (a.rotate_left(17) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
