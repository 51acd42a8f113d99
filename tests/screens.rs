//! Pictures of each screen with its highlights, few enough to read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tui_support;

use anteroom::audit::{Actor, Role};
use anteroom::protocol::{Earlier, Withheld};
use anteroom::record::{Act, Decision, HideReason, Version};
use tui_support::daemon::Daemon;
use tui_support::{Screen, Start, on_screen, practice};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// The day of the design, with an entry that came back changed.
fn day() -> Daemon {
    let mut day = practice::day();
    let waiting = day[1].row.clone();
    let changed = &mut day[2];
    changed.row.changed = true;
    let mut before = changed.version.clone();
    changed.row.version = Version(2);
    changed.version.version = Version(2);
    before.parts[0].text = "Tired.\nWorried about Daniel.".to_owned();
    changed.version.parts[0].text = "Tired.\nWorried about Daniel, who told school that dad hits him.".to_owned();
    changed.screening.findings.clear();
    let approved = Decision { by: "dr.vik".to_owned(), act: Act::Approve, at: practice::at(18, 9, 0) };
    let earlier = Earlier { content: before.clone(), decisions: vec![approved.clone()] };
    changed.before = Some((before, vec![approved]));
    changed.also_here = vec![waiting];
    let hide = Decision {
        by: "dr.vik".to_owned(),
        act: Act::Hide { reason: HideReason::ChildInterests },
        at: practice::at(16, 9, 0),
    };
    changed.withheld =
        vec![Withheld { title: "School nurse".to_owned(), recorded: Some(practice::at(12, 9, 0)), decision: hide }];
    Daemon::with(day).change(|inside| {
        inside.alarms = vec!["the feed of Thursday did not come".to_owned()];
        inside.totals.set_aside = 4;
        inside.earlier = vec![earlier];
    })
}

