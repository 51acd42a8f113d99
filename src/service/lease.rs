//! Who is at which screen, and who has which patient's entries in hand.
//!
//! Leases live in memory. What keeps a stale decision out for good is in the store: the version, the revision and
//! the precondition of the unit. A lease keeps two people from doing the same work, and nobody works on through a
//! restart of the daemon, so there is nothing to keep. The tokens of a later run are above those of an earlier one
//! because they begin with the place of its start in the log. Every grant and every end is in the log before it
//! counts; more time for the same holder is not.
//!
//! Whatever judges or changes a lease has its scope, the person and its present holder to itself until its unit is
//! durable. So a decision that was admitted is in the log before a take-over of its lease can be, and none is
//! admitted after.

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::rows::EntryRow;
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::{Claimed, Holding, LeaseLine, Notice};
use crate::record::{EntryId, PatientId, Stage, Token};
use crate::review::lease::{Change, End, Ended, Holder, Lease, LeaseRefusal, Leases, Scope, stage};
use crate::store::UnitId;

/// How long an entry counts as open on somebody's screen without another sign of them.
const VIEWING: Duration = Duration::from_secs(10 * 60);

/// So many notices wait for a client that does not read; what is more is lost with the client.
const NOTICES: usize = 16;

/// A person at one screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub actor: Actor,
    /// Which of their connections.
    session: u64,
    /// Under which name their act is to stand in the store, where they gave it one.
    pub(super) unit: Option<UnitId>,
}

impl Seat {
    pub(super) fn session(&self) -> u64 {
        self.session
    }

    fn holder(&self) -> Holder {
        Holder { login: self.actor.login.clone(), session: self.session }
    }
}

/// Who is there and who has what.
pub(super) struct Desk {
    table: Mutex<Table>,
    freed: Condvar,
}

struct Table {
    leases: Leases,
    busy: HashSet<Key>,
    screens: HashMap<u64, Screen>,
    last_session: u64,
}

/// What one connection sees.
struct Screen {
    login: String,
    notices: mpsc::Sender<Notice>,
    viewing: Option<(EntryId, Duration)>,
}

/// What a judgement of a lease has to itself.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Scope(Scope),
    Person(String),
}

/// Holds keys until dropped.
struct Busy<'a> {
    desk: &'a Desk,
    keys: Vec<Key>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut table = lock(&self.desk.table);
        for key in &self.keys {
            table.busy.remove(key);
        }
        drop(table);
        self.desk.freed.notify_all();
    }
}

impl Desk {
    /// Nobody is there. `run` is the place in the log of the record that the daemon started.
    pub(super) fn new(run: u64) -> Self {
        let table = Table { leases: Leases::new(run), busy: HashSet::new(), screens: HashMap::new(), last_session: 0 };
        Self { table: Mutex::new(table), freed: Condvar::new() }
    }

    /// Waits until nobody else judges this scope or this person's leases. All keys are taken at once, and
    /// nobody waits while they hold one, so this ends.
    fn enter(&self, scope: Option<Scope>, login: &str) -> Busy<'_> {
        let mut table = lock(&self.table);
        loop {
            let mut keys = vec![Key::Person(login.to_owned())];
            if let Some(scope) = scope {
                keys.push(Key::Scope(scope));
                if let Some(lease) = table.leases.last_on(scope)
                    && lease.holder.login != login
                {
                    keys.push(Key::Person(lease.holder.login.clone()));
                }
            }
            if keys.iter().all(|key| !table.busy.contains(key)) {
                table.busy.extend(keys.iter().cloned());
                return Busy { desk: self, keys };
            }
            table = self.freed.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A lease under which a decision is made, to oneself until the decision is durable or refused.
pub(super) struct InHand<'a> {
    change: Change,
    _busy: Busy<'a>,
}

impl Service {
    /// A new connection of somebody, and what it will be told unasked.
    pub(super) fn sit_down(&self, actor: Actor) -> (Seat, mpsc::Receiver<Notice>) {
        let (notices, told) = mpsc::channel(NOTICES);
        let mut table = lock(&self.desk.table);
        table.last_session += 1;
        let session = table.last_session;
        table.screens.insert(session, Screen { login: actor.login.clone(), notices, viewing: None });
        (Seat { actor, session, unit: None }, told)
    }

    /// A connection is gone: what it holds is free after the grace.
    pub(super) fn get_up(&self, seat: &Seat) {
        let now = self.clock.elapsed();
        self.not_reading(seat);
        let mut table = lock(&self.desk.table);
        table.screens.remove(&seat.session);
        table.leases.lose(seat.session, now);
    }

    /// How many connections there are.
    pub(super) fn screens(&self) -> u64 {
        lock(&self.desk.table).screens.len() as u64
    }

