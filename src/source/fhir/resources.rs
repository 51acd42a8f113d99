//! Encounters, single lines, and what the server has deleted.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json as value};

use super::answers::Answered;
use super::documents::Attached;
use super::observations::quantity;
use super::shapes::Shape;
use super::{Export, json};
use crate::record::{Code, EntryKind, Part, SourceKey, Unreadable};
use crate::source::attachments::{self, Letter};
use crate::source::outlet::Outlet;
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

/// What every clinical resource says about itself.
pub(super) struct Opened {
    pub(super) key: SourceKey,
    pub(super) patient: SourceKey,
}

impl Export {
    /// Learns what a medicine is called.
    pub(super) fn medication(&mut self, resource: &Value) {
        if let (Some(id), Some(code)) = (json::text(resource, "id"), resource.get("code")) {
            self.record.medications.insert(format!("Medication/{id}"), value!({ "code": code }));
        }
    }

    pub(super) fn encounter(&self, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let Some(opened) = self.open("Encounter", resource, number, outlet)? else { return Ok(()) };
        if is_withdrawn(resource) {
            return outlet.send(Change::GroupGone(opened.key));
        }
        let happened = self.day(resource, &["period.start"], number, outlet)?;
        let recorded = self.recorded(resource, &["meta.lastUpdated", "period.end", "period.start"], number, outlet)?;
        let author = self.author(resource, &["participant.individual"]);
        let title = json::first(resource, &["type", "serviceType"]).map(json::words);
        let title = title.or_else(|| json::text(resource, "class.display").map(str::to_owned));
        outlet.send_group(
            number,
            GroupFacts {
                key: opened.key.clone(),
                patient: opened.patient.clone(),
                kind: EntryKind::Consultation,
                title: title.unwrap_or_default(),
                happened,
                recorded,
                author: author.clone(),
            },
        )?;
        let reasons = [json::all(resource, "reasonCode"), json::all(resource, "reason")].concat();
        let mut codes: Vec<Code> = json::all(resource, "type").into_iter().flat_map(json::codes).collect();
        codes.extend(reasons.iter().flat_map(|reason| json::codes(reason)));
        let belongs = Belongs::To(opened.key.clone());
        let label = self.hidden_label(resource, &opened.key.id, &belongs);
        let is_hidden = label.is_some();
        codes.extend(label);
        let display = reasons.into_iter().map(json::words).collect::<Vec<_>>().join("; ");
        if display.is_empty() && !is_hidden {
            // A reason that was there before is gone with this.
            return outlet.send(Change::CompanionGone(opened.key));
        }
        outlet.send_part(PartFacts {
            belongs,
            patient: opened.patient,
            kind: EntryKind::Consultation,
            recorded,
            part: Part {
                key: opened.key,
                heading: "Reason".to_owned(),
                display,
                codes,
                value: String::new(),
                text: String::new(),
                happened,
                author,
                order: dates::place(recorded, 0),
                unreadable: None,
            },
        })
    }

    /// A resource that makes one line, by the table of its type.
    pub(super) fn line(
        &self,
        shape: &Shape,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let kind = json::text(resource, "resourceType").unwrap_or_default();
        let Some(opened) = self.open(kind, resource, number, outlet)? else { return Ok(()) };
        if is_withdrawn(resource) {
            return outlet.send(Change::PartGone(opened.key));
        }
        let recorded = self.recorded(resource, shape.recorded, number, outlet)?;
        let (display, mut codes, unreadable) = match json::first(resource, shape.about) {
            Some(about) => self.what_it_is_about(resource, about),
            None => (String::new(), Vec::new(), None),
        };
        let mut states = Vec::new();
        for path in shape.states {
            let found = json::all(resource, path).into_iter().map(words_or_text);
            // Of a moment its day: servers write the same day now with a time and now without.
            let is_moment = path.ends_with("DateTime");
            states.extend(found.map(|state| if is_moment { state.chars().take(10).collect() } else { state }));
        }
        states.retain(|state| !state.is_empty());
        let mut lines = Vec::new();
        for further in shape.further.iter().flat_map(|path| json::all(resource, path)).filter(|it| !is_unsaid(it)) {
            lines.push(words_or_text(further));
            codes.extend(json::codes(further));
        }
        let mut attached = Attached::default();
        for path in shape.attached {
            lines.extend(json::all(resource, &format!("{path}.title")).into_iter().map(words_or_text));
            attached.add(self.attachments(json::all(resource, path), path, number, outlet)?);
        }
        for html in shape.narrative.iter().flat_map(|path| json::all(resource, path)).filter_map(Value::as_str) {
            let Letter { text, unreadable } = attachments::narrative(html);
            attached.add(Attached { text, unreadable });
        }
        let mut answered = Answered::default();
        shape.items.iter().flat_map(|path| json::all(resource, path)).for_each(|item| answered.take(item));
        lines.extend(answered.lines);
        codes.extend(answered.codes);
        attached.add(self.attachments(answered.attachments, "answer.valueAttachment", number, outlet)?);
        lines.push(attached.text);
        lines.retain(|line| !line.is_empty() && *line != display);
        let unreadable = unreadable.or(answered.unreadable).or(attached.unreadable);
        let belongs = self.belongs(resource, &opened.key.id);
        codes.extend(self.hidden_label(resource, &opened.key.id, &belongs));
        let (heading, order) = self.place(&opened.key.id, shape.heading, dates::place(recorded, number));
        let part = Part {
            key: opened.key,
            heading,
            display,
            codes,
            value: states.join(", "),
            text: lines.join("\n"),
            happened: self.day(resource, shape.happened, number, outlet)?,
            author: self.author(resource, shape.author),
            order,
            unreadable,
        };
        outlet.send_part(PartFacts { belongs, patient: opened.patient, kind: shape.kind, recorded, part })
    }

