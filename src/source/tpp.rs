//! TPP SystmOne strategic extract: a folder, or a zip of one, holds one batch of tables.
//!
//! Columns and rules follow what is public of versions 87 to 93; columns are found by name, because they
//! change without notice.
//! - `SRManifest` says what belongs to the batch. Without it the batch has not arrived.
//! - An event is the unit that SystmOne can hide, so `SREvent` is the group and whatever names an event is
//!   a line of it, letters included.
//! - Bytes are Windows-1252, dates `01 Mar 2026 09:05:00`.
//! - A deletion is a row with `RemovedData`, which some versions lack: then it is said that deletions
//!   do not show.
//! - There is no free text unless the practice has an extract with `SRFreeText`.
//!
//! A row is named by its table, `RowIdentifier` and `IDOrganisationVisibleTo`. A deletion that comes without
//! the organisation waits until the batch has been read, and counts where there is only one.

mod batch;
mod lines;
mod lookup;
mod people;
mod shapes;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};

use super::encoding::Encoding;
use super::outlet::{Outlet, Sink};
use super::table::{self, Column, Header, Naming, Row};
use super::{Change, Manifest, SetAside, Source, SourceError, Whole, WholeBy, dates, manifest};
use crate::record::{Author, SourceKey};
use batch::Batch;
use lookup::Lookup;
use people::Online;

/// The name that keys and messages carry.
const SYSTEM: &str = "tpp";

/// One batch of tables.
#[derive(Debug)]
pub struct Tpp {
    path: PathBuf,
    today: NaiveDate,
}

impl Tpp {
    /// A source that reads the batch at `path`, a folder or a zip. Dates more than a year after the batch
    /// are mistakes, or after `today` where the batch does not say when it was made. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, today: NaiveDate) -> Self {
        Self { path: path.into(), today }
    }
}

/// What rows of one table need from the others.
struct Read {
    latest: NaiveDate,
    lookup: Lookup,
    /// Every organisation that a row was visible to.
    organisations: RefCell<BTreeSet<String>>,
    /// Deletions that do not say of which organisation, by what is deleted.
    ownerless: RefCell<BTreeMap<String, Ownerless>>,
    /// Tables in which deletions do not show.
    without_removals: RefCell<BTreeSet<String>>,
    online: RefCell<BTreeMap<SourceKey, Online>>,
}

struct Ownerless {
    file: String,
    row: u64,
    gone: fn(SourceKey) -> Change,
}

/// Columns that every table has.
struct Common {
    id: Column,
    organisation: Column,
    patient: Column,
    event: Column,
    removed: Column,
    recorded: Column,
    happened: Column,
    done_by: Column,
    done_by_name: Column,
    profile: Column,
}

/// What the common columns of a row say.
enum Named {
    Here {
        key: SourceKey,
        patient: SourceKey,
    },
    /// Gone, or of no use: already said.
    Done,
}

impl Source for Tpp {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let batch = Batch::open(&self.path, &mut |_| Ok(()))?;
        Ok(Manifest {
            stream: SYSTEM.to_owned(),
            made: batch.covers().map(|covers| covers.to),
            files: manifest::files(&self.path)?,
        })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let batch = Batch::open(&self.path, sink)?;
        let until = batch.covers().map_or(self.today, |covers| covers.to.date_naive());
        let mut read = Read {
            latest: dates::a_year_after(until),
            lookup: Lookup::default(),
            organisations: RefCell::default(),
            ownerless: RefCell::default(),
            without_removals: RefCell::default(),
            online: RefCell::default(),
        };
        read.lookup.fill(&batch, sink)?;
        read.people(&batch, sink)?;
        read.events(&batch, sink)?;
        for shape in &shapes::SHAPES {
            read.lines(shape, &batch, sink)?;
        }
        read.free_text(&batch, sink)?;
        read.ownerless(sink)?;
        read.staff(sink)?;
        read.whole(&batch, sink)?;
        let unread = batch.tables().filter(|(table, _)| shapes::is_unread(table)).map(|(table, file)| {
            let rows = batch.files.with(file, |input| table::rows_with(input?, "IDPatient", Encoding::Windows1252));
            (table, &*file.name, rows)
        });
        table::say_unread(unread, "SystmOne", sink)?;
        read.end(sink)
    }
}

