//! A backup becomes a state folder: made beside its place, compared with the manifest, and renamed into its
//! place when it is whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use blake3::Hash;

use super::backup::{Content, read, sums_of};
use super::envelope::BackupKey;
use super::journal::{Journal, make_directory, sync_directory};
use super::master::Master;
use super::{About, EmbeddedStore, Manifest, Options, Store, StoreError, TableSum};
use crate::audit::frame::{Digest, NO_FRAME};

/// About how many bytes of frames share a sync.
const BATCH_BYTES: usize = 4 << 20;
const STORE: &str = "store";
const JOURNAL: &str = "journal";

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub about: About,
    /// What came out of it.
    pub manifest: Manifest,
    /// Which frame has the head that was asked for.
    pub reaches: Option<u64>,
}

/// Restores the backup `file` into the state folder `to`, which must not be there or be empty. `head` is the digest of
/// a frame that the restored log must have: every digest covers all frames before it, so the log then begins with all
/// that was known of it when that head was noted. `master` gives, and if need be makes, the master key of the new
/// folder, whose path it is told.
///
/// # Errors
/// [`StoreError::Corrupt`] when the backup is damaged, [`StoreError::Unavailable`] when it does not open, does not
/// reach `head`, or the folder cannot be made. There is no folder then.
pub fn restore(
    file: &Path,
    key: &BackupKey,
    to: &Path,
    head: Option<&Digest>,
    options: &Options,
    master: &dyn Fn(&Path) -> Result<Master, StoreError>,
) -> Result<Restored, StoreError> {
    let cannot = |why: io::Error| {
        StoreError::Unavailable(format!("the folder {} cannot be made from a backup: {why}", to.display()))
    };
    if fs::read_dir(to).is_ok_and(|mut files| files.next().is_some()) {
        return Err(StoreError::Unavailable(format!(
            "{} is not empty: a backup is restored into a new folder",
            to.display()
        )));
    }
    let name = to.file_name().and_then(|name| name.to_str()).unwrap_or("restored");
    let new = to.with_file_name(format!(".{name}.restoring"));
    // What an interrupted restore left behind.
    let _ = fs::remove_dir_all(&new);
    make_directory(&new).map_err(cannot)?;
    let made = build(file, key, &new, head, options, master).and_then(|found| {
        // An empty folder gives way; one that somebody has filled meanwhile does not.
        fs::rename(&new, to).map_err(cannot)?;
        to.parent().map_or(Ok(()), sync_directory).map_err(cannot)?;
        Ok(found)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    made
}

fn build(
    file: &Path,
    key: &BackupKey,
    new: &Path,
    head: Option<&Digest>,
    options: &Options,
    master: &dyn Fn(&Path) -> Result<Master, StoreError>,
) -> Result<Restored, StoreError> {
    let mut building = Building { store: new.join(STORE), options, master: master(new)?, about: None, journal: None };
    let mut reaches = None;
    let manifest = read(file, key, &mut |content| {
        if let Content::Frame { seq, digest, .. } = &content
            && head == Some(digest)
        {
            reaches = Some(*seq);
        }
        building.take(content)
    })?;
    if let Some(head) = head.filter(|_| reaches.is_none()) {
        return Err(StoreError::Unavailable(format!(
            "the backup {} holds no frame with the head {}: its last one, frame {}, has {}, so it is older than the log \
             you know of, or of another store; take a later one; nothing was restored",
            file.display(),
            Hash::from_bytes(*head),
            manifest.frames,
            Hash::from_bytes(manifest.head)
        )));
    }
    let incomplete = || StoreError::Corrupt(format!("the backup {} does not say what it is", file.display()));
    let Building { store, master, about, journal, .. } = building;
    let (about, open) = (about.ok_or_else(incomplete)?, journal.ok_or_else(incomplete)?);
    open.finish()?;
    write_settings(new, &about.settings)?;

    let (opened, _) = EmbeddedStore::open(&store, options, &master)?;
    let last = opened.log(manifest.frames, 1)?.pop();
    if last.map_or((0, NO_FRAME), |frame| (frame.seq, frame.digest)) != (manifest.frames, manifest.head)
        || !agree(&manifest.tables, &sums_of(&|table, after, limit| opened.scan(table, &[], after, limit))?)
    {
        return Err(StoreError::Corrupt(format!(
            "the store made from the backup {} differs from the one that was backed up: take another backup; nothing \
             was restored",
            file.display()
        )));
    }
    Ok(Restored { about, manifest, reaches })
}

/// Whether all tables hold what was promised. A backup from before there was a table says nothing of it: then it
/// must be empty.
fn agree(promised: &[TableSum], found: &[TableSum]) -> bool {
    let of = |table: u8| promised.iter().find(|promise| promise.table == table);
    found.iter().all(|sum| of(sum.table).map_or(sum.rows == 0, |promise| promise == sum))
        && promised.iter().all(|promise| found.iter().any(|sum| sum.table == promise.table))
}

/// A store on its way.
struct Building<'a> {
    store: PathBuf,
    options: &'a Options,
    master: Master,
    about: Option<About>,
    journal: Option<OpenJournal>,
}

struct OpenJournal {
    journal: Journal,
    batch: super::journal::Batch,
}

impl Building<'_> {
    fn take(&mut self, content: Content) -> Result<(), StoreError> {
        match content {
            Content::About(about) => self.about = Some(about),
            Content::Keys(keys) => {
                make_directory(&self.store).map_err(|why| {
                    StoreError::Unavailable(format!("the folder {} cannot be made: {why}", self.store.display()))
                })?;
                keys.write(&self.store, &self.master)?;
                let segment_bytes = self.options.segment_bytes;
                let journal = Journal::create(&self.store.join(JOURNAL), segment_bytes, &Arc::new(keys.sealer()))?;
                self.journal = Some(OpenJournal { batch: journal.batch(), journal });
            }
            Content::Frame { synced, sealed, .. } => {
                // Keys come before frames.
                let Some(open) = &mut self.journal else { return Ok(()) };
                open.batch.push_sealed(synced, &sealed);
                if open.batch.len() > BATCH_BYTES {
                    open.append()?;
                }
            }
        }
        Ok(())
    }
}

