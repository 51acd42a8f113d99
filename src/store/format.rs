//! Which form a store has, in a file that every version of the program can read.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

/// The form of today. 1 was not sealed, and is not read any more.
const FORMAT: u32 = 2;
const FILE: &str = "format";

/// Refuses a store of a later form. One that does not say it is of form 2, the last that did not.
///
/// # Errors
/// [`StoreError::Unavailable`] for a later form; [`StoreError::Corrupt`] when the file says nothing.
pub fn check(directory: &Path) -> Result<(), StoreError> {
    let text = match fs::read_to_string(directory.join(FILE)) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(()),
        Err(why) if why.kind() == ErrorKind::InvalidData => String::new(),
        Err(why) => return Err(unavailable(directory, &why)),
    };
    match text.trim().parse::<u32>() {
        Ok(format) if format <= FORMAT => Ok(()),
        Ok(format) => Err(StoreError::Unavailable(format!(
            "the store in {} has form {format}, and this program reads forms up to {FORMAT}: use a newer program; \
             nothing was changed",
            directory.display()
        ))),
        Err(_) => Err(StoreError::Corrupt(format!(
            "{} should hold the number of the store's form and does not. Nothing was changed. Restore the file, or the \
             whole store from the last backup",
            directory.join(FILE).display()
        ))),
    }
}

/// Says which form the store has, if it does not say so yet.
///
/// # Errors
/// When the file cannot be written.
pub fn write(directory: &Path) -> Result<(), StoreError> {
    if directory.join(FILE).exists() {
        return Ok(());
    }
    let new = directory.join("format.new");
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(file, "{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&new, directory.join(FILE))
    };
    written().map_err(|why| unavailable(directory, &why))
}

fn unavailable(directory: &Path, why: &io::Error) -> StoreError {
    match why.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(directory.display().to_string()),
        _ => StoreError::Unavailable(format!("{}: {why}", directory.join(FILE).display())),
    }
}
