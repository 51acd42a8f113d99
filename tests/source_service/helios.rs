//! A FHIR server of another make, Helios (`cargo install helios-hfs`), started here on loopback with a folder of its
//! own: loaded, pulled over HTTP page by page, changed, and pulled again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anteroom::audit::Actor;
use anteroom::protocol::Pulled;
use anteroom::source::Connection;
use anteroom::source::fhir::server::FhirServer;
use chrono::Utc;
use serde_json::{Value, json};

use crate::kit::Practice;

/// More than two pages of them.
const OBSERVATIONS: usize = 450;

struct Helios {
    child: Child,
    base: String,
    agent: ureq::Agent,
}

impl Drop for Helios {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's program: the one that `ANTEROOM_HFS` names, else `hfs` on the path.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ANTEROOM_HFS") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("hfs")).find(|path| path.is_file())
}

/// Without these the server passes over most of what a search asks for.
fn search_parameters() -> Option<PathBuf> {
    let root = std::env::var_os("ANTEROOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    Some(root.join("data/fhir-server/search-parameters-r4.json")).filter(|path| path.is_file())
}

impl Helios {
    fn start(program: &Path, parameters: &Path, folder: &Path) -> Self {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::copy(parameters, data.join("search-parameters-r4.json")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("http://127.0.0.1:{port}");
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--base-url", &base, "--database-url"])
            .arg(folder.join("fhir.db"))
            .env("HFS_DATA_DIR", &data)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(120)));
        let mut server = Self { child, base, agent: config.build().into() };
        let begun = Instant::now();
        while server.agent.get(format!("{}/metadata", server.base)).call().is_err() {
            assert_eq!(server.child.try_wait().unwrap(), None, "the server ended by itself");
            assert!(begun.elapsed() < Duration::from_secs(180), "the server does not answer");
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    fn put(&self, resources: &[Value]) {
        let entries: Vec<Value> = resources
            .iter()
            .map(|resource| {
                let url =
                    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
                json!({ "resource": resource, "request": { "method": "PUT", "url": url } })
            })
            .collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        let post = self.agent.post(&self.base).header("Content-Type", "application/fhir+json");
        assert_eq!(post.send(bundle.to_string()).unwrap().status(), 200);
    }

    /// How many there are, as the server counts.
    fn count(&self, kind: &str) -> u64 {
        let mut answer = self.agent.get(format!("{}/{kind}?_summary=count", self.base)).call().unwrap();
        let bundle: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        bundle["total"].as_u64().unwrap()
    }
}

fn observation(n: usize, text: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": format!("o{n}"), "status": "final", "code": { "text": "Had a chat" },
        "subject": { "reference": "Patient/p1" }, "issued": "2026-11-15T10:00:00Z", "note": [{ "text": text }],
    })
}

fn pull(practice: &Practice, server: &Helios) -> Pulled {
    let mut source = FhirServer::new(&server.base, Connection::default(), Utc::now().date_naive());
    practice.service.pull(&Actor::system("pull"), &mut source).unwrap()
}

#[test]
fn a_server_of_another_make_is_read_page_by_page_and_then_for_what_changed() {
    let (Some(program), Some(parameters)) = (program(), search_parameters()) else {
        println!("skipped: no Helios FHIR Server (hfs on the path or ANTEROOM_HFS) or no search parameters for it");
        return;
    };
    let practice = Practice::new();
    let server = Helios::start(&program, &parameters, &practice.path().join("helios"));
    let patient = json!({ "resourceType": "Patient", "id": "p1", "name": [{ "family": "Nash", "given": ["Una"] }] });
    let mut resources = vec![patient];
    resources.extend((0..OBSERVATIONS).map(|n| observation(n, &format!("Line {n}, will ring."))));
    server.put(&resources);

    let first = pull(&practice, &server);
    assert_eq!((first.parts, first.new), (server.count("Observation"), OBSERVATIONS as u64), "{first:?}");
    assert_eq!((first.patients, first.set_aside), (server.count("Patient"), 0), "{first:?}");

    server.put(&[observation(7, "Says her partner hits her."), observation(OBSERVATIONS, "A new line.")]);
    let gone = server.agent.delete(format!("{}/Observation/o9", server.base)).call().unwrap();
    assert!(gone.status().is_success());
    let second = pull(&practice, &server);
    assert_eq!((second.new, second.changed, second.deleted, second.queued), (1, 1, 1, 1), "{second:?}");
    let row = practice.user("lea").waiting("NASH");
    assert!(row.why.iter().any(|why| why.contains("hits her")), "{row:?}");

    let third = pull(&practice, &server);
    assert_eq!((third.new, third.changed, third.deleted), (0, 0, 0), "{third:?}");
}
