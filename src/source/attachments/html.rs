//! HTML as a reader sees it, without a browser: enough for letters.

use super::{Letter, tidied};
use crate::record::Unreadable;

/// Elements whose content nobody reads.
const UNSEEN: [&str; 3] = ["script", "style", "title"];
/// Elements that begin a line of their own.
const LINES: [&str; 19] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "p",
    "section",
    "table",
    "tr",
];
/// Elements that show something besides words.
const PICTURES: [&str; 7] = ["img", "svg", "object", "embed", "iframe", "canvas", "image"];

pub(super) fn read(html: &str) -> Letter {
    let mut letter = Letter::default();
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        words(rest.get(..at).unwrap_or_default(), &mut text);
        rest = rest.get(at..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let after = rest.get(1..).unwrap_or_default();
        let end = end_of_tag(rest)
            .filter(|_| after.starts_with(|first: char| first.is_ascii_alphabetic() || "/!?".contains(first)));
        let Some(end) = end else {
            // No tag, or one that was cut off: it is shown as it stands.
            text.push('<');
            rest = after;
            continue;
        };
        let tag = rest.get(1..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        if LINES.contains(&name.as_str()) {
            text.push('\n');
        } else if matches!(name.as_str(), "td" | "th") {
            text.push(' ');
        } else if PICTURES.contains(&name.as_str()) {
            letter.unreadable = Some(Unreadable::Format);
        } else if UNSEEN.contains(&name.as_str()) && !tag.starts_with('/') {
            rest = behind(rest, &name);
        }
    }
    words(rest, &mut text);
    letter.text = tidied(&text);
    letter
}

/// Where the tag at the beginning ends: not at a `>` inside quotes.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in rest.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') if rest.get(..at).is_some_and(|before| before.trim_end().ends_with('=')) => {
                quote = Some(letter);
            }
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

/// What follows the end of an element.
fn behind<'a>(rest: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}");
    let at = rest
        .char_indices()
        .find(|(at, _)| rest.get(*at..*at + end.len()).is_some_and(|here| here.eq_ignore_ascii_case(&end)));
    let Some((at, _)) = at else { return "" };
    rest.get(at..).and_then(|rest| rest.split_once('>')).map_or("", |(_, rest)| rest)
}

/// Words with their line ends as blanks and their entities as letters.
fn words(raw: &str, text: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\r', '\n', '\t']) {
        text.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let entity = rest.strip_prefix('&').and_then(|rest| rest.split_once(';')).filter(|(name, _)| name.len() <= 10);
        match entity.and_then(|(name, behind)| Some((letter(name)?, behind))) {
            Some((letter, behind)) => {
                text.push(letter);
                rest = behind;
            }
            None => {
                text.push(if rest.starts_with('&') { '&' } else { ' ' });
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    text.push_str(rest);
}

/// The letter that an entity stands for. One that is not known is left as it was written.
fn letter(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hexadecimal = number.strip_prefix(['x', 'X']);
        let number = hexadecimal.map_or_else(|| number.parse(), |digits| u32::from_str_radix(digits, 16)).ok()?;
        return char::from_u32(number);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "shy" => '\u{ad}',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "bull" => '•',
        "pound" => '£',
        "euro" => '€',
        "deg" => '°',
        "micro" => 'µ',
        "frac12" => '½',
        "eacute" => 'é',
        "egrave" => 'è',
        "ecirc" => 'ê',
        "aacute" => 'á',
        "agrave" => 'à',
        "iacute" => 'í',
        "oacute" => 'ó',
        "uacute" => 'ú',
        "ntilde" => 'ñ',
        "ccedil" => 'ç',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        _ => return None,
    })
}
