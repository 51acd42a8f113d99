//! One move of a review: the table says what is possible, the guards here what is allowed.

use chrono::{DateTime, Utc};

use super::guard::Guard;
use super::moves::{Already, Event, EventName, TRANSITIONS, Who};
use super::policy::Policy;
use super::refusal::Refusal;
use super::state::{Cause, LookAgain, Review, State};
use super::visible::{Present, Withheld, releasable};
use crate::record::{Act, Decision, Handling, Lane, Note, Occasion, Screening, Tier};

/// What the guards need to know beside the review.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Who acts.
    pub caller: Caller<'a>,
    /// Whether the entry was recorded on or after the day from which the patient's online record shows.
    pub open_online: bool,
    /// Whether a flag holds everything of this patient.
    pub held: bool,
    /// Whether chance has drawn this version for a second reading.
    pub drawn: bool,
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
        /// Whether they are a safeguarding lead.
        lead: bool,
        /// Whether they recorded the entry or a part of it.
        wrote_it: bool,
        /// Whether they have a conflict of interest in this patient, or are locked out of the record.
        locked_out: bool,
    },
    /// Somebody without that right.
    Other,
}

impl Caller<'_> {
    fn login(&self) -> &str {
        match self {
            Self::Reviewer { login, .. } => login,
            Self::System | Self::Other => "",
        }
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
    permitted(row.who, review, event, facts)?;

    let mut next = review.clone();
    next.revision += 1;
    match event {
        Event::Screened(screening) => screened(&mut next, screening, facts),
        Event::Rescreened(screening) => rescreened(&mut next, screening, facts),
        Event::Decide(decision) => decide(&mut next, decision, facts)?,
        Event::Withdraw(decision, words) => {
            decide(&mut next, decision, facts)?;
            if !words.is_empty() {
                note(&mut next, Occasion::Withdrawn, words, facts)?;
            }
        }
        Event::Resolve(decision, why) => {
            note(&mut next, Occasion::Resolved, why, facts)?;
            resolve(&mut next, decision, facts)?;
        }
        Event::ReadBack { named_it } => {
            next.read_back = Some(facts.caller.login().to_owned());
            if Guard::NamedIt.stops(*named_it) {
                go(&mut next, State::Disputed, facts);
            }
        }
        Event::Handle(handling) => handle(&mut next, handling, facts)?,
        Event::Pass(passed) => {
            if Guard::ReadingTime.stops(passed.on_screen < facts.policy.reading_time) {
                return Err(Refusal::TooFast);
            }
            next.passed = Some(passed.clone());
            go(&mut next, State::AutoHold, facts);
            next.due = Some(facts.policy.held_until(review.first_pulled).max(facts.now + facts.policy.grace()));
        }
        Event::Pick | Event::Sampled | Event::KeptBack => {
            next.drop_decisions();
            go(&mut next, State::Queued, facts);
        }
        Event::DeferralOver => {
            is_due(review, facts)?;
            go(&mut next, State::Queued, facts);
        }
        Event::Undo => {
            next.drop_decisions();
            next.review_by = None;
            let to = match review.state {
                State::Hidden if Guard::ScreenedFirst.stops(true) => State::Screening,
                State::AutoHold => State::Skim,
                _ => State::Queued,
            };
            go(&mut next, to, facts);
        }
        Event::HoldElapsed => {
            is_due(review, facts)?;
            is_free(review, facts)?;
            go(&mut next, State::Settling, facts);
            let passed = review.passed.as_ref().map(|passed| passed.at);
            next.due = Some(facts.policy.visible_at(review.first_pulled, passed));
        }
        Event::Publish => {
            is_due(review, facts)?;
            is_free(review, facts)?;
            let asked = releasable(&Present {
                version: review.version,
                fingerprint: review.fingerprint,
                at_source: true,
                open_online: facts.open_online,
                review,
                policy: facts.policy,
                now: facts.now,
            });
            if Guard::AskedAnew.stops(asked.is_err()) {
                asked?;
            }
            go(&mut next, State::Released, facts);
            next.visible_from = Some(facts.now);
        }
        Event::Purged => go(&mut next, State::Retracted, facts),
        Event::Flagged(already) => flagged(&mut next, *already, facts),
        Event::SourceChanged | Event::SourceDeleted => {
            let gone = *event == Event::SourceDeleted;
            go(&mut next, if gone { State::SourceDeleted } else { State::Superseded }, facts);
            next.review_by = None;
            next.look_again = None;
        }
    }
    debug_assert!(cfg!(feature = "mutation") || row.to.contains(&next.state), "the table and the guards disagree");
    Ok(next)
}

