//! What a batch of SystmOne tables says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod kit;
mod lines;
mod manifest;
mod people;
mod tables;
mod versions;
