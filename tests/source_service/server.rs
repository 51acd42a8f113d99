//! A FHIR server over HTTP that behaves badly, and what a pull makes of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anteroom::audit::Actor;
use anteroom::protocol::Pulled;
use anteroom::source::Connection;
use anteroom::source::fhir::server::FhirServer;
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::kit::Practice;
use crate::stub::{Answer, Server, bundle, observation, patient};

/// A resource of any type that makes a line.
fn line(kind: &str, id: &str, text: &str) -> Value {
    let patient = json!({ "reference": "Patient/p1" });
    json!({ "resourceType": kind, "id": id, "subject": patient, "note": [{ "text": text }] })
}

/// Three pages of observations; the second one repeats one of the first, older, and the third one newer.
pub fn pages(path: &str, base: &str) -> Answer {
    let next = |page: u32| Some(format!("{base}/Observation?page={page}"));
    let page = match path {
        path if path.starts_with("Patient?") => bundle(&[patient()], None),
        path if path.starts_with("Observation?page=2") => {
            bundle(&[observation("a", 1, "An older text."), observation("b", 1, "Knee better.")], next(3))
        }
        path if path.starts_with("Observation?page=3") => {
            bundle(&[observation("c", 1, "Cough."), observation("a", 3, "The newest text.")], None)
        }
        path if path.starts_with("Observation?") => bundle(&[observation("a", 2, "A text.")], next(2)),
        path if path.contains("_history") => bundle(&[], None),
        _ => bundle(&[], None),
    };
    Answer::page(&page)
}

type Waits = Arc<Mutex<Vec<Option<Duration>>>>;

pub fn pull(practice: &Practice, base: &str) -> (Result<Pulled, String>, Vec<Option<Duration>>) {
    pull_by(practice, base, Connection::default())
}

/// By this connection, with a token.
pub fn pull_by(
    practice: &Practice,
    base: &str,
    connection: Connection,
) -> (Result<Pulled, String>, Vec<Option<Duration>>) {
    let waits: Waits = Arc::default();
    let heard = Arc::clone(&waits);
    let token = practice.path().join("token");
    std::fs::write(&token, "secret-token\n").unwrap();
    let connection = Connection { token: Some(token), ..connection };
    let mut server = FhirServer::new(base, connection, NaiveDate::from_ymd_opt(2026, 11, 16).unwrap())
        .waiting(move |_, asked_for| heard.lock().unwrap().push(asked_for));
    let pulled = practice.service.pull(&Actor::system("pull"), &mut server).map_err(|error| error.to_string());
    let waits = waits.lock().unwrap().clone();
    (pulled, waits)
}

/// The texts of everything that was released once every hold has run out.
fn shown(practice: &Practice) -> String {
    practice.clock.set(crate::kit::start() + chrono::Duration::days(10));
    practice.service.publish(&Actor::system("publish")).unwrap();
    std::fs::read_to_string(practice.feed()).unwrap()
}

#[test]
fn pages_are_followed_and_what_comes_twice_counts_in_its_newest_version() {
    let practice = Practice::new();
    let server = Server::start(pages);
    let (pulled, waits) = pull(&practice, &server.base);
    let pulled = pulled.unwrap();
    assert_eq!((pulled.patients, pulled.new, pulled.set_aside), (1, 3, 0), "{pulled:?}");
    assert_eq!(waits, []);
    let asked = server.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(_, headers)| headers["authorization"] == "Bearer secret-token"));
    let text = shown(&practice);
    assert!(text.contains("The newest text.") && !text.contains("An older text."), "{text}");
}

#[test]
fn a_page_that_breaks_off_is_asked_for_again() {
    let practice = Practice::new();
    let mut broken = 0;
    let server = Server::start(move |path, base| {
        let answer = pages(path, base);
        if path.starts_with("Observation?page=3") && broken < 2 {
            broken += 1;
            return Answer { cut: Some(answer.body.len() / 2), ..answer };
        }
        answer
    });
    let (pulled, waits) = pull(&practice, &server.base);
    assert_eq!(pulled.unwrap().new, 3);
    assert_eq!(waits, [None, None]);
}

