//! `anteroom queue`: what waits for a person.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Queue, Reply, Request};

/// Lists what waits for a person.
#[derive(Debug, clap::Args)]
pub struct QueueArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when something waits.
///
/// # Errors
/// When the practice cannot be reached, or the caller reads no records.
pub async fn run(args: &QueueArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Queue { limit: usize::MAX }).await;
    practice.leave().await;
    let Reply::Queue(queue) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &queue).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&queue, &mut out)?;
    }
    Ok(if queue.rows.is_empty() { Exit::Ok } else { Exit::Found })
}

fn print(queue: &Queue, out: &mut impl Write) -> std::io::Result<()> {
    for alarm in &queue.alarms {
        writeln!(out, "! {}", shown(alarm))?;
    }
    writeln!(out, "{} to review, {} late", queue.totals.to_review, queue.totals.late)?;
    for row in &queue.rows {
        let id = row.entry.to_string();
        writeln!(
            out,
            "{}  {}  {:<24} {:<6} {:<20} {}",
            &id[..8],
            "▲".repeat(usize::from(u8::from(row.tier))) + &" ".repeat(4 - usize::from(u8::from(row.tier))),
            shown(&row.patient_name),
            row.sex_age,
            shown(&row.title),
            shown(&row.why.join("; ")),
        )?;
    }
    Ok(())
}
