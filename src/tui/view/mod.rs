//! What the screen shows. Reads the state and changes nothing.

mod bar;
mod dialog;
mod entry;
pub mod help;
mod log;
mod palette;
mod pen;
mod policy;
mod queue;
pub mod reasons;
mod record;
mod redact;
mod skim;
mod status;
mod theme;
mod twins;
mod worklist;
mod write;

use ratatui::Frame;
use ratatui::layout::Position;
use unicode_width::UnicodeWidthStr;

pub use theme::Theme;

use super::action::Action;
use super::document::wrap;
use super::state::{Blank, IDLE_END_MINUTES, IDLE_MINUTES, Overlay, Screen, State};
use super::{layout, words};
use pen::Pen;
pub(in crate::tui) use policy::policy_rows;
pub(in crate::tui) use skim::{Rows, rows as skim_rows};
pub(in crate::tui) use status::status_rows;

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let theme = state.theme;
    let mut pen = Pen::new(frame.buffer_mut());
    let cursor = page(&mut pen, state, theme);
    if state.blank.is_none() {
        tour(&mut pen, state, theme);
    }
    if state.ascii {
        pen.keep_ascii();
    }
    // The real cursor stands on what is selected: screen readers and magnifiers follow it.
    if let Some(position) = cursor {
        frame.set_cursor_position(position);
    }
}

/// The present step of the tour, on the rows below the page; what ends it stands at the end of the last row.
fn tour(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let Some((number, says, ends)) = super::tour::shown(state) else { return };
    let (width, y) = state.size;
    let x = number.width() as u16 + 3;
    let room = width.saturating_sub(x + 1);
    pen.line(1, y, x, &[(&number, theme.key())]);
    let mut rows = wrap(&says, usize::from(room));
    rows.truncate(2);
    for (i, row) in rows.iter().enumerate() {
        pen.line(x, y + i as u16, room, &[(row, theme.strong())]);
    }
    pen.line_to(width.saturating_sub(1), y + 1, room, &[(&ends, theme.dim())]);
}

/// Why nothing is shown, and what becomes of it when nobody comes back.
fn blanked(state: &State, blank: Blank) -> String {
    let within =
        |minutes: u32| words::count(u64::from(minutes.saturating_sub(state.idle_minutes)), "minute", "minutes");
    match (blank, state.is_demo()) {
        (Blank::Asked, true) => "Blank: any key brings the screen back.".to_owned(),
        (Blank::Asked, false) => format!(
            "Blank: any key brings the screen back. After {} more without one you connect again.",
            within(IDLE_MINUTES)
        ),
        (Blank::Idle, true) => {
            format!("Blank after {IDLE_MINUTES} minutes without a key: any key brings the screen back.")
        }
        (Blank::Idle, false) => format!(
            "Blank after {IDLE_MINUTES} minutes without a key. The next key, or {} more without one, ends the session: \
             what is half done is kept, what you have in hand is free for others, and you connect again.",
            within(IDLE_END_MINUTES)
        ),
    }
}

fn page(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    if let Some(blank) = state.blank {
        let room = state.size.0.saturating_sub(2);
        for (y, row) in (0..).zip(wrap(&blanked(state, blank), usize::from(room))) {
            pen.line(1, y, room, &[(&row, theme.dim())]);
        }
        return Some(Position::new(0, 0));
    }
    if layout::too_small(state.size) {
        let (width, height) = layout::SMALLEST;
        let words = format!("Anteroom needs {width}x{height}; this is {}x{}.", state.size.0, state.size.1);
        pen.line(0, 0, state.size.0, &[(&words, theme.plain())]);
        let leaves = state.place().and_then(|_| state.key(Action::Quit)).map(|key| format!("; {key} leaves"));
        let what = format!("Make the window larger{}.", leaves.unwrap_or_default());
        pen.line(0, 1, state.size.0, &[(&what, theme.plain())]);
        return None;
    }
    let mut cursor = match state.screen {
        Screen::Queue => queue::draw(pen, state, theme),
        Screen::Skim => skim::draw(pen, state, theme, skim::area(state)),
        Screen::Entry => {
            // On a wide terminal, beside the list that it was opened from.
            match state.came_from() {
                _ if state.size.0 < layout::WIDE => None,
                Screen::Skim => skim::draw(pen, state, theme, skim::area(state)),
                _ => queue::draw(pen, state, theme),
            };
            entry::draw(pen, state, theme)
        }
        Screen::Redact => redact::draw(pen, state, theme),
        Screen::Worklist => worklist::draw(pen, state, theme),
        Screen::Record => record::draw(pen, state, theme),
        Screen::Log => log::draw(pen, state, theme),
        Screen::Status => status::draw(pen, state, theme),
        Screen::Policy => policy::draw(pen, state, theme),
    };
    bar::draw(pen, state, theme);
    match &state.overlay {
        Some(Overlay::Help { top }) => help::draw(pen, state, theme, *top),
        Some(Overlay::Palette { typed, selected }) => cursor = palette::draw(pen, state, theme, typed, *selected),
        Some(Overlay::Find { untouched }) => cursor = bar::draw_find(pen, state, theme, *untouched),
        Some(Overlay::Hide { targets, selected }) => cursor = dialog::hide(pen, state, theme, targets, *selected),
        Some(Overlay::Count { targets, reason, typed }) => {
            cursor = dialog::count(pen, state, theme, targets, *reason, typed);
        }
        Some(Overlay::Write { what, typed }) => cursor = write::draw(pen, state, theme, what, typed),
        Some(Overlay::Flags) => write::flags(pen, state, theme),
        Some(Overlay::Twins { selected, named }) => cursor = twins::draw(pen, state, theme, *selected, named),
        Some(Overlay::Filter) => dialog::filter(pen, state, theme),
        Some(Overlay::Patient { selected }) => cursor = dialog::patient(pen, state, theme, *selected),
        Some(Overlay::Told { title, lines }) => dialog::told(pen, state, theme, title, lines),
        None => {}
    }
    cursor
}
