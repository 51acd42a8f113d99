//! What reaches a terminal, byte by byte.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use crate::tui_support::{key, practice};
use anteroom::audit::{Actor, Role};
use anteroom::protocol::{Claimed, Holding, Queue, Reply, Request, Skim, Totals, VERSION, Wanted, Welcome};
use anteroom::record::{PatientId, Stage, Token};
use anteroom::tui::keymap::{Key, Keymap};
use anteroom::tui::state::{Effect, Input, Setup, State, WINDOW};
use anteroom::tui::terminal::{Whole, needs_ascii, wants_colour};
use anteroom::tui::update::update;
use anteroom::tui::view::{Theme, draw};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

/// Remembers each write.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<Vec<u8>>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push(bytes.to_vec());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The screen without its loop: state in, bytes out.
struct Line {
    wire: Wire,
    terminal: Terminal<Whole<Wire>>,
    state: State,
}

impl Line {
    fn new(rows: usize, theme: Theme) -> Self {
        crossterm::style::force_color_output(true);
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 80, 24));
        let terminal = Terminal::with_options(Whole::new(wire.clone()), TerminalOptions { viewport }).unwrap();
        let state =
            State::new((80, 24), Setup { keymap: Keymap::named("default").unwrap(), theme, ..Setup::default() });
        let mut line = Self { wire, terminal, state };
        line.take(Input::Connected(Welcome {
            version: VERSION,
            actor: Actor { login: "dr.rahman".to_owned(), role: Role::Clinician },
            name: "Dr Samir Rahman".to_owned(),
            practice: "Elm Tree Surgery".to_owned(),
            demo_people: Vec::new(),
        }));
        let day = practice::day();
        let rows: Vec<_> = day
            .iter()
            .cycle()
            .take(rows)
            .enumerate()
            .map(|(i, entry)| {
                let mut row = entry.row.clone();
                row.entry.0[..8].copy_from_slice(&(i as u64).to_be_bytes());
                row
            })
            .collect();
        let fits = rows.len();
        let rows = rows.into_iter().take(WINDOW).collect();
        let totals = practice::totals(&day);
        let queue = Queue { now: practice::now(), rows, from: 0, fits, totals, alarms: Vec::new(), hidden_until: None };
        line.take(Input::Answered(Box::new((Request::Rows(Wanted::default()), Reply::Queue(queue)))));
        line
    }

    /// Takes an input in and gives what was written for it.
    fn take(&mut self, input: Input) -> Vec<Vec<u8>> {
        for effect in update(&mut self.state, input) {
            if let Effect::Ask(Request::Open { .. }) = effect {
                let mut opened = practice::holt();
                opened.row.entry = self.state.opening.as_ref().unwrap().entry;
                let request = Request::Open { entry: opened.row.entry };
                update(&mut self.state, Input::Answered(Box::new((request, Reply::Entry(Box::new(opened))))));
            }
        }
        self.wire.0.borrow_mut().clear();
        let state = &self.state;
        self.terminal.draw(|frame| draw(frame, state)).unwrap();
        self.wire.0.borrow().clone()
    }

    fn press(&mut self, name: &str) -> Vec<Vec<u8>> {
        self.take(Input::Key(Key::new(key(name))))
    }
}

fn bytes(writes: &[Vec<u8>]) -> usize {
    writes.iter().map(Vec::len).sum()
}

#[test]
fn a_frame_is_one_write_between_the_marks_of_a_synchronized_update() {
    let mut line = Line::new(8, Theme::Dark);
    for name in ["j", "enter", "tab", "r", "A", "x", "esc"] {
        let writes = line.press(name);
        assert_eq!(writes.len(), 1, "{} writes for {name}", writes.len());
        assert!(writes[0].starts_with(b"\x1b[?2026h") && writes[0].ends_with(b"\x1b[?2026l"), "{name}");
    }
}

#[test]
fn a_terminal_shows_what_was_drawn_after_any_row_of_pages() {
    let mut line = Line::new(500, Theme::Dark);
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    // The first frame of `line` was drawn before anybody listened.
    line.terminal.clear().unwrap();
    screen.process(&line.take(Input::Waiting(false)).concat());
    for name in ["enter", "tab", "r", "A", "x", "esc", "esc", "?", "esc", "esc", "G", ":", "esc", "L", "j"] {
        screen.process(&line.press(name).concat());
        let buffer = {
            let state = &line.state;
            let mut test = Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
            test.draw(|frame| draw(frame, state)).unwrap();
            crate::tui_support::lines(test.backend().buffer())
        };
        let shown: String = screen.screen().rows(0, 80).map(|row| format!("{}\n", row.trim_end())).collect();
        assert_eq!(shown, buffer, "after {name}");
    }
}

#[test]
fn nothing_is_written_when_nothing_looks_different() {
    let mut line = Line::new(8, Theme::Dark);
    assert_eq!(line.take(Input::Waiting(false)), Vec::<Vec<u8>>::new());
}

