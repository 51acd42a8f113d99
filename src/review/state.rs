//! An entry's review: where it stands, and every way it can move.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::policy::Policy;
use super::visible::{Present, Withheld, releasable};
use crate::record::{Act, Decision, Fingerprint, Lane, Screening, Tier, Version};

/// Where the current version of an entry stands. Everything but [`State::Released`] is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Screening is under way, or failed.
    Screening,
    /// Recorded before online access began: no patient sees it, so nobody reviews it.
    NotOpen,
    /// Weak evidence: a line to skim.
    Skim,
    /// Nothing found, or skimmed and passed; the uniform hold runs.
    AutoHold,
    /// Waits for a person.
    Queued,
    /// One person agreed; another must.
    AwaitingSecond,
    /// Agreed; the hold and the grace run, and it can be taken back.
    Settling,
    /// Visible to the patient.
    Released,
    /// Withheld by a person, until reviewed again.
    Hidden,
    /// A newer version took its place.
    Superseded,
    /// Gone at the source.
    SourceDeleted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Screening,
        Self::NotOpen,
        Self::Skim,
        Self::AutoHold,
        Self::Queued,
        Self::AwaitingSecond,
        Self::Settling,
        Self::Released,
        Self::Hidden,
        Self::Superseded,
        Self::SourceDeleted,
    ];

    /// The name in the log, in commands and in the diagram.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::NotOpen => "not-open",
            Self::Skim => "skim",
            Self::AutoHold => "auto-hold",
            Self::Queued => "queued",
            Self::AwaitingSecond => "awaiting-second",
            Self::Settling => "settling",
            Self::Released => "released",
            Self::Hidden => "hidden",
            Self::Superseded => "superseded",
            Self::SourceDeleted => "source-deleted",
        }
    }

    /// Whether it waits for a person.
    pub fn waits_for_person(self) -> bool {
        matches!(self, Self::Queued | Self::AwaitingSecond)
    }
}

/// The review of one version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Which version it is about.
    pub version: Version,
    /// What that version looked like.
    pub fingerprint: Fingerprint,
    /// Where it stands.
    pub state: State,
    /// Rises with every move; a decision on an older one is refused.
    pub revision: u64,
    /// What screening said.
    pub tier: Tier,
    /// What screening said.
    pub lane: Lane,
    /// Standing decisions on this version.
    pub decisions: Vec<Decision>,
    /// Who read its line on the skim page and let it pass: no approval, and never enough at tier 2 or above.
    #[serde(default)]
    pub passed: Option<Passed>,
    /// When the entry was first pulled, in whatever version: the uniform hold runs from here.
    pub first_pulled: DateTime<Utc>,
    /// Since when it stands there.
    pub since: DateTime<Utc>,
    /// When time moves it on, if nothing else does.
    pub due: Option<DateTime<Utc>>,
    /// When a hide is looked at again.
    pub review_by: Option<NaiveDate>,
}

/// A line of the skim page that somebody read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The person's login.
    pub by: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// The line's share of the page's time on their screen, milliseconds.
    pub on_screen: u64,
}

impl Review {
    /// The review of a version that has just arrived.
    pub fn begin(version: Version, fingerprint: Fingerprint, first_pulled: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            version,
            fingerprint,
            state: State::Screening,
            revision: 1,
            // Until screening has spoken it counts as the worst.
            tier: Tier::Critical,
            lane: Lane::Hold,
            decisions: Vec::new(),
            passed: None,
            first_pulled,
            since: now,
            due: None,
            review_by: None,
        }
    }

    /// The act that stands and that a release would carry out: the one everybody agreed on.
    pub fn standing_act(&self) -> Option<&Act> {
        self.decisions.last().map(|decision| &decision.act)
    }
}

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

/// What the guards need to know beside the review.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Who acts.
    pub caller: Caller<'a>,
    /// Whether the entry was recorded on or after the day from which the patient's online record shows.
    pub open_online: bool,
    /// The practice's agreement.
    pub policy: &'a Policy,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Who acts on a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// The program.
    System,
    /// A person who may review.
    Reviewer {
        /// Their login.
        login: &'a str,
        /// Whether they recorded the entry or a part of it.
        wrote_it: bool,
    },
    /// Somebody without that right.
    Other,
}

