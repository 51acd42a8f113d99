//! `anteroom serve`: the daemon.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::reach::{folder, open};
use super::{Exit, Failure};
use crate::daemon;

/// Owns the store of the folder and serves every client until it is told to stop.
///
/// # Errors
/// When another daemon owns the folder, or its store does not open.
pub async fn run(dir: Option<PathBuf>) -> Result<Exit, Failure> {
    let dir = folder(dir)?;
    let listener = daemon::bind(&dir).await?;
    let service = tokio::task::block_in_place(|| open(&dir));
    let service = match service {
        Ok(service) => service,
        Err(failure) => {
            let _ = std::fs::remove_file(dir.join(daemon::SOCKET));
            return Err(failure);
        }
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    eprintln!("anteroom: serving {}", dir.display());
    daemon::run(listener, service, async move {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
    })
    .await;
    std::fs::remove_file(dir.join(daemon::SOCKET))?;
    Ok(Exit::Ok)
}
