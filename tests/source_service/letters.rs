//! Letters that a server's documents name by their address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anteroom::record::Unreadable;
use base64::Engine;
use serde_json::{Value, json};

use crate::kit::Practice;
use crate::server::{pages, pull};
use crate::stub::{Answer, Server, bundle};

const TEXT: &str = "Says her partner hits her.";

fn binary() -> Answer {
    let data = base64::engine::general_purpose::STANDARD.encode(TEXT);
    Answer::page(&json!({ "resourceType": "Binary", "id": "1", "contentType": "text/plain", "data": data }))
}

/// A server with one document, whose attachment stands at this address.
fn document(url: &str) -> Value {
    let attachment = json!({ "contentType": "text/plain", "url": url });
    json!({
        "resourceType": "DocumentReference", "id": "d", "status": "current", "type": { "text": "Letter" },
        "subject": { "reference": "Patient/p1" }, "content": [{ "attachment": attachment }],
    })
}

/// Where a letter stands, by the server's own address.
type Address = Box<dyn Fn(&str) -> String + Send>;

/// What is in the document's line after a pull, and why it is held unread.
fn read(practice: &Practice) -> (String, Option<Unreadable>) {
    let row = practice.user("lea").waiting("NASH");
    let opened = practice.user("lea").open(row.entry);
    let part = &opened.version.parts[0];
    (part.text.clone(), part.unreadable)
}

fn with_document(
    url: impl Fn(&str) -> String + Send + 'static,
    mut answer: impl FnMut(&str) -> Answer + Send + 'static,
) -> Server {
    Server::start(move |path, base| match path {
        path if path.starts_with("DocumentReference?") && !path.contains("_lastUpdated=") => {
            Answer::page(&bundle(&[document(&url(base))], None))
        }
        path if path.starts_with("Binary") || path.starts_with("http") => answer(path),
        path if path.starts_with("Observation") => Answer::page(&bundle(&[], None)),
        path => pages(path, base),
    })
}

#[test]
fn a_letter_on_the_same_server_is_fetched_and_screened() {
    let address: [fn(&str) -> String; 3] =
        [|_| "Binary/1".to_owned(), |base| format!("{base}/Binary/1"), |base| format!("{base}/Binary/1/_history/4")];
    for url in address {
        let practice = Practice::new();
        let server = with_document(url, |_| binary());
        let pulled = pull(&practice, &server.base).0.unwrap();
        assert_eq!((pulled.queued, pulled.incomplete.len()), (1, 0), "{pulled:?}");
        assert_eq!(read(&practice), (TEXT.to_owned(), None));
        let asked = server.asked.lock().unwrap().clone();
        let (_, headers) = asked.iter().find(|(path, _)| path == "/fhir/Binary/1").unwrap();
        assert_eq!(headers["authorization"], "Bearer secret-token");
    }
    // One that gives the letter as it is.
    let practice = Practice::new();
    let server = with_document(
        |_| "Binary/1".to_owned(),
        |_| {
            let headers = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
            Answer { headers, body: format!("<p>{TEXT}</p>"), ..Answer::status(200) }
        },
    );
    pull(&practice, &server.base).0.unwrap();
    assert_eq!(read(&practice), (TEXT.to_owned(), None));
}

#[test]
fn what_stands_elsewhere_is_not_asked_for_and_the_document_is_held() {
    let other = Server::start(|_, _| binary());
    let base = other.base.clone();
    let addresses: [Address; 7] = [
        Box::new(move |_| format!("{base}/Binary/1")),
        Box::new(|own| format!("{}.evil.example/Binary/1", own.trim_end_matches("/fhir"))),
        Box::new(|own| format!("{own}/Patient/p1")),
        Box::new(|own| format!("{own}/Binary/../Patient")),
        Box::new(|own| format!("{own}/Binary/1?_format=x")),
        Box::new(|_| "file:///etc/passwd".to_owned()),
        Box::new(|_| "Binary/..".to_owned()),
    ];
    for url in addresses {
        let practice = Practice::new();
        let server = with_document(url, |_| binary());
        let pulled = pull(&practice, &server.base).0.unwrap();
        assert_eq!(read(&practice), (String::new(), Some(Unreadable::NotSent)), "{pulled:?}");
        let asked = server.asked();
        assert!(!asked.iter().any(|path| path.contains("Binary") || path.contains("Patient/")), "{asked:?}");
    }
    assert_eq!(other.asked(), [""; 0], "the token went nowhere else");
}

/// A letter that does not come now is held unread, and is asked for again with its document.
#[test]
fn a_letter_that_does_not_come_holds_its_document_and_is_asked_for_again() {
    let practice = Practice::new();
    let failing = Arc::new(AtomicUsize::new(6));
    let left = Arc::clone(&failing);
    let server = with_document(
        |_| "Binary/1".to_owned(),
        move |_| {
            let fails = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            if fails { Answer::status(503) } else { binary() }
        },
    );
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!((pulled.new, pulled.incomplete), (1, vec!["DocumentReference".to_owned()]));
    assert!(pulled.notices[0].contains("DocumentReference: a letter: the server is busy"), "{:?}", pulled.notices);
    assert_eq!(read(&practice), (String::new(), Some(Unreadable::NotSent)));

    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!((pulled.changed, pulled.incomplete.len()), (1, 0));
    assert_eq!(read(&practice), (TEXT.to_owned(), None));

    // Gone for good, or not for us: held, and no reason to ask again.
    for status in [404, 403] {
        let practice = Practice::new();
        let server = with_document(|_| "Binary/1".to_owned(), move |_| Answer::status(status));
        assert_eq!(pull(&practice, &server.base).0.unwrap().incomplete.len(), 0);
        assert_eq!(read(&practice), (String::new(), Some(Unreadable::NotSent)));
    }
}

/// A medicine that has not changed is not in what changed.
#[test]
fn a_medicine_that_a_change_names_is_asked_for_once() {
    let practice = Practice::new();
    let server = Server::start(|path, base| match path {
        "Medication/m" => {
            Answer::page(&json!({ "resourceType": "Medication", "id": "m", "code": { "text": "Levonorgestrel" } }))
        }
        path if path.starts_with("MedicationRequest?") => {
            let request = |id: &str| {
                json!({
                    "resourceType": "MedicationRequest", "id": id, "status": "active",
                    "subject": { "reference": "Patient/p1" }, "medicationReference": { "reference": "Medication/m" },
                })
            };
            Answer::page(&bundle(&[request("1"), request("2")], None))
        }
        path if path.starts_with("Observation") => Answer::page(&bundle(&[], None)),
        path => pages(path, base),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!((pulled.new, pulled.queued), (2, 0), "neither is held as not screened: {pulled:?}");
    assert_eq!(server.asked().iter().filter(|path| *path == "/fhir/Medication/m").count(), 1);
}
