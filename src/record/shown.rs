//! Text that is safe to put on a terminal.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;
use unicode_width::UnicodeWidthStr;

/// Text in which every control, direction and invisible character has become visible.
///
/// Untrusted text (entries, names, file names, errors from elsewhere) reaches a widget only through
/// this type. Terminals execute control characters (CWE-150), bidirectional overrides make a reader
/// approve other words than are released (CVE-2021-42574), and ratatui drops both silently, so that a
/// text can look shorter than it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Shown(String);

/// More combining marks than this on one base paint over the neighbouring rows.
const COMBINING_LIMIT: usize = 4;

impl Shown {
    /// Makes `text` safe. Line breaks stay, in any of their spellings; a tab becomes spaces.
    pub fn new(text: &str) -> Self {
        Self(Self::with_map(text).into_iter().map(|(_, piece)| piece).collect())
    }

    /// The safe text in pieces, one for each grapheme of `text`, each with the byte where it starts there,
    /// so that marks on the original can be drawn on what is shown.
    pub fn with_map(text: &str) -> Vec<(usize, String)> {
        text.grapheme_indices(true).map(|(at, grapheme)| (at, piece(grapheme))).collect()
    }

    /// The safe text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn piece(grapheme: &str) -> String {
    if matches!(grapheme, "\n" | "\r\n" | "\r" | "\u{85}" | "\u{2028}" | "\u{2029}") {
        return "\n".to_owned();
    }
    let mut out = String::with_capacity(grapheme.len());
    let mut marks = 0;
    for c in grapheme.chars() {
        match c {
            '\t' => out.push_str("    "),
            '\0'..='\u{1f}' => {
                out.push('^');
                out.push(char::from(b'@' + (c as u32 as u8)));
            }
            '\u{7f}' => out.push_str("^?"),
            '\u{80}'..='\u{9f}' => {
                out.push_str("M-^");
                out.push(char::from(b'@' + ((c as u32 - 0x80) as u8)));
            }
            '\u{202a}' => out.push_str("⟨LRE⟩"),
            '\u{202b}' => out.push_str("⟨RLE⟩"),
            '\u{202c}' => out.push_str("⟨PDF⟩"),
            '\u{202d}' => out.push_str("⟨LRO⟩"),
            '\u{202e}' => out.push_str("⟨RLO⟩"),
            '\u{2066}' => out.push_str("⟨LRI⟩"),
            '\u{2067}' => out.push_str("⟨RLI⟩"),
            '\u{2068}' => out.push_str("⟨FSI⟩"),
            '\u{2069}' => out.push_str("⟨PDI⟩"),
            '\u{200e}' => out.push_str("⟨LRM⟩"),
            '\u{200f}' => out.push_str("⟨RLM⟩"),
            '\u{61c}' => out.push_str("⟨ALM⟩"),
            '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{e0000}'..='\u{e0fff}' => out.push_str("⟨·⟩"),
            '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => out.push('\u{fffd}'),
            _ if unicode_normalization::char::is_combining_mark(c) => {
                marks += 1;
                match marks.cmp(&(COMBINING_LIMIT + 1)) {
                    std::cmp::Ordering::Less => out.push(c),
                    std::cmp::Ordering::Equal => out.push_str("⟨+⟩"),
                    std::cmp::Ordering::Greater => {}
                }
            }
            _ if out.is_empty() && c.width() == Some(0) => out.push_str("⟨·⟩"),
            _ => out.push(c),
        }
    }
    // A mark without a letter would stand on the neighbour, or nowhere: it stands on a dotted circle.
    let bare = grapheme.chars().next().is_some_and(unicode_normalization::char::is_combining_mark);
    if bare || (!out.is_empty() && out.width() == 0) {
        let carried = format!("\u{25cc}{out}");
        // What does not stand on the circle either is named.
        let named = || grapheme.chars().map(|c| format!("⟨U+{:04X}⟩", c as u32)).collect();
        return if carried.graphemes(true).count() == 1 { carried } else { named() };
    }
    out
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Shown {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
