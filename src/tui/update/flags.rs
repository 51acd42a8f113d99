//! What stands over a patient: set, cleared, and who may open the record.

use chrono::{DateTime, Utc};

use super::decide::may_decide;
use super::{beside, refresh};
use crate::protocol::{PatientDone, PatientRecord, Proposed, Request};
use crate::record::{Flag, PatientAct, PatientId, Safeguards};
use crate::tui::action::Action;
use crate::tui::state::{Effect, Opening, Overlay, PatientMatter, Screen, State, Tone, Writing};
use crate::tui::words;

/// One of the things that can be done, as the box numbers them from 1.
pub struct Choice {
    /// What stands, or does not.
    pub words: String,
    /// Since when, by whom, and who asked to clear it.
    pub detail: String,
    /// What choosing it does.
    pub does: &'static str,
    /// Whether it stands.
    pub stands: bool,
    /// The act; why the person cannot, otherwise.
    pub matter: Result<PatientMatter, &'static str>,
}

/// What can be done about a patient by this person.
pub fn choices(record: &PatientRecord, login: &str, lead: bool, now: Option<DateTime<Utc>>) -> Vec<Choice> {
    let safeguards = &record.safeguards;
    let mut out: Vec<Choice> = Vec::new();
    for flag in Flag::ALL {
        let proposed = record.proposed.iter().find(|proposed| proposed.flag == flag);
        let choice = of_flag(flag, safeguards, login);
        match proposed.filter(|_| !choice.stands) {
            Some(Proposed { why, .. }) => {
                out.push(Choice { detail: format!("proposed: {why}"), ..choice });
                out.push(refusal(flag, lead));
            }
            None => out.push(choice),
        }
        let set = safeguards.flags.iter().find(|set| set.flag == flag);
        if set.is_some_and(|set| set.clearing.is_some() || now.is_some_and(|now| set.review_due() <= now)) {
            let matter = Ok(PatientMatter::Set { flag, withdraw: false });
            let (words, detail) = (format!("still “{}”", flag.words()), String::new());
            out.push(Choice { words, detail, does: "it must still stand", stands: false, matter });
        }
    }
    if safeguards.has(Flag::RestrictedReaders) {
        let readers = match safeguards.readers.is_empty() {
            true => "nobody may open the record".to_owned(),
            false => format!("may open the record: {}", safeguards.readers.join(", ")),
        };
        let matter = if lead { Ok(PatientMatter::Readers) } else { Err("only the safeguarding lead names readers") };
        out.push(Choice { words: readers, detail: String::new(), does: "name them anew", stands: true, matter });
    }
    for (locked, _) in &safeguards.locked_out {
        let matter = match lead && locked != login {
            true => Ok(PatientMatter::LetIn(locked.clone())),
            false => Err("only a safeguarding lead lets somebody in again, and never themselves"),
        };
        let (words, detail) = (format!("{locked} may only hide"), String::new());
        out.push(Choice { words, detail, does: "let them in again", stands: true, matter });
    }
    if !safeguards.locks_out(login) {
        out.push(Choice {
            words: "you have a conflict of interest here".to_owned(),
            detail: String::new(),
            does: "declare it: then only hide",
            stands: false,
            matter: Ok(PatientMatter::LockOut(login.to_owned())),
        });
    }
    out.truncate(9);
    out
}

/// Not to set a flag that the record speaks for.
fn refusal(flag: Flag, lead: bool) -> Choice {
    let matter = match lead {
        true => Ok(PatientMatter::Refuse { flag }),
        false => Err("only the safeguarding lead refuses what the record speaks for"),
    };
    let (words, detail) = (format!("not “{}”", flag.words()), String::new());
    Choice { words, detail, does: "refuse it", stands: false, matter }
}

fn of_flag(flag: Flag, safeguards: &Safeguards, login: &str) -> Choice {
    let Some(set) = safeguards.flags.iter().find(|set| set.flag == flag) else {
        let matter = Ok(PatientMatter::Set { flag, withdraw: false });
        let (words, detail) = (flag.words().to_owned(), String::new());
        return Choice { words, detail, does: "set it", stands: false, matter };
    };
    let since = set.at.with_timezone(&chrono_tz::Europe::London).format("%-d %b %Y");
    let asked = set.clearing.as_ref().map(|by| format!("; {by} asks to clear it")).unwrap_or_default();
    let (words, detail) = (flag.words().to_owned(), format!("{}, {since}{asked}: {}", set.by, set.why));
    let (does, matter) = match &set.clearing {
        Some(by) if by == login => ("you asked to clear it", Err("you asked already: a second person must agree")),
        Some(by) => ("agree to clear it", Ok(PatientMatter::Clear { flag, asked_by: Some(by.clone()) })),
        None => ("ask to clear it", Ok(PatientMatter::Clear { flag, asked_by: None })),
    };
    Choice { words, detail, does, stands: true, matter }
}

