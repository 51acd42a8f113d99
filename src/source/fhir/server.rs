//! A FHIR R4 server over HTTP: what changed since the last pull, page by page.
//!
//! - Each type is searched with `_lastUpdated` and read along its `next` links, types that others lean on first:
//!   nothing is kept but the page at hand. What was deleted the type's history says.
//! - A page that does not come whole, or a server that is busy, is asked again after a pause that doubles, with
//!   jitter, or as long as `Retry-After` says. When patience ends, or the server refuses a type, what came of that type
//!   is kept, it is said, and the next pull asks for that type from where the last whole one of it ended. A token that
//!   is refused, and a server of which nothing comes whole, fail the pull.
//! - The time reached is the server's own, from its `Date` header, with some overlap: what comes twice changes
//!   nothing. A resource that comes twice in one pull counts once, in its newest version.
//! - Links are followed within the server's own address only, so that the token goes nowhere else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json as value};

use super::{Export, SYSTEM, json, shapes};
use crate::source::outlet::{Outlet, Sink};
use crate::source::{Behind, Belongs, Change, Covers, Manifest, Source, SourceError, dates};

/// Types in the order in which they are read: names, people, what opens an entry, lines.
const TYPES: [&str; 11] = [
    "Practitioner",
    "Patient",
    "Encounter",
    "DiagnosticReport",
    "Observation",
    "DocumentReference",
    "Condition",
    "AllergyIntolerance",
    "Immunization",
    "MedicationRequest",
    "Procedure",
];

