//! Where things stand on a screen of a given size. Shared by `update`, which scrolls, and `view`, which draws.

use ratatui::layout::Rect;

use unicode_width::UnicodeWidthStr;

use super::document::{fit, wrap};
use super::state::{EntryState, Preview, QueueState, RedactState};
use crate::protocol::QueueRow;
use crate::record::{Shown, Tier};
use crate::review::State as ReviewState;

/// The smallest terminal on which the screens are drawn; below it one sentence is.
pub const SMALLEST: (u16, u16) = (60, 16);

/// From so many columns the queue stands beside the entry.
pub const WIDE: u16 = 100;

/// Rows below every page: a rule, the last act, the keys.
pub const FOOTER: u16 = 3;

/// Rows above every page: two lines and a rule.
pub const HEADER: u16 = 3;

/// Rows above the skim page, which is for lines: one line and a rule.
pub const SKIM_HEADER: u16 = 2;

/// Whether the terminal is too small to draw on.
pub fn too_small(size: (u16, u16)) -> bool {
    size.0 < SMALLEST.0 || size.1 < SMALLEST.1
}

/// The queue takes no more columns: what there is to say has room in these.
const WIDEST_LIST: u16 = 100;

/// Columns of the queue.
pub fn list_width(size: (u16, u16)) -> u16 {
    if size.0 < WIDE { size.0 } else { (u32::from(size.0) * 9 / 20).min(u32::from(WIDEST_LIST)) as u16 }
}

/// Longer lines of text are hard to read, however wide the terminal is.
const WIDEST_TEXT: usize = 104;

/// An entry takes no more columns, its head and its reasons as well: on a wider terminal they would stand far from the
/// text that they are about.
const WIDEST_ENTRY: u16 = 112;

/// From so many rows the reasons stand right below the text, and on fewer always at the foot of the page.
const TALL: u16 = 50;

/// Columns of an entry.
pub fn text_width(size: (u16, u16)) -> usize {
    usize::from(entry_area(size).width).min(WIDEST_TEXT)
}

/// Where an entry stands.
pub fn entry_area(size: (u16, u16)) -> Rect {
    let height = size.1.saturating_sub(FOOTER);
    if size.0 < WIDE {
        return Rect::new(0, 0, size.0, height);
    }
    let left = list_width(size) + 1;
    Rect::new(left, 0, size.0.saturating_sub(left).min(WIDEST_ENTRY), height)
}

/// Where the queue stands.
pub fn queue_area(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, list_width(size), size.1.saturating_sub(FOOTER))
}

/// Where the rows of the queue stand: below the header, the alarms and the column heads, above the foot line.
pub fn queue_list(size: (u16, u16), queue: &QueueState) -> Rect {
    let area = queue_area(size);
    let above = HEADER + alarm_rows(size, queue) + 1;
    // A blank row and the foot line.
    let below = 2;
    Rect::new(area.x, above, area.width, area.height.saturating_sub(above + below))
}

/// What must be known about the feeds, a sentence each.
pub fn alarms(queue: &QueueState) -> Vec<String> {
    let Some(queue) = &queue.queue else { return Vec::new() };
    let mut alarms = queue.alarms.clone();
    // What asks nothing of anybody stands on the status page.
    alarms.retain(|alarm| !alarm.contains("; 0 of them "));
    alarms
}

/// The alarms in rows of the queue's width, true where one begins; and how many of them are not shown whole.
pub fn alarm_lines(size: (u16, u16), queue: &QueueState) -> (Vec<(bool, String)>, usize) {
    let most = usize::from((size.1 / 8).clamp(2, 6));
    let width = usize::from(list_width(size)).saturating_sub(5);
    let alarms = alarms(queue);
    let mut lines: Vec<(bool, String)> = Vec::new();
    let mut told = 0;
    for alarm in &alarms {
        let rows = wrap(alarm, width);
        // A sentence that is begun is told whole, where the page has room for that at all.
        if !lines.is_empty() && lines.len() + rows.len() > most {
            break;
        }
        lines.extend(rows.into_iter().enumerate().map(|(i, row)| (i == 0, row)));
        told += 1;
    }
    let cut = lines.len() > most;
    lines.truncate(most);
    if let (true, Some((_, last))) = (cut, lines.last_mut()) {
        *last = fit(&format!("{last} …"), width, false);
    }
    (lines, alarms.len() - told + usize::from(cut))
}

/// Rows that the alarms take.
pub fn alarm_rows(size: (u16, u16), queue: &QueueState) -> u16 {
    let (lines, more) = alarm_lines(size, queue);
    (lines.len() + usize::from(more > 0)) as u16
}

/// Columns of the queue's list, by its width: where each begins.
pub struct Columns {
    /// Columns of the patient.
    pub patient: u16,
    /// Who can read the record.
    pub readers: Option<u16>,
    /// What it is and by whom.
    pub entry: Option<u16>,
    /// The reasons.
    pub why: u16,
}

