//! Policies and rules through the real service: what is in force, and what a change of it does.

use std::sync::Arc;

use anteroom::audit::Event;
use anteroom::channel::Portal;
use anteroom::protocol::{Reply, Request};
use anteroom::record::Act;
use anteroom::review::policy_file::print;
use anteroom::review::{Policy, State};
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, SetClock, Settings};
use anteroom::store::EmbeddedStore;
use chrono::Duration;

use super::practice::{HARMLESS, log, practice, publish, put_in_force, waiting};
use crate::service_kit::extract::row;
use crate::service_kit::{Practice, master, options, person};

#[test]
pub fn a_policy_below_a_floor_is_refused_with_its_line_and_the_one_before_stays() {
    let practice = practice(&[row(1, 1, 0, "Her ex follows her.")]);
    let file = practice.path().join("policy.toml");
    let strict = print(&Policy { people: [1, 2, 2, 2, 2], redact: [1, 2, 2, 2, 2], ..Practice::policy() });
    std::fs::write(&file, &strict).unwrap();
    let (mut lea, mut ben) = (practice.user("lea"), practice.user("ben"));
    assert!(matches!(ben.ask(Request::TakePolicy), Reply::Refused { .. }));
    let Reply::Policy(taken) = lea.ask(Request::TakePolicy) else { panic!("it may be") };
    let entry = waiting(&mut ben);
    assert_eq!(ben.decide(entry, Act::Approve).unwrap().state, State::AwaitingSecond);

    std::fs::write(&file, strict.replace("hold-hours = 72", "hold-hours = 3")).unwrap();
    let line = strict.lines().position(|line| line.starts_with("hold-hours")).unwrap() + 1;
    let Reply::Refused { why } = lea.ask(Request::TakePolicy) else { panic!("it is below the floor") };
    assert!(why.contains(&format!("line {line}")) && why.contains("3 hours is outside the floor"), "{why}");
    assert!(lea.queue().alarms.iter().any(|alarm| alarm.contains("policy.toml")), "it is said until it is mended");
    let Reply::Policy(in_force) = lea.ask(Request::Policy) else { panic!("anybody may read it") };
    assert_eq!(in_force, taken);
    // The same after a restart, which reads the file too.
    drop((lea, ben));
    let practice = practice.restart();
    let mut lea = practice.user("lea");
    let Reply::Policy(in_force) = lea.ask(Request::Policy) else { panic!("anybody may read it") };
    assert_eq!(in_force, taken);
    let log = log(&mut lea);
    let refused = log.iter().filter(|line| matches!(line.record.event, Event::PolicyRefused { .. })).count();
    let changed = log.iter().filter(
        |line| matches!(&line.record.event, Event::PolicyChanged { to, from } if *to == taken.digest && from != to),
    );
    assert_eq!((refused, changed.count()), (3, 1), "Ben's, the lead's, and the restart's");
}

/// P10: tighter withdraws at once, looser brings nothing back.
#[test]
pub fn p10_a_tighter_policy_withdraws_at_once() {
    let practice = practice(&[row(1, 1, 0, "Her ex follows her.")]);
    let mut ben = practice.user("ben");
    let entry = waiting(&mut ben);
    ben.decide(entry, Act::Approve).unwrap();
    publish(&practice, Duration::days(4));
    assert_eq!(practice.composition_lines().len(), 1);
    put_in_force(&practice, &Policy { people: [2; 5], ..Practice::policy() });
    assert!(practice.composition_lines().is_empty(), "withdrawn with the policy, not with the next batch");
    put_in_force(&practice, &Practice::policy());
    publish(&practice, Duration::days(9));
    assert!(practice.composition_lines().is_empty(), "it waits for a person");
    assert_eq!(waiting(&mut ben), entry);
}

pub fn with_rules(practice: Practice, more: &str) -> (tempfile::TempDir, Arc<SetClock>, Arc<Service>) {
    let Practice { dir, service, clock } = practice;
    drop(service);
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/src/screen/packs");
    let mut files: Vec<(String, String)> = std::fs::read_dir(packs)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), text)
        })
        .collect();
    files.push(("more.toml".into(), more.into()));
    files.sort();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (store, _) = EmbeddedStore::open(&dir.path().join("store"), &options(), &master()).unwrap();
    let keys = Keys::from_secret(store.secret());
    let service = Service::start(Parts {
        store: Box::new(store),
        clock: Arc::<SetClock>::clone(&clock),
        rules: Rules::parse(&files).unwrap(),
        keys,
        settings: Settings::read(dir.path()).unwrap(),
        channel: Box::new(Portal::new(dir.path().join("feed"))),
        feed: Box::new(|| None),
        demo: false,
    })
    .unwrap();
    (dir, clock, Arc::new(service))
}

#[test]
pub fn newer_rules_withdraw_what_they_find_more_in_before_anything_else_is_done() {
    let practice = practice(&[row(1, 1, 0, "Given a zanzibar leaflet."), row(2, 2, 1, HARMLESS)]);
    publish(&practice, Duration::days(4));
    publish(&practice, Duration::days(5));
    assert_eq!(practice.composition_lines().len(), 2);
    let more = r#"
category = "domestic_abuse"
source = "a test"
reviewed = "2026-11-21"

[[rule]]
id = "test.zanzibar"
tier = 3
why = "the name of a refuge"
match = ["zanzibar"]
fires = ["Given a zanzibar leaflet."]
spares = ["Given a leaflet."]
"#;
    let (dir, _clock, service) = with_rules(practice, more);
    let lines = std::fs::read_to_string(dir.path().join("feed/Composition.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), 1, "gone from the feed at the start");
    let mut lea = person(&service, "lea");
    assert_eq!(lea.queue().rows.len(), 1);
    let changed = log(&mut lea).into_iter().find_map(|line| match line.record.event {
        Event::RulesChanged { entries, moved, .. } => Some((entries, moved)),
        _ => None,
    });
    assert_eq!(changed, Some((2, 1)));
}
