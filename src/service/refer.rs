//! What a person does with an entry beside deciding: asking the lead, putting it off, reopening; and what the
//! lead and the second reader do.

use super::decide::{Grounds, as_read, refuse};
use super::rows::{EntryRow, Read};
use super::{Seat, Service, ServiceError};
use crate::audit::{Actor, Event, Record};
use crate::protocol::Decided;
use crate::record::{Act, Decision, EntryId, Handling, HideReason, Version};
use crate::review::{self, Caller, Review};
use crate::store::StoreError;

impl Service {
    /// The lead decides in a dispute, or where somebody asked. Towards visible under the same conditions as any
    /// decision: with the patient in hand, and every twin handled or named.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn resolve(
        &self,
        seat: &Seat,
        id: EntryId,
        (version, revision): (Version, u64),
        act: Act,
        why: &str,
        grounds: Grounds<'_>,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let (name, hides) = match act {
            Act::Approve => ("approve", false),
            Act::Redact { .. } => ("redact", false),
            Act::Hide { .. } => ("hide", true),
        };
        let event = Event::Resolved { act: name.to_owned() };
        let judge = |row: &EntryRow| {
            // A hide is never blocked by what somebody else did a moment ago.
            as_read(actor, row, version, if hides { row.review.revision } else { revision })?;
            let decision = Decision { by: actor.login.clone(), act: act.clone(), at: self.now() };
            let next = self.step(actor, row, &review::Event::Resolve(decision, why.to_owned()))?;
            if !hides {
                self.releasable_words(row, &act, grounds.waivers)?;
            }
            Ok(next)
        };
        match hides {
            true => self.withhold(seat, id, event, judge),
            false => self.release_in_hand(seat, id, event, grounds, judge),
        }
    }

    /// Withdraws what is visible, whatever somebody else did a moment ago.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn withdraw(&self, seat: &Seat, id: EntryId, reason: HideReason, words: &str) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let event = Event::Withdrawn { reason };
        self.withhold(seat, id, event, |row| {
            let decision = Decision { by: actor.login.clone(), act: Act::Hide { reason }, at: self.now() };
            self.step(actor, row, &review::Event::Withdraw(decision, words.to_owned()))
        })
    }

    /// Asks the lead, puts off, takes up, gives back, reopens, notes that the patient asks, looks again, writes a note.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn handle(
        &self,
        seat: &Seat,
        id: EntryId,
        (version, revision): (Version, u64),
        handling: Handling,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let event = match &handling {
            Handling::Escalate { .. } => Event::Escalated,
            Handling::Defer { until, .. } => Event::Deferred { until: *until },
            Handling::Resume => Event::Resumed,
            Handling::Return { .. } => Event::Returned,
            Handling::Reopen { .. } => Event::Reopened,
            Handling::PatientAsks { .. } => Event::PatientAsked,
            Handling::Confirm { .. } => Event::Confirmed,
            Handling::Note { .. } => Event::Noted,
        };
        let read = self.existing(id)?;
        let judged = as_read(actor, &read.row, version, revision)
            .and_then(|()| self.step(actor, &read.row, &review::Event::Handle(handling)))
            .and_then(|next| self.screen_again(&read.row, next));
        self.finish(seat, event, read, judged)
    }

    /// The second reader of a redaction says what they think is missing, and sees the original from now on.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn read_back(
        &self,
        seat: &Seat,
        id: EntryId,
        (version, revision): (Version, u64),
        guess: &str,
    ) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let read = self.existing(id)?;
        let mut named_it = false;
        let judged = as_read(actor, &read.row, version, revision).and_then(|()| {
            let original = self.version(id, version)?;
            let act = read.row.review.standing_act().unwrap_or(&Act::Approve);
            named_it = review::names_what_is_gone(&original, act, guess);
            self.step(actor, &read.row, &review::Event::ReadBack { named_it })
        });
        self.finish(seat, Event::ReadBack { named_it }, read, judged)
    }

    fn finish(
        &self,
        seat: &Seat,
        event: Event,
        read: Read<EntryRow>,
        judged: Result<Review, ServiceError>,
    ) -> Result<Decided, ServiceError> {
        let (actor, id) = (&seat.actor, read.row.entry.id);
        match judged {
            Ok(next) => match self.carry_out(seat, event, read, next) {
                Err(ServiceError::Store(StoreError::Conflict(..))) => Err(self.overtaken(actor, id)),
                other => other,
            },
            Err(refusal) => Err(self.refused(actor, event, &read.row, refusal)),
        }
    }

    /// Puts what was deferred until now back into the queue. Asked before every list, so that no list and no
    /// clock can forget one.
    pub(super) fn wake(&self) -> Result<(), ServiceError> {
        self.sow()?;
        let now = self.now();
        let due = self.board().deferred_until(now);
        let policy = self.policy();
        for id in due {
            let Some(Read { seq, mut row }) = self.row(id)? else { continue };
            let facts = self.facts(&policy, Caller::System, &row)?;
            let next = review::step(&row.review, &review::Event::DeferralOver, &facts).map_err(refuse)?;
            let mut record: Record = self.record_on(&Actor::system("queue"), Event::DeferralOver, &row);
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            row.review = next;
            self.put_row(seq, row, vec![record])?;
        }
        Ok(())
    }
}
