//! One segment file: made whole beforehand, so that an append only overwrites zeros that are already on
//! the disk, needs no space and needs one sync.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::audit::frame::{SegmentHeader, segment_name};

const NEW: &str = ".new";
#[cfg(test)]
thread_local! {
    static FAILING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Makes the syncs of directories by this thread fail, or work again, for tests.
#[cfg(test)]
pub fn fail_directory_syncs(fail: bool) {
    FAILING.set(fail);
}

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// The segment that is being written to.
#[derive(Debug)]
pub struct Segment {
    file: File,
    /// Its number, from 1.
    pub number: u32,
    /// Where the next frame goes, bytes from the start of the file.
    pub end: u64,
    /// Its length when it is full, bytes.
    pub size: u64,
    #[cfg(test)]
    pub faults: std::sync::Arc<super::Faults>,
}

impl Segment {
    /// Makes a segment of `size` bytes. It has its name only when it is whole and on the disk.
    ///
    /// # Errors
    /// When it cannot be written; nothing of it stays.
    pub fn create(directory: &Path, header: &SegmentHeader, size: u64) -> io::Result<Self> {
        let name = segment_name(header.number);
        let new = directory.join(format!("{name}{NEW}"));
        let bytes = header.write();
        let made = (|| -> io::Result<File> {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&bytes)?;
            put_zeros(&file, bytes.len() as u64, size)?;
            file.sync_all()?;
            fs::rename(&new, directory.join(&name))?;
            // It has its name now: going on without it would leave two ends, so this is never "full".
            sync_directory(directory).map_err(io::Error::other)?;
            Ok(file)
        })();
        if made.is_err() {
            let _ = fs::remove_file(&new);
        }
        Ok(Self::of(made?, header.number, bytes.len() as u64, size))
    }

    /// Opens a segment whose last frame ends at `end`, to be filled up to `size` bytes.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(directory: &Path, number: u32, end: u64, size: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(directory.join(segment_name(number)))?;
        Ok(Self::of(file, number, end, size))
    }

    fn of(file: File, number: u32, end: u64, size: u64) -> Self {
        Self {
            file,
            number,
            end,
            size,
            #[cfg(test)]
            faults: std::sync::Arc::default(),
        }
    }

    #[cfg(test)]
    pub fn with(self, faults: std::sync::Arc<super::Faults>) -> Self {
        Self { faults, ..self }
    }

    /// Writes `bytes` behind the last frame. They are durable after [`Segment::sync`] only.
    ///
    /// # Errors
    /// When not all of them could be written: call [`Segment::cut`].
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.write.load(std::sync::atomic::Ordering::SeqCst) {
            self.file.write_all_at(bytes.get(..bytes.len() / 2).unwrap_or_default(), self.end)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, self.end)
    }

    /// Waits until everything written is on the disk.
    ///
    /// # Errors
    /// When it may not be there. A second try proves nothing: the kernel reports a lost page once.
    pub fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.faults.sync.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::Error::other("injected"));
        }
        self.file.sync_data()
    }

    /// Takes away everything behind the last frame.
    ///
    /// # Errors
    /// When the file cannot be cut: what is behind the last frame is then unknown.
    pub fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.sync()
    }

    /// Puts zeros behind the last frame and writes again what stands from `unsure` to the last frame's
    /// end: it may be in the page cache and not on the disk, and a sync writes only what was changed
    /// since.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn repair(&self, unsure: u64) -> io::Result<()> {
        let mut bytes = vec![0; usize::try_from(self.end.saturating_sub(unsure)).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, unsure)?;
        self.file.write_all_at(&bytes, unsure)?;
        let length = self.file.metadata()?.len();
        put_zeros(&self.file, self.end, length)?;
        if put_zeros(&self.file, length, self.size).is_err() {
            // A full disk: what is there can still be read, and an append will say that it is full.
            self.file.set_len(length)?;
        }
        self.file.sync_all()
    }
}

/// Makes a directory that only its owner can read, with its parents, and sees to it that it stays.
///
/// # Errors
/// When it cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let new: Vec<&Path> = path.ancestors().skip(1).take_while(is_new).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_directory(path)?;
    // A folder's name stands in the one above it.
    for made in std::iter::once(path).chain(new) {
        match made.parent().map_or(Ok(()), sync_directory) {
            // A folder that we may pass through and not read was made by somebody else, long ago.
            Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Makes what was created or renamed in a directory durable.
///
/// # Errors
/// When it may not be.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    if FAILING.get() {
        return Err(io::Error::other("injected"));
    }
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Takes away segments that were not finished.
///
/// # Errors
/// When the directory cannot be read or changed.
pub fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for file in fs::read_dir(directory)? {
        let path = file?.path();
        if path.to_str().is_some_and(|name| name.ends_with(NEW)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn put_zeros(file: &File, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let length = (to - from).min(ZEROS.len() as u64);
        file.write_all_at(ZEROS.get(..length as usize).unwrap_or(&ZEROS), from)?;
        from += length;
    }
    Ok(())
}
