//! The log as people read it, and its proof.

use std::collections::HashMap;

use super::read::name_of;
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Record, Role};
use crate::protocol::{AuditLine, Verified, hex};
use crate::record::EntryId;
use crate::review::Guard;

impl Service {
    /// Records of the log before `before`, newest first, at most `limit`. Without `everything` what the
    /// program notes of each arriving entry is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(
        &self,
        actor: &Actor,
        before: Option<u64>,
        limit: usize,
        everything: bool,
    ) -> Result<Vec<AuditLine>, ServiceError> {
        const PAGE: u64 = 200;
        let mut lines = Vec::new();
        let mut subjects: HashMap<EntryId, Option<String>> = HashMap::new();
        let mut end = before.unwrap_or(u64::MAX).min(self.store.head() + 1);
        while end > 1 && lines.len() < limit {
            let start = end.saturating_sub(PAGE).max(1);
            let frames = self.store.log(start, (end - start) as usize)?;
            for frame in frames.into_iter().rev() {
                if lines.len() >= limit {
                    break;
                }
                for record in frame.unit.audit.into_iter().rev() {
                    let arriving = matches!(
                        record.event,
                        Event::Ingested | Event::Screened { .. } | Event::SetAside { .. } | Event::Drawn { .. }
                    );
                    if arriving && !everything || self.is_blind(actor, &record)? {
                        continue;
                    }
                    if self.tells_too_much(actor, &record) {
                        continue;
                    }
                    let subject = match (record.entry, actor.role) {
                        (Some(id), Role::Clinician | Role::Lead) => match subjects.get(&id) {
                            Some(subject) => subject.clone(),
                            None => {
                                let subject = self.subject(id)?;
                                subjects.insert(id, subject.clone());
                                subject
                            }
                        },
                        _ => None,
                    };
                    let digest = hex(&frame.digest);
                    lines.push(AuditLine { seq: frame.seq, digest, record, subject });
                }
            }
            end = start;
        }
        self.note(actor, Event::AuditViewed { rows: lines.len() })?;
        Ok(lines)
    }

    /// Who reads entries must not learn which of them were drawn, nor which are invented: of what has yet to be read
    /// they are not shown how it arrived.
    fn tells_too_much(&self, actor: &Actor, record: &Record) -> bool {
        if !matches!(actor.role, Role::Clinician | Role::Lead) {
            return false;
        }
        let arrival = matches!(record.event, Event::Ingested | Event::Screened { .. } | Event::DecoySown { .. });
        let unread = self.is_measured() && record.entry.is_some_and(|entry| self.board().is_waiting(entry));
        matches!(record.event, Event::Drawn { .. } | Event::SampleRead { .. })
            || Guard::DecoyUnseen.stops(arrival && unread)
    }

    fn subject(&self, id: EntryId) -> Result<Option<String>, ServiceError> {
        let Some(read) = self.row(id)? else { return Ok(None) };
        let patient = self.patient(&read.row)?;
        Ok(Some(format!("{} · {}", name_of(&patient), read.row.title)))
    }

    /// Recomputes the whole log and reads every value.
    ///
    /// # Errors
    /// When the files cannot be read at all.
    pub fn verify(&self, actor: &Actor) -> Result<Verified, ServiceError> {
        let report = self.store.verify()?;
        self.note(actor, Event::LogVerified { frames: report.frames, damage: report.damage.len() })?;
        Ok(Verified::from_report(report.frames, report.head.map(|(_, digest)| digest), report.damage))
    }
}
