//! What lies over a page: boxes to choose in, to write in and to read.

use super::acts::Target;
use crate::record::{Act, EntryId, Flag, HideReason, PatientId};

/// What lies over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help {
        /// First line shown.
        top: usize,
    },
    /// Every action by its words.
    Palette {
        /// What has been typed.
        typed: String,
        /// Which of the fitting actions.
        selected: usize,
    },
    /// Typing what to look for in the queue.
    Find {
        /// Whether nothing was typed yet: the first letter then begins anew, instead of going on with the words before.
        untouched: bool,
    },
    /// Which rows of the queue to show.
    Filter,
    /// Why to hide.
    Hide {
        /// What it is about: one entry, or all that are marked.
        targets: Vec<Target>,
        /// Which reason; none at first, so that no key pressed twice chooses one.
        selected: Option<usize>,
    },
    /// Writing something about an entry or a patient.
    Write {
        /// What it is.
        what: Writing,
        /// What has been typed.
        typed: String,
    },
    /// Typing how many entries are to be hidden, to be sure that it is meant.
    Count {
        /// They.
        targets: Vec<Target>,
        /// Why.
        reason: HideReason,
        /// What has been typed.
        typed: String,
    },
    /// The patient's context.
    Patient {
        /// Which of the other entries that wait here.
        selected: usize,
    },
    /// What stands over the patient, and what could.
    Flags,
    /// The entries with the same words.
    Twins {
        /// Which of them.
        selected: usize,
        /// Those that stood in the way of a decision.
        named: Vec<EntryId>,
    },
    /// Something to read once; any key closes it.
    Told {
        /// Its heading.
        title: String,
        /// What it says.
        lines: Vec<String>,
    },
}

/// What a person writes, and about whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writing {
    /// About an entry.
    Entry(Target, Matter),
    /// About a patient, and their name.
    Patient(PatientId, String, PatientMatter),
}

/// What a person writes about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// A question to the lead.
    Escalate,
    /// Something for whoever reads it next.
    Note,
    /// Why it is put off.
    Defer {
        /// For how many days.
        days: u32,
    },
    /// What seems to be missing from a redaction.
    ReadBack,
    /// Why the lead takes a hide back.
    Reopen,
    /// Why it stays as it is.
    Confirm,
    /// What the reviewers should consider.
    GiveBack,
    /// What the patient said.
    PatientAsks,
    /// Why the lead decides so where two differ, or where somebody asked.
    Resolve(Act),
}

/// What a person does about a patient, and says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatientMatter {
    /// Sets a flag.
    Set {
        /// Which.
        flag: Flag,
        /// Whether what is visible is withdrawn too.
        withdraw: bool,
    },
    /// Asks to clear a flag, or agrees to that.
    Clear {
        /// Which.
        flag: Flag,
        /// Who asked before.
        asked_by: Option<String>,
    },
    /// As lead: refuses a flag that the record speaks for.
    Refuse {
        /// Which.
        flag: Flag,
    },
    /// Who may open the record: the logins are being typed.
    Readers,
    /// The same: why is being typed.
    NameReaders(Vec<String>),
    /// Declares a conflict of interest.
    LockOut(String),
    /// Lets somebody in again.
    LetIn(String),
}
