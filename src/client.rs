//! The other end of the daemon's socket.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::protocol::{ActName, Asked, MAX_FRAME, Notice, Reply, Request, Sent, VERSION, Welcome};

/// A connection to a daemon, whether over a Unix socket or within the process.
pub struct Client<T> {
    frames: Framed<T, LengthDelimitedCodec>,
    next: u64,
    notices: VecDeque<Notice>,
}

/// Why a request got no answer. One sentence.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The daemon is gone.
    #[error("the daemon has closed the connection: start anteroom again when it is back")]
    Closed,
    /// The transport failed.
    #[error("the connection to the daemon failed ({0}): start anteroom again")]
    Transport(#[from] std::io::Error),
    /// What came was not of the protocol.
    #[error("the daemon sent something this version does not understand: use the same version on both ends")]
    Garbled,
    /// The daemon would not have us.
    #[error("{0}")]
    Unwelcome(String),
}

impl ClientError {
    /// Whether what was asked may have been done all the same.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Closed | Self::Transport(_))
    }
}

/// A name for what is asked, if it is a person's act on an entry. `None` also where the system gives no random bytes: it
/// can then not be asked again.
pub fn name_for(request: &Request) -> Option<ActName> {
    request.acts_on()?;
    let mut name = [0; 16];
    getrandom::fill(&mut name).ok().map(|()| ActName(name))
}

/// The framing both ends use.
pub fn framed<T: AsyncRead + AsyncWrite>(stream: T) -> Framed<T, LengthDelimitedCodec> {
    LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_framed(stream)
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// Says hello over `stream`.
    ///
    /// # Errors
    /// When the daemon refuses the caller or speaks another version.
    pub async fn connect(stream: T) -> Result<(Self, Welcome), ClientError> {
        let mut client = Self { frames: framed(stream), next: 1, notices: VecDeque::new() };
        match client.request(Request::Hello { version: VERSION }).await? {
            Reply::Welcome(welcome) => Ok((client, welcome)),
            Reply::Refused { why } | Reply::Failed { why } => Err(ClientError::Unwelcome(why)),
            _ => Err(ClientError::Garbled),
        }
    }

    /// Asks, and waits for the answer to just that.
    ///
    /// # Errors
    /// When the connection is lost or what comes is not of the protocol.
    pub async fn request(&mut self, request: Request) -> Result<Reply, ClientError> {
        self.request_as(request, None).await
    }

    /// The same under the name of a person's act, to be asked again under it when the connection is lost.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_as(&mut self, request: Request, act: Option<ActName>) -> Result<Reply, ClientError> {
        let id = self.next;
        self.next += 1;
        let frame = serde_json::to_vec(&Asked { id, request, act }).map_err(|_| ClientError::Garbled)?;
        self.frames.send(Bytes::from(frame)).await?;
        loop {
            match self.receive().await? {
                Sent::Reply { id: answered, reply } if answered == id => return Ok(reply),
                Sent::Reply { .. } => {}
                Sent::Notice(notice) => self.notices.push_back(notice),
            }
        }
    }

    /// The next thing the daemon tells unasked. Safe to cancel.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn notice(&mut self) -> Result<Notice, ClientError> {
        if let Some(notice) = self.notices.pop_front() {
            return Ok(notice);
        }
        loop {
            if let Sent::Notice(notice) = self.receive().await? {
                return Ok(notice);
            }
        }
    }

    async fn receive(&mut self) -> Result<Sent, ClientError> {
        let frame = self.frames.next().await.ok_or(ClientError::Closed)??;
        serde_json::from_slice(&frame).map_err(|_| ClientError::Garbled)
    }
}
