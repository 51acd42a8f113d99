//! Where all entries stand, by their identifiers.

use std::collections::BTreeMap;

use super::place::Place;
use crate::record::EntryId;

/// A sorted map in chunks that have room for few more than they hold. A `BTreeMap` keeps room for eleven in each node,
/// of which identifiers that come as digests do fill seven or eight: of a million entries of 80 bytes that is 118 MB,
/// where this takes 91.
#[derive(Debug, Default)]
pub struct Places {
    /// Each under an identifier that is none of its own is below.
    chunks: BTreeMap<EntryId, Chunk>,
    count: usize,
}

type Chunk = Vec<(EntryId, Place)>;

/// A chunk of so many becomes two.
const MOST: usize = 128;
/// For how many more a full chunk makes room.
const ROOM: usize = 8;
const LOWEST: EntryId = EntryId([0; 16]);

impl Places {
    /// Where an entry stands.
    pub fn get(&self, id: EntryId) -> Option<&Place> {
        let (_, chunk) = self.chunks.range(..=id).next_back()?;
        chunk.get(found(chunk, id).ok()?).map(|(_, place)| place)
    }

    /// Puts an entry that stands nowhere.
    pub fn insert(&mut self, id: EntryId, place: Place) {
        if self.chunks.is_empty() {
            self.chunks.insert(LOWEST, Chunk::new());
        }
        let Some((_, chunk)) = self.chunks.range_mut(..=id).next_back() else { return };
        if chunk.len() == chunk.capacity() {
            chunk.reserve_exact(ROOM);
        }
        let (Ok(at) | Err(at)) = found(chunk, id);
        chunk.insert(at, (id, place));
        self.count += 1;
        if chunk.len() >= MOST {
            let upper = chunk.split_off(MOST / 2);
            chunk.shrink_to_fit();
            self.chunks.extend(upper.first().map(|(first, _)| *first).map(|first| (first, upper)));
        }
    }

    /// Takes an entry away from where it stands.
    pub fn remove(&mut self, id: EntryId) -> Option<Place> {
        let (_, chunk) = self.chunks.range_mut(..=id).next_back()?;
        let at = found(chunk, id).ok()?;
        self.count -= 1;
        Some(chunk.remove(at).1)
    }

    /// All entries, in the order of their identifiers.
    pub fn iter(&self) -> impl Iterator<Item = (EntryId, &Place)> {
        self.chunks.values().flatten().map(|(id, place)| (*id, place))
    }

    /// Those from an identifier on.
    pub fn from(&self, from: EntryId) -> impl Iterator<Item = (EntryId, &Place)> {
        let first = self.chunks.range(..=from).next_back().map_or(LOWEST, |(first, _)| *first);
        let chunks = self.chunks.range(first..).flat_map(|(_, chunk)| chunk);
        chunks.map(|(id, place)| (*id, place)).skip_while(move |(id, _)| *id < from)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn found(chunk: &Chunk, id: EntryId) -> Result<usize, usize> {
    chunk.binary_search_by_key(&id, |(id, _)| *id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::super::place::Facts;
    use super::*;
    use crate::record::{PatientId, Tier, Version};
    use crate::review::State;

    fn place(seq: u64) -> Place {
        Place::from(Facts {
            seq,
            patient: PatientId([0; 16]),
            version: Version(1),
            state: State::AutoHold,
            tier: Tier::Nothing,
            by_rule: true,
            since: DateTime::UNIX_EPOCH,
            recorded: DateTime::UNIX_EPOCH,
            due: None,
            further: super::super::place::Further::default(),
        })
    }

    fn id(number: u16, spread: bool) -> EntryId {
        let number = if spread { u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15 << 64) } else { number.into() };
        EntryId(number.to_be_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn it_is_a_sorted_map(
            steps in proptest::collection::vec((0..900_u16, 0..5_u8), 0..3_000),
            spread: bool,
            from in 0..900_u16,
        ) {
            let (mut places, mut model) = (Places::default(), BTreeMap::new());
            for (seq, (number, what)) in (1..).zip(steps) {
                let id = id(number, spread);
                let (removed, before) = (places.remove(id), model.remove(&id));
                prop_assert_eq!(removed.map(|place| place.seq), before);
                if what > 0 {
                    places.insert(id, place(seq));
                    model.insert(id, seq);
                }
                prop_assert_eq!(places.get(id).map(|place| place.seq), model.get(&id).copied());
            }
            prop_assert_eq!((places.len(), places.is_empty()), (model.len(), model.is_empty()));
            let seqs = |(id, place): (EntryId, &Place)| (id, place.seq);
            let all: Vec<_> = places.iter().map(seqs).collect();
            prop_assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>());
            let from = id(from, spread);
            let rest: Vec<_> = places.from(from).map(seqs).collect();
            prop_assert_eq!(rest, model.range(from..).map(|(id, seq)| (*id, *seq)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn chunks_have_little_room_however_they_were_filled() {
        for spread in [false, true] {
            let mut places = Places::default();
            (0..20_000).for_each(|number| places.insert(id(number, spread), place(1)));
            let room: usize = places.chunks.values().map(Vec::capacity).sum();
            assert!(places.len() == 20_000 && room < 20_000 * 11 / 10, "room for {room}");
            assert!(places.chunks.values().all(|chunk| chunk.len() < MOST));
        }
    }
}
