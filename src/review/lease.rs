//! Who has a patient's entries in hand: so that two people do not read the same thing, and nobody releases
//! what another is in the middle of.
//!
//! A lease covers the entries of one patient that are open at one stage. It ends by itself, judged at each
//! use: nothing has to sweep, but for the log to say it before somebody else claims. It never stands in the way of a hide, a flag or a change at the source. Times are
//! readings of a clock that nobody can set: durations since some moment.

use std::collections::BTreeMap;
use std::time::Duration;

use super::guard::Guard;
use super::state::State;
use crate::record::{PatientId, Stage, Token};

/// A lease ends this long after its holder's last activity.
pub const IDLE: Duration = Duration::from_secs(10 * 60);

/// And this long after it was granted, whatever its holder does.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

/// And this long after its holder's connection was lost.
pub const GRACE: Duration = Duration::from_secs(90);

/// What a lease covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Whose entries.
    pub patient: PatientId,
    /// Those open at this stage.
    pub stage: Stage,
}

/// The stage at which an entry is open; none where nobody is to read it.
pub fn stage(state: State) -> Option<Stage> {
    match state {
        State::Queued => Some(Stage::First),
        State::AwaitingSecond => Some(Stage::Second),
        State::Disputed | State::Escalated => Some(Stage::Lead),
        State::Screening
        | State::NotOpen
        | State::Skim
        | State::AutoHold
        | State::Deferred
        | State::Settling
        | State::Released
        | State::Hidden
        | State::Retracting
        | State::Retracted
        | State::Superseded
        | State::SourceDeleted => None,
    }
}

/// A person at one screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    /// Their login.
    pub login: String,
    /// Which of their connections.
    pub session: u64,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it covers.
    pub scope: Scope,
    /// Who has it.
    pub holder: Holder,
    /// What a decision under it must show.
    pub token: Token,
    /// When it was granted.
    pub granted: Duration,
    /// When its holder last did something.
    pub active: Duration,
    /// When its holder's connection was lost.
    pub lost: Option<Duration>,
}

impl Lease {
    /// When it ends, if nothing else happens.
    pub fn ends(&self) -> Duration {
        let ends = (self.active + IDLE).min(self.granted + LONGEST);
        self.lost.map_or(ends, |lost| ends.min(lost + GRACE))
    }

    /// Whether it still binds.
    pub fn is_valid(&self, now: Duration) -> bool {
        now < self.ends()
    }

    /// How much longer it binds.
    pub fn left(&self, now: Duration) -> Duration {
        self.ends().saturating_sub(now)
    }
}

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its holder gave it back, claimed another, or finished what it covered.
    Released,
    /// Its time ran out.
    Expired,
    /// Somebody took it over.
    TakenOver,
}

/// A lease that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub lease: Lease,
    /// How.
    pub how: End,
}

/// What a grant would change. Made first and applied once its record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The lease as it will be.
    pub lease: Lease,
    /// Whether it is a new grant, and not more time on an old one.
    pub is_new: bool,
    /// The leases that end with it.
    pub ended: Vec<Ended>,
}

/// Why a lease is not granted or does not cover what somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseRefusal {
    /// Somebody else has it.
    Held(Lease),
    /// The same person has it on another screen.
    Elsewhere(Lease),
    /// The token is of a lease that somebody has taken over since.
    TakenOver {
        /// Their login.
        by: String,
    },
    /// The token is of a lease that has ended.
    Over,
}

/// Every lease that was granted and not seen to end.
#[derive(Debug)]
pub struct Leases {
    run: u64,
    grants: u64,
    held: BTreeMap<Scope, Lease>,
    /// Whose last lease was taken over, by whom and which: the last of each person, so that they can be told.
    taken: BTreeMap<String, (Token, String)>,
}

impl Leases {
    /// No leases. `run` must be above that of every earlier table whose tokens may still be about.
    pub fn new(run: u64) -> Self {
        Self { run, grants: 0, held: BTreeMap::new(), taken: BTreeMap::new() }
    }

    /// The lease on `scope` that binds now.
    pub fn on(&self, scope: Scope, now: Duration) -> Option<&Lease> {
        self.held.get(&scope).filter(|lease| lease.is_valid(now))
    }

    /// The last lease on `scope` that was not seen to end, whether it binds or not.
    pub fn last_on(&self, scope: Scope) -> Option<&Lease> {
        self.held.get(&scope)
    }

    /// Every lease whose time has run out and that was not seen to end.
    pub fn run_out(&self, now: Duration) -> impl Iterator<Item = &Lease> {
        self.held.values().filter(move |lease| !lease.is_valid(now))
    }

    /// Every lease that binds now.
    pub fn valid(&self, now: Duration) -> impl Iterator<Item = &Lease> {
        self.held.values().filter(move |lease| lease.is_valid(now))
    }

