//! `anteroom synth`: an invented feed with known answers.

use std::io::Write;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::{Exit, Failure};
use crate::synth::{Format, Plan, write};

/// Writes an invented feed of any size, with the right answers beside it.
#[derive(Debug, clap::Args)]
pub struct SynthArgs {
    /// How many practices share the feed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    practices: u32,
    /// Patients of each practice
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    patients: u32,
    /// Consultations of each patient before the first day
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    history: u32,
    /// Days of changes after the first, which holds the whole record
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=3650))]
    days: u32,
    /// In which form
    #[arg(long, value_parser = ["emis", "tpp", "fhir"], default_value = "emis")]
    format: String,
    /// The same seed gives the same feed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day on which the first extract is made
    #[arg(long, default_value = "2026-11-16")]
    first: NaiveDate,
    /// Where to write it
    #[arg(long, default_value = "synth")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be written, or the folder holds something already.
pub fn run(args: &SynthArgs, mut out: impl Write) -> Result<Exit, Failure> {
    if std::fs::read_dir(&args.out).is_ok_and(|mut files| files.next().is_some()) {
        return Err(Failure::wrong_use(format!(
            "{} holds something already: name an empty folder with --out",
            args.out.display()
        )));
    }
    let plan = Plan {
        practices: args.practices,
        patients: args.patients,
        history: args.history,
        days: args.days,
        seed: args.seed,
        first: args.first,
    };
    let format = match args.format.as_str() {
        "tpp" => Format::Tpp,
        "fhir" => Format::Fhir,
        _ => Format::Emis,
    };
    for answer in write(&plan, format, &args.out)? {
        writeln!(
            out,
            "{}: {} patients, {} lines; {} consultations new, {} changed, {} deleted; {} with a disclosure",
            answer.folder, answer.patients, answer.lines, answer.new, answer.changed, answer.deleted, answer.planted
        )?;
    }
    Ok(Exit::Ok)
}
