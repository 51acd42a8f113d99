//! What is visible while feeds are written: deliveries that meet, and deliveries that the channel does not take.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, Instant};

use anteroom::audit::Actor;
use anteroom::channel::{Channel, ChannelError, Delivery, Granularity, Portal, Released};
use anteroom::protocol::{Checked, Decided, PatientDone, Pulled, Reply, Request};
use anteroom::record::{EntryId, Flag, PatientAct};
use anteroom::review::{Policy, State};
use anteroom::service::Service;

use crate::follows::{HIDE, shown};
use crate::practice::flag;
use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Practice, person, start};
use crate::watched::{Served, serve_by};

/// A feed that is being written when the test says so, and is written on when it says so.
struct Gate {
    entered: Sender<()>,
    go: Receiver<()>,
}

/// The portal's feed, which can be slow and can be away.
struct Slow {
    portal: Portal,
    gates: Arc<Mutex<VecDeque<Gate>>>,
    away: Arc<AtomicBool>,
}

impl Channel for Slow {
    fn name(&self) -> &str {
        self.portal.name()
    }

    fn granularity(&self) -> Granularity {
        self.portal.granularity()
    }

    fn deliver(&self, practice: &str, visible: &[Released]) -> Result<Delivery, ChannelError> {
        let gate = self.gates.lock().unwrap().pop_front();
        if let Some(gate) = gate {
            let _nobody_listens = gate.entered.send(());
            gate.go.recv().unwrap();
            // Whoever comes first through the gate is not who finds the channel away.
            return self.portal.deliver(practice, visible);
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(ChannelError("the portal does not answer".to_owned()));
        }
        self.portal.deliver(practice, visible)
    }

    fn compare(&self, practice: &str, visible: &[Released]) -> Result<Vec<String>, ChannelError> {
        self.portal.compare(practice, visible)
    }
}

/// A practice with two visible entries, over such a channel.
struct Delivered {
    practice: Served,
    dir: tempfile::TempDir,
    ids: Vec<EntryId>,
    gates: Arc<Mutex<VecDeque<Gate>>>,
    away: Arc<AtomicBool>,
}

/// Longer than an act of this small practice takes, were it not waiting for another.
const A_MOMENT: Duration = Duration::from_millis(400);

fn delivered() -> Delivered {
    let (practice, ids) = shown();
    let dir = practice.close();
    delivered_in(dir, ids)
}

fn delivered_in(dir: tempfile::TempDir, ids: Vec<EntryId>) -> Delivered {
    let (gates, away) = (Arc::default(), Arc::default());
    let slow =
        Slow { portal: Portal::new(dir.path().join("feed")), gates: Arc::clone(&gates), away: Arc::clone(&away) };
    let practice = serve_by(dir.path(), start() + chrono::Duration::days(6), Box::new(slow));
    Delivered { practice, dir, ids, gates, away }
}

impl Delivered {
    /// The next delivery stops before it writes: what hears that it has come so far, and what lets it go on.
    fn gate(&self) -> (Receiver<()>, Sender<()>) {
        let ((entered, hears), (lets, go)) = (channel(), channel());
        self.gates.lock().unwrap().push_back(Gate { entered, go });
        (hears, lets)
    }

    fn hide(&self, entry: EntryId) -> Receiver<Decided> {
        self.meanwhile(move |service| person(&service, "ben").decide(entry, HIDE).unwrap())
    }

    fn publish(&self) {
        self.practice.service.publish(&Actor::system("publish")).unwrap();
    }

    fn meanwhile<T: Send + 'static>(&self, act: impl FnOnce(Arc<Service>) -> T + Send + 'static) -> Receiver<T> {
        let (done, hears) = channel();
        let service = Arc::clone(&self.practice.service);
        spawn(move || drop(done.send(act(service))));
        hears
    }

    fn state(&self, entry: EntryId) -> State {
        person(&self.practice.service, "lea").open(entry).row.state
    }

    /// Waits until the entry is no longer released, by what the store says.
    fn until_withdrawn(&self, entry: EntryId) {
        let patience = Instant::now() + Duration::from_secs(20);
        while self.state(entry) == State::Released {
            assert!(Instant::now() < patience, "nobody withdrew it");
        }
    }

    fn feed(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("feed/Composition.ndjson")).unwrap()
    }

    fn shows(&self, entry: EntryId) -> bool {
        self.feed().lines().any(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["id"].as_str() == Some(&entry.to_string())
        })
    }

    fn check(&self) -> Checked {
        check(&self.practice.service)
    }

    fn alarms(&self) -> Vec<String> {
        person(&self.practice.service, "lea").queue().alarms
    }
}

