//! Whether a reader of what is left can tell what is gone.

use std::collections::BTreeSet;

use super::rendition::render;
use crate::record::{Act, EntryVersion};

/// A shorter word gives nothing away by being guessed.
const SHORTEST: usize = 4;

/// Whether `guess` holds a word that `act` takes out of `original` and leaves nowhere in what is shown.
///
/// Words are compared without case. Who guesses the sense in other words sees the original next and can refuse.
pub fn names_what_is_gone(original: &EntryVersion, act: &Act, guess: &str) -> bool {
    let Ok(left) = render(original, act) else { return true };
    let lines = left.lines().iter().flat_map(|line| [line.display.as_str(), line.value.as_str(), line.text.as_str()]);
    let kept: BTreeSet<String> = lines.flat_map(words).collect();
    let parts = original.parts.iter().flat_map(|part| [&part.display, &part.value, &part.text]);
    let gone: BTreeSet<String> = parts.flat_map(|text| words(text)).filter(|word| !kept.contains(word)).collect();
    words(guess).any(|word| gone.contains(&word))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= SHORTEST)
}
