//! Which entry every line is in, for feeds that name a line and not its entry. A page holds many lines: with a row for
//! each of them most rows of the store would say nothing else.

use chrono::DateTime;

use super::super::rows;
use super::super::{Service, ServiceError};
use super::intake::{FiledLoose, Intake, Item, Moment, Place, Put};
use super::loose::Places;
use super::pending::Pending;
use super::spool::{SHARES, Spool, share_of};
use super::{GONE, Mark, Pull};
use crate::record::{EntryId, SourceKey};
use crate::store::Table;

/// What a line is called in pages: [`crate::record::IdentityKey::part`].
pub type LineId = [u8; 16];

/// A line and its entry take this many bytes of a page.
const RECORD: usize = 32;
/// Lines of a page at most: in one piece of the view, and few enough to be written with others in a unit.
const PAGE: usize = 500;

/// What is known of the lines of a share from the pulls before.
#[derive(Default)]
pub struct Before(Vec<(LineId, EntryId)>);

impl Before {
    /// The entry that a line was in when it was last sent.
    pub fn entry(&self, line: &LineId) -> Option<EntryId> {
        let end = self.0.partition_point(|(other, _)| other <= line);
        let (found, entry) = self.0.get(end.checked_sub(1)?)?;
        (found == line).then_some(*entry)
    }
}

/// The key of a page, which begins with its share.
fn page_key(share: usize, mark: Mark, page: &[u8]) -> Vec<u8> {
    [(share as u16).to_be_bytes().as_slice(), &mark, page].concat()
}

impl Pull<'_> {
    /// What was known of a share’s lines when this pull first began.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn before(&self, share: usize) -> Result<Before, ServiceError> {
        let store = self.service.store.as_ref();
        let mut pages = Vec::new();
        rows::for_each_value(store, Table::Part, &(share as u16).to_be_bytes(), |key, read| {
            // What a run of this pull wrote that was killed is not from before.
            if key.get(2..10) != Some(&self.mark) {
                pages.push(read);
            }
            Ok(())
        })?;
        pages.sort_by_key(|page| page.seq);
        let mut lines = Vec::new();
        for page in pages {
            let (records, rest) = page.value.as_chunks::<RECORD>();
            if !rest.is_empty() {
                return Err(ServiceError::Internal("the index of lines is not of the form this version reads"));
            }
            lines.extend(records.iter().filter_map(|record| {
                let (line, entry) = record.split_first_chunk()?;
                Some((*line, EntryId(entry.try_into().ok()?)))
            }));
        }
        // Of a line in several pages the newest comes last.
        lines.sort_by_key(|(line, _)| *line);
        Ok(Before(lines))
    }

    /// Remembers that something was deleted before it was ever sent, in case an extract made earlier comes later.
    pub fn remember_gone(&self, key: &SourceKey, unit: &mut Pending) {
        if self.made.is_some() {
            let line = self.service.keys.identity.part(key);
            let key = page_key(share_of(&line), self.mark, &line);
            unit.put(Table::Part, key, [line, GONE.0].concat());
        }
    }

    fn put_pages(&self, share: usize, mut lines: Vec<(LineId, EntryId)>, unit: &mut Pending) {
        lines.sort_unstable();
        for (number, page) in (0_u32..).zip(lines.chunks(PAGE)) {
            let page: Vec<u8> = page.iter().flat_map(|(line, entry)| [*line, entry.0]).flatten().collect();
            unit.put(Table::Part, page_key(share, self.mark, &number.to_be_bytes()), page);
        }
    }
}

impl Service {
    /// The source's name for the entry that a line was in.
    pub(super) fn group_before(&self, before: &Before, line: &LineId) -> Result<Option<SourceKey>, ServiceError> {
        let Some(entry) = before.entry(line) else { return Ok(None) };
        let found = rows::get::<rows::EntryRow>(self.store.as_ref(), Table::Entry, &entry.0)?;
        Ok(found.map(|read| read.row.entry.key))
    }
}

impl Intake<'_, '_> {
    /// Finds the entries of deleted lines, and notes in which entry each line of the feed is. The note is in the store
    /// before any of these entries is: whatever deletes one of them later finds it.
    ///
    /// # Errors
    /// When the store or the temporary file fails.
    pub(super) fn index(&mut self, gone: &Spool<FiledLoose>) -> Result<(), ServiceError> {
        for share in 0..SHARES {
            let loose = gone.read(share)?;
            let places = self.places_in(share)?;
            if loose.is_empty() && places.of.is_empty() {
                continue;
            }
            let before = self.pull.before(share)?;
            self.lines_gone(loose, &places.of, &before)?;
            self.note(share, &places, &before)?;
            self.commit_when_full()?;
        }
        // Nobody asks any more.
        self.places = Spool::new();
        Ok(())
    }

    fn note(&mut self, share: usize, places: &Places, before: &Before) -> Result<(), ServiceError> {
        for (group, line, put) in &places.left {
            self.leave(group.clone(), *line, put)?;
        }
        let mut news = Vec::new();
        for (line, place) in &places.of {
            let known = before.entry(line);
            let share_of_entry = match place {
                Place::In(put) => {
                    self.here_already += u64::from(known.is_some());
                    let is_kept = known.is_some_and(|known| places.kept.contains(&(*line, known.0)));
                    if known != Some(EntryId(put.entry)) && (is_kept || self.moves(line, known, put)?) {
                        news.push((*line, EntryId(put.entry)));
                    }
                    share_of(&put.entry)
                }
                Place::Header(entry) => share_of(entry),
                Place::With => continue,
            };
            if known.is_some() {
                self.sent_before.push(share_of_entry, line)?;
            }
        }
        self.pull.put_pages(share, news, &mut self.pending);
        Ok(())
    }

    /// Takes a line that is in another entry now out of the one that it was in. Whether it is to be looked for there from
    /// now on: what the feed says may have been overtaken.
    fn moves(&mut self, line: &LineId, known: Option<EntryId>, put: &Put) -> Result<bool, ServiceError> {
        let Some(known) = known else { return Ok(true) };
        if self.pull.late {
            return Ok(false);
        }
        let store = self.pull.service.store.as_ref();
        let Some(old) = rows::get::<rows::EntryRow>(store, Table::Entry, &known.0)? else { return Ok(true) };
        let moment = put.moment.map(DateTime::from).or(self.pull.made);
        if moment.is_some() && old.row.as_of > moment {
            return Ok(false);
        }
        self.leave(old.row.entry.key, *line, put)?;
        Ok(true)
    }

    fn leave(&mut self, group: SourceKey, line: LineId, put: &Put) -> Result<(), ServiceError> {
        let entry = self.entry_id(&group);
        let moment = put.moment.or(self.pull.made.map(Moment::from));
        self.items.push(share_of(&entry), &(moment, put.at, entry, Item::LineLeft(group, line)))
    }
}
