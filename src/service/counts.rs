//! What the service has done since it started, in numbers, for whoever watches the machine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;

use super::{Service, ServiceError};
use crate::protocol::{Depth, Health, LeaseLine, Reply, Totals, hex};
use crate::record::Tier;
use crate::review::State;
use crate::store::{self, Times};

/// Counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) commits: Times,
    requests: AtomicU64,
    refusals: AtomicU64,
    failures: AtomicU64,
}

impl Counts {
    pub(super) fn answered(&self, reply: &Reply) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match reply {
            Reply::Refused { .. } => self.refusals.fetch_add(1, Ordering::Relaxed),
            Reply::Failed { .. } => self.failures.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

/// The service in numbers. No names, no identifiers.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Requests answered since the start.
    pub requests: u64,
    /// Of these, refused by a rule.
    pub refusals: u64,
    /// Of these, failed.
    pub failures: u64,
    /// How long units of work took from being handed to the store until they were durable and shown.
    pub commits: store::Spread,
    /// How the store is.
    pub store: store::Health,
    /// Space on the store's disk.
    pub space: store::Space,
    /// The numbers of the queue.
    pub totals: Totals,
    /// What waits for people, by state and tier.
    pub queue: Vec<Depth>,
    /// Entries by state.
    pub entries: BTreeMap<State, u64>,
    /// The leases that bind now.
    pub leases: Vec<LeaseLine>,
}

impl Service {
    /// The service in numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn figures(&self) -> Result<Figures, ServiceError> {
        let (queue, entries) = {
            let board = self.board();
            let mut depths: BTreeMap<(State, Tier), u64> = BTreeMap::new();
            for (state, tier) in board.depths() {
                *depths.entry((state, tier)).or_default() += 1;
            }
            let queue = depths.into_iter().map(|((state, tier), entries)| Depth { state, tier, entries }).collect();
            (queue, State::ALL.into_iter().map(|state| (state, board.count(state))).collect())
        };
        let store = self.store.health()?;
        let totals = self.totals().or_else(|why| match store.stopped {
            // What waits is known without the store.
            Some(_) => Ok(self.totals_with(None, 0)),
            None => Err(why),
        })?;
        Ok(Figures {
            requests: self.counts.requests.load(Ordering::Relaxed),
            refusals: self.counts.refusals.load(Ordering::Relaxed),
            failures: self.counts.failures.load(Ordering::Relaxed),
            commits: self.counts.commits.spread(),
            store,
            space: self.store.space()?,
            totals,
            queue,
            entries,
            leases: self.lease_lines(),
        })
    }

    /// Why the store takes no more writes, if so: whoever runs the service should end it and start it again.
    pub fn stopped(&self) -> Option<String> {
        match self.store.health() {
            Ok(health) => health.stopped,
            Err(error) => Some(error.to_string()),
        }
    }

    /// The figures as the status shows them.
    pub(super) fn health(&self, figures: &Figures) -> Health {
        let Figures { store, space, queue, .. } = figures;
        // A journal that cannot be read says so otherwise.
        let last = self.store.log(store.head, 1).ok().and_then(|mut frames| frames.pop());
        Health {
            head: last.map(|frame| hex(&frame.digest)).unwrap_or_default(),
            journal_bytes: store.journal_bytes,
            view_bytes: store.view_bytes,
            applied: store.applied,
            behind: store.head.saturating_sub(store.applied),
            last_sync_micros: (store.syncs.count() > 0).then_some(store.syncs.last_micros),
            last_sync: store.syncs.last_at.map(DateTime::from),
            syncs: store.syncs.count(),
            stopped: store.stopped.clone(),
            total_bytes: space.total,
            floor_bytes: store.floor_bytes,
            clients: self.screens(),
            queue: queue.clone(),
        }
    }
}
