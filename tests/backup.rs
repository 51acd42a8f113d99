//! Backups, restores and the check of what is shown: through the service, and as a script uses them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret;
use anteroom::protocol::{BackedUp, Checked, Reply, Request, Secret, hex};
use anteroom::record::{Act, HideReason};
use anteroom::store::{BackupKey, BackupLock, Options, restore, verify_offline};
use tempfile::TempDir;

use kit::extract::{self, row};
use kit::{Person, Practice, master, start};

/// A custodian's keys.
fn custodian() -> (String, BackupKey) {
    let identity = age::x25519::Identity::generate();
    (identity.to_public().to_string(), BackupKey::Identities(vec![identity]))
}

/// The same as `age-keygen` writes them. Answers the public key.
fn keygen(file: &str) -> String {
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public().to_string();
    fs::write(file, format!("# public key: {public}\n{}\n", identity.to_string().expose_secret())).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    public
}

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
    back_up_to(person, file, &custodian().0)
}

fn back_up_to(person: &mut Person, file: &Path, key: &str) -> Result<BackedUp, String> {
    let lock = Some(Secret(serde_json::to_string(&BackupLock::to(&[key.to_owned()]).unwrap()).unwrap()));
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
    let (public, private) = custodian();
    let done = back_up_to(&mut practice.user("lea"), &file, &public).unwrap();
    let queue = practice.user("lea").queue();
    let feed = fs::read(practice.feed()).unwrap();
    let options = Options { segment_bytes: 1 << 20, floor_bytes: 0, ..Options::default() };

    let new = TempDir::new().unwrap();
    restore(&file, &private, new.path(), None, &options, &|_| Ok(master())).unwrap();
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

#[test]
fn the_age_tool_opens_a_backup() {
    let elsewhere = TempDir::new().unwrap();
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    if Command::new("age").arg("--version").output().is_err() {
        println!("skipped: the tool age is not installed (Debian package age)");
        return;
    }
    let public = keygen(&place("key"));
    back_up_to(&mut decided().user("lea"), Path::new(&place("backup")), &public).unwrap();
    let opened = Command::new("age")
        .args(["--decrypt", "--identity", &place("key"), "--output", &place("opened.gz"), &place("backup")])
        .output()
        .unwrap();
    assert!(opened.status.success(), "{}", said(&opened));
    assert!(Command::new("gunzip").arg(place("opened.gz")).status().unwrap().success());
    let bytes = fs::read(place("opened")).unwrap();
    assert!(bytes.windows(6).any(|window| window == b"Z99901"));
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

    let (public, second) = (keygen(&place("key")), keygen(&place("second")));
    let alone = anteroom(dir.path(), &["backup", &place("one"), "--to", &public]);
    assert_eq!(alone.status.code(), Some(0), "{}", said(&alone));
    let daemon = Daemon::start(dir.path());
    let served = anteroom(dir.path(), &["backup", &place("two"), "--to", &public, "--to", &second, "--json"]);
    assert_eq!(served.status.code(), Some(0), "{}", said(&served));
    let done: BackedUp = serde_json::from_slice(&served.stdout).unwrap();
    assert_eq!(anteroom(dir.path(), &["check"]).status.code(), Some(0));
    drop(daemon);
    fs::write(place("custodians"), format!("# two\n{public}\n\n{second}\n")).unwrap();
    fs::set_permissions(place("custodians"), fs::Permissions::from_mode(0o600)).unwrap();
    let twice = anteroom(dir.path(), &["backup", &place("two"), "--recipients", &place("custodians")]);
    assert!(twice.status.code() == Some(2) && said(&twice).contains("is there already"), "{}", said(&twice));

    let to = place("restored");
    let restored = anteroom(dir.path(), &["restore", &place("two"), &to, "--identity", &place("second")]);
    assert!(restored.status.success() && said(&restored).contains(&done.head), "{}", said(&restored));
    let verified = anteroom(Path::new(&to), &["audit", "verify"]);
    assert!(verified.status.success() && said(&verified).contains(&done.head), "{}", said(&verified));
    let queue = anteroom(Path::new(&to), &["queue"]);
    assert!(queue.status.code() == Some(1) && said(&queue).contains("NASH"), "{}", said(&queue));
    assert!(fs::read_to_string(Path::new(&to).join("practice.toml")).unwrap().contains("Z99901"));
    assert!(fs::read(Path::new(&to).join("secret")).unwrap() != fs::read(dir.path().join("secret")).unwrap());

    keygen(&place("stranger"));
    let again = anteroom(dir.path(), &["restore", &place("two"), &to, "--identity", &place("key")]);
    assert!(again.status.code() == Some(3) && said(&again).contains("is not empty"), "{}", said(&again));
    for (arguments, exit, sentence) in [
        (&["restore", &place("two"), &place("x")][..], 2, "--identity"),
        (&["restore", &place("key"), &place("x"), "--identity", &place("key")], 3, "is no backup"),
        (&["restore", &place("none"), &place("x"), "--identity", &place("key")], 3, "cannot be used"),
        (&["restore", &place("two"), &place("x"), "--identity", &place("custodians")], 3, "no private key"),
        (&["restore", &place("two"), &place("x"), "--identity", &place("stranger")], 3, "does not open"),
        (&["backup", &place("three"), "--to", "age1somebody"], 3, "no public key"),
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

#[test]
fn an_older_backup_or_another_practices_is_refused_by_the_head_that_is_known() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    let public = keygen(&place("key"));
    let back_up = |dir: &Path, name: &str| {
        let done = anteroom(dir, &["backup", &place(name), "--to", &public, "--json"]);
        assert!(done.status.success(), "{}", said(&done));
        serde_json::from_slice::<BackedUp>(&done.stdout).unwrap()
    };
    let restore = |name: &str, to: &str, head: &str| {
        let identity = place("key");
        anteroom(dir.path(), &["restore", &place(name), &place(to), "--identity", &identity, "--head", head])
    };
    fs::write(dir.path().join("practice.toml"), "[practice]\nods = \"Z99901\"\nname = \"Test\"\n").unwrap();
    let feed = extract::write(elsewhere.path(), &[row(1, 1, 0, "Cough.")]);
    assert_eq!(anteroom(dir.path(), &["pull", &feed]).status.code(), Some(0));
    let old = back_up(dir.path(), "old");
    let status = anteroom(dir.path(), &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let known = status["health"]["head"].as_str().unwrap();
    let frame = status["seq"].as_u64().unwrap();
    assert!(frame > old.frames, "the backup itself is in the log");
    let new = back_up(dir.path(), "new");

    let refused = restore("old", "a", known);
    let said_of_it = said(&refused);
    assert_eq!(refused.status.code(), Some(3), "{said_of_it}");
    assert!(said_of_it.contains("is older than the log you know of") && said_of_it.contains(&old.head), "{said_of_it}");
    assert!(said_of_it.lines().count() == 1 && !Path::new(&place("a")).exists());
    // One that began alike and went on otherwise is as long, and never had that head.
    let fork = place("fork");
    assert!(restore("old", "fork", &old.head).status.success());
    while back_up(Path::new(&fork), "other").frames < frame {
        fs::remove_file(place("other")).unwrap();
    }
    assert_eq!(restore("other", "a", known).status.code(), Some(3));
    assert_eq!(restore("new", "a", &known[1..]).status.code(), Some(2));
    assert!(!Path::new(&place("a")).exists());

    let reached = restore("new", "a", &known.to_uppercase());
    assert!(reached.status.success(), "{}", said(&reached));
    assert!(said(&reached).contains(&format!("is its frame {frame}; {} came after", new.frames - frame)));
    assert!(said(&reached).contains(&new.head));
    let exact = restore("new", "b", &new.head);
    assert!(exact.status.success() && said(&exact).contains("that is the head you know of"), "{}", said(&exact));
}

#[test]
fn the_custodians_of_the_settings_open_what_is_closed_for_nobody_else() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    let feed = extract::write(elsewhere.path(), &[row(1, 1, 0, "Domestic abuse disclosed, partner hits her.")]);
    let settings = |custodians: &str| {
        let text = format!("[practice]\nods = \"Z99901\"\nname = \"Test\"\n\n[backup]\ncustodians = [{custodians}]\n");
        fs::write(dir.path().join("practice.toml"), text).unwrap();
    };
    settings("");
    assert_eq!(anteroom(dir.path(), &["pull", &feed]).status.code(), Some(0));
    let nobody = anteroom(dir.path(), &["backup", &place("backup")]);
    assert!(nobody.status.code() == Some(4) && said(&nobody).contains("custodians"), "{}", said(&nobody));
    settings("\"age1somebody\"");
    let wrong = anteroom(dir.path(), &["backup", &place("backup")]);
    assert!(!wrong.status.success() && said(&wrong).contains("no public key"), "{}", said(&wrong));

    let (first, second) = (keygen(&place("first")), keygen(&place("second")));
    settings(&format!("\"{first}\", \"{second}\""));
    let done = anteroom(dir.path(), &["backup", &place("backup")]);
    assert!(done.status.success(), "{}", said(&done));
    for custodian in ["first", "second"] {
        let to = place(&format!("restored by {custodian}"));
        let identity = place(custodian);
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).unwrap();
        let open = anteroom(dir.path(), &["restore", &place("backup"), &to, "--identity", &identity]);
        assert!(said(&open).contains("may be read by others"), "{}", said(&open));
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
        let restored = anteroom(dir.path(), &["restore", &place("backup"), &to, "--identity", &identity]);
        assert!(restored.status.success(), "{}", said(&restored));
    }
}

#[test]
fn a_restored_practice_screens_with_its_own_rules() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    fs::write(dir.path().join("practice.toml"), "[practice]\nods = \"Z99901\"\nname = \"Test\"\n").unwrap();
    let rule = "[[rule]]\nid = \"mine\"\ncategory = \"third_party_disclosure\"\ntier = 2\nwhy = \"test\"\n\
                match = [\"zebra\"]\nfires = [\"a zebra\"]\nspares = [\"a horse\"]\n";
    let silence = "[[silence]]\nrule = \"da.demeaned\"\nreason = \"checked\"\nby = \"lea\"\n";
    let own = [("packs/mine.toml", rule), ("refsets/domestic_abuse.txt", "900000000000000\n"), ("rules.toml", silence)];
    for (name, text) in own {
        fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
        fs::write(dir.path().join(name), text).unwrap();
    }
    // An editor's copy is no rule, and a practice with one starts.
    fs::write(dir.path().join("packs/mine.toml~"), "rule = 1").unwrap();
    let feed = extract::write(elsewhere.path(), &[row(1, 1, 0, "Cough.")]);
    assert_eq!(anteroom(dir.path(), &["pull", &feed]).status.code(), Some(0));
    let public = keygen(&place("key"));
    let backed_up = anteroom(dir.path(), &["backup", &place("backup"), "--to", &public]);
    assert!(backed_up.status.success(), "{}", said(&backed_up));
    let to = place("restored");
    let restored = anteroom(dir.path(), &["restore", &place("backup"), &to, "--identity", &place("key")]);
    assert!(restored.status.success(), "{}", said(&restored));
    for (name, text) in own {
        assert_eq!(fs::read_to_string(Path::new(&to).join(name)).ok().as_deref(), Some(text), "{name}");
    }
    assert!(!Path::new(&to).join("packs/mine.toml~").exists());
    // A new entry that only the practice's own rule holds.
    let later = elsewhere.path().join("later");
    let feed = extract::write(&later, &[row(2, 2, 1, "Came with a zebra.")]);
    assert_eq!(anteroom(Path::new(&to), &["pull", &feed]).status.code(), Some(0));
    let queue = anteroom(Path::new(&to), &["queue"]);
    assert!(queue.status.code() == Some(1) && said(&queue).contains("OAKE"), "{}", said(&queue));
}
