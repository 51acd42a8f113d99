//! What people see: the queue and one entry. Every read is logged before it is answered.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

use super::rows::{self, EntryRow, Read, draft_key, get, version_key};
use super::settings::ShownBy;
use super::{Seat, Service, ServiceError};
use crate::audit::{Actor, Event, Role};
use crate::protocol::{Draft, Opened, PatientCard, Queue, QueueRow, Wanted, Withheld};
use crate::record::{
    AccessLevel, Act, EntryId, EntryVersion, Patient, Removal, RemovalTarget, Screening, Shown, Span, Version,
};
use crate::review::{Review, State};
use crate::store::Table;

/// Whether somebody was the first of two readers of what waits for the second.
fn has_agreed(actor: &Actor, row: &EntryRow) -> bool {
    row.review.state == State::AwaitingSecond && row.review.is_party(&actor.login)
}

impl Service {
    /// The queue from its top, at most `limit` rows of it.
    ///
    /// # Errors
    /// As [`Service::rows`].
    pub fn queue(&self, actor: &Actor, limit: usize) -> Result<Queue, ServiceError> {
        self.rows(actor, &Wanted { limit, ..Wanted::default() })
    }

    /// Those rows of the queue that fit, most urgent first, what waits for one patient together.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails.
    pub fn rows(&self, actor: &Actor, wanted: &Wanted) -> Result<Queue, ServiceError> {
        self.may_read(actor, Event::QueueViewed { rows: 0 })?;
        self.wake()?;
        let now = self.now();
        // What only a lead can end stands above everything else.
        let asked: Vec<EntryId> = match actor.role == Role::Lead && wanted.only.is_all() {
            true => self.board().for_lead().collect(),
            false => Vec::new(),
        };
        let below = Wanted { from: wanted.from.saturating_sub(asked.len()), ..wanted.clone() };
        let agreed = self.agreed_to(actor)?;
        let (listed, waiting) = self.fitting(actor, &below, &agreed);
        let fits = asked.len() + waiting;
        let above = asked.into_iter().skip(wanted.from);
        let ids: Vec<EntryId> = above.chain(listed).take(wanted.limit).collect();
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(read) = self.row(id)? {
                rows.push(self.queue_row(actor, &read.row)?);
            }
        }
        self.note(actor, Event::QueueViewed { rows: rows.len() })?;
        let mut totals = self.totals()?;
        totals.for_second = agreed.len() as u64;
        totals.to_review = totals.to_review.saturating_sub(totals.for_second);
        let hidden_until = Some(self.policy().review_by(now));
        Ok(Queue { now, rows, from: wanted.from, fits, totals, alarms: self.alarms()?, hidden_until })
    }

    /// The entries to which somebody has agreed and a second reader must: nothing is left to do there for them.
    fn agreed_to(&self, actor: &Actor) -> Result<HashSet<EntryId>, ServiceError> {
        let standing: Vec<EntryId> = self.board().for_second().collect();
        let mut agreed = HashSet::new();
        for id in standing {
            if self.row(id)?.is_some_and(|read| has_agreed(actor, &read.row)) {
                agreed.insert(id);
            }
        }
        Ok(agreed)
    }

    pub(super) fn row(&self, id: EntryId) -> Result<Option<Read<EntryRow>>, ServiceError> {
        get(self.store.as_ref(), Table::Entry, &id.0)
    }

    pub(super) fn version(&self, id: EntryId, version: Version) -> Result<EntryVersion, ServiceError> {
        get(self.store.as_ref(), Table::Version, &version_key(id, version))?
            .map(|read| read.row)
            .ok_or(ServiceError::Internal("a version is missing from the store: run anteroom audit verify"))
    }

    pub(super) fn screening(&self, id: EntryId, version: Version) -> Result<Screening, ServiceError> {
        get(self.store.as_ref(), Table::Screening, &version_key(id, version))?
            .map(|read| read.row)
            .ok_or(ServiceError::Internal("a screening is missing from the store: run anteroom audit verify"))
    }

    pub(super) fn patient(&self, row: &EntryRow) -> Result<Patient, ServiceError> {
        get(self.store.as_ref(), Table::Patient, &row.entry.patient.0)?
            .map(|read| read.row)
            .ok_or(ServiceError::Internal("a patient is missing from the store: run anteroom audit verify"))
    }

    pub(super) fn queue_row(&self, actor: &Actor, row: &EntryRow) -> Result<QueueRow, ServiceError> {
        let patient = self.patient(row)?;
        let now = self.now();
        let lease = self.holding(actor, row);
        let mut viewed_by = self.viewers(actor, row.entry.id);
        if row.review.is_blind_for(&actor.login) {
            // Who reads along may be whoever was first.
            viewed_by.retain(|viewer| !row.review.is_party(viewer));
        }
        let holder = lease.as_ref().filter(|lease| !lease.yours).map(|lease| &lease.login);
        let held_by = holder.or(viewed_by.first()).cloned();
        Ok(QueueRow {
            entry: row.entry.id,
            version: row.review.version,
            revision: row.review.revision,
            state: row.review.state,
            tier: row.review.tier,
            lane: row.review.lane,
            patient: patient.id,
            patient_name: name_of(&patient),
            sex_age: sex_age(&patient, now),
            readers: readers_in_short(&patient),
            title: row.title.clone(),
            author: row.author.clone(),
            recorded: row.recorded,
            waiting_since: row.review.first_pulled,
            due: self.policy().due(row.review.tier, row.review.first_pulled),
            why: row.why.clone(),
            changed: row.decided_before.is_some(),
            held_by,
            lease,
            viewed_by,
            readable_since: (self.settings.practice.shown_by == ShownBy::System && has_readers(&patient))
                .then(|| row.recorded.unwrap_or(row.review.first_pulled)),
            agreed: has_agreed(actor, row),
        })
    }

    /// One entry with all a reviewer needs. The read is in the log before the text leaves.
    ///
    /// # Errors
    /// When the role reads no records, there is no such entry, or the store fails.
    pub fn open(&self, seat: &Seat, id: EntryId) -> Result<Opened, ServiceError> {
        let actor = &seat.actor;
        self.may_read(actor, Event::EntryOpened)?;
        let row = self.existing(id)?.row;
        self.may_open(actor, &row)?;
        self.commit(Vec::new(), Vec::new(), vec![self.record_on(actor, Event::EntryOpened, &row)])?;
        self.views(seat, &row);
        let patient = self.patient(&row)?;
        let version = self.version(id, row.review.version)?;
        let screening = self.screening(id, row.review.version)?;
        let second = self.as_second_reader(actor, &row, version, screening, self.notes(&row)?);
        let before = self.decided_before(&row)?;
        let earlier_removals =
            before.as_ref().map(|(old, review)| found_again(old, review, &second.version)).unwrap_or_default();
        let draft: Option<Read<Draft>> =
            get(self.store.as_ref(), Table::Draft, &draft_key(&self.keys.identity, id, &actor.login))?;
        let opened = Opened {
            row: self.queue_row(actor, &row)?,
            screening: second.screening,
            patient: self.card(&patient)?,
            decisions: second.decisions,
            notes: second.notes,
            look_again: row.review.look_again.clone(),
            to_read_back: second.to_read_back,
            proposed: second.proposed,
            before: before.map(|(version, review)| (version, review.decisions)),
            earlier_removals,
            also_here: self.also_here(actor, &row, &patient)?,
            draft: draft.map(|read| read.row).filter(|draft| draft.version == Some(row.review.version)),
            may_not_release: if second.to_read_back { None } else { self.why_not_release(actor, &row) },
            twins: if second.to_read_back { Vec::new() } else { self.twins_beside(actor, &row, &second.version)? },
            withheld: if second.to_read_back { Vec::new() } else { self.withheld_beside(&row, &patient)? },
            version: second.version,
        };
        Ok(opened)
    }

    /// The row of an entry that a person named.
    pub(super) fn existing(&self, id: EntryId) -> Result<Read<EntryRow>, ServiceError> {
        self.row(id)?.ok_or_else(|| ServiceError::Refused("there is no such entry: refresh the queue".into()))
    }

    fn decided_before(&self, row: &EntryRow) -> Result<Option<(EntryVersion, Review)>, ServiceError> {
        let Some(number) = row.decided_before else { return Ok(None) };
        let review: Option<Read<Review>> = get(self.store.as_ref(), Table::Review, &version_key(row.entry.id, number))?;
        match review {
            Some(read) => Ok(Some((self.version(row.entry.id, number)?, read.row))),
            None => Ok(None),
        }
    }

    /// What else waits for this patient and for those who live with them.
    fn also_here(&self, actor: &Actor, row: &EntryRow, patient: &Patient) -> Result<Vec<QueueRow>, ServiceError> {
        const MOST: usize = 8;
        let mut people = vec![patient.id];
        people.extend(self.household(patient)?.into_iter().map(|other| other.id));
        let ids: Vec<EntryId> = {
            let board = self.board();
            people
                .iter()
                .flat_map(|id| board.of_patient(*id))
                .filter(|id| *id != row.entry.id && board.is_waiting(*id))
                .take(MOST)
                .collect()
        };
        let mut rows = Vec::new();
        for id in ids {
            if let Some(read) = self.row(id)? {
                rows.push(self.queue_row(actor, &read.row)?);
            }
        }
        rows.sort_by_key(|row| (std::cmp::Reverse(row.tier), row.waiting_since, row.entry));
        Ok(rows)
    }

    /// What people withhold of other entries of this patient: a harm that was seen once can be told of again.
    fn withheld_beside(&self, row: &EntryRow, patient: &Patient) -> Result<Vec<Withheld>, ServiceError> {
        const MOST: usize = 8;
        let ids: Vec<EntryId> = self.board().withholding(patient.id).filter(|id| *id != row.entry.id).collect();
        let mut withheld = Vec::new();
        for id in ids {
            let Some(EntryRow { title, recorded, review, .. }) = self.row(id)?.map(|read| read.row) else { continue };
            // What awaits a second reader is not told to who may be that reader.
            if !matches!(
                review.state,
                State::Hidden | State::Retracting | State::Retracted | State::Settling | State::Released
            ) {
                continue;
            }
            withheld.extend(review.decisions.into_iter().last().map(|decision| Withheld { title, recorded, decision }));
        }
        withheld.sort_by_key(|other| std::cmp::Reverse(other.decision.at));
        withheld.truncate(MOST);
        Ok(withheld)
    }

    fn household(&self, patient: &Patient) -> Result<Vec<Patient>, ServiceError> {
        let ids = self.board().household(patient.id);
        let mut others: Vec<Patient> = Vec::with_capacity(ids.len());
        for id in ids {
            others.extend(get(self.store.as_ref(), Table::Patient, &id.0)?.map(|read| read.row));
        }
        others.sort_by(|a, b| a.born.cmp(&b.born).then_with(|| a.id.cmp(&b.id)));
        Ok(others)
    }

    pub(super) fn card(&self, patient: &Patient) -> Result<PatientCard, ServiceError> {
        let now = self.now();
        let mut readers = Vec::new();
        if patient.access > AccessLevel::None {
            readers.push(format!("patient’s app, {}", level(patient.access)));
        }
        for proxy in &patient.proxies {
            readers.push(format!("{}, {}, {}", proxy.name, proxy.relation, level(proxy.access)));
        }
        let household = self.household(patient)?;
        let mut views = Vec::new();
        if patient.access > AccessLevel::None {
            let given = patient.full_name().split(' ').find(|word| *word != word.to_uppercase()).map(str::to_owned);
            views.push((format!("{}’s app", given.unwrap_or_else(|| "the patient".to_owned())), patient.access));
        }
        views.extend(
            patient.proxies.iter().map(|proxy| (format!("the {}’s app", proxy.relation.to_lowercase()), proxy.access)),
        );
        Ok(PatientCard {
            views,
            name: name_of(patient),
            sex_age: sex_age(patient, now),
            born: patient.born,
            nhs_number: patient.nhs_number.as_ref().map(crate::record::NhsNumber::shown),
            readers,
            household: household
                .iter()
                .map(|other| {
                    let waits = {
                        let board = self.board();
                        board.of_patient(other.id).filter(|id| board.is_waiting(*id)).count()
                    };
                    let person = format!("{}  {}", name_of(other), sex_age(other, now));
                    if waits == 0 { person } else { format!("{person}  {waits} waiting") }
                })
                .collect(),
            flags: patient
                .flags
                .iter()
                .map(|flag| flag.words().to_owned())
                .chain(self.flag_lines(patient.id)?)
                .collect(),
        })
    }

    /// Keeps, or forgets, the caller's half-made redaction. Keeping one takes the patient in hand, if nobody else
    /// has it; the draft is kept in any case.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails.
    pub fn keep_draft(&self, seat: &Seat, id: EntryId, draft: Option<Draft>) -> Result<(), ServiceError> {
        let actor = &seat.actor;
        let begins = draft.is_some();
        self.may_read(actor, Event::DraftKept { removals: 0 })?;
        let row = self.existing(id)?.row;
        let value = draft.as_ref().map(rows::encode).transpose()?;
        let write = (Table::Draft, draft_key(&self.keys.identity, id, &actor.login), value);
        let event = Event::DraftKept { removals: draft.map_or(0, |draft| draft.removals.len()) };
        self.commit(Vec::new(), vec![write], vec![self.record_on(actor, event, &row)])?;
        if begins { self.claim_if_free(seat, &row) } else { Ok(()) }
    }
}

