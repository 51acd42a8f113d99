//! The reviewer's and the supervisor's screen.
//!
//! - [`action`] everything a person can do; [`keymap`] with which keys
//! - [`state`] all that the screen knows, [`pages`] page by page; [`update`] what changes it, pure; [`view`] what is drawn of it
//! - [`skim`] the lines to skim and the time they were read; [`excerpt`] a sentence cut around its mark
//! - [`document`] an entry as text on a screen; [`redaction`] choosing pieces of it
//! - [`tour`] teaches by doing, in the demo
//! - [`warnings`] what to think about before a redaction
//! - [`terminal`] the real terminal, entered and left
//!
//! [`run`] is the loop: it waits for the end, the daemon, a key or the minute, takes in what else is ready,
//! and draws once if anything changed.

pub mod action;
pub mod acts;
pub mod compare;
pub mod document;
pub mod excerpt;
mod frame;
pub mod keymap;
pub mod layout;
pub mod overlay;
pub mod pages;
pub mod redaction;
pub mod skim;
pub mod state;
pub mod terminal;
pub mod tour;
pub mod update;
pub mod view;
pub mod warnings;
pub mod words;

use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{Event, KeyEventKind};
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::audit::Actor;
use crate::client::{Client, ClientError, name_for};
use crate::protocol::{ActName, Request, Welcome};
use keymap::{Key, Keymap};
use state::{Effect, Input, Setup, State};
use view::Theme;

/// How the screen is to be.
pub struct Options {
    /// Which keys do what.
    pub keymap: Keymap,
    /// Draw nothing outside ASCII.
    pub ascii: bool,
    /// Colours, or only attributes, at first.
    pub theme: Theme,
    /// Whether the tour of the demo begins.
    pub tour: bool,
    /// The mistakes in the user's keys, a sentence each, to be told at the start.
    pub mistakes: Vec<String>,
    /// Puts the program aside; `None` where there is no shell to return to.
    pub suspend: Option<fn() -> io::Result<()>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keymap: Keymap::named("default").unwrap_or_default(),
            ascii: false,
            theme: Theme::default(),
            tour: false,
            mistakes: Vec::new(),
            suspend: None,
        }
    }
}

/// Why the screen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left.
    Left,
    /// Nobody pressed a key for too long.
    Idle,
    /// The terminal is gone or the program was told to end: the process must exit at once.
    Ended,
}

/// Why the screen could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The first connection failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The terminal failed.
    #[error("the terminal cannot be written to ({0}): start anteroom in another one")]
    Terminal(String),
}

/// A request in flight for so long is worth a word.
const SLOW: Duration = Duration::from_millis(300);

/// A redaction in the making is kept by the daemon when its last change is so old.
const KEEP_AFTER: Duration = Duration::from_secs(2);

/// How long what was asked may take when the person leaves, and when the terminal is gone.
const LAST_WORD: Duration = Duration::from_secs(2);
const LAST_MOMENT: Duration = Duration::from_millis(250);

/// More different keys than this at once were not pressed by a person.
const FLOOD: usize = 16;

/// Keys of a person who presses one again are further apart than those of a key that is held down.
const HELD: Duration = Duration::from_millis(150);

