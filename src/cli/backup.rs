//! `anteroom backup`: everything in one encrypted file.

use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ask::new_passphrase;
use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request, Secret};
use crate::store::{BackupLock, SecretKey, make_key, read_key};

/// Writes everything, keys and settings included, into one encrypted file, and reads it again. The daemon,
/// where one runs, writes it.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The file, which must not be there
    file: PathBuf,
    /// Encrypt for the key in this file, which is made if it is not there. Without it a passphrase is asked
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached, the role may not, or the backup cannot be written.
pub async fn run(args: &BackupArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    // The daemon may stand in another folder.
    let to = std::path::absolute(&args.file)?;
    let to = to.to_str().ok_or_else(|| Failure::wrong_use("the file's name is not UTF-8: give another"))?.to_owned();
    if Path::new(&to).exists() {
        return Err(Failure::wrong_use(format!("{to} is there already: give another name")));
    }
    let lock = match &args.key {
        Some(file) => BackupLock::from_key(&*backup_key(file)?),
        None => BackupLock::from_passphrase(&new_passphrase("Passphrase of the backup:")?)?,
    };
    let lock = Zeroizing::new(serde_json::to_string(&lock).map_err(std::io::Error::from)?);
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::BackUp { to: to.clone(), lock: Secret(lock.to_string()) }).await;
    practice.leave().await;
    let Reply::BackedUp(done) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &done).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    writeln!(out, "{to}: {} frames, {} rows, head {}", done.frames, done.rows, done.head)?;
    match &args.key {
        Some(file) => writeln!(out, "it opens with {} alone: keep that elsewhere, and a copy of it", file.display())?,
        None => writeln!(out, "it opens with its passphrase alone: keep that elsewhere")?,
    }
    Ok(Exit::Ok)
}

fn backup_key(file: &Path) -> Result<SecretKey, Failure> {
    if !file.exists() {
        make_key(file)?;
    }
    Ok(read_key(file)?)
}
