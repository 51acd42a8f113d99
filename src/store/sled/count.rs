//! Whether the view holds what it must: reads all rows and adds up their checksums, if need be while units
//! go on changing them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::super::name_of;
use super::{APPLIED, Head, PIECES, State, View, behind, broken, damaged_row};

/// Rows counted at a time: the others wait for about a millisecond.
const PAGE: usize = 256;

/// Rows counted in key order, while units go on changing them.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Keys up to this one have been counted, whatever becomes of them.
    pub upto: Vec<u8>,
    pub totals: Totals,
}

/// What each table comes to, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals(BTreeMap<u8, Total>);

/// How many rows, their checksums added up, and about how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Total {
    rows: u64,
    sum: u128,
    bytes: u64,
}

const TOTAL: usize = 1 + 8 + 16 + 8;

impl Totals {
    /// One row of a table goes and another comes.
    pub fn replace(&mut self, table: u8, old: Option<Head>, new: Option<Head>) {
        let total = self.0.entry(table).or_default();
        if let Some(old) = old {
            total.rows = total.rows.wrapping_sub(1);
            total.sum = total.sum.wrapping_sub(old.sum);
            total.bytes = total.bytes.wrapping_sub(old.bytes);
        }
        if let Some(new) = new {
            total.rows = total.rows.wrapping_add(1);
            total.sum = total.sum.wrapping_add(new.sum);
            total.bytes = total.bytes.wrapping_add(new.bytes);
        }
        if *total == Total::default() {
            self.0.remove(&table);
        }
    }

    /// What other rows come to is added. Differences that were taken from nothing add up too.
    pub fn add(&mut self, other: &Self) {
        for (table, other) in &other.0 {
            let total = self.0.entry(*table).or_default();
            total.rows = total.rows.wrapping_add(other.rows);
            total.sum = total.sum.wrapping_add(other.sum);
            total.bytes = total.bytes.wrapping_add(other.bytes);
            if *total == Total::default() {
                self.0.remove(table);
            }
        }
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.0.values().fold(0, |sum, total| sum.wrapping_add(total.rows))
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> u64 {
        self.0.values().fold(0, |sum, total| sum.wrapping_add(total.bytes))
    }

    /// The first table in which the two differ, and how many rows it has here.
    pub fn differ(&self, other: &Self) -> Option<(u8, u64)> {
        let mut tables = self.0.keys().chain(other.0.keys());
        let table = *tables.find(|table| self.0.get(table) != other.0.get(table))?;
        Some((table, self.0.get(&table).map_or(0, |total| total.rows)))
    }

    /// The totals as bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (table, total) in &self.0 {
            out.push(*table);
            out.extend_from_slice(&total.rows.to_le_bytes());
            out.extend_from_slice(&total.sum.to_le_bytes());
            out.extend_from_slice(&total.bytes.to_le_bytes());
        }
    }

    /// Totals from bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let total = |bytes: &[u8]| {
            let ([table], rest) = bytes.split_first_chunk()?;
            let (rows, rest) = rest.split_first_chunk()?;
            let (sum, rest) = rest.split_first_chunk()?;
            let bytes = u64::from_le_bytes(rest.try_into().ok()?);
            let total = Total { rows: u64::from_le_bytes(*rows), sum: u128::from_le_bytes(*sum), bytes };
            Some((*table, total))
        };
        bytes.chunks(TOTAL).map(total).collect::<Option<_>>().map(Self)
    }
}

impl View {
    /// Reads every row, and compares their number and the sum of their checksums with what must be there:
    /// finds rows that are damaged, missing, or from an earlier time.
    ///
    /// # Errors
    /// What is damaged.
    pub fn check(&self) -> Result<(), String> {
        let mut counting = self.count();
        while !counting.go_on()? {}
        Ok(())
    }

    /// Begins to do what [`View::check`] does a page at a time, while the view is in use.
    pub fn count(&self) -> Counting<'_> {
        let one = self.reading_all.lock().unwrap_or_else(PoisonError::into_inner);
        self.changing().counted = Some(Counted { upto: vec![APPLIED], totals: Totals::default() });
        Counting { view: self, _one: one }
    }
}

/// A count of all rows under way; see [`View::count`].
pub struct Counting<'a> {
    view: &'a View,
    _one: MutexGuard<'a, ()>,
}

impl Counting<'_> {
    /// Counts some rows more. Answers whether that was all.
    ///
    /// # Errors
    /// What is damaged.
    pub fn go_on(&mut self) -> Result<bool, String> {
        let view = self.view;
        let mut state = view.changing();
        let State { applied, counted: Some(counted) } = &mut *state else { return Ok(true) };
        view.trusted(|rows| {
            let mut page = 0;
            for row in rows.range(behind(&counted.upto)..vec![PIECES]).take(PAGE) {
                let (name, head) = row.map_err(|why| broken(&why))?;
                let (table, key) = name.split_first().ok_or_else(damaged_row)?;
                view.open_row(rows, *table, key, &head)?;
                counted.totals.replace(*table, None, Some(Head::parse(&head)?));
                counted.upto = name.to_vec();
                page += 1;
            }
            if page == PAGE {
                return Ok(false);
            }
            match applied.totals.differ(&counted.totals) {
                None => {
                    view.checked.store(true, Ordering::Release);
                    Ok(true)
                }
                Some((table, rows)) => {
                    let name = name_of(table);
                    Err(format!("its table {name} should hold {rows} rows, and what it holds differs"))
                }
            }
        })
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.view.changing().counted = None;
    }
}
