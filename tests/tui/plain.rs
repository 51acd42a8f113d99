//! The same actions line by line.

use anteroom::audit::Role;
use anteroom::plain::{End, Options, run};
use anteroom::protocol::{Notice, Proposed, Request};
use anteroom::record::{Act, Flag, Handling, HideReason, PatientAct, Style};
use anteroom::tui::keymap::Keymap;
use tokio::task::LocalSet;

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{lead, practice, skim};

/// Says lines to a practice; gives what was answered, and how it ended.
fn said(daemon: &Daemon, ascii: bool, lines: &[&str]) -> (String, End) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut out = Vec::new();
    let options = Options { keymap: Keymap::named("default").unwrap(), ascii, prompts: false, idle: None };
    let lines: Vec<std::io::Result<String>> = lines.iter().map(|line| Ok((*line).to_owned())).collect();
    let end = LocalSet::new().block_on(&runtime, async {
        run(futures_util::stream::iter(lines), &mut out, async |person| daemon.connect(person).await, options).await
    });
    (String::from_utf8(out).unwrap(), end.unwrap())
}

fn decisions(daemon: &Daemon) -> Vec<Act> {
    let act = |request| if let Request::Decide { act, .. } = request { Some(act) } else { None };
    daemon.asked().into_iter().filter_map(act).collect()
}

#[test]
fn the_queue_is_told_and_an_entry_is_read_before_it_is_decided() {
    let daemon = Daemon::with(practice::day());
    let (told, end) = said(&daemon, false, &["approve", "open 1", "hide 3", "undo", "quit"]);
    assert!(told.contains("You are Dr Samir Rahman, clinician."), "{told}");
    assert!(told.contains("1. critical. HOLT Marie, F 34. Consultation, Dr Shah."), "{told}");
    assert!(told.contains("No entry is open: read it first"), "nothing is approved by its number alone: {told}");
    assert!(told.contains("Partner strangled her on Sunday[1]"), "matches are numbered where they end: {told}");
    assert!(told.contains("Hidden HOLT Marie, Consultation, until review 18 Feb."), "{told}");
    assert!(told.contains("OBI Daniel, M 9. Letter, CAMHS"), "the next one opens by itself: {told}");
    assert!(told.contains("Taken back: hidden HOLT Marie"), "{told}");
    assert_eq!(decisions(&daemon), [Act::Hide { reason: HideReason::Coercion }]);
    assert_eq!(end, End::Refused, "a script learns that something was refused");
}

#[test]
fn words_are_taken_out_by_match_or_by_name_with_what_would_be_shown() {
    let daemon = Daemon::with(practice::day());
    let lines =
        ["open", "redact", "take-all", "remove sister’s number.", "keep 3", "remove nonsense", "style", "decide"];
    let (told, _) = said(&daemon, false, &lines);
    assert!(told.contains("This is what Marie’s app would show, with words taken out silently:"), "{told}");
    assert!(told.contains("Think about: taken out here, still standing elsewhere: “sister”"), "{told}");
    assert!(told.contains("These words do not stand in the entry as you wrote them"), "{told}");
    let last = told.rsplit("This is what Marie’s app would show").next().unwrap();
    let shown = last.split("Think about").next().unwrap();
    assert!(!shown.contains("strangled") && shown.contains("Petechiae"), "{shown}");
    assert!(
        matches!(decisions(&daemon).as_slice(), [Act::Redact { style: Style::Marked, .. }]),
        "{:?}",
        decisions(&daemon)
    );
}

#[test]
fn keys_stand_for_actions_and_everything_else_is_said_to_be_none() {
    let daemon = Daemon::with(practice::day().split_off(7));
    let (told, end) = said(&daemon, false, &["frobnicate", "# a note", "k", "enter", "a", "list"]);
    assert!(told.contains("“frobnicate” is no action here"), "{told}");
    assert!(told.contains("“k” is no action here"), "{told}");
    assert!(told.contains("Approved BRIGGS Sam"), "{told}");
    assert!(told.contains("Nothing waits for you."), "{told}");
    assert_eq!((decisions(&daemon).len(), end), (1, End::Refused));
}

