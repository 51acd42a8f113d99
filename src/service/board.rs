//! What waits, in order, and who lives together: an index in memory over the store, kept from run to
//! run or made anew.
//!
//! It is derived, and what shows is never read from it: whether an entry may be seen is asked of its row, each time. But
//! what else is known of a patient is read from it, when an entry is screened or its hold ends: a board that lacks
//! something held or hidden could let another clear. So nothing is pulled, screened anew or delivered before the board is
//! one that this program made of the rows, or kept itself and brought up to the log's end. Before that a board that is
//! wrong can only make something wait, or stand in the wrong place of a list.

mod index;
mod kept;
mod place;
mod places;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use slab::Slab;

use super::exposure::Clocks;
use super::find::Listed;
use super::kin::Kin;
use super::people::People;
use super::quality::Tally;
use super::rows::EntryRow;
use crate::record::{Act, EntryId, Patient, PatientId, Tier, Version};
use crate::review::order::{Order, Waits};
use crate::review::sampling::{Planted, Sample, SampleReading, Stratum, Window};
use crate::review::{Policy, State};

use index::{Moments, OfPatient};
use place::{Facts, Further, Place};
use places::Places;

pub use kept::{LAYOUT, Piece};

/// One that waits for a person, with what can be asked of it.
#[derive(Debug)]
pub struct Waiting {
    /// Which entry.
    pub entry: EntryId,
    /// Its tier.
    pub tier: Tier,
    /// Since when it waits.
    pub since: DateTime<Utc>,
    /// What can be asked of it.
    pub listed: Listed,
}

/// What waits for people and what waits for time.
#[derive(Debug, Default)]
pub struct Board {
    places: Places,
    waiting: Order<usize>,
    /// Those that wait, each at the place that the order gives.
    listed: Slab<Waiting>,
    names: HashMap<PatientId, String>,
    skim: BTreeSet<(DateTime<Utc>, DateTime<Utc>, EntryId)>,
    timed: Moments,
    put_off: BTreeSet<(DateTime<Utc>, EntryId)>,
    for_lead: BTreeSet<Waits>,
    for_second: BTreeSet<EntryId>,
    look_again: BTreeSet<(DateTime<Utc>, EntryId)>,
    hides: BTreeSet<(NaiveDate, EntryId)>,
    of_patient: OfPatient,
    counts: BTreeMap<State, u64>,
    households: HashMap<String, BTreeSet<PatientId>>,
    home: HashMap<PatientId, String>,
    /// Entries of a patient whose standing decision withholds words.
    withholding: HashMap<PatientId, BTreeSet<EntryId>>,
    kin: Kin,
    tallies: BTreeMap<(Window, Stratum), Tally>,
    people: People,
    clocks: Clocks,
    decoys: HashMap<EntryId, Planted>,
}

impl Board {
    /// Puts an entry where its row says, unless a later unit already has.
    pub fn put(&mut self, id: EntryId, seq: u64, row: &EntryRow) {
        let place = Place::from(Facts {
            seq,
            patient: row.entry.patient,
            version: row.review.version,
            state: row.review.state,
            tier: row.review.tier,
            by_rule: row.review.decisions.is_empty(),
            // Undone or kept back, it waits since it came, not since it came back.
            since: row.review.first_pulled,
            recorded: row.recorded.unwrap_or(row.review.first_pulled),
            due: row.review.due,
            further: Further {
                look_again: row.review.look_again.as_ref().map(|again| again.since),
                review_by: row.review.review_by,
                samples: row.samples.clone().into(),
            },
        });
        if self.places.get(id).is_some_and(|old| old.seq > seq) {
            return;
        }
        if let Some(old) = self.places.remove(id) {
            self.take_off(id, &old);
            if old.state.waits_for_person() && !place.state.waits_for_person() {
                self.waiting.hand_out();
            }
        }
        let name = self.names.get(&place.patient).map(String::as_str).unwrap_or_default();
        let listed = place.state.waits_for_person().then(|| Listed::new(row, name));
        let withholds = |act: &Act| matches!(act, Act::Hide { .. } | Act::Redact { .. });
        let real = row.planted.is_none();
        if real {
            self.clocks.put(row);
        }
        let withholds = real && row.review.decisions.iter().any(|decision| withholds(&decision.act));
        self.stand(id, &place, listed, withholds, row.planted.clone());
        self.places.insert(id, place);
    }

