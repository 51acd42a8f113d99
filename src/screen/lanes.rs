//! Which lane an entry takes: every threshold stands here.

use super::pack::Negated;
use super::statistics::{FAINT, RESEMBLES, is_learned};
use crate::record::{Category, Context, Finding, Lane, Subject, Tier};

/// From this tier on a person has to look at the entry itself.
const HOLD: Tier = Tier::Cue;

/// So many different weak cues together weigh as much as one cue in context.
const WEAK_CUES_THAT_HOLD: usize = 3;

/// The lane for what was found.
pub(super) fn lane(findings: &[Finding]) -> Lane {
    match findings.iter().map(|finding| finding.tier).max() {
        None | Some(Tier::Nothing) => Lane::Clear,
        Some(tier) if tier >= HOLD => Lane::Hold,
        Some(_) => {
            let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
            // However often it resembles something, that is one cue.
            rules.iter_mut().filter(|rule| is_learned(rule)).for_each(|rule| *rule = RESEMBLES);
            rules.sort_unstable();
            rules.dedup();
            if rules.len() >= WEAK_CUES_THAT_HOLD { Lane::Hold } else { Lane::Skim }
        }
    }
}

/// From this score of the model on, a sentence is held or skimmed. Chosen from the curve of what is missed against
/// what is read that `anteroom eval` draws: lower, and each further disclosure held costs more than one harmless entry.
const SCORE_THAT_HOLDS: f32 = 1.2;
const SCORE_TO_SKIM: f32 = -1.2;

/// Below even odds a sentence is a line to skim and no more, whoever reads the record: raised for every proxy, such
/// lines fill the queue with “here with mum”.
const SCORE_TO_RAISE: f32 = 0.0;

/// A sentence beside one that has to go goes too from this score on, or from the lower one when it starts like
/// the second half of a story.
pub(super) const SCORE_THAT_GOES_TOO: f32 = -1.0;
pub(super) const SCORE_THAT_FOLLOWS: f32 = -2.5;

/// The more sentences, the likelier one of them looks odd by chance: thresholds grow with their logarithm.
const LENGTH: f32 = 0.3;

/// A score as if its sentence stood alone.
pub(super) fn for_length(score: f32, sentences: usize) -> f32 {
    score - LENGTH * (sentences.max(1) as f32).ln()
}

/// Whether a sentence of this score, among so many, has to be looked at by a person.
pub(super) fn holds(score: f32, sentences: usize) -> bool {
    for_length(score, sentences) >= SCORE_THAT_HOLDS
}

/// What a sentence of this score weighs in a text of so many `sentences`, of which so many are `left` when everything
/// is gone that has to go, and under which name.
pub(super) fn weight_of_score(score: f32, sentences: usize, left: usize) -> Option<(Tier, &'static str)> {
    if holds(score, left) {
        return Some((Tier::Cue, RESEMBLES));
    }
    let score = for_length(score, sentences);
    if score >= SCORE_TO_RAISE {
        Some((Tier::Weak, RESEMBLES))
    } else if score >= SCORE_TO_SKIM {
        Some((Tier::Weak, FAINT))
    } else {
        None
    }
}

/// What a rule of `tier` weighs in `context`; `None` when the context clears it.
///
/// This is the one place where context may clear anything. A rule asks for that itself
/// (`negated = "clear"`), and only where its words, negated, say that nothing is there and do not give
/// away that somebody asked: “no bruising”, “no safeguarding concerns”. “Denies domestic abuse” is
/// held, because the partner who reads it learns of the question.
pub(super) fn tier_in_context(
    tier: Tier,
    category: Category,
    negated: Negated,
    hypothetical: Negated,
    context: Context,
) -> Option<Tier> {
    let left = |rule: Negated, tier: Tier| match rule {
        Negated::Hold => Some(tier.min(Tier::Cue)),
        Negated::Skim => Some(Tier::Weak),
        Negated::Clear => None,
    };
    let mut tier = tier;
    if context.negated {
        tier = left(negated, tier)?;
    }
    if context.hypothetical {
        tier = left(hypothetical, tier)?;
    }
    let softened = context.historical || (context.subject == Subject::Other && category != Category::ThirdParty);
    if softened && tier == Tier::Critical {
        tier = Tier::Disclosure;
    }
    Some(tier)
}
