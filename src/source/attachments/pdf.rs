//! The text layer of PDF letters (ISO 32000), read in a process of its own.
//!
//! The readers that there are for PDF panic, recurse without end or fill the memory on files that are broken or made
//! to do so. A letter must not end the pull of all others, so it is read by this same program started anew
//! (`anteroom read-letter`), within limits of time and memory, and what does not come back whole is held.
//!
//! What shows on a page and may not be in its text is marked: pictures large enough for a scanned page, pages without
//! text, forms, notes stuck on, files attached, letters that no table of the font names.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use pdf_extract::{Dictionary, Document, Object, ObjectId, PlainTextOutput, output_doc_page};
use serde::{Deserialize, Serialize};

use super::{Letter, tidied};
use crate::record::Unreadable;

/// The program, and the command by which it starts itself.
const PROGRAM: &str = "anteroom";
const COMMAND: &str = "read-letter";

/// How long one letter may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much memory and how many seconds of a core reading it may take.
const MEMORY: u64 = 1 << 30;
const SECONDS: u64 = 15;

const MOST_PAGES: usize = 500;
/// More text than this no letter has.
const MOST_TEXT: usize = 8 << 20;
/// A picture of more pixels than this may be a page that was scanned: a quarter of a page at 72 dots to the inch.
const PICTURE: i64 = 125_000;
/// Pictures can stand in forms that stand in forms.
const DEEPEST: usize = 8;
/// Pages with fewer letters and digits than this hold no text worth the name.
const FEW: usize = 8;

/// What the other process answers.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    letter: Result<String, Unreadable>,
    more: Option<Unreadable>,
}

/// Reads a letter in a process of its own.
pub(super) fn read(bytes: &[u8]) -> Result<Letter, Unreadable> {
    // Another program that uses this library has no such command.
    let program = std::env::current_exe().ok().filter(|path| path.file_stem().is_some_and(|name| name == PROGRAM));
    let program = program.ok_or(Unreadable::Format)?;
    let answer = answer_to(&program, bytes).and_then(|answer| serde_json::from_slice::<Answer>(&answer).ok());
    let Answer { letter, more } = answer.ok_or(Unreadable::Damaged)?;
    Ok(Letter { text: letter?, unreadable: more })
}

/// What the other process wrote, if it ended well and in time.
fn answer_to(program: &Path, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A panic there may name words of the letter.
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let (mut to, from) = (child.stdin.take()?, child.stdout.take()?);
    let (send, receive) = sync_channel(1);
    let done = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = from.take(2 * MOST_TEXT as u64).read_to_end(&mut answer);
            let _ = send.send(read.ok().map(|_| answer));
        });
        scope.spawn(move || to.write_all(bytes));
        let done = receive.recv_timeout(PATIENCE).ok().flatten();
        if done.is_none() {
            let _ = child.kill();
        }
        done
    });
    let ended = child.wait().ok()?;
    done.filter(|_| ended.success())
}

