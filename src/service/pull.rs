//! One pull: what a feed says becomes entries and versions, screened before they are stored.
//!
//! 1. [`intake`] reads the feed once. Patients are kept at once; lines are sorted into shares by the entry they
//!    belong to, in [`spool`], so that memory does not grow with the feed.
//! 2. Lines that came without an entry find it; [`index`] notes in which entry every line is.
//! 3. [`arrive`]: workers take share after share, [`assemble`] entries, screen them and commit them in
//!    units of many ([`pending`]).
//! 4. [`ledger`]: the batch goes into the ledger, and is judged by those before it.
//!
//! A pull that is killed and run again ends where one run would have: what is stored is what the feed says,
//! and saying it again changes nothing.

mod absent;
mod arrive;
mod assemble;
mod group;
mod index;
mod intake;
mod ledger;
mod loose;
mod pending;
mod people;
mod scheduled;
mod setaside;
mod spool;
mod weigh;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::arrive::{Common, Worker};
use self::group::Group;
use self::intake::{Intake, WholeRecord};
pub(super) use self::ledger::StreamState;
use self::pending::{Hand, Pending, Tally};
pub use self::scheduled::Due;
pub(super) use self::weigh::is_from_elsewhere;
use super::rows::{self, EntryRow, encode, get};
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event};
use crate::protocol::{Pulled, Pulling};
use crate::record::{EntryId, Flag, Patient, PatientId};
pub use crate::source::folder::from_outside;
use crate::source::{Change, Manifest, Source, SourceError};
use crate::store::Table;

/// How many make entries at the same time. One more than there are cores here, because each waits for the
/// disk now and then.
const WORKERS: u32 = 3;

/// Changes that go from the reader to whoever sorts them, together.
const TOGETHER: usize = 512;

/// In place of the entry of a line that was deleted before it was ever sent.
const GONE: EntryId = EntryId([0; 16]);

/// What tells the notes of one pull, however often it was interrupted, from those of all others.
type Mark = [u8; 8];

/// The first thing that a pull stores: when it first began, and its mark.
#[derive(Serialize, Deserialize)]
struct Begun {
    at: DateTime<Utc>,
    mark: Mark,
}

/// How far a pull has come, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// Whether one is under way.
    pub(super) active: AtomicBool,
    /// Lines read.
    pub(super) lines: AtomicU64,
    /// Entries stored.
    pub(super) entries: AtomicU64,
    /// Shares of them that are done.
    pub(super) shares: AtomicU64,
}

impl Progress {
    /// How far the pull under way is, if there is one.
    pub(super) fn now(&self) -> Option<Pulling> {
        self.active.load(Ordering::Relaxed).then(|| Pulling {
            lines: self.lines.load(Ordering::Relaxed),
            entries: self.entries.load(Ordering::Relaxed),
            done: self.shares.load(Ordering::Relaxed) * 100 / spool::SHARES as u64,
        })
    }
}

/// What every part of a pull under way shares.
struct Pull<'a> {
    service: &'a Service,
    actor: &'a Actor,
    progress: &'a Progress,
    /// When it began; for one that was interrupted, when it first began.
    began: DateTime<Utc>,
    /// The moment at which all it brings was pulled: one for the whole run, so that what came together stands in the
    /// queue as it was recorded, and not as it was committed.
    at: DateTime<Utc>,
    /// When the batch was made, by its own account.
    made: Option<DateTime<Utc>>,
    /// Whether one that was made later was pulled before.
    late: bool,
    /// Under which key of [`Table::Meta`] its runs keep count.
    key: Vec<u8>,
    /// What tells its notes from those of others.
    mark: Mark,
    /// This run of it.
    run: [u8; 8],
    /// How many entries there were before this run.
    known: usize,
}

impl Service {
    /// Pulls a feed: reads it to its end, then screens and stores what is new or changed. Pulling the
    /// same feed twice changes nothing.
    ///
    /// # Errors
    /// When the feed as a whole cannot be read, or the store takes no more. What was stored before stays, and
    /// pulling again goes on from there.
    pub fn pull(&self, actor: &Actor, source: &mut dyn Source) -> Result<Pulled, ServiceError> {
        let _one_at_a_time = self.alone()?;
        let lay_there = source.place().and_then(from_outside);
        let manifest = source.manifest()?;
        let state = self.stream(&manifest.stream)?;
        if let Some(at) = state.pulled_before(&manifest) {
            return self.not_again(actor, source.name(), state, at);
        }
        self.room_for_more()?;
        source.begin_after(state.reached(), state.reached_by_kind());
        self.progress.lines.store(0, Ordering::Relaxed);
        self.progress.entries.store(0, Ordering::Relaxed);
        self.progress.shares.store(0, Ordering::Relaxed);
        self.progress.active.store(true, Ordering::Relaxed);
        let done = self.pull_batch(actor, source, &manifest, lay_there, state);
        self.progress.active.store(false, Ordering::Relaxed);
        // What it withdrew before it failed may still show.
        let (mut pulled, withdrawn) = done.inspect_err(|_| self.unfinished.store(true, Ordering::Relaxed))?;
        if withdrawn {
            pulled.notices.extend(self.deliver_or_later());
        }
        self.announce();
        Ok(pulled)
    }

