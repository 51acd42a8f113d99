//! `anteroom completions`: what a shell needs to complete our commands.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Exit, Failure};

/// Prints what a shell needs to complete commands and options.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When the output fails.
pub fn run(args: &CompletionsArgs, mut out: impl Write) -> Result<Exit, Failure> {
    // Into memory first: the generator gives up loudly where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "anteroom", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Ok)
}
