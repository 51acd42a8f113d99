//! The rules, compiled: from packs to what [`apply`] matches with and [`teach`] learns over.

mod apply;
mod teach;

use super::codes::Codes;
use super::context::Cues;
use super::lanes;
use super::pack::{self, Negated, Pack, PackError};
use super::pattern::{Pattern, WordSet};
use super::practice::Silence;
use super::reading::Reading;
use super::spelling::Spelling;
use super::statistics::{Features, Learned, Model};
use super::vocabulary::{Vocabulary, inflect};
use crate::record::{Category, Context, Span, Tier};

/// Everything that decides a verdict, compiled once and shared between threads.
#[derive(Debug)]
pub struct Rules {
    vocabulary: Vocabulary,
    spelling: Spelling,
    rules: Vec<Rule>,
    /// For each word number, the patterns to try where it stands.
    index: Vec<Vec<(u16, u16)>>,
    /// The words that some pattern is looked up by: most words of a text are none, and this says so from the cache.
    anchors: WordSet,
    codes: Codes,
    cues: Cues,
    model: Model,
    /// For each word number, what the word stands for, with an `@`.
    kinds: Vec<Vec<String>>,
    silences: Vec<Silence>,
    version: String,
}

#[derive(Debug)]
struct Rule {
    summary: RuleSummary,
    negated: Negated,
    hypothetical: Negated,
    patterns: Vec<Pattern>,
    near: Vec<Pattern>,
    unless: Vec<Pattern>,
}

/// A rule as `rules list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleSummary {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub category: Category,
    /// What it weighs before context.
    pub tier: Tier,
    /// Why it holds.
    pub why: String,
    /// Where it comes from.
    pub source: String,
    /// When a person last read it, as a date.
    pub reviewed: String,
    /// Texts in which it must fire.
    pub fires: Vec<String>,
    /// Texts in which it must not.
    pub spares: Vec<String>,
}

impl Rules {
    /// The rules of this release.
    pub fn built_in() -> Self {
        // The packs are part of the program and a test compiles them; a slip there must still not clear anything.
        Self::parse(pack::BUILT_IN).unwrap_or_else(|_| Self::nothing_is_clear())
    }

    /// The rules of this release without the model, to train one: what it learned must not sway what it learns.
    ///
    /// # Errors
    /// The first thing wrong, with its file.
    pub fn untrained() -> Result<Self, PackError> {
        let packs: Vec<(&str, &str)> =
            pack::BUILT_IN.iter().filter(|(file, _)| *file != pack::MODEL).copied().collect();
        Self::parse(&packs)
    }

