//! The master key: the one thing that must come from outside for the store's keys to open.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::StoreError;

/// 32 secret bytes, wiped from memory when dropped.
pub type SecretKey = Zeroizing<[u8; 32]>;

/// The name of the systemd credential that holds the master key.
pub const CREDENTIAL: &str = "anteroom-master";

/// What the store's keys are wrapped with, and where it came from. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Master {
    form: Form,
    place: String,
}

#[derive(Clone)]
enum Form {
    Key(SecretKey),
    Passphrase(Zeroizing<String>),
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Master(from {})", self.place)
    }
}

/// Where a master key may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// systemd's folder of credentials (`$CREDENTIALS_DIRECTORY`); looked into first.
    pub credentials: Option<&'a Path>,
    /// A key file that was named; then this.
    pub named: Option<&'a Path>,
    /// The file that is made where nothing else was arranged.
    pub default: &'a Path,
}

impl Master {
    /// A key of 32 random bytes that came from `place`.
    pub fn from_key(key: [u8; 32], place: impl Into<String>) -> Self {
        Self { form: Form::Key(Zeroizing::new(key)), place: place.into() }
    }

    /// A passphrase.
    pub fn from_passphrase(words: Zeroizing<String>) -> Self {
        Self { form: Form::Passphrase(words), place: "the passphrase".to_owned() }
    }

    /// The key of a file that is open to its owner alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no such file, it has another length than 32 bytes, is not
    /// ours, or is open to others.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { form: Form::Key(read_bytes(path, true)?), place: path.display().to_string() })
    }

    /// The key of the first of the places that has one. The default file is made if `may_make`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a key cannot be read or made, or is lost.
    pub fn find(places: &Places<'_>, may_make: bool) -> Result<Self, StoreError> {
        if let Some(path) = places.credentials.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists()) {
            // systemd sees to who may read it.
            return Ok(Self { form: Form::Key(read_bytes(&path, false)?), place: path.display().to_string() });
        }
        if let Some(path) = places.named {
            return Self::from_file(path);
        }
        if !places.default.exists() {
            if !may_make {
                return Err(StoreError::Unavailable(format!(
                    "the key {} is lost, and without it the store does not open: put it back, or name the file with \
                     ANTEROOM_KEY_FILE; nothing was changed",
                    places.default.display()
                )));
            }
            make_key(places.default)?;
        }
        Self::from_file(places.default)
    }

    /// Where it came from, for sentences.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How new keys are to be wrapped with it.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn kind(&self) -> Result<MasterKind, StoreError> {
        match self.form {
            Form::Key(_) => Ok(MasterKind::Key),
            Form::Passphrase(_) => Ok(MasterKind::Passphrase(Stretch::new()?)),
        }
    }

    /// The key itself, for keys that were wrapped in this way.
    pub(super) fn key(&self, kind: &MasterKind) -> Result<SecretKey, StoreError> {
        match (&self.form, kind) {
            (Form::Key(key), MasterKind::Key) => Ok(key.clone()),
            (Form::Passphrase(words), MasterKind::Passphrase(stretch)) => stretch.key(words),
            (Form::Key(_), MasterKind::Passphrase(_)) => {
                Err(StoreError::Unavailable("the store's keys want a passphrase, and a key was given".to_owned()))
            }
            (Form::Passphrase(_), MasterKind::Key) => Err(StoreError::Unavailable(
                "the store's keys want a key file or a credential, and a passphrase was given".to_owned(),
            )),
        }
    }
}

/// With what sort of master the keys are wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MasterKind {
    /// 32 random bytes.
    Key,
    /// A passphrase, stretched.
    Passphrase(Stretch),
}

/// How a passphrase becomes a key: Argon2id (RFC 9106).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stretch {
    salt: [u8; 16],
    memory_kib: u32,
    passes: u32,
}

impl Stretch {
    /// 64 MiB and three passes, with a new salt.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    fn new() -> Result<Self, StoreError> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        Ok(Self { salt, memory_kib: 64 << 10, passes: 3 })
    }

    /// The key that a passphrase becomes.
    ///
    /// # Errors
    /// When there is not enough memory, or the figures are out of bounds (over 1 GiB or 100 passes).
    pub(super) fn key(&self, words: &str) -> Result<SecretKey, StoreError> {
        let failed = || {
            StoreError::Unavailable(format!(
                "the passphrase cannot be made into a key: it needs {} MiB of memory",
                self.memory_kib >> 10
            ))
        };
        if self.memory_kib > 1 << 20 || self.passes > 100 {
            return Err(failed());
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| failed())?;
        let mut key = SecretKey::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(words.as_bytes(), &self.salt, key.as_mut())
            .map_err(|_| failed())?;
        Ok(key)
    }
}

/// Fills `bytes` with random ones.
///
/// # Errors
/// [`StoreError::Unavailable`] when the system gives none.
pub fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|_| StoreError::Unavailable("the system gives no random bytes".to_owned()))
}

fn read_bytes(path: &Path, ours_alone: bool) -> Result<SecretKey, StoreError> {
    let mut file = read_private(path, ours_alone)?;
    let mut key = SecretKey::default();
    let mut more = [0];
    file.read_exact(key.as_mut())
        .and_then(|()| file.read(&mut more))
        .ok()
        .filter(|more| *more == 0)
        .ok_or_else(|| said(path, "does not have 32 bytes, as a key has: put the right file there"))?;
    Ok(key)
}

/// A file that holds a key, to be read; with `ours_alone` one that is ours and open to nobody else.
///
/// # Errors
/// [`StoreError::Unavailable`] when it cannot be read, is not ours, or is open to others.
pub(super) fn read_private(path: &Path, ours_alone: bool) -> Result<File, StoreError> {
    let unreadable = |why: std::io::Error| match why.kind() {
        ErrorKind::NotFound => said(path, "is not there: give the file that holds the key"),
        _ => said(path, &format!("cannot be read: {why}")),
    };
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if ours_alone && found.mode() & 0o077 != 0 {
        return Err(said(path, "may be read by others: run chmod 600 on it"));
    }
    let owner = found.uid();
    if ours_alone && owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(said(path, "belongs to another user: run chown on it"));
    }
    Ok(file)
}

fn said(path: &Path, what: &str) -> StoreError {
    StoreError::Unavailable(format!("the key {} {what}", path.display()))
}

/// Makes a key file of 32 random bytes that nobody else can read, whole or not at all; one that is there
/// stays.
///
/// # Errors
/// [`StoreError::Unavailable`] when it cannot be made.
pub fn make_key(path: &Path) -> Result<(), StoreError> {
    let mut key = SecretKey::default();
    random(key.as_mut())?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let made =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).and_then(|mut file| {
            file.write_all(key.as_ref())?;
            file.sync_all()?;
            // A link never takes the place of a file that is there.
            match fs::hard_link(&new, path) {
                Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
    let _ = fs::remove_file(&new);
    made.map_err(|why| StoreError::Unavailable(format!("the key {} cannot be made: {why}", path.display())))
}
