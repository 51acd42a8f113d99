//! The sample of what clears by itself: drawn before release, blind, recomputable, and able to stop it.

use std::collections::BTreeMap;

use anteroom::audit::{Event, Record};
use anteroom::protocol::{ClearingMode, ClearingReport, Reply, Request};
use anteroom::record::{Act, EntryId, HideReason, Lane, Screening, Tier, Version};
use anteroom::review::State;
use anteroom::review::sampling::{Clearing, Demands, NotEligible, Plan, Rate, Stratum, Window, eligible, is_drawn};
use chrono::Duration;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Person, Practice, start};

/// Entry `n`, in which there is nothing to find, and no run of words that stands in another.
pub fn plain(n: usize) -> Row {
    let words: Vec<String> = ["tolb", "mirn", "quav", "sest", "jund"].iter().map(|word| format!("{word}{n}")).collect();
    row(n, n, n % 2, &words.join(" "))
}

pub fn pull(practice: &Practice, name: &str, rows: &[Row]) -> anteroom::protocol::Pulled {
    practice.user("lea").pull(&extract::write(&practice.path().join(name), rows))
}

pub fn report(person: &mut Person) -> ClearingReport {
    match person.ask(Request::Clearing) {
        Reply::Clearing(report) => *report,
        other => panic!("{other:?}"),
    }
}

