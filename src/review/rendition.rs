//! What the patient will see: the one function that makes it, for the preview and for the release.

use super::cut::{MARK, kept, unmarked, whole_words};
use crate::record::{
    AccessLevel, Act, Code, EntryKind, EntryVersion, Part, Removal, RemovalTarget, Shown, SourceKey, Style,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

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
    /// Which part it comes from; for channels that need a stable name, never shown. Empty where only the
    /// mark is left.
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

    /// What a login of that level shows of it: everything; codes without free text; nothing of it. `None` where
    /// nothing is shown.
    pub fn at(&self, level: AccessLevel) -> Option<Self> {
        let coded = |line: &Line| {
            let line = Line { text: Shown::default(), ..line.clone() };
            (says(line.display.as_str()) || says(line.value.as_str())).then_some(line)
        };
        let seen = match level {
            AccessLevel::Full => self.clone(),
            AccessLevel::Coded => Self { lines: self.lines.iter().filter_map(coded).collect(), ..self.clone() },
            AccessLevel::Summary | AccessLevel::None => return None,
        };
        seen.is_worth_reading().then_some(seen)
    }

    /// Whether a reader would find anything in it.
    pub fn is_worth_reading(&self) -> bool {
        let says = |text: &Shown| says(text.as_str());
        self.lines.iter().any(|line| says(&line.display) || says(&line.value) || says(&line.text))
    }
}

fn says(text: &str) -> bool {
    text.replace(MARK, "").chars().any(char::is_alphanumeric)
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
/// It depends on nothing that is removed: other words in its place give the same rendition, to the byte.
/// Words of the source that read like the mark are written `(removed)`, whatever the act.
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
    let mark = mark();
    let mut lines: Vec<Line> = Vec::new();
    // What the source hides from the patient is not shown here either, and leaves no mark.
    let (hidden, shown): (Vec<&Part>, Vec<&Part>) = version.parts.iter().partition(|part| part.is_hidden_at_source());
    for part in shown {
        match render_part(part, removals, style)? {
            Some(line) => lines.push(line),
            // Marks that follow one another merge: how many lines stood there is nobody's business.
            None if style == Style::Marked && lines.last() != Some(&mark) => lines.push(mark.clone()),
            None => {}
        }
    }
    let rendition = Rendition {
        kind: version.kind,
        title: Shown::new(&unmarked(&version.title)),
        happened: version.happened,
        author: Shown::new(&unmarked(&version.author.name)),
        lines,
    };
    match rendition.is_worth_reading() || (removals.is_empty() && hidden.is_empty()) {
        true => Ok(rendition),
        false => Err(RedactionError::NothingLeft),
    }
}

/// `None` where nothing of the line is left.
fn render_part(part: &Part, removals: &[Removal], style: Style) -> Result<Option<Line>, RedactionError> {
    let here = || removals.iter().filter(|removal| removal.part == part.key);
    if here().any(|removal| removal.target == RemovalTarget::Line) {
        return Ok(None);
    }
    let mut spans = Vec::new();
    for removal in here() {
        if let RemovalTarget::Text(span) = removal.target {
            spans.push(whole_words(&part.text, span)?);
        }
    }
    let cut = !spans.is_empty();
    let text = kept(&part.text, spans, style);
    if cut && !says(&text) && !says(&part.display) && !says(&part.value) {
        return Ok(None);
    }
    let codes = part.codes.iter().map(|code| Code { display: unmarked(&code.display), ..code.clone() });
    Ok(Some(Line {
        key: part.key.clone(),
        heading: Shown::new(&unmarked(&part.heading)),
        display: Shown::new(&unmarked(&part.display)),
        codes: codes.collect(),
        value: Shown::new(&unmarked(&part.value)),
        text: Shown::new(&text),
        happened: part.happened,
    }))
}

/// A line of which only the mark is left. Its heading goes too, which may say all (`Safeguarding`), and its
/// name at the source, so that nothing depends on what stood there.
fn mark() -> Line {
    Line {
        key: SourceKey { system: String::new(), organisation: String::new(), id: String::new() },
        heading: Shown::default(),
        display: Shown::default(),
        codes: Vec::new(),
        value: Shown::default(),
        text: Shown::new(MARK),
        happened: None,
    }
}
