//! Documents and what is attached to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use super::resources::is_withdrawn;
use super::{Export, json};
use crate::record::{EntryKind, Part, Unreadable};
use crate::source::attachments::{self, Letter};
use crate::source::outlet::Outlet;
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates, packed};

/// What could be read of attachments.
#[derive(Default)]
pub(super) struct Attached {
    pub(super) text: String,
    /// Set where any of them could not be read.
    pub(super) unreadable: Option<Unreadable>,
}

impl Export {
    /// A document is an entry of its own with one line in it, however many attachments it has.
    pub(super) fn document(&self, resource: &Value, number: u64, outlet: &mut Outlet<'_>) -> Result<(), SourceError> {
        let Some(opened) = self.open("DocumentReference", resource, number, outlet)? else { return Ok(()) };
        if is_withdrawn(resource) {
            return outlet.send(Change::GroupGone(opened.key));
        }
        let happened = self.day(resource, &["context.period.start", "date", "created"], number, outlet)?;
        let recorded = self.recorded(resource, &["date", "indexed", "created"], number, outlet)?;
        let author = self.author(resource, &["author"]);
        let about = resource.get("type");
        let display = about.map(json::words).unwrap_or_default();
        outlet.send_group(
            number,
            GroupFacts {
                key: opened.key.clone(),
                patient: opened.patient.clone(),
                kind: EntryKind::Document,
                title: display.clone(),
                happened,
                recorded,
                author: author.clone(),
            },
        )?;
        let attached = self.attachments(resource, "content.attachment", number, outlet)?;
        let mut codes = about.map(json::codes).unwrap_or_default();
        let belongs = Belongs::To(opened.key.clone());
        codes.extend(self.hidden_label(resource, &opened.key.id, &belongs));
        let described = json::text(resource, "description")
            .into_iter()
            .chain(json::all(resource, "content.attachment.title").into_iter().filter_map(Value::as_str));
        let mut texts: Vec<String> = described.map(str::to_owned).collect();
        texts.push(attached.text);
        texts.retain(|text| !text.trim().is_empty());
        texts.dedup();
        let nothing_sent = json::all(resource, "content.attachment").is_empty();
        let part = Part {
            key: opened.key.clone(),
            heading: String::new(),
            display,
            codes,
            value: String::new(),
            text: texts.join("\n\n").replace("\r\n", "\n"),
            happened,
            author,
            order: dates::place(recorded, number),
            unreadable: attached.unreadable.or(nothing_sent.then_some(Unreadable::NotSent)),
        };
        outlet.send_part(PartFacts { belongs, patient: opened.patient, kind: EntryKind::Document, recorded, part })
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

impl Export {
    /// Reads the attachments at a path, one text after the other.
    pub(super) fn attachments(
        &self,
        resource: &Value,
        path: &str,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Attached, SourceError> {
        let mut attached = Attached::default();
        for attachment in json::all(resource, path) {
            match self.attachment(attachment) {
                Ok(letter) => {
                    attached.unreadable = attached.unreadable.or(letter.unreadable);
                    let before = std::mem::take(&mut attached.text);
                    attached.text =
                        if before.is_empty() { letter.text } else { format!("{before}\n\n{}", letter.text) };
                }
                Err(why) => {
                    if why == Unreadable::Damaged {
                        outlet.set_aside(
                            number,
                            format!(
                                "{path}.data cannot be decoded: the line was kept and is held unread; export it again"
                            ),
                        )?;
                    }
                    attached.unreadable = attached.unreadable.or(Some(why));
                }
            }
        }
        Ok(attached)
    }

    fn attachment(&self, attachment: &Value) -> Result<Letter, Unreadable> {
        match (json::text(attachment, "data"), json::text(attachment, "url")) {
            (Some(data), _) => decoded(json::text(attachment, "contentType").unwrap_or_default(), data),
            (None, Some(url)) => self.binaries.letter(url),
            (None, None) => Err(Unreadable::NotSent),
        }
    }
}

fn decoded(content_type: &str, data: &str) -> Result<Letter, Unreadable> {
    let data: String = data.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(&data).or_else(|_| STANDARD_NO_PAD.decode(&data)).map_err(|_| Unreadable::Damaged)?;
    attachments::read(content_type, &bytes)
}
