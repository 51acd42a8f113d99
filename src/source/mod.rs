//! Where entries come from, one file a system. An adaptor turns a feed's rows into [`Change`]s and
//! knows nothing of what becomes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::record::{AccessLevel, Author, EntryKind, NhsNumber, Part, Proxy, Sex, SourceKey};

pub mod emis;
pub mod fhir;
pub mod folder;
pub mod lines;
pub mod tpp;

mod attachments;
mod dates;
mod encoding;
mod manifest;
mod outlet;
mod packed;
mod repeats;
mod rows;
mod table;
mod textlines;

pub use attachments::pdf::serve as serve_letter;
pub use manifest::{FileSum, Manifest};

/// The longest text, in bytes, that is taken from one field. A longer one is not screened, so it is
/// dropped and its line marked [`TooLarge`](crate::record::Unreadable::TooLarge).
pub const TEXT_LIMIT: usize = 1 << 20;

/// A feed that can be read once, from beginning to end.
pub trait Source {
    /// A name for messages and the ledger, e.g. `emis`.
    fn name(&self) -> &str;

    /// Where it lies; `None` where it comes over a wire.
    fn place(&self) -> Option<&Path> {
        None
    }

    /// What lies ready, so that it can be told whether it was read before.
    ///
    /// # Errors
    /// When the feed cannot be looked at.
    fn manifest(&self) -> Result<Manifest, SourceError>;

    /// What was read before reaches until then, and of kinds that come apart until when each does: a feed that can give
    /// only changes gives those since.
    fn begin_after(&mut self, _moment: Option<DateTime<Utc>>, _reached: &Reached) {}

    /// Reads the feed and hands on what it says, in an order in which it can be applied.
    /// A row that cannot be used becomes [`Change::SetAside`] and reading goes on.
    ///
    /// # Errors
    /// When the feed as a whole cannot be read (no such folder, nothing in it that the adaptor knows);
    /// or what `sink` returned.
    fn read(&mut self, sink: &mut dyn FnMut(Change) -> Result<(), SourceError>) -> Result<(), SourceError>;
}

/// How a server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The file with the token that it asks for.
    pub token: Option<PathBuf>,
    /// The proxy on the way to it, `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`. It is asked to connect, and reads
    /// nothing of what passes. `None`: the one that the environment names, if it names one.
    pub proxy: Option<String>,
    /// The file with the certificates of those who may vouch for the server, in PEM form, instead of those whom browsers
    /// trust.
    pub ca: Option<PathBuf>,
}

/// The feed that `spec` names, `KIND:PATH` with one of the kinds `emis`, `tpp`, `gpconnect`, `fhir`
/// and `lines`; dates after `today` are mistakes. A FHIR server is `fhir:https://…`, reached by `connection`.
///
/// # Errors
/// When the kind of feed is not known.
pub fn open(spec: &str, today: NaiveDate, connection: Connection) -> Result<Box<dyn Source>, SourceError> {
    match spec.split_once(':') {
        Some(("emis", path)) => Ok(Box::new(emis::Emis::new(path))),
        Some(("tpp", path)) => Ok(Box::new(tpp::Tpp::new(path, today))),
        Some(("gpconnect", path)) => Ok(Box::new(fhir::gpconnect::GpConnect::new(path, today))),
        Some(("lines", path)) => Ok(Box::new(lines::PlainLines::new(path, today))),
        Some(("fhir", base)) if base.starts_with("https://") || base.starts_with("http://") => {
            Ok(Box::new(fhir::server::FhirServer::new(base, connection, today)))
        }
        Some(("fhir", path)) => Ok(Box::new(fhir::Fhir::new(path, today))),
        _ => Err(SourceError(
            "a feed is named emis:PATH, tpp:PATH, gpconnect:PATH, fhir:PATH or lines:PATH: say which kind of feed it is".into(),
        )),
    }
}

