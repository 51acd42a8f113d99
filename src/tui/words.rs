//! Times, names and numbers as people read them.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Europe::London;

use unicode_width::UnicodeWidthStr;

use super::action::Place;
use super::document::fit;
use crate::protocol::Withheld;
use crate::record::{Act, Decision, HideReason, Shown, Tier};
use crate::review::State;

/// `Fri 20 Nov 09:14`, the practice's time.
pub fn day_and_time(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%a %-d %b %H:%M").to_string()
}

/// `09:14`.
pub fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%H:%M").to_string()
}

/// `09:14` for today, `Thu 19 Nov` for another day.
pub fn time_or_day(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let at = at.with_timezone(&London);
    let now = now.with_timezone(&London);
    if at.date_naive() == now.date_naive() { at.format("%H:%M") } else { at.format("%a %-d %b") }.to_string()
}

/// `09:14` for today, `19 Nov` for another day.
pub fn time_or_date(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (at, now) = (at.with_timezone(&London), now.with_timezone(&London));
    at.format(if at.date_naive() == now.date_naive() { "%H:%M" } else { "%-d %b" }).to_string()
}

/// `09:14:05` for today, `19 Nov 09:14` for another day.
pub fn log_time(at: DateTime<Utc>, now: Option<DateTime<Utc>>) -> String {
    let at = at.with_timezone(&London);
    let today = now.is_some_and(|now| now.with_timezone(&London).date_naive() == at.date_naive());
    at.format(if today { "%H:%M:%S" } else { "%-d %b %H:%M" }).to_string()
}

/// `Saturday 07:00` within a week, otherwise `28 November 07:00`.
pub fn weekday_and_time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let near = (at - now).abs() < Duration::days(7);
    at.with_timezone(&London).format(if near { "%A %H:%M" } else { "%-d %B %H:%M" }).to_string()
}

/// `18 Feb`.
pub fn day(day: NaiveDate) -> String {
    day.format("%-d %b").to_string()
}

/// `0h12`, `3h12`, `2d04`, with `!` when late.
pub fn wait(since: DateTime<Utc>, due: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{}{}", span(since, now), if now > due { "!" } else { "" })
}

/// `0h12`, `3h12`, `2d04`.
pub fn span(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - since).num_minutes().max(0);
    match minutes {
        0..1440 => format!("{}h{:02}", minutes / 60, minutes % 60),
        1440..144_000 => format!("{}d{:02}", minutes / 1440, minutes % 1440 / 60),
        _ => format!("{}d", minutes / 1440),
    }
}

/// `no entries`, `1 entry`, `12 entries`, `1,204 rows`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    match n {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        n => format!("{} {many}", number(n)),
    }
}

/// How many rows of a page stand below its end; nothing where none does.
pub fn more_rows(below: usize) -> String {
    if below > 0 { format!("↓ {}", count(below as u64, "more row", "more rows")) } else { String::new() }
}

/// With commas between thousands.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `HOLT M` for `HOLT Marie`: family names are in capitals.
pub fn short_name(name: &str) -> String {
    let family: Vec<&str> = name.split(' ').take_while(|word| *word == word.to_uppercase()).collect();
    let given = name.split(' ').nth(family.len()).and_then(|word| word.chars().next());
    match (family.is_empty(), given) {
        (false, Some(initial)) => format!("{} {initial}", family.join(" ")),
        _ => name.to_owned(),
    }
}

/// A whole name, `HOLT Marie`, in at most `room` columns: the family name is cut first, so that two of a family
/// are still told apart; then the given name shrinks to its initial.
pub fn name_within(name: &str, room: usize) -> String {
    within(name, room, true)
}

/// The short name, `HOLT M`, in at most `room` columns: the family name is cut, and the initial stays.
pub fn short_name_within(name: &str, room: usize) -> String {
    within(name, room, false)
}

