//! Through a real OpenSSH server on this machine, as a practice would use it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::terminal::{BINARY, PATIENCE, Start, Terminal};
use super::{CTRL_Z, ENTER, ENTRY, ESCAPE, QUEUE, decides, demo_folder, named};

/// A server of the test's own: its keys, its port, its folder, and one command for everybody.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// One command for everybody. `None`, and why on standard output, where there is no sshd.
    fn start() -> Option<Self> {
        Self::start_with(&format!("ForceCommand {BINARY} demo --no-tour\n"))
    }

    /// The same with whoever logs in at their own shell, whose home is the server's folder.
    fn start_with_shells() -> Option<Self> {
        Self::start_with("")
    }

    fn start_with(command: &str) -> Option<Self> {
        let Some(sshd) = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
            .into_iter()
            .map(PathBuf::from)
            .find(|path| path.exists())
        else {
            println!("skipped: no sshd on this machine (Debian: openssh-server)");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(key))
                .stdin(Stdio::null())
                .status();
            assert!(made.unwrap().success());
        }
        // Free a moment ago.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {host}\nAuthorizedKeysFile {user}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\n\
             SetEnv LANG=C.UTF-8 TMPDIR={folder} HOME={folder}\n{command}",
            host = path("host").display(),
            user = path("user.pub").display(),
            folder = folder.path().display(),
        );
        std::fs::write(path("config"), settings).unwrap();
        if is_root() {
            // Where the server's package puts it when the machine starts; ours may not have started.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        let process = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(path("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(path("log")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { process, port, folder };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait().unwrap().is_some();
            assert!(!ended && begin.elapsed() < PATIENCE, "sshd does not listen: {}", server.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Logs in, with a terminal.
    fn log_in(&self) -> Terminal {
        self.log_in_at(self.port)
    }

    /// The same through another port that leads here.
    fn log_in_at(&self, port: u16) -> Terminal {
        let port = port.to_string();
        let key = self.folder.path().join("user");
        let arguments = ["-tt", "-F", "none", "-p", &port, "-i", key.to_str().unwrap()];
        let options =
            ["IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let there = format!("{}@127.0.0.1", String::from_utf8(user).unwrap().trim());
        let mut all: Vec<&str> = arguments.to_vec();
        all.extend(options.iter().flat_map(|option| ["-o", option]));
        all.push(&there);
        Start::program("ssh", &all).open()
    }

    fn demo_folder(&self) -> Option<PathBuf> {
        demo_folder(self.folder.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_root() -> bool {
    Path::new("/proc/self").exists() && rustix::process::geteuid().is_root()
}

#[test]
fn a_reviewer_logs_in_decides_and_leaves() {
    let Some(server) = Server::start() else { return };
    let mut terminal = server.log_in();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    terminal.press_for("x", "Why?");
    decides(&mut terminal, "1", "✓ hidden  ");
    terminal.press_for("u", "waits again");
    // There is no shell behind the one command of this server.
    terminal.press_for(CTRL_Z, "no shell");
    terminal.resize(120, 40);
    terminal.wait_until("both columns", |screen| screen.contents().contains(QUEUE));
    terminal.press_for(ESCAPE, "opens the text");
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().0, 0, "{}", server.log());
    terminal.assert_restored();
    assert_eq!(terminal.everything().trim(), "");
    assert_eq!(server.demo_folder(), None);
}

/// A port that leads to another one of this machine, with so much delay each way.
fn delayed(to: u16, delay: Duration) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (near, far) = (stream.unwrap(), TcpStream::connect(("127.0.0.1", to)).unwrap());
            for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                late(from, to, delay);
            }
        }
    });
    port
}

/// Hands on what comes, each piece so much later.
fn late(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, pieces) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (at, piece) in pieces {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// Keys are pressed ahead of what is seen, and each does what it would have done at once.
#[test]
fn on_a_line_of_150_ms_keys_pressed_ahead_do_what_they_should() {
    let Some(server) = Server::start() else { return };
    let mut terminal = server.log_in_at(delayed(server.port, Duration::from_millis(75)));
    terminal.wait_for(QUEUE);
    let begun = Instant::now();
    terminal.press("j");
    terminal.press("j");
    terminal.press_for(ENTER, ENTRY);
    assert!(begun.elapsed() >= Duration::from_millis(150), "the line is slow");
    terminal.press("x");
    decides(&mut terminal, "1", "✓ hidden  ");
    terminal.press_for("u", "waits again");
    terminal.press_for(ESCAPE, "clear from");
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().0, 0, "{}", server.log());
    terminal.assert_restored();
}

#[test]
fn a_line_that_breaks_ends_the_session_there() {
    let Some(server) = Server::start() else { return };
    let mut terminal = server.log_in();
    terminal.wait_for(QUEUE);
    assert!(server.demo_folder().is_some());
    // The client vanishes without a word.
    terminal.signal(rustix::process::Signal::KILL);
    let broken = Instant::now();
    while server.demo_folder().is_some() {
        assert!(broken.elapsed() < PATIENCE, "the session still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn in_a_login_shell_it_is_put_aside_and_brought_back_and_nothing_of_a_record_stays_on_the_screen() {
    let Some(server) = Server::start_with_shells() else { return };
    let mut terminal = server.log_in();
    terminal.press("PS1='ready> '\r");
    terminal.wait_until("the shell", |screen| screen.contents().trim_end().ends_with("ready>"));
    terminal.press(&format!("{BINARY} demo --no-tour\r"));
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    assert_ne!(named(&terminal.screen()), Vec::<String>::new(), "a name can be read");
    let drawn = terminal.screen();

    terminal.press(CTRL_Z);
    terminal.wait_until("the shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
    assert!(!terminal.emulator().hide_cursor());
    assert_eq!(named(&terminal.everything()), Vec::<String>::new());
    // The shell is a shell meanwhile.
    terminal.press_for("echo so$((20 + 22))\r", "so42");
    terminal.press_for("fg\r", ENTRY);
    assert_eq!(terminal.screen(), drawn, "everything is drawn again");

    terminal.press_for("x", "Why?");
    decides(&mut terminal, "1", "✓ hidden  ");
    terminal.press("Q");
    terminal.wait_until("the shell", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>")
    });
    assert_eq!(named(&terminal.everything()), Vec::<String>::new());
    terminal.press("exit\r");
    assert_eq!(terminal.wait_for_end().0, 0, "{}", server.log());
    terminal.assert_restored();
    assert_eq!(server.demo_folder(), None);
}
