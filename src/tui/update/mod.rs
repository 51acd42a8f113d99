//! What happens on the screen: state × input → state and effects. Touches no terminal, socket or clock.

mod act;
mod beside;
mod bulk;
mod decide;
mod entry;
pub mod flags;
pub mod handle;
pub mod queue;
mod reading;
pub mod redact;
mod reply;
mod skim;
pub mod twins;
mod typing;
mod unmoved;
mod versions;

pub use typing::fitting;

use super::action::{Action, Place};
use super::document::Laid;
use super::keymap::{Found, Key, spelled};
use super::layout;
use super::pages::{Told, WorkLine};
use super::state::{
    Blank, Effect, IDLE_END_MINUTES, IDLE_MINUTES, Input, Link, Overlay, Screen, Setup, State, Tone, Writing,
};
use super::tour;
use super::words;
use crate::audit::Role;
use crate::protocol::{Notice, Request, Welcome};

/// Further down than any text: what is scrolled too far is put right when it is known how long the text is.
const MOST_ROWS: usize = usize::MAX / 2;

/// Records of the log asked for at once.
pub const LOG_PAGE: usize = 200;

/// Takes one input in. Nothing else changes the state.
pub fn update(state: &mut State, input: Input) -> Vec<Effect> {
    let before = (matches!(input, Input::Key(_)) && state.place().is_some()).then(|| unmoved::Snapshot::of(state));
    let effects = match input {
        Input::Key(key) => {
            let mut effects = pressed(state, key);
            // What is asked for says by itself that somebody is here; and what is decided is in nobody's hand after it.
            if !effects.iter().any(|effect| matches!(effect, Effect::Ask(_))) {
                effects.extend(keeps_in_hand(state));
            }
            effects
        }
        Input::Released => {
            state.came_by_itself = false;
            Vec::new()
        }
        Input::Pasted(text) => typing::pasted(state, &text),
        Input::Resized(width, height) => resized(state, (width, height)),
        Input::Connected(welcome) => connected(state, welcome),
        Input::Lost(why) => lost(state, why),
        Input::Answered(answer) => reply::answered(state, answer.0, answer.1),
        Input::AnsweredLate(reply) => reply::answered_late(state, *reply),
        Input::Noticed(Notice::QueueChanged) => refresh(state),
        Input::Noticed(Notice::TakenOver { by, .. }) => {
            state.say(Tone::Warning, format!("{by} has taken this patient over; what you drafted is kept"));
            refresh(state)
        }
        Input::Noticed(Notice::Closing) => {
            state.say(Tone::Warning, "the daemon is stopping; this screen comes back when it does");
            Vec::new()
        }
        Input::Minute => minute(state),
        Input::Waiting(waiting) => {
            state.waiting = waiting;
            Vec::new()
        }
        Input::Resumed => vec![Effect::Redraw],
        Input::Paused => redact::kept_draft(state),
        Input::OnScreen(time) => {
            if state.reads_skim() {
                state.skim.was_on_screen(time);
            }
            Vec::new()
        }
    };
    tour::watch(state);
    settle(state);
    if let (Some(before), []) = (before, effects.as_slice()) {
        unmoved::tell(state, &before);
    }
    let page = layout::queue_page(state.size, &state.queue);
    let mut effects = ask_once(state, effects);
    if !state.queue.asked && may_read(state) && state.queue.lacks(page) {
        effects.extend(ask_once(state, vec![act::queue_request(state)]));
    }
    effects
}

/// One request for the queue and one for the skim page at a time, however many things change them. None while the daemon
/// is away: it would be forgotten, and its answer waited for.
fn ask_once(state: &mut State, effects: Vec<Effect>) -> Vec<Effect> {
    let away = decide::is_away(state);
    let mut out = Vec::with_capacity(effects.len());
    for effect in effects {
        if away && matches!(effect, Effect::Ask(_)) {
            continue;
        }
        let list = match &effect {
            Effect::Ask(Request::Rows(_)) => Some((&mut state.queue.asked, &mut state.queue.stale)),
            Effect::Ask(Request::Skim { .. }) => Some((&mut state.skim.asked, &mut state.skim.stale)),
            _ => None,
        };
        if let Some((asked, stale)) = list {
            if *asked {
                *stale = true;
                continue;
            }
            *asked = true;
        }
        out.push(effect);
    }
    out
}

fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    match state.blank {
        // Whoever comes back after so long need not be who left: nothing of a record is shown again.
        Some(Blank::Idle) if !state.is_demo() => return end_idle(state),
        // The key that wakes the screen does nothing else: it was pressed without seeing it.
        Some(_) => {
            state.idle_minutes = 0;
            state.blank = None;
            return vec![Effect::Redraw];
        }
        None => state.idle_minutes = 0,
    }
    let warned = state.warned.take();
    state.message = None;
    state.came_by_itself &= state.last_key == Some(key);
    state.last_key = Some(key);
    state.acted = None;
    let place = state.place();
    if layout::too_small(state.size) && !works_unseen(state, place, key) {
        return Vec::new();
    }
    let Some(place) = place else { return typing::key(state, key) };
    if state.typed.is_empty()
        && let Some(digit) = key.digit()
        && let Some(effects) = act::digit(state, digit)
    {
        return effects;
    }
    if !state.typed.is_empty() && key.is_escape() {
        state.typed.clear();
        return Vec::new();
    }
    state.typed.push(key);
    let typed = state.typed.clone();
    match state.keymap.resolve(place, &typed) {
        Found::Action(action) => {
            state.typed.clear();
            state.acted = Some(action);
            match action {
                Action::AllTheSame if state.overlay.is_none() => decide::all_the_same(state, warned),
                action => act::act(state, action),
            }
        }
        Found::Begun => {
            state.warned = warned;
            Vec::new()
        }
        Found::Nothing => {
            state.typed.clear();
            let keys = spelled(&typed);
            let help = state.keymap.keys(place, Action::Help, true).into_iter().next().unwrap_or_default();
            let sentence = match state.keymap.elsewhere(&typed) {
                Some((elsewhere, action)) => {
                    let works = words::places(&elsewhere);
                    format!("“{keys}” ({}) works {works}, not {}", action.about().name, place.words())
                }
                None => format!("“{keys}” does nothing {}; {help} shows the keys", place.words()),
            };
            state.say(Tone::Plain, sentence);
            Vec::new()
        }
    }
}

/// Whether a key does something although the page cannot be seen: nothing is decided on a terminal that is too small to
/// read what is decided on.
fn works_unseen(state: &State, place: Option<Place>, key: Key) -> bool {
    let Some(place) = place else { return false };
    let unseen = [Action::Quit, Action::Suspend, Action::Redraw, Action::Blank];
    matches!(state.keymap.resolve(place, &[key]), Found::Action(action) if unseen.contains(&action))
}

fn resized(state: &mut State, terminal: (u16, u16)) -> Vec<Effect> {
    state.terminal = terminal;
    state.size = tour::page_size(terminal, state.tour);
    let size = state.size;
    let width = layout::text_width(size);
    if let Some(entry) = &mut state.entry
        && entry.laid.width != width
    {
        let anchor = entry.laid.rows.get(entry.top).map(|row| row.line);
        entry.laid = Laid::new(std::mem::take(&mut entry.laid.document), width, state.ascii);
        entry.top = entry.laid.rows.iter().position(|row| Some(row.line) == anchor).unwrap_or_default();
    }
    versions::relay(state);
    if let (Some(redacting), Some(entry)) = (&mut state.redact, &state.entry) {
        redact::relay(redacting, entry, size, state.ascii);
    }
    vec![Effect::Redraw]
}

