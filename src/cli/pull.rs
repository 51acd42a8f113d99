//! `anteroom pull`: a feed, now.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Europe::London;

use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Pulled, Pulling, Reply, Request, Status};
use crate::tui::words;

/// How often it is asked how far the pull has come: for eyes, and for machines.
const LOOK: Duration = Duration::from_millis(200);
const TELL: Duration = Duration::from_secs(1);

/// Pulls a feed now.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    /// A [[source]] of practice.toml by its name; emis: or tpp: and a folder or zip, gpconnect:PATH, fhir:PATH or
    /// lines:PATH; or a server, fhir:https://…
    #[arg(required_unless_present = "set_aside")]
    feed: Option<String>,
    /// Pull nothing: list what was left out of the last pull of each feed or read with a gap, and what to do
    #[arg(long, conflicts_with = "feed")]
    set_aside: bool,
    /// On a terminal too: JSON Lines for machines, how far it has come and then the result
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when rows were set aside.
///
/// # Errors
/// When the feed cannot be read or the store takes no more.
pub async fn run(args: &PullArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let Some(feed) = &args.feed else { return set_aside(args.json, dir, out).await };
    let mut practice = reach(dir).await?;
    let json = args.json || !std::io::stdout().is_terminal();
    let bar = !json && std::io::stderr().is_terminal();
    let mut watcher = if bar || json { practice.another().await.ok() } else { None };
    let from = Some(absolute(feed));
    let mut pull = Box::pin(practice.ask(Request::Pull { from }));
    if bar {
        draw(&Pulling::default());
    }
    let reply = loop {
        tokio::select! {
            reply = &mut pull => break reply,
            () = tokio::time::sleep(if json { TELL } else { LOOK }) => {}
        }
        let Some(asked) = &mut watcher else { continue };
        if let Ok(Reply::Status(Status { pulling: Some(pulling), .. })) = asked.ask(Request::Status).await {
            if bar {
                draw(&pulling);
            } else {
                line(&pulling, &mut out)?;
            }
        }
    };
    drop(pull);
    if bar {
        eprint!("\r\x1b[K");
    }
    if let Some(watcher) = watcher {
        watcher.leave().await;
    }
    practice.leave().await;
    let Reply::Pulled(pulled) = reply? else { return Err(garbled()) };
    if json {
        line(&pulled, &mut out)?;
    } else {
        print(&pulled, &mut out)?;
    }
    Ok(if pulled.set_aside == 0 { Exit::Ok } else { Exit::Found })
}

/// Lists what was set aside. Ends with 1 when there is something.
async fn set_aside(json: bool, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::SetAside).await;
    practice.leave().await;
    let Reply::SetAside(feeds) = reply? else { return Err(garbled()) };
    for feed in &feeds {
        if json {
            line(feed, &mut out)?;
            continue;
        }
        let at = feed.pulled_at.with_timezone(&London).format("%a %-d %b %H:%M");
        let rows = words::count(feed.rows, "row", "rows");
        writeln!(out, "{}, pulled {at}: {rows} left out or read with a gap", shown(&feed.feed))?;
        for sentence in &feed.sentences {
            writeln!(out, "  {}", shown(sentence))?;
        }
        let listed = feed.sentences.len() as u64;
        if feed.rows > listed {
            writeln!(out, "  and {} more", feed.rows - listed)?;
        }
    }
    if feeds.is_empty() && !json {
        writeln!(out, "nothing was set aside in the last pull of any feed")?;
    }
    Ok(if feeds.is_empty() { Exit::Ok } else { Exit::Found })
}

fn line(what: &impl serde::Serialize, out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, what).map_err(std::io::Error::from)?;
    writeln!(out)
}

/// One line that is drawn over itself, on the error stream so that the result can be piped.
fn draw(pulling: &Pulling) {
    const WIDTH: usize = 30;
    let full = (pulling.done as usize * WIDTH / 100).min(WIDTH);
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(WIDTH - full));
    eprint!("\r\x1b[K[{bar}] {}", so_far(pulling));
}

/// How far a pull has come.
pub(super) fn so_far(pulling: &Pulling) -> String {
    let lines = words::count(pulling.lines, "line", "lines");
    format!("{lines} read, {} stored", words::count(pulling.entries, "entry", "entries"))
}

/// The daemon may stand in another folder than the caller.
fn absolute(feed: &str) -> String {
    match feed.split_once(':') {
        Some(("fhir", server)) if server.starts_with("https://") || server.starts_with("http://") => feed.to_owned(),
        Some((kind, path)) => match std::path::absolute(Path::new(path)) {
            Ok(path) => format!("{kind}:{}", path.display()),
            Err(_) => feed.to_owned(),
        },
        None => feed.to_owned(),
    }
}

fn print(pulled: &Pulled, out: &mut impl Write) -> std::io::Result<()> {
    if pulled.pulled_before.is_some() {
        return pulled.notices.iter().try_for_each(|notice| writeln!(out, "{}", shown(notice)));
    }
    let lines = words::count(pulled.parts, "line", "lines");
    let patients = words::count(pulled.patients, "patient", "patients");
    writeln!(out, "pulled {}: {lines}, {patients} new or changed", pulled.source)?;
    writeln!(out, "entries: {} new, {} changed, {} deleted", pulled.new, pulled.changed, pulled.deleted)?;
    writeln!(
        out,
        "of these: {} to review, {} to skim, {} on hold without a finding, {} older than the online record",
        pulled.queued, pulled.to_skim, pulled.on_hold, pulled.not_open
    )?;
    if pulled.set_aside > 0 {
        writeln!(out, "set aside: {}", words::count(pulled.set_aside, "row", "rows"))?;
        for sentence in &pulled.set_aside_examples {
            writeln!(out, "  {}", shown(sentence))?;
        }
        if pulled.set_aside as usize > pulled.set_aside_examples.len() {
            writeln!(out, "  … anteroom pull --set-aside lists them all")?;
        }
    }
    for notice in &pulled.notices {
        writeln!(out, "note: {}", shown(notice))?;
    }
    Ok(())
}
