//! The commands as a script uses them: the real binary, its output and its exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod kit;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::Value;
use tempfile::TempDir;

use kit::extract::{self, row};

fn anteroom(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_anteroom")).env("ANTEROOM_DIR", dir).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The result of a pull whose output is no terminal: before it stand lines on how far it had come, each JSON too.
fn last_line(output: &Output) -> Value {
    let lines: Vec<Value> = said(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line["lines"].is_u64()), "{before:?}");
    last.clone()
}

/// A state folder with one entry that waits and one that does not. Nobody is named, so whoever runs the
/// tests acts as lead.
fn practice() -> TempDir {
    let dir = TempDir::new().unwrap();
    let feed = extract::write(
        &dir.path().join("extract"),
        &[row(1, 1, 0, "Domestic abuse disclosed, partner hits her. Cough."), row(2, 2, 1, "Flu jab given.")],
    );
    let settings = "[practice]\nods = \"Z99901\"\nname = \"Test\"\nclearing = \"unmeasured\"\n";
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    let pulled = anteroom(dir.path(), &["pull", &feed]);
    assert_eq!(pulled.status.code(), Some(0), "{pulled:?}");
    let result = last_line(&pulled);
    assert_eq!((result["new"].as_u64(), result["queued"].as_u64()), (Some(2), Some(1)));
    dir
}

/// A FHIR server that takes its time and has nothing.
fn slow_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            std::thread::sleep(Duration::from_millis(300));
            let body = r#"{"resourceType":"Bundle","type":"searchset"}"#;
            let date = "Date: Mon, 16 Nov 2026 07:00:00 GMT";
            let head = format!("HTTP/1.1 200 OK\r\n{date}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        }
    });
    base
}

#[test]
fn a_long_pull_says_how_far_it_has_come() {
    let dir = TempDir::new().unwrap();
    let pulled = anteroom(dir.path(), &["pull", &format!("fhir:{}", slow_server())]);
    assert_eq!(last_line(&pulled)["source"], "fhir", "{pulled:?}");
    // Eleven types, three tenths of a second each, and a line a second.
    assert!(said(&pulled).lines().count() >= 3, "{}", said(&pulled));
}

#[test]
fn a_script_pulls_lists_shows_decides_undoes_and_publishes() {
    let dir = practice();
    let queue = anteroom(dir.path(), &["queue", "--json"]);
    assert_eq!(queue.status.code(), Some(1), "something waits");
    let id = json(&queue)["rows"][0]["entry"].as_str().unwrap().to_owned();
    let shown = anteroom(dir.path(), &["show", &id[..6]]);
    assert!(said(&shown).contains("NASH Una") && said(&shown).contains("partner hits her"), "{}", said(&shown));
    let hidden = anteroom(dir.path(), &["decide", &id[..6], "hide", "--reason", "coercion"]);
    assert_eq!(hidden.status.code(), Some(0), "{hidden:?}");
    assert!(said(&hidden).contains("hidden"));
    assert_eq!(anteroom(dir.path(), &["queue"]).status.code(), Some(0), "nothing waits");
    assert_eq!(anteroom(dir.path(), &["undo", &id]).status.code(), Some(0));
    assert_eq!(anteroom(dir.path(), &["queue"]).status.code(), Some(1), "it waits again");
    let published = anteroom(dir.path(), &["publish", "--json"]);
    assert_eq!(json(&published)["in_feed"], 0, "the hold has not run out");
    let log = anteroom(dir.path(), &["audit", "list"]);
    for word in ["hid", "undid", "opened", "pulled", "batch left"] {
        assert!(said(&log).contains(word), "{word} is in the log: {}", said(&log));
    }
}

