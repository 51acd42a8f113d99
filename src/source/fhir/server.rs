//! A FHIR R4 server over HTTP: what changed since the last pull, page by page.
//!
//! - Each type is searched with `_lastUpdated` and read along its `next` links, types that others lean on first:
//!   nothing is kept but the page at hand. What was deleted the type's history says.
//! - When patience with a page ends, or the server refuses a type, what came of that type
//!   is kept, it is said, and the next pull asks for that type from where the last whole one of it ended. A token that
//!   is refused, and a server of which nothing comes whole, fail the pull.
//! - What the server has besides the types that are read its capability statement says: it is counted and named.
//! - The time reached is the server's own, from its `Date` header, with some overlap: what comes twice changes
//!   nothing. A resource that comes twice in one pull counts once, in its newest version.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json as value};

use super::client::{Asked, Client, Pages, Wait, pause};
use super::elsewhere::{Elsewhere, Server};
use super::{Export, SYSTEM, json, kinds, of_changes, shapes};
use crate::source::outlet::{Outlet, Sink};
use crate::source::{Change, Connection, Covers, Manifest, Reached, Source, SourceError, dates};

/// Resources asked for in one page.
const PAGE: u32 = 200;
/// After so many types in a row of which a page did not come the others are not asked for.
const GIVES_UP: u32 = 3;
/// How far a pull goes back behind the end of the one before: changes on their way when that one looked.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(5);

/// A server.
pub struct FhirServer {
    base: String,
    connection: Connection,
    latest: NaiveDate,
    since: Option<DateTime<Utc>>,
    reached: Reached,
    wait: Rc<RefCell<Wait>>,
}

impl FhirServer {
    /// A source that reads from the server at `base`, reached by `connection`, as of `today`. Nothing is asked yet.
    pub fn new(base: &str, connection: Connection, today: NaiveDate) -> Self {
        let wait: Wait = Box::new(|failures, asked_for| {
            let mut byte = [0; 1];
            // Without random bytes there is no jitter, which does little harm.
            let _ = getrandom::fill(&mut byte);
            std::thread::sleep(pause(failures, asked_for, f64::from(byte[0]) / 255.0));
        });
        Self {
            base: base.trim_end_matches('/').to_owned(),
            connection,
            latest: dates::a_year_after(today),
            since: None,
            reached: Reached::new(),
            wait: Rc::new(RefCell::new(wait)),
        }
    }

    /// The same with another way to wait.
    #[must_use]
    pub fn waiting(self, wait: impl FnMut(u32, Option<Duration>) + 'static) -> Self {
        Self { wait: Rc::new(RefCell::new(Box::new(wait))), ..self }
    }
}

/// What a pull of a server has found so far.
#[derive(Default)]
struct Found {
    /// The server's time.
    time: Option<DateTime<Utc>>,
    /// Until when what came of each type reaches.
    reached: Reached,
    /// Types that did not come whole.
    incomplete: Vec<String>,
    /// Why, a sentence each.
    stopped: Vec<String>,
    /// Types of which the server does not tell what was deleted.
    not_told: Vec<&'static str>,
    /// How many types did not come one after the other.
    in_a_row: u32,
}

impl Found {
    /// A type did not come whole.
    fn stop(&mut self, kind: &str, since: Option<DateTime<Utc>>, why: Option<String>) {
        self.reached.insert(kind.to_owned(), since);
        if !self.incomplete.iter().any(|known| known == kind) {
            self.incomplete.push(kind.to_owned());
        }
        self.stopped.extend(why);
    }
}

/// The types that a server has, that nothing reads, and in which something of patients may stand.
fn not_read_of(declared: &BTreeSet<String>) -> impl Iterator<Item = &String> {
    declared.iter().filter(|kind| kinds::pass_of(kind).is_none() && kinds::may_be_of_patients(kind))
}

/// What a server says that it has.
type Declared = Option<BTreeSet<String>>;

/// Which of two versions of a resource is the newer, by what it says of itself.
fn version(resource: &Value) -> (u64, String) {
    let number = json::text(resource, "meta.versionId").and_then(|version| version.parse().ok()).unwrap_or(0);
    (number, json::text(resource, "meta.lastUpdated").unwrap_or_default().to_owned())
}

impl Source for FhirServer {
    fn name(&self) -> &str {
        SYSTEM
    }

