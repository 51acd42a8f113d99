//! `anteroom status`: how things stand.

use std::io::Write;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;

use super::pull::so_far;
use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};
use crate::tui::words;

/// Says how things stand. Holds no clinical words and no names.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs the command. Ends with 1 when there is an alarm.
///
/// # Errors
/// When the practice cannot be reached.
pub async fn run(args: &StatusArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let mut practice = reach(dir).await?;
    let reply = practice.ask(Request::Status).await;
    practice.leave().await;
    let Reply::Status(status) = reply? else { return Err(garbled()) };
    if args.json {
        serde_json::to_writer(&mut out, &status).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        let totals = &status.totals;
        for alarm in &status.alarms {
            writeln!(out, "! {}", shown(alarm))?;
        }
        writeln!(
            out,
            "{} to review, {} late, {} already readable, {} to skim",
            totals.to_review, totals.late, totals.readable, totals.to_skim
        )?;
        writeln!(
            out,
            "{} on hold, {} settling, {} put off, {} for the lead",
            totals.on_hold, totals.settling, totals.deferred, totals.for_lead
        )?;
        let rate = totals.hide_rate().map(|rate| format!(", hide rate {:.1} %", rate * 100.0)).unwrap_or_default();
        writeln!(out, "{} visible, {} hidden, {} withdrawn{rate}", totals.released, totals.hidden, totals.withdrawn)?;
        match totals.set_aside {
            0 => writeln!(out, "no rows set aside")?,
            n => writeln!(out, "{} set aside; anteroom pull --set-aside lists them", words::count(n, "row", "rows"))?,
        }
        for feed in &status.feeds {
            let at = |moment: Option<DateTime<Utc>>| {
                moment.map_or("never".to_owned(), |moment| {
                    moment.with_timezone(&London).format("%a %-d %b %H:%M").to_string()
                })
            };
            let part = if feed.incomplete.is_empty() { "" } else { " in part, to be tried again soon" };
            let (name, next) = (shown(&feed.name), at(feed.next));
            writeln!(out, "feed {name}: pulled {}{part}, due next {next}", at(feed.pulled_at))?;
        }
        let exposure = &status.exposure;
        if let Some(minutes) = exposure.longest_waiting {
            writeln!(out, "the oldest that waits was entered {} ago", in_words(minutes))?;
        }
        if let (Some(to_pull), Some(to_decision)) = (exposure.median_to_pull, exposure.median_to_decision) {
            writeln!(
                out,
                "of {} decided in 7 days, half were pulled within {} of being entered and decided within {}",
                exposure.decided,
                in_words(to_pull),
                in_words(to_decision)
            )?;
        }
        if let Some(pulling) = status.pulling {
            writeln!(out, "a pull is under way: {}", so_far(&pulling))?;
        }
        for lease in &status.leases {
            let (held, left) = (lease.held.div_ceil(60), lease.left.div_ceil(60));
            writeln!(out, "{} has a patient in hand since {held} min, for {left} more", shown(&lease.login))?;
        }
        let health = &status.health;
        let sync = health.last_sync_micros.map_or_else(String::new, |time| {
            let at = health.last_sync.map(|at| at.with_timezone(&London).format(" at %H:%M:%S").to_string());
            format!(", last sync{} took {time} µs", at.unwrap_or_default())
        });
        writeln!(
            out,
            "journal {} MB, view {} MB and {} units behind{sync}, {} connected",
            health.journal_bytes >> 20,
            health.view_bytes >> 20,
            health.behind,
            health.clients
        )?;
        writeln!(
            out,
            "log at {}, head {}; rules {}, {} MB free, work is refused below {} MB",
            status.seq,
            health.head,
            status.rules,
            status.free_bytes >> 20,
            health.floor_bytes >> 20
        )?;
    }
    Ok(if status.alarms.is_empty() { Exit::Ok } else { Exit::Found })
}

fn in_words(minutes: u64) -> String {
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}