/// Resources asked for in one page.
const PAGE: u32 = 200;
/// The largest page that is taken, in bytes.
const PAGE_LIMIT: u64 = 64 << 20;
/// After so many types in a row of which a page did not come the others are not asked for.
const GIVES_UP: u32 = 3;
/// How often a page is asked for.
const TRIES: u32 = 6;
/// How far a pull goes back behind the end of the one before: changes on their way when that one looked.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(5);
/// How long a server may take to begin, and then to send.
const TO_CONNECT: Duration = Duration::from_secs(20);
const TO_ANSWER: Duration = Duration::from_secs(120);
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How long to wait before a page is asked for again, after `failures` failures in a row. `jitter` from 0 to 1
/// keeps many clients from coming back at the same moment; what the server asks for comes first.
pub fn pause(failures: u32, asked_for: Option<Duration>, jitter: f64) -> Duration {
    if let Some(asked_for) = asked_for {
        return asked_for.min(LONGEST_PAUSE);
    }
    let most = Duration::from_millis(500).saturating_mul(1 << failures.min(7)).min(Duration::from_secs(60));
    most.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// A server.
pub struct FhirServer {
    base: String,
    token: Option<PathBuf>,
    latest: NaiveDate,
    since: Option<DateTime<Utc>>,
    behind: Behind,
    wait: Box<dyn FnMut(u32, Option<Duration>)>,
}

/// A page, with the server's time.
type Page = (Value, Option<DateTime<Utc>>);

/// A page that did not come.
enum NoPage {
    /// It may come another time.
    Later { why: String, asked_for: Option<Duration> },
    /// The server does not have such a thing.
    NotThere,
    /// It will not come.
    Never(String),
    /// Nothing will: the server does not know who asks.
    Unknown,
}

/// What came of the pages of one search.
enum Pages {
    /// The server does not have such a thing.
    NotThere,
    /// All; the server's time at the first.
    All(DateTime<Utc>),
    /// Only those before one that did not come, and why.
    Some(String),
}

impl FhirServer {
    /// A source that reads from the server at `base` as of `today`, with the token in the file `token`. Nothing is
    /// asked yet.
    pub fn new(base: &str, token: Option<PathBuf>, today: NaiveDate) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token,
            latest: dates::a_year_after(today),
            since: None,
            behind: Behind::new(),
            wait: Box::new(|failures, asked_for| {
                let mut byte = [0; 1];
                // Without random bytes there is no jitter, which does little harm.
                let _ = getrandom::fill(&mut byte);
                std::thread::sleep(pause(failures, asked_for, f64::from(byte[0]) / 255.0));
            }),
        }
    }

    /// The same with another way to wait.
    #[must_use]
    pub fn waiting(mut self, wait: impl FnMut(u32, Option<Duration>) + 'static) -> Self {
        self.wait = Box::new(wait);
        self
    }

    fn agent(&self) -> Result<ureq::Agent, SourceError> {
        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let in_clear = self.base.starts_with("http://") && !local.iter().any(|host| self.base.starts_with(host));
        if in_clear {
            return Err(SourceError(format!(
                "{} is not encrypted, and records would cross the network in clear: name the server with https://",
                self.base
            )));
        }
        Ok(ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(TO_CONNECT))
            .timeout_recv_response(Some(TO_ANSWER))
            .timeout_recv_body(Some(TO_ANSWER))
            .user_agent(concat!("anteroom/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent())
    }

    fn authorization(&self) -> Result<Option<String>, SourceError> {
        let Some(path) = &self.token else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            SourceError(format!("the token in {} cannot be read ({}): mend the file", path.display(), error.kind()))
        })?;
        Ok(Some(format!("Bearer {}", text.trim())))
    }

    /// One page, asked for as often as need be, with the server's time; why it did not come, where it did not.
    ///
    /// # Errors
    /// When the token is refused: no other page will come either.
    fn page(
        &mut self,
        agent: &ureq::Agent,
        url: &str,
        what: &str,
    ) -> Result<Result<Option<Page>, String>, SourceError> {
        let mut failures = 0;
        loop {
            let authorization = self.authorization()?;
            let (why, asked_for) = match once(agent, url, authorization.as_deref()) {
                Ok(page) => return Ok(Ok(Some(page))),
                Err(NoPage::NotThere) => return Ok(Ok(None)),
                Err(NoPage::Never(why)) => return Ok(Err(format!("{what}: {why}"))),
                Err(NoPage::Unknown) => {
                    return Err(SourceError(format!(
                        "{}: {what}: the server refused the token: put a fresh one into its file, then pull again",
                        self.base
                    )));
                }
                Err(NoPage::Later { why, asked_for }) => (why, asked_for),
            };
            failures += 1;
            if failures >= TRIES {
                return Ok(Err(format!("{what}: {why}, {TRIES} times")));
            }
            (self.wait)(failures, asked_for);
        }
    }

    /// A link of the server, if it stays there.
    fn own_link(&self, link: &str) -> Option<String> {
        let absolute = match link.strip_prefix('/') {
            Some(path) => format!("{}/{path}", origin(&self.base)),
            None if link.starts_with('?') => format!("{}{link}", self.base),
            None => link.to_owned(),
        };
        (origin(&absolute) == origin(&self.base)).then_some(absolute)
    }

    /// Goes through all pages from `url` on, as far as they come.
    fn pages(
        &mut self,
        agent: &ureq::Agent,
        url: String,
        about: &str,
        each: &mut dyn FnMut(&Value, u64) -> Result<(), SourceError>,
    ) -> Result<Pages, SourceError> {
        let mut url = url;
        let mut been: HashSet<String> = HashSet::new();
        let (mut number, mut time) = (0_u64, None);
        loop {
            if !been.insert(url.clone()) {
                return Ok(Pages::Some(format!(
                    "{about}: the links to the next page go in a ring: ask whoever runs the server"
                )));
            }
            let what = format!("{about}, page {}", been.len());
            let (page, now) = match self.page(agent, &url, &what)? {
                Ok(Some(page)) => page,
                Ok(None) if been.len() == 1 => return Ok(Pages::NotThere),
                Ok(None) => return Ok(Pages::Some(format!("{what}: it is not there any more"))),
                Err(why) => return Ok(Pages::Some(why)),
            };
            time = time.or(now);
            for entry in json::all(&page, "entry") {
                number += 1;
                each(entry, number)?;
            }
            let links = json::all(&page, "link");
            let link = links.into_iter().find(|link| json::text(link, "relation") == Some("next"));
            let Some(link) = link.and_then(|link| json::text(link, "url")) else {
                return Ok(Pages::All(time.unwrap_or(DateTime::UNIX_EPOCH)));
            };
            match self.own_link(link) {
                Some(own) => url = own,
                None => {
                    return Ok(Pages::Some(format!(
                        "{about}: the link to the next page leads to another server and was not followed: set the \
                         server’s own address right (its base URL)"
                    )));
                }
            }
        }
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(after..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| after + at);
    url.get(..end).unwrap_or(url)
}

