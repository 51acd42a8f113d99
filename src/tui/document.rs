//! An entry as text on a screen: its lines wrapped to a width, with the way back from every cell to the
//! byte of the record it shows. The entry, the redaction and the preview are all drawn from this.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::record::{EntryVersion, Finding, Part, Place, Screening, Shown, Span, Unreadable, snap_to_words};
use crate::review::Rendition;

/// A piece of one line: all of it, its code included, or some bytes of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Which line of the document.
    pub line: usize,
    /// The bytes of its text; `None` for the whole line.
    pub span: Option<Span>,
}

/// Which words of a line a byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The words and the value of its code.
    Code,
    /// Its text.
    Text,
}

/// One line of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// What it stands under.
    pub heading: String,
    /// Words and value of its code; empty where it has only text.
    pub code: String,
    /// Its text.
    pub text: String,
    /// What we say about it ourselves.
    pub note: Option<&'static str>,
}

/// A numbered reason to look, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// As the screen numbers it, from 1, in reading order.
    pub number: usize,
    /// What was found.
    pub finding: Finding,
    /// Where; `None` when it is about the entry as a whole.
    pub place: Option<Stretch>,
    /// What to take out; empty where screening suggests nothing.
    pub suggested: Vec<Stretch>,
}

/// The lines of an entry with the reasons to look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// In order.
    pub lines: Vec<Line>,
    /// In reading order; what is about the whole entry comes first.
    pub matches: Vec<Match>,
}

impl Document {
    /// A version as the reviewer reads it.
    pub fn of_version(version: &EntryVersion, screening: &Screening) -> Self {
        let lines = version.parts.iter().map(line_of_part).collect();
        let mut document = Self { lines, matches: Vec::new() };
        let stretch = |place: &Place| {
            let line = version.parts.iter().position(|part| part.key == place.part)?;
            let text = &document.lines.get(line)?.text;
            // A span that does not lie on the text is shown as being about the line.
            Some(Stretch { line, span: place.span.filter(|span| !span.is_empty() && span.of(text).is_some()) })
        };
        let mut matches: Vec<Match> = Vec::new();
        for finding in &screening.findings {
            let found = Match {
                number: 0,
                finding: finding.clone(),
                place: finding.place.as_ref().and_then(stretch),
                suggested: finding.suggested.iter().filter_map(stretch).map(|found| document.in_words(found)).collect(),
            };
            if !matches.iter().any(|other| other.place == found.place && other.finding.why == finding.why) {
                matches.push(found);
            }
        }
        matches.sort_by_key(|found| found.place);
        for (i, found) in matches.iter_mut().enumerate() {
            found.number = i + 1;
        }
        document.matches = matches;
        document
    }

    /// A rendition as its reader sees it.
    pub fn of_rendition(rendition: &Rendition) -> Self {
        let lines = rendition
            .lines()
            .iter()
            .map(|line| Line {
                heading: line.heading.as_str().to_owned(),
                code: joined(line.display.as_str(), line.value.as_str()),
                text: line.text.as_str().to_owned(),
                note: None,
            })
            .collect();
        Self { lines, matches: Vec::new() }
    }

    /// A stretch as the words it touches, which is what a removal of it takes.
    fn in_words(&self, stretch: Stretch) -> Stretch {
        let text = self.lines.get(stretch.line).map(|line| line.text.as_str()).unwrap_or_default();
        Stretch { span: stretch.span.map(|span| snap_to_words(text, span).unwrap_or(span)), ..stretch }
    }

    /// Whether `byte` of `field` of `line` lies in `stretch`.
    pub fn covers(stretch: Stretch, line: usize, field: Field, byte: usize) -> bool {
        stretch.line == line
            && match (stretch.span, field) {
                (None, _) => true,
                (Some(span), Field::Text) => span.start <= byte && byte < span.end,
                (Some(_), Field::Code) => false,
            }
    }

    /// The document as plain lines, for comparing two versions.
    pub fn plain(&self) -> Vec<String> {
        let mut out = Vec::new();
        for line in &self.lines {
            let lead = if line.heading.is_empty() { String::new() } else { format!("{}: ", line.heading) };
            if !line.code.is_empty() {
                out.push(format!("{lead}{}", line.code));
            }
            out.extend(line.text.lines().filter(|text| !text.trim().is_empty()).map(|text| format!("{lead}{text}")));
        }
        out
    }
}

