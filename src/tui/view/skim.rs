//! The skim page: one line an entry, the sentence that scored cut around the words that did.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme, queue};
use crate::protocol::SkimLine;
use crate::record::Shown;
use crate::tui::action::Action;
use crate::tui::excerpt::Excerpt;
use crate::tui::layout;
use crate::tui::skim::{Line, Underway};
use crate::tui::state::{Screen, State};
use crate::tui::words;

/// Draws the page on `area`: the whole screen, or beside an entry that was opened from it.
pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) -> Option<Position> {
    let reading = state.screen == Screen::Skim;
    let list = if reading { layout::skim_list(state.size) } else { below_header(area) };
    match reading && list.y == 0 {
        true => margin(pen, state, theme, list),
        false => header(pen, state, theme, area),
    }
    if area.width < state.size.0 {
        for y in 0..area.height {
            // Its rule stands a row above the entry's.
            let line = match y + 1 {
                layout::SKIM_HEADER => "┤",
                layout::HEADER => "├",
                _ => "│",
            };
            pen.line(area.right(), y, 1, &[(line, theme.dim())]);
        }
    }
    if state.skim.page().is_empty() {
        empty(pen, state, theme, list);
        return None;
    }
    let mut cursor = None;
    let mut y = list.y;
    for (i, (line, rows)) in state.skim.page().iter().zip(rows(state.skim.page(), list)).enumerate() {
        if y >= list.bottom() {
            break;
        }
        let selected = i == state.skim.selected();
        if selected {
            cursor = Some(Position::new(list.x, y));
        }
        self::line(pen, state, theme, Rect::new(list.x, y, list.width, rows.height()), &line.sent, selected);
        y += rows.height();
    }
    cursor
}

/// How a line of the page stands on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Rows {
    /// In one row, and something of it is not in sight.
    Cut,
    /// Whole, in so many rows.
    Whole(u16),
}

impl Rows {
    fn height(self) -> u16 {
        match self {
            Self::Cut => 1,
            Self::Whole(rows) => rows,
        }
    }
}

/// How each line of a page stands on a list: in one row, or whole in several where rows are left over.
pub(in crate::tui) fn rows(page: &[Line], list: Rect) -> Vec<Rows> {
    let mut spare = usize::from(list.height).saturating_sub(page.len());
    let of = |line: &Line| {
        let (_, excerpt) = in_sight(&line.sent, list.width);
        if !excerpt.cut {
            return Rows::Whole(1);
        }
        let rows = whole(&line.sent, list.width).1.len();
        match spare.checked_sub(rows - 1) {
            Some(left) => {
                spare = left;
                Rows::Whole(rows as u16)
            }
            None => Rows::Cut,
        }
    };
    page.iter().map(of).collect()
}

fn below_header(area: Rect) -> Rect {
    Rect::new(area.x, layout::SKIM_HEADER, area.width, area.height.saturating_sub(layout::SKIM_HEADER))
}

/// How many lines there are, which page this is, and when it counts as read.
struct Progress {
    to_skim: String,
    page: String,
    key: String,
    read: String,
}

fn progress(state: &State) -> Progress {
    let skim = &state.skim;
    let (page, pages) = skim.number();
    let key = state.keymap.keys(crate::tui::action::Place::Skim, Action::Pass, state.ascii).into_iter().next();
    // Beside an entry the lines are not being read.
    let reading = state.screen == Screen::Skim && !skim.page().is_empty();
    let (key, read) = match (reading, skim.seconds_left(), key) {
        (false, ..) => (String::new(), String::new()),
        (true, 0, Some(key)) => (key, " passes it".to_owned()),
        (true, 0, None) => (String::new(), "read".to_owned()),
        (true, left, _) => (String::new(), format!("counts as read in {left} s")),
    };
    Progress {
        to_skim: format!("{} to skim", words::number(skim.count() as u64)),
        page: if skim.page().is_empty() { String::new() } else { format!("page {page} of {pages}") },
        key,
        read,
    }
}

