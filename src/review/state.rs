//! Where an entry's review stands.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::record::{Act, Decision, Fingerprint, Lane, Tier, Version};

/// Where the current version of an entry stands. Everything but [`State::Released`] is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Screening is under way, or failed.
    Screening,
    /// Recorded before online access began: no patient sees it, so nobody reviews it.
    NotOpen,
    /// Weak evidence: a line to skim.
    Skim,
    /// Nothing found, or skimmed and passed; the uniform hold runs.
    AutoHold,
    /// Waits for a person.
    Queued,
    /// One person agreed; another must.
    AwaitingSecond,
    /// Agreed; the hold and the grace run, and it can be taken back.
    Settling,
    /// Visible to the patient.
    Released,
    /// Withheld by a person, until reviewed again.
    Hidden,
    /// A newer version took its place.
    Superseded,
    /// Gone at the source.
    SourceDeleted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Screening,
        Self::NotOpen,
        Self::Skim,
        Self::AutoHold,
        Self::Queued,
        Self::AwaitingSecond,
        Self::Settling,
        Self::Released,
        Self::Hidden,
        Self::Superseded,
        Self::SourceDeleted,
    ];

    /// The name in the log, in commands and in the diagram.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::NotOpen => "not-open",
            Self::Skim => "skim",
            Self::AutoHold => "auto-hold",
            Self::Queued => "queued",
            Self::AwaitingSecond => "awaiting-second",
            Self::Settling => "settling",
            Self::Released => "released",
            Self::Hidden => "hidden",
            Self::Superseded => "superseded",
            Self::SourceDeleted => "source-deleted",
        }
    }

    /// Whether it waits for a person.
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::Queued | Self::AwaitingSecond)
    }
}

/// The review of one version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Which version it is about.
    pub version: Version,
    /// What that version looked like.
    pub fingerprint: Fingerprint,
    /// Where it stands.
    pub state: State,
    /// Rises with every move; a decision on an older one is refused.
    pub revision: u64,
    /// What screening said.
    pub tier: Tier,
    /// What screening said.
    pub lane: Lane,
    /// Standing decisions on this version.
    pub decisions: Vec<Decision>,
    /// Who read its line on the skim page and let it pass: no approval, and never enough at tier 2 or above.
    #[serde(default)]
    pub passed: Option<Passed>,
    /// When the entry was first pulled, in whatever version: the uniform hold runs from here.
    pub first_pulled: DateTime<Utc>,
    /// Since when it stands there.
    pub since: DateTime<Utc>,
    /// When time moves it on, if nothing else does.
    pub due: Option<DateTime<Utc>>,
    /// When a hide is looked at again.
    pub review_by: Option<NaiveDate>,
}

/// A line of the skim page that somebody read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The person's login.
    pub by: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// The line's share of the page's time on their screen, milliseconds.
    pub on_screen: u64,
}

impl Review {
    /// The review of a version that has just arrived.
    pub fn begin(version: Version, fingerprint: Fingerprint, first_pulled: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            version,
            fingerprint,
            state: State::Screening,
            revision: 1,
            // Until screening has spoken it counts as the worst.
            tier: Tier::Critical,
            lane: Lane::Hold,
            decisions: Vec::new(),
            passed: None,
            first_pulled,
            since: now,
            due: None,
            review_by: None,
        }
    }

    /// The act that stands and that a release would carry out: the one everybody agreed on.
    pub fn standing_act(&self) -> Option<&Act> {
        self.decisions.last().map(|decision| &decision.act)
    }
}
