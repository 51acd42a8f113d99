//! What is known of the patient beyond the entry, and what it makes of weak cues.

use super::statistics::FAINT;
use crate::record::{Finding, Lane, Screening, Tier};

/// Facts about a patient that make a weak cue weigh more: somebody else may read it, or something has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The record carries the code for an enhanced review, or a person has set that flag.
    pub enhanced_review: bool,
    /// A member of the household had a concern held or hidden of late.
    pub household_concern: bool,
    /// Somebody else has a login that shows them the text: a parent, a carer, an attorney.
    pub proxy_reads_text: bool,
}

impl Standing {
    /// Why, in a clinician's words; `None` where nothing is known that would raise anything.
    fn why(self) -> Option<&'static str> {
        if self.enhanced_review {
            Some("enhanced review is asked for on this record")
        } else if self.household_concern {
            Some("there is a recent concern in the household")
        } else if self.proxy_reads_text {
            Some("somebody else has a login to this record")
        } else {
            None
        }
    }
}

/// `screening` with its weak cues raised to cues in context where `standing` gives a reason, and held then.
/// Nothing is ever lowered, where nothing was found nothing is made up, and what but faintly resembles a disclosure
/// stays a line that somebody skims, unless an enhanced review of this very record is asked for.
pub fn raised(mut screening: Screening, standing: Standing) -> Screening {
    let Some(why) = standing.why() else { return screening };
    let can_rise =
        |finding: &&mut Finding| finding.tier == Tier::Weak && (finding.rule != FAINT || standing.enhanced_review);
    for finding in screening.findings.iter_mut().filter(can_rise) {
        finding.tier = Tier::Cue;
        finding.why = format!("{}; raised, because {why}", finding.why);
        screening.tier = screening.tier.max(Tier::Cue);
        screening.lane = Lane::Hold;
    }
    screening
}