/// So long after it was asked for, an act whose answer was lost is asked for again, once: nothing happens to an entry long
/// after anybody looked at it.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How long to wait before trying the daemon again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Runs the screen until the person leaves, the input ends, or `ended` is ready.
///
/// `connect` reaches the daemon; it is called again when the connection is lost and, in the demo, with the
/// person to be. Needs a runtime with time.
///
/// # Errors
/// When the daemon refuses the first connection, or the terminal cannot be written to.
pub async fn run<B, S, C, T>(
    terminal: &mut Terminal<B>,
    events: S,
    connect: C,
    ended: impl Future<Output = ()>,
    options: Options,
) -> Result<Exit, TuiError>
where
    B: Backend,
    S: Stream<Item = io::Result<Event>>,
    C: AsyncFn(Option<Actor>) -> Result<(Client<T>, Welcome), ClientError>,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: B::Error| TuiError::Terminal(error.to_string());
    let size = terminal.size().map_err(broken)?;
    let setup = Setup {
        keymap: options.keymap,
        ascii: options.ascii,
        theme: options.theme,
        can_suspend: options.suspend.is_some(),
        tour: options.tour.then(state::Tour::default),
    };
    let mut state = State::new((size.width, size.height), setup);
    let (orders, taken) = unbounded_channel();
    let (told, mut reports) = unbounded_channel();
    let link = link(connect, taken, told);
    tokio::pin!(link, events, ended);
    let mut minute = tokio::time::interval_at(Instant::now() + Duration::from_secs(60), Duration::from_secs(60));
    let mut in_flight = 0usize;
    let mut slow_at: Option<Instant> = None;
    let mut keep_at: Option<Instant> = None;
    let mut last_key: Option<Instant> = None;
    let mut mistakes = options.mistakes;
    let mut dirty = true;
    loop {
        if dirty {
            terminal.draw(|frame| view::draw(frame, &state)).map_err(broken)?;
        }
        // Lines count as read by the time that they stood there, so the clock runs from the frame to whatever
        // happens next. It ticks only until the page counts as read.
        let shown_at = state.reads_skim().then(Instant::now);
        let second_at = shown_at.and_then(|at| Some(at + state.skim.next_second()?));
        // Wait for something to happen.
        let mut inputs = Vec::new();
        let mut gone = false;
        tokio::select! {
            biased;
            () = &mut ended => gone = true,
            failed = &mut link => return Err(failed.into()),
            Some(report) = reports.recv() => inputs.push(report),
            event = events.next() => match event {
                Some(Ok(event)) => inputs.extend(input(event)),
                // The terminal is gone.
                Some(Err(_)) | None => gone = true,
            },
            _ = minute.tick() => inputs.push(Input::Minute),
            () = until(slow_at), if slow_at.is_some() => {
                slow_at = None;
                inputs.push(Input::Waiting(true));
            }
            () = until(keep_at), if keep_at.is_some() => {
                keep_at = None;
                inputs.push(Input::Paused);
            }
            () = until(second_at), if second_at.is_some() => {}
        }
        if let Some(at) = shown_at {
            inputs.insert(0, Input::OnScreen(at.elapsed()));
        }
        // Take in what else is ready, so that a burst of keys costs one frame.
        while let Ok(report) = reports.try_recv() {
            inputs.push(report);
        }
        while !gone && let Poll::Ready(event) = ready(events.as_mut()).await {
            match event {
                Some(Ok(event)) => inputs.extend(input(event)),
                Some(Err(_)) | None => gone = true,
            }
        }
        if gone {
            // Nobody is there any more; only a redaction in the making is worth a moment.
            for effect in update::update(&mut state, Input::Paused) {
                if let Effect::Ask(request) = effect {
                    let _ = orders.send(Order::Ask(request));
                }
            }
            drop(orders);
            let _ = tokio::time::timeout(LAST_MOMENT, link).await;
            return Ok(Exit::Ended);
        }
        refuse_floods(&mut inputs);
        if inputs.iter().any(|input| matches!(input, Input::Key(_))) {
            // A key that is held down repeats faster than this.
            if last_key.replace(Instant::now()).is_none_or(|last| last.elapsed() >= HELD) {
                inputs.insert(0, Input::Released);
            }
        }
        dirty = !inputs.is_empty();
        // Change the state and carry out what it asks for.
        let mut waiting = inputs.into_iter().collect::<std::collections::VecDeque<_>>();
        while let Some(input) = waiting.pop_front() {
            if matches!(input, Input::Answered(_) | Input::Lost(_) | Input::Connected(_)) {
                in_flight = if matches!(input, Input::Answered(_)) { in_flight.saturating_sub(1) } else { 0 };
                if in_flight == 0 {
                    slow_at = None;
                    if state.waiting {
                        update::update(&mut state, Input::Waiting(false));
                    }
                }
            }
            let connected = matches!(input, Input::Connected(_));
            let effects = update::update(&mut state, input);
            if connected {
                tell_mistakes(&mut state, std::mem::take(&mut mistakes));
            }
            for effect in effects {
                match effect {
                    Effect::Ask(request) => {
                        in_flight += 1;
                        slow_at.get_or_insert_with(|| Instant::now() + SLOW);
                        // The other end lives as long as this loop.
                        let _ = orders.send(Order::Ask(request));
                    }
                    Effect::ConnectAs(actor) => {
                        let _ = orders.send(Order::ConnectAs(actor));
                    }
                    Effect::Redraw => terminal.clear().map_err(broken)?,
                    Effect::Suspend => {
                        if let Some(suspend) = options.suspend {
                            suspend().map_err(|error| TuiError::Terminal(error.to_string()))?;
                            waiting.push_back(Input::Resumed);
                            if let Ok(size) = terminal.size() {
                                waiting.push_back(Input::Resized(size.width, size.height));
                            }
                        }
                    }
                    Effect::Quit | Effect::EndIdle => {
                        let exit = if effect == Effect::Quit { Exit::Left } else { Exit::Idle };
                        // What was asked before, such as keeping a draft, goes out first.
                        drop(orders);
                        let _ = tokio::time::timeout(LAST_WORD, link).await;
                        return Ok(exit);
                    }
                }
            }
        }
        keep_at = match state.has_unsaved_draft() {
            true => keep_at.or_else(|| Some(Instant::now() + KEEP_AFTER)),
            false => None,
        };
    }
}

/// Tells what is wrong in the user's keys: one mistake below the page, more in a box.
fn tell_mistakes(state: &mut State, mistakes: Vec<String>) {
    match mistakes.as_slice() {
        [] => {}
        [one] => state.say(state::Tone::Warning, one.clone()),
        _ => {
            let title = "Mistakes in your keys: the rest of them counts".to_owned();
            state.overlay = Some(state::Overlay::Told { title, lines: mistakes });
        }
    }
}

