//! People: practitioners, patients and those who are related to them.

use chrono::{Months, NaiveDate};
use serde_json::Value;

use super::resources::no;
use super::{Export, json};
use crate::record::{NhsNumber, Sex};
use crate::source::outlet::Outlet;
use crate::source::{Change, PatientFacts, RelatedTo, RelationFacts, SourceError};

const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";

impl Export {
    /// Learns a practitioner's name, for this export and for later ones.
    pub(super) fn practitioner(
        &mut self,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let Some(id) = json::text(resource, "id") else {
            return outlet.set_aside(number, no("Practitioner", "id"));
        };
        let id = format!("Practitioner/{id}");
        for identifier in json::all(resource, "identifier") {
            if let (Some(system), Some(value)) = (json::text(identifier, "system"), json::text(identifier, "value")) {
                self.by_identifier.insert(format!("{system}|{value}"), id.clone());
            }
        }
        let Some(name) = name_of(resource).map(whole_name).filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        self.names.insert(id.clone(), name.clone());
        outlet.send(Change::Staff { key: self.key(id), name })
    }

    pub(super) fn patient(&self, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let Some(id) = json::text(resource, "id") else {
            return outlet.set_aside(number, no("Patient", "id"));
        };
        let mut nhs_number = None;
        for identifier in json::all(resource, "identifier") {
            if json::text(identifier, "system") != Some(NHS_NUMBER) {
                continue;
            }
            match json::text(identifier, "value").unwrap_or_default().parse::<NhsNumber>() {
                Ok(right) => nhs_number = nhs_number.or(Some(right)),
                Err(why) => outlet.set_aside(
                    number,
                    format!("{why}: the patient was kept without it; correct Patient.identifier at the source"),
                )?,
            }
        }
        let name = name_of(resource);
        let born = match json::text(resource, "birthDate") {
            // The first of a year or month would make the patient older than they may be.
            Some(text) if text.len() < 10 => None,
            Some(_) => self.day(resource, &["birthDate"], number, outlet)?,
            None => None,
        };
        let contacts = json::all(resource, "contact").into_iter().filter(|contact| !self.has_ended(contact));
        let contacts = contacts.filter_map(|contact| json::first(contact, &["name"]).map(whole_name));
        outlet.send(Change::Patient(PatientFacts {
            key: self.key(format!("Patient/{id}")),
            nhs_number,
            family_name: name.and_then(|name| json::text(name, "family")).unwrap_or_default().to_owned(),
            given_name: name.map(given).unwrap_or_default(),
            born,
            sex: match json::text(resource, "gender") {
                Some("female") => Sex::Female,
                Some("male") => Sex::Male,
                _ => Sex::Unknown,
            },
            address: address(resource),
            online: None,
            registered: self.registered(resource),
            relatives: Some(contacts.filter(|name| !name.is_empty()).collect()),
        }))
    }

    /// Since when a patient has been a regular one of the practice. A registration that is not said to be regular, or that
    /// has ended, says nothing of it.
    fn registered(&self, resource: &Value) -> Option<NaiveDate> {
        let details = json::all(resource, "extension")
            .into_iter()
            .find(|extension| json::text(extension, "url").is_some_and(|url| url.contains("RegistrationDetails")))?;
        let is_regular = json::text(details, "extension.valueCodeableConcept.coding.code") == Some("R");
        let has_ended = json::text(details, "extension.valuePeriod.end").is_some();
        let since = json::text(details, "extension.valuePeriod.start").filter(|_| is_regular && !has_ended)?;
        json::day(since, self.latest).ok()
    }

    /// Whether a relation was over when the record was read.
    fn has_ended(&self, relation: &Value) -> bool {
        let today = self.latest.checked_sub_months(Months::new(12)).unwrap_or(self.latest);
        let until = json::text(relation, "period.end").and_then(|end| json::day(end, NaiveDate::MAX).ok());
        relation.get("active").and_then(Value::as_bool) == Some(false) || until.is_some_and(|until| until < today)
    }

    /// Learns which patient is whose related person.
    pub(super) fn persons(&mut self, patient: &Value) {
        let Some(id) = json::text(patient, "id") else { return };
        for link in json::all(patient, "link.other.reference").into_iter().filter_map(Value::as_str) {
            let person = json::local_reference(link, "");
            if person.starts_with("RelatedPerson/") {
                self.record.persons.insert(person, format!("Patient/{id}"));
            }
        }
    }

    /// Somebody to whom a patient is related: another patient, where the record says which, else a name.
    pub(super) fn related_person(
        &self,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let Some(opened) = self.open("RelatedPerson", resource, number, outlet)? else { return Ok(()) };
        let (key, patient) = (opened.key, opened.patient);
        if self.has_ended(resource) {
            return outlet.send(Change::RelationGone { key, patient: Some(patient) });
        }
        let person = self.record.persons.get(&key.id).map(|patient| self.key(patient.clone()));
        let identifiers = json::all(resource, "identifier").into_iter();
        let mut numbers = identifiers.filter(|it| json::text(it, "system") == Some(NHS_NUMBER));
        let number = numbers.find_map(|number| json::text(number, "value")?.parse::<NhsNumber>().ok());
        let name = name_of(resource).map(whole_name).filter(|name| !name.is_empty());
        let to = person.map(RelatedTo::Patient).or(number.map(RelatedTo::Number)).or(name.map(RelatedTo::Named));
        match to {
            Some(to) => outlet.send(Change::Relation(RelationFacts { key, patient, to })),
            None => Ok(()),
        }
    }
}

/// The name in use; an earlier one only where there is no other.
fn name_of(resource: &Value) -> Option<&Value> {
    let names = json::all(resource, "name");
    let rank = |name: &&Value| match json::text(name, "use") {
        Some("official") => 0,
        Some("usual") | None => 1,
        Some("maiden" | "old") => 3,
        Some(_) => 2,
    };
    names.into_iter().min_by_key(rank)
}

fn given(name: &Value) -> String {
    texts(name, "given").join(" ")
}

fn whole_name(name: &Value) -> String {
    if let Some(text) = json::text(name, "text") {
        return text.to_owned();
    }
    [texts(name, "prefix"), texts(name, "given"), texts(name, "family")].concat().join(" ")
}

fn texts<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    json::all(value, path).into_iter().filter_map(Value::as_str).collect()
}

/// The home address in one line.
fn address(resource: &Value) -> String {
    let addresses = json::all(resource, "address");
    let home = addresses.iter().find(|address| json::text(address, "use") == Some("home")).or(addresses.first());
    let Some(home) = home else { return String::new() };
    let pieces: Vec<&str> =
        ["line", "city", "district", "state", "postalCode"].into_iter().flat_map(|path| texts(home, path)).collect();
    if pieces.is_empty() { json::text(home, "text").unwrap_or_default().to_owned() } else { pieces.join(", ") }
}
