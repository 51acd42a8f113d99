//! What belongs to a batch, and what its manifest says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::source::encoding::Encoding;
use crate::source::outlet::{Outlet, Sink};
use crate::source::packed::{FeedFile, Files};
use crate::source::table::{self, Column, Naming, Row};
use crate::source::{Change, Covers, SourceError, dates};

/// Tables without which a batch says little, and what their absence means.
const EXPECTED: [(&str, &str); 3] = [
    ("SRPatient", "changes to patients did not arrive"),
    ("SREvent", "new events arrive without their headings"),
    ("SRCode", "no new coded lines of the record arrived"),
];

/// A batch whose manifest has arrived.
pub(super) struct Batch {
    pub(super) files: Files,
    listed: BTreeMap<String, Listed>,
    covers: Option<Covers>,
}

/// What the manifest says of one table.
struct Listed {
    name: String,
    is_delta: bool,
    is_reference: bool,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
}

impl Batch {
    /// Reads the manifest and says what does not agree with it.
    ///
    /// # Errors
    /// When there is nothing to read, or no manifest: then the batch is still on its way.
    pub(super) fn open(path: &Path, sink: &mut Sink<'_>) -> Result<Self, SourceError> {
        let files = Files::list(path, "a batch of SystmOne tables")?;
        for refused in &files.refused {
            sink(Change::SetAside(refused.clone()))?;
        }
        let Some(manifest) = files.named("SRManifest.csv").cloned() else {
            return Err(SourceError(format!(
                "{} holds no SRManifest.csv, which comes with every batch: wait until the batch has arrived as a \
                 whole, or name its folder, then pull again",
                path.display()
            )));
        };
        let mut batch = Self { files, listed: BTreeMap::new(), covers: None };
        batch.read_manifest(&manifest, sink)?;
        if batch.listed.is_empty() {
            return Err(SourceError(format!(
                "the SRManifest.csv in {} lists no table: wait until the batch has arrived as a whole, then pull again",
                path.display()
            )));
        }
        batch.covers = batch.period();
        if let Some(covers) = &batch.covers {
            sink(Change::Covers(covers.clone()))?;
        }
        for notice in batch.notices() {
            sink(Change::Notice(notice))?;
        }
        Ok(batch)
    }

    /// The file of a table.
    pub(super) fn table(&self, name: &str) -> Option<&FeedFile> {
        self.files.named(&format!("{name}.csv"))
    }

