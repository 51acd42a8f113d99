//! The feed as FHIR R4 in NDJSON: an `Encounter` with an `Observation` for each line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::Plan;
use super::record::{Consultation, Line};
use super::texts::{CODES, STAFF};

struct Table(BufWriter<File>);

impl Table {
    fn create(folder: &Path, name: &str) -> io::Result<Self> {
        Ok(Self(BufWriter::new(File::create(folder.join(format!("{name}.000.ndjson")))?)))
    }

    fn put(&mut self, resource: &Value) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, resource)?;
        self.0.write_all(b"\n")
    }

    fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn encounter_id(practice: u32, number: u64) -> String {
    format!("e-{practice}-{number}")
}

fn line_id(practice: u32, number: u64, at: usize) -> String {
    format!("o-{practice}-{number}-{at}")
}

fn patient(practice: u32, patient: u32) -> String {
    format!("p-{practice}-{patient}")
}

pub(super) fn day(plan: &Plan, day: u32, folder: &Path) -> io::Result<()> {
    // An export has no file for a type of which it has nothing.
    let mut people = if day == 0 { Some(Table::create(folder, "Patient")?) } else { None };
    let mut staff = Table::create(folder, "Practitioner")?;
    let mut encounters = Table::create(folder, "Encounter")?;
    let mut observations = Table::create(folder, "Observation")?;
    for (at, (title, given, family)) in STAFF.iter().enumerate() {
        let name = json!([{ "prefix": [title], "given": [given], "family": family }]);
        staff.put(&json!({ "resourceType": "Practitioner", "id": format!("s-{at}"), "name": name }))?;
    }
    let mut gone = Vec::new();
    for practice in 0..plan.practices {
        for number in 0..plan.patients {
            let Some(people) = &mut people else { break };
            let person = plan.person(practice, number);
            people.put(&json!({
                "resourceType": "Patient",
                "id": patient(practice, number),
                "identifier": [{ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": person.nhs_number }],
                "name": [{ "given": [person.given], "family": person.family }],
                "gender": if person.female { "female" } else { "male" },
                "birthDate": person.born.to_string(),
                "address": [{ "line": [format!("{} Invented Lane", person.house)], "postalCode": "ZZ99 3AA" }],
            }))?;
        }
        for number in plan.numbers(day) {
            let consultation = plan.consultation(practice, number);
            encounters.put(&encounter(practice, &consultation))?;
            for (at, line) in consultation.lines.iter().enumerate() {
                observations.put(&observation(practice, &consultation, at, line))?;
            }
        }
        let later = plan.later(day);
        for number in later.edited {
            let consultation = plan.consultation(practice, number);
            if let Some(first) = consultation.lines.first() {
                let line = Line { text: format!("{} Addendum: seen again.", first.text), ..first.clone() };
                observations.put(&observation(practice, &consultation, 0, &line))?;
            }
        }
        for number in later.shortened {
            let last = plan.consultation(practice, number).lines.len() - 1;
            gone.push(format!("Observation/{}", line_id(practice, number, last)));
        }
        for number in later.deleted {
            for at in 0..plan.consultation(practice, number).lines.len() {
                gone.push(format!("Observation/{}", line_id(practice, number, at)));
            }
            gone.push(format!("Encounter/{}", encounter_id(practice, number)));
        }
    }
    for table in people.into_iter().chain([staff, encounters, observations]) {
        table.end()?;
    }
    if gone.is_empty() {
        return Ok(());
    }
    let mut deleted = Table::create(folder, "deleted")?;
    for url in gone {
        let entry = json!([{ "request": { "method": "DELETE", "url": url } }]);
        deleted.put(&json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry }))?;
    }
    deleted.end()
}

fn moment(consultation: &Consultation) -> String {
    format!("{}T{}Z", consultation.day, consultation.time)
}

fn encounter(practice: u32, consultation: &Consultation) -> Value {
    json!({
        "resourceType": "Encounter",
        "id": encounter_id(practice, consultation.number),
        "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "type": [{ "text": consultation.title }],
        "subject": { "reference": format!("Patient/{}", patient(practice, consultation.patient)) },
        "participant": [{ "individual": { "reference": format!("Practitioner/s-{}", consultation.staff) } }],
        "period": { "start": moment(consultation) },
    })
}

fn observation(practice: u32, consultation: &Consultation, at: usize, line: &Line) -> Value {
    let (term, snomed, _) = CODES.get(line.code).copied().unwrap_or_default();
    let mut coded = json!({ "text": term });
    if !snomed.is_empty() {
        coded["coding"] = json!([{ "system": "http://snomed.info/sct", "code": snomed, "display": term }]);
    }
    let mut resource = json!({
        "resourceType": "Observation",
        "id": line_id(practice, consultation.number, at),
        "status": "final",
        "code": coded,
        "subject": { "reference": format!("Patient/{}", patient(practice, consultation.patient)) },
        "encounter": { "reference": format!("Encounter/{}", encounter_id(practice, consultation.number)) },
        "effectiveDateTime": moment(consultation),
        "issued": moment(consultation),
        "performer": [{ "reference": format!("Practitioner/s-{}", consultation.staff) }],
        "note": [{ "text": line.text }],
    });
    if !line.value.is_empty() {
        resource["valueString"] = json!(line.value);
    }
    resource
}
