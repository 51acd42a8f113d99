//! How a store is opened: the lock, the keys, the journal, and the view brought to the journal's end, or made anew.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use chrono::Datelike;

use super::journal::{Found, Index, Journal, make_directory};
use super::keyring::{self, Keyring};
use super::lock::Lock;
use super::master::{Master, SecretKey};
use super::seal::Sealer;
use super::shrink::{self, VIEW};
use super::sled::{Step, Unfinished, View, guarded, set_snapshots_aside};
use super::{StoreError, doubt, format, migrate, payload, space_of};
use crate::audit::frame::RawFrame;

/// Views that were found damaged and are kept.
const BAD_VIEWS: usize = 2;

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a journal segment, which are written when it is made; 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Free space, in bytes, below which work is refused with [`StoreError::Full`]. Meant for decisions;
    /// for a pull ask [`super::Store::space`] and keep more. Half as much is set aside while there is plenty, and
    /// let go before anything is refused.
    pub floor_bytes: u64,
    /// A view of at most this many rows is read whole before it is used. A bigger one is read while it is
    /// in use (about 300,000 rows a second), and until then [`super::Store::is_checked`] says no; if it proves
    /// damaged, every read fails from then on, and opening the store again makes the view anew.
    pub check_rows: u64,
    /// A journal of at most this many bytes is read whole before the store is used, of a bigger one the last
    /// segment; the rest is read while the store is in use (about 1 GB a second), and if it proves damaged the
    /// store takes no more writes, and the next start reads all of it.
    pub check_bytes: u64,
    /// About how many bytes of the view sled keeps in memory; what it allocates beside them is as much again.
    pub cache_bytes: u64,
    /// How often view and journal are read whole while the store is in use.
    pub check_every: Duration,
    /// How often it is looked whether the view takes many times the space of what it holds, to be made anew then.
    pub shrink_every: Duration,
    /// The year whose key seals what is written from now on.
    pub year: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            floor_bytes: 512 << 20,
            check_rows: 200_000,
            check_bytes: 256 << 20,
            cache_bytes: 32 << 20,
            check_every: Duration::from_secs(24 * 60 * 60),
            shrink_every: Duration::from_secs(10 * 60),
            year: chrono::Utc::now().year(),
        }
    }
}

/// What opening a store found and did, for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// There was no store.
    pub created: bool,
    /// Bytes of an interrupted append, never acknowledged, that were cut from the journal's end.
    pub tail_cut: Option<u64>,
    /// Why the view was made again from the journal.
    pub view_rebuilt: Option<String>,
    /// Frames in the journal.
    pub frames: u64,
}

/// Everything of a store, open.
pub(super) struct Files {
    pub journal: Journal,
    /// Whether all of the journal was read.
    pub checked: bool,
    pub view: View,
    pub keys: Keyring,
    pub secret: SecretKey,
    pub sealer: Arc<Sealer>,
    pub opened: Opened,
    pub lock: Lock,
}

/// Opens what is in `directory`, or makes it; see [`super::EmbeddedStore::open`].
///
/// # Errors
/// As there.
pub(super) fn open_files(directory: &Path, options: &Options, master: &Master) -> Result<Files, StoreError> {
    make_directory(directory).map_err(|why| {
        StoreError::Unavailable(format!("cannot make the directory {} for the store: {why}", directory.display()))
    })?;
    let lock = Lock::take(directory)?;
    format::check(directory)?;
    let segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
    let journal_directory = directory.join("journal");
    let (keys, new_keys) = match Keyring::open(directory, master)? {
        Some(mut keys) => {
            let new = keys.turn_to(options.year)?;
            (keys, new)
        }
        None if journal_directory.exists() => {
            // A journal from before there were keys says so itself.
            Journal::read(&journal_directory, &Arc::new(Sealer::new(std::iter::empty())), u64::MAX)?;
            return Err(keyring::lost(directory));
        }
        None => (Keyring::new(options.year)?, true),
    };
    let secret = keys.secret().cloned().ok_or_else(|| keyring::lost(directory))?;
    let sealer = Arc::new(keys.sealer());
    let (found, opening) = read_both(directory, &sealer, options)?;

    // Only now is anything written: what the view knows may have shown that the journal lost its end.
    if new_keys {
        keys.write(directory, master)?;
    }
    format::write(directory)?;
    // What an interrupted migration left behind; if it stays, it does no harm.
    let _ = migrate::clear(directory);
    let mut opened = Opened { created: found.is_none(), ..Opened::default() };
    let mut checked = true;
    let journal = match found {
        Some(Found { chain, index, in_part }) => {
            opened.tail_cut = (chain.loose > 0).then_some(chain.loose);
            opened.frames = chain.frames;
            checked = !in_part;
            if checked {
                doubt::settle(directory);
            }
            Journal::repair(&journal_directory, segment_bytes, &chain, index)?
        }
        None => Journal::create(&journal_directory, segment_bytes, &sealer)?,
    };
    let (view, rebuilt) = catch_up(directory, opening, &journal, &sealer, options)?;
    opened.view_rebuilt = rebuilt;
    Ok(Files { journal, checked, view, keys, secret, sealer, opened, lock })
}