#[test]
fn a_move_costs_at_most_400_bytes_and_a_new_screen_3500() {
    let mut line = Line::new(500, Theme::Dark);
    for _ in 0..10 {
        let moved = bytes(&line.press("j"));
        assert!((1..=400).contains(&moved), "{moved} bytes for a move");
    }
    for name in ["enter", "r", "A", "esc", "esc", "?", "esc"] {
        let drawn = bytes(&line.press(name));
        assert!(drawn <= 3500, "{drawn} bytes for {name}");
    }
}

#[test]
fn a_page_to_skim_costs_as_little_and_counts_down_in_a_few_bytes() {
    let mut line = Line::new(8, Theme::Dark);
    line.press("S");
    let lines: Vec<_> = crate::tui_support::skim::lines(60).into_iter().map(|(_, line)| line).collect();
    let totals = Totals { to_skim: 60, ..Totals::default() };
    let skim = Skim { lines, reading_time: 500, totals };
    let shown = bytes(&line.take(Input::Answered(Box::new((Request::Skim { limit: 400 }, Reply::Skim(skim))))));
    assert!((500..=3500).contains(&shown), "{shown} bytes for the page");
    for _ in 0..5 {
        let moved = bytes(&line.press("j"));
        assert!((1..=400).contains(&moved), "{moved} bytes for a move");
    }
    for _ in 0..9 {
        let second = bytes(&line.take(Input::OnScreen(Duration::from_secs(1))));
        assert!((1..=80).contains(&second), "{second} bytes for a second");
    }
    line.take(Input::OnScreen(Duration::from_secs(1)));
    assert_eq!(line.take(Input::OnScreen(Duration::from_secs(1))), Vec::<Vec<u8>>::new(), "nothing once it is read");
}

#[test]
fn without_colour_marks_are_still_bold_and_underlined() {
    let mut line = Line::new(8, Theme::None);
    let drawn = String::from_utf8(line.press("enter").concat()).unwrap();
    let mut screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    screen.process(drawn.as_bytes());
    let marked: String = (0..24)
        .flat_map(|y| (0..80).map(move |x| (y, x)))
        .filter_map(|(y, x)| screen.screen().cell(y, x).filter(|cell| cell.bold() && cell.underline()))
        .map(|cell| cell.contents().to_owned())
        .collect();
    assert!(marked.contains("Partner") && marked.contains("MARAC"), "{marked}");
    let coloured = (0..24)
        .flat_map(|y| (0..80).map(move |x| (y, x)))
        .any(|(y, x)| screen.screen().cell(y, x).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default));
    assert!(!coloured);
}

