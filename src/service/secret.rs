//! The practice's secret: 32 random bytes from which the keys of identifiers and fingerprints are made.

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
    /// For the seeds of the sample.
    pub sampling: [u8; 32],
}

impl Keys {
    /// The keys that belong to `secret`. Each is derived under a name of its own, so that none tells of another.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let derive = |name: &str| blake3::derive_key(&format!("anteroom 2026 {name}"), secret);
        Self {
            identity: IdentityKey::new(derive("identity")),
            fingerprint: FingerprintKey::new(derive("fingerprint")),
            household: derive("household"),
            sampling: derive("sampling"),
        }
    }
}
