//! Documents and what is attached to them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use super::resources::is_withdrawn;
use super::{Export, json};
use crate::record::{EntryKind, Part, Unreadable};
use crate::source::outlet::Outlet;
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

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
        let attached = attachments(resource, "content.attachment", number, outlet)?;
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

/// Reads the attachments at a path, one text after the other.
pub(super) fn attachments(
    resource: &Value,
    path: &str,
    number: u64,
    outlet: &mut Outlet<'_>,
) -> Result<Attached, SourceError> {
    let mut attached = Attached::default();
    for attachment in json::all(resource, path) {
        match attachment_text(attachment) {
            Ok(text) if attached.text.is_empty() => attached.text = text,
            Ok(text) => attached.text = format!("{}\n\n{text}", attached.text),
            Err(why) => {
                if why == Unreadable::Damaged {
                    outlet.set_aside(
                        number,
                        format!("{path}.data cannot be decoded: the line was kept and is held unread; export it again"),
                    )?;
                }
                attached.unreadable = attached.unreadable.or(Some(why));
            }
        }
    }
    Ok(attached)
}

fn attachment_text(attachment: &Value) -> Result<String, Unreadable> {
    let Some(data) = json::text(attachment, "data") else { return Err(Unreadable::NotSent) };
    let content_type = json::text(attachment, "contentType").unwrap_or_default().to_ascii_lowercase();
    let (media, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    if media.trim() != "text/plain" {
        return Err(Unreadable::Format);
    }
    let data: String = data.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(&data).or_else(|_| STANDARD_NO_PAD.decode(&data)).map_err(|_| Unreadable::Damaged)?;
    let charset = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("charset="));
    match charset.unwrap_or("utf-8").trim_matches('"') {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => String::from_utf8(bytes).map_err(|_| Unreadable::Damaged),
        "iso-8859-1" | "latin1" => Ok(bytes.into_iter().map(char::from).collect()),
        _ => Err(Unreadable::Format),
    }
}
