//! Taking words out: the text to choose from, and what will be shown, always together.

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::entry::{draw_row, identity, plain_mark};
use super::pen::Piece;
use super::{Pen, Theme};
use crate::record::{Shown, Style as Removal};
use crate::tui::action::Action;
use crate::tui::document::{Document, Field, Stretch};
use crate::tui::layout;
use crate::tui::redaction::Size;
use crate::tui::state::{EntryState, Preview, RedactState, State};
use crate::tui::update::redact::settled;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (redacting, entry) = (state.redact.as_ref()?, state.entry.as_ref()?);
    let (width, _) = state.size;
    header(pen, theme, width, redacting, entry);
    let areas = layout::redact(state.size, redacting);
    let cursor = text(pen, theme, areas.text, redacting);
    let title = preview_title(state, redacting, entry);
    let more = match &redacting.preview {
        Preview::Shows(shown) => {
            let below = shown.rows.len().saturating_sub(redacting.preview_top + usize::from(areas.preview.height));
            if below > 0 {
                let key = state.key(Action::PageDown).map(|key| format!(", {key}")).unwrap_or_default();
                format!("↓ {below} more {}{key}", if below == 1 { "row" } else { "rows" })
            } else {
                String::new()
            }
        }
        Preview::Nothing(_) | Preview::Unseen => String::new(),
    };
    if width < layout::WIDE {
        pen.rule(Rect::new(0, 0, width, 1), areas.preview.y - 1, &title, &more, theme.dim());
    } else {
        pen.rule(Rect::new(0, 0, width, 1), 2, "", "", theme.dim());
        pen.rule(Rect::new(areas.preview.x, 0, areas.preview.width, 1), 2, &title, &more, theme.dim());
        for y in 2..areas.warnings.y.saturating_sub(1) {
            pen.line(areas.preview.x - 1, y, 1, &[(if y == 2 { "┬" } else { "│" }, theme.dim())]);
        }
    }
    preview(pen, theme, areas.preview, redacting);
    pen.rule(Rect::new(0, 0, width, 1), areas.warnings.y - 1, "", "", theme.dim());
    if width >= layout::WIDE {
        pen.line(areas.preview.x - 1, areas.warnings.y - 1, 1, &[("┴", theme.dim())]);
    }
    warnings(pen, state, theme, areas.warnings, redacting);
    cursor
}

/// `What Marie’s app will show`, and which of how many readers that is.
fn preview_title(state: &State, redacting: &RedactState, entry: &EntryState) -> String {
    let views = &entry.opened.patient.views;
    let Some((name, _)) = views.get(redacting.reader) else {
        return "What the patient’s app will show".to_owned();
    };
    let key = state.key(Action::Reader).filter(|_| views.len() > 1);
    let next = key.map(|key| format!("   {} of {}, {key} the next", redacting.reader + 1, views.len()));
    format!("What {name} will show{}", next.unwrap_or_default())
}

/// What this page calls itself.
const REDACT: &str = "REDACT  ";

/// Whether all that is selected is taken out already.
fn taken_out(redacting: &RedactState) -> bool {
    let document = &redacting.laid.document;
    let selected = redacting.selection.stretches(document);
    !selected.is_empty() && selected.iter().all(|stretch| redacting.removals.contains(document, *stretch))
}

