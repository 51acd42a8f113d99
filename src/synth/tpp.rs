//! The feed as a SystmOne strategic extract with free text, as practices with an augmented feed have it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::{Days, NaiveDate, NaiveTime};

use super::Plan;
use super::record::{Consultation, Line};
use super::texts::{CODES, STAFF};

const MANIFEST: &str = "FileName,IsDelta,IsReference,DateExtractFrom,DateExtractTo";
const STAFF_MEMBER: &str = "RowIdentifier,IDOrganisationVisibleTo,StaffName,RemovedData";
const PATIENT: &str =
    "RowIdentifier,IDOrganisationVisibleTo,Title,FirstName,MiddleNames,Surname,NHSNumber,DateBirth,Gender,RemovedData";
const EVENT: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDProfileEnteredBy,IDDoneBy,TextualEventDoneBy,ContactEventLocation,ContactMethod,IDPatient,RemovedData";
const CODE: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDProfileEnteredBy,IDDoneBy,TextualEventDoneBy,CTV3Code,CTV3Text,SNOMEDCode,SNOMEDText,NumericComparator,IsNumeric,NumericValue,NumericUnit,IDEvent,IDPatient,RemovedData";
const TEXT: &str = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,IDEvent,Question,FreeText,EventDate,DateEventRecorded,SRTable,IDSRTable,QuestionnaireName,IDOrganisation,RemovedData";

struct Table(BufWriter<File>);

impl Table {
    fn create(folder: &Path, name: &str, header: &str) -> io::Result<Self> {
        let mut table = Self(BufWriter::new(File::create(folder.join(format!("{name}.csv")))?));
        table.row(header.split(','))?;
        Ok(table)
    }

    /// Every field is quoted, as SystmOne does. The texts are ASCII, which Windows-1252 holds as it is.
    fn row<'a>(&mut self, fields: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for (at, field) in fields.enumerate() {
            if at > 0 {
                self.0.write_all(b",")?;
            }
            write!(self.0, "\"{}\"", field.replace('"', "\"\""))?;
        }
        self.0.write_all(b"\r\n")
    }

    /// A row of the fields of `header` that have a value.
    fn put(&mut self, header: &str, values: &[(&str, &str)]) -> io::Result<()> {
        let value = |column: &str| values.iter().find(|(name, _)| *name == column).map_or("", |(_, value)| *value);
        self.row(header.split(',').map(value))
    }

    fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn organisation(practice: u32) -> String {
    format!("Z{practice:05}")
}

fn event_id(practice: u32, number: u64) -> String {
    (1 + u64::from(practice) * 100_000_000_000 + number).to_string()
}

fn line_id(practice: u32, number: u64, at: usize) -> String {
    (1 + u64::from(practice) * 100_000_000_000 + number * 16 + at as u64).to_string()
}

fn patient_id(practice: u32, patient: u32) -> String {
    (1 + u64::from(practice) * 100_000_000 + u64::from(patient)).to_string()
}

fn moment(day: NaiveDate, time: NaiveTime) -> String {
    day.and_time(time).format("%d %b %Y %H:%M:%S").to_string()
}

pub(super) fn day(plan: &Plan, day: u32, folder: &Path) -> io::Result<()> {
    manifest(plan, day, folder)?;
    let mut staff = Table::create(folder, "SRStaffMember", STAFF_MEMBER)?;
    let mut patients = Table::create(folder, "SRPatient", PATIENT)?;
    let mut events = Table::create(folder, "SREvent", EVENT)?;
    let mut codes = Table::create(folder, "SRCode", CODE)?;
    let mut texts = Table::create(folder, "SRFreeText", TEXT)?;
    for practice in 0..plan.practices {
        let own = organisation(practice);
        if day == 0 {
            for (at, (title, given, family)) in STAFF.iter().enumerate() {
                let (id, name) = ((at + 1).to_string(), format!("{title} {given} {family}"));
                let values = [("RowIdentifier", id.as_str()), ("IDOrganisationVisibleTo", &own), ("StaffName", &name)];
                staff.put(STAFF_MEMBER, &values)?;
            }
            for patient in 0..plan.patients {
                let person = plan.person(practice, patient);
                let (id, born) = (patient_id(practice, patient), person.born.format("%d %b %Y 00:00").to_string());
                patients.put(
                    PATIENT,
                    &[
                        ("RowIdentifier", &id),
                        ("IDOrganisationVisibleTo", &own),
                        ("FirstName", person.given),
                        ("Surname", person.family),
                        ("NHSNumber", &person.nhs_number),
                        ("DateBirth", &born),
                        ("Gender", if person.female { "Female" } else { "Male" }),
                    ],
                )?;
            }
        }
        for number in plan.numbers(day) {
            let consultation = plan.consultation(practice, number);
            event(&mut events, practice, &consultation)?;
            for (at, line) in consultation.lines.iter().enumerate() {
                one_line(&mut codes, &mut texts, practice, &consultation, at, line)?;
            }
        }
        changes(plan, practice, day, &mut events, &mut codes, &mut texts)?;
    }
    for table in [staff, patients, events, codes, texts] {
        table.end()?;
    }
    Ok(())
}

