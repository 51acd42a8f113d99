//! What stands on the screen, and the fewest bytes that make it what is to stand there: over a slow line every
//! byte is waited for. Rows that moved up or down are moved by the terminal, the blank end of a row is erased by
//! one command, columns within a row are named alone, a short way is written over again, and all that changes in
//! how text looks goes in one sequence.

use std::io::{self, Write};

use ratatui::backend::ClearType;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// The numbers that ECMA-48 (8.3.117, "select graphic rendition") gives to attributes.
const ATTRIBUTES: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Attributes that are seen on a space too.
const SEEN_ON_BLANK: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// Erasing the rest of a row costs about as much as so many blanks.
const ERASE_COSTS: usize = 9;

/// Naming a column costs about as much as so many characters written over again.
const COLUMN_COSTS: u16 = 5;

/// Rows are looked for at most so far from where they stood: a row of the queue is two, or three with its day.
const FARTHEST: i32 = 6;

/// So few rows are drawn again sooner than moved.
const FEW: usize = 3;

/// How text looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    foreground: Color,
    background: Color,
    modifier: Modifier,
}

impl Look {
    const PLAIN: Self = Self { foreground: Color::Reset, background: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { foreground: cell.fg, background: cell.bg, modifier: cell.modifier }
    }

    /// Whether a space that looks so is not seen.
    fn hides_blank(self) -> bool {
        self.background == Color::Reset && !self.modifier.intersects(SEEN_ON_BLANK)
    }
}

/// Whether a cell shows nothing.
fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && Look::of(cell).hides_blank()
}

/// How many columns a cell takes, as far as we know.
fn wide(cell: &Cell) -> u16 {
    cell.symbol().width().max(1) as u16
}

/// What stands on the screen. It begins blank.
#[derive(Default)]
pub struct Shown(Buffer);

impl Shown {
    /// Takes in cells that change, and says what makes a terminal that shows the former show the new: it begins and
    /// ends with plain text, and where the cursor stands then is not said. Every cell's symbol goes out as it is: it
    /// must hold no control characters.
    ///
    /// # Errors
    /// Those of writing into memory: none.
    pub fn change(&mut self, cells: &[(u16, u16, &Cell)]) -> io::Result<Vec<u8>> {
        let mut next = self.with_room_for(cells);
        let former = Self(next.clone());
        for (x, y, cell) in cells {
            if let Some(place) = next.cell_mut((*x, *y)) {
                // One blank is as good as another.
                *place = if is_blank(cell) { Cell::default() } else { (*cell).clone() };
            }
            // The rest of a wide character shows nothing of its own.
            for rest in 1..wide(cell) {
                if let Some(place) = next.cell_mut((x + rest, *y)) {
                    place.reset();
                }
            }
        }
        self.0 = next;
        let mut bytes = Vec::new();
        write(&mut bytes, &former.0, &self.0)?;
        if let Some(moved) = Moved::between(&former.0, &self.0) {
            let mut shorter = Vec::new();
            moved.write(&mut shorter)?;
            write(&mut shorter, &moved.of(&former.0), &self.0)?;
            if shorter.len() < bytes.len() {
                return Ok(shorter);
            }
        }
        Ok(bytes)
    }

    /// What is cleared, seen from where the cursor stands, is blank.
    pub fn clear(&mut self, what: ClearType, cursor: (u16, u16)) {
        let (width, all) = (usize::from(self.0.area.width), self.0.content.len());
        let (at, row) = (usize::from(cursor.1) * width + usize::from(cursor.0), usize::from(cursor.1) * width);
        let cleared = match what {
            ClearType::All => 0..all,
            ClearType::AfterCursor => at..all,
            ClearType::BeforeCursor => 0..at + 1,
            ClearType::CurrentLine => row..row + width,
            ClearType::UntilNewLine => at..row + width,
        };
        self.0.content.iter_mut().take(cleared.end).skip(cleared.start).for_each(Cell::reset);
    }

    /// The same, large enough for these cells.
    fn with_room_for(&self, cells: &[(u16, u16, &Cell)]) -> Buffer {
        let area = self.0.area;
        let ends = cells.iter().map(|(x, _, cell)| x + wide(cell));
        let width = ends.max().unwrap_or_default().max(area.width);
        let height = cells.iter().map(|(_, y, _)| y + 1).max().unwrap_or_default().max(area.height);
        if (width, height) == (area.width, area.height) {
            return self.0.clone();
        }
        let mut larger = Buffer::empty(Rect::new(0, 0, width, height));
        larger.merge(&self.0);
        larger
    }
}

