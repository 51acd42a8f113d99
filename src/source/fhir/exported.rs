//! What a bulk export says of itself: the manifest with which the server answered (FHIR Bulk Data Access, "Response –
//! Complete Status"), or the log of the client that fetched it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::json;
use super::kinds::pass_of;
use crate::source::folder;
use crate::source::outlet::file_name;

/// A manifest names a few files; what is longer is something else.
const MANIFEST_LIMIT: u64 = 16 << 20;

/// What is known of an export as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exported {
    /// As of when the server answered.
    pub(super) made: DateTime<Utc>,
    /// Since when it holds changes; `None` where it was asked for everything.
    pub(super) since: Option<DateTime<Utc>>,
    /// What a manifest says beyond that.
    pub(super) manifest: Option<Complete>,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complete {
    /// The types that were asked for; `None` for all.
    types: Option<Vec<String>>,
    files: Vec<Output>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Output {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    count: Option<u64>,
}

impl Output {
    /// The file's name, as the last part of its address.
    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default().split('?').next().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "transactionTime")]
    made: DateTime<Utc>,
    #[serde(default)]
    request: String,
    #[serde(default)]
    output: Vec<Output>,
}

impl Exported {
    /// What is said of the export in this folder; `None` where nothing is, or the path is a file.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let files = folder::look(folder, 0).ok().filter(|_| folder.is_dir())?.files;
        let ends = |end: &str| {
            let end = end.to_owned();
            files.iter().filter(move |path| file_name(path).to_ascii_lowercase().ends_with(&end))
        };
        let manifest = ends(".json").find_map(|path| {
            let is_small = path.metadata().is_ok_and(|about| about.len() <= MANIFEST_LIMIT);
            let written: Written = serde_json::from_slice(&std::fs::read(path).ok().filter(|_| is_small)?).ok()?;
            Some(Self::by(written))
        });
        manifest.or_else(|| ends("log.ndjson").find_map(|path| Self::in_log(path)))
    }

    fn by(Written { made, request, output }: Written) -> Self {
        let types = asked(&request, "_type").map(|types| types.split(',').map(str::to_owned).collect());
        Self { made, since: since(&request), manifest: Some(Complete { types, files: output }) }
    }

    fn in_log(path: &Path) -> Option<Self> {
        let is_small = path.metadata().is_ok_and(|about| about.len() <= MANIFEST_LIMIT);
        let text = std::fs::read_to_string(path).ok().filter(|_| is_small)?;
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let last = |event: &str, path: &str| {
            let found = lines.iter().rfind(|line| json::text(line, "eventId") == Some(event))?;
            json::text(found, path).map(str::to_owned)
        };
        let made = last("manifest_complete", "eventDetail.transactionTime")?;
        let request = last("kickoff", "eventDetail.exportUrl").unwrap_or_default();
        Some(Self { made: DateTime::parse_from_rfc3339(&made).ok()?.to_utc(), since: since(&request), manifest: None })
    }
}

/// Since when a request asks for changes. What cannot be understood is no moment, and the export no whole one.
fn since(request: &str) -> Option<DateTime<Utc>> {
    let since = asked(request, "_since")?;
    Some(DateTime::parse_from_rfc3339(&since).map_or(DateTime::UNIX_EPOCH, |since| since.to_utc()))
}

/// What a request asks for under a name.
fn asked(request: &str, name: &str) -> Option<String> {
    let (_, query) = request.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
}

impl Complete {
    /// The types of lines and entries of which the export holds all.
    pub(super) fn kinds<'a>(&self, all: impl Iterator<Item = &'a str>) -> Vec<String> {
        let asked_for = |kind: &&str| self.types.as_ref().is_none_or(|types| types.iter().any(|it| it == kind));
        all.filter(asked_for).map(str::to_owned).collect()
    }

    /// Types that are read here and of which files or resources are missing in `folder`, where so many resources of
    /// each type were read.
    pub(super) fn missing(&self, folder: &Path, read: &BTreeMap<String, u64>) -> Vec<String> {
        let mut named: BTreeMap<&str, Vec<&Output>> = BTreeMap::new();
        for file in self.files.iter().filter(|file| pass_of(&file.kind).is_some()) {
            named.entry(&file.kind).or_default().push(file);
        }
        let is_here = |file: &&Output| {
            let name = file.name();
            !name.is_empty() && [name.to_owned(), format!("{name}.gz")].iter().any(|name| folder.join(name).is_file())
        };
        let is_whole = |kind: &str, files: &[&Output]| {
            let counts: Option<u64> = files.iter().map(|file| file.count).sum();
            match counts {
                Some(count) => read.get(kind).copied().unwrap_or_default() == count,
                // Whoever fetched them may have named them otherwise: then nobody can tell.
                None => files.iter().all(is_here),
            }
        };
        let cut = named.into_iter().filter(|(kind, files)| !is_whole(kind, files));
        cut.map(|(kind, files)| {
            let missing: Vec<&str> = files.into_iter().filter(|file| !is_here(file)).map(Output::name).collect();
            if missing.is_empty() { kind.to_owned() } else { format!("{kind} ({})", missing.join(", ")) }
        })
        .collect()
    }
}

/// A value of a query, as it was before it was put into an address.
fn decoded(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn exported(request: &str) -> Exported {
        let written =
            format!(r#"{{"transactionTime":"2026-11-20T02:00:00Z","request":"https://a.example/{request}"}}"#);
        Exported::by(serde_json::from_str(&written).unwrap())
    }

    #[test]
    fn what_was_asked_for_is_in_the_request() {
        let kinds =
            |exported: &Exported| exported.manifest.as_ref().unwrap().kinds(["Condition", "Observation"].into_iter());
        let all = exported("$export");
        assert_eq!((all.since, kinds(&all).len()), (None, 2));
        let some = exported("$export?_since=2026-11-19T02%3A00%3A00%2B01:00&_type=Condition,Patient");
        assert_eq!(some.since.unwrap().to_rfc3339(), "2026-11-19T01:00:00+00:00");
        assert_eq!(kinds(&some), ["Condition"]);
        assert!(exported("$export?_since=yesterday").since.is_some(), "not a whole one");
    }
}
