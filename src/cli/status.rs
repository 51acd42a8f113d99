//! `anteroom status`: how things stand.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};

/// Says how things stand. Holds no clinical words and no names.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when there is an alarm.
///
/// # Errors
/// When the practice cannot be reached.
pub async fn run(args: &StatusArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Status).await;
    practice.leave().await;
    let Reply::Status(status) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &status).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        let totals = &status.totals;
        for alarm in &status.alarms {
            writeln!(out, "! {}", shown(alarm))?;
        }
        writeln!(
            out,
            "{} to review, {} late, {} already readable, {} to skim",
            totals.to_review, totals.late, totals.readable, totals.to_skim
        )?;
        writeln!(
            out,
            "{} on hold, {} settling, {} put off, {} for the lead",
            totals.on_hold, totals.settling, totals.deferred, totals.for_lead
        )?;
        let rate = totals.hide_rate().map(|rate| format!(", hide rate {:.1} %", rate * 100.0)).unwrap_or_default();
        writeln!(out, "{} visible, {} hidden, {} withdrawn{rate}", totals.released, totals.hidden, totals.withdrawn)?;
        writeln!(out, "{} rows set aside in the last pull", totals.set_aside)?;
        writeln!(out, "log at {}, rules {}, {} MB free", status.seq, status.rules, status.free_bytes >> 20)?;
    }
    Ok(if status.alarms.is_empty() { Exit::Ok } else { Exit::Found })
}
