//! What each action does on each page, and why it cannot.

use super::decide::{self, is_away};
use super::{
    LOG_PAGE, MOST_ROWS, beside, bulk, entry, flags, home, key_for, may_read, moved, queue, reading, redact, refresh,
    skim, twins,
};
use crate::protocol::Request;
use crate::record::HideReason;
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::state::{Blank, Effect, Opening, Overlay, Screen, State, Tone};
use crate::tui::view::reasons::others;

/// What only the daemon can do or tell. Deciding and opening say so themselves.
const ASKS: [Action; 16] = [
    Action::Pull,
    Action::Publish,
    Action::TakeOver,
    Action::Log,
    Action::Status,
    Action::Policy,
    Action::Verify,
    Action::Worklist,
    Action::Skim,
    Action::Pick,
    Action::Pass,
    Action::Record,
    Action::Flags,
    Action::Propose,
    Action::Undo,
    Action::SwitchPerson,
];

pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    if action == Action::Leave {
        let nothing_over_it = state.overlay.is_none() && state.queue.marked.is_empty() && state.queue.only.is_all();
        let leaves = state.screen == home(state) && (nothing_over_it || state.screen != Screen::Queue);
        return act(state, if leaves && state.overlay.is_none() { Action::Quit } else { Action::Back });
    }
    if is_away(state) && ASKS.contains(&action) {
        let away = "the daemon is away, so nothing can be asked of it; it is tried again by itself";
        state.say(Tone::Warning, away);
        return Vec::new();
    }
    if let Some(Overlay::Hide { targets, selected }) = &mut state.overlay {
        match action {
            Action::Down => *selected = Some(selected.map_or(0, |at| (at + 1).min(HideReason::ALL.len() - 1))),
            Action::Up => *selected = Some(selected.map_or(0, |at| at.saturating_sub(1))),
            Action::Decide => {
                let chosen = selected.and_then(|at| HideReason::ALL.get(at)).copied();
                let Some(reason) = chosen else {
                    state.say(Tone::Plain, "choose a reason: press its number");
                    return Vec::new();
                };
                let targets = std::mem::take(targets);
                state.overlay = None;
                return bulk::hide(state, targets, reason);
            }
            Action::Back => state.overlay = None,
            _ => return everywhere(state, action),
        }
        return Vec::new();
    }
    if let Some(Overlay::Help { top }) = &mut state.overlay {
        let page = usize::from(crate::tui::view::help::height(state.size));
        if let Some(row) = moved(action, *top, MOST_ROWS, page) {
            *top = row;
            return Vec::new();
        }
        match action {
            Action::Back | Action::Help => state.overlay = None,
            _ => return everywhere(state, action),
        }
        return Vec::new();
    }
    if let Some(Overlay::Patient { selected }) = &mut state.overlay {
        let others = state.entry.as_ref().map_or(0, |entry| others(&entry.opened).len());
        match action {
            Action::Down => *selected = (*selected + 1).min(others.saturating_sub(1)),
            Action::Up => *selected = selected.saturating_sub(1),
            Action::Decide | Action::Open => {
                let selected = *selected;
                return entry::open_other(state, selected);
            }
            _ => {
                state.overlay = None;
                if !matches!(action, Action::Back | Action::Patient) {
                    return act(state, action);
                }
            }
        }
        return Vec::new();
    }
    if let Some(Overlay::Twins { .. }) = &state.overlay {
        return twins::act(state, action);
    }
    match state.screen {
        Screen::Queue => queue::act(state, action),
        Screen::Skim => skim::act(state, action),
        Screen::Entry => entry::act(state, action),
        Screen::Redact => redact::act(state, action),
        Screen::Worklist => beside::worklist(state, action),
        Screen::Record => beside::record(state, action),
        Screen::Log => reading::log(state, action),
        Screen::Policy => reading::policy(state, action),
        Screen::Status => reading::status(state, action),
    }
}

/// A bare digit: a reason while hiding, a match in an entry. `None` where digits mean nothing.
pub(super) fn digit(state: &mut State, digit: u8) -> Option<Vec<Effect>> {
    let number = usize::from(digit);
    if let Some(Overlay::Hide { targets, .. }) = &state.overlay {
        let targets = targets.clone();
        return Some(match number.checked_sub(1).and_then(|index| HideReason::ALL.get(index)) {
            Some(reason) => {
                state.overlay = None;
                bulk::hide(state, targets, *reason)
            }
            None => {
                state.say(Tone::Plain, format!("there is no reason {digit}"));
                Vec::new()
            }
        });
    }
    if state.overlay.is_some() || !matches!(state.screen, Screen::Entry | Screen::Redact) {
        return None;
    }
    let matches = state.entry.as_ref().map_or(0, |entry| entry.laid.document.matches.len());
    if number == 0 || number > matches {
        state.say(Tone::Plain, format!("there is no match {digit} in this entry"));
    } else if state.screen == Screen::Redact {
        redact::go_to_match(state, number - 1);
    } else {
        entry::show_match(state, number - 1);
    }
    Some(Vec::new())
}

