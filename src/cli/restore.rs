//! `anteroom restore`: a new state folder from a backup.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use super::ask::passphrase;
use super::reach::master_key;
use super::{Exit, Failure};
use crate::audit::frame::Digest;
use crate::protocol::hex;
use crate::store::{BackupKey, Options, Restored, backup_wants_passphrase, restore};

/// Makes a new state folder from a backup and compares it with what was backed up. Nothing that is there is
/// changed.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The new state folder, which must not be there or be empty
    folder: PathBuf,
    /// The identity file, as age-keygen writes it, with a private key that opens it
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The last head that you know of, 64 hexadecimal digits as status, backup and audit verify print it: a backup
    /// from before it is refused
    #[arg(long, value_name = "HEX", value_parser = digest)]
    head: Option<Digest>,
}

fn digest(text: &str) -> Result<Digest, String> {
    let read = blake3::Hash::from_hex(text.trim()).map_err(|_| "a head has 64 hexadecimal digits: copy all of it")?;
    Ok(*read.as_bytes())
}

/// Runs the command.
///
/// # Errors
/// When the backup does not open or is damaged, or the folder cannot be made; nothing is restored then.
pub fn run(args: &RestoreArgs, mut out: impl Write) -> Result<Exit, Failure> {
    let said = |why: std::io::Error| {
        Failure(Exit::Unreachable, format!("the backup {} cannot be used: {why}", args.file.display()))
    };
    let wants_passphrase =
        File::open(&args.file).and_then(|file| backup_wants_passphrase(&mut BufReader::new(file))).map_err(said)?;
    let key = match (&args.identity, wants_passphrase) {
        (Some(file), false) => BackupKey::from_file(file)?,
        (None, true) => BackupKey::Passphrase(passphrase("Passphrase of the backup:")?),
        (None, false) => {
            return Err(Failure::wrong_use("the backup opens with a private key: name its file with --identity"));
        }
        (Some(_), true) => {
            return Err(Failure::wrong_use("the backup opens with a passphrase: leave out --identity"));
        }
    };
    let head = args.head.as_ref();
    let Restored { about, manifest, reaches } =
        restore(&args.file, &key, &args.folder, head, &Options::default(), &master_key)?;
    writeln!(
        out,
        "{}: practice {} as of {}, {} frames, head {}",
        args.folder.display(),
        about.practice,
        about.made.with_timezone(&chrono_tz::Europe::London).format("%Y-%m-%d %H:%M"),
        manifest.frames,
        hex(&manifest.head)
    )?;
    match reaches {
        Some(frame) if frame == manifest.frames => writeln!(out, "that is the head you know of")?,
        Some(frame) => {
            let more = manifest.frames - frame;
            writeln!(out, "the head you know of is its frame {frame}; {more} came after it")?;
        }
        None => writeln!(
            out,
            "whether it is older than the last head you know of was not looked at: restore it with --head to be sure"
        )?,
    }
    writeln!(out, "start with --dir {}", args.folder.display())?;
    Ok(Exit::Ok)
}