fn connected(state: &mut State, welcome: Welcome) -> Vec<Effect> {
    let again = state.welcome.as_ref().is_some_and(|before| before.actor == welcome.actor);
    let lost = matches!(state.link, Link::Lost(_));
    state.link = Link::Up;
    if again && lost {
        state.say(Tone::Good, "the daemon is back; what you had open is still here");
    }
    if !again {
        let setup = Setup {
            keymap: std::mem::take(&mut state.keymap),
            ascii: state.ascii,
            theme: state.theme,
            can_suspend: state.can_suspend,
            tour: state.tour.map(tour::Tour::of_another),
        };
        let mut fresh = State::new(state.terminal, setup);
        fresh.link = Link::Up;
        *state = fresh;
    }
    let (name, role) = (welcome.name.clone(), welcome.actor.role);
    let demo = !welcome.demo_people.is_empty();
    state.welcome = Some(welcome);
    if again {
        return refresh(state);
    }
    let who = if demo { format!("you are {name}, {}; ", role.name()) } else { String::new() };
    match role {
        Role::Clinician | Role::Lead => {
            if demo {
                state.say(
                    Tone::Plain,
                    format!("{who}{} goes on as somebody else", key_for(state, Action::SwitchPerson)),
                );
            }
            ask_queue(state)
        }
        Role::Auditor => {
            state.screen = Screen::Log;
            state.say(Tone::Plain, format!("{who}an auditor reads the log and no records"));
            vec![Effect::Ask(Request::Audit { before: None, limit: LOG_PAGE, everything: false })]
        }
        Role::Admin | Role::System => {
            state.screen = Screen::Status;
            state.say(Tone::Plain, format!("{who}this role runs the machine and reads no records"));
            vec![Effect::Ask(Request::Status)]
        }
    }
}

/// The first key that does `action` on this page, for a sentence.
fn key_for(state: &State, action: Action) -> String {
    state
        .keymap
        .keys(state.page(), action, state.ascii)
        .into_iter()
        .next()
        .unwrap_or_else(|| action.about().name.to_owned())
}

fn lost(state: &mut State, why: String) -> Vec<Effect> {
    let skimming = skim::underway(state).or(state.bulk.take().map(|_| "hiding what was marked".to_owned()));
    let skimming = skimming.or(state.handling.take().map(|writing| match writing {
        Writing::Entry(target, _) => target.label,
        Writing::Patient(_, name, _) => name,
    }));
    state.unanswered = state.sending.take();
    if let Some(label) = state.unanswered.as_ref().map(|sending| sending.target.label.clone()).or(skimming) {
        state
            .say(Tone::Warning, format!("{label}: not known whether that counted; look again when the daemon is back"));
    }
    if let Some(redacting) = &mut state.redact {
        // What was on its way to be kept may not have come.
        redacting.unsaved |= redacting.changed;
    }
    state.opening = None;
    state.fetching = None;
    state.queue.asked = false;
    state.skim.asked = false;
    state.waiting = false;
    state.link = Link::Lost(why);
    Vec::new()
}

/// Whoever reads with an entry in hand keeps it in hand: the daemon is told of keys, once a minute.
fn keeps_in_hand(state: &mut State) -> Option<Effect> {
    let reads = matches!(state.screen, Screen::Entry | Screen::Redact) && state.link == Link::Up;
    let reads = reads && state.blank.is_none() && state.sending.is_none() && state.handling.is_none();
    let entry = state.entry.as_mut().filter(|entry| reads && entry.told == Told::NotYet)?;
    let opened = &entry.opened.row;
    let row = state.queue.rows().iter().find(|row| row.entry == opened.entry).unwrap_or(opened);
    row.lease.as_ref().filter(|lease| lease.yours)?;
    entry.told = Told::Lately;
    Some(Effect::Ask(Request::Claim { entry: row.entry }))
}

fn minute(state: &mut State) -> Vec<Effect> {
    if let Some(entry) = state.entry.as_mut().filter(|entry| entry.told == Told::Lately) {
        entry.told = Told::NotYet;
    }
    state.now = state.now.map(|now| now + chrono::Duration::minutes(1));
    state.idle_minutes += 1;
    if state.idle_minutes >= IDLE_MINUTES {
        state.blank = Some(Blank::Idle);
    }
    if state.idle_minutes >= IDLE_END_MINUTES && !state.is_demo() {
        return end_idle(state);
    }
    Vec::new()
}

/// Ends the session; a redaction in the making is kept.
fn end_idle(state: &mut State) -> Vec<Effect> {
    let mut effects = redact::kept_draft(state);
    effects.push(Effect::EndIdle);
    effects
}

/// Whether this role reads records.
pub fn may_read(state: &State) -> bool {
    state.welcome.as_ref().is_some_and(|welcome| matches!(welcome.actor.role, Role::Clinician | Role::Lead))
}

/// The page behind which there is none.
pub fn home(state: &State) -> Screen {
    match state.welcome.as_ref().map(|welcome| welcome.actor.role) {
        Some(Role::Auditor) => Screen::Log,
        Some(Role::Admin | Role::System) => Screen::Status,
        Some(Role::Clinician | Role::Lead) | None => Screen::Queue,
    }
}

