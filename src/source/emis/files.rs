//! Which files of a folder are the extract's tables.

use std::path::Path;
use std::rc::Rc;

use chrono::NaiveDateTime;

use crate::source::encoding::Encoding;
use crate::source::outlet::{Outlet, Sink};
use crate::source::packed::{FeedFile, Files};
use crate::source::table::{self, Header, Naming, Row, Unread};
use crate::source::{SetAside, SourceError};

/// The tables that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableName {
    Organisation,
    SharingOrganisation,
    UserInRole,
    ClinicalCode,
    DrugCode,
    Patient,
    Consultation,
    Observation,
    Problem,
    Referral,
    Diary,
    DrugRecord,
    IssueRecord,
}

impl TableName {
    const ALL: [Self; 13] = [
        Self::Organisation,
        Self::SharingOrganisation,
        Self::UserInRole,
        Self::ClinicalCode,
        Self::DrugCode,
        Self::Patient,
        Self::Consultation,
        Self::Observation,
        Self::Problem,
        Self::Referral,
        Self::Diary,
        Self::DrugRecord,
        Self::IssueRecord,
    ];

    /// Schema and table as file names carry them.
    pub(super) fn in_file_names(self) -> &'static str {
        match self {
            Self::Organisation => "Admin_Organisation",
            Self::SharingOrganisation => "Agreements_SharingOrganisation",
            Self::UserInRole => "Admin_UserInRole",
            Self::ClinicalCode => "Coding_ClinicalCode",
            Self::DrugCode => "Coding_DrugCode",
            Self::Patient => "Admin_Patient",
            Self::Consultation => "CareRecord_Consultation",
            Self::Observation => "CareRecord_Observation",
            Self::Problem => "CareRecord_Problem",
            Self::Referral => "CareRecord_ObservationReferral",
            Self::Diary => "CareRecord_Diary",
            Self::DrugRecord => "Prescribing_DrugRecord",
            Self::IssueRecord => "Prescribing_IssueRecord",
        }
    }

    /// What its absence means. `None`: nothing, a sharing agreement may do without it.
    fn absence(self) -> Option<&'static str> {
        match self {
            Self::Organisation | Self::UserInRole | Self::DrugCode => None,
            Self::Referral | Self::Diary | Self::DrugRecord | Self::IssueRecord => None,
            Self::SharingOrganisation => Some("whether the practice still shares its record cannot be told"),
            Self::ClinicalCode => Some("no line has its code’s words, so every coded line is held"),
            Self::Patient => Some("changes to patients did not arrive"),
            Self::Consultation => Some("new consultations arrive without their headings"),
            Self::Observation => Some("no new lines of the record arrived"),
            Self::Problem => Some("changes to problems did not arrive"),
        }
    }
}

/// One file of the extract, in its folder or zip.
#[derive(Clone)]
pub(super) struct OneFile {
    files: Rc<Files>,
    file: FeedFile,
}

impl OneFile {
    /// Reads its table in UTF-8 from beginning to end; see [`table::read_from`].
    ///
    /// # Errors
    /// As [`table::read_from`].
    pub(super) fn read<C>(
        &self,
        key: &str,
        columns: impl FnOnce(&mut Header) -> C,
        sink: &mut Sink<'_>,
        each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let naming = Naming { key, patient: "PatientGuid" };
        self.files.with(&self.file, |input| {
            table::read_from(&self.file.name, input, Encoding::Utf8, naming, columns, sink, each)
        })
    }
}

/// One table's file.
pub(super) struct ExtractFile {
    file: OneFile,
    pub(super) table: TableName,
    /// When the table was extracted, by the clock of the supplier.
    pub(super) extracted: NaiveDateTime,
    /// The first of the processing identifiers: the order in which a day's parts apply.
    part: u64,
    /// Which of the folder's sets it belongs to, the oldest being 0.
    set: u64,
    agreement: String,
}

/// What a folder holds.
#[derive(Default)]
pub(super) struct Folder {
    files: Vec<ExtractFile>,
    pub(super) online: Option<OneFile>,
    /// Files that cannot be read as they are.
    pub(super) refused: Vec<SetAside>,
    /// Tables of the extract that nothing reads.
    others: Vec<(String, OneFile)>,
    /// Comma-separated files whose names are not an extract's.
    not_ours: Vec<String>,
}

/// How files end that are packed in a way that is not read here.
const PACKED: [&str; 7] = [".zip", ".7z", ".tar", ".tgz", ".tar.gz", ".bz2", ".xz"];

