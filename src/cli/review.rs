//! `anteroom review`, and what `anteroom` does without a command: the screen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;

use super::keys::{MapArgs, keymap};
use super::reach::{Wire, folder, inside, open_alone};
use super::{Exit, Failure};
use crate::audit::Actor;
use crate::client::{Client, ClientError};
use crate::daemon::{self, SOCKET};
use crate::plain;
use crate::protocol::Welcome;
use crate::service::Service;
use crate::tui::keymap::Keymap;
use crate::tui::state::IDLE_END_MINUTES;
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
    /// Line by line, for screen readers and scripts (also where TERM is dumb)
    #[arg(long)]
    plain: bool,
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
    needs_terminal(args)?;
    let dir = folder(dir)?;
    match over_socket(&dir).await {
        Ok(_) => show(args, false, async |_| over_socket(&dir).await).await,
        Err(ClientError::Transport(_)) => {
            let service = tokio::task::block_in_place(|| open_alone(&dir))?;
            let login = daemon::own_login()?;
            show(args, false, async |_| within(&service, &login).await).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Says at once, before anything is read or written, that the screen cannot be shown here.
///
/// # Errors
/// When there is no terminal that can show it.
pub fn needs_terminal(args: &ReviewArgs) -> Result<(), Failure> {
    if args.is_plain() { Ok(()) } else { terminal::check(environment).map_err(Failure::wrong_use) }
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

/// Shows the screen on this terminal, or goes line by line; with the `tour` of the demo if need be.
///
/// # Errors
/// When there is no terminal, or the practice cannot be reached.
pub async fn show(
    args: &ReviewArgs,
    tour: bool,
    connect: impl AsyncFn(Option<Actor>) -> Result<Connection, ClientError>,
) -> Result<Exit, Failure> {
    let (keymap, mistakes) = keymap(&args.map)?;
    let ascii = args.ascii || terminal::needs_ascii(environment);
    if args.is_plain() {
        return line_by_line(keymap, args.ascii || says_no_utf8(), mistakes, connect).await;
    }
    let options = Options {
        keymap,
        ascii,
        tour,
        theme: args.theme.unwrap_or(if terminal::wants_colour(environment) { Theme::Dark } else { Theme::None }),
        mistakes,
        suspend: terminal::can_suspend().then_some(terminal::suspend as fn() -> std::io::Result<()>),
    };
    let ended = terminal::ended()?;
    let guard = terminal::Guard::take()
        .map_err(|error| Failure::wrong_use(format!("the terminal cannot be taken ({error}): use another one")))?;
    let mut screen = terminal::screen()?;
    let shown = tui::run(&mut screen, terminal::events()?, connect, ended, options).await;
    drop(guard);
    match shown {
        Ok(tui::Exit::Idle) => {
            let why = "closed after five minutes or more without a key; what was half done is kept: connect again";
            Err(Failure(Exit::Ok, why.to_owned()))
        }
        Ok(_) => Ok(Exit::Ok),
        Err(TuiError::Client(error)) => Err(error.into()),
        Err(error @ TuiError::Terminal(_)) => Err(Failure(Exit::Unreachable, error.to_string())),
    }
}

impl ReviewArgs {
    /// Line by line, whatever the terminal.
    pub fn plain(map: MapArgs, ascii: bool) -> Self {
        Self { map, ascii, plain: true, theme: None }
    }

    fn is_plain(&self) -> bool {
        self.plain || terminal::cannot_draw(environment)
    }
}

/// Whether the locale has nothing beyond ASCII; a terminal that cannot draw may still write letters.
fn says_no_utf8() -> bool {
    terminal::needs_ascii(|name| if name == "TERM" { None } else { environment(name) })
}

/// The same actions, line by line, from standard input.
async fn line_by_line(
    keymap: Keymap,
    ascii: bool,
    mistakes: Vec<String>,
    connect: impl AsyncFn(Option<Actor>) -> Result<Connection, ClientError>,
) -> Result<Exit, Failure> {
    use std::io::IsTerminal;
    for mistake in mistakes {
        eprintln!("anteroom: {mistake}");
    }
    let prompts = std::io::stdin().is_terminal();
    let idle = prompts.then_some(Duration::from_secs(60 * u64::from(IDLE_END_MINUTES)));
    let options = plain::Options { keymap, ascii, prompts, idle };
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    // Standard input can only be waited for by a thread; it ends with the process.
    std::thread::Builder::new().name("lines".into()).spawn(move || {
        for line in std::io::stdin().lines() {
            let failed = line.is_err();
            if sender.send(line).is_err() || failed {
                break;
            }
        }
    })?;
    let lines = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    match plain::run(lines, std::io::stdout(), connect, options).await {
        Ok(plain::End::Done) => Ok(Exit::Ok),
        Ok(plain::End::Refused) => Ok(Exit::Found),
        Ok(plain::End::Idle) => {
            let why = "closed after fifteen minutes without a line; what was half done is kept: connect again";
            Err(Failure(Exit::Ok, why.to_owned()))
        }
        Err(plain::PlainError::Client(error)) => Err(error.into()),
        Err(error @ plain::PlainError::Unknown(_)) => Err(Failure(Exit::Unreachable, error.to_string())),
        Err(plain::PlainError::Output(error)) => Err(error.into()),
    }
}
