//! A start from the board that the last run kept shows what a start from every entry's row shows.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use anteroom::audit::{Actor, Event, Outcome, Record};
use anteroom::channel::Portal;
use anteroom::protocol::{Only, Request, Wanted};
use anteroom::record::{Act, EntryId, HideReason};
use anteroom::store::{EmbeddedStore, Options, Store, Table, Unit, UnitId};
use chrono::{DateTime, Duration, Utc};

use crate::follows::{HIDE, shown as visible};
use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Practice, master, options, person, start};
use crate::watched::{Served, serve, serve_compared, serve_stale, serve_with};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Everything that people are shown of where entries stand, and whether the entries were read through for it.
fn shown(dir: &Path, at: DateTime<Utc>) -> (String, bool) {
    let served = serve(dir, at);
    let read_through = served.scans.load(Ordering::Relaxed) > 0;
    let mut lea = person(&served.service, "lea");
    let words = Only { words: "nash".to_owned(), ..Only::default() };
    let replies = [
        lea.ask(Request::Queue { limit: 100 }),
        lea.ask(Request::Rows(Wanted { only: words, from: 0, limit: 100 })),
        lea.ask(Request::Worklist),
        lea.ask(Request::Skim { limit: 100 }),
        lea.ask(Request::Clearing),
        lea.ask(Request::MyActs { limit: 100 }),
    ];
    let text = format!("{replies:#?}");
    // The time goes on.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("now: ")).collect();
    (lines.join("\n"), read_through)
}

fn copy_of(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match file.file_type().unwrap().is_dir() {
            true => copy_of(&file.path(), &to.join(file.file_name())),
            false => drop(fs::copy(file.path(), to.join(file.file_name())).unwrap()),
        }
    }
}

#[test]
fn a_kept_board_with_what_came_after_it_is_the_board_of_the_rows() {
    let practice = Practice::measured();
    let texts = [
        "Domestic abuse disclosed, partner hits her.",
        "Sore throat, partner threatens to kill her.",
        "Flu jab given.",
        "Her husband speaks for her. Bruise.",
        "Cough for a week.",
        "Says her partner strangled her on Sunday.",
    ];
    let rows: Vec<Row> = (1..).zip(texts).map(|(number, text)| row(number, number.min(4), 0, text)).collect();
    practice.user("lea").pull(&extract::write(&practice.path().join("extract"), &rows));
    let waiting = practice.user("ben").queue().rows;
    practice.user("ben").decide(waiting[0].entry, Act::Hide { reason: HideReason::Coercion }).unwrap();
    // Nothing is kept yet, so it is kept as soon as somebody looks; and then not for every little thing.
    let file = practice.path().join("store/derived");
    practice.service.keep_board_if_stale(20_000, HOUR);
    let first = fs::read(&file).unwrap();
    // What comes after it is in the log.
    let mut lea = practice.user("lea");
    lea.decide(waiting[1].entry, Act::Hide { reason: HideReason::HarmToPatient }).unwrap();
    let _ = lea.decide(waiting[2].entry, Act::Approve);
    // One entry changes, and the source finds that it is another patient's.
    lea.pull(&extract::write(&practice.path().join("later"), &[row(9, 2, 1, "He controls her money. MARAC.")]));
    drop(lea);
    practice.service.keep_board_if_stale(20_000, HOUR);
    assert_eq!(fs::read(&file).unwrap(), first);

    let dir = practice.close();
    let at = start() + Duration::days(1);
    let (from_kept, read_through) = shown(dir.path(), at);
    assert!(!read_through, "the kept board was not used");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let (from_rows, read_through) = shown(dir.path(), at);
    assert!(read_through);
    assert_eq!(from_kept, from_rows);
    for damaged in [&kept[..kept.len() / 2], &[0; 100], b""] {
        fs::write(&file, damaged).unwrap();
        assert_eq!(shown(dir.path(), at), (from_rows.clone(), true));
    }
}

