//! What a feed that holds everything does not speak of any more is gone at the source: it is taken as deleted, unless
//! that is too much to believe.

use std::collections::{HashMap, HashSet};

use super::super::rows::{self, EntryRow, get, version_key};
use super::super::{ServiceError, lock};
use super::Pull;
use super::arrive::{Common, Worker};
use super::group::Group;
use super::intake::{Intake, Item, WholeRecord};
use super::spool;
use crate::record::{EntryId, EntryVersion, Part, SourceKey};
use crate::source::{Whole, WholeBy};
use crate::store::Table;

/// So few are always believed to be gone; of more, at most a quarter of all.
const ALWAYS_BELIEVED: usize = 20;

/// With fewer entries than this a feed that does not say that it is whole cannot be told from a busy day's.
const FEW: usize = 100;

fn is_too_much(gone: usize, stays: usize) -> bool {
    gone > ALWAYS_BELIEVED && gone * 3 > stays
}

impl Pull<'_> {
    /// Takes away what is in nobody's whole record any more. Where that is too much to believe, nothing is taken
    /// away and the sentence for people is returned.
    pub fn absent(
        &self,
        common: &Common<'_, '_>,
        system: &str,
        worker: &mut Worker<'_, '_>,
    ) -> Result<Option<String>, ServiceError> {
        let Some(touched) = &common.touched else { return Ok(None) };
        let touched: HashSet<EntryId> = std::mem::take(&mut *lock(touched));
        let (mut all, mut absent) = (0_usize, Vec::new());
        for (patient, WholeRecord { kinds, as_of }) in &common.whole {
            self.each_of(&[*patient], &mut |row| {
                let overtaken = as_of.is_some() && row.as_of > *as_of;
                let meant = row.entry.key.system == system
                    && !overtaken
                    && kinds.iter().any(|kind| row.entry.key.id.starts_with(kind.as_str()));
                all += usize::from(meant);
                if meant && !touched.contains(&row.entry.id) {
                    absent.push((row.entry.key, *as_of));
                }
                Ok(())
            })?;
        }
        if is_too_much(absent.len(), all - absent.len()) {
            return Ok(Some(format!(
                "{} of {all} entries that came before are in none of these records any more, which is too much to \
                 believe: none was withdrawn; check that the records came whole",
                absent.len()
            )));
        }
        absent.sort();
        absent.into_iter().try_for_each(|(key, as_of)| worker.entry(Group::departed(key, as_of)))?;
        Ok(None)
    }
}

/// What a whole feed was compared with.
#[derive(Default)]
struct Missing {
    /// Lines that were sent.
    sent: usize,
    /// Lines that are stored and were not.
    lines: usize,
    /// The entries they are in.
    groups: Vec<Group>,
    /// Entries that are newer than the feed, by what it says of its age.
    newer: usize,
}

impl Intake<'_, '_> {
    /// Takes away what a feed that holds everything does not speak of. Where it may have been cut short nothing is
    /// taken away and the sentence for people is returned.
    ///
    /// # Errors
    /// When the store or the temporary file fails.
    pub fn absent(&self, system: &str, worker: &mut Worker<'_, '_>) -> Result<Option<String>, ServiceError> {
        let is_first = self.pull.known == 0;
        let Some(whole) = self.everything.as_ref().filter(|_| !is_first && !self.pull.late) else { return Ok(None) };
        let may_be_whole = match whole.known {
            WholeBy::ItsManifest => true,
            WholeBy::ItsContent => !self.deletes && self.names_nearly_everybody(),
            WholeBy::ItsResources => self.names_nearly_everybody(),
        };
        if !may_be_whole {
            return Ok(None);
        }
        if self.set_aside > 0 {
            return Ok(Some(format!(
                "this extract holds everything and {} of its rows could not be used as they are: nothing that is \
                 missing from it was taken as deleted; ask the supplier for it again",
                self.set_aside
            )));
        }
        let Missing { sent, lines, groups, newer } = self.missing(system, whole)?;
        if is_too_much(lines, sent) {
            let what = match whole.known {
                WholeBy::ItsManifest => "holds everything by its manifest",
                WholeBy::ItsContent => "names every patient and deletes nothing, as one does that holds everything",
                WholeBy::ItsResources => {
                    "names every patient and lists no deletions, as one does that holds everything"
                }
            };
            return Ok(Some(format!(
                "this extract {what}, and at least {lines} lines that came before are not in it, beside {sent} that \
                 are: none was taken as deleted; ask the supplier whether it is whole"
            )));
        }
        groups.into_iter().try_for_each(|group| worker.entry(group))?;
        Ok((newer > 0).then(|| {
            format!(
                "{newer} entries that came before are not in this extract and are newer than anything in it: either it \
                 is an old one, or they were deleted; ask the supplier for one that says when it was made"
            )
        }))
    }