fn once(agent: &ureq::Agent, url: &str, authorization: Option<&str>) -> Result<Page, NoPage> {
    let later = |why: String| NoPage::Later { why, asked_for: None };
    let mut request = agent.get(url).header("Accept", "application/fhir+json");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    let mut response = request.call().map_err(|error| match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
            NoPage::Never("the address or the token is not of the right form: mend it in practice.toml".to_owned())
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => NoPage::Never(
            "the server’s certificate is not one that is trusted here: ask whoever runs the server".into(),
        ),
        ureq::Error::HostNotFound => later("the server’s name is not known".to_owned()),
        ureq::Error::Timeout(_) => later("the server did not answer in time".to_owned()),
        _ => later("the server cannot be reached".to_owned()),
    })?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, date) = (header("retry-after"), header("date"));
    let now = date.as_deref().and_then(http_date);
    match response.status().as_u16() {
        200 => {}
        401 => return Err(NoPage::Unknown),
        403 => {
            return Err(NoPage::Never(
                "the server does not let this be read (HTTP 403): ask whoever runs it for the permission".to_owned(),
            ));
        }
        404 | 405 | 410 | 501 => return Err(NoPage::NotThere),
        status @ (408 | 425 | 429 | 500 | 502 | 503 | 504) => {
            let asked_for = retry_after.and_then(|text| match text.trim().parse::<u64>() {
                Ok(seconds) => Some(Duration::from_secs(seconds)),
                Err(_) => (http_date(&text)? - now?).to_std().ok(),
            });
            return Err(NoPage::Later { why: format!("the server is busy or failed (HTTP {status})"), asked_for });
        }
        status => {
            return Err(NoPage::Never(format!(
                "the server did not understand (HTTP {status}): ask whoever runs it whether it searches by _lastUpdated"
            )));
        }
    }
    let body = response.body_mut().with_config().limit(PAGE_LIMIT).read_to_vec();
    let body = body.map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => {
            NoPage::Never("a page is larger than 64 MiB: ask whoever runs it for smaller pages".to_owned())
        }
        _ => later("the server stopped in the middle of the page".to_owned()),
    })?;
    let page: Value =
        serde_json::from_slice(&body).map_err(|_| later("the server stopped in the middle of the page".to_owned()))?;
    match json::text(&page, "resourceType") {
        Some("Bundle") => Ok((page, now)),
        _ => Err(NoPage::Never(
            "the server answered with something else than a Bundle: check the address in practice.toml".to_owned(),
        )),
    }
}

