//! What is done beside deciding, line by line: in words of one's own, by the lead, about a whole patient, and what
//! needs somebody beside the queue.

use std::io::Write;

use super::entry::Open;
use super::voice::ended;
use super::{Line, PlainError, Session};
use crate::audit::Role;
use crate::protocol::{Proposed, Reply, Request, WorkItem};
use crate::record::{Act, EntryId, Handling, PatientAct, PatientId, Version};
use crate::review::{State as ReviewState, Waiver};
use crate::tui::action::Action;
use crate::tui::state::PatientMatter;
use crate::tui::update::flags::{Choice, choices};
use crate::tui::update::handle::possible;
use crate::tui::words;

/// Days that something is put off for, if nobody says otherwise.
const DAYS: u64 = 7;

impl<W: Write, L: Line> Session<W, L> {
    fn lead(&self) -> bool {
        self.welcome.actor.role == Role::Lead
    }

    /// What a person does with the open entry beside deciding, in their own words.
    pub(super) async fn handle(&mut self, action: Action, rest: &str) -> Result<(), PlainError> {
        let Some(open) = &self.open else {
            return Ok(self.voice.refuse("no entry is open: say open and its number")?);
        };
        let row = open.opened.row.clone();
        let to_read_back = open.opened.to_read_back;
        if let Err(why) = possible(row.state, action, self.lead()) {
            return Ok(self.voice.refuse(&why)?);
        }
        if rest.is_empty() && !matches!(action, Action::Resume | Action::ReadBack) {
            let name = action.about().name;
            return Ok(self
                .voice
                .refuse(&format!("say {name} and a few words: whoever reads them knows nothing else"))?);
        }
        let (entry, version, revision) = (row.entry, row.version, row.revision);
        let words = rest.to_owned();
        let handling = match action {
            Action::ReadBack if !to_read_back => {
                return Ok(self.voice.refuse("only the second reader of a redaction reads back what is left")?);
            }
            Action::ReadBack => {
                let request = Request::ReadBack { entry, version, revision, guess: words };
                if let Some(Reply::Decided(decided)) = self.ask(request).await? {
                    self.voice.say(&format!("Read back; it is {}.", words::standing(decided.state)))?;
                    if decided.state == ReviewState::AwaitingSecond {
                        return self.open(entry).await;
                    }
                    self.open = None;
                }
                return Ok(());
            }
            Action::Escalate => Handling::Escalate { note: words },
            Action::Note => Handling::Note { text: words },
            Action::Reopen => Handling::Reopen { why: words },
            Action::Confirm => Handling::Confirm { why: words },
            Action::GiveBack => Handling::Return { advice: words },
            Action::PatientAsks => Handling::PatientAsks { note: words },
            Action::Resume => Handling::Resume,
            _ => {
                let (days, why) = match rest.split_once(' ') {
                    Some((days, why)) if days.parse::<u64>().is_ok() => (days.parse().unwrap_or(DAYS), why),
                    _ => (DAYS, rest),
                };
                let now = self.now.unwrap_or(row.waiting_since).with_timezone(&chrono_tz::Europe::London);
                Handling::Defer { until: now.date_naive() + chrono::Days::new(days), why: why.to_owned() }
            }
        };
        let (resumed, noted) = (handling == Handling::Resume, matches!(handling, Handling::Note { .. }));
        let request = Request::Handle { entry, version, revision, handling };
        let Some(Reply::Decided(decided)) = self.ask(request).await? else { return Ok(()) };
        if noted {
            self.voice.say("Noted for the next reader. It stays, and no patient ever sees it.")?;
            return self.look_again(entry).await;
        }
        let said = format!("{}, {}: it is {} now.", row.patient_name, row.title, words::standing(decided.state));
        self.voice.say(&said)?;
        self.open = None;
        if resumed { self.open(entry).await } else { Ok(()) }
    }

    /// The open entry as it is now, without telling it again: what was begun in it goes on.
    async fn look_again(&mut self, entry: EntryId) -> Result<(), PlainError> {
        if let Some(Reply::Entry(opened)) = self.ask(Request::Open { entry }).await? {
            match &mut self.open {
                Some(open) if open.opened.version == opened.version => open.opened = *opened,
                _ => self.open = Some(Open::new(*opened)),
            }
        }
        Ok(())
    }

    /// Whether the lead decides here, and says why: a dispute, or where somebody asked.
    pub(super) fn resolves(&self) -> bool {
        let login = &self.welcome.actor.login;
        self.lead()
            && self.open.as_ref().is_some_and(|open| {
                let decisions = &open.opened.decisions;
                open.opened.row.state.waits_for_lead() && !decisions.iter().any(|decision| decision.by == *login)
            })
    }

