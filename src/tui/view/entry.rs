//! One entry: its text with numbered marks, and in plain words why to look.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::protocol::{Opened, QueueRow, TwinWhy};
use crate::record::{Category, sentences};
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::document::{Document, Field, Glyph, Laid, Match, Row};
use crate::tui::layout;
use crate::tui::state::{EntryState, State};
use crate::tui::words;

/// A line below the text.
pub enum Reason {
    /// A numbered match, by index.
    Match(usize),
    /// Something else to know.
    Note {
        /// Whether it warns.
        warning: bool,
        /// A sentence.
        text: String,
        /// What can be done about it.
        hint: Option<Action>,
    },
}

/// The lines below the text.
pub fn reasons(entry: &EntryState) -> Vec<Reason> {
    let opened = &entry.opened;
    let mut lines: Vec<Reason> = (0..entry.laid.document.matches.len()).map(Reason::Match).collect();
    let mut note = |warning: bool, text: String, hint: Option<Action>| lines.push(Reason::Note { warning, text, hint });
    for flag in &opened.patient.flags {
        note(true, flag.clone(), None);
    }
    if opened.row.state == ReviewState::Skim {
        note(false, "a line to skim: it is decided on in the queue".to_owned(), Some(Action::Pick));
    } else if let Some(why) = &opened.may_not_release {
        note(true, why.clone(), None);
    }
    if opened.to_read_back {
        let what = "you are the second reader: this is only what would be left; say what seems to be missing";
        note(true, what.to_owned(), Some(Action::ReadBack));
    }
    if opened.proposed.is_some() {
        note(true, "to approve is to agree to the redaction that you read back".to_owned(), Some(Action::Approve));
    }
    for written in &opened.notes {
        note(false, format!("{}: {}", written.by, written.text), None);
    }
    if opened.row.state == ReviewState::AwaitingSecond && !opened.decisions.is_empty() {
        let by = opened.decisions.iter().map(|decision| decision.by.as_str()).collect::<Vec<_>>().join(", ");
        note(true, format!("{by} wants to show it; a second person must agree"), None);
    }
    if let Some((_, decisions)) = &opened.before {
        let how = decisions.last().map(|decision| format!("{} by {}", words::done(&decision.act), decision.by));
        let how = how.unwrap_or_else(|| "decided".to_owned());
        note(true, format!("changed since the version before was {how}"), Some(Action::Versions));
    }
    if opened.draft.as_ref().is_some_and(|draft| !draft.removals.is_empty()) {
        note(false, "a redaction of yours is half made".to_owned(), Some(Action::Redact));
    }
    for twin in opened.twins.iter().filter(|twin| !twin.waived) {
        let what = match twin.why {
            TwinWhy::ShowsTheSame => "the same words can be read in",
            TwinWhy::WithheldThere => "the same words are withheld in",
        };
        let hint = (!entry.considered).then_some(Action::Waive);
        let considered = if entry.considered { " (considered)" } else { "" };
        note(!entry.considered, format!("{what} {}{considered}", other(&twin.row)), hint);
    }
    match &opened.row.lease {
        Some(lease) if !lease.yours => {
            let minutes = words::count(lease.minutes_left, "minute", "minutes");
            note(true, format!("{} has this patient in hand, for {minutes} more", lease.name), None);
        }
        _ => {
            if let Some(who) = &opened.row.held_by {
                note(false, format!("{who} reads it too"), None);
            }
        }
    }
    let mut also = opened.also_here.iter();
    if let Some(first) = also.next() {
        let more = match also.len() {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        note(false, format!("also waiting here: {}{more}", other(first)), Some(Action::Patient));
    }
    lines
}

/// What can be opened from the patient's box: what else waits here, and what has the same words.
pub fn others(opened: &Opened) -> Vec<&QueueRow> {
    let mut rows: Vec<&QueueRow> = opened.also_here.iter().collect();
    for twin in &opened.twins {
        if !rows.iter().any(|row| row.entry == twin.row.entry) {
            rows.push(&twin.row);
        }
    }
    rows
}

/// Another entry in a few words.
pub(super) fn other(row: &QueueRow) -> String {
    let why = row.why.first().map(|why| format!(" · {why}")).unwrap_or_default();
    format!("{} · {}{why}", words::short_name(&row.patient_name), row.title)
}

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let entry = state.entry.as_ref()?;
    let area = layout::entry_area(state.size);
    header(pen, state, theme, area, entry);
    let areas = layout::entry(state.size, entry);
    let rows = match &entry.compared {
        Some(rows) => {
            compared(pen, theme, areas.text, rows, entry.top);
            rows.len()
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
        (0, above) => format!("↑ {above} rows above"),
        (below, _) => format!("↓ {below} more {}", if below == 1 { "row" } else { "rows" }),
    };
    if areas.reasons.height > 0 {
        pen.rule(area, areas.reasons.y - 1, "", &more, theme.dim());
        if area.x > 0 {
            pen.line(area.x - 1, areas.reasons.y - 1, 1, &[("├", theme.dim())]);
        }
        draw_reasons(pen, state, theme, areas.reasons, entry);
    }
    Some(Position::new(area.x, areas.text.y))
}

fn header(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, entry: &EntryState) {
    let opened = &entry.opened;
    let (row, patient) = (&opened.row, &opened.patient);
    let now = state.now.unwrap_or(row.waiting_since);
    let wait = words::wait(row.waiting_since, row.due, now);
    let late = if wait.ends_with('!') { theme.alarm() } else { theme.plain() };
    let place = state.queue.place_of(row.entry);
    let place = place
        .map(|place| format!("{} of {}   ", place + 1, words::number(state.queue.len() as u64)))
        .unwrap_or_default();
    let right = pen.line_to(
        area.right().saturating_sub(1),
        0,
        28,
        &[(&place, theme.plain()), ("waits ", theme.plain()), (&wait, late)],
    );
    let nhs = patient.nhs_number.as_ref().map(|number| format!("   NHS {number}")).unwrap_or_default();
    let room = right.saturating_sub(area.x + 2);
    pen.line(
        area.x + 1,
        0,
        room,
        &[(&patient.name, theme.strong()), (&format!("   {}", patient.sex_age), theme.plain()), (&nhs, theme.plain())],
    );
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
    let words = if entry.compared.is_some() { "what is new (+) and what is gone (-)" } else { "" };
    pen.rule(area, 2, words, "", theme.dim());
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

fn compared(pen: &mut Pen<'_>, theme: Theme, area: Rect, rows: &[(char, String)], top: usize) {
    for (i, (mark, line)) in rows.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let style = match mark {
            '+' => theme.mark(),
            '-' => theme.dim(),
            _ => theme.plain(),
        };
        let lead = match mark {
            '+' => theme.good(),
            '-' => theme.alarm(),
            _ => theme.plain(),
        };
        pen.line(
            area.x + 1,
            area.y + i as u16,
            area.width - 1,
            &[(&mark.to_string(), lead), (" ", theme.plain()), (line, style)],
        );
    }
}

fn draw_reasons(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, entry: &EntryState) {
    let lines = reasons(entry);
    // What would be taken out gives way to why.
    let longest = entry.laid.document.matches.iter().map(|found| said(found).width()).max().unwrap_or_default();
    let with_removals = longest + 31 <= usize::from(area.width) || area.width >= 100;
    let height = usize::from(area.height);
    // Where not all fit, the current match is in sight and the last row says how many are not.
    let room = if lines.len() > height { height - 1 } else { height };
    let top =
        entry.current.map_or(0, |current| (current + 1).saturating_sub(room)).min(lines.len() - room.min(lines.len()));
    for (i, reason) in lines.iter().skip(top).take(room).enumerate() {
        let y = area.y + i as u16;
        match reason {
            Reason::Match(index) => {
                if let Some(found) = entry.laid.document.matches.get(*index) {
                    draw_match(pen, theme, Rect::new(area.x, y, area.width, 1), found, entry, with_removals);
                }
            }
            Reason::Note { warning, text, hint } => {
                let (glyph, style) = if *warning { ("!", theme.alarm()) } else { ("·", theme.plain()) };
                let text = words::capital(text);
                pen.line(area.x + 1, y, 2, &[(glyph, style)]);
                let key = hint.and_then(|hint| state.key(hint));
                let (key, label) = match (key, hint) {
                    (Some(key), Some(Action::Waive)) => (key, " considered".to_owned()),
                    (Some(key), Some(Action::ReadBack)) => (key, " read back".to_owned()),
                    (Some(key), Some(hint)) => (key, format!(" {}", hint.about().label)),
                    _ => (String::new(), String::new()),
                };
                let hint = [(key.as_str(), theme.key()), (label.as_str(), theme.plain())];
                let right = pen.line_to(area.right().saturating_sub(1), y, 14, &hint);
                pen.line(area.x + 4, y, right.saturating_sub(area.x + 5), &[(&text, theme.plain())]);
            }
        }
    }
    if lines.len() > height {
        let hidden = lines.len() - room;
        let text = format!("… {hidden} more");
        pen.line(area.x + 1, area.bottom() - 1, area.width - 2, &[(&text, theme.dim())]);
    }
}

/// What a match is about, and why it was found.
fn said(found: &Match) -> String {
    match found.finding.category {
        Category::Unscreened => words::capital(&found.finding.why),
        category => format!("{}: {}", words::capital(category.words()), found.finding.why),
    }
}

fn draw_match(pen: &mut Pen<'_>, theme: Theme, area: Rect, found: &Match, entry: &EntryState, with_removal: bool) {
    let y = area.y;
    let current = entry.current == Some(found.number - 1);
    let base = if current { theme.current() } else { theme.plain() };
    let finding = &found.finding;
    let removal = suggestion(found, &entry.laid.document);
    let mut right = area.right().saturating_sub(1);
    if with_removal {
        right = right.saturating_sub(14);
        pen.line(right, y, 14, &[(removal, theme.dim())]);
    }
    right = right.saturating_sub(12);
    pen.line(right, y, 11, &[(words::tier(finding.tier), theme.tier(finding.tier))]);
    pen.line(area.x + 1, y, 3, &[(&found.number.to_string(), theme.number())]);
    let what = said(found);
    pen.line(area.x + 4, y, right.saturating_sub(area.x + 5), &[(&what, base)]);
}

/// What would be taken out for a match, in a word or two.
fn suggestion(found: &Match, document: &Document) -> &'static str {
    let Some(first) = found.suggested.first() else {
        return if found.place.is_none() { "whole entry" } else { "" };
    };
    if found.suggested.len() > 1 {
        return "several places";
    }
    let text = document.lines.get(first.line).map(|line| line.text.as_str()).unwrap_or_default();
    match first.span {
        None => "whole line",
        Some(span) if sentences(text).contains(&span) => "whole sentence",
        Some(span) if span.of(text).is_some_and(|words| words.split_whitespace().count() == 1) => "one word",
        Some(_) => "some words",
    }
}
