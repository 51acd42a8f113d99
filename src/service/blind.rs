//! The second reading: what its reader is shown is the same whatever the first decided, wrote, and was called.

use super::decide::as_version;
use super::rows::EntryRow;
use super::{Service, ServiceError};
use crate::audit::{Actor, Record, Role};
use crate::record::{Act, Decision, EntryVersion, Note, Occasion, Screening};
use crate::review::{self, State};

/// What is shown of an entry to one who opens it.
pub struct Shown {
    /// The content, or only what would be left of it.
    pub version: EntryVersion,
    /// What was found in the content that is shown.
    pub screening: Screening,
    /// Decisions that the reader may know.
    pub decisions: Vec<Decision>,
    /// Notes that the reader may know.
    pub notes: Vec<Note>,
    /// Whether only what would be left is shown.
    pub to_read_back: bool,
    /// The redaction to agree to or not, once it is read back.
    pub proposed: Option<Act>,
}

impl Service {
    /// What the caller is shown of an entry. A first reader, and whoever is a party, is shown everything.
    pub(super) fn as_second_reader(
        &self,
        actor: &Actor,
        row: &EntryRow,
        version: EntryVersion,
        screening: Screening,
        notes: Vec<Note>,
    ) -> Shown {
        let review = &row.review;
        let mut shown = Shown {
            version,
            screening,
            decisions: review.decisions.clone(),
            notes,
            to_read_back: false,
            proposed: None,
        };
        // What a lead told every reader stays; what another reader wrote, be it a note, does not.
        let advice = |note: &Note| matches!(note.on, Occasion::Returned | Occasion::Reopened);
        if review.state == State::Disputed && actor.role != Role::Lead {
            // That two differ is all that others learn: the lead may give it back, to be read again.
            shown.decisions.retain(|decision| decision.by == actor.login);
            shown.notes.retain(|note| advice(note) || note.by == actor.login);
            return shown;
        }
        if !review.is_blind_for(&actor.login) {
            return shown;
        }
        shown.decisions.clear();
        shown.notes.retain(|note| note.by == actor.login || advice(note) && !review.is_party(&note.by));
        let Some(act @ Act::Redact { .. }) = review.standing_act() else { return shown };
        if !self.policy().read_back {
            return shown;
        }
        if !self.is_to_read_back(actor, row) {
            shown.proposed = Some(act.clone());
        } else if let Ok(left) = review::render(&shown.version, act) {
            shown.version = as_version(&shown.version, &left);
            shown.screening.findings.clear();
            shown.to_read_back = true;
        }
        shown
    }

    /// Whether the caller is the second reader of a redaction, and has not yet said what seems to be missing.
    pub(super) fn is_to_read_back(&self, actor: &Actor, row: &EntryRow) -> bool {
        let review = &row.review;
        review.is_blind_for(&actor.login)
            && matches!(review.standing_act(), Some(Act::Redact { .. }))
            && self.policy().read_back
            && review.read_back.as_ref() != Some(&actor.login)
    }

    /// Whether a record of the log would tell the caller, who still has to read an entry as its second reader,
    /// something of the first.
    pub(super) fn is_blind(&self, actor: &Actor, record: &Record) -> Result<bool, ServiceError> {
        let (Some(entry), Role::Clinician | Role::Lead) = (record.entry, actor.role) else { return Ok(false) };
        if !self.board().awaits_second(entry) || record.actor.login == actor.login {
            return Ok(false);
        }
        Ok(self.row(entry)?.is_some_and(|read| read.row.review.is_blind_for(&actor.login)))
    }
}