/// What another build keeps may be wrong in any way; here it knows nothing of a hide.
#[test]
fn a_board_that_another_program_kept_serves_at_once_and_nothing_rests_on_it_before_all_was_read_again() {
    let practice = Practice::new();
    let told = || row(1, 1, 0, "Domestic abuse disclosed, partner hits her.");
    let cue = |number, patient| row(number, number, patient, "Cries evenings, eating at daughters.");
    let mut lea = practice.user("lea");
    lea.pull(&extract::write(&practice.path().join("first"), &[told()]));
    practice.service.keep_board_if_stale(20_000, HOUR);
    let entry = lea.queue().rows[0].entry;
    lea.decide(entry, HIDE).unwrap();
    drop(lea);
    let dir = practice.close();
    for stale in [false, true] {
        let copy = tempfile::tempdir().unwrap();
        copy_of(dir.path(), copy.path());
        let at = start() + Duration::days(1);
        let served = if stale { serve_stale(copy.path(), at) } else { serve(copy.path(), at) };
        let (service, scans) = (&served.service, || served.scans.load(Ordering::Relaxed));
        let mut lea = person(service, "lea");
        assert_eq!(scans(), 0, "the start read all entries");
        assert_eq!(service.is_compared(), !stale);
        let alarm = service.status().unwrap().alarms.iter().any(|alarm| alarm.contains("nothing leaves"));
        assert_eq!(alarm, stale);
        // It is no board for the next start.
        let kept = fs::read(copy.path().join("store/derived")).unwrap();
        service.keep_board();
        assert_eq!(fs::read(copy.path().join("store/derived")).unwrap() == kept, stale);
        // A weak cue weighs more where somebody hid a disclosure of late.
        let all = [told(), cue(2, 0), cue(3, 2)];
        let pulled = lea.pull(&extract::write(&copy.path().join("second"), &all));
        assert_eq!((pulled.queued, pulled.to_skim), (1, 1), "stale: {stale}");
        assert!(service.is_compared() && (scans() > 0) == stale);
        let waiting: Vec<_> = lea.queue().rows.iter().map(|row| row.entry).collect();
        assert!(waiting.len() == 1 && waiting[0] != entry, "what is hidden waits for nobody");
        service.keep_board();
        drop((lea, served));
        assert!(!shown(copy.path(), at).1, "the board of this program is kept");
    }
}

#[test]
fn while_much_comes_the_board_is_kept_each_time_it_has_doubled() {
    let practice = Practice::new();
    let file = practice.path().join("store/derived");
    let mut lea = practice.user("lea");
    let mut pulled = 0;
    let mut pull = |count: usize| {
        let rows: Vec<Row> =
            (pulled + 1..=pulled + count).map(|number| row(number, number, 0, "Flu jab given.")).collect();
        pulled += count;
        lea.pull(&extract::write(&practice.path().join(pulled.to_string()), &rows));
    };
    let kept = |least: u64, rest: std::time::Duration| {
        let before = fs::read(&file).ok();
        practice.service.keep_board_if_stale(least, rest);
        fs::read(&file).ok() != before
    };
    assert!(kept(1_000, HOUR), "at once where nothing is kept");
    pull(40);
    assert!(!kept(41, HOUR) && !kept(41, std::time::Duration::ZERO), "fewer came than are worth it");
    assert!(kept(40, HOUR));
    pull(30);
    assert!(!kept(30, HOUR), "fewer came than are on it");
    pull(10);
    assert!(kept(30, HOUR) && !kept(30, HOUR));
    pull(30);
    // After a rest the few are enough.
    assert!(!kept(30, HOUR) && kept(30, std::time::Duration::ZERO));
}

/// A pull that was killed leaves more behind the board that was kept than a start reads from the log.
#[test]
fn a_board_that_was_kept_long_ago_serves_at_once_and_nothing_rests_on_it_before_the_rest_was_read() {
    const LAID: u64 = 23_000;
    // In units of so many, as a pull brings them.
    const TOGETHER: u64 = 250;
    let practice = Practice::new();
    let rows = [row(1, 1, 0, "Domestic abuse disclosed, partner hits her."), row(2, 2, 4, "Flu jab given.")];
    practice.user("lea").pull(&extract::write(&practice.path().join("first"), &rows));
    practice.service.keep_board();
    let entry = practice.user("lea").queue().rows[0].entry;
    let dir = practice.close();
    let (store, _) = EmbeddedStore::open(&dir.path().join("store"), &options(), &master()).unwrap();
    let all = store.scan(Table::Entry, &[], None, 2).unwrap();
    let (key, on_hold) = all.into_iter().find(|(key, _)| key[..] != entry.0).unwrap();
    let (template, like) = (EntryId(key.try_into().unwrap()), String::from_utf8(on_hold.value).unwrap());
    for unit in 0..LAID / TOGETHER {
        let copy = |number: u64| {
            // Identifiers are digests: they are spread over all there are.
            let id = EntryId((u128::from(number) * (u128::MAX / u128::from(LAID))).to_be_bytes());
            (Table::Entry, id.0.to_vec(), Some(like.replace(&template.to_string(), &id.to_string()).into_bytes()))
        };
        let writes = (unit * TOGETHER + 1..=(unit + 1) * TOGETHER).map(copy).collect();
        store
            .commit(Unit { id: UnitId(u128::from(unit).to_be_bytes()), pre: Vec::new(), writes, audit: note() })
            .unwrap();
    }
    drop(store);

    let at = start() + Duration::hours(1);
    let served = serve(dir.path(), at);
    let (service, scans) = (&served.service, || served.scans.load(Ordering::Relaxed));
    let on_hold = || service.status().unwrap().totals.on_hold;
    assert_eq!(scans(), 0, "the start read all entries");
    assert!(on_hold() < LAID && !service.is_compared(), "{} are on hold", on_hold());
    assert!(service.status().unwrap().alarms.iter().any(|alarm| alarm.contains("nothing leaves")));
    // It is no board for the next start.
    let kept = fs::read(dir.path().join("store/derived")).unwrap();
    service.keep_board();
    assert_eq!(fs::read(dir.path().join("store/derived")).unwrap(), kept);
    // What is decided meanwhile stays.
    let decided = person(service, "ben").decide(entry, HIDE);
    assert!(decided.is_ok(), "{decided:?}");
    let pulled = person(service, "lea").pull(&extract::write(&dir.path().join("second"), &[row(3, 3, 2, "Flu jab.")]));
    assert_eq!(pulled.new, 1);
    assert!(service.is_compared() && scans() > 0, "a pull waits for the rest");
    assert_eq!((on_hold(), service.status().unwrap().totals.hidden), (LAID + 2, 1));
    service.keep_board();
    let totals = service.status().unwrap().totals;
    drop(served);
    let served = serve(dir.path(), at);
    assert!(served.service.is_compared() && served.scans.load(Ordering::Relaxed) == 0);
    assert_eq!(served.service.status().unwrap().totals, totals);
}

