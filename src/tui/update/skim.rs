//! The skim page: reading down it, pulling lines out of it, letting the rest pass.

use super::act::{self, back_to, everywhere};
use super::{decide, key_for, refresh};
use crate::protocol::{Decided, PassedOn, Reply, Request};
use crate::record::EntryId;
use crate::tui::action::Action;
use crate::tui::layout;
use crate::tui::skim::{LIMIT, Several, Underway};
use crate::tui::state::{Deed, Done, Effect, Link, Opening, Overlay, Screen, State, Tone};
use crate::tui::view::{Rows, skim_rows};
use crate::tui::words;

/// The lines again, for use after something changed them.
pub(super) fn request() -> Effect {
    Effect::Ask(Request::Skim { limit: LIMIT })
}

/// Opens the page.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    state.screen = Screen::Skim;
    vec![request()]
}

pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Down | Action::Up => state.skim.step(action == Action::Down),
        Action::PageDown | Action::PageUp => {
            let forward = action == Action::PageDown;
            if !state.skim.turn(forward) {
                let sentence = if forward { "this is the last page" } else { "this is the first page" };
                state.say(Tone::Plain, sentence);
            }
        }
        Action::First | Action::Last => state.skim.end(action == Action::Last),
        Action::Open => {
            return match state.skim.current().map(|line| line.row.entry) {
                Some(entry) => act::open(state, Opening::read(entry)),
                None => nothing(state),
            };
        }
        Action::Hide => return if state.skim.current().is_some() { decide::ask_reason(state) } else { nothing(state) },
        Action::Pick => return pick(state),
        Action::Pass => return pass(state),
        Action::Back => return back_to(state, Screen::Queue),
        _ => return everywhere(state, action),
    }
    Vec::new()
}

fn nothing(state: &mut State) -> Vec<Effect> {
    state.say(Tone::Plain, if state.skim.come { "nothing is left to skim" } else { "the lines have not come yet" });
    Vec::new()
}

/// Whether an act can be sent now; says why not.
fn may_send(state: &mut State) -> bool {
    if state.is_sending() || state.opening.is_some() {
        state.say(Tone::Plain, "one moment: the last act is on its way");
        return false;
    }
    if let Link::Lost(_) = state.link {
        state.say(Tone::Warning, "the daemon is away, so nothing can be done; it is tried again by itself");
        return false;
    }
    true
}

/// Pulls the selected line, or the entry that is open, into the queue.
pub(super) fn pick(state: &mut State) -> Vec<Effect> {
    let Some(target) = state.target() else { return nothing(state) };
    if !may_send(state) {
        return Vec::new();
    }
    let entry = target.entry;
    state.skim.underway = Some(Underway::Picking(target));
    vec![Effect::Ask(Request::Pick { entry })]
}

fn pass(state: &mut State) -> Vec<Effect> {
    if state.skim.page().is_empty() {
        return nothing(state);
    }
    if !may_send(state) {
        return Vec::new();
    }
    let left = state.skim.seconds_left();
    if left > 0 {
        let lines = words::count(state.skim.page().len() as u64, "line", "lines");
        state.say(Tone::Warning, format!("too early: this page of {lines} counts as read in {left} s"));
        return Vec::new();
    }
    // Nobody has read what the screen had no room for.
    let rows = skim_rows(state.skim.page(), layout::skim_list(state.size));
    let lines = state.skim.passed(|place| rows.get(place).is_some_and(|rows| *rows != Rows::Cut));
    if lines.is_empty() {
        let (open, pick) = (key_for(state, Action::Open), key_for(state, Action::Pick));
        let sentence = format!(
            "these lines do not fit: {open} opens one to be read whole, {pick} pulls it into the queue, and a bigger \
             terminal shows them"
        );
        state.say(Tone::Warning, sentence);
        return Vec::new();
    }
    state.skim.begin_anew(|place| rows.get(place) == Some(&Rows::Cut));
    state.skim.underway = Some(Underway::Passing);
    vec![Effect::Ask(Request::Pass { lines })]
}

/// Takes an act on several entries back.
pub(super) fn take_back(state: &mut State, entries: Vec<EntryId>, of: Several) -> Vec<Effect> {
    if !may_send(state) {
        return Vec::new();
    }
    let asked = entries.iter().map(|entry| Effect::Ask(Request::Undo { entry: *entry })).collect();
    state.skim.underway =
        Some(Underway::TakingBack { of, awaited: entries, back: Vec::new(), failed: Vec::new(), refused: Vec::new() });
    asked
}

/// The entry beside the one that is open, on its page, without deciding.
pub(super) fn neighbour(state: &mut State, next: bool) -> Vec<Effect> {
    let before = state.skim.selected();
    state.skim.step(next);
    match state.skim.current().map(|line| line.row.entry) {
        Some(entry) if state.skim.selected() != before => act::open(state, Opening::read(entry)),
        _ => {
            let which = if next { "last" } else { "first" };
            state.say(Tone::Plain, format!("this is the {which} line of the page"));
            Vec::new()
        }
    }
}

/// Why an entry of the skim page is neither approved nor redacted.
pub(super) fn not_yet_in_the_queue(state: &mut State) -> Vec<Effect> {
    let pick = key_for(state, Action::Pick);
    state.say(Tone::Plain, format!("a line to skim: {pick} pulls it into the queue, to be decided on there"));
    Vec::new()
}

