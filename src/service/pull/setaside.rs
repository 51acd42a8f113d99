//! Rows that were left out of the last pull of each feed, or read with a gap.

use chrono::{DateTime, Utc};

use super::super::rows::{self, decode};
use super::super::{Service, ServiceError};
use super::StreamState;
use crate::protocol::LeftOut;
use crate::store::Table;

/// So many sentences of a feed are listed; the rest are counted.
const LISTED: usize = 500;

/// What the keys of the rows that one pull set aside begin with.
pub(super) fn of_pull(began: DateTime<Utc>) -> [u8; 8] {
    began.timestamp_millis().to_be_bytes()
}

impl Service {
    /// What was set aside, by feed, until a pull of that feed sets nothing aside.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn left_out(&self) -> Result<Vec<LeftOut>, ServiceError> {
        let mut all = Vec::new();
        rows::for_each::<StreamState>(self.store.as_ref(), Table::Meta, b"stream/", |_, read| {
            if let Some((pulled_at, rows)) = read.row.set_aside {
                let stored = self.store.scan(Table::SetAside, &of_pull(pulled_at), None, LISTED)?;
                let sentences = stored.into_iter().map(|(_, stored)| decode(&stored.value));
                let sentences = sentences.collect::<Result<_, _>>()?;
                all.push(LeftOut { feed: read.row.stream, pulled_at, rows, sentences });
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// How many rows that is.
    pub(in super::super) fn count_left_out(&self) -> Result<u64, ServiceError> {
        let mut count = 0;
        rows::for_each::<StreamState>(self.store.as_ref(), Table::Meta, b"stream/", |_, read| {
            count += read.row.set_aside.map_or(0, |(_, rows)| rows);
            Ok(())
        })?;
        Ok(count)
    }
}
