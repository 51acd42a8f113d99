//! Everything that a few people can do to one version, in every order.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::LazyLock;

use anteroom::record::Tier;
use anteroom::review::{Already, Caller, Event, EventName, Facts, LookAgain, Review, State, TRANSITIONS, step};
use chrono::Duration;

use super::kit::*;

/// Everything that can be reached with three people, three tiers, a redaction, two policies, access open or
/// not, and the clock before the hold, after it, and later still, at any time in any order.
struct Explored {
    reviews: Vec<Review>,
    /// From which review, by what, to which.
    moves: Vec<(usize, EventName, usize)>,
}

static EXPLORED: LazyLock<Explored> = LazyLock::new(explore);

fn explore() -> Explored {
    let policies = policies();
    let [early, late] = [start() + Duration::hours(1), start() + Duration::days(10)];
    let much_later = start() + Duration::days(30);
    // The clock, how many policies, and access, each against the rest where it can matter.
    let moments = [(early, 0, true), (late, 0, true), (much_later, 0, true), (late, 1, true), (late, 0, false)];
    let tiers = [Tier::Nothing, Tier::Weak, Tier::Critical].map(screening);
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut explored = Explored { reviews: Vec::new(), moves: Vec::new() };
    let mut queue = VecDeque::new();
    let mut add = |review: Review, explored: &mut Explored, queue: &mut VecDeque<usize>| {
        // What no rule may depend on.
        let review = Review { revision: 0, since: start(), notes: Vec::new(), visible_from: None, ..review };
        let look_again = review.look_again.clone().map(|again| LookAgain { since: start(), ..again });
        let review = Review { look_again, due: review.due.map(|due| due.min(late)), ..review };
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
            (Event::DeferralOver, Caller::System),
            (Event::Purged, Caller::System),
            (Event::Flagged(Already::Stays), Caller::System),
            (Event::Flagged(Already::Withdrawn), Caller::System),
            (Event::SourceChanged, Caller::System),
            (Event::SourceDeleted, Caller::System),
        ];
        events.extend(tiers.iter().map(|found| (Event::Screened(found), Caller::System)));
        events.extend(tiers.iter().map(|found| (Event::Rescreened(found), Caller::System)));
        for who in [AUTHOR, 1, LEAD] {
            events.push((Event::Undo, person(who)));
            events.push((Event::Pick, person(who)));
            events.push((pass(who, 500, start()), person(who)));
            events.extend([0, 1, 3].map(|kind| (decide(who, kind, start()), person(who))));
            events.extend([0, 1, 3].map(|kind| (resolve(who, kind, start()), person(who))));
            events.extend((0..8).map(|which| (handle(which), person(who))));
            events.extend([false, true].map(|named_it| (Event::ReadBack { named_it }, person(who))));
        }
        for (event, caller) in &events {
            for (now, policy, open_online) in moments {
                let policy = &policies[policy];
                let facts = Facts { caller: *caller, open_online, held: false, drawn: false, policy, now };
                if let Ok(after) = step(&review, event, &facts) {
                    assert_eq!(after.revision, review.revision + 1);
                    let to = add(after, &mut explored, &mut queue);
                    explored.moves.push((number, event.name(), to));
                }
            }
        }
    }
    explored
}

#[test]
pub fn every_move_of_the_table_can_happen_and_no_other() {
    let explored = &*EXPLORED;
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
pub fn p37_no_review_is_stuck() {
    let explored = &*EXPLORED;
    let mut back: HashMap<usize, Vec<usize>> = HashMap::new();
    for (from, _, to) in &explored.moves {
        back.entry(*to).or_default().push(*from);
    }
    for goals in [&[State::Released][..], &[State::Hidden, State::Retracted]] {
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut queue: Vec<usize> =
            (0..explored.reviews.len()).filter(|number| goals.contains(&explored.reviews[*number].state)).collect();
        while let Some(number) = queue.pop() {
            if reached.insert(number) {
                queue.extend(back.get(&number).into_iter().flatten());
            }
        }
        for (number, review) in explored.reviews.iter().enumerate() {
            let gone = matches!(review.state, State::Superseded | State::SourceDeleted);
            assert!(gone || reached.contains(&number), "no way to {goals:?} from {review:?}");
        }
    }
}
