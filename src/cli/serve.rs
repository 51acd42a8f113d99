//! `anteroom serve`: the daemon.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::reach::{folder, open};
use super::{Exit, Failure};
use crate::daemon::{self, Doors, METRICS, systemd};
use crate::service::Settings;

/// Owns the state folder and serves every client until it is told to stop.
#[derive(Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Print the units for systemd instead
    #[arg(long)]
    units: bool,
}

/// Runs the command.
///
/// # Errors
/// When another daemon owns the folder, its store does not open, or stops taking writes.
pub async fn run(args: &ServeArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    if args.units {
        out.write_all(systemd::UNITS.as_bytes())?;
        return Ok(Exit::Ok);
    }
    let dir = folder(dir)?;
    let settings = Settings::read(&dir)?.daemon;
    let group = settings.group.as_deref();
    // Before the store opens, which may take a while: clients wait, and a second daemon is told.
    let listening = daemon::listen(&dir, group).await?;
    let service = tokio::task::block_in_place(|| open(&dir))?;
    let doors = Arc::new(Doors::default());
    let figures = match settings.metrics {
        true => Some(daemon::bind(&dir, METRICS, group).await?),
        false => None,
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    eprintln!("anteroom: serving {}", dir.display());
    systemd::ready();
    let shutdown = async {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        systemd::stopping();
    };
    let watched = async {
        match &figures {
            Some(figures) => daemon::serve_metrics(&figures.listener, Arc::clone(&service), Arc::clone(&doors)).await,
            None => std::future::pending().await,
        }
    };
    let served = daemon::run(
        &listening.listener,
        Arc::clone(&service),
        settings.clients,
        Arc::clone(&doors),
        daemon::caller,
        shutdown,
    );
    let ended = tokio::select! { ended = served => ended, () = watched => Ok(()) };
    // The next start is quicker for it.
    tokio::task::block_in_place(|| service.keep_board());
    drop(service);
    ended.map(|()| Exit::Ok).map_err(|why| Failure(Exit::Unreachable, why))
}
