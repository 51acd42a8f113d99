//! The way to a FHIR server: encrypted, vouched for by an authority of the practice's own, through a proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use anteroom::source::Connection;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::kit::{self, Practice};
use crate::server::{pages, pull_by};
use crate::stub::{Answer, Server};

const NOT_TRUSTED: &str = "certificate is not one that is trusted here";

/// What `openssl` makes in a folder of the test's own.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// `None` where the command is not there, which is said.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: there is no openssl to make certificates with");
            return None;
        }
        let own = Self { folder: tempfile::tempdir().unwrap() };
        own.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout ca.key -out ca.pem -subj /CN=Own");
        Some(own)
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder.path()).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A server that proves to be `name` until so many days from now.
    fn vouch(&self, name: &str, days: i32) -> Arc<ServerConfig> {
        let folder = self.folder.path();
        std::fs::write(folder.join("names"), format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n"))
            .unwrap();
        self.openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out asked.csr -subj /CN=Server");
        self.openssl(&format!(
            "x509 -req -in asked.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile names -out cert.pem"
        ));
        let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }
}

/// A server of records at `named` that speaks encrypted.
fn encrypted(named: &str, config: Arc<ServerConfig>) -> Server {
    let over = move |stream| Some(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream));
    let declared = ["Practitioner", "Patient", "Observation"].map(|kind| serde_json::json!({ "type": kind }));
    let statement = serde_json::json!({ "resourceType": "CapabilityStatement", "rest": [{ "resource": declared }] });
    Server::speaking(&format!("https://{named}"), over, move |path, base| match path {
        "metadata" => Answer::page(&statement),
        path => pages(path, base),
    })
}

fn trusting(ca: PathBuf) -> Connection {
    Connection { ca: Some(ca), ..Connection::default() }
}

fn is_empty(practice: &Practice) -> bool {
    practice.user("lea").queue().rows.is_empty()
}

#[test]
fn a_server_is_known_by_an_authority_of_the_practice_s_own() {
    let Some(authority) = Authority::new() else { return };
    let practice = Practice::new();
    let server = encrypted("localhost", authority.vouch("localhost", 30));
    let (pulled, waits) = pull_by(&practice, &server.base, trusting(authority.ca()));
    let pulled = pulled.unwrap();
    assert_eq!((pulled.patients, pulled.new, pulled.notices.len()), (1, 3, 0), "{pulled:?}");
    assert_eq!(waits, []);
    assert!(server.asked.lock().unwrap().iter().all(|(_, headers)| headers["authorization"] == "Bearer secret-token"));
}

/// Of one that nobody trusted vouches for nothing is asked, so that it never sees the token.
#[test]
fn a_server_with_a_wrong_certificate_is_asked_for_nothing_and_it_is_said() {
    let Some(authority) = Authority::new() else { return };
    let other = Authority::new().unwrap();
    for (why, config, connection) in [
        ("nobody trusted", authority.vouch("localhost", 30), Connection::default()),
        ("another authority", authority.vouch("localhost", 30), trusting(other.ca())),
        ("another name", authority.vouch("elsewhere.example", 30), trusting(authority.ca())),
        ("expired", authority.vouch("localhost", -1), trusting(authority.ca())),
    ] {
        let practice = Practice::new();
        let server = encrypted("localhost", config);
        let (pulled, waits) = pull_by(&practice, &server.base, connection);
        let said = pulled.unwrap_err();
        assert!(said.contains(NOT_TRUSTED) && said.contains("nothing of this pull was kept"), "{why}: {said}");
        assert_eq!(waits, [], "{why}: it will not become right by being asked again");
        assert_eq!(server.asked(), [""; 0], "{why}");
        assert!(is_empty(&practice), "{why}");
    }
}

#[test]
fn certificates_that_cannot_be_read_and_a_server_that_does_not_encrypt_are_said() {
    let practice = Practice::new();
    let file = practice.path().join("ca.pem");
    // As web servers answer what they do not understand.
    let in_clear = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        None::<TcpStream>
    };
    let base = Server::speaking("https://localhost", in_clear, pages).base;
    let said = |text: Option<&str>| {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        pull_by(&practice, &base, trusting(file.clone())).0.unwrap_err()
    };
    assert!(said(None).contains("cannot be read (entity not found): mend the file"), "{}", said(None));
    assert!(said(Some("no certificate")).contains("it holds none in PEM form"));
    let torn = "-----BEGIN CERTIFICATE-----\nMIIB";
    assert!(said(Some(torn)).contains("are not in PEM form: mend the file"), "{}", said(Some(torn)));
    let plain = pull_by(&practice, &base, Connection::default()).0.unwrap_err();
    assert!(plain.contains("does not encrypt as it should"), "{plain}");
    assert!(is_empty(&practice));
}

