//! GP Connect Access Record Structured, FHIR STU3: a bundle holds one patient's record, or part of it.
//!
//! - An `Encounter` is a consultation. Which resources are in it, in which order and under which heading, its
//!   lists say: the consultation names topics, a topic headings, a heading resources.
//! - A problem adds to the finding that it is, a medication statement to its prescription, a test to its panel.
//! - A resource that does not name its patient is the record's patient's, where the bundle has one patient.
//! - What NOPAT hides at the source stays so labelled, and so does what is in a consultation or report that it
//!   hides.
//!
//! A bundle is what the record holds now. It does not say what was deleted since the one before; where it has the list of
//! every clinical area, which is there even when it is empty, what it no longer holds is gone. Documents may come
//! apart, so they are not judged by that. How old it is its timestamp says, or else these lists, which are made when the
//! record is asked for.

mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::elsewhere::{Binaries, Elsewhere};
use super::shapes::stu3;
use super::{Export, json, kinds};
use crate::source::outlet::{Outlet, Sink, file_name, unreadable};
use crate::source::{Change, Manifest, SetAside, Source, SourceError, dates, folder, manifest, packed};

/// The name that keys and messages carry.
const SYSTEM: &str = "gpconnect";

/// The largest bundle that is read, in bytes. A bundle is held in memory while it is read.
const BUNDLE_LIMIT: u64 = 128 << 20;

/// SNOMED CT codes of the lists of the clinical areas: a record with all of them is a whole one (GP Connect,
/// "Clinical areas").
const AREAS: [&str; 9] = [
    "886921000000105",
    "1102181000000102",
    "887191000000108",
    "1149501000000101",
    "933361000000108",
    "826501000000100",
    "792931000000107",
    "714311000000108",
    "717711000000103",
];

/// What a whole record holds all of.
const WHOLE: [&str; 10] = [
    "AllergyIntolerance/",
    "Condition/",
    "DiagnosticReport/",
    "Encounter/",
    "Immunization/",
    "MedicationRequest/",
    "MedicationStatement/",
    "Observation/",
    "ProcedureRequest/",
    "ReferralRequest/",
];

/// Types that others lean on and that say nothing of a patient by themselves.
const SUPPORTING: [&str; 10] = [
    // Counted by themselves: a document may name them.
    "Binary",
    "HealthcareService",
    "List",
    "Location",
    "Medication",
    "OperationOutcome",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Specimen",
];

/// Bundles: one file, or all of a folder and the folders in it.
#[derive(Debug)]
pub struct GpConnect {
    path: PathBuf,
    latest: NaiveDate,
}

impl GpConnect {
    /// A source that reads the bundles at `path` as of `today`. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, today: NaiveDate) -> Self {
        Self { path: path.into(), latest: dates::a_year_after(today) }
    }
}

/// What is to be said once, after the last bundle.
#[derive(Default)]
struct Said {
    not_read: BTreeMap<String, Option<u64>>,
    /// Things that consultations name and bundles lack.
    missing: u64,
    /// Records from which the source left things out as confidential, and those still in transit.
    confidential: u64,
    in_transit: u64,
}

impl Source for GpConnect {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn place(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        let mut files = manifest::files(&self.path)?;
        for (number, file) in (1..).zip(&mut files) {
            // Such files are named after patients.
            file.name = format!("bundle {number}");
        }
        Ok(Manifest { stream: SYSTEM.to_owned(), made: None, files })
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let (files, links) = list(&self.path)?;
        for number in 1..=links {
            // Such files are named after patients, so sentences number them instead.
            let file = format!("link {number} of {links}");
            sink(Change::SetAside(SetAside { file, row: 0, why: folder::LEADS_OUT.to_owned() }))?;
        }
        if files.is_empty() {
            return Err(SourceError(format!(
                "{} holds no .json file: name a GP Connect bundle or the folder that holds them",
                self.path.display()
            )));
        }
        let mut said = Said::default();
        let binaries = Rc::new(Binaries::of(binaries(&files)));
        for (number, path) in (1..).zip(&files) {
            let mut outlet = Outlet::new(&format!("bundle {number} of {} in the order of names", files.len()), sink);
            match open(path) {
                Ok(bundle) => self.bundle(&bundle, &binaries, &mut said, &mut outlet)?,
                Err(why) => outlet.set_aside(0, why)?,
            }
        }
        if binaries.unused() > 0 {
            said.not_read.insert("Binary".to_owned(), Some(binaries.unused() as u64));
        }
        for notice in said.notices() {
            sink(Change::Notice(notice))?;
        }
        Ok(())
    }
}

