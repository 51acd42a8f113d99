//! Plain files of anything else: comma-separated or JSON Lines, with a map of their columns in a file
//! `columns.toml` beside them.
//!
//! ```toml
//! organisation = "Z99901"        # whose identifiers they are
//! encoding = "windows-1252"      # or utf-8, which it is when left out
//! date = "%d/%m/%Y"              # of days; as 2026-03-01 when left out
//! moment = "%d/%m/%Y %H:%M"      # of moments on the practice's clock; as 2026-03-01 09:05:00 when left out
//! code_system = "snomed"         # or read2, ctv3, loinc, local
//!
//! [columns]                      # ours on the left, the file's on the right
//! line = "id"
//! patient = "patient id"
//! text = "note"
//! ```
//!
//! A row is a line of the record. `line` and `patient` must be mapped, and something of `display`, `code`, `value`
//! and `text`. Rows with the same `entry` are one entry. A row whose `deleted` says yes takes its line away.
//! A row whose `unsent` is not empty names a document that is kept elsewhere.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Deserialize;

use super::encoding::Encoding;
use super::outlet::{Outlet, Sink, file_name, unreadable, whole_file};
use super::table::{self, Column, Header, Naming};
use super::textlines::{LINE_LIMIT, Line, Lines};
use super::{
    Belongs, Change, GroupFacts, Manifest, PartFacts, PatientFacts, Source, SourceError, dates, folder, manifest,
    packed,
};
use crate::record::{Author, Code, CodeSystem, EntryKind, NhsNumber, Part, Sex, SourceKey, Unreadable};

/// The name that keys and messages carry.
const SYSTEM: &str = "lines";

/// The name of the file that maps the columns.
const MAP: &str = "columns.toml";

/// What a column can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    Line,
    Patient,
    Entry,
    Title,
    Kind,
    NhsNumber,
    FamilyName,
    GivenName,
    Born,
    Sex,
    Address,
    Heading,
    Display,
    Code,
    Value,
    Text,
    Happened,
    Recorded,
    Author,
    AuthorName,
    Deleted,
    Unsent,
}

/// `columns.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    organisation: String,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default = "day_form")]
    date: String,
    #[serde(default = "moment_form")]
    moment: String,
    #[serde(default = "local")]
    code_system: CodeSystem,
    columns: std::collections::HashMap<Field, String>,
}

fn day_form() -> String {
    "%Y-%m-%d".to_owned()
}

fn moment_form() -> String {
    "%Y-%m-%d %H:%M:%S".to_owned()
}

fn local() -> CodeSystem {
    CodeSystem::Local
}

/// A folder of such files, or one of them.
#[derive(Debug)]
pub struct PlainLines {
    path: PathBuf,
    latest: NaiveDate,
}

impl PlainLines {
    /// A source that reads the files at `path` as of `today`. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, today: NaiveDate) -> Self {
        Self { path: path.into(), latest: dates::a_year_after(today) }
    }
}

/// The values of one row by what they are.
struct Values<'a>(&'a dyn Fn(Field) -> String);

impl Values<'_> {
    fn get(&self, field: Field) -> String {
        (self.0)(field)
    }
}

/// A feed being read.
struct Reading {
    map: Map,
    latest: NaiveDate,
    /// Patients and entries whose own facts went out already.
    sent: HashSet<SourceKey>,
}

impl Source for PlainLines {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        Ok(Manifest { stream: SYSTEM.to_owned(), made: None, files: manifest::files(&self.path)? })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let (folder, files) = list(&self.path, sink)?;
        let mut reading = Reading { map: read_map(&folder)?, latest: self.latest, sent: HashSet::new() };
        for path in &files {
            if is_table(path) {
                reading.table(path, sink)?;
            } else {
                reading.objects(path, sink)?;
            }
        }
        Ok(())
    }
}

