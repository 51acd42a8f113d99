//! FHIR R4 in bulk: NDJSON files, a resource a line, in one folder or one file, in gzip or not; beside them XML files of
//! one resource or bundle each.
//!
//! A file may hold any types in any order, so the files are gone through more than once: first for
//! names and for which results belong to which report, then for patients, then for what opens an
//! entry, then for the lines, and last for what the server has deleted. No pass keeps a resource.
//!
//! When it was made its manifest says; without one each resource says how new it is, where it does. It holds everything
//! where its manifest says that everything was asked for and all of that is here, or by what is in it: see
//! [`WholeBy`].

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::exported::Exported;
use super::kinds::{self, Pass, pass_of};
use super::{Export, SYSTEM, json, of_changes, shapes, xml};
use crate::source::outlet::{Outlet, Sink, file_name, unreadable, whole_file};
use crate::source::textlines::{LINE_LIMIT, Line, Lines};
use crate::source::{Change, Covers, Manifest, Source, SourceError, Whole, WholeBy, dates, folder, manifest, packed};

/// A bulk export: a folder of NDJSON files, or one such file.
#[derive(Debug)]
pub struct Fhir {
    path: PathBuf,
    latest: NaiveDate,
}

impl Fhir {
    /// A source that reads the export at `path` as of `today`. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, today: NaiveDate) -> Self {
        Self { path: path.into(), latest: dates::a_year_after(today) }
    }
}

/// What the first look at an export finds.
#[derive(Default)]
struct Survey {
    /// What nothing reads, by type.
    not_read: BTreeMap<String, Option<u64>>,
    /// What is read, by type.
    counts: BTreeMap<String, u64>,
    /// When the newest resource was last changed, by the server's account.
    newest: Option<DateTime<Utc>>,
}

impl Survey {
    fn not_read(&mut self, kind: &str) {
        let count = self.not_read.entry(kind.to_owned()).or_default();
        *count = Some(count.unwrap_or_default() + 1);
    }
}

/// Enough of a line to know what it is.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resourceType", default)]
    name: String,
    /// Set in the lines of an export's own log.
    #[serde(rename = "exportId", default)]
    export: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    meta: Meta,
}

/// What a server says of a resource. Whatever has another form says nothing.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct Meta {
    last_updated: Option<DateTime<Utc>>,
}

impl From<Value> for Meta {
    fn from(meta: Value) -> Self {
        let text = json::text(&meta, "lastUpdated");
        Self { last_updated: text.and_then(|text| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())) }
    }
}

impl Source for Fhir {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let made = Exported::of(&self.path).map(|exported| exported.made);
        Ok(Manifest { stream: SYSTEM.to_owned(), made, files: manifest::files(&self.path)? })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let files = list(&self.path, sink)?;
        let exported = Exported::of(&self.path);
        let mut export = Export::new(SYSTEM, self.latest, shapes::r4::shape_of);
        let mut passes: Vec<BTreeSet<Pass>> = Vec::new();
        let mut survey = Survey::default();
        for path in &files {
            passes.push(export.survey(path, &mut survey, sink)?);
        }
        // Without a manifest a resource is as new as it says, and one that does not say as the newest.
        let ages = exported.is_none().then(|| Ages { newest: survey.newest, said: Cell::new(None) });
        let only_changes = exported.as_ref().is_some_and(|exported| exported.since.is_some());
        for pass in [Pass::Patients, Pass::Groups, Pass::Lines, Pass::Deletions] {
            for (path, _) in files.iter().zip(&passes).filter(|(_, passes)| passes.contains(&pass)) {
                let mut keep = |change| sink(if only_changes { of_changes(change) } else { change });
                export.go_through(path, pass, ages.as_ref(), &mut keep)?;
            }
        }
        let deletes = passes.iter().any(|passes| passes.contains(&Pass::Deletions));
        self.whole(exported, &survey, deletes, sink)?;
        match kinds::not_screened(&survey.not_read) {
            Some(sentence) => sink(Change::Notice(sentence)),
            None => Ok(()),
        }
    }
}

