//! The audit log: who did what, newest first. It holds no text of any record.

use ratatui::layout::{Position, Rect};

use super::{Pen, Theme};
use crate::audit::{Event, Outcome};
use crate::protocol::AuditLine;
use crate::record::Style;
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::document::wrap;
use crate::tui::layout;
use crate::tui::state::State;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let (width, _) = state.size;
    let area = Rect::new(0, 0, width, state.size.1 - layout::FOOTER);
    header(pen, state, theme, area);
    let list = layout::log_list(state.size);
    // Time, person, act, entry, particulars.
    let wide = width >= layout::WIDE;
    let (who, did, entry) = if wide { (17, 33, 53) } else { (15, 26, 43) };
    let detail = entry + if wide { (width - entry) / 2 } else { (width - entry) * 11 / 20 };
    let y = list.y - 1;
    for (x, head) in [(2, "Time"), (who, "Who"), (did, "Did"), (entry, "Entry"), (detail, "Particulars")] {
        pen.line(x, y, width - x, &[(head, theme.dim())]);
    }
    if state.log.lines.is_empty() {
        let text = if state.log.complete { "the log holds nothing yet" } else { "" };
        pen.line(2, list.y, width - 3, &[(text, theme.dim())]);
        return None;
    }
    let mut cursor = None;
    for (i, index) in (state.log.top..state.log.lines.len()).take(usize::from(list.height)).enumerate() {
        let Some(line) = state.log.lines.get(index) else { break };
        let y = list.y + i as u16;
        let selected = index == state.log.selected;
        let base = if selected { theme.strong() } else { theme.plain() };
        if selected {
            cursor = Some(Position::new(0, y));
            pen.line(0, y, 1, &[("▶", base)]);
        }
        let time = words::log_time(line.record.at, state.now);
        let refused = matches!(line.record.outcome, Outcome::Refused(_));
        pen.line(2, y, who - 3, &[(&time, base)]);
        pen.line(who, y, did - who - 1, &[(&line.record.actor.login, base)]);
        let what = line.record.event.words();
        let pieces = if refused { [("refused: ", theme.alarm()), (what, base)] } else { [("", base), (what, base)] };
        pen.line(did, y, entry - did - 1, &pieces);
        pen.line(entry, y, detail - entry - 1, &[(&subject(line, wide), base)]);
        pen.line(detail, y, width - detail, &[(&particulars(line), theme.plain())]);
    }
    if let Some(line) = state.log.lines.get(state.log.selected) {
        pen.rule(area, area.height - layout::LOG_FOOT - 1, "", "", theme.dim());
        foot(pen, theme, Rect::new(1, area.height - layout::LOG_FOOT, width - 2, layout::LOG_FOOT), line);
    }
    cursor
}

/// A line in full: its columns cut long names and reasons.
fn foot(pen: &mut Pen<'_>, theme: Theme, area: Rect, line: &AuditLine) {
    let record = &line.record;
    let refused = if matches!(record.outcome, Outcome::Refused(_)) { "refused: " } else { "" };
    let did = format!("{} {refused}{}", record.actor.login, record.event.words());
    let said = [did, subject(line, true), particulars(line)];
    let said: Vec<String> = said.into_iter().filter(|piece| !piece.is_empty()).collect();
    for (i, row) in wrap(&said.join(" · "), usize::from(area.width)).into_iter().take(2).enumerate() {
        pen.line(area.x, area.y + i as u16, area.width, &[(&row, theme.plain())]);
    }
}