/// Who the box is about and what can be done.
pub fn shown(state: &State) -> Option<(PatientId, &str, Vec<Choice>)> {
    let (open, welcome) = (state.record.as_ref()?, state.welcome.as_ref()?);
    let choices = choices(&open.record, &welcome.actor.login, state.is_lead(), state.now);
    Some((open.record.patient, &open.record.card.name, choices))
}

/// A digit in the box.
pub(super) fn chosen(state: &mut State, digit: Option<u8>) -> Vec<Effect> {
    state.overlay = None;
    let Some((patient, name, mut choices)) = shown(state) else { return Vec::new() };
    let place = digit.and_then(|digit| usize::from(digit).checked_sub(1)).filter(|place| *place < choices.len());
    let name = name.to_owned();
    match place.map(|place| choices.swap_remove(place).matter) {
        Some(Ok(matter)) => {
            let what = Writing::Patient(patient, name, matter);
            state.overlay = Some(Overlay::Write { what, typed: String::new() });
        }
        Some(Err(why)) => state.say(Tone::Plain, why),
        None => {}
    }
    Vec::new()
}

/// Up and down in the box in which one says why: whether what is visible is withdrawn too.
pub(super) fn turn(matter: &mut PatientMatter) {
    if let PatientMatter::Set { withdraw, .. } = matter {
        *withdraw = !*withdraw;
    }
}

/// Sends what was written.
pub(super) fn send(
    state: &mut State,
    (patient, name, matter): (PatientId, String, PatientMatter),
    typed: String,
) -> Vec<Effect> {
    if typed.is_empty() && matter != PatientMatter::Readers {
        state.say(Tone::Plain, "write a few words: whoever reads them knows nothing else of it");
        return Vec::new();
    }
    let act = match matter.clone() {
        PatientMatter::Readers => {
            let logins = typed.split([' ', ',']).filter(|login| !login.is_empty()).map(str::to_owned).collect();
            let what = Writing::Patient(patient, name, PatientMatter::NameReaders(logins));
            state.overlay = Some(Overlay::Write { what, typed: String::new() });
            return Vec::new();
        }
        PatientMatter::Set { flag, withdraw } => PatientAct::SetFlag { flag, why: typed, withdraw },
        PatientMatter::Clear { flag, .. } => PatientAct::ClearFlag { flag, why: typed },
        PatientMatter::Refuse { flag } => PatientAct::RefuseFlag { flag, why: typed },
        PatientMatter::NameReaders(logins) => PatientAct::NameReaders { logins, why: typed },
        PatientMatter::LockOut(login) => PatientAct::LockOut { login, why: typed },
        PatientMatter::LetIn(login) => PatientAct::LetIn { login, why: typed },
    };
    if !may_decide(state) {
        return Vec::new();
    }
    state.overlay = None;
    state.handling = Some(Writing::Patient(patient, name, matter));
    vec![Effect::Ask(Request::Patient { patient, act })]
}

/// It took effect.
pub(super) fn done(state: &mut State, done: &PatientDone) -> Vec<Effect> {
    let Some(Writing::Patient(patient, name, matter)) = state.handling.take() else { return refresh(state) };
    let moved = match done.moved {
        0 => String::new(),
        n => format!("; {} wait for people now", words::count(n, "entry", "entries")),
    };
    let said = match matter {
        _ if done.needs_second => format!("{name}: asked; it stands until a second person agrees"),
        PatientMatter::Set { flag, .. } => format!("{name}: {}{moved}", flag.words()),
        PatientMatter::Clear { flag, .. } => format!("{name}: no longer “{}”", flag.words()),
        PatientMatter::Refuse { flag } => format!("{name}: refused, “{}”", flag.words()),
        PatientMatter::Readers | PatientMatter::NameReaders(_) => format!("{name}: readers named"),
        PatientMatter::LockOut(_) => format!("{name}: you can only hide now"),
        PatientMatter::LetIn(login) => format!("{name}: {login} is let in again"),
    };
    let mut effects = refresh(state);
    match state.screen {
        // What stands over the patient is shown with the entry, and can change who must agree.
        Screen::Entry => {
            let open = state.entry.as_ref().map(|open| (open.opened.row.entry, open.from));
            if let Some((entry, from)) = open {
                let opening = Opening { from: Some(from), ..Opening::read(entry) };
                effects.extend(super::act::open(state, opening));
            }
        }
        Screen::Worklist => effects.extend(beside::asked_again(state, Screen::Worklist)),
        _ => effects.push(Effect::Ask(Request::Record { patient })),
    }
    match &done.unfinished {
        Some(unfinished) => state.say(Tone::Warning, format!("{said}; {unfinished}")),
        None => state.say(Tone::Good, said),
    }
    effects
}

/// Opens the box for the patient of the row or entry that is shown.
pub(super) fn begin(state: &mut State) -> Vec<Effect> {
    let patient = match state.screen {
        Screen::Entry => state.entry.as_ref().map(|entry| entry.opened.row.patient),
        _ => state.queue.current().map(|row| row.patient),
    };
    match patient {
        Some(patient) => beside::fetch(state, patient, Action::Flags),
        None => Vec::new(),
    }
}