#[test]
fn lines_are_skimmed_and_pass_only_after_they_could_be_read() {
    let daemon = skim::day(3, 60_000);
    let (told, _) = said(&daemon, false, &["skim", "pass", "pick 1"]);
    assert!(
        told.contains(
            "1. PARK Ji-woo, F 52. Read by: app. Husband waits in the car, r/v 2/52. The words: waits in the car."
        ),
        "{told}"
    );
    assert!(told.contains("Too early: these lines count as read in 180 s"), "{told}");
    assert!(told.contains("Pulled into the queue: PARK Ji-woo."), "{told}");
    let daemon = skim::day(3, 0);
    let (told, _) = said(&daemon, false, &["skim", "pass"]);
    assert!(told.contains("3 lines passed, on to the hold."), "{told}");
}

#[test]
fn nothing_that_a_record_holds_moves_the_cursor_and_ascii_is_ascii() {
    let mut day = practice::day();
    day[0].row.patient_name = "HO\u{202e}LT \u{1b}[2JMarie".to_owned();
    day[0].version.parts[3].text.insert_str(0, "a\u{200b}b\u{1b}[31m ");
    day[0].screening.findings.clear();
    let daemon = Daemon::with(day);
    let (told, end) = said(&daemon, true, &["open 1", "log", "verify", "status", "find lewis", "help"]);
    assert!(told.is_ascii() && !told.contains('\u{1b}'), "{told}");
    assert!(told.contains("a<.>b^[[31m Sertraline") && told.contains("HO<RLO>LT"), "{told}");
    assert!(told.contains("The log is intact") && told.contains("LEWIS Kayleigh"), "{told}");
    assert_eq!(end, End::Done);
}

#[test]
fn a_lost_daemon_ends_it_with_its_sentence() {
    let daemon = Daemon::with(practice::day()).change(|inside| inside.away = true);
    daemon.notify(&Notice::QueueChanged);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let options = Options { keymap: Keymap::named("default").unwrap(), ascii: false, prompts: false, idle: None };
    let lines = futures_util::stream::iter(Vec::<std::io::Result<String>>::new());
    let ended = LocalSet::new().block_on(&runtime, async {
        run(lines, Vec::new(), async |person| daemon.connect(person).await, options).await
    });
    assert!(ended.unwrap_err().to_string().contains("closed the connection"));
}

#[test]
fn what_is_done_beside_deciding_is_said_in_words() {
    let daemon = lead::day().change(|inside| inside.role = Role::Lead);
    let lines = [
        "worklist",
        "worklist 2",
        "reopen",
        "reopen she asked for it",
        "record",
        "worklist 1",
        "approve",
        "approve both are right",
        "open 1",
        "considered 1",
        "considered this",
        "flags",
        "flags 3 agreed with her",
        "defer 3 letter is missing",
    ];
    let (told, _) = said(&daemon, false, &lines);
    assert!(told.contains("2. Hide to review. PARK Ji-woo: hidden until review"), "{told}");
    assert!(told.contains("Say reopen and a few words"), "{told}");
    assert!(told.contains("Whose? open an entry of the patient first"), "{told}");
    assert!(told.contains("You decide as the lead: say why behind it"), "{told}");
    assert!(told.contains("Approved HOLT Marie, Consultation"), "{told}");
    assert!(told.contains("The same words, 1: OBI Ruth, Consultation"), "{told}");
    assert!(told.contains("Named as considered: OBI Ruth."), "{told}");
    assert!(told.contains("3. may be made to show the record (dr.vik, 18 Nov 2026; dr.okafor asks to clear it: her sister rang): stands."), "{told}");
    assert!(told.contains("A second person must agree."), "{told}");
    let asked = daemon.asked();
    let handled: Vec<&Handling> = asked
        .iter()
        .filter_map(|asked| if let Request::Handle { handling, .. } = asked { Some(handling) } else { None })
        .collect();
    assert!(
        matches!(handled.as_slice(), [Handling::Reopen { .. }, Handling::Defer { why, .. }] if why == "letter is missing"),
        "{handled:?}"
    );
    assert!(asked.iter().any(|asked| matches!(asked, Request::Resolve { why, .. } if why == "both are right")));
    assert!(asked.iter().any(|asked| matches!(asked, Request::Patient { act: PatientAct::ClearFlag { .. }, .. })));
}

