//! Where STU3 types keep their words, as GP Connect profiles them.

use super::{PLAIN, Shape, r4};
use crate::record::EntryKind;

/// The shape of a type in STU3 as GP Connect profiles it, `None` where nothing reads it.
pub(in super::super) fn shape_of(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "Condition" => &CONDITION,
        "AllergyIntolerance" => &ALLERGY,
        "MedicationRequest" => &MEDICATION_REQUEST,
        "MedicationStatement" => &MEDICATION_STATEMENT,
        "Immunization" => &IMMUNIZATION,
        "ProcedureRequest" => &PROCEDURE_REQUEST,
        "ReferralRequest" => &REFERRAL_REQUEST,
        "QuestionnaireResponse" => &QUESTIONNAIRE_RESPONSE,
        _ => return None,
    })
}

const CONDITION: Shape = Shape {
    // The extension says how significant the problem is.
    states: &["clinicalStatus", "extension.valueCode", "severity", "abatementDateTime"],
    recorded: &["assertedDate"],
    author: &["asserter"],
    ..r4::CONDITION
};

const ALLERGY: Shape = Shape {
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
    ..r4::ALLERGY
};

const MEDICATION_REQUEST: Shape = Shape {
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
    ..r4::MEDICATION
};

const MEDICATION_STATEMENT: Shape = Shape {
    about: &["medicationReference", "medicationCodeableConcept"],
    states: &["status"],
    further: &["dosage.text", "dosage.patientInstruction", "reasonCode", "note.text"],
    happened: &["effectivePeriod.start", "effectiveDateTime"],
    recorded: &["dateAsserted"],
    author: &["informationSource"],
    ..r4::MEDICATION
};

const IMMUNIZATION: Shape = Shape {
    // The procedure as it was coded stands in an extension; the vaccine is often unknown.
    about: &["extension.valueCodeableConcept", "vaccineCode"],
    further: &["vaccineCode", "explanation.reason", "explanation.reasonNotGiven", "site", "note.text"],
    happened: &["date"],
    recorded: &["extension.valueDateTime", "date"],
    author: &["practitioner.actor"],
    ..r4::IMMUNIZATION
};

const PROCEDURE_REQUEST: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Plan",
    about: &["code"],
    // What is planned lies ahead, years at times: it is a state and not when something happened.
    states: &["status", "occurrenceDateTime", "occurrencePeriod.start"],
    further: &["reasonCode", "note.text"],
    happened: &["authoredOn"],
    recorded: &["authoredOn"],
    author: &["requester.agent"],
    ..PLAIN
};

const REFERRAL_REQUEST: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Referral",
    about: &["serviceRequested", "reasonCode", "specialty"],
    states: &["status", "priority"],
    further: &["reasonCode", "specialty", "description", "recipient.display", "note.text"],
    happened: &["authoredOn"],
    recorded: &["authoredOn"],
    author: &["requester.agent"],
    ..PLAIN
};

const QUESTIONNAIRE_RESPONSE: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Questionnaire",
    about: &[],
    states: &["status"],
    further: &[],
    happened: &["authored"],
    recorded: &["authored"],
    author: &["author"],
    items: &["item"],
    ..PLAIN
};
