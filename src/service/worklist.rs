//! What needs somebody beside the queue, and what somebody can still take back. Derived at every asking, so that
//! nothing has to be remembered for it to be due.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

use super::rows::{self, EntryRow, Read};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Role};
use crate::protocol::{MyAct, Work, WorkItem, Worklist};
use crate::record::{AccessLevel, Act, EntryId, Patient, Safeguards, Tier};
use crate::review::{self, Ageing, Policy, State};
use crate::store::Table;

/// How long before a birthday that changes who reads a record it is on the list, days.
const BEFORE_BIRTHDAY: u64 = 90;

/// Parental access is taken away at the eleventh birthday, what is left of it and the start of the patient's own
/// at the sixteenth.
const BIRTHDAYS: [(u32, Work); 2] = [(11, Work::TurnsEleven), (16, Work::TurnsSixteen)];

impl Service {
    /// The list, most pressing first. Every line has an owner by name.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails.
    pub fn worklist(&self, actor: &Actor) -> Result<Worklist, ServiceError> {
        self.may_read(actor, Event::WorklistViewed { lines: 0 })?;
        self.wake()?;
        let mut items = self.entries_to_see_to()?;
        items.extend(self.patients_to_see_to()?);
        // What came at the same time stands by name, so that a family stands together.
        let place = |item: &WorkItem| (item.kind, item.since, item.patient_name.clone(), item.entry, item.patient);
        items.sort_by_cached_key(place);
        self.note(actor, Event::WorklistViewed { lines: items.len() })?;
        Ok(Worklist { items })
    }

    fn entries_to_see_to(&self) -> Result<Vec<WorkItem>, ServiceError> {
        let (now, policy) = (self.now(), self.policy());
        let found: Vec<(Work, EntryId)> = {
            let board = self.board();
            let mut found: Vec<(Work, EntryId)> = Vec::new();
            found.extend(board.standing(State::Retracting).map(|id| (Work::StillShown, id)));
            found.extend(board.to_look_at_again().map(|id| (Work::LookAgain, id)));
            found.extend(board.standing(State::Disputed).map(|id| (Work::Disputed, id)));
            found.extend(board.standing(State::Escalated).map(|id| (Work::Escalated, id)));
            found.extend(board.hides_to_review(policy.day(now)).map(|id| (Work::HideReview, id)));
            let works: HashMap<(Tier, DateTime<Utc>), Option<Work>> = board
                .waits()
                .map(|(tier, since, _)| ((tier, since), work_of(policy.ageing(tier, since, now))))
                .collect();
            let aged = board.in_turn().filter_map(|(id, at)| {
                let waiting = board.all_waiting().get(at)?;
                Some((works.get(&(waiting.tier, waiting.since)).copied().flatten()?, id))
            });
            found.extend(aged);
            found
        };
        let mut items = Vec::with_capacity(found.len());
        for (kind, id) in found {
            let Some(Read { row, .. }) = self.row(id)? else { continue };
            items.push(self.item_of(kind, &row, &policy)?);
        }
        Ok(items)
    }

    fn item_of(&self, kind: Work, row: &EntryRow, policy: &Policy) -> Result<WorkItem, ServiceError> {
        let review = &row.review;
        let (what, since) = match kind {
            Work::LookAgain => review
                .look_again
                .as_ref()
                .map_or((String::new(), review.since), |again| (again.cause.words().to_owned(), again.since)),
            Work::HideReview => {
                let day = review.review_by.unwrap_or_else(|| policy.day(review.since));
                (format!("hidden until review on {day}"), policy.morning_of(day))
            }
            Work::TwiceOver | Work::Late | Work::SoonLate => ("waits to be read".to_owned(), review.first_pulled),
            Work::StillShown => ("the feed could not be written since it was withdrawn".to_owned(), review.since),
            _ => (kind.words().to_owned(), review.since),
        };
        let owner = match kind {
            Work::TwiceOver => policy.manager.clone(),
            Work::SoonLate => self.names_of(Role::Clinician, "the clinicians on duty"),
            _ => self.names_of(Role::Lead, "the safeguarding lead"),
        };
        let patient = self.patient(row)?;
        let patient_name = super::read::name_of(&patient);
        Ok(WorkItem { kind, entry: Some(row.entry.id), patient: patient.id, patient_name, what, since, owner })
    }

