//! Every way a review can move, as data.

use super::state::{Passed, State};
use crate::record::{Act, Decision, Handling, Screening};

/// What can happen to a review.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Screening ended. It failed for a detector only if its findings say so.
    Screened(&'a Screening),
    /// Newer rules have read it.
    Rescreened(&'a Screening),
    /// A person decided.
    Decide(Decision),
    /// The lead decided on what two readers or one could not. With their reason.
    Resolve(Decision, String),
    /// A person withdrew what is visible. With their words, if any.
    Withdraw(Decision, String),
    /// The second reader has read what would be left, before the original.
    ReadBack {
        /// Whether they could name words that are gone.
        named_it: bool,
    },
    /// A person did something else with it.
    Handle(Handling),
    /// A person read its line on the skim page and let it pass.
    Pass(Passed),
    /// A person wants it read whole.
    Pick,
    /// It was drawn at random, to measure what is missed, and is read like any other.
    Sampled,
    /// The last decision is taken back.
    Undo,
    /// The day until which it was put off has come.
    DeferralOver,
    /// The uniform hold ran out.
    HoldElapsed,
    /// The day's batch is made.
    Publish,
    /// What must hold for it to be shown does not, when its time comes or after.
    KeptBack,
    /// Every channel shows it no more.
    Purged,
    /// A flag was set on the patient.
    Flagged(Already),
    /// The source sent other content.
    SourceChanged,
    /// The source deleted the entry.
    SourceDeleted,
}

/// What a new flag does to what is visible already. That something vanishes can itself tell somebody, so a
/// person says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Already {
    /// It stays, and the lead looks at it again.
    Stays,
    /// It is withdrawn at once.
    Withdrawn,
}

impl Event<'_> {
    /// The name in the table.
    pub fn name(&self) -> EventName {
        match self {
            Self::Screened(_) => EventName::Screened,
            Self::Rescreened(_) => EventName::Rescreened,
            Self::Decide(decision) | Self::Withdraw(decision, _) => match decision.act {
                Act::Hide { .. } => EventName::Hide,
                Act::Approve | Act::Redact { .. } => EventName::Release,
            },
            Self::Resolve(..) => EventName::Resolve,
            Self::ReadBack { .. } => EventName::ReadBack,
            Self::Handle(Handling::Escalate { .. }) => EventName::Escalate,
            Self::Handle(Handling::Defer { .. }) => EventName::Defer,
            Self::Handle(Handling::Resume) => EventName::Resume,
            Self::Handle(Handling::Return { .. }) => EventName::Return,
            Self::Handle(Handling::Reopen { .. }) => EventName::Reopen,
            Self::Handle(Handling::PatientAsks { .. }) => EventName::PatientAsks,
            Self::Handle(Handling::Confirm { .. }) => EventName::Confirm,
            Self::Handle(Handling::Note { .. }) => EventName::Note,
            Self::Pass(_) => EventName::Pass,
            Self::Pick => EventName::Pick,
            Self::Sampled => EventName::Sampled,
            Self::Undo => EventName::Undo,
            Self::DeferralOver => EventName::DeferralOver,
            Self::HoldElapsed => EventName::HoldElapsed,
            Self::Publish => EventName::Publish,
            Self::KeptBack => EventName::KeptBack,
            Self::Purged => EventName::Purged,
            Self::Flagged(_) => EventName::Flagged,
            Self::SourceChanged => EventName::SourceChanged,
            Self::SourceDeleted => EventName::SourceDeleted,
        }
    }
}

/// What can happen, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventName {
    /// Screening ended.
    Screened,
    /// Newer rules have read it.
    Rescreened,
    /// A person approved or redacted.
    Release,
    /// A person hid, or withdrew what was visible.
    Hide,
    /// The lead decided.
    Resolve,
    /// The second reader read what would be left.
    ReadBack,
    /// A person asked the lead.
    Escalate,
    /// A person put it off.
    Defer,
    /// A person took up again what was put off.
    Resume,
    /// The lead gave it back.
    Return,
    /// The lead set a hide aside.
    Reopen,
    /// The patient asked to see it.
    PatientAsks,
    /// The lead looked again.
    Confirm,
    /// A person wrote something for whoever reads it next.
    Note,
    /// A person let it pass on the skim page.
    Pass,
    /// A person wants it read whole.
    Pick,
    /// It was drawn at random, to be read.
    Sampled,
    /// A decision was taken back.
    Undo,
    /// The day until which it was put off has come.
    DeferralOver,
    /// The uniform hold ran out.
    HoldElapsed,
    /// The day's batch is made.
    Publish,
    /// What must hold for it to be shown does not, when its time comes or after.
    KeptBack,
    /// Every channel shows it no more.
    Purged,
    /// A flag was set on the patient.
    Flagged,
    /// The source sent other content.
    SourceChanged,
    /// The source deleted the entry.
    SourceDeleted,
}

