//! A FHIR server over HTTP that answers as a test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the server answers.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// Closes the connection after so many bytes of the body.
    pub cut: Option<usize>,
}

impl Answer {
    pub fn page(body: &Value) -> Self {
        let date = ("Date", "Mon, 16 Nov 2026 07:00:00 GMT".to_owned());
        Self { status: 200, headers: vec![date], body: body.to_string(), cut: None }
    }

    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), cut: None }
    }
}

/// A request: its path with the query, and its headers.
pub type Asked = (String, BTreeMap<String, String>);

pub struct Server {
    pub base: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// A server that says to have what tests ask it for.
    pub fn start(answer: impl FnMut(&str, &str) -> Answer + Send + 'static) -> Self {
        const DECLARED: [&str; 5] = ["Practitioner", "Patient", "Observation", "DocumentReference", "Procedure"];
        Self::declaring(&DECLARED, answer)
    }

    /// A server whose capability statement names these types.
    pub fn declaring(types: &[&str], mut answer: impl FnMut(&str, &str) -> Answer + Send + 'static) -> Self {
        let types: Vec<Value> = types.iter().map(|kind| json!({ "type": kind })).collect();
        let statement =
            Answer::page(&json!({ "resourceType": "CapabilityStatement", "rest": [{ "resource": types }] }));
        Self::answering(move |path, base| if path == "metadata" { statement.clone() } else { answer(path, base) })
    }

    /// A server all of whose answers a test gives.
    pub fn answering(answer: impl FnMut(&str, &str) -> Answer + Send + 'static) -> Self {
        Self::speaking("http://127.0.0.1", Some, answer)
    }

    /// A server of this scheme and name that makes of each connection what it speaks through.
    pub fn speaking<S: Read + Write>(
        named: &str,
        mut over: impl FnMut(TcpStream) -> Option<S> + Send + 'static,
        mut answer: impl FnMut(&str, &str) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("{named}:{}/fhir", listener.local_addr().unwrap().port());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (own_base, heard) = (base.clone(), Arc::clone(&asked));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(mut stream) = over(stream) else { continue };
                let Some((path, headers)) = request(&mut stream) else { continue };
                heard.lock().unwrap().push((path.clone(), headers));
                respond(&mut stream, &answer(path.strip_prefix("/fhir/").unwrap_or(&path), &own_base));
            }
        });
        Self { base, asked }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }
}

pub fn request(stream: &mut impl Read) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Some((path, headers.collect()))
}

fn respond(stream: &mut impl Write, answer: &Answer) {
    let mut head =
        format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let body = &answer.body.as_bytes()[..answer.cut.unwrap_or(answer.body.len())];
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat());
    let _ = stream.flush();
}

pub fn patient() -> Value {
    json!({ "resourceType": "Patient", "id": "p1", "name": [{ "family": "Nash", "given": ["Una"] }] })
}

pub fn observation(id: &str, version: u32, text: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "Had a chat" },
        "meta": { "versionId": version.to_string(), "lastUpdated": format!("2026-11-15T10:00:0{version}Z") },
        "subject": { "reference": "Patient/p1" }, "issued": "2026-11-15T10:00:00Z", "note": [{ "text": text }],
    })
}

pub fn bundle(resources: &[Value], next: Option<String>) -> Value {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({ "resource": resource })).collect();
    let links: Vec<Value> = next.into_iter().map(|url| json!({ "relation": "next", "url": url })).collect();
    json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries, "link": links })
}
