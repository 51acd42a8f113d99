//! `anteroom show`: one entry with its findings.

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Opened, Reply, Request, TwinWhy};

/// Shows one entry with its findings.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The entry's identifier, or the beginning of it
    entry: String,
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. The read is in the log.
///
/// # Errors
/// When there is no such entry, or the caller reads no records.
pub async fn run(args: &ShowArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = match practice.entry(&args.entry).await {
        Ok(entry) => practice.ask(Request::Open { entry }).await,
        Err(failure) => Err(failure),
    };
    practice.leave().await;
    let Reply::Entry(opened) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &opened).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&opened, &mut out)?;
    }
    Ok(Exit::Ok)
}

fn print(opened: &Opened, out: &mut impl Write) -> std::io::Result<()> {
    let (row, patient) = (&opened.row, &opened.patient);
    writeln!(out, "{}  {}  {}", shown(&patient.name), patient.sex_age, row.entry)?;
    writeln!(out, "{}  {}  {}", shown(&row.title), shown(&row.author), row.state.name())?;
    let at = |moment: DateTime<Utc>| moment.with_timezone(&London).format("%a %-d %b %Y %H:%M").to_string();
    writeln!(
        out,
        "entered {} → pulled {} → {}",
        row.recorded.map_or("at an unknown time".to_owned(), at),
        at(row.waiting_since),
        opened.decisions.last().map_or("not decided".to_owned(), |decision| format!("decided {}", at(decision.at)))
    )?;
    for part in &opened.version.parts {
        writeln!(out)?;
        let lead: Vec<&str> = [&part.heading, &part.display, &part.value]
            .into_iter()
            .map(String::as_str)
            .filter(|s| !s.is_empty())
            .collect();
        writeln!(out, "  {}", shown(&lead.join("  ")))?;
        for line in shown(&part.text).as_str().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(out)?;
    for finding in &opened.screening.findings {
        writeln!(
            out,
            "  {} {}: {}",
            "▲".repeat(usize::from(u8::from(finding.tier))),
            finding.category.words(),
            finding.why
        )?;
    }
    for twin in &opened.twins {
        let what = match twin.why {
            TwinWhy::ShowsTheSame => "the same words stand in",
            TwinWhy::WithheldThere => "these words are withheld in",
        };
        let waived = if twin.waived { ", named as considered" } else { "" };
        let row = &twin.row;
        writeln!(
            out,
            "  {what} {}  {}  {}  {}{waived}",
            row.entry,
            shown(&row.patient_name),
            shown(&row.title),
            row.state.name()
        )?;
    }
    Ok(())
}