/// A page that always breaks must not keep those before it out of the queue for ever: they are kept and screened, and
/// the type is asked for again from where it was last whole.
#[test]
fn a_server_that_always_stops_in_the_middle_of_page_three_keeps_out_only_what_comes_after() {
    let practice = Practice::new();
    let server = Server::start(|path, base| {
        let answer = pages(path, base);
        match path.starts_with("Observation?page=3") {
            true => Answer { cut: Some(40), ..answer },
            false => answer,
        }
    });
    let (pulled, waits) = pull(&practice, &server.base);
    let pulled = pulled.unwrap();
    assert_eq!((pulled.new, waits.len()), (2, 5));
    let alarms = practice.user("lea").queue().alarms.join("\n");
    assert!(
        alarms.contains("Observation, page 3: the server stopped in the middle of the page, 6 times; what came before"),
        "{alarms}"
    );

    // The next pull asks for observations from the beginning, and for the others from where they ended.
    let (pulled, _) = pull(&practice, &server.base);
    assert_eq!(pulled.unwrap().new, 0);
    let asked = server.asked();
    let of = |kind: &str| {
        let begins = format!("/fhir/{kind}?_count");
        asked.iter().filter(|path| path.starts_with(&begins)).map(|path| path.contains("_lastUpdated=ge")).collect()
    };
    let (observations, patients): (Vec<bool>, Vec<bool>) = (of("Observation"), of("Patient"));
    assert_eq!((observations, patients), (vec![false, false], vec![false, true]));
}