/// Removals of a decided version whose words stand again in the new one, as suggestions.
fn found_again(old: &EntryVersion, review: &Review, new: &EntryVersion) -> Vec<Removal> {
    let Some(Act::Redact { removals, .. }) = review.standing_act() else { return Vec::new() };
    let again = |removal: &Removal| {
        let part = new.part(&removal.part)?;
        let target = match removal.target {
            RemovalTarget::Line => RemovalTarget::Line,
            RemovalTarget::Text(span) => {
                let words = span.of(&old.part(&removal.part)?.text)?;
                let start = part.text.find(words)?;
                RemovalTarget::Text(Span::new(start, start + words.len()))
            }
        };
        Some(Removal { part: removal.part.clone(), target })
    };
    removals.iter().filter_map(again).collect()
}

pub(super) fn name_of(patient: &Patient) -> String {
    let name = patient.full_name();
    if name.is_empty() { "(patient not sent yet)".to_owned() } else { Shown::new(&name).to_string() }
}

fn sex_age(patient: &Patient, now: DateTime<Utc>) -> String {
    let today = now.with_timezone(&London).date_naive();
    match patient.age_on(today) {
        Some(0) => format!("{} <1", patient.sex.letter()),
        Some(age) => format!("{} {age}", patient.sex.letter()),
        None => patient.sex.letter().to_owned(),
    }
}

fn level(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::None => "no access",
        AccessLevel::Summary => "summary only",
        AccessLevel::Coded => "codes without text",
        AccessLevel::Full => "full record",
    }
}

/// Whether anybody has a login to the record.
pub(super) fn has_readers(patient: &Patient) -> bool {
    patient.access > AccessLevel::None || patient.proxies.iter().any(|proxy| proxy.access > AccessLevel::None)
}

fn readers_in_short(patient: &Patient) -> String {
    let proxy = patient.proxies.first().map(|proxy| proxy.relation.as_str());
    match (proxy, patient.access > AccessLevel::None) {
        (Some(relation), true) => format!("app, {relation}"),
        (Some(relation), false) => relation.to_owned(),
        (None, true) => "app".to_owned(),
        (None, false) => "none".to_owned(),
    }
}