    /// Somebody has opened an entry: others see it, and whoever has it in hand was active.
    pub(super) fn views(&self, seat: &Seat, row: &EntryRow) {
        let now = self.clock.elapsed();
        let mut table = lock(&self.desk.table);
        if let Some(screen) = table.screens.get_mut(&seat.session) {
            screen.viewing = Some((row.entry.id, now));
        }
        if let Some(scope) = scope_of(row) {
            table.leases.active(scope, &seat.holder(), now);
        }
    }

    /// Who else has an entry open, by login.
    pub(super) fn viewers(&self, actor: &Actor, id: EntryId) -> Vec<String> {
        let now = self.clock.elapsed();
        let table = lock(&self.desk.table);
        let views = |screen: &Screen| {
            screen.login != actor.login && screen.viewing.is_some_and(|(seen, at)| seen == id && now < at + VIEWING)
        };
        let mut logins: Vec<String> =
            table.screens.values().filter(|screen| views(screen)).map(|screen| screen.login.clone()).collect();
        logins.sort_unstable();
        logins.dedup();
        logins
    }

    /// Who has what of an entry's patient in hand at the entry's stage.
    pub(super) fn holding(&self, actor: &Actor, row: &EntryRow) -> Option<Holding> {
        let now = self.clock.elapsed();
        let table = lock(&self.desk.table);
        let lease = table.leases.on(scope_of(row)?, now)?;
        let login = lease.holder.login.clone();
        Some(Holding {
            name: self.name_of(&login),
            yours: login == actor.login,
            minutes_left: lease.left(now).as_secs().div_ceil(60),
            login,
        })
    }

    /// Whose entries somebody has in hand now.
    pub(super) fn patients_of(&self, actor: &Actor) -> HashSet<PatientId> {
        let now = self.clock.elapsed();
        let table = lock(&self.desk.table);
        let theirs = table.leases.valid(now).filter(|lease| lease.holder.login == actor.login);
        theirs.map(|lease| lease.scope.patient).collect()
    }

    /// Every lease that binds now.
    pub(super) fn lease_lines(&self) -> Vec<LeaseLine> {
        let now = self.clock.elapsed();
        let line = |lease: &Lease| LeaseLine {
            login: lease.holder.login.clone(),
            stage: lease.scope.stage,
            held: now.saturating_sub(lease.granted).as_secs(),
            left: lease.left(now).as_secs(),
        };
        lock(&self.desk.table).leases.valid(now).map(line).collect()
    }

    /// Takes in hand what is open of an entry's patient at the entry's stage, or keeps it there.
    ///
    /// # Errors
    /// Who has it, also in the log; or what the store says.
    pub fn claim(&self, seat: &Seat, id: EntryId) -> Result<Claimed, ServiceError> {
        self.may_read(&seat.actor, Event::EntryOpened)?;
        let row = self.existing(id)?.row;
        self.grant(seat, &row, |leases, scope, who, now| leases.claim(scope, who, now))
    }

    /// The same, from somebody else: the lead may, and anybody from another screen of their own.
    ///
    /// # Errors
    /// As [`Service::claim`].
    pub fn take_over(&self, seat: &Seat, id: EntryId) -> Result<Claimed, ServiceError> {
        self.may_read(&seat.actor, Event::EntryOpened)?;
        let row = self.existing(id)?.row;
        let may_take = seat.actor.role == Role::Lead;
        self.grant(seat, &row, |leases, scope, who, now| leases.take_over(scope, who, may_take, now))
    }

    /// Claims because somebody began to work on an entry. That another has it in hand is no obstacle to that.
    pub(super) fn claim_if_free(&self, seat: &Seat, row: &EntryRow) -> Result<(), ServiceError> {
        let Some((scope, _busy)) = self.enter(seat, row)? else { return Ok(()) };
        let now = self.clock.elapsed();
        let change = lock(&self.desk.table).leases.claim(scope, &seat.holder(), now);
        match change {
            Ok(change) => self.make(seat, change).map(|_| ()),
            Err(_) => Ok(()),
        }
    }

    /// Has the scope of an entry to oneself, if it is open at a stage. Whoever had it before may have moved the
    /// entry on to another.
    fn enter(&self, seat: &Seat, row: &EntryRow) -> Result<Option<(Scope, Busy<'_>)>, ServiceError> {
        let mut seen = scope_of(row);
        while let Some(scope) = seen {
            let busy = self.desk.enter(Some(scope), &seat.actor.login);
            seen = scope_of(&self.existing(row.entry.id)?.row);
            if seen == Some(scope) {
                return Ok(Some((scope, busy)));
            }
        }
        Ok(None)
    }

