//! Where the time comes from.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time;

use chrono::{DateTime, Duration, SubsecRound, Utc};
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

    /// Whether it is set on purpose, so that a jump says nothing.
    fn is_set_on_purpose(&self) -> bool {
        false
    }
}

/// Smaller steps are a clock being put right.
const STEP: Duration = Duration::minutes(10);

/// Whether the practice's time ran as time does since the program started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    at: DateTime<Utc>,
    elapsed: time::Duration,
    /// Nothing becomes visible before this much has elapsed.
    barred_until: Option<time::Duration>,
}

impl Pace {
    /// From now on.
    pub fn begin(clock: &dyn Clock) -> Self {
        Self { at: clock.now(), elapsed: clock.elapsed(), barred_until: None }
    }

    /// What the clock shows, and how far it was put forward (or back, negative) since this was last asked; `None` where
    /// it ran on. After a step forward, what waits for time waits as long as the step was, or `hold`, if that is less:
    /// then every hold and grace has run, whatever the clock says. Who acts on the time acts on the one given here: the
    /// clock may have been put forward and back before they read it again.
    pub fn look(&mut self, clock: &dyn Clock, hold: Duration) -> (DateTime<Utc>, Option<Duration>) {
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let ran = Duration::from_std(elapsed.saturating_sub(self.elapsed)).unwrap_or(Duration::MAX);
        let step = now - self.at - ran;
        (self.at, self.elapsed) = (now, elapsed);
        if step.abs() < STEP || clock.is_set_on_purpose() {
            return (now, None);
        }
        let wait = step.min(hold).to_std().unwrap_or_default();
        self.barred_until = self.barred_until.max(Some(elapsed + wait));
        (now, Some(step))
    }

    /// Whether what waits for time still has to wait because the clock was put forward.
    pub fn is_barred(&self, clock: &dyn Clock) -> bool {
        self.barred_until.is_some_and(|until| clock.elapsed() < until)
    }
}

/// Runs on while the machine sleeps: who comes back to a laptop does not find their lease as they left it.
fn since_boot() -> time::Duration {
    let now = clock_gettime(ClockId::Boottime);
    time::Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}

/// To the microsecond: nobody can tell more, and what is kept of a moment takes less.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        now()
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
        now() + Duration::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    fn is_set_on_purpose(&self) -> bool {
        true
    }

    fn elapsed(&self) -> time::Duration {
        since_boot() + time::Duration::from_millis(self.passed.load(Ordering::Relaxed))
    }
}
