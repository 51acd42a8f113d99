//! FHIR R4 in bulk: NDJSON files, a resource a line, in one folder or one file, in gzip or not; beside them XML files of
//! one resource or bundle each. [`gpconnect`] reads STU3.
//!
//! A file may hold any types in any order, so the files are gone through more than once: first for
//! names and for which results belong to which report, then for patients, then for what opens an
//! entry, then for the lines, and last for what the server has deleted. No pass keeps a resource.
//!
//! - An `Encounter` is a consultation, and what names it is a line of it.
//! - A `DiagnosticReport` is an entry of its own, even when it names an encounter: results arrive and
//!   are released apart from the consultation. An `Observation` that a report names is a line of that
//!   report, of the first one where several do.
//! - A `DocumentReference` is an entry of its own. Letters in it are read where they are text, HTML, RTF or Word.
//! - What names neither is an entry of its own.
//!
//! When it was made its manifest says; without one each resource says how new it is, where it does. It holds everything
//! where its manifest says that everything was asked for and all of that is here, or by what is in it: see
//! [`WholeBy`].

pub mod gpconnect;
pub mod server;

mod documents;
mod exported;
mod json;
mod observations;
mod resources;
mod shapes;
mod xml;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::outlet::{Outlet, Sink, file_name, unreadable, whole_file};
use super::textlines::{LINE_LIMIT, Line, Lines};
use super::{Belongs, Change, Covers, Manifest, Source, SourceError, Whole, WholeBy, dates, manifest, packed};
use crate::record::{Author, Code, SourceKey};
use documents::Binaries;
use exported::Exported;
use shapes::Shape;

/// The name that keys and messages carry.
const SYSTEM: &str = "fhir";

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
    /// Letters that came beside the documents that name them.
    binaries: Rc<Binaries>,
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

/// Types of which a whole export holds all.
const WHOLE: [&str; 9] = [
    "AllergyIntolerance",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Procedure",
];

/// What the first look at an export finds.
#[derive(Default)]
struct Survey {
    /// What nothing reads, by type.
    not_read: BTreeMap<String, u64>,
    /// What is read, by type.
    counts: BTreeMap<String, u64>,
    /// When the newest resource was last changed, by the server's account.
    newest: Option<DateTime<Utc>>,
}

/// In which pass a type is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    People,
    Patients,
    Groups,
    Lines,
    Deletions,
}

fn pass_of(kind: &str) -> Option<Pass> {
    Some(match kind {
        "Practitioner" => Pass::People,
        "Patient" => Pass::Patients,
        "Encounter" | "DiagnosticReport" => Pass::Groups,
        "Observation" | "DocumentReference" => Pass::Lines,
        "Bundle" => Pass::Deletions,
        kind if shapes::shape_of(kind).is_some() => Pass::Lines,
        _ => return None,
    })
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

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let made = Exported::of(&self.path).map(|exported| exported.made);
        Ok(Manifest { stream: SYSTEM.to_owned(), made, files: manifest::files(&self.path)? })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let files = list(&self.path, sink)?;
        let exported = Exported::of(&self.path);
        let mut export = Export::new(SYSTEM, self.latest, shapes::shape_of);
        let mut passes: Vec<BTreeSet<Pass>> = Vec::new();
        let mut survey = Survey::default();
        for path in &files {
            passes.push(export.survey(path, &mut survey, sink)?);
        }
        // Without a manifest a resource is as new as it says, and one that does not say as the newest.
        let ages = exported.is_none().then(|| Ages { newest: survey.newest, said: Cell::new(None) });
        for pass in [Pass::Patients, Pass::Groups, Pass::Lines, Pass::Deletions] {
            for (path, _) in files.iter().zip(&passes).filter(|(_, passes)| passes.contains(&pass)) {
                export.go_through(path, pass, ages.as_ref(), sink)?;
            }
        }
        let deletes = passes.iter().any(|passes| passes.contains(&Pass::Deletions));
        self.whole(exported, &survey, deletes, sink)?;
        match not_screened(&survey.not_read) {
            Some(sentence) => sink(Change::Notice(sentence)),
            None => Ok(()),
        }
    }
}