/// The folder, and the files in it in the order of their names.
fn list(path: &Path, sink: &mut Sink<'_>) -> Result<(PathBuf, Vec<PathBuf>), SourceError> {
    let unlisted = |error: std::io::Error| {
        let why = error.kind();
        SourceError(format!("{} cannot be read ({why}): name a .csv or .jsonl file or their folder", path.display()))
    };
    if std::fs::metadata(path).map_err(unlisted)?.is_file() {
        return Ok((path.parent().unwrap_or(Path::new(".")).to_owned(), vec![path.to_owned()]));
    }
    let lying = folder::look(path, 0).map_err(unlisted)?;
    lying.links.iter().try_for_each(|link| sink(Change::SetAside(whole_file(link, folder::LEADS_OUT))))?;
    if lying.links.iter().any(|link| file_name(link) == MAP) {
        return Err(SourceError(format!("{}: {}", path.join(MAP).display(), folder::LEADS_OUT)));
    }
    let mut files = lying.files;
    files.retain(|file| {
        let name = file_name(file).to_ascii_lowercase();
        let bare = name.strip_suffix(".gz").unwrap_or(&name);
        [".csv", ".jsonl", ".ndjson"].iter().any(|end| bare.ends_with(end))
    });
    if files.is_empty() {
        return Err(SourceError(format!(
            "{} holds no .csv or .jsonl file, packed with gzip or not: name the folder that holds them",
            path.display()
        )));
    }
    Ok((path.to_owned(), files))
}

/// Whether a file, packed with gzip or not, is comma-separated.
fn is_table(path: &Path) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv")
}

fn read_map(folder: &Path) -> Result<Map, SourceError> {
    let path = folder.join(MAP);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        SourceError(format!(
            "{} cannot be read ({}): write down in it which column holds what",
            path.display(),
            error.kind()
        ))
    })?;
    let map: Map = toml::from_str(&text).map_err(|error| {
        let at =
            error.span().map_or(0, |span| text.get(..span.start).map_or(0, |before| before.lines().count().max(1)));
        SourceError(format!("{}, line {at}: {}: correct it, then pull again", path.display(), error.message()))
    })?;
    for (name, form) in [("date", &map.date), ("moment", &map.moment)] {
        if StrftimeItems::new(form).any(|item| item == Item::Error) {
            return Err(SourceError(format!(
                "{}: {name} is not a form of dates like %d/%m/%Y: correct it, then pull again",
                path.display()
            )));
        }
    }
    let has = |field| map.columns.contains_key(&field);
    if !has(Field::Line) || !has(Field::Patient) {
        return Err(SourceError(format!(
            "{} maps no column for line or for patient: without them rows cannot be told apart; add them",
            path.display()
        )));
    }
    if ![Field::Display, Field::Code, Field::Value, Field::Text].into_iter().any(has) {
        return Err(SourceError(format!(
            "{} maps no column for display, code, value or text, so there is nothing to screen: add one",
            path.display()
        )));
    }
    Ok(map)
}

impl Reading {
    fn table(&mut self, path: &Path, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let names: Vec<(Field, String)> = self.map.columns.iter().map(|(field, name)| (*field, name.clone())).collect();
        let key = self.map.columns.get(&Field::Line).cloned().unwrap_or_default();
        let encoding = self.map.encoding;
        let columns = |header: &mut Header| -> Vec<(Field, Column)> {
            names.iter().map(|(field, name)| (*field, header.only(name))).collect()
        };
        let patient = self.map.columns.get(&Field::Patient).cloned().unwrap_or_default();
        let (input, naming) = (packed::open(path), Naming { key: &key, patient: &patient });
        table::read_from(&file_name(path), input, encoding, naming, columns, sink, |columns, row, outlet| {
            let value = |wanted: Field| {
                let column = columns.iter().find(|(field, _)| *field == wanted).map(|(_, column)| *column);
                row.raw(column.unwrap_or_default()).to_owned()
            };
            self.row(&Values(&value), row.number, outlet)
        })
    }