/// Into another state, in which it stands since now and which time alone does not end.
fn go(next: &mut Review, to: State, facts: &Facts<'_>) {
    next.state = to;
    next.since = facts.now;
    next.due = None;
}

fn is_due(review: &Review, facts: &Facts<'_>) -> Result<(), Refusal> {
    let due = review.due.unwrap_or(DateTime::<Utc>::MAX_UTC);
    if Guard::Due.stops(facts.now < due) { Err(Refusal::NotYet(due)) } else { Ok(()) }
}

/// Nothing clears by rule while a flag holds the patient, nor is shown that was decided before the flag.
fn is_free(review: &Review, facts: &Facts<'_>) -> Result<(), Refusal> {
    let unseen = facts.held && review.tier < Tier::Critical;
    if Guard::Held.stops(unseen) { Err(Refusal::Withheld(Withheld::Held)) } else { Ok(()) }
}

fn permitted(who: Who, review: &Review, event: &Event<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let Caller::Reviewer { login, lead, locked_out, .. } = facts.caller else {
        let system = who == Who::System && facts.caller == Caller::System;
        return if Guard::Role.stops(!system) { Err(Refusal::Role(who)) } else { Ok(()) };
    };
    let has_role = match who {
        Who::System => false,
        Who::Reviewer | Who::Decider => true,
        Who::Lead | Who::OtherLead => lead,
    };
    if Guard::Role.stops(!has_role) {
        return Err(Refusal::Role(who));
    }
    let named = match event {
        Event::Decide(decision) | Event::Resolve(decision, _) | Event::Withdraw(decision, _) => &decision.by,
        Event::Pass(passed) => &passed.by,
        _ => login,
    };
    if Guard::OwnName.stops(named != login) {
        return Err(Refusal::NotYou);
    }
    if Guard::LockedOut.stops(locked_out && is_towards_visible(review, event)) {
        return Err(Refusal::LockedOut);
    }
    match who {
        Who::OtherLead if Guard::NotParty.stops(review.is_party(login)) => Err(Refusal::Party),
        Who::Decider => takes_part(review, login),
        _ => Ok(()),
    }
}

/// Whether the act brings the entry nearer to the patient. A note can: whoever decides reads it before.
fn is_towards_visible(review: &Review, event: &Event<'_>) -> bool {
    match event {
        Event::Resolve(decision, _) => !matches!(decision.act, Act::Hide { .. }),
        Event::Undo => review.state == State::Hidden,
        _ => matches!(
            event.name(),
            EventName::Release
                | EventName::Pass
                | EventName::ReadBack
                | EventName::Reopen
                | EventName::Confirm
                | EventName::Note
        ),
    }
}

fn takes_part(review: &Review, login: &str) -> Result<(), Refusal> {
    let not_theirs = |by: &str, guard: Guard| match guard.stops(by != login) {
        true => Err(Refusal::NotTheirs(by.to_owned())),
        false => Ok(()),
    };
    match review.decisions.last() {
        None if review.state == State::AutoHold => match &review.passed {
            Some(passed) => not_theirs(&passed.by, Guard::TookPart),
            None => Err(Refusal::NothingToUndo),
        },
        // What the program let through by rule, any reviewer may stop.
        None => Ok(()),
        // Somebody who agreed before does not take another's hide back.
        Some(hide) if matches!(hide.act, Act::Hide { .. }) => not_theirs(&hide.by, Guard::OwnHide),
        Some(_) if review.is_party(login) => Ok(()),
        Some(decision) => not_theirs(&decision.by, Guard::TookPart),
    }
}

fn screened(next: &mut Review, screening: &Screening, facts: &Facts<'_>) {
    next.tier = screening.tier;
    next.lane = screening.lane;
    // What a lead has taken back from hidden is read by people, whatever is found in it.
    let by_people = Guard::Held.stops(facts.held) || Guard::Overruling.stops(next.overruled_by.is_some());
    if Guard::NotOpen.stops(!facts.open_online) {
        go(next, State::NotOpen, facts);
    } else if !Guard::OnlyClear.stops(!is_clear(screening)) && !by_people {
        go(next, State::AutoHold, facts);
        next.due = Some(facts.policy.held_until(next.first_pulled));
    } else if is_weak(screening) && !by_people {
        go(next, State::Skim, facts);
    } else {
        go(next, State::Queued, facts);
    }
    if Guard::Held.stops(facts.held) {
        next.tier = Tier::Critical;
    }
}

