//! `anteroom review`, and what `anteroom` does without a command: the screen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixStream;

use super::keys::{MapArgs, keymap};
use super::reach::{Wire, folder, inside, open};
use super::{Exit, Failure};
use crate::audit::Actor;
use crate::client::{Client, ClientError};
use crate::daemon::{self, SOCKET};
use crate::protocol::Welcome;
use crate::service::Service;
use crate::tui::{self, Options, TuiError, terminal, view::Theme};

/// What a screen is connected to.
pub type Connection = (Client<Box<dyn Wire>>, Welcome);

/// Opens the reviewer's screen.
#[derive(Debug, Default, clap::Args)]
pub struct ReviewArgs {
    #[command(flatten)]
    map: MapArgs,
    /// Draw nothing outside ASCII
    #[arg(long)]
    ascii: bool,
    /// Colours: dark, light, contrast or none [default: dark, or none where NO_COLOR is set]
    #[arg(long, env = "ANTEROOM_THEME", value_name = "NAME", value_parser = theme)]
    theme: Option<Theme>,
}

fn theme(name: &str) -> Result<Theme, String> {
    let names = Theme::ALL.map(Theme::name).join(", ");
    Theme::from_name(name).ok_or_else(|| format!("there is no theme of that name: there are {names}"))
}

/// Runs the command: over the daemon's socket where one serves the folder, otherwise on the store itself.
///
/// # Errors
/// When the practice cannot be reached, or there is no terminal.
pub async fn run(args: &ReviewArgs, dir: Option<PathBuf>) -> Result<Exit, Failure> {
    needs_terminal()?;
    let dir = folder(dir)?;
    match over_socket(&dir).await {
        Ok(_) => show(args, async |_| over_socket(&dir).await).await,
        Err(ClientError::Transport(_)) => {
            let service = tokio::task::block_in_place(|| open(&dir))?;
            let login = daemon::own_login()?;
            show(args, async |_| within(&service, &login).await).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Says at once, before anything is read or written, that the screen cannot be shown here.
///
/// # Errors
/// When there is no terminal that can show it.
pub fn needs_terminal() -> Result<(), Failure> {
    terminal::check(environment).map_err(Failure::wrong_use)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn over_socket(dir: &Path) -> Result<Connection, ClientError> {
    let stream = UnixStream::connect(dir.join(SOCKET)).await?;
    Client::connect(Box::new(stream) as Box<dyn Wire>).await
}

/// A connection, as the user with this login, to a service in this process.
pub async fn within(service: &Arc<Service>, login: &str) -> Result<Connection, ClientError> {
    let (stream, _) = inside(service, login);
    Client::connect(Box::new(stream) as Box<dyn Wire>).await
}

/// Shows the screen on this terminal.
///
/// # Errors
/// When there is no terminal, or the practice cannot be reached.
pub async fn show(
    args: &ReviewArgs,
    connect: impl AsyncFn(Option<Actor>) -> Result<Connection, ClientError>,
) -> Result<Exit, Failure> {
    let (keymap, notice) = keymap(&args.map)?;
    let options = Options {
        keymap,
        ascii: args.ascii || terminal::needs_ascii(environment),
        theme: args.theme.unwrap_or(if terminal::wants_colour(environment) { Theme::Dark } else { Theme::None }),
        notice,
        suspend: terminal::can_suspend().then_some(terminal::suspend as fn() -> std::io::Result<()>),
    };
    let ended = terminal::ended()?;
    let guard = terminal::Guard::take()
        .map_err(|error| Failure::wrong_use(format!("the terminal cannot be taken ({error}): use another one")))?;
    let mut screen = terminal::screen()?;
    let shown = tui::run(&mut screen, terminal::events()?, connect, ended, options).await;
    drop(guard);
    match shown {
        Ok(_) => Ok(Exit::Ok),
        Err(TuiError::Client(error)) => Err(error.into()),
        Err(error @ TuiError::Terminal(_)) => Err(Failure(Exit::Unreachable, error.to_string())),
    }
}
