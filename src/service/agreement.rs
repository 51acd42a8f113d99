//! How far readers agree, from what the log says they decided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rows::{self, EntryRow};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Role};
use crate::protocol::{AgreementReport, ReviewerLine};
use crate::record::{Act, EntryId, EntryVersion, RemovalTarget, SourceKey, Version, words};
use crate::review::quality::{Agreement, Kind, Overlap, Reading, Verdict, funnel, most_frequent, overlap};
use crate::store::Table;

/// Frames of the log read at once.
const PAGE: usize = 500;

/// What the log says of one version of one entry.
#[derive(Default)]
struct Read {
    tier: u8,
    /// Who said what, in order, each person once.
    said: Vec<(String, Verdict)>,
}

impl Service {
    /// Agreement over all entries that two people decided, and each reviewer against their cases: to a reviewer
    /// their own line alone, to the lead all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn agreement_report(&self, actor: &Actor) -> Result<AgreementReport, ServiceError> {
        self.note(actor, Event::ReportViewed)?;
        let read = self.readings()?;
        let overlaps = self.overlaps()?;
        let pairs: Vec<Reading> = read
            .iter()
            .filter_map(|(at, read)| match read.said.as_slice() {
                [(_, first), (_, second), ..] => {
                    Some(Reading { first: *first, second: *second, removals: overlaps.get(at).copied() })
                }
                _ => None,
            })
            .collect();
        let together = read.values().filter_map(|read| match read.said.as_slice() {
            [(first, _), (second, _), ..] => Some([first.as_str(), second.as_str()]),
            _ => None,
        });
        let (reviewers, pair) = match actor.role {
            Role::Lead => (reviewers(&read, |_| true), most_frequent(together)),
            _ => (reviewers(&read, |login| login == actor.login), None),
        };
        Ok(AgreementReport { agreement: Agreement::of(&pairs), reviewers, pair })
    }

    /// Who decided what, from the log: an act that was taken back is not counted.
    fn readings(&self) -> Result<HashMap<(EntryId, Version), Read>, ServiceError> {
        let mut read: HashMap<(EntryId, Version), Read> = HashMap::new();
        let mut from = 1;
        loop {
            let frames = self.store.log(from, PAGE)?;
            let Some(last) = frames.last() else { return Ok(read) };
            from = last.seq + 1;
            for record in frames.iter().flat_map(|frame| &frame.unit.audit) {
                let (Some(entry), Some(version), Outcome::Done) = (record.entry, record.version, &record.outcome)
                else {
                    continue;
                };
                if self.board().is_decoy(entry) {
                    continue;
                }
                let verdict = match record.event {
                    Event::Screened { tier, .. } => {
                        read.entry((entry, version)).or_default().tier = tier;
                        continue;
                    }
                    Event::Undone => {
                        read.entry((entry, version)).or_default().said.clear();
                        continue;
                    }
                    Event::Approved => Verdict::Approve,
                    Event::Redacted { .. } => Verdict::Redact,
                    Event::Hidden { .. } => Verdict::Hide,
                    _ => continue,
                };
                let said = &mut read.entry((entry, version)).or_default().said;
                if !said.iter().any(|(login, _)| *login == record.actor.login) {
                    said.push((record.actor.login.clone(), verdict));
                }
            }
        }
    }

    /// How alike the redactions are that two people made of the same version, as far as both still stand.
    fn overlaps(&self) -> Result<HashMap<(EntryId, Version), Overlap>, ServiceError> {
        let mut overlaps = HashMap::new();
        rows::for_each::<EntryRow>(self.store.as_ref(), Table::Entry, &[], |_, read| {
            let review = &read.row.review;
            if let [first, second, ..] = review.decisions.as_slice()
                && first.by != second.by
            {
                let version = self.version(read.row.entry.id, review.version)?;
                if let (Some(first), Some(second)) = (removed(&version, &first.act), removed(&version, &second.act)) {
                    overlaps.insert((read.row.entry.id, review.version), overlap(&first, &second));
                }
            }
            Ok(())
        })?;
        Ok(overlaps)
    }
}

/// The words that a redaction takes out, by line and place.
fn removed<'a>(version: &'a EntryVersion, act: &Act) -> Option<BTreeSet<(&'a SourceKey, usize)>> {
    let Act::Redact { removals, .. } = act else { return None };
    let mut gone = BTreeSet::new();
    for removal in removals {
        let Some(part) = version.part(&removal.part) else { continue };
        let takes = |word: crate::record::Span| match removal.target {
            RemovalTarget::Line => true,
            RemovalTarget::Text(span) => span.overlaps(word),
        };
        gone.extend(words(&part.text).into_iter().filter(|word| takes(*word)).map(|word| (&part.key, word.start)));
    }
    Some(gone)
}

fn reviewers(read: &HashMap<(EntryId, Version), Read>, shown: impl Fn(&str) -> bool) -> Vec<ReviewerLine> {
    // By tier: read and withheld, by everybody and by each.
    let mut all: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    let mut each: BTreeMap<&str, BTreeMap<u8, (u64, u64)>> = BTreeMap::new();
    for read in read.values() {
        for (login, verdict) in &read.said {
            let withheld = u64::from(*verdict != Verdict::Approve);
            for counts in [&mut all, each.entry(login).or_default()] {
                let count = counts.entry(read.tier).or_default();
                count.0 += 1;
                count.1 += withheld;
            }
        }
    }
    let shown = each.into_iter().filter(|(login, _)| shown(login));
    shown
        .map(|(login, tiers)| {
            let kinds: Vec<Kind> = tiers
                .iter()
                .map(|(tier, (read, withheld))| {
                    let (all_read, all_withheld) = all.get(tier).copied().unwrap_or_default();
                    Kind { read: *read, withheld: *withheld, all_read, all_withheld }
                })
                .collect();
            ReviewerLine { login: login.to_owned(), standing: funnel(&kinds) }
        })
        .collect()
}
