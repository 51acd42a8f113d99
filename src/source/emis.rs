//! EMIS Web bulk extract: one folder holds one day's tables for one sharing agreement.
//!
//! File names, columns and rules follow what is public of specifications 5.0 to 8.2: columns are found
//! by name and each table stands by itself, because a day's differences are computed table by table.
//! The words of letters are not in it: a document that a row names by its GUID is held as unread, whatever
//! comment was filed with it.
//! `IsConfidential` is not read: since EMIS Web 9.18.8 it no longer hides anything from the patient.
//!
//! Beside the extract the folder may hold a file of our own, `online-access.csv`
//! (`NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation`), because no extract says who has
//! online access.

mod codes;
mod companions;
mod entries;
mod files;
mod medicines;
mod online;
mod people;
mod plans;

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::outlet::{Outlet, Sink};
use super::table::Row;
use super::{Change, Manifest, Source, SourceError, Whole, WholeBy, dates, manifest};
use crate::record::{Author, SourceKey};
use codes::Codes;
use files::{ExtractFile, Folder, TableName};
use online::Online;

/// The name that keys and messages carry.
const SYSTEM: &str = "emis";

/// One extract folder.
#[derive(Debug)]
pub struct Emis {
    folder: PathBuf,
}

impl Emis {
    /// A source that reads the tables in `folder`. Nothing is opened yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

/// What rows of one table need from the others.
struct Day {
    /// The practice, where the folder is about one only.
    only_practice: Option<String>,
    staff: HashMap<SourceKey, String>,
    codes: Codes,
    drugs: Codes,
    online: Online,
}

impl Source for Emis {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let folder = Folder::list(&self.folder)?;
        let agreement = folder.agreement().unwrap_or_default();
        Ok(Manifest {
            stream: format!("{SYSTEM} {agreement}").trim().to_owned(),
            made: folder.made().map(dates::from_london),
            files: manifest::files(&self.folder)?,
        })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let folder = Folder::list(&self.folder)?;
        for set_aside in &folder.refused {
            sink(Change::SetAside(set_aside.clone()))?;
        }
        for notice in folder.notices() {
            sink(Change::Notice(notice))?;
        }
        let mut day = Day {
            only_practice: people::practices(&folder, sink)?,
            staff: HashMap::new(),
            codes: Codes::of(TableName::ClinicalCode),
            drugs: Codes::of(TableName::DrugCode),
            online: Online::default(),
        };
        if let Some(path) = &folder.online {
            day.online = online::read(path, sink)?;
        }
        each_file(&folder, TableName::UserInRole, |file| people::staff(file, &mut day, sink))?;
        each_file(&folder, TableName::ClinicalCode, |file| day.codes.read(file, sink))?;
        each_file(&folder, TableName::DrugCode, |file| day.drugs.read(file, sink))?;
        each_file(&folder, TableName::Patient, |file| people::patients(file, &mut day, sink))?;
        for (nhs_number, access) in std::mem::take(&mut day.online).others() {
            sink(Change::Online { nhs_number, access })?;
        }
        each_file(&folder, TableName::Consultation, |file| entries::consultations(file, &day, sink))?;
        each_file(&folder, TableName::Observation, |file| entries::observations(file, &mut day, sink))?;
        // What adds to an observation joins the entry that holds it, so it comes after it.
        each_file(&folder, TableName::Problem, |file| companions::problems(file, &day, sink))?;
        each_file(&folder, TableName::Referral, |file| companions::referrals(file, &mut day, sink))?;
        each_file(&folder, TableName::Diary, |file| plans::diary(file, &mut day, sink))?;
        each_file(&folder, TableName::DrugRecord, |file| medicines::drugs(file, &mut day, sink))?;
        each_file(&folder, TableName::IssueRecord, |file| medicines::issues(file, &mut day, sink))?;
        sink(Change::Whole(Whole { kinds: folder.kinds(), known: WholeBy::ItsContent }))
    }
}

fn each_file(
    folder: &Folder,
    table: TableName,
    mut read: impl FnMut(&ExtractFile) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    folder.files(table).try_for_each(&mut read)
}

fn key(practice: &str, id: &str) -> SourceKey {
    SourceKey { system: SYSTEM.to_owned(), organisation: practice.to_owned(), id: id.to_owned() }
}

/// A GUID without braces and in capitals, whichever way it is written; `None` where there is none.
fn guid(text: &str) -> Option<String> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let fits = !bare.is_empty() && bare.len() <= 64 && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits.then(|| bare.to_ascii_uppercase())
}

impl Day {
    /// The row's practice. A deletion may come without it, which does no harm where there is only one.
    fn practice(&self, field: &str) -> Option<String> {
        match field {
            "" => self.only_practice.clone(),
            field => guid(field),
        }
    }

    /// The member of staff; the name is empty where the extract has sent it on an earlier day.
    fn author(&self, practice: &str, fields: [&str; 2]) -> Author {
        let Some(id) = fields.into_iter().find_map(guid) else { return Author::default() };
        let name = self.staff.get(&key(practice, &id)).cloned().unwrap_or_default();
        Author { id, name }
    }
}

/// Whether a yes-or-no field says yes. Anything else than true, false or nothing is said and counts as no.
fn is_true(field: &str, name: &str, row: Row<'_>, outlet: &mut Outlet<'_>) -> Result<bool, SourceError> {
    if field.eq_ignore_ascii_case("true") {
        return Ok(true);
    }
    if !field.is_empty() && !field.eq_ignore_ascii_case("false") {
        outlet.set_aside(
            row.number,
            format!("{name} is neither true nor false: it was taken as false; ask the supplier for the row again"),
        )?;
    }
    Ok(false)
}

/// The day in a field; a wrong one is said, and the row goes on without it.
fn day_of(
    field: &str,
    name: &str,
    latest: NaiveDate,
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<Option<NaiveDate>, SourceError> {
    dates::day(field, latest).or_else(|error| {
        outlet.set_aside(
            row.number,
            format!("{name} {error}: the row was kept without that date; correct it in EMIS Web"),
        )?;
        Ok(None)
    })
}

/// The last day that can stand in a file: a year after it was extracted.
fn latest(file: &ExtractFile) -> NaiveDate {
    dates::a_year_after(file.extracted.date())
}
