//! Which entries that would clear are read after all: the random sample that says what is missed.
//!
//! Drawn before release, by randomness that was committed to in advance and is revealed afterwards, so that
//! nobody can steer it and anybody can draw it again. Whether an entry is drawn depends on its name, its
//! version, the seed and the rate of its stratum, and on nobody who reads or decides.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::quality::Verdict;
use crate::record::{Act, EntryId, EntryKind, EntryVersion, HideReason, Lane, Screening, Tier, Version};

/// How long a window is. Fixed, because a bound that is looked at every day until it pleases is no bound.
const WINDOW: Duration = Duration::days(28);
/// A flag within so much time, before or after, keeps an entry from clearing by itself.
pub const NEAR: Duration = Duration::days(7);
/// So long after a flag was cleared nothing of the patient clears by itself either.
pub const AFTER_FLAG: Duration = Duration::days(90);

/// What measuring asks for. Proposals of ours, to be agreed with the clinical safety officer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demands {
    /// Entries to be read before anything clears by itself, and again in each window. With none missed, 600
    /// bound the share missed by half a percent.
    pub read: u64,
    /// Entries to be read of each stratum in a window, as far as there are so many.
    pub of_each: u64,
    /// The bound of the share missed must not lie above this, 0 to 1.
    pub limit: f64,
}

impl Default for Demands {
    fn default() -> Self {
        Self { read: 600, of_each: 10, limit: 0.01 }
    }
}

/// A window of 28 days, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window(pub u32);

impl Window {
    /// The window that `now` lies in.
    pub fn at(now: DateTime<Utc>) -> Self {
        let days = now.timestamp().max(0) / WINDOW.num_seconds();
        Self(u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// When it begins.
    pub fn begins(self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + WINDOW * i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    /// Its seed, from the practice's secret. Secret until the window has ended.
    pub fn seed(self, secret: &[u8; 32]) -> [u8; 32] {
        keyed(secret, &[b"window", &self.0.to_be_bytes()])
    }

    /// What stands in the log before the first entry is drawn: it fixes the seed and does not tell it.
    pub fn commitment(self, seed: &[u8; 32]) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"anteroom sample")
            .chain_update(self.0.to_be_bytes())
            .chain_update(seed)
            .finalize()
            .into()
    }
}

/// A share in parts of a million, so that everybody computes the same sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub u32);

impl Rate {
    /// Everything is read.
    pub const ALL: Self = Self(1_000_000);
    /// Of strata of which nothing is known yet.
    const UNKNOWN: Self = Self(100_000);

    fn of(wanted: u64, there: u64) -> Self {
        let parts = (wanted.saturating_mul(1_000_000)).div_ceil(there.max(1));
        Self(u32::try_from(parts).unwrap_or(u32::MAX).min(Self::ALL.0))
    }
}

/// Whether an entry is drawn: HMAC-SHA-256 of its name and version under the seed, against the rate.
pub fn is_drawn(seed: &[u8; 32], entry: EntryId, version: Version, rate: Rate) -> bool {
    let digest = keyed(seed, &[&entry.0, &version.0.to_be_bytes()]);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u128::from(u64::from_be_bytes(first)) * u128::from(Rate::ALL.0)) >> 64 < u128::from(rate.0)
}

pub(super) fn keyed(secret: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mac) => parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into(),
        // HMAC takes keys of any length; the type cannot say so.
        Err(_) => [0; 32],
    }
}

/// Age at the time of the entry, as far as it changes who may read the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AgeBand {
    /// Under 11.
    Child,
    /// 11 to 17.
    Young,
    /// 18 and over.
    Adult,
    /// Not known.
    Unknown,
}

impl AgeBand {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Child, "under-11"),
        (Self::Young, "11-17"),
        (Self::Adult, "18-and-over"),
        (Self::Unknown, "age-unknown"),
    ];
}

