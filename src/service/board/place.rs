//! Where one entry stands, in as little memory as that takes: a board holds one of these for every entry of a practice.

use std::cmp::Reverse;

use chrono::{DateTime, NaiveDate, Utc};

use crate::record::{EntryId, PatientId, Tier, Version};
use crate::review::State;
use crate::review::order::Waits;
use crate::review::sampling::Sample;

/// What the place of an entry is made of.
#[derive(Debug)]
pub struct Facts {
    /// The unit that put it there.
    pub seq: u64,
    /// Whose it is.
    pub patient: PatientId,
    /// Which version stands there.
    pub version: Version,
    /// In which state.
    pub state: State,
    /// How grave it is.
    pub tier: Tier,
    /// Whether nobody has decided on it.
    pub by_rule: bool,
    /// Since when it waits.
    pub since: DateTime<Utc>,
    /// When it was recorded.
    pub recorded: DateTime<Utc>,
    /// When its time comes.
    pub due: Option<DateTime<Utc>>,
    /// The rest.
    pub further: Further,
}

/// The place of one entry on the board. Its moments are told to the microsecond, as clocks tell them.
#[derive(Debug)]
pub struct Place {
    /// As in [`Facts`].
    pub seq: u64,
    since: i64,
    recorded: i64,
    due: i64,
    /// As in [`Facts`].
    pub patient: PatientId,
    further: Option<Box<Further>>,
    /// As in [`Facts`].
    pub version: Version,
    /// As in [`Facts`].
    pub state: State,
    /// As in [`Facts`].
    pub tier: Tier,
    /// As in [`Facts`].
    pub by_rule: bool,
}

const _: () = assert!(size_of::<Place>() == 64, "of a million entries each further byte takes more than a megabyte");

/// What few entries have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Further {
    /// Since when it wants another look.
    pub look_again: Option<DateTime<Utc>>,
    /// The day on which its hide is looked at again.
    pub review_by: Option<NaiveDate>,
    /// How it stands in the samples.
    pub samples: Box<[Sample]>,
}

/// Later than any moment.
const NEVER: i64 = i64::MAX;

impl From<Facts> for Place {
    fn from(facts: Facts) -> Self {
        let Facts { seq, patient, version, state, tier, by_rule, further, .. } = facts;
        Self {
            seq,
            since: facts.since.timestamp_micros(),
            recorded: facts.recorded.timestamp_micros(),
            due: facts.due.map_or(NEVER, not_before),
            patient,
            further: (further != Further::default()).then(|| Box::new(further)),
            version,
            state,
            tier,
            by_rule,
        }
    }
}

impl Place {
    /// Since when it waits.
    pub fn since(&self) -> DateTime<Utc> {
        moment(self.since)
    }

    /// When it was recorded.
    pub fn recorded(&self) -> DateTime<Utc> {
        moment(self.recorded)
    }

    /// When its time comes, if it waits for time.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        (self.due != NEVER).then(|| moment(self.due))
    }

    /// Since when it wants another look, if it does.
    pub fn look_again(&self) -> Option<DateTime<Utc>> {
        self.further.as_ref()?.look_again
    }

    /// The day on which its hide is looked at again.
    pub fn review_by(&self) -> Option<NaiveDate> {
        self.further.as_ref()?.review_by
    }

    /// How it stands in the samples.
    pub fn samples(&self) -> &[Sample] {
        self.further.as_ref().map_or(&[], |further| &further.samples)
    }

    /// Its place among what waits, of the entry that it is of.
    pub fn waits(&self, id: EntryId) -> Waits {
        Waits { tier: Reverse(self.tier), since: self.since(), recorded: self.recorded(), entry: id }
    }
}

fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A time that was told to the nanosecond must not come before itself.
fn not_before(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros() + i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000))
}
