//! Misspelt words: an unknown word one slip away from a long word of the rules is read as that word.
//!
//! Deletion neighbourhoods (Garbe's SymSpell): two words one edit apart share a string that each becomes by
//! dropping at most one letter. Short words and abbreviations are left alone: one letter makes another word of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::vocabulary::{Vocabulary, WordHash, hash};

/// The shortest word that may be a misspelling.
const SHORTEST: usize = 6;
/// From this length on, two slips are forgiven.
const LONG: usize = 10;
/// No word is longer than this; a longer one is not looked at, so that the cost stays bounded.
const LONGEST: usize = 24;
/// Slots of the memory of answers, a power of two.
const SLOTS: usize = 1 << 17;

/// The bits of a hash that a slot keeps beside the answer.
const HASH_KEPT: u64 = (1 << 44) - 1;

/// Finds the word that was meant.
pub(super) struct Spelling {
    words: Vec<(Box<str>, u32)>,
    /// Hash of a word with some letters dropped → the words that become it.
    dropped: HashMap<u64, Vec<u16>, WordHash>,
    /// Words that look like a slip and are none.
    ordinary: std::collections::HashSet<Box<str>>,
    /// Answers already given, each with a piece of its word's hash. A lost race costs a second look-up, nothing else.
    memory: Box<[AtomicU64]>,
}

impl std::fmt::Debug for Spelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spelling({} words)", self.words.len())
    }
}

impl Spelling {
    /// Learns the long words of `vocabulary`; `ordinary` words are never taken for misspellings.
    pub fn new<'w>(vocabulary: &Vocabulary, ordinary: impl Iterator<Item = &'w str>) -> Self {
        let mut words: Vec<(Box<str>, u32)> = vocabulary
            .words()
            .filter(|(word, _)| {
                (SHORTEST..=LONGEST).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())
            })
            .map(|(word, number)| (word.into(), number))
            .collect();
        words.sort_unstable();
        words.truncate(usize::from(u16::MAX));
        let mut dropped: HashMap<u64, Vec<u16>, WordHash> = HashMap::default();
        for (at, (word, _)) in words.iter().enumerate() {
            each_drop(word.as_bytes(), slips(word.len()), &mut |hash| {
                let list = dropped.entry(hash).or_default();
                if list.last() != Some(&(at as u16)) {
                    list.push(at as u16);
                }
            });
        }
        let ordinary = ordinary.map(Box::from).collect();
        Self { words, dropped, ordinary, memory: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The number of the word meant by `folded`, which the vocabulary does not know.
    pub fn meant(&self, folded: &str) -> u32 {
        self.meant_hashed(hash(folded.as_bytes()), folded)
    }

    /// The same for a word of plain letters in any case, whose hash is known.
    pub fn meant_hashed(&self, hash: u64, written: &str) -> u32 {
        if !(SHORTEST..=LONGEST).contains(&written.len()) {
            return Vocabulary::UNKNOWN;
        }
        // 44 bits tell the word, the slot tells the rest; 20 bits hold the answer plus one, so that an empty slot answers nothing.
        let Some(slot) = self.memory.get((hash >> 44) as usize & (SLOTS - 1)) else { return Vocabulary::UNKNOWN };
        let known = slot.load(Ordering::Relaxed);
        if known >> 20 == (hash & HASH_KEPT) && known & 0xf_ffff != 0 {
            return (known & 0xf_ffff) as u32 - 1;
        }
        let folded = written.to_ascii_lowercase();
        let letters = folded.bytes().all(|b| b.is_ascii_lowercase());
        let answer = if letters { self.look_up(&folded) } else { Vocabulary::UNKNOWN };
        slot.store((hash & HASH_KEPT) << 20 | u64::from(answer + 1), Ordering::Relaxed);
        answer
    }

    fn look_up(&self, folded: &str) -> u32 {
        if self.ordinary.contains(folded) {
            return Vocabulary::UNKNOWN;
        }
        let mut best: Option<(usize, u16)> = None;
        each_drop(folded.as_bytes(), slips(folded.len()), &mut |hash| {
            for at in self.dropped.get(&hash).into_iter().flatten() {
                let Some((word, _)) = self.words.get(usize::from(*at)) else { continue };
                let distance = distance(folded.as_bytes(), word.as_bytes());
                let allowed = slips(folded.len().min(word.len()));
                if distance <= allowed && starts_alike(folded, word) && best.is_none_or(|known| (distance, *at) < known)
                {
                    best = Some((distance, *at));
                }
            }
        });
        best.and_then(|(_, at)| self.words.get(usize::from(at))).map_or(Vocabulary::UNKNOWN, |(_, number)| *number)
    }
}

fn slips(length: usize) -> usize {
    if length >= LONG { 2 } else { 1 }
}

/// People get the first letter right, or swap the first two.
fn starts_alike(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([a0, a1, ..], [b0, b1, ..]) => a0 == b0 || (a0 == b1 && a1 == b0),
        _ => false,
    }
}

/// Calls `each` with the hash of `word`, and of `word` with up to `drops` letters dropped.
fn each_drop(word: &[u8], drops: usize, each: &mut impl FnMut(u64)) {
    let mut left = [0u8; LONGEST];
    each(hash(word));
    for i in 0..word.len() {
        let once = without(word, i, &mut left);
        each(hash(once));
        if drops > 1 {
            let mut again = [0u8; LONGEST];
            for j in i..once.len() {
                each(hash(without(once, j, &mut again)));
            }
        }
    }
}

fn without<'b>(word: &[u8], at: usize, buffer: &'b mut [u8; LONGEST]) -> &'b [u8] {
    if let (Some((before, rest)), Some(to)) =
        (word.split_at_checked(at), buffer.get_mut(..word.len().saturating_sub(1)))
        && let Some((to_before, to_after)) = to.split_at_mut_checked(at)
        && let Some((_, after)) = rest.split_first()
    {
        to_before.copy_from_slice(before);
        to_after.copy_from_slice(after);
        return to;
    }
    &[]
}

/// Edits between two words: letters dropped, added, changed, or two neighbours swapped.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![0usize; (a.len() + 1) * width];
    let set = |i: usize, j: usize, value: usize, rows: &mut Vec<usize>| {
        if let Some(cell) = rows.get_mut(i * width + j) {
            *cell = value;
        }
    };
    let get = |rows: &Vec<usize>, i: usize, j: usize| rows.get(i * width + j).copied().unwrap_or(usize::MAX / 2);
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let value = if i == 0 || j == 0 {
                i + j
            } else {
                let same = a.get(i - 1) == b.get(j - 1);
                let mut value = (get(&rows, i - 1, j) + 1)
                    .min(get(&rows, i, j - 1) + 1)
                    .min(get(&rows, i - 1, j - 1) + usize::from(!same));
                if i > 1 && j > 1 && a.get(i - 1) == b.get(j - 2) && a.get(i - 2) == b.get(j - 1) {
                    value = value.min(get(&rows, i - 2, j - 2) + 1);
                }
                value
            };
            set(i, j, value, &mut rows);
        }
    }
    get(&rows, a.len(), b.len())
}
