//! The store's keys: one a year, each wrapped with the master key, in the file `keys` of the store's folder.
//!
//! What is sealed names its key by number, so an old key stays for as long as anything is sealed with it,
//! and a new master only means new wrappings. The practice's secret, from which the names of entries and
//! patients are made, is wrapped beside them: it must outlive every key.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::journal::sync_directory;
use super::lock::Lock;
use super::master::{Master, MasterKind, SecretKey, random};
use super::seal::{Checksum, Cipher, Nonce, Sealer, nonce};

const FORMAT: u32 = 1;
const FILE: &str = "keys";
/// The number under which the practice's secret is wrapped.
const SECRET: u32 = 0;

/// The file, without its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wrapped {
    format: u32,
    master: MasterKind,
    /// Tells a wrong master from a damaged file.
    check: [u8; 16],
    keys: Vec<WrappedKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrappedKey {
    id: u32,
    year: i32,
    nonce: Nonce,
    tag: Checksum,
    bytes: [u8; 32],
}

/// One key of the store.
#[derive(Clone)]
pub struct StoreKey {
    /// Its number, from 1; 0 is the practice's secret.
    pub id: u32,
    /// The year from which on it seals; 0 for the secret.
    pub year: i32,
    /// The key.
    pub key: SecretKey,
}

/// The keys, unwrapped.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<StoreKey>,
}

/// What to change about the keys.
#[derive(Debug, Clone, Copy)]
pub enum Rekey<'a> {
    /// What is written from now on gets a new key.
    NewKey,
    /// All keys are wrapped with another master. Nothing that they seal changes.
    NewMaster(&'a Master),
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

impl Keyring {
    /// A new practice's keys: its secret and the year's key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(year: i32) -> Result<Self, StoreError> {
        Ok(Self { keys: vec![new_key(SECRET, 0)?, new_key(1, year)?] })
    }

    /// Keys that were unwrapped before, the secret among them.
    ///
    /// # Errors
    /// When the secret or every other key is missing.
    pub fn from_keys(keys: Vec<StoreKey>) -> Result<Self, StoreError> {
        let ring = Self { keys };
        if ring.secret().is_some() && ring.last().is_some_and(|key| key.id != SECRET) {
            Ok(ring)
        } else {
            Err(StoreError::Corrupt("keys are missing among the store's keys".to_owned()))
        }
    }

    /// Opens the keys of the store in `directory`; `None` if it has none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the master is not the right one, [`StoreError::Corrupt`] when the
    /// file is damaged. Nothing was changed.
    pub fn open(directory: &Path, master: &Master) -> Result<Option<Self>, StoreError> {
        let Some(file) = Wrapped::read(directory)? else { return Ok(None) };
        let key = master.key(&file.master)?;
        if check_of(&key) != file.check {
            return Err(StoreError::Unavailable(format!(
                "{} does not open the keys of the store in {}: give the right key or passphrase; nothing was changed",
                master.place(),
                directory.display()
            )));
        }
        let cipher = Cipher::new(&key);
        let keys = file
            .keys
            .iter()
            .map(|wrapped| wrapped.unwrap(&cipher).ok_or_else(|| damaged(directory)))
            .collect::<Result<_, _>>()?;
        Self::from_keys(keys).map(Some).map_err(|_| damaged(directory))
    }

    /// Adds a key for `year` if the newest is of an earlier one. Answers whether it did: then the keys must
    /// be written before anything is sealed.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn turn_to(&mut self, year: i32) -> Result<bool, StoreError> {
        let newer = self.last().is_none_or(|last| last.year < year);
        if newer {
            self.add(year)?;
        }
        Ok(newer)
    }

    fn add(&mut self, year: i32) -> Result<(), StoreError> {
        let id = self.last().map_or(SECRET, |last| last.id) + 1;
        self.keys.push(new_key(id, year)?);
        Ok(())
    }

    /// The key that seals what is written from now on.
    pub fn last(&self) -> Option<&StoreKey> {
        self.keys.iter().max_by_key(|key| key.id)
    }

    /// All of them, the secret among them.
    pub fn keys(&self) -> &[StoreKey] {
        &self.keys
    }

    /// The practice's secret.
    pub fn secret(&self) -> Option<&SecretKey> {
        self.keys.iter().find(|key| key.id == SECRET).map(|key| &key.key)
    }

    /// The keys, ready for use.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.keys.iter().filter(|key| key.id != SECRET).map(|key| (key.id, &*key.key)))
    }

    /// Writes the keys, wrapped, in place of those that were there: whole or not at all, and durable.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, directory: &Path, master: &Master) -> Result<(), StoreError> {
        let kind = match Wrapped::read(directory)? {
            // The salt stays: another would only ask for the passphrase's work again.
            Some(before) if master.key(&before.master).is_ok_and(|key| check_of(&key) == before.check) => before.master,
            _ => master.kind()?,
        };
        self.write_as(directory, master, kind)
    }

    fn write_as(&self, directory: &Path, master: &Master, kind: MasterKind) -> Result<(), StoreError> {
        let key = master.key(&kind)?;
        let cipher = Cipher::new(&key);
        let keys = self
            .keys
            .iter()
            .map(|key| WrappedKey::wrap(key, &cipher).map_err(StoreError::Unavailable))
            .collect::<Result<_, _>>()?;
        Wrapped { format: FORMAT, master: kind, check: check_of(&key), keys }.write(directory)
    }
}

