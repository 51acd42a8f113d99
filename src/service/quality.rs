//! What clears by itself, measured: drawn at random, read blind, bounded, and stopped where the bound says so.
//!
//! A practice begins in shadow: everything that would clear is drawn, and read. When enough was read the lead
//! may sign; from then on a sample is. A window's rates and the digest of its seed are in the log before it, the
//! seed after it. Whether a stratum is suspended is derived from what readers found, never stored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::rows::{EntryRow, encode, get};
use super::settings::Clears;
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::{ClearingMode, ClearingReport, StratumLine, WindowLine, hex};
use crate::record::{EntryVersion, Patient, Screening};
use crate::review::quality::{Missed, Sampled, missed};
use crate::review::sampling::{
    self, Clearing, Demands, NEAR, Plan, Rate, Sample, SampleReading, Stratum, Window, is_drawn,
};
use crate::review::{self, Caller, Guard, State};
use crate::store::{Expect, StoreError, Table};

const KEY: &[u8] = b"clearing";
/// Windows that a report shows.
const SHOWN: usize = 13;

/// Where clearing stands: one row of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Standing {
    /// The window that is open.
    window: Window,
    /// Its rates.
    plan: Plan,
    /// The first window that counts: shadow began in it.
    since: Window,
    /// Who let entries clear by themselves, and when.
    signed: Option<(String, DateTime<Utc>)>,
}

/// What a window holds of a stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Drawn.
    pub drawn: u64,
    /// Open to the sample, read and missed.
    pub sampled: Sampled,
}

impl Tally {
    /// With one sample more.
    pub fn add(&mut self, sample: &Sample) {
        self.drawn += u64::from(sample.drawn);
        self.sampled.entries += 1;
        self.sampled.read += u64::from(sample.reading.is_some());
        self.sampled.missed += u64::from(sample.reading.as_ref().is_some_and(SampleReading::is_missed));
    }

    /// With one less.
    pub fn remove(&mut self, sample: &Sample) {
        let mut one = Self::default();
        one.add(sample);
        self.drawn = self.drawn.saturating_sub(one.drawn);
        self.sampled.entries = self.sampled.entries.saturating_sub(one.sampled.entries);
        self.sampled.read = self.sampled.read.saturating_sub(one.sampled.read);
        self.sampled.missed = self.sampled.missed.saturating_sub(one.sampled.missed);
    }
}

impl Service {
    pub(super) fn is_measured(&self) -> bool {
        self.settings.practice.clearing == Clears::Measured
    }

    /// The window that is open, where clearing is measured.
    pub(super) fn open_window(&self) -> Result<Option<Window>, ServiceError> {
        if self.is_measured() { Ok(Some(self.standing()?.window)) } else { Ok(None) }
    }

