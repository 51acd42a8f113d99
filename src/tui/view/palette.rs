//! Every action by its words.

use ratatui::layout::Position;

use super::{Pen, Theme, dialog};
use crate::tui::state::State;
use crate::tui::update::fitting;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme, typed: &str, selected: usize) -> Option<Position> {
    let found = fitting(typed, state.page(), &state.keymap);
    let rows = usize::from(state.size.1).saturating_sub(8).min(16);
    let inside = dialog::frame(pen, state, theme, rows, "Do", "enter does it · esc leaves");
    let x = pen.line(inside.x, inside.y, inside.width, &[(": ", theme.key()), (typed, theme.strong())]);
    let page = usize::from(inside.height).saturating_sub(2).max(1);
    let top = (selected + 1).saturating_sub(page);
    if found.is_empty() {
        pen.line(inside.x + 2, inside.y + 2, inside.width - 2, &[("no action has these words", theme.dim())]);
    }
    for (i, about) in found.iter().enumerate().skip(top).take(page) {
        let y = inside.y + 2 + (i - top) as u16;
        let here = about.action.applies(state.page());
        let base = match (i == selected, here) {
            (true, _) => theme.strong(),
            (false, true) => theme.plain(),
            (false, false) => theme.dim(),
        };
        let keys = about.at.iter().find(|place| **place == state.page()).or(about.at.first());
        let key = keys.and_then(|place| state.keymap.keys(*place, about.action, state.ascii).into_iter().next());
        pen.line(inside.x, y, 2, &[(if i == selected { "▶" } else { "" }, base)]);
        pen.line(inside.x + 2, y, 9, &[(&key.unwrap_or_default(), theme.key())]);
        pen.line(inside.x + 12, y, inside.width - 12, &[(about.sentence, base)]);
        if let Some(place) = about.at.first().filter(|_| !here) {
            let works = format!("  {}", place.words());
            let right = inside.right();
            pen.line_to(right, y, inside.width / 2, &[(&works, theme.dim())]);
        }
    }
    Some(Position::new(x, inside.y))
}