#[test]
fn several_entries_are_marked_and_hidden_together_after_their_number_is_said() {
    let daemon = Daemon::with(practice::day());
    let lines = [
        "hide 3", "mark 1 9", "mark 1", "mark 1 3", "mark", "hide 3", "decide 5", "hide 3", "back", "hide 3",
        "decide 2", "undo", "mark 1", "back", "mark",
    ];
    let (told, end) = said(&daemon, false, &lines);
    assert!(told.contains("No entry is open: say open and its number, or mark several"), "{told}");
    assert!(told.contains("There is no row of that number here"), "{told}");
    assert!(told.contains("No longer marked: HOLT Marie, Consultation."), "{told}");
    assert!(told.contains("2 entries are marked: HOLT M · Consultation; OBI R · Consultation."), "{told}");
    assert!(told.contains("2 entries to be hidden: The patient may be made to show the record."), "{told}");
    assert!(told.contains("These are 2: nothing is hidden"), "{told}");
    assert!(told.contains("Nothing is hidden; the marks are still there."), "{told}");
    assert!(told.contains("Hidden 2 entries. Say undo to take it back."), "{told}");
    assert!(told.contains("Taken back: hidden 2 entries. 2 of 2 wait again."), "{told}");
    assert!(told.contains("Nothing is marked any more."), "{told}");
    assert!(told.trim_end().ends_with("Nothing is marked: say mark and the numbers of rows."), "{told}");
    assert_eq!(decisions(&daemon), vec![Act::Hide { reason: HideReason::Coercion }; 2]);
    assert_eq!(daemon.asked().iter().filter(|asked| matches!(asked, Request::Undo { .. })).count(), 2);
    assert_eq!(end, End::Refused);
}

#[test]
fn all_of_a_patient_s_are_marked_and_what_the_daemon_refuses_is_named() {
    let daemon = Daemon::with(practice::day()).change(|inside| {
        let patient = inside.entries[0].row.patient;
        inside.entries[4].row.patient = patient;
        inside.refuses = Some("somebody was first to decide on this entry: open it again".to_owned());
    });
    let (told, _) = said(&daemon, false, &["mark-patient 1", "hide coercion", "decide 2"]);
    assert!(told.contains("2 entries are marked: HOLT M"), "{told}");
    assert!(told.contains("Somebody was first to decide") && told.contains("Not hidden: HOLT M"), "{told}");
    assert!(told.contains("Hidden 1 entry."), "{told}");
    assert_eq!(decisions(&daemon).len(), 2, "each is an act of its own");
}

#[test]
fn a_note_is_written_and_the_entry_goes_on_as_it_was() {
    let daemon = Daemon::with(practice::day());
    let (told, _) = said(&daemon, false, &["open 1", "take-all", "note", "note her sister rang", "decide", "undo"]);
    assert!(told.contains("Say note and a few words"), "{told}");
    assert!(told.contains("Noted for the next reader. It stays, and no patient ever sees it."), "{told}");
    assert!(matches!(decisions(&daemon).as_slice(), [Act::Redact { .. }]), "the redaction went on: {told}");
    let noted = |asked: &Request| matches!(asked, Request::Handle { handling: Handling::Note { text }, .. } if text == "her sister rang");
    assert!(daemon.asked().iter().any(noted));
    let (told, _) = said(&daemon, false, &["open 1"]);
    assert!(told.contains("dr.rahman noted: her sister rang"), "{told}");
}

#[test]
fn a_proposed_flag_is_refused_and_the_policy_is_told() {
    let daemon = Daemon::with(practice::day()).change(|inside| {
        inside.role = Role::Lead;
        inside.proposed = vec![Proposed { flag: Flag::HoldAll, why: "the record speaks of it".to_owned() }];
    });
    let (told, end) = said(&daemon, false, &["open 1", "record", "flags", "flags 2 it is not him", "policy"]);
    assert!(
        told.contains("Proposed: everything is held: the record speaks of it. Say flags to set or refuse it."),
        "{told}"
    );
    assert!(told.contains("2. not “everything is held”: does not stand. Refuse it."), "{told}");
    assert!(told.contains("hold-hours = 72") && told.contains("In force: 9f3ce07a55d2."), "{told}");
    let refused = |asked: &Request| matches!(asked, Request::Patient { act: PatientAct::RefuseFlag { why, .. }, .. } if why == "it is not him");
    assert!(daemon.asked().iter().any(refused));
    assert_eq!(end, End::Done);
}

