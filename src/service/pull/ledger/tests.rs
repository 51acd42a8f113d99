#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeZone;

use super::*;

fn at(day: u32) -> DateTime<Utc> {
    // A Monday and the days after it.
    Utc.with_ymd_and_hms(2026, 11, 2, 2, 0, 0).unwrap() + Duration::days(i64::from(day))
}

fn manifest(made: u32, content: u8) -> Manifest {
    let file = FileSum { name: "a.csv".into(), bytes: 1, digest: [content; 32] };
    Manifest { stream: "emis".into(), made: Some(at(made)), files: vec![file] }
}

struct Feed {
    state: StreamState,
    content: u8,
    /// The last day on which something was pulled.
    today: u32,
    here_already: u64,
    practices: BTreeMap<String, u64>,
    said: Vec<PracticeFacts>,
    rows: HashMap<String, u64>,
    incomplete: Vec<String>,
}

impl Feed {
    fn new() -> Self {
        Self {
            state: StreamState { stream: "emis".into(), ..StreamState::default() },
            content: 0,
            today: 0,
            here_already: 0,
            practices: BTreeMap::new(),
            said: Vec::new(),
            rows: HashMap::new(),
            incomplete: Vec::new(),
        }
    }

    /// Pulls a batch made on a day; what is said of it.
    fn batch(&mut self, made: u32, covers: Option<(Option<u32>, u32)>, lines: u64, texts: u64) -> Vec<String> {
        self.content += 1;
        self.today = self.today.max(made);
        let covers = covers.map(|(from, to)| Covers {
            from: from.map(at),
            to: at(to),
            whole: Vec::new(),
            reached: Reached::new(),
            incomplete: self.incomplete.clone(),
        });
        let mut pulled = Pulled::default();
        let (_, state) = std::mem::take(&mut self.state).with(&mut Batch {
            at: at(self.today) + Duration::hours(6),
            began: at(self.today),
            manifest: &manifest(made, self.content),
            covers: covers.as_ref(),
            rows: &self.rows,
            lines,
            texts,
            here_already: self.here_already,
            of_practices: &self.practices,
            said_of_practices: &self.said,
            pulled: &mut pulled,
        });
        self.state = state;
        pulled.notices
    }

    fn day(&mut self, made: u32) -> Vec<String> {
        self.batch(made, None, 1_000, 500)
    }
}

#[test]
fn days_on_which_nothing_was_made_are_said_until_they_come() {
    let mut feed = Feed::new();
    for day in [0, 1] {
        assert_eq!(feed.day(day), [""; 0]);
    }
    // Wednesday did not come.
    assert_eq!(feed.day(3), [""; 0]);
    assert_eq!(feed.state.alarms().len(), 1);
    assert!(feed.state.alarms()[0].contains("no extract of Wed 4 Nov 2026 came"), "{:?}", feed.state.alarms());
    // It comes late.
    let said = feed.day(2);
    assert!(said[0].contains("came after one made on"), "{said:?}");
    assert!(!feed.state.alarms().iter().any(|alarm| alarm.contains("no extract of")));
    // A weekend without an extract is none.
    feed.day(4);
    assert_eq!(feed.day(7), [""; 0]);
    assert_eq!(feed.state.alarms(), [""; 0]);
}

#[test]
fn batches_that_do_not_join_are_a_lost_batch_until_a_whole_one_comes() {
    let mut feed = Feed::new();
    let said = feed.batch(0, Some((Some(0), 0)), 10, 1);
    assert!(said[0].contains("the first batch holds only changes since"), "{said:?}");
    feed.batch(1, Some((Some(0), 1)), 10, 1);
    assert_eq!(feed.state.alarms(), [""; 0]);
    feed.batch(3, Some((Some(2), 3)), 10, 1);
    assert!(feed.state.alarms()[0].contains("a batch was lost"), "{:?}", feed.state.alarms());
    // One that begins earlier than it need is no harm, and does not close the gap.
    feed.batch(4, Some((Some(2), 4)), 10, 1);
    assert!(feed.state.alarms()[0].contains("a batch was lost"));
    feed.batch(5, Some((None, 5)), 10, 1);
    assert_eq!(feed.state.alarms(), [""; 0]);
}

#[test]
fn a_short_day_and_a_flood_are_told_by_the_same_weekday() {
    let mut feed = Feed::new();
    for week in 0..3 {
        for day in 0..5 {
            let lines = if day == 2 { 300 } else { 6_000 };
            assert_eq!(feed.batch(week * 7 + day, None, lines, lines / 2), [""; 0]);
        }
    }
    let said = feed.batch(21, None, 2_000, 900);
    assert!(said[0].contains("only 2,000 lines came, where a Monday usually brings 6,000"), "{said:?}");
    assert_eq!(feed.batch(22, None, 5_000, 2_000), [""; 0]);
    // A short Wednesday is what Wednesdays are.
    assert_eq!(feed.batch(23, None, 280, 100), [""; 0]);
    let said = feed.batch(24, None, 700_000, 100_000);
    assert!(said[0].contains("a whole extract that nobody asked for"), "{said:?}");
}

