//! An entry with people, a clock and a source that do as they like, and a model of the rules beside it.

use std::collections::BTreeSet;

use anteroom::record::{Fingerprint, Tier};
use anteroom::review::{
    Already, Caller, Event, EventName, Facts, Policy, Present, Refusal, Review, State, step, visible,
};
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;

use super::kit::*;

/// Something that happens. People and clocks do as they like, rightly or wrongly.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Screen {
        tier: u8,
    },
    /// Newer rules read it.
    Rescreen {
        tier: u8,
    },
    Decide {
        who: usize,
        kind: usize,
    },
    /// The lead decides for others.
    Resolve {
        who: usize,
        kind: usize,
    },
    /// In another's name.
    Forge {
        who: usize,
        name: usize,
        kind: usize,
    },
    /// One of the eight things beside deciding.
    Handle {
        who: usize,
        which: usize,
    },
    ReadBack {
        who: usize,
        named_it: bool,
    },
    Undo {
        who: usize,
    },
    /// On the skim page.
    Pass {
        who: usize,
        on_screen: u64,
    },
    Pick {
        who: usize,
    },
    Sampled,
    DeferralOver,
    HoldElapsed,
    Publish,
    KeptBack,
    Purged,
    /// A flag is set on the patient.
    Flag {
        withdraw: bool,
    },
    /// The flag is cleared.
    Clear,
    /// Somebody declares a conflict of interest, or is let in again.
    Lock {
        who: usize,
        out: bool,
    },
    /// Chance draws it for a second reading, or not.
    Draw {
        drawn: bool,
    },
    /// What the program does, asked for by a person, and what a person does, by the program.
    Usurp {
        who: usize,
        event: usize,
    },
    Change {
        same: bool,
    },
    Delete,
    Clock {
        minutes: i64,
    },
    Policy {
        number: usize,
    },
    Access {
        open: bool,
    },
    /// On the version before the current one.
    DecideOnOld {
        who: usize,
        kind: usize,
    },
}

pub fn op() -> impl Strategy<Value = Op> {
    let who = 0..PEOPLE.len();
    let tier = || prop_oneof![4 => Just(0_u8), 3 => Just(1), 2 => Just(2), 1 => Just(3), 2 => Just(4)];
    let people = prop_oneof![
        10 => (who.clone(), prop_oneof![4 => Just(0_usize), 2 => Just(1), 1 => Just(2)])
            .prop_map(|(who, kind)| Op::Decide { who, kind }),
        1 => who.clone().prop_map(|who| Op::Decide { who, kind: 3 }),
        1 => (who.clone(), who.clone(), 0..4_usize).prop_map(|(who, name, kind)| Op::Forge { who, name, kind }),
        3 => (prop_oneof![4 => Just(LEAD), 1 => who.clone()], 0..4_usize)
            .prop_map(|(who, kind)| Op::Resolve { who, kind }),
        6 => (prop_oneof![2 => Just(LEAD), 1 => who.clone()], prop_oneof![0..8_usize, Just(4)])
            .prop_map(|(who, which)| Op::Handle { who, which }),
        2 => (who.clone(), prop::bool::weighted(0.2)).prop_map(|(who, named_it)| Op::ReadBack { who, named_it }),
        2 => who.clone().prop_map(|who| Op::Undo { who }),
        4 => (who.clone(), prop_oneof![4 => Just(500_u64), 1 => Just(499)])
            .prop_map(|(who, on_screen)| Op::Pass { who, on_screen }),
        1 => who.clone().prop_map(|who| Op::Pick { who }),
        1 => (who.clone(), 0..EventName::ALL.len()).prop_map(|(who, event)| Op::Usurp { who, event }),
        1 => (who.clone(), prop::bool::weighted(0.3)).prop_map(|(who, out)| Op::Lock { who, out }),
        1 => (who, 0..4_usize).prop_map(|(who, kind)| Op::DecideOnOld { who, kind }),
    ];
    let program = prop_oneof![
        6 => tier().prop_map(|tier| Op::Screen { tier }),
        1 => tier().prop_map(|tier| Op::Rescreen { tier }),
        1 => Just(Op::Sampled),
        1 => Just(Op::DeferralOver),
        6 => Just(Op::HoldElapsed),
        12 => Just(Op::Publish),
        1 => Just(Op::KeptBack),
        3 => Just(Op::Purged),
        1 => prop::bool::ANY.prop_map(|withdraw| Op::Flag { withdraw }),
        4 => Just(Op::Clear),
        1 => prop::bool::weighted(0.3).prop_map(|drawn| Op::Draw { drawn }),
        1 => any::<bool>().prop_map(|same| Op::Change { same }),
        1 => Just(Op::Delete),
        8 => prop_oneof![3 => Just(25 * 60_i64), 2 => Just(80 * 60), 1 => -90 * 60..=90 * 60_i64]
            .prop_map(|minutes| Op::Clock { minutes }),
        1 => (0..5_usize).prop_map(|number| Op::Policy { number }),
        1 => prop::bool::weighted(0.8).prop_map(|open| Op::Access { open }),
    ];
    prop_oneof![people, program]
}