impl Columns {
    /// How long it waits.
    pub const WAITS: u16 = 2;
    /// How urgent it is.
    pub const RISK: u16 = 9;
    /// Whose record.
    pub const PATIENT: u16 = 15;

    /// One past the last column of the reasons: beside another pane a blank one stays.
    pub fn end(&self, width: u16) -> u16 {
        width - u16::from(self.entry.is_none())
    }

    /// The columns that a list of `width` has room for.
    pub fn of(width: u16) -> Self {
        let patient = if width >= 56 { 18 } else { 16 };
        let after = Self::PATIENT + patient;
        match width {
            76.. => Self { patient, readers: Some(after), entry: Some(after + 11), why: after + 11 + 15 },
            66.. => Self { patient, readers: Some(after), entry: None, why: after + 11 },
            _ => Self { patient, readers: None, entry: None, why: after },
        }
    }
}

/// What stands before the reasons of a row.
pub fn tag(row: &QueueRow) -> String {
    if let Some(lease) = row.lease.as_ref().filter(|lease| !lease.yours) {
        return format!("{} has it · ", Shown::new(&lease.name));
    }
    if row.agreed {
        return "for a second reader · ".to_owned();
    }
    match (&row.held_by, row.state, row.changed) {
        (Some(who), ..) => format!("{} reads it · ", Shown::new(who)),
        (None, ReviewState::AwaitingSecond, _) => "second reader · ".to_owned(),
        (None, ReviewState::Disputed, _) => "disputed · ".to_owned(),
        (None, ReviewState::Escalated, _) => "you are asked · ".to_owned(),
        (None, _, true) => "changed · ".to_owned(),
        _ => String::new(),
    }
}

/// The reasons of a row, safe to draw.
pub fn why(row: &QueueRow) -> Vec<String> {
    if row.why.is_empty() && row.tier == Tier::Critical {
        return vec!["everything of this patient is held".to_owned()];
    }
    row.why.iter().map(|why| Shown::new(why).as_str().replace('\n', " ")).collect()
}

/// Rows that one row of the queue would like: two when there is more to say than fits in one.
pub fn queue_row_rows(columns: &Columns, width: u16, row: &QueueRow) -> usize {
    let room = usize::from(columns.end(width).saturating_sub(columns.why));
    let first = format!("{}{}", tag(row), why(row).first().map_or("", String::as_str)).width();
    let exposed = row.readable_since.is_some();
    if columns.entry.is_none() || exposed || row.why.len() > 1 || first > room { 2 } else { 1 }
}

/// How many rows of the screen each row of the queue gets, from the one at the top. When all of them fit, the
/// most urgent get the second one first; a queue longer than the screen has one each.
pub fn queue_heights(size: (u16, u16), queue: &QueueState) -> Vec<u16> {
    let list = queue_list(size, queue);
    let columns = Columns::of(list.width);
    let mut spare = usize::from(list.height).saturating_sub(queue.len());
    let places = (queue.top..queue.len()).take(usize::from(list.height));
    places
        .map(|place| {
            let wants = |row: &QueueRow| queue_row_rows(&columns, list.width, row) > 1;
            let second = spare > 0 && queue.row(place).is_some_and(wants);
            spare -= usize::from(second);
            1 + u16::from(second)
        })
        .collect()
}

/// Rows of the queue on one page, at least one.
pub fn queue_page(size: (u16, u16), queue: &QueueState) -> usize {
    usize::from(queue_list(size, queue).height).max(1)
}

/// Columns beside the skim page on a wide terminal, for all that is not lines: forty of these fit on forty rows.
pub const SKIM_MARGIN: u16 = 20;

/// Where the lines of the skim page stand while they are read: on a wide terminal on all of its rows.
pub fn skim_list(size: (u16, u16)) -> Rect {
    if size.0 < WIDE {
        return Rect::new(0, SKIM_HEADER, size.0, size.1.saturating_sub(FOOTER + SKIM_HEADER));
    }
    Rect::new(0, 0, size.0 - SKIM_MARGIN - 1, size.1)
}

/// Lines of the skim page that the screen has room for.
pub fn skim_page(size: (u16, u16)) -> usize {
    usize::from(skim_list(size).height)
}

/// Text above, reasons below.
pub struct EntryAreas {
    /// The text.
    pub text: Rect,
    /// The reasons and what else to know.
    pub reasons: Rect,
}

/// Where the text and the reasons of an entry stand.
pub fn entry(size: (u16, u16), entry: &EntryState) -> EntryAreas {
    let area = entry_area(size);
    let body = area.height.saturating_sub(HEADER);
    let wanted = super::view::reasons::reason_rows(entry, area.width) as u16;
    // The text has what it needs before the reasons have more than four rows, and otherwise the larger part.
    let rows = entry.compared.as_ref().map_or(entry.laid.rows.len(), |compared| compared.rows.len());
    let spare = body.saturating_sub(u16::try_from(rows).unwrap_or(body) + 1);
    let reasons = wanted.min((body * 2 / 5).max(spare).max(4)).min(body.saturating_sub(2));
    let text = body.saturating_sub(reasons + u16::from(reasons > 0));
    let text = if size.1 >= TALL { text.min(u16::try_from(rows).unwrap_or(body).saturating_add(1)) } else { text };
    let below = (HEADER + text + u16::from(reasons > 0)).min(area.height - reasons);
    EntryAreas {
        text: Rect::new(area.x, HEADER, area.width, text),
        reasons: Rect::new(area.x, below, area.width, reasons),
    }
}

