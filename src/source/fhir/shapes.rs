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

/// The shape of a type in STU3 as GP Connect profiles it, `None` where nothing reads it.
pub(super) fn stu3_shape_of(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "Condition" => &STU3_CONDITION,
        "AllergyIntolerance" => &STU3_ALLERGY,
        "MedicationRequest" => &STU3_MEDICATION_REQUEST,
        "MedicationStatement" => &STU3_MEDICATION_STATEMENT,
        "Immunization" => &STU3_IMMUNIZATION,
        "ProcedureRequest" => &STU3_PROCEDURE_REQUEST,
        "ReferralRequest" => &STU3_REFERRAL_REQUEST,
        "QuestionnaireResponse" => &STU3_QUESTIONNAIRE_RESPONSE,
        _ => return None,
    })
}

const STU3_CONDITION: Shape = Shape {
    // The extension says how significant the problem is.
    states: &["clinicalStatus", "extension.valueCode", "severity", "abatementDateTime"],
    recorded: &["assertedDate"],
    author: &["asserter"],
    ..CONDITION
};

const STU3_ALLERGY: Shape = Shape {
    states: &["clinicalStatus", "verificationStatus", "criticality"],
    further: &[
        "reaction.substance",
        "reaction.manifestation",
        "reaction.description",
        "reaction.note.text",
        "note.text",
        // Why an allergy ended.
        "extension.extension.valueString",
    ],
    recorded: &["assertedDate"],
    ..ALLERGY
};

const STU3_MEDICATION_REQUEST: Shape = Shape {
    about: &["medicationReference", "medicationCodeableConcept"],
    // The first extension says acute or repeat; amounts may be words.
    states: &[
        "status",
        "extension.valueCodeableConcept",
        "dispenseRequest.quantity",
        "dispenseRequest.quantity.extension.valueString",
    ],
    further: &[
        // Why a medicine was stopped.
        "extension.extension.valueCodeableConcept",
        "dosageInstruction.text",
        "dosageInstruction.patientInstruction",
        "reasonCode",
        "note.text",
    ],
    happened: &["dispenseRequest.validityPeriod.start", "authoredOn"],
    author: &["recorder", "requester.agent"],
    ..MEDICATION
};

const STU3_MEDICATION_STATEMENT: Shape = Shape {
    about: &["medicationReference", "medicationCodeableConcept"],
    states: &["status"],
    further: &["dosage.text", "dosage.patientInstruction", "reasonCode", "note.text"],
    happened: &["effectivePeriod.start", "effectiveDateTime"],
    recorded: &["dateAsserted"],
    author: &["informationSource"],
    ..MEDICATION
};

const STU3_IMMUNIZATION: Shape = Shape {
    // The procedure as it was coded stands in an extension; the vaccine is often unknown.
    about: &["extension.valueCodeableConcept", "vaccineCode"],
    further: &["vaccineCode", "explanation.reason", "explanation.reasonNotGiven", "site", "note.text"],
    happened: &["date"],
    recorded: &["extension.valueDateTime", "date"],
    author: &["practitioner.actor"],
    ..IMMUNIZATION
};

const STU3_PROCEDURE_REQUEST: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Plan",
    about: &["code"],
    // What is planned lies ahead, years at times: it is a state and not when something happened.
    states: &["status", "occurrenceDateTime", "occurrencePeriod.start"],
    further: &["reasonCode", "note.text"],
    happened: &["authoredOn"],
    recorded: &["authoredOn"],
    author: &["requester.agent"],
};

const STU3_REFERRAL_REQUEST: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Referral",
    about: &["serviceRequested", "reasonCode", "specialty"],
    states: &["status", "priority"],
    further: &["reasonCode", "specialty", "description", "recipient.display", "note.text"],
    happened: &["authoredOn"],
    recorded: &["authoredOn"],
    author: &["requester.agent"],
};

const STU3_QUESTIONNAIRE_RESPONSE: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Questionnaire",
    about: &[],
    states: &["status"],
    further: &["item.linkId", "item.text", "item.answer.valueString", "item.item.text", "item.item.answer.valueString"],
    happened: &["authored"],
    recorded: &["authored"],
    author: &["author"],
};
