//! What else is done with an entry: asking the lead, putting it off, reading back what is left of it, and what the
//! lead does. Each with words of the person's own.

use super::act::open;
use super::decide::may_decide;
use super::{beside, flags, queue, refresh, twins};
use crate::protocol::{Decided, Request};
use crate::record::{Act, Handling};
use crate::review::{EventName, State as ReviewState, TRANSITIONS, Who};
use crate::tui::action::Action;
use crate::tui::state::{Deed, Done, Effect, Matter, Opening, Overlay, Screen, Sending, State, Target, Tone, Writing};
use crate::tui::words;

/// Days that something is put off for, if nobody says otherwise, and at most.
const DAYS: (u32, u32) = (7, 28);

/// Whether the table of moves has this act where the entry stands, and for this person; if not, why.
///
/// # Errors
/// One sentence that says why not.
pub fn possible(state: ReviewState, action: Action, lead: bool) -> Result<(), String> {
    let on = match action {
        Action::Reopen => EventName::Reopen,
        Action::Confirm => EventName::Confirm,
        Action::GiveBack => EventName::Return,
        Action::Resume => EventName::Resume,
        Action::PatientAsks => EventName::PatientAsks,
        Action::Escalate => EventName::Escalate,
        Action::Defer => EventName::Defer,
        Action::Note => EventName::Note,
        _ => return Ok(()),
    };
    let rows = || TRANSITIONS.iter().filter(|row| row.on == on);
    let Some(row) = rows().find(|row| row.from == state) else {
        let mut places: Vec<&str> = rows().map(|row| words::standing(row.from)).collect();
        places.dedup();
        let places = places.join(" or ");
        return Err(format!("this is for what is {places}; this entry is {}", words::standing(state)));
    };
    match row.who {
        Who::Lead | Who::OtherLead if !lead => {
            Err(format!("only the safeguarding lead does this: {}", lower(action.about().sentence)))
        }
        _ => Ok(()),
    }
}

/// Without the capital of a sentence's first letter, and without what it says of the lead.
fn lower(sentence: &str) -> String {
    let sentence = sentence.split_once(": ").map_or(sentence, |(_, rest)| rest);
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Opens the box in which one writes.
pub(super) fn begin(state: &mut State, action: Action) -> Vec<Effect> {
    let standing = match state.screen {
        Screen::Queue => state.queue.current().map(|row| row.state),
        _ => state.entry.as_ref().map(|entry| entry.opened.row.state),
    };
    if let Some(Err(why)) = standing.map(|standing| possible(standing, action, state.is_lead())) {
        state.say(Tone::Plain, why);
        return Vec::new();
    }
    let reads_back = state.entry.as_ref().is_some_and(|entry| entry.opened.to_read_back);
    let matter = match action {
        Action::ReadBack if reads_back => Matter::ReadBack,
        Action::ReadBack => {
            state.say(Tone::Plain, "only the second reader of a redaction reads back what is left");
            return Vec::new();
        }
        Action::Escalate => Matter::Escalate,
        Action::Note => Matter::Note,
        Action::Reopen => Matter::Reopen,
        Action::Confirm => Matter::Confirm,
        Action::GiveBack => Matter::GiveBack,
        Action::PatientAsks => Matter::PatientAsks,
        Action::Resume => return resume(state),
        _ => Matter::Defer { days: DAYS.0 },
    };
    if let Some(target) = state.target() {
        state.overlay = Some(Overlay::Write { what: Writing::Entry(target, matter), typed: String::new() });
    }
    Vec::new()
}

/// Takes up again what was put off. There is nothing to write.
fn resume(state: &mut State) -> Vec<Effect> {
    let Some(Target { entry, version, revision, .. }) = state.target() else { return Vec::new() };
    if !may_decide(state) {
        return Vec::new();
    }
    let from = state.came_from();
    state.opening = Some(Opening { from: Some(from), ..Opening::read(entry) });
    vec![
        Effect::Ask(Request::Handle { entry, version, revision, handling: Handling::Resume }),
        Effect::Ask(Request::Open { entry }),
    ]
}

/// The lead decides where two differ, or where somebody asked: the box asks why.
pub(super) fn resolve(state: &mut State, target: Target, act: Act) -> Vec<Effect> {
    if may_decide(state) {
        let what = Writing::Entry(target, Matter::Resolve(act));
        state.overlay = Some(Overlay::Write { what, typed: String::new() });
    }
    Vec::new()
}

/// Up and down in the box: puts off for longer or less long, or changes what else the act does.
pub(super) fn turn(what: &mut Writing, up: bool) {
    match what {
        Writing::Entry(_, Matter::Defer { days }) => {
            *days = if up { (*days + 1).min(DAYS.1) } else { days.saturating_sub(1).max(1) };
        }
        Writing::Entry(..) => {}
        Writing::Patient(_, _, matter) => flags::turn(matter),
    }
}

/// Sends what was written.
pub(super) fn send(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Write { what, typed }) = &state.overlay else { return Vec::new() };
    let (what, typed) = (what.clone(), typed.trim().to_owned());
    let (target, matter) = match what {
        Writing::Patient(patient, name, matter) => return flags::send(state, (patient, name, matter), typed),
        Writing::Entry(target, matter) => (target, matter),
    };
    if typed.is_empty() && matter != Matter::ReadBack {
        state.say(Tone::Plain, "write a few words: whoever reads them knows nothing else of it");
        return Vec::new();
    }
    if !may_decide(state) {
        return Vec::new();
    }
    state.overlay = None;
    let (entry, version, revision) = (target.entry, target.version, target.revision);
    let handling = match matter.clone() {
        Matter::ReadBack => {
            state.handling = Some(Writing::Entry(target, matter));
            return vec![Effect::Ask(Request::ReadBack { entry, version, revision, guess: typed })];
        }
        Matter::Resolve(act) => {
            state.sending = Some(Sending { target, act: Some(act.clone()) });
            let (token, waivers) = (None, twins::waivers(state, entry));
            return vec![Effect::Ask(Request::Resolve { entry, version, revision, act, why: typed, token, waivers })];
        }
        Matter::Escalate => Handling::Escalate { note: typed },
        Matter::Note => Handling::Note { text: typed },
        Matter::Reopen => Handling::Reopen { why: typed },
        Matter::Confirm => Handling::Confirm { why: typed },
        Matter::GiveBack => Handling::Return { advice: typed },
        Matter::PatientAsks => Handling::PatientAsks { note: typed },
        Matter::Defer { days } => {
            let today = state.now.unwrap_or_default().with_timezone(&chrono_tz::Europe::London).date_naive();
            Handling::Defer { until: today + chrono::Days::new(u64::from(days)), why: typed }
        }
    };
    state.handling = Some(Writing::Entry(target, matter));
    vec![Effect::Ask(Request::Handle { entry, version, revision, handling })]
}