impl OpenJournal {
    fn append(&mut self) -> Result<(), StoreError> {
        use super::journal::AppendError;
        self.journal.append(&self.batch).map_err(|why| match why {
            AppendError::Full => StoreError::Full("the new folder".to_owned()),
            AppendError::Stop(why) | AppendError::Unknown(why) => StoreError::Unavailable(why),
        })?;
        self.batch = self.journal.batch();
        Ok(())
    }

    fn finish(mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() { Ok(()) } else { self.append() }
    }
}

/// Where a file of settings belongs: into the folder or one in it that is not the store's, and never out of it.
fn place(folder: &Path, name: &str) -> Option<PathBuf> {
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    let inside = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    let ours = parts.first().is_some_and(|first| first.as_os_str() != STORE);
    (inside && ours && parts.len() <= 2).then(|| folder.join(name))
}

fn write_settings(folder: &Path, settings: &[(String, String)]) -> Result<(), StoreError> {
    for (name, text) in settings {
        let path = place(folder, name).ok_or_else(|| {
            StoreError::Corrupt(format!(
                "the backup names a file of settings that is none ({name:?}): nothing was restored"
            ))
        })?;
        let above = path.parent().unwrap_or(folder);
        make_directory(above)
            .map_err(|why| StoreError::Unavailable(format!("{} cannot be made: {why}", above.display())))?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                sync_directory(above)
            })
            .map_err(|why| StoreError::Unavailable(format!("{} cannot be written: {why}", path.display())))?;
    }
    sync_directory(folder)
        .map_err(|why| StoreError::Unavailable(format!("{} cannot be written: {why}", folder.display())))
}
