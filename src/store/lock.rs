//! One process at a time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::StoreError;

/// A child that this process has just forked holds its locks until it becomes another program; so does one that is
/// on its way out. Either is gone within a second.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Held for as long as it lives; the kernel lets go of it when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store in `directory`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another process holds it, or the file cannot be made.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("lock");
        let cannot = |why: std::io::Error| {
            StoreError::Unavailable(format!("cannot lock the store with {}: {why}", path.display()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(cannot)?;
        let mut taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
        for _ in 0..TRIES {
            if taken != Err(Errno::WOULDBLOCK) {
                break;
            }
            thread::sleep(PAUSE);
            taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
        }
        match taken {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(StoreError::Unavailable(format!(
                    "the store in {} is already open by process {}: let that program do the work, or stop it first",
                    directory.display(),
                    holder.trim()
                )));
            }
            Err(why) => return Err(cannot(why.into())),
        }
        // Only a kindness to the next one; on a full disk it may fail.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