#[test]
fn the_environment_says_what_a_terminal_can_show() {
    let with = |pairs: &'static [(&str, &str)]| {
        move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    assert!(!needs_ascii(with(&[("TERM", "xterm-256color"), ("LANG", "en_GB.UTF-8")])));
    assert!(!needs_ascii(with(&[("TERM", "tmux"), ("LC_ALL", ""), ("LANG", "C.utf8")])));
    assert!(needs_ascii(with(&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")])));
    assert!(needs_ascii(with(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")])));
    assert!(needs_ascii(with(&[("TERM", "xterm")])));
    assert!(wants_colour(with(&[])) && wants_colour(with(&[("NO_COLOR", "")])));
    assert!(!wants_colour(with(&[("NO_COLOR", "1")])));
}

#[test]
fn five_minutes_without_a_key_blank_the_screen_and_the_next_key_ends_the_session() {
    let mut line = Line::new(8, Theme::Dark);
    line.press("enter");
    line.press("r");
    line.press("d");
    for minute in 1..=5 {
        assert!(line.state.blank.is_none(), "blank before minute {minute}");
        line.take(Input::Minute);
    }
    assert!(line.state.blank.is_some());
    let effects = update(&mut line.state, Input::Key(Key::new(key("j"))));
    assert!(matches!(effects.as_slice(), [Effect::Ask(Request::KeepDraft { draft: Some(_), .. }), Effect::EndIdle]));
    // Nothing of the record comes back, whatever is pressed.
    assert!(line.state.blank.is_some());
}

#[test]
fn one_s_own_blank_ends_with_any_key_until_it_has_been_idle_for_as_long() {
    let mut line = Line::new(8, Theme::Dark);
    line.press("L");
    for _ in 1..5 {
        line.take(Input::Minute);
    }
    assert_eq!(update(&mut line.state, Input::Key(Key::new(key("q")))), [Effect::Redraw]);
    assert!(line.state.blank.is_none());
    line.press("L");
    for _ in 1..=5 {
        line.take(Input::Minute);
    }
    assert_eq!(update(&mut line.state, Input::Key(Key::new(key("q")))), [Effect::EndIdle]);
}

#[test]
fn in_the_demo_any_key_brings_the_screen_back() {
    let mut line = Line::new(8, Theme::Dark);
    let demo = Actor { login: "dr.rahman".to_owned(), role: Role::Clinician };
    line.state.welcome.as_mut().unwrap().demo_people = vec![demo];
    for _ in 1..=20 {
        assert_eq!(update(&mut line.state, Input::Minute), []);
    }
    assert_eq!(update(&mut line.state, Input::Key(Key::new(key("q")))), [Effect::Redraw]);
    assert!(line.state.blank.is_none());
}

#[test]
fn fifteen_minutes_without_a_key_end_the_program_and_keep_the_draft() {
    let mut line = Line::new(8, Theme::Dark);
    line.press("enter");
    line.press("r");
    line.press("d");
    for _ in 1..15 {
        assert!(!update(&mut line.state, Input::Minute).contains(&Effect::EndIdle));
    }
    let effects = update(&mut line.state, Input::Minute);
    assert!(matches!(effects.as_slice(), [Effect::Ask(Request::KeepDraft { draft: Some(_), .. }), Effect::EndIdle]));
    // A key begins the count anew.
    let mut line = Line::new(8, Theme::Dark);
    for _ in 0..8 {
        for _ in 1..5 {
            line.take(Input::Minute);
        }
        line.press("j");
    }
    assert!(line.state.blank.is_none());
}

#[test]
fn keys_on_an_entry_in_hand_keep_it_there_and_are_told_once_a_minute() {
    let asked = |line: &mut Line, name: &str| -> usize {
        let effects = update(&mut line.state, Input::Key(Key::new(key(name))));
        let claims = |effect: &&Effect| matches!(effect, Effect::Ask(Request::Claim { .. }));
        effects.iter().filter(claims).count()
    };
    let mut line = Line::new(8, Theme::Dark);
    line.press("enter");
    // Whoever only reads takes nothing in hand.
    assert_eq!(asked(&mut line, "j"), 0);
    let entry = line.state.entry.as_ref().unwrap().opened.row.entry;
    let (name, login) = ("Dr Samir Rahman".to_owned(), "dr.rahman".to_owned());
    let holding = Holding { name, login, yours: true, minutes_left: 9 };
    let held = |line: &mut Line, holding: Holding| {
        let rows = &mut line.state.queue.queue.as_mut().unwrap().rows;
        rows.iter_mut().find(|row| row.entry == entry).unwrap().lease = Some(holding);
    };
    held(&mut line, Holding { yours: false, ..holding.clone() });
    let others = line.state.clone();
    held(&mut line, holding);
    for _ in 0..3 {
        assert_eq!(["j", "k", "j"].map(|name| asked(&mut line, name)), [1, 0, 0]);
        line.take(Input::Minute);
    }
    // It says nothing of it, and somebody else's is not asked for.
    let token = Token { run: 1, grant: 1 };
    let claimed = Claimed { patient: PatientId([1; 16]), stage: Stage::First, token, seconds_left: 600 };
    let answer = |reply| Input::Answered(Box::new((Request::Claim { entry }, reply)));
    let message = line.state.message.clone();
    assert!(update(&mut line.state, answer(Reply::Claimed(claimed))).is_empty() && line.state.message == message);
    // Where it is in hand on another screen, it is asked once.
    assert_eq!(asked(&mut line, "j"), 1);
    update(&mut line.state, answer(Reply::Refused { why: "on another screen".to_owned() }));
    line.take(Input::Minute);
    assert_eq!(asked(&mut line, "j"), 0);
    // And what is being decided is not taken in hand again.
    let taken = (Request::TakeOver { entry }, Reply::Claimed(claimed));
    update(&mut line.state, Input::Answered(Box::new(taken)));
    line.take(Input::Minute);
    let mut deciding = line.state.clone();
    assert_eq!(asked(&mut line, "k"), 1);
    line.state = deciding.clone();
    update(&mut line.state, Input::Key(Key::new(key("x"))));
    let effects = update(&mut line.state, Input::Key(Key::new(key("1"))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask(Request::Decide { .. }))), "{effects:?}");
    assert_eq!(asked(&mut line, "k"), 0, "{effects:?}");
    deciding.screen = anteroom::tui::state::Screen::Log;
    line.state = deciding;
    assert_eq!(asked(&mut line, "k"), 0);
    // And nobody who is gone is said to be here.
    line.state = others;
    assert_eq!(asked(&mut line, "j"), 0);
    for _ in 0..9 {
        assert!(!update(&mut line.state, Input::Minute).iter().any(|effect| matches!(effect, Effect::Ask(_))));
    }
}

#[test]
fn the_waits_grow_by_the_minute() {
    let mut line = Line::new(8, Theme::Dark);
    assert_eq!(line.state.now, Some(practice::now()));
    let writes = line.take(Input::Minute);
    assert!(String::from_utf8(writes.concat()).unwrap().contains('3'));
    assert_eq!(line.state.now, Some(practice::now() + chrono::Duration::minutes(1)));
}
