//! What the daemon's answers change.

use super::{act, beside, bulk, flags, handle, queue, redact, refresh, skim, twins, versions};
use crate::protocol::{Decided, Published, Pulled, Queue, Reply, Request, Wanted};
use crate::record::{Act, EntryId, Handling};
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::pages::Told;
use crate::tui::state::{Deed, Done, Effect, Opening, Overlay, Screen, Sending, State, Tone};
use crate::tui::words;

pub(super) fn answered(state: &mut State, request: Request, reply: Reply) -> Vec<Effect> {
    match (request, reply) {
        (Request::Undo { entry }, reply) if skim::takes_back(state, entry) => skim::taken_back(state, entry, reply),
        (request @ (Request::Skim { .. } | Request::Pass { .. } | Request::Pick { .. }), reply) => {
            skim::answered(state, request, reply)
        }
        (Request::Decide { entry, .. }, reply) if bulk::awaits(state, entry) => bulk::answered(state, entry, reply),
        (Request::Worklist | Request::Record { .. }, reply) => beside::answered(state, reply),
        (_, Reply::Earlier(earlier)) => {
            versions::came(state, *earlier);
            Vec::new()
        }
        (_, Reply::PatientDone(done)) => flags::done(state, &done),
        (Request::Patient { .. }, Reply::Refused { why } | Reply::Failed { why }) => {
            state.handling = None;
            state.say(Tone::Warning, why);
            Vec::new()
        }
        // What was taken up again is opened anew.
        (Request::Handle { handling: Handling::Resume, .. }, Reply::Decided(_)) => refresh(state),
        (Request::Handle { .. } | Request::ReadBack { .. }, reply) => {
            let refused = match reply {
                Reply::Decided(decided) => return handle::done(state, &decided),
                Reply::Refused { why } | Reply::Failed { why } => why,
                _ => return Vec::new(),
            };
            state.handling = None;
            state.say(Tone::Warning, refused);
            refresh(state)
        }
        (Request::Decide { .. } | Request::Resolve { .. } | Request::Undo { .. }, Reply::Decided(decided)) => {
            settled(state, decided)
        }
        (
            Request::Decide { entry, .. } | Request::Resolve { entry, .. },
            Reply::Refused { why } | Reply::Failed { why },
        ) => refused(state, entry, why),
        (Request::Undo { entry }, reply @ (Reply::Refused { .. } | Reply::Failed { .. })) => {
            state.sending = None;
            if let Reply::Refused { why } = reply {
                // It cannot be taken back any more; the one before it may.
                state.forget(entry);
                state.say(Tone::Warning, why);
            } else if let Reply::Failed { why } = reply {
                state.say(Tone::Warning, why);
            }
            vec![act::queue_request(state)]
        }
        (Request::Open { entry }, reply) => {
            let wanted = state.opening.as_ref().is_some_and(|opening| opening.entry == entry);
            match (reply, state.opening.take_if(|_| wanted)) {
                (Reply::Entry(opened), Some(opening)) => {
                    state.show_entry(*opened, opening.from);
                    if let Some(place) = state.queue.place_of(entry) {
                        state.queue.selected = place;
                    }
                    state.skim.select(entry);
                    let effects = if opening.then == Action::Redact { redact::begin(state) } else { Vec::new() };
                    if let Some(note) = opening.note {
                        state.say(Tone::Warning, note);
                    }
                    if !opening.twins.is_empty() {
                        state.overlay = Some(Overlay::Twins { selected: 0, named: opening.twins });
                    }
                    effects
                }
                (Reply::Refused { why } | Reply::Failed { why }, Some(_)) => {
                    state.screen = state.came_from();
                    state.entry = None;
                    state.redact = None;
                    state.say(Tone::Warning, why);
                    refresh(state)
                }
                _ => Vec::new(),
            }
        }
        (Request::Rows(wanted), reply) => {
            state.queue.asked = false;
            match reply {
                // Rows of another list than the one that is wanted by now would be read as that one.
                Reply::Queue(_) if wanted.only != state.queue.only => state.queue.stale = true,
                Reply::Queue(queue) => queued(state, wanted, queue),
                Reply::Refused { why } | Reply::Failed { why } => state.say(Tone::Warning, why),
                _ => {}
            }
            if std::mem::take(&mut state.queue.stale) { vec![act::queue_request(state)] } else { Vec::new() }
        }
        (Request::Audit { before, limit, .. }, Reply::Audit(lines)) => {
            let log = &mut state.log;
            if before.is_none() {
                log.lines.clear();
                log.selected = 0;
                log.top = 0;
            }
            log.complete = lines.len() < limit;
            let oldest = log.lines.last().map(|line| line.seq);
            log.lines.extend(lines.into_iter().filter(|line| oldest.is_none_or(|oldest| line.seq < oldest)));
            Vec::new()
        }
        (_, Reply::Verified(verified)) => {
            match verified.damage.first() {
                None => {
                    let frames = words::count(verified.frames, "record", "records");
                    state.say(Tone::Good, format!("the log is intact: {frames}, each follows from the one before"));
                }
                Some(damage) => state.say(Tone::Warning, format!("the log is damaged: {damage}")),
            }
            state.log.verified = Some((verified, state.now));
            Vec::new()
        }
        (Request::Policy, reply) => {
            match reply {
                Reply::Policy(file) => state.policy.file = Some(file),
                Reply::Refused { why } | Reply::Failed { why } => state.say(Tone::Warning, why),
                _ => {}
            }
            Vec::new()
        }
        (Request::Claim { .. }, Reply::Claimed(_)) => Vec::new(),
        (Request::Claim { entry }, _) => {
            if let Some(open) = state.entry.as_mut().filter(|open| open.opened.row.entry == entry) {
                open.told = Told::InVain;
            }
            refresh(state)
        }
        (_, Reply::Claimed(claimed)) => {
            if let Some(open) = &mut state.entry {
                open.told = Told::Lately;
            }
            let minutes = words::count(claimed.seconds_left.div_ceil(60), "minute", "minutes");
            state.say(Tone::Good, format!("yours for {minutes}, and longer while you work on it"));
            refresh(state)
        }
        (_, Reply::Proposed(entries)) => {
            let others = words::count(entries.len() as u64, "other entry", "other entries");
            state.say(Tone::Good, format!("drafted in {others}: what repeats the words is suggested there"));
            Vec::new()
        }
        (_, Reply::Status(status)) => {
            state.status = Some(status);
            Vec::new()
        }
        (_, Reply::Pulled(pulled)) => {
            told_pulled(state, pulled);
            vec![act::queue_request(state)]
        }
        (_, Reply::Published(published)) => {
            told_published(state, published);
            vec![act::queue_request(state)]
        }
        (Request::KeepDraft { draft: Some(_), .. }, Reply::DraftKept) => Vec::new(),
        (_, Reply::Refused { why } | Reply::Failed { why }) => {
            state.say(Tone::Warning, why);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The answer to an act whose first answer was lost with the connection.
pub(super) fn answered_late(state: &mut State, reply: Reply) -> Vec<Effect> {
    let sent = state.unanswered.take();
    let decided = match reply {
        Reply::Decided(decided) => decided,
        Reply::Refused { why } | Reply::Failed { why } => {
            state.say(Tone::Warning, format!("what you asked for last is not done: {why}"));
            return refresh(state);
        }
        _ => return refresh(state),
    };
    let effects = match skim::picked_late(state, &decided) {
        Some(effects) => effects,
        None => decided_late(state, sent.filter(|sent| sent.target.entry == decided.entry), decided),
    };
    state.say(Tone::Good, "the daemon is back; what you asked for last is done");
    effects
}

fn decided_late(state: &mut State, sent: Option<Sending>, decided: Decided) -> Vec<Effect> {
    let reads = matches!(state.screen, Screen::Entry | Screen::Redact);
    let reads_another = reads && state.entry.as_ref().is_none_or(|open| open.opened.row.entry != decided.entry);
    match sent {
        // Whoever reads something else by now is left there.
        Some(Sending { target, act: Some(act) }) if reads_another => {
            state.forget(decided.entry);
            state.done.push(done(state, target.label, &act, &decided));
            refresh(state)
        }
        Some(sent) if !reads_another && !state.is_sending() => {
            state.sending = Some(sent);
            settled(state, decided)
        }
        _ => refresh(state),
    }
}

/// A decision that did not count. What was read may be stale, so it is fetched again; a redaction in the making
/// is kept over that.
fn refused(state: &mut State, entry: EntryId, why: String) -> Vec<Effect> {
    state.sending = None;
    let mut effects = Vec::new();
    let then = if state.redact.is_some() { Action::Redact } else { Action::Open };
    if state.entry.as_ref().is_some_and(|open| open.opened.row.entry == entry) {
        let named = state.entry.as_ref().map(|open| twins::named_in(&open.opened, &why)).unwrap_or_default();
        effects.extend(redact::kept_draft(state));
        let note = Some(why.clone());
        effects.extend(act::open(state, Opening { then, note, twins: named, ..Opening::read(entry) }));
    }
    state.say(Tone::Warning, why);
    effects.push(act::queue_request(state));
    effects
}

fn queued(state: &mut State, wanted: Wanted, queue: Queue) {
    state.now = Some(queue.now);
    let keep = state.reselect.take().or_else(|| state.queue.current().map(|row| row.entry));
    state.queue.queue = Some(queue);
    state.queue.came = Some(wanted);
    // A row that has gone leaves its place to the next one.
    if let Some(place) = keep.and_then(|entry| state.queue.place_of(entry)) {
        state.queue.selected = place;
    }
}

/// A decision took effect, or was taken back.
fn settled(state: &mut State, decided: Decided) -> Vec<Effect> {
    let Some(sending) = state.sending.take().filter(|sending| sending.target.entry == decided.entry) else {
        return vec![act::queue_request(state)];
    };
    // The line of the last act is what the person looks for now.
    state.message = None;
    let Sending { target, act } = sending;
    let Some(act) = act else {
        state.forget(decided.entry);
        state.reselect = Some(decided.entry);
        state.skim.reopen = (decided.state == ReviewState::Skim).then_some(decided.entry);
        state.say(Tone::Good, format!("taken back: {} waits again", target.label));
        return refresh(state);
    };
    state.forget(decided.entry);
    state.done.push(done(state, target.label, &act, &decided));
    if let Some(unfinished) = &decided.unfinished {
        state.say(Tone::Warning, format!("decided; {unfinished}"));
    }
    let mut effects = Vec::new();
    if state.redact.take().is_some() || state.entry.as_ref().is_some_and(|entry| entry.opened.draft.is_some()) {
        effects.push(Effect::Ask(Request::KeepDraft { entry: decided.entry, draft: None }));
    }
    if state.came_from() == Screen::Skim {
        skim::left_the_page(state, decided.entry);
    } else if matches!(state.came_from(), Screen::Worklist | Screen::Record)
        && matches!(state.screen, Screen::Entry | Screen::Redact)
    {
        effects.extend(beside::left_the_entry(state));
    } else if matches!(state.screen, Screen::Entry | Screen::Redact) {
        // The next one opens by itself.
        match queue::after(&state.queue, decided.entry) {
            Some(entry) => {
                state.reselect = Some(entry);
                state.came_by_itself = true;
                effects.extend(act::open(state, Opening::read(entry)));
            }
            None => {
                state.screen = Screen::Queue;
                state.entry = None;
            }
        }
    } else if state.queue.current().is_some_and(|row| row.entry == decided.entry) {
        state.reselect = state.queue.row(state.queue.selected + 1).map(|row| row.entry);
        state.came_by_itself = true;
    }
    effects.extend(refresh(state));
    effects
}

/// A decision as it stays in sight, to be taken back.
fn done(state: &State, label: String, act: &Act, decided: &Decided) -> Done {
    let (what, follows) = (words::done(act), what_follows(state, decided));
    let text = format!("{what}  {label} · {follows}{}", elsewhere(decided));
    Done { deed: Deed::Decided(decided.entry), label, text }
}

/// What else shows the same words: that waits in the queue now.
fn elsewhere(decided: &Decided) -> String {
    match decided.twins.len() as u64 {
        0 => String::new(),
        n => format!(" · the same words in {}", words::count(n, "other entry", "other entries")),
    }
}

/// What the person should know about a decision: until when it can be taken back, or until when it lasts.
fn what_follows(state: &State, decided: &Decided) -> String {
    if decided.decoy {
        return "this entry was invented, to measure what readers notice: it is gone, nothing is to be done".to_owned();
    }
    match (decided.state, decided.visible_at, decided.review_by) {
        (ReviewState::AwaitingSecond, ..) => "a second person must agree".to_owned(),
        (_, _, Some(day)) => format!("until review {}", words::day(day)),
        (_, Some(at), _) => {
            let now = state.now.unwrap_or(at);
            format!("visible {}", words::weekday_and_time(at, now))
        }
        _ => decided.state.name().to_owned(),
    }
}

fn told_pulled(state: &mut State, pulled: Pulled) {
    let entries = format!("{} new, {} changed, {} deleted", pulled.new, pulled.changed, pulled.deleted);
    let to_review = words::count(pulled.queued, "entry", "entries");
    let to_skim = match pulled.to_skim {
        0 => String::new(),
        n => format!(", {} to skim", words::number(n)),
    };
    let text = format!("pulled {}: {to_review} to review{to_skim} ({entries})", pulled.source);
    if pulled.notices.is_empty() && pulled.set_aside == 0 {
        state.say(Tone::Good, text);
        return;
    }
    let mut lines = vec![format!("{to_review} to review{to_skim}; {entries}; {} on hold.", pulled.on_hold)];
    lines.extend(pulled.notices);
    if pulled.set_aside > 0 {
        let rows = words::count(pulled.set_aside, "row", "rows");
        lines.push(format!("{rows} could not be used. The rest came through; nothing of these is shown:"));
        lines.extend(pulled.set_aside_examples);
    }
    state.say(Tone::Good, text);
    state.overlay = Some(Overlay::Told { title: format!("Pulled {}", pulled.source), lines });
}

fn told_published(state: &mut State, published: Published) {
    let mut text = match published.released {
        0 => "nothing was due".to_owned(),
        n => format!("{} became visible", words::count(n, "entry", "entries")),
    };
    if published.kept_back > 0 {
        text.push_str(&format!("; {} due and kept back", published.kept_back));
    }
    text.push_str(&format!("; {} in the feed", words::number(published.in_feed)));
    if let (Some(next), Some(now)) = (published.next, state.now) {
        text.push_str(&format!("; next {}", words::weekday_and_time(next, now)));
    }
    state.say(Tone::Good, text);
}
