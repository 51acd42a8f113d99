//! One entry: its text with numbered marks, and in plain words why to look.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme, reasons};
use crate::protocol::PatientCard;
use crate::tui::action::Action;
use crate::tui::compare::Changed;
use crate::tui::document::{Document, Field, Glyph, Laid, Match, Row};
use crate::tui::layout;
use crate::tui::state::{EntryState, State};
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let entry = state.entry.as_ref()?;
    let area = layout::entry_area(state.size);
    header(pen, state, theme, area, entry);
    let areas = layout::entry(state.size, entry);
    let rows = match &entry.compared {
        Some(shown) => {
            compared(pen, theme, areas.text, &shown.rows, entry.top);
            shown.rows.len()
        }
        None => {
            text(pen, theme, areas.text, entry);
            entry.laid.rows.len()
        }
    };
    let height = usize::from(areas.text.height);
    let below = rows.saturating_sub(entry.top + height);
    let more = match (below, entry.top) {
        (0, 0) => String::new(),
        (0, above) => format!("↑ {above} {} above", if above == 1 { "row" } else { "rows" }),
        (below, _) => {
            let key = state.key(Action::PageDown).map(|key| format!(", {key}")).unwrap_or_default();
            format!("↓ {below} more {}{key}", if below == 1 { "row" } else { "rows" })
        }
    };
    if areas.reasons.height > 0 {
        pen.rule(area, areas.reasons.y - 1, "", &more, theme.dim());
        if area.x > 0 {
            pen.line(area.x - 1, areas.reasons.y - 1, 1, &[("├", theme.dim())]);
        }
        reasons::draw(pen, state, theme, areas.reasons, entry);
    }
    Some(Position::new(area.x, areas.text.y))
}

fn header(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, entry: &EntryState) {
    let opened = &entry.opened;
    let (row, patient) = (&opened.row, &opened.patient);
    let now = state.now.unwrap_or(row.waiting_since);
    let wait = words::wait(row.waiting_since, row.due, now);
    let late = if wait.ends_with('!') { theme.alarm() } else { theme.plain() };
    // Who it is about stands before how long it waits, and that before which of how many it is.
    let who = identity(patient, usize::from(area.width).saturating_sub(2));
    let room = usize::from(area.width).saturating_sub(2 + who.iter().map(|piece| piece.width()).sum::<usize>());
    let waits = format!("   waits {wait}");
    if waits.width() <= room {
        let place = state.queue.place_of(row.entry);
        let place = place.map(|place| format!("   {} of {}", place + 1, words::number(state.queue.len() as u64)));
        let place = place.filter(|place| place.width() + waits.width() <= room).unwrap_or_default();
        let pieces = [(place.as_str(), theme.plain()), ("   waits ", theme.plain()), (wait.as_str(), late)];
        pen.line_to(area.right().saturating_sub(1), 0, room as u16, &pieces);
    }
    let [name, sex_age, nhs] = &who;
    let pieces = [(name.as_str(), theme.strong()), (sex_age, theme.plain()), (nhs, theme.plain())];
    pen.line(area.x + 1, 0, area.width.saturating_sub(2), &pieces);
    let version = &opened.version;
    let when = match (version.recorded, version.happened) {
        (Some(at), _) => words::day_and_time(at),
        (None, Some(day)) => day.format("%a %-d %b %Y").to_string(),
        (None, None) => "no date".to_owned(),
    };
    let title = if version.title.is_empty() { version.kind.title() } else { &version.title };
    let what = format!("  {when}  {}", version.author.name);
    // In full where there is room, in a word or two where there is not.
    let readers = match patient.readers.is_empty() {
        true => "readers: nobody online".to_owned(),
        false => format!("readers: {}", patient.readers.join(" · ")),
    };
    let room = usize::from(area.width).saturating_sub(title.width() + what.width() + 4);
    let readers = if readers.width() <= room { readers } else { format!("readers: {}", row.readers) };
    let right = pen.line_to(area.right().saturating_sub(1), 1, area.width / 2, &[(&readers, theme.plain())]);
    pen.line(area.x + 1, 1, right.saturating_sub(area.x + 3), &[(title, theme.strong()), (&what, theme.plain())]);
    pen.rule(area, 2, &comparison(entry, usize::from(area.width)), "", theme.dim());
}

/// Whose record it is, in at most `room` columns: name, sex and age, NHS number. Only the name is ever cut.
pub(super) fn identity(patient: &PatientCard, room: usize) -> [String; 3] {
    let sex_age = format!("   {}", patient.sex_age);
    let nhs = patient.nhs_number.as_ref().map(|number| format!("   NHS {number}")).unwrap_or_default();
    let name = words::name_within(&patient.name, room.saturating_sub(sex_age.width() + nhs.width()));
    [name, sex_age, nhs]
}

