//! Words that a reviewer should think about twice before removing them.

use crate::record::{Span, sentences, snap_to_words};

/// Why removing a stretch may harm: what is left could be clinically wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caution {
    /// A medicine.
    Drug,
    /// A dose or a measured value.
    Dose,
    /// An allergy.
    Allergy,
    /// The result of an investigation.
    Result,
    /// A negation, whose loss turns the meaning round, or that now stands before something else.
    Negation,
}

impl Caution {
    /// As a sentence for the person who removes it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Drug => "a medicine goes with it",
            Self::Result => "a result goes with it",
            Self::Dose => "a dose or a value goes with it",
            Self::Allergy => "an allergy goes with it",
            Self::Negation => "it is cut from a sentence with a “no”: check what is left still says the same",
        }
    }
}

const UNITS: [&str; 22] = [
    "%", "bd", "bpm", "caps", "cm", "g", "iu", "kg", "mcg", "mg", "ml", "mmhg", "mmol/l", "mmol/mol", "nocte", "od",
    "puffs", "qds", "tablets", "tabs", "tds", "units",
];
const MEASURED: [&str; 17] = [
    "bm", "bmi", "bp", "crp", "egfr", "hb", "hba1c", "hr", "inr", "o2", "pulse", "rr", "sats", "spo2", "temp",
    "weight", "wt",
];
const ALLERGIES: [&str; 4] = ["allerg", "anaphyla", "intoleran", "nkda"];
/// How the names of medicines end (international nonproprietary names).
const STEMS: [&str; 38] = [
    "alopram",
    "apine",
    "azole",
    "bapentin",
    "cillin",
    "codeine",
    "cycline",
    "dipine",
    "dronate",
    "faxine",
    "floxacin",
    "formin",
    "gabalin",
    "gliflozin",
    "gliptin",
    "idone",
    "mycin",
    "olol",
    "oxetine",
    "parin",
    "prazole",
    "pril",
    "profen",
    "rizine",
    "sartan",
    "semide",
    "solone",
    "statin",
    "tadine",
    "terol",
    "thiazide",
    "tidine",
    "traline",
    "triptan",
    "triptyline",
    "xaban",
    "zepam",
    "zolam",
];
const DRUGS: [&str; 20] = [
    "antibiotics",
    "aspirin",
    "citalopram",
    "digoxin",
    "fostair",
    "insulin",
    "levothyroxine",
    "lithium",
    "methadone",
    "methotrexate",
    "morphine",
    "paracetamol",
    "propranolol",
    "salbutamol",
    "thyroxine",
    "tramadol",
    "ventolin",
    "warfarin",
    "zopiclone",
    "steroids",
];
/// What is investigated, and how it comes out.
const RESULTS: [&str; 22] = [
    "biopsy",
    "bloods",
    "ct",
    "culture",
    "dipstick",
    "ecg",
    "fbc",
    "histology",
    "lft",
    "lfts",
    "mri",
    "msu",
    "negative",
    "positive",
    "result",
    "results",
    "scan",
    "smear",
    "swab",
    "u&e",
    "ultrasound",
    "x-ray",
];
const NEGATIONS: [&str; 16] = [
    "cannot", "cant", "denied", "denies", "didnt", "doesnt", "dont", "nad", "neither", "never", "nil", "no", "none",
    "nor", "not", "without",
];

/// What to think about before `span` of `text` goes, each once, in the order of [`Caution`].
///
/// A sentence that goes as a whole takes its negation along and harms nothing; one of which a part goes is the
/// dangerous case, whether the “no” goes or stays.
pub fn cautions(text: &str, span: Span) -> Vec<Caution> {
    let span = snap_to_words(text, span).unwrap_or(span);
    let Some(removed) = span.of(text) else { return Vec::new() };
    let removed = words(removed);
    let mut found = Vec::new();
    let allergy = removed.iter().any(|word| ALLERGIES.iter().any(|allergy| word.starts_with(allergy)));
    if !allergy && removed.iter().any(|word| is_drug(word)) {
        found.push(Caution::Drug);
    }
    if removed.iter().enumerate().any(|(at, word)| is_value(word, removed.get(at + 1))) {
        found.push(Caution::Dose);
    }
    if allergy {
        found.push(Caution::Allergy);
    }
    if removed.iter().any(|word| RESULTS.contains(&word.as_str())) {
        found.push(Caution::Result);
    }
    let broken = sentences(text).into_iter().filter(|sentence| sentence.overlaps(span) && !span.contains(*sentence));
    let mut broken = broken.filter_map(|sentence| sentence.of(text));
    if broken.any(|sentence| words(sentence).iter().any(|word| is_negation(word))) {
        found.push(Caution::Negation);
    }
    found
}

/// In small letters, without the punctuation around them.
fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '%').to_lowercase();
    text.split_whitespace().map(bare).map(|word| word.replace('’', "'")).collect()
}

/// `5mg`, `5 mg`, `96%`, `BP 150/90`.
fn is_value(word: &str, next: Option<&String>) -> bool {
    let is_figure = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_unit = |word: &str| UNITS.contains(&word);
    let glued = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/'));
    let before = next.is_some_and(|next| is_unit(next));
    let after = next.is_some_and(|next| is_figure(next));
    is_figure(word) && (is_unit(glued) || before) || MEASURED.contains(&word) && after
}

fn is_drug(word: &str) -> bool {
    const SHORTEST: usize = 6;
    DRUGS.contains(&word) || word.len() >= SHORTEST && STEMS.iter().any(|stem| word.ends_with(stem))
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}
