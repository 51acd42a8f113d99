//! Backups, restores and the check of what is shown: through the service, and as a script uses them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anteroom::protocol::{BackedUp, Checked, Reply, Request, Secret, hex};
use anteroom::record::{Act, HideReason};
use anteroom::store::{BackupKey, BackupLock, Options, restore, verify_offline};
use tempfile::TempDir;

use kit::extract::{self, row};
use kit::{Person, Practice, master, start};

const KEY: [u8; 32] = [0xb0; 32];

/// A practice in which one entry is hidden, one waits, and two are visible since five days.
fn decided() -> Practice {
    let practice = Practice::new();
    let rows = [
        row(1, 1, 0, "Sore throat. Says her partner strangled her on Sunday. Rest."),
        row(2, 2, 0, "Domestic abuse disclosed, partner hits her."),
        row(3, 3, 1, "Partner threatens to kill her, domestic violence."),
        row(4, 4, 1, "Flu jab given L deltoid."),
    ];
    let extract = TempDir::new().unwrap();
    let mut lea = practice.user("lea");
    lea.pull(&extract::write(extract.path(), &rows));
    let waiting = lea.queue().rows;
    assert_eq!(waiting.len(), 3);
    lea.decide(waiting[0].entry, Act::Hide { reason: HideReason::Coercion }).unwrap();
    for person in ["lea", "ben"] {
        // Some want a second person, and some do not.
        let _ = practice.user(person).decide(waiting[1].entry, Act::Approve);
    }
    practice.clock.set(start() + chrono::Duration::days(5));
    practice.user("lea").ask(Request::Publish);
    assert_eq!(practice.composition_lines().len(), 2);
    practice
}

