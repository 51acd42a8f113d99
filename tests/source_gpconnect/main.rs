//! What GP Connect bundles say, seen through `Source` and in a practice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundle;
mod damage;
#[path = "../kit/mod.rs"]
mod kit;
mod lines;
mod published;
