//! All that is here of one patient, wherever it stands: what is visible and what is hidden too.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{Pen, Theme, queue};
use crate::protocol::{Proposed, QueueRow};
use crate::review::State as ReviewState;
use crate::tui::document::{fit, wrap};
use crate::tui::layout;
use crate::tui::state::State;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, height) = state.size;
    let area = Rect::new(0, 0, width, height - layout::FOOTER);
    let open = state.record.as_ref()?;
    let card = &open.record.card;
    let born = card.born.map(|day| format!("   born {}", day.format("%-d %b %Y"))).unwrap_or_default();
    let nhs = card.nhs_number.as_ref().map(|number| format!("   NHS {number}")).unwrap_or_default();
    let many = words::count(open.record.entries.len() as u64 + open.record.more, "entry", "entries");
    let right = pen.line_to(width - 1, 0, 16, &[(&many, theme.plain())]);
    pen.line(
        1,
        0,
        right.saturating_sub(2),
        &[
            (&card.name, theme.strong()),
            (&format!("   {}", card.sex_age), theme.plain()),
            (&born, theme.plain()),
            (&nhs, theme.plain()),
        ],
    );
    let readers = match card.readers.is_empty() {
        true => "readers: nobody online".to_owned(),
        false => format!("readers: {}", card.readers.join(" · ")),
    };
    pen.line(1, 1, width - 2, &[(&readers, theme.plain())]);
    let page = layout::record_list(state.size);
    let below = open.record.entries.len().saturating_sub(open.top + usize::from(page.height));
    let more = words::more_rows(below);
    pen.rule(area, 2, "", &more, theme.dim());
    let proposed = open.record.proposed.iter();
    let proposed = proposed.map(|Proposed { flag, why }| format!("proposed: “{}”: {why}", flag.words()));
    let said: Vec<String> = card.flags.iter().cloned().chain(proposed).collect();
    flags(pen, theme, area, &said);
    if let Some(why) = &open.record.closed {
        queue::paragraph(pen, theme.plain(), page, page.y, &words::capital(why));
        return None;
    }
    if open.record.entries.is_empty() {
        queue::paragraph(
            pen,
            theme.plain(),
            page,
            page.y,
            "Nothing of this patient is here to be seen to; what is older than the online record is not listed.",
        );
        return None;
    }
    let columns = Columns::of(width);
    let head = [(2, "Recorded"), (columns.entry, "Entry"), (columns.author, "By"), (columns.stands + 2, "Stands")];
    for (x, text) in head.into_iter().chain((columns.why < width).then_some((columns.why, "Why"))) {
        pen.line(x, page.y - 1, width - x, &[(text, theme.dim())]);
    }
    let mut cursor = None;
    for (i, row) in open.record.entries.iter().enumerate().skip(open.top).take(usize::from(page.height)) {
        let y = page.y + (i - open.top) as u16;
        let selected = i == open.selected;
        if selected {
            cursor = Some(Position::new(0, y));
            pen.line(0, y, 1, &[("▶", theme.strong())]);
        }
        self::row(pen, theme, y, width, &columns, row, selected);
    }
    let foot = match (open.record.more, card.household.as_slice()) {
        (0, []) => String::new(),
        (0, home) => format!("At the same address: {}", home.join(" · ")),
        (more, _) => format!("{} older than these are not listed", words::count(more, "entry", "entries")),
    };
    pen.line(1, area.height - 1, width - 2, &[(&foot, theme.dim())]);
    cursor
}

/// What stands over the patient, whole as far as there is room.
fn flags(pen: &mut Pen<'_>, theme: Theme, area: Rect, flags: &[String]) {
    let (room, width) = (usize::from(layout::RECORD_FLAGS), usize::from(area.width).saturating_sub(5));
    if flags.is_empty() {
        pen.line(1, layout::HEADER, area.width - 2, &[("nothing stands over this patient", theme.dim())]);
    }
    let mut rows: Vec<Vec<String>> = flags.iter().map(|flag| wrap(flag, width)).collect();
    // Each has a row before any has two.
    if rows.iter().map(Vec::len).sum::<usize>() > room {
        rows = flags.iter().map(|flag| vec![fit(flag, width, false)]).collect();
    }
    let hidden = rows.len().saturating_sub(room);
    let pieces = rows.iter().flat_map(|rows| rows.iter().enumerate().map(|(i, row)| (i == 0, row)));
    for (i, (begins, row)) in pieces.take(room).enumerate() {
        let more = if i + 1 == room && hidden > 0 { format!("   and {hidden} more") } else { String::new() };
        let lead = if begins { "! " } else { "  " };
        let pieces = [(lead, theme.alarm()), (row, theme.plain()), (&more, theme.dim())];
        pen.line(1, layout::HEADER + i as u16, area.width - 2, &pieces);
    }
}

struct Columns {
    entry: u16,
    author: u16,
    stands: u16,
    why: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        match width {
            layout::WIDE.. => Self { entry: 21, author: 39, stands: 57, why: 82 },
            _ => Self { entry: 14, author: 31, stands: 47, why: 400 },
        }
    }
}

fn row(pen: &mut Pen<'_>, theme: Theme, y: u16, width: u16, columns: &Columns, row: &QueueRow, selected: bool) {
    let base = if selected { theme.strong() } else { theme.plain() };
    let mut put = |x: u16, to: u16, text: &str, style: Style| {
        let room = to.min(width).saturating_sub(x + 1);
        pen.line(x, y, room, &[(&fit(text, usize::from(room), false), style)]);
    };
    let recorded = row.recorded.map(|at| at.with_timezone(&chrono_tz::Europe::London));
    let form = if columns.entry > 14 { "%-d %b %Y %H:%M" } else { "%-d %b %Y" };
    put(2, columns.entry, &recorded.map(|at| at.format(form).to_string()).unwrap_or_default(), base);
    put(columns.entry, columns.author, &row.title, base);
    put(columns.author, columns.stands, &row.author, base);
    let (glyph, style) = match row.state {
        ReviewState::Released => ("● ", theme.good()),
        ReviewState::Hidden | ReviewState::Retracted => ("░ ", theme.strong()),
        ReviewState::Retracting | ReviewState::Disputed | ReviewState::Escalated => ("! ", theme.alarm()),
        _ => ("  ", base),
    };
    put(columns.stands, columns.stands + 3, glyph, style);
    put(columns.stands + 2, columns.why, words::standing(row.state), base);
    if columns.why < width {
        put(columns.why, width, row.why.first().map_or("", String::as_str), theme.dim());
    }
}
