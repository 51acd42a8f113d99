//! How values stand in the view and contents in the journal: sealed with XChaCha20-Poly1305 under a random
//! nonce and the store's current key.
//!
//! What belongs to a sealed thing without being secret is bound to it: a value to its table, key and
//! sequence number, a frame's contents to its sequence number and the digest of the frame before. So
//! what was moved elsewhere, or put back to an earlier state, does not open.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};

use crate::audit::frame::Digest;

const VERSION: u8 = 2;
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;
/// `version | key_id | nonce | tag`, then the ciphertext.
const FRAME_HEADER: usize = 1 + KEY_ID + NONCE + TAG;

/// What tells two sealed states of a value apart: the AEAD's tag.
pub type Checksum = [u8; TAG];

/// A random nonce of XChaCha20-Poly1305.
pub type Nonce = [u8; NONCE];

/// One AEAD under one key.
pub struct Cipher(XChaCha20Poly1305);

impl Cipher {
    /// The AEAD under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Encrypts `bytes` where they stand and answers the tag. The same nonce must never come twice with
    /// other bytes.
    ///
    /// # Errors
    /// When there are more bytes than the cipher takes (256 GiB).
    pub fn encrypt(&self, nonce: &Nonce, bound: &[u8], bytes: &mut [u8]) -> Result<Checksum, String> {
        self.0
            .encrypt_inout_detached(&XNonce::from(*nonce), bound, InOutBuf::from(bytes))
            .map(Into::into)
            .map_err(|_| "it is too long to be sealed".to_owned())
    }

    /// Decrypts `bytes` where they stand. `false` if they are not what was encrypted with `bound`; they are
    /// then as they were.
    #[must_use]
    pub fn decrypt(&self, nonce: &Nonce, bound: &[u8], bytes: &mut [u8], tag: &Checksum) -> bool {
        let tag = Tag::from(*tag);
        self.0.decrypt_inout_detached(&XNonce::from(*nonce), bound, InOutBuf::from(bytes), &tag).is_ok()
    }
}

/// A nonce that was never used before.
///
/// # Errors
/// When the system gives no random bytes.
pub fn nonce() -> Result<Nonce, String> {
    /// Asked for together: for one alone, asking takes as long as sealing does.
    const TOGETHER: usize = 64;
    thread_local! {
        static UNUSED: RefCell<Vec<Nonce>> = const { RefCell::new(Vec::new()) };
    }
    UNUSED.with_borrow_mut(|unused| {
        if let Some(nonce) = unused.pop() {
            return Ok(nonce);
        }
        let mut nonces = [Nonce::default(); TOGETHER];
        getrandom::fill(nonces.as_flattened_mut()).map_err(|_| "the system gives no random bytes".to_owned())?;
        let [nonce, rest @ ..] = nonces;
        unused.extend(rest);
        Ok(nonce)
    })
}

/// The store's keys, ready for use; others may be added while it is used. They are wiped from memory when this is
/// dropped.
pub struct Sealer {
    ciphers: RwLock<BTreeMap<u32, Arc<Cipher>>>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(…)")
    }
}

/// The contents of a frame as they stood before they were sealed, and what sealing them again needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The number of the key.
    pub key: u32,
    /// The nonce.
    pub nonce: Nonce,
    /// The contents.
    pub contents: Vec<u8>,
}