fn header(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let mut room = area.width.saturating_sub(2);
    if let (true, Some(welcome)) = (area.width == state.size.0, &state.welcome) {
        let who = [(welcome.actor.login.as_str(), theme.strong()), ("  ", theme.plain())];
        let pieces = [who[0], who[1], (welcome.actor.role.name(), theme.plain())];
        room = pen.line_to(area.right().saturating_sub(1), 0, area.width / 3, &pieces).saturating_sub(area.x + 3);
    }
    let Progress { to_skim, page, key, mut read } = progress(state);
    // Where not all has room, fewer words.
    if to_skim.width() + page.width() + key.width() + read.width() + 6 > usize::from(room) {
        read = read.replace("counts as read", "read");
    }
    let pieces = [
        (to_skim.as_str(), theme.strong()),
        ("   ", theme.plain()),
        (&page, theme.plain()),
        ("   ", theme.plain()),
        (&key, theme.key()),
        (&read, theme.plain()),
    ];
    pen.line(area.x + 1, 0, room, &pieces);
    pen.rule(area, layout::SKIM_HEADER - 1, "", "", theme.dim());
}

/// The same beside the lines.
fn margin(pen: &mut Pen<'_>, state: &State, theme: Theme, list: Rect) {
    for y in 0..list.height {
        pen.line(list.right(), y, 1, &[("│", theme.dim())]);
    }
    let (x, room) = (list.right() + 2, layout::SKIM_MARGIN - 2);
    let Progress { to_skim, page, key, read } = progress(state);
    pen.line(x, 0, room, &[(&to_skim, theme.strong())]);
    pen.line(x, 1, room, &[(&page, theme.plain())]);
    let words = read.strip_prefix("counts as ").unwrap_or(&read);
    pen.line(x, 2, room, &[(&key, theme.key()), (words, theme.plain())]);
    if let Some(welcome) = &state.welcome {
        pen.line(x, 4, room, &[(&welcome.actor.login, theme.dim())]);
    }
}

fn empty(pen: &mut Pen<'_>, state: &State, theme: Theme, list: Rect) {
    if !state.skim.come {
        // On a good day this is over before it can be read.
        if state.waiting {
            queue::paragraph(pen, theme.plain(), list, list.y + 2, "Asking for the lines to skim…");
        }
        return;
    }
    let y = queue::paragraph(pen, theme.strong(), list, list.y + 2, "Nothing is left to skim.");
    let back = state.keymap.keys(crate::tui::action::Place::Skim, Action::Back, state.ascii).into_iter().next();
    let back = format!("{} goes back to the queue.", back.unwrap_or_default());
    queue::paragraph(pen, theme.plain(), list, y + 1, &back);
}

fn line(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, line: &SkimLine, selected: bool) {
    let row = &line.row;
    let underway = match &state.skim.underway {
        Some(Underway::Picking(target)) => target.entry == row.entry,
        Some(Underway::Passing) => true,
        Some(Underway::TakingBack { .. }) | None => false,
    };
    let underway = underway || state.sending.as_ref().is_some_and(|sending| sending.target.entry == row.entry);
    let base = if underway { theme.dim() } else { theme.plain() };
    let name_style = if selected && !underway { theme.strong() } else { base };
    let name_room = name_room(area.width);
    if selected {
        pen.line(area.x, area.y, 1, &[("▶", name_style)]);
    }
    let name = words::short_name_within(&row.patient_name, usize::from(name_room));
    pen.line(area.x + 2, area.y, name_room, &[(&name, name_style)]);
    let sex_age_at = area.x + 2 + name_room + 1;
    pen.line(sex_age_at, area.y, 5, &[(&row.sex_age, name_style)]);
    let x = area.x + beside(area.width) as u16;
    let tag = layout::tag(row);
    let mark: Style = if underway { theme.dim() } else { theme.mark() };
    let strong = if underway { base } else { theme.strong() };
    if area.height > 1 {
        let (readers, sentence) = whole(line, area.width);
        for (y, words) in (area.y..).zip(&sentence) {
            let mut pieces = vec![];
            if y == area.y {
                pieces.extend([(tag.as_str(), theme.dim()), (readers.as_str(), strong)]);
            }
            pieces.extend(words.iter().map(|(marked, text)| (text.as_str(), if *marked { mark } else { base })));
            pen.line(x, y, area.right().saturating_sub(x), &pieces);
        }
        return;
    }
    let (readers, Excerpt { before, marked, after, .. }) = in_sight(line, area.width);
    let pieces = [(tag.as_str(), theme.dim()), (&readers, strong), (&before, base), (&marked, mark), (&after, base)];
    pen.line(x, area.y, area.right().saturating_sub(x), &pieces);
}

