//! `anteroom eval`: how well screening does on labelled texts, with exact intervals.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use super::{Exit, rules::load};
use crate::record::{Category, Lane, Span};
use crate::review::quality::Share;
use crate::screen::{Rules, TextItem};

/// Measures screening on labelled JSON Lines (`text` with «…» around what must go, `label`, `category`, `difficulty`).
#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    /// Labelled files; standard input when none is given
    pub files: Vec<PathBuf>,
    /// One JSON object for machines
    #[arg(long)]
    pub json: bool,
    /// Use the packs in this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Only this part of the entries
    #[arg(long, value_enum)]
    pub part: Option<Part>,
    /// Print the id of every missed hold and every false hold
    #[arg(long)]
    pub misses: bool,
}

/// Which part of labelled entries to use. A fifth is held back from training, by the first byte of the SHA-256 of
/// the pair's name, or of the entry's where it has no twin, so that twins stay together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Four fifths, to train and tune on
    Training,
    /// The fifth that training must not see
    HeldBack,
}

impl Part {
    fn of(name: &str) -> Self {
        let byte = sha2::Sha256::digest(name.as_bytes()).first().copied().unwrap_or_default();
        if byte.is_multiple_of(5) { Self::HeldBack } else { Self::Training }
    }
}

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default = "other")]
    kind: String,
    text: String,
    label: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    difficulty: String,
    #[serde(default)]
    pair: Option<String>,
}

fn other() -> String {
    "other".to_owned()
}

/// A labelled entry, without its marks.
pub(super) struct Labelled {
    id: String,
    kind: String,
    /// The text as it is screened.
    pub text: String,
    /// What must go so that the rest is safe.
    pub marked: Vec<Span>,
    /// `None` where two clinicians would differ.
    pub should_hold: Option<bool>,
    /// What it is about, if it is to be held.
    pub category: Option<Category>,
    groups: [String; 2],
    pair: Option<String>,
}

impl Labelled {
    /// Whether it belongs to `part`; everything does when none is asked for.
    pub fn belongs_to(&self, part: Option<Part>) -> bool {
        part.is_none_or(|part| part == Part::of(self.pair.as_ref().unwrap_or(&self.id)))
    }
}

/// Reads one labelled line.
pub(super) fn labelled(line: &str) -> Result<Labelled, &'static str> {
    let line: Line = serde_json::from_str(line).map_err(|_| "not a labelled entry; give id, text and label")?;
    let should_hold = match line.label.as_str() {
        "hold" => Some(true),
        "clear" => Some(false),
        "either" => None,
        _ => return Err("the label is not hold, clear or either"),
    };
    let (text, marked) = unmark(&line.text);
    Ok(Labelled {
        id: line.id,
        kind: line.kind,
        text,
        marked,
        should_hold,
        category: serde_json::from_value(line.category.as_str().into()).ok(),
        groups: [format!("category {}", line.category), format!("difficulty {}", line.difficulty)],
        pair: line.pair,
    })
}

/// Counts for one group of entries.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    holds: u64,
    held: u64,
    held_or_skimmed: u64,
    clears: u64,
    false_held: u64,
    false_held_or_skimmed: u64,
    marked: u64,
    covered: u64,
    taken: u64,
    pairs: u64,
    pairs_right: u64,
}

#[derive(Serialize)]
struct Figures {
    recall_hold: Share,
    recall_hold_or_skim: Share,
    false_hold: Share,
    false_hold_or_skim: Share,
    /// Marked bytes that the suggested removals cover, of all marked bytes of holds.
    removal_cover: f64,
    /// Bytes that they take, for each marked byte, over the holds that were held.
    removal_size: f64,
    /// Pairs of which the hold is held and the clear one is not.
    pairs_right: Share,
}

/// What a threshold of the model would do, beside the rules.
#[derive(Serialize)]
struct Point {
    /// The score from which on a text is caught.
    score: f32,
    /// Disclosures that neither the rules nor the model catch.
    missed: Share,
    /// Texts without one that are caught, and so read for nothing.
    read: Share,
}

#[derive(Serialize)]
struct Report {
    rules: String,
    all: Figures,
    /// What is missed against how much is read, from the strictest threshold to the widest.
    curve: Vec<Point>,
    groups: BTreeMap<String, Figures>,
    errors: Vec<String>,
}

