//! What a resource names and does not hold: letters that came beside it or stand on the server, and medicines.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use super::client::{Asked, Came, Client};
use super::json;
use crate::record::Unreadable;
use crate::source::attachments::{self, Letter};
use crate::source::{SourceError, packed};

/// Where to look for what a resource names.
#[derive(Default)]
pub(super) enum Elsewhere {
    /// There is nothing but the resources.
    #[default]
    Nowhere,
    /// Letters came beside them.
    Beside(Rc<Binaries>),
    /// The server has it.
    On(Server),
}

impl Elsewhere {
    /// The letter at an address, of the type that whoever names it says.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) fn letter(&self, url: &str, content_type: &str) -> Result<Letter, Unreadable> {
        match self {
            Self::Nowhere => Err(Unreadable::NotSent),
            Self::Beside(binaries) => binaries.letter(url),
            Self::On(server) => server.letter(url, content_type),
        }
    }

    /// What a medicine is that is named as `Medication/id`.
    pub(super) fn medicine(&self, reference: &str) -> Option<Value> {
        match self {
            Self::Nowhere | Self::Beside(_) => None,
            Self::On(server) => server.medicine(reference),
        }
    }

    /// Why something did not come that may come another time, since this was last asked.
    pub(super) fn failed(&self) -> Option<String> {
        match self {
            Self::Nowhere | Self::Beside(_) => None,
            Self::On(server) => {
                server.failures.set(0);
                server.failed.take()
            }
        }
    }
}

/// After so many letters in a row that did not come the others are not asked for.
const GIVES_UP: u32 = 3;

/// A server that is asked for what its resources name: its own `Binary` and `Medication` alone.
pub(super) struct Server {
    client: Rc<Client>,
    medicines: RefCell<HashMap<String, Option<Value>>>,
    failed: RefCell<Option<String>>,
    failures: Cell<u32>,
}

impl Server {
    pub(super) fn new(client: Rc<Client>) -> Self {
        Self { client, medicines: RefCell::default(), failed: RefCell::default(), failures: Cell::new(0) }
    }

    /// What stands at an address of the server; `None` where it does not come.
    fn get(&self, url: &str, what: &str) -> Option<Came> {
        if self.failures.get() >= GIVES_UP {
            return None;
        }
        let why = match self.client.get(url, what, Ok) {
            Ok(Asked::Came(came)) => {
                self.failures.set(0);
                return Some(came);
            }
            Ok(Asked::NotThere | Asked::Failed { may_come: false, .. }) => return None,
            // Whoever may search may not be let at letters: the rest of the pull goes on.
            Ok(Asked::Failed { why, .. }) | Err(SourceError(why)) => why,
        };
        self.failures.set(self.failures.get() + 1);
        self.failed.borrow_mut().get_or_insert(why);
        None
    }

    fn letter(&self, url: &str, content_type: &str) -> Result<Letter, Unreadable> {
        let url = self.client.own_resource(url, "Binary").ok_or(Unreadable::NotSent)?;
        let Came { body, content_type: answered, .. } = self.get(&url, "a letter").ok_or(Unreadable::NotSent)?;
        match serde_json::from_slice::<Value>(&body) {
            Ok(resource) if json::text(&resource, "resourceType") == Some("Binary") => {
                let data = json::text(&resource, "data").ok_or(Unreadable::NotSent)?;
                decoded(json::text(&resource, "contentType").unwrap_or(content_type), data)
            }
            // Some other resource: why there is no letter.
            Ok(resource) if resource.get("resourceType").is_some() => Err(Unreadable::NotSent),
            // A server may give the letter as it is.
            _ if answered.is_empty() => attachments::read(content_type, &body),
            _ => attachments::read(&answered, &body),
        }
    }

    fn medicine(&self, reference: &str) -> Option<Value> {
        if let Some(known) = self.medicines.borrow().get(reference) {
            return known.clone();
        }
        let url = self.client.own_resource(reference, "Medication")?;
        let came = self.get(&url, "a medicine")?;
        let medicine: Option<Value> = serde_json::from_slice(&came.body).ok();
        let medicine = medicine.filter(|it| json::text(it, "resourceType") == Some("Medication"));
        self.medicines.borrow_mut().insert(reference.to_owned(), medicine.clone());
        medicine
    }
}

/// The binary resources that came with a record, by identifier: each in a file of its own.
#[derive(Default)]
pub(super) struct Binaries {
    files: BTreeMap<String, PathBuf>,
    /// Which of them a document named.
    used: RefCell<BTreeSet<String>>,
}

/// The largest file of a binary resource, in bytes.
const BINARY_LIMIT: u64 = 64 << 20;

impl Binaries {
    pub(super) fn of(files: BTreeMap<String, PathBuf>) -> Self {
        Self { files, used: RefCell::default() }
    }

    pub(super) fn unused(&self) -> usize {
        self.files.len() - self.used.borrow().len()
    }

    /// The content that an address names, with its type.
    fn letter(&self, url: &str) -> Result<Letter, Unreadable> {
        let id = json::local_reference(url, "Binary");
        let Some((id, path)) = id.strip_prefix("Binary/").and_then(|id| self.files.get_key_value(id)) else {
            return Err(Unreadable::NotSent);
        };
        self.used.borrow_mut().insert(id.clone());
        if std::fs::metadata(path).is_ok_and(|file| file.len() > BINARY_LIMIT) {
            return Err(Unreadable::TooLarge);
        }
        let mut bytes = Vec::new();
        let read = packed::open(path).and_then(|file| file.take(BINARY_LIMIT + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) if bytes.len() as u64 > BINARY_LIMIT => return Err(Unreadable::TooLarge),
            Ok(_) => {}
            Err(_) => return Err(Unreadable::Damaged),
        }
        let binary: Value = serde_json::from_slice(&bytes).map_err(|_| Unreadable::Damaged)?;
        // STU3 says content and R4 data.
        let data = json::text(&binary, "content").or_else(|| json::text(&binary, "data"));
        decoded(json::text(&binary, "contentType").unwrap_or_default(), data.ok_or(Unreadable::NotSent)?)
    }
}

/// A letter as resources hold it.
///
/// # Errors
/// Why it could not be read.
pub(super) fn decoded(content_type: &str, data: &str) -> Result<Letter, Unreadable> {
    let data: String = data.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(&data).or_else(|_| STANDARD_NO_PAD.decode(&data)).map_err(|_| Unreadable::Damaged)?;
    attachments::read(content_type, &bytes)
}
