//! A file that only its key opens: compressed, then sealed piece by piece, so that it streams and a cut, a
//! changed bit or a swapped piece is noticed where it is read.
//!
//! `magic | lock as a line of JSON | pieces`. Each piece is up to 64 KiB with its tag; its nonce is its
//! number and whether it is the last, its key belongs to this file alone. `age` would be the standard
//! choice; it brings eighty crates, among them a second generation of ciphers.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::StoreError;
use super::master::{SecretKey, Stretch, random};
use super::seal::{Checksum, Cipher, Nonce};

const MAGIC: &[u8] = b"anteroom backup 1\n";
const PIECE: usize = 64 << 10;
const TAG: usize = size_of::<Checksum>();
/// More than a lock ever takes.
const LOCK_LIMIT: u64 = 4096;

/// What closes a new backup: a key, and what a reader must know to come by it.
#[derive(Clone, Serialize, Deserialize)]
pub struct BackupLock {
    key: [u8; 32],
    stretch: Option<Stretch>,
}

impl fmt::Debug for BackupLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupLock(…)")
    }
}

impl Drop for BackupLock {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

impl BackupLock {
    /// A lock that a passphrase opens.
    ///
    /// # Errors
    /// When the passphrase cannot be made into a key.
    pub fn from_passphrase(words: &str) -> Result<Self, StoreError> {
        let stretch = Stretch::new()?;
        Ok(Self { key: *stretch.key(words)?, stretch: Some(stretch) })
    }

    /// What opens what this closes.
    pub(super) fn opener(&self) -> BackupKey {
        match self.stretch {
            Some(_) => BackupKey::Stretched(SecretKey::new(self.key)),
            None => BackupKey::Key(SecretKey::new(self.key)),
        }
    }

    /// A lock that a key opens.
    pub fn from_key(key: &[u8; 32]) -> Self {
        Self { key: *key, stretch: None }
    }
}

/// What opens a backup.
pub enum BackupKey {
    /// The passphrase.
    Passphrase(Zeroizing<String>),
    /// The key.
    Key(SecretKey),
    /// What the passphrase of the file at hand has become.
    Stretched(SecretKey),
}

/// What stands before the pieces.
#[derive(Serialize, Deserialize)]
struct Header {
    stretch: Option<Stretch>,
    /// Makes the key of every file another.
    file: [u8; 32],
    /// Tells a wrong key from a damaged file.
    check: [u8; 16],
}

impl Header {
    fn derive(key: &[u8; 32], file: &[u8; 32]) -> (Cipher, [u8; 16]) {
        let together = Zeroizing::new([key.as_slice(), file].concat());
        let cipher = Zeroizing::new(blake3::derive_key("anteroom 2026 pieces of a backup", &together));
        let digest = blake3::derive_key("anteroom 2026 check of a backup's key", &together);
        let mut check = [0; 16];
        check.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
        (Cipher::new(&cipher), check)
    }
}

/// Whether the backup that `input` begins wants a passphrase; else it wants a key.
///
/// # Errors
/// When it is no backup.
pub fn wants_passphrase(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(read_header(input)?.1.stretch.is_some())
}

/// The header with its bytes, to which every piece is bound.
fn read_header(input: &mut impl BufRead) -> io::Result<(Vec<u8>, Header)> {
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(|_| broken("is no backup of this program"))?;
    if magic != MAGIC {
        return Err(broken("is no backup of this program, or one of a newer version"));
    }
    let mut line = Vec::new();
    input.by_ref().take(LOCK_LIMIT).read_until(b'\n', &mut line)?;
    let header = serde_json::from_slice(&line).map_err(|_| broken("is damaged in its first lines"))?;
    Ok((line, header))
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn nonce_of(number: u64, last: bool) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.iter_mut().zip(number.to_le_bytes().into_iter().chain([u8::from(last)])).for_each(|(to, from)| *to = from);
    nonce
}

/// Writes a closed file. Nothing of it can be read before [`Closing::finish`].
pub struct Closing<W: Write> {
    pieces: DeflateEncoder<Pieces<W>>,
}

struct Pieces<W: Write> {
    out: W,
    cipher: Cipher,
    header: Vec<u8>,
    number: u64,
    piece: Vec<u8>,
}

impl<W: Write> Closing<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When the system gives no random bytes, or `out` takes nothing.
    pub fn new(mut out: W, lock: &BackupLock) -> io::Result<Self> {
        let mut file = [0; 32];
        random(&mut file).map_err(io::Error::other)?;
        let (cipher, check) = Header::derive(&lock.key, &file);
        let mut header = serde_json::to_vec(&Header { stretch: lock.stretch.clone(), file, check })?;
        header.push(b'\n');
        out.write_all(MAGIC)?;
        out.write_all(&header)?;
        let pieces = Pieces { out, cipher, header, number: 0, piece: Vec::with_capacity(PIECE + TAG) };
        Ok(Self { pieces: DeflateEncoder::new(pieces, Compression::fast()) })
    }

    /// Writes the last piece and gives back what is written to.
    ///
    /// # Errors
    /// When it takes no more.
    pub fn finish(self) -> io::Result<W> {
        let mut pieces = self.pieces.finish()?;
        pieces.close(true)?;
        Ok(pieces.out)
    }
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pieces.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Pieces<W> {
    fn close(&mut self, last: bool) -> io::Result<()> {
        let nonce = nonce_of(self.number, last);
        let tag = self.cipher.encrypt(&nonce, &self.header, &mut self.piece).map_err(io::Error::other)?;
        self.out.write_all(&self.piece)?;
        self.out.write_all(&tag)?;
        self.piece.clear();
        self.number += 1;
        Ok(())
    }
}

impl<W: Write> Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.close(false)?;
        }
        let fit = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..fit).unwrap_or_default());
        Ok(fit)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a closed file. What it gives is what was written, or it fails.
