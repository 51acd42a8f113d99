//! A file that only its key opens: gzip inside the `age` format (age-encryption.org/v1), so that it can be read
//! without this program too: `age --decrypt --identity KEY FILE | gunzip`.

mod former;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use flate2::Compression;
use flate2::bufread::{DeflateDecoder, GzDecoder};
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::former::Pieces;
use super::StoreError;
use super::master::{SecretKey, read_private};

/// How hard a passphrase is to guess: scrypt with N = 2^18, as age's own tool asks; about a second.
const WORK: u8 = 18;
/// What is still tried at a restore: sixteen times as much.
const MOST_WORK: u8 = 22;
/// More than an identity file ever takes, bytes.
const IDENTITY_LIMIT: u64 = 1 << 20;

/// What closes a new backup.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupLock {
    /// Public keys (`age1…`). Whoever has a private one of them opens it; who writes it does not.
    Recipients(Vec<String>),
    /// A passphrase.
    Passphrase(String),
}

impl fmt::Debug for BackupLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupLock(…)")
    }
}

impl Drop for BackupLock {
    fn drop(&mut self) {
        if let Self::Passphrase(words) = self {
            zeroize::Zeroize::zeroize(words);
        }
    }
}

impl BackupLock {
    /// A lock for the holders of private keys, of whom these are the public ones.
    ///
    /// # Errors
    /// When there is none, or one is no public key of age.
    pub fn to(keys: &[String]) -> Result<Self, StoreError> {
        if keys.is_empty() {
            return Err(StoreError::Unavailable(
                "a backup needs somebody who can open it: name a public key".to_owned(),
            ));
        }
        for key in keys {
            recipient(key)?;
        }
        Ok(Self::Recipients(keys.to_vec()))
    }

    /// A lock that a passphrase opens.
    pub fn passphrase(words: &str) -> Self {
        Self::Passphrase(words.to_owned())
    }
}

fn recipient(key: &str) -> Result<Recipient, StoreError> {
    key.parse().map_err(|why| {
        StoreError::Unavailable(format!(
            "{key} is no public key of age ({why}): give what age-keygen calls the public key, age1…"
        ))
    })
}

/// What opens a backup.
pub enum BackupKey {
    /// The passphrase.
    Passphrase(Zeroizing<String>),
    /// Private keys of age.
    Identities(Vec<Identity>),
    /// The key of a backup in the form before that of age.
    Former(SecretKey),
}

impl BackupKey {
    /// The private keys in a file that is open to its owner alone: an identity file as `age-keygen` writes it, or
    /// the key file of a backup in the form before that of age, which is known by its 32 bytes.
    ///
    /// # Errors
    /// When it cannot be read, may be read by others, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let said = |what: &str| StoreError::Unavailable(format!("the identity file {} {what}", path.display()));
        let mut bytes = Zeroizing::new(Vec::new());
        read_private(path, true)?
            .take(IDENTITY_LIMIT)
            .read_to_end(&mut bytes)
            .map_err(|why| said(&format!("cannot be read: {why}")))?;
        if let Ok(key) = bytes.as_slice().try_into() {
            return Ok(Self::Former(SecretKey::new(key)));
        }
        let none = || said("holds no private key of age: give the file that age-keygen wrote");
        let text = std::str::from_utf8(&bytes).map_err(|_| none())?;
        let identities: Vec<Identity> = lines_of_keys(text).map_while(|line| line.parse().ok()).collect();
        if identities.is_empty() || identities.len() != lines_of_keys(text).count() {
            return Err(none());
        }
        Ok(Self::Identities(identities))
    }
}

/// The lines of an identity file, or of a file of recipients, that are keys: no comments, no empty lines.
pub fn lines_of_keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether the backup that `input` begins wants a passphrase; else it wants a key.
///
/// # Errors
/// When it is no backup.
pub fn wants_passphrase(input: &mut impl BufRead) -> io::Result<bool> {
    if is_former(input)? {
        return former::wants_passphrase(input);
    }
    Decryptor::new_buffered(input).map(|decryptor| decryptor.is_scrypt()).map_err(said)
}

/// Whether what comes is in the form before that of age. Reads nothing.
fn is_former(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.starts_with(former::MAGIC))
}

/// Writes a closed file. Nothing of it can be read before [`Closing::finish`].
pub struct Closing<W: Write>(GzEncoder<age::stream::StreamWriter<W>>);

impl<W: Write> Closing<W> {
    /// Begins a file, and answers what opens it. For a file that is written for others that is a key of its
    /// own, made for this one file, so that who writes it can read it once and then no more.
    ///
    /// # Errors
    /// When the lock is not one, or `out` takes nothing.
    pub fn new(out: W, lock: &BackupLock) -> io::Result<(Self, BackupKey)> {
        let (encryptor, key) = match lock {
            BackupLock::Passphrase(words) => {
                let mut recipient = scrypt::Recipient::new(SecretString::from(words.clone()));
                recipient.set_work_factor(WORK);
                let all = std::iter::once(&recipient as &dyn age::Recipient);
                let encryptor = Encryptor::with_recipients(all).map_err(io::Error::other)?;
                (encryptor, BackupKey::Passphrase(words.clone().into()))
            }
            BackupLock::Recipients(keys) => {
                let ours = Identity::generate();
                let mut recipients = vec![ours.to_public()];
                for key in keys {
                    recipients.push(recipient(key).map_err(io::Error::other)?);
                }
                let all = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
                (Encryptor::with_recipients(all).map_err(io::Error::other)?, BackupKey::Identities(vec![ours]))
            }
        };
        Ok((Self(GzEncoder::new(encryptor.wrap_output(out)?, Compression::fast())), key))
    }

