//! The skim page: reading down it, and what it takes before a page passes.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::tui_support::{key, lines, practice, skim};
use anteroom::audit::{Actor, Role};
use anteroom::protocol::{
    Decided, Notice, PassedLine, PassedOn, Queue, Reply, Request, Skim, SkimLine, Totals, VERSION, Wanted, Welcome,
};
use anteroom::record::EntryId;
use anteroom::review::State as ReviewState;
use anteroom::tui::keymap::{Key, Keymap};
use anteroom::tui::state::{Effect, Input, Overlay, Screen as Page, Setup, State};
use anteroom::tui::update::update;

/// The screen without its loop, on the skim page of a practice with so many lines.
struct Desk {
    state: State,
    lines: Vec<SkimLine>,
}

impl Desk {
    /// Each line must be on the screen for half a second; 19 rows of 200 columns hold 19 of them, each whole.
    fn with(count: u8) -> Self {
        Self::of_width(200, count)
    }

    fn of_width(width: u16, count: u8) -> Self {
        let state = State::new(
            (width, if width < 100 { 24 } else { 19 }),
            Setup { keymap: Keymap::named("default").unwrap(), ..Setup::default() },
        );
        let lines = skim::lines(count).into_iter().map(|(_, line)| line).collect();
        let mut desk = Self { state, lines };
        desk.take(Input::Connected(Welcome {
            version: VERSION,
            actor: Actor { login: "dr.rahman".to_owned(), role: Role::Clinician },
            name: "Dr Samir Rahman".to_owned(),
            practice: "Elm Tree Surgery".to_owned(),
            demo_people: Vec::new(),
        }));
        let queue = Queue {
            now: practice::now(),
            rows: Vec::new(),
            from: 0,
            fits: 0,
            totals: Totals::default(),
            alarms: Vec::new(),
            hidden_until: None,
        };
        desk.answer(Request::Rows(Wanted::default()), Reply::Queue(queue));
        desk.press("S");
        desk.come();
        desk
    }

    fn take(&mut self, input: Input) -> Vec<Effect> {
        update(&mut self.state, input)
    }

    fn answer(&mut self, request: Request, reply: Reply) -> Vec<Effect> {
        self.take(Input::Answered(Box::new((request, reply))))
    }

    /// The daemon's lines come.
    fn come(&mut self) {
        let totals = Totals { to_skim: self.lines.len() as u64, ..Totals::default() };
        let skim = Skim { lines: self.lines.clone(), reading_time: 500, totals };
        self.answer(Request::Skim { limit: 400 }, Reply::Skim(skim));
    }

    /// Presses keys and gives what was asked of the daemon.
    fn press(&mut self, keys: &str) -> Vec<Request> {
        let effects = keys.split(' ').flat_map(|word| update(&mut self.state, Input::Key(Key::new(key(word)))));
        effects.filter_map(|effect| if let Effect::Ask(request) = effect { Some(request) } else { None }).collect()
    }

