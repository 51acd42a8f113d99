//! The queue: going through it, narrowing it, marking rows of it.

use super::act::{self, everywhere, open};
use super::decide::{self, decide};
use super::{beside, bulk, handle, key_for, moved, refresh, skim};
use crate::protocol::Only;
use crate::record::{Act, EntryId, Tier};
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::state::{Effect, MOST_MARKED, Opening, Overlay, QueueState, State, Target, Tone};

pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let page = layout::queue_page(state.size, &state.queue);
    let last = state.queue.len().saturating_sub(1);
    if let Some(place) = moved(action, state.queue.selected, last, page) {
        state.queue.selected = place;
        return Vec::new();
    }
    match action {
        Action::Open => return with_row(state, |state, _| open_selected(state, action, None)),
        Action::Approve | Action::Redact if !state.queue.marked.is_empty() => {
            let clears = key_for(state, Action::Back);
            let what = if action == Action::Approve { "approved" } else { "redacted" };
            state.say(
                Tone::Plain,
                format!("marked entries are only hidden together; each is read and {what} by itself: {clears} unmarks"),
            );
        }
        Action::Redact => return with_row(state, |state, _| open_selected(state, action, None)),
        Action::Approve => {
            return with_row(state, |state, tier| {
                if tier <= Tier::Weak && state.queue.current().is_some_and(|row| row.state.waits_for_person()) {
                    return state.target().map(|target| decide(state, target, Act::Approve)).unwrap_or_default();
                }
                let note = match state.queue.current().is_some_and(|row| row.state.waits_for_lead()) {
                    true => "it waits for the lead: read it here, then decide",
                    false => "something was found in this entry: read it here, then decide",
                };
                open_selected(state, Action::Open, Some(note.to_owned()))
            });
        }
        Action::Hide if !state.queue.marked.is_empty() => return bulk::ask(state),
        Action::Hide => return with_row(state, |state, _| decide::ask_reason(state)),
        Action::Mark => {
            return with_row(state, |state, _| {
                mark_selected(state);
                Vec::new()
            });
        }
        Action::MarkPatient => {
            return with_row(state, |state, _| {
                mark_patient(state);
                Vec::new()
            });
        }
        Action::Escalate | Action::Note | Action::Defer => {
            return with_row(state, |state, _| handle::begin(state, action));
        }
        Action::Record | Action::Flags => {
            return with_row(state, |state, _| match state.queue.current().map(|row| row.patient) {
                Some(patient) => beside::fetch(state, patient, action),
                None => Vec::new(),
            });
        }
        Action::Skim => return skim::enter(state),
        Action::Find => state.overlay = Some(Overlay::Find { untouched: true }),
        Action::Filter => state.overlay = Some(Overlay::Filter),
        Action::Back if !state.queue.marked.is_empty() => {
            state.queue.marked.clear();
            state.say(Tone::Plain, "nothing is marked any more");
        }
        Action::Back if !state.queue.only.is_all() => return narrow(state, Only::default()),
        Action::Back => act::stays(state),
        _ => return everywhere(state, action),
    }
    Vec::new()
}

/// Does something with the selected row, or says that there is none.
fn with_row(state: &mut State, act: impl FnOnce(&mut State, Tier) -> Vec<Effect>) -> Vec<Effect> {
    match state.queue.current().map(|row| row.tier) {
        Some(tier) => act(state, tier),
        None => {
            let sentence = match (state.queue.queue.is_some(), state.queue.only.is_all()) {
                (false, _) => "the queue has not come yet".to_owned(),
                (true, _) if state.queue.is_of_another_list() => "these rows have not come yet".to_owned(),
                (true, _) if !state.queue.is_empty() => "this row has not come yet".to_owned(),
                (true, true) if state.queue.to_skim() > 0 => {
                    format!("nothing waits in the queue; {} reads down what is to skim", key_for(state, Action::Skim))
                }
                (true, true) => format!("nothing waits; {} fetches new entries", key_for(state, Action::Pull)),
                (true, false) => format!("nothing fits; {} shows all again", key_for(state, Action::Back)),
            };
            state.say(Tone::Plain, sentence);
            Vec::new()
        }
    }
}

fn open_selected(state: &mut State, then: Action, note: Option<String>) -> Vec<Effect> {
    let Some(entry) = state.queue.current().map(|row| row.entry) else { return Vec::new() };
    open(state, Opening { then, note, ..Opening::read(entry) })
}

