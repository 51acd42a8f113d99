//! One client: requests in, replies and notices out.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::sync::{mpsc, watch};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use crate::protocol::{Asked, MAX_FRAME, MAX_REQUEST, Notice, Reply, Sent};
use crate::service::{ServiceError, Session};

/// A client that says nothing at first, leaves a request half sent, or does not read its replies, is let go
/// after this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Talks with one client until it leaves or the daemon stops. One request at a time: the next is not read before
/// the answer to this one has left, so a client that does not read makes nothing grow here. A request that was
/// read is finished and answered first.
pub async fn converse<T>(
    stream: T,
    session: Result<Session, ServiceError>,
    mut changes: watch::Receiver<u64>,
    mut stopping: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (read, write) = split(stream);
    let mut requests = FramedRead::new(read, codec(MAX_REQUEST));
    let mut replies = FramedWrite::new(write, codec(MAX_FRAME));
    let mut session = match session {
        Ok(session) => Some(session),
        Err(error) => {
            // The caller learns why, as the answer to whatever they ask first.
            if let Ok(Some(Ok(frame))) = tokio::time::timeout(PATIENCE, requests.next()).await {
                let id = serde_json::from_slice::<Asked>(&frame).map_or(0, |asked| asked.id);
                let reply = Reply::Refused { why: error.to_string() };
                send(&mut replies, &Sent::Reply { id, reply }).await;
            }
            return;
        }
    };
    let mut notices = session.as_mut().and_then(Session::notices);
    let mut greeted = false;
    let mut look = tokio::time::interval(PATIENCE);
    look.reset();
    // How much of a request had come when we last looked, and whether any has been completed since.
    let (mut begun, mut completed) = (0, false);
    loop {
        let sent = tokio::select! {
            biased;
            () = stopped(&mut stopping) => {
                send(&mut replies, &Sent::Notice(Notice::Closing)).await;
                return;
            }
            frame = requests.next() => {
                let Some(Ok(frame)) = frame else { return };
                let Some(taken) = session.take() else { return };
                let Some((back, sent)) = answer(taken, &frame).await else { return };
                session = Some(back);
                (greeted, completed) = (true, true);
                sent
            }
            Some(notice) = told(&mut notices), if greeted => Sent::Notice(notice),
            Ok(()) = changes.changed(), if greeted => Sent::Notice(Notice::QueueChanged),
            _ = look.tick() => {
                let half = requests.read_buffer().len();
                if !greeted || (begun > 0 && half > 0 && !completed) {
                    return;
                }
                (begun, completed) = (half, false);
                continue;
            }
        };
        if !send(&mut replies, &sent).await {
            return;
        }
    }
}

fn codec(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(longest).new_codec()
}

async fn told(notices: &mut Option<mpsc::Receiver<Notice>>) -> Option<Notice> {
    notices.as_mut()?.recv().await
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Whoever could stop us is gone: then nobody will.
    if stopping.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The answer to one frame; `None` when the service died.
async fn answer(mut session: Session, frame: &[u8]) -> Option<(Session, Sent)> {
    let asked: Asked = match serde_json::from_slice(frame) {
        Ok(asked) => asked,
        Err(_) => {
            let why = "this is not a request of the protocol: use the same version on both ends".to_owned();
            return Some((session, Sent::Reply { id: 0, reply: Reply::Refused { why } }));
        }
    };
    tokio::task::spawn_blocking(move || {
        let reply = session.answer_as(asked.request, asked.act);
        (session, Sent::Reply { id: asked.id, reply })
    })
    .await
    .ok()
}

async fn send<W: AsyncWrite + Unpin>(replies: &mut FramedWrite<W, LengthDelimitedCodec>, sent: &Sent) -> bool {
    let Ok(frame) = serde_json::to_vec(sent) else { return false };
    matches!(tokio::time::timeout(PATIENCE, replies.send(Bytes::from(frame))).await, Ok(Ok(())))
}
