//! Whether a patient sees an entry. Derived here, from facts, every time; never stored as a flag.

use chrono::{DateTime, Utc};

use super::guard::Guard;
use super::policy::Policy;
use super::state::{Review, State};
use crate::record::{Fingerprint, Tier, Version};

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
    /// A flag holds everything of this patient.
    #[error("a flag holds everything of this patient")]
    Held,
    /// Recorded before the online record begins.
    #[error("it is older than the online record")]
    NotOpen,
    /// It is invented.
    #[error("it is a decoy")]
    Decoy,
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
    if Guard::Decoy.stops(review.decoy) {
        return Err(Withheld::Decoy);
    }
    if Guard::AtSource.stops(!present.at_source) {
        return Err(Withheld::Gone);
    }
    if Guard::NotOpen.stops(!present.open_online) {
        return Err(Withheld::NotOpen);
    }
    let same = review.version == present.version && review.fingerprint == present.fingerprint;
    if Guard::SameContent.stops(!same) {
        return Err(Withheld::OtherVersion);
    }
    if Guard::NoHide.stops(review.is_hidden()) {
        return Err(Withheld::Hidden);
    }
    if Guard::Agreed.stops(!enough(review, present.policy)) {
        return Err(Withheld::TooFew);
    }
    if Guard::HoldRun.stops(present.now < present.policy.held_until(review.first_pulled)) {
        return Err(Withheld::NotYet);
    }
    Ok(())
}

/// Whether those whose decisions stand are enough to show it.
fn enough(review: &Review, policy: &Policy) -> bool {
    let Some(first) = review.decisions.first() else {
        // Cleared by rule: only what screening found nothing in, or a weak cue that somebody read on the skim
        // page and let pass; never what a lead has taken back from hidden.
        let passed = review.tier == Tier::Weak && review.passed.is_some();
        return (review.tier == Tier::Nothing || passed) && review.overruled_by.is_none();
    };
    let mut people: Vec<&str> = review.decisions.iter().map(|decision| decision.by.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    let needed = policy.required(review.tier, &first.act, review.overruled_by.is_some());
    review.decisions.iter().all(|decision| decision.act == first.act)
        && people.len() >= usize::from(needed.people)
        && (!needed.lead || people.iter().any(|person| review.leads.iter().any(|lead| lead == person)))
}
