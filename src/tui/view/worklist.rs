//! What needs somebody beside the queue, most pressing first, and who has to see to it.

use ratatui::layout::{Position, Rect};

use super::{Pen, Theme, queue};
use crate::protocol::WorkItem;
use crate::tui::action::Action;
use crate::tui::document::{fit, wrap};
use crate::tui::layout;
use crate::tui::pages::WorkLine;
use crate::tui::state::State;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, height) = state.size;
    let area = Rect::new(0, 0, width, height - layout::FOOTER);
    let (practice, login, role) = match &state.welcome {
        Some(welcome) => (welcome.practice.as_str(), welcome.actor.login.as_str(), welcome.actor.role.name()),
        None => ("", "", ""),
    };
    pen.line_to(width - 1, 0, width / 2, &[(login, theme.strong()), ("  ", theme.plain()), (role, theme.plain())]);
    pen.line(1, 0, width / 2, &[(&format!("Worklist · {practice}"), theme.strong())]);
    let list = &state.worklist;
    let many = words::count(list.items.len() as u64, "thing", "things");
    let said = match (list.come, list.items.is_empty()) {
        (false, _) => String::new(),
        (true, true) => "nothing beside the queue".to_owned(),
        (true, false) => format!("{many} to see to beside the queue, most pressing first"),
    };
    pen.line(1, 1, width - 2, &[(&said, theme.plain())]);
    let lines = list.lines();
    let page = layout::worklist_list(state.size);
    let below = lines.len().saturating_sub(list.top + usize::from(page.height));
    let more = words::more_rows(below);
    pen.rule(area, 2, "", &more, theme.dim());
    if list.come && list.items.is_empty() {
        let sentence = "Nothing is disputed, late, asked of the lead or due for another look, and nobody with \
                        something held or hidden turns 11 or 16 soon.";
        queue::paragraph(pen, theme.plain(), page, page.y + 1, sentence);
        return None;
    }
    let mut cursor = None;
    for (i, line) in lines.iter().skip(list.top).take(usize::from(page.height)).enumerate() {
        let y = page.y + i as u16;
        match line {
            WorkLine::Heading(kind, many) => {
                let many = if *many > 1 { format!(" · {many}") } else { String::new() };
                pen.line(1, y, width - 2, &[(&words::capital(kind.words()), theme.strong()), (&many, theme.dim())]);
            }
            WorkLine::Item(index) => {
                let selected = *index == list.selected;
                if selected {
                    cursor = Some(Position::new(0, y));
                    pen.line(0, y, 1, &[("▶", theme.strong())]);
                }
                if let Some(item) = list.items.get(*index) {
                    self::line(pen, state, theme, Rect::new(0, y, width, 1), item, selected);
                }
            }
        }
    }
    if let Some(item) = list.current() {
        pen.rule(area, area.height - 4, "", "", theme.dim());
        foot(pen, state, theme, Rect::new(1, area.height - 3, width - 2, 3), item);
    }
    cursor
}

fn line(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, item: &WorkItem, selected: bool) {
    let base = if selected { theme.strong() } else { theme.plain() };
    let since = state.now.map(|now| words::time_or_date(item.since, now)).unwrap_or_default();
    let name_room = if area.width >= layout::WIDE { 26 } else { 20 };
    let name = fit(&item.patient_name, name_room, false);
    pen.line(3, area.y, name_room as u16, &[(&name, base)]);
    let right = pen.line_to(area.width - 1, area.y, 7, &[(&since, theme.dim())]);
    let x = 3 + name_room as u16 + 1;
    // Where it says no more than its heading, nothing.
    let what = if item.what == item.kind.words() { "" } else { item.what.as_str() };
    pen.line(x, area.y, right.saturating_sub(x + 1), &[(what, base)]);
}

/// The selected one in full, and what can be done.
fn foot(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, item: &WorkItem) {
    let what = format!("{}: {}", item.patient_name, item.what);
    for (i, row) in wrap(&what, usize::from(area.width)).into_iter().take(2).enumerate() {
        pen.line(area.x, area.y + i as u16, area.width, &[(&row, theme.plain())]);
    }
    let opens = state.key(Action::Open).unwrap_or_default();
    let does = match item.entry {
        Some(_) => " opens the entry",
        None => " lists the record",
    };
    let right = pen.line_to(area.right(), area.y + 2, 24, &[(&opens, theme.key()), (does, theme.plain())]);
    let owner = format!("To see to it: {}", item.owner);
    pen.line(area.x, area.y + 2, right.saturating_sub(area.x + 1), &[(&owner, theme.dim())]);
}
