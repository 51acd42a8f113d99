//! Patients, where they live, who reads their record.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::batch::Batch;
use super::{Common, Named, Read, identifier, is_true, key};
use crate::record::{AccessLevel, NhsNumber, Proxy, Sex, SourceKey};
use crate::source::outlet::Sink;
use crate::source::table::Column;
use crate::source::{Change, PatientAlso, PatientFacts, RelatedTo, RelationFacts, SourceError};

/// What rows say of a patient's online access: one row a login, the patient's and others'.
#[derive(Default)]
pub(super) struct Online {
    /// The widest of the logins that are in use.
    level: Option<AccessLevel>,
    /// Whether the rows are all that there are.
    is_whole: bool,
}

impl Read {
    pub(super) fn people(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.patients(batch, sink)?;
        self.addresses(batch, sink)?;
        self.relationships(batch, sink)?;
        self.registrations(batch, sink)?;
        self.online(batch, "SROnlineServices", sink)?;
        self.online(batch, "SRSystmOnline", sink)?;
        self.access_levels(sink)
    }

    fn patients(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.table(
            batch,
            "SRPatient",
            |header| {
                let names = ["FirstName", "MiddleNames", "Surname", "NHSNumber", "DateBirth"];
                (Common::find(header), names.map(|name| header.required(name)), header.optional(&["Gender"]))
            },
            sink,
            |(common, [first, middle, family, nhs_number, born], gender), row, outlet| {
                let Named::Here { key, .. } = self.name(common, "patient", Change::PatientGone, row, outlet)? else {
                    return Ok(());
                };
                let number = match row.get(*nhs_number) {
                    "" => None,
                    text => match text.parse::<NhsNumber>() {
                        Ok(number) => Some(number),
                        Err(why) => {
                            outlet.set_aside(
                                row.number,
                                format!("{why}: the patient was kept without it; correct NHSNumber in SystmOne"),
                            )?;
                            None
                        }
                    },
                };
                let born = self.day(*born, "DateBirth", row, outlet)?;
                outlet.send(Change::Patient(PatientFacts {
                    nhs_number: number,
                    family_name: row.get(*family).to_owned(),
                    given_name: format!("{} {}", row.get(*first), row.get(*middle)).trim().to_owned(),
                    born,
                    sex: match self.lookup.words(row.get(*gender)).bytes().next() {
                        Some(b'F' | b'f') => Sex::Female,
                        Some(b'M' | b'm') => Sex::Male,
                        _ => Sex::Unknown,
                    },
                    ..PatientFacts::unknown(key)
                }))
            },
        )
        .map(|_| ())
    }

    /// Current home addresses.
    fn addresses(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.table(
            batch,
            "SRPatientAddressHistory",
            |header| {
                let lines = [
                    "NameOfBuilding",
                    "NumberOfBuilding",
                    "NameOfRoad",
                    "NameOfLocality",
                    "NameOfTown",
                    "NameOfCounty",
                    "FullPostCode",
                ];
                let lines = lines.map(|name| header.optional(&[name]));
                (Common::find(header), lines, header.optional(&["DateTo"]), header.optional(&["AddressType"]))
            },
            sink,
            |(common, lines, until, kind), row, outlet| {
                // An address that was deleted leaves what is known: the next one says where the patient lives.
                let Named::Here { patient, .. } = self.name(common, "address", Change::CompanionGone, row, outlet)?
                else {
                    return Ok(());
                };
                let kind = self.lookup.words(row.get(*kind)).to_ascii_lowercase();
                let is_home = kind.is_empty() || kind.contains("home") || kind.contains("main");
                let address = joined(lines.map(|line| row.get(line)), ", ");
                if !row.get(*until).is_empty() || !is_home || address.is_empty() {
                    return Ok(());
                }
                outlet.send(Change::PatientAlso(PatientAlso { address, ..PatientAlso::of(patient) }))
            },
        )
        .map(|_| ())
    }

    /// Relations who act for the patient: which of them has a login is not in the extract, so each may. And relations
    /// of any kind who are patients here themselves.
    fn relationships(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.table(
            batch,
            "SRPatientRelationship",
            |header| {
                let acts = ["PersonalGuardianOrProxy", "HasParentalResponsibility"];
                (
                    Common::find(header),
                    header.required("RelationshipType"),
                    acts.map(|name| header.optional(&[name])),
                    ["RelationshipWithName", "IDPatientRelationshipWith"].map(|name| header.optional(&[name])),
                    header.optional(&["DateEnded"]),
                )
            },
            sink,
            |(common, relation, acts, [name, other], ended), row, outlet| {
                let gone = |key| Change::RelationGone { key, patient: None };
                let named = self.name(common, "relationship", gone, row, outlet)?;
                let Named::Here { key: own, patient } = named else { return Ok(()) };
                let proxy = acts.iter().any(|acts: &Column| is_true(row.get(*acts))).then(|| Proxy {
                    name: row.get(*name).to_owned(),
                    relation: self.lookup.words(row.get(*relation)).to_owned(),
                    access: AccessLevel::default(),
                });
                let other = identifier(row.get(*other)).map(|id| key(&patient.organisation, "patient", id));
                let has_ended = !row.get(*ended).is_empty();
                // Somebody of whom there is only the name.
                let is_named = proxy.is_none() && !row.get(*name).is_empty();
                let named = is_named.then(|| RelatedTo::Named(row.get(*name).to_owned()));
                let to = other.map(RelatedTo::Patient).or(named);
                if let Some(proxy) = proxy {
                    let (also, proxies) = (PatientAlso::of(patient.clone()), vec![proxy]);
                    outlet.send(Change::PatientAlso(match has_ended {
                        true => PatientAlso { proxies_gone: proxies, ..also },
                        false => PatientAlso { proxies, ..also },
                    }))?;
                }
                match to {
                    _ if has_ended => outlet.send(Change::RelationGone { key: own, patient: Some(patient) }),
                    Some(to) => outlet.send(Change::Relation(RelationFacts { key: own, patient, to })),
                    None => Ok(()),
                }
            },
        )
        .map(|_| ())
    }

