//! Flags that a record speaks for: a code for enhanced review, a record of somebody said to harm others, and a flag
//! over somebody linked with the patient. Each is a line of the worklist that a person accepts or refuses; none sets
//! or clears anything by itself.

use std::collections::BTreeSet;

use super::rows::Read;
use super::{Service, ServiceError};
use crate::record::{Category, EntryId, Finding, Flag, Patient, PatientId, Safeguards, Tier};
use crate::review::State;
use crate::review::sampling::AFTER_FLAG;

/// A flag that the record speaks for and nobody has set or refused.
pub(super) struct Proposal {
    /// Which.
    pub flag: Flag,
    /// What speaks for it, by which a refusal remembers it. Names nobody.
    pub cause: String,
    /// The same in words.
    pub words: &'static str,
}

impl Service {
    /// Patients in whose record somebody is said to harm others. Whether it is they, a person says: that is why a flag
    /// is only proposed.
    pub(super) fn perpetrators(&self) -> Result<BTreeSet<PatientId>, ServiceError> {
        let critical = self.board().critical();
        self.said_to_harm(critical)
    }

    /// The same of one patient and the people linked with them: reads their entries alone.
    fn perpetrators_near(&self, patient: PatientId) -> Result<BTreeSet<PatientId>, ServiceError> {
        let entries: Vec<EntryId> = {
            let board = self.board();
            let people = board.linked(patient).into_iter().chain([patient]);
            people.flat_map(|person| board.of_patient(person).collect::<Vec<_>>()).collect()
        };
        self.said_to_harm(entries)
    }

    /// The patients of those of these entries that say so.
    fn said_to_harm(&self, entries: impl IntoIterator<Item = EntryId>) -> Result<BTreeSet<PatientId>, ServiceError> {
        let mut found = BTreeSet::new();
        for id in entries {
            let Some(Read { row, .. }) = self.row(id)? else { continue };
            if row.review.tier < Tier::Critical || row.review.state == State::SourceDeleted {
                continue;
            }
            let findings = self.screening(id, row.review.version)?.findings;
            let said = |finding: &Finding| {
                let is_it = finding.category == Category::Perpetrator && finding.tier == Tier::Critical;
                is_it && !finding.context.negated
            };
            if findings.iter().any(said) {
                found.insert(row.entry.patient);
            }
        }
        Ok(found)
    }

    /// What the record of one patient speaks for.
    pub(super) fn proposed(&self, patient: &Patient, safeguards: &Safeguards) -> Result<Vec<Proposal>, ServiceError> {
        self.proposals(patient, safeguards, &self.perpetrators_near(patient.id)?)
    }

    /// What a patient's record, and those of the people linked with them, speak for.
    pub(super) fn proposals(
        &self,
        patient: &Patient,
        safeguards: &Safeguards,
        perpetrators: &BTreeSet<PatientId>,
    ) -> Result<Vec<Proposal>, ServiceError> {
        let mut proposals: Vec<Proposal> = Vec::new();
        let mut propose = |flag: Flag, cause: String, words: &'static str| {
            let refused = safeguards.refused.iter().any(|refused| refused.flag == flag && refused.cause == cause);
            let said = proposals.iter().any(|proposal| proposal.flag == flag);
            if !(refused || said || safeguards.has(flag)) {
                proposals.push(Proposal { flag, cause, words });
            }
        };
        if patient.flags.contains(&Flag::EnhancedReview) && !self.board().people().enhanced_review_is_common() {
            let day = patient.enhanced_as_of.map(|day| day.to_string()).unwrap_or_default();
            propose(Flag::EnhancedReview, format!("code/{day}"), "the record carries the code for it");
        }
        if perpetrators.contains(&patient.id) {
            propose(
                Flag::HoldAll,
                "perpetrator".to_owned(),
                "the record speaks of somebody who harms others: is it this patient?",
            );
        }
        let linked = self.board().linked(patient.id);
        for other in linked {
            if perpetrators.contains(&other) {
                let words = "somebody in the household, or who reads this record, is said to harm others";
                propose(Flag::CoercionRisk, format!("perpetrator/{other}"), words);
            }
            if let Some(set) = self.safeguards(other)?.flags.iter().find(|set| set.flag.holds()) {
                let words = "such a flag stands over somebody in the household, or who reads this record";
                propose(set.flag, format!("linked/{other}"), words);
            }
        }
        Ok(proposals)
    }

    /// Whether a flag stands over a patient, or did until lately.
    pub(super) fn was_flagged(&self, safeguards: &Safeguards) -> bool {
        let lately = |at: chrono::DateTime<chrono::Utc>| self.now() - at < AFTER_FLAG;
        !safeguards.flags.is_empty() || safeguards.cleared.iter().any(|(_, at)| lately(*at))
    }
}
