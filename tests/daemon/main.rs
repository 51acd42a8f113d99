//! The real daemon: several clients over its socket, and kill -9 while they decide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod figures;
mod histories;
#[path = "../kit/mod.rs"]
mod kit;
mod leases;
mod manners;
mod repeats;
mod rivals;
mod serial;
mod soak;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anteroom::channel::Portal;
use anteroom::client::{Client, ClientError};
use anteroom::protocol::{Draft, Queue, QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason, PatientId};
use anteroom::review::State;
use anteroom::review::policy_file::print;
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, SetClock, Settings};
use anteroom::store::{EmbeddedStore, Master, Places};
use chrono::{TimeDelta, Utc};
use tempfile::TempDir;
use tokio::net::UnixStream;

use kit::extract::{self, Row, row};

const BINARY: &str = env!("CARGO_BIN_EXE_anteroom");

struct Daemon(Child);

impl Daemon {
    /// Starts the daemon on a folder and waits until it answers.
    fn start(dir: &Path) -> Self {
        let child =
            Command::new(BINARY).args(["--dir", dir.to_str().unwrap(), "serve"]).stderr(Stdio::null()).spawn().unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Daemon {
    /// Tells it to end, and waits until it has.
    fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Connects as soon as somebody listens.
async fn connect(dir: &Path) -> Client<UnixStream> {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok(stream) = UnixStream::connect(dir.join("anteroom.sock")).await
            && let Ok((client, _)) = Client::connect(stream).await
        {
            return client;
        }
        assert!(Instant::now() < give_up, "the daemon does not answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn queue(client: &mut Client<UnixStream>) -> Queue {
    match client.request(Request::Queue { limit: 1_000 }).await.unwrap() {
        Reply::Queue(queue) => queue,
        other => panic!("{other:?}"),
    }
}

/// A practice with `entries` entries that wait. Nobody is named, so the test's user acts as lead.
async fn practice(entries: usize) -> (TempDir, Daemon) {
    let rows: Vec<_> = (1..=entries).map(|n| row(n, n, n % 2, "Domestic abuse disclosed, partner hits her.")).collect();
    practice_of(&rows).await
}

/// A practice with these entries, all of which wait.
async fn practice_of(rows: &[Row]) -> (TempDir, Daemon) {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("policy.toml"), print(&kit::Practice::policy())).unwrap();
    let feed = extract::write(&dir.path().join("extract"), rows);
    let daemon = Daemon::start(dir.path());
    let mut client = connect(dir.path()).await;
    let reply = client.request(Request::Pull { from: Some(feed) }).await.unwrap();
    assert!(matches!(&reply, Reply::Pulled(pulled) if pulled.queued == rows.len() as u64), "{reply:?}");
    (dir, daemon)
}

fn decide(row: &QueueRow, act: Act) -> Request {
    Request::Decide {
        entry: row.entry,
        version: row.version,
        revision: row.revision,
        act,
        token: None,
        waivers: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_and_a_second_opener_are_refused_with_a_sentence() {
    let (dir, _daemon) = practice(1).await;
    let second = Command::new(BINARY).args(["--dir", dir.path().to_str().unwrap(), "serve"]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("already serves") && said.lines().count() == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_keeps_where_entries_stand_before_anybody_ends_it() {
    let (dir, daemon) = practice(2).await;
    let give_up = Instant::now() + Duration::from_secs(20);
    while !dir.path().join("store/derived").exists() {
        assert!(Instant::now() < give_up, "the daemon keeps nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.kill();
    let _daemon = Daemon::start(dir.path());
    assert_eq!(queue(&mut connect(dir.path()).await).await.rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_that_the_queue_changed() {
    let (dir, _daemon) = practice(2).await;
    let (mut watcher, mut actor) = (connect(dir.path()).await, connect(dir.path()).await);
    queue(&mut watcher).await;
    let row = queue(&mut actor).await.rows.remove(0);
    actor.request(decide(&row, Act::Hide { reason: HideReason::Coercion })).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(5), watcher.notice()).await;
    assert!(matches!(heard, Ok(Ok(anteroom::protocol::Notice::QueueChanged))));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_oversized_frames_end_that_client_alone() {
    use tokio::io::AsyncWriteExt;
    let (dir, _daemon) = practice(1).await;
    for garbage in [&b"\x00\x00\x00\x05hello"[..], b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = UnixStream::connect(dir.path().join("anteroom.sock")).await.unwrap();
        stream.write_all(garbage).await.unwrap();
    }
    assert_eq!(queue(&mut connect(dir.path()).await).await.rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_during_mixed_work_loses_nothing_and_shows_nothing_more() {
    kill_9(12).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a few minutes"]
async fn kill_9_during_mixed_work_loses_nothing_and_shows_nothing_more_at_length() {
    kill_9(120).await;
}

/// Workers, each with a patient of its own.
const WORKERS: usize = 3;

/// Rounds in which the daemon is killed while people draft, hide, approve and take back, visible entries are withdrawn
/// one after the other, the feed is written, and a feed is pulled.
async fn kill_9(rounds: u64) {
    const ENTRIES: usize = 24;
    let rows: Vec<_> =
        (1..=ENTRIES).map(|n| row(n, n, 2 + n % WORKERS, &format!("Partner hits her, seen {n} times."))).collect();
    let dir = TempDir::new().unwrap();
    let mut visible = released(dir.path(), VISIBLE);
    assert_eq!(visible.len(), VISIBLE);
    let feed = extract::write(&dir.path().join("extract"), &rows);
    let mut daemon = Daemon::start(dir.path());
    let reply = connect(dir.path()).await.request(Request::Pull { from: Some(feed) }).await.unwrap();
    assert!(matches!(&reply, Reply::Pulled(pulled) if pulled.queued == rows.len() as u64), "{reply:?}");
    let known: Arc<Mutex<HashMap<EntryId, Known>>> = Arc::default();
    let mut patients: Vec<PatientId> =
        queue(&mut connect(dir.path()).await).await.rows.iter().map(|row| row.patient).collect();
    patients.sort_unstable();
    patients.dedup();
    assert_eq!(patients.len(), WORKERS);
    // Heard in every other round before the daemon is killed, however slow the machine is.
    const ENOUGH: u64 = 3;
    let seen: Arc<AtomicU64> = Arc::default();
    for round in 0..rounds {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let path = dir.path().to_owned();
                let (known, seen) = (Arc::clone(&known), Arc::clone(&seen));
                let patient = patients[worker];
                tokio::spawn(async move { work_until_killed(&path, patient, &known, &seen).await })
            })
            .collect();
        let puller = tokio::spawn(pull_until_killed(dir.path().to_owned(), round));
        let publisher = tokio::spawn(publish_until_killed(dir.path().to_owned()));
        let withdrawer = tokio::spawn(withdraw_until_killed(dir.path().to_owned(), visible.clone()));
        let (before, patience) = (seen.load(Ordering::Relaxed), Instant::now() + Duration::from_secs(120));
        while round % 2 == 0 && seen.load(Ordering::Relaxed) < before + ENOUGH {
            assert!(Instant::now() < patience, "round {round}: the daemon acknowledges nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Anywhere from the first decisions to a few hundred later, differently in each round.
        tokio::time::sleep(Duration::from_millis(30 + round * 37 % 120)).await;
        daemon.kill();
        for worker in workers {
            worker.await.unwrap();
        }
        puller.await.unwrap();
        publisher.await.unwrap();
        let (withdrawn, under_way) = withdrawer.await.unwrap();
        daemon = Daemon::start(dir.path());
        let mut client = connect(dir.path()).await;
        let entries: Vec<(EntryId, Known)> = known.lock().unwrap().clone().into_iter().collect();
        for (entry, expected) in entries {
            let Reply::Entry(opened) = client.request(Request::Open { entry }).await.unwrap() else {
                panic!("round {round}: an entry is gone")
            };
            let found = (opened.row.state, opened.draft.is_some());
            // What was under way when the daemon died may have been done without the answer arriving.
            let right = found == expected.acknowledged || Some(found) == expected.under_way;
            assert!(right, "round {round}: {expected:?}, found {found:?}");
            // What is left hidden would stand in the way of the same words elsewhere.
            if found.0 != State::Queued {
                let reply = client.request(Request::Undo { entry }).await.unwrap();
                assert!(matches!(reply, Reply::Decided(_)), "round {round}: {reply:?}");
            }
            let acknowledged = (State::Queued, found.1);
            known.lock().unwrap().insert(entry, Known { acknowledged, under_way: None });
        }
        let Reply::Checked(checked) = client.request(Request::Check).await.unwrap() else { panic!() };
        assert!(checked.wrong.is_empty(), "round {round}: {:?}", checked.wrong);
        let shown = shown(dir.path());
        for entry in &visible {
            assert!(
                !withdrawn.contains(entry) || !shown.contains(entry),
                "round {round}: {entry} was withdrawn and shows"
            );
            let stays = !withdrawn.contains(entry) && under_way != Some(*entry);
            assert!(!stays || shown.contains(entry), "round {round}: {entry} was not withdrawn and is gone");
        }
        assert_eq!(checked.visible as usize, shown.len(), "round {round}");
        visible.retain(|entry| shown.contains(entry));
        let Reply::Verified(verified) = client.request(Request::Verify).await.unwrap() else { panic!() };
        assert!(verified.damage.is_empty(), "round {round}: {:?}", verified.damage);
    }
    let seen = seen.load(Ordering::Relaxed);
    println!("{rounds} kills, {seen} acknowledged, {} of {VISIBLE} still visible", visible.len());
    assert!(visible.len() < VISIBLE, "nothing visible was withdrawn");
    assert!(seen >= rounds / 2 * ENOUGH, "the rounds decided something: {seen}");
}

/// Entries that are visible before the first round.
const VISIBLE: usize = 60;

/// A practice at which some days ago so many entries became visible.
fn released(dir: &Path, entries: usize) -> Vec<EntryId> {
    std::fs::write(dir.join("policy.toml"), print(&kit::Practice::policy())).unwrap();
    std::fs::write(
        dir.join("practice.toml"),
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\nclearing = \"unmeasured\"\nshown_by = \"portal\"\n",
    )
    .unwrap();
    let first = 100_000;
    let rows: Vec<_> = (0..entries).map(|n| row(first + n, first + n, 10, &format!("Flu jab, dose {n}."))).collect();
    let feed = extract::write(&dir.join("before"), &rows);
    let key = dir.join("secret");
    let master = Master::find(&Places { credentials: None, named: None, default: &key }, true).unwrap();
    let (store, _) = EmbeddedStore::open(&dir.join("store"), &kit::options(), &master).unwrap();
    let clock = Arc::new(SetClock::at(Utc::now() - TimeDelta::days(10)));
    let service = Service::start(Parts {
        keys: Keys::from_secret(store.secret()),
        store: Box::new(store),
        clock: Arc::<SetClock>::clone(&clock),
        rules: Rules::built_in(),
        settings: Settings::read(dir).unwrap(),
        channel: Box::new(Portal::new(dir.join("feed"))),
        feed: Box::new(|| None),
        demo: false,
    });
    let service = Arc::new(service.unwrap());
    let mut lea = kit::person(&service, "lea");
    lea.pull(&feed);
    clock.set(Utc::now() - TimeDelta::days(1));
    assert!(matches!(lea.ask(Request::Publish), Reply::Published(_)));
    shown(dir)
}

/// What the feed shows.
fn shown(dir: &Path) -> Vec<EntryId> {
    let feed = std::fs::read_to_string(dir.join("feed/Composition.ndjson")).unwrap();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().parse();
    feed.lines().map(|line| id(line).unwrap()).collect()
}

/// Where an entry stands, and whether a draft waits.
type Stands = (State, bool);

/// What a client knows of an entry.
#[derive(Debug, Clone, Copy)]
struct Known {
    acknowledged: Stands,
    under_way: Option<Stands>,
}

/// Drafts, hides, approves and takes back, on a patient whom no other worker touches, until the daemon is gone.
/// Counts what is acknowledged.
async fn work_until_killed(path: &Path, patient: PatientId, known: &Mutex<HashMap<EntryId, Known>>, seen: &AtomicU64) {
    let work = async {
        let mut client = connect(path).await;
        loop {
            let rows = match client.request(Request::Queue { limit: 1_000 }).await? {
                Reply::Queue(queue) => queue.rows,
                _ => continue,
            };
            for row in rows.iter().filter(|row| row.patient == patient) {
                let entry = row.entry;
                let draft = Some(Draft { version: Some(row.version), ..Draft::default() });
                let later = QueueRow { revision: row.revision + 3, ..row.clone() };
                let steps = [
                    (Request::KeepDraft { entry, draft }, (State::Queued, true)),
                    (decide(row, Act::Hide { reason: HideReason::Coercion }), (State::Hidden, false)),
                    (Request::Undo { entry }, (State::Queued, false)),
                    (decide(&later, Act::Approve), (State::Settling, false)),
                    (Request::Undo { entry }, (State::Queued, false)),
                ];
                for (request, outcome) in steps {
                    let before = Known { acknowledged: (State::Queued, false), under_way: None };
                    known.lock().unwrap().entry(entry).or_insert(before).under_way = Some(outcome);
                    match client.request(request).await? {
                        Reply::Decided(decided) => assert_eq!(decided.state, outcome.0),
                        Reply::DraftKept => {}
                        other => panic!("{other:?}"),
                    }
                    known.lock().unwrap().insert(entry, Known { acknowledged: outcome, under_way: None });
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    let end: Result<(), ClientError> = work.await;
    assert!(end.is_err());
}

/// Pulls a feed of other patients' entries, each time with other words, until the daemon is gone.
async fn pull_until_killed(path: PathBuf, round: u64) {
    let mut client = connect(&path).await;
    for pull in 0.. {
        let text = format!("Her knee is better, seen {round} and {pull} times.");
        let rows: Vec<_> = (1..=20).map(|n| row(1_000 + n, 1_000 + n, 2 + WORKERS + n % 2, &text)).collect();
        let from = extract::write(&path.join("other"), &rows);
        if client.request(Request::Pull { from: Some(from) }).await.is_err() {
            return;
        }
    }
}

/// Publishes until the daemon is gone.
async fn publish_until_killed(path: PathBuf) {
    let mut client = connect(&path).await;
    while client.request(Request::Publish).await.is_ok() {}
}

/// Withdraws what is visible, one after the other, until the daemon is gone: what was acknowledged, and what was under
/// way then.
async fn withdraw_until_killed(path: PathBuf, visible: Vec<EntryId>) -> (Vec<EntryId>, Option<EntryId>) {
    let mut client = connect(&path).await;
    let mut withdrawn = Vec::new();
    // Some are left for the rounds to come.
    for entry in visible.into_iter().take(8) {
        let withdraw = Request::Withdraw { entry, reason: HideReason::Coercion, note: "she rang".to_owned() };
        match client.request(withdraw).await {
            Ok(Reply::Decided(decided)) => {
                assert_eq!((decided.state, decided.unfinished), (State::Retracted, None));
                withdrawn.push(entry);
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => return (withdrawn, Some(entry)),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (withdrawn, None)
}
