//! The properties of the state machine over random histories. Their numbers are those of the requirements.

use std::collections::{BTreeMap, BTreeSet};

use anteroom::record::{Fingerprint, Tier};
use anteroom::review::{
    Caller, Event, Facts, Present, Refusal, Review, State, TRANSITIONS, Transition, Withheld, releasable, step, visible,
};
use chrono::Duration;
use proptest::prelude::*;

use super::kit::*;
use super::world::*;

/// Lives through `ops` and looks at every moment.
fn live(ops: &[Op], mut look: impl FnMut(&World, &Moment) -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for op in ops {
        let moment = world.apply(*op);
        look(&world, &moment)?;
    }
    Ok(())
}

/// Without a guard a failure is all there is to know: the shortest history of it would only take time.
fn config() -> ProptestConfig {
    let shrinks = if cfg!(feature = "mutation") { 0 } else { ProptestConfig::default().max_shrink_iters };
    ProptestConfig { cases: 300, failure_persistence: None, max_shrink_iters: shrinks, ..ProptestConfig::default() }
}

fn history() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..120)
}

proptest! {
    #![proptest_config(config())]

    /// P1: an entry is visible exactly when it was published and the rules, asked anew, allow it.
    #[test]
    fn p1_visible_is_what_the_rules_say(ops in history()) {
        live(&ops, |world, moment| {
            prop_assert_eq!(moment.is_visible, world.published && world.may_be_seen(), "{:?}", world.current());
            prop_assert_eq!(world.published, world.current().state == State::Released);
            // Publishing asks everything anew.
            prop_assert!(!matches!((moment.op, &moment.answer), (Op::Publish, Some(Ok(())))) || moment.is_visible);
            Ok(())
        })?;
    }

    /// P2: of everything that can happen to a review, only publication makes it visible.
    #[test]
    fn p2_only_publishing_shows(ops in history()) {
        live(&ops, |_, moment| {
            let world_changed = matches!(moment.op, Op::Clock { .. } | Op::Policy { .. } | Op::Access { .. });
            prop_assert!(moment.was_visible || !moment.is_visible || world_changed || matches!(moment.op, Op::Publish));
            Ok(())
        })?;
    }

    /// P3: a hide, a change and a deletion withdraw in the same step, and nobody needs leave for them.
    #[test]
    fn p3_towards_hidden_at_once(ops in history()) {
        live(&ops, |world, moment| {
            let withdraws = match moment.op {
                Op::Decide { kind: 3, .. } => {
                    let live = !matches!(
                        moment.was.state,
                        State::NotOpen
                            | State::Hidden
                            | State::Retracting
                            | State::Retracted
                            | State::Superseded
                            | State::SourceDeleted
                    );
                    prop_assert_eq!(moment.answer == Some(Ok(())), live);
                    live
                }
                Op::Change { .. } | Op::Delete => true,
                Op::KeptBack | Op::Flag { withdraw: true } => moment.answer == Some(Ok(())),
                Op::Rescreen { tier: 4 } => moment.answer == Some(Ok(())) && moment.was.tier < Tier::Critical,
                Op::Rescreen { tier: 2.. } => moment.answer == Some(Ok(())) && moment.was.decisions.is_empty(),
                _ => false,
            };
            prop_assert!(!withdraws || !moment.is_visible && world.current().state != State::Released);
            Ok(())
        })?;
    }

    /// P4: what was decided on one version has no effect on another, though their bytes be equal.
    #[test]
    fn p4_a_decision_is_on_one_version(ops in history()) {
        live(&ops, |world, moment| {
            if let Op::DecideOnOld { .. } = moment.op {
                let refused = matches!(moment.answer, None | Some(Err(Refusal::NoSuchMove { .. })));
                prop_assert!(refused, "{:?}", moment.answer);
            }
            if let Op::Change { .. } = moment.op {
                prop_assert!(world.current().decisions.is_empty());
                prop_assert_eq!(world.current().tier, Tier::Critical);
            }
            let (current, old) = world.versions.split_last().unwrap();
            for old in old {
                // Even if its end had been lost.
                let old = Review { state: State::Released, ..old.clone() };
                prop_assert_eq!(visible(&world.present(&old)), Err(if world.at_source { not_open(world, Withheld::OtherVersion) } else { Withheld::Gone }));
            }
            let other = Review { fingerprint: Fingerprint([9; 32]), state: State::Released, ..current.clone() };
            prop_assert!(visible(&world.present(&other)).is_err());
            Ok(())
        })?;
    }

    /// P5: an author at tier 2 and above, or of a redaction, is never counted, nor anybody twice.
    #[test]
    fn p5_authors_and_duplicates_are_not_counted(ops in history()) {
        live(&ops, |world, moment| {
            if let (Op::Decide { who, kind: kind @ 0..3 }, Some(Ok(()))) = (moment.op, &moment.answer) {
                prop_assert!(who != AUTHOR || (kind == 0 && world.tier < Some(2)));
                prop_assert_eq!(moment.was.decisions.iter().filter(|earlier| earlier.by == PEOPLE[who]).count(), 0);
                let differ = moment.was.decisions.iter().any(|earlier| earlier.act != act(kind));
                prop_assert_eq!(differ, world.current().state == State::Disputed);
            }
            let settling = matches!(world.current().state, State::Settling | State::Released);
            if settling && !world.votes.is_empty() {
                let people: BTreeSet<usize> = world.votes.iter().map(|(who, _)| *who).collect();
                prop_assert_eq!(people.len(), world.votes.len());
                let needed = if world.tier == Some(4) { 2 } else { 1 };
                prop_assert!(people.len() >= needed);
            }
            Ok(())
        })?;
    }

    /// P6: one hide beats any number of approvals, and only who hid takes it back.
    #[test]
    fn p6_a_standing_hide_wins(ops in history()) {
        live(&ops, |world, moment| {
            if world.votes.iter().any(|(_, kind)| *kind == 3) {
                prop_assert!(!moment.is_visible && world.current().state != State::Settling);
                prop_assert_eq!(releasable(&world.present(world.current())).ok(), None);
            }
            if let (State::Hidden, Op::Undo { who }) = (moment.was.state, moment.op) {
                let hid = moment.was.decisions.last().unwrap();
                prop_assert_eq!(&hid.act, &act(3));
                prop_assert_eq!(moment.answer == Some(Ok(())), hid.by == PEOPLE[who] && !world.locked_out[who]);
            }
            Ok(())
        })?;
    }

    /// What people agreed is taken back by one of them; what the program let through, by any reviewer.
    #[test]
    fn only_who_took_part_takes_back(ops in history()) {
        live(&ops, |_, moment| {
            if let (State::AwaitingSecond | State::Settling, Op::Undo { who }) = (moment.was.state, moment.op) {
                let people: Vec<&str> = moment.was.decisions.iter().map(|earlier| earlier.by.as_str()).collect();
                let took_part = people.is_empty() || people.contains(&PEOPLE[who]);
                prop_assert_eq!(moment.answer == Some(Ok(())), took_part);
            }
            Ok(())
        })?;
    }

    /// P7: what was not screened, or not cleared, is never shown without a person.
    #[test]
    fn p7_unscreened_needs_a_person(ops in history()) {
        live(&ops, |world, moment| {
            let skimmed = world.tier == Some(1) && world.passed;
            if world.tier != Some(0) && world.votes.is_empty() && !skimmed {
                prop_assert!(!moment.is_visible);
                let waits = matches!(world.current().state, State::Settling | State::AutoHold | State::Released);
                prop_assert!(!waits, "{:?}", world.current());
            }
            Ok(())
        })?;
    }

    /// P8: time alone, forwards or backwards, shows nothing that had not been published.
    #[test]
    fn p8_time_alone_shows_nothing(ops in history(), later in 0_i64..10_000) {
        live(&ops, |world, moment| {
            if let Op::Clock { .. } = moment.op {
                prop_assert!(moment.was_visible || !moment.is_visible || moment.was.state == State::Released);
                prop_assert_eq!(world.current(), &moment.was);
            }
            let much_later = Present { now: world.now + Duration::days(later), ..world.present(world.current()) };
            prop_assert!(visible(&much_later).is_err() || world.published);
            Ok(())
        })?;
    }

    /// P9: screening once more, with a flag or without it, shows nothing by itself.
    #[test]
    fn p9_screening_again_shows_nothing(ops in history(), tier in 0_u8..5) {
        live(&ops, |world, moment| {
            if let (Op::Screen { .. }, Some(Ok(()))) = (moment.op, &moment.answer) {
                prop_assert!(!moment.is_visible);
                prop_assert!(matches!(world.current().state, State::NotOpen | State::Skim | State::AutoHold | State::Queued));
            }
            // Once a person has to look, a later "nothing found" does not change that.
            let lower = screening(Tier::try_from(tier).unwrap());
            let policy = &world.policies[0];
            let facts =
                Facts { caller: Caller::System, open_online: true, held: false, drawn: false, policy, now: world.now };
            let again = step(world.current(), &Event::Screened(&lower), &facts);
            let may = matches!(world.current().state, State::Screening | State::NotOpen);
            prop_assert_eq!(again.is_ok(), may);
            Ok(())
        })?;
    }

    /// P10: another policy moves no review; a tighter one hides at once what it no longer allows, and what was
    /// kept back for it stays so when it is loosened.
    #[test]
    fn p10_a_looser_policy_shows_nothing_again(ops in history()) {
        live(&ops, |world, moment| {
            if let Op::Policy { .. } | Op::Clear | Op::Lock { .. } | Op::Draw { .. } = moment.op {
                prop_assert_eq!(world.current(), &moment.was);
                prop_assert!(!moment.is_visible || world.enough_people());
                prop_assert!(moment.was_visible || !moment.is_visible || world.published);
            }
            if let (State::Released, Op::KeptBack) = (moment.was.state, moment.op) {
                for policy in &world.policies {
                    let loosened = Present { policy, ..world.present(world.current()) };
                    prop_assert!(visible(&loosened).is_err());
                }
            }
            Ok(())
        })?;
    }

    /// P28: nobody decides in another's name, nor in a role that is not theirs; a refusal changes nothing.
    #[test]
    fn p28_everybody_acts_as_themselves(ops in history()) {
        live(&ops, |world, moment| {
            if let Op::Forge { .. } | Op::Usurp { .. } = moment.op {
                prop_assert!(!matches!(moment.answer, Some(Ok(()))), "{:?}", moment.op);
            }
            if matches!(moment.answer, Some(Err(_))) {
                prop_assert_eq!(world.current(), &moment.was);
            }
            prop_assert!(world.votes.iter().map(|(who, _)| PEOPLE[*who]).eq(world.current().decisions.iter().map(|d| d.by.as_str())));
            Ok(())
        })?;
    }

    /// P16, as far as a clock that is wrong can be told: a hold and a grace are never shorter than agreed by the
    /// clock that granted them, and never below their floors.
    #[test]
    fn p16_hold_and_grace_are_never_shorter(ops in history()) {
        let mut agreed = None;
        live(&ops, |world, moment| {
            match (moment.op, &moment.answer) {
                (Op::Decide { .. } | Op::Resolve { .. }, Some(Ok(()))) if world.current().state == State::Settling => agreed = Some(world.now),
                (Op::HoldElapsed, Some(Ok(()))) => agreed = None,
                (Op::Publish, Some(Ok(()))) => {
                    prop_assert!(world.now >= start() + Duration::hours(24));
                    prop_assert!(agreed.is_none_or(|agreed| world.now >= agreed + Duration::minutes(15)));
                }
                _ => {}
            }
            Ok(())
        })?;
    }
}