/// What is done about an act that is not taken back, after the label of its entry.
fn instead(matter: &Matter) -> Option<&'static str> {
    Some(match matter {
        Matter::Escalate => "is before the lead, who decides or gives it back",
        Matter::Note => "keeps its note, which others may have read: write another that puts it right",
        Matter::Defer { .. } => "is put off: it can be taken up again from the patient’s record",
        Matter::Reopen => "is read anew: hide it again if nobody should see it",
        Matter::Confirm => "stays as it is: it can be decided anew from the patient’s record",
        Matter::GiveBack => "is with the reviewers again, and they decide",
        Matter::PatientAsks => "is on the lead’s worklist, and the lead looks at it again",
        Matter::ReadBack | Matter::Resolve(_) => return None,
    })
}

/// It took effect: what left the queue makes place for the next, and what stays is shown as it is now.
pub(super) fn done(state: &mut State, decided: &Decided) -> Vec<Effect> {
    let Some(Writing::Entry(target, matter)) = state.handling.take() else { return refresh(state) };
    let label = &target.label;
    let said = match &matter {
        Matter::Escalate => format!("the lead is asked: {label}"),
        Matter::Note => format!("noted for the next reader: {label}"),
        Matter::Defer { days } => format!("put off for {}: {label}", words::count(u64::from(*days), "day", "days")),
        Matter::ReadBack if decided.state == ReviewState::Disputed => {
            format!("two readers differ, so the lead decides: {label}")
        }
        Matter::ReadBack => "read back; here is the whole entry: agree, or decide otherwise".to_owned(),
        Matter::Reopen => format!("reopened: {label} is {} now", words::standing(decided.state)),
        Matter::Confirm => format!("looked at again, and stays {}: {label}", words::standing(decided.state)),
        Matter::GiveBack => format!("given back to the reviewers with your advice: {label}"),
        Matter::PatientAsks => format!("noted, for the lead to look at: {label}"),
        Matter::Resolve(_) => label.clone(),
    };
    if let Some(instead) = instead(&matter) {
        let deed = Deed::Stays(decided.entry, instead);
        state.done.push(Done { deed, label: label.clone(), text: said.clone() });
    }
    let stays = match matter {
        Matter::ReadBack => decided.state == ReviewState::AwaitingSecond,
        Matter::Note => true,
        _ => false,
    };
    let listed = matches!(state.came_from(), Screen::Worklist | Screen::Record);
    let reads = matches!(state.screen, Screen::Entry | Screen::Redact);
    let mut effects = Vec::new();
    if reads && !stays && listed {
        effects.extend(beside::left_the_entry(state));
        state.say(Tone::Good, said);
        return effects;
    }
    let next = if stays { Some(decided.entry) } else { queue::after(&state.queue, decided.entry) };
    match next.filter(|_| reads) {
        Some(entry) => {
            state.reselect = Some(entry);
            state.came_by_itself = true;
            let note = (matter == Matter::ReadBack).then(|| said.clone());
            effects.extend(open(state, Opening { note, ..Opening::read(entry) }));
        }
        None => {
            state.screen = Screen::Queue;
            state.entry = None;
        }
    }
    state.say(Tone::Good, said);
    effects.extend(refresh(state));
    effects
}