    /// The deletions that a server lists as a transaction.
    pub(super) fn deletions(&self, bundle: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let deletions: Vec<&Value> = json::all(bundle, "entry.request")
            .into_iter()
            .filter(|request| json::text(request, "method") == Some("DELETE"))
            .collect();
        if deletions.is_empty() {
            let why =
                "a Bundle that deletes nothing is not read here: it was left out; export its resources a line each";
            return outlet.set_aside(number, why);
        }
        for request in deletions {
            let url = json::text(request, "url").unwrap_or_default();
            let gone = json::local_reference(url, "");
            let gone_key = self.key(gone.clone());
            match gone.split('/').next().unwrap_or_default() {
                "Patient" => outlet.send(Change::PatientGone(gone_key))?,
                "RelatedPerson" => outlet.send(Change::RelationGone { key: gone_key, patient: None })?,
                "Encounter" | "DocumentReference" | "DiagnosticReport" => outlet.send(Change::GroupGone(gone_key))?,
                "Observation" => outlet.send(Change::PartGone(gone_key))?,
                kind if (self.shape_of)(kind).is_some() => outlet.send(Change::PartGone(gone_key))?,
                "" => outlet
                    .set_aside(number, "a deletion does not say of what: it was left out; ask the server again")?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Learns which observations a report names.
    pub(super) fn report(&mut self, resource: &Value) {
        let (Some(id), false) = (json::text(resource, "id"), is_withdrawn(resource)) else { return };
        for result in json::all(resource, "result") {
            if let Some(reference) = json::text(result, "reference") {
                let observation = json::local_reference(reference, "Observation");
                self.reports.entry(observation).or_insert_with(|| format!("DiagnosticReport/{id}"));
            }
        }
    }

    /// Under which heading of its consultation a line stands, and where; what it says itself where none names it.
    pub(super) fn place(&self, own: &str, heading: &str, order: u64) -> (String, u64) {
        match self.record.homes.get(own) {
            Some(home) if home.heading.is_empty() => (heading.to_owned(), home.order),
            Some(home) => (home.heading.clone(), home.order),
            None => (heading.to_owned(), order),
        }
    }

    /// A concept, or a reference to something whose words are elsewhere.
    fn what_it_is_about(&self, resource: &Value, about: &Value) -> (String, Vec<Code>, Option<Unreadable>) {
        let Some(reference) = json::text(about, "reference") else {
            return (json::words(about), json::codes(about), None);
        };
        let contained = reference.strip_prefix('#').and_then(|id| {
            json::all(resource, "contained").into_iter().find(|inner| json::text(inner, "id") == Some(id))?.get("code")
        });
        let display = json::text(about, "display").map(str::to_owned);
        let name = json::local_reference(reference, "Medication");
        let known = contained.or_else(|| self.record.medications.get(&name)?.get("code")).cloned();
        let known = known.or_else(|| self.elsewhere.medicine(&name)?.get("code").cloned());
        match (display, known) {
            (Some(display), concept) => (display, concept.as_ref().map(json::codes).unwrap_or_default(), None),
            (None, Some(code)) => (json::words(&code), json::codes(&code), None),
            (None, None) => (String::new(), Vec::new(), Some(Unreadable::NotSent)),
        }
    }

    /// The resource's own name and whose record it is in; what is missing is said.
    pub(super) fn open(
        &self,
        kind: &str,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<Opened>, SourceError> {
        let Some(id) = json::text(resource, "id") else {
            outlet.set_aside(number, no(kind, "id"))?;
            return Ok(None);
        };
        let patient = json::first(resource, &["subject.reference", "patient.reference", "for.reference"]);
        let patient = patient.and_then(Value::as_str).map(|reference| json::local_reference(reference, "Patient"));
        let patient = patient.or_else(|| takes_part(resource)).or_else(|| self.record.patient.clone());
        let Some(patient) = patient else {
            outlet.set_aside(number, no(kind, who(kind)))?;
            return Ok(None);
        };
        if !patient.starts_with("Patient/") {
            let why = format!(
                "{kind} does not name a patient by identifier: the line was left out; export it with plain references"
            );
            outlet.set_aside(number, why)?;
            return Ok(None);
        }
        Ok(Some(Opened { key: self.key(format!("{kind}/{id}")), patient: self.key(patient) }))
    }

    /// The day at the first path that has one; a wrong one is said, and the line goes on without it.
    pub(super) fn day(
        &self,
        resource: &Value,
        paths: &[&str],
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<NaiveDate>, SourceError> {
        let Some((path, text)) = first_text(resource, paths) else { return Ok(None) };
        match json::day(text, self.latest) {
            Ok(day) => Ok(Some(day)),
            Err(why) => {
                outlet.set_aside(number, wrong_date(path, why))?;
                Ok(None)
            }
        }
    }

    /// When it was saved: what the resource itself says, else when the server last changed it.
    pub(super) fn recorded(
        &self,
        resource: &Value,
        paths: &[&str],
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let paths: Vec<&str> = paths.iter().copied().chain(["meta.lastUpdated"]).collect();
        let Some((path, text)) = first_text(resource, &paths) else { return Ok(None) };
        match json::moment(text, self.latest) {
            Ok(moment) => Ok(moment),
            Err(why) => {
                outlet.set_aside(number, wrong_date(path, why))?;
                Ok(None)
            }
        }
    }
}

/// The patient among those who take part in something that is nobody's otherwise.
fn takes_part(resource: &Value) -> Option<String> {
    let parts = ["participant.actor.reference", "recipient.reference"];
    let references = parts.iter().flat_map(|path| json::all(resource, path)).filter_map(Value::as_str);
    let mut references = references.map(|reference| json::local_reference(reference, ""));
    references.find(|reference| reference.starts_with("Patient/"))
}

/// Where a type says whose record it is in.
fn who(kind: &str) -> &'static str {
    match kind {
        "AllergyIntolerance"
        | "Consent"
        | "DetectedIssue"
        | "EpisodeOfCare"
        | "FamilyMemberHistory"
        | "Immunization"
        | "ImmunizationRecommendation"
        | "NutritionOrder"
        | "RelatedPerson"
        | "VisionPrescription" => "patient",
        "Appointment" => "participant",
        "Task" => "for",
        _ => "subject",
    }
}

fn first_text<'a, 'p>(resource: &'a Value, paths: &[&'p str]) -> Option<(&'p str, &'a str)> {
    paths.iter().find_map(|path| Some((*path, json::text(resource, path)?)))
}

fn wrong_date(path: &str, why: dates::DateError) -> String {
    format!("{path} {why}: the line was kept without that date; correct it at the source")
}

/// The sentence for a line that lacks what it cannot do without.
pub(super) fn no(kind: &str, field: &str) -> String {
    format!("{kind}.{field} is missing: the line was left out; have the resource corrected at the source")
}

/// Whether the source says that it should never have been there.
pub(super) fn is_withdrawn(resource: &Value) -> bool {
    const WITHDRAWN: Option<&str> = Some("entered-in-error");
    json::text(resource, "status") == WITHDRAWN
        || json::text(resource, "verificationStatus") == WITHDRAWN
        || json::all(resource, "verificationStatus.coding.code").iter().any(|code| code.as_str() == WITHDRAWN)
}

/// Whether the source itself hides the resource from the patient.
pub(super) fn is_hidden(resource: &Value) -> bool {
    let labels = json::all(resource, "meta.security.code");
    labels.into_iter().any(|label| label.as_str() == Some(Code::not_for_patient().code.as_str()))
}

/// Whether a concept says only that there is none.
fn is_unsaid(concept: &Value) -> bool {
    let systems = json::all(concept, "coding.system");
    !systems.is_empty() && systems.iter().all(|system| system.as_str().is_some_and(|it| it.ends_with("NullFlavor")))
}

fn words_or_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace("\r\n", "\n"),
        value if value.get("value").is_some_and(Value::is_number) => quantity(value),
        value => json::words(value),
    }
}
