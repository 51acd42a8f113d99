//! What an EMIS Web extract folder says, seen through `Source`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod demonstration;
mod extract;
mod further;
mod packed;
mod rows;
mod versions;
