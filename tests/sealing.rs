//! The state folder without its key, through the real binary: what it gives away, and what is said.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::Value;
use tempfile::TempDir;

use kit::extract::{self, row};

const BINARY: &str = env!("CARGO_BIN_EXE_anteroom");

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.env("ANTEROOM_DIR", dir).env_remove("CREDENTIALS_DIRECTORY").env_remove("ANTEROOM_KEY_FILE");
    command.args(arguments);
    command
}

fn anteroom(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments).output().unwrap()
}

/// A state folder with two entries, whose extract is elsewhere.
fn practice() -> TempDir {
    let (dir, extract) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let rows = [
        row(1, 1, 0, "Domestic abuse disclosed, partner hits her. Quokkaville."),
        row(2, 2, 1, "Flu jab given, Zyzzogeton."),
    ];
    let feed = extract::write(extract.path(), &rows);
    let pulled = anteroom(dir.path(), &["pull", &feed]);
    assert_eq!(pulled.status.code(), Some(0), "{pulled:?}");
    dir
}

fn one_sentence(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(3), 1), "{output:?}");
    said
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn no_file_but_the_feed_holds_a_word_of_the_record_or_an_identifier() {
    let dir = practice();
    let queue: Value = serde_json::from_slice(&anteroom(dir.path(), &["queue", "--json"]).stdout).unwrap();
    let entry = queue["rows"][0]["entry"].as_str().unwrap();
    anteroom(dir.path(), &["decide", entry, "hide", "--reason", "coercion"]);
    anteroom(dir.path(), &["publish"]);
    let mut all = Vec::new();
    files(dir.path(), &mut all);
    all.retain(|path| !path.starts_with(dir.path().join("feed")));
    assert!(all.len() >= 4, "{all:?}");
    let words = [
        "Quokkaville",
        "Zyzzogeton",
        "partner",
        "disclosed",
        "Nash",
        "NASH",
        "Oake",
        "9990000018",
        "999 000 0018",
        "Test Lane",
        "0000-4000-8000",
        "Z99901",
        "coercion",
        "hidden",
    ];
    for path in all {
        let bytes = fs::read(&path).unwrap();
        for word in words {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{} holds {word}", path.display());
            assert!(!path.to_str().unwrap().contains(word), "{}", path.display());
        }
    }
}

#[test]
fn a_lost_wrong_or_open_key_is_one_sentence_at_the_start_and_the_right_one_opens_again() {
    let dir = practice();
    let (secret, away) = (dir.path().join("secret"), dir.path().join("away"));
    fs::rename(&secret, &away).unwrap();
    for arguments in [&["queue"][..], &["status"], &["serve"], &["rekey"]] {
        let said = one_sentence(&anteroom(dir.path(), arguments));
        assert!(said.contains("secret is lost") && said.contains("nothing was changed"), "{said}");
    }
    assert!(!secret.exists(), "no new key takes the place of a lost one");
    let verified = anteroom(dir.path(), &["audit", "verify"]);
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && said.contains("whole") && said.contains("contents are sealed"), "{said}");

    fs::write(&secret, [7; 32]).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let said = one_sentence(&anteroom(dir.path(), &["queue"]));
    assert!(said.contains("secret does not open the keys"), "{said}");
    fs::write(&secret, b"short").unwrap();
    assert!(one_sentence(&anteroom(dir.path(), &["queue"])).contains("32 bytes"));
    fs::copy(&away, &secret).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o640)).unwrap();
    assert!(one_sentence(&anteroom(dir.path(), &["queue"])).contains("chmod 600"));
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(anteroom(dir.path(), &["queue"]).status.code(), Some(1), "something waits, as before");
}

#[test]
fn the_key_may_be_kept_elsewhere_or_come_from_systemd() {
    let (dir, elsewhere) = (practice(), TempDir::new().unwrap());
    let key = elsewhere.path().join("anteroom-master");
    let rekeyed = anteroom(dir.path(), &["rekey", "--to-file", key.to_str().unwrap()]);
    assert_eq!(rekeyed.status.code(), Some(0), "{rekeyed:?}");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(one_sentence(&anteroom(dir.path(), &["queue"])).contains("secret does not open the keys"));
    fs::remove_file(dir.path().join("secret")).unwrap();
    for (name, value) in [("ANTEROOM_KEY_FILE", key.as_path()), ("CREDENTIALS_DIRECTORY", elsewhere.path())] {
        let queue = command(dir.path(), &["queue"]).env(name, value).output().unwrap();
        assert_eq!(queue.status.code(), Some(1), "{name}: {queue:?}");
    }
    let new = command(dir.path(), &["rekey"]).env("ANTEROOM_KEY_FILE", &key).output().unwrap();
    assert_eq!(new.status.code(), Some(0), "{new:?}");
    let queue = command(dir.path(), &["queue"]).env("ANTEROOM_KEY_FILE", &key).output().unwrap();
    assert_eq!(queue.status.code(), Some(1), "{queue:?}");
}

/// Runs a command on a terminal of its own and types `words`, a line each, whenever a colon asks for one.
fn on_a_terminal(dir: &Path, arguments: &[&str], words: &[&str]) -> (u32, String) {
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut builder = CommandBuilder::new(BINARY);
    builder.args(arguments);
    builder.env("ANTEROOM_DIR", dir);
    let mut child = pty.slave.spawn_command(builder).unwrap();
    drop(pty.slave);
    let (mut reader, mut writer) = (pty.master.try_clone_reader().unwrap(), pty.master.take_writer().unwrap());
    let mut words = words.iter();
    let (mut said, mut buffer) = (String::new(), [0; 1024]);
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if said.ends_with(": ")
            && let Some(word) = words.next()
        {
            writer.write_all(format!("{word}\r").as_bytes()).unwrap();
        }
    }
    (child.wait().unwrap().exit_code(), said)
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_never_shown() {
    const WORDS: &str = "four words of mine";
    let dir = practice();
    let (exit, said) = on_a_terminal(dir.path(), &["rekey", "--passphrase"], &[WORDS, WORDS]);
    assert_eq!(exit, 0, "{said}");
    assert!(!said.contains(WORDS), "{said}");
    let (exit, said) = on_a_terminal(dir.path(), &["queue"], &[WORDS]);
    assert!(exit == 1 && said.contains("NASH") && !said.contains(WORDS), "{exit} {said}");
    let (exit, said) = on_a_terminal(dir.path(), &["queue"], &["four words of yours"]);
    assert!(exit == 3 && said.contains("the passphrase does not open the keys"), "{exit} {said}");
    for typed in [["too short", ""], ["one long passphrase", "another long passphrase"]] {
        let (exit, said) = on_a_terminal(dir.path(), &["rekey", "--passphrase"], &[WORDS, typed[0], typed[1]]);
        assert_eq!(exit, 2, "{said}");
    }
    assert_eq!(on_a_terminal(dir.path(), &["queue"], &[WORDS]).0, 1, "the passphrase is still the first one");
}

#[test]
fn the_daemon_leaves_no_core_dump() {
    let dir = TempDir::new().unwrap();
    let mut daemon = command(dir.path(), &["serve"]).stderr(Stdio::null()).spawn().unwrap();
    let give_up = Instant::now() + Duration::from_secs(20);
    while !dir.path().join("anteroom.sock").exists() {
        assert!(Instant::now() < give_up, "the daemon does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap_or_default();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    match limits.lines().find(|line| line.starts_with("Max core file size")) {
        Some(line) => assert_eq!(line.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"]),
        None => println!("skipped: this system does not show the limits of a process"),
    }
}
