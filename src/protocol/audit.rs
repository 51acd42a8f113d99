//! The log as it is read, and what supervisors see of how well the practice decides.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::hex;
use crate::audit::Record;
use crate::record::EntryId;
use crate::review::quality::{Agreement, Missed, Pair, Sampled, Share, Standing};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its place.
    pub seq: u64,
    /// The digest of its frame, in hexadecimal.
    pub digest: String,
    /// What happened.
    pub record: Record,
    /// `HOLT Marie · Consultation` for those who may read records.
    pub subject: Option<String>,
}

/// What verification of the log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Frames read.
    pub frames: u64,
    /// The last digest, in hexadecimal.
    pub head: String,
    /// What is wrong, a sentence each.
    pub damage: Vec<String>,
}

impl Verified {
    /// What a verification found, with the digest written out.
    pub fn from_report(frames: u64, head: Option<[u8; 32]>, damage: Vec<String>) -> Self {
        Self { frames, head: head.map(|digest| hex(&digest)).unwrap_or_default(), damage }
    }
}

/// How far readers agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreementReport {
    /// Over all entries that two people decided.
    pub agreement: Agreement,
    /// Each reviewer against their cases: the caller alone, or for the lead everybody.
    pub reviewers: Vec<ReviewerLine>,
    /// For the lead: the two people who decided together most often.
    #[serde(default)]
    pub pair: Option<Pair>,
}

/// One reviewer against their cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewerLine {
    /// Who.
    pub login: String,
    /// Where they stand.
    pub standing: Standing,
}

/// What was drawn, read and missed of what clears by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClearingReport {
    /// Whether anything clears, and how.
    pub mode: ClearingMode,
    /// Who signed, and when.
    pub signed: Option<(String, DateTime<Utc>)>,
    /// Entries to be read before anybody can sign.
    pub needed: u64,
    /// The bound of the share missed must not be above this, 0 to 1.
    pub limit: f64,
    /// Entries read since shadow began.
    pub read: u64,
    /// Strata of which everything is read, because something serious was missed.
    pub suspended: Vec<String>,
    /// Newest first.
    pub windows: Vec<WindowLine>,
    /// Visible entries of suspended strata that cleared by rule: for the lead to look at again.
    pub look_back: Vec<EntryId>,
    /// What each reader noticed of the decoys they read: the caller alone, or for the lead everybody.
    #[serde(default)]
    pub readers: Vec<ReaderLine>,
}

/// What one reader noticed of the decoys they read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReaderLine {
    /// Who.
    pub login: String,
    /// Decoys withheld, or asked about, of those decided on.
    pub noticed: Share,
}

/// Whether entries clear by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClearingMode {
    /// All do, and nobody learns what is missed.
    Unmeasured,
    /// None does: all are read.
    Shadow,
    /// They do, and a sample is read.
    Signed,
}

/// One window of the sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowLine {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub begins: NaiveDate,
    /// What was missed of what screening found nothing in.
    pub clear: Missed,
    /// What was missed of what was passed on the skim page.
    pub skimmed: Missed,
    /// Each stratum.
    pub strata: Vec<StratumLine>,
}

/// One stratum in one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StratumLine {
    /// Its name.
    pub stratum: String,
    /// Entries drawn.
    pub drawn: u64,
    /// Entries open to the sample, read and missed.
    pub sampled: Sampled,
    /// The exact one-sided 95 % upper bound of the share missed in it, 0 to 1.
    pub bound: f64,
}