/// What the other process does: reads a letter from `input`, and writes what it holds to `output`.
///
/// # Errors
/// When the limits cannot be set, or the pipes fail.
pub fn serve(mut input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limits = [(Resource::As, MEMORY), (Resource::Cpu, SECONDS), (Resource::Fsize, 0)];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    let mut bytes = Vec::new();
    input.by_ref().take(super::LETTER_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    let answer = match text_of(&bytes) {
        Ok(Letter { text, unreadable }) => Answer { letter: Ok(text), more: unreadable },
        Err(why) => Answer { letter: Err(why), more: None },
    };
    serde_json::to_writer(&mut output, &answer)?;
    output.flush()
}

/// The text of all pages. May panic, or never end.
fn text_of(bytes: &[u8]) -> Result<Letter, Unreadable> {
    let document = Document::load_mem(bytes).map_err(|_| Unreadable::Damaged)?;
    if document.is_encrypted() {
        return Err(Unreadable::Format);
    }
    let pages = document.get_pages();
    match pages.len() {
        0 => return Err(Unreadable::Damaged),
        count if count > MOST_PAGES => return Err(Unreadable::TooLarge),
        _ => {}
    }
    let (mut text, mut has_more) = (String::new(), has_more_than_pages(&document));
    for (number, id) in pages {
        let mut page = String::new();
        output_doc_page(&document, &mut PlainTextOutput::new(&mut page), number).map_err(|_| Unreadable::Damaged)?;
        has_more |= page.chars().filter(|letter| letter.is_alphanumeric()).count() < FEW;
        has_more |= page.chars().any(is_no_letter) || shows_more(&document, id);
        text.push_str(&page);
        text.push('\n');
        if text.len() > MOST_TEXT {
            return Err(Unreadable::TooLarge);
        }
    }
    has_more |= !reads_like_words(&text);
    Ok(Letter { text: tidied(&text), unreadable: has_more.then_some(Unreadable::Format) })
}

/// Stands for a letter that no table names, or is one that only its own font knows.
fn is_no_letter(letter: char) -> bool {
    matches!(letter, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
        || (letter.is_control() && !letter.is_whitespace())
}

/// Fonts whose tables are wrong give other letters, in which none of the commonest words occur.
fn reads_like_words(text: &str) -> bool {
    const COMMONEST: [&str; 12] = ["the", "and", "of", "to", "a", "in", "is", "for", "was", "she", "he", "with"];
    const ENOUGH: usize = 40;
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    words.len() < ENOUGH || words.iter().any(|word| COMMONEST.contains(&word.to_lowercase().as_str()))
}

/// Whether the document has a form to be filled in, or files attached.
fn has_more_than_pages(document: &Document) -> bool {
    let Ok(catalog) = document.catalog() else { return true };
    let names = dictionary(document, catalog, b"Names");
    dictionary(document, catalog, b"AcroForm").is_some() || names.is_some_and(|names| names.has(b"EmbeddedFiles"))
}

/// Whether a page shows something that its text does not hold.
fn shows_more(document: &Document, page: ObjectId) -> bool {
    if has_notes(document, page) {
        return true;
    }
    let Ok((own, inherited)) = document.get_page_resources(page) else { return true };
    let inherited = inherited.iter().filter_map(|id| document.get_dictionary(*id).ok());
    let mut seen = HashSet::new();
    own.into_iter().chain(inherited).any(|resources| has_pictures(document, resources, DEEPEST, &mut seen))
}

/// Whether something is stuck on a page. Links show nothing of their own.
fn has_notes(document: &Document, page: ObjectId) -> bool {
    let Ok(page) = document.get_dictionary(page) else { return true };
    let Ok(notes) = page.get(b"Annots") else { return false };
    let Ok((_, Object::Array(notes))) = document.dereference(notes) else { return true };
    let is_link = |note: &Object| {
        let note = document.dereference(note).and_then(|(_, note)| note.as_dict());
        matches!(note.and_then(|note| note.get(b"Subtype")).and_then(Object::as_name), Ok(b"Link"))
    };
    !notes.iter().all(is_link)
}

fn has_pictures(document: &Document, resources: &Dictionary, depth: usize, seen: &mut HashSet<ObjectId>) -> bool {
    let Some(objects) = dictionary(document, resources, b"XObject") else { return false };
    for (_, object) in objects {
        if let Object::Reference(id) = object
            && !seen.insert(*id)
        {
            continue;
        }
        let Ok((_, Object::Stream(stream))) = document.dereference(object) else { continue };
        let shown = &stream.dict;
        let number = |name: &[u8]| {
            let found = shown.get(name).and_then(|value| document.dereference(value));
            found.and_then(|(_, value)| value.as_i64()).unwrap_or(i64::from(u16::MAX))
        };
        match shown.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Image") if number(b"Width").saturating_mul(number(b"Height")) > PICTURE => return true,
            Ok(b"Form") if depth == 0 => return true,
            Ok(b"Form") => {
                let inner = dictionary(document, shown, b"Resources");
                if inner.is_some_and(|inner| has_pictures(document, inner, depth - 1, seen)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn dictionary<'a>(document: &'a Document, of: &'a Dictionary, name: &[u8]) -> Option<&'a Dictionary> {
    let (_, found) = document.dereference(of.get(name).ok()?).ok()?;
    found.as_dict().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// A document of one page with this content, further entries of the page and further objects from number 6 on.
    fn document(content: &str, page: &str, further: &[&str]) -> Vec<u8> {
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R {page} \
                 /Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >> >>"
            ),
            format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        ];
        let objects = objects.into_iter().chain(further.iter().map(|object| (*object).to_owned()));
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut starts = Vec::new();
        for (number, object) in objects.enumerate() {
            starts.push(bytes.len());
            bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).into_bytes());
        }
        let table = bytes.len();
        bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", starts.len() + 1).into_bytes());
        starts.iter().for_each(|start| bytes.extend(format!("{start:010} 00000 n \n").into_bytes()));
        let end = format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", starts.len() + 1);
        bytes.extend(end.into_bytes());
        bytes
    }

    const WORDS: &str = "BT /F1 12 Tf 72 720 Td (She is afr) Tj (aid of him\\222s temper,) Tj 0 -14 Td \
                         [(and of ) -20 (what he does.)] TJ ET";

    fn whole(text: &str) -> Result<Letter, Unreadable> {
        Ok(Letter { text: text.to_owned(), unreadable: None })
    }

    #[test]
    fn words_come_whole_and_in_order() {
        let read = text_of(&document(WORDS, "", &[]));
        assert_eq!(read, whole("She is afraid of him’s temper,\nand of what he does."));
    }

    #[test]
    fn what_shows_and_is_no_text_is_marked() {
        let picture = |side: u32| {
            format!("<< /Type /XObject /Subtype /Image /Width {side} /Height {side} /Length 0 >>\nstream\n\nendstream")
        };
        let marked = |bytes: Vec<u8>| text_of(&bytes).unwrap().unreadable;
        assert_eq!(marked(document(WORDS, "", &[&picture(200)])), None, "a logo");
        assert_eq!(marked(document(WORDS, "", &[&picture(900)])), Some(Unreadable::Format), "a page that was scanned");
        let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /Y 7 0 R /Z 6 0 R >> >> \
                    /Length 0 >>\nstream\n\nendstream";
        assert_eq!(marked(document(WORDS, "", &[form, &picture(900)])), Some(Unreadable::Format), "one in a form");
        assert_eq!(marked(document("", "", &[])), Some(Unreadable::Format), "no text");
        let note = "/Annots [<< /Type /Annot /Subtype /FreeText /Rect [0 0 9 9] /Contents (he reads this) >>]";
        assert_eq!(marked(document(WORDS, note, &[])), Some(Unreadable::Format), "a note stuck on");
        let link = "/Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] >>]";
        assert_eq!(marked(document(WORDS, link, &[])), None, "a link");
        let garbled = WORDS.replace("She is afr", &"xvu qzz ".repeat(30)).replace("and of ", "").replace("him", "x");
        let garbled = garbled.replace("aid of", "").replace("what he does.", "");
        assert_eq!(marked(document(&garbled, "", &[])), Some(Unreadable::Format), "letters of another font");
    }

    #[test]
    fn what_is_no_document_or_locked_is_not_read() {
        assert_eq!(text_of(b"%PDF-1.4\nnothing"), Err(Unreadable::Damaged));
        let bytes = document(WORDS, "", &[]);
        let text = String::from_utf8(bytes).unwrap();
        let lock = "/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -4 >> /ID [(a) (b)]";
        assert!(text_of(text.replace("/Root 1 0 R", lock).as_bytes()).is_err());
    }
}
