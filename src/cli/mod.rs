//! One file a command.

use std::io::Write;

pub mod context;
pub mod eval;
pub mod rules;
pub mod screen;
pub mod train;

/// How a command ends: its exit code (design §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Done, and found something.
    Found = 1,
    /// Asked for in a way that cannot be done.
    WrongUse = 2,
    /// Could not reach or read something.
    Unreachable = 3,
}

impl Exit {
    /// Says why on `err` in one sentence, and ends with `exit`.
    pub fn fail(err: &mut impl Write, exit: Self, why: &str) -> Self {
        // Where the error stream is closed there is nobody left to tell.
        let _ = writeln!(err, "anteroom: {why}");
        exit
    }
}