fn within(name: &str, room: usize, whole: bool) -> String {
    let name = Shown::new(name).as_str().replace('\n', " ");
    let wanted = if whole { name.clone() } else { short_name(&name) };
    if wanted.width() <= room {
        return wanted;
    }
    let words: Vec<&str> = name.split(' ').collect();
    let capitals = words.iter().take_while(|word| **word == word.to_uppercase()).count();
    // A name all in capitals has its given name last.
    let (family, given) = words.split_at(capitals.min(words.len().saturating_sub(1)).max(1).min(words.len()));
    let (family, given) = (family.join(" "), given.join(" "));
    let initial: String = given.chars().take(1).collect();
    let kept = [given.as_str(), initial.as_str()];
    let fits = kept.iter().skip(usize::from(!whole)).find_map(|given| {
        let left = room.checked_sub(given.width() + 1).filter(|left| *left >= LEAST_OF_A_NAME && !given.is_empty())?;
        Some(format!("{} {given}", fit(&family, left, false)))
    });
    fits.unwrap_or_else(|| fit(&wanted, room, false))
}

/// So much of a family name says whose it is.
const LEAST_OF_A_NAME: usize = 4;

/// Some places in a sentence: two of them by name.
pub fn places(places: &[Place]) -> String {
    // Where one mostly is comes first.
    let mut known: Vec<Place> = places.to_vec();
    known.sort_by_key(|place| !matches!(place, Place::Queue | Place::Entry));
    match known.as_slice() {
        [] => String::new(),
        [one] => one.words().to_owned(),
        [one, other] => format!("{} and {}", one.words(), other.words()),
        [one, other, ..] => format!("{}, {} and elsewhere", one.words(), other.words()),
    }
}

/// The weight of a finding in a word.
pub fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Nothing => "nothing",
        Tier::Weak => "weak cue",
        Tier::Cue => "cue",
        Tier::Disclosure => "disclosure",
        Tier::Critical => "critical",
    }
}

/// What was done, as the line of the last act begins.
pub fn done(act: &Act) -> &'static str {
    match act {
        Act::Approve => "approved",
        Act::Redact { .. } => "redacted",
        Act::Hide { .. } => "hidden",
    }
}

/// `Letter of 10 Nov 2026, hidden by dr.shah on 16 Nov 2026: Serious harm to the patient`.
pub fn withheld(other: &Withheld) -> String {
    let day = |at: DateTime<Utc>| at.with_timezone(&London).format("%-d %b %Y").to_string();
    let of = other.recorded.map(|at| format!(" of {}", day(at))).unwrap_or_default();
    let why = match &other.decision.act {
        Act::Hide { reason } => format!(": {}", reason.words()),
        Act::Approve | Act::Redact { .. } => String::new(),
    };
    let Decision { act, by, at } = &other.decision;
    format!("{}{of}, {} by {by} on {}{why}", other.title, done(act), day(*at))
}

/// Where an entry stands, as a sentence goes on after “it is”.
pub fn standing(state: State) -> &'static str {
    match state {
        State::Screening => "being screened",
        State::NotOpen => "older than the online record",
        State::Skim => "a line to skim",
        State::AutoHold => "on hold, to clear by itself",
        State::Queued => "waiting in the queue",
        State::AwaitingSecond => "waiting for a second reader",
        State::Disputed => "disputed",
        State::Escalated => "before the lead",
        State::Deferred => "put off",
        State::Settling => "decided, not yet visible",
        State::Released => "visible",
        State::Hidden => "hidden",
        State::Retracting => "withdrawn, and still shown",
        State::Retracted => "withdrawn",
        State::Superseded => "replaced by a newer version",
        State::SourceDeleted => "deleted at the source",
    }
}

/// One more sentence that helps to choose a reason.
pub fn reason_note(reason: HideReason) -> &'static str {
    match reason {
        HideReason::WrongPatient => "tell records staff",
        _ => "",
    }
}

/// With a capital first letter, unless it begins with a login such as `dr.rahman`.
pub fn capital(text: &str) -> String {
    if text.split(' ').next().is_some_and(|word| word.trim_end_matches('.').contains('.')) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