/// A moment as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|moment| moment.with_timezone(&Utc))
}

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

    fn begin_after(&mut self, moment: Option<DateTime<Utc>>, behind: &Behind) {
        (self.since, self.behind) = (moment, behind.clone());
    }

    fn read(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let agent = self.agent()?;
        let mut export = Export::new(SYSTEM, self.latest, shapes::shape_of);
        let (mut time, mut stopped): (Option<DateTime<Utc>>, Vec<String>) = (None, Vec::new());
        let (mut not_told, mut behind, mut in_a_row) = (Vec::new(), Behind::new(), 0);
        for kind in TYPES {
            let since = self.behind.get(kind).copied().unwrap_or(self.since);
            if in_a_row >= GIVES_UP {
                behind.insert(kind.to_owned(), since);
                continue;
            }
            let from = since.map(|since| since - OVERLAP);
            let mut newest: HashMap<String, (u64, String)> = HashMap::new();
            let mut url = format!("{}/{kind}?_count={PAGE}&_sort=_lastUpdated", self.base);
            if let Some(from) = from {
                url += &format!("&_lastUpdated=ge{}", from.format("%Y-%m-%dT%H:%M:%S%.3fZ"));
            }
            let found = self.pages(&agent, url, kind, &mut |entry, number| {
                let mut keep = |change| sink(with_its_own(change, from.is_some()));
                let mut outlet = Outlet::new(&format!("{kind} of the server"), &mut keep);
                let Some(resource) =
                    entry.get("resource").filter(|found| json::text(found, "resourceType") == Some(kind))
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
                match kind {
                    "Practitioner" => export.practitioner(resource, number, &mut outlet),
                    "DiagnosticReport" => {
                        export.report(resource);
                        export.resource(kind, resource, number, &mut outlet)
                    }
                    _ => export.resource(kind, resource, number, &mut outlet),
                }
            })?;
            let found = match found {
                Pages::NotThere => continue,
                Pages::All(found) => found,
                Pages::Some(why) => {
                    stopped.push(why);
                    behind.insert(kind.to_owned(), since);
                    in_a_row += 1;
                    continue;
                }
            };
            in_a_row = 0;
            // The earliest of the server's times: what changed while it was read comes again.
            if found > DateTime::UNIX_EPOCH {
                time = Some(time.map_or(found, |time| time.min(found)));
            }
            let Some(from) = from else { continue };
            match self.deletions(&agent, kind, from, &export, sink)? {
                Pages::All(_) => {}
                Pages::NotThere => not_told.push(kind),
                Pages::Some(why) => {
                    stopped.push(why);
                    behind.insert(kind.to_owned(), since);
                }
            }
        }
        let Some(time) = time else {
            return Err(SourceError(match stopped.into_iter().next() {
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
        for why in stopped {
            sink(Change::Notice(format!(
                "{}: {why}; what came before it was kept and screened, what did not is not in this queue: pull again, it \
                 begins where the last whole one ended.",
                self.base
            )))?;
        }
        let not_asked: Vec<&str> = if in_a_row >= GIVES_UP {
            TYPES.into_iter().filter(|kind| behind.contains_key(*kind)).collect()
        } else {
            Vec::new()
        };
        if !not_asked.is_empty() {
            sink(Change::Notice(format!(
                "{}: the server does not answer any more: {} did not come whole and is not in this queue; pull again when \
                 it does.",
                self.base,
                not_asked.join(", ")
            )))?;
        }
        if self.since.is_some_and(|since| time + OVERLAP < since) {
            sink(Change::Notice(format!(
                "The clock of {} went back: what changed meanwhile may come late; ask whoever runs the server.",
                self.base
            )))?;
        }
        if !not_told.is_empty() {
            sink(Change::Notice(format!(
                "The server does not tell what was deleted of {}: it is still kept here; ask whoever runs it for the \
                 history.",
                not_told.join(", ")
            )))?;
        }
        sink(Change::Covers(Covers { from: self.since, to: time, whole: Vec::new(), behind }))
    }
}

impl FhirServer {
    /// What was deleted of a type, as far as the server says so.
    fn deletions(
        &mut self,
        agent: &ureq::Agent,
        kind: &str,
        from: DateTime<Utc>,
        export: &Export,
        sink: &mut Sink<'_>,
    ) -> Result<Pages, SourceError> {
        let since = from.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let url = format!("{}/{kind}/_history?_count={PAGE}&_since={since}", self.base);
        // The history is the newest first: only what a resource came to counts.
        let mut last: BTreeMap<String, bool> = BTreeMap::new();
        let about = format!("deletions of {kind}");
        let told = self.pages(agent, url, &about, &mut |entry, _| {
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

/// Of changes a line may come without the report that names it: then it stays where it was.
fn with_its_own(change: Change, only_changes: bool) -> Change {
    match change {
        Change::Part(mut facts) if only_changes && facts.belongs == Belongs::Alone => {
            facts.belongs = Belongs::With(facts.part.key.clone());
            Change::Part(facts)
        }
        change => change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_keep_to_what_the_server_asks() {
        let millis = |failures, jitter| pause(failures, None, jitter).as_millis();
        assert_eq!([millis(1, 1.0), millis(2, 1.0), millis(3, 1.0)], [1_000, 2_000, 4_000]);
        assert_eq!([millis(1, 0.0), millis(30, 1.0)], [500, 60_000]);
        assert_eq!(pause(1, Some(Duration::from_secs(7)), 0.3), Duration::from_secs(7));
        assert_eq!(pause(1, Some(Duration::from_secs(86_400)), 0.3), LONGEST_PAUSE);
    }

    #[test]
    fn an_address_s_origin() {
        assert_eq!(origin("https://a.example:8443/fhir/r4?x=1"), "https://a.example:8443");
        assert_eq!(origin("https://a.example?x"), "https://a.example");
        assert_ne!(origin("https://a.example.evil/fhir"), origin("https://a.example/fhir"));
    }
}
