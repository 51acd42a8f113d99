//! The policy as a file that a safeguarding lead reads line by line: written out with its reasons, read back,
//! and refused with the line where it is looser than a floor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{Duration, NaiveDate, NaiveTime};
use serde::Deserialize;
use toml::Spanned;

use super::calendar::Calendar;
use super::policy::{Conflict, Policy, floor};
use crate::record::{HideReason, Tier};

/// Why a policy file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would do.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    visibility: Option<Visibility>,
    tier: Option<BTreeMap<String, Spanned<TierLines>>>,
    people: Option<People>,
    escalation: Option<Spanned<BTreeMap<String, Spanned<String>>>>,
    manager: Option<Spanned<String>>,
    deferral: Option<Days>,
    hide: Option<Days>,
    skim: Option<Skim>,
    sample: Option<SampleLines>,
    calendar: Option<CalendarLines>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Visibility {
    hold_hours: Option<Spanned<i64>>,
    grace_minutes: Option<Spanned<i64>>,
    batch_at: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TierLines {
    approve: Spanned<i64>,
    redact: Spanned<i64>,
    one_must_be: Spanned<String>,
    blind_second_percent: Spanned<i64>,
    late_after: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct People {
    author_barred_from_tier: Option<Spanned<i64>>,
    conflict_of_interest: Option<Spanned<String>>,
    read_back: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Days {
    days: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Skim {
    reading_milliseconds: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SampleLines {
    decoys_percent: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CalendarLines {
    opens: Option<Spanned<String>>,
    closes: Option<Spanned<String>>,
    days: Option<Spanned<Vec<Spanned<String>>>>,
    holidays: Option<Vec<Spanned<String>>>,
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The policy that `text` describes.
///
/// # Errors
/// The first line that is looser than its floor, names a role or a day that there is not, leaves a tier out, or
/// sends what is late round in a circle. A policy is taken whole or not at all.
pub fn parse(text: &str) -> Result<Policy, Fault> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Fault { line, why: error.message().to_owned() }
    })?;
    let reader = Reader { text };
    let mut policy = Policy::default();
    reader.calendar(file.calendar, &mut policy)?;
    reader.visibility(file.visibility, &mut policy)?;
    reader.people(file.people, &mut policy)?;
    reader.tiers(file.tier.unwrap_or_default(), &mut policy)?;
    reader.escalation(file.escalation.as_ref())?;
    if let Some(manager) = file.manager {
        if manager.get_ref().trim().is_empty() {
            return Err(reader.fault(&manager, "name who is told of what is twice over its target"));
        }
        policy.manager = manager.into_inner();
    }
    if let Some(days) = file.deferral.and_then(|lines| lines.days) {
        policy.deferral_days = reader.within(&days, 1, floor::DEFERRAL_DAYS as i64, "days")? as u64;
    }
    if let Some(days) = file.hide.and_then(|lines| lines.days) {
        policy.hide_days = reader.within(&days, 1, floor::HIDE_DAYS as i64, "days")? as u64;
    }
    if let Some(time) = file.skim.and_then(|lines| lines.reading_milliseconds) {
        policy.reading_time = reader.within(&time, floor::READING_TIME as i64, 60_000, "milliseconds")? as u64;
    }
    if let Some(percent) = file.sample.and_then(|lines| lines.decoys_percent) {
        policy.decoy_percent = reader.within(&percent, 0, 10, "percent")? as u8;
    }
    Ok(policy)
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn fault<T>(&self, at: &Spanned<T>, why: impl Into<String>) -> Fault {
        Fault { line: line_of(self.text, at.span().start), why: why.into() }
    }

    fn within(&self, value: &Spanned<i64>, least: i64, most: i64, unit: &str) -> Result<i64, Fault> {
        let given = *value.get_ref();
        if (least..=most).contains(&given) {
            return Ok(given);
        }
        Err(self.fault(value, format!("{given} {unit} is outside the floor: take {least} to {most}")))
    }

    fn time(&self, value: &Spanned<String>) -> Result<NaiveTime, Fault> {
        NaiveTime::parse_from_str(value.get_ref(), "%H:%M")
            .map_err(|_| self.fault(value, format!("“{}” is no time of day: write it as 07:00", value.get_ref())))
    }

    fn visibility(&self, lines: Option<Visibility>, policy: &mut Policy) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        if let Some(hours) = lines.hold_hours {
            policy.hold = Duration::hours(self.within(&hours, floor::HOLD.num_hours(), 30 * 24, "hours")?);
        }
        if let Some(minutes) = lines.grace_minutes {
            let least = floor::GRACE.num_minutes();
            policy.grace = Duration::minutes(self.within(&minutes, least, 7 * 24 * 60, "minutes")?);
        }
        if let Some(time) = lines.batch_at {
            policy.batch_at = self.time(&time)?;
        }
        Ok(())
    }

    fn people(&self, lines: Option<People>, policy: &mut Policy) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        if let Some(tier) = lines.author_barred_from_tier {
            let tier = self.within(&tier, 0, i64::from(u8::from(floor::AUTHOR)), "as a tier")?;
            policy.author_barred_from = Tier::try_from(tier as u8).unwrap_or(floor::AUTHOR);
        }
        if let Some(conflict) = lines.conflict_of_interest {
            policy.conflict = match conflict.get_ref().as_str() {
                "may-only-hide" => Conflict::MayOnlyHide,
                "may-not-open" => Conflict::MayNotOpen,
                other => {
                    let why = format!("“{other}” is not known: take may-only-hide or may-not-open");
                    return Err(self.fault(&conflict, why));
                }
            };
        }
        if let Some(read_back) = lines.read_back {
            policy.read_back = read_back.into_inner();
        }
        Ok(())
    }

    fn tiers(&self, mut lines: BTreeMap<String, Spanned<TierLines>>, policy: &mut Policy) -> Result<(), Fault> {
        let defaults = Policy::default();
        for n in 0..5_u8 {
            let at = usize::from(n);
            let Some(tier) = lines.remove(&n.to_string()) else {
                let why = format!("tier {n} is missing: write [tier.{n}] with all its lines, for tiers 0 to 4");
                return Err(Fault { line: self.text.lines().count().max(1), why });
            };
            let tier = tier.into_inner();
            let least = i64::from(floor::people(Tier::try_from(n).unwrap_or(Tier::Critical)));
            policy.people[at] = self.within(&tier.approve, least, 5, "people")? as u8;
            policy.redact[at] = self.within(&tier.redact, i64::from(policy.people[at]), 5, "people")? as u8;
            policy.lead[at] = match tier.one_must_be.get_ref().as_str() {
                "clinician" => false,
                "lead" => true,
                other => {
                    let why = format!("there is no role “{other}” that decides: take clinician or lead");
                    return Err(self.fault(&tier.one_must_be, why));
                }
            };
            policy.blind_share[at] = self.within(&tier.blind_second_percent, 0, 100, "percent")? as u8;
            policy.targets[at] = self.target(&tier.late_after, &policy.calendar)?;
            if policy.targets[at] > in_time_of(&defaults, at, &policy.calendar) {
                let most = DEFAULT_TARGETS.get(at).copied().unwrap_or_default();
                let why = format!("“{}” is outside the floor: take {most} or less", tier.late_after.get_ref());
                return Err(self.fault(&tier.late_after, why));
            }
        }
        match lines.into_iter().next() {
            Some((name, lines)) => Err(self.fault(&lines, format!("there is no tier {name}: tiers are 0 to 4"))),
            None => Ok(()),
        }
    }

    fn target(&self, value: &Spanned<String>, calendar: &Calendar) -> Result<Duration, Fault> {
        let wrong = || self.fault(value, format!("“{}” is no time: write 4 hours, or 2 days", value.get_ref()));
        let (number, unit) = value.get_ref().trim().split_once(' ').ok_or_else(wrong)?;
        let number: u16 = number.parse().map_err(|_| wrong())?;
        match (number, unit) {
            (1.., "hour" | "hours") => Ok(Duration::hours(i64::from(number))),
            (1.., "day" | "days") => Ok(calendar.day_length() * i32::from(number)),
            _ => Err(wrong()),
        }
    }

    /// What is late goes from the clinicians to the lead and then to the manager; whoever is between must be
    /// somebody, and nobody twice.
    fn escalation(&self, lines: Option<&Spanned<BTreeMap<String, Spanned<String>>>>) -> Result<(), Fault> {
        const ROLES: [&str; 3] = ["clinician", "lead", "manager"];
        let Some(table) = lines else { return Ok(()) };
        let lines = table.get_ref();
        for (from, to) in lines {
            for role in [from, to.get_ref()] {
                if !ROLES.contains(&role.as_str()) {
                    let why = format!("there is no role “{role}” here: take clinician, lead and manager");
                    return Err(self.fault(to, why));
                }
            }
        }
        let (mut role, mut passed) = ("clinician", BTreeSet::from(["clinician"]));
        while let Some(next) = lines.get(role) {
            role = next.get_ref();
            if !passed.insert(role) {
                return Err(self.fault(next, "what is late would go round in a circle: end with the manager"));
            }
        }
        match role == "manager" && passed.contains("lead") {
            true => Ok(()),
            false => Err(self.fault(table, "what is late must reach the lead and then the manager")),
        }
    }

    fn calendar(&self, lines: Option<CalendarLines>, policy: &mut Policy) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        let calendar = &mut policy.calendar;
        if let Some(opens) = &lines.opens {
            calendar.opens = self.time(opens)?;
        }
        if let Some(closes) = &lines.closes {
            calendar.closes = self.time(closes)?;
        }
        if let Some(at) = lines.closes.as_ref().or(lines.opens.as_ref())
            && calendar.closes <= calendar.opens
        {
            return Err(self.fault(at, "the practice must close after it opens"));
        }
        if let Some(days) = lines.days {
            calendar.days = [false; 7];
            for day in days.get_ref() {
                match WEEKDAYS.iter().position(|name| name == day.get_ref()) {
                    Some(at) => calendar.days[at] = true,
                    None => {
                        let why = format!("“{}” is no day: take {}", day.get_ref(), WEEKDAYS.join(", "));
                        return Err(self.fault(day, why));
                    }
                }
            }
            if calendar.days == [false; 7] {
                return Err(self.fault(&days, "a practice that never works is never late: name a working day"));
            }
        }
        for holiday in lines.holidays.unwrap_or_default() {
            let day = NaiveDate::parse_from_str(holiday.get_ref(), "%Y-%m-%d").map_err(|_| {
                self.fault(&holiday, format!("“{}” is no date: write it as 2026-12-25", holiday.get_ref()))
            })?;
            calendar.holidays.insert(day);
        }
        Ok(())
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The default targets as the file writes them.
const DEFAULT_TARGETS: [&str; 5] = ["5 days", "3 days", "2 days", "1 day", "4 hours"];

/// A default target by another calendar: days are its days.
fn in_time_of(defaults: &Policy, at: usize, calendar: &Calendar) -> Duration {
    match at {
        4 => defaults.targets[at],
        _ => calendar.day_length() * [5, 3, 2, 1][at],
    }
}

/// The policy as a file, every line with what it means, its floor and where that comes from.
pub fn print(policy: &Policy) -> String {
    let mut out = String::from(
        "# How this practice lets entries of the record through to patients.\n\
         # Every line may be made stricter. Nothing may be looser than the floor written beside it: such a file is\n\
         # refused with the line, and the policy before stays in force. A change is in the log with both digests;\n\
         # what no longer satisfies it is withheld at once; a looser line shows nothing that was withheld. Where a\n\
         # line is looser than the one in force, two people put the file in force, one of them a lead.\n\
         # Hiding always takes one person, at once, and no line here changes that.\n",
    );
    let floors = |out: &mut String, key: &str| {
        if let Some(line) = floor::ALL.iter().find(|line| line.key == key) {
            _ = writeln!(out, "# Floor: {}. Why: {}", line.floor, line.source);
        }
    };
    out.push_str("\n[visibility]\n# Everything stays withheld so long after it was pulled, decided or not, so that being late says nothing.\n");
    floors(&mut out, "hold-hours");
    _ = writeln!(out, "hold-hours = {}", policy.hold.num_hours());
    out.push_str("# So long at least a decision can be taken back before it takes effect.\n");
    floors(&mut out, "grace-minutes");
    _ = writeln!(out, "grace-minutes = {}", policy.grace.num_minutes());
    out.push_str("# Once a day what is due becomes visible, all of it together.\n");
    _ = writeln!(out, "batch-at = \"{}\"", policy.batch_at.format("%H:%M"));

    out.push_str(
        "\n# By tier: how many people must agree before a patient sees an entry as it is, or redacted; whether one\n\
         # of them must be the lead; of how many that one person may decide a second reads blind, drawn by chance;\n\
         # when it is late, in working time. Two who disagree are a dispute: withheld until a lead who is neither\n\
         # decides. To show what somebody hid always takes a lead's reason and two people.\n",
    );
    for key in ["people", "late-after"] {
        floors(&mut out, key);
    }
    for (n, name) in TIERS.iter().enumerate() {
        let role = if policy.lead[n] { "lead" } else { "clinician" };
        _ = write!(
            out,
            "\n# {name}\n[tier.{n}]\napprove = {}\nredact = {}\none-must-be = \"{role}\"\n\
             blind-second-percent = {}\nlate-after = \"{}\"\n",
            policy.people[n],
            policy.redact[n].max(policy.people[n]),
            policy.blind_share[n],
            in_words(policy.targets[n], &policy.calendar),
        );
    }

    out.push_str("\n[people]\n# From this tier on nobody's approval of their own entry counts, nor any redaction of it at any tier.\n");
    floors(&mut out, "author-barred-from-tier");
    _ = writeln!(out, "author-barred-from-tier = {}", u8::from(policy.author_barred_from));
    out.push_str(
        "# What somebody with a conflict of interest, or locked out of a patient, may do: may-only-hide or may-not-open.\n\
         # Who that is for which patient is set with anteroom patient: a file with names of patients would be a leak.\n",
    );
    floors(&mut out, "conflict-of-interest");
    let conflict = match policy.conflict {
        Conflict::MayOnlyHide => "may-only-hide",
        Conflict::MayNotOpen => "may-not-open",
    };
    _ = writeln!(out, "conflict-of-interest = \"{conflict}\"");
    out.push_str(
        "# The second reader of a redaction first sees only what would be left and says what seems to be missing;\n\
         # a right guess is a dispute. Without it they must redact the same, blind.\n",
    );
    _ = writeln!(out, "read-back = {}", policy.read_back);

    out.push_str("\n# Who sees to what is late, and then to what is twice over. Being late never shows anything.\n[escalation]\nclinician = \"lead\"\nlead = \"manager\"\n");
    out.push_str("\n[deferral]\n# So long an entry can be put off.\n");
    floors(&mut out, "deferral");
    _ = writeln!(out, "days = {}", policy.deferral_days);
    out.push_str("\n[hide]\n# After so many days a hide is looked at again. It does not end by itself.\n");
    floors(&mut out, "hide");
    _ = writeln!(out, "days = {}", policy.hide_days);
    out.push_str("\n[skim]\n# So long each line of a skim page must have been on the screen to count as read.\n");
    floors(&mut out, "reading-milliseconds");
    _ = writeln!(out, "reading-milliseconds = {}", policy.reading_time);
    out.push_str(
        "\n[sample]\n# Among a hundred entries that are read as a sample stand so many invented ones: what their readers notice of them\n\
         # says what readers miss. They are nobody's, are shown to nobody, and count in no other figure.\n",
    );
    _ = writeln!(out, "decoys-percent = {}", policy.decoy_percent);

    let calendar = &policy.calendar;
    let days: Vec<String> =
        WEEKDAYS.iter().zip(calendar.days).filter(|(_, works)| *works).map(|(day, _)| quoted(day)).collect();
    let holidays: Vec<String> = calendar.holidays.iter().map(|day| quoted(&day.to_string())).collect();
    out.push_str("\n[calendar]\n# When the practice works, London time.\n");
    _ = writeln!(out, "opens = \"{}\"", calendar.opens.format("%H:%M"));
    _ = writeln!(out, "closes = \"{}\"", calendar.closes.format("%H:%M"));
    _ = writeln!(out, "days = [{}]", days.join(", "));
    _ = writeln!(out, "holidays = [{}]", holidays.join(", "));

    out.push_str("\n# Why an entry may be hidden: a closed list, because hiding too much is a breach too.\n");
    for reason in HideReason::ALL {
        _ = writeln!(out, "# {}: {}. {}", reason.name(), reason.words(), reason.basis());
    }
    // Above every table, where TOML wants it.
    let manager = format!(
        "\n# Who is told of what is twice over its target.\nmanager = {}\n",
        toml::Value::String(policy.manager.clone())
    );
    let tables = out.find("\n[visibility]").unwrap_or(out.len());
    out.insert_str(tables, &manager);
    out.lines().map(wrapped).collect()
}

/// A line of the file; a long comment on several.
fn wrapped(line: &str) -> String {
    const WIDTH: usize = 112;
    let Some(words) = line.strip_prefix("# ") else { return format!("{line}\n") };
    let (mut out, mut column) = (String::from("#"), 1);
    for word in words.split(' ') {
        if column + 1 + word.chars().count() > WIDTH {
            out.push_str("\n#");
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.chars().count();
    }
    out.push('\n');
    out
}

const TIERS: [&str; 5] = [
    "Nothing found: cleared by rule after the hold; these lines count where a person decides on one",
    "A weak cue",
    "A cue in context, or a third party's confidence",
    "A disclosure, or a coded concern",
    "MARAC, child protection, a perpetrator's own record, a flagged patient, or not screened",
];

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A target as the file writes it.
fn in_words(target: Duration, calendar: &Calendar) -> String {
    let day = calendar.day_length();
    let (number, unit) = match target.num_minutes() % day.num_minutes().max(1) {
        0 => (target.num_minutes() / day.num_minutes().max(1), "day"),
        _ => (target.num_hours(), "hour"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