    /// Puts an entry that stands nowhere on the board where its place says.
    fn stand(&mut self, id: EntryId, place: &Place, listed: Option<Listed>, withholds: bool, planted: Option<Planted>) {
        if let Some(planted) = planted {
            self.decoys.insert(id, planted);
        }
        if self.is_read_decoy(id, place) {
            return;
        }
        if let Some(listed) = listed {
            let (tier, since) = (place.tier, place.since());
            let at = self.listed.insert(Waiting { entry: id, tier, since, listed });
            self.waiting.insert(place.waits(id), at);
        }
        if place.state == State::Skim {
            self.skim.insert((place.since(), place.recorded(), id));
        }
        if place.state.waits_for_lead() {
            self.for_lead.insert(place.waits(id));
        }
        if place.state == State::AwaitingSecond {
            self.for_second.insert(id);
        }
        match place.due() {
            Some(due) if place.state == State::Deferred => drop(self.put_off.insert((due, id))),
            Some(due) => self.timed.put(due),
            None => {}
        }
        if let Some(since) = place.look_again() {
            self.look_again.insert((since, id));
        }
        if let Some(day) = place.review_by() {
            self.hides.insert((day, id));
        }
        if withholds {
            self.withholding.entry(place.patient).or_default().insert(id);
        }
        for sample in place.samples() {
            self.tallies.entry((sample.window, sample.stratum)).or_default().add(sample);
        }
        *self.counts.entry(place.state).or_default() += 1;
        self.of_patient.put(place.patient, id);
    }

    /// Nothing counts a decoy that has been read.
    fn is_read_decoy(&self, id: EntryId, place: &Place) -> bool {
        place.state == State::SourceDeleted && self.decoys.contains_key(&id)
    }

    fn take_off(&mut self, id: EntryId, old: &Place) {
        if self.is_read_decoy(id, old) {
            return;
        }
        for sample in old.samples() {
            self.tallies.entry((sample.window, sample.stratum)).or_default().remove(sample);
        }
        if let Some(at) = self.waiting.remove(&old.waits(id)) {
            self.listed.try_remove(at);
        }
        self.for_lead.remove(&old.waits(id));
        self.for_second.remove(&id);
        self.skim.remove(&(old.since(), old.recorded(), id));
        match old.due() {
            Some(due) if old.state == State::Deferred => drop(self.put_off.remove(&(due, id))),
            Some(due) => self.timed.take(due),
            None => {}
        }
        if let Some(since) = old.look_again() {
            self.look_again.remove(&(since, id));
        }
        if let Some(day) = old.review_by() {
            self.hides.remove(&(day, id));
        }
        if let Some(withholding) = self.withholding.get_mut(&old.patient) {
            withholding.remove(&id);
        }
        // The source may find that it is another patient's.
        self.of_patient.take(old.patient, id);
        if let Some(count) = self.counts.get_mut(&old.state) {
            *count = count.saturating_sub(1);
        }
    }

    /// Entries that wait for a person, in the order in which they are handed out, each with its place among
    /// [`Board::all_waiting`].
    pub fn in_turn(&self) -> impl Iterator<Item = (EntryId, usize)> {
        self.waiting.in_turn().map(|(_, waits, at)| (waits.entry, *at))
    }

    /// Entries that wait for a person, in no order.
    pub fn all_waiting(&self) -> &Slab<Waiting> {
        &self.listed
    }

    /// Orders what waits by another policy.
    pub fn agree(&mut self, policy: &Policy) {
        self.waiting.agree(policy);
    }

    /// Every decoy that was ever sown, with what came of it.
    pub fn decoys(&self) -> impl Iterator<Item = &Planted> {
        self.decoys.values()
    }

    /// Whether an entry is invented.
    pub fn is_decoy(&self, id: EntryId) -> bool {
        self.decoys.contains_key(&id)
    }

    /// Of the entries drawn in a window that wait and nobody has read, the first from `from` on; the first of all comes
    /// behind the last. Identifiers are digests, so that where `from` is one, each is as likely.
    pub fn unread_sample(&self, window: Window, from: EntryId) -> Option<EntryId> {
        let unread = |sample: &Sample| sample.window == window && sample.drawn && sample.reading.is_none();
        let waits = |place: &Place| place.state == State::Queued && place.samples().iter().any(unread);
        let before = self.places.iter().take_while(|(id, _)| *id < from);
        self.places.from(from).chain(before).find(|(_, place)| waits(place)).map(|(id, _)| id)
    }