pub(super) fn open(state: &mut State, opening: Opening) -> Vec<Effect> {
    let entry = opening.entry;
    if state.opening.as_ref().is_some_and(|before| before.entry == entry) {
        // A second key press is no second reading.
        return Vec::new();
    }
    if is_away(state) {
        state.say(Tone::Warning, "the daemon is away, so nothing can be opened; it is tried again by itself");
        return Vec::new();
    }
    state.opening = Some(opening);
    vec![Effect::Ask(Request::Open { entry })]
}

/// What was on its way to the screen does not come any more: the person has gone elsewhere.
fn come_no_more(state: &mut State) {
    state.opening = None;
}

/// Leaves a page.
pub(super) fn back_to(state: &mut State, screen: Screen) -> Vec<Effect> {
    come_no_more(state);
    if !may_read(state) && screen == Screen::Queue {
        if state.screen == home(state) {
            stays(state);
        }
        state.screen = home(state);
        return Vec::new();
    }
    state.screen = screen;
    if matches!(screen, Screen::Queue | Screen::Skim | Screen::Worklist | Screen::Record) {
        state.entry = None;
        state.redact = None;
    }
    let mut effects = beside::asked_again(state, screen);
    effects.extend(refresh(state));
    effects
}

/// There is no page to go back to; leaving the program takes the key that says so.
pub(super) fn stays(state: &mut State) {
    let leaves = key_for(state, Action::Leave);
    state.say(Tone::Plain, format!("there is no page behind this one; {leaves} leaves the program"));
}

pub(super) fn everywhere(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => state.overlay = Some(Overlay::Help { top: 0 }),
        Action::Palette => state.overlay = Some(Overlay::Palette { typed: String::new(), selected: 0 }),
        Action::Blank => state.blank = Some(Blank::Asked),
        Action::Theme => {
            state.theme = state.theme.next();
            state.say(Tone::Plain, format!("colours: {}", state.theme.name()));
        }
        Action::Redraw => {
            let mut effects = vec![Effect::Redraw];
            effects.extend(refresh(state));
            return effects;
        }
        Action::Suspend if state.can_suspend => return vec![Effect::Suspend],
        Action::Suspend => state.say(Tone::Plain, "there is no shell to return to here"),
        Action::Quit => {
            let mut effects = redact::kept_draft(state);
            effects.push(Effect::Quit);
            return effects;
        }
        Action::Undo => return decide::undo(state),
        Action::Log | Action::Status => return leave_for(state, action),
        Action::Pull => {
            state.say(Tone::Plain, "pulling…");
            return vec![Effect::Ask(Request::Pull { from: None })];
        }
        Action::Publish => {
            state.say(Tone::Plain, "publishing…");
            return vec![Effect::Ask(Request::Publish)];
        }
        Action::Worklist => return beside::enter_worklist(state),
        Action::Flags => return flags::begin(state),
        Action::Alarms => alarms(state),
        Action::SwitchPerson => return switch_person(state),
        Action::TakeOver => match state.target() {
            Some(target) => return vec![Effect::Ask(Request::TakeOver { entry: target.entry })],
            None => state.say(Tone::Plain, "there is no entry here whose patient could be taken over"),
        },
        Action::AllTheSame => decide::unasked(state),
        Action::Tour => crate::tui::tour::toggle(state),
        action => {
            let about = action.about();
            state.say(Tone::Plain, format!("{} does nothing {}", about.name, state.page().words()));
        }
    }
    Vec::new()
}

/// What must be known about the feeds, each sentence whole.
fn alarms(state: &mut State) {
    let lines = layout::alarms(&state.queue);
    if lines.is_empty() {
        state.say(Tone::Plain, "there is nothing that must be known about the feeds");
        return;
    }
    let lines = lines.iter().map(|line| format!("{}.", crate::tui::words::capital(line))).collect();
    state.overlay = Some(Overlay::Told { title: "What must be known".to_owned(), lines });
}

fn leave_for(state: &mut State, action: Action) -> Vec<Effect> {
    come_no_more(state);
    if !matches!(state.screen, Screen::Log | Screen::Status) {
        state.under = state.screen;
    }
    let (screen, request) = match action {
        Action::Log => (Screen::Log, Request::Audit { before: None, limit: LOG_PAGE, everything: false }),
        _ => (Screen::Status, Request::Status),
    };
    state.screen = screen;
    vec![Effect::Ask(request)]
}

fn switch_person(state: &mut State) -> Vec<Effect> {
    let Some(welcome) = &state.welcome else { return Vec::new() };
    let people = &welcome.demo_people;
    let here = people.iter().position(|actor| *actor == welcome.actor);
    let next = here.map_or(0, |here| (here + 1) % people.len().max(1));
    match people.get(next).cloned() {
        Some(actor) => vec![Effect::ConnectAs(actor)],
        None => {
            state.say(Tone::Plain, "you are who your login says; only the demo lets you change places");
            Vec::new()
        }
    }
}

/// The queue again, for use after something changed it.
pub(super) fn queue_request(state: &State) -> Effect {
    Effect::Ask(Request::Rows(state.queue.wanted()))
}
