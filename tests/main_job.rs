//! The main job on the demonstration's week: pull, screen, queue, decide, publish; next day, and again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anteroom::cli::demo;
use anteroom::protocol::{Only, Queue, Reply, Request, Wanted};
use anteroom::record::{Act, HideReason, Style, Tier};
use anteroom::review::State;
use anteroom::service::Service;
use serde::Deserialize;
use tempfile::TempDir;

use kit::{Person, all_suggestions, person};

#[derive(Deserialize)]
struct Expected {
    day: Vec<Day>,
}

#[derive(Deserialize)]
struct Day {
    patients: u64,
    observations: u64,
    problems: u64,
    entries_new: u64,
    entries_since_go_live: u64,
    entries_edited: u64,
    entries_deleted: u64,
    #[serde(default)]
    needs_look: Vec<Look>,
}

#[derive(Deserialize)]
struct Look {
    guid: String,
    why: String,
}

fn expected() -> Vec<Day> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/demo-data/expected.toml");
    toml::from_str::<Expected>(&std::fs::read_to_string(path).unwrap()).unwrap().day
}

fn demo() -> (TempDir, Arc<Service>) {
    let dir = TempDir::new().unwrap();
    let (service, _) = demo::open(dir.path()).unwrap();
    (dir, service)
}

/// What the source calls the lines of the entries that wait.
fn waiting(person: &mut Person) -> BTreeSet<String> {
    let rows = person.queue().rows;
    rows.iter().flat_map(|row| person.open(row.entry).version.parts).map(|part| part.key.id).collect()
}

#[test]
fn each_day_brings_what_its_extract_holds() {
    let (_dir, service) = demo();
    let mut rahman = person(&service, "dr.rahman");
    for (n, day) in expected().into_iter().enumerate() {
        let pulled = rahman.next_day();
        assert_eq!(pulled.parts, day.observations + day.problems, "day {n}: {pulled:?}");
        assert_eq!(pulled.new, day.entries_new, "day {n}: {pulled:?}");
        assert_eq!(pulled.changed, day.entries_edited, "day {n}: {pulled:?}");
        assert_eq!(pulled.deleted, day.entries_deleted, "day {n}: {pulled:?}");
        assert!(pulled.patients >= day.patients, "day {n}: {pulled:?}");
        assert_eq!(pulled.set_aside, 0, "day {n}: {pulled:?}");
        if n == 0 {
            // A few patients were given access later than the practice's first day.
            let open = pulled.queued + pulled.to_skim + pulled.on_hold;
            assert!(open <= day.entries_since_go_live && open + 10 > day.entries_since_go_live, "{pulled:?}");
        }
    }
}

#[test]
fn every_entry_that_needs_a_look_waits_for_a_person_on_its_day() {
    let (dir, service) = demo();
    let mut rahman = person(&service, "dr.rahman");
    let mut missed = Vec::new();
    let mut needed = 0;
    for (n, day) in expected().into_iter().enumerate() {
        rahman.next_day();
        let consultation_of = consultations(&dir, n);
        let waits: BTreeSet<String> = waiting(&mut rahman)
            .into_iter()
            .flat_map(|guid| [consultation_of.get(&guid).cloned(), Some(guid)])
            .flatten()
            .collect();
        for look in day.needs_look {
            needed += 1;
            if !waits.contains(look.guid.trim_matches(['{', '}'])) {
                missed.push(format!("day {n}: {}", look.why));
            }
        }
    }
    assert!(needed > 25, "the demonstration has entries that need a look: {needed}");
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Consultation by observation, as the extracts up to `day` say.
fn consultations(dir: &TempDir, day: usize) -> BTreeMap<String, String> {
    let mut of = BTreeMap::new();
    for day in 0..=day {
        let folder = dir.path().join(format!("emis/day-{day}"));
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if !path.to_str().unwrap().contains("_CareRecord_Observation_") {
                continue;
            }
            let mut reader = csv::Reader::from_path(path).unwrap();
            for row in reader.deserialize::<BTreeMap<String, String>>() {
                let row = row.unwrap();
                let bare = |name: &str| row[name].trim_matches(['{', '}']).to_owned();
                if !row["ConsultationGuid"].is_empty() {
                    of.insert(bare("ObservationGuid"), bare("ConsultationGuid"));
                }
            }
        }
    }
    of
}