    /// The lead's decision as a request; says what is missing.
    pub(super) fn resolution(&mut self, act: Act, why: &str) -> Result<Option<Request>, PlainError> {
        let Some(open) = &self.open else { return Ok(None) };
        let (row, waivers) = (&open.opened.row, open.considered.clone());
        let (entry, version, revision) = (row.entry, row.version, row.revision);
        if why.is_empty() {
            self.voice.refuse("you decide as the lead: say why behind it, the readers are told")?;
            return Ok(None);
        }
        Ok(Some(Request::Resolve { entry, version, revision, act, why: why.to_owned(), token: None, waivers }))
    }

    /// Names one of the entries with the same words as considered, or no longer.
    pub(super) fn consider(&mut self, number: &str) -> Result<(), PlainError> {
        let Some(open) = &mut self.open else {
            return Ok(self.voice.refuse("no entry is open: say open and its number")?);
        };
        let twins: Vec<_> = open.opened.twins.iter().filter(|twin| !twin.waived).map(|twin| &twin.row).collect();
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let row = match (number, place) {
            ("this", _) => Some(&open.opened.row),
            (_, place) => place.and_then(|place| twins.get(place)).copied(),
        };
        let Some(row) = row else {
            let why = "say considered and the number of one of the entries with the same words; or this, where other \
                       lines of this entry repeat them";
            return Ok(self.voice.refuse(why)?);
        };
        let (name, waiver) = (row.patient_name.clone(), Waiver { entry: row.entry, version: row.version });
        let said = match open.considered.contains(&waiver) {
            true => {
                open.considered.retain(|named| *named != waiver);
                format!("No longer named as considered: {name}.")
            }
            false => {
                open.considered.push(waiver);
                format!("Named as considered: {name}. Your decision will say so.")
            }
        };
        Ok(self.voice.say(&said)?)
    }

    pub(super) async fn propose(&mut self) -> Result<(), PlainError> {
        let Some(entry) = self.open_entry()? else { return Ok(()) };
        if let Some(Reply::Proposed(entries)) = self.ask(Request::Propose { entry }).await? {
            let others = words::count(entries.len() as u64, "other entry", "other entries");
            self.voice.say(&format!("Drafted in {others}: what repeats the words is suggested there."))?;
        }
        Ok(())
    }

    pub(super) async fn take_over(&mut self) -> Result<(), PlainError> {
        let Some(entry) = self.open_entry()? else { return Ok(()) };
        if let Some(Reply::Claimed(claimed)) = self.ask(Request::TakeOver { entry }).await? {
            let minutes = words::count(claimed.seconds_left.div_ceil(60), "minute", "minutes");
            self.voice.say(&format!("Yours for {minutes}, and longer while you work on it."))?;
        }
        Ok(())
    }

    fn open_entry(&mut self) -> Result<Option<EntryId>, PlainError> {
        let entry = self.open.as_ref().map(|open| open.opened.row.entry);
        if entry.is_none() {
            self.voice.refuse("no entry is open: say open and its number")?;
        }
        Ok(entry)
    }

    /// The version before the one that was told last, beside the present one.
    pub(super) async fn earlier(&mut self) -> Result<(), PlainError> {
        let Some(entry) = self.open_entry()? else { return Ok(()) };
        let before = self.open.as_ref().map(|open| open.told.unwrap_or(open.opened.version.version));
        let before = before.unwrap_or(Version::FIRST);
        if before <= Version::FIRST {
            return Ok(self.voice.say("There is no earlier version.")?);
        }
        if let Some(Reply::Earlier(earlier)) = self.ask(Request::Earlier { entry, before }).await?
            && let Some(open) = &mut self.open
        {
            open.told = Some(earlier.content.version);
            open.tell_earlier(&mut self.voice, &earlier)?;
        }
        Ok(())
    }

    /// Tells the worklist; with a number opens what it is about.
    pub(super) async fn worklist(&mut self, number: &str) -> Result<(), PlainError> {
        if number.is_empty() {
            let Some(Reply::Worklist(list)) = self.ask(Request::Worklist).await? else { return Ok(()) };
            if list.items.is_empty() {
                self.voice.say("Nothing needs anybody beside the queue.")?;
            }
            for (number, WorkItem { kind, patient_name, what, owner, .. }) in (1..).zip(&list.items) {
                let kind = words::capital(kind.words());
                let what = ended(&format!("{patient_name}: {what}"));
                self.voice.say(&format!("{number}. {kind}. {what} To see to it: {owner}."))?;
            }
            self.work = list.items;
            return Ok(());
        }
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match place.and_then(|place| self.work.get(place)).map(|item| (item.entry, item.patient)) {
            Some((Some(entry), _)) => self.open(entry).await,
            Some((None, patient)) => self.record(patient).await,
            None => Ok(self.voice.refuse("there is nothing of that number: say worklist")?),
        }
    }

    /// The patient of the open entry, or of the record that was told last.
    fn patient(&mut self) -> Result<Option<PatientId>, PlainError> {
        let patient = self.open.as_ref().map(|open| open.opened.row.patient);
        let patient = patient.or(self.record.as_ref().map(|record| record.patient));
        if patient.is_none() {
            self.voice.refuse("whose? open an entry of the patient first")?;
        }
        Ok(patient)
    }

