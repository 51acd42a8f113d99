//! Space set aside while there is plenty, and let go when the disk runs full: so that what was begun can be
//! finished, and somebody has time to make room.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// A file that holds nothing but its place.
#[derive(Debug)]
pub struct Ballast(PathBuf);

impl Ballast {
    /// Sets `bytes` aside in `directory`, unless that would leave less than `floor` and as much again.
    pub fn set_aside(directory: &Path, bytes: u64, floor: u64) -> Self {
        let path = directory.join("ballast");
        let there = fs::metadata(&path).is_ok_and(|found| found.len() >= bytes);
        let room = super::space_of(directory).is_ok_and(|space| space.free > 2 * floor + bytes);
        // Without it the store works as well, until the disk is full.
        if bytes > 0 && !there && room && make(&path, bytes).is_err() {
            let _ = fs::remove_file(&path);
        }
        Self(path)
    }

    /// Lets it go. Answers whether there was any.
    pub fn let_go(&self) -> bool {
        fs::remove_file(&self.0).is_ok()
    }
}

fn make(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(fallocate(&file, FallocateFlags::empty(), 0, bytes)?)
}
