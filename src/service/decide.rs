//! A person's act on an entry: judged by the rules of review, committed with its record, or refused
//! with a sentence and logged.

use super::follow::Followed;
use super::rows::{EntryRow, Read, draft_key, encode};
use super::{Seat, Service, ServiceError, random_unit};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::Decided;
use crate::record::{Act, Decision, EntryId, EntryVersion, Finding, Token, Version};
use crate::review::{self, Caller, Facts, Guard, Policy, Refusal, Rendition, Review, State, Waiver};
use crate::screen::is_faint;
use crate::store::{Expect, Receipt, StoreError, Table, UnitId};

/// How often what withholds is tried against others who write the same entry.
const TRIES: usize = 8;

/// What an act towards visible needs beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grounds<'a> {
    /// The lease under which it is made, where one was claimed.
    pub token: Option<Token>,
    /// Other entries with the same sensitive words that the person names as considered.
    pub waivers: &'a [Waiver],
}

impl Service {
    /// Carries out a decision on exactly the version and revision the person has read. Towards visible it needs
    /// the patient in hand: under a token, or claimed in the same step.
    ///
    /// # Errors
    /// A refusal in one sentence (also in the log), or what the store says. Nothing changed then.
    pub fn decide(
        &self,
        seat: &Seat,
        id: EntryId,
        version: Version,
        revision: u64,
        act: Act,
        grounds: Grounds<'_>,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let event = match &act {
            Act::Approve => Event::Approved,
            Act::Redact { removals, style } => Event::Redacted { style: *style, removals: removals.len() },
            Act::Hide { reason } => Event::Hidden { reason: *reason },
        };
        let judge = |row: &EntryRow| self.judge(actor, row, version, revision, &act, grounds.waivers);
        if matches!(act, Act::Hide { .. }) {
            return self.withhold(seat, id, event, judge);
        }
        self.release_in_hand(seat, id, event, grounds, judge)
    }

    /// A move towards visible: by who has the patient in hand, on what they have read, with the twins they named.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub(super) fn release_in_hand(
        &self,
        seat: &Seat,
        id: EntryId,
        event: Event,
        grounds: Grounds<'_>,
        judge: impl Fn(&EntryRow) -> Result<Review, ServiceError>,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let row = self.existing(id)?.row;
        let in_hand = match self.in_hand(seat, &row, grounds.token) {
            Ok(in_hand) => in_hand,
            Err(refusal) => return Err(self.lease_refused(actor, event, &row, &refusal)),
        };
        // Read again: to get the patient in hand may have had to wait for somebody's decision.
        let mut read = self.existing(id)?;
        let review = match judge(&read.row) {
            Ok(review) => review,
            Err(refusal) => return Err(self.refused(actor, event, &read.row, refusal)),
        };
        let is_last = self.is_last_open(&read.row);
        let mut beside =
            in_hand.as_ref().map(|in_hand| self.in_hand_records(actor, in_hand, is_last)).unwrap_or_default();
        beside.extend(self.waive(actor, &mut read.row, grounds.waivers));
        match self.carry_out_with(seat, event, read, review, beside) {
            Ok(decided) => {
                if let Some(in_hand) = in_hand {
                    self.keep_in_hand(seat, in_hand, is_last);
                }
                Ok(decided)
            }
            Err(ServiceError::Store(StoreError::Conflict(..))) => Err(self.overtaken(actor, id)),
            Err(error) => Err(error),
        }
    }

    /// A move that withholds is never blocked by what somebody else does at the same moment: it is judged again
    /// on what they have made of the entry.
    pub(super) fn withhold(
        &self,
        seat: &Seat,
        id: EntryId,
        event: Event,
        judge: impl Fn(&EntryRow) -> Result<Review, ServiceError>,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        for _ in 0..TRIES {
            let read = self.existing(id)?;
            let review = match judge(&read.row) {
                Ok(review) => review,
                Err(refusal) => return Err(self.refused(actor, event, &read.row, refusal)),
            };
            match self.carry_out(seat, event.clone(), read, review) {
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                other => return other,
            }
        }
        Err(self.overtaken(actor, id))
    }

    /// Takes the last decision on an entry back, before publication.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn undo(&self, seat: &Seat, id: EntryId) -> Result<Decided, ServiceError> {
        self.withhold(seat, id, Event::Undone, |row| self.judge_undo(&seat.actor, row))
    }

    /// The answer to what somebody has done under this name before; `None` if it was not done.
    pub(super) fn done_before(
        &self,
        actor: &Actor,
        id: EntryId,
        unit: UnitId,
    ) -> Result<Option<Decided>, ServiceError> {
        match self.store.outcome(unit)? {
            Some(receipt) => self.answer_to_done(actor, id, receipt).map(Some),
            None => Ok(None),
        }
    }

    /// As the entry stands now. What else showed the same words was said with the first answer, and waits in the queue.
    fn answer_to_done(&self, actor: &Actor, id: EntryId, receipt: Receipt) -> Result<Decided, ServiceError> {
        let row = self.existing(id)?.row;
        let reading = row.planted.as_ref().and_then(|planted| planted.reading.as_ref());
        let decoy = reading.is_some_and(|(by, _)| *by == actor.login);
        Ok(Decided { decoy, ..answer(&row, row.review.state, receipt) })
    }

    fn judge(
        &self,
        actor: &Actor,
        row: &EntryRow,
        version: Version,
        revision: u64,
        act: &Act,
        waivers: &[Waiver],
    ) -> Result<Review, ServiceError> {
        let hides = matches!(act, Act::Hide { .. });
        // A hide is never blocked by what somebody else did a moment ago.
        let revision = if hides { row.review.revision } else { revision };
        as_read(actor, row, version, revision)?;
        let decision = Decision { by: actor.login.clone(), act: act.clone(), at: self.now() };
        let next = self.step(actor, row, &review::Event::Decide(decision))?;
        if !hides {
            self.releasable_words(row, act, waivers)?;
        }
        Ok(next)
    }

    fn judge_undo(&self, actor: &Actor, row: &EntryRow) -> Result<Review, ServiceError> {
        let next = self.step(actor, row, &review::Event::Undo)?;
        self.screen_again(row, next)
    }

    /// What comes back from hidden is screened before anybody reads it.
    pub(super) fn screen_again(&self, row: &EntryRow, next: Review) -> Result<Review, ServiceError> {
        if next.state != State::Screening {
            return Ok(next);
        }
        let version = self.version(row.entry.id, row.review.version)?;
        let screening = self.screened(&version, &self.patient(row)?, &self.safeguards(row.entry.patient)?);
        let policy = self.policy();
        let facts = self.facts(&policy, Caller::System, row)?;
        review::step(&next, &review::Event::Screened(&screening), &facts).map_err(refuse)
    }

    /// The review after an event by a person.
    pub(super) fn step(
        &self,
        actor: &Actor,
        row: &EntryRow,
        event: &review::Event<'_>,
    ) -> Result<Review, ServiceError> {
        let policy = self.policy();
        let facts = self.facts(&policy, self.caller(actor, row)?, row)?;
        review::step(&row.review, event, &facts).map_err(refuse)
    }

    pub(super) fn facts<'a>(
        &self,
        policy: &'a Policy,
        caller: Caller<'a>,
        row: &EntryRow,
    ) -> Result<Facts<'a>, ServiceError> {
        let patient = self.patient(row)?;
        Ok(Facts {
            caller,
            open_online: self.open_online(row, &patient),
            held: self.safeguards(patient.id)?.holds(),
            drawn: self.is_drawn(policy, row),
            policy,
            now: self.now(),
        })
    }

    /// Whether this version is one of the share that a second person reads blind: by its keyed name, so that
    /// no reviewer knows beforehand and the second reading depends on nobody.
    fn is_drawn(&self, policy: &Policy, row: &EntryRow) -> bool {
        let share = policy.blind_share.get(usize::from(u8::from(row.review.tier))).copied().unwrap_or(0);
        let name = format!("{} {}", row.entry.id, row.review.version.0);
        let [a, b, ..] = self.keys.identity.login(&format!("second reading of {name}"));
        u32::from(u16::from_le_bytes([a, b])) * 100 < u32::from(share) * 65_536
    }

    pub(super) fn caller<'a>(&self, actor: &'a Actor, row: &EntryRow) -> Result<Caller<'a>, ServiceError> {
        Ok(match actor.role {
            Role::Clinician | Role::Lead => {
                let staff = self.staff();
                let staff = staff.user(&actor.login).and_then(|user| user.staff_guid.as_deref());
                let wrote_it = staff.is_some_and(|staff| row.authors.iter().any(|author| same_guid(author, staff)));
                let locked_out = self.safeguards(row.entry.patient)?.locks_out(&actor.login);
                Caller::Reviewer { login: &actor.login, lead: actor.role == Role::Lead, wrote_it, locked_out }
            }
            Role::System => Caller::System,
            Role::Auditor | Role::Admin => Caller::Other,
        })
    }

    /// Whether what would leave can leave: it can be rendered, and the detectors find nothing in it that
    /// the reviewer was not shown, and nothing else shows what it takes out, or withholds what it shows.
    pub(super) fn releasable_words(&self, row: &EntryRow, act: &Act, waivers: &[Waiver]) -> Result<(), ServiceError> {
        let version = self.version(row.entry.id, row.review.version)?;
        let rendition = review::render(&version, act).map_err(|error| ServiceError::Refused(error.to_string()))?;
        if matches!(act, Act::Redact { .. }) {
            let shown = self.screening(row.entry.id, row.review.version)?.findings;
            if let Some(new) = self.new_findings(&version, &rendition, &shown).first() {
                return Err(ServiceError::Refused(format!(
                    "what would be left reads as a new concern ({}): change the removals, or hide the entry",
                    new.why
                )));
            }
        }
        Self::refuse_twins(&self.unhandled_twins(row, &version, act, waivers)?)
    }

    /// What the detectors find in a rendition beyond what they found in the original.
    pub(super) fn new_findings(
        &self,
        version: &EntryVersion,
        rendition: &Rendition,
        shown: &[Finding],
    ) -> Vec<Finding> {
        let left = self.rules.screen_entry(&as_version(version, rendition));
        // What resembles a disclosure but faintly was read with the rest, and buried beside what rules found.
        let is_new = |finding: &Finding| !is_faint(finding) && !shown.iter().any(|seen| seen.rule == finding.rule);
        left.findings.into_iter().filter(is_new).collect()
    }

    /// Why this person may not release this entry, if so.
    pub(super) fn why_not_release(&self, actor: &Actor, row: &EntryRow) -> Option<String> {
        let decision = Decision { by: actor.login.clone(), act: Act::Approve, at: self.now() };
        let event = match row.review.state.waits_for_lead() && actor.role == Role::Lead {
            // They will say why.
            true => review::Event::Resolve(decision, "-".to_owned()),
            false => review::Event::Decide(decision),
        };
        self.step(actor, row, &event).err().map(|error| error.to_string())
    }

    pub(super) fn carry_out(
        &self,
        seat: &Seat,
        event: Event,
        read: Read<EntryRow>,
        review: Review,
    ) -> Result<Decided, ServiceError> {
        self.carry_out_with(seat, event, read, review, Vec::new())
    }

    /// The same with `beside` in the log, in the same unit.
    fn carry_out_with(
        &self,
        seat: &Seat,
        event: Event,
        read: Read<EntryRow>,
        review: Review,
        beside: Vec<Record>,
    ) -> Result<Decided, ServiceError> {
        self.look_at_clock()?;
        let actor = &seat.actor;
        let Read { seq, mut row } = read;
        let mut record = self.record_on(actor, event, &row);
        record.states = Some((row.review.state.name().to_owned(), review.state.name().to_owned()));
        let was = std::mem::replace(&mut row.review, review).state;
        let decoy = self.note_decoy(actor, &mut row)?;
        if row.review.decisions.is_empty() {
            row.waived.clear();
        }
        let read = self.note_reading(&mut row);
        let drawn = if row.review.state == was { Vec::new() } else { self.draw_again(&mut row)? };
        let id = row.entry.id;
        let key = id.0.to_vec();
        let mut writes = vec![(Table::Entry, key.clone(), Some(encode(&row)?))];
        // Who writes a note goes on with what they had begun.
        if !matches!(record.event, Event::Undone | Event::Noted) {
            writes.push((Table::Draft, draft_key(&self.keys.identity, id, &actor.login), None));
        }
        // The act first: what leads to it or follows from it stands behind it.
        let is_decoy = decoy.is_some();
        let audit = std::iter::once(record).chain(beside).chain(read).chain(drawn).chain(decoy).collect();
        let _under_way = self.acts.begin();
        let unit = seat.unit.map_or_else(random_unit, Ok)?;
        let pre = vec![(Table::Entry, key, Expect::At(seq))];
        let receipt = self.commit_rows_as(unit, pre, writes, audit, [&row])?;
        if receipt.replayed {
            return self.answer_to_done(actor, id, receipt);
        }
        self.announce();
        let Followed { state, twins, unfinished } = self.follow(&row, was == State::Released);
        Ok(Decided { twins, decoy: is_decoy, unfinished, ..answer(&row, state, receipt) })
    }

    /// Somebody else's unit came first: who it was, if that can be told.
    pub(super) fn overtaken(&self, actor: &Actor, id: EntryId) -> ServiceError {
        let last = |read: Read<EntryRow>| match read.row.review.is_blind_for(&actor.login) {
            true => None,
            false => read.row.review.decisions.last().cloned(),
        };
        match self.row(id).map(|read| read.and_then(last)) {
            Ok(Some(decision)) => {
                ServiceError::Refused(format!("{} was first to decide on this entry: open it again", decision.by))
            }
            Ok(None) => ServiceError::Refused("the entry has moved on in the meantime: open it again".into()),
            Err(error) => error,
        }
    }

    /// Logs a refused attempt and gives the refusal back.
    pub(super) fn refused(&self, actor: &Actor, event: Event, row: &EntryRow, error: ServiceError) -> ServiceError {
        let ServiceError::Refused(why) = &error else { return error };
        let record = Record { outcome: Outcome::Refused(why.clone()), ..self.record_on(actor, event, row) };
        match self.commit(Vec::new(), Vec::new(), vec![record]) {
            Ok(_) => error,
            Err(failed) => failed,
        }
    }
}

