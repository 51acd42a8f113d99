//! Tables of every kind: read, or named where nothing reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anteroom::record::{CodeSystem, Unreadable};
use anteroom::source::Change;
use serde_json::Value;

use crate::kit::*;

const COMMON: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDEvent,IDPatient,RemovedData";

#[test]
fn a_drug_sensitivity_is_a_line_that_is_held_because_its_drug_is_not_named() {
    let columns = format!("{COMMON},IDDrugCode,IDMultiLexAction,FormulationSpecific");
    let rows = [of(&columns, "3", &[("IDEvent", "7"), ("IDDrugCode", "4711")])];
    let read = Batch::quiet().with("SRDrugSensitivity", table(&columns, &rows)).read();
    let part = read.part("sensitivity:3");
    assert_eq!((part.display.as_str(), part.unreadable), ("Drug sensitivity", Some(Unreadable::NotSent)));
    assert_eq!((part.codes[0].system, part.codes[0].code.as_str()), (CodeSystem::Local, "4711"));
}

/// A table of the batch says which drug a number means; of a group of drugs none does.
#[test]
fn a_drug_sensitivity_is_read_where_the_batch_names_its_drug() {
    let columns = format!("{COMMON},IDDrugCode,IDMultiLexAction");
    let names = "RowIdentifier,IDMultiLexProduct,DrugReadCode,DrugReadCodeDesc,RemovedData";
    let drug = |id: &str, words: &str, removed: &str| {
        let fields = [("IDMultiLexProduct", id), ("DrugReadCode", "e311."), ("DrugReadCodeDesc", words)];
        row(names, &[&fields[..], &[("RowIdentifier", id), ("RemovedData", removed)]].concat())
    };
    let known = [drug("4711", "Flucloxacillin", ""), drug("4712", "Ibuprofen", "1"), drug("4713", "", "")];
    let of_drug = |id: &str, drug: &str, group: &str| {
        of(&columns, id, &[("IDEvent", "7"), ("IDDrugCode", drug), ("IDMultiLexAction", group)])
    };
    let rows = [
        of_drug("1", "4711", "-1"),
        of_drug("2", "4711", "5"),
        of_drug("3", "4712", "-1"),
        of_drug("4", "4713", "-1"),
        of_drug("5", "-1", "5"),
    ];
    let read = Batch::quiet()
        .with("SRDrugSensitivity", table(&columns, &rows))
        .with("SRMedicationReadCodeDetails", table(names, &known))
        .read();
    let said = |id: &str| {
        let part = read.part(&format!("sensitivity:{id}"));
        (part.display.as_str(), part.unreadable)
    };
    assert_eq!(said("1"), ("Flucloxacillin", None));
    assert_eq!(said("2"), ("Flucloxacillin", Some(Unreadable::NotSent)));
    for id in ["3", "4", "5"] {
        assert_eq!(said(id), ("Drug sensitivity", Some(Unreadable::NotSent)), "{id}");
    }
    let codes = read.part("sensitivity:1").codes.iter();
    let codes: Vec<(CodeSystem, &str)> = codes.map(|code| (code.system, code.code.as_str())).collect();
    assert_eq!(codes, [(CodeSystem::Local, "4711"), (CodeSystem::Ctv3, "e311.")]);
    assert_eq!(read.notices(), Vec::<String>::new());
}