fn header(pen: &mut Pen<'_>, theme: Theme, width: u16, redacting: &RedactState, entry: &EntryState) {
    let patient = &entry.opened.patient;
    // Who it is about stands first, whole but for a name that no row holds; then what is selected.
    let current = vec![("by ", theme.dim()), (redacting.selection.size.name(), theme.current())];
    let mut ladder = vec![("by ", theme.dim())];
    for (i, size) in Size::ALL.iter().enumerate() {
        if i > 0 {
            ladder.push((" ", theme.dim()));
        }
        let current = *size == redacting.selection.size;
        ladder.push((size.name(), if current { theme.current() } else { theme.dim() }));
    }
    let mut state_of = Vec::new();
    if redacting.selection.anchor.is_some() {
        state_of.push(("extending  ", theme.strong()));
    }
    if taken_out(redacting) {
        state_of.push(("taken out  ", theme.strong()));
    }
    let wide_of = |pieces: &[Piece<'_>]| pieces.iter().map(|(text, _)| text.width()).sum::<usize>();
    let room = usize::from(width).saturating_sub(2 + REDACT.width());
    let all: usize = identity(patient, usize::MAX).iter().map(|piece| piece.width()).sum();
    let ladder_fits = width >= layout::WIDE && all + 2 + wide_of(&state_of) + wide_of(&ladder) <= room;
    let sizes = if ladder_fits { ladder } else { current };
    let right = [state_of, sizes].concat();
    let [name, sex_age, nhs] = identity(patient, room.saturating_sub(wide_of(&right) + 2));
    // The name comes before the number where there is no room for both.
    let cut = name.width() < Shown::new(&patient.name).as_str().width();
    let (name, nhs) = match cut {
        true => (
            words::name_within(&patient.name, room.saturating_sub(wide_of(&right) + 2 + sex_age.width())),
            String::new(),
        ),
        false => (name, nhs),
    };
    pen.line_to(width - 1, 0, wide_of(&right) as u16, &right);
    let pieces =
        [(REDACT, theme.alarm()), (name.as_str(), theme.strong()), (&sex_age, theme.plain()), (&nhs, theme.plain())];
    pen.line(1, 0, width - 2, &pieces);
    let style = |style: Removal| if redacting.style == style { theme.current() } else { theme.dim() };
    let right = pen.line_to(
        width - 1,
        1,
        20,
        &[("silent", style(Removal::Silent)), (" · ", theme.dim()), ("marked", style(Removal::Marked))],
    );
    let version = &entry.opened.version;
    let title = if version.title.is_empty() { version.kind.title() } else { &version.title };
    let when = version.recorded.map(words::day_and_time).unwrap_or_default();
    pen.line(
        1,
        1,
        right.saturating_sub(3),
        &[(title, theme.plain()), (&format!("  {when}  {}", version.author.name), theme.plain())],
    );
    pen.rule(Rect::new(0, 0, width, 1), 2, "", "", theme.dim());
}

fn text(pen: &mut Pen<'_>, theme: Theme, area: Rect, redacting: &RedactState) -> Option<Position> {
    let laid = &redacting.laid;
    let selected = redacting.selection.stretches(&laid.document);
    let removed = redacting.removals.stretches();
    let within = |stretches: &[Stretch], line: usize, field: Field, byte: usize| {
        stretches.iter().any(|stretch| Document::covers(*stretch, line, field, byte))
    };
    let mut cursor = None;
    for (i, row) in laid.rows.iter().skip(redacting.top).take(usize::from(area.height)).enumerate() {
        let y = area.y + i as u16;
        if cursor.is_none() && row.shows.iter().any(|(field, span)| within(&selected, row.line, *field, span.start)) {
            cursor = Some(Position::new(area.x + laid.indent as u16, y));
        }
        draw_row(pen, laid, row, Rect::new(area.x, y, area.width, 1), theme, |glyph| {
            let Some((field, byte)) = glyph.at else {
                return (glyph.text.clone(), if glyph.number { theme.number() } else { theme.dim() });
            };
            let selected = within(&selected, row.line, field, byte);
            let removed = within(&removed, row.line, field, byte);
            match (selected, removed) {
                // Still to be read, and told apart where a terminal shows no strike-through.
                (true, true) if glyph.text.trim().is_empty() => ("░".to_owned(), theme.selected_removed()),
                (true, true) => (glyph.text.clone(), theme.selected_removed()),
                (true, false) => (glyph.text.clone(), theme.selected()),
                (false, true) if glyph.text.trim().is_empty() => (glyph.text.clone(), theme.plain()),
                (false, true) => ("░".repeat(glyph.text.width()), theme.dim()),
                (false, false) => (glyph.text.clone(), plain_mark(laid, theme, row.line, field, byte)),
            }
        });
    }
    cursor
}

fn preview(pen: &mut Pen<'_>, theme: Theme, area: Rect, redacting: &RedactState) {
    match &redacting.preview {
        Preview::Shows(shown) => {
            for (i, row) in shown.rows.iter().skip(redacting.preview_top).take(usize::from(area.height)).enumerate() {
                let y = area.y + i as u16;
                draw_row(pen, shown, row, Rect::new(area.x, y, area.width, 1), theme, |glyph| {
                    (glyph.text.clone(), if glyph.at.is_some() { theme.plain() } else { theme.dim() })
                });
            }
        }
        Preview::Unseen => {
            let unseen = "Nothing of this entry: this login shows less than the whole record.";
            pen.line(area.x + 1, area.y, area.width - 2, &[(unseen, theme.dim())]);
        }
        Preview::Nothing(why) => {
            let why = words::capital(&why.to_string());
            pen.line(area.x + 1, area.y, area.width - 2, &[("! ", theme.alarm()), (&why, theme.plain())]);
        }
    }
}

fn warnings(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, redacting: &RedactState) {
    let room = usize::from(area.height) - 1;
    let hidden = redacting.warnings.len().saturating_sub(room);
    for (i, warning) in redacting.warnings.iter().take(room).enumerate() {
        let text = words::capital(warning);
        pen.line(1, area.y + i as u16, area.width - 2, &[("! ", theme.alarm()), (&text, theme.plain())]);
    }
    let (done, all) = settled(redacting);
    let mut line = match all {
        0 => "nothing was found in it".to_owned(),
        // Screening misses things: that all it found is settled says nothing of the rest.
        _ if done == all => {
            let are = if all == 1 { "is" } else { "are" };
            format!("all {all} found {are} settled; the rest is yours to read")
        }
        _ => {
            let keys = state.key(Action::Remove).zip(state.key(Action::Keep));
            let how = keys.map(|(out, left)| format!(": {out} takes out, {left} leaves in")).unwrap_or_default();
            format!("{done} of {all} settled{how}")
        }
    };
    if hidden > 0 {
        line.push_str(&format!("   {hidden} more to think about"));
    }
    pen.line(1, area.bottom() - 1, area.width - 2, &[(&line, theme.plain())]);
}
