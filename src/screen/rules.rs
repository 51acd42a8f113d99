//! The compiled rules, and the one pass that applies them.

use super::codes::Codes;
use super::context::Cues;
use super::pack::{self, Negated, Pack, PackError};
use super::pattern::{Hit, Pattern};
use super::reading::Reading;
use super::spelling::Spelling;
use super::statistics::{self, Features, Lesson, Model};
use super::vocabulary::{Vocabulary, inflect};
use super::{Match, TextItem, TextScreening, lanes, removal};
use crate::record::{Category, Code, Context, Finding, Span, Tier};

/// The rule of the model of sentences.
pub(super) const RESEMBLES: &str = "statistics.resembles";

/// Everything that decides a verdict, compiled once and shared between threads.
#[derive(Debug)]
pub struct Rules {
    vocabulary: Vocabulary,
    spelling: Spelling,
    rules: Vec<Rule>,
    /// For each word number, the patterns to try where it stands.
    index: Vec<Vec<(u16, u16)>>,
    codes: Codes,
    cues: Cues,
    model: Model,
    /// For each word number, the hashes of its classes.
    classes: Vec<Vec<u64>>,
    /// The same by name, for training.
    class_names: Vec<Vec<String>>,
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

/// A rule that matched, before context.
struct Raw {
    rule: u16,
    hit: Hit,
}

impl Rules {
    /// The rules of this release.
    pub fn built_in() -> Self {
        // The packs are part of the program and a test compiles them; a slip there must still not clear anything.
        Self::parse(pack::BUILT_IN).unwrap_or_else(|_| Self::nothing_is_clear())
    }

