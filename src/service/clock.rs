//! Where the time comes from.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

/// The practice's time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that can be set, for the demo, which lives through a week in minutes, and for tests.
#[derive(Debug)]
pub struct SetClock {
    /// Milliseconds ahead of the machine's clock.
    ahead: AtomicI64,
}

impl SetClock {
    /// A clock that shows `now` at this moment and then runs on.
    pub fn at(now: DateTime<Utc>) -> Self {
        let clock = Self { ahead: AtomicI64::new(0) };
        clock.set(now);
        clock
    }

    /// Sets it to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        self.ahead.store((now - Utc::now()).num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + Duration::milliseconds(self.ahead.load(Ordering::Relaxed))
    }
}