/// Tables about patients in which nobody writes anything of their record: when they come, who changed what, how they were
/// registered.
const WITHOUT_WORDS: [&str; 4] =
    ["Admin_PatientHistory", "Appointment_Slot", "Audit_PatientAudit", "Audit_RegistrationAudit"];

/// What one file name says.
enum Named {
    Table(ExtractFile),
    /// A table of the extract that nothing reads.
    Other(String, OneFile),
    NotOurs,
}

impl ExtractFile {
    /// Its name without any folder.
    pub(super) fn name(&self) -> &str {
        &self.file.file.name
    }

    /// As [`OneFile::read`].
    ///
    /// # Errors
    /// As [`OneFile::read`].
    pub(super) fn read<C>(
        &self,
        key: &str,
        columns: impl FnOnce(&mut Header) -> C,
        sink: &mut Sink<'_>,
        each: impl FnMut(&C, Row<'_>, &mut Outlet<'_>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        self.file.read(key, columns, sink, each)
    }

    /// Where a row stands in the order in which the folder applies: the sets by their age, the rows of each by
    /// `ProcessingId`, across its files. Without one it is where the file begins.
    pub(super) fn place(&self, processing: &str) -> u64 {
        const OF_A_SET: u32 = 48;
        let most = (1 << OF_A_SET) - 1;
        (self.set << OF_A_SET) | processing.parse().unwrap_or(self.part).min(most)
    }
}

impl Folder {
    /// Looks through a folder or a zip, and through the zips in a folder.
    ///
    /// # Errors
    /// When it cannot be listed, or holds no table.
    pub(super) fn list(path: &Path) -> Result<Self, SourceError> {
        const WHAT: &str = "an EMIS Web extract";
        let mut there = Self::default();
        let outside = Rc::new(Files::list(path, WHAT)?);
        there.refused.extend(outside.refused.iter().cloned());
        for file in &outside.names {
            match file.path().filter(|_| file.name.to_ascii_lowercase().ends_with(".zip") && path.is_dir()) {
                None => there.add(OneFile { files: Rc::clone(&outside), file: file.clone() }),
                Some(zip) => match Files::list(zip, WHAT) {
                    Ok(inside) => {
                        let inside = Rc::new(inside);
                        there.refused.extend(inside.refused.iter().cloned());
                        let files = inside.names.iter().cloned();
                        files.for_each(|file| there.add(OneFile { files: Rc::clone(&inside), file }));
                    }
                    Err(_) => there.refused.push(whole(
                        &file.name,
                        "the zip is not whole: it may still be on its way, or was cut off; pull again when it has arrived",
                    )),
                },
            }
        }
        there
            .files
            .sort_by(|a, b| (a.table, a.extracted, a.part, a.name()).cmp(&(b.table, b.extracted, b.part, b.name())));
        let mut sets: Vec<NaiveDateTime> = there.files.iter().map(|file| file.extracted).collect();
        sets.sort();
        sets.dedup();
        for file in &mut there.files {
            file.set = sets.partition_point(|set| *set < file.extracted) as u64;
        }
        if there.files.is_empty() && there.refused.is_empty() && there.online.is_none() {
            return Err(SourceError(format!(
                "{} holds no table of an EMIS Web extract: name the folder, or the zip, with files like \
                 1_CareRecord_Observation_20260301020000_….csv",
                path.display()
            )));
        }
        Ok(there)
    }

    fn add(&mut self, file: OneFile) {
        let name = file.file.name.clone();
        let lower = name.to_ascii_lowercase();
        let bare = lower.strip_suffix(".gz").unwrap_or(&lower);
        if lower.ends_with(".gpg") || lower.ends_with(".pgp") {
            self.refused
                .push(whole(&name, "the file is still encrypted and was not read: decrypt it first, then pull again"));
        } else if lower == "online-access.csv" {
            self.online = Some(file);
        } else if PACKED.iter().any(|end| lower.ends_with(end)) {
            self.refused.push(whole(&name, "the file is packed and was not read: unpack it first, then pull again"));
        } else if bare.ends_with(".csv") {
            match parse_name(file) {
                Named::Table(file) => self.files.push(file),
                Named::Other(table, file) => self.others.push((table, file)),
                Named::NotOurs => self.not_ours.push(name),
            }
        }
    }

