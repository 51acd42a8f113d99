//! Documents and what is attached to them.

use serde_json::Value;

use super::elsewhere::decoded;
use super::resources::is_withdrawn;
use super::{Export, json};
use crate::record::{EntryKind, Part, Unreadable};
use crate::source::attachments::Letter;
use crate::source::outlet::Outlet;
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

/// What could be read of attachments.
#[derive(Default)]
pub(super) struct Attached {
    pub(super) text: String,
    /// Set where any of them could not be read.
    pub(super) unreadable: Option<Unreadable>,
}

impl Attached {
    /// Adds what was read of others.
    pub(super) fn add(&mut self, other: Self) {
        if !self.text.is_empty() && !other.text.is_empty() {
            self.text += "\n\n";
        }
        self.text += &other.text;
        self.unreadable = self.unreadable.or(other.unreadable);
    }
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
        let found = json::all(resource, "content.attachment");
        let nothing_sent = found.is_empty();
        let attached = self.attachments(found, "content.attachment", number, outlet)?;
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

impl Export {
    /// Reads attachments that were found at a path, one text after the other.
    pub(super) fn attachments(
        &self,
        found: Vec<&Value>,
        path: &str,
        number: u64,
        outlet: &mut Outlet<'_>,
    ) -> Result<Attached, SourceError> {
        let mut attached = Attached::default();
        for attachment in found {
            match self.attachment(attachment) {
                Ok(Letter { text, unreadable }) => attached.add(Attached { text, unreadable }),
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
        let content_type = json::text(attachment, "contentType").unwrap_or_default();
        match (json::text(attachment, "data"), json::text(attachment, "url")) {
            (Some(data), _) => decoded(content_type, data),
            (None, Some(url)) => self.elsewhere.letter(url, content_type),
            (None, None) => Err(Unreadable::NotSent),
        }
    }
}
