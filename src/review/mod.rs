//! Who may let what through: states, guards, policy, and the one function that makes what a patient sees.
//!
//! The safety case. Towards hidden: one person, at once. Towards visible: delayed, bound to the content,
//! checked again at publication, undoable until then. Pure: time and people are passed in.

mod caution;
mod cut;
pub mod lease;
mod moves;
mod policy;
pub mod quality;
mod rendition;
mod state;
mod step;
mod table;
mod twins;
mod visible;

pub use caution::{Caution, cautions};
pub use cut::MARK;
pub use moves::{Event, EventName, TRANSITIONS, Transition, Who};
pub use policy::Policy;
pub use rendition::{Line, RedactionError, Rendition, render};
pub use state::{Passed, Review, State};
pub use step::{Caller, Facts, Refusal, step};
pub use table::{diagram, permissions};
pub use twins::{Folded, Sought, Waiver};
pub use visible::{Present, Withheld, releasable, visible};
