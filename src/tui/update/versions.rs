//! Earlier versions of the open entry, one after the other, each beside the present one.

use super::key_for;
use crate::protocol::{Earlier, Request};
use crate::record::Version;
use crate::tui::action::Action;
use crate::tui::compare::compare;
use crate::tui::document::Document;
use crate::tui::layout;
use crate::tui::state::{Compared, Effect, State, Tone};

/// Goes to the version before the one that is shown; from the first one back to the text.
pub(super) fn older(state: &mut State) -> Vec<Effect> {
    let Some(entry) = &mut state.entry else { return Vec::new() };
    let next = entry.compared.as_ref().map_or(0, |compared| compared.index + 1);
    let before = match next.checked_sub(1).and_then(|shown| entry.earlier.get(shown)) {
        Some(shown) => shown.content.version,
        None => entry.opened.version.version,
    };
    if next < entry.earlier.len() {
        show(state, next);
        return Vec::new();
    }
    if before <= Version::FIRST {
        let first = entry.compared.take().is_none();
        entry.top = 0;
        let sentence = match first {
            true => "this is the first version that came here: there is nothing to compare it with",
            false => "that was the first version; this is the present one",
        };
        state.say(Tone::Plain, sentence);
        return Vec::new();
    }
    vec![Effect::Ask(Request::Earlier { entry: entry.opened.row.entry, before })]
}

/// Goes to the version after the one that is shown; from the last one back to the text.
pub(super) fn newer(state: &mut State) -> Vec<Effect> {
    let versions = key_for(state, Action::Versions);
    let Some(entry) = &mut state.entry else { return Vec::new() };
    match entry.compared.as_ref().map(|compared| compared.index) {
        None => state.say(Tone::Plain, format!("this is the present version; {versions} shows the one before")),
        Some(0) => {
            entry.compared = None;
            entry.top = 0;
        }
        Some(index) => show(state, index - 1),
    }
    Vec::new()
}

/// Back to the text, if an earlier version is shown beside it.
pub(super) fn leave(state: &mut State) -> bool {
    let Some(entry) = &mut state.entry else { return false };
    let compared = entry.compared.take().is_some();
    entry.top = if compared { 0 } else { entry.top };
    compared
}

/// An earlier version has come.
pub(super) fn came(state: &mut State, earlier: Earlier) {
    let Some(entry) = &mut state.entry else { return };
    let last = entry.earlier.last().map_or(entry.opened.version.version, |last| last.content.version);
    if earlier.content.entry != entry.opened.row.entry || earlier.content.version >= last {
        return;
    }
    entry.earlier.push(earlier);
    let index = entry.earlier.len() - 1;
    show(state, index);
}

fn show(state: &mut State, index: usize) {
    // The mark and a blank stand before each line.
    let width = layout::text_width(state.size).saturating_sub(4);
    let Some(entry) = &mut state.entry else { return };
    let Some(earlier) = entry.earlier.get(index) else { return };
    let old = Document::of_version(&earlier.content, &entry.opened.screening).plain();
    let lines = compare(&old, &entry.laid.document.plain());
    let rows = lines.iter().flat_map(|line| line.wrapped(width)).collect();
    entry.compared = Some(Compared { index, rows });
    entry.top = 0;
}

/// After the terminal has another size: what is compared is wrapped anew.
pub(super) fn relay(state: &mut State) {
    if let Some(index) = state.entry.as_ref().and_then(|entry| Some(entry.compared.as_ref()?.index)) {
        show(state, index);
    }
}