#[test]
fn a_day_whose_texts_are_all_empty_is_said() {
    let mut feed = Feed::new();
    feed.day(0);
    let said = feed.batch(1, None, 900, 0);
    assert!(said[0].contains("none of 900 lines has free text"), "{said:?}");
}

#[test]
fn a_day_that_has_lost_nearly_all_its_narrative_is_said() {
    let mut feed = Feed::new();
    for day in 0..3 {
        assert_eq!(feed.day(day), [""; 0]);
    }
    let said = feed.batch(3, None, 1_000, 40);
    assert!(said[0].contains("only 40 of 1,000 lines have free text"), "{said:?}");
    assert_eq!(feed.batch(4, None, 1_000, 60), [""; 0], "more than a tenth of what is usual");
}

#[test]
fn a_drop_in_the_first_weeks_and_a_whole_extract_that_comes_again_are_said() {
    let mut feed = Feed::new();
    feed.batch(0, None, 9_058, 4_000);
    for day in 1..4 {
        assert_eq!(feed.batch(day, None, 180, 90), [""; 0]);
    }
    let said = feed.batch(4, None, 12, 6);
    assert!(said[0].contains("only 12 lines came, where a day usually brings 180"), "{said:?}");
    feed.here_already = 9_058;
    let said = feed.batch(7, None, 9_060, 4_000);
    assert_eq!(
        said,
        [
            "emis: 9,058 lines came that were here already: it looks like a whole extract; nothing decided was queued again"
        ]
    );
}

#[test]
fn a_practice_and_a_table_that_fall_silent_are_named() {
    let mut feed = Feed::new();
    let share = |first, second| BTreeMap::from([("A".to_owned(), first), ("B".to_owned(), second)]);
    let tables = |problems| {
        HashMap::from([
            ("1-9_CareRecord_Observation_20261116020000_0A.csv".to_owned(), 980),
            (format!("{problems}-9_CareRecord_Problem_20261116020000_0A.csv.gz"), problems),
        ])
    };
    feed.said = vec![PracticeFacts { id: "B".into(), name: "Low Road Surgery".into(), shares: None }];
    (feed.practices, feed.rows) = (share(960, 40), tables(20));
    for day in 0..3 {
        assert_eq!(feed.day(day), [""; 0]);
    }
    feed.practices = share(1_000, 0);
    let said = feed.day(3);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("than usual of Low Road Surgery (0 where 40 are usual)"), "{said:?}");
    (feed.practices, feed.rows) = (share(960, 40), tables(0));
    let said = feed.day(4);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("than usual in CareRecord_Problem (0 where 20 are usual)"), "{said:?}");
}

#[test]
fn a_practice_that_stopped_sharing_is_said_until_it_shares_again() {
    let mut feed = Feed::new();
    let said = |shares| vec![PracticeFacts { id: "B".into(), name: String::new(), shares }];
    feed.said = said(Some(Shares::No("B is disabled.".into())));
    feed.day(0);
    feed.said = Vec::new();
    feed.day(1);
    assert_eq!(feed.state.alarms(), ["B is disabled."]);
    feed.said = said(None);
    feed.day(2);
    assert_eq!(feed.state.alarms(), ["B is disabled."]);
    feed.said = said(Some(Shares::Yes));
    feed.day(3);
    assert_eq!(feed.state.alarms(), [""; 0]);
}

#[test]
fn the_same_files_are_known_whatever_came_between() {
    let mut feed = Feed::new();
    feed.day(0);
    feed.day(1);
    assert!(feed.state.pulled_before(&manifest(0, 1)).is_some());
    assert!(feed.state.pulled_before(&manifest(0, 9)).is_none());
    // What holds the state of now may come back to what it was.
    let now = |content| Manifest { made: None, ..manifest(0, content) };
    assert!(feed.state.pulled_before(&now(1)).is_none());
    assert!(feed.state.pulled_before(&now(2)).is_some());
}

/// What stopped in the middle, and what brings the rest, are no measure of a day and are not measured.
#[test]
fn batches_that_came_in_part_say_nothing_of_what_a_day_brings() {
    let mut feed = Feed::new();
    let whole = |feed: &mut Feed, made: u32, lines| {
        feed.batch(made, Some(((made > 0).then_some(made), made + 1)), lines, lines / 2)
    };
    for made in 0..5 {
        assert_eq!(whole(&mut feed, made, 1_000), [""; 0]);
    }
    for made in 5..30 {
        feed.incomplete = vec!["Observation".to_owned()];
        assert_eq!(whole(&mut feed, made, 3), [""; 0]);
    }
    feed.incomplete.clear();
    assert_eq!(whole(&mut feed, 30, 2), [""; 0], "the rest of it");
    let said = whole(&mut feed, 31, 20);
    assert!(said.len() == 1 && said[0].contains("only 20 lines came, where a day usually brings 1,000"), "{said:?}");
}
