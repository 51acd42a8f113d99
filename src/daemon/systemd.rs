//! What systemd is told when it starts us: that we are ready, that we are alive, that we end. Where nobody asked
//! for it nothing is said.

use std::sync::Arc;

use sd_notify::NotifyState;

use crate::service::Service;

/// The units of the daemon, as `anteroom serve --units` prints them.
pub const UNITS: &str = include_str!("anteroom.service");

/// The store was checked and is served.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// No more clients; what was accepted is finished.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what was accepted")]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Whoever does not listen is not told.
    let _ = sd_notify::notify(states);
}

/// Says twice in each time that it was given that the store still works. Silence makes systemd start us anew.
pub async fn keep_alive(service: Arc<Service>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut look = tokio::time::interval(limit / 2);
    loop {
        look.tick().await;
        let service = Arc::clone(&service);
        let works = tokio::task::spawn_blocking(move || service.stopped().is_none());
        if let Ok(Ok(true)) = tokio::time::timeout(limit / 2, works).await {
            tell(&[NotifyState::Watchdog]);
        }
    }
}
