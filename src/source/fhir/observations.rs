//! Observations and the reports that gather them.

use serde_json::Value;

use super::resources::is_withdrawn;
use super::{Export, json};
use crate::record::{Code, EntryKind, Part, Unreadable};
use crate::source::outlet::Outlet;
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

const EFFECTIVE: [&str; 3] = ["effectiveDateTime", "effectiveInstant", "effectivePeriod.start"];

/// What was measured or answered.
#[derive(Default)]
struct Measured {
    /// With unit, range and interpretation.
    value: String,
    /// An answer in free words.
    text: String,
    codes: Vec<Code>,
    unreadable: Option<Unreadable>,
}

impl Export {
    pub(super) fn observation(
        &self,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let Some(opened) = self.open("Observation", resource, number, outlet)? else { return Ok(()) };
        if is_withdrawn(resource) {
            return outlet.send(Change::PartGone(opened.key));
        }
        let recorded = self.recorded(resource, &["issued"], number, outlet)?;
        let about = resource.get("code");
        let mut codes: Vec<Code> = about.map(json::codes).unwrap_or_default();
        let whole = measured(resource);
        codes.extend(whole.codes);
        let (mut values, mut texts, mut unreadable) = (vec![whole.value], vec![whole.text], whole.unreadable);
        for component in json::all(resource, "component") {
            let name = component.get("code").map(json::words).unwrap_or_default();
            let piece = measured(component);
            codes.extend(component.get("code").map(json::codes).unwrap_or_default());
            codes.extend(piece.codes);
            unreadable = unreadable.or(piece.unreadable);
            if !piece.text.is_empty() {
                texts.push(format!("{name}: {}", piece.text));
            }
            if !piece.value.is_empty() || piece.text.is_empty() {
                values.push(format!("{name} {}", piece.value).trim().to_owned());
            }
        }
        for path in ["note.text", "comment"] {
            texts.extend(json::all(resource, path).into_iter().filter_map(Value::as_str).map(str::to_owned));
        }
        let belongs = self.belongs(resource, &opened.key.id);
        codes.extend(self.hidden_label(resource, &opened.key.id, &belongs));
        let in_report = matches!(&belongs, Belongs::To(group) if group.id.starts_with("DiagnosticReport/"));
        let (heading, order) = self.place(&opened.key.id, "", dates::place(recorded, number));
        let kind = if in_report || is_result(resource) { EntryKind::Result } else { EntryKind::Other };
        let part = Part {
            heading,
            display: about.map(json::words).unwrap_or_default(),
            codes,
            value: joined(values, "; "),
            text: joined(texts, "\n").replace("\r\n", "\n"),
            happened: self.day(resource, &EFFECTIVE, number, outlet)?,
            author: self.author(resource, &["performer"]),
            order,
            unreadable,
            key: opened.key,
        };
        outlet.send_part(PartFacts { belongs, patient: opened.patient, kind, recorded, part })
    }

    pub(super) fn diagnostic_report(
        &self,
        resource: &Value,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let Some(opened) = self.open("DiagnosticReport", resource, number, outlet)? else { return Ok(()) };
        if is_withdrawn(resource) {
            return outlet.send(Change::GroupGone(opened.key));
        }
        let happened = self.day(resource, &EFFECTIVE, number, outlet)?;
        let recorded = self.recorded(resource, &["issued"], number, outlet)?;
        let author = self.author(resource, &["resultsInterpreter", "performer.actor", "performer"]);
        let about = resource.get("code");
        let display = about.map(json::words).unwrap_or_default();
        outlet.send_group(
            number,
            GroupFacts {
                key: opened.key.clone(),
                patient: opened.patient.clone(),
                kind: EntryKind::Result,
                title: display.clone(),
                happened,
                recorded,
                author: author.clone(),
            },
        )?;
        let mut codes = about.map(json::codes).unwrap_or_default();
        let conclusions = [json::all(resource, "conclusionCode"), json::all(resource, "codedDiagnosis")].concat();
        codes.extend(conclusions.iter().flat_map(|code| json::codes(code)));
        let belongs = Belongs::To(opened.key.clone());
        codes.extend(self.hidden_label(resource, &opened.key.id, &belongs));
        let attached = self.attachments(json::all(resource, "presentedForm"), "presentedForm", number, outlet)?;
        let conclusion = json::text(resource, "conclusion").unwrap_or_default().to_owned();
        let texts = [conclusion].into_iter().chain(conclusions.into_iter().map(json::words)).chain([attached.text]);
        let part = Part {
            key: opened.key.clone(),
            heading: "Report".to_owned(),
            display,
            codes,
            value: String::new(),
            text: joined(texts.collect(), "\n\n").replace("\r\n", "\n"),
            happened,
            author,
            order: dates::place(recorded, 0),
            unreadable: attached.unreadable,
        };
        outlet.send_part(PartFacts { belongs, patient: opened.patient, kind: EntryKind::Result, recorded, part })
    }
}

