//! What the screen costs on the line.

use std::time::Duration;

use super::terminal::{Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE, QUEUE};

const A_MOVE: usize = 400;
const A_SCREEN: usize = 3500;

/// The frames written since `from`, in bytes.
fn frames(terminal: &Terminal, from: usize) -> Vec<usize> {
    let written = String::from_utf8_lossy(&terminal.written()[from..]).into_owned();
    written.split_inclusive("\x1b[?2026l").map(str::len).collect()
}

#[test]
fn a_move_costs_at_most_400_bytes_and_one_frame() {
    // At 120x40 the facts about the row stand beside the list and change with it.
    for (width, height) in [(80, 24), (120, 40)] {
        let mut terminal = Start::demo().size(width, height).open();
        terminal.wait_for(QUEUE);
        for key in ["j", "j", "j", "k", "j"] {
            let (from, row) = (terminal.written().len(), terminal.emulator().cursor_position().0);
            terminal.press(key);
            terminal.wait_until("another row", |screen| screen.cursor_position().0 != row);
            let frames = frames(&terminal, from);
            let cheap = matches!(frames.as_slice(), [bytes] if *bytes <= A_MOVE);
            assert!(cheap, "{key} at {width}x{height}: {frames:?}");
        }
    }
}

#[test]
fn a_new_screen_costs_at_most_3500_bytes() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let started = frames(&terminal, 0);
    assert!(started.iter().all(|bytes| *bytes <= A_SCREEN), "the start: {started:?}");
    let screens = [
        (ENTER, ENTRY),
        ("r", "REDACT"),
        ("A", "settled"),
        (ESCAPE, ENTRY),
        ("c", "Who can read this record"),
        (ESCAPE, ENTRY),
        ("x", "Why?"),
        (ESCAPE, ENTRY),
        (ESCAPE, QUEUE),
        ("?", "Every action is also on"),
        (ESCAPE, QUEUE),
        ("l", "Audit log"),
        (ESCAPE, QUEUE),
        ("s", "log"),
        (ESCAPE, QUEUE),
        ("G", QUEUE),
        ("g", QUEUE),
        (":", "enter does it"),
        (ESCAPE, QUEUE),
    ];
    for (key, text) in screens {
        let from = terminal.written().len();
        terminal.press(key);
        terminal.wait_until(text, |screen| screen.contents().contains(text));
        terminal.watch(Duration::from_millis(50));
        let frames = frames(&terminal, from);
        assert!(frames.iter().all(|bytes| *bytes <= A_SCREEN), "{key:?}: {frames:?}");
    }
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    // That somebody opened it may come to the queue a moment later.
    terminal.watch(Duration::from_millis(500));
    let from = terminal.written().len();
    terminal.watch(Duration::from_secs(5));
    assert_eq!(String::from_utf8_lossy(&terminal.written()[from..]), "", "in five idle seconds");
}
