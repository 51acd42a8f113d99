//! A big store is served before all of it was compared with what must be there. What leaves for patients waits for that:
//! a row that was put back to an earlier state could show what was hidden since.

use std::thread;
use std::time::{Duration, Instant};

use super::{Service, ServiceError};

/// Longer than the biggest store takes.
const LONGEST: Duration = Duration::from_secs(10 * 60);
const LOOK: Duration = Duration::from_millis(20);

impl Service {
    /// Whether all that is kept was compared with what must be there, since the start, and where everything stands was
    /// read by this program.
    pub fn is_compared(&self) -> bool {
        matches!(self.store.is_checked(), Ok(true)) && self.is_our_board()
    }

    /// Nothing leaves before.
    ///
    /// # Errors
    /// When it was not yet, or it is damaged.
    pub(super) fn must_be_compared(&self) -> Result<(), ServiceError> {
        match self.store.is_checked()? && self.is_our_board() {
            true => Ok(()),
            false => Err(ServiceError::Channel(
                "a big store is compared with its log first, which takes from some seconds to a few minutes after a start"
                    .into(),
            )),
        }
    }

    /// Waits until it was.
    ///
    /// # Errors
    /// As [`Service::must_be_compared`], after ten minutes.
    pub(super) fn wait_until_compared(&self) -> Result<(), ServiceError> {
        let begun = Instant::now();
        while !self.store.is_checked()? && begun.elapsed() < LONGEST {
            thread::sleep(LOOK);
        }
        self.read_board_again()?;
        self.must_be_compared()
    }
}
