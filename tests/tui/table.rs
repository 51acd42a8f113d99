//! `update` as a table: every action in every mode, what it does there or why it does nothing. No screen is drawn, and
//! nothing waits: an input goes in, a state and effects come out.

use anteroom::audit::Role;
use anteroom::protocol::{Reply, Request, VERSION};
use anteroom::tui::action::{ACTIONS, Action, Place};
use anteroom::tui::keymap::{Key, Keymap};
use anteroom::tui::state::{Effect, Input, Sending, Setup, State, Target};
use anteroom::tui::update::update;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui_support::daemon::{Daemon, Inside};
use crate::tui_support::{key, lead, practice, skim};

/// A screen without a terminal, and the practice that answers it.
struct Desk {
    state: State,
    daemon: Daemon,
}

impl Desk {
    fn new(daemon: Daemon) -> Self {
        let keymap = Keymap::named("default").unwrap();
        let setup = Setup { keymap, can_suspend: true, ..Setup::default() };
        let mut desk = Self { state: State::new((80, 24), setup), daemon };
        let hello = Request::Hello { version: VERSION };
        let Reply::Welcome(welcome) = desk.inside(|inside| inside.answer(hello, None)) else { panic!("no welcome") };
        let effects = update(&mut desk.state, Input::Connected(welcome));
        desk.answer(effects);
        desk
    }

    fn inside<T>(&self, ask: impl FnOnce(&mut Inside) -> T) -> T {
        ask(&mut self.daemon.inside.borrow_mut())
    }

    /// Answers what was asked, and what is asked because of that.
    fn answer(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Ask(request) = effect {
                let reply = self.inside(|inside| inside.answer(request.clone(), None));
                let more = update(&mut self.state, Input::Answered(Box::new((request, reply))));
                self.answer(more);
            }
        }
    }

    fn press(&mut self, words: &str) -> Vec<Effect> {
        let keys = words.split(' ').filter(|word| !word.is_empty());
        keys.flat_map(|word| update(&mut self.state, Input::Key(key_of(word)))).collect()
    }

    /// Presses keys one after the other, each answered before the next.
    fn do_all(mut self, words: &str) -> Self {
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            let effects = self.press(word);
            self.answer(effects);
            update(&mut self.state, Input::Released);
        }
        self
    }
}

fn key_of(word: &str) -> Key {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    Key::new(match word {
        "shift-tab" => plain(KeyCode::BackTab),
        "delete" => plain(KeyCode::Delete),
        word => key(word),
    })
}

/// What came of a key: what is asked of the world, where the screen went, what lies over it, what it said. Moves and
/// choices on the page are a “change”.
fn outcome(before: &State, after: &State, effects: &[Effect]) -> Vec<String> {
    let mut out = Vec::new();
    for effect in effects {
        out.push(match effect {
            Effect::Ask(request) => {
                let said = format!("{request:?}");
                format!("asks {}", said.split(|c: char| !c.is_alphanumeric()).next().unwrap())
            }
            Effect::ConnectAs(_) => "goes on as somebody else".to_owned(),
            Effect::Redraw => "draws all anew".to_owned(),
            Effect::Suspend => "goes aside".to_owned(),
            Effect::Quit => "leaves".to_owned(),
            Effect::EndIdle => "ends".to_owned(),
        });
    }
    if after.screen != before.screen {
        out.push(format!("to {:?}", after.screen));
    }
    let (over, under) = (over(after), over(before));
    if over != under {
        out.push(if over.is_empty() { format!("closes {under}") } else { format!("opens {over}") });
    }
    if after.blank.is_some() {
        out.push("blanks".to_owned());
    }
    if let Some(message) = &after.message {
        out.push(format!("says {}", message.text));
    }
    if out.is_empty() && pages(before) != pages(after) {
        out.push("changes".to_owned());
    }
    out
}

