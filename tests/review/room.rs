//! A disk that fills up: a pull stops while there is room for decisions, and loses nothing.

use std::sync::atomic::Ordering;

use anteroom::protocol::{Pulled, Reply, Request};
use anteroom::review::State;

use crate::service_kit::extract::{self, row};
use crate::service_kit::{Person, Practice, person, start};
use crate::watched::serve;

const LEAVES: u64 = 100;
const ENTRIES: usize = 40;

fn pull(person: &mut Person, from: &str) -> Result<Pulled, String> {
    match person.ask(Request::Pull { from: Some(from.to_owned()) }) {
        Reply::Pulled(pulled) => Ok(pulled),
        Reply::Failed { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pull_stops_before_the_room_for_decisions_is_gone_and_goes_on_when_there_is_more() {
    let practice = Practice::new();
    let before = extract::write(&practice.path().join("before"), &[row(900, 900, 1, "Partner hits her.")]);
    practice.user("lea").pull(&before);
    let settings = practice.path().join("practice.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\n[daemon]\npull_leaves_mib = {LEAVES}\n")).unwrap();
    // Of many patients, so that they come in several units.
    let rows: Vec<_> = (1..=ENTRIES).map(|n| row(n, n, n + 1, "Domestic abuse disclosed, partner hits her.")).collect();
    let feed = extract::write(&practice.path().join("extract"), &rows);
    let dir = practice.close();
    let served = serve(dir.path(), start());
    let (mut lea, mut ben) = (person(&served.service, "lea"), person(&served.service, "ben"));
    let waiting = ben.queue().rows;
    assert_eq!(waiting.len(), 1);

    let (mut stopped_midway, mut pulled) = (false, None);
    for mib in LEAVES - 1..LEAVES + 6 {
        let head = served.service.status().unwrap().seq;
        served.free.store(mib << 20, Ordering::Relaxed);
        let why = match pull(&mut lea, &feed) {
            Err(why) => why,
            Ok(whole) => {
                pulled = Some(whole);
                break;
            }
        };
        assert!(why.contains("a pull leaves 100") && why.contains("nothing is lost"), "{why}");
        let free = served.free.load(Ordering::Relaxed) >> 20;
        assert!(free >= LEAVES - 1, "it went on with {free} MiB left");
        let wrote = served.service.status().unwrap().seq > head;
        assert_eq!(wrote, mib > LEAVES - 1, "with {mib} MiB");
        stopped_midway |= wrote;
        let alarms = lea.queue().alarms;
        assert!(alarms.iter().any(|alarm| alarm.contains("a pull leaves")), "{alarms:?}");
    }
    assert!(stopped_midway, "the test never stops a pull midway");
    served.free.store((LEAVES - 20) << 20, Ordering::Relaxed);
    assert_eq!(ben.hide(waiting[0].entry).unwrap().state, State::Hidden, "people go on deciding");

    served.free.store(u64::MAX, Ordering::Relaxed);
    let pulled = pulled.unwrap_or_else(|| pull(&mut lea, &feed).unwrap());
    assert_eq!(pulled.new, ENTRIES as u64, "{pulled:?}");
    assert_eq!(lea.queue().rows.len(), ENTRIES);
    assert!(!lea.queue().alarms.iter().any(|alarm| alarm.contains("a pull leaves")));
    assert_eq!(pull(&mut lea, &feed).unwrap().new, 0);
}
