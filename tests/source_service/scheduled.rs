//! Feeds of the settings: pulled when they are due, caught up with after days off, not read while they are written.

use std::path::Path;
use std::sync::Arc;

use anteroom::audit::Actor;
use anteroom::daemon::Scheduler;
use anteroom::protocol::{Pulled, Reply, Request, Status};
use anteroom::source::{Change, Manifest, Source, SourceError};
use anteroom::synth::{self, Answer, Format, Plan};
use chrono::{DateTime, Days, Duration, NaiveDate, TimeZone, Utc};
use tempfile::TempDir;

use crate::kit::{self, Practice};
use crate::tpp;

/// A Monday.
fn first() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 16).unwrap()
}

fn plan(days: u32) -> Plan {
    Plan { practices: 1, patients: 40, history: 3, days, seed: 7, first: first() }
}

fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 16, hour, minute, 0).unwrap() + Duration::days(i64::from(day))
}

/// A practice whose EMIS feed falls due at 07:15 from Monday to Friday.
fn practice(feeds: &Path, stable_for: u32) -> Practice {
    let dir = TempDir::new().unwrap();
    let settings = format!(
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\n\n[[source]]\nname = \"emis\"\nwhat = \
         \"emis:{}/%Y-%m-%d\"\nat = \"07:15\"\ndays = [\"Mon\", \"Tue\", \"Wed\", \"Thu\", \"Fri\"]\nstable_for = {stable_for}\n",
        feeds.display()
    );
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    std::fs::write(dir.path().join("users.toml"), kit::USERS).unwrap();
    Practice::open_at(dir, at(0, 7, 0))
}

/// Writes the feed, and takes the days that have not come yet out of the way.
fn feed(folder: &Path, days: u32) -> Vec<Answer> {
    let answers = synth::write(&plan(days), Format::Emis, &folder.join("all")).unwrap();
    std::fs::create_dir_all(folder.join("feeds")).unwrap();
    answers
}

fn comes(folder: &Path, day: u32) {
    let name = (first() + Days::new(u64::from(day))).to_string();
    std::fs::rename(folder.join("all").join(&name), folder.join("feeds").join(&name)).unwrap();
}

fn look(scheduler: &mut Scheduler) -> Vec<Pulled> {
    scheduler.look().into_iter().collect::<Result<_, _>>().unwrap()
}

fn status(practice: &Practice) -> Status {
    match practice.user("lea").ask(Request::Status) {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_day_is_pulled_once_when_it_is_due_and_days_off_are_caught_up_with_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let answers = feed(folder.path(), 4);
    let practice = practice(&folder.path().join("feeds"), 0);
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    comes(folder.path(), 0);
    assert_eq!(look(&mut scheduler).len(), 0, "it is not due before 07:15");
    practice.clock.set(at(0, 7, 16));
    let pulled = look(&mut scheduler);
    assert_eq!(pulled.iter().map(|pulled| pulled.new).collect::<Vec<_>>(), [answers[0].new]);
    assert_eq!(look(&mut scheduler).len(), 0, "once");

    // The machine is off until Friday; Wednesday's extract has not come.
    for day in [1, 3, 4] {
        comes(folder.path(), day);
    }
    practice.clock.set(at(4, 9, 30));
    drop(scheduler);
    let practice = practice.restart();
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    let pulled = look(&mut scheduler);
    let counts: Vec<u64> = pulled.iter().map(|pulled| pulled.new).collect();
    // Of a consultation of Wednesday's Thursday sent a line anew: it is an entry by itself until Wednesday's comes.
    assert_eq!(counts, [answers[1].new, answers[3].new + 1, answers[4].new]);
    let alarms = status(&practice).alarms;
    assert!(alarms.iter().any(|alarm| alarm.contains("no extract of Wed 18 Nov 2026 came")), "{alarms:?}");
    assert!(alarms.iter().any(|alarm| alarm.contains("the feed of Wed 18 Nov was due and has not come")), "{alarms:?}");
    assert_eq!(status(&practice).feeds[0].open_days, [first() + Days::new(2)]);

    // It comes late. What Thursday's extract changed or deleted stays as that one made it.
    comes(folder.path(), 2);
    let late = look(&mut scheduler);
    assert_eq!(late.len(), 1);
    // Of Wednesday's four one is there already in part, and one Thursday's extract has deleted.
    assert_eq!((late[0].new, late[0].changed - answers[2].changed), (answers[2].new - 2, 1), "{:?}", late[0]);
    assert!(late[0].notices.iter().any(|notice| notice.contains("came after one made on")), "{:?}", late[0].notices);
    let alarms = status(&practice).alarms;
    assert!(
        !alarms.iter().any(|alarm| alarm.contains("has not come") || alarm.contains("no extract of")),
        "{alarms:?}"
    );
    assert_eq!(look(&mut scheduler).len(), 0);
}

/// A file of a day that is done.
fn table_of(folder: &Path, day: u32, table: &str) -> std::path::PathBuf {
    let name = (first() + Days::new(u64::from(day))).to_string();
    let mut files = std::fs::read_dir(folder.join("feeds").join(name)).unwrap().map(|file| file.unwrap().path());
    files.find(|path| path.to_str().unwrap().contains(table)).unwrap()
}

#[test]
fn a_file_that_comes_after_its_day_was_pulled_is_pulled_and_one_that_was_only_touched_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let answers = feed(folder.path(), 2);
    let practice = practice(&folder.path().join("feeds"), 0);
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    comes(folder.path(), 0);
    practice.clock.set(at(0, 7, 16));
    assert_eq!(look(&mut scheduler).len(), 1);
    comes(folder.path(), 1);
    let (late, elsewhere) = (table_of(folder.path(), 1, "_CareRecord_Observation_"), folder.path().join("late.csv"));
    std::fs::rename(&late, &elsewhere).unwrap();
    practice.clock.set(at(1, 7, 16));
    let without = look(&mut scheduler).remove(0);
    let says = |practice: &Practice| {
        status(practice).alarms.iter().any(|alarm| alarm.contains("There is no CareRecord_Observation file"))
    };
    assert!(says(&practice));
    assert_eq!(look(&mut scheduler).len(), 0);
    // It comes two days later.
    std::fs::rename(&elsewhere, &late).unwrap();
    practice.clock.set(at(1, 18, 0));
    let pulled = look(&mut scheduler);
    assert_eq!(pulled.len(), 1);
    assert!(without.new + pulled[0].new + pulled[0].changed >= answers[1].new, "{without:?} {pulled:?}");
    assert!(pulled[0].parts > without.parts, "{pulled:?}");
    assert!(!says(&practice), "{:?}", status(&practice).alarms);

    let again = std::fs::read(&late).unwrap();
    std::fs::remove_file(&late).unwrap();
    std::fs::write(&late, again).unwrap();
    assert!(look(&mut scheduler).iter().all(|pulled| pulled.parts == 0));
    assert_eq!(look(&mut scheduler).len(), 0, "what lies there now is remembered");
    assert!(!status(&practice).alarms.iter().any(|alarm| alarm.contains("were pulled before")));
}