    /// Every table that is there, by the names of their files.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &FeedFile)> {
        self.files.names.iter().filter_map(|file| {
            let stem = file.name.strip_suffix(".csv").or_else(|| file.name.strip_suffix(".CSV"))?;
            (stem.len() > 2 && stem.get(..2)?.eq_ignore_ascii_case("SR")).then_some((stem, file))
        })
    }

    /// Whether a table holds everything rather than changes.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.listed.get(&name.to_ascii_lowercase()).is_some_and(|listed| !listed.is_delta)
    }

    pub(super) fn covers(&self) -> Option<&Covers> {
        self.covers.as_ref()
    }

    fn read_manifest(&mut self, file: &FeedFile, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let listed = &mut self.listed;
        self.files.with(file, |input| {
            table::read_from(
                &file.name,
                input,
                Encoding::Windows1252,
                Naming { key: "FileName", patient: "" },
                |header| {
                    [
                        header.required("FileName"),
                        header.required("IsDelta"),
                        header.optional(&["IsReference"]),
                        header.required("DateExtractFrom"),
                        header.required("DateExtractTo"),
                    ]
                },
                sink,
                |&[name, is_delta, is_reference, from, to], row, outlet| {
                    let name = row.get(name).trim_end_matches(".csv").to_owned();
                    let entry = Listed {
                        is_delta: yes(row.get(is_delta), "IsDelta", row, outlet)?,
                        is_reference: yes(row.get(is_reference), "IsReference", row, outlet)?,
                        from: moment(from, "DateExtractFrom", row, outlet)?,
                        to: moment(to, "DateExtractTo", row, outlet)?,
                        name: name.clone(),
                    };
                    if listed.insert(name.to_ascii_lowercase(), entry).is_some() {
                        outlet.set_aside(
                            row.number,
                            "the manifest names a table twice: the last counts; ask TPP about the batch",
                        )?;
                    }
                    Ok(())
                },
            )
        })
    }

    /// What time the batch covers: the end that most tables give, and the latest beginning of the changes,
    /// so that a gap in any table shows.
    fn period(&self) -> Option<Covers> {
        let to = self.listed.values().filter_map(|listed| listed.to).max()?;
        let from = self.changes().filter_map(|listed| listed.from).max();
        Some(Covers {
            from: from.map(in_utc),
            to: in_utc(to),
            whole: if from.is_some() { self.unasked() } else { Vec::new() },
            reached: BTreeMap::new(),
            incomplete: Vec::new(),
        })
    }

    fn changes(&self) -> impl Iterator<Item = &Listed> {
        self.listed.values().filter(|listed| listed.is_delta)
    }

    /// Tables of records that came whole although others came as changes.
    fn unasked(&self) -> Vec<String> {
        let whole = self.listed.values().filter(|listed| !listed.is_delta && !listed.is_reference);
        whole.map(|listed| listed.name.clone()).collect()
    }

    /// What people must know about the batch as a whole, a sentence each.
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let listed = self.listed.values();
        let missing: Vec<&str> =
            listed.filter(|listed| self.table(&listed.name).is_none()).map(|listed| listed.name.as_str()).collect();
        if !missing.is_empty() {
            notices.push(format!(
                "The manifest lists tables that are not in the batch: {}. What they hold was not seen; get the batch \
                 again from TPP, then pull again.",
                missing.join(", ")
            ));
        }
        let is_listed = |table: &str| self.listed.contains_key(&table.to_ascii_lowercase());
        let unlisted = self.tables().map(|(table, _)| table).filter(|table| !table.eq_ignore_ascii_case("SRManifest"));
        let unlisted: Vec<&str> = unlisted.filter(|table| !is_listed(table)).collect();
        if !unlisted.is_empty() {
            notices.push(format!(
                "The manifest does not list {}, which may be left over from another batch: it was read; check the \
                 folder.",
                unlisted.join(", ")
            ));
        }
        for (table, absence) in EXPECTED {
            if self.table(table).is_none() && !missing.contains(&table) {
                notices.push(format!("There is no {table} in the batch: {absence}; ask TPP for it."));
            }
        }
        let distinct = |times: BTreeSet<NaiveDateTime>| times.len() > 1;
        if distinct(self.changes().filter_map(|listed| listed.from).collect())
            || distinct(self.changes().filter_map(|listed| listed.to).collect())
        {
            notices.push(
                "Tables of the batch cover different times, so something may be missing between this batch and its \
                 neighbours: ask TPP for a whole extract."
                    .to_owned(),
            );
        }
        if self.changes().any(|listed| listed.from.is_none()) {
            notices.push(
                "A table of changes does not say since when, so a lost batch cannot be noticed: ask TPP about \
                 DateExtractFrom in the manifest."
                    .to_owned(),
            );
        }
        let unasked = self.unasked();
        if self.changes().next().is_some() && !unasked.is_empty() {
            notices.push(format!(
                "Sent whole though the other tables came as changes: {}. What has not changed was not looked at again.",
                unasked.join(", ")
            ));
        }
        notices
    }
}

/// `Y` or `N`. Anything else is said and counts as no.
fn yes(field: &str, name: &str, row: Row<'_>, outlet: &mut Outlet<'_>) -> Result<bool, SourceError> {
    let says = |words: [&str; 3]| words.iter().any(|word| field.eq_ignore_ascii_case(word));
    if !says(["Y", "true", "1"]) && !says(["N", "false", "0"]) && !field.is_empty() {
        outlet
            .set_aside(row.number, format!("{name} is neither Y nor N: it was taken as N; ask TPP about the batch"))?;
    }
    Ok(says(["Y", "true", "1"]))
}

/// A time like `20260301_0200`.
fn moment(
    column: Column,
    name: &str,
    row: Row<'_>,
    outlet: &mut Outlet<'_>,
) -> Result<Option<NaiveDateTime>, SourceError> {
    let field = row.get(column);
    if field.is_empty() {
        return Ok(None);
    }
    let moment = NaiveDateTime::parse_from_str(field, "%Y%m%d_%H%M").ok();
    if moment.is_none() {
        outlet.set_aside(
            row.number,
            format!("{name} is not a time like 20260301_0200: it does not count; ask TPP about the batch"),
        )?;
    }
    Ok(moment)
}

fn in_utc(moment: NaiveDateTime) -> DateTime<Utc> {
    dates::from_london(moment)
}
