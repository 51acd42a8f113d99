//! Whether a patient sees an entry. Derived here, from facts, every time; never stored as a flag.

use chrono::{DateTime, Utc};

use super::policy::Policy;
use super::state::{Review, State};
use crate::record::{Act, Fingerprint, Tier, Version};

/// Why an entry is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The review has not come to its end.
    #[error("it has not been released")]
    NotReleased,
    /// It was decided on another version.
    #[error("its content has changed since")]
    OtherVersion,
    /// The source has deleted it.
    #[error("the source has deleted it")]
    Gone,
    /// Somebody hid it.
    #[error("somebody hid it")]
    Hidden,
    /// A finding that no person has answered.
    #[error("too few people have agreed")]
    TooFew,
    /// Recorded before the online record begins.
    #[error("it is older than the online record")]
    NotOpen,
    /// The hold or the grace runs.
    #[error("it is not due yet")]
    NotYet,
}

/// What `visible` is derived from.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The version that is current at the source.
    pub version: Version,
    /// What it looks like.
    pub fingerprint: Fingerprint,
    /// Whether the source still has the entry.
    pub at_source: bool,
    /// Whether it was recorded on or after the day from which the patient's online record shows.
    pub open_online: bool,
    /// The review.
    pub review: &'a Review,
    /// The practice's agreement, as it stands now.
    pub policy: &'a Policy,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whether the patient sees the entry, and why not.
///
/// # Errors
/// The first reason to withhold it.
pub fn visible(present: &Present<'_>) -> Result<(), Withheld> {
    if present.review.state != State::Released {
        return Err(Withheld::NotReleased);
    }
    releasable(present)
}

/// The whole formula but for the state: what must hold at the moment of publication too.
///
/// # Errors
/// The first reason to withhold it.
pub fn releasable(present: &Present<'_>) -> Result<(), Withheld> {
    let review = present.review;
    if !present.at_source {
        return Err(Withheld::Gone);
    }
    if !present.open_online {
        return Err(Withheld::NotOpen);
    }
    if review.version != present.version || review.fingerprint != present.fingerprint {
        return Err(Withheld::OtherVersion);
    }
    if review.decisions.iter().any(|decision| matches!(decision.act, Act::Hide { .. })) {
        return Err(Withheld::Hidden);
    }
    match review.decisions.first() {
        // Cleared by rule: only what screening found nothing in.
        None if review.tier == Tier::Nothing => {}
        // Or a weak cue that somebody read on the skim page and let pass.
        None if review.tier == Tier::Weak && review.passed.is_some() => {}
        None => return Err(Withheld::TooFew),
        Some(first) => {
            let mut people: Vec<&str> = review.decisions.iter().map(|decision| decision.by.as_str()).collect();
            people.sort_unstable();
            people.dedup();
            let agreed = review.decisions.iter().all(|decision| decision.act == first.act);
            if !agreed || people.len() < usize::from(present.policy.people_for(review.tier, &first.act)) {
                return Err(Withheld::TooFew);
            }
        }
    }
    if present.now < present.policy.held_until(review.first_pulled) {
        return Err(Withheld::NotYet);
    }
    Ok(())
}
