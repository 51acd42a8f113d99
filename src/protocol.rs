//! What a client and the daemon say to each other: JSON in length-delimited frames.

use serde::{Deserialize, Serialize};

mod asked;
mod audit;
mod entry;
mod queue;
mod said;
mod status;
mod work;

pub use asked::{Only, Request, Wanted};
pub use audit::{
    AgreementReport, AuditLine, ClearingMode, ClearingReport, ReaderLine, ReviewerLine, StratumLine, Verified,
    WindowLine,
};
pub use entry::{Decided, Draft, Earlier, Opened, PatientCard, PatientRecord, Proposed, Twin, TwinWhy, Withheld};
pub use queue::{Claimed, Holding, PassedLine, PassedOn, Queue, QueueRow, Skim, SkimLine, Totals};
pub use said::{Notice, Reply, Welcome};
pub use status::{
    BackedUp, Checked, Depth, Exposure, FeedStatus, Health, LeaseLine, LeftOut, PolicyFile, Published, Pulled, Pulling,
    Status,
};
pub use work::{MyAct, PatientDone, Work, WorkItem, Worklist};

/// The version of this protocol. A client and a daemon that differ say so and part.
pub const VERSION: u32 = 1;

/// The largest frame either side accepts, in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// The largest request the daemon reads, in bytes.
pub const MAX_REQUEST: usize = 1 << 20;

/// A request with the number under which its reply comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// Chosen by the client; the reply carries it.
    pub id: u64,
    /// What is asked.
    pub request: Request,
    /// For a person's act on an entry: what the client calls it. Asked again under the same name, because the answer was
    /// lost, it is answered as done and not done twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActName>,
}

/// What a client calls one act of a person: random, and the same only when exactly this is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActName(pub [u8; 16]);

/// What the daemon sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "each is made, sent and gone")]
#[serde(rename_all = "kebab-case")]
pub enum Sent {
    /// The answer to a request.
    Reply {
        /// The request's number.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// Something nobody asked for.
    Notice(Notice),
}

/// Text that is shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
