//! How things stand, in numbers that lead to an act.

use ratatui::layout::{Position, Rect};

use super::{Pen, Theme};
use crate::protocol::Status;
use crate::tui::document::wrap;
use crate::tui::layout;
use crate::tui::state::State;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, _) = state.size;
    let (login, role, practice) = match &state.welcome {
        Some(welcome) => (welcome.actor.login.as_str(), welcome.actor.role.name(), welcome.practice.as_str()),
        None => ("", "", ""),
    };
    pen.line_to(width - 1, 0, width / 2, &[(login, theme.strong()), ("  ", theme.plain()), (role, theme.plain())]);
    pen.line(1, 0, width / 2, &[(&format!("Status · {practice}"), theme.strong())]);
    let status = state.status.as_ref();
    if let Some(status) = status {
        pen.line(1, 1, width - 2, &[(&format!("anteroom {} · rules {}", status.build, status.rules), theme.plain())]);
    }
    let page = layout::status_text(state.size);
    let rows = status_rows(status, state.size);
    let below = rows.len().saturating_sub(state.status_top + usize::from(page.height));
    let more = words::more_rows(below);
    pen.rule(Rect::new(0, 0, width, 1), 2, "", &more, theme.dim());
    for (i, Fact { name, text, alarm }) in rows.iter().skip(state.status_top).take(usize::from(page.height)).enumerate()
    {
        let (y, style) = (page.y + i as u16, if *alarm { theme.alarm() } else { theme.plain() });
        pen.line(page.x, y, NAMES - 1, &[(name, theme.dim())]);
        pen.line(page.x + NAMES, y, page.width.saturating_sub(NAMES), &[(text, style)]);
    }
    None
}

/// Columns of the names of facts.
const NAMES: u16 = 23;

/// A row of the page.
pub struct Fact {
    /// What it is about; empty where it goes on.
    name: &'static str,
    text: String,
    alarm: bool,
}

/// How things stand, in rows of the page's width.
pub fn status_rows(status: Option<&Status>, size: (u16, u16)) -> Vec<Fact> {
    let Some(status) = status else { return Vec::new() };
    let totals = &status.totals;
    let width = usize::from(layout::status_text(size).width.saturating_sub(NAMES + 2));
    let mut rows = Vec::new();
    let mut fact = |name: &'static str, text: String, alarm: bool| {
        let wrapped = wrap(&text, width).into_iter().enumerate();
        rows.extend(wrapped.map(|(i, text)| Fact { name: if i == 0 { name } else { "" }, text, alarm }));
    };
    fact("to review", words::number(totals.to_review), false);
    fact("of these late", words::number(totals.late), totals.late > 0);
    fact("already readable", words::number(totals.readable), totals.readable > 0);
    fact("to skim", words::number(totals.to_skim), false);
    fact("cleared or skimmed", format!("{} wait out their hold", words::number(totals.on_hold)), false);
    fact("decided, undoable", words::number(totals.settling), false);
    fact("visible to patients", words::number(totals.released), false);
    fact("hidden", words::number(totals.hidden), false);
    fact("rows set aside", words::number(totals.set_aside), totals.set_aside > 0);
    let pulled = totals.pulled_at.map(words::day_and_time).unwrap_or_else(|| "never".to_owned());
    fact("last pull", pulled, false);
    if let Some(at) = totals.next_visible {
        fact("next become visible", words::day_and_time(at), false);
    }
    fact("log", words::count(status.seq, "record", "records"), false);
    fact("room on the disk", format!("{:.1} GB", status.free_bytes as f64 / 1e9), false);
    for alarm in &status.alarms {
        fact("!", alarm.clone(), true);
    }
    rows
}
