//! A new year's key for a store that is open: made when the first unit of that year comes, on the disk before it seals
//! anything.
//!
//! Whatever a crash leaves behind is a file of keys with the new one, which seals from the next start on, or without
//! it, and then nothing was sealed with it.

use std::path::{Path, PathBuf};
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
    failed: Mutex<Option<Instant>>,
}

impl Keys {
    /// The keys in `ring`, which stand in `directory`, wrapped with `master`.
    pub fn new(ring: Keyring, sealer: &Arc<Sealer>, master: &Master, directory: &Path) -> Self {
        Self {
            ring: Mutex::new(ring),
            sealer: Arc::clone(sealer),
            master: master.clone(),
            directory: directory.to_owned(),
            failed: Mutex::default(),
        }
    }

    /// All of them, the secret among them.
    pub fn all(&self) -> Vec<StoreKey> {
        lock(&self.ring).keys().to_vec()
    }

    /// Seals what comes from now on with a key of `year`, or of a later year if there is one: a clock that goes back
    /// changes nothing. Where no key can be written the one that is there goes on: no decision is refused for that.
    pub fn turn_to(&self, year: i32) {
        let mut ring = lock(&self.ring);
        let mut failed = lock(&self.failed);
        let is_there = ring.last().is_some_and(|last| last.year >= year);
        if is_there || failed.is_some_and(|failed| failed.elapsed() < AGAIN_AFTER) {
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
            Err(_) => *failed = Some(Instant::now()),
        }
    }
}

/// What is behind these locks is whole between any two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