pub struct Opening<R: BufRead> {
    pieces: DeflateDecoder<OpenPieces<R>>,
}

struct OpenPieces<R: BufRead> {
    input: R,
    cipher: Cipher,
    header: Vec<u8>,
    number: u64,
    piece: Vec<u8>,
    read: usize,
    last: bool,
}

impl<R: BufRead> Opening<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When it is no backup, or the key is the wrong one.
    pub fn new(mut input: R, key: &BackupKey) -> io::Result<Self> {
        let (header, said) = read_header(&mut input)?;
        let key = match (key, &said.stretch) {
            (BackupKey::Key(key), None) | (BackupKey::Stretched(key), Some(_)) => key.clone(),
            (BackupKey::Passphrase(words), Some(stretch)) => stretch.key(words).map_err(io::Error::other)?,
            (BackupKey::Key(_), Some(_)) => return Err(broken("opens with a passphrase, not with a key")),
            (BackupKey::Passphrase(_) | BackupKey::Stretched(_), None) => {
                return Err(broken("opens with a key file, not with a passphrase"));
            }
        };
        let (cipher, check) = Header::derive(&key, &said.file);
        if check != said.check {
            return Err(broken("does not open with this key or passphrase, or its first lines are damaged"));
        }
        let pieces = OpenPieces { input, cipher, header, number: 0, piece: Vec::new(), read: 0, last: false };
        Ok(Self { pieces: DeflateDecoder::new(pieces) })
    }

    /// That everything was read.
    ///
    /// # Errors
    /// When something follows, or the end is missing.
    pub fn finish(mut self) -> io::Result<()> {
        let mut more = [0];
        if self.read(&mut more)? != 0 || !self.pieces.get_ref().last {
            return Err(broken("is damaged: something follows its end"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.pieces.read(bytes)
    }
}

impl<R: BufRead> OpenPieces<R> {
    fn open(&mut self) -> io::Result<()> {
        let damaged = || broken("is damaged or was cut short");
        self.piece.clear();
        self.read = 0;
        self.input.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut self.piece)?;
        let last = self.input.fill_buf()?.is_empty();
        let length = self.piece.len().checked_sub(TAG).ok_or_else(damaged)?;
        let tag: Checksum = self.piece.get(length..).and_then(|tag| tag.try_into().ok()).ok_or_else(damaged)?;
        self.piece.truncate(length);
        if !self.cipher.decrypt(&nonce_of(self.number, last), &self.header, &mut self.piece, &tag) {
            self.piece.clear();
            return Err(damaged());
        }
        self.number += 1;
        self.last = last;
        Ok(())
    }
}

impl<R: BufRead> BufRead for OpenPieces<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.read == self.piece.len() && !self.last {
            self.open()?;
        }
        Ok(self.piece.get(self.read..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.read = (self.read + amount).min(self.piece.len());
    }
}

impl<R: BufRead> Read for OpenPieces<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(bytes)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn closed(bytes: &[u8]) -> Vec<u8> {
        let mut closing = Closing::new(Vec::new(), &BackupLock::from_key(&[1; 32])).unwrap();
        closing.write_all(bytes).unwrap();
        closing.finish().unwrap()
    }

    fn opened(file: &[u8], key: u8) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut opening = Opening::new(file, &BackupKey::Key(SecretKey::new([key; 32])))?;
        opening.read_to_end(&mut bytes)?;
        opening.finish()?;
        Ok(bytes)
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
            let bytes = noise(length);
            prop_assert!(opened(&closed(&bytes), 1).unwrap() == bytes);
        }
    }

    #[test]
    fn a_wrong_key_a_cut_a_changed_bit_and_a_swap_are_noticed() {
        let file = closed(&noise(200_000));
        assert!(opened(&file, 1).is_ok());
        assert!(opened(&file, 2).unwrap_err().to_string().contains("does not open"));
        for at in (0..file.len()).step_by(997).chain(0..200).chain(file.len() - 40..file.len()) {
            let mut changed = file.clone();
            changed[at] ^= 4;
            assert!(opened(&changed, 1).is_err(), "byte {at}");
            assert!(opened(&file[..at], 1).is_err(), "cut at {at}");
        }
        let first = file.len() - 3 * (PIECE + TAG) - (file.len() - MAGIC.len()) % (PIECE + TAG);
        let start = MAGIC.len() + file[MAGIC.len()..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert!(first <= start, "several pieces");
        let mut swapped = file.clone();
        swapped[start..start + 2 * (PIECE + TAG)].rotate_left(PIECE + TAG);
        assert!(opened(&swapped, 1).is_err());
        // The end of a piece is not the end of the file, whatever decompression makes of it.
        let cut = &file[..start + 2 * (PIECE + TAG)];
        let mut pieces = Opening::new(cut, &BackupKey::Key(SecretKey::new([1; 32]))).unwrap().pieces.into_inner();
        assert!(pieces.read_to_end(&mut Vec::new()).is_err());
        assert!(opened(&[file, vec![0]].concat(), 1).is_err());
    }
}
