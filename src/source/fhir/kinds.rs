//! Which types are read, in which order, and how what is not read is said.

use std::collections::BTreeMap;

use super::shapes;

/// In which pass through an export a type is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pass {
    People,
    Patients,
    Groups,
    Lines,
    Deletions,
}

/// The types that a function each reads, in the order in which they lean on one another.
const BY_FUNCTIONS: [(&str, Pass); 8] = [
    ("Practitioner", Pass::People),
    ("Medication", Pass::People),
    ("Patient", Pass::Patients),
    ("RelatedPerson", Pass::Patients),
    ("Encounter", Pass::Groups),
    ("DiagnosticReport", Pass::Groups),
    ("Observation", Pass::Lines),
    ("DocumentReference", Pass::Lines),
];

/// In which pass a type is read; `None` where nothing reads it.
pub(super) fn pass_of(kind: &str) -> Option<Pass> {
    if kind == "Bundle" {
        return Some(Pass::Deletions);
    }
    let by_function = BY_FUNCTIONS.iter().find(|(name, _)| *name == kind).map(|(_, pass)| *pass);
    by_function.or_else(|| shapes::r4::shape_of(kind).map(|_| Pass::Lines))
}

/// Whether something of it must be known before others are read.
pub(super) fn others_lean_on(kind: &str) -> bool {
    kind == "DiagnosticReport" || pass_of(kind) == Some(Pass::People)
}

/// Every type that is read, those that others lean on first.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    BY_FUNCTIONS.iter().map(|(name, _)| *name).chain(shapes::r4::SHAPES.iter().map(|(name, _)| *name))
}

/// The types of lines and entries.
pub(super) fn of_lines() -> impl Iterator<Item = &'static str> {
    all().filter(|kind| pass_of(kind) > Some(Pass::Patients))
}

/// Types that say nothing of a patient by themselves.
const NOT_OF_PATIENTS: [&str; 72] = [
    "ActivityDefinition",
    "AuditEvent",
    "CapabilityStatement",
    "CatalogEntry",
    "ChargeItemDefinition",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "DeviceDefinition",
    "DeviceMetric",
    "EffectEvidenceSynthesis",
    "Endpoint",
    "EventDefinition",
    "Evidence",
    "EvidenceVariable",
    "ExampleScenario",
    "GraphDefinition",
    "HealthcareService",
    "ImplementationGuide",
    "InsurancePlan",
    "Library",
    "Linkage",
    "Location",
    "Measure",
    "MedicationKnowledge",
    "MedicinalProduct",
    "MedicinalProductAuthorization",
    "MedicinalProductContraindication",
    "MedicinalProductIndication",
    "MedicinalProductIngredient",
    "MedicinalProductInteraction",
    "MedicinalProductManufactured",
    "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect",
    "MessageDefinition",
    "MessageHeader",
    "NamingSystem",
    "ObservationDefinition",
    "OperationDefinition",
    "OperationOutcome",
    "Organization",
    "OrganizationAffiliation",
    "PaymentNotice",
    "PaymentReconciliation",
    "PlanDefinition",
    "PractitionerRole",
    "Provenance",
    "Questionnaire",
    "ResearchDefinition",
    "ResearchElementDefinition",
    "ResearchStudy",
    "RiskEvidenceSynthesis",
    "Schedule",
    "SearchParameter",
    "Slot",
    "SpecimenDefinition",
    "StructureDefinition",
    "StructureMap",
    "Subscription",
    "Substance",
    "SubstanceNucleicAcid",
    "SubstancePolymer",
    "SubstanceProtein",
    "SubstanceReferenceInformation",
    "SubstanceSourceMaterial",
    "SubstanceSpecification",
    "TerminologyCapabilities",
    "TestReport",
    "TestScript",
    "ValueSet",
    "VerificationResult",
];

/// A line of the log that a client wrote beside the export it fetched.
pub(super) const OF_THE_LOG: &str = "line of the export’s log";

/// Whether something of patients may stand in a type.
pub(super) fn may_be_of_patients(kind: &str) -> bool {
    kind != OF_THE_LOG && !NOT_OF_PATIENTS.contains(&kind)
}

/// A type as it is named to people: its name comes from elsewhere, so it is not repeated unless it is one.
pub(super) fn named(kind: &str) -> &str {
    let is_name = kind.len() <= 40 && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_name { kind } else { "of unknown type" }
}

/// The sentence about what nothing here reads, of types in which something of patients may stand. A count that nobody
/// knows is `None`.
pub(super) fn not_screened(not_read: &BTreeMap<String, Option<u64>>) -> Option<String> {
    let of_patients = not_read.iter().filter(|(kind, _)| may_be_of_patients(kind));
    let counts: Vec<String> = of_patients
        .map(|(kind, count)| {
            count.map_or_else(|| format!("{kind} (it does not say how many)"), |count| format!("{count} {kind}"))
        })
        .collect();
    (!counts.is_empty()).then(|| {
        format!(
            "Not screened, because nothing here reads them: {}; look at them in the practice’s system.",
            counts.join(", ")
        )
    })
}
