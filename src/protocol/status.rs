//! How the practice's feeds, store and policy stand.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Totals;
use crate::record::{Stage, Tier};
use crate::review::State;

/// A policy as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// The file, with every line explained.
    pub text: String,
    /// Its digest, as the log names it.
    pub digest: String,
    /// What the file that was to be taken waits for, if it is not in force yet.
    #[serde(default)]
    pub waits: Option<String>,
    /// What follows from putting it in force and could not be done yet, as a sentence. It is in force.
    #[serde(default)]
    pub unfinished: Option<String>,
}

/// What a pull brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// The source, and for the demo the day.
    pub source: String,
    /// Lines read.
    pub parts: u64,
    /// Entries new.
    pub new: u64,
    /// Entries changed.
    pub changed: u64,
    /// Entries deleted.
    pub deleted: u64,
    /// Of the new and changed: to the queue.
    pub queued: u64,
    /// Of the new and changed: to the skim page.
    pub to_skim: u64,
    /// Of the new and changed: without a finding, on hold.
    pub on_hold: u64,
    /// Of the new and changed: recorded before online access began, so nobody can read them online.
    pub not_open: u64,
    /// Patients new or changed.
    pub patients: u64,
    /// Rows that could not be used.
    pub set_aside: u64,
    /// The first of these, a sentence each.
    pub set_aside_examples: Vec<String>,
    /// What people must know, a sentence each.
    pub notices: Vec<String>,
    /// Set where nothing was read, because the same files were pulled then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled_before: Option<DateTime<Utc>>,
    /// Kinds of records that did not come whole. They are asked for again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// What was left out of the last pull of a feed, or read with a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which feed, by the name that alarms carry.
    pub feed: String,
    /// When it was pulled.
    pub pulled_at: DateTime<Utc>,
    /// How many rows.
    pub rows: u64,
    /// The first of them, a sentence each.
    pub sentences: Vec<String>,
}

/// What publication did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Entries that became visible.
    pub released: u64,
    /// Entries that were due and stayed withheld.
    pub kept_back: u64,
    /// Entries in the feed.
    pub in_feed: u64,
    /// Where the feed was written; none in the demo.
    pub feed: Option<String>,
    /// When the next one is due.
    pub next: Option<DateTime<Utc>>,
}

/// A backup that was written and read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Frames in it.
    pub frames: u64,
    /// The digest of the last one, in hexadecimal.
    pub head: String,
    /// Its rows.
    pub rows: u64,
}

/// What deriving visibility anew found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Entries whose visibility was derived.
    pub entries: u64,
    /// How many of them patients may see.
    pub visible: u64,
    /// What differs, a sentence each, without clinical words.
    pub wrong: Vec<String>,
}

/// A feed of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// When it was last pulled.
    pub pulled_at: Option<DateTime<Utc>>,
    /// When it is due next.
    pub next: Option<DateTime<Utc>>,
    /// Days that fell due and have not come.
    pub open_days: Vec<NaiveDate>,
    /// Why the last pull failed, if it did.
    pub failed: Option<String>,
    /// Kinds of records of which the last pull brought only a part, and that are asked for again soon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// The exposure clock: entered at the source, pulled, decided. Where the GP system shows entries itself, a patient
/// may read them from the first of these on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Minutes since the oldest entry that waits for a person was entered.
    pub longest_waiting: Option<u64>,
    /// Entries that people decided on in the last seven days, and of which it is known when they were entered.
    pub decided: u64,
    /// Half of these were pulled within so many minutes of being entered.
    pub median_to_pull: Option<u64>,
    /// Half of these were decided within so many minutes of being entered.
    pub median_to_decision: Option<u64>,
}

/// A pull under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulling {
    /// Lines read so far.
    pub lines: u64,
    /// Entries stored so far.
    pub entries: u64,
    /// How much of what was read is stored, in per cent.
    pub done: u64,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The numbers of the queue.
    pub totals: Totals,
    /// What people must know, a sentence each.
    pub alarms: Vec<String>,
    /// Last sequence number of the journal.
    pub seq: u64,
    /// The daemon's version.
    pub build: String,
    /// The rules in use.
    pub rules: String,
    /// Bytes free on the store's disk.
    pub free_bytes: u64,
    /// The leases that bind now.
    #[serde(default)]
    pub leases: Vec<LeaseLine>,
    /// The feeds of the settings.
    #[serde(default)]
    pub feeds: Vec<FeedStatus>,
    /// How long entries could be read before anybody decided.
    #[serde(default)]
    pub exposure: Box<Exposure>,
    /// The pull under way, if there is one.
    #[serde(default)]
    pub pulling: Option<Box<Pulling>>,
    /// How the machine's side of it is.
    #[serde(default)]
    pub health: Box<Health>,
}

/// How the store and the daemon are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The digest of the log's last frame, in hexadecimal: the head that a restore can be held to.
    #[serde(default)]
    pub head: String,
    /// Bytes of the journal on the disk.
    pub journal_bytes: u64,
    /// Bytes of the view on the disk.
    pub view_bytes: u64,
    /// The last unit that the view has kept.
    pub applied: u64,
    /// How many units it is behind the log; readers see those too.
    pub behind: u64,
    /// How long the last sync took, microseconds; none yet since the start.
    pub last_sync_micros: Option<u64>,
    /// When it ended, by the machine's clock.
    #[serde(default)]
    pub last_sync: Option<DateTime<Utc>>,
    /// Syncs since the start.
    pub syncs: u64,
    /// Why the store takes no more writes.
    pub stopped: Option<String>,
    /// All of the store's disk, bytes.
    pub total_bytes: u64,
    /// Free space below which work is refused, bytes.
    pub floor_bytes: u64,
    /// Connections now, this one too.
    pub clients: u64,
    /// What waits for people, by state and tier.
    pub queue: Vec<Depth>,
}

/// How many entries wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Where.
    pub state: State,
    /// How urgent.
    pub tier: Tier,
    /// How many.
    pub entries: u64,
}

/// A lease as the status shows it: without its patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseLine {
    /// Who has it, by login.
    pub login: String,
    /// For which reading.
    pub stage: Stage,
    /// For how long they have had it, seconds.
    pub held: u64,
    /// For how much longer, seconds, if they do nothing more.
    pub left: u64,
}
