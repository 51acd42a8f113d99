//! The skim page through the real service, on the demonstration's first day.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use anteroom::audit::{Event, Outcome};
use anteroom::cli::demo;
use anteroom::protocol::{AuditLine, PassedLine, PassedOn, Reply, Request, Skim, SkimLine};
use anteroom::record::{Act, EntryId, Tier};
use anteroom::review::State;
use anteroom::service::{Service, SetClock};
use tempfile::TempDir;

use kit::{Person, person};

fn first_day() -> (TempDir, Arc<Service>, Arc<SetClock>) {
    let dir = TempDir::new().unwrap();
    let (service, clock) = demo::open(dir.path()).unwrap();
    person(&service, "dr.rahman").next_day();
    (dir, service, clock)
}

fn skim(person: &mut Person) -> Skim {
    match person.ask(Request::Skim { limit: 400 }) {
        Reply::Skim(skim) => skim,
        other => panic!("{other:?}"),
    }
}

/// Reads the lines, each for so many milliseconds, and lets them pass.
fn pass(clock: &SetClock, person: &mut Person, lines: &[&SkimLine], on_screen: u64) -> PassedOn {
    clock.pass(Duration::from_millis(on_screen * lines.len() as u64));
    say_read(person, lines, on_screen)
}

/// Says that the lines were read, each for so many milliseconds.
fn say_read(person: &mut Person, lines: &[&SkimLine], on_screen: u64) -> PassedOn {
    let read = |line: &&SkimLine| PassedLine {
        entry: line.row.entry,
        version: line.row.version,
        revision: line.row.revision,
        on_screen,
    };
    match person.ask(Request::Pass { lines: lines.iter().map(read).collect() }) {
        Reply::Passed(passed) => passed,
        other => panic!("{other:?}"),
    }
}

fn shown(dir: &TempDir, entry: EntryId) -> bool {
    let feed = std::fs::read_to_string(dir.path().join("feed/Composition.ndjson")).unwrap_or_default();
    feed.contains(&entry.to_string())
}

#[test]
fn lines_are_weak_cues_with_the_sentence_that_scored() {
    let (_dir, service, _) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    assert!(page.lines.len() >= 4, "the demonstration has lines to skim: {}", page.lines.len());
    assert_eq!(page.totals.to_skim, page.lines.len() as u64);
    assert_eq!(rahman.queue().totals.to_skim, page.totals.to_skim, "the queue counts them too");
    for line in &page.lines {
        assert_eq!((line.row.state, line.row.tier), (State::Skim, Tier::Weak));
        let marked = line.marked.of(&line.sentence).unwrap_or_else(|| panic!("{line:?}"));
        // A coded line is marked as a whole; of a sentence the words that weighed most.
        assert!(marked.len() < line.sentence.len() || !line.sentence.contains(' '), "nothing stands out: {line:?}");
        let texts: Vec<_> = rahman.open(line.row.entry).version.parts;
        assert!(
            texts.iter().any(|part| part.text.contains(&line.sentence) || part.display == line.sentence),
            "the words are the record's: {line:?}"
        );
    }
}

