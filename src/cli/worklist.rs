//! `anteroom worklist`: what needs somebody beside the queue.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};

/// Lists what needs somebody beside the queue, with who has to see to it.
#[derive(Debug, clap::Args)]
pub struct WorklistArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when the list is not empty.
///
/// # Errors
/// When the practice cannot be reached, or the caller reads no records.
pub async fn run(args: &WorklistArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Worklist).await;
    practice.leave().await;
    let Reply::Worklist(list) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &list).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        let mut heading = None;
        for item in &list.items {
            if heading != Some(item.kind) {
                heading = Some(item.kind);
                writeln!(out, "{}", item.kind.words())?;
            }
            let entry = item.entry.map(|entry| entry.to_string());
            writeln!(
                out,
                "  {:<32}  {:<24}  {}  ({})",
                entry.as_deref().unwrap_or("-"),
                shown(&item.patient_name),
                shown(&item.what),
                shown(&item.owner)
            )?;
        }
    }
    Ok(if list.items.is_empty() { Exit::Ok } else { Exit::Found })
}