#[test]
fn wrong_use_is_one_sentence_and_exit_code_2() {
    let dir = practice();
    for arguments in [&["show", "ffffffffff"][..], &["decide", "0", "hide", "--reason", "because"], &["nonsense"]] {
        let output = anteroom(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    let unknown = anteroom(dir.path(), &["pull", "teletext:/tmp"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert_eq!(String::from_utf8(unknown.stderr).unwrap().lines().count(), 1);
}

#[test]
fn audit_verify_finds_a_changed_byte() {
    let dir = practice();
    let whole = anteroom(dir.path(), &["audit", "verify"]);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    let segment = std::fs::read_dir(dir.path().join("store/journal")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&segment).unwrap();
    // Somewhere in the middle of what has been written.
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in [written / 3, written / 2, written - 40] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(&segment, damaged).unwrap();
        let verdict = anteroom(dir.path(), &["audit", "verify"]);
        assert_eq!(verdict.status.code(), Some(1), "byte {at}: {verdict:?}");
        assert!(said(&verdict).contains("damaged"), "{}", said(&verdict));
    }
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(anteroom(dir.path(), &["audit", "verify"]).status.code(), Some(0));
}

#[test]
fn somebody_without_a_role_is_refused() {
    let dir = practice();
    std::fs::write(dir.path().join("users.toml"), kit::USERS).unwrap();
    let output = anteroom(dir.path(), &["queue"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("users.toml"));
}

#[test]
fn a_mistake_in_the_settings_names_file_and_line() {
    let dir = practice();
    std::fs::write(dir.path().join("practice.toml"), "[practice]\nods = \"Z99901\"\nname = 3\n").unwrap();
    let output = anteroom(dir.path(), &["status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("practice.toml, line 3"));
}

#[test]
fn no_clinical_word_and_no_name_leaves_through_status_or_errors() {
    let dir = practice();
    let mut all = said(&anteroom(dir.path(), &["status", "--json"]));
    all.push_str(&said(&anteroom(dir.path(), &["status"])));
    for arguments in [&["show", "zz"][..], &["undo", "0"], &["pull", "emis:/nowhere"]] {
        all.push_str(&String::from_utf8(anteroom(dir.path(), arguments).stderr).unwrap());
    }
    for word in ["NASH", "Nash", "Una", "partner", "Flu", "999000"] {
        assert!(!all.contains(word), "{word}: {all}");
    }
}

/// A PDF of one page with these words, and further objects from number 6 on; 6 may be drawn as `/X`.
fn pdf(words: &str, further: &[String]) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 720 Td ({words}) Tj ET /X Do");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> \
         /XObject << /X 6 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut starts = Vec::new();
    for (number, object) in objects.iter().chain(further).enumerate() {
        starts.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).into_bytes());
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", starts.len() + 1).into_bytes());
    starts.iter().for_each(|start| bytes.extend(format!("{start:010} 00000 n \n").into_bytes()));
    bytes.extend(
        format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", starts.len() + 1).into_bytes(),
    );
    bytes
}

/// Letters are read in a process of their own: one that would end the pull is held, and the others are read.
#[test]
fn the_words_of_a_pdf_are_screened_and_one_that_breaks_its_reader_is_held() {
    use base64::Engine;
    let dir = TempDir::new().unwrap();
    let logo = "<< /Type /XObject /Subtype /Image /Width 9 /Height 9 /Length 0 >>\nstream\n\nendstream".to_owned();
    // Drawing it draws itself, without end.
    let ring =
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >> /Length 5 >>\n\
                stream\n/X Do\nendstream"
            .to_owned();
    let letters = [
        ("a", pdf("Her partner hits her and she is afraid to go home.", std::slice::from_ref(&logo))),
        ("b", pdf("The knee is better and needs no further visit.", &[ring])),
        ("c", b"%PDF-1.7 cut off".to_vec()),
        ("d", pdf("The knee is better and needs no further visit.", &[logo])),
    ];
    let mut lines =
        vec![r#"{"resourceType":"Patient","id":"p","name":[{"family":"Nash","given":["Una"]}]}"#.to_owned()];
    for (id, bytes) in letters {
        let data = base64::engine::general_purpose::STANDARD.encode(bytes);
        lines.push(format!(
            r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","date":"2026-11-02T09:00:00Z","subject":{{"reference":"Patient/p"}},"type":{{"text":"Letter {id}"}},"content":[{{"attachment":{{"contentType":"application/pdf","data":"{data}"}}}}]}}"#
        ));
    }
    let folder = dir.path().join("letters");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("all.ndjson"), lines.join("\n")).unwrap();
    let pulled = anteroom(dir.path(), &["pull", &format!("fhir:{}", folder.display())]);
    assert_eq!(last_line(&pulled)["new"], 4, "{pulled:?}");
    let queue = json(&anteroom(dir.path(), &["queue", "--json"]));
    let row = |title: &str| queue["rows"].as_array().unwrap().iter().find(|row| row["title"] == title).unwrap();
    assert!(row("Letter a")["why"].to_string().contains("hits her"), "{queue}");
    for held in ["Letter b", "Letter c"] {
        assert_eq!((&row(held)["lane"], &row(held)["tier"]), (&"hold".into(), &4.into()), "{queue}");
    }
    // Drawn to be read, as everything is in a practice that has measured nothing yet: nothing was found in it.
    assert_eq!((&row("Letter d")["lane"], &row("Letter d")["tier"]), (&"clear".into(), &0.into()), "{queue}");
}

#[test]
fn keys_of_one_s_own_are_found_without_an_argument_and_all_mistakes_in_them_are_told() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("anteroom");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("keymap.toml");
    let keys = |variable: (&str, &Path)| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
        command.env_remove("ANTEROOM_KEYMAP").env_remove("ANTEROOM_MAP").env(variable.0, variable.1);
        command.arg("keys").output().unwrap()
    };
    // None is no mistake.
    assert!(keys(("XDG_CONFIG_HOME", home.path())).status.success());
    std::fs::write(&file, "map = \"vim\"\n[queue]\n\"z z\" = \"approve\"\n").unwrap();
    for found in [("XDG_CONFIG_HOME", home.path()), ("ANTEROOM_KEYMAP", file.as_path())] {
        let output = keys(found);
        assert!(output.status.success(), "{output:?}");
        assert!(
            said(&output).contains("| a  z z | Let the patient see") && said(&output).contains("d i s"),
            "{output:?}"
        );
    }
    std::fs::write(&file, "[queue]\n\"m\" = \"aprove\"\n\"b\" = \"hide\"\n[queu]\n").unwrap();
    let output = keys(("XDG_CONFIG_HOME", home.path()));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("line 2: there is no action “aprove”") && told.contains("line 4: there is no place"),
        "{told}"
    );
}

/// A day that was pulled and has not changed: why nothing comes is said, to eyes and to machines.
#[test]
fn a_day_pulled_again_says_that_nothing_in_it_is_new_and_when_it_was_pulled() {
    let dir = TempDir::new().unwrap();
    let day = chrono::Utc::now().with_timezone(&chrono_tz::Europe::London).format("%Y-%m-%d").to_string();
    extract::write(&dir.path().join("feeds").join(&day), &[row(1, 1, 0, "Cough.")]);
    let settings = format!(
        "[practice]\nods = \"Z99901\"\nname = \"Test\"\n[[source]]\nname = \"emis\"\nwhat = \"emis:{}/%Y-%m-%d\"\nat = \
         \"00:00\"\n",
        dir.path().join("feeds").display()
    );
    std::fs::write(dir.path().join("practice.toml"), settings).unwrap();
    let first = last_line(&anteroom(dir.path(), &["pull", "emis"]));
    assert_eq!((first["new"].as_u64(), first.get("pulled_before")), (Some(1), None));
    let again = last_line(&anteroom(dir.path(), &["pull", "emis"]));
    assert_eq!(again["parts"].as_u64(), Some(0));
    let at: chrono::DateTime<chrono::Utc> = serde_json::from_value(again["pulled_before"].clone()).unwrap();
    assert!(chrono::Utc::now() - at < chrono::Duration::minutes(5), "{again}");

    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 200, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_anteroom"));
    command.args(["pull", "emis"]);
    command.env("ANTEROOM_DIR", dir.path());
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut seen = Vec::new();
    // A terminal whose other end is gone may end with an error.
    let _ = std::io::Read::read_to_end(&mut reader, &mut seen);
    assert!(child.wait().unwrap().success());
    let (seen, on) = (String::from_utf8_lossy(&seen).into_owned(), at.with_timezone(&chrono_tz::Europe::London));
    let wanted = format!("these files were pulled before, on {}", on.format("%a %-d %b %Y %H:%M"));
    assert!(seen.contains(&wanted) && !seen.contains("no lines,"), "{seen}");
}
