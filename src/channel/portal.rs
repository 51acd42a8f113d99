//! The feed of our own portal: FHIR R4 NDJSON, one Composition for each released entry.
//!
//! It holds what is visible and nothing that depends on what is not: no counts, no running numbers, no
//! time of release. An entry that is hidden looks like one that never was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Channel, ChannelError, Delivery, Granularity, Released};
use crate::record::{CodeSystem, NhsNumber};
use crate::review::{Line, Rendition};

const FILE: &str = "Composition.ndjson";

/// Writes the feed to a folder.
#[derive(Debug)]
pub struct Portal {
    folder: PathBuf,
}

impl Portal {
    /// A feed in `folder`, which is made when first needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn write(&self, practice: &str, visible: &[Released]) -> std::io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let place = self.folder.join(FILE);
        let new = self.folder.join("Composition.ndjson.new");
        let mut out = BufWriter::new(File::create(&new)?);
        for released in visible {
            serde_json::to_writer(&mut out, &composition(practice, released))?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&new, &place)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(place)
    }
}

impl Channel for Portal {
    fn name(&self) -> &str {
        "portal"
    }

    fn granularity(&self) -> Granularity {
        Granularity::Word
    }

    fn deliver(&self, practice: &str, visible: &[Released]) -> Result<Delivery, ChannelError> {
        let mut sorted: Vec<&Released> = visible.iter().filter(|released| is_somebody_s(released)).collect();
        sorted.sort_by_key(|released| (released.patient, released.rendition.happened(), released.entry));
        let sorted: Vec<Released> = sorted.into_iter().cloned().collect();
        let place = self.write(practice, &sorted).map_err(|error| {
            ChannelError(format!("the feed in {} could not be written: {error}", self.folder.display()))
        })?;
        Ok(Delivery { entries: sorted.len() as u64, place: Some(place.display().to_string()) })
    }

    fn compare(&self, practice: &str, visible: &[Released]) -> Result<Vec<String>, ChannelError> {
        let place = self.folder.join(FILE);
        let text = match fs::read_to_string(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ChannelError(format!("the feed {} cannot be read: {error}", place.display()))),
        };
        let mut expected: BTreeMap<String, Value> = visible
            .iter()
            .filter(|released| is_somebody_s(released))
            .map(|released| (released.entry.to_string(), composition(practice, released)))
            .collect();
        let mut wrong = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let shown: Value = serde_json::from_str(line).unwrap_or_default();
            match shown["id"].as_str().and_then(|id| expected.remove_entry(id)) {
                Some((_, right)) if right == shown => {}
                Some((id, _)) => wrong.push(format!("entry {id} is shown otherwise than it was released")),
                None => wrong.push(format!("line {number} of the feed shows an entry that must not be visible")),
            }
        }
        wrong.extend(expected.keys().map(|id| format!("entry {id} is missing from the feed")));
        Ok(wrong)
    }
}

/// Whether it is about a person. A number of those reserved for decoys reaches no channel, whatever came before.
fn is_somebody_s(released: &Released) -> bool {
    !released.nhs_number.as_ref().is_some_and(NhsNumber::is_decoy)
}

/// A released entry as a FHIR R4 Composition.
fn composition(practice: &str, released: &Released) -> Value {
    let rendition = &released.rendition;
    let mut resource = json!({
        "resourceType": "Composition",
        "id": released.entry.to_string(),
        "status": "final",
        "type": { "text": rendition.kind().title() },
        "subject": subject(released),
        "author": [{ "display": author(practice, rendition) }],
        "title": title(rendition),
        "section": sections(rendition),
    });
    // FHIR wants a date; where the record has none it must say so rather than show another day.
    match rendition.happened() {
        Some(day) => resource["date"] = json!(day.to_string()),
        None => {
            resource["_date"] = json!({ "extension": [{
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "unknown",
            }] });
        }
    }
    resource
}

fn title(rendition: &Rendition) -> String {
    match rendition.title().as_str() {
        "" => rendition.kind().title().to_owned(),
        title => title.to_owned(),
    }
}

fn author(practice: &str, rendition: &Rendition) -> String {
    match rendition.author().as_str() {
        "" => practice.to_owned(),
        author => author.to_owned(),
    }
}

fn subject(released: &Released) -> Value {
    let mut subject = json!({ "reference": format!("Patient/{}", released.patient) });
    if let Some(number) = &released.nhs_number {
        subject["identifier"] =
            json!({ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": String::from(number.clone()) });
    }
    subject
}

/// A section a line, so that a code stands with its own words.
fn sections(rendition: &Rendition) -> Vec<Value> {
    rendition.lines().iter().map(section).collect()
}

fn section(line: &Line) -> Value {
    let mut section = json!({
        "text": {
            "status": "generated",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", paragraph(line)),
        },
    });
    if !line.heading.as_str().is_empty() {
        section["title"] = json!(line.heading.as_str());
    }
    let codings: Vec<Value> = line.codes.iter().filter_map(coding).collect();
    if !codings.is_empty() {
        section["code"] = json!({ "coding": codings });
    }
    section
}

fn coding(code: &crate::record::Code) -> Option<Value> {
    let system = match code.system {
        CodeSystem::Snomed => "http://snomed.info/sct",
        CodeSystem::Read2 => "http://read.info/readv2",
        CodeSystem::Ctv3 => "http://read.info/ctv3",
        CodeSystem::Loinc => "http://loinc.org",
        CodeSystem::Local => return None,
    };
    let mut coding = json!({ "system": system, "code": code.code });
    if !code.display.is_empty() {
        coding["display"] = json!(crate::record::Shown::new(&code.display).as_str());
    }
    Some(coding)
}

fn paragraph(line: &Line) -> String {
    let mut words = vec![line.display.as_str(), line.value.as_str()];
    words.retain(|word| !word.is_empty());
    let lead = words.join(" ");
    let text = line.text.as_str();
    let joined = match (lead.is_empty(), text.is_empty()) {
        (false, false) => format!("{lead}: {text}"),
        (false, true) => lead,
        (true, _) => text.to_owned(),
    };
    if joined.is_empty() { String::new() } else { format!("<p>{}</p>", escaped(&joined)) }
}

/// XHTML text: what would be markup is escaped, and line breaks become breaks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("<br/>"),
            c => out.push(c),
        }
    }
    out
}
