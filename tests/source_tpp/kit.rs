//! Batches made for a test, and what is read from them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anteroom::record::{Part, SourceKey};
use anteroom::source::tpp::Tpp;
use anteroom::source::{Change, GroupFacts, PartFacts, Source, SourceError};
use chrono::NaiveDate;

pub const ORGANISATION: &str = "A81001";
/// Stands in every text; no sentence to people may hold it.
pub const CONFIDENTIAL: &str = "afraid of going home";

pub const SREVENT: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDProfileEnteredBy,IDDoneBy,TextualEventDoneBy,ContactEventLocation,ContactMethod,IDPatient,RemovedData";
pub const SRCODE: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDProfileEnteredBy,IDDoneBy,TextualEventDoneBy,CTV3Code,CTV3Text,SNOMEDCode,SNOMEDText,NumericComparator,IsNumeric,NumericValue,NumericUnit,IDEvent,IDPatient,RemovedData";
pub const SRPATIENT: &str =
    "RowIdentifier,IDOrganisationVisibleTo,Title,FirstName,MiddleNames,Surname,NHSNumber,DateBirth,Gender,RemovedData";
pub const SRFREETEXT: &str =
    "RowIdentifier,IDPatient,IDEvent,Question,FreeText,EventDate,SRTable,IDSRTable,QuestionnaireName,IDOrganisation";

/// One row, in the order of its columns; every field is quoted, as SystmOne does.
pub fn row(columns: &str, fields: &[(&str, &str)]) -> String {
    for (name, _) in fields {
        assert!(columns.split(',').any(|column| column == *name), "{name}");
    }
    let value = |column: &str| fields.iter().rfind(|(name, _)| *name == column).map_or("", |(_, value)| *value);
    let quoted = columns.split(',').map(|column| format!("\"{}\"", value(column).replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(",")
}

/// A row with what all tables of records have, and what is given besides.
pub fn of(columns: &str, id: &str, besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("RowIdentifier", id),
        ("IDOrganisationVisibleTo", ORGANISATION),
        ("DateEventRecorded", "28 Feb 2026 09:30:00"),
        ("DateEvent", "28 Feb 2026 09:20:00"),
        ("IDPatient", "1"),
    ];
    fields.extend_from_slice(besides);
    row(columns, &fields)
}

pub fn event(id: &str, besides: &[(&str, &str)]) -> String {
    of(SREVENT, id, besides)
}

pub fn code(id: &str, besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("RowIdentifier", id),
        ("IDOrganisationVisibleTo", ORGANISATION),
        ("DateEventRecorded", "28 Feb 2026 09:30:00"),
        ("DateEvent", "28 Feb 2026 09:20:00"),
        ("CTV3Code", "E200."),
        ("CTV3Text", "Anxiety states"),
        ("SNOMEDCode", "48694002"),
        ("SNOMEDText", "Anxiety"),
        ("IDEvent", "7"),
        ("IDPatient", "1"),
    ];
    fields.extend_from_slice(besides);
    row(SRCODE, &fields)
}

pub fn patient(id: &str, besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("RowIdentifier", id),
        ("IDOrganisationVisibleTo", ORGANISATION),
        ("FirstName", "Ada"),
        ("Surname", "Example"),
        ("NHSNumber", "9434765919"),
        ("DateBirth", "06 May 1990 00:00"),
        ("Gender", "Female"),
    ];
    fields.extend_from_slice(besides);
    row(SRPATIENT, &fields)
}

pub fn text(id: &str, besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("RowIdentifier", id),
        ("IDPatient", "1"),
        ("FreeText", CONFIDENTIAL),
        ("EventDate", "28 Feb 2026 09:20:00"),
        ("IDOrganisation", "55"),
    ];
    fields.extend_from_slice(besides);
    row(SRFREETEXT, &fields)
}

pub fn table(columns: &str, rows: &[String]) -> Vec<u8> {
    let header = columns.split(',').map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = [vec![header], rows.to_vec()].concat();
    (lines.join("\r\n") + "\r\n").into_bytes()
}

/// Columns of the manifest for one table.
#[derive(Clone)]
pub struct Listed {
    pub delta: &'static str,
    pub reference: &'static str,
    pub from: &'static str,
    pub to: &'static str,
}

pub const DELTA: Listed = Listed { delta: "Y", reference: "N", from: "20260228_0200", to: "20260301_0200" };
pub const WHOLE: Listed = Listed { delta: "N", reference: "N", from: "", to: "20260301_0200" };