/// The entry beside the one that is open, without deciding.
pub(super) fn neighbour(state: &mut State, next: bool) -> Vec<Effect> {
    let here = state.entry.as_ref().and_then(|entry| state.queue.place_of(entry.opened.row.entry));
    let beside = match (here, next) {
        (Some(place), true) => place + 1,
        (Some(place), false) => place.wrapping_sub(1),
        (None, _) => state.queue.selected,
    };
    match state.queue.row(beside).map(|row| row.entry) {
        Some(entry) => {
            state.queue.selected = beside;
            open(state, Opening::read(entry))
        }
        None => {
            let end = if next { "last" } else { "first" };
            state.say(Tone::Plain, format!("this is the {end} entry of the queue"));
            Vec::new()
        }
    }
}

/// The row that comes after an entry has left: the one below it, or the first when it was the last.
pub(super) fn after(queue: &QueueState, entry: EntryId) -> Option<EntryId> {
    let here = queue.place_of(entry);
    let below = here.map_or(0, |here| here + 1)..queue.len();
    let mut places = below.take(1).chain(0..here.unwrap_or_default().min(1));
    let next = places.find_map(|place| queue.row(place)).filter(|row| !row.agreed);
    next.map(|row| row.entry).filter(|next| *next != entry)
}

/// Lists other rows, from the top; all of them again from the one that was selected.
pub(super) fn narrow(state: &mut State, only: Only) -> Vec<Effect> {
    if only.is_all() {
        state.reselect = state.queue.current().map(|row| row.entry);
    }
    state.queue.only = only;
    state.queue.selected = 0;
    refresh(state)
}

/// What each digit of the filter does to what is listed, as the box words it; the present row gives the names.
pub fn filters(state: &State) -> Vec<(u8, String, Only)> {
    let only = &state.queue.only;
    let mut out = Vec::new();
    let urgent = if only.tier.is_some() { None } else { Some(Tier::Disclosure) };
    out.push((1, "disclosures and worse".to_owned(), Only { tier: urgent, ..only.clone() }));
    out.push((2, "what is late".to_owned(), Only { late: !only.late, ..only.clone() }));
    out.push((3, "what changed after a decision".to_owned(), Only { changed: !only.changed, ..only.clone() }));
    out.push((4, "what you recorded or have in hand".to_owned(), Only { mine: !only.mine, ..only.clone() }));
    let row = state.queue.current();
    let of = |set: bool, name: Option<String>| if set { None } else { name };
    if let Some(row) = row {
        let patient = if only.patient.is_some() { None } else { Some(row.patient) };
        out.push((5, format!("this patient: {}", row.patient_name), Only { patient, ..only.clone() }));
        if let Some(why) = row.why.first() {
            let reason = of(only.reason.is_some(), Some(why.clone()));
            out.push((6, format!("this reason: {why}"), Only { reason, ..only.clone() }));
        }
        let author = of(only.author.is_some(), Some(row.author.clone()));
        out.push((7, format!("this author: {}", row.author), Only { author, ..only.clone() }));
    }
    out.push((0, "everything".to_owned(), Only::default()));
    out
}

/// What is listed, in words, where that is not everything.
pub fn listed(only: &Only) -> Option<String> {
    let mut words = Vec::new();
    if !only.words.trim().is_empty() {
        words.push(format!("“{}”", only.words.trim()));
    }
    words.extend(only.tier.map(|_| "disclosures and worse".to_owned()));
    words.extend(only.late.then(|| "late".to_owned()));
    words.extend(only.changed.then(|| "changed".to_owned()));
    words.extend(only.mine.then(|| "yours".to_owned()));
    words.extend(only.patient.map(|_| "one patient".to_owned()));
    words.extend(only.reason.clone());
    words.extend(only.author.clone());
    (!words.is_empty()).then(|| words.join(", "))
}

fn mark_selected(state: &mut State) {
    let Some(target) = state.queue.current().map(Target::of) else { return };
    let before = state.queue.marked.len();
    state.queue.marked.retain(|marked| marked.entry != target.entry);
    if state.queue.marked.len() == before {
        if before == MOST_MARKED {
            state.say(Tone::Plain, format!("at most {MOST_MARKED} are marked at once"));
            return;
        }
        state.queue.marked.push(target);
    }
    let last = state.queue.len().saturating_sub(1);
    state.queue.selected = (state.queue.selected + 1).min(last);
}

/// Marks all that waits for the patient of the selected row.
fn mark_patient(state: &mut State) {
    let Some(patient) = state.queue.current().map(|row| row.patient) else { return };
    let rows = state.queue.rows().iter().filter(|row| row.patient == patient).map(Target::of);
    let fresh: Vec<Target> = rows.filter(|target| !state.queue.is_marked(target.entry)).collect();
    let room = MOST_MARKED - state.queue.marked.len();
    if fresh.len() > room {
        state.say(Tone::Plain, format!("at most {MOST_MARKED} are marked at once"));
    }
    state.queue.marked.extend(fresh.into_iter().take(room));
}
