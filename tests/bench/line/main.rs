//! What the screen costs on a line, with the real program: `cargo bench --bench line [ENTRIES]` puts so many entries
//! (1,000) into the queue of a throw-away practice, starts the screen in a pseudo-terminal, then over SSH to this
//! machine, and moves one row at a time; beside it lazygit, gitui and tig move one row in a log of as many commits, which
//! fills the terminal. They are looked for on the path and in `LAZYGIT`, `GITUI` and `TIG`. It also says how long the
//! program takes to end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../pty/terminal.rs"]
#[allow(dead_code)]
mod terminal;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use terminal::{BINARY, Start, Terminal};

const MAP: &str = "organisation = \"Z99904\"\ndate = \"%d/%m/%Y\"\nmoment = \"%d/%m/%Y %H:%M\"\n[columns]\n\
    line = \"id\"\npatient = \"patient\"\nentry = \"visit\"\nfamily_name = \"surname\"\ntext = \"note\"\n\
    recorded = \"saved\"\nauthor_name = \"clinician\"\n";

const MOVES: usize = 40;

/// After a key nothing more is expected once the line has been quiet for so long.
const QUIET: Duration = Duration::from_millis(120);

/// Ends a process with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let entries: usize = asked.unwrap_or(1000);
    let folder = TempDir::new().unwrap();
    let _daemon = practice(folder.path(), entries);
    let dir = folder.path().join("practice");
    let arguments = ["--dir", dir.to_str().unwrap(), "review"];

    let (mut first, mut queue) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let begun = Instant::now();
        let mut screen = Start::program(BINARY, &arguments).open();
        screen.wait_until("a frame", |_| true);
        screen.wait_until("a frame", |screen| !screen.contents().trim().is_empty());
        first.push(begun.elapsed());
        screen.wait_for("to review");
        queue.push(begun.elapsed());
        screen.press("Q");
        screen.wait_for_end();
    }
    println!("start to first frame {}, to the queue of {entries} {}", times(first), times(queue));

    let mut screen = Start::program(BINARY, &arguments).open();
    screen.wait_for("to review");
    println!("in a terminal of this machine: {}", moved(&mut screen));
    drop(screen);

    for (name, signal) in [("its terminal is closed (SIGHUP)", Signal::HUP), ("it is told to (SIGTERM)", Signal::TERM)]
    {
        let mut ends = Vec::new();
        for _ in 0..20 {
            let mut screen = Start::program(BINARY, &arguments).open();
            screen.wait_for("to review");
            screen.press("\r");
            screen.wait_for("next match");
            screen.signal(signal);
            ends.push(screen.wait_for_end().1);
        }
        println!("to its end when {name}: {}", times(ends));
    }

    let Some(server) = Server::start(folder.path()) else { return };
    let ours = format!("{BINARY} --dir {} review", dir.display());
    let mut screen = server.open(&ours);
    screen.wait_for("to review");
    println!("over SSH to this machine: {}", moved(&mut screen));
    drop(screen);

    let commits = folder.path().join("commits");
    repository(&commits, entries);
    let mut found = false;
    for peer in &PEERS {
        let Some(program) = peer.program() else { continue };
        found = true;
        let home = folder.path().join(format!("home-of-{}", peer.name));
        peer.settle(&home);
        let (at, home, program) = (commits.display(), home.display(), program.display());
        let mut screen = server.open(&format!("cd {at} && HOME={home} XDG_CONFIG_HOME={home} {program}"));
        for (shown, key) in peer.keys {
            screen.wait_for(shown);
            screen.watch(Duration::from_secs(1));
            screen.press(key);
        }
        screen.wait_for("commit number");
        screen.watch(Duration::from_secs(2));
        println!("{} over SSH to this machine, {entries} commits: {}", peer.name, moved(&mut screen));
    }
    if !found {
        println!("skipped: no lazygit, no tig (Debian: lazygit, tig) and no gitui (cargo install gitui) on the path");
    }
}

/// A program that lists commits, one a row.
struct Peer {
    name: &'static str,
    /// Names the program where it is not on the path.
    variable: &'static str,
    /// What the screen shows, and the key pressed then, until its list fills the terminal.
    keys: &'static [(&'static str, &'static str)],
    /// A file of settings in its home, without which it asks or fetches before anything else.
    settings: Option<(&'static str, &'static str)>,
}

const LAZYGIT: &str =
    "disableStartupPopups: true\nupdate:\n  method: never\ngit:\n  autoFetch: false\n  autoRefresh: false\n";

const PEERS: [Peer; 3] = [
    Peer {
        name: "lazygit",
        variable: "LAZYGIT",
        keys: &[("[4]", "4"), ("Patch", "+"), ("[4]", "+")],
        settings: Some(("lazygit/config.yml", LAZYGIT)),
    },
    Peer { name: "gitui", variable: "GITUI", keys: &[("Log", "2")], settings: None },
    Peer { name: "tig", variable: "TIG", keys: &[], settings: None },
];

