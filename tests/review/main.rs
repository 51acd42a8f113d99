//! The rules of review: driven through their public doors (every interleaving of a few people, exhaustively, and
//! long random histories with changing clocks, policies and sources, judged by a model of its own), through the
//! real service, and measured. `properties.rs` says which test stands for which property and guard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
mod behind;
mod clocks;
mod decoys;
mod deliveries;
mod follows;
mod guards;
mod histories;
mod in_force;
mod interleavings;
mod kit;
mod lead;
mod leases;
mod order;
mod patients;
mod policy;
mod practice;
mod properties;
mod quality;
mod room;
mod sampling;
#[path = "../kit/mod.rs"]
mod service_kit;
mod source;
mod starts;
mod table;
mod twins;
mod two;
mod watched;
mod world;