pub fn sign(person: &mut Person) -> Result<ClearingReport, String> {
    match person.ask(Request::SignClearing) {
        Reply::Clearing(report) => Ok(*report),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

pub fn publish(practice: &Practice, day: i64) {
    practice.clock.set(start() + Duration::days(day));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
}

/// Everything in the log, oldest first.
pub fn log(person: &mut Person) -> Vec<Record> {
    let (mut records, mut before) = (Vec::new(), None);
    loop {
        let reply = person.ask(Request::Audit { before, limit: 500, everything: true });
        let Reply::Audit(lines) = reply else { panic!("{reply:?}") };
        let Some(last) = lines.last() else { break };
        before = Some(last.seq);
        records.extend(lines.into_iter().map(|line| line.record));
    }
    records.reverse();
    records
}

#[test]
pub fn nothing_clears_by_itself_before_enough_was_read_and_the_lead_signed() {
    let practice = Practice::measured();
    let pulled = pull(&practice, "extract", &[plain(1), plain(2)]);
    assert_eq!((pulled.queued, pulled.on_hold), (2, 0), "in shadow everything is read");
    publish(&practice, 6);
    assert!(practice.composition_lines().is_empty(), "and time shows none of it");
    let mut ben = practice.user("ben");
    let first = ben.queue().rows[0].entry;
    ben.decide(first, Act::Approve).unwrap();
    publish(&practice, 8);
    assert_eq!(practice.composition_lines().len(), 1);

    let found = report(&mut practice.user("lea"));
    assert_eq!((found.mode, found.read, found.needed), (ClearingMode::Shadow, 1, 600));
    let why = sign(&mut practice.user("lea")).unwrap_err();
    assert!(why.contains("1 of the 600"), "{why}");
    for login in ["ben", "aud", "adm"] {
        let why = sign(&mut practice.user(login)).unwrap_err();
        assert!(why.contains("only the safeguarding lead"), "{login}: {why}");
    }
    let refused = log(&mut practice.user("lea"));
    let refused = refused.iter().filter(|record| matches!(record.event, Event::ClearingSigned { .. }));
    assert_eq!(refused.count(), 4, "every attempt is in the log");
}

#[test]
pub fn who_reads_a_drawn_entry_cannot_tell_it_from_one_that_somebody_pulled_out() {
    let drawn = Practice::measured();
    let picked = Practice::with_keys_of(&drawn);
    for practice in [&drawn, &picked] {
        pull(practice, "extract", &[plain(1), plain(2)]);
    }
    let ids: Vec<EntryId> = drawn.user("ben").queue().rows.iter().map(|row| row.entry).collect();
    assert_eq!(ids.len(), 2);
    for id in &ids {
        let reply = picked.user("lea").ask(Request::Pick { entry: *id });
        assert!(matches!(reply, Reply::Decided(_)), "{reply:?}");
    }
    for practice in [&drawn, &picked] {
        practice.clock.set(start() + Duration::hours(1));
    }
    let seen = |practice: &Practice| {
        let mut ben = practice.user("ben");
        let mut rows = ben.queue().rows;
        let mut opened: Vec<_> = ids.iter().map(|id| ben.open(*id)).collect();
        // The clocks of the two practices run.
        let beside = opened.iter_mut().flat_map(|opened| std::iter::once(&mut opened.row).chain(&mut opened.also_here));
        for row in rows.iter_mut().chain(beside) {
            (row.waiting_since, row.due) = (start(), start());
        }
        serde_json::to_string(&(rows, opened)).unwrap()
    };
    assert_eq!(seen(&drawn), seen(&picked));
    // Nor does the log tell, to those who read.
    let tells = |record: &Record| matches!(record.event, Event::Drawn { .. } | Event::SampleRead { .. });
    assert!(!log(&mut drawn.user("ben")).iter().any(tells));
    assert_eq!(log(&mut drawn.user("aud")).iter().filter(|record| tells(record)).count(), 2);
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

/// The draw as the README describes it, without the program.
fn drawn_by_hand(seed: &[u8], entry: EntryId, version: Version, rate: u32) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(seed).unwrap();
    mac.update(&entry.0);
    mac.update(&version.0.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let first = u64::from_be_bytes(digest[..8].try_into().unwrap());
    u128::from(first) * 1_000_000 < u128::from(rate) << 64
}

#[test]
pub fn p31_from_shadow_to_signature_to_suspension_and_the_sample_can_be_drawn_again_from_the_log() {
    let practice = Practice::measured();
    let rows: Vec<Row> = (1..=620).map(plain).collect();
    assert_eq!(pull(&practice, "extract", &rows).queued, 620);
    let mut ben = practice.user("ben");
    for row in ben.queue().rows {
        ben.decide_on(&row, Act::Approve).unwrap();
    }
    let signed = sign(&mut practice.user("lea")).unwrap();
    assert_eq!((signed.mode, signed.read), (ClearingMode::Signed, 620));
    assert!((signed.windows[0].clear.bound - 0.0048).abs() < 1e-4, "{:?}", signed.windows[0].clear);

    // From now on a tenth, as long as nothing is known of the stratum.
    drop(ben);
    let practice = practice.restart();
    practice.clock.set(start() + Duration::days(1));
    let more: Vec<Row> = (1_001..=1_200).map(plain).collect();
    let pulled = pull(&practice, "more", &more);
    assert_eq!(pulled.queued + pulled.on_hold, 200);
    assert!((5..=45).contains(&pulled.queued), "about 20 of 200 are drawn: {}", pulled.queued);
    publish(&practice, 6);
    let cleared = pulled.on_hold + 620;
    assert_eq!(practice.composition_lines().len() as u64, cleared, "what was not drawn cleared after its hold");

    let waiting: Vec<Row> = (3_001..=3_060).map(plain).collect();
    let later = pull(&practice, "waiting", &waiting);
    assert!(later.on_hold > 2, "some of these wait out their hold: {later:?}");

    // A reader finds something serious in the sample.
    let mut ben = practice.user("ben");
    let row = ben.queue().rows.remove(0);
    ben.decide_on(&row, Act::Hide { reason: HideReason::Coercion }).unwrap();
    let stopped = report(&mut practice.user("lea"));
    assert_eq!(stopped.suspended, ["clear/consultation/18-and-over/free-text"]);
    assert_eq!(stopped.look_back.len() as u64, pulled.on_hold, "what cleared like it is listed for another look");
    let missed: u64 = stopped.windows.iter().map(|window| window.clear.sampled.missed).sum();
    assert_eq!(missed, 1);
    assert!(report(&mut practice.user("ben")).look_back.is_empty());
    drop(ben);
    let practice = practice.restart();
    publish(&practice, 12);
    assert_eq!(practice.composition_lines().len() as u64, cleared, "what was on hold like it does not clear");
    let after: Vec<Row> = (2_001..=2_010).map(plain).collect();
    assert_eq!(pull(&practice, "after", &after).queued, 10, "everything of the stratum is read, also after a restart");

    // The window ends, its seed is told, and the sample is drawn again from the log alone.
    practice.clock.set(start() + Duration::days(60));
    let mut aud = practice.user("aud");
    report(&mut aud);
    let log = log(&mut aud);
    let mut committed: BTreeMap<u32, &str> = BTreeMap::new();
    let revealed: BTreeMap<u32, Vec<u8>> = log
        .iter()
        .filter_map(|record| match &record.event {
            Event::SeedRevealed { window, seed } => Some((*window, unhex(seed))),
            _ => None,
        })
        .collect();
    let (mut open, mut drawn_in_all) = (0, 0);
    for record in &log {
        match &record.event {
            Event::SeedCommitted { window, digest, .. } => {
                committed.insert(*window, digest);
            }
            Event::Drawn { window, rate, drawn, .. } => {
                assert!(committed.contains_key(window), "the commitment stands before the first draw");
                let Some(seed) = revealed.get(window) else { continue };
                let (entry, version) = (record.entry.unwrap(), record.version.unwrap());
                assert_eq!(*drawn, drawn_by_hand(seed, entry, version, *rate), "{record:?}");
                open += 1;
                drawn_in_all += usize::from(*drawn);
            }
            _ => {}
        }
    }
    assert_eq!(open, 890);
    assert_eq!(drawn_in_all as u64, 620 + pulled.queued + later.queued + 10);
    for (window, seed) in &revealed {
        let digest =
            Sha256::new().chain_update(b"anteroom sample").chain_update(window.to_be_bytes()).chain_update(seed);
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(committed[window], digest);
    }
    assert!(committed.len() == revealed.len() + 1, "the present window's seed is not told");
    assert!(log.iter().any(|record| matches!(record.event, Event::StratumSuspended { .. })));
}

#[test]
pub fn a_report_never_gives_a_count_of_misses_without_its_bound() {
    let practice = Practice::measured();
    pull(&practice, "extract", &[plain(1), plain(2)]);
    let mut ben = practice.user("ben");
    for row in ben.queue().rows {
        ben.decide_on(&row, Act::Approve).unwrap();
    }
    let mut out = Vec::new();
    anteroom::cli::report::clearing(&report(&mut practice.user("lea")), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let counts: Vec<&str> = text.lines().filter(|line| line.contains("missed")).collect();
    assert!(counts.len() >= 2 && counts.iter().all(|line| line.contains("at most")), "{text}");
    assert!(text.contains("0 of 2 read were missed") && text.contains("at most 77.64 %"), "{text}");
}

#[test]
pub fn an_entry_drawn_and_read_is_decided_like_any_and_a_reading_taken_back_is_none() {
    let practice = Practice::measured();
    pull(&practice, "extract", &[plain(1)]);
    let mut ben = practice.user("ben");
    let row = ben.queue().rows.remove(0);
    assert_eq!(ben.decide_on(&row, Act::Approve).unwrap().state, State::Settling);
    assert_eq!(report(&mut ben).read, 1);
    ben.undo(row.entry).unwrap();
    assert_eq!(report(&mut ben).read, 0);
    ben.hide(row.entry).unwrap();
    let line = report(&mut ben).windows.remove(0);
    assert_eq!((line.clear.sampled.read, line.clear.sampled.missed), (1, 1));
    // A change at the source does not lose what was found.
    pull(&practice, "changed", &[row_changed()]);
    let line = report(&mut ben).windows.remove(0);
    assert_eq!((line.clear.sampled.entries, line.clear.sampled.missed), (2, 1));
}

fn row_changed() -> Row {
    Row { text: "vellim orsant cradock weelbin".into(), ..plain(1) }
}

#[test]
pub fn what_may_clear_is_only_what_was_screened_and_stands_alone() {
    let version = |title: &str, heading: &str, unreadable: bool| -> anteroom::record::EntryVersion {
        serde_json::from_value(serde_json::json!({
            "entry": "00000000000000000000000000000001", "version": 1, "kind": "document", "title": title,
            "happened": null, "recorded": null, "author": {"id": "", "name": ""},
            "parts": [{"key": {"system": "t", "organisation": "o", "id": "1"}, "heading": heading, "display": "",
                "codes": [], "value": "", "text": "x", "happened": null, "author": {"id": "", "name": ""}, "order": 0,
                "unreadable": if unreadable { Some("format") } else { None }}],
        }))
        .unwrap()
    };
    let found = |lane, tier| Screening { lane, tier, findings: Vec::new(), rules: "r".into() };
    let (clear, skim) = (found(Lane::Clear, Tier::Nothing), found(Lane::Skim, Tier::Weak));
    let plain = version("Letter", "", false);
    let base = Clearing {
        version: &plain,
        screening: &clear,
        skimmed: false,
        patient_flagged: false,
        linked_flagged: false,
        held_nearby: false,
    };
    assert_eq!(eligible(&base), Ok(()));
    assert_eq!(eligible(&Clearing { screening: &skim, ..base }), Err(NotEligible::Found));
    assert_eq!(eligible(&Clearing { screening: &skim, skimmed: true, ..base }), Ok(()));
    let cue = found(Lane::Hold, Tier::Cue);
    assert_eq!(eligible(&Clearing { screening: &cue, skimmed: true, ..base }), Err(NotEligible::Found));
    assert_eq!(eligible(&Clearing { patient_flagged: true, ..base }), Err(NotEligible::PatientFlagged));
    assert_eq!(eligible(&Clearing { linked_flagged: true, ..base }), Err(NotEligible::LinkedFlagged));
    assert_eq!(eligible(&Clearing { held_nearby: true, ..base }), Err(NotEligible::HeldNearby));
    let unread = version("Letter", "", true);
    assert_eq!(eligible(&Clearing { version: &unread, ..base }), Err(NotEligible::Unscreened));
    for (title, heading) in [("Letter from the POLICE", ""), ("Letter", "MARAC minutes"), ("Children’s services", "")]
    {
        let letter = version(title, heading, false);
        assert_eq!(eligible(&Clearing { version: &letter, ..base }), Err(NotEligible::Kind), "{title} {heading}");
    }
}

#[test]
pub fn an_entry_beside_one_that_is_held_is_read_too() {
    let practice = Practice::measured();
    let held = row(2, 2, 1, "Says her partner strangled her on Sunday");
    pull(&practice, "extract", &[held]);
    pull(&practice, "more", &[plain(1), plain(4)]);
    let log = log(&mut practice.user("aud"));
    let blocked = log.iter().filter_map(|record| match &record.event {
        Event::PublishBlocked { why } => Some(why.as_str()),
        _ => None,
    });
    // Tom's entry is of the same days as his held one; and both live at one address, but nobody is flagged.
    assert_eq!(blocked.collect::<Vec<_>>(), ["another entry of these days was held"]);
}

#[test]
pub fn the_rates_are_in_proportion_with_a_minimum_and_the_draw_keeps_to_them() {
    let stratum = |name: &str| name.parse::<Stratum>().unwrap();
    let (many, few) = (stratum("clear/consultation/18-and-over/free-text"), stratum("clear/document/under-11/coded"));
    let plan = Plan::after(&[(many, 6_000), (few, 20)].into(), &Demands::default());
    assert_eq!(plan.rate(many), Rate(99_668), "600 of 6020, rounded up");
    assert_eq!(plan.rate(few), Rate(500_000), "ten of twenty");
    assert_eq!(plan.rate(stratum("skimmed/other/age-unknown/coded")), Rate(100_000));
    assert_eq!(Plan::after(&[(many, 5)].into(), &Demands::default()).rate(many), Rate::ALL);
    assert!("clear/consultation/18-and-over".parse::<Stratum>().is_err());
    assert_eq!(many.to_string(), "clear/consultation/18-and-over/free-text");

    let seed = Window(738).seed(&[7; 32]);
    let ids = (0..20_000_u64).map(|n| EntryId(std::array::from_fn(|i| (n >> (8 * (i % 8))) as u8)));
    let drawn: Vec<bool> = ids.clone().map(|id| is_drawn(&seed, id, Version::FIRST, Rate(100_000))).collect();
    let share = drawn.iter().filter(|drawn| **drawn).count() as f64 / 20_000.0;
    assert!((share - 0.1).abs() < 4.0 * (0.09_f64 / 20_000.0).sqrt(), "{share}");
    assert!(ids.clone().all(|id| is_drawn(&seed, id, Version::FIRST, Rate::ALL)));
    assert!(!ids.clone().any(|id| is_drawn(&seed, id, Version::FIRST, Rate(0))));
    // Another seed, or another version, draws others.
    let other = Window(739).seed(&[7; 32]);
    let again: Vec<bool> = ids.map(|id| is_drawn(&other, id, Version::FIRST, Rate(100_000))).collect();
    let both = drawn.iter().zip(&again).filter(|(a, b)| **a && **b).count();
    assert!((100..300).contains(&both), "{both}: one in a hundred by chance");
}

#[test]
pub fn windows_are_28_days_and_do_not_move() {
    let window = Window::at(start());
    assert_eq!(Window::at(window.begins()), window);
    assert_eq!(Window::at(window.begins() + Duration::days(28) - Duration::seconds(1)), window);
    assert_eq!(Window::at(window.begins() + Duration::days(28)), Window(window.0 + 1));
}
