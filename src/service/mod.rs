//! Pull → screen → queue → decide → publish: the one place that composes the rooms, and owns the writes.

mod agreement;
mod backup;
mod blind;
mod board;
mod calendar;
mod clock;
mod compared;
mod counts;
mod decide;
mod decoys;
mod exposure;
mod find;
mod follow;
mod handle;
mod history;
mod kin;
mod lease;
mod log;
mod people;
mod policy;
mod propose;
mod publish;
mod pull;
mod quality;
mod read;
mod reading;
mod refer;
mod rescreen;
mod rows;
mod safeguard;
mod secret;
mod settings;
mod skim;
mod staff;
mod standing;
mod start;
mod twins;
mod worklist;

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use self::board::Board;
use self::clock::Pace;
use self::counts::Counts;
use self::lease::Desk;
use self::reading::Reading;
use self::rows::EntryRow;
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::channel::Channel;
use crate::record::Patient;
use crate::review::Policy;
use crate::screen::Rules;
use crate::source::{Source, SourceError};
use crate::store::{Expect, Receipt, Store, StoreError, Table, Unit, UnitId};

pub use crate::store::{STEPS, Spread};
pub use calendar::Calendar;
pub use clock::{Clock, SetClock, SystemClock};
pub use counts::Figures;
pub use handle::Session;
pub use lease::Seat;
pub use pull::{Due, from_outside};
pub use secret::Keys;
pub use settings::{
    Clears, DaemonSettings, GroupRole, PACKS, Practice, REFSETS, SILENCES, Settings, ShownBy, SourceSetting, User,
};

/// Gives the next feed to pull; `None` when there is none now.
pub type NextFeed = Box<dyn FnMut() -> Option<Result<Box<dyn Source>, SourceError>> + Send>;

/// What a service is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Box<dyn Store>,
    /// The practice's time.
    pub clock: Arc<dyn Clock>,
    /// The rules of screening.
    pub rules: Rules,
    /// The practice's keys.
    pub keys: Keys,
    /// Who the practice is and who may do what.
    pub settings: Settings,
    /// Where released entries go.
    pub channel: Box<dyn Channel>,
    /// What [`crate::protocol::Request::Pull`] pulls.
    pub feed: NextFeed,
    /// Whether this is the demo, in which a person may act as any of the people.
    pub demo: bool,
}

/// The practice's queue and all that happens to it. Shared by every session.
pub struct Service {
    store: Box<dyn Store>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    keys: Keys,
    settings: Settings,
    staff: staff::Staff,
    /// What the practice has agreed. Whoever works with it holds one for the whole of an act.
    policy: RwLock<Arc<Policy>>,
    channel: Box<dyn Channel>,
    feed: Mutex<NextFeed>,
    demo: bool,
    board: Mutex<Board>,
    /// Held for reading from before rows of entries are written until they are on the board.
    on_their_way: RwLock<()>,
    /// What is written by later units than this one may be missing on the board, or be there as another program derives
    /// it, unless it is the last number of all: nothing that could show something rests on it before.
    known: AtomicU64,
    /// What was kept of the board for the next start. Held while it is.
    kept: Mutex<start::Kept>,
    desk: Desk,
    /// Words of linked records that were read lately.
    twins: Mutex<twins::Memory>,
    reading: Mutex<Reading>,
    counts: Counts,
    /// Pulls and publications exclude each other; decisions never wait for them. Taken through `alone`.
    batch: Mutex<()>,
    /// Held from before what is visible is listed until the channel has it: of two deliveries the later one knows more.
    /// Not `batch`, so that what is withdrawn waits for no pull.
    delivery: Mutex<()>,
    /// Acts that may withdraw what is shown.
    acts: follow::Acts,
    progress: pull::Progress,
    /// Whether the clock was put forward or back.
    pace: Mutex<Pace>,
    /// Whether something that follows a decision could not be done, and the next publication is to do it.
    unfinished: AtomicBool,
    changes: watch::Sender<u64>,
}

/// Why the service did not do something. One sentence.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The settings are wrong.
    #[error("{0}")]
    Settings(String),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The feed cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A channel did not take the batch.
    #[error("{0}")]
    Channel(String),
    /// A rule says no.
    #[error("{0}")]
    Refused(String),
    /// The disk has room for decisions, and not for more to decide on.
    #[error("{0}")]
    NoRoom(String),
    /// Something that cannot be.
    #[error("{0}")]
    Internal(&'static str),
}

