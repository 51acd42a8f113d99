//! `anteroom keys`: what every key does, from the list that the screen's help is drawn from.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use etcetera::BaseStrategy;

use super::{Exit, Failure};
use crate::tui::action::Place;
use crate::tui::keymap::Keymap;

/// Which keys do what.
#[derive(Debug, Default, clap::Args)]
pub struct MapArgs {
    /// default, vim or emacs [default: as the file of your own says with map = "…", or default]
    #[arg(long = "map", env = "ANTEROOM_MAP", value_name = "NAME")]
    name: Option<String>,
    /// A file with keys of your own, laid over the map key by key [default: keymap.toml in the folder anteroom of
    /// your configuration, where there is one]
    #[arg(long = "keymap", env = "ANTEROOM_KEYMAP", value_name = "FILE")]
    file: Option<PathBuf>,
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
    let (keymap, mistakes) = keymap(&args.map)?;
    write!(out, "{}", table(&keymap))?;
    match mistakes.as_slice() {
        [] => Ok(Exit::Ok),
        mistakes => Err(Failure(Exit::Found, mistakes.join("\n"))),
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

/// The map that is asked for, with the user's own keys over it, and every mistake in these.
///
/// Whoever comes in over SSH with a forced command gives no arguments: their file is found by itself.
///
/// # Errors
/// When there is no such map, or the file that was named cannot be read.
pub fn keymap(args: &MapArgs) -> Result<(Keymap, Vec<String>), Failure> {
    let found = args.file.clone().or_else(own_file);
    let text = match found.as_ref().map(std::fs::read_to_string) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(error)) if args.file.is_none() && error.kind() == ErrorKind::NotFound => None,
        Some(Err(error)) => {
            let file = found.unwrap_or_default();
            return Err(Failure(Exit::Unreachable, format!("{} cannot be read: {error}", file.display())));
        }
    };
    let asked = args.name.clone().or_else(|| text.as_deref().and_then(Keymap::laid_over));
    let name = asked.as_deref().unwrap_or("default");
    let known = Keymap::named(name);
    if let (None, Some(name)) = (&known, &args.name) {
        return Err(Failure::wrong_use(format!("there is no map {name}: there are default, vim and emacs")));
    }
    // A name that only the file gives is one of its mistakes.
    let mut keymap = known.or_else(|| Keymap::named("default")).unwrap_or_default();
    let (Some(file), Some(text)) = (found, text) else { return Ok((keymap, Vec::new())) };
    let mistakes = keymap.merge(&file.display().to_string(), &text);
    Ok((keymap, mistakes.iter().map(ToString::to_string).collect()))
}

/// Where the user's own keys stand if they have any.
fn own_file() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("anteroom").join("keymap.toml"))
}
