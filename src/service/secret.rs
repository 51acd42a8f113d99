//! The practice's secret: 32 random bytes from which the keys of identifiers and fingerprints are made.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::ServiceError;
use crate::record::{FingerprintKey, IdentityKey};

/// The keys made from the secret.
#[derive(Clone)]
pub struct Keys {
    /// For the names of entries and patients.
    pub identity: IdentityKey,
    /// For fingerprints of content.
    pub fingerprint: FingerprintKey,
    /// For households.
    pub household: [u8; 32],
}

impl Keys {
    /// The keys that belong to `secret`. Each is derived under a name of its own, so that none tells of another.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let derive = |name: &str| blake3::derive_key(&format!("anteroom 2026 {name}"), secret);
        Self {
            identity: IdentityKey::new(derive("identity")),
            fingerprint: FingerprintKey::new(derive("fingerprint")),
            household: derive("household"),
        }
    }

    /// The keys of a state folder; makes the secret where there is none yet.
    ///
    /// # Errors
    /// When the file cannot be read or made, has another length, or is open to others.
    pub fn read_or_make(dir: &Path) -> Result<Self, ServiceError> {
        let path = dir.join("secret");
        let said = |what: String| ServiceError::Settings(format!("{}: {what}", path.display()));
        let mut secret = [0; 32];
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                getrandom::fill(&mut secret).map_err(|_| said("the system gives no random bytes".into()))?;
                file.write_all(&secret)
                    .and_then(|()| file.sync_all())
                    .and_then(|()| File::open(dir)?.sync_all())
                    .map_err(|error| said(format!("cannot be written: {error}")))?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut file = File::open(&path).map_err(|error| said(format!("cannot be read: {error}")))?;
                let mode = file.metadata().map_err(|error| said(format!("cannot be read: {error}")))?.mode();
                if mode & 0o077 != 0 {
                    return Err(said("others may read it: run chmod 600 on it".into()));
                }
                file.read_exact(&mut secret)
                    .map_err(|_| said("it is shorter than 32 bytes: restore it from the backup".into()))?;
            }
            Err(error) => return Err(said(format!("cannot be made: {error}"))),
        }
        Ok(Self::from_secret(&secret))
    }
}