    /// What waits for a person in one patient's record, most urgent first, each with its place among
    /// [`Board::all_waiting`].
    pub fn waiting_of(&self, patient: PatientId) -> Vec<(EntryId, usize)> {
        let ids = self.of_patient.of(patient).iter();
        let mut found: Vec<_> = ids
            .filter_map(|id| {
                let waits = self.places.get(*id).filter(|place| place.state.waits_for_person())?.waits(*id);
                Some((waits, self.waiting.get(&waits)?))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(waits, at)| (waits.entry, at)).collect()
    }

    /// How many entries wait for a person.
    pub fn count_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Entries that wait for the lead, most urgent first.
    pub fn for_lead(&self) -> impl Iterator<Item = EntryId> {
        self.for_lead.iter().map(|waits| waits.entry)
    }

    /// Entries that wait for their second reader.
    pub fn for_second(&self) -> impl Iterator<Item = EntryId> {
        self.for_second.iter().copied()
    }

    /// Entries that were shown or hidden and want another look, longest first.
    pub fn to_look_at_again(&self) -> impl Iterator<Item = EntryId> {
        self.look_again.iter().map(|(_, id)| *id)
    }

    /// Hides whose day of review has come.
    pub fn hides_to_review(&self, today: NaiveDate) -> impl Iterator<Item = EntryId> {
        self.hides.iter().take_while(move |(day, _)| *day <= today).map(|(_, id)| *id)
    }

    /// Entries at the highest tier that are still at their source.
    pub fn critical(&self) -> Vec<EntryId> {
        let critical = |place: &Place| place.tier == Tier::Critical && place.state != State::SourceDeleted;
        self.places.iter().filter(|(_, place)| critical(place)).map(|(id, _)| id).collect()
    }

    /// Whether an entry of the patient holds more than a weak cue.
    pub fn has_cue(&self, patient: PatientId) -> bool {
        self.of_patient(patient).any(|id| {
            self.places.get(id).is_some_and(|place| place.tier >= Tier::Cue && place.state != State::SourceDeleted)
        })
    }

    /// Entries whose deferral is over.
    pub fn deferred_until(&self, now: DateTime<Utc>) -> Vec<EntryId> {
        self.put_off.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| *id).collect()
    }

    /// Entries that wait to be skimmed: who waited longest, then what was recorded first.
    pub fn to_skim(&self) -> impl Iterator<Item = EntryId> {
        self.skim.iter().map(|(.., id)| *id)
    }

    /// State and tier of those that wait for a person, for the lead or on the skim page.
    pub fn depths(&self) -> impl Iterator<Item = (State, Tier)> {
        let waits = |state: State| state.waits_for_person() || state.waits_for_lead() || state == State::Skim;
        self.places.iter().filter(move |(_, place)| waits(place.state)).map(|(_, place)| (place.state, place.tier))
    }

    /// How many wait for a person, of each tier and since when.
    pub fn waits(&self) -> impl Iterator<Item = (Tier, DateTime<Utc>, u64)> {
        self.waiting.together()
    }

