//! What leaves. A channel says what it can do and takes released entries, nothing else.

mod portal;

use crate::record::{EntryId, NhsNumber, PatientId};
use crate::review::Rendition;

pub use portal::Portal;

/// A way for entries to reach patients.
pub trait Channel: Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &str;

    /// How finely it can withhold.
    fn granularity(&self) -> Granularity;

    /// Takes the whole of what is visible now, in place of what it had. All or nothing.
    ///
    /// # Errors
    /// When it could not; patients then see what they saw before.
    fn deliver(&self, practice: &str, visible: &[Released]) -> Result<Delivery, ChannelError>;

    /// In what it shows something else than `visible`: a sentence for each entry, without clinical words.
    ///
    /// # Errors
    /// When it does not say what it shows.
    fn compare(&self, practice: &str, visible: &[Released]) -> Result<Vec<String>, ChannelError>;
}

/// How finely a channel can withhold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// To the word: it shows renditions of ours.
    Word,
    /// Whole entries only, as EMIS and TPP do.
    Entry,
}

/// An entry that a patient may see, as they may see it.
#[derive(Debug, Clone)]
pub struct Released {
    /// Which entry.
    pub entry: EntryId,
    /// Whose.
    pub patient: PatientId,
    /// The patient's number.
    pub nhs_number: Option<NhsNumber>,
    /// What they see.
    pub rendition: Rendition,
}

/// What a channel took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Entries.
    pub entries: u64,
    /// Where to, if that is a place.
    pub place: Option<String>,
}

/// Why a channel took nothing. One sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub String);