    /// Decisions need what is left of a disk that fills up, hides before all: a pull waits.
    ///
    /// # Errors
    /// When there is less room than a pull leaves. What it has stored stays, and pulling again goes on from there.
    pub(super) fn room_for_more(&self) -> Result<(), ServiceError> {
        let space = self.store.space()?;
        let leaves = self.settings.daemon.pull_leaves(space.total);
        if space.free >= leaves {
            return Ok(());
        }
        Err(ServiceError::NoRoom(format!(
            "the store’s disk has {} MiB left, and a pull leaves {} for decisions: free some space; the pull is tried again \
             and nothing is lost",
            space.free >> 20,
            leaves >> 20
        )))
    }

    fn pull_batch(
        &self,
        actor: &Actor,
        source: &mut dyn Source,
        manifest: &Manifest,
        lay_there: Option<[u8; 16]>,
        state: StreamState,
    ) -> Result<(Pulled, bool), ServiceError> {
        let name = source.name().to_owned();
        let pull = Pull::begin(self, actor, &name, manifest, state.is_late(manifest))?;
        let mut intake = Intake::new(&pull);
        intake.read(source)?;
        if source.place().and_then(from_outside) != lay_there {
            intake.notices.push(format!(
                "{}: files came or changed while they were read, so something of them may be missing: pull again when all \
                 are there",
                manifest.stream
            ));
        }
        intake.without_key()?;
        intake.place_loose()?;
        intake.commit()?;
        intake.entries(&name)?;
        self.open_up(&intake.people.opened)?;
        let mut pulled = Pulled { source: name.clone(), ..Pulled::default() };
        let (tally, counts) = pull.counts()?;
        pulled.parts = intake.parts;
        pulled.set_aside = intake.set_aside;
        pulled.set_aside_examples = std::mem::take(&mut intake.examples);
        pulled.notices = std::mem::take(&mut intake.notices);
        let mut all = Tally { pulled, ..Tally::default() };
        all.add(&tally);
        let information = all.say();
        let Tally { mut pulled, withdrawn, .. } = all;

        pulled.incomplete = intake.covers.as_ref().map(|covers| covers.incomplete.clone()).unwrap_or_default();

        let (ledger, state) = state.with(&mut ledger::Batch {
            at: self.now(),
            began: pull.began,
            manifest,
            covers: intake.covers.as_ref(),
            rows: &intake.rows,
            lines: intake.parts,
            texts: intake.texts,
            here_already: intake.here_already,
            of_practices: &intake.of_practices,
            said_of_practices: &intake.said_of_practices,
            pulled: &mut pulled,
        });
        pulled.notices.extend(information);
        if let Some(from) = intake.covers.as_ref().and_then(|covers| covers.from)
            && (pulled.parts, pulled.patients, pulled.incomplete.len()) == (0, 0, 0)
        {
            pulled.notices.push(format!("{}: nothing has changed there since {}", state.stream, ledger::written(from)));
        }
        let mut writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)> =
            counts.into_iter().map(|key| (Table::Meta, key, None)).collect();
        writes.push((Table::Meta, b"last-pull".to_vec(), Some(encode(&(self.now(), &pulled))?)));
        writes.push((Table::Meta, self.stream_key(&state.stream), Some(encode(&state)?)));
        writes.push((Table::Batch, ledger.key(), Some(encode(&ledger)?)));
        let finished = Event::PullFinished {
            source: name,
            parts: pulled.parts,
            entries: pulled.new + pulled.changed,
            set_aside: pulled.set_aside,
        };
        self.commit(Vec::new(), writes, vec![self.record(actor, finished)])?;
        Ok((pulled, withdrawn))
    }

    /// The files were read before: nothing is read again.
    fn not_again(
        &self,
        actor: &Actor,
        name: &str,
        mut state: StreamState,
        at: DateTime<Utc>,
    ) -> Result<Pulled, ServiceError> {
        let pulled = state.nothing_new(name, at);
        let key = self.stream_key(&state.stream);
        state.repeated = pulled.notices.first().cloned();
        let finished = Event::PullFinished { source: name.to_owned(), parts: 0, entries: 0, set_aside: 0 };
        let started = self.record(actor, Event::PullStarted { source: name.to_owned() });
        let audit = vec![started, self.record(actor, finished)];
        self.commit(Vec::new(), vec![(Table::Meta, key, Some(encode(&state)?))], audit)?;
        Ok(pulled)
    }

    /// Pulls the next feed of the settings; `None` when there is none now.
    ///
    /// # Errors
    /// As [`Service::pull`].
    pub fn pull_next(&self, actor: &Actor) -> Result<Option<Pulled>, ServiceError> {
        let next = (lock(&self.feed))();
        match next {
            Some(feed) => Ok(Some(self.pull_and_publish(actor, feed?.as_mut())?)),
            None => Ok(None),
        }
    }

    /// Pulls a feed, and then the batch that is due, if one is: after the pull, so that what the source
    /// has changed is not shown.
    pub(super) fn pull_and_publish(&self, actor: &Actor, source: &mut dyn Source) -> Result<Pulled, ServiceError> {
        let mut pulled = self.pull(actor, source)?;
        // The pull is done, whatever fails of what follows it.
        if self.is_due()
            && let Err(error) = self.publish(&Actor::system("publish"))
        {
            pulled.notices.push(self.later("what is due is not published", &error));
        }
        Ok(pulled)
    }
}