fn check(service: &Arc<Service>) -> Checked {
    match person(service, "aud").ask(Request::Check) {
        Reply::Checked(checked) => checked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_feed_that_was_listed_before_a_hide_is_not_written_after_it() {
    let delivered = delivered();
    let (first, second) = (delivered.ids[0], delivered.ids[1]);
    // Another hide lists what is visible, this entry among it, and is slow to write.
    let (listed, go) = delivered.gate();
    let others = delivered.hide(second);
    listed.recv().unwrap();
    let hidden = delivered.hide(first);
    delivered.until_withdrawn(first);
    let early = hidden.recv_timeout(A_MOMENT);
    go.send(()).unwrap();
    others.recv().unwrap();
    let decided = early.or_else(|_| hidden.recv()).unwrap();
    assert_eq!((decided.state, decided.unfinished), (State::Retracted, None));
    assert!(!delivered.shows(first), "a hidden entry came back: {}", delivered.feed());
    assert_eq!(delivered.check().wrong, Vec::<String>::new());
}

#[test]
fn what_was_withdrawn_after_the_list_was_made_is_not_called_gone_by_that_delivery() {
    let delivered = delivered();
    let (first, second) = (delivered.ids[0], delivered.ids[1]);
    let (listed, go) = delivered.gate();
    let others = delivered.hide(second);
    listed.recv().unwrap();
    delivered.away.store(true, Ordering::SeqCst);
    let hidden = delivered.hide(first);
    delivered.until_withdrawn(first);
    let early = hidden.recv_timeout(A_MOMENT);
    go.send(()).unwrap();
    assert_eq!(others.recv().unwrap().state, State::Retracted);
    let decided = early.or_else(|_| hidden.recv()).unwrap();
    assert!(decided.unfinished.is_some() && delivered.shows(first));
    assert_eq!((decided.state, delivered.state(first)), (State::Retracting, State::Retracting));
    assert!(delivered.alarms()[0].contains("still in the feed"), "{:?}", delivered.alarms());

    delivered.away.store(false, Ordering::SeqCst);
    delivered.publish();
    assert!(!delivered.shows(first));
    assert_eq!(delivered.state(first), State::Retracted);
}

#[test]
fn a_check_beside_a_hide_says_nothing_wrong() {
    let delivered = delivered();
    let (first, second) = (delivered.ids[0], delivered.ids[1]);
    // One is withdrawn and slow to be delivered, the other waits its turn.
    let ((listed, go), (_, other_go)) = (delivered.gate(), delivered.gate());
    let one = delivered.hide(second);
    listed.recv().unwrap();
    let other = delivered.hide(first);
    delivered.until_withdrawn(first);
    let checked = delivered.meanwhile(|service| check(&service));
    let early = checked.recv_timeout(A_MOMENT);
    go.send(()).unwrap();
    one.recv().unwrap();
    other_go.send(()).unwrap();
    other.recv().unwrap();
    let checked = early.or_else(|_| checked.recv()).unwrap();
    assert_eq!(checked.wrong, Vec::<String>::new());
    // And what stays wrong is said.
    delivered.away.store(true, Ordering::SeqCst);
    std::fs::write(delivered.dir.path().join("feed/Composition.ndjson"), "{\"id\":\"1\"}\n").unwrap();
    assert_eq!(delivered.check().wrong.len(), 1);
}

#[test]
fn a_flag_that_withdraws_stands_when_the_channel_is_away_and_is_delivered_later() {
    let delivered = delivered();
    let entry = delivered.ids[0];
    let mut lea = person(&delivered.practice.service, "lea");
    let patient = lea.open(entry).row.patient;
    delivered.away.store(true, Ordering::SeqCst);
    let done = match lea.ask(Request::Patient { patient, act: flag(Flag::HoldAll, true) }) {
        Reply::PatientDone(done) => done,
        other => panic!("{other:?}"),
    };
    let PatientDone { moved, unfinished, .. } = done;
    assert_eq!(moved, 2);
    assert!(unfinished.as_ref().is_some_and(|why| why.contains("may still show")), "{unfinished:?}");
    still_shown_then_not(&delivered, entry);
}

#[test]
fn a_deletion_at_source_while_the_channel_is_away_is_delivered_later() {
    let (practice, ids) = shown();
    let entry = ids[0];
    let gone: Vec<Row> = [1, 2].map(|n| Row { deleted: true, ..row(n, n, 0, "") }).into();
    let feed = extract::write(&practice.path().join("gone"), &gone);
    let delivered = delivered_in(practice.close(), ids);
    delivered.away.store(true, Ordering::SeqCst);
    let Pulled { notices, .. } =
        match person(&delivered.practice.service, "lea").ask(Request::Pull { from: Some(feed.clone()) }) {
            Reply::Pulled(pulled) => pulled,
            Reply::Failed { why } => panic!("a pull that is done is said to have failed: {why}"),
            other => panic!("{other:?}"),
        };
    assert!(notices.iter().any(|notice| notice.contains("may still show")), "{notices:?}");
    still_shown_then_not(&delivered, entry);
}

#[test]
fn a_stricter_policy_while_the_channel_is_away_is_delivered_later() {
    let delivered = delivered();
    let stricter = Policy { hold: chrono::Duration::days(20), ..Practice::policy() };
    put(delivered.dir.path(), &stricter);
    delivered.away.store(true, Ordering::SeqCst);
    let reply = person(&delivered.practice.service, "lea").ask(Request::TakePolicy);
    let Reply::Policy(file) = reply else { panic!("{reply:?}") };
    assert!(file.unfinished.as_ref().is_some_and(|why| why.contains("may still show")), "{:?}", file.unfinished);
    still_shown_then_not(&delivered, delivered.ids[0]);
}

fn put(dir: &Path, policy: &Policy) {
    std::fs::write(dir.join("policy.toml"), anteroom::review::policy_file::print(policy)).unwrap();
}

/// The entry is withdrawn and the channel has not taken that: it says so, and takes it as soon as it can.
fn still_shown_then_not(delivered: &Delivered, entry: EntryId) {
    assert_ne!(delivered.state(entry), State::Released);
    assert!(delivered.shows(entry), "the test takes the channel away");
    assert!(delivered.practice.service.is_due(), "nobody tries it again");
    let alarms = delivered.alarms();
    assert!(alarms.iter().any(|alarm| alarm.contains("may still show")), "{alarms:?}");
    assert!(delivered.practice.service.publish(&Actor::system("publish")).is_err());
    assert!(delivered.practice.service.is_due(), "a publication that failed forgot it");
    delivered.away.store(false, Ordering::SeqCst);
    delivered.publish();
    assert!(!delivered.shows(entry) && !delivered.practice.service.is_due());
    let alarms = delivered.alarms();
    assert!(!alarms.iter().any(|alarm| alarm.contains("may still show")), "{alarms:?}");
    assert_eq!(delivered.check().wrong, Vec::<String>::new());
}

#[test]
fn a_service_starts_while_the_channel_is_away_and_delivers_later() {
    let (practice, ids) = shown();
    let dir = practice.close();
    let away = Arc::new(AtomicBool::new(true));
    let slow = Slow { portal: Portal::new(dir.path().join("feed")), gates: Arc::default(), away: Arc::clone(&away) };
    let served = serve_by(dir.path(), start() + chrono::Duration::days(6), Box::new(slow));
    assert!(served.service.is_due());
    let mut ben = person(&served.service, "ben");
    assert!(ben.decide(ids[0], HIDE).unwrap().unfinished.is_some(), "people can go on hiding");
    away.store(false, Ordering::SeqCst);
    served.service.publish(&Actor::system("publish")).unwrap();
    assert_eq!(ben.open(ids[0]).row.state, State::Retracted);
}

#[test]
fn the_feed_of_a_patient_who_opted_out_is_right_without_their_entries() {
    let (practice, ids) = shown();
    let path = practice.path().join("opted-out");
    let feed = extract::write(&path, &[row(9, 9, 1, "Cough again.")]);
    let online = "NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation\r\n9990000018,none,,,\r\n";
    std::fs::write(path.join("online-access.csv"), online).unwrap();
    practice.user("lea").pull(&feed);
    assert_eq!(practice.composition_lines(), Vec::<serde_json::Value>::new());
    let checked = check(&practice.service);
    assert_eq!((checked.visible, checked.wrong), (0, Vec::new()));
    // Nor is it right with them.
    std::fs::write(practice.feed(), format!("{{\"id\":\"{}\"}}\n", ids[0])).unwrap();
    let wrong = check(&practice.service).wrong;
    assert!(wrong.len() == 1 && wrong[0].contains("must not be visible"), "{wrong:?}");
}

#[test]
fn a_flag_is_no_withdrawal_where_nothing_was_visible() {
    let delivered = delivered();
    let mut lea = person(&delivered.practice.service, "lea");
    let patient = lea.open(delivered.ids[0]).row.patient;
    delivered.away.store(true, Ordering::SeqCst);
    let act = PatientAct::SetFlag { flag: Flag::HoldAll, why: "her sister rang".into(), withdraw: false };
    let reply = lea.ask(Request::Patient { patient, act });
    let Reply::PatientDone(done) = reply else { panic!("{reply:?}") };
    assert_eq!((done.unfinished, delivered.state(delivered.ids[0])), (None, State::Released));
}
