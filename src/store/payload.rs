//! A unit of work as the bytes of a journal frame, and back.
//!
//! `version | id | preconditions | writes | audit records as JSON`. Keys and values are binary and take
//! their own length; the audit records are JSON so that a later version can add to them.

use super::{Expect, StoreError, Table, Unit, UnitId};
use crate::audit::Record;

const VERSION: u8 = 1;

/// Most bytes of a key.
pub const KEY_LIMIT: usize = 1024;
const WRITE_LIMIT: usize = 20_000;
const BYTE_LIMIT: usize = 8 << 20;

/// The bytes of a unit.
///
/// # Errors
/// [`StoreError::Unacceptable`] when the unit says nothing for the audit log or is too big.
pub fn encode(unit: &Unit) -> Result<Vec<u8>, StoreError> {
    if unit.audit.is_empty() {
        return Err(StoreError::Unacceptable("it has no audit record"));
    }
    if unit.writes.len() > WRITE_LIMIT || unit.pre.len() > WRITE_LIMIT {
        return Err(StoreError::Unacceptable("it has more than 20,000 writes or preconditions: divide it"));
    }
    let keys = unit.writes.iter().map(|(_, key, _)| key).chain(unit.pre.iter().map(|(_, key, _)| key));
    if keys.clone().any(|key| key.len() > KEY_LIMIT) {
        return Err(StoreError::Unacceptable("a key has more than 1024 bytes"));
    }
    let audit = serde_json::to_vec(&unit.audit)
        .map_err(|_| StoreError::Unacceptable("its audit records cannot be written as JSON"))?;
    let values: usize = unit.writes.iter().filter_map(|(_, _, value)| value.as_ref()).map(Vec::len).sum();
    if audit.len() + values + keys.map(Vec::len).sum::<usize>() > BYTE_LIMIT {
        return Err(StoreError::Unacceptable("it has more than 8 MiB: divide it"));
    }

    let mut out = Vec::with_capacity(256 + audit.len() + values);
    out.push(VERSION);
    out.extend_from_slice(&unit.id.0);
    put_length(&mut out, unit.pre.len());
    for (table, key, expect) in &unit.pre {
        out.push(*table as u8);
        put_bytes(&mut out, key);
        match expect {
            Expect::Absent => out.push(0),
            Expect::Exists => out.push(1),
            Expect::At(seq) => {
                out.push(2);
                out.extend_from_slice(&seq.to_le_bytes());
            }
        }
    }
    put_length(&mut out, unit.writes.len());
    for (table, key, value) in &unit.writes {
        out.push(*table as u8);
        put_bytes(&mut out, key);
        match value {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                put_bytes(&mut out, value);
            }
        }
    }
    put_bytes(&mut out, &audit);
    Ok(out)
}

/// The unit that `bytes` hold.
///
/// # Errors
/// What is wrong with them, without their content.
pub fn decode(mut bytes: &[u8]) -> Result<Unit, String> {
    let mut unit = changes(&mut bytes)?;
    let rest = &mut bytes;
    unit.audit = serde_json::from_slice::<Vec<Record>>(&take_bytes(rest)?)
        .map_err(|error| format!("its audit records are not as expected at column {}", error.column()))?;
    if !rest.is_empty() {
        return Err("something follows its end".to_owned());
    }
    Ok(unit)
}

/// The unit without its audit records, for a view, which has no use for them.
///
/// # Errors
/// As [`decode`].
pub fn decode_changes(mut bytes: &[u8]) -> Result<Unit, String> {
    changes(&mut bytes)
}

fn changes(rest: &mut &[u8]) -> Result<Unit, String> {
    match take(rest)? {
        [VERSION] => {}
        [version] => {
            return Err(format!("it has format {version}, and this program reads {VERSION}: use a newer program"));
        }
    }
    let id = UnitId(take(rest)?);
    let mut pre = Vec::new();
    for _ in 0..take_length(rest)? {
        let (table, key) = (take_table(rest)?, take_bytes(rest)?);
        let expect = match take(rest)? {
            [0] => Expect::Absent,
            [1] => Expect::Exists,
            [2] => Expect::At(u64::from_le_bytes(take(rest)?)),
            [other] => return Err(format!("it has a precondition of unknown kind {other}")),
        };
        pre.push((table, key, expect));
    }
    let mut writes = Vec::new();
    for _ in 0..take_length(rest)? {
        let (table, key) = (take_table(rest)?, take_bytes(rest)?);
        let value = match take(rest)? {
            [0] => None,
            [1] => Some(take_bytes(rest)?),
            [other] => return Err(format!("it has a write of unknown kind {other}")),
        };
        writes.push((table, key, value));
    }
    Ok(Unit { id, pre, writes, audit: Vec::new() })
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // Every length was bounded to 8 MiB before.
    out.extend_from_slice(&(length as u32).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or_else(too_short)?;
    *bytes = rest;
    Ok(*head)
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, String> {
    Ok(u32::from_le_bytes(take(bytes)?) as usize)
}

fn take_bytes(bytes: &mut &[u8]) -> Result<Vec<u8>, String> {
    let length = take_length(bytes)?;
    let (head, rest) = bytes.split_at_checked(length).ok_or_else(too_short)?;
    *bytes = rest;
    Ok(head.to_vec())
}

fn take_table(bytes: &mut &[u8]) -> Result<Table, String> {
    let [number] = take(bytes)?;
    Table::ALL
        .into_iter()
        .find(|table| *table as u8 == number)
        .ok_or_else(|| format!("it names table {number}, which this program does not know: use a newer program"))
}

fn too_short() -> String {
    "it ends too early".to_owned()
}
