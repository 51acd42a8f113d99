//! The compiled rules, and the one pass that applies them.

use super::codes::Codes;
use super::context::Cues;
use super::pack::{self, Negated, Pack, PackError};
use super::pattern::{Hit, Pattern, WordSet};
use super::practice::Silence;
use super::reading::Reading;
use super::spelling::Spelling;
use super::statistics::{self, Features, Learned, Lesson, Model, Score, Sentence, is_learned};
use super::vocabulary::{Vocabulary, inflect};
use super::{Match, TextItem, TextScreening, lanes, removal};
use crate::record::{Category, Code, Context, Finding, Lane, Span, Tier};

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

/// A rule that matched, before context.
struct Raw {
    rule: u16,
    hit: Hit,
}

/// The rules that matched, in the light of the words around them.
#[derive(Default)]
struct InContext {
    /// With what is left of their tier.
    left: Vec<(Raw, Tier, Context)>,
    /// The words of those of which nothing is left: “no safeguarding concerns” tells the model nothing either.
    cleared: Vec<Hit>,
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

    /// Where a text goes by rules alone, and the model's score of its strangest sentence, corrected for their number:
    /// what the curve of `anteroom eval` is drawn from.
    pub fn weighed(&self, item: &TextItem) -> (Lane, f32) {
        let reading = self.read(&item.text);
        let by_rules: Vec<Finding> = self
            .in_text(&reading)
            .iter()
            .map(|(found, _)| found)
            .filter(|found| !is_learned(&found.rule))
            .map(as_finding)
            .collect();
        (lanes::lane(&by_rules), lanes::for_length(self.score(&item.text), reading.sentences.len()))
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
        let mut matched = Vec::new();
        let mut by_rule = Vec::new();
        let InContext { left, cleared } = self.in_context(reading);
        for (raw, tier, context) in left {
            let Some(rule) = self.rules.get(raw.rule as usize) else { continue };
            let summary = &rule.summary;
            if let Some(token) = reading.tokens.get(raw.hit.0) {
                matched.push((token.sentence, raw.rule));
            }
            by_rule.push(Match {
                rule: summary.id.clone(),
                category: summary.category,
                tier,
                span: reading.span(raw.hit.0, raw.hit.1),
                why: summary.why.clone(),
                context,
            });
        }
        let scores = self.model.scores(reading, &matched, &cleared);
        let by_sentence: Vec<f32> = scores.iter().map(|score| score.value).collect();
        for rule in by_rule {
            let remove = removal::suggested(reading, rule.span, &by_sentence);
            found.push((rule, remove));
        }
        let all = reading.sentences.len();
        let mut left = all;
        // Beside less text a sentence stands out more: what would be held once the rest is gone has to go with it.
        loop {
            let holds = |score: &&Score| lanes::holds(score.value, left);
            let by_model =
                scores.iter().filter(holds).filter_map(|score| reading.sentences.get(score.sentence as usize));
            let by_rules = found.iter().filter_map(|(_, remove)| remove.as_ref());
            let gone: Vec<&Span> = by_rules.chain(by_model).collect();
            let stays = |sentence: &&Span| !gone.iter().any(|span| span.overlaps(**sentence));
            let now = reading.sentences.iter().filter(stays).count();
            if now == left {
                break;
            }
            left = now;
        }
        for score in scores {
            let Some((tier, rule)) = lanes::weight_of_score(score.value, all, left) else { continue };
            let (strongest, category) = self.model.strongest(reading, score.sentence);
            let Some(span) = around(&strongest) else { continue };
            let words: Vec<String> =
                strongest.iter().filter_map(|span| span.of(reading.text)).map(|word| format!("“{word}”")).collect();
            let resembles = Match {
                rule: rule.to_owned(),
                category,
                tier,
                span,
                why: format!("Resembles disclosures: {}", words.join(", ")),
                context: Context::default(),
            };
            found.push((resembles, removal::suggested(reading, span, &by_sentence)));
        }
        found
    }

    /// The rules that matched, each with what is left of its tier by what the words around it say.
    fn in_context(&self, reading: &Reading) -> InContext {
        let mut found = InContext::default();
        for raw in self.raw(reading) {
            let Some(rule) = self.rules.get(raw.rule as usize) else { continue };
            let context = self.cues.around(reading, raw.hit.0, raw.hit.1);
            let (tier, category) = (rule.summary.tier, rule.summary.category);
            match lanes::tier_in_context(tier, category, rule.negated, rule.hypothetical, context) {
                Some(tier) => found.left.push((raw, tier, context)),
                None => found.cleared.push(raw.hit),
            }
        }
        found
    }