impl Peer {
    fn program(&self) -> Option<PathBuf> {
        let named = std::env::var_os(self.variable).map(PathBuf::from).filter(|path| path.exists());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut there = std::env::split_paths(&path).map(|folder| folder.join(self.name));
        named.or_else(|| there.find(|path| path.exists()))
    }

    /// Makes its home.
    fn settle(&self, home: &Path) {
        std::fs::create_dir(home).unwrap();
        if let Some((name, text)) = self.settings {
            let file = home.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
    }
}

/// A daemon over a store with so many entries in the queue.
fn practice(folder: &Path, entries: usize) -> Running {
    let feed = folder.join("feed-of-plain-files");
    std::fs::create_dir(&feed).unwrap();
    std::fs::write(feed.join("columns.toml"), MAP).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(feed.join("notes.csv")).unwrap());
    writeln!(file, "id,patient,visit,surname,note,saved,clinician").unwrap();
    let names = ["Holt", "Obi", "Tan", "Lewis", "Park", "Adeyemi", "Briggs", "Ferreira", "Kowalski", "Nguyen"];
    for n in 0..entries {
        let name = names[n % names.len()];
        writeln!(file, "l{n},p{n},v{n},{name}{n},Her partner strangled her on Sunday.,20/11/2026 09:14,Dr Shah")
            .unwrap();
    }
    drop(file);
    let dir = folder.join("practice");
    std::fs::create_dir(&dir).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.arg("--dir").arg(&dir).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let daemon = Running(run(&["serve"]).spawn().unwrap());
    let begun = Instant::now();
    while std::os::unix::net::UnixStream::connect(dir.join("anteroom.sock")).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the daemon does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(run(&["pull", &format!("lines:{}", feed.display())]).status().unwrap().success(), "nothing was pulled");
    daemon
}

/// A repository with so many commits.
fn repository(folder: &Path, commits: usize) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    std::fs::create_dir(folder).unwrap();
    assert!(git(&["init", "-q", "-b", "main"]).status().unwrap().success());
    let mut import = git(&["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = import.stdin.take().unwrap();
    for n in 0..commits {
        let message = format!("commit number {n}");
        write!(
            input,
            "commit refs/heads/main\nmark :{m}\ncommitter Someone <s@example.org> {at} +0000\ndata {len}\n{message}\n",
            m = n + 1,
            at = 1_700_000_000 + n,
            len = message.len()
        )
        .unwrap();
    }
    drop(input);
    assert!(import.wait().unwrap().success());
    assert!(git(&["reset", "-q", "--hard"]).status().unwrap().success());
}

/// Moves one row at a time; how long each took to its last byte, and what it cost.
fn moved(screen: &mut Terminal) -> String {
    screen.watch(Duration::from_millis(500));
    let (mut took, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..MOVES {
        let from = screen.written().len();
        let begun = Instant::now();
        screen.press("j");
        let mut last = None;
        let mut quiet_since = begun;
        let mut seen = from;
        while last.is_none() && begun.elapsed() < Duration::from_secs(2) || quiet_since.elapsed() < QUIET {
            screen.watch(Duration::from_millis(1));
            if screen.written().len() > seen {
                seen = screen.written().len();
                quiet_since = Instant::now();
                last = Some(begun.elapsed());
            }
        }
        took.extend(last);
        bytes.push(seen - from);
    }
    bytes.sort_unstable();
    let middle = bytes[bytes.len() / 2];
    format!("a row down {}, {middle} bytes in the middle, {} at most", times(took), bytes[bytes.len() - 1])
}

/// The middle one and the longest.
fn times(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |at: usize| times.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, at most {:.1} ms", ms(times.len() / 2), ms(times.len().saturating_sub(1)))
}

/// An OpenSSH server of our own: its keys, its port, its folder.
struct Server {
    _process: Running,
    port: u16,
    key: PathBuf,
}

impl Server {
    fn start(folder: &Path) -> Option<Self> {
        let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"].map(PathBuf::from);
        let Some(sshd) = places.into_iter().find(|path| path.exists()) else {
            println!("skipped: no sshd on this machine (Debian: openssh-server)");
            return None;
        };
        let path = |name: &str| folder.join(name);
        for key in ["host", "user"] {
            let mut made = Command::new("ssh-keygen");
            made.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key)).stdin(Stdio::null());
            assert!(made.status().unwrap().success());
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\nSetEnv LANG=C.UTF-8\n",
            path("host").display(),
            path("user.pub").display(),
        );
        std::fs::write(path("config"), settings).unwrap();
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut process = Command::new(sshd);
        process.args(["-D", "-e", "-f"]).arg(path("config"));
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Running(process.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { _process: process, port, key: path("user") })
    }

    /// Logs in and starts a program on a terminal.
    fn open(&self, command: &str) -> Terminal {
        let port = self.port.to_string();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let there = format!("{}@127.0.0.1", String::from_utf8(user).unwrap().trim());
        let mut all = vec!["-tt", "-F", "none", "-p", &port, "-i", self.key.to_str().unwrap()];
        let options =
            ["IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
        all.extend(options.iter().flat_map(|option| ["-o", option]));
        all.extend([there.as_str(), command]);
        Start::program("ssh", &all).open()
    }
}
