//! Anteroom: new entries in a GP record wait here until it is safe for the patient to see them.
//!
//! Data flows one way, and each room knows only those before it:
//!
//! ```text
//! source → record → screen → review → channel     the data's way
//!                audit · store                     underneath: what happened, and where it is kept
//!                service                           the one place that composes them
//! daemon · cli · tui · plain                       outside: how people and systems reach it
//! ```
//!
//! - [`record`] what things are
//! - [`source`] where entries come from, one file a system
//! - [`screen`] text and codes become findings with reasons; the rules are data
//! - [`review`] states, guards, redaction: who may let what through
//! - [`audit`] what happened, in a form that shows tampering
//! - [`store`] where it is kept: a journal, and sled as a view of it
//! - [`channel`] what leaves
//! - [`service`] pull → screen → queue → decide → publish; owns the writes
//! - [`daemon`] the Unix socket, who is calling, shutdown
//! - [`protocol`] requests and replies; [`client`] the other end
//! - [`synth`] invented feeds with known answers, for tests and for load
//! - [`tui`] the reviewer's and the supervisor's screen; [`cli`] one file a command
//!
//! `tests/house.rs` enforces who may name whom.

pub mod audit;
pub mod channel;
pub mod cli;
pub mod client;
pub mod daemon;
pub mod plain;
pub mod protocol;
pub mod record;
pub mod review;
pub mod screen;
pub mod service;
pub mod source;
pub mod store;
pub mod synth;
pub mod tui;

/// With the C library's own, a first pull takes a fifth longer and a third more memory: what one thread makes another
/// frees, in pieces of every size.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
