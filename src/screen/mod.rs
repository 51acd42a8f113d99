//! Text and codes become findings with reasons. Pure: the same input and rules give the same answer.
//!
//! How an entry becomes a hold, in five files:
//! 1. [`reading`] cuts the text into folded words and sentences, once; [`spelling`] reads a misspelt word as the one meant;
//! 2. [`pattern`] looks up, at each word that some rule starts from, whether that rule's words stand around it
//!    (phrases and who-does-what-to-whom are one language; the rules are `packs/*.toml`), and [`codes`] looks up codes;
//! 3. [`context`] says whether that is denied, past, imagined or about somebody else;
//! 4. [`statistics`] adds sentences that resemble disclosures, and clears nothing;
//! 5. [`lanes`] weighs it all, and says hold, skim or clear. [`removal`] proposes what to take out.
//!
//! [`standing`] raises weak cues by what is known of the patient; [`practice`] is what a practice adds or silences.
//! [`rules`] puts these together for a text, [`entry`] for an entry and back to its parts.

mod codes;
mod context;
mod entry;
mod lanes;
mod lookalikes;
mod pack;
mod pattern;
mod practice;
mod reading;
mod removal;
mod rules;
mod spelling;
mod standing;
mod statistics;
mod vocabulary;

pub use pack::PackError;
pub use practice::Silence;
pub use rules::{RuleSummary, Rules};
pub use standing::{Standing, raised};
pub use statistics::{Features, Lesson, is_faint, is_learned};

use serde::{Deserialize, Serialize};

use crate::record::{Category, Code, Context, Lane, Span, Tier};

/// A text to screen on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextItem {
    /// What kind of thing it is, e.g. `consultation`.
    pub kind: String,
    /// The text.
    pub text: String,
    /// The codes that go with it.
    pub codes: Vec<Code>,
}

/// What screening says about a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextScreening {
    /// Where it goes.
    pub verdict: Lane,
    /// The highest tier.
    pub tier: Tier,
    /// What it is about, most urgent first.
    pub categories: Vec<Category>,
    /// The reasons, most urgent first, then in reading order.
    pub matches: Vec<Match>,
    /// What to take out so that the rest is safe, in reading order.
    pub remove: Vec<Span>,
}

/// One reason, with its place in the text in UTF-8 bytes. A code has no place: its span is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The rule's name.
    pub rule: String,
    /// What it is about.
    pub category: Category,
    /// What it weighs here.
    pub tier: Tier,
    /// Where it stands.
    #[serde(flatten)]
    pub span: Span,
    /// Why, in a clinician's words.
    pub why: String,
    /// What the words around it say.
    pub context: Context,
}
