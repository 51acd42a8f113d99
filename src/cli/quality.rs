//! `anteroom quality sign`: the lead lets entries clear by themselves.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use super::reach::{garbled, reach};
use super::{Exit, Failure, report};
use crate::protocol::{Reply, Request};

/// What the safeguarding lead says of the measured quality.
#[derive(Debug, clap::Args)]
pub struct QualityArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Let entries clear by themselves, and take up suspended strata again: the safeguarding lead's act
    Sign,
}

/// Runs the command.
///
/// # Errors
/// Why it may not be yet, or that the practice cannot be reached.
pub async fn run(args: &QualityArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let What::Sign = args.what;
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::SignClearing).await;
    practice.leave().await;
    let Reply::Clearing(clearing) = reply? else { return Err(garbled()) };
    report::clearing(&clearing, &mut out)?;
    Ok(Exit::Ok)
}
