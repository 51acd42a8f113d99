//! A pull that is killed and run again ends with what one run would have made, and at no time holds an entry
//! that was not screened.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anteroom::store::{EmbeddedStore, Store, Table};
use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{self, Practice, extract};

const FOLDER: &str = "ANTEROOM_KILLED_PULL_FOLDER";
const FEED: &str = "ANTEROOM_KILLED_PULL_FEED";

/// Not a test: the process that gets killed.
#[test]
#[ignore = "runs as a child of the other tests"]
fn child() {
    let (Ok(folder), Ok(feed)) = (std::env::var(FOLDER), std::env::var(FEED)) else { return };
    let service = kit::open_service_in(Path::new(&folder));
    println!("\npulling");
    kit::person(&service, "lea").pull(&feed);
    println!("\ndone");
}

/// An extract with consultations, lines that stand alone, problems that join them, a row to be set aside and
/// deletions of what was never sent.
fn feed(folder: &Path, lines: usize) -> String {
    let mut rows: Vec<extract::Row> = (1..=lines)
        .map(|n| {
            let text = if n % 50 == 0 { "Says her partner hits her." } else { "Knee better, will ring." };
            extract::row(n, if n % 4 == 0 { 0 } else { 1 + n / 6 }, n % 2, &format!("{text} Line {n}."))
        })
        .collect();
    rows.push(extract::Row { deleted: true, ..extract::row(lines + 1, 0, 0, "") });
    let feed = extract::write(folder, &rows);
    let mut problems = String::from("ObservationGuid,PatientGuid,OrganisationGuid,Deleted,Comment\r\n");
    for row in rows.iter().take(lines).step_by(7) {
        let patient = extract::guid(0xaa, row.patient);
        problems += &format!("{},{patient},{},false,Reviewed.\r\n", row.guid, extract::ORGANISATION);
    }
    problems += "not a guid,,,,\r\n";
    fs::write(extract::file(folder, "CareRecord_Problem"), problems).unwrap();
    feed
}

type Rows = BTreeMap<(u8, Vec<u8>), Value>;

/// The time of the pull stands in front of some keys, and in those of the index of lines what tells one pull from
/// another, behind the share.
fn without_time(table: Table, mut key: Vec<u8>) -> Vec<u8> {
    match table {
        Table::Batch | Table::SetAside => drop(key.drain(..8)),
        Table::Part => drop(key.drain(2..10)),
        _ => {}
    }
    key
}

/// A row as it is compared. The index of lines is no JSON.
fn value_of(table: Table, value: &[u8]) -> Value {
    match table {
        Table::Part => Value::from(value.to_vec()),
        _ => to_the_minute(serde_json::from_slice(value).unwrap()),
    }
}

/// Moments without their seconds: two pulls do not happen at the same time.
fn to_the_minute(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > 19 && text.as_bytes()[10] == b'T' && text.ends_with('Z') => {
            Value::String(text[..16].to_owned())
        }
        Value::Array(all) => all.into_iter().map(to_the_minute).collect(),
        // A pull killed after its last unit is done, and pulling again says that it was.
        Value::Object(all) => {
            let kept = all.into_iter().filter(|(name, _)| name != "repeated");
            kept.map(|(name, value)| (name, to_the_minute(value))).collect()
        }
        other => other,
    }
}