    /// All that is here of the patient of the open entry.
    pub(super) async fn record_here(&mut self) -> Result<(), PlainError> {
        match self.patient()? {
            Some(patient) => self.record(patient).await,
            None => Ok(()),
        }
    }

    async fn record(&mut self, patient: PatientId) -> Result<(), PlainError> {
        let Some(Reply::Record(record)) = self.ask(Request::Record { patient }).await? else { return Ok(()) };
        self.voice.say(&format!("{}, {}.", record.card.name, record.card.sex_age))?;
        if let Some(why) = &record.closed {
            self.voice.refuse(why)?;
        }
        for flag in &record.card.flags {
            self.voice.say(&format!("Flag: {flag}."))?;
        }
        for Proposed { flag, why } in &record.proposed {
            self.voice.say(&format!("Proposed: {}: {why}. Say flags to set or refuse it.", flag.words()))?;
        }
        for (number, row) in (1..).zip(&record.entries) {
            let at = row.recorded.map(words::day_and_time).unwrap_or_else(|| "no date".to_owned());
            let stands = words::standing(row.state);
            self.voice.say(&format!("{number}. {at}. {}, {}. It is {stands}.", row.title, row.author))?;
        }
        if record.more > 0 {
            self.voice.say(&format!("{} older ones are not told.", record.more))?;
        }
        // Open and a number mean these now.
        self.open = None;
        self.skim_told = None;
        (self.rows, self.from) = (record.entries.clone(), 0);
        self.fits = self.rows.len();
        self.record = Some(*record);
        Ok(())
    }

    /// Tells what stands over the patient; with a number and why, does that.
    pub(super) async fn flags(&mut self, rest: &str) -> Result<(), PlainError> {
        let Some(patient) = self.patient()? else { return Ok(()) };
        let (number, why) = rest.split_once(' ').unwrap_or((rest, ""));
        if number.is_empty() || self.record.as_ref().is_none_or(|record| record.patient != patient) {
            let Some(Reply::Record(record)) = self.ask(Request::Record { patient }).await? else { return Ok(()) };
            self.record = Some(*record);
            return self.tell_flags();
        }
        let mut all = self.flag_choices();
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(place) = place.filter(|place| *place < all.len()) else {
            return Ok(self.voice.refuse("there is nothing of that number: say flags")?);
        };
        let matter = match all.swap_remove(place).matter {
            Ok(matter) => matter,
            Err(why) => return Ok(self.voice.refuse(why)?),
        };
        let why = why.trim().to_owned();
        if why.is_empty() {
            return Ok(self.voice.refuse("say flags, the number, and why in a few words")?);
        }
        let act = match matter {
            PatientMatter::Set { flag, .. } => PatientAct::SetFlag { flag, why, withdraw: false },
            PatientMatter::Clear { flag, .. } => PatientAct::ClearFlag { flag, why },
            PatientMatter::Refuse { flag } => PatientAct::RefuseFlag { flag, why },
            PatientMatter::LockOut(login) => PatientAct::LockOut { login, why },
            PatientMatter::LetIn(login) => PatientAct::LetIn { login, why },
            PatientMatter::Readers | PatientMatter::NameReaders(_) => {
                let Some((logins, why)) = why.split_once(':') else {
                    return Ok(self.voice.refuse("say flags, the number, the logins, a colon, and why")?);
                };
                let logins = logins.split_whitespace().map(str::to_owned).collect();
                PatientAct::NameReaders { logins, why: why.trim().to_owned() }
            }
        };
        if let Some(Reply::PatientDone(done)) = self.ask(Request::Patient { patient, act }).await? {
            let second = if done.needs_second { " A second person must agree." } else { "" };
            let moved = words::count(done.moved, "entry", "entries");
            self.voice.say(&format!("Done; {moved} moved.{second}"))?;
            if let Some(unfinished) = &done.unfinished {
                self.voice.say(&format!("{}.", words::capital(unfinished)))?;
            }
            if let Some(Reply::Record(record)) = self.ask(Request::Record { patient }).await? {
                self.record = Some(*record);
            }
        }
        Ok(())
    }

    fn flag_choices(&self) -> Vec<Choice> {
        let Some(record) = &self.record else { return Vec::new() };
        choices(record, &self.welcome.actor.login, self.lead(), self.now)
    }

    fn tell_flags(&mut self) -> Result<(), PlainError> {
        for (number, choice) in (1..).zip(self.flag_choices()) {
            let stands = if choice.stands { "stands" } else { "does not stand" };
            let does = match &choice.matter {
                Ok(_) => choice.does,
                Err(why) => why,
            };
            let detail = if choice.detail.is_empty() { String::new() } else { format!(" ({})", choice.detail) };
            self.voice.say(&format!("{number}. {}{detail}: {stands}. {}.", choice.words, words::capital(does)))?;
        }
        self.voice.say("Say flags, a number and why. One person sets a flag; two clear it, one of them the lead.")?;
        Ok(())
    }
}