/// The view that is there, or why there is none.
type Opening = Result<View, String>;

/// Reads the journal, and opens the view if it belongs to it. Of a journal of more than `check_bytes` only the end is
/// read, unless the view must be made anew, for which all of it must be sound, or there was cause for doubt before.
fn read_both(
    directory: &Path,
    sealer: &Arc<Sealer>,
    options: &Options,
) -> Result<(Option<Found>, Opening), StoreError> {
    let journal = directory.join("journal");
    let most = if doubt::is_raised(directory) { u64::MAX } else { options.check_bytes };
    let found = Journal::read(&journal, sealer, most)?;
    let opening = open_view(directory, found.as_ref(), sealer, options.cache_bytes)?;
    if opening.is_ok() || found.as_ref().is_none_or(|found| !found.in_part) {
        return Ok((found, opening));
    }
    drop(opening);
    let found = Journal::read(&journal, sealer, u64::MAX)?;
    let opening = open_view(directory, found.as_ref(), sealer, options.cache_bytes)?;
    Ok((found, opening))
}

fn open_view(
    directory: &Path,
    found: Option<&Found>,
    sealer: &Arc<Sealer>,
    cache_bytes: u64,
) -> Result<Opening, StoreError> {
    shrink::settle(directory).map_err(|why| {
        StoreError::Unavailable(format!("cannot put the view in {} in its place: {why}", directory.display()))
    })?;
    let path = directory.join(VIEW);
    if !path.exists() {
        return Ok(Err("it was missing".to_owned()));
    }
    let limit = patience(&path, 0);
    let open = |path: PathBuf| {
        let sealer = Arc::clone(sealer);
        guarded(limit, move || View::open(&path, &sealer, cache_bytes))
    };
    let view = open(path.clone()).or_else(|why| if set_snapshots_aside(&path) { open(path.clone()) } else { Err(why) });
    let Ok(view) = view else { return Ok(view) };
    let applied = view.applied();
    let end = found.map_or(0, |found| found.chain.seq);
    if applied.seq > end {
        return Err(StoreError::Corrupt(format!(
            "the journal in {} ends with unit {end}, but unit {} was acknowledged: the end of the journal is lost or \
             damaged. Nothing was changed. Restore the store from the last backup; to go on without the lost units, \
             move {} away first",
            directory.join("journal").display(),
            applied.seq,
            path.display()
        )));
    }
    if applied.seq > 0 {
        let frames = found.map_or_else(|| Ok(Vec::new()), |found| found.index.read(applied.seq, 1))?;
        if frames.first().is_none_or(|frame| frame.digest != applied.digest) {
            return Ok(Err("it belongs to another journal".to_owned()));
        }
    }
    Ok(Ok(view))
}

/// Brings the view to the journal's end, making it again if need be. Answers why it had to.
fn catch_up(
    directory: &Path,
    opening: Opening,
    journal: &Journal,
    sealer: &Arc<Sealer>,
    options: &Options,
) -> Result<(View, Option<String>), StoreError> {
    let path = directory.join(VIEW);
    let index = journal.index();
    let check_rows = options.check_rows;
    let whole = opening.and_then(|view| {
        let index = Arc::clone(&index);
        guarded(patience(&path, journal.seq() - view.applied().seq), move || {
            replay(&view, &index, index.end().0, Pace::AtFirst, &|| true).map_err(|why| why.to_string())?;
            if view.applied().rows() <= check_rows {
                view.check()?;
            }
            Ok(view)
        })
    });
    let why = match whole {
        Ok(view) => return Ok((view, None)),
        Err(why) => why,
    };
    // sled fails on a full disk as it does on damage, and a new view would need space.
    if space_of(directory).map_err(StoreError::Unavailable)?.free < options.floor_bytes {
        return Err(StoreError::Full(directory.display().to_string()));
    }
    set_aside(directory).map_err(|error| {
        StoreError::Unavailable(format!("cannot move the damaged {} out of the way: {error}", path.display()))
    })?;
    let whole = make(&path, &index, sealer, options.cache_bytes, Pace::AtFirst, &|| true)?;
    let view = whole.ok_or_else(|| StoreError::Unavailable(format!("{} was not made", path.display())))?;
    Ok((view, (journal.seq() > 0).then_some(why)))
}

/// Who waits, or works, while units are put into a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// All wait for the store: it may take memory and every core.
    AtFirst,
    /// People work with the store, and need both.
    BesideWork,
}

impl Pace {
    /// Units that are put in together, bytes: the more, the more rows of one of sled's pages change at a time.
    fn together(self) -> usize {
        match self {
            Self::AtFirst => 64 << 20,
            Self::BesideWork => 8 << 20,
        }
    }

