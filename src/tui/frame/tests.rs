#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::*;

const WIDTH: u16 = 12;
const HEIGHT: u16 = 9;

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

/// The same rows, higher by so many (lower where it is negative), and new ones where they came from.
fn moved(page: &Buffer, by: i32, fresh: &Buffer) -> Buffer {
    let mut next = fresh.clone();
    for y in 0..HEIGHT {
        let Ok(from) = u16::try_from(i32::from(y) + by) else { continue };
        for x in 0..WIDTH {
            if let Some(cell) = page.cell((x, from)) {
                next[(x, y)] = cell.clone();
            }
        }
    }
    next
}

/// What can be seen of a cell: its text, whether it is underlined and reversed, whether its text is bold, dim and
/// slanted, and its colours. How text would look does not matter where there is none.
type Seen = (String, bool, bool, [bool; 3], Option<vt100::Color>, vt100::Color);

fn seen(text: &str, underline: bool, inverse: bool, on_text: [bool; 3], colours: [vt100::Color; 2]) -> Seen {
    let blank = text.trim().is_empty();
    let [foreground, background] = colours;
    let foreground = (!blank || inverse || underline).then_some(foreground);
    let on_text = if blank { [false; 3] } else { on_text };
    (if blank { String::new() } else { text.to_owned() }, underline, inverse, on_text, foreground, background)
}

fn on_terminal(screen: &vt100::Screen, x: u16, y: u16) -> Seen {
    let cell = screen.cell(y, x).unwrap();
    let on_text = [cell.bold(), cell.dim(), cell.italic()];
    seen(cell.contents(), cell.underline(), cell.inverse(), on_text, [cell.fgcolor(), cell.bgcolor()])
}

fn on_page(cell: &Cell) -> Seen {
    let has = |modifier| cell.modifier.contains(modifier);
    let colour = |colour| match colour {
        Color::Reset => vt100::Color::Default,
        Color::Red => vt100::Color::Idx(1),
        Color::Gray => vt100::Color::Idx(7),
        Color::LightBlue => vt100::Color::Idx(12),
        Color::Indexed(n) => vt100::Color::Idx(n),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        other => panic!("{other} is on no page"),
    };
    let on_text = [has(Modifier::BOLD), has(Modifier::DIM), has(Modifier::ITALIC)];
    let colours = [colour(cell.fg), colour(cell.bg)];
    seen(cell.symbol(), has(Modifier::UNDERLINED), has(Modifier::REVERSED), on_text, colours)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_terminal_shows_page_after_page(
        pages in prop::collection::vec((page(), prop::option::of(-3i32..4)), 1..5),
    ) {
        let size = |n: u16| std::num::NonZeroU16::new(n).unwrap();
        let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
        let (mut shown, mut former) = (Shown::default(), Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT)));
        for (page, by) in pages {
            let next = by.map_or_else(|| page.clone(), |by| moved(&former, by, &page));
            let bytes = shown.change(&former.diff(&next)).unwrap();
            terminal.process(&bytes);
            let screen = terminal.screen();
            for y in 0..HEIGHT {
                let mut x = 0;
                while x < WIDTH {
                    let cell = &next[(x, y)];
                    prop_assert_eq!(on_terminal(screen, x, y), on_page(cell), "{},{}: {:?}", x, y, String::from_utf8_lossy(&bytes));
                    // Where a wide character stands, nothing else does.
                    x += wide(cell);
                }
            }
            prop_assert_eq!((screen.fgcolor(), screen.bgcolor()), (vt100::Color::Default, vt100::Color::Default), "plain again");
            prop_assert!(!screen.bold() && !screen.inverse() && !screen.underline());
            former = next;
        }
    }
}

/// Lines of text, a page of them.
fn listing(from: usize) -> Buffer {
    let lines = (from..from + 20).map(|n| format!("line {n}: {}", "many words that take their room ".repeat(2)));
    Buffer::with_lines(lines.collect::<Vec<_>>())
}

#[test]
fn rows_that_move_are_not_written_again() {
    for (to, new) in [(41, 1), (39, 1), (43, 3), (37, 3)] {
        let (former, next) = (listing(40), listing(to));
        let mut shown = Shown::default();
        shown.change(&Buffer::empty(former.area).diff(&former)).unwrap();
        let bytes = shown.change(&former.diff(&next)).unwrap();
        assert!(bytes.len() < 40 + new * 90, "{to}: {} bytes", bytes.len());
    }
}

#[test]
fn the_way_from_word_to_word_is_a_space() {
    let (former, next) = (Buffer::with_lines(["aaa bbb ccc"]), Buffer::with_lines(["xxx yyy zzz"]));
    let mut shown = Shown::default();
    shown.change(&Buffer::empty(former.area).diff(&former)).unwrap();
    assert_eq!(shown.change(&former.diff(&next)).unwrap(), b"\x1b[1;1Hxxx yyy zzz");
}
