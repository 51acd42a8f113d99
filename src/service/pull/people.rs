//! The patients of a feed: kept as they come, in its own order.

use std::collections::{BTreeSet, HashMap};

use blake3::Hasher;
use chrono::{DateTime, Utc};

use super::super::read::has_readers;
use super::super::rows::{self, get};
use super::super::{Service, ServiceError};
use super::Pull;
use super::intake::Intake;
use super::pending::Pending;
use crate::record::{NhsNumber, Patient, PatientId, Relation, Relative, SourceKey};
use crate::source::{OnlineAccess, PatientAlso, PatientFacts, RelatedTo, RelationFacts};
use crate::store::Table;

/// What a feed says of patients, and what of it is not in the store yet.
pub struct People<'p, 'a> {
    pull: &'p Pull<'a>,
    /// Patients who wait to be committed.
    known: HashMap<PatientId, Patient>,
    /// Who reads whose record, where nothing else of the patient was sent.
    pub online: HashMap<NhsNumber, OnlineAccess>,
    /// Patients who left the practice.
    pub gone: BTreeSet<SourceKey>,
    /// Where each patient was spoken of last, in a feed that keeps count itself.
    spoken_of: HashMap<PatientId, u64>,
    /// How many were sent.
    pub sent: u64,
    /// Records of relations that are gone, of which the feed does not say whose they were.
    pub relations_gone: HashMap<SourceKey, When>,
    /// Those whose online record begins on another day than before.
    pub opened: Vec<PatientId>,
}

/// When something is said: in which place of the feed's own order, 0 where it keeps none, and as of when.
#[derive(Clone, Copy)]
pub struct When {
    /// The place.
    pub given: u64,
    /// The moment, where the feed says.
    pub as_of: Option<DateTime<Utc>>,
}

impl<'p, 'a> People<'p, 'a> {
    /// Nobody yet.
    pub fn new(pull: &'p Pull<'a>) -> Self {
        Self {
            pull,
            known: HashMap::new(),
            online: HashMap::new(),
            gone: BTreeSet::new(),
            spoken_of: HashMap::new(),
            sent: 0,
            relations_gone: HashMap::new(),
            opened: Vec::new(),
        }
    }

    /// What was found out is in the store.
    pub fn committed(&mut self) {
        self.known.clear();
    }

    /// A patient left the practice.
    pub fn leave(&mut self, key: SourceKey, when: When) {
        if !self.is_behind(&key, when) {
            self.gone.insert(key);
        }
    }

    /// Whether the feed has said something of a patient that applies after what it says now.
    fn is_behind(&mut self, key: &SourceKey, When { given, .. }: When) -> bool {
        if given == 0 {
            return false;
        }
        let last = self.spoken_of.entry(self.pull.service.keys.identity.patient(key)).or_insert(given);
        *last = given.max(*last);
        *last > given
    }

