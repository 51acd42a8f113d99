//! Who is related to a patient by the word of a source.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{NhsNumber, Patient, PatientId, SourceKey};

/// A relation that a record of the source declares. It stands as long as that record does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Relation {
    /// With whom.
    pub to: Relative,
    /// The source's name for the record that declares it. `None` in rows of a time when that was not kept: those stay.
    pub declared_by: Option<SourceKey>,
    /// When that was so, where the source says.
    pub as_of: Option<DateTime<Utc>>,
}

/// How a source names somebody who is related to a patient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relative {
    /// By name alone.
    Named(String),
    /// By NHS number; a patient may bear it.
    Number(NhsNumber),
    /// As a patient of the practice.
    Patient(PatientId),
}

impl Relative {
    /// How surely it says who it is.
    fn sureness(&self) -> u8 {
        match self {
            Self::Named(_) => 0,
            Self::Number(_) => 1,
            Self::Patient(_) => 2,
        }
    }
}

/// A relation as rows have it: once it was the other patient alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Patient(PatientId),
    Relation { to: Relative, declared_by: Option<SourceKey>, as_of: Option<DateTime<Utc>> },
}

impl From<Kept> for Relation {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Patient(id) => Self { to: Relative::Patient(id), declared_by: None, as_of: None },
            Kept::Relation { to, declared_by, as_of } => Self { to, declared_by, as_of },
        }
    }
}

impl Patient {
    /// Takes over what a record declares, in the place of what the same record declared before; `is_newer` says of what
    /// is known whether it was said later. Who it is a feed of changes may say less surely than the whole record did:
    /// then both stand.
    pub fn declare(&mut self, relation: Relation, is_newer: impl Fn(&Relation) -> bool) {
        let is_same_record = |known: &Relation| known.declared_by == relation.declared_by;
        let mut of_record = self.related.iter().filter(|known| is_same_record(known));
        if of_record.any(|known| known.to == relation.to || is_newer(known)) {
            return;
        }
        self.related.retain(|known| match &known.declared_by {
            None => known.to != relation.to,
            Some(_) => !is_same_record(known) || known.to.sureness() > relation.to.sureness(),
        });
        self.related.push(relation);
    }

    /// Takes back what a record declared, but for what was said later.
    pub fn withdraw(&mut self, declared_by: &SourceKey, is_newer: impl Fn(&Relation) -> bool) {
        self.related.retain(|known| known.declared_by.as_ref() != Some(declared_by) || is_newer(known));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_row_that_names_only_the_other_patient_is_read() {
        let other = PatientId([7; 16]);
        let kept: Vec<Relation> = serde_json::from_value(serde_json::json!([other])).unwrap();
        let expected = Relation { to: Relative::Patient(other), declared_by: None, as_of: None };
        assert_eq!(kept, std::slice::from_ref(&expected));
        let again = serde_json::from_str::<Relation>(&serde_json::to_string(&expected).unwrap()).unwrap();
        assert_eq!(again, expected);
    }
}