impl Fhir {
    /// Says of what the export holds all, and what time it covers.
    fn whole(
        &self,
        exported: Option<Exported>,
        survey: &Survey,
        deletes: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        let (since, manifest) = match exported {
            Some(Exported { made, since, manifest }) => {
                let (whole, incomplete) = (Vec::new(), Vec::new());
                sink(Change::Covers(Covers { from: since, to: made, whole, reached: BTreeMap::new(), incomplete }))?;
                (since, manifest)
            }
            None => (None, None),
        };
        if since.is_some() {
            return Ok(());
        }
        let Some(complete) = manifest else {
            let there = kinds::of_lines().filter(|kind| survey.counts.contains_key(*kind));
            let kinds = there.map(str::to_owned).collect();
            return match deletes {
                true => Ok(()),
                false => sink(Change::Whole(Whole { kinds, known: WholeBy::ItsResources })),
            };
        };
        let missing = complete.missing(&self.path, &survey.counts);
        if !missing.is_empty() {
            return sink(Change::Notice(format!(
                "The export’s manifest names more of {} than is here: what came was taken, and nothing that is missing was \
                 taken as deleted; fetch the export again.",
                missing.join(", ")
            )));
        }
        sink(Change::Whole(Whole { kinds: complete.kinds(kinds::of_lines()), known: WholeBy::ItsManifest }))
    }
}

/// How new resources are, where no manifest says it of all.
struct Ages {
    newest: Option<DateTime<Utc>>,
    /// What was last said.
    said: Cell<Option<DateTime<Utc>>>,
}

impl Ages {
    /// Says how new the resource that follows is, if that is news.
    fn say(&self, meta: &Meta, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let age = meta.last_updated.or(self.newest);
        if self.said.replace(age) == age { Ok(()) } else { outlet.send(Change::AsOf(age)) }
    }
}

/// The files to read, in the order of their names.
fn list(path: &Path, sink: &mut Sink<'_>) -> Result<Vec<PathBuf>, SourceError> {
    let unlisted = |error: std::io::Error| {
        let why = error.kind();
        SourceError(format!(
            "{} cannot be read ({why}): name an NDJSON file or the folder that holds them",
            path.display()
        ))
    };
    if std::fs::metadata(path).map_err(unlisted)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let lying = folder::look(path, 0).map_err(unlisted)?;
    lying.links.iter().try_for_each(|link| sink(Change::SetAside(whole_file(link, folder::LEADS_OUT))))?;
    let mut files = Vec::new();
    for found in lying.files {
        let name = file_name(&found).to_ascii_lowercase();
        if [".ndjson", ".ndjson.gz", ".xml"].iter().any(|end| name.ends_with(end)) {
            files.push(found);
        } else if [".ndjson.zip", ".ndjson.gpg"].iter().any(|end| name.ends_with(end)) {
            let why = "the file is packed or encrypted and was not read: unpack it first, then pull again";
            sink(Change::SetAside(whole_file(&found, why)))?;
        }
    }
    if files.is_empty() {
        return Err(SourceError(format!(
            "{} holds no .ndjson, .ndjson.gz or .xml file: name the folder of a FHIR bulk export",
            path.display()
        )));
    }
    Ok(files)
}

