//! `anteroom report`: the figures of quality, each with how many it rests on and its bounds.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::reach::{garbled, reach};
use super::{Exit, Failure};
use crate::protocol::{AgreementReport, ClearingMode, ClearingReport, Reply, Request};
use crate::review::quality::{Agreement, Coefficient, Greyed, Missed, Proportion, Share};

/// Says how far readers agree, or what is missed of what clears by itself. Holds no clinical words and no names.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    #[command(subcommand)]
    what: What,
    /// One JSON object for machines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// How far two people agree who read the same entry
    Agreement,
    /// What was drawn, read and missed of what clears by itself
    Clearing,
}

/// Runs the command.
///
/// # Errors
/// When the practice cannot be reached.
pub async fn run(args: &ReportArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice
        .ask(match args.what {
            What::Agreement => Request::Agreement,
            What::Clearing => Request::Clearing,
        })
        .await;
    practice.leave().await;
    match reply? {
        Reply::Agreement(report) if args.json => json(&report, out),
        Reply::Clearing(report) if args.json => json(&report, out),
        Reply::Agreement(report) => {
            agreement(&report, &mut out)?;
            Ok(Exit::Ok)
        }
        Reply::Clearing(report) => {
            clearing(&report, &mut out)?;
            Ok(Exit::Ok)
        }
        _ => Err(garbled()),
    }
}

fn json(report: &impl Serialize, mut out: impl Write) -> Result<Exit, Failure> {
    serde_json::to_writer(&mut out, report).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(Exit::Ok)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn shown(share: &Share) -> String {
    format!(
        "{} of {}, {} [{} to {}]",
        share.hits,
        share.of,
        percent(share.share),
        percent(share.low),
        percent(share.high)
    )
}

/// What readers agree on, most dangerous first.
pub fn agreement(report: &AgreementReport, out: &mut impl Write) -> std::io::Result<()> {
    let Agreement { readings, unsafe_disagreement, on_hides, on_approves, kappa, kappa_ordinal, ac1, removals, .. } =
        &report.agreement;
    let proportion =
        |of: &Proportion| format!("{} [{} to {}] over {}", percent(of.value), percent(of.low), percent(of.high), of.of);
    let number = |of: &Coefficient| format!("{:.2} [{:.2} to {:.2}]", of.value, of.low, of.high);
    let or_why = |of: &Result<Coefficient, Greyed>| match of {
        Ok(of) => number(of),
        Err(why) => format!("– ({why})"),
    };
    writeln!(out, "{readings} entries decided by two people; limits hold 95 times in 100")?;
    writeln!(out, "one would show what the other hides  {}", shown(unsafe_disagreement))?;
    writeln!(out, "agreement on hides                   {}", proportion(on_hides))?;
    writeln!(out, "agreement on approvals               {}", proportion(on_approves))?;
    writeln!(out, "Cohen’s kappa                        {}", or_why(kappa))?;
    writeln!(out, "Cohen’s kappa, in order              {}", or_why(kappa_ordinal))?;
    writeln!(out, "Gwet’s AC1                           {}", ac1.as_ref().map_or("–".to_owned(), number))?;
    if let Some(dice) = removals.dice() {
        writeln!(out, "words of redactions, Dice            {dice:.2}")?;
        writeln!(out, "words only one of the two took out   {}", shown(&removals.under_redacted()))?;
    }
    for line in &report.reviewers {
        let standing = &line.standing;
        let outside = if standing.is_outside() { "  more than chance explains" } else { "" };
        writeln!(
            out,
            "{}: withheld {} of {}; such entries let expect {:.1} [{:.1} to {:.1}]{outside}",
            line.login, standing.withheld, standing.read, standing.expected, standing.low, standing.high
        )?;
    }
    if let Some(pair) = report.pair.as_ref().filter(|pair| pair.is_too_often()) {
        let [one, other] = &pair.logins;
        writeln!(
            out,
            "! {one} and {other} decided {} of the {} entries that took two people ({}), where 40 % is the most that one \
             pair should: let somebody else read second as well",
            pair.together,
            pair.of,
            percent(pair.share())
        )?;
    }
    Ok(())
}

/// What clears by itself, and what may be missed of it.
pub fn clearing(report: &ClearingReport, out: &mut impl Write) -> std::io::Result<()> {
    match (report.mode, &report.signed) {
        (ClearingMode::Unmeasured, _) => {
            return writeln!(
                out,
                "everything clears after its hold, and nobody learns what is missed: practice.toml says so"
            );
        }
        (ClearingMode::Signed, Some((login, at))) => {
            writeln!(out, "entries clear after their hold; signed by {login} on {}", at.date_naive())?;
        }
        _ => writeln!(
            out,
            "nothing clears by itself: {} of the {} entries were read that must be before the lead can sign",
            report.read, report.needed
        )?,
    }
    for stratum in &report.suspended {
        writeln!(out, "suspended: {stratum}")?;
    }
    if !report.look_back.is_empty() {
        writeln!(out, "{} entries like these were shown and need another look:", report.look_back.len())?;
        report.look_back.iter().try_for_each(|id| writeln!(out, "  {id}"))?;
    }
    for reader in &report.readers {
        writeln!(out, "{} noticed {} decoys", reader.login, shown(&reader.noticed))?;
    }
    for window in &report.windows {
        writeln!(out, "window {}, from {}", window.window, window.begins)?;
        for (name, missed) in [("nothing found", &window.clear), ("skimmed, passed", &window.skimmed)] {
            if missed.sampled.entries > 0 {
                writeln!(out, "  {name}: {}", bounded(missed, report.limit))?;
            }
        }
        for line in &window.strata {
            let sampled = &line.sampled;
            writeln!(
                out,
                "    {}: {} entries, {} drawn, {} read, {} missed, at most {}",
                line.stratum,
                sampled.entries,
                line.drawn,
                sampled.read,
                sampled.missed,
                percent(line.bound)
            )?;
        }
    }
    Ok(())
}

/// Never a count without its bound.
fn bounded(missed: &Missed, limit: f64) -> String {
    let sampled = &missed.sampled;
    let share = missed.share.map_or("not estimated".to_owned(), percent);
    let recall = missed.recall.map_or("–".to_owned(), percent);
    let sight = match &missed.sensitivity {
        Some(seen) => format!("readers saw {} decoys", shown(seen)),
        None => "readers taken to miss nothing".to_owned(),
    };
    format!(
        "{} of {} read were missed, of {} entries; share {share}, at most {} (limit {}); recall {recall}, at least {}; {sight}",
        sampled.missed,
        sampled.read,
        sampled.entries,
        percent(missed.bound),
        percent(limit),
        percent(missed.recall_bound)
    )
}
