//! What the status and the metrics say, and what they must not.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use anteroom::protocol::{Reply, Request};
use anteroom::record::{Act, HideReason};

use crate::{BINARY, connect, decide, practice, queue};

fn ask(dir: &Path, request: &str) -> (String, String) {
    let mut stream = UnixStream::connect(dir.join("metrics.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Reads OpenMetrics text strictly: every sample belongs to a family that was described, no sample comes twice, the
/// end is marked.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let mut ended = false;
    for line in text.lines() {
        assert!(!ended, "nothing follows the end: {line}");
        if line == "# EOF" {
            ended = true;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "described twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            let bare = name.split('{').next().unwrap();
            let of = |(family, kind): (&String, &String)| match kind.as_str() {
                "counter" => bare == format!("{family}_total"),
                "histogram" => ["_bucket", "_sum", "_count"].iter().any(|end| bare == format!("{family}{end}")),
                _ => bare == family,
            };
            assert!(families.iter().any(of), "no family has {line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(samples.insert(name.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    assert!(ended, "it was cut");
    samples
}

fn metrics(dir: &Path) -> BTreeMap<String, f64> {
    let (head, body) = ask(dir, "GET /metrics HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.0 200") && head.contains("application/openmetrics-text"), "{head}");
    let (size, _) = head.split_once("Content-Length: ").unwrap().1.split_once("\r\n").unwrap();
    assert_eq!(size.parse::<usize>().unwrap(), body.len());
    parse(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_count_what_happens_and_name_nobody() {
    let (dir, _daemon) = practice(4).await;
    let before = metrics(dir.path());
    let mut client = connect(dir.path()).await;
    let rows = queue(&mut client).await.rows;
    for row in &rows[..2] {
        client.request(decide(row, Act::Hide { reason: HideReason::Coercion })).await.unwrap();
    }
    let again = client.request(decide(&rows[1], Act::Hide { reason: HideReason::Coercion })).await.unwrap();
    assert!(matches!(again, Reply::Refused { .. }));
    client.request(Request::Claim { entry: rows[2].entry }).await.unwrap();
    let after = metrics(dir.path());
    let rose = |name: &str| after[name] - before[name];
    assert_eq!(rose("anteroom_connections_total"), 1.0);
    assert_eq!(rose("anteroom_requests_total"), 6.0);
    assert_eq!(rose("anteroom_refusals_total"), 1.0);
    assert_eq!(rose("anteroom_failures_total"), 0.0);
    assert_eq!(rose("anteroom_leases"), 1.0);
    assert_eq!(after["anteroom_clients"], 1.0);
    assert_eq!(rose("anteroom_commit_seconds_count"), 5.0, "the queue, three acts, the claim");
    assert!(rose("anteroom_sync_seconds_count") >= 1.0);
    assert!(rose("anteroom_sync_seconds_sum") > 0.0);
    let waits = |samples: &BTreeMap<String, f64>| -> f64 {
        samples.iter().filter(|(name, _)| name.starts_with("anteroom_queue_entries")).map(|(_, value)| value).sum()
    };
    assert_eq!((waits(&before), waits(&after)), (4.0, 2.0));
    assert_eq!(after["anteroom_entries{state=\"hidden\"}"], 2.0);
    assert!(after["anteroom_journal_bytes"] > 0.0 && after["anteroom_disk_free_bytes"] > 0.0);
    assert_eq!(after["anteroom_store_stopped"], 0.0);
    for histogram in ["anteroom_sync_seconds", "anteroom_commit_seconds"] {
        let mut buckets: Vec<(f64, f64)> = after
            .iter()
            .filter_map(|(name, value)| {
                let bound = name.strip_prefix(&format!("{histogram}_bucket{{le=\""))?.strip_suffix("\"}")?;
                Some((if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() }, *value))
            })
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.len() > 10 && buckets.is_sorted_by(|a, b| a.1 <= b.1), "{buckets:?}");
        assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, after[&format!("{histogram}_count")]));
    }
    let (_, body) = ask(dir.path(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let secret = [rows[0].patient_name.clone(), rows[0].entry.to_string(), rows[0].patient.to_string()];
    for word in ["NASH", "Nash", "OAKE", "Oake", "Una", "partner"].into_iter().chain(secret.iter().map(String::as_str))
    {
        assert!(!body.contains(word), "{word} is in the metrics");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_socket_answers_nothing_else_and_outlives_bad_scrapes() {
    let (dir, _daemon) = practice(1).await;
    assert!(ask(dir.path(), "GET / HTTP/1.0\r\n\r\n").0.starts_with("HTTP/1.0 404"));
    assert!(ask(dir.path(), "POST /metrics HTTP/1.0\r\n\r\n").0.starts_with("HTTP/1.0 405"));
    // Some that say nothing, half of it, or far too much.
    let silent: Vec<_> = (0..8).map(|_| UnixStream::connect(dir.path().join("metrics.sock")).unwrap()).collect();
    for (i, mut stream) in silent.iter().enumerate() {
        let _ = stream.write_all(&b"GET /met".repeat(if i % 2 == 0 { 1 } else { 4_000 }));
    }
    drop(silent);
    assert!(metrics(dir.path()).len() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_has_sizes_depths_and_leases_and_no_name_of_a_patient() {
    let (dir, _daemon) = practice(4).await;
    let mut client = connect(dir.path()).await;
    let row = queue(&mut client).await.rows.remove(0);
    client.request(Request::Claim { entry: row.entry }).await.unwrap();
    let output =
        Command::new(BINARY).args(["--dir", dir.path().to_str().unwrap(), "status", "--json"]).output().unwrap();
    // 1: there are alarms, about tables that this small extract does not have.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    let health = &status["health"];
    for size in ["journal_bytes", "view_bytes", "total_bytes", "floor_bytes", "last_sync_micros", "syncs"] {
        assert!(health[size].as_u64().is_some_and(|size| size > 0), "{size}: {text}");
    }
    let synced = chrono::DateTime::parse_from_rfc3339(health["last_sync"].as_str().unwrap()).unwrap();
    let since = chrono::Utc::now().signed_duration_since(synced);
    assert!((0..60).contains(&since.num_seconds()), "{since}");
    let logged = Command::new(BINARY)
        .args(["--dir", dir.path().to_str().unwrap(), "audit", "list", "--json", "--all"])
        .output()
        .unwrap();
    let logged = String::from_utf8(logged.stdout).unwrap();
    let frame = logged.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let frame = frame.into_iter().find(|line| line["seq"] == status["seq"]).unwrap();
    assert_eq!(health["head"], frame["digest"]);
    assert_eq!(health["clients"], 2);
    assert_eq!(health["stopped"], serde_json::Value::Null);
    assert_eq!(
        health["applied"].as_u64().unwrap() + health["behind"].as_u64().unwrap(),
        status["seq"].as_u64().unwrap()
    );
    let depth: u64 = health["queue"].as_array().unwrap().iter().map(|depth| depth["entries"].as_u64().unwrap()).sum();
    assert_eq!((depth, &health["queue"][0]["state"]), (4, &serde_json::json!("queued")));
    let lease = &status["leases"][0];
    assert_eq!(lease["stage"], "first");
    assert!(lease["left"].as_u64().is_some_and(|left| (590..=600).contains(&left)), "{text}");
    for word in ["Nash", "Oake", &row.patient_name, &row.patient.to_string()] {
        assert!(!text.contains(word), "{word} is in the status");
    }
}