impl Export {
    /// First pass: says what is no resource, learns names and reports, counts what nothing reads.
    /// Returns in which passes the file has something.
    fn survey(&mut self, path: &Path, survey: &mut Survey, sink: &mut Sink<'_>) -> Result<BTreeSet<Pass>, SourceError> {
        let mut passes = BTreeSet::new();
        each_line(path, sink, Report::Yes, |line, number, outlet| {
            let kind: Kind = match serde_json::from_str(line) {
                Ok(kind) => kind,
                Err(_) => return outlet.set_aside(number, NOT_A_RESOURCE),
            };
            if kind.name.is_empty() {
                if kind.export.is_some() {
                    survey.not_read(kinds::OF_THE_LOG);
                    return Ok(());
                }
                let why = "resourceType is missing: the line was left out; export it again";
                return outlet.set_aside(number, why);
            }
            survey.newest = survey.newest.max(kind.meta.last_updated);
            match pass_of(&kind.name) {
                None => {
                    survey.not_read(kinds::named(&kind.name));
                    return Ok(());
                }
                Some(pass) => passes.insert(pass),
            };
            match survey.counts.get_mut(&kind.name) {
                Some(count) => *count += 1,
                None => drop(survey.counts.insert(kind.name.clone(), 1)),
            }
            // Few patients are others' related persons.
            let is_related = kind.name == "Patient" && line.contains("RelatedPerson/");
            if !is_related && !kinds::others_lean_on(&kind.name) {
                return Ok(());
            }
            match serde_json::from_str(line) {
                Ok(resource) => self.learn(&kind.name, &resource, number, outlet),
                // These are looked at once more and said then.
                Err(_) if matches!(kind.name.as_str(), "DiagnosticReport" | "Patient") => Ok(()),
                Err(_) => outlet.set_aside(number, NOT_A_RESOURCE),
            }
        })?;
        Ok(passes)
    }

    fn go_through(&self, path: &Path, pass: Pass, ages: Option<&Ages>, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        each_line(path, sink, Report::No, |line, number, outlet| {
            let Ok(kind) = serde_json::from_str::<Kind>(line) else { return Ok(()) };
            if pass_of(&kind.name) != Some(pass) {
                return Ok(());
            }
            // The quick look at the type does not check everything that this does.
            let Ok(resource) = serde_json::from_str(line) else {
                return outlet.set_aside(number, NOT_A_RESOURCE);
            };
            if let Some(ages) = ages {
                ages.say(&kind.meta, outlet)?;
            }
            match kind.name.as_str() {
                "Bundle" => self.deletions(&resource, number, outlet),
                name => self.resource(name, &resource, number, outlet),
            }
        })
    }
}

/// Whether what is wrong with lines as such is said: in the first pass only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    Yes,
    No,
}

fn each_line(
    path: &Path,
    sink: &mut Sink<'_>,
    report: Report,
    mut each: impl FnMut(&str, u64, &mut Outlet<'_>) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut outlet = Outlet::new(&file_name(path), sink);
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xml")) {
        return match (xml::resources(path), report) {
            (Ok(resources), _) => {
                let numbered = (1..).zip(&resources);
                numbered.into_iter().try_for_each(|(number, it)| each(&it.to_string(), number, &mut outlet))?;
                if report == Report::Yes { outlet.end(resources.len() as u64) } else { Ok(()) }
            }
            (Err(why), Report::Yes) => outlet.set_aside(0, why),
            (Err(_), Report::No) => Ok(()),
        };
    }
    let mut lines = match packed::open(path) {
        Ok(file) => Lines::new(file),
        Err(error) if report == Report::Yes => return outlet.set_aside(0, unreadable(&error)),
        Err(_) => return Ok(()),
    };
    loop {
        match lines.next() {
            Ok(None) => break,
            Ok(Some((number, Line::Whole(line)))) => match std::str::from_utf8(line) {
                Ok(line) => {
                    outlet.begin_record(number);
                    each(line, number, &mut outlet)?;
                }
                Err(_) if report == Report::Yes => {
                    outlet.set_aside(number, "the line is not valid UTF-8: it was left out; export it again")?;
                }
                Err(_) => {}
            },
            Ok(Some((number, Line::TooLong))) if report == Report::Yes => outlet.set_aside(
                number,
                format!(
                    "the line is longer than {} MiB: it was left out; have it exported with its attachments apart",
                    LINE_LIMIT >> 20
                ),
            )?,
            Ok(Some(_)) => {}
            Err(error) if report == Report::Yes => return outlet.set_aside(0, unreadable(&error)),
            Err(_) => return Ok(()),
        }
    }
    if report == Report::No {
        return Ok(());
    }
    if lines.number() == 0 {
        outlet.set_aside(0, "the file is empty: ask for it again if it should not be")?;
    }
    outlet.end(lines.number())
}

const NOT_A_RESOURCE: &str = "the line is not one resource in JSON: it was left out; export it again";
