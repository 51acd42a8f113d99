//! Patients, who reads their record, and what stands over them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{NhsNumber, PatientId, Relation, SourceKey};

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
    /// People to whom records of their own at the source declare a relation.
    #[serde(default)]
    pub related: Vec<Relation>,
    /// Names of people whom the patient's own row at the source names: a carer, a contact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relatives: Vec<String>,
    /// What people have set over the whole patient.
    pub flags: Vec<Flag>,
    /// Since when the patient is registered with this practice: what was recorded before came from another one.
    #[serde(default)]
    pub registered: Option<NaiveDate>,
    /// The clinical date of the code that set or lifted [`Flag::EnhancedReview`]: the latest counts.
    #[serde(default)]
    pub enhanced_as_of: Option<NaiveDate>,
    /// When the feed was made that last changed what is known, where it says: an older one that comes later does not
    /// change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<DateTime<Utc>>,
}

impl Patient {
    /// Whether no source has said anything of the person: only that there are entries of theirs.
    pub fn was_never_sent(&self) -> bool {
        self.family_name.is_empty() && self.given_name.is_empty() && self.born.is_none() && self.nhs_number.is_none()
    }

    /// Age in whole years on `day`; `None` where the day of birth is unknown or later than `day`.
    pub fn age_on(&self, day: NaiveDate) -> Option<u32> {
        day.years_since(self.born?)
    }

    /// Whether nobody is this patient: the entries are decoys.
    pub fn is_decoy(&self) -> bool {
        self.nhs_number.as_ref().is_some_and(NhsNumber::is_decoy)
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Nothing of this patient is cleared without people.
    HoldAll,
    /// Only named reviewers may open the record: staff, or somebody known to them.
    RestrictedReaders,
    /// The patient may be made to show the record to somebody.
    CoercionRisk,
    /// SNOMED CT 1364731000000104, enhanced review indicated before granting access to own health record.
    EnhancedReview,
}

impl Flag {
    /// Every flag.
    pub const ALL: [Self; 4] = [Self::HoldAll, Self::RestrictedReaders, Self::CoercionRisk, Self::EnhancedReview];

    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::HoldAll => "everything is held",
            Self::RestrictedReaders => "only named reviewers may open it",
            Self::CoercionRisk => "may be made to show the record",
            Self::EnhancedReview => "enhanced review before access (104)",
        }
    }

    /// The stable name used in commands and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::HoldAll => "hold-all",
            Self::RestrictedReaders => "restricted-readers",
            Self::CoercionRisk => "coercion-risk",
            Self::EnhancedReview => "enhanced-review",
        }
    }

    /// The flag with that stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.name() == name)
    }

    /// Whether everything of the patient goes to people at the highest tier while it stands.
    pub fn holds(self) -> bool {
        matches!(self, Self::HoldAll | Self::CoercionRisk | Self::EnhancedReview)
    }
}

/// What a person does about a whole patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatientAct {
    /// Sets a flag, or says of one that it must still stand. One person is enough.
    SetFlag {
        /// Which.
        flag: Flag,
        /// Why.
        why: String,
        /// Whether what is visible already is withdrawn too. That something vanishes can itself tell somebody:
        /// by default it stays, and the lead looks at it again.
        withdraw: bool,
    },
    /// Asks to clear a flag, or agrees to that: two people, one of them a lead. Makes nothing visible.
    ClearFlag {
        /// Which.
        flag: Flag,
        /// Why.
        why: String,
    },
    /// As lead: refuses a flag that the record speaks for. It is proposed again only for another reason.
    RefuseFlag {
        /// Which.
        flag: Flag,
        /// Why.
        why: String,
    },
    /// Names who may open the record while [`Flag::RestrictedReaders`] stands.
    NameReaders {
        /// Their logins.
        logins: Vec<String>,
        /// Why.
        why: String,
    },
    /// Declares one's own conflict of interest, or, as lead, locks somebody out of everything towards visible.
    LockOut {
        /// Whom.
        login: String,
        /// Why.
        why: String,
    },
    /// The lead lets somebody in again, never oneself.
    LetIn {
        /// Whom.
        login: String,
        /// Why.
        why: String,
    },
}

impl PatientAct {
    /// The reason given.
    pub fn why(&self) -> &str {
        match self {
            Self::SetFlag { why, .. }
            | Self::ClearFlag { why, .. }
            | Self::RefuseFlag { why, .. }
            | Self::NameReaders { why, .. }
            | Self::LockOut { why, .. }
            | Self::LetIn { why, .. } => why,
        }
    }
}

/// A flag that somebody set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSet {
    /// Which.
    pub flag: Flag,
    /// Who set it.
    pub by: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Why. Clinical: kept with the patient, never in the log.
    pub why: String,
    /// Who has asked to clear it, and waits for a second person.
    pub clearing: Option<String>,
    /// When somebody last said that it must still stand, UTC.
    #[serde(default)]
    pub looked_at: Option<DateTime<Utc>>,
}

impl FlagSet {
    /// A flag that has stood so long is looked at again. It does not end by itself.
    const STANDS: chrono::Duration = chrono::Duration::days(90);

    /// When somebody is to say whether it must still stand, UTC.
    pub fn review_due(&self) -> chrono::DateTime<chrono::Utc> {
        self.looked_at.unwrap_or(self.at) + Self::STANDS
    }
}

/// A flag that the record spoke for and a lead did not want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRefused {
    /// Which.
    pub flag: Flag,
    /// What spoke for it.
    pub cause: String,
    /// Who refused.
    pub by: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Why. Clinical: kept with the patient, never in the log.
    pub why: String,
}

/// What people have set over a patient. Kept apart from what the feeds say, so that no feed overwrites it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Safeguards {
    /// Flags, each at most once.
    pub flags: Vec<FlagSet>,
    /// Who may open the record while [`Flag::RestrictedReaders`] stands.
    pub readers: Vec<String>,
    /// Who moves nothing of this patient towards visible: login and reason.
    pub locked_out: Vec<(String, String)>,
    /// Flags that were proposed and refused.
    #[serde(default)]
    pub refused: Vec<FlagRefused>,
    /// Flags that were cleared, and when, UTC.
    #[serde(default)]
    pub cleared: Vec<(Flag, DateTime<Utc>)>,
}

impl Safeguards {
    /// Whether a flag stands.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.iter().any(|set| set.flag == flag)
    }

    /// Whether a flag holds everything of the patient.
    pub fn holds(&self) -> bool {
        self.flags.iter().any(|set| set.flag.holds())
    }

    /// Whether somebody moves nothing towards visible.
    pub fn locks_out(&self, login: &str) -> bool {
        self.locked_out.iter().any(|(locked, _)| locked == login)
    }

    /// Whether somebody may open the record.
    pub fn may_open(&self, login: &str) -> bool {
        !self.has(Flag::RestrictedReaders) || self.readers.iter().any(|reader| reader == login)
    }
}
