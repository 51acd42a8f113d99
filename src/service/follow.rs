//! What follows a decision once it stands: twins are taken back, and the channel is told. The decision is on the disk
//! by then, so a failure here is no failure of the decision; the daemon sees to the rest until it is done.

use std::sync::atomic::Ordering;

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
        if withdrawn && let Err(error) = self.deliver(&Actor::system("publish")) {
            followed.unfinished = Some(self.later("what was withdrawn may still show", &error));
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

    /// Leaves the rest to the daemon, and says so.
    fn later(&self, what: &str, error: &ServiceError) -> String {
        self.unfinished.store(true, Ordering::Relaxed);
        format!("{what} ({error}): it is tried again within a minute")
    }
}