    fn grant(
        &self,
        seat: &Seat,
        row: &EntryRow,
        judge: impl FnOnce(&mut Leases, Scope, &Holder, Duration) -> Result<Change, LeaseRefusal>,
    ) -> Result<Claimed, ServiceError> {
        let Some((scope, _busy)) = self.enter(seat, row)? else {
            let why = "the entry waits for nobody now: there is nothing in it to take in hand".to_owned();
            return Err(ServiceError::Refused(why));
        };
        let now = self.clock.elapsed();
        let change = judge(&mut lock(&self.desk.table).leases, scope, &seat.holder(), now);
        match change {
            Ok(change) => self.make(seat, change),
            Err(refusal) => {
                Err(self.lease_refused(&seat.actor, Event::LeaseDenied { stage: scope.stage }, row, &refusal))
            }
        }
    }

    /// Puts a change into the log, then makes it. The caller has its keys.
    fn make(&self, seat: &Seat, change: Change) -> Result<Claimed, ServiceError> {
        let now = self.clock.elapsed();
        let claimed = Claimed {
            patient: change.lease.scope.patient,
            stage: change.lease.scope.stage,
            token: change.lease.token,
            seconds_left: change.lease.left(now).as_secs(),
        };
        let records = self.lease_records(&seat.actor, &change);
        let is_new = change.is_new;
        if !records.is_empty() {
            self.commit(Vec::new(), Vec::new(), records)?;
        }
        self.apply(seat, change);
        if is_new {
            self.announce();
        }
        Ok(claimed)
    }

    fn apply(&self, seat: &Seat, change: Change) {
        let mut table = lock(&self.desk.table);
        for Ended { lease, how } in &change.ended {
            let concerns = lease.scope == change.lease.scope || *how == End::Released;
            if concerns
                && lease.holder.session != seat.session
                && let Some(screen) = table.screens.get(&lease.holder.session)
            {
                let Scope { patient, stage } = lease.scope;
                // A client that reads nothing is let go; it learns of this when it comes back.
                let _ =
                    screen.notices.try_send(Notice::TakenOver { patient, stage, by: self.name_of(&seat.actor.login) });
            }
        }
        // The connection may have gone while the record was written.
        let gone = !table.screens.contains_key(&seat.session);
        table.leases.apply(change);
        if gone {
            let now = self.clock.elapsed();
            table.leases.lose(seat.session, now);
        }
    }

    /// Puts into the log that leases ran out which nobody has claimed since, each with the time at which it did.
    ///
    /// # Errors
    /// When the store takes no writes; the next one who asks, or claims, does it then.
    pub fn end_leases(&self) -> Result<(), ServiceError> {
        let over: Vec<Lease> = lock(&self.desk.table).leases.run_out(self.clock.elapsed()).cloned().collect();
        for Lease { scope, holder, token, .. } in &over {
            let _busy = self.desk.enter(Some(*scope), &holder.login);
            let now = self.clock.elapsed();
            // Meanwhile its holder may have come back, or somebody else claimed it.
            let still = |lease: &&Lease| lease.token == *token && !lease.is_valid(now);
            let lease = lock(&self.desk.table).leases.last_on(*scope).filter(still).cloned();
            let Some(ended) = lease.map(|lease| Ended { lease, how: End::Expired }) else { continue };
            let record = self.end_record(&Actor::system("lease"), &ended);
            self.commit(Vec::new(), Vec::new(), vec![record])?;
            lock(&self.desk.table).leases.end(&ended.lease);
        }
        if !over.is_empty() {
            self.announce();
        }
        Ok(())
    }

    /// Gives back all that somebody holds on this screen.
    ///
    /// # Errors
    /// What the store says; they keep it then.
    pub fn give_back(&self, seat: &Seat) -> Result<(), ServiceError> {
        let _busy = self.desk.enter(None, &seat.actor.login);
        let now = self.clock.elapsed();
        let ended = lock(&self.desk.table).leases.of(&seat.holder(), now);
        if ended.is_empty() {
            return Ok(());
        }
        let records = ended.iter().map(|ended| self.end_record(&seat.actor, ended)).collect();
        self.commit(Vec::new(), Vec::new(), records)?;
        let mut table = lock(&self.desk.table);
        for ended in &ended {
            table.leases.end(&ended.lease);
        }
        drop(table);
        self.announce();
        Ok(())
    }

    /// The lease for a decision towards visible: the one whose token is shown, or one claimed in the same step.
    /// `None` where the entry is open at no stage, which the rules of review refuse by themselves.
    ///
    /// # Errors
    /// Who has it, or what became of the token's lease.
    pub(super) fn in_hand(
        &self,
        seat: &Seat,
        row: &EntryRow,
        token: Option<Token>,
    ) -> Result<Option<InHand<'_>>, LeaseRefusal> {
        let Some(scope) = scope_of(row) else { return Ok(None) };
        let busy = self.desk.enter(Some(scope), &seat.actor.login);
        let now = self.clock.elapsed();
        let leases = &mut lock(&self.desk.table).leases;
        let change = match token {
            Some(token) => leases.admit(scope, &seat.holder(), token, now)?,
            None => leases.claim(scope, &seat.holder(), now)?,
        };
        Ok(Some(InHand { change, _busy: busy }))
    }

