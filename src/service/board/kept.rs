//! The board as it is kept between two runs: a few dozen bytes an entry, so that a start need not read and decode all
//! of them.
//!
//! It is bound to the log, so it is never of another store or of a time before a restore. What it says was derived by the
//! program that kept it, which may have derived otherwise than this one does: so of another program's board the start
//! takes what can be read, by [`LAYOUT`], and reads all entries again before anything that rests on it can show
//! something (`service/start.rs`).

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::super::exposure::Clock;
use super::super::find::Listed;
use super::{Board, Facts, Further, Place};
use crate::record::{EntryId, PatientId, Tier, Version};
use crate::review::State;
use crate::review::sampling::{Planted, Sample};

/// Tells apart layouts of [`Piece`]: fields, their order and their types, and those of all that is in them. A test notices
/// when one changes and this does not rise.
pub const LAYOUT: u32 = 1;

/// Part of a board.
#[derive(Debug, Serialize, Deserialize)]
pub enum Piece {
    /// What tells the program that kept it from all others.
    Program(Vec<u8>),
    /// Names of patients, as they stand in the lists.
    Names(Vec<([u8; 16], String)>),
    /// Entries.
    Entries(Vec<Kept>),
}

/// One entry.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    id: [u8; 16],
    patient: [u8; 16],
    seq: u64,
    state: State,
    tier: Tier,
    version: u32,
    since: At,
    due: Option<At>,
    look_again: Option<At>,
    review_by: Option<NaiveDate>,
    recorded: At,
    by_rule: bool,
    samples: Vec<Sample>,
    withholds: bool,
    entered: Option<At>,
    decided: Option<At>,
    listed: Option<(String, bool)>,
    planted: Option<Planted>,
}

/// A moment, in seconds and nanoseconds: as text it takes four times the space, and longer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(into = "(i64, u32)", try_from = "(i64, u32)")]
struct At(DateTime<Utc>);

impl From<At> for (i64, u32) {
    fn from(At(at): At) -> Self {
        (at.timestamp(), at.timestamp_subsec_nanos())
    }
}

impl TryFrom<(i64, u32)> for At {
    type Error = &'static str;

    fn try_from((seconds, nanos): (i64, u32)) -> Result<Self, Self::Error> {
        DateTime::from_timestamp(seconds, nanos).map(Self).ok_or("this is no moment")
    }
}

impl Board {
    /// All entries, in no order.
    pub fn ids(&self) -> Vec<EntryId> {
        self.places.iter().map(|(id, _)| id).collect()
    }

    /// The names of all patients.
    pub fn names_to_keep(&self) -> Piece {
        Piece::Names(self.names.iter().map(|(patient, name)| (patient.0, name.clone())).collect())
    }

    /// Some entries, as they stand now.
    pub fn entries_to_keep(&self, ids: &[EntryId]) -> Piece {
        Piece::Entries(ids.iter().filter_map(|id| self.kept(*id)).collect())
    }

    fn kept(&self, id: EntryId) -> Option<Kept> {
        let place = self.places.get(id)?;
        let clock = self.clocks.of(id);
        let listed = self.waiting.get(&place.waits(id)).and_then(|at| self.listed.get(at));
        Some(Kept {
            id: id.0,
            patient: place.patient.0,
            seq: place.seq,
            state: place.state,
            tier: place.tier,
            version: place.version.0,
            since: At(place.since()),
            due: place.due().map(At),
            look_again: place.look_again().map(At),
            review_by: place.review_by(),
            recorded: At(place.recorded()),
            by_rule: place.by_rule,
            samples: place.samples().to_vec(),
            withholds: self.withholding.get(&place.patient).is_some_and(|entries| entries.contains(&id)),
            entered: clock.map(|clock| At(clock.entered)),
            decided: clock.and_then(|clock| clock.decided).map(At),
            listed: listed.map(|waiting| waiting.listed.to_keep()),
            planted: self.decoys.get(&id).cloned(),
        })
    }

