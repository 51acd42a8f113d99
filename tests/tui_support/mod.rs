//! A screen on a buffer and a daemon in memory, for tests that press keys and read what is shown.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod daemon;
pub mod lead;
pub mod practice;
pub mod skim;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anteroom::protocol::Request;
use anteroom::tui::keymap::Keymap;
use anteroom::tui::view::Theme;
use anteroom::tui::{Exit, Options, TuiError, run};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Size};
use ratatui::style::{Modifier, Style};
use tokio::task::{JoinHandle, LocalSet};

use daemon::Daemon;

/// A backend that the test can look at while the screen runs.
#[derive(Clone)]
pub struct Watched {
    backend: Rc<RefCell<TestBackend>>,
    pub frames: Rc<RefCell<usize>>,
}

impl Backend for Watched {
    type Error = io::Error;
    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut backend = self.backend.borrow_mut();
        for (x, y, cell) in content {
            infallible(backend.draw([(x, y, cell)].into_iter()))?;
            // As a terminal does, and TestBackend does not: a wide character covers what stood beside it.
            for covered in 1..unicode_width::UnicodeWidthStr::width(cell.symbol()) {
                let x = x + covered as u16;
                if x < backend.buffer().area.width {
                    infallible(backend.draw([(x, y, &Cell::EMPTY)].into_iter()))?;
                }
            }
        }
        Ok(())
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        infallible(self.backend.borrow_mut().hide_cursor())
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        infallible(self.backend.borrow_mut().show_cursor())
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        infallible(self.backend.borrow_mut().get_cursor_position())
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        infallible(self.backend.borrow_mut().set_cursor_position(position))
    }
    fn clear(&mut self) -> io::Result<()> {
        infallible(self.backend.borrow_mut().clear())
    }
    fn clear_region(&mut self, kind: ClearType) -> io::Result<()> {
        infallible(self.backend.borrow_mut().clear_region(kind))
    }
    fn size(&self) -> io::Result<Size> {
        infallible(self.backend.borrow().size())
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        infallible(self.backend.borrow_mut().window_size())
    }
    fn flush(&mut self) -> io::Result<()> {
        *self.frames.borrow_mut() += 1;
        infallible(self.backend.borrow_mut().flush())
    }
}

fn infallible<T>(result: Result<T, std::convert::Infallible>) -> io::Result<T> {
    Ok(result.unwrap())
}

/// The events of a terminal. Like crossterm's stream it keeps the waker of the first poll that found nothing
/// until there is something: whoever polls it with another waker is never woken.
#[derive(Clone, Default)]
struct Keyboard(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    waker: Option<Waker>,
    closed: bool,
}

impl Keyboard {
    fn send(&self, event: Event) {
        self.0.borrow_mut().events.push_back(event);
        self.wake();
    }

    fn close(&self) {
        self.0.borrow_mut().closed = true;
        self.wake();
    }

