//! However the program ends or is put aside, the terminal is as before and nothing of a record is on it. What does not end
//! spins or waits for ever; how fast it ends is measured by `cargo bench --bench line`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::terminal::{BINARY, PATIENCE, Start, Terminal};
use super::{CTRL_Z, ENTER, ENTRY, ESCAPE, QUEUE, demo_folder, named};

/// Nothing is left: not on the main screen, not above it, and not where there is no alternate screen either.
fn assert_nothing_is_left(terminal: &mut Terminal) {
    terminal.assert_restored();
    assert_eq!(terminal.everything().trim(), "");
    assert_eq!(terminal.without_alternate_screen().trim(), "", "on a terminal without an alternate screen");
    assert_eq!(demo_folder(terminal.home()), None, "what was done is gone");
}

fn with_an_entry_open() -> Terminal {
    let mut terminal = Start::demo().open();
    terminal.wait_for(QUEUE);
    terminal.press_for(ENTER, ENTRY);
    assert_ne!(named(&terminal.screen()), Vec::<String>::new(), "a name can be read");
    assert!(demo_folder(terminal.home()).is_some());
    terminal
}

#[test]
fn leaving_gives_the_terminal_back() {
    for keys in ["Q", "\x03"] {
        let mut terminal = with_an_entry_open();
        assert!(terminal.emulator().alternate_screen() && terminal.emulator().bracketed_paste());
        assert!(!terminal.is_cooked());
        terminal.press(keys);
        assert_eq!(terminal.wait_for_end().0, 0);
        assert_nothing_is_left(&mut terminal);
    }
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_given_back() {
    for signal in [Signal::TERM, Signal::HUP] {
        let mut terminal = with_an_entry_open();
        // With a redaction in the making, which is worth a moment.
        terminal.press_for("r", "REDACT");
        terminal.press("A");
        terminal.wait_without("0 of ");
        terminal.signal(signal);
        terminal.wait_for_end();
        assert_nothing_is_left(&mut terminal);
    }
}

/// Not a test: a terminal with the demonstration in it, which the test below kills.
#[test]
#[ignore = "run by closing_the_terminal_ends_the_program"]
fn terminal_to_be_closed() {
    let mut terminal = with_an_entry_open();
    println!("\nhome {}", terminal.home().display());
    // Closed while it is being used: a program that is just then reading finds the end of its keys.
    for width in (80..120).cycle() {
        terminal.press("j");
        terminal.resize(width, 24);
        terminal.watch(Duration::from_millis(1));
    }
}

#[test]
fn closing_the_terminal_ends_the_program() {
    let mut terminal = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "leaving::terminal_to_be_closed", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let said = lines.map(|line| line.unwrap()).find(|line| line.starts_with("home ")).expect("it started");
    let home = Path::new(said.trim_start_matches("home "));
    assert!(runs_in(home));
    // Like a terminal's window, or the sshd of a session whose line broke.
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    assert_ends(home);
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn the_end_of_the_shell_ends_the_program() {
    let mut terminal = Start::program("sh", &["-i"]).open();
    terminal.press(&format!("{BINARY} demo\r"));
    terminal.wait_for(QUEUE);
    // After having been put aside, with keys still on their way: whatever reads them must not outlive the rest.
    terminal.press(CTRL_Z);
    terminal.wait_for("Stopped");
    terminal.press_for("fg\r", QUEUE);
    terminal.resize(120, 40);
    terminal.wait_for("opens the text");
    assert!(runs_in(terminal.home()));
    terminal.signal(Signal::HUP);
    terminal.press("\rj");
    assert_ends(terminal.home());
}

fn assert_ends(home: &Path) {
    let begin = Instant::now();
    while runs_in(home) {
        assert!(begin.elapsed() < PATIENCE, "it still runs after {:?}", begin.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(demo_folder(home), None, "it left in good order");
}

/// Whether the program runs in a folder: nobody's child can be waited for.
fn runs_in(home: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let leads = |process: &Path, link: &str, to: &Path| std::fs::read_link(process.join(link)).is_ok_and(|at| at == to);
    processes.into_iter().any(|process| leads(&process, "cwd", home) && leads(&process, "exe", Path::new(BINARY)))
}

#[test]
fn put_aside_nothing_is_in_sight_and_brought_back_it_is_drawn_again() {
    // A shell with job control, as somebody who logs in has it.
    let mut terminal = Start::program("sh", &["-i"]).env("PS1", "ready> ").open();
    terminal.wait_for("ready>");
    terminal.press(&format!("{BINARY} demo\r"));
    terminal.wait_for(QUEUE);
    assert!(terminal.emulator().alternate_screen());
    terminal.press_for(ENTER, ENTRY);
    let drawn = terminal.screen();

    terminal.press(CTRL_Z);
    terminal.wait_until("the shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
    assert!(!terminal.emulator().hide_cursor() && !terminal.emulator().bracketed_paste());
    assert!(terminal.is_cooked());
    assert_eq!(named(&terminal.everything()), Vec::<String>::new());
    assert_eq!(named(&terminal.without_alternate_screen()), Vec::<String>::new(), "without an alternate screen");

    // Brought back, also at another size.
    terminal.press_for("fg\r", ENTRY);
    assert_eq!(terminal.screen(), drawn, "everything is drawn again");
    assert!(terminal.emulator().alternate_screen() && terminal.emulator().bracketed_paste());
    terminal.press(CTRL_Z);
    terminal.wait_until("the shell", |screen| screen.contents().matches("Stopped").count() == 2);
    terminal.resize(120, 40);
    terminal.press_for("fg\r", ENTRY);
    terminal.wait_until("both columns", |screen| screen.contents().contains(QUEUE));

    terminal.press_for(ESCAPE, "opens the text");
    terminal.press("q");
    terminal.wait_until("the shell", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>")
    });
    terminal.assert_restored();
    assert_eq!(named(&terminal.everything()), Vec::<String>::new());
}

#[test]
fn where_no_shell_would_bring_it_back_it_is_not_put_aside() {
    // What runs for a ForceCommand: a shell without job control, in whose group we are.
    let mut terminal = Start::program("sh", &["-c", &format!("{BINARY} demo; true")]).open();
    terminal.wait_for(QUEUE);
    terminal.press_for(CTRL_Z, "no shell");
    terminal.press_for(ENTER, ENTRY);
}
