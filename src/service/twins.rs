//! The same sensitive words in other entries of a patient and of those linked with them: found, shown beside
//! the entry, and in the way of what would show them.
//!
//! Two ways round. An entry that shows words which a linked one withholds leaves only when a person named that
//! one as considered; it is asked at the decision and again at every publication, so it holds for what clears
//! by rule too. And a redaction is accepted only when nothing else shows the words it takes out. A hide is never
//! held up: what shows the same words is withdrawn with it, and waits for people.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::rows::{EntryRow, Read, draft_key, encode, get};
use super::{Seat, Service, ServiceError, lock};
use crate::audit::{Actor, Event, Record};
use crate::protocol::{Draft, Twin, TwinWhy};
use crate::record::{Act, Decision, EntryId, EntryVersion, PatientId, Removal, RemovalTarget, Style, Version};
use crate::review::{self, Caller, Folded, Guard, Rendition, Sought, State, Waiver};
use crate::store::{Expect, StoreError, Table};

/// Words kept in memory, at four bytes each, before they are forgotten and read anew.
const MOST_WORDS: usize = 32 << 20;
/// Twins shown beside an entry.
const MOST_SHOWN: usize = 50;

/// What was read of linked records, so that the next question need not read it again. Derived: it may be
/// dropped at any time.
#[derive(Default)]
pub struct Memory {
    words: HashMap<EntryId, (Version, Arc<Folded>)>,
    held: usize,
    withheld: HashMap<EntryId, (u64, Arc<Sought>)>,
}

/// An entry with the version that stands.
struct Other {
    row: EntryRow,
    version: EntryVersion,
}

impl Service {
    /// The patient and everybody linked with them.
    fn circle(&self, patient: PatientId) -> BTreeSet<PatientId> {
        let mut circle = self.board().linked(patient);
        circle.insert(patient);
        circle
    }

    /// The words of an entry's version, from memory or read.
    fn words(&self, id: EntryId, number: Version) -> Result<Arc<Folded>, ServiceError> {
        if let Some((known, words)) = lock(&self.twins).words.get(&id)
            && *known == number
        {
            return Ok(Arc::clone(words));
        }
        let words = Arc::new(Folded::version(&self.version(id, number)?));
        let mut memory = lock(&self.twins);
        if memory.held > MOST_WORDS {
            memory.words.clear();
            memory.held = 0;
        }
        memory.held += words.len();
        if let Some((_, old)) = memory.words.insert(id, (number, Arc::clone(&words))) {
            memory.held = memory.held.saturating_sub(old.len());
        }
        Ok(words)
    }

    /// The words that an entry's standing decision withholds.
    fn withheld_by(&self, row: &EntryRow) -> Result<Arc<Sought>, ServiceError> {
        let (id, revision) = (row.entry.id, row.review.revision);
        if let Some((known, sought)) = lock(&self.twins).withheld.get(&id)
            && *known == revision
        {
            return Ok(Arc::clone(sought));
        }
        let version = self.version(id, row.review.version)?;
        let findings = self.screening(id, row.review.version)?.findings;
        let act = standing(&row.review.decisions).unwrap_or(&Act::Approve);
        let sought = Arc::new(Sought::withheld(&version, act, &findings));
        lock(&self.twins).withheld.insert(id, (revision, Arc::clone(&sought)));
        Ok(sought)
    }

    /// Entries of the circle, but `but`, that stand where `stands` says and hold any of `sought`.
    fn repeating(
        &self,
        row: &EntryRow,
        sought: &Sought,
        stands: impl Fn(State) -> bool,
    ) -> Result<Vec<Other>, ServiceError> {
        if sought.is_empty() {
            return Ok(Vec::new());
        }
        let people = self.circle(row.entry.patient);
        let others: Vec<(EntryId, Version)> = {
            let board = self.board();
            let standing = people.iter().flat_map(|patient| board.of_patient(*patient));
            let standing = standing.filter(|id| *id != row.entry.id).filter_map(|id| {
                let (state, version) = board.stands(id)?;
                stands(state).then_some((id, version))
            });
            standing.collect()
        };
        let mut found = Vec::new();
        for (id, number) in others {
            if !sought.stands_in(self.words(id, number)?.as_ref()) {
                continue;
            }
            if let Some(Read { row, .. }) = self.row(id)?
                && row.at_source
            {
                let version = self.version(id, row.review.version)?;
                found.push(Other { row, version });
            }
        }
        Ok(found)
    }

    /// Entries of the circle whose standing decision withholds words, with these.
    fn withholding(&self, row: &EntryRow) -> Result<Vec<(EntryRow, Arc<Sought>)>, ServiceError> {
        let people = self.circle(row.entry.patient);
        let others: Vec<EntryId> = {
            let board = self.board();
            let all = people.iter().flat_map(|patient| board.withholding(*patient));
            all.filter(|id| *id != row.entry.id).collect()
        };
        let mut found = Vec::new();
        for id in others {
            if let Some(Read { row, .. }) = self.row(id)?
                && row.at_source
            {
                let sought = self.withheld_by(&row)?;
                found.push((row, sought));
            }
        }
        Ok(found)
    }