/// What the present version is compared with, and what the signs mean where there is room for that.
fn comparison(entry: &EntryState, width: usize) -> String {
    let earlier = entry.compared.as_ref().and_then(|compared| entry.earlier.get(compared.index));
    let Some(earlier) = earlier else { return String::new() };
    let (old, new) = (earlier.content.version.0, entry.opened.version.version.0);
    let decided = earlier.decisions.last().map(|decision| {
        format!(", {} by {} {}", words::done(&decision.act), decision.by, words::day(decision.at.date_naive()))
    });
    let since = format!("since version {old} of {new}{}", decided.unwrap_or_default());
    let signs = " · + new, - gone";
    if since.width() + signs.width() + 6 <= width { since + signs } else { since }
}

fn text(pen: &mut Pen<'_>, theme: Theme, area: Rect, entry: &EntryState) {
    let laid = &entry.laid;
    for (i, row) in laid.rows.iter().skip(entry.top).take(usize::from(area.height)).enumerate() {
        let y = area.y + i as u16;
        draw_row(pen, laid, row, Rect::new(area.x, y, area.width, 1), theme, |glyph| {
            let Some((field, byte)) = glyph.at else {
                return (glyph.text.clone(), if glyph.number { theme.number() } else { theme.dim() });
            };
            (glyph.text.clone(), mark_style(laid, theme, row.line, field, byte, entry.current))
        });
    }
    if laid.rows.is_empty() {
        pen.line(area.x + 1, area.y, area.width, &[("this entry has no text", theme.dim())]);
    }
}

/// Draws one row with its heading; `look` says how each grapheme appears.
pub(super) fn draw_row(
    pen: &mut Pen<'_>,
    laid: &Laid,
    row: &Row,
    area: Rect,
    theme: Theme,
    look: impl Fn(&Glyph) -> (String, Style),
) {
    let heading = laid.heading(row);
    let room = (laid.indent as u16).saturating_sub(3);
    pen.line(area.x + 1, area.y, room, &[(heading.as_str(), theme.dim())]);
    let x = area.x + laid.indent as u16;
    let mut pieces: Vec<(String, Style)> = Vec::new();
    for glyph in laid.glyphs(row) {
        let (text, style) = look(&glyph);
        match pieces.last_mut() {
            Some((run, last)) if *last == style => run.push_str(&text),
            _ => pieces.push((text, style)),
        }
    }
    let pieces: Vec<(&str, Style)> = pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    pen.line(x, area.y, area.right().saturating_sub(x), &pieces);
}

/// The match that a byte belongs to, the current one first.
fn mark_style(laid: &Laid, theme: Theme, line: usize, field: Field, byte: usize, current: Option<usize>) -> Style {
    let has_code = laid.document.lines.get(line).is_some_and(|line| !line.code.is_empty());
    let marks = |found: &Match| {
        found.place.is_some_and(|place| match (place.span, field) {
            // A finding about a line with a code is about the code; its text has findings of its own.
            (None, Field::Text) if has_code => false,
            _ => Document::covers(place, line, field, byte),
        })
    };
    let mut style = theme.plain();
    for (index, found) in laid.document.matches.iter().enumerate() {
        if marks(found) {
            if Some(index) == current {
                return theme.current();
            }
            style = theme.mark();
        }
    }
    style
}

/// How a byte looks that is not selected: marked or plain.
pub(super) fn plain_mark(laid: &Laid, theme: Theme, line: usize, field: Field, byte: usize) -> Style {
    mark_style(laid, theme, line, field, byte, None)
}

fn compared(pen: &mut Pen<'_>, theme: Theme, area: Rect, rows: &[Changed], top: usize) {
    for (i, row) in rows.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let (lead, whole, words) = match row.mark {
            '+' => (theme.good(), theme.plain(), theme.mark()),
            '-' => (theme.alarm(), theme.dim(), theme.gone()),
            _ => (theme.plain(), theme.plain(), theme.plain()),
        };
        // A line that is new or gone as a whole has no single words that changed.
        let all = row.pieces.iter().all(|(changed, _)| !changed);
        let mark = row.mark.to_string();
        let mut pieces = vec![(mark.as_str(), lead), (" ", theme.plain())];
        let look = |changed: bool| if changed || all && row.mark == '+' { words } else { whole };
        pieces.extend(row.pieces.iter().map(|(changed, text)| (text.as_str(), look(*changed))));
        pen.line(area.x + 1, area.y + i as u16, area.width - 1, &pieces);
    }
}