impl From<Option<u32>> for AgeBand {
    fn from(age: Option<u32>) -> Self {
        match age {
            Some(..11) => Self::Child,
            Some(..18) => Self::Young,
            Some(_) => Self::Adult,
            None => Self::Unknown,
        }
    }
}

/// Entries that are alike in what screening may miss in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stratum {
    /// Whether somebody read its line on the skim page and let it pass; else nothing was found.
    pub skimmed: bool,
    /// What kind of thing.
    pub kind: Kind,
    /// Whose.
    pub age: AgeBand,
    /// Whether anybody wrote words of their own in it.
    pub free_text: bool,
}

/// The kind of entry, in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A consultation.
    Consultation,
    /// A letter or another document.
    Document,
    /// A report of results.
    Result,
    /// Anything else.
    Other,
}

impl Kind {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Consultation, "consultation"),
        (Self::Document, "document"),
        (Self::Result, "result"),
        (Self::Other, "other"),
    ];
}

const LANES: [(bool, &str); 2] = [(false, "clear"), (true, "skimmed")];
const TEXTS: [(bool, &str); 2] = [(true, "free-text"), (false, "coded")];

impl Stratum {
    /// The stratum of a version of an entry.
    pub fn of(version: &EntryVersion, age: Option<u32>, skimmed: bool) -> Self {
        let kind = match version.kind {
            EntryKind::Consultation => Kind::Consultation,
            EntryKind::Document => Kind::Document,
            EntryKind::Result => Kind::Result,
            EntryKind::Problem | EntryKind::Medication | EntryKind::Other => Kind::Other,
        };
        let free_text = version.parts.iter().any(|part| !part.text.trim().is_empty());
        Self { skimmed, kind, age: age.into(), free_text }
    }
}

fn name_of<T: PartialEq>(names: &[(T, &'static str)], of: &T) -> &'static str {
    names.iter().find(|(value, _)| value == of).map_or("", |(_, name)| name)
}

fn named<T: Copy>(names: &[(T, &'static str)], name: Option<&str>) -> Result<T, &'static str> {
    names.iter().find(|(_, known)| Some(*known) == name).map(|(value, _)| *value).ok_or("no such stratum")
}

impl fmt::Display for Stratum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lane, kind) = (name_of(&LANES, &self.skimmed), name_of(&Kind::ALL, &self.kind));
        let (age, text) = (name_of(&AgeBand::ALL, &self.age), name_of(&TEXTS, &self.free_text));
        write!(f, "{lane}/{kind}/{age}/{text}")
    }
}

impl FromStr for Stratum {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut parts = name.split('/');
        Ok(Self {
            skimmed: named(&LANES, parts.next())?,
            kind: named(&Kind::ALL, parts.next())?,
            age: named(&AgeBand::ALL, parts.next())?,
            free_text: named(&TEXTS, parts.next())?,
        })
    }
}

impl TryFrom<String> for Stratum {
    type Error = &'static str;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Stratum> for String {
    fn from(stratum: Stratum) -> Self {
        stratum.to_string()
    }
}

/// How much of each stratum is drawn in a window: fixed when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan(pub BTreeMap<Stratum, Rate>);

impl Plan {
    /// The plan after a window in which so many entries of each stratum came: in proportion, and a minimum of
    /// each.
    pub fn after(entries: &BTreeMap<Stratum, u64>, demands: &Demands) -> Self {
        let base = Rate::of(demands.read, entries.values().sum());
        Self(entries.iter().map(|(stratum, n)| (*stratum, base.max(Rate::of(demands.of_each, *n)))).collect())
    }

    /// The rate of a stratum.
    pub fn rate(&self, stratum: Stratum) -> Rate {
        self.0.get(&stratum).copied().unwrap_or(Rate::UNKNOWN)
    }
}

/// That a version of an entry was open to the sample, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which version.
    pub version: Version,
    /// In which window.
    pub window: Window,
    /// In which stratum.
    pub stratum: Stratum,
    /// Whether it was drawn.
    pub drawn: bool,
    /// What the first reader said, who did not know that it was drawn.
    #[serde(default)]
    pub reading: Option<SampleReading>,
}

/// That an entry is invented, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// In which window.
    pub window: Window,
    /// Who read it first, by login, and whether they noticed anything.
    #[serde(default)]
    pub reading: Option<(String, bool)>,
}