    /// Compiles packs given as file names and texts.
    ///
    /// # Errors
    /// The first thing wrong, with its file.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, PackError> {
        let mut digest = blake3::Hasher::new();
        let mut packs = Vec::new();
        let mut model = Model::default();
        for (file, text) in files {
            digest.update(&(text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
            if *file == pack::MODEL {
                model = Model::parse(text).map_err(|what| PackError { file: (*file).to_owned(), what })?;
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
        for (file, pack) in packs {
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
        let mut class_names = vec![Vec::new(); vocabulary.len()];
        let mut names: Vec<&String> = classes.keys().collect();
        names.sort();
        for name in names {
            for member in classes.get(name).into_iter().flatten() {
                for form in member.strip_suffix('+').map_or_else(|| vec![member.clone()], inflect) {
                    if let Some(slot) = class_names.get_mut(vocabulary.number(&form) as usize) {
                        slot.push(format!("@{name}"));
                    }
                }
            }
        }
        // Word 0 stands for every word that no rule knows.
        class_names.iter_mut().take(2).for_each(Vec::clear);
        let classes =
            class_names.iter().map(|names| names.iter().map(|name| statistics::name_hash(name)).collect()).collect();
        let version = digest.finalize().to_hex().chars().take(16).collect();
        let spelling = Spelling::new(&vocabulary, ordinary.split_whitespace());
        Ok(Self { vocabulary, spelling, rules, index, codes, cues, model, classes, class_names, version })
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

    /// Screens one text.
    pub fn screen(&self, item: &TextItem) -> TextScreening {
        let reading = Reading::new(&item.text, &self.vocabulary, &self.spelling);
        let mut findings = self.in_codes(&item.codes);
        findings.extend(self.in_text(&reading));
        if !KINDS.contains(&item.kind.as_str()) {
            findings
                .push(unscreened(Span::new(0, 0), "is of a kind that the rules do not know, so it was not screened"));
        }
        in_order(&mut findings);
        let as_findings: Vec<Finding> = findings.iter().map(|(m, _)| as_finding(m)).collect();
        let mut categories: Vec<Category> = Vec::new();
        for (found, _) in &findings {
            if !categories.contains(&found.category) {
                categories.push(found.category);
            }
        }
        let remove = findings.iter().filter_map(|(_, remove)| *remove).collect();
        TextScreening {
            verdict: lanes::lane(&as_findings),
            tier: findings.iter().map(|(found, _)| found.tier).max().unwrap_or(Tier::Nothing),
            categories,
            matches: findings.into_iter().map(|(found, _)| found).collect(),
            remove: removal::joined(&item.text, remove),
        }
    }

    /// What the codes say. The matches have no place.
    pub(super) fn in_codes(&self, codes: &[Code]) -> Vec<(Match, Option<Span>)> {
        codes
            .iter()
            .filter_map(|code| self.codes.find(code))
            .map(|hit| {
                let found = Match {
                    rule: hit.rule.to_owned(),
                    category: hit.category,
                    tier: hit.tier,
                    span: Span::new(0, 0),
                    why: hit.why.to_owned(),
                    context: Context::default(),
                };
                (found, None)
            })
            .collect()
    }

    /// What the words say, each with what to take out.
    pub(super) fn in_text(&self, reading: &Reading) -> Vec<(Match, Option<Span>)> {
        let mut found = Vec::new();
        if self.rules.is_empty() {
            found.push(unscreened(Span::new(0, 0), "was not screened: there are no rules"));
        }
        for (trouble, span) in &reading.troubles {
            found.push(unscreened(*span, trouble.words()));
        }
        let scores = self.model.scores(reading, &self.classes);
        let mut by_sentence = vec![f32::MIN; reading.sentences.len()];
        for score in &scores {
            if let Some(slot) = by_sentence.get_mut(score.sentence as usize) {
                *slot = score.value;
            }
        }
        for raw in self.raw(reading) {
            let Some(rule) = self.rules.get(raw.rule as usize) else { continue };
            let (first, last) = raw.hit;
            let context = self.cues.around(reading, first, last);
            let summary = &rule.summary;
            let Some(tier) =
                lanes::tier_in_context(summary.tier, summary.category, rule.negated, rule.hypothetical, context)
            else {
                continue;
            };
            let span = reading.span(first, last);
            let found_here = Match {
                rule: summary.id.clone(),
                category: summary.category,
                tier,
                span,
                why: summary.why.clone(),
                context,
            };
            found.push((found_here, removal::suggested(reading, span, &by_sentence)));
        }
        for score in scores {
            let Some(tier) = lanes::tier_of_score(score.value, reading.sentences.len()) else { continue };
            let Some(span) = reading.sentences.get(score.sentence as usize).copied() else { continue };
            let strongest = score.strongest.of(reading.text).unwrap_or_default();
            let found_here = Match {
                rule: RESEMBLES.to_owned(),
                category: score.category,
                tier,
                span,
                why: format!("Resembles disclosures: “{strongest}”"),
                context: Context::default(),
            };
            found.push((found_here, removal::suggested(reading, span, &by_sentence)));
        }
        found
    }

    /// Trains a model on labelled texts, each with the stretches that disclose something and what they disclose;
    /// writes it with `record` as its comment. The same texts give the same bytes.
    pub fn train(&self, texts: &[(String, Vec<Span>, Category)], kind: Features, record: &str) -> String {
        let classes = |word: &str| {
            let number = self.vocabulary.number(word);
            self.class_names.get(number as usize).cloned().unwrap_or_default()
        };
        let mut lessons = Vec::new();
        for (text, marked, category) in texts {
            let reading = self.read(text);
            for (number, sentence) in reading.sentences.iter().enumerate() {
                let overlap = |mark: &Span| mark.end.min(sentence.end).saturating_sub(mark.start.max(sentence.start));
                let discloses = marked.iter().any(|mark| 2 * overlap(mark) > sentence.len().min(mark.len()));
                let words = reading.words(number as u32, &self.vocabulary);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let features = statistics::features(&words, kind, &classes);
                lessons.push(Lesson { features, discloses: discloses.then_some(*category) });
            }
        }
        statistics::learn(&lessons, record)
    }

    /// What a model that [`Rules::train`] wrote says of a text: the score of its strangest sentence.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub fn score_with(&self, model: &str, text: &str, kind: Features) -> Result<f32, PackError> {
        let error = |what| PackError { file: pack::MODEL.to_owned(), what };
        let model = Model::parse(model).map_err(error)?;
        let classes: &[Vec<u64>] = if kind == Features::Content { &self.classes } else { &[] };
        let scores = model.scores(&self.read(text), classes);
        Ok(scores.iter().map(|score| score.value).fold(f32::MIN, f32::max))
    }

    /// Reads a text with these rules' words.
    pub(super) fn read<'t>(&self, text: &'t str) -> Reading<'t> {
        Reading::new(text, &self.vocabulary, &self.spelling)
    }

    fn raw(&self, reading: &Reading) -> Vec<Raw> {
        let mut raw: Vec<Raw> = Vec::new();
        for (at, token) in reading.tokens.iter().enumerate() {
            for number in [token.word, token.capitals] {
                for (r, p) in self.index.get(number as usize).into_iter().flatten() {
                    let Some(rule) = self.rules.get(*r as usize) else { continue };
                    if let Some(pattern) = rule.patterns.get(*p as usize)
                        && let Some(hit) = pattern.matches_at(reading, at)
                        && rule.allowed(reading, at)
                        && !raw
                            .iter()
                            .rev()
                            .take(64)
                            .any(|other| other.rule == *r && other.hit.1 >= hit.0 && other.hit.0 <= hit.1)
                    {
                        raw.push(Raw { rule: *r, hit });
                    }
                }
            }
        }
        raw
    }

    fn nothing_is_clear() -> Self {
        let mut vocabulary = Vocabulary::new();
        Self {
            cues: Cues::new(&mut vocabulary),
            spelling: Spelling::new(&vocabulary, std::iter::empty()),
            vocabulary,
            rules: Vec::new(),
            index: Vec::new(),
            codes: Codes::default(),
            model: Model::default(),
            classes: Vec::new(),
            class_names: Vec::new(),
            version: "none".to_owned(),
        }
    }
}

impl Rule {
    fn allowed(&self, reading: &Reading, at: usize) -> bool {
        if self.near.is_empty() && self.unless.is_empty() {
            return true;
        }
        let window = reading.window(at, 0);
        (self.near.is_empty() || self.near.iter().any(|pattern| pattern.occurs_in(reading, window.clone())))
            && !self.unless.iter().any(|pattern| pattern.occurs_in(reading, window.clone()))
    }
}

/// The kinds of text that the rules were written for.
const KINDS: [&str; 9] =
    ["consultation", "document", "problem", "admin", "referral", "result", "medication", "other", "letter"];

pub(super) fn unscreened(span: Span, why: &str) -> (Match, Option<Span>) {
    let found = Match {
        rule: "unscreened".to_owned(),
        category: Category::Unscreened,
        tier: Tier::Critical,
        span,
        why: format!("The text {why}"),
        context: Context::default(),
    };
    (found, None)
}

/// Most urgent first, then in reading order.
pub(super) fn in_order(findings: &mut [(Match, Option<Span>)]) {
    findings.sort_by(|(a, _), (b, _)| b.tier.cmp(&a.tier).then(a.span.cmp(&b.span)).then(a.rule.cmp(&b.rule)));
}

fn as_finding(found: &Match) -> Finding {
    Finding {
        rule: found.rule.clone(),
        category: found.category,
        tier: found.tier,
        place: None,
        why: found.why.clone(),
        context: found.context,
        suggested: Vec::new(),
    }
}