/// Why a move is refused, as the person who asked is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table has no such move.
    #[error("{what} is not possible while the entry is {state}", what = words(*.on), state = .from.name())]
    NoSuchMove {
        /// From.
        from: State,
        /// On.
        on: EventName,
    },
    /// The role may not.
    #[error("only a clinician or the safeguarding lead may decide on entries")]
    Role,
    /// A decision in another person's name.
    #[error("a decision is made in one's own name: sign in as the person who decides")]
    NotYou,
    /// It was somebody else's decision.
    #[error("only {0} may take this decision back; hide the entry if it must not be seen")]
    NotTheirs(String),
    /// The author is not counted.
    #[error("you recorded this entry, and one with such a finding needs another pair of eyes; you can hide it")]
    Author,
    /// The same person twice.
    #[error("you already agreed; a second person must")]
    SamePerson,
    /// Two people want different things.
    #[error("the first reader decided otherwise: hide the entry, or ask them to take their decision back")]
    Differs,
    /// The line was not on the screen long enough to be read.
    #[error("the page was not on the screen long enough to be read: take the time, or pull out what needs it")]
    TooFast,
    /// Nobody has decided.
    #[error("nobody has decided on this entry: there is nothing to take back")]
    NothingToUndo,
    /// Time has not come.
    #[error("it is not due before {0}")]
    NotYet(DateTime<Utc>),
    /// What must hold for it to be shown does not.
    #[error("it cannot be shown: {0}")]
    Withheld(#[from] Withheld),
}

pub(super) fn words(on: EventName) -> &'static str {
    match on {
        EventName::Screened => "screening",
        EventName::Release => "approving or redacting",
        EventName::Hide => "hiding",
        EventName::Pass => "passing",
        EventName::Pick => "reading it whole",
        EventName::Undo => "taking back",
        EventName::HoldElapsed => "ending the hold",
        EventName::Publish => "publishing",
        EventName::KeptBack => "keeping back",
        EventName::SourceChanged => "a change",
        EventName::SourceDeleted => "a deletion",
    }
}

/// The review after `event`, or why that may not be. Nothing else moves a review.
///
/// # Errors
/// The [`Refusal`] to show to the person; the review is then unchanged.
pub fn step(review: &Review, event: &Event<'_>, facts: &Facts<'_>) -> Result<Review, Refusal> {
    let on = event.name();
    let row = TRANSITIONS
        .iter()
        .find(|row| row.from == review.state && row.on == on)
        .ok_or(Refusal::NoSuchMove { from: review.state, on })?;
    permitted(row.who, review, facts)?;
    if let (Event::Decide(decision), Caller::Reviewer { login, .. }) = (event, facts.caller)
        && decision.by != login
    {
        return Err(Refusal::NotYou);
    }
    if let (Event::Pass(passed), Caller::Reviewer { login, .. }) = (event, facts.caller)
        && passed.by != login
    {
        return Err(Refusal::NotYou);
    }

    let mut next = review.clone();
    next.revision += 1;
    next.since = facts.now;
    next.due = None;
    match event {
        Event::Screened(screening) => {
            next.tier = screening.tier;
            next.lane = screening.lane;
            if !facts.open_online {
                next.state = State::NotOpen;
            } else if screening.lane == Lane::Clear && screening.tier == Tier::Nothing {
                next.state = State::AutoHold;
                next.due = Some(facts.policy.held_until(review.first_pulled));
            } else if screening.lane == Lane::Skim && screening.tier <= Tier::Weak {
                next.state = State::Skim;
            } else {
                next.state = State::Queued;
            }
        }
        Event::Decide(decision) => match &decision.act {
            Act::Hide { .. } => {
                next.decisions.push(decision.clone());
                next.state = State::Hidden;
                next.review_by = Some(facts.policy.review_by(facts.now));
            }
            Act::Approve | Act::Redact { .. } => {
                release(&mut next, decision, facts)?;
            }
        },
        Event::Pass(passed) => {
            if passed.on_screen < facts.policy.reading_time {
                return Err(Refusal::TooFast);
            }
            next.passed = Some(passed.clone());
            next.state = State::AutoHold;
            next.due = Some(facts.policy.held_until(review.first_pulled).max(facts.now + facts.policy.grace));
        }
        Event::Pick => {
            next.passed = None;
            next.state = State::Queued;
        }
        Event::Undo => {
            next.decisions.clear();
            next.passed = None;
            next.review_by = None;
            next.state = match review.state {
                State::Hidden => State::Screening,
                State::AutoHold => State::Skim,
                _ => State::Queued,
            };
        }
        Event::HoldElapsed => {
            is_due(review, facts)?;
            next.state = State::Settling;
            let passed = review.passed.as_ref().map(|passed| passed.at);
            next.due = Some(facts.policy.visible_at(review.first_pulled, passed));
        }
        Event::Publish => {
            is_due(review, facts)?;
            releasable(&Present {
                version: review.version,
                fingerprint: review.fingerprint,
                at_source: true,
                open_online: facts.open_online,
                review,
                policy: facts.policy,
                now: facts.now,
            })?;
            next.state = State::Released;
        }
        Event::KeptBack => {
            next.passed = None;
            next.decisions.clear();
            next.state = State::Queued;
        }
        Event::SourceChanged => next.state = State::Superseded,
        Event::SourceDeleted => next.state = State::SourceDeleted,
    }
    debug_assert!(row.to.contains(&next.state), "the table and the guards disagree");
    Ok(next)
}

