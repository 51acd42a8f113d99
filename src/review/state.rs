//! Where an entry's review stands.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::guard::Guard;
use crate::record::{Act, Decision, Fingerprint, Lane, Note, Tier, Version};

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
    /// One person agreed; another must, without knowing who the first was or what they wanted.
    AwaitingSecond,
    /// Two readers want different things: withheld until a lead who is neither of them decides.
    Disputed,
    /// A reviewer asks the safeguarding lead.
    Escalated,
    /// Put off until a day, for a few days at most.
    Deferred,
    /// Agreed; the hold and the grace run, and it can be taken back.
    Settling,
    /// Visible to the patient.
    Released,
    /// Withheld by a person, until reviewed again. Was never visible in this version.
    Hidden,
    /// Withdrawn by a person after it was visible; what was delivered before still shows it.
    Retracting,
    /// Withdrawn, and every channel shows it no more. Somebody may have read it.
    Retracted,
    /// A newer version took its place.
    Superseded,
    /// Gone at the source.
    SourceDeleted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 16] = [
        Self::Screening,
        Self::NotOpen,
        Self::Skim,
        Self::AutoHold,
        Self::Queued,
        Self::AwaitingSecond,
        Self::Disputed,
        Self::Escalated,
        Self::Deferred,
        Self::Settling,
        Self::Released,
        Self::Hidden,
        Self::Retracting,
        Self::Retracted,
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
            Self::Disputed => "disputed",
            Self::Escalated => "escalated",
            Self::Deferred => "deferred",
            Self::Settling => "settling",
            Self::Released => "released",
            Self::Hidden => "hidden",
            Self::Retracting => "retracting",
            Self::Retracted => "retracted",
            Self::Superseded => "superseded",
            Self::SourceDeleted => "source-deleted",
        }
    }

    /// Whether an entry that stands here is shown, or may come to be with nobody taking a decision back.
    pub fn is_on_the_way(self) -> bool {
        match self {
            Self::Skim
            | Self::AutoHold
            | Self::Queued
            | Self::AwaitingSecond
            | Self::Disputed
            | Self::Escalated
            | Self::Deferred
            | Self::Settling
            | Self::Released => true,
            Self::Screening
            | Self::NotOpen
            | Self::Hidden
            | Self::Retracting
            | Self::Retracted
            | Self::Superseded
            | Self::SourceDeleted => false,
        }
    }

    /// Whether it waits for a reviewer.
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::Queued | Self::AwaitingSecond)
    }

    /// Whether it waits for the safeguarding lead, whom nobody else can stand in for.
    pub fn waits_for_lead(self) -> bool {
        matches!(self, Self::Disputed | Self::Escalated)
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
    /// Who of those who decided did so as safeguarding lead.
    #[serde(default)]
    pub leads: Vec<String>,
    /// What people wrote to each other about it, oldest first. Stays when decisions fall.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// The lead who set somebody's hide of this version aside: showing it then needs a second person.
    #[serde(default)]
    pub overruled_by: Option<String>,
    /// Who has read what would be left of it, before the original.
    #[serde(default)]
    pub read_back: Option<String>,
    /// Why somebody should look at it again although it stands where it should.
    #[serde(default)]
    pub look_again: Option<LookAgain>,
    /// Since when it was visible, or had been when it was withdrawn.
    #[serde(default)]
    pub visible_from: Option<DateTime<Utc>>,
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
    /// Whether it is invented, to measure what readers miss.
    #[serde(default, skip_serializing_if = "is_false")]
    pub decoy: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Something that was shown or hidden deserves another look. It stays where it is until somebody has looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookAgain {
    /// Why.
    pub cause: Cause,
    /// Since when, UTC.
    pub since: DateTime<Utc>,
}

/// Why to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// People approved it, and newer rules find more in it.
    RulesFindMore,
    /// It was visible when a flag was set on the patient.
    PatientFlagged,
    /// The patient asked to see it.
    PatientAsked,
}

impl Cause {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::RulesFindMore => "newer rules find more in it than its readers were shown",
            Self::PatientFlagged => "it was visible when a flag was set on the patient",
            Self::PatientAsked => "the patient asked to see it",
        }
    }
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
            leads: Vec::new(),
            notes: Vec::new(),
            overruled_by: None,
            read_back: None,
            look_again: None,
            visible_from: None,
            passed: None,
            first_pulled,
            since: now,
            due: None,
            review_by: None,
            decoy: false,
        }
    }

    /// The act that stands and that a release would carry out: the one everybody agreed on.
    pub fn standing_act(&self) -> Option<&Act> {
        self.decisions.last().map(|decision| &decision.act)
    }

    /// Whether somebody hid it and that stands.
    pub fn is_hidden(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision.act, Act::Hide { .. }))
    }

    /// Whether this person's decision stands.
    pub fn is_party(&self, login: &str) -> bool {
        self.decisions.iter().any(|decision| decision.by == login)
    }

    /// Whether this person reads it as the second, and so must learn nothing of the first.
    pub fn is_blind_for(&self, login: &str) -> bool {
        Guard::Blind.stops(self.state == State::AwaitingSecond && !self.is_party(login))
    }

    /// What people agreed or passed no longer counts.
    pub(super) fn drop_decisions(&mut self) {
        self.decisions.clear();
        self.leads.clear();
        self.read_back = None;
        self.passed = None;
    }
}