/// Runs the command.
pub fn run(args: &EvalArgs, mut input: impl BufRead, mut out: impl Write, mut err: impl Write) -> Exit {
    let rules = match load(args.rules.as_deref()) {
        Ok(rules) => rules,
        Err(why) => return Exit::fail(&mut err, Exit::WrongUse, &why),
    };
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut read = |name: &str, text: std::io::Result<String>| -> Result<(), String> {
        let text = text.map_err(|error| format!("{name}: {error}; give a file of labelled JSON Lines"))?;
        lines.extend(text.lines().enumerate().map(|(n, line)| (format!("{name} line {}", n + 1), line.to_owned())));
        Ok(())
    };
    let result = if args.files.is_empty() {
        let mut text = String::new();
        let result = input.read_to_string(&mut text).map(|_| text);
        read("standard input", result)
    } else {
        args.files.iter().try_for_each(|path| read(&path.display().to_string(), std::fs::read_to_string(path)))
    };
    if let Err(why) = result {
        return Exit::fail(&mut err, Exit::Unreachable, &why);
    }
    let (report, misses) = measure(&rules, &lines, args.part);
    let written = if args.json {
        writeln!(out, "{}", serde_json::to_string(&report).unwrap_or_default())
    } else {
        print(&report, &mut out)
    };
    let written = written
        .and_then(|()| if args.misses { misses.iter().try_for_each(|miss| writeln!(out, "{miss}")) } else { Ok(()) });
    match written {
        Ok(()) if report.errors.is_empty() => Exit::Ok,
        Ok(()) => Exit::Found,
        Err(error) => Exit::fail(&mut err, Exit::Unreachable, &format!("could not write: {error}")),
    }
}

fn measure(rules: &Rules, lines: &[(String, String)], part: Option<Part>) -> (Report, Vec<String>) {
    let mut groups: BTreeMap<String, Counts> = BTreeMap::new();
    let mut pairs: BTreeMap<String, [Option<Lane>; 2]> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut misses = Vec::new();
    let mut weighed: Vec<(bool, Lane, f32)> = Vec::new();
    for (place, line) in lines {
        let entry = match labelled(line) {
            Ok(entry) => entry,
            Err(why) => {
                errors.push(format!("{place}: {why}"));
                continue;
            }
        };
        let Some(should_hold) = entry.should_hold.filter(|_| entry.belongs_to(part)) else { continue };
        let marked = entry.marked;
        let item = TextItem { kind: entry.kind, text: entry.text, codes: Vec::new() };
        let screening = rules.screen(&item);
        let (by_rules, score) = rules.weighed(&item);
        weighed.push((should_hold, by_rules, score));
        let lane = screening.verdict;
        let mut counts = Counts::default();
        if should_hold {
            counts.holds = 1;
            counts.held = u64::from(lane == Lane::Hold);
            counts.held_or_skimmed = u64::from(lane != Lane::Clear);
            if lane != Lane::Clear {
                counts.marked = marked.iter().map(|span| span.len() as u64).sum();
                counts.covered = overlap(&marked, &screening.remove);
                counts.taken = screening.remove.iter().map(|span| span.len() as u64).sum();
            }
        } else {
            counts.clears = 1;
            counts.false_held = u64::from(lane == Lane::Hold);
            counts.false_held_or_skimmed = u64::from(lane != Lane::Clear);
        }
        if should_hold != (lane == Lane::Hold) {
            let rules: Vec<&str> = screening.matches.iter().map(|found| found.rule.as_str()).collect();
            misses.push(format!(
                "{} {} {lane:?} {}",
                if should_hold { "missed" } else { "false" },
                entry.id,
                rules.join(" ")
            ));
        }
        if let Some(pair) = entry.pair {
            let slot = pairs.entry(pair).or_default();
            if let Some(slot) = slot.get_mut(usize::from(should_hold)) {
                *slot = Some(lane);
            }
        }
        for group in std::iter::once("all".to_owned()).chain(entry.groups) {
            groups.entry(group).or_default().add(counts);
        }
    }
    let mut all = groups.remove("all").unwrap_or_default();
    for lanes in pairs.values() {
        if let [Some(clear), Some(hold)] = lanes {
            all.pairs += 1;
            all.pairs_right += u64::from(*hold == Lane::Hold && *clear != Lane::Hold);
        }
    }
    let groups = groups.into_iter().map(|(name, counts)| (name, counts.figures())).collect();
    let curve = curve(&weighed);
    (Report { rules: rules.version().to_owned(), all: all.figures(), curve, groups, errors }, misses)
}

