//! `anteroom train`: the model of sentences, from labelled files, the same to the byte every time.

use std::io::Write;
use std::path::PathBuf;

use super::Exit;
use super::eval::{Part, labelled};
use super::rules::load_untrained;
use crate::record::Category;
use crate::screen::{Features, Lesson};

/// Trains the model of sentences from labelled JSON Lines.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// Labelled files, as `eval` reads them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where to write the model
    #[arg(long, value_name = "MODEL")]
    pub out: PathBuf,
    /// Train on this part of the entries only
    #[arg(long, value_enum)]
    pub part: Option<Part>,
    /// Use the packs in this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &TrainArgs, mut out: impl Write, mut err: impl Write) -> Exit {
    let rules = match load_untrained(args.rules.as_deref()) {
        Ok(rules) => rules,
        Err(why) => return Exit::fail(&mut err, Exit::WrongUse, &why),
    };
    let mut texts = Vec::new();
    let mut record =
        "A model of sentences for screening, written by `anteroom train`; do not edit. Trained on:\n".to_owned();
    for path in &args.files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return Exit::fail(&mut err, Exit::Unreachable, &format!("{}: {error}", path.display())),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let digest = blake3::hash(text.as_bytes()).to_hex();
        let before = texts.len();
        for (number, line) in text.lines().enumerate() {
            match labelled(line) {
                Ok(entry) if !entry.belongs_to(args.part) => {}
                Ok(entry) => texts.extend(entry.should_hold.map(|hold| {
                    let marked = if hold { entry.marked } else { Vec::new() };
                    let category = entry.category.unwrap_or(Category::DomesticAbuse);
                    Lesson { text: entry.text, marked, category }
                })),
                Err(why) => {
                    return Exit::fail(
                        &mut err,
                        Exit::WrongUse,
                        &format!("{} line {}: {why}", path.display(), number + 1),
                    );
                }
            }
        }
        record.push_str(&format!(
            "{name}: {} entries, BLAKE3 {}\n",
            texts.len() - before,
            digest.get(..16).unwrap_or_default()
        ));
    }
    let model = rules.train(&texts, Features::Content, &record);
    let written = std::fs::write(&args.out, &model).and_then(|()| {
        writeln!(
            out,
            "{}: {} features from {} entries",
            args.out.display(),
            model.lines().filter(|line| !line.starts_with('#')).count(),
            texts.len()
        )
    });
    match written {
        Ok(()) => Exit::Ok,
        Err(error) => Exit::fail(
            &mut err,
            Exit::Unreachable,
            &format!("{}: {error}; name a place that can be written", args.out.display()),
        ),
    }
}