    /// Entries whose time has come, who waited longest first.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<EntryId> {
        if self.next_due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let timed =
            self.places.iter().filter(|(id, place)| place.state != State::Deferred && !self.is_read_decoy(*id, place));
        let mut due: Vec<(DateTime<Utc>, EntryId)> =
            timed.filter_map(|(id, place)| Some((place.due().filter(|due| *due <= now)?, id))).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// When the first of those that wait for time becomes visible.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.timed.first()
    }

    /// How many entries stand in a state.
    pub fn count(&self, state: State) -> u64 {
        self.counts.get(&state).copied().unwrap_or_default()
    }

    /// Entries in a state.
    pub fn standing(&self, state: State) -> impl Iterator<Item = EntryId> {
        self.places.iter().filter(move |(_, place)| place.state == state).map(|(id, _)| id)
    }

    /// All entries of a patient.
    pub fn of_patient(&self, patient: PatientId) -> impl Iterator<Item = EntryId> {
        self.of_patient.of(patient).iter().copied()
    }

    /// Entries of a patient whose standing decision withholds words.
    pub fn withholding(&self, patient: PatientId) -> impl Iterator<Item = EntryId> {
        self.withholding.get(&patient).into_iter().flatten().copied()
    }

    /// Where the current version of an entry stands.
    pub fn stands(&self, id: EntryId) -> Option<(State, Version)> {
        self.places.get(id).map(|place| (place.state, place.version))
    }

    /// What each window holds of each stratum of the sample.
    pub fn tallies(&self) -> impl Iterator<Item = (&(Window, Stratum), &Tally)> {
        self.tallies.iter()
    }

    /// How many entries pulled since then were held by screening, and hidden or redacted by people.
    pub fn found_since(&self, since: DateTime<Utc>) -> u64 {
        let held = self.withholding.values().flatten().filter_map(|id| self.places.get(*id));
        held.filter(|place| place.tier >= Tier::Weak && place.since() >= since).count() as u64
    }

    /// Strata in which a reader found since then that somebody could have come to serious harm.
    pub fn seriously_missed(&self, since: DateTime<Utc>) -> BTreeSet<Stratum> {
        let missed = |sample: &&Sample| {
            let found = |reading: &SampleReading| reading.serious && reading.at > since;
            sample.reading.as_ref().is_some_and(found)
        };
        let withheld = self.withholding.values().flatten().filter_map(|id| self.places.get(*id));
        withheld.flat_map(|place| place.samples().iter().filter(missed)).map(|sample| sample.stratum).collect()
    }

    /// Whether another entry of the patient, recorded so near to `at`, was held for what was found in it.
    pub fn held_near(&self, patient: PatientId, but: EntryId, at: DateTime<Utc>, near: Duration) -> bool {
        let held = |place: &Place| {
            let stands = !matches!(place.state, State::Superseded | State::SourceDeleted | State::Screening);
            stands && place.tier >= Tier::Cue && (place.recorded() - at).abs() <= near
        };
        self.of_patient(patient).filter(|id| *id != but).any(|id| self.places.get(id).is_some_and(held))
    }

    /// Entries of these strata that cleared by rule and can be seen: to be looked at again.
    pub fn cleared_in(&self, strata: &BTreeSet<Stratum>) -> Vec<EntryId> {
        let cleared = |place: &Place| {
            place.state == State::Released
                && place.by_rule
                && place.samples().iter().any(|sample| strata.contains(&sample.stratum))
        };
        self.places.iter().filter(|(_, place)| cleared(place)).map(|(id, _)| id).collect()
    }

    /// Everybody linked with a patient: who lives with them, who reads their record, whose record they read.
    pub fn linked(&self, patient: PatientId) -> BTreeSet<PatientId> {
        let mut linked: BTreeSet<PatientId> = self.household(patient).into_iter().collect();
        linked.extend(self.kin.of(patient));
        linked.remove(&patient);
        linked
    }

    /// Puts a patient into the household that their row says, beside those who read their record, and notes their
    /// name for whoever looks for it.
    pub fn settle(&mut self, patient: &Patient) {
        self.name(patient);
        if patient.is_decoy() {
            return;
        }
        self.kin.settle(patient);
        self.people.settle(patient);
        if self.home.get(&patient.id) == patient.household.as_ref() {
            return;
        }
        if let Some(old) = self.home.remove(&patient.id)
            && let Some(people) = self.households.get_mut(&old)
        {
            people.remove(&patient.id);
        }
        if let Some(household) = &patient.household {
            self.households.entry(household.clone()).or_default().insert(patient.id);
            self.home.insert(patient.id, household.clone());
        }
    }

    fn name(&mut self, patient: &Patient) {
        let name = patient.full_name();
        if self.names.get(&patient.id) == Some(&name) {
            return;
        }
        for id in self.of_patient.of(patient.id) {
            let place = self.places.get(*id).map(|place| place.waits(*id));
            let at = place.and_then(|place| self.waiting.get(&place));
            if let Some(waiting) = at.and_then(|at| self.listed.get_mut(at)) {
                waiting.listed.rename(&name);
            }
        }
        self.names.insert(patient.id, name);
    }

    /// Who else lives with a patient, or is declared to be a relation of theirs.
    pub fn household(&self, patient: PatientId) -> Vec<PatientId> {
        let people = self.home.get(&patient).and_then(|home| self.households.get(home));
        let mut people: BTreeSet<PatientId> = people.into_iter().flatten().copied().collect();
        people.extend(self.kin.declared(patient));
        people.remove(&patient);
        people.into_iter().collect()
    }

    /// How many entries it holds.
    pub fn entries(&self) -> usize {
        self.places.len()
    }

    /// Whether people withheld words of somebody in a patient's household, the patient's own among them, in an entry
    /// of at least this tier recorded at or after `since`.
    pub fn has_concern(&self, patient: PatientId, tier: Tier, since: DateTime<Utc>) -> bool {
        self.household(patient)
            .into_iter()
            .chain([patient])
            .flat_map(|member| self.withholding(member))
            .filter_map(|id| self.places.get(id))
            .any(|place| place.tier >= tier && place.recorded() >= since)
    }

    /// Where an entry stands.
    pub fn state(&self, id: EntryId) -> Option<State> {
        self.places.get(id).map(|place| place.state)
    }

    /// Whether it holds no entry.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether an entry waits for its second reader.
    pub fn awaits_second(&self, id: EntryId) -> bool {
        self.places.get(id).is_some_and(|place| place.state == State::AwaitingSecond)
    }

    /// What is known of all patients together.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// When entries were entered, pulled and decided.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Whether something of a patient waits for a person or is hidden.
    pub fn has_something(&self, patient: PatientId) -> bool {
        let mut states = self.of_patient(patient).filter_map(|id| Some(self.places.get(id)?.state));
        states.any(|state| state.waits_for_person() || state == State::Hidden)
    }

    /// Whether an entry waits for a person.
    pub fn is_waiting(&self, id: EntryId) -> bool {
        self.places.get(id).is_some_and(|place| place.state.waits_for_person())
    }
}
