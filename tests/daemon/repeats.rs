//! An act whose answer was lost, asked for once more: done once, and answered as done.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anteroom::audit::{Event, Outcome};
use anteroom::client::{Client, framed, name_for};
use anteroom::protocol::{ActName, Asked, AuditLine, Reply, Request, Sent, VERSION};
use anteroom::record::{Act, EntryId, Handling, HideReason};
use anteroom::review::State;
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_util::bytes::Bytes;

use super::kit::cut::cut_once;
use super::{BINARY, Daemon, connect, decide, practice, queue};

/// Asks, and is gone before the answer comes. Comes back when the daemon has done it.
async fn ask_and_be_cut_off(dir: &Path, request: &Request, act: Option<ActName>) {
    let before = written(&log(dir).await, request);
    let mut frames = framed(UnixStream::connect(dir.join("anteroom.sock")).await.unwrap());
    let hello = Asked { id: 1, request: Request::Hello { version: VERSION }, act: None };
    frames.send(Bytes::from(serde_json::to_vec(&hello).unwrap())).await.unwrap();
    let welcome: Sent = serde_json::from_slice(&frames.next().await.unwrap().unwrap()).unwrap();
    assert!(matches!(welcome, Sent::Reply { reply: Reply::Welcome(_), .. }));
    let asked = Asked { id: 2, request: request.clone(), act };
    frames.send(Bytes::from(serde_json::to_vec(&asked).unwrap())).await.unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    while written(&log(dir).await, request) == before {
        assert!(Instant::now() < patience, "the daemon does not do it");
    }
    // The answer is on its way or here, and nobody has read it.
    drop(frames);
}

async fn log(dir: &Path) -> Vec<AuditLine> {
    let mut client = connect(dir).await;
    match client.request(Request::Audit { before: None, limit: 500, everything: true }).await.unwrap() {
        Reply::Audit(lines) => lines,
        other => panic!("{other:?}"),
    }
}

/// How many acts of people on the entry of the request the log holds that were done.
fn written(log: &[AuditLine], request: &Request) -> usize {
    let is_act = |event: &Event| {
        matches!(event, Event::Approved | Event::Hidden { .. } | Event::Undone | Event::Noted | Event::Reopened)
    };
    let done = |line: &&AuditLine| is_act(&line.record.event) && line.record.outcome == Outcome::Done;
    log.iter().filter(|line| line.record.entry == request.acts_on()).filter(done).count()
}

async fn again(dir: &Path, request: &Request, act: Option<ActName>) -> Reply {
    connect(dir).await.request_as(request.clone(), act).await.unwrap()
}

async fn state(dir: &Path, entry: EntryId) -> (State, u64) {
    match connect(dir).await.request(Request::Open { entry }).await.unwrap() {
        Reply::Entry(opened) => (opened.row.state, opened.row.revision),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_whose_answer_was_lost_is_done_once_and_answered_as_done() {
    let (dir, daemon) = practice(4).await;
    let path = dir.path();
    let rows = queue(&mut connect(path).await).await.rows;
    let row = &rows[0];
    let (entry, version, revision) = (row.entry, row.version, row.revision);
    let hide = decide(row, Act::Hide { reason: HideReason::Coercion });
    let note = Handling::Note { text: "she rings back".into() };
    let note =
        Request::Handle { entry: rows[1].entry, version: rows[1].version, revision: rows[1].revision, handling: note };
    let cases = [
        (hide, State::Hidden),
        (Request::Undo { entry }, State::Queued),
        (note, State::Queued),
        (decide(&rows[2], Act::Approve), State::Settling),
    ];
    let mut named = Vec::new();
    for (request, outcome) in cases {
        let act = name_for(&request);
        assert!(act.is_some());
        ask_and_be_cut_off(path, &request, act).await;
        let before = written(&log(path).await, &request);
        for _ in 0..2 {
            let reply = again(path, &request, act).await;
            assert!(matches!(&reply, Reply::Decided(decided) if decided.state == outcome), "{request:?}: {reply:?}");
        }
        assert_eq!(written(&log(path).await, &request), before, "{request:?} was done twice");
        named.push((request, act));
    }

    // Without its name, under a new one, or as another request under the old one it is another act.
    let (approved, act) = named[3].clone();
    for act in [None, name_for(&approved)] {
        let reply = again(path, &approved, act).await;
        assert!(matches!(reply, Reply::Refused { .. }), "{reply:?}");
    }
    assert_ne!(state(path, entry).await, (State::Queued, revision));
    let other = Request::Decide { entry, version, revision, act: Act::Approve, token: None, waivers: Vec::new() };
    assert!(matches!(again(path, &other, act).await, Reply::Refused { .. }));

    // And so it is after the daemon has died.
    daemon.kill();
    let _daemon = Daemon::start(path);
    let reply = again(path, &approved, act).await;
    assert!(matches!(&reply, Reply::Decided(decided) if decided.state == State::Settling), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_is_asked_twice_at_the_same_time_is_done_once() {
    let (dir, _daemon) = practice(6).await;
    for row in queue(&mut connect(dir.path()).await).await.rows {
        let (mut one, mut other): (Client<_>, Client<_>) = (connect(dir.path()).await, connect(dir.path()).await);
        let request = decide(&row, Act::Approve);
        let act = name_for(&request);
        let before = written(&log(dir.path()).await, &request);
        let (a, b) = tokio::join!(one.request_as(request.clone(), act), other.request_as(request.clone(), act));
        for reply in [a.unwrap(), b.unwrap()] {
            assert!(matches!(&reply, Reply::Decided(decided) if decided.state == State::Settling), "{reply:?}");
        }
        assert_eq!(written(&log(dir.path()).await, &request), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_connection_is_cut_asks_again_and_does_it_once() {
    let (dir, _daemon) = practice(1).await;
    let path = dir.path().to_owned();
    let row = queue(&mut connect(&path).await).await.rows.remove(0);
    let cut = cut_once(&path, |request| matches!(request, Request::Decide { .. }));
    let entry = row.entry.to_string();
    let arguments = [
        "--dir".to_owned(),
        path.display().to_string(),
        "decide".into(),
        entry,
        "hide".into(),
        "--reason".into(),
        "coercion".into(),
    ];
    let command = tokio::task::spawn_blocking(move || Command::new(BINARY).args(arguments).output().unwrap());
    let output = command.await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    let hide = decide(&row, Act::Hide { reason: HideReason::Coercion });
    assert_eq!(written(&log(&path).await, &hide), 1);
    assert_eq!(state(&path, row.entry).await.0, State::Hidden);
    cut.try_recv().expect("the answer was lost");
}
