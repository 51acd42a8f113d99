//! What else is done with an entry: asking the lead, putting it off, and reading back what is left of it. Each with
//! words of the person's own.

use super::act::{may_decide, open};
use super::{queue, refresh};
use crate::protocol::{Decided, Request};
use crate::record::Handling;
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::state::{Effect, Opening, Overlay, Screen, State, Tone, Writing};
use crate::tui::words;

/// Days that something is put off for, if nobody says otherwise, and at most.
const DAYS: (u32, u32) = (7, 28);

/// Opens the box in which one writes.
pub(super) fn begin(state: &mut State, action: Action) -> Vec<Effect> {
    let reads_back = state.entry.as_ref().is_some_and(|entry| entry.opened.to_read_back);
    let what = match action {
        Action::ReadBack if reads_back => Writing::ReadBack,
        Action::ReadBack => {
            state.say(Tone::Plain, "only the second reader of a redaction reads back what is left");
            return Vec::new();
        }
        Action::Escalate => Writing::Escalate,
        _ => Writing::Defer { days: DAYS.0 },
    };
    if let Some(target) = state.target() {
        state.overlay = Some(Overlay::Write { target, what, typed: String::new() });
    }
    Vec::new()
}

/// Puts off for longer, or for less long.
pub(super) fn days(what: &mut Writing, longer: bool) {
    if let Writing::Defer { days } = what {
        *days = if longer { (*days + 1).min(DAYS.1) } else { days.saturating_sub(1).max(1) };
    }
}

/// Sends what was written.
pub(super) fn send(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Write { target, what, typed }) = &state.overlay else { return Vec::new() };
    let (target, what, typed) = (target.clone(), *what, typed.trim().to_owned());
    if typed.is_empty() && what != Writing::ReadBack {
        state.say(Tone::Plain, "write a few words: whoever reads them knows nothing else of it");
        return Vec::new();
    }
    if !may_decide(state) {
        return Vec::new();
    }
    state.overlay = None;
    let (entry, version, revision) = (target.entry, target.version, target.revision);
    let handling = match what {
        Writing::ReadBack => {
            state.handling = Some((target, what));
            return vec![Effect::Ask(Request::ReadBack { entry, version, revision, guess: typed })];
        }
        Writing::Escalate => Handling::Escalate { note: typed },
        Writing::Defer { days } => {
            let today = state.now.unwrap_or_default().with_timezone(&chrono_tz::Europe::London).date_naive();
            Handling::Defer { until: today + chrono::Days::new(u64::from(days)), why: typed }
        }
    };
    state.handling = Some((target, what));
    vec![Effect::Ask(Request::Handle { entry, version, revision, handling })]
}

/// It took effect: a question and what was put off leave the queue, what was read back is shown whole.
pub(super) fn done(state: &mut State, decided: &Decided) -> Vec<Effect> {
    let Some((target, what)) = state.handling.take() else { return refresh(state) };
    let said = match what {
        Writing::Escalate => format!("the lead is asked: {}", target.label),
        Writing::Defer { days } => {
            format!("put off for {}: {}", words::count(u64::from(days), "day", "days"), target.label)
        }
        Writing::ReadBack if decided.state == ReviewState::Disputed => {
            format!("two readers differ, so the lead decides: {}", target.label)
        }
        Writing::ReadBack => "read back; here is the whole entry: agree, or decide otherwise".to_owned(),
    };
    let stays = what == Writing::ReadBack && decided.state == ReviewState::AwaitingSecond;
    let next = if stays { Some(decided.entry) } else { queue::after(&state.queue, decided.entry) };
    let mut effects = Vec::new();
    match next.filter(|_| matches!(state.screen, Screen::Entry | Screen::Redact)) {
        Some(entry) => {
            state.reselect = Some(entry);
            state.came_by_itself = true;
            effects.extend(open(state, Opening { entry, then: Action::Open, note: stays.then(|| said.clone()) }));
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
