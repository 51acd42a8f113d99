//! Decisions: approving, asking why to hide, warning first, sending one at a time, and taking the last one back.

use super::{handle, key_for, skim, twins};
use crate::protocol::Request;
use crate::record::Act;
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::skim::Several;
use crate::tui::state::{Deed, Effect, Link, Overlay, Screen, Sending, State, Target, Tone};

pub(super) fn approve_open(state: &mut State) -> Vec<Effect> {
    let (next, anyway) = (key_for(state, Action::NextMatch), key_for(state, Action::AllTheSame));
    let Some(entry) = &mut state.entry else { return Vec::new() };
    if entry.opened.to_read_back {
        return handle::begin(state, Action::ReadBack);
    }
    if let Some(why) = &entry.opened.may_not_release {
        let why = why.clone();
        state.say(Tone::Warning, why);
        return Vec::new();
    }
    // A second reader agrees to exactly what the first one proposed.
    let act = entry.opened.proposed.clone().unwrap_or(Act::Approve);
    let unseen = entry.laid.document.matches.len() - entry.seen.len();
    let Some(target) = state.target() else { return Vec::new() };
    if unseen > 0 {
        let what = if unseen == 1 { "1 match has".to_owned() } else { format!("{unseen} matches have") };
        let warning = format!("{what} not been on the screen: {next} goes there, {anyway} approves all the same");
        return warn(state, target, act, warning);
    }
    decide(state, target, act)
}

/// Warns of a decision instead of sending it. Only the key for that, pressed next, sends it: the key that asked for
/// it may have been pressed twice.
pub(super) fn warn(state: &mut State, target: Target, act: Act, warning: String) -> Vec<Effect> {
    state.say(Tone::Warning, warning);
    state.warned = Some((target, act));
    Vec::new()
}

/// Sends the decision that was warned of.
pub(super) fn all_the_same(state: &mut State, warned: Option<(Target, Act)>) -> Vec<Effect> {
    match warned {
        Some((target, act)) => decide(state, target, act),
        None => {
            unasked(state);
            Vec::new()
        }
    }
}

/// There was no warning to answer.
pub(super) fn unasked(state: &mut State) {
    state.say(Tone::Plain, "that key answers a warning, and there is none");
}

/// Opens the dialog of reasons for the entry that is open or selected.
pub(super) fn ask_reason(state: &mut State) -> Vec<Effect> {
    if let Some(target) = state.target() {
        state.overlay = Some(Overlay::Hide { targets: vec![target], selected: None });
    }
    Vec::new()
}

/// Whether the daemon is lost: what is asked of it now would be forgotten.
pub(super) fn is_away(state: &State) -> bool {
    matches!(state.link, Link::Lost(_))
}

/// Whether a decision can be sent now; says why not.
pub(super) fn may_decide(state: &mut State) -> bool {
    if state.is_sending() || state.opening.is_some() {
        state.say(Tone::Plain, "one moment: the last decision is on its way");
        return false;
    }
    if is_away(state) {
        state.say(Tone::Warning, "the daemon is away, so nothing can be decided; it is tried again by itself");
        return false;
    }
    true
}

/// Sends a decision, unless one is still on its way: a second key must not decide on what was not read.
pub(super) fn decide(state: &mut State, target: Target, act: Act) -> Vec<Effect> {
    if !may_decide(state) {
        return Vec::new();
    }
    if state.came_by_itself && act == Act::Approve {
        state.say(Tone::Warning, "that key was still down when this came: read it, then press the key again");
        return Vec::new();
    }
    if state.resolves() && state.entry.as_ref().is_some_and(|open| open.opened.row.entry == target.entry) {
        return handle::resolve(state, target, act);
    }
    let request = Request::Decide {
        entry: target.entry,
        version: target.version,
        revision: target.revision,
        act: act.clone(),
        token: None,
        waivers: twins::waivers(state, target.entry),
    };
    state.sending = Some(Sending { target, act: Some(act) });
    vec![Effect::Ask(request)]
}

pub(super) fn undo(state: &mut State) -> Vec<Effect> {
    if state.is_sending() {
        state.say(Tone::Plain, "one moment: the last decision is on its way");
        return Vec::new();
    }
    let last = state.done.last().map(|done| (done.deed.clone(), done.label.clone()));
    let decided = match last {
        Some((Deed::Passed(entries), _)) => return skim::take_back(state, entries, Several::Lines),
        Some((Deed::Hidden(entries), _)) => return skim::take_back(state, entries, Several::Entries),
        Some((Deed::Stays(_, instead), label)) => {
            // The act before it is the next to be taken back.
            state.done.pop();
            state.say(Tone::Plain, format!("{label} {instead}"));
            return Vec::new();
        }
        Some((Deed::Decided(entry), label)) => Some((entry, label)),
        None => None,
    };
    let second = state.queue.current().filter(|row| row.state == ReviewState::AwaitingSecond);
    let target = match (decided, state.screen, second) {
        (Some(decided), ..) => Some(decided),
        (None, Screen::Queue, Some(row)) => Some((row.entry, Target::of(row).label)),
        _ => None,
    };
    let Some((entry, label)) = target else {
        state.say(Tone::Plain, "there is no decision of yours from this session to take back");
        return Vec::new();
    };
    let row = state.queue.rows().iter().find(|row| row.entry == entry);
    let (version, revision) = row.map_or((crate::record::Version::FIRST, 0), |row| (row.version, row.revision));
    state.sending = Some(Sending { target: Target { entry, version, revision, label }, act: None });
    vec![Effect::Ask(Request::Undo { entry })]
}
