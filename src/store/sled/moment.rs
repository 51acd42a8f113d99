//! All rows as they were after one unit, read while units go on changing them: what is changed before it was read is
//! kept, as it was, until it is read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{MutexGuard, PoisonError};

use super::read::sealed_row;
use super::{APPLIED, Db, UNITS, Versioned, View, behind, broken, damaged_row};

/// Rows read at a time: the others wait for about a millisecond.
const PAGE: usize = 256;

/// What is kept for a reading under way. Takes as much memory as what changes behind its place.
#[derive(Debug)]
pub struct Moment {
    /// Keys up to this one have been read, whatever becomes of them.
    upto: Vec<u8>,
    /// Rows behind it that have changed since, sealed as they were; `None` where there was none.
    before: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Moment {
    /// The row is about to change from what `head` begins.
    pub(super) fn keep(&mut self, rows: &Db, name: &[u8], head: Option<&[u8]>) -> Result<(), String> {
        let Some((table, key)) = name.split_first().filter(|(table, _)| **table < UNITS) else { return Ok(()) };
        if name <= self.upto.as_slice() {
            return Ok(());
        }
        if let Entry::Vacant(place) = self.before.entry(name.to_vec()) {
            let sealed = head.map(|head| sealed_row(rows, *table, key, head)).transpose()?;
            place.insert(sealed.map(|sealed| sealed.into_owned()));
        }
        Ok(())
    }
}

/// A reading of all rows as they were after one unit; see [`View::moment`].
pub struct Reading<'a> {
    view: &'a View,
    seq: u64,
    _one: MutexGuard<'a, ()>,
}

/// A table's number, a key in it, and what was there.
pub type TableRow = (u8, Vec<u8>, Versioned);

impl View {
    /// Begins to read all rows as they are after the last unit that sled has, which is `least` or a later one.
    ///
    /// # Errors
    /// Why sled takes no more.
    pub fn moment(&self, least: u64) -> Result<Reading<'_>, String> {
        let one = self.reading_all.lock().unwrap_or_else(PoisonError::into_inner);
        while self.applied().seq < least && self.apply_shown()? {}
        let state = self.changing();
        let begun = Moment { upto: vec![APPLIED], before: BTreeMap::new() };
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
        Ok(Reading { view: self, seq: state.applied.seq, _one: one })
    }
}

impl Reading<'_> {
    /// The unit after which the rows were so.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Some rows more, in the order of tables and keys; `None` when that was all.
    ///
    /// # Errors
    /// When the view is damaged.
    pub fn page(&mut self) -> Result<Option<Vec<TableRow>>, String> {
        let view = self.view;
        // Nothing changes meanwhile.
        let _state = view.changing();
        let mut moment = view.moment.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Moment { upto, before }) = moment.as_mut() else { return Ok(None) };
        view.trusted(|rows| {
            let mut page: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
            for row in rows.range(behind(upto)..vec![UNITS]).take(PAGE) {
                let (name, head) = row.map_err(|why| broken(&why))?;
                if !before.contains_key(name.as_ref()) {
                    let (table, key) = name.split_first().ok_or_else(damaged_row)?;
                    page.insert(name.to_vec(), Some(sealed_row(rows, *table, key, &head)?.into_owned()));
                } else {
                    page.insert(name.to_vec(), None);
                }
            }
            let rest = match page.last_key_value() {
                Some((last, _)) if page.len() == PAGE => before.split_off(&behind(last)),
                _ => BTreeMap::new(),
            };
            // What has changed since stands in the place of what is there now.
            page.append(before);
            *before = rest;
            let Some((last, _)) = page.last_key_value() else { return Ok(None) };
            *upto = last.clone();
            let open = |(name, sealed): (Vec<u8>, Option<Vec<u8>>)| {
                let (table, key) = name.split_first().ok_or_else(damaged_row)?;
                Ok((*table, key.to_vec(), view.unsealed(*table, key, &sealed.ok_or_else(damaged_row)?)?))
            };
            page.into_iter().filter(|(_, sealed)| sealed.is_some()).map(open).collect::<Result<_, String>>().map(Some)
        })
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        *self.view.moment.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
