//! Beside the queue: the worklist, and all that is here of one patient.

use super::act::{self, back_to, everywhere};
use super::{moved, refresh};
use crate::protocol::{PatientRecord, Reply, Request};
use crate::record::PatientId;
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::state::{Effect, Fetching, Opening, Overlay, RecordState, Screen, State, Tone};

/// Goes to the worklist.
pub(super) fn enter_worklist(state: &mut State) -> Vec<Effect> {
    if !super::may_read(state) {
        state.say(Tone::Plain, "this role reads no records, and so has no worklist");
        return Vec::new();
    }
    state.screen = Screen::Worklist;
    state.worklist.come = false;
    vec![Effect::Ask(Request::Worklist)]
}

pub(super) fn worklist(state: &mut State, action: Action) -> Vec<Effect> {
    let page = usize::from(layout::worklist_list(state.size).height).max(1);
    let list = &mut state.worklist;
    if let Some(place) = moved(action, list.selected, list.items.len().saturating_sub(1), page) {
        list.selected = place;
        return Vec::new();
    }
    match action {
        Action::Open => match list.current().map(|item| (item.entry, item.patient)) {
            Some((Some(entry), _)) => act::open(state, Opening::read(entry)),
            Some((None, patient)) => fetch(state, patient, Action::Record),
            None => nothing(state),
        },
        Action::Record | Action::Flags => match list.current().map(|item| item.patient) {
            Some(patient) => fetch(state, patient, action),
            None => nothing(state),
        },
        Action::Back | Action::Worklist => back_to(state, Screen::Queue),
        _ => everywhere(state, action),
    }
}

fn nothing(state: &mut State) -> Vec<Effect> {
    state.say(Tone::Plain, if state.worklist.come { "the worklist is empty" } else { "the worklist has not come yet" });
    Vec::new()
}

/// The entry of the worklist or the record beside the one that is open.
pub(super) fn neighbour(state: &mut State, next: bool) -> Vec<Effect> {
    let step = |at: usize| if next { at.checked_add(1) } else { at.checked_sub(1) };
    let found = match state.came_from() {
        Screen::Record => state.record.as_mut().and_then(|open| {
            let place = step(open.selected)?;
            let entry = open.record.entries.get(place)?.entry;
            open.selected = place;
            Some(entry)
        }),
        _ => {
            let mut place = step(state.worklist.selected);
            while let Some(item) = place.and_then(|place| state.worklist.items.get(place)) {
                if item.entry.is_some() {
                    break;
                }
                place = place.and_then(step);
            }
            let list = &mut state.worklist;
            let entry = place.and_then(|place| list.items.get(place)).and_then(|item| item.entry);
            if let (Some(place), Some(_)) = (place, entry) {
                list.selected = place;
            }
            entry
        }
    };
    match found {
        Some(entry) => act::open(state, Opening::read(entry)),
        None => {
            let end = if next { "last" } else { "first" };
            state.say(Tone::Plain, format!("this is the {end} entry of the list"));
            Vec::new()
        }
    }
}

/// Asks for all that is here of a patient: to list it, or to set and clear flags.
pub(super) fn fetch(state: &mut State, patient: PatientId, then: Action) -> Vec<Effect> {
    if state.fetching.is_some() {
        return Vec::new();
    }
    let entry = match state.screen {
        Screen::Entry => state.entry.as_ref().map(|open| open.opened.row.entry),
        _ => None,
    };
    let from = match (state.came_from(), &state.record) {
        // An entry of the record leads back to the record, and that to where it came from.
        (Screen::Record, Some(open)) => open.from,
        (from, _) => from,
    };
    let from = if from == Screen::Record { Screen::Queue } else { from };
    state.fetching = Some(Fetching { patient, then, from, entry });
    vec![Effect::Ask(Request::Record { patient })]
}

pub(super) fn record(state: &mut State, action: Action) -> Vec<Effect> {
    let page = usize::from(layout::record_list(state.size).height).max(1);
    let Some(open) = &mut state.record else { return back_to(state, Screen::Queue) };
    if let Some(place) = moved(action, open.selected, open.record.entries.len().saturating_sub(1), page) {
        open.selected = place;
        return Vec::new();
    }
    match action {
        Action::Open => {
            return match open.record.entries.get(open.selected).map(|row| row.entry) {
                Some(entry) => act::open(state, Opening::read(entry)),
                None => {
                    let why = open.record.closed.clone();
                    state.say(Tone::Plain, why.unwrap_or_else(|| "nothing is here of this patient".to_owned()));
                    Vec::new()
                }
            };
        }
        Action::Flags => state.overlay = Some(Overlay::Flags),
        Action::Back => {
            let (from, entry) = (open.from, open.entry.take());
            if let Some(entry) = entry {
                let shown = state.entry.as_ref().is_some_and(|shown| shown.opened.row.entry == entry);
                if shown {
                    state.screen = Screen::Entry;
                    if let Some(shown) = &mut state.entry {
                        shown.from = from;
                    }
                    return Vec::new();
                }
                return act::open(state, Opening { from: Some(from), ..Opening::read(entry) });
            }
            return back_to(state, from);
        }
        _ => return everywhere(state, action),
    }
    Vec::new()
}

/// What the daemon answers to the requests of these pages.
pub(super) fn answered(state: &mut State, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Worklist(list) => {
            let here = state.worklist.current().map(|item| (item.kind, item.entry, item.patient));
            let again = |item: &crate::protocol::WorkItem| Some((item.kind, item.entry, item.patient)) == here;
            let place = list.items.iter().position(again);
            // What was done has gone; the next one is in its place.
            state.worklist.selected = place.unwrap_or(state.worklist.selected);
            state.worklist.items = list.items;
            state.worklist.come = true;
        }
        Reply::Record(record) => came(state, *record),
        Reply::Refused { why } | Reply::Failed { why } => {
            state.fetching = None;
            state.say(Tone::Warning, why);
        }
        _ => {}
    }
    Vec::new()
}

fn came(state: &mut State, record: PatientRecord) {
    let fetching = state.fetching.take_if(|fetching| fetching.patient == record.patient);
    if let Some(open) = state.record.as_mut().filter(|open| open.record.patient == record.patient)
        && fetching.as_ref().is_none_or(|fetching| fetching.then == Action::Record && fetching.entry.is_none())
        && state.screen == Screen::Record
    {
        open.record = record;
        return;
    }
    let Some(Fetching { then, from, entry, .. }) = fetching else { return };
    let selected = entry.and_then(|entry| record.entries.iter().position(|row| row.entry == entry));
    state.record = Some(RecordState { record, from, entry, selected: selected.unwrap_or(0), top: 0 });
    match then {
        Action::Flags => state.overlay = Some(Overlay::Flags),
        _ => state.screen = Screen::Record,
    }
}

/// Asks again for the list that lies under an entry, or is the page.
pub(super) fn asked_again(state: &State, screen: Screen) -> Vec<Effect> {
    match (screen, &state.record) {
        (Screen::Worklist, _) => vec![Effect::Ask(Request::Worklist)],
        (Screen::Record, Some(open)) => vec![Effect::Ask(Request::Record { patient: open.record.patient })],
        _ => Vec::new(),
    }
}

/// An entry of one of these lists was decided or handled: back to the list.
pub(super) fn left_the_entry(state: &mut State) -> Vec<Effect> {
    state.screen = state.came_from();
    state.entry = None;
    state.redact = None;
    let mut effects = asked_again(state, state.screen);
    effects.extend(refresh(state));
    effects
}
