//! Writes small EMIS extracts: the tables the adaptor needs, with what a test wants in them.

use std::fs;
use std::path::{Path, PathBuf};

const AGREEMENT: &str = "00000000-0000-4000-8000-00000000000A";
pub const ORGANISATION: &str = "{0A000000-0000-4000-8000-000000000001}";

/// A line of the record.
pub struct Row {
    pub guid: String,
    pub consultation: String,
    pub patient: usize,
    pub code: u32,
    pub text: String,
    pub deleted: bool,
}

pub fn guid(kind: u32, n: usize) -> String {
    format!("{{{kind:08X}-0000-4000-8000-{n:012X}}}")
}

/// The line `n` of consultation `consultation` (0: stands alone) of patient `patient`.
pub fn row(n: usize, consultation: usize, patient: usize, text: &str) -> Row {
    Row {
        guid: guid(0x0b, n),
        consultation: if consultation == 0 { String::new() } else { guid(0xc0, consultation) },
        patient,
        code: 1,
        text: text.to_owned(),
        deleted: false,
    }
}

/// Writes an extract with two patients, NASH Una and OAKE Tom, as many more as the rows name, and the rows.
pub fn write(folder: &Path, rows: &[Row]) -> String {
    fs::create_dir_all(folder).unwrap();
    table(
        folder,
        "Admin_Organisation",
        "OrganisationGuid,CDB,OrganisationName,ShortName,ODSCode,ParentOrganisationGuid,CCGOrganisationGuid,OrganisationType,OpenDate,CloseDate,MainLocationGuid,ProcessingId",
        &[format!("{ORGANISATION},1,Test,Test,Z99901,,,GP Practice,2001-01-01,,,1")],
    );
    table(
        folder,
        "Coding_ClinicalCode",
        "CodeId,Term,ReadTermId,SnomedCTConceptId,SnomedCTDescriptionId,NationalCode,NationalCodeCategory,NationalDescription,EmisCodeCategoryDescription,ProcessingId,ParentCodeId",
        &[
            "1,Had a chat to patient,,,,,,,,1,".to_owned(),
            "2,At risk of domestic violence,,413457006,,,,,,1,".to_owned(),
            "3,Enhanced review indicated before granting access to own health record,,1364731000000104,,,,,,1,"
                .to_owned(),
        ],
    );
    let most = rows.iter().map(|row| row.patient).max().unwrap_or(0).max(1);
    let rows_of_patients: Vec<String> = (0..=most).map(|n| {
        let (given, family, sex, born, nhs) = patient(n);
        // The first two live together, the others by themselves.
        let house = n.max(1);
        format!("{},{ORGANISATION},,{sex},{born},,,{given},,{family},2001-01-01,{nhs},{n},Regular,false,{house},Test Lane,,,,ZZ99 3AA,,,,,,,false,false,false,,,,,,,1", guid(0xaa, n))
    }).collect();
    table(
        folder,
        "Admin_Patient",
        "PatientGuid,OrganisationGuid,UsualGpUserInRoleGuid,Sex,DateOfBirth,DateOfDeath,Title,GivenName,MiddleNames,Surname,DateOfRegistration,NhsNumber,PatientNumber,PatientTypeDescription,DummyType,HouseNameFlatNumber,NumberAndStreet,Village,Town,County,Postcode,ResidentialInstituteCode,NHSNumberStatus,CarerName,CarerRelation,PersonGuid,DateOfDeactivation,Deleted,SpineSensitive,IsConfidential,EmailAddress,HomePhone,MobilePhone,ExternalUsualGPGuid,ExternalUsualGP,ExternalUsualGPOrganisation,ProcessingId",
        &rows_of_patients,
    );
    let mut consultations: Vec<(String, usize)> = rows
        .iter()
        .filter(|row| !row.consultation.is_empty())
        .map(|row| (row.consultation.clone(), row.patient))
        .collect();
    consultations.sort();
    consultations.dedup();
    let consultations: Vec<String> = consultations
        .iter()
        .map(|(guid_, patient)| {
            format!(
                "{guid_},{},{ORGANISATION},2026-11-15,YMD,2026-11-15,10:00:00,,,,GP Surgery,,true,false,false,5",
                guid(0xaa, *patient)
            )
        })
        .collect();
    table(
        folder,
        "CareRecord_Consultation",
        "ConsultationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,EnteredByUserInRoleGuid,AppointmentSlotGuid,ConsultationSourceTerm,ConsultationSourceCodeId,Complete,Deleted,IsConfidential,ProcessingId",
        &consultations,
    );
    let observations: Vec<String> = rows.iter().enumerate().map(|(n, row)| match row.deleted {
        true => format!("{},,{ORGANISATION},,,,,,,,,,,,,,,,,,true,,{n}", row.guid),
        false => format!("{},{},{ORGANISATION},2026-11-15,YMD,2026-11-15,10:00:00,,,,{},,\"{}\",{},,,Observation,,,,false,false,{n}", row.guid, guid(0xaa, row.patient), row.code, row.text.replace('"', "\"\""), row.consultation),
    }).collect();
    table(
        folder,
        "CareRecord_Observation",
        "ObservationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,EnteredByUserInRoleGuid,ParentObservationGuid,CodeId,ProblemGuid,AssociatedText,ConsultationGuid,Value,NumericUnit,ObservationType,NumericRangeLow,NumericRangeHigh,DocumentGuid,Deleted,IsConfidential,ProcessingId",
        &observations,
    );
    format!("emis:{}", folder.display())
}

/// The file of a table in an extract.
pub fn file(folder: &Path, table: &str) -> PathBuf {
    folder.join(format!("1_{table}_20261116020000_{AGREEMENT}.csv"))
}

fn table(folder: &Path, name: &str, header: &str, rows: &[String]) {
    let mut text = format!("{header}\r\n");
    for row in rows {
        text.push_str(row);
        text.push_str("\r\n");
    }
    fs::write(file(folder, name), text).unwrap();
}

/// Given and family name, sex, birth date and NHS number of a patient.
fn patient(n: usize) -> (String, String, &'static str, &'static str, String) {
    match n {
        0 => ("Una".into(), "Nash".into(), "F", "1990-05-01", "9990000018".into()),
        1 => ("Tom".into(), "Oake".into(), "M", "1988-02-03", "9990000026".into()),
        _ => (format!("Given{n}"), format!("Family{n}"), "F", "1980-01-02", nhs_number(n)),
    }
}

/// The `n`th number of the range for tests that has a check digit.
fn nhs_number(n: usize) -> String {
    (9_990_001..10_000_000usize)
        .flat_map(|high| (0..100).map(move |low| high * 100 + low))
        .filter_map(|nine| {
            let weighted: usize = format!("{nine}")
                .bytes()
                .zip((2..=10).rev())
                .map(|(digit, weight)| usize::from(digit - b'0') * weight)
                .sum();
            match 11 - weighted % 11 {
                11 => Some(format!("{nine}0")),
                10 => None,
                check => Some(format!("{nine}{check}")),
            }
        })
        .nth(n)
        .unwrap()
}
