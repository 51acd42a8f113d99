//! FHIR: what one resource says, whichever way it came. [`bulk`] reads exports, [`server`] a server over HTTP (both R4),
//! and [`gpconnect`] STU3.
//!
//! - An `Encounter` is a consultation, and what names it is a line of it.
//! - A `DiagnosticReport` is an entry of its own, even when it names an encounter: results arrive and
//!   are released apart from the consultation. An `Observation` that a report names is a line of that
//!   report, of the first one where several do.
//! - A `DocumentReference` is an entry of its own. Letters in it are read where they are text, HTML, RTF or Word.
//! - Where the other types keep their words a table says ([`shapes`]): each makes one line, of the consultation that it
//!   names, or else an entry of its own. What no table knows is counted by type and said ([`kinds`]).

pub mod gpconnect;
pub mod server;

mod answers;
mod bulk;
mod client;
mod documents;
mod elsewhere;
mod exported;
mod json;
mod kinds;
mod observations;
mod people;
mod resources;
mod shapes;
mod xml;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use serde_json::Value;

use super::outlet::Outlet;
use super::{Belongs, Change, SourceError};
use crate::record::{Author, Code, SourceKey};
pub use bulk::Fhir;
use elsewhere::Elsewhere;
use shapes::Shape;

/// The name that keys and messages carry.
const SYSTEM: &str = "fhir";

/// What resources of one kind need from the others.
struct Export {
    /// The name that keys carry.
    system: &'static str,
    /// Whose identifiers they are; empty where one server gives them all.
    organisation: String,
    latest: NaiveDate,
    /// Where a type keeps its words.
    shape_of: fn(&str) -> Option<&'static Shape>,
    /// Names of practitioners by `Practitioner/id`.
    names: HashMap<String, String>,
    /// Practitioners by the identifier that conditional references name: `system|value`.
    by_identifier: HashMap<String, String>,
    /// Which report names an observation.
    reports: HashMap<String, String>,
    /// What consultations, panels and whole records say of the resources in them.
    record: Record,
    /// Where letters and medicines are that resources name.
    elsewhere: Elsewhere,
}

/// What a record as a whole says of its resources, by `Type/id`. Empty where each stands by itself.
#[derive(Default)]
struct Record {
    /// Which consultation names a resource, and where in it.
    homes: HashMap<String, Home>,
    /// What a resource adds to: the panel of a test, the finding behind a problem.
    parents: HashMap<String, String>,
    /// Groups that the source hides as a whole.
    hidden: HashSet<String>,
    /// Which patient a related person is.
    persons: HashMap<String, String>,
    /// Medicines that others refer to.
    medications: HashMap<String, Value>,
    /// Whose record it is, for resources that do not say it again.
    patient: Option<String>,
}

/// A resource's place in a consultation.
struct Home {
    /// The encounter, as `Type/id`.
    group: String,
    heading: String,
    /// Its place in the consultation.
    order: u64,
}

impl Export {
    fn new(system: &'static str, latest: NaiveDate, shape_of: fn(&str) -> Option<&'static Shape>) -> Self {
        Self {
            system,
            organisation: String::new(),
            latest,
            shape_of,
            names: HashMap::new(),
            by_identifier: HashMap::new(),
            reports: HashMap::new(),
            record: Record::default(),
            elsewhere: Elsewhere::default(),
        }
    }

    fn key(&self, id: impl Into<String>) -> SourceKey {
        SourceKey { system: self.system.to_owned(), organisation: self.organisation.clone(), id: id.into() }
    }

    /// Learns what others lean on: names, medicines, and which report names a result.
    fn learn(&mut self, kind: &str, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        match kind {
            "Practitioner" => return self.practitioner(resource, number, outlet),
            "DiagnosticReport" => self.report(resource),
            "Medication" => self.medication(resource),
            "Patient" => self.persons(resource),
            _ => {}
        }
        Ok(())
    }