fn is_result(resource: &Value) -> bool {
    resource.get("valueQuantity").is_some()
        || json::all(resource, "category.coding.code")
            .iter()
            .any(|code| matches!(code.as_str(), Some("laboratory" | "imaging" | "vital-signs")))
}

fn joined(pieces: Vec<String>, with: &str) -> String {
    let pieces: Vec<String> = pieces.into_iter().filter(|piece| !piece.trim().is_empty()).collect();
    pieces.join(with)
}

/// The value of an observation or of one of its components.
fn measured(of: &Value) -> Measured {
    let mut measured = Measured::default();
    let values = of.as_object().into_iter().flatten().filter(|(name, _)| {
        name.strip_prefix("value").is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
    });
    for (name, value) in values {
        match name.as_str() {
            "valueString" => measured.text = value.as_str().unwrap_or_default().to_owned(),
            "valueCodeableConcept" => {
                measured.value = json::words(value);
                measured.codes = json::codes(value);
            }
            "valueQuantity" => measured.value = quantity(value),
            "valueRange" => measured.value = between(value, "low", "high"),
            "valueRatio" => {
                let [above, below] = ["numerator", "denominator"].map(|name| value.get(name).map(quantity));
                measured.value = format!("{} / {}", above.unwrap_or_default(), below.unwrap_or_default());
            }
            "valuePeriod" => {
                let [start, end] = ["start", "end"].map(|name| json::text(value, name).unwrap_or("?"));
                measured.value = format!("{start} – {end}");
            }
            "valueBoolean" => measured.value = if value.as_bool() == Some(true) { "yes" } else { "no" }.to_owned(),
            "valueInteger" => measured.value = value.to_string(),
            "valueDateTime" | "valueTime" => measured.value = value.as_str().unwrap_or_default().to_owned(),
            _ => measured.unreadable = Some(Unreadable::Format),
        }
    }
    let mut around = Vec::new();
    for range in json::all(of, "referenceRange") {
        let words = json::text(range, "text").map_or_else(|| between(range, "low", "high"), str::to_owned);
        if !words.is_empty() {
            around.push(format!("({words})"));
        }
    }
    around.extend(json::all(of, "interpretation").into_iter().map(json::words));
    around.extend(json::all(of, "dataAbsentReason").into_iter().map(json::words));
    measured.value = joined([vec![measured.value], around].concat(), " ");
    measured
}

/// `< 7.2 mmol/L`.
pub(super) fn quantity(quantity: &Value) -> String {
    let number = quantity.get("value").filter(|value| value.is_number()).map(Value::to_string);
    let unit = json::text(quantity, "unit").or_else(|| json::text(quantity, "code"));
    let comparator = json::text(quantity, "comparator");
    let pieces = [comparator.map(str::to_owned), number, unit.map(str::to_owned)];
    joined(pieces.into_iter().flatten().collect(), " ")
}

fn between(range: &Value, low: &str, high: &str) -> String {
    match [low, high].map(|side| range.get(side).map(quantity)) {
        [Some(low), Some(high)] => format!("{low}–{high}"),
        [Some(low), None] => format!("{low} or more"),
        [None, Some(high)] => format!("{high} or less"),
        [None, None] => String::new(),
    }
}
