//! `anteroom migrate`: the view made anew.

use std::io::Write;
use std::path::PathBuf;

use super::reach::{existing_folder, master};
use super::{Exit, Failure};
use crate::store::{Options, migrate};

/// Makes the view of the store anew from the journal, compares the two, and puts the new one in its place: after
/// an upgrade, or when the view has grown too big. The old one is kept as view.old. The daemon must not run.
#[derive(Debug, clap::Args)]
pub struct MigrateArgs {}

/// Runs the command.
///
/// # Errors
/// When the store is in use or does not open, or the new view cannot be made; the old one stays then.
pub fn run(_: &MigrateArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let dir = existing_folder(dir)?;
    let store = dir.join("store");
    let done = migrate(&store, &Options::default(), &master(&dir)?)?;
    writeln!(
        out,
        "{}: {} rows of {} frames, {} MB instead of {} MB; the view before is kept as {}",
        store.join("view").display(),
        done.rows,
        done.frames,
        done.bytes.1 >> 20,
        done.bytes.0 >> 20,
        store.join("view.old").display()
    )?;
    if done.differed.is_empty() {
        return Ok(Exit::Ok);
    }
    writeln!(out, "the view before differed from the journal in: {}", done.differed.join(", "))?;
    Ok(Exit::Found)
}
