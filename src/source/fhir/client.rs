//! The client's end of a FHIR server: asks for a page, and again where it is worth it.
//!
//! A page that does not come whole, or a server that is busy, is asked again after a pause that doubles, with jitter, or
//! as long as `Retry-After` says. Links are followed within the server's own address only, so that the token goes nowhere
//! else.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::json;
use crate::source::{Connection, SourceError};

/// The largest page that is taken, in bytes.
const PAGE_LIMIT: u64 = 64 << 20;
/// How often a page is asked for.
const TRIES: u32 = 6;
/// How long a server may take to begin, and then to send.
const TO_CONNECT: Duration = Duration::from_secs(20);
const TO_ANSWER: Duration = Duration::from_secs(120);
/// What is said of a server that proves to be nobody whom this machine knows.
const NOT_TRUSTED: &str = "the server’s certificate is not one that is trusted here: ask whoever runs the server, and name the \
                           certificates of those who vouch for it as ca in practice.toml";
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

/// Waits so long after so many failures, or as long as the server asks for.
pub(super) type Wait = Box<dyn FnMut(u32, Option<Duration>)>;

/// What asks a server.
pub(super) struct Client {
    base: String,
    token: Option<PathBuf>,
    agent: ureq::Agent,
    wait: Rc<RefCell<Wait>>,
}

/// What came of an address, with the server's time.
pub(super) struct Came {
    pub(super) body: Vec<u8>,
    pub(super) content_type: String,
    now: Option<DateTime<Utc>>,
}

/// A resource, with the server's time.
pub(super) type Dated = (Value, Option<DateTime<Utc>>);

/// Something that did not come.
pub(super) enum NotCome {
    /// It may come another time.
    Later { why: String, asked_for: Option<Duration> },
    /// The server does not have such a thing.
    NotThere,
    /// It will not come.
    Never(String),
    /// Nothing will: the server does not know who asks.
    Unknown,
}

/// What came of something that was asked for as often as need be.
pub(super) enum Asked<T> {
    Came(T),
    /// The server does not have such a thing.
    NotThere,
    /// Why it did not come, and whether it may another time.
    Failed {
        why: String,
        may_come: bool,
    },
}

/// What came of the pages of one search.
pub(super) enum Pages {
    /// The server does not have such a thing.
    NotThere,
    /// All; the server's time at the first.
    All(DateTime<Utc>),
    /// Only those before one that did not come, and why.
    Some(String),
}

