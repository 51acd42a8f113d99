//! A daemon in memory that speaks the protocol over a pipe.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anteroom::audit::{Actor, Event, Outcome, Record, Role};
use anteroom::client::{Client, ClientError, framed};
use anteroom::protocol::{
    Asked, AuditLine, Decided, Earlier, Notice, Only, Opened, PassedLine, PassedOn, PatientDone, PatientRecord,
    PolicyFile, Proposed, Published, Pulled, Queue, QueueRow, Reply, Request, Sent, Skim, SkimLine, Status, Totals,
    VERSION, Verified, Wanted, Welcome, WorkItem, Worklist,
};
use anteroom::record::{Act, EntryId, Handling, Note, Occasion, PatientAct, Safeguards, Span};
use anteroom::review::State;
use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio_util::bytes::Bytes;

use super::practice;

/// What the daemon knows and has been asked.
pub struct Inside {
    pub entries: Vec<Opened>,
    /// What the skim page shows of entries, and what of it is marked.
    pub sentences: HashMap<EntryId, (String, Span)>,
    pub reading_time: u64,
    pub decided: Vec<(EntryId, Act)>,
    pub alarms: Vec<String>,
    pub totals: Totals,
    pub asked: Vec<Request>,
    pub log: Vec<AuditLine>,
    pub role: Role,
    pub people: Vec<Actor>,
    pub damage: Vec<String>,
    pub pulled: Pulled,
    pub work: Vec<WorkItem>,
    /// Earlier versions of whatever is asked about, oldest first.
    pub earlier: Vec<Earlier>,
    pub safeguards: Safeguards,
    pub proposed: Vec<Proposed>,
    /// Why the next decision is refused.
    pub refuses: Option<String>,
    /// Connections are refused while it is away.
    pub away: bool,
    /// Answers to decisions are held back.
    pub slow: bool,
    /// The rows of the queue are held back.
    pub slow_rows: bool,
}

/// A handle on it.
#[derive(Clone)]
pub struct Daemon {
    pub inside: Rc<RefCell<Inside>>,
    drop_all: Rc<Notify>,
    notices: Rc<RefCell<Vec<tokio::sync::mpsc::UnboundedSender<Notice>>>>,
    pub go_on: Rc<Notify>,
}

impl Daemon {
    pub fn with(entries: Vec<Opened>) -> Self {
        let inside = Inside {
            totals: practice::totals(&entries),
            entries,
            sentences: HashMap::new(),
            reading_time: 500,
            decided: Vec::new(),
            alarms: Vec::new(),
            asked: Vec::new(),
            log: practice::log(),
            role: Role::Clinician,
            people: Vec::new(),
            damage: Vec::new(),
            pulled: Pulled {
                source: "Saturday".to_owned(),
                new: 61,
                changed: 3,
                queued: 7,
                on_hold: 57,
                ..Pulled::default()
            },
            work: Vec::new(),
            earlier: Vec::new(),
            safeguards: Safeguards::default(),
            proposed: Vec::new(),
            refuses: None,
            away: false,
            slow: false,
            slow_rows: false,
        };
        Self {
            inside: Rc::new(RefCell::new(inside)),
            drop_all: Rc::default(),
            notices: Rc::default(),
            go_on: Rc::default(),
        }
    }

    pub fn change(self, change: impl FnOnce(&mut Inside)) -> Self {
        change(&mut self.inside.borrow_mut());
        self
    }

    pub fn asked(&self) -> Vec<Request> {
        self.inside.borrow().asked.clone()
    }

    /// Loses every connection.
    pub fn lose(&self) {
        self.drop_all.notify_waiters();
    }

    pub fn notify(&self, notice: &Notice) {
        for sender in self.notices.borrow().iter() {
            let _ = sender.send(notice.clone());
        }
    }

    pub async fn connect(&self, person: Option<Actor>) -> Result<(Client<DuplexStream>, Welcome), ClientError> {
        if self.inside.borrow().away {
            return Err(ClientError::Closed);
        }
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let daemon = self.clone();
        tokio::task::spawn_local(async move { daemon.serve(theirs, person).await });
        Client::connect(ours).await
    }