/// An entry at its source, its reviews, and what the rules say of it, kept apart from what the code says.
pub struct World {
    pub policies: [Policy; 5],
    pub policy: usize,
    pub now: DateTime<Utc>,
    pub open_online: bool,
    pub at_source: bool,
    pub held: bool,
    pub drawn: bool,
    pub locked_out: [bool; 4],
    pub versions: Vec<Review>,
    /// What stands: who wants what, in the order in which they said it.
    pub votes: Vec<(usize, usize)>,
    /// Whether a lead set a hide of this version aside.
    pub overruled: bool,
    /// Whether somebody read its line on the skim page and let it pass.
    pub passed: bool,
    /// What screening said, at its highest; `None` before it has spoken.
    pub tier: Option<u8>,
    /// Whether it was published and nothing has withdrawn it since.
    pub published: bool,
}

/// What an operation did, with how things stood before it.
pub struct Moment {
    pub op: Op,
    pub was_visible: bool,
    pub is_visible: bool,
    pub was: Review,
    /// What `step` answered, where it was asked.
    pub answer: Option<Result<(), Refusal>>,
}

impl World {
    pub fn new() -> Self {
        Self {
            policies: policies(),
            policy: 0,
            now: start(),
            open_online: true,
            at_source: true,
            held: false,
            drawn: false,
            locked_out: [false; 4],
            versions: vec![fresh()],
            votes: Vec::new(),
            overruled: false,
            passed: false,
            tier: None,
            published: false,
        }
    }

    pub fn current(&self) -> &Review {
        self.versions.last().unwrap()
    }

    pub fn present<'a>(&'a self, review: &'a Review) -> Present<'a> {
        Present {
            version: self.current().version,
            fingerprint: self.current().fingerprint,
            at_source: self.at_source,
            open_online: self.open_online,
            review,
            policy: &self.policies[self.policy],
            now: self.now,
        }
    }

    pub fn is_visible(&self) -> bool {
        visible(&self.present(self.current())).is_ok()
    }

    /// The rules in other words: what the code may show now.
    pub fn may_be_seen(&self) -> bool {
        let held = match self.policy {
            1 => 120,
            2 => 24,
            _ => 72,
        };
        self.at_source && self.open_online && self.now >= start() + Duration::hours(held) && self.enough_people()
    }

    pub fn enough_people(&self) -> bool {
        let Some(tier) = self.tier else { return false };
        let Some((_, kind)) = self.votes.first() else {
            return !self.overruled && (tier == 0 || (tier == 1 && self.passed));
        };
        let agree = self.votes.iter().all(|(_, other)| other == kind) && *kind < 3;
        let counted = |who: usize| who != AUTHOR || (tier < 2 && *kind == 0);
        let people: BTreeSet<usize> = self.votes.iter().map(|(who, _)| *who).filter(|who| counted(*who)).collect();
        let needed = match (self.policy, tier) {
            (1, 4) => 3,
            (1, 2 | 3) | (3, _) | (_, 4) => 2,
            _ if self.overruled => 2,
            _ => 1,
        };
        let led = self.policy != 4 || tier < 2 || people.contains(&LEAD);
        agree && led && people.len() >= needed
    }