fn not_open(world: &World, otherwise: Withheld) -> Withheld {
    if world.open_online { otherwise } else { Withheld::NotOpen }
}

/// The random histories are worth their name: they go everywhere the table goes.
#[test]
fn random_histories_take_every_row_of_the_table() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut taken: BTreeMap<(State, State), u32> = BTreeMap::new();
    let mut steps = 0;
    let mut shown = 0;
    // More on request: ANTEROOM_STEPS=1000000 cargo test --release --test review random_histories -- --nocapture
    let wanted = std::env::var("ANTEROOM_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(100_000);
    let pairs = TRANSITIONS.iter().flat_map(|row| row.to.iter().map(|to| (row.from, *to)));
    let rows = pairs.collect::<BTreeSet<_>>().len();
    let begun = std::time::Instant::now();
    // As many as it takes to go everywhere, within reason.
    while steps < wanted || taken.len() < rows && steps < 20 * wanted {
        let ops = history().new_tree(&mut runner).unwrap().current();
        live(&ops, |world, moment| {
            steps += 1;
            shown += u32::from(moment.is_visible);
            assert_eq!(moment.is_visible, world.published && world.may_be_seen());
            let ended = world
                .versions
                .iter()
                .rev()
                .nth(1)
                .map(|old| old.state)
                .filter(|_| moment.was.state != State::SourceDeleted);
            let to = if let Op::Change { .. } = moment.op { ended } else { Some(world.current().state) };
            let listed = |row: &&Transition| row.from == moment.was.state && to.is_some_and(|to| row.to.contains(&to));
            if let (Some(to), true) = (to, TRANSITIONS.iter().any(|row| listed(&row))) {
                *taken.entry((moment.was.state, to)).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    }
    println!("{steps} steps in {:?}, {shown} of them with something visible", begun.elapsed());
    for row in TRANSITIONS {
        for to in row.to {
            assert!(taken.contains_key(&(row.from, *to)), "never from {:?} to {to:?}", row.from);
        }
    }
    assert!(shown > steps / 100, "only {shown} of {steps} moments had anything visible");
}

/// The properties by name.
pub const PROPERTIES: &[(&str, fn())] = &[
    ("p1_visible_is_what_the_rules_say", p1_visible_is_what_the_rules_say),
    ("p2_only_publishing_shows", p2_only_publishing_shows),
    ("p3_towards_hidden_at_once", p3_towards_hidden_at_once),
    ("p4_a_decision_is_on_one_version", p4_a_decision_is_on_one_version),
    ("p5_authors_and_duplicates_are_not_counted", p5_authors_and_duplicates_are_not_counted),
    ("p6_a_standing_hide_wins", p6_a_standing_hide_wins),
    ("only_who_took_part_takes_back", only_who_took_part_takes_back),
    ("p7_unscreened_needs_a_person", p7_unscreened_needs_a_person),
    ("p8_time_alone_shows_nothing", p8_time_alone_shows_nothing),
    ("p9_screening_again_shows_nothing", p9_screening_again_shows_nothing),
    ("p10_a_looser_policy_shows_nothing_again", p10_a_looser_policy_shows_nothing_again),
    ("p28_everybody_acts_as_themselves", p28_everybody_acts_as_themselves),
    ("p16_hold_and_grace_are_never_shorter", p16_hold_and_grace_are_never_shorter),
];
