//! `anteroom man`: the manual page, commands from the parser and keys from the list of actions.

use std::io::Write;

use clap::CommandFactory;

use super::{Arguments, Exit, Failure};
use crate::tui::action::Place;
use crate::tui::keymap::Keymap;
use crate::tui::words;

/// Prints the manual page.
///
/// # Errors
/// When the output fails.
pub fn run(mut out: impl Write) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(Arguments::command());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    page.extend(keys(&Keymap::named("default").unwrap_or_default()).into_bytes());
    out.write_all(&page)?;
    Ok(Exit::Ok)
}

/// The keys of every place as a section of the page.
fn keys(keymap: &Keymap) -> String {
    let mut out = String::from(".SH KEYS\n");
    let mut last: Option<Place> = None;
    for (place, keys, sentence) in keymap.table(true).into_iter().filter(|(_, keys, _)| !keys.is_empty()) {
        if last.replace(place) != Some(place) {
            out.push_str(&format!(".SS {}\n", words::capital(place.words())));
        }
        out.push_str(&format!(".TP\n\\fB\\&{}\\fR\n\\&{}\n", escaped(&keys), escaped(sentence)));
    }
    out
}

/// As roff reads it: a backslash and a hyphen mean something there.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