    /// Trains a model on labelled texts; writes it with `record` as its comment. The same texts give the same bytes.
    pub fn train(&self, lessons: &[Lesson], features: Features, record: &str) -> String {
        let kinds = |word: &str| self.kinds.get(self.vocabulary.number(word) as usize).cloned().unwrap_or_default();
        let mut sentences = Vec::new();
        for lesson in lessons {
            let reading = self.read(&lesson.text);
            let InContext { left: matched, cleared } = self.in_context(&reading);
            for (number, sentence) in reading.sentences.iter().enumerate() {
                let overlap = |mark: &Span| mark.end.min(sentence.end).saturating_sub(mark.start.max(sentence.start));
                let discloses = lesson.marked.iter().any(|mark| 2 * overlap(mark) > sentence.len().min(mark.len()));
                let words = reading.words(number as u32, &cleared, &self.vocabulary);
                let range = reading.sentence_tokens(number as u32);
                let rules: Vec<&str> = matched
                    .iter()
                    .filter(|(raw, ..)| range.contains(&raw.hit.0))
                    .filter_map(|(raw, ..)| self.rules.get(raw.rule as usize))
                    .map(|rule| rule.summary.id.as_str())
                    .collect();
                sentences.push(Sentence {
                    features: statistics::features(&words, &kinds, &rules, features),
                    discloses: discloses.then_some(lesson.category),
                });
            }
        }
        statistics::learn(&sentences, record)
    }

    /// These rules with another model, over the given features.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub fn with_model(mut self, model: &str, features: Features) -> Result<Self, PackError> {
        let error = |what| PackError { file: pack::MODEL.to_owned(), what };
        let learned = Learned::parse(model).map_err(error)?;
        learned.add_words(&mut self.vocabulary);
        self.kinds.resize(self.vocabulary.len(), Vec::new());
        self.index.resize(self.vocabulary.len(), Vec::new());
        let names = self.rules.iter().map(|rule| rule.summary.id.as_str());
        self.model = learned.model(&self.vocabulary, &self.kinds, names, features);
        Ok(self)
    }

    /// What the model says of a text: the score of its strangest sentence.
    pub fn score(&self, text: &str) -> f32 {
        let reading = self.read(text);
        let InContext { left, cleared } = self.in_context(&reading);
        let matched: Vec<(u32, u16)> =
            left.iter().filter_map(|(raw, ..)| Some((reading.tokens.get(raw.hit.0)?.sentence, raw.rule))).collect();
        self.model.scores(&reading, &matched, &cleared).iter().map(|score| score.value).fold(f32::MIN, f32::max)
    }

    /// Reads a text with these rules' words.
    pub(super) fn read<'t>(&self, text: &'t str) -> Reading<'t> {
        Reading::new(text, &self.vocabulary, &self.spelling)
    }

    fn raw(&self, reading: &Reading) -> Vec<Raw> {
        let mut raw: Vec<Raw> = Vec::new();
        let mut around = None;
        for (at, token) in reading.tokens.iter().enumerate() {
            for number in [token.word, token.capitals] {
                if !self.anchors.contains(number) {
                    continue;
                }
                let around = match &around {
                    Some((sentence, known)) if *sentence == token.sentence => known,
                    _ => &around.insert((token.sentence, reading.around(at))).1,
                };
                for (r, p) in self.index.get(number as usize).into_iter().flatten() {
                    let Some(rule) = self.rules.get(*r as usize) else { continue };
                    if let Some(pattern) = rule.patterns.get(*p as usize)
                        && pattern.may_match(around)
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
            anchors: WordSet::default(),
            codes: Codes::default(),
            model: Model::default(),
            kinds: Vec::new(),
            silences: Vec::new(),
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

/// The stretch from the first to the last of the strongest words; only the strongest where they stand far apart.
fn around(strongest: &[Span]) -> Option<Span> {
    let first = strongest.iter().map(|span| span.start).min()?;
    let last = strongest.iter().map(|span| span.end).max()?;
    if last - first <= FAR_APART { Some(Span::new(first, last)) } else { strongest.first().copied() }
}

/// In bytes: about a line of the skim page.
const FAR_APART: usize = 80;

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
