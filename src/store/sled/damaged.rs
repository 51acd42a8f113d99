//! What sled does on files that are damaged: it panics, hangs, or refuses them for good. None of it reaches anybody else.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Runs `work` in a thread of its own, because sled panics or hangs on files that are damaged. A thread
/// that hangs is left to itself.
///
/// # Errors
/// What `work` answers, or that it panicked or took longer than `limit`.
pub fn guarded<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("store-view".to_owned())
        .spawn(move || answer.send(caught(work)))
        .map_err(|why| format!("no thread could be started for it ({why})"))?;
    answered
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(format!("sled did not answer within {} seconds", limit.as_secs())))
}

/// Moves sled's snapshots aside: it then reads its log from the start. Answers whether there were any.
pub fn set_snapshots_aside(directory: &Path) -> bool {
    let Ok(files) = fs::read_dir(directory) else { return false };
    let mut any = false;
    for file in files.flatten() {
        let name = file.file_name();
        if let Some(name) = name.to_str().filter(|name| name.starts_with("snap.")) {
            any |= fs::rename(file.path(), directory.join(format!("unused.{name}"))).is_ok();
        }
    }
    any
}

/// An unfinished snapshot, left behind by a full disk, makes sled refuse to open for good.
pub(super) fn remove_unfinished_snapshots(directory: &Path) -> Result<(), String> {
    let Ok(files) = fs::read_dir(directory) else { return Ok(()) };
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(|why| format!("{} cannot be removed ({why})", path.display()))?;
        }
    }
    Ok(())
}

/// Runs `work`; a panic is an error.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("sled failed on its files".to_owned()))
}
