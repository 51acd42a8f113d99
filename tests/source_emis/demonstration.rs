//! The demonstration practice, against what its makers say is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anteroom::record::{EntryKind, SourceKey, Unreadable};
use anteroom::source::emis::Emis;
use anteroom::source::{Belongs, Change};

use crate::extract::Read;

/// Entries as the folder's makers count them: a consultation with its lines, or a line outside any.
#[derive(Default)]
struct Entries {
    seen: BTreeSet<SourceKey>,
    /// Which entry a line is in.
    of_line: BTreeMap<SourceKey, SourceKey>,
}

impl Entries {
    /// Applies a day and returns the entries that it says something of, and how many of them are new.
    fn apply(&mut self, day: &Read) -> (BTreeSet<SourceKey>, usize) {
        let (mut touched, mut new) = (BTreeSet::new(), 0);
        for change in &day.0 {
            let entry = match change {
                Change::Group(facts) => facts.key.clone(),
                Change::Part(facts) => {
                    let line = facts.part.key.clone();
                    let entry = match &facts.belongs {
                        Belongs::To(entry) | Belongs::ToUnlessIn { group: entry, .. } => entry.clone(),
                        Belongs::With(line) => self.of_line.get(line).expect("a problem of a known line").clone(),
                        Belongs::Alone => line.clone(),
                    };
                    self.of_line.insert(line, entry.clone());
                    entry
                }
                _ => continue,
            };
            new += usize::from(self.seen.insert(entry.clone()));
            touched.insert(entry);
        }
        (touched, new)
    }
}

#[test]
fn every_day_holds_what_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data");
    let Ok(expected) = std::fs::read_to_string(root.join("expected.toml")) else {
        println!("skipped: {} is absent", root.display());
        return;
    };
    let expected: toml::Table = expected.parse().unwrap();
    let mut entries = Entries::default();
    for day in expected["day"].as_array().unwrap() {
        let number = |name: &str| usize::try_from(day[name].as_integer().unwrap()).unwrap();
        let folder = root.join(format!("emis/day-{}", number("day")));
        let read = Read::from(Emis::new(folder));
        assert!(
            read.set_aside().is_empty() && read.notices().is_empty(),
            "{:?} {:?}",
            read.set_aside(),
            read.notices()
        );

        let count = |kind: fn(&Change) -> bool| read.0.iter().filter(|change| kind(change)).count();
        let parts_gone = count(|change| matches!(change, Change::PartGone(_)));
        let groups_gone = count(|change| matches!(change, Change::GroupGone(_)));
        let patients = count(|change| matches!(change, Change::Patient(_) | Change::PatientGone(_)));
        let groups = count(|change| matches!(change, Change::Group(_)));
        assert_eq!(patients, number("patients"));
        assert_eq!(groups + groups_gone, number("consultations"));
        assert_eq!(read.parts().len() + parts_gone, number("observations") + number("problems"));
        let (touched, new) = entries.apply(&read);
        assert_eq!(new, number("entries_new"), "day {}", number("day"));
        for look in day["needs_look"].as_array().unwrap() {
            let guid = look["guid"].as_str().unwrap().trim_matches(['{', '}']);
            assert!(touched.iter().any(|entry| entry.id == guid), "{guid} arrives on its day");
        }
        for facts in read.parts() {
            let is_elsewhere = facts.kind == EntryKind::Document && facts.part.text.is_empty();
            assert_eq!(facts.part.unreadable, is_elsewhere.then_some(Unreadable::NotSent));
            assert!(!facts.part.heading.is_empty() || !facts.part.display.is_empty());
            assert!(facts.recorded.is_some() || facts.kind == EntryKind::Problem);
        }
    }
}
