//! What people set over a whole patient: flags, who may read, who must not decide.

use super::rows::{EntryRow, Read, encode, get};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::PatientDone;
use crate::record::{EntryId, FlagRefused, FlagSet, Patient, PatientAct, PatientId, Safeguards};
use crate::review::{self, Already, Caller, Guard, State};
use crate::store::{Expect, StoreError, Table};

/// How often an act over a patient is tried against others who write the same entries.
const TRIES: usize = 8;

/// What an act about a patient comes to, before it is written.
struct Change {
    safeguards: Safeguards,
    event: Event,
    /// What a new flag does to entries.
    flagged: Option<Already>,
    needs_second: bool,
}

impl Service {
    /// Does something about a whole patient. What it moves is moved in the same unit.
    ///
    /// # Errors
    /// A refusal in one sentence (also in the log), or what the store says. Nothing changed then.
    pub fn about_patient(
        &self,
        actor: &Actor,
        patient: PatientId,
        act: &PatientAct,
    ) -> Result<PatientDone, ServiceError> {
        let Some(Read { row: whose, .. }) = get::<Patient>(self.store.as_ref(), Table::Patient, &patient.0)? else {
            return Err(ServiceError::Refused("there is no such patient: refresh the queue".into()));
        };
        for _ in 0..TRIES {
            let stored = get::<Safeguards>(self.store.as_ref(), Table::Safeguard, &patient.0)?;
            let seq = stored.as_ref().map(|read| read.seq);
            let before = stored.map(|read| read.row).unwrap_or_default();
            let causes = self.causes(&whose, &before, act)?;
            let change = match self.judge_patient(actor, before, act, causes) {
                Ok(change) => change,
                Err((event, why)) => return Err(self.refused_patient(actor, patient, event, why)),
            };
            match self.write_patient(actor, patient, seq, change) {
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                other => return other,
            }
        }
        Err(ServiceError::Refused("others write this patient's entries at this moment: try again".into()))
    }

    /// What speaks for the flag that is to be refused.
    fn causes(
        &self,
        patient: &Patient,
        safeguards: &Safeguards,
        act: &PatientAct,
    ) -> Result<Vec<String>, ServiceError> {
        let PatientAct::RefuseFlag { flag, .. } = act else { return Ok(Vec::new()) };
        let proposals = self.proposed(patient, safeguards)?;
        Ok(proposals.into_iter().filter(|proposal| proposal.flag == *flag).map(|proposal| proposal.cause).collect())
    }

