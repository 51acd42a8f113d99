//! Rich Text Format 1.9.1 (Microsoft, 2008): the words, wherever a reader sees them.

use super::{Letter, tidied};
use crate::record::Unreadable;
use crate::source::encoding::windows_1252;

/// Groups in groups; letters have a dozen.
const DEEPEST: usize = 1_000;

/// Groups whose content is not read by people.
const UNSEEN: [&str; 15] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "info",
    "xmlnstbl",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "fldinst",
    "bkmkstart",
];
/// Groups that are read although a reader that does not know them may pass them over.
const SEEN: [&str; 3] = ["shptxt", "annotation", "footnote"];
/// Groups that show something besides words.
const PICTURES: [&str; 4] = ["pict", "object", "objdata", "nonshppict"];

/// What holds in a group.
#[derive(Clone, Copy)]
struct Group {
    is_unseen: bool,
    /// How many letters follow a Unicode letter for readers that do not know it.
    instead: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
    text: String,
    groups: Vec<Group>,
    here: Group,
    /// Letters still to be passed over.
    skip: usize,
    is_western: bool,
    unreadable: Option<Unreadable>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Letter, Unreadable> {
    let here = Group { is_unseen: false, instead: 1 };
    let mut reader = Reader {
        rest: bytes,
        text: String::new(),
        groups: Vec::new(),
        here,
        skip: 0,
        is_western: true,
        unreadable: None,
    };
    while let Some((first, rest)) = reader.rest.split_first() {
        reader.rest = rest;
        match first {
            b'{' if reader.groups.len() >= DEEPEST => return Err(Unreadable::Damaged),
            b'{' => reader.groups.push(reader.here),
            b'}' => match reader.groups.pop() {
                Some(outer) => reader.here = outer,
                None => break,
            },
            b'\\' => reader.control(),
            b'\r' | b'\n' => {}
            byte => reader.byte(*byte),
        }
        if reader.groups.is_empty() && *first == b'}' {
            // What follows the document is no part of it.
            return Ok(reader.letter());
        }
    }
    reader.unreadable = Some(Unreadable::Damaged);
    Ok(reader.letter())
}

impl Reader<'_> {
    fn letter(self) -> Letter {
        Letter { text: tidied(&self.text), unreadable: self.unreadable }
    }

    fn byte(&mut self, byte: u8) {
        if byte >= 0x80 && !self.is_western {
            self.unreadable = Some(Unreadable::Format);
        }
        self.put(&windows_1252(&[byte]));
    }

    fn put(&mut self, letter: &str) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.here.is_unseen {
            self.text.push_str(letter);
        }
    }

    fn space(&mut self, space: &str) {
        if !self.here.is_unseen {
            self.text.push_str(space);
        }
    }

    fn control(&mut self) {
        let Some((first, rest)) = self.rest.split_first() else { return };
        if !first.is_ascii_alphabetic() {
            self.rest = rest;
            match first {
                b'\'' => {
                    let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                    if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                        self.rest = rest.get(2..).unwrap_or_default();
                        self.byte(byte);
                    }
                }
                // A group that a reader may pass over if it does not know what follows.
                b'*' => self.here.is_unseen = true,
                b'~' => self.put(" "),
                b'_' => self.put("-"),
                b'\r' | b'\n' => self.space("\n"),
                b'{' | b'}' | b'\\' => self.put(&char::from(*first).to_string()),
                _ => {}
            }
            return;
        }
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(length);
        let digits =
            rest.iter().enumerate().take_while(|(at, byte)| byte.is_ascii_digit() || (*at == 0 && **byte == b'-'));
        let (number, rest) = rest.split_at(digits.count());
        // One blank ends the word and is no text.
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<i64>().ok());
        self.word(std::str::from_utf8(word).unwrap_or_default(), number);
    }

    fn word(&mut self, word: &str, number: Option<i64>) {
        match word {
            "par" | "line" | "row" | "sect" | "page" | "nestrow" => self.space("\n"),
            "tab" | "cell" | "nestcell" => self.space(" "),
            "lquote" => self.put("‘"),
            "rquote" => self.put("’"),
            "ldblquote" => self.put("“"),
            "rdblquote" => self.put("”"),
            "endash" => self.put("–"),
            "emdash" => self.put("—"),
            "bullet" => self.put("•"),
            "uc" => self.here.instead = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(8),
            "u" => {
                // Letters above 32767 are written as negative numbers.
                let code = number.map(|number| if number < 0 { number + 65_536 } else { number });
                let letter = code.and_then(|code| char::from_u32(u32::try_from(code).ok()?)).unwrap_or('\u{fffd}');
                self.put(letter.encode_utf8(&mut [0; 4]));
                self.skip = self.here.instead;
            }
            "ansicpg" => self.is_western = number == Some(1252),
            "mac" | "pc" | "pca" => self.is_western = false,
            "bin" => {
                let length = usize::try_from(number.unwrap_or_default()).unwrap_or(usize::MAX);
                self.rest = self.rest.get(length..).unwrap_or_default();
            }
            word if PICTURES.contains(&word) => {
                self.here.is_unseen = true;
                self.unreadable = self.unreadable.or(Some(Unreadable::Format));
            }
            word if UNSEEN.contains(&word) => self.here.is_unseen = true,
            word if SEEN.contains(&word) => self.here.is_unseen = false,
            _ => {}
        }
    }
}