    /// Threads that put rows in.
    fn threads(self) -> usize {
        match self {
            Self::AtFirst => thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS),
            Self::BesideWork => 1,
        }
    }
}

/// More of them would only wait for each other at sled's log.
const MOST_THREADS: usize = 4;
/// How long sled may take to make an empty view.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a view of the whole journal, as it ends now, in a new folder; `None` when `go_on` broke it off. A kill leaves a
/// folder that says itself that it is unfinished.
pub(super) fn make(
    directory: &Path,
    journal: &Index,
    sealer: &Arc<Sealer>,
    cache_bytes: u64,
    pace: Pace,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<View>, StoreError> {
    let cannot =
        |why: String| StoreError::Unavailable(format!("cannot make the view in {}: {why}", directory.display()));
    let (folder, of) = (directory.to_owned(), Arc::clone(sealer));
    let mut view =
        guarded(PATIENCE, move || Unfinished::begin(&folder, &of, cache_bytes, pace.threads())).map_err(cannot)?;
    if !read_into(1, journal, journal.end().0, pace, go_on, &mut |steps| view.fill(steps))? {
        return Ok(None);
    }
    view.finish().map(Some).map_err(cannot)
}

/// Puts the frames that a whole view lacks into it, up to the frame `last`. Breaks off when `go_on`, asked between some
/// of them and others, says so.
pub(super) fn replay(
    view: &View,
    journal: &Index,
    last: u64,
    pace: Pace,
    go_on: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    read_into(view.applied().seq + 1, journal, last, pace, go_on, &mut |steps| view.apply(steps)).map(|_| ())
}

/// Hands the frames from `first` to `last` to `put`, some at a time, while another thread reads the next ones. Answers
/// whether it was all of them: it breaks off when `go_on`, asked in between, says so.
fn read_into(
    first: u64,
    journal: &Index,
    last: u64,
    pace: Pace,
    go_on: &dyn Fn() -> bool,
    put: &mut dyn FnMut(&[Step]) -> Result<(), String>,
) -> Result<bool, StoreError> {
    let step = |raw: &RawFrame<'_>, opened: super::seal::Opened| {
        let unit = Arc::new(payload::decode_changes(&opened.contents)?);
        Ok(Step { seq: raw.seq, digest: raw.digest, unit })
    };
    let gather = |from: u64, together: usize| -> Result<Vec<Step>, StoreError> {
        let (mut gathered, mut bytes) = (Vec::new(), 0);
        while bytes < together {
            let next = from + gathered.len() as u64;
            let most = usize::try_from((last + 1).saturating_sub(next)).unwrap_or(usize::MAX);
            let some = journal.some(next, most, &step)?;
            if some.is_empty() {
                break;
            }
            bytes += some.iter().map(Step::bytes).sum::<usize>();
            gathered.extend(some);
        }
        Ok(gathered)
    };
    thread::scope(|scope| {
        // Without a place in it: while some are put in the next are read, and no more.
        let (sender, steps) = sync_channel(0);
        scope.spawn(move || {
            let (mut next, mut together) = (first, FIRST_BYTES.min(pace.together()));
            loop {
                let gathered = gather(next, together);
                let count = gathered.as_ref().map_or(0, Vec::len);
                next += count as u64;
                together = (2 * together).min(pace.together());
                // Nobody listens when the view has failed.
                if sender.send(gathered).is_err() || count == 0 {
                    break;
                }
            }
        });
        for gathered in steps {
            if !go_on() {
                return Ok(false);
            }
            put(&gathered?)
                .map_err(|why| StoreError::Unavailable(format!("cannot make the view from the journal, {why}")))?;
        }
        Ok(true)
    })
}

/// What is read before anything is put in, bytes: nobody else has anything to do until then.
const FIRST_BYTES: usize = 4 << 20;

/// How long sled may take over files of this size before it is taken to hang.
fn patience(view: &Path, frames: u64) -> Duration {
    let bytes: u64 = fs::read_dir(view)
        .map(|files| files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum())
        .unwrap_or_default();
    Duration::from_secs(60 + (bytes >> 22) + frames / 1000)
}

/// Moves the view to `view.bad.N`. The newest few are kept, in case somebody wants to know what happened.
fn set_aside(directory: &Path) -> std::io::Result<()> {
    let view = directory.join(VIEW);
    if !view.exists() {
        return Ok(());
    }
    let mut bad: Vec<u32> = Vec::new();
    for file in fs::read_dir(directory)? {
        bad.extend(
            file?
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix("view.bad."))
                .and_then(|number| number.parse::<u32>().ok()),
        );
    }
    bad.sort_unstable();
    let next = bad.last().map_or(1, |last| last + 1);
    fs::rename(view, directory.join(format!("view.bad.{next}")))?;
    bad.push(next);
    for old in bad.iter().rev().skip(BAD_VIEWS) {
        // One too many does no harm; not opening would.
        let _ = fs::remove_dir_all(directory.join(format!("view.bad.{old}")));
    }
    Ok(())
}
