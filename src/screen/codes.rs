//! Coded concerns: SNOMED CT, Read v2 and CTV3 codes that speak for themselves.

use std::collections::HashMap;

use super::pack::CodeGroup;
use crate::record::{Category, Code, CodeSystem, Tier};

/// Which code means what.
#[derive(Debug, Default)]
pub(super) struct Codes {
    groups: Vec<CodeGroup>,
    index: HashMap<(CodeSystem, String), usize>,
}

/// What a code says.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeHit<'r> {
    /// The rule's name.
    pub rule: &'r str,
    /// What it is about.
    pub category: Category,
    /// What it weighs.
    pub tier: Tier,
    /// Why, in a clinician's words.
    pub why: &'r str,
}

impl Codes {
    /// Adds the codes of one group.
    pub fn add(&mut self, group: CodeGroup) {
        let at = self.groups.len();
        let lists =
            [(CodeSystem::Snomed, &group.snomed), (CodeSystem::Read2, &group.read2), (CodeSystem::Ctv3, &group.ctv3)];
        for (system, codes) in lists {
            for code in codes {
                self.index.insert((system, bare(code).to_owned()), at);
            }
        }
        self.groups.push(group);
    }

    /// Adds those SNOMED CT concepts of a group that no other group knows.
    pub fn add_unknown(&mut self, mut group: CodeGroup) {
        group.snomed.retain(|code| !self.index.contains_key(&(CodeSystem::Snomed, bare(code).to_owned())));
        self.add(group);
    }

    /// What `code` says, if anything.
    ///
    /// A supplier's own code may well be a national one under another name, so it is looked up as SNOMED CT too:
    /// those identifiers carry a check digit and do not collide.
    pub fn find(&self, code: &Code) -> Option<CodeHit<'_>> {
        let system = if code.system == CodeSystem::Local { CodeSystem::Snomed } else { code.system };
        let at = self.index.get(&(system, bare(&code.code).to_owned()))?;
        let group = self.groups.get(*at)?;
        Some(CodeHit { rule: &group.id, category: group.category, tier: group.tier, why: &group.why })
    }
}

/// A code without what sources add to it: blanks, the full stops that fill a Read code, and the `00` of
/// its seven-byte form (`14X3.00` is `14X3.`).
fn bare(code: &str) -> &str {
    let code = code.trim();
    let code = match code.len() {
        7 if !code.bytes().all(|b| b.is_ascii_digit()) => code.get(..5).unwrap_or(code),
        _ => code,
    };
    code.trim_end_matches('.')
}
