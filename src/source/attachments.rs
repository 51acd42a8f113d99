//! The words of a letter that comes with a feed: plain text, HTML, RTF, Word (`.docx`) and the text layer of PDF.
//!
//! What is not sure to be all of a letter is marked: a picture in it may be a scanned page.

mod docx;
mod html;
pub mod pdf;
mod rtf;

use super::encoding::Encoding;
use crate::record::Unreadable;

/// The largest letter, in bytes as it comes.
const LETTER_LIMIT: usize = 32 << 20;

/// What could be read of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Letter {
    pub(super) text: String,
    /// Set where it holds something besides the text.
    pub(super) unreadable: Option<Unreadable>,
}

/// The words of a letter of the type that the feed says, `text/plain; charset=utf-8`.
///
/// # Errors
/// Why nothing of it could be read.
pub(super) fn read(content_type: &str, bytes: &[u8]) -> Result<Letter, Unreadable> {
    if bytes.len() > LETTER_LIMIT {
        return Err(Unreadable::TooLarge);
    }
    let content_type = content_type.to_ascii_lowercase();
    let (media, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let charset = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("charset="));
    // Systems call RTF by many names, plain text among them.
    let letter = if bytes.starts_with(b"{\\rtf") {
        rtf::read(bytes)?
    } else if bytes.starts_with(b"%PDF-") {
        pdf::read(bytes)?
    } else {
        match media.trim() {
            "text/plain" => Letter { text: plain(charset.unwrap_or("utf-8"), bytes)?, unreadable: None },
            "text/html" | "application/xhtml+xml" => html::read(&plain(charset.unwrap_or("windows-1252"), bytes)?),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => docx::read(bytes)?,
            _ => return Err(Unreadable::Format),
        }
    };
    if letter.text.trim().is_empty() && media.trim() != "text/plain" {
        return Err(letter.unreadable.unwrap_or(Unreadable::Format));
    }
    Ok(letter)
}

/// The words of narrative that stands in a record as a piece of HTML.
pub(super) fn narrative(html: &str) -> Letter {
    html::read(html)
}

fn plain(charset: &str, bytes: &[u8]) -> Result<String, Unreadable> {
    match charset.trim().trim_matches('"') {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => Encoding::Utf8.decode(bytes).ok_or(Unreadable::Damaged),
        "windows-1252" | "cp1252" => Encoding::Windows1252.decode(bytes).ok_or(Unreadable::Damaged),
        "iso-8859-1" | "latin1" => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => Err(Unreadable::Format),
    }
}

/// Without blanks around lines and with no more than one blank line together.
fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank <= 1 {
            tidy.push_str(if blank == 1 { "" } else { line });
            tidy.push('\n');
        }
    }
    tidy.trim().to_owned()
}

#[cfg(test)]
mod tests;
