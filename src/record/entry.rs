//! Entries, their parts, and the immutable versions of them that people decide on.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::code::NOT_FOR_PATIENT;
use super::identity::keyed_digest;
use super::{Code, CodeSystem, EntryId, PatientId, SourceKey, Version};

/// What was recorded together and would be shown together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Our name for it.
    pub id: EntryId,
    /// The source's name for the group of parts.
    pub key: SourceKey,
    /// Whose record it is in.
    pub patient: PatientId,
}

/// What kind of thing an entry is, which decides its heading and how urgent it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A consultation of any sort: surgery, telephone, home visit, nurse.
    Consultation,
    /// A letter or another document.
    Document,
    /// A laboratory or imaging report.
    Result,
    /// A problem on its own.
    Problem,
    /// A medication change.
    Medication,
    /// Anything else: a stand-alone observation, a procedure, an immunisation.
    Other,
}

impl EntryKind {
    /// The heading a reviewer sees when the source gave none.
    pub fn title(self) -> &'static str {
        match self {
            Self::Consultation => "Consultation",
            Self::Document => "Letter",
            Self::Result => "Result",
            Self::Problem => "Problem",
            Self::Medication => "Medication",
            Self::Other => "Record entry",
        }
    }
}

/// One line of an entry: an EMIS observation, a FHIR resource.
///
/// `heading`, `display`, `value` and `text` are everything of it that a patient could read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The source's name for the line.
    pub key: SourceKey,
    /// What groups lines inside an entry: `History`, `Plan`, `Problem`; empty where there is none.
    pub heading: String,
    /// The words of the code, all-or-nothing in redaction; empty where the line has only text.
    pub display: String,
    /// The codes behind those words.
    pub codes: Vec<Code>,
    /// A measured value with its unit and range; belongs to the code.
    pub value: String,
    /// Free text. Lines are separated by `\n`.
    pub text: String,
    /// When it happened, where known.
    pub happened: Option<NaiveDate>,
    /// Who recorded it.
    pub author: Author,
    /// Place among its siblings, as the source orders them.
    pub order: u64,
    /// Set where the source holds content that we could not read.
    pub unreadable: Option<Unreadable>,
}

impl Part {
    /// Whether the source already hides the line from the patient: then it must not be shown here either.
    pub fn is_hidden_at_source(&self) -> bool {
        let is_label = |code: &Code| code.system == CodeSystem::Local && code.code == NOT_FOR_PATIENT;
        self.codes.iter().any(is_label)
    }
}

/// Who recorded something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Author {
    /// The source's identifier of the person, by which a reviewer is recognised as the author.
    pub id: String,
    /// The name as shown.
    pub name: String,
}

/// Why content could not be screened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// A format that we have no reader for.
    Format,
    /// More than the limit.
    TooLarge,
    /// Broken, or not in the encoding it claims.
    Damaged,
    /// Held elsewhere; the feed names it without sending it.
    NotSent,
}

/// An immutable snapshot of an entry: what a person decides on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryVersion {
    /// Which entry.
    pub entry: EntryId,
    /// Which snapshot.
    pub version: Version,
    /// What kind of thing.
    pub kind: EntryKind,
    /// The heading, e.g. `Telephone consultation`.
    pub title: String,
    /// The clinical date, where known.
    pub happened: Option<NaiveDate>,
    /// When it was saved at the source, which is when the patient could first see it there.
    pub recorded: Option<DateTime<Utc>>,
    /// Who recorded the entry as a whole.
    pub author: Author,
    /// The lines, in order.
    pub parts: Vec<Part>,
}

/// The practice's secret for fingerprints: short clinical text under a bare hash can be guessed.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// Wraps 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }
}

/// HMAC-SHA-256 over everything of a version that a patient could see. Two versions with the same
/// fingerprint look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl EntryVersion {
    /// The fingerprint under the practice's key. The version number is not part of it: the same
    /// bytes sent again are not news.
    pub fn fingerprint(&self, key: &FingerprintKey) -> Fingerprint {
        let mut fields: Vec<Vec<u8>> = vec![
            format!("{:?}", self.kind).into_bytes(),
            self.title.clone().into_bytes(),
            format!("{:?} {:?}", self.happened, self.recorded).into_bytes(),
            self.author.name.clone().into_bytes(),
        ];
        for part in &self.parts {
            fields.push(part.key.id.clone().into_bytes());
            fields.push(part.heading.clone().into_bytes());
            fields.push(part.display.clone().into_bytes());
            for code in &part.codes {
                fields.push(format!("{:?} {} {}", code.system, code.code, code.display).into_bytes());
            }
            fields.push(part.value.clone().into_bytes());
            fields.push(part.text.clone().into_bytes());
            fields.push(format!("{:?} {:?}", part.happened, part.unreadable).into_bytes());
            fields.push(part.author.name.clone().into_bytes());
        }
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        Fingerprint(keyed_digest(&key.0, &fields))
    }

    /// The part that the source calls `key`.
    pub fn part(&self, key: &SourceKey) -> Option<&Part> {
        self.parts.iter().find(|part| &part.key == key)
    }
}
