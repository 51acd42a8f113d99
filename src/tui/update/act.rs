//! What each action does on each page, and why it cannot.

use super::{
    LOG_PAGE, MOST_ROWS, beside, bulk, flags, handle, key_for, may_read, moved, queue, reading, redact, refresh, skim,
    twins, versions,
};
use crate::protocol::Request;
use crate::record::{Act, HideReason};
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::skim::Several;
use crate::tui::state::{Blank, Deed, Effect, Link, Opening, Overlay, Screen, Sending, State, Target, Tone};
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
                return open_other(state, selected);
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
        Screen::Entry => entry(state, action),
        Screen::Redact => redact::act(state, action),
        Screen::Worklist => beside::worklist(state, action),
        Screen::Record => beside::record(state, action),
        Screen::Log => reading::log(state, action),
        Screen::Policy => reading::policy(state, action),
        Screen::Status => match action {
            Action::Policy => {
                state.screen = Screen::Policy;
                state.policy.top = 0;
                vec![Effect::Ask(Request::Policy)]
            }
            Action::Back | Action::Status => back_to(state, state.under),
            _ => everywhere(state, action),
        },
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
        show_match(state, number - 1);
    }
    Some(Vec::new())
}

/// Opens another entry that waits here, from the patient's box.
fn open_other(state: &mut State, place: usize) -> Vec<Effect> {
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

fn entry(state: &mut State, action: Action) -> Vec<Effect> {
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

fn show_match(state: &mut State, index: usize) {
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

fn approve_open(state: &mut State) -> Vec<Effect> {
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
            state.say(Tone::Plain, "that key answers a warning, and there is none");
            Vec::new()
        }
    }
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

fn home(state: &State) -> Screen {
    use crate::audit::Role;
    match state.welcome.as_ref().map(|welcome| welcome.actor.role) {
        Some(Role::Auditor) => Screen::Log,
        Some(Role::Admin | Role::System) => Screen::Status,
        Some(Role::Clinician | Role::Lead) | None => Screen::Queue,
    }
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
        Action::Undo => return undo(state),
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
        Action::TakeOver => {
            return match state.target() {
                Some(target) => vec![Effect::Ask(Request::TakeOver { entry: target.entry })],
                None => Vec::new(),
            };
        }
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

fn undo(state: &mut State) -> Vec<Effect> {
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

/// The queue again, for use after something changed it.
pub(super) fn queue_request(state: &State) -> Effect {
    Effect::Ask(Request::Rows(state.queue.wanted()))
}