#[test]
fn the_week_runs_from_decision_to_publication_and_a_change_comes_back() {
    let (dir, service) = demo();
    let mut rahman = person(&service, "dr.rahman");
    rahman.next_day();
    let first = rahman.queue();
    assert!(first.rows.len() >= 6, "the first queue makes sense");
    assert!(first.rows.windows(2).all(|pair| pair[0].tier >= pair[1].tier), "most urgent first");

    let on_hold = first.totals.on_hold;

    // One of each act, on entries where one person is enough.
    let mut single = first.rows.iter().filter(|row| {
        let opened = rahman.open(row.entry);
        u8::from(row.tier) < 4 && opened.may_not_release.is_none() && opened.version.parts.len() > 1
    });
    let (approved, redacted, hidden) = (single.next().unwrap(), single.next().unwrap(), single.next().unwrap());
    drop(single);
    let approval = rahman.decide(approved.entry, Act::Approve).unwrap();
    assert_eq!(approval.state, State::Settling);
    let opened = rahman.open(redacted.entry);
    rahman.decide_on(&opened.row, all_suggestions(&opened, Style::Silent)).unwrap();
    rahman.decide(hidden.entry, Act::Hide { reason: HideReason::Coercion }).unwrap();

    // Undo brings it back where it was, and it can be decided again.
    assert_eq!(rahman.undo(approved.entry).unwrap().state, State::Queued);
    assert!(rahman.queue().rows.iter().any(|row| row.entry == approved.entry));
    rahman.decide(approved.entry, Act::Approve).unwrap();

    // Time goes on; nothing is visible before the uniform hold has run, everything decided is after it.
    let feed = dir.path().join("feed/Composition.ndjson");
    for day in 1..=2 {
        rahman.next_day();
        assert_eq!(rahman.queue().totals.released, 0, "day {day}: the hold still runs");
    }
    rahman.next_day();
    rahman.next_day();
    let totals = rahman.queue().totals;
    // The two that were decided, and what nobody found anything in but for the few that the week changed.
    assert!((on_hold - 3..=on_hold + 2).contains(&totals.released), "of {on_hold}: {totals:?}");
    let text = std::fs::read_to_string(feed).unwrap();
    assert!(text.contains(&approved.entry.to_string()) && text.contains(&redacted.entry.to_string()));
    assert!(!text.contains(&hidden.entry.to_string()));
}

#[test]
fn an_entry_edited_at_the_source_waits_again_with_what_was_decided_before() {
    let (_dir, service) = demo();
    let mut rahman = person(&service, "dr.rahman");
    let mut lead = person(&service, "dr.okoro");
    rahman.next_day();
    rahman.next_day();
    let rows = rahman.queue().rows;
    for row in &rows {
        // Whoever may not decide alone still leaves a decision that the change must void.
        let _ = rahman.decide(row.entry, Act::Approve).or_else(|_| lead.decide(row.entry, Act::Approve));
    }
    rahman.next_day();
    let changed: Vec<_> = rahman.queue().rows.into_iter().filter(|row| row.changed).collect();
    assert_eq!(changed.len(), 1, "day 2 edits one entry that was queued on day 1");
    let opened = rahman.open(changed[0].entry);
    let (before, decisions) = opened.before.expect("the decided version is at hand");
    assert!(!decisions.is_empty());
    assert!(before.version < opened.version.version);
    assert_ne!(before.parts, opened.version.parts);
    assert!(opened.decisions.is_empty(), "a decision on one version says nothing of another");
}

#[test]
fn every_act_and_every_read_is_in_the_log_and_the_log_is_whole() {
    let (_dir, service) = demo();
    let mut rahman = person(&service, "dr.rahman");
    rahman.next_day();
    let row = rahman.queue().rows[0].clone();
    rahman.hide(row.entry).unwrap();
    rahman.undo(row.entry).unwrap();
    let mut auditor = person(&service, "m.lloyd");
    let Reply::Audit(lines) = auditor.ask(Request::Audit { before: None, limit: 50, everything: false }) else {
        panic!("the auditor reads the log")
    };
    let about: Vec<&str> = lines
        .iter()
        .filter(|line| line.record.entry == Some(row.entry) && line.record.actor.login == "dr.rahman")
        .map(|line| line.record.event.words())
        .collect();
    assert_eq!(about, ["undid", "hid", "opened", "arrived"].map(|w| w)[..3], "newest first");
    assert!(lines.iter().all(|line| line.subject.is_none()), "no names for the auditor");
    assert!(matches!(auditor.ask(Request::Open { entry: row.entry }), Reply::Refused { .. }), "and no records");
    let Reply::Verified(verified) = auditor.ask(Request::Verify) else { panic!("the auditor verifies") };
    assert!(verified.damage.is_empty() && verified.frames > 5, "{verified:?}");
}