    /// Where clearing stands, with the present window open: its commitment is in the log before anything is
    /// drawn in it.
    fn standing(&self) -> Result<Standing, ServiceError> {
        let now = Window::at(self.now());
        for _ in 0..8 {
            let stored = get::<Standing>(self.store.as_ref(), Table::Meta, KEY)?;
            let (before, expected) = match stored {
                // A clock set back draws in the window that is open.
                Some(read) if read.row.window >= now => return Ok(read.row),
                Some(read) => (Some(read.row), Expect::At(read.seq)),
                None => (None, Expect::Absent),
            };
            let (standing, audit) = self.opened(now, before);
            let write = (Table::Meta, KEY.to_vec(), Some(encode(&standing)?));
            match self.commit(vec![(Table::Meta, KEY.to_vec(), expected)], vec![write], audit) {
                Ok(_) => return Ok(standing),
                Err(ServiceError::Store(StoreError::Conflict(..))) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ServiceError::Internal("the window of the sample could not be opened: try again"))
    }

    /// The next window: closes the one before, reveals its seed, says what was missed in it and, where that is too
    /// much, lets nothing clear by itself any more.
    fn opened(&self, window: Window, before: Option<Standing>) -> (Standing, Vec<Record>) {
        let job = Actor::system("quality");
        let mut audit = Vec::new();
        let (mut since, mut signed) = (window, None);
        let mut came = BTreeMap::new();
        if let Some(before) = before {
            (since, signed) = (before.since, before.signed);
            let tallies = self.tallies(|of| of == before.window);
            came = tallies.iter().map(|((_, stratum), tally)| (*stratum, tally.sampled.entries)).collect();
            let seed = hex(&before.window.seed(&self.keys.sampling));
            audit.push(self.record(&job, Event::SeedRevealed { window: before.window.0, seed }));
            let all = self.missed_in(&tallies, |_| true, before.window);
            audit.push(self.record(&job, published(before.window, &all)));
            if signed.is_some() && all.is_above(Demands::default().limit) {
                signed = None;
                since = window;
                let why = format!("the share missed may be {:.2} %", all.bound * 100.0);
                audit.push(self.record(&job, Event::ClearingStopped { why }));
            }
        }
        let plan = Plan::after(&came, &Demands::default());
        let digest = hex(&window.commitment(&window.seed(&self.keys.sampling)));
        let rates = plan.0.iter().map(|(stratum, rate)| (stratum.to_string(), rate.0)).collect();
        audit.push(self.record(&job, Event::SeedCommitted { window: window.0, digest, rates }));
        (Standing { window, plan, since, signed }, audit)
    }

    fn tallies(&self, of: impl Fn(Window) -> bool) -> BTreeMap<(Window, Stratum), Tally> {
        let board = self.board();
        board.tallies().filter(|((window, _), _)| of(*window)).map(|(key, tally)| (*key, *tally)).collect()
    }

    fn missed_in(
        &self,
        tallies: &BTreeMap<(Window, Stratum), Tally>,
        of: impl Fn(Stratum) -> bool,
        since: Window,
    ) -> Missed {
        let mut strata: BTreeMap<Stratum, Sampled> = BTreeMap::new();
        for ((_, stratum), tally) in tallies.iter().filter(|((_, stratum), _)| of(*stratum)) {
            let all = strata.entry(*stratum).or_default();
            all.entries += tally.sampled.entries;
            all.read += tally.sampled.read;
            all.missed += tally.sampled.missed;
        }
        let strata: Vec<Sampled> = strata.into_values().collect();
        let found = self.board().found_since(since.begins());
        missed(&strata, found, self.decoys_seen(|window| window >= since))
    }

    /// Strata in which a reader found something serious since the lead signed.
    fn suspended(&self, standing: &Standing) -> BTreeSet<Stratum> {
        let since = standing.signed.as_ref().map_or(DateTime::<Utc>::MIN_UTC, |(_, at)| *at);
        self.board().seriously_missed(since)
    }

    fn is_suspended(&self, standing: &Standing, stratum: Stratum) -> bool {
        Guard::Suspended.stops(self.suspended(standing).contains(&stratum))
    }

    fn clearing<'a>(
        &self,
        row: &EntryRow,
        version: &'a EntryVersion,
        patient: &Patient,
        screening: &'a Screening,
    ) -> Result<Clearing<'a>, ServiceError> {
        let (linked, held_nearby) = {
            let board = self.board();
            let recorded = row.recorded.unwrap_or(row.review.first_pulled);
            (board.linked(patient.id), board.held_near(patient.id, row.entry.id, recorded, NEAR))
        };
        let mut linked_flagged = false;
        for other in linked {
            linked_flagged |= !self.safeguards(other)?.flags.is_empty();
        }
        Ok(Clearing {
            version,
            screening,
            skimmed: row.review.passed.is_some(),
            patient_flagged: self.was_flagged(&self.safeguards(patient.id)?),
            linked_flagged,
            held_nearby,
        })
    }

    /// What becomes of an entry whose hold begins: drawn, and then read like any other; not eligible, and then read
    /// too; or left to its hold. Gives the records for the unit that the row goes into.
    pub(super) fn draw(
        &self,
        row: &mut EntryRow,
        version: &EntryVersion,
        patient: &Patient,
        screening: &Screening,
    ) -> Result<Vec<Record>, ServiceError> {
        if !self.is_measured() || row.review.state != State::AutoHold {
            return Ok(Vec::new());
        }
        let standing = self.standing()?;
        let clearing = self.clearing(row, version, patient, screening)?;
        let (event, step) = match sampling::eligible(&clearing) {
            Err(why) => (Event::PublishBlocked { why: why.to_string() }, Some(review::Event::KeptBack)),
            Ok(()) => {
                let age = patient.age_on(version.happened.unwrap_or_else(|| self.now().date_naive()));
                let stratum = Stratum::of(version, age, clearing.skimmed);
                let all = Guard::ShadowFirst.stops(standing.signed.is_none()) || self.is_suspended(&standing, stratum);
                let rate = if all { Rate::ALL } else { standing.plan.rate(stratum) };
                let seed = standing.window.seed(&self.keys.sampling);
                let drawn = is_drawn(&seed, row.entry.id, version.version, rate);
                // Back on its hold after somebody took an act back, it is the same sample.
                row.samples.retain(|sample| sample.version != version.version);
                let window = standing.window;
                row.samples.push(Sample { version: version.version, window, stratum, drawn, reading: None });
                let event = Event::Drawn { window: window.0, stratum: stratum.to_string(), rate: rate.0, drawn };
                (event, drawn.then_some(review::Event::Sampled))
            }
        };
        let mut record = self.record_on(&Actor::system("quality"), event, row);
        if let Some(step) = step {
            let policy = self.policy();
            let facts = review::Facts {
                caller: Caller::System,
                open_online: self.open_online(row, patient),
                held: clearing.patient_flagged,
                drawn: false,
                policy: &policy,
                now: self.now(),
            };
            let next = review::step(&row.review, &step, &facts)
                .map_err(|refusal| ServiceError::Refused(refusal.to_string()))?;
            record.states = Some((row.review.state.name().to_owned(), next.state.name().to_owned()));
            row.review = next;
        }
        Ok(vec![record])
    }

    /// The same for an entry that somebody has just put on its hold: its line passed, or a hide taken back.
    pub(super) fn draw_again(&self, row: &mut EntryRow) -> Result<Vec<Record>, ServiceError> {
        if row.review.state != State::AutoHold || !self.is_measured() {
            return Ok(Vec::new());
        }
        let version = self.version(row.entry.id, row.review.version)?;
        let patient = self.patient(row)?;
        let screening = self.screened(&version, &patient, &self.safeguards(patient.id)?);
        self.draw(row, &version, &patient, &screening)
    }

    /// Notes on a drawn entry what its first reader said, and gives the records of it; where the reading is taken
    /// back, that there is none.
    pub(super) fn note_reading(&self, row: &mut EntryRow) -> Vec<Record> {
        let version = row.review.version;
        let first = row.review.decisions.first().map(|decision| SampleReading::of(&decision.act, decision.at));
        let Some(sample) = row.samples.iter_mut().find(|sample| sample.version == version && sample.drawn) else {
            return Vec::new();
        };
        let was_serious = sample.reading.as_ref().is_some_and(|reading| reading.serious);
        if sample.reading.is_some() == first.is_some() {
            return Vec::new();
        }
        sample.reading.clone_from(&first);
        let (window, stratum) = (sample.window.0, sample.stratum.to_string());
        let Some(reading) = first else { return Vec::new() };
        let job = Actor::system("quality");
        let mut records = vec![self.record_on(&job, Event::SampleRead { window, missed: reading.is_missed() }, row)];
        if reading.serious && !was_serious {
            records.push(self.record(&job, Event::StratumSuspended { stratum }));
        }
        records
    }

    /// Why an entry does not clear by itself after all, when its hold has ended.
    pub(super) fn may_not_clear(
        &self,
        row: &EntryRow,
        version: &EntryVersion,
        patient: &Patient,
        screening: &Screening,
    ) -> Result<Option<String>, ServiceError> {
        if !self.is_measured() {
            return Ok(None);
        }
        let standing = self.standing()?;
        if Guard::ShadowFirst.stops(standing.signed.is_none()) {
            return Ok(Some("nothing clears by itself before enough was read and the lead has signed".into()));
        }
        let Some(sample) = row.samples.iter().find(|sample| sample.version == version.version) else {
            return Ok(Some("it was not open to the sample".into()));
        };
        if self.is_suspended(&standing, sample.stratum) {
            return Ok(Some("something serious was missed among entries like it".into()));
        }
        let clearing = self.clearing(row, version, patient, screening)?;
        Ok(sampling::eligible(&clearing).err().map(|why| why.to_string()))
    }

    /// What was drawn, read and missed, window by window, with its bounds.
    ///
    /// # Errors
    /// When the store fails.
    pub fn clearing_report(&self, actor: &Actor) -> Result<ClearingReport, ServiceError> {
        let demands = Demands::default();
        let mut report = ClearingReport {
            mode: ClearingMode::Unmeasured,
            signed: None,
            needed: demands.read,
            limit: demands.limit,
            read: 0,
            suspended: Vec::new(),
            windows: Vec::new(),
            look_back: Vec::new(),
            readers: self.readers(|login| actor.role == Role::Lead || login == actor.login),
        };
        self.note(actor, Event::ReportViewed)?;
        if !self.is_measured() {
            return Ok(report);
        }
        let standing = self.standing()?;
        let suspended = self.suspended(&standing);
        report.mode = if standing.signed.is_some() { ClearingMode::Signed } else { ClearingMode::Shadow };
        report.signed.clone_from(&standing.signed);
        report.suspended = suspended.iter().map(ToString::to_string).collect();
        report.read = self.tallies(|window| window >= standing.since).values().map(|tally| tally.sampled.read).sum();
        if actor.role == Role::Lead {
            report.look_back = self.board().cleared_in(&suspended);
        }
        let all = self.tallies(|_| true);
        let mut windows: Vec<Window> = all.keys().map(|(window, _)| *window).collect();
        windows.dedup();
        for window in windows.into_iter().rev().take(SHOWN) {
            let tallies = self.tallies(|of| of == window);
            let line = |(stratum, tally): (&Stratum, &Tally)| StratumLine {
                stratum: stratum.to_string(),
                drawn: tally.drawn,
                sampled: tally.sampled,
                bound: missed(&[tally.sampled], 0, None).bound,
            };
            report.windows.push(WindowLine {
                window: window.0,
                begins: window.begins().date_naive(),
                clear: self.missed_in(&tallies, |stratum| !stratum.skimmed, window),
                skimmed: self.missed_in(&tallies, |stratum| stratum.skimmed, window),
                strata: tallies.iter().map(|((_, stratum), tally)| line((stratum, tally))).collect(),
            });
        }
        Ok(report)
    }

    /// Lets entries clear by themselves, after enough were read with too few missed. The lead's act.
    ///
    /// # Errors
    /// Why it may not be yet, also in the log.
    pub fn sign_clearing(&self, actor: &Actor) -> Result<ClearingReport, ServiceError> {
        let demands = Demands::default();
        let standing = if self.is_measured() { Some(self.standing()?) } else { None };
        let so_far = standing.as_ref().map(|standing| {
            let tallies = self.tallies(|window| window >= standing.since);
            self.missed_in(&tallies, |_| true, standing.since)
        });
        let refusal = match &so_far {
            _ if actor.role != Role::Lead => Some("only the safeguarding lead signs".to_owned()),
            None => Some("clearing is not measured here: practice.toml says so".to_owned()),
            Some(all) if all.sampled.read < demands.read => {
                Some(format!("{} of the {} entries that must be read before were read", all.sampled.read, demands.read))
            }
            Some(all) if all.is_above(demands.limit) => Some(format!(
                "the share missed may be {:.2} %, and must not be above {:.2} %: {} of {} read were missed",
                all.bound * 100.0,
                demands.limit * 100.0,
                all.sampled.missed,
                all.sampled.read
            )),
            Some(_) => None,
        };
        let signed = |read, bound: f64| Event::ClearingSigned { read, bound: (bound * 1e6).ceil() as u32 };
        if let Some(why) = refusal {
            let all = so_far.map_or((0, 1.0), |all| (all.sampled.read, all.bound));
            let refused = Outcome::Refused(why.clone());
            let record = Record { outcome: refused, ..self.record(actor, signed(all.0, all.1)) };
            self.commit(Vec::new(), Vec::new(), vec![record])?;
            return Err(ServiceError::Refused(why));
        }
        if let (Some(standing), Some(all)) = (standing, so_far) {
            let seq = get::<Standing>(self.store.as_ref(), Table::Meta, KEY)?.map_or(0, |read| read.seq);
            let standing = Standing { signed: Some((actor.login.clone(), self.now())), ..standing };
            let record = self.record(actor, signed(all.sampled.read, all.bound));
            let write = (Table::Meta, KEY.to_vec(), Some(encode(&standing)?));
            self.commit(vec![(Table::Meta, KEY.to_vec(), Expect::At(seq))], vec![write], vec![record])?;
        }
        self.clearing_report(actor)
    }
}

fn published(window: Window, all: &Missed) -> Event {
    Event::EstimatePublished {
        window: window.0,
        entries: all.sampled.entries,
        read: all.sampled.read,
        missed: all.sampled.missed,
        bound: (all.bound * 1e6).ceil() as u32,
    }
}
