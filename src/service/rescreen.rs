//! Newer rules read what older ones let through: before anything else is done under them.

use super::decide::refuse;
use super::pull::is_from_elsewhere;
use super::rows::{self, EntryRow, Read};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Record};
use crate::record::{EntryId, PatientId, Screening};
use crate::review::{self, Caller, Review, State};
use crate::store::{Expect, StoreError, Table};

/// The row with the version of the rules that everything was last read under.
pub(super) const RULES: &[u8] = b"rules";

impl Service {
    /// Reads everything again if the rules are other than they were when it was last read.
    ///
    /// # Errors
    /// When the store fails; what was moved before that stays moved, and the next start goes on.
    pub(super) fn rescreen_if_rules_changed(&self) -> Result<(), ServiceError> {
        let now = self.rules.version().to_owned();
        let before = rows::get::<String>(self.store.as_ref(), Table::Meta, RULES)?.map(|read| read.row);
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        let (entries, moved) = self.rescreen()?;
        let changed = Event::RulesChanged { from: before.unwrap_or_default(), to: now.clone(), entries, moved };
        let read = (Table::Meta, RULES.to_vec(), Some(rows::encode(&now)?));
        self.commit(Vec::new(), vec![read], vec![self.record(&Actor::system("screen"), changed)])?;
        Ok(())
    }

    /// The version of the rules in use, as its row.
    pub(super) fn rules_in_use(&self) -> Result<Vec<u8>, ServiceError> {
        rows::encode(&self.rules.version().to_owned())
    }

    /// Screens and queues what nobody could see online before and can now.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn open_up(&self, patients: &[PatientId]) -> Result<(), ServiceError> {
        let policy = self.policy();
        for patient in patients {
            let ids: Vec<EntryId> = self.board().of_patient(*patient).collect();
            for id in ids {
                let Some(Read { seq, mut row }) = self.row(id)? else { continue };
                let patient = self.patient(&row)?;
                if row.review.state != State::NotOpen || !self.open_online(&row, &patient) {
                    continue;
                }
                let version = self.version(id, row.review.version)?;
                if is_from_elsewhere(&version, &patient) {
                    continue;
                }
                let screening = self.screened(&version, &patient, &self.safeguards(patient.id)?);
                // It can be read online from now on: the hold begins now.
                row.review.first_pulled = self.now();
                let facts = self.facts(&policy, Caller::System, &row)?;
                let next = review::step(&row.review, &review::Event::Screened(&screening), &facts).map_err(refuse)?;
                let again = self.again(seq, row, next, screening, false)?;
                self.write_together(vec![again])?;
            }
        }
        Ok(())
    }

    /// Screens everything again that waits or shows: how much was read, and how much moved. What newer rules find
    /// more in is withheld at once, or, where people approved it and the worst is not found, looked at again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rescreen(&self) -> Result<(u64, u64), ServiceError> {
        let _one_at_a_time = self.alone()?;
        let ids: Vec<EntryId> = {
            let board = self.board();
            // What is hidden or gone is screened when somebody takes it back.
            State::ALL
                .into_iter()
                .filter(|state| state.is_on_the_way())
                .flat_map(|state| board.standing(state))
                .collect()
        };
        let (mut moved, mut withdrawn) = (0, false);
        for some in ids.chunks(TOGETHER) {
            let mut pending = Vec::new();
            for id in some {
                pending.extend(self.read_again(*id)?);
            }
            moved += pending.len() as u64;
            withdrawn |= pending.iter().any(|again| again.withdraws);
            self.write_together(pending)?;
        }
        if withdrawn {
            self.deliver_unless_away()?;
        }
        if moved > 0 {
            self.announce();
        }
        Ok((ids.len() as u64, moved))
    }

    /// An entry that newer rules move; `None` where nothing changes.
    fn read_again(&self, id: EntryId) -> Result<Option<Again>, ServiceError> {
        let Some(Read { seq, row }) = self.row(id)? else { return Ok(None) };
        let version = self.version(id, row.review.version)?;
        let patient = self.patient(&row)?;
        let screening = self.screened(&version, &patient, &self.safeguards(patient.id)?);
        let policy = self.policy();
        let facts = self.facts(&policy, Caller::System, &row)?;
        let Ok(next) = review::step(&row.review, &review::Event::Rescreened(&screening), &facts) else {
            return Ok(None);
        };
        if next == (Review { revision: next.revision, ..row.review.clone() }) {
            return Ok(None);
        }
        let withdraws = row.review.state == State::Released && next.state != State::Released;
        self.again(seq, row, next, screening, withdraws).map(Some)
    }

    fn again(
        &self,
        seq: u64,
        mut row: EntryRow,
        next: Review,
        screening: Screening,
        withdraws: bool,
    ) -> Result<Again, ServiceError> {
        let rules = screening.findings.iter().map(|finding| finding.rule.clone()).collect();
        let event = Event::Rescreened { tier: screening.tier.into(), rules };
        let mut record = self.record_on(&Actor::system("screen"), event, &row);
        record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
        row.review = next;
        row.why = Self::reasons(&self.version(row.entry.id, row.review.version)?, &screening);
        Ok(Again { seq, row, screening, record, withdraws })
    }

    /// In one unit; where somebody else moved one of them meanwhile, each by itself. Publication screens once more
    /// what they moved.
    fn write_together(&self, pending: Vec<Again>) -> Result<(), ServiceError> {
        if pending.is_empty() {
            return Ok(());
        }
        let (mut pre, mut writes, mut audit) = (Vec::new(), Vec::new(), Vec::new());
        for Again { seq, row, screening, record, .. } in &pending {
            let key = row.entry.id.0.to_vec();
            pre.push((Table::Entry, key.clone(), Expect::At(*seq)));
            writes.push((Table::Entry, key, Some(rows::encode(row)?)));
            let screened = rows::version_key(row.entry.id, row.review.version);
            writes.push((Table::Screening, screened, Some(rows::encode(screening)?)));
            audit.push(record.clone());
        }
        match self.commit_rows(pre, writes, audit, pending.iter().map(|again| &again.row)) {
            Ok(_) => {}
            Err(ServiceError::Store(StoreError::Conflict(..))) if pending.len() > 1 => {
                for again in pending {
                    self.write_together(vec![again])?;
                }
            }
            Err(ServiceError::Store(StoreError::Conflict(..))) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// An entry that newer rules moved, before it is written.
struct Again {
    seq: u64,
    row: EntryRow,
    screening: Screening,
    record: Record,
    /// Whether it was visible and is no longer.
    withdraws: bool,
}

/// So many entries are written in one unit: a sync of the disk each would take hours for a whole practice.
const TOGETHER: usize = 500;
