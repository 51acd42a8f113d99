//! How other processes reach the service: a Unix socket, callers known by what the kernel says, one
//! conversation a connection.

mod conversation;
mod schedule;
mod socket;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::audit::Actor;
use crate::service::{Service, Session};

pub use conversation::converse;
pub use schedule::Scheduler;
pub use socket::{SOCKET, bind, login_of, own_login};

/// More connections than this wait in the listener's queue.
const MOST_CLIENTS: usize = 128;

/// How often the daemon looks whether something is due.
const LOOK: Duration = Duration::from_secs(30);

/// Serves every client of `listener` until `shutdown` completes, then finishes what it has accepted.
pub async fn run(listener: UnixListener, service: Arc<Service>, shutdown: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    let (stop, stopping) = watch::channel(false);
    let publisher = tokio::spawn(publish_when_due(Arc::clone(&service)));
    let puller = tokio::spawn(pull_when_due(Arc::clone(&service)));
    let mut conversations = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        // A place first, so that nobody is accepted and then kept waiting.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = conversations.join_next() => {}
            (stream, place) = accepted => match stream {
                Ok((stream, _)) => {
                    let session = login_of(&stream).and_then(|login| Session::new(Arc::clone(&service), &login));
                    let changes = service.changes();
                    let stopping = stopping.clone();
                    conversations.spawn(async move {
                        let _place = place;
                        converse(stream, session, changes, stopping).await;
                    });
                }
                // Out of file descriptors: give those who are connected time to leave.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
    publisher.abort();
    puller.abort();
    let _ = stop.send(true);
    while conversations.join_next().await.is_some() {}
}

/// Publishes each batch as it falls due. A batch under way when the task is stopped is finished.
async fn publish_when_due(service: Arc<Service>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        publish_what_is_due(&service).await;
    }
}

/// Pulls each feed of the settings as it falls due. A pull under way when the task is stopped goes on until the
/// process ends, and is resumed by the next one.
async fn pull_when_due(service: Arc<Service>) {
    let mut look = tokio::time::interval(LOOK);
    let mut scheduler = Scheduler::new(service);
    loop {
        look.tick().await;
        let looked = tokio::task::spawn_blocking(move || {
            let done = scheduler.look();
            (scheduler, done)
        });
        let Ok((back, done)) = looked.await else { return };
        scheduler = back;
        for error in done.into_iter().filter_map(Result::err) {
            eprintln!("anteroom: a feed could not be pulled: {error}");
        }
    }
}

async fn publish_what_is_due(service: &Arc<Service>) {
    let service = Arc::clone(service);
    let published = tokio::task::spawn_blocking(move || match service.is_due() {
        true => service.publish(&Actor::system("publish")).map(|_| ()),
        false => Ok(()),
    });
    if let Ok(Err(error)) = published.await {
        eprintln!("anteroom: the batch could not be published: {error}");
    }
}