    /// Whether a feed that does not say so may hold everything.
    fn names_nearly_everybody(&self) -> bool {
        let patients = self.pull.service.board().people().count() as u64;
        self.pull.known >= FEW && self.people.sent * 4 >= patients * 3
    }

    /// The lines that are stored and that the feed does not speak of; no more than it takes to see that they are too
    /// many.
    fn missing(&self, system: &str, whole: &Whole) -> Result<Missing, ServiceError> {
        let service = self.pull.service;
        let mut missing = Missing::default();
        let mut named: HashSet<EntryId> = HashSet::new();
        for share in 0..spool::SHARES {
            let mut sent: HashMap<SourceKey, HashSet<SourceKey>> = HashMap::new();
            for (_, _, _, item) in self.items.read(share)? {
                match item {
                    Item::Header(facts) => drop(sent.entry(facts.key).or_default()),
                    Item::Line(key, facts) => drop(sent.entry(key).or_default().insert(facts.part.key)),
                    Item::AllGone(_) | Item::LineGone(..) | Item::LineLeft(..) => {}
                }
            }
            for (key, lines) in sent {
                let id = service.keys.identity.entry(&key);
                named.insert(id);
                missing.sent += lines.len();
                let Some(read) = get::<EntryRow>(service.store.as_ref(), Table::Entry, &id.0)? else { continue };
                self.compare(read.row, Some(&lines), whole, &mut missing)?;
            }
        }
        rows::for_each::<EntryRow>(service.store.as_ref(), Table::Entry, &[], |_, read| {
            let key = &read.row.entry.key;
            let is_meant = key.system == system && self.practices.contains(&key.organisation);
            match is_meant && !named.contains(&read.row.entry.id) {
                true => self.compare(read.row, None, whole, &mut missing),
                false => Ok(()),
            }
        })?;
        Ok(missing)
    }

    /// Notes which lines of a stored entry are gone, of the kinds of which the feed holds all; `sent` are those that
    /// came, `None` where not even the entry was named.
    fn compare(
        &self,
        row: EntryRow,
        sent: Option<&HashSet<SourceKey>>,
        whole: &Whole,
        missing: &mut Missing,
    ) -> Result<(), ServiceError> {
        if !row.at_source || is_too_much(missing.lines, missing.sent) {
            return Ok(());
        }
        let store = self.pull.service.store.as_ref();
        let key = version_key(row.entry.id, row.review.version);
        let Some(version) = get::<EntryVersion>(store, Table::Version, &key)? else { return Ok(()) };
        let is_meant = |key: &SourceKey| {
            // Of FHIR it is the type, as in `Condition/1`.
            let kind = key.id.split_once([':', '/']).map_or("", |(kind, _)| kind);
            whole.kinds.iter().any(|meant| meant == kind)
        };
        let is_gone = |part: &&Part| is_meant(&part.key) && sent.is_none_or(|sent| !sent.contains(&part.key));
        let gone: HashSet<SourceKey> = version.row.parts.iter().filter(is_gone).map(|part| part.key.clone()).collect();
        let nothing_stays = sent.is_none() && gone.len() == version.row.parts.len() && is_meant(&row.entry.key);
        if gone.is_empty() && !nothing_stays {
            return Ok(());
        }
        // Where a feed does not say when it was made, what it holds does.
        if self.newest.is_some() && row.as_of > self.newest {
            missing.newer += 1;
            return Ok(());
        }
        missing.lines += gone.len().max(1);
        missing.groups.push(match nothing_stays {
            true => Group::departed(row.entry.key, self.newest),
            false => Group { gone, ..Group::new(row.entry.key, self.newest) },
        });
        Ok(())
    }
}
