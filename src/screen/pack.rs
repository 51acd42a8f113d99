//! Packs: the rules as people write and read them, in TOML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pattern::Classes;
use crate::record::{Category, Tier};

/// The packs of this release, by file name. A practice's own folder may replace them all.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("words.toml", include_str!("packs/words.toml")),
    ("lexicon.toml", include_str!("packs/lexicon.toml")),
    ("codes.toml", include_str!("packs/codes.toml")),
    ("domestic_abuse.toml", include_str!("packs/domestic_abuse.toml")),
    ("sexual_violence.toml", include_str!("packs/sexual_violence.toml")),
    ("child_safeguarding.toml", include_str!("packs/child_safeguarding.toml")),
    ("adult_safeguarding.toml", include_str!("packs/adult_safeguarding.toml")),
    ("honour_fgm_forced_marriage.toml", include_str!("packs/honour_fgm_forced_marriage.toml")),
    ("exploitation.toml", include_str!("packs/exploitation.toml")),
    ("third_party.toml", include_str!("packs/third_party.toml")),
    ("perpetrator.toml", include_str!("packs/perpetrator.toml")),
    (MODEL, include_str!("packs/model.tsv")),
];

/// The file that holds the model; without it all else works.
pub(super) const MODEL: &str = "model.tsv";

/// One file of rules.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    /// What its rules are about, where they do not say it themselves.
    pub category: Option<Category>,
    /// Where its rules come from, where they do not say it themselves.
    #[serde(default)]
    pub source: String,
    /// When a person last read it, as a date.
    #[serde(default)]
    pub reviewed: String,
    /// Names for sets of words, usable in the patterns of every file as `@name`.
    #[serde(default)]
    pub classes: BTreeMap<String, String>,
    /// What words stand for, for the model of sentences.
    #[serde(default)]
    pub kinds: BTreeMap<String, String>,
    /// Ordinary words that spelling must leave alone.
    #[serde(default)]
    pub ordinary: String,
    /// Rules over words.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleText>,
    /// Rules over codes.
    #[serde(default, rename = "codes")]
    pub codes: Vec<CodeGroup>,
}

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    /// Its name, stable over releases.
    pub id: String,
    /// What it is about, if not what its file is about.
    pub category: Option<Category>,
    /// What it weighs before context.
    pub tier: Tier,
    /// Why it holds, in a clinician's words.
    pub why: String,
    /// What is left of it under a negation.
    #[serde(default)]
    pub negated: Negated,
    /// What is left of it when it speaks of what might be.
    #[serde(default)]
    pub hypothetical: Negated,
    /// Any of these patterns.
    #[serde(rename = "match")]
    pub patterns: Vec<String>,
    /// One of these must stand in the same sentence.
    #[serde(default)]
    pub near: Vec<String>,
    /// None of these may stand in the same sentence.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Texts in which it fires.
    pub fires: Vec<String>,
    /// Texts in which it does not.
    pub spares: Vec<String>,
    /// Where it comes from, if not where its file comes from.
    #[serde(default)]
    pub source: String,
}

/// What is left of a finding whose words are negated, or only imagined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Negated {
    /// It is held at a lower tier: that it was asked is itself dangerous.
    #[default]
    Hold,
    /// It goes to the skim page.
    Skim,
    /// Nothing: the words say that there is nothing.
    Clear,
}

/// Codes that mean the same to a reviewer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeGroup {
    /// Its name, stable over releases.
    pub id: String,
    /// What it is about.
    pub category: Category,
    /// What it weighs.
    pub tier: Tier,
    /// Why it holds, in a clinician's words.
    pub why: String,
    /// SNOMED CT concept identifiers.
    #[serde(default)]
    pub snomed: Vec<String>,
    /// Read version 2 codes.
    #[serde(default)]
    pub read2: Vec<String>,
    /// Clinical Terms Version 3 codes.
    #[serde(default)]
    pub ctv3: Vec<String>,
}

/// What is wrong with a pack, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct PackError {
    /// The file.
    pub file: String,
    /// What is wrong, and where in it.
    pub what: String,
}

impl Pack {
    /// Reads one file.
    ///
    /// # Errors
    /// When it is not TOML, or not of this shape; the sentence names the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, PackError> {
        toml::from_str(text).map_err(|error| PackError { file: file.to_owned(), what: error.to_string() })
    }
}

/// All classes of all packs, with references to other classes resolved.
pub(super) fn classes(packs: &[(&str, Pack)]) -> Result<Classes, PackError> {
    let mut classes = Classes::new();
    for (file, pack) in packs {
        for (name, members) in &pack.classes {
            let members = members.split_whitespace().map(str::to_owned).collect();
            if classes.insert(name.clone(), members).is_some() {
                return Err(PackError {
                    file: (*file).to_owned(),
                    what: format!("the class @{name} is defined twice"),
                });
            }
        }
    }
    // A class may name classes that name classes; a circle of them would never end.
    const DEPTH: usize = 8;
    for _ in 0..DEPTH {
        let known = classes.clone();
        let mut open = false;
        for members in classes.values_mut() {
            *members = members
                .iter()
                .flat_map(|member| match member.strip_prefix('@').and_then(|name| known.get(name)) {
                    Some(inner) => {
                        open = true;
                        inner.clone()
                    }
                    None => vec![member.clone()],
                })
                .collect();
        }
        if !open {
            return Ok(classes);
        }
    }
    Err(PackError { file: "words.toml".to_owned(), what: "classes name each other in a circle".to_owned() })
}
