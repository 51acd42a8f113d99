//! What is done for a patient, what is still to do, and what the caller did.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::QueueRow;
use crate::record::{EntryId, PatientId};

/// What became of an act about a whole patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientDone {
    /// Whom.
    pub patient: PatientId,
    /// What stands over the patient now, a line each.
    pub flags: Vec<String>,
    /// Entries that wait for people again, or are no longer visible.
    pub moved: u64,
    /// Whether it waits for a second person.
    pub needs_second: bool,
    /// Its place in the log.
    pub seq: u64,
    /// What follows from it and could not be done yet, as a sentence. The act stands.
    #[serde(default)]
    pub unfinished: Option<String>,
}

/// What needs somebody beside the queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worklist {
    /// Most pressing first.
    pub items: Vec<WorkItem>,
}

/// One line of a worklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    /// What sort of work.
    pub kind: Work,
    /// The entry concerned; none where it is about a patient as a whole.
    pub entry: Option<EntryId>,
    /// Whose record.
    pub patient: PatientId,
    /// `HOLT Marie`.
    pub patient_name: String,
    /// What to do, in a few words.
    pub what: String,
    /// Since when it waits, or the day on which it is due.
    pub since: DateTime<Utc>,
    /// Who has to see to it, by name.
    pub owner: String,
}

/// The sorts of work, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Withdrawn, and a channel still shows it.
    StillShown,
    /// Visible or hidden, and to be looked at again.
    LookAgain,
    /// Two readers differ.
    Disputed,
    /// A reviewer asks.
    Escalated,
    /// Twice over its target.
    TwiceOver,
    /// Past its target.
    Late,
    /// Three quarters of its target are gone.
    SoonLate,
    /// A hide whose day of review has come.
    HideReview,
    /// A flag that somebody wants cleared.
    FlagToClear,
    /// A flag that the record speaks for and nobody has set.
    FlagProposed,
    /// A flag that has stood for long.
    FlagReview,
    /// A child with safeguarding signals who will soon be eleven: proxy access changes.
    TurnsEleven,
    /// One who will soon be sixteen: their own access begins.
    TurnsSixteen,
    /// Somebody else reads the record of a child at risk.
    ProxyOfChild,
}

impl Work {
    /// As a heading.
    pub fn words(self) -> &'static str {
        match self {
            Self::StillShown => "withdrawn and still shown",
            Self::LookAgain => "to look at again",
            Self::Disputed => "disputed",
            Self::Escalated => "the lead is asked",
            Self::TwiceOver => "twice over its target",
            Self::Late => "late",
            Self::SoonLate => "soon late",
            Self::HideReview => "hide to review",
            Self::FlagToClear => "flag to clear",
            Self::FlagProposed => "flag proposed",
            Self::FlagReview => "flag to review",
            Self::TurnsEleven => "turns eleven",
            Self::TurnsSixteen => "turns sixteen",
            Self::ProxyOfChild => "proxy of a child at risk",
        }
    }
}

/// Something the caller did that can still be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MyAct {
    /// The entry as the queue would show it.
    pub row: QueueRow,
    /// What they did, in a word or two.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Its place in the log.
    pub seq: u64,
}
