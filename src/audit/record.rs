//! One line of the audit log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::record::{EntryId, PatientId, Version};

/// Something that happened: who, what, to which entry, with what result. Holds no clinical words and
/// no names of patients; entries and patients are referred to by keyed identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Who really did it; a system job never acts in a person's name.
    pub actor: Actor,
    /// What.
    pub event: Event,
    /// Whether it took effect.
    #[serde(default)]
    pub outcome: Outcome,
    /// The patient concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The entry concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The review state before and after, by name, where it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<(String, String)>,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The login, or the name of the system job.
    pub login: String,
    /// The role they had then.
    pub role: Role,
}

impl Actor {
    /// A job of the program itself.
    pub fn system(job: &str) -> Self {
        Self { login: job.to_owned(), role: Role::System }
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Triages the queue.
    Clinician,
    /// Safeguarding lead: decides, overrules and supervises.
    Lead,
    /// Verifies the log without reading records.
    Auditor,
    /// Runs the machine and reads no records.
    Admin,
    /// The program itself.
    System,
}

impl Role {
    /// The name used in settings and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Lead => "lead",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::System => "system",
        }
    }
}

/// Whether an act took effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did.
    #[default]
    Done,
    /// It was refused, with the rule that refused it.
    Refused(String),
}
