//! Tables that other tables point into: words for numbers, and who is who.

use std::collections::{BTreeMap, HashMap};

use super::batch::Batch;
use super::{identifier, is_true};
use crate::source::SourceError;
use crate::source::encoding::Encoding;
use crate::source::outlet::{Outlet, Sink};
use crate::source::table::{self, Header, Naming, Row};

/// What numbers mean.
#[derive(Default)]
pub(super) struct Lookup {
    /// Words of lists, by `SRMapping.RowIdentifier`.
    mapping: HashMap<Box<str>, Box<str>>,
    /// Words of codes, by CTV3 code.
    terms: HashMap<Box<str>, Box<str>>,
    /// Vaccines, by `SRImmunisationContent.RowIdentifier`.
    vaccines: HashMap<Box<str>, Box<str>>,
    /// CTV3 codes of drugs with their words, by `SRMedicationReadCodeDetails.IDMultiLexProduct`.
    drugs: HashMap<Box<str>, (Box<str>, Box<str>)>,
    /// Names, by `SRStaffMember.RowIdentifier`.
    staff: BTreeMap<Box<str>, Box<str>>,
    /// `SRStaffMember.RowIdentifier` by `SRStaffMemberProfile.RowIdentifier`.
    profiles: HashMap<Box<str>, Box<str>>,
}

impl Lookup {
    pub(super) fn fill(&mut self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        pairs(batch, ("SRMapping", "RowIdentifier", ["Mapping"]), sink, |id, [words]| {
            self.mapping.insert(id.into(), words.into());
        })?;
        pairs(batch, ("SRCtv3", "Ctv3Code", ["Ctv3Text"]), sink, |code, [words]| {
            self.terms.insert(code.into(), words.into());
        })?;
        pairs(batch, ("SRImmunisationContent", "RowIdentifier", ["Name"]), sink, |id, [name]| {
            self.vaccines.insert(id.into(), name.into());
        })?;
        let drugs = ("SRMedicationReadCodeDetails", "IDMultiLexProduct", ["DrugReadCode", "DrugReadCodeDesc"]);
        pairs(batch, drugs, sink, |product, [code, words]| {
            if !words.is_empty() {
                self.drugs.insert(product.into(), (code.into(), words.into()));
            }
        })?;
        pairs(batch, ("SRStaffMember", "RowIdentifier", ["StaffName"]), sink, |id, [name]| {
            if identifier(id).is_some() && !name.is_empty() {
                self.staff.insert(id.into(), name.into());
            }
        })?;
        pairs(batch, ("SRStaffMemberProfile", "RowIdentifier", ["IDStaffMember"]), sink, |profile, [staff]| {
            if identifier(staff).is_some() {
                self.profiles.insert(profile.into(), staff.into());
            }
        })
    }

    /// The words of a field that may hold the number of a list's value. A number that no list has stays.
    pub(super) fn words<'a>(&'a self, field: &'a str) -> &'a str {
        match identifier(field) {
            Some(id) => self.mapping.get(id).map_or(field, |words| words),
            None => field,
        }
    }

    /// The words of a CTV3 code, empty where the batch does not have them.
    pub(super) fn term(&self, code: &str) -> &str {
        self.terms.get(code).map_or("", |words| words)
    }

    /// The name of a vaccine, empty where the batch does not have it.
    pub(super) fn vaccine(&self, id: &str) -> &str {
        self.vaccines.get(id).map_or("", |name| name)
    }

    /// The CTV3 code and the words of a drug by its number, where the batch has them.
    pub(super) fn drug(&self, product: &str) -> Option<(&str, &str)> {
        self.drugs.get(product).map(|(code, words)| (&**code, &**words))
    }

    pub(super) fn staff_of(&self, profile: &str) -> Option<&str> {
        self.profiles.get(profile).map(|staff| &**staff)
    }

    pub(super) fn staff_name(&self, id: &str) -> &str {
        self.staff.get(id).map_or("", |name| name)
    }

    pub(super) fn staff(&self) -> impl Iterator<Item = (&str, &str)> {
        self.staff.iter().map(|(id, name)| (&**id, &**name))
    }
}

/// Goes through a table's column of keys and those of what they stand for, if the batch has it.
fn pairs<const N: usize>(
    batch: &Batch,
    (name, key, words): (&'static str, &'static str, [&'static str; N]),
    sink: &mut Sink<'_>,
    mut each: impl FnMut(&str, [&str; N]),
) -> Result<(), SourceError> {
    let Some(file) = batch.table(name) else { return Ok(()) };
    let columns = |header: &mut Header| {
        (header.required(key), words.map(|words| header.required(words)), header.optional(&["RemovedData"]))
    };
    batch.files.with(file, |input| {
        table::read_from(
            &file.name,
            input,
            Encoding::Windows1252,
            Naming { key, patient: "" },
            columns,
            sink,
            |&(key, words, removed), row: Row<'_>, _: &mut Outlet<'_>| {
                if !is_true(row.get(removed)) {
                    each(row.get(key), words.map(|words| row.get(words)));
                }
                Ok(())
            },
        )
    })
}
