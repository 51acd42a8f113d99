//! How a value stands in the view: `version | seq | checksum | value`.
//!
//! The checksum covers table, key, sequence number and value, so that a value that was moved to another
//! key or put back to an earlier state shows as damage. It stands where an AEAD's tag would.

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8 + 16;

/// The first 16 bytes of a BLAKE3 digest.
pub type Checksum = [u8; 16];

/// Seals a value. `table` is the table's number in the view.
pub fn seal(table: u8, key: &[u8], seq: u64, value: &[u8]) -> (Vec<u8>, Checksum) {
    let checksum = checksum(table, key, seq, value);
    let mut out = Vec::with_capacity(HEADER + value.len());
    out.push(VERSION);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&checksum);
    out.extend_from_slice(value);
    (out, checksum)
}

/// The sequence number and the value, or `None` if the bytes are not what was sealed under this key.
pub fn unseal(table: u8, key: &[u8], sealed: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (seq, sum) = peek(sealed)?;
    let value = sealed.get(HEADER..)?;
    (checksum(table, key, seq, value) == sum).then(|| (seq, value.to_vec()))
}

/// Sequence number and checksum as the bytes say, unchecked.
pub fn peek(sealed: &[u8]) -> Option<(u64, Checksum)> {
    let ([version], rest) = sealed.split_first_chunk()?;
    let (seq, rest) = rest.split_first_chunk()?;
    (*version == VERSION).then_some((u64::from_le_bytes(*seq), *rest.first_chunk()?))
}

fn checksum(table: u8, key: &[u8], seq: u64, value: &[u8]) -> Checksum {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[table]);
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&seq.to_le_bytes());
    hasher.update(value);
    let mut checksum = Checksum::default();
    hasher.finalize_xof().fill(&mut checksum);
    checksum
}
