//! What changed between two texts: line by line, and within a line word by word.

use similar::{ChangeTag, TextDiff};

use super::document::wrap;
use crate::record::Shown;

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `-` gone, `+` new, or a blank.
    pub mark: char,
    /// Its words in order; true where they are what changed in a line that is otherwise there on both sides.
    pub pieces: Vec<(bool, String)>,
}

impl Changed {
    /// The whole line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same in rows of at most `width` columns, each with its mark.
    pub fn wrapped(&self, width: usize) -> Vec<Self> {
        let safe = |text: &str| Shown::new(text).as_str().replace('\n', " ");
        let pieces: Vec<(bool, String)> = self.pieces.iter().map(|(changed, text)| (*changed, safe(text))).collect();
        let mut letters = pieces.iter().flat_map(|(changed, text)| text.chars().map(|c| (*changed, c))).peekable();
        let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let row = |row: String| {
            let mut pieces: Vec<(bool, String)> = Vec::new();
            for c in row.chars() {
                // Blanks at the end of a row are not drawn.
                let Some((changed, _)) = letters.find(|(_, letter)| *letter == c) else { break };
                match pieces.last_mut() {
                    Some((last, run)) if *last == changed => run.push(c),
                    _ => pieces.push((changed, c.to_string())),
                }
            }
            Self { mark: self.mark, pieces }
        };
        wrap(&text, width).into_iter().map(row).collect()
    }
}

/// The lines of both, in order: those that are gone, new, or the same.
pub fn compare(old: &[String], new: &[String]) -> Vec<Changed> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&old, &new);
    let changes = diff.ops().iter().flat_map(|op| diff.iter_inline_changes(op));
    let line = |change: similar::InlineChange<'_, str>| Changed {
        mark: match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        },
        pieces: change.values().iter().map(|(changed, text)| (*changed, (*text).to_string())).collect(),
    };
    changes.map(line).collect()
}
