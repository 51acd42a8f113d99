//! Words that a reviewer should think about twice before removing them.

use crate::record::Span;

/// Why removing a stretch may harm: what is left could be clinically wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caution {
    /// A dose or a measured value.
    Dose,
    /// An allergy.
    Allergy,
    /// A negation, whose loss turns the meaning round.
    Negation,
}

impl Caution {
    /// As a sentence for the person who removes it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dose => "a dose or a value goes with it",
            Self::Allergy => "an allergy goes with it",
            Self::Negation => "a “no” goes with it: check what is left still says the same",
        }
    }
}

const UNITS: [&str; 12] = ["mg", "mcg", "g", "ml", "mmol/l", "mmhg", "units", "iu", "tabs", "tablets", "puffs", "bd"];
const NEGATIONS: [&str; 8] = ["no", "not", "nil", "never", "denies", "denied", "without", "none"];

/// What to think about before `span` of `text` goes. A partly removed sentence that loses its
/// negation is the dangerous case, so whole sentences do not raise that one.
pub fn cautions(text: &str, span: Span) -> Vec<Caution> {
    let Some(removed) = span.of(text) else { return Vec::new() };
    let words: Vec<String> = removed
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .collect();
    let mut found = Vec::new();
    let dose = words.iter().enumerate().any(|(i, word)| {
        let digits = word.starts_with(|c: char| c.is_ascii_digit());
        let glued = digits && UNITS.iter().any(|unit| word.trim_start_matches(|c: char| !c.is_alphabetic()) == *unit);
        glued || (digits && words.get(i + 1).is_some_and(|next| UNITS.contains(&next.as_str())))
    });
    if dose {
        found.push(Caution::Dose);
    }
    if words.iter().any(|word| word.starts_with("allerg") || word.starts_with("anaphyla")) {
        found.push(Caution::Allergy);
    }
    let whole_sentence = crate::record::sentences(text).contains(&span);
    if !whole_sentence && words.iter().any(|word| NEGATIONS.contains(&word.as_str())) {
        found.push(Caution::Negation);
    }
    found
}