/// Whether the keys of the store in `directory` want a passphrase.
///
/// # Errors
/// As [`Keyring::open`].
pub fn wants_passphrase(directory: &Path) -> Result<bool, StoreError> {
    Ok(Wrapped::read(directory)?.is_some_and(|file| matches!(file.master, MasterKind::Passphrase(_))))
}

/// Whether there is anything in `directory` that a lost key would leave closed.
pub fn has_keys(directory: &Path) -> bool {
    directory.join(FILE).exists() || directory.join("journal").exists()
}

/// Changes the keys of the store in `directory`, which nobody may have open. What they seal stays as it is.
///
/// # Errors
/// As [`Keyring::open`]; and [`StoreError::Unavailable`] when another process has the store open, or there
/// is none.
pub fn rekey(directory: &Path, master: &Master, year: i32, what: Rekey<'_>) -> Result<(), StoreError> {
    if !has_keys(directory) {
        return Err(StoreError::Unavailable(format!("there is no store in {}", directory.display())));
    }
    let _lock = Lock::take(directory)?;
    let mut keys = Keyring::open(directory, master)?.ok_or_else(|| lost(directory))?;
    match what {
        Rekey::NewKey => {
            keys.add(year)?;
            keys.write(directory, master)
        }
        Rekey::NewMaster(new) => keys.write_as(directory, new, new.kind()?),
    }
}

/// The file of keys is gone and what they sealed is there.
pub(super) fn lost(directory: &Path) -> StoreError {
    StoreError::Corrupt(format!(
        "the store's keys, {}, are missing, and nothing in the store opens without them. Nothing was changed. Restore \
         the file, or the whole store from the last backup",
        directory.join(FILE).display()
    ))
}

fn damaged(directory: &Path) -> StoreError {
    StoreError::Corrupt(format!(
        "the store's keys, {}, are damaged. Nothing was changed. Restore the file, or the whole store from the last \
         backup",
        directory.join(FILE).display()
    ))
}

fn new_key(id: u32, year: i32) -> Result<StoreKey, StoreError> {
    let mut key = SecretKey::default();
    random(key.as_mut())?;
    Ok(StoreKey { id, year, key })
}

fn check_of(master: &[u8; 32]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&blake3::derive_key("anteroom 2026 check of the master key", master)[..16]);
    check
}

impl WrappedKey {
    fn wrap(key: &StoreKey, cipher: &Cipher) -> Result<Self, String> {
        let nonce = nonce()?;
        let mut bytes = key.key.clone();
        let tag = cipher.encrypt(&nonce, &bound(key.id, key.year), bytes.as_mut())?;
        Ok(Self { id: key.id, year: key.year, nonce, tag, bytes: *bytes })
    }

    fn unwrap(&self, cipher: &Cipher) -> Option<StoreKey> {
        let mut key = SecretKey::new(self.bytes);
        cipher.decrypt(&self.nonce, &bound(self.id, self.year), key.as_mut(), &self.tag).then_some(StoreKey {
            id: self.id,
            year: self.year,
            key,
        })
    }
}

fn bound(id: u32, year: i32) -> Vec<u8> {
    [b"k".as_slice(), &id.to_le_bytes(), &year.to_le_bytes()].concat()
}