#[test]
fn a_page_that_is_passed_too_fast_stays() {
    let (_dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let before = skim(&mut rahman);
    let lines: Vec<&SkimLine> = before.lines.iter().collect();
    let answer = pass(&clock, &mut rahman, &lines, before.reading_time - 1);
    assert_eq!((answer.passed.len(), answer.refused.len()), (0, lines.len()));
    assert!(answer.refused[0].contains("not on the screen long enough"), "{:?}", answer.refused);
    assert_eq!(skim(&mut rahman).lines, before.lines);
    // Neither does a line pass that has moved on, nor stop the one beside it.
    let stale =
        SkimLine { row: anteroom::protocol::QueueRow { revision: 99, ..lines[0].row.clone() }, ..lines[0].clone() };
    let answer = pass(&clock, &mut rahman, &[&stale, lines[1]], before.reading_time);
    assert_eq!(answer.passed, [lines[1].row.entry]);
    assert!(answer.refused[0].contains("has moved on"), "{:?}", answer.refused);
}

#[test]
fn a_passed_line_waits_out_its_hold_and_is_shown_and_what_was_not_passed_is_not() {
    let (dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    // Of those whom nobody reads nothing is shown, whatever is decided.
    let read: Vec<&SkimLine> = page.lines.iter().filter(|line| line.row.readers != "none").collect();
    let [passed, picked, taken_back, left, ..] = read[..] else { panic!("too few lines to skim") };
    let answer = pass(&clock, &mut rahman, &[passed, taken_back], page.reading_time);
    assert_eq!(answer.passed, [passed.row.entry, taken_back.row.entry]);
    assert_eq!(rahman.undo(taken_back.row.entry).unwrap().state, State::Skim);
    let Reply::Decided(decided) = rahman.ask(Request::Pick { entry: picked.row.entry }) else { panic!("it is picked") };
    assert_eq!(decided.state, State::Queued);

    let waits: Vec<EntryId> = skim(&mut rahman).lines.iter().map(|line| line.row.entry).collect();
    assert!(!waits.contains(&passed.row.entry) && !waits.contains(&picked.row.entry));
    assert!(waits.contains(&taken_back.row.entry) && waits.contains(&left.row.entry));
    assert!(rahman.queue().rows.iter().any(|row| row.entry == picked.row.entry), "what was picked waits in the queue");

    // Each day sets the clock on and publishes. The hold is 72 hours.
    for day in 1..=4 {
        rahman.next_day();
        if day <= 2 {
            assert!(!shown(&dir, passed.row.entry), "shown on day {day}, before its hold had run");
        }
    }
    assert!(shown(&dir, passed.row.entry), "passed, and its hold is over");
    for (line, why) in [(picked, "picked"), (taken_back, "taken back"), (left, "not passed")] {
        assert!(!shown(&dir, line.row.entry), "{why} and shown");
    }
    assert!(rahman.undo(passed.row.entry).is_err(), "what is shown is not taken back by undo");
    assert_eq!(rahman.decide(picked.row.entry, Act::Approve).unwrap().state, State::Settling, "it is decided like any");
}

#[test]
fn nobody_takes_back_what_somebody_else_passed() {
    let (_dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let mut lead = person(&service, "dr.okoro");
    let page = skim(&mut rahman);
    let line = &page.lines[0];
    pass(&clock, &mut rahman, &[line], page.reading_time);
    let why = lead.undo(line.row.entry).unwrap_err();
    assert!(why.contains("only dr.rahman may take this decision back"), "{why}");
    // But anybody who may review pulls it off its hold.
    assert!(
        matches!(lead.ask(Request::Pick { entry: line.row.entry }), Reply::Decided(decided) if decided.state == State::Queued)
    );
}

#[test]
fn who_reads_no_records_neither_skims_nor_passes_nor_picks() {
    let (_dir, service, _) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    let line = &page.lines[0];
    let read = PassedLine {
        entry: line.row.entry,
        version: line.row.version,
        revision: line.row.revision,
        on_screen: page.reading_time,
    };
    for login in ["m.lloyd", "it.price"] {
        let mut other = person(&service, login);
        for request in [
            Request::Skim { limit: 10 },
            Request::Pass { lines: vec![read.clone()] },
            Request::Pick { entry: line.row.entry },
        ] {
            let reply = other.ask(request.clone());
            assert!(matches!(reply, Reply::Refused { .. }), "{login} {request:?}: {reply:?}");
        }
    }
    assert_eq!(skim(&mut rahman).lines, page.lines);
}

#[test]
fn every_line_that_passes_is_in_the_log_with_its_time_and_every_refusal_too() {
    let (_dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    pass(&clock, &mut rahman, &[&page.lines[0]], 3);
    pass(&clock, &mut rahman, &[&page.lines[0], &page.lines[1]], page.reading_time + 7);
    let Reply::Audit(log) = rahman.ask(Request::Audit { before: None, limit: 50, everything: false }) else {
        panic!("a clinician reads the log")
    };
    let of = |line: &AuditLine| match line.record.event {
        Event::Passed { on_screen } => Some((line.record.entry, on_screen, line.record.outcome == Outcome::Done)),
        _ => None,
    };
    let passed: Vec<_> = log.iter().filter_map(of).collect();
    let [first, second] = [0, 1].map(|n: usize| Some(page.lines[n].row.entry));
    let time = page.reading_time + 7;
    assert_eq!(passed, [(second, time, true), (first, time, true), (first, 3, false)], "newest first");
    let viewed = log.iter().any(|line| line.record.event == Event::SkimViewed { lines: page.lines.len() });
    assert!(viewed, "that the page was read is in the log");
}

#[test]
fn a_client_that_says_it_read_longer_than_it_can_have_passes_no_more_than_that() {
    let (_dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    let lines: Vec<&SkimLine> = page.lines.iter().collect();
    let too_fast = |answer: &PassedOn| {
        assert!(answer.passed.is_empty(), "{answer:?}");
        assert!(answer.refused.iter().all(|why| why.contains("not on the screen long enough")), "{answer:?}");
    };
    // At once, whatever the client says.
    too_fast(&say_read(&mut rahman, &lines, 60_000));
    // In the time for one line, not four, nor the time of one line four times over.
    clock.pass(Duration::from_millis(page.reading_time + 100));
    too_fast(&say_read(&mut rahman, &lines[..4], 60_000));
    assert_eq!(say_read(&mut rahman, &lines[..1], 60_000).passed.len(), 1);
    too_fast(&say_read(&mut rahman, &lines[1..2], page.reading_time));
    // Nor on a second screen, nor by asking for the page again.
    let mut elsewhere = person(&service, "dr.rahman");
    too_fast(&say_read(&mut elsewhere, &lines[1..2], page.reading_time));
    let again = skim(&mut elsewhere);
    too_fast(&say_read(&mut elsewhere, &[&again.lines[0]], page.reading_time));
    // A page that is asked for again has been there all the while.
    clock.pass(Duration::from_millis(3 * page.reading_time));
    skim(&mut rahman);
    assert_eq!(say_read(&mut rahman, &lines[1..4], page.reading_time).passed.len(), 3);
    // The log has the time that there was, not the one that was said.
    let Reply::Audit(log) = rahman.ask(Request::Audit { before: None, limit: 50, everything: false }) else { panic!() };
    let times: Vec<u64> = log
        .iter()
        .filter(|line| line.record.outcome == Outcome::Done)
        .filter_map(|line| if let Event::Passed { on_screen } = line.record.event { Some(on_screen) } else { None })
        .collect();
    assert_eq!(times.len(), 4);
    assert!(times.iter().all(|time| (page.reading_time..60_000).contains(time)), "{times:?}");
}

#[test]
fn nobody_passes_more_lines_a_minute_than_a_person_reads() {
    let (_dir, service, clock) = first_day();
    let mut rahman = person(&service, "dr.rahman");
    let page = skim(&mut rahman);
    // Away for a week with the page open: ten minutes of it count, and what they are spent on is spent.
    clock.pass(Duration::from_secs(7 * 24 * 3_600));
    let lines: Vec<&SkimLine> = page.lines.iter().collect();
    let answer = say_read(&mut rahman, &lines[..2], 299_000);
    assert_eq!(answer.passed.len(), 2);
    let answer = say_read(&mut rahman, &lines[2..], 60_000);
    let possible = 2_100 / page.reading_time;
    assert!(answer.passed.len() as u64 <= possible, "{} of {}", answer.passed.len(), lines.len() - 2);
}
