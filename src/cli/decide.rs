//! `anteroom decide` and `anteroom undo`: one act, for scripts.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::reach::{Reached, garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Decided, Opened, Reply, Request};
use crate::record::{Act, Handling, HideReason, Place, Removal, RemovalTarget, Style};
use crate::review::Waiver;

/// Decides on one entry.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The entry's identifier, or the beginning of it
    entry: String,
    /// Another entry with the same sensitive words, named as considered: anteroom show lists them
    #[arg(long, value_name = "ENTRY")]
    waive: Vec<String>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show it as it is
    Approve,
    /// Show it without what screening suggests to remove
    Redact {
        /// Put the constant mark where words are removed
        #[arg(long)]
        marked: bool,
    },
    /// Do not show it
    Hide {
        /// Why
        #[arg(long, value_parser = reason)]
        reason: HideReason,
    },
    /// Withdraw what is visible; words for the lead come from standard input
    Withdraw {
        /// Why
        #[arg(long, value_parser = reason)]
        reason: HideReason,
    },
    /// Ask the safeguarding lead; the question comes from standard input
    Escalate,
    /// Put it off; the reason comes from standard input
    Defer {
        /// Until the morning of this day, e.g. 2026-11-30
        #[arg(long)]
        until: NaiveDate,
    },
    /// Take up again what was put off
    Resume,
    /// As second reader of a redaction: say what seems to be missing, on standard input
    ReadBack,
    /// Agree, as second reader, to the redaction that was read back
    Agree,
    /// Note that the patient asks to see it; what they said comes from standard input
    PatientAsks,
    /// Write a note for whoever reads it next, on standard input; it moves nothing and no patient sees it
    Note,
}

/// Decides as safeguarding lead.
#[derive(Debug, Args)]
pub struct LeadArgs {
    /// The entry's identifier, or the beginning of it
    entry: String,
    /// Another entry with the same sensitive words, named as considered: anteroom show lists them
    #[arg(long, value_name = "ENTRY")]
    waive: Vec<String>,
    #[command(subcommand)]
    what: LeadWhat,
}

/// Reasons and advice come from standard input, so that no clinical words stand among the arguments.
#[derive(Debug, Subcommand)]
enum LeadWhat {
    /// Decide a dispute, or what a reviewer asked: show it as it is
    Approve,
    /// The same: show it without what screening suggests to remove
    Redact {
        /// Put the constant mark where words are removed
        #[arg(long)]
        marked: bool,
    },
    /// The same: do not show it
    Hide {
        /// Why
        #[arg(long, value_parser = reason)]
        reason: HideReason,
    },
    /// Give it back to the reviewers with advice
    Return,
    /// Set a hide or a withdrawal aside: it is screened and read anew, and showing it needs a second person
    Reopen,
    /// After looking again: it stays as it is
    Confirm,
}

/// Takes the last decision on an entry back.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The entry's identifier
    entry: String,
}

fn reason(name: &str) -> Result<HideReason, String> {
    HideReason::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = HideReason::ALL.iter().map(|reason| reason.name()).collect();
        format!("a reason is one of {}", names.join(", "))
    })
}

/// Runs `anteroom decide`: reads the entry, then decides on exactly what it read.
///
/// # Errors
/// When a rule refuses, or the practice cannot be reached.
pub async fn run(args: &DecideArgs, dir: Option<PathBuf>, out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let decided = decide(args, &mut practice).await;
    practice.leave().await;
    say(&decided?, out)
}

async fn decide(args: &DecideArgs, practice: &mut Reached) -> Result<Decided, Failure> {
    let entry = practice.entry(&args.entry).await?;
    if let What::Withdraw { reason } = &args.what {
        return decided(practice.ask(Request::Withdraw { entry, reason: *reason, note: words()? }).await?);
    }
    let opened = open(entry, practice).await?;
    let (version, revision) = (opened.row.version, opened.row.revision);
    let handling = match &args.what {
        What::Escalate => Some(Handling::Escalate { note: words()? }),
        What::Defer { until } => Some(Handling::Defer { until: *until, why: words()? }),
        What::Resume => Some(Handling::Resume),
        What::PatientAsks => Some(Handling::PatientAsks { note: words()? }),
        What::Note => Some(Handling::Note { text: words()? }),
        _ => None,
    };
    let request = match (handling, &args.what) {
        (Some(handling), _) => Request::Handle { entry, version, revision, handling },
        (None, What::ReadBack) => Request::ReadBack { entry, version, revision, guess: words()? },
        (None, what) => {
            let act = match what {
                What::Hide { reason } => Act::Hide { reason: *reason },
                What::Redact { marked } => suggested(&opened, *marked)?,
                What::Agree => opened.proposed.clone().ok_or_else(|| {
                    Failure::wrong_use("there is no redaction to agree to: read it back first, or decide yourself")
                })?,
                _ => Act::Approve,
            };
            let waivers = args.waive.iter().map(|name| waiver(&opened, name)).collect::<Result<_, _>>()?;
            Request::Decide { entry, version, revision, act, token: None, waivers }
        }
    };
    asked(request, practice).await
}

