//! What people decide about an entry, and why.

use serde::{Deserialize, Serialize};

use super::{SourceKey, Span};

/// Why an entry is hidden: a closed list, because over-hiding is a breach too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HideReason {
    /// Serious harm to the patient's physical or mental health (DPA 2018 Sch 3 Pt 2 para 2(1)).
    HarmToPatient,
    /// Serious harm to somebody else (DPA 2018 Sch 3 Pt 2 para 2(1)).
    HarmToOther,
    /// The patient may be made to share the record.
    Coercion,
    /// A child's best interests, where a parent or proxy can read it.
    ChildInterests,
    /// Facts about, or given in confidence by, a third party (DPA 2018 Sch 2 Pt 3 para 16).
    ThirdParty,
    /// Not final: withheld until somebody has spoken to the patient.
    NotFinal,
    /// It belongs in another patient's record.
    WrongPatient,
    /// The patient asked for it.
    PatientRequest,
}

impl HideReason {
    /// Every reason, in the order in which the dialog numbers them from 1.
    pub const ALL: [Self; 8] = [
        Self::HarmToPatient,
        Self::HarmToOther,
        Self::Coercion,
        Self::ChildInterests,
        Self::ThirdParty,
        Self::NotFinal,
        Self::WrongPatient,
        Self::PatientRequest,
    ];

    /// In plain words, as the dialog shows it.
    pub fn words(self) -> &'static str {
        match self {
            Self::HarmToPatient => "Serious harm to the patient",
            Self::HarmToOther => "Serious harm to another person",
            Self::Coercion => "The patient may be made to show the record",
            Self::ChildInterests => "A child’s best interests",
            Self::ThirdParty => "A third party’s facts or confidence",
            Self::NotFinal => "Not final: someone will speak to the patient",
            Self::WrongPatient => "Filed on the wrong patient",
            Self::PatientRequest => "The patient asked for it",
        }
    }

    /// The stable name used in commands and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::HarmToPatient => "harm-to-patient",
            Self::HarmToOther => "harm-to-other",
            Self::Coercion => "coercion",
            Self::ChildInterests => "child-interests",
            Self::ThirdParty => "third-party",
            Self::NotFinal => "not-final",
            Self::WrongPatient => "wrong-patient",
            Self::PatientRequest => "patient-request",
        }
    }

    /// The reason with that stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// How removed words look to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Nothing is inserted and the text closes up: a visible mark endangers.
    #[default]
    Silent,
    /// One constant mark, for third-party facts where a mark is harmless.
    Marked,
}

/// What a removal takes away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemovalTarget {
    /// The whole line: code, words, value and text.
    Line,
    /// These bytes of the line's text.
    Text(Span),
}

/// One thing taken out of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Removal {
    /// Which part.
    pub part: SourceKey,
    /// What of it.
    pub target: RemovalTarget,
}

/// What a person wants to happen to an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Show it as it is.
    Approve,
    /// Show it without these.
    Redact {
        /// What goes.
        removals: Vec<Removal>,
        /// How that looks.
        style: Style,
    },
    /// Do not show it.
    Hide {
        /// Why.
        reason: HideReason,
    },
}

/// An act by a person on exactly one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The person's login.
    pub by: String,
    /// What.
    pub act: Act,
    /// When, UTC.
    pub at: chrono::DateTime<chrono::Utc>,
}