impl Client {
    /// A client of the server at `base`, reached by `connection`. Nothing is asked yet.
    ///
    /// # Errors
    /// When records would cross a network in clear; when the proxy's address or the certificates are not of the right form.
    pub(super) fn new(base: &str, connection: &Connection, wait: Rc<RefCell<Wait>>) -> Result<Self, SourceError> {
        let is_encrypted = base.starts_with("https://");
        if !is_encrypted && !["127.0.0.1", "localhost", "[::1]"].contains(&host(base)) {
            return Err(SourceError(format!(
                "{base} is not encrypted, and records would cross the network in clear: name the server with https://"
            )));
        }
        let mut config = ureq::Agent::config_builder();
        if !is_encrypted {
            // What is not encrypted stays on this machine, whatever the environment says of proxies.
            config = config.proxy(None);
        } else if let Some(proxy) = &connection.proxy {
            config = config.proxy(Some(proxy_at(proxy)?));
        }
        if let Some(path) = &connection.ca {
            let trusted = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates(path)?)).build();
            config = config.tls_config(trusted);
        }
        let agent = config
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(TO_CONNECT))
            .timeout_recv_response(Some(TO_ANSWER))
            .timeout_recv_body(Some(TO_ANSWER))
            .user_agent(concat!("anteroom/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { base: base.to_owned(), token: connection.token.clone(), agent, wait })
    }

    fn authorization(&self) -> Result<Option<String>, SourceError> {
        let Some(path) = &self.token else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            SourceError(format!("the token in {} cannot be read ({}): mend the file", path.display(), error.kind()))
        })?;
        Ok(Some(format!("Bearer {}", text.trim())))
    }

    /// What stands at an address, asked for as often as need be, as `read` understands it.
    ///
    /// # Errors
    /// When the token is refused: nothing else will come either.
    pub(super) fn get<T>(
        &self,
        url: &str,
        what: &str,
        read: impl Fn(Came) -> Result<T, NotCome>,
    ) -> Result<Asked<T>, SourceError> {
        let mut failures = 0;
        loop {
            let authorization = self.authorization()?;
            let (why, asked_for) = match once(&self.agent, url, authorization.as_deref()).and_then(&read) {
                Ok(came) => return Ok(Asked::Came(came)),
                Err(NotCome::NotThere) => return Ok(Asked::NotThere),
                Err(NotCome::Never(why)) => {
                    return Ok(Asked::Failed { why: format!("{what}: {why}"), may_come: false });
                }
                Err(NotCome::Unknown) => {
                    return Err(SourceError(format!(
                        "{}: {what}: the server refused the token: put a fresh one into its file, then pull again",
                        self.base
                    )));
                }
                Err(NotCome::Later { why, asked_for }) => (why, asked_for),
            };
            failures += 1;
            if failures >= TRIES {
                return Ok(Asked::Failed { why: format!("{what}: {why}, {TRIES} times"), may_come: true });
            }
            (self.wait.borrow_mut())(failures, asked_for);
        }
    }

    /// One resource of this type, with the server's time.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn resource(&self, url: &str, what: &str, kind: &str) -> Result<Asked<Dated>, SourceError> {
        self.get(url, what, |Came { body, now, .. }| {
            let resource: Value = serde_json::from_slice(&body).map_err(|_| stopped())?;
            if json::text(&resource, "resourceType") == Some(kind) {
                return Ok((resource, now));
            }
            Err(NotCome::Never(format!(
                "the server answered with something else than a {kind}: check the address in practice.toml"
            )))
        })
    }

    /// One resource of this type, asked for once; `None` where it does not come.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub(super) fn once(&self, url: &str, kind: &str) -> Result<Option<Value>, SourceError> {
        let authorization = self.authorization()?;
        let came = once(&self.agent, url, authorization.as_deref()).ok();
        let resource = came.and_then(|came| serde_json::from_slice(&came.body).ok());
        Ok(resource.filter(|resource| json::text(resource, "resourceType") == Some(kind)))
    }

    /// An address of the server's own, from a link or a reference; `None` where it leads elsewhere.
    pub(super) fn own_link(&self, link: &str) -> Option<String> {
        let absolute = match link.strip_prefix('/') {
            Some(path) => format!("{}/{path}", origin(&self.base)),
            None if link.starts_with('?') => format!("{}{link}", self.base),
            None => link.to_owned(),
        };
        (origin(&absolute) == origin(&self.base)).then_some(absolute)
    }

    /// The address of the one resource of this type that a reference names, relative or absolute; `None` where it names
    /// another server's, or something else.
    pub(super) fn own_resource(&self, reference: &str, kind: &str) -> Option<String> {
        let relative = match reference.strip_prefix(&self.base) {
            Some(rest) => rest.strip_prefix('/')?,
            None => reference,
        };
        let id = relative.strip_prefix(kind)?.strip_prefix('/')?.split("/_history/").next()?;
        let is_id = (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            && !id.bytes().all(|byte| byte == b'.');
        is_id.then(|| format!("{}/{kind}/{id}", self.base))
    }

    /// Goes through all pages from `url` on, as far as they come.
    ///
    /// # Errors
    /// As [`Client::get`], and what `each` returns.
    pub(super) fn pages(
        &self,
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
            let (page, now) = match self.resource(&url, &what, "Bundle")? {
                Asked::Came(page) => page,
                Asked::NotThere if been.len() == 1 => return Ok(Pages::NotThere),
                Asked::NotThere => return Ok(Pages::Some(format!("{what}: it is not there any more"))),
                Asked::Failed { why, .. } => return Ok(Pages::Some(why)),
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

/// The host of an address. Somebody's name before it makes it none, so that it is not taken for the host.
fn host(url: &str) -> &str {
    let authority = origin(url).split("://").nth(1).unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// What is said of a proxy must not repeat its address, which may hold a password.
fn proxy_at(address: &str) -> Result<ureq::Proxy, SourceError> {
    let proxy = address.starts_with("http://").then(|| ureq::Proxy::new(address).ok()).flatten();
    proxy.ok_or_else(|| {
        SourceError("proxy in practice.toml is not of the form http://HOST:PORT: write it so".to_owned())
    })
}

/// All certificates in a file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SourceError> {
    let wrong = |why: &str| SourceError(format!("the certificates (ca) in {} {why}: mend the file", path.display()));
    let text = std::fs::read(path).map_err(|error| wrong(&format!("cannot be read ({})", error.kind())))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(wrong("are not in PEM form")),
        }
    }
    if certificates.is_empty() { Err(wrong("are not there: it holds none in PEM form")) } else { Ok(certificates) }
}

/// Why nothing was answered at all.
fn unanswered(error: &ureq::Error) -> NotCome {
    let later = |why: &str| NotCome::Later { why: why.to_owned(), asked_for: None };
    let never = |why: &str| NotCome::Never(why.to_owned());
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
            never("the address or the token is not of the right form: mend it in practice.toml")
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => never(NOT_TRUSTED),
        // What is wrong with the encryption comes as data that cannot be.
        ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            match error.to_string().contains("certificate") {
                true => never(NOT_TRUSTED),
                false => never("what answers at this address does not encrypt as it should: check it in practice.toml"),
            }
        }
        ureq::Error::ConnectProxyFailed(why) if why.contains("407") || why.contains("403") => {
            never("the proxy does not let this through: ask whoever runs it, or mend proxy in practice.toml")
        }
        ureq::Error::ConnectProxyFailed(_) => later("the proxy does not reach the server"),
        ureq::Error::HostNotFound => later("the name of the server, or of the proxy, is not known"),
        ureq::Error::Timeout(_) => later("the server did not answer in time"),
        _ => later("the server cannot be reached"),
    }
}