#[test]
fn a_day_that_somebody_pulled_by_hand_is_done() {
    for by_name in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let answers = feed(folder.path(), 1);
        let practice = practice(&folder.path().join("feeds"), 0);
        comes(folder.path(), 0);
        let spec = format!("emis:{}/2026-11-16", folder.path().join("feeds").display());
        let mut lea = practice.user("lea");
        let pulled = lea.pull(if by_name { "emis" } else { &spec });
        assert_eq!((pulled.new, pulled.pulled_before), (answers[0].new, None));
        // Again: why nothing comes is said, and is no alarm.
        practice.clock.set(at(0, 7, 5));
        let again = lea.pull(if by_name { "emis" } else { &spec });
        let since = again.pulled_before.map(|then| then - at(0, 7, 0));
        assert!(again.parts == 0 && since.is_some_and(|since| since < Duration::minutes(1)), "{again:?}");
        let said = again.notices.join("\n");
        assert!(said.contains("these files were pulled before, on Mon 16 Nov 2026 07:00"), "{said}");
        drop(lea);
        practice.clock.set(at(0, 7, 16));
        let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
        assert_eq!(look(&mut scheduler).len(), 0);
        practice.clock.set(at(0, 10, 0));
        let alarms = status(&practice).alarms;
        let is_wrong = |alarm: &String| alarm.contains("has not come") || alarm.contains("pulled before");
        assert!(!alarms.iter().any(is_wrong), "{alarms:?}");
    }
}

#[test]
fn a_folder_into_which_somebody_still_writes_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    feed(folder.path(), 0);
    let practice = practice(&folder.path().join("feeds"), 60);
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    practice.clock.set(at(0, 7, 20));
    assert_eq!(look(&mut scheduler).len(), 0, "nothing is there");
    comes(folder.path(), 0);
    assert_eq!(look(&mut scheduler).len(), 0, "it has just come");
    practice.clock.set(at(0, 7, 20) + Duration::seconds(50));
    std::fs::write(folder.path().join("feeds/2026-11-16/online-access.csv"), "NhsNumber,AccessLevel,AccessFrom\r\n")
        .unwrap();
    assert_eq!(look(&mut scheduler).len(), 0, "something came to it");
    practice.clock.set(at(0, 7, 20) + Duration::seconds(100));
    assert_eq!(look(&mut scheduler).len(), 0, "that is not a minute ago");
    practice.clock.set(at(0, 7, 20) + Duration::seconds(115));
    assert_eq!(look(&mut scheduler).len(), 1);
}