/// Everything in the store of a state folder, and that no entry in it lacks its version, its screening or its
/// patient.
fn rows_of(folder: &Path) -> Rows {
    let (store, _) = EmbeddedStore::open(&folder.join("store"), &kit::options(), &kit::master()).unwrap();
    let mut rows = Rows::new();
    for table in Table::ALL {
        for (key, row) in store.scan(table, &[], None, usize::MAX).unwrap() {
            rows.insert((table as u8, without_time(table, key)), value_of(table, &row.value));
        }
    }
    let id = |value: &Value| -> Vec<u8> {
        let hex = value.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    for ((_, key), row) in rows.range((Table::Entry as u8, Vec::new())..(Table::Entry as u8 + 1, Vec::new())) {
        let version = u32::try_from(row["review"]["version"].as_u64().unwrap()).unwrap();
        let of_version = [key.as_slice(), &version.to_be_bytes()].concat();
        for table in [Table::Version, Table::Screening] {
            assert!(rows.contains_key(&(table as u8, of_version.clone())), "an entry without its {table:?}");
        }
        assert!(rows.contains_key(&(Table::Patient as u8, id(&row["entry"]["patient"]))), "an entry of nobody");
        assert_ne!(row["review"]["state"], "screening", "an entry that was not screened");
    }
    rows
}

/// Pulls in another process and kills it after a while; whether it was done before.
fn pull_and_kill(folder: &Path, feed: &str, after: Duration) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder)
        .env(FEED, feed)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "pulling"), "the child did not begin");
    std::thread::sleep(after);
    let _ = child.kill();
    child.wait().unwrap();
    lines.any(|line| line == "done")
}

fn state_folder(like: &Practice) -> TempDir {
    Practice::with_keys_of(like).close()
}

fn killed_pulls_end_like_a_clean_one(kills: u32, lines: usize) {
    let clean = Practice::new();
    let feed = feed(&clean.path().join("extract"), lines);
    // The same tables in a folder that is not the same: they are read again.
    let again = self::feed(&clean.path().join("again"), lines);
    fs::write(clean.path().join("again/notes.txt"), "not a table").unwrap();
    let begun = Instant::now();
    let pulled = clean.user("lea").pull(&feed);
    let takes = begun.elapsed();
    assert!(pulled.new > 100 && pulled.queued > 10 && pulled.set_aside == 1, "{pulled:?}");
    let other = state_folder(&clean);
    let clean_folder = clean.close();
    let wanted = rows_of(clean_folder.path());

    let mut folder = other;
    let (mut killed, mut in_the_middle) = (0, 0);
    while killed < kills {
        let after = kit::random_part_of(takes);
        let done = pull_and_kill(folder.path(), &feed, after);
        killed += 1;
        let rows = rows_of(folder.path());
        let entries = rows.range((Table::Entry as u8, Vec::new())..(Table::Entry as u8 + 1, Vec::new())).count();
        in_the_middle += u32::from(!done && entries > 0);
        // As soon as one is done, or has been killed three times over, it is let end and compared.
        if done || killed % 3 == 0 {
            assert!(pull_to_the_end(folder.path(), &feed), "the last run ends");
            same(&wanted, &rows_of(folder.path()));
            let practice = Practice::open(folder);
            let pulled = practice.user("lea").pull(&again);
            assert!(pulled.parts > 0);
            assert_eq!((pulled.new, pulled.changed, pulled.deleted, pulled.patients), (0, 0, 0, 0));
            folder = state_folder(&practice);
        }
    }
    println!("{killed} kills, {in_the_middle} with entries stored and more to come, a clean pull takes {takes:?}");
    // Kills before anything is stored and after everything is say little.
    assert!(kills < 50 || in_the_middle >= 10, "only {in_the_middle} of {killed} were in the middle");
}

fn pull_to_the_end(folder: &Path, feed: &str) -> bool {
    let service = kit::open_service_in(folder);
    let pulled = kit::person(&service, "lea").pull(feed);
    pulled.source == "emis"
}

fn same(wanted: &Rows, found: &Rows) {
    let names = |rows: &Rows| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(wanted).len(), names(found).len(), "as many rows");
    for (key, value) in wanted {
        assert_eq!(Some(value), found.get(key), "a row of table {}", key.0);
    }
}

#[test]
fn a_pull_killed_in_the_middle_and_run_again_ends_like_a_clean_one() {
    killed_pulls_end_like_a_clean_one(5, 700);
}

#[test]
#[ignore = "fifty kills: some minutes"]
fn fifty_killed_pulls_end_like_clean_ones() {
    killed_pulls_end_like_a_clean_one(50, 700);
}
