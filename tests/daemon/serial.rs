//! What a patient's clients may hear if everything happens one after the other, and whether there is such an order of what
//! they heard.
//!
//! The search is Wing and Gong's (J. Parallel Distrib. Comput. 17, 1993) with a memory of where it has been.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anteroom::record::{Stage, Tier, Token};
use anteroom::review::State;

/// Each of a patient's clients is a person, but for the last, who is the one before on a second screen.
pub const CLIENTS: usize = 8;
/// The first person of each patient is a lead.
pub const LEAD: usize = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Read,
    Claim,
    TakeOver,
    Release,
    Approve { revision: u64, token: Option<Token> },
    Hide,
    Undo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Seen { state: State, revision: u64 },
    Claimed { stage: Stage, token: Token },
    Decided { state: State },
    Done,
    Refused,
}

/// What one client asked and heard, and between which moments.
#[derive(Debug, Clone)]
pub struct Call {
    pub client: usize,
    pub entry: usize,
    pub op: Op,
    pub answer: Answer,
    pub began: Instant,
    pub ended: Instant,
}

pub fn person(client: usize) -> usize {
    client.min(CLIENTS - 2)
}

/// One entry as the model has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    pub tier: Tier,
    pub state: State,
    pub revision: u64,
    /// Who decided, and whether it was a hide.
    pub decisions: Vec<(usize, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    pub client: usize,
    /// Not known while only decisions were made under it.
    pub token: Option<Token>,
}

/// What a patient's entries and leases are, if everything happens one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    pub entries: Vec<Entry>,
    pub leases: BTreeMap<Stage, Lease>,
    pub highest: Option<Token>,
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
pub fn linearizable(start: Model, calls: &[Call]) -> Result<(), String> {
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