/// The rows that somebody sees who asks for these.
fn rows(person: &mut Person, from: usize, limit: usize, only: Only) -> Queue {
    match person.ask(Request::Rows(Wanted { from, limit, only })) {
        Reply::Queue(queue) => queue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_queue_keeps_a_patient_together_and_comes_in_pages() {
    let (_dir, service) = demo();
    let mut shah = person(&service, "dr.shah");
    (0..4).for_each(|_| _ = shah.next_day());
    let all = shah.queue();
    assert_eq!((all.from, all.fits), (0, all.rows.len()));
    let mut groups: Vec<_> = all.rows.iter().map(|row| (row.patient, row.tier)).collect();
    groups.dedup_by_key(|(patient, _)| *patient);
    assert!(groups.len() < all.rows.len(), "somebody has more than one entry waiting");
    let patients: BTreeSet<_> = groups.iter().map(|(patient, _)| *patient).collect();
    assert_eq!(patients.len(), groups.len(), "each patient stands in one place");
    let by_target = groups.windows(2).filter(|pair| pair[0].1 < pair[1].1).count();
    assert!(by_target <= all.rows.len() / 5, "the most urgent of each says where, but for every fifth: {groups:?}");

    for only in [Only::default(), Only { words: "a".into(), ..Only::default() }] {
        let all = rows(&mut shah, 0, 100, only.clone());
        let entries = |queue: &Queue| queue.rows.iter().map(|row| row.entry).collect::<Vec<_>>();
        assert!(all.fits > 4 && all.fits == all.rows.len());
        for (from, limit) in (0..all.fits).flat_map(|from| (1..6).map(move |limit| (from, limit))) {
            let page = rows(&mut shah, from, limit, only.clone());
            assert_eq!((page.from, page.fits), (from, all.fits));
            assert_eq!(entries(&page), entries(&all)[from..(from + limit).min(all.fits)], "{limit} from {from}");
        }
    }
}

#[test]
fn rows_are_found_by_name_reason_author_tier_and_who_recorded_them() {
    let (_dir, service) = demo();
    let mut shah = person(&service, "dr.shah");
    (0..3).for_each(|_| _ = shah.next_day());
    let all = shah.queue().rows;
    let entries = |queue: Queue| queue.rows.into_iter().map(|row| row.entry).collect::<BTreeSet<_>>();
    for row in &all {
        let found = |only: Only, shah: &mut Person| entries(rows(shah, 0, 100, only)).contains(&row.entry);
        for said in [&row.patient_name, &row.title, &row.author, &row.why[0]] {
            assert!(found(Only { words: said.to_lowercase(), ..Only::default() }, &mut shah), "{said}");
        }
        let family = row.patient_name.split(' ').next().unwrap();
        // A letter was left out.
        let short = format!("{}{}", &family[..3], &family[4..]);
        assert!(found(Only { words: short.clone(), ..Only::default() }, &mut shah), "{short} for {family}");
        assert!(found(Only { author: Some(row.author.clone()), ..Only::default() }, &mut shah));
        assert!(found(Only { reason: Some(row.why[0].clone()), ..Only::default() }, &mut shah));
        assert!(found(Only { patient: Some(row.patient), ..Only::default() }, &mut shah));
    }
    let urgent = rows(&mut shah, 0, 100, Only { tier: Some(Tier::Disclosure), ..Only::default() });
    assert!(!urgent.rows.is_empty() && urgent.rows.iter().all(|row| row.tier >= Tier::Disclosure));
    assert_eq!(urgent.fits, all.iter().filter(|row| row.tier >= Tier::Disclosure).count());
    let mine = rows(&mut shah, 0, 100, Only { mine: true, ..Only::default() });
    assert!(!mine.rows.is_empty() && mine.rows.iter().all(|row| row.author == "Dr Priya Shah"), "{:?}", mine.rows);
    assert_eq!(rows(&mut shah, 0, 100, Only { words: "zzzz".into(), ..Only::default() }).fits, 0);
    assert_eq!(
        rows(&mut shah, 0, 100, Only { changed: true, ..Only::default() }).fits,
        all.iter().filter(|row| row.changed).count()
    );
}