    /// Since when patients are registered with the practice. Only what is sure to be a regular registration that has not
    /// ended counts: a day that is too late would take for history what its patient reads.
    fn registrations(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let mut since: BTreeMap<SourceKey, NaiveDate> = BTreeMap::new();
        self.table(
            batch,
            "SRPatientRegistration",
            |header| {
                (
                    Common::find(header),
                    header.required("DateRegistration"),
                    ["DateDeRegistration", "RegistrationStatus", "IDOrganisation"].map(|name| header.optional(&[name])),
                )
            },
            sink,
            |(common, from, [until, status, elsewhere]), row, outlet| {
                let named = self.name(common, "registration", Change::CompanionGone, row, outlet)?;
                let Named::Here { patient, .. } = named else { return Ok(()) };
                let words = self.lookup.words(row.get(*status)).to_ascii_lowercase();
                let is_regular = words == "gms" || words.starts_with("gms ");
                let is_here = ["", patient.organisation.as_str()].contains(&row.get(*elsewhere));
                if !is_regular || !is_here || !row.get(*until).is_empty() {
                    return Ok(());
                }
                if let Some(from) = self.day(*from, "DateRegistration", row, outlet)? {
                    let known = since.entry(patient).or_insert(from);
                    *known = from.min(*known);
                }
                Ok(())
            },
        )?;
        let all = since.into_iter();
        let mut all = all.map(|(key, since)| PatientAlso { registered: Some(since), ..PatientAlso::of(key) });
        all.try_for_each(|also| sink(Change::PatientAlso(also)))
    }

    fn online(&self, batch: &Batch, table: &'static str, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let is_whole = batch.is_whole(table);
        self.table(
            batch,
            table,
            |header| {
                let levels = ["ViewRecord", "DetailedCodedRecord", "SummaryCareRecord"];
                (Common::find(header), levels.map(|name| header.optional(&[name])), header.optional(&["DateDeleted"]))
            },
            sink,
            |(common, [full, coded, summary], deleted), row, outlet| {
                if is_true(row.get(common.removed)) {
                    return Ok(());
                }
                let Named::Here { patient, .. } = self.name(common, "online", Change::CompanionGone, row, outlet)?
                else {
                    return Ok(());
                };
                let mut online = self.online.borrow_mut();
                let online = online.entry(patient).or_insert(Online { level: None, is_whole });
                online.is_whole |= is_whole;
                if !row.get(*deleted).is_empty() {
                    return Ok(());
                }
                let level = if is_true(row.get(*full)) {
                    AccessLevel::Full
                } else if is_true(row.get(*coded)) {
                    AccessLevel::Coded
                } else if is_true(row.get(*summary)) {
                    AccessLevel::Summary
                } else {
                    AccessLevel::None
                };
                online.level = online.level.max(Some(level));
                Ok(())
            },
        )
        .map(|_| ())
    }

    /// The widest login counts. That one ended says nothing of the others unless all of them were sent, and
    /// what is thought to be hidden and is not does the harm.
    fn access_levels(&self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let mut uncertain = 0_u64;
        for (key, online) in self.online.take() {
            let level = match online {
                Online { level: Some(AccessLevel::None) | None, is_whole: false } => {
                    uncertain += 1;
                    continue;
                }
                Online { level, .. } => level.unwrap_or(AccessLevel::None),
            };
            sink(Change::PatientAlso(PatientAlso { level: Some(level), ..PatientAlso::of(key) }))?;
        }
        if uncertain == 0 {
            return Ok(());
        }
        let patients = if uncertain == 1 { "patient" } else { "patients" };
        sink(Change::Notice(format!(
            "Online access ended for a login of {uncertain} {patients}, who may have others: their level stays as it \
             was known; a whole SROnlineServices settles it."
        )))
    }
}

fn joined<const N: usize>(pieces: [&str; N], with: &str) -> String {
    let pieces: Vec<&str> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    pieces.join(with)
}

/// The patient of a row whose other columns name another table's.
pub(super) fn patient_in(row: crate::source::table::Row<'_>, common: &Common) -> Option<String> {
    identifier(row.get(common.patient)).map(|id| format!("patient:{id}"))
}