    /// Writes the end and gives back what is written to.
    ///
    /// # Errors
    /// When it takes no more.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()?.finish()
    }
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a closed file. What it gives is what was written, or it fails.
pub enum Opening<R: BufRead> {
    /// In the form of age.
    Age(Box<GzDecoder<BufReader<age::stream::StreamReader<R>>>>),
    /// In the form before that.
    Former(DeflateDecoder<Pieces<R>>),
}

impl<R: BufRead> Opening<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When it is no backup, or the key is the wrong one.
    pub fn new(mut input: R, key: &BackupKey) -> io::Result<Self> {
        if is_former(&mut input)? {
            return former::open(input, key).map(Self::Former);
        }
        let decryptor = Decryptor::new_buffered(input).map_err(said)?;
        let opened = match (key, decryptor.is_scrypt()) {
            (BackupKey::Passphrase(words), true) => {
                let mut identity = scrypt::Identity::new(SecretString::from(words.to_string()));
                identity.set_max_work_factor(MOST_WORK);
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
            (BackupKey::Identities(identities), false) => {
                decryptor.decrypt(identities.iter().map(|identity| identity as &dyn age::Identity))
            }
            (_, true) => return Err(broken("opens with a passphrase, not with a key")),
            (_, false) => return Err(broken("opens with a private key of age, not with a passphrase")),
        };
        let plain = BufReader::with_capacity(1 << 16, opened.map_err(said)?);
        Ok(Self::Age(Box::new(GzDecoder::new(plain))))
    }

    /// That everything was read.
    ///
    /// # Errors
    /// When something follows, or the end is missing.
    pub fn finish(mut self) -> io::Result<()> {
        let mut more = [0];
        // First the compressed bytes come to their end, then what they were encrypted into.
        let mut left = self.read(&mut more)?;
        left += match &mut self {
            Self::Age(compressed) => compressed.get_mut().read(&mut more).map_err(damaged)?,
            Self::Former(compressed) => usize::from(!compressed.get_ref().at_end()),
        };
        if left != 0 {
            return Err(broken("is damaged: something follows its end"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Age(compressed) => compressed.read(bytes),
            Self::Former(compressed) => compressed.read(bytes),
        }
        .map_err(damaged)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn damaged(why: io::Error) -> io::Error {
    match why.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            broken("is damaged or was cut short")
        }
        _ => why,
    }
}

fn said(why: DecryptError) -> io::Error {
    match why {
        DecryptError::Io(why) if why.kind() != io::ErrorKind::UnexpectedEof => why,
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            broken("does not open with this key or passphrase, or its first lines are damaged")
        }
        DecryptError::ExcessiveWork { .. } => broken("does not open here: its passphrase asks for too much work"),
        _ => broken("is no backup, or its first lines are damaged"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    /// What is closed for one key opens with that, and with the one that was made for it.
    fn closed(bytes: &[u8], to: &Identity) -> (Vec<u8>, BackupKey) {
        let lock = BackupLock::to(&[to.to_public().to_string()]).unwrap();
        let (mut closing, key) = Closing::new(Vec::new(), &lock).unwrap();
        closing.write_all(bytes).unwrap();
        (closing.finish().unwrap(), key)
    }

    fn opened(file: &[u8], key: &BackupKey) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut opening = Opening::new(file, key)?;
        opening.read_to_end(&mut bytes)?;
        opening.finish()?;
        Ok(bytes)
    }

    fn key_of(identity: &Identity) -> BackupKey {
        BackupKey::Identities(vec![identity.clone()])
    }

    /// Bytes that do not compress.
    fn noise(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_closed_opens(length in prop_oneof![0usize..100, 65_000usize..66_000, 130_000usize..132_000]) {
            let (bytes, custodian) = (noise(length), Identity::generate());
            let (file, ours) = closed(&bytes, &custodian);
            prop_assert!(opened(&file, &ours).unwrap() == bytes);
            prop_assert!(opened(&file, &key_of(&custodian)).unwrap() == bytes);
        }
    }

    #[test]
    fn a_wrong_key_a_cut_a_changed_bit_and_more_are_noticed() {
        let custodian = Identity::generate();
        let (file, _) = closed(&noise(200_000), &custodian);
        let key = key_of(&custodian);
        assert!(opened(&file, &key).is_ok());
        assert!(opened(&file, &key_of(&Identity::generate())).unwrap_err().to_string().contains("does not open"));
        for at in (0..file.len()).step_by(997).chain(file.len() - 40..file.len()) {
            let mut changed = file.clone();
            changed[at] ^= 4;
            assert!(opened(&changed, &key).is_err(), "byte {at}");
            assert!(opened(&file[..at], &key).is_err(), "cut at {at}");
        }
        assert!(opened(&[file, vec![0]].concat(), &key).is_err());
    }

    #[test]
    fn what_is_no_public_key_closes_nothing() {
        for wrong in ["", "age1", "AGE-SECRET-KEY-1", "somebody"] {
            assert!(BackupLock::to(&[wrong.to_owned()]).unwrap_err().to_string().contains("no public key"));
        }
        assert!(BackupLock::to(&[]).is_err());
    }
}
