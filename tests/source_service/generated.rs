//! Generated feeds have known answers: what the store makes of each day is what the generator says.

use std::collections::BTreeMap;
use std::path::Path;

use anteroom::protocol::Pulled;
use anteroom::synth::{self, Answer, Format, Plan};
use chrono::NaiveDate;

use crate::kit::Practice;

fn plan() -> Plan {
    let first = NaiveDate::from_ymd_opt(2026, 11, 9).unwrap();
    Plan { practices: 2, patients: 60, history: 4, days: 3, seed: 11, first }
}

fn pulled(format: Format, kind: &str) -> (Practice, Vec<(Answer, Pulled)>) {
    let practice = Practice::new();
    let folder = practice.path().join("feed");
    let answers = synth::write(&plan(), format, &folder).unwrap();
    let mut lea = practice.user("lea");
    let days = answers.into_iter().map(|answer| {
        let pulled = lea.pull(&format!("{kind}:{}", folder.join(&answer.folder).display()));
        (answer, pulled)
    });
    let days = days.collect();
    (practice, days)
}

fn agree(days: &[(Answer, Pulled)], lines: impl Fn(&Answer) -> u64) {
    assert!(days[0].0.planted > 0 && days[1].0.changed > 0 && days[1].0.deleted > 0, "{:?}", days[1].0);
    for (answer, pulled) in days {
        let counts = [pulled.patients, pulled.parts, pulled.new, pulled.changed, pulled.deleted, pulled.set_aside];
        let wanted = [answer.patients, lines(answer), answer.new, answer.changed, answer.deleted, 0];
        assert_eq!(counts, wanted, "patients, lines, new, changed, deleted, set aside of {}", answer.folder);
        assert!(pulled.queued >= answer.planted.min(1), "planted disclosures wait for people");
    }
}

#[test]
fn emis() {
    let (practice, days) = pulled(Format::Emis, "emis");
    agree(&days, |answer| answer.lines);
    let alarms = practice.user("lea").queue().alarms;
    assert_eq!(alarms, [""; 0]);
}

#[test]
fn tpp() {
    let (practice, days) = pulled(Format::Tpp, "tpp");
    // A code and its text are a line each.
    agree(&days, |answer| answer.lines * 2);
    assert_eq!(practice.user("lea").queue().alarms, [""; 0]);
}

#[test]
fn fhir() {
    let (_, days) = pulled(Format::Fhir, "fhir");
    agree(&days, |answer| answer.lines);
}

/// The rows of every table, by a reader of another make.
#[test]
fn the_rows_are_as_many_as_another_reader_counts() {
    let practice = Practice::new();
    let folder = practice.path().join("feed");
    let answers = synth::write(&plan(), Format::Emis, &folder).unwrap();
    for answer in &answers {
        let rows = count(&folder.join(&answer.folder));
        assert_eq!(rows["CareRecord_Observation"], answer.lines, "{}", answer.folder);
        assert_eq!(rows["CareRecord_Consultation"], answer.new + answer.deleted, "{}", answer.folder);
        assert_eq!(rows["Admin_Patient"], answer.patients, "{}", answer.folder);
    }
}

fn count(folder: &Path) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().split('_').skip(1).take(2).collect::<Vec<_>>().join("_");
        let rows = csv::Reader::from_path(&path).unwrap().records().map(Result::unwrap).count();
        counts.insert(name, rows as u64);
    }
    counts
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in [(Format::Emis, "emis"), (Format::Tpp, "tpp"), (Format::Fhir, "fhir")] {
        let read = |copy: &str, seed| {
            let path = folder.path().join(name).join(copy);
            synth::write(&Plan { seed, days: 1, ..plan() }, format, &path).unwrap();
            let mut files = BTreeMap::new();
            for day in std::fs::read_dir(&path).unwrap().map(|day| day.unwrap().path()).filter(|path| path.is_dir()) {
                for file in std::fs::read_dir(day).unwrap() {
                    let file = file.unwrap().path();
                    files.insert(file.strip_prefix(&path).unwrap().to_owned(), std::fs::read(&file).unwrap());
                }
            }
            files
        };
        assert_eq!(read("a", 1), read("b", 1));
        assert_ne!(read("a", 1), read("c", 2));
    }
}
