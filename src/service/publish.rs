//! The day's batch: what is due becomes visible, after everything is asked again, and the feed is written.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};

use super::read::has_readers;
use super::rows::{EntryRow, Read, encode};
use super::twins::TWIN_WITHHELD;
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event, Record, Role};
use crate::channel::{Delivery, Released};
use crate::protocol::Published;
use crate::record::{Act, EntryId, Lane};
use crate::review::{self, Caller, Guard, Present, State, Withheld};
use crate::store::{Expect, StoreError, Table};

/// The row that says a feed was written once.
pub(super) const HAS_FEED: &[u8] = b"has-feed";

impl Service {
    /// Shows what is due and hands the whole of what is visible to the channel.
    ///
    /// # Errors
    /// When the role may not, the store fails, or the channel takes nothing; entries released before stay.
    pub fn publish(&self, actor: &Actor) -> Result<Published, ServiceError> {
        if actor.role == Role::Auditor {
            return Err(ServiceError::Refused("the role auditor publishes nothing".into()));
        }
        self.wait_until_compared()?;
        let _one_at_a_time = self.alone()?;
        // What follows decisions is done with the batch; what fails while it runs, by the next one.
        self.unfinished.store(false, Ordering::Relaxed);
        let done = self.publish_batch(actor);
        if done.is_err() {
            // What it withdrew before it failed may still show, and so may what was left to it.
            self.unfinished.store(true, Ordering::Relaxed);
        }
        done
    }

    fn publish_batch(&self, actor: &Actor) -> Result<Published, ServiceError> {
        let now = self.look_at_clock()?;
        let mut published = Published::default();
        // Withdrawing and writing the feed wait for no clock.
        let due = if self.is_barred() { Vec::new() } else { self.board().due(now) };
        for id in due {
            match self.come_due(id, now)? {
                Some(State::Released) => published.released += 1,
                Some(State::Queued) => published.kept_back += 1,
                _ => {}
            }
        }
        published.kept_back += self.withdraw_what_no_longer_may(now)?;
        let delivery = self.deliver(actor)?;
        published.in_feed = delivery.entries;
        published.feed = delivery.place;
        published.next = self.board().next_due().map(|due| self.policy().batch_from(due));
        self.announce();
        Ok(published)
    }

    /// Hands the whole of what is visible to the channel. Called after every batch, whenever something
    /// visible was withdrawn, and at the start if there is a feed: the daemon may have died in between. What fails is
    /// tried again by the next publication.
    pub(super) fn deliver(&self, actor: &Actor) -> Result<Delivery, ServiceError> {
        let delivered = self.deliver_whole(actor);
        if delivered.is_err() {
            self.unfinished.store(true, Ordering::Relaxed);
        }
        delivered
    }

    fn deliver_whole(&self, actor: &Actor) -> Result<Delivery, ServiceError> {
        self.must_be_compared()?;
        let _one_at_a_time = lock(&self.delivery);
        // Before the list is made: what is withdrawn after this may be on it, and is gone with the next delivery.
        let withdrawn: Vec<EntryId> = self.board().standing(State::Retracting).collect();
        let visible = self.visible_entries(self.now())?;
        let delivery = self
            .channel
            .deliver(&self.settings.practice.name, &visible)
            .map_err(|error| ServiceError::Channel(error.to_string()))?;
        let event = Event::BatchPublished { channel: self.channel.name().to_owned(), entries: delivery.entries };
        let written = (Table::Meta, HAS_FEED.to_vec(), Some(Vec::new()));
        self.commit(Vec::new(), vec![written], vec![self.record(actor, event)])?;
        self.purged(withdrawn)?;
        Ok(delivery)
    }

    /// The channel has taken what is visible: what was withdrawn before that was listed is shown nowhere any more.
    fn purged(&self, withdrawn: Vec<EntryId>) -> Result<(), ServiceError> {
        let policy = self.policy();
        for id in withdrawn {
            let Some(Read { seq, mut row }) = self.row(id)? else { continue };
            let facts = self.facts(&policy, Caller::System, &row)?;
            let Ok(next) = review::step(&row.review, &review::Event::Purged, &facts) else { continue };
            let mut record = self.record_on(&Actor::system("publish"), Event::Purged, &row);
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            row.review = next;
            self.put_row(seq, row, vec![record])?;
        }
        Ok(())
    }

