//! `anteroom keys`: what every key does, from the list that the screen's help is drawn from.

use std::io::Write;
use std::path::PathBuf;

use super::{Exit, Failure};
use crate::tui::keymap::Keymap;

/// Which keys do what.
#[derive(Debug, clap::Args)]
pub struct MapArgs {
    /// default, vim or emacs
    #[arg(long = "map", default_value = "default", value_name = "NAME")]
    name: String,
    /// A file with keys of your own, laid over the map key by key
    #[arg(long = "keymap", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Default for MapArgs {
    fn default() -> Self {
        Self { name: "default".into(), file: None }
    }
}

/// Prints the keys as a Markdown table.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {
    #[command(flatten)]
    map: MapArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such map, or the file cannot be read.
pub fn run(args: &KeysArgs, mut out: impl Write) -> Result<Exit, Failure> {
    let (keymap, notice) = keymap(&args.map)?;
    write!(out, "{}", table(&keymap))?;
    match notice {
        Some(mistake) => Err(Failure(Exit::Found, mistake)),
        None => Ok(Exit::Ok),
    }
}

/// The keys as a Markdown table.
pub fn table(keymap: &Keymap) -> String {
    let mut table = String::from("| where | keys | what they do |\n| --- | --- | --- |\n");
    let mut last = "";
    for (place, keys, sentence) in keymap.table(false) {
        let here = if place.words() == last { "" } else { place.words() };
        last = place.words();
        let keys = keys.replace('|', "\\|");
        table.push_str(&format!("| {here} | {keys} | {sentence} |\n"));
    }
    table
}

/// The map that the arguments name, with the user's own keys over it, and the first mistake in these.
///
/// # Errors
/// When there is no such map, or the file cannot be read.
pub fn keymap(args: &MapArgs) -> Result<(Keymap, Option<String>), Failure> {
    let mut keymap = Keymap::named(&args.name).ok_or_else(|| {
        Failure::wrong_use(format!("there is no map {}: there are default, vim and emacs", args.name))
    })?;
    let Some(file) = &args.file else { return Ok((keymap, None)) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure(Exit::Unreachable, format!("{} cannot be read: {error}", file.display())))?;
    let mistakes = keymap.merge(&file.display().to_string(), &text);
    Ok((keymap, mistakes.first().map(ToString::to_string)))
}
