//! Where each table of records keeps its words and codes: data, not a function a table.

use crate::record::{CodeSystem, EntryKind, Unreadable};

/// Where one table keeps what. Lists are gathered, except `words`, of which the first that is there counts.
pub(super) struct Shape {
    pub(super) table: &'static str,
    pub(super) prefix: &'static str,
    pub(super) kind: EntryKind,
    pub(super) heading: &'static str,
    /// What a row says by being there.
    pub(super) says: &'static str,
    pub(super) words: &'static [&'static str],
    pub(super) codes: &'static [(&'static str, CodeSystem)],
    /// Values, and numbers of a list's value.
    pub(super) values: &'static [&'static str],
    /// Free text.
    pub(super) texts: &'static [&'static str],
    /// The line of another table that it adds to: the column and the other's prefix.
    pub(super) with: Option<(&'static str, &'static str)>,
    /// The number of a vaccine, which has a table of its own.
    pub(super) contents: &'static str,
    /// A date here means that the line is gone.
    pub(super) gone: &'static str,
    /// What it names is not in the extract.
    pub(super) unreadable: Option<Unreadable>,
}

const PLAIN: Shape = Shape {
    table: "",
    prefix: "",
    kind: EntryKind::Other,
    heading: "",
    says: "",
    words: &[],
    codes: &[],
    values: &[],
    texts: &[],
    with: None,
    contents: "",
    gone: "",
    unreadable: None,
};

/// Every table that is read line by line, in the order in which lines may lean on those before.
pub(super) static SHAPES: [Shape; 13] = [
    Shape {
        table: "SRCode",
        prefix: "code",
        words: &["SNOMEDText", "CTV3Text"],
        codes: &[("SNOMEDCode", CodeSystem::Snomed), ("CTV3Code", CodeSystem::Ctv3)],
        values: &["NumericComparator", "NumericValue", "NumericUnit"],
        ..PLAIN
    },
    Shape {
        table: "SRProblem",
        prefix: "problem",
        kind: EntryKind::Problem,
        heading: "Problem",
        codes: &[("CTV3Code", CodeSystem::Ctv3)],
        values: &["Severity", "DateEnd"],
        with: Some(("IDCode", "code")),
        ..PLAIN
    },
    Shape {
        table: "SRChildAtRisk",
        prefix: "child-at-risk",
        heading: "Child protection plan",
        says: "Subject to child protection plan",
        values: &["ChildProtectionPlan", "DateRemoved"],
        texts: &["RemovalReason"],
        ..PLAIN
    },
    Shape {
        table: "SRPersonAtRisk",
        prefix: "person-at-risk",
        heading: "Protection plan",
        says: "Subject to safeguarding adults protection plan",
        values: &["ProtectionPlan", "DateRemoved"],
        texts: &["ReasonForPlan", "RemovalReason"],
        ..PLAIN
    },
    Shape {
        table: "SRSpecialNotes",
        prefix: "note",
        heading: "Special note",
        words: &["Type"],
        values: &["DateExpired"],
        texts: &["Note"],
        gone: "DateDeleted",
        ..PLAIN
    },
    Shape {
        table: "SRPrimaryCareMedication",
        prefix: "medication",
        kind: EntryKind::Medication,
        heading: "Medication",
        words: &["NameOfMedication"],
        values: &["MedicationQuantity"],
        texts: &["MedicationDosage"],
        ..PLAIN
    },
    Shape {
        table: "SRRepeatTemplate",
        prefix: "repeat",
        kind: EntryKind::Medication,
        heading: "Repeat template",
        words: &["NameOfMedication"],
        values: &["MedicationQuantity", "DrugStatus"],
        texts: &["MedicationDosage"],
        ..PLAIN
    },
    Shape {
        table: "SRImmunisation",
        prefix: "immunisation",
        heading: "Immunisation",
        contents: "IDImmunisationContent",
        codes: &[("ImmsSNOMEDCode", CodeSystem::Snomed), ("ImmsReadCode", CodeSystem::Ctv3)],
        values: &["Dose", "Location", "Method", "VaccinationStatus"],
        ..PLAIN
    },
    Shape {
        table: "SRReferralOut",
        prefix: "referral",
        heading: "Referral",
        says: "Referral",
        codes: &[("SNOMEDPrimaryDiagnosis", CodeSystem::Snomed), ("PrimaryDiagnosis", CodeSystem::Ctv3)],
        values: &["TypeOfReferral", "ServiceOffered", "Urgency"],
        texts: &["Reason"],
        ..PLAIN
    },
    Shape {
        table: "SRRecall",
        prefix: "recall",
        heading: "Recall",
        words: &["RecallType"],
        values: &["RecallStatus", "DateRecall"],
        ..PLAIN
    },
    Shape { table: "SRVisit", prefix: "visit", heading: "Visit", says: "Visit", texts: &["FollowUpDetails"], ..PLAIN },
    Shape {
        table: "SRLetter",
        prefix: "letter",
        kind: EntryKind::Document,
        heading: "Letter",
        says: "Letter",
        values: &["CommunicationType", "Direction", "SenderOrganisation", "RecipientOrganisation"],
        texts: &["SenderTitle SenderFirstName SenderSurname", "RecipientTitle RecipientFirstName RecipientSurname"],
        unreadable: Some(Unreadable::NotSent),
        ..PLAIN
    },
    Shape {
        table: "SRMedia",
        prefix: "media",
        kind: EntryKind::Document,
        heading: "Document",
        says: "Document",
        values: &["CommunicationType", "Direction", "SenderOrganisation", "RecipientOrganisation"],
        texts: &[
            "FileName",
            "SenderTitle SenderFirstName SenderSurname",
            "RecipientTitle RecipientFirstName RecipientSurname",
        ],
        unreadable: Some(Unreadable::NotSent),
        ..PLAIN
    },
];

/// Tables that are read by functions of their own, or looked things up in.
const READ_OTHERWISE: [&str; 15] = [
    "SRConfiguredListOption",
    "SRCtv3",
    "SREvent",
    "SRFreeText",
    "SRImmunisationContent",
    "SRManifest",
    "SRMapping",
    "SRMappingGroup",
    "SROnlineServices",
    "SRPatient",
    "SRPatientAddressHistory",
    "SRPatientRelationship",
    "SRStaffMember",
    "SRStaffMemberProfile",
    "SRSystmOnline",
];

/// Tables about patients in which nobody writes anything of their record: which rows belong together, how to reach them,
/// when they come.
const WITHOUT_WORDS: [&str; 17] = [
    "SRAppointment",
    "SRBedPatient",
    "SRCaseloadHistory",
    "SREventLink",
    "SRGPPracticeHistory",
    "SRNeedsLinkage",
    "SRPatientContactDetails",
    "SRPatientContactProperty",
    "SRPatientInformation",
    "SRPatientLocation",
    "SRRecordStatus",
    "SRReferralAllocation",
    "SRReferralAllocationStaff",
    "SRRttPause",
    "SRSectionedBy",
    "SRSmsConsent",
    "SRTheatreSessionAttendees",
];

/// Whether something of a patient's record may stand in a table that nothing reads.
pub(super) fn is_unread(table: &str) -> bool {
    let is = |name: &str| name.eq_ignore_ascii_case(table);
    !SHAPES.iter().any(|shape| is(shape.table))
        && !READ_OTHERWISE.into_iter().any(is)
        && !WITHOUT_WORDS.into_iter().any(is)
}
