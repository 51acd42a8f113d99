//! `anteroom pull`: a feed, now.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Pulled, Reply, Request};

/// Pulls a feed now.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    /// emis:FOLDER, tpp:FOLDER or tpp:ZIP, gpconnect:PATH, fhir:PATH or lines:PATH
    feed: String,
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when rows were set aside.
///
/// # Errors
/// When the feed cannot be read or the store takes no more.
pub async fn run(args: &PullArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let from = Some(absolute(&args.feed));
    let reply = practice.ask(Request::Pull { from }).await;
    practice.leave().await;
    let Reply::Pulled(pulled) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &pulled).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&pulled, &mut out)?;
    }
    Ok(if pulled.set_aside == 0 { Exit::Ok } else { Exit::Found })
}

/// The daemon may stand in another folder than the caller.
fn absolute(feed: &str) -> String {
    match feed.split_once(':') {
        Some((kind, path)) => match std::path::absolute(Path::new(path)) {
            Ok(path) => format!("{kind}:{}", path.display()),
            Err(_) => feed.to_owned(),
        },
        None => feed.to_owned(),
    }
}

fn print(pulled: &Pulled, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "pulled {}: {} lines, {} patients new or changed", pulled.source, pulled.parts, pulled.patients)?;
    writeln!(out, "entries: {} new, {} changed, {} deleted", pulled.new, pulled.changed, pulled.deleted)?;
    writeln!(
        out,
        "of these: {} to review, {} to skim, {} on hold without a finding, {} older than the online record",
        pulled.queued, pulled.to_skim, pulled.on_hold, pulled.not_open
    )?;
    if pulled.set_aside > 0 {
        writeln!(out, "set aside: {} rows", pulled.set_aside)?;
        for sentence in &pulled.set_aside_examples {
            writeln!(out, "  {}", shown(sentence))?;
        }
        if pulled.set_aside as usize > pulled.set_aside_examples.len() {
            writeln!(out, "  …")?;
        }
    }
    for notice in &pulled.notices {
        writeln!(out, "note: {}", shown(notice))?;
    }
    Ok(())
}
