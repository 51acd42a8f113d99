//! One pull: what a feed says becomes entries and versions, screened before they are stored.

mod arrive;
mod assemble;
mod batch;

use std::collections::HashMap;

use blake3::Hasher;

use self::batch::Batch;
use super::rows::{self, EntryRow, encode, get};
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event, Record};
use crate::protocol::Pulled;
use crate::record::{EntryId, NhsNumber, Patient, PatientId, SourceKey};
use crate::source::{OnlineAccess, PatientFacts, SetAside, Source};
use crate::store::Table;

/// A unit of work is committed when it has grown to this many bytes.
const UNIT_BYTES: usize = 1 << 20;

/// How many sentences about rows set aside a pull reports; all are stored.
const EXAMPLES: usize = 5;

/// What a unit of work grows from: writes that go together, with their records.
#[derive(Default)]
struct Pending {
    writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
    audit: Vec<Record>,
    rows: Vec<EntryRow>,
    patients: Vec<Patient>,
    bytes: usize,
}

impl Pending {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.writes.push((table, key, Some(value)));
    }

    fn put_entry(&mut self, row: EntryRow) -> Result<(), ServiceError> {
        self.put(Table::Entry, row.entry.id.0.to_vec(), encode(&row)?);
        self.rows.push(row);
        Ok(())
    }
}

/// A pull under way.
struct Pull<'a> {
    service: &'a Service,
    actor: &'a Actor,
    batch: Batch,
    pending: Pending,
    pulled: Pulled,
    /// Whether something that was visible no longer is.
    withdrawn: bool,
}

impl Service {
    /// Pulls a feed: reads it to its end, then screens and stores what is new or changed. Pulling the
    /// same feed twice changes nothing.
    ///
    /// # Errors
    /// When the feed as a whole cannot be read, or the store takes no more. What was stored before stays.
    pub fn pull(&self, actor: &Actor, source: &mut dyn Source) -> Result<Pulled, ServiceError> {
        let _one_at_a_time = lock(&self.batch);
        let name = source.name().to_owned();
        self.note(actor, Event::PullStarted { source: name.clone() })?;
        let mut batch = Batch::default();
        source.read(&mut |change| {
            batch.take(change);
            Ok(())
        })?;
        let pulled = Pulled { source: name, ..Pulled::default() };
        let mut pull = Pull { service: self, actor, batch, pending: Pending::default(), pulled, withdrawn: false };
        pull.staff()?;
        pull.patients()?;
        pull.patients_also()?;
        pull.online_access()?;
        pull.place_lines()?;
        pull.entries()?;
        pull.departed_patients()?;
        pull.set_aside()?;
        let withdrawn = pull.withdrawn;
        let pulled = pull.finish()?;
        if withdrawn {
            self.deliver(&Actor::system("publish"))?;
        }
        self.announce();
        Ok(pulled)
    }
}

impl Service {
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
        let pulled = self.pull(actor, source)?;
        if self.is_due() {
            self.publish(&Actor::system("publish"))?;
        }
        Ok(pulled)
    }
}

