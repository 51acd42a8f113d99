//! Finding one's way in a resource: dotted paths that go through lists, codes, references, dates.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::record::{Code, CodeSystem};
use crate::source::dates::{self, DateError};

/// Everything at a dotted path; each list on the way is gone through. `section*` stands for sections, those in them, and
/// so on.
pub(super) fn all<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut here = vec![value];
    for step in path.split('.') {
        here = match step.strip_suffix('*') {
            None => here.into_iter().filter_map(|value| value.get(step)).flat_map(flat).collect(),
            Some(step) => {
                let mut found = Vec::new();
                here.into_iter().for_each(|value| all_below(value, step, &mut found));
                found
            }
        };
    }
    here
}

fn all_below<'a>(value: &'a Value, step: &str, found: &mut Vec<&'a Value>) {
    for value in value.get(step).map(flat).unwrap_or_default() {
        found.push(value);
        all_below(value, step, found);
    }
}

fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

/// The first thing at the first path that has one.
pub(super) fn first<'a>(value: &'a Value, paths: &[&str]) -> Option<&'a Value> {
    paths.iter().find_map(|path| all(value, path).into_iter().next())
}

/// The first text at a path, if it is not blank.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    all(value, path).into_iter().filter_map(Value::as_str).find(|text| !text.trim().is_empty())
}

/// A reference as `Type/id`, whatever server and version it names; `kind` is the type of a bare identifier.
pub(super) fn local_reference(reference: &str, kind: &str) -> String {
    if let Some(id) = reference.strip_prefix("urn:uuid:") {
        return format!("{kind}/{id}");
    }
    let unversioned = reference.split("/_history/").next().unwrap_or(reference);
    if unversioned.contains('?') {
        return unversioned.to_owned();
    }
    let mut steps = unversioned.rsplit('/');
    match (steps.next(), steps.next()) {
        (Some(id), Some(kind)) => format!("{kind}/{id}"),
        _ => format!("{kind}/{unversioned}"),
    }
}

/// The words of a CodeableConcept as a reader sees them: its text, else the words of its codes, else
/// the codes themselves. Of a single code or of a reference what it displays.
pub(super) fn words(concept: &Value) -> String {
    if let Some(text) = text(concept, "text") {
        return text.to_owned();
    }
    let codings = all(concept, "coding");
    codings
        .iter()
        .find_map(|coding| text(coding, "display"))
        .or_else(|| codings.iter().find_map(|coding| text(coding, "code")))
        .or_else(|| ["display", "code"].into_iter().find_map(|path| text(concept, path)))
        .unwrap_or_default()
        .to_owned()
}

/// The codes of a CodeableConcept, or a single code.
pub(super) fn codes(concept: &Value) -> Vec<Code> {
    // A quantity has a code as well: its unit's.
    let is_code = concept.get("coding").is_none() && concept.get("system").is_some() && concept.get("value").is_none();
    if is_code {
        return coding(concept).into_iter().collect();
    }
    all(concept, "coding").into_iter().filter_map(coding).collect()
}

fn coding(coding: &Value) -> Option<Code> {
    let system = match text(coding, "system").unwrap_or_default() {
        "http://snomed.info/sct" => CodeSystem::Snomed,
        "http://loinc.org" => CodeSystem::Loinc,
        "http://read.info/readv2" => CodeSystem::Read2,
        "http://read.info/ctv3" => CodeSystem::Ctv3,
        _ => CodeSystem::Local,
    };
    let display = text(coding, "display").unwrap_or_default().to_owned();
    Some(Code { system, code: text(coding, "code")?.to_owned(), display })
}

/// A day of any precision: a year or a month stands for its first day.
pub(super) fn day(text: &str, latest: NaiveDate) -> Result<NaiveDate, DateError> {
    let form = DateError::Form;
    let day = match text.len() {
        4 => NaiveDate::parse_from_str(&format!("{text}-01-01"), "%Y-%m-%d").map_err(|_| form)?,
        7 => NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map_err(|_| form)?,
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| form)?,
        // The day on the clock of whoever wrote it.
        _ => DateTime::parse_from_rfc3339(text).map_err(|_| form)?.date_naive(),
    };
    dates::within(day, latest)
}

/// A moment; of a bare day its beginning in England, of less than a day nothing.
pub(super) fn moment(text: &str, latest: NaiveDate) -> Result<Option<DateTime<Utc>>, DateError> {
    let day = day(text, latest)?;
    Ok(match text.len() {
        4 | 7 => None,
        10 => Some(dates::from_london(day.and_time(chrono::NaiveTime::MIN))),
        _ => DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn references_are_brought_to_one_form() {
        for (reference, local) in [
            ("Patient/1", "Patient/1"),
            ("Patient/1/_history/4", "Patient/1"),
            ("https://example.org/fhir/Patient/1", "Patient/1"),
            ("urn:uuid:1", "Patient/1"),
            ("1", "Patient/1"),
            ("Patient?identifier=a/b|c", "Patient?identifier=a/b|c"),
        ] {
            assert_eq!(local_reference(reference, "Patient"), local, "{reference}");
        }
    }

    #[test]
    fn dates_of_every_precision() {
        let latest = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
        let day = |text| day(text, latest).map(|day| day.to_string());
        assert_eq!(day("2019").unwrap(), "2019-01-01");
        assert_eq!(day("2019-05").unwrap(), "2019-05-01");
        assert_eq!(day("2019-05-06").unwrap(), "2019-05-06");
        assert_eq!(day("2019-05-06T23:30:00-05:00").unwrap(), "2019-05-06");
        assert_eq!(day("2019-13"), Err(DateError::Form));
        assert_eq!(day("last May"), Err(DateError::Form));
        assert_eq!(day("1700"), Err(DateError::TooEarly));
        assert_eq!(moment("2019-05", latest), Ok(None));
        assert_eq!(moment("2019-05-06", latest).unwrap().unwrap().to_rfc3339(), "2019-05-05T23:00:00+00:00");
        assert_eq!(
            moment("2019-05-06T23:30:00-05:00", latest).unwrap().unwrap().to_rfc3339(),
            "2019-05-07T04:30:00+00:00"
        );
    }
}
