//! What a feed says of one entry, and what of it counts where it says several things.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::index::LineId;
use super::intake::{Item, Sequence};
use crate::record::{IdentityKey, SourceKey, Unreadable};
use crate::source::{GroupFacts, PartFacts};

/// What was said of one entry.
#[derive(Debug, Clone)]
pub struct Group {
    /// The source's name for it.
    pub key: SourceKey,
    /// Its header.
    pub header: Option<GroupFacts>,
    /// Its lines that are new or changed.
    pub lines: Vec<PartFacts>,
    /// Its lines that are gone.
    pub gone: HashSet<SourceKey>,
    /// Its lines that are in another entry now.
    pub left: HashSet<LineId>,
    /// Whether it is gone as a whole.
    pub all_gone: bool,
    /// Of its lines and itself, what was sent before.
    pub sent_before: HashSet<LineId>,
    /// As of when what was said was so; `None` where something does not say.
    pub as_of: Option<DateTime<Utc>>,
}

impl Group {
    /// An entry of which nothing was said yet.
    pub fn new(key: SourceKey, as_of: Option<DateTime<Utc>>) -> Self {
        let (gone, left, sent_before) = (HashSet::new(), HashSet::new(), HashSet::new());
        Self { key, header: None, lines: Vec::new(), gone, left, all_gone: false, sent_before, as_of }
    }

    /// Whether the feed speaks of it, and not only of a line that is no longer in it.
    pub fn is_spoken_of(&self) -> bool {
        self.header.is_some() || self.all_gone || !self.lines.is_empty() || !self.gone.is_empty()
    }

    /// An entry that is gone.
    pub fn departed(key: SourceKey, as_of: Option<DateTime<Utc>>) -> Self {
        Self { all_gone: true, ..Self::new(key, as_of) }
    }
}

/// What was said of one entry, each thing with its place in the order in which the feed applies.
pub struct Said {
    /// What it comes to so far.
    pub group: Group,
    /// Where the header, or that it is gone as a whole, was said last.
    whole_at: Sequence,
    lines: Vec<(Sequence, PartFacts)>,
    gone: HashMap<SourceKey, Sequence>,
    left: HashMap<LineId, Sequence>,
}

impl Said {
    /// An entry of which nothing was said yet.
    pub fn of(key: SourceKey, as_of: Option<DateTime<Utc>>) -> Self {
        let group = Group::new(key, as_of);
        let (gone, left) = (HashMap::new(), HashMap::new());
        Self { group, whole_at: Sequence::default(), lines: Vec::new(), gone, left }
    }

    /// Takes in what was said at a place.
    pub fn take(&mut self, at: Sequence, item: Item) {
        match item {
            Item::Header(_) | Item::AllGone(_) if at < self.whole_at => {}
            Item::Header(facts) => {
                (self.whole_at, self.group.all_gone) = (at, false);
                self.group.header = Some(facts);
            }
            Item::AllGone(_) => (self.whole_at, self.group.all_gone) = (at, true),
            Item::Line(_, facts) => self.lines.push((at, *facts)),
            Item::LineGone(_, line) => {
                let last = self.gone.entry(line).or_insert(at);
                *last = at.max(*last);
            }
            Item::LineLeft(_, line) => {
                let last = self.left.entry(line).or_insert(at);
                *last = at.max(*last);
            }
        }
    }

    /// What counts of it: of a line what was said last.
    pub fn settled(self, identity: &IdentityKey) -> Group {
        let Self { mut group, mut lines, gone, left, .. } = self;
        if !left.is_empty() {
            group.left = left.keys().copied().collect();
            lines.retain(|(at, facts)| {
                let line = identity.part(&facts.part.key);
                let came_back = left.get(&line).is_none_or(|left| left < at);
                if came_back {
                    group.left.remove(&line);
                }
                came_back
            });
        }
        lines.sort_by_key(|(at, _)| *at);
        if !gone.is_empty() {
            let sent: HashMap<&SourceKey, Sequence> = lines.iter().map(|(at, facts)| (&facts.part.key, *at)).collect();
            let stays_gone = |(key, at): &(&SourceKey, &Sequence)| sent.get(*key).is_none_or(|sent| sent < *at);
            group.gone = gone.iter().filter(stays_gone).map(|(key, _)| key.clone()).collect();
        }
        group.lines = lines.into_iter().map(|(_, facts)| facts).collect();
        keep_apart(&mut group.lines);
        group
    }
}

/// Lines of one name and of different patients cannot both be right: columns may have been exchanged. Both are kept,
/// under names of their own, and held.
fn keep_apart(lines: &mut [PartFacts]) {
    let mut names: Vec<&SourceKey> = lines.iter().map(|facts| &facts.part.key).collect();
    names.sort_unstable();
    if names.windows(2).all(|pair| matches!(pair, [first, second] if first != second)) {
        return;
    }
    let mut patients: HashMap<SourceKey, Vec<SourceKey>> = HashMap::new();
    // The last keeps the name.
    for facts in lines.iter().rev() {
        let of_name = patients.entry(facts.part.key.clone()).or_default();
        if !of_name.contains(&facts.patient) {
            of_name.push(facts.patient.clone());
        }
    }
    for facts in lines {
        let Some(of_name) = patients.get(&facts.part.key).filter(|patients| patients.len() > 1) else { continue };
        facts.part.unreadable.get_or_insert(Unreadable::Damaged);
        if let Some(place @ 1..) = of_name.iter().position(|patient| *patient == facts.patient) {
            facts.part.key.id = format!("{}#{}", facts.part.key.id, place + 1);
        }
    }
}
