//! Boxes over a page: why to hide, the patient's context, something to read once.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{Pen, Theme, reasons};
use crate::protocol::Only;
use crate::record::HideReason;
use crate::tui::document::wrap;
use crate::tui::state::{State, Target};
use crate::tui::update::queue::filters;
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
    targets: &[Target],
    selected: Option<usize>,
) -> Option<Position> {
    let rows = HideReason::ALL.len() + 4;
    let title = match targets {
        [target] => format!("Hide {}", target.label),
        several => format!("Hide {} marked entries", several.len()),
    };
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
        let day = state.queue.queue.as_ref().and_then(|queue| queue.hidden_until);
        let again = day.map(|day| format!("looked at again on {}", day.format("%-d %b %Y")));
        let again = again.unwrap_or_else(|| "until looked at again".to_owned());
        let until = match targets {
            [_] => format!("Hidden whole, from every reader; {again}."),
            _ => format!("All hidden whole, from every reader; {again}."),
        };
        pen.line(inside.x, y + 1, inside.width, &[(&until, theme.dim())]);
    }
    cursor
}

/// How many are to be hidden, typed by whoever means it.
pub(super) fn count(
    pen: &mut Pen<'_>,
    state: &State,
    theme: Theme,
    targets: &[Target],
    reason: HideReason,
    typed: &str,
) -> Option<Position> {
    let title = format!("Hide {} marked entries: {}", targets.len(), reason.words());
    let most = usize::from(state.size.1).saturating_sub(12).clamp(1, 12);
    let listed = targets.len().min(most);
    let inside = frame(pen, state, theme, listed + 3, &title, "esc leaves everything as it is");
    for (i, target) in targets.iter().take(listed).enumerate() {
        let more = targets.len() - listed;
        let label = match i + 1 == listed && more > 0 {
            true => format!("{}, and {more} more", target.label),
            false => target.label.clone(),
        };
        pen.line(inside.x, inside.y + i as u16, inside.width, &[(&label, theme.plain())]);
    }
    let y = inside.y + listed as u16 + 1;
    let ask = format!("How many are these? Type {} and press enter to hide them: ", targets.len());
    let x = pen.line(inside.x, y, inside.width, &[(&ask, theme.plain()), (typed, theme.strong())]);
    Some(Position::new(x, y))
}

/// Which rows of the queue to show.
pub(super) fn filter(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let filters = filters(state);
    let inside = frame(pen, state, theme, filters.len(), "Show only", "a digit chooses · esc leaves it as it is");
    for (i, (digit, words, only)) in filters.iter().enumerate() {
        // What a digit would take away is in force.
        let on = *digit > 0 && set(only) < set(&state.queue.only);
        let pieces = [
            (digit.to_string(), theme.key()),
            (if on { "  ✓ " } else { "    " }.to_owned(), theme.good()),
            (words.clone(), if on { theme.strong() } else { theme.plain() }),
        ];
        let pieces: Vec<(&str, Style)> = pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        pen.line(inside.x, inside.y + i as u16, inside.width, &pieces);
    }
}

/// How many things a filter asks for.
fn set(only: &Only) -> usize {
    let flags = [only.late, only.changed, only.mine, only.tier.is_some(), only.patient.is_some()];
    flags.into_iter().filter(|on| *on).count() + usize::from(only.reason.is_some()) + usize::from(only.author.is_some())
}

/// The patient's context; of what else waits here one row is selected and can be opened.
pub(super) fn patient(pen: &mut Pen<'_>, state: &State, theme: Theme, selected: usize) -> Option<Position> {
    let opened = &state.entry.as_ref()?.opened;
    let card = &opened.patient;
    let mut lines: Vec<(String, Style)> = Vec::new();
    let section = |lines: &mut Vec<(String, Style)>, name: &str, items: Vec<String>, none: &str| {
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
    section(&mut lines, "Who can read this record", card.readers.clone(), "nobody online");
    section(&mut lines, "At the same address", card.household.clone(), "nobody known");
    if !card.flags.is_empty() {
        section(&mut lines, "Flags", card.flags.clone(), "");
    }
    section(&mut lines, "Withheld before", opened.withheld.iter().map(words::withheld).collect(), "nothing");
    lines.push(("Also here".to_owned(), theme.strong()));
    let first = lines.len();
    let others = reasons::others(opened);
    for (i, row) in others.iter().enumerate() {
        let lead = if i == selected { "▶ " } else { "  " };
        let look = if i == selected { theme.strong() } else { theme.plain() };
        lines.push((format!("{lead}{}", reasons::other(row)), look));
    }
    if others.is_empty() {
        lines.push(("  nothing".to_owned(), theme.dim()));
    }
    let decided: Vec<String> = opened
        .before
        .iter()
        .flat_map(|(_, decisions)| decisions)
        .map(|decision| {
            format!("{}  {} by {}", words::day_and_time(decision.at), words::done(&decision.act), decision.by)
        })
        .collect();
    if !decided.is_empty() {
        section(&mut lines, "Decided before, on an earlier version", decided, "");
    }
    let born = card.born.map(|day| format!(", born {}", day.format("%-d %b %Y"))).unwrap_or_default();
    let title = format!("{}  {}{born}", card.name, card.sex_age);
    let below = match others.is_empty() {
        true => "esc back to the entry",
        false => "enter opens another entry · esc back to this one",
    };
    let inside = frame(pen, state, theme, lines.len(), &title, below);
    // On a low terminal the selected row stays in sight.
    let height = usize::from(inside.height);
    let top = (first + selected + 2).saturating_sub(height).min(lines.len().saturating_sub(height));
    list(pen, theme, inside, lines.get(top..).unwrap_or_default());
    (!others.is_empty()).then(|| Position::new(inside.x, inside.y + (first + selected - top) as u16))
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
