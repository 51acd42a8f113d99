//! A line that breaks at the worst moment: after the daemon has done what was asked, and before the answer is there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use anteroom::client::framed;
use anteroom::protocol::{Asked, Request, Sent};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{UnixListener, UnixStream};

/// Stands between all that connects from now on and the daemon of a folder, and cuts the connection in place of the first
/// answer to what `is_meant`. Says so by what it gives.
pub fn cut_once(dir: &Path, is_meant: fn(&Request) -> bool) -> mpsc::Receiver<()> {
    let (here, behind) = (dir.join("anteroom.sock"), dir.join("behind.sock"));
    std::fs::rename(&here, &behind).unwrap();
    let (said, says) = mpsc::channel();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = UnixListener::bind(here).unwrap();
            ready.send(()).unwrap();
            let is_cut = Arc::new(AtomicBool::new(false));
            loop {
                let client = listener.accept().await.unwrap().0;
                let Ok(daemon) = UnixStream::connect(&behind).await else { continue };
                tokio::spawn(hand_on(client, daemon, is_meant, is_cut.clone(), said.clone()));
            }
        });
    });
    is_ready.recv().unwrap();
    says
}

async fn hand_on(
    client: UnixStream,
    daemon: UnixStream,
    is_meant: fn(&Request) -> bool,
    is_cut: Arc<AtomicBool>,
    said: mpsc::Sender<()>,
) {
    let (mut client, mut daemon) = (framed(client), framed(daemon));
    let mut meant = None;
    loop {
        tokio::select! {
            frame = client.next() => {
                let Some(Ok(frame)) = frame else { return };
                let asked: Asked = serde_json::from_slice(&frame).unwrap();
                meant = is_meant(&asked.request).then_some(asked.id).or(meant);
                daemon.send(frame.freeze()).await.unwrap();
            }
            frame = daemon.next() => {
                let Some(Ok(frame)) = frame else { return };
                let sent: Sent = serde_json::from_slice(&frame).unwrap();
                let is_answer = matches!(sent, Sent::Reply { id, .. } if meant == Some(id));
                if is_answer && !is_cut.swap(true, Ordering::SeqCst) {
                    let _ = said.send(());
                    return;
                }
                let _ = client.send(frame.freeze()).await;
            }
        }
    }
}
