//! Lines that come without their entry: beside which line they belong, and where deleted ones were.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::super::ServiceError;
use super::index::{Before, LineId};
use super::intake::{FiledLoose, Intake, Item, Loose, Place, Put};
use super::spool::{SHARES, Spool, share_of};
use crate::record::SourceKey;

impl Intake<'_, '_> {
    /// Finds the entry of every line that came without one: beside the line it belongs with, in this feed or in
    /// the store, else alone. Then the entries of deleted lines.
    ///
    /// # Errors
    /// When the store or the temporary file fails.
    pub fn place_loose(&mut self) -> Result<(), ServiceError> {
        let mut gone: Spool<FiledLoose> = Spool::new();
        let mut must_place = false;
        loop {
            let waiting = std::mem::replace(&mut self.loose, Spool::new());
            let (mut placed, mut left) = (0_u64, 0_u64);
            for share in 0..SHARES {
                let loose = waiting.read(share)?;
                if loose.is_empty() {
                    continue;
                }
                let (places, before) = (self.places_in(share)?.of, self.pull.before(share)?);
                for (moment, at, what) in loose {
                    let (with, facts) = match what {
                        Loose::Line(with, facts) => (with, facts),
                        Loose::Stays(own, kind, group, facts) => {
                            let stored = self.pull.service.group_before(&before, &self.line_id(&own))?;
                            placed += 1;
                            let group = stored.filter(|stored| stored.id.starts_with(&kind)).unwrap_or(group);
                            self.place(group, facts, (moment, at))?;
                            continue;
                        }
                        Loose::Gone(_) | Loose::CompanionGone(_) => {
                            gone.push(share, &(moment, at, what))?;
                            continue;
                        }
                    };
                    let line = self.line_id(&with);
                    let group = match places.get(&line) {
                        Some(Place::In(put)) => put.group.clone(),
                        // It waits for another itself. Lines that name each other in a ring end as entries of
                        // their own.
                        Some(Place::With) if !must_place => {
                            left += 1;
                            self.loose.push(share, &(moment, at, Loose::Line(with, facts)))?;
                            continue;
                        }
                        _ => self.pull.service.group_before(&before, &line)?.unwrap_or(with),
                    };
                    placed += 1;
                    self.place(group, facts, (moment, at))?;
                }
            }
            if left == 0 {
                break;
            }
            must_place = placed == 0;
        }
        self.index(&gone)
    }

    /// Says of deleted lines in which entries they are.
    pub(super) fn lines_gone(
        &mut self,
        gone: Vec<FiledLoose>,
        places: &HashMap<LineId, Place>,
        before: &Before,
    ) -> Result<(), ServiceError> {
        for (moment, at, what) in gone {
            let (key, must_be_known) = match what {
                Loose::Gone(key) => (key, true),
                Loose::CompanionGone(key) => (key, false),
                Loose::Line(..) | Loose::Stays(..) => continue,
            };
            let line = self.line_id(&key);
            let stored = self.pull.service.group_before(before, &line)?;
            let group = match places.get(&line) {
                Some(Place::In(put)) => Some(put.group.clone()),
                _ => stored.clone(),
            };
            // Sent anew into another entry, it is gone from the one that it was in.
            if let Some(old) = stored.filter(|old| group.as_ref() != Some(old)) {
                let entry = self.entry_id(&old);
                self.items.push(share_of(&entry), &(moment, at, entry, Item::LineGone(old, key.clone())))?;
            }
            match group {
                Some(group) => {
                    self.spoken_of.insert(group.clone());
                    let entry = self.entry_id(&group);
                    self.items.push(share_of(&entry), &(moment, at, entry, Item::LineGone(group, key)))?;
                }
                // An entry sent anew that has no line of its own any more: it may never have had one.
                None if !must_be_known || places.contains_key(&line) || self.spoken_of.contains(&key) => {}
                None => {
                    self.pending.tally.unknown_deletions += 1;
                    self.pull.remember_gone(&key, &mut self.pending);
                }
            }
        }
        Ok(())
    }

    /// Where the lines of a share are.
    pub(super) fn places_in(&self, share: usize) -> Result<Places, ServiceError> {
        let mut places = Places::default();
        for (line, place) in self.places.read(share)? {
            places.take(line, place);
        }
        Ok(places)
    }
}

/// Where the lines of a share are.
#[derive(Default)]
pub struct Places {
    /// The place of each that was said last.
    pub of: HashMap<LineId, Place>,
    /// Entries out of which the feed itself took a line: the line, and where it was put then.
    pub left: Vec<(SourceKey, LineId, Put)>,
    /// Entries beside that one in which a line of the same name and of another patient is kept.
    pub kept: HashSet<(LineId, [u8; 16])>,
}

impl Places {
    fn take(&mut self, line: LineId, place: Place) {
        let mut known = match self.of.entry(line) {
            Entry::Vacant(free) => {
                free.insert(place);
                return;
            }
            Entry::Occupied(known) => known,
        };
        let Place::In(put) = place else { return };
        let put = match known.get() {
            Place::In(before) if before.entry != put.entry => {
                let (stays, other) = if put.at < before.at { (before, &put) } else { (&put, before) };
                if before.patient == put.patient {
                    self.left.push((other.group.clone(), line, stays.clone()));
                } else {
                    self.kept.extend([(line, before.entry), (line, put.entry)]);
                }
                stays.clone()
            }
            _ => put,
        };
        known.insert(Place::In(put));
    }
}
