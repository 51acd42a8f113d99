//! What the daemon answers, and what it tells without being asked.

use serde::{Deserialize, Serialize};

use super::{
    AgreementReport, AuditLine, BackedUp, Checked, Claimed, ClearingReport, Decided, Earlier, LeftOut, MyAct, Opened,
    PassedOn, PatientDone, PatientRecord, PolicyFile, Published, Pulled, Queue, Skim, Status, Verified, Worklist,
};
use crate::audit::Actor;
use crate::record::{EntryId, PatientId, Stage};

/// What the daemon answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Hello`](super::Request::Hello).
    Welcome(Welcome),
    /// To [`Request::Queue`](super::Request::Queue) and [`Request::Rows`](super::Request::Rows).
    Queue(Queue),
    /// To [`Request::Skim`](super::Request::Skim).
    Skim(Skim),
    /// To [`Request::Pass`](super::Request::Pass).
    Passed(PassedOn),
    /// To [`Request::Open`](super::Request::Open).
    Entry(Box<Opened>),
    /// To [`Request::Decide`](super::Request::Decide), [`Request::Pick`](super::Request::Pick), [`Request::Undo`](super::Request::Undo) and every other act on one entry.
    Decided(Decided),
    /// To [`Request::Claim`](super::Request::Claim) and [`Request::TakeOver`](super::Request::TakeOver).
    Claimed(Claimed),
    /// To [`Request::Release`](super::Request::Release).
    GivenBack,
    /// To [`Request::Propose`](super::Request::Propose): the entries with a new draft.
    Proposed(Vec<EntryId>),
    /// To [`Request::Earlier`](super::Request::Earlier).
    Earlier(Box<Earlier>),
    /// To [`Request::Record`](super::Request::Record).
    Record(Box<PatientRecord>),
    /// To [`Request::Patient`](super::Request::Patient).
    PatientDone(PatientDone),
    /// To [`Request::Worklist`](super::Request::Worklist).
    Worklist(Worklist),
    /// To [`Request::MyActs`](super::Request::MyActs).
    MyActs(Vec<MyAct>),
    /// To [`Request::Policy`](super::Request::Policy) and [`Request::TakePolicy`](super::Request::TakePolicy).
    Policy(PolicyFile),
    /// To [`Request::KeepDraft`](super::Request::KeepDraft).
    DraftKept,
    /// To [`Request::Pull`](super::Request::Pull).
    Pulled(Pulled),
    /// To [`Request::SetAside`](super::Request::SetAside).
    SetAside(Vec<LeftOut>),
    /// To [`Request::Publish`](super::Request::Publish).
    Published(Published),
    /// To [`Request::Audit`](super::Request::Audit).
    Audit(Vec<AuditLine>),
    /// To [`Request::Verify`](super::Request::Verify).
    Verified(Verified),
    /// To [`Request::BackUp`](super::Request::BackUp).
    BackedUp(BackedUp),
    /// To [`Request::Check`](super::Request::Check).
    Checked(Checked),
    /// To [`Request::Agreement`](super::Request::Agreement).
    Agreement(Box<AgreementReport>),
    /// To [`Request::Clearing`](super::Request::Clearing) and [`Request::SignClearing`](super::Request::SignClearing).
    Clearing(Box<ClearingReport>),
    /// To [`Request::Status`](super::Request::Status).
    Status(Status),
    /// A rule says no. One sentence.
    Refused {
        /// Why, and what would be possible.
        why: String,
    },
    /// Something went wrong. One sentence.
    Failed {
        /// What, where, what to do.
        why: String,
    },
}

/// What the daemon tells without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The queue is not what it was, or who has what of it in hand.
    QueueChanged,
    /// What the caller had in hand of this patient is in somebody else's. The caller's drafts are kept.
    TakenOver {
        /// Whose entries.
        patient: PatientId,
        /// Those open at this stage.
        stage: Stage,
        /// The name of who has them now.
        by: String,
    },
    /// The daemon is stopping.
    Closing,
}

/// Who the client is to the daemon, and what the practice is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The daemon's [`VERSION`](super::VERSION).
    pub version: u32,
    /// Who the caller is and in which role.
    pub actor: Actor,
    /// The caller's name.
    pub name: String,
    /// The practice's name.
    pub practice: String,
    /// The people one can be in the demo; empty elsewhere.
    pub demo_people: Vec<Actor>,
}
