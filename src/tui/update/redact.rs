//! Taking words out, with what will be shown always in sight.

use std::collections::BTreeSet;

use super::{act, decide, key_for};
use crate::protocol::{Draft, Request};
use crate::record::{AccessLevel, Act, Style};
use crate::review::{RedactionError, render};
use crate::tui::action::Action;
use crate::tui::document::{Document, Field, Laid, Stretch};
use crate::tui::layout;
use crate::tui::redaction::{Removals, Selection, Size, stretches_of};
use crate::tui::state::{Effect, EntryState, Overlay, Preview, RedactState, Screen, State, Target, Tone};
use crate::tui::warnings::{sex_of, warnings};

/// Opens the redaction page over the open entry, with the draft that was kept.
pub(super) fn begin(state: &mut State) -> Vec<Effect> {
    let Some(entry) = &state.entry else { return Vec::new() };
    if let Some(why) = &entry.opened.may_not_release {
        let why = why.clone();
        state.say(Tone::Warning, why);
        return Vec::new();
    }
    let document = &entry.laid.document;
    let current = entry.current.and_then(|index| Selection::on_match(document, index));
    let Some(selection) = current.or_else(|| Selection::first(document)) else {
        state.say(Tone::Plain, "there is nothing in this entry to take out; it can be hidden as a whole");
        return Vec::new();
    };
    let draft = entry.opened.draft.as_ref().filter(|draft| !draft.removals.is_empty());
    let here = draft.filter(|draft| draft.version == Some(entry.opened.version.version));
    // The lead begins with what a reader took out.
    let readers = entry.opened.decisions.iter().rev().find_map(|decision| match &decision.act {
        Act::Redact { removals, style } if draft.is_none() && entry.opened.row.state.waits_for_lead() => {
            Some((removals, *style))
        }
        _ => None,
    });
    let begun = here.map(|draft| (&draft.removals, draft.style)).or(readers);
    let removals =
        begun.map(|(removals, _)| Removals::from_record(document, &entry.opened.version, removals)).unwrap_or_default();
    let style = begun.map_or_else(Style::default, |(_, style)| style);
    let note = match (here, draft, entry.opened.earlier_removals.len()) {
        (None, None, _) if readers.is_some() => Some("what a reader took out is the beginning"),
        (Some(_), ..) => Some("your redaction from before is here again"),
        (None, Some(_), _) => Some("your half-made redaction was of an earlier version: begin anew"),
        (None, None, 1..) => Some("what was taken out of the version before is among the suggestions"),
        _ => None,
    };
    let laid = Laid::new(document.clone(), layout::redact_width(state.size), state.ascii);
    let mut redacting = RedactState {
        selection,
        removals,
        style,
        kept: BTreeSet::new(),
        visited: BTreeSet::new(),
        laid,
        top: 0,
        preview: Preview::Nothing(RedactionError::NothingLeft),
        preview_top: 0,
        reader: 0,
        refused: None,
        warnings: Vec::new(),
        changed: false,
        unsaved: false,
    };
    reflect(&mut redacting, entry, state.size, state.ascii);
    state.redact = Some(redacting);
    state.screen = Screen::Redact;
    if let Some(note) = note {
        state.say(Tone::Plain, note);
    }
    follow(state);
    Vec::new()
}

pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let (size, ascii) = (state.size, state.ascii);
    let (Some(redacting), Some(entry)) = (&mut state.redact, &state.entry) else {
        state.screen = Screen::Queue;
        return Vec::new();
    };
    let document = redacting.laid.document.clone();
    let page = usize::from(layout::redact(size, redacting).preview.height).max(1);
    match action {
        Action::Right => redacting.selection.step(&document, true),
        Action::Left => redacting.selection.step(&document, false),
        Action::Down => vertical(redacting, true),
        Action::Up => vertical(redacting, false),
        Action::First => redacting.selection.go_to(&document, 0, Some(0)),
        Action::Last => {
            let line = document.lines.len().saturating_sub(1);
            redacting.selection.go_to(&document, line, Some(usize::MAX - 1));
        }
        Action::Grow | Action::Shrink => {
            if !redacting.selection.climb(&document, action == Action::Grow) {
                let end = if action == Action::Grow { "everything is selected" } else { "this is the smallest piece" };
                state.say(Tone::Plain, end);
            }
        }
        Action::SizeWord | Action::SizeMatch | Action::SizeSentence | Action::SizeLine => {
            let wanted = match action {
                Action::SizeWord => Size::Word,
                Action::SizeMatch => Size::Match,
                Action::SizeSentence => Size::Sentence,
                _ => Size::Line,
            };
            if !redacting.selection.resize(&document, wanted) {
                state.say(Tone::Plain, "there is no match here; the next one is on tab");
            }
        }
        Action::Reader => {
            let readers = entry.opened.patient.views.len();
            redacting.reader = (redacting.reader + 1) % readers.max(1);
            redacting.preview_top = 0;
            reflect(redacting, entry, size, ascii);
            if readers < 2 {
                state.say(Tone::Plain, "nobody else reads this record");
            }
        }
        Action::LineStart | Action::LineEnd => {
            let line = redacting.selection.head.line;
            redacting.selection.resize(&document, Size::Word);
            let byte = if action == Action::LineStart { 0 } else { usize::MAX - 1 };
            redacting.selection.go_to(&document, line, Some(byte));
        }
        Action::NextWord | Action::PreviousWord => by(redacting, Size::Word, action == Action::NextWord),
        Action::NextSentence | Action::PreviousSentence => {
            by(redacting, Size::Sentence, action == Action::NextSentence)
        }
        Action::NextParagraph | Action::PreviousParagraph => {
            by(redacting, Size::Paragraph, action == Action::NextParagraph);
        }
        Action::RemoveWord
        | Action::RemoveMatch
        | Action::RemoveSentence
        | Action::RemoveLine
        | Action::RemoveParagraph => {
            let wanted = match action {
                Action::RemoveWord => Size::Word,
                Action::RemoveMatch => Size::Match,
                Action::RemoveSentence => Size::Sentence,
                Action::RemoveLine => Size::Line,
                _ => Size::Paragraph,
            };
            if redacting.selection.size != wanted && !redacting.selection.resize(&document, wanted) {
                state.say(Tone::Plain, "there is no match here; the next one is on tab");
                return Vec::new();
            }
            return act(state, Action::Remove);
        }
        Action::Anchor => redacting.selection.toggle_anchor(),
        Action::NextMatch | Action::PreviousMatch => next_match(redacting, action == Action::NextMatch),
        Action::Remove | Action::Keep => {
            let stretches = redacting.selection.stretches(&document);
            for stretch in &stretches {
                match action {
                    Action::Remove => redacting.removals.remove(&document, *stretch),
                    _ => redacting.removals.keep(&document, *stretch),
                }
            }
            let on_match = redacting.selection.matched.filter(|_| redacting.selection.size == Size::Match);
            if let Some(index) = on_match {
                if action == Action::Keep {
                    redacting.kept.insert(index);
                } else {
                    redacting.kept.remove(&index);
                }
                redacting.visited.insert(index);
                next_unsettled(redacting);
            }
            redacting.selection.anchor = None;
            changed(redacting, entry, size, ascii);
        }
        Action::TakeAll => {
            let taken = take_all(redacting, entry);
            changed(redacting, entry, size, ascii);
            if taken == 0 {
                state.say(Tone::Plain, "there is nothing suggested; select what to take out");
            }
        }
        Action::Style => {
            redacting.style = match redacting.style {
                Style::Silent => Style::Marked,
                Style::Marked => Style::Silent,
            };
            let sentence = match redacting.style {
                Style::Silent => "silent: the text closes up, and nothing shows that words are missing",
                Style::Marked => "marked: “[removed]” shows that words are missing; only where that is harmless",
            };
            changed(redacting, entry, size, ascii);
            state.say(Tone::Plain, sentence);
        }
        Action::PageDown => redacting.preview_top += page,
        Action::PageUp => redacting.preview_top = redacting.preview_top.saturating_sub(page),
        Action::Hide => return decide::ask_reason(state),
        Action::Decide => return decide(state),
        Action::Back => return leave(state),
        _ => return act::everywhere(state, action),
    }
    follow(state);
    Vec::new()
}

/// Moves by pieces of one size, which is the size from then on.
fn by(redacting: &mut RedactState, size: Size, forward: bool) {
    let document = redacting.laid.document.clone();
    if redacting.selection.size != size {
        redacting.selection.resize(&document, size);
        // Backwards, the beginning of the piece one is in comes first, as in vim.
    }
    redacting.selection.step(&document, forward);
}

/// Selects a match while redacting.
pub(super) fn go_to_match(state: &mut State, index: usize) {
    if let Some(redacting) = &mut state.redact {
        match Selection::on_match(&redacting.laid.document, index) {
            Some(selection) => {
                redacting.selection = selection;
                redacting.visited.insert(index);
            }
            None => state.say(Tone::Plain, "that one is about the whole entry: it has no words to take out"),
        }
    }
    follow(state);
}

