//! The reviewer's screen, against a daemon in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod away;
mod beside;
mod handling;
mod keys_and_pages;
mod plain;
mod properties;
mod queue;
mod reasons;
mod redaction;
mod skim;
mod skim_page;
mod table;
mod terminal;
mod tour;
#[path = "../tui_support/mod.rs"]
mod tui_support;

use anteroom::protocol::Request;
use anteroom::record::Act;
use tui_support::daemon::Daemon;
use tui_support::{Screen, Start, on_screen, practice};

/// What was decided, in order.
fn decisions(screen: &Screen) -> Vec<Act> {
    let act = |request| match request {
        Request::Decide { act, .. } => Some(act),
        _ => None,
    };
    screen.asked().into_iter().filter_map(act).collect()
}

/// A test on the day of the design, from the queue.
fn on_the_day(test: impl AsyncFnOnce(Screen)) {
    on_screen(Start::default(), Daemon::with(practice::day()), async |screen| {
        screen.until("HOLT M").await;
        test(screen).await;
    });
}