    /// Writes an entry that the program moved, unless somebody else moved it first: says whether it did.
    pub(super) fn put_row(&self, seq: u64, row: EntryRow, audit: Vec<Record>) -> Result<bool, ServiceError> {
        let key = row.entry.id.0.to_vec();
        let writes = vec![(Table::Entry, key.clone(), Some(encode(&row)?))];
        match self.commit_rows(vec![(Table::Entry, key, Expect::At(seq))], writes, audit, [&row]) {
            Ok(_) => Ok(true),
            Err(ServiceError::Store(StoreError::Conflict(..))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the clock was put forward, so that nothing becomes visible for a while.
    pub(super) fn is_barred(&self) -> bool {
        Guard::ClockForward.stops(lock(&self.pace).is_barred(self.clock.as_ref()))
    }

    /// The time, after a look whether the clock was put forward or back. Asked at every decision, pull and batch: a hold
    /// that began while the clock was back would have run as soon as it is put right.
    ///
    /// # Errors
    /// When a step cannot be written into the log.
    pub(super) fn look_at_clock(&self) -> Result<DateTime<Utc>, ServiceError> {
        let shown = self.now();
        let hold = self.policy().held_until(shown) - shown;
        let (now, stepped) = lock(&self.pace).look(self.clock.as_ref(), hold);
        if let Some(step) = stepped {
            self.note(&Actor::system("clock"), Event::ClockStepped { seconds: step.num_seconds() })?;
        }
        Ok(now)
    }

    /// Whether anything is due, or what follows a decision is not done yet: that waits for no clock.
    pub fn is_due(&self) -> bool {
        let unfinished = self.unfinished.load(Ordering::Relaxed);
        unfinished || !self.is_barred() && self.board().next_due().is_some_and(|due| due <= self.now())
    }

    /// Moves one entry on whose time has come. `None` when somebody else moved it first.
    fn come_due(&self, id: EntryId, now: DateTime<Utc>) -> Result<Option<State>, ServiceError> {
        let policy = self.policy();
        let Some(Read { seq, mut row }) = self.row(id)? else { return Ok(None) };
        let actor = Actor::system("publish");
        let mut audit = Vec::new();
        while let Some(due) = row.review.due
            && due <= now
        {
            let held = row.review.state == State::AutoHold;
            let (event, name) = match self.why_keep_back(&row, now)? {
                Some(why) => (review::Event::KeptBack, Event::PublishBlocked { why }),
                None if held => (review::Event::HoldElapsed, Event::HoldElapsed),
                None => (review::Event::Publish, Event::Published),
            };
            let facts = self.facts(&policy, Caller::System, &row)?;
            let Ok(next) = review::step(&row.review, &event, &facts) else { break };
            let mut record = self.record_on(&actor, name, &row);
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            audit.push(record);
            row.review = next;
        }
        if audit.is_empty() {
            return Ok(None);
        }
        let state = row.review.state;
        Ok(self.put_row(seq, row, audit)?.then_some(state))
    }

    /// Everything that must hold at the moment something becomes visible, asked anew: the formula of
    /// `review`, and the detectors on the words that would leave.
    fn why_keep_back(&self, row: &EntryRow, now: DateTime<Utc>) -> Result<Option<String>, ServiceError> {
        let patient = self.patient(row)?;
        let version = self.version(row.entry.id, row.review.version)?;
        let policy = self.policy();
        let present = Present {
            version: version.version,
            fingerprint: version.fingerprint(&self.keys.fingerprint),
            at_source: row.at_source,
            open_online: self.open_online(row, &patient),
            review: &row.review,
            policy: &policy,
            now,
        };
        if let Err(withheld) = review::releasable(&present) {
            return Ok(Some(withheld.to_string()));
        }
        let act = row.review.standing_act().unwrap_or(&Act::Approve);
        let Ok(rendition) = review::render(&version, act) else {
            return Ok(Some("it can no longer be rendered".into()));
        };
        if self.shows_what_another_withholds(row, &rendition)? {
            return Ok(Some(TWIN_WITHHELD.into()));
        }
        let again = self.screened(&version, &patient, &self.safeguards(patient.id)?);
        if row.review.decisions.is_empty()
            && let Some(why) = self.may_not_clear(row, &version, &patient, &again)?
        {
            return Ok(Some(why));
        }
        let found = match act {
            Act::Redact { .. } => {
                let shown = self.screening(row.entry.id, row.review.version)?.findings;
                !self.new_findings(&version, &rendition, &shown).is_empty()
            }
            _ if row.review.passed.is_some() => again.lane > Lane::Skim,
            _ if row.review.decisions.is_empty() => again.lane > Lane::Clear,
            _ => again.tier > row.review.tier,
        };
        Ok(found.then(|| "screening finds more in it than when it was decided".into()))
    }

    /// Released entries for which the formula no longer holds, after a tighter policy or other access, wait
    /// for people again.
    pub(super) fn withdraw_what_no_longer_may(&self, now: DateTime<Utc>) -> Result<u64, ServiceError> {
        let policy = self.policy();
        let ids: Vec<EntryId> = self.board().standing(State::Released).collect();
        let mut withdrawn = 0;
        for id in ids {
            let Some(Read { seq, mut row }) = self.row(id)? else { continue };
            let why = match self.seen(&row, now)? {
                Err(withheld) => withheld.to_string(),
                Ok(()) if self.as_released(&row, now)?.is_none() => TWIN_WITHHELD.to_owned(),
                Ok(()) => continue,
            };
            let facts = self.facts(&policy, Caller::System, &row)?;
            let Ok(next) = review::step(&row.review, &review::Event::KeptBack, &facts) else { continue };
            let blocked = Event::PublishBlocked { why };
            let mut record = self.record_on(&Actor::system("publish"), blocked, &row);
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            row.review = next;
            withdrawn += u64::from(self.put_row(seq, row, vec![record])?);
        }
        Ok(withdrawn)
    }

    /// Whether patients see an entry now, by the one formula.
    fn seen(&self, row: &EntryRow, now: DateTime<Utc>) -> Result<Result<(), Withheld>, ServiceError> {
        let version = self.version(row.entry.id, row.review.version)?;
        let policy = self.policy();
        Ok(review::visible(&Present {
            version: version.version,
            fingerprint: version.fingerprint(&self.keys.fingerprint),
            at_source: row.at_source,
            open_online: self.open_online(row, &self.patient(row)?),
            review: &row.review,
            policy: &policy,
            now,
        }))
    }

    /// What patients see now, entry by entry: derived from every entry that was ever released.
    fn visible_entries(&self, now: DateTime<Utc>) -> Result<Vec<Released>, ServiceError> {
        let ids: Vec<EntryId> = self.board().standing(State::Released).collect();
        self.shown_of(ids, now)
    }

    /// What patients see now of these entries.
    pub(super) fn shown_of(&self, ids: Vec<EntryId>, now: DateTime<Utc>) -> Result<Vec<Released>, ServiceError> {
        let mut released = Vec::new();
        for id in ids {
            let Some(Read { row, .. }) = self.row(id)? else { continue };
            released.extend(self.shown_now(&row, now)?);
        }
        Ok(released)
    }

    /// The entry as patients see it now, if they do. Of a patient who has opted out of online access, and whom nobody
    /// acts for online, nothing leaves.
    pub(super) fn shown_now(&self, row: &EntryRow, now: DateTime<Utc>) -> Result<Option<Released>, ServiceError> {
        if !has_readers(&self.patient(row)?) {
            return Ok(None);
        }
        self.as_released(row, now)
    }

    /// The entry as whoever has access may see it now, if they may.
    fn as_released(&self, row: &EntryRow, now: DateTime<Utc>) -> Result<Option<Released>, ServiceError> {
        if self.seen(row, now)?.is_err() {
            return Ok(None);
        }
        let patient = self.patient(row)?;
        let version = self.version(row.entry.id, row.review.version)?;
        let act = row.review.standing_act().unwrap_or(&Act::Approve);
        let Ok(rendition) = review::render(&version, act) else { return Ok(None) };
        if self.shows_what_another_withholds(row, &rendition)? {
            return Ok(None);
        }
        Ok(Some(Released { entry: row.entry.id, patient: patient.id, nhs_number: patient.nhs_number, rendition }))
    }
}