impl EventName {
    /// Every event.
    pub const ALL: [Self; 26] = [
        Self::Screened,
        Self::Rescreened,
        Self::Release,
        Self::Hide,
        Self::Resolve,
        Self::ReadBack,
        Self::Escalate,
        Self::Defer,
        Self::Resume,
        Self::Return,
        Self::Reopen,
        Self::PatientAsks,
        Self::Confirm,
        Self::Note,
        Self::Pass,
        Self::Pick,
        Self::Sampled,
        Self::Undo,
        Self::DeferralOver,
        Self::HoldElapsed,
        Self::Publish,
        Self::KeptBack,
        Self::Purged,
        Self::Flagged,
        Self::SourceChanged,
        Self::SourceDeleted,
    ];

    /// As a sentence or the printed tables name it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Screened => "screening",
            Self::Rescreened => "newer rules",
            Self::Release => "approving or redacting",
            Self::Hide => "hiding",
            Self::Resolve => "deciding as lead",
            Self::ReadBack => "reading back",
            Self::Escalate => "asking the lead",
            Self::Defer => "putting off",
            Self::Resume => "taking up again",
            Self::Return => "giving back with advice",
            Self::Reopen => "reopening",
            Self::PatientAsks => "the patient asking",
            Self::Confirm => "looking again",
            Self::Note => "a note",
            Self::Pass => "passing",
            Self::Pick => "reading it whole",
            Self::Sampled => "drawing it as a sample",
            Self::Undo => "taking back",
            Self::DeferralOver => "the day coming",
            Self::HoldElapsed => "ending the hold",
            Self::Publish => "publishing",
            Self::KeptBack => "keeping back",
            Self::Purged => "every channel purged",
            Self::Flagged => "a flag on the patient",
            Self::SourceChanged => "a change",
            Self::SourceDeleted => "a deletion",
        }
    }
}

/// Who a move needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The program.
    System,
    /// A clinician or the safeguarding lead.
    Reviewer,
    /// A person whose decision it is; where no person has decided, any reviewer.
    Decider,
    /// The safeguarding lead.
    Lead,
    /// A safeguarding lead whose own decision is not among those that stand.
    OtherLead,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// From.
    pub from: State,
    /// When.
    pub on: EventName,
    /// To one of these; [`step`](super::step) chooses by the guards.
    pub to: &'static [State],
    /// Needs.
    pub who: Who,
}