/// What the reader of a drawn entry said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleReading {
    /// What they want.
    pub verdict: Verdict,
    /// Whether it was hidden because somebody could come to serious harm: what a rule would hold at tier 4.
    pub serious: bool,
    /// When, UTC.
    pub at: DateTime<Utc>,
}

impl SampleReading {
    /// The reading that an act of `at` is.
    pub fn of(act: &Act, at: DateTime<Utc>) -> Self {
        let serious = matches!(
            act,
            Act::Hide {
                reason: HideReason::HarmToPatient
                    | HideReason::HarmToOther
                    | HideReason::Coercion
                    | HideReason::ChildInterests
            }
        );
        Self { verdict: act.into(), serious, at }
    }

    /// Whether it should not have cleared.
    pub fn is_missed(&self) -> bool {
        self.verdict != Verdict::Approve
    }
}

/// What is known of an entry that may clear by itself.
#[derive(Debug, Clone, Copy)]
pub struct Clearing<'a> {
    /// Its content.
    pub version: &'a EntryVersion,
    /// What screening says now.
    pub screening: &'a Screening,
    /// Whether somebody read its line on the skim page and let it pass.
    pub skimmed: bool,
    /// Whether a flag stands over the patient.
    pub patient_flagged: bool,
    /// Whether one stands over somebody linked with them.
    pub linked_flagged: bool,
    /// Whether an entry of the patient within seven days was held for what was found in it.
    pub held_nearby: bool,
}

/// Why an entry does not clear by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEligible {
    /// Something was found in it, or screening failed.
    #[error("screening finds something in it")]
    Found,
    /// Content that could not be read.
    #[error("something in it could not be screened")]
    Unscreened,
    /// It comes from, or is about, those who deal with abuse.
    #[error("letters of this kind are always read")]
    Kind,
    /// A flag.
    #[error("a flag stands over the patient, or did until lately")]
    PatientFlagged,
    /// A flag nearby.
    #[error("a flag stands over somebody linked with the patient")]
    LinkedFlagged,
    /// A concern nearby.
    #[error("another entry of these days was held")]
    HeldNearby,
}

/// What is always read by people, by words of its heading.
const ALWAYS_READ: [&str; 12] = [
    "children’s services",
    "children's services",
    "court",
    "idva",
    "marac",
    "police",
    "probation",
    "safeguarding",
    "school",
    "social care",
    "social services",
    "solicitor",
];

/// Whether an entry may clear by itself. Asked when it arrives and again when its hold ends.
///
/// # Errors
/// The first reason why people read it.
pub fn eligible(entry: &Clearing<'_>) -> Result<(), NotEligible> {
    let most = if entry.skimmed { (Lane::Skim, Tier::Weak) } else { (Lane::Clear, Tier::Nothing) };
    if entry.screening.lane > most.0 || entry.screening.tier > most.1 {
        return Err(NotEligible::Found);
    }
    if entry.version.parts.iter().any(|part| part.unreadable.is_some()) {
        return Err(NotEligible::Unscreened);
    }
    let headings = std::iter::once(&entry.version.title).chain(entry.version.parts.iter().map(|part| &part.heading));
    if headings
        .map(|heading| heading.to_lowercase())
        .any(|heading| ALWAYS_READ.iter().any(|word| heading.contains(word)))
    {
        return Err(NotEligible::Kind);
    }
    if entry.patient_flagged {
        return Err(NotEligible::PatientFlagged);
    }
    if entry.linked_flagged {
        return Err(NotEligible::LinkedFlagged);
    }
    if entry.held_nearby {
        return Err(NotEligible::HeldNearby);
    }
    Ok(())
}
