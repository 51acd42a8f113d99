//! How other processes reach the service: a Unix socket, callers known by what the kernel says, one
//! conversation a connection.

mod conversation;
mod metrics;
mod schedule;
mod socket;
pub mod systemd;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::audit::Actor;
use crate::service::{Service, ServiceError, Session};

pub use conversation::converse;
pub use metrics::{Doors, serve as serve_metrics};
pub use schedule::Scheduler;
pub use socket::{Caller, Listening, METRICS, SOCKET, bind, caller, listen, own_login};

/// How often the daemon looks whether something is due, and whether the store still takes writes.
const LOOK: Duration = Duration::from_secs(30);

/// How often it is looked whether the board should be kept: a practice that comes in for the first time brings a hundred
/// thousand entries in this time.
const KEEP_LOOK: Duration = Duration::from_secs(5);
/// Units, or entries, after which it is kept anew.
const STALE: u64 = 20_000;

/// Serves every client of `listener` until `shutdown` completes, then finishes what it has accepted. `who` says
/// who is at the other end: [`caller`] asks the kernel. At most `clients` are served at a time, and three quarters
/// of these places are the most that one person gets; who comes after that waits to be let in. Needs a runtime
/// with several threads.
///
/// # Errors
/// Why the store takes no more writes: everything was let go then, and only a new start can help.
pub async fn run(
    listener: &UnixListener,
    service: Arc<Service>,
    clients: usize,
    doors: Arc<Doors>,
    who: impl Fn(&UnixStream) -> Result<Caller, ServiceError> + Clone + Send + 'static,
    shutdown: impl Future<Output = ()>,
) -> Result<(), String> {
    let places = Arc::new(Semaphore::new(clients));
    let seats = Arc::new(Seats { of_one: (clients * 3 / 4).max(1), taken: Mutex::default() });
    let (stop, stopping) = watch::channel(false);
    let watching = tokio::spawn(systemd::keep_alive(Arc::clone(&service)));
    let puller = tokio::spawn(pull_when_due(Arc::clone(&service)));
    let keeper = tokio::spawn(keep_board(Arc::clone(&service)));
    let mut conversations = JoinSet::new();
    let broken = look_after(Arc::clone(&service));
    tokio::pin!(shutdown, broken);
    let ended = loop {
        // A place first, so that nobody is accepted and then kept waiting.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break Ok(()),
            why = &mut broken => break Err(why),
            Some(_) = conversations.join_next() => {}
            (stream, place) = accepted => match stream {
                Ok((stream, _)) => {
                    let (service, who, seats) = (Arc::clone(&service), who.clone(), Arc::clone(&seats));
                    let (doors, stopping) = (Arc::clone(&doors), stopping.clone());
                    conversations.spawn(async move {
                        let _place = place;
                        let _here = Here::new(&doors);
                        let changes = service.changes();
                        let (seat, session) = tokio::task::block_in_place(|| admit(service, &stream, who, &seats));
                        if session.is_err() {
                            doors.turned_away.fetch_add(1, Ordering::Relaxed);
                        }
                        converse(stream, session, changes, stopping).await;
                        drop(seat);
                    });
                }
                // Out of file descriptors: give those who are connected time to leave.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    };
    watching.abort();
    puller.abort();
    keeper.abort();
    let _ = stop.send(true);
    while conversations.join_next().await.is_some() {}
    ended
}

/// Who comes in, with a seat of theirs.
fn admit(
    service: Arc<Service>,
    stream: &UnixStream,
    who: impl Fn(&UnixStream) -> Result<Caller, ServiceError>,
    seats: &Arc<Seats>,
) -> (Option<Taken>, Result<Session, ServiceError>) {
    let caller = match who(stream) {
        Ok(caller) => caller,
        Err(error) => return (None, Err(error)),
    };
    let Some(seat) = seats.take(&caller.login) else {
        let why = format!("{} has {} connections open already: close one of them", caller.login, seats.of_one);
        return (None, Err(ServiceError::Refused(why)));
    };
    (Some(seat), Session::of(service, &caller.login, &caller.groups))
}

/// How many connections each person has.
struct Seats {
    of_one: usize,
    taken: Mutex<HashMap<String, usize>>,
}

impl Seats {
    fn take(self: &Arc<Self>, login: &str) -> Option<Taken> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(login.to_owned()).or_default();
        if *count >= self.of_one {
            return None;
        }
        *count += 1;
        Some(Taken { seats: Arc::clone(self), login: login.to_owned() })
    }
}

/// One of somebody's connections, until it is dropped.
struct Taken {
    seats: Arc<Seats>,
    login: String,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.login) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.login);
            }
        }
    }
}

/// Counts a connection for as long as it lasts.
struct Here<'a>(&'a Doors);

impl<'a> Here<'a> {
    fn new(doors: &'a Doors) -> Self {
        doors.came.fetch_add(1, Ordering::Relaxed);
        doors.here.fetch_add(1, Ordering::Relaxed);
        Self(doors)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.here.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Publishes each batch as it falls due, and puts into the log which leases ran out, until the store takes no more
/// writes. A batch under way when this is dropped is finished.
async fn look_after(service: Arc<Service>) -> String {
    let again = Arc::clone(&service);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = again.read_board_again() {
            eprintln!("anteroom: where the entries stand could not be read again: {error}");
        }
    });
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let service = Arc::clone(&service);
        let looked = tokio::task::spawn_blocking(move || {
            // What waits for the store to be compared keeps nobody from being told that it stopped.
            let published = match service.is_due() && service.is_compared() {
                true => service.publish(&Actor::system("publish")).map(|_| ()),
                false => Ok(()),
            };
            (service.end_leases().and(published), service.stopped())
        });
        if let Ok((published, stopped)) = looked.await {
            if let Some(why) = stopped {
                return why;
            }
            if let Err(error) = published {
                eprintln!("anteroom: what was due could not be done: {error}");
            }
        }
    }
}

/// Keeps the board for the next start, also while a pull keeps publications waiting. One keeping under way when the task is
/// stopped is finished.
async fn keep_board(service: Arc<Service>) {
    let mut look = tokio::time::interval(KEEP_LOOK);
    // A look that took longer than it should is no reason for two at once.
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let service = Arc::clone(&service);
        let kept = tokio::task::spawn_blocking(move || service.keep_board_if_stale(STALE, LOOK));
        if kept.await.is_err() {
            return;
        }
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