/// Rows that stand higher or lower than before, all by as many.
struct Moved {
    /// The first row that is touched, and the one behind the last.
    rows: (u16, u16),
    /// Upwards by so many, or downwards where it is negative.
    by: i32,
}

impl Moved {
    /// Where most rows moved to, if it was more than a few.
    fn between(former: &Buffer, next: &Buffer) -> Option<Self> {
        let height = i32::from(next.area.height);
        let ways = (1..=FARTHEST).flat_map(|by| [by, -by]).map(|by| {
            let came = |y: &i32| {
                let there = row(next, *y);
                there.is_some() && there != row(former, *y) && there == row(former, *y + by)
            };
            (by, (0..height).filter(came).collect::<Vec<i32>>())
        });
        let (by, came) = ways.max_by_key(|(_, came)| came.len()).filter(|(_, came)| came.len() > FEW)?;
        let (first, last) = (came.first()?, came.last()?);
        let (from, to) = ((*first).min(first + by), (*last).max(last + by) + 1);
        Some(Self { rows: (u16::try_from(from).ok()?, u16::try_from(to).ok()?), by })
    }

    /// Rows are taken out at one end and put in at the other, as every terminal since the VT102 can. Margins, the
    /// other way, would stay behind if the program died in between.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (top, bottom) = self.rows;
        let many = self.by.unsigned_abs() as u16;
        let (out_at, in_at) = if self.by > 0 { (top, bottom - many) } else { (bottom - many, top) };
        write!(out, "\x1b[{}H\x1b[{}M\x1b[{}H\x1b[{}L", out_at + 1, many, in_at + 1, many)
    }

    /// What a screen shows after it.
    fn of(&self, former: &Buffer) -> Buffer {
        let mut moved = former.clone();
        let (top, bottom) = (i32::from(self.rows.0), i32::from(self.rows.1));
        for y in top..bottom {
            let from = y + self.by;
            for x in 0..former.area.width {
                let cell = (top..bottom).contains(&from).then(|| former.cell((x, from as u16))).flatten();
                if let Some(place) = moved.cell_mut((x, y as u16)) {
                    *place = cell.cloned().unwrap_or_default();
                }
            }
        }
        moved
    }
}

/// A row's cells.
fn row(page: &Buffer, y: i32) -> Option<&[Cell]> {
    let width = usize::from(page.area.width);
    let begin = usize::try_from(y).ok()?.checked_mul(width)?;
    page.content.get(begin..begin.checked_add(width)?)
}

/// Writes what makes one page another of the same size.
fn write(out: &mut impl Write, former: &Buffer, next: &Buffer) -> io::Result<()> {
    let former = with_rests_unknown(former);
    let changes = former.diff(next);
    let mut pen = Pen { look: Look::PLAIN, at: None };
    for cells in changes.chunk_by(|a, b| a.1 == b.1) {
        let Some((_, y, _)) = cells.first() else { continue };
        // From here on the row is blank.
        let tail = row(next, i32::from(*y))
            .unwrap_or_default()
            .iter()
            .rposition(|cell| !is_blank(cell))
            .map_or(0, |last| last as u16 + 1)
            .max(wide_end(next, *y));
        let in_tail = cells.iter().filter(|(x, ..)| *x >= tail).count();
        let erases = in_tail > ERASE_COSTS;
        let drawn = if erases { &cells[..cells.len() - in_tail] } else { cells };
        for (x, y, cell) in drawn {
            pen.go(out, next, *x, *y)?;
            pen.put(out, cell)?;
        }
        if erases {
            pen.go(out, next, tail, *y)?;
            pen.take(out, Look::PLAIN)?;
            out.write_all(b"\x1b[K")?;
        }
    }
    pen.take(out, Look::PLAIN)
}

/// The same, with another mark under the rest of each wide character: terminals disagree on what is left of it when
/// something narrow is written over its beginning.
fn with_rests_unknown(page: &Buffer) -> Buffer {
    let mut marked = page.clone();
    for (at, cell) in page.content.iter().enumerate() {
        for rest in 1..usize::from(wide(cell)) {
            if let Some(rest) = marked.content.get_mut(at + rest) {
                rest.set_symbol("\u{fffd}");
            }
        }
    }
    marked
}

/// The column behind the last wide character of a row: what lies under one is no blank of its own.
fn wide_end(page: &Buffer, y: u16) -> u16 {
    let cells = row(page, i32::from(y)).unwrap_or_default();
    let last = cells.iter().rposition(|cell| cell.symbol().width() > 1);
    last.map_or(0, |x| x as u16 + cells.get(x).map_or(1, wide))
}