impl<'a> Pull<'a> {
    fn begin(
        service: &'a Service,
        actor: &'a Actor,
        name: &str,
        manifest: &Manifest,
        late: bool,
    ) -> Result<Self, ServiceError> {
        let batch = manifest.digest().unwrap_or_else(|| *blake3::hash(manifest.stream.as_bytes()).as_bytes());
        let key = [b"pull/".as_slice(), batch.get(..16).unwrap_or_default()].concat();
        let random = || {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).map_err(|_| ServiceError::Internal("the system gives no random bytes"))?;
            Ok::<_, ServiceError>(bytes)
        };
        let earlier = get::<Begun>(service.store.as_ref(), Table::Meta, &key)?.map(|read| read.row);
        let at = service.look_at_clock()?;
        let begun = match earlier {
            Some(begun) => begun,
            None => Begun { at, mark: random()? },
        };
        let started = service.record(actor, Event::PullStarted { source: name.to_owned() });
        service.commit(Vec::new(), vec![(Table::Meta, key.clone(), Some(encode(&begun)?))], vec![started])?;
        let (progress, known, made) = (&service.progress, service.board().entries(), manifest.made);
        let Begun { at: began, mark } = begun;
        Ok(Self { service, actor, progress, began, at, made, late, key, mark, run: random()?, known })
    }

    fn hand(&self, number: u32) -> Hand {
        Hand::new([self.key.as_slice(), b"/", &self.run, &number.to_be_bytes()].concat())
    }

    /// What all runs of this pull did, and the rows in which they say so.
    fn counts(&self) -> Result<(Tally, Vec<Vec<u8>>), ServiceError> {
        let mut tally = Tally::default();
        let mut keys = vec![self.key.clone()];
        let prefix = [self.key.as_slice(), b"/"].concat();
        rows::for_each::<Tally>(self.service.store.as_ref(), Table::Meta, &prefix, |key, read| {
            let mut run = read.row;
            if !key.starts_with(&[prefix.as_slice(), &self.run].concat()) {
                // A run that was killed had come to these as well, and this one has come to all of them.
                (run.unknown_deletions, run.left) = (0, 0);
            }
            tally.add(&run);
            keys.push(key.to_vec());
            Ok(())
        })?;
        Ok((tally, keys))
    }
}

impl Intake<'_, '_> {
    /// Reads the feed to its end: one thread reads, this one sorts.
    fn read(&mut self, source: &mut dyn Source) -> Result<(), ServiceError> {
        let (send, receive) = sync_channel::<Vec<Change>>(8);
        std::thread::scope(|scope| {
            let sorter = scope.spawn(move || -> Result<(), ServiceError> {
                receive.into_iter().flatten().try_for_each(|change| self.take(change))
            });
            let stopped = || SourceError("the pull was stopped".to_owned());
            let mut together = Vec::with_capacity(TOGETHER);
            let mut read = source.read(&mut |change| {
                together.push(change);
                if together.len() < TOGETHER {
                    return Ok(());
                }
                let full = std::mem::replace(&mut together, Vec::with_capacity(TOGETHER));
                send.send(full).map_err(|_| stopped())
            });
            if read.is_ok() {
                read = send.send(together).map_err(|_| stopped());
            }
            drop(send);
            let sorted = sorter.join().unwrap_or(Err(ServiceError::Internal("a pull’s thread failed: pull again")));
            // Where sorting failed the reader only says that it was stopped.
            sorted.and(read.map_err(ServiceError::from))
        })
    }

