//! `anteroom policy`: print, check and take the rules of review.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};
use crate::review::policy_file::parse;

/// Prints the policy in force, as a file with every line explained.
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say whether a file could be put in force, without doing so
    Check {
        /// The file
        file: PathBuf,
    },
    /// Put policy.toml of the state folder in force
    Take,
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached, or a file is refused.
pub async fn run(args: &PolicyArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let request = match &args.what {
        Some(What::Check { file }) => {
            let place = file.display();
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure(Exit::Unreachable, format!("{place} cannot be read: {error}")))?;
            parse(&text).map_err(|fault| Failure(Exit::Refused, format!("{place}, {fault}")))?;
            writeln!(out, "{place} may be put in force")?;
            return Ok(Exit::Ok);
        }
        Some(What::Take) => Request::TakePolicy,
        None => Request::Policy,
    };
    let mut practice = reach(dir).await?;
    let reply = practice.ask(request).await;
    practice.leave().await;
    let Reply::Policy(policy) = reply? else { return Err(garbled()) };
    match args.what {
        Some(_) => {
            writeln!(out, "in force: {}", policy.digest)?;
            if let Some(unfinished) = &policy.unfinished {
                writeln!(out, "in force; {unfinished}")?;
            }
            if let Some(waits) = &policy.waits {
                writeln!(out, "{waits}")?;
                return Ok(Exit::Found);
            }
        }
        None => write!(out, "{}", policy.text)?,
    }
    Ok(Exit::Ok)
}
