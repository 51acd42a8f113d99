//! The queue, the skim page, and who has what in hand.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::record::{EntryId, Lane, PatientId, Span, Stage, Tier, Token, Version};
use crate::review::State;

/// The queue and what stands above it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The practice's time.
    pub now: DateTime<Utc>,
    /// Most urgent first; what waits for one patient stands together, where the most urgent of it belongs.
    pub rows: Vec<QueueRow>,
    /// The place of the first of these among all that fit.
    #[serde(default)]
    pub from: usize,
    /// How many fit what was asked for.
    #[serde(default)]
    pub fits: usize,
    /// The numbers above and below the list.
    pub totals: Totals,
    /// What people must know about the feeds, a sentence each.
    pub alarms: Vec<String>,
    /// The day on which somebody looks again at what is hidden now.
    #[serde(default)]
    pub hidden_until: Option<NaiveDate>,
}

/// The skim page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skim {
    /// Its lines.
    pub lines: Vec<SkimLine>,
    /// How long each line must have had of the page's time on the screen, milliseconds.
    pub reading_time: u64,
    /// The numbers of the queue.
    pub totals: Totals,
}

/// One line of the skim page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkimLine {
    /// The entry as a row of the queue would show it.
    pub row: QueueRow,
    /// The sentence that made it a line here.
    pub sentence: String,
    /// The words of it that did, in bytes of `sentence`; empty where it is the sentence as a whole.
    pub marked: Span,
}

/// A line that somebody read and lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedLine {
    /// Which entry.
    pub entry: EntryId,
    /// The version whose line they read.
    pub version: Version,
    /// The review's revision when they read it.
    pub revision: u64,
    /// The line's share of the page's time on the screen, milliseconds.
    pub on_screen: u64,
}

/// What became of a page that was passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// The entries that went on to their hold.
    pub passed: Vec<EntryId>,
    /// Why others did not, a sentence each.
    pub refused: Vec<String>,
}

/// Numbers over the whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Entries waiting for a person; above a queue, less those of `for_second`.
    pub to_review: u64,
    /// Entries to which whoever asked has agreed, waiting for a second reader.
    #[serde(default)]
    pub for_second: u64,
    /// Of these, past their target.
    pub late: u64,
    /// Of these, already readable by the patient or a proxy where the GP system shows at once.
    pub readable: u64,
    /// Entries with weak evidence that wait to be skimmed.
    pub to_skim: u64,
    /// Entries without a finding, or skimmed, that wait out the uniform hold.
    pub on_hold: u64,
    /// Decided, not yet visible, still undoable.
    pub settling: u64,
    /// When the first of those that wait for time become visible.
    pub next_visible: Option<DateTime<Utc>>,
    /// Visible to the patient.
    pub released: u64,
    /// Hidden, what was withdrawn not counted.
    pub hidden: u64,
    /// Withdrawn after they had been visible.
    #[serde(default)]
    pub withdrawn: u64,
    /// Waiting for the safeguarding lead: disputes and questions.
    #[serde(default)]
    pub for_lead: u64,
    /// Put off until a day.
    #[serde(default)]
    pub deferred: u64,
    /// Rows of the feeds that could not be used.
    pub set_aside: u64,
    /// When the last pull ended.
    pub pulled_at: Option<DateTime<Utc>>,
    /// Entries new or changed in it.
    pub pulled_entries: u64,
}

impl Totals {
    /// Of what is visible, hidden or withdrawn now, the share that is not visible: hiding too much is a breach
    /// too. `None` while there is nothing.
    pub fn hide_rate(&self) -> Option<f64> {
        let kept = self.hidden + self.withdrawn;
        let all = kept + self.released;
        (all > 0).then(|| kept as f64 / all as f64)
    }
}

/// One row of the queue: enough for half of triage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueRow {
    /// Which entry.
    pub entry: EntryId,
    /// The version that waits.
    pub version: Version,
    /// The review's revision.
    pub revision: u64,
    /// Where it stands.
    pub state: State,
    /// How urgent.
    pub tier: Tier,
    /// Queue or skim.
    pub lane: Lane,
    /// Whose record.
    pub patient: PatientId,
    /// `HOLT Marie`.
    pub patient_name: String,
    /// `F 34`.
    pub sex_age: String,
    /// Who can read the record today: `app`, `mother app`, `none`.
    pub readers: String,
    /// `Consultation`.
    pub title: String,
    /// Who recorded it.
    pub author: String,
    /// When it was saved at the source.
    pub recorded: Option<DateTime<Utc>>,
    /// Since when it waits here.
    pub waiting_since: DateTime<Utc>,
    /// When it is late.
    pub due: DateTime<Utc>,
    /// The strongest reasons, in plain words, most urgent first.
    pub why: Vec<String>,
    /// Whether an earlier version of it was decided.
    pub changed: bool,
    /// Who else has it in hand or open, by login.
    pub held_by: Option<String>,
    /// Who has the patient's entries of this stage in hand.
    #[serde(default)]
    pub lease: Option<Holding>,
    /// Who else has it open, by login.
    #[serde(default)]
    pub viewed_by: Vec<String>,
    /// Since when somebody can read it, where the GP system shows entries at once.
    #[serde(default)]
    pub readable_since: Option<DateTime<Utc>>,
    /// Whether the caller has agreed to it already: somebody else must as well.
    #[serde(default)]
    pub agreed: bool,
}

/// Who has something in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Their name.
    pub name: String,
    /// Their login.
    pub login: String,
    /// Whether that is the caller, here or on another screen.
    pub yours: bool,
    /// For how much longer, in minutes begun, if they do nothing more.
    pub minutes_left: u64,
}

/// A lease that the caller has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Whose entries.
    pub patient: PatientId,
    /// Those open at this stage.
    pub stage: Stage,
    /// To be shown with a decision.
    pub token: Token,
    /// For how much longer, in seconds, if the caller does nothing more.
    pub seconds_left: u64,
}
