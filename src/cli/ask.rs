//! Words that nobody may see, asked for on the terminal.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{Exit, Failure};

/// More than anybody types.
const MOST: u64 = 1024;

/// The terminal with its echo off; on again when dropped.
struct Silent {
    terminal: File,
    before: Termios,
}

impl Silent {
    fn new() -> std::io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        // Ctrl-C arrives as a character, so that it cannot leave the terminal silent.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
        let _ = self.terminal.write_all(b"\n");
    }
}

/// Asks for a passphrase, which does not show as it is typed.
///
/// # Errors
/// When there is no terminal, or it is left with Ctrl-C or Ctrl-D.
pub fn passphrase(question: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |why: &str| Failure(Exit::Unreachable, format!("a passphrase is needed, {why}"));
    let mut silent = Silent::new().map_err(|_| failed("and there is no terminal to ask for it: run this on one"))?;
    write!(silent.terminal, "{question} ")?;
    let mut line = Zeroizing::new(String::with_capacity(MOST as usize));
    BufReader::with_capacity(MOST as usize, &silent.terminal).take(MOST).read_line(&mut line)?;
    let words = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if words.is_empty() || words.contains('\x03') {
        return Err(failed("and none was given: nothing was changed"));
    }
    Ok(words)
}

/// Asks for a new passphrase, twice.
///
/// # Errors
/// As [`passphrase`], and when the two differ or are too short to protect anything.
pub fn new_passphrase(question: &str) -> Result<Zeroizing<String>, Failure> {
    let words = passphrase(question)?;
    if words.chars().count() < 12 {
        return Err(Failure::wrong_use("a passphrase has at least 12 characters: take four or more words"));
    }
    if passphrase("Again:")? != words {
        return Err(Failure::wrong_use("the two passphrases differ: nothing was changed"));
    }
    Ok(words)
}
