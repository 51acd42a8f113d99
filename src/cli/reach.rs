//! How a command reaches the practice: over the daemon's socket where one serves the folder, otherwise
//! by opening the store itself for as long as it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::ask::passphrase;
use super::{Exit, Failure};
use crate::channel::Portal;
use crate::client::{Client, ClientError, name_for};
use crate::daemon::{self, SOCKET};
use crate::protocol::{ActName, Reply, Request};
use crate::record::{EntryId, Shown};
use crate::service::{Keys, NextFeed, Parts, Service, Session, Settings, SystemClock};
use crate::store::{EmbeddedStore, Master, Options, Places, StoreError, has_keys, make_directory, wants_passphrase};

/// How long an act whose answer was lost is asked again, and how often.
const AGAIN_WITHIN: Duration = Duration::from_secs(15);
const AGAIN_EVERY: Duration = Duration::from_millis(200);

/// A connection of either sort.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// The practice, reached.
pub struct Reached {
    client: Client<Box<dyn Wire>>,
    inside: Option<JoinHandle<()>>,
    owner: Owner,
}

/// Who owns the store.
#[derive(Clone)]
enum Owner {
    /// A daemon, at this socket.
    Daemon(PathBuf),
    /// This process.
    Us(Arc<Service>),
}

impl Reached {
    /// Asks, and turns a refusal into the command's failure.
    pub async fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        let act = name_for(&request);
        let answered = match self.client.request_as(request.clone(), act).await {
            Err(error) if act.is_some() && error.is_lost() => self.ask_again(request, act, &error).await?,
            other => other?,
        };
        match answered {
            Reply::Refused { why } => Err(Failure(Exit::Refused, why)),
            Reply::Failed { why } => Err(Failure(Exit::Unreachable, why)),
            reply => Ok(reply),
        }
    }

    /// Asks for an act whose answer was lost once more, under its name: it is done once. Waits a while for a daemon that
    /// comes back.
    async fn ask_again(
        &mut self,
        request: Request,
        act: Option<ActName>,
        lost: &ClientError,
    ) -> Result<Reply, Failure> {
        let unknown = || {
            let why = format!("it is not known whether this was done, look when the daemon is back: {lost}");
            Failure(Exit::Unreachable, why)
        };
        let Owner::Daemon(socket) = &self.owner else { return Err(unknown()) };
        let give_up = Instant::now() + AGAIN_WITHIN;
        while Instant::now() < give_up {
            tokio::time::sleep(AGAIN_EVERY).await;
            let Ok(stream) = UnixStream::connect(socket).await else { continue };
            let Ok((client, _)) = Client::connect(Box::new(stream) as Box<dyn Wire>).await else { continue };
            self.client = client;
            if let Ok(reply) = self.client.request_as(request.clone(), act).await {
                return Ok(reply);
            }
        }
        Err(unknown())
    }

    /// A second conversation with the same practice, to ask how things stand while it works.
    pub async fn another(&self) -> Result<Self, Failure> {
        let owner = self.owner.clone();
        let (wire, inside): (Box<dyn Wire>, _) = match &owner {
            Owner::Daemon(socket) => (Box::new(UnixStream::connect(socket).await?), None),
            Owner::Us(service) => {
                let (stream, conversation) = inside(service, &daemon::own_login()?);
                (Box::new(stream), Some(conversation))
            }
        };
        let (client, _) = Client::connect(wire).await?;
        Ok(Self { client, inside, owner })
    }

    /// Ends the conversation; a store opened for this command is closed in good order.
    pub async fn leave(self) {
        drop(self.client);
        if let Some(inside) = self.inside {
            let _ = inside.await;
        }
    }

    /// The entry whose identifier begins so; it must be one that waits, unless it is given in full.
    pub async fn entry(&mut self, prefix: &str) -> Result<EntryId, Failure> {
        if let Ok(id) = prefix.parse() {
            return Ok(id);
        }
        let Reply::Queue(queue) = self.ask(Request::Queue { limit: usize::MAX }).await? else {
            return Err(garbled());
        };
        let mut found = queue.rows.iter().filter(|row| row.entry.to_string().starts_with(prefix));
        match (found.next(), found.next()) {
            (Some(row), None) => Ok(row.entry),
            (Some(_), Some(_)) => Err(Failure::wrong_use("more than one entry begins so: give more of its identifier")),
            (None, _) => Err(Failure::wrong_use("no entry that waits begins so: anteroom queue lists them")),
        }
    }
}

/// An answer that does not fit the question.
pub fn garbled() -> Failure {
    Failure(Exit::Unreachable, "the daemon answered something else than it was asked: use the same version".into())
}