/// Types that say nothing of a patient by themselves.
const NOT_OF_PATIENTS: [&str; 10] = [
    "CodeSystem",
    "Endpoint",
    "HealthcareService",
    "line of the export’s log",
    "Location",
    "Organization",
    "PractitionerRole",
    "Schedule",
    "Slot",
    "ValueSet",
];

/// The sentence about what nothing here reads, of types in which something of patients may stand.
fn not_screened(not_read: &BTreeMap<String, u64>) -> Option<String> {
    let of_patients = not_read.iter().filter(|(kind, _)| !NOT_OF_PATIENTS.contains(&kind.as_str()));
    let counts: Vec<String> = of_patients.map(|(kind, count)| format!("{count} {kind}")).collect();
    (!counts.is_empty()).then(|| {
        format!(
            "Not screened, because nothing here reads them: {}; look at them in the practice’s system.",
            counts.join(", ")
        )
    })
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
                sink(Change::Covers(Covers { from: since, to: made, whole: Vec::new(), behind: BTreeMap::new() }))?;
                (since, manifest)
            }
            None => (None, None),
        };
        if since.is_some() {
            return Ok(());
        }
        let Some(complete) = manifest else {
            let there = WHOLE.into_iter().filter(|kind| survey.counts.contains_key(*kind));
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
        sink(Change::Whole(Whole { kinds: complete.kinds(WHOLE.into_iter()), known: WholeBy::ItsManifest }))
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
    let mut files = Vec::new();
    for found in std::fs::read_dir(path).map_err(unlisted)? {
        let found = found.map_err(unlisted)?.path();
        let name = file_name(&found).to_ascii_lowercase();
        if !found.is_file() {
            continue;
        }
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
    files.sort();
    Ok(files)
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
            binaries: Rc::default(),
        }
    }

    fn key(&self, id: impl Into<String>) -> SourceKey {
        SourceKey { system: self.system.to_owned(), organisation: self.organisation.clone(), id: id.into() }
    }

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
                    *survey.not_read.entry("line of the export’s log".to_owned()).or_default() += 1;
                    return Ok(());
                }
                let why = "resourceType is missing: the line was left out; export it again";
                return outlet.set_aside(number, why);
            }
            survey.newest = survey.newest.max(kind.meta.last_updated);
            match pass_of(&kind.name) {
                None => {
                    // A type's name comes from the file, so it is not repeated unless it is one.
                    let is_name = kind.name.len() <= 40 && kind.name.bytes().all(|b| b.is_ascii_alphabetic());
                    let name = if is_name { kind.name } else { "of unknown type".to_owned() };
                    *survey.not_read.entry(name).or_default() += 1;
                    return Ok(());
                }
                Some(pass) => passes.insert(pass),
            };
            match survey.counts.get_mut(&kind.name) {
                Some(count) => *count += 1,
                None => drop(survey.counts.insert(kind.name.clone(), 1)),
            }
            if !matches!(kind.name.as_str(), "Practitioner" | "DiagnosticReport") {
                return Ok(());
            }
            match serde_json::from_str(line) {
                Ok(resource) if kind.name == "Practitioner" => self.practitioner(&resource, number, outlet),
                Ok(resource) => {
                    self.report(&resource);
                    Ok(())
                }
                // A report's line is looked at once more and said then.
                Err(_) if kind.name == "Practitioner" => outlet.set_aside(number, NOT_A_RESOURCE),
                Err(_) => Ok(()),
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

    /// Hands on what one resource says.
    fn resource(&self, kind: &str, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        match kind {
            "Patient" => self.patient(resource, number, outlet),
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
            Belongs::To(group) | Belongs::With(group) => Some(group.id.as_str()),
            Belongs::Alone => None,
        };
        let home = self.record.homes.get(own).map(|home| home.group.as_str());
        let in_hidden = [group, home].into_iter().flatten().any(|group| self.record.hidden.contains(group));
        (in_hidden || resources::is_hidden(resource)).then(Code::not_for_patient)
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
