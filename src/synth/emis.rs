//! The feed as an EMIS Web bulk extract with the columns of specification 5.4.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Plan;
use super::record::{Consultation, Line};
use super::texts::{CODES, STAFF};

const AGREEMENT: &str = "5EED0000-0000-4000-8000-000000000001";

const ORGANISATION: &str = "OrganisationGuid,CDB,OrganisationName,ShortName,ODSCode,ParentOrganisationGuid,CCGOrganisationGuid,OrganisationType,OpenDate,CloseDate,MainLocationGuid,ProcessingId";
const SHARING: &str = "OrganisationGuid,IsActivated,LastModifiedDate,Disabled,Deleted";
const USER: &str = "UserInRoleGuid,OrganisationGuid,Title,GivenName,Surname,JobCategoryCode,JobCategoryName,ContractStartDate,ContractEndDate,ProcessingId";
const CODE: &str = "CodeId,Term,ReadTermId,SnomedCTConceptId,SnomedCTDescriptionId,NationalCode,NationalCodeCategory,NationalDescription,EmisCodeCategoryDescription,ProcessingId,ParentCodeId";
const PATIENT: &str = "PatientGuid,OrganisationGuid,UsualGpUserInRoleGuid,Sex,DateOfBirth,DateOfDeath,Title,GivenName,MiddleNames,Surname,DateOfRegistration,NhsNumber,PatientNumber,PatientTypeDescription,DummyType,HouseNameFlatNumber,NumberAndStreet,Village,Town,County,Postcode,ResidentialInstituteCode,NHSNumberStatus,CarerName,CarerRelation,PersonGuid,DateOfDeactivation,Deleted,SpineSensitive,IsConfidential,EmailAddress,HomePhone,MobilePhone,ExternalUsualGPGuid,ExternalUsualGP,ExternalUsualGPOrganisation,ProcessingId";
const CONSULTATION: &str = "ConsultationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,EnteredByUserInRoleGuid,AppointmentSlotGuid,ConsultationSourceTerm,ConsultationSourceCodeId,Complete,Deleted,IsConfidential,ProcessingId";
const OBSERVATION: &str = "ObservationGuid,PatientGuid,OrganisationGuid,EffectiveDate,EffectiveDatePrecision,EnteredDate,EnteredTime,ClinicianUserInRoleGuid,EnteredByUserInRoleGuid,ParentObservationGuid,CodeId,ProblemGuid,AssociatedText,ConsultationGuid,Value,NumericUnit,ObservationType,NumericRangeLow,NumericRangeHigh,DocumentGuid,Deleted,IsConfidential,ProcessingId";
const PROBLEM: &str = "ObservationGuid,PatientGuid,OrganisationGuid,ParentProblemObservationGuid,Deleted,Comment,EndDate,EndDatePrecision,ExpectedDuration,LastReviewDate,LastReviewDatePrecision,LastReviewUserInRoleGuid,ParentProblemRelationship,ProblemStatusDescription,SignificanceDescription,ProcessingId";

fn guid(kind: u32, practice: u32, number: u64) -> String {
    format!("{{{kind:08X}-{practice:04X}-4000-8000-{number:012X}}}")
}

fn organisation(practice: u32) -> String {
    guid(0xa, practice, 0)
}

/// The name of a line: its consultation's number and its place in it.
fn line_guid(practice: u32, consultation: u64, at: usize) -> String {
    guid(0x0b, practice, consultation * 16 + at as u64)
}

struct Table {
    out: BufWriter<File>,
}

impl Table {
    fn create(plan: &Plan, day: u32, folder: &Path, processing: u64, name: &str, header: &str) -> io::Result<Self> {
        let stamp = plan.made(day).format("%Y%m%d020000");
        let mut out =
            BufWriter::new(File::create(folder.join(format!("{processing}_{name}_{stamp}_{AGREEMENT}.csv")))?);
        write!(out, "{header}\r\n")?;
        Ok(Self { out })
    }

    fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(super) fn day(plan: &Plan, day: u32, folder: &Path) -> io::Result<()> {
    let first = u64::from(day) * 100 + 1;
    let table = |at: u64, name: &str, header: &str| Table::create(plan, day, folder, first + at, name, header);
    let mut organisations = table(0, "Admin_Organisation", ORGANISATION)?;
    let mut sharing = table(1, "Agreements_SharingOrganisation", SHARING)?;
    let mut users = table(2, "Admin_UserInRole", USER)?;
    for practice in 0..plan.practices {
        let own = organisation(practice);
        write!(
            organisations.out,
            "{own},1,Invented Surgery {practice},,Z{practice:05},,,GP Practice,2001-01-01,,,1\r\n"
        )?;
        write!(sharing.out, "{own},true,2026-01-01 00:00:00,false,false\r\n")?;
        if day == 0 {
            for (at, (title, given, family)) in (0..).zip(STAFF) {
                write!(users.out, "{},{own},{title},{given},{family},,,2010-01-01,,1\r\n", guid(0x5, practice, at))?;
            }
        }
    }
    for table in [organisations, sharing, users] {
        table.end()?;
    }
    let mut codes = table(3, "Coding_ClinicalCode", CODE)?;
    for (at, (term, snomed, read)) in CODES.iter().enumerate() {
        write!(codes.out, "{},{term},{read},{snomed},,,,,,1,\r\n", at + 1)?;
    }
    codes.end()?;
    patients(plan, day, table(4, "Admin_Patient", PATIENT)?)?;
    let mut consultations = table(5, "CareRecord_Consultation", CONSULTATION)?;
    let mut observations = table(6, "CareRecord_Observation", OBSERVATION)?;
    for practice in 0..plan.practices {
        for number in plan.numbers(day) {
            let consultation = plan.consultation(practice, number);
            header(&mut consultations.out, practice, &consultation)?;
            for (at, line) in consultation.lines.iter().enumerate() {
                observation(&mut observations.out, practice, &consultation, at, line)?;
            }
        }
        changes(plan, practice, day, &mut consultations.out, &mut observations.out)?;
    }
    consultations.end()?;
    observations.end()?;
    table(7, "CareRecord_Problem", PROBLEM)?.end()
}

fn patients(plan: &Plan, day: u32, mut table: Table) -> io::Result<()> {
    for practice in 0..plan.practices {
        for patient in (0..plan.patients).filter(|_| day == 0) {
            let person = plan.person(practice, patient);
            let sex = if person.female { "F" } else { "M" };
            write!(
                table.out,
                "{},{},,{sex},{},,,{},,{},2001-01-01,{},{patient},Regular,false,{},Invented Lane,,Nowhere,,ZZ99 3AA,,,,,,,false,\
                 false,false,,,,,,,1\r\n",
                guid(0xaa, practice, u64::from(patient)),
                organisation(practice),
                person.born,
                person.given,
                person.family,
                person.nhs_number,
                person.house,
            )?;
        }
    }
    table.end()
}

fn header(out: &mut impl Write, practice: u32, consultation: &Consultation) -> io::Result<()> {
    let Consultation { number, patient, day, time, title, staff, .. } = consultation;
    let staff = guid(0x5, practice, *staff);
    write!(
        out,
        "{},{},{},{day},YMD,{day},{time},{staff},{staff},,{title},,true,false,false,{number}\r\n",
        guid(0xc0, practice, *number),
        guid(0xaa, practice, u64::from(*patient)),
        organisation(practice),
    )
}

fn observation(
    out: &mut impl Write,
    practice: u32,
    consultation: &Consultation,
    at: usize,
    line: &Line,
) -> io::Result<()> {
    let Consultation { number, patient, day, time, staff, .. } = consultation;
    let staff = guid(0x5, practice, *staff);
    write!(
        out,
        "{},{},{},{day},YMD,{day},{time},{staff},{staff},,{},,\"{}\",{},{},,Observation,,,,false,false,{}\r\n",
        line_guid(practice, *number, at),
        guid(0xaa, practice, u64::from(*patient)),
        organisation(practice),
        line.code + 1,
        line.text.replace('"', "\"\""),
        guid(0xc0, practice, *number),
        line.value,
        number * 16 + at as u64,
    )
}

fn changes(
    plan: &Plan,
    practice: u32,
    day: u32,
    consultations: &mut impl Write,
    observations: &mut impl Write,
) -> io::Result<()> {
    let own = organisation(practice);
    let later = plan.later(day);
    let gone = |out: &mut dyn Write, number: u64, at: usize| {
        let line = line_guid(practice, number, at);
        write!(out, "{line},,{own},,,,,,,,,,,,,,,,,,true,,{}\r\n", number * 16 + at as u64)
    };
    for number in later.edited {
        let consultation = plan.consultation(practice, number);
        if let Some(first) = consultation.lines.first() {
            let line = Line { text: format!("{} Addendum: seen again.", first.text), ..first.clone() };
            observation(observations, practice, &consultation, 0, &line)?;
        }
    }
    for number in later.shortened {
        gone(observations, number, plan.consultation(practice, number).lines.len() - 1)?;
    }
    for number in later.deleted {
        write!(consultations, "{},,{own},,,,,,,,,,,true,,{number}\r\n", guid(0xc0, practice, number))?;
        for at in 0..plan.consultation(practice, number).lines.len() {
            gone(observations, number, at)?;
        }
    }
    Ok(())
}
