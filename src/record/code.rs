//! Clinical codes as the record carries them.

use serde::{Deserialize, Serialize};

/// Which terminology a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeSystem {
    /// SNOMED CT concept identifiers.
    Snomed,
    /// Read version 2, five-byte codes.
    Read2,
    /// Clinical Terms Version 3 (Read 3).
    Ctv3,
    /// Logical Observation Identifiers Names and Codes.
    Loinc,
    /// Anything else, among them a supplier's own codes.
    #[serde(other)]
    Local,
}

/// One code of a part, with the words the source shows for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The terminology.
    pub system: CodeSystem,
    /// The code itself.
    pub code: String,
    /// The words shown for it; may be empty.
    #[serde(default)]
    pub display: String,
}