/// What a feed says.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A patient is new or changed. Absent facts leave what is known.
    Patient(PatientFacts),
    /// Something further of a patient, who may come in another table or on another day.
    PatientAlso(PatientAlso),
    /// A record of its own declares that somebody is related to a patient.
    Relation(RelationFacts),
    /// Such a record is gone, or the relation has ended. One that was never seen is no error.
    RelationGone {
        /// The record.
        key: SourceKey,
        /// Whose relation it was, where the feed says.
        patient: Option<SourceKey>,
    },
    /// A patient left the feed's scope.
    PatientGone(SourceKey),
    /// Who reads a patient's record, where nothing else of the patient changed.
    Online {
        /// Whose record.
        nhs_number: NhsNumber,
        /// The whole of what is known about their online access.
        access: OnlineAccess,
    },
    /// The name of a member of staff, to be remembered: later feeds may name an [`Author`] by
    /// identifier alone.
    Staff {
        /// The source's name for the person; `id` is the one that [`Author::id`] carries.
        key: SourceKey,
        /// The name as shown.
        name: String,
    },
    /// The facts of an entry as a whole: a consultation's header, a document's title.
    Group(GroupFacts),
    /// An entry is gone with everything in it. One that was never seen is no error.
    GroupGone(SourceKey),
    /// One line is new or changed.
    Part(PartFacts),
    /// One line is gone. One that was never seen is no error.
    PartGone(SourceKey),
    /// A line that may have stood beside another goes with it, where a feed deletes only the other.
    /// It is no news where there was none.
    CompanionGone(SourceKey),
    /// The feed holds all there is of a patient: entries of these kinds that it does not speak of are gone.
    WholeRecord {
        /// Whose record.
        patient: SourceKey,
        /// What the identifiers of the entries meant begin with.
        kinds: Vec<String>,
    },
    /// The feed holds all lines of some kinds of every practice in it: those that it does not speak of are gone.
    Whole(Whole),
    /// A row that could not be used, or only with a gap.
    SetAside(SetAside),
    /// A file was read to its end.
    FileRead {
        /// Its name, without its folder.
        file: String,
        /// Rows or lines in it, the header not counted.
        rows: u64,
    },
    /// Something about the feed as a whole that people must know, in one sentence.
    Notice(String),
    /// What time the feed covers by its own account, for whoever remembers what came before.
    Covers(Covers),
    /// What a feed says of one of its practices. What is absent leaves what is known.
    Practice(PracticeFacts),
    /// Where what follows, up to the next such word, stands in the order in which the feed applies: of two that speak
    /// of one thing the higher counts. Where a feed keeps no such count the later does.
    Sequence(u64),
    /// What follows, up to the next such word, was so at that moment: of feeds whose records are not all of one age.
    /// Where the feed has said it for all ([`Manifest::made`]) there is no need to.
    AsOf(Option<DateTime<Utc>>),
}

/// What a feed says about a patient.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientFacts {
    /// The source's name for the patient.
    pub key: SourceKey,
    /// The number, where there is a right one.
    pub nhs_number: Option<NhsNumber>,
    /// Family name.
    pub family_name: String,
    /// Given names.
    pub given_name: String,
    /// Day of birth.
    pub born: Option<NaiveDate>,
    /// Sex.
    pub sex: Sex,
    /// The address in one line, to find a household by; empty where there is none. Never stored.
    pub address: String,
    /// `None`: the feed does not say.
    pub online: Option<OnlineAccess>,
    /// Since when they are registered with the practice, where the feed says.
    pub registered: Option<NaiveDate>,
    /// Names of all whom the patient's own row names: a carer, contacts. `None`: the feed does not say.
    pub relatives: Option<Vec<String>>,
}

impl PatientFacts {
    /// A patient whom a feed names and has not sent.
    pub fn unknown(key: SourceKey) -> Self {
        Self {
            key,
            nhs_number: None,
            family_name: String::new(),
            given_name: String::new(),
            born: None,
            sex: Sex::Unknown,
            address: String::new(),
            online: None,
            registered: None,
            relatives: None,
        }
    }
}

/// What a feed says of one of its practices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeFacts {
    /// The practice, as [`SourceKey::organisation`] names it.
    pub id: String,
    /// What people call it; empty where the feed does not say.
    pub name: String,
    /// Whether its record still comes.
    pub shares: Option<Shares>,
}

/// Whether a practice's record still comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shares {
    /// It does.
    Yes,
    /// It does not: the sentence that says so, until a feed says that it does again.
    No(String),
}

/// Something further of a patient. What is absent leaves what is known.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientAlso {
    /// The source's name for the patient.
    pub key: SourceKey,
    /// The address in one line, to find a household by; empty where it did not come. Never stored.
    pub address: String,
    /// The patient's own level of online access.
    pub level: Option<AccessLevel>,
    /// People who read besides those known.
    pub proxies: Vec<Proxy>,
    /// People who no longer read.
    pub proxies_gone: Vec<Proxy>,
    /// Since when they are registered with the practice.
    pub registered: Option<NaiveDate>,
}