    fn wake(&self) {
        let waker = self.0.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<Event>>> {
        let mut waiting = self.0.borrow_mut();
        match waiting.events.pop_front() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None if waiting.closed => Poll::Ready(None),
            None => {
                waiting.waker.get_or_insert_with(|| context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// How the screen is to be started.
#[derive(Clone)]
pub struct Start {
    pub size: (u16, u16),
    pub map: &'static str,
    pub ascii: bool,
    pub colour: bool,
    pub tour: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self { size: (80, 24), map: "default", ascii: false, colour: true, tour: false }
    }
}

pub fn sized(width: u16, height: u16) -> Start {
    Start { size: (width, height), ..Start::default() }
}

/// A running screen.
pub struct Screen {
    watched: Watched,
    keys: Keyboard,
    running: JoinHandle<Result<Exit, TuiError>>,
    pub daemon: Daemon,
}

impl Screen {
    /// Presses keys: words such as `enter`, `ctrl-c`, or characters, with spaces between.
    pub async fn press(&self, keys: &str) {
        for word in keys.split(' ') {
            self.keys.send(Event::Key(key(word)));
            self.rest().await;
        }
    }

    /// Presses keys that arrive all at once.
    pub fn burst(&self, keys: &str) {
        for word in keys.split(' ') {
            self.keys.send(Event::Key(key(word)));
        }
    }

    pub fn send(&self, event: Event) {
        self.keys.send(event);
    }

    pub fn resize(&self, width: u16, height: u16) {
        self.watched.backend.borrow_mut().resize(width, height);
        self.send(Event::Resize(width, height));
    }

    /// Lets the screen and the daemon do what they have to do.
    pub async fn rest(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the screen shows `text`.
    pub async fn until(&self, text: &str) {
        for _ in 0..2000 {
            if self.text().contains(text) {
                self.rest().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("“{text}” did not come; the screen shows\n{}", self.text());
    }

    /// The screen as lines without trailing blanks.
    pub fn text(&self) -> String {
        lines(self.watched.backend.borrow().buffer())
    }

    pub fn buffer(&self) -> Buffer {
        self.watched.backend.borrow().buffer().clone()
    }

    /// The text, then every run of cells that do not look plain: a lost highlight shows as a lost line.
    pub fn picture(&self) -> String {
        format!("{}\n{}", self.text(), styles(self.watched.backend.borrow().buffer()))
    }

    pub fn frames(&self) -> usize {
        *self.watched.frames.borrow()
    }

    pub fn cursor(&self) -> Position {
        self.watched.backend.borrow_mut().get_cursor_position().unwrap()
    }

    /// What the daemon was asked.
    pub fn asked(&self) -> Vec<Request> {
        self.daemon.asked()
    }

    /// Ends the input, as a lost terminal does, and gives why the screen ended.
    pub async fn hang_up(self) -> Exit {
        self.keys.close();
        self.running.await.unwrap().unwrap()
    }

    /// Waits for the screen to end by itself.
    pub async fn ended(self) -> Exit {
        tokio::time::timeout(Duration::from_secs(5), self.running).await.unwrap().unwrap().unwrap()
    }
}

/// Runs a screen against `daemon` and the test beside it.
pub fn on_screen(start: Start, daemon: Daemon, test: impl AsyncFnOnce(Screen)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let backend = Rc::new(RefCell::new(TestBackend::new(start.size.0, start.size.1)));
        let watched = Watched { backend, frames: Rc::default() };
        let keys = Keyboard::default();
        let events = keys.clone();
        let events = futures_util::stream::poll_fn(move |context| events.poll(context));
        let (shown, served) = (watched.clone(), daemon.clone());
        let options = Options {
            keymap: Keymap::named(start.map).unwrap(),
            ascii: start.ascii,
            theme: if start.colour { Theme::Dark } else { Theme::None },
            tour: start.tour,
            mistakes: Vec::new(),
            suspend: None,
        };
        let running = tokio::task::spawn_local(async move {
            let mut terminal = Terminal::new(shown).unwrap();
            run(&mut terminal, events, async |person| served.connect(person).await, std::future::pending(), options)
                .await
        });
        test(Screen { watched, keys, running, daemon }).await;
    });
}

pub fn key(word: &str) -> KeyEvent {
    let (modifiers, rest) = match (word.strip_prefix("ctrl-"), word.strip_prefix("alt-")) {
        (Some(rest), _) => (KeyModifiers::CONTROL, rest),
        (_, Some(rest)) => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, word),
    };
    let code = match rest {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "backspace" => KeyCode::Backspace,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "page-down" => KeyCode::PageDown,
        "page-up" => KeyCode::PageUp,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "f1" => KeyCode::F(1),
        character => KeyCode::Char(character.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

pub fn lines(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `row 8: 2..41 bold underlined`, for everything that is not plain.
pub fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let name = name(buffer[(x, y)].style());
            match runs.last_mut() {
                Some((_, end, last)) if *last == name && *end == x => *end = x + 1,
                _ => runs.push((x, x + 1, name)),
            }
        }
        runs.retain(|(.., name)| !name.is_empty());
        if !runs.is_empty() {
            let runs: Vec<String> = runs.iter().map(|(from, to, name)| format!("{from}..{to} {name}")).collect();
            writeln!(out, "{y:>2}: {}", runs.join(" | ")).unwrap();
        }
    }
    out
}

fn name(style: Style) -> String {
    let mut words = Vec::new();
    if let Some(colour) = style.fg.filter(|colour| *colour != ratatui::style::Color::Reset) {
        words.push(format!("{colour:?}").to_lowercase());
    }
    let known = [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::CROSSED_OUT, "crossed-out"),
    ];
    for (modifier, name) in known {
        if style.add_modifier.contains(modifier) {
            words.push(name.to_owned());
        }
    }
    words.join(" ")
}
