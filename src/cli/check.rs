//! `anteroom check`: whether the feed shows what may be visible, and nothing else.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};

/// Derives for every entry whether patients may see it, and compares that with the feed. Ends with 1 when
/// something differs; `anteroom publish` writes the feed anew.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached, or the feed cannot be read.
pub async fn run(args: &CheckArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Check).await;
    practice.leave().await;
    let Reply::Checked(checked) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &checked).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for wrong in &checked.wrong {
            writeln!(out, "! {wrong}")?;
        }
        let verdict = if checked.wrong.is_empty() { "the feed is right" } else { "the feed is wrong" };
        writeln!(out, "{} entries, {} visible, {verdict}", checked.entries, checked.visible)?;
    }
    Ok(if checked.wrong.is_empty() { Exit::Ok } else { Exit::Found })
}