    /// Makes entries of all that was said, then takes away what the feed says is gone.
    fn entries(&mut self, system: &str) -> Result<(), ServiceError> {
        let pull = self.pull;
        let mut whole: HashMap<PatientId, WholeRecord> = HashMap::new();
        for (key, record) in std::mem::take(&mut self.whole) {
            // Of two records of one patient the newer one counts.
            match whole.entry(pull.service.keys.identity.patient(&key)) {
                Entry::Occupied(known) if known.get().as_of > record.as_of => {}
                Entry::Occupied(mut known) => drop(known.insert(record)),
                Entry::Vacant(free) => drop(free.insert(record)),
            }
        }
        let common = Common {
            pull,
            staff: &self.staff,
            strangers: Mutex::default(),
            touched: (!whole.is_empty()).then(Mutex::default),
            enhanced: Mutex::default(),
            whole,
        };
        let next = AtomicUsize::new(0);
        let (items, sent_before) = (&self.items, &self.sent_before);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (1..=WORKERS)
                .map(|number| {
                    let (common, next) = (&common, &next);
                    scope.spawn(move || -> Result<(), ServiceError> {
                        let mut worker = Worker::new(common, number);
                        loop {
                            let share = next.fetch_add(1, Ordering::Relaxed);
                            if share >= spool::SHARES {
                                return worker.finish();
                            }
                            let (items, sent_before) = (items.read(share)?, sent_before.read(share)?);
                            worker
                                .share(items, sent_before)
                                .inspect_err(|_| next.store(spool::SHARES, Ordering::Relaxed))?;
                            pull.progress.shares.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let done = workers.into_iter().map(|worker| {
                worker.join().unwrap_or(Err(ServiceError::Internal("a pull’s thread failed: pull again")))
            });
            done.collect::<Vec<_>>().into_iter().collect::<Result<(), ServiceError>>()
        })?;
        pull.flag(&common, &mut pull.hand(WORKERS + 2))?;
        let mut worker = Worker::new(&common, WORKERS + 1);
        let mut notices = Vec::new();
        for patient in std::mem::take(&mut self.people.gone) {
            let id = pull.service.keys.identity.patient(&patient);
            pull.each_of(&[id], &mut |row| worker.entry(Group::departed(row.entry.key, pull.made)))?;
        }
        notices.extend(pull.absent(&common, system, &mut worker)?);
        notices.extend(self.absent(system, &mut worker)?);
        worker.finish()?;
        self.notices.extend(notices);
        Ok(())
    }
}

impl Pull<'_> {
    /// The entries at the source of some patients.
    fn each_of(
        &self,
        patients: &[PatientId],
        each: &mut dyn FnMut(EntryRow) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        for patient in patients {
            let entries: Vec<EntryId> = self.service.board().of_patient(*patient).collect();
            for id in entries {
                if let Some(read) = get::<EntryRow>(self.service.store.as_ref(), Table::Entry, &id.0)?
                    && read.row.at_source
                {
                    each(read.row)?;
                }
            }
        }
        Ok(())
    }

    /// Flags patients for whom a code asks for enhanced review, and lifts the flag where a later one says that it is not
    /// indicated. What was screened before is looked at again before it is shown.
    fn flag(&self, common: &Common<'_, '_>, hand: &mut Hand) -> Result<(), ServiceError> {
        let mut said: Vec<_> = std::mem::take(&mut *lock(&common.enhanced)).into_iter().collect();
        said.sort_unstable();
        let mut unit = Pending::default();
        for (id, (day, on)) in said {
            let Some(read) = get::<Patient>(self.service.store.as_ref(), Table::Patient, &id.0)? else { continue };
            let known = read.row;
            if known.enhanced_as_of.is_some_and(|known| known > day) {
                continue;
            }
            let mut patient = Patient { enhanced_as_of: Some(day), ..known.clone() };
            patient.flags.retain(|flag| *flag != Flag::EnhancedReview);
            if on {
                patient.flags.push(Flag::EnhancedReview);
            }
            if patient != known {
                unit.put_patient(patient)?;
            }
            if unit.is_full() {
                self.commit(hand, std::mem::take(&mut unit))?;
            }
        }
        self.commit(hand, unit)
    }
}