/// Where the terminal writes next, and how what it writes looks.
struct Pen {
    look: Look,
    /// The row, and the column where that is certain: a terminal may think otherwise than we do of how wide a
    /// character is.
    at: Option<(Option<u16>, u16)>,
}

impl Pen {
    /// Moves to a cell, by the shortest way.
    fn go(&mut self, out: &mut impl Write, next: &Buffer, x: u16, y: u16) -> io::Result<()> {
        match self.at {
            Some((Some(column), row)) if (column, row) == (x, y) => {}
            Some((Some(column), row)) if row == y && self.can_write_over(next, column..x, y) => {
                for x in column..x {
                    if let Some(cell) = next.cell((x, y)) {
                        out.write_all(cell.symbol().as_bytes())?;
                    }
                }
            }
            Some((_, row)) if row == y => write!(out, "\x1b[{}G", x + 1)?,
            _ => write!(out, "\x1b[{};{}H", y + 1, x + 1)?,
        }
        self.at = Some((Some(x), y));
        Ok(())
    }

    /// Whether writing cells over again is short, and changes nothing in how text looks.
    fn can_write_over(&self, next: &Buffer, columns: std::ops::Range<u16>, y: u16) -> bool {
        let same = |cell: &Cell| match is_blank(cell) {
            true => self.look.hides_blank(),
            false => Look::of(cell) == self.look && cell.symbol().width() == 1,
        };
        columns.len() < usize::from(COLUMN_COSTS)
            && columns.clone().all(|x| next.cell((x, y)).is_some_and(|cell| same(cell) && cell.symbol().len() == 1))
    }

    /// Writes a cell where it is.
    fn put(&mut self, out: &mut impl Write, cell: &Cell) -> io::Result<()> {
        if !(is_blank(cell) && self.look.hides_blank()) {
            self.take(out, Look::of(cell))?;
        }
        out.write_all(cell.symbol().as_bytes())?;
        self.at = self.at.map(|(x, y)| (x.filter(|_| cell.symbol().width() == 1).map(|x| x + 1), y));
        Ok(())
    }

    /// Writes in another look from here on.
    fn take(&mut self, out: &mut impl Write, look: Look) -> io::Result<()> {
        if look == self.look {
            return Ok(());
        }
        let former = std::mem::replace(&mut self.look, look);
        match look == Look::PLAIN {
            true => out.write_all(b"\x1b[m"),
            false => change(out, former, look),
        }
    }
}

/// Changes how the text that follows looks. What has to go takes everything with it: terminals disagree on
/// how to end a single attribute.
fn change(out: &mut impl Write, from: Look, to: Look) -> io::Result<()> {
    let mut from = from;
    let mut numbers = Vec::new();
    let ends = (from.foreground != Color::Reset && to.foreground == Color::Reset)
        || (from.background != Color::Reset && to.background == Color::Reset)
        || !to.modifier.contains(from.modifier);
    if ends {
        from = Look::PLAIN;
        numbers.push(String::new());
    }
    let added = to.modifier - from.modifier;
    numbers.extend(ATTRIBUTES.iter().filter(|(one, _)| added.contains(*one)).map(|(_, number)| number.to_string()));
    if to.foreground != from.foreground {
        numbers.push(colour(to.foreground, 30));
    }
    if to.background != from.background {
        numbers.push(colour(to.background, 40));
    }
    write!(out, "\x1b[{}m", numbers.join(";"))
}

/// The numbers of a colour; `base` is 30 for the text and 40 for what is behind it.
fn colour(colour: Color, base: u8) -> String {
    let of_sixteen = |bright: bool, n: u8| (base + n + if bright { 60 } else { 0 }).to_string();
    match colour {
        Color::Reset => of_sixteen(false, 9),
        Color::Black => of_sixteen(false, 0),
        Color::Red => of_sixteen(false, 1),
        Color::Green => of_sixteen(false, 2),
        Color::Yellow => of_sixteen(false, 3),
        Color::Blue => of_sixteen(false, 4),
        Color::Magenta => of_sixteen(false, 5),
        Color::Cyan => of_sixteen(false, 6),
        Color::Gray => of_sixteen(false, 7),
        Color::DarkGray => of_sixteen(true, 0),
        Color::LightRed => of_sixteen(true, 1),
        Color::LightGreen => of_sixteen(true, 2),
        Color::LightYellow => of_sixteen(true, 3),
        Color::LightBlue => of_sixteen(true, 4),
        Color::LightMagenta => of_sixteen(true, 5),
        Color::LightCyan => of_sixteen(true, 6),
        Color::White => of_sixteen(true, 7),
        Color::Indexed(n) => format!("{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

#[cfg(test)]
mod tests;
