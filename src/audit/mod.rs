//! What happened, in a form that shows tampering. Pure but for reading a file.
//!
//! Every act, reads included, leaves one [`Record`]. It is written in the same journal frame as the
//! changes it describes, so the log and the state cannot disagree, and the frames are chained, so that
//! an edit, a reorder or an insertion shows.

mod event;
pub mod frame;
mod record;
mod verify;
mod words;

pub use event::Event;
pub use record::{Actor, Outcome, Record, Role};
pub use verify::{Chain, Each, Place, read_chain, read_end};