#[test]
fn a_redaction_in_the_making_is_kept_after_each_step_and_gone_once_it_is_decided() {
    let daemon = Daemon::with(practice::day());
    let (told, _) = said(&daemon, false, &["open 1", "redact", "remove 1", "keep 1", "remove 2"]);
    let kept = |daemon: &Daemon| -> Vec<Option<usize>> {
        let draft = |asked| match asked {
            Request::KeepDraft { draft, .. } => Some(draft.map(|draft| draft.removals.len())),
            _ => None,
        };
        daemon.asked().into_iter().filter_map(draft).collect()
    };
    assert_eq!(kept(&daemon), [Some(1), None, Some(1)], "{told}");
    // Whoever comes back goes on with it.
    let (told, _) = said(&daemon, false, &["open 1", "redact", "decide"]);
    assert!(told.contains("A redaction of yours is half made: say redact to go on with it."), "{told}");
    assert!(matches!(decisions(&daemon).as_slice(), [Act::Redact { removals, .. }] if removals.len() == 1), "{told}");
    assert_eq!(kept(&daemon).last(), Some(&None));
}

#[test]
fn each_reader_s_view_is_told_in_turn() {
    let daemon = Daemon::with(practice::day());
    let (told, _) = said(&daemon, false, &["open 1", "take-all", "reader"]);
    assert!(told.contains("This is what Marie’s app would show"), "{told}");
    let second = told.split("This is what the mother’s app would show").nth(1).expect(&told);
    // Her login shows codes without free text.
    let second = second.split("That is reader 2 of 2").next().unwrap();
    assert!(second.contains("Anxiety states") && !second.contains("Poor sleep"), "{told}");
}

#[test]
fn what_must_be_known_is_told_once_and_again_when_asked_and_sentences_end_once() {
    let daemon = Daemon::with(practice::day()).change(|inside| {
        inside.alarms = vec!["the feed of Thursday did not come.".to_owned()];
        inside.entries[0].row.author = String::new();
        inside.entries[0].row.why = vec!["perpetrators.".to_owned(), "knocked on the door.".to_owned()];
    });
    let alarm = "Warning: the feed of Thursday did not come.\n";
    let (told, _) = said(&daemon, false, &["list", "open 1"]);
    assert_eq!(told.matches(alarm).count(), 1, "{told}");
    assert!(
        told.contains("F 34. Consultation. Waits 3h12, late. Read by: app. perpetrators; knocked on the door.\n"),
        "{told}"
    );
    for stumble in ["..", ".;", ", .", ",."] {
        assert!(!told.contains(stumble), "{stumble} in {told}");
    }
    let (told, _) = said(&daemon, false, &["alarms"]);
    assert_eq!(told.matches(alarm).count(), 2, "{told}");
}

#[test]
fn a_person_who_says_nothing_for_too_long_is_no_longer_there() {
    let ends = |idle: Option<u64>, demo: bool| {
        let daemon = Daemon::with(practice::day()).change(|inside| {
            let somebody = anteroom::audit::Actor { login: "dr.rahman".to_owned(), role: Role::Clinician };
            inside.people = Some(somebody).filter(|_| demo).into_iter().collect();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let idle = idle.map(std::time::Duration::from_millis);
        let options = Options { keymap: Keymap::named("default").unwrap(), ascii: false, prompts: true, idle };
        LocalSet::new().block_on(&runtime, async {
            let lines = futures_util::stream::pending::<std::io::Result<String>>();
            let run = run(lines, Vec::new(), async |person| daemon.connect(person).await, options);
            tokio::time::timeout(std::time::Duration::from_millis(500), run).await.ok().map(Result::unwrap)
        })
    };
    assert_eq!(ends(Some(10), false), Some(End::Idle));
    assert_eq!(ends(None, false), None, "a script takes its time");
    assert_eq!(ends(Some(10), true), None, "nobody is real in the demo");
}
