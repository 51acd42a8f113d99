//! Small terminals, old terminals, terminals without colour; and what is pasted.

use super::terminal::{BINARY, Start, Terminal};
use super::{ENTER, ENTRY, ESCAPE, QUEUE};

#[test]
fn every_size_is_drawn_and_one_too_small_says_so() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    for (width, height) in [(40, 12), (120, 40), (300, 100), (60, 16), (80, 24), (59, 10), (1, 1)] {
        terminal.resize(width, height);
        if (60, 16) <= (width, height) {
            // The bar's last words stand where they fit.
            terminal.wait_until("the whole page", |screen| {
                let last = screen.rows(0, width).nth(usize::from(height) - 1).unwrap();
                last.contains("approve") && last.contains("? help") && screen.contents().contains("  NHS ")
            });
        } else {
            terminal.wait_until("what it needs, and nothing of a record", |screen| {
                let text = screen.contents();
                // At the smallest there is room for no more than a sign of it.
                text.trim().lines().count() <= 2 && (text.starts_with("Anteroom needs 60x16") || text == "…")
            });
        }
    }
    terminal.resize(80, 24);
    terminal.wait_for(ENTRY);
    terminal.press_for(ESCAPE, QUEUE);
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().0, 0);
    terminal.assert_restored();
}

/// The numbers of every "select graphic rendition" that was written.
fn renditions(terminal: &Terminal) -> Vec<u16> {
    let written = String::from_utf8_lossy(terminal.written()).into_owned();
    let mut numbers = Vec::new();
    for sequence in written.split("\x1b[").skip(1) {
        let end = sequence.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(sequence.len());
        if sequence[end..].starts_with('m') {
            numbers.extend(sequence[..end].split(';').map(|number| number.parse().unwrap_or(0)));
        }
    }
    numbers
}

fn is_colour(number: u16) -> bool {
    matches!(number, 30..=49 | 90..=107)
}

fn see_the_pages(terminal: &mut Terminal) {
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("\t", ENTRY);
    terminal.press_for("r", "REDACT");
    terminal.press_for("A", "settled");
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for("?", "Every action is also on");
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for("l", "Audit log");
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press("n");
    terminal.wait_until("a marked match", |screen| attributes(screen).iter().any(|&(_, underline, _)| underline));
}

/// Bold, underlined, reversed; of every cell.
fn attributes(screen: &vt100::Screen) -> Vec<(bool, bool, bool)> {
    let (rows, columns) = screen.size();
    (0..rows.get())
        .flat_map(|y| (0..columns.get()).map(move |x| (y, x)))
        .filter_map(|(y, x)| screen.cell(y, x))
        .map(|cell| (cell.bold(), cell.underline(), cell.inverse()))
        .collect()
}

#[test]
fn without_colour_the_marks_stay() {
    let mut coloured = Start::demo().open();
    see_the_pages(&mut coloured);
    assert!(renditions(&coloured).into_iter().any(is_colour), "ordinarily there are colours");

    let mut plain = Start::demo().env("NO_COLOR", "1").open();
    see_the_pages(&mut plain);
    let colours: Vec<u16> = renditions(&plain).into_iter().filter(|number| is_colour(*number)).collect();
    assert_eq!(colours, Vec::<u16>::new(), "no colour was asked for");
    assert_eq!(attributes(plain.emulator()), attributes(coloured.emulator()), "and every mark is there");
    let marks = attributes(plain.emulator());
    assert!(marks.iter().any(|mark| mark.0 && mark.1), "found words are bold and underlined");
    assert!(marks.iter().any(|mark| mark.2), "the current ones are reversed");
}

#[test]
fn an_old_terminal_gets_ascii_alone() {
    for (term, lang) in [("vt100", "C.UTF-8"), ("xterm", "C")] {
        let mut terminal = Start::demo().env("TERM", term).env("LANG", lang).open();
        see_the_pages(&mut terminal);
        let strange: Vec<u8> = terminal.written().iter().copied().filter(|byte| !byte.is_ascii()).collect();
        assert_eq!(String::from_utf8_lossy(&strange), "", "TERM={term} LANG={lang}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_goes_line_by_line() {
    for term in ["dumb", ""] {
        let mut terminal = Start::demo().size(200, 60).env("TERM", term).open();
        terminal.wait_for("Say help for what you can do");
        terminal.press("open 1\r");
        terminal.wait_for("What now?");
        terminal.press("hide 1\r");
        terminal.wait_for("Say undo to take it back.");
        terminal.press("quit\r");
        assert_eq!(terminal.wait_for_end().0, 0, "TERM={term}: {}", terminal.screen());
        assert!(!terminal.written().contains(&0x1b), "no control sequence is sent to it");
        terminal.assert_restored();
    }
}

#[test]
fn without_a_terminal_there_is_one_sentence_and_exit_code_2() {
    // Even when there is a terminal to be found: neither keys nor the screen may go past the redirection.
    let redirected = [
        format!("{BINARY} demo </dev/null; echo code $?"),
        format!("( {BINARY} demo; echo code $? >&2 ) | cat"),
        format!("{BINARY} --dir practice review </dev/null; echo code $?"),
        format!("( {BINARY} --dir practice; echo code $? >&2 ) | cat"),
    ];
    for command in redirected {
        let mut terminal = Start::program("sh", &["-c", &command]).size(200, 24).open();
        terminal.wait_for_end();
        let said = terminal.everything();
        let lines: Vec<&str> = said.trim().lines().collect();
        assert!(
            matches!(lines.as_slice(), [sentence, "code 2"] if sentence.contains("needs a terminal")),
            "{command}: {said}"
        );
        assert!(!terminal.written().contains(&0x1b), "{command}: nothing is drawn");
    }
}

#[test]
fn a_paste_decides_nothing() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    let queue = terminal.screen().lines().nth(1).unwrap().to_owned();
    for (open, page) in [("", QUEUE), (ENTER, ENTRY)] {
        terminal.press(open);
        terminal.wait_for(page);
        terminal.press_for("\x1b[200~aaax1\r\x1b[201~", "it is not taken for keys");
        terminal.wait_for(page);
    }
    // A terminal that does not mark pastes sends them as keys, all at once.
    terminal.press("k");
    terminal.wait_without("it is not taken for keys");
    terminal.press_for("aaax1\rx1\raaax1\rx1\ra", "it is not taken for keys");
    terminal.press_for(ESCAPE, QUEUE);
    terminal.press("l");
    terminal.wait_for("opened");
    for done in ["approved", "redacted", "hid ", "agreed"] {
        assert!(!terminal.screen().contains(done), "{}", terminal.screen());
    }
    terminal.press_for(ESCAPE, QUEUE);
    terminal.wait_until("the queue as it was", |screen| screen.contents().contains(queue.trim()));
}

/// Like a key that got stuck, or one pressed again because nothing seemed to happen.
#[test]
fn keys_that_pile_up_behind_a_decision_do_not_decide_again() {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    // The last two were recorded by the person at the screen.
    terminal.press("G");
    terminal.press("k");
    terminal.press("k");
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("aaaa", "✓ approved  ");
    // The keys after them work as ever, and what was on its way does not come over the page.
    terminal.press_for("l", "Audit log");
    terminal.wait_for("dr.shah    approved");
    assert_eq!(terminal.screen().matches("dr.shah    approved").count(), 1, "{}", terminal.screen());
    terminal.press_for(ESCAPE, ENTRY);
    terminal.press_for(ESCAPE, QUEUE);
}
