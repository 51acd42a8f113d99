//! The foot of every page: the last act with its undo, and the keys.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::review::State as ReviewState;
use crate::tui::action::{ACTIONS, About, Action, Place};
use crate::tui::document::wrap;
use crate::tui::keymap::spelled;
use crate::tui::layout;
use crate::tui::state::{Deed, Link, Overlay, Screen, State, Tone};
use crate::tui::update::handle::possible;
use crate::tui::update::{home, may_read};
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let (width, height) = state.size;
    if state.screen == Screen::Skim && width >= layout::WIDE {
        return beside(pen, state, theme);
    }
    let area = Rect::new(0, height - 3, width, 3);
    pen.rule(area, area.y, "", "", theme.dim());
    if width >= layout::WIDE && matches!(state.screen, Screen::Queue | Screen::Entry) {
        pen.line(layout::list_width(state.size), area.y, 1, &[("┴", theme.dim())]);
    }
    status(pen, state, theme, area);
    keys(pen, state, theme, area);
}

/// What just happened, or the last decision.
fn said(state: &State, theme: Theme) -> Option<(&'static str, Style, String)> {
    if !state.typed.is_empty() {
        return Some(("", theme.strong(), format!("{} …", spelled(&state.typed))));
    }
    if let Some(message) = &state.message {
        let (glyph, style) = match message.tone {
            Tone::Good => ("✓ ", theme.good()),
            Tone::Plain => ("", theme.plain()),
            Tone::Warning => ("! ", theme.alarm()),
        };
        return Some((glyph, style, words::capital(&message.text)));
    }
    if let Link::Lost(why) = &state.link {
        return Some(("! ", theme.alarm(), words::capital(why)));
    }
    if state.waiting {
        return Some(("", theme.plain(), "waiting for the daemon…".to_owned()));
    }
    let marked = state.queue.marked.len();
    if state.screen == Screen::Queue && marked > 0 {
        let hide = state.key(Action::Hide).unwrap_or_default();
        let marked = format!("{} marked: {hide} hides them all", words::count(marked as u64, "entry", "entries"));
        return Some(("● ", theme.strong(), marked));
    }
    state.done.last().map(|done| ("✓ ", theme.good(), done.text.clone()))
}

/// The keys that take the last act back, if there is one. While redacting they first leave the page: there an undo
/// would be taken for one of the removals.
fn undo(state: &State) -> Option<String> {
    state.done.last().filter(|done| !matches!(done.deed, Deed::Stays(..)))?;
    let key = |place: Place, action: Action| state.keymap.keys(place, action, state.ascii).into_iter().next();
    match state.page() {
        Place::Redact => Some(format!("{} {}", key(Place::Redact, Action::Back)?, key(Place::Entry, Action::Undo)?)),
        page => key(page, Action::Undo),
    }
}

/// What just happened; to the right how to take the last act back.
fn status(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let y = area.y + 1;
    let mut end = area.right() - 1;
    if let Some(key) = undo(state) {
        end = pen.line_to(end, y, 16, &[(&key, theme.key()), (" undo", theme.plain())]);
    }
    let Some((glyph, style, text)) = said(state, theme) else { return };
    let room = end.saturating_sub(3);
    let last = state.done.last().filter(|last| last.text != text).map(|last| ("✓ ", theme.good(), last.text.clone()));
    let needs = glyph.width() + text.width();
    // A sentence that needs more room, and one beside which the last act stays in sight, takes the rule above: nobody
    // should have to guess its end, or what an undo would take back.
    let (above, below) = match last {
        None if needs <= usize::from(room) => {
            pen.line(1, y, room, &[(glyph, style), (&text, theme.plain())]);
            return;
        }
        last if needs <= usize::from(area.width.saturating_sub(2)) => (text, last),
        _ => {
            let mut rows = wrap(&text, usize::from(room).saturating_sub(glyph.width())).into_iter();
            let first = rows.next().unwrap_or_default();
            (first, Some(("", style, rows.collect::<Vec<_>>().join(" "))))
        }
    };
    pen.clear(Rect::new(0, area.y, area.width, 1));
    pen.line(1, area.y, area.width - 2, &[(glyph, style), (&above, theme.plain())]);
    if let Some((mark, look, below)) = below {
        let indent = 1 + if mark.is_empty() { glyph.width() as u16 } else { 0 };
        pen.line(indent, y, room.saturating_sub(indent), &[(mark, look), (&below, theme.plain())]);
    }
}

/// The keys of this page with their labels, the most useful first, and apart how to find the others.
type Hints = Vec<(String, String)>;

