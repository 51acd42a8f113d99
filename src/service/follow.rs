//! What follows a decision once it stands: twins are taken back, and the channel is told. The decision is on the disk
//! by then, so a failure here is no failure of the decision; the daemon sees to the rest until it is done.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rows::EntryRow;
use super::{Service, ServiceError};
use crate::audit::Actor;
use crate::record::EntryId;
use crate::review::State;

/// What came of it.
pub(super) struct Followed {
    /// Where the entry stands now.
    pub state: State,
    /// Other entries that show the same words.
    pub twins: Vec<EntryId>,
    /// What could not be done, and will be.
    pub unfinished: Option<String>,
}

/// Counts acts that may withdraw what is shown: from before they are written until the channel has taken what follows.
#[derive(Debug, Default)]
pub(super) struct Acts {
    begun: AtomicU64,
    done: AtomicU64,
}

/// One of them, under way.
#[must_use]
pub(super) struct UnderWay<'a>(&'a Acts);

impl Acts {
    pub fn begin(&self) -> UnderWay<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        UnderWay(self)
    }

    /// How many were ever begun, if none is under way at this moment.
    pub fn at_rest(&self) -> Option<u64> {
        // In this order: none of those done now can be missing among those begun.
        let done = self.done.load(Ordering::SeqCst);
        (self.begun.load(Ordering::SeqCst) == done).then_some(done)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }
}

impl Service {
    /// Does what follows from `row`, which was just written.
    pub(super) fn follow(&self, row: &EntryRow, was_visible: bool) -> Followed {
        let state = row.review.state;
        let (mut followed, mut withdrawn) = (Followed { state, twins: Vec::new(), unfinished: None }, was_visible);
        match self.withdraw_twins(row) {
            Ok((twins, twin_was_visible)) => {
                followed.twins = twins;
                withdrawn = was_visible && state != State::Released || twin_was_visible;
            }
            Err(error) => followed.unfinished = Some(self.later("other entries may still show the same words", &error)),
        }
        if withdrawn && let Some(unfinished) = self.deliver_or_later() {
            followed.unfinished = Some(unfinished);
        }
        // A withdrawal that the channel has taken is over. Otherwise the answer is what this unit did, whatever
        // somebody else has done to the entry since.
        if state == State::Retracting
            && let Ok(Some(read)) = self.row(row.entry.id)
        {
            followed.state = read.row.review.state;
        }
        followed
    }

    /// Delivers what is visible after an act that stands. What the channel does not take now is delivered later: that as
    /// a sentence.
    pub(super) fn deliver_or_later(&self) -> Option<String> {
        let delivered = self.deliver(&Actor::system("publish"));
        delivered.err().map(|error| self.later("what was withdrawn may still show", &error))
    }

    /// Delivers what is visible at a start. A channel that is away is no reason not to start: people must be able to hide.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn deliver_unless_away(&self) -> Result<(), ServiceError> {
        match self.deliver(&Actor::system("publish")) {
            Ok(_) | Err(ServiceError::Channel(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Leaves the rest to the daemon, and says so.
    pub(super) fn later(&self, what: &str, error: &ServiceError) -> String {
        self.unfinished.store(true, Ordering::Relaxed);
        format!("{what} ({error}): it is tried again within a minute")
    }
}