/// A picture at both sizes, after the test has gone where it is taken.
fn pictures(name: &str, go: impl AsyncFn(&Screen)) {
    for size in SIZES {
        on_screen(Start { size, ..Start::default() }, day(), async |screen| {
            screen.until("HOLT M").await;
            go(&screen).await;
            insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

#[test]
fn queue() {
    pictures("queue", async |screen| screen.press("x 1 j").await);
}

#[test]
fn entry() {
    pictures("entry", async |screen| screen.press("enter tab tab").await);
}

#[test]
fn entry_that_came_back_changed() {
    pictures("changed", async |screen| screen.press("j j enter v").await);
}

#[test]
fn patient() {
    pictures("patient", async |screen| screen.press("j j enter c").await);
}

#[test]
fn redact() {
    pictures("redact", async |screen| screen.press("r d d down s").await);
}

#[test]
fn reason() {
    pictures("reason", async |screen| screen.press("enter x j").await);
}

#[test]
fn log() {
    pictures("log", async |screen| screen.press("l j V").await);
}

#[test]
fn help() {
    pictures("help", async |screen| screen.press("?").await);
}

/// A whole page, with one line pulled out of it and the next selected, read to its end.
#[test]
fn skim() {
    for size in SIZES {
        let day = tui_support::skim::day(44, 1);
        on_screen(Start { size, ..Start::default() }, day, async |screen| {
            screen.until("44 to skim S").await;
            screen.press("S").await;
            screen.until("p passes it").await;
            screen.press("j j j t j").await;
            insta::assert_snapshot!(format!("skim-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

#[test]
fn entry_from_the_skim_page() {
    on_screen(Start { size: SIZES[1], ..Start::default() }, tui_support::skim::day(5, 60_000), async |screen| {
        screen.until("5 to skim S").await;
        screen.press("S j enter tab").await;
        insta::assert_snapshot!("skim-entry-120x40", screen.picture());
    });
}

#[test]
fn queue_with_lines_to_skim() {
    for size in SIZES {
        on_screen(Start { size, ..Start::default() }, tui_support::skim::day(28, 500), async |screen| {
            screen.until("28 to skim S").await;
            insta::assert_snapshot!(format!("queue-skim-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

#[test]
fn palette() {
    pictures("palette", async |screen| screen.press(": s e n t").await);
}

#[test]
fn filter() {
    pictures("filter", async |screen| screen.press("f 2 f").await);
}

#[test]
fn count() {
    pictures("count", async |screen| screen.press("space space space x 5 3").await);
}

#[test]
fn write() {
    pictures("write", async |screen| screen.press("enter e I s space i t space s a f e ?").await);
}

/// The tour stands below the page and takes none of it away.
#[test]
fn tour() {
    for size in SIZES {
        let people = vec![Actor { login: "dr.rahman".to_owned(), role: Role::Clinician }];
        let demo = day().change(|inside| inside.people = people);
        on_screen(Start { size, tour: true, ..Start::default() }, demo, async |screen| {
            screen.until("Tour 1/9").await;
            screen.press("enter").await;
            screen.until("Tour 2/9").await;
            insta::assert_snapshot!(format!("tour-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

/// A lead's pages beside the queue.
fn as_lead(name: &str, go: impl AsyncFn(&Screen)) {
    for size in SIZES {
        let lead = tui_support::lead::day().change(|inside| inside.role = Role::Lead);
        on_screen(Start { size, ..Start::default() }, lead, async |screen| {
            screen.until("HOLT M").await;
            go(&screen).await;
            insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

#[test]
fn worklist() {
    as_lead("worklist", async |screen| screen.press("w j").await);
}

#[test]
fn record() {
    as_lead("record", async |screen| screen.press("o").await);
}

#[test]
fn flags() {
    as_lead("flags", async |screen| screen.press("enter F").await);
}

#[test]
fn dispute() {
    as_lead("dispute", async |screen| screen.press("enter").await);
}

#[test]
fn twins() {
    as_lead("twins", async |screen| screen.press("j enter w w").await);
}

#[test]
fn status() {
    pictures("status", async |screen| screen.press("s").await);
}

#[test]
fn redact_with_warnings() {
    pictures("redact-warned", async |screen| screen.press("r d enter").await);
}

#[test]
fn blank() {
    pictures("blank", async |screen| screen.press("L").await);
}

/// A picture of a practice with nothing in it, after the test has gone where it is taken.
fn without_entries(name: &str, change: impl Fn(&mut tui_support::daemon::Inside), go: impl AsyncFn(&Screen)) {
    for size in SIZES {
        let daemon = Daemon::with(Vec::new()).change(&change);
        on_screen(Start { size, ..Start::default() }, daemon, async |screen| {
            screen.until("0 to review").await;
            go(&screen).await;
            insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), screen.picture());
        });
    }
}

#[test]
fn empty_queue() {
    without_entries("empty-queue", |_| {}, async |_| {});
}

#[test]
fn first_start() {
    let nothing = |inside: &mut tui_support::daemon::Inside| {
        inside.totals.pulled_at = None;
        inside.alarms = vec![
            "nothing has been pulled yet: an empty queue says nothing".to_owned(),
            "practice.toml names no feed, so nothing is fetched: write [[source]] there".to_owned(),
        ];
    };
    without_entries("first-start", nothing, async |_| {});
}

#[test]
fn empty_skim() {
    without_entries(
        "empty-skim",
        |_| {},
        async |screen| {
            screen.press("S").await;
            screen.until("Nothing is left to skim").await;
        },
    );
}

#[test]
fn lost_daemon() {
    pictures("lost-daemon", async |screen| {
        screen.press("j").await;
        screen.daemon.inside.borrow_mut().away = true;
        screen.daemon.lose();
        screen.until("it is tried again by itself").await;
    });
}

#[test]
fn too_small() {
    on_screen(Start::default(), day(), async |screen| {
        screen.until("HOLT M").await;
        screen.resize(50, 10);
        screen.until("Anteroom needs").await;
        insta::assert_snapshot!("too-small-50x10", screen.picture());
    });
}

#[test]
fn ascii_and_no_colour_keep_every_mark() {
    let start = Start { ascii: true, colour: false, ..Start::default() };
    on_screen(start, day(), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter tab").await;
        insta::assert_snapshot!("entry-ascii", screen.picture());
        assert!(screen.text().is_ascii());
        for colour in ["red", "yellow", "cyan", "green"] {
            assert!(!screen.picture().contains(&format!("{colour} ")), "{colour} in {}", screen.picture());
        }
    });
}
