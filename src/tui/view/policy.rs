//! The rules of review that are in force, as their file stands: every line with what it means and its source.

use ratatui::layout::{Position, Rect};

use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::protocol::PolicyFile;
use crate::tui::document::wrap;
use crate::tui::layout;
use crate::tui::state::State;
use crate::tui::words;

/// The file in rows of the page's width, and whether each only explains.
pub fn policy_rows(file: &PolicyFile, size: (u16, u16)) -> Vec<(bool, String)> {
    let width = usize::from(layout::policy_text(size).width);
    let mut rows = Vec::new();
    let mut lines = file.text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("# ") else {
            match line.is_empty() {
                true => rows.push((false, String::new())),
                false => rows.extend(wrap(line, width).into_iter().map(|row| (line.starts_with('#'), row))),
            }
            continue;
        };
        // A line that was broken because it was long goes on in the next one.
        let (mut words, mut last) = (words.to_owned(), line);
        while last.width() > BROKEN
            && let Some(next) = lines.next_if(|next| next.starts_with("# "))
        {
            words.extend([" ", next.trim_start_matches("# ")]);
            last = next;
        }
        let wrapped = wrap(&words, width.saturating_sub(2));
        rows.extend(wrapped.into_iter().map(|row| (true, format!("# {row}"))));
    }
    rows
}

/// Columns of a line of the file that was broken rather than ended.
const BROKEN: usize = 80;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, _) = state.size;
    let practice = state.welcome.as_ref().map(|welcome| welcome.practice.as_str()).unwrap_or_default();
    pen.line(1, 0, width - 2, &[(&format!("Policy in force · {practice}"), theme.strong())]);
    let area = Rect::new(0, 0, width, 1);
    let Some(file) = &state.policy.file else {
        pen.rule(area, 2, "", "", theme.dim());
        return None;
    };
    let digest: String = file.digest.chars().take(12).collect();
    let said = format!("in the log as {digest} · “anteroom policy take FILE” puts another in force");
    pen.line(1, 1, width - 2, &[(&said, theme.dim())]);
    let page = layout::policy_text(state.size);
    let rows = policy_rows(file, state.size);
    let below = rows.len().saturating_sub(state.policy.top + usize::from(page.height));
    let more = words::more_rows(below);
    pen.rule(area, 2, "", &more, theme.dim());
    for (i, (explains, row)) in rows.iter().skip(state.policy.top).take(usize::from(page.height)).enumerate() {
        let style = if *explains { theme.dim() } else { theme.plain() };
        pen.line(page.x, page.y + i as u16, page.width, &[(row, style)]);
    }
    Some(Position::new(page.x, page.y))
}
