//! Which lane an entry takes: every threshold stands here.

use super::pack::Negated;
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
            rules.sort_unstable();
            rules.dedup();
            if rules.len() >= WEAK_CUES_THAT_HOLD { Lane::Hold } else { Lane::Skim }
        }
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