fn hints(state: &State) -> Option<(Hints, Hints)> {
    let place = state.place()?;
    let hint = |action: Action, label: &str| {
        let key = state.keymap.keys(place, action, state.ascii).into_iter().next()?;
        Some((key, format!(" {label}")))
    };
    let always = [Action::Palette, Action::Help]
        .into_iter()
        .filter(|action| action.applies(place))
        .filter_map(|action| hint(action, action.about().label))
        .collect();
    let patient = matches!(state.overlay, Some(Overlay::Patient { .. }));
    let stands = state.entry.as_ref().map(|entry| entry.opened.row.state);
    let barred = state.entry.as_ref().is_some_and(|entry| entry.opened.may_not_release.is_some());
    let listed = ACTIONS.iter().filter(|about| about.applies_in_bar(place));
    let listed = listed.filter(|about| match about.action {
        Action::SwitchPerson => state.is_demo(),
        // What needs a row is not offered where there is none.
        Action::Open
        | Action::Approve
        | Action::Redact
        | Action::Hide
        | Action::Escalate
        | Action::Mark
        | Action::Find
        | Action::Filter
            if place == Place::Queue && state.queue.is_empty() =>
        {
            false
        }
        Action::Open | Action::Pick | Action::Pass | Action::Hide
            if place == Place::Skim && state.skim.page().is_empty() =>
        {
            false
        }
        // Who reads no records has no worklist, and one page behind which there is none.
        Action::Worklist => may_read(state),
        Action::Back if state.screen == home(state) && place != Place::Queue => state.overlay.is_some(),
        // Behind the queue there is no page.
        Action::Back if place == Place::Queue => !state.queue.marked.is_empty() || !state.queue.only.is_all(),
        Action::Leave => place == Place::Queue,
        // In the queue there is no room for it.
        Action::Note if place == Place::Queue => false,
        Action::Escalate | Action::Note => stands.is_none_or(|stands| possible(stands, about.action, true).is_ok()),
        // Where they are most of what one does; elsewhere there is no room for them.
        Action::Flags | Action::Record => matches!(place, Place::Worklist | Place::Record),
        Action::Reopen | Action::Confirm | Action::GiveBack | Action::Resume | Action::PatientAsks => {
            stands.is_some_and(|stands| possible(stands, about.action, state.is_lead()).is_ok())
        }
        Action::Open => place != Place::Entry || patient,
        // A line to skim is pulled into the queue first.
        Action::Approve | Action::Redact => place != Place::Entry || stands.is_some_and(can_be_shown) && !barred,
        Action::Pick => place != Place::Entry || state.is_to_skim(),
        _ => true,
    });
    let label = |about: &About| match about.action {
        Action::Back if place == Place::Queue && !state.queue.marked.is_empty() => "unmark",
        Action::Back if place == Place::Queue && !state.queue.only.is_all() => "show all",
        _ => about.label,
    };
    Some((listed.filter_map(|about| hint(about.action, label(about))).collect(), always))
}

/// Whether somebody can decide to show what stands there.
fn can_be_shown(stands: ReviewState) -> bool {
    stands.waits_for_person() || stands.waits_for_lead()
}

/// The keys of this page, as many as fit; how to find the others always.
fn keys(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let y = area.y + 2;
    let Some((listed, always)) = hints(state) else { return };
    let size =
        |hints: &[(String, String)]| hints.iter().map(|(key, label)| key.width() + label.width() + 2).sum::<usize>();
    let mut room = usize::from(area.width).saturating_sub(1 + size(&always));
    let mut shown = Vec::new();
    for found in listed {
        let needs = size(std::slice::from_ref(&found));
        if needs <= room {
            room -= needs;
            shown.push(found);
        }
    }
    shown.extend(always);
    let mut x = 1;
    for (key, label) in &shown {
        x = pen.line(x, y, area.width - x, &[(key, theme.key()), (label, theme.plain())]) + 2;
        if x >= area.width {
            break;
        }
    }
}

/// The same from top to bottom beside the skim page: its rows are for lines.
fn beside(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let (width, height) = state.size;
    let x = width - layout::SKIM_MARGIN + 1;
    let room = layout::SKIM_MARGIN - 2;
    let mut bottom = height;
    if let Some((listed, always)) = hints(state) {
        let most = usize::from(height).saturating_sub(11).max(always.len());
        let mut shown: Vec<_> = listed.into_iter().take(most - always.len()).collect();
        shown.extend(always);
        bottom = height.saturating_sub(shown.len() as u16);
        for (i, (key, label)) in shown.iter().enumerate() {
            pen.line(x, bottom + i as u16, room, &[(key, theme.key()), (label, theme.plain())]);
        }
    }
    let undo = undo(state);
    let Some((glyph, style, text)) = said(state, theme) else { return };
    let rows = wrap(&format!("{glyph}{text}"), usize::from(room));
    let tall = rows.len() as u16 + u16::from(undo.is_some()) + 1;
    let mut y = bottom.saturating_sub(tall).max(5);
    for (i, row) in rows.iter().enumerate() {
        let (sign, rest) = row.split_at(if i == 0 { glyph.trim_end().len() } else { 0 });
        if y < bottom {
            pen.line(x, y, room, &[(sign, style), (rest, theme.plain())]);
        }
        y += 1;
    }
    if let Some(key) = undo.filter(|_| y < bottom) {
        pen.line(x, y, room, &[(&key, theme.key()), (" undo", theme.plain())]);
    }
}

/// The line in which one types what to look for.
pub(super) fn draw_find(pen: &mut Pen<'_>, state: &State, theme: Theme, untouched: bool) -> Option<Position> {
    let y = state.size.1 - 1;
    pen.clear(Rect::new(0, y, state.size.0, 1));
    let found = match state.queue.len() {
        _ if state.queue.is_of_another_list() => "  …".to_owned(),
        0 => "  nothing fits".to_owned(),
        1 => "  1 fits".to_owned(),
        n => format!("  {} fit", words::number(n as u64)),
    };
    let keys = match untouched && !state.queue.only.words.is_empty() {
        true => "   a letter begins anew, backspace edits, esc shows all",
        false => "   enter keeps, esc shows all",
    };
    let x = pen.line(1, y, state.size.0 - 1, &[("find ", theme.key()), (&state.queue.only.words, theme.strong())]);
    pen.line(x, y, state.size.0.saturating_sub(x), &[(&found, theme.dim()), (keys, theme.dim())]);
    Some(Position::new(x.min(state.size.0 - 1), y))
}