    /// Compiles packs given as file names and texts.
    ///
    /// # Errors
    /// The first thing wrong, with its file.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, PackError> {
        let mut digest = blake3::Hasher::new();
        let mut packs = Vec::new();
        let mut learned = Learned::default();
        for (file, text) in files {
            digest.update(&(text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
            if *file == pack::MODEL {
                learned = Learned::parse(text).map_err(|what| PackError { file: (*file).to_owned(), what })?;
                continue;
            }
            packs.push((*file, Pack::parse(file, text)?));
        }
        let classes = pack::classes(&packs)?;
        let mut vocabulary = Vocabulary::new();
        let cues = Cues::new(&mut vocabulary);
        let mut rules = Vec::new();
        let mut codes = Codes::default();
        let mut ordinary = String::new();
        let mut kinds: Vec<(String, String)> = Vec::new();
        for (file, mut pack) in packs {
            kinds.extend(std::mem::take(&mut pack.kinds));
            ordinary.push_str(&pack.ordinary);
            ordinary.push(' ');
            let error = |what: String| PackError { file: file.to_owned(), what };
            for text in pack.rules {
                let Some(category) = text.category.or(pack.category) else {
                    return Err(error(format!("rule {}: names no category", text.id)));
                };
                if rules.iter().any(|rule: &Rule| rule.summary.id == text.id) {
                    return Err(error(format!("rule {}: the name is taken", text.id)));
                }
                let mut compile = |sources: &[String]| -> Result<Vec<Pattern>, PackError> {
                    sources
                        .iter()
                        .map(|source| {
                            Pattern::compile(source, &classes, &mut vocabulary)
                                .map_err(|why| error(format!("rule {}: {why}", text.id)))
                        })
                        .collect()
                };
                let (patterns, near, unless) = (compile(&text.patterns)?, compile(&text.near)?, compile(&text.unless)?);
                rules.push(Rule {
                    summary: RuleSummary {
                        id: text.id,
                        category,
                        tier: text.tier,
                        why: text.why,
                        source: if text.source.is_empty() { pack.source.clone() } else { text.source },
                        reviewed: pack.reviewed.clone(),
                        fires: text.fires,
                        spares: text.spares,
                    },
                    negated: text.negated,
                    hypothetical: text.hypothetical,
                    patterns,
                    near,
                    unless,
                });
            }
            pack.codes.into_iter().for_each(|group| codes.add(group));
        }
        let mut index = vec![Vec::new(); vocabulary.len()];
        for (r, rule) in rules.iter().enumerate() {
            for (p, pattern) in rule.patterns.iter().enumerate() {
                for word in pattern.anchors() {
                    if let Some(slot) = index.get_mut(word as usize) {
                        slot.push((r as u16, p as u16));
                    }
                }
            }
        }
        // Only what rules look for is worth finding misspelt.
        let spelling = Spelling::new(&vocabulary, ordinary.split_whitespace());
        let mut anchors = WordSet::default();
        (0..vocabulary.len() as u32)
            .filter(|word| index.get(*word as usize).is_some_and(|patterns| !patterns.is_empty()))
            .for_each(|word| anchors.insert(word));
        let mut stands_for: Vec<(u32, String)> = Vec::new();
        for (name, members) in kinds {
            for member in members.split_whitespace() {
                for form in member.strip_suffix('+').map_or_else(|| vec![member.to_owned()], inflect) {
                    stands_for.push((vocabulary.add(&form), format!("@{name}")));
                }
            }
        }
        stands_for.sort_unstable();
        stands_for.dedup();
        learned.add_words(&mut vocabulary);
        let mut kinds = vec![Vec::new(); vocabulary.len()];
        for (word, kind) in stands_for {
            if let Some(slot) = kinds.get_mut(word as usize) {
                slot.push(kind);
            }
        }
        let names = rules.iter().map(|rule: &Rule| rule.summary.id.as_str());
        let model = learned.model(&vocabulary, &kinds, names, Features::Content);
        let version = digest.finalize().to_hex().chars().take(16).collect();
        Ok(Self {
            vocabulary,
            spelling,
            rules,
            index,
            anchors,
            codes,
            cues,
            model,
            kinds,
            silences: Vec::new(),
            version,
        })
    }

    /// The rules of this release with a practice's own packs beside them, given as file names and texts.
    ///
    /// # Errors
    /// The first thing wrong, with its file.
    pub fn with_packs(packs: &[(&str, &str)]) -> Result<Self, PackError> {
        Self::parse(&[pack::BUILT_IN, packs].concat())
    }

    /// What the practice has silenced.
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    pub(super) fn silence(&mut self, silences: Vec<Silence>, text: &str) {
        for (number, rule) in self.rules.iter().enumerate() {
            if silences.iter().any(|silence| silence.rule == rule.summary.id) {
                self.index.iter_mut().for_each(|patterns| patterns.retain(|(r, _)| usize::from(*r) != number));
            }
        }
        self.silences = silences;
        self.changed(text);
    }

    pub(super) fn add_codes(&mut self, text: &str, add: impl FnOnce(&mut Codes)) {
        add(&mut self.codes);
        self.changed(text);
    }

    /// Rules that a practice has changed have another version, so that nothing passes for screened by them before.
    fn changed(&mut self, by: &str) {
        let digest = blake3::hash(format!("{}\0{by}", self.version).as_bytes()).to_hex();
        self.version = digest.chars().take(16).collect();
    }

    /// Which rules these are: changes when a pack changes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The rules over words, in the order of their packs.
    pub fn list(&self) -> impl Iterator<Item = &RuleSummary> {
        self.rules.iter().map(|rule| &rule.summary)
    }

    /// Tries every rule on its own examples; one sentence for each that does not hold.
    pub fn check(&self) -> Vec<String> {
        let mut slips = Vec::new();
        if self.rules.is_empty() {
            slips.push("there are no rules: the packs did not compile".to_owned());
        }
        for (number, rule) in self.rules.iter().enumerate() {
            let summary = &rule.summary;
            let fires = |text: &String| self.raw(&self.read(text)).iter().any(|raw| raw.rule as usize == number);
            slips.extend(
                summary
                    .fires
                    .iter()
                    .filter(|text| !fires(text))
                    .map(|text| format!("{}: does not fire on “{text}”", summary.id)),
            );
            slips.extend(
                summary
                    .spares
                    .iter()
                    .filter(|text| fires(text))
                    .map(|text| format!("{}: fires on “{text}”", summary.id)),
            );
            if summary.fires.is_empty() || summary.spares.is_empty() {
                slips.push(format!("{}: needs an example that fires and one that must not", summary.id));
            }
        }
        slips
    }

    /// How a text is read, one step a line: its sentences, the words that rules know, and each rule whose words stand there.
    pub fn explain(&self, text: &str) -> Vec<String> {
        let reading = self.read(text);
        let raw = self.raw(&reading);
        let mut steps = Vec::new();
        for (number, sentence) in reading.sentences.iter().enumerate() {
            let words = reading.sentence_tokens(number as u32);
            let known = words.clone().filter(|at| reading.tokens.get(*at).is_some_and(|token| token.word > 1)).count();
            steps.push(format!(
                "sentence {}: “{}” – {} words, {known} of them in rules",
                number + 1,
                sentence.of(reading.text).unwrap_or_default(),
                words.len()
            ));
            for raw in raw.iter().filter(|raw| words.contains(&raw.hit.0)) {
                let Some(rule) = self.rules.get(raw.rule as usize) else { continue };
                let context = self.cues.around(&reading, raw.hit.0, raw.hit.1);
                let summary = &rule.summary;
                let left =
                    lanes::tier_in_context(summary.tier, summary.category, rule.negated, rule.hypothetical, context);
                let said = [
                    (context.negated, "denied"),
                    (context.historical, "past"),
                    (context.hypothetical, "imagined"),
                    (context.subject == crate::record::Subject::Other, "about another person"),
                ];
                let said: Vec<&str> = said.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
                steps.push(format!(
                    "  {} at “{}”{}: {}",
                    summary.id,
                    reading.span(raw.hit.0, raw.hit.1).of(text).unwrap_or_default(),
                    if said.is_empty() { String::new() } else { format!(", {}", said.join(", ")) },
                    left.map_or("cleared by its context".to_owned(), |tier| format!("tier {}", u8::from(tier))),
                ));
            }
        }
        steps
    }

    /// What the words around `span` of `text` say about it.
    pub fn context(&self, text: &str, span: Span) -> Context {
        let reading = Reading::new(text, &self.vocabulary, &self.spelling);
        let first = reading.tokens.partition_point(|token| token.span.end <= span.start);
        let last = reading.tokens.partition_point(|token| token.span.start < span.end).max(first + 1) - 1;
        self.cues.around(&reading, first, last)
    }

    /// Reads a text with these rules' words.
    pub(super) fn read<'t>(&self, text: &'t str) -> Reading<'t> {
        Reading::new(text, &self.vocabulary, &self.spelling)
    }

    fn nothing_is_clear() -> Self {
        let mut vocabulary = Vocabulary::new();
        Self {
            cues: Cues::new(&mut vocabulary),
            spelling: Spelling::new(&vocabulary, std::iter::empty()),
            vocabulary,
            rules: Vec::new(),
            index: Vec::new(),
            anchors: WordSet::default(),
            codes: Codes::default(),
            model: Model::default(),
            kinds: Vec::new(),
            silences: Vec::new(),
            version: "none".to_owned(),
        }
    }
}
