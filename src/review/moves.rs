//! Every way a review can move, as data.

use super::state::{Passed, State};
use crate::record::{Act, Decision, Screening};

/// What can happen to a review.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Screening ended. It failed for a detector only if its findings say so.
    Screened(&'a Screening),
    /// A person decided.
    Decide(Decision),
    /// A person read its line on the skim page and let it pass.
    Pass(Passed),
    /// A person wants it read whole.
    Pick,
    /// It was drawn at random, to measure what is missed, and is read like any other.
    Sampled,
    /// The last decision is taken back.
    Undo,
    /// The uniform hold ran out.
    HoldElapsed,
    /// The day's batch is made.
    Publish,
    /// What must hold for it to be shown does not, when its time comes or after.
    KeptBack,
    /// The source sent other content.
    SourceChanged,
    /// The source deleted the entry.
    SourceDeleted,
}

impl Event<'_> {
    /// The name in the table.
    pub fn name(&self) -> EventName {
        match self {
            Self::Screened(_) => EventName::Screened,
            Self::Decide(decision) => match decision.act {
                Act::Hide { .. } => EventName::Hide,
                Act::Approve | Act::Redact { .. } => EventName::Release,
            },
            Self::Pass(_) => EventName::Pass,
            Self::Pick => EventName::Pick,
            Self::Sampled => EventName::Sampled,
            Self::Undo => EventName::Undo,
            Self::HoldElapsed => EventName::HoldElapsed,
            Self::Publish => EventName::Publish,
            Self::KeptBack => EventName::KeptBack,
            Self::SourceChanged => EventName::SourceChanged,
            Self::SourceDeleted => EventName::SourceDeleted,
        }
    }
}

/// What can happen, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventName {
    /// Screening ended.
    Screened,
    /// A person approved or redacted.
    Release,
    /// A person hid.
    Hide,
    /// A person let it pass on the skim page.
    Pass,
    /// A person wants it read whole.
    Pick,
    /// It was drawn at random, to be read.
    Sampled,
    /// A decision was taken back.
    Undo,
    /// The uniform hold ran out.
    HoldElapsed,
    /// The day's batch is made.
    Publish,
    /// What must hold for it to be shown does not, when its time comes or after.
    KeptBack,
    /// The source sent other content.
    SourceChanged,
    /// The source deleted the entry.
    SourceDeleted,
}

/// Who a move needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The program.
    System,
    /// A clinician or the safeguarding lead.
    Reviewer,
    /// A person whose decision it is; where no person has decided, any reviewer.
    Decider,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// From.
    pub from: State,
    /// When.
    pub on: EventName,
    /// To one of these; [`step`] chooses by the guards.
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
        row(Skim, On::Hide, &[Hidden], Who::Reviewer),
        row(AutoHold, On::HoldElapsed, &[Settling], Who::System),
        row(AutoHold, On::KeptBack, &[Queued], Who::System),
        row(AutoHold, On::Pick, &[Queued], Who::Reviewer),
        // Before its release, so that a miss in the sample was shown to nobody.
        row(AutoHold, On::Sampled, &[Queued], Who::System),
        row(AutoHold, On::Undo, &[Skim], Who::Decider),
        row(AutoHold, On::Hide, &[Hidden], Who::Reviewer),
        row(Queued, On::Release, &[Settling, AwaitingSecond], Who::Reviewer),
        row(Queued, On::Hide, &[Hidden], Who::Reviewer),
        row(AwaitingSecond, On::Release, &[Settling, AwaitingSecond], Who::Reviewer),
        row(AwaitingSecond, On::Hide, &[Hidden], Who::Reviewer),
        row(AwaitingSecond, On::Undo, &[Queued], Who::Decider),
        row(Settling, On::Publish, &[Released], Who::System),
        row(Settling, On::KeptBack, &[Queued], Who::System),
        row(Settling, On::Hide, &[Hidden], Who::Reviewer),
        row(Settling, On::Undo, &[Queued], Who::Decider),
        row(Released, On::Hide, &[Hidden], Who::Reviewer),
        // A tighter policy or a new rule withdraws; only a new publication can bring it back.
        row(Released, On::KeptBack, &[Queued], Who::System),
        // Through screening, so that nothing hidden before it was screened can come back unscreened.
        row(Hidden, On::Undo, &[Screening], Who::Decider),
        row(Screening, On::SourceChanged, &[Superseded], Who::System),
        row(NotOpen, On::SourceChanged, &[Superseded], Who::System),
        row(Skim, On::SourceChanged, &[Superseded], Who::System),
        row(AutoHold, On::SourceChanged, &[Superseded], Who::System),
        row(Queued, On::SourceChanged, &[Superseded], Who::System),
        row(AwaitingSecond, On::SourceChanged, &[Superseded], Who::System),
        row(Settling, On::SourceChanged, &[Superseded], Who::System),
        row(Released, On::SourceChanged, &[Superseded], Who::System),
        row(Hidden, On::SourceChanged, &[Superseded], Who::System),
        row(Screening, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(NotOpen, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Skim, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(AutoHold, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Queued, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(AwaitingSecond, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Settling, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Released, On::SourceDeleted, &[SourceDeleted], Who::System),
        row(Hidden, On::SourceDeleted, &[SourceDeleted], Who::System),
    ]
};