    fn manifest(&self) -> Result<Manifest, SourceError> {
        Ok(Manifest { stream: format!("{SYSTEM} {}", self.base), made: None, files: Vec::new() })
    }

    fn begin_after(&mut self, moment: Option<DateTime<Utc>>, reached: &Reached) {
        (self.since, self.reached) = (moment, reached.clone());
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let client = Rc::new(Client::new(&self.base, &self.connection, Rc::clone(&self.wait))?);
        let mut export = Export::new(SYSTEM, self.latest, shapes::r4::shape_of);
        export.elsewhere = Elsewhere::On(Server::new(Rc::clone(&client)));
        let declared = self.declared(&client)?;
        let mut found = Found::default();
        for kind in kinds::all() {
            self.kind(kind, &client, &declared, &mut export, &mut found, sink)?;
        }
        let Some(time) = found.time else {
            return Err(SourceError(match found.stopped.into_iter().next() {
                Some(why) => format!(
                    "{}: {why}: nothing came whole, so nothing of this pull was kept; pull again: it begins where the last \
                     one ended",
                    self.base
                ),
                None => format!(
                    "{}: the server has none of the types that are read, or does not say the time: check its address",
                    self.base
                ),
            }));
        };
        self.notices(&found, time).into_iter().try_for_each(|notice| sink(Change::Notice(notice)))?;
        if let Some(sentence) = self.not_read(&client, declared.as_ref())? {
            sink(Change::Notice(sentence))?;
        }
        let Found { reached, incomplete, .. } = found;
        sink(Change::Covers(Covers { from: self.since, to: time, whole: Vec::new(), reached, incomplete }))
    }
}

impl FhirServer {
    /// What one type has that is new, changed or deleted.
    fn kind(
        &self,
        kind: &'static str,
        client: &Client,
        declared: &Declared,
        export: &mut Export,
        found: &mut Found,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        // A type that was never asked for is asked for from the beginning.
        let since = self.reached.get(kind).copied().flatten();
        if found.in_a_row >= GIVES_UP {
            found.stop(kind, since, None);
            return Ok(());
        }
        let mut newest: HashMap<String, (u64, String)> = HashMap::new();
        let mut url = format!("{}/{kind}?_count={PAGE}&_sort=_lastUpdated", self.base);
        if let Some(since) = since {
            url += &format!("&_lastUpdated=ge{}", written(since - OVERLAP));
        }
        let pages = client.pages(url, kind, &mut |entry, number| {
            let mut keep = |change| sink(if self.since.is_some() { of_changes(change) } else { change });
            let mut outlet = Outlet::new(&format!("{kind} of the server"), &mut keep);
            let Some(resource) = entry.get("resource").filter(|found| json::text(found, "resourceType") == Some(kind))
            else {
                // Searches bring remarks of the server's own.
                return Ok(());
            };
            let (id, version) = (json::text(resource, "id").unwrap_or_default().to_owned(), version(resource));
            if newest.get(&id).is_some_and(|known| *known >= version) {
                return Ok(());
            }
            newest.insert(id, version);
            outlet.begin_record(number);
            export.learn(kind, resource, number, &mut outlet)?;
            export.resource(kind, resource, number, &mut outlet)
        })?;
        let failed = export.elsewhere.failed();
        let is_declared = |kind: &str| declared.as_ref().is_some_and(|declared| declared.contains(kind));
        let now = match pages {
            Pages::All(now) => now,
            Pages::NotThere if is_declared(kind) => {
                found.stop(kind, since, Some(format!("{kind}: the server says that it has it, and does not give it")));
                return Ok(());
            }
            Pages::NotThere => {
                found.reached.insert(kind.to_owned(), since);
                return Ok(());
            }
            // What a server does not have it may refuse in any way.
            Pages::Some(_) if declared.is_some() && !is_declared(kind) => {
                found.reached.insert(kind.to_owned(), since);
                return Ok(());
            }
            Pages::Some(why) => {
                found.stop(kind, since, Some(why));
                found.in_a_row += 1;
                return Ok(());
            }
        };
        found.in_a_row = 0;
        // The earliest of the server's times: what changed while it was read comes again.
        if now > DateTime::UNIX_EPOCH {
            found.time = Some(found.time.map_or(now, |time| time.min(now)));
        }
        match failed {
            Some(why) => found.stop(kind, since, Some(format!("{kind}: {why}"))),
            None => drop(found.reached.insert(kind.to_owned(), Some(now))),
        }
        let Some(from) = since.or(self.since) else { return Ok(()) };
        match self.deletions(client, kind, from - OVERLAP, export, sink)? {
            Pages::All(_) => {}
            Pages::NotThere => found.not_told.push(kind),
            Pages::Some(why) => found.stop(kind, since, Some(why)),
        }
        Ok(())
    }