impl Sealer {
    /// From numbered keys; what is sealed from now on is sealed with the one that has the highest number.
    pub fn new<'a>(keys: impl Iterator<Item = (u32, &'a [u8; 32])>) -> Self {
        Self { ciphers: RwLock::new(keys.map(|(id, key)| (id, Arc::new(Cipher::new(key)))).collect()) }
    }

    /// Adds a key; from now on what is sealed is sealed with it, if its number is the highest.
    pub fn add(&self, id: u32, key: &[u8; 32]) {
        let mut ciphers = self.ciphers.write().unwrap_or_else(PoisonError::into_inner);
        ciphers.insert(id, Arc::new(Cipher::new(key)));
    }

    fn newest(&self) -> Result<(u32, Arc<Cipher>), String> {
        let ciphers = self.ciphers.read().unwrap_or_else(PoisonError::into_inner);
        let newest = ciphers.last_key_value().map(|(id, cipher)| (*id, Arc::clone(cipher)));
        newest.ok_or_else(|| "the store has no key".to_owned())
    }

    fn cipher(&self, id: u32) -> Result<Arc<Cipher>, String> {
        let ciphers = self.ciphers.read().unwrap_or_else(PoisonError::into_inner);
        let found = ciphers.get(&id).map(Arc::clone);
        found.ok_or_else(|| format!("it is sealed with key {id}, which the store's keys do not hold"))
    }

    /// Seals a value for the view: `version | seq | key | nonce | tag | ciphertext`. `table` is the table's
    /// number there.
    ///
    /// # Errors
    /// When there is no key or no randomness.
    pub fn seal(&self, table: u8, key: &[u8], seq: u64, value: &[u8]) -> Result<(Vec<u8>, Checksum), String> {
        let (nonce, (id, cipher)) = (nonce()?, self.newest()?);
        let mut out = Vec::with_capacity(VALUE_HEADER + value.len());
        out.push(VERSION);
        out.extend_from_slice(&seq.to_le_bytes());
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&[0; TAG]);
        out.extend_from_slice(value);
        let bytes = out.get_mut(VALUE_HEADER..).unwrap_or_default();
        let tag = cipher.encrypt(&nonce, &value_bound(table, key, seq), bytes)?;
        if let Some(place) = out.get_mut(VALUE_HEADER - TAG..VALUE_HEADER) {
            place.copy_from_slice(&tag);
        }
        Ok((out, tag))
    }

    /// The sequence number and the value, or `None` if the bytes are not what was sealed under this key of
    /// this table.
    pub fn unseal(&self, table: u8, key: &[u8], sealed: &[u8]) -> Option<(u64, Vec<u8>)> {
        let head = Head::parse(sealed)?;
        let mut value = sealed.get(VALUE_HEADER..)?.to_vec();
        self.cipher(head.key)
            .ok()?
            .decrypt(&head.nonce, &value_bound(table, key, head.seq), &mut value, &head.tag)
            .then_some((head.seq, value))
    }

    /// Seals a frame's contents.
    ///
    /// # Errors
    /// When there is no key or no randomness.
    pub fn seal_frame(&self, seq: u64, previous: &Digest, contents: &[u8]) -> Result<Vec<u8>, String> {
        self.seal_frame_again(seq, previous, self.newest()?.0, &nonce()?, contents)
    }

    /// Seals a frame's contents as [`Sealer::open_frame`] found them: to the same bytes.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn seal_frame_again(
        &self,
        seq: u64,
        previous: &Digest,
        key: u32,
        nonce: &Nonce,
        contents: &[u8],
    ) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(FRAME_HEADER + contents.len());
        out.push(VERSION);
        out.extend_from_slice(&key.to_le_bytes());
        out.extend_from_slice(nonce);
        out.extend_from_slice(&[0; TAG]);
        out.extend_from_slice(contents);
        let bytes = out.get_mut(FRAME_HEADER..).unwrap_or_default();
        let tag = self.cipher(key)?.encrypt(nonce, &frame_bound(seq, previous), bytes)?;
        if let Some(place) = out.get_mut(FRAME_HEADER - TAG..FRAME_HEADER) {
            place.copy_from_slice(&tag);
        }
        Ok(out)
    }

    /// A frame's contents.
    ///
    /// # Errors
    /// Why they do not open, a clause without their content.
    pub fn open_frame(&self, seq: u64, previous: &Digest, sealed: &[u8]) -> Result<Opened, String> {
        let short = || "it is shorter than anything sealed".to_owned();
        let ([version], rest) = sealed.split_first_chunk().ok_or_else(short)?;
        if *version != VERSION {
            return Err(format!("it is sealed in form {version}, and this program reads {VERSION}"));
        }
        let (key, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (tag, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let key = u32::from_le_bytes(*key);
        let mut contents = rest.to_vec();
        if self.cipher(key)?.decrypt(nonce, &frame_bound(seq, previous), &mut contents, tag) {
            Ok(Opened { key, nonce: *nonce, contents })
        } else {
            Err("it does not open with the store's keys: it was sealed elsewhere or forged".to_owned())
        }
    }
}

const VALUE_HEADER: usize = 1 + 8 + KEY_ID + NONCE + TAG;

struct Head {
    seq: u64,
    key: u32,
    nonce: Nonce,
    tag: Checksum,
}

impl Head {
    fn parse(sealed: &[u8]) -> Option<Self> {
        let ([version], rest) = sealed.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let tag = *rest.first_chunk()?;
        (*version == VERSION).then_some(Self {
            seq: u64::from_le_bytes(*seq),
            key: u32::from_le_bytes(*key),
            nonce: *nonce,
            tag,
        })
    }
}

/// Sequence number and checksum of a sealed value as the bytes say, unchecked.
pub fn peek(sealed: &[u8]) -> Option<(u64, Checksum)> {
    Head::parse(sealed).map(|head| (head.seq, head.tag))
}

fn value_bound(table: u8, key: &[u8], seq: u64) -> Vec<u8> {
    [&[b'v', table], (key.len() as u64).to_le_bytes().as_slice(), key, &seq.to_le_bytes()].concat()
}

fn frame_bound(seq: u64, previous: &Digest) -> Vec<u8> {
    [b"f".as_slice(), &seq.to_le_bytes(), previous].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new([(1, &[1; 32]), (2, &[2; 32])].into_iter())
    }

    #[test]
    fn a_value_opens_only_where_and_as_it_was_sealed() {
        let sealer = sealer();
        let (sealed, tag) = sealer.seal(3, b"key", 7, b"the value").unwrap();
        assert_eq!(peek(&sealed), Some((7, tag)));
        assert_eq!(sealer.unseal(3, b"key", &sealed), Some((7, b"the value".to_vec())));
        assert_eq!(sealer.unseal(4, b"key", &sealed), None, "another table");
        assert_eq!(sealer.unseal(3, b"kez", &sealed), None, "another key");
        for at in 0..sealed.len() {
            // Among these bytes is the sequence number.
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(sealer.unseal(3, b"key", &changed), None, "byte {at}");
            assert_eq!(sealer.unseal(3, b"key", &sealed[..at]), None, "cut at {at}");
        }
        let others = Sealer::new([(2, &[3; 32])].into_iter());
        assert_eq!(others.unseal(3, b"key", &sealed), None, "another store's key");
        assert!(!sealed.windows(5).any(|window| window == b"value"));
        assert_ne!(sealer.seal(3, b"key", 7, b"the value").unwrap().0, sealed, "a nonce came twice");
    }

    #[test]
    fn a_key_that_is_added_seals_from_then_on_and_the_others_still_open() {
        let sealer = sealer();
        let before = sealer.seal_frame(1, &[0; 32], b"before").unwrap();
        sealer.add(3, &[3; 32]);
        let after = sealer.seal_frame(2, &[0; 32], b"after").unwrap();
        let key = |seq, sealed: &[u8]| sealer.open_frame(seq, &[0; 32], sealed).unwrap().key;
        assert_eq!((key(1, &before), key(2, &after)), (2, 3));
        let (value, _) = sealer.seal(3, b"key", 7, b"the value").unwrap();
        assert_eq!(self::sealer().unseal(3, b"key", &value), None, "it was sealed with the new key");
        sealer.add(1, &[1; 32]);
        assert_eq!(key(3, &sealer.seal_frame(3, &[0; 32], b"later").unwrap()), 3, "an older key seals nothing");
    }

    #[test]
    fn contents_open_only_in_their_frame_and_seal_again_to_the_same_bytes() {
        let sealer = sealer();
        let sealed = sealer.seal_frame(7, &[9; 32], b"contents").unwrap();
        let opened = sealer.open_frame(7, &[9; 32], &sealed).unwrap();
        assert_eq!((opened.key, opened.contents.as_slice()), (2, b"contents".as_slice()));
        assert!(sealer.open_frame(8, &[9; 32], &sealed).is_err());
        assert!(sealer.open_frame(7, &[8; 32], &sealed).is_err());
        let again = sealer.seal_frame_again(7, &[9; 32], opened.key, &opened.nonce, &opened.contents);
        assert_eq!(again.unwrap(), sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open_frame(7, &[9; 32], &changed).is_err(), "byte {at}");
            assert!(sealer.open_frame(7, &[9; 32], &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    // draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn the_cipher_is_the_one_it_says_it_is() {
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce: Vec<u8> = (0x40..=0x57).collect();
        let bound = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let mut bytes = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                          sunscreen would be it."
            .to_vec();
        let cipher = Cipher::new(&key.try_into().unwrap());
        let tag = cipher.encrypt(&nonce.try_into().unwrap(), &bound, &mut bytes).unwrap();
        assert_eq!(bytes[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(
            tag,
            [0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49]
        );
    }
}