/// What the daemon answers to the requests of this page.
pub(super) fn answered(state: &mut State, request: Request, reply: Reply) -> Vec<Effect> {
    match (request, reply) {
        (Request::Skim { .. }, reply) => {
            state.skim.asked = false;
            match reply {
                Reply::Skim(skim) => state.skim.come(skim),
                Reply::Refused { why } | Reply::Failed { why } => state.say(Tone::Warning, why),
                _ => {}
            }
            if std::mem::take(&mut state.skim.stale) { vec![self::request()] } else { Vec::new() }
        }
        (Request::Pass { .. }, Reply::Passed(passed)) => page_passed(state, passed),
        (Request::Pick { .. }, Reply::Decided(decided)) => picked(state, &decided),
        (_, Reply::Refused { why } | Reply::Failed { why }) => {
            state.skim.underway = None;
            state.say(Tone::Warning, why);
            refresh(state)
        }
        _ => Vec::new(),
    }
}

fn page_passed(state: &mut State, answer: PassedOn) -> Vec<Effect> {
    state.skim.underway = None;
    state.message = None;
    let count = answer.passed.len() as u64;
    if count > 0 {
        let label = words::count(count, "line", "lines");
        let left = state.skim.page().len().saturating_sub(answer.passed.len() + answer.refused.len());
        state.skim.gone(&answer.passed);
        // They have the rows of those that have gone.
        let next = match left {
            0 => "on to the hold, like what nothing was found in".to_owned(),
            1 => "what had not fitted stands whole now".to_owned(),
            left => format!("the {left} that had not fitted stand whole now"),
        };
        state.done.push(Done { text: format!("passed  {label} · {next}"), deed: Deed::Passed(answer.passed), label });
    }
    tell_refusals(state, format!("{count} passed, {} not", answer.refused.len()), answer.refused);
    refresh(state)
}

/// Says why some lines of a page are not where the person wanted them, each reason once and whole.
fn tell_refusals(state: &mut State, title: String, mut refused: Vec<String>) {
    refused.sort();
    refused.dedup();
    if !refused.is_empty() {
        let lines = refused.iter().map(|why| format!("{}.", words::capital(why))).collect();
        state.overlay = Some(Overlay::Told { title, lines });
    }
}

/// The answer to a line pulled into the queue whose first answer was lost; `None` when it is not about one.
pub(super) fn picked_late(state: &mut State, decided: &Decided) -> Option<Vec<Effect>> {
    let target = state.skim.unanswered.take_if(|target| target.entry == decided.entry)?;
    state.skim.underway = Some(Underway::Picking(target));
    Some(picked(state, decided))
}

fn picked(state: &mut State, decided: &Decided) -> Vec<Effect> {
    state.message = None;
    if let Some(Underway::Picking(target)) = state.skim.underway.take() {
        state.forget(decided.entry);
        state.done.push(Done {
            text: format!("pulled into the queue  {}", target.label),
            deed: Deed::Stays(decided.entry, "stays in the queue: what somebody wants read is decided on there"),
            label: target.label,
        });
    }
    left_the_page(state, decided.entry);
    refresh(state)
}

/// An entry is no line to skim any more; where it was open, its page is shown again.
pub(super) fn left_the_page(state: &mut State, entry: EntryId) {
    if state.screen != Screen::Skim && state.came_from() == Screen::Skim {
        state.screen = Screen::Skim;
        state.entry = None;
    }
    state.skim.gone(&[entry]);
}

/// Whether taking back this entry is part of taking back a page.
pub(super) fn takes_back(state: &State, entry: EntryId) -> bool {
    matches!(&state.skim.underway, Some(Underway::TakingBack { awaited, .. }) if awaited.contains(&entry))
}

/// The answer to one of the undos of a passed page.
pub(super) fn taken_back(state: &mut State, entry: EntryId, reply: Reply) -> Vec<Effect> {
    let Some(Underway::TakingBack { of, awaited, back, failed, refused }) = &mut state.skim.underway else {
        return Vec::new();
    };
    awaited.retain(|awaited| *awaited != entry);
    match reply {
        Reply::Decided(_) => back.push(entry),
        Reply::Refused { why } => refused.push(why),
        Reply::Failed { why } => {
            failed.push(entry);
            refused.push(why);
        }
        _ => {}
    }
    if !awaited.is_empty() {
        return Vec::new();
    }
    let (of, back) = (*of, std::mem::take(back));
    let (failed, refused) = (std::mem::take(failed), std::mem::take(refused));
    state.skim.underway = None;
    // What the daemon failed at can be tried again; what it refused cannot.
    if let Some(Deed::Passed(entries) | Deed::Hidden(entries)) = state.done.last_mut().map(|done| &mut done.deed) {
        entries.retain(|entry| failed.contains(entry));
        if entries.is_empty() {
            state.done.pop();
        }
    }
    let lines = of.count(back.len());
    if !back.is_empty() {
        state.say(Tone::Good, format!("taken back: {lines} {}", of.wait_again(back.len())));
    }
    tell_refusals(state, format!("{lines} taken back, {} not", refused.len()), refused);
    match of {
        Several::Lines => state.skim.reopen = back.first().copied(),
        Several::Entries => state.reselect = back.first().copied(),
    }
    refresh(state)
}

/// The name of what is on its way, for the sentence when the daemon is lost.
pub(super) fn underway(state: &mut State) -> Option<String> {
    Some(match state.skim.underway.take()? {
        Underway::Passing => "passing the page".to_owned(),
        Underway::Picking(target) => state.skim.unanswered.insert(target).label.clone(),
        Underway::TakingBack { .. } => "taking back".to_owned(),
    })
}
