//! One client: requests in, replies and notices out.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio_util::bytes::Bytes;

use crate::client::framed;
use crate::protocol::{Asked, Notice, Reply, Sent};
use crate::service::{ServiceError, Session};

/// A client that says nothing at first, or does not read its replies, is let go after this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Talks with one client until it leaves or the daemon stops. A request that was accepted is finished
/// and answered first.
pub async fn converse<T>(
    stream: T,
    session: Result<Session, ServiceError>,
    mut changes: watch::Receiver<u64>,
    mut stopping: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut frames = framed(stream);
    let mut session = match session {
        Ok(session) => Some(session),
        Err(error) => {
            // The caller learns why, as the answer to whatever they ask first.
            if let Ok(Some(Ok(frame))) = tokio::time::timeout(PATIENCE, frames.next()).await {
                let id = serde_json::from_slice::<Asked>(&frame).map_or(0, |asked| asked.id);
                let reply = Reply::Refused { why: error.to_string() };
                send(&mut frames, &Sent::Reply { id, reply }).await;
            }
            return;
        }
    };
    let mut notices = session.as_mut().and_then(Session::notices);
    let mut greeted = false;
    loop {
        let sent = tokio::select! {
            biased;
            frame = frames.next() => {
                let Some(Ok(frame)) = frame else { return };
                let Some(taken) = session.take() else { return };
                let Some((back, sent)) = answer(taken, &frame).await else { return };
                session = Some(back);
                greeted = true;
                sent
            }
            Some(notice) = told(&mut notices), if greeted => Sent::Notice(notice),
            Ok(()) = changes.changed(), if greeted => Sent::Notice(Notice::QueueChanged),
            () = stopped(&mut stopping) => {
                send(&mut frames, &Sent::Notice(Notice::Closing)).await;
                return;
            }
            () = tokio::time::sleep(PATIENCE), if !greeted => return,
        };
        if !send(&mut frames, &sent).await {
            return;
        }
    }
}

async fn told(notices: &mut Option<mpsc::Receiver<Notice>>) -> Option<Notice> {
    notices.as_mut()?.recv().await
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The answer to one frame; `None` when the caller is not speaking the protocol or the service died.
async fn answer(mut session: Session, frame: &[u8]) -> Option<(Session, Sent)> {
    let asked: Asked = match serde_json::from_slice(frame) {
        Ok(asked) => asked,
        Err(_) => {
            let why = "this is not a request of the protocol: use the same version on both ends".to_owned();
            return Some((session, Sent::Reply { id: 0, reply: Reply::Refused { why } }));
        }
    };
    tokio::task::spawn_blocking(move || {
        let reply = session.answer(asked.request);
        (session, Sent::Reply { id: asked.id, reply })
    })
    .await
    .ok()
}

async fn send<T>(
    frames: &mut tokio_util::codec::Framed<T, tokio_util::codec::LengthDelimitedCodec>,
    sent: &Sent,
) -> bool
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(frame) = serde_json::to_vec(sent) else { return false };
    matches!(tokio::time::timeout(PATIENCE, frames.send(Bytes::from(frame))).await, Ok(Ok(())))
}
