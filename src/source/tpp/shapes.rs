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
    /// The number of a drug, which has a table of its own, and of a group of drugs, which has none.
    pub(super) drug: [&'static str; 2],
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
    drug: [""; 2],
    gone: "",
    unreadable: None,
};

/// What is given on a ward or when somebody leaves it.
const OF_HOSPITAL: Shape = Shape {
    kind: EntryKind::Medication,
    heading: "Medication",
    words: &["NameOfMedication"],
    values: &["DoseFrequency", "StandardIssueDose", "StandardIssueQuantity", "InstalmentDailyDose"],
    texts: &["MedicationEndReason"],
    ..PLAIN
};

/// Every table that is read line by line, in the order in which lines may lean on those before.
pub(super) static SHAPES: [Shape; 63] = [
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
    Shape {
        table: "SRDrugSensitivity",
        prefix: "sensitivity",
        heading: "Drug sensitivity",
        says: "Drug sensitivity",
        codes: &[("IDDrugCode", CodeSystem::Local)],
        values: &["FormulationSpecific", "DateEnded"],
        drug: ["IDDrugCode", "IDMultiLexAction"],
        // Unless the batch has the drug's name.
        unreadable: Some(Unreadable::NotSent),
        ..PLAIN
    },
    Shape {
        table: "SRReferralIn",
        prefix: "referral-in",
        heading: "Referral",
        says: "Referral received",
        words: &["PrimaryReason"],
        values: &[
            "Category",
            "Source",
            "ServiceOffered",
            "ServiceType",
            "Urgency",
            "Outcome",
            "DischargeReason",
            "ReferralEndReason",
            "ClientCategory",
            "PrimarySupportReason",
        ],
        texts: &["ReasonForServiceDelay"],
        ..PLAIN
    },
    Shape {
        table: "SRReferralInReferralReason",
        prefix: "referral-reason",
        heading: "Referral",
        words: &["ReferralReason"],
        with: Some(("IDReferralIn", "referral-in")),
        ..PLAIN
    },
    Shape {
        table: "SRReferralInIntervention",
        prefix: "intervention",
        heading: "Referral",
        words: &["Intervention"],
        with: Some(("IDReferralIn", "referral-in")),
        ..PLAIN
    },
    Shape {
        table: "SRReferralInStatusDetails",
        prefix: "referral-in-status",
        heading: "Referral",
        words: &["StatusOfReferralIn"],
        with: Some(("IDReferralIn", "referral-in")),
        ..PLAIN
    },
    Shape {
        table: "SRReferralOutStatusDetails",
        prefix: "referral-status",
        heading: "Referral",
        words: &["StatusOfReferralOut"],
        with: Some(("IDReferralOut", "referral")),
        ..PLAIN
    },
    Shape {
        table: "SRReferralContactEvent",
        prefix: "referral-contact",
        heading: "Contact",
        says: "Contact",
        words: &["Category"],
        values: &["SubCategory", "ContactMethod", "Location"],
        ..PLAIN
    },
    Shape {
        table: "SRAssessment",
        prefix: "assessment",
        heading: "Assessment",
        says: "Assessment",
        words: &["AssessmentType", "QuestionnaireName"],
        values: &["AssessmentFor", "AssessmentScore"],
        texts: &["ScoreOverrideReason", "ReasonForReview", "ReasonForUnplannedReview"],
        ..PLAIN
    },
    Shape {
        table: "SRAssessmentOutcome",
        prefix: "assessment-outcome",
        heading: "Assessment",
        words: &["AssessmentOutcome"],
        with: Some(("IDAssessment", "assessment")),
        ..PLAIN
    },
    Shape {
        table: "SRAssessmentReportedHealthCondition",
        prefix: "reported-condition",
        heading: "Assessment",
        words: &["AssessmentReportedHealthCondition"],
        with: Some(("IDAssessment", "assessment")),
        ..PLAIN
    },
    Shape {
        table: "SRAnsweredQuestionnaire",
        prefix: "questionnaire",
        heading: "Questionnaire",
        says: "Questionnaire answered",
        ..PLAIN
    },
    Shape {
        table: "SRRiskReview",
        prefix: "risk",
        heading: "Risk review",
        says: "Risk review",
        words: &["RiskCategory"],
        values: &["RiskSubCategory", "RiskRating"],
        ..PLAIN
    },
    Shape {
        table: "SRCarePlan",
        prefix: "care-plan",
        heading: "Care plan",
        says: "Care plan",
        words: &["NameOfCarePlanUsed", "CarePlanCategory"],
        values: &["CarePlanSubCategory"],
        texts: &["Aim", "Outcome"],
        ..PLAIN
    },
    Shape {
        table: "SRCarePlanDetail",
        prefix: "care-plan-detail",
        heading: "Care plan",
        says: "Care plan",
        words: &["NameOfCarePlanUsed", "CarePlanCategory"],
        values: &["CarePlanSubCategory", "PlanType", "PatientAgreement"],
        texts: &["Aim", "Outcome"],
        ..PLAIN
    },
    Shape {
        table: "SRCarePlanItem",
        prefix: "care-plan-item",
        heading: "Care plan",
        says: "Care plan",
        texts: &["Instruction"],
        with: Some(("IDCarePlan", "care-plan")),
        ..PLAIN
    },
    Shape {
        table: "SRCarePlanReview",
        prefix: "care-plan-review",
        heading: "Care plan",
        says: "Care plan reviewed",
        texts: &["Outcome"],
        with: Some(("IDCarePlan", "care-plan")),
        ..PLAIN
    },
    Shape {
        table: "SRCarePlanPerformance",
        prefix: "care-plan-done",
        heading: "Care plan",
        says: "Care plan carried out",
        words: &["NameOfCarePlanUsed"],
        values: &["ContactWith"],
        with: Some(("IDCarePlan", "care-plan")),
        ..PLAIN
    },
    Shape {
        table: "SRGoal",
        prefix: "goal",
        heading: "Goal",
        says: "Goal",
        words: &["GoalType", "GoalCategory"],
        values: &["GoalOutcome", "ActionPlanCategory", "ActionPlanOutcome"],
        ..PLAIN
    },
    Shape {
        table: "SRNeeds",
        prefix: "need",
        heading: "Need",
        words: &["NeedName"],
        values: &["NeedMet"],
        texts: &["ReasonNeedNotMet", "EndReason"],
        ..PLAIN
    },
    Shape {
        table: "SRService",
        prefix: "service",
        heading: "Service",
        says: "Service",
        words: &["ServiceName", "ActionName"],
        values: &["ServiceType", "ServiceCategory"],
        texts: &["EndReason"],
        ..PLAIN
    },
    Shape {
        table: "SREquipment",
        prefix: "equipment",
        heading: "Equipment",
        words: &["EquipmentName"],
        texts: &["EquipmentEndReason"],
        ..PLAIN
    },
    Shape {
        table: "SRPatientGroups",
        prefix: "group",
        heading: "Group",
        words: &["Name"],
        values: &["GroupType"],
        ..PLAIN
    },
    Shape {
        table: "SRContacts",
        prefix: "contact",
        heading: "Contact",
        says: "Contact",
        words: &["ContactReason"],
        values: &["ContactMethod", "ContactWith", "ContactOutcome"],
        ..PLAIN
    },
    Shape {
        table: "SRActivityEvent",
        prefix: "activity",
        heading: "Activity",
        says: "Activity",
        texts: &["EventDetails", "EventDetailsWith"],
        ..PLAIN
    },
    Shape {
        table: "SRClinicalCode",
        prefix: "clinical-code",
        heading: "Coded activity",
        says: "Coded activity",
        codes: &[("Code", CodeSystem::Local)],
        values: &["CodeScheme", "Code"],
        ..PLAIN
    },
    Shape {
        table: "SRHospitalAAndECode",
        prefix: "emergency-code",
        heading: "Coded activity",
        says: "Coded activity",
        codes: &[("Code", CodeSystem::Local)],
        values: &["CodeScheme", "Code"],
        ..PLAIN
    },
    Shape {
        table: "SRAAndEAttendance",
        prefix: "emergency",
        heading: "Emergency department",
        says: "Attendance",
        words: &["PresentingComplaint"],
        values: &["ArrivalMode", "IncidentLocationType", "DepartureMethod"],
        texts: &["PresentingComplaintText", "IncidentNotes", "AdditionalGpInfo", "AccompaniedBy"],
        ..PLAIN
    },
    Shape {
        table: "SRHospitalAdmissionAndDischarge",
        prefix: "admission",
        heading: "Hospital",
        says: "Admission",
        values: &["AdmissionMethod", "SourceOfAdmission", "MethodOfDischarge", "DestinationAfterDischarge"],
        texts: &["AdmissionNotes", "CancelledReason"],
        ..PLAIN
    },
    Shape {
        table: "SRHospitalAdmissionReason",
        prefix: "admission-reason",
        heading: "Hospital",
        words: &["AdmissionReason"],
        with: Some(("IDHospitalAdmission", "admission")),
        ..PLAIN
    },
    Shape {
        table: "SRHospitalWaitingList",
        prefix: "hospital-list",
        heading: "Waiting list",
        says: "Waiting list",
        words: &["WaitingListName"],
        texts: &["WaitingListNotes", "RemovalReason"],
        ..PLAIN
    },
    Shape {
        table: "SRHospitalWaitingListIntendedProcedure",
        prefix: "intended-procedure",
        heading: "Waiting list",
        words: &["ProcedureTest"],
        texts: &["Notes"],
        with: Some(("IDHospitalWaitingList", "hospital-list")),
        ..PLAIN
    },
    Shape {
        table: "SRHospitalWaitingListSuspension",
        prefix: "list-suspension",
        heading: "Waiting list",
        words: &["SuspensionReason"],
        texts: &["Notes"],
        with: Some(("IDHospitalWaitingList", "hospital-list")),
        ..PLAIN
    },
    Shape {
        table: "SRWaitingList",
        prefix: "waiting-list",
        heading: "Waiting list",
        says: "Waiting list",
        words: &["WaitingListName"],
        texts: &["Notes"],
        ..PLAIN
    },
    Shape {
        table: "SRTheatreBooking",
        prefix: "theatre",
        heading: "Operation",
        says: "Operation",
        words: &["MainProcedure"],
        values: &["SecondaryProcedure"],
        texts: &["CancellationReason"],
        ..PLAIN
    },
    Shape {
        table: "SRDischargeDelay",
        prefix: "discharge-delay",
        heading: "Hospital",
        says: "Discharge delayed",
        texts: &["ReasonForDelay"],
        ..PLAIN
    },
    Shape {
        table: "SRMentalHealthAssessment",
        prefix: "mental-health",
        heading: "Mental health",
        says: "Mental health assessment",
        values: &[
            "SexualAbuseQuestionAsked",
            "SettledAccommodationIndicator",
            "AccommodationStatus",
            "EmploymentStatus",
        ],
        ..PLAIN
    },
    Shape {
        table: "SRSection",
        prefix: "section",
        heading: "Mental health",
        says: "Detained under a section",
        words: &["SectionType"],
        values: &["SectionCategory", "SectionOutcome"],
        ..PLAIN
    },
    Shape {
        table: "SRMHConsent",
        prefix: "mental-health-consent",
        heading: "Mental health",
        says: "Consent to treatment",
        words: &["ConsentType"],
        ..PLAIN
    },
    Shape {
        table: "SRMHAWOL",
        prefix: "absence",
        heading: "Mental health",
        says: "Absent without leave",
        texts: &["AWOLEndReason"],
        ..PLAIN
    },
    Shape {
        table: "SRPatientLeave",
        prefix: "leave",
        heading: "Mental health",
        says: "Leave",
        words: &["LeaveType"],
        texts: &["EndReason"],
        ..PLAIN
    },
    Shape {
        table: "SRCluster",
        prefix: "cluster",
        heading: "Mental health",
        words: &["Cluster"],
        texts: &["EndReason"],
        ..PLAIN
    },
    Shape { table: "SRCPA", prefix: "programme", heading: "Mental health", says: "Care programme approach", ..PLAIN },
    Shape {
        table: "SRCHSStatusHistory",
        prefix: "status",
        heading: "Status",
        words: &["CHSStatus"],
        values: &["CHSStatusGroup"],
        ..PLAIN
    },
    Shape {
        table: "SRSchedulingSuspension",
        prefix: "suspension",
        heading: "Immunisation",
        says: "Scheduling suspended",
        words: &["Type"],
        texts: &["Reason"],
        ..PLAIN
    },
    Shape {
        table: "SRImmunisationConsent",
        prefix: "immunisation-consent",
        heading: "Immunisation",
        words: &["VaccName", "VaccContent"],
        values: &["ConsentedToVacc", "RefusalOrConsentCurrent"],
        ..PLAIN
    },
    Shape { table: "SROnAdmissionMedication", prefix: "admission-medication", ..OF_HOSPITAL },
    Shape { table: "SROutPatientMedication", prefix: "outpatient-medication", ..OF_HOSPITAL },
    Shape { table: "SRPlaceHolderMedication", prefix: "placeholder-medication", ..OF_HOSPITAL },
    Shape { table: "SRTTOMedication", prefix: "take-home-medication", ..OF_HOSPITAL },
    Shape {
        table: "SRVariableDoseCDMedication",
        prefix: "variable-medication",
        kind: EntryKind::Medication,
        heading: "Medication",
        words: &["NameOfMedication"],
        texts: &["MedicationEndReason"],
        ..PLAIN
    },
];

/// Tables that are read by functions of their own, or looked things up in.
const READ_OTHERWISE: [&str; 17] = [
    "SRConfiguredListOption",
    "SRCtv3",
    "SREvent",
    "SRFreeText",
    "SRImmunisationContent",
    "SRManifest",
    "SRMapping",
    "SRMappingGroup",
    "SRMedicationReadCodeDetails",
    "SROnlineServices",
    "SRPatient",
    "SRPatientAddressHistory",
    "SRPatientRegistration",
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