    /// Whether a rendition of an entry shows words that a linked entry withholds, and nobody waived that.
    pub(super) fn shows_what_another_withholds(
        &self,
        row: &EntryRow,
        rendition: &Rendition,
    ) -> Result<bool, ServiceError> {
        let withholding = self.withholding(row)?;
        if withholding.is_empty() {
            return Ok(false);
        }
        let shown = Folded::rendition(rendition);
        let unwaived = withholding.iter().any(|(other, sought)| sought.stands_in(&shown) && !is_waived(row, other));
        Ok(Guard::Twins.stops(unwaived))
    }

    /// The entries that stand in the way of `act`: those that withhold what it would show, and for a redaction
    /// those that show, or will by rule, what it takes out, the entry itself among them.
    pub(super) fn unhandled_twins(
        &self,
        row: &EntryRow,
        version: &EntryVersion,
        act: &Act,
        waivers: &[Waiver],
    ) -> Result<Vec<EntryId>, ServiceError> {
        let Ok(rendition) = review::render(version, act) else { return Ok(Vec::new()) };
        let shown = Folded::rendition(&rendition);
        // Each of those who decide on this entry names its twins, or somebody did who decided on the twin.
        let may = |other: &EntryRow| names(waivers, other) || names(&other.waived, row);
        let mut unhandled = BTreeSet::new();
        for (other, sought) in self.withholding(row)? {
            if sought.stands_in(&shown) && !may(&other) {
                unhandled.insert(other.entry.id);
            }
        }
        let findings = self.screening(row.entry.id, row.review.version)?.findings;
        let sought = Sought::withheld(version, act, &findings);
        if sought.stands_in(&shown) && !may(row) {
            unhandled.insert(row.entry.id);
        }
        for other in self.repeating(row, &sought, goes_unread)? {
            if shows(&other, &sought) && !may(&other.row) {
                unhandled.insert(other.row.entry.id);
            }
        }
        Ok(unhandled.into_iter().collect())
    }

    /// Notes on the row which twins a person named as considered, and gives the record of it.
    pub(super) fn waive(&self, actor: &Actor, row: &mut EntryRow, waivers: &[Waiver]) -> Option<Record> {
        let new: Vec<Waiver> = waivers.iter().copied().filter(|waiver| !row.waived.contains(waiver)).collect();
        row.waived.extend(&new);
        // The second of two people names them too, and is on record with it.
        let entries = waivers.iter().map(|waiver| waiver.entry).collect();
        (!waivers.is_empty()).then(|| self.record_on(actor, Event::TwinsWaived { entries }, row))
    }

    /// The sentence that names them: by identifiers alone, as it goes into the log.
    pub(super) fn refuse_twins(unhandled: &[EntryId]) -> Result<(), ServiceError> {
        if !Guard::Twins.stops(!unhandled.is_empty()) {
            return Ok(());
        }
        let names: Vec<String> = unhandled.iter().take(5).map(|id| id.to_string().chars().take(8).collect()).collect();
        let more = if unhandled.len() > names.len() { ", …" } else { "" };
        Err(ServiceError::Refused(format!(
            "the same sensitive words stand in {} other place(s) ({}{more}): hide or redact them there first, or name each \
             as considered",
            unhandled.len(),
            names.join(", ")
        )))
    }

    /// The twins of an entry, to show beside it.
    pub(super) fn twins_beside(
        &self,
        actor: &Actor,
        row: &EntryRow,
        version: &EntryVersion,
    ) -> Result<Vec<Twin>, ServiceError> {
        let findings = self.screening(row.entry.id, row.review.version)?.findings;
        let sought = match standing(&row.review.decisions) {
            Some(act @ (Act::Hide { .. } | Act::Redact { .. })) => Sought::withheld(version, act, &findings),
            _ => Sought::found(version, &findings),
        };
        let mut twins = Vec::new();
        for other in
            self.repeating(row, &sought, State::is_on_the_way)?.into_iter().filter(|other| shows(other, &sought))
        {
            twins.push(self.twin(actor, row, &other, &sought, TwinWhy::ShowsTheSame)?);
        }
        let here = Folded::version(version);
        for (other, sought) in self.withholding(row)? {
            if sought.stands_in(&here) {
                let version = self.version(other.entry.id, other.review.version)?;
                let other = Other { row: other, version };
                twins.push(self.twin(actor, row, &other, &sought, TwinWhy::WithheldThere)?);
            }
        }
        twins.sort_by_key(|twin| (twin.waived, std::cmp::Reverse(twin.row.state == State::Released), twin.row.entry));
        twins.truncate(MOST_SHOWN);
        Ok(twins)
    }

    fn twin(
        &self,
        actor: &Actor,
        row: &EntryRow,
        other: &Other,
        sought: &Sought,
        why: TwinWhy,
    ) -> Result<Twin, ServiceError> {
        let suggested = sought.places(&other.version);
        let said = |removal: &Removal| {
            let part = other.version.part(&removal.part)?;
            Some(match removal.target {
                RemovalTarget::Line => part.display.clone(),
                RemovalTarget::Text(span) => span.of(&part.text)?.to_owned(),
            })
        };
        Ok(Twin {
            row: self.queue_row(actor, &other.row)?,
            why,
            words: suggested.iter().filter_map(said).collect(),
            suggested,
            waived: is_waived(row, &other.row),
        })
    }

