//! One entry, told and redacted line by line.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::voice::{Voice, ended, listed};
use crate::protocol::{Draft, Earlier, Opened};
use crate::record::{AccessLevel, Act, EntryId, Span, Style, Version};
use crate::review::{RedactionError, Waiver, render};
use crate::tui::action::Action;
use crate::tui::compare::compare;
use crate::tui::document::{Document, Stretch, number_mark};
use crate::tui::redaction::{Removals, stretches_of};
use crate::tui::warnings::{sex_of, warnings};
use crate::tui::words;

/// An open entry, and the redaction in the making.
pub struct Open {
    /// As the daemon sent it.
    pub opened: Opened,
    /// Whether it is being redacted.
    pub redacting: bool,
    /// Entries with the same words that the person named as considered.
    pub considered: Vec<Waiver>,
    /// The earlier version that was told last.
    pub told: Option<Version>,
    document: Document,
    removals: Removals,
    kept: BTreeSet<usize>,
    style: Style,
    /// Whose view the preview tells, by index of the patient's views.
    reader: usize,
    /// Whether the daemon does not have the latest of the redaction yet.
    unsaved: bool,
}

impl Open {
    /// An entry that has come.
    pub fn new(opened: Opened) -> Self {
        let document = Document::of_version(&opened.version, &opened.screening);
        let style = opened.draft.as_ref().map_or_else(Style::default, |draft| draft.style);
        let draft = opened.draft.as_ref().map(|draft| draft.removals.clone()).unwrap_or_default();
        let removals = Removals::from_record(&document, &opened.version, &draft);
        Self {
            opened,
            redacting: false,
            considered: Vec::new(),
            told: None,
            document,
            removals,
            kept: BTreeSet::new(),
            style,
            reader: 0,
            unsaved: false,
        }
    }

    /// Tells the whole entry: whose it is, who reads it, its text with numbered matches, and why to look.
    ///
    /// # Errors
    /// Those of the output.
    pub fn tell<W: Write>(&self, voice: &mut Voice<W>) -> io::Result<()> {
        let (row, patient) = (&self.opened.row, &self.opened.patient);
        let what = ended(&listed([row.title.as_str(), row.author.as_str()], ", "));
        voice.say(&format!("{}, {}. {what}", patient.name, patient.sex_age))?;
        self.tell_readers(voice)?;
        for (index, line) in self.document.lines.iter().enumerate() {
            let heading = if line.heading.is_empty() { String::new() } else { format!("{}: ", line.heading) };
            let code = match (line.code.as_str(), line.text.is_empty()) {
                ("", _) => String::new(),
                (code, true) => code.to_owned(),
                (code, false) => format!("{code} - "),
            };
            let note = line.note.map(|note| format!(" ({note})")).unwrap_or_default();
            voice.say(&format!("{heading}{code}{}{note}", self.numbered(index)))?;
        }
        for found in &self.document.matches {
            let finding = &found.finding;
            let what = format!(
                "Match {}: {}: {} {}.",
                found.number,
                finding.category.words(),
                ended(&finding.why),
                words::tier(finding.tier)
            );
            voice.say(&what)?;
        }
        for flag in &patient.flags {
            voice.say(&ended(&format!("Flag: {flag}")))?;
        }
        if self.opened.draft.as_ref().is_some_and(|draft| !draft.removals.is_empty()) {
            voice.say("A redaction of yours is half made: say redact to go on with it.")?;
        }
        if self.opened.before.is_some() {
            voice.say("It changed since it was decided: say versions.")?;
        }
        for other in &self.opened.also_here {
            let why = listed(other.why.iter().map(String::as_str), "; ");
            voice.say(&ended(&format!("Also waiting here: {}, {}: {why}", other.patient_name, other.title)))?;
        }
        for (number, twin) in (1..).zip(self.opened.twins.iter().filter(|twin| !twin.waived)) {
            let (row, stands) = (&twin.row, words::standing(twin.row.state));
            let which = listed([row.patient_name.as_str(), row.title.as_str(), row.author.as_str(), stands], ", ");
            let said = ended(&listed(twin.words.iter().map(String::as_str), "; "));
            voice.say(&format!("The same words, {number}: {which}: {said} Say considered {number} to name it."))?;
        }
        for note in &self.opened.notes {
            voice.say(&format!("{} {}: {}", note.by, note.on.words(), note.text))?;
        }
        if self.opened.to_read_back {
            return voice.say("You are the second reader: this is only what would be left. Say read-back and what seems to be missing.");
        }
        match &self.opened.may_not_release {
            Some(why) => voice.say(&ended(&words::capital(why))),
            None => voice.say("What now? approve, redact, hide and a reason, next-entry, or back."),
        }
    }

