//! Below an entry's text: in plain words why to look at it, and what else there is to know.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::protocol::{Opened, QueueRow, Twin, TwinWhy};
use crate::record::{Act, Category, Removal, RemovalTarget, sentences};
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::document::{Document, Match, fit, wrap};
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
        note(true, why.clone(), waits(opened.row.state).then_some(Action::NextEntry));
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
    if opened.row.state == ReviewState::Disputed {
        disputed(opened, &mut note);
    }
    if let Some(again) = &opened.look_again {
        note(true, format!("to be looked at again: {}", again.cause.words()), Some(Action::Confirm));
    }
    if let Some(hide) = opened.decisions.last().filter(|_| is_kept_back(opened.row.state)) {
        note(true, format!("{}: {}", words::standing(opened.row.state), wants(opened, &hide.act, &hide.by)), None);
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
    twins(entry, &mut note);
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

/// Whether it is decided on from here: then it can be left to somebody else.
fn waits(state: ReviewState) -> bool {
    state.waits_for_person() || state.waits_for_lead()
}

/// Whether somebody's hide is why it is not shown.
fn is_kept_back(state: ReviewState) -> bool {
    matches!(state, ReviewState::Hidden | ReviewState::Retracting | ReviewState::Retracted)
}

/// What two readers want. Only the lead is told who wants what.
fn disputed(opened: &Opened, note: &mut impl FnMut(bool, String, Option<Action>)) {
    note(true, "two readers want different things: it is withheld until the lead decides".to_owned(), None);
    for decision in &opened.decisions {
        note(true, wants(opened, &decision.act, &decision.by), None);
    }
}

/// What somebody wants to happen, with the words they would take out.
fn wants(opened: &Opened, act: &Act, by: &str) -> String {
    match act {
        Act::Approve => format!("{by} would show it as it is"),
        Act::Hide { reason } => format!("{by} hid it: {}", reason.words()),
        Act::Redact { removals, .. } => {
            let said = |removal: &Removal| {
                let part = opened.version.part(&removal.part)?;
                Some(match removal.target {
                    RemovalTarget::Line => part.display.as_str(),
                    RemovalTarget::Text(span) => span.of(&part.text)?,
                })
            };
            let out: Vec<String> = removals.iter().filter_map(said).map(|words| format!("“{words}”")).collect();
            format!("{by} would take out {}", out.join(", "))
        }
    }
}

/// Entries with the same words, in one line: the box lists them.
fn twins(entry: &EntryState, note: &mut impl FnMut(bool, String, Option<Action>)) {
    let open: Vec<&Twin> = entry.opened.twins.iter().filter(|twin| !twin.waived).collect();
    let Some(first) = open.first() else { return };
    let what = match first.why {
        TwinWhy::ShowsTheSame => "the same words can be read in",
        TwinWhy::WithheldThere => "the same words are withheld in",
    };
    let more = match open.len() {
        1 => String::new(),
        n => format!(", and in {}", words::count(n as u64 - 1, "other entry", "other entries")),
    };
    let left = open.iter().filter(|twin| !entry.considered.contains(&twin.row.entry)).count();
    let considered = match (left, open.len()) {
        (0, _) => " (considered)".to_owned(),
        (left, all) if left < all => format!(" ({} considered)", all - left),
        _ => String::new(),
    };
    note(left > 0, format!("{what} {}{more}{considered}", other(&first.row)), Some(Action::Waive));
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

/// Rows that one reason may take: its sentence whole if possible.
const MOST_ROWS: usize = 3;

/// Columns for the key that does something about a note.
const HINT: u16 = 14;

/// Whether what would be taken out stands beside each match. It gives way to why.
fn with_removals(entry: &EntryState, width: u16) -> bool {
    let longest = entry.laid.document.matches.iter().map(|found| said(found).width()).max().unwrap_or_default();
    longest + 31 <= usize::from(width) || width >= 100
}

/// The sentence of a reason in rows.
fn rows_of(entry: &EntryState, width: u16, reason: &Reason) -> Vec<String> {
    rows_within(entry, width, reason, MOST_ROWS)
}

/// The sentence of a reason in at most so many rows.
fn rows_within(entry: &EntryState, width: u16, reason: &Reason, most: usize) -> Vec<String> {
    let (text, right) = match reason {
        Reason::Match(index) => {
            let beside = if with_removals(entry, width) { 14 } else { 0 };
            (entry.laid.document.matches.get(*index).map(said).unwrap_or_default(), 12 + beside)
        }
        Reason::Note { text, hint, .. } => (words::capital(text), if hint.is_some() { HINT } else { 0 }),
    };
    let room = usize::from(width.saturating_sub(right + 6)).max(12);
    let mut rows = wrap(&text, room);
    if rows.len() > most {
        let rest = rows.split_off(most.saturating_sub(1)).join(" ");
        rows.push(fit(&rest, room, false));
    }
    rows
}

/// Rows that all reasons would take at this width.
pub fn reason_rows(entry: &EntryState, width: u16) -> usize {
    reasons(entry).iter().map(|reason| rows_of(entry, width, reason).len().max(1)).sum()
}

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, entry: &EntryState) {
    let with_rows = |reason: Reason| {
        let rows = rows_of(entry, area.width, &reason);
        (reason, rows)
    };
    let mut reasons: Vec<(Reason, Vec<String>)> = reasons(entry).into_iter().map(with_rows).collect();
    let height = usize::from(area.height);
    // Where not all fit, warnings come first, each match but the current one has one row, the current one is in
    // sight, and the last row says how many reasons are not.
    let short = reasons.iter().map(|(_, rows)| rows.len().max(1)).sum::<usize>() > height;
    if short {
        reasons.sort_by_key(|(reason, _)| !matches!(reason, Reason::Note { warning: true, .. }));
    }
    let heights = heights(&reasons, entry, height);
    let tall = |index: usize| heights.get(index).copied().unwrap_or(1);
    let fits: usize = heights.iter().sum();
    let room = if fits > height { height.saturating_sub(1) } else { height };
    let current =
        reasons.iter().position(|(reason, _)| matches!(reason, Reason::Match(i) if Some(*i) == entry.current));
    let mut top = 0;
    while let Some(upto) = current.and_then(|current| heights.get(top..=current))
        && upto.len() > 1
        && upto.iter().sum::<usize>() > room
    {
        top += 1;
    }
    let mut y = area.y;
    let mut shown = 0;
    for (index, (reason, rows)) in reasons.iter().enumerate().skip(top) {
        let left = room.saturating_sub(usize::from(y - area.y));
        // What is to be known is begun where there is room for some of it.
        let cut = matches!(reason, Reason::Note { .. }) && (1..tall(index)).contains(&left);
        let tall = if cut { left } else { tall(index) };
        if tall > left {
            break;
        }
        let rows = if cut { &rows_within(entry, area.width, reason, left) } else { rows };
        let line = Rect::new(area.x, y, area.width, tall as u16);
        match reason {
            Reason::Match(index) => {
                if let Some(found) = entry.laid.document.matches.get(*index) {
                    draw_match(pen, theme, line, found, entry, rows);
                }
            }
            Reason::Note { warning, hint, .. } => {
                let hint = hint.map(|hint| (state.key(hint), hint));
                draw_note(pen, theme, line, *warning, hint, rows);
            }
        }
        y += tall as u16;
        shown += 1;
    }
    if fits > height {
        let key = state.key(Action::NextMatch).map(|key| format!(", {key} goes through them")).unwrap_or_default();
        let text = format!("… {} more{key}", reasons.len() - shown);
        pen.line(area.x + 1, area.bottom() - 1, area.width - 2, &[(&text, theme.dim())]);
    }
}

/// Rows of each reason. Where not all fit whole, each match but the current one begins with one row, and the rows
/// that are left then go to those that are cut, from the first.
fn heights(reasons: &[(Reason, Vec<String>)], entry: &EntryState, height: usize) -> Vec<usize> {
    let whole: Vec<usize> = reasons.iter().map(|(_, rows)| rows.len().max(1)).collect();
    if whole.iter().sum::<usize>() <= height {
        return whole;
    }
    let least = |((reason, _), whole): (&(Reason, Vec<String>), &usize)| match reason {
        Reason::Match(index) if entry.current != Some(*index) => 1,
        _ => *whole,
    };
    let mut heights: Vec<usize> = reasons.iter().zip(&whole).map(least).collect();
    let mut spare = height.saturating_sub(heights.iter().sum());
    for (rows, whole) in heights.iter_mut().zip(&whole) {
        let more = whole.saturating_sub(*rows).min(spare);
        *rows += more;
        spare -= more;
    }
    heights
}

fn draw_note(
    pen: &mut Pen<'_>,
    theme: Theme,
    area: Rect,
    warning: bool,
    hint: Option<(Option<String>, Action)>,
    rows: &[String],
) {
    let (glyph, style) = if warning { ("!", theme.alarm()) } else { ("·", theme.plain()) };
    pen.line(area.x + 1, area.y, 2, &[(glyph, style)]);
    for (i, row) in rows.iter().enumerate() {
        pen.line(area.x + 4, area.y + i as u16, area.width.saturating_sub(5), &[(row, theme.plain())]);
    }
    if let Some((Some(key), hint)) = hint {
        let label = match hint {
            Action::NextEntry => " leave it",
            Action::Waive => " see them",
            Action::ReadBack => " read back",
            Action::Confirm => " stays so",
            hint => &format!(" {}", hint.about().label),
        };
        let hint = [(key.as_str(), theme.key()), (label, theme.plain())];
        pen.line_to(area.right().saturating_sub(1), area.y, HINT, &hint);
    }
}

/// What a match is about, and why it was found.
fn said(found: &Match) -> String {
    let why = words::capital(&found.finding.why);
    match found.finding.category {
        Category::Unscreened => why,
        // What names its category already says it once.
        category if why.to_lowercase().contains(category.words()) => why,
        Category::HonourFgmForcedMarriage => format!("Honour-based abuse: {why}"),
        category => format!("{}: {}", words::capital(category.words()), found.finding.why),
    }
}

fn draw_match(pen: &mut Pen<'_>, theme: Theme, area: Rect, found: &Match, entry: &EntryState, rows: &[String]) {
    let y = area.y;
    let current = entry.current == Some(found.number - 1);
    let base = if current { theme.current() } else { theme.plain() };
    let finding = &found.finding;
    let mut right = area.right().saturating_sub(1);
    if with_removals(entry, area.width) {
        right = right.saturating_sub(14);
        pen.line(right, y, 14, &[(suggestion(found, &entry.laid.document), theme.dim())]);
    }
    right = right.saturating_sub(12);
    pen.line(right, y, 11, &[(words::tier(finding.tier), theme.tier(finding.tier))]);
    pen.line(area.x + 1, y, 3, &[(&found.number.to_string(), theme.number())]);
    let room = right.saturating_sub(area.x + 5);
    let whole = said(found);
    let cut = usize::from(area.height) < rows.len();
    for (i, row) in rows.iter().take(usize::from(area.height)).enumerate() {
        // In one row as much as fits.
        let row = if cut { &whole } else { row };
        pen.line(area.x + 4, y + i as u16, room, &[(row, base)]);
    }
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