    fn person(&self, who: usize) -> Caller<'static> {
        let locked_out = self.locked_out[who];
        Caller::Reviewer { login: PEOPLE[who], lead: who == LEAD, wrote_it: who == AUTHOR, locked_out }
    }

    fn step(&mut self, event: &Event<'_>, caller: Caller<'static>) -> Result<(), Refusal> {
        let facts = Facts {
            caller,
            open_online: self.open_online,
            held: self.held,
            drawn: self.drawn,
            policy: &self.policies[self.policy],
            now: self.now,
        };
        let next = step(self.current(), event, &facts)?;
        *self.versions.last_mut().unwrap() = next;
        Ok(())
    }

    /// Carries `op` out and keeps the books.
    pub fn apply(&mut self, op: Op) -> Moment {
        let (was_visible, was) = (self.is_visible(), self.current().clone());
        let answer = match op {
            Op::Screen { tier } => {
                let answer = self.step(&Event::Screened(&screening(Tier::try_from(tier).unwrap())), Caller::System);
                if answer.is_ok() {
                    self.tier = Some(if self.held { 4 } else { tier });
                }
                Some(answer)
            }
            Op::Rescreen { tier } => {
                let answer = self.step(&Event::Rescreened(&screening(Tier::try_from(tier).unwrap())), Caller::System);
                if answer.is_ok() {
                    self.newer_rules(tier, was.state);
                }
                Some(answer)
            }
            Op::Decide { who, kind } => {
                let answer = self.step(&decide(who, kind, self.now), self.person(who));
                if answer.is_ok() {
                    self.votes.push((who, kind));
                    self.published &= kind < 3;
                }
                Some(answer)
            }
            Op::Resolve { who, kind } => {
                let answer = self.step(&resolve(who, kind, self.now), self.person(who));
                if answer.is_ok() {
                    if kind < 3 {
                        self.overruled |= self.votes.iter().any(|(_, other)| *other == 3);
                        self.votes.retain(|(_, other)| *other == kind);
                    }
                    self.votes.push((who, kind));
                }
                Some(answer)
            }
            Op::Forge { who, name, kind } if who != name => {
                Some(self.step(&decide(name, kind, self.now), self.person(who)))
            }
            Op::Forge { .. } => None,
            Op::Handle { who, which } => Some(self.handle(who, which)),
            Op::ReadBack { who, named_it } => Some(self.step(&Event::ReadBack { named_it }, self.person(who))),
            Op::Undo { who } => Some(self.fall(&Event::Undo, self.person(who))),
            Op::Pass { who, on_screen } => {
                let answer = self.step(&pass(who, on_screen, self.now), self.person(who));
                self.passed |= answer.is_ok();
                Some(answer)
            }
            Op::Pick { who } => Some(self.fall(&Event::Pick, self.person(who))),
            Op::KeptBack => Some(self.fall(&Event::KeptBack, Caller::System)),
            Op::Sampled => Some(self.fall(&Event::Sampled, Caller::System)),
            Op::DeferralOver => Some(self.step(&Event::DeferralOver, Caller::System)),
            Op::HoldElapsed => Some(self.step(&Event::HoldElapsed, Caller::System)),
            Op::Purged => Some(self.step(&Event::Purged, Caller::System)),
            Op::Publish => {
                let answer = self.step(&Event::Publish, Caller::System);
                self.published |= answer.is_ok();
                Some(answer)
            }
            Op::Flag { withdraw } => {
                self.held = true;
                Some(self.flag(withdraw))
            }
            Op::Clear => {
                self.held = false;
                None
            }
            Op::Lock { who, out } => {
                self.locked_out[who] = out;
                None
            }
            Op::Draw { drawn } => {
                self.drawn = drawn;
                None
            }
            Op::Usurp { who, event } => {
                let found = screening(Tier::Nothing);
                let event = event_of(EventName::ALL[event], &found, who);
                let callers = match by_people(&event) {
                    true => [Caller::System, Caller::Other],
                    false => [self.person(who), Caller::Other],
                };
                let answers = callers.map(|caller| self.step(&event, caller));
                answers.into_iter().find(Result::is_ok).or(Some(Err(Refusal::NotYou)))
            }
            Op::Change { same } => {
                if self.at_source {
                    self.step(&Event::SourceChanged, Caller::System).unwrap();
                }
                let old = self.current();
                let fingerprint = if same { old.fingerprint } else { Fingerprint([old.fingerprint.0[0] ^ 3; 32]) };
                let next = Review::begin(old.version.next(), fingerprint, old.first_pulled, self.now);
                self.versions.push(next);
                (self.at_source, self.published, self.tier, self.passed) = (true, false, None, false);
                self.overruled = false;
                self.votes.clear();
                None
            }
            Op::Delete if self.at_source => {
                self.step(&Event::SourceDeleted, Caller::System).unwrap();
                (self.at_source, self.published) = (false, false);
                None
            }
            Op::Delete => None,
            Op::Clock { minutes } => {
                self.now += Duration::minutes(minutes);
                None
            }
            Op::Policy { number } => {
                self.policy = number;
                None
            }
            Op::Access { open } => {
                self.open_online = open;
                None
            }
            Op::DecideOnOld { who, kind } => self.versions.iter().rev().nth(1).map(|old| {
                let facts = Facts {
                    caller: self.person(who),
                    open_online: true,
                    held: false,
                    drawn: false,
                    policy: &self.policies[0],
                    now: self.now,
                };
                step(old, &decide(who, kind, self.now), &facts).map(drop)
            }),
        };
        Moment { op, was_visible, is_visible: self.is_visible(), was, answer }
    }

    fn handle(&mut self, who: usize, which: usize) -> Result<(), Refusal> {
        let answer = self.step(&handle(which), self.person(who));
        if answer.is_ok() && matches!(which, 3 | 4) {
            self.overruled |= which == 4 || self.votes.iter().any(|(_, kind)| *kind == 3);
            self.votes.clear();
            self.passed = false;
        }
        answer
    }

    /// A flag: what was agreed falls, a hide stands, what is visible stays unless somebody said otherwise.
    fn flag(&mut self, withdraw: bool) -> Result<(), Refusal> {
        let before = self.current().state;
        let already = if withdraw { Already::Withdrawn } else { Already::Stays };
        self.step(&Event::Flagged(already), Caller::System)?;
        if before == State::Released && !withdraw {
            return Ok(());
        }
        self.tier = Some(4);
        self.passed = false;
        self.published = false;
        if matches!(before, State::Disputed | State::Escalated) {
            self.votes.retain(|(_, kind)| *kind == 3);
        } else {
            self.votes.clear();
        }
        Ok(())
    }

    /// What newer rules mean, in other words than the code's.
    fn newer_rules(&mut self, tier: u8, before: State) {
        let old = self.tier.unwrap_or(4);
        let by_rule = self.votes.is_empty() && matches!(before, State::AutoHold | State::Settling | State::Released);
        let falls = if by_rule {
            !(tier == 0 || tier == 1 && self.passed)
        } else {
            match before {
                State::Released => tier > old && tier == 4,
                State::Settling | State::AwaitingSecond => tier > old,
                _ => false,
            }
        };
        if falls {
            self.votes.clear();
            self.passed = false;
            self.published = false;
        }
        // What people approved and newer rules find a little more in stays as it was decided.
        let stays = !falls && (before == State::Released || by_rule);
        if !(stays || before == State::Skim && tier <= 1) {
            self.tier = Some(old.max(tier));
        }
    }

    /// Everything that was decided falls.
    fn fall(&mut self, event: &Event<'_>, caller: Caller<'static>) -> Result<(), Refusal> {
        let answer = self.step(event, caller);
        if answer.is_ok() {
            self.votes.clear();
            self.passed = false;
            self.published = false;
        }
        answer
    }
}

fn by_people(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Decide(_)
            | Event::Withdraw(..)
            | Event::Resolve(..)
            | Event::ReadBack { .. }
            | Event::Handle(_)
            | Event::Pass(_)
            | Event::Pick
            | Event::Undo
    )
}
