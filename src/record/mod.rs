//! What things are: patients, entries, their parts and versions, spans of text, findings and decisions.
//!
//! Pure: no I/O, no clock, no randomness. Every other room may name this one; it names none of them.

mod code;
mod decision;
mod entry;
mod finding;
mod identity;
mod lease;
mod patient;
mod relation;
mod shown;
mod span;

pub use code::{Code, CodeSystem};
pub use decision::{Act, Decision, Handling, HideReason, Note, Occasion, Removal, RemovalTarget, Style};
pub use entry::{Author, Entry, EntryKind, EntryVersion, Fingerprint, FingerprintKey, Part, Unreadable};
pub use finding::{Category, Context, Finding, Lane, Place, Screening, Subject, Tier};
pub use identity::{EntryId, IdentityKey, NhsNumber, NhsNumberError, PatientId, SourceKey, Version};
pub use lease::{Stage, Token};
pub use patient::{AccessLevel, Flag, FlagRefused, FlagSet, Patient, PatientAct, Proxy, Safeguards, Sex};
pub use relation::{Relation, Relative};
pub use shown::Shown;
pub use span::{Span, sentences, sentences_into, snap_to_words, words};