    /// After a hide: what shows the same words is taken back and waits for people. Gives the entries that show
    /// them, and whether any was visible.
    pub(super) fn withdraw_twins(&self, row: &EntryRow) -> Result<(Vec<EntryId>, bool), ServiceError> {
        if !matches!(standing(&row.review.decisions), Some(Act::Hide { .. })) {
            return Ok((Vec::new(), false));
        }
        let sought = self.withheld_by(row)?;
        let (mut twins, mut was_visible) = (Vec::new(), false);
        for other in self.repeating(row, &sought, State::is_on_the_way)? {
            if !shows(&other, &sought) || is_waived(row, &other.row) {
                continue;
            }
            let id = other.row.entry.id;
            twins.push(id);
            was_visible |= other.row.review.state == State::Released;
            self.take_back(id)?;
        }
        Ok((twins, was_visible))
    }

    /// Back to the queue, if it is on its way to be shown.
    fn take_back(&self, id: EntryId) -> Result<(), ServiceError> {
        // Somebody else may write the entry at the same moment; the publication asks again.
        let policy = self.policy();
        for _ in 0..8 {
            let Some(Read { seq, mut row }) = self.row(id)? else { return Ok(()) };
            let facts = self.facts(&policy, Caller::System, &row)?;
            let Ok(next) = review::step(&row.review, &review::Event::KeptBack, &facts) else { return Ok(()) };
            let blocked = Event::PublishBlocked { why: TWIN_WITHHELD.to_owned() };
            let mut record = self.record_on(&Actor::system("twins"), blocked, &row);
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            row.review = next;
            row.waived.clear();
            let key = id.0.to_vec();
            let writes = vec![(Table::Entry, key.clone(), Some(encode(&row)?))];
            match self.commit_rows(vec![(Table::Entry, key, Expect::At(seq))], writes, vec![record], [&row]) {
                Ok(_) => return Ok(()),
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts into the caller's draft of every twin what repeats the words that this entry withholds, or that were
    /// found in it: suggestions, each of which is decided by itself. A draft of their own stays as it is.
    ///
    /// # Errors
    /// When the role reads no records, there is no such entry, or the store fails.
    pub fn propose(&self, seat: &Seat, id: EntryId) -> Result<Vec<EntryId>, ServiceError> {
        let actor = &seat.actor;
        self.may_read(actor, Event::DraftKept { removals: 0 })?;
        let row = self.existing(id)?.row;
        let version = self.version(id, row.review.version)?;
        let mut proposed = Vec::new();
        for twin in self.twins_beside(actor, &row, &version)? {
            let other = twin.row.entry;
            let key = draft_key(&self.keys.identity, other, &actor.login);
            let has_draft = get::<Draft>(self.store.as_ref(), Table::Draft, &key)?
                .is_some_and(|read| read.row.version == Some(twin.row.version));
            if twin.why != TwinWhy::ShowsTheSame || twin.suggested.is_empty() || has_draft {
                continue;
            }
            let kept = Event::DraftKept { removals: twin.suggested.len() };
            let draft = Draft { version: Some(twin.row.version), removals: twin.suggested, style: Style::default() };
            let record = self.record_on(actor, kept, &self.existing(other)?.row);
            self.commit(Vec::new(), vec![(Table::Draft, key, Some(encode(&draft)?))], vec![record])?;
            proposed.push(other);
        }
        Ok(proposed)
    }
}

/// Why an entry is taken back, or kept back, for a twin's sake.
pub(super) const TWIN_WITHHELD: &str = "the same words are withheld in another entry";

/// The act that withholds most of those that stand.
fn standing(decisions: &[Decision]) -> Option<&Act> {
    let hide = decisions.iter().find(|decision| matches!(decision.act, Act::Hide { .. }));
    hide.or_else(|| decisions.last()).map(|decision| &decision.act)
}

/// Whether an entry that stands here is shown, or will be, with nobody reading it before.
fn goes_unread(state: State) -> bool {
    matches!(state, State::Released | State::Settling | State::AutoHold | State::Skim)
}

/// Whether what would be shown of an entry, as things stand, shows any of `sought`.
fn shows(other: &Other, sought: &Sought) -> bool {
    let act = standing(&other.row.review.decisions).unwrap_or(&Act::Approve);
    match review::render(&other.version, act) {
        Ok(rendition) => sought.stands_in(&Folded::rendition(&rendition)),
        Err(_) => false,
    }
}

/// Whether one of the two was named when the other was decided.
fn is_waived(row: &EntryRow, other: &EntryRow) -> bool {
    names(&row.waived, other) || names(&other.waived, row)
}

/// Whether `waivers` name an entry in the version that stands.
fn names(waivers: &[Waiver], row: &EntryRow) -> bool {
    waivers.contains(&Waiver { entry: row.entry.id, version: row.review.version })
}
