//! One act on all marked entries. There is only one: to hide them. Towards hidden is safe, and even that asks how
//! many they are.

use super::decide::{decide, may_decide};
use super::refresh;
use crate::protocol::{Reply, Request};
use crate::record::{Act, EntryId, HideReason};
use crate::tui::state::{Bulk, Deed, Done, Effect, Overlay, State, Target, Tone};
use crate::tui::words;

/// Asks why the marked entries are to be hidden.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    state.overlay = Some(Overlay::Hide { targets: state.queue.marked.clone(), selected: None });
    Vec::new()
}

/// Hides one entry at once; several after their number was typed.
pub(super) fn hide(state: &mut State, targets: Vec<Target>, reason: HideReason) -> Vec<Effect> {
    match <[Target; 1]>::try_from(targets) {
        Ok([target]) => decide(state, target, Act::Hide { reason }),
        Err(targets) => {
            state.overlay = Some(Overlay::Count { targets, reason, typed: String::new() });
            Vec::new()
        }
    }
}

/// The number was typed: hides them all, each an act of its own.
pub(super) fn counted(state: &mut State, targets: Vec<Target>, reason: HideReason) -> Vec<Effect> {
    if !may_decide(state) {
        return Vec::new();
    }
    let entries: Vec<EntryId> = targets.iter().map(|target| target.entry).collect();
    state.bulk = Some(Bulk { awaited: entries, ..Bulk::default() });
    state.queue.marked.clear();
    let request = |target: Target| {
        let Target { entry, version, revision, .. } = target;
        Effect::Ask(Request::Decide {
            entry,
            version,
            revision,
            act: Act::Hide { reason },
            token: None,
            waivers: Vec::new(),
        })
    };
    targets.into_iter().map(request).collect()
}

/// Whether a decision on this entry is one of several.
pub(super) fn awaits(state: &State, entry: EntryId) -> bool {
    state.bulk.as_ref().is_some_and(|bulk| bulk.awaited.contains(&entry))
}

/// The answer to one of them.
pub(super) fn answered(state: &mut State, entry: EntryId, reply: Reply) -> Vec<Effect> {
    let Some(bulk) = &mut state.bulk else { return Vec::new() };
    bulk.awaited.retain(|awaited| *awaited != entry);
    match reply {
        Reply::Decided(decided) => bulk.hidden.push(decided.entry),
        Reply::Refused { why } | Reply::Failed { why } => bulk.refused.push(why),
        _ => {}
    }
    if !bulk.awaited.is_empty() {
        return Vec::new();
    }
    let Bulk { hidden, mut refused, .. } = state.bulk.take().unwrap_or_default();
    state.message = None;
    for entry in &hidden {
        state.forget(*entry);
    }
    let label = words::count(hidden.len() as u64, "entry", "entries");
    if !refused.is_empty() {
        let title = format!("{label} hidden, {} not", refused.len());
        refused.sort();
        refused.dedup();
        let lines = refused.iter().map(|why| format!("{}.", words::capital(why))).collect();
        state.overlay = Some(Overlay::Told { title, lines });
    }
    if !hidden.is_empty() {
        state.done.push(Done { text: format!("hidden  {label}"), deed: Deed::Hidden(hidden), label });
    } else {
        state.say(Tone::Warning, "none of them was hidden");
    }
    refresh(state)
}
