//! In which order what waits is handed out: total, told from each entry's own facts, and without starvation.
//!
//! By tier, then who waited longest. Every fifth hand-out is the entry whose target ends first, whatever its tier, so
//! that no stream of graver ones keeps it waiting for ever. An order is all this makes: nothing here shows anything.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};

use super::guard::Guard;
use super::policy::Policy;
use crate::record::{EntryId, Tier};

/// Of so many hand-outs one goes by the end of the target.
pub const TURNS: u64 = 5;

/// What the place of an entry depends on. The greatest tier comes first, then who waited longest, then what was
/// recorded first; the entry itself only makes the order total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Waits {
    /// Its tier.
    pub tier: Reverse<Tier>,
    /// Since when it waits.
    pub since: DateTime<Utc>,
    /// When it was recorded.
    pub recorded: DateTime<Utc>,
    /// Which entry.
    pub entry: EntryId,
}

/// Why an entry has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Of what is left it has the highest tier, and waited longest of these.
    Tier,
    /// Of what is left its target ends first.
    Target,
}

/// What waits, each with something small of the caller's, by which it finds the rest.
#[derive(Debug)]
pub struct Order<T> {
    policy: Policy,
    waiting: BTreeMap<Waits, T>,
    by_target: BTreeMap<(DateTime<Utc>, Waits), T>,
    together: BTreeMap<(Tier, DateTime<Utc>), Together>,
    handed_out: u64,
}

/// Entries of one tier that wait since one moment, as all do that one pull brought: a calendar of working hours takes
/// long to say when their target ends, and is asked once.
#[derive(Debug)]
struct Together {
    end: DateTime<Utc>,
    count: u64,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            waiting: BTreeMap::new(),
            by_target: BTreeMap::new(),
            together: BTreeMap::new(),
            handed_out: 0,
        }
    }
}

impl<T: Copy> Order<T> {
    /// Puts an entry in.
    pub fn insert(&mut self, waits: Waits, with: T) {
        let (tier, since) = (waits.tier.0, waits.since);
        let policy = &self.policy;
        let together =
            self.together.entry((tier, since)).or_insert_with(|| Together { end: policy.due(tier, since), count: 0 });
        self.by_target.insert((together.end, waits), with);
        if self.waiting.insert(waits, with).is_none() {
            together.count += 1;
        }
    }

    /// Takes an entry out, if it is in.
    pub fn remove(&mut self, waits: &Waits) -> Option<T> {
        let with = self.waiting.remove(waits)?;
        if let Entry::Occupied(mut together) = self.together.entry((waits.tier.0, waits.since)) {
            self.by_target.remove(&(together.get().end, *waits));
            together.get_mut().count -= 1;
            if together.get().count == 0 {
                together.remove();
            }
        }
        Some(with)
    }

    /// Somebody has dealt with an entry: the next has its turn.
    pub fn hand_out(&mut self) {
        self.handed_out += 1;
    }

    /// What the caller gave with an entry.
    pub fn get(&self, waits: &Waits) -> Option<T> {
        self.waiting.get(waits).copied()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All of them, by tier and age alone.
    pub fn all(&self) -> impl Iterator<Item = &Waits> {
        self.waiting.keys()
    }

    /// How many there are of each tier, and since when.
    pub fn together(&self) -> impl Iterator<Item = (Tier, DateTime<Utc>, u64)> {
        self.together.iter().map(|((tier, since), together)| (*tier, *since, together.count))
    }

    /// All of them, each once, in the order in which they are handed out, and why each has its place.
    pub fn in_turn(&self) -> impl Iterator<Item = (Turn, &Waits, &T)> {
        let (mut by_tier, mut by_target) = (self.waiting.iter(), self.by_target.iter());
        // How far each of the two orders has been gone through. What lies before either has been handed out.
        let (mut tier_at, mut target_at): (Option<&Waits>, Option<(DateTime<Utc>, Waits)>) = (None, None);
        // Those that stand side by side are mostly of one tier and came with one pull.
        let (mut of, mut ends) = ((Tier::Nothing, DateTime::<Utc>::MIN_UTC), DateTime::<Utc>::MAX_UTC);
        let mut end = move |waits: &Waits| {
            if of != (waits.tier.0, waits.since) {
                of = (waits.tier.0, waits.since);
                ends = self.together.get(&of).map_or(DateTime::<Utc>::MAX_UTC, |together| together.end);
            }
            ends
        };
        (self.handed_out..).map_while(move |n| {
            if Guard::EveryFifth.stops(n % TURNS == TURNS - 1) {
                let (next, with) = by_target.find(|((_, waits), _)| tier_at.is_none_or(|at| waits > at))?;
                target_at = Some(*next);
                return Some((Turn::Target, &next.1, with));
            }
            let (waits, with) = by_tier.find(|(waits, _)| target_at.is_none_or(|at| (end(waits), **waits) > at))?;
            tier_at = Some(waits);
            Some((Turn::Tier, waits, with))
        })
    }

    /// Goes by another policy from now on.
    pub fn agree(&mut self, policy: &Policy) {
        self.policy = policy.clone();
        for ((tier, since), together) in &mut self.together {
            together.end = policy.due(*tier, *since);
        }
        let end = |waits: &Waits| self.together.get(&(waits.tier.0, waits.since)).map(|together| together.end);
        self.by_target = self.waiting.iter().filter_map(|(waits, with)| Some(((end(waits)?, *waits), *with))).collect();
    }
}