/// Wraps the page anew for another size of the terminal.
pub(super) fn relay(redacting: &mut RedactState, entry: &EntryState, size: (u16, u16), ascii: bool) {
    let document = std::mem::take(&mut redacting.laid.document);
    redacting.laid = Laid::new(document, layout::redact_width(size), ascii);
    reflect(redacting, entry, size, ascii);
}

/// The act that would be sent.
pub fn planned(redacting: &RedactState, entry: &EntryState) -> Act {
    Act::Redact { removals: redacting.removals.to_record(&entry.opened.version), style: redacting.style }
}

fn changed(redacting: &mut RedactState, entry: &EntryState, size: (u16, u16), ascii: bool) {
    redacting.changed = true;
    redacting.unsaved = true;
    reflect(redacting, entry, size, ascii);
}

/// Makes the preview and the warnings from the act that would be sent. What one reader sees is less than what is
/// released, never other than it.
fn reflect(redacting: &mut RedactState, entry: &EntryState, size: (u16, u16), ascii: bool) {
    let width = layout::redact_width(size) - usize::from(size.0 >= layout::WIDE);
    let released = render(&entry.opened.version, &planned(redacting, entry));
    redacting.refused = released.as_ref().err().cloned();
    let shown = released.as_ref().ok().map(Document::of_rendition);
    redacting.warnings = warnings(
        &redacting.laid.document,
        &redacting.removals,
        &redacting.kept,
        shown.as_ref(),
        sex_of(&entry.opened.patient.sex_age),
    );
    let reader = entry.opened.patient.views.get(redacting.reader);
    let seen = released.map(|released| released.at(reader.map_or(AccessLevel::Full, |(_, level)| *level)));
    redacting.preview = match seen {
        Ok(Some(seen)) => Preview::Shows(Box::new(Laid::new(Document::of_rendition(&seen), width, ascii))),
        Ok(None) => Preview::Unseen,
        Err(why) => Preview::Nothing(why),
    };
}

/// How many matches are settled: taken out, or left in on purpose. What is about the whole entry has no
/// words to settle.
pub fn settled(redacting: &RedactState) -> (usize, usize) {
    let matches = &redacting.laid.document.matches;
    let open = matches.iter().enumerate().filter(|(_, found)| found.place.is_some());
    let all = open.clone().count();
    let done = open.filter(|(index, found)| is_settled(redacting, *index, found.place)).count();
    (done, all)
}

fn is_settled(redacting: &RedactState, index: usize, place: Option<Stretch>) -> bool {
    redacting.kept.contains(&index)
        || place.is_none_or(|place| redacting.removals.contains(&redacting.laid.document, place))
}

fn unsettled(redacting: &RedactState) -> Vec<usize> {
    let matches = redacting.laid.document.matches.iter().enumerate();
    matches.filter(|(index, found)| !is_settled(redacting, *index, found.place)).map(|(index, _)| index).collect()
}

fn next_match(redacting: &mut RedactState, forward: bool) {
    let document = &redacting.laid.document;
    let count = document.matches.len();
    let here = redacting.selection.matched;
    for distance in 1..=count {
        let index = match (here, forward) {
            (Some(here), true) => (here + distance) % count,
            (Some(here), false) => (here + count - distance % count) % count,
            (None, true) => distance - 1,
            (None, false) => count - distance,
        };
        if let Some(selection) = Selection::on_match(document, index) {
            redacting.selection = selection;
            redacting.visited.insert(index);
            return;
        }
    }
}

/// After a match is settled the next open one is selected.
fn next_unsettled(redacting: &mut RedactState) {
    let open = unsettled(redacting);
    let here = redacting.selection.matched.unwrap_or_default();
    let next = open.iter().find(|index| **index > here).or(open.first());
    if let Some(index) = next
        && let Some(selection) = Selection::on_match(&redacting.laid.document, *index)
    {
        redacting.selection = selection;
        redacting.visited.insert(*index);
    }
}

/// Takes every suggestion that screening made, and what was taken out of the version before.
fn take_all(redacting: &mut RedactState, entry: &EntryState) -> usize {
    let document = redacting.laid.document.clone();
    let mut taken: Vec<Stretch> = document.matches.iter().flat_map(|found| found.suggested.clone()).collect();
    taken.extend(stretches_of(&entry.opened.version, &entry.opened.earlier_removals));
    for stretch in &taken {
        redacting.removals.remove(&document, *stretch);
    }
    let removals = redacting.removals.clone();
    redacting.kept.retain(|index| {
        document
            .matches
            .get(*index)
            .and_then(|found| found.place)
            .is_some_and(|place| !removals.contains(&document, place))
    });
    taken.len()
}

