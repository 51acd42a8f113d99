//! What is measured and what is looked for elsewhere, through the real service: twins, samples, agreement.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
#[path = "../kit/mod.rs"]
mod kit;
mod sampling;
mod twins;
