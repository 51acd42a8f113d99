//! Where the time comes from.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time;

use chrono::{DateTime, Duration, Utc};
use rustix::time::{ClockId, clock_gettime};

/// The practice's time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some moment in the past, which setting a clock does not change: for how long somebody has had
    /// something.
    fn elapsed(&self) -> time::Duration {
        since_boot()
    }
}

/// Runs on while the machine sleeps: who comes back to a laptop does not find their lease as they left it.
fn since_boot() -> time::Duration {
    let now = clock_gettime(ClockId::Boottime);
    time::Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
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
    /// Milliseconds that were let pass at once.
    passed: AtomicU64,
}

impl SetClock {
    /// A clock that shows `now` at this moment and then runs on.
    pub fn at(now: DateTime<Utc>) -> Self {
        let clock = Self { ahead: AtomicI64::new(0), passed: AtomicU64::new(0) };
        clock.set(now);
        clock
    }

    /// Sets it to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        self.ahead.store((now - Utc::now()).num_milliseconds(), Ordering::Relaxed);
    }

    /// Lets time pass, which no setting of the clock does.
    pub fn pass(&self, time: time::Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.passed.fetch_add(milliseconds, Ordering::Relaxed);
        self.ahead.fetch_add(i64::try_from(milliseconds).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + Duration::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> time::Duration {
        since_boot() + time::Duration::from_millis(self.passed.load(Ordering::Relaxed))
    }
}
