//! The real terminal: entered, left and restored in one place, whatever happens.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::frame::Shown;
use crossterm::cursor::{MoveTo, Show};
use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{
    Clear, ClearType::All as Everything, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use futures_util::{Stream, StreamExt};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::mpsc::unbounded_channel;

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal, and gives it back when dropped.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: alternate screen, raw input, pasted text told apart from keys. No mouse, no title.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn take() -> io::Result<Self> {
        install_hook();
        // Held from here on: what fails half-way is undone as well.
        let guard = Self(());
        enter()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave(&mut io::stdout());
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    // Where there is no alternate screen, what the shell left must not show between our rows.
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Clear(Everything))
}

/// Gives the terminal back, once, whoever calls it. Errors do not matter: the terminal may be gone.
fn leave(out: &mut impl Write) {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Ends a frame that a fault may have cut in half.
        let _ = out.write_all(END);
        // The Linux console and `screen` as it comes have no alternate screen to leave: there the record
        // would stay in sight.
        let _ = execute!(
            out,
            SetAttribute(Attribute::Reset),
            Clear(Everything),
            MoveTo(0, 0),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// The exit code after a fault: Rust's own.
const FAULT: i32 = 101;

/// A fault restores the terminal first. What is printed then names a place in the program, never the
/// message of the panic: that could hold words of a record. The process ends there and then, whichever of its
/// threads failed: the others would go on to draw the record on the shell's screen.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::SeqCst) {
        return;
    }
    std::panic::set_hook(Box::new(|fault| {
        // Kept to the end, so that no other thread writes to the screen after this.
        let mut out = io::stdout().lock();
        leave(&mut out);
        let place = fault.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let _ = writeln!(
            io::stderr(),
            "anteroom stopped because of a fault in the program{place}; decisions that were confirmed are kept: start it again"
        );
        std::process::exit(FAULT);
    }));
}

/// Puts the program aside until the shell brings it back.
///
/// # Errors
/// When the terminal cannot be taken again.
#[cfg(unix)]
pub fn suspend() -> io::Result<()> {
    // The record must not stay in sight, nor in the scrollback, while the shell has the terminal.
    leave(&mut io::stdout());
    // The whole group, as a shell's Ctrl-Z would, and STOP rather than TSTP, which nobody handles here.
    rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
    enter()
}

/// Whether there is a shell to return to: one that gave us a process group of our own. A session that runs
/// us as its only command has none, also where a shell without job control stands between.
#[cfg(unix)]
pub fn can_suspend() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpgrp())
}

/// Whether there is a shell to return to.
#[cfg(not(unix))]
pub fn can_suspend() -> bool {
    false
}

/// Whether the terminal cannot move its cursor: then nothing can be drawn, and lines are all there is. `lookup`
/// reads the environment.
pub fn cannot_draw(lookup: impl Fn(&str) -> Option<String>) -> bool {
    matches!(lookup("TERM").as_deref(), None | Some("" | "dumb" | "unknown")) && io::stdin().is_terminal()
}

/// Whether the screen can be shown here; otherwise why not, as one sentence. `lookup` reads the environment.
///
/// # Errors
/// When input or output is redirected, or the terminal cannot move its cursor.
pub fn check(lookup: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    // Asked of these two alone: crossterm would go past a redirection to the terminal behind it.
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err("the screen needs a terminal for its input and its output: in a script use anteroom plain or anteroom queue".into());
    }
    match lookup("TERM").as_deref() {
        None | Some("" | "dumb" | "unknown") => {
            Err("this terminal cannot move its cursor (TERM says so): set TERM to what it is, or use anteroom queue"
                .into())
        }
        Some(_) => Ok(()),
    }
}

/// The first of hang-up and termination. With the terminal gone, reading from it spins (crossterm#793), so
/// whoever waits for this must leave at once.
///
/// # Errors
/// When the signals cannot be listened to.
#[cfg(unix)]
pub fn ended() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = hangup.recv() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Bytes of one frame, kept until it is whole.
#[derive(Clone, Default)]
struct Pending(Rc<RefCell<Vec<u8>>>);

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: ratatui and crossterm flush several times within a frame.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A backend that writes each frame in one piece, between the marks of a synchronized update (DEC 2026), so
/// that no terminal shows half of one and SSH sends one run of packets. Terminals that do not know the marks
/// ignore them.
pub struct Whole<W: Write> {
    inner: CrosstermBackend<Pending>,
    pending: Pending,
    out: W,
    /// Whether the cursor shows, and where it stands, as far as we know.
    cursor: (Option<bool>, Option<Position>),
    wanted: (bool, Position),
    shown: Shown,
}

