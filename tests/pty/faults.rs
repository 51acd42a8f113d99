//! A fault in the program: the terminal is restored and says where, and nothing of a record.
//!
//! The program has no key for this. A process of this test binary shows the same screen, on a connection that
//! breaks down in the middle of it.

use anteroom::audit::Actor;
use anteroom::cli::demo;
use anteroom::cli::review::{ReviewArgs, show, within};
use tempfile::TempDir;

use super::named;
use super::terminal::{Start, Terminal};
use super::{ENTER, ENTRY, QUEUE};

const RECORD: &str = "Mrs DENBURY says he hit her";

/// Not a test: the screen, with a fault behind the key that changes places in the demonstration.
#[test]
#[ignore = "run by the tests of faults, in a terminal of their own"]
fn screen_with_a_fault() {
    let beside = std::env::var("FAULT").is_ok_and(|place| place == "beside");
    let dir = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shown = runtime.block_on(async {
        let (service, _) = demo::open(dir.path()).unwrap();
        service.pull_next(&Actor::system("pull")).unwrap();
        let connect = async |person: Option<Actor>| {
            match person {
                Some(_) if beside => drop(tokio::spawn(async { panic!("{RECORD}") }).await),
                Some(_) => panic!("{RECORD}"),
                None => {}
            }
            within(&service, "dr.shah").await
        };
        show(&ReviewArgs::default(), false, connect).await
    });
    panic!("the fault did not come: {shown:?}");
}

fn fault(place: &str) -> Terminal {
    let binary = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "faults::screen_with_a_fault", "--nocapture"];
    let mut terminal = Start::program(binary.to_str().unwrap(), &arguments).env("FAULT", place).open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    assert_ne!(named(&terminal.screen()), Vec::<String>::new());
    terminal.press("=");
    let (code, _) = terminal.wait_for_end();
    assert_ne!(code, 0);
    terminal
}

fn assert_nothing_of_the_record_is_left(terminal: &mut Terminal) {
    terminal.assert_restored();
    for said in [terminal.everything(), terminal.without_alternate_screen()] {
        assert!(said.contains("anteroom stopped because of a fault in the program at tests/pty/faults.rs"), "{said}");
        assert_eq!(named(&said), Vec::<String>::new(), "{said}");
        assert!(!said.contains("hit her") && !said.contains("did not come"), "{said}");
    }
}

#[test]
fn a_fault_of_the_screen_restores_the_terminal_and_tells_nothing_of_the_record() {
    assert_nothing_of_the_record_is_left(&mut fault("here"));
}

#[test]
fn a_fault_beside_the_screen_ends_it_too() {
    assert_nothing_of_the_record_is_left(&mut fault("beside"));
}
