//! Cells as the bytes that draw them. Over a slow line every byte is waited for, so they are few: columns
//! within a row are named alone, and all that changes in how text looks goes in one sequence.

use std::io::{self, Write};

use ratatui::buffer::Cell;
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
}

/// Writes the cells, given row by row from left to right. The look is plain before and after; where the cursor
/// stands afterwards is not said. Every cell's symbol goes out as it is: it must hold no control characters.
///
/// # Errors
/// Those of `out`.
pub fn write<'a>(out: &mut impl Write, cells: impl Iterator<Item = (u16, u16, &'a Cell)>) -> io::Result<()> {
    let mut look = Look::PLAIN;
    // Where the cursor is: the row, and the column where that is certain. A terminal may think otherwise than
    // we do of how wide a character is.
    let mut cursor: Option<(Option<u16>, u16)> = None;
    for (x, y, cell) in cells {
        match cursor {
            Some((Some(column), row)) if (column, row) == (x, y) => {}
            Some((_, row)) if row == y => write!(out, "\x1b[{}G", x + 1)?,
            _ => write!(out, "\x1b[{};{}H", y + 1, x + 1)?,
        }
        let wanted = Look::of(cell);
        if wanted != look {
            change(out, look, wanted)?;
            look = wanted;
        }
        out.write_all(cell.symbol().as_bytes())?;
        cursor = Some(((cell.symbol().width() == 1).then_some(x + 1), y));
    }
    if look != Look::PLAIN {
        out.write_all(b"\x1b[m")?;
    }
    Ok(())
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const WIDTH: u16 = 12;
    const HEIGHT: u16 = 4;

    fn page() -> impl Strategy<Value = Buffer> {
        let colours = prop::sample::select(vec![
            Color::Reset,
            Color::Red,
            Color::Gray,
            Color::LightBlue,
            Color::Indexed(200),
            Color::Rgb(1, 2, 3),
        ]);
        let symbols = prop::sample::select(vec!["a", " ", "─", "語", "é", "e\u{301}", "¹"]);
        // What vt100 knows of attributes.
        let known = [Modifier::BOLD, Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED];
        let modifiers = prop::collection::vec(prop::sample::select(known.to_vec()), 0..3);
        let cell = (symbols, colours.clone(), colours, modifiers);
        prop::collection::vec(cell, usize::from(WIDTH * HEIGHT)).prop_map(|cells| {
            let mut page = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
            for (i, (symbol, foreground, background, modifiers)) in cells.into_iter().enumerate() {
                // To vt100, dim ends bold and bold ends dim.
                let modifier = modifiers.into_iter().reduce(|all, one| all | one).unwrap_or(Modifier::DIM);
                let style = Style::new().fg(foreground).bg(background).add_modifier(modifier);
                let (x, y) = (i as u16 % WIDTH, i as u16 / WIDTH);
                // A wide character takes two columns, so none stands at the end of a row.
                if x % 2 == 0 || symbol.width() == 1 && page[(x - 1, y)].symbol().width() == 1 {
                    page[(x, y)].set_symbol(symbol).set_style(style);
                }
            }
            page
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// A terminal shows what crossterm's own drawing of the same changes would make it show.
        #[test]
        fn a_terminal_shows_the_same_as_with_the_drawing_of_crossterm(before in page(), after in page()) {
            use ratatui::backend::{Backend, CrosstermBackend};
            crossterm::style::force_color_output(true);
            let size = |n: u16| std::num::NonZeroU16::new(n).unwrap();
            let mut ours = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let mut theirs = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let blank = Buffer::empty(before.area);
            for (old, new) in [(&blank, &before), (&before, &after)] {
                let mut bytes = Vec::new();
                write(&mut bytes, old.diff(new).into_iter()).unwrap();
                ours.process(&bytes);
                let mut bytes = Vec::new();
                CrosstermBackend::new(&mut bytes).draw(old.diff(new).into_iter()).unwrap();
                theirs.process(&bytes);
                for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                    let (ours, theirs) = (ours.screen().cell(y, x).unwrap(), theirs.screen().cell(y, x).unwrap());
                    prop_assert_eq!(ours.contents(), theirs.contents(), "{},{}", x, y);
                    let attributes = |cell: &vt100::Cell| {
                        (cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse())
                    };
                    prop_assert_eq!(attributes(ours), attributes(theirs), "{},{}", x, y);
                    prop_assert_eq!(ours.fgcolor(), theirs.fgcolor());
                    prop_assert_eq!(ours.bgcolor(), theirs.bgcolor());
                }
                prop_assert_eq!(ours.screen().fgcolor(), vt100::Color::Default, "plain again");
                prop_assert!(!ours.screen().bold() && !ours.screen().inverse() && !ours.screen().underline());
            }
        }
    }
}