    fn patients_to_see_to(&self) -> Result<Vec<WorkItem>, ServiceError> {
        let policy = self.policy();
        let today = policy.day(self.now());
        let owner = self.names_of(Role::Lead, "the safeguarding lead");
        let mut items = Vec::new();
        let perpetrators = self.perpetrators()?;
        let store = self.store.as_ref();
        rows::for_each::<Patient>(store, Table::Patient, &[], |_, Read { row: patient, .. }| {
            if patient.is_decoy() {
                return Ok(());
            }
            let safeguards = self.safeguards(patient.id)?;
            let item = |kind: Work, what: String, since: DateTime<Utc>| WorkItem {
                kind,
                entry: None,
                patient: patient.id,
                patient_name: super::read::name_of(&patient),
                what,
                since,
                owner: owner.clone(),
            };
            for set in safeguards.flags.iter().filter(|set| set.clearing.is_some()) {
                items.push(item(Work::FlagToClear, format!("clear “{}”?", set.flag.words()), set.at));
            }
            for proposal in self.proposals(&patient, &safeguards, &perpetrators)? {
                let what = format!("set “{}”? {}", proposal.flag.words(), proposal.words);
                items.push(item(Work::FlagProposed, what, policy.morning_of(today)));
            }
            for set in &safeguards.flags {
                let due = set.review_due();
                if due <= self.now() {
                    let what = format!(
                        "“{}” has stood since {}: set it anew, or clear it",
                        set.flag.words(),
                        policy.day(set.at)
                    );
                    items.push(item(Work::FlagReview, what, due));
                }
            }
            let Some(born) = patient.born else { return Ok(()) };
            if !self.has_signal(&patient, &safeguards) {
                return Ok(());
            }
            for (age, kind) in BIRTHDAYS {
                if let Some(day) = birthday(born, age).filter(|day| soon(*day, today)) {
                    let what = format!("{age} on {day}: look at who may read the record, and at what waits or shows");
                    items.push(item(kind, what, policy.morning_of(day)));
                }
            }
            let readers = patient.proxies.iter().filter(|proxy| proxy.access > AccessLevel::None);
            if patient.age_on(today).is_some_and(|age| age < 16) {
                for proxy in readers {
                    let what = format!("{} ({}) reads this record", proxy.name, proxy.relation);
                    items.push(item(Work::ProxyOfChild, what, self.now()));
                }
            }
            Ok(())
        })?;
        Ok(items)
    }

    /// Whether anything speaks of a risk to this patient: a flag, or a finding that is more than a weak cue.
    fn has_signal(&self, patient: &Patient, safeguards: &Safeguards) -> bool {
        safeguards.holds() || !patient.flags.is_empty() || self.board().has_cue(patient.id)
    }

    /// The people with a role, by name, or `otherwise` where nobody has it.
    fn names_of(&self, role: Role, otherwise: &str) -> String {
        let staff = self.staff();
        let users = staff.users.iter().filter(|user| user.role == role);
        let names: Vec<&str> = users.map(|user| user.name.as_str()).collect();
        if names.is_empty() { otherwise.to_owned() } else { names.join(", ") }
    }

    /// What the caller did that can still be taken back, newest first: read from what stands, so that it is there
    /// after a lost connection and at any depth.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails.
    pub fn my_acts(&self, actor: &Actor, limit: usize) -> Result<Vec<MyAct>, ServiceError> {
        self.may_read(actor, Event::QueueViewed { rows: 0 })?;
        let ids: Vec<EntryId> = {
            let board = self.board();
            let states = [State::AwaitingSecond, State::Settling, State::AutoHold, State::Hidden];
            states.into_iter().flat_map(|state| board.standing(state)).collect()
        };
        let mut acts = Vec::new();
        for id in ids {
            let Some(Read { seq, row }) = self.row(id)? else { continue };
            let Some((what, at)) = done_by(&actor.login, &row) else { continue };
            if self.step(actor, &row, &review::Event::Undo).is_ok() {
                acts.push(MyAct { row: self.queue_row(actor, &row)?, what: what.to_owned(), at, seq });
            }
        }
        acts.sort_by_key(|act| std::cmp::Reverse((act.at, act.seq)));
        acts.truncate(limit);
        self.note(actor, Event::QueueViewed { rows: acts.len() })?;
        Ok(acts)
    }
}

/// The last of what a person did to an entry, and when.
fn done_by(login: &str, row: &EntryRow) -> Option<(&'static str, DateTime<Utc>)> {
    let decision = row.review.decisions.iter().rev().find(|decision| decision.by == login);
    let decided = decision.map(|decision| {
        let what = match decision.act {
            Act::Approve => "approved",
            Act::Redact { .. } => "redacted",
            Act::Hide { .. } => "hid",
        };
        (what, decision.at)
    });
    let passed = row.review.passed.as_ref().filter(|passed| passed.by == login);
    decided.or_else(|| passed.map(|passed| ("passed", passed.at)))
}

fn work_of(ageing: Ageing) -> Option<Work> {
    match ageing {
        Ageing::Fresh => None,
        Ageing::Amber => Some(Work::SoonLate),
        Ageing::Red => Some(Work::Late),
        Ageing::Twice => Some(Work::TwiceOver),
    }
}

/// The day somebody turns `age`; 1 March for who was born on a 29 February that the year lacks.
fn birthday(born: NaiveDate, age: u32) -> Option<NaiveDate> {
    let year = born.year().checked_add_unsigned(age)?;
    born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
}

fn soon(day: NaiveDate, today: NaiveDate) -> bool {
    day >= today && today.checked_add_days(Days::new(BEFORE_BIRTHDAY)).is_some_and(|last| day <= last)
}