    /// Takes in a part of a board that was kept, in any order, once.
    pub fn take_in(&mut self, piece: Piece) {
        match piece {
            Piece::Program(_) => {}
            Piece::Names(names) => {
                self.names.extend(names.into_iter().map(|(patient, name)| (PatientId(patient), name)));
            }
            Piece::Entries(entries) => entries.into_iter().for_each(|kept| self.take_in_one(kept)),
        }
    }

    fn take_in_one(&mut self, kept: Kept) {
        let (id, patient) = (EntryId(kept.id), PatientId(kept.patient));
        let moment = |at: Option<At>| at.map(|At(at)| at);
        let place = Place::from(Facts {
            seq: kept.seq,
            patient,
            version: Version(kept.version),
            state: kept.state,
            tier: kept.tier,
            by_rule: kept.by_rule,
            since: kept.since.0,
            recorded: kept.recorded.0,
            due: moment(kept.due),
            further: Further {
                look_again: moment(kept.look_again),
                review_by: kept.review_by,
                samples: kept.samples.into(),
            },
        });
        if let Some(At(entered)) = kept.entered {
            let decided = moment(kept.decided);
            self.clocks.set(id, Clock { entered, pulled: place.since(), decided });
        }
        let listed = kept.listed.map(|(said, changed)| Listed::kept(patient, said, changed));
        self.stand(id, &place, listed, kept.withholds, kept.planted);
        self.places.insert(id, place);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::review::quality::Verdict;
    use crate::review::sampling::{SampleReading, Window};

    /// One of each of what can stand in a piece, every field told from those beside it.
    fn pieces() -> Vec<Piece> {
        let at = |second: i64| DateTime::from_timestamp(1_700_000_000 + second, 7).unwrap();
        let strata = ["clear/consultation/under-11/free-text", "skimmed/other/age-unknown/coded"]
            .map(|name| name.parse().unwrap());
        let verdicts = Verdict::ALL.map(|verdict| Some(SampleReading { verdict, serious: true, at: at(1) }));
        let readings = verdicts.into_iter().chain([None]);
        let samples: Vec<Sample> = readings
            .zip(strata.into_iter().cycle())
            .map(|(reading, stratum)| Sample { version: Version(3), window: Window(4), stratum, drawn: true, reading })
            .collect();
        let tiers = [Tier::Nothing, Tier::Weak, Tier::Cue, Tier::Disclosure, Tier::Critical];
        let entries = State::ALL.into_iter().zip(tiers.into_iter().cycle()).map(|(state, tier)| Kept {
            id: [1; 16],
            patient: [2; 16],
            seq: 3,
            state,
            tier,
            version: 4,
            since: At(at(5)),
            due: Some(At(at(6))),
            look_again: None,
            review_by: NaiveDate::from_ymd_opt(2026, 11, 22),
            recorded: At(at(7)),
            by_rule: true,
            samples: samples.clone(),
            withholds: false,
            entered: Some(At(at(8))),
            decided: None,
            listed: Some(("said".to_owned(), true)),
            planted: Some(Planted { window: Window(9), reading: Some(("login".to_owned(), false)) }),
        });
        vec![
            Piece::Program(vec![1, 2]),
            Piece::Names(vec![([3; 16], "HOLT Marie".to_owned())]),
            Piece::Entries(entries.collect()),
        ]
    }

    /// The digest of [`pieces`] in each layout there was.
    const LAYOUTS: [(u32, &str); 1] = [(1, "cb6ddcc2f61810c20cdffd7fd5abceccecd434a44f23600a5bc11a175447a986")];

    #[test]
    fn a_layout_that_changes_has_a_number_of_its_own() {
        let bytes = postcard::to_allocvec(&pieces()).unwrap();
        let digest = blake3::hash(&bytes).to_hex();
        assert_eq!(
            LAYOUTS.last(),
            Some(&(LAYOUT, digest.as_str())),
            "what is kept has changed: raise LAYOUT, and add it here with its digest"
        );
        let again: Vec<Piece> = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_allocvec(&again).unwrap(), bytes);
    }
}
