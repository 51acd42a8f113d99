//! The rules of review through the real service while the machine's clock is wrong.

use std::sync::Arc;

use anteroom::audit::Event;
use anteroom::channel::Portal;
use anteroom::protocol::{Reply, Request};
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, Settings};
use anteroom::store::EmbeddedStore;
use chrono::Duration;

use super::practice::{HARMLESS, log};
use crate::service_kit::extract::{self, row};
use crate::service_kit::{Person, Practice, master, options, person, start};

/// A clock that somebody can put forward, and that runs on by itself only when it is told to.
struct Wound(std::sync::Mutex<Hands>);

struct Hands {
    now: chrono::DateTime<chrono::Utc>,
    elapsed: std::time::Duration,
    /// After so many readings one is a month ahead.
    ahead_after: Option<usize>,
}

impl Wound {
    fn run(&self, time: Duration) {
        let mut hands = self.0.lock().unwrap();
        hands.now += time;
        hands.elapsed += time.to_std().unwrap();
    }

    fn put_forward(&self, time: Duration) {
        self.0.lock().unwrap().now += time;
    }

    fn jump_after(&self, readings: usize) {
        self.0.lock().unwrap().ahead_after = Some(readings);
    }
}

impl anteroom::service::Clock for Wound {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        let mut hands = self.0.lock().unwrap();
        let jumps = hands.ahead_after == Some(0);
        hands.ahead_after = hands.ahead_after.and_then(|left| left.checked_sub(1));
        if jumps { hands.now + Duration::days(30) } else { hands.now }
    }

    fn elapsed(&self) -> std::time::Duration {
        self.0.lock().unwrap().elapsed
    }
}

/// A practice under a clock that somebody can set.
fn wound() -> (tempfile::TempDir, Arc<Wound>, Arc<Service>) {
    let dir = Practice::new().dir;
    let hands = Hands { now: start(), elapsed: std::time::Duration::from_secs(1_000), ahead_after: None };
    let clock = Arc::new(Wound(std::sync::Mutex::new(hands)));
    let (store, _) = EmbeddedStore::open(&dir.path().join("store"), &options(), &master()).unwrap();
    let keys = Keys::from_secret(store.secret());
    let service = Service::start(Parts {
        store: Box::new(store),
        clock: Arc::<Wound>::clone(&clock),
        rules: Rules::built_in(),
        keys,
        settings: Settings::read(dir.path()).unwrap(),
        channel: Box::new(Portal::new(dir.path().join("feed"))),
        feed: Box::new(|| None),
        demo: false,
    });
    (dir, clock, Arc::new(service.unwrap()))
}

fn shown(adm: &mut Person) -> u64 {
    match adm.ask(Request::Publish) {
        Reply::Published(published) => published.in_feed,
        other => panic!("{other:?}"),
    }
}

/// P16: a hold that began while the clock was back runs whole, and one reading that is wrong ends none.
#[test]
pub fn p16_a_clock_that_comes_right_unseen_shows_nothing_early() {
    let (dir, clock, service) = wound();
    let mut adm = person(&service, "adm");
    clock.run(Duration::hours(1));
    clock.put_forward(Duration::days(-30));
    adm.pull(&extract::write(&dir.path().join("first"), &[row(1, 1, 0, HARMLESS)]));
    clock.put_forward(Duration::days(30));
    assert_eq!(shown(&mut adm), 0, "nothing of its hold has run");
    for reading in 0..12 {
        clock.jump_after(reading);
        assert_eq!(shown(&mut adm), 0, "reading {reading} was wrong");
        clock.run(Duration::minutes(1));
    }
    clock.run(Duration::days(31));
    assert_eq!(shown(&mut adm), 1, "its hold has run by every clock");
}

/// P16: a clock that is put forward shortens no hold.
#[test]
pub fn p16_a_clock_put_forward_shows_nothing_early() {
    let (dir, clock, service) = wound();
    let mut adm = person(&service, "adm");
    adm.pull(&extract::write(&dir.path().join("first"), &[row(1, 1, 0, HARMLESS)]));
    clock.run(Duration::hours(1));
    assert_eq!(shown(&mut adm), 0);
    clock.put_forward(Duration::days(30));
    assert_eq!((shown(&mut adm), shown(&mut adm)), (0, 0), "only an hour has really passed");
    let mut lea = person(&service, "lea");
    assert!(lea.queue().alarms[0].contains("clock was put forward"));
    assert!(log(&mut lea).iter().any(|line| line.record.event == Event::ClockStepped { seconds: 30 * 86_400 }));
    clock.run(Duration::hours(70));
    assert_eq!(shown(&mut adm), 0);
    clock.run(Duration::hours(3));
    assert_eq!(shown(&mut adm), 1, "its hold has run by every clock");
}
