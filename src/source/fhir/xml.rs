//! FHIR in XML, a resource or a bundle a file, brought to the form in which all else here reads resources.
//!
//! A schema would say what is a list and what is a number. Readers here go through lists as they find them, so an
//! element that comes once stays a single value; and only a quantity's value is needed as a number.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// The largest file, in bytes.
const LIMIT: u64 = 16 << 20;
/// How deep elements may stand in elements.
const DEEPEST: usize = 64;

const DAMAGED: &str = "the file is no FHIR resource in XML: nothing in it was read; export it again";

/// The resources of a file: those of a bundle, or the one that it holds.
///
/// # Errors
/// Why nothing could be read, in one sentence.
pub(super) fn resources(path: &Path) -> Result<Vec<Value>, String> {
    let mut text = String::new();
    let unread = |_| "the file could not be read as UTF-8 text: nothing in it was read; export it again".to_owned();
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text)).map_err(unread)?;
    if text.len() as u64 > LIMIT {
        return Err(format!(
            "the file is longer than {} MiB: it was left out; have it exported in several files or as NDJSON",
            LIMIT >> 20
        ));
    }
    let resource = resource(&text).ok_or(DAMAGED)?;
    if resource.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return Ok(vec![resource]);
    }
    let entries = super::json::all(&resource, "entry.resource");
    Ok(entries.into_iter().cloned().collect())
}

/// An element that is open.
struct Element {
    name: String,
    fields: Map<String, Value>,
    value: Option<String>,
}

impl Element {
    fn begin(tag: &BytesStart<'_>) -> Option<Self> {
        let name = tag.local_name().as_ref().to_owned();
        let mut element = Self { name, fields: Map::new(), value: None };
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            let value = quick_xml::escape::unescape(attribute.value.as_ref()).ok()?.into_owned();
            match attribute.key.as_ref() {
                "value" => element.value = Some(value),
                name @ ("id" | "url") => drop(element.fields.insert(name.to_owned(), Value::String(value))),
                _ => {}
            }
        }
        Some(element)
    }

    /// Adds what stands in it under a name; what comes again makes a list.
    fn add(&mut self, name: &str, value: Value) {
        match self.fields.get_mut(name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => drop(self.fields.insert(name.to_owned(), value)),
        }
    }

    fn end(self) -> Value {
        let Some(value) = self.value else { return Value::Object(self.fields) };
        match self.name.as_str() {
            "valueBoolean" => value.parse().map_or(Value::String(value), Value::Bool),
            "valueInteger" | "valueDecimal" => number(value),
            _ => Value::String(value),
        }
    }

    fn is_quantity(&self) -> bool {
        self.name.ends_with("Quantity") || matches!(self.name.as_str(), "low" | "high" | "quantity" | "numerator")
    }
}

fn number(text: String) -> Value {
    // As it is written: 7.0 stays 7.0.
    match serde_json::from_str(&text) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => Value::String(text),
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}

fn resource(text: &str) -> Option<Value> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    // Narrative is HTML and stays as it is written.
    let (mut in_narrative, mut begin) = (0_usize, 0);
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        match &event {
            Event::Start(_) if in_narrative > 0 => in_narrative += 1,
            Event::End(_) if in_narrative > 0 => {
                in_narrative -= 1;
                if in_narrative == 0 {
                    let end = usize::try_from(reader.buffer_position()).ok()?;
                    open.last_mut()?.add("div", Value::String(text.get(begin..end)?.to_owned()));
                }
            }
            _ if in_narrative > 0 && !matches!(event, Event::Eof) => {}
            Event::Start(tag) if tag.local_name().as_ref() == "div" => (in_narrative, begin) = (1, before),
            Event::Start(tag) if open.len() < DEEPEST => open.push(Element::begin(tag)?),
            Event::Start(_) | Event::Eof => return None,
            Event::Empty(tag) => {
                let element = Element::begin(tag)?;
                match close(element, &mut open) {
                    Some(whole) => return Some(whole),
                    None => continue,
                }
            }
            Event::End(_) => {
                let element = open.pop()?;
                if let Some(whole) = close(element, &mut open) {
                    return Some(whole);
                }
            }
            _ => {}
        }
    }
}

/// Puts an element that has ended into the one around it; the resource, where there is none.
fn close(mut element: Element, open: &mut [Element]) -> Option<Value> {
    let name = std::mem::take(&mut element.name);
    if is_type(&name) {
        element.fields.insert("resourceType".to_owned(), Value::String(name));
        let Some(around) = open.last_mut() else { return Some(Value::Object(element.fields)) };
        // `resource` and `contained` only say that one follows.
        around.fields = element.fields;
        return None;
    }
    element.name.clone_from(&name);
    let value = element.end();
    let around = open.last_mut()?;
    let value = match value {
        Value::String(text) if name == "value" && around.is_quantity() => number(text),
        value => value,
    };
    around.add(&name, value);
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn elements_become_fields() {
        let text = r#"<?xml version="1.0"?><Observation xmlns="http://hl7.org/fhir"><id value="o1"/>
            <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Narrative</p></div></text>
            <code><coding><code value="1"/></coding><coding><code value="2"/></coding></code>
            <valueQuantity><value value="7.0"/><unit value="mmol/L &amp; more"/></valueQuantity>
            <identifier><value value="007"/></identifier>
            <contained><Patient><id value="p"/></Patient></contained></Observation>"#;
        let resource = resource(text).unwrap();
        let expected = serde_json::json!({
            "resourceType": "Observation", "id": "o1",
            "text": {
                "status": "generated",
                "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Narrative</p></div>",
            },
            "code": { "coding": [{ "code": "1" }, { "code": "2" }] },
            "valueQuantity": { "value": 7.0, "unit": "mmol/L & more" },
            "identifier": { "value": "007" },
            "contained": { "resourceType": "Patient", "id": "p" },
        });
        assert_eq!(resource, expected);
    }

    #[test]
    fn what_is_cut_off_or_nested_without_end_is_no_resource() {
        assert_eq!(resource("<Patient><id value='p'/>"), None);
        assert_eq!(resource("no element"), None);
        assert_eq!(resource(&"<a>".repeat(100_000)), None);
        assert_eq!(resource("<Patient><id value='&unknown;'/></Patient>"), None);
    }
}
