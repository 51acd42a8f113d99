//! How the store is: sizes, how far the view has come, how long syncs take.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a store is. Holds no words of its contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Bytes that the journal takes on the disk.
    pub journal_bytes: u64,
    /// Bytes that the view takes on the disk.
    pub view_bytes: u64,
    /// The last unit that is durable and shown.
    pub head: u64,
    /// The last unit that the view has kept. What is behind the head is kept up in memory, and made good from the
    /// journal at the next start.
    pub applied: u64,
    /// How long syncs took.
    pub syncs: Spread,
    /// Free space below which work is refused, bytes.
    pub floor_bytes: u64,
    /// What is wrong while work goes on, a sentence each.
    pub alarms: Vec<String>,
    /// Why the store takes no more writes, or answers nothing more.
    pub stopped: Option<String>,
}

/// Upper bounds of the spread's steps, microseconds. What took longer is counted above the last.
pub const STEPS: [u64; 12] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// Durations, counted by how long they were. Counting waits for nobody.
#[derive(Debug, Default)]
pub struct Times {
    steps: [AtomicU64; STEPS.len() + 1],
    total: AtomicU64,
    last: AtomicU64,
    last_at: AtomicU64,
}

impl Times {
    /// Counts one.
    pub fn count(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let step = STEPS.partition_point(|bound| *bound < micros);
        if let Some(step) = self.steps.get(step) {
            step.fetch_add(1, Ordering::Relaxed);
        }
        self.total.fetch_add(micros, Ordering::Relaxed);
        self.last.store(micros, Ordering::Relaxed);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_at.store(u64::try_from(at.as_micros()).unwrap_or_default(), Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn spread(&self) -> Spread {
        Spread {
            steps: self.steps.iter().map(|step| step.load(Ordering::Relaxed)).collect(),
            total_micros: self.total.load(Ordering::Relaxed),
            last_micros: self.last.load(Ordering::Relaxed),
            last_at: match self.last_at.load(Ordering::Relaxed) {
                0 => None,
                micros => Some(UNIX_EPOCH + Duration::from_micros(micros)),
            },
        }
    }
}

/// How long something took, each time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many took at most as long as each of [`STEPS`] and longer than the one before; at the end those that
    /// took longer than all of them.
    pub steps: Vec<u64>,
    /// All of them together, microseconds.
    pub total_micros: u64,
    /// The last of them, microseconds; 0 before the first.
    pub last_micros: u64,
    /// When the last of them ended, by the machine's clock.
    pub last_at: Option<SystemTime>,
}

impl Spread {
    /// How many.
    pub fn count(&self) -> u64 {
        self.steps.iter().sum()
    }
}

/// Bytes that the files of a folder take on the disk, those in its folders too. A file that goes away meanwhile
/// counts nothing.
pub fn size_of(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}