/// The name of what lies over the page.
fn over(state: &State) -> String {
    let said = state.overlay.as_ref().map(|overlay| format!("{overlay:?}")).unwrap_or_default();
    said.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// All that a key may change on a page.
fn pages(state: &State) -> String {
    let State { overlay, queue, skim, entry, redact, worklist, record, log, policy, theme, .. } = state;
    format!("{overlay:?}{queue:?}{skim:?}{entry:?}{redact:?}{worklist:?}{record:?}{log:?}{policy:?}{theme:?}")
}

/// The key of an action, as a person would find it in the help.
fn key_for(place: Place, action: Action) -> Option<String> {
    let map = Keymap::named("default").unwrap();
    map.keys(place, action, true).into_iter().next()
}

/// A mode: its name, where its keys go, whose practice it is, and how one comes there.
type Mode = (&'static str, Place, fn() -> Daemon, &'static str);

fn a_day() -> Daemon {
    Daemon::with(practice::day())
}

fn a_day_with_lines() -> Daemon {
    skim::day(12, 500)
}

const MODES: [Mode; 13] = [
    ("queue", Place::Queue, a_day, "j"),
    ("skim", Place::Skim, a_day_with_lines, "S j"),
    ("entry", Place::Entry, a_day, "enter"),
    ("redact", Place::Redact, a_day, "enter r"),
    ("hide", Place::Hide, a_day, "x j j"),
    ("worklist", Place::Worklist, lead::day, "w j"),
    ("record", Place::Record, a_day, "o"),
    ("log", Place::Log, a_day, "l j"),
    ("status", Place::Status, a_day, "s"),
    ("policy", Place::Policy, a_day, "s p j"),
    ("help", Place::Help, a_day, "? j"),
    ("patient", Place::Entry, a_day, "enter c"),
    ("twins", Place::Entry, lead::day, "j enter w"),
];

fn desk_of(mode: &Mode) -> Desk {
    let desk = Desk::new(mode.2()).do_all(mode.3);
    assert_eq!(desk.state.place(), Some(mode.1), "{}", mode.0);
    desk
}

/// What an action does in a mode: its name, the modes (`*` is every one in which it applies), what comes of it. Where the
/// box about the patient is open an action closes it and then does what it does in an entry, and in that of the twins one
/// that is not here says what can be done there.
const TABLE: &str = "
open | queue skim worklist record | asks Open
open | entry | says this entry is open; c lists what else waits here
open | patient | says nothing else waits here
open | twins | asks Open; closes Twins
approve | queue | asks Open
approve | entry | asks Decide
redact | queue | asks Open
redact | entry | to Redact
hide | queue skim entry redact patient | opens Hide
escalate | queue entry patient | opens Write
defer | queue entry patient | opens Write
note | queue entry patient | opens Write
take-over | queue entry | asks TakeOver
record | queue entry worklist | asks Record
flags | queue entry worklist | asks Record
flags | record | opens Flags
skim | * | asks Skim; to Skim
find | * | opens Find
mark | * | changes
mark-patient | * | changes
filter | * | opens Filter
pull | * | asks Pull; says pulling…
publish | * | asks Publish; says publishing…
worklist | queue skim log status | asks Worklist; to Worklist
worklist | worklist | asks Rows; to Queue
alarms | * | says there is nothing that must be known about the feeds
log | queue skim entry worklist record status | asks Audit; to Log
log | log | asks Rows; to Queue
status | queue skim entry worklist record log | asks Status; to Status
status | status | asks Rows; to Queue
switch-person | queue skim entry worklist record log status | says you are who your login says; only the demo lets you change places
down | queue skim redact hide worklist log policy help twins | changes
down | entry record status patient | says there is nothing further down
up | queue skim redact hide worklist log policy help | changes
up | entry record status patient twins | says there is nothing further up
page-down | queue worklist log policy help | changes
page-down | skim | says this is the last page
page-down | entry redact record status | says there is nothing further down
page-up | queue worklist log policy help | changes
page-up | skim | says this is the first page
page-up | entry redact record status | says there is nothing further up
first | queue skim redact worklist log policy help | changes
first | entry record status | says there is nothing further up
last | queue skim redact worklist log policy help | changes
last | entry record status | says there is nothing further down
undo | queue skim entry worklist record log status | says there is no decision of yours from this session to take back
back | queue | says there is no page behind this one; q leaves the program
back | skim entry worklist record log status | asks Rows; to Queue
back | redact | to Entry
back | hide | closes Hide
back | policy | asks Rows; asks Status; to Status
back | help | closes Help
back | patient | closes Patient
back | twins | closes Twins
leave | queue | leaves
leave | skim entry worklist record log status | asks Rows; to Queue
leave | redact | to Entry
leave | hide | closes Hide
leave | policy | asks Rows; asks Status; to Status
leave | help | closes Help
leave | patient | closes Patient
leave | twins | closes Twins
palette | * | opens Palette
help | queue skim entry redact hide worklist record log status policy patient twins | opens Help
help | help | closes Help
blank | queue skim entry redact hide worklist record log status policy help twins | blanks
tour | queue skim entry redact hide worklist record log status policy help twins | says only the demo has a tour: everybody in it is invented
theme | queue skim entry redact hide worklist record log status policy help twins | says colours: light
redraw | queue entry redact hide worklist record log policy help twins | draws all anew; asks Rows
redraw | skim | draws all anew; asks Rows; asks Skim
redraw | status | draws all anew; asks Rows; asks Status
suspend | queue skim entry redact hide worklist record log status policy help twins | goes aside
quit | queue skim entry redact hide worklist record log status policy help twins | leaves
pick | skim | asks Pick
pick | entry | says only a line to skim is pulled into the queue
pass | * | says too early: this page of 12 lines counts as read in 6 s
read-back | entry | says only the second reader of a redaction reads back what is left
next-match | entry redact twins | changes
previous-match | entry redact | changes
previous-match | twins | says there is no other match
reopen | entry | says this is for what is hidden or withdrawn; this entry is waiting in the queue
confirm | entry | says this is for what is visible or hidden or withdrawn; this entry is waiting in the queue
give-back | entry | says this is for what is disputed or before the lead; this entry is waiting in the queue
resume | entry | says this is for what is put off; this entry is waiting in the queue
patient-asks | entry | says this is for what is hidden or withdrawn; this entry is waiting in the queue
considered | entry | says no other entry has these words
considered | twins | says 1 entry named as considered: your decision will say so
propose | entry | says no other entry has these words
propose | twins | asks Propose
patient | entry | opens Patient
patient | patient | closes Patient
versions | entry | says this is the first version that came here: there is nothing to compare it with
newer-version | entry | says this is the present version; v shows the one before
next-entry | entry | asks Open
previous-entry | entry | says this is the first entry of the queue
all-the-same | entry redact | says that key answers a warning, and there is none
remove | * | changes
keep | * | changes
grow | * | changes
shrink | * | changes
take-all | * | changes
decide | redact | says nothing is taken out: leave this page to approve the entry as it is, or select and remove
decide | hide | asks Decide; closes Hide
style | * | says marked: “[removed]” shows that words are missing; only where that is harmless
reader | * | changes
word | * | changes
match | * | says that is how it is selected already
sentence | * | changes
line | * | changes
anchor | * | changes
line-start | * | changes
line-end | * | changes
next-word | * | changes
previous-word | * | changes
next-sentence | * | changes
previous-sentence | * | changes
next-paragraph | * | changes
previous-paragraph | * | changes
remove-word | * | changes
remove-match | * | changes
remove-sentence | * | changes
remove-line | * | changes
remove-paragraph | * | changes
right | * | changes
left | * | says there is no match before this one
verify | * | asks Verify; says reading the whole log…
policy | * | asks Policy; to Policy
";

const IN_THE_TWINS: &str = "says w names the selected one as considered; esc goes back";

/// What the table says of an action in a mode.
fn expected(mode: &str, action: &str) -> Vec<String> {
    let rows = TABLE.lines().filter(|row| !row.is_empty()).map(|row| {
        let mut columns = row.splitn(3, " | ");
        [columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap()]
    });
    let of_the_action: Vec<_> = rows.filter(|row| row[0] == action).collect();
    let in_mode = |mode: &str| {
        let row = of_the_action.iter().find(|row| row[1] == "*" || row[1].split(' ').any(|named| named == mode));
        row.map(|row| row[2].split("; ").map(str::to_owned).collect::<Vec<_>>())
    };
    match (in_mode(mode), mode) {
        (Some(outcome), _) => outcome,
        (None, "twins") => vec![IN_THE_TWINS.to_owned()],
        (None, "patient") => {
            let mut outcome = in_mode("entry").unwrap_or_else(|| panic!("no row for {action} in an entry"));
            // That the box closes says enough where nothing else does.
            outcome.retain(|piece| piece != "changes" && !piece.starts_with("says there is nothing further"));
            outcome.push("closes Patient".to_owned());
            outcome
        }
        (None, _) => panic!("no row for {action} in {mode}"),
    }
}

/// In any order, and a sentence with a semicolon as the pieces that the table splits it into.
fn pieces(outcome: &[String]) -> Vec<String> {
    let mut pieces: Vec<String> = outcome.iter().flat_map(|piece| piece.split("; ")).map(str::to_owned).collect();
    pieces.sort();
    pieces
}

#[test]
fn every_action_in_every_mode_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for mode in &MODES {
        for about in ACTIONS.iter().filter(|about| about.at.contains(&mode.1)) {
            let mut desk = desk_of(mode);
            let before = desk.state.clone();
            let effects = desk.press(&key_for(mode.1, about.action).unwrap());
            let outcome = pieces(&outcome(&before, &desk.state, &effects));
            let expected = pieces(&expected(mode.0, about.name));
            if outcome != expected {
                wrong.push(format!("{} in {}: {outcome:?}, and the table has {expected:?}", about.name, mode.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A practice in which nothing waits, nothing was done, and nothing is known.
fn nothing() -> Daemon {
    Daemon::with(Vec::new()).change(|inside| inside.log.clear())
}

fn of_an_auditor() -> Daemon {
    Daemon::with(Vec::new()).change(|inside| inside.role = Role::Auditor)
}

fn of_an_administrator() -> Daemon {
    Daemon::with(Vec::new()).change(|inside| inside.role = Role::Admin)
}

fn of_the_lead() -> Daemon {
    a_day().change(|inside| inside.role = Role::Lead)
}

/// Further modes: no rows, roles that read no records, and rows of another list than the one that was asked for.
const EMPTY_MODES: [Mode; 10] = [
    ("empty queue", Place::Queue, nothing, ""),
    ("empty skim page", Place::Skim, nothing, "S"),
    ("empty worklist", Place::Worklist, nothing, "w"),
    ("empty log", Place::Log, nothing, "l"),
    ("auditor's log", Place::Log, of_an_auditor, ""),
    ("auditor's status", Place::Status, of_an_auditor, "s"),
    ("administrator's status", Place::Status, of_an_administrator, ""),
    ("lead's entry", Place::Entry, of_the_lead, "enter"),
    ("lead's redaction", Place::Redact, of_the_lead, "enter r A"),
    ("an entry from the record", Place::Entry, a_day, "o enter"),
];

/// What happens to a mode before the key.
type Situation = (&'static str, fn(&mut State));

const SITUATIONS: [Situation; 4] = [
    ("all is well", |_| {}),
    (AWAY, |state| {
        update(state, Input::Lost("the daemon is away".to_owned()));
    }),
    ("a decision is on its way", |state| {
        let target = state.target().or_else(|| state.queue.current().map(Target::of));
        state.sending = target.map(|target| Sending { target, act: None });
    }),
    ("other rows were asked for", |state| state.queue.only.words = "briggs".to_owned()),
];

const AWAY: &str = "the daemon is away";

#[test]
fn no_key_is_ignored_without_a_word_and_nothing_is_asked_of_a_daemon_that_is_away() {
    for (situation, happens) in SITUATIONS {
        for mode in MODES.iter().chain(&EMPTY_MODES) {
            for about in ACTIONS.iter().filter(|about| about.at.contains(&mode.1)) {
                let mut desk = desk_of(mode);
                happens(&mut desk.state);
                desk.state.message = None;
                let before = desk.state.clone();
                let effects = desk.press(&key_for(mode.1, about.action).unwrap());
                let outcome = outcome(&before, &desk.state, &effects);
                assert_ne!(outcome, Vec::<String>::new(), "{} in {} while {situation}", about.name, mode.0);
                let asks = effects.iter().any(|effect| matches!(effect, Effect::Ask(_)));
                assert!(situation != AWAY || !asks, "{} in {}: {outcome:?}", about.name, mode.0);
            }
        }
    }
}

/// A key that means something elsewhere says where; any other says that it means nothing here.
#[test]
fn a_key_of_another_page_says_where_it_works() {
    let map = Keymap::named("default").unwrap();
    for mode in MODES.iter().filter(|mode| !matches!(mode.0, "patient" | "twins")) {
        let here: Vec<String> = ACTIONS.iter().flat_map(|about| map.keys(mode.1, about.action, true)).collect();
        for place in Place::ALL.into_iter().filter(|place| *place != mode.1) {
            let theirs = ACTIONS.iter().filter(|about| about.at.contains(&place) && !about.at.contains(&mode.1));
            let keys = theirs.flat_map(|about| {
                let keys = map.keys(place, about.action, true).into_iter();
                keys.map(move |key| (about, key))
            });
            for (about, key) in keys.filter(|(_, key)| !key.contains(' ')) {
                if here.iter().any(|bound| bound.split(' ').next() == Some(&key)) {
                    continue;
                }
                let mut desk = desk_of(mode);
                let effects = desk.press(&key);
                let said = desk.state.message.as_ref().map(|message| message.text.clone()).unwrap_or_default();
                assert_eq!(effects, [], "{key} in {}", mode.0);
                assert!(
                    said.contains(" works ") && said.contains(mode.1.words()),
                    "{} in {}: {said}",
                    about.name,
                    mode.0
                );
            }
        }
    }
}

#[test]
fn what_was_left_unasked_while_the_daemon_was_away_is_asked_when_it_is_back() {
    let mut desk = desk_of(&MODES[2]);
    update(&mut desk.state, Input::Lost("the daemon is away".to_owned()));
    // Back to the queue, and drawn anew: both ask for the rows.
    desk.press("esc ctrl-l");
    let Reply::Welcome(welcome) = desk.inside(|inside| inside.answer(Request::Hello { version: VERSION }, None)) else {
        panic!("no welcome")
    };
    let effects = update(&mut desk.state, Input::Connected(welcome));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask(Request::Rows(_)))), "{effects:?}");
}

#[test]
fn a_redaction_that_the_daemon_may_not_have_is_sent_to_it_when_it_is_back() {
    for kept_before in [false, true] {
        let mut desk = desk_of(&MODES[3]);
        desk.press("d");
        if kept_before {
            // On its way, and never answered.
            let effects = update(&mut desk.state, Input::Paused);
            assert!(matches!(effects.as_slice(), [Effect::Ask(Request::KeepDraft { .. })]), "{effects:?}");
        }
        update(&mut desk.state, Input::Lost("the daemon is away".to_owned()));
        assert_eq!(update(&mut desk.state, Input::Paused), []);
        assert!(desk.state.has_unsaved_draft());
        let hello = Request::Hello { version: VERSION };
        let Reply::Welcome(welcome) = desk.inside(|inside| inside.answer(hello, None)) else { panic!("no welcome") };
        update(&mut desk.state, Input::Connected(welcome));
        let effects = update(&mut desk.state, Input::Paused);
        let kept = |effect: &Effect| matches!(effect, Effect::Ask(Request::KeepDraft { draft: Some(_), .. }));
        assert!(effects.iter().any(kept), "{effects:?}");
    }
}
