//! Patients, who reads their record, and what stands over them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{NhsNumber, PatientId, SourceKey};

/// A patient as far as review needs to know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Our name for the patient.
    pub id: PatientId,
    /// The source's name.
    pub key: SourceKey,
    /// Absent where the source gave none or a wrong one.
    pub nhs_number: Option<NhsNumber>,
    /// Family name.
    pub family_name: String,
    /// Given names.
    pub given_name: String,
    /// Day of birth where known.
    pub born: Option<NaiveDate>,
    /// As the source says.
    pub sex: Sex,
    /// What the patient's own online account shows.
    pub access: AccessLevel,
    /// Entries recorded before this day are not shown to the patient. `None`: the practice's go-live date counts.
    pub access_from: Option<NaiveDate>,
    /// Other people with their own login to this record.
    pub proxies: Vec<Proxy>,
    /// Patients with the same value share an address: a keyed digest, never the address itself.
    pub household: Option<String>,
    /// What people have set over the whole patient.
    pub flags: Vec<Flag>,
}

impl Patient {
    /// Age in whole years on `day`; `None` where the day of birth is unknown or later than `day`.
    pub fn age_on(&self, day: NaiveDate) -> Option<u32> {
        day.years_since(self.born?)
    }

    /// Family name in capitals, then the given name, as NHS systems write it.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.family_name.to_uppercase(), self.given_name).trim().to_owned()
    }
}

/// Sex as recorded at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Indeterminate, or not said.
    Unknown,
}

impl Sex {
    /// One letter for lists.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
            Self::Unknown => "–",
        }
    }
}

/// How much of the record an online account shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLevel {
    /// No online access to the record.
    None,
    /// Medicines and allergies.
    Summary,
    /// Codes without free text and letters.
    Coded,
    /// Everything recorded since access began. What we assume when a source does not say.
    #[default]
    Full,
}

/// Somebody else with a login to this record: a parent, a carer, an attorney.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// The proxy's name.
    pub name: String,
    /// What they are to the patient: `mother`, `carer`.
    pub relation: String,
    /// What their login shows.
    pub access: AccessLevel,
}

/// What stands over a whole patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Nothing of this patient is cleared without people.
    HoldAll,
    /// SNOMED CT 1364731000000104, enhanced review indicated before granting access to own health record.
    EnhancedReview,
}