fn named_folder(dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match dir {
        Some(dir) => Ok(dir),
        None => Ok(etcetera::choose_base_strategy()
            .ok()
            .and_then(|base| base.state_dir())
            .ok_or_else(|| Failure::wrong_use("there is no home folder: name the state folder with --dir"))?
            .join("anteroom")),
    }
}

/// The state folder: as given, else the XDG one. Made where it is not there, open to its owner alone.
pub fn folder(dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = named_folder(dir)?;
    make_directory(&dir)
        .map_err(|error| Failure(Exit::Unreachable, format!("the folder {} cannot be made: {error}", dir.display())))?;
    Ok(dir)
}

/// The state folder, which must be there.
pub fn existing_folder(dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = named_folder(dir)?;
    match dir.is_dir() {
        true => Ok(dir),
        false => Err(Failure(Exit::Unreachable, format!("there is no state folder {}", dir.display()))),
    }
}

/// The master key of a state folder's store: a systemd credential, else the file that `ANTEROOM_KEY_FILE`
/// names, else the folder's own `secret`, which is made for a new store. A passphrase is asked for where
/// the store wants one.
pub fn master(dir: &Path) -> Result<Master, Failure> {
    let store = dir.join("store");
    if wants_passphrase(&store)? {
        return Ok(Master::from_passphrase(passphrase("Passphrase of the store:")?));
    }
    Ok(master_key(dir)?)
}

/// The same, of a store that is opened without a passphrase.
pub fn master_key(dir: &Path) -> Result<Master, StoreError> {
    let store = dir.join("store");
    let (credentials, named) = (variable("CREDENTIALS_DIRECTORY"), variable("ANTEROOM_KEY_FILE"));
    let default = dir.join("secret");
    let places = Places { credentials: credentials.as_deref(), named: named.as_deref(), default: &default };
    Master::find(&places, !has_keys(&store))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The service over the store of a state folder, for this process alone.
pub fn open(dir: &Path) -> Result<Arc<Service>, Failure> {
    let settings = Settings::read(dir)?;
    let (store, opened) = EmbeddedStore::open(&dir.join("store"), &Options::default(), &master(dir)?)?;
    let keys = Keys::from_secret(store.secret());
    let feed: NextFeed = Box::new(|| None);
    let service = Service::start(Parts {
        store: Box::new(store),
        clock: Arc::new(SystemClock),
        rules: super::rules::of_practice(dir).map_err(Failure::wrong_use)?,
        keys,
        settings,
        channel: Box::new(Portal::new(dir.join("feed"))),
        feed,
        demo: false,
    })?;
    service.note_opening(opened.tail_cut, opened.view_rebuilt)?;
    Ok(Arc::new(service))
}

/// The same without a daemon's tasks: nobody reads entries again meanwhile, and what is hidden must leave the feed.
pub fn open_alone(dir: &Path) -> Result<Arc<Service>, Failure> {
    let service = open(dir)?;
    service.read_board_again()?;
    Ok(service)
}

/// A conversation with a service within this process.
pub fn inside(service: &Arc<Service>, login: &str) -> (DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let session = Session::new(Arc::clone(service), login);
    let changes = service.changes();
    let conversation = tokio::spawn(async move {
        let (_running, stopping) = watch::channel(false);
        daemon::converse(theirs, session, changes, stopping).await;
    });
    (ours, conversation)
}

/// Whether a daemon serves the folder.
pub async fn is_served(dir: &Path) -> bool {
    UnixStream::connect(dir.join(SOCKET)).await.is_ok()
}

/// Connects to whoever owns the folder.
pub async fn reach(dir: Option<PathBuf>) -> Result<Reached, Failure> {
    let dir = folder(dir)?;
    match UnixStream::connect(dir.join(SOCKET)).await {
        Ok(stream) => {
            let (client, _) = Client::connect(Box::new(stream) as Box<dyn Wire>).await?;
            return Ok(Reached { client, inside: None, owner: Owner::Daemon(dir.join(SOCKET)) });
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let why = format!(
                "{} may not be connected to by you: ask the administrator to add you to the daemon's group",
                dir.join(SOCKET).display()
            );
            return Err(Failure(Exit::Refused, why));
        }
        Err(_) => {}
    }
    let service = tokio::task::block_in_place(|| open_alone(&dir))?;
    let (stream, conversation) = inside(&service, &daemon::own_login()?);
    let (client, _) = Client::connect(Box::new(stream) as Box<dyn Wire>).await?;
    Ok(Reached { client, inside: Some(conversation), owner: Owner::Us(service) })
}

/// Text for a terminal or a pipe: what came from a record is made safe.
pub fn shown(text: &str) -> Shown {
    Shown::new(text)
}
