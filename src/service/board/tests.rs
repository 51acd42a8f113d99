#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::{Entry, EntryKind, Fingerprint, SourceKey};
use crate::review::Review;

/// Before 1970, to the microsecond, between two microseconds, and far away.
const MOMENTS: [(i64, u32); 7] = [
    (-62_135_596_800, 0),
    (-1, 999_999_999),
    (0, 0),
    (1_700_000_000, 123_456_000),
    (1_700_000_000, 123_456_001),
    (1_700_000_000, 123_457_000),
    (253_402_300_799, 999_999_000),
];

fn moment((second, nano): (i64, u32)) -> DateTime<Utc> {
    DateTime::from_timestamp(second, nano).unwrap()
}

/// The first moment that a clock of microseconds tells at or after that.
fn told(at: DateTime<Utc>) -> DateTime<Utc> {
    let nanos = at.timestamp_subsec_nanos() % 1_000;
    if nanos == 0 { at } else { at + Duration::nanoseconds(i64::from(1_000 - nanos)) }
}

#[derive(Debug, Clone)]
struct Line {
    entry: u8,
    patient: u8,
    state: State,
    due: Option<DateTime<Utc>>,
    since: DateTime<Utc>,
    /// How many units ago it was made.
    ago: u64,
    decoy: bool,
}

fn line() -> impl Strategy<Value = Line> {
    use State::{AutoHold, Deferred, Hidden, Queued, Settling, SourceDeleted};
    let moments = select(MOMENTS.map(moment).to_vec());
    let states = select(vec![AutoHold, Settling, Deferred, Queued, Hidden, SourceDeleted]);
    let place = (0..40_u8, 0..4_u8, states, proptest::option::of(moments.clone()), moments, 0..4_u64);
    // What is a decoy is one from the first.
    place.prop_map(|(entry, patient, state, due, since, ago)| Line {
        entry,
        patient,
        state,
        due,
        since,
        ago,
        decoy: entry >= 36,
    })
}

fn row(line: &Line) -> EntryRow {
    let (id, patient) = (EntryId([line.entry; 16]), PatientId([line.patient; 16]));
    let key = SourceKey { system: "test".to_owned(), organisation: "Z1".to_owned(), id: "1".to_owned() };
    let mut review = Review::begin(Version(1), Fingerprint([0; 32]), line.since, line.since);
    (review.state, review.due, review.tier) = (line.state, line.due, Tier::Cue);
    EntryRow {
        entry: Entry { id, key, patient },
        review,
        kind: EntryKind::Consultation,
        title: "Seen".to_owned(),
        author: "Dr".to_owned(),
        authors: Vec::new(),
        recorded: Some(line.since),
        at_source: true,
        has_header: false,
        why: Vec::new(),
        decided_before: None,
        waived: Vec::new(),
        as_of: None,
        samples: Vec::new(),
        planted: line.decoy.then_some(Planted { window: Window(1), reading: None }),
    }
}

/// What a board answers, and what it must by the lines that stand.
fn check(board: &Board, lines: &BTreeMap<EntryId, Line>) -> Result<(), TestCaseError> {
    let counted = |line: &&Line| !(line.decoy && line.state == State::SourceDeleted);
    let due = |deferred: bool| {
        let of = move |(id, line): (&EntryId, &Line)| {
            let fits = counted(&line) && (line.state == State::Deferred) == deferred;
            Some((told(line.due.filter(|_| fits)?), *id))
        };
        lines.iter().filter_map(of).collect::<BTreeSet<_>>()
    };
    let (timed, put_off) = (due(false), due(true));
    prop_assert_eq!(board.next_due(), timed.first().map(|(at, _)| *at));
    for now in MOMENTS.map(moment) {
        let until = |all: &BTreeSet<(DateTime<Utc>, EntryId)>| {
            all.iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect::<Vec<_>>()
        };
        prop_assert_eq!(board.due(now), until(&timed));
        prop_assert_eq!(board.deferred_until(now), until(&put_off));
    }
    for patient in 0..4 {
        let of = |(id, line): (&EntryId, &Line)| (line.patient == patient && counted(&line)).then_some(*id);
        let found: Vec<EntryId> = board.of_patient(PatientId([patient; 16])).collect();
        prop_assert_eq!(found, lines.iter().filter_map(of).collect::<Vec<_>>());
    }
    for state in State::ALL {
        let count = lines.values().filter(counted).filter(|line| line.state == state).count() as u64;
        prop_assert_eq!(board.count(state), count, "{:?}", state);
    }
    // A clock that tells microseconds never tells a time before it came.
    let since = |id: &EntryId| lines.get(id).map(|line| (told(line.since) - Duration::microseconds(1), line.since));
    for (id, waiting) in board.in_turn().map(|(id, at)| (id, board.all_waiting().get(at).unwrap())) {
        let (least, most) = since(&id).unwrap();
        prop_assert!(waiting.since >= least && waiting.since <= most, "{} is not {}", waiting.since, most);
    }
    prop_assert_eq!(board.entries(), lines.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_board_says_what_the_newest_rows_say_and_so_does_one_that_was_kept(
        lines in proptest::collection::vec(line(), 0..120),
    ) {
        let (mut board, mut seqs, mut stands) = (Board::default(), BTreeMap::new(), BTreeMap::new());
        for (unit, line) in (10_u64..).zip(&lines) {
            let (id, seq) = (EntryId([line.entry; 16]), unit - line.ago);
            board.put(id, seq, &row(line));
            if seqs.get(&id).is_none_or(|newest| *newest <= seq) {
                seqs.insert(id, seq);
                stands.insert(id, line.clone());
            }
        }
        check(&board, &stands)?;
        let mut again = Board::default();
        for ids in board.ids().chunks(7) {
            let bytes = postcard::to_allocvec(&board.entries_to_keep(ids)).unwrap();
            again.take_in(postcard::from_bytes(&bytes).unwrap());
        }
        check(&again, &stands)?;
    }
}
