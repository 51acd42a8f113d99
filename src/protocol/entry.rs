//! One entry as a reviewer reads it, and what came of deciding it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::QueueRow;
use crate::record::{
    AccessLevel, Act, Decision, EntryId, EntryVersion, Flag, Note, PatientId, Removal, Safeguards, Screening, Style,
    Version,
};
use crate::review::{LookAgain, State};

/// Everything a reviewer needs beside the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The row as the queue shows it.
    pub row: QueueRow,
    /// The content.
    pub version: EntryVersion,
    /// What was found in it.
    pub screening: Screening,
    /// Whose record it is in.
    pub patient: PatientCard,
    /// Standing decisions on this version. Empty for a second reader, who reads blind.
    pub decisions: Vec<Decision>,
    /// What people wrote about it, oldest first. For a second reader only the lead's advice.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Why somebody should look at it again, if so.
    #[serde(default)]
    pub look_again: Option<LookAgain>,
    /// Whether `version` is only what would be left of it: the reader says what they think is missing
    /// ([`Request::ReadBack`](super::Request::ReadBack)) before they see the original.
    #[serde(default)]
    pub to_read_back: bool,
    /// The redaction that the second reader, who has read it back, agrees to or not.
    #[serde(default)]
    pub proposed: Option<Act>,
    /// The version that was decided before this one, with the decision.
    pub before: Option<(EntryVersion, Vec<Decision>)>,
    /// Removals of the decided version found again in this one: suggestions only.
    pub earlier_removals: Vec<Removal>,
    /// Other entries that wait, of this patient and of the household.
    pub also_here: Vec<QueueRow>,
    /// The caller's own half-made redaction.
    pub draft: Option<Draft>,
    /// Why the caller may not approve or redact this entry, if so, in one sentence.
    pub may_not_release: Option<String>,
    /// Other entries with the same sensitive words, of this patient and of those linked with them.
    #[serde(default)]
    pub twins: Vec<Twin>,
    /// Other entries of this patient of which people withhold something, last decided first, at most eight. Empty for
    /// a second reader who reads back.
    #[serde(default)]
    pub withheld: Vec<Withheld>,
}

/// Another entry of which people withhold something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Its heading.
    pub title: String,
    /// When it was recorded.
    pub recorded: Option<DateTime<Utc>>,
    /// The last decision on it.
    pub decision: Decision,
}

/// Another entry with the same sensitive words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// The other entry, as a row of the queue would show it.
    pub row: QueueRow,
    /// Which of the two shows what the other withholds.
    pub why: TwinWhy,
    /// What of it repeats the words: suggestions only.
    pub suggested: Vec<Removal>,
    /// Whether somebody who decided on one of the two named the other as considered.
    pub waived: bool,
    /// The words of the other that are the same, as they stand there.
    #[serde(default)]
    pub words: Vec<String>,
}

/// An earlier version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// What stood in it.
    pub content: EntryVersion,
    /// What was decided on it; empty where nobody did.
    pub decisions: Vec<Decision>,
}

/// All that is here of one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientRecord {
    /// Whom.
    pub patient: PatientId,
    /// Who they are, who reads their record, what stands over them.
    pub card: PatientCard,
    /// What people have set over them.
    pub safeguards: Safeguards,
    /// Flags that the record speaks for, and nobody has set or refused.
    #[serde(default)]
    pub proposed: Vec<Proposed>,
    /// Their entries, wherever these stand, newest first.
    pub entries: Vec<QueueRow>,
    /// How many more there are.
    pub more: u64,
    /// Why the caller is shown none of it, in one sentence.
    pub closed: Option<String>,
}

/// A flag that a patient's record speaks for. It is set or refused by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Which.
    pub flag: Flag,
    /// What speaks for it, in words. Names nobody.
    pub why: String,
}

/// Which of two twins shows what the other withholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwinWhy {
    /// The other shows, or may come to show, what was found or is withheld here.
    ShowsTheSame,
    /// The other withholds what stands here.
    WithheldThere,
}

/// The patient beside the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientCard {
    /// `HOLT Marie`.
    pub name: String,
    /// `F 34`.
    pub sex_age: String,
    /// Day of birth.
    pub born: Option<NaiveDate>,
    /// `999 012 3456`.
    pub nhs_number: Option<String>,
    /// Who reads this record, a line each: `patient’s app, full record`, `Jane Doe, mother, full record`.
    pub readers: Vec<String>,
    /// The same by name, `Marie’s app`, `mother`, with what their login shows.
    #[serde(default)]
    pub views: Vec<(String, AccessLevel)>,
    /// Others at the same address, a line each.
    pub household: Vec<String>,
    /// What stands over the patient, a line each.
    pub flags: Vec<String>,
}

/// A half-made redaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The version it was made on.
    pub version: Option<Version>,
    /// What is taken out so far.
    pub removals: Vec<Removal>,
    /// How.
    pub style: Style,
}

/// A decision that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which entry.
    pub entry: EntryId,
    /// Where it stands now.
    pub state: State,
    /// When it becomes visible, if nothing else happens.
    pub visible_at: Option<DateTime<Utc>>,
    /// When a hide is looked at again.
    pub review_by: Option<NaiveDate>,
    /// Its place in the log.
    pub seq: u64,
    /// After a hide: other entries that show the same words. What of these was on its way to be shown, or was
    /// shown, waits for people now.
    #[serde(default)]
    pub twins: Vec<EntryId>,
    /// Whether it was invented, to measure what readers miss: it is gone, and nothing else is to be done.
    #[serde(default)]
    pub decoy: bool,
    /// What follows from it and could not be done yet, as a sentence. The decision stands.
    #[serde(default)]
    pub unfinished: Option<String>,
}