impl PatientAlso {
    /// Nothing yet.
    pub fn of(key: SourceKey) -> Self {
        Self {
            key,
            address: String::new(),
            level: None,
            proxies: Vec::new(),
            proxies_gone: Vec::new(),
            registered: None,
        }
    }
}

/// A relation as a record of its own declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationFacts {
    /// The source's name for the record.
    pub key: SourceKey,
    /// Who has the relation.
    pub patient: SourceKey,
    /// With whom.
    pub to: RelatedTo,
}

/// How a feed names somebody who is related to a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelatedTo {
    /// As a patient of the practice.
    Patient(SourceKey),
    /// By NHS number: no patient of whom the feed may know.
    Number(NhsNumber),
    /// By name alone.
    Named(String),
}

/// That a feed holds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Of which lines: what stands before the colon in their identifiers, nothing for those that have none.
    pub kinds: Vec<String>,
    /// How that is known.
    pub known: WholeBy,
}

/// How it is known that a feed holds everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeBy {
    /// The feed says so.
    ItsManifest,
    /// Feeds of this kind never say. One that names nearly every patient and deletes nothing may be whole; it is
    /// where it also speaks of nearly every line.
    ItsContent,
    /// The same of feeds in which what should never have been there is a record like others: that some are
    /// deleted does not speak against it.
    ItsResources,
}

/// What time a feed covers. Both ends are moments on the supplier's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covers {
    /// The feed holds the changes since then; `None` where it holds everything. A gap between this and the
    /// end of the feed before is a batch that was lost.
    pub from: Option<DateTime<Utc>>,
    /// And until then.
    pub to: DateTime<Utc>,
    /// Tables that hold everything where the others hold changes.
    pub whole: Vec<String>,
    /// Until when each kind reaches, where they come apart.
    pub reached: Reached,
    /// Kinds that did not come whole.
    pub incomplete: Vec<String>,
}

/// Kinds of records, and until when what came of them reaches: `None` where not even the beginning is whole.
pub type Reached = BTreeMap<String, Option<DateTime<Utc>>>;

/// What a feed says about a patient's online account and who else has one.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlineAccess {
    /// The patient's own level.
    pub level: AccessLevel,
    /// From when entries show.
    pub from: Option<NaiveDate>,
    /// Who else reads.
    pub proxies: Vec<Proxy>,
}

/// What a feed says about an entry as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// The source's name for the group.
    pub key: SourceKey,
    /// Whose record.
    pub patient: SourceKey,
    /// What kind of entry.
    pub kind: EntryKind,
    /// Its heading; empty where the source gives none.
    pub title: String,
    /// The clinical date.
    pub happened: Option<NaiveDate>,
    /// When it was saved at the source.
    #[serde(with = "chrono::serde::ts_microseconds_option")]
    pub recorded: Option<DateTime<Utc>>,
    /// Who recorded it.
    pub author: Author,
}

/// What a feed says about one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartFacts {
    /// Which entry it belongs to.
    pub belongs: Belongs,
    /// Whose record.
    pub patient: SourceKey,
    /// The kind that an entry of this line alone has.
    pub kind: EntryKind,
    /// When it was saved at the source.
    #[serde(with = "chrono::serde::ts_microseconds_option")]
    pub recorded: Option<DateTime<Utc>>,
    /// The line.
    pub part: Part,
}

/// Which entry a line belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Belongs {
    /// To the group with this key. Its header may come before, after or never.
    To(SourceKey),
    /// To whichever entry holds the line with this key; to one of its own where no entry does.
    With(SourceKey),
    /// To the group with this key, unless an earlier feed put the line into an entry whose identifier begins so: there it
    /// stays.
    ToUnlessIn {
        /// The group.
        group: SourceKey,
        /// What the identifiers of the other entries begin with.
        kind: String,
    },
    /// To an entry of its own.
    Alone,
}

/// A row that could not be used, or was used with a gap: `why` says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file's name, without its folder.
    pub file: String,
    /// The record's number in the file, the header being 1; 0 for the file as a whole.
    pub row: u64,
    /// What is wrong and what to do, in one sentence without any content of the row.
    pub why: String,
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            0 => write!(f, "{}: {}", self.file, self.why),
            row => write!(f, "{}, row {row}: {}", self.file, self.why),
        }
    }
}

/// Why a feed could not be read. One sentence: what, where, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
