//! The skim page: entries with weak evidence, one line each, read down in seconds. What is passed goes on to
//! its hold; what is not waits, withheld.

use super::rows::{EntryRow, Read};
use super::{Seat, Service, ServiceError};
use crate::audit::{Actor, Event};
use crate::protocol::{Decided, PassedLine, PassedOn, Skim, SkimLine};
use crate::record::{EntryId, Span, sentences};
use crate::review::{self, Passed};
use crate::store::StoreError;

impl Service {
    /// The skim page, oldest first, at most `limit` lines of it.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails.
    pub fn skim(&self, seat: &Seat, limit: usize) -> Result<Skim, ServiceError> {
        let actor = &seat.actor;
        self.may_read(actor, Event::SkimViewed { lines: 0 })?;
        let ids: Vec<EntryId> = self.board().to_skim().take(limit).collect();
        let mut lines = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(read) = self.row(id)? {
                lines.push(self.skim_line(actor, &read.row)?);
            }
        }
        self.note(actor, Event::SkimViewed { lines: lines.len() })?;
        self.served(seat, &lines);
        Ok(Skim { lines, reading_time: self.policy().reading_time, totals: self.totals()? })
    }

    /// The sentence that scored, with the words in it that did.
    fn skim_line(&self, actor: &Actor, row: &EntryRow) -> Result<SkimLine, ServiceError> {
        let version = self.version(row.entry.id, row.review.version)?;
        let screening = self.screening(row.entry.id, row.review.version)?;
        let finding = screening.findings.first();
        let place = finding.and_then(|finding| finding.place.as_ref());
        let part = place.and_then(|place| version.part(&place.part));
        let (sentence, marked) = match (part, place.and_then(|place| place.span)) {
            (Some(part), Some(span)) => {
                let whole = sentences(&part.text).into_iter().find(|whole| whole.overlaps(span)).unwrap_or(span);
                let scored = Span::new(span.start.max(whole.start), span.end.min(whole.end));
                let marked = match (finding, whole.of(&part.text)) {
                    (Some(finding), Some(sentence)) if scored == whole => {
                        let quoted = quoted(&finding.why, sentence);
                        Span::new(whole.start + quoted.start, whole.start + quoted.end)
                    }
                    _ => scored,
                };
                let shown = in_context(&part.text, whole);
                let sentence = shown.of(&part.text).unwrap_or_default().to_owned();
                (sentence, Span::new(marked.start - shown.start, marked.end - shown.start))
            }
            (Some(part), None) if !part.display.is_empty() => (part.display.clone(), Span::new(0, part.display.len())),
            _ => (finding.map(|finding| finding.why.clone()).unwrap_or_default(), Span::new(0, 0)),
        };
        Ok(SkimLine { row: self.queue_row(actor, row)?, sentence, marked })
    }

    /// Lets lines pass that somebody has read, for no longer than they can have. Each is its own act; one that may not pass does not stop the others.
    ///
    /// # Errors
    /// When the role reads no records, or the store fails; the lines before that have passed.
    pub fn pass(&self, seat: &Seat, lines: &[PassedLine]) -> Result<PassedOn, ServiceError> {
        let actor = &seat.actor;
        self.may_read(actor, Event::SkimViewed { lines: 0 })?;
        let mut passed = PassedOn::default();
        for line in &self.read_at_most(seat, lines) {
            match self.pass_line(seat, line) {
                Ok(decided) => passed.passed.push(decided.entry),
                Err(ServiceError::Refused(why)) => {
                    self.has_not_read(seat, line.on_screen);
                    passed.refused.push(why);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(passed)
    }

    fn pass_line(&self, seat: &Seat, line: &PassedLine) -> Result<Decided, ServiceError> {
        let actor = &seat.actor;
        let read = self.existing(line.entry)?;
        let event = Event::Passed { on_screen: line.on_screen };
        if read.row.review.version != line.version || read.row.review.revision != line.revision {
            let why = "the entry has moved on since its line was shown: refresh the page".to_owned();
            return Err(self.refused(actor, event, &read.row, ServiceError::Refused(why)));
        }
        let passed = Passed { by: actor.login.clone(), at: self.now(), on_screen: line.on_screen };
        self.move_on(seat, event, read, &review::Event::Pass(passed))
    }

    /// Pulls an entry out of the skim page, or off its hold, into the queue.
    ///
    /// # Errors
    /// As [`Service::decide`].
    pub fn pick(&self, seat: &Seat, id: EntryId) -> Result<Decided, ServiceError> {
        let read = self.existing(id)?;
        self.move_on(seat, Event::Picked, read, &review::Event::Pick)
    }

    pub(super) fn move_on(
        &self,
        seat: &Seat,
        event: Event,
        read: Read<EntryRow>,
        step: &review::Event<'_>,
    ) -> Result<Decided, ServiceError> {
        let (actor, id) = (&seat.actor, read.row.entry.id);
        match self.step(actor, &read.row, step) {
            Ok(review) => match self.carry_out(seat, event, read, review) {
                Err(ServiceError::Store(StoreError::Conflict(..))) => Err(self.overtaken(actor, id)),
                other => other,
            },
            Err(refusal) => Err(self.refused(actor, event, &read.row, refusal)),
        }
    }
}

/// A sentence of fewer characters says too little by itself: “Keep going.”
const TERSE: usize = 25;

/// Characters of what is shown in its place: as many as a line has room for.
const IN_CONTEXT: usize = 56;

/// A terse sentence with what stands before it, and where nothing does with what stands after, as far as a line has room.
fn in_context(text: &str, sentence: Span) -> Span {
    let long = sentence.of(text).map_or(0, |words| words.chars().count());
    let Some(mut room) = IN_CONTEXT.checked_sub(long).filter(|_| long < TERSE) else { return sentence };
    let (before, after) =
        (text.get(..sentence.start).unwrap_or_default(), text.get(sentence.end..).unwrap_or_default());
    let mut shown = sentence;
    for (at, c) in before.char_indices().rev() {
        // A line of its own is about something else.
        if c == '\n' || room == 0 {
            break;
        }
        room -= 1;
        if !c.is_whitespace()
            && before.get(..at).unwrap_or_default().chars().next_back().is_none_or(char::is_whitespace)
        {
            shown = Span::new(at, shown.end);
        }
    }
    if shown.start < sentence.start {
        return shown;
    }
    for (at, c) in after.char_indices() {
        if c == '\n' || room == 0 {
            break;
        }
        room -= 1;
        let end = at + c.len_utf8();
        if !c.is_whitespace() && after.get(end..).unwrap_or_default().chars().next().is_none_or(char::is_whitespace) {
            shown = Span::new(shown.start, sentence.end + end);
        }
    }
    shown
}

/// Where the words that a reason quotes stand in the sentence it is about: of a sentence that scored as a whole
/// these weighed most.
fn quoted(why: &str, sentence: &str) -> Span {
    let words = why.split_once('“').and_then(|(_, rest)| rest.split_once('”')).map(|(words, _)| words);
    let start = words.filter(|words| !words.is_empty()).and_then(|words| Some((sentence.find(words)?, words)));
    start.map_or(Span::new(0, sentence.len()), |(start, words)| Span::new(start, start + words.len()))
}
