//! The screen on a daemon that other processes use, dies and comes back.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::extract::{self, row};
use super::terminal::{BINARY, PATIENCE, Start};
use super::{ENTER, ENTRY, ESCAPE, decides};

pub struct Daemon(Child);

impl Daemon {
    pub fn start(dir: &Path) -> Self {
        let child = Command::new(BINARY).arg("--dir").arg(dir).arg("serve").stderr(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while std::os::unix::net::UnixStream::connect(dir.join("anteroom.sock")).is_err() {
            assert!(begin.elapsed() < PATIENCE, "the daemon does not listen");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self(child)
    }

    /// As a power cut would, for all that the screen can see.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_screen_outlives_the_daemon() {
    let dir = TempDir::new().unwrap();
    let rows: Vec<_> = (1..=4).map(|n| row(n, n, n % 2, "Domestic abuse disclosed, partner hits her.")).collect();
    let feed = extract::write(&dir.path().join("extract"), &rows);
    let daemon = Daemon::start(dir.path());
    let pulled = Command::new(BINARY).arg("--dir").arg(dir.path()).args(["pull", &feed]).output().unwrap();
    assert!(pulled.status.success(), "{pulled:?}");

    let mut terminal = Start::program(BINARY, &["--dir", dir.path().to_str().unwrap(), "review"]).open();
    terminal.wait_for("4 to review");
    assert!(terminal.screen().contains("lead"), "without users.toml its owner leads\n{}", terminal.screen());
    terminal.press_for("x", "Why?");
    terminal.press_for("1", "✓ hidden  ");
    terminal.wait_for("3 to review");
    terminal.press_for(ENTER, ENTRY);

    daemon.kill();
    terminal.wait_for("it is tried again by itself");
    assert!(terminal.screen().contains("Had a chat to patient"), "what is open stays\n{}", terminal.screen());
    terminal.press_for("x", "Why?");
    terminal.press_for("1", "The daemon is away, so nothing can be decided");

    let daemon = Daemon::start(dir.path());
    terminal.wait_for("The daemon is back");
    terminal.press_for("x", "Why?");
    decides(&mut terminal, "1", "✓ hidden  ");
    terminal.press_for(ESCAPE, "2 to review");

    // Killed with signal 9 twice, it still knows both decisions.
    daemon.kill();
    terminal.wait_for("it is tried again by itself");
    let _daemon = Daemon::start(dir.path());
    terminal.wait_for("The daemon is back");
    terminal.press_for("l", "Audit log");
    terminal.wait_until("both decisions", |screen| screen.contents().matches(" hid ").count() == 2);
    terminal.press_for("V", "The log is intact");
    terminal.press("Q");
    assert_eq!(terminal.wait_for_end().0, 0);
    terminal.assert_restored();
}

#[test]
fn without_a_daemon_the_screen_opens_the_folder_itself() {
    let dir = TempDir::new().unwrap();
    let feed = extract::write(&dir.path().join("extract"), &[row(1, 1, 0, "Domestic abuse disclosed.")]);
    let pulled = Command::new(BINARY).arg("--dir").arg(dir.path()).args(["pull", &feed]).output().unwrap();
    assert!(pulled.status.success(), "{pulled:?}");
    let mut terminal = Start::program(BINARY, &[]).env("ANTEROOM_DIR", dir.path().to_str().unwrap()).open();
    terminal.wait_for("1 to review");
    terminal.press_for("x", "Why?");
    terminal.press_for("1", "✓ hidden  ");
    terminal.press("Q");
    assert_eq!(terminal.wait_for_end().0, 0);
    // It is decided for whoever comes next.
    let mut terminal = Start::program(BINARY, &[]).env("ANTEROOM_DIR", dir.path().to_str().unwrap()).open();
    terminal.wait_for("0 to review");
}

#[test]
fn a_pull_draws_a_bar_over_itself_and_ends_in_words() {
    let dir = TempDir::new().unwrap();
    let rows: Vec<_> = (1..=400).map(|n| row(n, n, n % 2, "Flu jab given.")).collect();
    let feed = extract::write(&dir.path().join("extract"), &rows);
    let arguments = ["--dir", dir.path().to_str().unwrap(), "pull", feed.as_str()];
    let mut terminal = Start::program(BINARY, &arguments).open();
    terminal.wait_for("entries: 400 new");
    let written = String::from_utf8_lossy(terminal.written()).into_owned();
    assert!(written.contains("] no lines read, no entries stored"), "{written}");
    let screen = terminal.screen();
    assert!(!screen.contains("lines read") && !screen.contains('{'), "the bar is gone\n{screen}");

    // As a script takes it: a line of JSON on how far it is now and then, and the result.
    let again = Command::new(BINARY).args(arguments).output().unwrap();
    let lines = String::from_utf8(again.stdout).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["new"], 0, "{lines:?}");
    assert_eq!(again.stderr, b"", "nothing is drawn where nobody looks");
}