/// Every way a review can move. What is not here is refused.
pub const TRANSITIONS: &[Transition] = {
    use EventName as On;
    use State::*;
    const fn row(from: State, on: On, to: &'static [State], who: Who) -> Transition {
        Transition { from, on, to, who }
    }
    &[
        row(Screening, On::Screened, &[NotOpen, Skim, AutoHold, Queued], Who::System),
        row(Screening, On::Hide, &[Hidden], Who::Reviewer),
        // Access may be opened for older entries too.
        row(NotOpen, On::Screened, &[NotOpen, Skim, AutoHold, Queued], Who::System),
        row(Skim, On::Pass, &[AutoHold], Who::Reviewer),
        row(Skim, On::Pick, &[Queued], Who::Reviewer),
        row(Skim, On::Rescreened, &[Skim, Queued], Who::System),
        row(Skim, On::Flagged, &[Queued], Who::System),
        row(Skim, On::Hide, &[Hidden], Who::Reviewer),
        row(Skim, On::Note, &[Skim], Who::Reviewer),
        row(AutoHold, On::HoldElapsed, &[Settling], Who::System),
        row(AutoHold, On::KeptBack, &[Queued], Who::System),
        row(AutoHold, On::Pick, &[Queued], Who::Reviewer),
        // Before its release, so that a miss in the sample was shown to nobody.
        row(AutoHold, On::Sampled, &[Queued], Who::System),
        row(AutoHold, On::Undo, &[Skim], Who::Decider),
        row(AutoHold, On::Rescreened, &[AutoHold, Skim, Queued], Who::System),
        row(AutoHold, On::Flagged, &[Queued], Who::System),
        row(AutoHold, On::Hide, &[Hidden], Who::Reviewer),
        row(AutoHold, On::Note, &[AutoHold], Who::Reviewer),
        row(Queued, On::Release, &[Settling, AwaitingSecond], Who::Reviewer),
        row(Queued, On::Escalate, &[Escalated], Who::Reviewer),
        row(Queued, On::Defer, &[Deferred], Who::Reviewer),
        row(Queued, On::Rescreened, &[Queued], Who::System),
        row(Queued, On::Flagged, &[Queued], Who::System),
        row(Queued, On::Hide, &[Hidden], Who::Reviewer),
        row(Queued, On::Note, &[Queued], Who::Reviewer),
        row(AwaitingSecond, On::ReadBack, &[AwaitingSecond, Disputed], Who::Reviewer),
        row(AwaitingSecond, On::Release, &[Settling, AwaitingSecond, Disputed], Who::Reviewer),
        row(AwaitingSecond, On::Escalate, &[Escalated], Who::Reviewer),
        row(AwaitingSecond, On::Rescreened, &[AwaitingSecond, Queued], Who::System),
        row(AwaitingSecond, On::Flagged, &[Queued], Who::System),
        // Whoever agreed may think again; another reader's hide is a dispute, and withheld like any.
        row(AwaitingSecond, On::Hide, &[Hidden, Disputed], Who::Reviewer),
        row(AwaitingSecond, On::Undo, &[Queued], Who::Decider),
        row(AwaitingSecond, On::Note, &[AwaitingSecond], Who::Reviewer),
        // Not taken back: a reader who has learnt that the other differs is no longer blind.
        row(Disputed, On::Resolve, &[Settling, AwaitingSecond, Hidden], Who::OtherLead),
        row(Disputed, On::Return, &[Queued], Who::OtherLead),
        row(Disputed, On::Rescreened, &[Disputed], Who::System),
        row(Disputed, On::Flagged, &[Disputed], Who::System),
        row(Disputed, On::Hide, &[Hidden], Who::Reviewer),
        row(Disputed, On::Note, &[Disputed], Who::Reviewer),
        row(Escalated, On::Resolve, &[Settling, AwaitingSecond, Hidden], Who::OtherLead),
        row(Escalated, On::Return, &[Queued], Who::OtherLead),
        row(Escalated, On::Rescreened, &[Escalated], Who::System),
        row(Escalated, On::Flagged, &[Escalated], Who::System),
        row(Escalated, On::Hide, &[Hidden], Who::Reviewer),
        row(Escalated, On::Note, &[Escalated], Who::Reviewer),
        row(Deferred, On::Resume, &[Queued], Who::Reviewer),
        row(Deferred, On::DeferralOver, &[Queued], Who::System),
        row(Deferred, On::Escalate, &[Escalated], Who::Reviewer),
        row(Deferred, On::Rescreened, &[Deferred, Queued], Who::System),
        row(Deferred, On::Flagged, &[Queued], Who::System),
        row(Deferred, On::Hide, &[Hidden], Who::Reviewer),
        row(Deferred, On::Note, &[Deferred], Who::Reviewer),
        row(Settling, On::Publish, &[Released], Who::System),
        row(Settling, On::KeptBack, &[Queued], Who::System),
        row(Settling, On::Rescreened, &[Settling, Skim, Queued], Who::System),
        row(Settling, On::Flagged, &[Queued], Who::System),
        row(Settling, On::Hide, &[Hidden], Who::Reviewer),
        row(Settling, On::Undo, &[Queued], Who::Decider),
        row(Settling, On::Note, &[Settling], Who::Reviewer),
        row(Released, On::Hide, &[Retracting], Who::Reviewer),
        // A tighter policy or a new rule withdraws; only a new publication can bring it back.
        row(Released, On::KeptBack, &[Queued], Who::System),
        row(Released, On::Rescreened, &[Released, Skim, Queued], Who::System),
        row(Released, On::Flagged, &[Released, Queued], Who::System),
        row(Released, On::Confirm, &[Released], Who::Lead),
        row(Released, On::Note, &[Released], Who::Reviewer),
        // Through screening, so that nothing hidden before it was screened can come back unscreened.
        row(Hidden, On::Undo, &[Screening], Who::Decider),
        row(Hidden, On::Reopen, &[Screening], Who::Lead),
        row(Hidden, On::PatientAsks, &[Hidden], Who::Reviewer),
        row(Hidden, On::Confirm, &[Hidden], Who::Lead),
        row(Hidden, On::Note, &[Hidden], Who::Reviewer),
        row(Retracting, On::Purged, &[Retracted], Who::System),
        row(Retracting, On::Note, &[Retracting], Who::Reviewer),
        row(Retracted, On::Reopen, &[Screening], Who::Lead),
        row(Retracted, On::PatientAsks, &[Retracted], Who::Reviewer),
        row(Retracted, On::Confirm, &[Retracted], Who::Lead),
        row(Retracted, On::Note, &[Retracted], Who::Reviewer),
        row(Screening, On::SourceChanged, &[Superseded], Who::System),
        row(NotOpen, On::SourceChanged, &[Superseded], Who::System),
        row(Skim, On::SourceChanged, &[Superseded], Who::System),
        row(AutoHold, On::SourceChanged, &[Superseded], Who::System),
        row(Queued, On::SourceChanged, &[Superseded], Who::System),
        row(AwaitingSecond, On::SourceChanged, &[Superseded], Who::System),
        row(Disputed, On::SourceChanged, &[Superseded], Who::System),
        row(Escalated, On::SourceChanged, &[Superseded], Who::System),
        row(Deferred, On::SourceChanged, &[Superseded], Who::System),
        row(Settling, On::SourceChanged, &[Superseded], Who::System),
        row(Released, On::SourceChanged, &[Superseded], Who::System),
        row(Hidden, On::SourceChanged, &[Superseded], Who::System),
        row(Retracting, On::SourceChanged, &[Superseded], Who::System),
        row(Retracted, On::SourceChanged, &[Superseded], Who::System),
        row(Screening, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(NotOpen, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Skim, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(AutoHold, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Queued, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(AwaitingSecond, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Disputed, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Escalated, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Deferred, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Settling, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Released, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Hidden, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Retracting, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Retracted, On::SourceDeleted, &[SourceDeleted], Who::System),
    ]
};