    fn judge_patient(
        &self,
        actor: &Actor,
        mut safeguards: Safeguards,
        act: &PatientAct,
        causes: Vec<String>,
    ) -> Result<Change, (Event, String)> {
        let by = actor.login.clone();
        let lead = actor.role == Role::Lead;
        let quiet = |safeguards, event| Ok(Change { safeguards, event, flagged: None, needs_second: false });
        let (may, event) = match act {
            PatientAct::SetFlag { flag, withdraw, .. } => {
                (true, Event::FlagSet { flag: *flag, withdrew: *withdraw, entries: 0 })
            }
            PatientAct::ClearFlag { flag, .. } => (true, Event::FlagClearAsked { flag: *flag }),
            PatientAct::RefuseFlag { flag, .. } => (lead, Event::FlagRefused { flag: *flag }),
            PatientAct::NameReaders { logins, .. } => (lead, Event::ReadersNamed { logins: logins.clone() }),
            PatientAct::LockOut { login, .. } => (lead || *login == by, Event::LockedOut { login: login.clone() }),
            PatientAct::LetIn { login, .. } => (lead && *login != by, Event::LetIn { login: login.clone() }),
        };
        if !matches!(actor.role, Role::Clinician | Role::Lead) {
            return Err((event, "only a clinician or the safeguarding lead may do this".to_owned()));
        }
        if !may {
            let why = match act {
                PatientAct::LetIn { .. } => "only a safeguarding lead lets somebody in again, and never themselves",
                PatientAct::LockOut { .. } => "only the safeguarding lead locks somebody else out",
                _ => "only the safeguarding lead may do this",
            };
            return Err((event, why.to_owned()));
        }
        if act.why().trim().is_empty() {
            return Err((event, "say why, in a few words".to_owned()));
        }
        match act {
            PatientAct::SetFlag { flag, why, withdraw } => {
                let already = if *withdraw { Already::Withdrawn } else { Already::Stays };
                let (at, why) = (self.now(), why.trim().to_owned());
                match safeguards.flags.iter_mut().find(|set| set.flag == *flag) {
                    // Set anew, whoever wants it cleared must begin again.
                    Some(set) => (set.clearing, set.looked_at) = (None, Some(at)),
                    None => {
                        let set = FlagSet { flag: *flag, by, at, why, clearing: None, looked_at: None };
                        safeguards.flags.push(set);
                    }
                }
                let flagged = (flag.holds() || *withdraw).then_some(already);
                Ok(Change { safeguards, event, flagged, needs_second: false })
            }
            PatientAct::ClearFlag { flag, .. } => {
                let Some(set) = safeguards.flags.iter_mut().find(|set| set.flag == *flag) else {
                    return Err((event, "this flag does not stand over the patient".to_owned()));
                };
                match set.clearing.clone() {
                    Some(first) if Guard::FlagByTwo.stops(first == by) => {
                        Err((event, "you already asked for it: a second person must agree".to_owned()))
                    }
                    Some(first) if !lead && !self.is_lead(&first) => {
                        Err((event, "one of the two who clear a flag is the safeguarding lead".to_owned()))
                    }
                    _ if safeguards.locked_out.iter().any(|(login, _)| *login == by) => {
                        Err((event, "you have a conflict of interest in this patient, or are locked out".to_owned()))
                    }
                    Some(_) => {
                        safeguards.flags.retain(|set| set.flag != *flag);
                        safeguards.cleared.retain(|(cleared, _)| cleared != flag);
                        safeguards.cleared.push((*flag, self.now()));
                        quiet(safeguards, Event::FlagCleared { flag: *flag })
                    }
                    None => {
                        set.clearing = Some(by);
                        Ok(Change { safeguards, event, flagged: None, needs_second: true })
                    }
                }
            }
            PatientAct::RefuseFlag { flag, why } => {
                if causes.is_empty() {
                    return Err((event, "nothing in the record speaks for this flag now: see the worklist".to_owned()));
                }
                let (at, why) = (self.now(), why.trim());
                let refused = |cause| FlagRefused { flag: *flag, cause, by: by.clone(), at, why: why.to_owned() };
                safeguards.refused.extend(causes.into_iter().map(refused));
                quiet(safeguards, event)
            }
            PatientAct::NameReaders { logins, .. } => {
                safeguards.readers.clone_from(logins);
                quiet(safeguards, event)
            }
            PatientAct::LockOut { login, why } => {
                safeguards.locked_out.retain(|(locked, _)| locked != login);
                safeguards.locked_out.push((login.clone(), why.trim().to_owned()));
                quiet(safeguards, event)
            }
            PatientAct::LetIn { login, .. } => {
                safeguards.locked_out.retain(|(locked, _)| locked != login);
                quiet(safeguards, event)
            }
        }
    }

