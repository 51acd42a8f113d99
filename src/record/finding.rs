//! What screening found in an entry, in words a clinician understands.

use serde::{Deserialize, Serialize};

use super::{SourceKey, Span};

/// How much a finding weighs. The order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Tier {
    /// Nothing found.
    Nothing,
    /// A weak cue, to skim.
    Weak,
    /// A cue in context, or a third party's confidence.
    Cue,
    /// A disclosure, or a coded concern.
    Disclosure,
    /// MARAC, child protection, a perpetrator's own record, a flagged patient, or not screened.
    Critical,
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier as u8
    }
}

impl TryFrom<u8> for Tier {
    type Error = &'static str;
    fn try_from(n: u8) -> Result<Self, Self::Error> {
        Ok(match n {
            0 => Self::Nothing,
            1 => Self::Weak,
            2 => Self::Cue,
            3 => Self::Disclosure,
            4 => Self::Critical,
            _ => return Err("a tier is 0 to 4"),
        })
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Violence, abuse, control or coercion by a partner, former partner or family member.
    DomesticAbuse,
    /// Sexual violence and assault.
    SexualViolence,
    /// A child at risk.
    ChildSafeguarding,
    /// An adult at risk: neglect, financial abuse, exploitation by a carer.
    AdultSafeguarding,
    /// Honour-based abuse, female genital mutilation, forced marriage.
    HonourFgmForcedMarriage,
    /// Trafficking, slavery, criminal or sexual exploitation, radicalisation.
    #[serde(rename = "exploitation_trafficking_radicalisation")]
    Exploitation,
    /// Something another person told in confidence, or facts about them.
    #[serde(rename = "third_party_disclosure")]
    ThirdParty,
    /// The record of somebody who is said to harm others.
    Perpetrator,
    /// It could not be screened.
    Unscreened,
}

impl Category {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::DomesticAbuse => "domestic abuse",
            Self::SexualViolence => "sexual violence",
            Self::ChildSafeguarding => "child safeguarding",
            Self::AdultSafeguarding => "adult safeguarding",
            Self::HonourFgmForcedMarriage => "honour-based abuse, FGM or forced marriage",
            Self::Exploitation => "exploitation",
            Self::ThirdParty => "third party",
            Self::Perpetrator => "perpetrator’s record",
            Self::Unscreened => "could not be screened",
        }
    }
}

/// Whom a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The patient whose record it is.
    #[default]
    Patient,
    /// Somebody else.
    Other,
}

/// What the words around a finding say about it. It shifts the tier; it rarely clears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// "denies", "no".
    pub negated: bool,
    /// "in childhood", "ten years ago".
    pub historical: bool,
    /// "if", "advised to call should".
    pub hypothetical: bool,
    /// Whom it is about.
    pub subject: Subject,
}

/// Where in an entry a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The part.
    pub part: SourceKey,
    /// The bytes of the part's text; `None` when it is the code, its words or its value.
    pub span: Option<Span>,
}

/// One reason to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name, stable over releases.
    pub rule: String,
    /// What it is about.
    pub category: Category,
    /// How much it weighs here.
    pub tier: Tier,
    /// Where it stands. `None` when it is about the entry as a whole, such as "could not be screened".
    pub place: Option<Place>,
    /// Why, in a clinician's words.
    pub why: String,
    /// What the words around it say.
    pub context: Context,
    /// The smallest stretch whose removal leaves the rest safe; empty when there is no such stretch.
    pub suggested: Vec<Place>,
}

/// Where an entry goes after screening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Nothing found: a uniform hold, then sampled, then cleared.
    Clear,
    /// Weak evidence: a line on the skim page.
    Skim,
    /// To the queue.
    Hold,
}

/// Everything screening says about one version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screening {
    /// Where it goes.
    pub lane: Lane,
    /// The highest tier among the findings.
    pub tier: Tier,
    /// The reasons, most urgent first, then in reading order.
    pub findings: Vec<Finding>,
    /// Which rules were used: changes when a pack changes.
    pub rules: String,
}