/// A batch of a quiet day, with what a test wants in it.
pub struct Batch {
    pub files: BTreeMap<String, Vec<u8>>,
    pub listed: Vec<(String, Listed)>,
}

impl Batch {
    pub fn quiet() -> Self {
        let quiet = Self { files: BTreeMap::new(), listed: Vec::new() };
        quiet
            .with("SRPatient", table(SRPATIENT, &[]))
            .with("SREvent", table(SREVENT, &[]))
            .with("SRCode", table(SRCODE, &[]))
            .with("SRFreeText", table(&format!("{SRFREETEXT},RemovedData"), &[]))
    }

    pub fn with(self, table: &str, content: impl AsRef<[u8]>) -> Self {
        self.listed_as(table, content, DELTA)
    }

    pub fn listed_as(mut self, table: &str, content: impl AsRef<[u8]>, listed: Listed) -> Self {
        self.files.insert(format!("{table}.csv"), content.as_ref().to_vec());
        self.listed.retain(|(name, _)| name != table);
        self.listed.push((table.to_owned(), listed));
        self
    }

    pub fn without(mut self, table: &str) -> Self {
        self.files.remove(&format!("{table}.csv"));
        self.listed.retain(|(name, _)| name != table);
        self
    }

    fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let columns = "FileName,IsDelta,IsReference,DateExtractFrom,DateExtractTo";
        let rows = self.listed.iter().map(|(name, listed)| {
            let Listed { delta, reference, from, to } = listed;
            row(
                columns,
                &[
                    ("FileName", name),
                    ("IsDelta", delta),
                    ("IsReference", reference),
                    ("DateExtractFrom", from),
                    ("DateExtractTo", to),
                ],
            )
        });
        let mut files = self.files.clone();
        let manifest = table(columns, &rows.collect::<Vec<_>>());
        files.entry("SRManifest.csv".to_owned()).or_insert(manifest);
        files
    }

    pub fn write(&self, folder: &Path) {
        for (name, content) in self.all() {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }

    /// The batch as a zip of its folder.
    pub fn zip(&self, path: &Path) {
        let files = self.all().into_iter().map(|(name, content)| (format!("20260301_0200/{name}"), content));
        zip(path, &files.collect::<Vec<_>>());
    }

    pub fn read(&self) -> Read {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        Read::from(folder.path()).unwrap()
    }
}

pub fn zip(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// What came out.
#[derive(Debug, PartialEq)]
pub struct Read(pub Vec<Change>);

impl Read {
    pub fn from(path: &Path) -> Result<Self, SourceError> {
        let mut changes = Vec::new();
        Tpp::new(PathBuf::from(path), NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()).read(&mut |change| {
            if !matches!(change, Change::FileRead { .. } | Change::Whole(_)) {
                changes.push(change);
            }
            Ok(())
        })?;
        let read = Self(changes);
        for said in read.set_aside().into_iter().chain(read.notices()) {
            assert!(!said.contains(CONFIDENTIAL) && !said.contains("Example"), "{said}");
        }
        Ok(read)
    }

    pub fn set_aside(&self) -> Vec<String> {
        let said = self.0.iter().filter_map(|change| match change {
            Change::SetAside(set_aside) => Some(set_aside.to_string()),
            _ => None,
        });
        said.collect()
    }

    pub fn notices(&self) -> Vec<String> {
        let said = self.0.iter().filter_map(|change| match change {
            Change::Notice(notice) => Some(notice.clone()),
            _ => None,
        });
        said.collect()
    }

    pub fn parts(&self) -> Vec<&PartFacts> {
        self.0.iter().filter_map(|change| if let Change::Part(facts) = change { Some(facts) } else { None }).collect()
    }

    pub fn facts(&self, id: &str) -> &PartFacts {
        let found = self.parts().into_iter().find(|facts| facts.part.key == key(id));
        found.unwrap_or_else(|| panic!("no {id} in {:?}", self.0))
    }

    pub fn part(&self, id: &str) -> &Part {
        &self.facts(id).part
    }

    pub fn group(&self, id: &str) -> &GroupFacts {
        let mut groups =
            self.0.iter().filter_map(|change| if let Change::Group(facts) = change { Some(facts) } else { None });
        groups.find(|facts| facts.key == key(id)).unwrap_or_else(|| panic!("no {id} in {:?}", self.0))
    }
}

pub fn key(id: &str) -> SourceKey {
    SourceKey { system: "tpp".into(), organisation: ORGANISATION.into(), id: id.into() }
}