/// The bundles, and how many links lead out of the folder.
fn list(path: &Path) -> Result<(Vec<PathBuf>, usize), SourceError> {
    let unlisted = |error: std::io::Error| {
        let why = error.kind();
        SourceError(format!(
            "{} cannot be read ({why}): name a GP Connect bundle or the folder that holds them",
            path.display()
        ))
    };
    let mut lying = folder::look(path, folder::DEEPEST).map_err(unlisted)?;
    if path.is_dir() {
        lying.files.retain(|file| {
            let name = file_name(file).to_ascii_lowercase();
            [".json", ".json.gz"].iter().any(|end| name.ends_with(end))
        });
    }
    Ok((lying.files, lying.links.len()))
}

/// Which files hold a binary resource, by its identifier.
fn binaries(files: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    #[derive(Deserialize)]
    struct Name {
        #[serde(rename = "resourceType", default)]
        kind: String,
        #[serde(default)]
        id: String,
    }
    let mut binaries = BTreeMap::new();
    for path in files {
        let Ok(file) = packed::open(path) else { continue };
        if let Ok(Name { kind, id }) = serde_json::from_reader(std::io::BufReader::new(file))
            && kind == "Binary"
        {
            binaries.insert(id, path.clone());
        }
    }
    binaries
}

fn open(path: &Path) -> Result<Value, String> {
    let mut bytes = Vec::new();
    let read = packed::open(path).and_then(|file| file.take(BUNDLE_LIMIT + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > BUNDLE_LIMIT => {
            let why = "the file is larger than 128 MiB: it was left out; ask for the record without its attachments";
            return Err(why.to_owned());
        }
        Ok(_) => {}
        // Of one bundle cut in two nothing can be read.
        Err(error) => return Err(unreadable(&error).replace("what came before was read", "it was left out")),
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(text)
        .map_err(|_| "the file is not one bundle in JSON: it was left out; ask for the record again".to_owned())
}

impl GpConnect {
    fn bundle(
        &self,
        bundle: &Value,
        binaries: &Rc<Binaries>,
        said: &mut Said,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), SourceError> {
        let kind = json::text(bundle, "resourceType").unwrap_or_default();
        if kind.is_empty() {
            return outlet.set_aside(0, "resourceType is missing: the file was left out; ask for the record again");
        }
        let entries = match kind {
            "Bundle" => json::all(bundle, "entry"),
            _ => Vec::new(),
        };
        let mut resources: Vec<(u64, &Value)> = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            match entry.get("resource") {
                Some(resource) => resources.push((number, resource)),
                None => outlet
                    .set_aside(number, "the entry holds no resource: it was left out; ask for the record again")?,
            }
        }
        if kind != "Bundle" {
            resources.push((1, bundle));
        }
        let mut export = Export::new(SYSTEM, self.latest, stu3::shape_of);
        export.organisation = organisation(&resources);
        export.elsewhere = Elsewhere::Beside(Rc::clone(binaries));
        export.record = lists::record(&resources, said);
        let contained: Vec<(u64, Value)> = lists::ended_allergies(&resources, export.record.patient.as_deref());
        resources.extend(contained.iter().map(|(number, resource)| (*number, resource)));

        outlet.send(Change::AsOf(made(bundle, &resources)))?;
        for (number, resource) in of_kinds(&resources, |kind| kind == "Practitioner") {
            export.practitioner(resource, number, outlet)?;
        }
        for (_, patient) in of_kinds(&resources, |kind| kind == "Patient") {
            export.persons(patient);
        }
        for (_, report) in of_kinds(&resources, |kind| kind == "DiagnosticReport") {
            export.report(report);
        }
        let is_group = |kind: &str| matches!(kind, "Encounter" | "DiagnosticReport");
        let is_read = |kind: &str| {
            matches!(kind, "Patient" | "RelatedPerson" | "Observation" | "DocumentReference")
                || is_group(kind)
                || stu3::shape_of(kind).is_some()
        };
        let passes: [&dyn Fn(&str) -> bool; 3] =
            [&|kind| kind == "Patient", &is_group, &|kind| kind != "Patient" && !is_group(kind)];
        for pass in passes {
            for (number, resource) in of_kinds(&resources, pass) {
                export.resource(kind_of(resource), resource, number, outlet)?;
            }
        }
        if let Some(patient) = export.record.patient.clone().filter(|_| is_whole(&resources)) {
            let kinds = WHOLE.map(str::to_owned).to_vec();
            outlet.send(Change::WholeRecord { patient: export.key(patient), kinds })?;
        }
        for (number, resource) in &resources {
            match kind_of(resource) {
                "" => outlet
                    .set_aside(*number, "resourceType is missing: the entry was left out; ask for the record again")?,
                kind if is_read(kind) || SUPPORTING.contains(&kind) => {}
                kind => {
                    let count = said.not_read.entry(kinds::named(kind).to_owned()).or_default();
                    *count = Some(count.unwrap_or_default() + 1);
                }
            }
        }
        Ok(())
    }
}

/// When a bundle was made, by its own account.
fn made(bundle: &Value, resources: &[(u64, &Value)]) -> Option<DateTime<Utc>> {
    let moment = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    let says = ["timestamp", "meta.lastUpdated"].into_iter().find_map(|path| moment(json::text(bundle, path)?));
    says.or_else(|| {
        let is_area = |list: &&Value| {
            let codes = json::all(list, "code.coding.code");
            codes.into_iter().filter_map(Value::as_str).any(|code| AREAS.contains(&code))
        };
        let areas = of_kinds(resources, |kind| kind == "List").map(|(_, list)| list).filter(is_area);
        areas.filter_map(|list| moment(json::text(list, "date")?)).max()
    })
}

fn is_whole(resources: &[(u64, &Value)]) -> bool {
    let codes: BTreeSet<&str> = of_kinds(resources, |kind| kind == "List")
        .flat_map(|(_, list)| json::all(list, "code.coding.code"))
        .filter_map(Value::as_str)
        .collect();
    AREAS.iter().all(|area| codes.contains(area))
}

fn kind_of(resource: &Value) -> &str {
    json::text(resource, "resourceType").unwrap_or_default()
}

fn of_kinds<'a>(
    resources: &'a [(u64, &'a Value)],
    wanted: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = (u64, &'a Value)> + 'a {
    resources.iter().copied().filter(move |(_, resource)| wanted(kind_of(resource)))
}

fn name_of(resource: &Value) -> Option<String> {
    Some(format!("{}/{}", kind_of(resource), json::text(resource, "id")?))
}

/// The ODS code of the practice whose record it is; empty where the bundle does not say.
fn organisation(resources: &[(u64, &Value)]) -> String {
    let ods = |organisation: &Value| {
        let identifiers = json::all(organisation, "identifier");
        let ods = identifiers.into_iter().find(|identifier| {
            json::text(identifier, "system").is_some_and(|system| system.ends_with("/ods-organization-code"))
        })?;
        json::text(ods, "value").map(str::to_owned)
    };
    let practices: Vec<(Option<String>, String)> = of_kinds(resources, |kind| kind == "Organization")
        .filter_map(|(_, practice)| Some((name_of(practice), ods(practice)?)))
        .collect();
    let patient = of_kinds(resources, |kind| kind == "Patient").next();
    let managing = patient.and_then(|(_, patient)| json::text(patient, "managingOrganization.reference"));
    let managing = managing.map(|reference| json::local_reference(reference, "Organization"));
    let found = practices.iter().find(|(name, _)| name.is_some() && *name == managing);
    let codes: BTreeSet<&String> = practices.iter().map(|(_, code)| code).collect();
    match (found, codes.first()) {
        (Some((_, code)), _) => code.clone(),
        (None, Some(only)) if codes.len() == 1 => (*only).clone(),
        _ => String::new(),
    }
}

impl Said {
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.confidential > 0 {
            notices.push(format!(
                "The practice’s system left items out of {} lists as confidential: they did not arrive and were not \
                 screened; look at them there.",
                self.confidential
            ));
        }
        if self.in_transit > 0 {
            notices.push(format!(
                "{} lists wait for a record to be transferred from another practice: what is on its way was not \
                 screened.",
                self.in_transit
            ));
        }
        if self.missing > 0 {
            notices.push(format!(
                "Consultations name {} things that their bundles do not hold: they were not screened; look at them in \
                 the practice’s system.",
                self.missing
            ));
        }
        notices.extend(kinds::not_screened(&self.not_read));
        notices
    }
}