/// Runs `anteroom lead`.
///
/// # Errors
/// When a rule refuses, or the practice cannot be reached.
pub async fn lead(args: &LeadArgs, dir: Option<PathBuf>, out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let answer = decide_as_lead(args, &mut practice).await;
    practice.leave().await;
    say(&answer?, out)
}

async fn decide_as_lead(args: &LeadArgs, practice: &mut Reached) -> Result<Decided, Failure> {
    let entry = practice.entry(&args.entry).await?;
    let opened = open(entry, practice).await?;
    let (version, revision) = (opened.row.version, opened.row.revision);
    let act = match &args.what {
        LeadWhat::Approve => Some(Act::Approve),
        LeadWhat::Redact { marked } => Some(suggested(&opened, *marked)?),
        LeadWhat::Hide { reason } => Some(Act::Hide { reason: *reason }),
        LeadWhat::Return | LeadWhat::Reopen | LeadWhat::Confirm => None,
    };
    let words = words()?;
    let request = match (act, &args.what) {
        (Some(act), _) => {
            let waivers = args.waive.iter().map(|name| waiver(&opened, name)).collect::<Result<_, _>>()?;
            Request::Resolve { entry, version, revision, act, why: words, token: None, waivers }
        }
        (None, what) => {
            let handling = match what {
                LeadWhat::Return => Handling::Return { advice: words },
                LeadWhat::Reopen => Handling::Reopen { why: words },
                _ => Handling::Confirm { why: words },
            };
            Request::Handle { entry, version, revision, handling }
        }
    };
    asked(request, practice).await
}

/// Asks for an act. What it took in hand is free at once, not only after the grace of a lost connection.
async fn asked(request: Request, practice: &mut Reached) -> Result<Decided, Failure> {
    let reply = practice.ask(request).await?;
    practice.ask(Request::Release).await?;
    decided(reply)
}

async fn open(entry: crate::record::EntryId, practice: &mut Reached) -> Result<Box<Opened>, Failure> {
    match practice.ask(Request::Open { entry }).await? {
        Reply::Entry(opened) => Ok(opened),
        _ => Err(garbled()),
    }
}

fn decided(reply: Reply) -> Result<Decided, Failure> {
    match reply {
        Reply::Decided(decided) => Ok(decided),
        _ => Err(garbled()),
    }
}

fn suggested(opened: &Opened, marked: bool) -> Result<Act, Failure> {
    let suggested = opened.screening.findings.iter().flat_map(|finding| &finding.suggested);
    let removals: Vec<Removal> = suggested.map(removal).collect();
    if removals.is_empty() {
        return Err(Failure::wrong_use("screening suggests no removal in this entry: hide or approve it"));
    }
    Ok(Act::Redact { removals, style: if marked { Style::Marked } else { Style::Silent } })
}

/// What somebody writes with an act: from standard input, because arguments can be read by others.
pub(super) fn words() -> Result<String, Failure> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        writeln!(std::io::stderr(), "In your own words; end with Ctrl-D on a line of its own:")?;
    }
    let mut words = String::new();
    input.read_to_string(&mut words)?;
    Ok(words.trim().to_owned())
}

/// The twin whose identifier begins so, or the entry itself, whose own lines may repeat the words.
fn waiver(opened: &Opened, prefix: &str) -> Result<Waiver, Failure> {
    let rows = opened.twins.iter().map(|twin| &twin.row).chain(std::iter::once(&opened.row));
    let mut found: Vec<Waiver> = rows
        .filter(|row| row.entry.to_string().starts_with(prefix))
        .map(|row| Waiver { entry: row.entry, version: row.version })
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::wrong_use(format!("{prefix} names no entry with the same words: anteroom show lists them"))),
        _ => {
            Err(Failure::wrong_use(format!("more than one entry with the same words begins with {prefix}: give more")))
        }
    }
}

fn removal(place: &Place) -> Removal {
    let target = place.span.map_or(RemovalTarget::Line, RemovalTarget::Text);
    Removal { part: place.part.clone(), target }
}

/// Runs `anteroom undo`.
///
/// # Errors
/// When a rule refuses, or the practice cannot be reached.
pub async fn undo(args: &UndoArgs, dir: Option<PathBuf>, out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = match practice.entry(&args.entry).await {
        Ok(entry) => practice.ask(Request::Undo { entry }).await,
        Err(failure) => Err(failure),
    };
    practice.leave().await;
    match reply? {
        Reply::Decided(decided) => say(&decided, out),
        _ => Err(garbled()),
    }
}

fn say(decided: &Decided, mut out: impl Write) -> Result<Exit, Failure> {
    write!(out, "{}  {}  log {}", decided.entry, decided.state.name(), decided.seq)?;
    if let Some(at) = decided.visible_at {
        let local = at.with_timezone(&chrono_tz::Europe::London);
        write!(out, "  visible from {}", local.format("%a %e %b %H:%M"))?;
    }
    if let Some(day) = decided.review_by {
        write!(out, "  until review on {day}")?;
    }
    writeln!(out)?;
    if decided.decoy {
        writeln!(out, "{DECOY}")?;
    }
    if let Some(unfinished) = &decided.unfinished {
        writeln!(out, "decided; {unfinished}")?;
    }
    Ok(Exit::Ok)
}

const DECOY: &str = "This entry was invented, to measure what readers notice. It is gone: nothing of it is true, nothing is to be done.";
