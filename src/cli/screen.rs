//! `anteroom screen`: JSON Lines in, one verdict a line out, in order.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Exit;
use super::rules::{load, with_refset};
use crate::record::{Code, CodeSystem};
use crate::screen::{Rules, TextItem, TextScreening};

/// Screens texts given as JSON Lines `{"id","kind","text","codes":[{"system","code"}]}`.
#[derive(Debug, clap::Args)]
pub struct ScreenArgs {
    /// Files to read instead of standard input
    pub files: Vec<PathBuf>,
    /// Use the packs in this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Also hold the SNOMED CT concepts of this reference set (release format 2, or one identifier a line). A file
    /// named after a category, as in `child_safeguarding.txt`, is about that one; any other, about domestic abuse
    #[arg(long, value_name = "FILE")]
    pub refset: Vec<PathBuf>,
    /// How many threads to use
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
}

/// The longest line that is read, in bytes. A longer one gives an error in its place and memory stays constant.
const LONGEST_LINE: usize = 16 << 20;

/// About how many bytes are handed out to the threads at a time.
const BATCH: usize = 1 << 20;

/// Runs the command.
pub fn run(args: &ScreenArgs, input: impl BufRead, mut out: impl Write, mut err: impl Write) -> Exit {
    let rules = match load(args.rules.as_deref()) {
        Ok(rules) => rules,
        Err(why) => return Exit::fail(&mut err, Exit::WrongUse, &why),
    };
    let rules = match args.refset.iter().try_fold(rules, |rules, path| with_refset(rules, path)) {
        Ok(rules) => rules,
        Err(why) => return Exit::fail(&mut err, Exit::WrongUse, &why),
    };
    let mut exit = Exit::Ok;
    let mut answer = |lines: &[Line]| -> io::Result<()> {
        for (text, bad) in answers(&rules, lines, args.jobs) {
            if bad {
                exit = Exit::Found;
            }
            out.write_all(&text)?;
        }
        out.flush()
    };
    let result = if args.files.is_empty() {
        each_batch(input, &mut answer)
    } else {
        args.files.iter().try_for_each(|path| {
            let file = std::fs::File::open(path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            each_batch(file, &mut answer)
        })
    };
    match result {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => Exit::fail(&mut err, Exit::Unreachable, &format!("{error}; check the file and try again")),
    }
}

/// A line of the input, counted from 1.
struct Line {
    number: usize,
    /// Its bytes without the line end; `None` when it was too long to read.
    bytes: Option<Vec<u8>>,
}

/// Hands over the lines of `input` as they come, in batches; never waits for more while it holds a whole line.
fn each_batch(input: impl Read, answer: &mut impl FnMut(&[Line]) -> io::Result<()>) -> io::Result<()> {
    let mut input = io::BufReader::with_capacity(BATCH, input);
    let mut number = 0;
    let mut begun: Vec<u8> = Vec::new();
    let mut too_long = false;
    loop {
        let chunk = input.fill_buf()?;
        let (size, at_end) = (chunk.len(), chunk.is_empty());
        let mut lines = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (piece, whole) = piece.strip_suffix(b"\n").map_or((piece, false), |piece| (piece, true));
            if begun.len() + piece.len() > LONGEST_LINE {
                too_long = true;
                begun = Vec::new();
            }
            if !too_long {
                begun.extend_from_slice(piece);
            }
            if whole {
                number += 1;
                lines.push(Line { number, bytes: (!too_long).then(|| std::mem::take(&mut begun)) });
                too_long = false;
            }
        }
        if at_end && (too_long || !begun.is_empty()) {
            lines.push(Line { number: number + 1, bytes: (!too_long).then(|| std::mem::take(&mut begun)) });
        }
        input.consume(size);
        if !lines.is_empty() {
            answer(&lines)?;
        }
        if at_end {
            return Ok(());
        }
    }
}

/// One answer a line, in order, with whether the line was bad.
fn answers(rules: &Rules, lines: &[Line], jobs: usize) -> Vec<(Vec<u8>, bool)> {
    let share = lines.len().div_ceil(jobs.max(1)).max(1);
    if share >= lines.len() {
        return lines.iter().map(|line| answer(rules, line)).collect();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = lines
            .chunks(share)
            .map(|chunk| (chunk, scope.spawn(move || chunk.iter().map(|line| answer(rules, line)).collect::<Vec<_>>())))
            .collect();
        threads
            .into_iter()
            .flat_map(|(chunk, thread)| {
                thread
                    .join()
                    .unwrap_or_else(|_| chunk.iter().map(|line| error(line, "could not be screened")).collect())
            })
            .collect()
    })
}

fn answer(rules: &Rules, line: &Line) -> (Vec<u8>, bool) {
    let Some(bytes) = &line.bytes else {
        return error(line, &format!("the line is longer than {LONGEST_LINE} bytes; split it"));
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return error(line, "the line is empty; give one JSON object a line");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return error(line, "the line is not UTF-8; convert it first");
    };
    match serde_json::from_str::<Item>(text) {
        Ok(item) => {
            let screening = rules.screen(&TextItem {
                kind: item.kind,
                text: item.text,
                codes: item.codes.into_iter().map(LineCode::code).collect(),
            });
            let mut text = serde_json::to_vec(&Answer { id: item.id, screening: &screening }).unwrap_or_default();
            text.push(b'\n');
            (text, false)
        }
        // The parser's own words may quote the text, which must not reach a log.
        Err(problem) => error(
            line,
            &format!(
                "the line is not an object with \"id\", \"kind\" and \"text\" as strings (column {}); correct it",
                problem.column()
            ),
        ),
    }
}

fn error(line: &Line, why: &str) -> (Vec<u8>, bool) {
    let mut text = serde_json::to_vec(&Refusal { line: line.number, error: why }).unwrap_or_default();
    text.push(b'\n');
    (text, true)
}

/// What stands in the place of a bad line.
#[derive(Serialize)]
struct Refusal<'a> {
    line: usize,
    error: &'a str,
}

#[derive(Deserialize)]
struct Item {
    id: serde_json::Value,
    kind: String,
    text: String,
    #[serde(default)]
    codes: Vec<LineCode>,
}

#[derive(Deserialize)]
struct LineCode {
    system: String,
    code: String,
    #[serde(default)]
    display: String,
}

impl LineCode {
    fn code(self) -> Code {
        let system = match self.system.to_lowercase().replace([' ', '-', '_'], "").as_str() {
            "snomed" | "snomedct" | "sct" | "http://snomed.info/sct" => CodeSystem::Snomed,
            "read2" | "readv2" | "read" => CodeSystem::Read2,
            "ctv3" | "read3" | "readv3" => CodeSystem::Ctv3,
            "loinc" | "http://loinc.org" => CodeSystem::Loinc,
            _ => CodeSystem::Local,
        };
        Code { system, code: self.code, display: self.display }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    id: serde_json::Value,
    #[serde(flatten)]
    screening: &'a TextScreening,
}
