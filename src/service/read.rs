//! What people see: the queue, one entry, the log. Every read is logged before it is answered.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

use super::pull::StreamState;
use super::rows::{self, EntryRow, Read, draft_key, get, version_key};
use super::settings::ShownBy;
use super::{Seat, Service, ServiceError};
use crate::audit::{Actor, Event, Record, Role};
use crate::protocol::{
    AuditLine, Draft, Opened, PatientCard, Pulled, Queue, QueueRow, Status, Totals, Verified, Wanted, Withheld, hex,
};
use crate::record::{
    AccessLevel, Act, EntryId, EntryVersion, Patient, Removal, RemovalTarget, Screening, Shown, Span, Version,
};
use crate::review::{Guard, Review, State};
use crate::store::Table;

/// Why nothing comes by itself.
pub(super) const NO_FEED: &str = "practice.toml names no feed, so nothing is fetched: write [[source]] there, and start \
     the daemon anew";

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

    /// The numbers above and below the queue.
    ///
    /// # Errors
    /// When the store fails.
    pub fn totals(&self) -> Result<Totals, ServiceError> {
        Ok(self.totals_with(self.last_pull()?, self.count_left_out()?))
    }

    /// The same, with what was read from the store: the last pull, and how many rows it set aside.
    pub(super) fn totals_with(&self, last: Option<(DateTime<Utc>, Pulled)>, set_aside: u64) -> Totals {
        let (now, policy) = (self.now(), self.policy());
        let board = self.board();
        let late =
            board.waits().filter(|(tier, since, _)| policy.due(*tier, *since) < now).map(|(.., count)| count).sum();
        let to_review = board.count_waiting() as u64;
        let next_visible = board.next_due().map(|due| policy.batch_from(due));
        Totals {
            to_review,
            for_second: 0,
            late,
            readable: match self.settings.practice.shown_by {
                ShownBy::System => to_review,
                ShownBy::Portal => 0,
            },
            to_skim: board.count(State::Skim),
            on_hold: board.count(State::AutoHold),
            settling: board.count(State::Settling),
            next_visible,
            released: board.count(State::Released),
            hidden: board.count(State::Hidden),
            withdrawn: board.count(State::Retracting) + board.count(State::Retracted),
            for_lead: board.count(State::Disputed) + board.count(State::Escalated),
            deferred: board.count(State::Deferred),
            set_aside,
            pulled_at: last.as_ref().map(|(at, _)| *at),
            pulled_entries: last.map_or(0, |(_, pulled)| pulled.new + pulled.changed),
        }
    }

    fn last_pull(&self) -> Result<Option<(DateTime<Utc>, Pulled)>, ServiceError> {
        Ok(get(self.store.as_ref(), Table::Meta, b"last-pull")?.map(|read| read.row))
    }

    /// What people must know about the feeds, most pressing first.
    pub(super) fn alarms(&self) -> Result<Vec<String>, ServiceError> {
        let mut alarms = self.late_feeds()?;
        let Some((at, pulled)) = self.last_pull()? else {
            alarms.push("nothing has been pulled yet: an empty queue says nothing".into());
            if !self.demo && self.settings.sources.is_empty() {
                alarms.push(NO_FEED.into());
            }
            if !self.demo && self.settings.users.is_empty() && self.settings.groups.is_empty() {
                alarms.push("users.toml names nobody, so whoever owns the folder acts as lead: write [[user]]".into());
            }
            return Ok(alarms);
        };
        let hours = (self.now() - at).num_hours();
        if hours >= 26 {
            alarms.push(format!("the last pull was {hours} hours ago: what came since is not in this queue"));
        }
        if let Err(why) = self.room_for_more() {
            alarms.push(why.to_string());
        }
        let shown = self.board().count(State::Retracting);
        if shown > 0 {
            let entries = if shown == 1 { "one withdrawn entry is" } else { "withdrawn entries are" };
            alarms
                .insert(0, format!("{entries} still in the feed: see why it cannot be written, then anteroom publish"));
        }
        if shown == 0 && self.unfinished.load(Ordering::Relaxed) {
            let why =
                "what was withdrawn may still show: see why the feed cannot be written; it is tried again every minute";
            alarms.insert(0, why.into());
        }
        if self.is_barred() {
            alarms.insert(0, "the clock was put forward: nothing becomes visible until its holds have run".into());
        }
        alarms.extend(self.policy_alarm()?);
        alarms.extend(self.staff_alarm());
        rows::for_each::<StreamState>(self.store.as_ref(), Table::Meta, b"stream/", |_, read| {
            alarms.extend(read.row.alarms());
            Ok(())
        })?;
        let board = self.board();
        let today = self.now().with_timezone(&London).date_naive();
        let coming = board.people().coming_of_age(today).filter(|patient| board.has_something(*patient)).count();
        if coming > 0 {
            let (turn, have) = if coming == 1 { ("patient turns", "has") } else { ("patients turn", "have") };
            alarms.push(format!(
                "{coming} {turn} 11 or 16 within 90 days and {have} something held or hidden in their record: who may \
                 read it changes by itself then; settle it before"
            ));
        }
        if board.people().enhanced_review_is_common() {
            alarms.push(
                "more than one patient in twenty is coded for enhanced review (104), so the code says little here and holds \
                 nothing by itself"
                    .into(),
            );
        }
        drop(board);
        // Stores from before there was a ledger know only the last pull.
        alarms.extend(pulled.notices.into_iter().filter(|notice| !alarms.contains(notice)).collect::<Vec<_>>());
        Ok(alarms)
    }

    /// How things stand.
    ///
    /// # Errors
    /// When the store fails.
    pub fn status(&self) -> Result<Status, ServiceError> {
        let figures = self.figures()?;
        // A store that answers nothing more still says why.
        let stopped = figures.store.stopped.is_some();
        let mut alarms = self.alarms().or_else(|why| if stopped { Ok(Vec::new()) } else { Err(why) })?;
        let feeds = self.feeds_status().or_else(|why| if stopped { Ok(Vec::new()) } else { Err(why) })?;
        if !self.is_compared() {
            alarms
                .insert(0, "the store is still being compared with its log: nothing leaves for patients before".into());
        }
        alarms.splice(0..0, figures.store.alarms.iter().cloned());
        if let Some(why) = &figures.store.stopped {
            alarms.insert(0, format!("the store takes no more writes: {why}"));
        }
        Ok(Status {
            health: Box::new(self.health(&figures)),
            totals: figures.totals,
            alarms,
            seq: figures.store.head,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            rules: self.rules.version().to_owned(),
            free_bytes: figures.space.free,
            leases: figures.leases,
            feeds,
            exposure: Box::new(self.board().clocks().exposure(self.now())),
            pulling: self.progress.now().map(Box::new),
        })
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