    /// A line's text with the number of each match behind its words.
    fn numbered(&self, line: usize) -> String {
        let Some(text) = self.document.lines.get(line).map(|line| line.text.as_str()) else { return String::new() };
        let mut ends: Vec<(usize, usize)> = Vec::new();
        for found in &self.document.matches {
            if let Some(place) = found.place.filter(|place| place.line == line) {
                ends.push((place.span.map_or(text.len(), |span| span.end), found.number));
            }
        }
        ends.sort_unstable();
        let mut out = String::new();
        let mut from = 0;
        for (end, number) in ends {
            out.push_str(text.get(from..end).unwrap_or_default());
            out.push_str(&number_mark(&[number], true));
            from = end.max(from);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    fn tell_readers<W: Write>(&self, voice: &mut Voice<W>) -> io::Result<()> {
        match self.opened.patient.readers.as_slice() {
            [] => voice.say("Read by nobody online."),
            readers => voice.say(&ended(&format!("Read by: {}", readers.join("; ")))),
        }
    }

    /// What can be done to an open entry without asking the daemon.
    ///
    /// # Errors
    /// Those of the output.
    pub fn act<W: Write>(&mut self, action: Action, rest: &str, voice: &mut Voice<W>) -> io::Result<()> {
        match action {
            Action::Patient => {
                self.tell_readers(voice)?;
                let card = &self.opened.patient;
                card.household.iter().try_for_each(|other| voice.say(&format!("At the same address: {other}.")))?;
                let withheld = self.opened.withheld.iter().map(words::withheld);
                withheld
                    .map(|other| ended(&format!("Withheld before: {other}")))
                    .try_for_each(|line| voice.say(&line))?;
                card.flags.iter().try_for_each(|flag| voice.say(&format!("Flag: {flag}.")))
            }
            _ if self.opened.may_not_release.is_some() => {
                voice.refuse(self.opened.may_not_release.as_deref().unwrap_or_default())
            }
            Action::Redact => {
                self.redacting = true;
                voice.say("Redacting. take-all takes every suggestion; remove or keep and a match's number, or the words themselves; style; reader for what the next reader sees; then decide, or back.")?;
                self.preview(voice)
            }
            Action::Reader => {
                let readers = self.opened.patient.views.len();
                if readers < 2 {
                    return voice.refuse("nobody else reads this record");
                }
                self.redacting = true;
                self.reader = (self.reader + 1) % readers;
                self.preview(voice)
            }
            Action::TakeAll => {
                self.redacting = true;
                let mut taken: Vec<Stretch> =
                    self.document.matches.iter().flat_map(|found| found.suggested.clone()).collect();
                taken.extend(stretches_of(&self.opened.version, &self.opened.earlier_removals));
                if taken.is_empty() {
                    return voice.refuse("there is nothing suggested: say remove and the words");
                }
                taken.iter().for_each(|stretch| self.removals.remove(&self.document, *stretch));
                self.unsaved = true;
                self.preview(voice)
            }
            Action::Style => {
                self.redacting = true;
                self.style = match self.style {
                    Style::Silent => Style::Marked,
                    Style::Marked => Style::Silent,
                };
                self.unsaved = true;
                self.preview(voice)
            }
            _ => {
                self.redacting = true;
                let stretches = match self.named(rest) {
                    Ok(stretches) => stretches,
                    Err(why) => return voice.refuse(why),
                };
                for stretch in stretches {
                    match action {
                        Action::Remove => self.removals.remove(&self.document, stretch),
                        _ => self.removals.keep(&self.document, stretch),
                    }
                }
                if let (Action::Keep, Ok(number)) = (action, rest.parse::<usize>()) {
                    self.kept.insert(number.saturating_sub(1));
                }
                self.unsaved = true;
                self.preview(voice)
            }
        }
    }

    /// What a match's number, or words of the text, stand for.
    fn named(&self, what: &str) -> Result<Vec<Stretch>, &'static str> {
        if let Ok(number) = what.parse::<usize>() {
            let found = self.document.matches.iter().find(|found| found.number == number);
            let found = found.ok_or("there is no match of that number in this entry")?;
            let places: Vec<Stretch> = match found.suggested.is_empty() {
                true => found.place.into_iter().collect(),
                false => found.suggested.clone(),
            };
            return if places.is_empty() {
                Err("that one is about the whole entry: hide it instead")
            } else {
                Ok(places)
            };
        }
        let words = what.trim_matches('"');
        if words.is_empty() {
            return Err("say which: a match's number, or words of the text");
        }
        let mut places = Vec::new();
        for (line, of) in self.document.lines.iter().enumerate() {
            if of.code == words {
                places.push(Stretch { line, span: None });
            }
            let found = of.text.match_indices(words);
            places.extend(found.map(|(at, _)| Stretch { line, span: Some(Span::new(at, at + words.len())) }));
        }
        match places.len() {
            0 => Err("these words do not stand in the entry as you wrote them"),
            1 => Ok(places),
            _ => Err("these words stand there more than once: say more of them"),
        }
    }

    /// The redaction in the making, if the daemon does not have the latest of it; it is taken to be kept then.
    pub fn unsaved(&mut self) -> Option<(EntryId, Option<Draft>)> {
        if !std::mem::take(&mut self.unsaved) {
            return None;
        }
        let (version, removals) = (&self.opened.version, self.removals.to_record(&self.opened.version));
        let draft = Draft { version: Some(version.version), removals, style: self.style };
        self.opened.draft = Some(draft.clone()).filter(|draft| !draft.removals.is_empty());
        Some((self.opened.row.entry, self.opened.draft.clone()))
    }

    fn act_planned(&self) -> Act {
        Act::Redact { removals: self.removals.to_record(&self.opened.version), style: self.style }
    }

    fn preview<W: Write>(&self, voice: &mut Voice<W>) -> io::Result<()> {
        let style = match self.style {
            Style::Silent => "silently",
            Style::Marked => "with a mark",
        };
        let shown = render(&self.opened.version, &self.act_planned());
        // What one reader sees is less than what is released, never other than it.
        let views = &self.opened.patient.views;
        let (name, level) = match views.get(self.reader) {
            Some((name, level)) => (name.as_str(), *level),
            None => ("the app", AccessLevel::Full),
        };
        match shown.as_ref().map(|rendition| rendition.at(level)) {
            Ok(Some(seen)) => {
                voice.say(&format!("This is what {name} would show, with words taken out {style}:"))?;
                for line in Document::of_rendition(&seen).plain() {
                    voice.say(&format!("  {line}"))?;
                }
            }
            Ok(None) => {
                voice.say(&format!("This is what {name} would show: nothing of it, as this login shows no text."))?
            }
            Err(why) => voice.say(&ended(&words::capital(&why.to_string())))?,
        }
        if views.len() > 1 {
            voice.say(&format!("That is reader {} of {}: say reader for the next.", self.reader + 1, views.len()))?;
        }
        let shown = shown.ok().map(|rendition| Document::of_rendition(&rendition));
        let patient = sex_of(&self.opened.patient.sex_age);
        for warning in warnings(&self.document, &self.removals, &self.kept, shown.as_ref(), patient) {
            voice.say(&ended(&format!("Think about: {warning}")))?;
        }
        Ok(())
    }

    /// The redaction as it would be sent; says why it cannot be.
    ///
    /// # Errors
    /// Those of the output.
    pub fn planned<W: Write>(&self, voice: &mut Voice<W>) -> io::Result<Option<Act>> {
        if self.removals.is_empty() {
            voice.refuse("nothing is taken out: say remove, or back and approve")?;
            return Ok(None);
        }
        let act = self.act_planned();
        match render(&self.opened.version, &act) {
            Ok(_) => Ok(Some(act)),
            Err(RedactionError::NothingLeft) => {
                voice.refuse("nothing worth reading is left: say hide and a reason instead")?;
                Ok(None)
            }
            Err(why) => {
                voice.refuse(&why.to_string())?;
                Ok(None)
            }
        }
    }

    /// Tells what changed since an earlier version. A word that changed in a line stands in brackets.
    ///
    /// # Errors
    /// Those of the output.
    pub fn tell_earlier<W: Write>(&self, voice: &mut Voice<W>, earlier: &Earlier) -> io::Result<()> {
        let (old, new) = (earlier.content.version.0, self.opened.version.version.0);
        let decided = earlier.decisions.last().map(|decision| {
            let at = words::day_and_time(decision.at);
            format!(", which was {} by {}, {at}", words::done(&decision.act), decision.by)
        });
        voice.say(&format!("Since version {old} of {new}{}:", decided.unwrap_or_default()))?;
        let old = Document::of_version(&earlier.content, &self.opened.screening).plain();
        for line in compare(&old, &self.document.plain()) {
            let pieces = line.pieces.iter().map(|(changed, text)| match changed {
                true => format!("[{text}]"),
                false => text.clone(),
            });
            let text: String = pieces.collect();
            match line.mark {
                '+' => voice.say(&format!("new: {text}"))?,
                '-' => voice.say(&format!("gone: {text}"))?,
                _ => {}
            }
        }
        Ok(())
    }
}
