//! How the daemon starts, whom it lets in, how much it puts up with, and how it ends.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anteroom::audit::Role;
use anteroom::client::{Client, ClientError, framed};
use anteroom::protocol::{Asked, Reply, Request, VERSION};
use anteroom::service::Settings;
use futures_util::SinkExt;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio_util::bytes::Bytes;

use crate::kit::extract::{self, row};
use crate::{BINARY, Daemon, connect, practice, queue};

const SOCKET: &str = "anteroom.sock";

/// The group that this test's user has first.
fn own_group() -> String {
    let said = Command::new("id").arg("-gn").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for the end of a process that should end.
fn end(child: &mut Child) -> Option<i32> {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < give_up, "the daemon does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn serve(dir: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["--dir", dir.to_str().unwrap(), "serve"]).stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_the_owner_s_or_the_group_s_that_the_settings_name() {
    let dir = TempDir::new().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let daemon = Daemon::start(dir.path());
    connect(dir.path()).await;
    assert_eq!(mode(&dir.path().join(SOCKET)), 0o600);
    daemon.kill();

    let group = own_group();
    let settings = format!("[practice]\nods = \"Z99901\"\nname = \"Test\"\n[daemon]\ngroup = \"{group}\"\n");
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    let _daemon = Daemon::start(dir.path());
    connect(dir.path()).await;
    for socket in [SOCKET, "metrics.sock"] {
        let path = dir.path().join(socket);
        assert_eq!((mode(&path), path.metadata().unwrap().gid()), (0o660, dir.path().metadata().unwrap().gid()));
    }
    assert_eq!(mode(dir.path()), 0o710, "the group comes through, and sees nothing");
    assert_eq!(mode(&dir.path().join("store")), 0o700);
    assert_eq!(mode(&dir.path().join("secret")), 0o600);
}

#[test]
fn a_group_that_is_not_there_and_a_number_that_makes_no_sense_are_named() {
    for (line, says) in
        [("group = \"no-such-group\"", "no-such-group"), ("clients = 0", "clients"), ("clint = 3", "line 5")]
    {
        let dir = TempDir::new().unwrap();
        let settings = format!("[practice]\nods = \"Z99901\"\nname = \"Test\"\n[daemon]\n{line}\n");
        std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
        let said = serve(dir.path()).stderr(Stdio::piped()).output().unwrap();
        let why = String::from_utf8(said.stderr).unwrap();
        assert!(said.status.code() == Some(3) && why.contains(says) && why.lines().count() == 1, "{why}");
        assert!(!dir.path().join(SOCKET).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_daemon_left_is_removed_and_what_is_no_socket_is_not() {
    let dir = TempDir::new().unwrap();
    drop(UnixListener::bind(dir.path().join(SOCKET)).unwrap());
    let daemon = Daemon::start(dir.path());
    connect(dir.path()).await;
    daemon.kill();
    assert!(dir.path().join(SOCKET).metadata().unwrap().file_type().is_socket(), "kill -9 leaves it");
    std::fs::remove_file(dir.path().join(SOCKET)).unwrap();
    std::fs::write(dir.path().join(SOCKET), "a file of somebody's").unwrap();
    let said = serve(dir.path()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(said.status.code(), Some(3));
    assert!(String::from_utf8(said.stderr).unwrap().contains("something else has that name"));
    assert_eq!(std::fs::read(dir.path().join(SOCKET)).unwrap(), b"a file of somebody's");
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_may_have_listened_before_and_is_told_when_we_are_ready_alive_and_ending() {
    let dir = TempDir::new().unwrap();
    let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
    let notify = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // As systemd does it: the socket is the third file, and the process is told that it is meant.
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ WATCHDOG_PID=$$ exec \"$0\" --dir \"$1\" serve";
    let mut child = Command::new("sh")
        .args(["-c", script, BINARY, dir.path().to_str().unwrap()])
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", "200000")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = || {
        let mut message = [0; 256];
        let length = notify.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    // A client that comes before it is ready waits, and is answered.
    let client = tokio::spawn(async move {
        let path = dir.path().join(SOCKET);
        let (mut client, _) = Client::connect(UnixStream::connect(path).await.unwrap()).await.unwrap();
        queue(&mut client).await;
        dir
    });
    assert!(told().contains("READY=1"));
    let dir = client.await.unwrap();
    assert!(told().contains("WATCHDOG=1") && told().contains("WATCHDOG=1"), "again and again");
    signal(&child, "-TERM");
    assert!((0..20).any(|_| told().contains("STOPPING=1")));
    assert_eq!(end(&mut child), Some(0));
    assert!(dir.path().join(SOCKET).exists(), "what systemd made is systemd's");
}

#[test]
fn a_store_that_fails_its_check_is_never_reported_ready() {
    let dir = TempDir::new().unwrap();
    let store = dir.path().join("store");
    let mut child = serve(dir.path()).spawn().unwrap();
    while !dir.path().join("metrics.sock").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(&child, "-TERM");
    assert_eq!(end(&mut child), Some(0));
    // A bit of the first frame, with others behind it.
    let segment = std::fs::read_dir(store.join("journal")).unwrap().map(|file| file.unwrap().path()).min().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let notify = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    notify.set_nonblocking(true).unwrap();
    let mut child = serve(dir.path()).env("NOTIFY_SOCKET", dir.path().join("notify")).spawn().unwrap();
    assert_eq!(end(&mut child), Some(3));
    assert!(notify.recv(&mut [0; 256]).is_err(), "nothing was reported");
    assert!(!dir.path().join(SOCKET).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_by_signal_finishes_what_was_accepted_and_removes_the_sockets() {
    let dir = TempDir::new().unwrap();
    let rows: Vec<_> = (1..=300).map(|n| row(n, n, n % 2, "Seen about her knee.")).collect();
    let feed = extract::write(&dir.path().join("extract"), &rows);
    let mut daemon = Daemon::start(dir.path());
    let mut client = connect(dir.path()).await;
    let mut other = connect(dir.path()).await;
    let pull = tokio::spawn(async move { client.request(Request::Pull { from: Some(feed) }).await });
    // The pull's first record is in the log: it was accepted.
    loop {
        let Reply::Status(status) = other.request(Request::Status).await.unwrap() else { panic!() };
        if status.seq > 2 {
            break;
        }
    }
    signal(&daemon.0, "-TERM");
    let reply = pull.await.unwrap();
    assert!(matches!(&reply, Ok(Reply::Pulled(pulled)) if pulled.new == 300), "{reply:?}");
    assert_eq!(end(&mut daemon.0), Some(0));
    assert!(!dir.path().join(SOCKET).exists() && !dir.path().join("metrics.sock").exists());
    assert!(matches!(other.request(Request::Status).await, Err(ClientError::Closed | ClientError::Transport(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_gets_three_quarters_of_the_places_and_is_told() {
    let dir = TempDir::new().unwrap();
    let settings = "[practice]\nods = \"Z99901\"\nname = \"Test\"\n[daemon]\nclients = 8\n";
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    let _daemon = Daemon::start(dir.path());
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(connect(dir.path()).await);
    }
    let seventh = Client::connect(UnixStream::connect(dir.path().join(SOCKET)).await.unwrap()).await;
    let Err(ClientError::Unwelcome(why)) = seventh else { panic!("let in") };
    assert!(why.contains("6 connections open already"), "{why}");
    drop(clients.pop());
    connect(dir.path()).await;
}

/// Memory of a process that is in use, kilobytes.
pub fn memory_of(child: &Child) -> u64 {
    let mut text = String::new();
    std::fs::File::open(format!("/proc/{}/status", child.id())).unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_grow_nothing_and_are_let_go() {
    let (dir, daemon) = practice(100).await;
    let path = dir.path().join(SOCKET);
    let before = memory_of(&daemon.0);
    let asked = |id| serde_json::to_vec(&Asked { id, request: Request::Queue { limit: 1_000 }, act: None }).unwrap();
    let mut deaf = Vec::new();
    for _ in 0..12 {
        let mut frames = framed(UnixStream::connect(&path).await.unwrap());
        let hello =
            serde_json::to_vec(&Asked { id: 0, request: Request::Hello { version: VERSION }, act: None }).unwrap();
        frames.send(Bytes::from(hello)).await.unwrap();
        deaf.push(frames);
    }
    // Each asks for far more than fits into its socket, until the daemon takes no more of it.
    let ask = deaf.iter_mut().map(|frames| async move {
        for id in 1..20_000 {
            let sent = tokio::time::timeout(Duration::from_millis(500), frames.send(Bytes::from(asked(id)))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        panic!("the daemon took twenty thousand requests of somebody who reads nothing");
    });
    futures_util::future::join_all(ask).await;
    let mut client = connect(dir.path()).await;
    assert_eq!(queue(&mut client).await.rows.len(), 100, "others are served");
    let grown = memory_of(&daemon.0).saturating_sub(before);
    assert!(grown < 64 << 10, "grew by {grown} kB");
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        let Reply::Status(status) = client.request(Request::Status).await.unwrap() else { panic!() };
        if status.health.clients == 1 {
            break;
        }
        assert!(Instant::now() < give_up, "{} are still connected", status.health.clients);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_half_of_it_is_let_go_and_who_says_too_much_at_once() {
    use tokio::io::AsyncWriteExt;
    let (dir, _daemon) = practice(1).await;
    let mut ends = Vec::new();
    // Nothing; half a frame; a frame that is longer than any request; the same after a proper greeting.
    for (greets, bytes) in
        [(false, &b""[..]), (false, b"\x00\x00"), (true, b"\x00\x00\x10\x00half"), (true, b"\x00\x20\x00\x00")]
    {
        let stream = UnixStream::connect(dir.path().join(SOCKET)).await.unwrap();
        let mut stream = match greets {
            true => {
                let mut frames = framed(stream);
                let hello =
                    serde_json::to_vec(&Asked { id: 0, request: Request::Hello { version: VERSION }, act: None })
                        .unwrap();
                frames.send(Bytes::from(hello)).await.unwrap();
                frames.into_inner()
            }
            false => stream,
        };
        stream.write_all(bytes).await.unwrap();
        ends.push(tokio::spawn(async move {
            let mut rest = Vec::new();
            let begun = Instant::now();
            let ended = tokio::time::timeout(Duration::from_secs(40), stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "still connected");
            begun.elapsed()
        }));
    }
    let mut client = connect(dir.path()).await;
    let too_much = ends.pop().unwrap().await.unwrap();
    assert!(too_much < Duration::from_secs(8), "let go without waiting for the rest: {too_much:?}");
    for end in ends {
        end.await.unwrap();
    }
    assert_eq!(queue(&mut client).await.rows.len(), 1, "who is quiet for so long after a greeting stays");
}

#[test]
fn the_role_is_the_login_s_or_else_its_group_s_and_never_two() {
    let dir = TempDir::new().unwrap();
    let users = r#"
        [[user]]
        login = "ann"
        name = "Dr Ann Author"
        role = "lead"
        [[group]]
        name = "gp"
        role = "clinician"
        [[group]]
        name = "doctors"
        role = "clinician"
        [[group]]
        name = "it"
        role = "admin"
    "#;
    std::fs::write(dir.path().join("users.toml"), users).unwrap();
    let settings = Settings::read(dir.path()).unwrap();
    let role = |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        settings.role_of("zoe", &groups).map_err(|error| error.to_string())
    };
    assert_eq!(role(&["users", "gp"]), Ok(Role::Clinician));
    assert_eq!(role(&["gp", "doctors"]), Ok(Role::Clinician));
    assert!(role(&["users"]).unwrap_err().contains("zoe has no role"));
    assert!(role(&["gp", "it"]).unwrap_err().contains("gp and it"));
    std::fs::write(dir.path().join("users.toml"), users.replace("admin", "system")).unwrap();
    assert!(Settings::read(dir.path()).unwrap_err().to_string().contains("the program's own"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_s_groups_of_a_caller_give_the_role() {
    let dir = TempDir::new().unwrap();
    let users = format!("[[group]]\nname = \"{}\"\nrole = \"auditor\"\n", own_group());
    std::fs::write(dir.path().join("users.toml"), users).unwrap();
    let _daemon = Daemon::start(dir.path());
    drop(connect(dir.path()).await);
    let stream = UnixStream::connect(dir.path().join(SOCKET)).await.unwrap();
    let (mut client, welcome) = Client::connect(stream).await.unwrap();
    assert_eq!(welcome.actor.role, Role::Auditor);
    assert!(matches!(client.request(Request::Queue { limit: 1 }).await.unwrap(), Reply::Refused { .. }));
}

#[test]
fn the_units_are_printed_and_harden_the_daemon() {
    let said = Command::new(BINARY).args(["serve", "--units"]).output().unwrap();
    let units = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(0));
    for line in [
        "Type=notify",
        "WatchdogSec=",
        "LimitCORE=0",
        "MemoryMax=",
        "MemorySwapMax=0",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "RestrictAddressFamilies=AF_UNIX",
        "LoadCredentialEncrypted=anteroom-master:",
        "ListenStream=/var/lib/anteroom/anteroom.sock",
    ] {
        assert!(units.contains(line), "{line} is missing");
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let said = Command::new(BINARY).args(["serve", "--units"]).output().unwrap();
    let units = String::from_utf8(said.stdout).unwrap().replace("/usr/bin/anteroom", BINARY);
    let folder = TempDir::new().unwrap();
    let (service, socket) = (folder.path().join("anteroom.service"), folder.path().join("anteroom.socket"));
    // The manual need not be installed here. The socket stands behind the service, commented out.
    let (_, commented) = units.split_once("anteroom.socket\n").unwrap();
    let lines =
        |text: &str| text.lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect::<String>();
    std::fs::write(&socket, lines(commented)).unwrap();
    let service_lines =
        units.lines().filter(|line| !line.starts_with("Documentation=")).map(|line| format!("{line}\n"));
    std::fs::write(&service, service_lines.collect::<String>()).unwrap();
    let analyze = |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).current_dir(&folder).output();
    if analyze(&["--version"]).is_err() {
        println!("skipped: systemd-analyze is not installed");
        return;
    }
    let verified = analyze(&["verify", "./anteroom.service", "./anteroom.socket"]).unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // What it says of the machine's own units is not ours.
    assert!(verified.status.success() && !said.contains("anteroom"), "{said}");
    // In tenths, of ten: what a service that hardens nothing gets is 96.
    let secure = analyze(&["security", "--offline=true", "--threshold=15", "./anteroom.service"]).unwrap();
    assert!(secure.status.success(), "{}", String::from_utf8_lossy(&secure.stdout));
}
