//! What a lease covers, and how one is told from an earlier one.

use serde::{Deserialize, Serialize};

/// Which reading of a patient's entries a lease is for. Two people may read the same patient at
/// different stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// What nobody has agreed to yet.
    First,
    /// What one person agreed to and another must.
    Second,
    /// What the safeguarding lead decides.
    Lead,
    /// What is read blind to measure what is missed.
    Quality,
}

impl Stage {
    /// The name in the log, in figures and in sentences.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Lead => "lead",
            Self::Quality => "quality",
        }
    }
}

/// A fencing token: which grant of a lease somebody acts under. Rises with every grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token {
    /// The place in the log of the record that the daemon started. Leases do not outlive a daemon, and a later
    /// one starts further on in the log, so its tokens are above all that were ever given.
    pub run: u64,
    /// The number of the grant since then, from 1.
    pub grant: u64,
}
