//! What the view answers. Every reader sees whole units only, and nothing that was found damaged.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fs;

use super::damaged::caught;
use super::{
    DAMAGED, Db, Digest, Error, IVec, Row, Table, UNITS, UnitId, Versioned, View, behind, broken, damaged_row,
    piece_key, row_key,
};

impl View {
    /// The value under a key.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Versioned>, String> {
        let fresh = self.fresh();
        self.trusted(|rows| match fresh.row(&row_key(table as u8, key)) {
            Some(newest) => Ok(newest.versioned()),
            None => self.value(rows, table as u8, key),
        })
    }

    /// The sequence number of the unit that wrote a row.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn seq_of(&self, table: Table, key: &[u8]) -> Result<Option<u64>, String> {
        Ok(self.get(table, key)?.map(|versioned| versioned.seq))
    }

    /// The place and the digest of a unit's frame.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn unit(&self, id: UnitId) -> Result<Option<(u64, Digest)>, String> {
        let fresh = self.fresh();
        self.trusted(|rows| {
            if let Some(found) = fresh.unit(id) {
                return Ok(Some(found));
            }
            let Some(row) = self.value(rows, UNITS, &id.0)? else { return Ok(None) };
            let digest = row.value.try_into().map_err(|_| damaged_row())?;
            Ok(Some((row.seq, digest)))
        })
    }

    /// Rows in key order; see [`super::Store::scan`].
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn scan(&self, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, String> {
        let fresh = self.fresh();
        self.trusted(|all| {
            let prefix = row_key(table as u8, prefix);
            let from = after.map_or_else(Vec::new, |after| behind(&row_key(table as u8, after))).max(prefix.clone());
            let mut older = all.range(from.clone()..).take_while(within(&prefix)).peekable();
            let mut newer = fresh.rows_from(from).take_while(|(name, _)| name.starts_with(&prefix)).peekable();
            let mut rows = Vec::new();
            while rows.len() < limit {
                let order = match (older.peek(), newer.peek()) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(Ok((old, _))), Some((new, _))) => old.as_ref().cmp(new.as_slice()),
                    (Some(Err(why)), _) => return Err(broken(why)),
                };
                let older = if order.is_le() { older.next() } else { None };
                let newer = if order.is_ge() { newer.next() } else { None };
                let row = match (older, newer) {
                    (_, Some((name, newest))) => {
                        newest.versioned().map(|row| (name.get(1..).unwrap_or_default().to_vec(), row))
                    }
                    (Some(older), None) => {
                        let (name, head) = older.map_err(|why| broken(&why))?;
                        let key = name.get(1..).unwrap_or_default();
                        Some((key.to_vec(), self.open_row(all, table as u8, key, &head)?))
                    }
                    (None, None) => None,
                };
                rows.extend(row);
            }
            Ok(rows)
        })
    }

    /// Reads, unless something was found damaged before. What fails once is not asked again: a missing or
    /// an old row could show what should not be shown.
    pub(super) fn trusted<T>(&self, read: impl FnOnce(&Db) -> Result<T, String>) -> Result<T, String> {
        let files = self.files();
        if let Some(why) = self.damaged.get() {
            return Err(why.clone());
        }
        caught(|| read(&files.rows)).inspect_err(|why| {
            let _ = self.damaged.set(why.clone());
            // If it cannot be written, the next check finds the damage again.
            let _ = fs::write(files.directory.join(DAMAGED), why);
        })
    }

    fn value(&self, rows: &Db, table: u8, key: &[u8]) -> Result<Option<Versioned>, String> {
        let Some(head) = rows.get(row_key(table, key)).map_err(|why| broken(&why))? else { return Ok(None) };
        self.open_row(rows, table, key, &head).map(Some)
    }

    pub(super) fn open_row(&self, rows: &Db, table: u8, key: &[u8], head: &[u8]) -> Result<Versioned, String> {
        self.unsealed(table, key, &sealed_row(rows, table, key, head)?)
    }

    pub(super) fn unsealed(&self, table: u8, key: &[u8], sealed: &[u8]) -> Result<Versioned, String> {
        let (seq, value) = self.sealer.unseal(table, key, sealed).ok_or_else(damaged_row)?;
        Ok(Versioned { seq, value })
    }
}

/// All of a row, sealed, whose first piece is `head`.
pub(super) fn sealed_row<'a>(rows: &Db, table: u8, key: &[u8], head: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    let (pieces, first) = head.split_first_chunk().ok_or_else(damaged_row)?;
    let mut sealed = Cow::Borrowed(first);
    for piece in 0..u16::from_le_bytes(*pieces) {
        let found = rows.get(piece_key(table, key, piece)).map_err(|why| broken(&why))?;
        sealed.to_mut().extend_from_slice(&found.ok_or_else(damaged_row)?);
    }
    Ok(sealed)
}

/// Whether a row's name begins with `prefix`; what cannot be read is handed on.
fn within(prefix: &[u8]) -> impl Fn(&Result<(IVec, IVec), Error>) -> bool {
    move |row| row.as_ref().map_or(true, |(name, _)| name.starts_with(prefix))
}