    async fn serve(&self, stream: DuplexStream, person: Option<Actor>) {
        let mut frames = framed(stream);
        let (sender, mut notices) = tokio::sync::mpsc::unbounded_channel();
        self.notices.borrow_mut().push(sender);
        loop {
            let sent = tokio::select! {
                () = self.drop_all.notified() => return,
                Some(notice) = notices.recv() => Sent::Notice(notice),
                frame = frames.next() => {
                    let Some(Ok(frame)) = frame else { return };
                    let asked: Asked = serde_json::from_slice(&frame).unwrap();
                    let waits = match asked.request {
                        Request::Hello { .. } => false,
                        Request::Rows(_) => self.inside.borrow().slow_rows,
                        _ => self.inside.borrow().slow,
                    };
                    if waits {
                        tokio::select! {
                            () = self.go_on.notified() => {}
                            () = self.drop_all.notified() => return,
                        }
                    }
                    let reply = self.inside.borrow_mut().answer(asked.request, person.as_ref());
                    Sent::Reply { id: asked.id, reply }
                }
            };
            let frame = Bytes::from(serde_json::to_vec(&sent).unwrap());
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    }
}

impl Inside {
    fn waiting(&self) -> Vec<&Opened> {
        let decided = |entry: &Opened| self.decided.iter().any(|(id, _)| *id == entry.row.entry);
        let queued = |entry: &&Opened| !matches!(entry.row.state, State::Skim | State::AutoHold | State::Hidden);
        self.entries.iter().filter(queued).filter(|entry| !decided(entry)).collect()
    }

    pub fn to_skim(&self) -> Vec<SkimLine> {
        let decided = |entry: &Opened| self.decided.iter().any(|(id, _)| *id == entry.row.entry);
        let skim = self.entries.iter().filter(|entry| entry.row.state == State::Skim && !decided(entry));
        let line = |entry: &Opened| {
            let (sentence, marked) = self.sentences[&entry.row.entry].clone();
            SkimLine { row: entry.row.clone(), sentence, marked }
        };
        skim.map(line).collect()
    }

    /// Moves an entry on, if it stands where it should.
    fn step(&mut self, entry: EntryId, from: State, to: State) -> Result<Decided, String> {
        let found = self.entries.iter_mut().find(|opened| opened.row.entry == entry && opened.row.state == from);
        let Some(opened) = found else { return Err(format!("that is not possible from {}", from.name())) };
        opened.row.state = to;
        opened.row.revision += 1;
        Ok(Decided {
            entry,
            state: to,
            visible_at: None,
            review_by: None,
            seq: 88216,
            twins: Vec::new(),
            decoy: false,
            unfinished: None,
        })
    }

    fn pass(&mut self, line: &PassedLine) -> Result<Decided, String> {
        let known = self.to_skim().into_iter().find(|known| known.row.entry == line.entry);
        if known.is_none_or(|known| (known.row.version, known.row.revision) != (line.version, line.revision)) {
            return Err("the entry has moved on since its line was shown: refresh the page".to_owned());
        }
        if line.on_screen < self.reading_time {
            return Err("the page was not on the screen long enough to be read".to_owned());
        }
        self.step(line.entry, State::Skim, State::AutoHold)
    }

