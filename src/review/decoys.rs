//! Invented entries among those that are read as a sample. What their readers notice of them says what readers miss.
//!
//! Screening finds nothing in them, or it would have them highlighted, and a careful reader would withhold each.

use serde::Deserialize;

use super::sampling::keyed;
use crate::record::Sex;

/// An invented entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoy {
    /// Its patient's given name.
    pub given: String,
    /// Its patient's family name.
    pub family: String,
    /// Its patient's sex.
    pub sex: Sex,
    /// Its patient's age, years.
    pub age: u32,
    /// What the line is called.
    pub display: String,
    /// What it says.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    decoy: Vec<Decoy>,
}

/// The invented entries that the program comes with; none if its own file could not be read, which a test excludes.
pub fn built_in() -> Vec<Decoy> {
    toml::from_str::<File>(include_str!("decoys.toml")).map(|file| file.decoy).unwrap_or_default()
}

/// How many decoys stand among `drawn` entries of a window, at `percent` in a hundred. Where the first of them stands
/// is drawn from the window's seed, so that nobody can count to it.
pub fn wanted(seed: &[u8; 32], drawn: u64, percent: u8) -> u64 {
    let offset = u64::from(keyed(seed, &[b"decoys"])[0]) * 100 / 256;
    (drawn * u64::from(percent) + offset) / 100
}

/// A number that the seed fixes and nobody can guess, for the choice of the `n`th decoy among some things.
pub fn chance(seed: &[u8; 32], n: u64, of: &[u8]) -> [u8; 32] {
    keyed(seed, &[b"decoy", &n.to_be_bytes(), of])
}
