//! How far readers agree, from what the log says.

use anteroom::protocol::{AgreementReport, Reply, Request};
use anteroom::record::Act;
use anteroom::review::State;
use anteroom::review::quality::{Pair, Share, most_frequent};

use crate::service_kit::extract::{self, row};
use crate::service_kit::{Person, Practice};

fn report(person: &mut Person) -> AgreementReport {
    match person.ask(Request::Agreement) {
        Reply::Agreement(report) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
pub fn two_who_read_the_same_are_compared_and_each_sees_only_their_own_line() {
    let practice = Practice::new();
    let rows = [
        row(1, 1, 0, "Tells me her husband threatens to kill her, quillwort."),
        row(2, 2, 1, "Discussed at MARAC, plumbago, plan agreed."),
        row(3, 3, 1, "Partner hits her and takes her phone, fescuelike."),
    ];
    practice.user("lea").pull(&extract::write(&practice.path().join("extract"), &rows));
    let (mut ben, mut lea) = (practice.user("ben"), practice.user("lea"));
    let find = |person: &mut Person, word: &str| {
        let rows = person.queue().rows;
        let mut opened = rows.into_iter().map(|row| person.open(row.entry));
        opened.find(|opened| opened.version.parts[0].text.contains(word)).unwrap().row
    };
    let (one, two, three) = (find(&mut ben, "quillwort"), find(&mut ben, "plumbago"), find(&mut ben, "fescuelike"));
    // One would show what the other hides.
    ben.decide(one.entry, Act::Approve).unwrap();
    lea.hide(one.entry).unwrap();
    // Both agree.
    assert_eq!(ben.decide(two.entry, Act::Approve).unwrap().state, State::AwaitingSecond);
    lea.decide(two.entry, Act::Approve).unwrap();
    // A decision taken back is no reading.
    ben.decide(three.entry, Act::Approve).unwrap();
    ben.undo(three.entry).unwrap();
    lea.hide(three.entry).unwrap();

    let seen = report(&mut lea);
    assert_eq!(seen.agreement.readings, 2);
    assert_eq!(seen.agreement.unsafe_disagreement, Share::of(1, 2));
    assert_eq!(seen.agreement.table, [[1, 0, 1], [0, 0, 0], [0, 0, 0]]);
    assert!(seen.agreement.kappa.is_err(), "two readings say nothing");
    let logins: Vec<&str> = seen.reviewers.iter().map(|line| line.login.as_str()).collect();
    assert_eq!(logins, ["ben", "lea"]);
    assert_eq!((seen.reviewers[1].standing.read, seen.reviewers[1].standing.withheld), (3, 2));
    let pair = Pair { logins: ["ben".to_owned(), "lea".to_owned()], together: 2, of: 2 };
    assert_eq!(seen.pair, Some(pair));
    assert_eq!(report(&mut ben).pair, None, "who decides with whom is the lead's to see");
    let own = report(&mut ben).reviewers;
    assert_eq!(own.iter().map(|line| line.login.as_str()).collect::<Vec<_>>(), ["ben"]);
    assert!(report(&mut practice.user("aud")).reviewers.is_empty());

    drop((ben, lea));
    let practice = practice.restart();
    assert_eq!(report(&mut practice.user("lea")), seen, "it comes from the log");
    let mut out = Vec::new();
    anteroom::cli::report::agreement(&seen, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let first = text.lines().nth(1).unwrap();
    assert!(first.starts_with("one would show what the other hides") && first.contains("1 of 2"), "{text}");
    assert!(text.contains("2 readings are too few"), "{text}");
    assert!(!text.contains("took two people ("), "two entries say nothing: {text}");
}

#[test]
fn the_lead_is_told_when_one_pair_decides_more_than_two_of_five() {
    let deciding = |together: usize, others: usize| {
        let turns = (0..together).map(|n| if n % 2 == 0 { ["lea", "ben"] } else { ["ben", "lea"] });
        let names = ["ann", "cy", "dan", "eve", "fay", "gil"];
        let rest = (0..others).map(|n| [names[n % 6], names[(n + 1) % 6]]);
        most_frequent(turns.chain(rest)).unwrap()
    };
    assert_eq!(deciding(5, 5).logins, ["ben", "lea"], "whoever of the two came first");
    // Two of five are not more than that, and of nine entries nobody can tell.
    let told = |together, others| deciding(together, others).is_too_often();
    assert_eq!([told(4, 6), told(5, 6), told(5, 7), told(8, 12), told(9, 12)], [false, true, true, false, true]);
    assert!(!told(9, 0) && told(10, 0));
    assert_eq!(most_frequent(std::iter::empty()), None);

    let practice = Practice::new();
    let mut seen = report(&mut practice.user("lea"));
    let said = |seen: &AgreementReport| {
        let mut out = Vec::new();
        anteroom::cli::report::agreement(seen, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    seen.pair = Some(deciding(9, 12));
    assert!(
        said(&seen).contains("! ben and lea decided 9 of the 21 entries that took two people ("),
        "{}",
        said(&seen)
    );
    seen.pair = Some(deciding(8, 12));
    assert!(!said(&seen).contains("took two people ("), "{}", said(&seen));
}

#[test]
fn what_one_agreed_to_stands_last_in_their_own_queue_and_is_counted_apart() {
    let practice = Practice::new();
    let rows = [
        row(1, 1, 0, "Discussed at MARAC, plumbago, plan agreed."),
        row(2, 2, 1, "Partner hits her and takes her phone, fescuelike."),
    ];
    practice.user("lea").pull(&extract::write(&practice.path().join("extract"), &rows));
    let (mut ben, mut lea) = (practice.user("ben"), practice.user("lea"));
    let gravest = ben.queue().rows[0].entry;
    assert_eq!(ben.decide(gravest, Act::Approve).unwrap().state, State::AwaitingSecond);

    let queue = ben.queue();
    assert_eq!((queue.totals.to_review, queue.totals.for_second, queue.fits), (1, 1, 2));
    let listed: Vec<_> = queue.rows.iter().map(|row| (row.entry == gravest, row.agreed)).collect();
    assert_eq!(listed, [(false, false), (true, true)]);
    // For whoever has to agree it is where it was.
    let queue = lea.queue();
    assert_eq!((queue.totals.to_review, queue.totals.for_second), (2, 0));
    assert!(queue.rows[0].entry == gravest && !queue.rows[0].agreed);
}

#[test]
fn the_gravest_reason_stands_first_whatever_is_written_above_it() {
    let practice = Practice::new();
    let text = "Letter from the unit about a known perpetrator of abuse. Later that day her husband held her against the \
                hall wall by the throat until a neighbour shouted.";
    let rows = [row(1, 1, 0, text)];
    practice.user("lea").pull(&extract::write(&practice.path().join("extract"), &rows));
    let why = practice.user("ben").queue().rows[0].why.clone();
    assert!(why[0].contains("throat"), "{why:?}");
    // What is cut says so, on both sides.
    assert!(why[0].starts_with('…') && why[0].ends_with('…'), "{why:?}");
}