#[test]
fn tables_in_which_people_write_are_read() {
    for (name, id, besides, wanted) in [
        (
            "SRRiskReview",
            "risk:3",
            vec![("RiskCategory", "Risk from others"), ("RiskRating", "High")],
            "Risk from others|High",
        ),
        (
            "SRReferralIn",
            "referral-in:3",
            vec![("PrimaryReason", "Safeguarding"), ("Source", "Police")],
            "Safeguarding|Police",
        ),
        ("SRCarePlanItem", "care-plan-item:3", vec![("Instruction", CONFIDENTIAL)], CONFIDENTIAL),
        ("SRAAndEAttendance", "emergency:3", vec![("PresentingComplaintText", CONFIDENTIAL)], CONFIDENTIAL),
        ("SRPatientGroups", "group:3", vec![("Name", "Freedom programme")], "Freedom programme"),
        ("SRWaitingList", "waiting-list:3", vec![("Notes", CONFIDENTIAL)], CONFIDENTIAL),
    ] {
        let names: Vec<&str> = besides.iter().map(|(name, _)| *name).collect();
        let columns = format!("{COMMON},{}", names.join(","));
        let rows = [of(&columns, "3", &besides), of(&columns, "4", &[("RemovedData", "1")])];
        let read = Batch::quiet().with(name, table(&columns, &rows)).read();
        let part = read.part(id);
        let said = [part.display.as_str(), &part.value, &part.text].join("\n");
        for words in wanted.split('|') {
            assert!(said.contains(words), "{name}: {said}");
        }
        assert!(
            read.0.iter().any(|change| matches!(change, Change::PartGone(key) if key.id.ends_with(":4"))),
            "{name}"
        );
        assert_eq!(read.notices(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_an_assessment_came_to_stands_beside_it() {
    let assessment = format!("{COMMON},AssessmentType");
    let outcome = format!("{COMMON},AssessmentOutcome,IDAssessment");
    let read = Batch::quiet()
        .with("SRAssessment", table(&assessment, &[of(&assessment, "3", &[("AssessmentType", "DASH")])]))
        .with(
            "SRAssessmentOutcome",
            table(&outcome, &[of(&outcome, "4", &[("AssessmentOutcome", "High risk"), ("IDAssessment", "3")])]),
        )
        .read();
    assert_eq!(read.part("assessment-outcome:4").display, "High risk");
    let parts = read.parts();
    let with = parts.iter().find(|facts| facts.part.key.id == "assessment-outcome:4").unwrap();
    assert_eq!(with.belongs, anteroom::source::Belongs::With(key("assessment:3")));
}

#[test]
fn a_table_that_nothing_reads_is_named_with_the_number_of_its_rows() {
    let columns = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,Detail";
    let detail =
        |id: &str, detail: &str| row(columns, &[("RowIdentifier", id), ("IDPatient", "1"), ("Detail", detail)]);
    let read = Batch::quiet()
        .with(
            "SRSafeguardingIncidentDetails",
            table(columns, &[detail("1", "two\r\nlines, \"quoted\""), detail("2", "x")]),
        )
        .with("SRSomethingElse", table(columns, &[detail("1", "x")]))
        // Nothing of patients is in these.
        .with("SREmptyOfRows", table(columns, &[]))
        .with("SRRoomBooking", table("RowIdentifier,Room", &["\"1\",\"Two\"".to_owned()]))
        .with("SREventLink", table(COMMON, &[of(COMMON, "1", &[])]))
        .read();
    assert_eq!(
        read.notices(),
        [
            "Not screened, because nothing here reads them: SRSafeguardingIncidentDetails (2 rows), SRSomethingElse (1 row); look \
          at them in SystmOne."
        ]
    );
    assert!(read.parts().is_empty());
}

/// Of all tables that were ever published each with a patient in it is read, named, or known to hold nothing of a record.
#[test]
fn no_published_table_about_patients_is_passed_over_in_silence() {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(root.join("data/gp-extract-formats/headers.json")) else {
        println!("skipped: no headers.json in {}", root.display());
        return;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    let nothing_written: BTreeSet<&str> = [
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
    ]
    .into();
    let (mut read, mut named) = (0, 0);
    for (name, table_) in all["tpp"].as_object().unwrap() {
        let widest = table_["headers"].as_array().unwrap().iter().map(|header| header["columns"].as_array().unwrap());
        let columns: Vec<&str> =
            widest.max_by_key(|columns| columns.len()).unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        if !columns.contains(&"IDPatient") || nothing_written.contains(name.as_str()) {
            continue;
        }
        let values = columns.iter().map(|column| match *column {
            "IDOrganisationVisibleTo" | "IDOrganisation" => ORGANISATION,
            "RemovedData" | "DateDeleted" | "DateEnded" | "DateTo" | "DateDeRegistration" => "",
            "RegistrationStatus" => "GMS",
            "AddressType" => "Home",
            "NameOfRoad" | "RelationshipWithName" => "words",
            column if column.starts_with("Date") => "28 Feb 2026 09:30:00",
            _ => "1",
        });
        let row = values.map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(",");
        let found = Batch::quiet().with(name, table(&columns.join(","), &[row])).read();
        let is_named = found.notices().iter().any(|notice| notice.contains(&format!("{name} (1 row)")));
        let is_read = found.0.iter().any(|change| {
            matches!(change, Change::Part(_) | Change::Group(_) | Change::Patient(_) | Change::PatientAlso(_))
        });
        assert!(is_read != is_named, "{name}: read {is_read}, named {is_named}: {:?}", found.set_aside());
        read += usize::from(is_read);
        named += usize::from(is_named);
    }
    assert!(read >= 60 && named >= 10, "{read} read, {named} named");
}
