//! Who may let what through: states, guards, policy, and the one function that makes what a patient sees.
//!
//! The safety case. Towards hidden: one person, at once. Towards visible: delayed, bound to the content,
//! checked again at publication, undoable until then. Pure: time and people are passed in.

mod calendar;
mod caution;
mod cut;
pub mod decoys;
mod guard;
pub mod lease;
mod moves;
pub mod order;
mod policy;
pub mod policy_file;
pub mod quality;
mod readback;
mod refusal;
mod remainder;
mod rendition;
pub mod sampling;
mod state;
mod step;
mod table;
mod twins;
mod visible;

pub use calendar::Calendar;
pub use caution::{Caution, cautions};
pub use cut::MARK;
pub use guard::Guard;
pub use moves::{Already, Event, EventName, TRANSITIONS, Transition, Who};
pub use policy::{Ageing, Conflict, Policy, Required, floor};
pub use readback::names_what_is_gone;
pub use refusal::Refusal;
pub use remainder::{fragments, pointers};
pub use rendition::{Line, RedactionError, Rendition, render};
pub use state::{Cause, LookAgain, Passed, Review, State};
pub use step::{Caller, Facts, step};
pub use table::{diagram, permissions};
pub use twins::{Folded, Sought, Waiver};
pub use visible::{Present, Withheld, releasable, visible};
