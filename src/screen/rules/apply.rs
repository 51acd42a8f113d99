//! The one pass that applies the rules: to a text, to codes, in the light of the words around.

use super::{Rule, Rules};
use crate::record::{Category, Code, Context, Finding, Span, Tier};
use crate::screen::pattern::Hit;
use crate::screen::reading::Reading;
use crate::screen::statistics::Score;
use crate::screen::{Match, TextItem, TextScreening, lanes, removal};

/// A rule that matched, before context.
pub(super) struct Raw {
    pub rule: u16,
    pub hit: Hit,
}

/// The rules that matched, in the light of the words around them.
#[derive(Default)]
pub(super) struct InContext {
    /// With what is left of their tier.
    pub left: Vec<(Raw, Tier, Context)>,
    /// The words of those of which nothing is left: “no safeguarding concerns” tells the model nothing either.
    pub cleared: Vec<Hit>,
}

impl Rules {
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
    pub(in crate::screen) fn in_codes(&self, codes: &[Code]) -> Vec<(Match, Option<Span>)> {
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
    pub(in crate::screen) fn in_text(&self, reading: &Reading) -> Vec<(Match, Option<Span>)> {
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
                why: format!("Reads like {}: {}", likeness(category), words.join(", ")),
                context: Context::default(),
            };
            found.push((resembles, removal::suggested(reading, span, &by_sentence)));
        }
        found
    }

    /// The rules that matched, each with what is left of its tier by what the words around it say.
    pub(super) fn in_context(&self, reading: &Reading) -> InContext {
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

    pub(super) fn raw(&self, reading: &Reading) -> Vec<Raw> {
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

fn unscreened(span: Span, why: &str) -> (Match, Option<Span>) {
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
fn in_order(findings: &mut [(Match, Option<Span>)]) {
    findings.sort_by(|(a, _), (b, _)| b.tier.cmp(&a.tier).then(a.span.cmp(&b.span)).then(a.rule.cmp(&b.rule)));
}

pub(super) fn as_finding(found: &Match) -> Finding {
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

/// What a sentence reads like that no rule names, but the model takes for one of this category.
fn likeness(category: Category) -> &'static str {
    match category {
        Category::ThirdParty => "a third party’s confidence",
        Category::Perpetrator => "a perpetrator’s record",
        category => category.words(),
    }
}
