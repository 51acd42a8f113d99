//! The keys of this page, then of every other.

use ratatui::layout::Rect;

use super::{Pen, Theme};
use crate::tui::action::{Action, Place};
use crate::tui::document::wrap;
use crate::tui::keymap::Keymap;
use crate::tui::layout;
use crate::tui::state::State;
use crate::tui::words;

/// A line of the help.
pub enum HelpLine {
    /// A heading.
    Head(String),
    /// Keys and what they do.
    Keys(String, String),
    /// A gap.
    Gap,
}

/// Rows for the list.
pub fn height(size: (u16, u16)) -> u16 {
    size.1.saturating_sub(layout::FOOTER + layout::HEADER)
}

/// Columns before the sentences.
const KEYS: u16 = 21;

/// Every line, the page one comes from first, in at most `width` columns: a sentence that is longer goes on below.
pub fn lines(keymap: &Keymap, page: Place, ascii: bool, width: u16) -> Vec<HelpLine> {
    let room = usize::from(width.saturating_sub(KEYS + 1)).max(1);
    let said = |keys: &str, sentence: &str| {
        let rows = wrap(sentence, room).into_iter().enumerate();
        rows.map(|(i, row)| HelpLine::Keys(if i == 0 { keys.to_owned() } else { String::new() }, row))
            .collect::<Vec<_>>()
    };
    let table = keymap.table(ascii);
    let others = Place::ALL.into_iter().filter(|place| *place != page && *place != Place::Help);
    let mut lines = Vec::new();
    for place in std::iter::once(page).chain(others) {
        if !lines.is_empty() {
            lines.push(HelpLine::Gap);
        }
        lines.push(HelpLine::Head(words::capital(place.words())));
        if matches!(place, Place::Entry | Place::Redact) {
            lines.extend(said("1–9", "Go to the match with that number"));
        }
        if place == Place::Hide {
            lines.extend(said("1–8", "Hide for that reason, at once"));
        }
        for (_, keys, sentence) in table.iter().filter(|(at, keys, _)| *at == place && !keys.is_empty()) {
            // What is the same everywhere stands once, with the page one comes from.
            let general =
                place != page && table.iter().any(|(at, same, what)| *at == page && same == keys && what == sentence);
            if !general {
                lines.extend(said(keys, sentence));
            }
        }
    }
    lines
}

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme, top: usize) {
    let (width, _) = state.size;
    let height = height(state.size);
    pen.clear(Rect::new(0, 0, width, layout::HEADER + height));
    pen.line(1, 0, width - 2, &[("Keys", theme.strong())]);
    let palette = state.key(Action::Palette).unwrap_or_default();
    pen.line(
        1,
        1,
        width - 2,
        &[("Every action is also on ", theme.dim()), (&palette, theme.key()), (", by its words.", theme.dim())],
    );
    let lines = lines(&state.keymap, state.page(), state.ascii, width);
    let below = lines.len().saturating_sub(top + usize::from(height));
    let more = words::more_rows(below);
    pen.rule(Rect::new(0, 0, width, 1), 2, "", &more, theme.dim());
    for (i, line) in lines.iter().skip(top).take(usize::from(height)).enumerate() {
        let y = layout::HEADER + i as u16;
        match line {
            HelpLine::Head(head) => {
                pen.line(1, y, width - 2, &[(head, theme.strong())]);
            }
            HelpLine::Keys(keys, sentence) => {
                pen.line(3, y, 17, &[(keys, theme.key())]);
                pen.line(KEYS, y, width - KEYS - 1, &[(sentence, theme.plain())]);
            }
            HelpLine::Gap => {}
        }
    }
}
