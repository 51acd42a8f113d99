//! Arguments → one command → exit code; nothing else.

fn main() {}
