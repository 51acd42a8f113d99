//! Everything that a few people can do to one version, in every order.

use std::collections::{BTreeSet, HashMap, VecDeque};

use anteroom::record::Tier;
use anteroom::review::{Caller, Event, EventName, Facts, Review, State, TRANSITIONS, step};
use chrono::Duration;

use super::kit::*;

/// Everything that can be reached with four people, four tiers, two redactions, two policies, access open or
/// not, and the clock before the hold, after it, and later still, at any time in any order.
struct Explored {
    reviews: Vec<Review>,
    /// From which review, by what, to which.
    moves: Vec<(usize, EventName, usize)>,
}

fn explore() -> Explored {
    let policies = policies();
    let times = [start() + Duration::hours(1), start() + Duration::hours(80), start() + Duration::days(30)];
    let tiers = [Tier::Nothing, Tier::Weak, Tier::Cue, Tier::Critical].map(screening);
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut explored = Explored { reviews: Vec::new(), moves: Vec::new() };
    let mut queue = VecDeque::new();
    let mut add = |review: Review, explored: &mut Explored, queue: &mut VecDeque<usize>| {
        // What no rule may depend on.
        let review = Review { revision: 0, since: start(), ..review };
        let number = explored.reviews.len();
        let number = *known.entry(format!("{review:?}")).or_insert(number);
        if number == explored.reviews.len() {
            explored.reviews.push(review);
            queue.push_back(number);
        }
        number
    };
    add(fresh(), &mut explored, &mut queue);
    while let Some(number) = queue.pop_front() {
        let review = explored.reviews[number].clone();
        let mut events: Vec<(Event<'_>, Caller<'static>)> = vec![
            (Event::Sampled, Caller::System),
            (Event::HoldElapsed, Caller::System),
            (Event::Publish, Caller::System),
            (Event::KeptBack, Caller::System),
            (Event::SourceChanged, Caller::System),
            (Event::SourceDeleted, Caller::System),
        ];
        events.extend(tiers.iter().map(|found| (Event::Screened(found), Caller::System)));
        for who in 0..PEOPLE.len() {
            events.push((Event::Undo, person(who)));
            events.push((Event::Pick, person(who)));
            events.push((pass(who, 500, start()), person(who)));
            events.extend([0, 1, 3].map(|kind| (decide(who, kind, start()), person(who))));
        }
        for (event, caller) in &events {
            for now in times {
                for policy in &policies[..2] {
                    for open_online in [true, false] {
                        let facts = Facts { caller: *caller, open_online, policy, now };
                        if let Ok(after) = step(&review, event, &facts) {
                            assert_eq!(after.revision, review.revision + 1);
                            let to = add(after, &mut explored, &mut queue);
                            explored.moves.push((number, event.name(), to));
                        }
                    }
                }
            }
        }
    }
    explored
}

#[test]
fn every_move_of_the_table_can_happen_and_no_other() {
    let explored = explore();
    let stands = |number: usize| explored.reviews[number].state;
    let happened: BTreeSet<_> =
        explored.moves.iter().map(|(from, on, to)| (stands(*from), *on as u8, stands(*to))).collect();
    let listed: BTreeSet<_> =
        TRANSITIONS.iter().flat_map(|row| row.to.iter().map(|to| (row.from, row.on as u8, *to))).collect();
    assert_eq!(happened, listed);
    println!("{} reviews, {} moves", explored.reviews.len(), explored.moves.len());
}

/// P37: from every state with the source present, some way leads to the patient and some way leads away.
#[test]
fn p37_no_review_is_stuck() {
    let explored = explore();
    let mut back: HashMap<usize, Vec<usize>> = HashMap::new();
    for (from, _, to) in &explored.moves {
        back.entry(*to).or_default().push(*from);
    }
    for goal in [State::Released, State::Hidden] {
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut queue: Vec<usize> =
            (0..explored.reviews.len()).filter(|number| explored.reviews[*number].state == goal).collect();
        while let Some(number) = queue.pop() {
            if reached.insert(number) {
                queue.extend(back.get(&number).into_iter().flatten());
            }
        }
        for (number, review) in explored.reviews.iter().enumerate() {
            let gone = matches!(review.state, State::Superseded | State::SourceDeleted);
            assert!(gone || reached.contains(&number), "no way to {goal:?} from {review:?}");
        }
    }
}