impl<W: Write> Whole<W> {
    /// Writes frames to `out`.
    pub fn new(out: W) -> Self {
        let pending = Pending::default();
        Self {
            inner: CrosstermBackend::new(pending.clone()),
            pending,
            out,
            cursor: (None, None),
            wanted: (false, Position::ORIGIN),
            shown: Shown::default(),
        }
    }
}

impl<W: Write> Backend for Whole<W> {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let cells: Vec<(u16, u16, &Cell)> = content.collect();
        if cells.is_empty() {
            return Ok(());
        }
        // Drawing moves the cursor.
        self.cursor.1 = None;
        let bytes = self.shown.change(&cells)?;
        self.pending.write_all(&bytes)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.wanted.0 = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.wanted.0 = true;
        Ok(())
    }

    /// Not asked of the terminal: over a slow line the answer would arrive among the keys.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.wanted.1)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.wanted.1 = position.into();
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.cursor = (None, None);
        self.shown = Shown::default();
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.cursor = (None, None);
        let Position { x, y } = self.wanted.1;
        self.shown.clear(clear_type, (x, y));
        queue!(self.pending, MoveTo(x, y))?;
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    /// Writes the frame, where anything in it is new.
    fn flush(&mut self) -> io::Result<()> {
        let (visible, Position { x, y }) = self.wanted;
        if self.cursor.1 != Some(self.wanted.1) {
            queue!(self.pending, MoveTo(x, y))?;
        }
        match visible {
            _ if self.cursor.0 == Some(visible) => {}
            true => queue!(self.pending, Show)?,
            false => queue!(self.pending, crossterm::cursor::Hide)?,
        }
        self.cursor = (Some(visible), Some(self.wanted.1));
        let mut frame = self.pending.0.borrow_mut();
        if frame.is_empty() {
            return Ok(());
        }
        frame.splice(0..0, BEGIN.iter().copied());
        frame.extend_from_slice(END);
        self.out.write_all(&frame)?;
        frame.clear();
        self.out.flush()
    }
}

/// A terminal on standard output, written frame by frame.
///
/// # Errors
/// When its size cannot be read.
pub fn screen() -> io::Result<ratatui::Terminal<Whole<io::BufWriter<io::Stdout>>>> {
    ratatui::Terminal::new(Whole::new(io::BufWriter::with_capacity(64 << 10, io::stdout())))
}

/// More events than these at once are handed on in pieces.
const TOGETHER: usize = 1024;

/// What the terminal sends; what arrived together is ready together.
///
/// A thread outside the runtime reads it. Once the terminal is gone crossterm reads its end over and over and
/// never returns (crossterm#793): a task that did so would keep the runtime, and with it the process, from ending.
///
/// # Errors
/// When there can be no more threads.
pub fn events() -> io::Result<impl Stream<Item = io::Result<Event>>> {
    let (sender, mut receiver) = unbounded_channel();
    std::thread::Builder::new().name("keys".into()).spawn(move || {
        loop {
            // A paste in a terminal that does not mark pastes is told from keys by its being there at once.
            let mut together = vec![event::read()];
            while together.len() < TOGETHER && matches!(event::poll(Duration::ZERO), Ok(true)) {
                together.push(event::read());
            }
            let failed = together.iter().any(Result::is_err);
            if sender.send(together).is_err() || failed {
                break;
            }
        }
    })?;
    Ok(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)).flat_map(futures_util::stream::iter))
}

/// Whether only ASCII may be drawn: an old terminal, or a locale that is not UTF-8. `lookup` reads the
/// environment.
pub fn needs_ascii(lookup: impl Fn(&str) -> Option<String>) -> bool {
    let term = lookup("TERM").unwrap_or_default();
    if matches!(term.as_str(), "linux" | "dumb" | "vt100" | "vt102" | "vt220" | "ansi") {
        return true;
    }
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| lookup(name).filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| !locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// Whether colours may be drawn (<https://no-color.org>).
pub fn wants_colour(lookup: impl Fn(&str) -> Option<String>) -> bool {
    lookup("NO_COLOR").is_none_or(|value| value.is_empty())
}
