//! `anteroom audit`: the log, read or verified.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::reach::{folder, garbled, is_served, master, reach, shown};
use super::{Exit, Failure};
use crate::audit::Outcome;
use crate::protocol::{AuditLine, Reply, Request, Verified};
use crate::store::{Report, has_keys, verify_offline, wants_passphrase};

/// Reads or verifies the audit log.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The records, newest first
    List {
        /// At most this many
        #[arg(short = 'n', long, default_value_t = 40)]
        most: usize,
        /// Also what the program notes of each arriving entry
        #[arg(long)]
        all: bool,
        /// One JSON object a line for machines
        #[arg(long)]
        json: bool,
    },
    /// Recompute the whole log; ends with 1 when something is wrong
    Verify {
        /// One JSON object for machines
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached.
pub async fn run(args: &AuditArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    match &args.what {
        What::List { most, all, json } => {
            let mut practice = reach(dir).await?;
            let reply = practice.ask(Request::Audit { before: None, limit: *most, everything: *all }).await;
            practice.leave().await;
            let Reply::Audit(lines) = reply? else { return Err(garbled()) };
            for line in &lines {
                match json {
                    true => {
                        serde_json::to_writer(&mut out, line).map_err(std::io::Error::from)?;
                        writeln!(out)?;
                    }
                    false => print(line, &mut out)?,
                }
            }
            Ok(Exit::Ok)
        }
        What::Verify { json } => verify(*json, dir, out).await,
    }
}

/// Asks the daemon where one serves the folder; otherwise reads the journal as it lies there, without
/// opening the store, which would refuse a damaged one.
async fn verify(json: bool, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let dir = folder(dir)?;
    let mut why_unread = None;
    let verified = if is_served(&dir).await {
        let mut practice = reach(Some(dir)).await?;
        let reply = practice.ask(Request::Verify).await;
        practice.leave().await;
        let Reply::Verified(verified) = reply? else { return Err(garbled()) };
        verified
    } else {
        let (report, unread) = tokio::task::block_in_place(|| read_offline(&dir))?;
        why_unread = unread;
        Verified::from_report(report.frames, report.head.map(|(_, digest)| digest), report.damage)
    };
    if json {
        let said = Said { verified: &verified, contents_read: why_unread.is_none() };
        serde_json::to_writer(&mut out, &said).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for damage in &verified.damage {
            writeln!(out, "! {damage}")?;
        }
        let verdict = if verified.damage.is_empty() { "whole" } else { "damaged" };
        writeln!(out, "{} frames, {verdict}, head {}", verified.frames, verified.head)?;
        if let Some(why) = why_unread {
            writeln!(out, "the digests were recomputed; the contents are sealed and were not read: {why}")?;
        }
    }
    Ok(if verified.damage.is_empty() { Exit::Ok } else { Exit::Found })
}

#[derive(Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    verified: &'a Verified,
    contents_read: bool,
}

/// Verifies with the store's key where it is at hand, else without; then also says why the contents stayed
/// unread. An auditor needs no key.
fn read_offline(dir: &Path) -> Result<(Report, Option<String>), Failure> {
    let store = dir.join("store");
    let opened = || {
        if !has_keys(&store) {
            return Err("there is no store".to_owned());
        }
        // Asking for a passphrase would keep a script waiting.
        if wants_passphrase(&store).map_err(|why| why.to_string())? {
            return Err("they open with a passphrase, which only the daemon has".to_owned());
        }
        let master = master(dir).map_err(|Failure(_, why)| why)?;
        let report = verify_offline(&store, Some(&master)).map_err(|why| why.to_string())?;
        if report.contents_read { Ok(report) } else { Err("the store's keys are missing".to_owned()) }
    };
    match opened() {
        Ok(report) => Ok((report, None)),
        Err(why) => Ok((verify_offline(&store, None)?, Some(why))),
    }
}

fn print(line: &AuditLine, out: &mut impl Write) -> std::io::Result<()> {
    let record = &line.record;
    let at = record.at.with_timezone(&chrono_tz::Europe::London).format("%Y-%m-%d %H:%M:%S");
    write!(out, "{:>6}  {at}  {:<12} {:<18}", line.seq, record.actor.login, record.event.words())?;
    if let Some(entry) = record.entry {
        write!(out, "  {}", &entry.to_string()[..8])?;
    }
    if let Some(subject) = &line.subject {
        write!(out, "  {}", shown(subject))?;
    }
    if let Some((from, to)) = &record.states {
        write!(out, "  {from} → {to}")?;
    }
    if let Outcome::Refused(why) = &record.outcome {
        write!(out, "  refused: {why}")?;
    }
    writeln!(out)
}