    /// What a claim would change. The holder gets more time under the same token; somebody whose connection was
    /// lost gets theirs back; a lease that has ended is free.
    ///
    /// # Errors
    /// Who has it.
    pub fn claim(&mut self, scope: Scope, who: &Holder, now: Duration) -> Result<Change, LeaseRefusal> {
        match self.on(scope, now) {
            Some(lease) if lease.holder == *who => Ok(continued(lease, who, now)),
            Some(lease) if lease.holder.login == who.login && lease.lost.is_some() => Ok(continued(lease, who, now)),
            Some(lease) if lease.holder.login == who.login => Err(LeaseRefusal::Elsewhere(lease.clone())),
            Some(lease) if Guard::InHand.stops(true) => Err(LeaseRefusal::Held(lease.clone())),
            _ => Ok(self.granted(scope, who, now)),
        }
    }

    /// What a take-over would change: the same person does it from elsewhere, `may_take` says whether this
    /// person may take another's.
    ///
    /// # Errors
    /// Who has it, and may keep it.
    pub fn take_over(
        &mut self,
        scope: Scope,
        who: &Holder,
        may_take: bool,
        now: Duration,
    ) -> Result<Change, LeaseRefusal> {
        match self.on(scope, now) {
            Some(lease) if lease.holder == *who => Ok(continued(lease, who, now)),
            Some(lease) if lease.holder.login != who.login && !may_take => Err(LeaseRefusal::Held(lease.clone())),
            _ => Ok(self.granted(scope, who, now)),
        }
    }

    /// What a use of `token` changes: its holder was active.
    ///
    /// # Errors
    /// What became of the lease with that token.
    pub fn admit(&self, scope: Scope, who: &Holder, token: Token, now: Duration) -> Result<Change, LeaseRefusal> {
        match self.on(scope, now) {
            Some(lease) if !Guard::Token.stops(lease.token != token || lease.holder.login != who.login) => {
                Ok(continued(lease, who, now))
            }
            Some(lease) if lease.holder.login != who.login => Err(match self.taken.get(&who.login) {
                Some((taken, by)) if *taken == token => LeaseRefusal::TakenOver { by: by.clone() },
                _ => LeaseRefusal::Held(lease.clone()),
            }),
            _ => Err(match self.taken.get(&who.login) {
                Some((taken, by)) if *taken == token => LeaseRefusal::TakenOver { by: by.clone() },
                _ => LeaseRefusal::Over,
            }),
        }
    }

    fn granted(&mut self, scope: Scope, who: &Holder, now: Duration) -> Change {
        self.grants += 1;
        let token = Token { run: self.run, grant: self.grants };
        let ended = self
            .held
            .values()
            .filter(|lease| lease.scope == scope || is_other_of(lease, scope, who))
            .map(|lease| Ended {
                lease: lease.clone(),
                how: match lease.is_valid(now) {
                    false => End::Expired,
                    true if lease.scope == scope => End::TakenOver,
                    true => End::Released,
                },
            })
            .collect();
        let lease = Lease { scope, holder: who.clone(), token, granted: now, active: now, lost: None };
        Change { lease, is_new: true, ended }
    }

    /// Makes a change.
    pub fn apply(&mut self, change: Change) {
        for Ended { lease, how } in change.ended {
            if how == End::TakenOver {
                self.taken.insert(lease.holder.login.clone(), (lease.token, change.lease.holder.login.clone()));
            }
            self.end(&lease);
        }
        self.held.insert(change.lease.scope, change.lease);
    }

    /// Forgets a lease that has ended.
    pub fn end(&mut self, lease: &Lease) {
        if self.held.get(&lease.scope).is_some_and(|held| held.token == lease.token) {
            self.held.remove(&lease.scope);
        }
    }

    /// What ends when somebody gives back all that they hold on this screen.
    pub fn of(&self, who: &Holder, now: Duration) -> Vec<Ended> {
        let held = self.held.values().filter(|lease| lease.holder == *who);
        let how = |lease: &Lease| if lease.is_valid(now) { End::Released } else { End::Expired };
        held.map(|lease| Ended { how: how(lease), lease: lease.clone() }).collect()
    }

    /// The holder did something with these entries.
    pub fn active(&mut self, scope: Scope, who: &Holder, now: Duration) {
        if let Some(lease) = self.held.get_mut(&scope)
            && lease.is_valid(now)
            && lease.holder == *who
        {
            lease.active = now;
        }
    }

    /// The connection of a session was lost: what it holds is free after [`GRACE`].
    pub fn lose(&mut self, session: u64, now: Duration) {
        for lease in self.held.values_mut().filter(|lease| lease.holder.session == session) {
            lease.lost.get_or_insert(now);
        }
    }
}

/// The same lease with its holder active now, perhaps on another connection.
fn continued(lease: &Lease, who: &Holder, now: Duration) -> Change {
    let lease = Lease { holder: who.clone(), active: now, lost: None, ..lease.clone() };
    Change { lease, is_new: false, ended: Vec::new() }
}

/// Whether a person would hold too many if they were granted `scope` too: one lease a person, and one more to
/// read for quality.
fn is_other_of(lease: &Lease, scope: Scope, who: &Holder) -> bool {
    lease.holder.login == who.login
        && lease.scope != scope
        && (lease.scope.stage == Stage::Quality) == (scope.stage == Stage::Quality)
}