fn manifest(plan: &Plan, day: u32, folder: &Path) -> io::Result<()> {
    let mut manifest = Table::create(folder, "SRManifest", MANIFEST)?;
    let made = plan.made(day);
    let to = made.format("%Y%m%d_0200").to_string();
    let from = made.checked_sub_days(Days::new(1)).unwrap_or(made).format("%Y%m%d_0200").to_string();
    let (is_delta, from) = if day == 0 { ("N", "") } else { ("Y", from.as_str()) };
    for (name, is_reference) in
        [("SRStaffMember", "Y"), ("SRPatient", "N"), ("SREvent", "N"), ("SRCode", "N"), ("SRFreeText", "N")]
    {
        manifest.row([name, is_delta, is_reference, from, &to].into_iter())?;
    }
    manifest.end()
}

fn event(events: &mut Table, practice: u32, consultation: &Consultation) -> io::Result<()> {
    let when = moment(consultation.day, consultation.time);
    events.put(
        EVENT,
        &[
            ("RowIdentifier", &event_id(practice, consultation.number)),
            ("IDOrganisationVisibleTo", &organisation(practice)),
            ("DateEventRecorded", &when),
            ("DateEvent", &when),
            ("IDDoneBy", &(consultation.staff + 1).to_string()),
            ("ContactMethod", consultation.title),
            ("IDPatient", &patient_id(practice, consultation.patient)),
        ],
    )
}

/// A line is a code, with its text as a row of its own.
fn one_line(
    codes: &mut Table,
    texts: &mut Table,
    practice: u32,
    consultation: &Consultation,
    at: usize,
    line: &Line,
) -> io::Result<()> {
    let when = moment(consultation.day, consultation.time);
    let (term, snomed, read) = CODES.get(line.code).copied().unwrap_or_default();
    let (id, own) = (line_id(practice, consultation.number, at), organisation(practice));
    let (event, patient) = (event_id(practice, consultation.number), patient_id(practice, consultation.patient));
    let common = [
        ("RowIdentifier", id.as_str()),
        ("IDOrganisationVisibleTo", &own),
        ("DateEventRecorded", &when),
        ("IDEvent", &event),
        ("IDPatient", &patient),
    ];
    let staff = (consultation.staff + 1).to_string();
    let coded = [
        ("DateEvent", when.as_str()),
        ("IDDoneBy", &staff),
        ("CTV3Code", read),
        ("CTV3Text", term),
        ("SNOMEDCode", snomed),
        ("SNOMEDText", term),
        ("IsNumeric", if line.value.is_empty() { "FALSE" } else { "TRUE" }),
        ("NumericValue", &line.value),
    ];
    codes.put(CODE, &[&common[..], &coded].concat())?;
    texts.put(TEXT, &[&common[..], &[("FreeText", line.text.as_str()), ("EventDate", when.as_str())]].concat())
}

fn changes(
    plan: &Plan,
    practice: u32,
    day: u32,
    events: &mut Table,
    codes: &mut Table,
    texts: &mut Table,
) -> io::Result<()> {
    let own = organisation(practice);
    let later = plan.later(day);
    let gone = |table: &mut Table, header: &str, id: &str| {
        table.put(header, &[("RowIdentifier", id), ("IDOrganisationVisibleTo", &own), ("RemovedData", "1")])
    };
    for number in later.edited {
        let consultation = plan.consultation(practice, number);
        if let Some(first) = consultation.lines.first() {
            let line = Line { text: format!("{} Addendum: seen again.", first.text), ..first.clone() };
            one_line(codes, texts, practice, &consultation, 0, &line)?;
        }
    }
    for number in later.shortened {
        let id = line_id(practice, number, plan.consultation(practice, number).lines.len() - 1);
        gone(codes, CODE, &id)?;
        gone(texts, TEXT, &id)?;
    }
    for number in later.deleted {
        gone(events, EVENT, &event_id(practice, number))?;
        for at in 0..plan.consultation(practice, number).lines.len() {
            gone(codes, CODE, &line_id(practice, number, at))?;
            gone(texts, TEXT, &line_id(practice, number, at))?;
        }
    }
    Ok(())
}
