//! What a feed said, sorted into shares that each fit into memory.
//!
//! Beyond a budget the shares stand in a file without a name, sealed under a key that is nowhere but in this
//! process: whatever ends the process ends the file and the key, and no clinical text reaches a disk in clear.

use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::Path;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::ServiceError;

/// How many shares there are: a feed of a hundred million lines makes shares of about 100 MB.
pub const SHARES: usize = 512;

/// How many bytes all shares of one spool hold in memory before they go to the file.
const BUDGET: usize = 8 << 20;

/// Where what is about the thing with this identifier goes, which is a digest: by its first bits, so that what is in
/// one share stands together in the store as well.
pub fn share_of(id: &[u8; 16]) -> usize {
    (usize::from(u16::from_be_bytes([id[0], id[1]])) * SHARES) >> 16
}

/// Records of one type in [`SHARES`] shares, each in the order in which they came.
pub struct Spool<T> {
    shares: Vec<Share>,
    held: usize,
    budget: usize,
    file: Option<Sealed>,
    records: PhantomData<fn(T) -> T>,
}

#[derive(Default)]
struct Share {
    held: Vec<u8>,
    blocks: Vec<Block>,
}

/// Where a sealed stretch of a share stands in the file.
#[derive(Clone, Copy)]
struct Block {
    number: u64,
    start: u64,
    length: usize,
}

struct Sealed {
    file: File,
    cipher: ChaCha20Poly1305,
    end: u64,
    blocks: u64,
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// One that holds nothing.
    pub fn new() -> Self {
        Self::within(BUDGET)
    }

    fn within(budget: usize) -> Self {
        let shares = std::iter::repeat_with(Share::default).take(SHARES).collect();
        Self { shares, held: 0, budget, file: None, records: PhantomData }
    }

    /// Adds a record to a share.
    ///
    /// # Errors
    /// When there is no room on the disk for temporary files.
    pub fn push(&mut self, share: usize, record: &T) -> Result<(), ServiceError> {
        let Some(Share { held, .. }) = self.shares.get_mut(share) else {
            return Err(ServiceError::Internal("a share that does not exist"));
        };
        let before = held.len();
        *held = postcard::to_extend(record, std::mem::take(held))
            .map_err(|_| ServiceError::Internal("what a feed said could not be set down"))?;
        self.held += held.len() - before;
        if self.held > self.budget { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<(), ServiceError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(Sealed::create()?),
        };
        for share in &mut self.shares {
            if !share.held.is_empty() {
                share.blocks.push(file.append(&mut share.held)?);
                // Without its capacity: what is in the file must not be held as well.
                share.held = Vec::new();
            }
        }
        self.held = 0;
        Ok(())
    }

    /// The records of a share, in the order in which they came.
    ///
    /// # Errors
    /// When the temporary file cannot be read back.
    pub fn read(&self, share: usize) -> Result<Vec<T>, ServiceError> {
        let Some(share) = self.shares.get(share) else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        if let Some(file) = &self.file {
            for block in &share.blocks {
                take_all(&file.read(*block)?, &mut records)?;
            }
        }
        take_all(&share.held, &mut records)?;
        Ok(records)
    }
}

fn take_all<T: DeserializeOwned>(mut bytes: &[u8], records: &mut Vec<T>) -> Result<(), ServiceError> {
    while !bytes.is_empty() {
        let (record, rest) = postcard::take_from_bytes(bytes).map_err(|_| unreadable())?;
        records.push(record);
        bytes = rest;
    }
    Ok(())
}

fn unreadable() -> ServiceError {
    ServiceError::Internal("the pull’s temporary file cannot be read back: check the disk, then pull again")
}

fn no_room() -> ServiceError {
    ServiceError::Internal(
        "there is no room for the pull’s temporary file: free some space in /var/tmp or /tmp, then pull again",
    )
}

impl Sealed {
    fn create() -> Result<Self, ServiceError> {
        let mut key = Key::default();
        getrandom::fill(&mut key).map_err(|_| ServiceError::Internal("the system gives no random bytes"))?;
        // /tmp is often memory, of which there is little; /var/tmp is a disk.
        let file = tempfile::tempfile_in(Path::new("/var/tmp")).or_else(|_| tempfile::tempfile());
        let file = file.map_err(|_| no_room())?;
        Ok(Self { file, cipher: ChaCha20Poly1305::new(&key), end: 0, blocks: 0 })
    }

    fn append(&mut self, bytes: &mut Vec<u8>) -> Result<Block, ServiceError> {
        let block = Block { number: self.blocks, start: self.end, length: bytes.len() };
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce(block.number), &[], InOutBuf::from(bytes.as_mut_slice()))
            .map_err(|_| ServiceError::Internal("the pull’s temporary file could not be sealed"))?;
        bytes.extend_from_slice(&tag);
        self.file.write_all_at(bytes, block.start).map_err(|_| no_room())?;
        self.end += bytes.len() as u64;
        self.blocks += 1;
        Ok(block)
    }

    fn read(&self, block: Block) -> Result<Vec<u8>, ServiceError> {
        let mut bytes = vec![0; block.length + Tag::default().len()];
        self.file.read_exact_at(&mut bytes, block.start).map_err(|_| unreadable())?;
        let tag = bytes.split_off(block.length);
        let tag: Tag = tag.as_slice().try_into().map_err(|_| unreadable())?;
        self.cipher
            .decrypt_inout_detached(&nonce(block.number), &[], InOutBuf::from(bytes.as_mut_slice()), &tag)
            .map_err(|_| unreadable())?;
        Ok(bytes)
    }
}

/// The key is used for one file, so a number is enough.
fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    for (byte, value) in nonce.iter_mut().zip(number.to_le_bytes()) {
        *byte = value;
    }
    nonce
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_spilled_comes_back_in_order_and_not_in_clear() {
        let mut spool: Spool<(u32, String)> = Spool::within(1 << 12);
        for n in 0..2_000 {
            spool.push((n % 7) as usize, &(n, format!("disclosure {n}"))).unwrap();
        }
        for share in 0..7 {
            let read = spool.read(share).unwrap();
            let wanted: Vec<u32> = (0..2_000).filter(|n| (n % 7) as usize == share).collect();
            assert_eq!(read.iter().map(|(n, _)| *n).collect::<Vec<_>>(), wanted);
            assert!(read.iter().all(|(n, text)| *text == format!("disclosure {n}")));
        }
        assert_eq!(spool.read(7).unwrap(), []);
        let sealed = spool.file.unwrap();
        let mut bytes = Vec::new();
        let mut file = sealed.file.try_clone().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes.len() > 10_000);
        assert!(!bytes.windows(10).any(|window| window == b"disclosure"));
    }
}
