//! Word documents (ECMA-376, WordprocessingML): the text runs of the body, headers, footers, notes and comments.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::{Letter, tidied};
use crate::record::Unreadable;

/// What one part may grow to, in bytes. Letters stay far below.
const PART_LIMIT: u64 = 16 << 20;
const MOST_FILES: usize = 2_000;
const BODY: &str = "word/document.xml";

pub(super) fn read(bytes: &[u8]) -> Result<Letter, Unreadable> {
    // A document with a password is no zip.
    if !bytes.starts_with(b"PK") {
        return Err(Unreadable::Format);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    if archive.len() > MOST_FILES {
        return Err(Unreadable::TooLarge);
    }
    let names = archive.file_names().filter_map(Result::ok).filter(|name| is_read(name));
    let mut names: Vec<String> = names.map(|name| name.into_owned()).collect();
    if !names.iter().any(|name| name == BODY) {
        return Err(Unreadable::Format);
    }
    names.sort_by_key(|name| (name != BODY, name.clone()));
    let (mut text, mut unreadable) = (String::new(), None);
    for name in names {
        let part = archive.by_name(&name).map_err(|_| Unreadable::Damaged)?;
        let mut xml = Vec::new();
        part.take(PART_LIMIT + 1).read_to_end(&mut xml).map_err(|_| Unreadable::Damaged)?;
        if xml.len() as u64 > PART_LIMIT {
            return Err(Unreadable::TooLarge);
        }
        let xml = String::from_utf8(xml).map_err(|_| Unreadable::Format)?;
        let has_more = runs(&xml, &mut text)?;
        // A logo stands in a header; a scanned page in the body.
        if has_more && name == BODY {
            unreadable = Some(Unreadable::Format);
        }
    }
    Ok(Letter { text: tidied(&text), unreadable })
}

fn is_read(name: &str) -> bool {
    let Some(part) = name.strip_prefix("word/").and_then(|part| part.strip_suffix(".xml")) else { return false };
    let numbered = part.trim_end_matches(|last: char| last.is_ascii_digit());
    matches!(numbered, "document" | "header" | "footer" | "footnotes" | "endnotes" | "comments")
}

/// Adds the text of one part; whether it shows something besides.
fn runs(xml: &str, text: &mut String) -> Result<bool, Unreadable> {
    let mut reader = Reader::from_str(xml);
    let (mut in_text, mut has_more, mut depth) = (false, false, 0_i64);
    loop {
        let event = reader.read_event().map_err(|_| Unreadable::Damaged)?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let is_open = matches!(event, Event::Start(_));
                depth += i64::from(is_open);
                match tag.local_name().as_ref() {
                    "t" | "delText" => in_text = is_open,
                    "tab" => text.push(' '),
                    "br" | "cr" => text.push('\n'),
                    "noBreakHyphen" => text.push('-'),
                    "blip" | "imagedata" | "OLEObject" | "altChunk" | "chart" => has_more = true,
                    _ => {}
                }
            }
            Event::End(tag) => {
                depth -= 1;
                match tag.local_name().as_ref() {
                    "t" | "delText" => in_text = false,
                    "p" => text.push('\n'),
                    "tc" => text.push(' '),
                    _ => {}
                }
            }
            Event::Text(words) if in_text => text.push_str(words),
            Event::CData(words) if in_text => text.push_str(words),
            Event::GeneralRef(name) if in_text => {
                let letter = match name.resolve_char_ref() {
                    Ok(Some(letter)) => letter,
                    _ => match name.as_ref() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return Err(Unreadable::Damaged),
                    },
                };
                text.push(letter);
            }
            Event::Eof if depth == 0 => return Ok(has_more),
            Event::Eof => return Err(Unreadable::Damaged),
            _ => {}
        }
    }
}
