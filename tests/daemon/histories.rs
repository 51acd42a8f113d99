//! Many clients over a real socket on few entries, while the machine's clock is set back and forward: everything they
//! asked and heard is recorded, and there must be an order, one after the other, in which a simple model gives the same answers.
//!
//! It is looked for patient by patient: nobody in it has to do with two patients, and nothing that it does reaches beyond one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anteroom::client::Client;
use anteroom::daemon::{self, Caller, Doors};
use anteroom::protocol::{QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason, Tier, Version};
use anteroom::review::State;
use anteroom::service::{Clock, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use crate::kit::extract::{self, row};
use crate::kit::{Practice, USERS, open_service_by, start};
use crate::serial::{Answer, CLIENTS, Call, Entry, LEAD, Model, Op, linearizable, person};

const PATIENTS: usize = 8;

fn login(patient: usize, client: usize) -> String {
    format!("p{patient}c{}", person(client))
}

/// A client that the test gives a name: it calls from a socket of that name.
pub async fn connect(folder: &Path, login: &str, client: usize) -> Client<UnixStream> {
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(folder.join(format!("{login}.{client}"))).unwrap();
    Client::connect(socket.connect(folder.join("daemon.sock")).await.unwrap()).await.unwrap().0
}

pub fn named(stream: &UnixStream) -> Result<Caller, ServiceError> {
    let address = stream.peer_addr().unwrap();
    let name = address.as_pathname().unwrap().file_stem().unwrap().to_str().unwrap().to_owned();
    Ok(Caller { login: name, groups: Vec::new() })
}

/// Numbers that differ from client to client and are the same in each run with that seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What a client did, and its connection: a lease goes to another screen of the same person when one is lost, which
/// is not in the model.
type Worked = (Vec<Call>, Client<UnixStream>);

async fn work(mut link: Client<UnixStream>, client: usize, rows: Vec<QueueRow>, calls: usize, seed: u64) -> Worked {
    let mut dice = Dice(seed);
    let mut known: Vec<u64> = rows.iter().map(|row| row.revision).collect();
    let (mut ours, mut stale) = (vec![false; rows.len()], vec![false; rows.len()]);
    let mut token = None;
    let mut made = Vec::new();
    while made.len() < calls {
        let n = dice.roll(rows.len() as u64) as usize;
        let (entry, version): (EntryId, Version) = (rows[n].entry, rows[n].version);
        let op = match dice.roll(24) {
            // Only who decided can take it back, and until then nothing more happens to the entry.
            _ if ours[n] && dice.roll(3) > 0 => Op::Undo,
            _ if stale[n] => Op::Read,
            0..5 => Op::Read,
            5..8 => Op::Claim,
            8..11 => Op::TakeOver,
            11 => Op::Release,
            12..22 => Op::Approve { revision: known[n], token: token.filter(|_| dice.roll(2) == 0) },
            22 => Op::Hide,
            _ => Op::Undo,
        };
        let request = match &op {
            Op::Read => Request::Open { entry },
            Op::Claim => Request::Claim { entry },
            Op::TakeOver => Request::TakeOver { entry },
            Op::Release => Request::Release,
            Op::Approve { revision, token } => Request::Decide {
                entry,
                version,
                revision: *revision,
                act: Act::Approve,
                token: *token,
                waivers: Vec::new(),
            },
            Op::Hide => {
                let act = Act::Hide { reason: HideReason::Coercion };
                Request::Decide { entry, version, revision: known[n], act, token: None, waivers: Vec::new() }
            }
            Op::Undo => Request::Undo { entry },
        };
        let began = Instant::now();
        let reply = link.request(request).await.unwrap();
        let ended = Instant::now();
        let answer = match reply {
            Reply::Entry(opened) => {
                known[n] = opened.row.revision;
                stale[n] = false;
                Answer::Seen { state: opened.row.state, revision: opened.row.revision }
            }
            Reply::Claimed(claimed) => {
                token = Some(claimed.token);
                Answer::Claimed { stage: claimed.stage, token: claimed.token }
            }
            Reply::Decided(decided) => {
                // Good guesses, so that more decisions than reads get through.
                known[n] += if decided.state == State::Queued { 2 } else { 1 };
                ours[n] = decided.state != State::Queued;
                Answer::Decided { state: decided.state }
            }
            Reply::GivenBack => Answer::Done,
            Reply::Refused { .. } => {
                ours[n] &= op != Op::Undo;
                stale[n] = matches!(op, Op::Approve { .. });
                Answer::Refused
            }
            other => panic!("{other:?}"),
        };
        made.push(Call { client, entry: n, op, answer, began, ended });
    }
    (made, link)
}

/// A clock that somebody sets back and forward by hours, months and years while everybody works. It is not set on
/// purpose, as far as the daemon can tell.
struct Jumping(AtomicI64);

impl Jumping {
    async fn jump(self: Arc<Self>, seed: u64) {
        let mut dice = Dice(seed);
        loop {
            let hours = [1, 30, 24 * 60, 24 * 800][dice.roll(4) as usize] * (dice.roll(2) as i64 * 2 - 1);
            self.0.store(hours * dice.roll(3) as i64, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(dice.roll(20))).await;
        }
    }
}

impl Clock for Jumping {
    fn now(&self) -> DateTime<Utc> {
        start() + TimeDelta::hours(self.0.load(Ordering::Relaxed))
    }
}

/// Runs `calls` calls of each of 64 clients and checks what they heard.
async fn run(calls: usize, seed: u64) {
    let practice = Practice::new();
    let people = (0..PATIENTS).flat_map(|patient| (0..CLIENTS - 1).map(move |client| (patient, client)));
    let users = people.map(|(patient, client)| {
        let role = if client == LEAD { "lead" } else { "clinician" };
        format!("[[user]]\nlogin = \"{0}\"\nname = \"{0}\"\nrole = \"{role}\"\n", login(patient, client))
    });
    std::fs::write(practice.path().join("users.toml"), USERS.to_owned() + &users.collect::<String>()).unwrap();
    let practice = practice.restart();
    // Each entry needs one person: what a second one may do is told in tests/review. They share no words and the patients no household: what is
    // withheld in one says nothing about the others.
    let texts = ["Partner hits her.", "Her husband strangled her on Sunday."];
    let lines: Vec<_> = (0..PATIENTS * 2).map(|n| row(n + 1, n + 1, 2 + n / 2, texts[n % 2])).collect();
    let feed = extract::write(&practice.path().join("extract"), &lines);
    let mut lea = practice.user("lea");
    assert_eq!(lea.pull(&feed).queued, 2 * PATIENTS as u64);
    let mut of_patient: BTreeMap<_, Vec<QueueRow>> = BTreeMap::new();
    for row in lea.queue().rows {
        of_patient.entry(row.patient).or_default().push(row);
    }
    drop(lea);
    assert!(of_patient.values().flatten().all(|row| row.tier == Tier::Disclosure), "one person each: {of_patient:?}");

    let folder = practice.path().join("s");
    std::fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join("daemon.sock")).unwrap();
    let state = practice.close();
    let clock = Arc::new(Jumping(AtomicI64::new(0)));
    let service = open_service_by(state.path(), Arc::<Jumping>::clone(&clock));
    let jumping = tokio::spawn(clock.jump(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let daemon = tokio::spawn(async move {
        daemon::run(&listener, service, 128, Arc::new(Doors::default()), named, async { drop(stopped.await) }).await
    });
    let mut workers = Vec::new();
    for (patient, rows) in of_patient.values().enumerate() {
        for client in 0..CLIENTS {
            let link = connect(&folder, &login(patient, client), client).await;
            let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((patient * CLIENTS + client) as u64 + 1) << 20 | 1;
            workers.push((patient, tokio::spawn(work(link, client, rows.clone(), calls, seed))));
        }
    }
    let mut histories: Vec<Vec<Call>> = vec![Vec::new(); PATIENTS];
    let mut links = Vec::new();
    for (patient, worker) in workers {
        let (calls, link) = worker.await.unwrap();
        histories[patient].extend(calls);
        links.push(link);
    }
    drop(links);
    jumping.abort();
    stop.send(()).unwrap();
    daemon.await.unwrap().unwrap();

    let all = || histories.iter().flatten();
    let count = |is: fn(&Call) -> bool| all().filter(|call| is(call)).count();
    let approved = count(|call| matches!(call.op, Op::Approve { .. }) && matches!(call.answer, Answer::Decided { .. }));
    let refused = count(|call| call.answer == Answer::Refused);
    let taken = count(|call| call.op == Op::TakeOver && matches!(call.answer, Answer::Claimed { .. }));
    println!("{} calls, {approved} approvals, {taken} taken over, {refused} refused", all().count());
    assert!(approved > PATIENTS && refused > PATIENTS && taken > PATIENTS, "the clients got in each other's way");
    for (rows, calls) in of_patient.values().zip(&histories) {
        let entry =
            |row: &QueueRow| Entry { tier: row.tier, state: row.state, revision: row.revision, decisions: Vec::new() };
        let start = Model { entries: rows.iter().map(entry).collect(), leases: BTreeMap::new(), highest: None };
        linearizable(start, calls).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p14_what_64_clients_heard_equals_some_serial_order() {
    run(25, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute or more"]
async fn p14_what_64_clients_heard_equals_some_serial_order_at_length() {
    for seed in 2..14 {
        run(80, seed).await;
    }
}