    fn objects(&mut self, path: &Path, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let mut outlet = Outlet::new(&file_name(path), sink);
        let mut lines = match packed::open(path) {
            Ok(file) => Lines::new(file),
            Err(error) => return outlet.set_aside(0, unreadable(&error)),
        };
        let encoding = self.map.encoding;
        loop {
            match lines.next() {
                Ok(None) => return outlet.end(lines.number()),
                Err(error) => return outlet.set_aside(0, unreadable(&error)),
                Ok(Some((number, Line::TooLong))) => outlet.set_aside(
                    number,
                    format!("the line is longer than {} MiB: it was left out; ask for it in pieces", LINE_LIMIT >> 20),
                )?,
                Ok(Some((number, Line::Whole(line)))) => {
                    let decoded = encoding.decode(line);
                    let is_in_doubt = decoded.is_none();
                    let text = decoded.or_else(|| Encoding::Windows1252.decode(line)).unwrap_or_default();
                    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(&text) else {
                        outlet.set_aside(
                            number,
                            "the line is not one object in JSON: it was left out; export it again",
                        )?;
                        continue;
                    };
                    let names = self.map.columns.clone();
                    let value = |wanted: Field| match names.get(&wanted).and_then(|name| object.get(name)) {
                        Some(serde_json::Value::String(text)) => text.clone(),
                        None | Some(serde_json::Value::Null) => String::new(),
                        Some(other) => other.to_string(),
                    };
                    outlet.begin_record(number);
                    if !is_in_doubt {
                        self.row(&Values(&value), number, &mut outlet)?;
                        continue;
                    }
                    outlet.begin_row(true);
                    self.row(&Values(&value), number, &mut outlet)?;
                    let held = if outlet.end_row().held { " and is held" } else { "" };
                    outlet.set_aside(
                        number,
                        format!("it is not UTF-8: it was read as Windows-1252{held}; export it again in UTF-8"),
                    )?;
                }
            }
        }
    }

    fn key(&self, kind: &str, id: &str) -> SourceKey {
        SourceKey {
            system: SYSTEM.to_owned(),
            organisation: self.map.organisation.clone(),
            id: format!("{kind}:{}", id.trim()),
        }
    }

    fn row(&mut self, values: &Values<'_>, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let (line, patient) = (values.get(Field::Line), values.get(Field::Patient));
        let is_name = |text: &str| !text.trim().is_empty() && text.len() <= 200;
        if !is_name(&line) {
            return outlet.set_aside(
                number,
                "the column for line is empty or no identifier: the row was left out; correct it and pull again",
            );
        }
        let line = self.key("line", &line);
        if is_yes(&values.get(Field::Deleted)) {
            return outlet.send(Change::PartGone(line));
        }
        if !is_name(&patient) {
            return outlet.set_aside(
                number,
                "the column for patient is empty or no identifier: the row was left out; correct it and pull again",
            );
        }
        let patient = self.key("patient", &patient);
        if self.sent.insert(patient.clone()) {
            self.patient(&patient, values, number, outlet)?;
        }
        let recorded = self.moment(&values.get(Field::Recorded), number, outlet)?;
        let happened = self.day(&values.get(Field::Happened), "happened", number, outlet)?;
        let author = Author {
            id: values.get(Field::Author).trim().to_owned(),
            name: values.get(Field::AuthorName).trim().to_owned(),
        };
        let kind = kind(&values.get(Field::Kind), number, outlet)?;
        let entry = values.get(Field::Entry);
        let belongs = if entry.trim().is_empty() { Belongs::Alone } else { Belongs::To(self.key("entry", &entry)) };
        if let Belongs::To(entry) = &belongs
            && self.sent.insert(entry.clone())
        {
            let facts = GroupFacts {
                key: entry.clone(),
                patient: patient.clone(),
                kind,
                title: values.get(Field::Title).trim().to_owned(),
                happened,
                recorded,
                author: author.clone(),
            };
            outlet.send_group(number, facts)?;
        }
        let part = self.part(line, values, (happened, recorded), author);
        outlet.send_part(PartFacts { belongs, patient, kind, recorded, part })
    }

