//! What one person alone cannot do, and what nobody does in a role they have lost.

use anteroom::audit::{Event, Outcome};
use anteroom::protocol::{PolicyFile, Reply, Request};
use anteroom::record::Act;
use anteroom::review::policy_file::print;
use anteroom::review::{Policy, State};
use chrono::Duration;

use super::practice::{ABUSE, log, practice, waiting};
use crate::service_kit::extract::row;
use crate::service_kit::{Person, Practice, USERS};

fn take(person: &mut Person) -> Result<PolicyFile, String> {
    match person.ask(Request::TakePolicy) {
        Reply::Policy(policy) => Ok(policy),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn write(practice: &Practice, policy: &Policy) {
    std::fs::write(practice.path().join("policy.toml"), print(policy)).unwrap();
}

#[test]
pub fn a_looser_policy_takes_two_people_one_of_them_a_lead() {
    let practice = practice(&[row(1, 1, 0, "Her ex follows her.")]);
    let (mut lea, mut adm, mut ben) = (practice.user("lea"), practice.user("adm"), practice.user("ben"));
    let strict = Policy { people: [2; 5], redact: [2; 5], ..Practice::policy() };
    write(&practice, &strict);
    assert_eq!(take(&mut adm).unwrap().waits, None, "what is only tighter one puts in force");
    let agreed = take(&mut lea).unwrap().digest;

    let looser = Policy { hold: Duration::hours(48), ..strict.clone() };
    write(&practice, &looser);
    let first = take(&mut lea).unwrap();
    assert_eq!(first.digest, agreed, "the one before stays in force");
    assert!(first.waits.as_ref().is_some_and(|why| why.contains("hold-hours") && why.contains("lea")), "{first:?}");
    assert!(lea.queue().alarms.iter().any(|alarm| alarm.contains("looser")), "it is said until it is settled");
    assert!(take(&mut lea).unwrap_err().contains("a second person"));
    assert!(take(&mut ben).unwrap_err().contains("only the safeguarding lead"));
    // What was agreed to is the file that was proposed, not another.
    write(&practice, &Policy { grace: Duration::minutes(20), hold: Duration::hours(30), ..strict.clone() });
    assert_eq!(take(&mut adm).unwrap().digest, agreed, "another file is another proposal");
    write(&practice, &looser);
    assert_eq!(take(&mut adm).unwrap().digest, agreed);
    let second = take(&mut lea).unwrap();
    assert!(second.digest != agreed && second.waits.is_none(), "{second:?}");
    let entry = waiting(&mut ben);
    assert_eq!(ben.decide(entry, Act::Approve).unwrap().state, State::AwaitingSecond, "two are needed still");
    let log = log(&mut lea);
    let proposed = log.iter().filter(|line| matches!(line.record.event, Event::PolicyProposed { .. })).count();
    let changed = log.iter().filter(|line| matches!(line.record.event, Event::PolicyChanged { .. })).count();
    assert_eq!((proposed, changed), (3, 3), "the first policy of the practice, the stricter, the looser");

    // A restart is no second person.
    let loosest = Policy { hold: Duration::hours(24), ..looser };
    write(&practice, &loosest);
    drop((lea, adm, ben));
    let practice = practice.restart();
    let mut lea = practice.user("lea");
    let Reply::Policy(in_force) = lea.ask(Request::Policy) else { panic!("anybody may read it") };
    assert_eq!(in_force.digest, second.digest);
    assert!(lea.queue().alarms.iter().any(|alarm| alarm.contains("hold-hours")));
}

#[test]
pub fn every_line_that_can_be_looser_counts_as_looser() {
    let base = Policy { people: [2; 5], redact: [3; 5], lead: [true; 5], blind_share: [50; 5], ..Policy::default() };
    let base = Policy { conflict: anteroom::review::Conflict::MayNotOpen, hold: Duration::hours(100), ..base };
    let base = Policy { grace: Duration::minutes(30), deferral_days: 7, hide_days: 60, reading_time: 900, ..base };
    let base = Policy { author_barred_from: anteroom::record::Tier::Weak, ..base };
    let names = [
        "hold-hours",
        "grace-minutes",
        "approve",
        "redact",
        "one-must-be",
        "blind-second-percent",
        "late-after",
        "author-barred-from-tier",
        "conflict-of-interest",
        "read-back",
        "deferral",
        "hide",
        "reading-milliseconds",
        "decoys-percent",
    ];
    let loose = Policy {
        hold: Duration::hours(24),
        grace: Duration::minutes(15),
        people: [1, 1, 1, 1, 2],
        redact: [1, 1, 1, 1, 2],
        lead: [false; 5],
        blind_share: [0; 5],
        targets: base.targets.map(|target| target + Duration::minutes(1)),
        author_barred_from: anteroom::record::Tier::Cue,
        conflict: anteroom::review::Conflict::MayOnlyHide,
        read_back: false,
        deferral_days: 14,
        hide_days: 365,
        reading_time: 200,
        decoy_percent: 0,
        ..base.clone()
    };
    assert_eq!(loose.looser_than(&base), names);
    assert!(base.looser_than(&loose).is_empty() && base.looser_than(&base).is_empty());
    // Every value of the file is in the list, or among the few that are neither.
    let neither = ["batch-at", "opens", "closes", "days", "holidays", "manager", "clinician", "lead"];
    for line in print(&base).lines().filter(|line| !line.starts_with('#') && line.contains(" = ")) {
        let key = line.split(" = ").next().unwrap();
        assert!(names.contains(&key) || neither.contains(&key), "{key} can be loosened by one person");
    }
}

#[test]
pub fn who_lost_a_role_in_the_middle_of_a_decision_is_refused() {
    let practice = practice(&[row(1, 1, 0, ABUSE)]);
    let (mut ben, mut lea) = (practice.user("ben"), practice.user("lea"));
    let read = ben.queue().rows.remove(0);
    let users = practice.path().join("users.toml");
    let of_ben = "name = \"Dr Ben Reader\"\nrole = \"clinician\"";
    let moved = USERS.replace(of_ben, "name = \"Dr Ben Reader\"\nrole = \"auditor\"");
    assert_ne!(moved, USERS);
    std::fs::write(&users, &moved).unwrap();
    let why = ben.decide_on(&read, Act::Approve).unwrap_err();
    assert!(why.contains("was clinician and is auditor"), "{why}");
    let now = lea.open(read.entry).row;
    assert_eq!((now.state, now.revision), (State::Queued, read.revision), "nothing has changed");
    let told = log(&mut lea).into_iter().find(|line| line.record.event == Event::RoleLost).unwrap();
    assert_eq!(told.record.actor.login, "ben");
    assert!(matches!(told.record.outcome, Outcome::Refused(_)));
    // They come back as what they are.
    let mut again = practice.user("ben");
    assert!(matches!(again.ask(Request::Queue { limit: 10 }), Reply::Refused { .. }));

    // Struck off altogether.
    let of_ann = USERS.find("[[user]]\nlogin = \"ben\"").unwrap();
    std::fs::write(&users, USERS[of_ann..].replace(of_ben, "name = \"Dr Ben Reader\"\nrole = \"lead\"")).unwrap();
    assert!(practice.user("ben").queue().rows.len() == 1, "a role given counts at once too");

    // A file that is wrong, or gone, gives nobody anything.
    for damage in [Some("[[user]\n"), None] {
        match damage {
            Some(text) => std::fs::write(&users, text).unwrap(),
            None => std::fs::remove_file(&users).unwrap(),
        }
        let queue = lea.queue();
        assert!(queue.alarms.iter().any(|alarm| alarm.contains("users.toml")), "{:?}", queue.alarms);
        assert!(matches!(again.ask(Request::Queue { limit: 10 }), Reply::Refused { .. }));
    }
    std::fs::write(&users, USERS).unwrap();
    assert!(!lea.queue().alarms.iter().any(|alarm| alarm.contains("users.toml")));
}
