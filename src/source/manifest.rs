//! What lies ready to be read: which files, and whether they are those of another day.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outlet::file_name;
use super::{SourceError, folder};

/// A batch before it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Which row of batches it belongs to: the supplier's system, and which agreement or server of it.
    pub stream: String,
    /// When it was made, by its own account. `None` where it does not say: then each batch holds what is so now.
    pub made: Option<DateTime<Utc>>,
    /// Its files in the order of their names; none where it comes over a wire.
    pub files: Vec<FileSum>,
}

/// One file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Its name without its folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 digest.
    pub digest: [u8; 32],
}

impl Manifest {
    /// The digest over all files; `None` where there are none. Names count, places do not.
    pub fn digest(&self) -> Option<[u8; 32]> {
        if self.files.is_empty() {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        for file in &self.files {
            hasher.update(&(file.name.len() as u64).to_le_bytes());
            hasher.update(file.name.as_bytes());
            hasher.update(&file.digest);
        }
        Some(hasher.finalize().into())
    }
}

/// The sums of the file at `path`, or of the files in it and in its folders.
///
/// # Errors
/// When something cannot be read.
pub(super) fn files(path: &Path) -> Result<Vec<FileSum>, SourceError> {
    let unread = |error: io::Error| {
        SourceError(format!(
            "{} cannot be read ({}): check the path and its permissions, then pull again",
            path.display(),
            error.kind()
        ))
    };
    let paths = folder::look(path, folder::DEEPEST).map_err(unread)?.files;
    paths.iter().map(|path| sum(path).map_err(unread)).collect()
}

fn sum(path: &Path) -> io::Result<FileSum> {
    let (mut file, mut hasher, mut bytes) = (File::open(path)?, blake3::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
        }
    }
    Ok(FileSum { name: file_name(path), bytes, digest: hasher.finalize().into() })
}