fn back_up(person: &mut Person, file: &Path) -> Result<BackedUp, String> {
    let lock = Secret(serde_json::to_string(&BackupLock::from_key(&KEY)).unwrap());
    match person.ask(Request::BackUp { to: file.to_str().unwrap().to_owned(), lock }) {
        Reply::BackedUp(done) => Ok(done),
        Reply::Refused { why } | Reply::Failed { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn check(practice: &Practice) -> Checked {
    match practice.user("aud").ask(Request::Check) {
        Reply::Checked(checked) => checked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restored_practice_has_the_same_log_the_same_queue_and_the_same_feed() {
    let (practice, elsewhere) = (decided(), TempDir::new().unwrap());
    let file = elsewhere.path().join("backup");
    let done = back_up(&mut practice.user("lea"), &file).unwrap();
    let queue = practice.user("lea").queue();
    let feed = fs::read(practice.feed()).unwrap();
    let options = Options { segment_bytes: 1 << 20, floor_bytes: 0, ..Options::default() };

    let new = TempDir::new().unwrap();
    restore(&file, &BackupKey::Key(KEY.into()), new.path(), &options, &|_| Ok(master())).unwrap();
    let (frames, head) = verify_offline(&new.path().join("store"), None).unwrap().head.unwrap();
    assert_eq!((frames, hex(&head)), (done.frames, done.head));
    let restored = Practice::open_at(new, start() + chrono::Duration::days(5));
    let again = restored.user("lea").queue();
    assert_eq!((again.rows, again.totals), (queue.rows, queue.totals));
    assert!(fs::read(restored.feed()).unwrap() == feed, "the feed differs");
    assert_eq!(check(&restored).wrong, Vec::<String>::new());
}

#[test]
fn only_lead_and_administrator_make_backups_and_both_tries_are_in_the_log() {
    let (practice, elsewhere) = (decided(), TempDir::new().unwrap());
    let file = elsewhere.path().join("backup");
    for login in ["ann", "aud"] {
        let why = back_up(&mut practice.user(login), &file).unwrap_err();
        assert!(why.contains("makes no backup"), "{why}");
        assert!(!file.exists());
    }
    back_up(&mut practice.user("adm"), &file).unwrap();
    let why = back_up(&mut practice.user("adm"), &file).unwrap_err();
    assert!(why.contains("is there already"), "{why}");
    assert!(back_up(&mut practice.user("adm"), Path::new("backup")).unwrap_err().contains("whole path"));
    let Reply::Audit(lines) = practice.user("aud").ask(Request::Audit { before: None, limit: 50, everything: true })
    else {
        panic!()
    };
    let tries = lines.iter().filter(|line| line.record.event.words() == "backed up").count();
    assert_eq!(tries, 3, "two refusals and one backup");
}

#[test]
fn the_check_finds_every_way_in_which_the_feed_can_be_wrong() {
    let practice = decided();
    let right = check(&practice);
    assert_eq!((right.entries, right.visible, right.wrong), (4, 2, Vec::new()));
    let feed = fs::read_to_string(practice.feed()).unwrap();
    let lines: Vec<&str> = feed.lines().collect();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let other = lines[0].replace(&id(lines[0]), "00000000000000000000000000000000");
    let wrong = |text: String, sentence: &str| {
        fs::write(practice.feed(), text).unwrap();
        let found = check(&practice).wrong;
        assert!(found.len() == 1 && found[0].contains(sentence), "{sentence}: {found:?}");
    };
    wrong(format!("{}\n", lines[0]), &format!("entry {} is missing", id(lines[1])));
    wrong(format!("{feed}{other}\n"), "line 3 of the feed shows an entry that must not be visible");
    wrong(format!("{feed}{}\n", lines[0]), "line 3 of the feed shows an entry that must not be visible");
    wrong(format!("{feed}not JSON\n"), "line 3 of the feed");
    wrong(feed.replace("\"final\"", "\"amended\"").replacen("\"amended\"", "\"final\"", 1), "is shown otherwise");
    fs::remove_file(practice.feed()).unwrap();
    assert_eq!(check(&practice).wrong.len(), 2);
    // The next publication repairs it.
    practice.user("lea").ask(Request::Publish);
    assert_eq!(check(&practice).wrong, Vec::<String>::new());
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    command.env("ANTEROOM_DIR", dir).env_remove("CREDENTIALS_DIRECTORY").env_remove("ANTEROOM_KEY_FILE");
    command.args(arguments);
    command
}

fn anteroom(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

struct Daemon(Child);

impl Daemon {
    fn start(dir: &Path) -> Self {
        let daemon = Self(command(dir, &["serve"]).stderr(Stdio::null()).spawn().unwrap());
        let give_up = Instant::now() + Duration::from_secs(20);
        while anteroom(dir, &["status"]).status.code() == Some(3) {
            assert!(Instant::now() < give_up, "the daemon does not answer");
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_script_backs_up_with_and_without_a_daemon_restores_and_checks() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    let feed = extract::write(elsewhere.path(), &[row(1, 1, 0, "Domestic abuse disclosed, partner hits her.")]);
    fs::write(dir.path().join("practice.toml"), "[practice]\nods = \"Z99901\"\nname = \"Test\"\n").unwrap();
    assert_eq!(anteroom(dir.path(), &["pull", &feed]).status.code(), Some(0));

    let alone = anteroom(dir.path(), &["backup", &place("one"), "--key", &place("key")]);
    assert_eq!(alone.status.code(), Some(0), "{}", said(&alone));
    let daemon = Daemon::start(dir.path());
    let served = anteroom(dir.path(), &["backup", &place("two"), "--key", &place("key"), "--json"]);
    assert_eq!(served.status.code(), Some(0), "{}", said(&served));
    let done: BackedUp = serde_json::from_slice(&served.stdout).unwrap();
    assert_eq!(anteroom(dir.path(), &["check"]).status.code(), Some(0));
    drop(daemon);
    let twice = anteroom(dir.path(), &["backup", &place("two"), "--key", &place("key")]);
    assert!(twice.status.code() == Some(2) && said(&twice).contains("is there already"), "{}", said(&twice));

    let to = place("restored");
    let restored = anteroom(dir.path(), &["restore", &place("two"), &to, "--key", &place("key")]);
    assert!(restored.status.success() && said(&restored).contains(&done.head), "{}", said(&restored));
    let verified = anteroom(Path::new(&to), &["audit", "verify"]);
    assert!(verified.status.success() && said(&verified).contains(&done.head), "{}", said(&verified));
    let queue = anteroom(Path::new(&to), &["queue"]);
    assert!(queue.status.code() == Some(1) && said(&queue).contains("NASH"), "{}", said(&queue));
    assert!(fs::read_to_string(Path::new(&to).join("practice.toml")).unwrap().contains("Z99901"));
    assert!(fs::read(Path::new(&to).join("secret")).unwrap() != fs::read(dir.path().join("secret")).unwrap());

    let again = anteroom(dir.path(), &["restore", &place("two"), &to, "--key", &place("key")]);
    assert!(again.status.code() == Some(3) && said(&again).contains("is not empty"), "{}", said(&again));
    for (arguments, exit, sentence) in [
        (&["restore", &place("two"), &place("x")][..], 2, "--key"),
        (&["restore", &place("key"), &place("x"), "--key", &place("key")], 3, "is no backup"),
        (&["restore", &place("none"), &place("x"), "--key", &place("key")], 3, "cannot be used"),
        (
            &["restore", &place("two"), &place("x"), "--key", &format!("{}/secret", dir.path().display())],
            3,
            "does not open",
        ),
    ] {
        let output = anteroom(dir.path(), arguments);
        assert!(
            output.status.code() == Some(exit) && said(&output).contains(sentence),
            "{arguments:?}: {}",
            said(&output)
        );
        assert_eq!(said(&output).lines().count(), 1);
        assert!(!Path::new(&place("x")).exists());
    }
    fs::create_dir_all(dir.path().join("feed")).unwrap();
    fs::write(dir.path().join("feed/Composition.ndjson"), "{\"id\":\"1\"}\n").unwrap();
    let checked = anteroom(dir.path(), &["check", "--json"]);
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    let found: Checked = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((found.entries, found.visible, found.wrong.len()), (1, 0, 1));
}