/// Whether the person decides on exactly what they have read.
///
/// # Errors
/// What happened to it in the meantime. A second reader is not told who was first.
pub(super) fn as_read(actor: &Actor, row: &EntryRow, version: Version, revision: u64) -> Result<(), ServiceError> {
    if Guard::AsRead.stops(row.review.version != version) {
        return Err(ServiceError::Refused("the entry has changed at the source: read the new version".into()));
    }
    if !Guard::AsRead.stops(row.review.revision != revision) {
        return Ok(());
    }
    Err(ServiceError::Refused(match row.review.decisions.last() {
        Some(decision) if !row.review.is_blind_for(&actor.login) => {
            format!("{} has decided on this entry in the meantime: open it again", decision.by)
        }
        _ => "the entry has moved on in the meantime: open it again".into(),
    }))
}

/// What a decision is answered with, before what followed it is added.
fn answer(row: &EntryRow, state: State, receipt: Receipt) -> Decided {
    Decided {
        entry: row.entry.id,
        state,
        visible_at: row.review.due.filter(|_| matches!(state, State::Settling | State::AutoHold)),
        review_by: row.review.review_by,
        seq: receipt.seq,
        twins: Vec::new(),
        decoy: false,
        unfinished: None,
    }
}

pub(super) fn refuse(refusal: Refusal) -> ServiceError {
    ServiceError::Refused(refusal.to_string())
}

/// GUIDs come with braces and without, in either case.
pub(super) fn same_guid(a: &str, b: &str) -> bool {
    let bare = |guid: &str| guid.trim_matches(['{', '}']).to_ascii_lowercase();
    bare(a) == bare(b)
}

/// A rendition in the form that screening reads.
pub(super) fn as_version(original: &EntryVersion, rendition: &Rendition) -> EntryVersion {
    let mut version = EntryVersion { parts: Vec::new(), title: rendition.title().to_string(), ..original.clone() };
    for line in rendition.lines() {
        if let Some(part) = original.part(&line.key) {
            version.parts.push(crate::record::Part {
                display: line.display.to_string(),
                codes: line.codes.clone(),
                value: line.value.to_string(),
                text: line.text.to_string(),
                ..part.clone()
            });
        }
    }
    version
}