    pub fn answer(&mut self, request: Request, person: Option<&Actor>) -> Reply {
        self.asked.push(request.clone());
        match request {
            Request::Hello { .. } => {
                let actor = person.cloned().unwrap_or(Actor { login: "dr.rahman".to_owned(), role: self.role });
                Reply::Welcome(Welcome {
                    version: VERSION,
                    name: "Dr Samir Rahman".to_owned(),
                    actor,
                    practice: "Elm Tree Surgery".to_owned(),
                    demo_people: self.people.clone(),
                })
            }
            Request::Skim { limit } => {
                let lines = self.to_skim();
                let totals = Totals { to_skim: lines.len() as u64, ..self.totals.clone() };
                let lines = lines.into_iter().take(limit).collect();
                Reply::Skim(Skim { lines, reading_time: self.reading_time, totals })
            }
            Request::Pass { lines } => {
                let mut answer = PassedOn::default();
                for line in lines {
                    match self.pass(&line) {
                        Ok(decided) => answer.passed.push(decided.entry),
                        Err(why) => answer.refused.push(why),
                    }
                }
                Reply::Passed(answer)
            }
            Request::Pick { entry } => match self.step(entry, State::Skim, State::Queued) {
                Ok(decided) => Reply::Decided(decided),
                Err(why) => Reply::Refused { why },
            },
            Request::Queue { .. } => Reply::Refused { why: "a screen asks for the rows it shows".to_owned() },
            Request::Rows(Wanted { from, limit, only }) => {
                if matches!(self.role, Role::Auditor | Role::Admin) {
                    return Reply::Refused { why: "this role reads no records".to_owned() };
                }
                let waiting = self.waiting();
                let mut totals = self.totals.clone();
                totals.for_second = waiting.iter().filter(|entry| entry.row.agreed).count() as u64;
                totals.to_review = waiting.len() as u64 - totals.for_second;
                totals.to_skim = self.to_skim().len() as u64;
                totals.settling = self.decided.len() as u64;
                let fitting: Vec<_> =
                    waiting.into_iter().map(|entry| entry.row.clone()).filter(|row| fits(row, &only)).collect();
                let fits = fitting.len();
                let rows = fitting.into_iter().skip(from).take(limit).collect();
                let (now, alarms, hidden_until) = (practice::now(), self.alarms.clone(), Some(practice::review_day()));
                Reply::Queue(Queue { now, rows, from, fits, totals, alarms, hidden_until })
            }
            Request::Open { entry } => match self.entries.iter().find(|opened| opened.row.entry == entry) {
                Some(opened) => Reply::Entry(Box::new(opened.clone())),
                None => Reply::Refused { why: "this entry is no longer here".to_owned() },
            },
            Request::Decide { entry, version, act, .. } => {
                let Some(opened) = self.entries.iter().find(|opened| opened.row.entry == entry) else {
                    return Reply::Refused { why: "this entry is no longer here".to_owned() };
                };
                if let Some(why) = self.refuses.take() {
                    return Reply::Refused { why };
                }
                if opened.row.version != version {
                    return Reply::Refused {
                        why: "the entry has changed since it was read; it is shown again".to_owned(),
                    };
                }
                let hidden = matches!(act, Act::Hide { .. });
                self.decided.push((entry, act));
                Reply::Decided(Decided {
                    entry,
                    state: if hidden { State::Hidden } else { State::Settling },
                    visible_at: (!hidden).then(|| practice::at(23, 7, 0)),
                    review_by: hidden.then(|| chrono::NaiveDate::from_ymd_opt(2027, 2, 18).unwrap()),
                    seq: 88214,
                    twins: Vec::new(),
                    decoy: false,
                    unfinished: None,
                })
            }
            Request::Undo { entry } => {
                if let Ok(decided) = self.step(entry, State::AutoHold, State::Skim) {
                    return Reply::Decided(decided);
                }
                self.decided.retain(|(id, _)| *id != entry);
                let found = self.entries.iter().find(|opened| opened.row.entry == entry);
                let state = found.map_or(State::Queued, |opened| opened.row.state);
                Reply::Decided(Decided {
                    entry,
                    state,
                    visible_at: None,
                    review_by: None,
                    seq: 88215,
                    twins: Vec::new(),
                    decoy: false,
                    unfinished: None,
                })
            }
            Request::KeepDraft { entry, draft } => {
                if let Some(opened) = self.entries.iter_mut().find(|opened| opened.row.entry == entry) {
                    opened.draft = draft;
                }
                Reply::DraftKept
            }
            Request::Pull { .. } => Reply::Pulled(self.pulled.clone()),
            Request::Publish => Reply::Published(Published {
                released: 12,
                in_feed: 340,
                next: Some(practice::at(21, 7, 0)),
                ..Published::default()
            }),
            Request::Audit { before, limit, .. } => {
                let older = self.log.iter().filter(|line| before.is_none_or(|before| line.seq < before));
                Reply::Audit(older.take(limit).cloned().collect())
            }
            Request::SetAside => Reply::SetAside(Vec::new()),
            Request::Verify => Reply::Verified(Verified {
                frames: 88_214,
                head: "9f3ce07a55d2".to_owned(),
                damage: self.damage.clone(),
            }),
            // No screen asks for these.
            Request::Propose { entry } => Reply::Proposed(vec![entry]),
            Request::Handle { entry, handling: Handling::Note { text }, .. } => {
                let at = practice::now();
                let by = person.map_or("dr.rahman", |person| &person.login).to_owned();
                let state = self.entries.iter_mut().find(|opened| opened.row.entry == entry).map(|opened| {
                    opened.row.revision += 1;
                    opened.notes.push(Note { by, at, on: Occasion::Noted, text });
                    opened.row.state
                });
                Reply::Decided(handled(entry, state.unwrap_or(State::Queued)))
            }
            Request::Handle { entry, .. } | Request::ReadBack { entry, .. } => {
                let state = self.entries.iter_mut().find(|opened| opened.row.entry == entry).map(|opened| {
                    opened.to_read_back = false;
                    opened.row.state
                });
                Reply::Decided(handled(entry, state.unwrap_or(State::Queued)))
            }
            Request::Resolve { entry, act, .. } => {
                let hidden = matches!(act, Act::Hide { .. });
                self.decided.push((entry, act));
                let state = if hidden { State::Hidden } else { State::Settling };
                let (visible_at, review_by, twins) = (Some(practice::at(23, 7, 0)), None, Vec::new());
                Reply::Decided(Decided {
                    entry,
                    state,
                    visible_at,
                    review_by,
                    seq: 88218,
                    twins,
                    decoy: false,
                    unfinished: None,
                })
            }
            Request::Worklist => Reply::Worklist(Worklist { items: self.work.clone() }),
            Request::Earlier { before, .. } => {
                match self.earlier.iter().rev().find(|earlier| earlier.content.version < before) {
                    Some(earlier) => Reply::Earlier(Box::new(earlier.clone())),
                    None => Reply::Refused { why: "no earlier version came here".to_owned() },
                }
            }
            Request::Record { patient } => {
                let of = |entry: &&Opened| entry.row.patient == patient;
                let Some(first) = self.entries.iter().find(of) else {
                    return Reply::Refused { why: "there is no such patient: refresh the queue".to_owned() };
                };
                Reply::Record(Box::new(PatientRecord {
                    patient,
                    card: first.patient.clone(),
                    safeguards: self.safeguards.clone(),
                    proposed: self.proposed.clone(),
                    entries: self.entries.iter().filter(of).map(|entry| entry.row.clone()).collect(),
                    more: 0,
                    closed: None,
                }))
            }
            Request::Patient { patient, act } => {
                let needs_second = matches!(act, PatientAct::ClearFlag { .. });
                let (flags, moved) = (Vec::new(), if needs_second { 0 } else { 3 });
                Reply::PatientDone(PatientDone { patient, flags, moved, needs_second, seq: 88219, unfinished: None })
            }
            Request::Policy => Reply::Policy(PolicyFile {
                text: anteroom::review::policy_file::print(&anteroom::review::Policy::default()),
                digest: "9f3ce07a55d2".to_owned(),
                waits: None,
                unfinished: None,
            }),
            Request::Withdraw { .. }
            | Request::MyActs { .. }
            | Request::TakePolicy
            | Request::Agreement
            | Request::Clearing
            | Request::SignClearing
            | Request::Claim { .. }
            | Request::TakeOver { .. }
            | Request::Release
            | Request::BackUp { .. }
            | Request::Check => Reply::Refused { why: "not here".to_owned() },
            Request::Status => Reply::Status(Status {
                totals: self.totals.clone(),
                alarms: self.alarms.clone(),
                seq: 88_214,
                build: "0.1.0".to_owned(),
                rules: "2026-11-18".to_owned(),
                free_bytes: 41_200_000_000,
                leases: Vec::new(),
                feeds: Vec::new(),
                exposure: Default::default(),
                pulling: None,
                health: Default::default(),
            }),
        }
    }
}

/// An entry that somebody did something with beside deciding.
fn handled(entry: EntryId, state: State) -> Decided {
    Decided {
        entry,
        state,
        visible_at: None,
        review_by: None,
        seq: 88217,
        twins: Vec::new(),
        decoy: false,
        unfinished: None,
    }
}

/// Plainly, where the daemon also finds what is nearly so.
fn fits(row: &QueueRow, only: &Only) -> bool {
    let said = format!("{} {} {} {}", row.patient_name, row.title, row.author, row.why.join(" ")).to_lowercase();
    only.words.to_lowercase().split_whitespace().all(|word| said.contains(word))
        && (!only.late || row.due < practice::now())
        && (!only.changed || row.changed)
        && only.tier.is_none_or(|tier| row.tier >= tier)
        && only.patient.is_none_or(|patient| row.patient == patient)
        && only.author.as_ref().is_none_or(|author| row.author == *author)
        && only.reason.as_ref().is_none_or(|reason| row.why.contains(reason))
}

pub fn line(seq: u64, minute: u32, login: &str, role: Role, event: Event, subject: Option<&str>) -> AuditLine {
    AuditLine {
        seq,
        digest: format!("{seq:08x}"),
        record: Record {
            at: practice::at(20, 11, minute),
            actor: Actor { login: login.to_owned(), role },
            event,
            outcome: Outcome::Done,
            patient: None,
            entry: None,
            version: None,
            states: None,
        },
        subject: subject.map(str::to_owned),
    }
}
