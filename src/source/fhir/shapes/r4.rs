//! Where R4 types keep their words.

use super::{PLAIN, Shape};
use crate::record::EntryKind;

/// The shape of a type, `None` where it makes no line by a table.
pub(in super::super) fn shape_of(kind: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|(name, _)| *name == kind).map(|(_, shape)| shape)
}

/// Every type that makes a line by the table.
pub(in super::super) static SHAPES: [(&str, Shape); 36] = [
    ("Condition", CONDITION),
    ("AllergyIntolerance", ALLERGY),
    ("MedicationRequest", MEDICATION),
    (
        "MedicationStatement",
        Shape {
            kind: EntryKind::Medication,
            heading: "Medication",
            about: &["medicationCodeableConcept", "medicationReference"],
            states: &["status"],
            further: &[
                "statusReason",
                "category",
                "dosage.text",
                "dosage.patientInstruction",
                "dosage.additionalInstruction",
                "reasonCode",
                "reasonReference.display",
                "note.text",
            ],
            happened: &["effectiveDateTime", "effectivePeriod.start"],
            recorded: &["dateAsserted"],
            author: &["informationSource"],
            ..PLAIN
        },
    ),
    (
        "MedicationDispense",
        Shape {
            kind: EntryKind::Medication,
            heading: "Medication",
            about: &["medicationCodeableConcept", "medicationReference"],
            states: &["status", "quantity", "daysSupply"],
            further: &[
                "statusReasonCodeableConcept",
                "dosageInstruction.text",
                "dosageInstruction.patientInstruction",
                "dosageInstruction.additionalInstruction",
                "note.text",
            ],
            happened: &["whenHandedOver", "whenPrepared"],
            author: &["performer.actor"],
            ..PLAIN
        },
    ),
    (
        "MedicationAdministration",
        Shape {
            kind: EntryKind::Medication,
            heading: "Medication",
            about: &["medicationCodeableConcept", "medicationReference"],
            states: &["status"],
            further: &["statusReason", "category", "dosage.text", "reasonCode", "reasonReference.display", "note.text"],
            happened: &["effectiveDateTime", "effectivePeriod.start"],
            author: &["performer.actor"],
            ..PLAIN
        },
    ),
    ("Immunization", IMMUNIZATION),
    (
        "ImmunizationRecommendation",
        Shape {
            heading: "Immunisation due",
            about: &["recommendation.vaccineCode"],
            states: &["recommendation.forecastStatus"],
            further: &[
                "recommendation.vaccineCode",
                "recommendation.targetDisease",
                "recommendation.forecastReason",
                "recommendation.description",
            ],
            happened: &["date"],
            recorded: &["date"],
            ..PLAIN
        },
    ),
    ("Procedure", PROCEDURE),
    (
        "FamilyMemberHistory",
        Shape {
            heading: "Family history",
            about: &["relationship"],
            states: &["status"],
            further: &[
                "name",
                "condition.code",
                "condition.outcome",
                "condition.onsetString",
                "condition.note.text",
                "bornString",
                "ageString",
                "deceasedString",
                "reasonCode",
                "note.text",
            ],
            happened: &["date"],
            recorded: &["date"],
            ..PLAIN
        },
    ),
    (
        "Flag",
        Shape {
            heading: "Alert",
            about: &["code"],
            states: &["status"],
            further: &["category"],
            happened: &["period.start"],
            author: &["author"],
            ..PLAIN
        },
    ),
    (
        "ClinicalImpression",
        Shape {
            heading: "Assessment",
            about: &["code"],
            states: &["status"],
            further: &[
                "statusReason",
                "description",
                "problem.display",
                "investigation.code",
                "investigation.item.display",
                "summary",
                "finding.itemCodeableConcept",
                "finding.basis",
                "prognosisCodeableConcept",
                "note.text",
            ],
            happened: &["effectiveDateTime", "effectivePeriod.start", "date"],
            recorded: &["date"],
            author: &["assessor"],
            ..PLAIN
        },
    ),
    (
        "RiskAssessment",
        Shape {
            heading: "Risk assessment",
            about: &["code"],
            states: &["status", "prediction.qualitativeRisk"],
            further: &[
                "method",
                "reasonCode",
                "reasonReference.display",
                "prediction.outcome",
                "prediction.rationale",
                "mitigation",
                "note.text",
            ],
            happened: &["occurrenceDateTime", "occurrencePeriod.start"],
            author: &["performer"],
            ..PLAIN
        },
    ),
    (
        "DetectedIssue",
        Shape {
            heading: "Issue",
            about: &["code"],
            states: &["status", "severity"],
            further: &["detail", "evidence.code", "mitigation.action"],
            happened: &["identifiedDateTime", "identifiedPeriod.start"],
            author: &["author"],
            ..PLAIN
        },
    ),
    (
        "AdverseEvent",
        Shape {
            heading: "Adverse event",
            about: &["event"],
            states: &["actuality", "seriousness", "severity", "outcome"],
            further: &["category", "resultingCondition.display", "suspectEntity.instance.display"],
            happened: &["date", "detected"],
            recorded: &["recordedDate"],
            author: &["recorder"],
            ..PLAIN
        },
    ),
    (
        "CarePlan",
        Shape {
            heading: "Care plan",
            about: &["category"],
            states: &["status", "intent"],
            further: &[
                "title",
                "category",
                "description",
                "addresses.display",
                "goal.display",
                "activity.reference.display",
                "activity.outcomeCodeableConcept",
                "activity.progress.text",
                "activity.detail.code",
                "activity.detail.reasonCode",
                "activity.detail.statusReason",
                "activity.detail.scheduledString",
                "activity.detail.description",
                "note.text",
            ],
            happened: &["period.start", "created"],
            recorded: &["created"],
            author: &["author", "contributor"],
            ..PLAIN
        },
    ),
    (
        "CareTeam",
        Shape {
            heading: "Care team",
            about: &["category"],
            states: &["status"],
            further: &["name", "category", "reasonCode", "participant.role", "participant.member.display", "note.text"],
            happened: &["period.start"],
            ..PLAIN
        },
    ),
    (
        "Goal",
        Shape {
            heading: "Goal",
            about: &["description"],
            states: &["lifecycleStatus", "achievementStatus", "priority"],
            further: &[
                "category",
                "target.measure",
                "target.detailString",
                "target.detailCodeableConcept",
                "target.detailQuantity",
                "statusReason",
                "addresses.display",
                "outcomeCode",
                "note.text",
            ],
            happened: &["startDate", "statusDate"],
            author: &["expressedBy"],
            ..PLAIN
        },
    ),
    (
        "ServiceRequest",
        Shape {
            heading: "Request",
            about: &["code", "category"],
            // What is planned lies ahead: it is a state and not when something happened.
            states: &["status", "intent", "priority", "occurrenceDateTime", "occurrencePeriod.start"],
            further: &[
                "category",
                "orderDetail",
                "reasonCode",
                "reasonReference.display",
                "bodySite",
                "performer.display",
                "patientInstruction",
                "note.text",
            ],
            happened: &["authoredOn"],
            recorded: &["authoredOn"],
            author: &["requester"],
            ..PLAIN
        },
    ),
    (
        "DeviceRequest",
        Shape {
            heading: "Request",
            about: &["codeCodeableConcept", "codeReference"],
            states: &["status", "intent", "priority"],
            further: &["reasonCode", "reasonReference.display", "note.text"],
            happened: &["authoredOn"],
            recorded: &["authoredOn"],
            author: &["requester"],
            ..PLAIN
        },
    ),
    (
        "DeviceUseStatement",
        Shape {
            heading: "Device",
            about: &["device"],
            states: &["status"],
            further: &["reasonCode", "reasonReference.display", "bodySite", "note.text"],
            happened: &["recordedOn"],
            recorded: &["recordedOn"],
            author: &["source"],
            ..PLAIN
        },
    ),
    (
        "NutritionOrder",
        Shape {
            heading: "Diet",
            about: &["oralDiet.type"],
            states: &["status", "intent"],
            further: &[
                "allergyIntolerance.display",
                "foodPreferenceModifier",
                "excludeFoodModifier",
                "oralDiet.type",
                "oralDiet.instruction",
                "supplement.type",
                "supplement.productName",
                "supplement.instruction",
                "enteralFormula.administrationInstruction",
                "note.text",
            ],
            happened: &["dateTime"],
            recorded: &["dateTime"],
            author: &["orderer"],
            ..PLAIN
        },
    ),
    (
        "VisionPrescription",
        Shape {
            heading: "Glasses",
            states: &["status"],
            further: &["lensSpecification.product", "lensSpecification.note.text"],
            happened: &["dateWritten", "created"],
            recorded: &["created"],
            author: &["prescriber"],
            ..PLAIN
        },
    ),
    (
        "RequestGroup",
        Shape {
            heading: "Requests",
            about: &["code"],
            states: &["status", "intent", "priority"],
            further: &[
                "reasonCode",
                "reasonReference.display",
                "action.title",
                "action.description",
                "action.code",
                "note.text",
            ],
            happened: &["authoredOn"],
            recorded: &["authoredOn"],
            author: &["author"],
            ..PLAIN
        },
    ),
    (
        "Task",
        Shape {
            heading: "Task",
            about: &["code"],
            states: &["status", "businessStatus", "priority"],
            further: &[
                "statusReason",
                "description",
                "reasonCode",
                "input.valueString",
                "input.valueCodeableConcept",
                "output.valueString",
                "output.valueCodeableConcept",
                "note.text",
            ],
            happened: &["authoredOn"],
            recorded: &["authoredOn"],
            author: &["requester"],
            attached: &["input.valueAttachment", "output.valueAttachment"],
            ..PLAIN
        },
    ),
    (
        "Appointment",
        Shape {
            heading: "Appointment",
            about: &["serviceType", "appointmentType"],
            // It lies ahead as well.
            states: &["status", "start"],
            further: &[
                "cancelationReason",
                "serviceType",
                "reasonCode",
                "reasonReference.display",
                "description",
                "comment",
                "patientInstruction",
            ],
            happened: &["created"],
            recorded: &["created"],
            ..PLAIN
        },
    ),
    (
        "Communication",
        Shape {
            heading: "Communication",
            about: &["topic", "category"],
            states: &["status", "priority"],
            further: &[
                "category",
                "statusReason",
                "reasonCode",
                "reasonReference.display",
                "medium",
                "payload.contentString",
                "payload.contentReference.display",
                "note.text",
            ],
            happened: &["sent", "received"],
            recorded: &["sent", "received"],
            author: &["sender"],
            attached: &["payload.contentAttachment"],
            ..PLAIN
        },
    ),
    (
        "CommunicationRequest",
        Shape {
            heading: "Communication",
            about: &["category"],
            states: &["status", "priority"],
            further: &[
                "statusReason",
                "reasonCode",
                "reasonReference.display",
                "medium",
                "payload.contentString",
                "payload.contentReference.display",
                "note.text",
            ],
            happened: &["authoredOn"],
            recorded: &["authoredOn"],
            author: &["requester", "sender"],
            attached: &["payload.contentAttachment"],
            ..PLAIN
        },
    ),
    (
        "QuestionnaireResponse",
        Shape {
            heading: "Questionnaire",
            states: &["status"],
            happened: &["authored"],
            recorded: &["authored"],
            author: &["author", "source"],
            items: &["item"],
            ..PLAIN
        },
    ),
    (
        "List",
        Shape {
            heading: "List",
            about: &["code"],
            states: &["status"],
            further: &["title", "entry.flag", "entry.item.display", "emptyReason", "note.text"],
            happened: &["date"],
            recorded: &["date"],
            author: &["source"],
            ..PLAIN
        },
    ),
    (
        "Composition",
        Shape {
            kind: EntryKind::Document,
            heading: "Document",
            about: &["type"],
            states: &["status"],
            further: &[
                "title",
                "category",
                "event.code",
                "section*.title",
                "section*.code",
                "section*.entry.display",
                "section*.emptyReason",
            ],
            happened: &["date"],
            recorded: &["date"],
            author: &["author"],
            narrative: &["section*.text.div"],
            ..PLAIN
        },
    ),
    (
        "Media",
        Shape {
            kind: EntryKind::Document,
            heading: "Picture",
            about: &["type", "modality"],
            states: &["status"],
            further: &["view", "reasonCode", "bodySite", "note.text", "content.title"],
            happened: &["createdDateTime", "createdPeriod.start"],
            recorded: &["issued"],
            author: &["operator"],
            attached: &["content"],
            ..PLAIN
        },
    ),
    (
        "Consent",
        Shape {
            heading: "Consent",
            about: &["category", "scope"],
            states: &["status"],
            further: &["category", "policyRule", "provision.purpose", "provision.code"],
            happened: &["dateTime"],
            recorded: &["dateTime"],
            author: &["performer"],
            attached: &["sourceAttachment"],
            ..PLAIN
        },
    ),
    (
        "ImagingStudy",
        Shape {
            kind: EntryKind::Result,
            heading: "Imaging",
            about: &["procedureCode"],
            states: &["status"],
            further: &["description", "procedureCode", "reasonCode", "note.text", "series.description"],
            happened: &["started"],
            recorded: &["started"],
            author: &["interpreter", "referrer"],
            ..PLAIN
        },
    ),
    (
        "Specimen",
        Shape {
            kind: EntryKind::Result,
            heading: "Specimen",
            about: &["type"],
            states: &["status"],
            further: &["condition", "collection.bodySite", "note.text"],
            happened: &["collection.collectedDateTime", "receivedTime"],
            recorded: &["receivedTime"],
            ..PLAIN
        },
    ),
    (
        "EpisodeOfCare",
        Shape {
            heading: "Episode",
            about: &["type"],
            states: &["status"],
            further: &["type", "diagnosis.condition.display", "diagnosis.role"],
            happened: &["period.start"],
            author: &["careManager"],
            ..PLAIN
        },
    ),
];

pub(super) const CONDITION: Shape = Shape {
    kind: EntryKind::Problem,
    heading: "Problem",
    about: &["code"],
    states: &["clinicalStatus", "severity"],
    further: &["bodySite", "stage.summary", "evidence.code", "onsetString", "abatementString", "note.text"],
    happened: &["onsetDateTime", "onsetPeriod.start"],
    recorded: &["recordedDate"],
    author: &["recorder", "asserter"],
    ..PLAIN
};

pub(super) const ALLERGY: Shape = Shape {
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
    ..PLAIN
};

pub(super) const MEDICATION: Shape = Shape {
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
    ..PLAIN
};

pub(super) const IMMUNIZATION: Shape = Shape {
    kind: EntryKind::Other,
    heading: "Immunisation",
    about: &["vaccineCode"],
    states: &["status"],
    further: &["statusReason", "occurrenceString", "reasonCode", "note.text"],
    happened: &["occurrenceDateTime"],
    recorded: &["recorded"],
    author: &["performer.actor"],
    ..PLAIN
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
    ..PLAIN
};
