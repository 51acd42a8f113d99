//! What stands behind a row: the earlier versions of an entry, and all that is here of one patient.

use std::cmp::Reverse;

use super::propose::Proposal;
use super::rows::{EntryRow, Read, get, version_key};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Record};
use crate::protocol::{Earlier, PatientCard, PatientRecord, Proposed};
use crate::record::{EntryId, EntryVersion, Note, Patient, PatientId, Safeguards, Version};
use crate::review::{Review, State};
use crate::store::Table;

/// Entries of one patient that are listed.
const MOST_LISTED: usize = 500;

/// Earlier versions of an entry whose notes are shown with the present one.
const MOST_VERSIONS: u32 = 16;

impl Service {
    /// The version of an entry that came before another, with what was decided on it. The read is in the log
    /// before the text leaves.
    ///
    /// # Errors
    /// When the role reads no records, there is no earlier version, the caller reads blind, or the store fails.
    pub fn earlier(&self, actor: &Actor, id: EntryId, before: Version) -> Result<Earlier, ServiceError> {
        self.may_read(actor, Event::EntryOpened)?;
        let row = self.existing(id)?.row;
        self.may_open(actor, &row)?;
        if self.is_to_read_back(actor, &row) {
            let why = "you are the second reader: say what seems to be missing before you compare".to_owned();
            return Err(self.refused(actor, Event::EntryOpened, &row, ServiceError::Refused(why)));
        }
        let store = self.store.as_ref();
        let mut found: Option<EntryVersion> = None;
        for number in (Version::FIRST.0..before.0.min(row.review.version.0)).rev() {
            found = get(store, Table::Version, &version_key(id, Version(number)))?.map(|read| read.row);
            if found.is_some() {
                break;
            }
        }
        let content = found.ok_or_else(|| ServiceError::Refused("no earlier version came here".into()))?;
        let review: Option<Read<Review>> = get(store, Table::Review, &version_key(id, content.version))?;
        let record = self.record_on(actor, Event::EntryOpened, &row);
        self.commit(Vec::new(), Vec::new(), vec![Record { version: Some(content.version), ..record }])?;
        Ok(Earlier { content, decisions: review.map(|read| read.row.decisions).unwrap_or_default() })
    }

    /// What people wrote to each other about an entry, oldest first: what they wrote about its earlier versions is
    /// as true of the present one, until somebody says otherwise.
    pub(super) fn notes(&self, row: &EntryRow) -> Result<Vec<Note>, ServiceError> {
        let present = row.review.version.0;
        let mut notes = Vec::new();
        for number in present.saturating_sub(MOST_VERSIONS).max(Version::FIRST.0)..present {
            let key = version_key(row.entry.id, Version(number));
            let earlier: Option<Read<Review>> = get(self.store.as_ref(), Table::Review, &key)?;
            notes.extend(earlier.map(|read| read.row.notes).unwrap_or_default());
        }
        notes.extend(row.review.notes.iter().cloned());
        Ok(notes)
    }

    /// All that is here of one patient, wherever it stands, newest first, without its text.
    ///
    /// # Errors
    /// When the role reads no records, there is no such patient, or the store fails.
    pub fn patient_record(&self, actor: &Actor, id: PatientId) -> Result<PatientRecord, ServiceError> {
        self.may_read(actor, Event::QueueViewed { rows: 0 })?;
        let patient: Option<Read<Patient>> = get(self.store.as_ref(), Table::Patient, &id.0)?;
        let unknown = || ServiceError::Refused("there is no such patient: refresh the queue".into());
        let patient = patient.ok_or_else(unknown)?.row;
        let safeguards = self.safeguards(id)?;
        let card = self.card(&patient)?;
        let closed = !safeguards.may_open(&actor.login) || self.shuts_out() && safeguards.locks_out(&actor.login);
        let mut entries = Vec::new();
        if !closed {
            let ids: Vec<EntryId> = {
                let board = self.board();
                let here = |id: &EntryId| board.state(*id).is_some_and(is_here);
                board.of_patient(id).filter(here).collect()
            };
            for id in ids {
                if let Some(read) = self.row(id)? {
                    entries.push(self.queue_row(actor, &read.row)?);
                }
            }
            entries.sort_by_key(|row| (Reverse(row.recorded), row.entry));
        }
        let more = entries.len().saturating_sub(MOST_LISTED) as u64;
        entries.truncate(MOST_LISTED);
        let proposed = match closed || patient.is_decoy() {
            true => Vec::new(),
            false => self.proposed(&patient, &safeguards)?,
        };
        let proposed =
            proposed.into_iter().map(|Proposal { flag, words, .. }| Proposed { flag, why: words.to_owned() });
        let proposed = proposed.collect();
        let viewed = Event::QueueViewed { rows: entries.len() };
        let record = Record { patient: Some(id), ..self.record(actor, viewed) };
        self.commit(Vec::new(), Vec::new(), vec![record])?;
        Ok(PatientRecord {
            patient: id,
            card: if closed { only_the_name(card) } else { card },
            safeguards: if closed { without_reasons(safeguards) } else { safeguards },
            proposed,
            entries,
            more,
            closed: closed.then(|| "only named reviewers may open this record: ask the safeguarding lead".to_owned()),
        })
    }
}

/// Whether an entry that stands there is part of what people see to.
fn is_here(state: State) -> bool {
    !matches!(state, State::NotOpen | State::Superseded | State::SourceDeleted)
}

fn only_the_name(card: PatientCard) -> PatientCard {
    PatientCard { born: None, nhs_number: None, readers: Vec::new(), household: Vec::new(), ..card }
}

fn without_reasons(mut safeguards: Safeguards) -> Safeguards {
    safeguards.flags.iter_mut().for_each(|set| set.why.clear());
    safeguards.locked_out.iter_mut().for_each(|(_, why)| why.clear());
    safeguards
}