    /// A patient is new or changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn patient(&mut self, facts: PatientFacts, when: When, pending: &mut Pending) -> Result<(), ServiceError> {
        self.sent += 1;
        if self.is_behind(&facts.key, when) {
            return Ok(());
        }
        self.gone.remove(&facts.key);
        let known = self.known(self.pull.service.keys.identity.patient(&facts.key))?;
        if known.as_ref().is_some_and(|known| self.is_overtaken(known, when)) {
            return Ok(());
        }
        let patient = Patient { as_of: when.as_of, ..self.pull.service.merged(facts, known.as_ref()) };
        self.keep(patient, known.as_ref(), pending)
    }

    /// What other tables say of patients. Of one who was never sent it makes a patient without a name, as an
    /// entry does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn also(&mut self, also: PatientAlso, when: When, pending: &mut Pending) -> Result<(), ServiceError> {
        let service = self.pull.service;
        let known = self.known(service.keys.identity.patient(&also.key))?;
        let mut patient = match &known {
            Some(patient) => patient.clone(),
            None => service.merged(PatientFacts::unknown(also.key), None),
        };
        patient.household = service.address_digest(&also.address).or(patient.household);
        if !self.is_overtaken(&patient, when) {
            patient.access = also.level.unwrap_or(patient.access);
        }
        patient.proxies.retain(|proxy| !also.proxies_gone.contains(proxy));
        for proxy in also.proxies {
            if !patient.proxies.contains(&proxy) {
                patient.proxies.push(proxy);
            }
        }
        patient.registered = also.registered.or(patient.registered);
        self.keep(patient, known.as_ref(), pending)
    }

    /// A relation is new or changed. Of a patient who was never sent it makes one without a name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn relation(&mut self, facts: RelationFacts, when: When, pending: &mut Pending) -> Result<(), ServiceError> {
        let service = self.pull.service;
        self.relations_gone.remove(&facts.key);
        let to = match facts.to {
            RelatedTo::Patient(key) => Relative::Patient(service.keys.identity.patient(&key)),
            RelatedTo::Number(number) => Relative::Number(number),
            RelatedTo::Named(name) => Relative::Named(name),
        };
        let known = self.known(service.keys.identity.patient(&facts.patient))?;
        let mut patient = known.clone().unwrap_or_else(|| service.merged(PatientFacts::unknown(facts.patient), None));
        let relation = Relation { to, declared_by: Some(facts.key), as_of: when.as_of };
        patient.declare(relation, |known| self.is_said_later(known.as_of, when));
        self.keep(patient, known.as_ref(), pending)
    }

    /// A relation of a patient has ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn relation_gone(
        &mut self,
        key: &SourceKey,
        patient: &SourceKey,
        when: When,
        pending: &mut Pending,
    ) -> Result<(), ServiceError> {
        let Some(known) = self.known(self.pull.service.keys.identity.patient(patient))? else { return Ok(()) };
        let mut patient = known.clone();
        patient.withdraw(key, |relation| self.is_said_later(relation.as_of, when));
        self.keep(patient, Some(&known), pending)
    }

    /// Whether what is known of a patient is newer than what is read now.
    fn is_overtaken(&self, known: &Patient, when: When) -> bool {
        self.is_said_later(known.as_of, when)
    }

    fn is_said_later(&self, known: Option<DateTime<Utc>>, When { as_of, .. }: When) -> bool {
        self.pull.late || as_of.is_some() && known > as_of
    }

    fn keep(
        &mut self,
        mut patient: Patient,
        known: Option<&Patient>,
        pending: &mut Pending,
    ) -> Result<(), ServiceError> {
        let as_of = patient.as_of.max(known.and_then(|known| known.as_of));
        // That nothing changed is no news.
        patient.as_of = known.and_then(|known| known.as_of);
        if known == Some(&patient) {
            return Ok(());
        }
        patient.as_of = as_of;
        // Who registered earlier than was thought may read more.
        let opens = |known: &Patient| {
            known.access_from != patient.access_from
                || known.registered.is_some_and(|day| patient.registered < Some(day))
        };
        if known.is_some_and(opens) {
            self.opened.push(patient.id);
        }
        // Who opts out sees nothing any more from now on, and who comes back what was released.
        pending.tally.withdrawn |= known.is_some_and(|known| has_readers(known) != has_readers(&patient));
        pending.tally.pulled.patients += 1;
        self.known.insert(patient.id, patient.clone());
        pending.put_patient(patient)
    }

    fn known(&self, id: PatientId) -> Result<Option<Patient>, ServiceError> {
        match self.known.get(&id) {
            Some(patient) => Ok(Some(patient.clone())),
            None => Ok(get::<Patient>(self.pull.service.store.as_ref(), Table::Patient, &id.0)?.map(|read| read.row)),
        }
    }
}

impl Intake<'_, '_> {
    /// What came without the patient's key: who reads the record of an NHS number, and which relations are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn without_key(&mut self) -> Result<(), ServiceError> {
        let (online, gone) = (std::mem::take(&mut self.people.online), std::mem::take(&mut self.people.relations_gone));
        self.commit()?;
        if online.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let (when, store) = (self.when(), self.pull.service.store.as_ref());
        rows::for_each::<Patient>(store, Table::Patient, &[], |_, read| {
            let patient = read.row;
            let mut updated = patient.clone();
            if let Some(access) = patient.nhs_number.as_ref().and_then(|number| online.get(number))
                && !self.people.is_overtaken(&patient, when)
            {
                (updated.access, updated.access_from) = (access.level, access.from);
                updated.proxies.clone_from(&access.proxies);
            }
            for key in patient.related.iter().filter_map(|relation| relation.declared_by.as_ref()) {
                if let Some(when) = gone.get(key) {
                    updated.withdraw(key, |relation| self.people.is_said_later(relation.as_of, *when));
                }
            }
            if updated != patient {
                self.people.keep(updated, Some(&patient), &mut self.pending)?;
            }
            self.commit_when_full()
        })?;
        self.commit()
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
    pub(super) fn merged(&self, facts: PatientFacts, known: Option<&Patient>) -> Patient {
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
            related: known.map(|known| known.related.clone()).unwrap_or_default(),
            relatives: facts.relatives.or_else(|| Some(known?.relatives.clone())).unwrap_or_default(),
            flags: known.map(|known| known.flags.clone()).unwrap_or_default(),
            registered: facts.registered.or_else(|| known?.registered),
            enhanced_as_of: known.and_then(|known| known.enhanced_as_of),
            as_of: known.and_then(|known| known.as_of),
        }
    }
}