impl Service {
    /// Takes over a store: reads where everything stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn start(parts: Parts) -> Result<Self, ServiceError> {
        let start::Found { mut board, kept, known } = start::board(parts.store.as_ref())?;
        rows::for_each::<Patient>(parts.store.as_ref(), Table::Patient, &[], |_, read| {
            board.settle(&read.row);
            Ok(())
        })?;
        let pace = Mutex::new(Pace::begin(parts.clock.as_ref()));
        let mut service = Self {
            store: parts.store,
            clock: parts.clock,
            rules: parts.rules,
            keys: parts.keys,
            staff: staff::Staff::of(&parts.settings),
            settings: parts.settings,
            policy: RwLock::new(Arc::new(Policy::default())),
            channel: parts.channel,
            feed: Mutex::new(parts.feed),
            demo: parts.demo,
            board: Mutex::new(board),
            on_their_way: RwLock::default(),
            kept: Mutex::new(kept),
            known: AtomicU64::new(known),
            desk: Desk::new(0),
            twins: Mutex::default(),
            reading: Mutex::default(),
            counts: Counts::default(),
            batch: Mutex::new(()),
            delivery: Mutex::new(()),
            acts: follow::Acts::default(),
            progress: pull::Progress::default(),
            pace,
            unfinished: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        };
        let job = Actor::system("daemon");
        let started = service.record(&job, Event::Started { build: env!("CARGO_PKG_VERSION").to_owned() });
        let mut writes = Vec::new();
        if service.board().is_empty() {
            // Everything in it was read under the rules in use.
            writes.push((Table::Meta, rescreen::RULES.to_vec(), Some(service.rules_in_use()?)));
        }
        let receipt = service.commit(Vec::new(), writes, vec![started])?;
        service.desk = Desk::new(receipt.seq);
        service.policy = RwLock::new(Arc::new(service.accepted_policy()?));
        service.board().agree(&service.policy());
        match service.adopt_policy(&job, service.settings.policy.as_deref()) {
            // Refused, in the log and on every screen; the policy before stays in force.
            Ok(()) | Err(ServiceError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        for silence in service.rules.silences() {
            let (rule, reason, by) = (silence.rule.clone(), silence.reason.clone(), silence.by.clone());
            let rules = service.rules.version().to_owned();
            service.note(&job, Event::RuleSilenced { rule, reason, by, rules })?;
        }
        service.rescreen_if_rules_changed()?;
        if service.store.get(Table::Meta, publish::HAS_FEED)?.is_some() {
            service.deliver_unless_away()?;
        }
        Ok(service)
    }

    /// Puts into the log what opening the store had to do.
    ///
    /// # Errors
    /// When the store takes no writes.
    pub fn note_opening(&self, tail_cut: Option<u64>, view_rebuilt: Option<String>) -> Result<(), ServiceError> {
        let job = Actor::system("store");
        if let Some(bytes) = tail_cut {
            self.note(&job, Event::TailCut { bytes })?;
        }
        if let Some(why) = view_rebuilt {
            self.note(&job, Event::ViewRebuilt { why })?;
        }
        Ok(())
    }

    /// A number that rises whenever the queue may look different.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Who the practice is and who may do what.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The policy in force.
    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn announce(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    /// A record of something that happened now.
    fn record(&self, actor: &Actor, event: Event) -> Record {
        Record {
            at: self.now(),
            actor: actor.clone(),
            event,
            outcome: Outcome::Done,
            patient: None,
            entry: None,
            version: None,
            states: None,
        }
    }

    /// The same about an entry.
    fn record_on(&self, actor: &Actor, event: Event, row: &EntryRow) -> Record {
        Record {
            patient: Some(row.entry.patient),
            entry: Some(row.entry.id),
            version: Some(row.review.version),
            ..self.record(actor, event)
        }
    }

    /// Commits a record by itself: something was read, or refused.
    fn note(&self, actor: &Actor, event: Event) -> Result<Receipt, ServiceError> {
        self.commit(Vec::new(), Vec::new(), vec![self.record(actor, event)])
    }

    fn commit(
        &self,
        pre: Vec<(Table, Vec<u8>, Expect)>,
        writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
        audit: Vec<Record>,
    ) -> Result<Receipt, ServiceError> {
        self.commit_as(random_unit()?, pre, writes, audit)
    }

    /// The same under a name, so that it is done once.
    fn commit_as(
        &self,
        id: UnitId,
        pre: Vec<(Table, Vec<u8>, Expect)>,
        writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
        audit: Vec<Record>,
    ) -> Result<Receipt, ServiceError> {
        let begun = Instant::now();
        let receipt = self.store.commit(Unit { id, pre, writes, audit })?;
        self.counts.commits.count(begun.elapsed());
        Ok(receipt)
    }

    /// The same, of a unit that writes rows of entries, which are then put on the board.
    fn commit_rows<'a>(
        &self,
        pre: Vec<(Table, Vec<u8>, Expect)>,
        writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
        audit: Vec<Record>,
        rows: impl IntoIterator<Item = &'a EntryRow>,
    ) -> Result<Receipt, ServiceError> {
        self.commit_rows_as(random_unit()?, pre, writes, audit, rows)
    }

    /// The same under a name. What was written under it before is not written again.
    fn commit_rows_as<'a>(
        &self,
        id: UnitId,
        pre: Vec<(Table, Vec<u8>, Expect)>,
        writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
        audit: Vec<Record>,
        rows: impl IntoIterator<Item = &'a EntryRow>,
    ) -> Result<Receipt, ServiceError> {
        let _on_its_way = self.on_their_way.read().unwrap_or_else(PoisonError::into_inner);
        let receipt = self.commit_as(id, pre, writes, audit)?;
        if !receipt.replayed {
            let mut board = self.board();
            rows.into_iter().for_each(|row| board.put(row.entry.id, receipt.seq, row));
        }
        Ok(receipt)
    }

    /// Whether the role reads records; an attempt by another is logged as the event it would have been.
    fn may_read(&self, actor: &Actor, event: Event) -> Result<(), ServiceError> {
        match actor.role {
            Role::Clinician | Role::Lead => Ok(()),
            Role::Auditor | Role::Admin | Role::System => {
                let why =
                    format!("the role {} reads no records: clinicians and the safeguarding lead do", actor.role.name());
                let record = Record { outcome: Outcome::Refused(why.clone()), ..self.record(actor, event) };
                self.commit(Vec::new(), Vec::new(), vec![record])?;
                Err(ServiceError::Refused(why))
            }
        }
    }
}

/// A name for a unit of work that nobody will ask for again.
fn random_unit() -> Result<UnitId, ServiceError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| ServiceError::Internal("the system gives no random bytes"))?;
    Ok(UnitId(id))
}

/// A mutex whose holder panicked holds data that was consistent at every step; go on with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
