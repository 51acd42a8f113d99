//! `anteroom backup`: everything in one encrypted file.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::ask::new_passphrase;
use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request, Secret};
use crate::store::{BackupLock, lines_of_keys};

/// Writes everything, keys and settings included, into one encrypted file (age), and reads it again. The
/// daemon, where one runs, writes it.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The file, which must not be there
    file: PathBuf,
    /// A public key (age1…) that can open it; again for each custodian. Without one, those of practice.toml
    #[arg(long, value_name = "KEY")]
    to: Vec<String>,
    /// A file of public keys, one a line
    #[arg(long, value_name = "FILE")]
    recipients: Option<PathBuf>,
    /// Ask for a passphrase that opens it, and write it for nobody's key
    #[arg(long, conflicts_with_all = ["to", "recipients"])]
    passphrase: bool,
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
    let keys = public_keys(args)?;
    let lock = match &keys {
        Some(keys) => Some(BackupLock::to(keys)?),
        None if args.passphrase => Some(BackupLock::passphrase(&new_passphrase("Passphrase of the backup:")?)),
        None => None,
    };
    let lock = lock.map(|lock| serde_json::to_string(&lock)).transpose().map_err(std::io::Error::from)?;
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::BackUp { to: to.clone(), lock: lock.map(Secret) }).await;
    practice.leave().await;
    let Reply::BackedUp(done) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &done).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Exit::Ok);
    }
    writeln!(out, "{to}: {} frames, {} rows, head {}", done.frames, done.rows, done.head)?;
    let opens = match (keys, args.passphrase) {
        (_, true) => "it opens with its passphrase alone: keep that elsewhere".to_owned(),
        (Some(keys), false) if keys.len() == 1 => {
            "it opens with one private key, not with anything on this machine: a \
                                                   second custodian saves the practice when that key is lost"
                .to_owned()
        }
        (Some(keys), false) => {
            format!("it opens with each of {} private keys, not with anything on this machine", keys.len())
        }
        (None, false) => "it opens with the private key of each custodian that practice.toml names".to_owned(),
    };
    writeln!(out, "{opens}")?;
    Ok(Exit::Ok)
}

/// The public keys that were named, if any were.
fn public_keys(args: &BackupArgs) -> Result<Option<Vec<String>>, Failure> {
    let mut keys = args.to.clone();
    if let Some(file) = &args.recipients {
        let text = std::fs::read_to_string(file)
            .map_err(|why| Failure(Exit::Unreachable, format!("{} cannot be read: {why}", file.display())))?;
        keys.extend(lines_of_keys(&text).map(str::to_owned));
    }
    Ok((!args.to.is_empty() || args.recipients.is_some()).then_some(keys))
}
