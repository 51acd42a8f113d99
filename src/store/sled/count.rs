//! Whether the view holds what it must: reads all rows and adds up their checksums, if need be while units
//! go on changing them.

use std::sync::{MutexGuard, PoisonError};

use super::{APPLIED, Head, PIECES, State, View, behind, broken, damaged_row};

/// Rows counted at a time: the others wait for about a millisecond.
const PAGE: usize = 256;

/// Rows counted in key order, while units go on changing them.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Keys up to this one have been counted, whatever becomes of them.
    pub upto: Vec<u8>,
    pub total: Total,
}

/// How many rows, and their checksums added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    pub rows: u64,
    pub sum: u128,
}

impl Total {
    /// One row goes and another comes.
    pub fn replace(&mut self, old: Option<Head>, new: Option<Head>) {
        self.rows = self.rows.wrapping_sub(u64::from(old.is_some())).wrapping_add(u64::from(new.is_some()));
        self.sum = self.sum.wrapping_sub(old.map_or(0, |old| old.sum)).wrapping_add(new.map_or(0, |new| new.sum));
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
        let one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        self.changing().counted = Some(Counted { upto: vec![APPLIED], total: Total::default() });
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
        view.trusted(|| {
            let mut page = 0;
            for row in view.rows.range(behind(&counted.upto)..vec![PIECES]).take(PAGE) {
                let (name, head) = row.map_err(|why| broken(&why))?;
                let (table, key) = name.split_first().ok_or_else(damaged_row)?;
                view.open_row(*table, key, &head)?;
                counted.total.replace(None, Some(Head::parse(&head)?));
                counted.upto = name.to_vec();
                page += 1;
            }
            if page == PAGE {
                return Ok(false);
            }
            if counted.total == applied.total {
                Ok(true)
            } else {
                Err(format!("it should hold {} rows, and what it holds differs", applied.total.rows))
            }
        })
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.view.changing().counted = None;
    }
}