    /// What the unit of a decision says of its lease: also that it ends, when it was the last entry it covered.
    pub(super) fn in_hand_records(&self, actor: &Actor, in_hand: &InHand<'_>, is_last: bool) -> Vec<Record> {
        let mut records = self.lease_records(actor, &in_hand.change);
        if is_last {
            let ended = Ended { lease: in_hand.change.lease.clone(), how: End::Released };
            records.push(self.end_record(actor, &ended));
        }
        records
    }

    /// The decision is durable: so is what it says of its lease.
    pub(super) fn keep_in_hand(&self, seat: &Seat, in_hand: InHand<'_>, is_last: bool) {
        let lease = in_hand.change.lease.clone();
        self.apply(seat, in_hand.change);
        if is_last {
            lock(&self.desk.table).leases.end(&lease);
        }
    }

    /// Whether an entry is the only one of its patient that is open at its stage.
    pub(super) fn is_last_open(&self, row: &EntryRow) -> bool {
        let board = self.board();
        let own = stage(row.review.state);
        !board.of_patient(row.entry.patient).any(|other| {
            other != row.entry.id && board.state(other).is_some_and(|state| own.is_some() && stage(state) == own)
        })
    }

    fn lease_records(&self, actor: &Actor, change: &Change) -> Vec<Record> {
        let mut records: Vec<Record> = change.ended.iter().map(|ended| self.end_record(actor, ended)).collect();
        if change.is_new {
            let Lease { scope, token, .. } = change.lease;
            records.push(self.of_patient(actor, Event::LeaseAcquired { stage: scope.stage, token }, scope.patient));
        }
        records
    }

    fn end_record(&self, actor: &Actor, ended: &Ended) -> Record {
        let Lease { scope: Scope { patient, stage }, token, ref holder, .. } = ended.lease;
        let holder = holder.login.clone();
        match ended.how {
            End::Released => self.of_patient(actor, Event::LeaseReleased { stage, token }, patient),
            End::TakenOver => self.of_patient(actor, Event::LeaseTakenOver { stage, token, holder }, patient),
            // Nobody did it.
            End::Expired => {
                let event = Event::LeaseExpired { stage, token, holder };
                let record = self.of_patient(&Actor::system("lease"), event, patient);
                let since = self.clock.elapsed().saturating_sub(ended.lease.ends());
                Record { at: record.at - TimeDelta::from_std(since).unwrap_or_default(), ..record }
            }
        }
    }

    fn of_patient(&self, actor: &Actor, event: Event, patient: PatientId) -> Record {
        Record { patient: Some(patient), ..self.record(actor, event) }
    }

    /// Logs who was refused what, by login, and says it to them by name.
    pub(super) fn lease_refused(
        &self,
        actor: &Actor,
        event: Event,
        row: &EntryRow,
        refusal: &LeaseRefusal,
    ) -> ServiceError {
        let now = self.clock.elapsed();
        let logged = words(refusal, now, str::to_owned);
        let record = Record { outcome: Outcome::Refused(logged), ..self.record_on(actor, event, row) };
        match self.commit(Vec::new(), Vec::new(), vec![record]) {
            Ok(_) => ServiceError::Refused(words(refusal, now, |login| self.name_of(login))),
            Err(failed) => failed,
        }
    }

    fn name_of(&self, login: &str) -> String {
        self.staff().user(login).map_or_else(|| login.to_owned(), |user| user.name.clone())
    }
}

/// What a lease must cover for somebody to decide on an entry.
fn scope_of(row: &EntryRow) -> Option<Scope> {
    stage(row.review.state).map(|stage: Stage| Scope { patient: row.entry.patient, stage })
}

fn words(refusal: &LeaseRefusal, now: Duration, name: impl Fn(&str) -> String) -> String {
    match refusal {
        LeaseRefusal::Held(lease) => format!(
            "{} has this patient in hand, for {} more minutes if they do nothing: the lead can take it over, and \
             anybody can hide the entry",
            name(&lease.holder.login),
            lease.left(now).as_secs().div_ceil(60)
        ),
        LeaseRefusal::Elsewhere(_) => {
            "you have this patient in hand on another screen: go on there, or take it over here".to_owned()
        }
        LeaseRefusal::TakenOver { by } => {
            format!("taken over by {}: nothing has changed, and what you drafted is kept", name(by))
        }
        LeaseRefusal::Over => {
            "your time on this patient has run out: nothing has changed, what you drafted is kept, open it again"
                .to_owned()
        }
    }
}
