//! The rules of review, driven through their public doors: every interleaving of a few people (exhaustively),
//! and long random histories with changing clocks, policies and sources, judged by a model of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod guards;
mod histories;
mod interleavings;
mod kit;
mod leases;
mod policy;
mod practice;
mod quality;
#[path = "../kit/mod.rs"]
mod service_kit;
mod table;
mod world;
