//! EMIS Web bulk extract: one folder, or a zip of it, holds one day's tables for one sharing agreement.
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

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::outlet::{Outlet, Sink};
use super::table::{self, Column, Row};
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
    path: PathBuf,
}

impl Emis {
    /// A source that reads the tables at `path`, a folder or a zip. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

/// What rows of one table need from the others.
struct Day {
    /// The practice, where the folder is about one only.
    only_practice: Option<String>,
    /// The practices that the folder is about; none where it does not say.
    practices: BTreeSet<String>,
    /// Rows of the table at hand that are of another practice, and all.
    rows_of_others: Cell<(u64, u64)>,
    staff: HashMap<SourceKey, String>,
    codes: Codes,
    drugs: Codes,
    online: Online,
}

impl Source for Emis {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let folder = Folder::list(&self.path)?;
        let agreement = folder.agreement().unwrap_or_default();
        Ok(Manifest {
            stream: format!("{SYSTEM} {agreement}").trim().to_owned(),
            made: folder.made().map(dates::from_london),
            files: manifest::files(&self.path)?,
        })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let folder = Folder::list(&self.path)?;
        for set_aside in &folder.refused {
            sink(Change::SetAside(set_aside.clone()))?;
        }
        for notice in folder.notices() {
            sink(Change::Notice(notice))?;
        }
        let (only_practice, practices) = people::practices(&folder, sink)?;
        let mut day = Day {
            only_practice,
            practices,
            rows_of_others: Cell::default(),
            staff: HashMap::new(),
            codes: Codes::of(TableName::ClinicalCode),
            drugs: Codes::of(TableName::DrugCode),
            online: Online::default(),
        };
        if let Some(file) = &folder.online {
            day.online = online::read(file, sink)?;
        }
        each_file(&folder, TableName::UserInRole, |file| people::staff(file, &mut day, sink))?;
        each_file(&folder, TableName::ClinicalCode, |file| day.codes.read(file, sink))?;
        each_file(&folder, TableName::DrugCode, |file| day.drugs.read(file, sink))?;
        each_file(&folder, TableName::Patient, |file| people::patients(file, &mut day, sink))?;
        for (nhs_number, access) in std::mem::take(&mut day.online).others() {
            sink(Change::Online { nhs_number, access })?;
        }
        // What adds to an observation joins the entry that holds it, so it comes after it.
        let tables: [(TableName, Reader); 7] = [
            (TableName::Consultation, entries::consultations),
            (TableName::Observation, entries::observations),
            (TableName::Problem, companions::problems),
            (TableName::Referral, companions::referrals),
            (TableName::Diary, plans::diary),
            (TableName::DrugRecord, medicines::drugs),
            (TableName::IssueRecord, medicines::issues),
        ];
        for (table, read) in tables {
            each_file(&folder, table, |file| {
                read(file, &mut day, sink)?;
                day.say_of_others(file, sink)
            })?;
        }
        table::say_unread(folder.unread(), "EMIS Web", sink)?;
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

/// Reads a table of entries.
type Reader = fn(&ExtractFile, &mut Day, &mut Sink<'_>) -> Result<(), SourceError>;

impl Day {
    /// Notes of which practice a row is.
    fn look_at_practice(&self, practice: &str) {
        let (others, all) = self.rows_of_others.get();
        let is_other = !self.practices.is_empty() && !self.practices.contains(practice);
        self.rows_of_others.set((others + u64::from(is_other), all + 1));
    }

    /// Says of a table that it has rows of practices that the folder is not about.
    fn say_of_others(&self, file: &ExtractFile, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let (others, all) = self.rows_of_others.take();
        if others == 0 {
            return Ok(());
        }
        sink(Change::Notice(format!(
            "{}: the OrganisationGuid of {others} of {all} rows is in neither Admin_Organisation nor \
             Agreements_SharingOrganisation, so its columns may be swapped: the rows are kept and withheld until their \
             patients come; ask the supplier for it again.",
            file.name()
        )))
    }

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

/// Says where a row stands in the order in which the folder applies. One that does not say, as deletions may,
/// stands with the row before it.
fn say_place(file: &ExtractFile, processing: Column, row: Row<'_>, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
    const FIRST: u64 = 2;
    match row.get(processing) {
        "" if row.number > FIRST => Ok(()),
        processing => outlet.send(Change::Sequence(file.place(processing))),
    }
}

/// The last day that can stand in a file: a year after it was extracted.
fn latest(file: &ExtractFile) -> NaiveDate {
    dates::a_year_after(file.extracted.date())
}