impl Common {
    fn find(header: &mut Header) -> Self {
        Self {
            id: header.required("RowIdentifier"),
            organisation: header.optional(&["IDOrganisationVisibleTo"]),
            patient: header.optional(&["IDPatient"]),
            event: header.optional(&["IDEvent"]),
            removed: header.optional(&["RemovedData"]),
            recorded: header.optional(&["DateEventRecorded", "DateAdded", "DateCreation", "DateCreated"]),
            happened: header.optional(&["DateEvent", "DateStart", "DateAdded", "EventDate"]),
            done_by: header.optional(&["IDDoneBy"]),
            done_by_name: header.optional(&["TextualEventDoneBy"]),
            profile: header.optional(&["IDProfileEnteredBy"]),
        }
    }
}

/// A row identifier; zero and below stand for none.
fn identifier(field: &str) -> Option<&str> {
    let bare = field.trim_start_matches('0');
    let fits = !bare.is_empty() && field.len() <= 32 && field.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(field)
}

fn key(organisation: &str, kind: &str, id: &str) -> SourceKey {
    SourceKey { system: SYSTEM.to_owned(), organisation: organisation.to_owned(), id: format!("{kind}:{id}") }
}

fn is_true(field: &str) -> bool {
    field == "1" || field.eq_ignore_ascii_case("true") || field.eq_ignore_ascii_case("y")
}

impl Read {
    /// Goes through a table, if the batch has it.
    fn table<C>(
        &self,
        batch: &Batch,
        name: &'static str,
        columns: impl FnOnce(&mut Header) -> C,
        sink: &mut Sink<'_>,
        each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
    ) -> Result<bool, SourceError> {
        let Some(file) = batch.table(name) else { return Ok(false) };
        let mut has_removals = None;
        let columns = |header: &mut Header| {
            has_removals = Some(header.optional(&["RemovedData"]).is_there());
            columns(header)
        };
        batch.files.with(file, |input| {
            // Free text repeats the identifier of what it is about.
            let patient = if name == "SRFreeText" { "" } else { "IDPatient" };
            let naming = Naming { key: "RowIdentifier", patient };
            table::read_from(&file.name, input, Encoding::Windows1252, naming, columns, sink, each)
        })?;
        if has_removals == Some(false) {
            self.without_removals.borrow_mut().insert(name.to_owned());
        }
        Ok(true)
    }

    /// The row's own name and whose record it is in; a deletion is handed on, what is missing is said.
    fn name(
        &self,
        common: &Common,
        kind: &str,
        gone: fn(SourceKey) -> Change,
        row: Row<'_>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Named, SourceError> {
        let Some(id) = identifier(row.get(common.id)) else {
            outlet.set_aside(
                row.number,
                "RowIdentifier is no number: the row was left out; ask the supplier for it again",
            )?;
            return Ok(Named::Done);
        };
        let organisation = row.get(common.organisation);
        if !organisation.is_empty() && !self.organisations.borrow().contains(organisation) {
            self.organisations.borrow_mut().insert(organisation.to_owned());
        }
        if is_true(row.get(common.removed)) {
            if organisation.is_empty() {
                let (file, id) = (outlet.file().to_owned(), format!("{kind}:{id}"));
                self.ownerless.borrow_mut().insert(id, Ownerless { file, row: row.number, gone });
            } else {
                outlet.send(gone(key(organisation, kind, id)))?;
            }
            return Ok(Named::Done);
        }
        if organisation.is_empty() {
            outlet.set_aside(
                row.number,
                "IDOrganisationVisibleTo is empty: the row was left out; ask the supplier for it again",
            )?;
            return Ok(Named::Done);
        }
        let patient = if kind == "patient" { Some(id) } else { identifier(row.get(common.patient)) };
        let Some(patient) = patient else {
            outlet
                .set_aside(row.number, "IDPatient is no number: the row was left out; ask the supplier for it again")?;
            return Ok(Named::Done);
        };
        // What was removed and is sent anew in a later row is there.
        if !self.ownerless.borrow().is_empty() {
            self.ownerless.borrow_mut().remove(&format!("{kind}:{id}"));
        }
        Ok(Named::Here { key: key(organisation, kind, id), patient: key(organisation, "patient", patient) })
    }

