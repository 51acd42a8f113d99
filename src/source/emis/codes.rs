//! The extract's own tables of codes: rows elsewhere carry only a number.

use std::collections::{HashMap, HashSet};

use super::files::{ExtractFile, TableName};
use crate::record::{Code, CodeSystem};
use crate::source::SourceError;
use crate::source::outlet::Sink;

/// One code's words and its names in the terminologies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClinicalCode {
    pub(super) term: Box<str>,
    /// For a medicine its product in the dictionary of medicines and devices, which is a SNOMED CT concept.
    snomed: Box<str>,
    read: Box<str>,
}

/// The codes of one of the extract's two tables of them, by number.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) table: TableName,
    known: HashMap<Box<str>, ClinicalCode>,
    /// Numbers without a code that have been said already.
    said: HashSet<Box<str>>,
    /// Whether a table of codes was there at all.
    read: bool,
}

impl Codes {
    pub(super) fn of(table: TableName) -> Self {
        Self { table, known: HashMap::new(), said: HashSet::new(), read: false }
    }

    pub(super) fn read(&mut self, file: &ExtractFile, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.read = true;
        file.read(
            "CodeId",
            |header| {
                (
                    header.required("CodeId"),
                    header.required("Term"),
                    header.optional(&["SnomedCTConceptId", "DmdProductCodeId"]),
                    header.optional(&["ReadTermId"]),
                )
            },
            sink,
            |&(id, term, snomed, read), row, outlet| {
                if row.get(id).is_empty() {
                    return outlet.set_aside(
                        row.number,
                        "CodeId is empty: the code was left out, and lines with it are held; ask for the table again",
                    );
                }
                let code = ClinicalCode {
                    term: row.get(term).into(),
                    snomed: row.get(snomed).into(),
                    read: row.get(read).into(),
                };
                self.known.insert(row.get(id).into(), code);
                Ok(())
            },
        )
    }

    pub(super) fn get(&self, id: &str) -> Option<&ClinicalCode> {
        self.known.get(id)
    }

    /// Whether a missing code has still to be said: once for each number, and not at all where the
    /// whole table is missing, which is said as such.
    pub(super) fn is_news(&mut self, id: &str) -> bool {
        self.read && self.said.insert(id.into())
    }
}

impl ClinicalCode {
    /// The code in every terminology that names it.
    pub(super) fn codes(&self) -> Vec<Code> {
        let mut codes = Vec::new();
        if !self.snomed.is_empty() {
            codes.push(self.in_terminology(CodeSystem::Snomed, self.snomed.to_string()));
        }
        if !self.read.is_empty() {
            let (system, code) = read_code(&self.read);
            codes.push(self.in_terminology(system, code));
        }
        codes
    }

    fn in_terminology(&self, system: CodeSystem, code: String) -> Code {
        Code { system, code, display: self.term.to_string() }
    }
}

/// A Read code of up to five characters is padded with dots and loses its synonym number (`14L-1`);
/// anything longer is the supplier's own.
fn read_code(text: &str) -> (CodeSystem, String) {
    let bare = text.split_once('-').map_or(text, |(bare, _)| bare);
    if bare.is_empty() || bare.chars().count() > 5 {
        return (CodeSystem::Local, text.to_owned());
    }
    (CodeSystem::Read2, format!("{bare:.<5}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_codes_are_brought_to_five_characters() {
        assert_eq!(read_code("14X"), (CodeSystem::Read2, "14X..".to_owned()));
        assert_eq!(read_code("14X3.-1"), (CodeSystem::Read2, "14X3.".to_owned()));
        assert_eq!(read_code("EMISNQCO303"), (CodeSystem::Local, "EMISNQCO303".to_owned()));
        assert_eq!(read_code("ESCTDO12-1"), (CodeSystem::Local, "ESCTDO12-1".to_owned()));
    }
}
