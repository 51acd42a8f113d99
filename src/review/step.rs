//! One move of a review: the table says what is possible, the guards here what is allowed.

use chrono::{DateTime, Utc};

use super::moves::{Event, EventName, TRANSITIONS, Who};
use super::policy::Policy;
use super::state::{Review, State};
use super::visible::{Present, Withheld, releasable};
use crate::record::{Act, Decision, Lane, Tier};

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
        EventName::Sampled => "drawing it as a sample",
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
        Event::Pick | Event::Sampled => {
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