/// A proxy that connects to any name's port on this machine, and what it heard: what it was asked, and what passed.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// One that answers with this status, and connects if it is 200.
    fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, passed) = (Arc::default(), Arc::default());
        let own = Self { address, asked: Arc::clone(&asked), passed: Arc::clone(&passed) };
        // It ends with the test's process.
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let head = head(&mut client);
                asked.lock().unwrap().push(head.clone());
                let _ = client.write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes());
                let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
                let port = target.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
                let (200, Some(port)) = (status, port) else { continue };
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let heard = Arc::clone(&passed);
                std::thread::spawn(move || {
                    let mut piece = [0; 4096];
                    while let Ok(read @ 1..) = from.read(&mut piece) {
                        heard.lock().unwrap().extend_from_slice(&piece[..read]);
                        let _ = to.write_all(&piece[..read]);
                    }
                    let _ = to.shutdown(Shutdown::Write);
                });
                std::thread::spawn(move || std::io::copy(&mut { server }, &mut { client }));
            }
        });
        own
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The head of a request and not a byte more.
fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The server's name is one that only the proxy knows, and what passes there nobody reads.
#[test]
fn a_proxy_connects_and_sees_neither_the_token_nor_what_is_asked_for() {
    let Some(authority) = Authority::new() else { return };
    let practice = Practice::new();
    let server = encrypted("fhir.practice.example", authority.vouch("fhir.practice.example", 30));
    let proxy = Proxy::answering(200);
    let connection =
        Connection { proxy: Some(format!("http://una:s%40fe@{}", proxy.address)), ..trusting(authority.ca()) };
    let pulled = pull_by(&practice, &server.base, connection).0.unwrap();
    assert_eq!((pulled.patients, pulled.new), (1, 3), "{pulled:?}");
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for head in asked {
        assert!(head.starts_with("CONNECT fhir.practice.example:"), "{head}");
        // una:s@fe
        assert!(head.contains("Proxy-Authorization: Basic dW5hOnNAZmU=\r\n") && !head.contains("Bearer"), "{head}");
    }
    let passed = String::from_utf8_lossy(&proxy.passed.lock().unwrap()).into_owned();
    assert!(passed.len() > 1000 && !passed.contains("secret-token") && !passed.contains("_lastUpdated"));
}

#[test]
fn a_proxy_that_refuses_or_is_not_there_is_said_without_its_password() {
    let Some(authority) = Authority::new() else { return };
    let server = encrypted("localhost", authority.vouch("localhost", 30));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (address, words, tries) in [
        (Proxy::answering(407).address, "the proxy does not let this through", 0),
        (Proxy::answering(502).address, "the proxy does not reach the server", 5),
        (nobody, "cannot be reached", 5),
    ] {
        let practice = Practice::new();
        let connection = Connection { proxy: Some(format!("http://una:hidden@{address}")), ..trusting(authority.ca()) };
        let (pulled, waits) = pull_by(&practice, &server.base, connection);
        let said = pulled.unwrap_err();
        assert!(said.contains(words) && !said.contains("hidden"), "{said}");
        // Of three types, and of what the server says of itself: then it is given up.
        assert_eq!(waits.len(), tries * 4, "{said}");
        assert_eq!(server.asked(), [""; 0]);
    }
    for wrong in ["socks5://una:hidden@127.0.0.1:1", "http://una:hidden@", "una:hidden@127.0.0.1:1"] {
        let connection = Connection { proxy: Some(wrong.to_owned()), ..Connection::default() };
        let said = pull_by(&Practice::new(), &server.base, connection).0.unwrap_err();
        assert!(said.contains("proxy in practice.toml is not of the form") && !said.contains("hidden"), "{said}");
    }
}

/// What is not encrypted stays on this machine.
#[test]
fn what_is_in_clear_goes_through_no_proxy() {
    let practice = Practice::new();
    let server = Server::start(pages);
    let proxy = Proxy::answering(200);
    let connection = Connection { proxy: Some(format!("http://{}", proxy.address)), ..Connection::default() };
    assert_eq!(pull_by(&practice, &server.base, connection).0.unwrap().new, 3);
    assert_eq!(proxy.asked(), [""; 0]);
    for elsewhere in ["http://localhost.example/fhir", "http://127.0.0.1@records.example/fhir"] {
        let said = pull_by(&practice, elsewhere, Connection::default()).0.unwrap_err();
        assert!(said.contains("is not encrypted"), "{said}");
    }
}

/// As somebody sets it up: the settings name the proxy, the certificates and the token.
#[test]
fn the_settings_say_how_a_server_is_reached() {
    let Some(authority) = Authority::new() else { return };
    let server = encrypted("fhir.practice.example", authority.vouch("fhir.practice.example", 30));
    let proxy = Proxy::answering(200);
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "secret-token\n").unwrap();
    let path = |path: &Path| path.display().to_string();
    let settings = format!(
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\n\n[[source]]\nname = \"fhir\"\nwhat = \"fhir:{}\"\n\
         at = \"07:15\"\ntoken = \"{}\"\nproxy = \"http://{}\"\nca = \"{}\"\n",
        server.base,
        path(&token),
        proxy.address,
        path(&authority.ca()),
    );
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    std::fs::write(dir.path().join("users.toml"), kit::USERS).unwrap();
    let practice = Practice::open(dir);
    let pulled = practice.user("lea").pull(&format!("fhir:{}", server.base));
    assert_eq!((pulled.patients, pulled.new), (1, 3), "{pulled:?}");
    assert!(!proxy.asked().is_empty());
    assert!(server.asked.lock().unwrap().iter().all(|(_, headers)| headers["authorization"] == "Bearer secret-token"));
}
