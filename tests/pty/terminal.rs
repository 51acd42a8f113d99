//! A terminal for the real program: a pseudo-terminal of the kernel's, drawn by vt100.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_anteroom");

/// How long anything may take before a test gives up. Nothing waits so long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Lines that scrolled off the main screen.
const SCROLLBACK: usize = 1000;

/// What is started, and on which terminal.
pub struct Start {
    pub program: String,
    pub arguments: Vec<String>,
    pub size: (u16, u16),
    pub environment: Vec<(String, String)>,
}

impl Start {
    /// The demonstration, in an ordinary terminal.
    pub fn demo() -> Self {
        Self::program(BINARY, &["demo", "--no-tour"])
    }

    pub fn program(program: &str, arguments: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            size: (80, 24),
            environment: Vec::new(),
        }
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    /// Sets a variable; one set later wins.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn open(self) -> Terminal {
        Terminal::open(self)
    }
}

/// A terminal with a program in it. Everything that the program writes is kept.
pub struct Terminal {
    parser: vt100::Parser,
    written: Vec<u8>,
    output: Receiver<Vec<u8>>,
    writer: Option<Box<dyn Write + Send>>,
    master: Box<dyn MasterPty + Send>,
    // Kept open, so that the terminal's settings outlive the program.
    _slave: Box<dyn SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    settings: String,
    home: TempDir,
}

impl Terminal {
    fn open(start: Start) -> Self {
        let (width, height) = start.size;
        let pair = native_pty_system()
            .openpty(PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let home = TempDir::new().unwrap();
        let mut command = CommandBuilder::new(&start.program);
        command.args(&start.arguments);
        command.cwd(home.path());
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for name in ["HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, home.path());
        }
        for (name, value) in &start.environment {
            command.env(name, value);
        }
        let settings = settings(&*pair.master);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let child = pair.slave.spawn_command(command).unwrap();
        Self {
            parser: vt100::Parser::new(cells(height), cells(width), SCROLLBACK),
            written: Vec::new(),
            output,
            writer: Some(pair.master.take_writer().unwrap()),
            master: pair.master,
            _slave: pair.slave,
            child,
            settings,
            home,
        }
    }

    /// The folder that is home and temporary folder to the program.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What stands on the screen, without the blanks at the ends of rows.
    pub fn screen(&self) -> String {
        self.parser.screen().contents().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// The screen with its attributes and modes.
    pub fn emulator(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Everything that could be read on a terminal without an alternate screen, such as the Linux console and
    /// `screen` as it comes.
    pub fn without_alternate_screen(&self) -> String {
        let (rows, columns) = self.parser.screen().size();
        let mut plain = vt100::Parser::new(rows, columns, SCROLLBACK);
        let written = String::from_utf8_lossy(&self.written).replace("\x1b[?1049h", "").replace("\x1b[?1049l", "");
        plain.process(written.as_bytes());
        everything(plain.screen_mut())
    }

    /// Everything that can be read, scrolled-off lines included.
    pub fn everything(&mut self) -> String {
        everything(self.parser.screen_mut())
    }

    /// Everything written up to now.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Presses keys, all in one write.
    pub fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Presses keys one after the other and waits for what they bring.
    pub fn press_for(&mut self, keys: &str, text: &str) {
        self.press(keys);
        self.wait_for(text);
    }

    /// Waits until the text stands on the screen and the frame that brought it is whole.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("“{text}”"), |screen| screen.contents().contains(text));
    }

    /// Waits until the text has gone from the screen.
    pub fn wait_without(&mut self, text: &str) {
        self.wait_until(&format!("no “{text}”"), |screen| !screen.contents().contains(text));
    }

    /// Waits until the screen is as wanted; what is wanted is said when it does not come.
    pub fn wait_until(&mut self, wanted: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !(is_so(self.parser.screen()) && self.frame_is_whole()) {
            let left = give_up.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("waited for {wanted} ({error}):\n{}", self.screen()),
            }
        }
    }

    fn frame_is_whole(&self) -> bool {
        let begun = self.written.windows(8).rposition(|bytes| bytes == b"\x1b[?2026h");
        let ended = self.written.windows(8).rposition(|bytes| bytes == b"\x1b[?2026l");
        begun <= ended
    }

    /// Takes in what is written for so long.
    pub fn watch(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while let Ok(bytes) = self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.parser.screen_mut().set_size(cells(height), cells(width));
        self.master.resize(PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    pub fn process(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Waits for the program's end and takes in the last that it wrote. Gives its exit code and how long it took.
    pub fn wait_for_end(&mut self) -> (u32, Duration) {
        let begin = Instant::now();
        let give_up = begin + PATIENCE;
        let status = loop {
            // The program must not wait for us to read.
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(2)) {
                self.take(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < give_up, "the program does not end:\n{}", self.screen());
        };
        let took = begin.elapsed();
        // The kernel has everything by now; the thread that reads may need a moment.
        self.watch(Duration::from_millis(100));
        (status.exit_code(), took)
    }

    /// The terminal is as it was before the program: its settings, its main screen, its cursor, pastes unmarked.
    pub fn assert_restored(&mut self) {
        assert_eq!(settings(&*self.master), self.settings, "as `stty -a` would show them");
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pastes are no longer marked");
        assert_eq!(
            (screen.bold(), screen.inverse(), screen.underline(), screen.fgcolor()),
            (false, false, false, vt100::Color::Default),
            "what the shell writes looks as ever"
        );
        assert!(self.frame_is_whole(), "the terminal is not left in the middle of an update");
    }

    /// Whether the terminal is set as it was before the program.
    pub fn is_cooked(&self) -> bool {
        settings(&*self.master) == self.settings
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.writer = None;
    }
}

fn settings(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

fn everything(screen: &mut vt100::Screen) -> String {
    let mut text = String::new();
    screen.set_scrollback(usize::MAX);
    for above in (0..=screen.scrollback()).rev() {
        screen.set_scrollback(above);
        text.push_str(&screen.contents());
        text.push('\n');
    }
    text
}
