//! What a client may ask.

use serde::{Deserialize, Serialize};

use super::{Draft, PassedLine, Secret};
use crate::record::{Act, EntryId, Handling, HideReason, PatientAct, PatientId, Tier, Token, Version};
use crate::review::Waiver;

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Must come first.
    Hello {
        /// The client's [`VERSION`](super::VERSION).
        version: u32,
    },
    /// The queue, most urgent first.
    Queue {
        /// At most this many rows.
        limit: usize,
    },
    /// Some rows of the queue: those that fit, from a place on.
    Rows(Wanted),
    /// One entry, to read. The read is logged before the text is sent.
    Open {
        /// Which.
        entry: EntryId,
    },
    /// A decision on exactly the version and revision that the client has seen.
    Decide {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What they decided.
        act: Act,
        /// The token of the caller's lease, where they claimed one. Without it the daemon claims in the same step,
        /// if nobody else has these entries in hand. A hide needs none.
        #[serde(default)]
        token: Option<Token>,
        /// Other entries with the same sensitive words that the person names as considered.
        #[serde(default)]
        waivers: Vec<Waiver>,
    },
    /// Puts into the caller's drafts of the twins of an entry what repeats its words: suggestions.
    Propose {
        /// Which entry.
        entry: EntryId,
    },
    /// Takes in hand what is open of an entry's patient at the entry's stage, or keeps it there: the holder is
    /// active. Whatever else the caller held is given back.
    Claim {
        /// Which entry.
        entry: EntryId,
    },
    /// The same, from somebody else: the lead may, and anybody from another screen of their own. Who had it is
    /// told and keeps their draft.
    TakeOver {
        /// Which entry.
        entry: EntryId,
    },
    /// Gives back all that the caller holds on this connection.
    Release,
    /// The skim page: lines with weak evidence, oldest first.
    Skim {
        /// At most this many lines.
        limit: usize,
    },
    /// Lets lines of the skim page pass, all of them read.
    Pass {
        /// The lines.
        lines: Vec<PassedLine>,
    },
    /// Pulls an entry that would otherwise clear into the queue, to be read whole.
    Pick {
        /// Which entry.
        entry: EntryId,
    },
    /// The lead decides in a dispute, or where somebody asked, on exactly what the lead has read.
    Resolve {
        /// Which entry.
        entry: EntryId,
        /// The version the lead read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What they decided.
        act: Act,
        /// Why.
        why: String,
        /// As in a decision.
        #[serde(default)]
        token: Option<Token>,
        /// As in a decision.
        #[serde(default)]
        waivers: Vec<Waiver>,
    },
    /// Withdraws what is visible, in whatever version and revision it is.
    Withdraw {
        /// Which entry.
        entry: EntryId,
        /// Why, from the closed list.
        reason: HideReason,
        /// In their own words; may be empty.
        note: String,
    },
    /// Does something else with exactly the version and revision that the client has seen.
    Handle {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// What.
        handling: Handling,
    },
    /// The second reader of a redaction says, having read only what would be left, what they think is missing.
    ReadBack {
        /// Which entry.
        entry: EntryId,
        /// The version the person read.
        version: Version,
        /// The review's revision when they read it.
        revision: u64,
        /// Their guess; empty when nothing seems to be missing.
        guess: String,
    },
    /// The version of an entry that came before another one, to compare. The read is logged.
    Earlier {
        /// Which entry.
        entry: EntryId,
        /// The one before this.
        before: Version,
    },
    /// All that is here of one patient, without its text.
    Record {
        /// Whom.
        patient: PatientId,
    },
    /// Does something about a whole patient.
    Patient {
        /// Whom.
        patient: PatientId,
        /// What.
        act: PatientAct,
    },
    /// What needs somebody beside the queue: the lead's list, hides to review, birthdays.
    Worklist,
    /// What the caller did lately that can still be taken back, newest first.
    MyActs {
        /// At most this many.
        limit: usize,
    },
    /// The policy in force, as a file.
    Policy,
    /// Reads the policy file anew and puts it in force if it may be.
    TakePolicy,
    /// Takes the last decision on an entry back.
    Undo {
        /// Which entry.
        entry: EntryId,
    },
    /// Keeps a half-made redaction for its author, in place of an earlier one.
    KeepDraft {
        /// Which entry.
        entry: EntryId,
        /// The draft; `None` forgets it.
        draft: Option<Draft>,
    },
    /// Pulls now.
    Pull {
        /// What, e.g. `emis:PATH`. `None`: the next feed, which in the demo is the next day.
        from: Option<String>,
    },
    /// Shows what is due and writes the feed.
    Publish,
    /// Audit records, newest first.
    Audit {
        /// Only records before this sequence number.
        before: Option<u64>,
        /// At most this many.
        limit: usize,
        /// Also what the program notes of each arriving entry.
        everything: bool,
    },
    /// Recomputes the whole log.
    Verify,
    /// Writes a backup.
    BackUp {
        /// The file, a whole path, which must not be there.
        to: String,
        /// What closes it, as the store reads it. `None`: the public keys of the settings' custodians do.
        lock: Option<Secret>,
    },
    /// Derives what is visible anew and compares it with what the channel shows.
    Check,
    /// How far readers agree.
    Agreement,
    /// What was drawn, read and missed of what clears by itself.
    Clearing,
    /// Lets entries clear by themselves: the lead's act.
    SignClearing,
    /// How things stand.
    Status,
    /// What was left out of the feeds or read with a gap.
    SetAside,
}

impl Request {
    /// The entry of a person's act on it, which is done once however often it is asked under one name
    /// ([`Asked::act`](super::Asked::act)).
    pub fn acts_on(&self) -> Option<EntryId> {
        match self {
            Self::Decide { entry, .. }
            | Self::Resolve { entry, .. }
            | Self::Withdraw { entry, .. }
            | Self::Handle { entry, .. }
            | Self::ReadBack { entry, .. }
            | Self::Pick { entry }
            | Self::Undo { entry } => Some(*entry),
            _ => None,
        }
    }
}

/// Which rows of the queue a screen wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The place of the first one, from 0, among those that fit.
    pub from: usize,
    /// At most this many.
    pub limit: usize,
    /// Which fit.
    pub only: Only,
}

/// What a row must be to be listed; the default lists every one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// Words, each of which its patient's name, title, author or reasons must hold, if only nearly.
    pub words: String,
    /// At least so urgent.
    pub tier: Option<Tier>,
    /// Past its target.
    pub late: bool,
    /// Decided before, in an earlier version.
    pub changed: bool,
    /// Recorded or held by the caller.
    pub mine: bool,
    /// For exactly this reason.
    pub reason: Option<String>,
    /// Recorded by exactly this author.
    pub author: Option<String>,
    /// In this patient's record.
    pub patient: Option<PatientId>,
}

impl Only {
    /// Whether every row fits.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}
