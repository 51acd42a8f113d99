//! How things stand, in numbers that lead to an act.

use ratatui::layout::{Position, Rect};

use super::{Pen, Theme};
use crate::tui::document::wrap;
use crate::tui::state::State;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, height) = state.size;
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
    pen.rule(Rect::new(0, 0, width, 1), 2, "", "", theme.dim());
    let status = status?;
    let totals = &status.totals;
    let mut y = 3;
    let last = height - 4;
    let mut fact = |name: &str, text: String, alarm: bool| {
        for (i, row) in wrap(&text, usize::from(width).saturating_sub(28)).into_iter().enumerate() {
            if y <= last {
                let style = if alarm { theme.alarm() } else { theme.plain() };
                pen.line(1, y, 22, &[(if i == 0 { name } else { "" }, theme.dim())]);
                pen.line(24, y, width - 25, &[(&row, style)]);
                y += 1;
            }
        }
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
    None
}
