//! What an EMIS Web extract folder says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use anteroom::record::{EntryKind, SourceKey, Unreadable};
use anteroom::source::emis::Emis;
use anteroom::source::{Belongs, Change, Source};

const STAMP: &str = "20260301020000_45E7CD20-EE37-41AB-90D6-DC9D4B03D102";
const PRACTICE: &str = "A0000000-0000-4000-8000-000000000001";

fn write(folder: &Path, table: &str, content: impl AsRef<[u8]>) {
    std::fs::write(folder.join(format!("1_{table}_{STAMP}.csv")), content).unwrap();
}

fn read(folder: &Path) -> Vec<Change> {
    let mut changes = Vec::new();
    Emis::new(folder)
        .read(&mut |change| {
            changes.push(change);
            Ok(())
        })
        .unwrap();
    changes
}

fn key(id: &str) -> SourceKey {
    SourceKey { system: "emis".into(), organisation: PRACTICE.into(), id: id.into() }
}

const CODES: &str = "CodeId,Term,ReadTermId,SnomedCTConceptId,SnomedCTDescriptionId,NationalCode,NationalCodeCategory,NationalDescription,EmisCodeCategoryDescription,ProcessingId,ParentCodeId\r\n100,History,,,,,,,,1,\r\n200,Serum sodium level,44I5.,1000661000000107,,,,,,2,\r\n";
const OBSERVATIONS: &str = "ObservationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,EnteredByUserInRoleGuid,ParentObservationGuid,CodeId,ProblemGuid,AssociatedText,ConsultationGuid,Value,NumericUnit,ObservationType,NumericRangeLow,NumericRangeHigh,DocumentGuid,Deleted,IsConfidential,ProcessingId\r\n";

#[test]
fn a_line_of_a_consultation() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "Coding_ClinicalCode", CODES);
    write(
        folder.path(),
        "CareRecord_Observation",
        format!(
            "\u{feff}{OBSERVATIONS}{{b0000000-0000-4000-8000-000000000001}},{{c0000000-0000-4000-8000-000000000001}},{PRACTICE},2026-02-28,YMD,2026-02-28,09:30:00,,,,100,,\"he said \"\"no\"\",\r\nthen left\",{{d0000000-0000-4000-8000-000000000001}},,,Observation,,,,false,false,7\r\n"
        ),
    );
    let changes = read(folder.path());
    let Some(Change::Part(facts)) = changes.iter().find(|change| matches!(change, Change::Part(_))) else {
        panic!("{changes:?}")
    };
    assert_eq!(facts.part.key, key("B0000000-0000-4000-8000-000000000001"));
    assert_eq!(facts.belongs, Belongs::To(key("D0000000-0000-4000-8000-000000000001")));
    assert_eq!(facts.part.text, "he said \"no\",\nthen left");
    assert_eq!((facts.part.heading.as_str(), facts.part.display.as_str()), ("History", ""));
    assert_eq!(facts.kind, EntryKind::Other);
    assert_eq!(facts.part.unreadable, None::<Unreadable>);
}
