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

    /// What allows it, with its source, as the policy and the README print it.
    pub fn basis(self) -> &'static str {
        match self {
            Self::HarmToPatient | Self::HarmToOther => {
                "DPA 2018 Sch 3 Pt 2 para 2(1): likely to cause serious harm to physical or mental health; a high \
                 test, for the clinician responsible to assess and record; not for what the patient already knows"
            }
            Self::Coercion => {
                "NHS England, supporting victims and survivors of domestic abuse; RCGP: redact or withhold where \
                 the patient may be made to share"
            }
            Self::ChildInterests => {
                "NHS England, safeguarding young people and children: from proxies and the child; DPA 2018 Sch 3 Pt \
                 5 para 21 for child abuse data"
            }
            Self::ThirdParty => {
                "DPA 2018 Sch 2 Pt 3 para 16: somebody else's data, unless they consent or it is reasonable; not for \
                 the names of health professionals"
            }
            Self::NotFinal => {
                "NHS England, safeguarding patients who already have access: for a while only, until somebody has \
                 spoken to the patient"
            }
            Self::WrongPatient => "UK GDPR art 5(1)(d) and (f): not this patient's data; correct it at the source",
            Self::PatientRequest => "the patient's own wish; undone when they ask",
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

/// What a person does with an entry beside deciding what the patient sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handling {
    /// Asks the safeguarding lead.
    Escalate {
        /// What the lead should know.
        note: String,
    },
    /// Puts it off.
    Defer {
        /// Until the morning of this day.
        until: chrono::NaiveDate,
        /// What is missing.
        why: String,
    },
    /// Takes up again what was put off.
    Resume,
    /// The lead gives it back to the reviewers.
    Return {
        /// What they should consider.
        advice: String,
    },
    /// The lead sets a hide or a withdrawal aside: it is screened and read anew.
    Reopen {
        /// Why.
        why: String,
    },
    /// The patient asks to see what is hidden.
    PatientAsks {
        /// What they said.
        note: String,
    },
    /// The lead has looked again: it stays as it is.
    Confirm {
        /// Why.
        why: String,
    },
    /// Tells whoever reads it next. Moves nothing, and no patient sees it.
    Note {
        /// What they should know.
        text: String,
    },
}

impl Handling {
    /// What was written with it, if something must be.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Escalate { note } | Self::PatientAsks { note } => Some(note),
            Self::Note { text } => Some(text),
            Self::Defer { why, .. } | Self::Reopen { why } | Self::Confirm { why } => Some(why),
            Self::Return { advice } => Some(advice),
            Self::Resume => None,
        }
    }
}

/// What somebody wrote about an entry for those who read it next. Clinical: kept with the entry, never in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The person's login.
    pub by: String,
    /// When, UTC.
    pub at: chrono::DateTime<chrono::Utc>,
    /// What they did with it.
    pub on: Occasion,
    /// Their words.
    pub text: String,
}

/// What a note was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The lead was asked.
    Escalated,
    /// It was put off.
    Deferred,
    /// The lead gave it back.
    Returned,
    /// A hide was set aside.
    Reopened,
    /// The lead decided.
    Resolved,
    /// It was withdrawn after it had been visible.
    Withdrawn,
    /// The patient asked to see it.
    PatientAsked,
    /// The lead looked again.
    Confirmed,
    /// Nothing else: it was written for whoever reads next.
    Noted,
}

impl Occasion {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Escalated => "asked the lead",
            Self::Deferred => "put it off",
            Self::Returned => "gave it back",
            Self::Reopened => "reopened it",
            Self::Resolved => "decided as lead",
            Self::Withdrawn => "withdrew it",
            Self::PatientAsked => "the patient asked",
            Self::Confirmed => "looked again",
            Self::Noted => "noted",
        }
    }
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
