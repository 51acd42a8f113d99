//! Entries with the same words: to be seen, opened, named as considered, or redacted alike.

use std::collections::BTreeSet;

use super::{act, key_for};
use crate::protocol::{Opened, QueueRow, Request};
use crate::record::EntryId;
use crate::review::Waiver;
use crate::tui::action::Action;
use crate::tui::state::{Effect, EntryState, Opening, Overlay, State, Tone};
use crate::tui::words;

/// The rows that the box lists: the entries with the same words, and the open entry itself where its own lines
/// repeat what is taken out of it.
pub fn listed<'a>(entry: &'a EntryState, named: &[EntryId]) -> Vec<&'a QueueRow> {
    let mut rows: Vec<&QueueRow> = Vec::new();
    for twin in entry.opened.twins.iter().filter(|twin| !twin.waived) {
        if !rows.iter().any(|row| row.entry == twin.row.entry) {
            rows.push(&twin.row);
        }
    }
    if named.contains(&entry.opened.row.entry) || entry.considered.contains(&entry.opened.row.entry) {
        rows.push(&entry.opened.row);
    }
    rows
}

/// The entries that a refusal names. It names them by the beginning of their identifiers.
pub(super) fn named_in(opened: &Opened, why: &str) -> Vec<EntryId> {
    let all: BTreeSet<EntryId> = opened.twins.iter().map(|twin| twin.row.entry).chain([opened.row.entry]).collect();
    let begins = |id: &EntryId| id.to_string().chars().take(8).collect::<String>();
    let named = |id: &EntryId| why.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == begins(id));
    all.into_iter().filter(named).collect()
}

/// Opens the box, or drafts the same removals everywhere.
pub(super) fn begin(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(entry) = &state.entry else { return Vec::new() };
    if listed(entry, &[]).is_empty() {
        state.say(Tone::Plain, "no other entry has these words");
        return Vec::new();
    }
    if action == Action::Propose {
        return vec![Effect::Ask(Request::Propose { entry: entry.opened.row.entry })];
    }
    state.overlay = Some(Overlay::Twins { selected: 0, named: Vec::new() });
    Vec::new()
}

/// Keys while the box is open.
pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(Overlay::Twins { selected, named }) = &mut state.overlay else { return Vec::new() };
    let Some(entry) = &mut state.entry else {
        state.overlay = None;
        return Vec::new();
    };
    let rows: Vec<EntryId> = listed(entry, named).iter().map(|row| row.entry).collect();
    let last = rows.len().saturating_sub(1);
    match action {
        Action::Down | Action::NextMatch => *selected = (*selected + 1).min(last),
        Action::Up | Action::PreviousMatch => *selected = selected.saturating_sub(1),
        Action::Waive => {
            let Some(id) = rows.get(*selected).copied() else { return Vec::new() };
            if !entry.considered.remove(&id) {
                entry.considered.insert(id);
                *selected = (*selected + 1).min(last);
            }
            let many = words::count(entry.considered.len() as u64, "entry", "entries");
            let sentence = match entry.considered.is_empty() {
                true => "none is named as considered".to_owned(),
                false => format!("{many} named as considered: your decision will say so"),
            };
            state.say(Tone::Plain, sentence);
        }
        Action::Propose => return begin(state, action),
        Action::Open | Action::Decide => {
            let here = entry.opened.row.entry;
            match rows.get(*selected).copied() {
                Some(id) if id == here => state.overlay = None,
                Some(id) => {
                    state.overlay = None;
                    return act::open(state, Opening::read(id));
                }
                None => {}
            }
        }
        Action::Back => state.overlay = None,
        Action::Palette
        | Action::Help
        | Action::Blank
        | Action::Theme
        | Action::Redraw
        | Action::Suspend
        | Action::Tour
        | Action::Quit => return act::everywhere(state, action),
        _ => {
            let (waive, back) = (key_for(state, Action::Waive), key_for(state, Action::Back));
            state.say(Tone::Plain, format!("{waive} names the selected one as considered; {back} goes back"));
        }
    }
    Vec::new()
}

/// What the person named as considered with a decision on this entry.
pub(super) fn waivers(state: &State, entry: EntryId) -> Vec<Waiver> {
    let Some(open) = state.entry.as_ref().filter(|open| open.opened.row.entry == entry) else { return Vec::new() };
    let rows = open.opened.twins.iter().map(|twin| &twin.row).chain([&open.opened.row]);
    let mut named: Vec<Waiver> = rows
        .filter(|row| open.considered.contains(&row.entry))
        .map(|row| Waiver { entry: row.entry, version: row.version })
        .collect();
    named.sort_unstable();
    named.dedup();
    named
}
