//! `anteroom rules`: check, list and explain the packs.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use super::Exit;
use crate::record::Category;
use crate::screen::{Rules, TextItem};
use crate::service::{PACKS, REFSETS, SILENCES};

/// Checks, lists and explains the screening rules.
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    /// What to do
    #[command(subcommand)]
    pub what: RulesCommand,
    /// Use the packs in this folder instead of the built-in ones
    #[arg(long, value_name = "DIR", global = true)]
    pub rules: Option<PathBuf>,
}

/// What to do with the rules.
#[derive(Debug, clap::Subcommand)]
pub enum RulesCommand {
    /// Compile the packs and try every rule on its examples
    Check,
    /// List the rules
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show step by step why a text is held, skimmed or cleared
    Explain {
        /// The text; standard input when absent, so that no clinical words stand among the arguments
        text: Option<String>,
    },
}

/// Runs the command.
pub fn run(args: &RulesArgs, mut input: impl BufRead, mut out: impl Write, mut err: impl Write) -> Exit {
    let rules = match load(args.rules.as_deref()) {
        Ok(rules) => rules,
        Err(why) => return Exit::fail(&mut err, Exit::WrongUse, &why),
    };
    let written = match &args.what {
        RulesCommand::Check => {
            let slips = rules.check();
            let result = slips.iter().try_for_each(|slip| writeln!(out, "{slip}"));
            let count = rules.list().count();
            match result
                .and_then(|()| writeln!(out, "{count} rules, {} slips, version {}", slips.len(), rules.version()))
            {
                Ok(()) if !slips.is_empty() => return Exit::Found,
                other => other,
            }
        }
        RulesCommand::List { json } => rules.list().try_for_each(|rule| {
            if *json {
                writeln!(out, "{}", serde_json::to_string(rule).unwrap_or_default())
            } else {
                writeln!(out, "{:34} tier {}  {:26} {}", rule.id, u8::from(rule.tier), rule.category.words(), rule.why)
            }
        }),
        RulesCommand::Explain { text } => {
            let mut given = String::new();
            let text = match text {
                Some(text) => text,
                None => {
                    if let Err(error) = input.read_to_string(&mut given) {
                        return Exit::fail(
                            &mut err,
                            Exit::Unreachable,
                            &format!("standard input: {error}; give UTF-8 text"),
                        );
                    }
                    &given
                }
            };
            explain(&rules, text, &mut out)
        }
    };
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => Exit::fail(&mut err, Exit::Unreachable, &format!("could not write: {error}")),
    }
}

fn explain(rules: &Rules, text: &str, out: &mut impl Write) -> std::io::Result<()> {
    for step in rules.explain(text) {
        writeln!(out, "{step}")?;
    }
    let item = TextItem { kind: "other".to_owned(), text: text.to_owned(), codes: Vec::new() };
    let screening = rules.screen(&item);
    for found in &screening.matches {
        let words = found.span.of(text).unwrap_or_default();
        writeln!(out, "{:34} tier {}  “{words}” – {}", found.rule, u8::from(found.tier), found.why)?;
    }
    for span in &screening.remove {
        writeln!(out, "take out: “{}”", span.of(text).unwrap_or_default())?;
    }
    writeln!(out, "{}, tier {}", format!("{:?}", screening.verdict).to_lowercase(), u8::from(screening.tier))
}

/// The packs in `folder`, or the built-in ones.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub fn load(folder: Option<&Path>) -> Result<Rules, String> {
    folder.map_or_else(|| Ok(Rules::built_in()), |folder| load_packs(folder, &["toml", "tsv"]))
}

/// The same without the model, to train one.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub fn load_untrained(folder: Option<&Path>) -> Result<Rules, String> {
    folder.map_or_else(|| Rules::untrained().map_err(|error| error.to_string()), |folder| load_packs(folder, &["toml"]))
}

/// The rules with the reference set in `path`.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub fn with_refset(rules: Rules, path: &Path) -> Result<Rules, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}; name a file", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let category = serde_json::from_value(name.as_ref().into()).unwrap_or(Category::DomesticAbuse);
    rules.with_refset(&name, category, &text).map_err(|error| error.to_string())
}

/// The rules of a practice whose state is in `folder`: the built-in ones, its own packs (`packs/*.toml`), less what its
/// `rules.toml` silences, with the reference sets in `refsets/`.
///
/// # Errors
/// One sentence that names the file and what is wrong. A practice whose rules cannot be read must not start.
pub fn of_practice(folder: &Path) -> Result<Rules, String> {
    let own = match folder.join(PACKS).is_dir() {
        true => texts(&folder.join(PACKS), &["toml"])?,
        false => Vec::new(),
    };
    let own: Vec<(&str, &str)> = own.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut rules = if own.is_empty() {
        Rules::built_in()
    } else {
        Rules::with_packs(&own).map_err(|error| format!("packs: {error}"))?
    };
    let silences = folder.join(SILENCES);
    if silences.is_file() {
        let text = std::fs::read_to_string(&silences).map_err(|error| format!("{}: {error}", silences.display()))?;
        rules = rules.silencing(&text).map_err(|error| error.to_string())?;
    }
    let refsets = folder.join(REFSETS);
    if refsets.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&refsets)
            .map_err(|error| format!("{}: {error}", refsets.display()))?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .collect();
        files.sort();
        rules = files.iter().try_fold(rules, |rules, path| with_refset(rules, path))?;
    }
    Ok(rules)
}

fn load_packs(folder: &Path, extensions: &[&str]) -> Result<Rules, String> {
    let place = folder.display();
    let files = texts(folder, extensions)?;
    if files.is_empty() {
        return Err(format!("{place}: there is no pack (*.toml) in this folder; name another"));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Rules::parse(&files).map_err(|error| format!("{place}: {error}"))
}

/// The names and texts of the files in `folder` with one of these endings, in the order of their names.
fn texts(folder: &Path, extensions: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}; name a folder of packs", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
    };
    paths.into_iter().map(read).collect()
}