fn once(agent: &ureq::Agent, url: &str, authorization: Option<&str>) -> Result<Came, NotCome> {
    let mut request = agent.get(url).header("Accept", "application/fhir+json");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    let mut response = request.call().map_err(|error| unanswered(&error))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, date) = (header("retry-after"), header("date"));
    let now = date.as_deref().and_then(http_date);
    match response.status().as_u16() {
        200 => {}
        401 => return Err(NotCome::Unknown),
        403 => {
            return Err(NotCome::Never(
                "the server does not let this be read (HTTP 403): ask whoever runs it for the permission".to_owned(),
            ));
        }
        404 | 405 | 410 | 501 => return Err(NotCome::NotThere),
        status @ (408 | 425 | 429 | 500 | 502 | 503 | 504) => {
            let asked_for = retry_after.and_then(|text| match text.trim().parse::<u64>() {
                Ok(seconds) => Some(Duration::from_secs(seconds)),
                Err(_) => (http_date(&text)? - now?).to_std().ok(),
            });
            return Err(NotCome::Later { why: format!("the server is busy or failed (HTTP {status})"), asked_for });
        }
        status => {
            return Err(NotCome::Never(format!(
                "the server did not understand (HTTP {status}): ask whoever runs it whether it searches by _lastUpdated"
            )));
        }
    }
    let content_type = header("content-type").unwrap_or_default();
    let body = response.body_mut().with_config().limit(PAGE_LIMIT).read_to_vec();
    let body = body.map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => {
            NotCome::Never("a page is larger than 64 MiB: ask whoever runs it for smaller pages".to_owned())
        }
        _ => stopped(),
    })?;
    Ok(Came { body, content_type, now })
}

fn stopped() -> NotCome {
    NotCome::Later { why: "the server stopped in the middle of the page".to_owned(), asked_for: None }
}

/// A moment as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|moment| moment.with_timezone(&Utc))
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
    fn an_address_s_host() {
        assert_eq!(host("http://127.0.0.1:8080/fhir"), "127.0.0.1");
        assert_eq!(host("http://[::1]:8080/fhir"), "[::1]");
        assert_eq!(host("http://[::1]/fhir"), "[::1]");
        assert_eq!(host("http://localhost?x"), "localhost");
        for elsewhere in [
            "http://localhost.example/",
            "http://127.0.0.1@a.example/",
            "http://localhost:80@a.example:80/",
            "ftp:localhost",
        ] {
            assert!(!["127.0.0.1", "localhost", "[::1]"].contains(&host(elsewhere)), "{elsewhere}");
        }
    }

    #[test]
    fn an_address_s_origin() {
        assert_eq!(origin("https://a.example:8443/fhir/r4?x=1"), "https://a.example:8443");
        assert_eq!(origin("https://a.example?x"), "https://a.example");
        assert_ne!(origin("https://a.example.evil/fhir"), origin("https://a.example/fhir"));
    }
}
