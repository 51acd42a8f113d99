//! A file that says that the journal was found damaged, or could not be read, while the store was in use. A start that
//! reads only the end of a big journal would not notice, and would serve and acknowledge until it is found again: so
//! the next start reads all of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::journal::sync_directory;

const FILE: &str = "journal.doubt";

/// Makes the next start read the whole journal.
///
/// # Errors
/// When that cannot be written down: the next start then finds it as this one did.
pub fn raise(directory: &Path, why: &str) -> io::Result<()> {
    let mut file = File::create(directory.join(FILE))?;
    writeln!(file, "{why}")?;
    file.sync_all()?;
    sync_directory(directory)
}

/// Whether the whole journal must be read.
pub fn is_raised(directory: &Path) -> bool {
    directory.join(FILE).try_exists().unwrap_or(true)
}

/// The whole journal was read, and is sound.
pub fn settle(directory: &Path) {
    // If it stays, the next start reads more than it must.
    let _ = fs::remove_file(directory.join(FILE));
}