fn ask_queue(state: &State) -> Vec<Effect> {
    if may_read(state) { vec![act::queue_request(state)] } else { Vec::new() }
}

/// Asks again for what the page shows.
fn refresh(state: &State) -> Vec<Effect> {
    let mut effects = ask_queue(state);
    match state.screen {
        Screen::Skim if may_read(state) => effects.push(skim::request()),
        Screen::Status => effects.push(Effect::Ask(Request::Status)),
        _ => {}
    }
    effects
}

/// Where a move leads from a place of a list, or a row of a text; `None` for what is no move.
fn moved(action: Action, at: usize, last: usize, page: usize) -> Option<usize> {
    let to = match action {
        Action::Down => at.saturating_add(1),
        Action::Up => at.saturating_sub(1),
        Action::PageDown => at.saturating_add(page),
        Action::PageUp => at.saturating_sub(page),
        Action::First => 0,
        Action::Last => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// Keeps selections and scrolled pages within what there is, and notes which matches are on the screen.
fn settle(state: &mut State) {
    let size = state.size;
    let queue = &mut state.queue;
    queue.selected = queue.selected.min(queue.len().saturating_sub(1));
    let page = layout::queue_page(size, queue);
    if queue.selected < queue.top {
        queue.top = queue.selected;
    } else if queue.selected >= queue.top + page {
        queue.top = queue.selected + 1 - page;
    }
    queue.top = queue.top.min(queue.len().saturating_sub(page));

    state.skim.fit(layout::skim_page(size));

    let log = &mut state.log;
    let page = usize::from(layout::log_list(size).height).max(1);
    log.selected = log.selected.min(log.lines.len().saturating_sub(1));
    if log.selected < log.top {
        log.top = log.selected;
    } else if log.selected >= log.top + page {
        log.top = log.selected + 1 - page;
    }

    let list = &mut state.worklist;
    list.selected = list.selected.min(list.items.len().saturating_sub(1));
    let (selected, lines) = (list.selected, list.lines());
    let line = lines.iter().position(|line| *line == WorkLine::Item(selected)).unwrap_or_default();
    // The heading above the first of a sort stays in sight.
    let above = line - usize::from(line > 0 && matches!(lines.get(line - 1), Some(WorkLine::Heading(..))));
    list.top = layout::kept(list.top, usize::from(layout::worklist_list(size).height), lines.len(), above, line);
    if let Some(open) = &mut state.record {
        open.selected = open.selected.min(open.record.entries.len().saturating_sub(1));
        let height = usize::from(layout::record_list(size).height);
        open.top = layout::kept(open.top, height, open.record.entries.len(), open.selected, open.selected);
    }

    let covered = state.overlay.is_some() || state.blank.is_some() || layout::too_small(size);
    if let Some(entry) = &mut state.entry {
        let height = usize::from(layout::entry(size, entry).text.height);
        let rows = entry.compared.as_ref().map_or(entry.laid.rows.len(), |compared| compared.rows.len());
        entry.top = entry.top.min(rows.saturating_sub(height));
        if state.screen == Screen::Entry && !covered && entry.compared.is_none() {
            let page = entry.top..entry.top + height;
            for (index, found) in entry.laid.document.matches.iter().enumerate() {
                let last = found.place.and_then(|place| entry.laid.last_row_of(place));
                if last.is_none_or(|row| page.contains(&row)) {
                    entry.seen.insert(index);
                }
            }
        }
    }
    if let Some(file) = &state.policy.file {
        let rows = super::view::policy_rows(file, state.size).len();
        let height = usize::from(layout::policy_text(size).height);
        state.policy.top = state.policy.top.min(rows.saturating_sub(height));
    }
    if state.screen == Screen::Status {
        let rows = super::view::status_rows(state.status.as_ref(), size).len();
        state.status_top = state.status_top.min(rows.saturating_sub(usize::from(layout::status_text(size).height)));
    }
    let page = state.page();
    if let Some(Overlay::Help { top }) = &mut state.overlay {
        let lines = super::view::help::lines(&state.keymap, page, state.ascii, size.0).len();
        *top = (*top).min(lines.saturating_sub(usize::from(super::view::help::height(size))));
    }
}
