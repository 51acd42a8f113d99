//! The real daemon: several clients over its socket, and kill -9 while they decide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../kit/mod.rs"]
mod kit;
mod leases;

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anteroom::client::{Client, ClientError};
use anteroom::protocol::{Queue, QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason};
use anteroom::review::State;
use tempfile::TempDir;
use tokio::net::UnixStream;

use kit::extract::{self, row};

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
    let dir = TempDir::new().unwrap();
    let rows: Vec<_> = (1..=entries).map(|n| row(n, n, n % 2, "Domestic abuse disclosed, partner hits her.")).collect();
    let feed = extract::write(&dir.path().join("extract"), &rows);
    let daemon = Daemon::start(dir.path());
    let mut client = connect(dir.path()).await;
    let reply = client.request(Request::Pull { from: Some(feed) }).await.unwrap();
    assert!(matches!(&reply, Reply::Pulled(pulled) if pulled.queued == entries as u64), "{reply:?}");
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
async fn of_two_who_decide_at_once_one_wins_and_the_other_is_told() {
    let (dir, _daemon) = practice(1).await;
    let (mut first, mut second) = (connect(dir.path()).await, connect(dir.path()).await);
    let row = queue(&mut first).await.rows.remove(0);
    let request = decide(&row, Act::Approve);
    let (a, b) = tokio::join!(first.request(request.clone()), second.request(request));
    let replies = [a.unwrap(), b.unwrap()];
    let won = replies.iter().filter(|reply| matches!(reply, Reply::Decided(_))).count();
    assert_eq!(won, 1, "{replies:?}");
    let refused = replies.iter().any(|reply| matches!(reply, Reply::Refused { why } if why.contains("decided") || why.contains("first") || why.contains("moved on") || why.contains("agreed")));
    assert!(refused, "{replies:?}");
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
async fn kill_9_during_decisions_loses_none_that_was_acknowledged() {
    const ROUNDS: u64 = 50;
    const ENTRIES: usize = 24;
    let (dir, mut daemon) = practice(ENTRIES).await;
    let known: Arc<Mutex<HashMap<EntryId, Known>>> = Arc::default();
    let mut seen = 0;
    for round in 0..ROUNDS {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let path = dir.path().to_owned();
                let known = Arc::clone(&known);
                tokio::spawn(async move { decide_until_killed(&path, worker, &known).await })
            })
            .collect();
        // Anywhere from the first decisions to a few hundred later, differently in each round.
        tokio::time::sleep(Duration::from_millis(30 + round * 37 % 120)).await;
        daemon.kill();
        for worker in workers {
            seen += worker.await.unwrap();
        }
        daemon = Daemon::start(dir.path());
        let mut client = connect(dir.path()).await;
        let entries: Vec<(EntryId, Known)> = known.lock().unwrap().clone().into_iter().collect();
        for (entry, expected) in entries {
            let Reply::Entry(opened) = client.request(Request::Open { entry }).await.unwrap() else {
                panic!("round {round}: an entry is gone")
            };
            let state = opened.row.state;
            // What was under way when the daemon died may have been done without the answer arriving.
            let right = state == expected.acknowledged || Some(state) == expected.under_way;
            assert!(right, "round {round}: {expected:?}, found {state:?}");
            known.lock().unwrap().insert(entry, Known { acknowledged: state, under_way: None });
        }
        let Reply::Verified(verified) = client.request(Request::Verify).await.unwrap() else { panic!() };
        assert!(verified.damage.is_empty(), "round {round}: {:?}", verified.damage);
    }
    assert!(seen > ROUNDS, "the rounds decided something: {seen}");
}

/// What a client knows of an entry.
#[derive(Debug, Clone, Copy)]
struct Known {
    acknowledged: State,
    under_way: Option<State>,
}

/// Hides and takes back, on entries that no other worker touches, until the daemon is gone. Gives the
/// number of acknowledged decisions.
async fn decide_until_killed(path: &Path, worker: usize, known: &Mutex<HashMap<EntryId, Known>>) -> u64 {
    let mut decided = 0;
    let work = async {
        let mut client = connect(path).await;
        loop {
            let rows = match client.request(Request::Queue { limit: 1_000 }).await? {
                Reply::Queue(queue) => queue.rows,
                _ => continue,
            };
            for row in rows.iter().filter(|row| usize::from(row.entry.0[0]) % 3 == worker) {
                let hide = decide(row, Act::Hide { reason: HideReason::Coercion });
                for (request, outcome) in [(hide, State::Hidden), (Request::Undo { entry: row.entry }, State::Queued)] {
                    known
                        .lock()
                        .unwrap()
                        .entry(row.entry)
                        .or_insert(Known { acknowledged: State::Queued, under_way: None })
                        .under_way = Some(outcome);
                    if let Reply::Decided(done) = client.request(request).await? {
                        let now = Known { acknowledged: done.state, under_way: None };
                        known.lock().unwrap().insert(row.entry, now);
                        decided += 1;
                    }
                }
            }
        }
    };
    let end: Result<(), ClientError> = work.await;
    assert!(end.is_err());
    decided
}