impl Wrapped {
    /// A line of JSON, and a line with its digest.
    fn read(directory: &Path) -> Result<Option<Self>, StoreError> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) if why.kind() == ErrorKind::InvalidData => return Err(damaged(directory)),
            Err(why) => {
                return Err(StoreError::Unavailable(format!("the store's keys, {}: {why}", path.display())));
            }
        };
        let (json, digest) = text.split_once('\n').ok_or_else(|| damaged(directory))?;
        if digest.strip_suffix('\n') != Some(blake3::hash(json.as_bytes()).to_hex().as_str()) {
            return Err(damaged(directory));
        }
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = serde_json::from_str(json).map_err(|_| damaged(directory))?;
        if format.format != FORMAT {
            return Err(StoreError::Unavailable(format!(
                "the store's keys, {}, have format {}, and this program reads {FORMAT}: use a newer program",
                path.display(),
                format.format
            )));
        }
        serde_json::from_str(json).map(Some).map_err(|_| damaged(directory))
    }

    fn write(&self, directory: &Path) -> Result<(), StoreError> {
        let (path, new): (PathBuf, PathBuf) = (directory.join(FILE), directory.join("keys.new"));
        let failed = |why: std::io::Error| match why.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(directory.display().to_string()),
            _ => StoreError::Unavailable(format!("the store's keys, {}, cannot be written: {why}", path.display())),
        };
        let json = serde_json::to_string(self).map_err(|why| failed(why.into()))?;
        let digest = blake3::hash(json.as_bytes()).to_hex();
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&new)
            .and_then(|mut file| {
                writeln!(file, "{json}\n{digest}")?;
                file.sync_all()?;
                fs::rename(&new, &path)?;
                sync_directory(directory)
            })
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn master(byte: u8) -> Master {
        Master::from_key([byte; 32], "a test")
    }

    fn raw(ring: &Keyring) -> Vec<(u32, i32, [u8; 32])> {
        ring.keys().iter().map(|key| (key.id, key.year, *key.key)).collect()
    }

    #[test]
    fn keys_come_back_under_their_master_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(Keyring::open(path, &master(1)).unwrap().is_none());
        let mut ring = Keyring::new(2026).unwrap();
        ring.write(path, &master(1)).unwrap();
        assert!(!ring.turn_to(2025).unwrap() && !ring.turn_to(2026).unwrap() && ring.turn_to(2027).unwrap());
        ring.write(path, &master(1)).unwrap();
        assert_eq!(raw(&Keyring::open(path, &master(1)).unwrap().unwrap()), raw(&ring));
        let refused = Keyring::open(path, &master(2)).err().unwrap().to_string();
        assert!(refused.contains("does not open") && refused.contains("nothing was changed"), "{refused}");
        let text = fs::read(path.join(FILE)).unwrap();
        for key in ring.keys() {
            assert!(!text.windows(32).any(|window| window == key.key.as_slice()));
        }
    }

    #[test]
    fn another_master_wraps_the_same_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let ring = Keyring::new(2026).unwrap();
        ring.write(path, &master(1)).unwrap();
        let words = |words: &str| Master::from_passphrase(words.to_owned().into());
        rekey(path, &master(1), 2026, Rekey::NewMaster(&words("four words of mine"))).unwrap();
        assert!(wants_passphrase(path).unwrap());
        assert!(Keyring::open(path, &master(1)).is_err());
        assert!(Keyring::open(path, &words("four words of yours")).is_err());
        assert_eq!(raw(&Keyring::open(path, &words("four words of mine")).unwrap().unwrap()), raw(&ring));
        rekey(path, &words("four words of mine"), 2026, Rekey::NewKey).unwrap();
        let more = Keyring::open(path, &words("four words of mine")).unwrap().unwrap();
        assert_eq!((raw(&more)[..2].to_vec(), raw(&more)[2].0), (raw(&ring), 2));
    }

    #[test]
    fn every_byte_of_the_file_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        Keyring::new(2026).unwrap().write(path, &master(1)).unwrap();
        let sound = fs::read(path.join(FILE)).unwrap();
        for at in (0..sound.len()).step_by(3) {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            fs::write(path.join(FILE), &changed).unwrap();
            let refused = Keyring::open(path, &master(1));
            assert!(matches!(refused, Err(StoreError::Corrupt(_))), "byte {at}");
            fs::write(path.join(FILE), &sound[..at]).unwrap();
            assert!(matches!(Keyring::open(path, &master(1)), Err(StoreError::Corrupt(_))), "cut at {at}");
        }
    }
}
