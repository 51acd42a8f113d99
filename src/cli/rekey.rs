//! `anteroom rekey`: the store's keys, renewed or wrapped anew.

use std::io::Write;
use std::path::PathBuf;

use chrono::Datelike;

use super::ask::new_passphrase;
use super::reach::{existing_folder, master};
use super::{Exit, Failure};
use crate::store::{Master, Rekey, make_key, rekey};

/// Gives what is written from now on a new key or, with a choice below, wraps the keys with another master
/// key. What was written before stays as it is, and readable. The daemon must not run.
#[derive(Debug, clap::Args)]
pub struct RekeyArgs {
    /// Wrap the keys with the key in this file; the file is made if it is not there
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
    to_file: Option<PathBuf>,
    /// Wrap the keys with a passphrase, asked now and at every start
    #[arg(long)]
    passphrase: bool,
}

/// Runs the command.
///
/// # Errors
/// When the store is in use, its key is the wrong one, or the new key cannot be made.
pub fn run(args: &RekeyArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let dir = existing_folder(dir)?;
    let store = dir.join("store");
    let now = master(&dir)?;
    let year = chrono::Utc::now().year();
    let new = if let Some(file) = &args.to_file {
        if !file.exists() {
            make_key(file)?;
        }
        Some(Master::from_file(file)?)
    } else if args.passphrase {
        Some(Master::from_passphrase(new_passphrase("New passphrase of the store:")?))
    } else {
        None
    };
    match &new {
        Some(new) => rekey(&store, &now, year, Rekey::NewMaster(new))?,
        None => rekey(&store, &now, year, Rekey::NewKey)?,
    }
    match &new {
        Some(new) => writeln!(
            out,
            "the store opens with {} from now on; {} does not open it any more, but still opens older copies of {}",
            new.place(),
            now.place(),
            store.join("keys").display()
        )?,
        None => writeln!(out, "what is written from now on has a new key; what was written before stays readable")?,
    }
    if let Some(file) = &args.to_file {
        writeln!(out, "start the program with ANTEROOM_KEY_FILE={}, or as a systemd credential", file.display())?;
    }
    Ok(Exit::Ok)
}
