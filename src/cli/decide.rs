//! `anteroom decide` and `anteroom undo`: one act, for scripts.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::reach::{Reached, garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Decided, Reply, Request};
use crate::record::{Act, HideReason, Place, Removal, RemovalTarget, Style};

/// Decides on one entry.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The entry's identifier, or the beginning of it
    entry: String,
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
    let Reply::Entry(opened) = practice.ask(Request::Open { entry }).await? else { return Err(garbled()) };
    let act = match &args.what {
        What::Approve => Act::Approve,
        What::Hide { reason } => Act::Hide { reason: *reason },
        What::Redact { marked } => {
            let suggested = opened.screening.findings.iter().flat_map(|finding| &finding.suggested);
            let removals: Vec<Removal> = suggested.map(removal).collect();
            if removals.is_empty() {
                return Err(Failure::wrong_use("screening suggests no removal in this entry: hide or approve it"));
            }
            Act::Redact { removals, style: if *marked { Style::Marked } else { Style::Silent } }
        }
    };
    let request = Request::Decide {
        entry,
        version: opened.row.version,
        revision: opened.row.revision,
        act,
        token: None,
        waivers: Vec::new(),
    };
    let reply = practice.ask(request).await?;
    // What the decision took in hand is free at once, not only after the grace of a lost connection.
    practice.ask(Request::Release).await?;
    match reply {
        Reply::Decided(decided) => Ok(decided),
        _ => Err(garbled()),
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
    Ok(Exit::Ok)
}