    /// What people must know of a pull that reaches until `time`, a sentence each.
    fn notices(&self, found: &Found, time: DateTime<Utc>) -> Vec<String> {
        let mut notices: Vec<String> = Vec::new();
        for why in &found.stopped {
            notices.push(format!(
                "{}: {why}; what came before it was kept and screened, what did not is not in this queue: pull again, it \
                 begins where the last whole one ended.",
                self.base
            ));
        }
        if found.in_a_row >= GIVES_UP {
            notices.push(format!(
                "{}: the server does not answer any more: {} did not come whole and is not in this queue; pull again when \
                 it does.",
                self.base,
                found.incomplete.join(", ")
            ));
        }
        if self.since.is_some_and(|since| time + OVERLAP < since) {
            notices.push(format!(
                "The clock of {} went back: what changed meanwhile may come late; ask whoever runs the server.",
                self.base
            ));
        }
        if !found.not_told.is_empty() {
            notices.push(format!(
                "The server does not tell what was deleted of {}: it is still kept here; ask whoever runs it for the \
                 history.",
                found.not_told.join(", ")
            ));
        }
        notices
    }

    /// What the server's capability statement says that it has; `None` where it gives none.
    fn declared(&self, client: &Client) -> Result<Declared, SourceError> {
        let url = format!("{}/metadata", self.base);
        let Asked::Came((statement, _)) = client.resource(&url, "metadata", "CapabilityStatement")? else {
            return Ok(None);
        };
        let types = json::all(&statement, "rest.resource.type").into_iter().filter_map(Value::as_str);
        Ok(Some(types.map(str::to_owned).collect()))
    }

    /// The sentence about what the server has and nothing here reads.
    fn not_read(&self, client: &Client, declared: Option<&BTreeSet<String>>) -> Result<Option<String>, SourceError> {
        let Some(declared) = declared else {
            return Ok(Some(format!(
                "{}: the server has no capability statement, so it cannot be told whether it has records of types that \
                 nothing here reads: ask whoever runs it.",
                self.base
            )));
        };
        let mut not_read = BTreeMap::new();
        for kind in not_read_of(declared) {
            let kind = kinds::named(kind);
            let count = match client.once(&format!("{}/{kind}?_summary=count", self.base), "Bundle")? {
                Some(bundle) => bundle.get("total").and_then(Value::as_u64),
                None => None,
            };
            if count != Some(0) {
                not_read.insert(kind.to_owned(), count);
            }
        }
        Ok(kinds::not_screened(&not_read))
    }

    /// What was deleted of a type, as far as the server says so.
    fn deletions(
        &self,
        client: &Client,
        kind: &str,
        from: DateTime<Utc>,
        export: &Export,
        sink: &mut Sink<'_>,
    ) -> Result<Pages, SourceError> {
        let since = written(from);
        let url = format!("{}/{kind}/_history?_count={PAGE}&_since={since}", self.base);
        // The history is the newest first: only what a resource came to counts.
        let mut last: BTreeMap<String, bool> = BTreeMap::new();
        let about = format!("deletions of {kind}");
        let told = client.pages(url, &about, &mut |entry, _| {
            let id = match (json::text(entry, "resource.id"), json::text(entry, "request.url")) {
                (Some(id), _) => format!("{kind}/{id}"),
                (None, Some(url)) => json::local_reference(url, kind),
                (None, None) => return Ok(()),
            };
            last.entry(id).or_insert(json::text(entry, "request.method") == Some("DELETE"));
            Ok(())
        })?;
        let mut outlet = Outlet::new(&format!("{kind} of the server"), sink);
        for (number, (id, _)) in (1..).zip(last.iter().filter(|(_, gone)| **gone)) {
            let bundle = value!({ "entry": [{ "request": { "method": "DELETE", "url": id } }] });
            export.deletions(&bundle, number, &mut outlet)?;
        }
        Ok(told)
    }
}

fn written(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