#[test]
fn a_feed_that_does_not_come_or_fails_is_said() {
    let folder = tempfile::tempdir().unwrap();
    feed(folder.path(), 0);
    let practice = practice(&folder.path().join("feeds"), 0);
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    practice.clock.set(at(0, 9, 0));
    assert!(!status(&practice).alarms.iter().any(|alarm| alarm.contains("has not come")), "not two hours late yet");
    practice.clock.set(at(0, 9, 16));
    assert_eq!(look(&mut scheduler).len(), 0);
    let alarms = practice.user("lea").queue().alarms;
    assert!(
        alarms[0].contains("the feed of Mon 16 Nov was due and has not come")
            && alarms[0].contains("ask the supplier for it, to be put into /")
            && alarms[0].ends_with("feeds/2026-11-16"),
        "{alarms:?}"
    );

    // Something that is no extract.
    std::fs::create_dir(folder.path().join("feeds/2026-11-16")).unwrap();
    std::fs::write(folder.path().join("feeds/2026-11-16/readme.txt"), "tomorrow").unwrap();
    assert!(scheduler.look()[0].is_err());
    let alarms = practice.user("lea").queue().alarms;
    assert!(alarms[0].contains("failed and is tried again") && alarms[0].contains("holds no table"), "{alarms:?}");
    assert_eq!(scheduler.look().len(), 0, "not at once");
    practice.clock.set(at(0, 9, 22));
    assert_eq!(scheduler.look().len(), 1);
}

