//! The line to the daemon: reached again when it was lost, and asked again for what can be asked twice.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use crate::audit::Actor;
use crate::client::{Client, ClientError, name_for};
use crate::protocol::{ActName, Reply, Request, Welcome};

/// So long after it was asked for, what was lost is asked for again: as on the screen.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How long to wait before trying the daemon again.
const RETRY: Duration = Duration::from_millis(200);

/// A person's line to a practice.
pub(super) trait Line {
    /// Asks. `lost` is called once if the answer was lost and is asked for again.
    ///
    /// # Errors
    /// When there was no answer in time, or it may not be asked for twice.
    async fn ask(&mut self, request: Request, lost: impl FnOnce()) -> Result<Reply, ClientError>;

    /// Goes on as somebody else.
    ///
    /// # Errors
    /// When the daemon refuses, or cannot be reached.
    async fn go_on_as(&mut self, person: Actor) -> Result<Welcome, ClientError>;
}

/// A connection, and how to make the next one.
pub(super) struct Connected<C, T> {
    connect: C,
    client: Client<T>,
    person: Option<Actor>,
}

impl<C, T> Connected<C, T>
where
    C: AsyncFn(Option<Actor>) -> Result<(Client<T>, Welcome), ClientError>,
    T: AsyncRead + AsyncWrite + Unpin,
{
    /// Reaches the practice for whoever calls.
    ///
    /// # Errors
    /// When the daemon refuses the caller, or cannot be reached.
    pub(super) async fn new(connect: C) -> Result<(Self, Welcome), ClientError> {
        let (client, welcome) = connect(None).await?;
        Ok((Self { connect, client, person: None }, welcome))
    }

    /// Asks on connections of their own until one brings an answer. An act is done once, however often it is asked for
    /// under its name.
    async fn ask_again(
        &mut self,
        request: Request,
        act: Option<ActName>,
        lost: ClientError,
    ) -> Result<Reply, ClientError> {
        let give_up = Instant::now() + ASK_AGAIN;
        while Instant::now() < give_up {
            sleep(RETRY).await;
            let Ok((client, _)) = (self.connect)(self.person.clone()).await else { continue };
            self.client = client;
            if let Ok(reply) = self.client.request_as(request.clone(), act).await {
                return Ok(reply);
            }
        }
        Err(lost)
    }
}

impl<C, T> Line for Connected<C, T>
where
    C: AsyncFn(Option<Actor>) -> Result<(Client<T>, Welcome), ClientError>,
    T: AsyncRead + AsyncWrite + Unpin,
{
    async fn ask(&mut self, request: Request, lost: impl FnOnce()) -> Result<Reply, ClientError> {
        let act = name_for(&request);
        match self.client.request_as(request.clone(), act).await {
            Err(error) if error.is_lost() && (act.is_some() || only_tells(&request)) => {
                lost();
                self.ask_again(request, act, error).await
            }
            other => other,
        }
    }

    async fn go_on_as(&mut self, person: Actor) -> Result<Welcome, ClientError> {
        let (client, welcome) = (self.connect)(Some(person.clone())).await?;
        (self.client, self.person) = (client, Some(person));
        Ok(welcome)
    }
}

/// Whether asking twice for it changes nothing.
fn only_tells(request: &Request) -> bool {
    matches!(
        request,
        Request::Rows(_)
            | Request::Skim { .. }
            | Request::Open { .. }
            | Request::Earlier { .. }
            | Request::Record { .. }
            | Request::Worklist
            | Request::Policy
            | Request::Status
            | Request::Audit { .. }
            | Request::KeepDraft { .. }
    )
}
