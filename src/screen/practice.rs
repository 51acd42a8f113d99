//! What a practice makes of the rules: rules it has silenced, each with a reason and a name, and its own reference sets.

use serde::Deserialize;

use super::codes::Codes;
use super::pack::{CodeGroup, PackError};
use super::rules::Rules;
use crate::record::{Category, Tier};

/// A rule that a practice does not want, with who said so and why. It goes into the log at every start.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// The rule's name, as `anteroom rules list` shows it.
    pub rule: String,
    /// Why it is not wanted here.
    pub reason: String,
    /// Who decided it: a user's name.
    pub by: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    silence: Vec<Silence>,
}

impl Rules {
    /// These rules without those that `text`, a practice's `rules.toml`, silences:
    ///
    /// ```text
    /// [[silence]]
    /// rule = "da.demeaned"
    /// reason = "fires on our speech therapist's letters, checked over 40 of them"
    /// by = "dr.lead"
    /// ```
    ///
    /// # Errors
    /// When it is not of that shape, names a rule that there is not, gives no reason or no name, or silences a rule
    /// of tier 4: child protection, MARAC and perpetrators are never silenced.
    pub fn silencing(mut self, text: &str) -> Result<Self, PackError> {
        let error = |what: String| PackError { file: "rules.toml".to_owned(), what };
        let file: File = toml::from_str(text).map_err(|slip| error(slip.to_string()))?;
        for silence in &file.silence {
            let Some(rule) = self.list().find(|rule| rule.id == silence.rule) else {
                return Err(error(format!("there is no rule {}; see `anteroom rules list`", silence.rule)));
            };
            if rule.tier == Tier::Critical {
                return Err(error(format!("{} is of tier 4 and cannot be silenced", silence.rule)));
            }
            if silence.reason.trim().is_empty() || silence.by.trim().is_empty() {
                return Err(error(format!("{}: say why it is silenced, and by whom", silence.rule)));
            }
        }
        self.silence(file.silence, text);
        Ok(self)
    }

    /// These rules with the concepts of a SNOMED CT reference set: a simple reference set file of release format 2
    /// (tab-separated, with a heading), or one identifier a line. Concepts that the packs know keep what they say
    /// there; the others are disclosures about `category`.
    ///
    /// # Errors
    /// When a line is neither, with its number.
    pub fn with_refset(mut self, name: &str, category: Category, text: &str) -> Result<Self, PackError> {
        let error = |what: String| PackError { file: name.to_owned(), what };
        let mut columns = None;
        let mut concepts = Vec::new();
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end())) {
            let fields: Vec<&str> = line.split('\t').collect();
            if number == 1 {
                let column = |heading: &str| fields.iter().position(|field| *field == heading);
                columns = column("active").zip(column("referencedComponentId"));
                if columns.is_some() {
                    continue;
                }
            }
            let concept = match columns {
                Some((active, concept)) => match (fields.get(active), fields.get(concept)) {
                    (Some(&"1"), Some(concept)) => *concept,
                    (Some(&"0"), Some(_)) => continue,
                    _ => return Err(error(format!("line {number}: a field is missing; give a whole reference set"))),
                },
                None if line.is_empty() || line.starts_with('#') => continue,
                None => fields.first().copied().unwrap_or_default(),
            };
            if !(6..=18).contains(&concept.len()) || !concept.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(error(format!("line {number}: there is no SNOMED CT identifier; give 6 to 18 digits")));
            }
            concepts.push(concept.to_owned());
        }
        self.add_codes(text, |codes: &mut Codes| {
            codes.add_unknown(CodeGroup {
                id: format!("refset.{name}"),
                category,
                tier: Tier::Disclosure,
                why: format!("Coded: in the reference set {name}"),
                snomed: concepts,
                read2: Vec::new(),
                ctv3: Vec::new(),
            });
        });
        Ok(self)
    }
}