#[test]
fn a_type_that_the_server_does_not_give_is_said_and_the_others_come() {
    let practice = Practice::new();
    let server = Server::start(|path, base| match path.starts_with("Procedure") {
        true => Answer::status(403),
        false => pages(path, base),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!(pulled.new, 3);
    let said = pulled.notices.join("\n");
    assert!(
        said.contains("Procedure, page 1: the server does not let this be read (HTTP 403)")
            && !said.contains("refused the token"),
        "{said}"
    );
    // Once it is allowed it is asked for from the beginning.
    pull(&practice, &server.base).0.unwrap();
    assert!(
        server.asked().iter().filter(|path| path.contains("/Procedure?")).all(|path| !path.contains("_lastUpdated="))
    );
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    let practice = Practice::new();
    let mut busy = 0;
    let server = Server::start(move |path, base| {
        busy += 1;
        match busy {
            2 => Answer { headers: vec![("Retry-After", "7".to_owned())], ..Answer::status(429) },
            3 => Answer::status(503),
            _ => pages(path, base),
        }
    });
    let (pulled, waits) = pull(&practice, &server.base);
    assert_eq!(pulled.unwrap().new, 3);
    assert_eq!(waits, [Some(Duration::from_secs(7)), None]);
}

#[test]
fn the_next_pull_asks_for_what_changed_and_for_what_was_deleted() {
    let practice = Practice::new();
    let server = Server::start(move |path, base| match path {
        path if path.starts_with("Observation/_history") => Answer::page(&json!({
            "resourceType": "Bundle", "type": "history",
            "entry": [
                { "request": { "method": "DELETE", "url": "Observation/b" } },
                { "request": { "method": "PUT", "url": "Observation/c" }, "resource": observation("c", 2, "Cough.") },
                { "request": { "method": "DELETE", "url": "Observation/c" } },
            ],
        })),
        path if path.contains("_history") => Answer::status(404),
        path if path.contains("_lastUpdated=ge2026-11-16T06:55:00.000Z") && path.starts_with("Observation") => {
            Answer::page(&bundle(&[observation("c", 2, "Cough gone.")], None))
        }
        path if path.contains("_lastUpdated=") => Answer::page(&bundle(&[], None)),
        path => pages(path, base),
    });
    assert_eq!(pull(&practice, &server.base).0.unwrap().new, 3);
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!((pulled.new, pulled.changed, pulled.deleted), (0, 1, 1), "{pulled:?}");
    let notice = &pulled.notices[0];
    assert!(notice.contains("does not tell what was deleted") && !notice.contains("Observation"), "{notice}");
    let text = shown(&practice);
    assert!(text.contains("Cough gone.") && !text.contains("Knee better."), "{text}");
}

/// What comes again is the version that is known, or a newer one that says the same: neither is news. The first comes with
/// every pull, because pulls overlap.
#[test]
fn a_version_that_comes_again_and_a_newer_one_that_says_the_same_make_no_new_version() {
    let practice = Practice::new();
    let letter = |version: u32| {
        let mut letter = line("DocumentReference", "d", "");
        letter["meta"] = json!({ "versionId": version.to_string() });
        letter["content"] = json!([{ "attachment": { "contentType": "text/plain", "url": "Binary/1" } }]);
        letter
    };
    let mut pulls = 0;
    let server = Server::start(move |path, _| {
        pulls += usize::from(path.starts_with("Patient?"));
        let (version, text) =
            [(1, "A text."), (1, "A text."), (2, "A text."), (3, "Another text.")][pulls.clamp(1, 4) - 1];
        match path {
            path if path.contains("_history") => Answer::page(&bundle(&[], None)),
            path if path.starts_with("Patient?") => Answer::page(&bundle(&[patient()], None)),
            path if path.starts_with("Observation?") => Answer::page(&bundle(&[observation("a", version, text)], None)),
            path if path.starts_with("DocumentReference?") => Answer::page(&bundle(&[letter(version)], None)),
            "Binary/1" => Answer {
                headers: vec![("Content-Type", "text/plain".to_owned())],
                body: "Dear doctor.".to_owned(),
                ..Answer::status(200)
            },
            _ => Answer::page(&bundle(&[], None)),
        }
    });
    let news = || {
        let pulled = pull(&practice, &server.base).0.unwrap();
        (pulled.new, pulled.changed, pulled.deleted)
    };
    assert_eq!(news(), (2, 0, 0));
    assert_eq!(news(), (0, 0, 0), "the versions that are known");
    assert_eq!(news(), (0, 0, 0), "newer ones that say the same");
    assert_eq!(news(), (0, 1, 0));
}

#[test]
fn a_link_to_another_server_is_not_followed() {
    let practice = Practice::new();
    let other = Server::start(pages);
    let elsewhere = other.base.clone();
    let server = Server::start(move |path, base| match path.starts_with("Observation?") {
        true => {
            Answer::page(&bundle(&[observation("a", 1, "A text.")], Some(format!("{elsewhere}/Observation?page=2"))))
        }
        false => pages(path, base),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!(pulled.new, 1, "what came before is kept");
    assert!(pulled.notices.iter().any(|notice| notice.contains("leads to another server")), "{pulled:?}");
    assert_eq!(other.asked(), [""; 0], "the token went nowhere else");
}

#[test]
fn links_in_a_ring_end() {
    let practice = Practice::new();
    let server = Server::start(|path, base| match path.starts_with("Observation?") {
        true => Answer::page(&bundle(&[observation("a", 1, "A text.")], Some(format!("{base}/Observation?page=9")))),
        false => pages(path, base),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert!(pulled.notices.iter().any(|notice| notice.contains("go in a ring")), "{pulled:?}");
}

#[test]
fn a_token_that_is_refused_and_a_network_in_clear_are_said_at_once() {
    let practice = Practice::new();
    let server = Server::start(|_, _| Answer::status(401));
    let (pulled, waits) = pull(&practice, &server.base);
    let why = pulled.unwrap_err();
    assert!(why.contains("refused the token") && !why.contains("secret-token"), "{why}");
    assert_eq!(waits, []);
    assert!(pull(&practice, "http://records.example/fhir").0.unwrap_err().contains("is not encrypted"));
}

#[test]
fn a_clock_that_went_back_is_said_and_passes_nothing_over() {
    let practice = Practice::new();
    let times = ["Mon, 16 Nov 2026 07:00:00 GMT", "Mon, 16 Nov 2026 05:00:00 GMT", "Mon, 16 Nov 2026 05:30:00 GMT"];
    let mut pulls = 0;
    let server = Server::start(move |path, base| {
        pulls += usize::from(path.starts_with("Practitioner?"));
        let date = ("Date", times[pulls - 1].to_owned());
        Answer { headers: vec![date], ..pages(path, base) }
    });
    assert_eq!(pull(&practice, &server.base).0.unwrap().notices, [""; 0]);
    let notices = pull(&practice, &server.base).0.unwrap().notices;
    assert!(notices[0].contains("went back"), "{notices:?}");
    assert_eq!(pull(&practice, &server.base).0.unwrap().notices, [""; 0]);
    let last =
        server.asked().into_iter().rfind(|path| path.contains("/Observation?") && path.contains("_count")).unwrap();
    assert!(last.contains("_lastUpdated=ge2026-11-16T04:55:00.000Z"), "{last}");
}

#[test]
fn every_type_that_an_export_may_hold_is_read_and_what_is_not_is_counted() {
    let practice = Practice::new();
    let declared = ["Patient", "Goal", "CarePlan", "Coverage", "Claim", "Account", "Location"];
    let server = Server::declaring(&declared, |path, _| match path.split('?').next().unwrap() {
        "Patient" => Answer::page(&bundle(&[patient()], None)),
        kind @ ("Goal" | "CarePlan") => Answer::page(&bundle(&[line(kind, "1", "Says her partner hits her.")], None)),
        // How many: three, none, and it does not say.
        "Coverage" => Answer::page(&json!({ "resourceType": "Bundle", "total": 3 })),
        "Claim" => Answer::page(&json!({ "resourceType": "Bundle", "total": 0 })),
        "Account" => Answer::status(400),
        // What it does not have it refuses as it likes.
        "Observation" => Answer::status(403),
        "Media" => Answer::status(400),
        _ => Answer::status(404),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!((pulled.new, pulled.queued, pulled.incomplete.len()), (2, 2, 0), "{pulled:?}");
    let expected = "Not screened, because nothing here reads them: Account (it does not say how many), 3 Coverage; look at them \
                    in the practice’s system.";
    assert_eq!(pulled.notices, [expected]);
    assert_eq!(practice.user("lea").queue().alarms, [expected]);
}

#[test]
fn a_server_that_does_not_say_what_it_has_and_one_that_has_less_than_it_says_are_said() {
    let practice = Practice::new();
    let server =
        Server::answering(|path, base| if path == "metadata" { Answer::status(404) } else { pages(path, base) });
    let notices = pull(&practice, &server.base).0.unwrap().notices;
    assert!(notices.len() == 1 && notices[0].contains("no capability statement"), "{notices:?}");

    let practice = Practice::new();
    let server = Server::start(|path, base| match path.starts_with("Procedure") {
        true => Answer::status(404),
        false => pages(path, base),
    });
    let pulled = pull(&practice, &server.base).0.unwrap();
    assert_eq!(pulled.incomplete, ["Procedure"]);
    assert!(
        pulled.notices[0].contains("Procedure: the server says that it has it, and does not give it"),
        "{pulled:?}"
    );
}

#[test]
fn a_type_that_comes_to_a_server_is_read_from_its_beginning() {
    let practice = Practice::new();
    let mut pulls = 0;
    let server = Server::start(move |path, base| {
        pulls += usize::from(path.starts_with("Patient?"));
        match path {
            path if path.starts_with("Flag?") && pulls == 1 => Answer::status(404),
            path if path.starts_with("Flag?") && !path.contains("_lastUpdated=") => {
                Answer::page(&bundle(&[line("Flag", "1", "Says her partner hits her.")], None))
            }
            path => pages(path, base),
        }
    });
    assert_eq!(pull(&practice, &server.base).0.unwrap().new, 3);
    assert_eq!(pull(&practice, &server.base).0.unwrap().new, 1);
    assert_eq!(pull(&practice, &server.base).0.unwrap().new, 0);
    let flags: Vec<bool> = server
        .asked()
        .iter()
        .filter(|path| path.starts_with("/fhir/Flag?"))
        .map(|path| path.contains("_lastUpdated="))
        .collect();
    assert_eq!(flags, [false, false, true]);
}
