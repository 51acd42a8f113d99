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

/// The hash of a word.
pub(super) fn hash(word: &[u8]) -> u64 {
    let mut hasher = WordHasher::default();
    hasher.write(word);
    hasher.finish()
}

/// Words with their numbers.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<Box<str>, u32, WordHash>,
    capitals: Vec<u32>,
    /// The words by number; empty for the same word in capitals.
    names: Vec<Box<str>>,
    next: u32,
}

impl Vocabulary {
    /// The number of every word that no rule knows.
    pub const UNKNOWN: u32 = 0;
    /// The number of every word of digits.
    pub const NUMBER: u32 = 1;

    /// An empty vocabulary.
    pub fn new() -> Self {
        Self { numbers: HashMap::default(), capitals: vec![0, 0], names: vec!["".into(), "".into()], next: 2 }
    }

    /// The number of a folded word.
    pub fn number(&self, folded: &str) -> u32 {
        match self.numbers.get(folded) {
            Some(number) => *number,
            None if folded.bytes().all(|b| b.is_ascii_digit()) => Self::NUMBER,
            None => Self::UNKNOWN,
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
