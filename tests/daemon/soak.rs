//! Many clients for a long time, with pulls, and restarts gentle and not: memory and disk stay bounded, and no
//! acknowledged decision is missing from the log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anteroom::client::{Client, ClientError};
use anteroom::protocol::{Draft, Health, Reply, Request, Status};
use anteroom::record::{Act, EntryId, HideReason};
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::kit::extract::{self, row};
use crate::manners::memory_of;
use crate::{Daemon, connect, decide};

/// How it runs.
struct Plan {
    time: Duration,
    clients: usize,
    entries: usize,
    /// The daemon lives for so long before it is killed, or told to end, in turn.
    life: Duration,
    /// Between two pulls.
    pull: Duration,
}

/// What the clients share.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    asked: AtomicU64,
    /// By place in the log: which entry, and what was acknowledged.
    acknowledged: Mutex<HashMap<u64, (EntryId, &'static str)>>,
}

async fn ask(client: &mut Client<UnixStream>, shared: &Shared, request: Request) -> Result<Reply, ClientError> {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    client.request(request).await
}

/// A person at a screen: looks at the queue, opens, drafts, decides, takes back.
async fn sit(path: &Path, number: usize, clients: usize, shared: &Shared) -> Result<(), ClientError> {
    let mut client = connect(path).await;
    while !shared.over.load(Ordering::Relaxed) {
        let Reply::Queue(queue) = ask(&mut client, shared, Request::Queue { limit: 100 }).await? else { continue };
        let rows = queue.rows.into_iter().filter(|row| usize::from(row.entry.0[3]) % clients == number);
        for row in rows.take(4) {
            if shared.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            let entry = row.entry;
            ask(&mut client, shared, Request::Open { entry }).await?;
            let draft = Some(Draft { version: Some(row.version), ..Draft::default() });
            ask(&mut client, shared, Request::KeepDraft { entry, draft }).await?;
            let (act, name) = match row.entry.0[4] % 2 {
                0 => (Act::Hide { reason: HideReason::Coercion }, "hidden"),
                _ => (Act::Approve, "approved"),
            };
            for (request, name) in [(decide(&row, act), name), (Request::Undo { entry }, "undone")] {
                if let Reply::Decided(decided) = ask(&mut client, shared, request).await? {
                    shared.acknowledged.lock().unwrap().insert(decided.seq, (entry, name));
                }
            }
        }
        ask(&mut client, shared, Request::Skim { limit: 40 }).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn status(dir: &Path) -> Status {
    match connect(dir).await.request(Request::Status).await.unwrap() {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// Writes the extract of one pull: everything, with every tenth entry changed.
fn feed(folder: &Path, entries: usize, pull: usize) -> String {
    let text = |n: usize| match n % 10 == pull % 10 {
        true => format!("Domestic abuse disclosed, partner hits her. Seen {pull} times."),
        false => "Domestic abuse disclosed, partner hits her.".to_owned(),
    };
    let rows: Vec<_> = (1..=entries).map(|n| row(n, n, 2 + n % 16, &text(n))).collect();
    extract::write(folder, &rows)
}

/// A sample of what must stay bounded.
#[derive(Debug)]
struct Sample {
    /// Which life of the daemon, and how far into it.
    life: usize,
    age: Duration,
    memory_kb: u64,
    seq: u64,
    health: Health,
}

async fn soak(plan: &Plan) {
    let dir = TempDir::new().unwrap();
    let mut daemon = Daemon::start(dir.path());
    let from = feed(&dir.path().join("extract"), plan.entries, 0);
    let reply = connect(dir.path()).await.request(Request::Pull { from: Some(from) }).await.unwrap();
    assert!(matches!(reply, Reply::Pulled(_)), "{reply:?}");

    let shared = Arc::new(Shared::default());
    let path: PathBuf = dir.path().to_owned();
    let mut workers: Vec<_> = (0..plan.clients)
        .map(|number| {
            let (path, shared, clients) = (path.clone(), Arc::clone(&shared), plan.clients);
            tokio::spawn(async move {
                while !shared.over.load(Ordering::Relaxed) {
                    // The daemon goes away now and then; its clients come back.
                    let _ = sit(&path, number, clients, &shared).await;
                }
            })
        })
        .collect();
    let (puller, entries, pause) = (Arc::clone(&shared), plan.entries, plan.pull);
    workers.push(tokio::spawn(async move {
        let mut pulls = 0;
        while !puller.over.load(Ordering::Relaxed) {
            tokio::time::sleep(pause).await;
            pulls += 1;
            let from = feed(&path.join("extract"), entries, pulls);
            let _ = connect(&path).await.request(Request::Pull { from: Some(from) }).await;
        }
    }));

    let begun = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut lives = 0;
    while begun.elapsed() < plan.time {
        let born = Instant::now();
        while born.elapsed() < plan.life && begun.elapsed() < plan.time {
            tokio::time::sleep((plan.life / 12).min(Duration::from_secs(5))).await;
            let Status { seq, health, .. } = status(dir.path()).await;
            let memory_kb = memory_of(&daemon.0);
            samples.push(Sample { life: lives, age: born.elapsed(), memory_kb, seq, health: *health });
        }
        lives += 1;
        if lives % 2 == 0 {
            daemon.kill();
        } else {
            daemon.end();
        }
        daemon = Daemon::start(dir.path());
    }
    shared.over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    let last = samples.last().unwrap();
    let most = samples.iter().map(|sample| sample.memory_kb).max().unwrap();
    let acknowledged = shared.acknowledged.lock().unwrap().clone();
    println!(
        "{} s, {} clients, {} requests, {} decisions, {lives} restarts: memory {} MB at most, journal {} MB for {} units, view {} MB",
        begun.elapsed().as_secs(),
        plan.clients,
        shared.asked.load(Ordering::Relaxed),
        acknowledged.len(),
        most >> 10,
        last.health.journal_bytes >> 20,
        last.seq,
        last.health.view_bytes >> 20,
    );
    bounded(&samples, plan.entries as u64);
    complete(dir.path(), &acknowledged).await;
    assert!(acknowledged.len() > plan.clients, "the clients decided something: {}", acknowledged.len());
}

/// Memory does not grow in a life of the daemon, beyond what it needs to know where its frames are. The journal
/// grows by what is written to it, the view by what is in it.
fn bounded(samples: &[Sample], entries: u64) {
    for sample in samples {
        let journal = (128 << 20) + sample.seq * (4 << 10);
        assert!(sample.health.journal_bytes < journal, "the journal takes too much: {sample:?}");
        // A view that is cut up by rewriting is made anew; the design allows it five times what is in it.
        let view = (256 << 20) + entries * (64 << 10);
        assert!(sample.health.view_bytes < view, "the view takes too much: {sample:?}");
        assert!(sample.memory_kb < 500 << 10, "memory: {sample:?}");
    }
    let lives = samples.iter().map(|sample| sample.life).max().unwrap_or(0);
    for life in 0..=lives {
        let of_life: Vec<&Sample> = samples.iter().filter(|sample| sample.life == life).collect();
        let (early, late) = of_life.split_at(of_life.len() / 2);
        let most = |samples: &[&Sample]| samples.iter().map(|sample| sample.memory_kb).max().unwrap_or(0);
        if !early.is_empty() {
            let allowed = most(early) + most(early) / 4 + (48 << 10);
            let ages = (early.last().map(|sample| sample.age), late.last().map(|sample| sample.age));
            assert!(most(late) <= allowed, "life {life}: from {} kB to {} kB at {ages:?}", most(early), most(late));
        }
    }
}

/// Every acknowledged decision stands in the log at its place, and the log is whole.
async fn complete(dir: &Path, acknowledged: &HashMap<u64, (EntryId, &'static str)>) {
    let mut client = connect(dir).await;
    let mut missing = acknowledged.clone();
    let mut before = None;
    loop {
        let ask = Request::Audit { before, limit: 2_000, everything: true };
        let Reply::Audit(lines) = client.request(ask).await.unwrap() else { panic!() };
        for line in &lines {
            let name = format!("{:?}", line.record.event).to_lowercase();
            if missing
                .get(&line.seq)
                .is_some_and(|(entry, event)| line.record.entry == Some(*entry) && name.starts_with(event))
            {
                missing.remove(&line.seq);
            }
        }
        // A frame with several records may be cut by the limit: ask for its frame again.
        match lines.last() {
            Some(line) if before != Some(line.seq + 1) && line.seq > 1 => before = Some(line.seq + 1),
            Some(line) if line.seq > 1 => before = Some(line.seq),
            _ => break,
        }
    }
    assert!(missing.is_empty(), "{} acknowledged decisions are missing: {missing:?}", missing.len());
    let Reply::Verified(verified) = client.request(Request::Verify).await.unwrap() else { panic!() };
    assert!(verified.damage.is_empty(), "{:?}", verified.damage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_soak_loses_nothing_and_stays_bounded() {
    let plan = Plan {
        time: Duration::from_secs(8),
        clients: 16,
        entries: 64,
        life: Duration::from_secs(3),
        pull: Duration::from_secs(1),
    };
    soak(&plan).await;
}

/// `ANTEROOM_SOAK_MINUTES` says for how long; 30 by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "thirty minutes: cargo test --release --test daemon soak -- --ignored --nocapture"]
async fn the_long_soak_loses_nothing_and_stays_bounded() {
    let minutes = std::env::var("ANTEROOM_SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let plan = Plan {
        time: Duration::from_secs(60 * minutes),
        clients: 64,
        entries: 512,
        life: Duration::from_secs((10 * minutes).clamp(20, 180)),
        pull: Duration::from_secs(5),
    };
    soak(&plan).await;
}