fn note() -> Vec<Record> {
    vec![Record {
        at: start(),
        actor: Actor::system("test"),
        event: Event::EntryOpened,
        outcome: Outcome::Done,
        patient: None,
        entry: None,
        version: None,
        states: None,
    }]
}

#[test]
fn damage_to_the_view_of_a_running_service_is_found_by_the_daily_look_and_is_in_its_status() {
    let practice = Practice::new();
    let told = row(1, 1, 0, "Domestic abuse disclosed, partner hits her.");
    practice.user("lea").pull(&extract::write(&practice.path().join("extract"), &[told]));
    let dir = practice.close();
    let daily = Options { check_every: std::time::Duration::from_millis(300), cache_bytes: 1 << 10, ..options() };
    // More than sled keeps in memory: it would not look at the disk for the rest.
    let (store, _) = EmbeddedStore::open(&dir.path().join("store"), &daily, &master()).unwrap();
    for number in 0..30u16 {
        let row = |row: u16| (Table::Draft, (number * 100 + row).to_be_bytes().to_vec(), Some(vec![1; 2_000]));
        let id = UnitId(u128::from(number).to_be_bytes());
        store.commit(Unit { id, pre: Vec::new(), writes: (0..100).map(row).collect(), audit: note() }).unwrap();
    }
    drop(store);
    let served = serve_with(dir.path(), start() + Duration::hours(1), &daily);
    let sound = served.service.status().unwrap();
    assert_eq!((served.service.stopped(), sound.health.stopped), (None, None));

    let file = fs::OpenOptions::new().read(true).write(true).open(dir.path().join("store/view/db")).unwrap();
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.iter_mut().step_by(1021).for_each(|byte| *byte ^= 1);
    file.write_all_at(&bytes, 0).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while served.service.stopped().is_none() {
        assert!(std::time::Instant::now() < deadline, "nobody looks");
        thread::sleep(std::time::Duration::from_millis(20));
    }
    let status = served.service.status().unwrap();
    let named = |why: &str| why.contains("the view is damaged") && why.contains("start the program again");
    assert!(named(&status.alarms[0]) && status.health.stopped.as_deref().is_some_and(named), "{:?}", status.alarms);
    assert_eq!((status.totals.to_review, status.seq), (sound.totals.to_review, sound.seq));
    assert!(served.service.figures().is_ok() && !served.service.is_compared());
    drop(served);

    // And the next start makes it anew.
    let served = serve_with(dir.path(), start() + Duration::hours(1), &daily);
    assert_eq!(served.service.status().unwrap().totals, sound.totals);
}

#[test]
fn nothing_leaves_before_the_store_was_compared_with_its_log() {
    let (practice, ids) = visible();
    let dir = practice.close();
    let file = dir.path().join("feed/Composition.ndjson");
    let before = fs::read(&file).unwrap();
    fs::write(&file, "").unwrap();
    let portal = Box::new(Portal::new(dir.path().join("feed")));
    let Served { service, compared, .. } = serve_compared(dir.path(), start() + Duration::days(6), portal, false);
    assert_eq!(fs::read(&file).unwrap(), b"", "the start delivered");
    assert!(service.is_due() && !service.is_compared());
    assert!(service.status().unwrap().alarms.iter().any(|alarm| alarm.contains("being compared")));
    // A hide stands; what follows it waits, and says so.
    let decided = person(&service, "ben").decide(ids[0], HIDE).unwrap();
    assert!(decided.unfinished.unwrap().contains("compared with its log first"));
    assert_eq!(fs::read(&file).unwrap(), b"");
    let publishing = thread::spawn({
        let service = Arc::clone(&service);
        move || service.publish(&Actor::system("publish"))
    });
    thread::sleep(std::time::Duration::from_millis(300));
    assert!(!publishing.is_finished() && fs::read(&file).unwrap().is_empty());
    compared.store(true, Ordering::Relaxed);
    assert_eq!(publishing.join().unwrap().unwrap().in_feed, 1);
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.lines().count() == 1 && !after.contains(&ids[0].to_string()), "{after}");
    assert!(String::from_utf8(before).unwrap().contains(&ids[0].to_string()));
    assert!(!service.is_due());
}