fn header(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let (login, role) = match &state.welcome {
        Some(welcome) => (welcome.actor.login.as_str(), welcome.actor.role.name()),
        None => ("", ""),
    };
    pen.line_to(
        area.right() - 1,
        0,
        area.width / 2,
        &[(login, theme.strong()), ("  ", theme.plain()), (role, theme.plain())],
    );
    let practice = state.welcome.as_ref().map(|welcome| welcome.practice.as_str()).unwrap_or_default();
    pen.line(1, 0, area.width / 2, &[(&format!("Audit log · {practice}"), theme.strong())]);
    let (glyph, style, text) = match &state.log.verified {
        None => {
            let key = state.key(Action::Verify).unwrap_or_default();
            ("", theme.plain(), format!("not verified in this session: {key} reads the whole log"))
        }
        Some((verified, at)) => {
            let at = at.map(|at| format!(" at {}", words::time(at))).unwrap_or_default();
            let head: String = verified.head.chars().take(8).collect();
            let records = words::count(verified.frames, "record", "records");
            match verified.damage.first() {
                None => ("✓ ", theme.good(), format!("intact{at}: {records}, head {head}…")),
                Some(damage) => ("! ", theme.alarm(), format!("damaged: {damage}")),
            }
        }
    };
    pen.line(1, 1, area.width - 2, &[(glyph, style), (&text, theme.plain())]);
    let (at, of) = (state.log.selected + 1, state.log.lines.len());
    let count = match state.log.lines.is_empty() {
        true => String::new(),
        false => format!("{at} of {of}{}", if state.log.complete { "" } else { "+" }),
    };
    pen.rule(area, 2, "", &count, theme.dim());
}

fn subject(line: &AuditLine, wide: bool) -> String {
    match (&line.subject, &line.record.entry) {
        (Some(subject), _) if wide => subject.clone(),
        (Some(subject), _) => match subject.split_once(" · ") {
            Some((name, title)) => format!("{} · {title}", words::short_name(name)),
            None => words::short_name(subject),
        },
        (None, Some(entry)) => format!("entry {}", entry.to_string().chars().take(8).collect::<String>()),
        (None, None) => String::new(),
    }
}

