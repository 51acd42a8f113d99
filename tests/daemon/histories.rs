//! Many clients over a real socket on few entries, while the machine's clock is set back and forward: everything they
//! asked and heard is recorded, and there must be an order, one after the other, in which a simple model gives the same answers.
//!
//! The search is Wing and Gong's (J. Parallel Distrib. Comput. 17, 1993) with a memory of where it has been, patient
//! by patient: nobody in it has to do with two patients, and nothing that it does reaches beyond one.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anteroom::client::Client;
use anteroom::daemon::{self, Caller, Doors};
use anteroom::protocol::{QueueRow, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason, Stage, Tier, Token, Version};
use anteroom::review::State;
use anteroom::service::{Clock, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use crate::kit::extract::{self, row};
use crate::kit::{Practice, USERS, open_service_by, start};

const PATIENTS: usize = 8;
/// Each of a patient's clients is a person, but for the last, who is the one before on a second screen.
const CLIENTS: usize = 8;
/// The first person of each patient is a lead.
const LEAD: usize = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Op {
    Read,
    Claim,
    TakeOver,
    Release,
    Approve { revision: u64, token: Option<Token> },
    Hide,
    Undo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Seen { state: State, revision: u64 },
    Claimed { stage: Stage, token: Token },
    Decided { state: State },
    Done,
    Refused,
}

/// What one client asked and heard, and between which moments.
#[derive(Debug, Clone)]
struct Call {
    client: usize,
    entry: usize,
    op: Op,
    answer: Answer,
    began: Instant,
    ended: Instant,
}

fn person(client: usize) -> usize {
    client.min(CLIENTS - 2)
}

fn login(patient: usize, client: usize) -> String {
    format!("p{patient}c{}", person(client))
}

/// One entry as the model has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    tier: Tier,
    state: State,
    revision: u64,
    /// Who decided, and whether it was a hide.
    decisions: Vec<(usize, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Lease {
    client: usize,
    /// Not known while only decisions were made under it.
    token: Option<Token>,
}

/// What a patient's entries and leases are, if everything happens one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Model {
    entries: Vec<Entry>,
    leases: BTreeMap<Stage, Lease>,
    highest: Option<Token>,
}

fn stage_of(state: State) -> Option<Stage> {
    match state {
        State::Queued => Some(Stage::First),
        State::AwaitingSecond => Some(Stage::Second),
        _ => None,
    }
}

impl Model {
    /// What may be after a call that got this answer; nothing when it cannot have got it here.
    fn after(&self, call: &Call) -> Vec<Self> {
        let refused = call.answer == Answer::Refused;
        let may = match &call.op {
            Op::Read => return self.read(call),
            Op::Release => return self.release(call),
            Op::Claim | Op::TakeOver => self.claim(call),
            Op::Approve { revision, token } => self.approve(call, *revision, *token),
            Op::Hide => self.hide(call),
            Op::Undo => self.undo(call),
        };
        match may {
            None if refused => vec![self.clone()],
            None => Vec::new(),
            Some(_) if refused => Vec::new(),
            Some(next) => next,
        }
    }

    fn read(&self, call: &Call) -> Vec<Self> {
        let Entry { state, revision, .. } = self.entries[call.entry];
        if call.answer == (Answer::Seen { state, revision }) { vec![self.clone()] } else { Vec::new() }
    }

    fn release(&self, call: &Call) -> Vec<Self> {
        let mut next = self.clone();
        next.leases.retain(|_, lease| lease.client != call.client);
        vec![next]
    }

    /// `None`: refused.
    fn claim(&self, call: &Call) -> Option<Vec<Self>> {
        let stage = stage_of(self.entries[call.entry].state)?;
        let held = self.leases.get(&stage).copied();
        let continues = held.filter(|lease| lease.client == call.client);
        if let Some(lease) = held.filter(|lease| lease.client != call.client) {
            let may_take =
                call.op == Op::TakeOver && (person(lease.client) == person(call.client) || person(call.client) == LEAD);
            if !may_take {
                return None;
            }
        }
        let Answer::Claimed { stage: granted, token } = call.answer else { return Some(Vec::new()) };
        let is_right = granted == stage
            && match continues.map(|lease| lease.token) {
                Some(Some(known)) => token == known,
                // A grant that was not seen before: above every one that was.
                _ => self.highest.is_none_or(|highest| token > highest),
            };
        if !is_right {
            return Some(Vec::new());
        }
        let mut next = self.clone();
        if continues.is_none() {
            next.give_up(person(call.client));
        }
        next.leases.insert(stage, Lease { client: call.client, token: Some(token) });
        next.highest = next.highest.max(Some(token));
        Some(vec![next])
    }

    fn give_up(&mut self, who: usize) {
        self.leases.retain(|_, lease| person(lease.client) != who);
    }

    fn approve(&self, call: &Call, revision: u64, token: Option<Token>) -> Option<Vec<Self>> {
        let who = person(call.client);
        let entry = &self.entries[call.entry];
        let stage = stage_of(entry.state)?;
        let held = self.leases.get(&stage).copied();
        let lease = match (held, token) {
            (Some(lease), Some(token)) if person(lease.client) == who => {
                // Under a grant whose token nobody has seen, only one that nobody has seen is good: none is shown.
                (lease.token == Some(token)).then_some(Lease { client: call.client, ..lease })?
            }
            (_, Some(_)) => return None,
            (Some(lease), None) if lease.client == call.client => lease,
            (Some(_), None) => return None,
            (None, None) => Lease { client: call.client, token: None },
        };
        if entry.revision != revision || entry.decisions.iter().any(|(by, _)| *by == who) {
            return None;
        }
        let mut next = self.clone();
        let entry = &mut next.entries[call.entry];
        entry.decisions.push((who, false));
        let needed = if entry.tier == Tier::Critical { 2 } else { 1 };
        entry.state = if entry.decisions.len() < needed { State::AwaitingSecond } else { State::Settling };
        entry.revision += 1;
        if call.answer != (Answer::Decided { state: entry.state }) {
            return Some(Vec::new());
        }
        if held.is_none() {
            next.give_up(who);
        }
        next.leases.insert(stage, lease);
        // The lease ends with the last entry it covers. Whether another is being hidden at the same moment the
        // daemon need not have seen, so both may be.
        let mut ended = next.clone();
        ended.leases.remove(&stage);
        Some(vec![next, ended])
    }

    fn hide(&self, call: &Call) -> Option<Vec<Self>> {
        if self.entries[call.entry].state == State::Hidden {
            return None;
        }
        let mut next = self.clone();
        let entry = &mut next.entries[call.entry];
        entry.decisions.push((person(call.client), true));
        entry.state = State::Hidden;
        entry.revision += 1;
        Some(if call.answer == (Answer::Decided { state: State::Hidden }) { vec![next] } else { Vec::new() })
    }

    fn undo(&self, call: &Call) -> Option<Vec<Self>> {
        let who = person(call.client);
        let entry = &self.entries[call.entry];
        if entry.state == State::Queued {
            return None;
        }
        let (last, hides) = *entry.decisions.last()?;
        let theirs = if hides { last == who } else { entry.decisions.iter().any(|(by, _)| *by == who) };
        if !theirs {
            return None;
        }
        let mut next = self.clone();
        let entry = &mut next.entries[call.entry];
        // What was hidden is screened again first.
        entry.revision += if entry.state == State::Hidden { 2 } else { 1 };
        entry.state = State::Queued;
        entry.decisions.clear();
        Some(if call.answer == (Answer::Decided { state: State::Queued }) { vec![next] } else { Vec::new() })
    }
}

/// Whether there is an order of the calls, none before one that had ended when it began, in which the model gives
/// each its answer. If not: how far the longest order came, and what came next in none.
fn linearizable(start: Model, calls: &[Call]) -> Result<(), String> {
    let mut of: Vec<Vec<&Call>> = vec![Vec::new(); CLIENTS];
    for call in calls {
        of[call.client].push(call);
    }
    let mut been: HashSet<(Vec<usize>, Model)> = HashSet::new();
    let mut open = vec![(vec![0usize; CLIENTS], start)];
    let mut furthest = (0, String::new());
    while let Some((done, model)) = open.pop() {
        let next: Vec<&Call> = (0..CLIENTS).filter_map(|client| of[client].get(done[client]).copied()).collect();
        let Some(first_end) = next.iter().map(|call| call.ended).min() else { return Ok(()) };
        let before = open.len();
        for call in next.iter().filter(|call| call.began <= first_end) {
            for after in model.after(call) {
                let mut done = done.clone();
                done[call.client] += 1;
                if been.insert((done.clone(), after.clone())) {
                    open.push((done, after));
                }
            }
        }
        let count = done.iter().sum::<usize>();
        if open.len() == before && count >= furthest.0 {
            furthest = (count, format!("{model:#?}\nthen none of {next:#?}"));
        }
    }
    Err(format!("no order of all {} calls; the longest has {}: {}", calls.len(), furthest.0, furthest.1))
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

/// The checker is no rubber stamp: it refuses histories that no order explains.
#[test]
fn the_checker_refuses_what_no_order_explains() {
    let entry = Entry { tier: Tier::Disclosure, state: State::Queued, revision: 2, decisions: Vec::new() };
    let start = Model { entries: vec![entry.clone(), entry], leases: BTreeMap::new(), highest: None };
    let zero = Instant::now();
    let call = |client, from: u64, to: u64, op, answer| Call {
        client,
        entry: 0,
        op,
        answer,
        began: zero + Duration::from_millis(from),
        ended: zero + Duration::from_millis(to),
    };
    let token = |grant| Token { run: 1, grant };
    let claimed = |grant| Answer::Claimed { stage: Stage::First, token: token(grant) };
    let approve = |token| Op::Approve { revision: 2, token };
    let settled = Answer::Decided { state: State::Settling };
    // Two leases at once.
    let both = [call(1, 0, 1, Op::Claim, claimed(1)), call(2, 2, 3, Op::Claim, claimed(2))];
    assert!(linearizable(start.clone(), &both).is_err());
    // A decision under a token after the take-over had been answered; while it was on its way is another matter.
    let late = |from, to| {
        [
            call(1, 0, 1, Op::Claim, claimed(1)),
            Call { entry: 1, ..call(LEAD, 2, 3, Op::TakeOver, claimed(2)) },
            call(1, from, to, approve(Some(token(1))), settled.clone()),
        ]
    };
    assert!(linearizable(start.clone(), &late(4, 5)).is_err());
    assert!(linearizable(start.clone(), &late(1, 5)).is_ok());
    // One decision twice.
    let twice = [call(1, 0, 9, approve(None), settled.clone()), call(2, 0, 9, approve(None), settled.clone())];
    assert!(linearizable(start.clone(), &twice).is_err());
    assert!(linearizable(start.clone(), &twice[..1]).is_ok());
    // A read of what was before, after the decision had been answered.
    let seen = Answer::Seen { state: State::Queued, revision: 2 };
    let stale = |from| [call(1, 0, 1, approve(None), settled.clone()), call(2, from, 3, Op::Read, seen.clone())];
    assert!(linearizable(start.clone(), &stale(2)).is_err());
    assert!(linearizable(start.clone(), &stale(0)).is_ok());
    // A refusal for no reason.
    assert!(linearizable(start, &[call(1, 0, 1, Op::Hide, Answer::Refused)]).is_err());
}
