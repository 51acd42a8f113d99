//! Figures for whoever watches the machine: OpenMetrics text over HTTP/1.0 on a Unix socket of its own. Nothing in
//! them names a person, a patient or an entry.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::service::{Figures, STEPS, Service, Spread};

/// A scrape that takes longer is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many are answered at a time.
const MOST: usize = 4;

/// A request's head is no longer than this, bytes.
const LONGEST_HEAD: u64 = 8 << 10;

/// What the daemon itself counts.
#[derive(Debug, Default)]
pub struct Doors {
    /// Connections since the start.
    pub came: AtomicU64,
    /// Of these, turned away: no role, or too many of one person.
    pub turned_away: AtomicU64,
    /// Connections now.
    pub here: AtomicU64,
}

/// Answers `GET /metrics` until dropped.
pub async fn serve(listener: &UnixListener, service: Arc<Service>, doors: Arc<Doors>) {
    let mut scrapes = JoinSet::new();
    loop {
        while scrapes.len() >= MOST {
            scrapes.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let (service, doors) = (Arc::clone(&service), Arc::clone(&doors));
                scrapes.spawn(tokio::time::timeout(PATIENCE, answer(stream, service, doors)));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while scrapes.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: UnixStream, service: Arc<Service>, doors: Arc<Doors>) {
    let Some(head) = head(&mut stream).await else { return };
    let mut words = head.split(|byte| byte.is_ascii_whitespace());
    let (status, kind, body) = match (words.next(), words.next()) {
        (Some(b"GET"), Some(b"/metrics")) => {
            match tokio::task::spawn_blocking(move || metrics(&service, &doors)).await {
                Ok(Ok(body)) => ("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", body),
                // What went wrong is in the status; here it might name a file.
                _ => (
                    "500 Internal Server Error",
                    "text/plain",
                    "the figures cannot be read: ask anteroom status\n".into(),
                ),
            }
        }
        (Some(b"GET"), _) => ("404 Not Found", "text/plain", "ask for /metrics\n".into()),
        _ => ("405 Method Not Allowed", "text/plain", "only GET is answered\n".into()),
    };
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The request up to its empty line.
async fn head(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut limited = stream.take(LONGEST_HEAD);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && !head.windows(2).any(|end| end == b"\n\n") {
        if limited.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// The figures as text.
fn metrics(service: &Service, doors: &Doors) -> Result<String, fmt::Error> {
    let figures = service.figures().map_err(|_| fmt::Error)?;
    let doors = [&doors.came, &doors.turned_away, &doors.here].map(|count| count.load(Ordering::Relaxed));
    let mut registry = Registry::with_prefix("anteroom");
    registry.register_collector(Box::new(Scrape { figures, doors }));
    let mut body = String::new();
    text::encode(&mut body, &registry)?;
    Ok(body)
}

/// One look at everything.
#[derive(Debug)]
struct Scrape {
    figures: Figures,
    doors: [u64; 3],
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Self { figures, doors: [came, turned_away, here] } = self;
        let mut out = Out(&mut encoder);
        out.counter("connections", "Connections since the start", *came)?;
        out.counter("connections_refused", "Connections turned away", *turned_away)?;
        out.gauge("clients", "Connections now", *here)?;
        out.counter("requests", "Requests answered", figures.requests)?;
        out.counter("refusals", "Requests that a rule refused", figures.refusals)?;
        out.counter("failures", "Requests that failed", figures.failures)?;
        out.spread("commit_seconds", "Time until a unit of work was durable and shown", &figures.commits)?;
        out.spread("sync_seconds", "Time that a sync of the journal took", &figures.store.syncs)?;
        let queue: Vec<_> = figures
            .queue
            .iter()
            .map(|depth| {
                ([("state", depth.state.name().to_owned()), ("tier", u8::from(depth.tier).to_string())], depth.entries)
            })
            .collect();
        out.family("queue_entries", "Entries that wait for people", &queue)?;
        let entries: Vec<_> =
            figures.entries.iter().map(|(state, count)| ([("state", state.name().to_owned())], *count)).collect();
        out.family("entries", "Entries by state", &entries)?;
        out.gauge("queue_late_entries", "Entries that wait longer than their target", figures.totals.late)?;
        out.gauge("leases", "Patients in somebody's hands", figures.leases.len() as u64)?;
        out.gauge("journal_bytes", "Size of the journal on the disk", figures.store.journal_bytes)?;
        out.gauge("view_bytes", "Size of the view on the disk", figures.store.view_bytes)?;
        out.gauge("journal_units", "Units in the journal", figures.store.head)?;
        out.gauge("view_units", "Units that the view has kept", figures.store.applied)?;
        out.gauge("store_stopped", "1 when the store takes no more writes", figures.store.stopped.is_some().into())?;
        out.gauge("disk_free_bytes", "Free space on the store's disk", figures.space.free)?;
        out.gauge("disk_floor_bytes", "Free space below which work is refused", figures.store.floor_bytes)?;
        if let Some(at) = figures.totals.pulled_at {
            let at = u64::try_from(at.timestamp()).unwrap_or_default();
            out.gauge("last_pull_timestamp_seconds", "When the last pull ended", at)?;
        }
        Ok(())
    }
}

struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn family<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: &[([(&'static str, String); N], u64)],
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            let value = i64::try_from(*value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn spread(&mut self, name: &str, help: &str, spread: &Spread) -> fmt::Result {
        let bounds = STEPS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(spread.steps.iter().copied()).collect();
        let sum = spread.total_micros as f64 / 1e6;
        self.0.encode_descriptor(name, help, None, MetricType::Histogram)?.encode_histogram::<NoLabelSet>(
            sum,
            spread.count(),
            &buckets,
            None,
        )
    }
}