    /// The tables that nothing reads and in which something of a patient's record may stand.
    pub(super) fn unread(&self) -> impl Iterator<Item = Unread<'_>> {
        let is_empty_of_words = |table: &str| WITHOUT_WORDS.iter().any(|name| name.eq_ignore_ascii_case(table));
        let others = self.others.iter().filter(move |(table, _)| !is_empty_of_words(table));
        others.map(|(table, OneFile { files, file })| {
            let rows = files.with(file, |input| table::rows_with(input?, "PatientGuid", Encoding::Utf8));
            (table.as_str(), file.name.as_str(), rows)
        })
    }

    /// When the newest of the tables was extracted.
    pub(super) fn made(&self) -> Option<NaiveDateTime> {
        self.files.iter().map(|file| file.extracted).max()
    }

    /// The sharing agreement, where the folder is about one only.
    pub(super) fn agreement(&self) -> Option<&str> {
        let first = self.files.first()?;
        self.files.iter().all(|file| file.agreement == first.agreement).then_some(first.agreement.as_str())
    }

    /// The files of a table, in the order in which they apply.
    pub(super) fn files(&self, table: TableName) -> impl Iterator<Item = &ExtractFile> {
        self.files.iter().filter(move |file| file.table == table)
    }

    /// The kinds of lines of which a table is there.
    pub(super) fn kinds(&self) -> Vec<String> {
        let has = |table: &TableName| self.files(*table).next().is_some();
        let kinds: [(&[TableName], &str); 6] = [
            (&[TableName::Consultation, TableName::Observation], ""),
            (&[TableName::Problem], "problem"),
            (&[TableName::Referral], "referral"),
            (&[TableName::Diary], "diary"),
            (&[TableName::DrugRecord], "drug"),
            (&[TableName::IssueRecord], "issue"),
        ];
        let there = kinds.iter().filter(|(tables, _)| tables.iter().all(has));
        there.map(|(_, kind)| (*kind).to_owned()).collect()
    }

    /// What people must know about the folder as a whole, a sentence each.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.files.is_empty() {
            for table in TableName::ALL {
                if let Some(absence) = table.absence().filter(|_| self.files(table).next().is_none()) {
                    let name = table.in_file_names();
                    notices
                        .push(format!("There is no {name} file in the extract: {absence}; ask the supplier for it."));
                }
            }
        }
        for pair in self.files.windows(2) {
            if let [first, second] = pair
                && (first.table, &first.agreement) == (second.table, &second.agreement)
            {
                notices.push(format!(
                    "{} is there more than once for one sharing agreement: all were read, the oldest first; \
                     check that the folder holds one day.",
                    first.table.in_file_names()
                ));
            }
        }
        notices.dedup();
        let has = |table| self.files(table).next().is_some();
        if (has(TableName::DrugRecord) || has(TableName::IssueRecord)) && !has(TableName::DrugCode) {
            notices.push(
                "There is no Coding_DrugCode file in the extract: no medicine has its name, so every one is held; ask \
                 the supplier for it."
                    .to_owned(),
            );
        }
        if let [first, rest @ ..] = self.not_ours.as_slice() {
            let others = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            notices.push(format!(
                "{first}{others} was left out, because the name is not one of an extract \
                 (five parts with _ between them): rename it if it belongs to the day."
            ));
        }
        notices
    }
}

/// Reads `{ProcessingIds}_{Schema}_{Table}_{yyyyMMddHHmmss}_{SharingAgreementGuid}.csv`, packed with gzip or not.
fn parse_name(file: OneFile) -> Named {
    let name = file.file.name.clone();
    let ends = if name.to_ascii_lowercase().ends_with(".gz") { ".csv.gz" } else { ".csv" };
    let stem = name.get(..name.len().saturating_sub(ends.len())).unwrap_or_default();
    let parts: Vec<&str> = stem.split('_').collect();
    let [processing, schema, table, extracted, agreement] = parts.as_slice() else { return Named::NotOurs };
    let Ok(extracted) = NaiveDateTime::parse_from_str(extracted, "%Y%m%d%H%M%S") else { return Named::NotOurs };
    let table_name = format!("{schema}_{table}");
    match TableName::ALL.into_iter().find(|known| known.in_file_names().eq_ignore_ascii_case(&table_name)) {
        Some(table) => Named::Table(ExtractFile {
            part: processing.split('-').next().and_then(|first| first.parse().ok()).unwrap_or(0),
            agreement: agreement.to_ascii_uppercase(),
            file,
            table,
            extracted,
            set: 0,
        }),
        None => Named::Other(table_name, file),
    }
}

fn whole(file: &str, why: &str) -> SetAside {
    SetAside { file: file.to_owned(), row: 0, why: why.to_owned() }
}