impl Pull<'_> {
    /// Commits what is pending once it has grown beyond `above` bytes.
    fn flush(&mut self, above: usize) -> Result<(), ServiceError> {
        let Pending { patients, audit, bytes, .. } = &mut self.pending;
        if !patients.is_empty() && *bytes >= above {
            audit.push(self.service.record(self.actor, Event::PatientsUpdated { patients: patients.len() }));
        }
        if *bytes < above || audit.is_empty() {
            return Ok(());
        }
        let Pending { writes, audit, rows, patients, .. } = std::mem::take(&mut self.pending);
        let receipt = self.service.commit(Vec::new(), writes, audit)?;
        let mut board = self.service.board();
        for row in rows {
            board.put(row.entry.id, receipt.seq, &row);
        }
        for patient in &patients {
            board.settle(patient);
        }
        Ok(())
    }

    fn staff(&mut self) -> Result<(), ServiceError> {
        for (key, name) in &self.batch.staff {
            let place = self.service.keys.identity.staff(key);
            let stored = self.service.store.get(Table::Staff, &place)?;
            let name = encode(name)?;
            if stored.is_none_or(|stored| stored.value != name) {
                self.pending.put(Table::Staff, place.to_vec(), name);
            }
        }
        Ok(())
    }

    fn patients(&mut self) -> Result<(), ServiceError> {
        for facts in std::mem::take(&mut self.batch.patients) {
            let id = self.service.keys.identity.patient(&facts.key);
            let known = self.known_patient(id)?;
            let patient = self.service.merged(facts, known.as_ref());
            if known.as_ref() != Some(&patient) {
                self.pulled.patients += 1;
                self.keep_patient(patient)?;
                self.flush(UNIT_BYTES)?;
            }
        }
        Ok(())
    }

    /// What other tables say of patients. Of one who was never sent it makes a patient without a name, as an
    /// entry does.
    fn patients_also(&mut self) -> Result<(), ServiceError> {
        for also in std::mem::take(&mut self.batch.patients_also) {
            let id = self.service.keys.identity.patient(&also.key);
            let known = self.known_patient(id)?;
            let mut patient = match &known {
                Some(patient) => patient.clone(),
                None => self.service.merged(PatientFacts::unknown(also.key), None),
            };
            patient.household = self.service.address_digest(&also.address).or(patient.household);
            patient.access = also.level.unwrap_or(patient.access);
            patient.proxies.retain(|proxy| !also.proxies_gone.contains(proxy));
            for proxy in also.proxies {
                if !patient.proxies.contains(&proxy) {
                    patient.proxies.push(proxy);
                }
            }
            if known.as_ref() != Some(&patient) {
                self.pulled.patients += 1;
                self.keep_patient(patient)?;
            }
        }
        Ok(())
    }

    /// Online access that came without the rest of the patient, found by NHS number.
    fn online_access(&mut self) -> Result<(), ServiceError> {
        let online: HashMap<NhsNumber, OnlineAccess> = std::mem::take(&mut self.batch.online).into_iter().collect();
        if online.is_empty() {
            return Ok(());
        }
        let mut patients: HashMap<PatientId, Patient> = HashMap::new();
        rows::for_each::<Patient>(self.service.store.as_ref(), Table::Patient, &[], |_, read| {
            if read.row.nhs_number.as_ref().is_some_and(|number| online.contains_key(number)) {
                patients.insert(read.row.id, read.row);
            }
            Ok(())
        })?;
        patients.extend(self.batch.known.iter().map(|(id, patient)| (*id, patient.clone())));
        for patient in patients.into_values() {
            let Some(access) = patient.nhs_number.as_ref().and_then(|number| online.get(number)) else { continue };
            let updated = Patient {
                access: access.level,
                access_from: access.from,
                proxies: access.proxies.clone(),
                ..patient.clone()
            };
            if updated != patient {
                self.pulled.patients += 1;
                self.keep_patient(updated)?;
            }
        }
        Ok(())
    }

    fn keep_patient(&mut self, patient: Patient) -> Result<(), ServiceError> {
        self.pending.put(Table::Patient, patient.id.0.to_vec(), encode(&patient)?);
        self.pending.patients.push(patient.clone());
        self.batch.known.insert(patient.id, patient);
        Ok(())
    }

    fn known_patient(&self, id: PatientId) -> Result<Option<Patient>, ServiceError> {
        match self.batch.known.get(&id) {
            Some(patient) => Ok(Some(patient.clone())),
            None => Ok(get::<Patient>(self.service.store.as_ref(), Table::Patient, &id.0)?.map(|read| read.row)),
        }
    }

    /// Finds the group of every line that came without one: beside the line it belongs with, in this
    /// feed or in the store, else alone.
    fn place_lines(&mut self) -> Result<(), ServiceError> {
        for (with, facts) in std::mem::take(&mut self.batch.unplaced) {
            let group = self.group_of(&with)?.unwrap_or(with);
            self.batch.place(group, facts);
        }
        for key in std::mem::take(&mut self.batch.lines_gone) {
            match self.group_of(&key)? {
                Some(group) => {
                    self.batch.group(group).gone.insert(key);
                }
                // A group sent anew that has no line of its own any more: it may never have had one.
                None if self.batch.has_group(&key) => continue,
                None => self.batch.unknown_deletions += 1,
            }
            self.batch.parts_read += 1;
        }
        for key in std::mem::take(&mut self.batch.companions_gone) {
            if let Some(group) = self.group_of(&key)? {
                self.batch.group(group).gone.insert(key);
            }
        }
        Ok(())
    }

    fn group_of(&self, line: &SourceKey) -> Result<Option<SourceKey>, ServiceError> {
        if let Some(group) = self.batch.group_of.get(line) {
            return Ok(Some(group.clone()));
        }
        let store = self.service.store.as_ref();
        let Some(at) = store.get(Table::Part, &self.service.keys.identity.part(line))? else { return Ok(None) };
        let entry: EntryId = rows::decode(&at.value)?;
        Ok(get::<EntryRow>(store, Table::Entry, &entry.0)?.map(|read| read.row.entry.key))
    }

    fn set_aside(&mut self) -> Result<(), ServiceError> {
        let rows = std::mem::take(&mut self.batch.set_aside);
        self.pulled.set_aside = rows.len() as u64;
        let began = self.service.now().timestamp_millis();
        for (n, SetAside { file, row, why }) in rows.into_iter().enumerate() {
            let sentence = if row == 0 { format!("{file}: {why}") } else { format!("{file} row {row}: {why}") };
            let key = [began.to_be_bytes().as_slice(), &(n as u64).to_be_bytes()].concat();
            self.pending.put(Table::SetAside, key, encode(&sentence)?);
            let place = format!("{file} row {row}");
            self.pending.audit.push(self.service.record(self.actor, Event::SetAside { place }));
            if n < EXAMPLES {
                self.pulled.set_aside_examples.push(sentence);
            }
            self.flush(UNIT_BYTES)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Pulled, ServiceError> {
        self.pulled.notices = std::mem::take(&mut self.batch.notices);
        if self.batch.unknown_deletions > 0 {
            self.pulled.notices.push(format!(
                "{} deletions name lines that were never sent; nothing to withdraw",
                self.batch.unknown_deletions
            ));
        }
        self.pulled.parts = self.batch.parts_read;
        let now = self.service.now();
        let ledger = encode(&(now, &self.pulled))?;
        self.pending.put(Table::Meta, b"last-pull".to_vec(), ledger.clone());
        self.pending.put(Table::Batch, now.timestamp_millis().to_be_bytes().to_vec(), ledger);
        let finished = Event::PullFinished {
            source: self.pulled.source.clone(),
            parts: self.pulled.parts,
            entries: self.pulled.new + self.pulled.changed,
            set_aside: self.pulled.set_aside,
        };
        self.pending.audit.push(self.service.record(self.actor, finished));
        self.flush(0)?;
        Ok(self.pulled)
    }
}

impl Service {
    /// What patients of one address share; `None` where there is no address.
    fn address_digest(&self, address: &str) -> Option<String> {
        (!address.trim().is_empty()).then(|| {
            let folded: String = address.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            Hasher::new_keyed(&self.keys.household).update(folded.as_bytes()).finalize().to_hex().to_string()
        })
    }

    /// What is known of a patient with what a feed says now. What the feed does not say stays.
    fn merged(&self, facts: PatientFacts, known: Option<&Patient>) -> Patient {
        let household = self.address_digest(&facts.address);
        let (access, access_from, proxies) = match (facts.online, known) {
            (Some(online), _) => (online.level, online.from, online.proxies),
            (None, Some(known)) => (known.access, known.access_from, known.proxies.clone()),
            (None, None) => Default::default(),
        };
        Patient {
            id: self.keys.identity.patient(&facts.key),
            key: facts.key,
            nhs_number: facts.nhs_number,
            family_name: facts.family_name,
            given_name: facts.given_name,
            born: facts.born,
            sex: facts.sex,
            access,
            access_from,
            proxies,
            household: household.or_else(|| known.and_then(|known| known.household.clone())),
            flags: known.map(|known| known.flags.clone()).unwrap_or_default(),
        }
    }
}
