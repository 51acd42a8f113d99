//! The foot of every page: the last act with its undo, and the keys.

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::tui::action::{ACTIONS, Action, Place};
use crate::tui::keymap::spelled;
use crate::tui::layout;
use crate::tui::state::{Deed, Link, Screen, State, Tone};

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let (width, height) = state.size;
    let area = Rect::new(0, height - 3, width, 3);
    pen.rule(area, area.y, "", "", theme.dim());
    if width >= layout::WIDE && matches!(state.screen, Screen::Queue | Screen::Entry) {
        pen.line(layout::list_width(state.size), area.y, 1, &[("┴", theme.dim())]);
    }
    status(pen, state, theme, area);
    keys(pen, state, theme, area);
}

/// What just happened, or the last decision; to the right how to take it back.
fn status(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let y = area.y + 1;
    let key = state.keymap.keys(state.page(), Action::Undo, state.ascii).into_iter().next();
    let undo = match (key, state.done.last()) {
        (Some(key), Some(done)) if !matches!(done.deed, Deed::Picked(_)) => {
            vec![(key, theme.key()), (" undo".to_owned(), theme.plain())]
        }
        _ => Vec::new(),
    };
    let pieces: Vec<(&str, _)> = undo.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    let end = pen.line_to(area.right() - 1, y, 12, &pieces);
    let room = end.saturating_sub(3);

    if !state.typed.is_empty() {
        let typed = format!("{} …", spelled(&state.typed));
        pen.line(1, y, room, &[(&typed, theme.strong())]);
    } else if let Some(message) = &state.message {
        let (glyph, style) = match message.tone {
            Tone::Good => ("✓ ", theme.good()),
            Tone::Plain => ("", theme.plain()),
            Tone::Warning => ("! ", theme.alarm()),
        };
        let text = super::super::words::capital(&message.text);
        pen.line(1, y, room, &[(glyph, style), (&text, theme.plain())]);
    } else if let Link::Lost(why) = &state.link {
        let text = super::super::words::capital(why);
        pen.line(1, y, room, &[("! ", theme.alarm()), (&text, theme.plain())]);
    } else if state.waiting {
        pen.line(1, y, room, &[("waiting for the daemon…", theme.plain())]);
    } else if let Some(done) = state.done.last() {
        pen.line(1, y, room, &[("✓ ", theme.good()), (&done.text, theme.plain())]);
    }
}

/// The keys of this page, as many as fit; how to find the others always.
fn keys(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let y = area.y + 2;
    let Some(place) = state.place() else {
        return;
    };
    let hint = |action: Action, label: &str| {
        let key = state.keymap.keys(place, action, state.ascii).into_iter().next()?;
        Some((key, format!(" {label}")))
    };
    let always: Vec<(String, String)> = [Action::Palette, Action::Help]
        .into_iter()
        .filter(|action| action.applies(place))
        .filter_map(|action| hint(action, action.about().label))
        .collect();
    let size =
        |hints: &[(String, String)]| hints.iter().map(|(key, label)| key.width() + label.width() + 2).sum::<usize>();
    let mut room = usize::from(area.width).saturating_sub(1 + size(&always));
    let mut shown = Vec::new();
    let demo = state.welcome.as_ref().is_some_and(|welcome| !welcome.demo_people.is_empty());
    let listed = ACTIONS.iter().filter(|about| about.applies_in_bar(place));
    let listed = listed.filter(|about| match about.action {
        Action::SwitchPerson => demo,
        // A line to skim is pulled into the queue first.
        Action::Approve | Action::Redact => place != Place::Entry || !state.is_to_skim(),
        Action::Pick => place != Place::Entry || state.is_to_skim(),
        _ => true,
    });
    for about in listed {
        let label = match (about.action, state.queue.filter.is_empty()) {
            (Action::Back, false) if place == Place::Queue => "show all",
            _ => about.label,
        };
        let Some(found) = hint(about.action, label) else { continue };
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

/// The line in which one types what to look for.
pub(super) fn draw_find(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let y = state.size.1 - 1;
    pen.clear(Rect::new(0, y, state.size.0, 1));
    let found = match state.queue.shown.len() {
        0 => "  nothing fits".to_owned(),
        1 => "  1 fits".to_owned(),
        n => format!("  {n} fit"),
    };
    let x = pen.line(1, y, state.size.0 - 1, &[("find ", theme.key()), (&state.queue.filter, theme.strong())]);
    pen.line(
        x,
        y,
        state.size.0.saturating_sub(x),
        &[(&found, theme.dim()), ("   enter keeps, esc shows all", theme.dim())],
    );
    Some(Position::new(x.min(state.size.0 - 1), y))
}
