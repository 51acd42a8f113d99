//! The page of one entry: going through its matches, what is done from it, and what else waits for the patient.

use super::act::{back_to, everywhere, open};
use super::decide::{approve_open, ask_reason};
use super::{MOST_ROWS, beside, handle, key_for, moved, queue, redact, skim, twins, versions};
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::state::{Effect, Opening, Overlay, Screen, State, Tone};
use crate::tui::view::reasons::others;

pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(entry) = &mut state.entry else {
        state.screen = Screen::Queue;
        return Vec::new();
    };
    let areas = layout::entry(state.size, entry);
    let page = usize::from(areas.text.height).saturating_sub(1).max(1);
    if let Some(row) = moved(action, entry.top, MOST_ROWS, page) {
        entry.top = row;
        return Vec::new();
    }
    match action {
        Action::NextMatch | Action::PreviousMatch => {
            let count = entry.laid.document.matches.len();
            if count == 0 {
                state.say(Tone::Plain, "nothing was found in this entry");
                return Vec::new();
            }
            let next = match (action, entry.current) {
                (Action::NextMatch, None) => 0,
                (Action::NextMatch, Some(current)) => (current + 1) % count,
                (_, None) => count - 1,
                (_, Some(current)) => (current + count - 1) % count,
            };
            show_match(state, next);
        }
        Action::Approve | Action::Redact if state.is_to_skim() => return skim::not_yet_in_the_queue(state),
        Action::Pick if state.is_to_skim() => return skim::pick(state),
        Action::Pick => state.say(Tone::Plain, "only a line to skim is pulled into the queue"),
        Action::Approve => return approve_open(state),
        Action::Redact => return redact::begin(state),
        Action::Hide => return ask_reason(state),
        Action::Open => {
            let patient = key_for(state, Action::Patient);
            state.say(Tone::Plain, format!("this entry is open; {patient} lists what else waits here"));
        }
        Action::Patient => state.overlay = Some(Overlay::Patient { selected: 0 }),
        Action::Versions => return versions::older(state),
        Action::NewerVersion => return versions::newer(state),
        Action::Waive | Action::Propose => return twins::begin(state, action),
        Action::Escalate
        | Action::Note
        | Action::Defer
        | Action::ReadBack
        | Action::Reopen
        | Action::Confirm
        | Action::GiveBack
        | Action::Resume
        | Action::PatientAsks => return handle::begin(state, action),
        Action::Record => {
            let patient = state.entry.as_ref().map(|entry| entry.opened.row.patient);
            return patient.map(|patient| beside::fetch(state, patient, action)).unwrap_or_default();
        }
        Action::NextEntry | Action::PreviousEntry if state.came_from() == Screen::Skim => {
            return skim::neighbour(state, action == Action::NextEntry);
        }
        Action::NextEntry | Action::PreviousEntry if matches!(state.came_from(), Screen::Worklist | Screen::Record) => {
            return beside::neighbour(state, action == Action::NextEntry);
        }
        Action::NextEntry | Action::PreviousEntry => return queue::neighbour(state, action == Action::NextEntry),
        Action::Back if versions::leave(state) => {}
        Action::Back => return back_to(state, state.came_from()),
        _ => return everywhere(state, action),
    }
    Vec::new()
}

pub(super) fn show_match(state: &mut State, index: usize) {
    let size = state.size;
    let Some(entry) = &mut state.entry else { return };
    entry.compared = None;
    entry.current = Some(index);
    let height = usize::from(layout::entry(size, entry).text.height);
    let place = entry.laid.document.matches.get(index).and_then(|found| found.place);
    if let Some(place) = place
        && let (Some(from), Some(to)) = (entry.laid.row_of_stretch(place), entry.laid.last_row_of(place))
    {
        entry.top = layout::scrolled(entry.top, height, entry.laid.rows.len(), from, to);
    }
}

/// Opens another entry that waits here, from the patient's box.
pub(super) fn open_other(state: &mut State, place: usize) -> Vec<Effect> {
    let other = state.entry.as_ref().and_then(|entry| others(&entry.opened).get(place).map(|row| row.entry));
    match other {
        Some(entry) => {
            state.overlay = None;
            open(state, Opening::read(entry))
        }
        None => {
            state.say(Tone::Plain, "nothing else waits here");
            Vec::new()
        }
    }
}