fn is_due(review: &Review, facts: &Facts<'_>) -> Result<(), Refusal> {
    let due = review.due.unwrap_or(DateTime::<Utc>::MAX_UTC);
    if facts.now < due { Err(Refusal::NotYet(due)) } else { Ok(()) }
}

fn permitted(who: Who, review: &Review, facts: &Facts<'_>) -> Result<(), Refusal> {
    match (who, facts.caller) {
        (Who::System, Caller::System) | (Who::Reviewer, Caller::Reviewer { .. }) => Ok(()),
        (Who::Decider, Caller::Reviewer { login, .. }) => match review.decisions.last() {
            None if review.state == State::AutoHold => match &review.passed {
                Some(passed) if passed.by == login => Ok(()),
                Some(passed) => Err(Refusal::NotTheirs(passed.by.clone())),
                None => Err(Refusal::NothingToUndo),
            },
            // What the program let through by rule, any reviewer may stop.
            None => Ok(()),
            // Somebody who agreed before does not take another's hide back.
            Some(hide) if matches!(hide.act, Act::Hide { .. }) && hide.by != login => {
                Err(Refusal::NotTheirs(hide.by.clone()))
            }
            Some(_) if review.decisions.iter().any(|decision| decision.by == login) => Ok(()),
            Some(decision) => Err(Refusal::NotTheirs(decision.by.clone())),
        },
        _ => Err(Refusal::Role),
    }
}

/// A person agrees to show the entry, as it is or redacted.
fn release(next: &mut Review, decision: &Decision, facts: &Facts<'_>) -> Result<(), Refusal> {
    if let Caller::Reviewer { wrote_it: true, .. } = facts.caller
        && facts.policy.bars_author(next.tier, &decision.act)
    {
        return Err(Refusal::Author);
    }
    if next.decisions.iter().any(|earlier| earlier.by == decision.by) {
        return Err(Refusal::SamePerson);
    }
    if next.decisions.iter().any(|earlier| earlier.act != decision.act) {
        return Err(Refusal::Differs);
    }
    next.decisions.push(decision.clone());
    let needed = usize::from(facts.policy.people_for(next.tier, &decision.act));
    if next.decisions.len() < needed {
        next.state = State::AwaitingSecond;
    } else {
        next.state = State::Settling;
        next.due = Some(facts.policy.visible_at(next.first_pulled, Some(facts.now)));
    }
    Ok(())
}