fn is_clear(screening: &Screening) -> bool {
    screening.lane == Lane::Clear && screening.tier == Tier::Nothing
}

fn is_weak(screening: &Screening) -> bool {
    screening.lane <= Lane::Skim && screening.tier <= Tier::Weak
}

/// Newer rules have read it. Towards hidden at once; what people still have to look at they look at.
fn rescreened(next: &mut Review, screening: &Screening, facts: &Facts<'_>) {
    let more = Guard::Rescreen.stops(screening.tier > next.tier);
    let by_people = !next.decisions.is_empty();
    let to = match next.state {
        State::AutoHold | State::Settling | State::Released if !by_people => {
            let still = is_clear(screening) || next.passed.is_some() && is_weak(screening);
            match Guard::Rescreen.stops(!still) {
                false => return,
                true if is_weak(screening) => State::Skim,
                true => State::Queued,
            }
        }
        State::Skim if is_weak(screening) => return,
        State::Released if more && screening.tier < Tier::Critical => {
            next.look_again = Some(LookAgain { cause: Cause::RulesFindMore, since: facts.now });
            return;
        }
        State::Settling | State::Released | State::AwaitingSecond | State::Deferred if !more => return,
        stays @ (State::Queued | State::Disputed | State::Escalated) => stays,
        _ => State::Queued,
    };
    if more || !Guard::NeverLower.stops(screening.tier < next.tier) {
        next.tier = screening.tier;
        next.lane = next.lane.max(screening.lane);
    }
    if to != next.state {
        next.drop_decisions();
        go(next, to, facts);
    }
}

/// A flag was set on the patient: what was agreed without knowing that falls.
fn flagged(next: &mut Review, already: Already, facts: &Facts<'_>) {
    if next.state == State::Released && already == Already::Stays {
        next.look_again = Some(LookAgain { cause: Cause::PatientFlagged, since: facts.now });
        return;
    }
    next.tier = Tier::Critical;
    next.lane = Lane::Hold;
    match next.state {
        // Only a lead ends these; a hide among them stands.
        State::Disputed | State::Escalated => {
            if Guard::FlagDrops.stops(true) {
                next.decisions.retain(|decision| matches!(decision.act, Act::Hide { .. }));
                next.leads.clear();
                next.read_back = None;
            }
        }
        _ => {
            if Guard::FlagDrops.stops(true) {
                next.drop_decisions();
            }
            go(next, State::Queued, facts);
        }
    }
}

fn decide(next: &mut Review, decision: &Decision, facts: &Facts<'_>) -> Result<(), Refusal> {
    if !matches!(decision.act, Act::Hide { .. }) {
        return release(next, decision, facts);
    }
    let another_agreed = next.decisions.iter().any(|earlier| earlier.by != decision.by);
    next.decisions.push(decision.clone());
    match next.state {
        State::AwaitingSecond if another_agreed => go(next, State::Disputed, facts),
        State::Released => {
            go(next, State::Retracting, facts);
            next.review_by = Some(facts.policy.review_by(facts.now));
        }
        _ => {
            go(next, State::Hidden, facts);
            next.review_by = Some(facts.policy.review_by(facts.now));
        }
    }
    next.look_again = None;
    Ok(())
}

/// A person agrees to show the entry, as it is or redacted.
fn release(next: &mut Review, decision: &Decision, facts: &Facts<'_>) -> Result<(), Refusal> {
    may_release(next, decision, facts)?;
    if Guard::SamePerson.stops(next.is_party(&decision.by)) {
        return Err(Refusal::SamePerson);
    }
    let redacted = next.decisions.iter().any(|earlier| matches!(earlier.act, Act::Redact { .. }));
    let read_back = next.read_back.as_ref() == Some(&decision.by);
    if Guard::ReadBackFirst.stops(facts.policy.read_back && redacted && !read_back) {
        return Err(Refusal::ReadBackFirst);
    }
    let differs = next.decisions.iter().any(|earlier| earlier.act != decision.act);
    agree(next, decision, facts);
    if Guard::Dispute.stops(differs) {
        go(next, State::Disputed, facts);
    } else {
        settle(next, decision, facts);
    }
    Ok(())
}