/// Text to choose from, what will be shown, and what to think about.
pub struct RedactAreas {
    /// The text.
    pub text: Rect,
    /// The preview.
    pub preview: Rect,
    /// The warnings and what is settled.
    pub warnings: Rect,
}

/// Rows of a preview that shows less, or says why it shows nothing.
const LEAST_OF_PREVIEW: u16 = 3;

/// Where the parts of the redaction page stand: side by side on a wide terminal.
pub fn redact(size: (u16, u16), redact: &RedactState) -> RedactAreas {
    let height = size.1.saturating_sub(FOOTER);
    let warnings = (redact.warnings.len().min(3) + 1) as u16;
    let body = height.saturating_sub(HEADER + warnings + 1);
    let below = Rect::new(0, height - warnings, size.0, warnings);
    if size.0 < WIDE {
        // Each gets what it needs, and half where both need more.
        let rows = redact.laid.rows.len() as u16;
        let shown = match &redact.preview {
            Preview::Shows(shown) => shown.rows.len() as u16,
            Preview::Unseen | Preview::Nothing(_) => LEAST_OF_PREVIEW,
        };
        let both = body.saturating_sub(1);
        let text = rows.clamp(2, (both / 2).max(both.saturating_sub(shown.max(LEAST_OF_PREVIEW))).max(2));
        let preview = body.saturating_sub(text + 1);
        return RedactAreas {
            text: Rect::new(0, HEADER, size.0, text),
            preview: Rect::new(0, HEADER + text + 1, size.0, preview),
            warnings: below,
        };
    }
    let left = size.0 / 2;
    RedactAreas {
        text: Rect::new(0, HEADER, left, body),
        preview: Rect::new(left + 1, HEADER, size.0 - left - 1, body),
        warnings: below,
    }
}

/// Columns of the text and of the preview on the redaction page.
pub fn redact_width(size: (u16, u16)) -> usize {
    usize::from(if size.0 < WIDE { size.0 } else { size.0 / 2 }).min(WIDEST_TEXT)
}

/// Where the lines of the worklist stand: below the header, above what the selected one says in full.
pub fn worklist_list(size: (u16, u16)) -> Rect {
    let area = queue_area_of(size);
    Rect::new(0, HEADER, area.width, area.height.saturating_sub(HEADER + 4))
}

/// Where the entries of a patient's record stand: below the header, what stands over the patient, and the heads.
pub fn record_list(size: (u16, u16)) -> Rect {
    let area = queue_area_of(size);
    let above = HEADER + RECORD_FLAGS + 1;
    Rect::new(0, above, area.width, area.height.saturating_sub(above + 2))
}

/// Rows for what stands over a patient.
pub const RECORD_FLAGS: u16 = 3;

fn queue_area_of(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0, size.1.saturating_sub(FOOTER))
}

/// The first row to show so that `from..=to` is on a page of `height` rows, moving as little as possible.
pub fn kept(top: usize, height: usize, rows: usize, from: usize, to: usize) -> usize {
    let top = if to >= top + height { (to + 1).saturating_sub(height) } else { top };
    top.min(from).min(rows.saturating_sub(height))
}

/// Where the lines of the log stand: below the header and the column heads, above what the selected one says in full.
pub fn log_list(size: (u16, u16)) -> Rect {
    let above = HEADER + 1;
    Rect::new(0, above, size.0, size.1.saturating_sub(FOOTER + above + LOG_FOOT + 1))
}

/// Rows in which a line of the log is said in full.
pub const LOG_FOOT: u16 = 2;

/// The first row to show so that `from..=to` is on a page of `height` rows, moving as little as possible
/// and keeping a row of what comes before and after in sight.
pub fn scrolled(top: usize, height: usize, rows: usize, from: usize, to: usize) -> usize {
    let margin = usize::from(height > 4);
    let most = rows.saturating_sub(height);
    let mut top = top;
    if to + margin >= top + height {
        top = (to + margin + 1).saturating_sub(height);
    }
    if from < top + margin {
        top = from.saturating_sub(margin);
    }
    top.min(most)
}

/// Where the lines on how things stand are.
pub fn status_text(size: (u16, u16)) -> Rect {
    Rect::new(1, HEADER, size.0.saturating_sub(2), size.1.saturating_sub(HEADER + FOOTER))
}

/// Where the policy's lines stand.
pub fn policy_text(size: (u16, u16)) -> Rect {
    Rect::new(1, HEADER, size.0.saturating_sub(2), size.1.saturating_sub(HEADER + FOOTER))
}
