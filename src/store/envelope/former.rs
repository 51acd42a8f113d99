//! The form of backups before they were in that of `age`, which is read for ever and written no more: deflated,
//! then sealed piece by piece.
//!
//! `magic | a line of JSON | pieces`. Each piece is up to 64 KiB with its tag; its nonce is its number and
//! whether it is the last, its key belongs to this file alone.

use std::io::{self, BufRead, Read};

use flate2::bufread::DeflateDecoder;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::master::{SecretKey, Stretch};
use super::super::seal::{Checksum, Cipher, Nonce};
use super::{BackupKey, broken};

/// What a file begins with.
pub const MAGIC: &[u8] = b"anteroom backup 1\n";
const PIECE: usize = 64 << 10;
const TAG: usize = size_of::<Checksum>();
/// More than the line ever takes.
const LINE_LIMIT: u64 = 4096;

/// What stands before the pieces.
#[derive(Deserialize)]
struct Header {
    stretch: Option<Stretch>,
    /// Makes the key of every file another.
    file: [u8; 32],
    /// Tells a wrong key from a damaged file.
    check: [u8; 16],
}

impl Header {
    /// With its bytes, to which every piece is bound.
    fn read(input: &mut impl BufRead) -> io::Result<(Vec<u8>, Self)> {
        let damaged = || broken("is damaged in its first lines");
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|_| damaged())?;
        let mut line = Vec::new();
        input.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)?;
        let header = serde_json::from_slice(&line).map_err(|_| damaged())?;
        Ok((line, header))
    }

    /// The cipher of the pieces, if `key` is the right one.
    fn cipher(&self, key: &SecretKey) -> io::Result<Cipher> {
        let together = Zeroizing::new([key.as_slice(), &self.file].concat());
        let digest = blake3::derive_key("anteroom 2026 check of a backup's key", &together);
        if !digest.starts_with(&self.check) {
            return Err(broken("does not open with this key or passphrase, or its first lines are damaged"));
        }
        let key = Zeroizing::new(blake3::derive_key("anteroom 2026 pieces of a backup", &together));
        Ok(Cipher::new(&key))
    }
}

/// Whether the backup that `input` begins wants a passphrase; else it wants a key file.
///
/// # Errors
/// When its first lines are damaged.
pub fn wants_passphrase(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(Header::read(input)?.1.stretch.is_some())
}

/// Begins to read. What it gives is what was written, or it fails.
///
/// # Errors
/// When its first lines are damaged, or the key is the wrong one.
pub fn open<R: BufRead>(mut input: R, key: &BackupKey) -> io::Result<DeflateDecoder<Pieces<R>>> {
    let (line, header) = Header::read(&mut input)?;
    let key = match (key, &header.stretch) {
        (BackupKey::Former(key), None) => key.clone(),
        (BackupKey::Passphrase(words), Some(stretch)) => stretch.key(words).map_err(io::Error::other)?,
        (_, Some(_)) => return Err(broken("opens with a passphrase, not with a key")),
        (_, None) => return Err(broken("opens with the key file that it was made for: 32 bytes")),
    };
    let cipher = header.cipher(&key)?;
    Ok(DeflateDecoder::new(Pieces { input, cipher, line, number: 0, piece: Vec::new(), read: 0, last: false }))
}

/// The pieces, opened one after the other.
pub struct Pieces<R: BufRead> {
    input: R,
    cipher: Cipher,
    line: Vec<u8>,
    number: u64,
    piece: Vec<u8>,
    read: usize,
    last: bool,
}

impl<R: BufRead> Pieces<R> {
    /// Whether the last was opened.
    pub fn at_end(&self) -> bool {
        self.last
    }

    fn open(&mut self) -> io::Result<()> {
        let damaged = || broken("is damaged or was cut short");
        self.piece.clear();
        self.read = 0;
        self.input.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut self.piece)?;
        let last = self.input.fill_buf()?.is_empty();
        let length = self.piece.len().checked_sub(TAG).ok_or_else(damaged)?;
        let tag: Checksum = self.piece.get(length..).and_then(|tag| tag.try_into().ok()).ok_or_else(damaged)?;
        self.piece.truncate(length);
        if !self.cipher.decrypt(&nonce_of(self.number, last), &self.line, &mut self.piece, &tag) {
            self.piece.clear();
            return Err(damaged());
        }
        self.number += 1;
        self.last = last;
        Ok(())
    }
}

impl<R: BufRead> BufRead for Pieces<R> {
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

impl<R: BufRead> Read for Pieces<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(bytes)?;
        self.consume(length);
        Ok(length)
    }
}

fn nonce_of(number: u64, last: bool) -> Nonce {
    let mut nonce = Nonce::default();
    nonce.iter_mut().zip(number.to_le_bytes().into_iter().chain([u8::from(last)])).for_each(|(to, from)| *to = from);
    nonce
}
