//! How far the figures can be trusted: what screening may have missed, how readers agree, and with what bounds.
//!
//! Counts in, figures out. Every share comes with the exact interval that holds it, because with few readings
//! "none missed" says little: none of 300 still allows one in a hundred.

mod agreement;
mod funnel;
mod kappa;
mod missed;
mod pairs;
mod share;
mod tokens;

pub use agreement::{Agreement, Proportion, Reading, Verdict};
pub use funnel::{Kind, Standing, funnel};
pub use kappa::{Coefficient, FEWEST, Greyed, RAREST, Weights, ac1, cohen, shown};
pub use missed::{Missed, Sampled, missed};
pub use pairs::{Pair, most_frequent};
pub use share::{Share, lower, upper};
pub use tokens::{Overlap, overlap};