    fn recorded(
        &self,
        common: &Common,
        row: Row<'_>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let moment = match dates::written(row.get(common.recorded), self.latest) {
            Ok(moment) => moment,
            Err(why) => {
                outlet.set_aside(row.number, wrong_date("the date of recording", why))?;
                None
            }
        };
        Ok(moment.map(dates::from_london))
    }

    fn day(
        &self,
        column: Column,
        name: &str,
        row: Row<'_>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<NaiveDate>, SourceError> {
        match dates::written(row.get(column), self.latest) {
            Ok(moment) => Ok(moment.map(|moment| moment.date())),
            Err(why) => {
                outlet.set_aside(row.number, wrong_date(name, why))?;
                Ok(None)
            }
        }
    }

    /// Who did it, else who entered it.
    fn author(&self, common: &Common, row: Row<'_>) -> Author {
        let staff = identifier(row.get(common.done_by))
            .or_else(|| self.lookup.staff_of(row.get(common.profile)))
            .map(|id| (format!("staff:{id}"), self.lookup.staff_name(id)));
        let (id, name) = staff.unwrap_or_default();
        let name = if name.is_empty() { row.get(common.done_by_name) } else { name };
        Author { id, name: name.to_owned() }
    }

    /// Deletions that did not say of which organisation.
    fn ownerless(&self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let organisations = self.organisations.borrow();
        let only = match organisations.iter().collect::<Vec<_>>()[..] {
            [only] => Some(only),
            _ => None,
        };
        for (id, Ownerless { file, row, gone }) in self.ownerless.take() {
            match only {
                Some(organisation) => {
                    sink(gone(SourceKey { system: SYSTEM.to_owned(), organisation: organisation.clone(), id }))?
                }
                None => {
                    let why = "a deletion without IDOrganisationVisibleTo in a batch of several organisations, or of \
                               none: it was left out; ask the supplier for it again";
                    sink(Change::SetAside(SetAside { file, row, why: why.to_owned() }))?;
                }
            }
        }
        Ok(())
    }

    /// Names of staff, for later batches. A name is remembered beside each organisation whose rows may carry it.
    fn staff(&self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        for organisation in self.organisations.borrow().iter() {
            for (id, name) in self.lookup.staff() {
                sink(Change::Staff { key: key(organisation, "staff", id), name: name.to_owned() })?;
            }
        }
        Ok(())
    }

    /// Of which lines the batch holds all, by its manifest.
    fn whole(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let shapes = shapes::SHAPES.iter().map(|shape| (shape.table, shape.prefix));
        let tables = shapes.chain([("SREvent", "event"), ("SRFreeText", "text")]);
        let there = tables.filter(|(table, _)| batch.is_whole(table) && batch.table(table).is_some());
        let kinds: Vec<String> = there.map(|(_, prefix)| prefix.to_owned()).collect();
        match kinds.is_empty() {
            true => Ok(()),
            false => sink(Change::Whole(Whole { kinds, known: WholeBy::ItsManifest })),
        }
    }

    fn end(self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let without: Vec<String> = self.without_removals.into_inner().into_iter().collect();
        if without.is_empty() {
            return Ok(());
        }
        sink(Change::Notice(format!(
            "There is no RemovedData column in {}: what was deleted there does not show, and is still kept and \
             shown here; ask TPP for an extract with RemovedData.",
            without.join(", ")
        )))
    }
}

fn wrong_date(name: &str, why: dates::DateError) -> String {
    format!("{name} {why}: the row was kept without that date; correct it in SystmOne")
}
