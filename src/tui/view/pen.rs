//! The only way onto the screen: every text is made safe here, and cut with an ellipsis where it does not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_normalization::UnicodeNormalization;
use unicode_width::UnicodeWidthStr;

use crate::record::Shown;
use crate::tui::document::fit;

/// A piece of a line and how it looks.
pub type Piece<'a> = (&'a str, Style);

/// Draws on a buffer.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
}

impl<'a> Pen<'a> {
    /// Draws on this buffer.
    pub fn new(buffer: &'a mut Buffer) -> Self {
        Self { buffer }
    }

    /// Draws a line of at most `width` columns, and returns the column after it.
    pub fn line(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece<'_>]) -> u16 {
        if y >= self.buffer.area.bottom() || x >= self.buffer.area.right() {
            return x;
        }
        let end = (x + width).min(self.buffer.area.right());
        let pieces: Vec<(String, Style)> = pieces.iter().map(|(text, style)| (safe(text), *style)).collect();
        let mut column = x;
        for (i, (text, style)) in pieces.iter().enumerate() {
            let room = usize::from(end - column);
            let rest: usize = pieces[i + 1..].iter().map(|(text, _)| text.width()).sum();
            let all_fits = text.width() + rest <= room;
            // What follows is cut before this is, but never without a sign that something is missing.
            let shown = if all_fits || text.width() < room { text.clone() } else { fit(text, room, false) };
            column = self.buffer.set_stringn(column, y, &shown, room, *style).0;
            if column >= end {
                break;
            }
        }
        column
    }

    /// Draws a line that ends at column `right`; returns where it begins.
    pub fn line_to(&mut self, right: u16, y: u16, width: u16, pieces: &[Piece<'_>]) -> u16 {
        let wanted: usize = pieces.iter().map(|(text, _)| safe(text).width()).sum();
        let shown = u16::try_from(wanted).unwrap_or(u16::MAX).min(width);
        let x = right.saturating_sub(shown);
        self.line(x, y, shown, pieces);
        x
    }

    /// A rule over the whole width, with words on it.
    pub fn rule(&mut self, area: Rect, y: u16, words: &str, at_end: &str, style: Style) {
        let width = usize::from(area.width);
        let mut text = String::new();
        if !words.is_empty() {
            text = format!("── {words} ");
        }
        let text = fit(&safe(&text), width, false);
        let end = if at_end.is_empty() { String::new() } else { format!(" {at_end} ──") };
        let used = text.width();
        let fill = width.saturating_sub(used + end.width());
        let end = if used + end.width() <= width { end } else { String::new() };
        self.line(area.x, y, area.width, &[(&text, style), (&"─".repeat(fill), style), (&end, style)]);
    }

    /// Empties a rectangle.
    pub fn clear(&mut self, area: Rect) {
        for y in area.top()..area.bottom().min(self.buffer.area.bottom()) {
            for x in area.left()..area.right().min(self.buffer.area.right()) {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Replaces everything outside ASCII by something within it, cell by cell, so that the columns stay.
    pub fn keep_ascii(&mut self) {
        for cell in &mut self.buffer.content {
            if cell.symbol().is_ascii() {
                continue;
            }
            let stand_in = match cell.symbol() {
                "─" => "-",
                "│" => "|",
                "┌" | "┐" | "└" | "┘" | "┬" | "┴" | "┼" | "├" | "┤" => "+",
                "▶" => ">",
                "▲" => "^",
                "·" => ".",
                "░" => "#",
                "✓" | "●" => "*",
                "…" => "~",
                "’" | "‘" => "'",
                "“" | "”" => "\"",
                "–" | "—" => "-",
                "⟨" => "<",
                "⟩" => ">",
                "↓" => "v",
                "↑" => "^",
                "→" => ">",
                other => {
                    let base: Option<char> = other.nfd().next().filter(char::is_ascii);
                    let text = base.map_or_else(|| "?".to_owned(), String::from);
                    cell.set_symbol(&text);
                    continue;
                }
            };
            cell.set_symbol(stand_in);
        }
    }
}

fn safe(text: &str) -> String {
    Shown::new(text).as_str().replace('\n', " ")
}
