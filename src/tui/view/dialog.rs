//! Boxes over a page: why to hide, the patient's context, something to read once.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{Pen, Theme, entry};
use crate::record::HideReason;
use crate::tui::document::wrap;
use crate::tui::state::{State, Target};
use crate::tui::words;

/// An empty box in the middle of the page, with words on its upper and lower edge; returns its inside.
pub(super) fn frame(pen: &mut Pen<'_>, state: &State, theme: Theme, rows: usize, title: &str, below: &str) -> Rect {
    let (width, height) = state.size;
    let wide = width.min(76).saturating_sub(4);
    let most = height.saturating_sub(5);
    let tall = (rows as u16 + 2).min(most);
    let area = Rect::new((width - wide) / 2, (height.saturating_sub(3) - tall) / 2, wide, tall);
    // A blank column on each side keeps the text below from running into the frame.
    pen.clear(Rect::new(area.x.saturating_sub(1), area.y, wide + 2, tall));
    let inner = usize::from(wide - 2);
    let edge = |words: &str| {
        let words = if words.is_empty() { String::new() } else { format!("─ {words} ") };
        let words = crate::tui::document::fit(&words, inner, false);
        let fill = inner.saturating_sub(unicode_width::UnicodeWidthStr::width(words.as_str()));
        format!("{words}{}", "─".repeat(fill))
    };
    pen.line(area.x, area.y, wide, &[("┌", theme.dim()), (&edge(title), theme.strong()), ("┐", theme.dim())]);
    for y in area.y + 1..area.bottom() - 1 {
        pen.line(area.x, y, 1, &[("│", theme.dim())]);
        pen.line(area.right() - 1, y, 1, &[("│", theme.dim())]);
    }
    let last = area.bottom() - 1;
    pen.line(area.x, last, wide, &[("└", theme.dim()), (&edge(below), theme.dim()), ("┘", theme.dim())]);
    Rect::new(area.x + 2, area.y + 1, wide - 4, tall - 2)
}

pub(super) fn hide(
    pen: &mut Pen<'_>,
    state: &State,
    theme: Theme,
    target: &Target,
    selected: Option<usize>,
) -> Option<Position> {
    let rows = HideReason::ALL.len() + 4;
    let title = format!("Hide {}", target.label);
    let inside = frame(pen, state, theme, rows, &title, "1–8 decides · esc leaves it as it is");
    // On a low terminal the explanation gives way to the reasons.
    let spare = usize::from(inside.height) >= rows;
    let mut y = inside.y;
    if spare {
        pen.line(inside.x, y, inside.width, &[("Why? The patient can ask for this reason.", theme.plain())]);
        y += 2;
    }
    let mut cursor = None;
    for (i, reason) in HideReason::ALL.iter().enumerate() {
        let current = Some(i) == selected;
        let base = if current { theme.strong() } else { theme.plain() };
        let note = words::reason_note(*reason);
        let note = if note.is_empty() { String::new() } else { format!("   {note}") };
        if current {
            cursor = Some(Position::new(inside.x, y));
        }
        pen.line(
            inside.x,
            y,
            inside.width,
            &[
                (if current { "▶ " } else { "  " }, base),
                (&(i + 1).to_string(), theme.key()),
                ("  ", base),
                (reason.words(), base),
                (&note, theme.dim()),
            ],
        );
        y += 1;
    }
    if spare {
        let until = "The whole entry is hidden from every reader until reviewed again.";
        pen.line(inside.x, y + 1, inside.width, &[(until, theme.dim())]);
    }
    cursor
}

pub(super) fn patient(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let Some(open) = &state.entry else { return };
    let card = &open.opened.patient;
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut section = |name: &str, items: Vec<String>, none: &str| {
        lines.push((name.to_owned(), theme.strong()));
        if items.is_empty() {
            lines.push((format!("  {none}"), theme.dim()));
        }
        for item in items {
            for (i, row) in wrap(&item, 62).into_iter().enumerate() {
                lines.push((format!("{}{row}", if i == 0 { "  " } else { "    " }), theme.plain()));
            }
        }
    };
    section("Who can read this record", card.readers.clone(), "nobody online");
    section("At the same address", card.household.clone(), "nobody known");
    if !card.flags.is_empty() {
        section("Flags", card.flags.clone(), "");
    }
    let also = open.opened.also_here.iter().map(entry::other).collect();
    section("Also waiting here", also, "nothing");
    let decided: Vec<String> = open
        .opened
        .before
        .iter()
        .flat_map(|(_, decisions)| decisions)
        .map(|decision| {
            format!("{}  {} by {}", words::day_and_time(decision.at), words::done(&decision.act), decision.by)
        })
        .collect();
    if !decided.is_empty() {
        section("Decided before, on an earlier version", decided, "");
    }
    let born = card.born.map(|day| format!(", born {}", day.format("%-d %b %Y"))).unwrap_or_default();
    let title = format!("{}  {}{born}", card.name, card.sex_age);
    let inside = frame(pen, state, theme, lines.len(), &title, "esc back to the entry");
    list(pen, theme, inside, &lines);
}

pub(super) fn told(pen: &mut Pen<'_>, state: &State, theme: Theme, title: &str, lines: &[String]) {
    let width = usize::from(state.size.0.min(76).saturating_sub(10));
    let mut rows = Vec::new();
    for line in lines {
        for (i, row) in wrap(line, width).into_iter().enumerate() {
            rows.push((format!("{}{row}", if i == 0 { "" } else { "  " }), theme.plain()));
        }
    }
    let inside = frame(pen, state, theme, rows.len(), title, "any key goes on");
    list(pen, theme, inside, &rows);
}

/// Lines in a box; what does not fit is counted.
fn list(pen: &mut Pen<'_>, theme: Theme, inside: Rect, lines: &[(String, Style)]) {
    let height = usize::from(inside.height);
    let room = if lines.len() > height { height.saturating_sub(1) } else { height };
    for (i, (line, style)) in lines.iter().take(room).enumerate() {
        pen.line(inside.x, inside.y + i as u16, inside.width, &[(line, *style)]);
    }
    if lines.len() > height {
        let more = format!("… {} more lines", lines.len() - room);
        pen.line(inside.x, inside.bottom() - 1, inside.width, &[(&more, theme.dim())]);
    }
}
