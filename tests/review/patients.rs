//! Flags that the record speaks for, and what becomes of flags with time.

use anteroom::audit::{Event, Outcome};
use anteroom::protocol::{Reply, Request, Work};
use anteroom::record::{Flag, PatientAct};
use chrono::Duration;

use super::practice::{HARMLESS, flag, log, practice, publish, pull, waiting, worklist};
use crate::service_kit::extract::{Row, row};
use crate::service_kit::{Person, Practice, start};

fn of_kind(person: &mut Person, kind: Work) -> Vec<(String, String)> {
    let list = worklist(person).items.into_iter().filter(|item| item.kind == kind);
    list.map(|item| (item.patient_name, item.what)).collect()
}

fn about(person: &mut Person, name: &str, act: PatientAct) -> Result<u64, String> {
    let patient = worklist(person).items.into_iter().find(|item| item.patient_name.starts_with(name)).unwrap().patient;
    match person.ask(Request::Patient { patient, act }) {
        Reply::PatientDone(done) => Ok(done.moved),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn refuse(flag: Flag) -> PatientAct {
    PatientAct::RefuseFlag { flag, why: "spoken with her".into() }
}

/// A coded line: enhanced review is indicated (104).
fn coded(n: usize, patient: usize) -> Row {
    Row { code: 3, ..row(n, n, patient, "") }
}

#[test]
pub fn the_code_for_enhanced_review_proposes_its_flag_and_a_person_decides() {
    let practice = practice(&[coded(1, 0)]);
    let (mut lea, mut ben) = (practice.user("lea"), practice.user("ben"));
    let proposed = of_kind(&mut lea, Work::FlagProposed);
    assert_eq!(proposed.len(), 1, "{proposed:?}");
    assert!(proposed[0].0.starts_with("NASH") && proposed[0].1.contains("enhanced review"), "{proposed:?}");
    let owner = worklist(&mut lea).items.into_iter().find(|item| item.kind == Work::FlagProposed).unwrap().owner;
    assert_eq!(owner, "Dr Lea Lead");
    publish(&practice, Duration::days(1));
    let flags = |person: &mut Person| {
        let entry = waiting(person);
        person.open(entry).patient.flags
    };
    assert!(!flags(&mut lea).iter().any(|line| line.contains("lea")), "nobody has set it");
    assert!(about(&mut ben, "NASH", refuse(Flag::EnhancedReview)).unwrap_err().contains("safeguarding lead"));
    let why = about(&mut lea, "NASH", refuse(Flag::CoercionRisk)).unwrap_err();
    assert!(why.contains("nothing in the record speaks"), "{why}");
    about(&mut lea, "NASH", refuse(Flag::EnhancedReview)).unwrap();
    assert!(of_kind(&mut lea, Work::FlagProposed).is_empty(), "refused, and not asked again for the same code");
    let events: Vec<_> = log(&mut lea).into_iter().map(|line| (line.record.event, line.record.outcome)).collect();
    assert!(events.contains(&(Event::FlagRefused { flag: Flag::EnhancedReview }, Outcome::Done)));
    let practice = {
        drop((lea, ben));
        practice.restart()
    };
    assert!(of_kind(&mut practice.user("lea"), Work::FlagProposed).is_empty());

    // Accepted, it is the person's flag.
    let accepted = super::practice::practice(&[coded(1, 0)]);
    let mut lea = accepted.user("lea");
    about(&mut lea, "NASH", flag(Flag::EnhancedReview, false)).unwrap();
    assert!(flags(&mut lea).iter().any(|line| line.contains("(lea, ")), "{:?}", flags(&mut lea));
    let left = of_kind(&mut lea, Work::FlagProposed);
    // Tom lives with her.
    assert!(left.len() == 1 && left[0].0.starts_with("OAKE"), "{left:?}");
}

#[test]
pub fn a_perpetrator_s_record_and_a_flag_next_door_propose_flags_and_set_none() {
    let practice =
        practice(&[row(1, 1, 1, "Alleged perpetrator, do not discuss. MAPPA level 2."), row(2, 2, 0, HARMLESS)]);
    let mut lea = practice.user("lea");
    let proposed = of_kind(&mut lea, Work::FlagProposed);
    let whose: Vec<&str> = proposed.iter().map(|(name, _)| name.split(' ').next().unwrap()).collect();
    assert!(whose.contains(&"OAKE") && whose.contains(&"NASH"), "his record, and hers beside it: {proposed:?}");
    publish(&practice, Duration::days(4));
    publish(&practice, Duration::days(5));
    assert_eq!(practice.composition_lines().len(), 1, "a proposal holds nothing back and shows nothing by itself");
    about(&mut lea, "NASH", flag(Flag::CoercionRisk, true)).unwrap();
    assert!(practice.composition_lines().is_empty(), "the flag that a person set does");
}

#[test]
pub fn a_flag_that_has_stood_for_90_days_is_looked_at_again_and_one_cleared_is_remembered() {
    let practice = Practice::measured();
    pull(&practice, "first", &[row(1, 1, 2, HARMLESS)]);
    let (mut lea, mut ben) = (practice.user("lea"), practice.user("ben"));
    let entry = waiting(&mut ben);
    let patient = ben.open(entry).row.patient;
    let done = |person: &mut Person, act: PatientAct| match person.ask(Request::Patient { patient, act }) {
        Reply::PatientDone(done) => done.needs_second,
        other => panic!("{other:?}"),
    };
    done(&mut ben, flag(Flag::HoldAll, false));
    let review = |lea: &mut Person| of_kind(lea, Work::FlagReview).len();
    practice.clock.set(start() + Duration::days(89));
    assert_eq!(review(&mut lea), 0);
    practice.clock.set(start() + Duration::days(91));
    assert_eq!(review(&mut lea), 1);
    done(&mut lea, flag(Flag::HoldAll, false));
    assert_eq!(review(&mut lea), 0, "it must still stand: asked again in 90 days");
    practice.clock.set(start() + Duration::days(190));
    assert_eq!(review(&mut lea), 1);

    let clear = || PatientAct::ClearFlag { flag: Flag::HoldAll, why: "over".into() };
    assert!(done(&mut ben, clear()) && !done(&mut lea, clear()));
    let blocked = |lea: &mut Person| {
        let log = log(lea);
        let kept = log.iter().filter(
            |line| matches!(&line.record.event, Event::PublishBlocked { why } if why.contains("or did until lately")),
        );
        kept.count()
    };
    pull(&practice, "second", &[row(2, 2, 2, "vellim orsant cradock weelbin")]);
    assert_eq!(blocked(&mut lea), 1, "nothing clears by itself so soon after a flag");
    practice.clock.set(start() + Duration::days(290));
    pull(&practice, "third", &[row(3, 3, 2, "mirnal tovast quendril sorpan")]);
    assert_eq!(blocked(&mut lea), 1);
}
