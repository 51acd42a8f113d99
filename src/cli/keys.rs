//! `anteroom keys`: what every key does, from the list that the screen's help is drawn from.

use std::io::Write;
use std::path::PathBuf;

use super::{Exit, Failure};
use crate::tui::action::Place;
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

/// The keys as a Markdown table: what works everywhere once, then each place's own.
pub fn table(keymap: &Keymap) -> String {
    let lines = keymap.table(false);
    let common = |keys: &str, sentence: &str| {
        lines.iter().filter(|(_, other, about)| other == keys && *about == sentence).count()
            > lines_of_places(&lines) / 2
    };
    let mut rows: Vec<(&str, &str, &str)> = Vec::new();
    for (place, keys, sentence) in &lines {
        let here = if common(keys, sentence) { "almost everywhere" } else { place.words() };
        if !keys.is_empty() && !rows.contains(&(here, keys, sentence)) {
            rows.push((here, keys, sentence));
        }
    }
    rows.sort_by_key(|(here, ..)| *here != "almost everywhere");
    let mut table = String::from("| where | keys | what they do |\n| --- | --- | --- |\n");
    let mut last = "";
    for (here, keys, sentence) in rows {
        let place = if here == last { "" } else { here };
        last = here;
        table.push_str(&format!("| {place} | {} | {sentence} |\n", keys.replace('|', "\\|")));
    }
    table
}

fn lines_of_places(lines: &[(Place, String, &'static str)]) -> usize {
    let mut places: Vec<&str> = lines.iter().map(|(place, ..)| place.words()).collect();
    places.dedup();
    places.len()
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
