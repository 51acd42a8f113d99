//! A new year's key for a store that is open: made when the first unit of that year comes, on the disk before it seals
//! anything.
//!
//! Whatever a crash leaves behind is a file of keys with the new one, which seals from the next start on, or without
//! it, and then nothing was sealed with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keyring::{Keyring, StoreKey};
use super::master::Master;
use super::seal::Sealer;

/// How long the former key goes on when a new one could not be written, before the next try.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The keys of a store that is open.
#[derive(Debug)]
pub struct Keys {
    ring: Mutex<Keyring>,
    sealer: Arc<Sealer>,
    master: Master,
    directory: PathBuf,
    failed: Mutex<Option<Failed>>,
    /// The year that was asked for last.
    asked: AtomicI32,
}

/// A key that could not be written.
#[derive(Debug)]
struct Failed {
    at: Instant,
    why: String,
}

impl Keys {
    /// The keys in `ring`, which stand in `directory`, wrapped with `master`. It is `year`.
    pub fn new(ring: Keyring, sealer: &Arc<Sealer>, master: &Master, directory: &Path, year: i32) -> Self {
        Self {
            ring: Mutex::new(ring),
            sealer: Arc::clone(sealer),
            master: master.clone(),
            directory: directory.to_owned(),
            failed: Mutex::default(),
            asked: AtomicI32::new(year),
        }
    }

    /// All of them, the secret among them.
    pub fn all(&self) -> Vec<StoreKey> {
        lock(&self.ring).keys().to_vec()
    }

    /// Seals what comes from now on with a key of `year`, or of a later year if there is one: a clock that goes back
    /// changes nothing. Where no key can be written the one that is there goes on: no decision is refused for that.
    pub fn turn_to(&self, year: i32) {
        self.asked.store(year, Ordering::Relaxed);
        let mut ring = lock(&self.ring);
        let mut failed = lock(&self.failed);
        let is_there = ring.last().is_some_and(|last| last.year >= year);
        if is_there || failed.as_ref().is_some_and(|failed| failed.at.elapsed() < AGAIN_AFTER) {
            return;
        }
        let mut next = ring.clone();
        match next.turn_to(year).and_then(|_| next.write(&self.directory, &self.master)) {
            Ok(()) => {
                if let Some(last) = next.last() {
                    self.sealer.add(last.id, &last.key);
                }
                (*ring, *failed) = (next, None);
            }
            Err(why) => *failed = Some(Failed { at: Instant::now(), why: why.to_string() }),
        }
    }

    /// What is wrong with the key that seals what comes: it could not be made, or is of a year to come, and none will
    /// be made until then.
    pub fn alarm(&self) -> Option<String> {
        let (last, year) = (lock(&self.ring).last()?.year, self.asked.load(Ordering::Relaxed));
        if let Some(Failed { why, .. }) = lock(&self.failed).as_ref().filter(|_| last < year) {
            return Some(format!(
                "there is no key of {year} yet, and what comes is sealed with the key of {last}: {why}"
            ));
        }
        (last > year).then(|| {
            format!(
                "the newest key is of {last}, because the clock was once that far ahead, and it seals everything until \
                 then: stop the daemon and run anteroom rekey for a key of {year}"
            )
        })
    }
}

/// What is behind these locks is whole between any two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::journal::fail_directory_syncs;
    use super::*;

    fn keys(directory: &Path) -> Keys {
        let master = Master::from_key([1; 32], "a test");
        let ring = Keyring::new(2026).unwrap();
        ring.write(directory, &master).unwrap();
        let sealer = Arc::new(ring.sealer());
        Keys::new(ring, &sealer, &master, directory, 2026)
    }

    #[test]
    fn a_key_of_a_year_to_come_is_said_until_that_year() {
        let directory = tempfile::tempdir().unwrap();
        let keys = keys(directory.path());
        assert_eq!(keys.alarm(), None);
        keys.turn_to(2031);
        assert_eq!(keys.alarm(), None);
        keys.turn_to(2026);
        let alarm = keys.alarm().unwrap();
        assert!(alarm.contains("2031") && alarm.contains("2026") && alarm.contains("rekey"), "{alarm}");
        keys.turn_to(2031);
        assert_eq!(keys.alarm(), None);
    }

    #[test]
    fn a_key_that_cannot_be_written_is_said_and_the_former_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let keys = keys(directory.path());
        // The file stands there under its name, and may be gone after a power cut.
        fail_directory_syncs(true);
        keys.turn_to(2027);
        fail_directory_syncs(false);
        let alarm = keys.alarm().unwrap();
        assert!(alarm.contains("no key of 2027") && alarm.contains("cannot be written"), "{alarm}");
        let (sealed, _) = keys.sealer.seal(1, b"key", 1, b"value").unwrap();
        let former = Sealer::new(keys.all().iter().filter(|key| key.year == 2026).map(|key| (key.id, &*key.key)));
        assert_eq!(former.unseal(1, b"key", &sealed), Some((1, b"value".to_vec())));
        // What is on the disk opens what was sealed, whichever of the two it is.
        let found = Keyring::open(directory.path(), &Master::from_key([1; 32], "a test")).unwrap().unwrap();
        assert_eq!(found.sealer().unseal(1, b"key", &sealed), Some((1, b"value".to_vec())));
        // Tried again after a while, it comes.
        lock(&keys.failed).as_mut().unwrap().at = Instant::now().checked_sub(AGAIN_AFTER).unwrap();
        keys.turn_to(2027);
        assert_eq!((keys.alarm(), lock(&keys.ring).last().unwrap().year), (None, 2027));
    }
}