/// The lead decides in a dispute, or where somebody asked. What others wanted and the lead does not, falls.
fn resolve(next: &mut Review, decision: &Decision, facts: &Facts<'_>) -> Result<(), Refusal> {
    if matches!(decision.act, Act::Hide { .. }) {
        return decide(next, decision, facts);
    }
    may_release(next, decision, facts)?;
    if next.is_hidden() {
        next.overruled_by = Some(decision.by.clone());
    }
    next.decisions.retain(|earlier| earlier.act == decision.act && earlier.by != decision.by);
    let stand: Vec<String> = next.decisions.iter().map(|earlier| earlier.by.clone()).collect();
    next.leads.retain(|lead| stand.contains(lead));
    agree(next, decision, facts);
    settle(next, decision, facts);
    Ok(())
}

fn may_release(next: &Review, decision: &Decision, facts: &Facts<'_>) -> Result<(), Refusal> {
    if let Caller::Reviewer { wrote_it: true, .. } = facts.caller
        && Guard::Author.stops(facts.policy.bars_author(next.tier, &decision.act))
    {
        return Err(Refusal::Author);
    }
    Ok(())
}

fn agree(next: &mut Review, decision: &Decision, facts: &Facts<'_>) {
    next.decisions.push(decision.clone());
    if let Caller::Reviewer { lead: true, login, .. } = facts.caller {
        next.leads.push(login.to_owned());
    }
}

/// On to the patient if enough have agreed, else to the next reader.
fn settle(next: &mut Review, decision: &Decision, facts: &Facts<'_>) {
    let needed = facts.policy.required(next.tier, &decision.act, next.overruled_by.is_some());
    let people = needed.people.max(if Guard::Drawn.stops(facts.drawn) { 2 } else { 1 });
    let few = Guard::People.stops(next.decisions.len() < usize::from(people));
    let without_lead = Guard::LeadAmongThem.stops(needed.lead && next.leads.is_empty());
    if few || without_lead {
        go(next, State::AwaitingSecond, facts);
    } else {
        go(next, State::Settling, facts);
        next.due = Some(facts.policy.visible_at(next.first_pulled, Some(facts.now)));
    }
}

fn handle(next: &mut Review, handling: &Handling, facts: &Facts<'_>) -> Result<(), Refusal> {
    match handling {
        Handling::Escalate { note: words } => {
            note(next, Occasion::Escalated, words, facts)?;
            go(next, State::Escalated, facts);
        }
        Handling::Defer { until, why } => {
            let last = facts.policy.defer_until(facts.now);
            if Guard::DeferralLimit.stops(*until > last || *until <= facts.policy.day(facts.now)) {
                return Err(Refusal::Deferral(last));
            }
            note(next, Occasion::Deferred, why, facts)?;
            go(next, State::Deferred, facts);
            next.due = Some(facts.policy.morning_of(*until));
        }
        Handling::Resume => go(next, State::Queued, facts),
        Handling::Return { advice } => {
            note(next, Occasion::Returned, advice, facts)?;
            // A hide that falls here was overruled as much as any.
            if next.is_hidden() {
                next.overruled_by = Some(facts.caller.login().to_owned());
            }
            next.drop_decisions();
            go(next, State::Queued, facts);
        }
        Handling::Reopen { why } => {
            note(next, Occasion::Reopened, why, facts)?;
            next.overruled_by = Some(facts.caller.login().to_owned());
            next.drop_decisions();
            next.review_by = None;
            next.look_again = None;
            let to = if Guard::ScreenedFirst.stops(true) { State::Screening } else { State::Queued };
            go(next, to, facts);
        }
        Handling::PatientAsks { note: words } => {
            note(next, Occasion::PatientAsked, words, facts)?;
            next.look_again = Some(LookAgain { cause: Cause::PatientAsked, since: facts.now });
        }
        Handling::Confirm { why } => {
            note(next, Occasion::Confirmed, why, facts)?;
            next.look_again = None;
            if next.is_hidden() {
                next.review_by = Some(facts.policy.review_by(facts.now));
            }
        }
        // The revision rises with it: nobody decides without having been shown it.
        Handling::Note { text } => note(next, Occasion::Noted, text, facts)?,
    }
    Ok(())
}

fn note(next: &mut Review, on: Occasion, words: &str, facts: &Facts<'_>) -> Result<(), Refusal> {
    let words = words.trim();
    if Guard::Why.stops(words.is_empty()) {
        return Err(Refusal::SayWhy);
    }
    if words.len() > MOST_WORDS {
        return Err(Refusal::TooLong);
    }
    next.notes.push(Note { by: facts.caller.login().to_owned(), at: facts.now, on, text: words.to_owned() });
    Ok(())
}

/// Bytes of a note. More belongs in the record.
const MOST_WORDS: usize = 4_000;
