//! Where the types that make a single line keep their words: a table instead of a function each.

use crate::record::EntryKind;

/// Where one type keeps what. Each list is tried in turn, or gathered, as its name says.
pub(super) struct Shape {
    pub(super) kind: EntryKind,
    pub(super) heading: &'static str,
    /// The concept that the line is about; the first that is there.
    pub(super) about: &'static [&'static str],
    /// Concepts that say how it stands; all.
    pub(super) states: &'static [&'static str],
    /// Concepts and texts that are read as free text; all, each in a line of its own.
    pub(super) further: &'static [&'static str],
    /// When it happened; the first.
    pub(super) happened: &'static [&'static str],
    /// When it was saved; the first.
    pub(super) recorded: &'static [&'static str],
    /// Who recorded it; the first.
    pub(super) author: &'static [&'static str],
}

/// The shape of a type, `None` where nothing reads it.
pub(super) fn shape_of(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "Condition" => &CONDITION,
        "AllergyIntolerance" => &ALLERGY,
        "MedicationRequest" => &MEDICATION,
        "Immunization" => &IMMUNIZATION,
        "Procedure" => &PROCEDURE,
        _ => return None,
    })
}

const CONDITION: Shape = Shape {
    kind: EntryKind::Problem,
    heading: "Problem",
    about: &["code"],
    states: &["clinicalStatus", "severity"],
    further: &["bodySite", "stage.summary", "evidence.code", "onsetString", "abatementString", "note.text"],
    happened: &["onsetDateTime", "onsetPeriod.start"],
    recorded: &["recordedDate"],
    author: &["recorder", "asserter"],
};

const ALLERGY: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Allergy",
    about: &["code"],
    states: &["clinicalStatus", "verificationStatus"],
    further: &[
        "onsetString",
        "reaction.substance",
        "reaction.manifestation",
        "reaction.description",
        "reaction.note.text",
        "note.text",
    ],
    happened: &["onsetDateTime", "onsetPeriod.start"],
    recorded: &["recordedDate"],
    author: &["recorder", "asserter"],
};

const MEDICATION: Shape = Shape {
    kind: EntryKind::Medication,
    heading: "Medication",
    about: &["medicationCodeableConcept", "medicationReference"],
    states: &["status"],
    further: &[
        "statusReason",
        "dosageInstruction.text",
        "dosageInstruction.patientInstruction",
        "dosageInstruction.additionalInstruction",
        "reasonCode",
        "reasonReference.display",
        "note.text",
    ],
    happened: &["authoredOn"],
    recorded: &["authoredOn"],
    author: &["requester", "recorder"],
};

const IMMUNIZATION: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Immunisation",
    about: &["vaccineCode"],
    states: &["status"],
    further: &["statusReason", "occurrenceString", "reasonCode", "note.text"],
    happened: &["occurrenceDateTime"],
    recorded: &["recorded"],
    author: &["performer.actor"],
};

const PROCEDURE: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Procedure",
    about: &["code"],
    states: &["status"],
    further: &[
        "statusReason",
        "performedString",
        "reasonCode",
        "bodySite",
        "outcome",
        "complication",
        "followUp",
        "reasonReference.display",
        "note.text",
    ],
    happened: &["performedDateTime", "performedPeriod.start"],
    recorded: &[],
    author: &["recorder", "performer.actor"],
};