    fn write_patient(
        &self,
        actor: &Actor,
        patient: PatientId,
        seq: Option<u64>,
        change: Change,
    ) -> Result<PatientDone, ServiceError> {
        let Change { safeguards, event, flagged, needs_second } = change;
        let expect = seq.map_or(Expect::Absent, Expect::At);
        let mut pre = vec![(Table::Safeguard, patient.0.to_vec(), expect)];
        let mut writes = vec![(Table::Safeguard, patient.0.to_vec(), Some(encode(&safeguards)?))];
        let (mut audit, mut rows, mut withdrawn) = (Vec::new(), Vec::new(), false);
        if let Some(already) = flagged {
            let ids: Vec<EntryId> = self.board().of_patient(patient).collect();
            for id in ids {
                let Some(read) = self.row(id)? else { continue };
                let Some((read, record)) = self.flag_entry(actor, read, already)? else { continue };
                withdrawn |= record
                    .states
                    .as_ref()
                    .is_some_and(|(from, to)| from == State::Released.name() && to != State::Released.name());
                pre.push((Table::Entry, id.0.to_vec(), Expect::At(read.seq)));
                writes.push((Table::Entry, id.0.to_vec(), Some(encode(&read.row)?)));
                audit.push(record);
                rows.push(read.row);
            }
        }
        let moved = rows.len() as u64;
        let event = match event {
            Event::FlagSet { flag, withdrew, .. } => Event::FlagSet { flag, withdrew, entries: moved },
            event => event,
        };
        audit.insert(0, Record { patient: Some(patient), ..self.record(actor, event) });
        let _under_way = self.acts.begin();
        let receipt = self.commit_rows(pre, writes, audit, &rows)?;
        self.announce();
        let unfinished = if withdrawn { self.deliver_or_later() } else { None };
        Ok(PatientDone { patient, flags: lines(&safeguards), moved, needs_second, seq: receipt.seq, unfinished })
    }

    /// An entry after a flag was set on its patient, with what the log says; `None` where nothing changes.
    fn flag_entry(
        &self,
        actor: &Actor,
        Read { seq, mut row }: Read<EntryRow>,
        already: Already,
    ) -> Result<Option<(Read<EntryRow>, Record)>, ServiceError> {
        let policy = self.policy();
        let facts = self.facts(&policy, Caller::System, &row)?;
        let Ok(next) = review::step(&row.review, &review::Event::Flagged(already), &facts) else { return Ok(None) };
        let why = Event::PublishBlocked { why: "a flag was set on the patient".into() };
        let mut record = self.record_on(actor, why, &row);
        record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
        row.review = next;
        Ok(Some((Read { seq, row }, record)))
    }

    fn is_lead(&self, login: &str) -> bool {
        self.staff().user(login).is_some_and(|user| user.role == Role::Lead)
    }

    fn refused_patient(&self, actor: &Actor, patient: PatientId, event: Event, why: String) -> ServiceError {
        let outcome = Outcome::Refused(why.clone());
        let record = Record { patient: Some(patient), outcome, ..self.record(actor, event) };
        match self.commit(Vec::new(), Vec::new(), vec![record]) {
            Ok(_) => ServiceError::Refused(why),
            Err(failed) => failed,
        }
    }

    /// What people have set over a patient.
    pub(super) fn safeguards(&self, patient: PatientId) -> Result<Safeguards, ServiceError> {
        Ok(get(self.store.as_ref(), Table::Safeguard, &patient.0)?.map(|read| read.row).unwrap_or_default())
    }

    /// What people have set over a patient, a line each.
    pub(super) fn flag_lines(&self, patient: PatientId) -> Result<Vec<String>, ServiceError> {
        Ok(lines(&self.safeguards(patient)?))
    }

    /// Whether the caller may open this patient's record; an attempt is logged.
    pub(super) fn may_open(&self, actor: &Actor, row: &EntryRow) -> Result<(), ServiceError> {
        let safeguards = self.safeguards(row.entry.patient)?;
        let shut_out = !safeguards.may_open(&actor.login) || self.shuts_out() && safeguards.locks_out(&actor.login);
        if !Guard::NamedReaders.stops(shut_out) {
            return Ok(());
        }
        let why = ServiceError::Refused("only named reviewers may open this record: ask the safeguarding lead".into());
        Err(self.refused(actor, Event::EntryOpened, row, why))
    }
}

fn lines(safeguards: &Safeguards) -> Vec<String> {
    let flags = safeguards.flags.iter().map(|set| {
        let clearing = set.clearing.as_ref().map(|by| format!(", {by} asks to clear it")).unwrap_or_default();
        format!("{} ({}, {}{clearing})", set.flag.words(), set.by, set.at.format("%-d %b %Y"))
    });
    let locked = safeguards.locked_out.iter().map(|(login, _)| format!("{login} may only hide"));
    flags.chain(locked).collect()
}