    /// Hands on what one resource says.
    fn resource(&self, kind: &str, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        match kind {
            "Patient" => self.patient(resource, number, outlet),
            "RelatedPerson" => self.related_person(resource, number, outlet),
            "Encounter" => self.encounter(resource, number, outlet),
            "DiagnosticReport" => self.diagnostic_report(resource, number, outlet),
            "DocumentReference" => self.document(resource, number, outlet),
            "Observation" => self.observation(resource, number, outlet),
            name => match (self.shape_of)(name) {
                Some(shape) => self.line(shape, resource, number, outlet),
                None => Ok(()),
            },
        }
    }

    /// The person, by whichever way the reference names them.
    fn author(&self, resource: &Value, paths: &[&str]) -> Author {
        let Some(reference) = json::first(resource, paths) else { return Author::default() };
        let id = match json::text(reference, "reference") {
            Some(text) => match text.split_once("?identifier=") {
                Some((_, identifier)) => self.by_identifier.get(identifier).cloned().unwrap_or_else(|| text.to_owned()),
                None => json::local_reference(text, "Practitioner"),
            },
            None => String::new(),
        };
        let name = self.names.get(&id).cloned();
        let name = name.or_else(|| json::text(reference, "display").map(str::to_owned)).unwrap_or_default();
        Author { id, name }
    }

    /// The entry that a resource belongs to: that of its report, of the consultation that names it or that it
    /// names, or of what it adds to.
    fn belongs(&self, resource: &Value, own: &str) -> Belongs {
        let root = self.root(own);
        if let Some(report) = self.reports.get(own).or_else(|| self.reports.get(root)) {
            return Belongs::To(self.key(report.clone()));
        }
        if let Some(home) = self.record.homes.get(own) {
            return Belongs::To(self.key(home.group.clone()));
        }
        const NAMES_IT: [&str; 3] = ["encounter.reference", "context.reference", "extension.valueReference.reference"];
        let named = NAMES_IT.iter().flat_map(|path| json::all(resource, path)).filter_map(Value::as_str);
        let mut named = named.map(|reference| json::local_reference(reference, "Encounter"));
        if let Some(encounter) = named.find(|reference| reference.starts_with("Encounter/")) {
            return Belongs::To(self.key(encounter));
        }
        match self.record.homes.get(root) {
            Some(home) => Belongs::To(self.key(home.group.clone())),
            None if root != own => Belongs::With(self.key(root)),
            None => Belongs::Alone,
        }
    }

    /// What a resource adds to in the end. Records name panels in panels, and now and then themselves.
    fn root<'a>(&'a self, own: &'a str) -> &'a str {
        const DEEPEST: usize = 8;
        let mut root = own;
        for _ in 0..DEEPEST {
            match self.record.parents.get(root) {
                Some(parent) if parent != own => root = parent,
                _ => break,
            }
        }
        root
    }

    /// The source's own label on the resource or on the group it is in, as a code, so that screening sees it.
    fn hidden_label(&self, resource: &Value, own: &str, belongs: &Belongs) -> Option<Code> {
        let group = match belongs {
            Belongs::To(group) | Belongs::With(group) | Belongs::ToUnlessIn { group, .. } => Some(group.id.as_str()),
            Belongs::Alone => None,
        };
        let home = self.record.homes.get(own).map(|home| home.group.as_str());
        let in_hidden = [group, home].into_iter().flatten().any(|group| self.record.hidden.contains(group));
        (in_hidden || resources::is_hidden(resource)).then(Code::not_for_patient)
    }
}

/// Of changes an observation may come without the report that names it: then it stays in that report.
fn of_changes(change: Change) -> Change {
    let Change::Part(mut facts) = change else { return change };
    let own = &facts.part.key;
    let group = match facts.belongs {
        Belongs::To(group) if group.id.starts_with("Encounter/") => group,
        Belongs::Alone => own.clone(),
        _ => return Change::Part(facts),
    };
    let is_observation = own.id.starts_with("Observation/");
    let kind = "DiagnosticReport/".to_owned();
    facts.belongs = if is_observation { Belongs::ToUnlessIn { group, kind } } else { Belongs::To(group) };
    Change::Part(facts)
}
