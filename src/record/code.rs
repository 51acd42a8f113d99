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

impl Code {
    /// The label of a line that its source already hides from the patient: NOPAT of HL7's ActCode, "no
    /// disclosure to patient, family or caregivers without attending provider's authorization".
    pub fn not_for_patient() -> Self {
        Self {
            system: CodeSystem::Local,
            code: NOT_FOR_PATIENT.to_owned(),
            display: "hidden from the patient at the source".to_owned(),
        }
    }
}

/// HL7's label for what a patient must not see without their clinician.
pub(super) const NOT_FOR_PATIENT: &str = "NOPAT";
