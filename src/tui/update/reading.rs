//! Pages that are only read: the log, how things stand, and the policy.

use super::act::{back_to, everywhere};
use super::{LOG_PAGE, MOST_ROWS, moved, refresh};
use crate::protocol::Request;
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::state::{Effect, Screen, State, Tone};

pub(super) fn log(state: &mut State, action: Action) -> Vec<Effect> {
    let page = usize::from(layout::log_list(state.size).height).max(1);
    let log = &mut state.log;
    match (moved(action, log.selected, log.lines.len().saturating_sub(1), page), action) {
        (Some(place), _) => log.selected = place,
        (None, Action::Verify) => {
            state.say(Tone::Plain, "reading the whole log…");
            return vec![Effect::Ask(Request::Verify)];
        }
        (None, Action::Back | Action::Log) => return back_to(state, state.under),
        (None, _) => return everywhere(state, action),
    }
    // The next page is asked for before its first line is needed.
    if !log.complete && log.selected + page >= log.lines.len() {
        let before = log.lines.last().map(|line| line.seq);
        return vec![Effect::Ask(Request::Audit { before, limit: LOG_PAGE, everything: false })];
    }
    Vec::new()
}

pub(super) fn status(state: &mut State, action: Action) -> Vec<Effect> {
    let page = usize::from(layout::status_text(state.size).height).max(1);
    match (moved(action, state.status_top, MOST_ROWS, page), action) {
        (Some(row), _) => state.status_top = row,
        (None, Action::Policy) => {
            state.screen = Screen::Policy;
            state.policy.top = 0;
            return vec![Effect::Ask(Request::Policy)];
        }
        (None, Action::Back | Action::Status) => return back_to(state, state.under),
        (None, _) => return everywhere(state, action),
    }
    Vec::new()
}

pub(super) fn policy(state: &mut State, action: Action) -> Vec<Effect> {
    let page = usize::from(layout::policy_text(state.size).height).max(1);
    match (moved(action, state.policy.top, MOST_ROWS, page), action) {
        (Some(row), _) => state.policy.top = row,
        (None, Action::Back) => {
            state.screen = Screen::Status;
            return refresh(state);
        }
        (None, _) => return everywhere(state, action),
    }
    Vec::new()
}