/// The next event if it is there already. Polled with this task's own waker: crossterm's stream keeps the first
/// waker it sees until something happens, so a poll with any other would put the keys to sleep.
async fn ready<S: Stream>(mut events: Pin<&mut S>) -> Poll<Option<S::Item>> {
    std::future::poll_fn(|context| Poll::Ready(events.as_mut().poll_next(context))).await
}

async fn until(at: Option<Instant>) {
    tokio::time::sleep_until(at.unwrap_or_else(Instant::now)).await;
}

/// What an event of the terminal means; nothing for what we did not ask for.
fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Input::Key(Key::new(key))),
        Event::Paste(text) => Some(Input::Pasted(text)),
        Event::Resize(width, height) => Some(Input::Resized(width, height)),
        Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
    }
}

/// Keys that arrive all at once are a paste in a terminal that does not mark pastes, unless they are one key
/// held down on a slow line. They must not decide on entries.
fn refuse_floods(inputs: &mut Vec<Input>) {
    let keys: Vec<Key> =
        inputs.iter().filter_map(|input| if let Input::Key(key) = input { Some(*key) } else { None }).collect();
    if keys.len() > FLOOD && keys.iter().any(|key| Some(key) != keys.first()) {
        inputs.retain(|input| !matches!(input, Input::Key(_)));
        inputs.push(Input::Pasted(String::new()));
    }
}

/// What the loop wants from the link.
enum Order {
    Ask(Request),
    ConnectAs(Actor),
}

/// A person's act that was asked for as the connection was lost.
struct Unanswered {
    request: Request,
    act: ActName,
    person: Option<Actor>,
    since: Instant,
}

/// Talks to the daemon beside the loop, so that keys never wait for it. One request at a time, in order.
/// Ends with an error only when the first connection is refused, and otherwise when the loop has gone.
async fn link<C, T>(connect: C, mut orders: UnboundedReceiver<Order>, told: UnboundedSender<Input>) -> ClientError
where
    C: AsyncFn(Option<Actor>) -> Result<(Client<T>, Welcome), ClientError>,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut person: Option<Actor> = None;
    let mut unanswered: Option<Unanswered> = None;
    let mut client = match connect(None).await {
        Ok((client, welcome)) => {
            let _ = told.send(Input::Connected(welcome));
            client
        }
        Err(error) => return error,
    };
    loop {
        let failed = tokio::select! {
            biased;
            order = orders.recv() => match order {
                None => return ClientError::Closed,
                Some(Order::Ask(request)) => {
                    let act = name_for(&request);
                    match client.request_as(request.clone(), act).await {
                        Ok(reply) => {
                            let _ = told.send(Input::Answered(Box::new((request, reply))));
                            None
                        }
                        Err(error) => {
                            unanswered = act.map(|act| Unanswered { request, act, person: person.clone(), since: Instant::now() });
                            Some(error)
                        }
                    }
                },
                Some(Order::ConnectAs(actor)) => match connect(Some(actor.clone())).await {
                    Ok((new, welcome)) => {
                        client = new;
                        person = Some(actor);
                        let _ = told.send(Input::Connected(welcome));
                        None
                    }
                    Err(error) => Some(error),
                },
            },
            notice = client.notice() => match notice {
                Ok(notice) => {
                    let _ = told.send(Input::Noticed(notice));
                    None
                }
                Err(error) => Some(error),
            },
        };
        let Some(error) = failed else { continue };
        let why = match error {
            ClientError::Closed | ClientError::Transport(_) => "the daemon is away".to_owned(),
            error => error.to_string(),
        };
        let _ = told.send(Input::Lost(format!("{why}; it is tried again by itself")));
        let mut pause = RETRY.0;
        client = loop {
            // Requests to a daemon that is gone are forgotten: the screen asks anew when it is back.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = forget(&mut orders, &mut person) => return ClientError::Closed,
            }
            pause = (pause * 2).min(RETRY.1);
            if let Ok((mut client, welcome)) = connect(person.clone()).await {
                let _ = told.send(Input::Connected(welcome));
                let again = unanswered.as_ref().filter(|act| act.person == person && act.since.elapsed() < ASK_AGAIN);
                if let Some(Unanswered { request, act, .. }) = again {
                    // Lost once more, the next request finds it out.
                    if let Ok(reply) = client.request_as(request.clone(), Some(*act)).await {
                        let _ = told.send(Input::AnsweredLate(Box::new(reply)));
                        unanswered = None;
                    }
                }
                break client;
            }
        };
    }
}

/// Takes orders in and does nothing with them but note who the person is to be. Ends with the loop.
async fn forget(orders: &mut UnboundedReceiver<Order>, person: &mut Option<Actor>) {
    while let Some(order) = orders.recv().await {
        if let Order::ConnectAs(actor) = order {
            *person = Some(actor);
        }
    }
}
