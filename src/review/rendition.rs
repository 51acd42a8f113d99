//! What the patient will see: the one function that makes it, for the preview and for the release.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::record::{
    Act, Code, EntryKind, EntryVersion, Part, Removal, RemovalTarget, Shown, SourceKey, Span, Style, snap_to_words,
};

/// The one mark of a [`Style::Marked`] removal: it says nothing of what it stands for, not even its length.
pub const MARK: &str = "[removed]";

/// An entry as a patient sees it. Built up from what is kept and an allow-list of fields, never the
/// original minus a mask; only [`render`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rendition {
    kind: EntryKind,
    title: Shown,
    happened: Option<NaiveDate>,
    author: Shown,
    lines: Vec<Line>,
}

/// One line of a rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which part it comes from; for channels that need a stable name, never shown.
    pub key: SourceKey,
    /// The heading it stands under.
    pub heading: Shown,
    /// The words of its code.
    pub display: Shown,
    /// Its codes.
    pub codes: Vec<Code>,
    /// Its value.
    pub value: Shown,
    /// What is left of its text.
    pub text: Shown,
    /// When it happened.
    pub happened: Option<NaiveDate>,
}

impl Rendition {
    /// The kind of entry.
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// The heading.
    pub fn title(&self) -> &Shown {
        &self.title
    }

    /// The clinical date.
    pub fn happened(&self) -> Option<NaiveDate> {
        self.happened
    }

    /// Who recorded it.
    pub fn author(&self) -> &Shown {
        &self.author
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether a reader would find anything in it.
    pub fn is_worth_reading(&self) -> bool {
        let says = |text: &Shown| text.as_str().replace(MARK, "").chars().any(char::is_alphanumeric);
        self.lines.iter().any(|line| says(&line.display) || says(&line.value) || says(&line.text))
    }
}

/// Why a rendition cannot be made. Says nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum RedactionError {
    /// A removal names a part that this version does not have.
    #[error("a removal names a line that this version does not have: open the entry again")]
    NoSuchPart,
    /// A removal lies outside the text, or inside a character.
    #[error("a removal does not lie on the text it was made for: open the entry again")]
    OffText,
    /// Nothing worth reading is left; such an entry is hidden instead.
    #[error("nothing worth reading is left: hide the entry instead")]
    NothingLeft,
}

/// What the patient sees of `version` when `act` takes effect.
///
/// # Errors
/// [`RedactionError`] when a removal does not fit the version or leaves nothing; a hidden entry has no
/// rendition and gives [`RedactionError::NothingLeft`].
pub fn render(version: &EntryVersion, act: &Act) -> Result<Rendition, RedactionError> {
    let (removals, style) = match act {
        Act::Approve => (&[][..], Style::Silent),
        Act::Redact { removals, style } => (removals.as_slice(), *style),
        Act::Hide { .. } => return Err(RedactionError::NothingLeft),
    };
    if removals.iter().any(|removal| version.part(&removal.part).is_none()) {
        return Err(RedactionError::NoSuchPart);
    }
    let mut lines = Vec::new();
    for part in &version.parts {
        if let Some(line) = render_part(part, removals, style)? {
            lines.push(line);
        }
    }
    let rendition = Rendition {
        kind: version.kind,
        title: Shown::new(&version.title),
        happened: version.happened,
        author: Shown::new(&version.author.name),
        lines,
    };
    match rendition.is_worth_reading() || removals.is_empty() {
        true => Ok(rendition),
        false => Err(RedactionError::NothingLeft),
    }
}

fn render_part(part: &Part, removals: &[Removal], style: Style) -> Result<Option<Line>, RedactionError> {
    let here = || removals.iter().filter(|removal| removal.part == part.key);
    if here().any(|removal| removal.target == RemovalTarget::Line) {
        return Ok((style == Style::Marked).then(|| marked_line(part)));
    }
    let mut spans = Vec::new();
    for removal in here() {
        if let RemovalTarget::Text(span) = removal.target {
            spans.push(whole_words(&part.text, span)?);
        }
    }
    let text = kept(&part.text, spans, style);
    if text.is_empty() && !part.text.is_empty() && part.display.is_empty() && part.value.is_empty() {
        return Ok(None);
    }
    Ok(Some(Line {
        key: part.key.clone(),
        heading: Shown::new(&part.heading),
        display: Shown::new(&part.display),
        codes: part.codes.clone(),
        value: Shown::new(&part.value),
        text: Shown::new(&text),
        happened: part.happened,
    }))
}

/// A line of which only the mark is left: no code, no date, nothing that depends on what stood there
/// but its heading.
fn marked_line(part: &Part) -> Line {
    Line {
        key: part.key.clone(),
        heading: Shown::new(&part.heading),
        display: Shown::default(),
        codes: Vec::new(),
        value: Shown::default(),
        text: Shown::new(MARK),
        happened: None,
    }
}

/// `span` snapped outwards to whole words, so that no affix, possessive or half character stays behind.
fn whole_words(text: &str, span: Span) -> Result<Span, RedactionError> {
    let on_edge = |at: usize| at == text.len() || text.grapheme_indices(true).any(|(edge, _)| edge == at);
    if span.is_empty() || span.end > text.len() || !on_edge(span.start) || !on_edge(span.end) {
        return Err(RedactionError::OffText);
    }
    Ok(snap_to_words(text, span).unwrap_or(span))
}

/// The text outside `spans`, closed up. Every cut takes the white space around it along, so that what
/// is left depends on the kept words alone.
fn kept(text: &str, mut spans: Vec<Span>, style: Style) -> String {
    if spans.is_empty() {
        return text.to_owned();
    }
    spans.sort_unstable();
    let mut pieces: Vec<&str> = Vec::with_capacity(spans.len() + 1);
    let mut at = 0;
    for span in spans {
        if span.start >= at {
            pieces.push(text.get(at..span.start).unwrap_or_default());
        }
        at = at.max(span.end);
    }
    pieces.push(text.get(at..).unwrap_or_default());

    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    let mut cuts = 0;
    let last = pieces.len() - 1;
    for (i, piece) in pieces.into_iter().enumerate() {
        let words = piece.trim();
        if i > 0 {
            cuts += 1;
        }
        if words.is_empty() {
            breaks = breaks.max(line_breaks(piece));
            continue;
        }
        let lead = &piece[..piece.len() - piece.trim_start().len()];
        breaks = breaks.max(line_breaks(lead));
        join(&mut out, breaks, cuts, style);
        match style {
            Style::Silent => out.push_str(words),
            // A mark that was in the source before must not be taken for one of ours.
            Style::Marked => out.push_str(&words.replace(MARK, "(removed)")),
        }
        cuts = 0;
        breaks = if i == last { 0 } else { line_breaks(&piece[piece.trim_end().len()..]) };
    }
    if cuts > 0 && style == Style::Marked {
        join(&mut out, 0, cuts, style);
    }
    out.trim_end().to_owned()
}

/// At most two: a blank line is the widest gap that a reader may see.
fn line_breaks(space: &str) -> usize {
    space.matches('\n').count().min(2)
}

fn join(out: &mut String, breaks: usize, cuts: usize, style: Style) {
    let gap = |out: &mut String| {
        if !out.is_empty() && !out.ends_with(char::is_whitespace) {
            out.push_str(["\u{20}", "\n", "\n\n"].get(breaks).copied().unwrap_or(" "));
        }
    };
    gap(out);
    if cuts > 0 && style == Style::Marked {
        out.push_str(MARK);
        out.push(' ');
    }
}