/// Moves to the piece above or below, as it stands on the screen.
fn vertical(redacting: &mut RedactState, down: bool) {
    let laid = &redacting.laid;
    let head = redacting.selection.head;
    let (field, byte) = head.span.map_or((Field::Code, 0), |span| (Field::Text, span.start));
    let Some(row) = laid.row_of(head.line, field, byte) else { return };
    let column = laid.column_of(row, field, byte);
    let mut next = row;
    loop {
        next = match down {
            true if next + 1 < laid.rows.len() => next + 1,
            false if next > 0 => next - 1,
            _ => return,
        };
        if let Some((line, field, byte)) = laid.at(next, column) {
            let document = laid.document.clone();
            let before = redacting.selection.head;
            redacting.selection.go_to(&document, line, (field == Field::Text).then_some(byte));
            // A sentence over several rows is left in one step.
            if redacting.selection.head != before {
                return;
            }
        }
    }
}

/// Scrolls to what is selected.
fn follow(state: &mut State) {
    let size = state.size;
    let Some(redacting) = &mut state.redact else { return };
    let areas = layout::redact(size, redacting);
    let head = redacting.selection.head;
    if let (Some(from), Some(to)) = (redacting.laid.row_of_stretch(head), redacting.laid.last_row_of(head)) {
        let height = usize::from(areas.text.height);
        let to = to.min(from + height.saturating_sub(1));
        redacting.top = layout::scrolled(redacting.top, height, redacting.laid.rows.len(), from, to);
    }
    if let Preview::Shows(shown) = &redacting.preview {
        let most = shown.rows.len().saturating_sub(usize::from(areas.preview.height));
        redacting.preview_top = redacting.preview_top.min(most);
    }
}

fn decide(state: &mut State) -> Vec<Effect> {
    let (Some(redacting), Some(entry)) = (&mut state.redact, &state.entry) else { return Vec::new() };
    if redacting.removals.is_empty() {
        let why = "nothing is taken out: leave this page to approve the entry as it is, or select and remove";
        state.say(Tone::Plain, why);
        return Vec::new();
    }
    let target = Target::of(&entry.opened.row);
    if let Some(why) = &redacting.refused {
        if *why == RedactionError::NothingLeft {
            state.say(Tone::Plain, "nothing worth reading is left, so the entry is hidden: choose why");
            state.overlay = Some(Overlay::Hide { targets: vec![target], selected: None });
        } else {
            let why = why.to_string();
            state.say(Tone::Warning, why);
        }
        return Vec::new();
    }
    let act = planned(redacting, entry);
    if let Some(first) = unsettled(redacting).iter().find(|index| !redacting.visited.contains(index)) {
        let first = first + 1;
        let anyway = key_for(state, Action::AllTheSame);
        let warning =
            format!("match {first} is neither taken out nor kept: look at it, or {anyway} decides all the same");
        return decide::warn(state, target, act, warning);
    }
    decide::decide(state, target, act)
}

/// Leaves the page; what was made so far is kept.
fn leave(state: &mut State) -> Vec<Effect> {
    let effects = kept_draft(state);
    if state.redact.as_ref().is_some_and(|redacting| redacting.changed && !redacting.removals.is_empty()) {
        state.say(Tone::Plain, "your redaction is kept as a draft; nothing is decided");
    }
    if let (Some(redacting), Some(entry)) = (&state.redact, &mut state.entry) {
        entry.current = redacting.selection.matched;
        if redacting.changed {
            entry.opened.draft = Some(draft(redacting, entry));
        }
    }
    state.redact = None;
    state.screen = Screen::Entry;
    effects
}

fn draft(redacting: &RedactState, entry: &EntryState) -> Draft {
    Draft {
        version: Some(entry.opened.version.version),
        removals: redacting.removals.to_record(&entry.opened.version),
        style: redacting.style,
    }
}

/// Keeps an unfinished redaction, where there is one.
pub(super) fn kept_draft(state: &mut State) -> Vec<Effect> {
    if decide::is_away(state) {
        // It is kept when the daemon is back.
        return Vec::new();
    }
    match (&mut state.redact, &state.entry) {
        (Some(redacting), Some(entry)) if redacting.unsaved => {
            redacting.unsaved = false;
            let entry_id = entry.opened.row.entry;
            let draft = (!redacting.removals.is_empty()).then(|| draft(redacting, entry));
            vec![Effect::Ask(Request::KeepDraft { entry: entry_id, draft })]
        }
        _ => Vec::new(),
    }
}
