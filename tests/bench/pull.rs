//! How fast a generated EMIS extract is pulled, screened and made durable, and how much memory that takes; a day of
//! about 6,000 lines after it, and the same day again; and how fast the table is parsed beside DuckDB, qsv or xsv.
//!
//! `cargo bench --bench pull [-- PATIENTS [all] [cache=MIB]]`; a patient has 20 consultations of five lines in the mean, so the
//! default of 10,000 makes a million lines. Of these ten years what was recorded before 31 October 2023, from when
//! practices had to show new entries, is not open online; with `all` everything is, and waits for people. `cache` is
//! what sled may keep in memory.
//! The store stands in a temporary folder: set TMPDIR for another disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom::audit::Actor;
use anteroom::channel::Portal;
use anteroom::protocol::Pulled;
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, Settings, SystemClock};
use anteroom::source::emis::Emis;
use anteroom::source::{Change, Source};
use anteroom::store::{EmbeddedStore, Master, Options};
use anteroom::synth::{self, Format, Plan};
use chrono::NaiveDate;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let patients = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let first = NaiveDate::from_ymd_opt(2026, 11, 16).unwrap();
    // A day brings a consultation for 25 of 1,000 patients, five lines each: so many together are 6,000 lines.
    let days = (48_000_u32).div_ceil(patients).clamp(1, 30);
    let plan = Plan { practices: 1, patients, history: 20, days, seed: 1, first };
    let begun = Instant::now();
    let answers = synth::write(&plan, Format::Emis, &folder.path().join("feed")).unwrap();
    println!("written by synth: {} lines in {:.1} s", answers[0].lines, begun.elapsed().as_secs_f64());
    let day = |day: usize| folder.path().join("feed").join(&answers[day].folder);
    parse(&day(0), answers[0].lines);

    println!("memory before the first pull: at most {} MB", most_memory());
    let service = open(&folder.path().join("state"), std::env::args().any(|argument| argument == "all"));
    let pull = |what: &str, path: &Path| -> (Pulled, Duration) {
        let begun = Instant::now();
        let pulled = service.pull(&Actor::system("pull"), &mut Emis::new(path)).unwrap();
        let took = begun.elapsed();
        println!(
            "{what:<44} {:>9} lines {:>8} entries {:>8.2} s {:>9.0} lines/s, memory at most {} MB",
            pulled.parts,
            pulled.new + pulled.changed + pulled.deleted,
            took.as_secs_f64(),
            pulled.parts as f64 / took.as_secs_f64(),
            most_memory()
        );
        (pulled, took)
    };
    let (whole, _) = pull("the whole record, for the first time", &day(0));
    assert_eq!((whole.parts, whole.new), (answers[0].lines, answers[0].new), "the known answers");
    let together = folder.path().join("day");
    put_together((1..answers.len()).map(day), &together);
    pull("a day", &together);
    pull("the same files again", &together);
    // Another file in the folder makes it another batch, which is read whole and changes nothing.
    std::fs::write(together.join("notes.txt"), "not a table").unwrap();
    let (again, _) = pull("the same day in other files", &together);
    assert_eq!((again.new, again.changed, again.deleted), (0, 0, 0));
}

/// Makes one day's extract of several: rows of the same table one after the other, under the last one's name.
fn put_together(days: impl Iterator<Item = PathBuf>, into: &Path) {
    std::fs::create_dir(into).unwrap();
    let mut tables: BTreeMap<String, (String, String)> = BTreeMap::new();
    for file in days.flat_map(|day| std::fs::read_dir(day).unwrap()) {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let table = name.split('_').skip(1).take(2).collect::<Vec<_>>().join("_");
        let text = std::fs::read_to_string(&path).unwrap();
        let (known, rows) = tables.entry(table).or_default();
        let (header, body) = text.split_once('\n').unwrap();
        if rows.is_empty() {
            *rows = format!("{header}\n");
        }
        rows.push_str(body);
        if name > *known {
            *known = name;
        }
    }
    for (name, rows) in tables.into_values() {
        std::fs::write(into.join(name), rows).unwrap();
    }
}

/// Reads the largest table only, then has others count its rows.
fn parse(folder: &Path, lines: u64) {
    let begun = Instant::now();
    let mut read = 0_u64;
    Emis::new(folder)
        .read(&mut |change| {
            read += u64::from(matches!(change, Change::Part(_)));
            Ok(())
        })
        .unwrap();
    assert_eq!(read, lines);
    per_second("all tables read into lines, by us", lines, begun.elapsed());
    let table = largest(folder);
    let begun = Instant::now();
    let rows =
        csv::Reader::from_path(&table).unwrap().into_byte_records().map(|row| row.unwrap().len()).filter(|n| *n > 1);
    assert_eq!(rows.count() as u64, lines);
    per_second("the lines’ table split, by the crate csv", lines, begun.elapsed());
    let table = table.to_str().unwrap();
    let query = format!("select count(*), sum(length(AssociatedText)) from read_csv('{table}', all_varchar = true)");
    let python = format!("import duckdb; duckdb.sql(\"{query}\").fetchall()");
    let peers = [
        ("duckdb", "duckdb", vec!["-c", query.as_str()]),
        ("duckdb in Python", "python3", vec!["-c", python.as_str()]),
        ("qsv", "qsv", vec!["count", table]),
        ("xsv", "xsv", vec!["count", table]),
    ];
    for (name, program, arguments) in peers {
        let begun = Instant::now();
        match Command::new(program).args(arguments).output() {
            Ok(output) if output.status.success() => {
                per_second(&format!("the lines’ table, by {name}, its start included"), lines, begun.elapsed())
            }
            _ => println!("skipped: {name} is not installed"),
        }
    }
}

fn largest(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

fn per_second(what: &str, lines: u64, took: Duration) {
    println!(
        "{what:<44} {lines:>9} lines {:>25.2} s {:>9.0} lines/s",
        took.as_secs_f64(),
        lines as f64 / took.as_secs_f64()
    );
}

fn open(state: &Path, everything: bool) -> Arc<Service> {
    let mut settings = Settings::default();
    settings.practice.go_live = (!everything).then_some(toml::value::Date { year: 2023, month: 10, day: 31 });
    let master = Master::from_key([7; 32], "a benchmark");
    let cache = std::env::args().find_map(|argument| argument.strip_prefix("cache=")?.parse::<u64>().ok());
    let usual = Options::default();
    let options = Options { cache_bytes: cache.map_or(usual.cache_bytes, |mib| mib << 20), ..usual };
    let (store, _) = EmbeddedStore::open(&state.join("store"), &options, &master).unwrap();
    let keys = Keys::from_secret(store.secret());
    Arc::new(
        Service::start(Parts {
            store: Box::new(store),
            clock: Arc::new(SystemClock),
            rules: Rules::built_in(),
            keys,
            settings,
            channel: Box::new(Portal::new(state.join("feed"))),
            feed: Box::new(|| None),
            demo: false,
        })
        .unwrap(),
    )
}

/// The most memory that this process has held, in MB, as the kernel counts it.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
