//! The table of moves, and the picture and the list that are printed from it.

use anteroom::record::Tier;
use anteroom::review::{
    Caller, EventName, Facts, Passed, Policy, Refusal, Review, State, TRANSITIONS, Who, diagram, permissions, step,
};
use chrono::Duration;

use super::kit::*;

#[test]
fn what_is_not_in_the_table_is_refused_for_everybody() {
    let policy = Policy::default();
    for from in State::ALL {
        for name in EventName::ALL {
            let rows: Vec<_> = TRANSITIONS.iter().filter(|row| row.from == from && row.on == name).collect();
            assert!(rows.len() < 2, "{from:?} {name:?} stands there twice");
            for tier in [Tier::Nothing, Tier::Cue, Tier::Critical] {
                let found = screening(tier);
                for caller in [Caller::System, Caller::Other, person(AUTHOR), person(1), person(LEAD)] {
                    let by = person_of(caller).unwrap_or("nobody").to_owned();
                    let passed = Some(Passed { by, at: start(), on_screen: 500 });
                    let review = Review { state: from, tier, due: Some(start()), passed, ..fresh() };
                    let now = start() + Duration::days(9);
                    let facts = Facts { caller, open_online: true, held: false, drawn: false, policy: &policy, now };
                    let who = PEOPLE.iter().position(|name| person_of(caller) == Some(name)).unwrap_or(1);
                    let after = step(&review, &event_of(name, &found, who), &facts);
                    match rows.first() {
                        None => assert_eq!(after, Err(Refusal::NoSuchMove { from, on: name })),
                        Some(row) => {
                            let may = match row.who {
                                Who::System => caller == Caller::System,
                                Who::Reviewer | Who::Decider => person_of(caller).is_some(),
                                Who::Lead | Who::OtherLead => caller == person(LEAD),
                            };
                            assert!(may || after == Err(Refusal::Role(row.who)), "{from:?} {name:?} by {caller:?}");
                            assert!(
                                after.is_ok_and(|after| row.to.contains(&after.state)) || !may || tier > Tier::Nothing
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_picture_and_the_permissions_hold_every_row_of_the_table() {
    let (diagram, permissions) = (diagram(), permissions());
    assert!(diagram.starts_with("stateDiagram-v2\n"));
    for row in TRANSITIONS {
        for to in row.to {
            let drawn = format!("{:?} --> {to:?}: ", row.from);
            let everywhere = format!("Current --> {to:?}: ");
            assert!(diagram.contains(&drawn) || diagram.contains(&everywhere), "{drawn} is not drawn");
        }
        let listed = permissions.lines().any(|line| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let from = columns.get(3).is_some_and(|from| {
                *from == "any of the above" || from.split(", ").any(|name| name == row.from.name())
            });
            let to = columns
                .get(4)
                .is_some_and(|to| row.to.iter().all(|state| to.split(", ").any(|name| name == state.name())));
            from && to
        });
        assert!(listed, "{row:?} is not listed");
    }
    // Nothing is drawn that is not in the table.
    for line in diagram.lines().filter(|line| line.contains(" --> ") && !line.contains("[*]")) {
        let (from, rest) = line.trim().split_once(" --> ").unwrap();
        let (to, _) = rest.split_once(": ").unwrap();
        let stands = |state: State, name: &str| format!("{state:?}") == name;
        let known = TRANSITIONS
            .iter()
            .any(|row| (from == "Current" || stands(row.from, from)) && row.to.iter().any(|state| stands(*state, to)));
        assert!(known, "{line}");
    }
    assert!(diagram.lines().count() < 90 && permissions.lines().count() < 40, "too long for a README");
}