fn line_of_part(part: &Part) -> Line {
    Line {
        heading: part.heading.clone(),
        code: joined(&part.display, &part.value),
        text: part.text.clone(),
        note: part.unreadable.map(|why| match why {
            Unreadable::Format => "content in a format that cannot be read here: look in the GP system",
            Unreadable::TooLarge => "content too large to be read here: look in the GP system",
            Unreadable::Damaged => "content that is damaged: look in the GP system",
            Unreadable::NotSent => "content that the feed names without sending it: look in the GP system",
        }),
    }
}

fn joined(display: &str, value: &str) -> String {
    match (display.is_empty(), value.is_empty()) {
        (false, false) => format!("{display}  {value}"),
        (true, _) => value.to_owned(),
        (_, true) => display.to_owned(),
    }
}

/// One row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which line.
    pub line: usize,
    /// Whether the line's heading stands before it.
    pub heading: bool,
    /// The bytes it shows, of the code first.
    pub shows: Vec<(Field, Span)>,
    /// Whether it holds the line's note instead.
    pub note: bool,
}

/// One grapheme as drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyph {
    /// Safe to draw.
    pub text: String,
    /// The byte it shows; `None` for what we put between.
    pub at: Option<(Field, usize)>,
    /// Whether it is a match's number.
    pub number: bool,
}

/// A document wrapped to a width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// What it shows.
    pub document: Document,
    /// From the top.
    pub rows: Vec<Row>,
    /// Columns in all.
    pub width: usize,
    /// Column at which the text begins.
    pub indent: usize,
    ascii: bool,
}

impl Laid {
    /// Wraps `document` to `width` columns.
    pub fn new(document: Document, width: usize, ascii: bool) -> Self {
        let heading = document.lines.iter().map(|line| line.heading.width()).max().unwrap_or_default();
        let indent = if heading == 0 { 1 } else { heading.clamp(7, 12) + 4 };
        let mut laid = Self { document, rows: Vec::new(), width, indent, ascii };
        laid.rows = laid.wrapped();
        laid
    }

    fn wrapped(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        // Room for the number of a match that goes on in the next row.
        let reserve = match (self.document.matches.is_empty(), self.ascii) {
            (true, _) => 1,
            (false, false) => 3,
            (false, true) => 5,
        };
        let room = self.width.saturating_sub(self.indent + reserve).max(8);
        let mut above = None;
        for (index, line) in self.document.lines.iter().enumerate() {
            let mut heading = !line.heading.is_empty() && above != Some(line.heading.as_str());
            above = Some(line.heading.as_str());
            let mut row = |shows, note| {
                rows.push(Row { line: index, heading: std::mem::take(&mut heading), shows, note });
            };
            let (code, column) = self.wrap(index, Field::Code, &line.code, 0, room);
            let gap = if line.code.is_empty() { 0 } else { SEPARATOR.width() };
            let (text, _) = self.wrap(index, Field::Text, &line.text, column + gap, room);
            let mut spans = code.into_iter().map(|span| (Field::Code, span)).collect::<Vec<_>>();
            let last_of_code = spans.pop();
            for shown in spans {
                row(vec![shown], false);
            }
            let mut text = text.into_iter().map(|span| (Field::Text, span));
            match (last_of_code, text.next()) {
                (Some(code), Some(first)) => row(vec![code, first], false),
                (Some(only), None) | (None, Some(only)) => row(vec![only], false),
                (None, None) => {}
            }
            for shown in text {
                row(vec![shown], false);
            }
            if line.note.is_some() {
                row(Vec::new(), true);
            }
        }
        rows
    }