/// Thresholds of the curve, in steps of a half.
const STEPS: std::ops::RangeInclusive<i8> = -8..=8;

fn curve(weighed: &[(bool, Lane, f32)]) -> Vec<Point> {
    let point = |step: i8| {
        let score = f32::from(step) / 2.0;
        let caught = |lane: Lane, found: f32| lane == Lane::Hold || found >= score;
        let count = |of: bool, is: bool| {
            weighed.iter().filter(|(hold, lane, found)| *hold == of && caught(*lane, *found) == is).count() as u64
        };
        let (held, missed, read, left) =
            (count(true, true), count(true, false), count(false, true), count(false, false));
        Point { score, missed: Share::of(missed, held + missed), read: Share::of(read, read + left) }
    };
    STEPS.rev().map(point).collect()
}

/// The text without its «…» marks, and where the marked stretches are.
fn unmark(text: &str) -> (String, Vec<Span>) {
    let mut plain = String::with_capacity(text.len());
    let mut marked = Vec::new();
    let mut start = None;
    for c in text.chars() {
        match c {
            '«' => start = Some(plain.len()),
            '»' => marked.extend(start.take().map(|start| Span::new(start, plain.len()))),
            c => plain.push(c),
        }
    }
    (plain, marked)
}

fn overlap(a: &[Span], b: &[Span]) -> u64 {
    let common = |a: &Span, b: &Span| a.end.min(b.end).saturating_sub(a.start.max(b.start)) as u64;
    a.iter().map(|a| b.iter().map(|b| common(a, b)).sum::<u64>()).sum()
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.holds += other.holds;
        self.held += other.held;
        self.held_or_skimmed += other.held_or_skimmed;
        self.clears += other.clears;
        self.false_held += other.false_held;
        self.false_held_or_skimmed += other.false_held_or_skimmed;
        self.marked += other.marked;
        self.covered += other.covered;
        self.taken += other.taken;
    }

    fn figures(&self) -> Figures {
        let ratio = |a: u64, b: u64| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        Figures {
            recall_hold: Share::of(self.held, self.holds),
            recall_hold_or_skim: Share::of(self.held_or_skimmed, self.holds),
            false_hold: Share::of(self.false_held, self.clears),
            false_hold_or_skim: Share::of(self.false_held_or_skimmed, self.clears),
            removal_cover: ratio(self.covered, self.marked),
            removal_size: ratio(self.taken, self.marked),
            pairs_right: Share::of(self.pairs_right, self.pairs),
        }
    }
}

fn print(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let show = |share: &Share| {
        format!("{:4}/{:<4} {:.3} [{:.3} {:.3}]", share.hits, share.of, share.share, share.low, share.high)
    };
    writeln!(out, "rules {}", report.rules)?;
    for (name, figures) in
        std::iter::once(("all", &report.all)).chain(report.groups.iter().map(|(n, f)| (n.as_str(), f)))
    {
        writeln!(out, "{name}")?;
        if figures.recall_hold.of > 0 {
            writeln!(
                out,
                "  recall       hold {}   hold or skim {}",
                show(&figures.recall_hold),
                show(&figures.recall_hold_or_skim)
            )?;
            writeln!(
                out,
                "  removal      covers {:.3} of marked bytes, takes {:.2} times as many",
                figures.removal_cover, figures.removal_size
            )?;
        }
        if figures.false_hold.of > 0 {
            writeln!(
                out,
                "  false        hold {}   hold or skim {}",
                show(&figures.false_hold),
                show(&figures.false_hold_or_skim)
            )?;
        }
        if figures.pairs_right.of > 0 {
            writeln!(out, "  pairs right  {}", show(&figures.pairs_right))?;
        }
    }
    writeln!(out, "curve: what rules and model miss, and what they catch for nothing, by the model's threshold")?;
    for point in &report.curve {
        writeln!(
            out,
            "  from {:4.1}  missed {}   for nothing {}",
            point.score,
            show(&point.missed),
            show(&point.read)
        )?;
    }
    report.errors.iter().try_for_each(|error| writeln!(out, "{error}"))
}