    fn part(
        &self,
        key: SourceKey,
        values: &Values<'_>,
        (happened, recorded): (Option<NaiveDate>, Option<DateTime<Utc>>),
        author: Author,
    ) -> Part {
        let id = values.get(Field::Line);
        let get = |field| values.get(field).trim().to_owned();
        let display = get(Field::Display);
        let mut codes = Vec::new();
        let code = get(Field::Code);
        if !code.is_empty() {
            codes.push(Code { system: self.map.code_system, code, display: display.clone() });
        }
        let text = values.get(Field::Text).replace("\r\n", "\n");
        Part {
            key,
            heading: get(Field::Heading),
            display,
            codes,
            value: get(Field::Value),
            text: if text.trim().is_empty() { String::new() } else { text },
            happened,
            author,
            // A row that comes again may stand elsewhere in its file and must not change places for that.
            order: dates::place(recorded, id.trim().parse().unwrap_or_default()),
            unreadable: (!get(Field::Unsent).is_empty()).then_some(Unreadable::NotSent),
        }
    }

    /// The patient's own facts, if any column holds some.
    fn patient(
        &self,
        key: &SourceKey,
        values: &Values<'_>,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        if !self.map.columns.contains_key(&Field::FamilyName) {
            return Ok(());
        }
        let nhs_number = match values.get(Field::NhsNumber).trim() {
            "" => None,
            text => match text.parse::<NhsNumber>() {
                Ok(right) => Some(right),
                Err(why) => {
                    outlet.set_aside(
                        number,
                        format!("{why}: the patient was kept without it; correct the column for nhs_number"),
                    )?;
                    None
                }
            },
        };
        let born = self.day(&values.get(Field::Born), "born", number, outlet)?;
        outlet.send(Change::Patient(PatientFacts {
            nhs_number,
            family_name: values.get(Field::FamilyName).trim().to_owned(),
            given_name: values.get(Field::GivenName).trim().to_owned(),
            born,
            sex: match values.get(Field::Sex).trim().bytes().next() {
                Some(b'F' | b'f') => Sex::Female,
                Some(b'M' | b'm') => Sex::Male,
                _ => Sex::Unknown,
            },
            address: values.get(Field::Address).trim().to_owned(),
            ..PatientFacts::unknown(key.clone())
        }))
    }

    fn day(
        &self,
        text: &str,
        name: &str,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<NaiveDate>, SourceError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let day = NaiveDate::parse_from_str(text, &self.map.date).map_err(|_| dates::DateError::MappedForm);
        match day.and_then(|day| dates::within(day, self.latest)) {
            Ok(day) => Ok(Some(day)),
            Err(why) => {
                outlet.set_aside(
                    number,
                    format!("{name} {why}: the row was kept without that date; correct it at the source"),
                )?;
                Ok(None)
            }
        }
    }

    /// When a row was saved; of a bare day its beginning.
    fn moment(&self, text: &str, number: u64, outlet: &mut Outlet<'_>) -> Result<Option<DateTime<Utc>>, SourceError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let local = NaiveDateTime::parse_from_str(text, &self.map.moment)
            .or_else(|_| NaiveDate::parse_from_str(text, &self.map.date).map(|day| day.and_time(NaiveTime::MIN)));
        let moment = local
            .map(dates::from_london)
            .or_else(|_| DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()))
            .map_err(|_| dates::DateError::MappedForm)
            .and_then(|moment| dates::within(moment.date_naive(), self.latest).map(|_| moment));
        match moment {
            Ok(moment) => Ok(Some(moment)),
            Err(why) => {
                let why = format!("recorded {why}: the row was kept without that date; correct it at the source");
                outlet.set_aside(number, why)?;
                Ok(None)
            }
        }
    }
}

fn is_yes(text: &str) -> bool {
    let text = text.trim();
    ["true", "yes", "y", "1"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

fn kind(text: &str, number: u64, outlet: &mut Outlet<'_>) -> Result<EntryKind, SourceError> {
    Ok(match text.trim().to_ascii_lowercase().as_str() {
        "consultation" => EntryKind::Consultation,
        "document" => EntryKind::Document,
        "result" => EntryKind::Result,
        "problem" => EntryKind::Problem,
        "medication" => EntryKind::Medication,
        "other" | "" => EntryKind::Other,
        _ => {
            outlet.set_aside(
                number,
                "kind is none of consultation, document, result, problem, medication and other: other was taken; correct \
                 it at the source",
            )?;
            EntryKind::Other
        }
    })
}
