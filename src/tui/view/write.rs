//! The boxes in which one writes, and the one in which one chooses what stands over a patient.

use ratatui::layout::Position;
use ratatui::style::Style;

use super::{Pen, Theme, dialog};
use crate::record::Act;
use crate::tui::document::{fit, wrap};
use crate::tui::state::{Matter, PatientMatter, State, Writing};
use crate::tui::update::flags;
use crate::tui::words;

/// The title of the box and what it asks.
fn asks(what: &Writing) -> (String, String) {
    match what {
        Writing::Entry(target, matter) => {
            let (title, ask) = about_entry(matter);
            (format!("{title} {}", target.label), ask)
        }
        Writing::Patient(_, name, matter) => {
            let (title, ask) = about_patient(matter);
            (format!("{name}: {title}"), ask)
        }
    }
}

fn about_entry(matter: &Matter) -> (&'static str, String) {
    let own = |text: &str| text.to_owned();
    match matter {
        Matter::Escalate => ("Ask the lead about", own("What should the safeguarding lead know? It waits, withheld.")),
        Matter::Note => {
            ("Note on", own("What should the next reader know? It moves nothing, stays, and no patient ever sees it."))
        }
        Matter::Defer { days } => {
            let days = words::count(u64::from(*days), "day", "days");
            ("Put off", format!("For {days} (↑ ↓). What is missing? It waits, withheld."))
        }
        Matter::ReadBack => {
            ("Read back", own("Something was taken out of what you read. What do you think it was? Empty: nothing."))
        }
        Matter::Reopen => (
            "Reopen",
            own("Why is the hide taken back? It is screened and read anew; showing it then needs two people. Nothing \
                 becomes visible by this."),
        ),
        Matter::Confirm => ("Leave as it is:", own("You have looked again. Why does it stay as it is?")),
        Matter::GiveBack => {
            ("Give back", own("What should the reviewers consider? They read it anew, from the beginning."))
        }
        Matter::PatientAsks => {
            ("The patient asks for", own("What did the patient say? The lead looks at it again; it stays hidden."))
        }
        Matter::Resolve(act) => {
            let (title, does) = match act {
                Act::Approve => ("As lead, show", "It is shown as it is"),
                Act::Redact { .. } => ("As lead, redact", "It is shown without what you took out"),
                Act::Hide { .. } => ("As lead, hide", "It is shown to nobody"),
            };
            (title, format!("{does}, and what others wanted falls. Why? The readers are told."))
        }
    }
}

fn about_patient(matter: &PatientMatter) -> (String, String) {
    match matter {
        PatientMatter::Set { flag, withdraw } => {
            let visible = match withdraw {
                true => "What is visible already is withdrawn too (↑ ↓): that it vanishes can itself tell somebody.",
                false => "What is visible already stays (↑ ↓), and the lead looks at it again.",
            };
            let ask = format!("Why? One person sets it; to clear it takes two, one of them the lead. {visible}");
            (flag.words().to_owned(), ask)
        }
        PatientMatter::Clear { flag, asked_by: None } => (
            format!("clear “{}”?", flag.words()),
            "Why? This asks: it stands until a second person agrees, and one of the two is the safeguarding lead. \
             Nothing becomes visible by it."
                .to_owned(),
        ),
        PatientMatter::Clear { flag, asked_by: Some(by) } => (
            format!("clear “{}”", flag.words()),
            format!(
                "{by} asks for it and you are the second; one of the two must be the safeguarding lead. Why do you \
                 agree? Nothing becomes visible by it."
            ),
        ),
        PatientMatter::Refuse { flag } => (
            format!("not “{}”", flag.words()),
            "The record speaks for it. Why is it not set? It is proposed again only when something else speaks for it."
                .to_owned(),
        ),
        PatientMatter::Readers => (
            "who may open it".to_owned(),
            "The logins of those who may open this record, with spaces between. Nobody else then opens it.".to_owned(),
        ),
        PatientMatter::NameReaders(logins) => {
            let ask = match logins.is_empty() {
                true => "Nobody will be able to open this record. Why?".to_owned(),
                false => format!("Only {} may open this record. Why?", logins.join(", ")),
            };
            ("who may open it".to_owned(), ask)
        }
        PatientMatter::LockOut(_) => (
            "your conflict of interest".to_owned(),
            "What is it? You will only be able to hide in this record; only a lead lets you in again.".to_owned(),
        ),
        PatientMatter::LetIn(login) => (format!("let {login} in again"), "Why?".to_owned()),
    }
}

/// A box to write in.
pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme, what: &Writing, typed: &str) -> Option<Position> {
    let (title, ask) = asks(what);
    let room = usize::from(state.size.0.min(76).saturating_sub(8));
    let asked = wrap(&ask, room);
    let below = match what {
        Writing::Patient(_, _, PatientMatter::Readers) => "enter goes on · esc leaves it as it is",
        _ => "enter sends it · esc leaves it as it is",
    };
    let inside = dialog::frame(pen, state, theme, asked.len() + 6, &title, below);
    let mut y = inside.y;
    for row in asked {
        pen.line(inside.x, y, inside.width, &[(&row, theme.plain())]);
        y += 1;
    }
    let rows = wrap(typed, room.saturating_sub(1));
    let below = usize::from(inside.bottom().saturating_sub(y + 1)).max(1);
    let mut cursor = Position::new(inside.x, y + 1);
    for row in rows.iter().skip(rows.len().saturating_sub(below)) {
        y += 1;
        let end = pen.line(inside.x, y, inside.width, &[(row, theme.strong())]);
        cursor = Position::new(end, y);
    }
    Some(cursor)
}

/// What stands over a patient, and what could.
pub(super) fn flags(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let Some((_, name, choices)) = flags::shown(state) else { return };
    let title = format!("{name}: what stands over this patient");
    let details = choices.iter().filter(|choice| !choice.detail.is_empty()).count();
    let inside = dialog::frame(
        pen,
        state,
        theme,
        choices.len() + details + 3,
        &title,
        "a digit chooses · esc leaves it as it is",
    );
    let mut y = inside.y;
    for (number, choice) in (1..).zip(&choices) {
        let base = if choice.stands { theme.strong() } else { theme.plain() };
        let look = if choice.matter.is_ok() { theme.plain() } else { theme.dim() };
        let number = number.to_string();
        let mark = if choice.stands { " ✓ " } else { "   " };
        let does = format!("  {}", choice.does);
        let right = pen.line_to(inside.right(), y, inside.width / 2, &[(&does, look)]);
        let room = right.saturating_sub(inside.x + 4);
        let words = fit(&choice.words, usize::from(room), false);
        let pieces: [(&str, Style); 3] = [(&number, theme.key()), (mark, theme.good()), (&words, base)];
        pen.line(inside.x, y, room + 4, &pieces);
        y += 1;
        if !choice.detail.is_empty() {
            let detail = fit(&choice.detail, usize::from(inside.width.saturating_sub(4)), false);
            pen.line(inside.x + 4, y, inside.width.saturating_sub(4), &[(&detail, theme.dim())]);
            y += 1;
        }
    }
    let told = "One person sets a flag. Two clear it, one of them the safeguarding lead.";
    for row in wrap(told, usize::from(inside.width)) {
        y += 1;
        pen.line(inside.x, y, inside.width, &[(&row, theme.dim())]);
    }
}
