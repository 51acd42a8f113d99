//! The entries with the same words: which, when, by whom, where each stands, and the words.

use ratatui::layout::Position;
use ratatui::style::Style;

use super::{Pen, Theme, dialog};
use crate::protocol::QueueRow;
use crate::record::EntryId;
use crate::tui::action::Action;
use crate::tui::document::wrap;
use crate::tui::state::{EntryState, State};
use crate::tui::update::twins::listed;
use crate::tui::words;

pub(super) fn draw(
    pen: &mut Pen<'_>,
    state: &State,
    theme: Theme,
    selected: usize,
    named: &[EntryId],
) -> Option<Position> {
    let entry = state.entry.as_ref()?;
    let rows = listed(entry, named);
    let room = usize::from(state.size.0.min(76).saturating_sub(8));
    let mut lines: Vec<(String, Style)> = Vec::new();
    let (mut first, mut last) = (0, 0);
    for (i, row) in rows.iter().enumerate() {
        let begin = lines.len();
        lines.extend(item(entry, row, theme, i == selected, named, room));
        if i == selected {
            (first, last) = (begin, lines.len() - 1);
        }
    }
    let key = |action: Action| state.key(action).unwrap_or_default();
    let below = format!(
        "{} considered · {} opens · {} drafts the same in all · esc",
        key(Action::Waive),
        key(Action::Open),
        key(Action::Propose)
    );
    let many = words::count(rows.len() as u64, "entry", "entries");
    let inside = dialog::frame(pen, state, theme, lines.len(), &format!("The same words in {many}"), &below);
    let height = usize::from(inside.height);
    let top = (last + 1).saturating_sub(height).min(first);
    for (i, (line, style)) in lines.iter().skip(top).take(height).enumerate() {
        pen.line(inside.x, inside.y + i as u16, inside.width, &[(line, *style)]);
    }
    Some(Position::new(inside.x, inside.y + (first - top) as u16))
}

/// One of them: what it is, where it stands, its words.
fn item(
    entry: &EntryState,
    row: &QueueRow,
    theme: Theme,
    selected: bool,
    named: &[EntryId],
    room: usize,
) -> Vec<(String, Style)> {
    let considered = entry.considered.contains(&row.entry);
    let mark = match (considered, named.contains(&row.entry)) {
        (true, _) => "✓",
        (false, true) => "!",
        (false, false) => " ",
    };
    let lead = if selected { "▶" } else { " " };
    let own = row.entry == entry.opened.row.entry;
    let recorded = row.recorded.map(|at| format!(" · {}", words::day_and_time(at))).unwrap_or_default();
    let name = match own {
        true => "this entry, in other lines of it".to_owned(),
        false => format!("{} · {}{recorded} · {}", words::short_name(&row.patient_name), row.title, row.author),
    };
    let base = if selected { theme.strong() } else { theme.plain() };
    let mut out = Vec::new();
    for (i, text) in wrap(&name, room.saturating_sub(4)).into_iter().enumerate() {
        let lead = if i == 0 { format!("{lead}{mark} ") } else { "   ".to_owned() };
        out.push((format!("{lead}{text}"), base));
    }
    let twins = entry.opened.twins.iter().filter(|twin| twin.row.entry == row.entry);
    let mut said: Vec<String> = twins.flat_map(|twin| &twin.words).map(|words| format!("“{words}”")).collect();
    said.dedup();
    let considered = if considered { ", considered" } else { "" };
    let stands = if own { String::new() } else { format!("{}{considered}: ", words::standing(row.state)) };
    for text in wrap(&format!("{stands}{}", said.join(", ")), room.saturating_sub(6)).into_iter().take(3) {
        out.push((format!("     {text}"), theme.dim()));
    }
    out
}
