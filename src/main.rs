//! Arguments → one command → exit code; nothing else.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(anteroom::cli::run(anteroom::cli::Arguments::parse()) as u8)
}