    /// The rows of one field, the first beginning at column `first`, and the column where the last ends.
    fn wrap(&self, line: usize, field: Field, text: &str, first: usize, room: usize) -> (Vec<Span>, usize) {
        let mut rows = Vec::new();
        if text.is_empty() {
            return (rows, first);
        }
        let ends = self.ends(line, field, text.len());
        let mut start = 0;
        let mut column = first;
        let mut gap: Option<(usize, usize)> = None;
        let mut at = 0;
        // Line by line, so that a text of megabytes is never held grapheme by grapheme at once.
        for paragraph in text.split_inclusive('\n') {
            let base = at;
            at += paragraph.len();
            let pieces = Shown::with_map(paragraph);
            for (i, (offset, piece)) in pieces.iter().enumerate() {
                let here = base + offset;
                let after = pieces.get(i + 1).map_or(base + paragraph.len(), |(next, _)| base + next);
                if piece.contains('\n') {
                    rows.push(Span::new(start, here));
                    (start, column, gap) = (after, 0, None);
                    continue;
                }
                let space = piece.chars().all(char::is_whitespace);
                let width = piece.width() + self.numbers_width(&ends, after);
                if column + width > room && !space && (here > start || (first > 0 && start == 0)) {
                    match gap {
                        Some((byte, used)) => {
                            rows.push(Span::new(start, byte));
                            (start, column) = (byte, column.saturating_sub(used));
                        }
                        None if first > 0 && start == 0 => {
                            // Nothing of it fits behind the code: all of it goes below.
                            rows.push(Span::new(0, 0));
                            column = column.saturating_sub(first);
                        }
                        None => {
                            rows.push(Span::new(start, here));
                            (start, column) = (here, 0);
                        }
                    }
                    gap = None;
                }
                column += width;
                if space {
                    gap = Some((after, column));
                }
            }
        }
        if start < text.len() {
            rows.push(Span::new(start, text.len()));
        }
        (rows, column)
    }

    /// Where matches end in a field, with their numbers.
    fn ends(&self, line: usize, field: Field, length: usize) -> Vec<(usize, usize)> {
        let has_code = self.document.lines.get(line).is_some_and(|line| !line.code.is_empty());
        self.document
            .matches
            .iter()
            .filter_map(|found| {
                let place = found.place.filter(|place| place.line == line)?;
                match (place.span, field) {
                    (Some(span), Field::Text) => Some((span.end, found.number)),
                    (None, Field::Code) => Some((length, found.number)),
                    (None, Field::Text) if !has_code => Some((length, found.number)),
                    _ => None,
                }
            })
            .collect()
    }

    fn numbers_width(&self, ends: &[(usize, usize)], at: usize) -> usize {
        let here: Vec<usize> = ends.iter().filter(|(end, _)| *end == at).map(|(_, number)| *number).collect();
        if here.is_empty() { 0 } else { number_mark(&here, self.ascii).width() }
    }

    /// The heading to draw before a row.
    pub fn heading(&self, row: &Row) -> Shown {
        let heading = self.document.lines.get(row.line).filter(|_| row.heading).map(|line| line.heading.as_str());
        Shown::new(heading.unwrap_or_default())
    }

    /// What a row draws, from the column where text begins.
    pub fn glyphs(&self, row: &Row) -> Vec<Glyph> {
        let Some(line) = self.document.lines.get(row.line) else { return Vec::new() };
        let plain = |text: &str| Glyph { text: text.to_owned(), at: None, number: false };
        if row.note {
            return line.note.map(|note| format!("({note})")).as_deref().map(plain).into_iter().collect();
        }
        let mut out = Vec::new();
        for (field, span) in &row.shows {
            let text = match field {
                Field::Code => &line.code,
                Field::Text => &line.text,
            };
            if *field == Field::Text && row.shows.len() > 1 && !span.is_empty() {
                out.push(plain(if self.ascii { " - " } else { SEPARATOR }));
            }
            let ends = self.ends(row.line, *field, text.len());
            let shown = span.of(text).unwrap_or_default();
            let visible = shown.trim_end().len();
            let pieces = Shown::with_map(shown);
            for (i, (offset, piece)) in pieces.iter().enumerate() {
                let at = span.start + offset;
                let after = pieces.get(i + 1).map_or(span.end, |(next, _)| span.start + next);
                if *offset < visible {
                    out.push(Glyph { text: piece.replace('\n', " "), at: Some((*field, at)), number: false });
                }
                let last = after >= span.start + visible && *offset < visible;
                let mut numbers: Vec<usize> =
                    ends.iter().filter(|(end, _)| *end == after).map(|(_, number)| *number).collect();
                if last && *field == Field::Text {
                    numbers.extend(self.running_at(row.line, after, span.end));
                }
                if !numbers.is_empty() {
                    out.push(Glyph { text: number_mark(&numbers, self.ascii), at: None, number: true });
                }
            }
        }
        out
    }

