//! `anteroom publish`: the due batch.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};

/// Makes what is due visible and writes the feed.
#[derive(Debug, clap::Args)]
pub struct PublishArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached, or the feed cannot be written.
pub async fn run(args: &PublishArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Publish).await;
    practice.leave().await;
    let Reply::Published(published) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &published).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    writeln!(
        out,
        "{} released now, {} kept back for review, {} visible in all",
        published.released, published.kept_back, published.in_feed
    )?;
    if let Some(place) = published.feed {
        writeln!(out, "feed: {place}")?;
    }
    if let Some(next) = published.next {
        let local = next.with_timezone(&chrono_tz::Europe::London);
        writeln!(out, "next batch: {}", local.format("%a %e %b %H:%M"))?;
    }
    Ok(Exit::Ok)
}