#[test]
fn settings_that_cannot_be_are_one_sentence_each() {
    for (source, wanted) in [
        ("what = \"emis:/x\"\nat = \"noon\"", "at is no time of day"),
        ("what = \"emis:/x\"\nat = \"07:15\"\ntime_zone = \"Mars\"", "time_zone is no zone"),
        ("what = \"/x\"\nat = \"07:15\"", "which kind of feed"),
        ("what = \"emis:/x/%Q\"\nat = \"07:15\"", "has a % that stands for nothing"),
        ("what = \"tpp:/x/%Y%m%d_%H%M\"\nat = \"07:15\"", "write * where the time of day stands"),
        ("what = \"tpp:/x/%Y%m%d_*/a\"\nat = \"07:15\"", "in the last part of the path"),
        ("what = \"tpp:/x/*\"\nat = \"07:15\"", "not beside the day"),
    ] {
        let dir = TempDir::new().unwrap();
        let text = format!("[practice]\nods = \"Z99901\"\nname = \"Test\"\n[[source]]\nname = \"emis\"\n{source}\n");
        std::fs::write(dir.path().join("practice.toml"), text).unwrap();
        let error = anteroom::service::Settings::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("[[source]] emis") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn whoever_asks_gets_what_is_due_and_then_the_feed_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let answers = feed(folder.path(), 2);
    let practice = practice(&folder.path().join("feeds"), 0);
    comes(folder.path(), 0);
    practice.clock.set(at(0, 7, 16));
    let mut lea = practice.user("lea");
    let mut ask = || match lea.ask(Request::Pull { from: None }) {
        Reply::Pulled(pulled) => pulled.new,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(), answers[0].new);
    assert_eq!(ask(), 0, "it has come already");
}

#[test]
fn where_no_feed_is_named_the_page_and_the_key_say_what_to_write() {
    let practice = Practice::new();
    let mut lea = practice.user("lea");
    let Reply::Refused { why } = lea.ask(Request::Pull { from: None }) else { panic!("pulled from nowhere") };
    assert!(why.starts_with("practice.toml names no feed"), "{why}");
    assert!(lea.queue().alarms.contains(&why), "{:?}", lea.queue().alarms);
}

/// A practice whose SystmOne batches fall due at 07:15, in folders whose minute nobody knows before they come.
fn systmone(feeds: &Path) -> Practice {
    let dir = TempDir::new().unwrap();
    let settings = format!(
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\n\n[[source]]\nname = \"tpp\"\nwhat = \
         \"tpp:{}/%Y%m%d_*\"\nat = \"07:15\"\nstable_for = 0\n",
        feeds.display()
    );
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    std::fs::write(dir.path().join("users.toml"), kit::USERS).unwrap();
    Practice::open_at(dir, at(0, 7, 16))
}

/// A batch with one event of this number and a line in it.
fn batch(event: &str) -> tpp::Batch {
    use crate::tpp::{SRCODE, SREVENT, SRPATIENT, code, patient, table};
    tpp::Batch::quiet()
        .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
        .with("SREvent", table(SREVENT, &[tpp::event(event, &[])]))
        .with("SRCode", table(SRCODE, &[code(event, &[("IDEvent", event), ("SNOMEDText", "Cough")])]))
}

#[test]
fn batches_whose_minute_nobody_knows_are_found_and_pulled_in_order() {
    let feeds = tempfile::tempdir().unwrap();
    let practice = systmone(feeds.path());
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    assert_eq!(look(&mut scheduler).len(), 0, "nothing has come");
    let comes = |name: &str, event: &str| drop(crate::tpp_feed(&batch(event), &feeds.path().join(name)));
    comes("20261116_0203", "7");
    comes("20261115_0203", "6");
    // Still on its way.
    comes(".20261116_0204.part", "5");
    let pulled = look(&mut scheduler);
    assert_eq!(pulled.iter().map(|pulled| pulled.new).collect::<Vec<_>>(), [1], "{pulled:?}");
    assert_eq!(look(&mut scheduler).len(), 0);

    // A second and a third one on the same day: those alone, in order.
    comes("20261116_1400", "8");
    comes("20261116_1230", "9");
    let pulled = look(&mut scheduler);
    assert_eq!((pulled.len(), pulled[0].new, pulled[0].parts), (1, 2, 2), "{pulled:?}");
    assert!(
        !status(&practice).alarms.iter().chain(&pulled[0].notices).any(|said| said.contains("pulled before")),
        "{:?}",
        status(&practice).alarms
    );
    assert_eq!(look(&mut scheduler).len(), 0);
    // By hand, by the feed's name and by one batch's.
    let mut lea = practice.user("lea");
    for spec in ["tpp".to_owned(), format!("tpp:{}/20261116_1400", feeds.path().display())] {
        let again = lea.pull(&spec);
        assert!(again.parts == 0 && again.pulled_before.is_some(), "{again:?}");
    }
}

#[test]
fn batches_whose_order_cannot_be_told_are_not_read_and_that_is_said() {
    let feeds = tempfile::tempdir().unwrap();
    let practice = systmone(feeds.path());
    let mut scheduler = Scheduler::new(Arc::clone(&practice.service));
    drop(crate::tpp_feed(&batch("7"), &feeds.path().join("20261116_0203")));
    batch("8").zip(&feeds.path().join("20261116_0203.zip"));
    let why = scheduler.look().remove(0).unwrap_err().to_string();
    assert!(
        why.contains(
            "fits 20261116_0203 and 20261116_0203.zip, and which of them came first cannot be told: leave one"
        ),
        "{why}"
    );
    assert!(status(&practice).alarms[0].contains("cannot be told"), "{:?}", status(&practice).alarms);
    assert_eq!(status(&practice).totals.on_hold, 0);
    std::fs::remove_file(feeds.path().join("20261116_0203.zip")).unwrap();
    practice.clock.set(at(0, 7, 30));
    assert_eq!(look(&mut scheduler)[0].new, 1);
    assert!(!status(&practice).alarms.iter().any(|alarm| alarm.contains("cannot be told")));

    // Asked for by hand on a day on which nothing has come.
    practice.clock.set(at(1, 7, 30));
    let Reply::Failed { why } = practice.user("lea").ask(Request::Pull { from: Some("tpp".to_owned()) }) else {
        panic!("pulled from nowhere")
    };
    assert!(why.contains("nothing fits") && why.contains("20261117_*"), "{why}");
}

/// A feed to which a file comes while it is read.
struct Growing(anteroom::source::emis::Emis, std::path::PathBuf, bool);

impl Source for Growing {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn place(&self) -> Option<&Path> {
        self.0.place()
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        self.0.manifest()
    }

    fn read(&mut self, sink: &mut dyn FnMut(Change) -> Result<(), SourceError>) -> Result<(), SourceError> {
        self.0.read(sink)?;
        if self.2 {
            std::fs::write(self.1.join("late.csv"), "late").unwrap();
        }
        Ok(())
    }
}

#[test]
fn a_folder_that_changes_while_it_is_pulled_by_hand_is_said() {
    for changes in [false, true] {
        let practice = Practice::new();
        let folder = practice.path().join("day");
        kit::extract::write(&folder, &[kit::extract::row(1, 1, 0, "Cough.")]);
        let mut feed = Growing(anteroom::source::emis::Emis::new(&folder), folder.clone(), changes);
        let pulled = practice.service.pull(&Actor::system("pull"), &mut feed).unwrap();
        let says =
            |said: &[String]| said.iter().any(|said| said.contains("files came or changed while they were read"));
        assert_eq!((pulled.new, says(&pulled.notices)), (1, changes), "{pulled:?}");
        assert_eq!(says(&practice.user("lea").queue().alarms), changes);
        // With all files there it is read again, and nothing is left to say.
        let feed = format!("emis:{}", folder.display());
        let again = practice.user("lea").pull(&feed);
        assert_eq!((again.pulled_before.is_none(), says(&practice.user("lea").queue().alarms)), (changes, false));
    }
}