    /// The match that runs on past the end of a row: its number stands there too. Only the first, which is
    /// what the row has room for.
    fn running_at(&self, line: usize, visible_end: usize, row_end: usize) -> Option<usize> {
        self.document.matches.iter().find_map(|found| {
            let place = found.place.filter(|place| place.line == line)?;
            let span = place.span?;
            (span.start < visible_end && span.end > row_end.max(visible_end)).then_some(found.number)
        })
    }

    /// The row that shows `byte` of `field` of `line`.
    pub fn row_of(&self, line: usize, field: Field, byte: usize) -> Option<usize> {
        let holds = |row: &Row| {
            row.line == line
                && row.shows.iter().any(|(shown, span)| *shown == field && span.start <= byte && byte < span.end)
        };
        self.rows.iter().position(holds).or_else(|| self.rows.iter().position(|row| row.line == line))
    }

    /// The first row of a stretch.
    pub fn row_of_stretch(&self, stretch: Stretch) -> Option<usize> {
        match stretch.span {
            Some(span) => self.row_of(stretch.line, Field::Text, span.start),
            None => self.rows.iter().position(|row| row.line == stretch.line),
        }
    }

    /// The last row of a stretch.
    pub fn last_row_of(&self, stretch: Stretch) -> Option<usize> {
        match stretch.span {
            Some(span) => self.row_of(stretch.line, Field::Text, span.end.saturating_sub(1)),
            None => self.rows.iter().rposition(|row| row.line == stretch.line),
        }
    }

    /// What stands at a column of a row, or the nearest thing before it.
    pub fn at(&self, row: usize, column: usize) -> Option<(usize, Field, usize)> {
        let row = self.rows.get(row)?;
        let mut used = 0;
        let mut found = None;
        for glyph in self.glyphs(row) {
            if let Some((field, byte)) = glyph.at
                && !glyph.text.trim().is_empty()
            {
                found = Some((row.line, field, byte));
                if used >= column {
                    break;
                }
            }
            used += glyph.text.width();
        }
        found
    }

    /// The column at which a byte is drawn in a row.
    pub fn column_of(&self, row: usize, field: Field, byte: usize) -> usize {
        let Some(row) = self.rows.get(row) else { return 0 };
        let mut used = 0;
        for glyph in self.glyphs(row) {
            if glyph.at == Some((field, byte)) {
                return used;
            }
            used += glyph.text.width();
        }
        0
    }
}

const SEPARATOR: &str = " – ";

/// The numbers that stand behind a match: superscript, or in brackets.
pub fn number_mark(numbers: &[usize], ascii: bool) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    let listed = numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    if ascii {
        return format!("[{listed}]");
    }
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    listed
        .chars()
        .map(|c| c.to_digit(10).and_then(|digit| RAISED.get(digit as usize).copied()).unwrap_or('˒'))
        .collect()
}

/// `text` cut to `width` columns, with an ellipsis where something is missing.
pub fn fit(text: &str, width: usize, ascii: bool) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let ellipsis = if ascii { "~" } else { "…" };
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide + 1 > width {
            break;
        }
        out.push_str(grapheme);
        used += wide;
    }
    let mut out = out.trim_end().to_owned();
    if width > 0 {
        out.push_str(ellipsis);
    }
    out
}

/// `text` in rows of at most `width` columns, broken between words.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let document = Document { lines: vec![Line { text: text.to_owned(), ..Line::default() }], matches: Vec::new() };
    let laid = Laid::new(document, width + 2, false);
    laid.rows.iter().map(|row| laid.glyphs(row).into_iter().map(|glyph| glyph.text).collect()).collect()
}
