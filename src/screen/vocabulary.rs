//! The words that the rules know, each with a number, so that matching compares numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A small fast hash for words (the multiply-and-rotate of rustc's FxHash). Packs are not hostile, texts only look up.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct WordHasher(u64);

/// Builds [`WordHasher`]s.
pub(super) type WordHash = BuildHasherDefault<WordHasher>;

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn finish(&self) -> u64 {
        // The low bits of a product are poor and hash maps use both ends.
        self.0 ^ (self.0 >> 29)
    }
}

/// The hash of a word, whatever the case of its ASCII letters.
pub(super) fn hash(word: &[u8]) -> u64 {
    hash_start(word, word.len())
}

/// The hash of the first `length` bytes of `rest`. Eight bytes at a time, read past the word where the text goes on:
/// most words are shorter than that, and this is done for every word of every text.
pub(super) fn hash_start(rest: &[u8], length: usize) -> u64 {
    // This bit tells capitals from small letters, and every digit has it.
    const FOLD: u64 = 0x2020_2020_2020_2020;
    let mut hash = length as u64;
    let mut at = 0;
    while at < length {
        let mut word = match rest.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => rest.get(at..).unwrap_or_default().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        if length - at < 8 {
            word &= (1 << (8 * (length - at))) - 1;
        }
        hash = (hash.rotate_left(5) ^ (word | FOLD)).wrapping_mul(0x517c_c1b7_2722_0a95);
        at += 8;
    }
    // The low bits of a product are poor.
    hash ^ (hash >> 29)
}

/// Words with their numbers.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<Box<str>, u32, WordHash>,
    /// The same by hash, with open addressing: what is looked up for every word of a text. The slot tells some bits of
    /// the hash and half of it stands there; small, so that it stays in the cache.
    table: Vec<(u32, u32)>,
    capitals: Vec<u32>,
    /// The words by number; empty for the same word in capitals.
    names: Vec<Box<str>>,
    /// Words that stand behind one piece of a pattern, with what looking it up by them costs: most pieces recur.
    sets: HashMap<Box<str>, (Vec<u32>, u32), WordHash>,
    next: u32,
}

impl Vocabulary {
    /// The number of every word that no rule knows.
    pub const UNKNOWN: u32 = 0;
    /// The number of every word of digits.
    pub const NUMBER: u32 = 1;

    /// An empty vocabulary.
    pub fn new() -> Self {
        Self {
            numbers: HashMap::default(),
            table: vec![(0, 0); 1024],
            capitals: vec![0, 0],
            names: vec!["".into(), "".into()],
            sets: HashMap::default(),
            next: 2,
        }
    }

    /// The number of a folded word.
    pub fn number(&self, folded: &str) -> u32 {
        match self.numbers.get(folded) {
            Some(number) => *number,
            None if folded.bytes().all(|b| b.is_ascii_digit()) => Self::NUMBER,
            None => Self::UNKNOWN,
        }
    }

    /// The number of the word with this hash; [`Self::UNKNOWN`] when no rule knows it.
    pub fn number_of_hash(&self, hash: u64) -> u32 {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some((known, number)) = self.table.get(at) {
            if *number == Self::UNKNOWN || *known == (hash >> 32) as u32 {
                return *number;
            }
            at = (at + 1) & mask;
        }
        Self::UNKNOWN
    }

    /// Puts a hash into the table; at most half of it is full.
    fn put(&mut self, hash: u64, number: u32) {
        if self.numbers.len() * 2 > self.table.len() {
            self.table = vec![(0, 0); self.table.len() * 2];
            let known: Vec<(u64, u32)> =
                self.numbers.iter().map(|(word, number)| (self::hash(word.as_bytes()), *number)).collect();
            // The new word is among them.
            known.into_iter().for_each(|(hash, number)| self.put(hash, number));
            return;
        }
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while self.table.get(at).is_some_and(|(_, taken)| *taken != Self::UNKNOWN) {
            at = (at + 1) & mask;
        }
        if let Some(slot) = self.table.get_mut(at) {
            *slot = ((hash >> 32) as u32, number);
        }
    }

    /// The number of the same word written in capitals, where a rule asks for that.
    pub fn capitals(&self, number: u32) -> u32 {
        self.capitals.get(number as usize).copied().unwrap_or(Self::UNKNOWN)
    }

    /// The word with this number; empty for a number that stands for many.
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    /// What a piece of a pattern stands for, if it was met before.
    pub fn set(&self, piece: &str) -> Option<&(Vec<u32>, u32)> {
        self.sets.get(piece)
    }

    /// Remembers what a piece of a pattern stands for.
    pub fn keep_set(&mut self, piece: &str, words: Vec<u32>, cost: u32) {
        self.sets.insert(piece.into(), (words, cost));
    }

    /// How many numbers are in use.
    pub fn len(&self) -> usize {
        self.next as usize
    }

    /// Every word with its number, in no order.
    pub fn words(&self) -> impl Iterator<Item = (&str, u32)> {
        self.numbers.iter().map(|(word, number)| (&**word, *number))
    }

    /// Adds a word of a rule. One written in capitals matches only capitals.
    pub fn add(&mut self, written: &str) -> u32 {
        let folded = written.to_lowercase();
        let capitals = written != folded;
        let number = match self.numbers.get(folded.as_str()) {
            Some(number) => *number,
            None => {
                let number = self.take();
                self.numbers.insert(folded.as_str().into(), number);
                self.put(hash(folded.as_bytes()), number);
                if let Some(name) = self.names.get_mut(number as usize) {
                    *name = folded.into();
                }
                number
            }
        };
        if !capitals {
            return number;
        }
        match self.capitals.get(number as usize) {
            Some(0) | None => {
                let taken = self.take();
                if let Some(slot) = self.capitals.get_mut(number as usize) {
                    *slot = taken;
                }
                taken
            }
            Some(known) => *known,
        }
    }

    fn take(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        self.capitals.push(0);
        self.names.push("".into());
        number
    }
}

/// The forms of a regular English verb or noun: `slap` → slap, slaps, slapped, slapping.
pub(super) fn inflect(base: &str) -> Vec<String> {
    let mut forms = vec![base.to_owned()];
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    let letters: Vec<char> = base.chars().collect();
    let [.., before, last] = letters.as_slice() else { return forms };
    let (before, last) = (*before, *last);
    if last == 'e' {
        let stem = base.strip_suffix('e').unwrap_or(base);
        forms.extend([format!("{base}s"), format!("{base}d"), format!("{stem}ing")]);
    } else if last == 'y' && !vowel(before) {
        let stem = base.strip_suffix('y').unwrap_or(base);
        forms.extend([format!("{stem}ies"), format!("{stem}ied"), format!("{base}ing")]);
    } else {
        let hiss = matches!(last, 's' | 'x' | 'z') || (last == 'h' && matches!(before, 's' | 'c'));
        forms.push(format!("{base}{}", if hiss { "es" } else { "s" }));
        let third = letters.len().checked_sub(3).and_then(|i| letters.get(i)).copied();
        let short = !vowel(last)
            && vowel(before)
            && third.is_some_and(|c| !vowel(c))
            && !matches!(last, 'w' | 'x' | 'y')
            && letters.iter().filter(|c| vowel(**c)).count() == 1;
        let stem = if short { format!("{base}{last}") } else { base.to_owned() };
        forms.extend([format!("{stem}ed"), format!("{stem}ing")]);
    }
    forms
}