/// What else the record says, in a few words.
fn particulars(line: &AuditLine) -> String {
    if let Outcome::Refused(why) = &line.record.outcome {
        return why.clone();
    }
    match &line.record.event {
        Event::StoreCreated { practice } => practice.clone(),
        Event::Started { build } => build.clone(),
        Event::RuleSilenced { rule, reason, by, .. } => format!("{rule}, by {by}: {reason}"),
        Event::QueueViewed { rows } => words::count(*rows as u64, "row", "rows"),
        Event::AuditViewed { rows } => words::count(*rows as u64, "record", "records"),
        Event::PullStarted { source } => source.clone(),
        Event::PullFinished { entries, set_aside, .. } => {
            let aside = if *set_aside > 0 { format!(", {set_aside} set aside") } else { String::new() };
            format!("{}{aside}", words::count(*entries, "entry", "entries"))
        }
        Event::SetAside { place } => place.clone(),
        Event::Screened { tier, rules } => {
            format!("tier {tier}, {}", words::count(rules.len() as u64, "rule", "rules"))
        }
        Event::Redacted { style, removals } => {
            let style = match style {
                Style::Silent => "silent",
                Style::Marked => "marked",
            };
            format!("{}, {style}", words::count(*removals as u64, "removal", "removals"))
        }
        Event::Hidden { reason } | Event::Withdrawn { reason } => reason.words().to_owned(),
        Event::ReadBack { named_it: true } => "named what is gone".to_owned(),
        Event::ReadBack { named_it: false } => "noticed nothing".to_owned(),
        Event::Deferred { until } => format!("until {until}"),
        Event::Resolved { act } => act.clone(),
        Event::Rescreened { tier, rules } => {
            format!("tier {tier}, {}", words::count(rules.len() as u64, "rule", "rules"))
        }
        Event::RulesChanged { entries, moved, .. } => {
            let moved = if *moved > 0 { format!(", {} moved", words::number(*moved)) } else { String::new() };
            format!("{}{moved}", words::count(*entries, "entry", "entries"))
        }
        Event::PolicyChanged { to, .. } => to.chars().take(12).collect(),
        Event::PolicyRefused { why, .. } | Event::UsersRefused { why } => why.clone(),
        Event::PolicyProposed { looser, .. } => format!("looser in {}", looser.join(", ")),
        Event::UsersChanged { users } => words::count(*users as u64, "user", "users"),
        Event::DecoySown { window } => format!("window {window}"),
        Event::DecoyRead { seen, .. } => if *seen { "noticed" } else { "not noticed" }.to_owned(),
        Event::RoleLost => String::new(),
        Event::FlagSet { flag, entries, .. } => {
            format!("{}, {}", flag.name(), words::count(*entries, "entry", "entries"))
        }
        Event::FlagClearAsked { flag } | Event::FlagCleared { flag } | Event::FlagRefused { flag } => {
            flag.name().to_owned()
        }
        Event::ReadersNamed { logins } => logins.join(", "),
        Event::LockedOut { login } | Event::LetIn { login } => login.clone(),
        Event::ClockStepped { seconds } => format!("by {seconds} s"),
        Event::WorklistViewed { lines } => words::count(*lines as u64, "line", "lines"),
        Event::PublishBlocked { why } | Event::ClearingStopped { why } | Event::ViewRebuilt { why } => why.clone(),
        Event::BatchPublished { channel, entries } => {
            format!("{channel}, {}", words::count(*entries, "entry", "entries"))
        }
        Event::DraftKept { removals } => words::count(*removals as u64, "removal", "removals"),
        Event::LogVerified { frames, damage } => format!(
            "{}, {}",
            words::count(*frames, "record", "records"),
            if *damage == 0 { "intact".to_owned() } else { words::count(*damage as u64, "damage", "damages") }
        ),
        Event::BackedUp { frames } => words::count(*frames, "record", "records"),
        Event::FeedChecked { entries, wrong } => format!(
            "{}, {}",
            words::count(*entries, "entry", "entries"),
            words::count(*wrong as u64, "difference", "differences")
        ),
        Event::TwinsWaived { entries } => words::count(entries.len() as u64, "entry", "entries"),
        Event::Drawn { stratum, .. } | Event::StratumSuspended { stratum } => stratum.clone(),
        Event::SampleRead { missed, .. } => if *missed { "missed" } else { "rightly clear" }.to_owned(),
        Event::SeedCommitted { window, digest, .. } => format!("window {window}, {digest}"),
        Event::SeedRevealed { window, seed } => format!("window {window}, {seed}"),
        Event::EstimatePublished { read, missed, bound, .. } => {
            format!("{missed} of {read} missed, at most {:.2} %", f64::from(*bound) / 1e4)
        }
        Event::ClearingSigned { read, bound } => format!("{read} read, at most {:.2} %", f64::from(*bound) / 1e4),
        Event::ReportViewed => String::new(),
        Event::PatientsUpdated { patients: 0 } => String::new(),
        Event::PatientsUpdated { patients } => words::count(*patients as u64, "patient", "patients"),
        Event::SkimViewed { lines } => words::count(*lines as u64, "line", "lines"),
        Event::Passed { on_screen } => format!("{on_screen} ms on the screen"),
        Event::LeaseAcquired { stage, .. } | Event::LeaseReleased { stage, .. } | Event::LeaseDenied { stage } => {
            format!("{} reading", stage.name())
        }
        Event::LeaseExpired { stage, holder, .. } | Event::LeaseTakenOver { stage, holder, .. } => {
            format!("{} reading, from {holder}", stage.name())
        }
        Event::TailCut { bytes } => words::count(*bytes, "byte", "bytes"),
        Event::EntryOpened
        | Event::Picked
        | Event::Purged
        | Event::Escalated
        | Event::Resumed
        | Event::DeferralOver
        | Event::Returned
        | Event::Reopened
        | Event::PatientAsked
        | Event::Confirmed
        | Event::Noted
        | Event::Ingested
        | Event::Changed
        | Event::Deleted
        | Event::Approved
        | Event::Undone
        | Event::HoldElapsed
        | Event::Published => match &line.record.states {
            Some((from, to)) if from != to => format!("now {}", standing(to)),
            _ => String::new(),
        },
    }
}

/// A state of the log in words.
fn standing(name: &str) -> &str {
    match ReviewState::ALL.into_iter().find(|state| state.name() == name) {
        Some(state) => words::standing(state),
        None => name,
    }
}