/// Columns before a line's sentence.
fn beside(width: u16) -> usize {
    usize::from(2 + name_room(width) + 7)
}

/// A line's readers, and the rows of its whole sentence on a list of this width: pieces, and whether each is marked.
fn whole(line: &SkimLine, width: u16) -> (String, Vec<Vec<(bool, String)>>) {
    let room = usize::from(width).saturating_sub(beside(width)).max(8);
    let readers = others_read(&line.row.readers).map(|readers| format!("{readers} · ")).unwrap_or_default();
    let first = (layout::tag(&line.row).width() + readers.width()).min(room);
    let Excerpt { before, marked, after, .. } = Excerpt::new(&line.sentence, line.marked, usize::MAX);
    let mut rows: Vec<Vec<(bool, String)>> = vec![Vec::new()];
    let mut left = room - first;
    for (is_marked, text) in [(false, before), (true, marked), (false, after)] {
        for word in text.split_inclusive(' ') {
            // A word that no row holds is cut over several.
            for piece in pieces_of(word, room) {
                if piece.trim_end().width() > left {
                    rows.push(Vec::new());
                    left = room;
                }
                left = left.saturating_sub(piece.width());
                if let Some(row) = rows.last_mut() {
                    row.push((is_marked, piece));
                }
            }
        }
    }
    // What ends a row needs no blank behind it.
    for (_, last) in rows.iter_mut().filter_map(|row| row.last_mut()) {
        last.truncate(last.trim_end().len());
    }
    (readers, rows)
}

/// A word in pieces of at most `room` columns.
fn pieces_of(word: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for grapheme in word.graphemes(true) {
        let full = pieces.last().is_some_and(|piece| piece.width() + grapheme.trim_end().width() > room);
        if full {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(grapheme);
        }
    }
    pieces
}

fn name_room(width: u16) -> u16 {
    match width {
        76.. => 13,
        _ => 10,
    }
}

/// What a list of this width shows of a line: its readers, and as much of its sentence as fits.
fn in_sight(line: &SkimLine, width: u16) -> (String, Excerpt) {
    let room = usize::from(width).saturating_sub(beside(width));
    let tag = layout::tag(&line.row);
    let readers = others_read(&line.row.readers).map(|readers| format!("{readers} · ")).unwrap_or_default();
    // On the narrowest terminals the words that scored come first.
    let readers = if readers.width() + tag.width() > room / 2 { String::new() } else { readers };
    let room = room.saturating_sub(tag.width() + readers.width());
    let excerpt = Excerpt::new(&line.sentence, line.marked, room);
    (readers, excerpt)
}

/// The readers of a record, where somebody other than the patient is among them.
fn others_read(readers: &str) -> Option<String> {
    let readers = Shown::new(readers).as_str().replace('\n', " ");
    (!matches!(readers.as_str(), "" | "none" | "app")).then_some(readers)
}

/// Where the page stands on the screen.
pub(super) fn area(state: &State) -> Rect {
    let height = state.size.1.saturating_sub(layout::FOOTER);
    match state.screen {
        Screen::Skim => Rect::new(0, 0, state.size.0, state.size.1),
        _ => Rect::new(0, 0, layout::list_width(state.size), height),
    }
}