    fn drawn(&self) -> String {
        let (width, height) = self.state.size;
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| anteroom::tui::view::draw(frame, &self.state)).unwrap();
        lines(terminal.backend().buffer())
    }

    fn wait(&mut self, milliseconds: u64) {
        self.take(Input::OnScreen(Duration::from_millis(milliseconds)));
    }

    fn said(&self) -> &str {
        self.state.message.as_ref().map_or("", |message| &message.text)
    }

    /// The box over the page: its heading and its first line.
    fn told(&self) -> (&str, &str) {
        match &self.state.overlay {
            Some(Overlay::Told { title, lines }) => (title, &lines[0]),
            other => panic!("{other:?}"),
        }
    }

    /// What passing the page asks for; nothing when it is refused here.
    fn pass(&mut self) -> Option<Vec<PassedLine>> {
        match self.press("p").pop() {
            Some(Request::Pass { lines }) => Some(lines),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// The daemon lets those lines pass.
    fn passed(&mut self, lines: Vec<PassedLine>, refused: &[&str]) {
        let passed: Vec<EntryId> = lines.iter().map(|line| line.entry).take(lines.len() - refused.len()).collect();
        self.lines.retain(|line| !passed.contains(&line.row.entry));
        let refused = refused.iter().map(|why| (*why).to_owned()).collect();
        self.answer(Request::Pass { lines }, Reply::Passed(PassedOn { passed, refused }));
        self.come();
    }

    fn entries(&self) -> Vec<EntryId> {
        self.state.skim.page().iter().map(|line| line.sent.row.entry).collect()
    }

    fn decided(&mut self, request: Request, entry: EntryId, state: ReviewState) {
        let decided = Decided {
            entry,
            state,
            visible_at: None,
            review_by: None,
            seq: 1,
            twins: Vec::new(),
            decoy: false,
            unfinished: None,
        };
        self.answer(request, Reply::Decided(decided));
    }
}

#[test]
fn what_was_cut_on_the_screen_was_not_read_and_does_not_pass() {
    let mut desk = Desk::of_width(80, 19);
    let whole = "Sticky eye.";
    desk.lines[3].sentence = whole.to_owned();
    desk.lines[3].marked = anteroom::record::Span::new(0, 6);
    desk.come();
    for line in 0..desk.lines.len() {
        if line != 3 {
            desk.lines[line].sentence = "word ".repeat(60);
            desk.lines[line].marked = anteroom::record::Span::new(0, 4);
        }
    }
    desk.come();
    desk.wait(60_000);
    let passed: Vec<EntryId> = desk.pass().unwrap().iter().map(|line| line.entry).collect();
    assert_eq!(passed, [desk.lines[3].row.entry]);
}

#[test]
fn a_page_passes_when_each_of_its_lines_had_its_time_and_not_before() {
    let mut desk = Desk::with(30);
    assert_eq!(desk.entries().len(), 19);
    // 19 lines of half a second each.
    desk.wait(9_400);
    assert_eq!(desk.pass(), None);
    assert_eq!(desk.said(), "too early: this page of 19 lines counts as read in 1 s");
    desk.wait(100);
    let lines = desk.pass().unwrap();
    assert_eq!(lines.len(), 19);
    assert!(lines.iter().all(|line| line.on_screen == 500), "{lines:?}");
    let read: Vec<EntryId> = desk.entries();
    // The key pressed twice passes nothing that was not read.
    assert_eq!(desk.pass(), None);
    desk.passed(lines, &[]);
    assert_eq!(desk.entries().len(), 11, "the next page opens by itself");
    assert!(desk.entries().iter().all(|entry| !read.contains(entry)));
    assert_eq!(desk.pass(), None, "and has to be read too");
    assert_eq!(desk.state.skim.number(), (1, 1));
}

#[test]
fn time_counts_only_while_the_page_is_what_is_on_the_screen() {
    // What is put over the page, and what takes it away again.
    for (over, away) in [("L", "j"), ("?", "esc"), (":", "esc"), ("x", "esc"), ("l", "esc"), ("s", "esc"), ("esc", "S")]
    {
        let mut desk = Desk::with(4);
        desk.press(over);
        desk.wait(60_000);
        desk.press(away);
        desk.come();
        assert_eq!(desk.state.screen, Page::Skim, "{over} {away}");
        assert_eq!(desk.pass(), None, "time under {over} counted");
        desk.wait(2_000);
        assert!(desk.pass().is_some(), "the time before and after {over} counts: {}", desk.said());
    }
    let mut desk = Desk::with(4);
    desk.wait(1_000);
    desk.press("L");
    assert!(desk.state.blank.is_some());
    desk.wait(60_000);
    desk.press("j");
    desk.take(Input::Resized(50, 10));
    desk.wait(60_000);
    desk.take(Input::Resized(200, 19));
    assert_eq!(desk.pass(), None, "nothing of it was on a blank or a tiny screen");
    desk.wait(1_000);
    assert!(desk.pass().is_some());
}

#[test]
fn each_page_has_its_own_time() {
    let mut desk = Desk::with(30);
    desk.wait(9_500);
    desk.press("space");
    assert_eq!(desk.state.skim.number(), (2, 2));
    assert_eq!(desk.pass(), None);
    desk.press("b");
    assert_eq!(desk.pass().unwrap().len(), 19);
}

#[test]
fn seconds_are_counted_down_and_then_nothing_more_happens() {
    let mut desk = Desk::with(3);
    let mut seconds = vec![desk.state.skim.seconds_left()];
    while let Some(time) = desk.state.skim.next_second() {
        assert!(time <= Duration::from_secs(1));
        desk.take(Input::OnScreen(time));
        seconds.push(desk.state.skim.seconds_left());
    }
    assert_eq!(seconds, [2, 1, 0]);
    assert!(desk.pass().is_some());
}

#[test]
fn a_line_that_is_pulled_out_leaves_the_others_as_they_are_and_passes_no_more() {
    let mut desk = Desk::with(30);
    desk.wait(9_500);
    let before = desk.entries();
    assert_eq!(desk.press("j j t"), [Request::Pick { entry: before[2] }]);
    assert_eq!(desk.press("t"), [], "one at a time");
    desk.decided(Request::Pick { entry: before[2] }, before[2], ReviewState::Queued);
    desk.lines.remove(2);
    desk.come();
    let after: Vec<EntryId> = before.iter().copied().filter(|entry| *entry != before[2]).collect();
    assert_eq!(desk.entries(), after, "no other line takes its place while the page is read");
    assert_eq!(desk.state.skim.current().unwrap().row.entry, before[3], "the line below is selected");
    assert_eq!(desk.pass().unwrap().len(), 18, "the time before counts");
    // What was pulled out stays: the daemon has no way back, and u says so once.
    desk.passed(Vec::new(), &[]);
    assert_eq!(desk.press("u"), []);
    assert!(desk.said().contains("stays in the queue"), "{}", desk.said());
    assert_eq!(desk.press("u"), []);
    assert!(desk.said().contains("no decision of yours"), "{}", desk.said());
}

#[test]
fn a_passed_page_is_taken_back_entry_by_entry() {
    let mut desk = Desk::with(30);
    let sent = desk.lines.clone();
    desk.wait(9_500);
    let lines = desk.pass().unwrap();
    desk.passed(lines.clone(), &[]);
    let entries: Vec<EntryId> = lines.iter().map(|line| line.entry).collect();
    let undos: Vec<Request> = entries.iter().map(|entry| Request::Undo { entry: *entry }).collect();
    assert_eq!(desk.press("u"), undos);
    assert_eq!(desk.press("u"), [], "not twice");
    for (n, entry) in entries.iter().enumerate() {
        if n == 3 {
            desk.answer(Request::Undo { entry: *entry }, Reply::Refused { why: "it was released".to_owned() });
        } else {
            desk.decided(Request::Undo { entry: *entry }, *entry, ReviewState::Skim);
        }
    }
    assert_eq!(desk.told(), ("18 lines taken back, 1 not", "It was released."));
    desk.press("j");
    desk.lines = sent;
    for line in &mut desk.lines {
        if entries.contains(&line.row.entry) {
            line.row.revision += 2;
        }
    }
    desk.lines.remove(3);
    desk.come();
    assert_eq!(desk.entries()[0], entries[0], "they stand on the page again");
    assert_eq!(desk.pass(), None, "and count as unread");
    assert_eq!(desk.press("u"), [], "there is nothing further to take back");
}

#[test]
fn a_page_of_which_some_lines_moved_on_takes_back_only_what_passed() {
    let mut desk = Desk::with(4);
    desk.wait(2_000);
    let lines = desk.pass().unwrap();
    let moved_on = lines[3].entry;
    desk.passed(lines, &["the entry has moved on since its line was shown: refresh the page"]);
    assert_eq!(desk.told(), ("3 passed, 1 not", "The entry has moved on since its line was shown: refresh the page."));
    desk.press("j");
    assert_eq!(desk.entries(), [moved_on]);
    let undone: BTreeSet<_> = desk.press("u").iter().map(|request| format!("{request:?}")).collect();
    assert_eq!(undone.len(), 3);
    assert!(!undone.contains(&format!("{:?}", Request::Undo { entry: moved_on })));
}

#[test]
fn a_line_that_changes_while_the_page_is_read_has_to_be_read_anew() {
    let mut desk = Desk::with(5);
    desk.wait(2_500);
    desk.lines[1].row.revision += 1;
    desk.lines[1].sentence = "Now it says something else.".to_owned();
    let changed = desk.lines[1].row.entry;
    desk.take(Input::Noticed(Notice::QueueChanged));
    desk.come();
    assert!(!desk.entries().contains(&changed), "what is being read does not change under the eyes");
    let lines = desk.pass().unwrap();
    assert_eq!(lines.len(), 4);
    desk.passed(lines, &[]);
    assert_eq!(desk.entries(), [changed]);
    assert_eq!(desk.pass(), None);
}

#[test]
fn a_lost_daemon_forgets_what_was_on_its_way_and_says_so() {
    let mut desk = Desk::with(4);
    desk.wait(2_000);
    assert!(desk.pass().is_some());
    desk.take(Input::Lost("the daemon is away".to_owned()));
    assert_eq!(desk.said(), "passing the page: not known whether that counted; look again when the daemon is back");
    assert_eq!(desk.pass(), None);
    assert!(desk.said().contains("the daemon is away"), "{}", desk.said());
}

#[test]
fn what_did_not_fit_stands_whole_once_the_others_have_passed() {
    let mut desk = Desk::of_width(80, 19);
    let (long, short) = (0..19).partition::<Vec<usize>, _>(|line| [3, 7].contains(line));
    for line in &long {
        desk.lines[*line].sentence = format!("{}the last of it.", "word ".repeat(40));
        desk.lines[*line].marked = anteroom::record::Span::new(0, 4);
    }
    for line in &short {
        desk.lines[*line].sentence = "Sticky eye.".to_owned();
        desk.lines[*line].marked = anteroom::record::Span::new(0, 6);
    }
    desk.come();
    desk.wait(60_000);
    let passed = desk.pass().unwrap();
    assert_eq!(passed.len(), 17);
    desk.passed(passed, &[]);
    assert!(
        desk.state.done[0].text.contains("the 2 that had not fitted stand whole now"),
        "{}",
        desk.state.done[0].text
    );
    assert_eq!(desk.pass(), None, "nobody has read them yet");
    let screen = desk.drawn();
    assert_eq!(screen.matches("the last of it.").count(), 2, "{screen}");
    assert!(!screen.contains('…'), "{screen}");
    desk.wait(1_000);
    assert_eq!(desk.pass().map(|lines| lines.len()), Some(2));
}
